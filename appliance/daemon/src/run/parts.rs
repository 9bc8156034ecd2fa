//! The parts of a running box, started in order and stopped in the reverse one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use boards::{Detected, Why};
use futures_lite::future::block_on;
use pipeline::cut::ClipSink;
use pipeline::cutting::{CutHealth, CutStage, cut_clips};
use pipeline::director::{Director, SourceProfile};
use pipeline::health::Watch;
use pipeline::links::{CutItem, Cuts};
use pipeline::record::FragmentStore;
use pipeline::recording::{Progress, RecordHealth, RecordStage, record};
use pipeline::remote::Shared;
use pipeline::source::Pace;

use tokio::sync::watch;
use tracing::{info, warn};
use wire::envelope::{Body, NoticeKind};
use wire::ids::{BootId, Name};

use super::governing::{self, Governing, Links};
use super::{leftovers, make_data_dir, sending};
use crate::calibrate;
use crate::clock::SystemClock;
use crate::commands::Means;
use crate::config::{self, Config, Input, Sport};
use crate::drivers::{self, Drivers};
use crate::engine::{self, Packs};
use crate::hardware;
use crate::inputs::{Outlet, Presence, Tell};
use crate::outputs::{Decisions, Ids, Recorded, Shipping, notice};
use crate::packs::engines;
use crate::packs::shelf::Shelf;
use crate::packs::watch::{Exchange, Stock};
use crate::remote::Elsewhere;
use crate::stages::{SourceLanes, Stages, spawn};
use crate::store::Store;
use crate::telemetry::Telemetry;
use crate::uplink;
use crate::vault::{Clips, Recordings};

/// See the module.
pub(super) struct Parts {
    boot: BootId,
    board: Arc<Detected>,
    names: Vec<Name>,
    stages: Stages<Decisions>,
    /// Set to end the exchange of packs.
    exchanging: Arc<AtomicBool>,
    recorders: Vec<(Arc<RecordHealth>, JoinHandle<()>)>,
    cutter: (Arc<CutHealth>, JoinHandle<()>),
    cuts: Arc<Cuts>,
    governor: Governing,
    uplink: uplink::Handle,
    /// The account of the players lane, if another machine serves it.
    remote_players: Option<Shared>,
}

/// What the recordings of this boot need.
struct Shelves {
    clips: Arc<Clips>,
    recorded: Vec<Recorded>,
}

impl Parts {
    /// Starts everything but the inputs.
    pub(super) async fn start(
        clock: &Arc<SystemClock>,
        config: &Config,
        (stop, means): (watch::Sender<bool>, Means),
    ) -> Result<Self> {
        make_data_dir(&config.box_.data_dir)?;
        let stock = Stock {
            shelf: Shelf::new(&config.box_.data_dir, &config.models.packs),
            keys: config.models.keys.clone(),
            engines: calibrate::known(engines::load(&config.models.engine)?, &config.box_.data_dir),
        };
        let packs = stock.open()?;
        calibrate::tell_stale(&packs, &config.box_.data_dir);
        for pack in packs.all() {
            info!("model pack proved: {}", engine::describe(pack));
        }
        let database = config.box_.data_dir.join("courtside.sqlite");
        let opened = Store::open(&database, Arc::clone(clock))?;
        let (boot, store) = (opened.boot, opened.store.clone());
        let (shelves, recordings) = shelves(config, boot)?;
        leftovers::remove(&opened, &shelves.clips)?;
        let uplink = sending::start((clock, config), &opened, means)?;
        let (cuts, ids) = (Arc::new(Cuts::new()), Ids::default());
        let recorded = |r: &Recorded| (Arc::clone(&r.recording), Arc::clone(&r.progress));
        let to_record: Vec<_> = shelves.recorded.iter().map(recorded).collect();
        let decisions = Decisions {
            boot,
            uplink: uplink.clone(),
            store: store.clone(),
            cuts: Arc::clone(&cuts),
            sources: shelves.recorded,
            ids: Arc::clone(&ids),
        };
        let governed = Links::default();
        let director = Director::new(boot, profiles(config), decisions).telling(&governed.hints);
        let (lanes, remote_players) = lanes(config, (&packs, boot), &uplink)?;
        let stages = Stages::start(clock, lanes, director)?;
        let recorders = start_recorders(config, &stages, to_record)?;
        let shipping = Shipping {
            uplink: uplink.clone(),
            store: store.clone(),
            clips: Arc::clone(&shelves.clips),
            ids,
        };
        let cutter = start_cutter(clock, &cuts, shelves.clips, shipping)?;
        leftovers::cut(config, opened, (&recordings, &cuts)).await;
        let board = Arc::new(tell_board(config, &uplink));
        let governor = governing::start(
            (clock, config),
            (&stages, &packs, &board),
            (&uplink, stop),
            governed,
        )?;
        let exchange = Exchange::new((stock, &packs), &stages.packs, config.sources.len());
        let exchanging = exchange.stop();
        // Never joined: it may be reading a pack for as long as that takes, and leaves nothing
        // half done.
        spawn("packs", move || block_on(exchange.run()))?;
        let names = config.sources.iter().map(|source| source.name.clone()).collect();
        Ok(Self {
            boot,
            board,
            names,
            stages,
            exchanging,
            recorders,
            cutter,
            cuts,
            governor,
            uplink,
            remote_players,
        })
    }

