//! Finished clips: written beside their place, made durable, then renamed into it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use pipeline::cut::{ClipFile, ClipSink, SinkError};
use wire::ids::ClipId;

use super::{VaultError, sync_folder};

/// The folder of finished clips.
#[derive(Clone, Debug)]
pub struct Clips {
    folder: PathBuf,
}

impl Clips {
    /// Opens `{data_dir}/clips`, creating it if needed, and removes what a crash left unfinished.
    ///
    /// # Errors
    /// [`VaultError`] if the folder cannot be used.
    pub fn open(data_dir: &Path) -> Result<Self, VaultError> {
        let folder = data_dir.join("clips");
        fs::create_dir_all(&folder).map_err(VaultError::at(&folder))?;
        for entry in fs::read_dir(&folder).map_err(VaultError::at(&folder))? {
            let path = entry.map_err(VaultError::at(&folder))?.path();
            if path.extension().is_some_and(|extension| extension == "tmp") {
                fs::remove_file(&path).map_err(VaultError::at(&path))?;
            }
        }
        Ok(Self { folder })
    }

    /// Where a clip lies, or would.
    pub fn path(&self, id: ClipId) -> PathBuf {
        self.folder.join(format!("{id}.mp4"))
    }

    /// The finished clips and their sizes in bytes.
    ///
    /// # Errors
    /// [`VaultError`] if the folder cannot be read.
    pub fn list(&self) -> Result<Vec<(ClipId, u64)>, VaultError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(VaultError::at(&self.folder))? {
            let entry = entry.map_err(VaultError::at(&self.folder))?;
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(".mp4")?.parse().ok());
            if let Some(id) = id {
                let bytes = entry.metadata().map_err(VaultError::at(&entry.path()))?.len();
                found.push((id, bytes));
            }
        }
        Ok(found)
    }

    /// Removes a clip; one that is not there is no error.
    ///
    /// # Errors
    /// [`VaultError`] if the file is there and cannot be removed.
    pub fn remove(&self, id: ClipId) -> Result<(), VaultError> {
        let path = self.path(id);
        match fs::remove_file(&path) {
            Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
                Err(VaultError { path, reason })
            }
            _ => Ok(()),
        }
    }
}

impl ClipSink for Clips {
    fn begin(&self, id: ClipId) -> Result<Box<dyn ClipFile + '_>, SinkError> {
        let path = self.path(id);
        let draft = path.with_extension("mp4.tmp");
        let created = faults::pass("clip.create.before").and_then(|()| File::create(&draft));
        let file = created.map_err(|reason| SinkError {
            clip: id,
            place: draft.display().to_string(),
            reason,
        })?;
        Ok(Box::new(Draft { clips: self, id, file, draft, path, finished: false }))
    }
}

/// A clip in the making.
struct Draft<'a> {
    clips: &'a Clips,
    id: ClipId,
    file: File,
    draft: PathBuf,
    path: PathBuf,
    finished: bool,
}

impl Draft<'_> {
    fn error(&self, reason: io::Error) -> SinkError {
        SinkError { clip: self.id, place: self.draft.display().to_string(), reason }
    }

    fn publish(&mut self) -> io::Result<()> {
        faults::pass("clip.fsync.before")?;
        self.file.sync_all()?;
        faults::mark("clip.fsync.after");
        faults::pass("clip.rename.before")?;
        fs::rename(&self.draft, &self.path)?;
        self.finished = true;
        faults::pass("clip.rename.after")?;
        sync_folder(&self.clips.folder)
    }
}

impl ClipFile for Draft<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        let passed = faults::pass("clip.write.before");
        passed.and_then(|()| self.file.write_all(bytes)).map_err(|reason| self.error(reason))
    }

    fn finish(mut self: Box<Self>) -> Result<(), SinkError> {
        self.publish().map_err(|reason| self.error(reason))
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.finished {
            // What cannot be removed now is removed at the next start.
            let _ = fs::remove_file(&self.draft);
        }
    }
}
