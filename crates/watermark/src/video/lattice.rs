//! The blind search for the lattice: scale, rotation and aspect ratio, without the key.
//!
//! The mark repeats on a lattice, so the autocorrelation of the whitened residual has a peak at
//! every lattice vector. Summing it there is the same statistic as summing the power spectrum over
//! all lattice points, at a hundredth of the cost: a hypothesis is some ten look-ups. What is found
//! here is only a proposal; the keyed sync pattern decides.

use realfft::num_complex::Complex32;

use super::image::Image;
use super::spectrum::{RealFft2, wrapped};
use super::tile::{BAND_HIGH, BAND_LOW, TILE};
use super::warp::Warp;

/// Ratio of largest to smallest period in one band-limited autocorrelation.
const GROUP: f32 = 1.25;
/// Step in period (relative) and in rotation (radians): under two pixels at the third lattice
/// vector.
const PERIOD_STEP: f32 = 0.004;
const ROTATION_STEP: f32 = 0.0044;
/// Largest ratio of the two periods when the aspect ratio was changed.
const ASPECT: f32 = 1.6;
/// Lattice vectors that are summed, up to sign.
const VECTORS: [(f32, f32); 12] = [
    (1.0, 0.0),
    (0.0, 1.0),
    (1.0, 1.0),
    (1.0, -1.0),
    (2.0, 0.0),
    (0.0, 2.0),
    (2.0, 1.0),
    (2.0, -1.0),
    (1.0, 2.0),
    (1.0, -2.0),
    (3.0, 0.0),
    (0.0, 3.0),
];
/// Least overlap (share of the picture) at which a lattice vector counts.
const LEAST_OVERLAP: f32 = 0.08;
/// Least overlap along both vectors at which their ratio is looked for; a square lattice needs one
/// vector only.
const LEAST_ASPECT_OVERLAP: f32 = 0.15;
/// Largest tilt of a lattice that counts as upright, in radians.
const UPRIGHT: f32 = 0.14;
/// Largest ratio of the vectors' lengths, and cosine of the angle between them, of a lattice that
/// counts as square.
const SQUARE_RATIO: f32 = 1.12;
const SQUARE_COSINE: f32 = 0.1;
/// Single peaks of the autocorrelation, from this height on (in standard deviations) and so many,
/// that are paired.
const LEAST_PEAK: f32 = 3.0;
const PEAKS: usize = 64;
/// Starts that are looked at for proposals.
const TRIED: usize = 256;
/// Whitened power above this counts as this: a few strong lines of the host are no lattice.
const POWER_LIMIT: f32 = 6.0;

/// A proposal: the two lattice vectors in pixels, (x of first, x of second, y of first, y of
/// second), and its score in standard deviations.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proposal {
    pub(crate) vectors: [f32; 4],
    pub(crate) score: f32,
}

impl Proposal {
    /// The map from tile coordinates to pixels.
    pub(crate) fn warp(&self) -> Warp {
        Warp::linear(self.vectors.map(|v| v / TILE as f32))
    }

    /// Whether the first and the second vectors of both agree.
    fn shares(&self, other: &Self) -> (bool, bool) {
        let near = |i: usize| {
            (self.vectors[i] - other.vectors[i]).abs() <= 1.5
                && (self.vectors[i + 2] - other.vectors[i + 2]).abs() <= 1.5
        };
        (near(0), near(1))
    }
}

/// The autocorrelation of an image within one band.
struct Autocorrelation {
    map: Image,
    width: f32,
    height: f32,
    deviation: f32,
}

impl Autocorrelation {
    fn overlap(&self, x: f32, y: f32) -> f32 {
        (1.0 - x.abs() / self.width).max(0.0) * (1.0 - y.abs() / self.height).max(0.0)
    }

    /// At a pixel, of which the map holds one period.
    fn at(&self, x: i32, y: i32) -> f32 {
        self.map.data[wrapped(y, self.map.height) * self.map.width + wrapped(x, self.map.width)]
    }

    fn nearest(&self, x: f32, y: f32) -> f32 {
        // Truncation takes one instruction, rounding and the floor a call each.
        let rounded = |v: f32| (v + 0.5f32.copysign(v)) as i32;
        self.at(rounded(x), rounded(y))
    }

