//! Small clips that change midway, made from a script of a few bytes: size, pixel format, range and
//! matrix of the picture; rate, channels and kind of sample of the sound; the clock.
//!
//! A script has a head of four bytes (container, codecs, what is made of it) and parts of eight.
//! Each part has encoders of its own, whose packets follow one another in one stream, which is what
//! joined recordings and calls over a bad line look like to who reads them.

use std::path::{Path, PathBuf};

use ffmpeg_next::channel_layout::ChannelLayout;
use ffmpeg_next::color::{Range, Space};
use ffmpeg_next::ffi::EAGAIN;
use ffmpeg_next::format::{Pixel, Sample, sample};
use ffmpeg_next::{
    Codec, Dictionary, Error, Packet, Rational, codec, encoder, format, frame, media,
};

const HEAD: usize = 4;
const PART: usize = 8;
/// Parts of a clip: enough to go from anything to anything else and back.
const PARTS: usize = 6;
/// Sides of a picture, the least and how many more there are.
const SIDES: (u32, u32) = (16, 81);
/// Units of the script's own clock in a second.
const MICRO: i64 = 1_000_000;
/// From one frame to the next.
const STEPS: [i64; 8] = [40_000, 33_367, 1_000, 500_000, 100, 41_708, 125_000, 20_000];
/// What the clock leaps by before a part: not at all, by a lost second, by the ten that are bridged
/// or not, by hours, and to just before it wraps.
const LEAPS: [i64; 8] = [0, 0, 0, MICRO, 9_999_999, 30 * MICRO, 24_550 * MICRO, 95_443 * MICRO];
const RATES: [i32; 8] = [48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 8_000, 11_025];
const LAYOUTS: [ChannelLayout; 6] = [
    ChannelLayout::MONO,
    ChannelLayout::STEREO,
    ChannelLayout::_5POINT1,
    ChannelLayout::QUAD,
    ChannelLayout::SURROUND,
    ChannelLayout::_5POINT0,
];

/// A picture's codec, the pixel formats that it may change between, and whether its packets carry
/// all that a decoder needs only in a stream of bytes.
struct Picture {
    codec: &'static str,
    formats: &'static [Pixel],
    bytes: bool,
}

const PICTURES: [Picture; 8] = [
    Picture {
        codec: "mjpeg",
        formats: &[Pixel::YUVJ420P, Pixel::YUVJ422P, Pixel::YUVJ444P],
        bytes: false,
    },
    Picture {
        codec: "png",
        formats: &[
            Pixel::RGB24,
            Pixel::RGBA,
            Pixel::GRAY8,
            Pixel::RGB48BE,
            Pixel::YA8,
            Pixel::GRAY16BE,
            Pixel::RGBA64BE,
        ],
        bytes: false,
    },
    Picture { codec: "libvpx", formats: &[Pixel::YUV420P], bytes: false },
    Picture {
        codec: "ffv1",
        formats: &[
            Pixel::YUV420P,
            Pixel::YUV444P,
            Pixel::YUV422P,
            Pixel::GRAY8,
            Pixel::YUVA420P,
            Pixel::YUV411P,
        ],
        bytes: false,
    },
    Picture { codec: "mpeg2video", formats: &[Pixel::YUV420P, Pixel::YUV422P], bytes: true },
    Picture {
        codec: "libx264",
        formats: &[
            Pixel::YUV420P,
            Pixel::YUV444P,
            Pixel::YUV422P,
            Pixel::YUV420P10LE,
            Pixel::GRAY8,
        ],
        bytes: true,
    },
    Picture { codec: "mpeg4", formats: &[Pixel::YUV420P], bytes: true },
    Picture {
        codec: "libvpx-vp9",
        formats: &[Pixel::YUV420P, Pixel::YUV444P, Pixel::YUV422P],
        bytes: false,
    },
];

/// The same of sound.
struct Sound {
    codec: &'static str,
    formats: &'static [Sample],
}

