//! Guesses about what was done to a picture, made on its own side: bars are cut away, and a crop is
//! put back where it may have come from.

use super::pdq::{SIDE, Thumbnail};

/// Deviation within a row or column, in grey levels, under which it may belong to a bar.
const FLAT: f32 = 2.5;
/// Share of the frames in which it must be that flat.
const STEADY: f32 = 0.9;
/// Share of the picture that must be left between bars: a dark scene is none.
const LEFT: usize = SIDE * 3 / 10;

/// What lies between bars: the first and the last column and row, the last one not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    x: [usize; 2],
    y: [usize; 2],
}

/// A small picture of one grey.
pub(super) fn thumbnail_of(grey: f32) -> Thumbnail {
    Box::new([grey; SIDE * SIDE])
}

impl Content {
    /// The whole picture.
    pub(super) const ALL: Self = Self { x: [0, SIDE], y: [0, SIDE] };

    /// Of the frames of a clip.
    pub(super) fn of(frames: impl Iterator<Item = Thumbnail>) -> Self {
        let mut flat = [[0.0; SIDE]; 2];
        let mut count = 0.0;
        for frame in frames {
            count += 1.0;
            for i in 0..SIDE {
                flat[0][i] += is_flat((0..SIDE).map(|y| frame[y * SIDE + i]));
                flat[1][i] += is_flat(frame[i * SIDE..(i + 1) * SIDE].iter().copied());
            }
        }
        let inside = |flat: &[f32; SIDE]| {
            let is_bar = |share: &&f32| count > 0.0 && **share >= STEADY * count;
            let (before, after) = (
                flat.iter().take_while(is_bar).count(),
                flat.iter().rev().take_while(is_bar).count(),
            );
            // The line beside a bar is half of it.
            let (start, end) = (
                before + usize::from(before > 0),
                SIDE.saturating_sub(after + usize::from(after > 0)),
            );
            if start + LEFT <= end { [start, end] } else { [0, SIDE] }
        };
        Self { x: inside(&flat[0]), y: inside(&flat[1]) }
    }

    /// Its edges, each in a byte.
    pub(super) fn to_bytes(self) -> [u8; 4] {
        [self.x[0], self.x[1], self.y[0], self.y[1]].map(|edge| edge as u8)
    }

    /// From [`Self::to_bytes`]; `None` if they enclose nothing.
    pub(super) fn from_bytes(bytes: [u8; 4]) -> Option<Self> {
        let [left, right, top, bottom] = bytes.map(usize::from);
        (left < right && right <= SIDE && top < bottom && bottom <= SIDE)
            .then_some(Self { x: [left, right], y: [top, bottom] })
    }

    /// Its width over its height, those of the frame being one.
    pub(super) fn aspect(&self) -> f32 {
        (self.x[1] - self.x[0]) as f32 / (self.y[1] - self.y[0]) as f32
    }

    /// Its width and height, those of the frame being one.
    pub(super) fn shares(&self) -> [f32; 2] {
        [self.x, self.y].map(|[start, end]| (end - start) as f32 / SIDE as f32)
    }

    /// The picture without its bars.
    pub(super) fn cut(&self, from: &Thumbnail, to: &mut Thumbnail) {
        if *self == Self::ALL {
            to.copy_from_slice(&from[..]);
        } else {
            Window::WHOLE.place(self, from, to);
        }
    }
}

fn is_flat(values: impl Iterator<Item = f32> + Clone) -> f32 {
    let mean = values.clone().sum::<f32>() / SIDE as f32;
    let variance = values.map(|v| (v - mean).powi(2)).sum::<f32>() / SIDE as f32;
    f32::from(u8::from(variance < FLAT * FLAT))
}

/// Where in a picture another one came from, in shares of its width and height, and whether it was
/// mirrored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) mirrored: bool,
}

/// Shares of the picture that a crop may leave, of the side that it leaves more of.
const SIZES: [f32; 7] = [1.0, 0.94, 0.87, 0.8, 0.72, 0.64, 0.56];
/// Steps between guesses of where it lies: a hash survives half of it.
const STEP: f32 = 0.09;
/// Least share of a side that is worth a guess.
const LEAST: f32 = 0.3;

impl Window {
    pub(super) const WHOLE: Self =
        Self { x: 0.0, y: 0.0, width: 1.0, height: 1.0, mirrored: false };

