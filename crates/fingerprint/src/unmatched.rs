//! When a clip shows what the one that it is a copy of does not.

use super::video::{Frame, INTERVAL};
use proofmark_core::TimeRange;

/// Seconds around a frame's time in which its like is looked for: one step of the fingerprint.
pub(super) const SLACK: f32 = 0.55;
/// Bits by which a picture must differ from every registered one to be like none, and how many more
/// that must be than in the middle of the clip's pictures (`docs/results/edits.md`).
const STRANGE: f32 = 80.0;
const STRANGER: f32 = 30.0;

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
pub(super) fn stretches(moments: &[Moment]) -> Vec<TimeRange> {
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
