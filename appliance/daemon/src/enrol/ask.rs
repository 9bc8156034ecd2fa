//! One connection on which a certificate is asked for.

use std::path::PathBuf;
use std::time::Duration;

use hal::Clock;
use mqtt::{Connection, Encoding, Endpoint, Event, Message, Quality, Retain, Security, Session};
use wire::enrol::{EnrolRequest, EnrolResponse};

use super::Enrolment;

/// An authority that does not answer within this is not there.
const ANSWER_MAX: Duration = Duration::from_secs(30);
const KEEP_ALIVE: Duration = Duration::from_secs(10);
const PACKET_BYTES_MAX: u32 = 64 * 1024;
const GOODBYE: Duration = Duration::from_millis(500);

/// Asks with the certificate and key in the file `voucher`; returns the new certificate as PEM.
pub(super) async fn ask<C: Clock>(
    enrolment: &Enrolment,
    voucher: PathBuf,
    request: EnrolRequest,
    clock: &C,
) -> Result<String, String> {
    let (device, id) = (&enrolment.device, request.id.clone());
    let security =
        Security::Tls { ca: enrolment.ca.clone(), client: Some((voucher.clone(), voucher)) };
    let endpoint = Endpoint::unproved(&enrolment.host, enrolment.port, &security);
    let session = Session {
        client_id: format!("courtside-{}-{}-enrol", device.tenant, device.device),
        keep_alive: KEEP_ALIVE,
        will: None,
        window: 4,
        packet_bytes_max: PACKET_BYTES_MAX,
        subscriptions: vec![device.enrol_response().as_str().to_owned()],
    };
    let mut connection: Connection<()> = Connection::open(&endpoint, session);
    let message = Message {
        topic: device.enrol().as_str().to_owned(),
        payload: serde_json::to_vec(&request).expect("text keys").into(),
        encoding: Encoding::Json,
        retain: Retain::No,
    };
    let end = clock.now().plus(ANSWER_MAX);
    let response = loop {
        let event = tokio::select! {
            event = connection.next() => event,
            () = clock.sleep_until(end) => {
                let seconds = ANSWER_MAX.as_secs();
                return Err(format!(
                    "no authority answered within {seconds} s; is `courtside-fleet authority run` \
                     connected to this broker?"
                ));
            }
        };
        match event {
            Event::Up(_) => connection
                .tell(message.clone(), Quality::AtLeastOnce)
                .map_err(|error| error.to_string())?,
            Event::Message(message) => {
                match serde_json::from_slice::<EnrolResponse>(message.payload()) {
                    Ok(response) if response.id == id => break response,
                    Ok(_) | Err(_) => {}
                }
            }
            Event::Answered((), _) => {}
            Event::Down(reason) => return Err(reason),
        }
    };
    connection.close(GOODBYE).await;
    match response.certificate {
        Some(pem) => Ok(pem.as_str().to_owned()),
        None => Err(format!("the authority refuses: {}", response.text)),
    }
}
