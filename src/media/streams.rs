//! Streams that go from input to output as they are, and what belongs to a picture or a sound that
//! is encoded anew.

use std::collections::HashMap;
use std::ffi::{CString, c_int};
use std::path::Path;

use ffmpeg_next::codec::Id;
use ffmpeg_next::ffi::{
    AV_DISPOSITION_CAPTIONS, AV_DISPOSITION_CLEAN_EFFECTS, AV_DISPOSITION_COMMENT,
    AV_DISPOSITION_DEFAULT, AV_DISPOSITION_DESCRIPTIONS, AV_DISPOSITION_DUB, AV_DISPOSITION_FORCED,
    AV_DISPOSITION_HEARING_IMPAIRED, AV_DISPOSITION_KARAOKE, AV_DISPOSITION_LYRICS,
    AV_DISPOSITION_ORIGINAL, AV_DISPOSITION_VISUAL_IMPAIRED, AV_INPUT_BUFFER_PADDING_SIZE,
    AVPacketSideDataType, av_dict_copy, av_dict_set, av_guess_format, av_mallocz,
    avcodec_parameters_copy, avformat_query_codec,
};
use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Packet, Rational, Stream, encoder, media};

use super::side_data::{copy_side_data, is_turned, side_data};
use super::source::{Source, is_cover};
use super::{Container, MediaError};

/// A stream that is copied.
pub(super) struct Copied {
    /// Index in the output.
    pub(super) index: usize,
    /// Time base in the input.
    pub(super) time_base: Rational,
    /// The last decoding time that was written.
    last: Option<i64>,
}

impl Copied {
    /// Muxers refuse packets whose decoding time does not rise: those of a stream whose clock went
    /// back a little are moved behind the last one.
    pub(super) fn order(&mut self, packet: &mut Packet) {
        let Some(dts) = packet.dts().or(packet.pts()) else { return };
        let ordered = self.last.map_or(dts, |last| dts.max(last.saturating_add(1)));
        if ordered > dts {
            packet.set_dts(Some(ordered));
            packet.set_pts(packet.pts().map(|pts| pts.max(ordered)));
        }
        self.last = Some(ordered);
    }
}

/// What a stream holds, in a word: libav's name of its codec, or the four letters by which its file
/// names it.
pub(super) fn name(stream: &Stream<'_>) -> String {
    let id = stream.parameters().id();
    // SAFETY: the stream is valid; only a plain field is read.
    let tag = unsafe { (*(*stream.as_ptr()).codecpar).codec_tag }.to_le_bytes();
    match id {
        Id::None | Id::BIN_DATA if tag.iter().all(u8::is_ascii_graphic) => {
            tag.iter().map(|&b| char::from(b)).collect()
        }
        id => id.name().to_string(),
    }
}

/// What a stream is, for people.
fn kind(medium: media::Type) -> &'static str {
    match medium {
        media::Type::Video => "picture",
        media::Type::Audio => "sound",
        media::Type::Subtitle => "subtitles",
        media::Type::Attachment => "attachment",
        _ => "data",
    }
}

/// What a stream is for, as libav has it, in words.
const PURPOSES: [(c_int, &str); 11] = [
    (AV_DISPOSITION_DUB, "dubbed"),
    (AV_DISPOSITION_ORIGINAL, "in the original language"),
    (AV_DISPOSITION_COMMENT, "a commentary"),
    (AV_DISPOSITION_LYRICS, "lyrics"),
    (AV_DISPOSITION_KARAOKE, "for karaoke"),
    (AV_DISPOSITION_FORCED, "forced"),
    (AV_DISPOSITION_HEARING_IMPAIRED, "for people who are hard of hearing"),
    (AV_DISPOSITION_VISUAL_IMPAIRED, "for people who see badly"),
    (AV_DISPOSITION_CLEAN_EFFECTS, "without voices"),
    (AV_DISPOSITION_CAPTIONS, "captions"),
    (AV_DISPOSITION_DESCRIPTIONS, "descriptions"),
];

/// Adds an output stream for each input stream but those that are `taken` already. Returns them by
/// input index, and a line for each that could not be kept, or that is kept without a mark.
pub(super) fn copy_streams(
    path: &Path,
    container: Container,
    input: &Source,
    taken: &[usize],
    output: &mut Output,
) -> Result<(HashMap<usize, Copied>, Vec<String>), MediaError> {
    let mut copied = HashMap::new();
    let mut left_out = Vec::new();
    for stream in input.streams() {
        if taken.contains(&stream.index()) || is_written_anyway(container, input, &stream) {
            continue;
        }
        let medium = stream.parameters().medium();
        let what = format!("stream {} ({}, {})", stream.index(), kind(medium), name(&stream));
        if !container.keeps(&stream) {
            left_out.push(format!(
                "{what} was left out: it is not carried over to {}",
                container.name()
            ));
            continue;
        }
        if medium == media::Type::Video && !is_cover(&stream) {
            left_out.push(format!("{what} was copied without a mark: the file holds more than one picture, and the one that players show is marked"));
        }
        if medium == media::Type::Video && container == Container::Matroska && is_cover(&stream) {
            attach(path, &stream, output)?;
        } else {
            left_out.extend(container.forgets(&stream));
            copied.insert(stream.index(), copy_stream(path, container, &stream, output)?);
        }
    }
    Ok((copied, left_out))
}

