//! A clip that is marked, encoded at each size of a ladder, cut and signed.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::super::file::{Marked, Stamping, remembered as parent};
use super::super::label;
use super::super::likeness::Record;
use super::super::targets::{Attempt, Targets, unwritten};
use super::folder::{Appearing, begin, make_folder, remembered};
use crate::control::Control;
use crate::key::KeyRing;
use crate::media::{
    AudioInfo, Container, EncodeOptions, Gop, MediaError, Progress, Rework, VideoCodec,
};
use crate::package::{Cut, IndexKind, Track, cut, indexes};
use crate::press::{Filtering, Marks, Order};
use crate::provenance::{self, Bound, Signed, SigningSegments, Source, UnsignedRendition};
use crate::stamp::{StampError, StampOptions, Stamped, Stamper};
use crate::video::Canvas;

/// How to package a clip.
#[derive(Clone, Debug, PartialEq)]
pub struct PackageOptions {
    /// The indexes that are written over the same segments; the first stands for the package.
    pub kinds: Vec<IndexKind>,
    /// The sizes, the largest first; without any, that of the input.
    pub ladder: Vec<Rung>,
    /// Seconds from key frame to key frame, which is a segment.
    pub segment: f64,
}

impl Default for PackageOptions {
    /// HLS, at the size of the input, in segments of four seconds.
    fn default() -> Self {
        Self { kinds: vec![IndexKind::Hls], ladder: Vec::new(), segment: 4.0 }
    }
}

/// A size that a clip is encoded at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Lines, as the picture is shown.
    pub height: u32,
    /// Bits per second; by default as the input's size is encoded.
    pub bitrate: Option<u64>,
}

/// A clip that was packaged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Packaged {
    /// What was stamped.
    pub stamped: Stamped,
    /// The index that stands for it, and the others.
    pub indexes: Vec<PathBuf>,
    /// Its renditions, pictures before sound.
    pub renditions: Vec<PackagedRendition>,
}

/// A rendition that was packaged.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PackagedRendition {
    /// The name of its folder.
    pub name: String,
    /// Codec, profile and level, as players are told (RFC 6381).
    pub codecs: String,
    /// Width and height in pixels; `None` of sound.
    pub size: Option<(u32, u32)>,
    /// How many segments it has.
    pub segments: usize,
}

/// Lines of a rendition at least: smaller ones carry no mark that could be read.
const LEAST: u32 = 96;

/// Stamps `input` and packages it in `folder`.
pub(crate) fn make(
    stamper: &Stamper,
    input: &Path,
    folder: &Path,
    how: &PackageOptions,
    mut control: Control<'_>,
) -> Result<Packaged, StampError> {
    let options = &stamper.options;
    let known = remembered(&options.remember)?;
    if options.identity.is_some() {
        provenance::check_source(&Source { limits: options.limits, ..Source::new(input) })?;
    }
    let draft = begin(folder, options.overwrite)?;
    let work = draft.path().to_path_buf();
    let packaging = Packaging { stamper, input, folder, how, work };
    let marked_clip = draft.path().join("marked.mp4");
    let (marked, stamping) = packaging.mark(&marked_clip, &mut control)?;
    let made = packaging.renditions(&marked_clip, &marked, &mut control)?;
    let bound = marked.bound();
    let part = draft.path().join("part");
    let (signed, tracks) = packaging.sign(made.tracks, &marked, &bound, &part)?;
    let written = packaging.indexes(&tracks, &part)?;
    if options.check {
        stamping.read_back(
            &part.join(&written[0]),
            marked.mark.payload,
            &marked.sound,
            &control,
        )?;
    }
    let (signed_as, likeness) = (signed.as_ref(), &marked.likeness);
    let record = Record::of_package(&bound, signed_as, likeness, options);
    let (index, replace) = (written[0].as_path(), options.overwrite);
    let appearing = Appearing { part: &part, folder, index, replace, stamped: None };
    let isolation = stamping.press.isolation();
    let (_, unconfirmed) = appearing.appear(draft, &record)?;
    let mut summary = marked.summary;
    summary.codec = Some(made.codec);
    summary.left_out.extend(made.left_out);
    let first = folder.join(index);
    let stamped = Stamped {
        payload: marked.mark.payload,
        generation: marked.mark.generation,
        key: stamping.key.id().clone(),
        manifest: signed.as_ref().map(|_| folder.join(&tracks[0].name).join("init.mp4")),
        label: signed.as_ref().map(|s| s.label.clone()),
        parent: signed.and_then(|s| s.parent),
        summary,
        capacity: marked.capacity,
        sound: marked.sound,
        state: marked.state,
        remembered: known,
        unconfirmed,
        isolation,
    };
    let indexes = std::iter::once(first).chain(written[1..].iter().map(|i| folder.join(i)));
    let renditions = tracks.iter().map(|t| PackagedRendition {
        name: t.name.clone(),
        codecs: t.cut.medium.codecs.clone(),
        size: t.cut.medium.size,
        segments: t.cut.segments.len(),
    });
    Ok(Packaged { stamped, indexes: indexes.collect(), renditions: renditions.collect() })
}

