//! The loops over all pixels, compiled for each vector unit and chosen at run time.
//!
//! Each is plain Rust that the compiler turns into vector code; the tests hold every version to the
//! plain one.

use multiversion::multiversion;

use super::image::Image;

/// Side of the repeated dither.
pub(super) const DITHER: usize = 64;
/// Bits below the grey level in the product of pattern and amplitude, at eight bits.
pub(super) const FRACTION: u32 = 10;
/// Pixels along which a map counts as straight: what bends by a tenth over a picture of some
/// hundred pixels is off by a hundredth of one then.
pub(super) const RUN: usize = 8;
/// Largest amplitude: its product with the pattern, plus the dither, fits sixteen bits.
pub(super) const LARGEST_AMPLITUDE: i16 = 247;

/// Adds `pattern · amplitude`, dithered and rounded, to a row of eight-bit samples.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn add_to_bytes(
    row: &mut [u8],
    pattern: &[i8],
    amplitude: &[i16],
    dither: &[i16; DITHER],
) {
    plain::add_to_bytes(row, pattern, amplitude, dither);
}

/// The same for samples of `depth` bits, nine to sixteen.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn add_to_words(
    row: &mut [u16],
    pattern: &[i8],
    amplitude: &[i16],
    dither: &[i16; DITHER],
    depth: u8,
) {
    plain::add_to_words(row, pattern, amplitude, dither, depth);
}

/// Adds a step to each byte.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn step_bytes(row: &mut [u8], steps: &[i16]) {
    for (v, &step) in row.iter_mut().zip(steps) {
        *v = (i16::from(*v) + step).clamp(0, 255) as u8;
    }
}

/// The same of words.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn step_words(row: &mut [u16], steps: &[i16]) {
    for (v, &step) in row.iter_mut().zip(steps) {
        *v = (i32::from(*v) + i32::from(step)).clamp(0, 65535) as u16;
    }
}

/// The same of floats from 0 to 1, of which a step is a word's; what lies beyond stays there.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn step_floats(row: &mut [f32], steps: &[i16]) {
    for (v, &step) in row.iter_mut().zip(steps) {
        *v = (*v + f32::from(step) * (1.0 / 65535.0)).max(v.min(0.0)).min(v.max(1.0));
    }
}

/// Gives each of three samples its pixel's step.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn spread(steps: &[i16], wide: &mut [i16]) {
    for (wide, &step) in wide.as_chunks_mut::<3>().0.iter_mut().zip(steps) {
        *wide = [step; 3];
    }
}

/// The same where a fourth sample, alpha, stays as it is.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn spread_beside_alpha(steps: &[i16], wide: &mut [i16]) {
    for (wide, &step) in wide.as_chunks_mut::<4>().0.iter_mut().zip(steps) {
        *wide = [step, step, step, 0];
    }
}

/// The luma (BT.709) of a row of bytes in red, green and blue, `pixel` of them from one to the next.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn luma_of_bytes(row: &[u8], pixel: usize, luma: &mut [u8]) {
    match pixel {
        3 => plain::luma_of_bytes::<3>(row, luma),
        _ => plain::luma_of_bytes::<4>(row, luma),
    }
}

/// `out = (upper · (128 − weight) + lower · weight) / 128` for values up to [`LARGEST_AMPLITUDE`].
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn mix(out: &mut [i16], upper: &[i16], lower: &[i16], weight: i16) {
    plain::mix(out, upper, lower, weight);
}

/// Interpolates from block centres to pixels: `ramp` holds the weight of the right-hand block, in
/// 128ths, from one centre to the next.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn expand(out: &mut [i16], blocks: &[i16], ramp: &[i16]) {
    plain::expand(out, blocks, ramp);
}

/// Adds a row of samples and their squares to the sums of their columns; at most 257 rows fit.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn add_moments(row: &[u8], sums: &mut [u16], squares: &mut [u32]) {
    plain::add_moments(row, sums, squares);
}

/// Adds the columns of each block up, of which it has `block`, or fewer at the end: their sums and
/// squares.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn add_columns(sums: &[u16], squares: &[u32], block: usize, out: &mut [(i32, i32)]) {
    // The sides of blocks at 480, 720, 1080 and 2160 lines: what is known when this is compiled is
    // not a loop.
    match block {
        4 => plain::add_columns(sums, squares, 4, out),
        8 => plain::add_columns(sums, squares, 8, out),
        16 => plain::add_columns(sums, squares, 16, out),
        32 => plain::add_columns(sums, squares, 32, out),
        _ => plain::add_columns(sums, squares, block, out),
    }
}

