//! Where every frame passes on its way out of libav and into it: nothing else of this folder takes
//! one from a decoder, a filter or a resampler, or hands one to them.
//!
//! libav believes what it is handed: an encoder reads as many rows as it was opened for, from a
//! frame that has fewer. So each frame is held against its own buffers when it comes out, and
//! against what its next consumer was built for before that reads it.

use std::ffi::c_int;
use std::ops::Range;

use ffmpeg_next::ffi::{
    AV_FRAME_FLAG_CORRUPT, AV_PIX_FMT_FLAG_HWACCEL, AV_PIX_FMT_FLAG_PAL, AVColorRange,
    AVColorSpace, AVFrame, AVPixFmtDescriptor, av_frame_copy, av_frame_copy_props,
    av_frame_get_buffer, av_frame_get_plane_buffer, av_frame_make_writable, av_frame_unref,
    av_image_check_size, av_image_fill_linesizes, av_pix_fmt_desc_get, swr_convert_frame,
};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::format::sample::{Sample, Type};
use ffmpeg_next::software::{resampling, scaling};
use ffmpeg_next::{ChannelLayout, Error, decoder, encoder, frame};

/// What libav knows of a format; `None` of one that is none.
pub(super) fn descriptor(format: Pixel) -> Option<&'static AVPixFmtDescriptor> {
    // SAFETY: the function returns null or a pointer to a static table entry.
    unsafe { av_pix_fmt_desc_get(format.into()).as_ref() }
}

/// What a consumer of video frames is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VideoShape {
    /// Columns.
    pub(super) width: u32,
    /// Rows.
    pub(super) height: u32,
    /// How samples lie, and how many there are.
    pub(super) format: Pixel,
    /// Which values are black and white.
    pub(super) range: AVColorRange,
    /// What red, green and blue make of luma and chroma.
    pub(super) matrix: AVColorSpace,
}

impl VideoShape {
    pub(super) fn of(frame: &frame::Video) -> Self {
        // SAFETY: the frame is valid; only plain fields are read.
        let (range, matrix) =
            unsafe { ((*frame.as_ptr()).color_range, (*frame.as_ptr()).colorspace) };
        Self { width: frame.width(), height: frame.height(), format: frame.format(), range, matrix }
    }

    /// Whether a consumer that was built for `self` reads a frame of the `other` shape as it is:
    /// what a frame does not say of its colours is as before.
    pub(super) fn takes(&self, other: &Self) -> bool {
        use {AVColorRange::AVCOL_RANGE_UNSPECIFIED, AVColorSpace::AVCOL_SPC_UNSPECIFIED};
        let range = [self.range, other.range].contains(&AVCOL_RANGE_UNSPECIFIED)
            || self.range == other.range;
        let matrix = [self.matrix, other.matrix].contains(&AVCOL_SPC_UNSPECIFIED)
            || self.matrix == other.matrix;
        (self.width, self.height, self.format) == (other.width, other.height, other.format)
            && range
            && matrix
    }
}

/// The next frame of a decoder, whole.
pub(super) fn receive_video(
    decoder: &mut decoder::Video,
    frame: &mut frame::Video,
) -> Result<(), Error> {
    decoder.receive_frame(frame)?;
    straighten(frame)
}

/// The next samples of a decoder, all of them there.
pub(super) fn receive_audio(
    decoder: &mut decoder::Audio,
    frame: &mut frame::Audio,
) -> Result<(), Error> {
    decoder.receive_frame(frame)?;
    check_audio(frame)
}

/// Whether a frame came out although something of it was missing or wrong, by the decoder or by the
/// container.
pub(super) fn is_damaged(frame: &frame::Video) -> bool {
    // SAFETY: the frame is valid; only plain fields are read.
    let (flags, errors) =
        unsafe { ((*frame.as_ptr()).flags, (*frame.as_ptr()).decode_error_flags) };
    flags & AV_FRAME_FLAG_CORRUPT as c_int != 0 || errors != 0
}

