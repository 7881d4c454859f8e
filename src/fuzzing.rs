//! What fuzzing reaches of this crate beside its interface; no interface for anything else.

use std::collections::BTreeSet;
use std::path::Path;

use crate::detect::Detected;
use crate::fingerprint::{AudioQuery, Query};
use crate::key::KeyRing;
use crate::media::{Container, Limits, MediaError};
use crate::provenance::DEFAULT_ALGORITHM;
use crate::sandbox;
use crate::verdict::{Findings, judge};

/// Does with a worker's answer what `verify` would do: whether it is believed.
#[must_use]
pub fn answer(message: &[u8], ring: &KeyRing) -> bool {
    let Some(believed) = sandbox::believed(message, ring) else { return false };
    if let Some(found) = believed {
        // Queries are what the registry is asked with.
        let _ = (
            found.sketch.as_ref().map(Query::new),
            found.recording.as_ref().and_then(AudioQuery::new),
        );
        let own = BTreeSet::new();
        let findings = Findings {
            manifest: None,
            segments: None,
            elsewhere: None,
            unfetched: None,
            declarations: &[],
            detected: Some(&found),
            unseen: None,
            registered: &[],
            similar: &[],
            asked: true,
            own: &own,
        };
        let _ = judge(findings, DEFAULT_ALGORITHM);
    }
    true
}

/// Does with a still what `stamp` does: carries what lies beside its picture over into a finished
/// one.
///
/// # Errors
/// As `stamp`'s.
pub fn carry_over(
    input: &Path,
    still: &Path,
    container: Container,
    limits: &Limits,
) -> Result<Vec<String>, MediaError> {
    let file = crate::media::Carrying { input, still, target: still, container, aigc: None };
    crate::media::carry_over(&file, limits)
}

/// The answer that a worker which found this sends, as [`answer`] takes it.
#[must_use]
pub fn answer_of(found: Detected) -> Vec<u8> {
    sandbox::told(found)
}

/// Does with what one worker shows the other what that does: whether it makes sense to its end. The
/// first byte says whether it is picture (even) or sound.
#[must_use]
pub fn shown(message: &[u8], ring: &KeyRing, limits: &Limits) -> bool {
    message
        .split_first()
        .is_some_and(|(kind, stream)| sandbox::heard(stream, kind.is_multiple_of(2), ring, limits))
}

/// What a worker shows of a file, picture and sound, as [`shown`] takes it.
///
/// # Errors
/// If the file cannot be decoded.
pub fn shown_of(path: &Path, ring: &KeyRing, limits: &Limits) -> Result<[Vec<u8>; 2], MediaError> {
    let mut kind = 0;
    Ok(sandbox::said(path, ring, limits)?.map(|stream| {
        let message = [&[kind][..], &stream].concat();
        kind += 1;
        message
    }))
}
