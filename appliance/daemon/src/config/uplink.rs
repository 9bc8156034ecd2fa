//! `[uplink]`: when clips are uploaded, and how much of the line they may take.

use std::path::PathBuf;

use document::{Entry, Key, Place, Section};
use outbox::{GameLock, Gate, Hours};

use super::Surroundings;

const UPLINK: &[Key] = &[
    Key::new("clips_at", "\"22:00-08:00\""),
    Key::new("clips_kbit_s_max", "1500"),
    Key::new("clips_mb_per_day", "500"),
    Key::new("telemetry_mb_per_day", "5"),
    Key::new("game_lock", "\"backlog\""),
    Key::new("upload", "\"s3\""),
    Key::new("upload_ca", "\"/etc/courtside/s3-ca.pem\""),
];

/// Where Debian keeps the authorities that it trusts.
pub(crate) const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// When clips are uploaded, and how much of the line they may take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uplink {
    /// How their bytes go.
    pub upload: Upload,
    /// When.
    pub gate: Gate,
    /// At most so many bytes a second; `None`: what events leave.
    pub ceiling: Option<u32>,
    /// At most so many bytes of clips a day; `None`: as many as there are.
    pub day_bytes_max: Option<u64>,
    /// At most so many bytes of telemetry a day before it becomes sparse.
    pub telemetry_day_bytes_max: Option<u64>,
}

/// How the bytes of clips go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Upload {
    /// As messages, through the broker.
    #[default]
    Mqtt,
    /// Into the receiver's S3 bucket, by links that it gives.
    S3 {
        /// PEM file with the authorities that may vouch for the bucket's server.
        ca: PathBuf,
    },
}

impl Uplink {
    /// Reads the section.
    pub(super) fn read(place: Place<'_>, surroundings: &Surroundings) -> Option<Self> {
        let section = place.with_keys(UPLINK);
        let upload = upload(&section, surroundings);
        let hours = section.optional("clips_at").map_or(Some(None), |e| hours(&e).map(Some));
        let ceiling = section.optional("clips_kbit_s_max").map_or(Some(None), |entry| {
            let why = "a line that clips can use carries 64 to 10000000 kbit/s";
            let kbit = entry.within(64.0, 10_000_000.0, why)?;
            Some(Some((kbit * 125.0) as u32))
        });
        let day = section.optional("clips_mb_per_day").map_or(Some(None), |entry| {
            let why = "a day's clips have 1 to 10000000 MB";
            Some(Some((entry.within(1.0, 10_000_000.0, why)? * 1e6) as u64))
        });
        let telemetry = section.optional("telemetry_mb_per_day").map_or(Some(None), |entry| {
            let why = "a day's telemetry has 0 to 10000000 MB";
            Some(Some((entry.within(0.0, 10_000_000.0, why)? * 1e6) as u64))
        });
        let locks = [("off", GameLock::Off), ("backlog", GameLock::Backlog)];
        let lock = section.optional("game_lock");
        let lock = lock.map_or(Some(GameLock::Off), |entry| entry.one_of(&locks));
        let gate = Gate { hours: hours?, lock: lock? };
        Some(Self {
            upload: upload?,
            gate,
            ceiling: ceiling?,
            day_bytes_max: day?,
            telemetry_day_bytes_max: telemetry?,
        })
    }
}

fn upload(section: &Section<'_>, surroundings: &Surroundings) -> Option<Upload> {
    let wanted = section.optional("upload");
    let by_links = wanted.map_or(Some(false), |e| e.one_of(&[("mqtt", false), ("s3", true)]));
    match (by_links?, section.optional("upload_ca")) {
        (false, None) => Some(Upload::Mqtt),
        (false, Some(entry)) => {
            entry.refuse(
                "clips go through the broker, and no other server is asked for its certificate",
                "write `upload = \"s3\"`, or remove this key",
            );
            None
        }
        (true, None) => Some(Upload::S3 { ca: PathBuf::from(SYSTEM_AUTHORITIES) }),
        (true, Some(entry)) => surroundings.file(&entry).map(|ca| Upload::S3 { ca }),
    }
}

