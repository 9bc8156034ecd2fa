//! Reading files: containers, edit lists, errors. Owns no media; see `media`.

use libav::file::{Error, Reader, Sound, Track, Unit};
use wire::codec::VideoCodec;
use wire::time::MediaTime;

use crate::media::{self, FRAME, Studio, assert_in_place};

const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25";

#[test]
fn every_container_gives_the_same_pictures_at_the_same_times() {
    let Some(studio) = Studio::open() else { return };
    for name in ["a.mp4", "a.mov", "a.mkv", "a.flv", "a.ts"] {
        for frames in ["-bf 0", "-bf 2 -b_strategy 0"] {
            let options = format!("{X264} {frames} -c:a aac");
            let path = studio.game(name, 60, &options);
            let reader = Reader::open(&path).expect("a readable file");
            assert_eq!(reader.video().config.codec, VideoCodec::H264);
            assert_eq!(reader.video().config.record[0], 1, "{name}: an avcC record");
            assert_eq!((reader.video().size.width, reader.video().size.height), (320, 180));
            assert_eq!(reader.sound(), &Sound::Present, "{name}");
            let audio = reader.audio().expect("the file has sound");
            assert_eq!((audio.sample_hz, audio.channels), (48_000, 2), "{name}");
            let surfaces = media::decode(&path);
            let times: Vec<i64> = surfaces.iter().map(|s| s.pts().0 / FRAME).collect();
            assert_eq!(times, (0..60).collect::<Vec<_>>(), "{name} {frames}");
            surfaces.iter().for_each(assert_in_place);
        }
    }
}

#[test]
fn keyframes_and_decoding_order_are_told() {
    let Some(studio) = Studio::open() else { return };
    let path = studio.pictures("a.mp4", 100, &format!("{X264} -bf 2 -b_strategy 0"));
    let units = media::units(&path, Track::Video);
    let keys: Vec<i64> = units.iter().filter(|u| u.keyframe).map(|u| u.pts.0 / FRAME).collect();
    assert_eq!(keys, [0, 25, 50, 75]);
    assert!(units.windows(2).all(|pair| pair[0].dts < pair[1].dts));
    assert!(units.iter().all(|unit: &Unit| unit.dts <= unit.pts));
}

#[test]
fn file_without_sound_is_read() {
    let Some(studio) = Studio::open() else { return };
    let reader = Reader::open(&studio.pictures("a.mp4", 50, X264)).expect("a readable file");
    assert_eq!(reader.audio(), None);
    assert_eq!(reader.sound(), &Sound::Absent);
    assert_eq!(reader.video().frame_rate, Some(25.0));
    assert_eq!(reader.duration().map(|d| d.as_millis()), Some(2_000));
    assert_eq!(reader.count(), 50);
}

#[test]
fn sound_in_another_codec_is_left_out_and_named() {
    let Some(studio) = Studio::open() else { return };
    let path = studio.game("a.mkv", 25, &format!("{X264} -c:a ac3"));
    let reader = Reader::open(&path).expect("a readable file");
    assert!(matches!(reader.sound(), Sound::Skipped(why) if why.contains("ac3")));
    assert!(reader.map(|u| u.expect("a whole file")).all(|u| u.track == Track::Video));
}

#[test]
fn what_an_edit_list_cuts_off_lies_before_zero() {
    let Some(studio) = Studio::open() else { return };
    let whole = studio.game("a.mp4", 75, &format!("{X264} -bf 0 -c:a aac"));
    let cut = studio.remux(&whole, "cut.mp4", &["-ss", "1.4"]);
    let surfaces = media::decode(&cut);
    let first_shown = surfaces.iter().find(|s| s.pts() >= MediaTime(0)).expect("a picture");
    assert_eq!(first_shown.pts(), MediaTime(0));
    let seen = media::seen(first_shown);
    let expected = f64::from(media::grey(35));
    assert!((seen - expected).abs() < 2.0, "frame 35 is shown first: {seen} for {expected}");
}

#[test]
fn errors_name_the_file_and_what_to_do() {
    let Some(studio) = Studio::open() else { return };
    let text = studio.path("notes.txt");
    std::fs::write(&text, "no video\n").expect("the temporary folder takes a file");
    let missing = studio.path("missing.mp4");
    let whole = studio.pictures("whole.mp4", 50, X264);
    let bytes = std::fs::read(&whole).expect("ffmpeg made it");
    let headless = studio.path("headless.mp4");
    std::fs::write(&headless, &bytes[..bytes.len() / 2]).expect("room for a file");
    let other = studio.pictures("other.mp4", 25, "-c:v mpeg4");
    for path in [&text, &missing, &headless, &other, &studio.path("")] {
        let error = Reader::open(path).err().expect("it is no usable video");
        let message = error.to_string();
        assert!(message.contains(&path.display().to_string()), "{message}");
        assert!(message.contains("give") || message.contains("convert"), "{message}");
    }
    let named = Reader::open(&other).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(named.contains("mpeg4"), "{named}");
}

#[test]
fn damage_in_the_middle_of_a_file_is_counted_and_the_rest_is_read() {
    let Some(studio) = Studio::open() else { return };
    let path = studio.game("a.ts", 100, &format!("{X264} -bf 0 -c:a aac"));
    let mut bytes = std::fs::read(&path).expect("a file that was just made");
    let (from, to) = (bytes.len() / 4, bytes.len() / 2);
    for (index, byte) in bytes.iter_mut().enumerate().take(to).skip(from) {
        if index % 97 == 0 {
            *byte ^= (index / 97) as u8 | 1;
        }
    }
    std::fs::write(&path, bytes).expect("a folder of its own");
    let mut reader = Reader::open(&path).expect("its beginning is whole");
    let mut last = MediaTime(0);
    for unit in reader.by_ref() {
        last = unit.expect("no damage ends a file").pts.max(last);
    }
    assert!(last >= MediaTime(99 * FRAME), "{last:?}");
    assert!(reader.damaged() > 0);
}

#[test]
fn file_with_sound_alone_is_refused() {
    let Some(studio) = Studio::open() else { return };
    let whole = studio.game("a.mp4", 25, &format!("{X264} -c:a aac"));
    let path = studio.remux(&whole, "a.m4a", &["-vn"]);
    assert!(matches!(Reader::open(&path), Err(Error::NoVideo { .. })));
}
