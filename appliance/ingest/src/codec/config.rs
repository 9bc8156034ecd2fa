//! What the decoder configuration records of both video codecs have in common.

use bytes::Bytes;

use super::bits::BitsError;

/// A decoder configuration record, understood.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    /// The record, announcing 4-byte lengths.
    pub(crate) record: Bytes,
    pub(crate) size: Size,
    /// Bytes of the length field before each NAL unit as the publisher sends it, 1 to 4.
    pub(crate) length_bytes: usize,
}

/// Visible picture size in luma samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u16,
    pub(crate) height: u16,
}

/// Why a decoder configuration record cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Ends early, or is of another version.
    #[error("the record ends early or has an unknown version")]
    Truncated,
    /// No sequence parameter set.
    #[error("the record has no sequence parameter set")]
    NoParameterSet,
    /// A parameter set that cannot be read.
    #[error("the sequence parameter set is damaged")]
    ParameterSet,
    /// A picture size outside 16 to 16,384.
    #[error("the picture size is outside 16 to 16384 pixels")]
    Size,
    /// Audio with a sample rate or channel layout that AAC players do not know.
    #[error("the sample rate or channel layout is not one of plain AAC")]
    AudioLayout,
}

impl From<BitsError> for RecordError {
    fn from(BitsError: BitsError) -> Self {
        Self::ParameterSet
    }
}
