//! Looking at files in this process itself.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{
    Audience, Decodes, Decoding, InspectError, Inspection, Inspector, Showing, Shown, inspection,
};
use crate::detect::Projector;
use crate::media::{
    self, Cancel, Kind, Limits, MediaError, Progress, Reader, Still, Text, frame_at,
};
use crate::provenance::{self, ManifestReport, Segmented, Trust};

/// This process itself: quickest, and open to whatever a file does to a decoder.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

impl Decodes for InProcess {
    fn decode(
        &self,
        path: &Path,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Box<dyn Decoding>, InspectError> {
        let mut decoding = OwnDecoding {
            path: path.into(),
            limits: *limits,
            cancel: cancel.clone(),
            seconds: None,
            unseen: None,
        };
        // Media first: what is no media at all is told so, in libav's careful reading, before
        // another parser sees it.
        match Reader::open(path, limits) {
            Ok(reader) => decoding.seconds = reader.info().seconds,
            // Sound alone can be marked too.
            Err(MediaError::NoVideo { .. }) => {}
            Err(e @ (MediaError::Decode { .. } | MediaError::NotMedia { .. })) => {
                decoding.unseen = Some(of_its_kind(path).unwrap_or(e));
            }
            Err(e @ MediaError::Unsupported { kind, .. }) if kind.may_have_manifest() => {
                decoding.unseen = Some(e);
            }
            Err(e) => return Err(e.into()),
        }
        Ok(Box::new(decoding))
    }
}

/// What is to be said of a file that libav could not read, where that is for its kind.
fn of_its_kind(path: &Path) -> Option<MediaError> {
    let kind = Kind::of_unread(File::open(path).ok()?)?;
    Some(MediaError::Unsupported { path: path.into(), kind })
}

struct OwnDecoding {
    path: PathBuf,
    limits: Limits,
    cancel: Cancel,
    /// How long it is, as far as its header says.
    seconds: Option<f64>,
    /// Why neither picture nor sound can be looked at, if that is known already.
    unseen: Option<MediaError>,
}

impl Decoding for OwnDecoding {
    fn manifest(&mut self, trust: &Trust) -> Result<Option<ManifestReport>, InspectError> {
        Ok(provenance::read(&self.path, trust, &self.limits)?)
    }

    fn reference(&mut self) -> Result<Option<String>, InspectError> {
        Ok(provenance::reference(&self.path)?)
    }

    fn texts(&mut self) -> Result<Option<Vec<Text>>, InspectError> {
        Ok(Some(media::texts(&self.path, &self.limits)?))
    }

    fn fetched(
        &mut self,
        address: &str,
        store: &[u8],
        trust: &Trust,
    ) -> Result<ManifestReport, InspectError> {
        Ok(provenance::read_fetched(&self.path, (address, store), trust, &self.limits)?)
    }

    fn segments(
        &mut self,
        lengths: &[u64],
        trust: &Trust,
    ) -> Result<Option<Segmented>, InspectError> {
        Ok(provenance::read_segments(&self.path, lengths, trust, &self.limits)?)
    }

    fn show(
        &mut self,
        rate: f64,
        what: Showing,
        audience: &mut Audience<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Shown, InspectError> {
        match self.unseen.take() {
            Some(e) => Err(e.into()),
            None => {
                let Self { path, limits, cancel, .. } = &*self;
                let shown = Projector { path, rate, limits, cancel }.show(what, audience, progress);
                Ok(shown.map_err(|e| match e {
                    MediaError::Decode { .. } => of_its_kind(path).unwrap_or(e),
                    e => e,
                })?)
            }
        }
    }

    fn frame(&mut self, seconds: f64) -> Result<Still, InspectError> {
        Ok(frame_at(&self.path, seconds, &self.limits, &self.cancel)?)
    }

    fn seconds(&self) -> Option<f64> {
        self.seconds
    }
}

impl Inspector for InProcess {
    fn open(
        &self,
        path: &Path,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Box<dyn Inspection>, InspectError> {
        Ok(inspection(self.decode(path, limits, cancel)?))
    }
}
