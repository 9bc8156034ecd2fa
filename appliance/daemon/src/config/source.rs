//! `[[source]]`: the cameras, what they show and how their pictures reach the box.

use std::collections::{HashMap, HashSet};

use fusion::board::Field;
use wire::ids::Name;
use wire::units::PixelBox;

use super::Surroundings;
use super::input::{self, Input};
use document::{Entry, Key, Place, Section};

pub(super) const NAME: Key = Key::new("name", "\"court-1\"");
pub(super) const SPORT: Key = Key::new("sport", "\"basketball\"");
pub(super) const HOOPS: Key = Key::new("hoops", "[{ id = \"a\", box = [196, 204, 232, 244] }]");
pub(super) const BOARD: Key =
    Key::new("board", "[{ field = \"home\", box = [1020, 40, 1068, 72] }]");
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

/// Reads all `[[source]]`s of the root.
pub(super) fn read_all(root: &Section<'_>, surroundings: &Surroundings) -> Option<Vec<Source>> {
    let Some(entry) = root.optional("source") else {
        root.refuse("there is no `[[source]]`, so the box has no camera; add at least one");
        return None;
    };
    let places = entry.tables();
    let mut names = HashSet::new();
    let (mut publishers, mut callers) = (HashSet::new(), HashSet::new());
    let (mut folders, mut certificates) = (HashSet::new(), HashMap::new());
    let mut devices = HashSet::new();
    let mut sources = Vec::new();
    for place in &places {
        let section = place.clone().with_keys(input::keys(place));
        let Some(source) = Source::read(&section, surroundings) else { continue };
        if !names.insert(source.name.clone()) {
            refuse_twice(section.optional("name"), "another source has this name");
        }
        if let Input::Rtmp { listen, app, key, .. } = &source.input
            && !publishers.insert((*listen, app.clone(), key.expose().to_owned()))
        {
            refuse_twice(section.optional("key"), "another source has this address, app and key");
        }
        if let Input::Rtmp { listen, tls, .. } = &source.input
            && certificates.entry(*listen).or_insert_with(|| tls.clone()) != tls
            && let Some(entry) = section.optional("tls").or_else(|| section.optional("listen"))
        {
            entry.refuse(
                "another source has this address with another `tls`, or without",
                "write the same `tls` for all sources of an address",
            );
        }
        if let Input::SrtListen { listen, terms } = &source.input {
            let known = callers.iter().any(|(other, _)| other == listen);
            let unnamed = callers.contains(&(*listen, None)) || terms.stream.is_none();
            if (known && unnamed) || !callers.insert((*listen, terms.stream.clone())) {
                refuse_twice(
                    section.optional("stream").or_else(|| section.optional("listen")),
                    "another source listens on this port, and each needs a `stream` that no other \
                     has",
                );
            }
        }
        if let Input::V4l2(card) = &source.input
            && !devices.insert(card.device.clone())
        {
            refuse_twice(section.optional("device"), "another source captures from this device");
        }
        if let Input::Watch { folder, .. } = &source.input
            && !folders.insert(folder.clone())
        {
            refuse_twice(section.optional("folder"), "another source watches this folder");
        }
        sources.push(source);
    }
    (sources.len() == places.len()).then_some(sources)
}

impl Source {
    fn read(section: &Section<'_>, surroundings: &Surroundings) -> Option<Self> {
        let name = section.required("name").and_then(|entry| entry.name());
        let sports = [("basketball", Sport::Basketball)];
        let sport = section.required("sport").and_then(|entry| entry.one_of(&sports));
        let hoops = section.optional("hoops").map_or_else(|| Some(Vec::new()), |e| hoops(&e));
        let board = section.optional("board").map_or_else(|| Some(Vec::new()), |e| board(&e));
        let input = Input::read(section, surroundings);
        Some(Self { name: name?, sport: sport?, hoops: hoops?, board: board?, input: input? })
    }
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
