//! The link between real kernels' ends: what `ping` and `iperf3` find, and what is left afterwards.
//!
//! Tolerances are wide, as the machine may be busy; how exact the link is stands in
//! `docs/link-emulator.md`.
#![forbid(unsafe_code)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use link::emulator::Way;
use link::model::{Change, Count, Settings};
use link::namespaces::{self, Namespaces, Side};
use link::testbed::{Direction, Plan, Testbed};
use link::units::{BitsPerSecond, Bytes, PerMillion};
use rustix::process::{Pid, Signal, kill_process};

/// Whether this machine can run these programs in namespaces; if not, says why.
fn can_run(programs: &[&str]) -> bool {
    if let Err(why) = namespaces::available() {
        println!("SKIPPED: {why}");
        return false;
    }
    let is_there = |program: &&str| {
        let mut command = Command::new(program);
        command.arg("-v").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok()
    };
    let missing: Vec<_> = programs.iter().filter(|program| !is_there(program)).collect();
    if !missing.is_empty() {
        println!("SKIPPED: there is no {missing:?}; run scripts/setup test");
    }
    missing.is_empty()
}

fn settings() -> Settings {
    Settings {
        rate: BitsPerSecond::from_mbit(20),
        delay: Duration::from_millis(25),
        queue: Bytes::from_kib(128),
        loss: PerMillion(0),
    }
}

fn plan(up: Settings) -> Plan {
    Plan { up: Direction::steady(up), down: Direction::steady(settings()), seed: 1 }
}

/// What a program that ends by itself said.
fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("it was looked for before");
    let text = |bytes| String::from_utf8(bytes).expect("these programs speak ASCII");
    let (said, complained) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{said}{complained}", output.status);
    said
}

fn ping(testbed: &Testbed, arguments: &str) -> Command {
    let mut ping = testbed.command(Side::Box, "ping");
    ping.args(["-q", "-n"]).args(arguments.split(' ')).arg(Side::Cloud.address().to_string());
    ping
}

/// Sends by TCP from the box for some seconds; returns what the cloud received, in bits a second.
fn upload(testbed: &Testbed, seconds: &str) -> f64 {
    let mut server = testbed.command(Side::Cloud, "iperf3");
    server.args(["--server", "--one-off", "--forceflush"]).stdout(Stdio::piped());
    let mut server = server.spawn().expect("ip was looked for before");
    let mut said = BufReader::new(server.stdout.take().expect("its output is piped"));
    let mut line = String::new();
    while !line.contains("listening") {
        line.clear();
        let length = said.read_line(&mut line).expect("iperf3 speaks ASCII");
        assert_ne!(length, 0, "iperf3 ended before it listened");
    }
    let mut client = testbed.command(Side::Box, "iperf3");
    client.args(["--json", "--time", seconds, "--client", &Side::Cloud.address().to_string()]);
    let result: serde_json::Value =
        serde_json::from_str(&output(&mut client)).expect("iperf3 was asked for JSON");
    said.read_to_string(&mut line).expect("iperf3 speaks ASCII");
    server.wait().expect("it is a child and was not waited for");
    result["end"]["sum_received"]["bits_per_second"].as_f64().expect("iperf3 tells the rate")
}

/// Whether a namespace whose name begins so is there.
fn has_namespace(stem: &str) -> bool {
    output(Command::new("ip").args(["netns", "list"])).lines().any(|line| line.starts_with(stem))
}

#[test]
fn ping_takes_the_round_trip_time() {
    if !can_run(&["ping"]) {
        return;
    }
    let testbed = Testbed::open(plan(settings())).unwrap();
    let said = output(&mut ping(&testbed, "-c 20 -i 0.05"));
    // rtt min/avg/max/mdev = 50.2/50.3/50.5/0.1 ms
    let times = said.split("mdev = ").nth(1).unwrap();
    let times: Vec<f64> = times.split('/').map_while(|time| time.parse().ok()).collect();
    assert!((50.0..55.0).contains(&times[0]), "{said}");
    assert!((50.0..75.0).contains(&times[1]), "{said}");
    let report = testbed.close().unwrap();
    // The kernels send nothing else: no ARP, no IPv6.
    let echoes = Count { packets: 20, bytes: 20 * 84 };
    assert_eq!((report.up.delivered, report.down.delivered), (echoes, echoes));
}

#[test]
fn upload_gets_the_rate_of_the_link_and_fills_the_queue_that_is_far_away() {
    if !can_run(&["iperf3"]) {
        return;
    }
    let up = Settings { rate: BitsPerSecond::from_mbit(2), ..settings() };
    let testbed = Testbed::open(plan(up)).unwrap();
    testbed.namespaces().set_congestion_control(Side::Box, "reno").unwrap();
    let rate = upload(&testbed, "4");
    // Headers take 3.5 %; the slow start and the end of the transfer a little more.
    assert!((1.5e6..2.0e6).contains(&rate), "{rate}");
    let overruns = testbed.namespaces().overruns(Side::Box).unwrap();
    assert_eq!(overruns, 0, "the link saw every packet");
    let report = testbed.close().unwrap();
    // A shaper on the box's own interface would have held the socket back.
    assert!((60_000..=131_072).contains(&report.up.queue_bytes_peak), "{report:?}");
    assert_eq!(report.refused_total, 0);
}

#[test]
fn rate_can_be_changed_while_it_runs() {
    if !can_run(&["iperf3"]) {
        return;
    }
    let testbed = Testbed::open(plan(settings())).unwrap();
    let fast = upload(&testbed, "2");
    testbed.change(Way::Up, Change::Rate(BitsPerSecond::from_mbit(1)));
    let slow = upload(&testbed, "2");
    assert!((8e6..20e6).contains(&fast), "{fast}");
    assert!((0.6e6..1.0e6).contains(&slow), "{slow}");
}

