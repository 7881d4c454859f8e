//! What a manifest says of a clip: what was done, by which model, with whose oversight, and what
//! may be done with it.

use std::fmt;
use std::io::Cursor;
use std::str::FromStr;

use c2pa::{Builder, Ingredient};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::parent;
use super::{Bound, ManifestOptions, Origin};

/// The version of the C2PA's specification that our manifests are written by.
const SPECIFICATION: &str = "2.4.0";
/// Label of the assertion on AI (C2PA 2.4).
const AI_DISCLOSURE: &str = "c2pa.ai-disclosure";
/// Label of the assertion on training and mining (CAWG 1.1).
const TRAINING_MINING: &str = "cawg.training-mining";
/// Label of the assertion with further metadata (CAWG 1.1).
const METADATA: &str = "cawg.metadata";
/// The ids of what a clip was generated from, among its ingredients.
const MODEL: &str = "model";
const PROMPT: &str = "prompt";

/// The model that generated a clip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Where it is found: an address, or a number of its maker's.
    pub id: Option<String>,
}

/// How far people had a hand in a clip, in the words of C2PA 2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oversight {
    /// Nobody looked at what the model made.
    FullyAutonomous,
    /// A person gave the prompt, and nobody approved what came of it.
    PromptGuided,
    /// A person looked at it and approved it.
    HumanValidated,
}

impl Oversight {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::FullyAutonomous, Self::PromptGuided, Self::HumanValidated];

    /// Its word in the specification.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::FullyAutonomous => "fully_autonomous",
            Self::PromptGuided => "prompt_guided",
            Self::HumanValidated => "human_validated",
        }
    }
}

impl FromStr for Oversight {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|level| level.word() == text)
            .ok_or_else(|| format!("it is {}", Self::ALL.map(Self::word).join(", ")))
    }
}

/// Whether a clip may be taken for mining data and for training models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrainingMining {
    /// It may.
    Allowed,
    /// It may not.
    NotAllowed,
    /// It may under these conditions.
    Constrained(String),
}

impl FromStr for TrainingMining {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "allowed" => Ok(Self::Allowed),
            None if text == "notAllowed" => Ok(Self::NotAllowed),
            Some(("constrained", conditions)) if !conditions.trim().is_empty() => {
                Ok(Self::Constrained(conditions.trim().into()))
            }
            _ => Err("it is allowed, notAllowed, or constrained:CONDITIONS".into()),
        }
    }
}

impl fmt::Display for TrainingMining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowed => f.write_str("allowed"),
            Self::NotAllowed => f.write_str("notAllowed"),
            Self::Constrained(conditions) => write!(f, "constrained:{conditions}"),
        }
    }
}

impl TrainingMining {
    /// The assertion: the same of each use that it knows.
    fn assertion(&self) -> Value {
        let word = match self {
            Self::Allowed => json!({"use": "allowed"}),
            Self::NotAllowed => json!({"use": "notAllowed"}),
            Self::Constrained(conditions) => {
                json!({"use": "constrained", "constraint_info": conditions})
            }
        };
        let uses = ["data_mining", "ai_inference", "ai_generative_training", "ai_training"];
        let entries = uses.map(|entry| (format!("cawg.{entry}"), word.clone()));
        json!({"entries": entries.into_iter().collect::<serde_json::Map<_, _>>()})
    }
}

/// Who makes the claim, where a definition does not say.
pub(super) fn claim_generator() -> Value {
    json!([{
        "name": "Proofmark",
        "version": env!("CARGO_PKG_VERSION"),
        "operating_system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "specVersion": SPECIFICATION,
    }])
}

