//! The detector: residuals in, evidence out.

use std::sync::Arc;

use super::area;
use super::bitrate::BitrateSum;
use super::carrier::{dimensions, frame_scale, sync_dimensions};
use super::decimate::decimation;
use super::evidence::{AreaMap, Geometry, VideoEvidence};
use super::hypothesis::{Detection, Sum};
use super::image::Image;
use super::innovation::InnovationSum;
use super::inquiry::Inquiry;
use super::options::{DetectOptions, Pace};
use super::parts;
use super::residual::Residual;
use super::search::{Lattices, Plan, Search, Sums};
use super::timeline::{self, Known, Timeline, timeline};
use super::warp::Warp;
use super::windows::Windows;
use crate::evidence::{self, IDENTITY, PRESENCE, Span, SpanState};
use crate::key::KeyRing;
use crate::stats::PValue;
use proofmark_core::{
    Payload,
    video::{Coding, FrameShape, Luma},
};

/// Lines of the second, finer sum, for marks that were made smaller than the frame (letterbox,
/// picture in picture).
const FINE_LINES: usize = 512;
/// Every so many looked-at frames go into the finer sum: it costs four times as much.
const FINE_EVERY: usize = 4;

/// Looked-at frames after which it is first tried whether the payload is beyond doubt already: a
/// picture of high quality has that in one.
const FIRST_TRY: usize = 2;
/// Evidence that is: twice what reading takes.
const CERTAIN: f32 = 700.0;

/// Spans without the first mark from which another is looked for there.
const LEAST_SPANS: usize = 2;
/// Share of the frame with the first mark under which another is looked for in the rest.
const MOST_MARKED: f32 = 0.9;
/// Evidence at which a payload can usually be read blind, and the least share of the sync pattern
/// in it.
const READABLE: f32 = 300.0;

/// Says that a mark is too weak to be read, and what would help: evidence grows with the length of
/// the clip.
fn too_weak(sync: f32, seconds: f64) -> String {
    let evidence = sync * sync * (dimensions() / sync_dimensions()) as f32;
    let more = seconds * f64::from(READABLE / evidence - 1.0);
    if more > 0.0 && more < 4.0 * seconds.max(5.0) {
        format!(
            "a mark is there, but too weak to be read; an excerpt that is {:.0} s longer, a \
            better copy, or a list of candidates would help",
            more.ceil()
        )
    } else {
        "a mark is there, but too weak to be read; a better copy or a list of candidates would \
        help"
            .into()
    }
}

/// Whether the payload is beyond doubt.
enum EarlyStop {
    Open,
    /// It is, and how many spans there were when that was last confirmed.
    Since(usize, Box<Detection>),
    /// It was, until a span came that does not have the mark.
    Lost,
}

/// Collects frames of one clip and says what mark they carry.
///
/// Memory depends on the size of the frames, not on their number.
pub struct Detector {
    inquiry: Inquiry,
    ring: KeyRing,
    coarse: Residual,
    windows: Windows,
    /// The same in which frames count by what was spent on them.
    bitrate_weighted: BitrateSum,
    /// The same in which places count by what was painted anew in them, too.
    innovation_weighted: InnovationSum,
    /// The frame on which most was spent, alone: where a picture moves, the sum blurs its mark.
    frame: Frame,
    fine: Option<(Residual, usize, Image)>,
    frames: usize,
    pace: Pace,
    early_stop: EarlyStop,
    /// Lattices in all frames, whatever is asked about them; in the favoured sum, too.
    lattices: Arc<Lattices>,
    bitrate_lattices: Arc<Lattices>,
}

/// The residual of a frame, and the bits per pixel that were spent on it.
#[derive(Clone, Debug, Default)]
struct Frame {
    image: Image,
    bits: Option<f32>,
    /// Lattices in it, whatever is asked about them.
    lattices: Arc<Lattices>,
}

impl Frame {
    /// Where the residual of the next frame is to go, if that is the better one to look at.
    fn next(&mut self, coding: Coding) -> Option<&mut Image> {
        let first = self.image.data.is_empty();
        (first || coding.bits > self.bits).then(|| {
            *self = Self { bits: coding.bits, ..Self::default() };
            &mut self.image
        })
    }
}

impl Detector {
    /// A detector for frames of `shape`, looking for marks of any key of `ring`.
    #[must_use]
    pub fn new(ring: &KeyRing, shape: FrameShape, options: DetectOptions) -> Self {
        let inquiry = Inquiry::new(ring, shape, options);
        let fine_factor = decimation(shape.width.min(shape.height), FINE_LINES);
        let fine = (inquiry.options.search && fine_factor < inquiry.coarse_factor)
            .then(|| (Residual::new(fine_factor), fine_factor, Image::default()));
        Self {
            ring: ring.clone(),
            coarse: Residual::new(inquiry.coarse_factor),
            windows: Windows::new(),
            bitrate_weighted: BitrateSum::default(),
            innovation_weighted: InnovationSum::default(),
            frame: Frame::default(),
            fine,
            frames: 0,
            pace: Pace::new(inquiry.options.rate),
            early_stop: EarlyStop::Open,
            lattices: Arc::default(),
            bitrate_lattices: Arc::default(),
            inquiry,
        }
    }

