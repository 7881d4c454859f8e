//! What goes from input to output as it is: sound that is not marked, subtitles, chapters, metadata, and the side data of the picture.

use std::collections::HashMap;
use std::ffi::{c_int, c_uint};
use std::path::Path;

use ffmpeg_next::codec::Id;
use ffmpeg_next::ffi::{AVPacketSideDataType, AVRational, av_dict_copy, av_stream_add_side_data, av_stream_get_side_data, avcodec_parameters_copy, avformat_query_codec};
use ffmpeg_next::format::context::{Input, Output};
use ffmpeg_next::{Rational, Stream, encoder, frame, media};

use super::{Container, MediaError};

/// libav's `AVMasteringDisplayMetadata` (libavutil/mastering_display_metadata.h), which the bindings lack.
#[repr(C)]
struct MasteringDisplay {
    display_primaries: [[AVRational; 2]; 3],
    white_point: [AVRational; 2],
    min_luminance: AVRational,
    max_luminance: AVRational,
    has_primaries: c_int,
    has_luminance: c_int,
}

/// libav's `AVContentLightMetadata`, from the same header.
#[repr(C)]
struct ContentLight {
    max_cll: c_uint,
    max_fall: c_uint,
}

/// A stream that is copied.
pub(super) struct Copied {
    /// Index in the output.
    pub(super) index: usize,
    /// Time base in the input.
    pub(super) time_base: Rational,
}

/// Adds an output stream for each input stream but those that are `taken` already. Returns them by input index, and a line for each that the container
/// cannot hold and that is no loss to hearing or sight. Sound that does not fit is refused.
pub(super) fn copy_streams(path: &Path, container: Container, input: &Input, taken: &[usize], output: &mut Output) -> Result<(HashMap<usize, Copied>, Vec<String>), MediaError> {
    let mut copied = HashMap::new();
    let mut left_out = Vec::new();
    for stream in input.streams() {
        if taken.contains(&stream.index()) {
            continue;
        }
        let medium = stream.parameters().medium();
        let id = stream.parameters().id();
        // QuickTime's track of chapters: the writer makes its own.
        if (medium, id) == (media::Type::Data, Id::BIN_DATA) && input.nb_chapters() > 0 {
            continue;
        }
        if !holds(container, output, medium, id) {
            if medium == media::Type::Audio && !container.is_still() {
                return Err(MediaError::CannotHold {
                    path: path.into(),
                    container: container.name(),
                    what: format!("{} sound", id.name()),
                    advice: match container {
                        Container::Y4m => "write MP4, with --format mp4, or leave the sound out before",
                        _ => "sound that is not marked is copied as it is, so choose the input's own kind of file or .mkv",
                    },
                });
            }
            left_out.push(format!("stream {} ({}) was left out: it is not carried over to {}", stream.index(), id.name(), container.name()));
            continue;
        }
        let fail = |e: ffmpeg_next::Error| MediaError::Write { path: path.into(), reason: e.to_string() };
        let mut added = output.add_stream(encoder::find(Id::None)).map_err(fail)?;
        added.set_parameters(stream.parameters());
        added.set_time_base(stream.time_base());
        // SAFETY: both streams live as long as their contexts; the tag of another container must not be carried over.
        unsafe {
            let to = added.as_mut_ptr();
            (*(*to).codecpar).codec_tag = 0;
            (*to).disposition = (*stream.as_ptr()).disposition;
            (*to).avg_frame_rate = (*stream.as_ptr()).avg_frame_rate;
            av_dict_copy(&mut (*to).metadata, (*stream.as_ptr()).metadata, 0);
        }
        copied.insert(stream.index(), Copied { index: added.index(), time_base: stream.time_base() });
    }
    Ok((copied, left_out))
}

pub(super) fn holds(container: Container, output: &Output, medium: media::Type, id: Id) -> bool {
    if container.is_still() || medium == media::Type::Unknown {
        return false;
    }
    // Data streams (timecode, camera motion) tie to the container they came from.
    if medium == media::Type::Data {
        return false;
    }
    // SAFETY: the output's format is a static table entry; 1 means yes, 0 no, negative unknown.
    unsafe { avformat_query_codec((*output.as_ptr()).oformat, id.into(), 0) == 1 }
}

