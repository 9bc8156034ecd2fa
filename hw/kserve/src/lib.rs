//! Networks that another machine runs, over the KServe v2 protocol (Open Inference Protocol) on
//! HTTP.
//!
//! Owns one server's model as a [`hal::infer::Remote`]: what it is, how it is asked, what of its
//! answers is believed. Every call has a deadline and every answer a largest size. Blocks the
//! calling thread until then, so that thread must be one that nothing waits for. Knows no lanes,
//! no costs and no second tries: those are `pipeline::remote`'s. Why:
//! `docs/decisions/0017-a-lane-may-be-remote.md`.
#![forbid(unsafe_code)]

mod address;
mod limits;
mod message;

use std::path::PathBuf;
use std::time::Duration;

use hal::infer::{CheckError, Infer, InferError, Remote, Signature, Tensor};
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::http::{Response, StatusCode};

pub use address::{Address, AddressError, Scheme, TrustError};
use limits::{CHECK_MAX, COMPLAINT_MAX, NUMBER_BYTES_MAX, WORDS_BYTES_MAX};
use message::{Form, HEADER_LENGTH, ModelWords, ServerWords};

/// A model on a server.
#[derive(Clone)]
pub struct Endpoint {
    /// The server.
    pub address: Address,
    /// The model's name there: letters, digits, `-`, `_` and `.`.
    pub model: String,
    /// Which version of it; `None` leaves it to the server.
    pub version: Option<String>,
    /// How long a call may take, from connecting to the last byte of the answer.
    pub deadline: Duration,
    /// PEM file with the authorities that may have signed the server's certificate.
    pub ca: Option<PathBuf>,
    /// Sent as `Authorization: Bearer …`.
    pub token: Option<String>,
}

/// A model on a server, as a network.
pub struct Server {
    agent: Agent,
    endpoint: Endpoint,
    model_url: String,
    proved: Option<Proved>,
}

/// What a check found.
struct Proved {
    signature: Signature,
    form: Form,
}

/// Why there is no answer.
enum Failure {
    Late,
    Broken(String),
}

impl Server {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// [`TrustError`] if there are no authorities in the file that is named for them.
    pub fn new(endpoint: Endpoint) -> Result<Self, TrustError> {
        let agent = Agent::config_builder()
            .tls_config(address::tls(endpoint.ca.as_deref())?)
            // Not whatever the environment says: the operator named the server.
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent("courtside")
            .build()
            .new_agent();
        let base = endpoint.address.as_str();
        let version = endpoint.version.as_ref().map(|v| format!("/versions/{v}"));
        let version = version.unwrap_or_default();
        let model_url = format!("{base}/v2/models/{}{version}", endpoint.model);
        Ok(Self { agent, endpoint, model_url, proved: None })
    }

    fn get(&self, url: &str) -> Result<Response<ureq::Body>, Failure> {
        let mut request = self.agent.get(url);
        if let Some(token) = &self.endpoint.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let request = request.config().timeout_global(Some(CHECK_MAX)).build();
        request.call().map_err(Failure::of)
    }

    /// The server's binary numbers, if it offers them. A server without such a page has none.
    fn form(&self) -> Result<Form, Failure> {
        let response = self.get(&format!("{}/v2", self.endpoint.address.as_str()))?;
        match response.status() {
            StatusCode::OK => Ok(words::<ServerWords>(response)?.form()),
            _ => Ok(Form::Json),
        }
    }

    fn prove(&self, wanted: &Signature) -> Result<Proved, CheckError> {
        let away = |url: &str, failure: Failure| {
            CheckError::Away(match failure {
                Failure::Late => format!("{url} has not answered within {CHECK_MAX:?}"),
                Failure::Broken(reason) => format!("{url}: {reason}"),
            })
        };
        let form = self.form().map_err(|failure| away(self.endpoint.address.as_str(), failure))?;
        let url = &self.model_url;
        let said = self.get(url).and_then(good).and_then(words::<ModelWords>);
        said.map_err(|failure| away(url, failure))?.check(wanted)?;
        let ready = format!("{url}/ready");
        self.get(&ready).and_then(good).map_err(|failure| away(&ready, failure))?;
        Ok(Proved { signature: wanted.clone(), form })
    }

