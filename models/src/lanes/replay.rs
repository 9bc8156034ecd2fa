//! Replays: does what is shown now repeat what was shown a little while ago? No network.
//!
//! A program feed shows a shot again, often slowed down; counted again it would be a second event.
//! Small pictures of the last [`REPLAY_PAST_MS`] are kept. A replay is on when picture after
//! picture is an old one, and the old ones follow each other steadily: at the speed of play, or
//! slower. A camera that stands still shows the same wall all the time, so a picture counts as an
//! old one only where its neighbours in time fit clearly worse: players move. Finds no replay from
//! a camera that was not on air, and none of a picture in which nothing moves.

use std::collections::VecDeque;

use wire::time::{MediaSpan, MediaTime};

use crate::limits::{
    REPLAY_AGREE, REPLAY_ALIKE, REPLAY_ALIKE_STILL, REPLAY_AWAY_MS, REPLAY_BLOCK_MAX,
    REPLAY_CLEARER, REPLAY_LAG_MS, REPLAY_LONGEST_MS, REPLAY_MISSES, REPLAY_PAST_MS,
    REPLAY_SPACING_MS, REPLAY_SPEED, SCENE_GRID,
};

/// Columns and rows of the small pictures: half of the scene lane's grid.
const GRID: (usize, usize) = (SCENE_GRID.0 / 2, SCENE_GRID.1 / 2);
const BLOCKS: usize = GRID.0 * GRID.1;

/// Notices replays in one source.
#[derive(Default)]
pub struct ReplayWatch {
    /// Oldest first, at least [`REPLAY_SPACING_MS`] apart.
    past: VecDeque<Small>,
    state: State,
}

/// A small picture.
struct Small {
    at: MediaTime,
    blocks: Box<[u8; BLOCKS]>,
}

#[derive(Default)]
enum State {
    /// The pictures that agreed so far, oldest first.
    #[default]
    Live,
    Suspected(Vec<Pair>),
    /// A replay, or, if it does not end, a stream that goes round in a loop.
    Repeating {
        began: MediaTime,
        speed: f32,
        last: Pair,
        misses: u32,
    },
}

/// A picture, and the old one that it repeats.
#[derive(Clone, Copy)]
struct Pair {
    shown: MediaTime,
    old: MediaTime,
}

impl ReplayWatch {
    /// Shows the watch a picture on the scene lane's grid.
    ///
    /// - grid: `SCENE_GRID.0 * SCENE_GRID.1` greys, row after row.
    /// - returns: when the replay that is on began; `None` while the game is live.
    pub fn observe(&mut self, grid: &[u8], at: MediaTime) -> Option<MediaTime> {
        let since = self.past.back().map(|last| at.since(last.at).as_millis());
        if since.is_some_and(|ms| (0..REPLAY_SPACING_MS).contains(&ms)) {
            return self.state.replay(at);
        }
        if since.is_some_and(|ms| !(0..REPLAY_PAST_MS).contains(&ms)) {
            *self = Self::default();
        }
        let small = Small::of(grid, at);
        self.state = match std::mem::take(&mut self.state) {
            State::Live => self.suspect(Vec::new(), &small),
            State::Suspected(pairs) => self.suspect(pairs, &small),
            State::Repeating { began, speed, last, misses } => {
                let elapsed = at.since(last.shown).as_millis() as f32;
                let expected =
                    last.old.plus(MediaSpan::from_millis((speed * elapsed).round() as i64));
                match self.repeated_near(&small, expected) {
                    Some(old) => {
                        let last = Pair { shown: at, old };
                        State::Repeating { began, speed, last, misses: 0 }
                    }
                    None if misses + 1 < REPLAY_MISSES => {
                        State::Repeating { began, speed, last, misses: misses + 1 }
                    }
                    None => State::Live,
                }
            }
        };
        let old = at.minus(MediaSpan::from_millis(REPLAY_PAST_MS));
        while self.past.front().is_some_and(|first| first.at < old) {
            self.past.pop_front();
        }
        self.past.push_back(small);
        self.state.replay(at)
    }

    /// Adds what this picture repeats to what those before it repeated.
    fn suspect(&self, mut pairs: Vec<Pair>, small: &Small) -> State {
        match self.repeated(small) {
            Some(old) => pairs.push(Pair { shown: small.at, old }),
            None if pairs.len() < 2 => return State::Live,
            // One picture of a few may be covered by a wipe or a caption.
            None => {
                pairs.remove(0);
                return State::Suspected(pairs);
            }
        }
        if pairs.len() < REPLAY_AGREE {
            return State::Suspected(pairs);
        }
        let last = pairs[pairs.len() - 1];
        match steady_speed(&pairs) {
            Some(speed) => State::Repeating { began: pairs[0].shown, speed, last, misses: 0 },
            None => {
                pairs.remove(0);
                State::Suspected(pairs)
            }
        }
    }

