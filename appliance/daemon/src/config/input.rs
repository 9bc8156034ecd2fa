//! `kind` of a `[[source]]` and what belongs to it: where its pictures come from.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use ingest::hls::{Puller, Start};
use ingest::limits::HlsLimits;

use super::Surroundings;
use super::broker::Secret;
use super::card::{self, Card};
use super::rtsp::{self, Camera};
use super::source::{BOARD, HOOPS, NAME, SPORT};
use super::tls::{self, Certificate};
use document::{Entry, Key, Place, Section, Shown};

pub(super) const KIND: Key = Key::new("kind", "\"rtmp\"");
const PACE: Key = Key::new("pace", "\"real-time\"");
// `app`, `connect` and `stream` are no secrets, but who mixes them up pastes one along.
const RTMP: &[Key] = &[
    NAME,
    KIND,
    Key::new("listen", "\"0.0.0.0:1935\""),
    Key::secret("app", "\"live\""),
    Key::secret("key", "\"a-long-random-text\""),
    tls::TLS,
    Key::new("idle_timeout_s", "10"),
    SPORT,
    HOOPS,
    BOARD,
];
const FILE: &[Key] =
    &[NAME, KIND, Key::new("path", "\"/srv/games/final.mp4\""), PACE, SPORT, HOOPS, BOARD];
const SRT: &[Key] = &[
    NAME,
    KIND,
    Key::new("listen", "\"0.0.0.0:9000\""),
    Key::secret("connect", "\"10.0.0.7:9000\""),
    Key::secret("stream", "\"court-1\""),
    Key::secret("passphrase", "\"ten-letters-or-more\""),
    Key::new("latency_ms", "120"),
    Key::new("idle_timeout_s", "10"),
    SPORT,
    HOOPS,
    BOARD,
];
const HLS: &[Key] = &[
    NAME,
    KIND,
    Key::secret("url", "\"https://cdn.example/court/index.m3u8\""),
    Key::new("height_max", "1080"),
    Key::new("ca", "\"/etc/courtside/hls-ca.pem\""),
    SPORT,
    HOOPS,
    BOARD,
];
const WATCH: &[Key] =
    &[NAME, KIND, Key::new("folder", "\"/srv/games\""), PACE, SPORT, HOOPS, BOARD];
const V4L2: &[Key] = &[
    NAME,
    KIND,
    card::DEVICE,
    card::INPUT,
    card::FORMAT,
    card::SIZE,
    card::RATE,
    card::BITRATE,
    SPORT,
    HOOPS,
    BOARD,
];

/// The kinds of sources: their names, and the keys that belong to them.
const KINDS: &[(&str, Kind, &[Key])] = &[
    ("rtmp", Kind::Rtmp, RTMP),
    ("srt", Kind::Srt, SRT),
    ("hls", Kind::Hls, HLS),
    ("rtsp", Kind::Rtsp, rtsp::RTSP),
    ("v4l2", Kind::V4l2, V4L2),
    ("file", Kind::File, FILE),
    ("watch", Kind::Watch, WATCH),
];

/// The keys of all kinds, each once, for a source whose kind nobody knows.
static ANY: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let mut any: Vec<Key> = Vec::new();
    for key in KINDS.iter().flat_map(|(_, _, keys)| *keys) {
        match any.iter_mut().find(|known| known.name == key.name) {
            // A secret of one kind is shown of none.
            Some(known) if key.shown == Shown::Never => known.shown = Shown::Never,
            Some(_) => {}
            None => any.push(*key),
        }
    }
    any
});

