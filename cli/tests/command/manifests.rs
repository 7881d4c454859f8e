//! What a manifest can be told to say, what of that is refused, and what becomes of manifests that
//! are given as files.

use serde_json::{Value, json};

use super::common::{Desk, code, json as lines, refused, text};

/// A desk with a still image and its clip.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.ffmpeg("-f lavfi -i testsrc2=size=320x240 -frames:v 1 a.png");
    desk.ffmpeg("-f lavfi -i mandelbrot=size=160x120 -frames:v 1 thumb.png");
    desk
}

fn write(desk: &Desk, name: &str, value: &Value) {
    std::fs::write(desk.path(name), value.to_string()).unwrap();
}

fn verified(desk: &Desk, name: &str) -> Value {
    let out = desk.run(&["verify", name, "--json"]);
    let report = lines(&out).remove(0);
    assert_eq!((code(&out), report["verdict"].as_str()), (0, Some("intact")), "{name}: {report}");
    report
}

#[test]
fn what_is_disclosed_can_be_read() {
    let desk = desk();
    let stamped = desk.run(&[
        "stamp",
        "a.png",
        "-o",
        "b.png",
        "--model",
        "Acme",
        "--model-version",
        "2",
        "--prompt",
        "a rabbit",
        "--oversight",
        "prompt_guided",
        "--training-mining",
        "notAllowed",
        "--agent",
        "Acme Studio",
        "--thumbnail",
    ]);
    assert_eq!(code(&stamped), 0, "{}", text(&stamped.stderr));
    let report = verified(&desk, "b.png");
    let manifest = &report["manifest"];
    let disclosed = json!({
        "model_type": "c2pa.types.model", "model": "Acme", "identifier": "Acme 2",
        "oversight": "prompt_guided",
    });
    assert_eq!(manifest["disclosure"], disclosed);
    assert_eq!(manifest["ingredients"], json!(["Acme 2", "prompt"]));
    assert_eq!(manifest["training_mining"].as_array().map(Vec::len), Some(4));
    let summary = report["summary"].as_str().unwrap();
    assert!(summary.starts_with("Made with AI by Acme Studio, says"), "{summary}");
    let actions: Vec<&str> = manifest["actions"]
        .as_array()
        .unwrap()
        .iter()
        .inspect(|a| assert!(a["when"].is_string(), "{a}"))
        .map(|a| a["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["c2pa.created", "c2pa.watermarked.bound"]);

    // What is stamped again was opened, and encoded anew.
    assert_eq!(code(&desk.run(&["stamp", "b.png", "-o", "c.png"])), 0);
    let again = verified(&desk, "c.png");
    let actions = again["manifest"]["actions"].as_array().unwrap();
    let names: Vec<&str> = actions.iter().map(|a| a["action"].as_str().unwrap()).collect();
    assert_eq!(names, ["c2pa.opened", "c2pa.transcoded", "c2pa.watermarked.bound"]);
    for wrong in [["--oversight", "some"], ["--training-mining", "maybe"]] {
        let said = desk.run(&["stamp", "a.png", "-o", "d.png", wrong[0], wrong[1]]);
        assert_eq!(code(&said), 2, "{wrong:?}");
    }
}

#[test]
fn a_definition_is_kept_or_refused() {
    let desk = desk();
    let created = json!({
        "label": "c2pa.actions.v2", "created": true,
        "data": {"allActionsIncluded": true, "actions": [{
            "action": "c2pa.created",
            "digitalSourceType":
                "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
        }]},
    });
    write(
        &desk,
        "fine.json",
        &json!({
            "title": "Mine", "vendor": "acme",
            "thumbnail": {"format": "image/png", "identifier": "thumb.png"},
            "ingredient_paths": ["thumb.png"],
            "ingredients": [{"title": "Another", "file_path": "thumb.png"}],
            "assertions": [created],
        }),
    );
    let out = desk.run(&["stamp", "a.png", "-o", "b.png", "--manifest", "fine.json", "--json"]);
    assert_eq!(code(&out), 0, "{}", text(&out.stderr));
    let label = lines(&out)[0]["manifest"]["label"].as_str().unwrap().to_string();
    assert!(label.starts_with("urn:c2pa:") && label.ends_with(":acme"), "{label}");
    let manifest = verified(&desk, "b.png")["manifest"].take();
    assert_eq!(manifest["label"], label);
    assert_eq!(manifest["ingredients"], json!(["thumb.png", "Another"]));
    assert_eq!(code(&desk.run(&["lookup", &label])), 0);

    let disallowed = json!({"assertions": [{
        "label": "c2pa.metadata", "kind": "Json",
        "data": {"@context": {"dc": "http://purl.org/dc/elements/1.1/"}, "dc:creator": ["ACME"]},
    }]});
    for (definition, input, expected) in [
        (json!({"private_key": "k.pem"}), "a.png", "--sign-key"),
        (json!({"titel": "x"}), "a.png", "'titel' is not known"),
        (json!({"ingredient_paths": ["none.png"]}), "a.png", "none.png"),
        (json!({"assertions": [created]}), "b.png", "was opened"),
        (disallowed, "a.png", "assertion.metadata.disallowed"),
    ] {
        write(&desk, "wrong.json", &definition);
        let out = desk.run(&["stamp", input, "-o", "d.png", "--manifest", "wrong.json"]);
        refused(&out, 2, &[expected]);
        assert!(!desk.path("d.png").exists(), "{definition}");
    }
}

#[test]
fn an_mp4_is_hashed_flat_or_by_a_tree() {
    let desk = Desk::new();
    desk.ffmpeg("-f lavfi -i testsrc2=size=320x240:rate=10 -t 1 a.mp4");
    for (name, more) in [("flat.mp4", None), ("tree.mp4", Some("--merkle"))] {
        let mut arguments = vec!["stamp", "a.mp4", "-o", name];
        arguments.extend(more);
        let out = desk.run(&arguments);
        assert_eq!(code(&out), 0, "{}", text(&out.stderr));
        verified(&desk, name);
        let bytes = std::fs::read(desk.path(name)).unwrap();
        let has = |what: &[u8]| bytes.windows(what.len()).any(|w| w == what);
        assert_eq!(has(b"merkle"), more.is_some(), "{name}");
        // Behind a head of sixteen bytes leaves begin where every reader has them begin.
        assert_eq!(has(b"\0\0\0\x01mdat"), more.is_some(), "{name}");
    }
}

#[test]
fn a_manifest_that_is_given_as_a_file_stays_whole() {
    let desk = Desk::new();
    desk.ffmpeg("-f lavfi -i testsrc2=size=320x240:rate=10 -t 1 a.mkv");
    assert_eq!(code(&desk.run(&["stamp", "a.mkv", "-o", "b.mkv"])), 0);
    let before = std::fs::read(desk.path("b.c2pa")).unwrap();
    for arguments in [
        &["verify", "b.c2pa"][..],
        &["detect", "b.c2pa"],
        &["verify", "b.c2pa", "b.mkv"],
        &["verify", "b.mkv", "b.c2pa", "--no-sandbox"],
        &["stamp", "b.c2pa", "-o", "c.mp4"],
        &["sign", "b.c2pa", "-o", "d.c2pa"],
        &["lookup", "b.c2pa"],
    ] {
        let _ = desk.run(arguments);
        let after = std::fs::read(desk.path("b.c2pa")).unwrap();
        assert!(after == before, "{arguments:?} left {} bytes", after.len());
    }
    verified(&desk, "b.mkv");
}