    /// When the picture that this one repeats was shown, if it clearly repeats one.
    fn repeated(&self, small: &Small) -> Option<MediaTime> {
        let until = small.at.minus(MediaSpan::from_millis(REPLAY_LAG_MS));
        let old: Vec<(MediaTime, u32)> = self
            .past
            .iter()
            .take_while(|past| past.at <= until)
            .map(|past| (past.at, past.difference(small)))
            .collect();
        let (best, least) = old.iter().copied().min_by_key(|(_, difference)| *difference)?;
        if least as f32 > REPLAY_ALIKE * BLOCKS as f32 {
            return None;
        }
        // The pictures some time before and after it.
        let away = |(at, _): &&(MediaTime, u32)| {
            let ms = at.since(best).as_millis().abs();
            (REPLAY_AWAY_MS..2 * REPLAY_AWAY_MS).contains(&ms)
        };
        let others = old.iter().filter(away).map(|(_, difference)| *difference).min()?;
        let clear = others as f32 >= REPLAY_CLEARER * (least as f32 + 0.2 * BLOCKS as f32);
        clear.then_some(best)
    }

    /// When the picture was shown that this one repeats, if that is about when it was expected to
    /// have been. The speed is not known well enough to go by it alone.
    fn repeated_near(&self, small: &Small, expected: MediaTime) -> Option<MediaTime> {
        let near = |past: &&Small| past.at.since(expected).as_millis().abs() <= REPLAY_AWAY_MS / 2;
        let alike = self.past.iter().filter(near).map(|past| (past.at, past.difference(small)));
        let (old, least) = alike.min_by_key(|(_, difference)| *difference)?;
        (least as f32 <= REPLAY_ALIKE_STILL * BLOCKS as f32).then_some(old)
    }
}

impl State {
    /// When the replay began. What repeats for longer than any replay is a stream in a loop, and
    /// as live as before.
    fn replay(&self, at: MediaTime) -> Option<MediaTime> {
        match self {
            Self::Live | Self::Suspected(_) => None,
            Self::Repeating { began, .. } => {
                (at.since(*began).as_millis() <= REPLAY_LONGEST_MS).then_some(*began)
            }
        }
    }
}

impl Small {
    fn of(grid: &[u8], at: MediaTime) -> Self {
        debug_assert_eq!(grid.len(), 4 * BLOCKS);
        let mut blocks = Box::new([0; BLOCKS]);
        for (index, block) in blocks.iter_mut().enumerate() {
            let (x, y) = (2 * (index % GRID.0), 2 * (index / GRID.0));
            let row = |y: usize| &grid[y * SCENE_GRID.0 + x..][..2];
            let sum: u16 = row(y).iter().chain(row(y + 1)).map(|&grey| u16::from(grey)).sum();
            *block = (sum / 4) as u8;
        }
        Self { at, blocks }
    }

    /// Sum over the blocks; one block counts for no more than [`REPLAY_BLOCK_MAX`], so that a
    /// caption that is in one of the pictures alone does not outweigh all else.
    fn difference(&self, other: &Self) -> u32 {
        let pairs = self.blocks.iter().zip(other.blocks.iter());
        pairs.map(|(&a, &b)| u32::from(a.abs_diff(b).min(REPLAY_BLOCK_MAX))).sum()
    }
}

/// How fast the old pictures follow each other, in seconds a second, if they do so steadily and no
/// faster than a replay.
fn steady_speed(pairs: &[Pair]) -> Option<f32> {
    let (first, last) = (pairs.first()?, pairs.last()?);
    let ms = |span: MediaSpan| span.as_millis() as f32;
    let speed = ms(last.old.since(first.old)) / ms(last.shown.since(first.shown)).max(1.0);
    let steady = |pair: &Pair| {
        let expected = speed * ms(pair.shown.since(first.shown));
        // A slow replay shows one old picture for a while.
        (ms(pair.old.since(first.old)) - expected).abs() <= 1.5 * REPLAY_SPACING_MS as f32
    };
    (REPLAY_SPEED.contains(&speed) && pairs.iter().all(steady)).then_some(speed)
}
