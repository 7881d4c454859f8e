//! Streams that go from input to output as they are, and what belongs to a picture or a sound that
//! is encoded anew.

use std::collections::HashMap;
use std::ffi::c_int;
use std::path::Path;

use ffmpeg_next::codec::Id;
use ffmpeg_next::ffi::{
    AV_INPUT_BUFFER_PADDING_SIZE, AVPacketSideDataType, av_dict_copy, av_dict_set, av_mallocz,
    avcodec_parameters_copy,
};
use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Packet, Rational, Stream, StreamMut, encoder, media};

use super::muxer::{Muxer, kind};
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
            left_out.push(format!(
                "{what} was copied without a mark: the file holds more than one \
                picture, and the one that players show is marked"
            ));
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

/// Copies what belongs to the picture's stream but not to its codec: rotation, HDR metadata,
/// language, disposition; of `alpha` beside it what says so. Lines on what the container does not
/// hold of it.
pub(super) fn copy_picture_properties(
    source: &Stream<'_>,
    target: &mut StreamMut<'_>,
    container: Container,
    alpha: bool,
) -> Vec<String> {
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
    let mut lost: Vec<String> = container.forgets(source).into_iter().collect();
    if side_data(source, AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX).is_some_and(is_turned)
        && !container.holds_orientation()
    {
        lost.push(format!(
            "how the picture is turned or mirrored to be shown was left out: {} does not say it, \
            so that it lies as it is stored; write .mp4 or .mov",
            container.name()
        ));
    }
    let sphere = side_data(source, AVPacketSideDataType::AV_PKT_DATA_SPHERICAL).is_some();
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
