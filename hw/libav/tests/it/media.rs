//! Makes media whose content tells its time: frame `n` is a grey of its own, and the sound is
//! silent but for one click.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hal::decode::{DecodeVideo as _, Packet};
use hal::surface::{Surface, SurfacePool};
use libav::file::{Reader, Track, Unit};
use libav::video;

/// Ticks of 1/90 000 s in a frame at 25 frames a second.
pub(crate) const FRAME: i64 = 3_600;
pub(crate) const WIDTH: usize = 320;
pub(crate) const HEIGHT: usize = 180;
/// When the click of [`Studio::game`] is heard, in seconds.
pub(crate) const CLICK_S: f64 = 0.7;
/// Sample rate of the generated sound.
pub(crate) const SOUND_HZ: usize = 48_000;

/// A folder with generated files.
pub(crate) struct Studio {
    folder: tempfile::TempDir,
}

impl Studio {
    /// `None`, said aloud, where there is no `ffmpeg`.
    pub(crate) fn open() -> Option<Self> {
        let found = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).status();
        if found.is_err() {
            eprintln!("SKIPPED: there is no ffmpeg command to make media with");
            return None;
        }
        Some(Self { folder: tempfile::tempdir().expect("a temporary folder") })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Encodes `frames` grey pictures with `options` into `name`.
    pub(crate) fn pictures(&self, name: &str, frames: usize, options: &str) -> PathBuf {
        self.encode(name, frames, &format!("-an {options}"))
    }

    /// Encodes grey pictures and, beside them, a click at [`CLICK_S`].
    pub(crate) fn game(&self, name: &str, frames: usize, options: &str) -> PathBuf {
        let mut sound = vec![0i16; frames * SOUND_HZ / 25 * 2];
        let first = 2 * (CLICK_S * SOUND_HZ as f64).round() as usize;
        // Long enough (0.5 ms) to survive the encoder, in both channels.
        sound[first..first + 2 * SOUND_HZ / 2_000].fill(30_000);
        let bytes: Vec<u8> = sound.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        std::fs::write(self.path("sound.raw"), bytes).expect("the temporary folder takes a file");
        self.encode(name, frames, options)
    }

    /// Copies a file into another container, without encoding again.
    pub(crate) fn remux(&self, from: &Path, name: &str, options: &[&str]) -> PathBuf {
        let path = self.path(name);
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-y"]).args(options).arg("-i").arg(from);
        command.args(["-c", "copy"]).arg(&path);
        assert!(command.status().expect("ffmpeg starts").success(), "ffmpeg made {name}");
        path
    }

    fn encode(&self, name: &str, frames: usize, options: &str) -> PathBuf {
        let path = self.path(name);
        let input = format!("-f rawvideo -pix_fmt gray -s {WIDTH}x{HEIGHT} -r 25 -i pipe:0");
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "error", "-y"]).args(input.split(' '));
        if !options.contains("-an") {
            let sound = self.path("sound.raw");
            command.args(["-f", "s16le", "-ar", "48000", "-ac", "2", "-i"]).arg(sound);
        }
        command.args(["-color_range", "tv", "-vf", "scale=in_range=tv:out_range=tv"]);
        command.args(options.split(' ').filter(|option| !option.is_empty())).arg(&path);
        let mut child = command.stdin(Stdio::piped()).spawn().expect("ffmpeg starts");
        let mut pipe = child.stdin.take().expect("the pipe was asked for");
        for n in 0..frames {
            pipe.write_all(&picture(n)).expect("ffmpeg takes every picture");
        }
        drop(pipe);
        assert!(child.wait().expect("ffmpeg ends").success(), "ffmpeg made {name}");
        path
    }
}

/// Grey of frame `n`: neighbours differ by far more than an encoder's error.
pub(crate) fn grey(n: usize) -> u8 {
    (20 + (n % 20) * 10) as u8
}

/// Frame `n`: its grey, and some texture on the right so that there is something to encode.
fn picture(n: usize) -> Vec<u8> {
    let mut seed = n as u32 + 1;
    let mut pixels = vec![grey(n); WIDTH * HEIGHT];
    for row in pixels.chunks_mut(WIDTH) {
        for pixel in &mut row[WIDTH / 2..] {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *pixel = (64 + (seed >> 26)) as u8;
        }
    }
    pixels
}

/// Mean luma of the part that has the frame's grey.
pub(crate) fn seen(surface: &Surface) -> f64 {
    let picture = surface.download().expect("pictures are in host memory");
    let plane = picture.planes[0];
    let (rows, columns) = (HEIGHT, WIDTH / 2 - 16);
    let sum: u64 = (0..rows)
        .flat_map(|y| &plane.data[y * plane.stride..y * plane.stride + columns])
        .map(|pixel| u64::from(*pixel))
        .sum();
    sum as f64 / (rows * columns) as f64
}

/// Asserts that a picture is the one that belongs to its time.
pub(crate) fn assert_in_place(surface: &Surface) {
    let pts = surface.pts().0;
    assert_eq!(pts % FRAME, 0, "{pts} lies on the frame grid");
    let expected = f64::from(grey((pts / FRAME) as usize));
    let seen = seen(surface);
    assert!((seen - expected).abs() < 2.0, "at {pts}: luma {seen:.1}, expected {expected}");
}

pub(crate) fn units(path: &Path, track: Track) -> Vec<Unit> {
    let reader = Reader::open(path).expect("ffmpeg made a readable file");
    let units = reader.map(|unit| unit.expect("the file is whole"));
    units.filter(|unit| unit.track == track).collect()
}

/// Decodes a whole file.
pub(crate) fn decode(path: &Path) -> Vec<Surface> {
    let config = Reader::open(path).expect("ffmpeg made a readable file").video().config.clone();
    let mut decoder =
        video::Decoder::open(&config, SurfacePool::new(1_000)).expect("the record is whole");
    let mut surfaces = Vec::new();
    for unit in units(path, Track::Video) {
        decoder.decode(unit.packet(), &mut |s| surfaces.push(s)).expect("the file is sound");
    }
    decoder.drain(&mut |s| surfaces.push(s)).expect("the decoder is sound");
    surfaces
}

/// The same access unit with other bytes.
pub(crate) fn with_data<'a>(unit: &Unit, data: &'a [u8]) -> Packet<'a> {
    Packet { data, pts: unit.pts, dts: unit.dts }
}
