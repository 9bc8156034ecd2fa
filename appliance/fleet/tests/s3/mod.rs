//! An S3 server of our own, inside the test: a folder for each bucket, on a port of its own on
//! 127.0.0.1. It may go away and come back.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Whom the server lets in.
pub(crate) const KEY: &str = "test-key";
pub(crate) const SECRET: &str = "test-secret";
pub(crate) const BUCKET: &str = "clips";

/// A server with one empty bucket.
pub(crate) struct Server {
    folder: TempDir,
    address: SocketAddr,
    running: Option<Runtime>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket");
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        let mut server = Self { folder, address, running: None };
        server.come_back();
        server
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The file that holds an object.
    pub(crate) fn object(&self, key: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(key)
    }

    /// Breaks every connection and takes no new ones.
    pub(crate) fn go_away(&mut self) {
        if let Some(runtime) = self.running.take() {
            runtime.shutdown_background();
        }
    }

    /// Serves again, at the same address, what it had.
    pub(crate) fn come_back(&mut self) {
        self.go_away();
        let files = FileSystem::new(self.folder.path()).expect("the folder");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = service.build();
        let runtime = Runtime::new().expect("threads");
        let bind = async {
            loop {
                match tokio::net::TcpListener::bind(self.address).await {
                    Ok(listener) => return listener,
                    // The one before it still ends.
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let listener = runtime.block_on(bind);
        runtime.spawn(async move {
            while let Ok((socket, _client)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let http = Builder::new(TokioExecutor::new());
                    let _gone = http.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        self.running = Some(runtime);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.go_away();
    }
}
