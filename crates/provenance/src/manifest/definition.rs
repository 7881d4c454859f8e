//! What is asked of a manifest in c2patool's format, and what of that can be kept. What cannot is
//! refused: who asked for it would believe it done.

use std::fs::File;
use std::path::{Path, PathBuf};

use c2pa::Builder;
use serde_json::{Map, Value, json};

use super::super::parent::ingredient_of;
use super::super::{ProvenanceError, Source};
use super::ManifestOptions;
use proofmark_core::{Container, Limits, Payload};

/// A definition that was read.
#[derive(Default)]
pub(super) struct Definition {
    /// Where it came from; `None` if there is none.
    path: Option<PathBuf>,
    fields: Map<String, Value>,
    /// Files that are ingredients, and what is said of each.
    files: Vec<(PathBuf, Value)>,
    /// Where the manifest is kept as well.
    pub(super) remote: Option<String>,
}

/// Fields that the crate takes as they are.
const TAKEN: [&str; 8] = [
    "assertions",
    "claim_generator_info",
    "hash_alg",
    "ingredients",
    "instance_id",
    "redactions",
    "thumbnail",
    "title",
];
/// Fields that are read here.
const READ: [&str; 7] =
    ["base_path", "claim_version", "format", "ingredient_paths", "label", "remote_url", "vendor"];
/// Fields of c2patool for what our own options say, and those options.
const OPTIONS: [(&str, &str); 6] = [
    ("private_key", "--sign-key"),
    ("sign_cert", "--sign-cert"),
    ("ta_url", "--time-stamp-url"),
    ("alg", "--sign-key, whose kind says it"),
    ("reserve_size", "nothing: room is made as it is needed"),
    ("claim_generator", "claim_generator_info"),
];
/// Fields of an assertion.
const ASSERTION: [&str; 4] = ["created", "data", "kind", "label"];
/// Fields of an ingredient.
const INGREDIENT: [&str; 15] = [
    "data",
    "data_types",
    "description",
    "document_id",
    "file_path",
    "format",
    "hash",
    "informational_URI",
    "instance_id",
    "label",
    "manifest_data",
    "metadata",
    "relationship",
    "thumbnail",
    "title",
];

impl Definition {
    /// Reads the file that the options name, if they name one.
    pub(super) fn read(options: &ManifestOptions) -> Result<Self, ProvenanceError> {
        let Some(path) = options.definition.clone() else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(&path)
            .map_err(|reason| ProvenanceError::Open { path: path.clone(), reason })?;
        let wrong = |reason| ProvenanceError::Definition { path: path.clone(), reason };
        let value = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        let Value::Object(mut fields) = value else {
            return Err(wrong("it is not an object".into()));
        };
        check(&fields).map_err(wrong)?;
        let mut folder = folder(&path);
        if let Some(base) = fields.remove("base_path") {
            folder.push(base.as_str().ok_or_else(|| wrong("base_path is no text".into()))?);
        }
        let files = files(&mut fields, &folder).map_err(wrong)?;
        let remote = fields.remove("remote_url").map(|url| match url {
            Value::String(url) if url.starts_with("https://") => Ok(url),
            _ => Err(wrong("remote_url is no address that begins with https://".into())),
        });
        let remote = remote.transpose()?;
        fields.insert("base_path".into(), json!(folder));
        Ok(Self { path: Some(path), fields, files, remote })
    }

    /// A builder for a manifest of such a number in such a kind of file, with the ingredients that
    /// are files.
    pub(super) fn builder(
        &self,
        context: c2pa::Context,
        container: Container,
        payload: Payload,
        limits: &Limits,
    ) -> Result<Builder, ProvenanceError> {
        let mut fields = self.fields.clone();
        let base = fields.remove("base_path");
        let vendor = fields.remove("vendor");
        if let Some(format) = fields.get("format").filter(|f| **f != json!(container.mime())) {
            return Err(self.wrong(format!("it is for {format}, and this is {}", container.mime())));
        }
        fields.remove("claim_version");
        let vendor = vendor.as_ref().and_then(Value::as_str);
        let suffix = vendor.map_or_else(String::new, |vendor| format!(":{vendor}"));
        fields.insert("label".into(), json!(format!("urn:c2pa:{payload}{suffix}")));
        fields.insert("format".into(), json!(container.mime()));
        let failed = |e: c2pa::Error| self.wrong(e.to_string());
        let mut builder = Builder::from_context(context)
            .with_definition(Value::Object(fields))
            .map_err(failed)?;
        if let Some(base) = base.as_ref().and_then(Value::as_str) {
            builder.set_base_path(base);
        }
        if let Some(url) = &self.remote {
            builder.set_remote_url(url.as_str());
        }
        for (path, said) in &self.files {
            let source = Source { limits: *limits, ..Source::new(path) };
            builder.add_ingredient(ingredient_of(&source, said)?);
        }
        Ok(builder)
    }

