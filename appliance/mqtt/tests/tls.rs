//! TLS against a real broker: whom a box trusts, and what a technician reads when it does not.

mod broker;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use broker::Broker;
use mqtt::{Connection, Endpoint, Event, Security, Session};

/// Authorities, and certificates of brokers and boxes, good and bad.
const SCRIPT: &str = r#"
    set -e
    for ca in ca other; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
            -subj "/CN=$ca" -keyout $ca.key -out $ca.pem
    done
    mkdir -p ca.db && touch ca.db/index && echo 01 > ca.db/serial && echo 01 > ca.db/crlnumber
    printf '%s\n' '[ca]' 'default_ca=c' '[c]' 'dir=ca.db' 'database=ca.db/index' \
        'new_certs_dir=ca.db' 'serial=ca.db/serial' 'crlnumber=ca.db/crlnumber' \
        'default_md=sha256' 'policy=p' 'copy_extensions=copy' 'unique_subject=no' \
        '[p]' 'commonName=supplied' > ca.conf
    # NAME AUTHORITY SAN BEGIN END
    make() {
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
            -addext "subjectAltName=$3" -keyout $1.key -out $1.csr
        openssl ca -batch -config ca.conf -cert $2.pem -keyfile $2.key -in $1.csr -out $1.pem \
            -startdate $4 -enddate $5 -notext
    }
    here=DNS:localhost,IP:127.0.0.1
    then=20200101000000Z now=$(date -u -d -1hour +%Y%m%d%H%M%SZ) end=$(date -u -d +2days +%Y%m%d%H%M%SZ)
    make server ca $here $now $end
    make elsewhere ca DNS:broker.example $now $end
    make stale ca $here $then 20210101000000Z
    make early ca $here $(date -u -d +1day +%Y%m%d%H%M%SZ) $end
    make box ca $here $now $end
    make expired ca $here $then 20210101000000Z
    make stranger other $here $now $end
    make revoked ca $here $now $end
    openssl ca -config ca.conf -cert ca.pem -keyfile ca.key -revoke revoked.pem
    openssl ca -config ca.conf -cert ca.pem -keyfile ca.key -gencrl -crldays 2 -out crl.pem
"#;

struct Certificates(tempfile::TempDir);

