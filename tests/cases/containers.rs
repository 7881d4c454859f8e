//! What each container keeps of what a file can have beside picture and sound: kept, told, or the
//! test fails. ffprobe and mediainfo are asked before and after, and what they say is
//! `docs/results/containers.md`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use proofmark::{StampOptions, Stamped, Stamper};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::common::{ffmpeg, generate, ring, root};

/// Something that a file has.
struct Property {
    name: &'static str,
    /// Of which of [`inputs`].
    of: &'static str,
    /// What ffprobe and mediainfo say of it; nothing where it is not there.
    seen: fn(&Value) -> Option<String>,
    /// A word of the note that says that it was left out or changed.
    word: &'static str,
}

const VIDEO: [&str; 4] = ["mp4", "mov", "mkv", "webm"];
const SOUND: [&str; 5] = ["m4a", "mp3", "flac", "ogg", "wav"];

const PROPERTIES: [Property; 32] = [
    Property { name: "title", of: "film.mkv", seen: |v| tag(v, "title"), word: "metadata" },
    Property {
        name: "a generator's workflow",
        of: "film.mkv",
        seen: |v| tag(v, "workflow"),
        word: "metadata",
    },
    Property { name: "chapters", of: "film.mkv", seen: chapters, word: "chapter" },
    Property {
        name: "subtitles (SubRip)",
        of: "film.mkv",
        seen: |v| streams(v, "subtitle", &["tags/language", "disposition/forced"]),
        word: "subtitles",
    },
    Property {
        name: "subtitles (MPEG-4)",
        of: "phone.mov",
        seen: |v| streams(v, "subtitle", &["tags/language"]),
        word: "subtitles",
    },
    Property {
        name: "languages of sounds",
        of: "film.mkv",
        seen: |v| streams(v, "audio", &["tags/language"]),
        word: "sound",
    },
    Property {
        name: "dispositions",
        of: "film.mkv",
        seen: |v| streams(v, "audio", &["disposition/default", "disposition/comment"]),
        word: "a commentary",
    },
    Property {
        name: "channels and rate",
        of: "film.mkv",
        seen: |v| streams(v, "audio", &["channels", "sample_rate"]),
        word: "sound",
    },
    Property { name: "cover", of: "film.mkv", seen: cover, word: "(picture" },
    Property {
        name: "attached font",
        of: "film.mkv",
        seen: |v| streams(v, "attachment", &["tags/filename", "tags/mimetype"]),
        word: "attachment",
    },
    Property {
        name: "shape of pixels",
        of: "film.mkv",
        seen: |v| picture(v, "sample_aspect_ratio").map(|r| number(&r, ':')),
        word: "aspect",
    },
    Property {
        name: "depth and chroma",
        of: "film.mkv",
        seen: |v| picture(v, "pix_fmt"),
        word: "bits",
    },
    Property { name: "colours", of: "film.mkv", seen: colours, word: "colours" },
    Property {
        name: "mastering display (HDR10)",
        of: "film.mkv",
        seen: |v| side(v, "Mastering display metadata", "max_luminance"),
        word: "HDR",
    },
    Property {
        name: "content light (HDR10)",
        of: "film.mkv",
        seen: |v| side(v, "Content light level metadata", "max_content"),
        word: "HDR",
    },
    Property {
        name: "camera's make and model",
        of: "phone.mov",
        seen: |v| Some(format!("{} {}", tag(v, "make")?, tag(v, "model")?)),
        word: "metadata",
    },
    Property { name: "place", of: "phone.mov", seen: |v| tag(v, "location"), word: "metadata" },
    Property {
        name: "rotation",
        of: "phone.mov",
        seen: |v| side(v, "Display Matrix", "rotation"),
        word: "turned",
    },
    Property { name: "timecode", of: "phone.mov", seen: timecode, word: "tmcd" },
    Property {
        name: "uncompressed sound",
        of: "phone.mov",
        seen: |v| streams(v, "audio", &["codec_name"]),
        word: "pcm_s24le",
    },
    Property {
        name: "interlacing",
        of: "broadcast.mov",
        seen: |v| picture(v, "field_order").filter(|f| f != "progressive" && f != "unknown"),
        word: "interlaced",
    },
    Property {
        name: "captions (CEA-608)",
        of: "broadcast.mov",
        seen: |v| v["frame"]["captions"].as_bool().filter(|&c| c).map(|c| c.to_string()),
        word: "captions",
    },
    Property {
        name: "sphere (360°)",
        of: "sphere.mp4",
        seen: |v| side(v, "Spherical Mapping", "projection"),
        word: "360",
    },
    Property {
        name: "transparency",
        of: "alpha.webm",
        seen: |v| picture_tag(v, "alpha_mode"),
        word: "alpha",
    },
    Property {
        name: "times of frames",
        of: "uneven.mkv",
        seen: |v| v["times"].as_str().map(str::to_string),
        word: "times",
    },
    Property { name: "title", of: "tagged.flac", seen: |v| tag(v, "title"), word: "metadata" },
    Property {
        name: "another tag",
        of: "tagged.flac",
        seen: |v| tag(v, "workflow"),
        word: "metadata",
    },
    Property { name: "cover", of: "tagged.flac", seen: cover, word: "(picture" },
    Property {
        name: "channels and rate",
        of: "tagged.flac",
        seen: |v| streams(v, "audio", &["channels", "sample_rate"]),
        word: "sample",
    },
    Property { name: "chapters", of: "tagged.mp3", seen: chapters, word: "chapter" },
    Property {
        name: "broadcast chunk: time reference",
        of: "broadcast.wav",
        seen: |v| tag(v, "time_reference"),
        word: "time_reference",
    },
    Property {
        name: "broadcast chunk: originator",
        of: "broadcast.wav",
        seen: |v| tag(v, "encoded_by"),
        word: "encoded_by",
    },
];