/// Says what a clip was generated from, and what may be done with it.
pub(super) fn disclose(builder: &mut Builder, options: &ManifestOptions) -> c2pa::Result<()> {
    if let Some(model) = &options.model {
        builder.add_ingredient(of_model(model)?);
    }
    if let Some(prompt) = &options.prompt {
        builder.add_resource(PROMPT, Cursor::new(prompt.as_bytes()))?;
        let told = json!({
            "title": "prompt", "format": "text/plain", "relationship": "inputTo", "label": PROMPT,
            "data_types": [{"type": "c2pa.types.generator.prompt"}],
            "data": {"format": "text/plain", "identifier": PROMPT},
        });
        builder.add_ingredient(Ingredient::from_json(&told.to_string())?);
    }
    if options.model.is_some() || options.oversight.is_some() {
        builder.add_assertion(AI_DISCLOSURE, &disclosure(options))?;
    }
    if let Some(uses) = &options.training_mining {
        builder.add_assertion(TRAINING_MINING, &uses.assertion())?;
    }
    if let Some(metadata) = &options.metadata {
        builder.add_assertion_json(METADATA, metadata)?;
    }
    Ok(())
}

fn of_model(model: &Model) -> c2pa::Result<Ingredient> {
    let mut kind = json!({"type": "c2pa.types.model"});
    let mut told = json!({
        "title": model.name, "format": "application/octet-stream", "relationship": "inputTo",
        "label": MODEL,
    });
    if let Some(version) = &model.version {
        kind["version"] = json!(version);
        told["title"] = json!(format!("{} {version}", model.name));
    }
    if let Some(address) = model.id.as_deref().filter(|id| id.starts_with("https://")) {
        told["informational_URI"] = json!(address);
    }
    told["data_types"] = json!([kind]);
    Ingredient::from_json(&told.to_string())
}

fn disclosure(options: &ManifestOptions) -> Value {
    let mut told = json!({"modelType": "c2pa.types.model"});
    if let Some(model) = &options.model {
        told["modelName"] = json!(model.name);
        // The specification has no word for a version; with its name it is an identifier.
        let id = model
            .id
            .clone()
            .or_else(|| Some(format!("{} {}", model.name, model.version.as_ref()?)));
        if let Some(id) = id {
            told["modelIdentifier"] = json!(id);
        }
    }
    if let Some(oversight) = options.oversight {
        told["contentProfile"] = json!({"humanOversightLevel": oversight.word()});
    }
    told
}

/// What a definition says of actions.
pub(super) struct Said {
    /// The assertion, without its actions.
    assertion: Value,
    actions: Vec<Value>,
    /// Whether they begin with how the clip came to be.
    begin: bool,
}

impl Said {
    /// Takes it out of a builder; or what is wrong with it.
    pub(super) fn take(builder: &mut Builder, origin: Origin) -> Result<Self, String> {
        let assertions = &mut builder.definition.assertions;
        let is_actions = |label: &str| label.starts_with("c2pa.actions");
        let Some(at) = assertions.iter().position(|a| is_actions(&a.label)) else {
            return Ok(Self { assertion: json!({}), actions: Vec::new(), begin: false });
        };
        let found = assertions.remove(at).data;
        if assertions.iter().any(|a| is_actions(&a.label)) {
            return Err("it has several assertions of actions; make one of them".into());
        }
        let mut assertion = serde_json::to_value(found).map_err(|e| e.to_string())?;
        let Some(Value::Array(actions)) = assertion.get_mut("actions").map(Value::take) else {
            return Err("its assertion of actions has no list 'actions'".into());
        };
        let begin = begin(&actions, origin)?;
        Ok(Self { assertion, actions, begin })
    }
}

/// Whether actions begin with how the clip came to be, which may stand there alone, and not beside
/// a parent.
fn begin(actions: &[Value], origin: Origin) -> Result<bool, String> {
    let is_beginning = |a: &Value| a["action"] == "c2pa.created" || a["action"] == "c2pa.opened";
    let begun = actions.first().is_some_and(is_beginning);
    if actions.iter().skip(1).any(is_beginning) {
        return Err("c2pa.created or c2pa.opened can only be the first of its actions".into());
    }
    if begun && origin != Origin::New {
        return Err("the clip has a manifest, so that it was opened, which is ours to say; take \
            c2pa.created and c2pa.opened out"
            .into());
    }
    Ok(begun)
}