impl Certificates {
    /// `None`, said aloud, where openssl is not installed.
    fn make() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let Ok(made) = Command::new("bash").args(["-c", SCRIPT]).current_dir(&folder).output()
        else {
            eprintln!("SKIPPED: bash is not installed");
            return None;
        };
        let complaint = String::from_utf8_lossy(&made.stderr);
        if complaint.contains("openssl: command not found") {
            eprintln!("SKIPPED: openssl is not installed (apt install openssl)");
            return None;
        }
        assert!(made.status.success(), "{complaint}");
        Some(Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A broker that shows this certificate.
    fn broker(&self, name: &str, more: &str) -> Option<Broker> {
        let [ca, cert, key] = ["ca.pem".to_owned(), format!("{name}.pem"), format!("{name}.key")]
            .map(|file| self.path(&file).display().to_string());
        Broker::start(&format!("cafile {ca}\ncertfile {cert}\nkeyfile {key}\n{more}"))
    }

    fn endpoint(&self, broker: &Broker, ca: &str, client: Option<&str>) -> Endpoint {
        let client = client
            .map(|name| (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key"))));
        let security = Security::Tls { ca: self.path(ca), client };
        Endpoint::new("localhost", broker.port, &security).expect("the files are there")
    }
}

/// What becomes of a connection: `None` when it comes up.
fn outcome(endpoint: &Endpoint) -> Option<String> {
    let session = Session {
        client_id: "box".to_owned(),
        keep_alive: Duration::from_secs(5),
        will: None,
        window: 16,
        packet_bytes_max: 1 << 20,
        subscriptions: vec!["t".to_owned()],
    };
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let mut connection: Connection<u32> = Connection::open(endpoint, session);
        match connection.next().await {
            Event::Up(_) => None,
            Event::Down(reason) => Some(reason),
            Event::Answered(..) | Event::Message(_) => panic!("neither was asked for"),
        }
    })
}

fn assert_told(endpoint: &Endpoint, words: &str) {
    let reason = outcome(endpoint).unwrap_or_else(|| panic!("connected, without: {words}"));
    assert!(reason.contains(words), "instead of `{words}`: {reason}");
}

#[test]
fn broker_that_is_not_to_be_trusted_is_refused_and_the_reason_is_told() {
    let Some(made) = Certificates::make() else { return };
    let Some(broker) = made.broker("server", "") else { return };
    assert_eq!(outcome(&made.endpoint(&broker, "ca.pem", None)), None);
    assert_told(&made.endpoint(&broker, "other.pem", None), "not signed by an authority in `ca`");
    for (name, words) in [
        ("elsewhere", "is not for `localhost`"),
        ("stale", "the broker's certificate has expired"),
        ("early", "is not valid yet"),
    ] {
        let broker = made.broker(name, "").expect("it started before");
        assert_told(&made.endpoint(&broker, "ca.pem", None), words);
    }
}

#[test]
fn box_that_the_broker_does_not_trust_is_told_why() {
    let Some(made) = Certificates::make() else { return };
    let crl = made.path("crl.pem");
    let more = format!("require_certificate true\ncrlfile {}", crl.display());
    let Some(broker) = made.broker("server", &more) else { return };
    let with = |client| made.endpoint(&broker, "ca.pem", client);
    assert_eq!(outcome(&with(Some("box"))), None);
    assert_told(&with(None), "asks for a certificate");
    assert_told(&with(Some("expired")), "the box's certificate has expired");
    assert_told(&with(Some("revoked")), "the box's certificate was revoked");
    assert_told(&with(Some("stranger")), "does not know the authority that signed the box's");
}

#[test]
fn broker_without_tls_is_told_as_such() {
    let Some(made) = Certificates::make() else { return };
    let Some(broker) = Broker::start("") else { return };
    assert_told(&made.endpoint(&broker, "ca.pem", None), "does not speak TLS");
}

#[test]
fn box_whose_clock_says_1970_connects_and_trusts_nobody_else() {
    let Some(made) = Certificates::make() else { return };
    let faketime = Path::new("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1");
    if !faketime.exists() {
        eprintln!("SKIPPED: libfaketime is not installed (apt install libfaketime)");
        return;
    }
    let Some(broker) = made.broker("server", "") else { return };
    let stale = made.broker("stale", "").expect("it started before");
    let early = made.broker("early", "").expect("it started before");
    let in_1970 = |broker: &Broker, ca: &str| {
        let this = std::env::current_exe().expect("Linux");
        let mut other = Command::new(this);
        other.args(["--exact", "box_in_1970", "--ignored", "--nocapture"]);
        other.env("LD_PRELOAD", faketime).env("FAKETIME", "@1970-01-02 00:00:00");
        other.env("BOX_PORT", broker.port.to_string()).env("BOX_CA", made.path(ca));
        let output = other.output().expect("ourselves");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let told = in_1970(&broker, "ca.pem");
    assert!(told.contains("the outcome is None, in 1970"), "{told}");
    // One that begins tomorrow may be right: the box does not know the day.
    let told = in_1970(&early, "ca.pem");
    assert!(told.contains("the outcome is None, in 1970"), "{told}");
    let told = in_1970(&broker, "other.pem");
    assert!(told.contains("not signed by an authority"), "{told}");
    let told = in_1970(&stale, "ca.pem");
    assert!(told.contains("has expired"), "{told}");
}

/// The other half of the test above, in a process that believes another time.
#[test]
#[ignore = "runs as a part of another test"]
fn box_in_1970() {
    let Some(port) = std::env::var("BOX_PORT").ok().and_then(|port| port.parse().ok()) else {
        return;
    };
    let ca = std::env::var_os("BOX_CA").expect("given with the port");
    let security = Security::Tls { ca: ca.into(), client: None };
    let endpoint = Endpoint::new("localhost", port, &security).expect("the file is there");
    let year = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    assert!(year < 400 * 86_400, "the clock was not set: {year} s since 1970");
    println!("the outcome is {:?}, in 1970", outcome(&endpoint));
}