fn all<'a>(v: &'a Value, medium: &'a str) -> impl Iterator<Item = &'a Value> {
    v["streams"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(move |s| s["codec_type"] == medium && s["disposition"]["attached_pic"] != 1)
}

/// A tag of the file, by whatever case; Ogg has them with its stream.
fn tag(v: &Value, name: &str) -> Option<String> {
    let of = |tags: &Value| {
        tags.as_object()?
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?
            .1
            .as_str()
            .map(str::to_string)
    };
    of(&v["format"]["tags"]).or_else(|| of(&all(v, "audio").next()?["tags"]))
}

/// A ratio, to three digits, which containers reduce or round in their own ways; anything else as
/// it is.
fn number(text: &str, between: char) -> String {
    let ratio = text
        .split_once(between)
        .and_then(|(a, b)| Some(a.parse::<f64>().ok()? / b.parse::<f64>().ok()?));
    ratio.map_or_else(|| text.to_string(), |r| format!("{r:.2}"))
}

fn picture(v: &Value, name: &str) -> Option<String> {
    all(v, "video").next()?[name].as_str().map(str::to_string)
}

fn picture_tag(v: &Value, name: &str) -> Option<String> {
    all(v, "video").next()?["tags"]
        .as_object()?
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case(name))?
        .1
        .as_str()
        .map(str::to_string)
}

/// What is said of each stream of a kind, in fields that are named by their paths.
fn streams(v: &Value, medium: &str, fields: &[&str]) -> Option<String> {
    let line = |s: &Value| {
        fields
            .iter()
            .map(|f| {
                s.pointer(&format!("/{f}"))
                    .map_or("none".into(), |f| f.to_string().replace('"', ""))
            })
            .collect::<Vec<String>>()
            .join(" ")
    };
    Some(all(v, medium).map(line).collect::<Vec<String>>().join(", "))
        .filter(|line| !line.is_empty())
}

fn chapters(v: &Value) -> Option<String> {
    let line = |c: &Value| {
        format!(
            "{:.1} {}",
            c["start_time"].as_str().and_then(|t| t.parse::<f64>().ok()).unwrap_or(f64::NAN),
            c["tags"]["title"]
        )
    };
    Some(v["chapters"].as_array()?.iter().map(line).collect::<Vec<String>>().join(", "))
        .filter(|line| !line.is_empty())
}

/// A picture beside; mediainfo must see it, too, where it is there.
fn cover(v: &Value) -> Option<String> {
    let shown = v["streams"].as_array()?.iter().find(|s| s["disposition"]["attached_pic"] == 1)?;
    let agrees =
        v["info"].is_null() || general(v, "Cover").is_some() || general(v, "Attachments").is_some();
    agrees.then(|| shown["codec_name"].to_string())
}

/// What mediainfo says of the whole file.
fn general(v: &Value, name: &str) -> Option<String> {
    v["info"]["media"]["track"][0][name]
        .as_str()
        .or_else(|| v["info"]["media"]["track"][0]["extra"][name].as_str())
        .map(str::to_string)
}

