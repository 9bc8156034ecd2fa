//! One connection against a real broker: what it promises, what it refuses, how it ends.

mod broker;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use broker::Broker;
use bytes::Bytes;
use mqtt::{
    Connection, Credentials, Encoding, Endpoint, Event, Message, PublishError, Quality, Retain,
    Security, Session, Verdict, Will,
};

fn session(client_id: &str, subscriptions: &[&str]) -> Session {
    Session {
        client_id: client_id.to_owned(),
        keep_alive: Duration::from_secs(5),
        will: None,
        window: 16,
        packet_bytes_max: 1 << 20,
        subscriptions: subscriptions.iter().map(|filter| (*filter).to_owned()).collect(),
    }
}

fn plain(broker: &Broker) -> Endpoint {
    Endpoint::new("127.0.0.1", broker.port, &Security::Plain).expect("no TLS")
}

fn message(topic: &str, bytes: usize) -> Message {
    Message {
        topic: topic.to_owned(),
        payload: Bytes::from(vec![7; bytes]),
        encoding: Encoding::Octets,
        retain: Retain::No,
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let limited = async { tokio::time::timeout(Duration::from_secs(60), test).await };
    runtime.block_on(limited).expect("a minute is enough")
}

async fn up(endpoint: &Endpoint, session: Session) -> Connection<u32> {
    let mut connection = Connection::open(endpoint, session);
    let first = connection.next().await;
    assert!(matches!(first, Event::Up(_)), "{first:?}");
    connection
}

async fn end(connection: &mut Connection<u32>) -> String {
    loop {
        match connection.next().await {
            Event::Down(reason) => return reason,
            Event::Up(_) | Event::Answered(..) | Event::Message(_) => {}
        }
    }
}

#[test]
fn answers_belong_to_their_messages() {
    let Some(broker) = Broker::start("") else { return };
    run(async {
        let endpoint = plain(&broker);
        let _listener = up(&endpoint, session("listener", &["heard/#"])).await;
        let mut sender = up(&endpoint, session("sender", &[])).await;
        for tag in 0..100 {
            let topic = if tag % 2 == 0 { "heard/x" } else { "unheard/x" };
            sender.publish(tag, message(topic, 10)).expect("room");
        }
        sender.tell(message("heard/x", 10), Quality::AtLeastOnce).expect("room");
        sender.tell(message("heard/x", 10), Quality::Once).expect("room");
        let mut answered = Vec::new();
        while answered.len() < 100 {
            if let Event::Answered(tag, verdict) = sender.next().await {
                let expected = if tag % 2 == 0 { Verdict::Accepted } else { Verdict::NoReceiver };
                assert_eq!(verdict, expected, "message {tag}");
                answered.push(tag);
            }
        }
        answered.sort_unstable();
        assert_eq!(answered, (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn window_is_the_smaller_one_of_both_sides() {
    let Some(broker) = Broker::start("max_inflight_messages 5") else { return };
    run(async {
        let connection = up(&plain(&broker), session("a", &[])).await;
        assert_eq!(connection.limits().map(|limits| limits.window), Some(5));
    });
}

#[test]
fn message_above_the_brokers_limit_is_refused_and_the_connection_stays() {
    let Some(broker) = Broker::start("max_packet_size 2000") else { return };
    run(async {
        let mut connection = up(&plain(&broker), session("a", &["t"])).await;
        let refused = connection.publish(1, message("t", 2_000));
        assert!(matches!(refused, Err(PublishError::TooLarge { max: 2000, .. })), "{refused:?}");
        connection.publish(2, message("t", 1_000)).expect("small enough");
        loop {
            let event = connection.next().await;
            assert!(!matches!(event, Event::Down(_)), "{event:?}");
            if matches!(event, Event::Answered(2, Verdict::Accepted)) {
                break;
            }
        }
    });
}

#[test]
fn large_messages_arrive() {
    let Some(broker) = Broker::start("") else { return };
    run(async {
        let endpoint = plain(&broker);
        let mut receiver = up(&endpoint, session("receiver", &["t"])).await;
        let mut sender = up(&endpoint, session("sender", &[])).await;
        for tag in 0..5 {
            sender.publish(tag, message("t", 200_000)).expect("room");
        }
        let mut arrived = 0;
        while arrived < 5 {
            if let Event::Message(message) = receiver.next().await {
                assert_eq!((message.topic(), message.payload().len()), ("t", 200_000));
                arrived += 1;
            }
        }
    });
}

#[test]
fn message_comes_with_the_promise_and_the_flag_that_its_publisher_gave_it() {
    let Some(broker) = Broker::start("") else { return };
    let endpoint = plain(&broker);
    run(async {
        let mut connection = up(&endpoint, session("a", &["t"])).await;
        let kept = |retain| Message { retain, ..message("t", 10) };
        connection.tell(kept(Retain::Yes), Quality::Once).expect("room");
        connection.tell(kept(Retain::No), Quality::AtLeastOnce).expect("room");
        let mut told = Vec::new();
        while told.len() < 2 {
            if let Event::Message(message) = connection.next().await {
                told.push((message.quality(), message.retain()));
            }
        }
        let expected = [(Quality::Once, Retain::Yes), (Quality::AtLeastOnce, Retain::No)];
        assert_eq!(told, expected);
    });
}

#[test]
fn second_client_of_the_same_name_takes_over() {
    let Some(broker) = Broker::start("") else { return };
    run(async {
        let endpoint = plain(&broker);
        let mut first = up(&endpoint, session("same", &[])).await;
        let mut second = up(&endpoint, session("same", &["t"])).await;
        end(&mut first).await;
        second.publish(1, message("t", 1)).expect("room");
        while !matches!(second.next().await, Event::Answered(1, Verdict::Accepted)) {}
    });
}

#[test]
fn will_is_published_for_a_dropped_connection_and_not_after_a_goodbye() {
    let Some(broker) = Broker::start("") else { return };
    run(async {
        let endpoint = plain(&broker);
        let mut witness = up(&endpoint, session("witness", &["will/#"])).await;
        let with_will = |id: &str| Session {
            will: Some(Will { topic: format!("will/{id}"), payload: b"lost".to_vec() }),
            ..session(id, &[])
        };
        up(&endpoint, with_will("polite")).await.close(Duration::from_secs(5)).await;
        drop(up(&endpoint, with_will("killed")).await);
        loop {
            if let Event::Message(message) = witness.next().await {
                assert_eq!(message.topic(), "will/killed");
                break;
            }
        }
    });
}

#[test]
fn nobody_there_is_told_with_its_reason() {
    run(async {
        // Bound, but not listening: nobody else can take the port meanwhile.
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let port = socket.local_addr().expect("an address").port();
        let endpoint = Endpoint::new("127.0.0.1", port, &Security::Plain).expect("no TLS");
        let mut connection: Connection<u32> = Connection::open(&endpoint, session("a", &[]));
        assert!(end(&mut connection).await.contains("refused"));
    });
}

#[test]
fn frozen_broker_is_noticed_even_with_a_full_socket_buffer() {
    let Some(broker) = Broker::start("max_inflight_messages 0") else { return };
    run(async {
        let mut connection = up(&plain(&broker), session("a", &["ack"])).await;
        broker.freeze();
        for tag in 0..16 {
            connection.publish(tag, message("t", 1 << 20)).expect("room");
        }
        let reason = end(&mut connection).await;
        broker.thaw();
        assert!(reason.contains("silent for 12 s"), "{reason}");
    });
}

#[test]
fn wrong_password_is_told_with_its_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let passwords = folder.path().join("passwords");
    let made = Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(&passwords)
        .args(["box", "right"])
        .output();
    if made.is_err() {
        eprintln!("SKIPPED: mosquitto_passwd is not installed (apt install mosquitto)");
        return;
    }
    let config = format!("allow_anonymous false\npassword_file {}", passwords.display());
    let Some(broker) = Broker::start_closed(&config) else { return };
    let credentials = |password: &str| {
        Some(Credentials { username: "box".to_owned(), password: password.to_owned() })
    };
    run(async {
        let right = plain(&broker).with_credentials(credentials("right"));
        up(&right, session("a", &[])).await;
        let wrong = plain(&broker).with_credentials(credentials("wrong"));
        let mut refused: Connection<u32> = Connection::open(&wrong, session("b", &[]));
        let reason = end(&mut refused).await;
        assert!(reason.contains("correct `username` and `password`"), "{reason}");
    });
}

/// rumqttc numbers subscriptions and publications from one circle, so a subscription waits for the
/// PUBACKs of what is under way.
#[test]
fn further_topics_are_subscribed_to_while_the_connection_is_up() {
    let Some(broker) = Broker::start("") else { return };
    run(async {
        let endpoint = plain(&broker);
        let mut listener = up(&endpoint, session("listener", &["first"])).await;
        let mut teller = up(&endpoint, session("teller", &[])).await;
        for tag in 0..5 {
            listener.publish(tag, message("elsewhere", 10)).expect("room");
        }
        let further: Vec<String> = (0..200).map(|number| format!("further/{number}")).collect();
        listener.subscribe(further);
        // Whether it is granted, nothing tells; so the last one of them is told until it comes.
        let heard = loop {
            teller.publish(9, message("further/199", 10)).expect("room");
            let answered = teller.next().await;
            assert!(matches!(answered, Event::Answered(9, _)), "{answered:?}");
            let next = tokio::time::timeout(Duration::from_millis(20), listener.next()).await;
            match next {
                Ok(Event::Message(heard)) => break heard,
                Ok(Event::Answered(..)) | Err(_) => {}
                Ok(other @ (Event::Up(_) | Event::Down(_))) => panic!("{other:?}"),
            }
        };
        assert_eq!(heard.topic(), "further/199");
        assert_eq!(listener.unanswered(), 0);
        teller.publish(9, message("further/0", 10)).expect("room");
        let first_of_them = loop {
            match listener.next().await {
                Event::Message(heard) if heard.topic() == "further/0" => break heard,
                Event::Message(_) | Event::Answered(..) => {}
                other @ (Event::Up(_) | Event::Down(_)) => panic!("{other:?}"),
            }
        };
        assert_eq!(first_of_them.payload().len(), 10);
    });
}

/// RMQTT without its plugin for them says so, grants the subscription, and sends nothing.
#[test]
fn broker_without_shared_subscriptions_is_named_instead_of_silence() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("it").port();
    let broker = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let _connect = client.read(&mut [0; 512]).expect("it");
        // CONNACK with one property: Shared Subscription Available, 0.
        client.write_all(&[0x20, 5, 0, 0, 2, 0x2A, 0]).expect("it reads");
        // Until it has gone.
        let _nothing = client.read(&mut [0; 512]);
    });
    run(async {
        let endpoint = Endpoint::new("127.0.0.1", port, &Security::Plain).expect("no TLS");
        let mut shared = Connection::<u32>::open(&endpoint, session("a", &["$share/group/x/#"]));
        let reason = end(&mut shared).await;
        assert!(reason.contains("no shared subscriptions ($share/group/x/#)"), "{reason}");
    });
    broker.join().expect("it ends");
}
