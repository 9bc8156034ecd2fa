//! Whom a receiver believes to be its database.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::desk::with_causes;
use crate::postgres_server::Server;

/// Two authorities, and a server's certificate by the first one for `localhost`.
const SCRIPT: &str = r#"
    set -e
    key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
    for ca in ca other; do
        openssl req -x509 $key -days 2 -subj "/CN=$ca" -keyout $ca.key -out $ca.pem
    done
    openssl req $key -subj /CN=db -addext subjectAltName=DNS:localhost -keyout db.key -out db.csr
    openssl x509 -req -in db.csr -CA ca.pem -CAkey ca.key -days 1 -copy_extensions copy -out db.pem
"#;

/// `None`, said aloud, where openssl is not installed.
fn certificates() -> Option<TempDir> {
    let folder = tempfile::tempdir().expect("a folder");
    let made = Command::new("bash").args(["-c", SCRIPT]).current_dir(&folder).output();
    let made = made.expect("bash runs");
    let complaint = String::from_utf8_lossy(&made.stderr);
    if complaint.contains("openssl: command not found") {
        eprintln!("SKIPPED: openssl is not installed (apt install openssl)");
        return None;
    }
    assert!(made.status.success(), "{complaint}");
    Some(folder)
}

/// Whether the connection that is made has TLS, or why none is made.
fn encrypted(url: &str, ca: Option<&Path>) -> Result<bool, String> {
    let address = Address::read(url, ca).expect("it can be read");
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    runtime.block_on(async {
        let client = address.dial(runtime.handle()).await.map_err(|error| with_causes(&error))?;
        let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        Ok(client.query_one(sql, &[]).await.expect("a row").get(0))
    })
}

#[test]
fn server_must_show_a_certificate_of_its_name_by_the_named_authority() {
    let Some(files) = certificates() else { return };
    let Some(mut server) = Server::start() else { return };
    let url = server.database("fleet");
    let [ca, other] = ["ca.pem", "other.pem"].map(|file| files.path().join(file));
    let localhost = url.replace("127.0.0.1", "localhost");

    let refused = encrypted(&localhost, Some(&ca)).expect_err("it has no TLS yet");
    assert!(refused.contains("TLS"), "{refused}");
    assert_eq!(encrypted(&url, None), Ok(false));

    server.encrypt(&files.path().join("db.pem"), &files.path().join("db.key"));
    assert_eq!(encrypted(&localhost, Some(&ca)), Ok(true));
    for (url, ca, why) in [(&localhost, &other, "UnknownIssuer"), (&url, &ca, "not valid for name")]
    {
        let refused = encrypted(url, Some(ca)).expect_err("it cannot be believed");
        assert!(refused.contains(why), "{refused}");
    }
    let refused = encrypted(&url, None).expect_err("it takes no connection without TLS");
    assert!(refused.contains("no encryption"), "{refused}");
}
