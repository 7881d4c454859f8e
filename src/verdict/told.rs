//! What is said of a manifest, in words.

use time::OffsetDateTime;

use super::Verdict;
use crate::provenance::{Ancestor, EXPIRED, INGREDIENT, ManifestReport, ManifestState, REVOKED};

/// Who signed.
pub(super) fn signer(m: &ManifestReport) -> &str {
    m.signer.as_ref().and_then(|s| s.name()).unwrap_or("an unnamed signer")
}

/// The signer, and whether they are trusted.
pub(super) fn signed_by(m: &ManifestReport) -> String {
    let trust = if m.state == ManifestState::Trusted { "the trust list" } else { "no trust list here" };
    format!("{}, whom {trust} names", signer(m))
}

/// Whether a manifest holds, and what is wrong where it does not.
pub(super) fn state_of(m: &ManifestReport) -> String {
    let place = if m.sidecar { "The manifest beside the file" } else { "The embedded manifest" };
    match m.state {
        ManifestState::Trusted | ManifestState::Valid => format!("{place} is valid and signed by {}.", signed_by(m)),
        ManifestState::Invalid if m.label.is_none() => format!("{place} is too damaged to be read, or none that follows the rules."),
        ManifestState::Invalid if m.content_changed() => {
            format!("{place}, signed by {}, does not match the content: the file was changed after it was signed.", signer(m))
        }
        ManifestState::Invalid if m.credential_alone() => {
            let content = if m.content_holds == Some(true) { " The content is as it was signed." } else { "" };
            format!("{place} was signed by {}, {}.{content}", signer(m), credential(m))
        }
        ManifestState::Invalid => format!("{place}, signed by {}, does not hold: {}.", signer(m), faults(m)),
    }
}

/// Why a certificate says nothing for its signer now.
fn credential(m: &ManifestReport) -> String {
    let own = |code: &str| m.failures.iter().any(|f| f == code);
    let Some(signer) = m.signer.as_ref().filter(|_| own(EXPIRED)) else {
        let what = if own(REVOKED) { "whose certificate has been revoked" } else { "but a certificate of what it was made from has expired since, or was revoked" };
        return what.into();
    };
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let until = signer.valid_until.and_then(day).map(|d| format!(" (it was valid until {d})")).unwrap_or_default();
    match (&signer.time, signer.valid_from) {
        (Some(time), _) => format!("at {time}, when the certificate was not valid"),
        (None, Some(from)) if from > now => format!("whose certificate is not valid yet (it will be from {})", day(from).unwrap_or_default()),
        (None, _) => format!("whose certificate has expired since{until}, and nothing attests when it was signed"),
    }
}

fn day(seconds: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(seconds).ok().map(|t| t.date().to_string())
}

/// What fails in a manifest, each kind once.
pub(super) fn faults(m: &ManifestReport) -> String {
    let mut told: Vec<&str> = Vec::new();
    // Who is on no list has signed all the same.
    for what in m.failures.iter().filter(|f| f.trim_end_matches(INGREDIENT) != "signingCredential.untrusted").map(|f| fault(f)) {
        if !told.contains(&what) {
            told.push(what);
        }
    }
    if told.is_empty() { "a check failed".into() } else { told.join("; ") }
}

/// A failure code of the C2PA (2.2, section 15.2) in words.
fn fault(code: &str) -> &'static str {
    let kinds = [
        ("signingCredential.expired", "its certificate has expired since, or was not valid yet"),
        ("signingCredential.ocsp.revoked", "its certificate has been revoked"),
        ("signingCredential", "its certificate is not one that may sign manifests"),
        ("claimSignature.missing", "it is not signed"),
        ("claimSignature", "its signature is not of what it says"),
        ("assertion.hashedURI.mismatch", "what it says was changed after it was signed"),
        ("assertion.dataHash", "the content was changed after it was signed"),
        ("assertion.bmffHash", "the content was changed after it was signed"),
        ("assertion.boxesHash", "the content was changed after it was signed"),
        ("assertion.collectionHash", "the content was changed after it was signed"),
        ("assertion.missing", "a part of it is missing"),
        ("assertion.inaccessible", "a part of it is missing"),
        ("claim.missing", "a part of it is missing"),
        ("timeStamp", "its time stamp does not hold"),
        ("algorithm", "it is signed or hashed in a way that is not known here"),
        ("ingredient", "the manifest of what it was made from does not hold"),
        ("unreadable", "it is too damaged to be read"),
    ];
    if code.ends_with(INGREDIENT) {
        return "the manifest of what it was made from does not hold";
    }
    kinds.iter().find(|k| code.starts_with(k.0)).map_or("it breaks the rules for manifests", |k| k.1)
}

