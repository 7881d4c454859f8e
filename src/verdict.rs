//! Verdicts: what evidence means, in one word and a few plain sentences.

mod told;

use serde::Serialize;

use crate::detect::Detected;
use crate::evidence::TimeRange;
use crate::payload::Payload;
use crate::picture::PictureEvidence;
use crate::provenance::{ManifestReport, ManifestState};
use crate::recovery::Registered;
use crate::registry::Entry;
use crate::sound::SoundEvidence;
use told::{faults, next_step, origin, signed_by, signer, state_of};

/// What a person or a script is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// The embedded manifest is valid, or nothing fails in it but a certificate that has ended, and agrees with the mark.
    Intact,
    /// Our manifest is there but the content is not as signed, or the mark covers a part only.
    Altered,
    /// No usable manifest; the mark led to one in the registry.
    Recovered,
    /// A mark, but no manifest for it.
    Marked,
    /// A manifest from someone else, whether it holds or not, none of our marks.
    Foreign,
    /// Manifest and mark disagree.
    Contradictory,
    /// Neither manifest nor mark.
    NothingFound,
}

impl Verdict {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Altered => "altered",
            Self::Recovered => "recovered",
            Self::Marked => "marked",
            Self::Foreign => "foreign",
            Self::Contradictory => "contradictory",
            Self::NothingFound => "nothing-found",
        }
    }
}

/// A verdict with its reasons and the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in plain sentences, the weightiest first.
    pub reasons: Vec<String>,
    /// What to do next.
    pub next: String,
    /// Whether a manifest is there that fails validation, whoever made it.
    pub manifest_invalid: bool,
}

/// Gap in the marked time that counts as a cut or an insertion, in seconds: two detection spans.
const GAP: f64 = 1.0;
/// Evidence of a mark, about what blind reading takes, under which a part without it accuses nobody: a codec that left so little of it may have left
/// nothing where the picture stands still.
const PLAIN: f32 = 250.0;

/// Share of the picture from which on a mark counts as all over it: captions, logos and what straightening leaves out take less than the rest. Where half was
/// replaced it is 0.48 to 0.69 in 69 of 70 files, and where nothing was 0.75 at the least (`docs/BENCHMARKS.md`).
const EVERYWHERE: f32 = 0.7;
/// Share from which on nothing of the picture that it was made for can be seen beside another one: where half was replaced it is up to 0.88. Below, a moderator is told to look.
const NOTHING_ELSE: f32 = 0.9;

/// What a judgement is made from.
#[derive(Clone, Copy)]
pub(crate) struct Findings<'a> {
    pub(crate) manifest: Option<&'a ManifestReport>,
    /// Where the file says that its manifest is kept, if that is somewhere else.
    pub(crate) elsewhere: Option<&'a str>,
    pub(crate) detected: Option<&'a Detected>,
    /// What the registry remembers of the payloads that were told.
    pub(crate) registered: &'a [Registered],
    /// Registered clips that look or sound like this one, which carries no mark of them.
    pub(crate) similar: &'a [Registered],
    /// Whether there was a registry to ask.
    pub(crate) asked: bool,
}

/// Weighs manifest, marks and what the registry remembers. `unseen` says why marks were not looked for, if they were not.
pub(crate) fn judge(found: &Findings<'_>, unseen: Option<&str>, algorithm: &str) -> Judgement {
    let Findings { manifest, detected, .. } = *found;
    let picture = detected.and_then(|d| d.picture.as_ref());
    let sound = detected.and_then(|d| d.sound.as_ref());
    let mark = picture.filter(|p| p.detected);
    // One that calls our algorithm otherwise still has the number for its label.
    let labelled = |m: &ManifestReport| mark.and_then(|mark| mark.payload).filter(|p| m.label.as_deref() == Some(Entry::id_of(*p).as_str()));
    let named = manifest.and_then(|m| m.payload(algorithm).or_else(|| labelled(m)));
    let mut manifest_invalid = manifest.is_some_and(|m| m.state == ManifestState::Invalid);
    // A manifest too damaged to be read names nobody, and contradicts nobody.
    let readable = manifest.filter(|m| m.label.is_some());
    let without = without(manifest, found.elsewhere);
    let (mut verdict, mut reasons) = match (readable, named) {
        (Some(m), Some(named)) => ours(m, named, picture),
        (Some(m), None) => theirs(m, mark, picture.is_some()),
        (None, _) => match mark {
            Some(mark) => unsigned(mark, without.clone(), detected),
            None => nothing(picture, sound.is_some_and(|s| !s.detected && s.note.is_none()), without.clone()),
        },
    };
    if let Some(sound) = sound {
        verdict = heard(verdict, &mut reasons, sound, readable, named, picture, &without);
    }
    // Whoever made a manifest that cannot be read, something was found.
    if verdict == Verdict::NothingFound && manifest.is_some() {
        verdict = Verdict::Foreign;
    }
    reasons.extend(mark.and_then(remixed));
    reasons.extend(readable.filter(|m| m.as_signed()).and_then(origin));
    reasons.extend(found.elsewhere.filter(|_| readable.is_some()).map(referred));
    if let Some(mixed) = mark.and_then(mixed) {
        verdict = Verdict::Contradictory;
        reasons.insert(0, mixed);
    }
    if found.asked && detected.is_some() {
        manifest_invalid |= recalled(&mut verdict, &mut reasons, found);
    }
    reasons.extend(unseen.map(str::to_string));
    Judgement { verdict, reasons, next: next_step(verdict, manifest, found.elsewhere).into(), manifest_invalid }
}

