//! The command line: what the link is like, what changes when, and what runs at its ends.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use link::model::{Change, Settings};
use link::testbed::{Direction, Plan};
use link::units::{self, BitsPerSecond, Bytes, PerMillion};

const EXAMPLE: &str = "\
Times: 250us, 50ms, 20s, 2min. Rates: 512kbit, 2mbit. Sizes: 128KB (1000), 128KiB (1024).

Changes, for --at: up=RATE, down=RATE, rtt=TIME, queue=SIZE, loss=SHARE, and outage=TIME, which cuts
the link for that long.

Example: an upload over a line that slows down after 5 s and is away for 2 s at 10 s
  courtside-link --up 10mbit --down 20mbit --rtt 50ms --queue 128KB --loss 0.001 \\
    --at 5s up=1mbit --at 10s outage=2s \\
    --cloud 'iperf3 --server --one-off' --box 'sleep 1; iperf3 --client $CLOUD --time 15'";

/// Runs two shell commands in two network namespaces with a link between them, until the box's one
/// ends; then ends the cloud's one, and tells what became of the packets. Needs root.
///
/// In both commands $BOX is 10.77.0.1 and $CLOUD is 10.77.0.2. Exits with the box's exit code.
#[derive(Debug, Parser)]
#[command(name = "courtside-link", version, after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// Rate from the box to the cloud
    #[arg(long, value_name = "RATE", default_value = "2mbit")]
    up: BitsPerSecond,
    /// Rate from the cloud to the box
    #[arg(long, value_name = "RATE", default_value = "20mbit")]
    down: BitsPerSecond,
    /// Delay of the way there and back, half of it each way
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = units::duration)]
    rtt: Duration,
    /// How much may wait for the line, each way; more is dropped
    #[arg(long, value_name = "SIZE", default_value = "128KB")]
    queue: Bytes,
    /// Share of the packets that are lost, each way: 0.01 or 1%
    #[arg(long, value_name = "SHARE", default_value = "0")]
    loss: PerMillion,
    /// Decides which packets these are
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// A change, some time after the start; as often as wanted
    #[arg(long, num_args = 2, value_names = ["TIME", "CHANGE"])]
    at: Vec<String>,
    /// Congestion control of TCP at both ends, such as bbr [default: the kernel's]
    #[arg(long, value_name = "NAME")]
    congestion: Option<String>,
    /// Shell command at the box's end
    #[arg(long = "box", value_name = "COMMAND")]
    at_box: String,
    /// Shell command at the cloud's end, started first
    #[arg(long = "cloud", value_name = "COMMAND")]
    at_cloud: Option<String>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) plan: Plan,
    pub(super) congestion: Option<String>,
    pub(super) at_box: String,
    pub(super) at_cloud: Option<String>,
}

impl Arguments {
    /// Reads the changes.
    pub(super) fn run(self) -> Result<Run> {
        let direction = |rate, delay| {
            let (queue, loss) = (self.queue, self.loss);
            Direction::steady(Settings { rate, delay, queue, loss })
        };
        let (there, back) = halves(self.rtt);
        let mut plan = Plan {
            up: direction(self.up, there),
            down: direction(self.down, back),
            seed: self.seed,
        };
        for words in self.at.chunks_exact(2) {
            let [at, change] = words else { unreachable!("clap takes two words for each --at") };
            plan = with_change(plan, at, change)
                .with_context(|| format!("--at {at} {change} is not understood"))?;
        }
        let Self { congestion, at_box, at_cloud, .. } = self;
        Ok(Run { plan, congestion, at_box, at_cloud })
    }
}

fn with_change(plan: Plan, at: &str, change: &str) -> Result<Plan> {
    let at = units::duration(at)?;
    let (what, value) = change.split_once('=').context("a change is WHAT=VALUE")?;
    let Plan { up, down, seed } = plan;
    let both =
        |up: Direction, down: Direction, change| (up.then(at, change), down.then(at, change));
    let (up, down) = match what {
        "up" => (up.then(at, Change::Rate(value.parse()?)), down),
        "down" => (up, down.then(at, Change::Rate(value.parse()?))),
        "rtt" => {
            let (there, back) = halves(units::duration(value)?);
            (up.then(at, Change::Delay(there)), down.then(at, Change::Delay(back)))
        }
        "queue" => both(up, down, Change::Queue(value.parse()?)),
        "loss" => both(up, down, Change::Loss(value.parse()?)),
        "outage" => {
            let lasts = units::duration(value)?;
            (up.outage(at, lasts), down.outage(at, lasts))
        }
        _ => bail!("there is no `{what}`: it is up, down, rtt, queue, loss or outage"),
    };
    Ok(Plan { up, down, seed })
}

/// The two ways of a round trip.
fn halves(rtt: Duration) -> (Duration, Duration) {
    (rtt / 2, rtt - rtt / 2)
}

#[cfg(test)]
mod tests {
    use link::model::Step;

    use super::*;

    fn run(words: &[&str]) -> Result<Run> {
        let given = ["courtside-link", "--box", "true"].iter().chain(words);
        Arguments::try_parse_from(given)?.run()
    }

    #[test]
    fn changes_go_to_the_directions_that_they_concern() {
        let words =
            ["--at", "5s", "up=1mbit", "--at", "10s", "outage=2s", "--at", "1s", "rtt=31ms"];
        let plan = run(&words).unwrap().plan;
        let step = |at, change| Step { at: Duration::from_millis(at), change };
        let delay = |micros| Change::Delay(Duration::from_micros(micros));
        let cut = [step(10_000, Change::Down), step(12_000, Change::Up)];
        let slow = step(5_000, Change::Rate(BitsPerSecond::from_mbit(1)));
        assert_eq!(plan.up.script, [slow, cut[0], cut[1], step(1_000, delay(15_500))]);
        assert_eq!(plan.down.script, [cut[0], cut[1], step(1_000, delay(15_500))]);
    }

    #[test]
    fn rtt_is_shared_by_both_ways() {
        let plan = run(&["--rtt", "50ms", "--loss", "1%"]).unwrap().plan;
        for direction in [plan.up, plan.down] {
            assert_eq!(direction.settings.delay, Duration::from_millis(25));
            assert_eq!(direction.settings.loss, PerMillion::from_percent(1));
            assert_eq!(direction.settings.queue, Bytes(128_000));
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let said = |words: &[&str]| format!("{:#}", run(words).unwrap_err());
        assert!(said(&["--at", "5s", "sideways=1mbit"]).contains("up, down, rtt, queue"));
        assert!(said(&["--at", "5s", "up"]).contains("WHAT=VALUE"));
        assert!(said(&["--at", "5", "up=1mbit"]).contains("`5` is not a time"));
        assert!(said(&["--at", "5s", "up=0mbit"]).contains("a rate above zero"));
        assert!(said(&["--loss", "2"]).contains("a share from 0 to 1"));
    }
}