    /// A fault that is the definition's, or ours where there is none.
    pub(super) fn wrong(&self, reason: String) -> ProvenanceError {
        match &self.path {
            Some(path) => ProvenanceError::Definition { path: path.clone(), reason },
            None => ProvenanceError::Sign { path: PathBuf::new(), reason },
        }
    }
}

/// Where files are that a definition names.
fn folder(path: &Path) -> PathBuf {
    // A bare name has an empty parent, which is no folder.
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).into()
}

/// What is wrong with the fields of a definition.
fn check(fields: &Map<String, Value>) -> Result<(), String> {
    for (name, value) in fields {
        if let Some((_, instead)) = OPTIONS.iter().find(|(option, _)| option == name) {
            return Err(format!("'{name}' is not said there; take it out and use {instead}"));
        }
        if !TAKEN.contains(&name.as_str()) && !READ.contains(&name.as_str()) {
            return Err(format!("'{name}' is not known"));
        }
        match (name.as_str(), value) {
            ("label", _) => return Err("its 'label' would be the number's; take it out".into()),
            ("claim_version", version) if *version != json!(2) => {
                return Err(format!(
                    "claims of version {version} are not written, but of version 2"
                ));
            }
            ("vendor", vendor) if !vendor.as_str().is_some_and(is_vendor) => {
                return Err("'vendor' is no name of up to 32 letters, digits, '-' and '.'".into());
            }
            ("assertions", list) => known(name, list, &ASSERTION)?,
            ("ingredients", list) => known(name, list, &INGREDIENT)?,
            _ => {}
        }
    }
    Ok(())
}

/// Whether a claim generator may be named so in a label.
fn is_vendor(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b))
}

/// Refuses a list whose objects have fields that nobody reads.
fn known(list: &str, value: &Value, fields: &[&str]) -> Result<(), String> {
    let items = value.as_array().ok_or_else(|| format!("'{list}' is no list"))?;
    for item in items {
        let item = item.as_object().ok_or_else(|| format!("something in '{list}' is no object"))?;
        if let Some(name) = item.keys().find(|name| !fields.contains(&name.as_str())) {
            return Err(format!("'{name}' in '{list}' is not known"));
        }
    }
    Ok(())
}

/// Takes out the ingredients that are files: c2patool's `ingredient_paths`, and those that have a
/// `file_path`.
fn files(fields: &mut Map<String, Value>, folder: &Path) -> Result<Vec<(PathBuf, Value)>, String> {
    let mut files = Vec::new();
    if let Some(paths) = fields.remove("ingredient_paths") {
        let paths: Vec<PathBuf> = serde_json::from_value(paths)
            .map_err(|_| "'ingredient_paths' is no list of paths".to_string())?;
        files.extend(paths.into_iter().map(|path| (folder.join(path), json!({}))));
    }
    if let Some(Value::Array(ingredients)) = fields.get_mut("ingredients") {
        let (with, without): (Vec<Value>, _) =
            ingredients.drain(..).partition(|i| i.get("file_path").is_some());
        *ingredients = without;
        for mut said in with {
            let path = said.as_object_mut().and_then(|said| said.remove("file_path"));
            let path = path.as_ref().and_then(Value::as_str).ok_or("a 'file_path' is no text")?;
            files.push((folder.join(path), said));
        }
    }
    for (path, _) in &files {
        File::open(path).map_err(|e| format!("its ingredient {}: {e}", path.display()))?;
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(definition: &Value) -> Result<(), String> {
        check(definition.as_object().unwrap())
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        for (definition, expected) in [
            (json!({"private_key": "k.pem"}), "--sign-key"),
            (json!({"titel": "x"}), "'titel' is not known"),
            (json!({"label": "urn:c2pa:x"}), "number's"),
            (json!({"claim_version": 1}), "version 1"),
            (json!({"vendor": "A B"}), "vendor"),
            (json!({"assertions": {}}), "no list"),
            (json!({"assertions": [{"label": "x", "data": {}, "instance": 1}]}), "'instance' in"),
            (json!({"ingredients": ["x"]}), "no object"),
        ] {
            let told = checked(&definition).unwrap_err();
            assert!(told.contains(expected), "{definition}: {told}");
        }
        let fine = json!({
            "title": "x", "vendor": "acme", "claim_version": 2, "ingredient_paths": ["a.png"],
            "assertions": [{"label": "x", "data": {}, "kind": "Json", "created": true}],
            "ingredients": [{"title": "x", "file_path": "b.png"}],
        });
        assert_eq!(checked(&fine), Ok(()));
    }

    #[test]
    fn files_are_looked_for_beside_the_definition() {
        assert_eq!(folder(Path::new("thumb.json")), Path::new("."));
        assert_eq!(folder(Path::new("a/b.json")), Path::new("a"));
        let mut fields = json!({"ingredient_paths": ["not there.png"]});
        let told = files(fields.as_object_mut().unwrap(), Path::new(".")).unwrap_err();
        assert!(told.contains("not there.png"), "{told}");
    }
}
