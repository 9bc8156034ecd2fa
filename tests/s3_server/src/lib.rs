//! An S3 server of our own for tests and benchmarks: a folder for each bucket, on an address of its
//! own. It may go away and come back.
//!
//! Owns: s3s-fs with signatures checked, and uploads in parts as strict as Amazon's documentation
//! says that S3 is (`strict`). Must not: know clips or links; whoever tests them does.
#![forbid(unsafe_code)]

mod metered;
mod strict;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub use metered::Meter;
use metered::Metered;
use strict::Strict;

/// Whom the server lets in.
pub const KEY: &str = "test-key";
/// With which secret.
pub const SECRET: &str = "test-secret";
/// Where it says it is.
pub const REGION: &str = "us-east-1";
/// The one bucket.
pub const BUCKET: &str = "clips";
/// A server before this one may hold the address while it ends.
const BIND_TRIES: u32 = 1_000_000;

/// A server with one empty bucket. Panics where a test's own surroundings fail.
pub struct Server {
    folder: TempDir,
    address: SocketAddr,
    meter: Meter,
    /// So many must read an object before one of them is answered.
    readers: usize,
    running: Option<Runtime>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3_server::Server({})", self.address)
    }
}

impl Server {
    /// On a free port of 127.0.0.1.
    pub fn start() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        Self::start_at(address.expect("a free port"), Arc::new(|_bytes| {}))
    }

    /// The same, but nobody who reads an object is answered before so many do.
    pub fn for_readers_at_once(readers: usize) -> Self {
        let mut server = Self::start();
        server.readers = readers;
        server.come_back();
        server
    }

    /// At this address; `meter` hears of all bytes that come in.
    pub fn start_at(address: SocketAddr, meter: Meter) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket");
        let mut server = Self { folder, address, meter, readers: 1, running: None };
        server.come_back();
        server
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a program needs in its environment to use it.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        environment(&self.endpoint())
    }

    /// The file that holds an object.
    pub fn object(&self, key: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(key)
    }

    /// Breaks every connection and takes no new ones.
    pub fn go_away(&mut self) {
        if let Some(runtime) = self.running.take() {
            runtime.shutdown_background();
        }
    }

    /// Serves again, at the same address, what it had.
    pub fn come_back(&mut self) {
        self.go_away();
        let files = FileSystem::new(self.folder.path()).expect("the folder");
        let mut service =
            S3ServiceBuilder::new(Strict::new(files, self.folder.path(), self.readers));
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let runtime = Runtime::new().expect("threads");
        let listener = listen(self.address).expect("its address is its own");
        // Not by `block_on`: whoever calls may be a runtime's thread.
        runtime.spawn(serve(listener, service, Arc::clone(&self.meter)));
        self.running = Some(runtime);
    }
}

/// What a program needs in its environment to use a server at this endpoint.
pub fn environment(endpoint: &str) -> [(&'static str, String); 5] {
    [
        ("AWS_ENDPOINT", endpoint.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
    ]
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let mut tries = 0;
    let listener = loop {
        match TcpListener::bind(address) {
            Ok(listener) => break listener,
            Err(error) if tries == BIND_TRIES => return Err(error),
            Err(_) => {
                tries += 1;
                std::thread::yield_now();
            }
        }
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(listener: TcpListener, service: S3Service, meter: Meter) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("it is non-blocking");
    while let Ok((socket, _client)) = listener.accept().await {
        let (service, meter) = (service.clone(), Arc::clone(&meter));
        tokio::spawn(async move {
            let http = Builder::new(TokioExecutor::new());
            let io = TokioIo::new(Metered::new(socket, meter));
            let _gone = http.serve_connection(io, service).await;
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.go_away();
    }
}
