//! What counts as a command and what does not, and that each refusal says why.

use minisign::KeyPair;

use super::*;

const NOW: WallTime = WallTime(1_800_000_000_000_000);
const TOPIC: &str = "cv1/demo/court-1/cmd/watch";

fn body(more: &str, expires_in_s: i64) -> String {
    let expires = NOW.0 + 1_000_000 * expires_in_s;
    format!(r#"{{"v":1,"id":"a1","by":"anna","expires_us":{expires}{more}}}"#)
}

fn judged(topic: &str, payload: &[u8], accept: Accept, trust: &Trust) -> Result<Order, String> {
    let verb = topic.rsplit('/').next().expect("a level").parse().expect("a name");
    judge((topic, &verb), payload, &Policy { accept, trust }, NOW).map_err(|refusal| refusal.text)
}

fn unsigned(topic: &str, payload: &str) -> Result<Order, String> {
    judged(topic, payload.as_bytes(), Accept::All, &Trust::default())
}

/// A key pair, and the trust in it.
fn keys(name: &str) -> (KeyPair, Trust) {
    let pair = KeyPair::generate_unencrypted_keypair().expect("random numbers");
    let mut trust = Trust::default();
    let public = pair.pk.to_box().expect("a public key").to_string();
    trust.add(name, &public).expect("it is a public key");
    (pair, trust)
}

fn signed(pair: &KeyPair, topic: &str, body: &str) -> String {
    let message = format!("{topic}\n{body}");
    let signature = minisign::sign(None, &pair.sk, message.as_bytes(), Some("t"), None);
    let signature = signature.expect("a signature").to_string();
    serde_json::json!({ "signed": body, "signature": signature }).to_string()
}

#[test]
fn command_in_time_is_an_order() {
    let order = unsigned(TOPIC, &body(r#","for_s":60"#, 30)).expect("it is right");
    assert_eq!((order.verb, order.command.for_s), (Verb::Watch, Some(60)));
    assert_eq!((order.command.by.as_str(), order.signer), ("anna", None));
}

#[test]
fn signature_counts_for_one_box_one_verb_and_one_text() {
    let (pair, trust) = keys("anna.pub");
    let text = body("", 30);
    let good = signed(&pair, TOPIC, &text);
    let order = judged(TOPIC, good.as_bytes(), Accept::Signed, &trust).expect("it is right");
    assert_eq!(order.signer.as_deref(), Some("anna.pub"));
    for elsewhere in ["cv1/demo/court-2/cmd/watch", "cv1/demo/court-1/cmd/restart"] {
        let why = judged(elsewhere, good.as_bytes(), Accept::Signed, &trust).expect_err("moved");
        assert!(why.contains("not over this command for this box and verb"), "{why}");
    }
    let other = signed(&pair, TOPIC, &body("", 31)).replace(":1800000031", ":1800000030");
    let why = judged(TOPIC, other.as_bytes(), Accept::Signed, &trust).expect_err("changed");
    assert!(why.contains("not over this command"), "{why}");
    let (_, strangers) = keys("bert.pub");
    // Also where none is asked for: a signature that is there must be right.
    for accept in [Accept::Signed, Accept::All] {
        let why = judged(TOPIC, good.as_bytes(), accept, &strangers).expect_err("unknown");
        assert!(why.contains("does not know (bert.pub)"), "{why}");
    }
    let why = judged(TOPIC, text.as_bytes(), Accept::Signed, &trust).expect_err("unsigned");
    assert!(why.contains("is not signed"), "{why}");
    let damaged = serde_json::json!({ "signed": text, "signature": "RUR…" }).to_string();
    let why = judged(TOPIC, damaged.as_bytes(), Accept::Signed, &trust).expect_err("damaged");
    assert!(why.contains("damaged"), "{why}");
}

#[test]
fn what_is_late_early_unknown_or_meaningless_is_refused_with_the_reason() {
    let birth = "cv1/demo/court-1/cmd/birth";
    for (topic, payload, says) in [
        (TOPIC, body("", -1), "expired 1 s ago"),
        (TOPIC, body("", LIFETIME_S_MAX + 1), "set the box's clock"),
        (TOPIC, body(r#","for_s":0"#, 30), "1 to 86400"),
        (TOPIC, body(r#","shell":"reboot""#, 30), "unknown field `shell`"),
        (TOPIC, body(r#","during_play":"allow""#, 30), "means nothing to watch"),
        (TOPIC, body("", 30).replace("\"v\":1", "\"v\":2"), "version 2"),
        (TOPIC, body("", 30).replace("a1", "../a"), "cannot stand there"),
        (TOPIC, "restart".to_owned(), "cannot be read"),
        (TOPIC, " ".repeat(COMMAND_BYTES_MAX + 1), "at most 4096"),
        (birth, body(r#","for_s":5"#, 30), "means nothing to birth"),
        ("cv1/demo/court-1/cmd/dance", body("", 30), "it has birth, sprint, watch"),
    ] {
        let why = unsigned(topic, &payload).expect_err(says);
        assert!(why.contains(says), "{payload}: {why}");
    }
    let why = judged(TOPIC, &[0xff], Accept::All, &Trust::default()).expect_err("no text");
    assert!(why.contains("UTF-8"), "{why}");
    let why = judged(TOPIC, body("", 30).as_bytes(), Accept::None, &Trust::default());
    assert!(why.expect_err("none is taken").contains("takes no commands"));
}