    fn ask(&self, proved: &Proved, input: &Tensor) -> Result<Tensor, Failure> {
        let Proved { signature, form } = proved;
        let (body, header) = message::question(signature, input, *form);
        let mut request = self.agent.post(format!("{}/infer", self.model_url));
        if let Some(token) = &self.endpoint.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        request = match header {
            None => request.header("Content-Type", "application/json"),
            Some(length) => request
                .header("Content-Type", "application/octet-stream")
                .header(HEADER_LENGTH, length.to_string()),
        };
        let request = request.config().timeout_global(Some(self.endpoint.deadline)).build();
        let response = good(request.send(&body[..]).map_err(Failure::of)?)?;
        let header = match response.headers().get(HEADER_LENGTH) {
            None => None,
            Some(length) => {
                let length = length.to_str().ok().and_then(|length| length.parse().ok());
                let wrong = || Failure::Broken(format!("its {HEADER_LENGTH} is no number"));
                Some(length.ok_or_else(wrong)?)
            }
        };
        let numbers: usize = signature.output_shape.iter().product();
        let body = read(response, WORDS_BYTES_MAX + numbers.saturating_mul(NUMBER_BYTES_MAX))?;
        message::answer(signature, &body, header).map_err(Failure::Broken)
    }
}

impl Infer for Server {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, InferError> {
        let failed = |reason| InferError::Engine { network: self.model_url.clone(), reason };
        let Some(proved) = &self.proved else {
            return Err(failed("nobody checked yet what it is".to_owned()));
        };
        let signature = &proved.signature;
        let input = signature.only_input(inputs)?;
        match self.ask(proved, input) {
            Ok(output) => Ok(vec![output]),
            Err(Failure::Late) => {
                let deadline_ms = self.endpoint.deadline.as_millis() as u64;
                Err(InferError::Late { network: self.model_url.clone(), deadline_ms })
            }
            Err(Failure::Broken(reason)) => Err(failed(reason)),
        }
    }

    fn engine(&self) -> &str {
        match &self.proved {
            Some(Proved { form: Form::Binary, .. }) => "kserve binary",
            Some(Proved { form: Form::Json, .. }) => "kserve json",
            None => "kserve",
        }
    }
}

impl Remote for Server {
    fn check(&mut self, wanted: &Signature) -> Result<(), CheckError> {
        self.proved = None;
        self.proved = Some(self.prove(wanted)?);
        Ok(())
    }
}

/// The answer, if the server calls it one.
fn good(response: Response<ureq::Body>) -> Result<Response<ureq::Body>, Failure> {
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(response);
    }
    let said = read(response, WORDS_BYTES_MAX)?;
    let said: String = String::from_utf8_lossy(&said)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(COMPLAINT_MAX)
        .collect();
    Err(Failure::Broken(format!("it says {status}: {said}").trim_end_matches(": ").to_owned()))
}

fn words<T: DeserializeOwned>(response: Response<ureq::Body>) -> Result<T, Failure> {
    let body = read(response, WORDS_BYTES_MAX)?;
    let broken = |error| Failure::Broken(format!("what it says is not of the protocol: {error}"));
    serde_json::from_slice(&body).map_err(broken)
}

fn read(mut response: Response<ureq::Body>, most: usize) -> Result<Vec<u8>, Failure> {
    // The client refuses what reaches its limit.
    let body = response.body_mut().with_config().limit(most as u64 + 1);
    body.read_to_vec().map_err(Failure::of)
}

impl Failure {
    #[allow(clippy::wildcard_enum_match_arm, reason = "only time and size are told apart")]
    fn of(error: ureq::Error) -> Self {
        use std::io::ErrorKind::{TimedOut, WouldBlock};
        match error {
            ureq::Error::Timeout(_) => Self::Late,
            ureq::Error::Io(error) if matches!(error.kind(), TimedOut | WouldBlock) => Self::Late,
            ureq::Error::BodyExceedsLimit(limit) => {
                Self::Broken(format!("its answer has {limit} bytes or more"))
            }
            other => Self::Broken(other.to_string()),
        }
    }
}