/// Takes a frame over from whoever fills it, such as a filter.
///
/// # Errors
/// That of `fill`, or [`Error::InvalidData`] if the frame reaches beyond its buffers.
pub(super) fn fill_video(
    frame: &mut frame::Video,
    fill: impl FnOnce(*mut AVFrame) -> c_int,
) -> Result<(), Error> {
    // SAFETY: the frame is ours; who fills it expects an empty one and does not free what it holds.
    let filled = unsafe {
        av_frame_unref(frame.as_mut_ptr());
        fill(frame.as_mut_ptr())
    };
    if filled < 0 {
        return Err(Error::from(filled));
    }
    straighten(frame)
}

/// Hands a frame to an encoder that was opened for frames of its size and format.
pub(super) fn send_video(
    encoder: &mut encoder::video::Encoder,
    frame: &frame::Video,
) -> Result<(), Error> {
    let built = (encoder.width(), encoder.height(), encoder.format());
    if (frame.width(), frame.height(), frame.format()) != built || !is_plain(frame) {
        return Err(Error::InputChanged);
    }
    encoder.send_frame(frame)
}

/// Hands samples to an encoder that was opened for their format, rate and layout.
pub(super) fn send_audio(
    encoder: &mut encoder::audio::Encoder,
    frame: &frame::Audio,
) -> Result<(), Error> {
    let same = frame.format() == encoder.format()
        && frame.rate() == encoder.rate()
        && frame.channels() == encoder.channels();
    if !same {
        return Err(Error::InputChanged);
    }
    check_audio(frame)?;
    encoder.send_frame(frame)
}

/// A new frame, whose buffers are its own.
pub(super) fn new_video(format: Pixel, width: u32, height: u32) -> Result<frame::Video, Error> {
    let mut frame = frame::Video::empty();
    frame.set_format(format);
    frame.set_width(width);
    frame.set_height(height);
    // SAFETY: the frame has its format and size, and no buffer yet; libav refuses sizes that it
    // cannot allocate.
    told(unsafe { av_frame_get_buffer(frame.as_mut_ptr(), 0) })?;
    Ok(frame)
}

/// A new frame of `samples` a channel.
pub(super) fn new_audio(
    format: Sample,
    layout: ChannelLayout,
    samples: usize,
    rate: u32,
) -> Result<frame::Audio, Error> {
    let mut frame = frame::Audio::empty();
    frame.set_format(format);
    frame.set_channel_layout(layout);
    frame.set_samples(samples);
    frame.set_rate(rate);
    // SAFETY: the frame has its format, layout and size, and no buffer yet.
    told(unsafe { av_frame_get_buffer(frame.as_mut_ptr(), 0) })?;
    check_audio(&frame)?;
    Ok(frame)
}

/// Scales `frame` into a new one. The scaler itself refuses frames of another size or format than
/// it was made for.
pub(super) fn scale(
    scaler: &mut scaling::Context,
    frame: &frame::Video,
) -> Result<frame::Video, Error> {
    if !is_plain(frame) {
        return Err(Error::InvalidData);
    }
    let to = *scaler.output();
    let mut scaled = new_video(to.format, to.width, to.height)?;
    scaler.run(frame, &mut scaled)?;
    Ok(scaled)
}

/// Resamples `frame` into a new one, which may be empty; `None` for what the resampler still holds
/// at the end. It compares what it is given with what it was made for itself.
pub(super) fn resample(
    resampler: &mut resampling::Context,
    frame: Option<&frame::Audio>,
) -> Result<frame::Audio, Error> {
    let to = *resampler.output();
    let mut resampled = frame::Audio::empty();
    resampled.set_format(to.format);
    resampled.set_channel_layout(to.channel_layout);
    resampled.set_rate(to.rate);
    if let Some(frame) = frame {
        check_audio(frame)?;
    }
    let from = frame.map_or(std::ptr::null(), |f| {
        // SAFETY: it is borrowed until the call below is over.
        unsafe { f.as_ptr() }
    });
    // SAFETY: both frames are valid; the resampler gives the new one a buffer of its own, as large
    // as what comes out.
    told(unsafe { swr_convert_frame(resampler.as_mut_ptr(), resampled.as_mut_ptr(), from) })?;
    if resampled.samples() > 0 {
        check_audio(&resampled)?;
    }
    Ok(resampled)
}

/// Makes the frame the only owner of its buffers, so that what a decoder refers to stays as it is.
pub(super) fn own(frame: &mut frame::Video) -> Result<(), Error> {
    // SAFETY: the frame is valid and refers to whole buffers.
    told(unsafe { av_frame_make_writable(frame.as_mut_ptr()) })
}

