//! A web server for one folder, that can be taken away and brought back on its port.
//!
//! Serves GET of plain files, one request a connection: enough for an HLS client, and nothing that
//! a test could trip over.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Bytes of a request's head that are read; what is longer is no request of an HLS client.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// See the module.
#[derive(Debug)]
pub struct Web {
    folder: PathBuf,
    address: SocketAddr,
    serving: Option<JoinHandle<()>>,
}

impl Web {
    /// Serves a folder on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No port can be opened.
    pub async fn open(folder: &Path) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for HTTP")?;
        let address = listener.local_addr()?;
        let serving = Some(tokio::spawn(accept(listener, folder.to_owned())));
        Ok(Self { folder: folder.to_owned(), address, serving })
    }

    /// Address of a file.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Its port on 127.0.0.1.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// Takes the server away: connections are refused.
    pub async fn close(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
            // It was cancelled, as it should be.
            let _ = serving.await;
        }
    }

    /// Brings it back on its port.
    ///
    /// # Errors
    /// Somebody else took the port.
    pub async fn reopen(&mut self) -> Result<()> {
        let listener = TcpListener::bind(self.address).await.context("the port is taken")?;
        self.serving = Some(tokio::spawn(accept(listener, self.folder.clone())));
        Ok(())
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

async fn accept(listener: TcpListener, folder: PathBuf) {
    while let Ok((socket, _)) = listener.accept().await {
        let folder = folder.clone();
        // A client that goes away in the middle has its reasons.
        tokio::spawn(async move { drop(serve(socket, &folder).await) });
    }
}

async fn serve(mut socket: TcpStream, folder: &Path) -> Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        if socket.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let name = path.split('?').next().unwrap_or_default().trim_start_matches('/');
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let file = if plain { tokio::fs::read(folder.join(name)).await.ok() } else { None };
    let (status, body) = match file {
        Some(body) => ("200 OK", body),
        None => ("404 Not Found", b"not here".to_vec()),
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    socket.write_all(answer.as_bytes()).await?;
    socket.write_all(&body).await?;
    Ok(())
}