/// Copies what belongs to the picture's stream but not to its codec: rotation, HDR metadata, language, disposition.
pub(super) fn copy_picture_properties(input: &Input, from: usize, output: &mut Output, to: usize) {
    let (Some(source), Some(mut target)) = (input.stream(from), output.stream_mut(to)) else { return };
    // SAFETY: both streams are valid. The data is copied into a buffer that the output stream then owns.
    unsafe {
        let (from, to) = (source.as_ptr(), target.as_mut_ptr());
        (*to).disposition = (*from).disposition;
        (*to).avg_frame_rate = (*from).avg_frame_rate;
        (*to).r_frame_rate = (*from).r_frame_rate;
        (*to).sample_aspect_ratio = (*from).sample_aspect_ratio;
        av_dict_copy(&mut (*to).metadata, (*from).metadata, 0);
        for i in 0..(*from).nb_side_data.max(0) as usize {
            let item = &*(*from).side_data.add(i);
            if !travels(item.type_) {
                continue;
            }
            let buffer = ffmpeg_next::ffi::av_memdup(item.data.cast(), item.size);
            if !buffer.is_null() && av_stream_add_side_data(to, item.type_, buffer.cast(), item.size) < 0 {
                ffmpeg_next::ffi::av_free(buffer);
            }
        }
    }
}

/// Side data that says something about the picture, whatever its codec.
fn travels(kind: AVPacketSideDataType) -> bool {
    use AVPacketSideDataType::{AV_PKT_DATA_CONTENT_LIGHT_LEVEL, AV_PKT_DATA_DISPLAYMATRIX, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, AV_PKT_DATA_SPHERICAL, AV_PKT_DATA_STEREO3D};
    matches!(kind, AV_PKT_DATA_DISPLAYMATRIX | AV_PKT_DATA_STEREO3D | AV_PKT_DATA_SPHERICAL | AV_PKT_DATA_MASTERING_DISPLAY_METADATA | AV_PKT_DATA_CONTENT_LIGHT_LEVEL)
}

/// Copies metadata and chapters of the whole file.
pub(super) fn copy_metadata(input: &Input, output: &mut Output) {
    // SAFETY: both contexts are valid; the dictionary is copied entry by entry.
    unsafe {
        av_dict_copy(&mut (*output.as_mut_ptr()).metadata, (*input.as_ptr()).metadata, 0);
    }
    for chapter in input.chapters() {
        let title = chapter.metadata().get("title").unwrap_or("").to_string();
        // A chapter that libav will not take (end before start) is damaged already.
        let _ = output.add_chapter(chapter.id(), chapter.time_base(), chapter.start(), chapter.end(), &title);
    }
}

/// Whether the metadata has keys that MP4's own tags do not cover.
pub(super) fn has_odd_metadata(input: &Input) -> bool {
    const PLAIN: [&str; 24] = [
        "title",
        "artist",
        "album_artist",
        "composer",
        "album",
        "date",
        "encoder",
        "comment",
        "genre",
        "copyright",
        "grouping",
        "lyrics",
        "description",
        "synopsis",
        "show",
        "episode_id",
        "network",
        "keywords",
        "creation_time",
        "major_brand",
        "minor_version",
        "compatible_brands",
        "track",
        "disc",
    ];
    input.metadata().iter().any(|(key, _)| !PLAIN.contains(&key.to_ascii_lowercase().as_str()))
}

/// Gives the stream the HDR metadata that only its frames carry, so that it is known before the first one is encoded.
pub(super) fn adopt_light_metadata(stream: &Stream<'_>, first: &frame::Video) {
    use frame::side_data::Type;
    let kinds = [
        (Type::MasteringDisplayMetadata, AVPacketSideDataType::AV_PKT_DATA_MASTERING_DISPLAY_METADATA),
        (Type::ContentLightLevel, AVPacketSideDataType::AV_PKT_DATA_CONTENT_LIGHT_LEVEL),
    ];
    for (kind, packet_kind) in kinds {
        let Some(data) = first.side_data(kind) else { continue };
        let bytes = data.data();
        // SAFETY: the stream is valid and is asked first whether it has this already; the data is copied into a buffer that it then owns.
        unsafe {
            let stream = stream.as_ptr() as *mut _;
            let mut size = 0;
            if !av_stream_get_side_data(stream, packet_kind, &mut size).is_null() {
                continue;
            }
            let buffer = ffmpeg_next::ffi::av_memdup(bytes.as_ptr().cast(), bytes.len());
            if !buffer.is_null() && av_stream_add_side_data(stream, packet_kind, buffer.cast(), bytes.len()) < 0 {
                ffmpeg_next::ffi::av_free(buffer);
            }
        }
    }
}

