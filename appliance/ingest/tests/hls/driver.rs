//! The shell of a simulated box: sends the requests of a puller over a link with a given delay.

use std::collections::HashMap;

use ingest::hls::{Effect, Event, Failure, Fetch, FetchId, Media, Puller, Response, Track, What};
use wire::time::Monotonic;

use crate::server::{Answer, Content, Server};

/// Everything that a puller did.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Media, when it was handed over, in milliseconds, and what it was.
    pub(crate) media: Vec<(u64, Media, Content)>,
    /// All events, in order.
    pub(crate) events: Vec<Event>,
    /// What the server sent, repetitions included.
    pub(crate) sent: Vec<Content>,
    /// Requests for playlists.
    pub(crate) loads: usize,
}

pub(crate) struct Link<F> {
    /// One way, in milliseconds.
    pub(crate) delay_ms: u64,
    /// Whether the request of this number is lost, and how that looks.
    pub(crate) loses: F,
}

/// A link that loses nothing.
pub(crate) fn good(delay_ms: u64) -> Link<impl FnMut(u64) -> Option<Failure>> {
    Link { delay_ms, loses: |_| None }
}

struct Awaited {
    at: u64,
    fetch: Fetch,
    result: Result<Answer, Failure>,
}

/// Runs a puller against a server until it ends, or until `until_ms`.
pub(crate) fn run<F: FnMut(u64) -> Option<Failure>>(
    puller: &mut Puller,
    server: &Server,
    mut link: Link<F>,
    until_ms: u64,
) -> Log {
    let (mut log, mut awaited) = (Log::default(), Vec::<Awaited>::new());
    let mut contents = HashMap::<FetchId, Content>::new();
    let mut now = 0;
    puller.handle_deadline(Monotonic::from_millis(now));
    loop {
        while let Some(effect) = puller.next_effect() {
            match effect {
                Effect::Fetch(fetch) => {
                    let (sent, mut result) = server.answer(fetch.url.as_str(), now + link.delay_ms);
                    if let Some(failure) = (link.loses)(fetch.id.0) {
                        result = Err(failure);
                    }
                    log.loads += usize::from(fetch.what == What::Playlist);
                    assert!(u128::from(sent - now) <= fetch.wait_max.as_millis(), "{fetch:?}");
                    awaited.push(Awaited { at: sent + link.delay_ms, fetch, result });
                }
                Effect::Event(Event::Media(media)) => {
                    let content = contents.remove(&media.id).expect("media that was fetched");
                    log.media.push((now, media, content));
                    log.events.push(Event::Media(media));
                }
                Effect::Event(event) => log.events.push(event),
            }
        }
        assert!(contents.is_empty(), "fetched and not handed over: {contents:?}");
        for track in [Track::Main, Track::Audio] {
            let of = |playlist: bool| {
                let own = awaited.iter().filter(|one| one.fetch.track == track);
                own.filter(|one| (one.fetch.what == What::Playlist) == playlist).count()
            };
            assert!(of(true) <= 1 && of(false) <= 1, "one playlist and one medium at a time");
        }
        let arrives = awaited.iter().map(|one| one.at).min();
        let due = puller.deadline().map(|at| at.0.div_ceil(1000).max(now));
        let Some(next) = arrives.into_iter().chain(due).min().filter(|next| *next <= until_ms)
        else {
            return log;
        };
        now = next;
        let at = Monotonic::from_millis(now);
        let Some(index) = awaited.iter().position(|one| one.at <= now) else {
            puller.handle_deadline(at);
            continue;
        };
        let Awaited { fetch, result, .. } = awaited.swap_remove(index);
        let final_url = fetch.url.as_str();
        match result {
            Ok(Answer::Playlist(text)) => {
                let body = text.as_bytes();
                puller.handle_fetched(at, fetch.id, Response { body, final_url });
            }
            Ok(Answer::Content(content)) => {
                contents.insert(fetch.id, content);
                log.sent.push(content);
                puller.handle_fetched(at, fetch.id, Response { body: b"", final_url });
            }
            Err(failure) => puller.handle_failed(at, fetch.id, failure),
        }
    }
}
