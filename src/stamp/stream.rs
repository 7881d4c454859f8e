//! Stamping on the way through a pipe: nothing is kept but what the marks need, and the manifest,
//! which speaks of bytes that have gone, is kept beside them.
//!
//! The last bytes are held back until everybody who is to know of the clip does: so no crash leaves
//! a whole clip in the world that the registry does not know, as with files, and whoever closes the
//! pipe before has a clip without its end, of which nobody knows. What lies in the pipe's own
//! buffer counts as taken.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ring::digest;

use super::announce::Announced;
use super::label;
use super::likeness::{Likeness, Record, looks};
use super::marking::{AudioMarkers, ClipMarker, Pass, payload_beside};
use super::targets::{check, draft, draft_of, publish};
use super::{Control, Remember, StampError, StampOptions, Stamped, Stamper};
use crate::draft::Draft;
use crate::isolation::Isolation;
use crate::mark::{Generation, Mark};
use crate::media::{
    self, AudioInfo, Cancel, Container, Inlet, Job, MediaError, Outlet, StillMaker, Summary,
};
use crate::provenance::{self, Bound, Sent, Signed, Traces};
use crate::registry::Content;
use crate::video::MarkerState;

/// Names of the two ends in messages.
const NAMES: [&str; 2] = ["standard input", "standard output"];
/// Bytes that are held back: an end that no reader can do without, and no more memory than libav's
/// own buffer.
const HELD: usize = 1 << 16;

/// How to stamp a stream.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct StreamOptions {
    /// What to write, of [`Container::Y4m`], [`Container::Wav`] and [`Container::Fragments`]; by
    /// default Y4M stays what it is, sound alone becomes WAV, and anything else fragments of MP4.
    pub container: Option<Container>,
    /// Where the manifest goes. Without, the registry alone keeps it.
    pub sidecar: Option<PathBuf>,
}

/// What went by.
struct Passed {
    mark: Mark,
    content: Content,
    container: Container,
    summary: Summary,
    capacity: Option<crate::video::Capacity>,
    likeness: Likeness,
    state: Option<MarkerState>,
    sound: Vec<Result<crate::audio::Capacity, crate::audio::AudioError>>,
}

impl Passed {
    /// What the manifest binds the clip to.
    fn bound(&self) -> Bound {
        let marked = self.capacity.is_some()
            || self.sound.iter().flatten().any(crate::audio::Capacity::is_marked);
        self.likeness.bound(self.mark.payload, marked, Some(self.summary.seconds))
    }
}

/// Stamps what comes through `from` and passes it on to `to`.
pub(super) fn stamp(
    stamper: &Stamper,
    from: Inlet,
    to: Outlet,
    stream: &StreamOptions,
    mut control: Control<'_>,
) -> Result<Stamped, StampError> {
    let Stamper { ring, options } = stamper;
    let key = ring.stamping();
    refuse(options, stream)?;
    if let Some(sidecar) = &stream.sidecar {
        check(sidecar, options.overwrite)?;
        // One that cannot be written is known before the work.
        drop(draft(sidecar)?);
    }
    let tail = Tail::new(to);
    let passed = pass(stamper, from, &tail, stream, &mut control)?;
    let bound = passed.bound();
    let Passed { mark, content, container, summary, capacity, likeness, state, sound } = passed;
    let signed = sign(content, container, &bound, options)?;
    let sidecar = match (&signed, &stream.sidecar) {
        (Some(signed), Some(path)) => Some(draft_of(path, &signed.store)?),
        _ => None,
    };
    let record =
        Record { container, bound: &bound, signed: signed.as_ref(), likeness: &likeness, options };
    let announced = match &options.remember {
        Remember::Registry(registry) => {
            let entry = record.of_content(content);
            Some((Announced::new(registry.as_ref(), &entry, options.overwrite)?, registry))
        }
        Remember::Nowhere | Remember::File => None,
    };
    if let Err(e) = release(&tail, sidecar, stream, options.overwrite, &control.cancel) {
        announced.iter().for_each(|(announced, _)| announced.withdraw());
        return Err(e);
    }
    Ok(Stamped {
        payload: mark.payload,
        generation: mark.generation,
        key: key.id().clone(),
        manifest: signed.as_ref().and(stream.sidecar.clone()),
        label: signed.as_ref().map(|s| s.label.clone()),
        parent: None,
        summary,
        capacity,
        sound,
        state,
        remembered: announced.map(|(_, registry)| registry.location().to_string()),
        unconfirmed: None,
        isolation: Isolation::default(),
    })
}

