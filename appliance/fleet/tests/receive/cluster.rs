//! Behind a cluster of three brokers (`tests/cluster`, RMQTT), one of which is killed. Boxes and
//! receivers come to whichever lives, as through a balancer. Run by `scripts/test-cluster`, which
//! builds the broker; nothing else needs what it is made of.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::boxes::{clip, upload};
use crate::kills::{Crowd, assert_complete, crowd, rows_of};
use crate::postgres::Server;
use crate::receiver::{Receiver, free, until};
use crate::replicas::{REPLICAS, holders, start};

const NODES: usize = 3;
/// Which others have to elect another one for when it dies.
const LEADER: usize = 0;
const BOXES: usize = 9;
const EVENTS: u64 = 600;
const CLIP_BYTES: usize = 200_000;

/// The program of a node, as the script says.
const PROGRAM: &str = "COURTSIDE_CLUSTER_NODE";

/// Addresses of one node.
#[derive(Clone, Copy)]
struct Addresses {
    mqtt: SocketAddr,
    grpc: SocketAddr,
    raft: SocketAddr,
}

/// All nodes, each of which may be killed and started again.
struct Cluster {
    program: PathBuf,
    folder: tempfile::TempDir,
    addresses: [Addresses; NODES],
    children: [Option<Child>; NODES],
}

impl Cluster {
    fn start(program: &str) -> Self {
        let addresses = [0; NODES].map(|_| Addresses { mqtt: free(), grpc: free(), raft: free() });
        let folder = tempfile::tempdir().expect("a folder");
        let mut cluster =
            Self { program: program.into(), folder, addresses, children: [const { None }; NODES] };
        cluster.configure();
        // One after the other: those that come later join the first one.
        for node in 0..NODES {
            cluster.start_node(node);
            let answers = || TcpStream::connect(cluster.addresses[node].mqtt).ok();
            assert!(until(answers).is_some(), "node {node} takes no connection: {}", cluster.log());
        }
        cluster
    }

    fn configure(&self) {
        let list = |of: fn(&Addresses) -> SocketAddr| {
            let one = |(node, addresses): (usize, _)| format!("\"{}@{}\"", node + 1, of(addresses));
            self.addresses.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
        };
        let text = format!(
            "leader_id = 1\nnode_grpc_addrs = [{}]\nraft_peer_addrs = [{}]\n",
            list(|node| node.grpc),
            list(|node| node.raft),
        );
        std::fs::write(self.folder.path().join("rmqtt-cluster-raft.toml"), text).expect("writable");
    }

    fn start_node(&mut self, node: usize) {
        let file = self.folder.path().join("log");
        let log = std::fs::File::options().append(true).create(true).open(file).expect("a log");
        let Addresses { mqtt, grpc, .. } = self.addresses[node];
        let mut command = Command::new(&self.program);
        command.args(["--id", &(node + 1).to_string(), "--listen", &mqtt.to_string()]);
        command.args(["--grpc", &grpc.to_string(), "--plugins"]).arg(self.folder.path());
        command.stdout(log.try_clone().expect("a log")).stderr(log);
        self.children[node] = Some(command.spawn().expect("it starts"));
    }

    fn kill_node(&mut self, node: usize) {
        if let Some(mut child) = self.children[node].take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child ends");
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// A port behind which is always some node that lives, another one for each connection.
    fn balance(&self, runtime: &Runtime) -> u16 {
        let nodes: Arc<[SocketAddr]> = self.addresses.iter().map(|node| node.mqtt).collect();
        let next = Arc::new(AtomicUsize::new(0));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let port = listener.local_addr().expect("it").port();
        runtime.spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (nodes, next) = (Arc::clone(&nodes), Arc::clone(&next));
                tokio::spawn(async move {
                    for _ in 0..NODES {
                        let node = nodes[next.fetch_add(1, Ordering::Relaxed) % NODES];
                        if let Ok(mut broker) = tokio::net::TcpStream::connect(node).await {
                            let _ended =
                                tokio::io::copy_bidirectional(&mut client, &mut broker).await;
                            return;
                        }
                    }
                });
            }
        });
        port
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in 0..NODES {
            self.kill_node(node);
        }
        if std::thread::panicking() {
            eprintln!("the nodes' log:\n{}", self.log());
        }
    }
}

/// Each box's clip is at exactly one receiver, whole.
fn assert_clips(folder: &Path) {
    for device in crowd(BOXES) {
        let holders = holders(folder, &device, &clip(&device, CLIP_BYTES));
        assert_eq!(holders.len(), 1, "{device:?} is at {holders:?}");
    }
}

#[test]
#[ignore = "needs a cluster's broker, which scripts/test-cluster builds"]
fn cluster_of_brokers_shares_events_out_and_one_of_them_may_be_killed() {
    let Ok(program) = std::env::var(PROGRAM) else {
        panic!("{PROGRAM} names no broker; run scripts/test-cluster");
    };
    let Some(server) = Server::start() else { return };
    let runtime = Runtime::new().expect("threads");
    let mut cluster = Cluster::start(&program);
    let port = cluster.balance(&runtime);
    let folder = tempfile::tempdir().expect("a folder");
    let url = server.database("fleet");
    let replicas: Vec<Receiver> =
        (0..REPLICAS).map(|index| start(folder.path(), (port, &url), index)).collect();
    let boxes = Crowd::send(port, crowd(BOXES).map(|device| (device, EVENTS)));
    replicas[0].wait_past("events_total", 300.0);
    cluster.kill_node(LEADER);
    let again = boxes.finish();
    for replica in &replicas {
        assert!(replica.sample("events_total").expect("a sample") > 0.0);
    }
    assert_complete(&rows_of(&url), BOXES, EVENTS);
    eprintln!("{} events, {again} of them sent again", BOXES as u64 * EVENTS);

    // And clips, while the node comes back.
    cluster.start_node(LEADER);
    runtime.block_on(async {
        for device in crowd(BOXES) {
            upload(port, device, CLIP_BYTES).await;
        }
    });
    assert_clips(folder.path());
}
