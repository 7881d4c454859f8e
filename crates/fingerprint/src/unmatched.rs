//! When a clip shows what the one that it is a copy of does not, and when it surely shows that.

use super::video::{Frame, INTERVAL};
use proofmark_core::TimeRange;

/// Seconds around a frame's time in which its like is looked for: one step of the fingerprint.
pub(super) const SLACK: f32 = 0.55;
/// Bits by which a picture must differ from every registered one to be like none, and how many more
/// that must be than in the middle of the clip's pictures (`docs/results/edits.md`).
const STRANGE: f32 = 80.0;
const STRANGER: f32 = 30.0;

/// Bits up to which a picture is like a registered one, whatever a codec did to it: pictures that
/// have nothing to do with each other come to 90 and more at the nearest.
const KNOWN: f32 = 60.0;

/// Bits by which two pictures that follow each other differ at most where nothing moves fast, and
/// where they still show the same moment.
const SLOW: f32 = 60.0;
pub(super) const STILL: f32 = 45.0;

/// Seconds before and after a moment for which that is asked of the registered clip.
const AROUND: f32 = 1.0;

/// A picture of the clip beside all that are registered.
pub(super) struct Moment {
    pub(super) time: f64,
    /// Bits by which the nearest registered one differs.
    pub(super) nearest: f32,
    /// The same of the clip's picture before it.
    pub(super) before: f32,
    /// Whether the registered clip moves so fast there that a picture between two of those that are
    /// kept may be like neither.
    pub(super) restless: bool,
}

/// Stretches whose pictures, all of them, are like none that is registered, from the first of them
/// to the picture behind the last.
pub(super) fn unmatched(moments: &[Moment]) -> Vec<TimeRange> {
    let mut bits: Vec<f32> = moments.iter().map(|m| m.nearest).collect();
    bits.sort_by(f32::total_cmp);
    // Of a clip that was changed all over, no stretch says anything.
    let Some(usual) = bits.get(bits.len() / 2) else { return Vec::new() };
    let strange = |m: &&Moment| m.nearest >= STRANGE && m.nearest >= usual + STRANGER;
    let mut out = Vec::new();
    let mut at = 0;
    while at < moments.len() {
        let run = &moments[at..at + moments[at..].iter().take_while(strange).count()];
        // What stays for as long as that, or stands where nothing moves, would have been kept if it
        // had been there.
        let told = run
            .windows(2)
            .any(|two| two[1].before <= SLOW || !(two[0].restless || two[1].restless));
        if told {
            let end =
                moments.get(at + run.len()).map_or(run[run.len() - 1].time + INTERVAL, |m| m.time);
            out.push(TimeRange { start: run[0].time, end });
        }
        at += run.len().max(1);
    }
    out
}

/// Stretches whose pictures, all of them, are like one that is registered, from the first of them
/// to the last. Where a picture says nothing and was left out, they end.
pub(super) fn known(moments: &[Moment]) -> Vec<TimeRange> {
    let mut steps: Vec<f64> = moments.windows(2).map(|two| two[1].time - two[0].time).collect();
    steps.sort_by(f64::total_cmp);
    let usual = steps.get(steps.len() / 2).map_or(INTERVAL, |step| step.max(INTERVAL));
    let runs = moments.chunk_by(|a, b| {
        (a.nearest <= KNOWN) == (b.nearest <= KNOWN) && b.time - a.time < 2.0 * usual
    });
    let told = runs.filter(|run| run[0].nearest <= KNOWN);
    told.map(|run| TimeRange { start: run[0].time, end: run[run.len() - 1].time }).collect()
}

/// Bits by which a picture differs from those before and after it, the more of both.
pub(super) fn unrest(frames: &[Frame], at: usize) -> f32 {
    let step = |i: usize| {
        frames.get(i).zip(frames.get(i + 1)).map_or(0, |(a, b)| a.hash.distance(&b.hash))
    };
    step(at).max(at.checked_sub(1).map_or(0, step)) as f32
}

/// Whether what is registered around a time moves fast, or is not known.
pub(super) fn restless(frames: &[Frame], time: f32) -> bool {
    let near = &frames[frames.partition_point(|f| f.time < time - AROUND)
        ..frames.partition_point(|f| f.time <= time + AROUND)];
    let around = near
        .first()
        .zip(near.last())
        .is_some_and(|(first, last)| first.time < time && time < last.time);
    !around
        || near.windows(2).any(|two| {
            two[1].time - two[0].time > SLACK || two[0].hash.distance(&two[1].hash) as f32 > SLOW
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_told_where_its_like_would_have_been_kept() {
        let moment = |time: usize, nearest, before, restless| Moment {
            time: 0.5 * time as f64,
            nearest,
            before,
            restless,
        };
        let clip = |strange: &[usize], before: f32, restless: bool| -> Vec<TimeRange> {
            let one = |i| {
                if strange.contains(&i) {
                    moment(i, 110.0, before, restless)
                } else {
                    moment(i, 12.0, 20.0, restless)
                }
            };
            unmatched(&(0..12).map(one).collect::<Vec<_>>())
        };
        assert_eq!(clip(&[], 20.0, false), []);
        assert_eq!(clip(&[4, 5, 6], 100.0, false), [TimeRange { start: 2.0, end: 3.5 }]);
        assert_eq!(clip(&[10, 11], 20.0, true), [TimeRange { start: 5.0, end: 6.0 }]);
        // One picture may be a moment between two, and so may several where all moves fast.
        assert_eq!(clip(&[5], 20.0, false), []);
        assert_eq!(clip(&[4, 5, 6], 100.0, true), []);
        assert_eq!(
            clip(&(0..12).collect::<Vec<_>>(), 20.0, false),
            [],
            "a clip that was changed all over"
        );
    }

    #[test]
    fn what_is_like_a_registered_picture_is_known_from_the_first_to_the_last() {
        let known = |nearest: &[f32]| {
            let moment = |(i, &nearest): (usize, &f32)| Moment {
                time: 0.5 * i as f64,
                nearest,
                before: 20.0,
                restless: false,
            };
            // What says nothing is not there.
            let there = nearest.iter().enumerate().filter(|(_, n)| **n < 256.0).map(moment);
            super::known(&there.collect::<Vec<_>>())
        };
        let range = |start, end| TimeRange { start, end };
        assert_eq!(known(&[12.0; 9]), [range(0.0, 4.0)]);
        assert_eq!(
            known(&[12.0, 50.0, 12.0, 100.0, 61.0, 30.0, 12.0]),
            [range(0.0, 1.0), range(2.5, 3.0)]
        );
        assert_eq!(
            known(&[12.0, 12.0, 12.0, 256.0, 256.0, 12.0, 12.0]),
            [range(0.0, 1.0), range(2.5, 3.0)]
        );
        assert_eq!(known(&[100.0; 9]), []);
        assert_eq!(known(&[]), []);
    }
}
