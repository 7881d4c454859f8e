//! Pictures of where and when a clip is marked.

use std::collections::HashSet;

use serde_json::Value;

use crate::common::{Desk, code, json, refused, text};

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

/// A picture shows which cells carry the first mark, and which the second.
fn check_where(desk: &Desk) {
    let o = desk.run(&["detect", "side.mkv", "--overlay", "where.png", "--json"]);
    assert_eq!((code(&o), text(&o.stderr)), (0, String::new()));
    let video = &json(&o)[0]["video"];
    let marks = [&video["area"], &video["others"][0]["area"]];
    let where_ = picture(desk, "where.png");
    assert_eq!((where_.width, where_.height), (1280, 720));
    let (columns, cells) =
        (marks[0]["columns"].as_u64().unwrap() as usize, marks[0]["cells"].as_array().unwrap());
    let rows = cells.len() / columns;
    let mut seen = HashSet::new();
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
}

/// The bars of a mark's spans, and its ranges above them, have its colour as far as it says.
fn check_bars(when: &Picture, mark: &Value, (hue, foot): ([u8; 3], usize), end: f64) {
    let states: HashSet<&str> = mark["spans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|span| {
            let middle = (span["start"].as_f64().unwrap() + span["end"].as_f64().unwrap()) / 2.0;
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
            if edges.as_flattened().iter().all(|&edge| (place(edge) - place(middle)).abs() > 1.0) {
                let covered = edges.iter().any(|&[from, to]| (from..to).contains(&middle));
                assert_eq!(when.at(x, foot - 190), if covered { hue } else { [255; 3] }, "{span}");
            }
            span["state"].as_str().unwrap()
        })
        .collect();
    assert!(states.contains("marked") && states.contains("unmarked"), "{mark}");
}

/// A picture shows when the one and when the other is marked.
fn check_when(desk: &Desk) {
    // Bars stand on the line at 286, and 250 below it in the second lane; ranges are 190 above.
    let o = desk.run(&["detect", "splice.mkv", "--timeline", "when.png", "--json"]);
    assert_eq!((code(&o), text(&o.stderr)), (0, String::new()));
    let video = &json(&o)[0]["video"];
    let when = picture(desk, "when.png");
    let end = video["spans"].as_array().unwrap().last().unwrap()["end"].as_f64().unwrap();
    for (mark, hue, foot) in [(video, GREEN, 286), (&video["others"][0], BLUE, 536)] {
        check_bars(&when, mark, (hue, foot), end);
    }
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

    check_where(&desk);
    check_when(&desk);

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
