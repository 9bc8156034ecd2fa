//! Lines, with a server that is a function and a thread that each test steps by itself.

use std::sync::Mutex;

use super::*;

const TERMS: Terms =
    Terms { deadline: Duration::from_millis(300), cost: Price(1), budget: Price(1_000_000) };

/// What the server says, in turn.
struct Scripted(Vec<Answer>);

impl Remote for Scripted {
    fn check(&mut self, _: &Signature) -> Result<(), CheckError> {
        match self.0.remove(0) {
            Answer::Checked(said) => said,
            Answer::Ran(_) => panic!("a question is expected, not a check"),
        }
    }
}

impl hal::infer::Infer for Scripted {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, InferError> {
        assert_eq!(inputs, [question()]);
        match self.0.remove(0) {
            Answer::Ran(said) => said.map(|tensor| vec![tensor]),
            Answer::Checked(_) => panic!("a check is expected, not a question"),
        }
    }

    fn engine(&self) -> &str {
        "scripted"
    }
}

fn question() -> Tensor {
    Tensor { shape: vec![2], data: vec![1.0, 2.0] }
}

fn signature() -> Signature {
    Signature {
        network: "players/nano".into(),
        input: "in".into(),
        input_shape: vec![2],
        output: "out".into(),
        output_shape: vec![1],
    }
}

fn answer() -> Answer {
    Answer::Ran(Ok(Tensor { shape: vec![1], data: vec![3.0] }))
}

fn at(ms: u64) -> Monotonic {
    Monotonic::from_millis(ms)
}

type News = Arc<Mutex<Vec<String>>>;

fn line() -> (Line, Carrier, Shared, News) {
    let (account, news) = (Shared::new(Account::new(TERMS, 1)), News::default());
    let heard = Arc::clone(&news);
    let tell = move |news: &super::News| {
        heard.lock().expect("nobody panics").push(news.to_string());
    };
    let (line, carrier) = Line::new(&account, Box::new(tell));
    (line, carrier, account, news)
}

/// Lets the line's thread do what waits for it, and no more.
fn step(carrier: &Carrier, server: &mut Scripted) {
    let job = carrier.jobs.try_recv().expect("something waits");
    let (one, only) = sync_channel(1);
    one.send(job).expect("there is room");
    drop(one);
    carry(Carrier { jobs: only, answers: carrier.answers.clone() }, server);
}

impl Remote for &mut Scripted {
    fn check(&mut self, wanted: &Signature) -> Result<(), CheckError> {
        Scripted::check(self, wanted)
    }
}

impl hal::infer::Infer for &mut Scripted {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, InferError> {
        Scripted::run(self, inputs)
    }

    fn engine(&self) -> &str {
        "scripted"
    }
}

/// A line whose server was checked at 0 ms.
fn checked(said: Vec<Answer>) -> (Line, Carrier, Shared, News, Scripted) {
    let (mut line, carrier, account, news) = line();
    let mut server = Scripted(said);
    server.0.insert(0, Answer::Checked(Ok(())));
    line.picture(at(0));
    assert_eq!(line.look(at(0), question, signature), By::Here);
    step(&carrier, &mut server);
    line.picture(at(1));
    (line, carrier, account, news, server)
}

#[test]
fn a_look_is_answered_elsewhere_once_the_server_was_checked() {
    let (mut line, carrier, account, news, mut server) = checked(vec![answer()]);
    assert_eq!(line.look(at(500), question, signature), By::Server);
    assert!(matches!(line.outcome(at(540)), Outcome::Waiting));
    step(&carrier, &mut server);
    // In time for the thread, a picture late for us.
    let Outcome::Answered(answer) = line.outcome(at(810)) else { panic!("it has answered") };
    assert_eq!(answer.data, [3.0]);
    let counts = account.status().counts;
    assert_eq!((counts.calls, counts.answers, counts.here), (1, 1, 1));
    assert_eq!(*news.lock().expect("nobody panics"), ["it serves the lane from now on"]);
}

#[test]
fn at_the_deadline_the_box_answers_and_until_the_call_is_over_the_looks_after_it_too() {
    let (mut line, carrier, account, _, mut server) = checked(vec![answer(), answer()]);
    assert_eq!(line.look(at(500), question, signature), By::Server);
    line.picture(at(799));
    assert!(matches!(line.outcome(at(799)), Outcome::Waiting));
    assert!(matches!(line.outcome(at(800)), Outcome::Here));
    line.picture(at(1_000));
    assert_eq!(line.look(at(1_000), question, signature), By::Here, "the line is taken");
    step(&carrier, &mut server);
    // The server is on trial, so one overrun is enough; its late answer counts for nothing.
    line.picture(at(1_100));
    let status = account.status();
    let Counts { calls, answers, overruns, busy, here, .. } = status.counts;
    assert_eq!((calls, answers, overruns, busy, here), (1, 0, 1, 1, 3));
    assert_eq!(status.state, "away");
    assert_eq!(line.look(at(1_200), question, signature), By::Here);
    assert_eq!(account.status().counts.busy, 1, "the line is free");
}

#[test]
fn a_failed_call_is_answered_here_at_once() {
    let failed = Answer::Ran(Err(lost("no GPU")));
    let (mut line, carrier, account, news, mut server) = checked(vec![failed]);
    assert_eq!(line.look(at(500), question, signature), By::Server);
    step(&carrier, &mut server);
    assert!(matches!(line.outcome(at(540)), Outcome::Here));
    assert_eq!(account.status().counts.failures, 1);
    let news = news.lock().expect("nobody panics");
    assert!(news.len() == 1 && news[0].contains("no GPU"), "{news:?}");
}

#[test]
fn a_line_without_its_thread_is_a_server_that_is_away() {
    let (mut line, carrier, account, _, _) = checked(Vec::new());
    drop(carrier);
    assert_eq!(line.look(at(500), question, signature), By::Server);
    assert!(matches!(line.outcome(at(540)), Outcome::Here));
    assert_eq!(account.status().state, "away");
    line.picture(at(100_000));
    assert_eq!(line.look(at(100_000), question, signature), By::Here);
    line.picture(at(100_040));
    assert_eq!(account.status().state, "away");
}

#[test]
fn new_networks_are_checked_before_they_are_asked_for() {
    let said = vec![answer(), Answer::Checked(Ok(())), answer()];
    let (mut line, carrier, account, _, mut server) = checked(said);
    assert_eq!(line.look(at(500), question, signature), By::Server);
    line.renewed();
    step(&carrier, &mut server);
    line.picture(at(600));
    assert_eq!(account.status().counts.answers, 0, "an answer of the network before");
    assert_eq!(line.look(at(1_000), question, signature), By::Here);
    step(&carrier, &mut server);
    line.picture(at(1_040));
    assert_eq!(line.look(at(1_500), question, signature), By::Server);
}

#[test]
fn a_line_that_is_dropped_ends_its_thread() {
    let (line, carrier, _, _) = line();
    let thread = std::thread::spawn(move || carry(carrier, Scripted(Vec::new())));
    drop(line);
    thread.join().expect("it does not panic");
}