    pub(super) fn boot(&self) -> BootId {
        self.boot
    }

    /// Where the shell of a source puts what it takes.
    pub(super) fn outlet(&self, source: usize) -> Outlet {
        Outlet {
            source: self.names[source].clone(),
            feeder: self.stages.feeder(source),
            tell: self.presence(source),
            network: Arc::clone(&self.stages.sources[source].network),
            tap: self.stages.tap(source),
        }
    }

    /// What to do when a source's media comes or ends.
    fn presence(&self, source: usize) -> Tell {
        let links = Arc::clone(&self.stages.sources[source]);
        let (uplink, name) = (self.uplink.clone(), self.names[source].clone());
        Arc::new(move |presence| {
            let told = match presence {
                Presence::Up { from } => {
                    links.counters.publishers.count();
                    let text = format!("media comes: {from}");
                    notice(NoticeKind::SourceUp, Some(name.clone()), &text)
                }
                Presence::Down { reason } => {
                    notice(NoticeKind::SourceDown, Some(name.clone()), &reason)
                }
            };
            if let Err(refused) = uplink.publish(Body::Notice(told)) {
                warn!(%refused, "a source's coming or going not published");
            }
        })
    }

    pub(super) fn watches(&self) -> Vec<Watch> {
        let mut watches = self.stages.watches();
        for ((health, _), links) in self.recorders.iter().zip(&self.stages.sources) {
            let backlog = Arc::clone(links);
            let waits = Box::new(move || !backlog.packets.is_empty());
            watches.push(Watch::new("recorder".to_owned(), Arc::clone(&health.beat), waits));
        }
        let idle = Box::new(|| false);
        watches.push(Watch::new("cutter".to_owned(), Arc::clone(&self.cutter.0.beat), idle));
        watches
    }

    pub(super) fn telemetry(&self) -> Telemetry {
        let sources = self.names.iter().zip(&self.stages.sources).zip(&self.recorders);
        let source = |((name, links), (health, _)): ((&Name, _), &(Arc<RecordHealth>, _))| {
            (name.clone(), Arc::clone(links), Arc::clone(health))
        };
        Telemetry {
            sources: sources.map(source).collect(),
            inference: Arc::clone(&self.stages.inference),
            director: Arc::clone(&self.stages.director),
            cutter: Arc::clone(&self.cutter.0),
            board: Arc::clone(&self.board),
            governor: Arc::clone(&self.governor.0),
            remote_players: self.remote_players.clone(),
            uplink: self.uplink.clone(),
        }
    }

    /// Stops everything after it has emptied itself. The inputs must have been shut down.
    pub(super) async fn finish(self, drain_max: Duration) -> Result<()> {
        self.exchanging.store(true, Ordering::Relaxed);
        let (_, stop, governor) = self.governor;
        stop.store(true, Ordering::Relaxed);
        let (stages, recorders, cuts, cutter) =
            (self.stages, self.recorders, self.cuts, self.cutter.1);
        tokio::task::spawn_blocking(move || {
            for (_, recorder) in recorders {
                recorder.join().map_err(|_| anyhow::anyhow!("a recorder panicked"))?;
            }
            // Ends the director, which orders the last clips.
            drop(stages.finish()?);
            block_on(cuts.send(CutItem::Shutdown));
            cutter.join().map_err(|_| anyhow::anyhow!("the cutter panicked"))?;
            governor.join().map_err(|_| anyhow::anyhow!("the governor panicked"))
        })
        .await??;
        let unacknowledged = self.uplink.drain(drain_max).await;
        if unacknowledged > 0 {
            info!(unacknowledged, "messages are kept for the next start");
        }
        Ok(())
    }
}

fn shelves(config: &Config, boot: BootId) -> Result<(Shelves, Arc<Recordings>)> {
    let data_dir = &config.box_.data_dir;
    let recordings = Recordings::open(data_dir, config.storage.recordings_bytes)?;
    let clips = Arc::new(Clips::open(data_dir)?);
    let recorded = config
        .sources
        .iter()
        .map(|source| {
            let recording = Arc::new(recordings.recording(&source.name, boot)?);
            Ok(Recorded { name: source.name.clone(), recording, progress: Arc::default() })
        })
        .collect::<Result<_>>()?;
    Ok((Shelves { clips, recorded }, recordings))
}

fn profiles(config: &Config) -> Vec<SourceProfile> {
    let clips = &config.clips;
    let rolls = clips::planner::Config::new(clips.pre_roll, clips.post_roll, clips.max)
        .expect("the configuration's rolls were checked when it was read");
    let profile = |source: &crate::config::Source| SourceProfile {
        name: source.name.clone(),
        sport: match source.sport {
            Sport::Basketball => fusion::Profile::BASKETBALL,
        },
        clips: rolls,
        clip_kinds: clips.kinds.clone(),
    };
    config.sources.iter().map(profile).collect()
}

