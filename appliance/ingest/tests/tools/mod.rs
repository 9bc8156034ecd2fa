//! Programs that tests compare this crate with.

use std::process::{Command, Stdio};

/// Whether ffmpeg is there; says so when a test is skipped for lack of it.
pub(crate) fn ffmpeg_is_installed() -> bool {
    let probe = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).status();
    let found = probe.is_ok_and(|status| status.success());
    if !found {
        eprintln!("SKIPPED: ffmpeg is not on the PATH");
    }
    found
}
