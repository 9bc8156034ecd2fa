//! What the NAL units of a tag are: parameter sets, a picture, or one at which decoding can start.

use wire::codec::VideoCodec;

use super::{avc, hevc, nal};

/// What one NAL unit is to a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Part of a picture at which a decoder can start.
    Start,
    /// Part of another picture.
    Picture,
    /// Anything else: parameter sets, messages, delimiters.
    Parameters,
}

/// What the NAL units of one tag are, in ascending order of what decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    Parameters,
    Picture { keyframe: bool },
}

/// Reads what the NAL units of a tag are; `None` when the lengths do not add up, or it is empty.
pub(super) fn content(codec: VideoCodec, data: &[u8], length_bytes: usize) -> Option<Content> {
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
