//! HLS pieces of a real packager, pictures and sound in lists of their own: one stream leaves,
//! whatever the order in which they come and whatever is missing of them.

#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

mod tools;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ingest::access_unit::{AccessUnit, MediaItem, Track as UnitTrack};
use ingest::elementary::Output;
use ingest::hls::{AudioPlace, FetchId, Format, Media, Piece, Track};
use ingest::limits::Limits;
use ingest::renditions::{Demuxer, Waiting};
use tools::ffmpeg_is_installed;
use wire::time::{MediaSpan, MediaTime, Monotonic};

/// Pictures of a second and sound of a second, in either container.
const FORMATS: [(Format, &str); 2] = [(Format::Fmp4, "fmp4"), (Format::Ts, "mpegts")];

/// A piece of one list.
type Fetched = (Media, Vec<u8>);

#[test]
fn two_lists_become_one_stream_in_whatever_order_they_come() {
    for (format, name) in FORMATS {
        let Some(stream) = Stream::make("orders", (format, name), "-hls_time 1") else { return };
        let (main, sound) = (stream.list(Track::Main), stream.list(Track::Audio));
        let mut orders: Vec<Vec<&Fetched>> =
            vec![main.iter().chain(&sound).collect(), sound.iter().chain(&main).collect()];
        let mut turns = Vec::new();
        for index in 0..main.len().max(sound.len()) {
            turns.extend(sound.get(index).into_iter().chain(main.get(index)));
        }
        orders.push(turns);
        let mut first: Option<Vec<AccessUnit>> = None;
        for order in orders {
            let mut demuxer = Demuxer::new(Limits::default(), AudioPlace::Separate);
            for (media, body) in order {
                demuxer.handle_piece(Monotonic(0), media, body).unwrap();
            }
            demuxer.finish().unwrap();
            let outputs = all(&mut demuxer);
            let counters = demuxer.counters();
            assert_eq!(counters.audio_astray_dropped + counters.malformed_dropped, 0);
            let video = units(&outputs, UnitTrack::Video);
            assert_eq!(video.len(), 200, "{name}");
            let heard = units(&outputs, UnitTrack::Audio).len() as u64;
            assert!((370..=378).contains(&(heard + counters.audio_early_dropped)), "{heard}");
            let times: Vec<_> = video_and_sound(&outputs).map(|unit| unit.dts).collect();
            assert!(times.is_sorted(), "{name}: {times:?}");
            let left: Vec<_> = video_and_sound(&outputs).cloned().collect();
            assert!(first.get_or_insert_with(|| left.clone()) == &left, "{name}");
        }
    }
}

#[test]
fn what_was_muxed_together_and_what_comes_apart_have_the_same_offset() {
    for format in FORMATS {
        let Some(apart) = Stream::make("apart", format, "-hls_time 1") else { return };
        let Some(muxed) = Stream::make("muxed", format, "-hls_time 1 MUXED") else { return };
        let offset = |stream: &Stream, place| {
            let mut demuxer = Demuxer::new(Limits::default(), place);
            for (media, body) in stream.list(Track::Main).iter().chain(&stream.list(Track::Audio)) {
                demuxer.handle_piece(Monotonic(0), media, body).unwrap();
            }
            demuxer.finish().unwrap();
            let outputs = all(&mut demuxer);
            // Of the sound counted from the pictures: modulo a frame, because one or the other begins
            // a frame earlier.
            let sound = units(&outputs, UnitTrack::Audio)[10].pts;
            sound.since(MediaTime(0)).0.rem_euclid(1_920)
        };
        let (apart, muxed) =
            (offset(&apart, AudioPlace::Separate), offset(&muxed, AudioPlace::Main));
        assert!((apart - muxed).abs() <= 2, "{apart} and {muxed} of {:?}", format.1);
    }
}