/// Passes frames and sound on, marked, all but the last bytes.
fn pass(
    stamper: &Stamper,
    from: Inlet,
    tail: &Tail,
    stream: &StreamOptions,
    control: &mut Control<'_>,
) -> Result<Passed, StampError> {
    let Stamper { ring, options } = stamper;
    let key = ring.stamping();
    let (input, output) = (from.name().to_path_buf(), Path::new(NAMES[1]));
    let payload = options.payload.unwrap_or_else(|| payload_beside(None));
    let mark = Mark { payload, generation: Generation::FIRST };
    let traced = Arc::new(AtomicBool::new(false));
    let from = if options.identity.is_some() { watched(from, &traced) } else { from };
    let marker =
        ClipMarker::new(&input, key, mark, options.strength).continuing(options.continues.as_ref());
    let mut pass = Pass::new(marker, None);
    let mut stills = options.keeps_stills().then(StillMaker::default);
    let mut sounds = AudioMarkers::new(key, payload, options.mark_sound).recorded();
    let mut rework = |info: &AudioInfo| sounds.track(info);
    let encode = label::on(&options.encode, options, payload);
    let job = Job {
        target: output,
        options: &encode,
        seconds: None,
        limits: &options.limits,
        rework: &mut rework,
        cancel: &control.cancel,
        progress: &mut control.progress,
    };
    let passed =
        media::transcode_stream(from, tail.clone(), stream.container, job, |picture, time| {
            pass.frame(picture, time)?;
            if let Some(stills) = &mut stills {
                stills.push(picture, time);
            }
            Ok(())
        });
    // What libav still holds is its own after an error, and is not to follow what was sent.
    let content = tail.end();
    untraced(&traced)?;
    let (summary, container) = passed.map_err(|e| match e {
        _ if tail.is_closed() => MediaError::Closed { path: output.into() }.into(),
        StampError::Media(MediaError::Write { .. }) if control.cancel.is_cancelled() => {
            MediaError::Cancelled { path: input.clone() }.into()
        }
        e => e,
    })?;
    let (capacity, sketch, state) = pass.finish();
    let capacity = summary.codec.is_some().then_some(capacity);
    let likeness = Likeness {
        video: looks(&sketch),
        stills: stills.and_then(StillMaker::finish),
        audio: sounds.heard(),
    };
    let sound = sounds.finish();
    Ok(Passed { mark, content, container, summary, capacity, likeness, state, sound })
}

/// Signs what went by, if somebody is to sign.
fn sign(
    content: Content,
    container: Container,
    bound: &Bound,
    options: &StampOptions,
) -> Result<Option<Signed>, StampError> {
    let Some(identity) = &options.identity else { return Ok(None) };
    let name = Path::new(NAMES[0]);
    let sent = Sent { content: content.as_bytes(), container, name };
    Ok(Some(provenance::sign_stream(&sent, bound, identity, &options.manifest)?))
}

