//! Making a clip anew in a worker: it decodes, encodes and writes, and has each frame and each
//! piece of sound marked by its parent, who has the key.
//!
//! Frames go over the socket as they are, behind a message that says what they are; each comes back
//! before the next one goes.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_bytes::ByteBuf;

use super::confine::{Reach, confine};
use super::end::{Pace, leave_with_the_parent};
use super::failure::Failure;
use super::parent::{Patience, Peer, Sandbox, place};
use super::wire::{
    ANSWER, Answer, Ordered, Pressed, QUESTION, Request, packed, receive, send, unpacked,
};
use super::{Isolation, SandboxError};
use crate::fingerprint::AudioFingerprint;
use crate::inspect::InspectError;
use crate::media::{
    self, AudioInfo, Cancel, Limits, Progress, Rework, Stills, Summary, VideoCodec,
};
use crate::press::{Filtering, Marks, Order, Own, Press, Presses, Take};
use crate::stamp::StampError;
use crate::video::{Canvas, Planes};

/// How much more memory encoding may take than decoding: an encoder holds tens of frames, in
/// several forms.
const ENCODING: u64 = 8;
/// What a clip of one's own may take, only its maker knows; what a file may ask of a decoder holds
/// as ever.
fn encoding(limits: &Limits) -> Limits {
    Limits {
        memory_bytes: limits.memory_bytes.saturating_mul(ENCODING),
        processor_seconds: u64::MAX,
        ..*limits
    }
}

/// How long a clip may take to be made, which only its maker can know.
const WORK: Duration = Duration::from_secs(1 << 30);

/// The worker's end of the line.
#[derive(Clone)]
struct Line(Rc<RefCell<UnixStream>>);

impl Line {
    /// Sends an answer. Where the parent is gone this process ends, so that nothing need be done
    /// about it here.
    fn tell(&self, answer: &Answer) {
        if send(&mut *self.0.borrow_mut(), answer).is_err() {
            std::process::exit(1);
        }
    }

    fn hear(&self) -> Request {
        receive(&mut *self.0.borrow_mut(), QUESTION).unwrap_or_else(|_| std::process::exit(1))
    }
}

/// Runs one clip through a chain of filters. libav's filters are loaded before nothing can be any
/// more.
pub(super) fn filter(
    mut stream: UnixStream,
    input: &Path,
    output: &Path,
    how: &Filtering<'_>,
) -> io::Result<()> {
    media::load_filters();
    let read = [input].into_iter().chain(how.font).map(Path::to_path_buf).collect();
    confine(&Reach { read, written: Some(output.into()) }, how.limits, &[stream.as_fd()])?;
    leave_with_the_parent(&stream, u64::MAX)?;
    let filtered = media::filter(input, output, how.options(), how.limits, &Cancel::default());
    send(
        &mut stream,
        &filtered.map_or_else(|e| Answer::Failed(Failure::of_stamp(e.into())), |()| Answer::Done),
    )
}

/// Makes one clip anew, as the parent says.
pub(super) fn press(
    stream: UnixStream,
    input: &Path,
    output: &Path,
    limits: &Limits,
) -> io::Result<()> {
    let isolation = confine(
        &Reach { written: Some(output.into()), ..Reach::of(input) },
        limits,
        &[stream.as_fd()],
    )?;
    leave_with_the_parent(&stream, u64::MAX)?;
    let line = Line(Rc::new(RefCell::new(stream)));
    let mut own = match Own.open(input, output, limits, &Cancel::default()) {
        Ok(own) => own,
        Err(e) => {
            line.tell(&Answer::Failed(e.into()));
            return Ok(());
        }
    };
    line.tell(&Answer::Ready(isolation, None));
    loop {
        let answer = match line.hear() {
            Request::Beginning(seconds, rate) => {
                let mut samples = Vec::new();
                let shown = own.beginning(seconds, rate, &mut |canvas, time, coding| {
                    samples.clear();
                    canvas.save(&mut samples);
                    line.tell(&Answer::Seen(canvas.plan(), time, coding));
                    if line.0.borrow_mut().write_all(&samples).is_err() {
                        std::process::exit(1);
                    }
                });
                shown.map_or_else(|e| Answer::Failed(e.into()), |()| Answer::Done)
            }
            Request::Transcode(ordered) => {
                let Ordered { target, container, encode, seconds, stills } = *ordered;
                let target = PathBuf::from(target);
                let order = Order { target: &target, container, encode: &encode, seconds, stills };
                let mut marks = Distant {
                    line: line.clone(),
                    tracks: 0,
                    samples: Vec::new(),
                    pace: Pace::default(),
                };
                own.transcode(&order, &mut marks).map_or_else(
                    |e| Answer::Failed(Failure::of_stamp(e)),
                    |(s, stills)| pressed(s, stills.as_ref()),
                )
            }
            Request::Heard => own.heard().map_or_else(
                |e| Answer::Failed(e.into()),
                |h| Answer::Heard(h.map(|h| ByteBuf::from(h.to_bytes()))),
            ),
            _ => Answer::Failed(Failure::Other("a question that makes no sense".into())),
        };
        line.tell(&answer);
    }
}

