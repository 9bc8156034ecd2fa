//! What the box draws, what each operating point adds to it, and what it may.

use wire::units::Milliwatts;

/// One reading of the supply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// What the whole box draws; `None` if nothing measures it.
    pub input: Option<Milliwatts>,
    /// How often the supply's or a rail's over-current alarm came since the last reading.
    pub over_current: u32,
}
