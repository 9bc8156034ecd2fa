//! `[[source]]`: the cameras, what they show and how their pictures reach the box.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use fusion::board::Field;
use wire::ids::Name;
use wire::units::PixelBox;

use super::Surroundings;
use super::broker::Secret;
use super::document::{Entry, Key, Place, Section};

const NAME: Key = Key::new("name", "\"court-1\"");
const KIND: Key = Key::new("kind", "\"rtmp\"");
const SPORT: Key = Key::new("sport", "\"basketball\"");
const HOOPS: Key = Key::new("hoops", "[{ id = \"a\", box = [196, 204, 232, 244] }]");
const BOARD: Key = Key::new("board", "[{ field = \"home\", box = [1020, 40, 1068, 72] }]");
const SOURCE_RTMP: &[Key] = &[
    NAME,
    KIND,
    Key::new("listen", "\"0.0.0.0:1935\""),
    Key::new("app", "\"live\""),
    Key::secret("key", "\"a-long-random-text\""),
    Key::new("idle_timeout_s", "10"),
    SPORT,
    HOOPS,
    BOARD,
];
const SOURCE_FILE: &[Key] = &[
    NAME,
    KIND,
    Key::new("path", "\"/srv/games/final.mp4\""),
    Key::new("pace", "\"real-time\""),
    SPORT,
    HOOPS,
    BOARD,
];
const HOOP: &[Key] = &[Key::new("id", "\"a\""), Key::new("box", "[196, 204, 232, 244]")];

const MARK: &[Key] = &[Key::new("field", "\"home\""), Key::new("box", "[1020, 40, 1068, 72]")];

/// One camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its name in topics, events and file names.
    pub name: Name,
    /// Which rules the game follows.
    pub sport: Sport,
    /// Where the hoops are in the picture. Empty: they are searched.
    pub hoops: Vec<Hoop>,
    /// Where the fields of the scoreboard are in the picture. Empty: it is not read.
    pub board: Vec<Mark>,
    /// Where its pictures come from.
    pub input: Input,
}

/// Sports that the box understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sport {
    /// Basketball, by FIBA's or anybody's rules.
    Basketball,
}

/// A hoop whose place an operator has marked.
#[derive(Clone, Debug, PartialEq)]
pub struct Hoop {
    /// Its name in events.
    pub id: Name,
    /// Bounding box of rim and net together, in the source's pixels.
    pub area: PixelBox,
}

/// The fields by their names in the configuration.
pub const FIELDS: [(&str, Field); 5] = [
    ("home", Field::Home),
    ("away", Field::Away),
    ("period", Field::Period),
    ("clock", Field::Clock),
    ("shot_clock", Field::ShotClock),
];

/// A field of the scoreboard whose place a technician has marked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    /// Which.
    pub field: Field,
    /// Bounding box of its digits, in the source's pixels.
    pub area: PixelBox,
}

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
}

/// How fast a file is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As a camera would deliver it.
    RealTime,
    /// As fast as the box can; no frame is skipped.
    Fast,
}

/// Reads all `[[source]]`s of the root.
pub(super) fn read_all(root: &Section<'_>, surroundings: &Surroundings) -> Option<Vec<Source>> {
    let Some(entry) = root.optional("source") else {
        root.refuse("there is no `[[source]]`, so the box has no camera; add at least one");
        return None;
    };
    let places = entry.tables();
    let mut names = HashSet::new();
    let mut publishers = HashSet::new();
    let mut sources = Vec::new();
    for place in &places {
        let section = place.clone().with_keys(keys_of(place));
        let Some(source) = Source::read(&section, surroundings) else { continue };
        if !names.insert(source.name.clone()) {
            refuse_twice(section.optional("name"), "another source has this name");
        }
        if let Input::Rtmp { listen, app, key, .. } = &source.input
            && !publishers.insert((*listen, app.clone(), key.expose().to_owned()))
        {
            refuse_twice(section.optional("key"), "another source has this address, app and key");
        }
        sources.push(source);
    }
    (sources.len() == places.len()).then_some(sources)
}

/// The values of `kind`.
#[derive(Clone, Copy)]
enum Kind {
    Rtmp,
    File,
}

impl Source {
    fn read(section: &Section<'_>, surroundings: &Surroundings) -> Option<Self> {
        let name = section.required("name").and_then(|entry| entry.name());
        let sports = [("basketball", Sport::Basketball)];
        let sport = section.required("sport").and_then(|entry| entry.one_of(&sports));
        let hoops = section.optional("hoops").map_or_else(|| Some(Vec::new()), |e| hoops(&e));
        let board = section.optional("board").map_or_else(|| Some(Vec::new()), |e| board(&e));
        let kinds = [("rtmp", Kind::Rtmp), ("file", Kind::File)];
        let input = match section.required("kind").and_then(|entry| entry.one_of(&kinds))? {
            Kind::Rtmp => rtmp_input(section),
            Kind::File => file_input(section, surroundings),
        };
        Some(Self { name: name?, sport: sport?, hoops: hoops?, board: board?, input: input? })
    }
}

