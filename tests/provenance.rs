//! What manifests cost in long files, and what they tell of broken files and of neighbours.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{clip, ffmpeg, identity, peak_memory, root, some_payload};
use proofmark::Payload;
use proofmark::media::{Container, Limits};
use proofmark::provenance::{
    self, Bound, DEFAULT_ALGORITHM, Identity, ManifestOptions, ManifestState, Placement,
    ProvenanceError, Signed, Signing, Source, Trust, placement, read, test_identity,
};
use tempfile::TempDir;

/// Signs a file of the kind that its name says, with nothing else in the manifest.
fn sign(
    unsigned: &Path,
    signed: &Path,
    source: &Source<'_>,
    bound: &Bound,
    identity: &Identity,
) -> Result<Signed, ProvenanceError> {
    let container = Container::of(unsigned).unwrap();
    let file = Signing { unsigned, signed, container, source: Some(source) };
    provenance::sign(&file, bound, identity, &ManifestOptions::default())
}

/// Bytes of media that nobody plays.
const LENGTH: u64 = 400 << 20;

fn bound(payload: Payload) -> Bound {
    Bound { payload, marked: true, picture: None, sound: None, length: None, thumbnail: None }
}

fn flip(path: &Path, at: u64) {
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[!byte[0]]).unwrap();
}

#[test]
fn a_long_file_is_signed_and_checked_in_little_memory_and_to_its_last_byte() {
    let folder = TempDir::new().unwrap();
    let [unsigned, signed] = ["unsigned.mp4", "signed.mp4"].map(|n| folder.path().join(n));
    ffmpeg(&clip(), "-t 0.2 -c copy -movflags +faststart", &unsigned);
    // Its media are its last box, which is made longer.
    let clip = std::fs::read(&unsigned).unwrap();
    let at = clip.windows(4).rposition(|w| w == b"mdat").unwrap() - 4;
    let mut file = File::options().write(true).open(&unsigned).unwrap();
    file.seek(SeekFrom::Start(at as u64)).unwrap();
    file.write_all(&u32::try_from(LENGTH).unwrap().to_be_bytes()).unwrap();
    file.set_len(at as u64 + LENGTH).unwrap();
    drop(file);

    let (identity, trust) = identity();
    sign(&unsigned, &signed, &Source::new(&unsigned), &bound(some_payload()), &identity).unwrap();
    assert!(peak_memory() < 150 << 20, "{} bytes", peak_memory());
    let check = || read(&signed, &trust, &Limits::default()).unwrap().unwrap();
    assert_eq!(check().state, ManifestState::Trusted);
    // The crate hashes through two buffers of up to 256 MB, however long a file is.
    assert!(peak_memory() < 700 << 20, "{} bytes", peak_memory());

    // The first and last bytes of the media, one amid it, and one of the box's head.
    let length = signed.metadata().unwrap().len();
    for at in [length - LENGTH + 8, length - LENGTH / 2, length - 1, length - LENGTH + 7] {
        flip(&signed, at);
        let told = check();
        assert!(
            told.state == ManifestState::Invalid && told.content_changed(),
            "byte {at} of {length}: {:?}",
            told.failures
        );
        flip(&signed, at);
    }
    assert_eq!(check().state, ManifestState::Trusted);
    // A box more behind it, which moves nothing.
    File::options().append(true).open(&signed).unwrap().write_all(b"\0\0\0\x0cmdatmore").unwrap();
    assert!(check().content_changed(), "{:?}", check().failures);
}

/// A short clip, signed as `name` with the number of [`some_payload`], and whom to trust.
fn signed_clip(folder: &TempDir, name: &str) -> (PathBuf, Trust) {
    let [unsigned, signed] =
        [format!("unsigned-{name}"), name.to_string()].map(|n| folder.path().join(n));
    ffmpeg(&clip(), "-t 0.2 -c copy", &unsigned);
    let (identity, trust) = identity();
    let container = Container::of(&signed).unwrap();
    let target = if placement(container) == Placement::Sidecar {
        signed.with_extension("c2pa")
    } else {
        signed.clone()
    };
    sign(&unsigned, &target, &Source::new(&unsigned), &bound(some_payload()), &identity).unwrap();
    if target != signed {
        std::fs::rename(&unsigned, &signed).unwrap();
    }
    (signed, trust)
}

