//! Short encoded films, made by ffmpeg, and taken apart into what a publisher sends.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// Bytes of an FLV file before its first tag, and before and behind the body of a tag.
const FLV_HEAD: usize = 13;
const TAG_HEAD: usize = 11;
const TAG_TAIL: usize = 4;

/// A tag of an FLV file.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Type, as RTMP's messages have it.
    pub kind: u8,
    /// Milliseconds.
    pub timestamp_ms: u32,
    /// The rest.
    pub body: Vec<u8>,
}

/// An access unit of an MP4 file.
#[derive(Clone, Debug)]
pub struct Unit {
    /// When it is decoded, from the first one on.
    pub decoded: Duration,
    /// From decoding to presentation.
    pub composition: Duration,
    /// NAL units behind their lengths.
    pub data: Vec<u8>,
}

/// Lets ffmpeg write a film with a moving test picture of 320x180 at 25 frames a second, and a tone.
///
/// - arguments: codecs and format.
///
/// # Errors
/// When ffmpeg is missing or fails.
pub fn film(file: &Path, seconds: u32, arguments: &str) -> Result<()> {
    let input = format!(
        "-y -hide_banner -loglevel error -nostdin -f lavfi -i \
         testsrc2=size=320x180:rate=25:duration={seconds} -f lavfi -i \
         sine=r=48000:duration={seconds} -pix_fmt yuv420p"
    );
    let mut command = Command::new("ffmpeg");
    command.args(input.split_whitespace()).args(arguments.split_whitespace()).arg(file);
    let status = command.status().context("ffmpeg is missing; run scripts/setup test")?;
    ensure!(status.success(), "ffmpeg ended with {status}");
    Ok(())
}

/// An FLV file with H.264 and AAC, a keyframe every second.
///
/// # Errors
/// When ffmpeg is missing or fails.
pub fn flv(folder: &Path, seconds: u32) -> Result<PathBuf> {
    let file = folder.join("film.flv");
    let codecs = "-c:v libx264 -preset ultrafast -bf 0 -g 25 -c:a aac -f flv";
    film(&file, seconds, codecs)?;
    Ok(file)
}

/// The tags of an FLV file.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn tags(file: &Path) -> Result<Vec<Tag>> {
    let bytes = std::fs::read(file)?;
    ensure!(bytes.starts_with(b"FLV"), "{} is no FLV file", file.display());
    let mut rest = bytes.get(FLV_HEAD..).context("an FLV file ends in its head")?;
    let mut tags = Vec::new();
    while rest.len() >= TAG_HEAD {
        let (head, tail) = rest.split_at(TAG_HEAD);
        let length = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let timestamp_ms = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        let body = tail.get(..length).context("an FLV file ends in a tag")?.to_vec();
        tags.push(Tag { kind: head[0], timestamp_ms, body });
        rest = tail.get(length + TAG_TAIL..).unwrap_or_default();
    }
    Ok(tags)
}

/// The decoder configuration of an MP4 file with one track of H.265: an `hvcC` record.
///
/// # Errors
/// When there is none.
pub fn hevc_record(file: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(file)?;
    let at = bytes.windows(4).position(|name| name == b"hvcC").context("no hvcC")?;
    let length = at.checked_sub(4).and_then(|start| bytes.get(start..at)).context("no hvcC")?;
    let length = u32::from_be_bytes(length.try_into()?) as usize;
    Ok(bytes.get(at + 4..at - 4 + length).context("the hvcC ends early")?.to_vec())
}

/// The access units of an MP4 file's only track, where ffprobe finds them.
///
/// # Errors
/// When ffprobe is missing, or tells nothing of use.
pub fn units(file: &Path) -> Result<Vec<Unit>> {
    let bytes = std::fs::read(file)?;
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", "v", "-of", "json"]);
    command.args(["-show_entries", "packet=pts_time,dts_time,pos,size"]).arg(file);
    let told = command.output().context("ffprobe is missing; run scripts/setup test")?;
    let told: serde_json::Value = serde_json::from_slice(&told.stdout)?;
    let packets = told["packets"].as_array().context("ffprobe tells no packets")?;
    let number = |packet: &serde_json::Value, key: &str| -> Result<f64> {
        Ok(packet[key].as_str().with_context(|| format!("no {key}"))?.parse()?)
    };
    let first = number(packets.first().context("no packets")?, "dts_time")?;
    let unit = |packet: &serde_json::Value| {
        let decoded = number(packet, "dts_time")?;
        let composition = number(packet, "pts_time")? - decoded;
        let (from, size) = (number(packet, "pos")? as usize, number(packet, "size")? as usize);
        Ok(Unit {
            decoded: Duration::try_from_secs_f64(decoded - first)?,
            composition: Duration::try_from_secs_f64(composition)?,
            data: bytes.get(from..from + size).context("a packet outside the file")?.to_vec(),
        })
    };
    packets.iter().map(unit).collect()
}
