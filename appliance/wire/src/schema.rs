//! Which form the messages have: one hash over the description of all of them.
//!
//! Owns: the hash, and the JSON Schema of what serde cannot derive. Must not: compute the hash; a
//! box has no use for the description. `cargo xtask asyncapi` makes both from the types, and `cargo
//! xtask tidy` fails when [`HASH`] is not the hash of the types as they are.
//! For whom and how: `docs/subscriber.md`.

/// First 64 bits of a SHA-256 over the schemas of all messages and the order of their fields in
/// postcard, in hexadecimal digits. Another one means that a field or a variant was added.
pub const HASH: &str = "0944aefa1fe0d452";

#[cfg(feature = "schema")]
mod json {
    use alloc::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use crate::ids::{ClipId, EventId, NAME_BYTES_MAX, Name};

    impl JsonSchema for Name {
        fn schema_name() -> Cow<'static, str> {
            "Name".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "A name that may stand as one level of a topic and as a file's name.",
                "type": "string",
                "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]*$",
                "maxLength": NAME_BYTES_MAX,
            })
        }
    }

    impl JsonSchema for EventId {
        fn schema_name() -> Cow<'static, str> {
            "EventId".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "Identity of a game event on one device, BOOT-NUMBER; it stays the same from provisional to confirmed or retracted.",
                "type": "string",
                "pattern": "^[0-9]+-[0-9]+$",
                "maxLength": 21,
            })
        }
    }

    impl JsonSchema for ClipId {
        fn schema_name() -> Cow<'static, str> {
            "ClipId".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "Identity of a clip and of its file at the receiver: a random UUID, never reused.",
                "type": "string",
                "pattern": "^[0-9a-f]{32}$",
            })
        }
    }
}
