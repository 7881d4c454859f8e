//! The whole path on a real clip: stamp → what an uploader does → detect → verify.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use common::{clip, detect, detect_with, ffmpeg, identity, stamp, stamp_with, verify};
use proofmark::evidence::{Method, Question};
use proofmark::message::Message;
use proofmark::provenance::ManifestState;
use proofmark::verdict::Verdict;
use proofmark::video::{DetectOptions, VideoEvidence};
use proofmark::{Detector, Payload, StampOptions};
use tempfile::TempDir;

#[test]
fn a_stamped_clip_is_intact_and_trusted_and_tampering_shows() {
    let work = TempDir::new().unwrap();
    let (identity, trust) = identity();
    let target = work.path().join("stamped.mp4");
    let stamped = stamp(&clip(), &target, Some(identity));

    let untrusting = verify(&target, None);
    let manifest = untrusting.manifest.unwrap();
    assert_eq!(manifest.state, ManifestState::Valid);
    assert_eq!(manifest.failures, ["signingCredential.untrusted"]);
    assert_eq!(manifest.label, Some(format!("urn:c2pa:{}", stamped.payload)));
    assert_eq!(
        manifest.actions.iter().map(|a| a.action.as_str()).collect::<Vec<_>>(),
        ["c2pa.created", "c2pa.watermarked.bound"]
    );
    assert_eq!(manifest.payload(proofmark::provenance::DEFAULT_ALGORITHM), Some(stamped.payload));
    let trusting = verify(&target, Some(trust));
    assert_eq!(trusting.manifest.unwrap().state, ManifestState::Trusted);
    assert_eq!(trusting.judgement.verdict, Verdict::Intact);

    // Every frame keeps its time.
    assert_eq!(common::frame_times(&clip()), common::frame_times(&target));

    // One byte in the middle of the media data.
    let mut bytes = std::fs::read(&target).unwrap();
    let middle = bytes.len() - bytes.len() / 3;
    bytes[middle] ^= 0x40;
    let tampered = work.path().join("tampered.mp4");
    std::fs::write(&tampered, bytes).unwrap();
    let v = verify(&tampered, None);
    assert_eq!(v.judgement.verdict, Verdict::Altered);
    assert!(v.manifest.unwrap().content_changed());
}

#[test]
fn what_uploaders_do_is_survived() {
    let work = TempDir::new().unwrap();
    let target = work.path().join("stamped.mp4");
    let stamped = stamp(&clip(), &target, None);
    let attacks = [
        ("-c:v libx264 -crf 30", "re-encoded"),
        ("-vf scale=-2:360 -c:v libx264 -crf 28", "resized"),
        ("-vf crop=iw*0.7:ih*0.7:100:90 -c:v libx264 -crf 26", "cropped"),
        ("-vf hflip -c:v libx264 -crf 26", "mirrored"),
        ("-vf rotate=5*PI/180 -c:v libx264 -crf 26", "turned"),
        ("-vf transpose=1 -c:v libx264 -crf 26", "turned by a quarter"),
        ("-vf negate -c:v libx264 -crf 26", "inverted"),
        ("-vf scale=iw*0.75:ih,setsar=1 -c:v libx264 -crf 26", "squeezed"),
        ("-vf pad=iw:iw*1.2:0:(oh-ih)/2 -c:v libx264 -crf 26", "letterboxed"),
        ("-vf lutyuv=y=val*0.5 -c:v libx264 -crf 26", "darkened"),
        ("-ss 1 -t 2 -c:v libx264 -crf 26", "excerpt"),
    ];
    let mut read = 0;
    for (arguments, what) in attacks {
        let upload = work.path().join("upload.mp4");
        ffmpeg(&target, &format!("-an -map_metadata -1 -preset veryfast {arguments}"), &upload);
        let e = detect(&upload);
        assert!(e.payload.is_none_or(|p| p == stamped.payload), "{what}: a wrong payload");
        if e.payload.is_none() {
            eprintln!("{what}: not read, p {}", e.p_value);
        }
        read += usize::from(e.payload.is_some());
    }
    assert!(read + 1 >= attacks.len(), "{read} of {} were read", attacks.len());

    let upload = work.path().join("upload.mp4");
    ffmpeg(&target, "-an -map_metadata -1 -preset veryfast -c:v libx264 -crf 28", &upload);
    let v = verify(&upload, None);
    assert_eq!(v.judgement.verdict, Verdict::Marked);
    let picture = v.detected.unwrap().picture.unwrap();
    assert_eq!((picture.method, picture.ranges.len()), (Some(Method::Blind), 1));
}