#[test]
fn what_stands_behind_the_last_box_hides_no_manifest() {
    let folder = TempDir::new().unwrap();
    for (name, behind) in [
        ("a.mp4", &b"hello world, this is trailing text"[..]),
        ("b.mov", &[0xff; 8]),
        ("c.mp4", b"\0\0\0\x04mdat"),
        ("whole.mp4", b""),
    ] {
        let (path, trust) = signed_clip(&folder, name);
        File::options().append(true).open(&path).unwrap().write_all(behind).unwrap();
        let told = read(&path, &trust, &Limits::default()).unwrap().unwrap();
        assert_eq!(told.payload(DEFAULT_ALGORITHM), Some(some_payload()), "{name} {told:?}");
        let expected =
            if behind.is_empty() { ManifestState::Trusted } else { ManifestState::Invalid };
        assert!(
            told.state == expected && told.content_changed() != behind.is_empty(),
            "{name}: {:?}",
            told.failures
        );
        // It is not left out of what is made from it either, which would claim that the clip was
        // created here.
        let (identity, _) = identity();
        let another = bound("106a5530-30ec-48ee-8881-36dd7be07aec".parse().unwrap());
        let made = sign(
            &folder.path().join("unsigned-a.mp4"),
            &folder.path().join("made.mp4"),
            &Source::new(&path),
            &another,
            &identity,
        );
        match made {
            Ok(_) => {
                let told = read(&folder.path().join("made.mp4"), &trust, &Limits::default())
                    .unwrap()
                    .unwrap();
                assert_eq!(told.ingredients, [name], "{told:?}");
            }
            Err(e) => assert!(
                !behind.is_empty() && e.to_string().contains("too broken for that to be kept"),
                "{e}"
            ),
        }
    }
}

#[test]
fn a_file_that_ends_within_its_index_keeps_its_manifest() {
    let folder = TempDir::new().unwrap();
    let (path, trust) = signed_clip(&folder, "cut.mp4");
    let bytes = std::fs::read(&path).unwrap();
    assert!(
        bytes.windows(4).rposition(|w| w == b"moov") > bytes.windows(4).rposition(|w| w == b"mdat"),
        "the index is its last box"
    );
    File::options().write(true).open(&path).unwrap().set_len(bytes.len() as u64 - 100).unwrap();
    let told = read(&path, &trust, &Limits::default()).unwrap().unwrap();
    assert!(
        told.payload(DEFAULT_ALGORITHM) == Some(some_payload()) && told.content_changed(),
        "{:?}",
        told.failures
    );
}

#[test]
fn a_sidecar_says_nothing_about_neighbours_of_another_kind() {
    let folder = TempDir::new().unwrap();
    let (path, trust) = signed_clip(&folder, "clip.mkv");
    let check = |path: &Path| read(path, &trust, &Limits::default()).unwrap();
    assert_eq!(check(&path).unwrap().state, ManifestState::Trusted);
    let neighbour = folder.path().join("clip.mp4");
    ffmpeg(&clip(), "-t 0.2 -c copy", &neighbour);
    assert!(check(&neighbour).is_none(), "{:?}", check(&neighbour));
    // Of the same kind it is the clip itself, changed.
    flip(&path, path.metadata().unwrap().len() - 1);
    assert!(check(&path).unwrap().content_changed());
}

