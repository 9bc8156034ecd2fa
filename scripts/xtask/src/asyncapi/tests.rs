//! The document agrees with what serde writes, and its hash with the types.

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use serde::Serialize;
use serde_json::{Value, json};
use wire::envelope::{Body, NoticeKind};
use wire::event::EventKind;

use super::channels::samples;
use super::*;

fn document() -> Value {
    let description = Description::of_types().expect("the types can be described");
    channels::document(&description).expect("a document")
}

/// Schemas under which an unknown property is a mistake, so that one which serde writes and the
/// document does not have is found.
fn strict(value: &mut Value) {
    if let Value::Object(map) = value {
        if map.contains_key("properties") && map.get("type") == Some(&json!("object")) {
            map.insert("additionalProperties".to_owned(), json!(false));
        }
        map.values_mut().for_each(strict);
    } else if let Value::Array(items) = value {
        items.iter_mut().for_each(strict);
    }
}

struct Judge {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Judge {
    fn of(schema: &str) -> Self {
        let mut document = document();
        strict(&mut document["components"]["schemas"]);
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V7);
        compiler.add_resource("http://court/doc.json", document).expect("a resource");
        let mut schemas = Schemas::new();
        let place = format!("http://court/doc.json#{}/{schema}", schemas::PLACE);
        let index = compiler.compile(&place, &mut schemas).expect("a schema");
        Self { schemas, index }
    }

    fn complaint(&self, message: &Value) -> Option<String> {
        self.schemas.validate(message, self.index).err().map(|error| error.to_string())
    }

    #[track_caller]
    fn accepts(&self, message: &impl Serialize) {
        let message = serde_json::to_value(message).expect("JSON");
        assert_eq!(self.complaint(&message), None, "{message}");
    }
}

#[test]
fn every_message_of_the_golden_tests_satisfies_its_schema() {
    let envelopes = Judge::of("Envelope");
    for body in [
        Body::Game(samples::game()),
        Body::Clip(samples::clip()),
        Body::Notice(samples::notice()),
        Body::Notice(wire::envelope::Notice { source: None, ..samples::notice() }),
        Body::Board(samples::board()),
    ] {
        envelopes.accepts(&samples::envelope(body));
    }
    Judge::of("BoxState").accepts(&samples::state());
    Judge::of("Info").accepts(&samples::info());
    Judge::of("Info").accepts(&samples::longest_info());
    Judge::of("PlayersSeen").accepts(&samples::players());
    Judge::of("SourceTimeline").accepts(&samples::timeline());
    Judge::of("Ack").accepts(&samples::ack());
    Judge::of("FileInit").accepts(&samples::init());
    Judge::of("FileResponse").accepts(&samples::response());
}

#[test]
fn longest_envelopes_satisfy_the_schema_but_for_a_share_above_one() {
    let judge = Judge::of("Envelope");
    for envelope in samples::longest() {
        let mut message = serde_json::to_value(&envelope).expect("JSON");
        if let Some(game) = message["body"].get_mut("game") {
            game["confidence"] = json!(1000);
        }
        assert_eq!(judge.complaint(&message), None, "{message}");
    }
}

#[test]
fn every_kind_that_can_be_written_is_in_the_schema() {
    use EventKind::{Buzzer, MadeShot, MissedShot, ScoreChange, Whistle};
    let judge = Judge::of("Envelope");
    for kind in [MadeShot, MissedShot, Whistle, Buzzer, ScoreChange] {
        let game = wire::event::GameEvent { kind, ..samples::game() };
        judge.accepts(&samples::envelope(Body::Game(game)));
    }
    for kind in [NoticeKind::Hardware, NoticeKind::Evicted, NoticeKind::SourceUp] {
        let notice = wire::envelope::Notice { kind, ..samples::notice() };
        judge.accepts(&samples::envelope(Body::Notice(notice)));
    }
}

/// What serde reads and what the schemas say are two derivations from one type.
#[test]
fn schemas_have_the_fields_and_variants_that_serde_reads() {
    let Description { schemas, layouts, .. } = Description::of_types().expect("types");
    let names = |values: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        let mut names: Vec<String> = values.map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    let mut compared = 0;
    for (name, layout) in &layouts {
        let read = names(&mut layout.iter().map(|line| line.split(": ").next().unwrap_or(line)));
        let schema = &schemas[name.trim_start_matches("enum ")];
        let written = if name.starts_with("enum ") {
            let variants = schema["oneOf"].as_array().expect("variants");
            let variant = |one: &Value| {
                one["const"].as_str().or(one["required"][0].as_str()).map(str::to_owned)
            };
            let variants: Vec<String> = variants.iter().filter_map(variant).collect();
            names(&mut variants.iter().map(String::as_str))
        } else if let Some(properties) = schema["properties"].as_object() {
            let required = schema["required"].as_array().expect("required fields");
            assert_eq!(required.len(), properties.len(), "{name}: serde writes every field");
            names(&mut properties.keys().map(String::as_str))
        } else {
            // A new type of a number.
            assert_eq!(schema["type"], "integer", "{name}");
            assert!(
                schema["format"].as_str().is_some_and(|format| format.ends_with(&layout[0][1..]))
            );
            continue;
        };
        assert_eq!(written, read, "{name}");
        compared += 1;
    }
    assert!(compared >= 25, "{compared} types");
}

