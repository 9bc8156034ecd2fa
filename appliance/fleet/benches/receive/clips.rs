//! How many bytes of clips a second one receiver stores, in a folder and in a bucket. The S3 server
//! runs in this process, on the same disk.

use std::time::Instant;

use s3_server::{BUCKET, Server};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::boxes::{device, upload};
use crate::broker::Broker;
use crate::cost::Cost;
use crate::receiver::Receiver;

const BOXES: usize = 10;
const CLIP_BYTES: usize = 8 * 1024 * 1024;
const ROUNDS: usize = 3;

/// Each box sends one clip, all at once.
pub(crate) fn measure(broker: &Broker) {
    let server = Server::start();
    let bucket = format!("\"s3://{BUCKET}\"");
    for (name, clips) in [("a folder", "\"clips\""), ("a bucket", &bucket)] {
        println!("clips into {name}, one receiver, {BOXES} boxes");
        for round in 0..ROUNDS {
            let folder = tempfile::tempdir().expect("a folder");
            let store = format!("[store]\ndb = \"fleet.sqlite\"\nclips = {clips}\n");
            let at = (broker.port, "clips");
            let receiver = Receiver::start_in(&server.environment(), folder.path(), at, &store);
            let cost = Cost::begin(broker.pid(), None, std::slice::from_ref(&receiver));
            #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
            let began = Instant::now();
            let runtime = Runtime::new().expect("threads");
            let mut sending = JoinSet::new();
            for number in 0..BOXES {
                let device = device(&format!("clips-{round}-{number}"));
                sending.spawn_on(upload(broker.port, device, CLIP_BYTES), runtime.handle());
            }
            runtime.block_on(sending.join_all());
            let megabytes = (BOXES * CLIP_BYTES) as f64 / 1e6;
            let rate = megabytes / began.elapsed().as_secs_f64();
            println!("  round {}: {rate:.0} MB a second; {}", round + 1, cost.end_of(megabytes));
        }
    }
}
