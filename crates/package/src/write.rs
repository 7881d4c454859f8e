//! Playlists of HLS and MPDs of DASH for what was cut.

use std::fmt::Write as _;
use std::path::Path;

use super::codec::Medium;
use super::cut::INIT;
use super::{Cut, PackageError, Segment};

/// A kind of index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A master playlist, and one for each rendition.
    Hls,
    /// An MPD.
    Dash,
}

/// A rendition as it is written: a folder with `init.mp4` and segments `00001.m4s` and so on.
#[derive(Clone, Debug)]
pub struct Track {
    /// Its folder's name, of letters, digits and `-`.
    pub name: String,
    /// What it was cut into. Sizes of files are those of today.
    pub cut: Cut,
}

/// An index that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Where, below the folder of the package.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// The indexes of a clip's renditions, pictures before sounds; the first stands for the package.
///
/// # Errors
/// [`PackageError::Open`] if the size of a segment cannot be asked.
pub fn indexes(tracks: &[Track], kinds: &[Kind]) -> Result<Vec<Index>, PackageError> {
    let forms = tracks.iter().map(Form::of).collect::<Result<Vec<_>, _>>()?;
    let mut out = Vec::new();
    for kind in kinds {
        match kind {
            Kind::Hls => {
                out.push(Index { path: "index.m3u8".into(), text: master(&forms) });
                out.extend(forms.iter().map(|f| Index {
                    path: format!("{}/index.m3u8", f.track.name),
                    text: media(&f.track.cut.segments),
                }));
            }
            Kind::Dash => out.push(Index { path: "index.mpd".into(), text: mpd(&forms) }),
        }
    }
    Ok(out)
}

/// A rendition, with what is said of its size.
struct Form<'a> {
    track: &'a Track,
    /// Bits a second, at most and on average.
    peak: u64,
    mean: u64,
    seconds: f64,
}

impl<'a> Form<'a> {
    fn of(track: &'a Track) -> Result<Self, PackageError> {
        let (mut peak, mut all, mut seconds) = (0.0_f64, 0, 0.0);
        for segment in &track.cut.segments {
            let open = |reason| PackageError::Open { path: segment.path.clone(), reason };
            let bytes = std::fs::metadata(&segment.path).map_err(open)?.len();
            all += bytes;
            seconds += segment.seconds;
            // A last one of a frame or two would say nothing of the others.
            if segment.seconds > 0.5 || track.cut.segments.len() == 1 {
                peak = peak.max(bytes as f64 * 8.0 / segment.seconds.max(0.01));
            }
        }
        let mean = (all as f64 * 8.0 / seconds.max(0.01)).ceil();
        Ok(Self { track, peak: peak.max(mean).ceil() as u64, mean: mean as u64, seconds })
    }

    fn medium(&self) -> &Medium {
        &self.track.cut.medium
    }

    /// Frames a second.
    fn rate(&self) -> f64 {
        self.track.cut.samples as f64 / self.seconds.max(0.001)
    }
}

