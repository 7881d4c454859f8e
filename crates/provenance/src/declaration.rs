//! What a file says of how it came to be, outside of any manifest and unsigned: IPTC's fields, the
//! label of GB 45438, and what image generators leave in their files. Anybody can write it and take
//! it out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::xmp::property;
use proofmark_core::{Payload, Text};

/// Characters of what is told at most.
const SHOWN: usize = 200;

/// Something that a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// By which rules: `iptc.digital-source-type`, `iptc.ai`, `gb45438.aigc`,
    /// `stable-diffusion.parameters`, `comfyui.workflow` or `software`.
    pub kind: String,
    /// How it came to be.
    pub made: Made,
    /// What it says, in its own words.
    pub says: String,
    /// By whom or what.
    pub by: Option<String>,
    /// The number that it names, if that is one that a mark can carry.
    pub payload: Option<Payload>,
    /// Whether that is signed: it never is.
    pub signed: bool,
    /// Where it lies.
    #[serde(rename = "where")]
    pub place: String,
}

/// How something came to be, as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Made {
    /// By AI.
    Ai,
    /// By AI in part.
    PartAi,
    /// By AI perhaps.
    PerhapsAi,
    /// By a camera or recorder.
    Camera,
    /// By people.
    People,
    /// In another way.
    Other,
}

impl Made {
    /// Its word, as JSON has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ai => "ai",
            Self::PartAi => "part-ai",
            Self::PerhapsAi => "perhaps-ai",
            Self::Camera => "camera",
            Self::People => "people",
            Self::Other => "other",
        }
    }

    /// By IPTC's word, the last part of its address.
    #[must_use]
    pub fn of_source_type(address: &str) -> Self {
        match address.rsplit('/').next().unwrap_or(address) {
            "trainedAlgorithmicMedia" | "trainedAlgorithmicData" => Self::Ai,
            "compositeWithTrainedAlgorithmicMedia" | "compositeSynthetic" => Self::PartAi,
            "digitalCapture"
            | "computationalCapture"
            | "compositeCapture"
            | "screenCapture"
            | "negativeFilm"
            | "positiveFilm"
            | "print" => Self::Camera,
            "digitalCreation" | "digitalArt" | "humanEdits" | "minorHumanEdits" => Self::People,
            _ => Self::Other,
        }
    }
}

/// What the texts of a file declare, each once.
#[must_use]
pub fn declarations(texts: &[Text]) -> Vec<Declaration> {
    let readers = [source_type, ai_fields, aigc, parameters, workflow, software];
    let mut out: Vec<Declaration> = Vec::new();
    for found in texts.iter().flat_map(|text| readers.iter().filter_map(|read| read(text))) {
        if !out.iter().any(|d| (&d.kind, &d.says) == (&found.kind, &found.says)) {
            out.push(found);
        }
    }
    out
}

fn declared(kind: &str, made: Made, text: &Text, says: &str, by: Option<String>) -> Declaration {
    let cut = |text: &str| text.trim().chars().take(SHOWN).collect::<String>();
    let place = if text.name.is_empty() {
        text.place.clone()
    } else {
        cut(&format!("{}, {}", text.place, text.name))
    };
    let by = by.map(|by| cut(&by)).filter(|by| !by.is_empty());
    let (kind, says) = (kind.into(), cut(says));
    Declaration { kind, made, says, by, payload: None, signed: false, place }
}

fn is_xmp(text: &Text) -> bool {
    text.place == "XMP" || text.name == "XML:com.adobe.xmp" || text.value.contains("<x:xmpmeta")
}

/// A property of XMP, whose text is that of XML.
fn said(text: &Text, name: &str) -> Option<String> {
    let another = || name.strip_prefix("Iptc4xmpExt:").map(|name| format!("iptcExt:{name}"));
    let raw = property(&text.value, name)
        .or_else(|| property(&text.value, &another()?))
        .filter(|_| is_xmp(text))?;
    let said = super::reference::unescaped(raw);
    (!said.is_empty()).then_some(said)
}

/// IPTC's digital source type.
fn source_type(text: &Text) -> Option<Declaration> {
    let by_name = text.name.eq_ignore_ascii_case("DigitalSourceType").then(|| text.value.clone());
    let address = said(text, "Iptc4xmpExt:DigitalSourceType").or(by_name)?;
    let made = Made::of_source_type(&address);
    let by = said(text, "Iptc4xmpExt:AISystemUsed").or_else(|| said(text, "photoshop:Credit"));
    Some(declared("iptc.digital-source-type", made, text, &address, by))
}