/// What the manifest of the original says of how that came to be, or else that of a part, and who signed that.
pub(super) fn origin(m: &ManifestReport) -> Option<String> {
    let parent = |of: &str| m.lineage.iter().find(|a| a.ingredient_of.as_deref() == Some(of) && a.relationship.as_deref() == Some("parentOf"));
    let line = std::iter::successors(m.label.as_deref().and_then(parent), |a| parent(&a.label)).take(m.lineage.len());
    let told = |what: &str, a: &Ancestor| Some(format!("{what} says that {}, signed by {}.", source(a)?, a.signer().unwrap_or("an unnamed signer")));
    let mut parts = m.lineage.iter().filter(|a| a.ingredient_of.is_some());
    line.into_iter()
        .find_map(|a| told("The manifest of its original", a))
        .or_else(|| parts.find_map(|a| told("The manifest of a part of it, or of something it was made from,", a)))
}

/// How something came to be, by the first action that says; in IPTC's word, and ours where there are.
fn source(a: &Ancestor) -> Option<String> {
    let uri = a.actions.iter().find_map(|a| a.digital_source_type.as_deref())?;
    let kind: String = uri.rsplit('/').next().unwrap_or(uri).chars().take(60).collect();
    let words = match kind.as_str() {
        "trainedAlgorithmicMedia" | "trainedAlgorithmicData" => "it was made by a trained algorithm",
        "compositeWithTrainedAlgorithmicMedia" => "parts of it were made by a trained algorithm",
        "compositeSynthetic" => "parts of it are synthetic",
        "algorithmicMedia" => "it was made by an algorithm",
        "algorithmicallyEnhanced" => "it was enhanced by an algorithm",
        "digitalCapture" | "computationalCapture" => "it was captured by a camera or a recorder",
        "compositeCapture" => "it was put together from what cameras or recorders captured",
        "screenCapture" => "it was captured from a screen",
        "digitalCreation" | "digitalArt" | "humanEdits" => "it was made by people",
        _ => return Some(format!("its source is of the kind {kind}")),
    };
    Some(format!("{words} ({kind})"))
}

