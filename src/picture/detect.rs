//! The detector: residuals in, evidence out.

use super::align::align;
use super::carrier::{Carrier, TILE};
use super::decode::{self, Identified};
use super::embed::FrameShape;
use super::evidence::{Geometry, IDENTITY, Method, PRESENCE, PictureEvidence, TimeRange};
use super::lattice;
use super::plane::{Image, Luma, decimation};
use super::residual::Residual;
use super::spectrum::{Readings, read_lattice};
use super::sync::{self, Orientation, SyncPeak, TranslationSearch, Whitened};
use super::timeline;
use super::warp::{Unwarped, Warp, unwarp};
use super::windows::Windows;
use crate::key::KeyRing;
use crate::payload::{Payload, SUBPATTERNS};
use crate::stats::PValue;

/// What is asked about a clip, beyond whether a mark is there.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Question {
    /// Which payload is it?
    #[default]
    Blind,
    /// Which of these is it? A list of known payloads needs much less evidence than none.
    Candidates(Vec<Payload>),
    /// Is it this one?
    Expected(Payload),
}

impl Question {
    fn candidates(&self) -> &[Payload] {
        match self {
            Self::Blind => &[],
            Self::Candidates(list) => list,
            Self::Expected(payload) => std::slice::from_ref(payload),
        }
    }

    fn method(&self) -> Method {
        match self {
            Self::Blind => Method::Blind,
            Self::Candidates(_) => Method::Candidates,
            Self::Expected(_) => Method::Expected,
        }
    }
}

/// How to search.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DetectOptions {
    /// What is asked.
    pub question: Question,
    /// Frames per second that are looked at; frames in between say little new.
    pub rate: f64,
    /// Whether to search other geometries when the mark is not found where a re-encoded clip has it.
    pub search: bool,
}

impl Default for DetectOptions {
    fn default() -> Self {
        Self { question: Question::Blind, rate: 15.0, search: true }
    }
}

/// Lines of the image that residuals are summed at: enough for marks of the expected size or larger.
const COARSE_LINES: usize = 256;
/// Lines of the second, finer sum, for marks that were made smaller than the frame (letterbox, picture in picture).
const FINE_LINES: usize = 512;
/// Every so many looked-at frames go into the finer sum: it costs four times as much.
const FINE_EVERY: usize = 4;
/// Range of searched scales: the mark's size over the size that a fresh mark would have.
const SCALES: (f32, f32) = (0.4, 2.6);
/// Scales below this are searched in the finer sum.
const FINE_BELOW: f32 = 0.85;
/// Proposals of the lattice search that are tried, per sum.
const PROPOSALS: usize = 6;
/// Shares of the false-alarm budget: the expected geometry has half, so that it needs little; translations and orientations a
/// quarter, all other geometries a quarter.
const SHARE_EXPECTED: f64 = 2.0;
const SHARE_MOVED: f64 = 4.0;
const SHARE_SEARCHED: f64 = 4.0;
/// Sync scores under this are not worth decoding: a payload that decodes has at least 6 almost always.
const WORTH_DECODING: f32 = 4.0;

/// Collects frames of one clip and says what mark they carry.
///
/// Memory depends on the size of the frames, not on their number.
pub struct Detector {
    carriers: Vec<Carrier>,
    ring: KeyRing,
    options: DetectOptions,
    shape: FrameShape,
    coarse: Residual,
    coarse_factor: usize,
    windows: Windows,
    fine: Option<(Residual, usize, Image)>,
    frames: usize,
    next: f64,
}

/// A geometry under which something was found.
pub(crate) struct Finding {
    pub(crate) key: usize,
    pub(crate) warp: Warp,
    /// Pixels of the full frame per pixel of the image that `warp` leads to.
    pub(crate) factor: usize,
    pub(crate) orientation: Orientation,
    pub(crate) peak: SyncPeak,
    /// The mark's origin in tile coordinates, in the mark's directions.
    pub(crate) origin: (f32, f32),
    /// Noise of the lattice points, in picture directions.
    pub(crate) noise: Vec<f32>,
    /// Readings at the mark's origin.
    pub(crate) whitened: Whitened,
    pub(crate) p_value: PValue,
    pub(crate) identified: Option<(Identified, Method)>,
}

impl Finding {
    fn z(&self) -> f32 {
        self.identified.map_or(self.peak.z, |(i, _)| if i.z.abs() > self.peak.z.abs() { i.z } else { self.peak.z })
    }

    fn complete(&self) -> bool {
        self.identified.is_some()
    }
}