/// IPTC's fields on AI (Photo Metadata 2025.1, Video Metadata Hub 1.7).
fn ai_fields(text: &Text) -> Option<Declaration> {
    let system = said(text, "Iptc4xmpExt:AISystemUsed");
    let version = said(text, "Iptc4xmpExt:AISystemVersionUsed");
    let prompt = said(text, "Iptc4xmpExt:AIPromptInformation");
    let system = system.map(|s| version.map_or(s.clone(), |v| format!("{s} {v}")));
    let says = prompt.or_else(|| system.clone())?;
    Some(declared("iptc.ai", Made::Ai, text, &says, system))
}

/// The label of China's GB 45438-2025, wherever it lies.
fn aigc(text: &Text) -> Option<Declaration> {
    let named = || Some(text.value.clone()).filter(|_| text.name.eq_ignore_ascii_case("AIGC"));
    let within = || said(text, "TC260:AIGC");
    let bare = || Some(text.value.clone()).filter(|v| v.trim_start().starts_with("{\"AIGC\""));
    let label = within().or_else(named).or_else(bare)?;
    let value: Value = serde_json::from_str(label.trim().trim_end_matches('\0')).ok()?;
    let fields = value.get("AIGC").unwrap_or(&value);
    let field = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_string);
    let made = match field("Label")?.as_str() {
        "1" => Made::Ai,
        "2" | "3" => Made::PerhapsAi,
        _ => Made::Other,
    };
    let says = fields.to_string();
    let number = field("ProduceID").and_then(|id| id.parse().ok());
    let found = declared("gb45438.aigc", made, text, &says, field("ContentProducer"));
    Some(Declaration { payload: number, ..found })
}

/// The parameters that Stable Diffusion's programs write.
fn parameters(text: &Text) -> Option<Declaration> {
    let value = &text.value;
    let found = value.contains("Steps: ") && (value.contains("Sampler: ") || value.contains("CFG"));
    let after = |name: &str| {
        let rest = value.split_once(name)?.1;
        Some(rest.split([',', '\n']).next().unwrap_or(rest).trim().to_string())
    };
    found.then(|| {
        let by = after("Model: ").or_else(|| after("Version: "));
        declared("stable-diffusion.parameters", Made::Ai, text, value, by)
    })
}

/// A workflow of ComfyUI, as its nodes or as what was asked.
fn workflow(text: &Text) -> Option<Declaration> {
    // In EXIF it stands behind its name.
    let (name, json) = match text.value.split_once('{') {
        Some((name, _)) if text.place == "EXIF" => {
            (name.trim_end_matches(':'), &text.value[name.len()..])
        }
        _ => (text.name.as_str(), text.value.as_str()),
    };
    let named = ["prompt", "workflow", "comment"].iter().any(|n| name.eq_ignore_ascii_case(n));
    // Within a text of JSON quotes stand behind a stroke.
    let has =
        |name: &str| json.contains(&format!("{name}\"")) || json.contains(&format!("{name}\\\""));
    let nodes = has("class_type") || (has("nodes") && has("links"));
    (named && nodes)
        .then(|| declared("comfyui.workflow", Made::Ai, text, name, Some("ComfyUI".into())))
}

/// Programs that generate: what they write, where, and their names. Without a place it may be where
/// programs name themselves.
const GENERATORS: [(&str, &str, &str); 12] = [
    ("Software", "NovelAI", "NovelAI"),
    ("Description", "Job ID: ", "Midjourney"),
    ("Dream", "", "InvokeAI"),
    ("sd-metadata", "", "InvokeAI"),
    ("invokeai_metadata", "", "InvokeAI"),
    ("invokeai_graph", "", "InvokeAI"),
    ("fooocus_scheme", "", "Fooocus"),
    ("", "Fooocus", "Fooocus"),
    ("", "Adobe Firefly", "Adobe Firefly"),
    ("", "Midjourney", "Midjourney"),
    ("", "Made with Google AI", "Google"),
    ("Title", "AI generated image", "NovelAI"),
];