    /// The same frames asked about other keys, or another question, without looking at them again,
    /// once all are there. A search needs frames that were taken in for one.
    #[must_use]
    pub fn again(&self, ring: &KeyRing, options: DetectOptions) -> Self {
        Self {
            coarse: self.coarse.clone(),
            windows: self.windows.clone(),
            bitrate_weighted: self.bitrate_weighted.clone(),
            innovation_weighted: self.innovation_weighted.clone(),
            frame: self.frame.clone(),
            fine: self.fine.clone().filter(|_| options.search),
            frames: self.frames,
            lattices: Arc::clone(&self.lattices),
            bitrate_lattices: Arc::clone(&self.bitrate_lattices),
            ..Self::new(ring, self.inquiry.shape, options)
        }
    }

    /// Whether the frame at `time` seconds is one to look at.
    #[must_use]
    pub fn wants(&self, time: f64) -> bool {
        self.pace.wants(time)
    }

    /// Takes in a frame shown at `time` seconds, of which nothing else is known. Frames of another
    /// size are passed over.
    pub fn push(&mut self, luma: &Luma<'_>, time: f64) {
        self.push_coded(luma, time, Coding::default());
    }

    /// [`push`](Self::push), of a frame that was decoded: how it was coded says how much of a mark
    /// it is likely to hold.
    pub fn push_coded(&mut self, luma: &Luma<'_>, time: f64, coding: Coding) {
        if (luma.width, luma.height) != (self.inquiry.shape.width, self.inquiry.shape.height) {
            return;
        }
        let sums = [(self.windows.at(time), 1.0), self.bitrate_weighted.next(coding)];
        self.coarse
            .add(luma, sums.into_iter().chain(self.frame.next(coding).map(|frame| (frame, 1.0))));
        self.innovation_weighted.add(&self.coarse, coding);
        self.windows.saw(self.coarse.contrast());
        if let Some((residual, _, sum)) = &mut self.fine
            && self.frames.is_multiple_of(FINE_EVERY)
        {
            residual.add(luma, [(sum, 1.0)]);
        }
        self.frames += 1;
        self.pace.took(time);
    }

    /// Whether what follows may be looked at more sparsely, asked after each frame: the payload is
    /// beyond doubt, what is left to tell is when and where it is there, and the last span had it.
    /// It is looked for in the place where a clip that was merely re-encoded has the mark.
    pub fn is_certain(&mut self) -> bool {
        if matches!(self.early_stop, EarlyStop::Open)
            && self.frames >= FIRST_TRY
            && self.frames.is_power_of_two()
        {
            let mut total = self.windows.total();
            self.coarse.reliability(&total).apply(&mut total);
            let found =
                Search::new(&self.inquiry, Plan::GLANCE, Sums::alone(&total), &Lattices::default())
                    .run_blind();
            if let Some(found) =
                found.filter(|f| f.identified.is_some() && f.z() * f.z() >= CERTAIN)
            {
                self.early_stop = EarlyStop::Since(self.windows.len(), Box::new(found));
            }
        }
        // The last span is still being filled, the one before it is whole.
        if let EarlyStop::Since(seen, found) = &mut self.early_stop
            && *seen != self.windows.len()
            && let Some(whole) = self.windows.len().checked_sub(2)
        {
            *seen = self.windows.len();
            if !timeline::is_marked(
                &self.windows.sum(whole),
                &found.warp,
                found,
                &self.inquiry.carriers[found.key],
            ) {
                self.early_stop = EarlyStop::Lost;
            }
        }
        matches!(self.early_stop, EarlyStop::Since(..))
    }

    fn plan(&self) -> Plan {
        if self.inquiry.options.search { Plan::WHOLE } else { Plan::EXPECTED }
    }

    /// What is asked, and how it is searched.
    #[must_use]
    pub fn options(&self) -> &DetectOptions {
        &self.inquiry.options
    }

