//! The recorder of one source: access units in, fragments in a ring on disk out.
//!
//! A sync state machine that runs on its own thread. It owns how the stream is divided into
//! fragments ([`Fragmenter`]) and the port to where they are kept ([`FragmentStore`]); it must
//! not know files, sockets or clocks. Times are already on the source's timeline.
//!
//! A fragment starts at each keyframe, but is sealed early after about a second, so that a crash
//! loses no more than that and a clip never waits for the end of a long GOP. A cut that waits
//! says until when with [`Recorder::seal_upto`].

mod fragmenter;
mod index;
mod memory;
mod store;

use std::sync::Arc;

use ingest::access_unit::MediaItem;
use wire::time::MediaTime;

pub use fragmenter::{AUDIO_PATIENCE, Fragmenter, Losses, PENDING_BYTES_MAX, UNIT_BYTES_MAX};
pub use index::{HOLDS_MAX, Index};
pub use memory::MemoryStore;
pub use store::{Appended, FragmentStore, Head, HoldId, StoreError};

use crate::mp4::{Fragment, Mp4Error};

/// Why a part of the stream is not in the recording. The recorder goes on with what follows.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The stream cannot be put into a file.
    #[error(transparent)]
    Stream(#[from] Mp4Error),
    /// The store did not take a fragment.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A fragment that was stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The fragment, for a live view.
    pub fragment: Arc<Fragment>,
    /// What had to go for it.
    pub appended: Appended,
}

/// Records one source of one boot.
pub struct Recorder {
    fragmenter: Fragmenter,
    store: Arc<dyn FragmentStore>,
}

impl Recorder {
    /// A recorder that continues whatever `store` has already.
    pub fn new(store: Arc<dyn FragmentStore>) -> Self {
        Self { fragmenter: Fragmenter::new(store.next_seq()), store }
    }

    /// Takes in the next item. Returns the fragment that it completed and that is now stored.
    ///
    /// # Errors
    /// [`RecordError`] if a fragment was lost; the item itself was taken in.
    pub fn handle(&mut self, item: MediaItem) -> Result<Option<Stored>, RecordError> {
        let sealed = self.fragmenter.push(item)?;
        self.keep(sealed)
    }

    /// A cut waits for everything before `at`: the fragment in the making is sealed as soon as
    /// all of it has arrived, which may be at once. Poll [`FragmentStore::complete_upto`].
    ///
    /// # Errors
    /// [`RecordError`] if a fragment was lost.
    pub fn seal_upto(&mut self, at: MediaTime) -> Result<Option<Stored>, RecordError> {
        let sealed = self.fragmenter.seal_upto(at)?;
        self.keep(sealed)
    }

    /// The stream ended or was interrupted: stores what is pending. What follows starts with a
    /// keyframe.
    ///
    /// # Errors
    /// [`RecordError`] if a fragment was lost.
    pub fn finish(&mut self) -> Result<Option<Stored>, RecordError> {
        let sealed = self.fragmenter.finish()?;
        self.keep(sealed)
    }

    /// What was lost so far.
    pub const fn losses(&self) -> Losses {
        self.fragmenter.losses()
    }

    fn keep(&mut self, sealed: Option<Fragment>) -> Result<Option<Stored>, RecordError> {
        let Some(fragment) = sealed else { return Ok(None) };
        match self.store.append(&fragment) {
            Ok(appended) => Ok(Some(Stored { fragment: Arc::new(fragment), appended })),
            Err(error) => {
                self.fragmenter.lost_fragment();
                Err(error.into())
            }
        }
    }
}
