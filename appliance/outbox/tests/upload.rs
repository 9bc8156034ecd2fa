//! The upload of one file, with a receiver that knows what it has.

use std::time::Duration;

use outbox::{Delays, Outcome, Pacer, Sent, Taken, Terms, Upload, UploadEffect, UploadWake, Waits};
use proptest::prelude::*;
use wire::ids::ClipId;
use wire::time::Monotonic;
use wire::transfer::{FileResponse, FileStep, MISSING_MAX};

const WAITS: Waits = Waits {
    answer: Delays { first: Duration::from_secs(2), longest: Duration::from_secs(60) },
    puback_max: Duration::from_secs(20),
};
/// The window alone holds back: segments of 100 bytes are nothing to any link.
const TERMS: Terms =
    Terms { segment_bytes: (100, 100), window: 2, flying_bytes_max: 1_000_000, ceiling: None };
const T0: Monotonic = Monotonic(0);

fn response(step: FileStep, reason_code: u8, missing: &[(u64, u64)]) -> FileResponse {
    FileResponse {
        vsn: heapless::String::new(),
        file: ClipId(1),
        step,
        reason_code,
        reason_description: heapless::String::new(),
        missing: missing.iter().copied().take(MISSING_MAX).collect(),
        link: None,
    }
}

/// An upload and its pacer. Each question is asked a millisecond later than the one before, so
/// that the pace is never what holds a segment back.
struct Paced {
    upload: Upload,
    pacer: Pacer,
    asked: u64,
}

impl Paced {
    fn new(size: u64) -> Self {
        let pacer = Pacer::new(T0, TERMS);
        Self { upload: Upload::new(size, WAITS, 1), pacer, asked: 0 }
    }

    fn next(&mut self, now: Monotonic) -> Option<UploadEffect> {
        self.asked += 1;
        let now = now.plus(Duration::from_millis(self.asked));
        self.upload.next(now, &mut self.pacer)
    }

    fn deadline(&self) -> Option<(Monotonic, UploadWake)> {
        self.upload.deadline(&self.pacer)
    }

    fn handle_puback(&mut self, now: Monotonic, sent: Sent, taken: Taken) {
        if let Sent::Segment { offset, .. } = sent {
            let now = now.plus(Duration::from_millis(self.asked));
            self.pacer.handle_answered(now, offset);
        }
        self.upload.handle_puback(now, sent, taken);
    }

    fn handle_response(&mut self, now: Monotonic, response: &FileResponse) {
        self.upload.handle_response(now, response);
    }

    fn reconnect(&mut self) {
        self.upload.handle_disconnected();
        self.pacer.handle_disconnected();
        self.upload.handle_connected();
    }
}

/// Takes everything that is to be sent at `now`; the broker takes it as well.
fn pump(upload: &mut Paced, now: Monotonic) -> Vec<UploadEffect> {
    let mut effects = Vec::new();
    while let Some(effect) = upload.next(now) {
        effects.push(effect);
        if let UploadEffect::Send(sent) = effect {
            upload.handle_puback(now, sent, Taken::Accepted);
        }
    }
    effects
}

fn segment(offset: u64, length: u32) -> UploadEffect {
    UploadEffect::Send(Sent::Segment { offset, length })
}

fn asked(size: u64) -> Paced {
    let mut upload = Paced::new(size);
    assert_eq!(upload.next(T0), None, "nothing goes without a connection");
    upload.upload.handle_connected();
    assert_eq!(upload.next(T0), Some(UploadEffect::Send(Sent::Init)));
    upload.handle_puback(T0, Sent::Init, Taken::Accepted);
    assert_eq!(upload.next(T0), None, "the question is open");
    upload
}

#[test]
fn whole_file_goes_in_chunks_and_ends_with_the_receivers_word() {
    let mut upload = asked(250);
    upload.handle_response(T0, &response(FileStep::Init, FileResponse::PERSISTED, &[(0, 250)]));
    let sent = pump(&mut upload, T0);
    let fin = UploadEffect::Send(Sent::Fin);
    assert_eq!(sent, [segment(0, 100), segment(100, 100), segment(200, 50), fin]);
    upload.handle_response(T0, &response(FileStep::Fin, FileResponse::PERSISTED, &[]));
    assert_eq!(pump(&mut upload, T0), [UploadEffect::Done(Outcome::Persisted)]);
    assert_eq!(pump(&mut upload, T0), []);
    assert_eq!(upload.deadline(), None);
}

#[test]
fn resumed_upload_sends_only_what_is_missing() {
    let mut upload = asked(1000);
    let missing = [(100, 150), (900, 1000)];
    upload.handle_response(T0, &response(FileStep::Init, FileResponse::PERSISTED, &missing));
    let fin = UploadEffect::Send(Sent::Fin);
    assert_eq!(pump(&mut upload, T0), [segment(100, 50), segment(900, 100), fin]);
}

