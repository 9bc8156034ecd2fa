//! A bad network between two ends: passes UDP on for one caller, and loses what it is told to.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const FINE: u8 = 0;
const LOSSY: u8 = 1;
const SILENT: u8 = 2;

pub(crate) struct Relay {
    address: SocketAddr,
    weather: Arc<AtomicU8>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    pub(crate) fn start(listener: SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("it is bound");
        let (weather, over) = (Arc::new(AtomicU8::new(FINE)), Arc::new(AtomicBool::new(false)));
        let (seen, ended) = (Arc::clone(&weather), Arc::clone(&over));
        let thread = std::thread::spawn(move || pass_on(&socket, listener, &seen, &ended));
        Self { address, weather, over, thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every tenth of the first 150 packets of data that the caller sends. None of the last: a
    /// receiver learns from a later packet that one is missing.
    pub(crate) fn lose_some(&self) {
        self.weather.store(LOSSY, Ordering::SeqCst);
    }

    pub(crate) fn fall_silent(&self) {
        self.weather.store(SILENT, Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the relay does not panic");
        }
    }
}

fn pass_on(socket: &UdpSocket, listener: SocketAddr, weather: &AtomicU8, over: &AtomicBool) {
    socket.set_read_timeout(Some(Duration::from_millis(50))).expect("a timeout");
    let mut buffer = [0; 2048];
    let (mut caller, mut data) = (None, 0_u64);
    while !over.load(Ordering::SeqCst) {
        let Ok((bytes, from)) = socket.recv_from(&mut buffer) else { continue };
        let to = if from == listener { caller } else { Some(listener) };
        let mut lost = weather.load(Ordering::SeqCst) == SILENT;
        if from != listener {
            caller = Some(from);
            // The first bit of a packet of SRT is 1 for control and 0 for data.
            data += u64::from(buffer[0] & 0x80 == 0);
            let due = buffer[0] & 0x80 == 0 && data <= 150 && data.is_multiple_of(10);
            lost |= due && weather.load(Ordering::SeqCst) == LOSSY;
        }
        if let Some(to) = to.filter(|_| !lost) {
            // What cannot be sent is lost, as on any network.
            let _ = socket.send_to(&buffer[..bytes], to);
        }
    }
}
