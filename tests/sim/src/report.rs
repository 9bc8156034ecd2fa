//! The contests as a page: `docs/benchmarks/governor.md`.

use std::fmt::Write as _;

use sim::Counts;

use crate::contest::{Contest, Player};
use crate::score::{Score, percentile};

/// One scenario on one plant, with a contest for each seed.
#[derive(Clone, Debug)]
pub struct Row {
    /// The scenario.
    pub scenario: &'static str,
    /// The plant.
    pub make: &'static str,
    /// Whether it is hot by physics.
    pub hot: bool,
    /// Whether nothing changes but the air's wandering and the game.
    pub steady: bool,
    /// By seed.
    pub contests: Vec<Contest>,
}

impl Row {
    fn mean(&self, of: impl Fn(&Contest) -> f64) -> f64 {
        self.contests.iter().map(of).sum::<f64>() / self.contests.len().max(1) as f64
    }

    fn score(&self, player: Player, of: impl Fn(&Score) -> f64) -> f64 {
        self.mean(|contest| of(contest.of(player)))
    }

    /// Points of recall that somebody sees more than the best of some baselines.
    fn gain(&self, of: impl Fn(&Contest) -> f64, than: impl Fn(&Contest) -> f64) -> f64 {
        100.0 * self.mean(|contest| of(contest) - than(contest))
    }

    fn errors(&self, of: impl Fn(&Score) -> &[f32]) -> Vec<f32> {
        let of = |contest: &Contest| of(contest.of(Player::Ours)).to_vec();
        let mut errors: Vec<f32> = self.contests.iter().flat_map(of).collect();
        errors.sort_by(f32::total_cmp);
        errors
    }

    /// Seconds throttled by the kernel under the governor, above those under the cheapest point.
    fn avoidable_s(&self) -> f64 {
        let of = |c: &Contest, player| c.of(player).counts.throttled.as_secs_f64();
        self.mean(|c| (of(c, Player::Ours) - of(c, Player::Nano)).max(0.0))
    }

    fn avoidable_alarms(&self) -> f64 {
        let of = |c: &Contest, player| f64::from(c.of(player).counts.over_currents);
        self.mean(|c| (of(c, Player::Ours) - of(c, Player::Nano)).max(0.0))
    }
}

fn ours(contest: &Contest) -> f64 {
    contest.of(Player::Ours).moments
}

fn optimum(contest: &Contest) -> f64 {
    contest.optimum.achieved.moments
}

/// How it was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The commit.
    pub commit: String,
    /// The command.
    pub command: String,
    /// The seeds.
    pub seeds: Vec<u64>,
}

/// The page.
pub fn page(rows: &[Row], made: &Made) -> String {
    let mut page = String::new();
    let Made { commit, command, seeds } = made;
    let _ = write!(
        page,
        "# The governor beside others\n\n\
         Made by `{command}` at commit `{commit}`: games of four hours (`tests/sim/src/game.rs`) \
         on two simulated plants (`hw/sim`), seeds {seeds:?}, means over them. No box was \
         measured: costs, power and recall of the operating points, lead times and errors of the \
         cues are assumed (`tests/sim/src/offers.rs`, `game.rs`); the plant of the Orin NX is \
         fitted to published measurements.\n\n"
    );
    promises(&mut page, rows);
    values(&mut page, rows);
    moments(&mut page, rows);
    harm(&mut page, rows);
    calm(&mut page, rows);
    page.push_str(NOTES);
    page
}

const NOTES: &str = "\n\
*Value* is 0.9 of the mean recall over the moments and 0.1 of the frames covered. *Optimum* knows \
every moment, the weather and the plant: dynamic programming over stages of 5 s on two numbers \
that sum up the plant's heat, then followed on the plant itself; ratios are taken of the larger \
of what it promised and what it achieved. *Fixed nano* is the cheapest operating point (12.5 \
frames a second), *fixed full* the dearest, held back by the kernel alone; *step* and *allocator* \
stay 3 K below the kernel's trip point and within the supply, as the governor does. *Hot* is \
reckoned: the dearest point could not be kept up for most of the day, the cheapest always. \
*Possible* is what the optimum achieved above the same baseline: nobody can gain more, whatever \
it knows. *Harmless* are the baselines under which the kernel throttled no more than under the \
cheapest point, and no alarm came.\n";

