//! What is said of a file, and what is signed over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use proofmark::media::{Kind, Limits, MediaError};
use proofmark::provenance::{
    Identity, ManifestReport, ManifestState, ProvenanceError, Trust, read,
};
use proofmark::verify::Fetch;
use proofmark::{
    Detector, StampError, StampOptions, Stamped, Stamper, Verdict, Verified, Verifier,
    VerifyOptions,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::case;
use super::common::{clip, ffmpeg, generate, identity, ring, verify};

/// A copy of a case in a folder of its own.
fn copy(folder: &TempDir, name: &str, to: &str) -> Option<PathBuf> {
    let target = folder.path().join(to);
    std::fs::copy(case(&format!("media/{name}"))?, &target).unwrap();
    Some(target)
}

fn try_stamp(input: &Path, output: &Path) -> Result<Stamped, StampError> {
    let mut options = StampOptions::default();
    options.identity = Some(identity().0);
    Stamper::new(ring().stamping().clone()).options(options.clone()).stamp(input, output)
}

fn manifest(path: &Path) -> ManifestReport {
    read(path, &Trust::default(), &Limits::default()).unwrap().unwrap()
}

fn why(v: &Verified) -> String {
    super::common::told(v)
}

fn actions(path: &Path) -> Vec<String> {
    manifest(path).actions.into_iter().map(|a| a.action).collect()
}

/// Has no code of the C2PA in it.
fn is_in_words(text: &str) -> bool {
    !["signingCredential", "claimSignature", "assertion.", "Hash.", "claim."]
        .iter()
        .any(|code| text.contains(code))
}

#[test]
fn a_manifest_beside_a_file_that_refers_to_it_is_read() {
    let folder = TempDir::new().unwrap();
    let (Some(file), Some(_)) =
        (copy(&folder, "remote.mp4", "a.mp4"), copy(&folder, "remote.c2pa", "a.c2pa"))
    else {
        return;
    };
    let v = verify(&file, None);
    assert_eq!(v.judgement.verdict, Verdict::Foreign, "{}", why(&v));
    assert!(v.manifest.as_ref().unwrap().sidecar && !v.judgement.manifest_invalid);
    // What is made of it opens it, whatever it is written as.
    for name in ["b.mp4", "b.mkv"] {
        let made = folder.path().join(name);
        let stamped = try_stamp(&file, &made).unwrap();
        assert_eq!(stamped.parent, v.manifest.as_ref().unwrap().label, "{name}");
        let actions = actions(&made);
        assert!(
            actions.contains(&"c2pa.opened".into()) && !actions.contains(&"c2pa.created".into()),
            "{name}: {actions:?}"
        );
    }
}

/// A web of one address.
#[derive(Debug)]
struct Web(Result<Vec<u8>, String>);

impl Fetch for Web {
    fn fetch(&self, address: &str, _: u64) -> Result<Vec<u8>, String> {
        assert_eq!(address, "https://manifests.example.com/1.c2pa");
        self.0.clone()
    }
}

#[test]
fn a_manifest_that_is_kept_elsewhere_is_fetched_where_that_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let (Some(file), Some(store)) =
        (copy(&folder, "remote.mp4", "a.mp4"), copy(&folder, "remote.c2pa", "b.c2pa"))
    else {
        return;
    };
    let store = std::fs::read(store).unwrap();
    let look = |file: &Path, answer: Result<Vec<u8>, String>| {
        let mut options = VerifyOptions::default();
        options.fetch = Some(Arc::new(Web(answer)));
        Verifier::new().options(options).verify(file).unwrap()
    };
    let v = look(&file, Ok(store.clone()));
    assert_eq!(
        (v.judgement.verdict, v.unfetched.as_ref()),
        (Verdict::Foreign, None),
        "{}",
        why(&v)
    );
    let m = v.manifest.as_ref().unwrap();
    assert_eq!(m.fetched.as_deref(), Some("https://manifests.example.com/1.c2pa"));
    assert!(!m.sidecar && m.content_holds == Some(true), "{}", why(&v));
    assert!(!why(&v).contains("kept elsewhere"), "{}", why(&v));
    // One that is of other bytes, one that is none, and one that is not there.
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let changed = folder.path().join("c.mp4");
    std::fs::write(&changed, bytes).unwrap();
    let v = look(&changed, Ok(store));
    assert!(v.judgement.has("manifest.foreign-content-changed"), "{}", why(&v));
    let v = look(&file, Ok(b"a page".to_vec()));
    assert!(v.judgement.manifest_invalid, "{}", why(&v));
    let v = look(&file, Err("the answer is 404".into()));
    assert_eq!(v.unfetched.as_deref(), Some("the answer is 404"));
    assert!(why(&v).contains("could not be fetched: the answer is 404"), "{}", why(&v));
}

