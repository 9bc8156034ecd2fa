//! ADTS: the header before each AAC frame where there is no other place to say what it is.
//! ISO/IEC 14496-3, 1.A.2.2.

use bytes::Bytes;

/// The header of an AAC frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Object type less one, 0 to 3.
    profile: u8,
    /// Which of the sample rates, 0 to 12.
    rate: u8,
    /// Which of the channel layouts, 1 to 7.
    channels: u8,
    /// Bytes of the header, 7 or 9 with a check sum.
    pub(crate) header_bytes: usize,
    /// Bytes of header and frame.
    pub(crate) frame_bytes: usize,
}

/// What stands at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A frame.
    Frame(Header),
    /// Too few bytes to tell.
    Short,
    /// No frame.
    Other,
}

/// Bytes of the shortest header.
const HEADER_BYTES: usize = 7;

/// Reads a header.
pub(crate) fn start(data: &[u8]) -> Start {
    let Some(&[sync, b1, b2, b3, b4, b5, _]) = data.first_chunk::<HEADER_BYTES>() else {
        return Start::Short;
    };
    let header_bytes = if b1 & 1 == 1 { HEADER_BYTES } else { HEADER_BYTES + 2 };
    let header = Header {
        profile: b2 >> 6,
        rate: b2 >> 2 & 0x0f,
        channels: (b2 & 1) << 2 | b3 >> 6,
        header_bytes,
        frame_bytes: usize::from(b3 & 3) << 11 | usize::from(b4) << 3 | usize::from(b5 >> 5),
    };
    // Sync word and layer; a frame without a body is none.
    let good = sync == 0xff
        && b1 & 0xf6 == 0xf0
        && header.rate <= 12
        && header.channels != 0
        && header.frame_bytes > header_bytes;
    if good { Start::Frame(header) } else { Start::Other }
}

impl Header {
    /// Hz.
    pub(crate) fn sample_hz(self) -> u64 {
        u64::from(super::aac::RATES[usize::from(self.rate)])
    }

    /// What it says of all frames.
    pub(crate) fn without_length(self) -> Self {
        Self { frame_bytes: 0, ..self }
    }

    /// The same as an AudioSpecificConfig.
    pub(crate) fn record(self) -> Bytes {
        let object = self.profile + 1;
        let high = object << 3 | self.rate >> 1;
        let low = (self.rate & 1) << 7 | self.channels << 3;
        Bytes::copy_from_slice(&[high, low])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_48_khz_stereo() {
        // AAC-LC, rate 3, two channels, no check sum, 371 bytes.
        let data = [0xff, 0xf1, 0x4c, 0x80, 0x2e, 0x7f, 0xfc, 0];
        let Start::Frame(header) = start(&data) else { panic!("{:?}", start(&data)) };
        assert_eq!((header.header_bytes, header.frame_bytes), (7, 371));
        assert_eq!(header.record().as_ref(), [0x11, 0x90]);
        assert_eq!(start(&data[..6]), Start::Short);
        assert_eq!(start(&[0xff, 0xe1, 0x4c, 0x80, 0x2e, 0x7f, 0xfc]), Start::Other);
    }
}