    /// All guesses for a picture whose aspect ratio is `ratio` times that of the one it may come
    /// from, the plainest first.
    pub(super) fn guesses(ratio: f32) -> Vec<Self> {
        let mut out = vec![Self::WHOLE];
        for size in SIZES {
            let (width, height) =
                if ratio > 1.0 { (size, size / ratio) } else { (size * ratio, size) };
            if width.min(height) < LEAST || (width > 0.97 && height > 0.97) {
                continue;
            }
            for y in places(height) {
                out.extend(places(width).map(|x| Self { x, y, width, height, mirrored: false }));
            }
        }
        let mirrored: Vec<Self> = out.iter().map(|w| Self { mirrored: true, ..*w }).collect();
        out.extend(mirrored);
        out
    }

    /// Guesses around this one, each a little elsewhere or of another size.
    pub(super) fn neighbours(&self, step: f32) -> [Self; 8] {
        let moved = |dx: f32, dy: f32| Self { x: self.x + dx, y: self.y + dy, ..*self };
        let sized = |across: f32, down: f32| {
            let (width, height) = (self.width * (1.0 + across), self.height * (1.0 + down));
            Self {
                x: self.x - (width - self.width) / 2.0,
                y: self.y - (height - self.height) / 2.0,
                width,
                height,
                ..*self
            }
        };
        [
            moved(step, 0.0),
            moved(-step, 0.0),
            moved(0.0, step),
            moved(0.0, -step),
            sized(step, step),
            sized(-step, -step),
            sized(step, -step),
            sized(-step, step),
        ]
    }

    /// Guesses around this one, each with one of its edges a little elsewhere.
    fn edges(&self, step: f32) -> [Self; 8] {
        let edge = |left: f32, top: f32, right: f32, bottom: f32| Self {
            x: self.x + left,
            y: self.y + top,
            width: self.width + right - left,
            height: self.height + bottom - top,
            ..*self
        };
        [
            edge(step, 0.0, 0.0, 0.0),
            edge(-step, 0.0, 0.0, 0.0),
            edge(0.0, step, 0.0, 0.0),
            edge(0.0, -step, 0.0, 0.0),
            edge(0.0, 0.0, step, 0.0),
            edge(0.0, 0.0, -step, 0.0),
            edge(0.0, 0.0, 0.0, step),
            edge(0.0, 0.0, 0.0, -step),
        ]
    }

    /// Moves it, by smaller and smaller steps, to where its score is least, which is told too.
    pub(super) fn descend(mut self, steps: &[f32], score: impl Fn(&Self) -> f32) -> (f32, Self) {
        let mut least = score(&self);
        for &step in steps {
            while let Some((better, moved)) = self
                .neighbours(step)
                .into_iter()
                .chain(self.edges(step))
                .map(|w| (score(&w), w))
                .min_by(|a, b| a.0.total_cmp(&b.0))
                .filter(|b| b.0 < least)
            {
                (least, self) = (better, moved);
            }
        }
        (least, self)
    }

    /// Where the whole frame lies, of which this window shows what is between bars.
    pub(super) fn frame(&self, content: &Content) -> Self {
        let [across, down] = content.shares();
        let [left, top] = [content.x, content.y].map(|[start, _]| start as f32 / SIDE as f32);
        let left = if self.mirrored { 1.0 - left - across } else { left };
        let (width, height) = (self.width / across, self.height / down);
        Self { x: self.x - left * width, y: self.y - top * height, width, height, ..*self }
    }

    /// Where in the whole picture a place in this window lies.
    pub(super) fn through(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let x = if self.mirrored { 1.0 - x } else { x };
        [self.x + x * self.width, self.y + y * self.height]
    }

    /// The part of a picture of `side`×`side` pixels that is in this window.
    pub(super) fn look(&self, from: &[u8], side: usize) -> Thumbnail {
        let taps = |start: f32, size: f32, mirrored: bool| -> [Tap; SIDE] {
            std::array::from_fn(|i| {
                let i = if mirrored { SIDE - 1 - i } else { i };
                Tap::at(
                    (start + (i as f32 + 0.5) / SIDE as f32 * size) * side as f32 - 0.5,
                    [0, side],
                )
            })
        };
        let (columns, rows) =
            (taps(self.x, self.width, self.mirrored), taps(self.y, self.height, false));
        let mut out = thumbnail_of(0.0);
        for (row, line) in rows.iter().zip(out.chunks_exact_mut(SIDE)) {
            let at = |x: usize| {
                row.between(
                    f32::from(from[row.first * side + x]),
                    f32::from(from[row.second * side + x]),
                )
            };
            line.iter_mut()
                .zip(&columns)
                .for_each(|(o, t)| *o = t.between(at(t.first), at(t.second)));
        }
        out
    }

