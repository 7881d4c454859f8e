//! Reading: from a stretch of sound and a place in it to what each cell says.

use realfft::num_complex::Complex32;

use super::bands::{BandEnergies, HOP};
use super::carrier::{CELLS, Carrier, PERIOD};
use super::kernels::{self, Lanes, Rows, lanes};
use super::layout::{BANDS, PAIR, PerBand, ROW};

/// How time runs in a stretch of sound: at time t, in seconds from the beginning of the sound, one
/// hears what was stamped at `speed` · t + `offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) speed: f64,
    /// Seconds, 0 to the period.
    pub(crate) offset: f64,
}

impl Place {
    /// When pair `k` begins.
    pub(crate) fn begin(self, k: i64) -> f64 {
        (k as f64 * PAIR - self.offset) / self.speed
    }

    /// The first pair that begins at `time` or later.
    fn pair_from(self, time: f64) -> i64 {
        ((time * self.speed + self.offset) / PAIR - 1e-6).ceil() as i64
    }
}

/// By what cells are weighed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Weighing {
    /// By how far the mask let them move, and how far they are above what hides them.
    Heard,
    /// By what a codec that has few bits leaves of them, too.
    Coded,
    /// By what noise leaves of them; loud bands in their narrower cycle.
    Noisy,
}

/// Calls `each` with the number of each whole pair that lies in the stretch and where `wants` says
/// so of its middle, with each band's place in the cycle, a weighted point on the circle, and the
/// weight.
pub(crate) fn pairs(
    energies: &BandEnergies,
    place: Place,
    weighing: Weighing,
    wants: impl Fn(f64) -> bool,
    mut each: impl FnMut(i64, &PerBand<Complex32>, &PerBand<f32>),
) {
    let (begin, end) = (energies.start, energies.start + energies.seconds());
    let row = ROW / place.speed;
    let mut rows = Rows {
        first: Lanes::default(),
        second: Lanes::default(),
        floor: lanes(&energies.floor),
        ceiling: 0.0,
        spectra: (row / HOP) as f32,
    };
    // Sums up to where the first row begins, where the second does, and where that ends; the last
    // is the first of the next pair.
    let mut sums = [[0.0; BANDS]; 3];
    let mut last = None;
    let mut k = place.pair_from(begin);
    let (mut points, mut weights) = ([Complex32::default(); BANDS], [0.0; BANDS]);
    loop {
        let at = place.begin(k);
        if at + 2.0 * row > end + 1e-9 {
            break;
        }
        if wants(at + row) {
            let follows = last == Some(k - 1);
            sums.swap(0, 2);
            for (i, sum) in sums.iter_mut().enumerate().skip(usize::from(follows)) {
                energies.up_to(at - begin + i as f64 * row, sum);
            }
            last = Some(k);
            let [first, second, third] = &sums;
            kernels::fill(&mut rows.first, first, second);
            kernels::fill(&mut rows.second, second, third);
            let middle = at + row - begin;
            rows.ceiling = energies.allowance(middle).ceiling;
            kernels::read(&rows, &mut points, &mut weights);
            match weighing {
                Weighing::Heard => {}
                Weighing::Coded => kernels::weigh_as_coded(&rows, &mut points, &mut weights),
                Weighing::Noisy => kernels::read_in_noise(
                    &rows,
                    energies.noise().allowance(middle),
                    &energies.noise().power,
                    &mut points,
                    &mut weights,
                ),
            }
            each(k, &points, &weights);
        }
        k += 1;
    }
}

/// The cells of a period, with everything that was heard of each added up.
#[derive(Clone)]
pub(crate) struct Cells {
    pub(crate) points: Vec<Complex32>,
    /// Sums of squared weights: what `points` would hold if every reading agreed and the sound kept
    /// the mark whole.
    pub(crate) weights: Vec<f32>,
}

impl Cells {
    pub(crate) fn read(
        energies: &BandEnergies,
        place: Place,
        weighing: Weighing,
        wants: impl Fn(f64) -> bool,
    ) -> Self {
        let mut cells =
            Self { points: vec![Complex32::default(); CELLS], weights: vec![0.0; CELLS] };
        pairs(energies, place, weighing, wants, |k, points, weights| {
            let at = k.rem_euclid(PERIOD as i64) as usize * BANDS;
            cells.points[at..at + BANDS].iter_mut().zip(points).for_each(|(c, p)| *c += p);
            cells.weights[at..at + BANDS].iter_mut().zip(weights).for_each(|(c, w)| *c += w * w);
        });
        cells
    }

    /// Each cell's value: how far it lies on the side of its phase.
    pub(crate) fn values(&self, carrier: &Carrier) -> Vec<f32> {
        self.points
            .iter()
            .zip(&carrier.phases)
            .map(|(p, &phase)| (p * kernels::turn(phase).conj()).re)
            .collect()
    }

    /// Standard score of a sum over `cells` whose phases are those of another key: by Hoeffding's
    /// lemma for a uniform phase, the sum of |point|² / 2 is a variance that its tails stay under,
    /// whatever the sound is.
    pub(crate) fn score(&self, sum: f32, cells: &[usize]) -> f32 {
        let variance = cells.iter().map(|&c| self.points[c].norm_sqr()).sum::<f32>() / 2.0;
        standard(sum, variance)
    }
}

/// The standard score of a sum, given its variance.
pub(crate) fn standard(sum: f32, variance: f32) -> f32 {
    if variance > 0.0 { sum / variance.sqrt() } else { 0.0 }
}
