//! Verdicts: what evidence means, in one word, with reasons that scripts and people can read.
//!
//! What is known becomes facts (`facts`), rules say what follows from them (`rules`), and sentences
//! are found by the rules' codes (`text`). Numbers that decide stand in `thresholds`. How grave a
//! verdict is, and with it the exit code and the colours of a terminal and of the page, follows
//! from the verdict, from who vouches for it and from its reasons. `docs/reference/verdicts.md` is
//! written from the table.

#[cfg(test)]
mod enumerated;
mod facts;
mod reason;
mod reported;
mod rules;
mod text;
mod thresholds;
mod when;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::detect::Detected;
use crate::media::Kind;
use crate::payload::Payload;
use crate::provenance::{Declaration, ManifestReport, ManifestState};
use crate::recovery::Registered;
use crate::segments::Segments;
use facts::{Facts, Owner};
pub use reason::{Param, Params, Reason, Severity, Word};
use rules::RULES;
pub use text::{Language, bundle};

/// What a person or a script is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// The manifest in the file is valid and ours, and agrees with the marks.
    Intact,
    /// Our manifest is there, but the content is not as it was signed.
    Altered,
    /// No usable manifest; the mark led to one in the registry, and the clip is the registered one.
    Recovered,
    /// A mark, and no manifest that can be relied on for it.
    Marked,
    /// Our marks in a part only, or several clips of ours in one.
    Mixed,
    /// A manifest from someone else, whether it holds or not, none of our marks.
    Foreign,
    /// Claims that cannot all be true.
    Contradictory,
    /// Neither mark nor manifest, but it looks or sounds like a registered clip.
    Lookalike,
    /// None of all that.
    NothingFound,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Intact,
        Self::Altered,
        Self::Recovered,
        Self::Marked,
        Self::Mixed,
        Self::Foreign,
        Self::Contradictory,
        Self::Lookalike,
        Self::NothingFound,
    ];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::Altered => "altered",
            Self::Recovered => "recovered",
            Self::Marked => "marked",
            Self::Mixed => "mixed",
            Self::Foreign => "foreign",
            Self::Contradictory => "contradictory",
            Self::Lookalike => "lookalike",
            Self::NothingFound => "nothing-found",
        }
    }
}

/// Who vouches for what the manifest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Vouched {
    /// This deployment: the signer is one of ours, or the manifest is the registered one.
    Own,
    /// A trust list that names the signer.
    Trusted,
    /// Nobody here: the manifest holds, and anybody may have signed it.
    Unknown,
    /// Nobody can: the manifest does not hold.
    Invalid,
}

impl Vouched {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Trusted => "trusted",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
        }
    }
}

/// A verdict with its reasons and the next step.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Who vouches for the manifest that it rests on; `None` where it rests on none.
    pub trust: Option<Vouched>,
    /// How good or bad that is.
    pub severity: Severity,
    /// The first line of every answer.
    pub summary: Reason,
    /// Why, the weightiest first.
    pub reasons: Vec<Reason>,
    /// Codes of what to do next.
    pub next: Vec<&'static str>,
    /// Whether a manifest is there that fails validation, whoever made it.
    pub manifest_invalid: bool,
}

impl Judgement {
    /// Whether it has a reason of this code.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        self.reasons.iter().any(|r| r.code == code)
    }

    /// How grave it is where manifests are taken whoever signed them, as long as they hold.
    #[must_use]
    pub fn severity_with_unknown_signers(&self) -> Severity {
        severity(
            self.verdict,
            self.trust.map(|t| if t == Vouched::Unknown { Vouched::Trusted } else { t }),
            &self.reasons,
        )
    }
}

/// Why marks were not looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// There is no key.
    NoKeys,
    /// There is neither picture nor sound that could be decoded.
    Undecodable,
    /// It is of a kind in which nobody here can look for them.
    Kind(Kind),
}