fn promises(page: &mut String, rows: &[Row]) {
    let mut ratios: Vec<f32> = rows.iter().map(|row| row.mean(Contest::ratio) as f32).collect();
    ratios.sort_by(f32::total_cmp);
    let worst = ratios.first().copied().unwrap_or_default();
    let median = percentile(&ratios, 0.5).unwrap_or_default();
    let throttled: f64 = rows.iter().map(Row::avoidable_s).sum();
    let alarms: f64 = rows.iter().map(Row::avoidable_alarms).sum();
    let hot: Vec<&Row> = rows.iter().filter(|row| row.hot).collect();
    let any = |contest: &Contest| contest.best_baseline();
    let (least, most) = spread(hot.iter().map(|row| row.gain(ours, any)));
    let (possible_least, possible_most) = spread(hot.iter().map(|row| row.gain(optimum, any)));
    let mut errors: Vec<f32> =
        rows.iter().flat_map(|row| row.errors(|score| &score.errors)).collect();
    errors.sort_by(f32::total_cmp);
    let error = percentile(&errors, 0.95);
    let calm = rows.iter().filter(|row| row.steady);
    let most_changes = calm.map(|row| row.score(Player::Ours, |s| s.changes_per_hour));
    let most_changes = most_changes.fold(0.0, f64::max);
    let kept = |kept: bool| if kept { "kept" } else { "**not kept**" };
    page.push_str("| promise | measured | |\n|---|---|---|\n");
    for (promise, measured, held) in [
        (
            "no second throttled by the kernel that the cheapest point avoids",
            format!("{throttled:.0} s in all"),
            throttled == 0.0,
        ),
        (
            "no over-current alarm that the cheapest point avoids",
            format!("{alarms:.0} in all"),
            alarms == 0.0,
        ),
        ("value at least 0.95 of the optimum, median", format!("{median:.3}"), median >= 0.95),
        ("value at least 0.85 of the optimum, worst", format!("{worst:.3}"), worst >= 0.85),
        (
            "10 points more moments than the best baseline, where it is hot",
            format!(
                "{least:+.1} to {most:+.1} points (possible: {possible_least:+.1} to \
                 {possible_most:+.1})"
            ),
            least >= 10.0,
        ),
        (
            "prediction 60 s ahead within 2 K, 95th percentile",
            error.map_or("nothing is predicted".to_owned(), |error| format!("{error:.2} K")),
            error.is_some_and(|error| error <= 2.0),
        ),
        (
            "at most 6 changes an hour that answer no cue, in steady heat",
            format!("{most_changes:.1} at most"),
            most_changes <= 6.0,
        ),
    ] {
        let _ = writeln!(page, "| {promise} | {measured} | {} |", kept(held));
    }
}

fn spread(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let all = values.fold(None, |spread: Option<(f64, f64)>, value| {
        let (least, most) = spread.unwrap_or((value, value));
        Some((least.min(value), most.max(value)))
    });
    all.unwrap_or_default()
}

fn head(page: &mut String, title: &str, columns: &[&str]) {
    let _ = write!(page, "\n## {title}\n| scenario | plant |");
    let line: String = columns.iter().map(|column| format!(" {column} |")).collect();
    let _ = writeln!(page, "{line}\n|---|---|{}", "---|".repeat(columns.len()));
}

fn begin(page: &mut String, row: &Row) {
    let hot = if row.hot { " (hot)" } else { "" };
    let _ = write!(page, "| {}{hot} | {} |", row.scenario, row.make);
}