/// `HH:MM-HH:MM`, of the box's own time zone.
fn hours(entry: &Entry<'_>) -> Option<Hours> {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let two = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
        let (hour, minute) = (two(hour)?, two(minute)?);
        (hour < 24 && minute < 60).then_some(60 * hour + minute)
    };
    let read = entry.text()?.split_once('-').and_then(|(from, to)| {
        let (from, to) = (minute(from.trim())?, minute(to.trim())?);
        Some(Hours { from, to })
    });
    if read.is_none() {
        entry.refuse_with_example("hours are written as from and to, each with hour and minute");
    }
    read
}

#[cfg(test)]
mod tests {
    use crate::config::tests::{GOOD, complaints, understood};

    use super::*;

    fn with(text: &str) -> String {
        format!("{GOOD}\n[uplink]\n{text}\n")
    }

    #[test]
    fn hours_ceiling_and_lock_are_read() {
        let text = with(
            "clips_at = \"22:00-08:30\"\nclips_kbit_s_max = 1500\nclips_mb_per_day = 500\ntelemetry_mb_per_day = 2.5\ngame_lock = \"backlog\"",
        );
        let uplink = understood(&text).uplink;
        assert_eq!(uplink.gate.hours, Some(Hours { from: 1320, to: 510 }));
        assert_eq!(uplink.ceiling, Some(187_500));
        assert_eq!(uplink.day_bytes_max, Some(500_000_000));
        assert_eq!(uplink.telemetry_day_bytes_max, Some(2_500_000));
        assert_eq!(uplink.gate.lock, GameLock::Backlog);
        let shown = understood(&text).to_string();
        assert!(
            shown.contains(
                "clips 22:00-08:30, at most 1500 kbit/s, 500 MB a day, those of earlier games not \
                 during play; telemetry 2.5 MB a day"
            ),
            "{shown}"
        );
        assert_eq!(understood(GOOD).uplink, Uplink::default());
    }

    #[test]
    fn clips_go_through_the_broker_unless_the_bucket_is_asked_for() {
        assert_eq!(understood(GOOD).uplink.upload, Upload::Mqtt);
        assert_eq!(understood(&with("upload = \"mqtt\"")).uplink.upload, Upload::Mqtt);
        let s3 = with("upload = \"s3\"");
        let ca = PathBuf::from(SYSTEM_AUTHORITIES);
        assert_eq!(understood(&s3).uplink.upload, Upload::S3 { ca });
        let shown = understood(&s3).to_string();
        assert!(shown.contains("into the receiver's bucket (TLS by /etc/ssl/"), "{shown}");
    }

    #[test]
    fn hours_that_are_none_are_refused_with_an_example() {
        for wrong in ["22-8", "24:00-08:00", "22:00", "22:60-08:00", "1:00-02:00", ""] {
            let told = complaints(&with(&format!("clips_at = \"{wrong}\"")));
            assert!(told.len() == 1 && told[0].contains("22:00-08:00"), "{wrong}: {told:?}");
        }
        for (wrong, says) in [
            ("clips_kbit_s_max = 1", "64 to 10000000"),
            ("clips_mb_per_day = 0", "1 to 10000000 MB"),
            ("telemetry_mb_per_day = -1", "0 to 10000000 MB"),
            ("game_lock = \"on\"", "write one of `off` and `backlog`"),
            ("upload = \"ftp\"", "write one of `mqtt` and `s3`"),
            ("upload_ca = \"/etc/hosts\"", "write `upload = \"s3\"`"),
            ("upload = \"s3\"\nupload_ca = \"/nonexistent.pem\"", "/nonexistent.pem"),
        ] {
            let told = complaints(&with(wrong));
            assert!(told.len() == 1 && told[0].contains(says), "{wrong}: {told:?}");
        }
    }
}
