//! MQTT topics. The encoding is part of the topic, because MQTT 3.1.1 clients never see
//! properties. At most seven slashes and 256 bytes, the strictest managed broker's limits.
//!
//! ```text
//! cv1/{tenant}/{device}/state                    retained JSON, also the last will
//! cv1/{tenant}/{device}/info                     retained JSON, the birth
//! cv1/{tenant}/{device}/evt/{source}/{kind}      QoS 1, JSON envelope
//! cv1/{tenant}/{device}/evtb/{source}/{kind}     QoS 1, postcard envelope, same sequence number
//! cv1/{tenant}/{device}/tel/{group}              QoS 0, JSON
//! cv1/{tenant}/{device}/ack                      in: cumulative acknowledgement
//! cv1/{tenant}/{device}/file/{id}/init | /{offset} | /fin/{size}/{sha256} | /abort
//! cv1/{tenant}/{device}/file-response            in
//! ```

/// First level of every topic: the protocol and its major version.
pub const ROOT: &str = "cv1";
/// Level of JSON events.
pub const EVENTS_JSON: &str = "evt";
/// Level of postcard events.
pub const EVENTS_POSTCARD: &str = "evtb";
/// Level of the retained connection state.
pub const STATE: &str = "state";
/// Level of the retained birth message.
pub const INFO: &str = "info";
/// Level of telemetry.
pub const TELEMETRY: &str = "tel";
/// Level of cumulative acknowledgements to the box.
pub const ACK: &str = "ack";
/// Level of file transfers from the box.
pub const FILE: &str = "file";
/// Level of file-transfer responses to the box.
pub const FILE_RESPONSE: &str = "file-response";
/// Kind level of a clip's record.
pub const KIND_CLIP: &str = "clip";
/// Kind level of a notice.
pub const KIND_NOTICE: &str = "notice";
/// Source level of messages that concern the whole box.
pub const SOURCE_BOX: &str = "box";