/// What the registry adds; whether it has a manifest that does not hold.
fn recalled(verdict: &mut Verdict, reasons: &mut Vec<String>, found: &Findings<'_>) -> bool {
    let told = found.detected.map(Detected::payloads).unwrap_or_default();
    reasons.extend(found.similar.first().map(|s| {
        let what = described(s);
        let like = match (s.resemblance, s.sound_resemblance) {
            (Some(_), Some(_)) => "Picture and sound are like those",
            (None, Some(_)) => "The sound is like that",
            _ => "The picture looks like that",
        };
        let carry = if s.resemblance.is_some() && s.sound_resemblance.is_some() { "carry" } else { "carries" };
        format!("{like} of a registered clip, {} ({what}), but {carry} no mark of it: this may be what that clip was made from, or another take of it.", s.id)
    }));
    let picture = found.detected.and_then(|d| d.picture.as_ref());
    let sound = found.detected.and_then(|d| d.sound.as_ref());
    let foreign = picture.and_then(|p| transplanted(p, found.registered)).or_else(|| sound.and_then(|s| overlaid(s, found.registered)));
    if let Some(foreign) = foreign.filter(|_| *verdict != Verdict::Intact) {
        *verdict = Verdict::Contradictory;
        reasons.insert(0, foreign);
        return false;
    }
    if *verdict != Verdict::Marked {
        // What was said already is not said again: a manifest that holds speaks for itself.
        if *verdict != Verdict::Intact {
            reasons.extend(found.registered.iter().filter_map(|r| Some(format!("The registry knows {}: {}.", r.payload?, described(r)))));
        }
        return false;
    }
    let Some(entry) = told.first().and_then(|p| found.registered.iter().find(|r| r.payload == Some(*p))) else {
        reasons.extend(told.first().map(|_| "The registry here does not know this number.".to_string()));
        return false;
    };
    let seen = picture.filter(|p| p.payload == entry.payload).and_then(|_| looks(entry));
    let compared = seen.into_iter().chain(sound.filter(|s| s.payload == entry.payload).and_then(|_| sounds(entry)));
    match &entry.manifest {
        Some(m) if entry.holds() || entry.outlived() => {
            let signed = if entry.holds() { signed_by(m) } else { format!("{}, but {}", signer(m), faults(m)) };
            *verdict = Verdict::Recovered;
            reasons.extend(compared);
            reasons.insert(0, format!("The mark leads to a manifest in the registry: {}, signed by {signed}.", described(entry)));
            reasons.push("The file is not the one that was signed, so the manifest's binding to its exact bytes was left out of account; all else in it was checked.".into());
            !entry.holds()
        }
        Some(m) => {
            let why = if m.state == ManifestState::Invalid { faults(m) } else { "it is another's".into() };
            reasons.push(format!("The registry knows the number, but its manifest does not hold: {why}."));
            true
        }
        None => {
            reasons.push(format!("The registry knows the number: {}, stamped without a manifest.", described(entry)));
            false
        }
    }
}

