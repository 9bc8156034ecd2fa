//! The upload of one file by links, with a receiver that gives them and a server that takes bytes.

use std::time::Duration;

use outbox::{Delays, LinkEnd, Outcome, Pacer, Sent, Taken, Terms, Upload, UploadEffect, Waits};
use proptest::prelude::*;
use wire::ids::ClipId;
use wire::time::Monotonic;
use wire::transfer::{FileResponse, FileStep, FileWay};

const WAITS: Waits = Waits {
    answer: Delays { first: Duration::from_secs(2), longest: Duration::from_secs(10) },
    puback_max: Duration::from_secs(20),
};
const TERMS: Terms =
    Terms { segment_bytes: (100, 100), window: 4, flying_bytes_max: 1_000_000, ceiling: None };
const PART: u64 = 250;
const FIN: UploadEffect = UploadEffect::Send(Sent::Fin);
const INIT: UploadEffect = UploadEffect::Send(Sent::Init);

/// Box, receiver and server, and the time. Whatever is sent arrives at once.
struct World {
    upload: Upload,
    pacer: Pacer,
    now: Monotonic,
    size: u64,
    /// By part: whether the server has it.
    stored: Vec<bool>,
    /// What came of the request that is open: its range and how many bytes.
    open: Option<(u64, u64, u64)>,
    /// Bytes that went through the broker.
    by_broker: u64,
    gives_links: bool,
}

impl World {
    fn new(size: u64) -> Self {
        let now = Monotonic(0);
        let mut upload = Upload::new(size, WAITS, 1).by_links();
        upload.handle_connected();
        let stored = vec![false; size.div_ceil(PART) as usize];
        let pacer = Pacer::new(now, TERMS);
        Self { upload, pacer, now, size, stored, open: None, by_broker: 0, gives_links: true }
    }

    fn range(&self, part: usize) -> (u64, u64) {
        let start = part as u64 * PART;
        (start, self.size.min(start + PART))
    }

    fn missing(&self) -> Vec<(u64, u64)> {
        let parts = (0..self.stored.len()).filter(|part| !self.stored[*part]);
        parts.map(|part| self.range(part)).collect()
    }

    fn answer(&self, step: FileStep) -> FileResponse {
        let missing = self.missing();
        let code = match step {
            FileStep::Fin if !missing.is_empty() => FileResponse::RESEND_MISSING,
            FileStep::Init | FileStep::Segments | FileStep::Fin => FileResponse::PERSISTED,
        };
        let link = (step == FileStep::Init && self.gives_links && !missing.is_empty())
            .then(|| "https://clips.example/part".try_into().expect("it is short"));
        FileResponse {
            vsn: heapless::String::new(),
            file: ClipId(1),
            step,
            reason_code: code,
            reason_description: heapless::String::new(),
            missing: missing.into_iter().take(32).collect(),
            link,
        }
    }

    /// What the box does next; a little later each time.
    fn next(&mut self) -> Option<UploadEffect> {
        self.now = self.now.plus(Duration::from_millis(1));
        self.upload.next(self.now, &mut self.pacer)
    }

    /// Lets the upload do what it wants to, with everything going well; what it did.
    fn pump(&mut self) -> Vec<UploadEffect> {
        let mut effects = Vec::new();
        while let Some(effect) = self.next() {
            effects.push(effect);
            self.carry_out(effect);
        }
        effects
    }

    fn carry_out(&mut self, effect: UploadEffect) {
        match effect {
            UploadEffect::Send(sent @ (Sent::Init | Sent::Fin)) => {
                self.upload.handle_puback(self.now, sent, Taken::Accepted);
                // A receiver that has no bucket goes by what came through the broker.
                let step = if sent == Sent::Init { FileStep::Init } else { FileStep::Fin };
                let answer = self.answer(step);
                self.upload.handle_response(self.now, &answer);
            }
            UploadEffect::Send(sent @ Sent::Segment { offset, length }) => {
                self.pacer.handle_answered(self.now, offset);
                match &mut self.open {
                    Some((_, _, got)) => *got += u64::from(length),
                    None => self.take_by_broker(offset, length),
                }
                self.upload.handle_puback(self.now, sent, Taken::Accepted);
                self.close_if_whole();
            }
            UploadEffect::Open { offset, length } => self.open = Some((offset, length, 0)),
            UploadEffect::HangUp => self.open = None,
            UploadEffect::Reconnect | UploadEffect::Done(_) => {}
        }
    }