/// What to do next.
pub(super) fn next_step(verdict: Verdict, manifest: Option<&ManifestReport>, elsewhere: Option<&str>) -> &'static str {
    let invalid = manifest.filter(|m| m.state == ManifestState::Invalid);
    match verdict {
        Verdict::Intact if invalid.is_some() => "Take it for what was signed, by whoever had the certificate: sign what must hold for longer with a time stamp (--time-stamp-url).",
        Verdict::Foreign if invalid.is_some_and(ManifestReport::credential_alone) => "Read the manifest's actions as its signer's word, which nobody vouches for.",
        Verdict::Foreign if invalid.is_some() => "Rely on nothing that the manifest says: ask whoever it comes from for the file as it was signed.",
        Verdict::NothingFound if elsewhere.is_some() => "Fetch that manifest if you trust the address, lay it beside the file under the same name with .c2pa, and verify again.",
        Verdict::Intact if manifest.is_some_and(|m| m.state == ManifestState::Valid) => "To know who the signer is, give their authority with --trust FILE.",
        Verdict::Intact | Verdict::Foreign => "Read the manifest's actions for how the clip came to be.",
        Verdict::Altered => "Ask the uploader for the original, and compare.",
        Verdict::Recovered => "Read the recovered manifest's actions for how the clip came to be; what was done to it since is not in there.",
        Verdict::Marked => "Look the number up with whoever holds the key: it names the clip's manifest.",
        Verdict::Contradictory => "Treat the clip as doubtful: look at both origins before relying on either.",
        Verdict::NothingFound => "This says nothing about where the clip comes from: most clips carry no proof at all.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn manifest(change: &Value) -> ManifestReport {
        let mut m = json!({"state": "invalid", "label": "urn:c2pa:a", "sidecar": false, "title": null, "claim_generator": null, "signer": null, "actions": [], "ingredients": [],
            "ancestors": [], "lineage": [], "soft_bindings": [], "content_holds": true, "failures": []});
        for (name, value) in change.as_object().unwrap() {
            m[name] = value.clone();
        }
        serde_json::from_value(m).unwrap()
    }

    fn signed(from: i64, until: i64, time: Option<&str>) -> Value {
        json!({"organisation": "Old Camera", "common_name": null, "time": time, "trusted": false, "valid_from": from, "valid_until": until})
    }

    #[test]
    fn certificates_are_told_apart_from_content() {
        let expired = json!(["signingCredential.expired", "signingCredential.untrusted"]);
        let of = |signer: Value, failures: &Value| state_of(&manifest(&json!({"signer": signer, "failures": failures})));
        let told = of(signed(0, 86_400, None), &expired);
        assert!(told.contains("signed by Old Camera, whose certificate has expired since (it was valid until 1970-01-02), and nothing attests when"), "{told}");
        assert!(told.ends_with("The content is as it was signed."), "{told}");
        assert!(of(signed(1 << 33, 1 << 34, None), &expired).contains("is not valid yet (it will be from 2242-"));
        assert!(of(signed(0, 86_400, Some("2020-01-01T00:00:00Z")), &expired).contains("at 2020-01-01T00:00:00Z, when the certificate was not valid"));
        assert!(of(signed(0, 1 << 34, None), &json!(["signingCredential.ocsp.revoked"])).contains("has been revoked"));
        assert!(of(signed(0, 1 << 34, None), &json!(["signingCredential.invalid"])).contains("does not hold: its certificate is not one that may sign"));
        assert!(of(signed(0, 1 << 34, None), &json!(["signingCredential.expired (ingredient)"])).contains("a certificate of what it was made from has expired"));
    }

    #[test]
    fn faults_are_told_in_words() {
        let of = |failures: Value| state_of(&manifest(&json!({"signer": signed(0, 1, None), "content_holds": null, "failures": failures})));
        assert_eq!(
            of(json!(["assertion.hashedURI.mismatch", "assertion.hashedURI.mismatch", "claimSignature.mismatch", "signingCredential.untrusted"])),
            "The embedded manifest, signed by Old Camera, does not hold: what it says was changed after it was signed; its signature is not of what it says."
        );
        for code in ["claim.cbor.invalid", "general.error", "x", "", "claimSignature.mismatch (ingredient)", "timeStamp.mismatch", "unreadable: \u{1b}[31m"] {
            let told = of(json!([code]));
            assert!(told.contains("does not hold: ") && (code.is_empty() || code == "x" || !told.contains(code)), "{told}");
        }
        assert!(state_of(&manifest(&json!({"label": null, "failures": ["unreadable: it claims to hold more than it does"]}))).contains("too damaged to be read"));
    }

    #[test]
    fn an_expired_certificate_over_changed_content_excuses_nothing() {
        let both = manifest(&json!({"content_holds": false, "failures": ["assertion.bmffHash.mismatch", "signingCredential.expired"]}));
        assert!(!both.credential_alone() && !both.as_signed() && state_of(&both).contains("was changed after it was signed"));
        let broken = manifest(&json!({"failures": ["assertion.hashedURI.mismatch", "signingCredential.expired"]}));
        assert!(!broken.credential_alone());
        assert!(!manifest(&json!({"failures": []})).credential_alone(), "something is wrong that nobody has named");
    }

    #[test]
    fn the_original_is_found_behind_any_number_of_parents() {
        let ancestor = |label: &str, of: &str, how: &str, kind: Option<&str>| {
            json!({"label": label, "ingredient_of": of, "relationship": how, "title": null, "claim_generator": null, "organisation": null, "common_name": "Y",
                "actions": [{"action": "c2pa.created", "digital_source_type": kind, "software_agent": null, "when": null}]})
        };
        let ai = Some("http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia");
        let of = |lineage: Value| origin(&manifest(&json!({"lineage": lineage})));
        let far = json!([ancestor("p", "urn:c2pa:a", "componentOf", Some("x/digitalCapture")), ancestor("b", "urn:c2pa:a", "parentOf", None), ancestor("c", "b", "parentOf", ai)]);
        assert_eq!(of(far).as_deref(), Some("The manifest of its original says that it was made by a trained algorithm (trainedAlgorithmicMedia), signed by Y."));
        let part = of(json!([ancestor("p", "urn:c2pa:a", "componentOf", ai)])).unwrap();
        assert!(part.starts_with("The manifest of a part of it, or of something it was made from, says"), "{part}");
        assert_eq!(of(json!([])), None);
        // What a worker may answer that was taken over.
        assert_eq!(of(json!([ancestor("b", "urn:c2pa:a", "parentOf", None), ancestor("urn:c2pa:a", "b", "parentOf", None)])), None);
    }
}
