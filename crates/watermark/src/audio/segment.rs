//! A piece of sound as it is searched.

use std::ops::Range;

use super::bands::{Analyser, BandEnergies, HOP, Spectrogram};

/// Seconds that are searched together. Longer sound is searched piece by piece, so that memory does
/// not grow with it.
pub(crate) const PIECE: f64 = 30.0;
/// Seconds by which samples usually run ahead of the spectra: blocks are as long as decoders like.
const MARGIN: f64 = 1.0;
/// The pitch of stamped sound alone.
const STAMPED: (f64, f64) = (1.0, 1.0);

/// Samples of one channel, and their bands under the pitch that they were stamped with.
///
/// The bands under other pitches are made from the samples where they are asked for: kept, they
/// would take seven times as much as those of one.
#[derive(Clone)]
pub(crate) struct Segment {
    rate: f64,
    analyser: Analyser,
    /// From half a window before the piece on.
    samples: Vec<f32>,
    /// Whether samples are kept once the bands are known, for other pitches and for echoes.
    keeps: bool,
    /// Samples that were let go.
    gone: usize,
    stamped: Spectrogram,
    /// Whether the sound was turned round.
    backwards: bool,
}

impl Segment {
    /// The beginning of sound, before which is silence.
    pub(crate) fn new(rate: f64, keeps: bool) -> Self {
        let analyser = Analyser::new(rate);
        let stamped = Spectrogram::new(rate, analyser.len(), STAMPED, 0.0, (PIECE / HOP) as usize);
        // Room that is never written to costs nothing, growing by doubling would.
        let mut samples =
            Vec::with_capacity(if keeps { ((PIECE + MARGIN) * rate) as usize } else { 0 });
        samples.resize(analyser.len() / 2, 0.0);
        Self { rate, samples, analyser, keeps, gone: 0, stamped, backwards: false }
    }

    /// Number of spectra.
    pub(crate) fn len(&self) -> usize {
        self.stamped.len()
    }

    /// Seconds of the piece.
    pub(crate) fn seconds(&self) -> f64 {
        self.len() as f64 * HOP
    }

    /// Whether the piece is as long as pieces get.
    pub(crate) fn is_full(&self) -> bool {
        self.seconds() >= PIECE
    }

    pub(crate) fn push(&mut self, sample: f32) {
        self.samples.push(sample);
    }

    /// Takes the sound to end here.
    pub(crate) fn end(&mut self) {
        self.samples.resize(self.samples.len() + self.analyser.len(), 0.0);
    }

    /// First sample of the spectrum of such a number.
    fn begin(&self, number: usize) -> usize {
        ((number as f64 + 0.5) * HOP * self.rate) as usize - self.gone
    }

    /// Makes the spectra that the samples allow, until the piece is full.
    pub(crate) fn measure(&mut self) {
        while !self.is_full() {
            let begin = self.begin(self.len());
            let Some(samples) = self.samples.get(begin..begin + self.analyser.len()) else { break };
            self.stamped.push(self.analyser.power(samples));
        }
        if !self.keeps {
            let used = self.begin(self.len()).min(self.samples.len());
            self.samples.drain(..used);
            self.gone += used;
        }
    }

    /// Begins the next piece.
    pub(crate) fn next(&mut self) {
        let over = (self.seconds() * self.rate).round() as usize;
        self.samples.drain(..(over - self.gone).min(self.samples.len()));
        self.gone = 0;
        self.stamped.clear();
        self.backwards = false;
    }

    /// The bands of the whole piece under a pitch.
    pub(crate) fn energies(&self, pitch: f64) -> BandEnergies {
        if pitch == 1.0 {
            BandEnergies::new(&self.stamped, pitch)
        } else {
            BandEnergies::new(&self.spectra(0..self.len(), (pitch, pitch)), pitch)
        }
    }

    /// Some of the spectra made anew, for a range of pitches.
    pub(crate) fn spectra(&self, numbers: Range<usize>, pitches: (f64, f64)) -> Spectrogram {
        let mut analyser = self.analyser.clone();
        let mut spectrogram = Spectrogram::new(
            self.rate,
            analyser.len(),
            pitches,
            numbers.start as f64 * HOP,
            numbers.len(),
        );
        for number in numbers {
            let begin = self.begin(number);
            spectrogram.push(analyser.power(&self.samples[begin..begin + self.analyser.len()]));
        }
        spectrogram
    }

    /// From half a window before the piece on, as far as they are kept.
    pub(crate) fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// The same sound backwards.
    pub(crate) fn reversed(&self) -> Self {
        let mut segment = self.clone();
        let end =
            self.len().checked_sub(1).map_or(0, |last| self.begin(last) + self.analyser.len());
        segment.samples[..end].reverse();
        // The power of a spectrum does not tell which way time ran; that its window now lies half a
        // hop beside its place is less than is searched.
        segment.stamped.reverse();
        segment.backwards = !self.backwards;
        segment
    }

    /// Whether the sound was turned round.
    pub(crate) fn is_backwards(&self) -> bool {
        self.backwards
    }

    /// Changes the samples, and makes the spectra anew.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut [f32])) {
        change(&mut self.samples);
        self.stamped = self.spectra(0..self.len(), STAMPED);
    }
}
