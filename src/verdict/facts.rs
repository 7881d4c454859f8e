//! What is known of a clip, as rules ask for it.

use super::Findings;
use super::thresholds::{
    ALIKE, AS_PLAYED, AS_STAMPED, COMPARABLE, COPIED, EVERYWHERE, GAP, LONGER, NO_PART,
    NOTHING_ELSE, PLAIN, SHORTER, UNDISTURBED,
};
use crate::audio::AudioEvidence;
use crate::fingerprint::{AudioFingerprint, DifferenceMap, VideoFingerprint};
use crate::payload::Payload;
use crate::provenance::{Declaration, EARLIER_ALGORITHMS, Made, ManifestReport, ManifestState};
use crate::recovery::Registered;
use crate::registry::Entry;
use crate::stats::PValue;
use crate::video::VideoEvidence;
use proofmark_core::TimeRange;

/// How long a clip and the registered one last, in seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    pub(super) seconds: f64,
    /// At least and at most.
    pub(super) registered: [f64; 2],
    /// How fast the clip runs, where its picture tells: the registered one goes on by so much in a
    /// second of it.
    pub(super) speed: Option<f64>,
}

impl Lengths {
    /// What the registered clip lasts at least, if this one lasts less at its own speed.
    pub(super) fn shorter(self) -> Option<f64> {
        let [least, _] = self.registered;
        (self.seconds < least / self.speed.unwrap_or(1.0) - SHORTER).then_some(least)
    }

    /// What the registered clip lasts at most, if this one lasts more at its own speed, or at any
    /// that would not be noticed where that is not known.
    pub(super) fn longer(self) -> Option<f64> {
        let [_, most] = self.registered;
        let slack = if self.speed.is_some() { LONGER.known } else { LONGER.unknown };
        let expected = most / self.speed.unwrap_or(1.0);
        (self.seconds > expected * (1.0 + slack) + LONGER.seconds).then_some(most)
    }
}

/// Whose manifest it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// That of this deployment: it is the registered one, or its signer is one of ours.
    Ours,
    /// Another's.
    Stranger,
    /// There is nothing here to tell by: neither a registry nor a signer of ours.
    Untold,
}

/// How far a picture or a sound is the registered one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    Same,
    /// Too short to be called a copy, and like a moment of it.
    Alike,
    Different,
    Untold,
}

