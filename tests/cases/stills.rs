//! What pictures carry beside the picture.

use std::path::{Path, PathBuf};

use proofmark::media::{Cancel, Kind, Limits, MediaError};
use proofmark::provenance::ManifestState;
use proofmark::verdict::Verdict;
use proofmark::{StampError, Stamped, Stamper, Verifier};
use tempfile::TempDir;

use super::parts::{
    blocks, chunk, chunks, exif, grey_jpeg, payloads, profile, riff, with_chunks, with_riff,
    with_segments,
};
use super::{case, common};

/// A picture that carries a mark well, of the kind that `name` says.
fn picture(work: &TempDir, name: &str, arguments: &str) -> PathBuf {
    let path = work.path().join(name);
    common::generate(
        "mandelbrot=size=512x384:rate=1",
        &format!("-frames:v 1 -bitexact {arguments}"),
        &path,
    );
    path
}

/// Stamps and signs, and holds the outcome to what is always so: the mark is read, the file is
/// intact, and nothing is left of an older manifest.
fn stamped(input: &Path, output: &Path) -> Stamped {
    let done = common::stamp(input, output, Some(common::identity().0));
    let verified = common::verify(output, None);
    assert_eq!(
        verified.judgement.verdict,
        Verdict::Intact,
        "{}: {:?}",
        output.display(),
        verified.judgement
    );
    assert_eq!(
        verified.detected.unwrap().picture.unwrap().payload,
        Some(done.payload),
        "{}",
        output.display()
    );
    done
}

fn told(stamped: &Stamped, word: &str) -> bool {
    stamped.summary.left_out.iter().any(|line| line.contains(word))
}

#[test]
fn a_turned_photo_stays_turned_and_keeps_copyright_and_colours() {
    let Some(photo) = case("media/orient6.jpg") else { return };
    let work = TempDir::new().unwrap();
    let target = work.path().join("o.jpg");
    let done = stamped(&photo, &target);
    assert_eq!(done.summary.left_out, [""; 0]);
    let exif = payloads(&photo, 0xe1, b"Exif\0\0");
    assert_eq!((exif.len(), &payloads(&target, 0xe1, b"Exif\0\0")), (1, &exif));
    assert_eq!(payloads(&target, 0xe2, b"ICC_PROFILE\0"), payloads(&photo, 0xe2, b"ICC_PROFILE\0"));
    // What a viewer turns is the picture as it was stored.
    assert_eq!(common::probe(&target, "-show_entries stream=width,height").trim(), "320,180");
    let png = work.path().join("o.png");
    assert_eq!(stamped(&photo, &png).summary.left_out, [""; 0]);
    assert_eq!(chunk(&png, b"eXIf").unwrap(), exif[0]);
    assert!(chunk(&png, b"iCCP").is_some());
}

#[test]
fn every_orientation_is_kept_in_every_kind_of_still() {
    let work = TempDir::new().unwrap();
    let plain = std::fs::read(picture(&work, "plain.jpg", "-q:v 2")).unwrap();
    for (orientation, extension) in [(3, "jpg"), (8, "png"), (5, "webp")] {
        let photo = work.path().join(format!("turned{orientation}.jpg"));
        std::fs::write(
            &photo,
            with_segments(&plain, &[(0xe1, [&b"Exif\0\0"[..], &exif(orientation)].concat())]),
        )
        .unwrap();
        let target = work.path().join(format!("o{orientation}.{extension}"));
        // The comment that ffmpeg puts into its JPEGs has no place in a WebP.
        assert!(
            stamped(&photo, &target).summary.left_out.iter().all(|l| l.starts_with("a comment")),
            "{extension}"
        );
        let kept = match extension {
            "jpg" => payloads(&target, 0xe1, b"Exif\0\0").remove(0),
            "png" => chunk(&target, b"eXIf").unwrap(),
            _ => riff(&target).into_iter().find(|c| &c.0 == b"EXIF").unwrap().1,
        };
        assert_eq!(kept, exif(orientation), "{extension}");
    }
}

