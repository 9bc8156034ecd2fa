//! `docs/asyncapi.json`: what a box tells and takes over MQTT, as an AsyncAPI 3.0 document, and the
//! hash of it that a box tells in its `info`.
//!
//! Owns: the document and the line of the hash in [`HASH_FILE`]. Both are made from the types of
//! `wire`; [`channels`] adds what types cannot say, and `pipeline.json` describes the one message
//! that has no type. Must not: be right by care alone, so `cargo xtask tidy` compares.

mod channels;
mod layout;
mod schemas;
#[cfg(test)]
mod tests;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use layout::Layouts;

/// The generated document.
pub(crate) const PAGE: &str = "docs/asyncapi.json";
/// The file with the hash.
pub(crate) const HASH_FILE: &str = "appliance/wire/src/schema.rs";

/// Writes the document and the hash of the workspace at `root`.
pub(crate) fn write(root: &Path) -> Result<()> {
    let description = Description::of_types()?;
    let file = root.join(HASH_FILE);
    let source = read(&file)?;
    let begin = source.find(HASH_LINE).map(|at| at + HASH_LINE.len());
    let begin = begin.with_context(|| format!("{HASH_FILE} has no line `{HASH_LINE}…`"))?;
    let end = begin + source[begin..].find('"').context("the hash's text has no end")?;
    let written = format!("{}{}{}", &source[..begin], description.hash, &source[end..]);
    if written != source {
        std::fs::write(&file, written).with_context(|| format!("cannot write {HASH_FILE}"))?;
    }
    let path = root.join(PAGE);
    std::fs::write(&path, page(&description)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// What is not as the types make it; `None` if all is.
pub(crate) fn stale(root: &Path) -> Result<Option<String>> {
    let description = Description::of_types()?;
    if description.hash != wire::schema::HASH {
        return Ok(Some(format!(
            "tells of the messages of schema {}, but the types are {}; run `cargo xtask asyncapi`, \
             and look whether what changed is only added at the end",
            wire::schema::HASH,
            description.hash
        )));
    }
    let written = std::fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    let is_current = written == page(&description)?;
    Ok((!is_current).then(|| "differs from the types; run `cargo xtask asyncapi`".to_owned()))
}

const HASH_LINE: &str = "pub const HASH: &str = \"";

/// What the types say of themselves.
struct Description {
    /// JSON Schemas by the type's name.
    schemas: Map<String, Value>,
    layouts: Layouts,
    hash: String,
}

impl Description {
    fn of_types() -> Result<Self> {
        let schemas = schemas::of_types();
        let layouts = schemas::layouts()?;
        let hash = hash(&schemas, &layouts);
        Ok(Self { schemas, layouts, hash })
    }
}

/// First 64 bits of the SHA-256 over schemas and layouts, without what is said to people.
fn hash(schemas: &Map<String, Value>, layouts: &Layouts) -> String {
    let bare: Map<String, Value> =
        schemas.iter().map(|(name, schema)| (name.clone(), schemas::bare(schema))).collect();
    let told = sorted(json!({ "schemas": bare, "postcard": layouts }));
    let digest = Sha256::digest(told.to_string());
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn page(description: &Description) -> Result<String> {
    let document = sorted(channels::document(description)?);
    let text = serde_json::to_string_pretty(&document).context("a document is JSON")?;
    ensure!(!text.contains("[`"), "a link of rustdoc is left in the document");
    Ok(text + "\n")
}

/// The value with the keys of every object in the order of the alphabet, whichever map `serde_json`
/// was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(entries.into_iter().map(|(key, value)| (key, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}
