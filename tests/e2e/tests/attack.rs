//! Two hundred bad clients on the RTMP port while a game is live: the box neither falls over nor
//! swells, and the game's frames go on as if nothing were.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::attack::{KINDS, Outcome, attack};
use e2e::chance::Chance;
use e2e::load;
use e2e::observer::{Heard, Observer};
use e2e::publisher::{Game, Publisher};
use e2e::telemetry::counter;
use e2e::venue::Venue;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

const CLIENTS: u64 = 200;
const SEED: u64 = 4_711;
/// How long the attack goes on.
const ATTACK: Duration = Duration::from_secs(30);
/// Memory that 200 bad clients may cost, over what the box had before.
const GROWTH_MIB_MAX: f64 = 64.0;
/// Telemetry comes every two seconds; some are skipped, as the models start.
const TELEMETRY_LIMIT: Duration = Duration::from_secs(20);
const FRAMES_PER_SECOND: f64 = 25.0;
/// Counters that must not move: each would be a loss of the live game's.
const LOSSES: [&str; 6] = [
    "units_dropped_total",
    "packets_dropped_total",
    "frames_corrupt_total",
    "fragments_lost_total",
    "epochs_total",
    "publishers_total",
];

#[tokio::test(flavor = "multi_thread")]
async fn bad_clients_cost_the_live_game_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let game = Game::encoded(SEED, 20, 6.5, folder.path()).await?;
    let mut venue = Venue::open(folder.path(), &[]).await?;
    let mut observer = Observer::subscribe(venue.broker_port()).await?;
    let _publisher = Publisher::start(&game, &venue)?;
    let live =
        |json: &Value| counter(json, "frames_decoded_total").is_some_and(|frames| frames > 50);
    let (before, began) = telemetry(&mut observer, live).await?;
    let quiet = load::sample(venue.appliance_id().context("the box runs")?)?;

    println!("seed {SEED}: {CLIENTS} clients");
    let mut attacks = JoinSet::new();
    for client in 0..CLIENTS {
        let kind = KINDS[usize::try_from(client)? % KINDS.len()];
        let chance = Chance::of_seed(SEED + client);
        let port = venue.rtmp_port();
        attacks.spawn(async move { (kind, attack(port, kind, chance).await) });
    }
    let (most_mib, outcomes) = watch(&mut venue, attacks).await?;

    let (after, ended) = telemetry(&mut observer, |_| true).await?;
    venue.check_alive()?;
    println!("outcomes: {outcomes:?}");
    let frames = |json| counter(json, "frames_decoded_total").context("telemetry counts frames");
    let decoded = frames(&after)? - frames(&before)?;
    let seconds = ended.duration_since(began).as_secs_f64();
    let quiet_mib = quiet.rss_bytes as f64 / f64::from(1 << 20);
    println!(
        "{decoded} frames in {seconds:.1} s; {quiet_mib:.0} MiB before, {most_mib:.0} at most"
    );
    // Telemetry itself arrives up to half a second off its beat on a busy machine.
    let expected = FRAMES_PER_SECOND * (seconds - 0.5);
    ensure!(
        decoded as f64 >= expected,
        "{decoded} frames were decoded in {seconds:.1} s, expected are at least {expected:.0}"
    );
    for loss in LOSSES {
        let [was, is] = [&before, &after].map(|json| counter(json, loss));
        ensure!(was.is_some(), "telemetry does not count {loss}");
        ensure!(was == is, "{loss} went from {was:?} to {is:?} during the attack");
    }
    ensure!(
        most_mib - quiet_mib <= GROWTH_MIB_MAX,
        "the box grew from {quiet_mib:.0} to {most_mib:.0} MiB under attack"
    );
    let log = std::fs::read_to_string(folder.path().join("courtside.log"))?;
    ensure!(!log.contains("panicked"), "the box panicked:\n{log}");
    venue.close().await
}

/// Looks at the box while the attacks go on; its largest memory in MiB, and how attacks ended.
async fn watch(
    venue: &mut Venue,
    mut attacks: JoinSet<(e2e::attack::Kind, Outcome)>,
) -> Result<(f64, BTreeMap<String, u32>)> {
    let mut outcomes = BTreeMap::new();
    let mut samples = Vec::new();
    let mut looks = tokio::time::interval(Duration::from_millis(200));
    let end = Instant::now() + ATTACK;
    while Instant::now() < end {
        tokio::select! {
            _ = looks.tick() => {
                venue.check_alive()?;
                samples.push(load::sample(venue.appliance_id().context("the box runs")?)?);
            }
            Some(ended) = attacks.join_next() => {
                let (kind, outcome) = ended?;
                *outcomes.entry(format!("{kind:?} {outcome:?}")).or_insert(0) += 1;
            }
        }
    }
    for _ in 0..attacks.len() {
        *outcomes.entry("still connected".to_owned()).or_insert(0) += 1;
    }
    attacks.shutdown().await;
    Ok((load::rss_mib_max(&samples), outcomes))
}

/// Waits for telemetry of the pipeline that fulfils the condition.
async fn telemetry(
    observer: &mut Observer,
    fulfils: impl Fn(&Value) -> bool,
) -> Result<(Value, Instant)> {
    while observer.take_waiting().is_some() {}
    let wanted = async {
        loop {
            match observer.next().await.context("the subscriber has stopped")? {
                Heard::Telemetry(group, json) if group == "pipeline" && fulfils(&json) => {
                    return anyhow::Ok((json, Instant::now()));
                }
                Heard::Telemetry(..)
                | Heard::Message(..)
                | Heard::Upload(..)
                | Heard::Ack(_)
                | Heard::Nonsense(_) => {}
            }
        }
    };
    let found = tokio::time::timeout(TELEMETRY_LIMIT, wanted).await;
    found.context("the box published no such telemetry of its pipeline in time")?
}