/// What a judgement is made from.
#[derive(Clone, Copy)]
pub(crate) struct Findings<'a> {
    pub(crate) manifest: Option<&'a ManifestReport>,
    /// How its segments fare, of a clip in segments.
    pub(crate) segments: Option<&'a Segments>,
    /// Where the file says that its manifest is kept, if that is somewhere else.
    pub(crate) elsewhere: Option<&'a str>,
    /// Why that could not be fetched, where it was to be.
    pub(crate) unfetched: Option<&'a str>,
    /// What the file says of itself, unsigned.
    pub(crate) declarations: &'a [Declaration],
    pub(crate) detected: Option<&'a Detected>,
    /// Why nothing was detected, if nothing could be.
    pub(crate) unseen: Option<Unseen>,
    /// What the registry remembers of the payloads that were told.
    pub(crate) registered: &'a [Registered],
    /// Registered clips that look or sound like this one, which carries no mark of them.
    pub(crate) similar: &'a [Registered],
    /// Whether there was a registry to ask.
    pub(crate) asked: bool,
    /// SHA-256 of the certificates that may sign for this deployment.
    pub(crate) own: &'a BTreeSet<String>,
}

/// The number that the manifest rightly names: a stranger's claim leads nowhere.
pub(crate) fn named(found: Findings<'_>, algorithm: &str) -> Option<Payload> {
    let facts = Facts::of(found, algorithm);
    facts.named.filter(|_| facts.owner != Owner::Stranger)
}

/// Weighs manifest, marks and what the registry remembers.
pub(crate) fn judge(found: Findings<'_>, algorithm: &str) -> Judgement {
    let facts = Facts::of(found, algorithm);
    let holds: Vec<_> =
        RULES.iter().filter_map(|rule| Some((rule, (rule.when)(&facts)?))).collect();
    let silenced: BTreeSet<&str> =
        holds.iter().flat_map(|(rule, _)| rule.overrides).copied().collect();
    let told = || holds.iter().filter(|(rule, _)| !silenced.contains(rule.code));
    let verdict = told().find_map(|(rule, _)| rule.implies).unwrap_or(Verdict::NothingFound);
    let reasons: Vec<Reason> = told()
        .map(|(rule, params)| Reason {
            code: rule.code,
            severity: rule.severity,
            params: params.clone(),
        })
        .collect();
    let trust = trust(verdict, &facts);
    let severity = severity(verdict, trust, &reasons);
    let summary = Reason {
        code: summary_code(verdict),
        severity,
        params: summary(verdict, severity, trust, &facts),
    };
    Judgement {
        verdict,
        trust,
        severity,
        summary,
        next: next(verdict, trust, &facts, &reasons),
        reasons,
        manifest_invalid: facts.is_invalid(),
    }
}

/// Who vouches for the manifest that a verdict rests on.
fn trust(verdict: Verdict, facts: &Facts<'_>) -> Option<Vouched> {
    if verdict == Verdict::Recovered {
        return Some(if facts.is_derived().is_some() { Vouched::Unknown } else { Vouched::Own });
    }
    let m = facts.found.manifest?;
    Some(match m.state {
        _ if !m.as_signed() => Vouched::Invalid,
        _ if facts.owner == Owner::Ours => Vouched::Own,
        ManifestState::Trusted => Vouched::Trusted,
        _ => Vouched::Unknown,
    })
}

/// How grave a verdict is: no better than its gravest reason, and good only if somebody vouches for
/// it.
fn severity(verdict: Verdict, trust: Option<Vouched>, reasons: &[Reason]) -> Severity {
    let vouched = matches!(trust, Some(Vouched::Own | Vouched::Trusted));
    let own = match verdict {
        Verdict::Altered | Verdict::Mixed | Verdict::Contradictory => Severity::Alert,
        Verdict::Intact | Verdict::Recovered | Verdict::Foreign => {
            if vouched {
                Severity::Good
            } else {
                Severity::Doubt
            }
        }
        Verdict::Marked | Verdict::Lookalike | Verdict::NothingFound => Severity::Note,
    };
    // That nobody vouches for a signer is said by the trust, and weighed with it.
    let grave = reasons
        .iter()
        .filter(|r| !(vouched && r.code == "manifest.valid"))
        .map(|r| r.severity)
        .filter(|s| *s >= Severity::Doubt)
        .max();
    own.max(grave.unwrap_or(Severity::Good))
}

/// The code of a verdict's first line.
fn summary_code(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Intact => "summary.intact",
        Verdict::Altered => "summary.altered",
        Verdict::Recovered => "summary.recovered",
        Verdict::Marked => "summary.marked",
        Verdict::Mixed => "summary.mixed",
        Verdict::Foreign => "summary.foreign",
        Verdict::Contradictory => "summary.contradictory",
        Verdict::Lookalike => "summary.lookalike",
        Verdict::NothingFound => "summary.nothing-found",
    }
}

