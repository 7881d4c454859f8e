//! Fine alignment: from a roughly right geometry to one that holds over the whole picture.
//!
//! The picture, in tile coordinates, is cut into overlapping blocks of one tile. Each block's
//! correlation with the pattern that was found, as a function of a small displacement, is computed
//! once; then the eight parameters of a homography and one of a lens climb on the sum over blocks
//! of the correlation at the displacement they predict. One climb starts at the block that fits
//! best and grows outward, so that a perspective that bends the lattice by many pixels is followed
//! a few at a time; others start from small bends of the whole picture.

use super::carrier::{POINTS, Pattern};
use super::image::Image;
use super::readings::Readings;
use super::spectrum::RealFft2;
use super::sync::{Orientation, SyncPeak, Whitened};
use super::tile::{BAND_HIGH, TILE};
use super::warp::{Lens, Unwarped, Warp};

/// Largest displacement of a block that is looked at, in tile pixels.
const REACH: i32 = 20;
/// The first block lies at most this far from where it is predicted.
const NEAR: i32 = 5;
/// Displacement, at the picture's longer edge, of the bends that are climbed from.
const BEND: f32 = 5.0;
/// Bends that are climbed from: those that begin best.
const CLIMBS: usize = 8;
/// Side of a block's correlation map.
const SIDE: usize = 2 * REACH as usize + 1;
/// Distance between block centres: half a tile, or a whole one where that makes this many blocks.
const SPACING: usize = TILE / 2;
const MANY: usize = 100;

/// The correlation of one block with the sync pattern over displacements in picture directions.
struct Block {
    /// Centre, in tile coordinates relative to the picture's middle, over the picture's half width.
    x: f32,
    y: f32,
    map: Vec<f32>,
}

impl Block {
    /// The highest correlation near the predicted displacement, and where it is.
    fn height(&self) -> (f32, f32, f32) {
        let near = -NEAR..=NEAR;
        let places = near.clone().flat_map(|dy| near.clone().map(move |dx| (dx, dy)));
        let value = |(dx, dy): (i32, i32)| {
            (self.map[(dy + REACH) as usize * SIDE + (dx + REACH) as usize], dx as f32, dy as f32)
        };
        places.map(value).fold((f32::NEG_INFINITY, 0.0, 0.0), |a, b| if b.0 > a.0 { b } else { a })
    }

    fn at(&self, dx: f32, dy: f32) -> f32 {
        let (u, v) = (dx + REACH as f32, dy + REACH as f32);
        let last = (SIDE - 1) as f32;
        if !(u >= 0.0 && v >= 0.0 && u < last && v < last) {
            return 0.0;
        }
        let (x0, y0) = (u as usize, v as usize);
        let i = y0 * SIDE + x0;
        let (fx, fy) = (u - x0 as f32, v - y0 as f32);
        let top = self.map[i] * (1.0 - fx) + self.map[i + 1] * fx;
        let bottom = self.map[i + SIDE] * (1.0 - fx) + self.map[i + SIDE + 1] * fx;
        top * (1.0 - fy) + bottom * fy
    }
}

/// A displacement field of nine parameters: translation, linear part, the two of perspective, and a
/// lens.
type Field = [f32; 9];

fn displacement(f: &Field, x: f32, y: f32) -> (f32, f32) {
    let rectify = f[6] * x + f[7] * y + f[8] * (x * x + y * y);
    (f[0] + f[2] * x + f[3] * y + rectify * x, f[1] + f[4] * x + f[5] * y + rectify * y)
}

/// Aligns `unwarped`, in which `peak` was found under `orientation`; returns the map from better
/// tile coordinates to the present ones.
pub(crate) fn refine(
    unwarped: &Unwarped,
    readings: &Readings,
    orientation: Orientation,
    pattern: &Pattern,
    peak: &SyncPeak,
) -> Warp {
    let image = &unwarped.image;
    let (cx, cy) = (image.width as f32 / 2.0, image.height as f32 / 2.0);
    let unit = cx.max(cy);
    let mut blocks = correlate(image, readings, orientation, pattern, peak);
    let grown = grow(&mut blocks);
    let mut bends: Vec<(f32, Field)> =
        starts().map(|field| (value(&blocks, &field), field)).collect();
    bends.sort_by(|a, b| b.0.total_cmp(&a.0));
    let climbed = bends.into_iter().take(CLIMBS).map(|(_, mut field)| {
        climb(&blocks, &mut field, 9);
        field
    });
    let field = climbed.fold(grown, |best, next| {
        if value(&blocks, &next) > value(&blocks, &best) { next } else { best }
    });
    // From the middle's units back to tile coordinates: x = origin + centre + unit · x'.
    let (ox, oy) = (unwarped.origin.0 + cx, unwarped.origin.1 + cy);
    let normalise =
        Warp::projective([1.0 / unit, 0.0, -ox / unit, 0.0, 1.0 / unit, -oy / unit, 0.0, 0.0, 1.0]);
    let restore = Warp::projective([unit, 0.0, ox, 0.0, unit, oy, 0.0, 0.0, 1.0]);
    let f = field.map(|v| v / unit);
    let rectify =
        Warp::projective([1.0 + f[2], f[3], f[0], f[4], 1.0 + f[5], f[1], -f[6], -f[7], 1.0]);
    let lens = Lens { x: ox, y: oy, k: f[8] / (unit * unit) };
    restore.after(&rectify).after(&normalise).through(lens)
}

