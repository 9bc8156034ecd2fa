//! The parameters of the boards. Only those of the Orin NX rest on published measurements; all
//! others are scaled from them by the power that the board is made for, and unchecked.

use crate::fan::{Line, Steps};
use crate::layered;
use crate::network;
use crate::quantity::{Celsius, Watts};

/// A board that can be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Board {
    /// NVIDIA Jetson Orin Nano.
    OrinNano,
    /// NVIDIA Jetson Orin NX.
    OrinNx,
    /// NVIDIA Jetson AGX Orin.
    AgxOrin,
    /// NVIDIA Jetson Thor.
    Thor,
    /// Any PC.
    GenericX86,
}

impl Board {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::OrinNano, Self::OrinNx, Self::AgxOrin, Self::Thor, Self::GenericX86];

    /// Its name, as its file below `hw/boards` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrinNano => "jetson-orin-nano",
            Self::OrinNx => "jetson-orin-nx",
            Self::AgxOrin => "jetson-agx-orin",
            Self::Thor => "jetson-thor",
            Self::GenericX86 => "generic-x86",
        }
    }

    /// What its device tree is compatible with, as its file below `hw/boards` has it; a PC has no
    /// device tree.
    pub const fn compatible(self) -> Option<&'static str> {
        match self {
            Self::OrinNano => Some("nvidia,p3767-0005"),
            Self::OrinNx => Some("nvidia,p3767-0000"),
            Self::AgxOrin => Some("nvidia,p3701-0005"),
            Self::Thor => Some("nvidia,p3834-0008"),
            Self::GenericX86 => None,
        }
    }

    /// How much larger than an Orin NX its power, its cooler and its mass are (unchecked: by the
    /// power in the makers' data sheets).
    pub const fn scale(self) -> f64 {
        match self {
            Self::OrinNano => 0.8,
            Self::OrinNx => 1.0,
            Self::AgxOrin => 2.4,
            Self::Thor => 5.2,
            Self::GenericX86 => 2.6,
        }
    }

    /// Where its kernel begins to throttle, and where it switches off.
    pub const fn trips(self) -> (Celsius, Celsius) {
        match self {
            // Linux, "arm64: tegra: Add thermal nodes for Jetson AGX Orin"; the same chip.
            Self::OrinNano | Self::OrinNx | Self::AgxOrin => (Celsius(99.0), Celsius(104.5)),
            // Critical by owners' reports; where it throttles is unchecked.
            Self::Thor => (Celsius(109.0), Celsius(114.5)),
            // Unchecked: usual for processors of PCs.
            Self::GenericX86 => (Celsius(95.0), Celsius(105.0)),
        }
    }

    /// Above this input the supply's alarm comes. Of the Orin Nano: 7784 mA at 5 V, as its owner
    /// published; the others are scaled from the NX, for which it is assumed, and unchecked.
    pub fn supply_max(self) -> Watts {
        match self {
            Self::OrinNano | Self::OrinNx => Watts(38.9),
            Self::AgxOrin | Self::Thor | Self::GenericX86 => Watts(38.9 * self.scale()),
        }
    }

    /// What its fan draws at full speed (unchecked).
    pub(crate) fn fan_full(self) -> Watts {
        Watts(1.2 * self.scale())
    }

    /// The parameters of [`network::Network`]. Those of the NX are fitted to what owners published
    /// of one with its stock fan: 16.9 W → 71 °C, 27.6 W → 86 °C, 29.4 W → 89 to 92 °C. Their room
    /// is not told; 25 °C is assumed. Where heat is held is assumed: 120 g of aluminium.
    pub(crate) fn network(self) -> network::Parameters {
        let k = self.scale();
        network::Parameters {
            dies_j_per_k: 3.0 * k,
            module_j_per_k: 25.0 * k,
            sink_j_per_k: 110.0 * k,
            disk_j_per_k: 30.0 * k,
            cpu_to_module: 1.1 * k,
            gpu_to_module: 1.8 * k,
            module_to_sink: 4.0 * k,
            disk_to_sink: 0.06 * k,
            disk_to_air: 0.15 * k,
            natural: 0.18 * k,
            forced: 0.39 * k,
            fan: Line { from: Celsius(58.0), full: Celsius(84.0), least: 0.2 },
            fan_full: self.fan_full(),
        }
    }

    /// The parameters of [`layered::Layered`]: another cooler for the same board, near the same
    /// measurements, with more parts, a dead time and leakage. All assumed.
    pub(crate) fn layered(self) -> layered::Parameters {
        let k = self.scale();
        layered::Parameters {
            scale: k,
            natural: 0.20 * k,
            forced: 0.39 * k,
            fan: Steps {
                steps: [
                    (Celsius(-50.0), 0.2),
                    (Celsius(62.0), 0.45),
                    (Celsius(71.0), 0.62),
                    (Celsius(79.0), 1.0),
                ],
                back: 6.0,
            },
            fan_full: self.fan_full(),
            dead_s: match self {
                Self::OrinNano => 4.0,
                Self::OrinNx => 5.0,
                Self::AgxOrin => 6.0,
                Self::Thor => 8.0,
                Self::GenericX86 => 3.0,
            },
            leakage: Watts(1.2 * k),
        }
    }
}
