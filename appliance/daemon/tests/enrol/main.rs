//! A box that makes its own key gets its certificate over a real broker, which lets nobody in
//! without one.

#[path = "../../../mqtt/tests/broker/mod.rs"]
mod broker;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use broker::Broker;
use courtside::clock::SystemClock;
use courtside::enrol::{self, Enrolment};
use fleet::authority::{self, Ledger, Told};
use hal::Clock;
use identity::{Certificate, Holder};
use mqtt::{Connection, Endpoint, Event, Security, Session};
use tokio::sync::mpsc;
use wire::time::WallTime;
use wire::topic::Device;

/// An authority, its broker, and everybody's files.
struct Venue {
    folder: tempfile::TempDir,
    broker: Broker,
    clock: Arc<SystemClock>,
    told: mpsc::Receiver<Told>,
}

impl Venue {
    /// `None`, said aloud, where mosquitto is not installed. Certificates count for `days`.
    fn open(days: u32) -> Option<Self> {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        let _already =
            tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(SystemClock::start());
        let now = clock.wall_time();
        let ca = folder.path().join("ca");
        authority::init(&ca, "Test", now).expect("a new folder");
        let own = authority::open(&ca).expect("it was made");
        let server = own.broker(&["localhost".to_owned()], 2, now).expect("a name");
        fs::write(folder.path().join("broker.pem"), server).expect("a file");
        let desk = own.client(&"authority".parse().expect("a name"), 2, now);
        fs::write(folder.path().join("desk.pem"), desk).expect("a file");
        let access = "user authority\ntopic read cv1/+/+/enrol\ntopic write cv1/+/+/enrol-response\n\
                      user claim:other\ntopic readwrite cv1/demo/#\n\
                      user claim:demo\ntopic write cv1/demo/+/enrol\ntopic read cv1/demo/+/enrol-response\n\
                      pattern readwrite cv1/%u/#\n";
        fs::write(folder.path().join("acl"), access).expect("a file");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let broker = Broker::start_closed(&format!(
            "cafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
             use_identity_as_username true\nacl_file {}\n",
            path("ca/ca.pem"),
            path("broker.pem"),
            path("broker.pem"),
            path("acl"),
        ))?;
        let (sender, told) = mpsc::channel(64);
        let endpoint = endpoint(&broker, ca.join("ca.pem"), folder.path().join("desk.pem"));
        let (ledger, clock_too) = (Ledger::open(&ca).expect("a list"), Arc::clone(&clock));
        tokio::spawn(async move {
            let who = (&endpoint, "desk".to_owned());
            authority::serve(who, (own, ledger, days), &*clock_too, sender).await
        });
        Some(Self { folder, broker, clock, told })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A claim of a tenant, in a file.
    fn claim(&self, tenant: &str) -> PathBuf {
        let own = authority::open(&self.path("ca")).expect("it was made");
        let pem = own.claim(&tenant.parse().expect("a name"), 2, self.clock.wall_time());
        let file = self.path(&format!("claim-{tenant}.pem"));
        fs::write(&file, pem).expect("a file");
        file
    }

    fn enrolment(&self, device: &str, claim: PathBuf) -> Enrolment {
        let folder = self.path(device);
        fs::create_dir_all(&folder).expect("a folder");
        Enrolment {
            device: Device {
                tenant: "demo".parse().expect("a name"),
                device: device.parse().expect("a name"),
            },
            host: "localhost".to_owned(),
            port: self.broker.port,
            ca: self.path("ca/ca.pem"),
            claim,
            identity: folder.join("identity.pem"),
        }
    }

    /// What the authority answers next.
    async fn next(&mut self) -> Told {
        let told = tokio::time::timeout(Duration::from_secs(30), self.told.recv()).await;
        told.expect("an answer within 30 s").expect("the authority runs")
    }

    /// The certificate of a box, as soon as it has another one than `before`.
    async fn certificate(
        &self,
        enrolment: &Enrolment,
        before: Option<&Certificate>,
    ) -> Certificate {
        for _ in 0..1_500 {
            let text = fs::read_to_string(&enrolment.identity).unwrap_or_default();
            if let Ok(certificate) = Certificate::from_pem(&text)
                && Some(&certificate) != before
            {
                return certificate;
            }
            self.clock.sleep_until(self.clock.now().plus(Duration::from_millis(20))).await;
        }
        panic!("no certificate within 30 s in {}", enrolment.identity.display());
    }

    /// What becomes of a connection of the box.
    async fn connect(&self, enrolment: &Enrolment) -> Result<(), String> {
        let own = endpoint(&self.broker, self.path("ca/ca.pem"), enrolment.identity.clone());
        let session = Session {
            client_id: "box".to_owned(),
            keep_alive: Duration::from_secs(5),
            will: None,
            window: 4,
            packet_bytes_max: 1 << 16,
            subscriptions: vec![enrolment.device.ack().as_str().to_owned()],
        };
        match Connection::<()>::open(&own, session).next().await {
            Event::Up(_) => Ok(()),
            Event::Down(reason) => Err(reason),
            Event::Answered((), _) | Event::Message(_) => Err("neither was asked for".to_owned()),
        }
    }
}

fn endpoint(broker: &Broker, ca: PathBuf, own: PathBuf) -> Endpoint {
    let security = Security::Tls { ca, client: Some((own.clone(), own)) };
    Endpoint::unproved("localhost", broker.port, &security)
}

#[tokio::test]
async fn box_with_a_claim_gets_a_certificate_of_its_own_and_connects_with_it() {
    let Some(mut venue) = Venue::open(365) else { return };
    let enrolment = venue.enrolment("court-1", venue.claim("demo"));
    let why = venue.connect(&enrolment).await.expect_err("it has none yet");
    assert!(why.contains("identity.pem"), "{why}");
    enrol::start(enrolment.clone(), Arc::clone(&venue.clock));
    let told = venue.next().await;
    assert_eq!(
        told.to_string(),
        "enrolled demo/court-1: for 365 days, by the claim of tenant demo"
    );
    let certificate = venue.certificate(&enrolment, None).await;
    assert_eq!(certificate.holder(), Some(&Holder::Box(enrolment.device.clone())));
    let rights = fs::metadata(&enrolment.identity).expect("it is there").permissions().mode();
    assert_eq!(rights & 0o777, 0o600, "nobody else reads the key");
    assert_eq!(venue.connect(&enrolment).await, Ok(()));
    let list = Ledger::open(&venue.path("ca")).and_then(|list| Ok(list.all()?)).expect("a list");
    assert_eq!(list.len(), 1);
}

#[tokio::test]
async fn box_that_was_killed_before_it_heard_its_answer_gets_the_same_one() {
    let Some(mut venue) = Venue::open(365) else { return };
    let enrolment = venue.enrolment("court-1", venue.claim("demo"));
    let box_ = tokio::spawn(enrol::keep(enrolment.clone(), Arc::clone(&venue.clock)));
    venue.next().await;
    let first = venue.certificate(&enrolment, None).await;
    box_.abort();
    // As if it had been killed before it kept the answer: the key is there, the certificate not.
    let text = fs::read_to_string(&enrolment.identity).expect("it is there");
    let key = &text[text.find("-----BEGIN PRIVATE").expect("a key")..];
    fs::write(enrolment.identity.with_extension("next.pem"), key).expect("a file");
    fs::remove_file(&enrolment.identity).expect("it was there");
    enrol::start(enrolment.clone(), Arc::clone(&venue.clock));
    assert!(venue.next().await.text.starts_with("told again"));
    assert_eq!(venue.certificate(&enrolment, None).await, first);
}

#[tokio::test]
async fn box_renews_its_certificate_by_itself_and_without_a_claim() {
    // Of one day and an hour before it, less than a third is left after 17 h: the clock is moved.
    let Some(mut venue) = Venue::open(1) else { return };
    let enrolment = venue.enrolment("court-1", venue.claim("demo"));
    let box_ = tokio::spawn(enrol::keep(enrolment.clone(), Arc::clone(&venue.clock)));
    venue.next().await;
    let first = venue.certificate(&enrolment, None).await;
    box_.abort();
    fs::remove_file(&enrolment.claim).expect("it was there");
    let later = Arc::new(Later(SystemClock::start(), 20 * 3_600));
    enrol::start(enrolment.clone(), later);
    let told = venue.next().await;
    assert_eq!(told.to_string(), "enrolled demo/court-1: for 1 days, by the box demo/court-1");
    let second = venue.certificate(&enrolment, Some(&first)).await;
    assert!(second.ends() >= first.ends());
    assert_eq!(venue.connect(&enrolment).await, Ok(()));
}

#[tokio::test]
async fn second_box_of_a_name_is_refused_until_somebody_allows_it() {
    let Some(mut venue) = Venue::open(365) else { return };
    let enrolment = venue.enrolment("court-1", venue.claim("demo"));
    enrol::start(enrolment.clone(), Arc::clone(&venue.clock));
    venue.next().await;
    venue.certificate(&enrolment, None).await;
    let identity = venue.path("elsewhere.pem");
    let replaced = Enrolment { identity, ..enrolment };
    enrol::start(replaced.clone(), Arc::clone(&venue.clock));
    let told = venue.next().await;
    let text = &told.text;
    assert!(told.granted.is_err() && text.contains("authority allow demo/court-1"), "{told}");
    let ledger = Ledger::open(&venue.path("ca")).expect("a list");
    ledger.allow(&replaced.device).expect("noted");
    while venue.next().await.granted.is_err() {}
    venue.certificate(&replaced, None).await;
}

/// The broker lets the claim of another tenant through, as one that was taken over might.
#[tokio::test]
async fn claim_of_another_tenant_gets_nothing_where_the_broker_lets_it_pass() {
    let Some(mut venue) = Venue::open(365) else { return };
    let enrolment = venue.enrolment("court-1", venue.claim("other"));
    enrol::start(enrolment.clone(), Arc::clone(&venue.clock));
    let told = venue.next().await;
    assert!(told.granted.is_err(), "{told}");
    assert!(
        told.text.contains("claim of tenant other cannot vouch for box demo/court-1"),
        "{told}"
    );
    assert!(!enrolment.identity.exists());
}

/// A clock whose wall time is so many seconds ahead.
struct Later(SystemClock, i64);

impl Clock for Later {
    fn now(&self) -> wire::time::Monotonic {
        self.0.now()
    }

    fn wall(&self) -> (WallTime, wire::time::ClockQuality) {
        let (wall, quality) = self.0.wall();
        (WallTime(wall.0 + self.1 * 1_000_000), quality)
    }

    fn sleep_until(&self, at: wire::time::Monotonic) -> impl Future<Output = ()> + Send {
        self.0.sleep_until(at)
    }
}
