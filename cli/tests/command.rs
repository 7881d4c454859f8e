//! The command as scripts and people meet it: exit codes, one-line errors, JSON, what is left
//! behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Desk, code, json, refused, text};
use serde_json::Value;

/// A decoded PNG.
struct Picture {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Picture {
    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        assert!(x < self.width && y < self.height);
        [0, 1, 2].map(|i| self.data[3 * (y * self.width + x) + i])
    }
}

const GREEN: [u8; 3] = [0x1c, 0x8a, 0x5f];
const BLUE: [u8; 3] = [0x2f, 0x6f, 0xd0];
const RED: [u8; 3] = [0xc5, 0x36, 0x2b];
const GREY: [u8; 3] = [0xb9, 0xc0, 0xc8];

fn picture(desk: &Desk, name: &str) -> Picture {
    let mut reader =
        png::Decoder::new(std::io::BufReader::new(std::fs::File::open(desk.path(name)).unwrap()))
            .read_info()
            .unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
    Picture { width: info.width as usize, height: info.height as usize, data }
}

#[test]
fn stamp_detect_verify() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let stamped = json(&desk.run(&["stamp", "clip.mp4", "-o", "stamped.mp4", "--json"])).remove(0);
    let payload = stamped["payload"].as_str().unwrap();
    assert_eq!(stamped["manifest"]["label"], format!("urn:c2pa:{payload}"));

    let found = desk.run(&["detect", "stamped.mp4", "--json"]);
    assert_eq!(code(&found), 0);
    let report = json(&found).remove(0);
    assert_eq!(report["video"]["payload"], payload);
    assert_eq!(report["video"]["method"], "blind");
    assert!(report["video"]["p_value"].as_f64().unwrap() < 1e-9);
    assert!(report["audio"].is_null(), "the clip is silent");

    let none = desk.run(&["detect", "clip.mp4", "--json"]);
    assert_eq!(code(&none), 1);
    assert_eq!(json(&none)[0]["video"]["detected"], false);

    let verified = desk.run(&["verify", "stamped.mp4", "--json"]);
    assert_eq!(code(&verified), 0);
    assert_eq!(json(&verified)[0]["verdict"], "intact");
    let human = text(&desk.run(&["verify", "stamped.mp4"]).stdout);
    assert!(
        human.contains("intact") && human.contains(payload) && human.contains("TEST"),
        "{human}"
    );
    assert!(human.lines().all(|l| l.chars().count() <= 100), "{human}");

    let unknown = desk.run(&["verify", "clip.mp4", "--json"]);
    assert_eq!((code(&unknown), json(&unknown)[0]["verdict"].as_str()), (1, Some("nothing-found")));

    let mut bytes = std::fs::read(desk.path("stamped.mp4")).unwrap();
    let at = bytes.len() - 20_000;
    bytes[at] ^= 1;
    std::fs::write(desk.path("tampered.mp4"), bytes).unwrap();
    let altered = desk.run(&["verify", "tampered.mp4", "--json"]);
    assert_eq!((code(&altered), json(&altered)[0]["verdict"].as_str()), (3, Some("altered")));
}

