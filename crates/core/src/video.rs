//! Frames, wherever their samples lie: in a decoder's memory, or in a copy of their own.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

/// Scale of the luma samples: what a grey level is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleFormat {
    /// Bits per sample, 8 to 16.
    pub depth: u8,
    /// Full range (0–255 at eight bits) rather than limited (16–235).
    pub full_range: bool,
}

impl SampleFormat {
    /// Eight bits, limited range: the unit of every amplitude in this crate.
    pub const REFERENCE: Self = Self { depth: 8, full_range: false };

    /// How many steps of this format one reference grey level is.
    #[must_use]
    pub fn steps_per_level(self) -> f32 {
        let range = if self.full_range { 255.0 / 219.0 } else { 1.0 };
        range * f32::from(1u16 << (self.depth.clamp(8, 16) - 8))
    }
}

/// Samples of a plane: bytes up to eight bits of depth, 16-bit words (native order) above.
#[derive(Clone, Copy, Debug)]
pub enum Samples<'a> {
    /// Eight bits.
    U8(&'a [u8]),
    /// Nine to sixteen bits in the low end of each word.
    U16(&'a [u16]),
}

/// A luma plane: H×W, row-major, `stride` samples from row to row.
#[derive(Clone, Copy, Debug)]
pub struct Luma<'a> {
    /// The samples; at least `stride * (height - 1) + width` of them.
    pub samples: Samples<'a>,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Samples from one row to the next.
    pub stride: usize,
    /// Scale of the samples.
    pub format: SampleFormat,
}

/// Writable samples of a plane.
#[derive(Debug)]
pub enum SamplesMut<'a> {
    /// Eight bits.
    U8(&'a mut [u8]),
    /// Nine to sixteen bits in the low end of each word.
    U16(&'a mut [u16]),
}

/// What a frame looks like, in stored pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameShape {
    /// Width in stored pixels.
    pub width: usize,
    /// Height in stored pixels.
    pub height: usize,
    /// Width of a stored pixel over its height; 1 for square pixels.
    pub pixel_aspect: f32,
}

impl FrameShape {
    /// Width of a pixel over its height; square where what the file says is no shape of one.
    pub fn aspect(&self) -> f32 {
        if (0.2..=5.0).contains(&self.pixel_aspect) { self.pixel_aspect } else { 1.0 }
    }

    /// The shorter side as it is shown, in lines.
    pub fn short_side(&self) -> f32 {
        (self.width as f32 * self.aspect()).min(self.height as f32)
    }
}

/// How a picture lies in a frame that shows it or a part of it, upright.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placement {
    /// Its left edge and its top, in shares of the frame's width and height; below 0 where they are
    /// cut off.
    pub corner: [f32; 2],
    /// Its width and height, in shares of the frame's.
    pub size: [f32; 2],
    /// Its own width over its height before it came here.
    pub aspect: f32,
    /// Whether left and right are swapped.
    pub mirrored: bool,
}

/// How a frame was coded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coding {
    /// Bits per pixel, where that is known.
    pub bits: Option<f32>,
    /// Whether it leans on no other frame, and so begins a group of pictures.
    pub intra: bool,
}