/// What it says: how the clip was made, who says so, when, and whether that is confirmed.
fn summary(
    verdict: Verdict,
    severity: Severity,
    trust: Option<Vouched>,
    facts: &Facts<'_>,
) -> Params {
    let original = facts.original();
    let m = if verdict == Verdict::Recovered {
        original.and_then(|r| r.manifest.as_ref())
    } else {
        facts.manifest
    };
    let mut out = Params::from([
        ("trust", trust.map_or("none", Vouched::name).into()),
        ("severity", severity.name().into()),
    ]);
    // Of a manifest that does not hold nothing is told as if it did.
    let told = m.filter(|_| trust != Some(Vouched::Invalid)).map(reported::made);
    out.extend(told.unwrap_or_else(reported::unsaid));
    out.insert("signer", m.map_or_else(reported::unnamed, reported::signer));
    out.extend(original.map(|r| ("date", reported::day(r.stamped).into())));
    let declared = facts.declared().map(reported::declared);
    let said = match (facts.found.elsewhere, &declared) {
        (Some(_), _) => "elsewhere",
        (None, Some(_)) => "yes",
        (None, None) => "no",
    };
    out.insert("declared", said.into());
    out.extend(declared.and_then(|mut told| Some(("how", told.remove("how")?))));
    out
}