/// Bends of the whole picture that are climbed from: small perspectives and lenses.
fn starts() -> impl Iterator<Item = Field> {
    let bends = [-1.0, 0.0, 1.0];
    let all = bends.into_iter().flat_map(move |a| {
        bends.into_iter().flat_map(move |b| bends.into_iter().map(move |c| (a, b, c)))
    });
    all.map(|(a, b, c)| [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, a * BEND, b * BEND, c * BEND])
}

/// Starts at the block that fits best where it should, and takes in its neighbours, ring by ring.
fn grow(blocks: &mut [Block]) -> Field {
    let mut field: Field = [0.0; 9];
    let Some(seed) = blocks.iter().max_by(|a, b| a.height().0.total_cmp(&b.height().0)) else {
        return field;
    };
    let (sx, sy) = (seed.x, seed.y);
    (_, field[0], field[1]) = seed.height();
    blocks.sort_by(|a, b| (a.x - sx).hypot(a.y - sy).total_cmp(&(b.x - sx).hypot(b.y - sy)));
    let mut active = 5.min(blocks.len());
    loop {
        let parameters = match active {
            0..12 => 6,
            12..24 => 8,
            _ => 9,
        };
        climb(&blocks[..active], &mut field, parameters);
        if active == blocks.len() {
            break;
        }
        active = (active * 3 / 2).min(blocks.len());
    }
    field
}

/// Sum of the correlations at the displacements that a field predicts.
fn value(blocks: &[Block], field: &Field) -> f32 {
    let at = |b: &Block| {
        let (dx, dy) = displacement(field, b.x, b.y);
        b.at(dx, dy)
    };
    blocks.iter().map(at).sum()
}

/// Coordinate ascent with shrinking steps.
fn climb(blocks: &[Block], field: &mut Field, parameters: usize) {
    let mut best = value(blocks, field);
    let mut step = 2.0;
    while step > 0.05 {
        let mut improved = false;
        for i in 0..parameters {
            for d in [step, -step] {
                let mut trial = *field;
                trial[i] += d;
                let v = value(blocks, &trial);
                if v > best {
                    (best, *field, improved) = (v, trial, true);
                }
            }
        }
        if !improved {
            step *= 0.5;
        }
    }
}

fn correlate(
    image: &Image,
    readings: &Readings,
    orientation: Orientation,
    pattern: &Pattern,
    peak: &SyncPeak,
) -> Vec<Block> {
    let mut fft = RealFft2::new(TILE, TILE).within(BAND_HIGH);
    let (mut spectrum, mut map) = (Vec::new(), Image::default());
    let (xx, xy, yx, yy) = orientation.matrix();
    let sign = peak.z.signum();
    let unit = image.width.max(image.height) as f32 / 2.0;
    let along = |n: usize, spacing: usize| {
        (0..).map(move |i| i * spacing).take_while(move |&s| s == 0 || s + TILE <= n + spacing)
    };
    let many = along(image.width, TILE).count() * along(image.height, TILE).count() >= MANY;
    let starts = |n: usize| along(n, if many { TILE } else { SPACING });
    let mut blocks = Vec::new();
    let mut cut = Image::new(TILE, TILE);
    for y0 in starts(image.height) {
        for x0 in starts(image.width) {
            cut.data.fill(0.0);
            let columns = TILE.min(image.width.saturating_sub(x0));
            for y in 0..TILE.min(image.height.saturating_sub(y0)) {
                cut.row_mut(y)[..columns].copy_from_slice(&image.row(y + y0)[x0..x0 + columns]);
            }
            fft.forward(&cut, &mut spectrum);
            let value = POINTS
                .iter()
                .map(|&(ky, kx)| spectrum[kx as usize * TILE + ky.rem_euclid(TILE as i32) as usize])
                .collect();
            let local =
                Whitened::new(&Readings { value, noise: readings.noise.clone() }, orientation);
            fft.fill(
                &mut spectrum,
                pattern.points.iter().map(|&p| (POINTS[p], local.value[p] * pattern.at(p).conj())),
            );
            fft.inverse(&mut spectrum, &mut map);
            // Where the peak would lie for a block at the picture's first pixel, seen from this
            // block, in the mark's directions.
            let (bx, by) = (x0 as i32, y0 as i32);
            let (mx, my) = (xx * bx + yx * by, xy * bx + yy * by);
            let (px, py) = (peak.x.round() as i32 - mx, peak.y.round() as i32 - my);
            let mut local = Vec::with_capacity(SIDE * SIDE);
            for dy in -REACH..=REACH {
                for dx in -REACH..=REACH {
                    let (u, v) = (px + xx * dx + yx * dy, py + xy * dx + yy * dy);
                    local.push(
                        sign * map.data[v.rem_euclid(TILE as i32) as usize * TILE
                            + u.rem_euclid(TILE as i32) as usize],
                    );
                }
            }
            let centre = |start: usize, n: usize| {
                (start as f32 + TILE.min(n - start.min(n)) as f32 / 2.0 - n as f32 / 2.0) / unit
            };
            blocks.push(Block {
                x: centre(x0, image.width),
                y: centre(y0, image.height),
                map: local,
            });
        }
    }
    blocks
}
