//! What a stream says of its picture beside its packets: how it is turned and shaped, and how
//! bright it is.

use std::ffi::{c_int, c_uint};

use ffmpeg_next::ffi::{
    AVPacketSideDataType, AVRational, AVStream, av_stream_add_side_data, av_stream_get_side_data,
};
use ffmpeg_next::{Stream, frame};

/// libav's `AVMasteringDisplayMetadata` (libavutil/mastering_display_metadata.h), which the
/// bindings lack.
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

/// What the stream says beside its packets.
pub(super) fn side_data<'a>(
    source: &'a Stream<'_>,
    kind: AVPacketSideDataType,
) -> Option<&'a [u8]> {
    // SAFETY: libav returns null or a pointer to as many bytes as it says, which live as long as
    // the stream.
    unsafe {
        let mut size = 0;
        let data = av_stream_get_side_data(source.as_ptr().cast_mut(), kind, &mut size);
        if data.is_null() { None } else { Some(std::slice::from_raw_parts(data, size)) }
    }
}

/// Whether a display matrix does anything: nine numbers (libavutil/display.h), of which the upper
/// left four turn and mirror.
pub(super) fn is_turned(matrix: &[u8]) -> bool {
    let numbers: Vec<i32> =
        matrix.as_chunks::<4>().0.iter().map(|&bytes| i32::from_ne_bytes(bytes)).collect();
    matches!(numbers[..], [a, b, _, c, d, ..] if a <= 0 || d <= 0 || b != 0 || c != 0)
}

/// Degrees, clockwise, by which players turn a stream's picture: 0, 90, 180 or 270.
pub(super) fn turned(source: &Stream<'_>) -> u16 {
    let matrix = side_data(source, AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX);
    let numbers: Vec<i32> = matrix
        .map(|m| m.as_chunks::<4>().0.iter().map(|&bytes| i32::from_ne_bytes(bytes)).collect())
        .unwrap_or_default();
    match numbers[..] {
        [a, b, _, c, d, ..] if a == 0 && d == 0 && b > 0 && c < 0 => 90,
        [a, b, _, c, d, ..] if a < 0 && d < 0 && b == 0 && c == 0 => 180,
        [a, b, _, c, d, ..] if a == 0 && d == 0 && b < 0 && c > 0 => 270,
        _ => 0,
    }
}

/// # Safety
/// Both streams are valid.
pub(super) unsafe fn copy_side_data(from: *const AVStream, to: *mut AVStream) {
    // SAFETY: both streams are valid. The data is copied into a buffer that the output stream then
    // owns.
    unsafe {
        for i in 0..(*from).nb_side_data.max(0) as usize {
            let item = &*(*from).side_data.add(i);
            if !travels(item.type_) {
                continue;
            }
            let buffer = ffmpeg_next::ffi::av_memdup(item.data.cast(), item.size);
            if !buffer.is_null()
                && av_stream_add_side_data(to, item.type_, buffer.cast(), item.size) < 0
            {
                ffmpeg_next::ffi::av_free(buffer);
            }
        }
    }
}

/// Side data that says something about the picture, whatever its codec.
fn travels(kind: AVPacketSideDataType) -> bool {
    use AVPacketSideDataType::{
        AV_PKT_DATA_CONTENT_LIGHT_LEVEL, AV_PKT_DATA_DISPLAYMATRIX,
        AV_PKT_DATA_MASTERING_DISPLAY_METADATA, AV_PKT_DATA_SPHERICAL, AV_PKT_DATA_STEREO3D,
    };
    matches!(
        kind,
        AV_PKT_DATA_DISPLAYMATRIX
            | AV_PKT_DATA_STEREO3D
            | AV_PKT_DATA_SPHERICAL
            | AV_PKT_DATA_MASTERING_DISPLAY_METADATA
            | AV_PKT_DATA_CONTENT_LIGHT_LEVEL
    )
}

/// Why the picture of a stream cannot be taken for what it is coded as, if it cannot; else what is
/// lost of its Dolby Vision, if it has any.
pub(super) fn dolby_vision(source: &Stream<'_>) -> Result<Option<String>, String> {
    let record = side_data(source, AVPacketSideDataType::AV_PKT_DATA_DOVI_CONF).unwrap_or_default();
    // AVDOVIDecoderConfigurationRecord (libavutil/dovi_meta.h), bytes alone: version, profile,
    // level, three flags, and what the base layer is compatible with.
    let (Some(&profile), Some(&compatible)) = (record.get(2), record.get(7)) else {
        return Ok(None);
    };
    if compatible == 0 {
        return Err(format!(
            "it is Dolby Vision profile {profile}, whose colours (IPTPQc2) only its own metadata \
            make into a picture, and that cannot be written here; convert it to HDR10 or SDR first"
        ));
    }
    Ok(Some(format!(
        "the Dolby Vision metadata (profile {profile}) was left out: what other players show of \
        the clip stays"
    )))
}

/// Gives the stream the HDR metadata that only its frames carry, so that it is known before the
/// first one is encoded.
pub(super) fn adopt_light_metadata(stream: &Stream<'_>, first: &frame::Video) {
    use frame::side_data::Type;
    let kinds = [
        (
            Type::MasteringDisplayMetadata,
            AVPacketSideDataType::AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
        ),
        (Type::ContentLightLevel, AVPacketSideDataType::AV_PKT_DATA_CONTENT_LIGHT_LEVEL),
    ];
    for (kind, packet_kind) in kinds {
        let Some(data) = first.side_data(kind) else { continue };
        let bytes = data.data();
        // SAFETY: the stream is valid and is asked first whether it has this already; the data is
        // copied into a buffer that it then owns.
        unsafe {
            let stream = stream.as_ptr() as *mut _;
            let mut size = 0;
            if !av_stream_get_side_data(stream, packet_kind, &mut size).is_null() {
                continue;
            }
            let buffer = ffmpeg_next::ffi::av_memdup(bytes.as_ptr().cast(), bytes.len());
            if !buffer.is_null()
                && av_stream_add_side_data(stream, packet_kind, buffer.cast(), bytes.len()) < 0
            {
                ffmpeg_next::ffi::av_free(buffer);
            }
        }
    }
}

/// HDR metadata of the source stream as x265 wants it told.
pub(super) fn x265_hdr(source: &Stream<'_>) -> Vec<String> {
    let mut out = Vec::new();
    let value = |r: AVRational, unit: f64| {
        if r.den == 0 { 0 } else { (f64::from(r.num) / f64::from(r.den) * unit).round() as i64 }
    };
    // SAFETY: libav returns null or a pointer to a structure of the asked kind, which lives as long
    // as the stream.
    unsafe {
        let stream = source.as_ptr() as *mut _;
        let mut size = 0;
        let data = av_stream_get_side_data(
            stream,
            AVPacketSideDataType::AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
            &mut size,
        );
        if let Some(m) = (data as *const MasteringDisplay)
            .as_ref()
            .filter(|m| m.has_primaries != 0 && m.has_luminance != 0)
        {
            let point = |p: [AVRational; 2]| {
                format!("({},{})", value(p[0], 50_000.0), value(p[1], 50_000.0))
            };
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
        let data = av_stream_get_side_data(
            stream,
            AVPacketSideDataType::AV_PKT_DATA_CONTENT_LIGHT_LEVEL,
            &mut size,
        );
        if let Some(c) = (data as *const ContentLight).as_ref() {
            out.push(format!("max-cll={},{}", c.max_cll, c.max_fall));
        }
    }
    out
}