    fn interpolated(&self, x: f32, y: f32) -> f32 {
        let floor = |v: f32| v as i32 - i32::from(v < v as i32 as f32);
        let (x0, y0) = (floor(x), floor(y));
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        let top = self.at(x0, y0) * (1.0 - fx) + self.at(x0 + 1, y0) * fx;
        let bottom = self.at(x0, y0 + 1) * (1.0 - fx) + self.at(x0 + 1, y0 + 1) * fx;
        top * (1.0 - fy) + bottom * fy
    }

    /// Sum over the lattice vectors, in standard deviations.
    fn score(&self, v: &[f32; 4], look_up: impl Fn(&Self, f32, f32) -> f32) -> f32 {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (m, n) in VECTORS {
            let (x, y) = (m * v[0] + n * v[1], m * v[2] + n * v[3]);
            let overlap = self.overlap(x, y);
            if overlap > LEAST_OVERLAP {
                sum += look_up(self, x, y);
                weight += overlap;
            }
        }
        // Zero where nothing overlaps, and on an empty picture.
        let variance = weight * self.deviation * self.deviation;
        if variance > 0.0 { sum / variance.sqrt() } else { 0.0 }
    }

    /// A lattice with its score by the nearest pixels: good enough to choose where to climb.
    fn proposal(&self, vectors: [f32; 4]) -> Proposal {
        Proposal { vectors, score: self.score(&vectors, Self::nearest) }
    }

    /// Climbs to the best affine lattice near `v`.
    fn refine(&self, mut v: [f32; 4]) -> Proposal {
        let mut best = self.score(&v, Self::interpolated);
        let mut step = 1.0;
        while step > 0.05 {
            let mut improved = false;
            for i in 0..4 {
                for d in [step, -step] {
                    let mut w = v;
                    w[i] += d;
                    let score = self.score(&w, Self::interpolated);
                    if score > best {
                        (best, v, improved) = (score, w, true);
                    }
                }
            }
            if !improved {
                step *= 0.5;
            }
        }
        Proposal { vectors: v, score: best }
    }
}

/// A size of at least `n` that transforms fast.
fn fast_size(n: usize) -> usize {
    (n..)
        .find(|&m| {
            [2, 3, 5]
                .iter()
                .fold(m, |m, &p| (0..16).fold(m, |m, _| if m % p == 0 { m / p } else { m }))
                == 1
        })
        .unwrap_or(n)
}

/// The search over one image.
pub(crate) struct LatticeSearch {
    fft: RealFft2,
    /// Whitened power, less one.
    power: Vec<f32>,
    spectrum: Vec<Complex32>,
    /// Padded size.
    width: usize,
    height: usize,
    /// Size of the image.
    extent: (f32, f32),
    shortest: f32,
    longest: f32,
}

impl LatticeSearch {
    /// For lattices with periods of `shortest` to `longest` pixels.
    pub(crate) fn new(image: &Image, shortest: f32, longest: f32) -> Self {
        let padded = |n: usize| fast_size(n + (n / 2).min(2 * longest as usize));
        // An even number of rows, and some even where the picture has one alone.
        let (width, height) = (padded(image.width), (padded(image.height) & !1).max(2));
        // Smooth over more than a lattice spacing, so that the lattice itself stays.
        let radius = |n: usize| ((1.5 * n as f32 / shortest) as usize).max(4);
        // The band of the shortest, and what is smoothed over beside it.
        let most = BAND_HIGH * TILE as f32 / shortest + (radius(width) + 1) as f32 / width as f32;
        let mut fft = RealFft2::new(width, height).within(most);
        let mut spectrum = Vec::new();
        fft.forward(&tapered(image), &mut spectrum);
        let power = whitened_power(&spectrum, height, radius(width), radius(height));
        Self {
            fft,
            power,
            spectrum,
            width,
            height,
            extent: (image.width as f32, image.height as f32),
            shortest,
            longest,
        }
    }

