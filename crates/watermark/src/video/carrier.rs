//! The carrier: a keyed pattern in two parts, defined by their spectra. In the *periodic* part one
//! tile repeats over the frame; in the *aperiodic* part each cell, the place of one repetition, has
//! a tile of its own, with the same word under other signs.
//!
//! A tile is [`TILE`]² at 360-line scale. Each complex coefficient of the annulus
//! [`BAND_LOW`]..[`BAND_HIGH`] carries two real *dimensions*, each with a sign. A keyed permutation
//! gives [`SYNC_DIMENSIONS`] of them to the sync pattern, known from the key and the sub-pattern
//! alone, and the rest to the code word.

use std::sync::LazyLock;

use realfft::num_complex::Complex32;

use super::image::Image;
use super::spectrum::wrapped;
use super::tile::{BAND_HIGH, BAND_LOW, TILE, TileFft};
use crate::fec::PolarCode;
use crate::key::WatermarkKey;
use crate::mark::{GENERATIONS, Generation, Mark};
use crate::message::{CODED_BITS, Message};
use proofmark_core::video::FrameShape;

/// Amplitude grows with this power of frequency: the host falls off with frequency, so an even mark
/// would spend most of its visibility where the host is loudest. Measured against 0 and −0.7 at
/// equal PSNR: more evidence after every codec, and less VMAF lost.
const TILT: f32 = 0.7;
/// Lines at which the tile keeps its size in pixels: a smaller frame would push the band past the
/// Nyquist limit.
const LEAST_LINES: f32 = 192.0;
/// Signal-to-noise power ratio per code dimension at which reading begins to succeed.
const THRESHOLD_SNR: f64 = 0.18;
/// Share of the dimensions that carry sync: a sixth. More would find weak marks a little earlier,
/// and leave the code less.
const SYNC_SHARE: usize = 6;

/// Share of the power in the periodic part, which repeats from tile to tile and by which a picture
/// is found that was moved. The rest lies in the aperiodic part, under signs that differ from cell
/// to cell, which nobody averages out of one clip.
const PERIODIC: f32 = 0.7;
/// Rows and columns of cells that have signs of their own; a longer picture begins again.
pub(crate) const CELLS: usize = 8;

/// Lattice points (ky, kx) of the band's half plane, in cycles per tile: 966 of them.
pub(crate) static POINTS: LazyLock<Vec<(i32, i32)>> = LazyLock::new(|| {
    let reach = (BAND_HIGH * TILE as f32).ceil() as i32;
    let half_plane = (-reach..=reach)
        .flat_map(|ky| (0..=reach).map(move |kx| (ky, kx)))
        .filter(|&(ky, kx)| kx > 0 || ky > 0);
    half_plane
        .filter(|&(ky, kx)| {
            let r = ((ky * ky + kx * kx) as f32).sqrt() / TILE as f32;
            (BAND_LOW..BAND_HIGH).contains(&r)
        })
        .collect()
});

/// The error-correcting code over all code dimensions.
pub(crate) static CODE: LazyLock<PolarCode> =
    LazyLock::new(|| PolarCode::new(CODED_BITS, dimensions() - sync_dimensions(), THRESHOLD_SNR));

/// Number of real dimensions: two per lattice point.
pub(crate) fn dimensions() -> usize {
    2 * POINTS.len()
}

/// Number of dimensions that carry the sync pattern.
pub(crate) fn sync_dimensions() -> usize {
    dimensions() / SYNC_SHARE
}

/// Size of a tile pixel in frame pixels for a frame whose short side is `lines` long.
pub(crate) fn tile_scale(lines: f32) -> f32 {
    lines.max(LEAST_LINES) / 360.0
}

/// Sizes of a tile pixel in stored pixels, across and down, for a mark that was made for this
/// shape.
pub(crate) fn frame_scale(shape: &FrameShape) -> (f32, f32) {
    let scale = tile_scale(shape.short_side());
    (scale / shape.aspect(), scale)
}

/// A pattern that is looked for wherever it may lie: the sync pattern, or a whole word.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The sign (±1) of each dimension, 0 for those that it does not have.
    pub(crate) signs: Vec<f32>,
    /// The lattice points at which it has any, as places in [`POINTS`].
    pub(crate) points: Vec<usize>,
}

