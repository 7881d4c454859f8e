//! How far a clip and a fingerprint are apart.

use std::sync::{Arc, PoisonError, RwLock};

use multiversion::multiversion;
use serde::Serialize;

use super::align::{self, InTime, LEAST, mean, some};
use super::difference::{self, DifferenceMap, Laid, Lies};
use super::pdq::{Hash, Thumbnail, hash};
use super::place::{self, Start, put, put_small};
use super::unmatched::{Moment, STILL, known, restless, unmatched, unrest};
use super::video::{Frame, Sketch, Small, VideoFingerprint};
use super::window::{Content, Window};
use proofmark_core::{TimeRange, video::Placement};

/// Frames of the clip that guesses are tried on.
const PROBES: usize = 4;
/// Guesses that are looked at closely.
const BEST: usize = 4;
/// Steps by which a window is moved about, in shares of the picture.
const STEPS: [f32; 4] = [0.04, 0.02, 0.01, 0.005];
/// Guesses from which is tried where it lies to a fraction of a pixel.
const PLACES: usize = 12;
/// Bits up to which that is not asked: it lies where it was found.
const PLACED: f32 = 10.0;

/// Hundredths by which the same aspect ratio may differ: rounding of sizes, and of bars.
const SAME_ASPECT: i32 = 3;

/// How far a clip and a fingerprint are apart, at the best guess of what was done to the clip.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Resemblance {
    /// Bits of 256 by which frames beside each other differ, in the mean.
    pub distance: f32,
    /// The same of the quarter that differs least: a clip that was damaged or replaced in parts
    /// still has frames of its own.
    pub nearest: f32,
    /// Frames that were beside each other.
    pub frames: usize,
    /// Share of the original's frame that is in the clip, as guessed.
    pub share: f32,
    /// How the original lies in the frame, as guessed.
    #[serde(skip)]
    pub placement: Placement,
    /// Whether both have the same aspect ratio between bars.
    pub same_aspect: bool,
    /// The original's time, in seconds, when the clip begins.
    pub offset: f32,
    /// How far the original goes on in a second of the clip.
    pub speed: f32,
}

impl Resemblance {
    /// Most bits by which copies of one clip differ; clips that have nothing to do with each other
    /// are about 103 apart at the best guess, with a deviation of 5. Chosen on the clips of
    /// `docs/results/log/likeness-among-many-others.md`.
    pub const SAME: f32 = 74.0;
    /// Bits from which clips are different ones, if no more was done to them than is guessed here.
    pub const DIFFERENT: f32 = 80.0;

    /// One that is so far apart, over ten seconds, for tests of what is made of it.
    #[doc(hidden)]
    #[must_use]
    pub fn example(distance: f32, nearest: f32) -> Self {
        Self {
            distance,
            nearest,
            frames: 20,
            share: 1.0,
            placement: Placement {
                corner: [0.0; 2],
                size: [1.0; 2],
                aspect: 16.0 / 9.0,
                mirrored: false,
            },
            same_aspect: true,
            offset: 0.0,
            speed: 1.0,
        }
    }

    /// Whether it is a copy, and long enough to say so.
    #[must_use]
    pub fn same(&self) -> bool {
        self.distance <= Self::SAME && self.frames >= LEAST
    }

    /// How alike they are, in per cent: 0 is what chance makes of frames that have nothing to do
    /// with each other.
    #[must_use]
    pub fn score(&self) -> u8 {
        (100.0 * (1.0 - self.distance / 128.0)).round().clamp(0.0, 100.0) as u8
    }

    /// Whether it is none, at any guess.
    #[must_use]
    pub fn different(&self) -> bool {
        self.nearest >= Self::DIFFERENT && self.frames >= LEAST
    }
}

/// A clip beside a registered one.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// How far they are apart.
    pub resemblance: Resemblance,
    /// Where in its frame the clip looks otherwise, if it shows as good as all of the registered
    /// picture.
    pub difference: Option<DifferenceMap>,
    /// When the clip looks like no moment of the registered one, in seconds.
    pub unmatched: Vec<TimeRange>,
    /// When each of its pictures is like one that is registered, in seconds.
    pub known: Vec<TimeRange>,
}