fn colours(v: &Value) -> Option<String> {
    let fields = ["color_range", "color_space", "color_transfer", "color_primaries"];
    Some(fields.map(|f| picture(v, f).unwrap_or_default()).join(" "))
        .filter(|line| line.contains("bt2020"))
}

/// Side data of the picture, of its stream or of its first frame.
fn side(v: &Value, kind: &str, name: &str) -> Option<String> {
    let lists = [&all(v, "video").next()?["side_data_list"], &v["frame"]["side_data_list"]];
    lists
        .into_iter()
        .filter_map(Value::as_array)
        .flatten()
        .find(|s| s["side_data_type"] == kind)
        .map(|s| s[name].as_str().map_or(s[name].to_string(), |r| number(r, '/')))
}

fn timecode(v: &Value) -> Option<String> {
    let streams = v["streams"].as_array()?.iter().find_map(|s| s["tags"]["timecode"].as_str());
    streams
        .map(str::to_string)
        .or_else(|| tag(v, "timecode"))
        .or_else(|| picture_tag(v, "timecode"))
}

/// What ffprobe and, where it is installed, mediainfo say of a file.
fn look(path: &Path) -> Value {
    let run = |tool: &str, arguments: &str| {
        let out = Command::new(tool).args(arguments.split_whitespace()).arg(path).output().ok()?;
        serde_json::from_slice::<Value>(&out.stdout).ok()
    };
    let mut v =
        run("ffprobe", "-v error -of json -show_format -show_streams -show_chapters").unwrap();
    let frames =
        run("ffprobe", "-v error -of json -select_streams v:0 -show_frames -read_intervals %+1")
            .unwrap_or_default();
    v["frame"] = frames["frames"][0].clone();
    v["frame"]["captions"] = json!(frames["frames"].to_string().contains("ATSC A53"));
    v["times"] = json!(super::common::frame_times(path).join(" "));
    v["info"] = run("mediainfo", "--Output=JSON").unwrap_or_default();
    v
}

/// A film with languages, chapters, attachments and a wide range of light.
fn film(folder: &Path) {
    let at = |name: &str| folder.join(name);
    let f = folder.display();
    let hdr = "hdr10=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)\
        L(10000000,1):max-cll=1000,400:log-level=none";
    generate(
        "testsrc2=s=320x240:r=25:d=2,setsar=4/3,format=yuv420p10le[out0];sine=d=2,\
        aformat=channel_layouts=stereo:sample_rates=48000[out1];sine=f=880:d=2[out2]",
        &format!(
            "-i {f}/s.srt -i {f}/m.txt -map 0:0 -map 0:1 -map 0:2 -map 1:0 -map_metadata 2 \
            -map_chapters 2 -attach {f}/font.ttf -attach {f}/cover.jpg -metadata:s:4 \
            mimetype=font/ttf -metadata:s:5 mimetype=image/jpeg -metadata:s:5 filename=cover.jpg \
            -metadata:s:a:0 language=eng -metadata:s:a:1 language=jpn -metadata:s:s:0 language=ger \
            -disposition:a:0 default -disposition:a:1 comment -disposition:s:0 forced -c:s subrip \
            -c:a:0 aac -c:a:1 libopus -c:v libx265 -preset ultrafast -x265-params {hdr} \
            -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv"
        ),
        &at("film.mkv"),
    );
}

/// What a phone films: turned, with its place, a time code and subtitles.
fn phone(folder: &Path) {
    let at = |name: &str| folder.join(name);
    let f = folder.display();
    generate(
        "testsrc2=s=320x240:r=25:d=2[out0];sine=d=2[out1]",
        &format!(
            "-i {f}/s.srt -map 0 -map 1 -c:s mov_text -metadata:s:s:0 language=ger -c:v libx264 \
            -pix_fmt yuv420p -c:a pcm_s24le -timecode 01:02:03:04 -metadata make=Maker -metadata \
            model=Model -metadata location=+35.6586+139.7454/ -metadata title=Holiday"
        ),
        &at("phone.mov"),
    );
    std::fs::write(at("phone.mov"), turned(std::fs::read(at("phone.mov")).unwrap())).unwrap();
}

/// What is broadcast: fields and captions.
fn broadcast(folder: &Path) {
    let at = |name: &str| folder.join(name);
    generate(
        "testsrc2=s=320x240:r=25:d=2,setfield=tff,format=yuv420p",
        "-c:v libx264 -flags +ilme+ildct -top 1 -bsf:v h264_mp4toannexb -f h264",
        &at("fields.h264"),
    );
    std::fs::write(at("captions.h264"), with_captions(&std::fs::read(at("fields.h264")).unwrap()))
        .unwrap();
    ffmpeg(&at("captions.h264"), "-c copy", &at("broadcast.mov"));
}