/// What is known of a clip.
pub(super) struct Facts<'a> {
    pub(super) found: Findings<'a>,
    /// The manifest, if it can be read.
    pub(super) manifest: Option<&'a ManifestReport>,
    /// The payload that it names.
    pub(super) named: Option<Payload>,
    /// Whether it says that the clip is marked with that.
    pub(super) claims_mark: bool,
    pub(super) owner: Owner,
    /// What the picture and the sound say, where they were looked at.
    pub(super) video: Option<&'a VideoEvidence>,
    pub(super) audio: Option<&'a AudioEvidence>,
    /// The payloads that were read.
    pub(super) seen: Option<Payload>,
    pub(super) heard: Option<Payload>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(found: Findings<'a>, algorithm: &str) -> Self {
        let video = found.detected.and_then(|d| d.picture.as_ref());
        let audio = found.detected.and_then(|d| d.sound.as_ref());
        let seen = video.filter(|v| v.detected).and_then(|v| v.payload);
        let heard = audio.filter(|a| a.detected).and_then(|a| a.payload);
        // One too damaged to be read names nobody, and contradicts nobody.
        let manifest = found.manifest.filter(|m| m.label.is_some());
        let bound = manifest.and_then(|m| m.payload(algorithm));
        let mut facts = Self {
            found,
            manifest,
            named: bound,
            claims_mark: bound.is_some(),
            owner: Owner::Untold,
            video,
            audio,
            seen,
            heard,
        };
        // Any manifest has some number for its label. It is the clip's where a mark has it, as in
        // one that calls our algorithm otherwise, or where the manifest is ours and claims no mark.
        let labelled = manifest.and_then(ManifestReport::labelled);
        if let Some(number) = labelled.filter(|_| bound.is_none()) {
            let seen = seen == Some(number);
            facts.named = Some(number);
            facts.claims_mark = seen;
            if !seen && facts.owner() != Owner::Ours {
                facts.named = None;
            }
        }
        facts.owner = facts.owner();
        facts
    }

    fn owner(&self) -> Owner {
        let Some(m) = self.manifest else { return Owner::Untold };
        let registered = self.named.and_then(|n| self.entry(n)).and_then(|e| e.manifest.as_ref());
        let is_registered = registered.is_some_and(|r| r.store.is_some() && r.store == m.store);
        // Whoever writes a certificate of ours into a manifest has not its key, and the signature
        // fails.
        let signed = !m.failures.iter().any(|f| f.starts_with("claimSignature"));
        let certificate = m.signer.as_ref().and_then(|s| s.certificate.as_ref());
        if is_registered || (signed && certificate.is_some_and(|c| self.found.own.contains(c))) {
            return Owner::Ours;
        }
        if registered.is_none() && self.found.own.is_empty() {
            Owner::Untold
        } else {
            Owner::Stranger
        }
    }

    /// What the registry remembers of a number.
    pub(super) fn entry(&self, payload: Payload) -> Option<&'a Registered> {
        self.found.registered.iter().find(|r| r.payload == Some(payload))
    }

    /// The number that the clip is told by: of its marks, else of its manifest.
    pub(super) fn subject(&self) -> Option<Payload> {
        self.seen.or(self.heard).or(self.named.filter(|_| self.owner != Owner::Stranger))
    }

    /// What is remembered of it.
    pub(super) fn original(&self) -> Option<&'a Registered> {
        self.subject().and_then(|p| self.entry(p))
    }

    /// Whether the manifest and what it is bound to are as they were signed.
    pub(super) fn as_signed(&self) -> bool {
        self.manifest.is_some_and(ManifestReport::as_signed)
    }

    /// Whether the manifest is ours, as far as can be told, and says what the clip is.
    pub(super) fn is_ours(&self) -> bool {
        self.named.is_some() && self.owner != Owner::Stranger
    }

    /// Whether nothing beside the manifest is needed to know the clip: it is ours, and what it is
    /// bound to is as it was signed.
    pub(super) fn is_whole(&self) -> bool {
        self.is_ours() && self.as_signed()
    }

    /// Whether a stranger's manifest names a number that is ours: one of our marks in the clip has
    /// it, or our registry knows it.
    pub(super) fn is_claimed(&self) -> Option<Payload> {
        self.named.filter(|&n| {
            self.owner == Owner::Stranger
                && (self.seen == Some(n)
                    || self.heard == Some(n)
                    || self.is_beneath(n)
                    || self.entry(n).is_some())
        })
    }

    /// What the file says of itself that matters most: that AI made it, where it says so.
    pub(super) fn declared(&self) -> Option<&Declaration> {
        let all = self.found.declarations;
        let ai = |d: &&Declaration| matches!(d.made, Made::Ai | Made::PartAi | Made::PerhapsAi);
        all.iter().find(ai).or_else(|| all.iter().find(|d| d.made != Made::Other))
    }

    /// The number that it says it has.
    pub(super) fn declared_number(&self) -> Option<Payload> {
        self.found.declarations.iter().find_map(|d| d.payload)
    }

    /// Whether the manifest, whoever signed it, was made over the clip whose number was read.
    pub(super) fn is_derived(&self) -> Option<Payload> {
        let m = self.manifest.filter(|m| m.as_signed())?;
        self.seen.or(self.heard).filter(|p| {
            self.named != Some(*p) && m.ancestors.iter().any(|a| *a == Entry::id_of(*p))
        })
    }

    /// Whether a number lies beneath the one that was read: the clip was stamped again.
    pub(super) fn is_beneath(&self, payload: Payload) -> bool {
        self.video
            .is_some_and(|v| v.detected && v.earlier.iter().any(|e| e.payload == Some(payload)))
    }

    /// Whether the manifest says that the clip was put together, and holds.
    pub(super) fn is_composed(&self) -> bool {
        self.manifest
            .is_some_and(|m| m.as_signed() && m.actions.iter().any(|a| a.action == "c2pa.placed"))
    }

    /// Every number in the picture that lies beside others.
    pub(super) fn numbers_seen(&self) -> Vec<Payload> {
        self.video
            .filter(|v| v.detected)
            .map(|v| std::iter::once(v).chain(&v.others).filter_map(|m| m.payload).collect())
            .unwrap_or_default()
    }

    /// The same of the sound.
    pub(super) fn numbers_heard(&self) -> Vec<Payload> {
        self.audio
            .filter(|a| a.detected)
            .map(|a| std::iter::once(a).chain(&a.others).filter_map(|m| m.payload).collect())
            .unwrap_or_default()
    }

    /// How far the picture is that of an entry.
    pub(super) fn match_video(entry: &Registered) -> Likeness {
        match entry.resemblance {
            Some(r) if r.same() => Likeness::Same,
            Some(r) if r.distance <= ALIKE => Likeness::Alike,
            Some(r) if r.different() => Likeness::Different,
            _ => Likeness::Untold,
        }
    }

    /// How the picture looks part by part, where it is known which part of the registered clip's it
    /// shows: its mark lies as it did there, or it looks the same.
    pub(super) fn compared(&self, entry: &'a Registered) -> Option<&'a DifferenceMap> {
        let placed = self.video.is_some_and(|v| !v.detected)
            || self.lies_as_stamped()
            || Self::match_video(entry) == Likeness::Same;
        entry.difference.as_ref().filter(|_| placed)
    }

    /// Share of the picture that looks otherwise than the registered one, where a part does and the
    /// rest is that clip's.
    pub(super) fn differs(&self, entry: &'a Registered) -> Option<f32> {
        let map = self.compared(entry)?;
        let rest = map.share <= NO_PART
            || matches!(Self::match_video(entry), Likeness::Same | Likeness::Alike);
        (map.share > 0.0 && rest).then_some(map.share)
    }

    /// Whether parts could not be compared though the registered picture is there to compare.
    pub(super) fn is_untold(&self, entry: &'a Registered) -> bool {
        entry.picture.is_some() && !self.compared(entry).is_some_and(DifferenceMap::is_told)
    }

    /// How long the clip and the registered one last.
    pub(super) fn lasts(&self, entry: &Registered) -> Option<Lengths> {
        let seconds = self.found.detected?.info.seconds?;
        let known = [
            entry.picture.as_ref().and_then(VideoFingerprint::lasts),
            entry.sound.as_ref().and_then(AudioFingerprint::lasts),
        ];
        let longest =
            known.into_iter().flatten().reduce(|a, b| [a[0].max(b[0]), a[1].max(b[1])])?;
        let looks = entry.resemblance.filter(|_| Self::match_video(entry) == Likeness::Same);
        let speed = looks.map(|r| f64::from(r.speed));
        Some(Lengths { seconds, registered: longest.map(f64::from), speed })
    }

    /// How far the sound is.
    pub(super) fn match_audio(entry: &Registered) -> Likeness {
        match entry.sound_resemblance {
            Some(r) if r.same() => Likeness::Same,
            Some(r) if r.different() => Likeness::Different,
            _ => Likeness::Untold,
        }
    }

    /// Whether the mark lies in the frame as it was put there, however the frame was resized: no
    /// crop or turn can be why a picture looks otherwise.
    pub(super) fn lies_as_stamped(&self) -> bool {
        let (size, degrees) = AS_STAMPED;
        let geometry = self.video.and_then(|v| v.geometry);
        geometry.is_some_and(|g| {
            g.scale.iter().all(|s| (s - 1.0).abs() < size)
                && g.rotation.abs() < degrees
                && !g.mirrored
                && !g.inverted
        })
    }

    /// The same where the picture was turned by so little that turning it back, as was done before
    /// it was compared, loses nothing that counts.
    pub(super) fn lies_comparably(&self) -> bool {
        let (size, degrees) = COMPARABLE;
        let geometry = self.video.and_then(|v| v.geometry);
        geometry.is_some_and(|g| {
            g.scale.iter().all(|s| (s - 1.0).abs() < size)
                && g.rotation.abs() < degrees
                && !g.mirrored
                && !g.moving
        })
    }

    /// Whether the mark in sound is as strong all along as if it had been put there last, and the
    /// sound runs as it did then.
    pub(super) fn sounds_as_stamped(&self) -> bool {
        let Some(audio) = self.audio else { return false };
        let mut scores: Vec<f32> = audio.spans.iter().map(|s| s.score).collect();
        scores.sort_by(f32::total_cmp);
        let undisturbed =
            scores.get(scores.len().saturating_sub(1) / 4).is_some_and(|&s| s >= UNDISTURBED);
        undisturbed
            && audio.geometry.is_some_and(|g| {
                (g.speed - 1.0).abs() < AS_PLAYED && (g.pitch - 1.0).abs() < AS_PLAYED
            })
    }

    /// How likely a marked clip would have so little of the aperiodic part, where that is next to
    /// impossible. What looks like the registered clip is that clip, and one that was registered
    /// with a mark of one part has one part.
    pub(super) fn copied(&self) -> Option<PValue> {
        let video = self.video.filter(|v| v.detected && !self.is_whole())?;
        let copied = video.parts?.copied;
        let known = video.payload.and_then(|p| self.entry(p));
        let excused = known.is_some_and(|entry| {
            let bindings = entry.manifest.iter().flat_map(|m| &m.soft_bindings);
            matches!(Self::match_video(entry), Likeness::Same | Likeness::Alike)
                || bindings.into_iter().any(|b| EARLIER_ALGORITHMS.contains(&b.alg.as_str()))
        });
        (copied.value() <= COPIED && !excused).then_some(copied)
    }

    /// Share of the picture that the mark covers, where that is plain enough to be told: by the
    /// mark alone, or because the registered picture was found in just that part.
    pub(super) fn share(&self) -> Option<f32> {
        let plain = |v: &&VideoEvidence| v.evidence >= PLAIN || self.is_inset();
        let video = self.video.filter(|v| v.detected).filter(plain)?;
        video.area.as_ref().map(|a| a.share).filter(|share| *share <= NOTHING_ELSE)
    }

    /// Whether the registered picture lies within another one.
    fn is_inset(&self) -> bool {
        !self.lies_as_stamped()
            && self.original().is_some_and(|r| r.inset && Self::match_video(r) == Likeness::Same)
    }

    /// Whether the mark surely covers a part of what it was put into. Where it is missing it may
    /// have been lost, in the dark or to a codec: a picture that looks as it was registered in all
    /// of its parts speaks against what is missing of the mark.
    pub(super) fn is_partly(&self) -> bool {
        self.share().is_some_and(|share| share <= EVERYWHERE)
            && self.lies_as_stamped()
            && !self.looks_unchanged()
    }

    /// Whether the picture, held part by part against the registered one, is that in all of them.
    fn looks_unchanged(&self) -> bool {
        self.original()
            .filter(|entry| Self::match_video(entry) == Likeness::Same)
            .and_then(|entry| self.compared(entry))
            .is_some_and(|map| map.is_told() && map.share <= 0.0)
    }

    /// When the mark is missing from the picture, of all of its time.
    pub(super) fn video_gaps(&self) -> Vec<TimeRange> {
        let Some(video) = self.video.filter(|v| v.detected) else { return Vec::new() };
        // Sound may go on where there is no picture.
        let seconds = video
            .spans
            .last()
            .map(|last| last.end)
            .or(self.found.detected.and_then(|d| d.info.seconds))
            .unwrap_or(0.0);
        let others: Vec<TimeRange> = video
            .others
            .iter()
            .chain(&video.earlier)
            .filter(|o| o.payload.is_some())
            .flat_map(|o| o.ranges.clone())
            .collect();
        without(&gaps(&video.ranges, seconds), &others)
    }

    /// Those of them in which it was surely not put: it is plain elsewhere, and nothing there is
    /// like a registered picture. What is, may have lost its mark to a codec.
    pub(super) fn video_cuts(&self) -> Vec<TimeRange> {
        if !self.video.is_some_and(|v| Self::is_plain(v.evidence)) {
            return Vec::new();
        }
        let known = self.original().map_or(&[][..], |entry| &entry.known);
        without(&self.video_gaps(), known)
    }

    /// When it is missing from the sound: of all its time where the picture is not marked, else
    /// between what is marked.
    pub(super) fn audio_gaps(&self) -> Vec<TimeRange> {
        let Some(audio) = self.audio.filter(|a| a.detected) else { return Vec::new() };
        let others: Vec<TimeRange> = audio
            .others
            .iter()
            .filter(|o| o.payload.is_some())
            .flat_map(|o| o.ranges.clone())
            .collect();
        let found = without(&gaps(&audio.ranges, audio.seconds), &others);
        if self.seen.is_none() {
            return found;
        }
        let within = audio.ranges.first().zip(audio.ranges.last());
        found
            .into_iter()
            .filter(|g| {
                within.is_some_and(|(first, last)| g.start >= first.start && g.end <= last.end)
            })
            .collect()
    }

    /// Whether evidence is enough that a part without it says something.
    pub(super) fn is_plain(evidence: f32) -> bool {
        evidence >= PLAIN
    }

    /// Whether the manifest's failures are those of a state.
    pub(super) fn is_invalid(&self) -> bool {
        self.found.manifest.is_some_and(|m| m.state == ManifestState::Invalid)
    }
}

