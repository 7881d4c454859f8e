//! Whether what a worker answers makes sense: a file that took it over must not take over its
//! parent as well.
//!
//! Types are right once a message was understood. Here numbers are, as far as anything on this side
//! counts on them.

use crate::audio::AudioEvidence;
use crate::detect::Shown;
use crate::evidence::Span;
use crate::key::{KeyId, KeyRing};
use crate::media::{Still, Text};
use crate::provenance::LONGEST_REFERENCE;
use crate::video::{AreaMap, VideoEvidence};
use proofmark_core::TimeRange;

/// Seconds that no clip has.
const LONGEST: f64 = 1e8;

/// Whether what was shown is such as a file is.
pub(super) fn shown(shown: &Shown) -> bool {
    let rates = shown.info.picture.iter().filter_map(|p| p.frame_rate);
    shown.info.seconds.into_iter().chain(rates).all(f64::is_finite)
}

/// Whether findings are such as detectors with the keys of `ring` have.
pub(super) fn found(
    picture: Option<&VideoEvidence>,
    sound: Option<&AudioEvidence>,
    ring: &KeyRing,
) -> bool {
    let check = Check { keys: ring.keys().iter().map(|k| k.id()).collect() };
    picture.is_none_or(|p| check.picture(p)) && sound.is_none_or(|s| check.sound(s))
}

/// Whether a frame has the pixels that it says.
pub(super) fn still(still: &Still) -> bool {
    let size = still.width.checked_mul(still.height).and_then(|n| n.checked_mul(3));
    still.width > 0 && still.height > 0 && size == Some(still.data.len())
}

/// Whether an address is no longer than any that is told.
pub(super) fn reference(address: &str) -> bool {
    address.len() <= LONGEST_REFERENCE
}

/// Whether texts are no more than are taken in.
pub(super) fn texts(texts: &[Text]) -> bool {
    let bytes = texts.iter().map(|t| t.place.len() + t.name.len() + t.value.len()).sum::<usize>();
    texts.len() <= Text::MOST && bytes <= Text::ALL
}

struct Check<'a> {
    keys: Vec<&'a KeyId>,
}

impl Check<'_> {
    fn picture(&self, p: &VideoEvidence) -> bool {
        let geometry = p
            .geometry
            .is_none_or(|g| [g.scale[0], g.scale[1], g.rotation].iter().all(|n| n.is_finite()));
        self.mark(p.key.as_ref(), &p.ranges, &p.spans, p.evidence)
            && geometry
            && p.area.as_ref().is_none_or(area)
            && p.others.iter().chain(&p.earlier).all(|other| self.picture(other))
    }

    fn sound(&self, s: &AudioEvidence) -> bool {
        let stretch = s.geometry.is_none_or(|g| g.speed.is_finite() && g.pitch.is_finite());
        self.mark(s.key.as_ref(), &s.ranges, &s.spans, s.evidence)
            && stretch
            && time(s.seconds)
            && s.others.iter().all(|other| self.sound(other))
    }

    fn mark(
        &self,
        key: Option<&KeyId>,
        ranges: &[TimeRange],
        spans: &[Span],
        evidence: f32,
    ) -> bool {
        key.is_none_or(|k| self.keys.contains(&k))
            && ranges.iter().all(|r| time(r.start) && time(r.end))
            && spans.iter().all(|s| time(s.start) && time(s.end) && s.score.is_finite())
            && evidence.is_finite()
    }
}

fn time(seconds: f64) -> bool {
    (-LONGEST..LONGEST).contains(&seconds)
}

fn area(map: &AreaMap) -> bool {
    map.columns > 0
        && map.cells.len().is_multiple_of(map.columns)
        && (0.0..=1.0).contains(&map.share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::WatermarkKey;
    use crate::media::MediaInfo;
    use serde_json::json;

    #[test]
    fn lies_that_would_mislead_the_parent_are_noticed() {
        let ring = KeyRing::from(WatermarkKey::from_secret([1; 32], 0));
        let mark = json!({
            "detected": true, "payload": null, "generation": 1, "p_value": 1e-20,
            "method": "blind", "key": ring.stamping().id(), "ranges": [{"start": 0.0, "end": 1.0}],
            "spans": [{"start": 0.0, "end": 1.0, "score": 9.0, "state": "marked"}],
            "area": {"share": 0.5, "columns": 2, "cells": [true, false, null, true]},
            "geometry": {
                "scale": [1.0, 1.0], "rotation": 0.0, "mirrored": false, "inverted": false,
            },
            "evidence": 100.0, "frames": 1, "note": null, "others": [], "earlier": [],
        });
        let holds = |change: &dyn Fn(&mut VideoEvidence)| {
            let mut picture: VideoEvidence = serde_json::from_value(mark.clone()).unwrap();
            picture.others.push(picture.clone());
            change(&mut picture);
            found(Some(&picture), None, &ring)
        };
        assert!(holds(&|_| {}));
        assert!(!holds(&|p| p.evidence = f32::NAN));
        assert!(!holds(&|p| p.ranges[0].end = f64::INFINITY));
        assert!(!holds(&|p| p.spans[0].start = 1e300));
        assert!(!holds(&|p| p.spans[0].score = f32::NAN));
        assert!(!holds(&|p| p.area.as_mut().unwrap().columns = 0));
        assert!(!holds(&|p| p.area.as_mut().unwrap().columns = 3));
        assert!(!holds(&|p| p.geometry.as_mut().unwrap().scale[1] = f32::INFINITY));
        assert!(!holds(&|p| p.key = Some(WatermarkKey::from_secret([2; 32], 0).id().clone())));
        assert!(!holds(&|p| p.others[0].evidence = f32::NAN));
        let file = |seconds| {
            let mut info: MediaInfo = serde_json::from_value(
                json!({"seconds": 1.0, "picture": null, "has_audio": false}),
            )
            .unwrap();
            info.seconds = seconds;
            shown(&Shown {
                info,
                picture: true,
                sound: false,
                sketch: None,
                stills: None,
                recording: None,
            })
        };
        assert!(file(Some(2.0)) && file(None) && !file(Some(f64::NAN)));
        let frame = |width, height, bytes| still(&Still { width, height, data: vec![0; bytes] });
        assert!(
            frame(2, 3, 18)
                && !frame(2, 3, 17)
                && !frame(0, 3, 0)
                && !frame(usize::MAX, usize::MAX, 3)
        );
    }
}