#[test]
fn sound_that_stays_away_is_waited_for_and_no_longer() {
    let Some(stream) = Stream::make("patience", FORMATS[0], "-hls_time 1") else { return };
    let mut demuxer = Demuxer::new(Limits::default(), AudioPlace::Separate);
    let start = Monotonic::from_millis(10_000);
    for (media, body) in stream.list(Track::Main).iter().take(5) {
        demuxer.handle_piece(start, media, body).unwrap();
    }
    // The track, which has no time, is told at once.
    assert!(units(&all(&mut demuxer), UnitTrack::Video).is_empty());
    assert!(demuxer.waiting(Track::Main).bytes > 10_000);
    assert_eq!(demuxer.waiting(Track::Audio), Waiting::default());
    let patience = demuxer.deadline().unwrap();
    assert_eq!(patience, start.plus(Duration::from_millis(2_400)));
    demuxer.handle_time(Monotonic(patience.0 - 1)).unwrap();
    assert!(all(&mut demuxer).is_empty());
    demuxer.handle_time(patience).unwrap();
    let early = all(&mut demuxer);
    assert_eq!(units(&early, UnitTrack::Video).len(), 100);
    assert_eq!((demuxer.waiting(Track::Main), demuxer.deadline()), (Waiting::default(), None));
    // What comes late still has its place, and all goes on.
    for (media, body) in stream.list(Track::Audio).iter().chain(&stream.list(Track::Main)[5..]) {
        demuxer.handle_piece(patience, media, body).unwrap();
    }
    demuxer.finish().unwrap();
    let late = all(&mut demuxer);
    assert_eq!(units(&late, UnitTrack::Video).len(), 100);
    assert!(units(&late, UnitTrack::Audio).len() > 360);
}

#[test]
fn without_the_other_list_nothing_waits() {
    let Some(stream) = Stream::make("lost", FORMATS[0], "-hls_time 1") else { return };
    let mut demuxer = Demuxer::new(Limits::default(), AudioPlace::Separate);
    for (media, body) in &stream.list(Track::Main) {
        demuxer.handle_piece(Monotonic(0), media, body).unwrap();
    }
    assert_eq!(units(&all(&mut demuxer), UnitTrack::Video).len(), 0);
    demuxer.handle_sound_lost(Monotonic(0)).unwrap();
    assert_eq!(units(&all(&mut demuxer), UnitTrack::Video).len(), 200);
}

#[test]
fn trouble_with_the_sound_costs_the_sound_alone() {
    let Some(stream) = Stream::make("trouble", FORMATS[0], "-hls_time 1") else { return };
    let mut demuxer = Demuxer::new(Limits::default(), AudioPlace::Separate);
    let (main, sound) = (stream.list(Track::Main), stream.list(Track::Audio));
    // Whoever sends pictures where sound was promised.
    let (media, _) = &sound[0];
    let body = stream.silent();
    demuxer.handle_piece(Monotonic(0), media, &body).unwrap();
    let complaint = demuxer.complaint().unwrap();
    assert!(complaint.contains("without sound"), "{complaint}");
    for (media, body) in main.iter().chain(&sound) {
        demuxer.handle_piece(Monotonic(0), media, body).unwrap();
    }
    let outputs = all(&mut demuxer);
    assert_eq!(units(&outputs, UnitTrack::Video).len(), 200);
    assert!(units(&outputs, UnitTrack::Audio).is_empty());
}

#[test]
fn a_discontinuity_of_both_lists_is_one_new_epoch() {
    for format in FORMATS {
        let Some(stream) = Stream::make("epochs", format, "-hls_time 1") else { return };
        let mut demuxer = Demuxer::new(Limits::default(), AudioPlace::Separate);
        let mut outputs = Vec::new();
        for round in 0..2_u32 {
            // The sound is told of the new beginning first, and comes first.
            for track in [Track::Audio, Track::Main] {
                for (index, (mut media, body)) in stream.list(track).into_iter().enumerate() {
                    media.discontinuity = round > 0 && index == 0;
                    media.epoch = round;
                    demuxer.handle_piece(Monotonic(0), &media, &body).unwrap();
                }
            }
        }
        demuxer.finish().unwrap();
        outputs.extend(all(&mut demuxer));
        let at = outputs.iter().position(|output| *output == Output::Discontinuity).unwrap();
        let (before, after) = outputs.split_at(at);
        for outputs in [before, after] {
            assert_eq!(units(outputs, UnitTrack::Video).len(), 200);
            assert!(units(outputs, UnitTrack::Audio).len() > 365);
            let last = units(outputs, UnitTrack::Audio).last().unwrap().pts;
            assert!(last.since(MediaTime::from_millis(7_900)) > MediaSpan(0), "{last:?}");
        }
        let counters = demuxer.counters();
        assert_eq!((counters.discontinuities, counters.audio_astray_dropped), (1, 0));
    }
}

