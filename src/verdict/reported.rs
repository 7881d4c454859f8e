//! What is said of a manifest, in words.

use time::OffsetDateTime;

use super::reason::{Param, Params, Word, params};
use crate::provenance::{
    Action, Actor, Ancestor, Declaration, EXPIRED, INGREDIENT, Made, ManifestReport, REVOKED,
    Unattested,
};

/// Who signed.
pub(super) fn signer(m: &ManifestReport) -> Param {
    m.signer.as_ref().and_then(|s| s.name()).map_or_else(unnamed, Param::from)
}

/// One who has no name.
pub(super) fn unnamed() -> Param {
    Word::new("signer", "unnamed").into()
}

/// Why a certificate says nothing for its signer now, and the dates that this is about.
pub(super) fn credential(m: &ManifestReport) -> Params {
    let own = |code: &str| m.failures.iter().any(|f| f == code);
    let told = |code| ("credential", Word::new("credential", code).into());
    let Some(signer) = m.signer.as_ref().filter(|_| own(EXPIRED)) else {
        return Params::from([told(if own(REVOKED) { "revoked" } else { "of-ingredient" })]);
    };
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let until =
        || ("until", signer.valid_until.and_then(date).map_or(Param::from("unknown"), Param::from));
    match (&signer.time, &signer.unattested_time, signer.valid_from) {
        (Some(time), ..) => Params::from([told("not-then"), ("time", time.as_str().into())]),
        (None, _, Some(from)) if from > now => {
            Params::from([told("not-yet"), ("from", date(from).unwrap_or_default().into())])
        }
        (None, Some(time), _) => {
            let why = signer.unattested.map_or("unlisted", Unattested::word);
            let time = ("time", time.as_str().into());
            Params::from([told("expired-unattested"), until(), time, ("because", why.into())])
        }
        (None, None, _) => Params::from([told("expired"), until()]),
    }
}

fn date(seconds: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(seconds).ok().map(|t| t.date().to_string())
}

/// Year-month-day of a time in seconds since 1970.
pub(super) fn day(seconds: u64) -> String {
    i64::try_from(seconds).ok().and_then(date).unwrap_or_default()
}

/// What fails in a manifest, each kind once.
pub(super) fn faults(m: &ManifestReport) -> Param {
    let mut told: Vec<Word> = Vec::new();
    // Who is on no list has signed all the same.
    for what in m
        .failures
        .iter()
        .filter(|f| f.trim_end_matches(INGREDIENT) != "signingCredential.untrusted")
        .map(|f| fault(f))
    {
        if !told.contains(&what) {
            told.push(what);
        }
    }
    if told.is_empty() {
        told.push(Word::new("fault", "unnamed"));
    }
    Param::Words(told)
}

/// What a failure code of the C2PA (2.2, section 15.2) is about.
fn fault(code: &str) -> Word {
    let kinds = [
        ("signingCredential.expired", "expired"),
        ("signingCredential.ocsp.revoked", "revoked"),
        ("signingCredential", "not-for-signing"),
        ("claimSignature.missing", "unsigned"),
        ("claimSignature", "signature"),
        ("assertion.hashedURI.mismatch", "assertion"),
        ("assertion.dataHash", "content"),
        ("assertion.bmffHash", "content"),
        ("assertion.boxesHash", "content"),
        ("assertion.collectionHash", "content"),
        ("assertion.missing", "missing"),
        ("assertion.inaccessible", "missing"),
        ("claim.missing", "missing"),
        ("timeStamp", "time-stamp"),
        ("algorithm", "algorithm"),
        ("ingredient", "ingredient"),
        ("unreadable", "unreadable"),
    ];
    let found = kinds.iter().find(|k| code.starts_with(k.0)).map_or("rules", |k| k.1);
    Word::new("fault", if code.ends_with(INGREDIENT) { "ingredient" } else { found })
}

/// What the manifest of the original says of how that came to be, or else that of a part, and who
/// signed that.
pub(super) fn origin(m: &ManifestReport) -> Option<Params> {
    let parent = |of: &str| {
        m.lineage.iter().find(|a| {
            a.ingredient_of.as_deref() == Some(of) && a.relationship.as_deref() == Some("parentOf")
        })
    };
    let line = std::iter::successors(m.label.as_deref().and_then(parent), |a| parent(&a.label))
        .take(m.lineage.len());
    let told = |what: &str, a: &Ancestor| {
        let (source, kind) = source(a)?;
        params([
            ("of", what.into()),
            ("source", source.into()),
            ("kind", kind.into()),
            ("signer", a.signer().map_or_else(unnamed, Param::from)),
            ("held", if a.failures.is_empty() { "yes" } else { "no" }.into()),
        ])
    };
    let mut parts = m.lineage.iter().filter(|a| a.ingredient_of.is_some());
    line.into_iter()
        .find_map(|a| told("original", a))
        .or_else(|| parts.find_map(|a| told("part", a)))
}

