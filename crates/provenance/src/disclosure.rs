//! What a manifest says of AI, and of what may be done with the clip.

use c2pa::Manifest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the assertion on AI says (C2PA 2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure {
    /// The kind of model, in the C2PA's words.
    pub model_type: Option<String>,
    /// The model's name.
    pub model: Option<String>,
    /// Where it is found, or its number.
    pub identifier: Option<String>,
    /// How far people had a hand in the clip: `fully_autonomous`, `prompt_guided` or
    /// `human_validated`.
    pub oversight: Option<String>,
}

/// Whether a clip may be taken for one use (CAWG 1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The use, such as `cawg.ai_training`.
    pub entry: String,
    /// `allowed`, `notAllowed` or `constrained`.
    #[serde(rename = "use")]
    pub permission: String,
    /// The conditions, if there are any.
    pub constraint: Option<String>,
}

/// The assertion on AI, if there is one.
pub(super) fn disclosure(manifest: &Manifest) -> Option<Disclosure> {
    let told = assertion(manifest, &["c2pa.ai-disclosure"])?;
    Some(Disclosure {
        model_type: text(told, "/modelType"),
        model: text(told, "/modelName"),
        identifier: text(told, "/modelIdentifier"),
        oversight: text(told, "/contentProfile/humanOversightLevel"),
    })
}

/// What may be done with the clip.
pub(super) fn uses(manifest: &Manifest) -> Vec<Use> {
    let told = assertion(manifest, &["cawg.training-mining", "c2pa.training-mining"]);
    // Some leave out the list that they belong in.
    let entries = told.and_then(|told| told.get("entries").unwrap_or(told).as_object());
    entries
        .into_iter()
        .flatten()
        .filter_map(|(entry, said)| {
            Some(Use {
                entry: entry.clone(),
                permission: text(said, "/use")?,
                constraint: text(said, "/constraint_info"),
            })
        })
        .collect()
}

/// The first assertion under one of these labels.
fn assertion<'a>(manifest: &'a Manifest, labels: &[&str]) -> Option<&'a Value> {
    manifest.assertions().iter().find(|a| labels.contains(&a.label()))?.value().ok()
}

/// The text at a place in what an assertion says.
pub(super) fn text(value: &Value, place: &str) -> Option<String> {
    value.pointer(place).and_then(Value::as_str).map(str::to_string)
}