#[test]
fn after_a_missing_segment_pictures_begin_at_a_keyframe() {
    let Some(stream) = Stream::make("missing", FORMATS[0], "-hls_time 1") else { return };
    let mut demuxer = Demuxer::new(Limits::default(), AudioPlace::Main);
    let main = stream.list(Track::Main);
    for (index, (media, body)) in main.iter().enumerate() {
        if media.piece == Piece::Segment && media.sequence == 3 {
            demuxer.handle_missed(Monotonic(0), Track::Main).unwrap();
        } else {
            demuxer.handle_piece(Monotonic(index as u64), media, body).unwrap();
        }
    }
    let outputs = all(&mut demuxer);
    let video = units(&outputs, UnitTrack::Video);
    assert_eq!((video.len(), demuxer.counters().gaps), (175, 1));
    let jump = video.windows(2).position(|pair| pair[1].dts.since(pair[0].dts).as_millis() > 40);
    assert!(video[jump.unwrap() + 1].keyframe);
    assert_eq!(demuxer.counters().discontinuities, 0);
}

/// A packaged stream of eight seconds, in a folder.
struct Stream {
    folder: PathBuf,
    format: Format,
}

impl Stream {
    /// `None` without ffmpeg. With the word `MUXED` the sound comes with the pictures.
    fn make(test: &str, (format, name): (Format, &str), options: &str) -> Option<Self> {
        if !ffmpeg_is_installed() {
            return None;
        }
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("renditions-{test}-{name}"));
        drop(std::fs::remove_dir_all(&folder));
        std::fs::create_dir_all(&folder).unwrap();
        let (options, map) = match options.strip_suffix(" MUXED") {
            Some(options) => (options, "v:0,a:0"),
            None => (options, "v:0,agroup:a a:0,agroup:a"),
        };
        let status = Command::new("ffmpeg")
            .args(
                "-hide_banner -loglevel error -nostdin -f lavfi \
                 -i testsrc2=size=322x182:rate=25:duration=8 -f lavfi -i sine=duration=8:r=48000 \
                 -map 0:v -map 1:a -c:v libx264 -preset ultrafast -tune zerolatency -g 25 -bf 0 \
                 -pix_fmt yuv420p -c:a aac -f hls -hls_playlist_type vod"
                    .split_whitespace(),
            )
            .args(options.split(' '))
            .args(["-hls_segment_type", name, "-var_stream_map", map])
            .args(["-hls_segment_filename", "s_%v_%d", "p_%v.m3u8"])
            .current_dir(&folder)
            .status()
            .unwrap();
        assert!(status.success());
        Some(Self { folder, format })
    }

    /// The pieces of a list, in order; none if there is no such list.
    fn list(&self, track: Track) -> Vec<Fetched> {
        let number = match track {
            Track::Main => 0,
            Track::Audio => 1,
        };
        let read = |name: String| std::fs::read(self.folder.join(name)).ok();
        let media = |piece, sequence, duration_ms| Media {
            id: FetchId(0),
            track,
            format: self.format,
            piece,
            epoch: 0,
            sequence,
            discontinuity: false,
            duration: Duration::from_millis(duration_ms),
            wall: None,
        };
        // Of one variant alone the name has no number.
        let alone = || read("init.mp4".to_owned()).filter(|_| track == Track::Main);
        let init = read(format!("init_{number}.mp4")).or_else(alone);
        let init = init.map(|body| (media(Piece::Init, 0, 0), body));
        let segments = (0..).map_while(|sequence| {
            let body = read(format!("s_{number}_{sequence}"))?;
            Some((media(Piece::Segment, sequence, 1_200), body))
        });
        init.into_iter().chain(segments).collect()
    }

    /// An initialization section without sound.
    fn silent(&self) -> Vec<u8> {
        self.list(Track::Main).swap_remove(0).1
    }
}

fn all(demuxer: &mut Demuxer) -> Vec<Output> {
    std::iter::from_fn(|| demuxer.next_output()).collect()
}

fn video_and_sound(outputs: &[Output]) -> impl Iterator<Item = &AccessUnit> {
    outputs.iter().filter_map(|output| match output {
        Output::Item(MediaItem::Unit(unit)) => Some(unit),
        Output::Item(MediaItem::Video(_) | MediaItem::Audio(_)) | Output::Discontinuity => None,
    })
}

fn units(outputs: &[Output], track: UnitTrack) -> Vec<&AccessUnit> {
    video_and_sound(outputs).filter(|unit| unit.track == track).collect()
}
