//! A stripped clip finds its manifest again, and nothing else does.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{clip, ffmpeg, identity, ring, stamp_with, told};
use proofmark::fingerprint::{AudioFingerprint, VideoFingerprint};
use proofmark::media::Limits;
use proofmark::provenance::{
    AUDIO_FINGERPRINT, DEFAULT_ALGORITHM, ManifestState, Trust, VIDEO_FINGERPRINT, read_store,
};
use proofmark::registry::{self, Entry, Registry, RegistryError};
use proofmark::stamp::Remember;
use proofmark::verdict::{Severity, Verdict, Vouched};
use proofmark::{
    Payload, StampError, StampOptions, Stamped, Stamper, Verified, Verifier, VerifyOptions,
};
use tempfile::TempDir;

/// A folder with a registry and a signer.
struct Studio {
    folder: TempDir,
    registry: Arc<dyn Registry>,
    options: StampOptions,
    trust: Trust,
}

impl Studio {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let registry = registry::open(folder.path().join("registry.db").to_str().unwrap()).unwrap();
        let (identity, trust) = identity();
        let mut options = StampOptions::default();
        options.identity = Some(identity);
        options.manifest.title = Some("Rabbit".into());
        options.remember = Remember::Registry(registry.clone());
        Self { folder, registry, options, trust }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn stamp(&self, name: &str) -> Stamped {
        stamp_with(&clip(), &self.path(name), self.options.clone())
    }

    fn verify(&self, path: &Path) -> Verified {
        let mut options = VerifyOptions::default();
        options.trust = self.trust.clone();
        options.registry = Some(self.registry.clone());
        Verifier::new().ring(ring()).options(options.clone()).verify(path).unwrap()
    }

    fn entry(&self, payload: Payload) -> Entry {
        self.registry.by_payload(payload).unwrap().unwrap()
    }

    /// Changes an entry as no user can: forgets it, and puts another in its place.
    fn replace(&self, entry: &Entry) {
        assert!(self.registry.delete(&entry.id).unwrap());
        self.registry.put(entry, false).unwrap();
    }
}

#[test]
fn a_stripped_clip_is_recovered() {
    let studio = Studio::new();
    let stamped = studio.stamp("stamped.mp4");
    assert_eq!(stamped.remembered.as_deref(), Some(studio.registry.location()));
    let entry = studio.entry(stamped.payload);
    assert_eq!((entry.title.as_deref(), entry.target.as_ref()), (Some("Rabbit"), None));
    assert_eq!(entry.content, registry::Content::of_file(&studio.path("stamped.mp4")).unwrap());
    let intact = studio.verify(&studio.path("stamped.mp4"));
    assert_eq!(intact.judgement.verdict, Verdict::Intact);
    assert_eq!(intact.registered.len(), 1);

    for (arguments, what) in [
        ("-c copy", "merely stripped"),
        ("-vf scale=-2:360 -c:v libx264 -crf 30 -c:a aac -b:a 64k", "re-encoded"),
        ("-vn -c:a aac -b:a 128k", "its sound alone"),
    ] {
        let upload = studio.path("upload.mp4");
        ffmpeg(&studio.path("stamped.mp4"), arguments, &upload);
        let v = studio.verify(&upload);
        assert_eq!(v.judgement.verdict, Verdict::Recovered, "{what}: {:?}", v.judgement.reasons);
        assert!(v.manifest.is_none() && !v.judgement.manifest_invalid);
        let recovered = v.registered[0].manifest.as_ref().unwrap();
        assert_eq!(recovered.label, Some(Entry::id_of(stamped.payload)));
        assert_eq!((recovered.state, &recovered.failures), (ManifestState::Trusted, &Vec::new()));
        assert_eq!(
            (v.judgement.reasons[0].code, v.judgement.trust, v.judgement.severity),
            ("registry.leads-to-manifest", Some(Vouched::Own), Severity::Good),
            "{:?}",
            v.judgement
        );
        assert!(told(&v).contains("'Rabbit'"), "{}", told(&v));
    }
    // Without a registry it is merely marked; without trust the manifest is valid all the same.
    assert_eq!(common::verify(&studio.path("upload.mp4"), None).judgement.verdict, Verdict::Marked);
    let untrusting =
        read_store(entry.manifest.as_ref().unwrap(), &Trust::default(), &Limits::default())
            .unwrap();
    assert_eq!(untrusting.state, ManifestState::Valid);
}

