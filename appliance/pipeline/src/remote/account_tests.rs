//! When the server is asked, given up and tried again, and what no game costs more than.

use super::*;

const TERMS: Terms =
    Terms { deadline: Duration::from_millis(300), cost: Price(400), budget: Price(10_000) };

fn at(seconds: u64) -> Monotonic {
    Monotonic::from_millis(1_000 * seconds)
}

fn late() -> InferError {
    InferError::Late { network: "x".into(), deadline_ms: 300 }
}

fn broken() -> InferError {
    InferError::Engine { network: "x".into(), reason: "no GPU".into() }
}

/// An account whose server has just answered its first call, one second after the start.
fn serving(terms: Terms) -> Account {
    let mut account = Account::new(terms, 7);
    account.picture(at(1));
    assert_eq!(account.plan(at(1)), (Plan::HereAndCheck, None));
    assert_eq!(account.plan(at(1)), (Plan::Here, None), "one check is enough");
    assert_eq!(account.checked(Ok(()), at(1)), None);
    assert_eq!(account.plan(at(1)), (Plan::Ask, None));
    assert_eq!(account.answered(), Some(News::Served));
    account
}

#[test]
fn a_server_is_checked_before_it_is_asked_and_told_when_it_has_answered() {
    let mut account = serving(TERMS);
    assert_eq!(account.plan(at(2)), (Plan::Ask, None));
    assert_eq!(account.answered(), None, "told once");
    let status = account.status();
    assert_eq!((status.state, status.spent), ("serving", Price(800)));
    assert_eq!((status.counts.calls, status.counts.answers), (2, 2));
}

#[test]
fn three_failures_in_a_row_give_a_server_up_and_two_do_not() {
    let mut account = serving(TERMS);
    for error in [late(), broken()] {
        assert_eq!(account.failed(&error, at(2)), None);
    }
    assert_eq!(account.answered(), None);
    for error in [late(), broken()] {
        assert_eq!(account.failed(&error, at(2)), None);
    }
    let told = account.failed(&broken(), at(2));
    assert!(matches!(told, Some(News::GivenUp { reason }) if reason.contains("no GPU")));
    let counts = account.status().counts;
    assert_eq!((counts.overruns, counts.failures), (2, 3));
    assert_eq!(account.status().state, "away");
    assert_eq!(account.failed(&late(), at(2)), None, "another source's call, told already");
}

#[test]
fn a_server_that_is_away_is_tried_ever_more_seldom_and_told_again_when_it_answers() {
    let mut account = serving(TERMS);
    for _ in 0..3 {
        account.failed(&late(), at(2));
    }
    let mut tries = Vec::new();
    for second in 3..600 {
        account.picture(at(second));
        if account.plan(at(second)).0 == Plan::HereAndCheck {
            tries.push(second);
            let away = CheckError::Away("not reached".into());
            assert_eq!(account.checked(Err(away), at(second)), None, "told once");
        }
    }
    let pauses: Vec<u64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| *pause <= 61), "{pauses:?}");
    assert!(pauses[0] <= 5 && *pauses.last().expect("there were some") >= 30, "{pauses:?}");
    account.picture(at(700));
    assert_eq!(account.plan(at(700)).0, Plan::HereAndCheck);
    account.checked(Ok(()), at(700));
    // On trial: one failure is enough.
    assert_eq!(account.plan(at(700)).0, Plan::Ask);
    assert_eq!(account.failed(&late(), at(700)), None, "told before");
    assert_eq!(account.status().state, "away");
    account.picture(at(800));
    assert_eq!(account.plan(at(800)).0, Plan::HereAndCheck);
    account.checked(Ok(()), at(800));
    assert_eq!(account.plan(at(800)).0, Plan::Ask);
    assert_eq!(account.answered(), Some(News::Served), "it is back");
}

#[test]
fn a_server_with_another_model_is_told_with_what_differs_and_asked_again_later() {
    let mut account = Account::new(TERMS, 7);
    account.picture(at(1));
    assert_eq!(account.plan(at(1)).0, Plan::HereAndCheck);
    let differs = CheckError::Differs {
        network: "players/full".into(),
        part: "input",
        got: "x".into(),
        expected: "images".into(),
    };
    let told = account.checked(Err(differs.clone()), at(1));
    assert!(matches!(&told, Some(News::GivenUp { reason }) if reason.contains("images")));
    assert_eq!(account.plan(at(60)).0, Plan::Here);
    assert_eq!(account.plan(at(61)).0, Plan::HereAndCheck);
    assert_eq!(account.checked(Err(differs), at(61)), None, "told once");
    account.renewed();
    assert_eq!(account.plan(at(62)).0, Plan::HereAndCheck, "another pack may fit");
}

