//! Sentences for codes, from the Fluent files in `locales/`: one language a file, a message a group
//! of codes.

use std::str::FromStr;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use super::Judgement;
use super::reason::{Param, Params, Reason, Word};

/// A language that verdicts are told in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Japanese.
    Japanese,
}

/// What each language's file says.
static BUNDLES: LazyLock<[FluentBundle<FluentResource>; 2]> = LazyLock::new(|| {
    [
        bundle(Language::English, include_str!("../../locales/en.ftl")),
        bundle(Language::Japanese, include_str!("../../locales/ja.ftl")),
    ]
});

/// What a Fluent file says in a language, for looking its messages up.
#[must_use]
pub fn bundle(language: Language, text: &str) -> FluentBundle<FluentResource> {
    let name = LanguageIdentifier::from_str(language.code()).unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![name]);
    // What is put in is told apart by its place in the sentence; signs that keep directions apart
    // would be in every report.
    bundle.set_use_isolating(false);
    // A test holds that the files are whole.
    let (Ok(resource) | Err((resource, _))) = FluentResource::try_new(text.to_string());
    let _ = bundle.add_resource(resource);
    bundle
}

impl Language {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    fn bundle(self) -> &'static FluentBundle<FluentResource> {
        match self {
            Self::English => &BUNDLES[0],
            Self::Japanese => &BUNDLES[1],
        }
    }

    /// The sentence for a code, or the words for one; those in English where this language has
    /// none.
    fn sentence(self, code: &str, params: &Params) -> String {
        let (group, name) = code.split_once('.').unwrap_or((code, ""));
        let found = |language: Self| {
            language
                .bundle()
                .get_message(group)
                .and_then(|m| m.get_attribute(name))
                .map(|a| (language.bundle(), a.value()))
        };
        let Some((bundle, pattern)) = found(self).or_else(|| found(Self::English)) else {
            return code.into();
        };
        // Words have values in them, too, and no words.
        let plain: Params = params
            .iter()
            .filter(|(_, v)| !matches!(v, Param::Word(_) | Param::Words(_)))
            .map(|(name, v)| (*name, v.clone()))
            .collect();
        let mut args = FluentArgs::new();
        for (name, value) in params {
            let word = |w: &Word| self.sentence(&format!("{}.{}", w.group, w.code), &plain);
            let value = match value {
                Param::Count(n) => FluentValue::from(*n),
                Param::Word(w) => FluentValue::from(word(w)),
                Param::Words(all) => {
                    FluentValue::from(all.iter().map(word).collect::<Vec<_>>().join("; "))
                }
                other => FluentValue::from(other.to_string()),
            };
            args.set(*name, value);
        }
        bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }
}

impl Reason {
    /// It as a sentence.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        language.sentence(self.code, &self.params)
    }
}

impl Judgement {
    /// The first line of every answer: who says what of the clip, whether that is confirmed, and
    /// what was done to it.
    #[must_use]
    pub fn summary(&self, language: Language) -> String {
        self.summary.text(language)
    }

    /// What to do next: codes and sentences.
    #[must_use]
    pub fn steps(&self, language: Language) -> Vec<(&'static str, String)> {
        self.next
            .iter()
            .map(|&code| (code, language.sentence(&format!("next.{code}"), &Params::new())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::RULES;
    use crate::verdict::enumerated::cases;

    /// Every code that a verdict may be told with, its severity, what it implies, and its sentence:
    /// what `docs/reference/verdicts.md` is written from.
    fn reference() -> String {
        let mut out =
            String::from("| code | severity | verdict | sentence |\n| --- | --- | --- | --- |\n");
        for rule in RULES {
            let implied = rule.implies.map_or("", crate::Verdict::name);
            let named: Params =
                NAMES.iter().map(|&name| (name, Param::Text(format!("⟨{name}⟩")))).collect();
            let sentence = Language::English.sentence(rule.code, &named);
            out.push_str(&format!(
                "| `{}` | {} | {implied} | {sentence} |\n",
                rule.code,
                rule.severity.name()
            ));
        }
        out
    }

    /// The names of all values that sentences may have in them.
    const NAMES: [&str; 43] = [
        "signed",
        "asked",
        "reason",
        "places",
        "rendition",
        "stretch",
        "agent",
        "bytes",
        "name",
        "told",
        "where",
        "address",
        "audio",
        "audios",
        "chance",
        "count",
        "credential",
        "date",
        "end",
        "faults",
        "how",
        "id",
        "kind",
        "least",
        "lies",
        "like",
        "listed",
        "media_type",
        "named",
        "of",
        "parts",
        "payload",
        "payloads",
        "place",
        "registered",
        "seconds",
        "share",
        "signer",
        "source",
        "start",
        "title",
        "video",
        "videos",
    ];

    #[test]
    fn every_code_has_a_sentence_in_every_language() {
        for language in [Language::English, Language::Japanese] {
            for case in cases().iter().step_by(7) {
                let judged = case.judge();
                let texts = judged
                    .reasons
                    .iter()
                    .map(|r| r.text(language))
                    .chain([judged.summary(language)])
                    .chain(judged.steps(language).into_iter().map(|s| s.1));
                for text in texts {
                    assert!(
                        text.contains(' ') || language == Language::Japanese && !text.is_ascii(),
                        "{language:?}: {text}"
                    );
                    assert!(!text.contains("{$") && !text.contains("{ $"), "{language:?}: {text}");
                }
            }
            for rule in RULES {
                let (group, name) = rule.code.split_once('.').unwrap();
                assert!(
                    language
                        .bundle()
                        .get_message(group)
                        .is_some_and(|m| m.get_attribute(name).is_some()),
                    "{language:?} has no sentence for {}",
                    rule.code
                );
            }
        }
    }

    #[test]
    fn the_files_are_whole() {
        let codes = |text: &str| {
            assert!(FluentResource::try_new(text.to_string()).is_ok());
            let mut group = "";
            let mut out = std::collections::BTreeSet::new();
            for line in text.lines() {
                match line.split_once(" =") {
                    Some((name, _)) if !line.starts_with(' ') => group = name,
                    Some((name, _)) if name.starts_with("    .") => {
                        _ = out.insert(format!("{group}{}", name.trim()))
                    }
                    _ => {}
                }
            }
            out
        };
        let [en, ja] =
            [include_str!("../../locales/en.ftl"), include_str!("../../locales/ja.ftl")].map(codes);
        assert!(en.len() > 100 && en == ja, "only in one: {:?}", en.symmetric_difference(&ja));
    }

    #[test]
    fn what_others_wrote_stays_what_it_is() {
        let hostile = "{ $payload } \u{202e}*[other]";
        let reason = Reason {
            code: "manifest.elsewhere",
            severity: super::super::Severity::Note,
            params: [("address", hostile.into())].into(),
        };
        assert!(reason.text(Language::English).contains(hostile));
    }

    #[test]
    fn the_reference_is_written_from_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/verdicts.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let (head, old) = written.split_at(written.find("| code |").unwrap_or(written.len()));
        if std::env::var_os("PROOFMARK_WRITE_TABLES").is_some() {
            std::fs::write(path, format!("{head}{}", reference())).unwrap();
        }
        assert_eq!(
            old,
            reference(),
            "docs/reference/verdicts.md is not the table; write it anew with \
            PROOFMARK_WRITE_TABLES=1"
        );
    }
}
