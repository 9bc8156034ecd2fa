//! How much room is left on the disk of a folder.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Bytes that a program without special rights may still write into this folder.
///
/// # Errors
/// The kernel's reason; a folder that is not there is one.
///
/// Source: `f_bavail` in statvfs(3).
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let path = CString::new(folder.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let mut told = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero byte and lives through the call; the kernel writes one
    // `statvfs` at the place that it is given.
    let done = unsafe { libc::statvfs(path.as_ptr(), told.as_mut_ptr()) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was zeroed, which is a valid `statvfs`, and filled by the call.
    let told = unsafe { told.assume_init() };
    #[allow(clippy::useless_conversion, reason = "32 bits on some machines")]
    Ok(u64::from(told.f_bavail).saturating_mul(u64::from(told.f_frsize)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_has_room_and_one_that_is_not_there_has_a_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(free_bytes(folder.path()).expect("it is there") > 0);
        let error = free_bytes(&folder.path().join("none")).expect_err("it is not there");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
