//! Box, broker and receiver are killed at any moments, twenty times each, while a game is live:
//! nothing that the box had written is lost, nothing counts twice, every clip arrives whole.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::chance::Chance;
use e2e::clip_check;
use e2e::clock::until;
use e2e::publisher::{Game, Publisher};
use e2e::stored::{self, Backlog, Place};
use e2e::venue::Venue;
use tokio::time::Instant;

const KILLS_EACH: usize = 20;
/// Shortest and longest time between two kills, in ms.
const PAUSE_MS: (u64, u64) = (500, 5_500);
/// Everything must have been delivered this long after the last kill.
const DRAIN_LIMIT: Duration = Duration::from_secs(90);
/// `KILL_SEED=…` repeats a run with other moments and victims.
const SEED: u64 = 20_060;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Appliance,
    Broker,
    Receiver,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_written_is_lost_or_doubled_by_sixty_kills() -> Result<()> {
    let seed = match std::env::var("KILL_SEED") {
        Ok(text) => text.parse().context("KILL_SEED is a number")?,
        Err(_) => SEED,
    };
    println!("KILL_SEED={seed}");
    let folder = tempfile::tempdir()?;
    let game = Game::encoded(SEED, 60, folder.path()).await?;
    let mut ordeal = Ordeal {
        venue: Venue::open(folder.path()).await?,
        written: BTreeSet::new(),
        chance: Chance::of_seed(seed),
    };
    ordeal.go_through(&game).await?;
    ordeal.drain().await?;
    let Ordeal { mut venue, written, .. } = ordeal;
    venue.close().await?;
    judge(&venue, &written, folder.path()).await
}

/// The venue, and what its box was seen to have written.
struct Ordeal {
    venue: Venue,
    written: BTreeSet<Place>,
    chance: Chance,
}

impl Ordeal {
    async fn go_through(&mut self, game: &Game) -> Result<()> {
        let mut victims = [Victim::Appliance, Victim::Broker, Victim::Receiver].repeat(KILLS_EACH);
        self.chance.shuffle(&mut victims);
        let mut publisher = Publisher::start(game, &self.venue)?;
        let began = Instant::now();
        for (number, victim) in victims.into_iter().enumerate() {
            let (least, most) = PAUSE_MS;
            let pause = Duration::from_millis(least + self.chance.below(most - least));
            self.live_on(&mut publisher, game, pause).await?;
            println!("{:>6.1} s: kill {}: {victim:?}", began.elapsed().as_secs_f64(), number + 1);
            match victim {
                Victim::Broker => self.venue.kill_broker().await?,
                Victim::Receiver => self.venue.kill_receiver().await?,
                Victim::Appliance => {
                    let written = &mut self.written;
                    self.venue
                        .kill_appliance(|data| {
                            written.extend(stored::messages_held(data)?);
                            Ok(())
                        })
                        .await?;
                    publisher.stop().await?;
                    publisher = Publisher::start(game, &self.venue)?;
                }
            }
        }
        publisher.stop().await
    }

    /// The game goes on; whoever was not killed must live, and a publisher that lost its box
    /// comes back.
    async fn live_on(
        &mut self,
        publisher: &mut Publisher,
        game: &Game,
        pause: Duration,
    ) -> Result<()> {
        let end = Instant::now() + pause;
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        while Instant::now() < end {
            looks.tick().await;
            self.venue.check_alive()?;
            if publisher.is_over()? {
                *publisher = Publisher::start(game, &self.venue)?;
            }
        }
        Ok(())
    }

    async fn drain(&mut self) -> Result<()> {
        let data = self.venue.data_folder();
        self.written.extend(stored::messages_held(&data)?);
        let mut last = None;
        let drained = until(DRAIN_LIMIT, "the delivery of everything", async || {
            self.venue.check_alive()?;
            let backlog = stored::backlog(&data)?;
            last = Some(backlog);
            let Backlog { messages, plans, clips, evictions: _ } = backlog;
            Ok((messages + plans + clips == 0).then_some(backlog))
        })
        .await;
        let backlog = drained.with_context(|| format!("the box still has {last:?}"))?;
        ensure!(backlog.evictions == 0, "the box gave something up: {backlog:?}");
        Ok(())
    }
}

async fn judge(venue: &Venue, written: &BTreeSet<Place>, folder: &Path) -> Result<()> {
    let received = stored::received(&venue.fleet_database())?;
    println!("{} messages written, {} received", written.len(), received.places.len());
    ensure!(written.len() > KILLS_EACH, "so few messages show nothing: {}", written.len());
    let lost: Vec<&Place> = written.difference(&received.places).collect();
    ensure!(lost.is_empty(), "written by the box, but not at the receiver: {lost:?}");
    ensure!(received.doubled.is_empty(), "received twice: {:?}", received.doubled);
    ensure!(!received.clips.is_empty(), "a game without clips shows nothing");
    for record in &received.clips {
        let file = venue.clip_file(record.id);
        clip_check::verify(&file, record)
            .await
            .with_context(|| format!("clip {} is not whole", record.id))?;
    }
    for program in ["courtside", "courtside-fleet"] {
        let log = std::fs::read_to_string(folder.join(format!("{program}.log")))?;
        ensure!(!log.contains("panicked"), "{program} panicked:\n{log}");
    }
    println!("{} clips whole", received.clips.len());
    Ok(())
}