#[test]
fn what_the_registry_has_must_hold() {
    let studio = Studio::new();
    let stamped = studio.stamp("stamped.mp4");
    let upload = studio.path("upload.mp4");
    ffmpeg(&studio.path("stamped.mp4"), "-c copy", &upload);
    let entry = studio.entry(stamped.payload);
    let store = entry.manifest.clone().unwrap();

    // Every byte of claim, assertions and signature counts; the padding behind them does not.
    let signed = 2600;
    assert!(store.len() > signed);
    for at in (40..signed).step_by(128) {
        let mut damaged = store.clone();
        damaged[at] ^= 1;
        assert_eq!(
            read_store(&damaged, &studio.trust, &Limits::default()).unwrap().state,
            ManifestState::Invalid,
            "byte {at}"
        );
    }
    let mut damaged = entry.clone();
    damaged.manifest.as_mut().unwrap()[1000] ^= 1;
    studio.replace(&damaged);
    let v = studio.verify(&upload);
    assert!(
        v.judgement.verdict == Verdict::Marked
            && v.judgement.has("registry.manifest-fails")
            && v.judgement.severity == Severity::Doubt,
        "{:?}",
        v.judgement
    );

    // A manifest that holds, but is another clip's.
    let other = studio.stamp("other.mp4");
    studio.replace(&Entry { manifest: studio.entry(other.payload).manifest, ..entry.clone() });
    let v = studio.verify(&upload);
    assert!(
        v.judgement.verdict == Verdict::Marked
            && v.judgement.has("registry.manifest-fails")
            && v.judgement.severity == Severity::Doubt,
        "{:?}",
        v.judgement
    );

    studio.replace(&Entry { manifest: None, ..entry });
    let v = studio.verify(&upload);
    assert!(
        v.judgement.verdict == Verdict::Marked && v.judgement.severity == Severity::Note,
        "{:?}",
        v.judgement
    );
    studio.registry.delete(&Entry::id_of(stamped.payload)).unwrap();
    assert_eq!(studio.verify(&upload).judgement.verdict, Verdict::Marked);
    // The other one that was stamped from the same source is still there.
    assert_eq!(studio.verify(&clip()).judgement.verdict, Verdict::Lookalike);
}

#[test]
fn what_did_not_appear_is_not_remembered() {
    let studio = Studio::new();
    let mut options = studio.options.clone();
    let payload = Payload::random();
    options.payload = Some(payload);
    let target = studio.path("stamped.mp4");
    let run = |options: &StampOptions| {
        Stamper::new(ring().stamping().clone()).options(options.clone()).stamp(&clip(), &target)
    };
    run(&options).unwrap();
    let before = studio.entry(payload);
    // The same payload for another file is refused, and nothing is written.
    let elsewhere = studio.path("elsewhere.mp4");
    let refused =
        Stamper::new(ring().stamping().clone()).options(options.clone()).stamp(&clip(), &elsewhere);
    assert!(
        matches!(refused, Err(StampError::Registry(RegistryError::Conflict { .. }))),
        "{refused:?}"
    );
    assert!(!elsewhere.exists());
    assert_eq!(studio.entry(payload), before);
    // A failure before the end leaves no trace.
    options.payload = None;
    assert!(matches!(run(&options), Err(StampError::Exists { .. })));
    assert_eq!(studio.registry.count().unwrap(), 1);
    assert_eq!(studio.registry.announced().unwrap(), []);
    // With leave to replace, the entry follows the file.
    options.payload = Some(payload);
    options.overwrite = true;
    options.labels = ["second".to_string()].into();
    run(&options).unwrap();
    assert_eq!(studio.entry(payload).content, registry::Content::of_file(&target).unwrap());
    assert_eq!(studio.registry.count().unwrap(), 1);
}