/// What sees and hears the sources, and the account of the players lane if another machine serves
/// it.
fn lanes(
    config: &Config,
    (packs, boot): (&Packs, BootId),
    uplink: &uplink::Handle,
) -> Result<(Vec<SourceLanes>, Option<Shared>)> {
    let remote = config.remote.players.as_ref().map(|model| Elsewhere::new(model, boot));
    if remote.is_some() && !packs.look_for_people() {
        warn!(
            "nobody is looked for, here or elsewhere: `[remote.players]` needs a players pack, \
             which says what the model is asked and answers itself when it must; install one"
        );
    }
    let choice = config.codecs.decoder;
    let found = drivers::Found::look(choice);
    let lane = |source: &crate::config::Source| {
        let tell = tell_fallback(uplink.clone(), source.name.clone());
        let decoders = Drivers::new(source.name.clone(), choice, found.clone(), tell);
        let hoops: Vec<_> = source.hoops.iter().map(|h| (h.id.clone(), h.area)).collect();
        let fields = source.board.iter().map(|mark| (mark.field, mark.area)).collect();
        let (name, mut lanes) = (source.name.to_string(), packs.lanes(&hoops, fields)?);
        if let Some(remote) = &remote {
            lanes.players.ask(remote.line(&name)?);
        }
        let (pace, decoders) = (pace_of(&source.input), Arc::new(decoders));
        Ok(SourceLanes { name, pace, decoders, lanes, ear: packs.ear()? })
    };
    let lanes = config.sources.iter().map(lane).collect::<Result<_>>()?;
    Ok((lanes, remote.map(|remote| remote.account())))
}

/// What to do when a source is not decoded by what should decode it.
fn tell_fallback(uplink: uplink::Handle, source: Name) -> drivers::TellFallback {
    Box::new(move |text| {
        let told = notice(NoticeKind::Hardware, Some(source.clone()), text);
        if let Err(refused) = uplink.publish(Body::Notice(told)) {
            warn!(%refused, "a decoder's fall-back not published");
        }
    })
}

/// A camera does not wait; a file that is to be read fast does.
fn pace_of(input: &Input) -> Pace {
    match input {
        Input::Rtmp { .. }
        | Input::SrtListen { .. }
        | Input::SrtCall { .. }
        | Input::Hls { .. }
        | Input::Rtsp(_)
        | Input::V4l2(_)
        | Input::File { pace: config::Pace::RealTime, .. }
        | Input::Watch { pace: config::Pace::RealTime, .. } => Pace::Live,
        Input::File { pace: config::Pace::Fast, .. }
        | Input::Watch { pace: config::Pace::Fast, .. } => Pace::Lossless,
    }
}

fn start_recorders(
    config: &Config,
    stages: &Stages<Decisions>,
    recordings: Vec<(Arc<dyn FragmentStore>, Arc<Progress>)>,
) -> Result<Vec<(Arc<RecordHealth>, JoinHandle<()>)>> {
    let sources = config.sources.iter().zip(&stages.sources).zip(recordings);
    sources
        .map(|((source, links), (store, progress))| {
            let health = Arc::new(RecordHealth::default());
            let name = source.name.clone();
            let stage = RecordStage {
                links: Arc::clone(links),
                store,
                progress,
                health: Arc::clone(&health),
                complain: Box::new(move |error| warn!(source = name.as_str(), "{error}")),
            };
            let thread =
                spawn(&format!("record-{}", source.name), move || block_on(record(stage)))?;
            Ok((health, thread))
        })
        .collect()
}

fn start_cutter(
    clock: &Arc<SystemClock>,
    cuts: &Arc<Cuts>,
    clips: Arc<Clips>,
    delivery: Shipping,
) -> Result<(Arc<CutHealth>, JoinHandle<()>)> {
    let health = Arc::new(CutHealth::default());
    let stage = CutStage {
        clock: Arc::clone(clock),
        cuts: Arc::clone(cuts),
        sink: clips as Arc<dyn ClipSink + Send + Sync>,
        delivery,
        health: Arc::clone(&health),
    };
    Ok((health, spawn("cutter", move || block_on(cut_clips(stage)))?))
}

/// Which board the box is; a box that is none that is known is a notice as well.
fn tell_board(config: &Config, uplink: &uplink::Handle) -> Detected {
    let detected = hardware::board_of(&config.box_.board, &hardware::sense::places(None).root);
    match detected.why {
        Why::Said(_) | Why::Configured => info!("board: {detected}"),
        Why::Unknown(_) => {
            warn!("board: {detected}");
            let text = format!("this box is no known board and taken for {}", detected.board.name);
            let told = notice(NoticeKind::Hardware, None, &text);
            if let Err(refused) = uplink.publish(Body::Notice(told)) {
                warn!(%refused, "the board not published");
            }
        }
    }
    detected
}