fn file_input(section: &Section<'_>, surroundings: &Surroundings) -> Option<Input> {
    let path = section.required("path").and_then(|entry| surroundings.file(&entry));
    let pace = section.optional("pace").map_or(Some(Pace::RealTime), |entry| {
        entry.one_of(&[("real-time", Pace::RealTime), ("fast", Pace::Fast)])
    });
    Some(Input::File { path: path?, pace: pace? })
}

/// The keys that a source may have; without a usable `kind`, those of an RTMP source.
fn keys_of(place: &Place<'_>) -> &'static [Key] {
    match place.peek("kind") {
        Some("file") => SOURCE_FILE,
        Some(_) | None => SOURCE_RTMP,
    }
}

fn rtmp_input(section: &Section<'_>) -> Option<Input> {
    let listen = section.required("listen").and_then(|entry| listen(&entry));
    let app = section.required("app").and_then(|entry| url_part(&entry));
    let key = section.required("key").and_then(|entry| url_part(&entry)).map(Secret);
    let idle_timeout = section.optional("idle_timeout_s").map_or(Some(10.0), |entry| {
        entry.within(1.0, 3600.0, "a publisher that sends nothing is dropped after 1 to 3600 s")
    });
    let idle_timeout = idle_timeout.map(Duration::from_secs_f64);
    Some(Input::Rtmp { listen: listen?, app: app?, key: key?, idle_timeout: idle_timeout? })
}

fn listen(entry: &Entry<'_>) -> Option<SocketAddr> {
    let address = entry.text()?.parse::<SocketAddr>().ok().filter(|address| address.port() != 0);
    if address.is_none() {
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

fn hoops(entry: &Entry<'_>) -> Option<Vec<Hoop>> {
    let places = entry.tables();
    let hoops: Vec<Hoop> = places.iter().cloned().filter_map(hoop).collect();
    let ids: HashSet<&Name> = hoops.iter().map(|hoop| &hoop.id).collect();
    if ids.len() < hoops.len() {
        entry.refuse("two hoops have one id", "give each hoop of a source an id of its own");
    }
    (hoops.len() == places.len()).then_some(hoops)
}

fn hoop(place: Place<'_>) -> Option<Hoop> {
    let section = place.with_keys(HOOP);
    let id = section.required("id").and_then(|entry| entry.name());
    let why = "a hoop's box is [left, top, right, bottom] of rim and net in the picture's pixels";
    let area = section.required("box").and_then(|entry| area(&entry, why));
    Some(Hoop { id: id?, area: area? })
}

/// Marks of one source's scoreboard, each field once.
fn board(entry: &Entry<'_>) -> Option<Vec<Mark>> {
    let places = entry.tables();
    let marks: Vec<Mark> = places.iter().cloned().filter_map(mark).collect();
    let fields: HashSet<Field> = marks.iter().map(|mark| mark.field).collect();
    if fields.len() < marks.len() {
        entry.refuse("a field of the board is marked twice", "mark each field once");
    }
    (marks.len() == places.len()).then_some(marks)
}

fn mark(place: Place<'_>) -> Option<Mark> {
    let section = place.with_keys(MARK);
    let field = section.required("field").and_then(|entry| entry.one_of(&FIELDS));
    let why =
        "a field's box is [left, top, right, bottom] of its digits alone in the picture's pixels";
    let area = section.required("box").and_then(|entry| area(&entry, why));
    Some(Mark { field: field?, area: area? })
}

fn area(entry: &Entry<'_>, why: &str) -> Option<PixelBox> {
    let numbers = entry.numbers()?;
    let area = match numbers.as_slice() {
        [x0, y0, x1, y1] if x0 < x1 && y0 < y1 && *x1 < 16_384.0 && *y1 < 16_384.0 => {
            let [x0, y0, x1, y1] = [x0, y0, x1, y1].map(|edge| *edge as f32);
            Some(PixelBox { x0, y0, x1, y1 })
        }
        _ => None,
    };
    if area.is_none() {
        entry.refuse_with_example(why);
    }
    area
}

fn refuse_twice(entry: Option<Entry<'_>>, why: &str) {
    if let Some(entry) = entry {
        entry.refuse(why, "give each source one of its own");
    }
}
