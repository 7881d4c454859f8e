//! Where a clip looks otherwise than the one that it is a copy of: small pictures held against each
//! other, window by window.
//!
//! What of a window is not the registered one under another light and contrast was put there, and
//! where nothing is left of it something flat was. It is held against what a codec may leave, and
//! against how much the registered clip itself changes in that place from one picture to the next:
//! two pictures beside each other may be that far apart in time. The numbers were chosen on the
//! clips of `docs/results/edits.md`, where it stands what they find.

use serde::Serialize;

use super::video::{SMALL, Small};
use super::window::Window;

/// Side of a window, and the step from one to the next, in pixels.
const WINDOW: usize = 4;
const STEP: usize = 2;
/// Variance, in grey levels squared, that a codec or a filter may put into a window.
const LEFT: f32 = 200.0;
/// The same of what is compared with, under which it explains nothing.
const FLOOR: f32 = 20.0;
/// How much stronger than both together it is where something else is seen: 0.9 at most in copies in
/// which nothing was replaced (`docs/results/edits.md`).
const OTHERWISE: f32 = 1.7;
/// Pictures that are taken together, about.
const TOGETHER: usize = 6;
/// Pictures, and their share of all, that must show the same moment to tell anything.
const ENOUGH: (usize, f32) = (3, 1.0 / 3.0);
/// Variance of the registered picture, in grey levels squared and beside twice what moves there,
/// from which on a window of it has something to be seen.
const SOMETHING: f32 = 100.0;
/// Share of it under which nothing is left to be seen.
const NOTHING: f32 = 0.1;
/// Pixels by which a window may lie beyond what is seen.
const SLACK: f32 = 0.25;
/// Share of the cells in which nothing is left, from which on that is a part that was covered:
/// captions, logos and what was made unrecognisable take less.
const COVERED: f32 = 0.16;
/// By how much the contrast of the whole picture may have been changed, squared.
const CONTRASTS: (f32, f32) = (0.25, 4.0);

/// Cells across, and as many down.
const COLUMNS: usize = SMALL / STEP;
/// Windows across, and as many down.
const WINDOWS: usize = (SMALL - WINDOW) / STEP + 1;

/// Which parts of a picture look otherwise than in the registered clip: a grid of cells, row by row
/// from the upper left of the frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DifferenceMap {
    /// Share of the pictures that show the same moment as one that is registered, 0 to 1: the
    /// others say nothing.
    pub compared: f32,
    /// Share of the cells that look otherwise, 0 to 1.
    pub share: f32,
    /// Cells in a row.
    pub columns: usize,
    /// Per cell whether it looks otherwise; empty where too few pictures could be compared to tell.
    pub cells: Vec<bool>,
}

impl DifferenceMap {
    /// One of a single cell that looks otherwise or not, for tests of what is made of it.
    #[doc(hidden)]
    #[must_use]
    pub fn example(otherwise: bool) -> Self {
        let share = if otherwise { 1.0 } else { 0.0 };
        Self { compared: 1.0, share, columns: 1, cells: vec![otherwise] }
    }

    /// The same in a frame in which each place lies elsewhere: `from` says where here, in shares of
    /// width and height from the upper left.
    #[must_use]
    pub fn moved(mut self, from: impl Fn([f32; 2]) -> [f32; 2]) -> Self {
        if self.is_told() {
            self.cells = moved(&self.cells, from);
        }
        self
    }

    /// Whether enough could be compared.
    #[must_use]
    pub fn is_told(&self) -> bool {
        !self.cells.is_empty()
    }
}

/// A picture of the clip, put where it lies in the registered ones, and the number of the one that
/// shows the same moment.
pub(super) type Pair = (Small, usize);

/// How a clip lies in the registered pictures.
#[derive(Clone, Copy)]
pub(super) struct Lies {
    /// What is between its bars.
    pub(super) content: Window,
    /// All of its frame.
    pub(super) frame: Window,
}

