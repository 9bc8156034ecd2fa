//! A box's uplink and a receiver on one bench, with a broker between them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use courtside::clock::SystemClock;
use courtside::store::{Finish, OpenError, Opened, Store, StoreError, StoredPlan};
use courtside::uplink::{self, Asked, Config, DayBytes, Handle, Way};
use fleet::{Line, Stored};
use hal::Clock;
use mqtt::{Endpoint, Security};
use outbox::{Gate, Quota};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use wire::clip::ClipRecord;
use wire::envelope::Body;
use wire::event::{EventKind, GameEvent, Stage};
use wire::ids::{BootId, ClipId, EventId};
use wire::time::{MediaInterval, MediaTime, WallTime};
use wire::topic::Device;
use wire::units::{Permille, PictureSize};

/// Both sides' folders and what the receiver told.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) clock: Arc<SystemClock>,
    /// How much may wait for upload at the box.
    pub(crate) quota: Quota,
    /// How the bytes of clips go.
    pub(crate) way: Way,
    /// When clips are uploaded.
    pub(crate) gate: Gate,
    /// Bytes of clips a day.
    pub(crate) day_bytes_max: DayBytes,
    /// How long ago clips begin.
    pub(crate) clip_age: Duration,
    /// Where the box puts commands, if it takes some.
    pub(crate) commands: Option<mpsc::Sender<Asked>>,
    pub(crate) port: u16,
    receiver: Option<JoinHandle<()>>,
    lines: mpsc::Receiver<Line>,
    sender: mpsc::Sender<Line>,
    /// Everything that was told, in order.
    pub(crate) told: Vec<Line>,
}

