//! The table that verdicts are made by: each rule says when it holds, what it is called, how grave
//! it is, what it implies, and what it makes needless to say.
//!
//! Rules stand in the order of their weight: the first that holds and implies a verdict gives it,
//! and reasons are told in this order.

use super::Verdict::{
    self, Altered, Contradictory, Foreign, Intact, Lookalike, Marked, Mixed, NothingFound,
    Recovered,
};
use super::facts::{Facts, Lengths, Likeness, without};
use super::reason::{Param, Params, Severity, params};
use super::reported;
use super::thresholds::PART_SEEN;
use super::when::{
    actor, another_number, contradiction, elsewhere, entry, gap, is_another, is_confirmed, lasts,
    looks_otherwise, manifest, more_streams, numbers, plain, recoverable, segments, window,
};
use crate::provenance::{ActorState, ManifestState};
use crate::segments::SegmentFaultKind::{self, Changed, Missing, Moved, Repeated, Unsigned};
use Severity::{Alert, Doubt, Good, Note};

/// A rule.
pub(super) struct Rule {
    /// What scripts ask for, and sentences are found by.
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    /// The verdict that follows, unless a weightier rule has another.
    pub(super) implies: Option<Verdict>,
    /// Codes that need not be told beside this one.
    pub(super) overrides: &'static [&'static str],
    /// When it holds, and what for.
    pub(super) when: fn(&Facts<'_>) -> Option<Params>,
}

macro_rules! rule {
    ($code:literal, $severity:expr, $implies:expr, [$($over:literal),*], $when:expr) => {
        Rule {
            code: $code,
            severity: $severity,
            implies: $implies,
            overrides: &[$($over),*],
            when: $when,
        }
    };
}

