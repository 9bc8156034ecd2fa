//! Where the system's `protoc` is.

use std::path::PathBuf;

/// The program; found by `PATH`.
pub fn protoc() -> PathBuf {
    "protoc".into()
}
