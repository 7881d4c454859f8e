//! Who may say what of our clips (`shared/cases/trust`): each input with the verdict, the trust and
//! the reason that are right for it. Its README says what was said before.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Desk, code, json, text};

/// The case folder, if it is there.
fn cases() -> Option<PathBuf> {
    let path = std::env::var_os("PROOFMARK_CASES")
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/cases"),
            PathBuf::from,
        )
        .join("trust");
    if !path.is_dir() {
        eprintln!("skipped: {} is not there; set PROOFMARK_CASES", path.display());
        return None;
    }
    Some(path)
}

/// Copies a home as its owner would have it: private.
fn copy_home(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy_home(&from, &to);
        } else {
            std::fs::write(&to, std::fs::read(&from).unwrap()).unwrap();
            std::fs::set_permissions(&to, PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
    std::fs::set_permissions(to, PermissionsExt::from_mode(0o700)).unwrap();
}

/// Input, verdict, trust, and a reason. The exit code is 3 for each.
const RIGHT: [(&str, &str, Option<&str>, &str); 9] = [
    (
        "A1_clone_signer_reencoded.mp4",
        "contradictory",
        Some("unknown"),
        "manifest.stranger-names-our-payload",
    ),
    (
        "A3_unmarked_dog_names_our_payload.mp4",
        "contradictory",
        Some("unknown"),
        "manifest.stranger-names-our-payload",
    ),
    ("B1_foreign_untrusted_bbc.mp4", "foreign", Some("unknown"), "manifest.valid"),
    ("B2_foreign_tampered.mp4", "foreign", Some("invalid"), "manifest.foreign-content-changed"),
    ("B5_expired.mp4", "foreign", Some("unknown"), "manifest.credential"),
    ("C1_sound_of_ours_other_picture.mp4", "mixed", None, "video.not-the-registered"),
    ("C3_face_22pc.mp4", "marked", None, "video.part-differs"),
    ("C5_two_joined.mp4", "mixed", None, "video.several-marks"),
    ("C7_manifest_moved.mp4", "contradictory", Some("invalid"), "manifest.of-another-clip"),
];

#[test]
fn nobody_speaks_for_us_who_is_not_listed() {
    let Some(cases) = cases() else { return };
    let desk = Desk::new();
    let home = desk.path("theirs");
    copy_home(&cases.join("home"), &home);
    let home = home.to_str().unwrap();
    assert_eq!(
        code(&desk.run(&[
            "registry",
            "import",
            cases.join("registry.jsonl").to_str().unwrap(),
            "--home",
            home
        ])),
        0
    );
    for (name, verdict, trust, reason) in RIGHT {
        let input = cases.join("inputs").join(name);
        let o = desk.run(&["verify", input.to_str().unwrap(), "--home", home, "--json"]);
        let report = json(&o).remove(0);
        let codes: Vec<&str> = report["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|r| r["code"].as_str())
            .collect();
        assert_eq!(
            (code(&o), report["verdict"].as_str(), report["trust"].as_str()),
            (3, Some(verdict), trust),
            "{name}: {codes:?}"
        );
        assert!(codes.contains(&reason) && report["severity"] != "good", "{name}: {codes:?}");
        if name.starts_with("A3") {
            assert_eq!(
                report["registered"],
                serde_json::json!([]),
                "{name}: a stranger's claim leads nowhere"
            );
        }
        // In the other language, too.
        let told =
            desk.run(&["verify", input.to_str().unwrap(), "--home", home, "--language", "ja"]);
        assert!(
            code(&told) == 3 && text(&told.stdout).contains('。'),
            "{name}: {}",
            text(&told.stdout)
        );
    }
    // Whoever takes unknown signers says so.
    let bbc = cases.join("inputs/B1_foreign_untrusted_bbc.mp4");
    assert_eq!(
        code(&desk.run(&[
            "verify",
            bbc.to_str().unwrap(),
            "--home",
            home,
            "--accept-unknown-signers"
        ])),
        0
    );
    assert_eq!(
        code(&desk.run(&["verify", bbc.to_str().unwrap(), "--home", home, "--require", "own"])),
        3
    );
}

/// What a forger without our keys can have us say, by the case folder's own script: after each
/// heading the first lines of the answer, and its exit code.
#[test]
fn no_forgery_passes() {
    let Some(cases) = cases() else { return };
    let desk = Desk::new();
    let (clip, other, root) = (
        desk.path("clip.mp4"),
        desk.path("other.mp4"),
        Path::new(env!("CARGO_MANIFEST_DIR")).join(".."),
    );
    desk.ffmpeg(&format!(
        "-i {}/testdata/bigbuckbunny.mp4 -t 6 -vf scale=640:360 -c:v libx264 -crf 16 clip.mp4",
        root.display()
    ));
    desk.ffmpeg(
        "-f lavfi -i mandelbrot=s=640x360:r=25 -f lavfi -i anoisesrc=a=0.1 -t 6 -c:v \
        libx264 -crf 16 -pix_fmt yuv420p other.mp4",
    );
    let o = Command::new("bash")
        .arg(cases.join("forge.sh"))
        .arg(env!("CARGO_BIN_EXE_proofmark"))
        .args([&clip, &other])
        .envs([("TMPDIR", desk.work.path()), ("PROOFMARK_ROOT", &root)])
        // The interpreter that setup.sh gave numpy to.
        .env("PATH", format!("/usr/bin:{}", std::env::var("PATH").unwrap_or_default()))
        .output()
        .unwrap();
    let said = text(&o.stdout);
    let of = |name: &str| {
        said.split("## ")
            .find(|part| part.starts_with(name))
            .unwrap_or_else(|| panic!("no {name}: {said}{}", text(&o.stderr)))
    };
    for (name, told) in [
        ("F1", "contradictory"),
        ("F2a", "The mark covers"),
        ("F2b", "contradictory"),
        ("F5a", "contradictory"),
        ("F5b", "contradictory"),
        ("F5c", "contradictory"),
        ("F3", "contradictory"),
    ] {
        let part = of(name);
        assert!(part.contains("exit 3") && part.contains(told), "{part}");
    }
    // An untouched clip is accused of nothing when its certificate has run out.
    let late = of("F6");
    assert!(!late.contains("contradictory") && !late.contains("altered"), "{late}");
}