/// Adds rows of bytes up, column by column.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn add_bytes(row: &[u8], sums: &mut [u32]) {
    plain::add_bytes(row, sums);
}

/// Adds `weight · gain · value` to a row of sums.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn add_weighted(row: &[f32], gains: &[f32], weight: f32, sums: &mut [f32]) {
    plain::add_weighted(row, gains, weight, sums);
}

/// Samples `image` along a row: bilinear, as [`Image::sample`], on straight lines from each of
/// `knots`, which are where it crosses the image at every [`RUN`]th pixel, to the next.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn sample(image: &Image, knots: &[(f32, f32)], row: &mut [f32]) {
    plain::sample(image, knots, row);
}

mod plain {
    use super::{DITHER, FRACTION, Image, RUN};

    #[inline(always)]
    pub(super) fn luma_of_bytes<const PIXEL: usize>(row: &[u8], luma: &mut [u8]) {
        for (p, l) in row.as_chunks::<PIXEL>().0.iter().zip(luma) {
            let [r, g, b] = [p[0], p[1], p[2]].map(u16::from);
            // Whole numbers of 256ths: 54, 183 and 19 are 256, so that the sum fits.
            *l = ((54 * r + 183 * g + 19 * b) >> 8) as u8;
        }
    }

    #[inline(always)]
    pub(super) fn add_columns(sums: &[u16], squares: &[u32], block: usize, out: &mut [(i32, i32)]) {
        let (whole, wholes) = (sums.chunks_exact(block), squares.chunks_exact(block));
        let rest = (whole.remainder(), wholes.remainder());
        let add = |(sums, squares): (&[u16], &[u32])| {
            (
                sums.iter().map(|&s| i32::from(s)).sum::<i32>(),
                squares.iter().map(|&q| q as i32).sum::<i32>(),
            )
        };
        if let (false, Some(last)) = (rest.0.is_empty(), out.last_mut()) {
            *last = add(rest);
        }
        out.iter_mut().zip(whole.zip(wholes)).for_each(|(o, columns)| *o = add(columns));
    }

    #[inline(always)]
    pub(super) fn add_bytes(row: &[u8], sums: &mut [u32]) {
        row.iter().zip(sums).for_each(|(&v, s)| *s += u32::from(v));
    }

    #[inline(always)]
    pub(super) fn add_weighted(row: &[f32], gains: &[f32], weight: f32, sums: &mut [f32]) {
        row.iter().zip(gains).zip(sums).for_each(|((&v, &g), s)| *s += weight * v * g);
    }

    #[inline(always)]
    pub(super) fn sample(image: &Image, knots: &[(f32, f32)], row: &mut [f32]) {
        let (right, lower) = (image.width as f32 - 1.0, image.height as f32 - 1.0);
        let inside = |x: f32, y: f32| x >= 0.0 && y >= 0.0 && x < right && y < lower;
        for (run, ends) in row.chunks_mut(RUN).zip(knots.windows(2)) {
            let (from, to) = (ends[0], ends[1]);
            let step = ((to.0 - from.0) / RUN as f32, (to.1 - from.1) / RUN as f32);
            let x: [f32; RUN] = std::array::from_fn(|k| from.0 + k as f32 * step.0);
            let y: [f32; RUN] = std::array::from_fn(|k| from.1 + k as f32 * step.1);
            // A line whose ends are inside is inside.
            if inside(x[0], y[0]) && inside(x[RUN - 1], y[RUN - 1]) {
                let (left, upper) = (x.map(|x| x as i32), y.map(|y| y as i32));
                let place: [i32; RUN] =
                    std::array::from_fn(|k| upper[k] * image.width as i32 + left[k]);
                let mut corners = [[0.0; RUN]; 4];
                for (k, &place) in place.iter().enumerate() {
                    let [a, b, .., c, d] =
                        image.data[place as usize..place as usize + image.width + 2]
                    else {
                        continue;
                    };
                    (corners[0][k], corners[1][k], corners[2][k], corners[3][k]) = (a, b, c, d);
                }
                let [a, b, c, d] = corners;
                let value: [f32; RUN] = std::array::from_fn(|k| {
                    let (fx, fy) = (x[k] - left[k] as f32, y[k] - upper[k] as f32);
                    let (top, bottom) = (a[k] + fx * (b[k] - a[k]), c[k] + fx * (d[k] - c[k]));
                    top + fy * (bottom - top)
                });
                run.copy_from_slice(&value[..run.len()]);
            } else {
                run.iter_mut().enumerate().for_each(|(k, v)| *v = image.sample(x[k], y[k]));
            }
        }
    }

