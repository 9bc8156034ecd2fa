//! What the NAL units of an access unit are: parameter sets, a picture, or one at which decoding can start.

use wire::codec::VideoCodec;

use super::{avc, hevc, nal};

/// What one NAL unit is to a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Part of a picture at which a decoder can start.
    Start,
    /// Part of another picture.
    Picture,
    /// Anything else: parameter sets, messages, delimiters.
    Parameters,
}

/// Which parameter set a NAL unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParameterKind {
    /// Of the whole video; H.265 alone.
    Video,
    /// Of a sequence of pictures.
    Sequence,
    /// Of a picture.
    Picture,
}

/// What the NAL units of one access unit are, in ascending order of what decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Content {
    Parameters,
    Picture { keyframe: bool },
}

/// Reads what the NAL units of an access unit are; `None` when the lengths do not add up, or it is empty.
pub(crate) fn content(codec: VideoCodec, data: &[u8], length_bytes: usize) -> Option<Content> {
    let role = match codec {
        VideoCodec::H264 => avc::role,
        VideoCodec::H265 => hevc::role,
    };
    let mut content = None;
    for unit in nal::units(data, length_bytes) {
        // Every unit is walked: what follows a picture must add up as well.
        let found = match role(unit.ok()?) {
            Role::Start => Content::Picture { keyframe: true },
            Role::Picture => Content::Picture { keyframe: false },
            Role::Parameters => Content::Parameters,
        };
        content = content.max(Some(found));
    }
    content
}
