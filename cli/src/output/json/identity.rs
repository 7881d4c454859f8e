//! A signing identity.

use std::path::Path;

use anyhow::Result;
use proofmark::provenance::IdentityReport;
use proofmark::report::named;
use serde_json::json;

use super::{print, schema};

pub(crate) fn identity(file: &Path, told: &IdentityReport) -> Result<()> {
    let good = told.is_good();
    let mut report = named(json!({"schema": schema("identity"), "good": good}), "file", file);
    if let (Some(all), Ok(json)) = (report.as_object_mut(), serde_json::to_value(told)) {
        all.extend(json.as_object().cloned().unwrap_or_default());
    }
    print(&report)
}