/// Two clips, stamped apart, side by side above a black bar, and one after the other.
#[test]
fn pictures_show_where_and_when() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    for name in ["a.mkv", "b.mkv"] {
        let o = desk.run(&[
            "stamp",
            "clip.mp4",
            "-o",
            name,
            "--no-c2pa",
            "--video-codec",
            "ffv1",
            "--strength",
            "2",
        ]);
        assert_eq!(code(&o), 0, "{}", text(&o.stderr));
    }
    desk.ffmpeg("-i a.mkv -i b.mkv -filter_complex hstack,pad=1280:720 -c:v ffv1 side.mkv");
    desk.ffmpeg("-i a.mkv -i b.mkv -filter_complex concat -c:v ffv1 splice.mkv");
    let before = desk.files();

    let o = desk.run(&["detect", "side.mkv", "--overlay", "where.png", "--json"]);
    assert_eq!((code(&o), text(&o.stderr)), (0, String::new()));
    let video = &json(&o)[0]["video"];
    let marks = [&video["area"], &video["others"][0]["area"]];
    let where_ = picture(&desk, "where.png");
    assert_eq!((where_.width, where_.height), (1280, 720));
    let (columns, cells) =
        (marks[0]["columns"].as_u64().unwrap() as usize, marks[0]["cells"].as_array().unwrap());
    let rows = cells.len() / columns;
    let mut seen = std::collections::HashSet::new();
    for (i, cell) in cells.iter().enumerate() {
        // Off the middle, where no line between cells of the other map can be.
        let [r, g, b] =
            where_.at((i % columns * 1280 + 640) / columns, (i / columns * 720 + 360) / rows);
        let colour = match (cell.as_bool(), marks[1]["cells"][i].as_bool()) {
            (Some(true), _) => ("green", g > r && g > b),
            (_, Some(true)) => ("blue", b > r && b > g),
            (None, None) => ("as it was", r.max(g).max(b) <= 2 || i / columns < rows / 2),
            _ => ("red", r > g && r > b),
        };
        assert!(colour.1, "cell {i} should be {} and is {r} {g} {b}", colour.0);
        seen.insert(colour.0);
    }
    assert!(["green", "blue", "as it was"].iter().all(|c| seen.contains(c)), "{seen:?}: {video}");

    // Bars stand on the line at 286, and 250 below it in the second lane; ranges are 190 above.
    let o = desk.run(&["detect", "splice.mkv", "--timeline", "when.png", "--json"]);
    assert_eq!((code(&o), text(&o.stderr)), (0, String::new()));
    let video = &json(&o)[0]["video"];
    let when = picture(&desk, "when.png");
    let end = video["spans"].as_array().unwrap().last().unwrap()["end"].as_f64().unwrap();
    for (mark, hue, foot) in [(video, GREEN, 286), (&video["others"][0], BLUE, 536)] {
        let states: std::collections::HashSet<&str> = mark["spans"]
            .as_array()
            .unwrap()
            .iter()
            .map(|span| {
                let middle =
                    (span["start"].as_f64().unwrap() + span["end"].as_f64().unwrap()) / 2.0;
                let place = |time: f64| 72.0 + 1172.0 * time / end;
                let x = place(middle) as usize;
                let bar = match span["state"].as_str().unwrap() {
                    "marked" => hue,
                    "unmarked" => RED,
                    _ => GREY,
                };
                assert_eq!(when.at(x, foot - 2), bar, "{span}");
                // A span at the edge may be marked in part; at the very pixel where a range ends
                // either colour is right.
                let edges: Vec<[f64; 2]> = mark["ranges"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|r| ["start", "end"].map(|edge| r[edge].as_f64().unwrap()))
                    .collect();
                if edges
                    .as_flattened()
                    .iter()
                    .all(|&edge| (place(edge) - place(middle)).abs() > 1.0)
                {
                    let covered = edges.iter().any(|&[from, to]| (from..to).contains(&middle));
                    assert_eq!(
                        when.at(x, foot - 190),
                        if covered { hue } else { [255; 3] },
                        "{span}"
                    );
                }
                span["state"].as_str().unwrap()
            })
            .collect();
        assert!(states.contains("marked") && states.contains("unmarked"), "{mark}");
    }

    // A single picture, replaced on request; and what is written is all that is left.
    desk.ffmpeg("-i a.mkv -frames:v 1 still.png");
    let o = desk.run(&["detect", "still.png", "--timeline", "when.png", "--force"]);
    assert_eq!(
        (code(&o), picture(&desk, "when.png").at(600, 284)),
        (0, GREEN),
        "{}",
        text(&o.stderr)
    );
    let mut after =
        [before, ["still.png", "when.png", "where.png"].map(String::from).to_vec()].concat();
    after.sort();
    assert_eq!(desk.files(), after);
}

#[test]
fn pictures_that_cannot_be_are_refused_or_told() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    for (option, name) in [("--overlay", "there.png"), ("--timeline", "there.png")] {
        std::fs::write(desk.path(name), "precious").unwrap();
        let refusal = |file: &str, target: &str, parts: &[&str]| {
            refused(&desk.run(&["detect", file, option, target]), 2, parts)
        };
        refusal("clip.mp4", name, &[name, "--force"]);
        refusal("clip.mp4", "home", &["home", ".png"]);
        refusal("clip.mp4", "picture.jpg", &["picture.jpg", ".png"]);
        refusal("clip.mp4", "none/picture.png", &["picture.png", "no folder none"]);
        refusal(name, name, &[name, "input itself"]);
        refused(
            &desk.run(&["detect", "clip.mp4", "clip.mp4", option, "new.png"]),
            2,
            &["one clip", "2 were given"],
        );
    }
    std::fs::create_dir(desk.path("folder.png")).unwrap();
    refused(
        &desk.run(&["detect", "clip.mp4", "--overlay", "folder.png"]),
        2,
        &["folder.png", "is a folder"],
    );
    refused(
        &desk.run(&["detect", "clip.mp4", "--overlay", "new.png", "--timeline", "new.png"]),
        2,
        &["new.png", "both"],
    );

    // No mark, nothing to draw: the answer stays what it is.
    let both = [
        "detect",
        "clip.mp4",
        "--json",
        "--overlay",
        "there.png",
        "--timeline",
        "new.png",
        "--force",
    ];
    let o = desk.run(&both);
    assert_eq!((code(&o), json(&o)[0]["video"]["spans"].as_array().map(Vec::len)), (1, Some(0)));
    let stderr = text(&o.stderr);
    assert!(
        stderr.lines().count() == 2
            && stderr.lines().all(|l| l.contains("note:") && l.contains("not written: no mark")),
        "{stderr}"
    );
    assert_eq!(text(&desk.run(&[&both[..], &["--quiet"]].concat()).stderr), "");
    assert_eq!(std::fs::read(desk.path("there.png")).unwrap(), b"precious");
    assert_eq!(desk.files(), ["clip.mp4", "folder.png", "home", "there.png"]);
}