    /// Frames looked at so far.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The evidence in all frames, to be asked for when all are there.
    #[must_use]
    pub fn finish(&mut self) -> VideoEvidence {
        if self.frames == 0 {
            return self.report(None);
        }
        self.weigh();
        let total = self.windows.total();
        let weighed = |mut sum: Image| {
            self.coarse.bitrate_reliability(&sum).apply(&mut sum);
            sum
        };
        let (bitrate_weighted, innovation_weighted) = (
            self.bitrate_weighted.total().map(weighed),
            self.innovation_weighted.total().map(weighed),
        );
        let diversity = innovation_weighted.as_ref();
        let bitrate_weighted = bitrate_weighted.as_ref().map(|image| Sum { image, diversity });
        let sums = Sums {
            coarse: Sum { image: &total, diversity },
            bitrate_weighted,
            fine: self.fine.as_ref().map(|(_, factor, sum)| (sum, *factor)),
        };
        let mut search = Search::new(&self.inquiry, self.plan(), sums, &self.lattices);
        let first = search.run();
        if self.inquiry.options.search
            && self.frames > 1
            && first.as_ref().is_none_or(|f| !f.complete())
            && let Some(report) = self.elsewhere(first.as_ref(), sums)
        {
            return report;
        }
        let Some(first) = first else { return self.report(None) };
        let layers = search.layers(first);
        let mut report = self.describe(&layers, sums, true);
        if report.others.is_empty() {
            report.others = self
                .second(&layers, &report.spans, report.area.as_ref(), sums)
                .into_iter()
                .collect();
        }
        report
    }

    /// Weighs the places of the windows and of the finer sum, once for all questions.
    fn weigh(&mut self) {
        if !self.windows.are_weighed() {
            self.windows.weigh(self.coarse.reliability(&self.windows.total()));
            if let Some((residual, _, sum)) = &mut self.fine {
                residual.reliability(sum).apply(sum);
            }
        }
    }

    /// What shows in one frame alone, in the favoured sum, and in what a crop left, where all sums
    /// together show no payload, only `first`. Ends with the first payload; without one, the best
    /// of what is stronger than `first` is described.
    fn elsewhere(&self, first: Option<&Detection>, sums: Sums<'_>) -> Option<VideoEvidence> {
        // Chance shows as good a lattice in the favoured sum as a mark does: it is worth a look
        // where that of all frames has a plain one, or a list says what to look for.
        let listed = !self.inquiry.candidates.is_empty();
        let frame = (Sum::from(&self.frame.image), Plan::FRAME, &self.frame.lattices, false);
        let bitrate_weighted = sums.bitrate_weighted.map(|sum| (sum, &self.bitrate_lattices));
        let searched = bitrate_weighted
            .filter(|_| listed || self.lattices.are_plain())
            .map(|(sum, lattices)| (sum, Plan::BITRATE_WEIGHTED, lattices, true));
        let both =
            bitrate_weighted.into_iter().chain([(sums.coarse, &self.lattices)]).filter(|_| listed);
        let cropped = both.map(|(sum, lattices)| (sum, Plan::CROPPED, lattices, true));
        let others = std::iter::once(frame).chain(searched).chain(cropped);
        let mut least = first.map(|first| first.p_value);
        let mut unread = None;
        for (sum, plan, lattices, steady) in others {
            let mut search = Search::new(&self.inquiry, plan, Sums::alone(sum), lattices);
            match search.run() {
                Some(found) if found.complete() => {
                    return Some(self.describe(&search.layers(found), Sums::alone(sum), steady));
                }
                Some(found) if least.is_none_or(|least| found.p_value < least) => {
                    least = Some(found.p_value);
                    unread = Some((found, sum, steady));
                }
                _ => {}
            }
        }
        unread.map(|(found, sum, steady)| self.describe(&[found], Sums::alone(sum), steady))
    }

    /// What can be said of a finding before its place in time and picture is known.
    fn report(&self, finding: Option<&Detection>) -> VideoEvidence {
        let p_value = finding.map_or(PValue::ONE, |f| f.p_value);
        let detected = p_value.value() <= PRESENCE;
        let found = finding.filter(|_| detected);
        let identified = found.and_then(|f| f.identified);
        let note = match (found, identified) {
            (Some(f), None) => {
                Some(too_weak(f.peak.z, self.frames as f64 / self.inquiry.options.rate))
            }
            (None, _) if self.frames == 0 => Some("no frame could be looked at".to_string()),
            _ => None,
        };
        VideoEvidence {
            detected,
            payload: identified.map(|(i, _)| i.mark.payload),
            generation: identified.map(|(i, _)| i.mark.generation),
            p_value,
            method: identified.map(|(_, m)| m),
            key: found.map(|f| self.ring.keys()[f.key].id().clone()),
            ranges: Vec::new(),
            spans: Vec::new(),
            area: None,
            geometry: found.map(|f| self.geometry(f)),
            evidence: finding.map_or(0.0, |f| f.z() * f.z()),
            parts: None,
            frames: self.frames,
            note,
            others: Vec::new(),
            earlier: Vec::new(),
        }
    }