fn pressed(summary: Summary, stills: Option<&Stills>) -> Answer {
    let Summary { info, frames, seconds, codec, tracks, left_out } = summary;
    Answer::Pressed(Box::new(Pressed {
        info,
        frames,
        seconds,
        codec: codec.map(Into::into),
        tracks,
        left_out,
        stills: stills.map(|s| ByteBuf::from(s.to_bytes())),
    }))
}

/// Has everything marked by the parent.
struct Distant {
    line: Line,
    tracks: usize,
    samples: Vec<u8>,
    pace: Pace,
}

impl Marks for Distant {
    fn frame(&mut self, canvas: &mut dyn Canvas, time: f64) -> Result<(), StampError> {
        self.samples.clear();
        canvas.save(&mut self.samples);
        self.line.tell(&Answer::Picture(canvas.plan(), time));
        let mut stream = self.line.0.borrow_mut();
        if stream
            .write_all(&self.samples)
            .and_then(|()| stream.read_exact(&mut self.samples))
            .is_err()
        {
            std::process::exit(1);
        }
        // A frame that cannot be written to stays as it is, as in the process itself.
        let _ = canvas.load(&self.samples);
        Ok(())
    }

    fn track(&mut self, info: &AudioInfo) -> Option<Box<dyn Rework>> {
        self.line.tell(&Answer::Track(info.clone()));
        let track = self.tracks;
        self.tracks += 1;
        matches!(self.line.hear(), Request::Track(true))
            .then(|| Box::new(DistantTrack { line: self.line.clone(), track }) as Box<dyn Rework>)
    }

    fn progress(&mut self, progress: Progress) {
        if self.pace.now() {
            self.line.tell(&progress.into());
        }
    }
}

struct DistantTrack {
    line: Line,
    track: usize,
}

impl DistantTrack {
    fn change(&self, samples: &[f32], last: bool, out: &mut Vec<f32>) {
        self.line.tell(&Answer::Samples(self.track, packed(samples), last));
        if let Request::Samples(changed) = self.line.hear() {
            out.extend(unpacked(&changed));
        }
    }
}

impl Rework for DistantTrack {
    fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.change(samples, false, out);
    }

    fn finish(&mut self, out: &mut Vec<f32>) {
        self.change(&[], true, out);
    }
}

impl Presses for Sandbox {
    fn open(
        &self,
        input: &Path,
        output: &Path,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Box<dyn Press>, InspectError> {
        let (mut peer, _) = self.begin(input, limits, cancel)?;
        peer.deadline = Instant::now() + WORK;
        let asked = Request::Press(
            place(input).as_path().into(),
            place(output).as_path().into(),
            encoding(limits),
        );
        let Answer::Ready(isolation, _) = peer.ask(&asked, &mut |_| {})? else {
            return Err(peer.senseless());
        };
        Ok(Box::new(WorkerPress { peer, isolation, _workers: self.clone() }))
    }

    fn filter(
        &self,
        input: &Path,
        output: &Path,
        how: &Filtering<'_>,
        cancel: &Cancel,
    ) -> Result<(), InspectError> {
        let (mut peer, _) = self.begin(input, how.limits, cancel)?;
        peer.deadline = Instant::now() + WORK;
        let asked = Request::Filter(
            place(input).as_path().into(),
            place(output).as_path().into(),
            encoding(how.limits),
            how.into(),
        );
        match peer.ask(&asked, &mut |_| {})? {
            Answer::Done => Ok(()),
            _ => Err(peer.senseless()),
        }
    }
}

/// A clip that a worker makes anew.
struct WorkerPress {
    peer: Peer,
    isolation: Isolation,
    /// Where it came from, which must outlive it.
    _workers: Sandbox,
}

impl WorkerPress {
    /// Asks, and has `answer` see to each answer until it has the last: it is given the line to
    /// read what follows, and to write what is asked for.
    fn talk<T>(
        &mut self,
        request: &Request,
        mut answer: impl FnMut(Answer, &mut Patience<'_>, &Limits) -> Result<Option<T>, Broken>,
    ) -> Result<T, StampError> {
        let (cancel, deadline, limits) =
            (self.peer.cancel.clone(), self.peer.deadline, self.peer.limits);
        let Some(worker) = &mut self.peer.worker else { return Err(self.peer.senseless().into()) };
        let mut line = Patience { stream: &worker.stream, cancel: &cancel, deadline };
        let mut talk = || -> Result<T, Broken> {
            line.ready()?;
            send(&mut line, request)?;
            loop {
                let told = receive(&mut line, ANSWER)?;
                if let Some(done) = answer(told, &mut line, &limits)? {
                    return Ok(done);
                }
            }
        };
        let talked = talk();
        talked.map_err(|e| match e {
            Broken::Line(e) => self.peer.broken(&e).into(),
            Broken::Failed(failure) => failure.into_error(&self.peer.path, &limits).into(),
            Broken::Senseless => self.peer.senseless().into(),
            Broken::Marks(e) => e,
        })
    }
}

/// Why there is no last answer.
enum Broken {
    Line(io::Error),
    Failed(Failure),
    Senseless,
    Marks(StampError),
}

impl From<io::Error> for Broken {
    fn from(e: io::Error) -> Self {
        Self::Line(e)
    }
}

impl Press for WorkerPress {
    fn beginning(&mut self, seconds: f64, rate: f64, take: Take<'_>) -> Result<(), InspectError> {
        let mut planes = Planes::default();
        let shown =
            self.talk(&Request::Beginning(seconds, rate), |told, line, limits| match told {
                Answer::Seen(plan, time, coding)
                    if plan.is_possible(limits.pixels) && time.is_finite() =>
                {
                    planes.read(plan, line)?;
                    take(&mut planes, time, coding);
                    Ok(None)
                }
                Answer::Done => Ok(Some(())),
                Answer::Failed(failure) => Err(Broken::Failed(failure)),
                _ => Err(Broken::Senseless),
            });
        shown.map_err(looked)
    }