/// What adds a mark to frames, one after the other.
pub trait FrameMarker {
    /// Takes in the luma of a frame, on which it depends how strong the mark may be where.
    fn analyse(&mut self, luma: &Luma<'_>);
    /// Adds the mark to a plane of that frame: H×W samples, `stride` from row to row.
    fn apply(&mut self, samples: &mut SamplesMut<'_>, stride: usize, format: SampleFormat);
}

/// A frame that can be looked at and marked.
pub trait Canvas {
    /// How its samples lie.
    fn plan(&self) -> FramePlan;
    /// Calls `look` with the luma plane; of red, green and blue with one computed from them
    /// (BT.709).
    fn look(&mut self, look: &mut dyn FnMut(&Luma<'_>));
    /// Adds the mark.
    fn mark(&mut self, marker: &mut dyn FrameMarker);
    /// Adds its samples to `to`, as the plan says.
    fn save(&self, to: &mut Vec<u8>);
    /// Puts others in their place.
    ///
    /// # Errors
    /// If they are too few, or the frame cannot be written to.
    fn load(&mut self, from: &[u8]) -> io::Result<()>;
}

/// How the samples of a frame lie in a copy: plane after plane, row after row, in bytes where they
/// have eight bits and in words of this machine where they have more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FramePlan {
    /// Size and pixel shape.
    pub shape: FrameShape,
    /// What a sample is worth.
    pub format: SampleFormat,
    /// 1 for luma, 3 for green, blue and red.
    pub planes: usize,
}

impl FramePlan {
    /// Bytes of a row.
    #[must_use]
    pub fn row(&self) -> usize {
        self.shape.width * if self.format.depth > 8 { 2 } else { 1 }
    }

    /// Bytes of all samples.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.row() * self.shape.height * self.planes
    }

    /// Whether a frame can be of this kind, of so many pixels at most.
    pub fn is_possible(&self, pixels: u64) -> bool {
        let FrameShape { width, height, pixel_aspect } = self.shape;
        let fits =
            (width as u64).checked_mul(height as u64).is_some_and(|p| (1..=pixels).contains(&p));
        fits && [1, 3].contains(&self.planes)
            && (8..=16).contains(&self.format.depth)
            && pixel_aspect.is_finite()
    }
}

/// The samples of a frame, in a copy of their own.
#[derive(Debug)]
pub struct Planes {
    plan: FramePlan,
    /// One plane after the other: bytes where samples have eight bits, words where they have more.
    bytes: Vec<u8>,
    words: Vec<u16>,
    scratch: Vec<u16>,
}

impl Default for Planes {
    fn default() -> Self {
        let shape = FrameShape { width: 0, height: 0, pixel_aspect: 1.0 };
        Self {
            plan: FramePlan { shape, format: SampleFormat::REFERENCE, planes: 1 },
            bytes: Vec::new(),
            words: Vec::new(),
            scratch: Vec::new(),
        }
    }
}

impl Planes {
    /// Takes in a frame.
    ///
    /// # Errors
    /// If fewer samples come than it has.
    pub fn read(&mut self, plan: FramePlan, from: &mut impl Read) -> io::Result<()> {
        self.plan = plan;
        self.bytes.resize(plan.bytes(), 0);
        from.read_exact(&mut self.bytes)?;
        self.unpack();
        Ok(())
    }

    fn unpack(&mut self) {
        self.words.clear();
        if self.plan.format.depth > 8 {
            self.words.extend(self.bytes.as_chunks::<2>().0.iter().map(|b| u16::from_ne_bytes(*b)));
        }
    }

    fn plane(&self, plane: usize) -> Samples<'_> {
        let size = self.plan.shape.width * self.plan.shape.height;
        let range = plane * size..(plane + 1) * size;
        if self.plan.format.depth > 8 {
            Samples::U16(&self.words[range])
        } else {
            Samples::U8(&self.bytes[range])
        }
    }
}

impl Canvas for Planes {
    fn plan(&self) -> FramePlan {
        self.plan
    }

    fn look(&mut self, look: &mut dyn FnMut(&Luma<'_>)) {
        let FramePlan { shape: FrameShape { width, height, .. }, format, planes } = self.plan;
        if planes == 1 {
            return look(&Luma { samples: self.plane(0), width, height, stride: width, format });
        }
        let mut luma = std::mem::take(&mut self.scratch);
        of_colours([0, 1, 2].map(|i| self.plane(i)), [width; 3], width, height, &mut luma);
        look(&Luma { samples: Samples::U16(&luma), width, height, stride: width, format });
        self.scratch = luma;
    }

    fn mark(&mut self, marker: &mut dyn FrameMarker) {
        self.look(&mut |luma| marker.analyse(luma));
        let FramePlan { shape: FrameShape { width, height, .. }, format, planes } = self.plan;
        let size = width * height;
        for range in (0..planes).map(|plane| plane * size..(plane + 1) * size) {
            let mut samples = if format.depth > 8 {
                SamplesMut::U16(&mut self.words[range])
            } else {
                SamplesMut::U8(&mut self.bytes[range])
            };
            marker.apply(&mut samples, width, format);
        }
    }

    fn save(&self, to: &mut Vec<u8>) {
        if self.plan.format.depth > 8 {
            to.extend(self.words.iter().flat_map(|w| w.to_ne_bytes()))
        } else {
            to.extend_from_slice(&self.bytes)
        }
    }

    fn load(&mut self, from: &[u8]) -> io::Result<()> {
        self.read(self.plan, &mut &*from)
    }
}

/// The luma of green, blue and red planes, without anything between rows.
pub fn of_colours(
    planes: [Samples<'_>; 3],
    strides: [usize; 3],
    width: usize,
    height: usize,
    luma: &mut Vec<u16>,
) {
    luma.clear();
    for y in 0..height {
        let [g, b, r] = strides.map(|stride| stride * y);
        match planes {
            [Samples::U8(gs), Samples::U8(bs), Samples::U8(rs)] => luma.extend(
                (0..width).map(|x| weigh(gs[g + x].into(), bs[b + x].into(), rs[r + x].into())),
            ),
            [Samples::U16(gs), Samples::U16(bs), Samples::U16(rs)] => {
                luma.extend((0..width).map(|x| weigh(gs[g + x], bs[b + x], rs[r + x])))
            }
            // All three planes have the same depth.
            _ => {}
        }
    }
}

/// BT.709 luma of full-range green, blue and red.
fn weigh(g: u16, b: u16, r: u16) -> u16 {
    ((u32::from(r) * 54 + u32::from(g) * 183 + u32::from(b) * 19) >> 8) as u16
}
