//! A technician's button: a file in the data folder that asks the running box for a sprint.
//!
//! Owns the file. It says nothing by its content, so that whoever may write there may ask.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Name of the file in the data folder.
pub const FILE: &str = "sprint.request";

/// Leaves the request.
///
/// # Errors
/// The data folder is not there, or may not be written to.
pub fn leave(data_dir: &Path) -> io::Result<()> {
    File::create(data_dir.join(FILE)).map(|_| ())
}

/// Takes the request away; whether there was one.
///
/// # Errors
/// It is there and cannot be removed, so that it would be taken again and again.
pub fn take(data_dir: &Path) -> io::Result<bool> {
    match fs::remove_file(data_dir.join(FILE)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_taken_once_however_often_it_was_left() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(!take(folder.path()).expect("removable"));
        leave(folder.path()).expect("writable");
        leave(folder.path()).expect("writable");
        assert!(take(folder.path()).expect("removable"));
        assert!(!take(folder.path()).expect("removable"));
        assert!(leave(&folder.path().join("nowhere")).is_err());
    }
}
