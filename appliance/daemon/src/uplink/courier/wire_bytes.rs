//! Bytes on the wire of one TCP connection: how many were written, and how many of them the other
//! side has acknowledged.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection, with TLS or without.
pub(super) trait Connected: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connected for T {}

/// What is known of a connection while somebody else writes to it.
pub(super) struct Counter {
    /// The same socket: the connection's own is deep inside of TLS and HTTP.
    socket: OwnedFd,
    written: Arc<AtomicU64>,
}

/// The connection itself.
pub(super) struct Counted {
    stream: TcpStream,
    written: Arc<AtomicU64>,
}

impl Counter {
    /// Counts on a connection to which nothing was written yet.
    ///
    /// # Errors
    /// There are no more descriptors.
    pub(super) fn on(stream: TcpStream) -> io::Result<(Counted, Self)> {
        let socket = stream.as_fd().try_clone_to_owned()?;
        stream.set_nodelay(true)?;
        let written = Arc::new(AtomicU64::new(0));
        let counted = Counted { stream, written: Arc::clone(&written) };
        Ok((counted, Self { socket, written }))
    }

    /// Bytes that were written, those of TLS included.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Those of them that the other side has acknowledged; none, where the kernel does not say.
    pub(super) fn acknowledged(&self) -> u64 {
        // In this order: what is written in between would count as acknowledged otherwise.
        let written = self.written();
        let waiting = sensors::unacknowledged(self.socket.as_fd()).map_or(u64::MAX, u64::from);
        written.saturating_sub(waiting)
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.written.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