/// Copies a frame whose rows run upwards, or end with the last sample of their buffer, into one
/// that can be lent as slices.
fn straighten(frame: &mut frame::Video) -> Result<(), Error> {
    if !are_planes(frame, Rows::AsTheyLie) {
        return Err(Error::InvalidData);
    }
    if is_plain(frame) {
        return Ok(());
    }
    let mut plain = new_video(frame.format(), frame.width(), frame.height())?;
    // SAFETY: both frames have the same size and format, and all their rows lie within their
    // buffers.
    told(unsafe { av_frame_copy(plain.as_mut_ptr(), frame.as_ptr()) })?;
    // SAFETY: both frames are valid.
    told(unsafe { av_frame_copy_props(plain.as_mut_ptr(), frame.as_ptr()) })?;
    *frame = plain;
    Ok(())
}

/// Whether the planes can be lent as slices of stride times rows.
fn is_plain(frame: &frame::Video) -> bool {
    are_planes(frame, Rows::Whole)
}

/// How much of a plane must be in its buffer.
#[derive(Clone, Copy, PartialEq)]
enum Rows {
    /// The samples of each row, upwards or downwards.
    AsTheyLie,
    /// The stride of each row, the last one's too, downwards.
    Whole,
}

/// Whether every plane that the frame's format has lies in a buffer that the frame holds.
fn are_planes(frame: &frame::Video, rows: Rows) -> bool {
    // SAFETY: the frame is valid.
    unsafe {
        let raw = &*frame.as_ptr();
        let Some(format) = descriptor(frame.format()) else { return false };
        let flag = |flag: i32| format.flags & flag as u64 != 0;
        let mut least = [0; 4];
        let sized = raw.width > 0
            && raw.height > 0
            && av_image_check_size(raw.width as u32, raw.height as u32, 0, std::ptr::null_mut())
                >= 0
            && av_image_fill_linesizes(least.as_mut_ptr(), frame.format().into(), raw.width) >= 0;
        if !sized || flag(AV_PIX_FMT_FLAG_HWACCEL) {
            return false;
        }
        let planes = (0..4).filter(|&p| least[p] > 0).all(|p| {
            let halved = if p == 1 || p == 2 { u32::from(format.log2_chroma_h) } else { 0 };
            let height = -(-raw.height >> halved);
            let (stride, row) = (raw.linesize[p] as isize, least[p] as isize);
            let span = match rows {
                Rows::AsTheyLie if stride.abs() < row => None,
                Rows::AsTheyLie => span(stride, row, height as isize),
                Rows::Whole => (stride >= row)
                    .then(|| stride.checked_mul(height as isize).map(|end| 0..end))
                    .flatten(),
            };
            span.is_some_and(|span| is_held(raw, p as c_int, &span))
        });
        // 256 colours of four bytes.
        planes && (!flag(AV_PIX_FMT_FLAG_PAL) || is_held(raw, 1, &(0..1024)))
    }
}

/// Bytes of a plane around its first sample.
fn span(stride: isize, row: isize, height: isize) -> Option<Range<isize>> {
    let last = stride.checked_mul(height - 1)?;
    Some(last.min(0)..last.max(0).checked_add(row)?)
}

/// Whether those bytes, from a plane's first sample on, are in a buffer that the frame holds.
///
/// # Safety
/// The frame is valid.
unsafe fn is_held(frame: &AVFrame, plane: c_int, span: &Range<isize>) -> bool {
    // SAFETY: libav finds the buffer that holds the plane's first byte among those of a valid
    // frame, or returns null.
    let (buffer, data) = unsafe {
        let data = if frame.nb_samples > 0 && !frame.extended_data.is_null() {
            *frame.extended_data.add(plane as usize)
        } else {
            frame.data[plane as usize]
        };
        (av_frame_get_plane_buffer(std::ptr::from_ref(frame).cast_mut(), plane).as_ref(), data)
    };
    let Some(buffer) = buffer.filter(|_| !data.is_null()) else { return false };
    let start = data as isize - buffer.data as isize;
    let inside = |at: Option<isize>| at.is_some_and(|at| at >= 0 && at as usize <= buffer.size);
    inside(start.checked_add(span.start)) && inside(start.checked_add(span.end))
}