#[test]
fn a_manifest_that_is_kept_elsewhere_is_told_and_not_fetched() {
    let folder = TempDir::new().unwrap();
    let Some(file) = copy(&folder, "remote.mp4", "a.mp4") else { return };
    let v = verify(&file, None);
    assert_eq!(
        (v.judgement.verdict, v.elsewhere.as_deref()),
        (Verdict::NothingFound, Some("https://manifests.example.com/1.c2pa"))
    );
    assert!(
        why(&v).contains("kept elsewhere, at https://manifests.example.com/1.c2pa")
            && !why(&v).contains("There is no manifest"),
        "{}",
        why(&v)
    );
    // One beside it that was made for other bytes is not its own.
    let (other, _) = (
        folder.path().join("other.mkv"),
        ffmpeg(&clip(), "-t 1 -an -s 320x180 -preset ultrafast", &folder.path().join("small.mp4")),
    );
    try_stamp(&folder.path().join("small.mp4"), &other).unwrap();
    for beside in [None, Some(folder.path().join("other.c2pa"))] {
        if let Some(beside) = beside {
            std::fs::copy(beside, folder.path().join("a.c2pa")).unwrap();
        }
        let made = folder.path().join("made.mp4");
        match try_stamp(&file, &made) {
            Err(StampError::Provenance(e @ ProvenanceError::Elsewhere { .. })) => {
                let told = e.to_string();
                assert!(
                    told.contains("https://manifests.example.com/1.c2pa")
                        && told.contains(".c2pa")
                        && !told.contains('\n'),
                    "{told}"
                );
            }
            other => panic!("{other:?}"),
        }
        assert!(!made.exists());
    }
}

const ADDRESS: &str = "https://example.org/kept?a=1&b=2";

/// XMP that says where the manifest is kept, as an attribute or as an element.
fn xmp(address: &str, element: bool) -> Vec<u8> {
    let address = address.replace('&', "&amp;");
    let (attribute, inner) = if element {
        (String::new(), format!("<dcterms:provenance>{address}</dcterms:provenance>"))
    } else {
        (format!(" dcterms:provenance=\"{address}\""), String::new())
    };
    format!(
        "<?xpacket begin=\"\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\
        <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
        <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
        <rdf:Description rdf:about=\"\" xmlns:dcterms=\"http://purl.org/dc/terms/\"{attribute}>\
        {inner}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end=\"w\"?>"
    )
    .into_bytes()
}