/// Sends the last bytes, once the manifest lies where it is to lie.
fn release(
    tail: &Tail,
    sidecar: Option<Draft>,
    stream: &StreamOptions,
    overwrite: bool,
    cancel: &Cancel,
) -> Result<(), StampError> {
    let [input, output] = NAMES.map(PathBuf::from);
    if cancel.is_cancelled() {
        return Err(MediaError::Cancelled { path: input }.into());
    }
    // It goes first, as that of a file does.
    if let Some(file) = sidecar {
        publish(file, overwrite)?;
    }
    tail.release().map_err(|e| {
        if let Some(path) = &stream.sidecar {
            let _ = std::fs::remove_file(path);
        }
        StampError::from(if cancel.is_cancelled() {
            MediaError::Cancelled { path: input }
        } else if e.kind() == io::ErrorKind::BrokenPipe {
            MediaError::Closed { path: output }
        } else {
            MediaError::Write { path: output, reason: e.to_string() }
        })
    })
}

/// Ends the stream where a trace of provenance goes by: a manifest that said that the clip was
/// created here would be untrue.
pub(super) fn watched(from: Inlet, traced: &Arc<AtomicBool>) -> Inlet {
    from.watched(|| {
        let (mut traces, traced) = (Traces::default(), traced.clone());
        move |piece: &[u8]| {
            let found = traces.in_piece(piece);
            traced.fetch_or(found, Ordering::Relaxed);
            !found
        }
    })
}

/// An error if a trace went by.
pub(super) fn untraced(traced: &AtomicBool) -> Result<(), StampError> {
    if !traced.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(StampError::Stream {
        what: "the stream carries a manifest, or says where one is kept, so it was not created \
            here; stamp it as a file, which keeps what it says, or say --no-c2pa",
    })
}

/// Refuses what cannot be done to a stream.
fn refuse(options: &StampOptions, stream: &StreamOptions) -> Result<(), StampError> {
    let what = match (&options.remember, &stream.sidecar) {
        _ if options.check => {
            "a stream has gone by before it could be read back; leave out --check, and run \
            'proofmark detect' on what becomes of it"
        }
        (Remember::File, _) => {
            "a stream has no place beside it for a registration; leave out --register later, and \
            give --sidecar for its manifest"
        }
        (Remember::Nowhere, None) if options.identity.is_some() => {
            "a manifest cannot be put into a stream that has been sent, and no registry is to \
            keep it; name a file for it with --sidecar, or say --no-c2pa"
        }
        _ => return Ok(()),
    };
    Err(StampError::Stream { what })
}

/// The end of a stream on its way out: hashes everything, and holds the last bytes back.
#[derive(Clone)]
struct Tail(Arc<Mutex<Way>>);

struct Way {
    outlet: Outlet,
    digest: digest::Context,
    held: Vec<u8>,
    ended: bool,
    closed: bool,
}

impl Tail {
    fn new(outlet: Outlet) -> Self {
        Self(Arc::new(Mutex::new(Way {
            outlet,
            digest: digest::Context::new(&digest::SHA256),
            held: Vec::with_capacity(4 * HELD),
            ended: false,
            closed: false,
        })))
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes nothing more, and tells the digest of all there was.
    fn end(&self) -> Content {
        let mut way = self.way();
        way.ended = true;
        let mut digest = [0; 32];
        digest.copy_from_slice(way.digest.clone().finish().as_ref());
        digest.into()
    }

    /// Whether whoever read it has gone.
    fn is_closed(&self) -> bool {
        self.way().closed
    }

    /// Sends what was held back.
    fn release(&self) -> io::Result<()> {
        let mut way = self.way();
        let held = std::mem::take(&mut way.held);
        way.outlet.write_all(&held)
    }
}

impl Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut way = self.way();
        if way.ended {
            return Ok(bytes.len());
        }
        way.digest.update(bytes);
        way.held.extend_from_slice(bytes);
        if way.held.len() >= 2 * HELD {
            let over = way.held.len() - HELD;
            let Way { outlet, held, closed, .. } = &mut *way;
            outlet
                .write_all(&held[..over])
                .inspect_err(|e| *closed = e.kind() == io::ErrorKind::BrokenPipe)?;
            held.drain(..over);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
