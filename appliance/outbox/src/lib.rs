//! Decides what to send next, at what pace, when to retry and what to evict.