/// A clip laid upon the registered pictures.
pub(super) struct Laid<'a> {
    /// What is between its bars, of the pictures that show the same moment as a registered one.
    pub(super) beside: &'a [Pair],
    /// The same with their bars; none where there are no bars.
    pub(super) framed: &'a [Pair],
    pub(super) lies: Lies,
}

/// Where pictures look otherwise than those of `theirs` beside them, of `all` pictures of the clip.
pub(super) fn map(clip: &Laid<'_>, theirs: &[Small], all: usize) -> DifferenceMap {
    let count = clip.beside.len();
    let compared = count as f32 / all.max(1) as f32;
    let inside = places(&clip.lies.content);
    if count < ENOUGH.0 || compared < ENOUGH.1 || inside.is_empty() {
        let cells = Vec::new();
        return DifferenceMap { compared, share: 0.0, columns: COLUMNS, cells };
    }
    let hidden = if clip.framed.is_empty() { Vec::new() } else { clip.lies.hidden() };
    let mut cells = Cells::none();
    let parts = (count / TOGETHER).max(1);
    for part in (0..parts).map(|part| part * count / parts..(part + 1) * count / parts) {
        let together = &clip.beside[part.clone()];
        let pairs = paired(together, theirs);
        let framed = clip.framed.get(part).map(|p| paired(p, theirs)).unwrap_or_default();
        // What follows what in the registered clip, of the same time and of one picture more on
        // each side.
        let (first, last) = together
            .iter()
            .fold((usize::MAX, 0), |(first, last), p| (first.min(p.1), last.max(p.1)));
        let moved: Vec<(&Small, &Small)> = theirs
            [first.saturating_sub(1)..(last + 2).min(theirs.len())]
            .windows(2)
            .map(|two| (&two[1], &two[0]))
            .collect();
        let back: Vec<(&Small, &Small)> = moved.iter().map(|&(a, b)| (b, a)).collect();
        let moves = |at| shares(&moved, at).new.max(shares(&back, at).new);
        let mut seen: Vec<((usize, usize), Shares)> =
            inside.iter().map(|&at| (at, shares(&pairs, at))).collect();
        let mut contrasts: Vec<f32> =
            seen.iter().map(|(_, s)| (s.own + FLOOR) / (s.other + FLOOR)).collect();
        contrasts.sort_by(f32::total_cmp);
        let contrast = contrasts[contrasts.len() / 2].clamp(CONTRASTS.0, CONTRASTS.1);
        seen.extend(hidden.iter().map(|&at| (at, shares(&framed, at))));
        let mut covered = Cells::none();
        for (at, seen) in seen {
            let moves = contrast * moves(at);
            let there = contrast * seen.other;
            if seen.new >= OTHERWISE * (LEFT + moves) {
                cells.tell(at);
            } else if there >= SOMETHING + 2.0 * moves && seen.own <= NOTHING * there {
                covered.tell(at);
            }
        }
        if share(&covered.seen_through(&clip.lies.frame)) >= COVERED {
            cells.0.iter_mut().zip(covered.0).for_each(|(cell, covered)| *cell |= covered);
        }
    }
    let cells = cells.seen_through(&clip.lies.frame);
    DifferenceMap { compared, share: share(&cells), columns: COLUMNS, cells }
}

/// Pictures with those that are beside them.
fn paired<'a>(beside: &'a [Pair], theirs: &'a [Small]) -> Vec<(&'a Small, &'a Small)> {
    beside.iter().map(|(picture, j)| (picture, &theirs[*j])).collect()
}

