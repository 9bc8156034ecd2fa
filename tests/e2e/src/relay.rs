//! A network between two programs of this machine that can be made bad: silent, full of garbage, or
//! refusing everybody.
//!
//! Owns a port and what passes it, TCP or UDP. Over TCP what is held back comes later, as if it had been
//! sent again; over UDP it is lost. Garbage travels towards the box alone, whichever end that is.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Bytes that are taken at once.
const READ_BYTES: usize = 16 << 10;
/// One byte of so many is another one.
const GARBAGE_EVERY: usize = 150;
/// Bytes of SRT's header; behind it is what SRT would have delivered.
const SRT_HEADER_BYTES: usize = 16;

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Clear,
    /// Nothing passes.
    Silent,
    /// What passes towards the box is damaged.
    Garbage,
    /// Nobody is let in, and whoever is in is thrown out.
    Refusing,
}

/// At which end the box is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoxIs {
    /// It listens behind the relay.
    Called,
    /// It calls the relay.
    Calling,
}

/// See the module.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    passing: JoinHandle<()>,
}

impl Relay {
    /// A relay of TCP connections to a port of 127.0.0.1.
    ///
    /// # Errors
    /// No port can be opened.
    pub async fn tcp(to: u16, box_is: BoxIs) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for a relay")?;
        let address = listener.local_addr()?;
        let (weather, sky) = watch::channel(Weather::Clear);
        let passing = tokio::spawn(accept(listener, to, (box_is, sky)));
        Ok(Self { address, weather, passing })
    }

    /// A relay of datagrams to a port of 127.0.0.1, where the box listens.
    ///
    /// # Errors
    /// No port can be opened.
    pub async fn udp(to: u16) -> Result<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await.context("no port for a relay")?;
        let address = socket.local_addr()?;
        let (weather, sky) = watch::channel(Weather::Clear);
        let passing = tokio::spawn(datagrams(Arc::new(socket), to, sky));
        Ok(Self { address, weather, passing })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Makes the network so.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.passing.abort();
    }
}

type Sky = watch::Receiver<Weather>;

async fn accept(listener: TcpListener, to: u16, (box_is, sky): (BoxIs, Sky)) {
    while let Ok((caller, _)) = listener.accept().await {
        if *sky.borrow() == Weather::Refusing {
            continue;
        }
        let sky = sky.clone();
        tokio::spawn(async move {
            // Whoever is not there is not reached; the caller sees its connection end.
            let Ok(called) = TcpStream::connect(("127.0.0.1", to)).await else { return };
            let (from_caller, to_caller) = caller.into_split();
            let (from_called, to_called) = called.into_split();
            let (up, down) = match box_is {
                BoxIs::Called => (Harm::Harmed, Harm::Spared),
                BoxIs::Calling => (Harm::Spared, Harm::Harmed),
            };
            let mut thrown_out = sky.clone();
            tokio::select! {
                _ = pass((from_caller, to_called), up, sky.clone()) => {}
                _ = pass((from_called, to_caller), down, sky) => {}
                _ = thrown_out.wait_for(|weather| *weather == Weather::Refusing) => {}
            }
        });
    }
}

/// Whether a direction suffers from garbage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    Harmed,
    Spared,
}

async fn pass(
    (mut from, mut to): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    harm: Harm,
    mut sky: Sky,
) -> Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        sky.wait_for(|weather| *weather != Weather::Silent).await?;
        if harm == Harm::Harmed && *sky.borrow() == Weather::Garbage {
            spoil(&mut buffer[..count]);
        }
        to.write_all(&buffer[..count]).await?;
    }
}

/// Datagrams of each caller go through a socket of its own, so that answers find back.
async fn datagrams(socket: Arc<UdpSocket>, to: u16, sky: Sky) {
    let mut callers: HashMap<SocketAddr, (Arc<UdpSocket>, JoinHandle<()>)> = HashMap::new();
    let mut buffer = vec![0; READ_BYTES];
    while let Ok((count, caller)) = socket.recv_from(&mut buffer).await {
        let weather = *sky.borrow();
        if matches!(weather, Weather::Silent | Weather::Refusing) {
            continue;
        }
        let known = callers.get(&caller).map(|(own, _)| Arc::clone(own));
        let own = match known {
            Some(own) => own,
            None => {
                let Ok(own) = towards(to).await else { continue };
                let back = (Arc::clone(&socket), caller);
                let answers = tokio::spawn(answers(Arc::clone(&own), back, sky.clone()));
                callers.insert(caller, (Arc::clone(&own), answers));
                own
            }
        };
        let packet = &mut buffer[..count];
        // SRT's control packets begin with a set bit: they are let through, or it would be a gap.
        let is_data = packet.first().is_some_and(|byte| byte & 0x80 == 0);
        if weather == Weather::Garbage && is_data && count > SRT_HEADER_BYTES {
            spoil(&mut packet[SRT_HEADER_BYTES..]);
            let mut nonsense = [0x55; 700];
            spoil(&mut nonsense);
            // Lost is lost, as with any datagram.
            drop(own.send(&nonsense).await);
        }
        drop(own.send(packet).await);
    }
    for (_, (_, answers)) in callers {
        answers.abort();
    }
}

async fn towards(port: u16) -> Result<Arc<UdpSocket>> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
    socket.connect(("127.0.0.1", port)).await?;
    Ok(Arc::new(socket))
}

async fn answers(own: Arc<UdpSocket>, (socket, caller): (Arc<UdpSocket>, SocketAddr), sky: Sky) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        // An error says that the box's port is closed for a moment.
        let Ok(count) = own.recv(&mut buffer).await else {
            tokio::task::yield_now().await;
            continue;
        };
        if !matches!(*sky.borrow(), Weather::Silent | Weather::Refusing) {
            drop(socket.send_to(&buffer[..count], caller).await);
        }
    }
}

/// Damages bytes here and there.
fn spoil(bytes: &mut [u8]) {
    static STATE: AtomicU64 = AtomicU64::new(1);
    let mut state = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    let mut at = 0;
    loop {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        at += 1 + (state >> 33) as usize % (2 * GARBAGE_EVERY);
        let Some(byte) = bytes.get_mut(at) else { return };
        *byte ^= 1 | (state >> 24) as u8;
    }
}
