//! The second plant: a heat spreader and a cooler in layers, sensors that are late, a fan in steps
//! with hysteresis, and chips that leak the more the hotter they are.
//!
//! ```text
//!   cpu ─┐
//!        ├─ centre ─ edge ─ base ─ near fins ─ far fins
//!   gpu ─┘                   │        │            │
//!                          disk ─────air──────────air
//! ```
//!
//! Of another order than [`Network`](crate::network::Network) on purpose: what was tuned on the
//! one is tried on the other.

use std::collections::VecDeque;
use std::time::Duration;

use crate::board::Board;
use crate::fan::{self, Steps};
use crate::mesh::{Link, Mesh};
use crate::plant::{Drive, Energy, Lumps, Plant, Zones};
use crate::quantity::{Celsius, Watts};

const CPU: usize = 0;
const GPU: usize = 1;
const CENTRE: usize = 2;
const EDGE: usize = 3;
const BASE: usize = 4;
const NEAR: usize = 5;
const FAR: usize = 6;
const DISK: usize = 7;

/// Conductances in W/K of a board of scale one.
const CPU_TO_CENTRE: f64 = 1.2;
const GPU_TO_CENTRE: f64 = 2.2;
const CENTRE_TO_EDGE: f64 = 8.0;
const EDGE_TO_BASE: f64 = 6.5;
const BASE_TO_NEAR: f64 = 8.0;
const NEAR_TO_FAR: f64 = 4.0;
const DISK_TO_BASE: f64 = 0.06;
const DISK_TO_AIR: f64 = 0.15;
/// Capacities in J/K of a board of scale one, by node.
const CAPACITY: [f64; 8] = [2.5, 4.0, 10.0, 16.0, 45.0, 40.0, 30.0, 30.0];
/// Share of the air that the near fins get.
const NEAR_SHARE: f64 = 0.4;
/// Leakage grows by a factor of e in so many K, from what it is at 60 °C.
const LEAKS_E_PER_K: f64 = 45.0;
const LEAKS_FROM: f64 = 60.0;
/// Share of the leakage that is the cpu's; the rest is the gpu's.
const CPU_LEAKS: f64 = 0.4;

/// What differs from board to board. Conductances in W/K.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    /// All conductances and capacities are those of scale one, times this.
    pub(crate) scale: f64,
    pub(crate) natural: f64,
    pub(crate) forced: f64,
    pub(crate) fan: Steps,
    pub(crate) fan_full: Watts,
    /// Time from the die to its sensor's reading.
    pub(crate) dead_s: f64,
    /// Leakage at 60 °C, which the load counts already.
    pub(crate) leakage: Watts,
}

/// The plant.
#[derive(Clone, Debug)]
pub struct Layered {
    parameters: Parameters,
    mesh: Mesh<8, 7>,
    step: usize,
    speed: f64,
    drawn: Watts,
    /// Seconds since the start.
    now: f64,
    /// What the dies were at, by second, for the sensors to tell later.
    on_the_way: VecDeque<(f64, Zones)>,
    told: Zones,
}

impl Layered {
    /// A board that was switched off for long at `ambient`.
    pub fn new(board: Board, ambient: Celsius) -> Self {
        let p = board.layered();
        let k = p.scale;
        let links = [
            Link(CPU, CENTRE, CPU_TO_CENTRE * k),
            Link(GPU, CENTRE, GPU_TO_CENTRE * k),
            Link(CENTRE, EDGE, CENTRE_TO_EDGE * k),
            Link(EDGE, BASE, EDGE_TO_BASE * k),
            Link(BASE, NEAR, BASE_TO_NEAR * k),
            Link(NEAR, FAR, NEAR_TO_FAR * k),
            Link(DISK, BASE, DISK_TO_BASE * k),
        ];
        Self {
            mesh: Mesh::new(ambient, CAPACITY.map(|held| held * k), links),
            step: 0,
            speed: p.fan.steps[0].1,
            drawn: Watts(0.0),
            now: 0.0,
            on_the_way: VecDeque::new(),
            told: Zones { cpu: ambient, gpu: ambient, disk: ambient },
            parameters: p,
        }
    }

    fn dies(&self) -> Zones {
        let at = |node: usize| Celsius(self.mesh.celsius[node]);
        Zones { cpu: at(CPU), gpu: at(GPU), disk: at(DISK) }
    }

    /// What leaks above what the load counts, in W.
    fn leaks(&self, hottest: f64) -> f64 {
        // A runaway is cut off where a chip would have been destroyed.
        let above = ((hottest.min(130.0) - LEAKS_FROM) / LEAKS_E_PER_K).exp() - 1.0;
        self.parameters.leakage.0 * above
    }

    /// Steady differences for each W that flows: from the fast lump to the slow one, and from the
    /// slow one to the air at `to_air` W/K.
    fn resistances(&self, to_air: f64) -> (f64, f64) {
        let k = self.parameters.scale;
        let mean = |nodes: &[usize], above: &[f64]| {
            let held: f64 = nodes.iter().map(|node| CAPACITY[*node]).sum();
            nodes.iter().zip(above).map(|(node, a)| CAPACITY[*node] * a).sum::<f64>() / held
        };
        // One W to the air over both rows of fins.
        let (near_air, far_air) = (to_air * NEAR_SHARE, to_air * (1.0 - NEAR_SHARE));
        let through_far = 1.0 / (1.0 / (NEAR_TO_FAR * k) + 1.0 / far_air);
        let near = 1.0 / (near_air + through_far);
        let far = near * through_far / far_air;
        let base = near + 1.0 / (BASE_TO_NEAR * k);
        let edge = base + 1.0 / (EDGE_TO_BASE * k);
        let centre = edge + 1.0 / (CENTRE_TO_EDGE * k);
        let slow = mean(&[BASE, NEAR, FAR], &[base, near, far]);
        let fast = mean(&[CENTRE, EDGE], &[centre, edge]);
        (fast - slow, slow)
    }
}