    #[inline(always)]
    pub(super) fn add_to_bytes(
        row: &mut [u8],
        pattern: &[i8],
        amplitude: &[i16],
        dither: &[i16; DITHER],
    ) {
        for ((row, pattern), amplitude) in
            row.chunks_mut(DITHER).zip(pattern.chunks(DITHER)).zip(amplitude.chunks(DITHER))
        {
            for (((v, &p), &a), &d) in row.iter_mut().zip(pattern).zip(amplitude).zip(dither) {
                let delta = (i16::from(p) * a + d) >> FRACTION;
                *v = (i16::from(*v) + delta).clamp(0, 255) as u8;
            }
        }
    }

    #[inline(always)]
    pub(super) fn add_to_words(
        row: &mut [u16],
        pattern: &[i8],
        amplitude: &[i16],
        dither: &[i16; DITHER],
        depth: u8,
    ) {
        let peak = (1i32 << depth) - 1;
        // A finer step is a smaller share of a grey level: fewer bits are cut off, of sum and
        // dither alike.
        let finer = u32::from(depth) - 8;
        for ((row, pattern), amplitude) in
            row.chunks_mut(DITHER).zip(pattern.chunks(DITHER)).zip(amplitude.chunks(DITHER))
        {
            for (((v, &p), &a), &d) in row.iter_mut().zip(pattern).zip(amplitude).zip(dither) {
                let delta = (i16::from(p) * a + (d >> finer)) >> (FRACTION - finer);
                *v = (i32::from(*v) + i32::from(delta)).clamp(0, peak) as u16;
            }
        }
    }

    #[inline(always)]
    pub(super) fn mix(out: &mut [i16], upper: &[i16], lower: &[i16], weight: i16) {
        for ((o, &u), &l) in out.iter_mut().zip(upper).zip(lower) {
            *o = (u * (128 - weight) + l * weight) >> 7;
        }
    }

    #[inline(always)]
    pub(super) fn expand(out: &mut [i16], blocks: &[i16], ramp: &[i16]) {
        let (Some(&first), Some(&last)) = (blocks.first(), blocks.last()) else { return };
        let (edge, inner) = out.split_at_mut((ramp.len() / 2).min(out.len()));
        edge.fill(first);
        let pairs = blocks.windows(2).map(|w| (w[0], w[1])).chain([(last, last)]);
        for (out, (left, right)) in inner.chunks_mut(ramp.len()).zip(pairs) {
            for (o, &r) in out.iter_mut().zip(ramp) {
                *o = (left * 128 + (right - left) * r) >> 7;
            }
        }
    }

