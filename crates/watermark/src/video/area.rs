//! Where a picture is marked: the known mark, cell by cell.

use realfft::num_complex::Complex32;

use super::carrier::{Carrier, POINTS};
use super::evidence::AreaMap;
use super::hypothesis::Detection;
use super::image::Image;
use super::tile::{TILE, TileFft};
use super::warp::{Unwarped, unwarp};
use crate::stats::median;

/// Cells along the short side of the frame.
const CELLS: usize = 6;
/// Score from which a cell counts as marked, and under which it counts as unmarked.
const MARKED: f32 = 3.0;
const UNMARKED: f32 = 2.0;
/// What a typical marked cell must score before a cell can be called unmarked.
const PLAIN: f32 = 5.0;
/// What a typical marked cell must score by itself, without its neighbours, before one that scores
/// less than [`ITSELF`] is not called marked for their sake.
const PLAIN_ITSELF: f32 = 4.0;
const ITSELF: f32 = 1.0;
/// Noise under this share of the typical cell's says nothing: black, flat or covered.
const SILENT: f32 = 0.25;
/// Variance, in grey levels squared, under which the picture is so flat that a codec may have wiped
/// the mark out: a cell without it says nothing then. A third of a dark scene looked replaced
/// without this, after a mere rise of contrast.
const FLAT: f32 = 4.0;
/// Displacements of the mark that measure the noise of a cell, in tile pixels: no two differ by a
/// simple part of a tile.
const DISPLACEMENTS: [(usize, usize); 12] = [
    (37, 53),
    (61, 19),
    (23, 89),
    (97, 41),
    (71, 107),
    (13, 67),
    (109, 31),
    (47, 79),
    (83, 11),
    (29, 101),
    (103, 73),
    (59, 43),
];

/// What each cell of the frame says; `None` where the mark is too weak to be mapped. `variances` is
/// how much there is to see in each block of the sum.
pub(crate) fn map(
    sum: &Image,
    variances: &Image,
    finding: &Detection,
    carrier: &Carrier,
) -> Option<AreaMap> {
    let unwarped = unwarp(sum, &finding.warp)?;
    let template = template(finding, carrier);
    let short = sum.width.min(sum.height).max(1);
    let count = |n: usize| (n * CELLS).div_ceil(short).max(1);
    let (columns, rows) = (count(sum.width), count(sum.height));
    let products = products(sum, &unwarped, finding, &template, (columns, rows));
    let sign = if finding.z() < 0.0 { -1.0 } else { 1.0 };
    let noise: Vec<f32> = products
        .iter()
        .map(|c| c[1..].iter().map(|v| v * v).sum::<f32>() / DISPLACEMENTS.len() as f32)
        .collect();
    let silent = SILENT * SILENT * median(noise.clone());
    // A cell alone says little: its neighbours have a say of half their weight, the diagonal ones a
    // quarter.
    let score = |i: usize| {
        let (x, y) = ((i % columns) as isize, (i / columns) as isize);
        let (mut sum, mut square) = (0.0, 0.0);
        for (dx, dy) in (-1..=1).flat_map(|dy| (-1..=1).map(move |dx| (dx, dy))) {
            if (0..columns as isize).contains(&(x + dx)) && (0..rows as isize).contains(&(y + dy)) {
                let j = (y + dy) as usize * columns + (x + dx) as usize;
                let weight = 0.5f32.powi((dx.abs() + dy.abs()) as i32);
                sum += weight * products[j][0];
                square += weight * weight * noise[j];
            }
        }
        (noise[i] > silent).then(|| sign * sum / square.sqrt())
    };
    let scores: Vec<Option<f32>> = (0..products.len()).map(score).collect();
    let is_marked = |z: &Option<f32>| z.is_some_and(|z| z >= MARKED);
    let itself = |i: usize| sign * products[i][0] / noise[i].sqrt().max(f32::MIN_POSITIVE);
    let typical = median(scores.iter().flatten().copied().filter(|&z| z > MARKED).collect());
    let plain = median((0..scores.len()).filter(|&i| is_marked(&scores[i])).map(itself).collect())
        >= PLAIN_ITSELF;
    (typical >= PLAIN).then(|| {
        let state = |(i, z): (usize, &Option<f32>)| match *z {
            // Neighbours do not paint over a cell in which there is nothing.
            Some(z) if z >= MARKED && plain && itself(i) < ITSELF => None,
            Some(z) if z >= MARKED => Some(true),
            Some(z)
                if z < UNMARKED
                    && within(variances, i % columns, i / columns, (columns, rows)) >= FLAT =>
            {
                Some(false)
            }
            _ => None,
        };
        AreaMap::new(columns, scores.iter().enumerate().map(state).collect())
    })
}

/// Per cell of so many, the product of picture and mark, and of picture and displaced mark.
fn products(
    sum: &Image,
    unwarped: &Unwarped,
    finding: &Detection,
    template: &[f32],
    (columns, rows): (usize, usize),
) -> Vec<[f32; DISPLACEMENTS.len() + 1]> {
    let mut products = vec![[0.0f32; DISPLACEMENTS.len() + 1]; columns * rows];
    let (xx, xy, yx, yy) = finding.orientation.matrix();
    let wrap = |v: i32| v.rem_euclid(TILE as i32) as usize;
    let origin = (finding.origin.0.round() as i32, finding.origin.1.round() as i32);
    for (y, row) in unwarped.image.rows().enumerate() {
        for (x, &value) in row.iter().enumerate() {
            if value == 0.0 {
                continue;
            }
            let (u, v) = (x as f32 + unwarped.origin.0, y as f32 + unwarped.origin.1);
            let (px, py) = finding.warp.apply(u, v);
            let (cx, cy) = (
                (px * columns as f32 / sum.width as f32) as usize,
                (py * rows as f32 / sum.height as f32) as usize,
            );
            let cell = &mut products[cy.min(rows - 1) * columns + cx.min(columns - 1)];
            // In the mark's directions, from its origin.
            let (u, v) = (u as i32, v as i32);
            let (mx, my) = (wrap(xx * u + yx * v - origin.0), wrap(xy * u + yy * v - origin.1));
            cell[0] += value * template[my * TILE + mx];
            for (sum, (dx, dy)) in cell[1..].iter_mut().zip(DISPLACEMENTS) {
                *sum += value * template[(my + dy) % TILE * TILE + (mx + dx) % TILE];
            }
        }
    }
    products
}

/// The median of what lies in one cell of so many.
fn within(image: &Image, x: usize, y: usize, (columns, rows): (usize, usize)) -> f32 {
    let across = x * image.width / columns..(x + 1) * image.width / columns;
    median(
        (y * image.height / rows..(y + 1) * image.height / rows)
            .flat_map(|y| image.row(y)[across.clone()].iter().copied())
            .collect(),
    )
}

/// The tile that a matched filter correlates with: the word over the noise of each point.
fn template(finding: &Detection, carrier: &Carrier) -> Vec<f32> {
    let word = match finding.identified {
        Some((identified, _)) => carrier.code_word(identified.mark),
        None => carrier.sync_word(finding.peak.pattern),
    };
    let points = POINTS.iter().zip(finding.orientation.places()).zip(word.chunks_exact(2));
    TileFft::new().synthesise(points.map(|((&point, &(i, _)), s)| {
        (point, Complex32::new(s[0], s[1]) / finding.noise[i].max(f32::MIN_POSITIVE).sqrt())
    }))
}
