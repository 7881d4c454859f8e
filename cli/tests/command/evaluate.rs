//! What an evaluation measures, refuses and leaves behind.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::common::{Desk, code, json, refused, text};

/// Runs a command that leaves nothing in the folder for temporary files.
fn run(desk: &Desk, arguments: &[&str]) -> Output {
    let temporary = desk.path("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    let o = desk.command(arguments).env("TMPDIR", &temporary).output().unwrap();
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    o
}

#[test]
fn evaluate_measures_reports_and_leaves_nothing() {
    let desk = Desk::bare();
    desk.clip("a & <b>.mp4");
    let attacks = "x264-crf23,excerpt-1s,overlay";
    let more = ["--html", "page.html", "--json"];
    let o = run(&desk, &[&["evaluate", "a & <b>.mp4", "--attacks", attacks], &more[..]].concat());
    assert_eq!((code(&o), text(&o.stderr)), (0, String::new()));
    let report = json(&o).remove(0);
    let clip = &report["clips"][0];
    assert!(
        (40.0..60.0).contains(&clip["psnr"].as_f64().unwrap())
            && (0.95..1.0).contains(&clip["ssim"].as_f64().unwrap()),
        "{clip}"
    );
    assert_eq!(
        (&clip["width"], &clip["frames"]),
        (&640.into(), &desk.frames("a & <b>.mp4").into())
    );
    let outcome = |name: &str| {
        clip["trials"].as_array().unwrap().iter().find(|t| t["attack"] == name).unwrap()["outcome"]
            .as_str()
            .unwrap()
            .to_string()
    };
    assert_eq!(outcome("x264-crf23"), "exact");
    assert_eq!(["excerpt-1s", "caption", "sticker"].map(outcome), ["exact"; 3]);
    let overlay = &report["groups"][2];
    assert_eq!(
        (&overlay["group"], &overlay["run"], &overlay["exact"], &overlay["wrong"]),
        (&"overlay".into(), &2.into(), &2.into(), &0.into())
    );

    let page = std::fs::read_to_string(desk.path("page.html")).unwrap();
    assert_eq!(
        (
            page.matches("<svg").count(),
            page.matches("</svg>").count(),
            page.matches("<circle").count()
        ),
        (3, 3, 4)
    );
    assert!(page.contains("a &amp; &lt;b&gt;.mp4") && !page.contains("<b>"));
    assert!(!["http", "<script", "src=", "url("].iter().any(|w| page.contains(w)));

    assert_eq!(desk.files(), ["a & <b>.mp4", "page.html", "tmp"]);
}

/// Where only a part fails, the rest counts.
#[test]
fn evaluate_goes_on_past_what_fails() {
    let desk = Desk::bare();
    desk.clip("a & <b>.mp4");
    std::fs::write(desk.path("broken.mp4"), "no video").unwrap();
    let what = ["evaluate", "a & <b>.mp4", "broken.mp4", "--attacks", "x264-crf23"];
    let o = run(&desk, &[&what[..], &["--seconds", "0.5", "--json"]].concat());
    let report = json(&o).remove(0);
    assert_eq!(
        (code(&o), report["clips"][0]["frames"].as_u64(), report["attacks"][0]["run"].as_u64()),
        (4, Some(desk.frames("a & <b>.mp4").div_ceil(4)), Some(1))
    );
    assert!(report["clips"][1]["error"].as_str().unwrap().contains("broken.mp4"));
    let mirrored = ["evaluate", "a & <b>.mp4", "--attacks", "mirror", "--seconds", "1"];
    let human = text(&run(&desk, &mirrored).stdout);
    assert!(
        human.contains("PSNR-Y") && human.contains("1 of 1") && human.contains("geometry"),
        "{human}"
    );
    assert!(human.lines().all(|l| l.chars().count() <= 100), "{human}");
    assert_eq!(desk.files(), ["a & <b>.mp4", "broken.mp4", "tmp"]);
}

#[test]
fn evaluate_refuses_before_it_works() {
    let desk = Desk::bare();
    desk.clip("clip.mp4");
    std::fs::write(desk.path("page.html"), "precious").unwrap();
    refused(
        &desk.run(&["evaluate", "clip.mp4", "--attacks", "mirorr"]),
        2,
        &["'mirorr'", "mirror", "overlay", "x264-crf23"],
    );
    refused(
        &desk.run(&["evaluate", "missing.mp4", "--attacks", "mirror"]),
        2,
        &["missing.mp4", "cannot be read"],
    );
    refused(
        &desk.run(&["evaluate", "clip.mp4", "--html", "page.html"]),
        2,
        &["page.html", "--force"],
    );
    refused(
        &desk.run(&["evaluate", "clip.mp4", "--html", "none/page.html"]),
        2,
        &["page.html", "no folder none"],
    );
    refused(
        &desk.run(&["evaluate", "clip.mp4", "--html", "clip.mp4", "--force"]),
        2,
        &["clip.mp4", "input itself"],
    );
    refused(&desk.run(&["evaluate", "clip.mp4", "--strength", "9"]), 2, &["strength '9'"]);
    assert_eq!(code(&desk.run(&["evaluate", "clip.mp4", "--seconds", "0"])), 2);
    assert_eq!(code(&desk.run(&["evaluate"])), 2);
    assert_eq!(std::fs::read(desk.path("page.html")).unwrap(), b"precious");
    let o = desk.run(&[
        "evaluate",
        "clip.mp4",
        "--attacks",
        "mirror",
        "--seconds",
        "1",
        "--html",
        "page.html",
        "--force",
    ]);
    assert_eq!(code(&o), 0);
    assert!(
        std::fs::read_to_string(desk.path("page.html")).unwrap().starts_with("<!doctype html>")
    );

    let list = json(&desk.run(&["evaluate", "--list", "--json"])).remove(0);
    assert!(list["attacks"].as_array().unwrap().len() > 30);
    assert_eq!(
        text(&desk.run(&["evaluate", "--list", "--attacks", "overlay"]).stdout).lines().count(),
        2
    );
}

#[test]
fn interrupting_an_evaluation_leaves_nothing() {
    let desk = Desk::bare();
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bigbuckbunny.mp4");
    let mut child = desk
        .command(&["evaluate", clip.to_str().unwrap()])
        .env("TMPDIR", desk.work.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(desk.files().len(), 1, "it should be at work");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(desk.files(), [""; 0]);
}