/// How a clip was made: in words that a sentence begins with, by which software, and who says so.
/// What its own manifest says goes before what came with it.
pub(super) fn made(m: &ManifestReport) -> Params {
    let own = || m.actions.iter().map(|a| (a, m.claim_generator.as_deref(), None));
    let lineage = || m.lineage.iter().filter(|l| l.failures.is_empty());
    let theirs = || {
        lineage()
            .flat_map(|l| l.actions.iter().map(move |a| (a, l.claim_generator.as_deref(), Some(l))))
    };
    // That AI had a hand in it goes before what was put together of that.
    let all = || own().chain(theirs()).filter(|told| told.0.digital_source_type.is_some());
    let by_ai = |action: &Action| how(kind(action)).ends_with("ai");
    let Some((action, generator, teller)) =
        all().find(|told| by_ai(told.0)).or_else(|| all().next())
    else {
        return unsaid();
    };
    // What says otherwise of itself holds it as a part.
    let partly = teller.is_some() && own().any(|(a, ..)| a.digital_source_type.is_some());
    let how = match how(kind(action)) {
        "ai" if partly => "part-ai",
        "ai" => "ai",
        "part-ai" | "part-synthetic" => "part-ai",
        "camera" | "cameras" | "screen" => "camera",
        "people" => "people",
        _ => return unsaid(),
    };
    // Of ours it is said by whom if the manifest does; the program that signed made nothing.
    let agent = action.software_agent.as_deref().or(generator.filter(|_| teller.is_some()));
    let mut out = Params::from([
        ("made", Word::new("made", how).into()),
        ("by", if agent.is_some() { "named" } else { "unnamed" }.into()),
        ("teller", if teller.is_some() { "other" } else { "self" }.into()),
    ]);
    out.extend(agent.map(|a| ("agent", a.chars().take(60).collect::<String>().into())));
    out.extend(teller.map(|l| ("maker", l.signer().map_or_else(unnamed, Param::from))));
    out
}

/// How a clip was made, by the manifest's own actions or those of what it was made from, in a word
/// of the group `made`; `None` if they do not say.
pub(super) fn how_made(m: &ManifestReport) -> Option<&'static str> {
    match made(m).remove("made") {
        Some(Param::Word(word)) if word.code != "unsaid" => Some(word.code),
        _ => None,
    }
}

/// Whether a manifest's word and what a file declares can both be true. What was captured may be
/// part of what was made.
pub(super) fn agree(told: &str, declared: Made) -> bool {
    match declared {
        Made::Ai => matches!(told, "ai" | "part-ai"),
        Made::Camera | Made::People => told != "ai",
        Made::PartAi | Made::PerhapsAi | Made::Other => true,
    }
}

/// What a file declares.
pub(super) fn declared(d: &Declaration) -> Params {
    let mut out = Params::from([
        ("how", Word::new("declared", d.made.word()).into()),
        ("by", if d.by.is_some() { "named" } else { "unnamed" }.into()),
        ("kind", d.kind.as_str().into()),
        ("where", d.place.as_str().into()),
    ]);
    out.extend(d.by.as_deref().map(|by| ("agent", by.into())));
    out
}

/// The same where nobody says.
pub(super) fn unsaid() -> Params {
    Params::from([("made", Word::new("made", "unsaid").into()), ("teller", "none".into())])
}

/// Who is named as the author, and how far that holds.
pub(super) fn actor(a: &Actor) -> Params {
    let name: String = a.names.join(", ").chars().take(80).collect();
    let mut out = Params::from([
        ("named", if name.is_empty() { "no" } else { "yes" }.into()),
        ("state", a.state.word().into()),
    ]);
    out.extend((!name.is_empty()).then(|| ("name", name.into())));
    out
}

/// How something came to be, by the first action that says, and IPTC's word for it.
fn source(a: &Ancestor) -> Option<(Word, String)> {
    let kind = kind(sourced(&a.actions)?);
    Some((Word::new("source", how(kind)), kind.chars().take(60).collect()))
}

/// The first action that says how something came to be.
fn sourced(actions: &[Action]) -> Option<&Action> {
    actions.iter().find(|a| a.digital_source_type.is_some())
}

/// IPTC's word for that.
fn kind(action: &Action) -> &str {
    let uri = action.digital_source_type.as_deref().unwrap_or_default();
    uri.rsplit('/').next().unwrap_or(uri)
}

