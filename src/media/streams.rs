//! What goes from input to output as it is: sound that is not marked, subtitles, chapters, metadata, and the side data of the picture.

use std::collections::HashMap;
use std::ffi::{CString, c_int, c_uint};
use std::path::Path;

use ffmpeg_next::codec::Id;
use ffmpeg_next::ffi::{
    AVPacketSideDataType, AVRational, AVStream, av_dict_copy, av_dict_set, av_guess_format, av_stream_add_side_data, av_stream_get_side_data, avcodec_parameters_copy,
    avformat_query_codec,
};
use ffmpeg_next::format::context::Output;
use ffmpeg_next::{Packet, Rational, Stream, encoder, frame, media};

use super::source::{Source, is_cover};
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
    /// The last decoding time that was written.
    last: Option<i64>,
}

impl Copied {
    /// Muxers refuse packets whose decoding time does not rise: those of a stream whose clock went back a little are moved behind the last one.
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

/// What a stream holds, in a word: libav's name of its codec, or the four letters by which its file names it.
pub(super) fn name(stream: &Stream<'_>) -> String {
    let id = stream.parameters().id();
    // SAFETY: the stream is valid; only a plain field is read.
    let tag = unsafe { (*(*stream.as_ptr()).codecpar).codec_tag }.to_le_bytes();
    match id {
        Id::None | Id::BIN_DATA if tag.iter().all(u8::is_ascii_graphic) => tag.iter().map(|&b| char::from(b)).collect(),
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

/// Adds an output stream for each input stream but those that are `taken` already. Returns them by input index, and a line for each that could not be kept, or that is
/// kept without a mark.
pub(super) fn copy_streams(path: &Path, container: Container, input: &Source, taken: &[usize], output: &mut Output) -> Result<(HashMap<usize, Copied>, Vec<String>), MediaError> {
    let mut copied = HashMap::new();
    let mut left_out = Vec::new();
    for stream in input.streams() {
        if taken.contains(&stream.index()) || is_written_anyway(container, input, &stream) {
            continue;
        }
        let medium = stream.parameters().medium();
        let what = format!("stream {} ({}, {})", stream.index(), kind(medium), name(&stream));
        if !container.keeps(&stream) {
            left_out.push(format!("{what} was left out: it is not carried over to {}", container.name()));
            continue;
        }
        if medium == media::Type::Video && !is_cover(&stream) {
            left_out.push(format!("{what} was copied without a mark: the file holds more than one picture, and the one that players show is marked"));
        }
        copied.insert(stream.index(), copy_stream(path, container, &stream, output)?);
    }
    Ok((copied, left_out))
}

fn copy_stream(path: &Path, container: Container, stream: &Stream<'_>, output: &mut Output) -> Result<Copied, MediaError> {
    let fail = |e: ffmpeg_next::Error| MediaError::Write { path: path.into(), reason: e.to_string() };
    let mut added = output.add_stream(encoder::find(Id::None)).map_err(fail)?;
    added.set_parameters(stream.parameters());
    added.set_time_base(stream.time_base());
    // SAFETY: both streams live as long as their contexts; the tag of another container must not be carried over.
    unsafe {
        let (from, to) = (stream.as_ptr(), added.as_mut_ptr());
        (*(*to).codecpar).codec_tag = container.tag(stream.parameters().id(), (*(*from).codecpar).codec_tag);
        (*to).disposition = (*from).disposition;
        (*to).avg_frame_rate = (*from).avg_frame_rate;
        (*to).sample_aspect_ratio = (*from).sample_aspect_ratio;
        av_dict_copy(&mut (*to).metadata, (*from).metadata, 0);
        copy_side_data(from, to);
    }
    Ok(Copied { index: added.index(), time_base: stream.time_base(), last: None })
}

/// Whether the muxer makes the stream anew from what is copied besides: QuickTime's track of chapters, and a timecode, which is kept with the picture's metadata.
fn is_written_anyway(container: Container, input: &Source, stream: &Stream<'_>) -> bool {
    let data = stream.parameters().medium() == media::Type::Data;
    let chapters = data && stream.parameters().id() == Id::BIN_DATA && input.nb_chapters() > 0 && name(stream) != "tmcd";
    let timecode = || input.streams().any(|s| s.metadata().get("timecode").is_some()) || input.metadata().get("timecode").is_some();
    chapters || (data && name(stream) == "tmcd" && matches!(container, Container::Mp4 | Container::Mov | Container::Matroska) && timecode())
}

impl Container {
    /// Whether the container holds sound, pictures or text of that codec, so that players of it take them.
    pub(super) fn holds(self, id: Id) -> bool {
        // libav writes it there, as MPEG-4 part 1 lets it; no browser and no phone plays it.
        let unplayed = id == Id::VORBIS && matches!(self, Self::Mp4 | Self::Fragments | Self::Mov | Self::M4a);
        if self == Self::Mp3 {
            return id == Id::MP3;
        }
        let Ok(muxer) = CString::new(self.muxer()) else { return false };
        // SAFETY: the name ends with a zero; formats are static table entries, or null, of which libav says no. 1 means yes, 0 no, negative unknown.
        !unplayed && unsafe { avformat_query_codec(av_guess_format(muxer.as_ptr(), std::ptr::null(), std::ptr::null()), id.into(), -2) == 1 }
    }

    /// Whether a stream can be copied into the container.
    fn keeps(self, stream: &Stream<'_>) -> bool {
        let id = stream.parameters().id();
        match stream.parameters().medium() {
            _ if self.is_still() || self == Self::Y4m => false,
            media::Type::Attachment => self == Self::Matroska,
            // A picture beside the sound, or the clip.
            media::Type::Video if is_cover(stream) => {
                let kinds: &[Id] = match self {
                    Self::Mp4 | Self::M4a => &[Id::MJPEG, Id::PNG, Id::BMP],
                    Self::Mp3 | Self::Flac => &[Id::MJPEG, Id::PNG, Id::BMP, Id::GIF, Id::TIFF, Id::WEBP],
                    // The muxer attaches what comes with a name and a type, which pictures of other containers have not.
                    _ => &[],
                };
                kinds.contains(&id)
            }
            media::Type::Video if self.is_sound() => false,
            media::Type::Video | media::Type::Audio | media::Type::Subtitle => id != Id::None && self.holds(id),
            // Data streams (camera motion, positions) tie to the container they came from.
            _ => false,
        }
    }

    /// The four letters by which MP4 names a codec, where libav's own choice is not what players take: `hvc1` for H.265, as Apple's want it, unless parameter sets were among
    /// the frames already.
    pub(super) fn tag(self, id: Id, before: u32) -> u32 {
        let mp4 = matches!(self, Self::Mp4 | Self::Mov | Self::Fragments);
        if mp4 && id == Id::HEVC && before != u32::from_le_bytes(*b"hev1") { u32::from_le_bytes(*b"hvc1") } else { 0 }
    }
}

/// Copies what belongs to the picture's stream but not to its codec: rotation, HDR metadata, language, disposition; of `alpha` beside it what says so.
pub(super) fn copy_picture_properties(input: &Source, from: usize, output: &mut Output, to: usize, alpha: bool) {
    let (Some(source), Some(mut target)) = (input.stream(from), output.stream_mut(to)) else { return };
    // SAFETY: both streams are valid. The data is copied into a buffer that the output stream then owns.
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
}

/// # Safety
/// Both streams are valid.
unsafe fn copy_side_data(from: *const AVStream, to: *mut AVStream) {
    // SAFETY: both streams are valid. The data is copied into a buffer that the output stream then owns.
    unsafe {
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

/// Names of metadata that say how a file was made, and are made anew.
const OF_THE_FILE: [&str; 6] = ["encoder", "creation_time", "major_brand", "minor_version", "compatible_brands", "handler_name"];

/// Names that MP4's own tags have, as iTunes and taggers read them, by libav's muxer.
const TAGS: [&str; 27] = [
    "title",
    "artist",
    "album_artist",
    "composer",
    "album",
    "date",
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
    "track",
    "disc",
    "tmpo",
    "episode_sort",
    "season_number",
    "media_type",
    "hd_video",
    "gapless_playback",
    "compilation",
    "location",
];

/// Names that QuickTime has besides.
const OF_QUICKTIME: [&str; 2] = ["make", "model"];

/// Copies metadata and chapters of the whole file. Whether MP4 is to have the metadata by name: its own tags, which everybody reads, know a few names alone, and libav writes
/// one or the other. A line for those that are lost so.
pub(super) fn copy_metadata(container: Container, input: &Source, output: &mut Output) -> (bool, Option<String>) {
    // SAFETY: both contexts are valid; the dictionary is copied entry by entry.
    unsafe {
        av_dict_copy(&mut (*output.as_mut_ptr()).metadata, (*input.as_ptr()).metadata, 0);
    }
    for chapter in input.chapters() {
        let title = chapter.metadata().get("title").unwrap_or("").to_string();
        // A chapter that libav will not take (end before start) is damaged already.
        let _ = output.add_chapter(chapter.id(), chapter.time_base(), chapter.start(), chapter.end(), &title);
    }
    let mp4 = matches!(container, Container::Mp4 | Container::Mov | Container::M4a | Container::Fragments);
    let names: Vec<String> = input.metadata().iter().map(|(key, _)| key.to_ascii_lowercase()).filter(|k| !OF_THE_FILE.contains(&k.as_str())).collect();
    let odd: Vec<&str> = names.iter().map(String::as_str).filter(|k| !TAGS.contains(k) && !(container == Container::Mov && OF_QUICKTIME.contains(k))).collect();
    if !mp4 || odd.is_empty() {
        return (false, None);
    }
    let cover = input.streams().any(|s| is_cover(&s) && container.keeps(&s));
    if !cover && odd.len() == names.len() {
        return (true, None);
    }
    (false, Some(format!("metadata '{}' was left out: it is not among the tags of {}", odd.join("', '"), container.name())))
}

/// Why the picture of a stream cannot be taken for what it is coded as, if it cannot; else what is lost of its Dolby Vision, if it has any.
pub(super) fn dolby_vision(source: &Stream<'_>) -> Result<Option<String>, String> {
    // SAFETY: libav returns null or a pointer to as many bytes as it says, which live as long as the stream.
    let record = unsafe {
        let mut size = 0;
        let data = av_stream_get_side_data(source.as_ptr().cast_mut(), AVPacketSideDataType::AV_PKT_DATA_DOVI_CONF, &mut size);
        if data.is_null() { &[] } else { std::slice::from_raw_parts(data, size) }
    };
    // AVDOVIDecoderConfigurationRecord (libavutil/dovi_meta.h), bytes alone: version, profile, level, three flags, and what the base layer is compatible with.
    let (Some(&profile), Some(&compatible)) = (record.get(2), record.get(7)) else { return Ok(None) };
    if compatible == 0 {
        return Err(format!(
            "it is Dolby Vision profile {profile}, whose colours (IPTPQc2) only its own metadata make into a picture, and that cannot be written here; convert it to HDR10 or SDR first"
        ));
    }
    Ok(Some(format!("the Dolby Vision metadata (profile {profile}) was left out: what other players show of the clip stays")))
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
pub(super) fn set_encoder_parameters(output: &mut Output, index: usize, encoder: &ffmpeg_next::encoder::video::Encoder, container: Container) {
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
