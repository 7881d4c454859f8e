//! Following a known mark that moves: a picture that is zoomed, panned or shaken has it elsewhere
//! in every span.

use super::carrier::{Carrier, Pattern};
use super::hypothesis::{Detection, Match, Projection};
use super::sync::{Orientation, TranslationSearch, Whitened};
use super::warp::Warp;
use super::windows::Windows;
use crate::evidence::Span;
use crate::stats::PValue;

/// A place is straightened from this score on: chance gives the best of all places 4.6.
const WORTH_STRAIGHTENING: f32 = 5.0;
/// Score from which the mark counts as found again: among all places, straightened, one span in
/// 40,000 without a mark gets there.
const FOUND: f32 = 7.0;
/// A span that shows so many times its score, and so much more, when the mark in it is placed anew
/// had it on its way somewhere: in pictures that keep still plain spans gain a twentieth, which is
/// what straightening finds, and faint ones two or three.
const UNSTEADY: f32 = 1.15;
const NOISE: f32 = 4.0;

/// A mark, and how it lay where it was last found.
struct Follower {
    word: [Pattern; 1],
    key: usize,
    orientation: Orientation,
    /// −1 in an inverted picture.
    sign: f32,
    factor: usize,
    warp: Warp,
    translations: TranslationSearch,
}

impl Follower {
    /// The score of the mark in the sum of a span, if it is there: about as large and turned about
    /// as far as last time, wherever.
    fn find(&mut self, windows: &Windows, span: usize) -> Option<f32> {
        let sum = windows.sum(span);
        let view = Projection::new(&sum, self.factor, self.warp)?;
        let whitened = Whitened::new(&view.readings, self.orientation);
        let peak = self.translations.best(&whitened, &self.word);
        if self.sign * peak.z < WORTH_STRAIGHTENING {
            return None;
        }
        let matched =
            Match { key: self.key, orientation: self.orientation, whitened: &whitened, peak };
        let found = view.finding(matched, PValue::ONE);
        let found = view.rectify(found, &self.word, &mut self.translations, |_| PValue::ONE);
        let score = self.sign * found.peak.z;
        (score >= FOUND).then(|| {
            self.warp = found.warp;
            score
        })
    }
}

/// Looks for the mark of `finding` in the spans whose score at its place, in `scores`, is too low,
/// from span to span away from the best one; scores of those in which it is found are raised.
/// Whether the picture moved. `warp` and `factor` are those of the windows' sums.
pub(super) fn track(
    windows: &Windows,
    (factor, warp): (usize, &Warp),
    finding: &Detection,
    carrier: &Carrier,
    scores: &mut [f32],
) -> bool {
    let Some((identified, _)) = finding.identified else { return false };
    let Some(best) = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])) else {
        return false;
    };
    let (key, orientation, sign) = (finding.key, finding.orientation, finding.z().signum());
    // What other marks share with this one is left out.
    let word = [Pattern::new(carrier.code_word(identified.mark))];
    let mut tracker = Follower {
        word,
        key,
        orientation,
        sign,
        factor,
        warp: *warp,
        translations: TranslationSearch::new(),
    };
    let mut moved = false;
    let onwards: Vec<usize> = (best..scores.len()).collect();
    let back: Vec<usize> = (0..best).rev().collect();
    for spans in [onwards, back] {
        tracker.warp = *warp;
        for i in spans {
            if scores[i] >= Span::MARKED {
                tracker.warp = *warp;
            } else if let Some(score) = tracker.find(windows, i) {
                scores[i] = score;
                moved = true;
            }
        }
    }
    let lost =
        |i: Option<usize>| i.and_then(|i| scores.get(i)).is_some_and(|&z| z < Span::UNMARKED);
    // Where it was lost for good it may have moved too fast: then it did so before, too.
    moved
        || (0..scores.len())
            .filter(|&i| scores[i] >= Span::MARKED && (lost(i.checked_sub(1)) || lost(Some(i + 1))))
            .any(|i| {
                tracker.warp = *warp;
                tracker
                    .find(windows, i)
                    .is_some_and(|score| score > UNSTEADY * scores[i] && score > scores[i] + NOISE)
            })
}

