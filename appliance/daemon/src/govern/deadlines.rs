//! The audit of a deterministic box: frames whose lanes took too long, and when the box departed
//! from its operating point.
//!
//! Owns the file `deadlines.csv` in the data folder, and the one before it. Frames come from
//! `pipeline::links::Detections`, which overwrites the oldest when this is slow: what was lost is a
//! line as well. Keeps no frame waiting, but one of a file that is analysed as fast as can be.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use embassy_sync::pubsub::WaitResult;
use futures_lite::future;
use pipeline::inference::{FrameReport, Report};
use pipeline::links::{Departure, Departures, Detections};
use tracing::warn;
use wire::ids::Name;

/// Name of the file in the data folder.
pub const FILE: &str = "deadlines.csv";
/// The file before it.
pub const OLDER: &str = "deadlines.1.csv";
/// Lanes that take longer miss their deadline.
pub const DEADLINE: Duration = Duration::from_millis(50);
/// A file of this size is the older one from then on: about 40 000 lines.
const BYTES_MAX: u64 = 4 << 20;
const HEAD: &str = "what,wall_us,source,media_s,took_ms,operating_point,why\n";

/// What the audit works with.
pub struct Audit {
    /// Where the file lies.
    pub data_dir: PathBuf,
    /// Names of the sources, in the order of their numbers.
    pub sources: Vec<Name>,
    /// Frames come from here.
    pub detections: Arc<Detections>,
    /// Departures come from here.
    pub departures: Arc<Departures>,
}

/// What comes in.
enum Input {
    Report(WaitResult<Report>),
    Departure(Departure),
}

impl Audit {
    /// Writes until inference ends.
    pub async fn run(self) {
        let Self { data_dir, sources, detections, departures } = self;
        let mut reports =
            detections.subscriber().expect("links::Detections has room for its readers");
        let mut book = Book::new(&data_dir);
        loop {
            let departure = async { Input::Departure(departures.receive().await) };
            let report = async { Input::Report(reports.next_message().await) };
            let line = match future::or(departure, report).await {
                Input::Departure(departure) => Some(departure_line(&departure)),
                Input::Report(WaitResult::Lagged(lost)) => Some(lost_line(lost)),
                Input::Report(WaitResult::Message(Report::Frame(frame))) => {
                    late_line(&frame, &sources)
                }
                Input::Report(WaitResult::Message(Report::Ended { .. })) => None,
                Input::Report(WaitResult::Message(Report::Shutdown)) => return,
            };
            if let Some(line) = line {
                book.write(&line);
            }
        }
    }
}

/// A line for a frame that missed its deadline.
fn late_line(frame: &FrameReport, sources: &[Name]) -> Option<String> {
    if frame.took <= DEADLINE {
        return None;
    }
    let source = sources.get(frame.source).map_or("", |name| name.as_str());
    Some(format!(
        "late,{},{source},{:.3},{:.1},\"{}\",\n",
        frame.arrived.wall.0,
        frame.at.as_secs_f64(),
        1_000.0 * frame.took.as_secs_f64(),
        frame.point
    ))
}

fn lost_line(count: u64) -> String {
    format!("lost,,,,,,\"{count} frames were not looked at: the disk was too slow\"\n")
}

fn departure_line(departure: &Departure) -> String {
    let why = departure.why.replace('"', "'");
    format!("point,{},,,,\"{}\",\"{why}\"\n", departure.wall.0, departure.point)
}

/// The file, its size and the lines that it could not take.
struct Book {
    path: PathBuf,
    older: PathBuf,
    bytes_max: u64,
    lost: u64,
}

impl Book {
    fn new(data_dir: &Path) -> Self {
        let (path, older) = (data_dir.join(FILE), data_dir.join(OLDER));
        Self { path, older, bytes_max: BYTES_MAX, lost: 0 }
    }

    /// Adds a line. One that cannot be written is counted, and told when the next one can.
    fn write(&mut self, line: &str) {
        let lost = match self.lost {
            0 => String::new(),
            count => format!("lost,,,,,,\"{count} lines could not be written\"\n"),
        };
        match self.append(&(lost + line)) {
            Ok(()) => self.lost = 0,
            Err(error) => {
                if self.lost == 0 {
                    warn!("{} not written: {error}; is the disk full?", self.path.display());
                }
                self.lost += 1;
            }
        }
    }

