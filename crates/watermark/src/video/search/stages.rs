//! The stages of a search, from what costs nothing to what costs most.

use proofmark_core::parallel;

use super::super::carrier::{frame_scale, tile_scale};
use super::super::cells::gather;
use super::super::hypothesis::{AlphaBudget, Detection, Match, Projection, Sum};
use super::super::lattice::LatticeSearch;
use super::super::perspective;
use super::super::sync::{self, Orientation, TranslationSearch};
use super::super::tile::TILE;
use super::super::warp::Warp;
use super::Search;
use super::plan::{SCALES, Straight, Sums};
use crate::message::SUBPATTERNS;

/// Scales below this are searched in the finer sum.
pub(super) const FINE_BELOW: f32 = 0.85;
/// Square and other proposals of the lattice search that are tried, of each, per sum.
const PROPOSALS: usize = 4;
/// Ranges of scales in which a lattice under perspective is looked for, and how many of those found
/// are tried: beneath the true one there may be false ones. A screen that fills the frame is looked
/// for behind a lens too; where it is smaller, the lens bends less of it. One range for both finds
/// less in the first: what small marks add to the band is noise for large ones.
const CAMERA_SCALES: [f32; 2] = [0.8, 1.5];
const BENT: usize = 12;
const FAR_SCALES: [f32; 2] = [0.6, 0.8];
const FAR_BENT: usize = 6;
/// Sizes around one that was told, in shares of it, the nearest first, and how much they may be
/// squeezed.
const AROUND: [f32; 11] =
    [0.0, 0.003, -0.003, 0.006, -0.006, 0.009, -0.009, 0.012, -0.012, 0.016, -0.016];
const SQUEEZED: [f32; 3] = [0.0, 0.004, -0.004];
/// Readings that are asked in the expected place: both parts of the mark, and the aperiodic one.
pub(super) const PARTS: usize = 2;
/// Short sides that pictures usually have, and the most that is taken for what a crop left of one.
const SHORT_SIDES: [f32; 28] = [
    360.0, 384.0, 432.0, 448.0, 480.0, 512.0, 540.0, 544.0, 576.0, 608.0, 640.0, 672.0, 704.0,
    720.0, 736.0, 768.0, 800.0, 832.0, 896.0, 960.0, 1024.0, 1072.0, 1080.0, 1088.0, 1152.0,
    1280.0, 1440.0, 2160.0,
];
const CROPPED: (f32, f32) = (0.4, 0.98);

/// Sizes about one that was told, across and down, in shares of it.
pub(super) fn around() -> impl Iterator<Item = (f32, f32)> {
    AROUND.iter().flat_map(|by| {
        SQUEEZED.iter().map(move |s| ((1.0 + by) * (1.0 + s), (1.0 + by) * (1.0 - s)))
    })
}

impl<'a> Search<'a> {
    /// Tile sizes that an unmoved mark may have: one, or two where the frame has so few lines that
    /// a mark made for it would keep a larger tile than one that was made for a larger frame and
    /// shrunk with it.
    pub(super) fn expected_warps(&self) -> Vec<Warp> {
        let d = self.inquiry;
        let factor = d.coarse_factor as f32;
        let (sx, sy) = frame_scale(&d.shape);
        let mut warps = vec![Warp::scaling(sx / factor, sy / factor)];
        let shrunk = d.shape.short_side() / 360.0 / sy;
        if shrunk < 0.999 {
            warps.push(Warp::scaling(sx * shrunk / factor, sy * shrunk / factor));
        }
        warps
    }

    /// About the size of a placement, upright or mirrored, wherever.
    pub(super) fn guessed(&mut self, share: f64) -> bool {
        let Some(placement) = self.inquiry.options.placement else { return false };
        let [across, down] = self.scale_of(&placement, self.inquiry.coarse_factor);
        let sizes: Vec<Warp> = around().map(|(x, y)| Warp::scaling(across * x, down * y)).collect();
        self.strongest(&sizes, self.budget(PROPOSALS, share))
    }

