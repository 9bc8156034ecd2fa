//! The connection on which boxes ask, and what they are answered.

use std::fmt;
use std::time::Duration;

use hal::Clock;
use identity::{Authority, Certificate, Holder};
use mqtt::{Connection, Encoding, Endpoint, Event, Incoming, Message, Quality, Retain, Session};
use outbox::{Backoff, Delays};
use tokio::sync::mpsc;
use wire::enrol::{EnrolRequest, EnrolResponse};
use wire::envelope::VERSION;
use wire::time::WallTime;
use wire::topic::{self, Device, ENROL, Leaf, ROOT};

use super::{AuthorityError, Issued, Ledger};

const KEEP_ALIVE: Duration = Duration::from_secs(10);
const PACKET_BYTES_MAX: u32 = 64 * 1024;
const RECONNECT: Delays =
    Delays { first: Duration::from_millis(250), longest: Duration::from_secs(15) };

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which box asked.
    pub device: Device,
    /// Whether it got a certificate.
    pub granted: Result<(), String>,
    /// For people: until when and by whom, or why not.
    pub text: String,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = if self.granted.is_ok() { "enrolled" } else { "refused " };
        write!(f, "{outcome} {}/{}: {}", self.device.tenant, self.device.device, self.text)
    }
}

/// Answers boxes for ever. Each answer is told on `told`. Needs a tokio runtime; may be killed at
/// any moment.
///
/// # Errors
/// The list cannot be written; nothing is issued that is not noted.
pub async fn serve<C: Clock>(
    (endpoint, client_id): (&Endpoint, String),
    (authority, mut ledger, days): (Authority, Ledger, u32),
    clock: &C,
    told: mpsc::Sender<Told>,
) -> Result<(), AuthorityError> {
    let session = Session {
        client_id,
        keep_alive: KEEP_ALIVE,
        will: None,
        window: 16,
        packet_bytes_max: PACKET_BYTES_MAX,
        subscriptions: vec![format!("{ROOT}/+/+/{ENROL}")],
    };
    let mut backoff = Backoff::new(RECONNECT, clock.wall().0.0 as u64);
    loop {
        let mut connection: Connection<()> = Connection::open(endpoint, session.clone());
        let reason = loop {
            match connection.next().await {
                Event::Up(_) => {
                    tracing::info!(%endpoint, "connected");
                    backoff.succeed();
                }
                Event::Message(message) => {
                    let now = clock.wall().0;
                    let answered = answer(&message, (&authority, &mut ledger, days), now)?;
                    let Some((reply, line)) = answered else { continue };
                    if let Err(error) = connection.tell(reply, Quality::AtLeastOnce) {
                        tracing::warn!(%error, "an answer was not published; the box asks again");
                    }
                    let _nobody_reads = told.send(line).await;
                }
                Event::Answered((), _) => {}
                Event::Down(reason) => break reason,
            }
        };
        let wait = backoff.fail();
        tracing::warn!(%endpoint, reason, retry_ms = wait.as_millis() as u64, "no connection");
        clock.sleep_until(clock.now().plus(wait)).await;
    }
}

/// `None` for what is no request.
fn answer(
    message: &Incoming,
    (authority, ledger, days): (&Authority, &mut Ledger, u32),
    now: WallTime,
) -> Result<Option<(Message, Told)>, AuthorityError> {
    let Some((device, Leaf::Enrol)) = topic::parse(message.topic()) else { return Ok(None) };
    let asked = match serde_json::from_slice::<EnrolRequest>(message.payload()) {
        Ok(asked) => asked,
        Err(error) => {
            tracing::warn!(%error, topic = message.topic(), "a request cannot be read");
            return Ok(None);
        }
    };
    let decided = decide((&device, &asked), (authority, ledger, days), now)?;
    let (certificate, text) = match &decided {
        Ok((pem, text)) => (pem.as_str().try_into().ok(), text.clone()),
        Err(why) => (None, why.clone()),
    };
    let response = EnrolResponse {
        v: VERSION,
        id: asked.id,
        certificate,
        text: text[..text.floor_char_boundary(240)].try_into().unwrap_or_default(),
    };
    let reply = Message {
        topic: device.enrol_response().as_str().to_owned(),
        payload: serde_json::to_vec(&response).expect("text keys").into(),
        encoding: Encoding::Json,
        retain: Retain::No,
    };
    Ok(Some((reply, Told { device, granted: decided.map(drop), text })))
}

/// A certificate and what to say about it, or why there is none.
fn decide(
    (device, asked): (&Device, &EnrolRequest),
    (authority, ledger, days): (&Authority, &mut Ledger, u32),
    now: WallTime,
) -> Result<Result<(String, String), String>, AuthorityError> {
    let granted = match authority.judge(device, asked, now) {
        Ok(granted) => granted,
        Err(refusal) => return Ok(Err(refusal.0)),
    };
    if let Some(pem) = ledger.same(device, granted.public_key(), now)? {
        return Ok(Ok((pem, format!("told again, by the {}", granted.voucher))));
    }
    let by_claim = matches!(granted.voucher, Holder::Claim(_));
    if by_claim && ledger.is_taken(device, now)? {
        return Ok(Err(format!(
            "a box of this name has a certificate; if it was reset or replaced: `courtside-fleet \
             authority allow {}/{}`",
            device.tenant, device.device
        )));
    }
    let certificate = authority.issue(&granted, days, now);
    let ends = Certificate::from_pem(&certificate).map_or(now, |certificate| certificate.ends());
    let voucher = granted.voucher.to_string();
    let text = format!("for {days} days, by the {voucher}");
    let issued =
        Issued { device: device.clone(), voucher, certificate: certificate.clone(), at: now, ends };
    ledger.note(&issued, granted.public_key())?;
    Ok(Ok((certificate, text)))
}
