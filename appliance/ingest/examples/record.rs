//! Records what one publisher sends, byte for byte, as a test capture:
//!
//! ```text
//! cargo run -p courtside-ingest --example record -- 127.0.0.1:1935 tests/captures/NAME.rtmp
//! ```
//!
//! Accepts any application and key, so use it for cameras on the bench, not in a venue.

use std::io::{Error, Read, Write};
use std::net::TcpListener;

use ingest::limits::Limits;
use ingest::rtmp::{Event, Session};
use wire::time::Monotonic;

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(path)) = (arguments.next(), arguments.next()) else {
        return Err(Error::other("usage: record ADDRESS:PORT FILE"));
    };
    let listener = TcpListener::bind(&address)?;
    println!("waiting for a publisher on {}", listener.local_addr()?);
    let (mut stream, peer) = listener.accept()?;
    let mut file = std::fs::File::create(&path)?;
    // Deadlines are not kept here, so time may stand still.
    let mut session = Session::new(Limits::default(), Monotonic(0));
    let mut buffer = vec![0; 64 << 10];
    while !session.is_closed() {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            session.handle_end_of_file();
        }
        file.write_all(&buffer[..length])?;
        session.handle_bytes(Monotonic(0), &buffer[..length]).map_err(Error::other)?;
        while let Some(event) = session.next_event() {
            if let Event::PublishRequested { app, .. } = &event {
                println!("{peer} publishes to application {app:?}");
                session.accept_publish(Monotonic(0)).map_err(Error::other)?;
            }
        }
        while let Some(bytes) = session.next_output() {
            // A publisher that has said goodbye may be gone already.
            if let Err(error) = stream.write_all(&bytes)
                && !session.is_closed()
            {
                return Err(error);
            }
        }
    }
    println!("{path}: {:?}", session.counters());
    Ok(())
}
