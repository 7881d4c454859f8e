//! How far marked luma is from the original: PSNR and SSIM.

use proofmark_core::video::{Luma, Samples};

/// Side of the blocks that windows are made of: windows of 8×8 pixels, one every 4 pixels, are 2×2
/// blocks.
const BLOCK: usize = 4;

/// Distortion of luma over the frames of a clip.
///
/// PSNR is that of the mean squared error of all frames. SSIM is the mean over uniform 8×8 windows,
/// four pixels apart, of Z. Wang, A. C. Bovik, H. R. Sheikh and E. P. Simoncelli, "Image quality
/// assessment: from error visibility to structural similarity", 2004, doi:10.1109/TIP.2003.819861,
/// equation 13, with the constants given there. Both take the whole range of the samples as peak.
#[derive(Clone, Debug, Default)]
pub struct Distortion {
    original: Vec<u16>,
    changed: Vec<u16>,
    /// Sum of squared errors in units of the squared peak, and of how many samples.
    error: f64,
    samples: usize,
    /// Sum of the similarities of windows, and of how many.
    similarity: f64,
    windows: usize,
}

impl Distortion {
    /// Takes in a frame as it was.
    pub fn before(&mut self, luma: &Luma<'_>) {
        copy(luma, &mut self.original);
    }

    /// Takes in the same frame as it became, and compares. A frame of another size is passed over.
    pub fn after(&mut self, luma: &Luma<'_>) {
        copy(luma, &mut self.changed);
        if self.original.len() != self.changed.len() {
            return;
        }
        let peak = f64::from((1u32 << luma.format.depth.clamp(8, 16)) - 1);
        let squares: u64 = self
            .original
            .iter()
            .zip(&self.changed)
            .map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2))
            .sum();
        self.error += squares as f64 / (peak * peak);
        self.samples += self.original.len();
        let rows: Vec<Vec<Sums>> = self
            .original
            .chunks_exact(BLOCK * luma.width)
            .zip(self.changed.chunks_exact(BLOCK * luma.width))
            .map(|(a, b)| block_row(a, b, luma.width))
            .collect();
        for pair in rows.windows(2) {
            for (upper, lower) in pair[0].windows(2).zip(pair[1].windows(2)) {
                self.similarity += similarity(&[upper, lower].concat(), peak);
                self.windows += 1;
            }
        }
    }

    /// Peak signal-to-noise ratio in dB; infinite if nothing changed.
    #[must_use]
    pub fn psnr(&self) -> f64 {
        -10.0 * (self.error / self.samples as f64).log10()
    }

    /// Structural similarity, at most 1.
    #[must_use]
    pub fn ssim(&self) -> f64 {
        self.similarity / self.windows as f64
    }
}

/// The plane without padding.
fn copy(luma: &Luma<'_>, out: &mut Vec<u16>) {
    out.clear();
    match luma.samples {
        Samples::U8(data) => data
            .chunks(luma.stride)
            .take(luma.height)
            .for_each(|r| out.extend(r.iter().take(luma.width).map(|&v| u16::from(v)))),
        Samples::U16(data) => data
            .chunks(luma.stride)
            .take(luma.height)
            .for_each(|r| out.extend(r.iter().take(luma.width))),
    }
}

/// Σa, Σb, Σa² + Σb², Σab of a block.
type Sums = [u64; 4];

fn block_row(a: &[u16], b: &[u16], width: usize) -> Vec<Sums> {
    let mut row = vec![[0; 4]; width / BLOCK];
    for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
        for (sums, (a, b)) in row.iter_mut().zip(a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK))) {
            for (&a, &b) in a.iter().zip(b) {
                let (a, b) = (u64::from(a), u64::from(b));
                *sums = [sums[0] + a, sums[1] + b, sums[2] + a * a + b * b, sums[3] + a * b];
            }
        }
    }
    row
}

/// Equation 13 over the blocks of a window.
fn similarity(blocks: &[Sums], peak: f64) -> f64 {
    let n = (blocks.len() * BLOCK * BLOCK) as f64;
    let mean = |i: usize| blocks.iter().map(|s| s[i]).sum::<u64>() as f64 / n;
    let (a, b) = (mean(0), mean(1));
    // Variances and covariance are those of a sample, hence n − 1.
    let unbiased = n / (n - 1.0);
    let variances = (mean(2) - a * a - b * b) * unbiased;
    let covariance = (mean(3) - a * b) * unbiased;
    let (c1, c2) = ((0.01 * peak).powi(2), (0.03 * peak).powi(2));
    (2.0 * a * b + c1) * (2.0 * covariance + c2) / ((a * a + b * b + c1) * (variances + c2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::video::SampleFormat;

    fn compare(width: usize, before: &[u8], after: &[u8]) -> Distortion {
        let luma = |data| Luma {
            samples: Samples::U8(data),
            width,
            height: before.len() / width,
            stride: width,
            format: SampleFormat::REFERENCE,
        };
        let mut distortion = Distortion::default();
        distortion.before(&luma(before));
        distortion.after(&luma(after));
        distortion
    }

    /// A texture without period.
    fn texture(n: usize) -> Vec<u8> {
        (0..n).map(|i| 60 + ((i * i * 7 + i / 3) % 97) as u8).collect()
    }

    #[test]
    fn identical_frames_are_at_infinity_and_one() {
        let frame = texture(32 * 24);
        let same = compare(32, &frame, &frame);
        assert_eq!((same.psnr(), same.windows), (f64::INFINITY, 7 * 5));
        assert!((same.ssim() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn an_error_of_one_level_is_48_13_db() {
        let frame = texture(32 * 24);
        let brighter: Vec<u8> = frame.iter().map(|v| v + 1).collect();
        assert!((compare(32, &frame, &brighter).psnr() - 48.1308).abs() < 1e-4);
    }

    #[test]
    fn flat_frames_differ_in_luminance_alone() {
        // (2ab + C1) / (a² + b² + C1), C1 = (0.01 · 255)².
        let ssim = compare(16, &[100; 256], &[120; 256]).ssim();
        assert!((ssim - 24006.5025 / 24406.5025).abs() < 1e-9, "{ssim}");
    }

    #[test]
    fn an_inverted_texture_is_dissimilar() {
        let frame: Vec<u8> = texture(32 * 24);
        let inverted: Vec<u8> = frame.iter().map(|v| 216 - v).collect();
        assert!(compare(32, &frame, &inverted).ssim() < -0.5);
    }

    #[test]
    fn depth_and_padding_do_not_matter() {
        let (before, after) = (texture(32 * 24), texture(32 * 25)[32..].to_vec());
        let eight = compare(32, &before, &after);
        // Sixteen bits: 257 times eight, peak included; 40 samples a row.
        let wide = |data: &[u8]| {
            data.chunks(32)
                .flat_map(|r| r.iter().map(|&v| u16::from(v) * 257).chain([9; 8]))
                .collect::<Vec<u16>>()
        };
        let (before, after) = (wide(&before), wide(&after));
        let format = SampleFormat { depth: 16, full_range: true };
        let mut sixteen = Distortion::default();
        sixteen.before(&Luma {
            samples: Samples::U16(&before),
            width: 32,
            height: 24,
            stride: 40,
            format,
        });
        sixteen.after(&Luma {
            samples: Samples::U16(&after),
            width: 32,
            height: 24,
            stride: 40,
            format,
        });
        assert!(
            (eight.psnr() - sixteen.psnr()).abs() < 1e-9
                && (eight.ssim() - sixteen.ssim()).abs() < 1e-9
        );
    }
}