/// Sound with tags, a cover, chapters, or what broadcasters write.
fn sounds(folder: &Path) {
    let at = |name: &str| folder.join(name);
    let f = folder.display();
    generate(
        "sine=d=4",
        &format!(
            "-i {f}/m.txt -i {f}/cover.jpg -map 0 -map 2 -map_metadata 1 -map_chapters -1 \
            -disposition:v attached_pic -ar 48000 -ac 2"
        ),
        &at("tagged.flac"),
    );
    generate(
        "sine=d=4",
        &format!("-i {f}/m.txt -map 0 -map_metadata 1 -map_chapters 1"),
        &at("tagged.mp3"),
    );
    generate(
        "sine=d=4",
        "-write_bext 1 -metadata description=Take -metadata originator=Recorder -metadata \
        time_reference=96000 -ar 48000 -c:a pcm_s24le",
        &at("broadcast.wav"),
    );
}

/// The files that have everything between them.
fn inputs(folder: &Path) -> Vec<PathBuf> {
    let at = |name: &str| folder.join(name);
    let write = |name: &str, text: &str| std::fs::write(at(name), text).unwrap();
    write("s.srt", "1\n00:00:00,200 --> 00:00:01,000\nA rabbit wakes up.\n\n");
    write(
        "m.txt",
        ";FFMETADATA1\ntitle=A film\nartist=Somebody\nworkflow={\"nodes\":[]}\n[CHAPTER]\n\
        TIMEBASE=1/10\nSTART=0\nEND=9\ntitle=One\n[CHAPTER]\nTIMEBASE=1/10\nSTART=9\nEND=20\n\
        title=Two\n",
    );
    write("font.ttf", "not a font, and nobody looks");
    generate("testsrc2=s=64x64", "-frames:v 1", &at("cover.jpg"));
    film(folder);
    phone(folder);
    broadcast(folder);
    generate("testsrc2=s=320x160:r=25:d=2", "-c:v libx264 -pix_fmt yuv420p", &at("flat.mp4"));
    std::fs::write(at("sphere.mp4"), spherical(std::fs::read(at("flat.mp4")).unwrap())).unwrap();
    generate(
        "testsrc2=s=320x240:r=25:d=1,format=yuva420p,\
        geq=lum='lum(X,Y)':a='X/320*255':cb=128:cr=128",
        "-c:v libvpx-vp9 -auto-alt-ref 0 -deadline realtime -cpu-used 8",
        &at("alpha.webm"),
    );
    generate(
        "testsrc2=s=320x240:r=25:d=2,setpts=PTS*(1+0.3*mod(N\\,3))",
        "-c:v libx264 -vsync vfr -enc_time_base 1:1000",
        &at("uneven.mkv"),
    );
    sounds(folder);
    [
        "film.mkv",
        "phone.mov",
        "broadcast.mov",
        "sphere.mp4",
        "alpha.webm",
        "uneven.mkv",
        "tagged.flac",
        "tagged.mp3",
        "broadcast.wav",
    ]
    .map(at)
    .to_vec()
}

/// H.264 with a pair of caption bytes (CEA-608 in ATSC A/53, part 4) before each coded picture.
fn with_captions(stream: &[u8]) -> Vec<u8> {
    const CAPTION: [u8; 20] = [
        0, 0, 0, 1, 6, 4, 14, 0xb5, 0, 0x31, b'G', b'A', b'9', b'4', 3, 0x41, 0xff, 0xfc, 0x94,
        0x20,
    ];
    let mut out = Vec::new();
    for (i, &byte) in stream.iter().enumerate() {
        // The start of a picture's first slice, whose number of its first block is a single bit.
        let starts = stream[i..].starts_with(&[0, 0, 1])
            && matches!(stream.get(i + 3).map(|b| b & 0x1f), Some(1 | 5))
            && stream.get(i + 4).is_some_and(|b| b & 0x80 != 0);
        if starts {
            out.extend(CAPTION);
            out.extend([0xff, 0x80]);
        }
        out.push(byte);
    }
    out
}

/// A MOV whose first track is shown turned by a right angle (ISO/IEC 14496-12, 8.3.2).
fn turned(mut file: Vec<u8>) -> Vec<u8> {
    let head = file.windows(4).position(|w| w == b"tkhd").unwrap() + 4;
    for (i, number) in [0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30].into_iter().enumerate() {
        let at = head + 40 + 4 * i;
        file[at..at + 4].copy_from_slice(&i32::to_be_bytes(number));
    }
    file
}