fn copy_stream(
    path: &Path,
    container: Container,
    stream: &Stream<'_>,
    output: &mut Output,
) -> Result<Copied, MediaError> {
    let fail =
        |e: ffmpeg_next::Error| MediaError::Write { path: path.into(), reason: e.to_string() };
    let mut added = output.add_stream(encoder::find(Id::None)).map_err(fail)?;
    added.set_parameters(stream.parameters());
    added.set_time_base(stream.time_base());
    // SAFETY: both streams live as long as their contexts; the tag of another container must not be
    // carried over.
    unsafe {
        let (from, to) = (stream.as_ptr(), added.as_mut_ptr());
        (*(*to).codecpar).codec_tag =
            container.tag(stream.parameters().id(), (*(*from).codecpar).codec_tag);
        (*to).disposition = (*from).disposition;
        (*to).avg_frame_rate = (*from).avg_frame_rate;
        (*to).sample_aspect_ratio = (*from).sample_aspect_ratio;
        av_dict_copy(&mut (*to).metadata, (*from).metadata, 0);
        copy_side_data(from, to);
    }
    Ok(Copied { index: added.index(), time_base: stream.time_base(), last: None })
}

/// Adds a cover as Matroska has it: an attachment that is called so.
fn attach(path: &Path, stream: &Stream<'_>, output: &mut Output) -> Result<(), MediaError> {
    let fail =
        |e: ffmpeg_next::Error| MediaError::Write { path: path.into(), reason: e.to_string() };
    let mut added = output.add_stream(encoder::find(Id::None)).map_err(fail)?;
    let (name, kind) = if stream.parameters().id() == Id::PNG {
        ("cover.png", "image/png")
    } else {
        ("cover.jpg", "image/jpeg")
    };
    // SAFETY: both streams live as long as their contexts. A cover's packet lies with its stream
    // from the opening of the file on; its bytes are copied into a block that has the padding which
    // libav asks for and which the output's parameters then own.
    unsafe {
        let (from, to) = (&(*stream.as_ptr()).attached_pic, &mut *(*added.as_mut_ptr()).codecpar);
        to.codec_type = media::Type::Attachment.into();
        to.codec_id = stream.parameters().id().into();
        let size = from.size.max(0) as usize;
        let block = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE as usize);
        if block.is_null() {
            return Err(fail(ffmpeg_next::Error::Other { errno: ffmpeg_next::ffi::ENOMEM }));
        }
        std::ptr::copy_nonoverlapping(from.data, block.cast(), size);
        (to.extradata, to.extradata_size) = (block.cast(), size as c_int);
        av_dict_copy(&mut (*added.as_mut_ptr()).metadata, (*stream.as_ptr()).metadata, 0);
    }
    let mut tags = added.metadata().to_owned();
    tags.set("filename", name);
    tags.set("mimetype", kind);
    added.set_metadata(tags);
    Ok(())
}

/// Whether the muxer makes the stream anew from what is copied besides: QuickTime's track of
/// chapters, and a timecode, which is kept with the picture's metadata.
fn is_written_anyway(container: Container, input: &Source, stream: &Stream<'_>) -> bool {
    let data = stream.parameters().medium() == media::Type::Data;
    let chapters = data
        && stream.parameters().id() == Id::BIN_DATA
        && input.nb_chapters() > 0
        && name(stream) != "tmcd";
    let timecode = || {
        input.streams().any(|s| s.metadata().get("timecode").is_some())
            || input.metadata().get("timecode").is_some()
    };
    chapters
        || (data
            && name(stream) == "tmcd"
            && matches!(container, Container::Mp4 | Container::Mov | Container::Matroska)
            && timecode())
}