const PLANAR: sample::Type = sample::Type::Planar;
const PACKED: sample::Type = sample::Type::Packed;
const SOUNDS: [Sound; 6] = [
    Sound { codec: "", formats: &[] },
    Sound { codec: "mp2", formats: &[Sample::I16(PACKED)] },
    Sound { codec: "ac3", formats: &[Sample::F32(PLANAR)] },
    Sound { codec: "aac", formats: &[Sample::F32(PLANAR)] },
    Sound {
        codec: "libmp3lame",
        formats: &[Sample::F32(PLANAR), Sample::I16(PLANAR), Sample::I32(PLANAR)],
    },
    Sound { codec: "libopus", formats: &[Sample::F32(PACKED), Sample::I16(PACKED)] },
];

/// A script, taken apart. Any bytes that are long enough are one.
pub struct Script<'a> {
    head: [u8; HEAD],
    parts: Vec<&'a [u8; PART]>,
}

impl<'a> Script<'a> {
    /// Reads a script; `None` if it is too short for a single part.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk()?;
        let parts: Vec<_> = rest.as_chunks().0.iter().take(PARTS).collect();
        (!parts.is_empty()).then_some(Self { head: *head, parts })
    }

    /// What is to be made of the clip.
    #[must_use]
    pub fn purpose(&self) -> u8 {
        self.head[3]
    }

    fn picture(&self) -> &'static Picture {
        &PICTURES[usize::from(self.head[1]) % PICTURES.len()]
    }

    fn sound(&self) -> &'static Sound {
        &SOUNDS[usize::from(self.head[2]) % SOUNDS.len()]
    }

    /// The extension of the clip: a container that lets its stream change.
    fn extension(&self) -> &'static str {
        match (self.picture().bytes, self.head[0] % 2) {
            (true, 0) => "ts",
            (false, 0) => "mkv",
            _ => "nut",
        }
    }

    /// Makes the clip in `folder`, and tells how many frames its picture has; an error if libav
    /// cannot make it.
    ///
    /// # Errors
    /// libav's own: no such encoder, or none for what a part asks of it.
    pub fn make(&self, folder: &Path) -> Result<(PathBuf, u64), Error> {
        let path = folder.join("clip").with_extension(self.extension());
        let mut frames = 0;
        if self.extension() == "ts" {
            // Recordings with their own clocks, one behind the other.
            let mut joined = Vec::new();
            for part in &self.parts {
                frames += self.mux(&path, &[part])?;
                joined.extend(std::fs::read(&path).map_err(|_| Error::Unknown)?);
            }
            std::fs::write(&path, joined).map_err(|_| Error::Unknown)?;
        } else {
            frames = self.mux(&path, &self.parts)?;
        }
        Ok((path, frames))
    }

    fn mux(&self, path: &Path, parts: &[&[u8; PART]]) -> Result<u64, Error> {
        let mut output = format::output(path)?;
        let mut all = Packets::default();
        for (n, part) in parts.iter().enumerate() {
            let leap = LEAPS[usize::from(part[5]) % LEAPS.len()];
            all.clock = all.clock.map(|c| c + leap);
            let pictures = self.pictures(part, &mut all)?;
            let sounds = self.sounds(part, &mut all)?;
            if n == 0 {
                output.add_stream_with(&pictures)?;
                sounds.map(|s| output.add_stream_with(&s).map(|_| ())).transpose()?;
            }
        }
        output.write_header()?;
        let bases: Vec<Rational> = output.streams().map(|s| s.time_base()).collect();
        all.packets.sort_by_key(|p| p.0);
        let mut frames = 0;
        for (time, stream, mut packet) in all.packets {
            // A stream that begins with a later part is none.
            let Some(base) = bases.get(stream) else { continue };
            packet.set_stream(stream);
            packet.set_pts(Some(time));
            packet.set_dts(Some(time));
            packet.rescale_ts(Rational(1, MICRO as i32), *base);
            // Two at one time, in the container's clock, are one too many.
            if packet.write_interleaved(&mut output).is_ok() && stream == 0 {
                frames += 1;
            }
        }
        output.write_trailer()?;
        Ok(frames)
    }

    /// The packets of a part's picture, and their encoder.
    fn pictures(
        &self,
        part: &[u8; PART],
        all: &mut Packets,
    ) -> Result<encoder::video::Encoder, Error> {
        let kind = self.picture();
        let (width, height) =
            (SIDES.0 + u32::from(part[0]) % SIDES.1, SIDES.0 + u32::from(part[1]) % SIDES.1);
        let pixel = kind.formats[usize::from(part[2]) % kind.formats.len()];
        let range = [Range::Unspecified, Range::MPEG, Range::JPEG][usize::from(part[3]) % 3];
        let space =
            [Space::Unspecified, Space::BT709, Space::SMPTE170M, Space::BT2020NCL, Space::YCGCO]
                [usize::from(part[3] / 3) % 5];
        let mut encoder = context(kind.codec)?.encoder().video()?;
        encoder.set_width(width);
        encoder.set_height(height);
        encoder.set_format(pixel);
        encoder.set_time_base(Rational(1, 25));
        encoder.set_frame_rate(Some(Rational(25, 1)));
        encoder.set_max_b_frames(0);
        encoder.set_colorspace(space);
        // A JPEG has the whole range, and its encoder takes no other.
        encoder.set_color_range(if kind.codec == "mjpeg" { Range::JPEG } else { range });
        let mut encoder = encoder.open_with(options(kind.codec))?;
        let mut picture = frame::Video::new(pixel, width, height);
        let step = STEPS[usize::from(part[4] / 3) % STEPS.len()];
        for n in 0..1 + i64::from(part[4] % 3) {
            noise(&mut picture, part[0] ^ part[1].rotate_left(3) ^ n as u8);
            picture.set_pts(Some(n));
            encoder.send_frame(&picture)?;
            all.take(0, &mut encoder, step)?;
        }
        encoder.send_eof()?;
        all.take(0, &mut encoder, step)?;
        Ok(encoder)
    }

    /// The same of its sound.
    fn sounds(
        &self,
        part: &[u8; PART],
        all: &mut Packets,
    ) -> Result<Option<encoder::audio::Encoder>, Error> {
        let kind = self.sound();
        if kind.codec.is_empty() {
            return Ok(None);
        }
        let rate = RATES[usize::from(part[6]) % RATES.len()];
        let layout = LAYOUTS[usize::from(part[7]) % LAYOUTS.len()];
        let sample = kind.formats[usize::from(part[6] / 8) % kind.formats.len()];
        let mut encoder = context(kind.codec)?.encoder().audio()?;
        encoder.set_rate(rate);
        encoder.set_channel_layout(layout);
        encoder.set_format(sample);
        encoder.set_time_base(Rational(1, rate));
        encoder.set_bit_rate(64_000);
        let mut encoder = encoder.open_with(options(kind.codec))?;
        let samples = encoder.frame_size().max(16);
        let mut sound = frame::Audio::new(sample, samples as usize, layout);
        sound.set_rate(rate as u32);
        for n in 0..2 + i64::from(part[7] / 6 % 8) {
            tone(&mut sound, part[6]);
            sound.set_pts(Some(n * i64::from(samples)));
            encoder.send_frame(&sound)?;
            all.take(1, &mut encoder, i64::from(samples) * MICRO / i64::from(rate))?;
        }
        encoder.send_eof()?;
        all.take(1, &mut encoder, i64::from(samples) * MICRO / i64::from(rate))?;
        Ok(Some(encoder))
    }
}

