//! What runs at the cloud's end beside the broker: somebody who notes when things arrive.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use courtside::clock::SystemClock;
use hal::Clock;
use mqtt::{Connection, Endpoint, Event, Security, Session};
use wire::envelope::Envelope;
use wire::topic::{self, Encoding, FilePart, Leaf};

use super::{BROKER, BUCKET};

/// Something that arrived, as one line of text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Arrival {
    /// When it was made and when it arrived, in µs since 1970.
    Event { made: i64, at: i64 },
    /// So many bytes of a clip.
    Segment { bytes: u64, at: i64 },
}

impl Arrival {
    fn line(self) -> String {
        match self {
            Self::Event { made, at } => format!("event {made} {at}"),
            Self::Segment { bytes, at } => format!("segment {bytes} {at}"),
        }
    }

    /// Reads [`line`](Self::line).
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let (first, at) = (words.next()?, words.next()?.parse().ok()?);
        match kind {
            "event" => Some(Self::Event { made: first.parse().ok()?, at }),
            "segment" => Some(Self::Segment { bytes: first.parse().ok()?, at }),
            _other => None,
        }
    }

    pub(super) const fn at(self) -> i64 {
        match self {
            Self::Event { at, .. } | Self::Segment { at, .. } => at,
        }
    }
}

/// Serves a bucket, and prints what comes in as arrivals; requests' heads are counted as well.
pub(super) fn serve_bucket() -> s3_server::Server {
    let clock = SystemClock::start();
    let meter = move |bytes: usize| {
        let at = clock.wall().0.0;
        say(&Arrival::Segment { bytes: bytes as u64, at }.line());
    };
    s3_server::Server::start_at(BUCKET.into(), Arc::new(meter))
}

/// Prints arrivals until it is killed. The first line says that it is ready.
pub(super) async fn run() {
    let clock = SystemClock::start();
    let session = Session {
        client_id: "observer".to_owned(),
        keep_alive: Duration::from_secs(60),
        will: None,
        window: 100,
        packet_bytes_max: 1 << 20,
        subscriptions: vec!["cv1/+/+/evt/#".to_owned(), "cv1/+/+/file/#".to_owned()],
    };
    let endpoint = Endpoint::new(&BROKER.ip().to_string(), BROKER.port(), &Security::Plain);
    let mut connection: Connection<()> = Connection::open(&endpoint.expect("no TLS"), session);
    loop {
        match connection.next().await {
            Event::Up(_) => say("ready"),
            Event::Message(message) => {
                let at = clock.wall().0.0;
                let arrival = match topic::parse(message.topic()) {
                    Some((_, Leaf::Event(Encoding::Json))) => {
                        let envelope: Result<Envelope, _> =
                            serde_json::from_slice(message.payload());
                        envelope.ok().map(|e| Arrival::Event { made: e.ts_us.0, at })
                    }
                    Some((_, Leaf::File(_, FilePart::Segment(_)))) => {
                        Some(Arrival::Segment { bytes: message.payload().len() as u64, at })
                    }
                    Some(_) | None => None,
                };
                if let Some(arrival) = arrival {
                    say(&arrival.line());
                }
            }
            Event::Answered((), _) => {}
            Event::Down(reason) => panic!("the broker is gone: {reason}"),
        }
    }
}

fn say(line: &str) {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("somebody reads this");
}
