//! The training material has the shapes and the mixture it promises.

use court::Kind;
use court::dataset::{self, field, look, rim};

#[test]
fn rim_clips_have_their_shape_and_their_hoop_inside() {
    for seed in 100..112 {
        let (clip, bytes) = rim::render(seed);
        assert!([48, 64, 80, 112, 160].contains(&clip.p));
        assert_eq!(bytes.len(), rim::FRAMES * clip.p * clip.p);
        assert_eq!(clip.hoop_box_per_frame.len(), rim::FRAMES);
        assert_eq!(clip.ball_per_frame.len(), rim::FRAMES);
        let side = clip.p as f32;
        for b in &clip.hoop_box_per_frame {
            let inside = b[0] > 0.0 && b[1] > 0.0 && b[2] < side && b[3] < side;
            assert!(inside, "seed {seed}: {b:?} in {side}");
        }
        let b = clip.hoop_box_per_frame[0];
        let share = side / (b[2] - b[0]);
        assert!((3.0..6.6).contains(&share), "seed {seed}: side is {share} hoop widths");
        for event in &clip.events {
            assert!(event.frame >= 0.0 && event.frame < rim::FRAMES as f32);
        }
    }
}

#[test]
fn rim_clips_are_made_missed_and_quiet_in_the_promised_shares() {
    let (mut made, mut missed, mut quiet) = (0, 0, 0);
    for seed in 500..620 {
        match rim::moments_of_seed(seed).first().map(|m| m.kind) {
            Some(Kind::MadeShot) => made += 1,
            Some(_) => missed += 1,
            None => quiet += 1,
        }
    }
    assert!((30..=54).contains(&made), "{made} made");
    assert!((30..=54).contains(&missed), "{missed} missed");
    assert!((18..=46).contains(&quiet), "{quiet} quiet");
}

#[test]
fn in_a_made_clip_the_ball_comes_down_through_the_hoop_box() {
    let mut checked = 0;
    for seed in 200..240 {
        let (clip, _) = rim::render(seed);
        for event in clip.events.iter().filter(|e| e.kind == Kind::MadeShot && e.frame < 60.0) {
            let at = event.frame.round() as usize;
            let (b, ball) = (clip.hoop_box_per_frame[at], clip.ball_per_frame[at]);
            let width = b[2] - b[0];
            assert!(ball[0] > b[0] - 0.2 * width && ball[0] < b[2] + 0.2 * width, "seed {seed}");
            let later = clip.ball_per_frame[at + 10];
            assert!(later[1] > ball[1], "seed {seed}: the ball does not fall");
            checked += 1;
        }
    }
    assert!(checked >= 8, "only {checked} made shots");
}

#[test]
fn written_clips_are_where_their_list_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    dataset::write::<rim::Clip>(folder.path(), "clips", (40, 3)).expect("written");
    let bytes = std::fs::read(folder.path().join("clips.u8")).expect("clips");
    let text = std::fs::read(folder.path().join("clips.json")).expect("list");
    let list: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let list = list.as_array().expect("a list");
    assert_eq!(list.len(), 3);
    for (seed, entry) in (40..).zip(list) {
        let offset = entry["offset"].as_u64().expect("offset") as usize;
        let (_, clip) = rim::render(seed);
        assert_eq!(bytes[offset..offset + clip.len()], clip);
    }
}

#[test]
fn field_sequences_have_their_shape_and_a_hoop_or_a_ball() {
    for seed in 0..4 {
        let (sequence, bytes) = field::render(seed);
        assert_eq!(bytes.len(), field::FRAMES * field::SIZE.0 * field::SIZE.1);
        assert_eq!(sequence.balls_per_frame.len(), field::FRAMES);
        assert_eq!(sequence.hoops_per_frame.len(), field::FRAMES);
        for (balls, hoops) in sequence.balls_per_frame.iter().zip(&sequence.hoops_per_frame) {
            assert!(!balls.is_empty() || !hoops.is_empty());
            for hoop in hoops {
                assert!(hoop[2] > hoop[0] && hoop[3] > hoop[1]);
            }
        }
    }
}

#[test]
fn looks_have_their_shape_and_most_of_them_a_hoop_inside_the_picture() {
    let mut with_hoop = 0;
    for seed in 0..16 {
        let (pair, bytes) = look::render(seed);
        assert_eq!(bytes.len(), look::PICTURES * look::SIZE.0 * look::SIZE.1);
        assert_eq!(pair.hoops_per_frame.len(), look::PICTURES);
        for hoop in pair.hoops_per_frame.iter().flatten() {
            let middle = ((hoop[0] + hoop[2]) / 2.0, (hoop[1] + hoop[3]) / 2.0);
            assert!(middle.0 > 0.0 && middle.0 < look::SIZE.0 as f32, "seed {seed}: {hoop:?}");
            assert!(middle.1 > 0.0 && middle.1 < look::SIZE.1 as f32, "seed {seed}: {hoop:?}");
        }
        with_hoop += usize::from(!pair.hoops_per_frame[0].is_empty());
    }
    assert!((11..=16).contains(&with_hoop), "{with_hoop} of 16");
}