/// A clip on its way into segments.
struct Packaging<'a> {
    stamper: &'a Stamper,
    input: &'a Path,
    folder: &'a Path,
    how: &'a PackageOptions,
    /// Where everything is until it appears.
    work: PathBuf,
}

/// What was cut, and what could not be kept.
struct Made {
    tracks: Vec<Track>,
    codec: &'static str,
    left_out: Vec<String>,
}

impl<'a> Packaging<'a> {
    fn options(&self) -> &'a StampOptions {
        &self.stamper.options
    }

    /// Marks the clip at its own size, without loss.
    fn mark(
        &self,
        to: &Path,
        control: &mut Control<'_>,
    ) -> Result<(Marked, Stamping<'a>), StampError> {
        let options = self.options();
        File::create_new(to).map_err(|e| unwritten(self.folder, &e))?;
        let press = options.press.open(self.input, to, &options.limits, &control.cancel)?;
        let key = self.stamper.ring.stamping();
        let mut stamping = Stamping {
            key,
            options,
            input: self.input,
            file: true,
            container: Container::Mp4,
            targets: Targets::new(self.folder, None, options, Attempt::Only),
            ring: KeyRing::from(key.clone()),
            press,
        };
        let marked = stamping.mark_as(to, &lossless(options), control);
        let marked = marked.map_err(|e| match e {
            StampError::Media(MediaError::NoVideo { path }) => {
                let what = "it has no picture, and sound alone is not packaged".into();
                MediaError::Unfit { path, what }.into()
            }
            e => e,
        })?;
        Ok((marked, stamping))
    }

    /// Encodes the marked clip at each size, and cuts it.
    fn renditions(
        &self,
        marked_clip: &Path,
        marked: &Marked,
        control: &mut Control<'_>,
    ) -> Result<Made, StampError> {
        let options = self.options();
        let picture = marked.summary.info.picture.as_ref();
        let (turned, height) = picture.map_or((0, 0), |p| {
            let lying = matches!(p.turned, 90 | 270);
            (p.turned, if lying { p.width } else { p.height })
        });
        let mut tracks = Vec::new();
        for rung in self.ladder(height)? {
            let name = format!("video-{}p", rung.height);
            let encode = label::on(&self.encoding(rung)?, options, marked.mark.payload);
            let chain = chain(turned, (rung.height != height & !1).then_some(rung.height));
            let file = self.target(&format!("{name}.mp4"))?;
            let limits = &options.limits;
            let how = Filtering { chain: &chain, font: None, encode: &encode, limits };
            options.press.filter(marked_clip, &file, &how, &control.cancel)?;
            tracks.push(Track { cut: self.cut(&file, &name)?, name });
        }
        let mut left_out = Vec::new();
        if marked.summary.info.has_audio {
            let (cut, lost) = self.sound(marked_clip, control)?;
            tracks.push(Track { cut, name: "audio".into() });
            left_out = lost;
        }
        let h265 = self.options().encode.codec == Some(VideoCodec::H265);
        Ok(Made { tracks, codec: if h265 { "hevc" } else { "h264" }, left_out })
    }

    /// The sizes, of a picture of so many lines.
    fn ladder(&self, height: u32) -> Result<Vec<Rung>, StampError> {
        let own = Rung { height: height & !1, bitrate: None };
        let ladder = if self.how.ladder.is_empty() { vec![own] } else { self.how.ladder.clone() };
        let unfit =
            |what: String| StampError::from(MediaError::Unfit { path: self.input.into(), what });
        for (i, rung) in ladder.iter().enumerate() {
            let lines = rung.height;
            if lines > height {
                return Err(unfit(format!("it has {height} lines, and none are made for {lines}")));
            }
            if lines < LEAST || lines % 2 == 1 {
                return Err(unfit(format!(
                    "a rung has {LEAST} lines at least, and an even number; {lines} is none"
                )));
            }
            if ladder[..i].iter().any(|other| other.height == lines) {
                return Err(unfit(format!("the ladder has {lines} lines twice")));
            }
        }
        Ok(ladder)
    }

    /// How a rung is encoded: key frames where segments begin, and nowhere else.
    fn encoding(&self, rung: Rung) -> Result<EncodeOptions, StampError> {
        let mut encode = self.options().encode.clone();
        let codec = encode.codec.unwrap_or(VideoCodec::H264);
        let steady = match codec {
            _ if encode.encoder.is_some() => None,
            VideoCodec::H264 => Some(("sc_threshold", "0")),
            VideoCodec::H265 => Some(("x265-params", "scenecut=0:open-gop=0")),
            _ => None,
        };
        let Some((key, value)) = steady else {
            return Err(MediaError::CannotHold {
                path: self.folder.into(),
                container: "a package",
                what: "this codec of pictures".into(),
                advice: "give --video-codec h264 or h265",
            }
            .into());
        };
        encode.codec = Some(codec);
        // Where OpenH264 sets its key frames is not to be told.
        encode.encoder = codec.best_encoder();
        encode.options.push((key.into(), value.into()));
        encode.gop = Some(Gop::Seconds(self.how.segment));
        encode.fragments = Some(self.how.segment);
        if let Some(bitrate) = rung.bitrate {
            (encode.bitrate, encode.crf) = (Some(bitrate), None);
        }
        Ok(encode)
    }

    /// The sound of the marked clip, as it is.
    fn sound(
        &self,
        marked_clip: &Path,
        control: &mut Control<'_>,
    ) -> Result<(Cut, Vec<String>), StampError> {
        let options = self.options();
        let file = self.target("audio.m4a")?;
        let mut press = options.press.open(marked_clip, &file, &options.limits, &control.cancel)?;
        let encode = EncodeOptions { fragments: Some(self.how.segment), ..<_>::default() };
        let order = Order {
            target: self.folder,
            container: Container::M4a,
            encode: &encode,
            seconds: None,
            stills: false,
        };
        let (summary, _) = press.transcode(&order, &mut AsItIs)?;
        // What is not sound is in the other renditions.
        let more = summary.left_out.into_iter().filter(|line| line.contains("(sound"));
        Ok((self.cut(&file, "audio")?, more.collect()))
    }

    /// A file that is there and empty.
    fn target(&self, name: &str) -> Result<PathBuf, StampError> {
        let path = self.work.join(name);
        File::create_new(&path).map_err(|e| unwritten(self.folder, &e))?;
        Ok(path)
    }

    fn cut(&self, file: &Path, name: &str) -> Result<Cut, StampError> {
        let folder = self.work.join("cut").join(name);
        make_folder(&folder)?;
        let cut = cut(file, &folder).map_err(|e| crate::AboutFile::named(e, self.input))?;
        let _ = std::fs::remove_file(file);
        Ok(cut)
    }

    /// Signs the renditions into the folder `part`, or moves them there if nobody is to sign.
    fn sign(
        &self,
        tracks: Vec<Track>,
        marked: &Marked,
        bound: &Bound,
        part: &Path,
    ) -> Result<(Option<Signed>, Vec<Track>), StampError> {
        let options = self.options();
        make_folder(part)?;
        let Some(identity) = &options.identity else {
            let cut = self.work.join("cut");
            std::fs::remove_dir(part)
                .and_then(|()| std::fs::rename(cut, part))
                .map_err(|e| unwritten(self.folder, &e))?;
            return Ok((None, moved(tracks, part)));
        };
        let renditions: Vec<UnsignedRendition> = tracks
            .iter()
            .map(|t| UnsignedRendition {
                init: t.cut.init.clone(),
                segments: t.cut.segments.iter().map(|s| s.path.clone()).collect(),
                folder: part.join(&t.name),
            })
            .collect();
        let before = parent(marked.known.map(|k| k.payload), &marked.sketch, options)?;
        let source =
            Source { path: self.input, remembered: before.as_deref(), limits: options.limits };
        let name = self.folder;
        let clip = SigningSegments { renditions: &renditions, name, source: Some(&source) };
        let signed = provenance::sign_segments(&clip, bound, identity, &options.manifest)?;
        Ok((Some(signed), moved(tracks, part)))
    }

    /// Writes the indexes; their names.
    fn indexes(&self, tracks: &[Track], part: &Path) -> Result<Vec<PathBuf>, StampError> {
        let all = indexes(tracks, &self.how.kinds)?;
        for index in &all {
            std::fs::write(part.join(&index.path), &index.text)
                .map_err(|e| unwritten(self.folder, &e))?;
        }
        let tops = all.iter().filter(|i| !i.path.contains('/'));
        Ok(tops.map(|i| PathBuf::from(&i.path)).collect())
    }
}