    /// The part of a picture of a usual size that a crop left, wherever it was: known payloads show
    /// there where the lattice does not.
    pub(super) fn cropped(&mut self, share: f64) -> bool {
        if self.candidates.is_empty() {
            return false;
        }
        let (aspect, own) = (self.inquiry.shape.aspect(), self.inquiry.shape.short_side());
        let sizes =
            SHORT_SIDES.iter().filter(|&&side| (CROPPED.0..=CROPPED.1).contains(&(own / side)));
        let scale = |side: f32| tile_scale(side) / self.inquiry.coarse_factor as f32;
        let sizes: Vec<Warp> =
            sizes.map(|&side| Warp::scaling(scale(side) / aspect, scale(side))).collect();
        self.strongest(&sizes, self.budget(PROPOSALS, share))
    }

    /// Of some sizes those with the strongest lattices.
    pub(super) fn strongest(&mut self, sizes: &[Warp], budget: AlphaBudget) -> bool {
        let (sum, factor) = (self.sums.coarse, self.inquiry.coarse_factor);
        let mut strong: Vec<(f32, Warp)> =
            parallel::map(sizes, &mut vec![(); parallel::threads()], |(), &warp| {
                Projection::new(sum.image, factor, warp).map(|v| (v.excess(), warp))
            })
            .into_iter()
            .flatten()
            .collect();
        strong.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut translations = std::mem::take(&mut self.translations);
        let found = strong.iter().take(PROPOSALS).any(|&(_, warp)| {
            let finding = Projection::new(sum, factor, warp)
                .map(|view| self.at(view, budget, &mut translations));
            self.keep(finding)
        });
        self.translations = translations;
        found
    }

    /// The geometry of a clip that was at most resized: origin, size and orientation are known.
    pub(super) fn expected(&mut self, share: f64) -> bool {
        let warps = self.expected_warps();
        let Sums { coarse, bitrate_weighted, .. } = self.sums;
        let with_diversity = coarse.diversity.map(|_| coarse);
        let sums: Vec<Sum<'_>> = bitrate_weighted
            .into_iter()
            .chain([coarse.image.into()])
            .chain(with_diversity)
            .collect();
        let readings = self.keys() * (warps.len() * sums.len() * PARTS) as f64;
        let budget = AlphaBudget { trials: readings, readings, share };
        for warp in warps {
            for (i, &sum) in sums.iter().enumerate() {
                // Where one of the first two has the answer, the other may have more of it; the
                // last is for where neither has.
                if i < 2 || !self.is_complete() {
                    self.at_origin(sum, warp, budget);
                }
            }
            if self.is_complete() {
                return true;
            }
        }
        false
    }

    /// Where a clip that was at most resized has its mark.
    pub(super) fn at_origin(&mut self, sum: Sum<'a>, warp: Warp, budget: AlphaBudget) {
        if let Some(view) = Projection::new(sum, self.inquiry.coarse_factor, warp) {
            self.at_place(&view, Orientation::UPRIGHT, (0.0, 0.0), budget);
        }
    }

    /// Where the marked picture begins at `origin`, in tile pixels, in the mark's directions.
    pub(super) fn at_place(
        &mut self,
        view: &Projection<'_>,
        orientation: Orientation,
        origin: (f32, f32),
        budget: AlphaBudget,
    ) {
        let corner = view.corner(orientation);
        let periodic = view.whitened(orientation).shifted(origin.0 - corner.0, origin.1 - corner.1);
        let cells = view.cells_at(orientation, origin);
        for (key, carrier) in self.inquiry.carriers.iter().enumerate() {
            let Some(aperiodic) = gather(&cells, carrier, (0, 0)) else { continue };
            // Who averaged the tile out of the picture left the aperiodic part alone.
            for whitened in [periodic.with(&aperiodic), aperiodic] {
                let peak = sync::at_origin(&whitened, carrier, &[]);
                let matched = Match { key, orientation, whitened: &whitened, peak };
                let mut finding = view.finding(matched, budget.p_value(peak.z, SUBPATTERNS as f64));
                (finding.origin, finding.cell) = (origin, Some((0, 0)));
                let finding = self.identify(finding, budget, self.candidates);
                self.keep(Some(finding));
            }
        }
    }

