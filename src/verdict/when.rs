//! What rules ask in more than one place, and what they tell.

use super::facts::{Facts, Lengths, Likeness};
use super::reason::{Param, Params, Word, params};
use super::reported;
use crate::provenance::{ActorState, ManifestReport, ManifestState};
use crate::recovery::Registered;
use crate::segments::SegmentFaultKind;

/// Holds where the condition does, with nothing to add.
pub(super) fn plain(holds: bool) -> Option<Params> {
    holds.then(Params::new)
}

pub(super) fn numbers(all: Vec<crate::Payload>) -> Option<Params> {
    if all.len() > 1 { params([("payloads", all.into())]) } else { None }
}

/// What is told of an entry.
pub(super) fn entry(r: &Registered) -> Params {
    let kind = if r.media_type == crate::registry::Entry::MANIFEST_ALONE {
        "handed-in"
    } else {
        "stamped"
    };
    let values = [
        ("title", r.title.clone().map_or_else(|| Word::new("title", "none").into(), Param::from)),
        ("media_type", r.media_type.clone().into()),
        ("date", reported::day(r.stamped).into()),
        ("how", kind.into()),
    ];
    values
        .into_iter()
        .chain(r.payload.map(|p| ("payload", p.into())))
        .chain([("id", r.id.clone().into())])
        .collect()
}

/// What is told of a manifest.
pub(super) fn manifest(m: &ManifestReport) -> Params {
    let place = match &m.fetched {
        Some(_) => "fetched",
        None if m.sidecar => "sidecar",
        None => "embedded",
    };
    Params::from([
        ("signer", reported::signer(m)),
        ("place", place.into()),
        ("listed", if m.state == ManifestState::Trusted { "yes" } else { "no" }.into()),
    ])
}

pub(super) fn gap(gaps: &[proofmark_core::TimeRange]) -> Option<Params> {
    let first = gaps.first()?;
    params([
        ("start", Param::Seconds(first.start)),
        ("end", Param::Seconds(first.end)),
        ("count", Param::Count(gaps.len())),
    ])
}

/// Where segments are not as signed in one way.
pub(super) fn segments(f: &Facts<'_>, kind: SegmentFaultKind) -> Option<Params> {
    let all: Vec<_> = f.found.segments?.of(kind).collect();
    let (rendition, first) = all.first()?;
    params([
        ("start", Param::Seconds(first.start)),
        ("end", Param::Seconds(first.end)),
        ("stretch", if first.start < first.end { "range" } else { "point" }.into()),
        ("count", Param::Count(first.count)),
        ("rendition", (*rendition).to_string().into()),
        ("places", Param::Count(all.len())),
    ])
}

/// Where fewer segments are listed than were signed, as more are said to come: what is missing then
/// before and behind those cannot be told.
pub(super) fn window(f: &Facts<'_>) -> Option<Params> {
    let rendition = f.found.segments?.window()?;
    params([
        ("rendition", rendition.name.clone().into()),
        ("listed", Param::Count(rendition.listed)),
        ("signed", Param::Count(rendition.signed?)),
    ])
}

/// How long a clip lasts that is not whole, and the registered one, if `differs` says how long that
/// is at least or at most.
pub(super) fn lasts(f: &Facts<'_>, differs: impl Fn(Lengths) -> Option<f64>) -> Option<Params> {
    let lengths = f.original().filter(|_| !f.is_whole()).and_then(|r| f.lasts(r))?;
    let registered = Param::Seconds(differs(lengths)?);
    params([("seconds", Param::Seconds(lengths.seconds)), ("registered", registered)])
}

/// Whether a clip is another than the registered one: it carries no mark of that, looks or sounds
/// otherwise, and is like it in nothing.
pub(super) fn is_another(f: &Facts<'_>, r: &Registered) -> bool {
    let alike = [Facts::match_video(r), Facts::match_audio(r)];
    let marked =
        r.payload.is_some_and(|p| f.seen == Some(p) || f.heard == Some(p) || f.is_beneath(p));
    !marked
        && alike.contains(&Likeness::Different)
        && alike.iter().all(|l| matches!(l, Likeness::Different | Likeness::Untold))
}

/// The entry that a mark leads to, and whose manifest can be relied on, where the file has none of
/// ours.
pub(super) fn recoverable<'a>(f: &Facts<'a>) -> Option<&'a Registered> {
    let usable = f.manifest.is_some() && f.is_derived().is_none();
    f.seen
        .or(f.heard)
        .filter(|_| !usable)
        .and_then(|p| f.entry(p))
        .filter(|r| r.holds() || r.outlived())
}

/// Whether a marked picture looks otherwise than the registered one though it lies as that did.
pub(super) fn looks_otherwise(f: &Facts<'_>, r: &Registered) -> bool {
    f.seen.is_some() && f.lies_comparably() && Facts::match_video(r) == Likeness::Different
}

/// Whether it is confirmed that the clip is the registered one, by what was found marked in it.
pub(super) fn is_confirmed(f: &Facts<'_>, r: &Registered) -> bool {
    let looks =
        f.seen.is_some() && matches!(Facts::match_video(r), Likeness::Same | Likeness::Alike);
    let sounds = f.heard.is_some() && Facts::match_audio(r) == Likeness::Same;
    (looks || sounds) && !looks_otherwise(f, r)
}

/// The first actor of a manifest that holds whose state is such.
pub(super) fn actor(f: &Facts<'_>, is: fn(ActorState) -> bool) -> Option<Params> {
    let m = f.manifest.filter(|m| m.as_signed())?;
    m.actors.iter().find(|a| is(a.state)).map(reported::actor)
}

/// Where a manifest is kept elsewhere, and what came of fetching it.
pub(super) fn elsewhere(f: &Facts<'_>) -> Option<Params> {
    let address = f.found.elsewhere?;
    let asked = if f.found.unfetched.is_some() { "yes" } else { "no" };
    let mut told = Params::from([("address", address.into()), ("asked", asked.into())]);
    told.extend(f.found.unfetched.map(|why| ("reason", why.into())));
    Some(told)
}

/// Where a label names another number than the mark.
pub(super) fn another_number(f: &Facts<'_>) -> Option<Params> {
    let (named, payload) = f.declared_number().zip(f.seen.or(f.heard))?;
    if named == payload {
        return None;
    }
    params([("named", named.into()), ("payload", payload.into())])
}

/// Where a file says of itself what its manifest denies.
pub(super) fn contradiction(f: &Facts<'_>) -> Option<Params> {
    let told = reported::how_made(f.manifest.filter(|m| m.as_signed())?)?;
    let declared = f.declared().filter(|d| !reported::agree(told, d.made))?;
    let mut said = reported::declared(declared);
    said.insert("told", Word::new("made", told).into());
    Some(said)
}

/// Where a file holds more than players show and play.
pub(super) fn more_streams(f: &Facts<'_>) -> Option<Params> {
    let info = &f.found.detected?.info;
    if info.more_pictures + info.more_sounds == 0 {
        return None;
    }
    params([
        ("videos", Param::Count(info.more_pictures)),
        ("audios", Param::Count(info.more_sounds)),
    ])
}
