//! Playlists of HLS (RFC 8216), followed. Every line must be understood: what a player may read
//! otherwise, or play beside what is found here, is refused, as the verdict speaks of all of it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::place::Place;
use super::{Extent, INDEX, PackageError, RENDITIONS, Rendition, SEGMENTS, Segment};

/// What a playlist leads to: other playlists, and renditions.
pub(super) type Led = (Vec<PathBuf>, Vec<Rendition>);

/// Tags that lead to no media and change nothing of which are played.
const PLAIN: [&str; 18] = [
    "EXTM3U",
    "EXT-X-VERSION",
    "EXT-X-INDEPENDENT-SEGMENTS",
    "EXT-X-START",
    "EXT-X-SESSION-DATA",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-DISCONTINUITY",
    "EXT-X-PLAYLIST-TYPE",
    "EXT-X-ENDLIST",
    "EXT-X-ALLOW-CACHE",
    "EXT-X-PROGRAM-DATE-TIME",
    "EXT-X-BITRATE",
    "EXT-X-SERVER-CONTROL",
    "EXT-X-PART-INF",
    "EXT-X-CUE-OUT",
    "EXT-X-CUE-IN",
];
/// Tags of playlists of segments, and of playlists of playlists.
const OF_SEGMENTS: [&str; 4] = ["EXTINF", "EXT-X-TARGETDURATION", "EXT-X-MAP", "EXT-X-ENDLIST"];
const OF_PLAYLISTS: [&str; 2] = ["EXT-X-STREAM-INF", "EXT-X-MEDIA"];

/// A line of a playlist.
enum Line<'a> {
    /// A tag, and what is behind its colon.
    Tag(&'a str, &'a str),
    Address(&'a str),
}

/// The lines of a playlist, but for comments.
fn lines<'a>(place: &Place, bytes: &'a [u8]) -> Result<Vec<Line<'a>>, PackageError> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let text = text.map_err(|_| place.odd("it is not all text in UTF-8"))?;
    let mut out = Vec::new();
    for line in text.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l)) {
        if line.trim() != line || line.contains(char::is_control) {
            return Err(place.odd(format!("players differ over '{}'", line.escape_debug())));
        }
        match line.strip_prefix('#') {
            Some(tag) if tag.starts_with("EXT") => {
                let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
                out.push(Line::Tag(name, value));
            }
            None if !line.is_empty() => out.push(Line::Address(line)),
            _ => {}
        }
    }
    Ok(out)
}

/// The value of an attribute in a list of them.
fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = list;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        if key == name {
            return Some(value);
        }
        rest = next.strip_prefix(',').unwrap_or(next);
    }
    None
}

/// Follows a playlist whose bytes these are.
pub(super) fn follow(place: &Place, bytes: &[u8]) -> Result<Led, PackageError> {
    let lines = lines(place, bytes)?;
    let has =
        |names: &[&str]| lines.iter().any(|l| matches!(l, Line::Tag(n, _) if names.contains(n)));
    match (has(&OF_PLAYLISTS), has(&OF_SEGMENTS)) {
        (true, true) => Err(place.odd("it is a playlist of segments and of playlists at once")),
        (true, false) => variants(place, &lines),
        (false, _) => {
            let form = Form { name: name_of(&place.index), sound: false, bandwidth: 0 };
            Ok((Vec::new(), renditions(place, &lines, &form, SEGMENTS)?))
        }
    }
}

/// What a playlist's rendition is called: as its folder, else as itself.
fn name_of(playlist: &Path) -> String {
    let folder = playlist.parent().and_then(Path::file_name);
    folder.or(playlist.file_stem()).unwrap_or_default().to_string_lossy().into_owned()
}

/// Bytes of an index, which is not larger than any is.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, PackageError> {
    let mut bytes = Vec::new();
    let open = |reason| PackageError::Open { path: path.into(), reason };
    if !std::fs::metadata(path).map_err(open)?.is_file() {
        return Err(Place::of(path).odd("it is no file"));
    }
    File::open(path).and_then(|f| f.take(INDEX + 1).read_to_end(&mut bytes)).map_err(open)?;
    if bytes.len() as u64 > INDEX {
        return Err(Place::of(path).odd("it is larger than any index"));
    }
    Ok(bytes)
}

/// What is said of a rendition beside its segments.
struct Form {
    name: String,
    sound: bool,
    bandwidth: u64,
}

