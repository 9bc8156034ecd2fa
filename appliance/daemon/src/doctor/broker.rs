//! The way to the broker of the configuration, step by step: its name, its port, TLS and MQTT, and
//! how long messages take there and back.
//!
//! Connects under a name of its own, so that a running box keeps its connections. Its messages go
//! to a topic outside of the protocol's, which nobody hears: the broker answers them whether it
//! passes them on, has nobody to pass them to, or refuses them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use mqtt::{Connection, Encoding, Endpoint, Event, Message, Retain, Session};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::report::Check;
use super::round_trip::{By, RoundTrips, millis};
use crate::clock::SystemClock;
use crate::config::{Config, Mqtt};

/// How long a name and a connection of TCP may take.
const STEP_MAX: Duration = Duration::from_secs(5);
/// How long TLS and MQTT may take: more than `mqtt` gives them.
const UP_MAX: Duration = Duration::from_secs(15);
/// How long one message is waited for.
const ANSWER_MAX: Duration = Duration::from_secs(3);
const GOODBYE: Duration = Duration::from_millis(500);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Messages or connections that are timed, and the pause between them.
const TRIPS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);
const PACKET_BYTES_MAX: u32 = 64 * 1024;

/// Looks at each step; those behind one that fails are left out.
pub(super) async fn checks(clock: &Arc<SystemClock>, config: &Config) -> Vec<Check> {
    let mqtt = &config.mqtt;
    let (name, addresses) = resolve(clock, mqtt).await;
    let mut checks = vec![name];
    let Some(addresses) = addresses else { return checks };
    let (port, address) = connect(clock, (mqtt, &addresses)).await;
    checks.push(port);
    let Some(address) = address else { return checks };
    if let Some(missing) = certificate_missing(mqtt) {
        checks.push(missing);
        return checks;
    }
    let began = clock.now();
    let mut connection = Connection::open(&endpoint(mqtt), session(config));
    let up = timeout(UP_MAX, connection.next()).await;
    match up {
        Ok(Event::Up(_)) => {
            let found = format!("connected in {}", millis(clock.now().since(began)));
            checks.push(Check::good("broker login", found));
        }
        Ok(Event::Down(reason)) => {
            checks.push(Check::bad("broker login", "no connection", reason));
            return checks;
        }
        Ok(Event::Answered(..) | Event::Message(_)) | Err(_) => {
            let seconds = UP_MAX.as_secs();
            let found = format!("no answer to CONNECT within {seconds} s");
            let advice =
                "something listens there that is no MQTT broker, or a firewall holds it up";
            checks.push(Check::bad("broker login", found, advice));
            return checks;
        }
    }
    let topic = format!("courtside-doctor/{}/{}", config.box_.tenant, config.box_.device);
    let (trips, by) = match of_messages(clock, &mut connection, &topic).await {
        Some(trips) => (trips, By::Messages),
        None => (of_connections(clock, address).await, By::Connections),
    };
    connection.close(GOODBYE).await;
    checks.push(trips.check(by));
    checks
}

async fn resolve(clock: &SystemClock, mqtt: &Mqtt) -> (Check, Option<Vec<SocketAddr>>) {
    const NAME: &str = "broker name";
    let (host, began) = (&mqtt.host, clock.now());
    let advice = "look at the name servers of the box (`[network] dns`), or write the broker's \
                  address in `mqtt.url`";
    let found = match timeout(STEP_MAX, lookup_host((host.as_str(), mqtt.port))).await {
        Err(_) => Err(format!("{host} was not resolved within {} s", STEP_MAX.as_secs())),
        Ok(Err(error)) => Err(format!("{host} is not known: {error}")),
        Ok(Ok(addresses)) => {
            let addresses: Vec<SocketAddr> = addresses.collect();
            if addresses.is_empty() { Err(format!("{host} has no address")) } else { Ok(addresses) }
        }
    };
    match found {
        Err(found) => (Check::bad(NAME, found, advice), None),
        Ok(addresses) => {
            let took = millis(clock.now().since(began));
            let told: Vec<String> = addresses.iter().map(|a| a.ip().to_string()).collect();
            let found = format!("{host} is {}, in {took}", told.join(", "));
            (Check::good(NAME, found), Some(addresses))
        }
    }
}

