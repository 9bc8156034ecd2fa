//! Ten minutes of live play. Stated bounds: whole segments come at most one target duration and
//! three round trips after the server has them, parts with blocking reloads at most two round
//! trips; nothing is fetched twice; what is missing was out of reach, and is counted.

use std::collections::HashSet;

use ingest::hls::{Cause, EndReason, Event, Failure, Parts, Piece, Puller, Start};
use ingest::limits::HlsLimits;
use proptest::prelude::*;

use crate::driver::{Link, Log, good, run};
use crate::server::{Content, Server};

const MINUTES_10: u64 = 600_000;
const DELAY_MS: u64 = 40;
const ROUND_TRIP_MS: u64 = 2 * DELAY_MS;

fn puller(parts: Parts) -> Puller {
    let start = Start { parts, ..Start::default() };
    Puller::new("http://court.example/live/index.m3u8", HlsLimits::default(), start).unwrap()
}

fn play(server: &Server) -> (Puller, Log) {
    let mut puller = puller(Parts::Fetch);
    let log = run(&mut puller, server, good(DELAY_MS), MINUTES_10);
    (puller, log)
}

/// Everything comes once, in order, and every number is either there or counted as missing.
/// Returns how many segments are missing.
fn assert_in_order(log: &Log) -> u64 {
    assert_eq!(log.sent.iter().collect::<HashSet<_>>().len(), log.sent.len(), "fetched twice");
    let (mut next, mut missing, mut all_missing) = (None, 0, 0);
    for event in &log.events {
        let media = match event {
            Event::Missed { segments, .. } => {
                (missing, all_missing) = (missing + segments, all_missing + segments);
                continue;
            }
            Event::Media(media) if media.piece != Piece::Init => media,
            Event::Media(_) | Event::Began { .. } | Event::AudioLost(_) | Event::Ended(_) => {
                continue;
            }
        };
        let part = match media.piece {
            Piece::Part { index } => index,
            Piece::Segment | Piece::Init => 0,
        };
        if let Some((epoch, sequence, parts)) = next {
            if media.epoch == epoch && media.sequence == sequence {
                assert_eq!((part, missing), (parts, 0), "parts in order");
            } else if media.epoch == epoch {
                // A torn segment counts as missing, and one that was fetched in parts does not.
                let whole = sequence + u64::from(parts > 0);
                let found = media.sequence - missing;
                assert!(found == whole || (parts > 0 && found == sequence), "{event:?} {next:?}");
                assert_eq!(part, 0, "a segment begins with its first part");
            } else {
                assert_eq!((media.epoch, part), (epoch + 1, 0));
                assert!(media.discontinuity, "a new numbering begins afresh");
            }
        }
        missing = 0;
        next = Some(match media.piece {
            Piece::Part { index } => (media.epoch, media.sequence, index + 1),
            Piece::Segment | Piece::Init => (media.epoch, media.sequence + 1, 0),
        });
    }
    all_missing
}

fn latency_max(server: &Server, log: &Log) -> u64 {
    // The first pieces are history.
    let recent = log.media.iter().filter(|(at, ..)| *at > 5_000);
    recent.map(|(at, _, content)| at - server.made_at(*content)).max().unwrap()
}

fn segments(log: &Log, run: usize) -> Vec<u64> {
    let mut all = Vec::new();
    for (.., Content { segment, .. }) in log.media.iter().filter(|(.., one)| one.run == run) {
        if all.last() != Some(segment) {
            all.push(*segment);
        }
    }
    all
}

#[test]
fn live_play_loses_nothing_and_keeps_its_latency() {
    for segment_ms in [1000, 2000, 6000] {
        let server = Server { segment_ms, ..Server::default() };
        let (puller, log) = play(&server);
        assert_eq!(assert_in_order(&log), 0);
        let all = segments(&log, 0);
        assert_eq!(all[0], 0);
        assert!(all.len() as u64 >= MINUTES_10 / segment_ms - 2, "{}", all.len());
        let latency = latency_max(&server, &log);
        assert!(latency <= segment_ms + 3 * ROUND_TRIP_MS, "{latency} ms of {segment_ms}");
        assert_eq!(puller.counters().segments_total, all.len() as u64);
        // RFC 8216 6.3.4: no more than two loads in a target duration.
        assert!(log.loads as u64 <= 2 * MINUTES_10 / segment_ms + 2, "{} loads", log.loads);
    }
}

