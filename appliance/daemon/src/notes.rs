//! What the image's scripts want the fleet to hear, such as why a version was given up: a file each
//! in the data folder, told once as a notice of the box.
//!
//! Owns the folder. A note is removed when the uplink has taken it; a power cut before its store
//! has written it loses it, and it stands in the box's log all the same.

use std::fs::{self, DirEntry, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use tracing::{info, warn};
use wire::envelope::{Notice, NoticeKind};

use crate::outputs::notice;
use crate::uplink::Refused;

/// Name of the folder in the data folder.
const FOLDER: &str = "notes";
/// Notes that are told at one start, and what is read of each: a notice is shorter.
const NOTES_MAX: usize = 16;
const BYTES_MAX: u64 = 1024;

/// Tells what lies there, in the order of the files' names.
pub fn tell(data_dir: &Path, mut publish: impl FnMut(Notice) -> Result<(), Refused>) {
    let notes = match list(&data_dir.join(FOLDER)) {
        Ok(notes) => notes,
        Err(error) => {
            warn!("notes of the system cannot be read: {error}");
            return;
        }
    };
    for file in notes.into_iter().take(NOTES_MAX) {
        let told = read(&file).map(|text| {
            info!(text, "a note of the system");
            publish(notice(NoticeKind::Hardware, None, &text))
        });
        match told {
            Ok(Ok(())) => {
                if let Err(error) = fs::remove_file(&file) {
                    warn!(%error, file = %file.display(), "told, and not removed; it is told again");
                }
            }
            Ok(Err(refused)) => warn!(%refused, "not told; it is told at the next start"),
            Err(error) => warn!(%error, file = %file.display(), "a note cannot be read"),
        }
    }
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let files: io::Result<Vec<DirEntry>> = entries.collect();
    let mut files: Vec<PathBuf> = files?.iter().map(DirEntry::path).collect();
    files.sort();
    Ok(files)
}

/// Its first line; what is no letter, digit or sign of ASCII becomes a question mark.
fn read(file: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(file)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let plain = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '?' };
    Ok(line.iter().map(plain).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(notes: &[(&str, &[u8])]) -> tempfile::TempDir {
        let data = tempfile::tempdir().expect("a folder");
        fs::create_dir(data.path().join(FOLDER)).expect("it is new");
        for (name, content) in notes {
            fs::write(data.path().join(FOLDER).join(name), content).expect("writable");
        }
        data
    }

    fn left(data: &tempfile::TempDir) -> usize {
        fs::read_dir(data.path().join(FOLDER)).expect("readable").count()
    }

    #[test]
    fn each_note_is_told_once_in_order_and_in_plain_text() {
        let long = [b'x'; 4_000];
        let data =
            folder(&[("b", b"second: 25 \xc2\xb0C\nmore\n"), ("a", b"first\n"), ("c", &long)]);
        let mut told = Vec::new();
        let mut publish = |notice: Notice| {
            assert_eq!((notice.kind, notice.source), (NoticeKind::Hardware, None));
            told.push(notice.text.to_string());
            Ok(())
        };
        tell(data.path(), &mut publish);
        tell(data.path(), &mut publish);
        assert_eq!(told[..2], ["first", "second: 25 ??C"]);
        assert!(told.len() == 3 && long.starts_with(told[2].as_bytes()), "{told:?}");
        assert_eq!(left(&data), 0);
    }

    #[test]
    fn note_that_is_not_taken_stays() {
        let data = folder(&[("a", b"first")]);
        tell(data.path(), |_| Err(Refused));
        assert_eq!(left(&data), 1);
    }

    #[test]
    fn box_without_notes_tells_none() {
        let data = tempfile::tempdir().expect("a folder");
        tell(data.path(), |notice| panic!("{notice:?}"));
    }
}