/// Packets with their times, in the script's clock, and their streams; and where the clock of each
/// stream stands.
#[derive(Default)]
struct Packets {
    packets: Vec<(i64, usize, Packet)>,
    clock: [i64; 2],
}

impl Packets {
    fn take(
        &mut self,
        stream: usize,
        encoder: &mut encoder::Encoder,
        step: i64,
    ) -> Result<(), Error> {
        loop {
            let mut packet = Packet::empty();
            match encoder.receive_packet(&mut packet) {
                Ok(()) => self.packets.push((self.clock[stream], stream, packet)),
                Err(Error::Eof | Error::Other { errno: EAGAIN }) => return Ok(()),
                Err(e) => return Err(e),
            }
            self.clock[stream] += step;
        }
    }
}

fn context(codec: &str) -> Result<codec::Context, Error> {
    let codec: Codec = encoder::find_by_name(codec).ok_or(Error::EncoderNotFound)?;
    Ok(codec::Context::new_with_codec(codec))
}

/// What makes an encoder quick, and have each packet of its own.
fn options(codec: &str) -> Dictionary<'static> {
    let mut options = Dictionary::new();
    options.set("threads", "1");
    // Layouts and formats that a codec does not have in its standard are refused by what reads it,
    // not here.
    options.set("strict", "experimental");
    match codec {
        "libx264" => {
            options.set("preset", "ultrafast");
            options.set("tune", "zerolatency");
        }
        "libvpx" | "libvpx-vp9" => {
            options.set("deadline", "realtime");
            options.set("cpu-used", "8");
            options.set("lag-in-frames", "0");
        }
        // The first version says in each picture what it is.
        "ffv1" => options.set("level", "1"),
        _ => {}
    }
    options
}