#[test]
fn registration_can_wait() {
    let studio = Studio::new();
    let mut options = studio.options.clone();
    options.remember = Remember::File;
    options.labels = ["later".to_string()].into();
    let stamped = stamp_with(&clip(), &studio.path("stamped.mp4"), options);
    let file = studio.path("stamped.mp4.registration.json");
    assert_eq!(stamped.remembered.as_deref(), file.to_str());
    assert_eq!(studio.registry.count().unwrap(), 0);
    let entry =
        registry::Registration::parse(std::fs::read_to_string(&file).unwrap().trim()).unwrap();
    studio.registry.put(&entry, false).unwrap();
    let upload = studio.path("upload.mp4");
    ffmpeg(&studio.path("stamped.mp4"), "-c copy", &upload);
    assert_eq!(studio.verify(&upload).judgement.verdict, Verdict::Recovered);
}

#[test]
fn a_mark_in_another_clip_is_contradictory() {
    let studio = Studio::new();
    let stamped = studio.stamp("stamped.mp4");
    let other = studio.path("other.mp4");
    common::generate(
        "mandelbrot=s=1280x720:r=25",
        "-t 5 -c:v libx264 -crf 16 -pix_fmt yuv420p",
        &other,
    );
    // Whoever has the key, or took the mark from the clip, adds it to another one.
    let mut options = StampOptions::default();
    options.payload = Some(stamped.payload);
    let forged = studio.path("forged.mp4");
    stamp_with(&other, &forged, options);
    let v = studio.verify(&forged);
    assert_eq!(v.judgement.verdict, Verdict::Contradictory, "{:?}", v.judgement.reasons);
    assert_eq!(v.judgement.reasons[0].code, "video.mark-transplanted");
    assert!(v.registered[0].resemblance.unwrap().different());
    // Much may be done to the right clip without such an accusation.
    for arguments in [
        "-vf scale=-2:360 -crf 32",
        "-vf crop=iw*0.6:ih*0.6:200:90 -crf 24",
        "-vf rotate=7*PI/180 -crf 24",
        "-vf crop=ih*9/16:ih:400:0 -crf 24",
        "-vf drawbox=x=300:y=100:w=400:h=300:color=orange:t=fill -crf 24",
    ] {
        let upload = studio.path("upload.mp4");
        ffmpeg(&studio.path("stamped.mp4"), &format!("-an {arguments} -c:v libx264"), &upload);
        let v = studio.verify(&upload);
        assert_eq!(
            v.judgement.verdict,
            Verdict::Recovered,
            "{arguments}: {:?}",
            v.judgement.reasons
        );
    }
    // Nor is what stands beside a half of it: its own sound goes on, or the other half shows that
    // it is there.
    for sound in ["-map 0:a -c:a copy", "-an"] {
        let upload = studio.path("duet.mp4");
        let other = "mandelbrot=s=640x720:r=25[o];[0:v][o]overlay=640:0:shortest=1";
        ffmpeg(
            &studio.path("stamped.mp4"),
            &format!("-filter_complex {other}[v] -map [v] {sound} -c:v libx264 -crf 22"),
            &upload,
        );
        let v = studio.verify(&upload);
        assert_ne!(
            v.judgement.verdict,
            Verdict::Contradictory,
            "{sound}: {:?}",
            v.judgement.reasons
        );
    }
}