/// Says that the mark in a picture was made for another one, if it surely was: what is seen is nothing like what was registered, and the mark lies as it
/// was stamped, so that no crop or turn can be the reason.
fn transplanted(picture: &PictureEvidence, registered: &[Registered]) -> Option<String> {
    let everywhere = picture.area.as_ref().is_none_or(|a| a.share > NOTHING_ELSE);
    let entry = registered.iter().find(|r| r.payload.is_some() && r.payload == picture.payload)?;
    // Who lays a mark over another picture has not that clip's own sound beneath it.
    let own_sound = entry.sound_resemblance.is_some_and(|r| r.same());
    let apart = entry.resemblance.filter(|r| r.different() && lies_as_stamped(picture) && everywhere && !own_sound)?;
    let what = described(entry);
    Some(format!(
        "The picture carries mark {}, but looks nothing like the clip that it was made for, {what}: {:.0} of 256 bits of their fingerprints differ. The mark was put here from there.",
        entry.payload?, apart.distance
    ))
}

/// Whether the mark lies in the frame as it was put there, however the frame was resized.
fn lies_as_stamped(picture: &PictureEvidence) -> bool {
    picture.geometry.is_some_and(|g| g.scale.iter().all(|s| (s - 1.0).abs() < 0.02) && g.rotation.abs() < 0.5 && !g.mirrored && !g.inverted)
}

/// Score that a span of half a second has in three of four where nothing was laid over the mark. Voices and music as loud as marked sound, and twice that,
/// leave the mark readable in their pauses and make the sound unlike itself: 11.2 at most in 96 such mixtures. Fresh marks of 10 s have 12 to 17, and 12 of 16 pass.
const UNDISTURBED: f32 = 14.0;

/// Whether the mark in sound is as strong all along as if it had been put there last.
fn undisturbed(sound: &SoundEvidence) -> bool {
    let mut scores: Vec<f32> = sound.spans.iter().map(|s| s.score).collect();
    scores.sort_by(f32::total_cmp);
    scores.get(scores.len().saturating_sub(1) / 4).is_some_and(|&s| s >= UNDISTURBED)
}

/// Says the same of the mark in sound.
fn overlaid(sound: &SoundEvidence, registered: &[Registered]) -> Option<String> {
    let as_stamped = sound.geometry.is_some_and(|g| (g.speed - 1.0).abs() < 0.002 && (g.pitch - 1.0).abs() < 0.002);
    let entry = registered.iter().find(|r| r.payload.is_some() && r.payload == sound.payload)?;
    let apart = entry.sound_resemblance.filter(|r| r.different() && as_stamped && undisturbed(sound))?;
    let what = described(entry);
    Some(format!(
        "The sound carries mark {}, but is nothing like that of the clip that it was made for, {what}: {:.0} % of the bits of their fingerprints differ. The mark was put here from there.",
        entry.payload?,
        100.0 * apart.distance
    ))
}

/// Says how much a sound is like the registered one.
fn sounds(entry: &Registered) -> Option<String> {
    let r = entry.sound_resemblance?;
    Some(match r.same() {
        true => format!("The sound is like the registered one: {:.0} % of the bits of their fingerprints differ.", 100.0 * r.distance),
        false if r.different() => "The sound is nothing like the registered one: something as loud was laid over it, or its mark was put there.".into(),
        false => "Whether the sound is like the registered one cannot be told: too much was done to it, or there is too little of it.".into(),
    })
}

/// Most bits by which a picture that is too short to be called a copy still looks like a moment of another: PDQ's own bound for one picture. By chance the best
/// of a thousand guesses differs in a hundred.
const ALIKE: f32 = 31.0;

/// Says how much a picture looks like the registered one.
fn looks(entry: &Registered) -> Option<String> {
    let r = entry.resemblance?;
    Some(match r.same() {
        true => format!("The picture looks like the registered one: {:.0} of 256 bits of their fingerprints differ.", r.distance),
        false if r.distance <= ALIKE => format!("The picture looks like a moment of the registered one: {:.0} of 256 bits of their fingerprints differ.", r.distance),
        false => "Whether the picture looks like the registered one cannot be told: too much was done to it, or it shows too little.".into(),
    })
}

/// A registered clip in a few words.
fn described(r: &Registered) -> String {
    let title = r.title.as_ref().map(|t| format!("'{t}', ")).unwrap_or_default();
    let date = i64::try_from(r.stamped).ok().and_then(|s| time::OffsetDateTime::from_unix_timestamp(s).ok()).map(|t| t.date().to_string()).unwrap_or_default();
    if r.media_type == Entry::MANIFEST_ALONE {
        return format!("{title}handed in without its clip on {date}");
    }
    format!("{title}{}, stamped on {date}", r.media_type)
}

