//! Whether what is heard is what `docs/asyncapi.json` says of its topic.
//!
//! Owns: that document's schemas, ready to judge. The document is generated from the vocabulary,
//! but for telemetry without a type; here it meets what a box really tells.

use anyhow::{Context, Result, anyhow};
use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde_json::Value;

const DOCUMENT: &str = include_str!("../../../docs/asyncapi.json");
const PLACE: &str = "http://localhost/asyncapi.json";

/// The document.
pub struct Described {
    schemas: Schemas,
    channels: Vec<Channel>,
}

struct Channel {
    /// Levels of its topic; `None` for a parameter.
    levels: Vec<Option<String>>,
    /// One of these payloads.
    payloads: Vec<SchemaIndex>,
}

impl Described {
    /// Reads the document.
    ///
    /// # Errors
    /// When it is no AsyncAPI document of version 3.
    pub fn read() -> Result<Self> {
        let document: Value = serde_json::from_str(DOCUMENT)?;
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V7);
        compiler
            .add_resource(PLACE, document.clone())
            .map_err(|error| anyhow!("the document is refused: {error}"))?;
        let mut schemas = Schemas::new();
        let mut channels = Vec::new();
        let listed = document["channels"].as_object().context("the document has no channels")?;
        for channel in listed.values() {
            let address = channel["address"].as_str().context("a channel has no address")?;
            let level = |level: &str| (!level.starts_with('{')).then(|| level.to_owned());
            let messages = channel["messages"].as_object().context("a channel has no messages")?;
            let mut payloads = Vec::new();
            for message in messages.values() {
                let target = message["$ref"].as_str().context("a message is a reference")?;
                let compiled = compiler.compile(&format!("{PLACE}{target}/payload"), &mut schemas);
                payloads.push(compiled.map_err(|error| anyhow!("{target}: {error}"))?);
            }
            channels.push(Channel { levels: address.split('/').map(level).collect(), payloads });
        }
        Ok(Self { schemas, channels })
    }

    /// Judges a message in JSON.
    ///
    /// # Errors
    /// What the document has against it.
    pub fn check(&self, topic: &str, message: &Value) -> Result<()> {
        let channel = self.channels.iter().find(|channel| channel.carries(topic));
        let channel =
            channel.with_context(|| format!("docs/asyncapi.json has no channel {topic}"))?;
        let mut complaints = Vec::new();
        for payload in &channel.payloads {
            match self.schemas.validate(message, *payload) {
                Ok(()) => return Ok(()),
                Err(error) => complaints.push(error.to_string()),
            }
        }
        Err(anyhow!(
            "{topic} is not as docs/asyncapi.json says: {}; {message}",
            complaints.join("; ")
        ))
    }
}

impl Channel {
    fn carries(&self, topic: &str) -> bool {
        let levels: Vec<&str> = topic.split('/').collect();
        let fits = |(level, wanted): (&&str, &Option<String>)| {
            wanted.as_ref().is_none_or(|wanted| wanted == level)
        };
        levels.len() == self.levels.len() && levels.iter().zip(&self.levels).all(fits)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_boxes_tell_is_accepted_and_anything_else_named() {
        let described = Described::read().expect("the document of this repository");
        let state = |state: &str| json!({ "state": state, "boot": 7 });
        described.check("cv1/demo/court-1/state", &state("ready")).expect("as described");
        let error = described.check("cv1/demo/court-1/state", &state("odd")).expect_err("unknown");
        assert!(error.to_string().contains("cv1/demo/court-1/state is not"), "{error}");
        let error = described.check("cv1/demo/court-1/tel/new", &json!({})).expect_err("unknown");
        assert!(error.to_string().contains("no channel cv1/demo/court-1/tel/new"), "{error}");
    }
}