/// What to do next, by code.
fn next(
    verdict: Verdict,
    trust: Option<Vouched>,
    facts: &Facts<'_>,
    reasons: &[Reason],
) -> Vec<&'static str> {
    let has = |code: &str| reasons.iter().any(|r| r.code == code);
    let mut out = Vec::new();
    out.push(match verdict {
        Verdict::Intact if has("manifest.ours-outlived") => "sign-with-time-stamp",
        Verdict::Intact if trust == Some(Vouched::Unknown) => "name-signer",
        Verdict::Intact => "read-actions",
        Verdict::Foreign if trust == Some(Vouched::Invalid) => "ask-for-signed",
        Verdict::Foreign if trust == Some(Vouched::Unknown) => "take-as-claim",
        Verdict::Foreign => "read-actions",
        Verdict::Altered => "ask-for-original",
        Verdict::Recovered => "read-recovered",
        Verdict::Marked if has("registry.likeness-untold") || has("registry.looks-otherwise") => {
            "compare-by-eye"
        }
        Verdict::Marked => "ask-key-holder",
        Verdict::Mixed => "look-at-parts",
        Verdict::Contradictory if has("manifest.stranger-names-our-payload") => "trust-marks",
        Verdict::Contradictory => "doubt-both",
        Verdict::Lookalike => "compare-by-eye",
        Verdict::NothingFound if facts.found.elsewhere.is_some() => "fetch-manifest",
        Verdict::NothingFound => "nothing-follows",
    });
    if has("registry.looks-untold") || has("registry.sounds-untold") {
        out.push("compare-by-eye");
    }
    if has("manifest.stranger-names-our-payload") {
        out.push("list-own-signer");
    }
    let unattested =
        |r: &Reason| r.params.get("because").is_some_and(|why| why.to_string() == "unlisted");
    if reasons.iter().any(unattested) {
        out.push("give-time-authorities");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::DifferenceMap;
    use enumerated::{Case, cases};

    /// What version 0.1 said of each of [`cases`]: a letter for the verdict, a capital where the
    /// exit code was 3.
    const BEFORE: &str = include_str!("before.txt");

    #[test]
    fn nothing_is_good_that_is_not_confirmed() {
        for case in cases() {
            let judged = case.judge();
            let stranger = case.names > 0 && case.whose == 1;
            if judged.severity == Severity::Good {
                assert!(
                    matches!(judged.trust, Some(Vouched::Own | Vouched::Trusted)),
                    "{case:?} {judged:?}"
                );
                assert!(
                    !stranger || case.manifest == 3 || judged.verdict == Verdict::Recovered,
                    "{case:?} {judged:?}"
                );
            }
            if matches!(judged.verdict, Verdict::Intact | Verdict::Altered) {
                assert!(!stranger, "a stranger's manifest made it ours: {case:?} {judged:?}");
            }
            if judged.verdict == Verdict::Recovered {
                assert!(
                    case.looks == 0 && case.video >= 2 || case.sounds == 0 && case.audio >= 2,
                    "{case:?} {judged:?}"
                );
            }
            assert!(!judged.reasons.is_empty() && !judged.next.is_empty(), "{case:?}");
        }
    }

    #[test]
    fn every_change_since_the_last_version_is_written_down() {
        let before: Vec<char> = BEFORE.chars().filter(|c| !c.is_whitespace()).collect();
        let cases = cases();
        assert_eq!(before.len(), cases.len());
        let mut counts: std::collections::BTreeMap<(String, String), (usize, String)> =
            std::collections::BTreeMap::new();
        for (case, old) in cases.iter().zip(before) {
            let judged = case.judge();
            let name = match old.to_ascii_lowercase() {
                'i' => "intact",
                'a' => "altered",
                'r' => "recovered",
                'm' => "marked",
                'f' => "foreign",
                'c' => "contradictory",
                _ => "nothing-found",
            };
            let old_exit = if old.is_uppercase() { 3 } else { i32::from(name == "nothing-found") };
            let now = format!(
                "{}, {}, {}",
                judged.verdict.name(),
                judged.trust.map_or("–", Vouched::name),
                judged.severity.name()
            );
            let entry = counts
                .entry((format!("{name}, {old_exit}"), now))
                .or_insert_with(|| (0, case.describe()));
            entry.0 += 1;
        }
        let mut table = String::from(
            "| said by 0.1, exit code | now, trust, severity | cases | the first |\n| --- | --- | \
            --- | --- |\n",
        );
        for ((old, now), (count, first)) in &counts {
            table.push_str(&format!("| {old} | {now} | {count} | {first} |\n"));
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/results/verdicts.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let (head, old) = written.split_at(written.find("| said by 0.1").unwrap_or(written.len()));
        if std::env::var_os("PROOFMARK_WRITE_TABLES").is_some() {
            std::fs::write(path, format!("{head}{table}")).unwrap();
        }
        assert_eq!(
            old, table,
            "docs/results/verdicts.md is not what is said; write it anew with \
            PROOFMARK_WRITE_TABLES=1"
        );
    }

    #[test]
    fn what_is_missing_of_a_mark_accuses_no_picture_that_is_as_it_was_registered() {
        let in_half_of_the_frame = Case {
            manifest: 0,
            names: 0,
            whose: 0,
            video: 2,
            audio: 0,
            extent: 2,
            registry: 2,
            looks: 0,
            sounds: 0,
        };
        let judge = |difference| {
            let mut registered = in_half_of_the_frame.registered();
            registered[0].difference = difference;
            in_half_of_the_frame.judge_beside(&registered)
        };
        for difference in [None, Some(DifferenceMap::example(true))] {
            let judged = judge(difference);
            assert_eq!(judged.verdict, Verdict::Mixed, "{judged:?}");
            assert!(judged.has("video.part-of-frame"), "{judged:?}");
        }
        let judged = judge(Some(DifferenceMap::example(false)));
        assert_eq!((judged.verdict, judged.severity), (Verdict::Recovered, Severity::Doubt));
        assert!(judged.has("video.part-of-frame-perhaps"), "{judged:?}");
        let for_some_of_the_time = Case { extent: 1, ..in_half_of_the_frame };
        for (known, verdict) in [(1.0, Verdict::Mixed), (60.0, Verdict::Recovered)] {
            let mut registered = for_some_of_the_time.registered();
            registered[0].known = vec![proofmark_core::TimeRange { start: 0.0, end: known }];
            let judged = for_some_of_the_time.judge_beside(&registered);
            assert_eq!(judged.verdict, verdict, "{judged:?}");
            assert_eq!(judged.has("video.gap-perhaps"), known > 1.0, "{judged:?}");
        }
    }

    #[test]
    fn codes_are_each_rules_own() {
        let codes: BTreeSet<&str> = RULES.iter().map(|r| r.code).collect();
        assert_eq!(codes.len(), RULES.len());
        assert!(
            RULES.iter().flat_map(|r| r.overrides).all(|code| codes.contains(code)),
            "a rule overrides one that is none"
        );
    }
}