impl Plant for Layered {
    fn step(&mut self, dt: Duration, drive: &Drive) {
        let seconds = dt.as_secs_f64();
        let k = self.parameters.scale;
        let p = &self.parameters;
        self.step = p.fan.next(self.step, self.told.junction());
        self.speed = fan::follow(self.speed, p.fan.steps[self.step].1, seconds);
        let Drive { load, around } = drive;
        let leaks = self.leaks(self.dies().junction().0);
        let mut power = [0.0; 8];
        power[CPU] = load.cpu.0 + CPU_LEAKS * leaks;
        power[GPU] = load.gpu.0 + (1.0 - CPU_LEAKS) * leaks;
        power[EDGE] = load.board.0;
        power[NEAR] = around.sun.0;
        power[DISK] = load.disk.0;
        let air = p.natural + p.forced * self.speed * around.airflow.0;
        let mut to_air = [0.0; 8];
        to_air[NEAR] = air * NEAR_SHARE;
        to_air[FAR] = air * (1.0 - NEAR_SHARE);
        to_air[DISK] = DISK_TO_AIR * k;
        let fan = fan::draws(self.speed, p.fan_full.0);
        self.mesh.step(seconds, &power, (&to_air, around.ambient));
        self.drawn = Watts(load.total().0 + leaks + fan);
        self.now += seconds;
        let dies = self.dies();
        self.on_the_way.push_back((self.now, dies));
        while let Some((at, zones)) = self.on_the_way.front()
            && *at + self.parameters.dead_s <= self.now
        {
            self.told = *zones;
            self.on_the_way.pop_front();
        }
    }

    fn zones(&self) -> Zones {
        self.told
    }

    fn drawn(&self) -> Watts {
        self.drawn
    }

    fn fan(&self) -> f64 {
        self.speed
    }

    fn energy(&self) -> Energy {
        self.mesh.energy()
    }

    fn lumps(&self) -> Lumps {
        let fast = self.mesh.mean(&[CPU, GPU, CENTRE, EDGE]);
        Lumps { fast, slow: self.mesh.mean(&[BASE, NEAR, FAR]) }
    }

    fn glide(&self, from: Lumps, drive: &Drive, dt: Duration) -> Lumps {
        let (p, k) = (&self.parameters, self.parameters.scale);
        let held_fast: f64 = [CPU, GPU, CENTRE, EDGE].iter().map(|n| CAPACITY[*n] * k).sum();
        let held_slow: f64 = [BASE, NEAR, FAR].iter().map(|n| CAPACITY[*n] * k).sum();
        let beside = k / (1.0 / DISK_TO_BASE + 1.0 / DISK_TO_AIR);
        let (mut fast, mut slow) = (from.fast.0, from.slow.0);
        let steps = dt.as_secs_f64().ceil();
        let seconds = dt.as_secs_f64() / steps;
        let air = drive.around.ambient.0;
        for _ in 0..steps as u32 {
            let lumps = Lumps { fast: Celsius(fast), slow: Celsius(slow) };
            let hottest = self.hottest_at(lumps, drive);
            let blown = p.forced * p.fan.between(hottest) * drive.around.airflow.0;
            let (across, out) = self.resistances(p.natural + blown);
            let chips = (drive.load.cpu + drive.load.gpu + drive.load.board).0;
            let flow = (fast - slow) / across;
            fast += (chips + self.leaks(hottest.0) - flow) * seconds / held_fast;
            let leaves = (slow - air) * (1.0 / out + beside);
            slow += (flow + drive.around.sun.0 - leaves) * seconds / held_slow;
        }
        Lumps { fast: Celsius(fast), slow: Celsius(slow) }
    }

    fn hottest_at(&self, lumps: Lumps, drive: &Drive) -> Celsius {
        let k = self.parameters.scale;
        let leaks = self.leaks(lumps.fast.0 + 4.0);
        let cpu = (drive.load.cpu.0 + CPU_LEAKS * leaks) / (CPU_TO_CENTRE * k);
        let gpu = (drive.load.gpu.0 + (1.0 - CPU_LEAKS) * leaks) / (GPU_TO_CENTRE * k);
        // The lump is a mean over dies, centre and edge; the centre lies above the edge.
        let through = (drive.load.cpu + drive.load.gpu).0 / (CENTRE_TO_EDGE * k);
        let held: f64 = [CPU, GPU, CENTRE, EDGE].iter().map(|n| CAPACITY[*n]).sum();
        let above_centre = CAPACITY[CPU] * cpu + CAPACITY[GPU] * gpu - CAPACITY[EDGE] * through;
        Celsius(lumps.fast.0 - above_centre / held + cpu.max(gpu))
    }
    fn drawn_at(&self, lumps: Lumps, drive: &Drive) -> Watts {
        let hottest = self.hottest_at(lumps, drive);
        let fan = fan::draws(self.parameters.fan.between(hottest), self.parameters.fan_full.0);
        Watts(drive.load.total().0 + self.leaks(hottest.0) + fan)
    }
}
