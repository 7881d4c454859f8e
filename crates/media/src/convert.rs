//! From one pixel format, size, range or matrix to another.

use ffmpeg_next::ffi::{
    AVColorRange, AVColorSpace, SWS_CS_ITU709, av_frame_copy_props, sws_getCoefficients,
    sws_setColorspaceDetails,
};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling;
use ffmpeg_next::{Error, frame};

use super::frame::{Layout, has_alpha, make_opaque};
use super::guard::{self, VideoShape};

/// Brings frames to the shape that their consumer was built for.
#[derive(Default)]
pub(super) struct Converter {
    scaler: Option<(VideoShape, VideoShape, scaling::Context)>,
    target: Option<frame::Video>,
    /// Turns palettes into colours before.
    colours: Option<Box<Self>>,
}

impl Converter {
    /// `frame` in `format`, with its time and properties; unchanged if it is that already.
    pub(super) fn convert<'a>(
        &'a mut self,
        frame: &'a mut frame::Video,
        format: Pixel,
    ) -> Result<&'a mut frame::Video, Error> {
        let shape = in_format(&VideoShape::of(frame), format);
        self.conform(frame, &shape)
    }

    /// `frame` in `shape`, with its time and properties; unchanged if it is that already.
    pub(super) fn conform<'a>(
        &'a mut self,
        frame: &'a mut frame::Video,
        shape: &VideoShape,
    ) -> Result<&'a mut frame::Video, Error> {
        let mut from = VideoShape::of(frame);
        if shape.takes(&from) {
            return Ok(frame);
        }
        // libswscale looks colours up exactly where they stay packed alone; into planes they go by
        // way of luma and chroma, and darken.
        if from.format == Pixel::PAL8 && shape.format != Pixel::BGRA {
            self.colours.get_or_insert_default().replace(frame, &in_format(&from, Pixel::BGRA))?;
            from = VideoShape::of(frame);
        }
        let scaler = match &mut self.scaler {
            Some((before, after, scaler)) if *before == from && after == shape => scaler,
            other => {
                let flags = scaling::Flags::BICUBIC
                    | scaling::Flags::ACCURATE_RND
                    | scaling::Flags::FULL_CHR_H_INT;
                let mut scaler = scaling::Context::get(
                    from.format,
                    from.width,
                    from.height,
                    shape.format,
                    shape.width,
                    shape.height,
                    flags,
                )?;
                tell_colours(&mut scaler, &from, shape);
                &mut other.insert((from, *shape, scaler)).2
            }
        };
        // A fresh buffer each time: the encoder may still hold the last one.
        let mut target = guard::scale(scaler, frame)?;
        if has_alpha(shape.format) && !has_alpha(from.format) {
            make_opaque(&mut target);
        }
        // SAFETY: both frames are valid; properties are copied, not buffers. Range and matrix are
        // those of the new samples.
        unsafe {
            guard::told(av_frame_copy_props(target.as_mut_ptr(), frame.as_ptr()))?;
            (*target.as_mut_ptr()).color_range = shape.range;
            (*target.as_mut_ptr()).colorspace = shape.matrix;
        }
        Ok(self.target.insert(target))
    }

    /// Makes `frame` one of `shape`.
    pub(super) fn replace(
        &mut self,
        frame: &mut frame::Video,
        shape: &VideoShape,
    ) -> Result<(), Error> {
        self.conform(frame, shape)?;
        if let Some(target) = self.target.take() {
            *frame = target;
        }
        Ok(())
    }
}

/// What a frame of that shape is in another format: red, green and blue have all values, and have
/// neither range nor matrix where they become luma and chroma.
fn in_format(shape: &VideoShape, format: Pixel) -> VideoShape {
    let (range, matrix) = match (is_rgb(shape.format), is_rgb(format)) {
        (true, false) => {
            (AVColorRange::AVCOL_RANGE_UNSPECIFIED, AVColorSpace::AVCOL_SPC_UNSPECIFIED)
        }
        (false, true) => (AVColorRange::AVCOL_RANGE_JPEG, AVColorSpace::AVCOL_SPC_UNSPECIFIED),
        _ => (shape.range, shape.matrix),
    };
    VideoShape { format, range, matrix, ..*shape }
}