impl Detector {
    /// A detector for frames of `shape`, looking for marks of any key of `ring`.
    #[must_use]
    pub fn new(ring: &KeyRing, shape: FrameShape, options: DetectOptions) -> Self {
        let short = shape.width.min(shape.height);
        let coarse_factor = decimation(short, COARSE_LINES);
        let fine_factor = decimation(short, FINE_LINES);
        let fine = (options.search && fine_factor < coarse_factor).then(|| (Residual::new(fine_factor), fine_factor, Image::default()));
        Self {
            carriers: ring.keys().iter().map(Carrier::new).collect(),
            ring: ring.clone(),
            options,
            shape,
            coarse: Residual::new(coarse_factor),
            coarse_factor,
            windows: Windows::new(),
            fine,
            frames: 0,
            next: f64::NEG_INFINITY,
        }
    }

    /// Whether the frame at `time` seconds is one to look at.
    #[must_use]
    pub fn wants(&self, time: f64) -> bool {
        // A backward jump starts a new count, so that odd time stamps cannot starve the detector.
        time >= self.next || time < self.next - 2.0 / self.options.rate
    }

    /// Takes in a frame shown at `time` seconds. Frames of another size are passed over.
    pub fn push(&mut self, luma: &Luma<'_>, time: f64) {
        if (luma.width, luma.height) != (self.shape.width, self.shape.height) {
            return;
        }
        self.coarse.add(luma, self.windows.at(time));
        if let Some((residual, _, sum)) = &mut self.fine
            && self.frames.is_multiple_of(FINE_EVERY)
        {
            residual.add(luma, sum);
        }
        self.frames += 1;
        self.next = time + 1.0 / self.options.rate - 1e-3;
    }

    /// Frames looked at so far.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The evidence in all frames.
    #[must_use]
    pub fn finish(self) -> PictureEvidence {
        let total = self.windows.total();
        if total.data.is_empty() {
            return self.report(None);
        }
        let mut best: Option<Finding> = None;
        let mut keep = |f: Option<Finding>| {
            if let Some(f) = f {
                let better = best.as_ref().is_none_or(|b| (f.complete(), b.p_value.ln()) > (b.complete(), f.p_value.ln()));
                if better {
                    best = Some(f);
                }
            }
            best.as_ref().is_some_and(Finding::complete)
        };
        let mut search = Search { detector: &self, translations: TranslationSearch::new(), total: &total };
        let _ = search.stages().into_iter().any(|stage| stage(&mut search, &mut keep));
        self.report(best)
    }

    fn report(&self, finding: Option<Finding>) -> PictureEvidence {
        let p_value = finding.as_ref().map_or(PValue::ONE, |f| f.p_value);
        let evidence = finding.as_ref().map_or(0.0, |f| f.z() * f.z());
        let detected = p_value.value() <= PRESENCE;
        let found = finding.filter(|_| detected);
        let identified = found.as_ref().and_then(|f| f.identified);
        let note = match (&found, identified) {
            (_, Some(_)) => None,
            (Some(_), None) => Some("a mark is there, but too weak to be read; a longer or better copy, or a list of candidates, would help".to_string()),
            (None, _) if self.frames == 0 => Some("no frame could be looked at".to_string()),
            (None, _) => None,
        };
        PictureEvidence {
            detected,
            payload: identified.map(|(i, _)| i.payload),
            p_value,
            method: identified.map(|(_, m)| m),
            key: found.as_ref().map(|f| self.ring.keys()[f.key].id().clone()),
            ranges: found.as_ref().map(|f| self.ranges(f)).unwrap_or_default(),
            geometry: found.as_ref().map(|f| self.geometry(f)),
            evidence,
            frames: self.frames,
            note,
        }
    }

    fn ranges(&self, finding: &Finding) -> Vec<TimeRange> {
        let ratio = finding.factor as f32 / self.coarse_factor as f32;
        let warp = Warp::scaling(ratio, ratio).after(&finding.warp);
        timeline::ranges(self.windows.list(), &warp, finding, &self.carriers[finding.key], 1.0 / self.options.rate)
    }

    fn geometry(&self, finding: &Finding) -> Geometry {
        let (sx, sy) = self.shape.tile_scale();
        let factor = finding.factor as f32;
        let middle = (self.shape.width as f32 / factor / 2.0, self.shape.height as f32 / factor / 2.0);
        let (u, v) = finding.warp.inverse().map_or((0.0, 0.0), |w| w.apply(middle.0, middle.1));
        let [a, b, c, d] = finding.warp.jacobian(u, v);
        let round = |x: f32| (x * 1000.0).round() / 1000.0;
        let turn = c.atan2(a).to_degrees() + 90.0 * f32::from(finding.orientation.turns);
        let wrapped = (turn + 180.0).rem_euclid(360.0) - 180.0;
        Geometry {
            scale: [round(a.hypot(c) * factor / sx), round(b.hypot(d) * factor / sy)],
            rotation: (wrapped * 100.0).round() / 100.0 + 0.0,
            mirrored: finding.orientation.mirrored,
            inverted: finding.z() < 0.0,
        }
    }
}

