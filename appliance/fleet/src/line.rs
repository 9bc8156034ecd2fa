//! What the receiver tells about everything that it stored, once each: for people or as JSON.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use wire::clip::ClipRecord;
use wire::envelope::{Body, Envelope};
use wire::ids::BootId;
use wire::time::WallTime;
use wire::topic::Device;

/// One thing that was stored, or that is now known to be missing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The customer.
    pub tenant: String,
    /// The box.
    pub device: String,
    /// UTC of its arrival, in microseconds; the commit follows within milliseconds, and this line
    /// after it.
    pub stored_us: i64,
    /// What it is.
    #[serde(flatten)]
    pub stored: Stored,
}

/// What was stored. In JSON the variant's name is the field `type`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Stored {
    /// A message.
    Event {
        /// From the arrival of the last byte of the frame that decided to the message's arrival
        /// here, by the two machines' wall clocks; only for game events.
        latency_ms: Option<f64>,
        /// The message.
        envelope: Box<Envelope>,
    },
    /// A clip, whole and verified.
    Clip {
        /// The file.
        path: PathBuf,
        /// From the moment the clip's last frame was due at the box to the file's place here.
        delay_ms: f64,
        /// What it shows.
        record: Box<ClipRecord>,
    },
    /// Messages that the box cannot supply any more: inclusive numbers.
    Hole {
        /// Which boot.
        boot: BootId,
        /// First number.
        from_seq: u64,
        /// Last number.
        upto_seq: u64,
    },
    /// The box sent another message under a number that is taken: its data was reset.
    Conflict {
        /// Which boot.
        boot: BootId,
        /// The number.
        seq: u64,
    },
}

impl Line {
    pub(crate) fn new(device: &Device, at: WallTime, stored: Stored) -> Self {
        Self {
            tenant: device.tenant.as_str().to_owned(),
            device: device.device.as_str().to_owned(),
            stored_us: at.0,
            stored,
        }
    }

    /// The line as JSON, without line break.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("lines have text keys, so JSON can hold them")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{} ", TimeOfDay(WallTime(self.stored_us)), self.tenant, self.device)?;
        match &self.stored {
            Stored::Event { latency_ms, envelope } => {
                write_body(f, &envelope.body)?;
                match latency_ms {
                    Some(latency) => write!(f, "  {latency:.0} ms"),
                    None => Ok(()),
                }
            }
            Stored::Clip { path, record, .. } => write!(
                f,
                "clip  {}  {:.1} s  {} frames  {:.2} MB  sha256 verified",
                path.display(),
                record.interval.end.since(record.interval.start).as_secs_f64(),
                record.frames,
                record.bytes as f64 / 1e6,
            ),
            Stored::Hole { boot, from_seq, upto_seq } => write!(
                f,
                "hole  boot {} messages {from_seq} to {upto_seq}: the box does not have them any more",
                boot.0
            ),
            Stored::Conflict { boot, seq } => write!(
                f,
                "conflict  boot {} message {seq} came with another content: the box lost its data; \
                 the new content is kept in the table `conflicts`",
                boot.0
            ),
        }
    }
}

/// UTC for people, `13:05:07.063Z`.
pub(crate) struct TimeOfDay(pub(crate) WallTime);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WallTime(micros) = self.0;
        let second = micros.div_euclid(1_000_000);
        let (hours, minutes) = (second.rem_euclid(86_400) / 3600, second.rem_euclid(3600) / 60);
        let millis = micros.rem_euclid(1_000_000) / 1_000;
        write!(f, "{hours:02}:{minutes:02}:{:02}.{millis:03}Z", second.rem_euclid(60))
    }
}

/// What a message says, for people.
pub(crate) struct Told<'a>(pub(crate) &'a Body);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_body(f, self.0)
    }
}

fn write_body(f: &mut fmt::Formatter<'_>, body: &Body) -> fmt::Result {
    match body {
        Body::Game(event) => {
            write!(f, "{}  {:?}  {}", event.kind.as_str(), event.stage, event.id)?;
            if let Some(hoop) = &event.hoop {
                write!(f, "  hoop {hoop}")?;
            }
            let sure = event.confidence.as_share() * 100.0;
            write!(f, "  {} at {:.2} s  {sure:.0} %", event.source, event.at.as_secs_f64())
        }
        Body::Clip(clip) => {
            let length = clip.interval.end.since(clip.interval.start).as_secs_f64();
            write!(f, "clip announced  {}  {} {length:.1} s", clip.id, clip.source)
        }
        Body::Notice(notice) => write!(f, "notice  {:?}  {}", notice.kind, notice.text),
        Body::Board(board) => {
            let shown = |value: Option<u16>| value.map_or("–".to_owned(), |v| v.to_string());
            write!(f, "board  {}  {}:{}", board.source, shown(board.home), shown(board.away))?;
            if let Some(period) = board.period {
                write!(f, "  period {period}")?;
            }
            if let Some(tenths) = board.clock_ds {
                write!(f, "  {}:{:02} left", tenths / 600, tenths / 10 % 60)?;
            }
            let sure = board.confidence.as_share() * 100.0;
            write!(f, "  at {:.2} s  {sure:.0} %", board.at.as_secs_f64())
        }
    }
}