fn software(text: &Text) -> Option<Declaration> {
    let themselves = ["Software", "encoder"].iter().any(|f| text.name.eq_ignore_ascii_case(f));
    let itself = themselves
        .then(|| text.value.clone())
        .or_else(|| said(text, "xmp:CreatorTool"))
        .or_else(|| said(text, "photoshop:Credit"));
    let (says, by) = GENERATORS.iter().find_map(|(place, what, by)| {
        if place.is_empty() {
            itself.clone().filter(|says| says.contains(what)).map(|says| (says, by))
        } else {
            let there = text.name.eq_ignore_ascii_case(place) && text.value.contains(what);
            there.then(|| (text.value.clone(), by))
        }
    })?;
    Some(declared("software", Made::Ai, text, &says, Some((*by).into())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(place: &str, name: &str, value: &str) -> Vec<Declaration> {
        declarations(&[Text { place: place.into(), name: name.into(), value: value.into() }])
    }

    fn kinds(found: &[Declaration]) -> Vec<(&str, Made, Option<&str>)> {
        found.iter().map(|d| (d.kind.as_str(), d.made, d.by.as_deref())).collect()
    }

    #[test]
    fn fields_of_iptc_are_read() {
        let xmp = "<x:xmpmeta><rdf:Description Iptc4xmpExt:DigitalSourceType=\
            \"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia\">\
            <Iptc4xmpExt:AISystemUsed>Acme &amp; Co</Iptc4xmpExt:AISystemUsed>\
            </rdf:Description></x:xmpmeta>";
        let by = Some("Acme & Co");
        assert_eq!(
            kinds(&of("XMP", "", xmp)),
            [("iptc.digital-source-type", Made::Ai, by), ("iptc.ai", Made::Ai, by)]
        );
        let camera = xmp.replace("trainedAlgorithmicMedia", "digitalCapture");
        assert_eq!(of("XMP", "", &camera)[0].made, Made::Camera);
        assert!(of("text", "", "Iptc4xmpExt:DigitalSourceType='x'").is_empty());
    }

    #[test]
    fn labels_are_read_wherever_they_lie() {
        let id = Payload::random().to_string();
        let label =
            format!("{{\"Label\":\"1\",\"ContentProducer\":\"001\",\"ProduceID\":\"{id}\"}}");
        let whole = format!("{{\"AIGC\":{label}}}");
        let xmp = format!(
            "<x:xmpmeta><TC260:AIGC>{}</TC260:AIGC></x:xmpmeta>",
            label.replace('"', "&quot;")
        );
        for (place, name, value) in [
            ("tags", "AIGC", label.as_str()),
            ("tags", "aigc", &whole),
            ("XMP", "", &xmp),
            ("EXIF", "UserComment", &whole),
            ("RIFF", "AIGC", &label),
        ] {
            let found = of(place, name, value);
            assert_eq!(kinds(&found), [("gb45438.aigc", Made::Ai, Some("001"))], "{place} {name}");
            assert_eq!(found[0].payload.map(|p| p.to_string()).as_deref(), Some(id.as_str()));
        }
        assert_eq!(of("tags", "AIGC", "{\"Label\":\"3\"}")[0].made, Made::PerhapsAi);
        assert!(of("tags", "AIGC", "{}").is_empty() && of("tags", "AIGC", "nonsense").is_empty());
    }

    #[test]
    fn what_generators_leave_is_read() {
        let asked = "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Model: sd_xl, Version: v1";
        let found = of("text", "parameters", asked);
        assert_eq!(kinds(&found), [("stable-diffusion.parameters", Made::Ai, Some("sd_xl"))]);
        let nodes = "{\"3\": {\"class_type\": \"KSampler\"}}";
        for (place, name, value) in [
            ("text", "prompt", nodes.to_string()),
            ("EXIF", "Model", format!("prompt:{nodes}")),
            ("tags", "comment", nodes.into()),
            ("tags", "comment", json!({"prompt": nodes}).to_string()),
        ] {
            let found = of(place, name, &value);
            assert_eq!(kinds(&found), [("comfyui.workflow", Made::Ai, Some("ComfyUI"))], "{place}");
        }
        for (name, value, by) in [
            ("Software", "NovelAI", "NovelAI"),
            ("Description", "a fox --v 5.2 Job ID: 1", "Midjourney"),
            ("Dream", "a fox -s 50", "InvokeAI"),
        ] {
            assert_eq!(
                kinds(&of("text", name, value)),
                [("software", Made::Ai, Some(by))],
                "{name}"
            );
        }
        for plain in ["a cat", "Steps: 20", "{\"nodes\": []}", "Lavf59"] {
            assert!(of("tags", "comment", plain).is_empty(), "{plain}");
        }
    }
}