#[test]
fn window_holds_segments_back_until_the_broker_has_taken_some() {
    let mut upload = asked(1000);
    upload.handle_response(T0, &response(FileStep::Init, FileResponse::PERSISTED, &[(0, 1000)]));
    assert_eq!(upload.next(T0), Some(segment(0, 100)));
    assert_eq!(upload.next(T0), Some(segment(100, 100)));
    assert_eq!(upload.next(T0), None);
    upload.handle_puback(T0, Sent::Segment { offset: 100, length: 100 }, Taken::Accepted);
    assert_eq!(upload.next(T0), Some(segment(200, 100)));
}

#[test]
fn unanswered_question_is_asked_again_after_growing_waits() {
    let mut upload = asked(100);
    let mut last = Duration::ZERO;
    let mut now = T0;
    for _ in 0..12 {
        let (at, why) = upload.deadline().expect("an answer is overdue then");
        assert_eq!(why, UploadWake::Answer);
        last = at.since(now);
        now = at;
        assert_eq!(pump(&mut upload, now), [UploadEffect::Send(Sent::Init)]);
    }
    assert!((30..=60).contains(&last.as_secs()), "{last:?}");
}

#[test]
fn nothing_is_asked_while_something_flies_and_a_silent_broker_loses_the_connection() {
    let mut upload = asked(1000);
    upload.handle_response(T0, &response(FileStep::Init, FileResponse::PERSISTED, &[(0, 1000)]));
    assert_eq!(upload.next(T0), Some(segment(0, 100)));
    upload.handle_response(T0, &response(FileStep::Segments, FileResponse::RESEND_ALL, &[]));
    assert_eq!(upload.next(T0), None);
    let (at, why) = upload.deadline().expect("the PUBACK");
    assert_eq!((at.since(T0).as_secs(), why), (20, UploadWake::Puback));
    assert_eq!(upload.next(at), Some(UploadEffect::Reconnect));
    assert_eq!(upload.next(at), None);
    upload.reconnect();
    assert_eq!(upload.next(at), Some(UploadEffect::Send(Sent::Init)));
}

#[test]
fn without_a_receiver_the_upload_pauses_instead_of_sending_into_the_void() {
    let mut upload = asked(1000);
    upload.handle_response(T0, &response(FileStep::Init, FileResponse::PERSISTED, &[(0, 1000)]));
    upload.next(T0);
    upload.handle_puback(T0, Sent::Segment { offset: 0, length: 100 }, Taken::NoReceiver);
    assert_eq!(upload.next(T0), None);
    let (at, why) = upload.deadline().expect("the end of the pause");
    assert_eq!(why, UploadWake::Pause);
    assert_eq!(upload.next(at), Some(UploadEffect::Send(Sent::Init)));
}

#[test]
fn receivers_orders_are_followed() {
    let start = || {
        let mut upload = asked(1000);
        let answer = response(FileStep::Init, FileResponse::PERSISTED, &[(0, 1000)]);
        upload.handle_response(T0, &answer);
        upload
    };
    let mut cancelled = start();
    cancelled.handle_response(T0, &response(FileStep::Segments, FileResponse::CANCEL, &[]));
    assert_eq!(pump(&mut cancelled, T0), [UploadEffect::Done(Outcome::Cancelled)]);
    let mut paused = start();
    paused.handle_response(T0, &response(FileStep::Segments, FileResponse::PAUSE, &[]));
    assert_eq!(pump(&mut paused, T0), []);
    assert_eq!(paused.deadline().map(|(_, why)| why), Some(UploadWake::Pause));
    let mut forgotten = start();
    forgotten.handle_response(T0, &response(FileStep::Segments, FileResponse::RESEND_ALL, &[]));
    assert_eq!(pump(&mut forgotten, T0), [UploadEffect::Send(Sent::Init)]);
}

#[test]
fn file_that_never_verifies_becomes_suspect() {
    let mut upload = asked(100);
    for round in 1..=3 {
        upload.handle_response(T0, &response(FileStep::Init, FileResponse::PERSISTED, &[(0, 100)]));
        assert_eq!(pump(&mut upload, T0).len(), 2, "a segment and the end");
        upload.handle_response(T0, &response(FileStep::Fin, FileResponse::RESEND_ALL, &[]));
        let next = pump(&mut upload, T0);
        if round < 3 {
            assert_eq!(next, [UploadEffect::Send(Sent::Init)]);
        } else {
            assert_eq!(next, [UploadEffect::Done(Outcome::Suspect)]);
        }
    }
}