pub(super) fn is_rgb(format: Pixel) -> bool {
    matches!(Layout::of(format), Layout::Rgb { .. } | Layout::Other { rgb: true, .. })
}

/// Whether the format's own name says that it has all values.
pub(super) fn is_full_range(format: Pixel) -> bool {
    matches!(
        format,
        Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P | Pixel::YUVJ440P | Pixel::YUVJ411P
    )
}

/// Tells the scaler what matrix and range its sides have: BT.709 where nothing else is said.
fn tell_colours(scaler: &mut scaling::Context, from: &VideoShape, to: &VideoShape) {
    use AVColorSpace::{
        AVCOL_SPC_BT470BG, AVCOL_SPC_BT2020_CL, AVCOL_SPC_BT2020_NCL, AVCOL_SPC_FCC,
        AVCOL_SPC_SMPTE170M, AVCOL_SPC_SMPTE240M,
    };
    // libswscale counts them as libavutil does.
    let table = |matrix: AVColorSpace| match matrix {
        AVCOL_SPC_BT470BG | AVCOL_SPC_SMPTE170M | AVCOL_SPC_FCC | AVCOL_SPC_SMPTE240M
        | AVCOL_SPC_BT2020_NCL | AVCOL_SPC_BT2020_CL => matrix as i32,
        _ => SWS_CS_ITU709,
    };
    // JPEG knows no other than BT.601.
    let to_jpeg = is_rgb(from.format) && is_full_range(to.format);
    // Of two that differ by being said or not, none is converted.
    let unsaid = AVColorSpace::AVCOL_SPC_UNSPECIFIED;
    let matrices = match (from.matrix, to.matrix) {
        _ if to_jpeg => (AVCOL_SPC_BT470BG, AVCOL_SPC_BT470BG),
        (a, b) if a == unsaid => (b, b),
        (a, b) if b == unsaid => (a, a),
        other => other,
    };
    let full = |shape: &VideoShape| {
        i32::from(
            is_rgb(shape.format)
                || is_full_range(shape.format)
                || shape.range == AVColorRange::AVCOL_RANGE_JPEG,
        )
    };
    // SAFETY: the context is valid, the tables are static.
    unsafe {
        let (before, after) =
            (sws_getCoefficients(table(matrices.0)), sws_getCoefficients(table(matrices.1)));
        sws_setColorspaceDetails(
            scaler.as_mut_ptr(),
            before,
            full(from),
            after,
            full(to),
            0,
            1 << 16,
            1 << 16,
        );
    }
}

/// The format, close to `format`, that can be measured and marked.
pub(super) fn markable(format: Pixel) -> Pixel {
    match Layout::of(format) {
        _ if format == Pixel::GRAY16BE => Pixel::GRAY16LE,
        _ if matches!(format, Pixel::MonoWhite | Pixel::MonoBlack) => Pixel::GRAY8,
        Layout::Luma { .. } | Layout::Rgb { .. } => format,
        Layout::Other { rgb: true, depth, alpha } => match (depth > 8, alpha) {
            (false, false) => Pixel::GBRP,
            (false, true) => Pixel::GBRAP,
            (true, false) => Pixel::GBRP16LE,
            (true, true) => Pixel::GBRAP16LE,
        },
        Layout::Other { depth, alpha, .. } => match (depth > 8, alpha) {
            (false, false) => Pixel::YUV444P,
            (false, true) => Pixel::YUVA444P,
            (true, false) => Pixel::YUV444P12LE,
            (true, true) => Pixel::YUVA444P16LE,
        },
    }
}