#[test]
fn what_is_made_from_a_signed_clip_opens_it() {
    let folder = TempDir::new().unwrap();
    let (identity, _) = identity();
    let another: Payload = "106a5530-30ec-48ee-8881-36dd7be07aec".parse().unwrap();
    let plain = folder.path().join("plain.mp4");
    ffmpeg(&clip(), "-t 0.2 -c copy", &plain);
    let made_from = |from: &Path| {
        let made = folder.path().join("made.mp4");
        sign(&plain, &made, &Source::new(from), &bound(another), &identity).map(|signed| {
            let told = read(&made, &Trust::default(), &Limits::default()).unwrap().unwrap();
            assert!(
                told.state == ManifestState::Valid
                    && told.failures.iter().all(|f| f == "signingCredential.untrusted"),
                "{told:?}"
            );
            assert_eq!(told.ancestors, signed.parent.iter().cloned().collect::<Vec<_>>());
            (signed.parent, told.actions[0].action.clone())
        })
    };
    let parent = Some(format!("urn:c2pa:{}", some_payload()));
    for name in ["signed.mp4", "signed.mkv"] {
        let (path, _) = signed_clip(&folder, name);
        assert_eq!(made_from(&path).unwrap(), (parent.clone(), "c2pa.opened".into()), "{name}");
        // Whatever it is called.
        if name.ends_with("mp4") {
            let renamed = folder.path().join("upload.bin");
            std::fs::copy(&path, &renamed).unwrap();
            assert_eq!(made_from(&renamed).unwrap().0, parent);
        }
    }
    // A sidecar that was made for other bytes.
    flip(&folder.path().join("signed.mkv"), 400);
    assert_eq!(
        made_from(&folder.path().join("signed.mkv")).unwrap(),
        (None, "c2pa.created".into())
    );
    // What the registry remembers counts for a file without, which keeps its own otherwise.
    let store = std::fs::read(folder.path().join("signed.c2pa")).unwrap();
    let source = Source { remembered: Some(&store), ..Source::new(&plain) };
    let made = folder.path().join("recovered.mp4");
    assert_eq!(sign(&plain, &made, &source, &bound(another), &identity).unwrap().parent, parent);
    let told = read(&made, &Trust::default(), &Limits::default()).unwrap().unwrap();
    assert_eq!(
        (told.state, told.actions[0].action.as_str()),
        (ManifestState::Valid, "c2pa.opened"),
        "{told:?}"
    );
    // One that claims to hold more than it does is neither taken apart nor left out.
    let overstated = root().join("fuzz/corpus/manifest/overstated");
    let path = folder.path().join("signed.mp4");
    let mut source = Source::new(&path);
    source.limits.manifest_bytes = 10;
    let refused = sign(&plain, &made, &source, &bound(another), &identity).unwrap_err();
    assert!(refused.to_string().contains("over the limit of 10"), "{refused}");
    let store = std::fs::read(overstated).unwrap();
    let source = Source { remembered: Some(&store), ..Source::new(&plain) };
    assert_eq!(sign(&plain, &made, &source, &bound(another), &identity).unwrap().parent, None);
}

/// Runs openssl in a folder.
fn openssl(folder: &Path, arguments: &str) {
    let out =
        Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(out.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&out.stderr));
}

/// A time-stamp authority that answers one request, of openssl; its URL.
fn authority(folder: &Path) -> String {
    let settings = "[req]\ndistinguished_name=dn\n[dn]\n[ext]\nbasicConstraints=critical,CA:FALSE\n\
        keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n\
        authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n[ca]\n\
        basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n\
        subjectKeyIdentifier=hash\n[tsa]\ndefault_tsa=one\n[one]\nserial=serial\n\
        signer_digest=sha256\ndefault_policy=1.2.3.4.1\ndigests=sha256,sha384,sha512\n\
        ess_cert_id_alg=sha256\n";
    std::fs::write(folder.join("tsa.cnf"), settings).unwrap();
    std::fs::write(folder.join("serial"), "01\n").unwrap();
    openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out clocks.pem -days 2 -subj \
        /O=Clocks/CN=Clocks -config tsa.cnf -extensions ca",
    );
    openssl(
        folder,
        "req -newkey rsa:2048 -nodes -keyout tsa.key -out tsa.csr -subj /O=Clock/CN=Clock -config \
        tsa.cnf",
    );
    openssl(
        folder,
        "x509 -req -in tsa.csr -CA clocks.pem -CAkey ca.key -CAcreateserial -days 1 -extfile \
        tsa.cnf -extensions ext -out tsa.pem",
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, folder) =
        (format!("http://{}/", listener.local_addr().unwrap()), folder.to_path_buf());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = BufReader::new(stream.try_clone().unwrap());
        let (mut line, mut length) = (String::new(), 0);
        while request.read_line(&mut line).unwrap() > 2 {
            if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = told.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut query = vec![0; length];
        request.read_exact(&mut query).unwrap();
        std::fs::write(folder.join("query"), query).unwrap();
        openssl(
            &folder,
            "ts -reply -config tsa.cnf -queryfile query -signer tsa.pem -inkey tsa.key -chain \
            tsa.pem -out reply",
        );
        let reply = std::fs::read(folder.join("reply")).unwrap();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: \
            application/timestamp-reply\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            reply.len()
        )
        .unwrap();
        stream.write_all(&reply).unwrap();
    });
    url
}