    /// Keeps the frequencies in which a mark with a period between `low` and `high` pixels lies.
    fn limit_band(&mut self, low: f32, high: f32) {
        let tile = TILE as f32;
        let (least, most) = (BAND_LOW * tile / high, BAND_HIGH * tile / low);
        let (width, height) = (self.width, self.height);
        self.spectrum.clear();
        self.spectrum.extend(self.power.iter().enumerate().map(|(i, &p)| {
            let (x, y) = (i / height, i % height);
            let fx = x as f32 / width as f32;
            let fy = y.min(height - y) as f32 / height as f32;
            let inside = (least * least..most * most).contains(&(fx * fx + fy * fy));
            Complex32::new(if inside { p } else { 0.0 }, 0.0)
        }));
    }

    /// The autocorrelation within the band of marks with periods of `low` to `high` pixels.
    fn correlation(&mut self, low: f32, high: f32) -> Autocorrelation {
        let mut map = Image::default();
        self.limit_band(low, high);
        self.fft.inverse(&mut self.spectrum, &mut map);
        let (width, height) = self.extent;
        let deviation = deviation(&map, width, height, low);
        Autocorrelation { map, width, height, deviation }
    }

    /// The best square lattices and the best others, `count` of each at most, the best first.
    pub(crate) fn propose(&mut self, count: usize) -> Vec<Proposal> {
        let (mut square, mut others): (Vec<Proposal>, Vec<Proposal>) = (Vec::new(), Vec::new());
        let mut low = self.shortest;
        while low < self.longest {
            let high = (low * GROUP).min(self.longest);
            let correlation = self.correlation(low, high);
            square.extend(refined(&correlation, squares(&correlation, low, high), count));
            let mut starts = rectangles(&correlation, low, high);
            starts.extend(pairs(&correlation, low, high, std::f32::consts::FRAC_PI_2));
            others.extend(refined(&correlation, starts, count));
            low = high;
        }
        for list in [&mut square, &mut others] {
            list.sort_by(|a, b| b.score.total_cmp(&a.score));
            list.truncate(count);
        }
        // One that both found is tried once.
        others.retain(|o| square.iter().all(|s| s.shares(o) != (true, true)));
        square.extend(others);
        square.sort_by(|a, b| b.score.total_cmp(&a.score));
        square
    }

    /// The best lattice that is nearly upright and square, with a period of `shortest` to `longest`
    /// pixels, in one band for all of these.
    pub(crate) fn upright(&mut self, [shortest, longest]: [f32; 2]) -> Option<Proposal> {
        let correlation = self.correlation(shortest, longest);
        let mut starts = pairs(&correlation, shortest, longest, UPRIGHT);
        starts.retain(|p| is_nearly_square(&p.vectors));
        let steps = ((longest / shortest).ln() / PERIOD_STEP) as usize + 1;
        let turns = (UPRIGHT / ROTATION_STEP) as i32;
        for (i, r) in (0..steps).flat_map(|i| (-turns..=turns).map(move |r| (i, r))) {
            let period = shortest * (i as f32 * PERIOD_STEP).exp();
            starts.push(correlation.proposal(square(period, (r as f32 * ROTATION_STEP).sin_cos())));
        }
        refined(&correlation, starts, 4)
            .into_iter()
            .filter(|p| is_nearly_square(&p.vectors))
            .max_by(|a, b| a.score.total_cmp(&b.score))
    }
}

/// The best `count` of the starts that are truly different, each climbed to its peak.
fn refined(
    correlation: &Autocorrelation,
    mut starts: Vec<Proposal>,
    count: usize,
) -> Vec<Proposal> {
    starts.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Proposal> = Vec::new();
    for p in starts.iter().take(TRIED) {
        if kept.len() >= count {
            break;
        }
        // Near one that is kept already: it would climb to the same peak.
        if kept.iter().any(|k| k.shares(p) == (true, true)) {
            continue;
        }
        let climbed = correlation.refine(p.vectors);
        // Two that share both vectors are one; more than two that share one say nothing new about
        // it.
        let shared = kept.iter().map(|k| k.shares(&climbed));
        let (both, one) = shared.fold((0, 0), |(both, one), (first, second)| {
            (both + usize::from(first && second), one + usize::from(first || second))
        });
        if both == 0 && one < 2 {
            kept.push(climbed);
        }
    }
    kept
}

