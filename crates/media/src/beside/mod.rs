//! What lies beside and behind the picture in a still: EXIF, XMP, colour profiles, text, density, a
//! gain map. libav leaves all of that behind.
//!
//! Each kind of file, `jpeg.rs`, `png.rs` and `webp.rs`, is read into one [`Record`] and written
//! from it into a finished still (`tiff.rs` is read alone); what the target has no place for is
//! told. Pixels are stored as they were, so that an orientation in EXIF holds as before. `xmp.rs`
//! takes out of XMP what will not be so. [`picture_of`] shows libav the first picture of a JPEG
//! alone, whatever follows it.

mod clips;
mod jpeg;
mod png;
mod tiff;
mod webp;
mod window;
mod words;
mod xmp;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::Path;

pub(super) use window::picture_of;
pub(super) use words::words;

use super::label::{AIGC, THERE, unwritten};
use super::{Container, Limits, MediaError};

/// Bytes that are carried over at most, over all pieces.
const CARRIED: u64 = 64 << 20;
/// Bytes behind a picture that are looked at, whether there is more than zeros.
const BEHIND: u64 = 1 << 20;
/// What is said where something is tied to samples that are no more.
const TIED: &str = "it is of the picture as it was stored";
/// What is said of what is damaged, and of what is too much.
const BROKEN: &str = "it cannot be read";
const TOO_MUCH: &str = "it is more than is carried over";
/// Lines that are told, and texts that are named in one.
const TOLD: usize = 32;

/// A line for something that was left out.
fn gone(what: &str, why: &str) -> String {
    format!("{what} was left out: {why}")
}

/// How many bytes may still be taken in.
struct Budget(u64);

impl Budget {
    fn take(&mut self, bytes: u64) -> bool {
        let fits = bytes <= self.0;
        self.0 -= if fits { bytes } else { 0 };
        fits
    }
}

/// A colour profile (ISO 15076-1).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Profile(Vec<u8>);

impl Profile {
    /// Whether it is for a picture in grey, or for one in red, green and blue.
    fn fits(&self, grey: bool) -> bool {
        self.0.get(16..20) == Some(if grey { b"GRAY" } else { b"RGB " })
    }
}

/// Pixels in a unit of length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Density {
    x: u32,
    y: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// None: the shape of a pixel alone.
    Ratio,
    Inch,
    Centimetre,
    Metre,
}

impl Density {
    /// As PNG has it: by the metre.
    fn in_png(self) -> Self {
        let by = |n: u32, factor: f64| (f64::from(n) * factor).round() as u32;
        let factor = match self.unit {
            Unit::Ratio | Unit::Metre => return self,
            Unit::Inch => 1.0 / 0.0254,
            Unit::Centimetre => 100.0,
        };
        Self { x: by(self.x, factor), y: by(self.y, factor), unit: Unit::Metre }
    }

    /// As JFIF has it: 16 bits, by the inch. `None` if that cannot say it.
    fn in_jfif(self) -> Option<Self> {
        let by = |n: u32| (f64::from(n) * 0.0254).round() as u32;
        let out = if self.unit == Unit::Metre {
            Self { x: by(self.x), y: by(self.y), unit: Unit::Inch }
        } else {
            self
        };
        let fits = |n: u32| (1..=u32::from(u16::MAX)).contains(&n);
        (fits(out.x) && fits(out.y)).then_some(out)
    }

    /// Whether it says more than what is taken for granted: 72 pixels to the inch are what writers
    /// say who know of none.
    fn says_something(self) -> bool {
        self.unit != Unit::Ratio && self.in_jfif() != Some(Self { x: 72, y: 72, unit: Unit::Inch })
    }
}

/// What a piece is that only its own kind of file can hold as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// Text, by its keyword.
    Text(String),
    /// What colours mean; `plain` where that is what they mean without it.
    Colour { plain: bool },
    /// It holds for pixels of the same kind.
    OfPixels,
    /// What it is called.
    Other(String),
    /// Text for people without a keyword.
    Comment,
}