/// Puts XMP into a file, where its kind has it.
fn put(path: &Path, xmp: &[u8]) {
    let mut bytes = std::fs::read(path).unwrap();
    let be = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
    match path.extension().unwrap().to_str().unwrap() {
        "jpg" => {
            let body = [b"http://ns.adobe.com/xap/1.0/\0", xmp].concat();
            let segment =
                [&[0xff, 0xe1][..], &u16::try_from(body.len() + 2).unwrap().to_be_bytes(), &body]
                    .concat();
            bytes.splice(2..2, segment);
        }
        "png" => {
            let body = [b"iTXtXML:com.adobe.xmp\0\0\0\0\0", xmp].concat();
            let crc = !body.iter().fold(!0u32, |c, &b| {
                (0..8).fold(c ^ u32::from(b), |c, _| {
                    if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 }
                })
            });
            bytes.splice(33..33, [&be(body.len() - 4)[..], &body, &crc.to_be_bytes()].concat());
        }
        "wav" => {
            let pad = vec![0; xmp.len() % 2];
            bytes.extend(
                [b"_PMX", &u32::try_from(xmp.len()).unwrap().to_le_bytes()[..], xmp, &pad].concat(),
            );
            let size = u32::try_from(bytes.len() - 8).unwrap().to_le_bytes();
            bytes[4..8].copy_from_slice(&size);
        }
        "mp4" | "mov" => {
            let kind = [
                0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3,
                0xaf, 0xac,
            ];
            bytes.extend([&be(24 + xmp.len())[..], b"uuid", &kind, xmp].concat());
        }
        kind => panic!("{kind}"),
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn references_are_seen_in_every_kind_that_has_them() {
    let folder = TempDir::new().unwrap();
    for (i, name) in ["a.jpg", "a.png", "a.wav", "a.mp4", "a.mov"].into_iter().enumerate() {
        let plain = folder.path().join(format!("plain-{name}"));
        match name {
            "a.wav" => generate("anoisesrc=d=1", "", &plain),
            "a.jpg" | "a.png" => generate("testsrc2=s=256x256", "-frames:v 1", &plain),
            _ => generate("testsrc2=s=256x256:d=0.5", "-pix_fmt yuv420p", &plain),
        }
        let file = folder.path().join(name);
        for (address, told) in
            [(ADDRESS, Some(ADDRESS)), ("self#jumbf=c2pa/x", None), ("Bought in Paris", None)]
        {
            std::fs::copy(&plain, &file).unwrap();
            put(&file, &xmp(address, i % 2 == 0));
            assert_eq!(verify(&file, None).elsewhere.as_deref(), told, "{name} {address}");
            let made = folder.path().join(format!("made-{name}"));
            match (told, try_stamp(&file, &made)) {
                (
                    Some(_),
                    Err(StampError::Provenance(ProvenanceError::Elsewhere { address, .. })),
                ) => assert_eq!(address, ADDRESS),
                (None, Ok(_)) => std::fs::remove_file(made).unwrap(),
                (_, other) => panic!("{name} {address}: {other:?}"),
            }
        }
        // Who signs nothing claims nothing.
        put(&file, &xmp(ADDRESS, true));
        Stamper::new(ring().stamping().clone())
            .stamp(&file, &folder.path().join(format!("unsigned-{name}")))
            .unwrap();
    }
}

#[test]
fn an_expired_certificate_over_untouched_content_is_told_as_that() {
    let folder = TempDir::new().unwrap();
    let Some(file) = copy(&folder, "expired.mp4", "a.mp4") else { return };
    let v = verify(&file, None);
    assert_eq!(
        (v.judgement.verdict, v.judgement.manifest_invalid),
        (Verdict::Foreign, true),
        "{}",
        why(&v)
    );
    let told = why(&v);
    assert!(
        told.contains("Old Camera Signer")
            && told.contains("certificate has expired since")
            && told.contains("content is as it was signed")
            && is_in_words(&told),
        "{told}"
    );
    let m = v.manifest.unwrap();
    assert!(
        m.state == ManifestState::Invalid
            && m.content_holds == Some(true)
            && m.failures.contains(&"signingCredential.expired".into()),
        "{m:?}"
    );
    // It excuses nothing that was changed.
    let mut bytes = std::fs::read(&file).unwrap();
    let at = bytes.len() - 1000;
    bytes[at] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let v = verify(&file, None);
    assert_eq!(
        (v.judgement.verdict, v.judgement.manifest_invalid),
        (Verdict::Foreign, true),
        "{}",
        why(&v)
    );
    assert!(
        why(&v).contains("was changed after it was signed")
            && !why(&v).contains("content is as it was signed"),
        "{}",
        why(&v)
    );
}

/// An identity whose certificate is valid for so many seconds from now.
fn short_lived(seconds: i64) -> (Identity, Trust) {
    let now = OffsetDateTime::now_utc();
    let named = |name: &str| {
        let mut p = CertificateParams::new(Vec::new()).unwrap();
        p.distinguished_name.push(DnType::OrganizationName, "Some Studio");
        p.distinguished_name.push(DnType::CommonName, name);
        p.not_before = now - time::Duration::days(1);
        p
    };
    let mut authority = named("Some authority");
    authority.not_after = now + time::Duration::days(1);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let mut leaf = named("Some signer");
    leaf.not_after = now + time::Duration::seconds(seconds);
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection];
    let key = KeyPair::generate().unwrap();
    let chain = leaf.signed_by(&key, &issuer).unwrap().pem() + &pem;
    let mut trust = Trust::default();
    trust.add(&pem).unwrap();
    (Identity::from_pem(chain, key.serialize_pem(), None).unwrap(), trust)
}

