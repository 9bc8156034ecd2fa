//! A file in the making on the disk: `clips/{tenant}/{device}/.part/{id}`. Every path consists of
//! parsed names and ids, so none can lead outside the folder of clips.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wire::clip::ClipRecord;
use wire::ids::ClipId;
use wire::topic::Device;

pub(super) struct Part {
    file: Arc<File>,
    path: PathBuf,
    /// `clips/{tenant}/{device}`.
    folder: PathBuf,
    stage: Stage,
}

/// Where the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Among the parts.
    Part,
    /// At its place already: what came after the renaming failed.
    Named,
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
        Ok(Self { file: Arc::new(file), path, folder, stage: Stage::Part })
    }

    /// The part as it is on the disk, if it is there.
    pub(super) fn reopen(clips: &Path, device: &Device, id: ClipId) -> io::Result<Option<Self>> {
        let (folder, path) = paths(clips, device, id);
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => Ok(Some(Self { file: Arc::new(file), path, folder, stage: Stage::Part })),
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
    /// sidecar comes first: whoever sees the clip finds it. Repeating it after a crash or an error
    /// is safe, wherever it stopped.
    pub(super) fn seal(&mut self, record: &ClipRecord) -> io::Result<Sealed> {
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
        if self.stage == Stage::Part {
            faults::pass("fleet.seal.rename.before")?;
            fs::rename(&self.path, &path)?;
            self.stage = Stage::Named;
        }
        faults::pass("fleet.seal.rename.after")?;
        File::open(&self.folder)?.sync_all()?;
        Ok(Sealed::Done(path))
    }

    /// The file itself, to be read from the beginning.
    pub(super) const fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Whether size and SHA-256 are those of the record.
    pub(super) fn is(&self, record: &ClipRecord) -> io::Result<bool> {
        if self.file.metadata()?.len() != record.bytes {
            return Ok(false);
        }
        // By the descriptor: the path is another one once the file is named.
        let mut at = 0;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match self.file.read_at(&mut buffer, at)? {
                0 => break,
                read => {
                    digest.update(&buffer[..read]);
                    at += read as u64;
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use wire::time::{MediaInterval, MediaTime, WallTime};
    use wire::units::PictureSize;

    fn record(content: &[u8]) -> ClipRecord {
        ClipRecord {
            id: ClipId(7),
            source: "court-1".parse().expect("a name"),
            interval: MediaInterval { start: MediaTime(0), end: MediaTime(90_000) },
            frames: 25,
            picture: PictureSize { width: 64, height: 48 },
            bytes: content.len() as u64,
            sha256: format!("{:x}", Sha256::digest(content)).chars().collect(),
            starts: WallTime(0),
            events: Default::default(),
        }
    }

    /// The disk failed after the renaming: the part's path was opened again, for ever in vain, and
    /// the receiver took no file of any box any more.
    #[test]
    fn file_that_has_its_name_already_is_sealed_again_after_an_error() {
        let clips = tempfile::tempdir().expect("a folder");
        let device = Device {
            tenant: "demo".parse().expect("a name"),
            device: "court-1".parse().expect("a name"),
        };
        let record = record(b"a clip");
        let mut part = Part::create(clips.path(), &device, record.id).expect("a part");
        part.write(0, b"a clip").expect("written");
        for _again in 0..2 {
            let Ok(Sealed::Done(path)) = part.seal(&record) else { panic!("it is sealed") };
            assert_eq!(fs::read(path).expect("the clip"), b"a clip");
        }
        let left = fs::read_dir(clips.path().join("demo/court-1/.part")).expect("a folder").count();
        assert_eq!(left, 0);
    }
}
