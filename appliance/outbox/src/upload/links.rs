//! The bytes of an upload that go by HTTP to links of the receiver, one range at a time.
//!
//! A server's word alone ends no range: the receiver is asked again, and what it still misses goes
//! again.

use wire::time::Monotonic;
use wire::transfer::{FileResponse, FileWay};

use super::{Sent, State, To, Upload};
use crate::ranges::Ranges;

/// After so many links in a row that did not work the file goes through the broker: a venue's
/// network may let the box reach the broker and nothing else.
const FAILED_LINKS_MAX: u32 = 3;

/// How a request to a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// The server has the bytes.
    Stored,
    /// It refused them, or could not be reached.
    Failed,
}

impl Upload {
    /// The same upload, asking for links as long as they work.
    #[must_use]
    pub const fn by_links(mut self) -> Self {
        self.way = FileWay::Links;
        self
    }

    /// What the announcement asks for.
    pub const fn way(&self) -> FileWay {
        self.way
    }

    /// A request to a link is over.
    pub fn handle_link_end(&mut self, now: Monotonic, end: LinkEnd) {
        self.flying.retain(|(sent, _)| !matches!(sent, Sent::Segment { .. }));
        let sent_all = match &self.state {
            State::Sending { todo, to: To::Link } => todo.is_empty(),
            State::Put { .. } => true,
            State::Offline
            | State::Asking
            | State::Asked { .. }
            | State::Linked { .. }
            | State::Sending { to: To::Broker, .. }
            | State::Ending
            | State::Ended { .. }
            | State::Paused { .. }
            | State::Finished(_)
            | State::Done => return,
        };
        // A server that is content before it has everything is no store.
        if end == LinkEnd::Stored && sent_all {
            self.took = self.given.take();
            let was_the_last = self.took.is_some_and(|(offset, end)| end - offset == self.missing);
            self.state = if was_the_last { State::Ending } else { State::Asking };
        } else {
            self.fail_link(now);
        }
    }

    pub(super) const fn is_putting(&self) -> bool {
        matches!(self.state, State::Sending { to: To::Link, .. } | State::Put { .. })
    }

    pub(super) fn fail_link(&mut self, now: Monotonic) {
        self.failed_links += 1;
        if self.failed_links >= FAILED_LINKS_MAX {
            self.way = FileWay::Segments;
        }
        self.pause(now);
    }

    /// Whether the server took a range that the receiver misses still. How much is missing in all
    /// does not tell: an answer lists so many ranges and no more.
    pub(super) fn put_was_lost(&mut self, response: &FileResponse) -> bool {
        let Some((offset, end)) = self.took.take() else { return false };
        let was_lost = response.missing.iter().any(|&(from, to)| from < end && offset < to);
        if !was_lost {
            self.failed_links = 0;
        }
        was_lost
    }

    /// What follows from an answer that may name a link; without one the bytes go to the broker.
    pub(super) fn follow(&self, response: &FileResponse, todo: Ranges) -> State {
        let first = response.missing.first().map(|&(offset, end)| (offset, end.min(self.size)));
        match (first, &response.link) {
            (Some((offset, end)), Some(_)) if offset < end => State::Linked { offset, end },
            (Some(_), _) | (None, _) => State::Sending { todo, to: To::Broker },
        }
    }
}