/// Renditions that are in another folder now.
fn moved(tracks: Vec<Track>, part: &Path) -> Vec<Track> {
    let to = |path: &Path, name: &str| part.join(name).join(path.file_name().unwrap_or_default());
    let mut tracks = tracks;
    for Track { name, cut } in &mut tracks {
        cut.init = to(&cut.init, name);
        cut.segments.iter_mut().for_each(|s| s.path = to(&s.path, name));
    }
    tracks
}

/// How the marked clip is kept until it is encoded: nothing is lost of its frames, and its sound is
/// as it will be: AAC unless another codec is asked for, or it is not to be touched.
fn lossless(options: &StampOptions) -> EncodeOptions {
    let asked = &options.encode;
    let usual = options.mark_sound.then(|| "aac".into());
    EncodeOptions {
        codec: Some(VideoCodec::H264),
        encoder: VideoCodec::H264.best_encoder(),
        preset: Some("ultrafast".into()),
        options: vec![("qp".into(), "0".into())],
        pixel_format: asked.pixel_format.clone(),
        audio_encoder: asked.audio_encoder.clone().or(usual),
        audio_bitrate: asked.audio_bitrate,
        ..EncodeOptions::default()
    }
}

/// What turns a picture as it is shown, and gives it so many lines.
fn chain(turned: u16, height: Option<u32>) -> String {
    let turn = match turned {
        90 => Some("transpose=clock"),
        180 => Some("transpose=clock,transpose=clock"),
        270 => Some("transpose=cclock"),
        _ => None,
    };
    let scale = height.map(|lines| format!("scale=-2:{lines}:flags=lanczos"));
    let steps: Vec<String> = turn.map(str::to_string).into_iter().chain(scale).collect();
    if steps.is_empty() { "null".into() } else { steps.join(",") }
}

/// Nothing is done to a clip on its way.
struct AsItIs;

impl Marks for AsItIs {
    fn frame(&mut self, _: &mut dyn Canvas, _: f64) -> Result<(), StampError> {
        Ok(())
    }

    fn track(&mut self, _: &AudioInfo) -> Option<Box<dyn Rework>> {
        None
    }

    fn progress(&mut self, _: Progress) {}
}