/// A clip, ready to be compared with many fingerprints, from any thread.
#[derive(Debug)]
pub struct Query {
    /// Width over height of what is between bars.
    aspect: f32,
    /// What of the whole frame is between bars.
    content: Content,
    /// What is between bars, of the frames that say something.
    frames: Vec<Frame>,
    /// The same, as pictures.
    pictures: Vec<Thumbnail>,
    /// The same with their bars; none where there are no bars.
    framed: Vec<Thumbnail>,
    /// The guesses for each aspect ratio that was asked for, in hundredths of its logarithm, with
    /// the probes put where they would have come from.
    guesses: RwLock<Vec<(i32, Arc<[Guess]>)>>,
}

/// A clip beside a fingerprint.
#[derive(Debug)]
struct Aligned {
    resemblance: Resemblance,
    window: Window,
    /// Which of the clip's frames is beside which of the fingerprint's.
    beside: Vec<(usize, usize)>,
}

/// Where the clip may have come from, and what its probes look like there.
#[derive(Debug)]
struct Guess {
    window: Window,
    probes: Vec<Hash>,
}

impl Query {
    /// For a clip.
    #[must_use]
    pub fn new(clip: &Sketch) -> Self {
        let (mut frames, mut pictures, mut framed) = (Vec::new(), Vec::new(), Vec::new());
        for (frame, cut, whole) in clip.telling() {
            frames.push(frame);
            pictures.push(cut);
            if clip.content != Content::ALL {
                framed.push(whole);
            }
        }
        Self {
            aspect: clip.aspect,
            content: clip.content,
            frames,
            framed,
            pictures,
            guesses: RwLock::default(),
        }
    }

    /// Mean distance of a few frames from the nearest ones of a fingerprint, at the best guess:
    /// which fingerprints are worth a closer look.
    #[must_use]
    pub fn glance(&self, other: &VideoFingerprint) -> f32 {
        self.guessed(other).first().map_or(256.0, |g| g.0)
    }

    /// How an original of this aspect ratio lies in the frame, of which a window shows what is
    /// between bars.
    fn placement(&self, window: &Window, aspect: f32) -> Placement {
        let Window { x, y, width, height, mirrored } = window.frame(&self.content);
        let left = if mirrored { (x + width - 1.0) / width } else { -x / width };
        Placement {
            corner: [left, -y / height],
            size: [1.0 / width, 1.0 / height],
            aspect,
            mirrored,
        }
    }

    /// Logarithm of the ratio of both aspect ratios, in hundredths.
    fn ratio(&self, other: &VideoFingerprint) -> i32 {
        (100.0 * (self.aspect / other.aspect).ln()).round() as i32
    }

    /// The guesses for an aspect ratio, made once.
    fn guesses(&self, ratio: i32) -> Arc<[Guess]> {
        let known =
            |list: &[(i32, Arc<[Guess]>)]| list.iter().find(|g| g.0 == ratio).map(|g| g.1.clone());
        if let Some(guesses) = known(&self.guesses.read().unwrap_or_else(PoisonError::into_inner)) {
            return guesses;
        }
        // Whoever comes meanwhile waits, and finds them.
        let mut list = self.guesses.write().unwrap_or_else(PoisonError::into_inner);
        known(&list).unwrap_or_else(|| {
            let windows = Window::guesses((ratio as f32 / 100.0).exp());
            let made: Arc<[Guess]> = windows
                .into_iter()
                .map(|window| Guess {
                    window,
                    probes: spread(self.pictures.len())
                        .map(|i| placed(&self.pictures[i], &window))
                        .collect(),
                })
                .collect();
            list.push((ratio, made.clone()));
            made
        })
    }

    /// All guesses, the likeliest first.
    fn guessed(&self, other: &VideoFingerprint) -> Vec<(f32, Window)> {
        if self.pictures.is_empty() || other.frames.is_empty() {
            return Vec::new();
        }
        let guesses = self.guesses(self.ratio(other));
        let mut tried: Vec<(f32, Window)> =
            guesses.iter().map(|g| (nearest(&g.probes, &other.frames), g.window)).collect();
        tried.sort_by(|a, b| a.0.total_cmp(&b.0));
        tried
    }

    /// How far the clip is from a fingerprint; `None` if one of them has too little to compare.
    #[must_use]
    pub fn resemblance(&self, other: &VideoFingerprint) -> Option<Resemblance> {
        self.closest(other).map(|a| a.resemblance)
    }