/// Lattices from pairs of single peaks of the autocorrelation, whatever their angle: shear too. The
/// first vector lies within `tilt` of the horizontal.
fn pairs(correlation: &Autocorrelation, low: f32, high: f32, tilt: f32) -> Vec<Proposal> {
    let mut peaks: Vec<(f32, f32, f32)> = Vec::new();
    let reach = high.ceil() as i32;
    for y in -reach..=reach {
        for x in 0..=reach {
            let (fx, fy) = (x as f32, y as f32);
            let (length, overlap) = (fx.hypot(fy), correlation.overlap(fx, fy));
            if !(low..=high).contains(&length) || overlap < LEAST_ASPECT_OVERLAP {
                continue;
            }
            let v = correlation.nearest(fx, fy);
            let score = v / (correlation.deviation * overlap.sqrt());
            let is_peak = || {
                [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)]
                    .iter()
                    .all(|(dx, dy)| correlation.nearest(fx + dx, fy + dy) <= v)
            };
            if score > LEAST_PEAK && is_peak() {
                peaks.push((score, fx, fy));
            }
        }
    }
    peaks.sort_by(|a, b| b.0.total_cmp(&a.0));
    peaks.truncate(PEAKS);
    let mut out = Vec::new();
    for (i, &(_, ax, ay)) in peaks.iter().enumerate() {
        for &(_, bx, by) in &peaks[i + 1..] {
            let (area, lengths) = (ax * by - ay * bx, ax.hypot(ay) * bx.hypot(by));
            // Within thirty degrees of a right angle.
            if area.abs() < 0.86 * lengths {
                continue;
            }
            // The flatter one first, and the second to its right in picture directions (y down).
            let flat = |x: f32, y: f32| y.abs() <= x.abs();
            let ((ax, ay), (bx, by)) = if flat(ax, ay) || !flat(bx, by) {
                ((ax, ay), (bx, by))
            } else {
                ((bx, by), (ax, ay))
            };
            let sign = (ax * by - ay * bx).signum();
            if ay.atan2(ax).abs() > tilt {
                continue;
            }
            out.push(correlation.proposal([ax, sign * bx, ay, sign * by]));
        }
    }
    out
}

/// Fades the outer sixteenth out, so that the frame's edge draws no cross in the spectrum.
fn tapered(image: &Image) -> Image {
    let ramp = |i: usize, n: usize| {
        let edge = (n as f32 / 16.0).max(1.0);
        ((i.min(n - 1 - i) as f32 + 0.5) / edge).min(1.0)
    };
    let columns: Vec<f32> = (0..image.width).map(|x| ramp(x, image.width)).collect();
    let mut out = image.clone();
    for y in 0..image.height {
        let f = ramp(y, image.height);
        out.row_mut(y).iter_mut().zip(&columns).for_each(|(v, c)| *v *= f * c);
    }
    out
}

/// |F|² over its local mean, limited, less one.
fn whitened_power(spectrum: &[Complex32], height: usize, rx: usize, ry: usize) -> Vec<f32> {
    let columns = spectrum.len() / height;
    let power: Vec<f32> = spectrum.iter().map(|v| v.norm_sqr()).collect();
    // Box mean along the (cyclic) columns, then across them, repeating the edge.
    let mut along = vec![0.0f32; power.len()];
    for (column, out) in power.chunks_exact(height).zip(along.chunks_exact_mut(height)) {
        let mut sum: f64 =
            (0..2 * ry + 1).map(|i| f64::from(column[(i + height - ry) % height])).sum();
        for (y, o) in out.iter_mut().enumerate() {
            *o = sum as f32;
            sum += f64::from(column[(y + ry + 1) % height])
                - f64::from(column[(y + height - ry) % height]);
        }
    }
    let mut out = vec![0.0f32; power.len()];
    let column = |x: isize| {
        let x = x.clamp(0, columns as isize - 1) as usize;
        &along[x * height..(x + 1) * height]
    };
    let mut sums = vec![0.0f64; height];
    for d in -(rx as isize)..=rx as isize {
        sums.iter_mut().zip(column(d)).for_each(|(s, &v)| *s += f64::from(v));
    }
    let area = ((2 * rx + 1) * (2 * ry + 1)) as f64;
    for x in 0..columns {
        let here = &power[x * height..(x + 1) * height];
        for ((o, &p), &s) in out[x * height..(x + 1) * height].iter_mut().zip(here).zip(&sums) {
            *o = (p / ((s / area) as f32).max(f32::MIN_POSITIVE)).min(POWER_LIMIT) - 1.0;
        }
        let (enter, leave) =
            (column(x as isize + rx as isize + 1), column(x as isize - rx as isize));
        sums.iter_mut()
            .zip(enter)
            .zip(leave)
            .for_each(|((s, &e), &l)| *s += f64::from(e) - f64::from(l));
    }
    out
}

