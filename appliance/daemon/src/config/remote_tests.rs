//! The section `[remote.players]`: what is understood, and every message in full.

use crate::config::Config;
use crate::config::tests::{GOOD, complaints, understood};

use super::*;

/// A model that costs something.
const DEAR: &str = r#"url = "http://10.0.0.5:8000"
model = "yolox-x"
version = "3"
deadline_ms = 450
cost_per_call = 0.0004
budget_per_game = 5
token = "hush-hush"
"#;

/// The good configuration with these lines about a remote model from line 18 on.
fn with(lines: &str) -> String {
    format!("{GOOD}[remote.players]\n{lines}")
}

#[test]
fn a_model_elsewhere_is_understood_and_its_token_is_not_shown() {
    let config = understood(&with(DEAR));
    let players = config.remote.players.as_ref().expect("there is one");
    assert_eq!(players.url.as_str(), "http://10.0.0.5:8000");
    assert_eq!((players.model.as_str(), players.version.as_deref()), ("yolox-x", Some("3")));
    assert_eq!(players.terms.deadline.as_millis(), 450);
    assert_eq!((players.terms.cost, players.terms.budget), (Price(400), Price(5_000_000)));
    assert_eq!(
        (&players.ca, players.token.as_ref().map(Secret::expose)),
        (&None, Some("hush-hush"))
    );
    let shown = format!("{config}\n{config:?}");
    assert!(!shown.contains("hush-hush"), "{shown}");
    assert!(
        shown.contains(
            "\nremote   players by model yolox-x version 3 at http://10.0.0.5:8000, within 450 ms \
             or by the box itself; 0.000400 a call, at most 5.000000 a game\n"
        ),
        "{shown}"
    );
}

#[test]
fn without_the_section_nothing_is_asked_elsewhere_and_without_prices_calls_cost_nothing() {
    let remote = |config: Config| config.remote.players;
    assert_eq!(remote(understood(GOOD)), None);
    assert_eq!(remote(understood(&format!("{GOOD}[remote]\n"))), None);
    let free = understood(&with("url = \"http://gpu\"\nmodel = \"m\"\n"));
    let shown = free.to_string();
    assert!(shown.contains("players by model m at http://gpu, within 300 ms"), "{shown}");
    assert!(shown.contains("calls cost nothing"), "{shown}");
    let terms = remote(free).expect("there is one").terms;
    assert_eq!((terms.deadline.as_millis(), terms.cost), (300, Price(0)));
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn each_mistake_has_one_message_with_key_value_reason_and_remedy() {
    let cases = [
        (
            "url = \"http://10.0.0.5:8000\"",
            "url = \"10.0.0.5:8000\"",
            "line 19: `remote.players.url = \"10.0.0.5:8000\"`: a server's address starts with \
             `http://` or `https://`; write for example `url = \"http://10.0.0.5:8000\"`",
        ),
        (
            "url = \"http://10.0.0.5:8000\"",
            "url = \"http://me:hush@gpu\"",
            "line 19: `remote.players.url = \"…\"`: user name and password do not belong in the \
             address, where logs would show them; write what the server asks for as `token`",
        ),
        (
            "url = \"http://10.0.0.5:8000\"",
            "url = \"https://gpu\"",
            "line 18: `remote.players.ca` is missing; write for example `ca = \
             \"/etc/courtside/gpu-ca.pem\"`",
        ),
        (
            "url = \"http://10.0.0.5:8000\"",
            "url = \"http://gpu\"\nca = \"ca.pem\"",
            "line 20: `remote.players.ca = \"ca.pem\"`: `remote.players.url` says `http://`, a \
             connection without TLS; write `https://` in `url`, or remove this key",
        ),
        (
            "model = \"yolox-x\"\n",
            "",
            "line 18: `remote.players.model` is missing; write for example `model = \"yolox-x\"`",
        ),
        (
            "model = \"yolox-x\"",
            "model = \"yolox/x\"",
            "line 20: `remote.players.model = \"yolox/x\"`: a model's name and its version are at \
             most 128 ASCII letters, digits, `-`, `_` and `.`, and do not start with a dot; write \
             for example `model = \"yolox-x\"`",
        ),
        (
            "deadline_ms = 450",
            "deadline_ms = 5000",
            "line 22: `remote.players.deadline_ms = 5000`: an answer is waited for 20 to 1000 ms; \
             people are looked for twice a second; write for example `deadline_ms = 300`",
        ),
        (
            "cost_per_call = 0.0004",
            "cost_per_call = 0.0000004",
            "line 23: `remote.players.cost_per_call = 0.0000004`: a call costs 0, or 0.000001 to \
             1000 of your currency; write for example `cost_per_call = 0.0004`",
        ),
        (
            "cost_per_call = 0.0004\n",
            "",
            "line 18: `remote.players.cost_per_call` is missing; write for example `cost_per_call \
             = 0.0004`",
        ),
        (
            "budget_per_game = 5\n",
            "",
            "line 18: `remote.players.budget_per_game` is missing; write for example \
             `budget_per_game = 5.0`",
        ),
        (
            "budget_per_game = 5\n",
            "budget_per_game = 0.0003\n",
            "line 24: `remote.players.budget_per_game = 0.0003`: a call costs 0.000400, so none \
             could be made; write more, or remove `[remote.players]`",
        ),
        (
            "token = \"hush-hush\"",
            "token = \"hush hush\"",
            "line 25: `remote.players.token = \"…\"`: a token is printable ASCII without spaces; \
             write for example `token = \"…\"`",
        ),
    ];
    for (line, with_this, expected) in cases {
        assert!(DEAR.contains(line), "{line}");
        let text = with(&DEAR.replacen(line, with_this, 1));
        assert_eq!(complaints(&text), [expected], "{line} -> {with_this}");
    }
}

#[test]
fn a_lane_that_frames_wait_for_cannot_be_served_elsewhere() {
    let text = format!("{GOOD}[remote.rim]\nurl = \"http://gpu\"\n");
    assert_eq!(
        complaints(&text),
        ["line 18: `remote.rim` is not a key that Courtside knows; known here are `players`"]
    );
}