#[test]
fn a_picture_of_which_much_was_replaced_is_mixed() {
    let studio = Studio::new();
    let stamped = studio.stamp("stamped.mp4");
    let upload = studio.path("upload.mp4");
    let verdict = |filter: &str| {
        ffmpeg(
            &studio.path("stamped.mp4"),
            &format!("-filter_complex {filter}[v] -map [v] -c:v libx264 -crf 22"),
            &upload,
        );
        let v = studio.verify(&upload);
        assert_eq!(v.registered[0].payload, Some(stamped.payload), "{filter}");
        v.judgement
    };
    let told =
        verdict("color=gray:s=640x720:r=25,noise=alls=60[o];[0:v][o]overlay=640:0:shortest=1");
    assert!(
        told.verdict == Verdict::Mixed && told.has("video.part-of-frame"),
        "{:?}",
        told.reasons
    );
    // Where less than half is left the map of the mark has few cells to go by; beside the
    // registered picture it is plain that the rest shows nothing of it.
    for colour in
        ["gray:s=1280x440:r=25,noise=alls=60", "black:s=1280x440:r=25", "white:s=1280x260:r=25"]
    {
        let told = verdict(&format!("color={colour}[o];[0:v][o]overlay=0:0:shortest=1"));
        assert!(told.severity >= Severity::Doubt, "{colour}: {:?}", told.reasons);
        // So weak a mark may be said to be missing for a time as well.
        let says = [
            "video.part-of-frame",
            "video.part-of-frame-perhaps",
            "video.part-differs",
            "video.parts-untold",
        ];
        assert!(says.iter().any(|code| told.has(code)), "{colour}: {:?}", told.reasons);
    }
    // A smaller part shows beside the registered picture, or the picture moves too fast to tell,
    // which is said. From a quarter on that holds for every clip.
    let told = verdict("testsrc2=s=640x360:r=25,hue=h=180*t[o];[0:v][o]overlay=400:200:shortest=1");
    assert!(
        told.severity == Severity::Doubt
            && (told.has("video.part-differs") || told.has("video.parts-untold")),
        "{:?}",
        told.reasons
    );
    let told = verdict("[0:v]eq=contrast=1.3:brightness=0.05");
    assert!(
        told.severity == Severity::Good
            && told.has("registry.looks-the-same")
            && !told.has("video.part-differs"),
        "{:?}",
        told.reasons
    );
    // What was put around it, or laid over it in passing, is no replacement. Within a larger
    // picture it is told that the rest is another one, or what of it cannot be told.
    let told = verdict(
        "[0:v]scale=640:360[s];mandelbrot=s=1280x720:r=25[o];[o][s]overlay=320:180:shortest=1",
    );
    assert!(
        ["video.part-of-frame-perhaps", "video.parts-untold", "registry.likeness-untold"]
            .iter()
            .any(|code| told.has(code))
            && told.severity >= Severity::Doubt,
        "{:?}",
        told.reasons
    );
    for filter in [
        "[0:v]pad=1280:960:0:120:black",
        "[0:v]eq=contrast=1.5",
        "[0:v]drawbox=x=60:y=520:w=1160:h=140:color=black@0.8:t=fill",
    ] {
        let told = verdict(filter);
        assert_eq!(told.verdict, Verdict::Recovered, "{filter}: {:?}", told.reasons);
    }
}

#[test]
fn what_is_made_from_a_stripped_clip_opens_the_manifest_that_it_lost() {
    let studio = Studio::new();
    let first = studio.stamp("first.mp4");
    assert_eq!(first.parent, None);
    let stripped = studio.path("stripped.mp4");
    ffmpeg(&studio.path("first.mp4"), "-vf hue=h=40 -c:v libx264 -crf 24 -c:a aac", &stripped);
    let remix = studio.path("remix.mp4");
    let again = stamp_with(&stripped, &remix, studio.options.clone());
    assert_eq!(again.parent, Some(Entry::id_of(first.payload)));
    let v = studio.verify(&remix);
    assert_eq!(v.judgement.verdict, Verdict::Intact, "{:?}", v.judgement.reasons);
    let manifest = v.manifest.unwrap();
    assert_eq!(
        (manifest.state, manifest.actions[0].action.as_str(), manifest.ancestors),
        (ManifestState::Trusted, "c2pa.opened", vec![Entry::id_of(first.payload)])
    );

    // A clip into which a mark was put, or of which nobody remembers anything, was not made from
    // anything.
    let other = studio.path("other.mp4");
    common::generate(
        "mandelbrot=s=1280x720:r=25",
        "-t 2 -c:v libx264 -crf 16 -pix_fmt yuv420p",
        &other,
    );
    let forged = studio.path("forged.mp4");
    let mut options = StampOptions::default();
    options.payload = Some(first.payload);
    stamp_with(&other, &forged, options);
    assert_eq!(stamp_with(&forged, &studio.path("made.mp4"), studio.options.clone()).parent, None);
    assert!(studio.registry.delete(&Entry::id_of(first.payload)).unwrap());
    assert_eq!(
        stamp_with(&stripped, &studio.path("made-too.mp4"), studio.options.clone()).parent,
        None
    );
}