#[test]
fn an_authority_that_is_named_says_when_a_manifest_was_signed() {
    let folder = TempDir::new().unwrap();
    let [unsigned, signed] = ["unsigned.mp4", "signed.mp4"].map(|n| folder.path().join(n));
    ffmpeg(&clip(), "-t 0.2 -c copy", &unsigned);
    let own = test_identity().unwrap();
    let sign_with = |url: String| {
        let identity =
            Identity::from_pem(own.chain.clone(), own.key.to_string(), Some(url)).unwrap();
        sign(&unsigned, &signed, &Source::new(&unsigned), &bound(some_payload()), &identity)
    };
    sign_with(authority(folder.path())).unwrap();
    // Each list is for what it was given for.
    let clock = std::fs::read_to_string(folder.path().join("clocks.pem")).unwrap();
    for (signers, clocks) in [
        (None, None),
        (Some(&own.authority), None),
        (Some(&clock), Some(&own.authority)),
        (None, Some(&clock)),
        (Some(&own.authority), Some(&clock)),
    ] {
        let mut trust = Trust::default();
        signers.iter().for_each(|list| trust.add(list).unwrap());
        clocks.iter().for_each(|list| trust.add_time_stamp_authorities(list).unwrap());
        let told = read(&signed, &trust, &Limits::default()).unwrap().unwrap();
        let (trusted, attested) = (signers == Some(&own.authority), clocks == Some(&clock));
        assert_eq!(
            told.state,
            if trusted { ManifestState::Trusted } else { ManifestState::Valid },
            "{:?}",
            told.failures
        );
        let signer = told.signer.unwrap();
        assert_eq!(
            (signer.trusted, signer.time.is_some(), signer.unattested_time.is_some()),
            (trusted, attested, !attested),
            "{:?}",
            told.failures
        );
    }

    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = sign_with(format!("http://{gone}/")).unwrap_err().to_string();
    assert!(error.contains("time-stamp authority") && error.contains(&gone.to_string()), "{error}");
}

#[test]
fn a_file_that_is_none_of_what_its_name_says_has_no_broken_manifest() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    ffmpeg(&clip(), "-t 0.2 -c copy -f mpegts", &path("stream.mp4"));
    std::fs::write(
        path("text.mov"),
        "no clip at all, but a text of more than a hundred bytes ".repeat(4),
    )
    .unwrap();
    for name in ["stream.mp4", "text.mov"] {
        assert!(
            read(&path(name), &Trust::default(), &Limits::default()).unwrap().is_none(),
            "{name}"
        );
    }
    // One whose first box is not the usual one may have one.
    let (signed, trust) = signed_clip(&folder, "signed.mp4");
    let shifted = [b"\0\0\0\x08free".to_vec(), std::fs::read(signed).unwrap()].concat();
    std::fs::write(path("shifted.mp4"), shifted).unwrap();
    assert_eq!(
        read(&path("shifted.mp4"), &trust, &Limits::default()).unwrap().unwrap().state,
        ManifestState::Invalid
    );
}

#[test]
fn a_sidecar_is_no_clip() {
    let folder = TempDir::new().unwrap();
    let (clip, trust) = signed_clip(&folder, "clip.mkv");
    assert_eq!(
        read(&clip, &trust, &Limits::default()).unwrap().unwrap().state,
        ManifestState::Trusted
    );
    for name in ["clip.c2pa", "renamed.mp4"] {
        let path = folder.path().join(name);
        if !path.exists() {
            std::fs::copy(folder.path().join("clip.c2pa"), &path).unwrap();
        }
        assert!(
            matches!(read(&path, &trust, &Limits::default()), Err(ProvenanceError::Alone { .. })),
            "{name}"
        );
    }
}

#[test]
fn damaged_trust_lists_are_refused() {
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let own = test_identity().unwrap().authority;
    for list in
        ["", "no certificate", damaged, &(own.clone() + damaged), &own.replacen("M", "%", 1)]
    {
        assert!(matches!(Trust::default().add(list), Err(ProvenanceError::Trust { .. })), "{list}");
    }
    Trust::default().add(&(own.clone() + &own)).unwrap();
}