#[test]
fn schema_refuses_what_no_box_writes() {
    let judge = Judge::of("Envelope");
    let good = serde_json::to_value(samples::envelope(Body::Game(samples::game()))).expect("JSON");
    let spoilt: [(&str, Value); 6] = [
        ("/dev", json!("a/b")),
        ("/seq", json!(-1)),
        ("/boot", json!(null)),
        ("/body/game/stage", json!("maybe")),
        ("/body/game/id", json!("7/42")),
        ("/body/game/confidence", json!(1001)),
    ];
    for (place, value) in spoilt {
        let mut bad = good.clone();
        *bad.pointer_mut(place).expect("a place in the message") = value;
        assert!(judge.complaint(&bad).is_some(), "{place}");
    }
    let mut short = good;
    short["body"]["game"].as_object_mut().expect("an object").remove("hoop");
    assert!(judge.complaint(&short).is_some(), "a field that is always written is required");
}

#[test]
fn examples_satisfy_the_payloads_that_they_are_examples_of() {
    let document = document();
    let messages = document["components"]["messages"].as_object().expect("messages").clone();
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V7);
    compiler.add_resource("http://court/doc.json", document).expect("a resource");
    let mut schemas = Schemas::new();
    let mut checked = 0;
    for (id, message) in &messages {
        let place = format!("http://court/doc.json#/components/messages/{id}/payload");
        let index = compiler.compile(&place, &mut schemas).expect("a schema");
        for example in message["examples"].as_array().into_iter().flatten() {
            let judged = schemas.validate(&example["payload"], index);
            assert!(judged.is_ok(), "{id}: {}", judged.expect_err("a complaint"));
            checked += 1;
        }
    }
    assert_eq!(checked, 17, "every message but telemetry without a type, bytes and nothing");
}

#[test]
fn every_reference_leads_somewhere() {
    fn visit(value: &Value, document: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get("$ref") {
                    let place = target.strip_prefix('#').expect("a place in this document");
                    assert!(document.pointer(place).is_some(), "{target}");
                }
                map.values().for_each(|value| visit(value, document));
            }
            Value::Array(items) => items.iter().for_each(|value| visit(value, document)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    visit(&document, &document);
}

#[test]
fn every_topic_that_boxes_build_is_a_channel() {
    let document = document();
    let channels = document["channels"].as_object().expect("channels");
    let mut addresses: Vec<&str> =
        channels.values().filter_map(|channel| channel["address"].as_str()).collect();
    addresses.sort_unstable();
    let box_ = "cv1/{tenant}/{device}";
    let leaves = [
        "ack",
        "cmd-response",
        "cmd/{verb}",
        "enrol",
        "enrol-response",
        "evt/{source}/{kind}",
        "evtb/{source}/{kind}",
        "file-response",
        "file/{id}/abort",
        "file/{id}/fin/{size}/{sha256}",
        "file/{id}/init",
        "file/{id}/{offset}",
        "info",
        "state",
        "tel/pipeline",
        "tel/players",
        "tel/timeline",
    ];
    assert_eq!(addresses, leaves.map(|leaf| format!("{box_}/{leaf}")));
}

#[test]
fn hash_is_the_one_that_boxes_tell() {
    let description = Description::of_types().expect("the types can be described");
    assert_eq!(description.hash, wire::schema::HASH, "run `cargo xtask asyncapi`");
}

#[test]
fn hash_changes_with_fields_types_order_and_limits_but_not_with_words() {
    let Description { schemas, layouts, hash: told } = Description::of_types().expect("types");
    let changed = |place: &str, value: Value| {
        let mut whole = Value::Object(schemas.clone());
        *whole.pointer_mut(place).expect("a place") = value;
        let Value::Object(schemas) = whole else { panic!("an object") };
        hash(&schemas, &layouts)
    };
    assert_ne!(changed("/Notice/properties/text/maxLength", json!(161)), told);
    assert_ne!(changed("/BoardReading/properties/home/format", json!("uint32")), told);
    assert_eq!(changed("/Notice/description", json!("other words")), told);
    assert_eq!(changed("/Notice/properties/text/description", json!("other words")), told);
    let mut swapped = layouts.clone();
    swapped.get_mut("Cue").expect("a type").reverse();
    assert_ne!(hash(&schemas, &swapped), told);
    let mut longer = layouts.clone();
    longer.get_mut("enum CueKind").expect("a type").push("more".to_owned());
    assert_ne!(hash(&schemas, &longer), told);
}