    /// The same, and where and when the clip looks otherwise.
    #[must_use]
    pub fn compare(&self, other: &VideoFingerprint) -> Option<Comparison> {
        let closest = self.closest(other)?;
        let theirs = other.smalls();
        let placed = theirs.as_ref().and_then(|theirs| self.place(&closest, other, theirs));
        let difference = placed
            .as_ref()
            .zip(theirs.as_ref())
            .map(|(placed, theirs)| self.map(placed, other, theirs));
        // Who it is was asked of one window; how near it is may be told by a better one.
        let nearer = placed.filter(|p| {
            closest.resemblance.same() && p.resemblance.distance < closest.resemblance.distance
        });
        let closest = nearer.unwrap_or(closest);
        let moments = self.moments(&closest, other);
        // Where frames of the other are far apart, one that is not beside any says nothing.
        let unmatched = if other.is_dense() { unmatched(&moments) } else { Vec::new() };
        Some(Comparison {
            resemblance: closest.resemblance,
            difference,
            unmatched,
            known: known(&moments),
        })
    }

    /// The same clip where it lies best in the registered pictures, tried from several guesses.
    fn place(
        &self,
        closest: &Aligned,
        other: &VideoFingerprint,
        theirs: &[Small],
    ) -> Option<Aligned> {
        let beside = spread(closest.beside.len()).map(|i| closest.beside[i]).collect();
        let mut starts = vec![Start { window: closest.window, beside }];
        if closest.resemblance.distance > PLACED {
            let guessed = self.guessed(other).into_iter().map(|g| g.1).take(PLACES);
            let guesses = std::iter::once(Window::WHOLE).chain(guessed);
            starts
                .extend(guesses.map(|window| Start { window, beside: self.near(&window, other) }));
        }
        let window = place::find(&self.pictures, theirs, starts)?;
        self.align(&window, other)
    }

    /// Some of the clip's pictures, and what is nearest to each where a window puts it.
    fn near(&self, window: &Window, other: &VideoFingerprint) -> Vec<(usize, usize)> {
        let near = |i: usize| {
            let placed = placed(&self.pictures[i], window);
            let distance = |j: &usize| placed.distance(&other.frames[*j].hash);
            Some((i, (0..other.frames.len()).min_by_key(distance)?))
        };
        spread(self.pictures.len()).filter_map(near).collect()
    }

    /// Where the clip looks otherwise than what it is beside.
    fn map(&self, aligned: &Aligned, other: &VideoFingerprint, theirs: &[Small]) -> DifferenceMap {
        // Where all moves fast, what is beside a picture shows the same moment only if it is far
        // more like it than the pictures before and after.
        let same = |&(i, j): &(usize, usize)| {
            let unrest = unrest(&self.frames, i);
            unrest <= STILL
                || self.frames[i].hash.distance(&other.through(j, &aligned.window)) as f32
                    <= unrest / 2.0
        };
        let still: Vec<(usize, usize)> = aligned.beside.iter().copied().filter(same).collect();
        let content = aligned.window;
        let lies = Lies { content, frame: content.frame(&self.content) };
        let laid = |pictures: &[Thumbnail], window| -> Vec<difference::Pair> {
            still.iter().map(|&(i, j)| (put_small(&pictures[i], window), j)).collect()
        };
        let beside = laid(&self.pictures, &content);
        let framed =
            if self.framed.is_empty() { Vec::new() } else { laid(&self.framed, &lies.frame) };
        let clip = Laid { beside: &beside, framed: &framed, lies };
        difference::map(&clip, theirs, aligned.beside.len())
    }

    /// The clip's pictures beside all that are registered; none where it is not that clip.
    fn moments(&self, closest: &Aligned, other: &VideoFingerprint) -> Vec<Moment> {
        let Resemblance { offset, speed, .. } = closest.resemblance;
        if !closest.resemblance.same() {
            return Vec::new();
        }
        let theirs: Vec<Hash> =
            (0..other.frames.len()).map(|i| other.through(i, &closest.window)).collect();
        let moment = |(i, a): (usize, &Frame)| Moment {
            time: f64::from(a.time),
            nearest: theirs.iter().map(|b| a.hash.distance(b)).min().unwrap_or(256) as f32,
            before: if i > 0 { self.frames[i - 1].hash.distance(&a.hash) as f32 } else { 256.0 },
            restless: restless(&other.frames, offset + speed * a.time),
        };
        self.frames.iter().enumerate().map(moment).collect()
    }

