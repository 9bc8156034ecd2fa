//! A link with a broker, a receiver and an observer at its far end.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use courtside::clock::SystemClock;
use hal::Clock;
use link::emulator::Way;
use link::model::{Change, Settings};
use link::namespaces::Side;
use link::testbed::{Direction, Plan, Testbed};

use super::observer::Arrival;
use super::stretch::Stretch;
use super::{BROKER, BUCKET, Design, Load};

/// Programs that are ended when this is dropped.
#[derive(Default)]
struct Programs(Vec<Child>);

impl Drop for Programs {
    fn drop(&mut self) {
        // Who needs the broker goes before it.
        for child in self.0.iter_mut().rev() {
            let _ended_already = child.kill();
            let _status = child.wait();
        }
    }
}

pub(super) struct Scene {
    // Ended before the namespaces that they run in are removed.
    programs: Programs,
    arrived: Arc<Mutex<Vec<Arrival>>>,
    testbed: Testbed,
    folder: tempfile::TempDir,
}

/// What the kernel offers the box.
pub(super) fn congestion_controls() -> Vec<String> {
    let file = "/proc/sys/net/ipv4/tcp_available_congestion_control";
    let text = fs::read_to_string(file).unwrap_or_else(|_| "cubic".to_owned());
    text.split_whitespace().map(str::to_owned).collect()
}

impl Scene {
    pub(super) fn open(
        (up, down): (Settings, Settings),
        (control, design): (&str, Design),
    ) -> Self {
        let direction = Direction::steady;
        let plan = Plan { up: direction(up), down: direction(down), seed: 7 };
        let testbed = Testbed::open(plan).expect("a link");
        testbed.namespaces().set_congestion_control(Side::Box, control).expect("it is offered");
        let folder = tempfile::tempdir().expect("a folder");
        let mut programs = Programs::default();
        let configuration = folder.path().join("mosquitto.conf");
        let text = format!(
            "listener {} {}\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\n",
            BROKER.port(),
            BROKER.ip()
        );
        fs::write(&configuration, text).expect("a file");
        let mut broker = testbed.command(Side::Cloud, "mosquitto");
        broker.arg("-c").arg(&configuration);
        let mut broker = quiet(&mut broker).stderr(Stdio::piped()).spawn().expect("mosquitto");
        let log = BufReader::new(broker.stderr.take().expect("piped"));
        programs.0.push(broker);
        let mut log = log.lines().map_while(Result::ok);
        assert!(log.any(|line| line.ends_with("running")), "mosquitto runs");
        // It must not wait for somebody to read it.
        thread::spawn(move || log.count());
        programs.0.push(receiver((&testbed, design), &folder));
        let mut observer = own(&testbed, Side::Cloud);
        observer.arg("observer");
        if design == Design::Links {
            observer.arg("--bucket");
        }
        observer.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut observer = observer.spawn().expect("ourselves");
        let mut said = BufReader::new(observer.stdout.take().expect("piped")).lines();
        programs.0.push(observer);
        let ready = said.next().expect("the observer lives").expect("text");
        assert_eq!(ready, "ready");
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&arrived);
        // Ends with the observer.
        thread::spawn(move || {
            for arrival in said.map_while(Result::ok).filter_map(|line| Arrival::read(&line)) {
                noted.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
            }
        });
        Self { programs, arrived, testbed, folder }
    }

    /// Runs a sender: what arrived in a stretch that begins so long after its first arrival.
    pub(super) async fn run(&mut self, design: Design, load: Load, take: Take<'_>) -> Stretch {
        let clock = SystemClock::start();
        let mut sender = own(&self.testbed, Side::Box);
        sender.arg("sender").arg("--folder").arg(self.folder.path());
        let name = design.to_possible_value().expect("every design has a name");
        sender.args(["--design", name.get_name()]);
        if let Some(every) = load.event_every {
            sender.args(["--event-ms", &every.as_millis().to_string()]);
        }
        if load.clip {
            sender.arg("--clip");
        }
        self.programs.0.push(quiet(&mut sender).spawn().expect("ourselves"));
        let pause = |ms| clock.sleep_until(clock.now().plus(Duration::from_millis(ms)));
        let first = loop {
            if let Some(first) = self.arrivals().first() {
                break first.at();
            }
            pause(20).await;
        };
        let mut began = first;
        for (after, change) in take.changes {
            began = first + after.as_micros() as i64;
            pause((began - clock.wall().0.0).max(0) as u64 / 1_000).await;
            self.testbed.change(Way::Up, *change);
        }
        let begin = began + take.after.as_micros() as i64;
        let end = begin + take.seconds as i64 * 1_000_000;
        pause((end - clock.wall().0.0).max(0) as u64 / 1_000).await;
        let overruns = self.testbed.namespaces().overruns(Side::Box).expect("the kernel tells");
        assert_eq!(overruns, 0, "the emulator was too slow: this run tells nothing");
        // The clock of a stretch of seconds begins with it.
        Stretch::of(&self.arrivals(), begin, take.seconds)
    }

    fn arrivals(&self) -> Vec<Arrival> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is counted of a run.
#[derive(Clone, Copy)]
pub(super) struct Take<'a> {
    /// Changes of the way up, by the time after the first arrival.
    pub(super) changes: &'a [(Duration, Change)],
    /// From the last change, or the first arrival, to the stretch.
    pub(super) after: Duration,
    pub(super) seconds: u64,
}

/// Ourselves, in another role.
fn own(testbed: &Testbed, side: Side) -> Command {
    testbed.command(side, env::current_exe().expect("Linux"))
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null())
}

fn receiver((testbed, design): (&Testbed, Design), folder: &tempfile::TempDir) -> Child {
    let file = folder.path().join("fleet.toml");
    let clips = match design {
        Design::Links => format!("clips = \"s3://{}\"\nspool = \"clips\"", s3_server::BUCKET),
        Design::Ours | Design::OneConnection | Design::TwoConnections => {
            "clips = \"clips\"".to_owned()
        }
    };
    let text = format!(
        "schema = 1\n[mqtt]\nurl = \"mqtt://{BROKER}\"\n[store]\ndb = \"fleet.sqlite\"\n{clips}\n"
    );
    fs::write(&file, text).expect("a file");
    let mut receiver = own(testbed, Side::Cloud);
    receiver.arg("receiver").arg("--config").arg(file);
    receiver.envs(s3_server::environment(&format!("http://{BUCKET}")));
    quiet(&mut receiver).spawn().expect("ourselves")
}
