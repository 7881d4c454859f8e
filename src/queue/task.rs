//! What a job is asked to do.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Place;
use crate::payload::Payload;

/// What is to be done, with all options: whatever it leaves open, the worker's own configuration
/// says. It is kept as JSON, and a worker that does not know an option refuses the job rather than
/// leaving it out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Task {
    /// Where does a file come from?
    Verify(LookTask),
    /// Is there a mark in it?
    Detect(LookTask),
    /// Mark and sign a clip.
    Stamp(Box<StampTask>),
}

impl Task {
    /// The verb, as people type it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Verify(_) => "verify",
            Self::Detect(_) => "detect",
            Self::Stamp(_) => "stamp",
        }
    }

    /// What it works on.
    #[must_use]
    pub fn file(&self) -> &Place {
        match self {
            Self::Verify(t) | Self::Detect(t) => &t.file,
            Self::Stamp(t) => &t.file,
        }
    }

    /// Draws what must not be drawn anew each time that the job is begun: a stamped clip's number.
    pub(super) fn settle(&mut self) {
        if let Self::Stamp(t) = self {
            t.drawn = t.payload.is_none();
            t.payload.get_or_insert_with(Payload::random);
        }
    }
}

/// What is to be looked at, and for what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LookTask {
    /// The file.
    pub file: Place,
    /// Confirm this payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Payload>,
    /// Look only where an uncropped, unturned clip has its mark.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_search: bool,
}

impl LookTask {
    /// With nothing but the file.
    #[must_use]
    pub fn new(file: Place) -> Self {
        Self { file, expect: None, no_search: false }
    }
}

/// What is to be stamped, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct StampTask {
    /// The clip.
    pub file: Place,
    /// Where the stamped one appears.
    pub target: Place,
    /// The number to carry; drawn when the job is submitted, if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// Whether it was drawn: nobody else has it then.
    #[serde(default, skip_serializing_if = "is_false")]
    pub drawn: bool,
    /// Replace what is at the target.
    #[serde(default, skip_serializing_if = "is_false")]
    pub force: bool,
    /// Strength of the mark, as people write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strength: Option<String>,
    /// Read the finished file back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub check: bool,
    /// Copy the sound as it is.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_audio_mark: bool,
    /// Write no manifest.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_c2pa: bool,
    /// Keep it out of the registry.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_register: bool,
    /// Title in the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Words for finding it again in the registry.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// Codec of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_codec: Option<String>,
    /// Constant quality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crf: Option<f32>,
    /// Bits per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bitrate: Option<u64>,
    /// Speed preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
}

impl StampTask {
    /// With nothing but the clip and its target.
    #[must_use]
    pub fn new(file: Place, target: Place) -> Self {
        Self {
            file,
            target,
            payload: None,
            drawn: false,
            force: false,
            strength: None,
            check: false,
            no_audio_mark: false,
            no_c2pa: false,
            no_register: false,
            title: None,
            labels: BTreeSet::new(),
            video_codec: None,
            crf: None,
            bitrate: None,
            preset: None,
        }
    }
}

fn is_false(b: &bool) -> bool {
    !b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_travel_as_json_and_unknown_options_are_refused() {
        let mut task = Task::Stamp(Box::new(StampTask::new(
            "/in.mp4".parse().unwrap(),
            "s3://clips/out.mp4".parse().unwrap(),
        )));
        task.settle();
        let text = serde_json::to_string(&task).unwrap();
        assert_eq!(serde_json::from_str::<Task>(&text).unwrap(), task);
        assert_eq!(
            serde_json::from_str::<Task>(r#"{"verb":"verify","file":"/a"}"#).unwrap(),
            Task::Verify(LookTask::new("/a".parse().unwrap()))
        );
        for wrong in [
            r#"{"verb":"verify","file":"/a","zoom":2}"#,
            r#"{"verb":"paint","file":"/a"}"#,
            r#"{"verb":"detect"}"#,
        ] {
            assert!(serde_json::from_str::<Task>(wrong).is_err(), "{wrong}");
        }
    }
}
