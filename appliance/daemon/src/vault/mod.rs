//! The vault: recordings and finished clips as plain files under the data directory.
//!
//! ```text
//! {data_dir}/recordings/{source}/{boot}/{seq}.m4s    one fragment each, playable alone
//! {data_dir}/clips/{clip id}.mp4                     finished clips
//! {data_dir}/clips/{clip id}.mp4.tmp                 a clip in the making; removed at start
//! ```
//!
//! There is no index on disk: it is rebuilt from the fragments' headers, so nothing can
//! disagree after `kill -9`. A fragment whose file ends early is removed. Implements the ports of
//! `pipeline::record` and `pipeline::cut`; it must not know what a clip is about, nor MQTT.
//!
//! Durability: a fragment is synced when it is complete, so a power cut costs what the recorder
//! had pending, about a second. A clip is synced, renamed and its folder synced before
//! `ClipFile::finish` returns.

mod clips;
mod recordings;
mod scan;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

pub use clips::Clips;
pub use recordings::{Recording, Recordings};

/// The vault cannot be opened or listed.
#[derive(Debug, thiserror::Error)]
#[error(
    "the folder {} cannot be used ({reason}): give the user that runs courtside read and write \
     access, or set `box.data_dir` to another folder",
    path.display()
)]
pub struct VaultError {
    path: PathBuf,
    reason: io::Error,
}

impl VaultError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |reason| Self { path, reason }
    }
}

/// Makes the entries of a folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}