/// One search over a finished sum.
struct Search<'a> {
    detector: &'a Detector,
    translations: TranslationSearch,
    total: &'a Image,
}

type Keep<'k> = dyn FnMut(Option<Finding>) -> bool + 'k;
type Stage<'a> = fn(&mut Search<'a>, &mut Keep<'_>) -> bool;

impl<'a> Search<'a> {
    fn stages(&self) -> Vec<Stage<'a>> {
        if self.detector.options.search { vec![Self::expected, Self::moved, Self::searched] } else { vec![Self::expected] }
    }

    /// Tile sizes that an unmoved mark may have: one, or two where the frame has so few lines that a mark made for it would keep a
    /// larger tile than one that was made for a larger frame and shrunk with it.
    fn expected_warps(&self) -> Vec<Warp> {
        let d = self.detector;
        let factor = d.coarse_factor as f32;
        let (sx, sy) = d.shape.tile_scale();
        let lines = (d.shape.height as f32).min(d.shape.width as f32 * sy / sx);
        let mut warps = vec![Warp::scaling(sx / factor, sy / factor)];
        let shrunk = lines / 360.0 / sy;
        if shrunk < 0.999 {
            warps.push(Warp::scaling(sx * shrunk / factor, sy * shrunk / factor));
        }
        warps
    }

    fn keys(&self) -> f64 {
        self.detector.carriers.len() as f64
    }

    /// The geometry of a clip that was at most resized: origin, size and orientation are known.
    fn expected(&mut self, keep: &mut Keep<'_>) -> bool {
        let warps = self.expected_warps();
        let trials = self.keys() * warps.len() as f64;
        for warp in warps {
            let Some((unwarped, readings)) = read(self.total, &warp) else { continue };
            let whitened = Whitened::new(&readings, Orientation::UPRIGHT).shifted(-unwarped.origin.0, -unwarped.origin.1);
            for (key, carrier) in self.detector.carriers.iter().enumerate() {
                let peak = sync::at_origin(&whitened, carrier);
                let finding = Finding {
                    key,
                    warp,
                    factor: self.detector.coarse_factor,
                    orientation: Orientation::UPRIGHT,
                    peak,
                    origin: (0.0, 0.0),
                    noise: readings.noise.clone(),
                    whitened: whitened.clone(),
                    p_value: PValue::of_score(f64::from(peak.z), SUBPATTERNS as f64 * trials).times(SHARE_EXPECTED),
                    identified: None,
                };
                if keep(Some(self.identify(finding, trials, SHARE_EXPECTED))) {
                    return true;
                }
            }
        }
        false
    }

    /// The expected size, but moved, mirrored or turned.
    fn moved(&mut self, keep: &mut Keep<'_>) -> bool {
        let warps = self.expected_warps();
        let geometries = warps.len();
        warps.iter().any(|warp| {
            let finding = self.at(self.total, self.detector.coarse_factor, warp, geometries, SHARE_MOVED);
            keep(finding)
        })
    }

    /// Wherever the lattice search proposes.
    fn searched(&mut self, keep: &mut Keep<'_>) -> bool {
        let d = self.detector;
        let (_, sy) = d.shape.tile_scale();
        let period = |scale: f32, factor: usize| TILE as f32 * sy * scale / factor as f32;
        let fine = d.fine.as_ref().map(|(_, factor, sum)| (sum, *factor));
        let mut sums = vec![(self.total, d.coarse_factor, if fine.is_some() { FINE_BELOW } else { SCALES.0 }, SCALES.1)];
        sums.extend(fine.map(|(sum, factor)| (sum, factor, SCALES.0, FINE_BELOW)));
        for (image, factor, least, most) in sums {
            let longest = period(most, factor).min(0.9 * image.width.max(image.height) as f32);
            for proposal in lattice::propose(image, period(least, factor), longest, PROPOSALS) {
                let warp = Warp::linear(proposal.vectors.map(|v| v / TILE as f32));
                let finding = self.at(image, factor, &warp, 2 * PROPOSALS, SHARE_SEARCHED);
                if keep(finding) {
                    return true;
                }
            }
        }
        false
    }

    /// The best translation and orientation at a given size, straightened and decoded. One of `geometries` that share the budget.
    fn at(&mut self, image: &Image, factor: usize, warp: &Warp, geometries: usize, share: f64) -> Option<Finding> {
        let (unwarped, readings) = read(image, warp)?;
        let orientations = Orientation::all().count() as f64;
        // Straightening follows the evidence; what it looks at is allowed for by a factor of two.
        let trials = 2.0 * orientations * self.keys() * geometries as f64;
        let mut best: Option<Finding> = None;
        for orientation in Orientation::all() {
            let whitened = Whitened::new(&readings, orientation);
            for (key, carrier) in self.detector.carriers.iter().enumerate() {
                let peak = self.translations.best(&whitened, carrier);
                if best.as_ref().is_none_or(|b| peak.z.abs() > b.peak.z.abs()) {
                    let p_value = PValue::of_score(f64::from(peak.z), TranslationSearch::TRIALS * trials).times(share);
                    let (ox, oy) = orientation.back(unwarped.origin.0, unwarped.origin.1);
                    best = Some(Finding {
                        key,
                        warp: *warp,
                        factor,
                        orientation,
                        peak,
                        origin: (peak.x + ox, peak.y + oy),
                        noise: readings.noise.clone(),
                        whitened: whitened.shifted(peak.x, peak.y),
                        p_value,
                        identified: None,
                    });
                }
            }
        }
        let found = best?;
        let straight = self.straighten(image, &unwarped, &readings, &found, trials, share);
        let found = match straight {
            Some(s) if s.peak.z.abs() > found.peak.z.abs() => s,
            _ => found,
        };
        Some(self.identify(found, TranslationSearch::TRIALS / SUBPATTERNS as f64 * trials, share))
    }

    fn straighten(&mut self, image: &Image, unwarped: &Unwarped, readings: &Readings, found: &Finding, trials: f64, share: f64) -> Option<Finding> {
        let carrier = &self.detector.carriers[found.key];
        let bend = align(unwarped, readings, found.orientation, carrier, &found.peak);
        let warp = found.warp.after(&bend);
        let (unwarped, readings) = read(image, &warp)?;
        let whitened = Whitened::new(&readings, found.orientation);
        let peak = self.translations.best(&whitened, carrier);
        let p_value = PValue::of_score(f64::from(peak.z), TranslationSearch::TRIALS * trials).times(share);
        let (ox, oy) = found.orientation.back(unwarped.origin.0, unwarped.origin.1);
        Some(Finding {
            key: found.key,
            warp,
            factor: found.factor,
            orientation: found.orientation,
            peak,
            origin: (peak.x + ox, peak.y + oy),
            noise: readings.noise,
            whitened: whitened.shifted(peak.x, peak.y),
            p_value,
            identified: None,
        })
    }

    /// Tells the payload, blind or among the candidates, if the evidence is enough.
    fn identify(&self, mut finding: Finding, trials: f64, share: f64) -> Finding {
        let carrier = &self.detector.carriers[finding.key];
        if finding.peak.z.abs() >= WORTH_DECODING
            && let Some(identified) = decode::blind(&finding.whitened, carrier, finding.peak.subpattern, finding.peak.z.abs() > 1.2 * WORTH_DECODING)
        {
            let p_value = identified.blind_p_value(trials).times(share);
            if p_value.value() <= IDENTITY {
                finding.p_value = finding.p_value.min(p_value);
                finding.identified = Some((identified, Method::Blind));
                return finding;
            }
        }
        let question = &self.detector.options.question;
        if let Some(identified) = decode::best_of(&finding.whitened, carrier, question.candidates()) {
            let p_value = PValue::of_score(f64::from(identified.z), trials * question.candidates().len() as f64).times(share);
            let threshold = if question.candidates().len() == 1 { PRESENCE } else { IDENTITY };
            finding.p_value = finding.p_value.min(p_value.times(2.0));
            if p_value.times(2.0).value() <= threshold {
                finding.identified = Some((identified, question.method()));
            }
        }
        finding
    }
}

/// The picture in tile coordinates, and its lattice points.
fn read(image: &Image, warp: &Warp) -> Option<(Unwarped, Readings)> {
    let unwarped = unwarp(image, warp)?;
    let [a, b, c, d] = warp.jacobian(0.0, 0.0);
    let area = (a * d - b * c).abs().max(1e-6).sqrt();
    let extent = (image.width as f32 / area, image.height as f32 / area);
    let readings = read_lattice(&unwarped.image, extent);
    Some((unwarped, readings))
}