async fn connect(
    clock: &SystemClock,
    (mqtt, addresses): (&Mqtt, &[SocketAddr]),
) -> (Check, Option<SocketAddr>) {
    const NAME: &str = "broker port";
    let mut last = None;
    for address in addresses {
        let began = clock.now();
        match timeout(STEP_MAX, TcpStream::connect(address)).await {
            Ok(Ok(_)) => {
                let took = millis(clock.now().since(began));
                let found = format!("{address} answers in {took}");
                return (Check::good(NAME, found), Some(*address));
            }
            Ok(Err(error)) => last = Some(error),
            Err(_) => last = Some(io::ErrorKind::TimedOut.into()),
        }
    }
    let place = format!("{}:{}", mqtt.host, mqtt.port);
    let error = last.unwrap_or_else(|| io::ErrorKind::NotFound.into());
    let (found, advice) = refusal(&place, &error);
    (Check::bad(NAME, found, advice), None)
}

/// Why a port does not answer, and what to do.
fn refusal(place: &str, error: &io::Error) -> (String, &'static str) {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        let advice = "look whether the broker runs, and at host and port in `mqtt.url`";
        return (format!("nobody listens at {place}"), advice);
    }
    let advice = "look at the network cable, at the gateway, and whether a firewall lets the box \
                  out to this port";
    if error.kind() == io::ErrorKind::TimedOut {
        return (format!("{place} did not answer within {} s", STEP_MAX.as_secs()), advice);
    }
    (format!("{place} cannot be reached: {error}"), advice)
}

/// A box that asks for its certificate itself, and has none yet.
fn certificate_missing(mqtt: &Mqtt) -> Option<Check> {
    let claim = mqtt.claim.as_ref().filter(|claim| !claim.identity.exists())?;
    let found = format!("the box has no certificate yet ({})", claim.identity.display());
    let advice = "it asks for one while it runs: its log says `no certificate yet` and why; is the \
                  claim there, and does the authority run?";
    Some(Check::bad("broker login", found, advice))
}

fn endpoint(mqtt: &Mqtt) -> Endpoint {
    Endpoint::unproved(&mqtt.host, mqtt.port, &mqtt.security)
        .with_credentials(mqtt.credentials.clone())
}

fn session(config: &Config) -> Session {
    Session {
        client_id: format!("courtside-{}-{}-doctor", config.box_.tenant, config.box_.device),
        keep_alive: KEEP_ALIVE,
        will: None,
        window: 4,
        packet_bytes_max: PACKET_BYTES_MAX,
        subscriptions: Vec::new(),
    }
}

/// Times messages one after the other; `None` if the broker ends the connection for them.
async fn of_messages(
    clock: &SystemClock,
    connection: &mut Connection<u32>,
    topic: &str,
) -> Option<RoundTrips> {
    let mut trips = RoundTrips::default();
    for number in 0..TRIPS {
        let message = Message {
            topic: topic.to_owned(),
            payload: format!("{{\"v\":1,\"number\":{number}}}").into(),
            encoding: Encoding::Json,
            retain: Retain::No,
        };
        let began = clock.now();
        connection.publish(number, message).ok()?;
        match timeout(ANSWER_MAX, answer(connection, number)).await {
            Ok(Some(())) => trips.times.push(clock.now().since(began)),
            Ok(None) => return None,
            Err(_) => trips.lost += 1,
        }
        clock.sleep_until(clock.now().plus(PAUSE)).await;
    }
    Some(trips)
}

/// Waits for the broker's word about this message, whatever it is; `None` if the connection ends.
async fn answer(connection: &mut Connection<u32>, number: u32) -> Option<()> {
    loop {
        match connection.next().await {
            // A late one of an earlier message is lost already.
            Event::Answered(of, _) if of != number => {}
            Event::Answered(..) => return Some(()),
            Event::Up(_) | Event::Message(_) => {}
            Event::Down(_) => return None,
        }
    }
}

async fn of_connections(clock: &SystemClock, address: SocketAddr) -> RoundTrips {
    let mut trips = RoundTrips::default();
    for _ in 0..TRIPS {
        let began = clock.now();
        match timeout(ANSWER_MAX, TcpStream::connect(address)).await {
            Ok(Ok(_)) => trips.times.push(clock.now().since(began)),
            Ok(Err(_)) | Err(_) => trips.lost += 1,
        }
        clock.sleep_until(clock.now().plus(PAUSE)).await;
    }
    trips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_that_does_not_answer_is_told_in_words_with_what_to_do() {
        let told = |kind: io::ErrorKind| refusal("broker.example:8883", &kind.into());
        let (found, advice) = told(io::ErrorKind::ConnectionRefused);
        assert_eq!(found, "nobody listens at broker.example:8883");
        assert!(advice.contains("whether the broker runs"), "{advice}");
        assert!(told(io::ErrorKind::TimedOut).0.contains("did not answer within 5 s"));
        assert!(told(io::ErrorKind::HostUnreachable).0.contains("cannot be reached"));
    }
}