#[test]
fn a_stream_that_runs_already_begins_three_target_durations_before_its_end() {
    let mut puller = puller(Parts::Fetch);
    let server = Server { window: 20, ..Server::default() };
    // Nothing is reached before a minute has gone.
    let server = Server { outages: vec![0..20_100], ..server };
    let log = run(&mut puller, &server, good(DELAY_MS), 60_000);
    let (at, .., first) = log.media[0];
    // The distance in whole segments, when the playlist was sent.
    let listed = (at - 2 * ROUND_TRIP_MS) / 2000;
    assert!((listed..=listed + 1).contains(&(first.segment + 3)), "{first:?} at {at}");
}

#[test]
fn a_restarted_server_is_followed_from_its_new_beginning() {
    let server = Server { runs: vec![0..301_000, 306_000..u64::MAX], ..Server::default() };
    let (puller, log) = play(&server);
    assert_eq!(assert_in_order(&log), 0);
    assert_eq!(puller.counters().restarts_total, 1);
    let (before, after) = (segments(&log, 0), segments(&log, 1));
    // The last segment of the first run was listed for a second only.
    assert!(before.len() >= 149, "{}", before.len());
    assert_eq!((after[0], after.len() >= 145), (0, true));
    let cuts = log.media.iter().filter(|(_, media, _)| media.discontinuity);
    assert_eq!(cuts.map(|(.., content)| content.segment).collect::<Vec<_>>(), [0]);
}

#[test]
fn discontinuities_are_told_once_each_and_exactly() {
    let server = Server { cut_every: 7, ..Server::default() };
    let (_, log) = play(&server);
    assert_eq!(assert_in_order(&log), 0);
    for (_, media, content) in &log.media {
        assert_eq!(media.discontinuity, server.is_cut(content.segment), "{media:?}");
    }
}

#[test]
fn a_cut_among_segments_that_were_never_seen_is_told() {
    let outages = vec![100_000..118_000];
    // Segment 54 is cut, and gone when the link is back.
    let server = Server { cut_every: 54, window: 3, outages, ..Server::default() };
    let (_, log) = play(&server);
    assert!(assert_in_order(&log) > 0);
    let after = log.media.iter().find(|(.., content)| content.segment > 54).unwrap();
    assert!(after.1.discontinuity && !segments(&log, 0).contains(&54), "{after:?}");
}

#[test]
fn an_outage_shorter_than_the_window_costs_nothing() {
    let outages = vec![100_000..104_500, 200_300..204_000, 303_000..303_100];
    let (puller, log) = play(&Server { outages, ..Server::default() });
    assert_eq!(assert_in_order(&log), 0);
    assert!(segments(&log, 0).len() >= 298);
    assert!(puller.counters().playlists_failed_total > 0);
}

#[test]
fn an_outage_longer_than_the_window_costs_what_expired_and_no_more() {
    let server = Server { outages: vec![100_000..118_000], ..Server::default() };
    let (puller, log) = play(&server);
    let missing = assert_in_order(&log);
    // At most the last back-off passes before the playlist is seen again.
    assert!((4..=6).contains(&missing), "{missing}");
    assert_eq!(puller.counters().segments_expired_total, missing);
    let begins = log.media.iter().filter(|(_, media, _)| media.discontinuity).count();
    assert_eq!(begins, 0, "missing segments are no discontinuity");
}

#[test]
fn a_link_that_loses_every_third_request_costs_nothing() {
    let loses = |request: u64| request.is_multiple_of(3).then_some(Failure::Timeout);
    let (mut puller, server) = (puller(Parts::Fetch), Server::default());
    let log = run(&mut puller, &server, Link { delay_ms: DELAY_MS, loses }, MINUTES_10);
    assert_eq!(assert_in_order(&log), 0);
    assert!(segments(&log, 0).len() >= 298);
    assert!(puller.counters().media_failed_total > 50);
}