/// All rules, the weightiest first.
pub(super) const RULES: &[Rule] = &[
    // Claims that cannot all be true.
    rule!(
        "manifest.stranger-names-our-payload",
        Alert,
        Some(Contradictory),
        ["manifest.valid", "manifest.does-not-name-mark"],
        |f| {
            let m = f.manifest?;
            let mut told = manifest(m);
            told.insert("payload", f.is_claimed()?.into());
            Some(told)
        }
    ),
    rule!("video.several-marks", Alert, Some(Mixed), ["video.payload-mismatch"], |f| numbers(
        f.numbers_seen()
    )),
    rule!("audio.several-marks", Alert, Some(Mixed), ["audio.from-another-clip"], |f| numbers(
        f.numbers_heard()
    )),
    rule!(
        "manifest.of-another-clip",
        Alert,
        Some(Contradictory),
        [
            "video.part-differs",
            "video.parts-untold",
            "video.stretch-unknown",
            "manifest.content-changed",
            "video.mark-transplanted",
            "audio.mark-transplanted"
        ],
        |f| {
            let r = f
                .named
                .filter(|_| f.is_ours() && !f.as_signed())
                .and_then(|n| f.entry(n))
                .filter(|r| is_another(f, r))?;
            Some(entry(r))
        }
    ),
    rule!(
        "manifest.restamped",
        Note,
        Some(Altered),
        ["video.payload-mismatch", "manifest.content-changed"],
        |f| {
            let (named, seen) = f.named.filter(|_| f.is_ours()).zip(f.seen)?;
            if f.is_beneath(named) && !f.as_signed() {
                params([("named", named.into()), ("payload", seen.into())])
            } else {
                None
            }
        }
    ),
    rule!("video.payload-mismatch", Alert, Some(Contradictory), [], |f| {
        let (named, seen) = f.named.filter(|_| f.is_ours()).zip(f.seen)?;
        if named != seen && (f.as_signed() || !f.is_beneath(named)) {
            params([("named", named.into()), ("payload", seen.into())])
        } else {
            None
        }
    }),
    rule!("audio.payload-mismatch", Alert, Some(Contradictory), [], |f| {
        let (named, heard) = f.named.filter(|_| f.is_ours()).zip(f.heard)?;
        if f.seen.is_none() && named != heard && !f.is_composed() {
            params([("named", named.into()), ("payload", heard.into())])
        } else {
            None
        }
    }),
    rule!("manifest.does-not-name-mark", Alert, Some(Contradictory), [], |f| {
        let m = f.manifest?;
        let payload =
            f.seen.or(f.heard).filter(|p| Some(*p) != f.named && f.is_derived().is_none())?;
        let mut told = manifest(m);
        told.insert("payload", payload.into());
        if f.is_ours() { None } else { Some(told) }
    }),
    rule!(
        "video.mark-transplanted",
        Alert,
        Some(Contradictory),
        [
            "video.part-differs",
            "video.parts-untold",
            "video.stretch-unknown",
            "registry.leads-to-manifest",
            "registry.likeness-untold"
        ],
        |f| {
            let r = f.seen.filter(|_| !f.is_whole()).and_then(|p| f.entry(p))?;
            // Who lays a mark over another picture lays it over all of that, for all of its time,
            // and has not that clip's own sound beneath it.
            let lies = f.lies_comparably()
                && f.share().is_none()
                && f.video_gaps().is_empty()
                && Facts::match_audio(r) != Likeness::Same;
            if Facts::match_video(r) == Likeness::Different && lies { Some(entry(r)) } else { None }
        }
    ),
    rule!(
        "audio.mark-transplanted",
        Alert,
        Some(Contradictory),
        ["registry.leads-to-manifest", "registry.likeness-untold"],
        |f| {
            let r = f.heard.filter(|_| !f.is_whole()).and_then(|p| f.entry(p))?;
            if Facts::match_audio(r) == Likeness::Different && f.sounds_as_stamped() {
                Some(entry(r))
            } else {
                None
            }
        }
    ),
    // One part is ours, and another is not.
    rule!("audio.from-another-clip", Alert, Some(Mixed), [], |f| {
        let (seen, heard) = f.seen.zip(f.heard)?;
        let parted = seen != heard && !f.is_beneath(heard) && !f.is_composed();
        if parted { params([("video", seen.into()), ("audio", heard.into())]) } else { None }
    }),
    rule!(
        "video.not-the-registered",
        Alert,
        Some(Mixed),
        [
            "video.part-differs",
            "video.parts-untold",
            "video.stretch-unknown",
            "video.unmarked",
            "registry.leads-to-manifest",
            "registry.likeness-untold"
        ],
        |f| {
            let r = f
                .heard
                .filter(|_| !f.is_whole() && f.video.is_some_and(|v| !v.detected))
                .and_then(|p| f.entry(p))?;
            if Facts::match_video(r) == Likeness::Different { Some(entry(r)) } else { None }
        }
    ),
    rule!(
        "audio.not-the-registered",
        Alert,
        Some(Mixed),
        ["audio.unmarked", "registry.leads-to-manifest"],
        |f| {
            let r = f
                .seen
                .filter(|_| {
                    !f.is_whole() && f.audio.is_some_and(|a| !a.detected && a.note.is_none())
                })
                .and_then(|p| f.entry(p))?;
            if Facts::match_audio(r) == Likeness::Different { Some(entry(r)) } else { None }
        }
    ),
    // Our manifest, over what is no longer as it was signed.
    rule!("manifest.content-changed", Alert, Some(Altered), [], |f| f
        .manifest
        .filter(|m| f.is_ours() && !f.as_signed() && m.content_changed())
        .map(manifest)),
    rule!("manifest.fails", Alert, Some(Altered), [], |f| {
        let m = f.manifest.filter(|m| f.is_ours() && !f.as_signed() && !m.content_changed())?;
        let mut told = manifest(m);
        told.insert("faults", reported::faults(m));
        Some(told)
    }),
    rule!("segments.changed", Alert, None, [], |f| segments(f, Changed)),
    rule!("segments.foreign", Alert, None, [], |f| segments(f, SegmentFaultKind::Foreign)),
    rule!("segments.unsigned", Alert, None, [], |f| segments(f, Unsigned)),
    rule!("segments.missing", Alert, None, [], |f| segments(f, Missing)),
    rule!("segments.window", Doubt, None, [], window),
    rule!("segments.moved", Alert, None, [], |f| segments(f, Moved)),
    rule!("segments.repeated", Alert, None, [], |f| segments(f, Repeated)),
    // Marks that do not cover the whole.
    rule!("video.gap", Alert, Some(Mixed), [], |f| gap(&f.video_cuts()).filter(|_| !f.is_whole())),
    rule!("audio.gap", Alert, Some(Mixed), [], |f| f
        .audio
        .filter(|a| !f.is_whole() && Facts::is_plain(a.evidence))
        .and_then(|_| gap(&f.audio_gaps()))),
    rule!("video.part-of-frame", Alert, Some(Mixed), ["video.part-of-frame-perhaps"], |f| {
        let share = f.share().filter(|_| f.is_partly() && !f.is_whole())?;
        params([("share", Param::Share(share.into()))])
    }),
    rule!("video.part-of-frame-perhaps", Doubt, None, [], |f| {
        let share = f.share().filter(|_| !f.is_partly() && !f.is_whole())?;
        params([
            ("share", Param::Share(share.into())),
            ("lies", if f.lies_as_stamped() { "as-stamped" } else { "moved" }.into()),
        ])
    }),
    rule!("video.mark-copied", Doubt, None, [], |f| {
        params([("chance", f.copied()?.to_string().into())])
    }),
    rule!("video.gap-perhaps", Doubt, None, [], |f| {
        let v = f.video.filter(|_| !f.is_whole())?;
        let cuts = f.video_cuts();
        let lost: Vec<_> = f.video_gaps().into_iter().filter(|g| !cuts.contains(g)).collect();
        let mut told = gap(&lost)?;
        let why = if Facts::is_plain(v.evidence) { "known" } else { "weak" };
        told.insert("why", why.into());
        Some(told)
    }),
    rule!("audio.gap-perhaps", Doubt, None, [], |f| f
        .audio
        .filter(|a| !f.is_whole() && !Facts::is_plain(a.evidence))
        .and_then(|_| gap(&f.audio_gaps()))),
    rule!("video.part-differs", Doubt, None, [], |f| {
        let share = f.original().filter(|_| !f.is_whole()).and_then(|r| f.differs(r))?;
        params([("share", Param::Share(share.into()))])
    }),
    rule!("video.parts-untold", Doubt, None, [], |f| {
        let r =
            f.original().filter(|r| !f.is_whole() && Facts::match_video(r) == Likeness::Same)?;
        plain(f.is_untold(r))
    }),
    rule!("video.stretch-unknown", Doubt, None, [], |f| {
        let r = f.original().filter(|_| !f.is_whole())?;
        gap(&without(&r.unmatched, &f.video_gaps()))
    }),
    // What the file says of itself.
    rule!("manifest.ours", Good, Some(Intact), ["manifest.valid"], |f| f
        .manifest
        .filter(|m| f.is_whole() && !m.credential_alone())
        .map(manifest)),
    rule!("manifest.ours-outlived", Note, Some(Intact), ["manifest.credential"], |f| {
        let m = f.manifest.filter(|m| f.is_whole() && m.credential_alone())?;
        let mut told = manifest(m);
        told.extend(reported::credential(m));
        Some(told)
    }),
    rule!("manifest.derived-from-ours", Doubt, None, [], |f| {
        let mut told = manifest(f.manifest?);
        told.insert("payload", f.is_derived()?.into());
        Some(told)
    }),
    rule!("registry.leads-to-manifest", Good, Some(Recovered), ["registry.knows"], |f| {
        let r = recoverable(f).filter(|r| is_confirmed(f, r))?;
        let mut told = entry(r);
        told.insert("signer", r.manifest.as_ref().map_or_else(reported::unnamed, reported::signer));
        Some(told)
    }),
    rule!("registry.looks-otherwise", Doubt, Some(Marked), ["registry.likeness-untold"], |f| {
        recoverable(f).filter(|r| looks_otherwise(f, r)).map(entry)
    }),
    // What confirms the one says nothing of the other.
    rule!("registry.looks-untold", Doubt, None, [], |f| {
        let r = recoverable(f).filter(|r| is_confirmed(f, r) && f.video.is_some())?;
        plain(!matches!(Facts::match_video(r), Likeness::Same | Likeness::Alike))
    }),
    rule!("registry.sounds-untold", Doubt, None, [], |f| {
        let r = recoverable(f).filter(|r| {
            is_confirmed(f, r) && f.audio.is_some_and(|a| !a.detected && a.note.is_none())
        })?;
        plain(Facts::match_audio(r) == Likeness::Untold)
    }),
    rule!("registry.likeness-untold", Doubt, Some(Marked), [], |f| recoverable(f)
        .filter(|r| !is_confirmed(f, r))
        .map(entry)),
    rule!("registry.manifest-fails", Doubt, Some(Marked), [], |f| {
        let usable = f.manifest.is_some() && f.is_derived().is_none();
        let r = f
            .seen
            .or(f.heard)
            .filter(|_| !usable)
            .and_then(|p| f.entry(p))
            .filter(|r| r.manifest.is_some() && !r.holds() && !r.outlived())?;
        let mut told = entry(r);
        told.extend(r.manifest.as_ref().map(|m| ("faults", reported::faults(m))));
        Some(told)
    }),
    rule!("manifest.trusted", Good, Some(Foreign), [], |f| f
        .manifest
        .filter(|m| !f.is_ours() && m.state == ManifestState::Trusted)
        .map(manifest)),
    rule!("manifest.valid", Doubt, Some(Foreign), [], |f| f
        .manifest
        .filter(|m| !f.is_ours() && m.state == ManifestState::Valid)
        .map(manifest)),
    rule!("manifest.credential", Doubt, Some(Foreign), [], |f| {
        let m = f.manifest.filter(|m| !f.is_ours() && m.credential_alone())?;
        let mut told = manifest(m);
        told.extend(reported::credential(m));
        Some(told)
    }),
    rule!("manifest.foreign-content-changed", Alert, Some(Foreign), [], |f| {
        f.manifest.filter(|m| !f.is_ours() && !m.as_signed() && m.content_changed()).map(manifest)
    }),
    rule!("manifest.foreign-fails", Alert, Some(Foreign), [], |f| {
        let m = f.manifest.filter(|m| !f.is_ours() && !m.as_signed() && !m.content_changed())?;
        let mut told = manifest(m);
        told.insert("faults", reported::faults(m));
        Some(told)
    }),
    rule!("video.marked", Note, Some(Marked), [], |f| {
        let v = f.video.filter(|v| v.detected && !f.is_whole())?;
        params([("payload", v.payload?.into()), ("chance", v.p_value.to_string().into())])
    }),
    rule!("video.agrees", Note, None, ["video.marked"], |f| f
        .seen
        .filter(|p| f.is_ours() && f.named == Some(*p))
        .and_then(|p| params([("payload", p.into())]))),
    rule!(
        "manifest.over-unreadable-mark",
        Doubt,
        None,
        ["video.marked-unreadably", "audio.marked-unreadably"],
        |f| {
            let unread = f.video.is_some_and(|v| v.detected && v.payload.is_none())
                || f.audio.is_some_and(|a| a.detected && a.payload.is_none());
            f.manifest
                .filter(|_| unread && !f.is_ours() && f.seen.or(f.heard).is_none())
                .map(manifest)
        }
    ),
    rule!("video.marked-unreadably", Note, Some(Marked), [], |f| plain(
        f.video.is_some_and(|v| v.detected && v.payload.is_none())
    )),
    rule!("audio.marked", Note, Some(Marked), [], |f| {
        let a = f.audio.filter(|a| a.detected && f.seen.is_none() && !f.is_whole())?;
        params([("payload", a.payload?.into()), ("chance", a.p_value.to_string().into())])
    }),
    rule!("audio.agrees", Note, None, ["audio.marked"], |f| {
        let heard =
            f.heard.filter(|h| Some(*h) == f.seen || (f.is_ours() && f.named == Some(*h)))?;
        params([("payload", heard.into())])
    }),
    rule!("audio.marked-unreadably", Note, Some(Marked), [], |f| plain(
        f.audio.is_some_and(|a| a.detected && a.payload.is_none())
    )),
    rule!("audio.backwards", Doubt, None, [], |f| plain(
        f.audio.and_then(|a| a.geometry).is_some_and(|g| g.backwards)
    )),
    rule!("audio.earlier", Note, None, [], |f| f
        .heard
        .filter(|h| Some(*h) != f.seen && f.is_beneath(*h))
        .and_then(|h| params([("payload", h.into())]))),
    rule!("audio.composed", Note, None, [], |f| f
        .heard
        .filter(|h| Some(*h) != f.seen.or(f.named) && !f.is_beneath(*h) && f.is_composed())
        .and_then(|h| params([("payload", h.into())]))),
    rule!("video.earlier", Note, None, [], |f| {
        let beneath: Vec<crate::Payload> = f
            .video
            .filter(|v| v.detected)
            .map(|v| v.earlier.iter().filter_map(|e| e.payload).collect())
            .unwrap_or_default();
        if beneath.is_empty() { None } else { params([("payloads", beneath.into())]) }
    }),
    // How far it is what is remembered.
    rule!("registry.looks-the-same", Note, None, [], |f| {
        let r = f
            .seen
            .and_then(|p| f.entry(p))
            .filter(|r| matches!(Facts::match_video(r), Likeness::Same | Likeness::Alike))?;
        let parts = match f.compared(r) {
            Some(map) if map.is_told() && map.share == 0.0 => "same",
            _ => "untold",
        };
        params([("parts", parts.into()), ("least", Param::Share(PART_SEEN))])
    }),
    rule!("registry.sounds-the-same", Note, None, [], |f| plain(
        f.heard.and_then(|p| f.entry(p)).is_some_and(|r| Facts::match_audio(r) == Likeness::Same)
    )),
    rule!("registry.sounds-otherwise", Doubt, None, [], |f| {
        let r = f.heard.filter(|_| !f.is_whole()).and_then(|p| f.entry(p));
        plain(r.is_some_and(|r| {
            Facts::match_audio(r) == Likeness::Different && !f.sounds_as_stamped()
        }))
    }),
    rule!("registry.shorter", Note, None, [], |f| lasts(f, Lengths::shorter)),
    rule!("registry.longer", Doubt, None, [], |f| lasts(f, Lengths::longer)),
    rule!("registry.knows", Note, None, [], |f| f
        .original()
        .filter(|_| !f.is_whole() && f.is_claimed().is_none())
        .map(entry)),
    rule!("registry.does-not-know", Note, None, [], |f| {
        let payload = f
            .seen
            .or(f.heard)
            .filter(|p| f.found.asked && !f.is_whole() && f.entry(*p).is_none())?;
        params([("payload", payload.into())])
    }),
    rule!("manifest.origin", Note, None, [], |f| f
        .manifest
        .filter(|m| m.as_signed())
        .and_then(reported::origin)),
    rule!("manifest.elsewhere", Note, None, [], elsewhere),
    rule!("manifest.actor-fails", Doubt, None, ["manifest.names-actor"], |f| actor(
        f,
        |state| state == ActorState::Invalid
    )),
    rule!("manifest.names-actor", Note, None, [], |f| actor(f, |_| true)),
    rule!("manifest.leaves-open", Doubt, None, [], |f| {
        let bytes = f.manifest.filter(|m| m.as_signed())?.open_bytes?;
        params([("bytes", Param::Count(usize::try_from(bytes).unwrap_or(usize::MAX)))])
    }),
    // What the file says of itself, which nobody signed.
    rule!("declaration.names-another-number", Doubt, None, [], another_number),
    rule!("declaration.contradicts-manifest", Doubt, None, ["declaration.made"], contradiction),
    rule!("declaration.made", Note, None, [], |f| f.declared().map(reported::declared)),
    rule!("registry.lookalike", Note, Some(Lookalike), [], |f| {
        let r = f.found.similar.first()?;
        let like = match (r.resemblance.is_some(), r.sound_resemblance.is_some()) {
            (true, true) => "both",
            (false, true) => "audio",
            _ => "video",
        };
        let mut told = entry(r);
        told.insert("like", like.into());
        Some(told)
    }),
    // A manifest that cannot be read is somebody's.
    rule!("manifest.unreadable", Alert, Some(Foreign), ["manifest.none"], |f| plain(
        f.found.manifest.is_some() && f.manifest.is_none()
    )),
    rule!("manifest.none", Note, Some(NothingFound), [], |f| plain(
        f.found.manifest.is_none() && f.found.elsewhere.is_none()
    )),
    rule!("video.unmarked", Note, None, [], |f| plain(
        f.video.is_some_and(|v| !v.detected) && !(f.is_whole() && f.claims_mark)
    )),
    rule!("video.mark-missing", Note, None, [], |f| plain(
        f.video.is_some_and(|v| !v.detected) && f.is_whole() && f.claims_mark
    )),
    rule!("audio.unmarked", Note, None, [], |f| plain(
        f.audio.is_some_and(|a| !a.detected && a.note.is_none())
            && !(f.is_whole() && f.claims_mark)
    )),
    rule!("audio.mark-missing", Note, None, [], |f| plain(
        f.audio.is_some_and(|a| !a.detected && a.note.is_none()) && f.is_whole() && f.claims_mark
    )),
    rule!("media.more-streams", Note, None, [], more_streams),
    rule!("media.no-keys", Note, None, [], |f| plain(
        f.found.unseen == Some(super::Unseen::NoKeys)
    )),
    rule!("media.unsearchable", Doubt, None, [], |f| match f.found.unseen {
        Some(super::Unseen::Kind(kind)) => params([("kind", kind.name().into())]),
        _ => None,
    }),
    rule!("media.unseen", Doubt, None, [], |f| plain(
        f.found.unseen == Some(super::Unseen::Undecodable)
    )),
];