impl Container {
    /// Whether the container holds sound, pictures or text of that codec, so that players of it
    /// take them.
    pub(super) fn holds(self, id: Id) -> bool {
        let unplayed = match self {
            // libav writes it there, as MPEG-4 part 1 lets it; no browser and no phone plays it.
            Self::Mp4 | Self::Fragments | Self::M4a => id == Id::VORBIS,
            // Those have a place in MP4 alone, which libav says when it is too late.
            Self::Mov => {
                matches!(id, Id::VORBIS | Id::OPUS | Id::FLAC | Id::TRUEHD | Id::VP9 | Id::AV1)
            }
            _ => false,
        };
        if self == Self::Mp3 {
            return id == Id::MP3;
        }
        let Ok(muxer) = CString::new(self.muxer()) else { return false };
        // SAFETY: the name ends with a zero; formats are static table entries, or null, of which
        // libav says no. 1 means yes, 0 no, negative unknown.
        !unplayed
            && unsafe {
                avformat_query_codec(
                    av_guess_format(muxer.as_ptr(), std::ptr::null(), std::ptr::null()),
                    id.into(),
                    -2,
                ) == 1
            }
    }

    /// What it says of a stream's purpose, of what libav knows of that.
    fn holds_dispositions(self) -> c_int {
        let all: &[c_int] = match self {
            Self::Mp4 | Self::Fragments => &[
                AV_DISPOSITION_DEFAULT,
                AV_DISPOSITION_FORCED,
                AV_DISPOSITION_COMMENT,
                AV_DISPOSITION_CAPTIONS,
                AV_DISPOSITION_DESCRIPTIONS,
                AV_DISPOSITION_DUB,
            ],
            Self::Matroska => &[
                AV_DISPOSITION_DEFAULT,
                AV_DISPOSITION_FORCED,
                AV_DISPOSITION_COMMENT,
                AV_DISPOSITION_ORIGINAL,
                AV_DISPOSITION_DESCRIPTIONS,
                AV_DISPOSITION_HEARING_IMPAIRED,
                AV_DISPOSITION_VISUAL_IMPAIRED,
            ],
            Self::WebM => &[AV_DISPOSITION_DEFAULT, AV_DISPOSITION_FORCED],
            _ => &[AV_DISPOSITION_DEFAULT],
        };
        all.iter().fold(0, |mask, one| mask | one)
    }

    /// A line on what is said of a stream's purpose and not held.
    pub(super) fn forgets(self, stream: &Stream<'_>) -> Option<String> {
        // SAFETY: the stream is valid; only a plain field is read.
        let lost = unsafe { (*stream.as_ptr()).disposition } & !self.holds_dispositions();
        let names: Vec<&str> = PURPOSES.iter().filter(|p| lost & p.0 != 0).map(|p| p.1).collect();
        let told = || {
            format!(
                "that stream {} ({}) is {} was left out: {} does not say it",
                stream.index(),
                kind(stream.parameters().medium()),
                names.join(" and "),
                self.name()
            )
        };
        (!names.is_empty() && !self.is_sound() && !self.is_still()).then(told)
    }

    /// Whether it says how a picture is turned to be shown.
    fn holds_orientation(self) -> bool {
        matches!(self, Self::Mp4 | Self::Mov | Self::Fragments)
    }

    /// Whether a stream can be copied into the container.
    pub(super) fn keeps(self, stream: &Stream<'_>) -> bool {
        let id = stream.parameters().id();
        match stream.parameters().medium() {
            _ if self.is_still() || self == Self::Y4m => false,
            media::Type::Attachment => self == Self::Matroska,
            // A picture beside the sound, or the clip.
            media::Type::Video if is_cover(stream) => {
                let kinds: &[Id] = match self {
                    Self::Mp4 | Self::M4a => &[Id::MJPEG, Id::PNG, Id::BMP],
                    Self::Mp3 | Self::Flac => {
                        &[Id::MJPEG, Id::PNG, Id::BMP, Id::GIF, Id::TIFF, Id::WEBP]
                    }
                    Self::Matroska => &[Id::MJPEG, Id::PNG],
                    _ => &[],
                };
                // SAFETY: the stream is valid; only plain fields are read.
                kinds.contains(&id)
                    && unsafe {
                        (*stream.as_ptr()).attached_pic.size > 0
                            && !(*stream.as_ptr()).attached_pic.data.is_null()
                    }
            }
            media::Type::Video if self.is_sound() => false,
            media::Type::Video | media::Type::Audio | media::Type::Subtitle => {
                id != Id::None && self.holds(id)
            }
            // Data streams (camera motion, positions) tie to the container they came from.
            _ => false,
        }
    }

    /// The four letters by which MP4 names a codec, where libav's own choice is not what players
    /// take: `hvc1` for H.265, as Apple's want it, unless parameter sets were among the frames
    /// already.
    pub(super) fn tag(self, id: Id, before: u32) -> u32 {
        let mp4 = matches!(self, Self::Mp4 | Self::Mov | Self::Fragments);
        if mp4 && id == Id::HEVC && before != u32::from_le_bytes(*b"hev1") {
            u32::from_le_bytes(*b"hvc1")
        } else {
            0
        }
    }
}

