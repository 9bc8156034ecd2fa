//! Recordings: the fragments of every source and boot, within one quota.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pipeline::mp4::Fragment;
use pipeline::record::{Appended, FragmentStore, Head, HoldId, Index, StoreError};
use wire::ids::{BootId, Name};
use wire::time::{MediaInterval, MediaTime};

use super::VaultError;
use super::scan::{self, Scanned};

/// How often a fragment is tried again after something old was removed from a full disk.
const RETRIES_MAX: usize = 8;

/// All recordings of the box. One quota in bytes for all of them: the oldest boot goes first,
/// and within a boot the recording that reaches back furthest.
#[derive(Debug)]
pub struct Recordings {
    folder: PathBuf,
    quota_bytes: u64,
    kept: Mutex<BTreeMap<Key, Kept>>,
}

type Key = (BootId, Name);

/// One recording on disk.
#[derive(Debug)]
enum Kept {
    /// Of an earlier boot; nobody has asked for it: names and sizes only.
    Listed(BTreeMap<u32, u64>),
    /// In use.
    Indexed(Index),
}

impl Kept {
    fn bytes(&self) -> u64 {
        match self {
            Self::Listed(files) => files.values().sum(),
            Self::Indexed(index) => index.bytes(),
        }
    }

    /// How far it reaches back, in ticks of its own timeline.
    fn span(&self) -> i64 {
        match self {
            Self::Listed(_) => i64::MAX,
            Self::Indexed(index) => match (index.oldest(), index.complete_upto()) {
                (Some(oldest), Some(upto)) => upto.since(oldest.shown.start).0,
                _ => i64::MIN,
            },
        }
    }

    fn oldest_free(&self) -> Option<(u32, u64)> {
        match self {
            Self::Listed(files) => files.first_key_value().map(|(seq, bytes)| (*seq, *bytes)),
            Self::Indexed(index) => index.oldest_free().map(|head| (head.seq, head.bytes)),
        }
    }

    fn oldest(&self) -> Option<(u32, u64)> {
        match self {
            Self::Listed(_) => self.oldest_free(),
            Self::Indexed(index) => index.oldest().map(|head| (head.seq, head.bytes)),
        }
    }

    fn remove(&mut self, seq: u32) -> Option<Head> {
        match self {
            Self::Listed(files) => {
                files.remove(&seq);
                None
            }
            Self::Indexed(index) => index.remove(seq),
        }
    }
}

impl Recordings {
    /// Opens `{data_dir}/recordings` with what earlier boots left there.
    ///
    /// # Errors
    /// [`VaultError`] if a folder cannot be used.
    pub fn open(data_dir: &Path, quota_bytes: u64) -> Result<Arc<Self>, VaultError> {
        let folder = data_dir.join("recordings");
        fs::create_dir_all(&folder).map_err(VaultError::at(&folder))?;
        let mut kept = BTreeMap::new();
        for (source, path) in scan::folders::<Name>(&folder)? {
            for (boot, path) in scan::folders::<u32>(&path)? {
                let files = scan::list(&path)?.into_iter().collect();
                kept.insert((BootId(boot), source.clone()), Kept::Listed(files));
            }
        }
        Ok(Arc::new(Self { folder, quota_bytes, kept: Mutex::new(kept) }))
    }

    /// The recording of a source in a boot, to append to or to cut from. Of an earlier boot it is
    /// indexed now, which reads the header of each fragment, and a torn fragment is removed.
    ///
    /// # Errors
    /// [`VaultError`] if its folder cannot be used.
    pub fn recording(
        self: &Arc<Self>,
        source: &Name,
        boot: BootId,
    ) -> Result<Recording, VaultError> {
        let key = (boot, source.clone());
        let folder = self.folder_of(&key);
        // Locked throughout: a recorder must not append to an index that is being replaced.
        let mut kept = self.kept();
        if matches!(kept.get(&key), None | Some(Kept::Listed(_))) {
            let scanned = if folder.is_dir() { scan::scan(&folder)? } else { Scanned::default() };
            if scanned.removed_bytes > 0 {
                tracing::warn!(
                    source = source.as_str(),
                    boot = boot.0,
                    bytes = scanned.removed_bytes,
                    "removed fragments that were not finished"
                );
            }
            kept.insert(key.clone(), Kept::Indexed(scanned.index));
        }
        drop(kept);
        Ok(Recording { recordings: Arc::clone(self), key, folder })
    }

    /// Bytes of all recordings.
    pub fn bytes(&self) -> u64 {
        self.kept().values().map(Kept::bytes).sum()
    }

