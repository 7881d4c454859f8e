//! Clips in segments: packaged, signed, followed, and told when something is done to them.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use common::desk::Desk;
use common::{clip, ffmpeg, probe, shared, some_payload};
use proofmark::package::IndexKind;
use proofmark::provenance::{ManifestState, SegmentState, read_segments};
use proofmark::segments::SegmentFaultKind::{
    self, Changed, Foreign, Missing, Moved, Repeated, Unsigned,
};
use proofmark::stamp::{PackageOptions, Packaged, Remember, Rung};
use proofmark::{Control, StampError, Verdict, Verified};
use tempfile::TempDir;

/// Six seconds of the real clip, in segments of two: at two sizes, and its sound.
fn package(desk: &Desk, folder: &Path) -> Result<Packaged, StampError> {
    static INPUT: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, input) = INPUT.get_or_init(|| {
        let work = TempDir::new().unwrap();
        let path = work.path().join("in.mp4");
        ffmpeg(
            &clip(),
            "-vf loop=1:140,setpts=N/25/TB,scale=640:-2 -t 6 -c:v libx264 -preset veryfast \
                -c:a aac",
            &path,
        );
        (work, path)
    });
    let how = PackageOptions {
        kinds: vec![IndexKind::Hls, IndexKind::Dash],
        ladder: vec![
            Rung { height: 360, bitrate: None },
            Rung { height: 180, bitrate: Some(300_000) },
        ],
        segment: 2.0,
    };
    let mut stamper = desk.stamper();
    let mut options = desk.options.clone();
    options.encode.preset = Some("veryfast".into());
    stamper = stamper.options(options);
    stamper.package(input, folder, &how, Control::default())
}

/// A desk, and a package on it.
fn packaged() -> (Desk, PathBuf, Packaged) {
    let desk = Desk::new();
    let folder = desk.path("out");
    let packaged = package(&desk, &folder).unwrap();
    (desk, folder, packaged)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|e| e.unwrap().path()) {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &target);
        } else {
            fs::copy(&entry, &target).unwrap();
        }
    }
}

/// What is wrong with segments: of which rendition, what, and when.
type Fault<'a> = (&'a str, SegmentFaultKind, f64, f64);

fn faults(verified: &Verified) -> Vec<Fault<'_>> {
    let all = verified.segments.as_ref().unwrap().renditions.iter();
    all.flat_map(|r| r.faults.iter().map(|f| (r.name.as_str(), f.kind, f.start, f.end))).collect()
}

/// A file without the box of its manifest, which is behind the first.
fn strip(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let size = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut out) = (0, Vec::new());
    while at < bytes.len() {
        if bytes[at + 4..at + 8] != *b"uuid" {
            out.extend(&bytes[at..at + size(at)]);
        }
        at += size(at);
    }
    fs::write(path, out).unwrap();
}

#[test]
fn a_package_plays_is_marked_and_holds_from_each_of_its_indexes() {
    let (desk, folder, packaged) = packaged();
    let names: Vec<&str> = packaged.renditions.iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["video-360p", "video-180p", "audio"]);
    assert_eq!(packaged.renditions[1].size, Some((320, 180)));
    assert!(packaged.renditions.iter().all(|r| r.segments == 3), "{:?}", packaged.renditions);
    for (index, streams) in [("index.m3u8", 4), ("index.mpd", 3)] {
        let index = folder.join(index);
        assert!(packaged.indexes.contains(&index));
        // libav's own readers take them.
        let told = probe(&index, "-show_entries stream=codec_name");
        assert!(told.lines().count() >= streams, "{told}");
        let v = desk.verify(&index);
        assert_eq!(v.judgement.verdict, Verdict::Intact, "{:?}", v.judgement.reasons);
        assert_eq!(faults(&v), []);
        assert!(v.judgement.has("video.agrees") && v.judgement.has("audio.agrees"));
        let listed: Vec<_> =
            v.segments.unwrap().renditions.iter().map(|r| (r.listed, r.signed)).collect();
        assert_eq!(listed, [(3, Some(3)); 3]);
    }
    let entry = desk.entry(packaged.stamped.payload).unwrap();
    assert!(entry.manifest.is_some() && entry.picture.is_some() && entry.sound.is_some());
    // Nothing else is left, and nothing is replaced that was not to be.
    assert!(matches!(package(&desk, &folder), Err(StampError::Exists { .. })));
    let left = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with('.');
    assert!(!fs::read_dir(desk.work.path()).unwrap().any(|e| left(e.unwrap())));
}