#[test]
fn a_generators_prompt_and_workflow_stay_in_png_and_are_told_where_they_cannot() {
    let Some(png) = case("media/comfy.png") else { return };
    let work = TempDir::new().unwrap();
    let target = work.path().join("o.png");
    let done = stamped(&png, &target);
    assert_eq!(done.summary.left_out, [""; 0]);
    for name in [b"tEXt", b"iTXt", b"pHYs"] {
        let of = |p: &Path| chunks(p).into_iter().filter(|c| &c.0 == name).collect::<Vec<_>>();
        assert_eq!(of(&target), of(&png), "{name:?}");
    }
    assert!(chunk(&target, b"iCCP").is_some());
    let jpeg = work.path().join("o.jpg");
    let done = stamped(&png, &jpeg);
    assert_eq!(
        done.summary.left_out,
        ["PNG text 'prompt', 'workflow', 'parameters' was left out: JPEG has no place for it"]
    );
    assert_eq!(payloads(&jpeg, 0xe1, b"http://ns.adobe.com/xap/1.0/\0").len(), 1);
    assert_eq!(payloads(&jpeg, 0xe2, b"ICC_PROFILE\0\x01\x01").len(), 1);
    // 300 to the inch, and not turned into something else on the way.
    assert_eq!(payloads(&jpeg, 0xe0, b"JFIF\0\x01\x02"), [[1, 1, 0x2c, 1, 0x2c, 0, 0]]);
}

#[test]
fn text_behind_the_picture_and_in_other_forms_stays_in_a_png() {
    let work = TempDir::new().unwrap();
    let plain = picture(&work, "plain.png", "-pix_fmt rgb24");
    let long = [b"workflow\0", vec![b'{'; 300_000].as_slice()].concat();
    let early: [(&[u8; 4], &[u8]); 6] = [
        (b"gAMA", &[0, 0, 0xb1, 0x8f]),
        (b"bKGD", &[0, 1, 0, 2, 0, 3]),
        (b"eXIf", &exif(3)),
        (b"tIME", &[7, 0xea, 11, 28, 1, 2, 3]),
        (b"prVt", &[1, 2]),
        (b"prVT", &[3]),
    ];
    let late: [(&[u8; 4], &[u8]); 3] = [
        (b"tEXt", &long),
        (b"zTXt", b"notes\0\0x\x9c\x03\0\0\0\0\x01"),
        (b"iTXt", b"Title\0\0\0de\0Titel\0\xc3\xa4"),
    ];
    let input = work.path().join("in.png");
    std::fs::write(&input, with_chunks(&plain, &early, &late)).unwrap();
    let target = work.path().join("o.png");
    let done = stamped(&input, &target);
    assert_eq!(done.summary.left_out.len(), 1, "{:?}", done.summary.left_out);
    assert!(told(&done, "chunk 'prVT'"));
    for (name, data) in early.iter().take(5).chain(&late) {
        assert_eq!(
            chunk(&target, name).as_deref(),
            Some(*data),
            "{}",
            String::from_utf8_lossy(*name)
        );
    }
    let webp = work.path().join("o.webp");
    let done = stamped(&input, &webp);
    assert!(
        told(&done, "'workflow', 'notes', 'Title' was left out: WebP has no place for it"),
        "{:?}",
        done.summary.left_out
    );
    assert!(!told(&done, "EXIF") && !told(&done, "gAMA"));
}

