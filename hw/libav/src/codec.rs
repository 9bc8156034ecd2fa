//! Opens libavcodec decoders from configuration records and makes packets for them.
//!
//! The record is all that a decoder gets: no probing, so that the first access unit of a live
//! stream is decoded when it arrives.

use std::slice;
use std::sync::Once;

use ffmpeg::codec::threading;
use ffmpeg::ffi;
use ffmpeg::{Dictionary, Packet};
use ffmpeg_the_third as ffmpeg;
use hal::decode::{DecodeError, PIXELS_MAX};
use wire::time::MEDIA_HZ;

/// Longest configuration record that is taken seriously, in bytes.
const RECORD_BYTES_MAX: usize = 64 * 1024;

/// What a decoder is opened with.
pub(crate) struct Recipe<'a> {
    /// Our name of the decoder, for errors.
    pub(crate) decoder: &'static str,
    /// libavcodec's codec.
    pub(crate) id: ffmpeg::codec::Id,
    /// Kind of track.
    pub(crate) medium: ffmpeg::media::Type,
    /// The codec's configuration record (`extradata`).
    pub(crate) record: &'a [u8],
    /// Codec flags.
    pub(crate) flags: ffmpeg::codec::Flags,
}

/// Keeps FFmpeg's own log off the process's standard error: what matters comes back as error
/// values, and a damaged stream would otherwise write a line for each broken macroblock row.
pub(crate) fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| ffmpeg::log::set_level(ffmpeg::log::Level::Quiet));
}

/// Opens a decoder with one thread. With frame threads each picture would come out later by as many
/// frames as there are threads (measured: 4 threads, 120 ms at 25 frames a second). With threads
/// that share the slices of a picture libavcodec no longer notices that a slice is missing, and
/// shows an older picture in its place (measured: FFmpeg 5.1, H.264).
pub(crate) fn open(recipe: Recipe<'_>) -> Result<ffmpeg::decoder::Opened, DecodeError> {
    silence();
    let decoder = recipe.decoder;
    let failed = |reason: String| DecodeError::Failed { decoder, reason };
    let codec = ffmpeg::decoder::find(recipe.id).ok_or_else(|| {
        failed("this build of FFmpeg has no such decoder; install the distribution's".into())
    })?;
    let parameters = parameters(&recipe).map_err(failed)?;
    let mut context = ffmpeg::codec::Context::from_parameters(parameters)
        .map_err(|e| failed(format!("its parameters were refused: {e}")))?;
    context.set_threading(threading::Config {
        kind: threading::Type::None,
        count: 1,
        ..threading::Config::default()
    });
    context.set_flags(recipe.flags);
    let mut options = Dictionary::new();
    options.set("max_pixels", PIXELS_MAX.to_string());
    options.set("pkt_timebase", format!("1/{MEDIA_HZ}"));
    context
        .decoder()
        .open_as_with(codec, options)
        .map_err(|e| failed(format!("the configuration record was refused: {e}")))
}

fn parameters(recipe: &Recipe<'_>) -> Result<ffmpeg::codec::Parameters, String> {
    let bytes = recipe.record.len();
    if bytes > RECORD_BYTES_MAX {
        return Err(format!(
            "the configuration record has {bytes} bytes, at most {RECORD_BYTES_MAX} make sense"
        ));
    }
    let mut parameters = ffmpeg::codec::Parameters::new();
    let padded = bytes + ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize;
    // SAFETY: `av_mallocz` takes any size and answers with zeroed memory or null.
    let extradata = unsafe { ffi::av_mallocz(padded) }.cast::<u8>();
    if extradata.is_null() {
        return Err("out of memory".into());
    }
    // SAFETY: `extradata` is `padded` zeroed bytes that nobody else refers to.
    let target = unsafe { slice::from_raw_parts_mut(extradata, padded) };
    target[..bytes].copy_from_slice(recipe.record);
    // SAFETY: `Parameters` guarantees a valid, exclusively owned `AVCodecParameters`.
    let raw = unsafe { &mut *parameters.as_mut_ptr() };
    raw.codec_type = recipe.medium.into();
    raw.codec_id = recipe.id.into();
    // From here `avcodec_parameters_free` frees it: it must come from `av_malloc`, padded.
    raw.extradata = extradata;
    raw.extradata_size = bytes as i32;
    Ok(parameters)
}

/// A packet with a padded copy of the access unit's bytes, as libavcodec's bit readers need it.
///
/// `None` for an empty access unit (libavcodec would take it for the end of the stream) and when
/// memory is out.
pub(crate) fn packet(unit: &hal::decode::Packet<'_>) -> Option<Packet> {
    if unit.data.is_empty() || i32::try_from(unit.data.len()).is_err() {
        return None;
    }
    let mut packet = Packet::new(unit.data.len());
    // A refused allocation leaves the packet without data.
    packet.data_mut()?.copy_from_slice(unit.data);
    packet.set_pts(Some(unit.pts.0));
    packet.set_dts(Some(unit.dts.0));
    Some(packet)
}

/// What to do about an error that libavcodec returned.
pub(crate) enum Verdict {
    /// It wants the next packet.
    NeedsInput,
    /// It has nothing left.
    Drained,
    /// It did not like this access unit.
    Corrupt(String),
    /// It cannot go on.
    Failed(String),
}

/// Sorts libavcodec's errors.
pub(crate) fn verdict(error: ffmpeg::Error) -> Verdict {
    const EAGAIN: i32 = 11;
    const ENOMEM: i32 = 12;
    let errno = |errno| ffmpeg::Error::Other { errno };
    if error == errno(EAGAIN) {
        Verdict::NeedsInput
    } else if error == ffmpeg::Error::Eof {
        Verdict::Drained
    } else if error == errno(ENOMEM) || is_defect(error) {
        Verdict::Failed(error.to_string())
    } else {
        // Whatever else a decoder answers (`AVERROR_INVALIDDATA`, `EINVAL`, `ERANGE` …), it is
        // about the bytes that it was given.
        Verdict::Corrupt(error.to_string())
    }
}

fn is_defect(error: ffmpeg::Error) -> bool {
    use ffmpeg::Error::{Bug, Bug2, External, Unknown};
    [Bug, Bug2, External, Unknown].contains(&error)
}