    fn transcode(
        &mut self,
        order: &Order<'_>,
        marks: &mut dyn Marks,
    ) -> Result<(Summary, Option<Stills>), StampError> {
        let ordered = Ordered {
            target: order.target.into(),
            container: order.container,
            encode: order.encode.clone(),
            seconds: order.seconds,
            stills: order.stills,
        };
        let mut planes = Planes::default();
        let mut tracks: Vec<Option<Box<dyn Rework>>> = Vec::new();
        let mut samples = Vec::new();
        self.talk(&Request::Transcode(Box::new(ordered)), |told, line, limits| {
            match told {
                Answer::Picture(plan, time)
                    if plan.is_possible(limits.pixels) && time.is_finite() =>
                {
                    planes.read(plan, line)?;
                    marks.frame(&mut planes, time).map_err(Broken::Marks)?;
                    samples.clear();
                    planes.save(&mut samples);
                    line.write_all(&samples)?;
                }
                Answer::Track(info) if tracks.len() < limits.streams as usize => {
                    let track = marks.track(&info);
                    send(line, &Request::Track(track.is_some()))?;
                    tracks.push(track);
                }
                Answer::Samples(track, bytes, last) => {
                    let Some(Some(rework)) = tracks.get_mut(track) else {
                        return Err(Broken::Senseless);
                    };
                    let mut out = Vec::new();
                    rework.push(&unpacked(&bytes), &mut out);
                    if last {
                        rework.finish(&mut out);
                    }
                    send(line, &Request::Samples(packed(&out)))?;
                }
                Answer::Progress(frames, seconds, total) => {
                    marks.progress(Progress { frames, seconds, total })
                }
                Answer::Pressed(pressed) => {
                    return written(*pressed).map(Some).ok_or(Broken::Senseless);
                }
                Answer::Failed(failure) => return Err(Broken::Failed(failure)),
                _ => return Err(Broken::Senseless),
            }
            Ok(None)
        })
    }

    fn heard(&mut self) -> Result<Option<AudioFingerprint>, InspectError> {
        match self.peer.ask(&Request::Heard, &mut |_| {})? {
            Answer::Heard(None) => Ok(None),
            Answer::Heard(Some(bytes)) => {
                AudioFingerprint::from_bytes(&bytes).map(Some).ok_or_else(|| self.peer.senseless())
            }
            _ => Err(self.peer.senseless()),
        }
    }

    fn isolation(&self) -> Isolation {
        self.isolation
    }
}

fn written(p: Pressed) -> Option<(Summary, Option<Stills>)> {
    let codec = match p.codec {
        None => None,
        Some(name) => Some(VideoCodec::named(&name)?),
    };
    let stills = match p.stills {
        None => None,
        Some(bytes) => Some(Stills::from_bytes(&bytes)?),
    };
    p.seconds.is_finite().then_some((
        Summary {
            info: p.info,
            frames: p.frames,
            seconds: p.seconds,
            codec,
            tracks: p.tracks,
            left_out: p.left_out,
        },
        stills,
    ))
}

/// The same error where nothing is marked.
fn looked(e: StampError) -> InspectError {
    match e {
        StampError::Media(e) => e.into(),
        StampError::Provenance(e) => e.into(),
        StampError::Worker(e) => e.into(),
        other => SandboxError::Start { reason: io::Error::other(other.to_string()) }.into(),
    }
}