/// The playlist of playlists.
fn master(forms: &[Form<'_>]) -> String {
    let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    let sounds = || forms.iter().filter(|f| f.medium().size.is_none());
    let pictures = || forms.iter().filter(|f| f.medium().size.is_some());
    let alone = pictures().next().is_none();
    for (i, form) in sounds().enumerate().filter(|_| !alone) {
        let (default, name) = (if i == 0 { "YES" } else { "NO" }, &form.track.name);
        let channels = form.medium().sound.map_or(2, |(channels, _)| channels);
        let _ = writeln!(
            out,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"{name}\",DEFAULT={default},\
            AUTOSELECT=YES,CHANNELS=\"{channels}\",URI=\"{name}/index.m3u8\""
        );
    }
    let most = |of: fn(&Form<'_>) -> u64| sounds().map(of).max().unwrap_or(0);
    let (peak, mean) = (most(|f| f.peak), most(|f| f.mean));
    let heard: Vec<&str> = sounds().map(|f| f.medium().codecs.as_str()).collect();
    for form in if alone { forms } else { &[] } {
        let (name, codecs) = (&form.track.name, &form.medium().codecs);
        let _ = writeln!(
            out,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{codecs}\"\n\
            {name}/index.m3u8",
            form.peak, form.mean
        );
    }
    for form in pictures() {
        let mut codecs = vec![form.medium().codecs.as_str()];
        codecs.extend(heard.first());
        let (width, height) = form.medium().size.unwrap_or_default();
        let group = if heard.is_empty() { "" } else { ",AUDIO=\"audio\"" };
        let _ = writeln!(
            out,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\",\
            RESOLUTION={width}x{height},FRAME-RATE={:.3}{group}\n{}/index.m3u8",
            form.peak + peak,
            form.mean + mean,
            codecs.join(","),
            form.rate(),
            form.track.name,
        );
    }
    out
}

/// The playlist of segments.
fn media(segments: &[Segment]) -> String {
    let longest = segments.iter().map(|s| s.seconds).fold(0.0, f64::max).ceil().max(1.0);
    let mut out = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{longest}\n#EXT-X-MEDIA-SEQUENCE:1\n\
        #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"{INIT}\"\n"
    );
    for (segment, number) in segments.iter().zip(1..) {
        let name = name(&segment.path);
        let _ = write!(out, "#EXTINF:{:.6},\n{name}\n", segment.seconds);
        debug_assert_eq!(name, format!("{number:05}.m4s"));
    }
    out + "#EXT-X-ENDLIST\n"
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Ticks of a second in an MPD.
const TIMESCALE: f64 = 90_000.0;

fn mpd(forms: &[Form<'_>]) -> String {
    let seconds = forms.iter().map(|f| f.seconds).fold(0.0, f64::max);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" \
        profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" type=\"static\" \
        mediaPresentationDuration=\"PT{seconds:.3}S\" minBufferTime=\"PT2S\">\n  <Period>\n"
    );
    for (kind, seen) in [("video", true), ("audio", false)] {
        let of_kind = || forms.iter().filter(|f| f.medium().size.is_some() == seen);
        if of_kind().next().is_none() {
            continue;
        }
        let _ = writeln!(
            out,
            "    <AdaptationSet contentType=\"{kind}\" mimeType=\"{kind}/mp4\" \
            segmentAlignment=\"true\" startWithSAP=\"1\">"
        );
        of_kind().for_each(|form| representation(&mut out, form));
        out += "    </AdaptationSet>\n";
    }
    out + "  </Period>\n</MPD>\n"
}

fn representation(out: &mut String, form: &Form<'_>) {
    let Medium { codecs, size, sound } = form.medium();
    let (name, peak) = (&form.track.name, form.peak);
    let shape = match (size, sound) {
        (Some((width, height)), _) => {
            let (rate, whole) = (form.rate(), form.rate().round());
            let rate = if (rate - whole).abs() < 1e-3 {
                whole.to_string()
            } else {
                format!("{:.0}/1001", (rate * 1001.0).round())
            };
            format!("width=\"{width}\" height=\"{height}\" frameRate=\"{rate}\"")
        }
        (None, Some((_, rate))) => format!("audioSamplingRate=\"{rate}\""),
        (None, None) => String::new(),
    };
    let _ = write!(
        out,
        "      <Representation id=\"{name}\" bandwidth=\"{peak}\" codecs=\"{codecs}\" {shape}>\n\
        \x20       <SegmentTemplate timescale=\"{TIMESCALE}\" startNumber=\"1\" \
        initialization=\"$RepresentationID$/{INIT}\" \
        media=\"$RepresentationID$/$Number%05d$.m4s\">\n          <SegmentTimeline>\n"
    );
    for segment in &form.track.cut.segments {
        let ticks = |seconds: f64| (seconds * TIMESCALE).round();
        // Each from where it begins, so that what is rounded does not add up.
        let (from, to) = (ticks(segment.start), ticks(segment.start + segment.seconds));
        let _ = writeln!(out, "            <S t=\"{from}\" d=\"{}\"/>", to - from);
    }
    *out += "          </SegmentTimeline>\n        </SegmentTemplate>\n      </Representation>\n";
}
