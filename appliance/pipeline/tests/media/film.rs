//! Films for tests: made by ffmpeg, taken apart into access units as ingest would deliver them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bytes::Bytes;
use ingest::access_unit::{AccessUnit, AudioTrack, MediaItem, Track, VideoTrack};
use mp4_atom::{Any, Atom, Codec, DecodeMaybe, Mdhd, StszSamples, Trak};
use wire::codec::{AudioCodec, VideoCodec};
use wire::time::{MediaTime, Monotonic};

/// Frames a second of every film.
pub(crate) const FPS: i64 = 25;
/// Ticks between frames.
pub(crate) const FRAME: i64 = 90_000 / FPS;
/// Sample rate of every film.
pub(crate) const SAMPLE_HZ: i64 = 48_000;

/// A film and what it was taken apart into.
pub(crate) struct Film {
    /// Its file, in a folder that lives as long as the film.
    pub(crate) path: PathBuf,
    /// What a publisher of it would have delivered.
    pub(crate) items: Vec<MediaItem>,
    /// Hash of each decoded frame, in presentation order.
    pub(crate) frames: Vec<String>,
    /// For the files of a test.
    pub(crate) folder: tempfile::TempDir,
}

/// Whether the films can be made here. Says so when they cannot, because the test is skipped.
pub(crate) fn ffmpeg_is_there() -> bool {
    let there = ["ffmpeg", "ffprobe"].iter().all(|tool| {
        let run = Command::new(tool).arg("-version").stdout(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    });
    if !there {
        eprintln!("SKIPPED: ffmpeg or ffprobe is not installed; install the package `ffmpeg`");
    }
    there
}

/// Runs a tool and returns what it printed.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(tool)
        .args(["-v", "error"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the tool runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{tool} {arguments:?}: {errors}");
    output.stdout
}

/// Hash of each frame that a player of the file shows.
pub(crate) fn shown_frames(path: &Path) -> Vec<String> {
    let path = path.to_str().expect("a plain path");
    let arguments = ["-i", path, "-map", "0:v", "-vsync", "passthrough", "-f", "framemd5", "-"];
    let text = String::from_utf8(run("ffmpeg", &arguments)).expect("text");
    let hash = |line: &str| line.rsplit(',').next().map(|hash| hash.trim().to_owned());
    text.lines().filter(|line| !line.starts_with('#')).filter_map(hash).collect()
}

impl Film {
    /// A film of `seconds`: a moving test picture, and a click in the middle of each second.
    /// `video` and `audio` are encoder options; no `audio` means a silent film.
    pub(crate) fn make(seconds: u32, video: &[&str], audio: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("film.mp4");
        let picture = format!("testsrc2=size=320x240:rate={FPS}:duration={seconds}");
        let clicks = format!(
            "aevalsrc='if(lt(mod(t+0.5,1),0.004),0.9*sin(2*PI*3000*t),0)':s={SAMPLE_HZ}:d={seconds}"
        );
        let mut arguments = vec!["-f", "lavfi", "-i", &picture];
        if !audio.is_empty() {
            arguments.extend(["-f", "lavfi", "-i", &clicks]);
        }
        arguments.extend(["-pix_fmt", "yuv420p"]);
        arguments.extend(video);
        arguments.extend(audio);
        arguments.push(path.to_str().expect("a plain path"));
        run("ffmpeg", &arguments);
        let items = demux(&fs::read(&path).expect("the film"));
        let frames = shown_frames(&path);
        assert_eq!(frames.len(), seconds as usize * FPS as usize);
        Self { path, items, frames, folder }
    }

    /// The film as RTMP would deliver it: times in whole milliseconds, rounded down.
    pub(crate) fn in_milliseconds(mut self) -> Self {
        for item in &mut self.items {
            if let MediaItem::Unit(unit) = item {
                unit.pts = MediaTime(unit.pts.0.div_euclid(90) * 90);
                unit.dts = MediaTime(unit.dts.0.div_euclid(90) * 90);
            }
        }
        self
    }
}

/// Takes a file of ffmpeg apart: tracks first, then access units ordered by decode time.
fn demux(file: &[u8]) -> Vec<MediaItem> {
    let mut rest = file;
    let moov = std::iter::from_fn(|| Any::decode_maybe(&mut rest).expect("boxes"))
        .find_map(|atom| if let Any::Moov(moov) = atom { Some(moov) } else { None })
        .expect("a moov box");
    let mut items: Vec<MediaItem> = moov.trak.iter().map(track).collect();
    let mut units: Vec<AccessUnit> = moov.trak.iter().flat_map(|trak| units(file, trak)).collect();
    units.sort_by_key(|unit| (unit.dts, unit.track == Track::Audio));
    items.extend(units.into_iter().map(MediaItem::Unit));
    items
}

fn entry(trak: &Trak) -> &Codec {
    trak.mdia.minf.stbl.stsd.codecs.first().expect("a sample entry")
}

fn track(trak: &Trak) -> MediaItem {
    let mut record = Vec::new();
    let picture = |record: Vec<u8>, codec| {
        let visual = entry(trak).visual().expect("a video track");
        let (width, height) = (visual.width, visual.height);
        MediaItem::Video(VideoTrack { codec, record: record.into(), width, height })
    };
    if let Codec::Avc1(avc1) = entry(trak) {
        avc1.avcc.encode_body(&mut record).expect("a record");
        picture(record, VideoCodec::H264)
    } else if let Codec::Hvc1(hvc1) = entry(trak) {
        hvc1.hvcc.encode_body(&mut record).expect("a record");
        picture(record, VideoCodec::H265)
    } else if let Codec::Mp4a(mp4a) = entry(trak) {
        let config = mp4a.esds.es_desc.dec_config.dec_specific.as_ref();
        MediaItem::Audio(AudioTrack {
            codec: AudioCodec::Aac,
            record: config.expect("a config").raw.clone().into(),
            sample_hz: trak.mdia.mdhd.timescale,
            channels: 1,
        })
    } else {
        panic!("not a track of a test film: {:?}", entry(trak))
    }
}

fn units(file: &[u8], trak: &Trak) -> Vec<AccessUnit> {
    let table = &trak.mdia.minf.stbl;
    let StszSamples::Different { sizes } = &table.stsz.samples else { panic!("one size") };
    let Mdhd { timescale, .. } = trak.mdia.mdhd;
    // Where the presentation starts: B-frames and encoder delay shift the media against it.
    let edit = trak.edts.as_ref().and_then(|edts| edts.elst.as_ref()?.entries.first()?.media_time);
    let origin = edit.unwrap_or(0) as i64;
    let media = |ticks: i64| MediaTime(((ticks - origin) * 90_000).div_euclid(timescale.into()));
    let mut deltas = table.stts.entries.iter().flat_map(|e| repeat(e.sample_count, e.sample_delta));
    let mut offsets = table
        .ctts
        .iter()
        .flat_map(|c| &c.entries)
        .flat_map(|e| repeat(e.sample_count, e.sample_offset));
    let track = if entry(trak).visual().is_some() { Track::Video } else { Track::Audio };
    let mut at = 0_i64;
    positions(trak)
        .into_iter()
        .zip(sizes)
        .zip(1_u32..)
        .map(|((position, size), number)| {
            let dts = at;
            at += i64::from(deltas.next().expect("a duration"));
            let position = position as usize;
            AccessUnit {
                track,
                pts: media(dts + offsets.next().unwrap_or(0)),
                dts: media(dts),
                keyframe: table.stss.as_ref().is_none_or(|stss| stss.entries.contains(&number)),
                data: Bytes::copy_from_slice(&file[position..position + *size as usize]),
                arrived: Monotonic(0),
            }
        })
        .collect()
}

fn repeat<T: Clone>(count: u32, value: T) -> impl Iterator<Item = T> {
    std::iter::repeat_n(value, count as usize)
}

/// Where each sample lies in the file.
fn positions(trak: &Trak) -> Vec<u64> {
    let table = &trak.mdia.minf.stbl;
    let StszSamples::Different { sizes } = &table.stsz.samples else { panic!("one size") };
    let chunks: Vec<u64> = match (&table.stco, &table.co64) {
        (Some(stco), _) => stco.entries.iter().map(|at| u64::from(*at)).collect(),
        (None, Some(co64)) => co64.entries.clone(),
        (None, None) => panic!("no chunks"),
    };
    let mut sizes = sizes.iter();
    let mut found = Vec::new();
    for (chunk, number) in chunks.into_iter().zip(1_u32..) {
        let run = table.stsc.entries.iter().rfind(|run| run.first_chunk <= number);
        let mut at = chunk;
        for size in sizes.by_ref().take(run.expect("a run").samples_per_chunk as usize) {
            found.push(at);
            at += u64::from(*size);
        }
    }
    found
}