#[test]
fn batches_go_on_after_a_failure_and_say_so() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("clips")).unwrap();
    desk.clip("clips/a.mp4");
    std::fs::write(desk.path("clips/b.mp4"), "no video").unwrap();
    let o = desk.run(&["detect", "clips", "--json"]);
    assert_eq!(code(&o), 4);
    let mut lines = json(&o);
    // They come as they are finished.
    lines.sort_by_key(|l| l["file"].to_string());
    assert_eq!(lines.len(), 2);
    assert!(lines[0]["video"].is_object() && lines[1]["error"].is_string());
    std::fs::create_dir(desk.path("out")).unwrap();
    assert_eq!(code(&desk.run(&["stamp", "clips", "-o", "out", "--quiet"])), 4);
    assert!(desk.path("out/a.mp4").exists() && !desk.path("out/b.mp4").exists());
}

#[test]
fn common_mistakes_get_one_clear_line() {
    let desk = Desk::bare();
    let clip = desk.clip("clip.mp4");
    refused(&desk.run(&["detect", "clip.mp4"]), 2, &["no watermark key", "proofmark init"]);
    assert_eq!(code(&desk.run(&["init", "--quiet"])), 0);
    refused(&desk.run(&["init"]), 2, &["set up already", "keys add"]);
    refused(&desk.run(&["detect", "missing.mp4"]), 2, &["missing.mp4", "cannot be read"]);
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "clip.mp4", "--force"]),
        2,
        &["input itself", "-o"],
    );
    std::fs::write(desk.path("there.mp4"), "precious").unwrap();
    refused(&desk.run(&["stamp", "clip.mp4", "-o", "there.mp4"]), 2, &["there.mp4", "--force"]);
    assert_eq!(std::fs::read(desk.path("there.mp4")).unwrap(), b"precious");
    refused(&desk.run(&["stamp", "clip.mp4", "-o", "out.avi"]), 2, &["out.avi", ".mp4"]);
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "none/out.mp4"]),
        2,
        &["out.mp4", "cannot be written"],
    );
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4", "--video-codec", "divx"]),
        2,
        &["divx", "h264"],
    );
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4", "--strength", "9"]),
        2,
        &["strength '9'", "0.25"],
    );
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4", "--strength", "loud"]),
        2,
        &["strength 'loud'", "standard"],
    );
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4", "--payload", "7"]),
        2,
        &["'7' is not a UUID"],
    );
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4", "--preset", "warp9"]),
        2,
        &["H.264", "encoder"],
    );
    let home_file = clip.with_file_name("home").join("config.toml");
    std::fs::write(&home_file, "[stamp]\nstrenght = 2\n").unwrap();
    refused(
        &desk.run(&["stamp", "clip.mp4", "-o", "out.mp4"]),
        2,
        &["config.toml", "line 2", "strenght"],
    );
    std::fs::write(&home_file, "").unwrap();
    std::fs::write(desk.path("list.txt"), "not-a-uuid\n").unwrap();
    refused(
        &desk.run(&["detect", "clip.mp4", "--candidates", "list.txt"]),
        2,
        &["list.txt", "line 1"],
    );
    refused(
        &desk.run(&["verify", "clip.mp4", "--trust", "list.txt"]),
        2,
        &["list.txt", "certificate"],
    );
    std::fs::create_dir(desk.path("empty")).unwrap();
    refused(&desk.run(&["verify", "empty"]), 2, &["empty", "no media file"]);
    assert_eq!(desk.files(), ["clip.mp4", "empty", "home", "list.txt", "there.mp4"]);
}

