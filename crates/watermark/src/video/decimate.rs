//! Small images of large frames.

use proofmark_core::video::{Luma, Samples};

use super::image::Image;
use super::kernels;

/// Decimation that leaves at least `lines` lines of a short side of `short` pixels.
pub(crate) fn decimation(short: usize, lines: usize) -> usize {
    (short / lines).max(1)
}

/// Averages `factor`×`factor` pixels into one, in reference grey levels. Remaining rows and columns
/// are dropped.
pub(crate) fn decimate(luma: &Luma<'_>, factor: usize, out: &mut Image) {
    out.width = luma.width / factor;
    out.height = luma.height / factor;
    out.data.resize(out.width * out.height, 0.0);
    let scale = 1.0 / (luma.format.steps_per_level() * (factor * factor) as f32);
    match luma.samples {
        Samples::U8(data) => {
            Rows { data, stride: luma.stride }.decimate(factor, scale, out, kernels::add_bytes)
        }
        Samples::U16(data) => {
            Rows { data, stride: luma.stride }.decimate(factor, scale, out, |row, sums| {
                row.iter().zip(sums).for_each(|(&v, s)| *s += u32::from(v))
            })
        }
    }
}

/// The rows of a picture, each with what pads it.
struct Rows<'a, T> {
    data: &'a [T],
    /// Samples from one row to the next.
    stride: usize,
}

impl<T> Rows<'_, T> {
    /// Averages into an image of the right size. `add` adds a row to sums, and `scale` is what a
    /// sum of `factor`×`factor` samples is multiplied by.
    fn decimate(&self, factor: usize, scale: f32, out: &mut Image, add: impl Fn(&[T], &mut [u32])) {
        let (width, height) = (out.width, out.height);
        let mut sums = vec![0u32; width * factor];
        for y in 0..height {
            sums.fill(0);
            for row in self.data[y * factor * self.stride..].chunks(self.stride).take(factor) {
                add(row, &mut sums);
            }
            let line = out.row_mut(y);
            match factor {
                1 => line.iter_mut().zip(&sums).for_each(|(o, &s)| *o = s as f32 * scale),
                2 => line
                    .iter_mut()
                    .zip(sums.chunks_exact(2))
                    .for_each(|(o, s)| *o = (s[0] + s[1]) as f32 * scale),
                4 => line
                    .iter_mut()
                    .zip(sums.chunks_exact(4))
                    .for_each(|(o, s)| *o = (s[0] + s[1] + s[2] + s[3]) as f32 * scale),
                _ => line
                    .iter_mut()
                    .zip(sums.chunks_exact(factor))
                    .for_each(|(o, s)| *o = s.iter().sum::<u32>() as f32 * scale),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proofmark_core::video::SampleFormat;

    use super::*;

    #[test]
    fn depth_and_range_do_not_change_levels() {
        let eight: Vec<u8> = (0..64).collect();
        let ten: Vec<u16> = (0..64).map(|v| v * 4).collect();
        let mut a = Image::default();
        let mut b = Image::default();
        let view = |samples, depth| Luma {
            samples,
            width: 8,
            height: 8,
            stride: 8,
            format: SampleFormat { depth, full_range: false },
        };
        decimate(&view(Samples::U8(&eight), 8), 2, &mut a);
        decimate(&view(Samples::U16(&ten), 10), 2, &mut b);
        assert_eq!(a, b);
        assert_eq!(a.data[0], 4.5);
    }
}
