//! The first plant: chip, module, cooler and disk as a network of five nodes, and a fan along a
//! line.
//!
//! ```text
//!   cpu ──┐
//!         ├── module ── sink ── air (natural + fan)
//!   gpu ──┘              │
//!                       disk ── air
//! ```

use std::time::Duration;

use crate::board::Board;
use crate::fan::{self, Line};
use crate::mesh::{Link, Mesh};
use crate::plant::{Drive, Energy, Lumps, Plant, Zones};
use crate::quantity::{Celsius, Watts};

const CPU: usize = 0;
const GPU: usize = 1;
const MODULE: usize = 2;
const SINK: usize = 3;
const DISK: usize = 4;

/// Capacities in J/K, conductances in W/K.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    pub(crate) dies_j_per_k: f64,
    pub(crate) module_j_per_k: f64,
    pub(crate) sink_j_per_k: f64,
    pub(crate) disk_j_per_k: f64,
    pub(crate) cpu_to_module: f64,
    pub(crate) gpu_to_module: f64,
    pub(crate) module_to_sink: f64,
    pub(crate) disk_to_sink: f64,
    pub(crate) disk_to_air: f64,
    /// From the sink to the air with the fan blocked.
    pub(crate) natural: f64,
    /// What the fan adds to that at full speed.
    pub(crate) forced: f64,
    pub(crate) fan: Line,
    pub(crate) fan_full: Watts,
}

/// The plant.
#[derive(Clone, Debug)]
pub struct Network {
    parameters: Parameters,
    mesh: Mesh<5, 4>,
    speed: f64,
    drawn: Watts,
}

impl Network {
    /// A board that was switched off for long at `ambient`.
    pub fn new(board: Board, ambient: Celsius) -> Self {
        let p = board.network();
        let capacity =
            [p.dies_j_per_k, p.dies_j_per_k, p.module_j_per_k, p.sink_j_per_k, p.disk_j_per_k];
        let links = [
            Link(CPU, MODULE, p.cpu_to_module),
            Link(GPU, MODULE, p.gpu_to_module),
            Link(MODULE, SINK, p.module_to_sink),
            Link(DISK, SINK, p.disk_to_sink),
        ];
        let speed = p.fan.least;
        let mesh = Mesh::new(ambient, capacity, links);
        Self { parameters: p, mesh, speed, drawn: Watts(0.0) }
    }
}

impl Plant for Network {
    fn step(&mut self, dt: Duration, drive: &Drive) {
        let (p, seconds) = (&self.parameters, dt.as_secs_f64());
        let told = p.fan.at(self.zones().junction());
        self.speed = fan::follow(self.speed, told, seconds);
        let Drive { load, around } = drive;
        let power = [load.cpu.0, load.gpu.0, load.board.0, around.sun.0, load.disk.0];
        let sink = p.natural + p.forced * self.speed * around.airflow.0;
        let to_air = [0.0, 0.0, 0.0, sink, p.disk_to_air];
        self.mesh.step(seconds, &power, (&to_air, around.ambient));
        self.drawn = load.total() + Watts(fan::draws(self.speed, p.fan_full.0));
    }

    fn zones(&self) -> Zones {
        let at = |node: usize| Celsius(self.mesh.celsius[node]);
        Zones { cpu: at(CPU), gpu: at(GPU), disk: at(DISK) }
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
        Lumps { fast: self.mesh.mean(&[CPU, GPU, MODULE]), slow: self.mesh.mean(&[SINK]) }
    }

    fn glide(&self, from: Lumps, drive: &Drive, dt: Duration) -> Lumps {
        let p = &self.parameters;
        let (mut fast, mut slow) = (from.fast.0, from.slow.0);
        let into_fast = (drive.load.cpu + drive.load.gpu + drive.load.board).0;
        let held = 2.0 * p.dies_j_per_k + p.module_j_per_k;
        let air = drive.around.ambient.0;
        // The disk hands on what it gets; its own air counts with the sink's.
        let beside = 1.0 / (1.0 / p.disk_to_sink + 1.0 / p.disk_to_air);
        let share = p.disk_to_sink / (p.disk_to_sink + p.disk_to_air);
        let into_slow = drive.around.sun.0 + drive.load.disk.0 * share;
        let steps = dt.as_secs_f64().ceil();
        let seconds = dt.as_secs_f64() / steps;
        for _ in 0..steps as u32 {
            let hottest = self.hottest_at(Lumps { fast: Celsius(fast), slow: from.slow }, drive);
            let blown = p.forced * p.fan.at(hottest) * drive.around.airflow.0;
            let across = (fast - slow) * p.module_to_sink;
            fast += (into_fast - across) * seconds / held;
            let out = (slow - air) * (p.natural + blown + beside);
            slow += (across + into_slow - out) * seconds / p.sink_j_per_k;
        }
        Lumps { fast: Celsius(fast), slow: Celsius(slow) }
    }

    fn hottest_at(&self, lumps: Lumps, drive: &Drive) -> Celsius {
        let p = &self.parameters;
        let above = |power: Watts, conductance: f64| power.0 / conductance;
        let cpu = above(drive.load.cpu, p.cpu_to_module);
        let gpu = above(drive.load.gpu, p.gpu_to_module);
        // The lump is a mean over the dies too.
        let held = 2.0 * p.dies_j_per_k + p.module_j_per_k;
        let module = lumps.fast.0 - p.dies_j_per_k * (cpu + gpu) / held;
        Celsius(module + cpu.max(gpu))
    }
    fn drawn_at(&self, lumps: Lumps, drive: &Drive) -> Watts {
        let speed = self.parameters.fan.at(self.hottest_at(lumps, drive));
        drive.load.total() + Watts(fan::draws(speed, self.parameters.fan_full.0))
    }
}