#[test]
fn each_part_by_itself_is_looked_at_with_what_it_needs() {
    let (desk, folder, _) = packaged();
    let intact = |path: &str| {
        let v = desk.verify(&folder.join(path));
        assert_eq!(v.judgement.verdict, Verdict::Intact, "{path}: {:?}", v.judgement.reasons);
        assert_eq!(faults(&v), [], "{path}");
        v.segments.unwrap().renditions[0].clone()
    };
    for (path, listed) in [
        ("video-180p/index.m3u8", 3),
        ("video-180p/init.mp4", 3),
        ("video-180p/00002.m4s", 1),
        ("audio/00003.m4s", 1),
    ] {
        let rendition = intact(path);
        assert_eq!((rendition.listed, rendition.signed), (listed, Some(3)), "{path}");
    }
    // The same without any index, and a segment without its head.
    for index in ["index.m3u8", "index.mpd", "video-180p/index.m3u8"] {
        fs::remove_file(folder.join(index)).unwrap();
    }
    assert_eq!(intact("video-180p/init.mp4").listed, 3);
    assert_eq!(intact("video-180p/00002.m4s").listed, 1);
    fs::remove_file(folder.join("video-180p/init.mp4")).unwrap();
    let e = desk.verifier().verify(&folder.join("video-180p/00002.m4s")).unwrap_err();
    assert!(e.to_string().contains("a segment of a packaged clip"), "{e}");
}

#[test]
fn what_is_done_to_segments_is_told_with_its_time() {
    let (desk, folder, _) = packaged();
    let other = desk.path("other");
    package(&desk, &other).unwrap();
    let rung = |at: &Path, n: u32| at.join(format!("video-360p/0000{n}.m4s"));
    let video = "video-360p";
    type Case<'a> = (&'a str, &'a dyn Fn(&Path), Vec<Fault<'a>>);
    let cases: [Case<'_>; 10] = [
        ("gone", &|at| fs::remove_file(rung(at, 2)).unwrap(), vec![(video, Missing, 2.0, 4.0)]),
        (
            "not listed",
            &|at| {
                let list = at.join("video-360p/index.m3u8");
                let text = fs::read_to_string(&list).unwrap();
                fs::write(&list, text.replace("#EXTINF:2.000000,\n00002.m4s\n", "")).unwrap();
            },
            vec![(video, Missing, 2.0, 2.0)],
        ),
        (
            "cut off",
            &|at| {
                let list = at.join("video-360p/index.m3u8");
                let text = fs::read_to_string(&list).unwrap();
                fs::write(&list, text.replace("#EXTINF:2.000000,\n00003.m4s\n", "")).unwrap();
            },
            vec![(video, Missing, 4.0, 4.0)],
        ),
        (
            "swapped",
            &|at| {
                fs::rename(rung(at, 2), at.join("x")).unwrap();
                fs::rename(rung(at, 3), rung(at, 2)).unwrap();
                fs::rename(at.join("x"), rung(at, 3)).unwrap();
            },
            vec![(video, Moved, 2.0, 6.0)],
        ),
        (
            "repeated",
            &|at| _ = fs::copy(rung(at, 1), rung(at, 2)).unwrap(),
            vec![(video, Repeated, 2.0, 4.0), (video, Missing, 4.0, 4.0)],
        ),
        (
            "changed",
            &|at| {
                let mut bytes = fs::read(rung(at, 3)).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(rung(at, 3), bytes).unwrap();
            },
            vec![(video, Changed, 4.0, 6.0)],
        ),
        (
            "another clip's",
            &|at| _ = fs::copy(rung(&other, 1), rung(at, 1)).unwrap(),
            vec![(video, Foreign, 0.0, 2.0)],
        ),
        ("unsigned", &|at| strip(&rung(at, 1)), vec![(video, Unsigned, 0.0, 2.0)]),
        (
            "another clip's rendition",
            &|at| {
                fs::remove_dir_all(at.join("video-180p")).unwrap();
                copy(&other.join("video-180p"), &at.join("video-180p"));
            },
            vec![("video-180p", Foreign, 0.0, 6.0)],
        ),
        ("sound", &|at| strip(&at.join("audio/init.mp4")), vec![("audio", Unsigned, 0.0, 5.0)]),
    ];
    for (name, change, expected) in cases {
        let at = desk.path(&name.replace(' ', "-"));
        copy(&folder, &at);
        change(&at);
        let v = desk.verify(&at.join("index.m3u8"));
        let mut found = faults(&v);
        // Sound is cut at its own frames, of some hundredths of a second.
        found.iter_mut().for_each(|f| f.3 = if f.0 == "audio" { f.3.round() } else { f.3 });
        found.sort_by_key(|f| f.1 == Missing);
        assert_eq!(found, expected, "{name}");
        // The mark of the other clip is found as well.
        let verdict = if name == "another clip's" { Verdict::Mixed } else { Verdict::Altered };
        assert_eq!(v.judgement.verdict, verdict, "{name}: {:?}", v.judgement.reasons);
        assert!(v.judgement.has("manifest.content-changed"), "{name}");
        let codes: Vec<&str> = v.judgement.reasons.iter().map(|r| r.code).collect();
        let code = format!("segments.{}", format!("{:?}", expected[0].1).to_lowercase());
        assert!(codes.contains(&code.as_str()), "{name}: {codes:?}");
    }
    // Without any manifest the mark leads to it.
    for name in ["video-360p", "video-180p", "audio"] {
        strip(&folder.join(name).join("init.mp4"));
        (1..=3).for_each(|n| strip(&folder.join(name).join(format!("0000{n}.m4s"))));
    }
    let v = desk.verify(&folder.join("index.mpd"));
    assert_eq!(v.judgement.verdict, Verdict::Recovered, "{:?}", v.judgement.reasons);
    assert_eq!(faults(&v), []);
}

