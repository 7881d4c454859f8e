//! The small floating-point images that everything else works on.

use proofmark_core::video::{Luma, Samples};

use super::kernels;

/// A small image of 32-bit floats: H×W, row-major, without padding.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Image {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) data: Vec<f32>,
}

impl Image {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self { width, height, data: vec![0.0; width * height] }
    }

    /// Adds `factor` times an image of the same size; an empty one is made to fit.
    pub(crate) fn add(&mut self, other: &Self, factor: f32) {
        if self.data.is_empty() {
            *self = Self::new(other.width, other.height);
        }
        self.data.iter_mut().zip(&other.data).for_each(|(sum, v)| *sum += factor * v);
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.data.chunks_exact(self.width.max(1))
    }

    pub(crate) fn row(&self, y: usize) -> &[f32] {
        &self.data[y * self.width..(y + 1) * self.width]
    }

    pub(crate) fn row_mut(&mut self, y: usize) -> &mut [f32] {
        &mut self.data[y * self.width..(y + 1) * self.width]
    }

    /// Bilinear sample at pixel coordinates (pixel centres are integers); 0 outside.
    pub(crate) fn sample(&self, x: f32, y: f32) -> f32 {
        // Also false for what is no number.
        let inside =
            x >= 0.0 && y >= 0.0 && x < (self.width as f32 - 1.0) && y < (self.height as f32 - 1.0);
        if !inside {
            return 0.0;
        }
        // Truncation is the floor of what is not negative, and needs no call; 32 bits are converted
        // in one instruction.
        let (x0, y0) = (x as i32, y as i32);
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let i = y0 as usize * self.width + x0 as usize;
        let [a, b, .., c, d] = self.data[i..i + self.width + 2] else { return 0.0 };
        let top = a + fx * (b - a);
        let bottom = c + fx * (d - c);
        top + fy * (bottom - top)
    }
}

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
            decimate_rows(data, luma.stride, factor, scale, out, kernels::add_bytes)
        }
        Samples::U16(data) => decimate_rows(data, luma.stride, factor, scale, out, |row, sums| {
            row.iter().zip(sums).for_each(|(&v, s)| *s += u32::from(v))
        }),
    }
}

fn decimate_rows<T>(
    data: &[T],
    stride: usize,
    factor: usize,
    scale: f32,
    out: &mut Image,
    add: impl Fn(&[T], &mut [u32]),
) {
    let (width, height) = (out.width, out.height);
    let mut sums = vec![0u32; width * factor];
    for y in 0..height {
        sums.fill(0);
        for row in data[y * factor * stride..].chunks(stride).take(factor) {
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
