//! Whose hands a clip is made anew with: those of this process, or of a [worker](crate::sandbox)
//! that knows no key.
//!
//! [`stamp`](mod@crate::stamp) marks frames and sound as they come by, and signs what was written.
//! Everything between, from the input's bytes to the target's, goes through [`Press`]: libav runs
//! behind it, and nothing else of it does.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::detect::record;
use crate::fingerprint::{AudioFingerprint, Recording};
use crate::inspect::InspectError;
use crate::isolation::Isolation;
use crate::media::{
    self, AudioInfo, Cancel, Container, EncodeOptions, FilterOptions, Inlet, Job, Limits,
    MediaError, Picture, Progress, Reader, Rework, Skip, StillMaker, Stills, Summary,
};
use crate::stamp::StampError;
use crate::video::{Canvas, Coding};

/// Begins to make clips anew.
pub trait Presses: fmt::Debug + Send + Sync {
    /// Begins with the file at `input`, of which a new one is to be written to `output`, which is
    /// there and empty.
    ///
    /// # Errors
    /// [`InspectError`] if that cannot even begin.
    fn open(
        &self,
        input: &Path,
        output: &Path,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Box<dyn Press>, InspectError>;

    /// Has the picture of `input` run through a chain of libav's filters and encoded to `output`,
    /// which is there and empty, as [`media::filter`] does.
    ///
    /// # Errors
    /// [`InspectError`] if reading, filtering or writing failed.
    fn filter(
        &self,
        input: &Path,
        output: &Path,
        how: &Filtering<'_>,
        cancel: &Cancel,
    ) -> Result<(), InspectError>;
}

/// What a picture is run through, and how what comes of it is encoded.
#[derive(Clone, Copy, Debug)]
pub struct Filtering<'a> {
    /// Filters, in the syntax of libavfilter.
    pub chain: &'a str,
    /// A file that they read.
    pub font: Option<&'a Path>,
    /// How the picture is encoded.
    pub encode: &'a EncodeOptions,
    /// What the input may ask of the machine.
    pub limits: &'a Limits,
}

impl<'a> Filtering<'a> {
    /// What [`media::filter`] is told: the chain itself names the font.
    pub(crate) fn options(&self) -> FilterOptions<'a> {
        FilterOptions { chain: self.chain, encode: self.encode }
    }
}

/// What is written, and how.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The name of the target in messages.
    pub target: &'a Path,
    /// What kind of file it is.
    pub container: Container,
    /// How the picture is encoded.
    pub encode: &'a EncodeOptions,
    /// How much of the clip, in seconds; all of it if `None`.
    pub seconds: Option<f64>,
    /// Whether small pictures of it are made.
    pub stills: bool,
}

/// What is done to a clip on its way.
pub trait Marks {
    /// Marks the frame at `time` seconds.
    ///
    /// # Errors
    /// [`StampError`] if it cannot be marked, which ends the work.
    fn frame(&mut self, canvas: &mut dyn Canvas, time: f64) -> Result<(), StampError>;
    /// What is to be done to a sound track; `None` to leave it as it is.
    fn track(&mut self, info: &AudioInfo) -> Option<Box<dyn Rework>>;
    /// Is told how far it has come.
    fn progress(&mut self, progress: Progress);
}

/// Looks at a frame, at its time in seconds, and how it was coded.
pub type Take<'a> = &'a mut dyn FnMut(&mut dyn Canvas, f64, Coding);

/// One clip that is made anew.
pub trait Press {
    /// The frames of the first `seconds` of the input, `rate` a second being enough.
    ///
    /// # Errors
    /// As for [`Reader`]; if there is not one whole frame.
    fn beginning(&mut self, seconds: f64, rate: f64, take: Take<'_>) -> Result<(), InspectError>;

    /// Writes the output, as [`media::transcode`] does, and makes small pictures of it if the order
    /// wants some.
    ///
    /// # Errors
    /// [`StampError`] if reading, marking or writing failed.
    fn transcode(
        &mut self,
        order: &Order<'_>,
        marks: &mut dyn Marks,
    ) -> Result<(Summary, Option<Stills>), StampError>;

    /// What the sound of the output is like; `None` if it has none, or none that can be hashed or
    /// decoded.
    ///
    /// # Errors
    /// If it cannot be read.
    fn heard(&mut self) -> Result<Option<AudioFingerprint>, InspectError>;

    /// What keeps the input from doing harm.
    fn isolation(&self) -> Isolation;
}

/// This process's own hands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Own;

impl Presses for Own {
    fn open(
        &self,
        input: &Path,
        output: &Path,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Box<dyn Press>, InspectError> {
        Ok(Box::new(OwnPress {
            input: input.into(),
            output: output.into(),
            limits: *limits,
            cancel: cancel.clone(),
        }))
    }

    fn filter(
        &self,
        input: &Path,
        output: &Path,
        how: &Filtering<'_>,
        cancel: &Cancel,
    ) -> Result<(), InspectError> {
        Ok(media::filter(input, output, how.options(), how.limits, cancel)?)
    }
}

struct OwnPress {
    input: PathBuf,
    output: PathBuf,
    limits: Limits,
    cancel: Cancel,
}

impl Press for OwnPress {
    fn beginning(&mut self, seconds: f64, rate: f64, take: Take<'_>) -> Result<(), InspectError> {
        let mut reader = Reader::open(&self.input, &self.limits)?;
        // There may be more frames than will be looked at.
        let many = reader
            .info()
            .picture
            .as_ref()
            .and_then(|p| p.frame_rate)
            .is_some_and(|r| r > 1.5 * rate);
        reader.skip(if many { Skip::Disposable } else { Skip::Nothing });
        let mut any = false;
        while let Some((mut picture, time)) = reader.next_frame(|_| true)? {
            if time > seconds {
                break;
            }
            if self.cancel.is_cancelled() {
                return Err(MediaError::Cancelled { path: self.input.clone() }.into());
            }
            any = true;
            let coding = picture.coding();
            take(&mut picture, time, coding);
        }
        if any {
            Ok(())
        } else {
            Err(MediaError::Decode {
                path: self.input.clone(),
                reason: "not one whole frame in it".into(),
            }
            .into())
        }
    }

