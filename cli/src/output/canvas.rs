//! A picture to draw on: filled boxes and small text.

use anyhow::Result;
use proofmark::media::Still;

/// Red, green and blue.
pub(crate) type Colour = [u8; 3];

/// The palette of the page of `evaluate`, and a hue for a second mark.
pub(crate) const PAPER: Colour = [0xff, 0xff, 0xff];
pub(crate) const INK: Colour = [0x1d, 0x21, 0x25];
pub(crate) const SOFT: Colour = [0x5d, 0x66, 0x70];
pub(crate) const LINE: Colour = [0xd5, 0xda, 0xe0];
pub(crate) const UNMARKED: Colour = [0xc5, 0x36, 0x2b];
pub(crate) const UNKNOWN: Colour = [0xb9, 0xc0, 0xc8];
const MARKS: [Colour; 2] = [[0x1c, 0x8a, 0x5f], [0x2f, 0x6f, 0xd0]];

/// The hue of a mark: green for the first, blue for any other.
pub(crate) fn hue(mark: usize) -> Colour {
    MARKS[mark.min(MARKS.len() - 1)]
}

/// Size of a letter with the gap behind it, at scale 1.
pub(crate) const LETTER: (usize, usize) = (6, 9);

pub(crate) struct Canvas(Still);

impl Canvas {
    /// White paper.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self(Still { width, height, data: PAPER.repeat(width * height) })
    }

    pub(crate) fn size(&self) -> (usize, usize) {
        (self.0.width, self.0.height)
    }

    /// A pixel, unless it is outside of the picture.
    fn at(&mut self, x: usize, y: usize) -> Option<&mut [u8]> {
        let at = 3 * (y * self.0.width + x);
        self.0.data.get_mut(at..at + 3).filter(|_| x < self.0.width)
    }

    /// Lays a colour over a pixel, 0 to 1 of it.
    pub(crate) fn blend(&mut self, x: usize, y: usize, colour: Colour, share: f32) {
        for (p, c) in self.at(x, y).into_iter().flatten().zip(colour) {
            *p = (f32::from(*p) + (f32::from(c) - f32::from(*p)) * share).round() as u8;
        }
    }

    /// Takes the colour out of a pixel.
    pub(crate) fn grey(&mut self, x: usize, y: usize) {
        if let Some(pixel @ &mut [r, g, b]) = self.at(x, y) {
            // The weights of BT.709, in 256ths.
            pixel.fill(((54 * u32::from(r) + 183 * u32::from(g) + 19 * u32::from(b)) >> 8) as u8);
        }
    }

    /// Fills a box from its upper left corner.
    pub(crate) fn fill(
        &mut self,
        (left, top): (usize, usize),
        (width, height): (usize, usize),
        colour: Colour,
    ) {
        for y in top..top + height {
            for x in left..left + width {
                self.blend(x, y, colour, 1.0);
            }
        }
    }

    /// Writes text of digits, lower-case letters and `-.:` from its upper left corner.
    pub(crate) fn text(
        &mut self,
        (left, top): (usize, usize),
        scale: usize,
        colour: Colour,
        text: &str,
    ) {
        for (i, letter) in text.chars().enumerate() {
            for (x, y) in glyph(letter) {
                self.fill(
                    (left + scale * (i * LETTER.0 + x), top + scale * y),
                    (scale, scale),
                    colour,
                );
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn pixel(&self, x: usize, y: usize) -> Colour {
        let at = 3 * (y * self.0.width + x);
        [0, 1, 2].map(|i| self.0.data[at + i])
    }

    /// The picture as a PNG file.
    pub(crate) fn png(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(
            &mut bytes,
            u32::try_from(self.0.width)?,
            u32::try_from(self.0.height)?,
        );
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.0.data)?;
        writer.finish()?;
        Ok(bytes)
    }
}

impl From<Still> for Canvas {
    fn from(still: Still) -> Self {
        Self(still)
    }
}

/// The dots of a letter; none of one that is not in the font.
fn glyph(letter: char) -> impl Iterator<Item = (usize, usize)> {
    let bank =
        FONT.iter().find_map(|(letters, rows)| Some((letters.find(letter)? * LETTER.0, rows)));
    bank.into_iter().flat_map(|(left, rows)| {
        let dots = move |row: &'static str| {
            row.bytes().skip(left).take(LETTER.0).enumerate().filter(|d| d.1 == b'#')
        };
        rows.iter().enumerate().flat_map(move |(y, row)| dots(row).map(move |(x, _)| (x, y)))
    })
}

