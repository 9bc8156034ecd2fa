//! A camera that serves RTSP: GStreamer's server, by `rtsp_server.py` of this package.

use std::path::Path;

use tokio::process::Command;

use crate::program;

/// Debian's interpreter, which has GStreamer's binding; another one may come first on the PATH.
const PYTHON: &str = "/usr/bin/python3";
const NEEDS: &str = "import gi; gi.require_version('GstRtspServer', '1.0')";

/// Whether there is such a server here; if not, that is told.
pub fn is_there() -> bool {
    program::is_there(PYTHON, &["-c", NEEDS])
}

/// The server, to be started; its paths and options stand in the script's head.
pub fn command(port: u16) -> Command {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let mut command = Command::new(PYTHON);
    command.arg(Path::new(&package).join("rtsp_server.py")).arg(port.to_string());
    command
}