/// A manifest that names one of our payloads.
fn ours(m: &ManifestReport, named: Payload, picture: Option<&PictureEvidence>) -> (Verdict, Vec<String>) {
    let mut reasons = vec![state_of(m)];
    let mark = picture.filter(|p| p.detected);
    let marked = mark.and_then(|p| p.payload);
    let beneath = mark.is_some_and(|m| m.earlier.iter().any(|e| e.payload == Some(named)));
    if let Some(other) = marked.filter(|_| beneath && !m.as_signed()) {
        reasons.insert(0, format!("The manifest names mark {named}, which the picture carries beneath a newer one, {other}: the clip has been stamped again since."));
        return (Verdict::Altered, reasons);
    }
    if let Some(other) = marked.filter(|&p| p != named) {
        reasons.insert(0, format!("The manifest names mark {named}, but the picture carries mark {other}: one of them was put here from another clip."));
        return (Verdict::Contradictory, reasons);
    }
    if !m.as_signed() {
        match marked {
            Some(p) if m.content_holds == Some(true) => reasons.push(format!("The picture carries the same number, {p}, and the content is as it was signed.")),
            Some(p) => reasons.push(format!("The picture still carries mark {p}, so it stems from the stamped clip, but it is no longer the file that was signed.")),
            None if picture.is_some() => reasons.push("The mark that the manifest names could not be confirmed in the picture.".into()),
            None => {}
        }
        return (Verdict::Altered, reasons);
    }
    match (marked, mark, picture) {
        (Some(p), ..) => reasons.push(format!("The picture carries the same number, {p}.")),
        (None, Some(_), _) => reasons.push("The picture carries a mark, too weak to be read.".into()),
        (None, None, Some(_)) => {
            reasons.push(
                "The mark that the manifest names is not in the picture. A valid manifest ties it to these exact bytes, so either the watermark key is not in this key ring or the \
                 picture was replaced before it was signed."
                    .into(),
            );
        }
        (None, None, None) => {}
    }
    (Verdict::Intact, reasons)
}

/// A manifest that names none of our payloads.
fn theirs(m: &ManifestReport, mark: Option<&PictureEvidence>, looked: bool) -> (Verdict, Vec<String>) {
    let mut reasons = vec![state_of(m)];
    match mark {
        Some(mark) => {
            // Whoever edits a signed clip signs it anew, and takes its manifest along.
            if let Some(p) = mark.payload.filter(|p| m.as_signed() && m.ancestors.iter().any(|a| *a == Entry::id_of(*p))) {
                reasons.push(format!("It was made from the clip whose number the picture carries, {p}: that clip's manifest came with it."));
                return (Verdict::Intact, reasons);
            }
            let name = mark.payload.map_or_else(|| "one of our marks".to_string(), |p| format!("our mark {p}"));
            reasons.insert(
                0,
                format!("The picture carries {name}, but the manifest does not name it: the manifest was put here from another clip, or the clip was signed anew by someone else."),
            );
            (Verdict::Contradictory, reasons)
        }
        None => {
            if looked {
                reasons.push("The picture carries none of our marks.".into());
            }
            (Verdict::Foreign, reasons)
        }
    }
}