    /// Puts what is between the bars of `from` into its place in `to`; around it its edges go on.
    pub(super) fn place(&self, content: &Content, from: &Thumbnail, to: &mut Thumbnail) {
        // Two samples a pixel each way, so that what shrinks is averaged.
        let taps =
            |start: f32, size: f32, [low, high]: [usize; 2], mirrored: bool| -> [Tap; 2 * SIDE] {
                std::array::from_fn(|i| {
                    let inside =
                        (((i as f32 + 0.5) / (2 * SIDE) as f32 - start) / size).clamp(0.0, 1.0);
                    let inside = if mirrored { 1.0 - inside } else { inside };
                    Tap::at(low as f32 + inside * (high - low) as f32 - 0.5, [low, high])
                })
            };
        let columns = taps(self.x, self.width, content.x, self.mirrored);
        let rows = taps(self.y, self.height, content.y, false);
        let mut line = [0.0; SIDE];
        for (pair, out) in rows.chunks_exact(2).zip(to.chunks_exact_mut(SIDE)) {
            let mut both = [0.0; SIDE];
            for tap in pair {
                let (a, b) =
                    (&from[tap.first * SIDE..][..SIDE], &from[tap.second * SIDE..][..SIDE]);
                for (o, (a, b)) in line.iter_mut().zip(a.iter().zip(b)) {
                    *o = tap.between(*a, *b);
                }
                for (o, pair) in both.iter_mut().zip(columns.chunks_exact(2)) {
                    *o +=
                        pair.iter().map(|t| t.between(line[t.first], line[t.second])).sum::<f32>();
                }
            }
            out.iter_mut().zip(both).for_each(|(o, v)| *o = v / 4.0);
        }
    }
}

/// Two neighbouring samples, and the second one's share.
#[derive(Clone, Copy)]
struct Tap {
    first: usize,
    second: usize,
    share: f32,
}

impl Tap {
    /// At a place between the first and the last sample, the last one not included.
    fn at(place: f32, [low, high]: [usize; 2]) -> Self {
        let place = place.clamp(low as f32, (high - 1) as f32);
        let first = (place as usize).min(high - 1);
        Self { first, second: (first + 1).min(high - 1), share: place - first as f32 }
    }

    fn between(&self, a: f32, b: f32) -> f32 {
        a + self.share * (b - a)
    }
}

/// Evenly spread places for a window of a size.
fn places(size: f32) -> impl Iterator<Item = f32> + Clone {
    let free = (1.0 - size).max(0.0);
    let steps = (free / STEP).round() as usize;
    (0..=steps).map(move |i| if steps == 0 { free / 2.0 } else { free * i as f32 / steps as f32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Thumbnail {
        let mut t = Box::new([0.0; SIDE * SIDE]);
        t.iter_mut()
            .enumerate()
            .for_each(|(i, v)| *v = (i % SIDE) as f32 + 3.0 * (i / SIDE) as f32);
        t
    }

    #[test]
    fn the_whole_is_itself_and_a_mirror_twice() {
        let whole = Content::ALL;
        let (from, mut to, mut back) = (ramp(), ramp(), ramp());
        Window::WHOLE.place(&whole, &from, &mut to);
        assert!(
            from.iter().zip(to.iter()).all(|(a, b)| (a - b).abs() < 1.1),
            "but for the edges, which are averaged"
        );
        let mirror = Window { mirrored: true, ..Window::WHOLE };
        mirror.place(&whole, &from, &mut to);
        assert!((to[5] - from[SIDE - 6]).abs() < 1.1);
        mirror.place(&whole, &to, &mut back);
        assert!(from.iter().zip(back.iter()).all(|(a, b)| (a - b).abs() < 2.1));
    }

    #[test]
    fn bars_are_cut_and_dark_scenes_are_not() {
        let mut t = ramp();
        t[..10 * SIDE].fill(16.0);
        t[54 * SIDE..].fill(16.0);
        assert_eq!(Content::of([t.clone()].into_iter()), Content { x: [0, SIDE], y: [11, 53] });
        let dark = [16.0; SIDE * SIDE];
        assert_eq!(Content::of([Box::new(dark)].into_iter()), Content::ALL);
        assert_eq!(Content::of(std::iter::empty()).aspect(), 1.0);
    }

    #[test]
    fn guesses_lie_inside_and_keep_the_aspect() {
        for ratio in [1.0, 0.4, 16.0 / 9.0, 20.0] {
            for w in Window::guesses(ratio)
                .iter()
                .filter(|w| **w != Window { mirrored: w.mirrored, ..Window::WHOLE })
            {
                assert!(
                    w.x >= 0.0 && w.y >= 0.0 && w.x + w.width <= 1.001 && w.y + w.height <= 1.001,
                    "{w:?}"
                );
                assert!((w.width / w.height / ratio - 1.0).abs() < 1e-3);
            }
        }
    }
}