#[test]
fn weak_marks_are_chosen_among_candidates_and_confirmed() {
    let work = TempDir::new().unwrap();
    let (target, upload) = (work.path().join("stamped.mp4"), work.path().join("upload.mp4"));
    let payload = stamp(&clip(), &target, None).payload;
    ffmpeg(&target, "-an -t 2 -preset veryfast -c:v libx264 -crf 38", &upload);
    let ask = |question| {
        let options = DetectOptions { question, ..DetectOptions::default() };
        detect_with(&upload, &options)
    };
    let others: Vec<Payload> = (0..500).map(|_| Payload::random()).collect();
    let confirmed = ask(Question::Expected(payload));
    assert_eq!(confirmed.payload, Some(payload));
    let mut list = others.clone();
    list.push(payload);
    let chosen = ask(Question::Candidates(list));
    assert!(chosen.payload.is_none_or(|p| p == payload));
    // Wrong answers are never given, whatever is asked.
    let wrong = ask(Question::Expected(others[0]));
    assert_ne!(wrong.payload, Some(others[0]));
    let among_wrong = ask(Question::Candidates(others.clone()));
    assert!(among_wrong.payload.is_none_or(|p| p == payload));
}

#[test]
fn what_a_crop_left_is_known_where_no_lattice_shows() {
    let work = TempDir::new().unwrap();
    let (target, upload) = (work.path().join("stamped.mp4"), work.path().join("upload.mp4"));
    let payload = stamp(&clip(), &target, None).payload;
    ffmpeg(
        &target,
        "-an -vf crop=iw*0.71:ih*0.71:iw*0.12:ih*0.2,lutyuv=y=val*0.5 -preset fast -c:v libx264 \
        -crf 35",
        &upload,
    );
    let ask = |payload| {
        let question = Question::Expected(payload);
        let options = DetectOptions { question, ..DetectOptions::default() };
        detect_with(&upload, &options).payload
    };
    assert_eq!((ask(payload), ask(Payload::random())), (Some(payload), None));
}

#[test]
fn a_splice_is_told_in_time() {
    let work = TempDir::new().unwrap();
    let (target, spliced) = (work.path().join("stamped.mp4"), work.path().join("spliced.mp4"));
    stamp(&clip(), &target, None);
    let unmarked = clip();
    ffmpeg(
        &target,
        &format!(
            "-i {} -filter_complex [0:v]trim=0:2.6,setpts=PTS-STARTPTS[a];[1:v]trim=2.6,\
            setpts=PTS-STARTPTS[b];[a][b]concat -preset veryfast -crf 23",
            unmarked.display()
        ),
        &spliced,
    );
    let e = detect(&spliced);
    assert_eq!(e.ranges.len(), 1);
    assert!(e.ranges[0].start < 0.1 && (2.0..=3.3).contains(&e.ranges[0].end), "{:?}", e.ranges);
    let judged = verify(&spliced, None).judgement;
    assert!(judged.verdict == Verdict::Mixed && judged.has("video.gap"), "{judged:?}");
}

#[test]
fn fades_and_sound_that_outlasts_its_picture_accuse_nobody() {
    let work = TempDir::new().unwrap();
    let (target, upload) = (work.path().join("stamped.mp4"), work.path().join("upload.mp4"));
    stamp(&clip(), &target, None);
    ffmpeg(
        &target,
        "-vf fade=in:st=0:d=1,fade=out:st=3.8:d=1.48 -af apad=pad_dur=3 -preset veryfast -crf 26",
        &upload,
    );
    let judgement = verify(&upload, None).judgement;
    assert_eq!(judgement.verdict, Verdict::Marked, "{:?}", judgement.reasons);
}

#[test]
fn two_marks_in_one_file_are_both_told() {
    let first = Payload::random();
    let other = |same: bool| {
        std::iter::repeat_with(Payload::random)
            .find(|p| (p.subpattern() == first.subpattern()) == same)
            .unwrap()
    };
    // One pair in 64 has the same sync pattern.
    for second in [other(false), other(true)] {
        are_both_told(first, second);
    }
}