    /// What can be said of the marks on one lattice, the newest first, and when and where they are.
    /// Those that are not `steady` were found in one frame.
    fn describe(&self, layers: &[Detection], sums: Sums<'_>, steady: bool) -> VideoEvidence {
        let word = |layer: &Detection| {
            layer
                .identified
                .map(|(identified, _)| self.inquiry.carriers[layer.key].word(identified.mark))
        };
        let describe = |found: &Detection| {
            let mut report = self.report(Some(found));
            if report.detected {
                let carrier = &self.inquiry.carriers[found.key];
                let diversity: Vec<Vec<f32>> = layers
                    .iter()
                    .filter(|layer| !std::ptr::eq(*layer, found))
                    .filter_map(word)
                    .collect();
                report.parts = parts::parts(sums.of(found.factor), found, carrier);
                let cell = found.cell.filter(|_| report.parts.is_some_and(parts::are_two));
                let ratio = found.factor as f32 / self.inquiry.coarse_factor as f32;
                let warp = Warp::scaling(ratio, ratio).after(&found.warp);
                let Timeline { spans, moving } = timeline(
                    &self.windows,
                    (self.inquiry.coarse_factor, &warp),
                    Known { finding: found, carrier, diversity: &diversity, cell },
                    1.0 / self.inquiry.options.rate,
                    steady,
                );
                report.ranges = evidence::ranges(&spans);
                report.spans = spans;
                report.geometry.iter_mut().for_each(|g| g.moving = moving);
                // Where the picture moved under the sum, cells without the mark say nothing.
                if moving && steady {
                    return report;
                }
                let residual = self
                    .fine
                    .as_ref()
                    .filter(|f| f.1 == found.factor)
                    .map_or(&self.coarse, |f| &f.0);
                report.area =
                    area::map(sums.of(found.factor).image, &residual.variances(), found, carrier);
            }
            report
        };
        let Some((newest, earlier)) = layers.split_first() else { return self.report(None) };
        let mut newest = describe(newest);
        (newest.earlier, newest.others) =
            earlier.iter().map(describe).partition(|mark| mark.lies_beneath(&newest));
        newest
    }

    /// Another payload in what the first marks leave: the time without the newest, or else the part
    /// of the frame without it.
    fn second(
        &self,
        first: &[Detection],
        spans: &[Span],
        area: Option<&AreaMap>,
        sums: Sums<'_>,
    ) -> Option<VideoEvidence> {
        let known: Vec<Payload> =
            first.iter().filter_map(|f| Some(f.identified?.0.mark.payload)).collect();
        let unmarked = |i: usize| spans[i].state == SpanState::Unmarked;
        let (coarse, fine) = if known.is_empty() {
            return None;
        } else if (0..spans.len()).filter(|&i| unmarked(i)).count() >= LEAST_SPANS {
            (self.windows.sum_where(unmarked), None)
        } else {
            let area = area.filter(|a| a.share < MOST_MARKED)?;
            (area.rest(sums.coarse.image), sums.fine.map(|(sum, factor)| (area.rest(sum), factor)))
        };
        let sums = Sums {
            coarse: (&coarse).into(),
            bitrate_weighted: None,
            fine: fine.as_ref().map(|(sum, factor)| (sum, *factor)),
        };
        let lattices = Lattices::default();
        let mut search = Search::new(&self.inquiry, self.plan(), sums, &lattices);
        let mut found = search.run()?;
        // Twice as much was tried.
        found.p_value = found.p_value.times(2.0);
        found.identified.filter(|(i, _)| {
            !known.contains(&i.mark.payload) && found.p_value.value() <= IDENTITY
        })?;
        Some(self.describe(&search.layers(found), sums, true))
    }

    fn geometry(&self, finding: &Detection) -> Geometry {
        let (sx, sy) = frame_scale(&self.inquiry.shape);
        let factor = finding.factor as f32;
        let middle = (
            self.inquiry.shape.width as f32 / factor / 2.0,
            self.inquiry.shape.height as f32 / factor / 2.0,
        );
        let (u, v) = finding.warp.unapply(middle.0, middle.1).unwrap_or_default();
        let [a, b, c, d] = finding.warp.jacobian(u, v);
        let round = |x: f32| (x * 1000.0).round() / 1000.0;
        let turn = c.atan2(a).to_degrees() + 90.0 * f32::from(finding.orientation.turns);
        let wrapped = (turn + 180.0).rem_euclid(360.0) - 180.0;
        Geometry {
            scale: [round(a.hypot(c) * factor / sx), round(b.hypot(d) * factor / sy)],
            rotation: (wrapped * 100.0).round() / 100.0 + 0.0,
            mirrored: finding.orientation.mirrored,
            inverted: finding.z() < 0.0,
            moving: false,
        }
    }
}
