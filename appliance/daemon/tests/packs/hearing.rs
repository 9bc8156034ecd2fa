//! The hearing stage with the pack that is shipped: every block gives one signal, in order, and new
//! networks go on with what the old ones have heard.

use std::sync::Arc;

use courtside::engine::{Packs, renewal};
use courtside::stages::spawn;
use futures_lite::future::block_on;
use pipeline::hearing::{HearingHealth, HearingStage, hear};
use pipeline::links::{Signal, Signals, SoundItem, Sounds};
use pipeline::renewal::{Fitness, PackLinks};
use pipeline::sound::Block;
use pipeline::source::{Pace, SourceLinks};
use wire::time::MediaTime;

use crate::swap::open_shipped;

const BLOCK: usize = 1_600;

/// 100 ms that begin at `ms`: a hum, or a whistle of three tones over it.
fn block(ms: i64, tones: &[f32]) -> Block {
    let sample = |index: usize| {
        let t = (ms as f32 / 1_000.0) + index as f32 / 16_000.0;
        let turn = |pitch: f32| (std::f32::consts::TAU * pitch * t).sin();
        0.02 * turn(110.0) + 0.2 * tones.iter().map(|pitch| turn(*pitch)).sum::<f32>()
    };
    Block { at: MediaTime::from_millis(ms), samples: (0..BLOCK).map(sample).collect() }
}

#[tokio::test]
async fn every_block_is_told_in_order_and_a_swap_of_networks_loses_none() {
    let packs = Packs::of(open_shipped).expect("the repository's packs are good");
    let (sounds, signals) = (Arc::new(Sounds::new()), Arc::new(Signals::new()));
    let links = Arc::<PackLinks>::default();
    let health = Arc::<HearingHealth>::default();
    let stage = HearingStage {
        sources: vec![(
            Arc::new(SourceLinks::new(Pace::Lossless)),
            packs.ear().expect("it has a tier"),
        )],
        sounds: Arc::clone(&sounds),
        signals: Arc::clone(&signals),
        packs: Arc::clone(&links),
        fitness: Fitness::default(),
        health: Arc::clone(&health),
    };
    let thread = spawn("hearing", move || block_on(hear(stage, |text| panic!("{text}"))));
    let thread = thread.expect("the system has threads");
    let mut told: Vec<Signal> = Vec::new();
    for index in 0..40 {
        if index == 20 {
            let sound = open_shipped("sound").expect("the repository's packs are good");
            links.renew(renewal(&sound, 1).expect("it has a tier")).await;
        }
        let tones: &[f32] =
            if (24..30).contains(&index) { &[2_900.0, 3_080.0, 3_350.0] } else { &[] };
        let block = block(100 * index, tones);
        sounds.send(SoundItem::Block { source: 0, block }).await;
        told.push(signals.receive().await);
    }
    // No sound comes any more, and still more packs are installed than the link has places for.
    for _ in 0..8 {
        let sound = open_shipped("sound").expect("the repository's packs are good");
        links.renew(renewal(&sound, 1).expect("it has a tier")).await;
    }
    sounds.send(SoundItem::Shutdown).await;
    thread.join().expect("it ends");
    assert_eq!(health.failures.get(), 0);
    let ms = |at: MediaTime| at.0 / 90;
    for (index, signal) in (0_i64..).zip(&told) {
        assert_eq!((signal.source, ms(signal.view.at)), (0, 100 * index));
        // A second fills the window; a block is judged three blocks later.
        let judged = signal.view.heard.map(|heard| ms(heard.at));
        assert_eq!(judged, (index >= 9).then_some(100 * index - 300), "block {index}");
    }
    let loudest = told.iter().map(|signal| signal.view.centi_db).max();
    assert!(loudest.is_some_and(|level| (-1_500..0).contains(&level)), "{loudest:?}");
    let whistle = |signal: &Signal| signal.view.heard.map_or(0.0, |heard| heard.whistle);
    assert!(told[28..33].iter().map(whistle).fold(0.0, f32::max) > 0.5);
    assert!(told[9..24].iter().map(whistle).fold(0.0, f32::max) < 0.5);
}