    /// The expected size, but moved, mirrored or turned.
    pub(super) fn moved(&mut self, share: f64) -> bool {
        let warps = self.expected_warps();
        let budget = self.budget(warps.len(), share);
        let mut translations = std::mem::take(&mut self.translations);
        let found = warps.into_iter().any(|warp| {
            let view = Projection::new(self.sums.coarse, self.inquiry.coarse_factor, warp)
                .filter(|view| view.excess() > self.plan.least_excess_expected);
            let finding = view.map(|view| self.at(view, budget, &mut translations));
            self.keep(finding)
        });
        self.translations = translations;
        found
    }

    /// Wherever the lattice search proposes.
    pub(super) fn searched(&mut self, share: f64) -> bool {
        let straight = self.lattices.straight.get_or_init(|| self.straight_lattices());
        let budget = self.budget(2 * 2 * PROPOSALS, share);
        self.proposed(&straight.places, budget)
    }

    pub(super) fn straight_lattices(&self) -> Straight {
        let (least, most) = self.plan.scales;
        let mut sums = vec![(
            self.sums.coarse.image,
            self.inquiry.coarse_factor,
            if self.sums.fine.is_some() { FINE_BELOW } else { least },
            most,
        )];
        sums.extend(self.sums.fine.map(|(sum, factor)| (sum, factor, SCALES.0, FINE_BELOW)));
        let found = parallel::map(
            &sums,
            &mut vec![(); parallel::threads()],
            |(), &(image, factor, least, most)| {
                let (shortest, longest) = (
                    self.period(least, factor),
                    self.period(most, factor).min(0.9 * image.width.max(image.height) as f32),
                );
                let proposals = LatticeSearch::new(image, shortest, longest).propose(PROPOSALS);
                proposals.into_iter().map(|proposal| (factor, proposal)).collect::<Vec<_>>()
            },
        );
        let found = found.concat();
        Straight {
            places: found.iter().map(|(factor, proposal)| (*factor, proposal.warp())).collect(),
            score: found.iter().fold(0.0, |best, (_, p)| p.score.max(best)),
        }
    }

    /// Upright, at about the expected size, under perspective: a camera before a screen.
    pub(super) fn bent(&mut self, share: f64) -> bool {
        if self.plan.bends_plain_lattices_only && !self.lattices.are_plain() {
            return false;
        }
        let factor = self.inquiry.coarse_factor;
        let bent = self.lattices.bent.get_or_init(|| {
            let range = |scales: [f32; 2], thorough, count| perspective::Range {
                periods: scales.map(|scale| self.period(scale, factor)),
                thorough,
                count,
            };
            let ranges = [range(CAMERA_SCALES, true, BENT), range(FAR_SCALES, false, FAR_BENT)];
            perspective::propose(self.sums.coarse.image, &ranges)
                .into_iter()
                .map(|b| b.warp)
                .collect()
        });
        let places: Vec<_> = bent.iter().map(|&warp| (factor, warp)).collect();
        let budget = self.budget(BENT + FAR_BENT, share);
        self.proposed(&places, budget)
    }

    /// Pixels of a sum between repetitions of a mark at `scale`.
    pub(super) fn period(&self, scale: f32, factor: usize) -> f32 {
        TILE as f32 * frame_scale(&self.inquiry.shape).1 * scale / factor as f32
    }

    /// The best of proposed geometries, several at a time: images, their factors, and warps.
    pub(super) fn proposed(&mut self, places: &[(usize, Warp)], budget: AlphaBudget) -> bool {
        let mut translations = std::mem::take(&mut self.translations);
        let one = |translations: &mut TranslationSearch, &(factor, warp): &(usize, Warp)| {
            let view = Projection::new(self.sums.of(factor), factor, warp)
                .filter(|view| view.excess() > self.plan.least_excess)?;
            Some(self.at(view, budget, std::slice::from_mut(translations)))
        };
        let findings = parallel::map_until(places, &mut translations, one, |finding| {
            finding.as_ref().is_some_and(Detection::complete)
        });
        self.translations = translations;
        findings.into_iter().any(|finding| self.keep(finding))
    }
}
