//! Messages of the receiver to the box, and of the clip upload (EMQX's open file-transfer
//! grammar with a prefix of our own and a resume extension).

use heapless::{String, Vec};
use serde::{Deserialize, Serialize};

use crate::clip::ClipRecord;
use crate::ids::{BootId, ClipId, Seq};

/// Cumulative acknowledgement on `…/ack`: the receiver has durably stored every message of
/// `boot` up to and including `upto_seq`. Sent for each boot of which it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ack {
    /// Which boot of the device.
    pub boot: BootId,
    /// Highest sequence number below which nothing is missing.
    pub upto_seq: Seq,
}

/// Body of `…/file/{id}/init`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileInit {
    /// File name for people.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = 80)))]
    pub name: String<80>,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the whole file, 64 lower-case hexadecimal digits.
    #[cfg_attr(feature = "schema", schemars(with = "str", extend("pattern" = "^[0-9a-f]{64}$")))]
    pub checksum: String<64>,
    /// What the file is; the receiver stores it as the sidecar.
    pub user_data: ClipRecord,
    /// How its bytes should go.
    #[serde(default)]
    pub way: FileWay,
}

/// How the bytes of a file go. A receiver that cannot do what a box would like answers without a
/// link, and the box sends segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FileWay {
    /// As messages, through the broker.
    #[default]
    Segments,
    /// By HTTP PUT to links that the receiver gives, one range at a time.
    Links,
}

/// Longest link in bytes: one that is signed with a role's session token has about 2000.
pub const LINK_BYTES_MAX: usize = 3072;

/// Most missing ranges that one response lists; the rest follow in later responses.
pub const MISSING_MAX: usize = 32;

/// Response of the receiver on `…/file-response`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileResponse {
    /// Version of the grammar: `0.1`.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = 8)))]
    pub vsn: String<8>,
    /// Which file.
    pub file: ClipId,
    /// Which message it answers.
    pub step: FileStep,
    /// What happened: [`FileResponse::PERSISTED`] and the others.
    pub reason_code: u8,
    /// The same for people.
    #[cfg_attr(feature = "schema", schemars(with = "str", length(max = 120)))]
    pub reason_description: String<120>,
    /// Resume extension: byte ranges `[start, end)` that the receiver does not have yet.
    #[cfg_attr(
        feature = "schema",
        schemars(with = "alloc::vec::Vec<(u64, u64)>", length(max = MISSING_MAX))
    )]
    pub missing: Vec<(u64, u64), MISSING_MAX>,
    /// Links extension, to an announcement that asked for them: where the bytes of the first
    /// missing range are to be put by one HTTP PUT, before the box announces the file again.
    #[serde(default)]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Option<&str>", extend("maxLength" = LINK_BYTES_MAX))
    )]
    pub link: Option<String<LINK_BYTES_MAX>>,
}

impl FileResponse {
    /// Stored durably. For `fin`: the whole file, verified.
    pub const PERSISTED: u8 = 0x00;
    /// Send `init` and all segments again: nothing is known of this file.
    pub const RESEND_ALL: u8 = 0x10;
    /// Send the missing ranges again.
    pub const RESEND_MISSING: u8 = 0x80;
    /// Give up this file.
    pub const CANCEL: u8 = 0x83;
    /// Wait before sending more.
    pub const PAUSE: u8 = 0x97;
}

/// Which step of an upload a response answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FileStep {
    /// The announcement.
    Init,
    /// Segments so far.
    Segments,
    /// The end.
    Fin,
}