fn are_both_told(first: Payload, second: Payload) {
    let work = TempDir::new().unwrap();
    let [a, b, mixed] = ["a.mp4", "b.mp4", "mixed.mp4"].map(|name| work.path().join(name));
    for (payload, target) in [(first, &a), (second, &b)] {
        let mut options = StampOptions::default();
        options.payload = Some(payload);
        stamp_with(&clip(), target, options);
    }
    let join = |filter: &str| {
        ffmpeg(
            &a,
            &format!("-i {} -an -filter_complex {filter} -preset veryfast -crf 23", b.display()),
            &mixed,
        )
    };
    let told = |e: &VideoEvidence| {
        let mut told: Vec<_> = std::iter::once(e).chain(&e.others).map(|m| m.payload).collect();
        told.sort();
        told
    };
    let mut both = vec![Some(first), Some(second)];
    both.sort();

    join(
        "[0:v]trim=0:2.5,setpts=PTS-STARTPTS[a];[1:v]trim=2.5,setpts=PTS-STARTPTS[b];[a][b]concat",
    );
    let e = detect(&mixed);
    assert_eq!(told(&e), both);
    let [former, latter] =
        if e.payload == Some(first) { [&e, &e.others[0]] } else { [&e.others[0], &e] };
    // Half a second that says nothing of itself goes with its marked neighbour, and a range ends a
    // frame behind it.
    let cut = |time: f64| (time - 2.5).abs() <= 0.75;
    assert!(
        cut(former.ranges[0].end) && cut(latter.ranges[0].start),
        "{:?} {:?}",
        former.ranges,
        latter.ranges
    );
    let judged = verify(&mixed, None).judgement;
    assert!(
        judged.verdict == Verdict::Mixed
            && judged.has("video.several-marks")
            && !judged.has("video.gap"),
        "{judged:?}"
    );

    join("[1:v]crop=iw/2:ih:iw/2:0[r];[0:v][r]overlay=W/2:0");
    let e = detect(&mixed);
    assert_eq!(told(&e), both);
    let area = e.area.clone().unwrap();
    let marked = |columns: std::ops::Range<usize>| {
        area.cells
            .iter()
            .enumerate()
            .filter(|(i, c)| columns.contains(&(i % area.columns)) && **c == Some(true))
            .count()
    };
    let half = area.columns / 2;
    let (left, right) = (marked(0..half), marked(area.columns - half..area.columns));
    assert!(left.max(right) > 4 * left.min(right), "{area:?}");
}

#[test]
fn a_remix_carries_both_marks() {
    let work = TempDir::new().unwrap();
    let [first, second, third, copy] =
        ["first.mp4", "second.mp4", "third.mp4", "copy.mp4"].map(|name| work.path().join(name));
    let stamped = [
        stamp(&clip(), &first, None),
        stamp(&first, &second, Some(identity().0)),
        stamp(&second, &third, None),
    ];
    assert_eq!(stamped.each_ref().map(|s| s.generation.number()), [1, 2, 3]);
    ffmpeg(&second, "-an -preset veryfast -crf 30", &copy);
    let found = detect(&copy);
    assert_eq!(
        (found.payload, found.generation),
        (Some(stamped[1].payload), Some(stamped[1].generation))
    );
    let [earlier] = &found.earlier[..] else { panic!("{found:?}") };
    assert_eq!(
        (earlier.payload, earlier.generation),
        (Some(stamped[0].payload), Some(stamped[0].generation))
    );
    assert!(found.others.is_empty(), "{:?}", found.others);

    // The older mark says where the clip came from, and is no contradiction.
    let judged = verify(&second, None).judgement;
    assert_eq!(judged.verdict, Verdict::Intact);
    assert!(
        judged.reasons.iter().any(|r| r.code == "video.earlier"
            && r.params["payloads"] == vec![stamped[0].payload].into()),
        "{judged:?}"
    );

    let marks = detect(&third);
    let payloads: Vec<_> =
        std::iter::once(&marks).chain(&marks.earlier).filter_map(|m| m.payload).collect();
    assert_eq!(payloads, [stamped[2].payload, stamped[1].payload, stamped[0].payload]);
}

#[test]
fn a_manifest_beside_another_clip_is_contradictory() {
    let work = TempDir::new().unwrap();
    let (identity, _) = identity();
    let (a, b) = (work.path().join("a.mkv"), work.path().join("b.mkv"));
    stamp(&clip(), &a, Some(identity.clone()));
    stamp(&clip(), &b, Some(identity));
    assert_eq!(verify(&a, None).judgement.verdict, Verdict::Intact);
    std::fs::copy(a.with_extension("c2pa"), b.with_extension("c2pa")).unwrap();
    assert_eq!(verify(&b, None).judgement.verdict, Verdict::Contradictory);
}

#[test]
fn unmarked_clips_and_other_keys_show_nothing() {
    use proofmark::{KeyRing, WatermarkKey};
    let mut small = 0;
    for n in 0..12 {
        let ring = KeyRing::new(vec![WatermarkKey::from_secret([n; 32], 1)]).unwrap();
        let e = Detector::new(ring.clone()).detect(&clip()).unwrap().picture.unwrap();
        assert!(!e.detected && e.payload.is_none());
        small += usize::from(e.p_value.value() <= 0.05);
    }
    // A bound of 0.05 holds at least 95 times in 100: four of twelve would come by chance once in
    // 500 runs.
    assert!(small < 4, "{small} of 12 p-values under 0.05");
}