/// A kind of still that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Jpeg,
    Png,
    WebP,
    Tiff,
}

impl Kind {
    /// The same as a target, if it is one.
    fn container(self) -> Option<Container> {
        match self {
            Self::Jpeg => Some(Container::Jpeg),
            Self::Png => Some(Container::Png),
            Self::WebP => Some(Container::WebP),
            Self::Tiff => None,
        }
    }

    fn name(self) -> &'static str {
        self.container().map_or("TIFF", Container::name)
    }
}

/// A piece of a file, as it lay there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Own {
    what: What,
    /// The chunk's name, or the segment's marker and zeros.
    name: [u8; 4],
    bytes: Vec<u8>,
}

/// What lies beside a picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Record {
    /// EXIF, from its TIFF header on.
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
    icc: Option<Profile>,
    density: Option<Density>,
    own: Vec<Own>,
    /// A line for each thing that could not be taken in.
    lost: Vec<String>,
    /// PNG's depth and kind of colour.
    pixels: Option<[u8; 2]>,
    /// Whether its colours are inks.
    cmyk: bool,
    /// Whether a gain map was announced outside XMP.
    gain_map: bool,
    /// What lies behind the picture, by name and bytes.
    behind: Option<(String, u64)>,
}

/// A finished file that was made from another one.
#[derive(Clone, Copy, Debug)]
pub struct Carrying<'a> {
    /// What it was made from.
    pub input: &'a Path,
    /// The file.
    pub still: &'a Path,
    /// Its name in messages.
    pub target: &'a Path,
    /// What kind of file it is.
    pub container: Container,
    /// The label of GB 45438-2025 that a still or a WAVE is to have; others have it already.
    pub aigc: Option<&'a str>,
}

/// Carries over what lies beside the picture of a file into a still that was made from it; of what
/// cannot be, a line each. Of clips and sounds it is what libav passes over.
///
/// # Errors
/// [`MediaError`] if either cannot be read or written.
pub fn carry_over(file: &Carrying<'_>, limits: &Limits) -> Result<Vec<String>, MediaError> {
    let Carrying { input, still, target, container, aigc } = *file;
    let opened = |reason| MediaError::Open { path: input.into(), reason };
    let label = aigc.filter(|_| container.is_still());
    let (from, mut record) = match read(input, limits).map_err(opened)? {
        Some(found) => found,
        // Nothing lies beside it, and a label is to.
        None if label.is_some() => (Kind::Tiff, Record::default()),
        None => {
            return clips::carry_over(input, still, container, aigc)
                .map_err(|e| MediaError::Write { path: target.into(), reason: e.to_string() });
        }
    };
    let mut told = std::mem::take(&mut record.lost);
    mend(&mut record, container, &mut told);
    told.extend(label.and_then(|label| add_label(&mut record, label)));
    if record.cmyk {
        told.push("the inks of a CMYK picture were turned into red, green and blue".into());
    }
    if container.is_still() {
        Finished { still, target, container }.add(&mut record, from, &mut told)?;
    } else {
        told.extend(missing(&record, from, container));
    }
    let more = told.len().saturating_sub(TOLD);
    told.truncate(TOLD);
    if more > 0 {
        told.push(format!("{more} more things were left out"));
    }
    Ok(told)
}

/// A still that is whole but for what lies beside its picture.
struct Finished<'a> {
    still: &'a Path,
    /// Its name in messages.
    target: &'a Path,
    container: Container,
}

