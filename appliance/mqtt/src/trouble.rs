//! Why there is no connection, in words that say what to do.
//!
//! Owns the words alone. rustls names what it found, MQTT brokers answer with a number: neither
//! tells a technician which file or which key of the configuration it is about.

use std::error::Error;
use std::io;

use rumqttc::v5::ConnectionError;
use rumqttc::v5::StateError;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode};
use rustls::{AlertDescription, CertificateError};

use crate::Endpoint;

/// What ended a connection to this broker, and what to do.
pub(crate) fn explain(error: &ConnectionError, endpoint: &Endpoint) -> String {
    let advice = match find::<rustls::Error>(error) {
        Some(tls) => of_tls(tls, endpoint),
        None => of_connection(error, endpoint),
    };
    match advice {
        Some(advice) => format!("{advice} ({error})"),
        None => error.to_string(),
    }
}

/// The first cause of this type; one inside an I/O error as well.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = match (error.downcast_ref::<io::Error>(), error.downcast_ref::<StateError>()) {
            (Some(io), _) if io.get_ref().is_some() => io.get_ref().map(|inner| inner as _),
            // It names its cause in its text, but not as its source.
            (_, Some(StateError::Deserialization(cause))) => Some(cause),
            (_, _) => error.source(),
        };
    }
    None
}

// Both lists are of the crate, which may add to them; what is not listed is told in its words.
#[allow(clippy::wildcard_enum_match_arm)]
fn of_tls(error: &rustls::Error, endpoint: &Endpoint) -> Option<String> {
    let host = &endpoint.host;
    Some(match error {
        rustls::Error::InvalidCertificate(wrong) => match wrong {
            CertificateError::UnknownIssuer => {
                "the broker's certificate is not signed by an authority in `ca`; give `ca` the \
                 certificate of the authority that signed it"
                    .to_owned()
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the broker's certificate has expired; renew it at the broker, and look at the \
                 box's clock"
                    .to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the broker's certificate is not valid yet; look at the box's clock, and at the \
                 broker's"
                    .to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!(
                    "the broker's certificate is not for `{host}`; write a name that stands in it \
                     in `url`, or have one made for `{host}`"
                )
            }
            _ => "the broker's certificate is not taken; have a new one made".to_owned(),
        },
        rustls::Error::AlertReceived(alert) => return of_alert(*alert),
        rustls::Error::InvalidMessage(_) => no_tls(endpoint),
        _ => return None,
    })
}

fn no_tls(Endpoint { host, port, .. }: &Endpoint) -> String {
    format!(
        "`{host}` does not speak TLS at port {port}; write the port of TLS in `url` (mostly 8883), or \
         `mqtt://` for a broker without TLS"
    )
}

/// What the broker says of our certificate.
#[allow(clippy::wildcard_enum_match_arm)]
fn of_alert(alert: AlertDescription) -> Option<String> {
    let text = match alert {
        AlertDescription::CertificateRequired => {
            "the broker asks for a certificate and the box shows none; write `cert` and `key`"
        }
        AlertDescription::CertificateExpired => {
            "the box's certificate has expired; have a new one made for `cert`, and look at the \
             broker's clock"
        }
        AlertDescription::CertificateRevoked => {
            "the box's certificate was revoked; if that was not on purpose, have a new one made \
             for `cert` and `key`"
        }
        AlertDescription::UnknownCA => {
            "the broker does not know the authority that signed the box's certificate; have one \
             made by an authority that it knows"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => {
            "the broker does not take the box's certificate; its log says why"
        }
        AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion => {
            "box and broker have no kind of TLS in common, or the broker asks for a certificate: \
             it must take TLS 1.2 or 1.3; write `cert` and `key` if it asks for them"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[allow(clippy::wildcard_enum_match_arm)]
fn of_connection(error: &ConnectionError, endpoint: &Endpoint) -> Option<String> {
    if let ConnectionError::ConnectionRefused(code)
    | ConnectionError::MqttState(StateError::ConnFail { reason: code }) = error
    {
        return of_refusal(*code);
    }
    if let ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) = error {
        return of_disconnect(*reason_code);
    }
    let kind = find::<io::Error>(error)?.kind();
    let text = match kind {
        io::ErrorKind::ConnectionRefused => format!(
            "nobody listens at {endpoint}; look whether the broker runs, and at host and port in \
             `url`"
        ),
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof
            if matches!(error, ConnectionError::Tls(_)) =>
        {
            no_tls(endpoint)
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!("there is no way to {endpoint}; look at the box's network")
        }
        _ => return None,
    };
    Some(text)
}

#[allow(clippy::wildcard_enum_match_arm)]
fn of_refusal(code: ConnectReturnCode) -> Option<String> {
    let text = match code {
        ConnectReturnCode::BadUserNamePassword => {
            "the broker does not take this user name and password; correct `username` and \
             `password`"
        }
        ConnectReturnCode::NotAuthorized => {
            "the broker does not let this box in; correct `username` and `password`, or allow its \
             certificate at the broker"
        }
        ConnectReturnCode::Banned => "the broker has banned this box; ask who runs it",
        ConnectReturnCode::UnsupportedProtocolVersion
        | ConnectReturnCode::RefusedProtocolVersion => {
            "the broker does not speak MQTT 5; use one that does"
        }
        ConnectReturnCode::ServerUnavailable
        | ConnectReturnCode::ServiceUnavailable
        | ConnectReturnCode::ServerBusy
        | ConnectReturnCode::ConnectionRateExceeded => "the broker is busy; it is tried again",
        ConnectReturnCode::QuotaExceeded => {
            "the broker takes no more connections of this account; raise its quota"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[allow(clippy::wildcard_enum_match_arm)]
fn of_disconnect(code: DisconnectReasonCode) -> Option<String> {
    let text = match code {
        DisconnectReasonCode::SessionTakenOver => {
            "another client connected under this box's name; give each box a `device` of its own"
        }
        DisconnectReasonCode::NotAuthorized => {
            "the broker does not allow what the box does; allow its topics in the broker's access \
             list"
        }
        DisconnectReasonCode::PacketTooLarge => {
            "a message is larger than the broker takes; raise the broker's maximum packet size"
        }
        DisconnectReasonCode::QuotaExceeded | DisconnectReasonCode::MessageRateTooHigh => {
            "the broker's quota is exceeded; raise it, or have the box send less"
        }
        DisconnectReasonCode::ServerShuttingDown => "the broker shuts down",
        _ => return None,
    };
    Some(text.to_owned())
}