impl Bench {
    pub(crate) fn new(port: u16) -> Self {
        let (sender, lines) = mpsc::channel(4096);
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            clock: Arc::new(SystemClock::start()),
            quota: Quota { bytes: 1 << 30, files: 1000 },
            way: Way::Messages,
            gate: Gate::default(),
            day_bytes_max: DayBytes::default(),
            clip_age: Duration::ZERO,
            commands: None,
            port,
            receiver: None,
            lines,
            sender,
            told: Vec::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts the receiver; a running one is stopped first, at whatever it is doing.
    pub(crate) async fn restart_receiver(&mut self) {
        self.stop_receiver().await;
        let url = format!("mqtt://127.0.0.1:{}", self.port);
        let text = format!(
            "schema = 1\n[mqtt]\nurl = \"{url}\"\n[store]\ndb = \"fleet.sqlite\"\nclips = \"clips\"\n"
        );
        let config = fleet::config::Config::read(&self.path("fleet.toml"), &text)
            .expect("the configuration is right");
        let (clock, lines) = (Arc::clone(&self.clock), self.sender.clone());
        self.receiver = Some(tokio::spawn(async move {
            fleet::receive(&config, clock, lines).await.expect("the receiver runs until aborted");
        }));
    }

    /// Ends the receiver at whatever it is doing. As after `kill -9`, nothing of it is left when
    /// this returns: a batch that is being stored would otherwise still be closing the database
    /// when the next receiver opens it.
    pub(crate) async fn stop_receiver(&mut self) {
        let Some(receiver) = self.receiver.take() else { return };
        receiver.abort();
        let ended = receiver.await;
        assert!(ended.is_err_and(|error| error.is_cancelled()), "the receiver ran until now");
        self.until("closed files", |bench| !bench.has_open("fleet.sqlite")).await;
    }

    /// Whether this process holds a file open, by the start of its name.
    fn has_open(&self, name: &str) -> bool {
        let start = self.path(name).into_os_string();
        let links = fs::read_dir("/proc/self/fd").expect("Linux").flatten();
        let mut targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        targets.any(|target| {
            target.as_os_str().as_encoded_bytes().starts_with(start.as_encoded_bytes())
        })
    }

    /// The receiver's database and clips are gone.
    pub(crate) fn forget_receiver(&mut self) {
        for name in ["fleet.sqlite", "fleet.sqlite-wal", "fleet.sqlite-shm"] {
            let _not_there = fs::remove_file(self.path(name));
        }
        let _not_there = fs::remove_dir_all(self.path("clips"));
        self.told.clear();
    }

    /// What the receiver's table of boxes says.
    pub(crate) fn state(&self) -> String {
        let database = rusqlite::Connection::open(self.path("fleet.sqlite")).expect("readable");
        let state = database.query_row("SELECT state FROM boxes", [], |row| row.get(0));
        state.unwrap_or_default()
    }

    /// Opens the store and starts the uplink.
    pub(crate) fn start_box(&self) -> (Opened, Handle) {
        let opened = Store::open(&self.path("box.sqlite"), Arc::clone(&self.clock))
            .expect("the store opens");
        self.start_uplink(opened)
    }

    /// The same, as soon as the earlier boot's store has been closed.
    pub(crate) async fn restart_box(&self) -> (Opened, Handle) {
        for _ in 0..1_000 {
            match Store::open(&self.path("box.sqlite"), Arc::clone(&self.clock)) {
                Ok(opened) => return self.start_uplink(opened),
                Err(OpenError::Locked { .. }) => self.pause(10).await,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("the earlier boot holds the store for 10 s");
    }

    fn start_uplink(&self, opened: Opened) -> (Opened, Handle) {
        let config = Config {
            device: device(),
            firmware: "test".to_owned(),
            endpoint: Endpoint::new("127.0.0.1", self.port, &Security::Plain).expect("no TLS"),
            terms: Config::TERMS,
            way: self.way.clone(),
            gate: self.gate,
            day_bytes_max: self.day_bytes_max,
            quota: self.quota,
            commands: self.commands.clone(),
        };
        let handle = uplink::start(config, &opened, Arc::clone(&self.clock));
        (opened, handle)
    }

    /// Waits until `done`, at most a minute; lines are taken meanwhile.
    pub(crate) async fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let deadline = self.clock.now().plus(Duration::from_secs(60));
        loop {
            while let Ok(line) = self.lines.try_recv() {
                self.told.push(line);
            }
            if done(self) {
                return;
            }
            assert!(self.clock.now() < deadline, "a minute passed without: {what}");
            self.pause(10).await;
        }
    }

    pub(crate) async fn pause(&self, ms: u64) {
        self.clock.sleep_until(self.clock.now().plus(Duration::from_millis(ms))).await;
    }

    /// A game event that was decided now.
    pub(crate) fn event(&self, boot: BootId, number: u32) -> Body {
        let wall = self.clock.wall().0;
        let at = MediaTime::from_millis(i64::from(number) * 40);
        Body::Game(GameEvent {
            id: EventId { boot, number },
            revision: 0,
            stage: Stage::Provisional,
            kind: EventKind::MadeShot,
            source: "court-1".parse().expect("a name"),
            hoop: None,
            at,
            interval: MediaInterval { start: at, end: at },
            decided_at: at,
            at_arrived: wall,
            decided_arrived: wall,
            confidence: Permille(900),
            cues: heapless::Vec::new(),
        })
    }

    /// Writes a clip of `bytes` seeded bytes, stores it durably and offers it.
    pub(crate) async fn offer_clip(
        &self,
        (opened, handle): (&Opened, &Handle),
        bytes: usize,
    ) -> ClipRecord {
        let (record, path) = self.cut_clip(opened, bytes).await;
        handle.offer_clip(record.clone(), path).expect("there is room");
        record
    }

    /// Writes a clip and stores it durably, as the cutter does.
    pub(crate) async fn cut_clip(&self, opened: &Opened, bytes: usize) -> (ClipRecord, PathBuf) {
        let id = ClipId(bytes as u128 + (1 << 100));
        let content: Vec<u8> = (0..bytes).map(|i| (i * 31 + i / 251 + bytes) as u8).collect();
        let path = self.path(&format!("{id}.mp4"));
        fs::write(&path, &content).expect("a file");
        let record = ClipRecord {
            id,
            source: "court-1".parse().expect("a name"),
            interval: MediaInterval { start: MediaTime(0), end: MediaTime::from_millis(10_000) },
            frames: 250,
            picture: PictureSize { width: 1280, height: 720 },
            bytes: bytes as u64,
            sha256: format!("{:x}", Sha256::digest(&content)).chars().collect(),
            starts: WallTime(self.clock.wall().0.0 - self.clip_age.as_micros() as i64),
            events: heapless::Vec::new(),
        };
        let plan = StoredPlan { id, payload: vec![1, 2, 3] };
        let mut planned = loop {
            match opened.store.put_plan(plan.clone()) {
                Ok(planned) => break planned,
                Err(StoreError::Busy) => self.pause(1).await,
                Err(error) => panic!("{error}"),
            }
        };
        planned.outcome().await.expect("a plan is stored");
        let finish = Finish::Cut(Box::new(record.clone()), path.clone());
        let mut cut = opened.store.finish_plan(id, finish).expect("there is room");
        cut.outcome().await.expect("a clip is stored");
        (record, path)
    }

    /// How often each (boot, number) was told.
    pub(crate) fn events_told(&self) -> BTreeMap<(u32, u64), usize> {
        let mut told = BTreeMap::new();
        for line in &self.told {
            if let Stored::Event { envelope, .. } = &line.stored {
                *told.entry((envelope.boot.0, envelope.seq.0)).or_default() += 1;
            }
        }
        told
    }

    /// Numbers of a boot that will not come, as they were told, sorted.
    pub(crate) fn missing(&self, of: BootId) -> Vec<u64> {
        let holes = self.told.iter().filter_map(|line| match &line.stored {
            Stored::Hole { boot, from_seq, upto_seq } if *boot == of => Some(*from_seq..=*upto_seq),
            Stored::Hole { .. }
            | Stored::Event { .. }
            | Stored::Clip { .. }
            | Stored::Conflict { .. } => None,
        });
        let mut missing: Vec<u64> = holes.flatten().collect();
        missing.sort_unstable();
        missing
    }

    pub(crate) fn clips_told(&self) -> usize {
        self.told.iter().filter(|line| matches!(line.stored, Stored::Clip { .. })).count()
    }

    pub(crate) fn notices_told(&self) -> usize {
        let notice = |line: &&Line| match &line.stored {
            Stored::Event { envelope, .. } => matches!(envelope.body, Body::Notice(_)),
            Stored::Clip { .. } | Stored::Hole { .. } | Stored::Conflict { .. } => false,
        };
        self.told.iter().filter(notice).count()
    }

    /// The box's copy of a clip.
    pub(crate) fn copy_of(&self, clip: &ClipRecord) -> PathBuf {
        self.path(&format!("{}.mp4", clip.id))
    }

    /// Latencies of the events told, in milliseconds, sorted.
    pub(crate) fn latencies(&self) -> Vec<f64> {
        let latency = |line: &Line| match &line.stored {
            Stored::Event { latency_ms, .. } => *latency_ms,
            Stored::Clip { .. } | Stored::Hole { .. } | Stored::Conflict { .. } => None,
        };
        let mut all: Vec<f64> = self.told.iter().filter_map(latency).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    /// The clip at the receiver is the clip of the record, with its sidecar.
    pub(crate) fn assert_delivered(&self, record: &ClipRecord) {
        let folder = self.path("clips").join("demo").join("box-1");
        let bytes = fs::read(folder.join(format!("{}.mp4", record.id))).expect("the clip");
        assert_eq!(format!("{:x}", Sha256::digest(&bytes)), record.sha256.as_str());
        let sidecar = fs::read(folder.join(format!("{}.json", record.id))).expect("the sidecar");
        let sidecar: ClipRecord = serde_json::from_slice(&sidecar).expect("a record");
        assert_eq!(&sidecar, record);
        let parts = fs::read_dir(folder.join(".part")).map_or(0, Iterator::count);
        assert_eq!(parts, 0, "nothing is left in .part");
        assert!(!self.copy_of(record).exists(), "the box's copy is gone");
    }
}

pub(crate) fn device() -> Device {
    Device { tenant: "demo".parse().expect("a name"), device: "box-1".parse().expect("a name") }
}

/// The value below which `share` of the sorted values lie.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}
