//! The first picture of a JPEG, alone. Phones put a gain map or a video behind it, and a manifest
//! before it; libav takes two pictures for a clip, and a long head for no picture.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

use super::{Budget, Limits, jpeg};

/// Bytes between two frames of a clip.
const PADDING: u64 = 4096;
/// Bytes of coded picture for each pixel that may be, which is more than libav takes.
const PER_PIXEL: u64 = 10;

/// What libav is given of a file: all of it, or pieces one after the other.
pub(crate) struct Window {
    file: File,
    /// Where they lie in the file.
    pieces: Vec<Range<u64>>,
    at: u64,
}

/// What is to be shown of `file` to libav.
pub(crate) fn picture_of(file: File, limits: &Limits) -> io::Result<Window> {
    let length = file.metadata()?.len();
    let mut from = BufReader::with_capacity(1 << 16, file);
    let head = from.fill_buf()?;
    let picture =
        if head.starts_with(&[0xff, 0xd8, 0xff]) { still(&mut from, limits)? } else { None };
    let pieces =
        picture.map_or_else(|| std::iter::once(0..length).collect(), |picture| picture.coding());
    let mut file = from.into_inner();
    file.seek(SeekFrom::Start(0))?;
    Ok(Window { file, pieces, at: 0 })
}

/// The first picture of a JPEG that is no clip of several.
pub(super) fn still<R: Read + Seek>(
    from: &mut BufReader<R>,
    limits: &Limits,
) -> io::Result<Option<jpeg::Picture>> {
    let most = limits.pixels.saturating_mul(PER_PIXEL).max(64 << 20);
    from.seek(SeekFrom::Start(0))?;
    let Some(first) = jpeg::Picture::walk(from, 0, most)? else { return Ok(None) };
    let mut at = first.end;
    from.seek(SeekFrom::Start(at))?;
    while at < first.end + PADDING && from.fill_buf()?.first() == Some(&0) {
        from.consume(1);
        at += 1;
    }
    if let Some(second) = jpeg::Picture::walk(from, at, most)? {
        let mut beginnings = Vec::new();
        for (_, payload) in first.applications() {
            let mut beginning = Vec::new();
            from.seek(SeekFrom::Start(payload.start))?;
            from.take((payload.end - payload.start).min(64)).read_to_end(&mut beginning)?;
            beginnings.push(beginning);
        }
        if first.is_frame_before(&second, &beginnings) {
            return Ok(None);
        }
    }
    Ok(Some(first))
}

/// A marker and its payload.
pub(super) type Segment = (u8, Vec<u8>);

/// The markers and payloads of what is no part of the coding, as far as the budget goes, and how
/// many segments are beyond it.
pub(super) fn payloads<R: Read + Seek>(
    from: &mut BufReader<R>,
    picture: &jpeg::Picture,
    budget: &mut Budget,
) -> io::Result<(Vec<Segment>, usize)> {
    let (mut out, mut lost) = (Vec::new(), 0);
    for (marker, payload) in picture.applications() {
        let length = payload.end - payload.start;
        if !budget.take(length) {
            lost += 1;
            continue;
        }
        let mut bytes = Vec::new();
        from.seek(SeekFrom::Start(payload.start))?;
        from.take(length).read_to_end(&mut bytes)?;
        out.push((marker, bytes));
    }
    Ok((out, lost))
}

/// The first bytes of what lies from `end` on, if anything does, and not zeros for as far as is
/// looked.
pub(super) fn something_behind<R: Read + Seek>(
    from: &mut BufReader<R>,
    end: u64,
    most: u64,
) -> io::Result<Option<Vec<u8>>> {
    from.seek(SeekFrom::Start(end.min(i64::MAX as u64)))?;
    let mut rest = from.take(most);
    loop {
        let buffer = rest.fill_buf()?;
        if buffer.is_empty() {
            // More of the same, perhaps, but nobody knows.
            return Ok((rest.limit() == 0).then(Vec::new));
        }
        if let Some(begin) = buffer.iter().position(|&b| b != 0) {
            // A box begins with its length, zeros first.
            let begin = begin.saturating_sub(3);
            return Ok(Some(buffer.iter().skip(begin).take(64).copied().collect()));
        }
        let length = buffer.len();
        rest.consume(length);
    }
}

impl Window {
    fn length(&self) -> u64 {
        self.pieces.iter().map(|p| p.end - p.start).sum()
    }
}

impl Read for Window {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut before = 0;
        for piece in &self.pieces {
            let length = piece.end - piece.start;
            if self.at < before + length {
                let within = self.at - before;
                self.file.seek(SeekFrom::Start(piece.start + within))?;
                let read = (&self.file).take(length - within).read(into)?;
                self.at += read as u64;
                return Ok(read);
            }
            before += length;
        }
        Ok(0)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let from = |base: u64, by: i64| {
            base.checked_add_signed(by).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
        };
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => from(self.at, by)?,
            SeekFrom::End(by) => from(self.length(), by)?,
        };
        Ok(self.at)
    }
}
