//! What a clip is made from: the parent ingredient of its manifest.

use std::fs::File;
use std::path::Path;

use c2pa::{Builder, Ingredient, Reader, jumbf_io};
use serde_json::{Value, json};

use super::read::{OVERSTATED, context, format_of, sidecar};
use super::report::report;
use super::{Placement, ProvenanceError, Trust, claims, open, reference, size, tiff};
use proofmark_core::Limits;

/// What a clip is made from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its file.
    pub path: &'a Path,
    /// The manifest store that is remembered of it, for a file that has lost its own.
    pub remembered: Option<&'a [u8]>,
    /// What its manifest may take.
    pub limits: Limits,
}

impl<'a> Source<'a> {
    /// A file of which nothing else is known, within the usual limits.
    #[must_use]
    pub fn new(path: &'a Path) -> Self {
        Self { path, remembered: None, limits: Limits::default() }
    }
}

/// The parent's id among a manifest's ingredients.
pub(super) const ID: &str = "parent";

/// Makes `source` the parent, if it has a manifest; the label of that.
pub(super) fn add(
    builder: &mut Builder,
    source: &Source<'_>,
) -> Result<Option<String>, ProvenanceError> {
    let mut file = open(source.path)?;
    let format = format_of(source.path, &mut file);
    let Some((store, reader)) = manifest(source, &format, &mut file)? else { return Ok(None) };
    let label = reader.active_label().map(str::to_string);
    let said = json!({"relationship": "parentOf", "label": ID});
    builder.add_ingredient(ingredient(source, &format, Some((store, reader)), &said)?);
    Ok(label)
}

/// The ingredient that a file is, with its manifest if it has one, of which so much is said.
pub(super) fn ingredient_of(
    source: &Source<'_>,
    said: &Value,
) -> Result<Ingredient, ProvenanceError> {
    let mut file = open(source.path)?;
    let format = format_of(source.path, &mut file);
    let manifest = manifest(source, &format, &mut file)?;
    ingredient(source, &format, manifest, said)
}

fn ingredient(
    source: &Source<'_>,
    format: &str,
    manifest: Option<(Vec<u8>, Reader)>,
    said: &Value,
) -> Result<Ingredient, ProvenanceError> {
    let mut told = json!({
        "title": source.path.file_name().map(|n| n.to_string_lossy()),
        "format": if format.is_empty() { "application/octet-stream" } else { format },
        "relationship": "componentOf",
    });
    if let Some((_, reader)) = &manifest {
        told["active_manifest"] = json!(reader.active_label());
        told["validation_results"] = json!(reader.validation_results());
    }
    for (field, value) in said.as_object().into_iter().flatten() {
        told[field] = value.clone();
    }
    let ingredient = Ingredient::from_json(&told.to_string()).and_then(|mut ingredient| {
        if let Some((store, _)) = manifest {
            ingredient.set_manifest_data(store)?;
        }
        Ok(ingredient)
    });
    ingredient.map_err(|e| ProvenanceError::Sign {
        path: source.path.into(),
        reason: format!("it could not be kept as an ingredient ({e})"),
    })
}

/// Refuses a source that [`add`] would refuse, before anything is made of it.
pub fn check(source: &Source<'_>) -> Result<(), ProvenanceError> {
    // What cannot be opened is told by those who read it.
    let Ok(mut file) = File::open(source.path) else { return Ok(()) };
    let format = format_of(source.path, &mut file);
    // What refers to nothing is not hashed here as well.
    if reference::of_file(&format, &mut file).is_some() {
        manifest(source, &format, &mut file)?;
    }
    Ok(())
}

/// The manifest in the file, the one beside it if that was made for it, or the one that is
/// remembered of it, held against the file.
fn manifest(
    source: &Source<'_>,
    format: &str,
    file: &mut File,
) -> Result<Option<(Vec<u8>, Reader)>, ProvenanceError> {
    // To leave out one that is there would claim that the clip was created here.
    let torn = |reason: String| ProvenanceError::Torn { path: source.path.into(), reason };
    if tiff::is_endless(file) {
        return Err(torn("it says that it has more pictures than anybody would look at".into()));
    }
    let announced = size::announced(file);
    size::check(source.path, announced.unwrap_or(0), &source.limits)?;
    match jumbf_io::load_jumbf_from_stream(format, file) {
        Ok(store) => return read(store, source, format)?.map(Some).map_err(torn),
        Err(e) if announced.is_some() => return Err(torn(e.to_string())),
        Err(_) => {}
    }
    let beside = sidecar(source.path, &source.limits)?
        .map(|store| read(store, source, format))
        .transpose()?
        .and_then(Result::ok);
    // One that is bound to other bytes was made for another file of its name. What else fails in it
    // says nothing against that this file is the one.
    if let Some(beside) =
        beside.filter(|(_, reader)| report(reader, Placement::Sidecar).content_holds == Some(true))
    {
        return Ok(Some(beside));
    }
    if let Some(address) = reference::of_file(format, file) {
        return Err(ProvenanceError::Elsewhere { path: source.path.into(), address });
    }
    let remembered =
        source.remembered.map(|store| read(store.to_vec(), source, format)).transpose()?;
    Ok(remembered.and_then(Result::ok))
}

/// A manifest store held against the file, or why it cannot be.
fn read(
    store: Vec<u8>,
    source: &Source<'_>,
    format: &str,
) -> Result<Result<(Vec<u8>, Reader), String>, ProvenanceError> {
    if claims::overstated(&store, source.limits.manifest_bytes) {
        return Ok(Err(OVERSTATED.into()));
    }
    let context = context(&Trust::default(), &source.limits)?;
    let read = Reader::from_context(context).with_manifest_data_and_stream(
        &store,
        format,
        &mut open(source.path)?,
    );
    Ok(read.map(|reader| (store, reader)).map_err(|e| e.to_string()))
}