#[cfg(test)]
mod tests {
    use crate::evidence::SpanState;
    use crate::key::WatermarkKey;
    use crate::video::noise::Noise;
    use crate::video::{
        DetectOptions, Detector, FrameShape, Luma, Marker, SampleFormat, Samples, Strength,
        VideoEvidence,
    };
    use proofmark_core::Payload;

    const SOURCE: FrameShape = FrameShape { width: 704, height: 400, pixel_aspect: 1.0 };
    const SHAPE: FrameShape = FrameShape { width: 640, height: 360, pixel_aspect: 1.0 };

    /// Three seconds of marked noise of so many bits, and of noise alone in frames that are not
    /// `marked`, cut out where `at` says.
    fn detect(
        bits: u32,
        at: impl Fn(usize) -> (usize, usize),
        marked: impl Fn(usize) -> bool,
    ) -> (VideoEvidence, Payload) {
        let (key, payload, mut noise) =
            (WatermarkKey::from_secret([5; 32], 0), Payload::random(), Noise::new(7));
        let mut marker = Marker::new(&key, payload, SOURCE, Strength::default()).unwrap();
        let mut detector = Detector::new(&key.into(), SHAPE, DetectOptions::default());
        for i in 0..45 {
            let mut source = noise.frame(SOURCE.width * SOURCE.height, bits);
            if marked(i) {
                marker.embed(&mut source, SOURCE.width);
            }
            let (x, y) = at(i);
            let samples = Samples::U8(&source[y * SOURCE.width + x..]);
            detector.push(
                &Luma {
                    samples,
                    width: SHAPE.width,
                    height: SHAPE.height,
                    stride: SOURCE.width,
                    format: SampleFormat::REFERENCE,
                },
                i as f64 / 15.0,
            );
        }
        (detector.finish(), payload)
    }

    fn states(evidence: &VideoEvidence) -> Vec<SpanState> {
        evidence.spans.iter().map(|s| s.state).collect()
    }

    #[test]
    fn a_picture_that_is_panned_is_marked_all_along() {
        let (evidence, payload) = detect(4, |i| (i * 64 / 45, 40 - i * 40 / 45), |_| true);
        assert_eq!(evidence.payload, Some(payload));
        assert!(evidence.geometry.unwrap().moving);
        assert_eq!(states(&evidence), [SpanState::Marked; 6]);
    }

    #[test]
    fn a_picture_that_is_shaken_is_read_from_one_frame() {
        let sway = |i: usize, speed: f32, most: f32| {
            (most / 2.0 * (1.0 + (i as f32 * speed).sin())) as usize
        };
        let (evidence, payload) = detect(4, |i| (sway(i, 2.1, 64.0), sway(i, 1.7, 40.0)), |_| true);
        assert_eq!(evidence.payload, Some(payload));
        assert!(evidence.geometry.unwrap().moving);
        // Where it goes too fast nothing is told; least of all that there is no mark.
        assert!(!states(&evidence).contains(&SpanState::Unmarked));
        assert_eq!(evidence.ranges.len(), 1);
        assert!(evidence.ranges[0].start == 0.0 && evidence.ranges[0].end > 2.9);
    }

    #[test]
    fn a_picture_that_keeps_still_is_unmarked_where_it_is() {
        let (evidence, payload) = detect(4, |_| (20, 10), |i| i < 16);
        assert_eq!(evidence.payload, Some(payload));
        assert!(!evidence.geometry.unwrap().moving);
        assert_eq!(states(&evidence)[2..], [SpanState::Unmarked; 4]);
        assert!((evidence.ranges[0].end - 1.07).abs() < 0.3, "{:?}", evidence.ranges);
    }
}