/// What the sound adds to a verdict from manifest and picture.
fn heard(
    verdict: Verdict,
    reasons: &mut Vec<String>,
    sound: &SoundEvidence,
    m: Option<&ManifestReport>,
    named: Option<Payload>,
    picture: Option<&PictureEvidence>,
    without: &str,
) -> Verdict {
    let seen = picture.filter(|p| p.detected);
    let numbers: Vec<String> = std::iter::once(sound).chain(&sound.others).filter_map(|s| s.payload).map(|p| p.to_string()).collect();
    if numbers.len() > 1 {
        reasons.insert(0, format!("The sound carries marks {}: it was put together from several clips.", numbers.join(" and ")));
        return Verdict::Contradictory;
    }
    if !sound.detected {
        // What a valid manifest is bound to was not replaced.
        let whole = m.is_some_and(|m| named.is_some() && m.as_signed());
        let why = if whole { "it was not marked" } else { "it was replaced, never marked, or too much was done to it" };
        reasons.extend(seen.filter(|_| sound.note.is_none()).map(|_| format!("The sound carries no mark: {why}.")));
        if picture.is_none() {
            let note = sound.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            match named {
                Some(_) => reasons.push(format!("The mark that the manifest names is not in the sound{note}.")),
                None if m.is_none() => reasons.push("The sound carries none of our marks.".into()),
                None => {}
            }
        }
        return verdict;
    }
    let Some(number) = sound.payload else {
        reasons.push("The sound carries one of our marks, too weak to be read.".into());
        return if verdict == Verdict::NothingFound && m.is_none() { Verdict::Marked } else { verdict };
    };
    reasons.extend(sound.geometry.filter(|g| g.backwards).map(|_| "The sound is played backwards.".to_string()));
    // Whoever composes a clip of several may say so, in a manifest that holds.
    let composed = m.is_some_and(|m| m.as_signed() && m.actions.iter().any(|a| a.action == "c2pa.placed"));
    let beneath = seen.is_some_and(|p| p.earlier.iter().any(|e| e.payload == Some(number)));
    match named.or(seen.and_then(|p| p.payload)) {
        Some(other) if other == number => {
            reasons.push(format!("The sound carries the same number{}.", if picture.is_none() { format!(", {number}") } else { String::new() }));
            reasons.extend(amid(&sound.ranges).map(|gap| missing(gap, " of the sound", sound.evidence)));
        }
        Some(_) if beneath => reasons.push(format!("The sound still carries the earlier mark, {number}.")),
        Some(_) if composed => reasons.push(format!("The sound carries another mark, {number}, and the manifest says that the clip was composed.")),
        Some(other) => {
            let what = if named.is_some() { "The manifest names" } else { "The picture carries" };
            reasons.insert(0, format!("{what} mark {other}, but the sound carries mark {number}: they come from different clips."));
            return Verdict::Contradictory;
        }
        None if m.is_some() => {
            reasons.insert(0, format!("The sound carries our mark {number}, but the manifest does not name it: the manifest or the sound was put here from another clip."));
            return Verdict::Contradictory;
        }
        None => {
            if verdict == Verdict::NothingFound {
                // What was said of the picture alone is told again, in its place.
                reasons.clear();
                reasons.push(format!("The sound carries mark {number}."));
                reasons.push(format!("Evidence this strong comes by chance with probability {} at most.", sound.p_value));
                reasons.push(without.into());
                reasons.extend(picture.map(|_| "The picture carries none of our marks: it was replaced, or too much was done to it.".to_string()));
            }
            if let Some(gap) = uncovered(&sound.ranges, sound.seconds) {
                reasons.insert(1, missing(gap, " of the sound", sound.evidence));
                if sound.evidence >= PLAIN {
                    return Verdict::Altered;
                }
            }
            return if verdict == Verdict::NothingFound { Verdict::Marked } else { verdict };
        }
    }
    verdict
}

/// Says that the picture was put together from several marked clips, if it was.
fn mixed(mark: &PictureEvidence) -> Option<String> {
    let numbers: Vec<String> = std::iter::once(mark).chain(&mark.others).filter_map(|m| m.payload).map(|p| p.to_string()).collect();
    (numbers.len() > 1).then(|| format!("The picture carries marks {}: it was put together from several clips.", numbers.join(" and ")))
}

/// Says that the clip was made from one that was stamped before, if it was.
fn remixed(mark: &PictureEvidence) -> Option<String> {
    let numbers: Vec<String> = mark.earlier.iter().filter_map(|m| m.payload).map(|p| p.to_string()).collect();
    (!numbers.is_empty()).then(|| format!("Beneath it lies mark {}: this clip was made from one that was stamped before.", numbers.join(", then ")))
}

/// A mark without a manifest.
fn unsigned(mark: &PictureEvidence, without: String, detected: Option<&Detected>) -> (Verdict, Vec<String>) {
    let what = match mark.payload {
        Some(p) => format!("The picture carries mark {p}."),
        None => "The picture carries one of our marks, too weak to be read.".into(),
    };
    let mut reasons = vec![what, format!("Evidence this strong comes by chance with probability {} at most.", mark.p_value), without];
    // Sound may go on where there is no picture.
    let seconds = mark.spans.last().map(|last| last.end).or(detected.and_then(|d| d.info.seconds)).unwrap_or(0.0);
    if let Some(gap) = uncovered(&mark.ranges, seconds) {
        reasons.insert(1, missing(gap, "", mark.evidence));
        if mark.evidence >= PLAIN {
            return (Verdict::Altered, reasons);
        }
    }
    if let Some((told, altered)) = mark.area.as_ref().filter(|_| mark.evidence >= PLAIN).and_then(|a| partly(a.share, lies_as_stamped(mark))) {
        reasons.insert(1, told);
        if altered {
            return (Verdict::Altered, reasons);
        }
    }
    (Verdict::Marked, reasons)
}