#[test]
fn receiver_that_makes_no_progress_is_not_flooded() {
    let mut upload = asked(1000);
    upload.handle_response(T0, &response(FileStep::Init, FileResponse::PERSISTED, &[(0, 1000)]));
    pump(&mut upload, T0);
    let same = response(FileStep::Fin, FileResponse::RESEND_MISSING, &[(0, 1000)]);
    upload.handle_response(T0, &same);
    assert_eq!(pump(&mut upload, T0), []);
    assert_eq!(upload.deadline().map(|(_, why)| why), Some(UploadWake::Pause));
}

#[derive(Clone, Debug)]
enum Step {
    Reconnect,
    Puback(Taken),
    Answer,
    AnswerLost,
    Pass(u64),
}

/// The receiver: one flag for each byte.
struct World {
    now: Monotonic,
    upload: Paced,
    flying: Vec<Sent>,
    has: Vec<bool>,
    question: Option<FileStep>,
    outcome: Option<Outcome>,
    told_missing: Option<Vec<bool>>,
}

impl World {
    fn new(size: usize) -> Self {
        let mut upload = Paced::new(size as u64);
        upload.upload.handle_connected();
        let has = vec![false; size];
        Self {
            now: T0,
            upload,
            flying: Vec::new(),
            has,
            question: None,
            outcome: None,
            told_missing: None,
        }
    }

    fn missing(&self) -> Vec<(u64, u64)> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for (at, _) in self.has.iter().enumerate().filter(|(_, has)| !**has) {
            let at = at as u64;
            match ranges.last_mut() {
                Some(last) if last.1 == at => last.1 = at + 1,
                Some(_) | None => ranges.push((at, at + 1)),
            }
        }
        ranges
    }

    fn act(&mut self) {
        while let Some(effect) = self.upload.next(self.now) {
            match effect {
                UploadEffect::Send(sent) => {
                    assert!(!self.flying.contains(&sent), "{sent:?} flies twice at once");
                    if let (Sent::Segment { offset, length }, Some(told)) =
                        (sent, &mut self.told_missing)
                    {
                        for at in offset..offset + u64::from(length) {
                            let missing = std::mem::replace(&mut told[at as usize], false);
                            assert!(missing, "byte {at} was not asked for, or goes twice");
                        }
                    }
                    self.flying.push(sent);
                }
                UploadEffect::Reconnect => self.reconnect(),
                UploadEffect::Open { .. } | UploadEffect::HangUp => panic!("there is no link"),
                UploadEffect::Done(outcome) => self.outcome = Some(outcome),
            }
        }
    }

    fn reconnect(&mut self) {
        self.flying.clear();
        self.question = None;
        self.upload.reconnect();
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Reconnect => self.reconnect(),
            Step::Puback(taken) => {
                if !self.flying.is_empty() {
                    let sent = self.flying.remove(0);
                    if *taken == Taken::Accepted {
                        self.receive(sent);
                    }
                    self.upload.handle_puback(self.now, sent, *taken);
                }
            }
            Step::Answer => {
                if let Some(step) = self.question.take() {
                    let missing = self.missing();
                    let whole = missing.is_empty() || step == FileStep::Init;
                    let code =
                        if whole { FileResponse::PERSISTED } else { FileResponse::RESEND_MISSING };
                    let mut told = vec![false; self.has.len()];
                    for (start, end) in missing.iter().take(MISSING_MAX) {
                        told[*start as usize..*end as usize].fill(true);
                    }
                    self.told_missing = Some(told);
                    self.upload.handle_response(self.now, &response(step, code, &missing));
                }
            }
            Step::AnswerLost => self.question = None,
            Step::Pass(ms) => self.now = self.now.plus(Duration::from_millis(*ms)),
        }
        self.act();
    }

    fn receive(&mut self, sent: Sent) {
        match sent {
            Sent::Init => self.question = Some(FileStep::Init),
            Sent::Fin => self.question = Some(FileStep::Fin),
            Sent::Segment { offset, length } => {
                self.has[offset as usize..offset as usize + length as usize].fill(true);
            }
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Reconnect),
        9 => Just(Step::Puback(Taken::Accepted)),
        1 => Just(Step::Puback(Taken::NoReceiver)),
        5 => Just(Step::Answer),
        1 => Just(Step::AnswerLost),
        2 => (1..5_000_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    // A failure prints its case; nothing is written beside the tests.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_file_arrives_whole_whatever_happens_on_the_way(
        size in 1..6_000_usize,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut world = World::new(size);
        world.act();
        for step in &steps {
            world.step(step);
        }
        for _ in 0..5_000 {
            if world.outcome.is_some() {
                break;
            }
            world.step(&Step::Puback(Taken::Accepted));
            world.step(&Step::Answer);
            world.step(&Step::Pass(500));
        }
        prop_assert_eq!(world.outcome, Some(Outcome::Persisted));
        prop_assert!(world.has.iter().all(|has| *has));
    }
}