    fn folder_of(&self, (boot, source): &Key) -> PathBuf {
        self.folder.join(source.as_str()).join(boot.0.to_string())
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Key, Kept>> {
        // Nothing in here panics halfway through a change.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes old fragments until `more` bytes fit into the quota.
    fn make_room(&self, more: u64, appended: &mut Appended) {
        while self.bytes().saturating_add(more) > self.quota_bytes {
            match self.evict_one(appended) {
                Ok(true) => {}
                Ok(false) => return,
                // Recording goes on; should the disk become full, that is an error of its own.
                Err(error) => {
                    tracing::warn!(
                        %error,
                        folder = %self.folder.display(),
                        "an old fragment cannot be removed, so recordings exceed their quota"
                    );
                    return;
                }
            }
        }
    }

    /// Removes the oldest fragment; one that is held only when there is no other.
    fn evict_one(&self, appended: &mut Appended) -> io::Result<bool> {
        let free = self.oldest_by(Kept::oldest_free);
        appended.evicted_held += u32::from(free.is_none());
        let Some((key, seq, bytes)) = free.or_else(|| self.oldest_by(Kept::oldest)) else {
            return Ok(false);
        };
        self.delete(&key, seq)?;
        appended.evicted += 1;
        appended.evicted_bytes += bytes;
        Ok(true)
    }

    /// The next fragment to go: of the oldest boot, of the recording that reaches back furthest.
    fn oldest_by(&self, pick: impl Fn(&Kept) -> Option<(u32, u64)>) -> Option<(Key, u32, u64)> {
        let kept = self.kept();
        let candidates = kept.iter().filter_map(|(key, kept)| Some((key, kept, pick(kept)?)));
        candidates
            .min_by_key(|((boot, _), kept, _)| (*boot, std::cmp::Reverse(kept.span())))
            .map(|(key, _, (seq, bytes))| (key.clone(), seq, bytes))
    }

    fn delete(&self, key: &Key, seq: u32) -> io::Result<Option<Head>> {
        let folder = self.folder_of(key);
        match fs::remove_file(folder.join(scan::file_name(seq))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut kept = self.kept();
        let Some(recording) = kept.get_mut(key) else { return Ok(None) };
        let head = recording.remove(seq);
        if recording.bytes() == 0 {
            // It stays when something foreign lies in it; a new fragment makes it again.
            let _ = fs::remove_dir(&folder);
            if matches!(recording, Kept::Listed(_)) {
                kept.remove(key);
            }
        }
        Ok(head)
    }
}

/// One recording. Cheap to clone; the recorder and the cutter have one each.
#[derive(Clone, Debug)]
pub struct Recording {
    recordings: Arc<Recordings>,
    key: Key,
    folder: PathBuf,
}

impl Recording {
    fn with_index<T>(&self, look: impl FnOnce(&mut Index) -> T) -> T {
        let mut kept = self.recordings.kept();
        let recording =
            kept.entry(self.key.clone()).or_insert_with(|| Kept::Indexed(Index::default()));
        match recording {
            Kept::Indexed(index) => look(index),
            // `Recordings::recording` indexed it, and nothing turns it back.
            Kept::Listed(_) => look(&mut Index::default()),
        }
    }

    fn path(&self, seq: u32) -> PathBuf {
        self.folder.join(scan::file_name(seq))
    }

    fn write(&self, fragment: &Fragment) -> io::Result<()> {
        let path = self.path(fragment.layout.seq);
        let written = write_durably(&path, fragment);
        if written.is_err() {
            // What cannot be removed now is found torn at the next start.
            let _ = fs::remove_file(&path);
        }
        written
    }
}

fn write_durably(path: &Path, fragment: &Fragment) -> io::Result<()> {
    let file = match File::create(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The first fragment of a recording makes its folder.
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            File::create(path)?
        }
        other => other?,
    };
    let mut writer = BufWriter::with_capacity(64 << 10, file);
    for piece in fragment.pieces() {
        writer.write_all(piece)?;
    }
    writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()
}

impl FragmentStore for Recording {
    fn next_seq(&self) -> u32 {
        self.with_index(|index| index.next_seq())
    }

    fn append(&self, fragment: &Fragment) -> Result<Appended, StoreError> {
        let seq = fragment.layout.seq;
        let place = || self.path(seq).display().to_string();
        let mut appended = Appended::default();
        self.recordings.make_room(fragment.layout.bytes, &mut appended);
        let mut tries = 0;
        while let Err(reason) = self.write(fragment) {
            let full = reason.kind() == io::ErrorKind::StorageFull;
            // The disk may be fuller than the quota says: others write to it as well.
            let made_room = full
                && tries < RETRIES_MAX
                && self.recordings.evict_one(&mut appended).unwrap_or(false);
            if !made_room {
                return Err(StoreError::Write { seq, place: place(), reason });
            }
            tries += 1;
        }
        self.with_index(|index| index.push(Head::of(&fragment.layout)));
        Ok(appended)
    }

    fn covering(&self, wanted: MediaInterval) -> Vec<Head> {
        self.with_index(|index| index.covering(wanted))
    }

    fn read(&self, seq: u32, offset: u64, into: &mut [u8]) -> Result<(), StoreError> {
        if self.with_index(|index| index.get(seq).is_none()) {
            return Err(StoreError::Evicted { seq });
        }
        let path = self.path(seq);
        let mut read = || -> io::Result<()> {
            let mut file = File::open(&path)?;
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(into)
        };
        read().map_err(|reason| {
            if reason.kind() == io::ErrorKind::NotFound {
                StoreError::Evicted { seq }
            } else {
                StoreError::Read { seq, place: path.display().to_string(), reason }
            }
        })
    }

    fn complete_upto(&self) -> Option<MediaTime> {
        self.with_index(|index| index.complete_upto())
    }

    fn evict_oldest(&self) -> Result<Option<Head>, StoreError> {
        let Some(seq) = self.with_index(|index| index.oldest_free().map(|head| head.seq)) else {
            return Ok(None);
        };
        self.recordings.delete(&self.key, seq).map_err(|reason| StoreError::Write {
            seq,
            place: self.path(seq).display().to_string(),
            reason,
        })
    }

    fn hold(&self, wanted: MediaInterval) -> Result<HoldId, StoreError> {
        self.with_index(|index| index.hold(wanted))
    }

    fn release(&self, hold: HoldId) {
        self.with_index(|index| index.release(hold));
    }
}