/// Letters side by side: seven rows, and two for what hangs below the line.
#[rustfmt::skip]
const FONT: [(&str, [&str; 9]); 3] = [
    (
        "0123456789-.:",
        [
            ".###. ..#.. .###. .###. ...#. ##### ..##. ##### .###. .###. ..... ..... .....",
            "#...# .##.. #...# #...# ..##. #.... .#... ....# #...# #...# ..... ..... .##..",
            "#..## ..#.. ....# ....# .#.#. ####. #.... ...#. #...# #...# ..... ..... .##..",
            "#.#.# ..#.. ...#. ..##. #..#. ....# ####. ..#.. .###. .#### .###. ..... .....",
            "##..# ..#.. ..#.. ....# ##### ....# #...# .#... #...# ....# ..... ..... .##..",
            "#...# ..#.. .#... #...# ...#. #...# #...# .#... #...# ...#. ..... .##.. .##..",
            ".###. .###. ##### .###. ...#. .###. .###. .#... .###. .##.. ..... .##.. .....",
            "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....",
            "..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....",
        ],
    ),
    (
        "abcdefghijklm",
        [
            "..... #.... ..... ....# ..... ..##. ..... #.... ..#.. ...#. #.... .##.. .....",
            "..... #.... ..... ....# ..... .#... ..... #.... ..... ..... #.... ..#.. .....",
            ".###. ####. .#### .#### .###. ####. .#### ####. .##.. ..##. #..#. ..#.. ##.#.",
            "....# #...# #.... #...# #...# .#... #...# #...# ..#.. ...#. #.#.. ..#.. #.#.#",
            ".#### #...# #.... #...# ##### .#... #...# #...# ..#.. ...#. ##... ..#.. #.#.#",
            "#...# #...# #.... #...# #.... .#... #...# #...# ..#.. ...#. #.#.. ..#.. #.#.#",
            ".#### ####. .#### .#### .###. .#... .#### #...# .###. ...#. #..#. .###. #.#.#",
            "..... ..... ..... ..... ..... ..... ....# ..... ..... ...#. ..... ..... .....",
            "..... ..... ..... ..... ..... ..... .###. ..... ..... .##.. ..... ..... .....",
        ],
    ),
    (
        "nopqrstuvwxyz",
        [
            "..... ..... ..... ..... ..... ..... .#... ..... ..... ..... ..... ..... .....",
            "..... ..... ..... ..... ..... ..... .#... ..... ..... ..... ..... ..... .....",
            "####. .###. ####. .#### #.##. .#### ####. #...# #...# #.#.# #...# #...# #####",
            "#...# #...# #...# #...# ##... #.... .#... #...# #...# #.#.# .#.#. #...# ...#.",
            "#...# #...# #...# #...# #.... .###. .#... #...# #...# #.#.# ..#.. #...# ..#..",
            "#...# #...# #...# #...# #.... ....# .#... #...# .#.#. #.#.# .#.#. #...# .#...",
            "#...# .###. ####. .#### #.... ####. ..##. .#### ..#.. .#.#. #...# .#### #####",
            "..... ..... #.... ....# ..... ..... ..... ..... ..... ..... ..... ....# .....",
            "..... ..... #.... ....# ..... ..... ..... ..... ..... ..... ..... .###. .....",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_what_and_where_they_should_be() {
        let dots = |c| glyph(c).collect::<Vec<_>>();
        assert_eq!(dots('-'), [(1, 3), (2, 3), (3, 3)]);
        let known = "0123456789-.:abcdefghijklmnopqrstuvwxyz";
        assert!(known.chars().all(|c| !dots(c).is_empty()));
        assert!(
            known.chars().all(|a| known.chars().all(|b| a == b || dots(a) != dots(b))),
            "two look alike"
        );
        assert!(dots(' ').is_empty() && dots('é').is_empty());
    }

    #[test]
    fn drawing_past_the_edges_is_cut_off() {
        let mut canvas = Canvas::new(4, 3);
        canvas.fill((3, 2), (10, 10), INK);
        canvas.text((100, 0), 2, INK, "8");
        let inked: Vec<usize> =
            canvas.0.data.chunks(3).enumerate().filter(|p| p.1 == INK).map(|p| p.0).collect();
        assert_eq!(inked, [11]);
    }
}