#[test]
fn outage_stops_everything_and_it_comes_back() {
    if !can_run(&["ping"]) {
        return;
    }
    let testbed = Testbed::open(plan(settings())).unwrap();
    let arguments = "-c 3 -i 0.1 -W 1";
    output(&mut ping(&testbed, arguments));
    testbed.change_both(Change::Down);
    let status = ping(&testbed, arguments).stdout(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1), "ping tells so that nobody answered");
    testbed.change_both(Change::Up);
    output(&mut ping(&testbed, arguments));
    let report = testbed.close().unwrap();
    assert_eq!(report.up.dropped_outage.packets, 3);
    assert_eq!((report.up.delivered.packets, report.down.delivered.packets), (6, 6));
}

#[test]
fn same_seed_loses_the_same_packets() {
    if !can_run(&["ping"]) {
        return;
    }
    let lost = |seed| {
        let lossy = Settings { loss: PerMillion::from_percent(20), ..settings() };
        let testbed = Testbed::open(Plan { seed, ..plan(lossy) }).unwrap();
        // Ends as soon as all have been answered, or a second after the last one.
        let _ = ping(&testbed, "-c 200 -i 0.005 -W 1").stdout(Stdio::null()).status().unwrap();
        let report = testbed.close().unwrap();
        assert_eq!(report.up.accepted.packets, 200);
        report.up.dropped_loss.packets
    };
    let first = lost(7);
    // Four standard deviations: √(200 × 0.2 × 0.8) = 5.7.
    assert!((18..=62).contains(&first), "{first}");
    assert_eq!(lost(7), first);
}

#[test]
fn every_congestion_control_of_the_kernel_can_be_chosen_and_no_other() {
    if !can_run(&[]) {
        return;
    }
    let (namespaces, _devices) = Namespaces::make().unwrap();
    let available = namespaces.congestion_controls(Side::Box).unwrap();
    assert!(available.iter().any(|name| name == "reno"), "{available:?}");
    for name in &available {
        namespaces.set_congestion_control(Side::Box, name).unwrap();
        let mut routes = Command::new("ip");
        routes.args(["-n", &namespaces.name(Side::Box), "route"]);
        assert!(output(&mut routes).contains(&format!("congctl {name}")), "{name}");
    }
    let error = namespaces.set_congestion_control(Side::Box, "courtside").unwrap_err();
    assert!(error.to_string().contains("reno"), "{error}");
}

#[test]
fn packets_that_nobody_takes_are_told_as_overruns() {
    if !can_run(&["ping"]) {
        return;
    }
    let (namespaces, _unread) = Namespaces::make().unwrap();
    let mut ping = namespaces.command(Side::Box, "ping");
    // More than the kernel keeps for a device, which is 500 packets.
    ping.args(["-q", "-l", "700", "-c", "700", "-w", "1", "10.77.0.2"]).stdout(Stdio::null());
    assert_eq!(ping.status().unwrap().code(), Some(1));
    let overruns = namespaces.overruns(Side::Box).unwrap();
    assert!((1..=200).contains(&overruns), "{overruns}");
    assert_eq!(namespaces.overruns(Side::Cloud).unwrap(), 0);
}

#[test]
fn nothing_is_left_after_a_panic() {
    if !can_run(&[]) {
        return;
    }
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let panicking = std::thread::spawn(move || {
        let testbed = Testbed::open(plan(settings())).unwrap();
        let sleeper = testbed.command(Side::Cloud, "sleep").arg("1000").spawn().unwrap();
        let name = testbed.namespaces().name(Side::Cloud);
        assert!(has_namespace(&name));
        tell.send((sleeper, name)).unwrap();
        panic!("as a failing test does");
    });
    let (mut sleeper, name) = told.recv().unwrap();
    assert!(panicking.join().is_err());
    assert!(!has_namespace(name.strip_suffix("cloud").unwrap()));
    // Killed, so this does not wait for long.
    assert!(!sleeper.wait().unwrap().success());
}

#[test]
fn program_tells_the_boxs_exit_code_and_what_became_of_the_packets() {
    if !can_run(&["ping"]) {
        return;
    }
    let mut program = Command::new(env!("CARGO_BIN_EXE_courtside-link"));
    program.args(["--rtt", "20ms", "--at", "0s", "outage=1ms", "--cloud", "sleep 1000"]);
    let child = program.args(["--box", "ping -c 3 -i 0.1 -W 2 $CLOUD > /dev/null; exit 7"]);
    let child = child.stdout(Stdio::piped()).spawn().unwrap();
    let stem = format!("link-{}-", child.id());
    let output = child.wait_with_output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(7), "{table}");
    let delivered = table.lines().find(|line| line.starts_with("delivered")).unwrap();
    let numbers: Vec<_> = delivered.split_whitespace().skip(1).collect();
    assert_eq!(numbers, ["3", "252", "3", "252"], "{table}");
    assert!(!has_namespace(&stem));
}

#[test]
fn program_that_is_told_to_end_leaves_nothing() {
    if !can_run(&[]) {
        return;
    }
    let mut program = Command::new(env!("CARGO_BIN_EXE_courtside-link"));
    program.args(["--box", "echo ready; sleep 1000"]).stdout(Stdio::piped());
    let mut child = program.spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let stem = format!("link-{}-", child.id());
    assert!(has_namespace(&stem));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!has_namespace(&stem));
}
