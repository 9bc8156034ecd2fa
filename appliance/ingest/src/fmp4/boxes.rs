//! Boxes and their fields, read out of bytes that may lie. ISO/IEC 14496-12, 4.2.
//!
//! Total: what is not there is `None`, and nothing is reserved on a length's word.

/// Four letters that say what a box is.
pub(super) type Kind = [u8; 4];

/// The header of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Bytes of the header itself.
    pub(super) header_bytes: usize,
    /// Bytes behind the header; `None` if it reaches to the end.
    pub(super) body_bytes: Option<u64>,
}

/// What stands at the beginning of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Box(Header),
    /// More bytes are needed.
    Short,
    /// A length that no box has.
    Other,
}

/// Reads the header of a box.
pub(super) fn start(bytes: &[u8]) -> Start {
    let mut fields = Fields(bytes);
    let (Some(short), Some(kind)) = (fields.u32(), fields.kind()) else { return Start::Short };
    let (bytes, header_bytes) = match short {
        0 => return Start::Box(Header { kind, header_bytes: 8, body_bytes: None }),
        1 => match fields.u64() {
            Some(long) => (long, 16_usize),
            None => return Start::Short,
        },
        _ => (u64::from(short), 8),
    };
    match bytes.checked_sub(header_bytes as u64) {
        Some(body) => Start::Box(Header { kind, header_bytes, body_bytes: Some(body) }),
        None => Start::Other,
    }
}

/// The boxes within a box, in order, up to the first that is damaged.
pub(super) fn children(mut bytes: &[u8]) -> impl Iterator<Item = (Kind, &[u8])> {
    std::iter::from_fn(move || {
        let Start::Box(header) = start(bytes) else { return None };
        let rest = bytes.get(header.header_bytes..)?;
        let (body, rest) = match header.body_bytes {
            Some(length) => rest.split_at_checked(usize::try_from(length).ok()?)?,
            None => (rest, [].as_slice()),
        };
        bytes = rest;
        Some((header.kind, body))
    })
}

/// The first box of a kind within a box.
pub(super) fn child<'a>(bytes: &'a [u8], kind: &Kind) -> Option<&'a [u8]> {
    children(bytes).find(|(found, _)| found == kind).map(|(_, body)| body)
}

/// The fields of a box, read one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A number of 32 bits, or of 64 in a box of version 1.
    pub(super) fn sized(&mut self, version: u8) -> Option<u64> {
        if version == 0 { self.u32().map(u64::from) } else { self.u64() }
    }

    pub(super) fn kind(&mut self) -> Option<Kind> {
        self.array()
    }

    /// Version and flags of a full box.
    pub(super) fn full(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some(((word >> 24) as u8, word & 0x00ff_ffff))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}