/// Our word for IPTC's.
fn how(kind: &str) -> &'static str {
    match kind {
        "trainedAlgorithmicMedia" | "trainedAlgorithmicData" => "ai",
        "compositeWithTrainedAlgorithmicMedia" => "part-ai",
        "compositeSynthetic" => "part-synthetic",
        "algorithmicMedia" => "algorithm",
        "algorithmicallyEnhanced" => "enhanced",
        "digitalCapture" | "computationalCapture" => "camera",
        "compositeCapture" => "cameras",
        "screenCapture" => "screen",
        "digitalCreation" | "digitalArt" | "humanEdits" => "people",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn manifest(change: &Value) -> ManifestReport {
        let mut m = json!({
            "state": "invalid", "label": "urn:c2pa:a", "sidecar": false, "title": null,
            "claim_generator": null, "signer": null, "actions": [], "ingredients": [],
            "ancestors": [], "lineage": [], "soft_bindings": [], "content_holds": true,
            "failures": [],
        });
        for (name, value) in change.as_object().unwrap() {
            m[name] = value.clone();
        }
        serde_json::from_value(m).unwrap()
    }

    fn signed(from: i64, until: i64, time: Option<&str>, unattested: Option<&str>) -> Value {
        json!({
            "organisation": "Old Camera", "common_name": null, "time": time,
            "unattested_time": unattested, "trusted": false, "valid_from": from,
            "valid_until": until,
        })
    }

    #[test]
    fn certificates_that_say_nothing_now_are_told_apart() {
        let expired = json!(["signingCredential.expired", "signingCredential.untrusted"]);
        let of = |signer: Value, failures: &Value| {
            let told = credential(&manifest(&json!({"signer": signer, "failures": failures})));
            told.iter()
                .map(|(name, value)| format!("{name} {value}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let then = Some("2020-01-01T00:00:00Z");
        assert_eq!(
            of(signed(0, 86_400, None, None), &expired),
            "credential expired, until 1970-01-02"
        );
        assert_eq!(
            of(signed(0, 86_400, None, then), &expired),
            "because unlisted, credential expired-unattested, time 2020-01-01T00:00:00Z, \
            until 1970-01-02"
        );
        assert!(
            of(signed(1 << 33, 1 << 34, None, None), &expired)
                .starts_with("credential not-yet, from 2242-")
        );
        assert_eq!(
            of(signed(0, 86_400, then, None), &expired),
            "credential not-then, time 2020-01-01T00:00:00Z"
        );
        assert_eq!(
            of(signed(0, 1 << 34, None, None), &json!(["signingCredential.ocsp.revoked"])),
            "credential revoked"
        );
        assert_eq!(
            of(signed(0, 1 << 34, None, None), &json!(["signingCredential.expired (ingredient)"])),
            "credential of-ingredient"
        );
    }

    #[test]
    fn faults_are_told_in_words() {
        let of = |failures: Value| {
            let signer = signed(0, 1, None, None);
            let change = json!({"signer": signer, "content_holds": null, "failures": failures});
            faults(&manifest(&change)).to_string()
        };
        assert_eq!(
            of(json!([
                "assertion.hashedURI.mismatch",
                "assertion.hashedURI.mismatch",
                "claimSignature.mismatch",
                "signingCredential.untrusted"
            ])),
            "assertion; signature"
        );
        assert_eq!(of(json!(["signingCredential.untrusted"])), "unnamed");
        for (code, told) in [
            ("claim.cbor.invalid", "rules"),
            ("", "rules"),
            ("claimSignature.mismatch (ingredient)", "ingredient"),
            ("timeStamp.mismatch", "time-stamp"),
            ("unreadable: \u{1b}[31m", "unreadable"),
        ] {
            assert_eq!(of(json!([code])), told);
        }
    }

    #[test]
    fn an_expired_certificate_over_changed_content_excuses_nothing() {
        let failures = ["assertion.bmffHash.mismatch", "signingCredential.expired"];
        let both = manifest(&json!({"content_holds": false, "failures": failures}));
        assert!(
            !both.credential_alone()
                && !both.as_signed()
                && faults(&both).to_string().contains("content")
        );
        let broken = manifest(
            &json!({"failures": ["assertion.hashedURI.mismatch", "signingCredential.expired"]}),
        );
        assert!(!broken.credential_alone());
        assert!(
            !manifest(&json!({"failures": []})).credential_alone(),
            "something is wrong that nobody has named"
        );
    }

    #[test]
    fn the_original_is_found_behind_any_number_of_parents() {
        let ancestor = |label: &str, of: &str, how: &str, kind: Option<&str>| {
            let created = json!({
                "action": "c2pa.created", "digital_source_type": kind, "software_agent": null,
                "when": null,
            });
            json!({
                "label": label, "ingredient_of": of, "relationship": how, "title": null,
                "claim_generator": null, "organisation": null, "common_name": "Y",
                "actions": [created],
            })
        };
        let ai = Some("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia");
        let of = |lineage: Value| {
            origin(&manifest(&json!({"lineage": lineage}))).map(|p| {
                [
                    p["of"].to_string(),
                    format!("{} {}", p["source"], p["kind"]),
                    p["signer"].to_string(),
                ]
            })
        };
        let far = json!([
            ancestor("p", "urn:c2pa:a", "componentOf", Some("x/digitalCapture")),
            ancestor("b", "urn:c2pa:a", "parentOf", None),
            ancestor("c", "b", "parentOf", ai)
        ]);
        let made = "ai trainedAlgorithmicMedia";
        assert_eq!(of(far), Some(["original", made, "Y"].map(String::from)));
        assert_eq!(
            of(json!([ancestor("p", "urn:c2pa:a", "componentOf", ai)])),
            Some(["part", made, "Y"].map(String::from))
        );
        assert_eq!(of(json!([])), None);
        // What a worker may answer that was taken over.
        assert_eq!(
            of(json!([
                ancestor("b", "urn:c2pa:a", "parentOf", None),
                ancestor("urn:c2pa:a", "b", "parentOf", None)
            ])),
            None
        );
    }
}