    fn append(&self, lines: &str) -> io::Result<()> {
        let mut file = File::options().append(true).create(true).open(&self.path)?;
        let mut bytes = file.metadata()?.len();
        if bytes > 0 && bytes + lines.len() as u64 > self.bytes_max {
            drop(file);
            fs::rename(&self.path, &self.older)?;
            file = File::options().append(true).create(true).open(&self.path)?;
            bytes = 0;
        }
        let head = if bytes == 0 { HEAD } else { "" };
        file.write_all(format!("{head}{lines}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use governor::OperatingPoint;
    use models::incoming::Adaptation;
    use pipeline::links::Arrival;
    use wire::time::{MediaTime, Monotonic, WallTime};
    use wire::units::PictureSize;

    use super::*;

    fn frame(took_ms: u64) -> FrameReport {
        let wall = WallTime(1_800_000_000_000_000);
        FrameReport {
            source: 0,
            at: MediaTime::from_millis(1_240),
            arrived: Arrival { monotonic: Monotonic(0), wall, steady: wall },
            follows_gap: false,
            replay: None,
            size: PictureSize { width: 1_920, height: 1_080 },
            adaptation: Adaptation::default(),
            balls: Vec::new(),
            hoops: Vec::new(),
            board: Vec::new(),
            point: OperatingPoint::SMALLEST,
            took: Duration::from_millis(took_ms),
            searched: Duration::ZERO,
        }
    }

    fn lines(path: &Path) -> Vec<String> {
        let text = fs::read_to_string(path).expect("it is there");
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn frame_is_late_from_fifty_milliseconds_on() {
        let sources = ["court".parse().expect("a name")];
        assert_eq!(late_line(&frame(50), &sources), None);
        let late = "late,1800000000000000,court,1.240,51.0,\"12.5 fps, ball nano, rim nano\",\n";
        assert_eq!(late_line(&frame(51), &sources), Some(late.to_owned()));
    }

    #[test]
    fn file_is_bounded_and_the_one_before_is_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut book = Book { bytes_max: 1_000, ..Book::new(folder.path()) };
        (0..200).for_each(|count| book.write(&lost_line(count)));
        let (newer, older) = (folder.path().join(FILE), folder.path().join(OLDER));
        for file in [&newer, &older] {
            assert!(fs::metadata(file).expect("it is there").len() <= 1_000);
            assert_eq!(lines(file)[0], HEAD.trim_end());
        }
        assert!(lines(&newer).last().expect("lines").contains("199 frames"));
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), 2);
    }

    #[test]
    fn lines_that_could_not_be_written_are_counted_in_a_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // A folder in the file's place takes no line.
        fs::create_dir(folder.path().join(FILE)).expect("writable");
        let mut book = Book::new(folder.path());
        book.write(&lost_line(1));
        book.write(&lost_line(2));
        fs::remove_dir(folder.path().join(FILE)).expect("it is empty");
        book.write(&lost_line(3));
        let told = lines(&folder.path().join(FILE));
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[1].contains("2 lines could not be written") && told[2].contains("3 frames"));
    }

    #[test]
    fn running_audit_writes_late_frames_losses_and_departures_and_ends_with_inference() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (detections, departures) = (Arc::new(Detections::new()), Arc::new(Departures::new()));
        let audit = Audit {
            data_dir: folder.path().to_owned(),
            sources: vec!["court".parse().expect("a name")],
            detections: Arc::clone(&detections),
            departures: Arc::clone(&departures),
        };
        let publisher = detections.publisher().expect("one writer");
        let feed = async {
            // Once the audit listens, which it does first.
            for took in [40, 60] {
                publisher.publish(Report::Frame(Arc::new(frame(took)))).await;
            }
            for _ in 0..40 {
                publisher.publish_immediate(Report::Frame(Arc::new(frame(10))));
            }
            let why = "cpu reads 95.0 °C".to_owned();
            let point = OperatingPoint::SMALLEST;
            departures.send(Departure { wall: WallTime(7), point, why }).await;
            future::yield_now().await;
            publisher.publish(Report::Shutdown).await;
        };
        future::block_on(future::zip(audit.run(), feed));
        let told = lines(&folder.path().join(FILE));
        let kinds: Vec<&str> = told.iter().filter_map(|line| line.split(',').next()).collect();
        assert!(kinds.contains(&"lost") && kinds.contains(&"point"), "{told:?}");
        assert!(told.iter().any(|line| line.contains("cpu reads 95.0 °C")), "{told:?}");
    }
}
