//! Decoded frames as the marks see them: a luma plane to measure, planes to add to.

use std::io;

use ffmpeg_next::ffi::{
    AV_PIX_FMT_FLAG_ALPHA, AV_PIX_FMT_FLAG_BE, AV_PIX_FMT_FLAG_BITSTREAM, AV_PIX_FMT_FLAG_FLOAT,
    AV_PIX_FMT_FLAG_HWACCEL, AV_PIX_FMT_FLAG_PAL, AV_PIX_FMT_FLAG_PLANAR, AV_PIX_FMT_FLAG_RGB,
    AVColorRange, AVPALETTE_SIZE, AVPixFmtDescriptor,
};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame;

use super::guard::{self, descriptor};
use proofmark_core::video::{
    Canvas, Coding, FrameMarker, FramePlan, FrameShape, Luma, SampleFormat, Samples, SamplesMut,
    of_colours,
};

/// How the samples of a pixel format lie, as far as the marks care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// The first plane is luma.
    Luma {
        /// Bits per sample.
        depth: u8,
    },
    /// Three planes: green, blue, red.
    Rgb {
        /// Bits per sample.
        depth: u8,
    },
    /// Anything else: packed, palettes, floats, hardware surfaces.
    Other {
        /// Whether its colours are red, green and blue.
        rgb: bool,
        /// Bits of its first component.
        depth: u8,
        /// Whether it has an alpha component.
        alpha: bool,
    },
}

impl Layout {
    pub(super) fn of(format: Pixel) -> Self {
        let Some(d) = descriptor(format) else {
            return Self::Other { rgb: false, depth: 8, alpha: false };
        };
        let has = |flag: i32| d.flags & flag as u64 != 0;
        let rgb = has(AV_PIX_FMT_FLAG_RGB) || has(AV_PIX_FMT_FLAG_PAL);
        let depth = d.comp[0].depth.clamp(1, 32) as u8;
        let alpha = d.nb_components == 2 || d.nb_components == 4 || has(AV_PIX_FMT_FLAG_PAL);
        let other = Self::Other { rgb, depth, alpha };
        let plain = ![
            AV_PIX_FMT_FLAG_BE,
            AV_PIX_FMT_FLAG_PAL,
            AV_PIX_FMT_FLAG_BITSTREAM,
            AV_PIX_FMT_FLAG_HWACCEL,
            AV_PIX_FMT_FLAG_FLOAT,
        ]
        .into_iter()
        .any(has);
        let step = if depth > 8 { 2 } else { 1 };
        let sample =
            |i: usize| d.comp[i].step == step && d.comp[i].shift == 0 && d.comp[i].offset == 0;
        if !plain || !(8..=16).contains(&depth) || !sample(0) {
            other
        } else if !rgb && d.comp[0].plane == 0 {
            Self::Luma { depth }
        } else if rgb
            && has(AV_PIX_FMT_FLAG_PLANAR)
            && d.nb_components >= 3
            && sample(1)
            && sample(2)
        {
            Self::Rgb { depth }
        } else {
            other
        }
    }
}

/// Whether frames of a format can be transparent.
pub(super) fn has_alpha(format: Pixel) -> bool {
    descriptor(format).is_some_and(|d| d.flags & AV_PIX_FMT_FLAG_ALPHA as u64 != 0)
}

/// Where the alpha samples of a format lie: the last of its components.
struct Alpha {
    plane: usize,
    /// Bytes from one to the next, and before the first.
    step: usize,
    offset: usize,
    /// Bits.
    depth: i32,
}

impl Alpha {
    fn of(format: &AVPixFmtDescriptor) -> Self {
        let alpha = format.comp[usize::from(format.nb_components).saturating_sub(1)];
        Self {
            plane: alpha.plane as usize,
            step: (alpha.step as usize).max(1),
            offset: alpha.offset as usize,
            depth: alpha.depth,
        }
    }
}

