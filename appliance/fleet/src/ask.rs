//! `courtside-fleet ask`: asks a box for something and waits for its answer.
//!
//! Owns: the command's text, its signature, and the asking again. Must not: judge the answer. The
//! same command goes every few seconds until the box answers or the command has expired; a box
//! does it once: `docs/decisions/0028-commands.md`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hal::Clock;
use minisign::{ErrorKind, PError, SecretKey, SecretKeyBox};
use mqtt::{Connection, Encoding, Endpoint, Event, Message, Quality, Retain, Session};
use wire::command::{Command, CommandResponse, Signed, Verb};
use wire::time::{Monotonic, WallTime};
use wire::topic::Device;

const KEEP_ALIVE: Duration = Duration::from_secs(10);
const PACKET_BYTES_MAX: u32 = 64 * 1024;
/// An answer takes a second or two; whoever hears none that long asks again.
const AGAIN: Duration = Duration::from_secs(5);
/// Before another connection is tried.
const RECONNECT: Duration = Duration::from_secs(1);

/// A command for one box.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which box.
    pub device: Device,
    /// For what.
    pub verb: Verb,
    /// The rest.
    pub command: Command,
}

/// Why a command cannot be asked for.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The secret key cannot be used.
    #[error("the secret key {} cannot be used: {why}; name a file that `minisign -G` wrote as its secret key", path.display())]
    Key {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answered.
    #[error("no answer{}; does the box take commands (`[commands] accept`), is it connected (topic `state`), may this user publish on `cmd`?", .0.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Silence(Option<String>),
}

/// What is published: the command as JSON, signed by the key in the file `key` if there is one.
///
/// # Errors
/// [`AskError::Key`].
pub fn payload(
    request: &Request,
    key: Option<(&Path, Option<String>)>,
) -> Result<String, AskError> {
    let text = serde_json::to_string(&request.command).expect("text keys");
    let Some((path, password)) = key else { return Ok(text) };
    let refuse = |why: String| AskError::Key { path: path.to_owned(), why };
    let written = std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    let secret = SecretKeyBox::from_string(&written).map_err(|error| refuse(error.to_string()))?;
    let secret = match password {
        Some(password) => secret.into_secret_key(Some(password)),
        None => plain(&written),
    };
    let secret = secret.map_err(|error| {
        refuse(format!("{error} (one with a password needs it in COURTSIDE_KEY_PASSWORD)"))
    })?;
    let message = format!("{}\n{text}", topic(request));
    let signature = minisign::sign(None, &secret, message.as_bytes(), None, None);
    let signature = signature.map_err(|error| refuse(error.to_string()))?.to_string();
    let fits =
        |text: &str| heapless::String::try_from(text).map_err(|_| refuse("too long".to_owned()));
    let signed = Signed { signed: fits(&text)?, signature: fits(&signature)? };
    Ok(serde_json::to_string(&signed).expect("text keys"))
}

/// Asks until the box answers or the command has expired. Needs a tokio runtime.
///
/// # Errors
/// [`AskError::Silence`].
pub async fn ask<C: Clock>(
    (endpoint, client_id): (&Endpoint, String),
    request: &Request,
    payload: String,
    clock: &C,
) -> Result<CommandResponse, AskError> {
    let session = Session {
        client_id,
        keep_alive: KEEP_ALIVE,
        will: None,
        window: 8,
        packet_bytes_max: PACKET_BYTES_MAX,
        subscriptions: vec![request.device.command_response().as_str().to_owned()],
    };
    let left = left(request.command.expires_us, clock.wall().0);
    let end = clock.now().plus(left);
    let mut trouble = None;
    while clock.now() < end {
        let mut connection = Connection::open(endpoint, session.clone());
        match once(&mut connection, (request, &payload), clock, end).await {
            Ok(Some(response)) => return Ok(response),
            Ok(None) => trouble = None,
            Err(reason) => {
                trouble = Some(reason);
                clock.sleep_until(end.min(clock.now().plus(RECONNECT))).await;
            }
        }
    }
    Err(AskError::Silence(trouble))
}

