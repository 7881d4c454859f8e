//! The meter: how much evidence the marked frames of a clip hold, for the marking side, which knows
//! the mark and where it lies.

use super::carrier::{Carrier, frame_scale};
use super::cells::gather;
use super::decimate::decimation;
use super::decode;
use super::evidence::Capacity;
use super::hypothesis::Projection;
use super::image::Image;
use super::inquiry::COARSE_LINES;
use super::options::Pace;
use super::residual::Residual;
use super::sync::{Orientation, Whitened};
use super::warp::Warp;
use crate::key::WatermarkKey;
use crate::mark::Mark;
use proofmark_core::video::{FrameShape, Luma};

/// Collects marked frames.
pub struct Meter {
    carrier: Carrier,
    mark: Mark,
    beneath: Option<Mark>,
    shape: FrameShape,
    residual: Residual,
    factor: usize,
    sum: Image,
    pace: Pace,
}

impl Meter {
    /// A meter for `mark`, on frames that may carry another one beneath it.
    pub fn new(key: &WatermarkKey, mark: Mark, beneath: Option<Mark>, shape: FrameShape) -> Self {
        let factor = decimation(shape.width.min(shape.height), COARSE_LINES);
        Self {
            carrier: Carrier::new(key),
            mark,
            beneath,
            shape,
            residual: Residual::new(factor),
            factor,
            sum: Image::default(),
            pace: Pace::default(),
        }
    }

    /// Whether the frame at `time` seconds is one to look at.
    pub fn wants(&self, time: f64) -> bool {
        self.pace.wants(time)
    }

    /// Takes in a marked frame. Frames of another size are passed over.
    pub fn push(&mut self, luma: &Luma<'_>, time: f64) {
        if (luma.width, luma.height) != (self.shape.width, self.shape.height) {
            return;
        }
        self.residual.add(luma, [(&mut self.sum, 1.0)]);
        self.pace.took(time);
    }

    /// What the frames carry.
    pub fn finish(mut self) -> Capacity {
        if self.sum.data.is_empty() {
            return Capacity::of_score(0.0);
        }
        self.residual.reliability(&self.sum).apply(&mut self.sum);
        let (sx, sy) = frame_scale(&self.shape);
        let warp = Warp::scaling(sx / self.factor as f32, sy / self.factor as f32);
        let score = Projection::new(&self.sum, self.factor, warp).map_or(0.0, |view| {
            let (x, y) = view.corner(Orientation::UPRIGHT);
            let beneath: Vec<Vec<f32>> =
                self.beneath.iter().map(|&mark| self.carrier.word(mark)).collect();
            // The reader takes the mark beneath away too.
            let periodic =
                Whitened::without(&view.readings, Orientation::UPRIGHT, (-x, -y), &beneath);
            let aperiodic = gather(&view.cells(), &self.carrier, (0, 0));
            let both = aperiodic.map_or(periodic.clone(), |aperiodic| periodic.with(&aperiodic));
            decode::score_of(&both, &self.carrier, self.mark)
        });
        Capacity::of_score(score)
    }
}
