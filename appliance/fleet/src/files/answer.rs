//! What the desk for files answers to a box.

use bytes::Bytes;
use mqtt::{Encoding, Message, Retain};
use wire::ids::ClipId;
use wire::topic::Device;
use wire::transfer::{FileResponse, FileStep, LINK_BYTES_MAX, MISSING_MAX};

/// A place to put bytes to, as the protocol has it.
pub(super) type Link = heapless::String<LINK_BYTES_MAX>;

pub(super) const FULL: &str = "the receiver's disk is full";
pub(super) const AWAY: &str = "the store of clips cannot be reached";

/// A response in the making.
#[derive(Debug)]
pub(super) struct Answer {
    code: u8,
    words: &'static str,
    /// Byte ranges; those beyond [`MISSING_MAX`] a later answer tells.
    missing: Vec<(u64, u64)>,
    /// Where the first one of them is to be put.
    link: Option<Link>,
}

impl Answer {
    pub(super) const fn new(code: u8, words: &'static str) -> Self {
        Self { code, words, missing: Vec::new(), link: None }
    }

    pub(super) fn missing(self, missing: Vec<(u64, u64)>) -> Self {
        Self { missing, ..self }
    }

    pub(super) fn link(self, link: Link) -> Self {
        Self { link: Some(link), ..self }
    }

    pub(super) const fn cancel(why: &'static str) -> Self {
        Self::new(FileResponse::CANCEL, why)
    }

    pub(super) const fn pause(why: &'static str) -> Self {
        Self::new(FileResponse::PAUSE, why)
    }

    pub(super) fn message(self, device: &Device, (id, step): (ClipId, FileStep)) -> Message {
        let response = FileResponse {
            vsn: "0.1".chars().collect(),
            file: id,
            step,
            reason_code: self.code,
            reason_description: self.words.chars().take(120).collect(),
            missing: self.missing.into_iter().take(MISSING_MAX).collect(),
            link: self.link,
        };
        let json = serde_json::to_vec(&response)
            .expect("wire types have text keys, so JSON can hold them");
        Message {
            topic: device.file_response().as_str().to_owned(),
            payload: Bytes::from(json),
            encoding: Encoding::Json,
            retain: Retain::No,
        }
    }
}
