//! How far the mark of a clip has come that is encoded in pieces, in a file between one call and the
//! next.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use proofmark::draft::Draft;
use proofmark::stamp::{Remember, StampOptions};
use proofmark::video::MarkerState;
use proofmark::{KeyId, KeyRing, Payload, Stamped};
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "proofmark.mark-state/1";

/// What stands in the file. It tells nothing of the key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    schema: String,
    payload: Payload,
    key: KeyId,
    strength: String,
    /// Pieces so far.
    pieces: u64,
    marker: MarkerState,
}

/// The file that `--mark-state` names.
pub(crate) struct MarkStateFile {
    path: PathBuf,
    /// What the piece before left there.
    before: Option<Kept>,
}

impl MarkStateFile {
    /// Reads what the piece before left; without a file, this is the first one.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let shown = path.display();
        let before = match fs::read(path) {
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => {
                return Err(e)
                    .with_context(|| format!("{shown}: cannot be read; check its permissions"));
            }
            Ok(bytes) => {
                let kept: Option<Kept> = serde_json::from_slice(&bytes).ok();
                let kept = kept.filter(|k| k.schema == SCHEMA);
                let none = || {
                    anyhow!(
                        "{shown}: is no state of a mark; name the file that the piece before \
                        wrote, or one that is not there yet for the first piece"
                    )
                };
                Some(kept.ok_or_else(none)?)
            }
        };
        // One that cannot be written is known before the work.
        let draft = Draft::beside(path);
        draft.with_context(|| format!("{shown}: cannot be written; check its folder"))?;
        Ok(Self { path: path.into(), before })
    }

    /// Has the piece go on from there: with the same number, key and strength. The registry knows
    /// the clip from its first piece, and the manifest is that of the finished file.
    pub(crate) fn apply(&self, ring: &KeyRing, options: &mut StampOptions) -> Result<KeyRing> {
        // Sound is not cut where pieces meet.
        options.mark_sound = false;
        let Some(before) = &self.before else { return Ok(ring.clone()) };
        let shown = self.path.display();
        if let Some(asked) = options.payload.filter(|p| *p != before.payload) {
            bail!(
                "{shown}: is of the clip {}, not of {asked}; leave --payload out, or \
                begin a clip with another file",
                before.payload
            );
        }
        options.payload = Some(before.payload);
        options.strength = before.strength.parse().with_context(|| format!("{shown}: damaged"))?;
        options.continues = Some(before.marker.clone());
        options.remember = Remember::Nowhere;
        options.identity = None;
        let ring = ring.clone().stamping_with(&before.key);
        ring.with_context(|| {
            format!("{shown}: the clip is marked with key {}, which is not here", before.key)
        })
    }

    /// Writes how far the piece has come.
    pub(crate) fn write(&self, options: &StampOptions, stamped: &Stamped) -> Result<()> {
        let shown = self.path.display();
        let Some(marker) = stamped.state.clone() else {
            bail!("{shown}: there was no picture, so that there is no state of its mark");
        };
        let kept = Kept {
            schema: SCHEMA.into(),
            payload: stamped.payload,
            key: stamped.key.clone(),
            strength: options.strength.to_string(),
            pieces: self.before.as_ref().map_or(0, |b| b.pieces) + 1,
            marker,
        };
        let text = serde_json::to_string(&kept)?;
        let written = Draft::beside(&self.path).and_then(|mut draft| {
            draft.file().write_all(text.as_bytes())?;
            draft.publish(true)
        });
        written.with_context(|| format!("{shown}: cannot be written; check its folder"))
    }
}