    fn transcode(
        &mut self,
        order: &Order<'_>,
        marks: &mut dyn Marks,
    ) -> Result<(Summary, Option<Stills>), StampError> {
        let under = (&self.limits, &self.cancel);
        passed(order, marks, under, |job, process| {
            media::transcode(&self.input, &self.output, order.container, job, process)
        })
    }

    fn heard(&mut self) -> Result<Option<AudioFingerprint>, InspectError> {
        heard(&self.output, &self.limits, &self.cancel)
    }

    fn isolation(&self) -> Isolation {
        Isolation::default()
    }
}

/// What is done to a frame on its way.
type Process<'a> = dyn FnMut(&mut Picture<'_>, f64) -> Result<(), StampError> + 'a;

/// Has `work` pass a clip on, each frame through the marks, and makes small pictures of it if the
/// order wants some.
fn passed(
    order: &Order<'_>,
    marks: &mut dyn Marks,
    (limits, cancel): (&Limits, &Cancel),
    work: impl FnOnce(Job<'_>, &mut Process<'_>) -> Result<Summary, StampError>,
) -> Result<(Summary, Option<Stills>), StampError> {
    let mut stills = order.stills.then(StillMaker::default);
    // All three are asked by turns.
    let marks = RefCell::new(marks);
    let (mut rework, mut progress) = (
        |info: &AudioInfo| marks.borrow_mut().track(info),
        |p: Progress| marks.borrow_mut().progress(p),
    );
    let job = Job {
        target: order.target,
        options: order.encode,
        seconds: order.seconds,
        limits,
        rework: &mut rework,
        cancel,
        progress: &mut progress,
    };
    let summary = work(job, &mut |picture, time| {
        marks.borrow_mut().frame(picture, time)?;
        if let Some(stills) = &mut stills {
            stills.push(picture, time);
        }
        Ok(())
    })?;
    Ok((summary, stills.and_then(StillMaker::finish)))
}

/// What the sound of a finished file is like.
fn heard(
    output: &Path,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Option<AudioFingerprint>, InspectError> {
    let recording = match record(output, limits, cancel) {
        // What was copied need not be anything that can be decoded.
        Err(MediaError::DecodeSound { .. }) => None,
        recording => recording?,
    };
    Ok(recording.as_ref().map(Recording::fingerprint).filter(|f| !f.is_empty()))
}

/// This process's own hands, for what comes through a pipe.
pub(crate) struct StreamPress {
    /// Until it is taken.
    from: Option<Inlet>,
    output: PathBuf,
    limits: Limits,
    cancel: Cancel,
}

impl StreamPress {
    /// Writes what comes through `from` to `output`, which is there and empty.
    pub(crate) fn new(from: Inlet, output: &Path, limits: &Limits, cancel: &Cancel) -> Self {
        let (output, limits, cancel) = (output.into(), *limits, cancel.clone());
        Self { from: Some(from), output, limits, cancel }
    }
}

impl Press for StreamPress {
    /// There is none that could be looked at beforehand: what has gone by does not come again.
    fn beginning(&mut self, _: f64, _: f64, _: Take<'_>) -> Result<(), InspectError> {
        Ok(())
    }

    fn transcode(
        &mut self,
        order: &Order<'_>,
        marks: &mut dyn Marks,
    ) -> Result<(Summary, Option<Stills>), StampError> {
        let Some(from) = self.from.take() else {
            let path = self.output.clone();
            return Err(MediaError::Empty { path }.into());
        };
        let under = (&self.limits, &self.cancel);
        passed(order, marks, under, |job, process| {
            media::transcode_inlet(from, &self.output, order.container, job, process)
        })
    }

    fn heard(&mut self) -> Result<Option<AudioFingerprint>, InspectError> {
        heard(&self.output, &self.limits, &self.cancel)
    }

    fn isolation(&self) -> Isolation {
        Isolation::default()
    }
}