#[test]
fn keys_rotate_travel_and_are_guarded() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let first = json(&desk.run(&["keys", "list", "--json"])).remove(0)["keys"][0]["id"]
        .as_str()
        .unwrap()
        .to_string();
    let file = desk.path(&format!("home/keys/{first}.key"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        code(&desk.run(&[
            "stamp",
            "clip.mp4",
            "-o",
            "old.mkv",
            "--video-codec",
            "ffv1",
            "--no-c2pa"
        ])),
        0
    );
    let keys = json(&desk.run(&["keys", "add", "--json"])).remove(0);
    assert_eq!(
        (keys["keys"].as_array().unwrap().len(), &keys["keys"][0]["stamps"]),
        (2, &Value::Bool(true))
    );
    assert_ne!(keys["keys"][0]["id"], first);
    assert_eq!(json(&desk.run(&["detect", "old.mkv", "--json"]))[0]["video"]["key"], first);

    // No output ever holds a secret.
    let secret = std::fs::read_to_string(&file).unwrap();
    let secret =
        serde_json::from_str::<Value>(&secret).unwrap()["secret"].as_str().unwrap().to_string();
    for arguments in
        [&["keys", "list"][..], &["keys", "list", "--json"], &["keys", "export", &first, "-o", "k"]]
    {
        let o = desk.run(arguments);
        assert!(!text(&o.stdout).contains(&secret) && !text(&o.stderr).contains(&secret));
    }
    let other = Desk::new();
    assert_eq!(code(&other.run(&["keys", "import", desk.path("k").to_str().unwrap()])), 0);
    refused(&desk.run(&["keys", "export", "nosuch", "-o", "k2"]), 2, &["nosuch", "keys list"]);

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused(&desk.run(&["detect", "clip.mp4"]), 2, &["chmod 600"]);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, "{\"schema\": \"proofmark.key/1\"").unwrap();
    refused(&desk.run(&["detect", "clip.mp4"]), 2, &[&first, "ends too early"]);
}

#[test]
fn a_home_that_lost_something_is_mended() {
    let desk = Desk::new();
    let ring = || json(&desk.run(&["keys", "list", "--json"])).remove(0)["keys"].clone();
    let before = ring();
    let id = before[0]["id"].as_str().unwrap().to_string();
    refused(&desk.run(&["init"]), 2, &["set up already"]);
    assert_eq!(code(&desk.run(&["keys", "export", &id, "-o", "k"])), 0);
    refused(&desk.run(&["keys", "export", &id, "-o", "-"]), 2, &["standard output"]);

    // The keys are lost, and one comes back.
    std::fs::remove_dir_all(desk.path("home/keys")).unwrap();
    refused(&desk.run(&["keys", "list"]), 2, &["keys import"]);
    assert_eq!(code(&desk.run(&["keys", "import", "k"])), 0);
    assert_eq!(ring(), before);
    // The identity is lost, or a full disk left it empty.
    for file in ["key.pem", "certificate.pem"] {
        std::fs::write(desk.path(&format!("home/signing/{file}")), "").unwrap();
    }
    desk.clip("clip.mp4");
    assert_eq!(code(&desk.run(&["stamp", "clip.mp4", "-o", "out.mp4"])), 2);
    assert_eq!(code(&desk.run(&["init"])), 0);
    assert_eq!((code(&desk.run(&["stamp", "clip.mp4", "-o", "out.mp4"])), ring()), (0, before));
    // A private key of somebody's own is not thrown away.
    std::fs::remove_file(desk.path("home/signing/certificate.pem")).unwrap();
    refused(&desk.run(&["init"]), 2, &["key.pem", "without its certificate"]);
}

#[test]
fn names_forge_no_lines_and_links_are_not_replaced() {
    let desk = Desk::new();
    let name = "z.mp4\nintact: legit.mp4";
    desk.clip(name);
    let o = desk.run(&["verify", name]);
    assert!(
        text(&o.stdout).contains("z.mp4")
            && !text(&o.stdout).lines().any(|l| l.starts_with("intact")),
        "{}",
        text(&o.stdout)
    );
    desk.clip("clip.mp4");
    std::os::unix::fs::symlink("nowhere", desk.path("link.mp4")).unwrap();
    refused(&desk.run(&["stamp", "clip.mp4", "-o", "link.mp4"]), 2, &["link.mp4", "--force"]);
    refused(&desk.run(&["stamp", "clip.mp4", "-o", "new/"]), 2, &["new/", "make it first"]);
    refused(
        &desk.run(&["stamp", "clip.mp4", "link.mp4", "-o", "new"]),
        2,
        &["new", "make it first"],
    );
}