/// How unlike what is beside it the more alike half of all windows is, from 0 to 1: where something
/// was replaced the rest tells how the clip lies.
pub(super) fn unlike(beside: &[Pair], theirs: &[Small], window: &Window) -> f32 {
    let pairs = paired(beside, theirs);
    let mut unlike: Vec<f32> = places(window)
        .into_iter()
        .map(|at| {
            let seen = shares(&pairs, at);
            (seen.new + FLOOR) / (seen.own + FLOOR)
        })
        .collect();
    unlike.sort_by(f32::total_cmp);
    let half = &unlike[..unlike.len().div_ceil(2)];
    if half.is_empty() { 1.0 } else { half.iter().sum::<f32>() / half.len() as f32 }
}

impl Lies {
    /// Upper left corners of the windows of the registered picture that bars hide, and of those at
    /// their edge, on each side on which they hide a window and more: a flat sky may be taken for a
    /// bar, and a bar beside the picture hides nothing.
    fn hidden(&self) -> Vec<(usize, usize)> {
        let pixels = |start: f32, size: f32| [start, start + size].map(|s| s * SMALL as f32);
        let beyond = |[first, last]: [f32; 2], [start, end]: [f32; 2]| {
            let (low, high) = (first.max(0.0), last.min(SMALL as f32));
            let hides = [start - low, high - end].map(|hidden| hidden >= WINDOW as f32);
            move |at: usize| {
                hides[0] && (at as f32) < start || hides[1] && (at + WINDOW) as f32 > end
            }
        };
        let (f, c) = (&self.frame, &self.content);
        let across = beyond(pixels(f.x, f.width), pixels(c.x, c.width));
        let down = beyond(pixels(f.y, f.height), pixels(c.y, c.height));
        places(f).into_iter().filter(|at| across(at.0) || down(at.1)).collect()
    }
}

/// Upper left corners of all windows that lie within what is seen of the registered picture.
fn places(window: &Window) -> Vec<(usize, usize)> {
    let inside = |start: f32, size: f32| {
        let pixel = |share: f32| share * SMALL as f32;
        let fits = move |at: usize| {
            at as f32 >= pixel(start) - SLACK && (at + WINDOW) as f32 <= pixel(start + size) + SLACK
        };
        (0..WINDOWS).map(|i| i * STEP).filter(move |&at| fits(at)).collect::<Vec<_>>()
    };
    let columns = inside(window.x, window.width);
    inside(window.y, window.height)
        .into_iter()
        .flat_map(|y| columns.iter().map(move |&x| (x, y)))
        .collect()
}

/// Cells of the registered picture, row by row.
struct Cells(Vec<bool>);

impl Cells {
    fn none() -> Self {
        Self(vec![false; COLUMNS * COLUMNS])
    }

    /// Those of a window.
    fn tell(&mut self, (left, top): (usize, usize)) {
        for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
            self.0[(top / STEP + dy) * COLUMNS + left / STEP + dx] = true;
        }
    }

    /// Those of what is seen of it through a window.
    fn seen_through(&self, window: &Window) -> Vec<bool> {
        moved(&self.0, |place| window.through(place))
    }
}

/// Cells, each of which is the one that lies where `from` says.
fn moved(cells: &[bool], from: impl Fn([f32; 2]) -> [f32; 2]) -> Vec<bool> {
    let cell = |i: usize| {
        let at = |i: usize| (i as f32 + 0.5) / COLUMNS as f32;
        let [x, y] =
            from([at(i % COLUMNS), at(i / COLUMNS)]).map(|share| (share * COLUMNS as f32).floor());
        let inside = 0.0..COLUMNS as f32;
        inside.contains(&x) && inside.contains(&y) && cells[y as usize * COLUMNS + x as usize]
    };
    (0..COLUMNS * COLUMNS).map(cell).collect()
}

fn share(cells: &[bool]) -> f32 {
    cells.iter().filter(|c| **c).count() as f32 / cells.len() as f32
}

/// Variances in a window, in the mean of some pairs of pictures: of the one, of the other, and of
/// what the other does not explain of the one.
struct Shares {
    own: f32,
    other: f32,
    new: f32,
}