/// Says what was done to a clip, with what a definition says of that amid it. The signer vouches
/// for it.
pub(super) fn act(
    builder: &mut Builder,
    said: Said,
    origin: Origin,
    bound: &Bound,
    options: &ManifestOptions,
) -> c2pa::Result<()> {
    let when = now();
    let mut actions = Vec::new();
    actions.extend((!said.begin).then(|| beginning(origin, options, &when)));
    // Whether a definition names all that was done, only its author knows.
    let all = said.actions.is_empty();
    actions.extend(said.actions);
    if origin == Origin::Reencoded {
        let parameters = json!({"ingredientIds": [parent::ID]});
        let action = "c2pa.transcoded";
        actions.push(json!({"action": action, "when": when, "parameters": parameters}));
    }
    if bound.marked {
        actions.push(json!({"action": "c2pa.watermarked.bound", "when": when}));
    }
    let mut told = said.assertion;
    if told.get("allActionsIncluded").is_none() {
        told["allActionsIncluded"] = json!(all);
    }
    told["actions"] = json!(actions);
    let asserted = json!({"label": "c2pa.actions.v2", "created": true, "data": told});
    builder.definition.assertions.insert(0, serde_json::from_value(asserted)?);
    Ok(())
}

/// The first action: how a clip came to be.
fn beginning(origin: Origin, options: &ManifestOptions, when: &str) -> Value {
    let from = [options.model.as_ref().map(|_| MODEL), options.prompt.as_ref().map(|_| PROMPT)];
    let from: Vec<&str> = from.into_iter().flatten().collect();
    let mut first = json!({"action": "c2pa.created", "when": when});
    if origin == Origin::New {
        first["digitalSourceType"] = json!(options.digital_source_type);
        if !from.is_empty() {
            first["parameters"] = json!({"ingredientIds": from});
        }
    } else {
        // Of what was opened the parent alone is named (C2PA 2.4, section 18.15.4.7).
        first["action"] = json!("c2pa.opened");
        first["parameters"] = json!({"ingredientIds": [parent::ID]});
    }
    if let Some((name, version)) = &options.software_agent {
        first["softwareAgent"] = match version {
            Some(version) => json!({"name": name, "version": version}),
            None => json!({"name": name}),
        };
    }
    first
}

/// The time, to the second.
fn now() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_said_of_every_kind() {
        assert_eq!("notAllowed".parse(), Ok(TrainingMining::NotAllowed));
        let constrained: TrainingMining = "constrained: ask us".parse().unwrap();
        assert_eq!(constrained.to_string(), "constrained:ask us");
        let told = constrained.assertion();
        assert_eq!(told["entries"].as_object().map(serde_json::Map::len), Some(4));
        assert_eq!(told["entries"]["cawg.ai_training"]["constraint_info"], "ask us");
        for wrong in ["", "constrained", "constrained: ", "maybe", "allowed:x"] {
            assert!(wrong.parse::<TrainingMining>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_disclosure_says_what_is_known() {
        let oversight = Some(Oversight::PromptGuided);
        let mut options = ManifestOptions { oversight, ..ManifestOptions::default() };
        assert_eq!(
            disclosure(&options),
            json!({
                "modelType": "c2pa.types.model",
                "contentProfile": {"humanOversightLevel": "prompt_guided"},
            })
        );
        let version = Some("2".to_string());
        options.model = Some(Model { name: "Acme".into(), version, id: None });
        assert_eq!(disclosure(&options)["modelIdentifier"], "Acme 2");
    }

    #[test]
    fn a_definition_names_the_beginning_once_and_not_beside_a_parent() {
        let action = |name: &str| json!({"action": name});
        let [created, opened, cropped] =
            ["created", "opened", "cropped"].map(|name| action(&format!("c2pa.{name}")));
        let of = |actions: &[&Value], origin| {
            begin(&actions.iter().map(|a| (*a).clone()).collect::<Vec<_>>(), origin)
        };
        assert_eq!(of(&[], Origin::New), Ok(false));
        assert_eq!(of(&[&created, &cropped], Origin::New), Ok(true));
        assert_eq!(of(&[&cropped], Origin::Reencoded), Ok(false));
        assert!(of(&[&cropped, &created], Origin::New).is_err());
        assert!(of(&[&created, &opened], Origin::New).is_err());
        assert!(of(&[&created], Origin::Opened).is_err());
    }
}
