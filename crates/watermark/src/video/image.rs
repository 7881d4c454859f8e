//! The small floating-point images that everything else works on.

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
