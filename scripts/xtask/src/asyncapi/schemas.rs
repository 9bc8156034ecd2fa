//! JSON Schemas and postcard layouts of the messages, from their types.
//!
//! Owns: which types are messages. Must not: describe one by hand; that is `pipeline.json`.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use wire::birth::{BoxState, Info};
use wire::command::{Command, CommandResponse, Signed, Verb};
use wire::enrol::{EnrolRequest, EnrolResponse};
use wire::envelope::Envelope;
use wire::players::PlayersSeen;
use wire::timeline::SourceTimeline;
use wire::transfer::{Ack, FileInit, FileResponse};

use super::layout::{self, Layouts, TraceError};

/// Where the document keeps schemas.
pub(super) const PLACE: &str = "/components/schemas";

/// Keywords of a schema that are for people and change nothing.
const FOR_PEOPLE: &[&str] = &["description", "title", "examples", "$schema"];
/// Keywords whose value maps names of our own to schemas.
const MAPS: &[&str] = &["properties", "definitions", "patternProperties"];

/// The schema of every message, and of every type within, by name. In draft 07, which AsyncAPI's
/// own schemas are a superset of.
pub(super) fn of_types() -> Map<String, Value> {
    let settings = SchemaSettings::draft07().for_serialize().with(|settings| {
        settings.meta_schema = None;
        settings.definitions_path = PLACE.into();
    });
    let mut generator = settings.into_generator();
    generator.subschema_for::<Envelope>();
    generator.subschema_for::<BoxState>();
    generator.subschema_for::<Info>();
    generator.subschema_for::<PlayersSeen>();
    generator.subschema_for::<SourceTimeline>();
    generator.subschema_for::<Ack>();
    generator.subschema_for::<FileInit>();
    generator.subschema_for::<FileResponse>();
    generator.subschema_for::<Command>();
    generator.subschema_for::<Signed>();
    generator.subschema_for::<Verb>();
    generator.subschema_for::<CommandResponse>();
    generator.subschema_for::<EnrolRequest>();
    generator.subschema_for::<EnrolResponse>();
    let mut schemas = generator.take_definitions(true);
    schemas.values_mut().for_each(plain);
    schemas
}

/// The order of fields and variants in postcard, for every message.
pub(super) fn layouts() -> Result<Layouts, TraceError> {
    let mut layouts = Layouts::new();
    layout::add::<Envelope>(&mut layouts)?;
    layout::add::<BoxState>(&mut layouts)?;
    layout::add::<Info>(&mut layouts)?;
    layout::add::<PlayersSeen>(&mut layouts)?;
    layout::add::<SourceTimeline>(&mut layouts)?;
    layout::add::<Ack>(&mut layouts)?;
    layout::add::<FileInit>(&mut layouts)?;
    layout::add::<FileResponse>(&mut layouts)?;
    Ok(layouts)
}

/// The schema without what is said to people.
pub(super) fn bare(schema: &Value) -> Value {
    match schema {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| !FOR_PEOPLE.contains(&key.as_str()));
            let inner = |(key, value): (&String, &Value)| {
                let named = value.as_object().filter(|_| MAPS.contains(&key.as_str()));
                let value = named.map_or_else(
                    || bare(value),
                    |named| {
                        named.iter().map(|(name, schema)| (name.clone(), bare(schema))).collect()
                    },
                );
                (key.clone(), value)
            };
            Value::Object(kept.map(inner).collect())
        }
        Value::Array(items) => items.iter().map(bare).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

/// Takes the marks of rustdoc out of descriptions: [`X`](y) and [`X`] become `X`.
fn plain(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                if key == "description"
                    && let Some(text) = value.as_str()
                {
                    *value = without_links(text).into();
                } else {
                    plain(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, linked)) = rest.split_once("[`") {
        let Some((name, after)) = linked.split_once("`]") else { break };
        plain.push_str(&format!("{before}`{name}`"));
        rest = after
            .strip_prefix('(')
            .and_then(|target| target.split_once(')'))
            .map_or(after, |(_, after)| after);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_rustdoc_become_names() {
        let text = "Final: [`Stage`] of [`at`](Self::at), and [this] `x`.";
        assert_eq!(without_links(text), "Final: `Stage` of `at`, and [this] `x`.");
        assert_eq!(without_links("open [`end"), "open [`end");
    }
}