/// Where a source's pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// An RTMP publisher connects to us.
    Rtmp {
        /// Address to listen on. Several sources may share one.
        listen: SocketAddr,
        /// Application name in the publisher's URL.
        app: String,
        /// Stream key in the publisher's URL.
        key: Secret,
        /// With what the address speaks TLS, if it does.
        tls: Option<Certificate>,
        /// A publisher that sends nothing for this long is dropped.
        idle_timeout: Duration,
    },
    /// A video file, played once.
    File {
        /// The file.
        path: PathBuf,
        /// How fast.
        pace: Pace,
    },
    /// An SRT publisher calls us.
    SrtListen {
        /// Address to listen on. Several sources may share one.
        listen: SocketAddr,
        /// The rest.
        terms: SrtTerms,
    },
    /// We call an SRT publisher.
    SrtCall {
        /// Host and port.
        address: String,
        /// The rest.
        terms: SrtTerms,
    },
    /// An HLS stream that is pulled.
    Hls {
        /// Address of its playlist; may hold a token.
        url: Secret,
        /// Highest picture to pull where there is a choice, in pixels.
        height_max: u32,
        /// PEM file with the authorities that may vouch for the server; the system's without one.
        ca: Option<PathBuf>,
    },
    /// A camera whose stream is pulled over RTSP.
    Rtsp(Camera),
    /// A capture device.
    V4l2(Card),
    /// A folder into which video files are copied, each played once.
    Watch {
        /// The folder.
        folder: PathBuf,
        /// How fast.
        pace: Pace,
    },
}

/// What both ways of SRT have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrtTerms {
    /// Name of the stream.
    pub stream: Option<String>,
    /// Secret of the stream; what is sent is encrypted with it.
    pub passphrase: Option<Secret>,
    /// How long a packet that was lost may take to come again.
    pub latency: Duration,
    /// A publisher that sends nothing for this long is dropped.
    pub idle_timeout: Duration,
}

/// How fast a file is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As a camera would deliver it.
    RealTime,
    /// As fast as the box can; no frame is skipped.
    Fast,
}

/// The values of `kind`.
#[derive(Clone, Copy)]
enum Kind {
    Rtmp,
    File,
    Srt,
    Hls,
    Rtsp,
    V4l2,
    Watch,
}

impl Input {
    pub(super) fn read(section: &Section<'_>, surroundings: &Surroundings) -> Option<Self> {
        let entry = section.required("kind")?;
        let kinds: Vec<_> = KINDS.iter().map(|(name, kind, _)| (*name, *kind)).collect();
        match entry.one_of(&kinds)? {
            Kind::Rtmp => rtmp_input(section, surroundings),
            Kind::Srt => srt_input(section),
            Kind::Hls => hls_input(section, surroundings),
            Kind::Rtsp => rtsp::camera(section).map(Input::Rtsp),
            Kind::File => file_input(section, surroundings),
            Kind::V4l2 => Card::read(section).map(Self::V4l2),
            Kind::Watch => watch_input(section, surroundings),
        }
    }
}

fn file_input(section: &Section<'_>, surroundings: &Surroundings) -> Option<Input> {
    let path = section.required("path").and_then(|entry| surroundings.file(&entry));
    let pace = pace(section, Pace::RealTime);
    Some(Input::File { path: path?, pace: pace? })
}

pub(super) fn idle_timeout(section: &Section<'_>) -> Option<Duration> {
    let seconds = section.optional("idle_timeout_s").map_or(Some(10.0), |entry| {
        entry.within(1.0, 3600.0, "a publisher that sends nothing is dropped after 1 to 3600 s")
    });
    seconds.map(Duration::from_secs_f64)
}

fn srt_input(section: &Section<'_>) -> Option<Input> {
    let terms = srt_terms(section);
    match (section.optional("listen"), section.optional("connect")) {
        (Some(entry), None) => {
            let rest = "stream and passphrase as `stream` and `passphrase`";
            Some(Input::SrtListen { listen: listen(&entry, rest)?, terms: terms? })
        }
        (None, Some(entry)) => {
            let address = entry.filled()?;
            let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            if port.is_none_or(|port| port == 0) || address.contains(['/', '@', '?']) {
                entry.refuse_with_example("an address to call is a host, `:` and a port alone");
                return None;
            }
            Some(Input::SrtCall { address: address.to_owned(), terms: terms? })
        }
        (Some(entry), Some(_)) => {
            entry.refuse("the box either listens or calls", "keep `listen` or `connect`");
            None
        }
        (None, None) => {
            // Says that it is missing, with an example.
            let _ = section.required("listen");
            None
        }
    }
}

