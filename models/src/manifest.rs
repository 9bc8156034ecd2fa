//! The manifest of a model pack: what is in `packs/<name>/manifest.toml`.
//!
//! Pure: text in, typed manifest out. Whether it can be true is `check`'s work; reading files and
//! trying the networks is [`crate::pack`]'s.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

mod check;

/// The newest schema that this version of Courtside reads: 2 knows [`Tier::int8`], 1 does not.
/// A pack names the oldest one that says all of it, so that older boxes can use it.
pub const SCHEMA: u32 = 2;

/// A pack's manifest, parsed and consistent in itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format: 1 to [`SCHEMA`].
    pub schema: u32,
    /// Name of the pack; also the name of its folder.
    pub name: String,
    /// Version of the pack, counted up with each training.
    pub version: u32,
    /// What the networks look at.
    pub lane: Lane,
    /// SPDX licence of the weights.
    pub licence: String,
    /// What goes in.
    pub input: Input,
    /// What comes out.
    pub output: Output,
    /// The networks, from the cheapest to the most accurate.
    #[serde(rename = "tier")]
    pub tiers: Vec<Tier>,
    /// How they were made.
    pub training: Training,
}

/// What a pack's networks look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// A window of crops around one hoop.
    Rim,
    /// A few whole pictures: where are the balls in the last one?
    Ball,
    /// One whole picture: where are the hoops?
    Hoop,
    /// One field of a scoreboard: what number stands there?
    Board,
    /// The spectrum of about a second of sound: what sounds in the hall?
    Sound,
    /// One whole picture in colour: where are the people?
    Players,
}

/// Input of every tier.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Name of the network's input.
    pub name: String,
    /// Order of the dimensions: `NTHW` for windows, `NCHW` for single pictures, `NTF` for spectra.
    pub layout: String,
    /// How a luma byte becomes a number, `luma/255`; how colours do, one of
    /// [`SCALES`](crate::colour::SCALES); or a spectrum, `log-mel`.
    pub scale: String,
    /// Time between two pictures in ms; 0 for single pictures; for spectra, time between two runs.
    pub spacing_ms: u32,
    /// Rim only: side of the square crop, in widths of the hoop's box.
    pub crop_widths: Option<f32>,
    /// Rim only: centre of the crop below the top of the hoop's box, in widths of the box.
    pub crop_centre: Option<f32>,
}

/// Output of every tier.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Name of the network's output.
    pub name: String,
    /// What the numbers mean.
    pub post: Post,
    /// Which of the numbers stands for what; those that the network does not know are left out.
    /// Sound has `whistle`, `buzzer`, `cheer`, `applause` and `bounce`, players `person` and `ball`.
    #[serde(default)]
    pub labels: Labels,
}

/// Which of a network's numbers stands for what.
pub type Labels = BTreeMap<String, usize>;

/// What a network's numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Post {
    /// `[1, slots, 3]`: logits of nothing, missed, made per slot, which is one crop or several.
    RimSlots,
    /// `[1, 1, h, w]`: logits of a ball per cell.
    BallHeat,
    /// `[1, 3, h, w]`: logit of a hoop, ln(width / 16 px), ln(height / 16 px) per cell.
    HoopBoxes,
    /// `[1, columns, 13]`: logits of the digits, `:`, `.` and none of them, per column.
    BoardText,
    /// `[1, blocks, kinds]`: logit of each kind in each block of 100 ms.
    SoundBlocks,
    /// `[1, kinds]`: probability of each kind in the window.
    SoundScores,
    /// `[1, cells, 5 + kinds]`, the cells of 8, 16 and 32 pixels, row after row: how far the box's
    /// centre lies from the cell's corner, across and down, ln(width), ln(height), all in cells;
    /// probability of any object, and of each kind if there is one.
    Yolox,
}

/// One network of a pack.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// Name of the tier, such as `nano`.
    pub name: String,
    /// File of the network, in the pack's folder.
    pub file: String,
    /// Number format of the network's file: f32. Its int8 form is in [`int8`](Self::int8).
    pub precision: Precision,
    /// Shape of the input.
    pub input_shape: Vec<usize>,
    /// Shape of the output.
    pub output_shape: Vec<usize>,
    /// SHA-256 of the network's file, hexadecimal.
    pub sha256: String,
    /// File with the golden vector: little-endian f32, the input tensor, then the output tensor.
    pub golden: String,
    /// SHA-256 of the golden file, hexadecimal.
    pub golden_sha256: String,
    /// Time of one run on the trainer's machine in ms, one thread: an order, not a promise.
    pub cost_ms: f32,
    /// How good it was, on what.
    pub accuracy: Accuracy,
    /// The same network in int8, for ONNX Runtime; schema 2.
    pub int8: Option<Int8>,
}