#[test]
fn our_own_clip_is_not_accused_when_its_certificate_has_ended() {
    let folder = TempDir::new().unwrap();
    let [still, small, signed, sidecar] =
        ["still.png", "small.mp4", "signed.png", "signed.mkv"].map(|n| folder.path().join(n));
    ffmpeg(&clip(), "-frames:v 1", &still);
    ffmpeg(&clip(), "-t 1 -an -s 320x180 -preset ultrafast", &small);
    let lifetime = 20;
    let end = SystemTime::now() + Duration::from_secs(lifetime + 1);
    let (identity, trust) = short_lived(lifetime as i64);
    let mut options = StampOptions::default();
    options.identity = Some(identity);
    for (from, to) in [(&still, &signed), (&small, &sidecar)] {
        Stamper::new(ring().stamping().clone()).options(options.clone()).stamp(from, to).unwrap();
    }
    assert!(!verify(&signed, Some(trust.clone())).judgement.manifest_invalid);
    std::thread::sleep(end.duration_since(SystemTime::now()).unwrap_or_default());
    let v = verify(&signed, Some(trust.clone()));
    assert_eq!(
        (v.judgement.verdict, v.judgement.manifest_invalid),
        (Verdict::Intact, true),
        "{}",
        why(&v)
    );
    assert!(
        why(&v).contains("certificate has expired since")
            && why(&v).contains("content is as it was signed")
            && is_in_words(&why(&v)),
        "{}",
        why(&v)
    );
    assert_ne!(v.judgement.severity, proofmark::Severity::Alert);
    // Nor is what is made of it, from beside it or within, said to be created here.
    for (from, made) in [(&signed, "again.png"), (&sidecar, "again.mp4")] {
        let made = folder.path().join(made);
        assert!(try_stamp(from, &made).unwrap().parent.is_some(), "{}", made.display());
        assert!(!actions(&made).contains(&"c2pa.created".into()));
    }
    // Changed content is still told as that.
    let mut bytes = std::fs::read(&signed).unwrap();
    let at = bytes.len() - 100;
    bytes[at] ^= 1;
    std::fs::write(&signed, bytes).unwrap();
    let v = verify(&signed, Some(trust));
    assert!(
        v.judgement.verdict == Verdict::Altered && v.judgement.has("manifest.content-changed"),
        "{}",
        why(&v)
    );
}

