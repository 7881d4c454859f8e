//! Changes to files along their own structure: boxes of MP4 and of C2PA manifests, chunks of RIFF.
//!
//! Random bytes seldom get past the first size field. So the file is taken apart, one part is
//! changed, and it is put together again with sizes that are right, but for those that are meant to
//! lie.

/// How parts are written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Grammar {
    /// Size and kind, big-endian, both counted.
    Boxes,
    /// Kind and size, little-endian, neither counted, padded to even lengths.
    Chunks,
}

/// Nesting that is followed.
const DEPTH: usize = 24;
/// Parts that one is put into, at most, by one change.
const NESTED: usize = 400;

/// A part of a file.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    kind: [u8; 4],
    /// A size that is written instead of the right one.
    lie: Option<u32>,
    /// What comes before the parts inside, or everything.
    bytes: Vec<u8>,
    inside: Vec<Part>,
}

impl Grammar {
    /// How the file is written, if it is known.
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'R', b'I', b'F', b'F', ..] => Some(Self::Chunks),
            [_, _, _, _, b'f', b't', b'y', b'p', ..]
            | [_, _, _, _, b'j', b'u', b'm', b'b', ..]
            | [_, _, _, _, b's', b't', b'y', b'p', ..] => Some(Self::Boxes),
            _ => None,
        }
    }

    /// Bytes before the parts inside; `None` if there are none.
    fn prefix(self, kind: [u8; 4], bytes: &[u8]) -> Option<usize> {
        match (self, &kind) {
            (
                Self::Boxes,
                b"moov" | b"trak" | b"mdia" | b"minf" | b"stbl" | b"dinf" | b"edts" | b"udta"
                | b"moof" | b"traf" | b"mvex" | b"jumb",
            ) => Some(0),
            (Self::Boxes, b"meta") => Some(4),
            (Self::Boxes, b"stsd" | b"dref") => Some(8),
            // A manifest store lies behind its box's own fields.
            (Self::Boxes, b"uuid") => {
                bytes.windows(4).position(|w| w == b"jumb").and_then(|at| at.checked_sub(4))
            }
            (Self::Chunks, b"RIFF" | b"LIST") => Some(4),
            // A manifest in RIFF is a chunk of boxes, which are another grammar.
            _ => None,
        }
        .filter(|&n| n <= bytes.len())
    }

    /// The parts of `bytes`; `None` if they are not whole parts.
    fn parse(self, mut bytes: &[u8], depth: usize) -> Option<Vec<Part>> {
        let mut parts = Vec::new();
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_first_chunk::<8>()?;
            let ([first, second], _) = head.as_chunks::<4>() else { return None };
            let (length, kind) = match self {
                Self::Boxes => (u32::from_be_bytes(*first).checked_sub(8)?, *second),
                Self::Chunks => (u32::from_le_bytes(*second), *first),
            };
            let (body, after) = rest.split_at_checked(length as usize)?;
            let pad = usize::from(self == Self::Chunks && body.len() % 2 == 1).min(after.len());
            bytes = &after[pad..];
            let split = self
                .prefix(kind, body)
                .filter(|_| depth < DEPTH)
                .and_then(|n| Some((n, self.parse(&body[n..], depth + 1)?)));
            let (n, inside) = split.unwrap_or((body.len(), Vec::new()));
            parts.push(Part { kind, lie: None, bytes: body[..n].to_vec(), inside });
        }
        Some(parts)
    }

    fn write(self, parts: &[Part], out: &mut Vec<u8>) {
        for part in parts {
            let start = out.len();
            out.extend([0; 8]);
            out.extend(&part.bytes);
            self.write(&part.inside, out);
            let length = out.len() - start;
            let right = if self == Self::Boxes { length } else { length - 8 };
            let size = part.lie.unwrap_or(right as u32);
            let (first, second) = if self == Self::Boxes {
                (size.to_be_bytes(), part.kind)
            } else {
                (part.kind, size.to_le_bytes())
            };
            out[start..start + 4].copy_from_slice(&first);
            out[start + 4..start + 8].copy_from_slice(&second);
            if self == Self::Chunks && length % 2 == 1 {
                out.push(0);
            }
        }
    }
}

/// Numbers that are enough to choose by.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // Marsaglia's xorshift.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides.max(1)
    }
}

fn count(parts: &[Part]) -> usize {
    parts.iter().map(|p| 1 + count(&p.inside)).sum()
}

/// The list that holds the part with this number, counted in the order of the file, and its place
/// there.
fn find(parts: &mut Vec<Part>, mut number: usize) -> Option<(&mut Vec<Part>, usize)> {
    let mut place = 0;
    while place < parts.len() {
        if number == 0 {
            return Some((parts, place));
        }
        let below = count(&parts[place].inside);
        if number <= below {
            return find(&mut parts[place].inside, number - 1);
        }
        number -= 1 + below;
        place += 1;
    }
    None
}

