//! Sound as samples, interleaved in 32-bit floats.

/// Sampling rates that can carry the mark, in hertz.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// Channels at most.
const CHANNELS: usize = 64;

/// Why sound cannot be marked or searched.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AudioError {
    /// The sampling rate is out of range.
    #[error("sound of {rate} Hz cannot carry the mark: 8000 to 192000 Hz can; resample it first")]
    Rate {
        /// Samples per second.
        rate: u32,
    },
    /// No channel, or too many.
    #[error("sound of {channels} channels cannot carry the mark: 1 to 64 can; mix it down first")]
    Channels {
        /// Number of channels.
        channels: usize,
    },
}

/// How samples come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Samples per second and channel, 8,000 to 192,000.
    pub rate: u32,
    /// Channels, interleaved in the usual order: left, right, centre, low frequency, back or side
    /// left, right, …
    pub channels: usize,
}

impl Format {
    /// Whether the mark can lie in sound of this kind.
    ///
    /// # Errors
    /// [`AudioError`] says what of it is out of range.
    pub fn check(self) -> Result<(), AudioError> {
        if !RATES.contains(&self.rate) {
            Err(AudioError::Rate { rate: self.rate })
        } else if self.channels == 0 || self.channels > CHANNELS {
            Err(AudioError::Channels { channels: self.channels })
        } else {
            Ok(())
        }
    }

    /// Weight of each channel in what is listened to: what players do to make one channel of many
    /// (ITU-R BS.775), low frequencies left out.
    pub fn mix(self) -> Mix {
        const SIDE: f32 = std::f32::consts::FRAC_1_SQRT_2;
        let mut weights = match self.channels {
            3 => vec![SIDE, SIDE, 0.0],
            4 => vec![SIDE, SIDE, 0.5, 0.5],
            5 => vec![SIDE, SIDE, 1.0, 0.5, 0.5],
            6.. => [vec![SIDE, SIDE, 1.0, 0.0], vec![0.5; self.channels - 4]].concat(),
            n => vec![1.0; n],
        };
        let sum: f32 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
        Mix(weights)
    }
}

/// Makes one channel of many.
#[derive(Clone)]
pub struct Mix(Vec<f32>);

impl Mix {
    /// The mixed sample of a frame; 0 where it is no number, which would spread through every
    /// window.
    pub fn of(&self, frame: &[f32]) -> f32 {
        let sum: f32 = frame.iter().zip(&self.0).map(|(s, m)| s * m).sum();
        if sum.is_finite() { sum } else { 0.0 }
    }
}