#[test]
fn interlaced_deep_grey_black_and_white_and_transparent_pngs_are_stamped_as_what_they_are() {
    let work = TempDir::new().unwrap();
    for (name, format) in [
        ("rgb48be", "rgb48be"),
        ("gray16be", "gray16be"),
        ("ya16be", "ya16be"),
        ("ya8", "ya8"),
        ("rgba64be", "rgba64be"),
        ("gray", "gray"),
    ] {
        let input =
            picture(&work, &format!("{name}.png"), &format!("-pix_fmt {format} -pred mixed"));
        let target = work.path().join(format!("o-{name}.png"));
        assert_eq!(stamped(&input, &target).summary.left_out, [""; 0]);
        assert_eq!(common::probe(&target, "-show_entries stream=pix_fmt").trim(), format);
        assert!(likeness(&input, &target) > 38.0, "{name}: {}", likeness(&input, &target));
    }
    // Two shades cannot carry a mark.
    let input = picture(&work, "bits.png", "-pix_fmt monob");
    let target = work.path().join("o-bits.png");
    stamped(&input, &target);
    assert_eq!(common::probe(&target, "-show_entries stream=pix_fmt").trim(), "gray");
}

/// How alike two pictures are as a viewer shows them, in dB.
fn likeness(a: &Path, b: &Path) -> f64 {
    let rgb = "format=rgb24";
    let run = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-i"])
        .arg(a)
        .arg("-i")
        .arg(b)
        .args(["-lavfi", &format!("[0]{rgb}[a];[1]{rgb}[b];[a][b]psnr"), "-f", "null", "-"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    let average = text
        .split("average:")
        .nth(1)
        .and_then(|t| t.split_whitespace().next())
        .unwrap_or_else(|| panic!("{text}"));
    average.parse().unwrap()
}

#[test]
fn colours_stay_from_one_kind_of_still_to_another() {
    let work = TempDir::new().unwrap();
    // Without fine detail, of which some kinds keep half of the colour.
    let inputs = [
        picture(&work, "a.png", "-pix_fmt rgb24 -vf gblur=3"),
        picture(&work, "a.jpg", "-pix_fmt yuvj444p -q:v 2 -vf gblur=3"),
        grey_jpeg(&work),
        picture(&work, "b.jpg", "-pix_fmt yuvj422p -q:v 2 -vf gblur=3"),
        picture(&work, "a.webp", "-quality 95 -vf gblur=3"),
    ];
    for input in &inputs {
        for extension in ["png", "jpg", "webp"] {
            let target = input.with_extension(format!("o.{extension}"));
            let done = common::stamp(input, &target, None);
            assert_eq!(done.summary.left_out, [""; 0], "{}", target.display());
            assert!(
                likeness(input, &target) > 33.0,
                "{} → {extension}: {}",
                input.display(),
                likeness(input, &target)
            );
            std::fs::remove_file(&target).unwrap();
        }
    }
}

#[test]
fn profiles_in_parts_extended_xmp_iptc_and_comments_stay_in_a_jpeg() {
    let work = TempDir::new().unwrap();
    let plain = std::fs::read(picture(&work, "plain.jpg", "-q:v 2")).unwrap();
    let icc = profile(150_000, b"RGB ");
    let parts = icc.chunks(65_519).collect::<Vec<_>>();
    let mut added = vec![
        (
            0xe1,
            [&b"http://ns.adobe.com/xap/1.0/\0"[..], b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"]
                .concat(),
        ),
        (
            0xe1,
            [
                &b"http://ns.adobe.com/xmp/extension/\0"[..],
                &[b'F'; 32],
                &[0, 0, 0, 3, 0, 0, 0, 0],
                b"<a>",
            ]
            .concat(),
        ),
        (0xed, b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x05\x1c\x02\x74\0\0\0".to_vec()),
        (0xe6, b"GoPro\0\x01\x02".to_vec()),
        (0xfe, b"made by nobody".to_vec()),
    ];
    for (i, part) in parts.iter().enumerate() {
        added.push((
            0xe2,
            [&b"ICC_PROFILE\0"[..], &[i as u8 + 1, parts.len() as u8], part].concat(),
        ));
    }
    let input = work.path().join("in.jpg");
    std::fs::write(&input, with_segments(&plain, &added)).unwrap();
    let target = work.path().join("o.jpg");
    assert_eq!(stamped(&input, &target).summary.left_out, [""; 0]);
    for (marker, payload) in added.iter().filter(|a| a.0 != 0xe2) {
        assert_eq!(
            payloads(&target, *marker, b"").iter().filter(|p| *p == payload).count(),
            1,
            "{marker:x}"
        );
    }
    let kept: Vec<u8> =
        payloads(&target, 0xe2, b"ICC_PROFILE\0").iter().flat_map(|p| p[2..].to_vec()).collect();
    assert!(kept == icc);
    let webp = work.path().join("o.webp");
    let done = stamped(&input, &webp);
    for gone in ["extended XMP", "IPTC", "APP6 (GoPro)", "a comment"] {
        assert!(told(&done, gone), "{gone}: {:?}", done.summary.left_out);
    }
    assert_eq!(done.summary.left_out.len(), 4, "{:?}", done.summary.left_out);
    assert!(riff(&webp).contains(&(*b"ICCP", icc)));
    // A comment has a place in PNG.
    let png = work.path().join("o.png");
    assert!(!told(&stamped(&input, &png), "comment"));
    assert_eq!(chunk(&png, b"tEXt").unwrap(), b"Comment\0made by nobody");
}

#[test]
fn a_profile_for_other_colours_than_are_written_is_told_and_not_kept() {
    let work = TempDir::new().unwrap();
    let plain = std::fs::read(picture(&work, "plain.jpg", "-q:v 2")).unwrap();
    let input = work.path().join("in.jpg");
    std::fs::write(
        &input,
        with_segments(
            &plain,
            &[(0xe2, [&b"ICC_PROFILE\0\x01\x01"[..], &profile(200, b"CMYK")].concat())],
        ),
    )
    .unwrap();
    let target = work.path().join("o.jpg");
    assert!(told(&stamped(&input, &target), "ICC profile"));
    assert!(payloads(&target, 0xe2, b"ICC_PROFILE\0").is_empty());
}

#[test]
fn webp_keeps_its_profile_exif_xmp_and_transparency() {
    let work = TempDir::new().unwrap();
    for (name, arguments, alpha) in [
        ("lossy.webp", "-quality 95 -pix_fmt yuv420p", 0),
        ("lossless.webp", "-lossless 1 -vf format=bgra,colorchannelmixer=aa=0.5", 0x10),
    ] {
        let plain = picture(&work, name, arguments);
        let coded: Vec<_> = riff(&plain).into_iter().filter(|c| &c.0 != b"VP8X").collect();
        let (icc, xmp) = (profile(301, b"RGB "), b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>".to_vec());
        let extended = vec![0x2c | alpha, 0, 0, 0, 0xff, 1, 0, 0x7f, 1, 0];
        let mut all = vec![(*b"VP8X", extended), (*b"ICCP", icc.clone())];
        all.extend(coded);
        all.extend([(*b"EXIF", exif(6)), (*b"XMP ", xmp.clone()), (*b"mine", vec![1])]);
        let input = work.path().join(format!("in-{name}"));
        std::fs::write(&input, with_riff(&all)).unwrap();
        let target = work.path().join(format!("o-{name}"));
        assert_eq!(stamped(&input, &target).summary.left_out, [""; 0]);
        let kept = riff(&target);
        for chunk in [(*b"ICCP", icc), (*b"EXIF", exif(6)), (*b"XMP ", xmp), (*b"mine", vec![1])] {
            assert!(kept.contains(&chunk), "{name}: {:?}", String::from_utf8_lossy(&chunk.0));
        }
        assert_eq!(kept[0].1, [0x2c | alpha, 0, 0, 0, 0xff, 1, 0, 0x7f, 1, 0], "{name}");
        let jpeg = work.path().join(format!("o-{name}.jpg"));
        assert_eq!(told(&stamped(&input, &jpeg), "alpha"), alpha != 0);
        assert_eq!(payloads(&jpeg, 0xe1, b"Exif\0\0"), [exif(6)]);
    }
}

#[test]
fn a_photo_with_a_gain_map_behind_it_is_stamped_and_the_gain_map_told() {
    let Some(photo) = case("media/gainmap.jpg") else { return };
    let work = TempDir::new().unwrap();
    let target = work.path().join("o.jpg");
    let done = stamped(&photo, &target);
    assert_eq!(
        done.summary.left_out,
        ["what lies behind the picture (another picture, such as a gain map, 5521 bytes) was \
            left out"]
    );
    assert_eq!(done.summary.frames, 1);
    assert_eq!(common::probe(&target, "-show_entries stream=width,height").trim(), "480,270");
    assert!(common::verify(&photo, None).manifest.is_none());
}

#[test]
fn a_photo_that_another_signed_over_its_gain_map_is_read_and_becomes_the_parent() {
    let Some(photo) = case("media/gainmap_signed.jpg") else { return };
    let work = TempDir::new().unwrap();
    let verified = common::verify(&photo, None);
    assert_eq!(verified.judgement.verdict, Verdict::Foreign, "{:?}", verified.judgement);
    assert!(verified.detected.unwrap().picture.is_some());
    assert_eq!(verified.manifest.unwrap().state, ManifestState::Valid);
    let target = work.path().join("o.jpg");
    let done = stamped(&photo, &target);
    assert!(done.parent.is_some());
    assert!(told(&done, "gain map"));
    // Their manifest is in ours, and nowhere else.
    assert_eq!(
        payloads(&target, 0xeb, b"JP").iter().filter(|p| p[2..6] == [0, 0, 0, 1]).count(),
        1
    );
    assert_eq!(common::verify(&target, None).manifest.unwrap().ingredients, ["gainmap_signed.jpg"]);
}

/// A photo as phones make it: announced in XMP and by an index, with something behind it.
fn phone(plain: &[u8], xmp: &str, behind: &[u8]) -> Vec<u8> {
    let packet = format!(
        "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\
        <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
        <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
        dc:format=\"image/jpeg\" {xmp}</rdf:Description></rdf:RDF></x:xmpmeta>"
    );
    let added = [
        (0xe1, [&b"http://ns.adobe.com/xap/1.0/\0"[..], packet.as_bytes()].concat()),
        (0xe2, b"MPF\0MM\0*\0\0\0\x08\0\0\0\0\0\0".to_vec()),
    ];
    [with_segments(plain, &added), behind.to_vec()].concat()
}

#[test]
fn what_xmp_and_an_index_say_of_a_gain_map_or_a_video_goes_with_it() {
    let work = TempDir::new().unwrap();
    let plain = std::fs::read(picture(&work, "plain.jpg", "-q:v 2")).unwrap();
    let small = std::fs::read(picture(&work, "small.jpg", "-vf scale=128:96")).unwrap();
    let clip = std::fs::read(common::clip()).unwrap();
    let gain = "xmlns:hdrgm=\"http://ns.adobe.com/hdr-gain-map/1.0/\" hdrgm:Version=\"1.0\">\
        <Container:Directory xmlns:Container=\"http://ns.google.com/photos/1.0/container/\">\
        <rdf:Seq/></Container:Directory>";
    let motion = "xmlns:GCamera=\"http://ns.google.com/photos/1.0/camera/\" \
        GCamera:MotionPhoto=\"1\" GCamera:MotionPhotoVersion=\"1\">";
    // As large as the picture itself, too: it is announced as another one.
    for (name, said, behind, what) in [
        ("gain", gain, &small, "a gain map"),
        ("large", gain, &plain, "a gain map"),
        ("motion", motion, &clip, "a video"),
    ] {
        let input = work.path().join(format!("{name}.jpg"));
        std::fs::write(&input, phone(&plain, said, behind)).unwrap();
        assert_eq!(common::detect(&input).payload, None);
        assert_eq!(common::verify(&input, None).judgement.verdict, Verdict::NothingFound);
        let target = work.path().join(format!("o-{name}.jpg"));
        let done = stamped(&input, &target);
        assert_eq!(
            done.summary.left_out,
            [format!(
                "what lies behind the picture ({what}, {} bytes) was left out, and what XMP says \
                of it",
                behind.len()
            )]
        );
        let file = std::fs::read(&target).unwrap();
        for gone in [&b"MPF\0"[..], b"hdrgm", b"Directory", b"MotionPhoto"] {
            assert!(
                !file.windows(gone.len()).any(|w| w == gone),
                "{name}: {}",
                String::from_utf8_lossy(gone)
            );
        }
        assert!(file.windows(22).any(|w| w == b"dc:format=\"image/jpeg\""), "{name}");
    }
}

#[test]
fn zeros_and_rubbish_behind_a_picture_keep_nobody_from_reading_it() {
    let work = TempDir::new().unwrap();
    for (name, arguments) in
        [("a.jpg", "-q:v 2"), ("a.png", "-pix_fmt rgb24"), ("a.webp", "-quality 95")]
    {
        let plain = std::fs::read(picture(&work, name, arguments)).unwrap();
        let rubbish: Vec<u8> =
            (0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8 | 1).collect();
        for (behind, lines) in [(vec![0; 5000], 0), (rubbish, 1)] {
            let input = work.path().join(format!("{lines}-{name}"));
            std::fs::write(&input, [plain.clone(), behind].concat()).unwrap();
            let target = work.path().join(format!("o{lines}-{name}"));
            let done = stamped(&input, &target);
            assert_eq!(done.summary.left_out.len(), lines, "{name}: {:?}", done.summary.left_out);
            assert_eq!(lines == 1, told(&done, "(data, 5000 bytes)"), "{name}");
        }
    }
}

#[test]
fn a_reference_to_a_manifest_elsewhere_is_not_made_the_new_files() {
    let work = TempDir::new().unwrap();
    let plain = std::fs::read(picture(&work, "plain.jpg", "-q:v 2")).unwrap();
    let input = work.path().join("in.jpg");
    let elsewhere = "xmlns:dcterms=\"http://purl.org/dc/terms/\" \
        dcterms:provenance=\"https://example.com/m.c2pa\">";
    std::fs::write(&input, phone(&plain, elsewhere, b"")).unwrap();
    let target = work.path().join("o.jpg");
    let done = common::stamp(&input, &target, None);
    assert!(told(&done, "reference to a manifest elsewhere"), "{:?}", done.summary.left_out);
    let packet = payloads(&target, 0xe1, b"http://ns.adobe.com/xap/1.0/\0").remove(0);
    let packet = String::from_utf8(packet).unwrap();
    assert!(!packet.contains("m.c2pa") && packet.contains("dc:format"), "{packet}");
}

#[test]
fn clips_of_jpegs_are_clips_still() {
    let work = TempDir::new().unwrap();
    let clip = work.path().join("clip.mjpeg");
    common::generate("mandelbrot=size=320x240:rate=10", "-frames:v 8 -q:v 3 -f mjpeg", &clip);
    let target = work.path().join("o.mp4");
    let done = common::stamp(&clip, &target, None);
    assert_eq!(done.summary.frames, 8);
    assert!(matches!(
        refused(&clip, &work.path().join("o.jpg")),
        StampError::Media(MediaError::CannotHold { .. })
    ));
}

fn refused(input: &Path, output: &Path) -> StampError {
    Stamper::new(common::ring().stamping().clone()).stamp(input, output).unwrap_err()
}

#[test]
fn an_animated_webp_is_refused_with_what_to_do_and_its_manifest_still_read() {
    let Some(webp) = case("media/anim.webp") else { return };
    let work = TempDir::new().unwrap();
    for target in ["o.mp4", "o.webp", "o.png"] {
        let e = refused(&webp, &work.path().join(target));
        assert!(
            matches!(
                e,
                StampError::Media(MediaError::Unsupported { kind: Kind::AnimatedWebP, .. })
            ) && e.to_string().contains("convert it"),
            "{e}"
        );
    }
    let verify = |path: &Path| Verifier::new().ring(common::ring()).verify(path);
    let told = verify(&webp).unwrap().judgement;
    assert!(told.reasons.iter().any(|r| r.code == "media.unsearchable"), "{told:?}");
}

#[test]
fn pictures_that_move_go_into_clips_and_not_into_stills() {
    let work = TempDir::new().unwrap();
    for (name, arguments) in [("a.gif", ""), ("a.apng", "-plays 0")] {
        let input = work.path().join(name);
        common::generate(
            "mandelbrot=size=320x240:rate=5",
            &format!("-frames:v 4 {arguments}"),
            &input,
        );
        assert!(
            matches!(
                refused(&input, &work.path().join("o.png")),
                StampError::Media(MediaError::CannotHold { .. })
            ),
            "{name}"
        );
        assert_eq!(
            common::stamp(&input, &work.path().join(format!("{name}.mp4")), None).summary.frames,
            4
        );
    }
}

#[test]
fn a_photo_put_into_a_clip_says_what_stays_behind() {
    let Some(photo) = case("media/orient6.jpg") else { return };
    let work = TempDir::new().unwrap();
    let done = common::stamp(&photo, &work.path().join("o.mp4"), None);
    assert!(
        told(&done, "EXIF was left out: MP4 has no place for it") && told(&done, "the ICC profile"),
        "{:?}",
        done.summary.left_out
    );
}

#[test]
fn a_palettes_colours_stay() {
    let work = TempDir::new().unwrap();
    let input = picture(&work, "a.png", "-pix_fmt pal8 -vf gblur=3");
    for extension in ["png", "jpg"] {
        let target = work.path().join(format!("o.{extension}"));
        assert_eq!(stamped(&input, &target).summary.left_out, [""; 0]);
        assert!(likeness(&input, &target) > 33.0, "{extension}: {}", likeness(&input, &target));
    }
}

#[test]
fn inks_become_red_green_and_blue_and_that_is_told() {
    let work = TempDir::new().unwrap();
    let input = work.path().join("inks.jpg");
    std::fs::write(&input, blocks(60, 40, 4, true)).unwrap();
    for target in ["o.png", "o.jpg", "o.webp"] {
        let target = work.path().join(target);
        let done = common::stamp(&input, &target, None);
        assert_eq!(
            done.summary.left_out,
            ["the inks of a CMYK picture were turned into red, green and blue"]
        );
        // The first block is of little ink that is stored as 40 of 255: dark, not bright.
        let still =
            proofmark::media::frame_at(&target, 0.0, &Limits::default(), &Cancel::default())
                .unwrap();
        let first = &still.data[..3];
        assert!(first.iter().all(|&v| v.abs_diff(40) < 25), "{}: {first:?}", target.display());
    }
}

#[test]
fn a_tiff_of_several_pages_says_that_others_are_left_out() {
    let work = TempDir::new().unwrap();
    let plain =
        std::fs::read(picture(&work, "plain.tif", "-pix_fmt rgb24 -compression_algo raw")).unwrap();
    assert_eq!(&plain[..4], b"II*\0");
    // A second directory, without a single entry, behind the first one.
    let first = u32::from_le_bytes(plain[4..8].try_into().unwrap()) as usize;
    let link = first + 2 + 12 * usize::from(u16::from_le_bytes([plain[first], plain[first + 1]]));
    let mut two = plain.clone();
    two[link..link + 4].copy_from_slice(&u32::try_from(plain.len()).unwrap().to_le_bytes());
    two.extend([0; 6]);
    let input = work.path().join("two.tif");
    std::fs::write(&input, two).unwrap();
    let done = stamped(&input, &work.path().join("o.png"));
    assert_eq!(
        done.summary.left_out,
        ["what follows the first page (1 more) was left out: one picture is read of a TIFF"]
    );
}
