//! Names of codecs by their four letters, for messages.

/// A FourCC for people; it comes from a stranger, so only plain characters pass.
pub(crate) fn fourcc_name(fourcc: &[u8]) -> String {
    let known = match fourcc {
        b"av01" => " (AV1)",
        b"vp08" => " (VP8)",
        b"vp09" => " (VP9)",
        b"vvc1" => " (VVC)",
        b"Opus" => " (Opus)",
        b"fLaC" => " (FLAC)",
        b".mp3" => " (MP3)",
        b"ac-3" => " (AC-3)",
        b"ec-3" => " (E-AC-3)",
        _ => "",
    };
    let plain = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
    fourcc.iter().map(plain).chain(known.chars()).collect()
}