fn values(page: &mut String, rows: &[Row]) {
    let names = Player::ALL.map(Player::name);
    head(page, "Value", &[&names[..], &["optimum", "promised", "ours / optimum"]].concat());
    for row in rows {
        begin(page, row);
        for player in Player::ALL {
            let _ = write!(page, " {:.3} |", row.score(player, |score| score.value));
        }
        let achieved = row.mean(|contest| contest.optimum.achieved.value);
        let bound = row.mean(|contest| contest.optimum.bound);
        let ratio = row.mean(Contest::ratio);
        let _ = writeln!(page, " {achieved:.3} | {bound:.3} | {ratio:.3} |");
    }
}

fn moments(page: &mut String, rows: &[Row]) {
    let names = Player::ALL.map(Player::name);
    let more = [
        "optimum",
        "ours more than the best baseline",
        "possible",
        "ours more than the best harmless one",
        "possible",
    ];
    head(page, "Moments seen, %", &[&names[..], &more].concat());
    for row in rows {
        begin(page, row);
        for player in Player::ALL {
            let _ = write!(page, " {:.1} |", 100.0 * row.score(player, |score| score.moments));
        }
        let _ = write!(page, " {:.1} |", 100.0 * row.mean(optimum));
        for than in [Contest::best_baseline, Contest::best_harmless] {
            let (gain, possible) = (row.gain(ours, than), row.gain(optimum, than));
            let _ = write!(page, " {gain:+.1} | {possible:+.1} |");
        }
        page.push('\n');
    }
}

fn harm(page: &mut String, rows: &[Row]) {
    let names = Player::ALL.map(Player::name);
    let title = "Seconds throttled by the kernel / over-current alarms / switched off";
    head(page, title, &[&names[..], &["optimum"]].concat());
    for row in rows {
        begin(page, row);
        let cell = |of: &dyn Fn(&Contest) -> Counts| {
            let throttled = row.mean(|c| of(c).throttled.as_secs_f64());
            let alarms = row.mean(|c| f64::from(of(c).over_currents));
            let off = row.mean(|c| f64::from(of(c).shutdowns));
            if throttled + alarms + off == 0.0 {
                " – |".to_owned()
            } else {
                format!(" {throttled:.0} / {alarms:.0} / {off:.0} |")
            }
        };
        for player in Player::ALL {
            page.push_str(&cell(&|contest| contest.of(player).counts));
        }
        page.push_str(&cell(&|contest| contest.optimum.achieved.counts));
        page.push('\n');
    }
}

fn calm(page: &mut String, rows: &[Row]) {
    let columns = [
        "step: changes an hour",
        "allocator",
        "ours: other changes an hour",
        "in the worst hour",
        "ours: answers an hour",
        "prediction error p50, K",
        "p95, K",
        "p95 with changes, K",
        "ours: hottest, °C",
    ];
    head(page, "Changes, predictions", &columns);
    for row in rows {
        begin(page, row);
        let changes = |player| row.score(player, |score| score.changes_per_hour);
        let worst = row.score(Player::Ours, |score| score.changes_in_an_hour_max as f64);
        let answers = row.score(Player::Ours, |score| score.answers_per_hour);
        let errors = row.errors(|score| &score.errors);
        let all = row.errors(|score| &score.all_errors);
        let error = |errors: &[f32], share| {
            percentile(errors, share).map_or("–".to_owned(), |error| format!("{error:.2}"))
        };
        let hottest = row.score(Player::Ours, |score| score.hottest);
        let _ = writeln!(
            page,
            " {:.1} | {:.1} | {:.1} | {worst:.0} | {answers:.1} | {} | {} | {} | {hottest:.1} |",
            changes(Player::Step),
            changes(Player::Allocator),
            changes(Player::Ours),
            error(&errors, 0.5),
            error(&errors, 0.95),
            error(&all, 0.95),
        );
    }
}
