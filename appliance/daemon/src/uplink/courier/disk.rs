//! Files of clips: read, checked and removed. Blocking work runs beside the runtime.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::store::{Store, StoredClip};

/// Whether a file is what its record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verified {
    Same,
    Different,
}

/// Opens a clip's file; a file of another size is no longer the clip.
pub(super) fn open(clip: &StoredClip) -> io::Result<File> {
    let file = File::open(&clip.path)?;
    let found = file.metadata()?.len();
    if found == clip.record.bytes {
        return Ok(file);
    }
    let expected = clip.record.bytes;
    Err(io::Error::other(format!("it has {found} bytes instead of {expected}")))
}

pub(super) async fn read(file: Arc<File>, offset: u64, length: u32) -> io::Result<Bytes> {
    beside(move || {
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, offset)?;
        Ok(Bytes::from(bytes))
    })
    .await
}

/// Compares the file with its record's SHA-256.
pub(super) async fn verify(clip: &StoredClip) -> io::Result<Verified> {
    let (path, expected) = (clip.path.clone(), clip.record.sha256.clone());
    beside(move || {
        let mut file = File::open(path)?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => digest.update(&buffer[..read]),
            }
        }
        let same = format!("{:x}", digest.finalize()) == expected.as_str();
        Ok(if same { Verified::Same } else { Verified::Different })
    })
    .await
}

/// Removes the file of a clip whose release is durable, then its row.
pub(super) fn remove(store: &Store, clip: &StoredClip) {
    let removed = faults::pass("clip.remove.before").and_then(|()| fs::remove_file(&clip.path));
    match removed {
        Ok(()) => faults::mark("clip.remove.after"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let path = clip.path.display();
            tracing::error!(%error, %path, "a clip that is not needed any more cannot be removed; tried again at the next start");
            return;
        }
    }
    if let Err(error) = store.forget_clip(clip.record.id) {
        tracing::debug!(%error, "a clip's row is forgotten at the next start");
    }
}

/// A stop between release and removal leaves files behind.
pub(super) fn remove_leftovers(store: &Store, leftovers: &[StoredClip]) {
    for clip in leftovers {
        remove(store, clip);
    }
}

async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
