//! The label that China asks for in a generated file (GB 45438-2025): who produced it, and its
//! number.

use serde_json::Value;

use super::{StampError, StampOptions};
use crate::media::{Cancel, Carrying, EncodeOptions, Summary};
use crate::payload::Payload;
use crate::provenance::declarations;

/// That the content is generated, by the standard's numbers.
const GENERATED: &str = "1";

/// How a clip of that number is encoded, labelled if that is asked for.
pub(super) fn on(
    encode: &EncodeOptions,
    options: &StampOptions,
    payload: Payload,
) -> EncodeOptions {
    let aigc = options.aigc_producer.as_ref().map(|producer| label(producer, payload));
    EncodeOptions { aigc, ..encode.clone() }
}

/// The label's text, its fields in the standard's order.
fn label(producer: &str, payload: Payload) -> String {
    let (producer, payload) = (Value::from(producer), Value::from(payload.to_string()));
    format!(
        "{{\"Label\":\"{GENERATED}\",\"ContentProducer\":{producer},\"ProduceID\":{payload},\
        \"ReservedCode1\":\"\",\"ContentPropagator\":\"\",\"PropagateID\":\"\",\
        \"ReservedCode2\":\"\"}}"
    )
}

/// Reads the label back from the finished file, if there is to be one.
pub(super) fn check(
    file: &Carrying<'_>,
    payload: Payload,
    options: &StampOptions,
    summary: &mut Summary,
) -> Result<(), StampError> {
    if file.aigc.is_none() || summary.left_out.iter().any(|line| line.contains("AIGC label")) {
        return Ok(());
    }
    let cancel = Cancel::default();
    let mut look = options.inspector.open(file.still, &options.limits, &cancel)?;
    let found = look.texts()?.as_deref().map(declarations).unwrap_or_default();
    if !found.iter().any(|d| d.kind == "gb45438.aigc" && d.payload == Some(payload)) {
        let name = file.container.name();
        let why = format!("the AIGC label was not written: {name} has no place for it here");
        summary.left_out.push(why);
    }
    Ok(())
}