/// A tier's network in int8: names and shapes of its tensors are those of the f32 one, and its
/// input and output are f32 too.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Int8 {
    /// File of the network, in the pack's folder: QDQ, u8 activations, s8 weights.
    pub file: String,
    /// SHA-256 of the network's file, hexadecimal.
    pub sha256: String,
    /// File with its answer to the input of the tier's golden file: little-endian f32.
    pub golden: String,
    /// SHA-256 of that file, hexadecimal.
    pub golden_sha256: String,
    /// Time of one run on the trainer's machine in ms, one thread, by ONNX Runtime.
    pub cost_ms: f32,
    /// How good it was: measured as the tier's own accuracy, and at most a point worse.
    pub accuracy: Accuracy,
}

/// Number format of a network's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floating point.
    F32,
    /// 8-bit integers: activations without a sign, weights with one.
    Int8,
}

/// How good a tier was in its evaluation.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// What was measured.
    pub metric: String,
    /// The result.
    pub value: f64,
    /// On which set.
    pub set: String,
}

/// How a pack was made.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The command or recipe.
    pub recipe: String,
    /// Commit of the trainer.
    pub commit: String,
    /// Seed of the training.
    pub seed: u64,
    /// What it was trained on.
    pub data: String,
}

/// A manifest that cannot be true. The pack's folder is added by [`crate::pack::PackError`].
#[derive(Debug, Error, PartialEq)]
pub enum ManifestError {
    /// Not TOML, or not this format.
    #[error("{reason}; compare it with `models/packs/rim/manifest.toml` or train the pack again")]
    Syntax {
        /// What the parser said, with line and key.
        reason: String,
    },
    /// A value that contradicts the format or another value.
    #[error("`{key}` is {value}, but {why}; {remedy}")]
    Value {
        /// Path of the key, such as `tier.nano.output_shape`.
        key: String,
        /// What it is.
        value: String,
        /// Why that cannot be.
        why: String,
        /// What to write instead.
        remedy: String,
    },
}

impl Manifest {
    /// Parses and checks a manifest.
    ///
    /// # Errors
    /// [`ManifestError`] naming the key, its value, why it cannot be, and what to write.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let syntax = |e: toml::de::Error| ManifestError::Syntax {
            reason: e.to_string().trim_end().to_owned(),
        };
        // First: what a newer schema adds must not be called a mistake in this one.
        let head: Head = toml::from_str(text).map_err(syntax)?;
        check::schema(head.schema)?;
        let manifest: Self = toml::from_str(text).map_err(syntax)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The files of the pack beside manifest and signature, each with the key of its digest and
    /// the digest.
    pub fn files(&self) -> impl Iterator<Item = (&str, String, &str)> {
        self.tiers.iter().flat_map(|tier| {
            let key = |field: &str| format!("tier.{}.{field}", tier.name);
            let f32 = [
                (tier.file.as_str(), key("sha256"), tier.sha256.as_str()),
                (tier.golden.as_str(), key("golden_sha256"), tier.golden_sha256.as_str()),
            ];
            let int8 = tier.int8.iter().flat_map(move |int8| {
                [
                    (int8.file.as_str(), key("int8.sha256"), int8.sha256.as_str()),
                    (int8.golden.as_str(), key("int8.golden_sha256"), int8.golden_sha256.as_str()),
                ]
            });
            f32.into_iter().chain(int8)
        })
    }
}

/// What every schema has.
#[derive(Deserialize)]
struct Head {
    schema: u32,
}

impl Lane {
    /// What the numbers of this lane's networks can mean.
    pub fn posts(self) -> &'static [Post] {
        match self {
            Self::Rim => &[Post::RimSlots],
            Self::Ball => &[Post::BallHeat],
            Self::Hoop => &[Post::HoopBoxes],
            Self::Board => &[Post::BoardText],
            Self::Sound => &[Post::SoundBlocks, Post::SoundScores],
            Self::Players => &[Post::Yolox],
        }
    }
}