    #[inline(always)]
    pub(super) fn add_moments(row: &[u8], sums: &mut [u16], squares: &mut [u32]) {
        for ((&v, s), q) in row.iter().zip(sums).zip(squares) {
            let v = u16::from(v);
            *s += v;
            *q += u32::from(v * v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that differ from place to place, below `limit`.
    fn values(n: usize, limit: u32) -> Vec<u32> {
        (0..n as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) % limit).collect()
    }

    #[test]
    fn every_version_does_what_the_plain_one_does() {
        for n in [0, 1, 63, 64, 65, 333] {
            let pattern: Vec<i8> = values(n, 255).iter().map(|&v| (v as i32 - 127) as i8).collect();
            let amplitude: Vec<i16> = values(n, 248).iter().rev().map(|&v| v as i16).collect();
            let dither: [i16; DITHER] = std::array::from_fn(|i| (i * 1023 / 63) as i16);
            let (mut a, mut b): (Vec<u8>, Vec<u8>) =
                values(n, 256).iter().map(|&v| (v as u8, v as u8)).unzip();
            add_to_bytes(&mut a, &pattern, &amplitude, &dither);
            plain::add_to_bytes(&mut b, &pattern, &amplitude, &dither);
            assert_eq!(a, b);
            for depth in [9, 10, 12, 16] {
                let (mut a, mut b): (Vec<u16>, Vec<u16>) =
                    values(n, 1 << depth).iter().map(|&v| (v as u16, v as u16)).unzip();
                add_to_words(&mut a, &pattern, &amplitude, &dither, depth);
                plain::add_to_words(&mut b, &pattern, &amplitude, &dither, depth);
                assert_eq!(a, b);
            }
            let (mut a, mut b) = (vec![0; n], vec![0; n]);
            let reversed: Vec<i16> = amplitude.iter().rev().copied().collect();
            mix(&mut a, &amplitude, &reversed, 37);
            plain::mix(&mut b, &amplitude, &reversed, 37);
            assert_eq!(a, b);
            let ramp: Vec<i16> = (0..8).map(|i| 8 + 16 * i).collect();
            expand(&mut a, &amplitude[..n.div_ceil(8)], &ramp);
            plain::expand(&mut b, &amplitude[..n.div_ceil(8)], &ramp);
            assert_eq!(a, b);
            let row: Vec<u8> = values(n, 256).iter().map(|&v| v as u8).collect();
            let (mut sums, mut squares) = (vec![1; n], vec![2; n]);
            let (mut plain_sums, mut plain_squares) = (sums.clone(), squares.clone());
            add_moments(&row, &mut sums, &mut squares);
            plain::add_moments(&row, &mut plain_sums, &mut plain_squares);
            assert_eq!((&sums, &squares), (&plain_sums, &plain_squares));
            for block in [3, 4, 16] {
                let (mut a, mut b) =
                    (vec![(0, 0); n.div_ceil(block)], vec![(0, 0); n.div_ceil(block)]);
                add_columns(&sums, &squares, block, &mut a);
                let columns = sums.chunks(block).zip(squares.chunks(block));
                b.iter_mut().zip(columns).for_each(|(o, (s, q))| {
                    *o = (s.iter().map(|&s| i32::from(s)).sum(), q.iter().map(|&q| q as i32).sum())
                });
                assert_eq!(a, b);
            }
            let (mut a, mut b) = (vec![7; n], vec![7; n]);
            add_bytes(&row, &mut a);
            plain::add_bytes(&row, &mut b);
            assert_eq!(a, b);
            let [floats, gains] = [1000, 37].map(|limit| {
                values(n, limit).into_iter().map(|v| v as f32 / 7.0).collect::<Vec<_>>()
            });
            let (mut a, mut b) = (gains.clone(), gains.clone());
            add_weighted(&floats, &gains, 1.7, &mut a);
            plain::add_weighted(&floats, &gains, 1.7, &mut b);
            assert_eq!(a, b);
        }
    }

    #[test]
    fn samples_are_those_of_the_image() {
        let mut image = Image::new(61, 40);
        image.data.iter_mut().zip(values(61 * 40, 1000)).for_each(|(v, value)| *v = value as f32);
        // Across the whole of it, beginning and ending outside.
        let knots: Vec<(f32, f32)> = (0..10)
            .map(|i| (8.3 * i as f32 - 3.1, 0.03 * (i * i) as f32 + 4.0 * i as f32 - 1.7))
            .collect();
        for n in [1, 8, 29, 72] {
            let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
            sample(&image, &knots, &mut a);
            plain::sample(&image, &knots, &mut b);
            assert_eq!(a, b);
            for (i, v) in a.into_iter().enumerate() {
                let (from, to, k) = (knots[i / RUN], knots[i / RUN + 1], (i % RUN) as f32);
                let place = (
                    from.0 + k * ((to.0 - from.0) / RUN as f32),
                    from.1 + k * ((to.1 - from.1) / RUN as f32),
                );
                assert_eq!(v, image.sample(place.0, place.1));
            }
        }
    }

    #[test]
    fn expansion_is_linear_between_centres_and_level_outside() {
        let ramp: Vec<i16> = (0..4).map(|i| 16 + 32 * i).collect();
        let mut out = [0; 11];
        expand(&mut out, &[10, 90, 90], &ramp);
        assert_eq!(out, [10, 10, 20, 40, 60, 80, 90, 90, 90, 90, 90]);
    }

    #[test]
    fn rounding_is_right_in_the_mean_at_every_depth() {
        let dither: [i16; DITHER] = std::array::from_fn(|i| (i * 16) as i16);
        let (pattern, amplitude) = ([-100i8; DITHER], [3i16; DITHER]);
        let expected = -300.0 / 1024.0;
        let mut bytes = [100u8; DITHER];
        add_to_bytes(&mut bytes, &pattern, &amplitude, &dither);
        let mean = bytes.iter().map(|&v| f64::from(v) - 100.0).sum::<f64>() / DITHER as f64;
        assert!((mean - expected).abs() < 0.02, "{mean}");
        let mut words = [400u16; DITHER];
        add_to_words(&mut words, &pattern, &amplitude, &dither, 10);
        let mean = words.iter().map(|&v| f64::from(v) / 4.0 - 100.0).sum::<f64>() / DITHER as f64;
        assert!((mean - expected).abs() < 0.02, "{mean}");
    }
}