#[test]
fn a_check_whose_source_went_away_is_made_again() {
    let mut account = Account::new(TERMS, 7);
    account.picture(at(1));
    assert_eq!(account.plan(at(1)).0, Plan::HereAndCheck);
    assert_eq!(account.plan(at(20)).0, Plan::Here);
    assert_eq!(account.plan(at(21)).0, Plan::HereAndCheck);
}

#[test]
fn a_budget_buys_so_many_calls_and_none_more_until_the_next_game() {
    // 25 calls of 400; the first was the helper's.
    let mut account = serving(TERMS);
    for call in 2..=25_u64 {
        assert_eq!(account.plan(at(call)), (Plan::Ask, None));
        account.answered();
    }
    let spent = Some(News::Spent { spent: Price(10_000) });
    assert_eq!(account.plan(at(26)), (Plan::Here, spent.clone()));
    assert_eq!(account.plan(at(27)), (Plan::Here, None), "told once");
    assert_eq!(account.status().state, "spent");
    // A publisher that comes back within ten minutes shows the same game.
    account.picture(at(26));
    account.picture(at(625));
    assert_eq!(account.plan(at(625)).0, Plan::Here);
    account.picture(at(1_225));
    assert_eq!(account.status().spent, Price(0));
    assert_eq!(account.plan(at(1_225)), (Plan::Ask, None));
    assert_eq!(account.answered(), Some(News::Served), "the box has told that it serves itself");
    for second in 1_226..=1_249 {
        account.plan(at(second));
    }
    assert_eq!(account.plan(at(1_250)), (Plan::Here, spent), "told once for each game");
}

#[test]
fn a_camera_that_is_never_turned_off_gets_a_budget_every_four_hours() {
    let mut account = serving(TERMS);
    let budgets = (2..24 * 3_600).filter(|second| {
        account.picture(at(*second));
        matches!(account.plan(at(*second)), (Plan::Here, Some(News::Spent { .. })))
    });
    assert_eq!(budgets.count(), 6);
}

#[test]
fn calls_that_cost_nothing_need_no_budget() {
    let mut account = serving(Terms { cost: Price(0), budget: Price(0), ..TERMS });
    for second in 2..10_000 {
        account.picture(at(second));
        assert_eq!(account.plan(at(second)), (Plan::Ask, None));
        account.answered();
    }
}

#[test]
fn whatever_happens_no_game_costs_more_than_its_budget() {
    // splitmix64; the seeds are part of the test.
    for seed in 0..200_u64 {
        let mut state = seed;
        let mut draw = |below: u64| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (z ^ (z >> 31)) % below
        };
        let terms = Terms { cost: Price(1 + draw(500)), budget: Price(draw(20_000)), ..TERMS };
        let mut account = Account::new(terms, seed);
        let (mut now, mut last, mut began, mut spent) = (0, 0, 0, 0);
        account.picture(at(0));
        for _ in 0..2_000 {
            let pause = if draw(200) == 0 { draw(1_200) } else { draw(3) };
            now += pause;
            if now - last >= 600 || now - began >= 4 * 3_600 {
                (spent, began) = (0, now);
            }
            last = now;
            account.picture(at(now));
            match account.plan(at(now)).0 {
                Plan::Ask => {
                    spent += terms.cost.0;
                    match draw(4) {
                        0 => drop(account.failed(&late(), at(now))),
                        1 => drop(account.failed(&broken(), at(now))),
                        _ => drop(account.answered()),
                    }
                }
                Plan::HereAndCheck => drop(account.checked(Ok(()), at(now))),
                Plan::Here => {}
            }
            assert!(spent <= terms.budget.0, "seed {seed}: {spent} of {}", terms.budget);
            assert_eq!(account.status().spent, Price(spent), "seed {seed}");
        }
    }
}

#[test]
fn prices_are_shown_to_the_millionth() {
    assert_eq!(Price(1_000_400).to_string(), "1.000400");
}