/// Standard deviation of the autocorrelation at full overlap, away from the origin.
fn deviation(map: &Image, width: f32, height: f32, low: f32) -> f32 {
    let (mut sum, mut count) = (0.0f64, 0.0f64);
    for (y, row) in map.rows().enumerate() {
        let fy = y.min(map.height - y) as f32;
        for (x, &v) in row.iter().enumerate() {
            let fx = x.min(map.width - x) as f32;
            let overlap = (1.0 - fx / width).max(0.0) * (1.0 - fy / height).max(0.0);
            if fx.max(fy) > 0.4 * low && overlap > 0.2 {
                sum += f64::from(v * v);
                count += f64::from(overlap);
            }
        }
    }
    ((sum / count.max(1.0)).sqrt() as f32).max(f32::MIN_POSITIVE)
}

/// Periods from `low` to `high`.
fn periods(low: f32, high: f32) -> Vec<f32> {
    let steps = ((high / low).ln() / PERIOD_STEP).ceil() as usize + 1;
    (0..steps).map(|i| low * (i as f32 * PERIOD_STEP).exp()).collect()
}

/// The best of some lattices.
fn best(
    correlation: &Autocorrelation,
    lattices: impl Iterator<Item = [f32; 4]>,
) -> Option<Proposal> {
    lattices.map(|vectors| correlation.proposal(vectors)).max_by(|a, b| a.score.total_cmp(&b.score))
}

/// The vectors of a square lattice, turned by an angle with this sine and cosine.
fn square(period: f32, (sin, cos): (f32, f32)) -> [f32; 4] {
    [period * cos, -period * sin, period * sin, period * cos]
}

/// Whether a lattice is what a camera makes of a square one, once its perspective is undone.
fn is_nearly_square(&[ax, bx, ay, by]: &[f32; 4]) -> bool {
    let (across, down) = (ax.hypot(ay), bx.hypot(by));
    (across / down).max(down / across) < SQUARE_RATIO
        && (ax * bx + ay * by).abs() < SQUARE_COSINE * across * down
}

/// Square lattices: the best size for each rotation; there are some hundreds.
fn squares(correlation: &Autocorrelation, low: f32, high: f32) -> Vec<Proposal> {
    let periods = periods(low, high);
    let quarter = std::f32::consts::FRAC_PI_4;
    let rotations = (0..(2.0 * quarter / ROTATION_STEP) as i32)
        .map(|r| (r as f32 * ROTATION_STEP - quarter).sin_cos());
    rotations
        .filter_map(|turn| best(correlation, periods.iter().map(move |&t| square(t, turn))))
        .collect()
}

/// Upright lattices of another aspect ratio: the best size for each ratio.
fn rectangles(correlation: &Autocorrelation, low: f32, high: f32) -> Vec<Proposal> {
    let periods = periods(low, high);
    let aspects = (ASPECT.ln() / PERIOD_STEP) as i32;
    // The geometric mean of the two periods lies in the group.
    let halves = (-aspects..=aspects).map(|a| (a as f32 * PERIOD_STEP / 2.0).exp());
    // Without overlap along both, one of the two periods would be free.
    let seen = |x: f32, y: f32| correlation.overlap(x, y) > LEAST_ASPECT_OVERLAP;
    let of = |half: f32| {
        best(
            correlation,
            periods
                .iter()
                .take_while(|&&t| seen(t * half, 0.0) && seen(0.0, t / half))
                .map(|t| [t * half, 0.0, 0.0, t / half]),
        )
    };
    halves.filter_map(of).collect()
}
