//! What the page says, in the language of whoever reads it: one Fluent file a language.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use proofmark::Language;
use proofmark::verdict::bundle;

const FILES: [(Language, &str); 2] = [
    (Language::English, include_str!("../../locales/page.en.ftl")),
    (Language::Japanese, include_str!("../../locales/page.ja.ftl")),
];

static BUNDLES: LazyLock<Vec<(Language, FluentBundle<FluentResource>)>> = LazyLock::new(|| {
    FILES.into_iter().map(|(language, text)| (language, bundle(language, text))).collect()
});

/// All that the page says, in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text(pub(super) Language);

impl Text {
    /// The languages that there are, with their own names.
    pub(super) const LANGUAGES: [(Language, &'static str); 2] =
        [(Language::English, "English"), (Language::Japanese, "日本語")];

    /// The language with a code.
    pub(super) fn of_code(code: &str) -> Option<Self> {
        Self::LANGUAGES
            .into_iter()
            .map(|l| l.0)
            .find(|l| code.eq_ignore_ascii_case(l.code()))
            .map(Self)
    }

    /// The language that a browser likes best, of those that there are.
    pub(super) fn liked(headers: &HeaderMap) -> Self {
        let likes = headers.get(ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let weighed = likes.split(',').filter_map(|one| {
            let (name, rest) = one.split_once(';').unwrap_or((one, ""));
            let weight =
                rest.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
            Some((weight, Self::of_code(name.trim().split('-').next().unwrap_or_default())?))
        });
        // Of those liked as well as each other, the first.
        let best = weighed.fold(None, |best: Option<(f32, Self)>, one| {
            best.filter(|b| b.0 >= one.0).or(Some(one))
        });
        best.map_or(Self(Language::English), |b| b.1)
    }

    /// What a code says, such as `start.title`.
    pub(super) fn say(self, code: &str) -> String {
        self.with(code, &[])
    }

    /// The same with values in it.
    pub(super) fn with(self, code: &str, values: &[(&'static str, FluentValue<'_>)]) -> String {
        let (group, name) =
            code.split_once('.').map_or((code, None), |(group, name)| (group, Some(name)));
        let args: FluentArgs<'_> =
            values.iter().map(|(name, value)| (*name, value.clone())).collect();
        let found = BUNDLES.iter().find(|b| b.0 == self.0).and_then(|(_, bundle)| {
            let message = bundle.get_message(group)?;
            let pattern = match name {
                Some(name) => message.get_attribute(name)?.value(),
                None => message.value()?,
            };
            Some(bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned())
        });
        found.unwrap_or_else(|| code.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes of a file.
    fn codes(text: &str) -> std::collections::BTreeSet<String> {
        let mut group = "";
        let mut out = std::collections::BTreeSet::new();
        for line in text.lines() {
            match line.split_once(" =") {
                Some((name, rest)) if !line.starts_with([' ', '#']) => {
                    group = name;
                    out.extend((!rest.is_empty()).then(|| name.to_string()));
                }
                Some((name, _)) if name.starts_with("    .") => {
                    _ = out.insert(format!("{group}{}", name.trim()))
                }
                _ => {}
            }
        }
        out
    }

    #[test]
    fn every_language_says_everything() {
        let all = FILES.map(|(_, text)| codes(text));
        assert!(
            all[0].len() > 100 && all[0] == all[1],
            "only in one: {:?}",
            all[0].symmetric_difference(&all[1])
        );
        for (language, text) in FILES {
            assert!(FluentResource::try_new(text.to_string()).is_ok(), "{language:?}");
            for code in &all[0] {
                assert_ne!(&Text(language).say(code), code, "{language:?}");
            }
        }
    }

    #[test]
    fn whatever_the_page_asks_for_is_said() {
        let sources = [
            include_str!("mod.rs"),
            include_str!("receive.rs"),
            include_str!("session.rs"),
            include_str!("show.rs"),
            include_str!("review.rs"),
            include_str!("view/mod.rs"),
            include_str!("view/report.rs"),
            include_str!("view/beside.rs"),
            include_str!("view/timeline.rs"),
            include_str!("view/manifest.rs"),
            include_str!("view/review.rs"),
        ];
        let all = codes(FILES[0].1);
        let asked = sources
            .iter()
            .flat_map(|s| s.split(".say(\"").skip(1).chain(s.split(".with(\"").skip(1)))
            .filter_map(|s| s.split('"').next());
        for code in asked {
            assert!(all.contains(code), "nothing is said under '{code}'");
        }
    }

    #[test]
    fn a_browser_is_answered_in_the_language_that_it_likes() {
        let liked = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, value.parse().unwrap());
            Text::liked(&headers).0
        };
        assert_eq!(liked("ja-JP,ja;q=0.9,en;q=0.8"), Language::Japanese);
        assert_eq!(liked("de,en;q=0.3,ja;q=0.7"), Language::Japanese);
        assert_eq!(
            (liked("en-GB, ja"), liked("fr"), liked(";;,q=x")),
            (Language::English, Language::English, Language::English)
        );
    }

    #[test]
    fn numbers_and_names_are_put_in_as_they_are() {
        let text = Text(Language::English);
        assert_eq!(text.with("report.more", &[("count", 1.into())]), "One more reason");
        assert_eq!(text.with("report.more", &[("count", 4.into())]), "4 more reasons");
        assert_eq!(
            text.with("working.title", &[("name", "{ $x } <b>".into())]),
            "{ $x } <b>: being looked at"
        );
    }
}