impl Finished<'_> {
    /// Writes a record into the still, and tells what has no place there.
    fn add(
        &self,
        record: &mut Record,
        from: Kind,
        told: &mut Vec<String>,
    ) -> Result<(), MediaError> {
        let failed = |reason: String| MediaError::Write { path: self.target.into(), reason };
        let file = std::fs::read(self.still).map_err(|e| failed(e.to_string()))?;
        let grey = self.container == Container::Png && png::is_grey(&file);
        if record.icc.as_ref().is_some_and(|icc| !icc.fits(grey)) {
            record.icc = None;
            told.push(gone(
                "the ICC profile",
                "it is for another kind of colours than was written",
            ));
        }
        if from.container() != Some(self.container) {
            translate(record, from, self.container, told);
        }
        let written = match self.container {
            Container::Jpeg => jpeg::write(&file, record, told),
            Container::Png => png::write(&file, record, told),
            _ => webp::write(&file, record),
        };
        let written =
            written.ok_or_else(|| failed("the encoder's file cannot be followed".into()))?;
        std::fs::write(self.still, written).map_err(|e| failed(e.to_string()))
    }
}

/// What lies beside the picture of a file, and of what kind that is; `None` if it is of none that
/// is known here, or moves.
fn read(path: &Path, limits: &Limits) -> io::Result<Option<(Kind, Record)>> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let length = file.get_ref().metadata()?.len();
    read_from(&mut file, length, limits)
}

fn read_from<R: Read + Seek>(
    file: &mut BufReader<R>,
    length: u64,
    limits: &Limits,
) -> io::Result<Option<(Kind, Record)>> {
    let kind = match file.fill_buf()? {
        [0xff, 0xd8, 0xff, ..] => Kind::Jpeg,
        [0x89, b'P', b'N', b'G', ..] => Kind::Png,
        [b'R', b'I', b'F', b'F', ..] => Kind::WebP,
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Kind::Tiff,
        _ => return Ok(None),
    };
    let mut budget = Budget(CARRIED);
    let found = match kind {
        Kind::Jpeg => match window::still(file, limits)? {
            None => None,
            Some(picture) => {
                let (applications, lost) = window::payloads(file, &picture, &mut budget)?;
                let mut record = jpeg::record(&picture, applications);
                record.lost.extend(
                    (lost > 0)
                        .then(|| gone(&format!("what {lost} segments of JPEG hold"), TOO_MUCH)),
                );
                Some((record, picture.end))
            }
        },
        Kind::Png => png::read(file, &mut budget)?,
        Kind::WebP => webp::read(file, &mut budget)?,
        Kind::Tiff => tiff::read(file, &mut budget)?.map(|record| (record, length)),
    };
    let Some((mut record, end)) = found else { return Ok(None) };
    if end < length
        && let Some(first) = window::something_behind(file, end, BEHIND)?
    {
        record.behind = Some((jpeg::behind_of(&first, &record), length - end));
    }
    Ok(Some((kind, record)))
}

/// Names what begins like `first`, and is said to hold a gain map or a video.
fn behind(first: &[u8], gain_map: bool, video: bool) -> String {
    let zeros = first.iter().take_while(|&&b| b == 0).count();
    let picture = first.get(zeros..).is_some_and(|f| f.starts_with(&[0xff, 0xd8, 0xff]));
    let mut names = Vec::new();
    if gain_map {
        names.push("a gain map");
    } else if picture {
        names.push("another picture, such as a gain map");
    }
    if video || first.get(4..8) == Some(b"ftyp") {
        names.push("a video");
    }
    if names.is_empty() { "data".into() } else { names.join(" and ") }
}

/// Puts the label of GB 45438-2025 into XMP, where a still has it; a line if there is one already.
fn add_label(record: &mut Record, label: &str) -> Option<String> {
    let names = |own: &Own| matches!(&own.what, What::Text(name) if name == AIGC);
    let packet = record.xmp.take();
    let said = packet.as_deref().is_some_and(|p| xmp::holds(p, "TC260:AIGC"));
    if said || record.own.iter().any(names) {
        record.xmp = packet;
        return Some(unwritten(THERE));
    }
    match xmp::with_label(packet.as_deref(), label) {
        Some(labelled) => record.xmp = Some(labelled),
        None => {
            record.xmp = packet;
            return Some(unwritten("its XMP cannot be followed"));
        }
    }
    None
}

