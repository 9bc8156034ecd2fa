//! A live HLS server as a pure function of time.

use core::ops::Range;

use ingest::hls::Failure;

/// A server with one live stream. Times are in milliseconds since the start of the simulation.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Length of every segment; the target duration too.
    pub(crate) segment_ms: u64,
    /// Length of every part, if the server makes parts.
    pub(crate) part_ms: Option<u64>,
    pub(crate) blocking: bool,
    /// Complete segments in the playlist.
    pub(crate) window: u64,
    /// Times at which an encoder runs. Each begins to count at zero and uses the same names.
    pub(crate) runs: Vec<Range<u64>>,
    /// Times at which nothing can be reached, though the encoder runs.
    pub(crate) outages: Vec<Range<u64>>,
    /// A discontinuity before every so many segments.
    pub(crate) cut_every: u64,
    /// Segments that cannot be fetched, and why.
    pub(crate) bad: Vec<(u64, Failure)>,
    /// Whether the playlist ends when its last run is over.
    pub(crate) ends: bool,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            segment_ms: 2000,
            part_ms: None,
            blocking: false,
            window: 5,
            runs: vec![0..u64::MAX],
            outages: Vec::new(),
            cut_every: u64::MAX,
            bad: Vec::new(),
            ends: false,
        }
    }
}

/// What was sent: run, segment, and part if not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Content {
    pub(crate) run: usize,
    pub(crate) segment: u64,
    pub(crate) part: Option<u64>,
}

pub(crate) enum Answer {
    Playlist(String),
    Content(Content),
}

impl Server {
    /// Answer to a request that arrives at `at`, and when it is sent.
    pub(crate) fn answer(&self, target: &str, at: u64) -> (u64, Result<Answer, Failure>) {
        if self.outages.iter().any(|outage| outage.contains(&at)) {
            return (at, Err(Failure::Network));
        }
        let Some(run) = self.run(at) else { return (at, Err(Failure::Network)) };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path.ends_with(".m3u8") {
            let at = self.held(query, at);
            let playlist = self.playlist(at).ok_or(Failure::Network);
            return (at, playlist.map(Answer::Playlist));
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        (at, self.content(name, run, at).map(Answer::Content))
    }

    fn run(&self, at: u64) -> Option<usize> {
        let running = self.runs.iter().position(|run| run.contains(&at));
        running.or(self.ends.then(|| self.runs.len() - 1))
    }

    /// Complete segments and parts of the next one, at `at`.
    fn made(&self, run: usize, at: u64) -> (u64, u64) {
        let age = at.min(self.runs[run].end) - self.runs[run].start;
        let parts = self.part_ms.map_or(0, |part| age % self.segment_ms / part);
        (age / self.segment_ms, parts)
    }

    /// When the segment, or the part of it, of `content` was complete.
    pub(crate) fn made_at(&self, content: Content) -> u64 {
        let start = self.runs[content.run].start + content.segment * self.segment_ms;
        match (content.part, self.part_ms) {
            (Some(part), Some(length)) => start + (part + 1) * length,
            (Some(_) | None, _) => start + self.segment_ms,
        }
    }

    /// When a blocking reload is answered.
    fn held(&self, query: &str, at: u64) -> u64 {
        let field = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.parse::<u64>().unwrap())
        };
        let Some(msn) = field("_HLS_msn") else { return at };
        assert!(self.blocking, "asked to block, which was not offered");
        let part = field("_HLS_part");
        let has = |at: &u64| {
            let Some(run) = self.run(*at) else { return true };
            let (segments, parts) = self.made(run, *at);
            segments > msn || (segments == msn && part.is_some_and(|part| parts > part))
        };
        (at..at + 3 * self.segment_ms).step_by(10).find(has).unwrap_or(at + 3 * self.segment_ms)
    }

    fn playlist(&self, at: u64) -> Option<String> {
        let run = self.run(at)?;
        let (segments, parts) = self.made(run, at);
        let first = segments.saturating_sub(self.window);
        let seconds = |ms: u64| format!("{}.{:03}", ms / 1000, ms % 1000);
        let mut text = "#EXTM3U\r\n#EXT-X-VERSION:9\r\n".to_owned();
        text += &format!("#EXT-X-TARGETDURATION:{}\r\n", self.segment_ms.div_ceil(1000));
        text += &format!("#EXT-X-MEDIA-SEQUENCE:{first}\r\n");
        text += &format!("#EXT-X-DISCONTINUITY-SEQUENCE:{}\r\n", self.cuts_before(first));
        if let Some(part) = self.part_ms {
            let blocking = if self.blocking { "CAN-BLOCK-RELOAD=YES," } else { "" };
            let hold = seconds(part * 3);
            text += &format!("#EXT-X-SERVER-CONTROL:{blocking}PART-HOLD-BACK={hold}\r\n");
            text += &format!("#EXT-X-PART-INF:PART-TARGET={}\r\n", seconds(part));
        }
        for segment in first..=segments {
            let listed = if segment == segments { parts } else { u64::MAX };
            if segment == segments && listed == 0 {
                break;
            }
            if segment > 0 && segment % self.cut_every == 0 {
                text += "#EXT-X-DISCONTINUITY\r\n";
            }
            if let Some(part) = self.part_ms.filter(|_| segment + 3 > segments) {
                for index in 0..listed.min(self.segment_ms / part) {
                    let duration = seconds(part);
                    let uri = format!("seg{segment}.part{index}.ts");
                    text += &format!("#EXT-X-PART:DURATION={duration},URI=\"{uri}\"\r\n");
                }
            }
            if segment < segments {
                let duration = seconds(self.segment_ms);
                text += &format!("#EXTINF:{duration},\r\nseg{segment}.ts\r\n");
            }
        }
        if self.ends && at >= self.runs[run].end {
            text += "#EXT-X-ENDLIST\r\n";
        }
        Some(text)
    }

    fn cuts_before(&self, first: u64) -> u64 {
        first.saturating_sub(1) / self.cut_every
    }

    /// Whether a segment begins with a discontinuity.
    pub(crate) fn is_cut(&self, segment: u64) -> bool {
        segment > 0 && segment.is_multiple_of(self.cut_every)
    }

    fn content(&self, name: &str, run: usize, at: u64) -> Result<Content, Failure> {
        let name = name.strip_prefix("seg").and_then(|name| name.strip_suffix(".ts")).unwrap();
        let (segment, part) = match name.split_once(".part") {
            Some((segment, part)) => (segment.parse().unwrap(), Some(part.parse().unwrap())),
            None => (name.parse().unwrap(), None),
        };
        if let Some((_, failure)) = self.bad.iter().find(|(bad, _)| *bad == segment) {
            return Err(*failure);
        }
        let (segments, parts) = self.made(run, at);
        let exists = match part {
            Some(part) => segment < segments || (segment == segments && part < parts),
            None => segment < segments,
        };
        // One segment stays on after it left the playlist, as servers are asked to do.
        let kept = segment + self.window + 1 >= segments;
        if exists && kept { Ok(Content { run, segment, part }) } else { Err(Failure::NotFound) }
    }
}
