//! NVDEC as a decoder of `hal`: access units in, pictures in the GPU's memory out.
//!
//! Owns NVIDIA's parser and the [`Session`] that it calls back. Low delay: each access unit is
//! announced as whole, so that its picture is decoded, and without B-frames shown, at once.
//! After damage the parser is made anew, and nothing is shown before the next keyframe (an IDR
//! picture; of H.265 any random access point).

use std::mem;
use std::ptr;

use hal::decode::{DecodeError, DecodeVideo, Packet, VideoConfig};
use hal::nal::{self, FramingError};
use hal::surface::{Surface, SurfacePool};
use nvidia_video_codec_sdk::sys::nvcuvid::{
    CUVIDPARSERPARAMS, CUVIDSOURCEDATAPACKET, CUvideoparser,
};
use wire::codec::VideoCodec;
use wire::time::{MEDIA_HZ, MediaTime};

use crate::callbacks::{on_decode, on_sequence, on_show};
use crate::gpu::{Fault, Gpu};
use crate::hardware::{Limits, vendors};
use crate::session::{Current, Session, Trouble};

/// `CUVID_PKT_ENDOFSTREAM`: the pictures still inside are shown.
const END_OF_STREAM: u64 = 1;
/// `CUVID_PKT_TIMESTAMP`: the packet carries a time.
const TIMESTAMP: u64 = 2;
/// `CUVID_PKT_ENDOFPICTURE`: the packet ends with its picture; the parser need not wait for the
/// next one to know.
const END_OF_PICTURE: u64 = 8;

/// Decode surfaces before a sequence tells how many it needs.
const SURFACES_FIRST: u32 = 1;

/// An NVDEC decoder of one source.
pub struct Decoder {
    gpu: Gpu,
    codec: VideoCodec,
    name: &'static str,
    /// What the record says.
    record: nal::Unpacked,
    parser: Option<Parser>,
    session: SessionPointer,
    /// The access unit as the parser takes it.
    bytes: Vec<u8>,
}

/// The session, which the parser's callbacks reach through a pointer of their own: borrowed only
/// while no parser runs.
struct SessionPointer(ptr::NonNull<Session>);

/// NVIDIA's parser.
struct Parser {
    gpu: Gpu,
    parser: CUvideoparser,
    /// It has not been told the parameter sets.
    fresh: bool,
}

// SAFETY: NVIDIA's parser and decoder may be used by any thread, one at a time; the session belongs
// to the decoder alone.
unsafe impl Send for Decoder {}

impl Decoder {
    /// Opens a decoder from the track's configuration record. Pictures come out of `pool`; when it
    /// is empty they are dropped, counted there, and decoding goes on.
    ///
    /// # Errors
    /// [`DecodeError::Failed`] when the GPU does not decode the codec or the record makes no
    /// sense. Pictures that the GPU does not decode (other than 4:2:0 with 8 bit, or too large)
    /// are known with the first access unit, which fails then.
    pub fn open(gpu: &Gpu, config: &VideoConfig, pool: SurfacePool) -> Result<Self, DecodeError> {
        let decoder = match config.codec {
            VideoCodec::H264 => "nvdec h264",
            VideoCodec::H265 => "nvdec hevc",
        };
        let failed = |reason: String| DecodeError::Failed { decoder, reason };
        let record = nal::unpack(config).map_err(|error| failed(error.to_string()))?;
        let limits = Limits::of(gpu, config.codec).map_err(|fault| failed(fault.to_string()))?;
        if limits.is_none() {
            return Err(failed(format!("{} does not decode this codec", gpu.name())));
        }
        let session = Session::new(gpu.clone(), config.codec, pool);
        let session = SessionPointer(ptr::NonNull::from(Box::leak(Box::new(session))));
        let (gpu, codec, bytes) = (gpu.clone(), config.codec, Vec::new());
        let mut decoder = Self { gpu, codec, name: decoder, record, parser: None, session, bytes };
        decoder.renew_parser().map_err(|fault| failed(fault.to_string()))?;
        Ok(decoder)
    }

    fn renew_parser(&mut self) -> Result<(), Fault> {
        self.parser = None;
        self.parser = Some(Parser::create(&self.gpu, self.codec, &self.session)?);
        Ok(())
    }