#[test]
fn bad_segments_are_given_up_and_the_others_come() {
    for failure in [Failure::Server, Failure::NotFound, Failure::Gone, Failure::TooLarge] {
        let server = Server { bad: vec![(50, failure), (60, failure)], ..Server::default() };
        let (puller, log) = play(&server);
        assert_eq!(assert_in_order(&log), 2, "{failure:?}");
        let all = segments(&log, 0);
        assert!(!all.contains(&50) && !all.contains(&60) && all.len() >= 296, "{failure:?}");
        assert_eq!(puller.counters().segments_failed_total, 2, "{failure:?}");
        let tries = match failure {
            Failure::Server => u64::from(HlsLimits::default().tries_max),
            // Until a newer one is listed: 250, 500 and 1000 ms apart within 2 s.
            Failure::NotFound => 4,
            Failure::Gone
            | Failure::TooLarge
            | Failure::Forbidden
            | Failure::Rejected
            | Failure::Timeout
            | Failure::Network => 1,
        };
        assert_eq!(puller.counters().media_failed_total, 2 * tries, "{failure:?}");
        assert!(log.events.iter().any(|event| {
            matches!(event, Event::Missed { cause: Cause::Failed(cause), .. } if *cause == failure)
        }));
    }
}

#[test]
fn parts_come_as_they_appear_and_no_segment_twice() {
    let parts = Server { part_ms: Some(500), blocking: true, ..Server::default() };
    let (puller, log) = play(&parts);
    assert_eq!(assert_in_order(&log), 0);
    let latency = latency_max(&parts, &log);
    assert!(latency <= 2 * ROUND_TRIP_MS + 10, "{latency} ms");
    let counters = puller.counters();
    assert!(counters.segments_total <= 2, "{counters:?}");
    assert!(counters.parts_total >= 1190, "{counters:?}");

    // Without blocking reloads, a part waits for the next poll.
    let polled = Server { blocking: false, ..parts };
    let (_, log) = play(&polled);
    assert_eq!(assert_in_order(&log), 0);
    let latency = latency_max(&polled, &log);
    assert!(latency <= 500 + 3 * ROUND_TRIP_MS, "{latency} ms");
}

#[test]
fn whoever_ignores_parts_gets_whole_segments_from_a_server_of_parts() {
    let server = Server { part_ms: Some(500), blocking: true, ..Server::default() };
    let mut puller = puller(Parts::Ignore);
    let log = run(&mut puller, &server, good(DELAY_MS), MINUTES_10);
    assert_eq!(assert_in_order(&log), 0);
    assert_eq!(puller.counters().parts_total, 0);
    assert!(latency_max(&server, &log) <= 2 * ROUND_TRIP_MS + 10);
}

#[test]
fn a_stream_that_stands_still_ends_as_stalled_and_one_that_ends_as_finished() {
    let last = |log: &Log| log.events.last().cloned();
    // The encoder dies and its last playlist stays.
    let frozen = Server { runs: vec![0..60_000], ends: true, ..Server::default() };
    let (_, log) = play(&frozen);
    assert_eq!(last(&log), Some(Event::Ended(EndReason::Finished)));
    assert_eq!((segments(&log, 0).len(), assert_in_order(&log)), (30, 0));

    let gone = Server { runs: vec![0..60_000], ..Server::default() };
    let (_, log) = play(&gone);
    let failure = Failure::Network;
    assert_eq!(last(&log), Some(Event::Ended(EndReason::Unreachable { failure })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_the_link_loses_everything_comes_once_and_is_accounted_for(
        seed in any::<u64>(),
        percent in 0..60_u64,
        window in 2..8_u64,
        delay_ms in 1..400_u64,
        (part_ms, blocking) in (prop_oneof![Just(None), Just(Some(500))], any::<bool>()),
        (cut_every, restart) in (3..40_u64, 40_000..80_000_u64),
    ) {
        let runs = vec![0..restart, restart + 4000..u64::MAX];
        let server = Server { window, part_ms, blocking, cut_every, runs, ..Server::default() };
        let failures = [Failure::Network, Failure::Timeout, Failure::Server, Failure::NotFound,
            Failure::Gone, Failure::Forbidden, Failure::Rejected, Failure::TooLarge];
        let loses = |request: u64| {
            let mut hash = (seed ^ request).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            hash = (hash ^ (hash >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 17;
            // The first answer decides whether there is a stream at all.
            (request > 1 && hash % 100 < percent).then(|| failures[(hash / 100 % 8) as usize])
        };
        let mut puller = puller(Parts::Fetch);
        let log = run(&mut puller, &server, Link { delay_ms, loses }, 120_000);
        let missing = assert_in_order(&log);
        let counters = puller.counters();
        prop_assert_eq!(
            missing,
            counters.segments_expired_total + counters.segments_failed_total
        );
        prop_assert_eq!(counters.segments_total + counters.parts_total, log.media.len() as u64);
    }
}
