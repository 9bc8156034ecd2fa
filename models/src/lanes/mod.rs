//! Lanes: each keeps the pictures that its network wants, runs it, and says what the numbers mean
//! in pixels and media time of the source.
//!
//! A lane decides nothing: which frame it sees, which tier it runs and what a reading is worth is
//! the caller's business. All tiers of a pack stay resident.

pub mod ball;
pub mod board;
pub mod follow;
mod history;
pub mod hoop;
mod motion;
mod peaks;
pub mod players;
pub mod replay;
pub mod rim;
pub mod scene;
pub mod sound;

use hal::infer::{Infer, InferError, Tensor};
use thiserror::Error;

use crate::pack::{Pack, PackError};

/// Why a lane gave no reading.
#[derive(Debug, Error)]
pub enum LaneError {
    /// The network gave no answer. The lane stays usable with the next frame.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// There is no such tier.
    #[error("the lane has no tier {tier:?}, only {tiers}; name one of them")]
    NoTier {
        /// The tier that was asked for.
        tier: String,
        /// The tiers that there are.
        tiers: String,
    },
}

/// The networks of a lane's tiers: one is active, one is wanted.
struct Tiers {
    all: Vec<Resident>,
    active: usize,
    wanted: usize,
}

/// One resident tier with its input tensor, allocated once.
struct Resident {
    name: String,
    network: Box<dyn Infer>,
    input: Tensor,
}

impl Tiers {
    fn load(pack: &Pack, tier: &str) -> Result<Self, PackError> {
        let active = pack.tier_index(tier)?;
        let resident = |tier: &crate::manifest::Tier| {
            let network: Box<dyn Infer> = Box::new(pack.network(&tier.name)?);
            let input = Tensor::zeros(&tier.input_shape);
            Ok(Resident { name: tier.name.clone(), network, input })
        };
        let all = pack.tiers().iter().map(resident).collect::<Result<_, PackError>>()?;
        Ok(Self { all, active, wanted: active })
    }

    fn want(&mut self, tier: &str) -> Result<(), LaneError> {
        let at = self.all.iter().position(|t| t.name == tier);
        self.wanted = at.ok_or_else(|| LaneError::NoTier {
            tier: tier.to_owned(),
            tiers: self.all.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", "),
        })?;
        Ok(())
    }

    /// Runs the tier that `other` runs, where there is one of that name.
    fn go_on_as(&mut self, other: &Self) {
        let tier = |name: &str| self.all.iter().position(|tier| tier.name == name);
        if let Some(active) = tier(other.active_name()) {
            let wanted = tier(&other.all[other.wanted].name).unwrap_or(active);
            (self.active, self.wanted) = (active, wanted);
        }
    }

    /// Sizes of the pictures that the active and the wanted tier take.
    fn picture_sizes(&self) -> [(usize, usize); 2] {
        [self.active, self.wanted].map(|tier| self.all[tier].picture_size())
    }

    fn active(&mut self) -> &mut Resident {
        &mut self.all[self.active]
    }

    fn active_name(&self) -> &str {
        &self.all[self.active].name
    }
}

impl Resident {
    /// Columns and rows of one picture of the input.
    fn picture_size(&self) -> (usize, usize) {
        let shape = &self.input.shape;
        (shape[3], shape[2])
    }

    /// Pictures in the input.
    fn pictures(&self) -> usize {
        self.input.shape[1]
    }

    /// The part of the input that holds picture `index`, oldest first.
    fn picture_mut(&mut self, index: usize) -> &mut [f32] {
        let (width, height) = self.picture_size();
        &mut self.input.data[index * width * height..][..width * height]
    }

    /// Runs the network on what was written into the input.
    fn run(&mut self) -> Result<Tensor, InferError> {
        let mut outputs = self.network.run(std::slice::from_ref(&self.input))?;
        // The engine checked the number of outputs when the pack was opened.
        Ok(outputs.swap_remove(0))
    }
}
