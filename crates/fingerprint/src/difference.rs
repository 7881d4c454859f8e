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

/// Side of a window, and the step from one to the next, in pixels.
const WINDOW: usize = 4;
const STEP: usize = 2;
/// Variance, in grey levels squared, that a codec or a filter may put into a window.
const LEFT: f32 = 200.0;
/// The same of what is compared with, under which it explains nothing.
const FLOOR: f32 = 20.0;
/// How much stronger than both together it is where something else is seen: 4.0 at most in 900
/// copies of 28 clips (`docs/results/edits.md`).
const OTHERWISE: f32 = 4.2;
/// Pictures that are taken together, about.
const TOGETHER: usize = 6;
/// Pictures, and their share of all, that must show the same moment to tell anything.
const ENOUGH: (usize, f32) = (3, 1.0 / 3.0);
/// Variance of the registered picture, in grey levels squared and beside twice what moves there,
/// from which on a window of it has something to be seen.
const SOMETHING: f32 = 100.0;
/// Share of it under which nothing is left to be seen.
const NOTHING: f32 = 0.1;
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
/// from the upper left of what is between bars.
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

    /// Whether enough could be compared.
    #[must_use]
    pub fn is_told(&self) -> bool {
        !self.cells.is_empty()
    }
}

/// Where pictures look otherwise than those beside them, which are among `theirs`, of `all`
/// pictures of the clip.
pub(super) fn map(
    ours: &[Small],
    theirs: &[Small],
    beside: &[(usize, usize)],
    all: usize,
) -> DifferenceMap {
    let compared = beside.len() as f32 / all.max(1) as f32;
    if beside.len() < ENOUGH.0 || compared < ENOUGH.1 {
        return DifferenceMap { compared, share: 0.0, columns: COLUMNS, cells: Vec::new() };
    }
    let mut cells = vec![false; COLUMNS * COLUMNS];
    let parts = (beside.len() / TOGETHER).max(1);
    for together in (0..parts)
        .map(|part| &beside[part * beside.len() / parts..(part + 1) * beside.len() / parts])
    {
        let pairs: Vec<(&Small, &Small)> =
            together.iter().map(|&(i, j)| (&ours[i], &theirs[j])).collect();
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
        let places = || (0..WINDOWS * WINDOWS).map(|i| (i % WINDOWS * STEP, i / WINDOWS * STEP));
        let seen: Vec<Shares> = places().map(|at| shares(&pairs, at)).collect();
        let mut contrasts: Vec<f32> =
            seen.iter().map(|s| (s.own + FLOOR) / (s.other + FLOOR)).collect();
        contrasts.sort_by(f32::total_cmp);
        let contrast = contrasts[contrasts.len() / 2].clamp(CONTRASTS.0, CONTRASTS.1);
        let mut covered = vec![false; cells.len()];
        for (at, seen) in places().zip(seen) {
            let moves = contrast * shares(&moved, at).new.max(shares(&back, at).new);
            let there = contrast * seen.other;
            let tell = |cells: &mut [bool]| {
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    cells[(at.1 / STEP + dy) * COLUMNS + at.0 / STEP + dx] = true;
                }
            };
            if seen.new >= OTHERWISE * (LEFT + moves) {
                tell(&mut cells);
            } else if there >= SOMETHING + 2.0 * moves && seen.own <= NOTHING * there {
                tell(&mut covered);
            }
        }
        if share(&covered) >= COVERED {
            cells.iter_mut().zip(covered).for_each(|(cell, covered)| *cell |= covered);
        }
    }
    DifferenceMap { compared, share: share(&cells), columns: COLUMNS, cells }
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
        assert!((0.05..0.12).contains(&part.share), "{}", part.share);
        let hit = |c: usize| (5..9).contains(&(c % COLUMNS)) && (3..7).contains(&(c / COLUMNS));
        let told = (0..COLUMNS * COLUMNS).filter(|&c| hit(c) && part.cells[c]).count();
        assert!(told >= 12, "{told} of 16");
        assert!(changed(&|t, i, _| other[t][i]).share > 0.6);
        // A flat half is seen, a flat corner is a logo, and what is dull all over was made so.
        let half = changed(&|_, i, v| if i % SMALL < SMALL / 2 { 90.0 } else { v });
        assert!((0.4..0.6).contains(&half.share), "{}", half.share);
        assert!(changed(&|_, i, v| if i / SMALL >= 7 { 90.0 } else { v }).share > 0.6);
        assert_eq!(changed(&|_, i, v| if inside(i, 6) { 90.0 } else { v }).share, 0.0);
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
}