    fn take_by_broker(&mut self, offset: u64, length: u32) {
        self.by_broker += u64::from(length);
        // Whole parts alone are noted: enough for a receiver that answers without links.
        let end = offset + u64::from(length);
        for part in 0..self.stored.len() {
            let (_, last) = self.range(part);
            self.stored[part] |= last <= end && last > offset;
        }
    }

    fn close_if_whole(&mut self) {
        if let Some((offset, length, got)) = self.open
            && got == length
        {
            self.open = None;
            self.stored[(offset / PART) as usize] = true;
            self.upload.handle_link_end(self.now, LinkEnd::Stored);
        }
    }

    /// The request that is open, or the attempt at one, fails.
    fn fail_request(&mut self) {
        self.open = None;
        self.upload.handle_link_end(self.now, LinkEnd::Failed);
        self.pacer.handle_disconnected();
    }

    fn wait(&mut self) {
        if let Some((at, _)) = self.upload.deadline(&self.pacer) {
            self.now = self.now.max(at);
        }
    }
}

const fn open(offset: u64, length: u64) -> UploadEffect {
    UploadEffect::Open { offset, length }
}

const fn segment(offset: u64, length: u32) -> UploadEffect {
    UploadEffect::Send(Sent::Segment { offset, length })
}

#[test]
fn file_goes_part_by_part_and_the_receiver_is_asked_before_each_but_the_end() {
    let mut world = World::new(300);
    let expected = [
        INIT,
        open(0, 250),
        segment(0, 100),
        segment(100, 100),
        segment(200, 50),
        INIT,
        open(250, 50),
        segment(250, 50),
        FIN,
        UploadEffect::Done(Outcome::Persisted),
    ];
    assert_eq!(world.pump(), expected);
    assert_eq!(world.by_broker, 0);
}

#[test]
fn receiver_that_gives_no_link_gets_the_file_through_the_broker() {
    let mut world = World::new(250);
    world.gives_links = false;
    let done = world.pump();
    assert_eq!(done.last(), Some(&UploadEffect::Done(Outcome::Persisted)));
    assert_eq!(world.by_broker, 250);
}

#[test]
fn links_that_fail_three_times_in_a_row_are_given_up_for_this_file() {
    let mut world = World::new(250);
    for failed in 1..=3 {
        assert_eq!((world.next(), world.upload.way()), (Some(INIT), FileWay::Links), "{failed}");
        world.carry_out(INIT);
        assert_eq!(world.next(), Some(open(0, 250)));
        world.fail_request();
        assert_eq!(world.next(), None, "it waits");
        world.wait();
    }
    assert_eq!(world.upload.way(), FileWay::Segments);
    world.gives_links = false;
    assert_eq!(world.pump().last(), Some(&UploadEffect::Done(Outcome::Persisted)));
    assert_eq!(world.by_broker, 250);
}

#[test]
fn part_that_the_receiver_does_not_find_again_is_a_failed_link() {
    let mut world = World::new(250);
    let mut opened = 0;
    for _ in 0..200 {
        match world.next() {
            Some(effect) => {
                opened += u32::from(matches!(effect, UploadEffect::Open { .. }));
                world.carry_out(effect);
                if world.upload.way() == FileWay::Links {
                    // The server says yes and keeps nothing.
                    world.stored.fill(false);
                }
                world.gives_links = world.upload.way() == FileWay::Links;
            }
            None => world.wait(),
        }
    }
    assert_eq!(opened, 3, "not for ever");
    assert_eq!(world.by_broker, 250);
}

#[test]
fn file_of_more_parts_than_an_answer_lists_goes_without_a_pause() {
    let mut world = World::new(40 * PART);
    let done = world.pump();
    assert_eq!(done.last(), Some(&UploadEffect::Done(Outcome::Persisted)));
    assert_eq!((world.upload.way(), world.by_broker), (FileWay::Links, 0));
}