/// Copies what belongs to the picture's stream but not to its codec: rotation, HDR metadata,
/// language, disposition; of `alpha` beside it what says so. Lines on what the container does not
/// hold of it.
pub(super) fn copy_picture_properties(
    input: &Source,
    from: usize,
    container: Container,
    output: &mut Output,
    to: usize,
    alpha: bool,
) -> Vec<String> {
    let (Some(source), Some(mut target)) = (input.stream(from), output.stream_mut(to)) else {
        return Vec::new();
    };
    // SAFETY: both streams are valid. The data is copied into a buffer that the output stream then
    // owns.
    unsafe {
        let (from, to) = (source.as_ptr(), target.as_mut_ptr());
        (*to).disposition = (*from).disposition;
        (*to).avg_frame_rate = (*from).avg_frame_rate;
        (*to).r_frame_rate = (*from).r_frame_rate;
        (*to).sample_aspect_ratio = (*from).sample_aspect_ratio;
        av_dict_copy(&mut (*to).metadata, (*from).metadata, 0);
        if !alpha {
            av_dict_set(&mut (*to).metadata, c"alpha_mode".as_ptr(), std::ptr::null(), 0);
        }
        copy_side_data(from, to);
    }
    let mut lost: Vec<String> = container.forgets(&source).into_iter().collect();
    if side_data(&source, AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX).is_some_and(is_turned)
        && !container.holds_orientation()
    {
        lost.push(format!(
            "how the picture is turned or mirrored to be shown was left out: {} does not say it, so that it lies as it is stored; write .mp4 or .mov",
            container.name()
        ));
    }
    let sphere = side_data(&source, AVPacketSideDataType::AV_PKT_DATA_SPHERICAL).is_some();
    if sphere
        && !matches!(
            container,
            Container::Mp4 | Container::Fragments | Container::Matroska | Container::WebM
        )
    {
        lost.push(format!(
            "that the picture is of 360° was left out: {} does not say it here; write .mp4 or .mkv",
            container.name()
        ));
    }
    lost
}

/// Adds an output stream for sound that is encoded anew, with the properties of the input's.
/// Returns its index.
pub(super) fn add_sound(
    path: &Path,
    source: &Stream<'_>,
    encoder: &ffmpeg_next::encoder::audio::Encoder,
    output: &mut Output,
) -> Result<usize, MediaError> {
    let fail =
        |e: ffmpeg_next::Error| MediaError::Write { path: path.into(), reason: e.to_string() };
    let mut added = output.add_stream(encoder::find(Id::None)).map_err(fail)?;
    let parameters = ffmpeg_next::codec::Parameters::from(encoder);
    // SAFETY: both parameter sets are valid and own their extra data; both streams live as long as
    // their contexts.
    unsafe {
        let to = added.as_mut_ptr();
        avcodec_parameters_copy((*to).codecpar, parameters.as_ptr());
        (*to).disposition = (*source.as_ptr()).disposition;
        av_dict_copy(&mut (*to).metadata, (*source.as_ptr()).metadata, 0);
    }
    added.set_time_base((1, encoder.rate() as i32));
    Ok(added.index())
}

/// Has the output's picture stream count frames at `rate`, which is all that Y4M knows of time; an
/// error if there is none.
pub(super) fn count_frames(
    path: &Path,
    output: &mut Output,
    index: usize,
    rate: Rational,
) -> Result<(), MediaError> {
    match output.stream_mut(index) {
        Some(mut stream) if rate.numerator() > 0 && rate.denominator() > 0 => {
            stream.set_avg_frame_rate(rate);
            stream.set_time_base(rate.invert());
            Ok(())
        }
        _ => {
            let advice = "write MP4, with --format mp4, which has a time for each frame";
            Err(MediaError::CannotHold {
                path: path.into(),
                container: Container::Y4m.name(),
                what: "a picture whose frame rate is not known".into(),
                advice,
            })
        }
    }
}

/// Gives the output's picture stream the encoder's parameters.
pub(super) fn set_encoder_parameters(
    output: &mut Output,
    index: usize,
    encoder: &ffmpeg_next::encoder::video::Encoder,
    container: Container,
) {
    if let Some(mut stream) = output.stream_mut(index) {
        let parameters = ffmpeg_next::codec::Parameters::from(encoder);
        // SAFETY: both parameter sets are valid and own their extra data.
        unsafe {
            avcodec_parameters_copy((*stream.as_mut_ptr()).codecpar, parameters.as_ptr());
            (*(*stream.as_mut_ptr()).codecpar).codec_tag = container.tag(encoder.id(), 0);
        }
        stream.set_time_base(encoder.time_base());
    }
}
