//! The box's certificate: asked for with a claim, and again before it ends.
//!
//! Owns: one file, `identity.pem` in the data folder, with the box's private key and certificate,
//! readable by nobody else; and the connection on which it asks. Must not: keep the box from
//! recording (it runs beside everything else), or let a key leave the box. May be killed at any
//! moment: the key that is asked for is on disk before anybody hears of it, and the file is
//! replaced in one step.
//! Why so: `docs/decisions/0032-a-box-makes-its-own-key.md`.
//!
//! ```text
//! none, or ended ──claim──► asked ──certificate──► kept ──a third of its time left──► asked …
//! ```

mod ask;
mod files;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use identity::{Certificate, Holder, Key, Voucher};
use outbox::{Backoff, Delays};
use wire::time::WallTime;
use wire::topic::Device;

use files::Files;

/// How often it is looked whether the certificate ends soon.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);
const RETRY: Delays = Delays { first: Duration::from_secs(2), longest: Duration::from_secs(600) };

/// What a box needs to get its certificate.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// Who it is.
    pub device: Device,
    /// The broker's host.
    pub host: String,
    /// The broker's port.
    pub port: u16,
    /// Who may have signed the broker's certificate, a PEM file.
    pub ca: PathBuf,
    /// Certificate and key of the claim, one PEM file. It may be gone once the box has its own.
    pub claim: PathBuf,
    /// Where the box keeps its own.
    pub identity: PathBuf,
}

/// What is to be done about the certificate.
#[derive(Debug)]
enum Due {
    /// Nothing for now.
    Nothing,
    /// To ask, with the certificate and key in this file.
    Ask(Box<Voucher>, PathBuf),
    /// Somebody has to help, for this reason.
    Help(String),
}

/// Keeps the certificate in force; never ends.
pub async fn keep<C: Clock>(enrolment: Enrolment, clock: Arc<C>) {
    let files = Files::new(&enrolment.identity);
    let mut backoff = Backoff::new(RETRY, clock.wall().0.0 as u64);
    loop {
        let wait = match due(&enrolment, &files, clock.wall().0) {
            Due::Nothing => LOOK_EVERY,
            Due::Help(reason) => {
                tracing::error!(reason, "this box has no certificate, and sends nothing");
                backoff.fail()
            }
            Due::Ask(voucher, path) => {
                match attempt((&enrolment, &files), (&voucher, path), &*clock).await {
                    Ok(ends) => {
                        let days = (ends.0 - clock.wall().0.0) / 86_400_000_000;
                        tracing::info!(days, "the box has a new certificate");
                        backoff.succeed();
                        Duration::ZERO
                    }
                    Err(reason) => {
                        let wait = backoff.fail();
                        let retry_s = wait.as_secs();
                        tracing::warn!(reason, retry_s, "no certificate yet");
                        wait
                    }
                }
            }
        };
        clock.sleep_until(clock.now().plus(wait)).await;
    }
}

fn due(enrolment: &Enrolment, files: &Files, now: WallTime) -> Due {
    let ended = match files.own() {
        Ok(Some(own)) => {
            let certificate = own.certificate();
            if certificate.holder() != Some(&Holder::Box(enrolment.device.clone())) {
                "its certificate names another box".to_owned()
            } else if certificate.ends() < now {
                "its certificate has ended by the box's clock".to_owned()
            } else if certificate.is_to_be_renewed_at(now) {
                return Due::Ask(Box::new(own), enrolment.identity.clone());
            } else {
                return Due::Nothing;
            }
        }
        Ok(None) => "it has no certificate yet".to_owned(),
        Err(reason) => reason,
    };
    match Files::voucher(&enrolment.claim) {
        Ok(Some(claim)) => Due::Ask(Box::new(claim), enrolment.claim.clone()),
        Ok(None) => {
            let claim = enrolment.claim.display();
            Due::Help(format!("{ended}, and there is no claim {claim}; put one there"))
        }
        Err(reason) => Due::Help(format!("{ended}, and the claim cannot be used: {reason}")),
    }
}

/// Asks once; returns when the new certificate ends.
async fn attempt<C: Clock>(
    (enrolment, files): (&Enrolment, &Files),
    (voucher, path): (&Voucher, PathBuf),
    clock: &C,
) -> Result<WallTime, String> {
    let key = files.next_key()?;
    faults::mark("enrol.key.after");
    let id = id_of(&key);
    let request = identity::request(id, &enrolment.device, &key, voucher);
    let pem = ask::ask(enrolment, path, request, clock).await?;
    faults::mark("enrol.answer.after");
    let certificate = Certificate::from_pem(&pem).map_err(|error| error.to_string())?;
    let ours = certificate.holder() == Some(&Holder::Box(enrolment.device.clone()));
    if !ours || !key.fits(&certificate) {
        return Err("the authority answered with a certificate that is not this box's; look at \
                    who may publish on `enrol-response`"
            .to_owned());
    }
    files.keep(&pem, &key)?;
    Ok(certificate.ends())
}

/// The same for the same key, so that an answer that was lost can be given again.
fn id_of(key: &Key) -> wire::ids::Name {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(key.public_key());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    hex.parse().expect("hexadecimal digits are a name")
}

/// Starts [`keep`] on the current tokio runtime.
pub fn start<C: Clock + 'static>(enrolment: Enrolment, clock: Arc<C>) {
    tokio::spawn(keep(enrolment, clock));
}