/// Whether no pixel of a frame can be seen through. Of formats that are seldom seen, what has an
/// alpha channel counts as transparent.
pub(super) fn is_opaque(frame: &frame::Video) -> bool {
    let Some(d) =
        descriptor(frame.format()).filter(|d| d.flags & AV_PIX_FMT_FLAG_ALPHA as u64 != 0)
    else {
        return true;
    };
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    if d.flags & AV_PIX_FMT_FLAG_PAL as u64 != 0 {
        // Which colours are used is not looked at: one that can be seen through is there for that.
        return palette(frame)
            .as_chunks::<4>()
            .0
            .iter()
            .all(|colour| u32::from_ne_bytes(*colour) >> 24 == 255);
    }
    let Alpha { plane, step, offset, depth } = Alpha::of(d);
    if depth != 8 || plane >= frame.planes() {
        return false;
    }
    let rows = frame.data(plane).chunks(frame.stride(plane)).take(height);
    rows.flat_map(|row| row.iter().skip(offset).step_by(step).take(width)).all(|&a| a == 255)
}

/// The colours of a frame that has a palette, 256 of four bytes, which libav does not count as a
/// plane.
fn palette(frame: &frame::Video) -> &[u8] {
    // SAFETY: the second buffer of a frame with a palette, where there is one, has all of it for as
    // long as the frame lives.
    unsafe {
        let data = (*frame.as_ptr()).data[1];
        if data.is_null() { &[] } else { std::slice::from_raw_parts(data, AVPALETTE_SIZE as usize) }
    }
}

/// Makes every pixel one that cannot be seen through. libswscale leaves the alpha plane of some
/// formats as it found it, which is whatever lay in memory there.
pub(super) fn make_opaque(frame: &mut frame::Video) {
    let Some(d) = descriptor(frame.format()).filter(|d| {
        d.flags & AV_PIX_FMT_FLAG_ALPHA as u64 != 0 && d.flags & AV_PIX_FMT_FLAG_PAL as u64 == 0
    }) else {
        return;
    };
    let Alpha { plane, step, offset, depth } = Alpha::of(d);
    if plane >= frame.planes() {
        return;
    }
    let most = ((1_u32 << depth.clamp(1, 16)) - 1) as u16;
    let most = if d.flags & AV_PIX_FMT_FLAG_BE as u64 != 0 {
        most.to_be_bytes()
    } else {
        most.to_le_bytes()
    };
    let bytes = if depth > 8 { 2 } else { 1 };
    let (stride, height) = (frame.stride(plane), frame.height() as usize);
    for row in frame.data_mut(plane).chunks_mut(stride).take(height) {
        row.chunks_exact_mut(step)
            .filter_map(|pixel| pixel.get_mut(offset..offset + bytes))
            .for_each(|sample| sample.copy_from_slice(&most[..bytes]));
    }
}

/// One decoded frame.
pub struct Picture<'f> {
    pub(super) frame: &'f mut frame::Video,
    layout: Layout,
    scratch: &'f mut Vec<u16>,
    coding: Coding,
}

impl<'f> Picture<'f> {
    /// `None` unless the frame's pixel format has planes that can be measured; [`super::reader`]
    /// converts before.
    pub(super) fn new(
        frame: &'f mut frame::Video,
        scratch: &'f mut Vec<u16>,
        coding: Coding,
    ) -> Option<Self> {
        let layout = Layout::of(frame.format());
        (!matches!(layout, Layout::Other { .. })).then_some(Self { frame, layout, scratch, coding })
    }

    /// How it was coded, as far as that is known.
    #[must_use]
    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Size and pixel shape.
    #[must_use]
    pub fn shape(&self) -> FrameShape {
        let aspect = self.frame.aspect_ratio();
        let pixel_aspect = if aspect.numerator() > 0 && aspect.denominator() > 0 {
            f64::from(aspect) as f32
        } else {
            1.0
        };
        FrameShape {
            width: self.frame.width() as usize,
            height: self.frame.height() as usize,
            pixel_aspect,
        }
    }

    fn format(&self) -> SampleFormat {
        match self.layout {
            Layout::Luma { depth } | Layout::Other { depth, .. } => {
                // SAFETY: the frame is valid; its pixel format was set by libav.
                let range = unsafe { (*self.frame.as_ptr()).color_range };
                let jpeg = matches!(
                    self.frame.format(),
                    Pixel::YUVJ420P
                        | Pixel::YUVJ422P
                        | Pixel::YUVJ444P
                        | Pixel::YUVJ440P
                        | Pixel::YUVJ411P
                );
                let gray = matches!(
                    self.frame.format(),
                    Pixel::GRAY8
                        | Pixel::GRAY10LE
                        | Pixel::GRAY12LE
                        | Pixel::GRAY16LE
                        | Pixel::YA8
                        | Pixel::YA16LE
                );
                let unsaid = range == AVColorRange::AVCOL_RANGE_UNSPECIFIED;
                SampleFormat {
                    depth,
                    full_range: range == AVColorRange::AVCOL_RANGE_JPEG || jpeg || (gray && unsaid),
                }
            }
            Layout::Rgb { depth } => SampleFormat { depth, full_range: true },
        }
    }

