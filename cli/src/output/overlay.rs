//! Where the marks are, drawn over a frame.

use proofmark::media::Still;
use proofmark::video::{AreaMap, VideoEvidence};

use super::canvas::{Canvas, Colour, PAPER, UNMARKED, hue};

/// How much of a cell's colour is laid over the frame, and over the cell's border.
const TINT: f32 = 0.35;
const BORDER: f32 = 0.8;
/// How much white over the border of a cell that says nothing.
const FAINT: f32 = 0.35;
/// Pixels of the short side for each of a border's width.
const SHORT: usize = 720;

/// The time of the frame to draw over, in seconds: in the middle of the first range of the first
/// mark that was mapped. `None` if none was.
pub(crate) fn time(picture: &VideoEvidence) -> Option<f64> {
    let mut mapped = marks(picture).filter(|m| m.area.is_some());
    mapped.find_map(|m| m.ranges.first()).map(|r| f64::midpoint(r.start, r.end))
}

fn marks(picture: &VideoEvidence) -> impl Iterator<Item = &VideoEvidence> {
    std::iter::once(picture).chain(&picture.others)
}

/// Tints the cells of the frame at `time`: with the hue of a mark that they carry, red where they
/// carry none, not at all where nothing can be told.
pub(crate) fn draw(frame: Still, picture: &VideoEvidence, time: f64) -> Canvas {
    let there = |m: &VideoEvidence| m.ranges.iter().any(|r| (r.start..=r.end).contains(&time));
    let maps: Vec<_> = marks(picture)
        .enumerate()
        .filter(|(_, m)| there(m))
        .filter_map(|(i, m)| Some((hue(i), Grid::of(m.area.as_ref()?))))
        .collect();
    tint(frame, &maps)
}

/// The cells of a map.
struct Grid<'a> {
    columns: usize,
    rows: usize,
    cells: &'a [Option<bool>],
}

impl<'a> Grid<'a> {
    fn of(map: &'a AreaMap) -> Self {
        Self::new(map.columns, &map.cells)
    }

    fn new(columns: usize, cells: &'a [Option<bool>]) -> Self {
        Self { columns, rows: cells.len() / columns.max(1), cells }
    }

    /// The cell that a pixel of a frame is in.
    fn place(&self, (x, y): (usize, usize), (width, height): (usize, usize)) -> (usize, usize) {
        (x * self.columns / width, y * self.rows / height)
    }

    /// Whether a pixel is less than `line` pixels from another cell.
    fn is_border(&self, (x, y): (usize, usize), size: (usize, usize), line: usize) -> bool {
        let near = [
            (x.saturating_sub(line), y.saturating_sub(line)),
            ((x + line).min(size.0 - 1), (y + line).min(size.1 - 1)),
        ];
        near.into_iter().any(|pixel| self.place(pixel, size) != self.place((x, y), size))
    }

    fn state(&self, pixel: (usize, usize), size: (usize, usize)) -> Option<bool> {
        let (column, row) = self.place(pixel, size);
        self.cells.get(row * self.columns + column).copied().flatten()
    }
}

fn tint(frame: Still, maps: &[(Colour, Grid<'_>)]) -> Canvas {
    let mut canvas = Canvas::from(frame);
    let size = canvas.size();
    let line = (size.0.min(size.1) / SHORT).max(1);
    for y in 0..size.1 {
        for x in 0..size.0 {
            let told =
                |state| maps.iter().find(|(_, grid)| grid.state((x, y), size) == Some(state));
            let border = maps.first().is_some_and(|(_, grid)| grid.is_border((x, y), size, line));
            match told(true).map(|m| m.0).or(told(false).map(|_| UNMARKED)) {
                Some(colour) => {
                    // Without the frame's own colours, a green leaf is no marked cell.
                    canvas.grey(x, y);
                    canvas.blend(x, y, colour, if border { BORDER } else { TINT });
                }
                None if border => canvas.blend(x, y, PAPER, FAINT),
                None => {}
            }
        }
    }
    canvas
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixels of a map of 2×1 cells over a frame, as told by two marks.
    fn tinted(
        width: usize,
        height: usize,
        first: &[Option<bool>],
        second: &[Option<bool>],
    ) -> impl Fn(usize, usize) -> Colour + use<> {
        let frame = Still { width, height, data: [90, 120, 60].repeat(width * height) };
        let canvas = tint(frame, &[(hue(0), Grid::new(2, first)), (hue(1), Grid::new(2, second))]);
        move |x, y| canvas.pixel(x, y)
    }

    #[test]
    fn a_cell_has_the_hue_of_what_it_carries() {
        let (yes, no, silent) = (Some(true), Some(false), None);
        let at = tinted(40, 20, &[yes, no], &[no, yes]);
        assert!(matches!(at(10, 10), [r, g, b] if g > r && g > b), "{:?}", at(10, 10));
        assert!(matches!(at(30, 10), [r, g, b] if b > g && g > r), "{:?}", at(30, 10));
        let at = tinted(40, 20, &[no, silent], &[silent, silent]);
        assert!(matches!(at(10, 10), [r, g, b] if r > g && r > b), "{:?}", at(10, 10));
        assert_eq!(at(30, 10), [90, 120, 60]);
        assert_ne!(at(20, 10), at(30, 10), "a border");
    }

    #[test]
    fn any_size_is_drawn() {
        for (width, height) in [(1, 1), (1, 50), (50, 1), (3000, 3)] {
            assert_ne!(tinted(width, height, &[Some(true); 2], &[])(0, 0), [90, 120, 60]);
        }
        assert_eq!(tinted(9, 9, &[], &[])(0, 0), [90, 120, 60]);
    }
}