/// A picture of noise: nothing in it looks like what memory was filled with.
fn noise(picture: &mut frame::Video, seed: u8) {
    for plane in 0..picture.planes() {
        let mut state = 0x9e37_79b9_u32 ^ u32::from(seed) << 8 ^ plane as u32;
        for value in picture.data_mut(plane) {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Half of the range, around its middle; of ten bits the upper byte must stay small, and
            // does where the whole value is.
            *value = 64 + (state >> 25) as u8;
        }
    }
    if picture.format() == Pixel::YUV420P10LE {
        for plane in 0..picture.planes() {
            for value in picture.data_mut(plane).iter_mut().skip(1).step_by(2) {
                *value &= 3;
            }
        }
    }
}

/// A steady tone in all channels.
fn tone(sound: &mut frame::Audio, pitch: u8) {
    let wave = |n: usize| (n as f32 * (0.02 + f32::from(pitch) / 2000.0)).sin() / 4.0;
    let float = matches!(sound.format(), Sample::F32(_));
    for plane in 0..sound.planes() {
        let bytes = sound.data_mut(plane);
        if float {
            for (n, value) in bytes.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                *value = wave(n).to_ne_bytes();
            }
        } else {
            for (n, value) in bytes.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                *value = ((wave(n) * 32_000.0) as i16).to_ne_bytes();
            }
        }
    }
}

/// Shows each row of each frame of a file's picture to `look`, and tells how many frames there are.
///
/// # Errors
/// libav's own, if the file cannot be read.
pub fn rows(path: &Path, mut look: impl FnMut(&[u8])) -> Result<u64, Error> {
    let mut input = format::input(path)?;
    let stream = input.streams().best(media::Type::Video).ok_or(Error::StreamNotFound)?;
    let index = stream.index();
    let mut decoder = codec::Context::from_parameters(stream.parameters())?.decoder().video()?;
    let (mut picture, mut frames) = (frame::Video::empty(), 0);
    let mut drain = |decoder: &mut ffmpeg_next::decoder::Video| {
        while decoder.receive_frame(&mut picture).is_ok() {
            frames += 1;
            for plane in 0..picture.planes() {
                picture.data(plane).chunks(picture.stride(plane).max(1)).for_each(&mut look);
            }
        }
    };
    loop {
        let mut packet = Packet::empty();
        match packet.read(&mut input) {
            Ok(()) if packet.stream() == index => {
                decoder.send_packet(&packet)?;
                drain(&mut decoder);
            }
            Ok(()) => {}
            Err(Error::Eof) => break,
            Err(e) => return Err(e),
        }
    }
    decoder.send_eof()?;
    drain(&mut decoder);
    Ok(frames)
}
