//! The box's signature of its report: with the key by which its broker knows it, so that whoever
//! trusts that certificate can trust the report.
//!
//! Owns the envelope that `--json` prints (`docs/install.md` tells how to verify it). A private key
//! is read and used, and stands in nothing that is written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mqtt::Security;
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Kinds of signature that one command of openssl verifies, whichever of them it is.
const SCHEMES: [(SignatureScheme, &str); 2] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, "ECDSA P-256 with SHA-256"),
    (SignatureScheme::RSA_PKCS1_SHA256, "RSA PKCS #1 with SHA-256"),
];
/// Letters in a line of PEM.
const PEM_LINE: usize = 64;

/// Who vouches for a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// The box.
    Signed {
        /// Which kind of signature.
        algorithm: &'static str,
        /// The signature, base64.
        signature: String,
        /// The box's certificate and those between it and its authority, PEM.
        certificate: String,
        /// SHA-256 of what was signed, in hexadecimal digits.
        sha256: String,
    },
    /// Nobody.
    Unsigned {
        /// Why, as a phrase.
        reason: String,
    },
}

impl Seal {
    /// Signs a text with the key that the box shows its broker.
    pub fn of(text: &str, security: &Security) -> Self {
        let files = match security {
            Security::Tls { client: Some(files), .. } => files,
            Security::Tls { client: None, .. } | Security::Plain => {
                let reason = "the box has no key of its own (`mqtt.key` or `mqtt.claim`)";
                return Self::Unsigned { reason: reason.to_owned() };
            }
        };
        signed(text, files).unwrap_or_else(|reason| Self::Unsigned { reason })
    }

    /// In a sentence.
    pub fn sentence(&self) -> String {
        match self {
            Self::Signed { algorithm, sha256, .. } => {
                format!("signed by the box ({algorithm}); SHA-256 of the JSON report: {sha256}")
            }
            Self::Unsigned { reason } => format!("unsigned: {reason}"),
        }
    }

    /// The text with its signature, for programs.
    pub fn envelope(&self, text: &str) -> Value {
        match self {
            Self::Signed { algorithm, signature, certificate, .. } => json!({
                "signed": text,
                "algorithm": algorithm,
                "signature": signature,
                "certificate": certificate,
            }),
            Self::Unsigned { reason } => json!({
                "signed": text,
                "algorithm": null,
                "signature": null,
                "certificate": null,
                "unsigned_because": reason,
            }),
        }
    }
}

fn signed(text: &str, (cert, key): &(PathBuf, PathBuf)) -> Result<Seal, String> {
    let unusable = |file: &Path, error: &dyn std::fmt::Display| {
        format!("{} cannot be used: {error}; run this as root", file.display())
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(cert, &error))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    let private = any_supported_type(&private).map_err(|error| unusable(key, &error))?;
    if chain.is_empty() {
        return Err(unusable(cert, &"it holds no certificate"));
    }
    let certificate = chain.iter().map(|der| pem(der)).collect();
    let own = CertifiedKey::new(chain, Arc::clone(&private));
    own.keys_match().map_err(|_| {
        let (cert, key) = (cert.display(), key.display());
        format!("{cert} is not the certificate of the key {key}; name those that belong together")
    })?;
    let signer = |(scheme, name): &(SignatureScheme, &'static str)| {
        Some((private.choose_scheme(&[*scheme])?, *name))
    };
    let (signer, algorithm) = SCHEMES.iter().find_map(signer).ok_or_else(|| {
        let key = key.display();
        format!("{key} is neither ECDSA over P-256 nor RSA, and no other kind signs reports")
    })?;
    let signature = signer.sign(text.as_bytes()).map_err(|error| unusable(key, &error))?;
    let sha256 = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Seal::Signed { algorithm, signature: STANDARD.encode(signature), certificate, sha256 })
}

/// A certificate as text. The file that it came from may hold the key too, so none of that is
/// copied.
fn pem(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(PEM_LINE)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use identity::{Authority, Key};
    use wire::time::WallTime;

    use super::*;

    const NOW: WallTime = WallTime(1_796_000_000_000_000);

    /// Key and certificate in one file, as a box that asked for its certificate has them.
    fn own(folder: &Path) -> Security {
        let (certificate, key) = Authority::create("Test", 3_650, NOW);
        let authority = Authority::from_pem(&certificate, &key).expect("an authority");
        let file = folder.join("identity.pem");
        let pem = authority.client(&"court-1".parse().expect("a name"), 2, NOW);
        fs::write(&file, pem).expect("writable");
        Security::Tls { ca: folder.join("ca.pem"), client: Some((file.clone(), file)) }
    }

    /// What docs/install.md tells a reader to do.
    fn openssl_verifies(folder: &Path, envelope: &Value, signed: &str) -> bool {
        let text = |key: &str| envelope[key].as_str().expect("a text").to_owned();
        let signature = STANDARD.decode(text("signature")).expect("base64");
        fs::write(folder.join("signed.json"), signed).expect("writable");
        fs::write(folder.join("signature.bin"), signature).expect("writable");
        fs::write(folder.join("box.pem"), text("certificate")).expect("writable");
        let run = |arguments: &str| {
            let mut openssl = Command::new("openssl");
            openssl.args(arguments.split(' ')).current_dir(folder).output().expect("it runs")
        };
        let key = run("x509 -in box.pem -pubkey -noout");
        fs::write(folder.join("key.pem"), key.stdout).expect("writable");
        run("dgst -sha256 -verify key.pem -signature signature.bin signed.json").status.success()
    }

    #[test]
    fn openssl_verifies_what_a_box_signed_and_nothing_else() {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("SKIPPED: openssl is not installed (apt install openssl)");
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let text = "{\"outcome\":\"accepted\"}";
        let seal = Seal::of(text, &own(folder.path()));
        let envelope = seal.envelope(text);
        assert_eq!(envelope["algorithm"], "ECDSA P-256 with SHA-256", "{envelope}");
        assert!(openssl_verifies(folder.path(), &envelope, text));
        assert!(!openssl_verifies(folder.path(), &envelope, &text.replace("acc", "not acc")));
        assert!(!envelope.to_string().contains("PRIVATE"), "the key is nobody's business");
    }

    #[test]
    fn box_without_a_key_or_with_the_wrong_one_says_why_nobody_signed() {
        let folder = tempfile::tempdir().expect("a folder");
        let reason = |security: &Security| match Seal::of("{}", security) {
            Seal::Unsigned { reason } => reason,
            Seal::Signed { .. } => panic!("it cannot be signed"),
        };
        assert!(reason(&Security::Plain).contains("no key of its own"));
        let missing = folder.path().join("none.pem");
        let tls = |cert: &Path, key: &Path| Security::Tls {
            ca: "ca.pem".into(),
            client: Some((cert.to_owned(), key.to_owned())),
        };
        assert!(reason(&tls(&missing, &missing)).contains("none.pem cannot be used"));
        own(folder.path());
        let (cert, other) = (folder.path().join("identity.pem"), folder.path().join("other.pem"));
        fs::write(&other, Key::generate().to_pem()).expect("writable");
        assert!(reason(&tls(&cert, &other)).contains("is not the certificate of the key"));
        let none = Seal::of("{}", &Security::Plain).envelope("{}");
        assert!(none["signature"].is_null() && none["signed"] == "{}", "{none}");
    }
}
