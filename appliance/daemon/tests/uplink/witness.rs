//! Somebody else at the broker, who hears what the box says and may answer.

use std::time::Duration;

use mqtt::{Connection, Endpoint, Event, Security, Session};

/// Connected as `name`, and subscribed to these topics.
pub(crate) async fn witness(port: u16, name: &str, topics: &[&str]) -> Connection<()> {
    let endpoint = Endpoint::new("127.0.0.1", port, &Security::Plain).expect("no TLS");
    let session = Session {
        client_id: name.to_owned(),
        keep_alive: Duration::from_secs(5),
        will: None,
        window: 64,
        packet_bytes_max: 1 << 20,
        subscriptions: topics.iter().map(|topic| (*topic).to_owned()).collect(),
    };
    let mut connection = Connection::open(&endpoint, session);
    match connection.next().await {
        Event::Up(_) => connection,
        other @ (Event::Answered(..) | Event::Message(_) | Event::Down(_)) => {
            panic!("the broker is there: {other:?}")
        }
    }
}
