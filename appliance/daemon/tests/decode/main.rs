//! The decode stage of a source with real decoders: what it does about streams that are entered in
//! the middle, change their size, or are damaged, and about decoders that die. Its streams are
//! encoded here; nothing else is needed.

mod fallback;
mod recovery;
mod stage;