impl Pattern {
    /// From signs by dimension.
    pub(crate) fn new(signs: Vec<f32>) -> Self {
        let points = signs
            .chunks_exact(2)
            .enumerate()
            .filter(|(_, s)| s.iter().any(|&v| v != 0.0))
            .map(|(i, _)| i)
            .collect();
        Self { signs, points }
    }

    /// Its value at one of its points.
    pub(crate) fn at(&self, point: usize) -> Complex32 {
        Complex32::new(self.signs[2 * point], self.signs[2 * point + 1])
    }
}

/// The keyed part of the carrier for one key: which dimensions do what, and every dimension's sign.
#[derive(Debug)]
pub(crate) struct Carrier {
    /// Dimensions of the sync pattern.
    pub(crate) sync: Vec<usize>,
    /// Dimensions of the code word, in code order.
    pub(crate) code: Vec<usize>,
    /// Per sub-pattern, the sign (±1) of each dimension.
    signs: Vec<Vec<f32>>,
    /// Per generation, what multiplies the signs of the code dimensions, in code order: the layers
    /// share the sync pattern, so that none costs the search anything.
    layers: Vec<Vec<f32>>,
    /// Per cell, row by row, what multiplies the signs of all dimensions in the aperiodic part.
    cells: Vec<Vec<f32>>,
}

impl Carrier {
    pub(crate) fn new(key: &WatermarkKey) -> Self {
        let order = key.sequence("picture dimensions").permutation(dimensions());
        let (sync, code) = order.split_at(sync_dimensions());
        let mut sequence = key.sequence("picture signs");
        let sign = |b: bool| if b { -1.0 } else { 1.0 };
        let signs = (0..crate::message::SUBPATTERNS)
            .map(|_| sequence.bits(dimensions()).into_iter().map(sign).collect())
            .collect();
        let mut sequence = key.sequence("picture layers");
        // The first layer leaves the signs as they are.
        let flips = |g: usize| {
            if g == 0 {
                vec![1.0; code.len()]
            } else {
                sequence.bits(code.len()).into_iter().map(sign).collect()
            }
        };
        let layers = (0..GENERATIONS).map(flips).collect();
        let mut sequence = key.sequence("picture cells");
        let cells = (0..CELLS * CELLS)
            .map(|_| sequence.bits(dimensions()).into_iter().map(sign).collect())
            .collect();
        Self { sync: sync.to_vec(), code: code.to_vec(), signs, layers, cells }
    }

    /// Keyed signs of sub-pattern `j`, by dimension.
    pub(crate) fn signs(&self, j: usize) -> &[f32] {
        &self.signs[j % self.signs.len()]
    }

    /// The signs of sub-pattern `j` in the dimensions that carry sync, 0 in the others.
    pub(crate) fn sync_word(&self, j: usize) -> Vec<f32> {
        let mut word = vec![0.0; dimensions()];
        self.sync.iter().for_each(|&d| word[d] = self.signs(j)[d]);
        word
    }

    /// The values of the code dimensions, in code order, freed from the signs of sub-pattern `j`
    /// and of a generation.
    pub(crate) fn code_values(&self, values: &[f32], j: usize, generation: Generation) -> Vec<f32> {
        let (signs, layer) = (self.signs(j), &self.layers[generation.layer() % GENERATIONS]);
        self.code.iter().zip(layer).map(|(&d, flip)| values[d] * signs[d] * flip).collect()
    }

    /// The sync pattern of each sub-pattern.
    pub(crate) fn sync_patterns(&self) -> Vec<Pattern> {
        (0..self.signs.len()).map(|j| Pattern::new(self.sync_word(j))).collect()
    }

    /// The signs that carry `mark`, by dimension: dimension 2i is the real part at point i, 2i + 1
    /// the imaginary.
    pub(crate) fn word(&self, mark: Mark) -> Vec<f32> {
        let j = mark.payload.subpattern();
        let mut word = self.sync_word(j);
        let (signs, layer) = (self.signs(j), &self.layers[mark.generation.layer() % GENERATIONS]);
        for ((&d, flip), negative) in
            self.code.iter().zip(layer).zip(CODE.encode(&mark.payload.coded_bits()))
        {
            word[d] = signs[d] * if negative { -flip } else { *flip };
        }
        word
    }