/// Changes `data[..size]`, keeping to `most` bytes; returns its new size. `bend` changes bytes
/// without structure, as libFuzzer does: it is given a buffer, how much of it is filled and how
/// much may be, and returns how much is filled then.
pub fn mutate(
    data: &mut [u8],
    size: usize,
    most: usize,
    seed: u32,
    mut bend: impl FnMut(&mut [u8], usize, usize) -> usize,
) -> usize {
    let mut dice = Dice(u64::from(seed) << 1 | 1);
    let most = most.min(data.len());
    let parsed = Grammar::of(&data[..size]).and_then(|grammar| {
        Some((grammar, grammar.parse(&data[..size], 0).filter(|p| !p.is_empty())?))
    });
    // Files that end in the middle are worth a look too, and so is what this does not understand.
    let Some((grammar, mut parts)) = parsed.filter(|_| dice.roll(8) > 0) else {
        return bend(data, size, most);
    };
    for _ in 0..=dice.roll(3) {
        change(&mut parts, &mut dice, &mut bend);
    }
    let mut out = Vec::new();
    grammar.write(&parts, &mut out);
    if out.len() > most || out.is_empty() {
        return bend(data, size, most);
    }
    data[..out.len()].copy_from_slice(&out);
    out.len()
}

/// One change to one part.
fn change(
    parts: &mut Vec<Part>,
    dice: &mut Dice,
    bend: &mut impl FnMut(&mut [u8], usize, usize) -> usize,
) {
    let all = count(parts);
    let other = find(parts, dice.roll(all)).map(|(list, at)| list[at].clone());
    let Some((list, at)) = find(parts, dice.roll(all)) else { return };
    match (dice.roll(9), other) {
        (0, Some(other)) => list[at].kind = other.kind,
        (1, _) => list[at].kind[dice.roll(4)] ^= 1 << dice.roll(8),
        (2, _) => {
            list[at].lie = Some(
                [0, 1, 7, 8, 9, 16, 0x7fff_ffff, u32::MAX, dice.roll(1 << 20) as u32][dice.roll(9)],
            )
        }
        (3, _) => {
            let twin = list[at].clone();
            list.insert(at, twin);
        }
        (4, _) if all > 1 => drop(list.remove(at)),
        (5, Some(other)) => list[at] = other,
        (6, _) => {
            let kind = list[at].kind;
            for _ in 0..=dice.roll(NESTED) {
                let inner = std::mem::replace(
                    &mut list[at],
                    Part { kind, lie: None, bytes: Vec::new(), inside: Vec::new() },
                );
                list[at].inside.push(inner);
            }
        }
        (7, Some(other)) => list[at].bytes = other.bytes,
        _ => {
            let part = &mut list[at].bytes;
            let (filled, room) = (part.len(), part.len() + 64);
            part.resize(room, 0);
            let filled = bend(part, filled, room);
            part.truncate(filled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of two boxes, one with a box inside.
    const BOXES: &[u8] =
        b"\0\0\0\x0cftypisom\0\0\0\x18moov\0\0\0\x10tkhd\x01\x02\x03\x04\x05\x06\x07\x08";
    /// A sound of one chunk of odd length.
    const CHUNKS: &[u8] = b"RIFF\x10\0\0\0WAVEdata\x03\0\0\0\x01\x02\x03\0";

    #[test]
    fn what_is_taken_apart_can_be_put_together() {
        for (bytes, depth) in [(BOXES, 3), (CHUNKS, 2)] {
            let grammar = Grammar::of(bytes).unwrap();
            let parts = grammar.parse(bytes, 0).unwrap();
            assert_eq!(count(&parts), depth, "{parts:?}");
            let mut out = Vec::new();
            grammar.write(&parts, &mut out);
            assert_eq!(out, bytes);
        }
        assert_eq!(Grammar::Boxes.parse(&BOXES[..20], 0), None);
        assert_eq!(Grammar::of(b"hello"), None);
    }

    #[test]
    fn changed_files_have_a_structure_still() {
        let (mut whole, mut different) = (0, 0);
        for seed in 0..1000 {
            let mut data = [0; 1 << 13];
            data[..BOXES.len()].copy_from_slice(BOXES);
            let flip = |part: &mut [u8], filled: usize, most: usize| {
                part[..filled].iter_mut().for_each(|b| *b ^= 1);
                filled.max(1).min(most)
            };
            let size = mutate(&mut data, BOXES.len(), 1 << 12, seed, flip);
            assert!(size <= 1 << 12);
            different += usize::from(&data[..size] != BOXES);
            whole += usize::from(Grammar::Boxes.parse(&data[..size], 0).is_some());
        }
        assert!(different > 900 && whole > 500, "{different} {whole}");
    }
}