/// The stretches without the mark, of `seconds`, that are too long to be an accident of
/// measurement.
fn gaps(ranges: &[TimeRange], seconds: f64) -> Vec<TimeRange> {
    if ranges.is_empty() {
        return Vec::new();
    }
    let starts = std::iter::once(0.0).chain(ranges.iter().map(|r| r.end));
    let ends = ranges.iter().map(|r| r.start).chain([seconds]);
    starts
        .zip(ends)
        .filter(|(start, end)| end - start > GAP)
        .map(|(start, end)| TimeRange { start, end })
        .collect()
}

/// Those of which the better part is not another's.
pub(super) fn without(gaps: &[TimeRange], others: &[TimeRange]) -> Vec<TimeRange> {
    let taken = |g: &TimeRange| {
        others.iter().map(|o| (o.end.min(g.end) - o.start.max(g.start)).max(0.0)).sum::<f64>()
    };
    gaps.iter().copied().filter(|g| g.end - g.start - taken(g) > GAP).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_later_gaps_are_told_and_short_ones_accuse_nobody() {
        let r = |start, end| TimeRange { start, end };
        assert_eq!(gaps(&[r(0.0, 2.0), r(2.9, 5.0)], 5.5), []);
        assert_eq!(gaps(&[r(1.5, 2.0), r(4.0, 5.0)], 7.0), [r(0.0, 1.5), r(2.0, 4.0), r(5.0, 7.0)]);
        assert_eq!(gaps(&[], 5.0), []);
        assert_eq!(
            without(&[r(0.0, 4.0), r(6.0, 8.0)], &[r(0.0, 3.5)]),
            [r(6.0, 8.0)],
            "nothing is missing where another of our marks is"
        );
    }

    #[test]
    fn a_copy_is_longer_or_shorter_at_its_own_speed() {
        let clip = |seconds, speed| Lengths { seconds, registered: [6.0, 6.5], speed };
        // Two seconds put in, and the same copy where its speed is not known.
        assert_eq!(clip(8.0, Some(1.0)).longer(), Some(6.5));
        assert_eq!(clip(8.0, None).longer(), None);
        // Slower or faster it lasts longer or shorter, whole as it is.
        assert_eq!((clip(8.0, Some(0.8)).longer(), clip(8.0, Some(0.8)).shorter()), (None, None));
        assert_eq!(clip(4.9, Some(1.25)).shorter(), None);
        assert_eq!(clip(4.9, Some(1.0)).shorter(), Some(6.0));
    }
}
