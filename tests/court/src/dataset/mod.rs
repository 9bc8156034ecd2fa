//! Training material: short pieces of games as raw luma with what is true of each frame.
//!
//! Owns the two files of a set: pixels back to back, and a list that says where each piece starts.

pub mod field;
pub mod look;
pub mod quiet;
pub mod rim;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// What a list says of one piece.
pub trait Piece: Serialize + Sized {
    /// Renders the piece of a seed: its entry, with offset 0, and its bytes.
    fn render(seed: u64) -> (Self, Vec<u8>);
    /// Tells where its bytes start.
    fn set_offset(&mut self, offset: u64);
}

/// Writes one piece for each seed from `first` on: `NAME.u8` and `NAME.json` in `folder`.
///
/// # Errors
/// When the folder or its files cannot be written.
pub fn write<P: Piece>(
    folder: &Path,
    name: &str,
    (first, seeds): (u64, u64),
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| {
        format!("cannot create {}: choose a folder that can be written", folder.display())
    })?;
    let path = folder.join(name).with_extension("u8");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut pixels = BufWriter::with_capacity(1 << 20, file);
    let mut pieces = Vec::new();
    let mut offset = 0;
    for seed in first..first + seeds {
        let (mut piece, bytes) = P::render(seed);
        piece.set_offset(offset);
        offset += bytes.len() as u64;
        pixels.write_all(&bytes).with_context(|| format!("cannot write {}", path.display()))?;
        pieces.push(piece);
    }
    pixels.flush().with_context(|| format!("cannot write {}", path.display()))?;
    let path = folder.join(name).with_extension("json");
    let text = serde_json::to_vec(&pieces).context("the list does not fit JSON")?;
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
