//! Whether a command counts: read, signed, in time, and of a verb that takes what it brings.
//!
//! Pure: bytes and the time in, an order or a reason out.

use models::Trust;
use models::trust::SignatureError;
use wire::command::{COMMAND_BYTES_MAX, Command, LIFETIME_S_MAX, Signed, Verb};
use wire::envelope::VERSION;
use wire::ids::Name;
use wire::time::WallTime;

use crate::config::Accept;

/// Whose word counts.
pub(super) struct Policy<'t> {
    pub(super) accept: Accept,
    pub(super) trust: &'t Trust,
}

/// A command that counts.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) verb: Verb,
    pub(super) verb_name: Name,
    pub(super) command: Command,
    /// File of the key that signed it.
    pub(super) signer: Option<String>,
    /// The command's text.
    pub(super) body: String,
}

/// One that does not.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) id: Option<Name>,
    pub(super) by: String,
    pub(super) text: String,
}

/// Judges what came on `topic`, whose last level is the verb, at `now`.
pub(super) fn judge(
    (topic, verb_name): (&str, &Name),
    payload: &[u8],
    policy: &Policy<'_>,
    now: WallTime,
) -> Result<Order, Refusal> {
    let nameless = |text: String| Refusal { id: None, by: String::new(), text };
    if payload.len() > COMMAND_BYTES_MAX {
        let text = format!("it has {} bytes; at most {COMMAND_BYTES_MAX} are read", payload.len());
        return Err(nameless(text));
    }
    let text = str::from_utf8(payload)
        .map_err(|_| nameless("it is no UTF-8 text; a command is JSON".to_owned()))?;
    let signed = serde_json::from_str::<Signed>(text).ok();
    let body = signed.as_ref().map_or(text, |signed| signed.signed.as_str());
    let command: Command = serde_json::from_str(body).map_err(|error| {
        nameless(format!("it cannot be read: {error}; see the topic cmd/{{verb}} in asyncapi.json"))
    })?;
    let signer = vouched((topic, signed.as_ref()), policy).and_then(|signer| {
        let verb = check((verb_name, &command), now)?;
        Ok((signer, verb))
    });
    match signer {
        Ok((signer, verb)) => {
            let (verb_name, body) = (verb_name.clone(), body.to_owned());
            Ok(Order { verb, verb_name, signer, body, command })
        }
        Err(text) => {
            Err(Refusal { id: Some(command.id), by: command.by.as_str().to_owned(), text })
        }
    }
}

/// The key that signed it, if it is signed. A signature that is there must be right, whether one is
/// asked for or not.
fn vouched(
    (topic, signed): (&str, Option<&Signed>),
    policy: &Policy<'_>,
) -> Result<Option<String>, String> {
    let Some(signed) = signed else {
        return match policy.accept {
            Accept::All => Ok(None),
            Accept::Signed => Err("it is not signed, and this box takes signed commands alone: \
                                   `courtside-fleet ask --key` signs one"
                .to_owned()),
            Accept::None => Err("this box takes no commands (`[commands] accept`)".to_owned()),
        };
    };
    let message = format!("{topic}\n{}", signed.signed);
    match policy.trust.verify(message.as_bytes(), signed.signature.as_bytes()) {
        Ok(key) => Ok(Some(key.to_owned())),
        Err(SignatureError::Format { reason }) => {
            Err(format!("its signature is damaged ({reason}); sign it again"))
        }
        Err(SignatureError::Stranger { trusted }) => Err(format!(
            "it is signed with a key that this box does not know ({trusted}); put the public key \
             into the folder of `[commands] keys`"
        )),
        Err(SignatureError::Changed { key, reason }) => Err(format!(
            "the signature of {key} is not over this command for this box and verb ({reason}); \
             sign it again"
        )),
    }
}

fn check((verb_name, command): (&Name, &Command), now: WallTime) -> Result<Verb, String> {
    if command.v != VERSION {
        return Err(format!("it is of version {}, this box reads {VERSION}", command.v));
    }
    let verb = Verb::of(verb_name.as_str()).ok_or_else(|| {
        let known = Verb::ALL.map(Verb::as_str).join(", ");
        format!("this firmware has no verb {verb_name}; it has {known}")
    })?;
    let left_s = (command.expires_us.0.saturating_sub(now.0)).div_euclid(1_000_000);
    if left_s < 0 {
        return Err(format!(
            "it expired {} s ago by this box's clock; ask with a later `expires_us`",
            left_s.unsigned_abs()
        ));
    }
    if left_s > LIFETIME_S_MAX {
        return Err(format!(
            "it expires in {left_s} s by this box's clock, and at most {LIFETIME_S_MAX} are \
             taken; ask with an earlier `expires_us`, or set the box's clock"
        ));
    }
    let takes_time = match verb {
        Verb::Watch | Verb::HoldClips | Verb::SendClips => true,
        Verb::Birth | Verb::Sprint | Verb::Restart => false,
    };
    if command.for_s.is_some() && !takes_time {
        return Err(format!("`for_s` means nothing to {verb_name}; leave it out"));
    }
    if command.for_s.is_some_and(|seconds| !(1..=86_400).contains(&seconds)) {
        return Err("`for_s` is 1 to 86400 seconds".to_owned());
    }
    if command.during_play.is_some() && verb != Verb::Restart {
        return Err(format!("`during_play` means nothing to {verb_name}; leave it out"));
    }
    Ok(verb)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