    /// The signs of [`Self::word`] in the dimensions that carry the code word, 0 in the others:
    /// what no other mark shares, of the same sub-pattern or not.
    pub(crate) fn code_word(&self, mark: Mark) -> Vec<f32> {
        let mut word = self.word(mark);
        self.sync.iter().for_each(|&d| word[d] = 0.0);
        word
    }

    /// What multiplies the signs of all dimensions in the cell of a row and a column.
    pub(crate) fn cell(&self, row: i32, column: i32) -> &[f32] {
        &self.cells[wrapped(row, CELLS) * CELLS + wrapped(column, CELLS)]
    }

    /// The tile that carries a word: [`TILE`]², row-major, root mean square 1.
    fn tile_of(fft: &mut TileFft, word: &[f32]) -> Vec<f32> {
        let value = |(&(ky, kx), s): (&(i32, i32), &[f32])| {
            let gain = ((ky * ky + kx * kx) as f32).powf(TILT / 2.0);
            ((ky, kx), Complex32::new(s[0], s[1]) * gain)
        };
        let mut tile = fft.synthesise(POINTS.iter().zip(word.chunks_exact(2)).map(value));
        let rms = (tile.iter().map(|v| v * v).sum::<f32>() / tile.len() as f32).sqrt();
        tile.iter_mut().for_each(|v| *v /= rms);
        tile
    }

    /// What is added to a picture of `width`×`height` at tile scale, root mean square 1.
    pub(crate) fn pattern(&self, mark: Mark, width: usize, height: usize) -> Image {
        let [both, _] = self.parts(mark, width, height);
        both
    }

    /// The same, and the aperiodic part of it alone.
    pub(crate) fn parts(&self, mark: Mark, width: usize, height: usize) -> [Image; 2] {
        let word = self.word(mark);
        let mut fft = TileFft::new();
        let tile = Self::tile_of(&mut fft, &word);
        let (periodic, aperiodic) = (PERIODIC.sqrt(), (1.0 - PERIODIC).sqrt());
        let (mut both, mut alone) = (Image::new(width, height), Image::new(width, height));
        for (row, top) in (0..height).step_by(TILE).enumerate() {
            for (column, left) in (0..width).step_by(TILE).enumerate() {
                let signs = self.cell(row as i32, column as i32);
                let own: Vec<f32> = word.iter().zip(signs).map(|(w, s)| w * s).collect();
                let own = Self::tile_of(&mut fft, &own);
                let columns = left..width.min(left + TILE);
                for y in top..height.min(top + TILE) {
                    let at = (y - top) * TILE;
                    let both = &mut both.row_mut(y)[columns.clone()];
                    let alone = &mut alone.row_mut(y)[columns.clone()];
                    for (((b, a), t), c) in
                        both.iter_mut().zip(alone).zip(&tile[at..]).zip(&own[at..])
                    {
                        *a = aperiodic * c;
                        *b = periodic * t + *a;
                    }
                }
            }
        }
        [both, alone]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proofmark_core::Payload;

    #[test]
    fn the_band_has_the_designed_size() {
        assert_eq!(POINTS.len(), 966);
        assert_eq!(CODE.len(), 1932 - 322);
    }

    #[test]
    fn patterns_of_different_payloads_and_keys_are_nearly_orthogonal() {
        let dot = |a: &[f32], b: &[f32]| {
            a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>() / a.len() as f32
        };
        let (a, b) = (
            Carrier::new(&WatermarkKey::from_secret([1; 32], 0)),
            Carrier::new(&WatermarkKey::from_secret([2; 32], 0)),
        );
        let (p, q) = (Payload::random(), Payload::random());
        let pattern = |carrier: &Carrier, mark| carrier.pattern(mark, 2 * TILE, TILE).data;
        let base = pattern(&a, p.into());
        // The two parts have a little in common, or against each other.
        assert!((dot(&base, &base) - 1.0).abs() < 0.1);
        // The sync pattern is a sixth of the power and is shared when the sub-patterns agree; the
        // code word may lean a little either way.
        assert!(dot(&base, &pattern(&a, q.into())) < 0.4);
        assert!(
            dot(&base, &pattern(&a, Mark { payload: p, generation: Generation::FIRST.next() }))
                < 0.4
        );
        assert!(dot(&base, &pattern(&b, p.into())).abs() < 0.15);
    }
}
