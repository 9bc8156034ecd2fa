//! Whole contests: the same day for everybody, the optimum above all, and no harm by the governor.

use sim::rig::Make;
use sim::{Board, Celsius, Failure, Sensor};
use trials::baselines::{Fixed, Step};
use trials::contest::{Contest, Keep, Player};
use trials::play::{Match, play};
use trials::report::{Made, Row, page};
use trials::{At, Game, Observation, Policy, Scenario, Score};

const SEED: u64 = 11;

fn scenario(name: &str) -> Scenario {
    Scenario::all().into_iter().find(|scenario| scenario.name == name).expect("there is one")
}

/// The first quarter and the second.
fn short() -> Game {
    Game::new(SEED).from(At(20.0 * 60.0)).until(At(45.0 * 60.0))
}

#[test]
fn same_seeds_same_contest() {
    let run = || {
        let scenario = scenario("sun, 40 °C");
        let contest = Contest::play(&scenario, (Make::Layered, SEED), &short(), Keep::Scores);
        contest.scores
    };
    assert_eq!(run(), run());
}

#[test]
fn nobody_who_does_no_harm_beats_the_optimum() {
    for name in ["25 °C", "dust, 50 °C", "no fan, 30 °C", "supply of 15.5 W, 40 °C"] {
        for make in Make::ALL {
            let contest = Contest::play(&scenario(name), (make, SEED), &short(), Keep::Scores);
            let unavoidable = contest.of(Player::Nano).counts;
            for player in Player::ALL {
                let score = contest.of(player);
                let is_harmless = score.counts.is_no_worse_than(unavoidable);
                let above = score.value - contest.optimum.value();
                assert!(
                    !is_harmless || above < 0.004,
                    "{} in {name} on {make:?}, seed {SEED}: {above} above the optimum",
                    player.name()
                );
            }
        }
    }
}

#[test]
fn fixed_full_is_throttled_where_it_is_hot_and_nowhere_else() {
    let game = Game::new(SEED);
    for scenario in Scenario::all() {
        let world = scenario.world(SEED);
        let of = Match { world: &world, game: &game, make: Make::Network, seed: SEED };
        let throttled = |point| play(of, &mut Fixed(point)).counts.throttled.as_secs();
        if scenario.is_hot(Make::Network, SEED) {
            assert!(throttled(3) > 600, "{}", scenario.name);
            assert_eq!(throttled(0), 0, "{}", scenario.name);
        } else {
            assert!(throttled(3) < 7_200, "{}", scenario.name);
        }
    }
}

#[test]
fn governor_lets_no_kernel_throttle_and_no_alarm_come_that_the_cheapest_point_avoids() {
    let game = Game::new(SEED);
    for scenario in Scenario::all() {
        for make in Make::ALL {
            let world = scenario.world(SEED);
            let of = Match { world: &world, game: &game, make, seed: SEED };
            let counts =
                |player: Player| play(of, &mut *player.policy(&scenario, &world.offers)).counts;
            let (ours, least) = (counts(Player::Ours), counts(Player::Nano));
            let name = scenario.name;
            assert!(ours.is_no_worse_than(least), "{name} on {make:?}, seed {SEED}: {ours:?}");
        }
    }
}

/// Keeps what the sensors say.
struct Witness(Vec<Observation>);

impl Policy for Witness {
    fn decide(&mut self, observation: &Observation) -> usize {
        self.0.push(*observation);
        1
    }
}

fn seen(name: &str) -> Vec<Observation> {
    let scenario = scenario(name);
    let world = scenario.world(SEED);
    let game = Game::new(SEED).until(At(3_600.0));
    let mut witness = Witness(Vec::new());
    let of = Match { world: &world, game: &game, make: Make::Network, seed: SEED };
    play(of, &mut witness);
    witness.0
}

#[test]
fn failures_neighbours_and_alarms_show() {
    let gpu = |seen: &Observation| seen.snapshot.temperatures[Sensor::Gpu as usize];
    let lost = seen("sensor lost, 45 °C");
    assert!(gpu(&lost[2_000]).is_some() && gpu(&lost[2_500]).is_none());
    let stuck = seen("sensor stuck, 50 °C");
    assert!(stuck[1_900..].iter().all(|seen| gpu(seen) == gpu(&stuck[1_900])));
    assert!(stuck[..1_700].iter().any(|seen| gpu(seen) != gpu(&stuck[0])));
    let neighbour = seen("neighbour, 40 °C");
    assert!(neighbour[300].work.busy > neighbour[900].work.busy);
    assert_eq!((neighbour[300].taken.0, neighbour[900].taken.0), (450, 0));
    assert!(lost.iter().all(|seen| seen.over_currents == 0));
}

#[test]
fn faults_of_the_scenarios_end() {
    for scenario in Scenario::all() {
        for (_, failure, from, until) in scenario.faults {
            assert!(from < until && *until <= 240, "{}", scenario.name);
            assert!(matches!(failure, Failure::Lost | Failure::Stuck));
        }
    }
}

#[test]
fn step_governor_goes_down_when_it_is_hot_and_up_when_it_is_not() {
    let scenario = scenario("dust, 50 °C");
    let world = scenario.world(SEED);
    let game = Game::new(SEED);
    let of = Match { world: &world, game: &game, make: Make::Network, seed: SEED };
    let trace = play(of, &mut Step::new(&world.offers));
    let score = Score::of(&game, &trace);
    assert!(trace.point.contains(&3) && trace.point[20_000..].contains(&1));
    assert_eq!(score.counts.throttled.as_secs(), 0);
    let (passive, _) = Board::OrinNx.trips();
    assert!(Celsius(score.hottest) < passive);
}

#[test]
fn page_has_a_row_for_every_scenario_and_names_what_is_not_kept() {
    let contests =
        vec![Contest::play(&scenario("25 °C"), (Make::Network, SEED), &short(), Keep::Scores)];
    let row = Row { scenario: "25 °C", make: "network", hot: false, steady: true, contests };
    let made = Made { commit: "abc".into(), command: "scripts/x".into(), seeds: vec![SEED] };
    let page = page(&[row], &made);
    assert_eq!(page.matches("| 25 °C | network |").count(), 4);
    assert!(page.contains("commit `abc`"));
}