#[test]
fn a_foreign_manifest_that_fails_is_not_nothing() {
    let folder = TempDir::new().unwrap();
    let Some(file) = copy(&folder, "signed_other.jpg", "a.jpg") else { return };
    let whole = std::fs::read(&file).unwrap();
    let find = |what: &[u8]| whole.windows(what.len()).position(|w| w == what).unwrap();
    // Content, an assertion, the signature's box, and the store's own head.
    let places = [
        whole.len() - 500,
        find(b"digitalSourceType") + 30,
        find(b"c2pa.claim") - 20,
        find(b"jumdc2pa") + 4,
    ];
    for at in places {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        std::fs::write(&file, bytes).unwrap();
        let v = verify(&file, None);
        let Some(m) = &v.manifest else { continue };
        assert_eq!(
            (v.judgement.verdict, v.judgement.manifest_invalid),
            (Verdict::Foreign, true),
            "byte {at}: {} {m:?}",
            why(&v)
        );
        assert!(
            is_in_words(&why(&v)) && !why(&v).contains("most clips carry no proof"),
            "byte {at}: {}",
            why(&v)
        );
    }
}

#[test]
fn what_an_original_says_of_itself_is_told_whoever_signed_since() {
    let folder = TempDir::new().unwrap();
    let Some(file) = copy(&folder, "update.mp4", "a.mp4") else { return };
    let v = verify(&file, None);
    let m = v.manifest.as_ref().unwrap();
    assert_eq!(v.judgement.verdict, Verdict::Foreign);
    assert_eq!((m.content_holds, m.lineage.len()), (Some(true), 1), "{m:?}");
    let original = &m.lineage[0];
    assert_eq!(
        (&original.label, original.relationship.as_deref(), &original.ingredient_of),
        (&m.ancestors[0], Some("parentOf"), &m.label)
    );
    assert!(
        original.actions.iter().any(|a| a
            .digital_source_type
            .as_deref()
            .is_some_and(|t| t.ends_with("/trainedAlgorithmicMedia"))),
        "{original:?}"
    );
    let signer = original.signer().unwrap().to_string();
    let told = format!("made by a trained algorithm (trainedAlgorithmicMedia), signed by {signer}");
    assert!(signer.contains("Signer") && why(&v).contains(&told), "{}", why(&v));
    // Through a generation more, of ours.
    let made = folder.path().join("made.mp4");
    try_stamp(&file, &made).unwrap();
    let v = verify(&made, None);
    let lineage = &v.manifest.as_ref().unwrap().lineage;
    assert_eq!(
        (v.judgement.verdict, lineage.len(), lineage[1].ingredient_of.as_ref()),
        (Verdict::Intact, 2, Some(&lineage[0].label)),
        "{}",
        why(&v)
    );
    assert!(why(&v).contains(&told), "{}", why(&v));
}

#[test]
fn a_form_that_was_kept_is_no_media() {
    let folder = TempDir::new().unwrap();
    for name in ["a.jpg", "a.mp3", "a.mp4", "a.wav", "a.png"] {
        let (file, form) = (folder.path().join(name), folder.path().join(format!("form-{name}")));
        match name {
            "a.jpg" | "a.png" => generate("testsrc2=s=256x256", "-frames:v 1", &file),
            "a.mp4" => generate("testsrc2=s=256x256:d=0.5", "", &file),
            _ => generate("anoisesrc=d=1", "", &file),
        }
        let head = format!(
            "--------------------------d74496d6\r\nContent-Disposition: form-data; name=\"file\"; \
            filename=\"{name}\"\r\n\r\n"
        );
        std::fs::write(
            &form,
            [
                head.as_bytes(),
                &std::fs::read(&file).unwrap(),
                b"\r\n--------------------------d74496d6--\r\n",
            ]
            .concat(),
        )
        .unwrap();
        let verified = Verifier::new().ring(ring()).verify(&form);
        assert!(
            matches!(
                verified,
                Err(proofmark::VerifyError::Media(MediaError::Unsupported {
                    kind: Kind::Form,
                    ..
                }))
            ),
            "{name}"
        );
        let detected = Detector::new(ring()).detect(&form);
        assert!(
            matches!(detected, Err(MediaError::Unsupported { kind: Kind::Form, .. })),
            "{name}"
        );
        assert!(
            matches!(
                try_stamp(&form, &folder.path().join("made.mkv")),
                Err(StampError::Media(MediaError::Unsupported { kind: Kind::Form, .. }))
            ),
            "{name}"
        );
    }
}