/// Asks on one connection; `None` when the command has expired.
async fn once<C: Clock>(
    connection: &mut Connection<()>,
    (request, payload): (&Request, &str),
    clock: &C,
    end: Monotonic,
) -> Result<Option<CommandResponse>, String> {
    let mut next = end;
    loop {
        let event = tokio::select! {
            event = connection.next() => event,
            () = clock.sleep_until(next) => {
                if clock.now() >= end {
                    return Ok(None);
                }
                next = send(connection, request, payload, clock)?.min(end);
                continue;
            }
        };
        match event {
            Event::Up(_) => next = send(connection, request, payload, clock)?.min(end),
            Event::Message(message) => {
                let told = serde_json::from_slice::<CommandResponse>(message.payload());
                if let Ok(told) = told
                    && told.id.as_ref() == Some(&request.command.id)
                {
                    return Ok(Some(told));
                }
            }
            Event::Answered((), _) => {}
            Event::Down(reason) => return Err(reason),
        }
    }
}

/// Sends it; returns when to do so again.
fn send<C: Clock>(
    connection: &mut Connection<()>,
    request: &Request,
    payload: &str,
    clock: &C,
) -> Result<Monotonic, String> {
    let message = Message {
        topic: topic(request),
        payload: payload.to_owned().into(),
        encoding: Encoding::Json,
        retain: Retain::No,
    };
    connection.tell(message, Quality::AtLeastOnce).map_err(|error| error.to_string())?;
    Ok(clock.now().plus(AGAIN))
}

/// The key of `minisign -G -W`. Not by the crate's own reader, which wants a checksum that the
/// ordinary tool does not write into such keys.
fn plain(text: &str) -> minisign::Result<SecretKey> {
    let line = text.lines().nth(1).unwrap_or_default();
    let fail = |why: &str| PError::new(ErrorKind::Misc, why);
    let bytes = STANDARD.decode(line).map_err(|_| fail("its second line is no base64"))?;
    let key = SecretKey::from_bytes(&bytes)?;
    if key.is_encrypted() { Err(fail("it has a password")) } else { Ok(key) }
}

fn topic(request: &Request) -> String {
    let verb = request.verb.as_str().parse().expect("a verb is a name");
    request.device.command(&verb).as_str().to_owned()
}

fn left(expires: WallTime, now: WallTime) -> Duration {
    Duration::from_micros(u64::try_from(expires.0.saturating_sub(now.0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use minisign::{KeyPair, PublicKey, SignatureBox};
    use wire::envelope::VERSION;

    use super::*;

    fn request() -> Request {
        let name = |text: &str| text.parse().expect("a name");
        let command = Command {
            v: VERSION,
            id: name("a1"),
            by: heapless::String::try_from("anna").expect("it fits"),
            expires_us: WallTime(1),
            for_s: None,
            during_play: None,
        };
        let device = Device { tenant: name("demo"), device: name("court-1") };
        Request { device, verb: Verb::Sprint, command }
    }

    fn is_signed(payload: &str, public: &PublicKey) -> bool {
        let signed: Signed = serde_json::from_str(payload).expect("a signed command");
        let signature = SignatureBox::from_string(&signed.signature).expect("a signature");
        let message = format!("cv1/demo/court-1/cmd/sprint\n{}", signed.signed);
        let message = std::io::Cursor::new(message);
        minisign::verify(public, &signature, message, true, false, false).is_ok()
    }

    /// `minisign -G -W` leaves the checksum of a key without a password empty.
    #[test]
    fn keys_of_the_ordinary_tool_sign_with_and_without_a_password() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("operator.key");
        let pair = KeyPair::generate_unencrypted_keypair().expect("random numbers");
        let mut bytes = pair.sk.to_bytes();
        let checksum = bytes.len() - 32;
        bytes[checksum..].fill(0);
        let written = format!("untrusted comment: x\n{}\n", STANDARD.encode(bytes));
        std::fs::write(&file, written).expect("a file");
        let payload = payload(&request(), Some((&file, None))).expect("signed");
        assert!(is_signed(&payload, &pair.pk));

        let locked = KeyPair::generate_encrypted_keypair(Some("secret".to_owned()));
        let locked = locked.expect("random numbers");
        let text = locked.sk.to_box(None).expect("a key").into_string();
        std::fs::write(&file, text).expect("a file");
        let good = super::payload(&request(), Some((&file, Some("secret".to_owned()))));
        assert!(is_signed(&good.expect("signed"), &locked.pk));
        for (password, says) in [(None, "it has a password"), (Some("wrong"), "")] {
            let password = password.map(str::to_owned);
            let why = super::payload(&request(), Some((&file, password))).expect_err("locked");
            assert!(why.to_string().contains(says) && why.to_string().contains("operator.key"));
        }
    }
}
