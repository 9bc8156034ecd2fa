//! The `court` command as other tools use it.

use std::io::Read;
use std::process::{Command, Stdio};

fn court() -> Command {
    Command::new(env!("CARGO_BIN_EXE_court"))
}

#[test]
fn truth_and_sound_are_complete_before_the_first_frame_arrives() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (truth, sound) = (folder.path().join("g.events.json"), folder.path().join("g.wav"));
    let mut child = court()
        .args(["play", "--seed", "3", "--seconds", "3", "--size", "160x90", "--format", "y4m"])
        .args(["--video", "-", "--pace", "real-time", "--truth"])
        .arg(&truth)
        .arg("--audio")
        .arg(&sound)
        .stdout(Stdio::piped())
        .spawn()
        .expect("court starts");
    let mut out = child.stdout.take().expect("a pipe");
    let mut first = [0; 10];
    out.read_exact(&mut first).expect("the first bytes");
    assert_eq!(&first, b"YUV4MPEG2 ");
    let text = std::fs::read_to_string(&truth).expect("the truth is there");
    let parsed: court::Truth = serde_json::from_str(&text).expect("and complete");
    assert!((parsed.fps - 25.0).abs() < 1e-9);
    let bytes = std::fs::read(&sound).expect("the sound is there");
    assert_eq!(bytes.len(), 44 + 3 * 48_000 * 2);
    let mut rest = Vec::new();
    out.read_to_end(&mut rest).expect("all of it");
    let picture = 160 * 90 * 3 / 2 + b"FRAME\n".len();
    let header = first.len() + rest.len() - 75 * picture;
    assert_eq!(rest.get(header - first.len() - 1), Some(&b'\n'));
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_still_is_a_png_of_the_size_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("still.png");
    let status = court()
        .args(["still", "--seed", "4", "--at", "1", "--seconds", "2", "--size", "200x120", "--out"])
        .arg(&path)
        .status()
        .expect("court starts");
    assert!(status.success());
    let bytes = std::fs::read(&path).expect("the picture");
    assert_eq!(&bytes[1..4], b"PNG");
    assert_eq!(bytes[16..24], [0, 0, 0, 200, 0, 0, 0, 120]);
}

#[test]
fn a_video_is_y4m_when_its_name_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    const PICTURES: usize = 5;
    const BYTES: usize = 160 * 90 * 3 / 2;
    for name in ["game.y4m", "game.i420"] {
        let path = folder.path().join(name);
        let status = court()
            .args(["play", "--seed", "4", "--seconds", "0.2", "--size", "160x90", "--video"])
            .arg(&path)
            .status()
            .expect("court starts");
        assert!(status.success());
        let bytes = std::fs::read(&path).expect("the video");
        let header = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let y4m = header + PICTURES * (b"FRAME\n".len() + BYTES);
        assert_eq!(bytes.starts_with(b"YUV4MPEG2 "), name == "game.y4m", "{name}");
        assert_eq!(bytes.len(), if name == "game.y4m" { y4m } else { PICTURES * BYTES }, "{name}");
    }
}

#[test]
fn a_wrong_size_is_refused_with_an_example() {
    let output =
        court().args(["bench", "--seed", "1", "--size", "large"]).output().expect("court starts");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("large") && text.contains("1280x720"), "{text}");
}

#[test]
fn a_reader_that_leaves_ends_the_game_quietly() {
    let mut child = court()
        .args(["play", "--seed", "3", "--seconds", "30", "--size", "320x180", "--video", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("court starts");
    let mut out = child.stdout.take().expect("a pipe");
    let mut some = [0; 100];
    out.read_exact(&mut some).expect("the first bytes");
    drop(out);
    assert!(child.wait().expect("it ends").success());
}