/// Takes out of XMP what will not be so, and tells what goes.
fn mend(record: &mut Record, to: Container, told: &mut Vec<String>) {
    let mut said = false;
    match record.xmp.take().map(|packet| xmp::mend(packet, to == Container::Jpeg)) {
        None => {}
        Some(Err(())) => {
            told.push(gone("XMP", "it tells of what does not go with it, and cannot be mended"))
        }
        Some(Ok((packet, taken))) => {
            said = taken.behind;
            if taken.provenance {
                told.push(
                    "XMP's reference to a manifest elsewhere was left out: that is of the \
                    file as it was"
                        .into(),
                );
            }
            record.xmp = Some(packet);
        }
    }
    match record.behind.take() {
        Some((what, bytes)) => {
            let too = if said { ", and what XMP says of it" } else { "" };
            told.push(format!(
                "what lies behind the picture ({what}, {bytes} bytes) was left out{too}"
            ));
        }
        None if said => told.push(
            "what XMP says of a gain map or a video behind the picture was left out: there is none"
                .into(),
        ),
        None => {}
    }
}

/// Brings a record into the form of another kind of still, and tells what has no place there.
fn translate(record: &mut Record, from: Kind, to: Container, told: &mut Vec<String>) {
    let (mut kept, mut gone) = (Vec::new(), Vec::new());
    for own in record.own.drain(..) {
        match (&own.what, to) {
            (What::Comment, Container::Jpeg) => kept.push(Own {
                name: [0xfe, 0, 0, 0],
                bytes: png::comment_of(&own.bytes).to_vec(),
                ..own
            }),
            (What::Comment, Container::Png) => kept.push(Own { name: [0; 4], ..own }),
            _ => gone.push(own),
        }
    }
    record.own = kept;
    told.extend(texts(&gone, from, to));
    told.extend(gone.iter().filter_map(|own| name(own, from)).map(|what| no_place(&what, to)));
    let fits = match to {
        Container::WebP => None,
        _ => record.density.and_then(Density::in_jfif),
    };
    if fits.is_none() && record.density.is_some_and(Density::says_something) {
        told.push(no_place("the density of pixels (dpi)", to));
    }
}

/// What a record has that a target has no place for which holds no still.
fn missing(record: &Record, from: Kind, to: Container) -> Vec<String> {
    let blocks = [
        ("EXIF", record.exif.is_some()),
        ("XMP", record.xmp.is_some()),
        ("the ICC profile", record.icc.is_some()),
    ];
    let mut told: Vec<String> = blocks.iter().filter(|b| b.1).map(|b| no_place(b.0, to)).collect();
    told.extend(texts(&record.own, from, to));
    told.extend(
        record.own.iter().filter_map(|own| name(own, from)).map(|what| no_place(&what, to)),
    );
    told
}

fn no_place(what: &str, container: Container) -> String {
    gone(what, &format!("{} has no place for it", container.name()))
}

/// A line for all text.
fn texts(own: &[Own], from: Kind, to: Container) -> Option<String> {
    let all = own.iter().filter(|o| matches!(o.what, What::Text(_))).count();
    let mut keywords: Vec<String> = own
        .iter()
        .filter_map(|o| {
            if let What::Text(keyword) = &o.what {
                Some(format!("'{}'", keyword.escape_default()))
            } else {
                None
            }
        })
        .take(TOLD)
        .collect();
    keywords.extend((all > TOLD).then(|| format!("and {} more", all - TOLD)));
    (!keywords.is_empty())
        .then(|| no_place(&format!("{} text {}", from.name(), keywords.join(", ")), to))
}

/// What a piece is called that is no text; `None` if nothing is lost with it.
fn name(own: &Own, from: Kind) -> Option<String> {
    match &own.what {
        What::Text(_) | What::OfPixels | What::Colour { plain: true } => None,
        What::Colour { plain: false } => Some(format!(
            "what {} says of colours ({})",
            from.name(),
            String::from_utf8_lossy(&own.name)
        )),
        What::Comment => Some("a comment".into()),
        What::Other(what) => Some(format!("{} {what}", from.name())),
    }
}

#[cfg(test)]
mod tests;