/// What a mark says that covers such a share of the picture only, and whether it is an alteration: a picture that was put into a larger one has shrunk, and the mark with it.
fn partly(share: f32, as_stamped: bool) -> Option<(String, bool)> {
    let sure = share <= EVERYWHERE;
    let why = match (sure, as_stamped) {
        (true, true) => "the rest was replaced or covered",
        (true, false) => "the rest was put around it, laid over it, or replaced",
        (false, _) => "the rest may have been covered or replaced, or holds too little of it (detect --overlay draws where)",
    };
    (share <= NOTHING_ELSE).then(|| (format!("The mark covers {:.0} % of the picture: {why}.", 100.0 * share), sure && as_stamped))
}

/// Says that there is no manifest here, or none that can be read.
fn without(manifest: Option<&ManifestReport>, elsewhere: Option<&str>) -> String {
    match (manifest, elsewhere) {
        (Some(m), _) => state_of(m),
        (None, Some(address)) => format!("{} There is none in the file or beside it, and nothing was fetched.", referred(address)),
        (None, None) => "There is no manifest, in the file or beside it.".into(),
    }
}

/// Says where a file says that its manifest is.
fn referred(address: &str) -> String {
    format!("The file says that its manifest is kept elsewhere, at {address}.")
}

fn nothing(picture: Option<&PictureEvidence>, listened: bool, without: String) -> (Verdict, Vec<String>) {
    let mut reasons = vec![without];
    reasons.extend(picture.map(|_| if listened { "Neither picture nor sound carries one of our marks." } else { "The picture carries none of our marks." }.to_string()));
    if let Some(note) = picture.and_then(|p| p.note.clone()) {
        reasons.push(note);
    }
    (Verdict::NothingFound, reasons)
}

/// Says where the mark is not, and as much of why as its evidence elsewhere bears.
fn missing(gap: TimeRange, of: &str, evidence: f32) -> String {
    let why =
        if evidence >= PLAIN { "that part was replaced or put in" } else { "it is weak elsewhere too, so that re-encoding may have wiped it out there, or that part was replaced" };
    format!("The mark is missing from {:.1} s to {:.1} s{of}: {why}.", gap.start, gap.end)
}

/// The first stretch of time without the mark that is too long to be an accident of measurement.
fn uncovered(ranges: &[TimeRange], seconds: f64) -> Option<TimeRange> {
    gap(ranges, TimeRange { start: 0.0, end: seconds })
}

/// The same between marked stretches alone.
fn amid(ranges: &[TimeRange]) -> Option<TimeRange> {
    gap(ranges, TimeRange { start: ranges.first()?.start, end: ranges.last()?.end })
}

fn gap(ranges: &[TimeRange], within: TimeRange) -> Option<TimeRange> {
    let mut from = within.start;
    for r in ranges {
        if r.start - from > GAP {
            return Some(TimeRange { start: from, end: r.start });
        }
        from = r.end;
    }
    (!ranges.is_empty() && within.end - from > GAP).then_some(TimeRange { start: from, end: within.end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_mark_accuses_nobody_of_what_lacks_it() {
        let gap = TimeRange { start: 0.0, end: 3.3 };
        assert_eq!(missing(gap, "", 1000.0), "The mark is missing from 0.0 s to 3.3 s: that part was replaced or put in.");
        assert!(missing(gap, " of the sound", 157.0).starts_with("The mark is missing from 0.0 s to 3.3 s of the sound: it is weak elsewhere too"));
    }

    #[test]
    fn a_part_without_the_mark_is_told_before_it_is_an_alteration() {
        assert_eq!(partly(0.95, true), None);
        assert!(partly(0.8, true).is_some_and(|(told, altered)| told.starts_with("The mark covers 80 % of the picture: the rest may have been covered") && !altered));
        assert!(partly(0.6, true).is_some_and(|(told, altered)| told.ends_with("the rest was replaced or covered.") && altered));
        assert!(partly(0.6, false).is_some_and(|(told, altered)| told.contains("put around it") && !altered));
    }

    #[test]
    fn short_gaps_are_no_accusation() {
        let r = |start, end| TimeRange { start, end };
        assert_eq!(uncovered(&[r(0.0, 2.0), r(2.9, 5.0)], 5.5), None);
        assert_eq!(uncovered(&[r(0.0, 2.0), r(4.0, 5.0)], 5.0), Some(r(2.0, 4.0)));
        assert_eq!(uncovered(&[r(0.0, 2.0)], 5.0), Some(r(2.0, 5.0)));
        assert_eq!(uncovered(&[], 5.0), None);
    }
}
