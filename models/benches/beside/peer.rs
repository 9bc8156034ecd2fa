//! The other program: Python, which times a network when it is told to.
//!
//! Owns the process and what is said between the two: a line with the network, the file with its
//! input, the input's shape and a number of runs, separated by tabs; back comes a line with as many
//! times in ms.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use models::manifest::Precision;

use super::workload::{self, Case};

/// The running process.
pub(crate) struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    /// Version of its onnxruntime.
    pub(crate) version: String,
}

impl Peer {
    /// Starts Python; it must find `courtside_train`, numpy and onnxruntime.
    pub(crate) fn start(python: &Path) -> Self {
        let command = Command::new(python)
            .args(["-m", "courtside_train.beside"])
            .env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("train"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child =
            command.unwrap_or_else(|error| panic!("{} not started: {error}", python.display()));
        let to = child.stdin.take().expect("it was asked for");
        let from = BufReader::new(child.stdout.take().expect("it was asked for"));
        let mut peer = Self { child, to, from, version: String::new() };
        peer.version = peer.line();
        peer
    }

    /// Times of so many runs of a case's network, in ms.
    pub(crate) fn turn(&mut self, case: &Case, runs: usize) -> Vec<f64> {
        let (network, golden, shape) = files(case);
        writeln!(self.to, "{network}\t{golden}\t{shape}\t{runs}").expect("Python listens");
        let line = self.line();
        let times: Vec<f64> = line.split(' ').map_while(|ms| ms.parse().ok()).collect();
        assert_eq!(times.len(), runs, "Python said {line:?}");
        times
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let read = self.from.read_line(&mut line);
        assert!(read.is_ok_and(|bytes| bytes > 0), "Python ended; what it said stands above");
        line.trim_end().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The network that a case runs, the file that begins with its input, and the input's shape.
fn files(case: &Case) -> (String, String, String) {
    let (folder, tier) = (workload::folder(case.lane), &case.tier);
    let file = match (case.backend.precision(), &tier.int8) {
        (Precision::Int8, Some(int8)) => &int8.file,
        (Precision::Int8 | Precision::F32, _) => &tier.file,
    };
    let shape: Vec<String> = tier.input_shape.iter().map(usize::to_string).collect();
    let path = |file: &str| folder.join(file).display().to_string();
    (path(file), path(&tier.golden), shape.join("x"))
}
