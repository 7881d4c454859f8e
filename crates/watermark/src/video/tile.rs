//! The tile: its size, its band, and the transform that makes one from its spectrum.

use realfft::num_complex::Complex32;

use super::image::Image;
use super::spectrum::RealFft2;

/// Side of the tile, in pixels at 360-line scale. A larger one would leave a crop fewer repetitions
/// to find the lattice by, a smaller one fewer dimensions to the code.
pub(crate) const TILE: usize = 128;
/// Lower edge of the band, in cycles per pixel at 360 lines. Below, the host's own energy drowns
/// the mark.
pub(crate) const BAND_LOW: f32 = 0.05;
/// Upper edge of the band. Above, video codecs leave little.
pub(crate) const BAND_HIGH: f32 = 0.20;

/// The transform of one tile.
pub(crate) struct TileFft {
    fft: RealFft2,
    spectrum: Vec<Complex32>,
    image: Image,
}

impl TileFft {
    pub(crate) fn new() -> Self {
        Self {
            fft: RealFft2::new(TILE, TILE).within(BAND_HIGH),
            spectrum: Vec::new(),
            image: Image::default(),
        }
    }

    /// The tile with the given values at lattice points of the half plane (and their conjugates
    /// opposite), unnormalised.
    pub(crate) fn synthesise(
        &mut self,
        values: impl Iterator<Item = ((i32, i32), Complex32)>,
    ) -> Vec<f32> {
        self.fft.fill(&mut self.spectrum, values);
        self.fft.inverse(&mut self.spectrum, &mut self.image);
        self.image.data.clone()
    }
}