fn srt_terms(section: &Section<'_>) -> Option<SrtTerms> {
    let stream = match section.optional("stream") {
        Some(entry) => Some(url_part(&entry)?),
        None => None,
    };
    let passphrase = match section.optional("passphrase") {
        Some(entry) => {
            let text = entry.filled()?;
            if let Err(error) = srt::Passphrase::new(text) {
                entry.refuse_with_example(error);
                return None;
            }
            Some(Secret(text.to_owned()))
        }
        None => None,
    };
    let latency = section.optional("latency_ms").map_or(Some(120.0), |entry| {
        let most = srt::LATENCY_MAX.as_millis() as f64;
        entry.within(
            20.0,
            most,
            "this is 20 to 4000 ms; three to four round trips of the network are usual",
        )
    });
    let idle_timeout = idle_timeout(section);
    let latency = Duration::from_millis(latency? as u64);
    Some(SrtTerms { stream, passphrase, latency, idle_timeout: idle_timeout? })
}

fn hls_input(section: &Section<'_>, surroundings: &Surroundings) -> Option<Input> {
    let url = section.required("url").and_then(|entry| {
        let url = entry.filled()?;
        if let Err(error) = Puller::new(url, HlsLimits::default(), Start::default()) {
            entry.refuse_with_example(error);
            return None;
        }
        Some(Secret(url.to_owned()))
    });
    let height_max = section.optional("height_max").map_or(Some(1080.0), |entry| {
        entry.within(144.0, 4320.0, "the highest picture to pull has 144 to 4320 lines")
    });
    let ca = match section.optional("ca") {
        Some(entry) => Some(surroundings.file(&entry)?),
        None => None,
    };
    Some(Input::Hls { url: url?, height_max: height_max? as u32, ca })
}

fn watch_input(section: &Section<'_>, surroundings: &Surroundings) -> Option<Input> {
    let folder = section.required("folder").and_then(|entry| surroundings.folder(&entry));
    let pace = pace(section, Pace::Fast);
    Some(Input::Watch { folder: folder?, pace: pace? })
}

fn pace(section: &Section<'_>, usual: Pace) -> Option<Pace> {
    let paces = [("real-time", Pace::RealTime), ("fast", Pace::Fast)];
    section.optional("pace").map_or(Some(usual), |entry| entry.one_of(&paces))
}

/// The keys that a source may have; without a usable `kind`, those of all.
pub(super) fn keys(place: &Place<'_>) -> &'static [Key] {
    let wanted = place.peek("kind");
    let known = KINDS.iter().find(|(name, _, _)| Some(*name) == wanted);
    known.map_or_else(|| ANY.as_slice(), |(_, _, keys)| *keys)
}

fn rtmp_input(section: &Section<'_>, surroundings: &Surroundings) -> Option<Input> {
    let rest = "application and key as `app` and `key`";
    let listen = section.required("listen").and_then(|entry| listen(&entry, rest));
    let app = section.required("app").and_then(|entry| url_part(&entry));
    let key = section.required("key").and_then(|entry| url_part(&entry)).map(Secret);
    let tls = section
        .optional("tls")
        .map_or(Some(None), |entry| Certificate::read(&entry, surroundings).map(Some));
    let idle_timeout = idle_timeout(section)?;
    Some(Input::Rtmp { listen: listen?, app: app?, key: key?, tls: tls?, idle_timeout })
}

/// An address to listen on; `rest` says where the rest of a whole address belongs.
fn listen(entry: &Entry<'_>, rest: &str) -> Option<SocketAddr> {
    let text = entry.text()?;
    let address = text.parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
    if address.is_none() && text.contains(['/', '?']) {
        let instead = format_args!("write IP and port here, and {rest}");
        entry.clone().hidden().refuse("this is a whole address", instead);
    } else if address.is_none() {
        entry.refuse_with_example(
            "an address to listen on is an IP address of this box, or 0.0.0.0 for all of them, \
             `:` and a port from 1 to 65535",
        );
    }
    address
}

/// A text that may stand as one part of the publisher's URL.
fn url_part(entry: &Entry<'_>) -> Option<String> {
    let text = entry.filled()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
    if text.len() > 128 || !text.chars().all(allowed) {
        entry.refuse_with_example(
            "this is a part of the publisher's URL: at most 128 ASCII letters, digits, `-`, `_`, \
             `.` and `~`",
        );
        return None;
    }
    Some(text.to_owned())
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
