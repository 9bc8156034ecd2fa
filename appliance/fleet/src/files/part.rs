//! A file in the making on the disk: `clips/{tenant}/{device}/.part/{id}`. Every path consists of
//! parsed names and ids, so none can lead outside the folder of clips.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wire::clip::ClipRecord;
use wire::ids::ClipId;
use wire::topic::Device;

pub(super) struct Part {
    file: File,
    path: PathBuf,
    /// `clips/{tenant}/{device}`.
    folder: PathBuf,
}

/// How sealing went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sealed {
    /// Verified, synced and renamed to this path.
    Done(PathBuf),
    /// The bytes are not those of the record.
    Different,
}

impl Part {
    /// A new, empty part; an old one of the same id is emptied.
    pub(super) fn create(clips: &Path, device: &Device, id: ClipId) -> io::Result<Self> {
        let (folder, path) = paths(clips, device, id);
        faults::pass("fleet.file.begin.before")?;
        fs::create_dir_all(folder.join(".part"))?;
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        Ok(Self { file, path, folder })
    }

    /// The part as it is on the disk, if it is there.
    pub(super) fn reopen(clips: &Path, device: &Device, id: ClipId) -> io::Result<Option<Self>> {
        let (folder, path) = paths(clips, device, id);
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => Ok(Some(Self { file, path, folder })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn remove(clips: &Path, device: &Device, id: ClipId) -> io::Result<()> {
        match fs::remove_file(paths(clips, device, id).1) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        faults::pass("fleet.file.write.before")?;
        self.file.write_all_at(bytes, offset)?;
        faults::mark("fleet.file.write.after");
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        faults::pass("fleet.file.fsync.before")?;
        self.file.sync_data()?;
        faults::mark("fleet.file.fsync.after");
        Ok(())
    }

    /// Verifies size and SHA-256, makes everything durable and gives the file its name. The
    /// sidecar comes first: whoever sees the clip finds it. Repeating it after a crash is safe.
    pub(super) fn seal(&self, record: &ClipRecord) -> io::Result<Sealed> {
        if !self.is(record)? {
            return Ok(Sealed::Different);
        }
        faults::pass("fleet.seal.fsync.before")?;
        self.file.sync_all()?;
        let sidecar = self.folder.join(format!("{}.json", record.id));
        let draft = self.folder.join(".part").join(format!("{}.json", record.id));
        let mut json = File::create(&draft)?;
        serde_json::to_writer_pretty(&mut json, record)?;
        json.write_all(b"\n")?;
        json.sync_all()?;
        faults::pass("fleet.sidecar.rename.before")?;
        fs::rename(&draft, sidecar)?;
        faults::pass("fleet.sidecar.rename.after")?;
        let path = self.folder.join(format!("{}.mp4", record.id));
        faults::pass("fleet.seal.rename.before")?;
        fs::rename(&self.path, &path)?;
        faults::pass("fleet.seal.rename.after")?;
        File::open(&self.folder)?.sync_all()?;
        Ok(Sealed::Done(path))
    }

    fn is(&self, record: &ClipRecord) -> io::Result<bool> {
        if self.file.metadata()?.len() != record.bytes {
            return Ok(false);
        }
        let mut reader = File::open(&self.path)?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                read => digest.update(&buffer[..read]),
            }
        }
        Ok(format!("{:x}", digest.finalize()) == record.sha256.as_str())
    }
}

fn paths(clips: &Path, device: &Device, id: ClipId) -> (PathBuf, PathBuf) {
    let folder = clips.join(device.tenant.as_str()).join(device.device.as_str());
    let part = folder.join(".part").join(id.to_string());
    (folder, part)
}