    fn feed(&mut self, packet: Packet<'_>) -> Result<(), Trouble> {
        let parser = self.parser.as_mut().ok_or_else(|| Trouble::Failed("no parser".into()))?;
        self.bytes.clear();
        if parser.fresh {
            self.bytes.extend(&self.record.parameter_sets);
        }
        let framed = frame(packet.data, self.record.length_bytes, self.codec, &mut self.bytes);
        let keyframe = framed
            .map_err(|error| Trouble::Corrupt { pts: packet.pts, reason: error.to_string() })?;
        parser.fresh = false;
        self.session.get().begin(Current { pts: packet.pts, keyframe });
        let parsed = parser.parse(&self.bytes, TIMESTAMP | END_OF_PICTURE, packet.pts);
        let finished = self.session.get().finish();
        match (finished, parsed) {
            // What a callback found is the cause of what the parser says.
            (Err(trouble @ Trouble::Failed(_)), _) => Err(trouble),
            (_, Err(fault)) => Err(Trouble::Failed(fault.to_string())),
            (finished, Ok(())) => finished,
        }
    }

    fn hand_on(&mut self, deliver: &mut dyn FnMut(Surface)) {
        mem::take(&mut self.session.get().ready).into_iter().for_each(deliver);
    }

    /// Gives out the pictures that wait for reordering; then nothing before the next keyframe.
    fn start_anew(&mut self, deliver: &mut dyn FnMut(Surface)) -> Result<(), DecodeError> {
        let ended = match &mut self.parser {
            // A parser that was told nothing has nothing inside.
            Some(parser) if !parser.fresh => parser.parse(&[], END_OF_STREAM, MediaTime(0)),
            Some(_) | None => Ok(()),
        };
        self.hand_on(deliver);
        match self.session.get().start_anew() {
            Some(Trouble::Failed(reason)) => return Err(self.failed(reason)),
            // Damage in the last pictures: they are not delivered, and nothing follows them.
            Some(Trouble::Corrupt { .. }) | None => {}
        }
        let renewed = ended.and_then(|()| self.renew_parser());
        renewed.map_err(|fault| self.failed(fault.to_string()))
    }

    fn failed(&self, reason: String) -> DecodeError {
        DecodeError::Failed { decoder: self.name, reason }
    }
}

impl DecodeVideo for Decoder {
    fn decode(
        &mut self,
        packet: Packet<'_>,
        deliver: &mut dyn FnMut(Surface),
    ) -> Result<(), DecodeError> {
        let fed = self.feed(packet);
        self.hand_on(deliver);
        match fed {
            Ok(()) => Ok(()),
            Err(Trouble::Failed(reason)) => Err(self.failed(reason)),
            Err(Trouble::Corrupt { pts, reason }) => {
                self.start_anew(deliver)?;
                Err(DecodeError::Corrupt { pts, reason })
            }
        }
    }

    fn drain(&mut self, deliver: &mut dyn FnMut(Surface)) -> Result<(), DecodeError> {
        self.start_anew(deliver)
    }

    fn name(&self) -> &str {
        self.name
    }
}