    fn closest(&self, other: &VideoFingerprint) -> Option<Aligned> {
        let mut best: Option<Aligned> = None;
        // The clip as it is, whatever else may fit.
        let plain = [Window::WHOLE]
            .into_iter()
            .chain(self.guessed(other).into_iter().map(|g| g.1).take(BEST));
        for (i, guess) in plain.enumerate() {
            let window = if i == 0 { guess } else { self.refine(guess, other) };
            let found = self.align(&window, other);
            if found.as_ref().is_some_and(|f| {
                best.as_ref().is_none_or(|b| f.resemblance.distance < b.resemblance.distance)
            }) {
                best = found;
            }
            if best.as_ref().is_some_and(|b| b.resemblance.distance < Resemblance::SAME / 2.0) {
                break;
            }
        }
        best
    }

    /// Moves a window to where it fits best, frame against frame as they lie at first.
    fn refine(&self, window: Window, other: &VideoFingerprint) -> Window {
        let near = self.near(&window, other);
        let bits = |w: &Window| {
            let apart =
                |&(i, j): &(usize, usize)| self.frames[i].hash.distance(&other.through(j, w));
            near.iter().map(apart).sum::<u32>() as f32
        };
        window.descend(&STEPS, bits).1
    }

    /// The mean distance of frames beside each other in time, at the best speed and offset.
    fn align(&self, window: &Window, other: &VideoFingerprint) -> Option<Aligned> {
        let theirs: Vec<Hash> = (0..other.frames.len()).map(|i| other.through(i, window)).collect();
        let InTime { beside, speed, offset } = align::best(&self.frames, &other.frames, &theirs)?;
        let mut found: Vec<f32> = beside.iter().map(|b| b.distance).collect();
        found.sort_by(f32::total_cmp);
        let resemblance = Resemblance {
            distance: mean(found.iter().copied()),
            nearest: mean(found[..found.len().div_ceil(4)].iter().copied()),
            frames: found.len(),
            share: window.width * window.height,
            placement: self.placement(window, other.aspect),
            same_aspect: self.ratio(other).abs() <= SAME_ASPECT,
            offset,
            speed,
        };
        let beside = beside.into_iter().map(|b| (b.own, b.theirs)).collect();
        Some(Aligned { resemblance, window: *window, beside })
    }
}

/// The hash of a picture that has been put where it may have come from.
fn placed(picture: &Thumbnail, window: &Window) -> Hash {
    hash(&put(picture, window)).0
}

/// Some of so many pictures, spread over them.
fn spread(of: usize) -> impl Iterator<Item = usize> {
    some(of, PROBES)
}

/// The mean distance of probes from their nearest frames. A search spends its time here: counting
/// bits has an instruction on most machines.
#[multiversion(targets("x86_64+avx2+popcnt", "aarch64+neon"))]
fn nearest(probes: &[Hash], frames: &[Frame]) -> f32 {
    let sum: u32 = probes
        .iter()
        .map(|p| frames.iter().map(|f| p.distance(&f.hash)).min().unwrap_or(256))
        .sum();
    sum as f32 / probes.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whichever_instructions_count_the_bits_they_count_the_same() {
        let mut state = 1u64;
        let mut word = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 29
        };
        let mut hashes =
            |n: usize| (0..n).map(|_| Hash(std::array::from_fn(|_| word()))).collect::<Vec<_>>();
        let (probes, others) = (hashes(4), hashes(13));
        let frames: Vec<Frame> = others.iter().map(|&hash| Frame { time: 0.0, hash }).collect();
        let bits = |a: &Hash, b: &Hash| {
            (0..256).filter(|i| (a.0[i / 64] ^ b.0[i / 64]) >> (i % 64) & 1 == 1).count()
        };
        let plain: usize =
            probes.iter().map(|p| others.iter().map(|o| bits(p, o)).min().unwrap_or(256)).sum();
        assert_eq!(nearest(&probes, &frames), plain as f32 / 4.0);
        assert_eq!(nearest(&probes, &[]), 256.0);
    }
}