/// Whether the samples that a frame says it has are in its buffers.
fn check_audio(frame: &frame::Audio) -> Result<(), Error> {
    let (format, channels, samples) =
        (frame.format(), usize::from(frame.channels()), frame.samples());
    let (planes, wide) = match format {
        Sample::None => return Err(Error::InvalidData),
        Sample::U8(kind)
        | Sample::I16(kind)
        | Sample::I32(kind)
        | Sample::I64(kind)
        | Sample::F32(kind)
        | Sample::F64(kind) => {
            if kind == Type::Planar {
                (channels, 1)
            } else {
                (1, channels)
            }
        }
    };
    let bytes = samples
        .checked_mul(wide)
        .and_then(|n| n.checked_mul(format.bytes()))
        .and_then(|n| isize::try_from(n).ok());
    let whole = |bytes: isize| {
        (0..planes).all(|p| {
            // SAFETY: the frame is valid and has as many planes as its format and channels say:
            // libav's own decoders, resamplers and buffers are made so.
            unsafe { is_held(&*frame.as_ptr(), p as c_int, &(0..bytes)) }
        })
    };
    if channels > 0 && samples > 0 && frame.rate() > 0 && bytes.is_some_and(whole) {
        Ok(())
    } else {
        Err(Error::InvalidData)
    }
}

/// libav's numbers as errors.
pub(super) fn told(code: c_int) -> Result<(), Error> {
    if code < 0 { Err(Error::from(code)) } else { Ok(()) }
}

/// When a frame is shown, by the best that libav knows, in the time base of its stream.
pub(super) fn time_of(frame: &frame::Video) -> Option<i64> {
    frame.timestamp().or(frame.pts())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame whose planes lie `rows` rows before the end of their buffers.
    fn frame(format: Pixel) -> frame::Video {
        let frame = new_video(format, 33, 17).unwrap();
        assert!(is_plain(&frame), "{format:?}");
        frame
    }

    #[test]
    fn a_frame_that_reaches_beyond_its_buffers_is_refused() {
        for format in [
            Pixel::YUV420P,
            Pixel::YUV444P10LE,
            Pixel::NV12,
            Pixel::GBRP,
            Pixel::RGB24,
            Pixel::GRAY8,
            Pixel::YUVA420P,
            Pixel::PAL8,
        ] {
            for change in [
                (|f: &mut AVFrame| f.height = 4000) as fn(&mut AVFrame),
                |f| f.width = 4000,
                |f| f.height = 0,
                |f| f.linesize[0] = 8,
                |f| f.linesize[0] = 1 << 20,
                |f| f.linesize[0] = -f.linesize[0],
                |f| f.data[0] = std::ptr::null_mut(),
                |f| f.format = -1,
            ] {
                let mut frame = frame(format);
                // SAFETY: the fields are put back before libav frees by them; buffers are freed by
                // their own references.
                unsafe { change(&mut *frame.as_mut_ptr()) };
                assert!(straighten(&mut frame).is_err(), "{format:?}");
            }
        }
    }

    #[test]
    fn rows_from_the_last_up_are_turned_round() {
        let mut frame = frame(Pixel::GRAY8);
        let stride = frame.stride(0);
        frame.data_mut(0).chunks_mut(stride).enumerate().for_each(|(y, row)| row.fill(y as u8));
        // SAFETY: the first row is now the last one, and all of them are in the buffer.
        unsafe {
            let raw = &mut *frame.as_mut_ptr();
            raw.data[0] = raw.data[0].add(16 * stride);
            raw.linesize[0] = -raw.linesize[0];
        }
        assert!(!is_plain(&frame));
        straighten(&mut frame).unwrap();
        let stride = frame.stride(0);
        assert!(frame.data(0).chunks(stride).enumerate().all(|(y, row)| row[0] == 16 - y as u8));
    }

    #[test]
    fn samples_that_are_not_there_are_refused() {
        for format in [Sample::F32(Type::Packed), Sample::I16(Type::Planar)] {
            let mut frame = new_audio(format, ChannelLayout::_5POINT1, 1024, 48_000).unwrap();
            frame.set_samples(100_000);
            assert!(check_audio(&frame).is_err());
        }
    }
}