#[test]
fn a_lookalike_gets_no_manifest() {
    let studio = Studio::new();
    let stamped = studio.stamp("stamped.mp4");
    let source = studio.path("source.mp4");
    ffmpeg(&clip(), "-an -vf scale=-2:480 -c:v libx264 -crf 24", &source);
    let v = studio.verify(&source);
    assert_eq!(v.judgement.verdict, Verdict::Lookalike);
    assert!(v.registered.is_empty());
    assert_eq!(v.similar[0].payload, Some(stamped.payload));
    assert!(told(&v).contains("looks like that of a registered clip"), "{}", told(&v));
    let other = studio.path("other.mp4");
    common::generate("testsrc2=s=640x360:r=25", "-t 4 -c:v libx264 -pix_fmt yuv420p", &other);
    assert!(studio.verify(&other).similar.is_empty());
}

/// A tune that is not in the clip, of `seconds`.
fn tune(seconds: u32, output: &Path) {
    let source = "aevalsrc=0.2*sin(2*PI*t*220*pow(2\\,mod(floor(t*4)*7\\,19)/12))\
        +0.15*sin(2*PI*t*330*pow(2\\,mod(floor(t*3)*5\\,17)/12)):s=48000";
    common::generate(source, &format!("-t {seconds} -c:a pcm_s16le"), output);
}

#[test]
fn a_sound_mark_in_another_sound_is_contradictory() {
    let studio = Studio::new();
    // Always the same number, as its mark moves a bit of the fingerprints here and there.
    let mut options = studio.options.clone();
    options.payload = Some(common::some_payload());
    let stamped = stamp_with(&clip(), &studio.path("stamped.mp4"), options);
    assert!(studio.entry(stamped.payload).sound.is_some());
    let (other, forged) = (studio.path("other.wav"), studio.path("forged.wav"));
    tune(8, &other);
    // Slow, and with a hiss that carries a mark well.
    let slow = "aevalsrc=0.2*sin(2*PI*t*220*pow(2\\,mod(floor(t)*7\\,12)/12))\
        +0.15*sin(2*PI*t*330*pow(2\\,mod(floor(t)*5\\,12)/12)):s=48000[a];\
        anoisesrc=c=pink:a=0.1:seed=5:r=48000[b];[a][b]amix=inputs=2:normalize=0";
    let foreign = studio.path("foreign.wav");
    common::generate(slow, "-t 5 -c:a pcm_s16le", &foreign);
    let mut options = StampOptions::default();
    options.payload = Some(stamped.payload);
    stamp_with(&foreign, &forged, options);
    let v = studio.verify(&forged);
    let told = (&v.judgement, v.registered[0].sound_resemblance);
    assert_eq!(v.judgement.verdict, Verdict::Contradictory, "{told:?}");
    assert_eq!(v.judgement.reasons[0].code, "audio.mark-transplanted", "{told:?}");
    // Something laid over may have wiped the likeness out, and nobody is accused then.
    let over = studio.path("over.m4a");
    ffmpeg(
        &forged,
        &format!(
            "-i {} -filter_complex \
            [1:a]volume=0.5[b];[0:a][b]amix=inputs=2:duration=first:normalize=0 -c:a aac -b:a 96k",
            other.display()
        ),
        &over,
    );
    assert_ne!(studio.verify(&over).judgement.verdict, Verdict::Contradictory);
    // Much may be done to the right sound without such an accusation.
    let tuned = format!(
        "-i {} -ac 2 -filter_complex \
        [1:a]volume=0.4[b];[0:a][b]amix=inputs=2:duration=first:normalize=0",
        other.display()
    );
    for arguments in [
        "-vn -ac 2 -c:a aac -b:a 96k",
        "-vn -ac 2 -af asetrate=48000*1.06,aresample=48000",
        "-vn -ac 2 -ss 1.3 -t 3.2 -c:a aac -b:a 192k",
        &tuned,
    ] {
        let upload = studio.path("upload.m4a");
        ffmpeg(&studio.path("stamped.mp4"), arguments, &upload);
        let v = studio.verify(&upload);
        assert_eq!(
            v.judgement.verdict,
            Verdict::Recovered,
            "{arguments}: {:?}",
            v.judgement.reasons
        );
    }
    // Where most of the tune is gone, that it is this one cannot be told, and nobody is accused.
    let upload = studio.path("upload.m4a");
    ffmpeg(&studio.path("stamped.mp4"), "-vn -ac 2 -af highpass=f=500", &upload);
    let v = studio.verify(&upload);
    assert!(
        v.judgement.verdict == Verdict::Marked && v.judgement.has("registry.likeness-untold"),
        "{:?}",
        v.judgement.reasons
    );
}