#[test]
fn another_mark_than_the_expected_one_is_told_as_that() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let other = "7f3c1a52-9b64-4d0e-8a31-5e6f70819203";
    assert_eq!(code(&desk.run(&["stamp", "clip.mp4", "-o", "out.mp4"])), 0);
    let o = desk.run(&["detect", "out.mp4", "--expect", other]);
    assert!(
        code(&o) == 0
            && text(&o.stderr).contains(other)
            && text(&o.stderr).contains("not confirmed"),
        "{}",
        text(&o.stderr)
    );
    // Whoever changes the name of the algorithm still knows what was stamped before.
    let o = desk.run(&["verify", "out.mp4", "--algorithm", "com.example.mark", "--json"]);
    assert_eq!(
        (code(&o), &json(&o)[0]["verdict"]),
        (0, &Value::from("intact")),
        "{}",
        text(&o.stderr)
    );
}

#[test]
fn interrupting_leaves_nothing() {
    let desk = Desk::new();
    let long = desk.path("long.mp4");
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/bigbuckbunny.mp4");
    std::fs::copy(clip, long).unwrap();
    let mut child = desk
        .command(&["stamp", "long.mp4", "-o", "out.mp4", "--preset", "placebo"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(desk.files(), ["home", "long.mp4"]);
}

/// A disk that fills up, played by a limit on the size of files.
#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    for extra in ["--no-c2pa", ""] {
        let script =
            format!("trap '' XFSZ; ulimit -f 200; exec \"$0\" stamp clip.mp4 -o out.mp4 {extra}");
        let o = Command::new("bash")
            .args(["-c", &script, env!("CARGO_BIN_EXE_proofmark")])
            .env("PROOFMARK_HOME", desk.path("home"))
            .current_dir(desk.work.path())
            .output()
            .unwrap();
        refused(&o, 2, &["out.mp4", "cannot be written"]);
        assert_eq!(desk.files(), ["clip.mp4", "home"]);
    }
}

#[test]
fn failures_of_verify_have_codes() {
    let desk = Desk::new();
    std::fs::write(desk.path("empty.mp4"), "").unwrap();
    std::fs::write(desk.path("text.mp4"), "no clip at all ".repeat(40)).unwrap();
    for (name, told) in
        [("gone.mp4", "file.unreadable"), ("empty.mp4", "file.empty"), ("text.mp4", "media.none")]
    {
        let o = desk.run(&["verify", name, "--json"]);
        let report = json(&o).remove(0);
        assert_eq!((code(&o), report["code"].as_str()), (2, Some(told)), "{report}");
    }
}

/// Keys and certificates that another tool made.
#[test]
fn foreign_identities_sign() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let openssl = |arguments: &str| {
        let o = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(desk.work.path())
            .output()
            .unwrap();
        assert!(o.status.success(), "openssl {arguments}: {}", text(&o.stderr));
    };
    std::fs::write(
        desk.path("leaf.ext"),
        "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n",
    )
    .unwrap();
    openssl(
        "req -x509 -newkey ed25519 -nodes -keyout ca.key -out ca.pem -days 30 -subj /O=Studio/CN=Studio-CA -addext keyUsage=critical,keyCertSign",
    );
    for (name, kind) in [("es256", "EC -pkeyopt ec_paramgen_curve:P-256"), ("ed25519", "ED25519")] {
        openssl(&format!("genpkey -algorithm {kind} -out {name}.key"));
        openssl(&format!(
            "req -new -key {name}.key -subj /O=Studio/CN=Signer-{name} -out {name}.csr"
        ));
        openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -extfile leaf.ext -out {name}.pem"
        ));
        let chain = ["pem", "chain"].map(|e| desk.path(&format!("{name}.{e}")));
        std::fs::write(
            &chain[1],
            std::fs::read_to_string(&chain[0]).unwrap()
                + &std::fs::read_to_string(desk.path("ca.pem")).unwrap(),
        )
        .unwrap();
        let stamped = desk.run(&[
            "stamp",
            "clip.mp4",
            "-o",
            "out.mp4",
            "--force",
            "--sign-cert",
            &format!("{name}.chain"),
            "--sign-key",
            &format!("{name}.key"),
        ]);
        assert_eq!(code(&stamped), 0, "{}", text(&stamped.stderr));
        let report =
            json(&desk.run(&["verify", "out.mp4", "--json", "--trust", "ca.pem"])).remove(0);
        assert_eq!(
            (report["verdict"].as_str(), report["manifest"]["state"].as_str()),
            (Some("intact"), Some("trusted")),
            "{report}"
        );
        assert_eq!(report["manifest"]["signer"]["common_name"], format!("Signer-{name}"));
    }
    refused(
        &desk.run(&[
            "stamp",
            "clip.mp4",
            "-o",
            "no.mp4",
            "--sign-cert",
            "es256.chain",
            "--sign-key",
            "ed25519.key",
        ]),
        2,
        &["certificate and key", "first certificate"],
    );
    openssl("ecparam -name prime256v1 -genkey -noout -out old.key");
    refused(
        &desk.run(&[
            "stamp",
            "clip.mp4",
            "-o",
            "no.mp4",
            "--sign-cert",
            "es256.chain",
            "--sign-key",
            "old.key",
        ]),
        2,
        &["openssl pkcs8"],
    );
    assert!(!desk.path("no.mp4").exists());
}