/// An MP4 whose index comes last, with the box of 360° pictures (Spherical Video V1) in its one
/// track.
fn spherical(mut file: Vec<u8>) -> Vec<u8> {
    let xml = "<?xml version=\"1.0\"?><rdf:SphericalVideo \
        xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" \
        xmlns:GSpherical=\"http://ns.google.com/videos/1.0/spherical/\">\
        <GSpherical:Spherical>true</GSpherical:Spherical>\
        <GSpherical:Stitched>true</GSpherical:Stitched>\
        <GSpherical:StitchingSoftware>none</GSpherical:StitchingSoftware>\
        <GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>\
        </rdf:SphericalVideo>";
    let id = [
        0xff, 0xcc, 0x82, 0x63, 0xf8, 0x55, 0x4a, 0x93, 0x88, 0x14, 0x58, 0x7a, 0x02, 0x52, 0x1f,
        0xdd,
    ];
    let size = u32::try_from(24 + xml.len()).unwrap();
    let added = [&size.to_be_bytes(), &b"uuid"[..], &id, xml.as_bytes()].concat();
    let find = |file: &[u8], name: &[u8]| file.windows(4).rposition(|w| w == name).unwrap() - 4;
    let length = |file: &[u8], at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    let (index, track) = (find(&file, b"moov"), find(&file, b"trak"));
    let end = track + length(&file, track) as usize;
    for at in [index, track] {
        let longer = length(&file, at) + size;
        file[at..at + 4].copy_from_slice(&longer.to_be_bytes());
    }
    file.splice(end..end, added);
    file
}

fn stamp(input: &Path, output: &Path) -> Stamped {
    let mut options = StampOptions::default();
    options.check = false;
    Stamper::new(ring().stamping().clone()).options(options.clone()).stamp(input, output).unwrap()
}

#[test]
fn what_a_file_has_is_kept_or_told_in_every_container() {
    let folder = TempDir::new().unwrap();
    let (mut wrong, mut table) = (String::new(), String::new());
    let (sounds, clips): (Vec<PathBuf>, Vec<PathBuf>) =
        inputs(folder.path()).into_iter().partition(|i| {
            i.extension().is_some_and(|e| ["flac", "mp3", "wav"].iter().any(|s| e == *s))
        });
    for (title, targets, inputs) in [("Clips", &VIDEO[..], clips), ("Sound", &SOUND[..], sounds)] {
        write!(
            table,
            "\n## {title}\n| property | of | {} |\n|---|---|{}\n",
            targets.join(" | "),
            "---|".repeat(targets.len())
        )
        .unwrap();
        for input in &inputs {
            let name = input.file_name().unwrap().to_str().unwrap();
            let before = look(input);
            let made: Vec<(Value, String)> = targets
                .iter()
                .map(|target| {
                    let output = folder.path().join(format!("stamped-{name}.{target}"));
                    let stamped = stamp(input, &output);
                    (look(&output), stamped.summary.left_out.join("\n"))
                })
                .collect();
            for property in PROPERTIES.iter().filter(|p| p.of == name) {
                let Some(had) = (property.seen)(&before) else {
                    writeln!(wrong, "{name} was made without {}", property.name).unwrap();
                    continue;
                };
                write!(table, "| {} | `{name}` |", property.name).unwrap();
                for (target, (after, notes)) in targets.iter().zip(&made) {
                    let has = (property.seen)(after);
                    let told = notes.contains(property.word);
                    let cell = match (has.as_deref() == Some(&had), told) {
                        (true, _) => "kept",
                        (false, true) => "told",
                        (false, false) => {
                            writeln!(
                                wrong,
                                "{name} to {target}: {}: {had} became {}, and the \
                                notes are:\n{notes}",
                                property.name,
                                has.as_deref().unwrap_or("nothing")
                            )
                            .unwrap();
                            "lost"
                        }
                    };
                    write!(table, " {cell} |").unwrap();
                }
                table.push('\n');
            }
        }
    }
    let path = root().join("docs/results/containers.md");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let (head, old) = written.split_at(written.find("\n## Clips").unwrap_or(written.len()));
    if std::env::var_os("PROOFMARK_WRITE_TABLES").is_some() {
        std::fs::write(&path, format!("{head}{table}")).unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}\n{table}");
    assert_eq!(
        old, table,
        "docs/results/containers.md is not what was seen; write it anew with \
        PROOFMARK_WRITE_TABLES=1"
    );
}