#[test]
fn what_is_played_twice_or_in_part_is_told_however_it_is_written() {
    let (desk, folder, _) = packaged();
    let list = |at: &Path, lines: &[String], end: &str| {
        let head = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n";
        fs::write(at.join("x.m3u8"), format!("{head}{}\n{end}\n", lines.join("\n"))).unwrap();
        desk.verify(&at.join("x.m3u8"))
    };
    let run = |rung: &str, init: &str, numbers: &[u32]| -> Vec<String> {
        let segments = numbers.iter().map(|n| format!("#EXTINF:2,\n{rung}/0000{n}.m4s"));
        std::iter::once(format!("#EXT-X-MAP:URI=\"{rung}/{init}\"")).chain(segments).collect()
    };
    let end = "#EXT-X-ENDLIST";
    let (high, low) = ("video-360p", "video-180p");
    fs::copy(folder.join("video-360p/init.mp4"), folder.join("video-360p/copy.mp4")).unwrap();
    let twice = [run(high, "init.mp4", &[1, 2, 3]), run(high, "copy.mp4", &[1, 2])].concat();
    let v = list(&folder, &twice, end);
    assert_eq!(v.judgement.verdict, Verdict::Altered, "{:?}", v.judgement.reasons);
    assert!(v.judgement.has("segments.repeated"));
    let both = [run(high, "init.mp4", &[1, 2, 3]), run(low, "init.mp4", &[1, 2, 3])].concat();
    let v = list(&folder, &both, end);
    assert!(v.judgement.has("segments.moved"), "{:?}", v.judgement.reasons);
    // The end is not there, and nothing says that there is one.
    let v = list(&folder, &run(high, "init.mp4", &[1, 2]), "");
    assert!(
        v.judgement.has("segments.window") && faults(&v).is_empty(),
        "{:?}",
        v.judgement.reasons
    );
    assert_eq!(v.judgement.severity, proofmark::Severity::Doubt);
    assert!(
        !list(&folder, &run(high, "init.mp4", &[1, 2, 3]), "").judgement.has("segments.window")
    );
    let v = list(&folder, &run(high, "init.mp4", &[1, 2]), "#EXT-X-PLAYLIST-TYPE:VOD");
    assert!(v.judgement.has("segments.missing"), "{:?}", v.judgement.reasons);

    let period = |length: u32, numbers: &[u32], offset: u32| {
        let named = numbers.iter().map(|n| format!(r#"<SegmentURL media="{high}/0000{n}.m4s"/>"#));
        let named: String = named.collect();
        format!(
            r#"<Period duration="PT{length}S"><AdaptationSet mimeType="video/mp4">
            <Representation id="a"><SegmentList duration="2" presentationTimeOffset="{offset}">
            <Initialization sourceURL="{high}/init.mp4"/>{named}</SegmentList></Representation>
            </AdaptationSet></Period>"#
        )
    };
    let mpd = |periods: &[String]| {
        let index = folder.join("x.mpd");
        fs::write(&index, format!("<MPD>{}</MPD>", periods.concat())).unwrap();
        desk.verify(&index)
    };
    let v = mpd(&[period(4, &[1, 2], 0), period(2, &[3], 4)]);
    assert_eq!((v.judgement.verdict, faults(&v)), (Verdict::Intact, vec![]));
    let v = mpd(&[period(6, &[1, 2, 3], 0), period(6, &[1, 2, 3], 0)]);
    assert!(v.judgement.has("segments.repeated"), "{:?}", v.judgement.reasons);
    let v = mpd(&[period(2, &[3], 4), period(4, &[1, 2], 0)]);
    assert!(v.judgement.has("segments.moved"), "{:?}", v.judgement.reasons);
    let v = mpd(&[period(2, &[1, 2, 3], 0)]);
    assert!(v.judgement.has("segments.missing"), "{:?}", v.judgement.reasons);
    // What is no file is not waited for.
    fs::remove_file(folder.join("video-360p/copy.mp4")).unwrap();
    let fifo = folder.join("video-360p/copy.mp4");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    fs::write(
        folder.join("x.m3u8"),
        format!("#EXTM3U\n{}\n{end}\n", run(high, "copy.mp4", &[1]).join("\n")),
    )
    .unwrap();
    let e = desk.verifier().verify(&folder.join("x.m3u8")).unwrap_err();
    assert!(e.to_string().contains("is not a file"), "{e}");
}

#[test]
fn what_others_packaged_is_signed_as_it_is() {
    let desk = Desk::new();
    let marked = desk.marked("marked.mkv", "-t 4 -vf scale=640:-2");
    let encode = "-c:v libx264 -preset veryfast -g 25 -keyint_min 25 -sc_threshold 0 -c:a aac";
    for (kind, index, how) in [
        ("hls", "list.m3u8", "-f hls -hls_time 1 -hls_playlist_type vod -hls_segment_type fmp4"),
        ("dash", "list.mpd", "-f dash -seg_duration 1 -use_template 1 -use_timeline 1"),
    ] {
        let (theirs, signed) = (desk.path(kind), desk.path(&format!("signed-{kind}")));
        fs::create_dir(&theirs).unwrap();
        ffmpeg(&marked, &format!("{encode} {how}"), &theirs.join(index));
        let done = desk.stamper().sign(&theirs.join(index), &signed).unwrap();
        assert_eq!((done.payload, done.video, done.audio), (some_payload(), true, true), "{kind}");
        assert!(done.replaced, "{kind}");
        let files = |at: &Path| {
            let mut names: Vec<_> =
                fs::read_dir(at).unwrap().map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(files(&theirs), files(&signed), "{kind}");
        let v = desk.verify(&signed.join(index));
        assert_eq!(v.judgement.verdict, Verdict::Intact, "{kind}: {:?}", v.judgement.reasons);
        assert_eq!(faults(&v), [], "{kind}");
        // Once more it is refused, and a part alone too.
        let e = desk.stamper().sign(&signed.join(index), &desk.path("again")).unwrap_err();
        assert!(e.to_string().contains("signed already"), "{e}");
        let part = fs::read_dir(&theirs)
            .unwrap()
            .map(|e| e.unwrap().path())
            .find(|p| p.file_name().unwrap().to_string_lossy().contains("init"));
        let e = desk.stamper().sign(&part.unwrap(), &desk.path("again")).unwrap_err();
        assert!(e.to_string().contains("give the playlist or MPD"), "{e}");
        assert!(!desk.path("again").exists());
    }
}

#[test]
fn a_segment_that_the_c2pa_crate_signed_is_as_signed() {
    let Some(media) = shared("PROOFMARK_C2PA", "../shared/c2pa/media") else { return };
    let work = TempDir::new().unwrap();
    let [init, segment] =
        ["dashinit.mp4", "dash1.m4s"].map(|name| fs::read(media.join(name)).unwrap());
    let path = work.path().join("joined.mp4");
    let lengths = [init.len() as u64, segment.len() as u64];
    let read = |segment: &[u8]| {
        fs::write(&path, [&init, segment].concat()).unwrap();
        let (trust, limits) = Default::default();
        read_segments(&path, &lengths, &trust, &limits).unwrap().unwrap()
    };
    let held = read(&segment);
    assert_eq!((held.segments.as_slice(), held.init_holds), (&[SegmentState::Holds(0)][..], true));
    assert_eq!(held.report.state, ManifestState::Valid, "{:?}", held.report.failures);
    let mut changed = segment.clone();
    *changed.last_mut().unwrap() ^= 1;
    let held = read(&changed);
    assert_eq!(held.segments, [SegmentState::Changed(0)]);
    assert_eq!(held.report.state, ManifestState::Invalid);
    assert!(held.report.content_changed());
}

#[test]
fn what_cannot_be_packaged_or_followed_is_refused_in_a_line() {
    let desk = Desk::new();
    let says = |e: &dyn std::error::Error, what: &str| {
        let text = e.to_string();
        assert!(text.contains(what) && !text.contains('\n'), "{text}");
    };
    let index = desk.path("x.m3u8");
    let head = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n";
    for (list, what) in [
        ("#EXTINF:2,\nhttps://example.com/1.m4s\n", "nothing is fetched"),
        ("#EXTINF:2,\n../1.m4s\n", "leads out of its folder"),
        ("#EXT-X-BYTERANGE:100@0\n#EXTINF:2,\nall.mp4\n", "give that file itself"),
        ("#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:2,\n1.ts\n", "encrypted"),
        ("", "names no segment"),
        ("#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2,\n1.m4s\n", "init.mp4: cannot be read"),
    ] {
        fs::write(&index, format!("{head}{list}#EXT-X-ENDLIST\n")).unwrap();
        says(&desk.verifier().verify(&index).unwrap_err(), what);
    }
    let (full, input) = (desk.path("full"), clip());
    fs::create_dir(&full).unwrap();
    fs::write(full.join("letters.txt"), "dear").unwrap();
    let package = |input: &Path, change: &dyn Fn(&mut PackageOptions), force: bool| {
        let mut how = PackageOptions::default();
        change(&mut how);
        let mut options = desk.options.clone();
        options.overwrite = force;
        options.remember = Remember::Nowhere;
        let stamper = desk.stamper().options(options);
        stamper.package(input, &full, &how, Control::default()).unwrap_err()
    };
    says(&package(&input, &|_| {}, false), "exists already");
    says(&package(&input, &|_| {}, true), "a folder of something else");
    assert!(full.join("letters.txt").is_file());
    fs::remove_dir_all(&full).unwrap();
    let rung = |height| {
        move |how: &mut PackageOptions| {
            how.ladder = vec![Rung { height, bitrate: None }];
        }
    };
    says(&package(&input, &rung(2160), false), "none are made for 2160");
    says(&package(&input, &rung(95), false), "95 is none");
    let sound = desk.path("sound.wav");
    ffmpeg(&input, "-vn -t 1", &sound);
    says(&package(&sound, &|_| {}, false), "sound alone is not packaged");
    assert!(!full.exists());
}