fn shares(pairs: &[(&Small, &Small)], (left, top): (usize, usize)) -> Shares {
    let area = (WINDOW * WINDOW) as f32;
    let (mut own, mut other, mut both) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        let window = |p: &Small| -> [f32; WINDOW * WINDOW] {
            let pixels: [f32; WINDOW * WINDOW] =
                std::array::from_fn(|i| p[(top + i / WINDOW) * SMALL + left + i % WINDOW]);
            let mean = pixels.iter().sum::<f32>() / area;
            pixels.map(|v| v - mean)
        };
        let (a, b) = (window(a), window(b));
        let product = |x: &[f32; WINDOW * WINDOW], y: &[f32; WINDOW * WINDOW]| {
            x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>() / area
        };
        own += product(&a, &a);
        other += product(&b, &b);
        both += product(&a, &b);
    }
    let count = pairs.len().max(1) as f32;
    // Nothing is explained by its negative.
    let explained = both.max(0.0).powi(2) / (other + FLOOR);
    Shares { own: own / count, other: other / count, new: (own - explained) / count }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(
        ours: &[Small],
        theirs: &[Small],
        beside: &[(usize, usize)],
        all: usize,
    ) -> DifferenceMap {
        let pairs: Vec<Pair> = beside.iter().map(|&(i, j)| (ours[i].clone(), j)).collect();
        laid(&pairs, &[], Lies { content: Window::WHOLE, frame: Window::WHOLE }, theirs, all)
    }

    fn laid(
        beside: &[Pair],
        framed: &[Pair],
        lies: Lies,
        theirs: &[Small],
        all: usize,
    ) -> DifferenceMap {
        super::map(&Laid { beside, framed, lies }, theirs, all)
    }

    fn scene(t: usize, phase: f32) -> Small {
        let at = |x: f32, y: f32| {
            120.0
                + 50.0 * ((x * 0.9 + phase + 0.02 * t as f32).sin() * (y * 0.7 - phase).cos())
                + 30.0 * (x * 0.31 * y * 0.23 + phase).sin()
        };
        Box::new(std::array::from_fn(|i| at((i % SMALL) as f32, (i / SMALL) as f32)))
    }

    #[test]
    fn another_light_is_no_difference_and_another_part_is() {
        let theirs: Vec<Small> = (0..10).map(|t| scene(t, 0.0)).collect();
        let beside: Vec<(usize, usize)> = (0..10).map(|i| (i, i)).collect();
        let changed = |how: &dyn Fn(usize, usize, f32) -> f32| {
            let ours: Vec<Small> = theirs
                .iter()
                .enumerate()
                .map(|(t, p)| Box::new(std::array::from_fn(|i| how(t, i, p[i]).clamp(0.0, 255.0))))
                .collect();
            map(&ours, &theirs, &beside, 10)
        };
        assert_eq!(changed(&|_, _, v| v).share, 0.0);
        assert_eq!(changed(&|_, i, v| 0.6 * v + 20.0 + (i % SMALL) as f32).share, 0.0);
        let other: Vec<Small> = (0..10).map(|t| scene(3 * t, 2.0)).collect();
        let inside = |i: usize, side: usize| {
            (10..10 + side).contains(&(i % SMALL)) && (6..6 + side).contains(&(i / SMALL))
        };
        let part = changed(&|t, i, v| if inside(i, 8) { other[t][i] } else { v });
        // A sixteenth, and the windows that it reaches into.
        assert!((0.06..0.15).contains(&part.share), "{}", part.share);
        let hit = |c: usize| (5..9).contains(&(c % COLUMNS)) && (3..7).contains(&(c / COLUMNS));
        let told = (0..COLUMNS * COLUMNS).filter(|&c| hit(c) && part.cells[c]).count();
        assert!(told >= 12, "{told} of 16");
        assert!(changed(&|t, i, _| other[t][i]).share > 0.6);
        // A flat half is seen, of a flat corner the border, and what is dull all over was made so.
        let half = changed(&|_, i, v| if i % SMALL < SMALL / 2 { 90.0 } else { v });
        assert!((0.4..0.6).contains(&half.share), "{}", half.share);
        assert!(changed(&|_, i, v| if i / SMALL >= 7 { 90.0 } else { v }).share > 0.6);
        assert!(changed(&|_, i, v| if inside(i, 6) { 90.0 } else { v }).share < 0.1);
        assert_eq!(changed(&|_, _, v| 90.0 + 0.3 * v).share, 0.0);
    }

    #[test]
    fn what_moves_is_not_taken_for_something_else() {
        // Each picture is beside the next one: nothing is known of the moment between two.
        let theirs: Vec<Small> = (0..11).map(|t| scene(12 * t, 0.0)).collect();
        let beside: Vec<(usize, usize)> = (0..10).map(|i| (i, i + 1)).collect();
        assert_eq!(map(&theirs, &theirs, &beside, 10).share, 0.0);
        // One picture has no time.
        assert!(!map(&theirs[..1], &theirs[..1], &[(0, 0)], 1).is_told());
        // Nor have a few of many.
        let few = map(&theirs, &theirs, &beside[..3], 10);
        assert!(!few.is_told() && (few.compared - 0.3).abs() < 1e-6 && few.share == 0.0);
        assert!(map(&theirs, &theirs, &beside[..4], 10).is_told());
    }

    #[test]
    fn what_is_seen_through_a_window_is_told_where_it_is_seen() {
        let theirs: Vec<Small> = (0..10).map(|t| scene(t, 0.0)).collect();
        let other: Vec<Small> = (0..10).map(|t| scene(3 * t, 2.0)).collect();
        // The right half of the picture, and nothing known of the left; a part of it is replaced.
        let window = Window { x: 0.5, width: 0.5, ..Window::WHOLE };
        let cropped = Lies { content: window, frame: window };
        let pairs = |replaced: std::ops::Range<usize>| -> Vec<Pair> {
            let picture = |t: usize, i: usize| match i % SMALL {
                0..16 => 0.0,
                x if replaced.contains(&x) && i / SMALL < 8 => other[t][i],
                _ => theirs[t][i],
            };
            (0..10)
                .map(|t| (Box::new(std::array::from_fn(|i| picture(t, i))) as Small, t))
                .collect()
        };
        assert_eq!(laid(&pairs(0..0), &[], cropped, &theirs, 10).share, 0.0);
        // A bar over the left half hides it, and one beside the picture hides nothing.
        let barred = Lies { frame: Window::WHOLE, ..cropped };
        let barred = laid(&pairs(0..0), &pairs(0..0), barred, &theirs, 10);
        assert!((0.4..=0.6).contains(&barred.share), "{}", barred.share);
        let all: Vec<Pair> = (0..10).map(|t| (theirs[t].clone(), t)).collect();
        let frame = Window { x: -1.0, width: 2.0, ..Window::WHOLE };
        let framed = Lies { content: Window::WHOLE, frame };
        assert_eq!(laid(&all, &pairs(0..0), framed, &theirs, 10).share, 0.0);
        let part = laid(&pairs(24..32), &[], cropped, &theirs, 10);
        let told = |c: &usize| part.cells[*c];
        assert!((0..COLUMNS * COLUMNS).any(|c| told(&c)));
        // Eight rows of 32 are four of 16, and the right half of the window is that of the cells.
        assert!(
            (0..COLUMNS * COLUMNS)
                .filter(told)
                .all(|c| c / COLUMNS <= 4 && c % COLUMNS >= COLUMNS / 2 - 2),
            "{:?}",
            part.cells
        );
        let mirrored = part.clone().moved(|[x, y]| [1.0 - x, y]);
        assert_eq!(mirrored.share, part.share);
        assert!((0..COLUMNS).all(|x| mirrored.cells[x] == part.cells[COLUMNS - 1 - x]));
    }
}