#[test]
fn a_clip_that_sounds_like_a_registered_one_gets_no_manifest() {
    let studio = Studio::new();
    let stamped = studio.stamp("stamped.mp4");
    for arguments in [
        "-vn -c:a aac -b:a 64k",
        "-vn -af asetrate=48000*1.06,aresample=48000",
        "-vn -af atempo=0.95",
    ] {
        let source = studio.path("source.m4a");
        ffmpeg(&clip(), arguments, &source);
        let v = studio.verify(&source);
        assert_eq!(v.judgement.verdict, Verdict::Lookalike, "{arguments}");
        assert!(v.registered.is_empty());
        assert_eq!(v.similar.first().and_then(|s| s.payload), Some(stamped.payload), "{arguments}");
        assert!(
            v.similar[0].sound_resemblance.unwrap().same() && v.similar[0].resemblance.is_none()
        );
        assert!(told(&v).contains("sound is like that of a registered clip"), "{}", told(&v));
    }
    let other = studio.path("other.wav");
    tune(8, &other);
    assert!(studio.verify(&other).similar.is_empty());
}

#[test]
fn the_manifest_names_its_fingerprints_and_they_lead_to_it() {
    let studio = Studio::new();
    for name in ["stamped.mp4", "stamped.mkv", "stamped.m4a"] {
        let mut options = studio.options.clone();
        options.mark_sound = name != "stamped.mkv";
        let stamped = stamp_with(&clip(), &studio.path(name), options);
        let entry = studio.entry(stamped.payload);
        let v = studio.verify(&studio.path(name));
        let manifest = v.manifest.unwrap();
        assert_eq!(
            (manifest.state, v.judgement.verdict),
            (ManifestState::Trusted, Verdict::Intact),
            "{name}: {:?}",
            v.judgement.reasons
        );
        assert_eq!(manifest.payload(DEFAULT_ALGORITHM), Some(stamped.payload));
        // One soft binding an algorithm, each of which leads to the entry.
        let told: Vec<&str> = manifest.soft_bindings.iter().map(|b| b.alg.as_str()).collect();
        let expected = if name == "stamped.m4a" {
            vec![DEFAULT_ALGORITHM, AUDIO_FINGERPRINT]
        } else {
            vec![DEFAULT_ALGORITHM, VIDEO_FINGERPRINT, AUDIO_FINGERPRINT]
        };
        assert_eq!((told, entry.bindings.len()), (expected.clone(), expected.len()), "{name}");
        for b in &manifest.soft_bindings {
            assert_eq!(
                manifest.payload(&b.alg).is_some(),
                b.alg == DEFAULT_ALGORITHM,
                "{name}: {}",
                b.alg
            );
            // Twins that were stamped from one source share a fingerprint, and none a number.
            let found = studio.registry.by_binding(Some(&b.alg), &b.bytes, 10).unwrap();
            assert!(
                found.contains(&entry.id) && (found.len() == 1 || b.alg != DEFAULT_ALGORITHM),
                "{name}: {} leads to {found:?}",
                b.alg
            );
            assert!(b.bytes.len() <= 293, "{name}: {} of {} bytes", b.alg, b.bytes.len());
            match b.alg.as_str() {
                VIDEO_FINGERPRINT => {
                    assert_eq!(VideoFingerprint::from_parts(&b.bytes, Vec::new()).unwrap().len(), 8)
                }
                AUDIO_FINGERPRINT => {
                    assert!(AudioFingerprint::from_bytes(&b.bytes).unwrap().len() > 30)
                }
                _ => {}
            }
        }
        assert!(
            entry.sound.is_some() && entry.picture.is_some() == (name != "stamped.m4a"),
            "{name}"
        );
    }
}