/// HDR metadata of the source stream as x265 wants it told.
pub(super) fn x265_hdr(source: &Stream<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let value = |r: AVRational, unit: f64| if r.den == 0 { 0 } else { (f64::from(r.num) / f64::from(r.den) * unit).round() as i64 };
    // SAFETY: libav returns null or a pointer to a structure of the asked kind, which lives as long as the stream.
    unsafe {
        let stream = source.as_ptr() as *mut _;
        let mut size = 0;
        let data = av_stream_get_side_data(stream, AVPacketSideDataType::AV_PKT_DATA_MASTERING_DISPLAY_METADATA, &mut size);
        if let Some(m) = (data as *const MasteringDisplay).as_ref().filter(|m| m.has_primaries != 0 && m.has_luminance != 0) {
            let point = |p: [AVRational; 2]| format!("({},{})", value(p[0], 50_000.0), value(p[1], 50_000.0));
            out.push(format!(
                "hdr10=1:master-display=G{}B{}R{}WP{}L({},{})",
                point(m.display_primaries[1]),
                point(m.display_primaries[2]),
                point(m.display_primaries[0]),
                point(m.white_point),
                value(m.max_luminance, 10_000.0),
                value(m.min_luminance, 10_000.0)
            ));
        }
        let data = av_stream_get_side_data(stream, AVPacketSideDataType::AV_PKT_DATA_CONTENT_LIGHT_LEVEL, &mut size);
        if let Some(c) = (data as *const ContentLight).as_ref() {
            out.push(format!("max-cll={},{}", c.max_cll, c.max_fall));
        }
    }
    out
}

/// Adds an output stream for sound that is encoded anew, with the properties of the input's. Returns its index.
pub(super) fn add_sound(path: &Path, source: &Stream<'_>, encoder: &ffmpeg_next::encoder::audio::Encoder, output: &mut Output) -> Result<usize, MediaError> {
    let fail = |e: ffmpeg_next::Error| MediaError::Write { path: path.into(), reason: e.to_string() };
    let mut added = output.add_stream(encoder::find(Id::None)).map_err(fail)?;
    let parameters = ffmpeg_next::codec::Parameters::from(encoder);
    // SAFETY: both parameter sets are valid and own their extra data; both streams live as long as their contexts.
    unsafe {
        let to = added.as_mut_ptr();
        avcodec_parameters_copy((*to).codecpar, parameters.as_ptr());
        (*to).disposition = (*source.as_ptr()).disposition;
        av_dict_copy(&mut (*to).metadata, (*source.as_ptr()).metadata, 0);
    }
    added.set_time_base((1, encoder.rate() as i32));
    Ok(added.index())
}

/// Has the output's picture stream count frames at `rate`, which is all that Y4M knows of time; an error if there is none.
pub(super) fn count_frames(path: &Path, output: &mut Output, index: usize, rate: Rational) -> Result<(), MediaError> {
    match output.stream_mut(index) {
        Some(mut stream) if rate.numerator() > 0 && rate.denominator() > 0 => {
            stream.set_avg_frame_rate(rate);
            stream.set_time_base(rate.invert());
            Ok(())
        }
        _ => {
            let advice = "write MP4, with --format mp4, which has a time for each frame";
            Err(MediaError::CannotHold { path: path.into(), container: Container::Y4m.name(), what: "a picture whose frame rate is not known".into(), advice })
        }
    }
}

/// Gives the output's picture stream the encoder's parameters.
pub(super) fn set_encoder_parameters(output: &mut Output, index: usize, encoder: &ffmpeg_next::encoder::video::Encoder) {
    if let Some(mut stream) = output.stream_mut(index) {
        let parameters = ffmpeg_next::codec::Parameters::from(encoder);
        // SAFETY: both parameter sets are valid and own their extra data.
        unsafe {
            avcodec_parameters_copy((*stream.as_mut_ptr()).codecpar, parameters.as_ptr());
        }
        stream.set_time_base(encoder.time_base());
    }
}
