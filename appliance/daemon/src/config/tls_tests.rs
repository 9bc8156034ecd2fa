//! RTMPS: what is understood, and what a technician is told of certificates.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::config::tests::{GOOD, complaints, understood};
use crate::config::{Config, Input};

/// A certificate with its key, another key, and files that are neither; `None` without openssl.
fn folder() -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        let made = command.args(arguments.split_whitespace()).current_dir(&folder).output();
        made.is_ok_and(|output| output.status.success())
    };
    let key = "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out";
    let made = openssl(&format!("{key} key.pem"))
        && openssl(&format!("{key} other.key"))
        && openssl("req -x509 -key key.pem -days 2 -subj /CN=courtside -out cert.pem");
    if !made {
        println!("SKIPPED: openssl makes no certificate; run scripts/setup test");
        return None;
    }
    let noise = "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n";
    for (name, text) in [("empty.pem", ""), ("noise.pem", noise)] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    Some(folder)
}

/// The good configuration with this `tls`; `@` stands for the folder.
fn with(folder: &Path, tls: &str) -> String {
    let tls = tls.replace('@', &folder.display().to_string());
    GOOD.replacen("app = \"live\"", &format!("tls = {tls}\napp = \"live\""), 1)
}

#[test]
fn a_certificate_and_its_key_are_understood_and_told() {
    let Some(folder) = folder() else { return };
    let text = with(folder.path(), "{ cert = \"@/cert.pem\", key = \"@/key.pem\" }");
    let config: Config = understood(&text);
    let Input::Rtmp { tls: Some(certificate), .. } = &config.sources[0].input else {
        panic!("RTMPS")
    };
    assert_eq!(certificate.key, folder.path().join("key.pem"));
    let shown = config.to_string();
    assert!(shown.contains("rtmps://127.0.0.1:1935/live/(key)"), "{shown}");
    assert!(shown.contains("TLS with") && shown.contains("cert.pem"), "{shown}");
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_once_with_what_to_do() {
    let Some(folder) = folder() else { return };
    for (tls, part) in [
        ("{ cert = \"@/cert.pem\", key = \"@/other.key\" }", "is not that of the certificate in"),
        ("{ cert = \"@/empty.pem\", key = \"@/key.pem\" }", "there is no certificate in"),
        ("{ cert = \"@/cert.pem\", key = \"@/cert.pem\" }", "there is no private key in"),
        ("{ cert = \"@/noise.pem\", key = \"@/key.pem\" }", "noise.pem cannot be read"),
        ("{ cert = \"@/absent.pem\", key = \"@/key.pem\" }", "there is no file"),
        ("{ cert = \"@/cert.pem\" }", "tls.key` is missing"),
    ] {
        let told = complaints(&with(folder.path(), tls));
        assert_eq!(told.len(), 1, "{tls}: {told:?}");
        assert!(told[0].contains(part), "{tls}: {told:?}");
        assert!(told[0].starts_with("line 12: "), "{tls}: {told:?}");
    }
    let told = complaints(&GOOD.replacen("app = \"live\"", "tls = true\napp = \"live\"", 1));
    assert!(told[0].contains("a table in braces belongs here"), "{told:?}");
}

#[test]
fn sources_of_an_address_agree_on_tls() {
    let Some(folder) = folder() else { return };
    let second = "[[source]]\nname = \"more\"\nsport = \"basketball\"\nkind = \"rtmp\"\nlisten = \
                  \"127.0.0.1:1935\"\napp = \"live\"\nkey = \"another\"\n";
    let safe = with(folder.path(), "{ cert = \"@/cert.pem\", key = \"@/key.pem\" }");
    let line = safe.lines().find(|line| line.starts_with("tls")).expect("it has TLS").to_owned();
    let both =
        |first: &str, second: String| first.replacen("[clips]", &format!("{second}[clips]"), 1);
    understood(&both(&safe, format!("{second}{line}\n")));
    for text in [both(&safe, second.to_owned()), both(GOOD, format!("{second}{line}\n"))] {
        let told = complaints(&text);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("write the same `tls` for all sources of an address"), "{told:?}");
    }
}
