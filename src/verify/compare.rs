//! A clip beside what is registered: as it is, and as it was before something was done to it.

use crate::detect::Detected;
use crate::fingerprint::{
    AudioQuery, Comparison, DifferenceMap, Query, Sketch, Turn, VideoFingerprint,
};
use crate::recovery::Registered;
use crate::video::{AreaMap, Geometry};

/// What the registry is asked with: what a clip looks and sounds like.
pub(super) struct Queries {
    pub(super) video: Option<Query>,
    pub(super) audio: Option<AudioQuery>,
}

impl Queries {
    pub(super) fn of(found: Option<&Detected>) -> Self {
        Self {
            video: found.and_then(|d| d.sketch.as_ref()).map(Query::new),
            audio: found.and_then(|d| d.recording.as_ref()).and_then(AudioQuery::new),
        }
    }

    /// Holds a clip against those that the registry remembers of its numbers.
    pub(super) fn compare(&self, found: Option<&Detected>, registered: &mut [Registered]) {
        let before = found.map(undone).unwrap_or_default();
        for r in registered {
            if let Some((nearest, inset)) = self.nearest(found, r, &before) {
                r.resemblance = Some(nearest.resemblance);
                r.inset = inset;
                r.difference = nearest.difference;
                (r.unmatched, r.known) = (nearest.unmatched, nearest.known);
            }
            r.sound_resemblance =
                self.audio.as_ref().zip(r.sound.as_ref()).and_then(|(q, f)| q.resemblance(f));
        }
    }

    /// The nearest of what the clip is and may have been, and whether it is an inset.
    fn nearest(
        &self,
        found: Option<&Detected>,
        registered: &Registered,
        before: &[Look],
    ) -> Option<(Comparison, bool)> {
        let picture = registered.picture.as_ref()?;
        let look = self.video.as_ref()?;
        let sketch = found?.sketch.as_ref()?;
        let plain = with_or_without_bars(sketch, look, picture).map(|c| (c, Lies::Alike));
        let undone = before
            .iter()
            .filter_map(|b| Some((with_or_without_bars(&b.sketch, &b.query, picture)?, b.lies)));
        let mut tried: Vec<(Comparison, Lies)> = plain.into_iter().chain(undone).collect();
        tried.sort_by(|a, b| a.0.resemblance.distance.total_cmp(&b.0.resemblance.distance));
        // What was turned looks otherwise at every edge: where it does is asked of what was cut.
        let cut = tried
            .iter_mut()
            .find(|(c, lies)| lies.is_cut() && c.resemblance.same())
            .map(|(c, lies)| lies.difference(c.difference.take()));
        let turned = before.iter().any(|b| b.lies.is_cut());
        let (nearest, lies) = tried.into_iter().next()?;
        let difference = if turned { cut.flatten() } else { lies.difference(nearest.difference) };
        Some((Comparison { difference, ..nearest }, lies == Lies::Inset))
    }
}

/// A clip as it may have been, and what the registry is asked with it.
struct Look {
    sketch: Sketch,
    query: Query,
    lies: Lies,
}

/// How what may have been lies in the frame of the clip.
#[derive(Clone, Copy, PartialEq)]
enum Lies {
    /// As the clip does.
    Alike,
    /// Turned, with edges where nothing is known.
    Turned,
    /// Turned, and cut to this share of its sides, where something is known all over.
    Cut(Turn, f32),
    /// Within another picture.
    Inset,
}

impl Look {
    fn new(sketch: Sketch, lies: Lies) -> Self {
        Self { query: Query::new(&sketch), sketch, lies }
    }
}

impl Lies {
    fn is_cut(self) -> bool {
        matches!(self, Self::Cut(..))
    }

    /// Where the clip looks otherwise, by where that looks otherwise; `None` if that says nothing.
    fn difference(self, seen: Option<DifferenceMap>) -> Option<DifferenceMap> {
        match self {
            Self::Alike => seen,
            Self::Turned | Self::Inset => None,
            Self::Cut(turn, kept) => seen.map(|map| {
                map.moved(|place| turn.to_upright(place).map(|share| (share - 0.5) / kept + 0.5))
            }),
        }
    }
}

/// The nearest of a clip as it is and, where that is not the registered one, as it is with other
/// bars.
fn with_or_without_bars(
    sketch: &Sketch,
    query: &Query,
    picture: &VideoFingerprint,
) -> Option<Comparison> {
    let plain = query.compare(picture);
    let cut = if plain.as_ref().is_some_and(|p| p.resemblance.same()) {
        Vec::new()
    } else {
        without_bars(sketch, picture.aspect())
    };
    plain
        .into_iter()
        .chain(cut.iter().filter_map(|q| q.compare(picture)))
        .min_by(|a, b| a.resemblance.distance.total_cmp(&b.resemblance.distance))
}

/// A clip as it was before something was done to it, as far as its mark tells: before it was
/// turned, which is tried both ways round since the mark is in no one's frame alone, or its
/// brightness inverted, and before it was put into another picture.
fn undone(found: &Detected) -> Vec<Look> {
    let (Some(sketch), Some(picture)) = (&found.sketch, &found.picture) else { return Vec::new() };
    let Some(g) = picture.geometry else { return Vec::new() };
    let turned = is_turned(g);
    if !turned && !g.inverted {
        let part = picture.area.as_ref().and_then(AreaMap::part);
        return part.map(|part| Look::new(sketch.part(part), Lies::Inset)).into_iter().collect();
    }
    let straight = |degrees: f32| sketch.straightened(degrees, g.inverted);
    if !turned {
        return vec![Look::new(straight(0.0), Lies::Alike)];
    }
    let looks = |way: f32| {
        let turn = Turn::new(sketch.frame(), way * g.rotation);
        let straight = straight(way * g.rotation);
        let kept = turn.kept();
        let edge = (1.0 - kept) / 2.0;
        let cut = straight.part([edge, edge, 1.0 - edge, 1.0 - edge]);
        [Look::new(straight, Lies::Turned), Look::new(cut, Lies::Cut(turn, kept))]
    };
    [1.0, -1.0].into_iter().flat_map(looks).collect()
}

/// A clip without what may have been taken for bars in the registered one and not here, or here and
/// not there: a sky is as flat as a bar until something flies in it.
fn without_bars(sketch: &Sketch, aspect: f32) -> Vec<Query> {
    let share = sketch.frame() / aspect;
    let parts: Vec<[f32; 4]> = if share.ln().abs() < SAME_SHAPE {
        vec![[0.0, 0.0, 1.0, 1.0]]
    } else {
        let kept = share.min(1.0 / share);
        let part = |from: f32| {
            if share < 1.0 { [0.0, from, 1.0, from + kept] } else { [from, 0.0, from + kept, 1.0] }
        };
        // Bars leave three tenths at the least, and so small a part says little.
        [0.0, (1.0 - kept) / 2.0, 1.0 - kept].into_iter().filter(|_| kept > 0.4).map(part).collect()
    };
    parts.into_iter().map(|part| Query::new(&sketch.part(part))).collect()
}

/// Logarithm of two ratios of width and height that are one but for rounding.
const SAME_SHAPE: f32 = 0.03;

/// Degrees by which a picture is turned that need not be turned back.
const LEVEL: f32 = 0.3;

/// Whether a picture was turned by more.
fn is_turned(geometry: Geometry) -> bool {
    geometry.rotation.abs() > LEVEL
}