#[test]
fn stamp_knows_what_it_carries_and_checks_it() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    let good =
        json(&desk.run(&["stamp", "clip.mp4", "-o", "good.mp4", "--check", "--json"])).remove(0);
    assert!(good["capacity"]["evidence"].as_f64().unwrap() > 450.0, "{good}");
    // Four frames at a quality that wipes everything out: the check refuses to publish.
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i", "clip.mp4", "-frames:v", "4", "short.mp4"])
        .current_dir(desk.work.path())
        .status()
        .unwrap();
    assert!(made.success());
    refused(
        &desk.run(&["stamp", "short.mp4", "-o", "bad.mp4", "--check", "--crf", "51"]),
        2,
        &["bad.mp4", "read back", "--strength"],
    );
    assert_eq!(desk.files(), ["clip.mp4", "good.mp4", "home", "short.mp4"]);
    let weak = desk.run(&["stamp", "short.mp4", "-o", "weak.mp4", "--strength", "0.25"]);
    assert_eq!(code(&weak), 0);
    assert!(
        text(&weak.stderr).contains("note:") && text(&weak.stderr).contains("--strength"),
        "{}",
        text(&weak.stderr)
    );
}

#[test]
fn evaluate_measures_reports_and_leaves_nothing() {
    let desk = Desk::bare();
    desk.clip("a & <b>.mp4");
    let temporary = desk.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let run =
        |arguments: &[&str]| desk.command(arguments).env("TMPDIR", &temporary).output().unwrap();
    let o = run(&[
        "evaluate",
        "a & <b>.mp4",
        "--attacks",
        "x264-crf23,excerpt-1s,overlay",
        "--html",
        "page.html",
        "--json",
    ]);
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

    // Where only a part fails, the rest counts.
    std::fs::write(desk.path("broken.mp4"), "no video").unwrap();
    let o = run(&[
        "evaluate",
        "a & <b>.mp4",
        "broken.mp4",
        "--attacks",
        "x264-crf23",
        "--seconds",
        "0.5",
        "--json",
    ]);
    let report = json(&o).remove(0);
    assert_eq!(
        (code(&o), report["clips"][0]["frames"].as_u64(), report["attacks"][0]["run"].as_u64()),
        (4, Some(desk.frames("a & <b>.mp4").div_ceil(4)), Some(1))
    );
    assert!(report["clips"][1]["error"].as_str().unwrap().contains("broken.mp4"));
    let human =
        text(&run(&["evaluate", "a & <b>.mp4", "--attacks", "mirror", "--seconds", "1"]).stdout);
    assert!(
        human.contains("PSNR-Y") && human.contains("1 of 1") && human.contains("geometry"),
        "{human}"
    );
    assert!(human.lines().all(|l| l.chars().count() <= 100), "{human}");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    assert_eq!(desk.files(), ["a & <b>.mp4", "broken.mp4", "page.html", "tmp"]);
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

#[test]
fn completions_and_man_pages_are_written() {
    let desk = Desk::bare();
    assert!(text(&desk.run(&["completions", "bash"]).stdout).contains("proofmark"));
    assert_eq!(code(&desk.run(&["man", "-o", "man"])), 0);
    assert!(desk.path("man/proofmark-stamp.1").exists());
}

#[test]
fn a_closed_pipe_is_no_error() {
    let desk = Desk::bare();
    let mut child = desk.command(&["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Files that are made to break readers: one line each, an exit code of ours, no crash, no hang.
#[test]
fn hostile_and_broken_files_are_survived() {
    let folder = std::env::var_os("PROOFMARK_C2PA")
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/c2pa"),
            PathBuf::from,
        )
        .join("media");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("skipped: {} is not there; set PROOFMARK_C2PA", folder.display());
        return;
    };
    let desk = Desk::new();
    for entry in entries {
        let path = entry.unwrap().path();
        for verb in ["verify", "detect"] {
            let o = desk.run(&[verb, path.to_str().unwrap(), "--json"]);
            assert!((0..=3).contains(&code(&o)), "{verb} {}: {}", path.display(), text(&o.stderr));
            assert!(
                text(&o.stderr).lines().count() <= 1,
                "{verb} {}: {}",
                path.display(),
                text(&o.stderr)
            );
            json(&o);
        }
    }
    let verdict = |name: &str| {
        json(&desk.run(&["verify", folder.join(name).to_str().unwrap(), "--json"])).remove(0)
    };
    assert_eq!(verdict("video1.mp4")["verdict"], "foreign");
    // The official trust list names neither the test certificates of that file nor anything of
    // ours.
    let list = folder.with_file_name("C2PA-TRUST-LIST.pem");
    let o = desk.run(&[
        "verify",
        folder.join("video1.mp4").to_str().unwrap(),
        "--json",
        "--trust",
        list.to_str().unwrap(),
    ]);
    assert_eq!(json(&o)[0]["manifest"]["signer"]["trusted"], false);
    assert_eq!(verdict("video1_no_manifest.mp4")["verdict"], "nothing-found");
    assert_eq!(
        code(&desk.run(&["verify", folder.join("PTS_INVALID_INGREDIENT.mp4").to_str().unwrap()])),
        3
    );
    assert_eq!(
        code(&desk.run(&["verify", folder.join("nested_moov_1000.mp4").to_str().unwrap()])),
        2
    );
}

#[test]
fn files_are_looked_at_in_workers_unless_that_is_declined() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    for verb in ["verify", "detect"] {
        let process = |more: &[&str]| {
            json(&desk.run(&[&[verb, "clip.mp4", "--json"], more].concat()))[0]["isolation"]["process"].clone()
        };
        assert_eq!((process(&[]), process(&["--no-sandbox"])), (true.into(), false.into()));
        let input = |file: &str| {
            desk.command(&[verb, "/dev/stdin", "--json"])
                .stdin(std::fs::File::open(desk.path(file)).unwrap())
                .output()
                .unwrap()
        };
        assert_eq!(code(&input("clip.mp4")), 1, "what is open here is found there");
    }
    // With too little for the libraries alone, nothing is looked at, and without workers nobody
    // holds to it.
    std::fs::write(desk.path("home/config.toml"), "[limits]\nmemory_bytes = 150000000\n").unwrap();
    refused(&desk.run(&["verify", "clip.mp4"]), 2, &["clip.mp4"]);
    assert_eq!(code(&desk.run(&["verify", "clip.mp4", "--no-sandbox"])), 1);
    // The next file has another worker.
    std::fs::write(desk.path("home/config.toml"), "[limits]\nwall_seconds = 1\n").unwrap();
    desk.ffmpeg("-f lavfi -i testsrc2=s=1280x720:d=60 -preset ultrafast long.mp4");
    let o = desk.run(&["verify", "long.mp4", "missing.mp4", "--json"]);
    assert_eq!(code(&o), 4);
    assert!(
        text(&o.stderr).contains("longer than 1 seconds")
            && text(&o.stderr).contains("missing.mp4: cannot be read"),
        "{}",
        text(&o.stderr)
    );
}

/// Random damage to a good file never crashes or hangs the reader.
#[test]
fn damaged_files_are_survived() {
    let desk = Desk::new();
    desk.clip("clip.mp4");
    assert_eq!(code(&desk.run(&["stamp", "clip.mp4", "-o", "stamped.mp4"])), 0);
    let good = std::fs::read(desk.path("stamped.mp4")).unwrap();
    let mut state = 12_345u64;
    let mut random = |n: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    for round in 0..24 {
        let mut bytes = good.clone();
        // Half of the damage goes to the head, where the boxes are.
        for _ in 0..1 + random(40) {
            let reach = if round % 2 == 0 { bytes.len() } else { bytes.len().min(40_000) };
            let at = random(reach);
            bytes[at] = random(256) as u8;
        }
        if round % 5 == 0 {
            bytes.truncate(random(good.len()));
        }
        std::fs::write(desk.path("damaged.mp4"), &bytes).unwrap();
        let o = desk.run(&["verify", "damaged.mp4", "--no-search", "--json"]);
        assert!((0..=3).contains(&code(&o)), "round {round}: {}", text(&o.stderr));
        assert!(!text(&o.stderr).contains("panicked"), "round {round}: {}", text(&o.stderr));
    }
}

#[test]
fn pictures_of_any_size_are_looked_at() {
    let desk = Desk::new();
    for (width, height) in [(1, 1), (2, 1), (64, 1), (1, 64), (1, 2), (3, 3), (2, 500)] {
        desk.ffmpeg(&format!(
            "-y -f lavfi -i testsrc2=s=64x64:d=1,scale={width}:{height} -frames:v 1 tiny.png"
        ));
        for verb in ["detect", "verify"] {
            let o = desk.run(&[verb, "tiny.png"]);
            assert_eq!(code(&o), 1, "{verb} {width}x{height}: {}", text(&o.stderr));
        }
    }
}

#[test]
fn what_a_worker_makes_anew_is_what_this_process_would() {
    let desk = Desk::new();
    let sources = [
        (
            "sound.mp4",
            "-f lavfi -i testsrc2=s=320x240:r=25:d=2 -f lavfi -i anoisesrc=a=0.2:d=2 -c:v libx264 -pix_fmt yuv420p -c:a aac",
            "mp4",
        ),
        (
            "deep.mkv",
            "-f lavfi -i testsrc2=s=352x240:r=25:d=1 -c:v libx265 -x265-params log-level=error -pix_fmt yuv420p10le",
            "mkv",
        ),
        ("colours.mkv", "-f lavfi -i testsrc2=s=322x242:r=25:d=1 -c:v ffv1 -pix_fmt gbrp", "mkv"),
        ("still.png", "-f lavfi -i testsrc2=s=320x240 -frames:v 1", "png"),
        ("alone.flac", "-f lavfi -i anoisesrc=a=0.2:d=3", "m4a"),
    ];
    let payload = "7f3c1a52-9b64-4d0e-8a31-5e6f70819203";
    for (source, made, kind) in sources {
        desk.ffmpeg(&format!("{made} {source}"));
        let report = |name: &str, more: &[&str]| {
            let o = desk.run(
                &[
                    &[
                        "stamp",
                        source,
                        "-o",
                        name,
                        "--payload",
                        payload,
                        "--register",
                        "never",
                        "--no-c2pa",
                        "--json",
                    ],
                    more,
                ]
                .concat(),
            );
            assert_eq!(code(&o), 0, "{source}: {}{}", text(&o.stdout), text(&o.stderr));
            let mut report = json(&o).remove(0);
            let held = report["isolation"].take();
            report["output"].take();
            (report, held)
        };
        let (apart, held) = report(&format!("apart-{source}.{kind}"), &[]);
        let (here, free) = report(&format!("here-{source}.{kind}"), &["--no-sandbox"]);
        assert_eq!(
            (held["process"].as_bool(), free["process"].as_bool()),
            (Some(true), Some(false))
        );
        assert_eq!(apart, here, "{source}");
        // A file's own number, which Matroska draws at random, is no stream's.
        let [one, other] = ["apart", "here"].map(|name| {
            let hashed = Command::new("ffmpeg")
                .args(["-v", "error", "-i"])
                .arg(desk.path(&format!("{name}-{source}.{kind}")))
                .args(["-map", "0", "-c", "copy", "-f", "streamhash", "-"])
                .output();
            text(&hashed.unwrap().stdout)
        });
        assert!(one == other && !one.is_empty(), "{source}: {one}{other}");
    }
    // What is wrong is told in the same words.
    std::fs::write(desk.path("none.mp4"), "no clip").unwrap();
    desk.ffmpeg("-f lavfi -i testsrc2=s=64x64:d=1 small.mp4");
    for arguments in [
        ["none.mp4", "a.mp4"],
        ["missing.mp4", "a.mp4"],
        ["small.mp4", "a.mp4"],
        ["sound.mp4", "a.png"],
        ["alone.flac", "a.mp4"],
    ] {
        let said = |more: &[&str]| {
            let o = desk.run(&[&["stamp", arguments[0], "-o", arguments[1]], more].concat());
            (code(&o), text(&o.stderr))
        };
        assert_eq!(said(&[]), said(&["--no-sandbox"]), "{arguments:?}");
        assert!(!desk.path(arguments[1]).exists());
    }
    let o = desk.run(&["stamp", "sound.mp4", "-o", "a.webm", "--video-codec", "h264"]);
    assert_eq!(
        (code(&o), text(&o.stderr).contains("a.webm") && text(&o.stderr).contains("--video-codec")),
        (2, true),
        "{}",
        text(&o.stderr)
    );
    assert!(desk.files().iter().all(|f| !f.starts_with('.')), "{:?}", desk.files());
}
