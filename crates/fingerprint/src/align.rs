//! Two clips beside each other in time.

use super::pdq::Hash;
use super::unmatched::SLACK;
use super::video::Frame;

/// Frames that must lie beside each other to count.
pub(super) const LEAST: usize = 5;
/// Speeds at which the clip may run, that of the fingerprint being one.
const SPEEDS: [f32; 9] = [1.0, 1.25, 0.8, 1.12, 0.89, 1.06, 0.94, 1.19, 0.84];
/// Frames that an offset is tried with at most, and offsets that are tried with all of them: clips
/// of up to half a minute are tried as if with all at once.
const SAMPLED: usize = 64;
const WHOLE: usize = 32;

/// A frame of a clip beside one of another, and the bits by which they differ.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    pub(super) distance: f32,
    pub(super) own: usize,
    pub(super) theirs: usize,
}

/// How a clip lies beside another in time.
pub(super) struct InTime {
    pub(super) beside: Vec<Beside>,
    /// How far the other goes on in a second of the clip.
    pub(super) speed: f32,
    /// The other's time, in seconds, when the clip begins.
    pub(super) offset: f32,
}

/// The speed and the offset at which frames beside each other differ least. `hashes` are those of
/// their frames as they are compared. `None` where too few lie beside any.
pub(super) fn best(own: &[Frame], theirs: &[Frame], hashes: &[Hash]) -> Option<InTime> {
    let pair = Pair { own, theirs, distances: distances(own, hashes) };
    let least = LEAST.min(own.len()).min(theirs.len());
    let mut tried: Vec<(f32, Way)> = Vec::new();
    for way in pair.ways()? {
        let within = pair.within(way);
        let found = pair.beside(way, some(within.len(), SAMPLED).map(|i| within.start + i));
        if found.len() >= least {
            tried.push((mean(found.iter().map(|b| b.distance)), way));
        }
    }
    tried.sort_by(|a, b| a.0.total_cmp(&b.0));
    let whole = tried.into_iter().take(WHOLE).map(|(_, way)| {
        let found = pair.beside(way, 0..own.len());
        (mean(found.iter().map(|b| b.distance)), found, way.speed)
    });
    let (_, beside, speed) = whole.min_by(|a, b| a.0.total_cmp(&b.0))?;
    // Many offsets find the same pairs; those tell the one between them.
    let mut offsets: Vec<f32> =
        beside.iter().map(|b| theirs[b.theirs].time - speed * own[b.own].time).collect();
    offsets.sort_by(f32::total_cmp);
    let offset = offsets.get(offsets.len() / 2).copied().unwrap_or(0.0);
    Some(InTime { beside, speed, offset })
}

fn distances(own: &[Frame], hashes: &[Hash]) -> Vec<Vec<f32>> {
    own.iter().map(|a| hashes.iter().map(|b| a.hash.distance(b) as f32).collect()).collect()
}

/// A speed, and the other's time when the clip begins.
#[derive(Clone, Copy)]
struct Way {
    speed: f32,
    offset: f32,
}

struct Pair<'a> {
    own: &'a [Frame],
    theirs: &'a [Frame],
    distances: Vec<Vec<f32>>,
}

impl Pair<'_> {
    /// When the other begins and ends.
    fn span(&self) -> Option<(f32, f32)> {
        Some((self.theirs.first()?.time, self.theirs.last()?.time))
    }

    /// Every speed, with all offsets at which the two overlap.
    fn ways(&self) -> Option<impl Iterator<Item = Way>> {
        let (first, last) = (self.own.first()?.time, self.own.last()?.time);
        let (start, end) = self.span()?;
        Some(SPEEDS.into_iter().flat_map(move |speed| {
            let (low, high) = (start - speed * last, end - speed * first);
            let steps = ((high - low) / (0.5 * SLACK)).ceil().max(0.0) as usize;
            (0..=steps).map(move |i| Way { speed, offset: low + i as f32 * 0.5 * SLACK })
        }))
    }

    /// Which of the clip's frames may lie beside any.
    fn within(&self, Way { speed, offset }: Way) -> std::ops::Range<usize> {
        let Some((start, end)) = self.span() else { return 0..0 };
        let time = |a: &Frame| speed * a.time + offset;
        let from = self.own.partition_point(|a| time(a) < start - SLACK);
        from..self.own.partition_point(|a| time(a) <= end + SLACK).max(from)
    }

    /// What is beside each of some of the clip's frames.
    fn beside(&self, way: Way, of: impl Iterator<Item = usize>) -> Vec<Beside> {
        let nearest = |own: usize| {
            let time = way.speed * self.own[own].time + way.offset;
            let from = self.theirs.partition_point(|b| b.time < time - SLACK);
            let near = (from..self.theirs.len())
                .take_while(|&theirs| self.theirs[theirs].time <= time + SLACK)
                .map(|theirs| Beside { distance: self.distances[own][theirs], own, theirs });
            near.min_by(|a, b| a.distance.total_cmp(&b.distance))
        };
        of.filter_map(nearest).collect()
    }
}

/// At most `count` of so many, spread over them.
pub(super) fn some(of: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(of);
    (0..count).map(move |i| (2 * i + 1) * of / (2 * count))
}

/// 0 of none.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len().max(1) as f32;
    values.sum::<f32>() / count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A clip of so many seconds, two frames of a second, none like another.
    fn clip(seconds: usize, seed: u64) -> Vec<Frame> {
        let mut state = seed;
        let mut word = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state ^ state >> 29
        };
        let frame =
            |i: usize| Frame { time: 0.5 * i as f32, hash: Hash(std::array::from_fn(|_| word())) };
        (0..2 * seconds).map(frame).collect()
    }

    fn hashes(frames: &[Frame]) -> Vec<Hash> {
        frames.iter().map(|f| f.hash).collect()
    }

    #[test]
    fn an_excerpt_lies_where_it_was_cut_out_however_long_both_are() {
        let whole = clip(400, 7);
        for (from, to) in [(0, 800), (100, 700), (500, 520), (780, 800)] {
            let excerpt: Vec<Frame> = whole[from..to]
                .iter()
                .map(|f| Frame { time: f.time - 0.5 * from as f32, hash: f.hash })
                .collect();
            let found = best(&excerpt, &whole, &hashes(&whole)).unwrap();
            assert_eq!((found.speed, found.offset), (1.0, 0.5 * from as f32), "{from} to {to}");
            assert_eq!(found.beside.len(), to - from);
            assert!(found.beside.iter().all(|b| b.distance <= 0.0 && b.theirs == b.own + from));
        }
    }

    #[test]
    fn a_clip_within_a_long_one_is_found_and_so_is_its_speed() {
        let (part, other) = (clip(40, 3), clip(300, 5));
        let joined: Vec<Frame> = other
            .iter()
            .copied()
            .map(|f| {
                let at = (1.25 * (f.time - 200.0)) / 0.5;
                let is_part = (0.0..80.0).contains(&at) && at.fract() == 0.0;
                Frame { hash: if is_part { part[at as usize].hash } else { f.hash }, ..f }
            })
            .collect();
        let found = best(&joined, &part, &hashes(&part)).unwrap();
        assert!(found.speed == 1.25 && (found.offset + 250.0).abs() < 0.3, "{}", found.offset);
        assert_eq!(best(&[], &part, &hashes(&part)).map(|f| f.speed), None);
        assert_eq!(best(&part[..3], &[], &[]).map(|f| f.speed), None);
    }
}
