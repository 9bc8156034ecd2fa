//! Every limit of this crate, each with its reason.

use std::time::Duration;

/// Longest answer in bytes that describes a server or a model, and longest part of an answer that
/// describes its numbers. Real ones have less than 2 kB.
pub(crate) const WORDS_BYTES_MAX: usize = 64 * 1024;

/// Longest number of an answer in JSON in bytes, with what stands between two: an f64 that is
/// written out has at most 24.
pub(crate) const NUMBER_BYTES_MAX: usize = 32;

/// How long one question to a server about itself or its model may take. Longer than the deadline
/// of a call, because nothing waits for it.
pub(crate) const CHECK_MAX: Duration = Duration::from_secs(2);

/// Longest part of what a server says about its own mistakes that is repeated, in characters.
pub(crate) const COMPLAINT_MAX: usize = 160;