    fn samples(&self, plane: usize, depth: u8) -> Samples<'_> {
        let data = self.frame.data(plane);
        if depth > 8 {
            // SAFETY: any two bytes are a valid u16; libav aligns planes far beyond two bytes, and
            // unaligned ends are left out.
            let (_, words, _) = unsafe { data.align_to::<u16>() };
            Samples::U16(words)
        } else {
            Samples::U8(data)
        }
    }

    fn stride(&self, plane: usize, depth: u8) -> usize {
        self.frame.stride(plane) / if depth > 8 { 2 } else { 1 }
    }

    /// Calls `f` with the luma plane; for red, green and blue with one computed from them (BT.709).
    pub fn with_luma<T>(&mut self, f: impl FnOnce(&Luma<'_>) -> T) -> T {
        let (shape, format) = (self.shape(), self.format());
        let (width, height) = (shape.width, shape.height);
        match self.layout {
            Layout::Rgb { depth } => {
                let mut luma = std::mem::take(self.scratch);
                of_colours(
                    [0, 1, 2].map(|i| self.samples(i, depth)),
                    [0, 1, 2].map(|i| self.stride(i, depth)),
                    width,
                    height,
                    &mut luma,
                );
                let result =
                    f(&Luma { samples: Samples::U16(&luma), width, height, stride: width, format });
                *self.scratch = luma;
                result
            }
            Layout::Luma { depth } | Layout::Other { depth, .. } => f(&Luma {
                samples: self.samples(0, depth),
                width,
                height,
                stride: self.stride(0, depth),
                format,
            }),
        }
    }

    /// Adds the mark.
    pub fn mark(&mut self, marker: &mut dyn FrameMarker) {
        self.with_luma(|luma| marker.analyse(luma));
        if guard::own(self.frame).is_err() {
            return;
        }
        let format = self.format();
        let planes = if matches!(self.layout, Layout::Rgb { .. }) { 3 } else { 1 };
        for plane in 0..planes {
            let stride = self.stride(plane, format.depth);
            let data = self.frame.data_mut(plane);
            if format.depth > 8 {
                // SAFETY: as in `samples`, and the frame is writable.
                let (_, words, _) = unsafe { data.align_to_mut::<u16>() };
                marker.apply(&mut SamplesMut::U16(words), stride, format);
            } else {
                marker.apply(&mut SamplesMut::U8(data), stride, format);
            }
        }
    }
}

impl Canvas for Picture<'_> {
    fn plan(&self) -> FramePlan {
        FramePlan {
            shape: self.shape(),
            format: self.format(),
            planes: if matches!(self.layout, Layout::Rgb { .. }) { 3 } else { 1 },
        }
    }

    fn look(&mut self, look: &mut dyn FnMut(&Luma<'_>)) {
        self.with_luma(look);
    }

    fn mark(&mut self, marker: &mut dyn FrameMarker) {
        Picture::mark(self, marker);
    }

    fn save(&self, to: &mut Vec<u8>) {
        let plan = self.plan();
        for plane in 0..plan.planes {
            // What lies between rows is nobody's.
            self.frame
                .data(plane)
                .chunks(self.frame.stride(plane))
                .take(plan.shape.height)
                .for_each(|row| to.extend_from_slice(&row[..plan.row()]));
        }
    }

    fn load(&mut self, from: &[u8]) -> io::Result<()> {
        let plan = self.plan();
        if from.len() != plan.bytes() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        guard::own(self.frame).map_err(io::Error::other)?;
        let mut rows = from.chunks(plan.row());
        for plane in 0..plan.planes {
            let stride = self.frame.stride(plane);
            for (to, from) in
                self.frame.data_mut(plane).chunks_mut(stride).take(plan.shape.height).zip(&mut rows)
            {
                to[..plan.row()].copy_from_slice(from);
            }
        }
        Ok(())
    }
}