impl SessionPointer {
    /// The session. Taking `self` exclusively keeps it from being borrowed twice; no parser may
    /// run meanwhile.
    fn get(&mut self) -> &mut Session {
        // SAFETY: made by `Box::leak` and freed by `drop` alone; the parser's callbacks, which
        // also borrow it, run only inside `Parser::parse`, which does not hold this borrow.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for SessionPointer {
    fn drop(&mut self) {
        // SAFETY: made by `Box::leak`, and the parser, declared before it, was dropped before it.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl Parser {
    fn create(gpu: &Gpu, codec: VideoCodec, session: &SessionPointer) -> Result<Self, Fault> {
        // SAFETY: zeros are valid for all of it: numbers, null pointers, no functions, and an enum
        // that has a zero.
        let mut wanted: CUVIDPARSERPARAMS = unsafe { mem::zeroed() };
        wanted.CodecType = vendors(codec);
        wanted.ulMaxNumDecodeSurfaces = SURFACES_FIRST;
        wanted.ulClockRate = MEDIA_HZ as u32;
        // Per cent of a picture that may be damaged.
        wanted.ulErrorThreshold = 0;
        wanted.ulMaxDisplayDelay = 0;
        wanted.pUserData = session.0.as_ptr().cast();
        wanted.pfnSequenceCallback = Some(on_sequence);
        wanted.pfnDecodePicture = Some(on_decode);
        wanted.pfnDisplayPicture = Some(on_show);
        let mut parser = ptr::null_mut();
        let _entered = gpu.enter()?;
        // SAFETY: writes one handle; the parameters live as long as the call, the session as long
        // as the parser.
        let code = unsafe { (gpu.cuvid().create_parser)(&mut parser, &mut wanted) };
        gpu.checked("cuvidCreateVideoParser", code)?;
        Ok(Self { gpu: gpu.clone(), parser, fresh: true })
    }

    /// Gives the parser bytes; it calls the session back before this returns.
    fn parse(&mut self, bytes: &[u8], flags: u64, pts: MediaTime) -> Result<(), Fault> {
        let payload = if bytes.is_empty() { ptr::null() } else { bytes.as_ptr() };
        let mut packet = CUVIDSOURCEDATAPACKET {
            flags,
            payload_size: bytes.len() as u64,
            payload,
            timestamp: pts.0,
        };
        // SAFETY: the packet and its bytes live as long as the call.
        let code = unsafe { (self.gpu.cuvid().parse)(self.parser, &mut packet) };
        self.gpu.checked("cuvidParseVideoData", code)
    }
}

impl Drop for Parser {
    fn drop(&mut self) {
        let Ok(_entered) = self.gpu.enter() else { return };
        // SAFETY: made by `create`, and not running.
        unsafe { (self.gpu.cuvid().destroy_parser)(self.parser) };
    }
}

/// Appends an access unit with start codes in place of its lengths; whether a decoder can start at
/// it. Walks the lengths once: a picture may have a megabyte, and nothing in it is searched for.
fn frame(
    data: &[u8],
    length_bytes: usize,
    codec: VideoCodec,
    out: &mut Vec<u8>,
) -> Result<bool, FramingError> {
    if data.is_empty() {
        return Err(FramingError::Empty);
    }
    let mut starts_here = false;
    for unit in nal::behind_lengths(data, length_bytes) {
        let unit = unit?;
        starts_here |= is_entry(unit[0], codec);
        nal::push_behind_start_code(out, unit);
    }
    Ok(starts_here)
}

/// Whether a decoder can start at a NAL unit that begins with `header`.
fn is_entry(header: u8, codec: VideoCodec) -> bool {
    match codec {
        VideoCodec::H264 => header & 0x1f == 5,
        VideoCodec::H265 => (16..=21).contains(&(header >> 1 & 0x3f)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframe_is_told_by_its_units_and_not_by_what_looks_like_a_start_code_within_one() {
        let framed = |data: &[u8], codec| {
            let mut out = Vec::new();
            frame(data, 4, codec, &mut out).map(|keyframe| (keyframe, out))
        };
        // An H.264 slice whose bytes hold what would be an IDR picture behind a start code.
        let within = [0, 0, 0, 5, 0x41, 0, 0, 1, 0x65];
        let expected = vec![0, 0, 0, 1, 0x41, 0, 0, 1, 0x65];
        assert_eq!(framed(&within, VideoCodec::H264), Ok((false, expected)));
        for (header, codec, keyframe) in [
            (0x65, VideoCodec::H264, true),
            (0x41, VideoCodec::H264, false),
            (19 << 1, VideoCodec::H265, true),
            (21 << 1, VideoCodec::H265, true),
            (1 << 1, VideoCodec::H265, false),
            (32 << 1, VideoCodec::H265, false),
        ] {
            let unit = [0, 0, 0, 1, 9, 0, 0, 0, 2, header, 1];
            let expected = vec![0, 0, 0, 1, 9, 0, 0, 0, 1, header, 1];
            assert_eq!(framed(&unit, codec), Ok((keyframe, expected)), "{header:#x}");
        }
        assert_eq!(framed(&[], VideoCodec::H264), Err(FramingError::Empty));
        assert_eq!(framed(&[0, 0, 0, 9, 0x65], VideoCodec::H264), Err(FramingError::Lengths));
    }
}
