//! A players lane that another machine serves: a running inference stage, the real client, and a
//! server on this machine that does what a test wants.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use courtside::stages::spawn;
use governor::{FrameRate, OperatingPoint, Shed};
use hal::infer::{Infer, Tensor};
use kserve::{Address, Endpoint, Server};
use models::lanes::players::PlayersReading;
use models::{Engines, Pack};
use pipeline::players::PlayersReport;
use pipeline::remote::{Account, Line, Price, Shared, Status, Terms, carry};

use crate::fixture;
use crate::stand_in::{Fault, Model, Offers, StandIn};
use crate::swap::Running;

const RED: [u8; 3] = [81, 90, 240];
const ENOUGH: OperatingPoint = OperatingPoint {
    frame_rate: FrameRate(30_000),
    shed: Shed::Nothing,
    ..OperatingPoint::SMALLEST
};
/// Of the stage's clock, which stands still; the client's is ten times as long, for busy machines.
const DEADLINE_MS: u64 = 1_000;
const FREE: Terms =
    Terms { deadline: Duration::from_millis(DEADLINE_MS), cost: Price(0), budget: Price(0) };
/// Numbers of the fixture's answer.
const SHAPE: [usize; 3] = [1, 84, 7];

/// What the server says about a picture.
enum Says {
    /// What the box's own network says.
    TheSame,
    /// That nobody is there.
    Nobody,
}

fn server(says: Says) -> StandIn {
    let run: Box<dyn Fn(Vec<f32>) -> Vec<f32> + Send + Sync> = match says {
        Says::Nobody => Box::new(|_| vec![0.0; SHAPE.iter().product()]),
        Says::TheSame => {
            let folder = fixture::players();
            let pack = Pack::open(folder.path(), &fixture::trust(), &Engines::default());
            let network = pack.and_then(|pack| pack.network("nano")).expect("it is good");
            let network = Mutex::new(network);
            Box::new(move |data| {
                let input = Tensor { shape: vec![1, 3, 64, 64], data };
                let output = network.lock().expect("nobody panics").run(&[input]);
                output.expect("it runs").swap_remove(0).data
            })
        }
    };
    let (input, output) = (("images", vec![1, 3, 64, 64]), ("output", SHAPE.to_vec()));
    StandIn::start(Model { input, output, run }, Offers::Binary)
}

/// A stage whose players lane asks a server, and what is told of it.
struct Asking {
    running: Running,
    account: Shared,
    news: Arc<Mutex<Vec<String>>>,
}

impl Asking {
    fn start(server: &StandIn, terms: Terms) -> Self {
        let account = Shared::new(Account::new(terms, 3));
        let news = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&news);
        let tell = move |news: &pipeline::remote::News| {
            heard.lock().expect("nobody panics").push(news.to_string());
        };
        let (line, carrier) = Line::new(&account, Box::new(tell));
        let endpoint = Endpoint {
            address: Address::parse(&server.url()).expect("a good address"),
            model: "people".into(),
            version: None,
            deadline: Duration::from_millis(10 * DEADLINE_MS),
            ca: None,
            token: None,
        };
        let server = Server::new(endpoint).expect("it needs no file");
        spawn("remote", move || carry(carrier, server)).expect("the system has threads");
        let line: Option<Line> = Some(line);
        let running = Running::asking(ENOUGH, Some(&fixture::players()), line);
        Self { running, account, news }
    }

    /// Shows pictures until the account is as it should be. The stage's clock stands still.
    async fn until(&mut self, what: &str, reached: impl Fn(&Status) -> bool) -> Status {
        for _ in 0..200_000 {
            let status = self.account.status();
            if reached(&status) {
                return status;
            }
            self.show(1).await;
        }
        panic!("never {what}: {:?}", self.account.status());
    }

    /// Shows so many pictures; all that follows from them is over then, but for what the server
    /// does.
    async fn show(&mut self, count: usize) {
        assert_eq!(self.running.show_yuv(RED, count).await.len(), count, "all are analysed");
        self.running.idle().await;
    }

    /// Until the server is asked for the next look.
    async fn serving(server: &StandIn, terms: Terms) -> Self {
        let mut asking = Self::start(server, terms);
        asking.until("serving", |status| status.state == "serving").await;
        asking
    }

    fn newest(&self) -> PlayersReport {
        self.running.links.players.try_take().expect("somebody looked")
    }

    fn told(&self) -> Vec<String> {
        self.news.lock().expect("nobody panics").clone()
    }
}

