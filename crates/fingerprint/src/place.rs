//! Where a clip lies in the registered pictures, to a fraction of a pixel of those: what lies
//! beside itself looks otherwise everywhere.

use super::difference;
use super::pdq::Thumbnail;
use super::video::{Small, small};
use super::window::{Content, Window, thumbnail_of};

/// Steps by which a window is moved about, in shares of the picture: at first, and once it is near.
const COARSE: &[f32] = &[0.04, 0.02];
const FINE: &[f32] = &[0.02, 0.01, 0.005, 0.0025];
/// How many of the windows that were found at first are looked at more closely.
const BEST: usize = 4;
/// Share of each side of the registered pictures that must be seen, and that may be seen with what
/// lies beyond their edges, of which nothing is known.
const SIDES: std::ops::RangeInclusive<f32> = 0.28..=1.15;

/// A window that the clip may show, and which of its pictures shows which registered one there.
pub(super) struct Start {
    pub(super) window: Window,
    pub(super) beside: Vec<(usize, usize)>,
}

/// The window through which pictures are most like what is beside them, by the more alike half of
/// what they show, since a part of it may have been replaced; `None` if it is too small.
pub(super) fn find(pictures: &[Thumbnail], theirs: &[Small], starts: Vec<Start>) -> Option<Window> {
    let nearest = |starts: Vec<Start>, steps: &[f32]| {
        let mut found: Vec<(f32, Start)> = starts
            .into_iter()
            .map(|Start { window, beside }| {
                let unlike = |window: &Window| {
                    let pairs: Vec<difference::Pair> =
                        beside.iter().map(|&(i, j)| (put_small(&pictures[i], window), j)).collect();
                    difference::unlike(&pairs, theirs, window)
                };
                let (least, window) = window.descend(steps, unlike);
                (least, Start { window, beside })
            })
            .filter(|(_, s)| SIDES.contains(&s.window.width) && SIDES.contains(&s.window.height))
            .collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found.into_iter().map(|f| f.1)
    };
    let near = nearest(starts, COARSE).take(BEST).collect();
    nearest(near, FINE).next().map(|start| start.window)
}

/// A picture where it may have come from.
pub(super) fn put(picture: &Thumbnail, window: &Window) -> Thumbnail {
    let mut out = thumbnail_of(0.0);
    window.place(&Content::ALL, picture, &mut out);
    out
}

/// The same, made smaller.
pub(super) fn put_small(picture: &Thumbnail, window: &Window) -> Small {
    small(&put(picture, window))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdq::SIDE;

    /// What is at a place of a moment of a clip.
    fn at(moment: usize, [x, y]: [f32; 2]) -> f32 {
        let t = 0.3 * moment as f32;
        128.0
            + 60.0 * ((17.0 * x + t).sin() * (13.0 * y - t).cos())
            + 40.0 * (29.0 * x * y + 5.0 * x).sin()
    }

    #[test]
    fn a_crop_is_found_to_a_fraction_of_a_pixel_though_a_part_of_it_is_another_picture() {
        let share = |i: usize, side: usize| (i as f32 + 0.5) / side as f32;
        let theirs: Vec<Small> = (0..4)
            .map(|t| {
                let one = |i| at(t, [share(i % 32, 32), share(i / 32, 32)]);
                Box::new(std::array::from_fn(one)) as Small
            })
            .collect();
        let crop = Window { x: 0.13, y: 0.08, width: 0.71, height: 0.71, mirrored: false };
        let seen = |t: usize, i: usize| {
            let place = [share(i % SIDE, SIDE), share(i / SIDE, SIDE)];
            let replaced = place.iter().all(|v| (0.2..0.6).contains(v));
            if replaced { at(9 + 2 * t, place) } else { at(t, crop.through(place)) }
        };
        let pictures: Vec<Thumbnail> =
            (0..4).map(|t| Box::new(std::array::from_fn(|i| seen(t, i))) as Thumbnail).collect();
        let start = |window| Start { window, beside: (0..4).map(|t| (t, t)).collect() };
        let near = Window { x: 0.1, y: 0.1, width: 0.8, height: 0.8, mirrored: false };
        let found =
            find(&pictures, &theirs, vec![start(Window::WHOLE), start(near)]).expect("a window");
        let far = [
            found.x - crop.x,
            found.y - crop.y,
            found.width - crop.width,
            found.height - crop.height,
        ];
        assert!(far.iter().all(|d| d.abs() < 0.25 / 32.0), "{found:?}");
        // Of a sliver nothing is told.
        let sliver = Window { width: 0.05, height: 0.05, ..crop };
        assert_eq!(find(&pictures, &theirs, vec![start(sliver)]), None);
    }
}