/// The playlists of a master playlist, each once.
fn variants(place: &Place, lines: &[Line<'_>]) -> Result<Led, PackageError> {
    let (mut named, mut stream) = (Vec::<(&str, bool, u64)>::new(), None);
    for line in lines {
        match line {
            Line::Tag("EXT-X-STREAM-INF", list) if stream.is_none() => {
                let bits = attribute(list, "BANDWIDTH").and_then(|b| b.parse().ok());
                stream = Some(bits.unwrap_or(0));
            }
            Line::Tag("EXT-X-MEDIA", list) => match attribute(list, "TYPE") {
                Some(kind @ ("AUDIO" | "VIDEO")) => {
                    let address = attribute(list, "URI");
                    named.extend(address.map(|uri| (uri, kind == "AUDIO", 0)));
                }
                Some("SUBTITLES" | "CLOSED-CAPTIONS") => {}
                _ => return Err(place.odd(format!("it has media of no known kind: '{list}'"))),
            },
            Line::Address(address) => match stream.take() {
                Some(bandwidth) => named.push((address, false, bandwidth)),
                None => return Err(place.odd(format!("nothing says what '{address}' is"))),
            },
            Line::Tag(name, _) if PLAIN.contains(name) && stream.is_none() => {}
            Line::Tag(name, _) => return Err(unfollowed(place, name)),
        }
    }
    // Pictures before sounds, so that a playlist that is named as both is one of pictures.
    named.sort_by_key(|(_, sound, _)| *sound);
    let (mut led, mut left): (Led, usize) = (Led::default(), SEGMENTS);
    for (address, sound, bandwidth) in named {
        let path = place.file(address)?;
        if led.0.contains(&path) {
            continue;
        }
        let below = place.at(&path);
        let bytes = bytes(&path)?;
        let form = Form { name: name_of(&path), sound, bandwidth };
        let found = renditions(&below, &self::lines(&below, &bytes)?, &form, left)?;
        left -= found.iter().map(|r| r.segments.len()).sum::<usize>();
        led.1.extend(found);
        led.0.push(path);
        if led.1.len() > RENDITIONS {
            return Err(place.odd(format!("it has more than {RENDITIONS} renditions")));
        }
    }
    Ok(led)
}

fn unfollowed(place: &Place, tag: &str) -> PackageError {
    place.odd(format!("what its tag '{tag}' leads to is not looked at here; take it out"))
}

/// The segments of a playlist, of `most` at most: a rendition, and another one from where their
/// init segment changes.
fn renditions(
    place: &Place,
    lines: &[Line<'_>],
    form: &Form,
    most: usize,
) -> Result<Vec<Rendition>, PackageError> {
    let tag = |name: &str| lines.iter().any(|l| matches!(l, Line::Tag(n, _) if *n == name));
    let vod = lines.iter().any(|l| matches!(l, Line::Tag("EXT-X-PLAYLIST-TYPE", "VOD")));
    let extent = if vod || tag("EXT-X-ENDLIST") { Extent::Whole } else { Extent::Window };
    let mut out = Vec::<Rendition>::new();
    let (mut start, mut length, mut init, mut count) = (0.0, None, None, 0);
    for line in lines {
        match line {
            Line::Tag("EXTINF", value) => length = Some(seconds(place, value)?),
            Line::Tag("EXT-X-MAP", list) => init = Some(map(place, list)?),
            Line::Tag("EXT-X-KEY", list) if attribute(list, "METHOD") == Some("NONE") => {}
            Line::Tag("EXT-X-KEY" | "EXT-X-SESSION-KEY", _) => {
                return Err(place.odd("its segments are encrypted; give them as they were before"));
            }
            Line::Tag("EXT-X-BYTERANGE", _) => {
                return Err(
                    place.odd("its segments are stretches of a file; give that file itself")
                );
            }
            Line::Tag("EXT-X-DATERANGE", list) if !list.contains("X-ASSET") => {}
            Line::Tag(name, _) if PLAIN.contains(name) => {}
            Line::Tag(name, _) => return Err(unfollowed(place, name)),
            Line::Address(address) => {
                let Some(seconds) = length.take() else {
                    return Err(place.odd(format!("nothing says how long '{address}' is")));
                };
                count += 1;
                if count > most {
                    return Err(place.odd(format!("it has more than {SEGMENTS} segments")));
                }
                let changed = out.last().is_none_or(|last| last.init != init);
                if changed && out.len() == RENDITIONS {
                    return Err(place.odd("its init segment changes too often"));
                }
                if changed {
                    out.push(form.rendition(init.clone(), extent, out.len(), start));
                }
                let path = place.file(address)?;
                if let Some(last) = out.last_mut() {
                    last.segments.push(Segment { path, start, seconds });
                }
                start += seconds;
            }
        }
    }
    if out.is_empty() { Err(place.odd("it names no segment")) } else { Ok(out) }
}

impl Form {
    /// One without segments yet, of which so many have come before in the same playlist.
    fn rendition(
        &self,
        init: Option<PathBuf>,
        extent: Extent,
        before: usize,
        start: f64,
    ) -> Rendition {
        let later = if before > 0 { format!(", from {start:.1} s") } else { String::new() };
        Rendition {
            name: format!("{}{later}", self.name),
            sound: self.sound,
            bandwidth: self.bandwidth,
            init,
            segments: Vec::new(),
            extent,
            continues: before > 0,
        }
    }
}

fn seconds(place: &Place, value: &str) -> Result<f64, PackageError> {
    let number = value.split(',').next().unwrap_or_default().parse::<f64>().ok();
    let fits = number.filter(|s| (0.0..1e6).contains(s));
    fits.ok_or_else(|| place.odd(format!("'{value}' is no length of a segment")))
}

fn map(place: &Place, list: &str) -> Result<PathBuf, PackageError> {
    if attribute(list, "BYTERANGE").is_some() {
        return Err(place.odd("its segments are stretches of a file; give that file itself"));
    }
    let address = attribute(list, "URI");
    place.file(address.ok_or_else(|| place.odd("it names no init segment"))?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails should say so at once")]
mod tests {
    use super::*;

    fn followed(list: &str) -> Result<Led, String> {
        let text = format!("#EXTM3U\n{list}");
        follow(&Place::of(Path::new("/p/v/index.m3u8")), text.as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn attributes_are_read_as_players_do() {
        let list = r#"TYPE=AUDIO,NAME="a, URI=b",DEFAULT=YES,URI="x/y.m3u8""#;
        assert_eq!(attribute(list, "URI"), Some("x/y.m3u8"));
        assert_eq!(attribute(list, "NAME"), Some("a, URI=b"));
        assert_eq!((attribute(list, "TYPE"), attribute(list, "X")), (Some("AUDIO"), None));
    }

    #[test]
    fn segments_are_found_with_their_times() {
        let (_, all) = followed(
            "#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:2.5,\n1.m4s\n# said\n#EXTINF:1,x\r\n2.m4s\r\n\
            #EXT-X-MAP:URI=\"j.mp4\"\n#EXTINF:1,\n3.m4s\n#EXT-X-ENDLIST\n",
        )
        .unwrap();
        let [one, other] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!((one.name.as_str(), one.segments.len(), one.continues), ("v", 2, false));
        assert_eq!((one.segments[1].start, one.extent), (2.5, Extent::Whole));
        assert_eq!((other.name.as_str(), other.continues), ("v, from 3.5 s", true));
    }

    #[test]
    fn what_a_player_may_read_otherwise_is_refused() {
        let one = "#EXTINF:1,\n1.m4s\n";
        let cases = [
            (format!("{one}# \u{1}\n"), "players differ"),
            ("#EXTINF:1,\n1.m4s \n".into(), "players differ"),
            (format!("{one}2.m4s\n"), "how long"),
            (format!("#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n{one}"), "at once"),
            ("#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\nb.m3u8\n".into(), "says what 'b.m3u8'"),
            ("#EXT-X-STREAM-INF:\n#EXT-X-STREAM-INF:\na.m3u8\n".into(), "STREAM-INF"),
            ("#EXT-X-MEDIA:TYPE=SMELL,URI=\"a\"\n".into(), "no known kind"),
            ("#EXT-X-I-FRAME-STREAM-INF:URI=\"a\"\n#EXT-X-MEDIA:TYPE=AUDIO\n".into(), "I-FRAME"),
            (format!("#EXT-X-DEFINE:NAME=\"x\"\n{one}"), "EXT-X-DEFINE"),
            (format!("{one}#EXT-X-PART:URI=\"a\"\n"), "EXT-X-PART"),
            (format!("{one}#EXT-X-GAP\n"), "EXT-X-GAP"),
            (format!("#EXT-X-DATERANGE:ID=\"a\",X-ASSET-URI=\"b\"\n{one}"), "DATERANGE"),
            ("#EXTINF:nan,\n1.m4s\n".into(), "no length"),
            ("#EXT-X-MAP:BYTERANGE=\"1@0\",URI=\"a\"\n".into(), "stretches"),
            ("#EXT-X-TARGETDURATION:2\n".into(), "names no segment"),
        ];
        for (list, what) in cases {
            let e = followed(&list).unwrap_err();
            assert!(e.contains(what) && !e.contains('\n'), "{list}: {e}");
        }
        assert!(follow(&Place::of(Path::new("/p/a")), b"#EXTM3U\n# \xff").is_err());
    }
}