/// What the box itself sees in a red picture.
async fn seen_here() -> PlayersReading {
    let mut running = Running::at(ENOUGH, Some(&fixture::players()));
    running.show_yuv(RED, 2).await;
    let seen = running.links.players.try_take().expect("it looked").seen;
    assert!(!seen.people.is_empty());
    running.stop();
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_are_answered_by_the_server_as_the_box_would_answer_them() {
    let server = server(Says::TheSame);
    let mut asking = Asking::serving(&server, FREE).await;
    let before = asking.account.status().counts.here;
    asking.until("answered", |status| status.counts.answers >= 3).await;
    assert_eq!(asking.newest().seen, seen_here().await);
    let counts = asking.account.status().counts;
    assert_eq!(counts.here, before, "the box looked no more");
    assert_eq!((counts.failures, counts.overruns, counts.busy), (0, 0, 0));
    assert_eq!(asking.told(), ["it serves the lane from now on"]);
    asking.running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_sees_nobody_is_believed() {
    let server = server(Says::Nobody);
    let mut asking = Asking::serving(&server, FREE).await;
    asking.until("answered", |status| status.counts.answers >= 1).await;
    assert_eq!(asking.newest().seen, PlayersReading::default());
    asking.running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_frame_waits_for_a_silent_server_and_at_the_deadline_the_box_answers() {
    let server = server(Says::Nobody);
    let mut asking = Asking::serving(&server, FREE).await;
    // The call on trial must not be the one that is left without an answer.
    let idle =
        |status: &Status| status.counts.answers > 0 && status.counts.answers == status.counts.calls;
    asking.until("answered", idle).await;
    server.set(Fault::Silent);
    let calls = asking.account.status().counts.calls;
    asking.until("asked", |status| status.counts.calls > calls).await;
    let _ = asking.running.links.players.try_take();
    let looks = asking.running.links.counters.players_looks.get();
    // The server has the question; every picture is analysed meanwhile, and no look is made.
    asking.show(100).await;
    assert_eq!(asking.running.links.counters.players_looks.get(), looks);
    asking.running.wait(DEADLINE_MS);
    asking.show(1).await;
    let newest = asking.newest();
    assert_eq!(newest.seen, seen_here().await, "of the same picture");
    assert_eq!(asking.account.status().counts.overruns, 1);
    asking.running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_with_an_answer_the_box_gives_its_own_at_once() {
    let seen = seen_here().await;
    let faults = [
        Fault::Fails,
        Fault::Garbage,
        Fault::OtherShape,
        Fault::TooFew,
        Fault::NotFinite,
        Fault::Closes,
        Fault::Breaks,
        Fault::Endless,
    ];
    for fault in faults {
        let server = server(Says::Nobody);
        let mut asking = Asking::serving(&server, FREE).await;
        server.set(fault);
        let failed = asking.until("failed", |status| status.counts.failures == 1).await;
        assert_eq!(asking.newest().seen, seen, "{fault:?}");
        assert_eq!(failed.counts.overruns, 0, "{fault:?}");
        assert_eq!(asking.running.health.failures.get(), 0, "no failure of the pack");
        asking.running.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_is_given_up_and_used_again_when_it_is_back() {
    let server = server(Says::TheSame);
    let mut asking = Asking::serving(&server, FREE).await;
    asking.until("answered", |status| status.counts.answers >= 2).await;
    server.set(Fault::Fails);
    let away = asking.until("given up", |status| status.state == "away").await;
    assert_eq!(away.counts.failures, 3);
    let calls = server.calls();
    asking.show(60).await;
    assert_eq!(server.calls(), calls, "it is left alone");
    assert_eq!(asking.newest().seen, seen_here().await);
    server.set(Fault::Closes);
    for _ in 0..4 {
        let checks = asking.account.status().counts.checks;
        asking.running.wait(60_000);
        asking.until("checked", |status| status.counts.checks > checks).await;
        asking.until("away again", |status| status.state == "away").await;
    }
    server.set(Fault::None);
    asking.running.wait(60_000);
    let answers = away.counts.answers;
    asking.until("back", |status| status.counts.answers >= answers + 2).await;
    let told = asking.told();
    let [first, given_up, back] = told.as_slice() else { panic!("once a change: {told:?}") };
    assert_eq!((first, first), (back, &"it serves the lane from now on".to_owned()));
    assert!(given_up.contains("until it is back") && given_up.contains("no GPU"), "{given_up}");
    asking.running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_makes_as_many_calls_as_its_budget_buys_and_the_next_game_as_many() {
    let server = server(Says::TheSame);
    // Four and a half calls.
    let terms = Terms { cost: Price(400), budget: Price(1_800), ..FREE };
    let mut asking = Asking::serving(&server, terms).await;
    let spent = asking.until("spent", |status| status.state == "spent").await;
    asking.until("all answered", |status| status.counts.answers == 4).await;
    assert_eq!((spent.spent, spent.counts.calls), (Price(1_600), 4));
    asking.show(300).await;
    assert_eq!(server.calls(), 4, "twenty looks later");
    assert_eq!(asking.newest().seen, seen_here().await);
    asking.running.wait(600_000);
    asking.until("spent again", |status| status.counts.answers == 8).await;
    asking.show(300).await;
    assert_eq!(server.calls(), 8);
    let told = asking.told();
    assert_eq!(told.len(), 4, "served, spent, served, spent: {told:?}");
    for spent in [&told[1], &told[3]] {
        assert!(spent.contains("until the next game: 0.001600 of the budget"), "{spent}");
    }
    asking.running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_another_model_is_not_asked_and_the_box_looks_itself() {
    let model = Model {
        input: ("images", vec![1, 3, 32, 32]),
        output: ("output", SHAPE.to_vec()),
        run: Box::new(|_| unreachable!("nobody asks")),
    };
    let server = StandIn::start(model, Offers::Json);
    let mut asking = Asking::start(&server, FREE);
    asking.until("refused", |status| status.state == "away" && status.counts.here > 2).await;
    assert_eq!((server.calls(), asking.account.status().counts.calls), (0, 0));
    assert_eq!(asking.newest().seen, seen_here().await);
    let told = asking.told();
    assert!(told.len() == 1 && told[0].contains("its input's shape is [1, 3, 32, 32]"), "{told:?}");
    asking.running.stop();
}