#[test]
fn file_that_is_asked_for_again_goes_by_links_at_once() {
    let mut world = World::new(250);
    loop {
        let effect = world.next().expect("it goes on");
        if effect == FIN {
            break;
        }
        world.carry_out(effect);
    }
    world.upload.handle_puback(world.now, Sent::Fin, Taken::Accepted);
    world.stored.fill(false);
    let mut again = world.answer(FileStep::Fin);
    again.reason_code = FileResponse::RESEND_ALL;
    world.upload.handle_response(world.now, &again);
    let done = world.pump();
    assert_eq!(done[..2], [INIT, open(0, 250)]);
    assert_eq!(done.last(), Some(&UploadEffect::Done(Outcome::Persisted)));
}

#[test]
fn server_that_is_content_before_it_has_everything_is_not_believed() {
    let mut world = World::new(250);
    assert_eq!(world.next(), Some(INIT));
    world.carry_out(INIT);
    assert_eq!(world.next(), Some(open(0, 250)));
    assert_eq!(world.next(), Some(segment(0, 100)));
    world.upload.handle_link_end(world.now, LinkEnd::Stored);
    assert_eq!(world.next(), None, "it waits, and asks again");
    world.wait();
    assert_eq!(world.next(), Some(INIT));
}

#[test]
fn server_that_takes_nothing_or_never_answers_is_hung_up_on() {
    let mut world = World::new(100);
    for taken in [false, true] {
        assert_eq!(world.next(), Some(INIT));
        world.carry_out(INIT);
        assert_eq!(world.next(), Some(open(0, 100)));
        assert_eq!(world.next(), Some(segment(0, 100)));
        if taken {
            let sent = Sent::Segment { offset: 0, length: 100 };
            world.upload.handle_puback(world.now, sent, Taken::Accepted);
        }
        assert_eq!(world.next(), None);
        let before = world.now;
        world.wait();
        assert!(world.now.since(before) > Duration::from_secs(19), "taken: {taken}");
        assert_eq!(world.next(), Some(UploadEffect::HangUp), "taken: {taken}");
        world.pacer.handle_disconnected();
        world.wait();
    }
}

#[test]
fn connection_that_is_lost_takes_the_open_request_with_it() {
    let mut world = World::new(100);
    assert_eq!(world.next(), Some(INIT));
    world.carry_out(INIT);
    assert_eq!(world.next(), Some(open(0, 100)));
    assert_eq!(world.next(), Some(segment(0, 100)));
    world.upload.handle_disconnected();
    world.pacer.handle_disconnected();
    world.upload.handle_link_end(world.now, LinkEnd::Failed);
    assert_eq!(world.next(), None);
    world.upload.handle_connected();
    assert_eq!(world.pump().last(), Some(&UploadEffect::Done(Outcome::Persisted)));
    assert_eq!(world.upload.way(), FileWay::Links, "that was no link's fault");
}

/// What may happen between two steps.
#[derive(Clone, Copy, Debug)]
enum Chance {
    Nothing,
    RequestFails,
    ConnectionLost,
    PartVanishes(usize),
}

fn chance() -> impl Strategy<Value = Chance> {
    prop_oneof![
        6 => Just(Chance::Nothing),
        1 => Just(Chance::RequestFails),
        1 => Just(Chance::ConnectionLost),
        1 => (0..8usize).prop_map(Chance::PartVanishes),
    ]
}

proptest! {
    #[test]
    fn every_file_arrives_whole_whatever_happens_on_the_way(
        size in 1u64..2_000,
        chances in prop::collection::vec(chance(), 0..60),
    ) {
        let mut world = World::new(size);
        let mut chances = chances.into_iter();
        for _ in 0..2_000 {
            match chances.next() {
                None | Some(Chance::Nothing) => {}
                Some(Chance::RequestFails) => world.fail_request(),
                Some(Chance::ConnectionLost) => {
                    world.open = None;
                    world.upload.handle_disconnected();
                    world.pacer.handle_disconnected();
                    world.upload.handle_connected();
                }
                Some(Chance::PartVanishes(part)) => {
                    let part = part % world.stored.len();
                    world.stored[part] = false;
                }
            }
            world.gives_links = world.upload.way() == FileWay::Links;
            match world.next() {
                Some(UploadEffect::Done(outcome)) => {
                    prop_assert_eq!(outcome, Outcome::Persisted);
                    return Ok(());
                }
                Some(effect) => world.carry_out(effect),
                None => world.wait(),
            }
        }
        prop_assert!(false, "it never ends: {:?}", world.upload);
    }
}
