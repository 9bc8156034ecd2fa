//! Whether a manifest can be true: each value against the format, the lane and the other values.
//!
//! Owns the rules and what they say to whoever breaks them. Opens no file.

use super::{Int8, Lane, Manifest, ManifestError, Precision, SCHEMA, Tier};
use crate::colour::SCALES;
use crate::limits::{
    COST_MS_MAX, INT8_LOSS_MAX, NAME_BYTES_MAX, RIM_SLOT_MS, SOUND_BLOCK_MS,
    SOUND_LOOKAHEAD_BLOCKS, TENSOR_ELEMENTS_MAX, TIERS_MAX,
};
use crate::spectrum::BANDS;

/// What the sound lane can tell.
const SOUNDS: [&str; 5] = ["whistle", "buzzer", "cheer", "applause", "bounce"];
/// What the players lane can tell.
const FIGURES: [&str; 2] = ["person", "ball"];
/// Cells of the three sizes that `yolox` has for each square of 32 x 32 pixels.
const YOLOX_CELLS: usize = 16 + 4 + 1;
/// Numbers of each cell before those of the kinds.
const YOLOX_HEAD: usize = 5;

/// Whether this version of Courtside reads manifests of this schema.
pub(super) fn schema(schema: u32) -> Result<(), ManifestError> {
    if (1..=SCHEMA).contains(&schema) {
        return Ok(());
    }
    let why = format!("this version of Courtside reads schema 1 to {SCHEMA}");
    let remedy = "install a pack of such a schema, or another version of Courtside";
    Err(wrong("schema", schema, why, remedy))
}

impl Manifest {
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=NAME_BYTES_MAX).contains(&self.name.len()) || !self.name.bytes().all(plain) {
            let why = "a pack's name, also that of its folder, is made of a to z, 0 to 9 and -";
            return Err(wrong("name", &self.name, why, "name it after its lane, such as \"rim\""));
        }
        let posts = self.lane.posts();
        if !posts.contains(&self.output.post) {
            let posts: Vec<String> = posts.iter().map(|post| format!("{post:?}")).collect();
            let why = format!("the lane {:?} gives {}", self.lane, posts.join(" or "));
            return Err(wrong("output.post", self.output.post, why, "correct `lane` or `post`"));
        }
        self.check_input()?;
        let count = self.tiers.len();
        if !(1..=TIERS_MAX).contains(&count) {
            let why = format!("a pack has 1 to {TIERS_MAX}");
            let value = format_args!("a list of {count}");
            return Err(wrong("tier", value, why, "remove or add [[tier]] tables"));
        }
        for (i, tier) in self.tiers.iter().enumerate() {
            if tier.name.is_empty() || self.tiers[..i].iter().any(|t| t.name == tier.name) {
                let why = "each tier needs a name of its own";
                return Err(wrong("tier.name", &tier.name, why, "rename one of them"));
            }
            tier.check(self.lane)?;
            if let Some(int8) = &tier.int8 {
                self.check_int8(tier, int8)?;
            }
            self.check_slots(tier)?;
            self.check_labels(tier)?;
        }
        Ok(())
    }

    /// An int8 network is the f32 one, a little less good at most.
    fn check_int8(&self, tier: &Tier, int8: &Int8) -> Result<(), ManifestError> {
        if self.schema < 2 {
            let why = format!("tier {} has int8, which schema 2 brought", tier.name);
            return Err(wrong("schema", self.schema, why, "write schema = 2"));
        }
        let key = |field: &str| format!("tier.{}.int8.{field}", tier.name);
        check_files(key, [("file", &int8.file), ("golden", &int8.golden)])?;
        check_digests(key, [("sha256", &int8.sha256), ("golden_sha256", &int8.golden_sha256)])?;
        check_cost(&key("cost_ms"), int8.cost_ms)?;
        let (whole, less) = (&tier.accuracy, &int8.accuracy);
        if (&whole.metric, &whole.set) != (&less.metric, &less.set) {
            let why = "both precisions of a tier are measured alike, on one set";
            let remedy = "judge both with the metric and the set of the tier";
            return Err(wrong(&key("accuracy"), (&less.metric, &less.set), why, remedy));
        }
        let share = |value: f64| (0.0..=1.0).contains(&value);
        // Figures have four decimals: 0.894 - 0.884 is a little more than 0.01 in binary.
        let lost = whole.value - less.value - 1e-9;
        if !share(whole.value) || !share(less.value) || lost > INT8_LOSS_MAX {
            let why = format!(
                "an accuracy is a share from 0 to 1, and int8 loses at most {INT8_LOSS_MAX} of {}",
                whole.value
            );
            let remedy = "leave int8 out of this tier, or quantize it better";
            return Err(wrong(&key("accuracy.value"), less.value, why, remedy));
        }
        Ok(())
    }

    /// Slots of a rim network are [`RIM_SLOT_MS`] apart, however many crops each has.
    fn check_slots(&self, tier: &Tier) -> Result<(), ManifestError> {
        let (pictures, slots) = (tier.input_shape[1], tier.output_shape[1]);
        let spacing = self.input.spacing_ms as usize;
        if self.lane == Lane::Rim && spacing * pictures != RIM_SLOT_MS * slots {
            let why = format!(
                "tier {} has {pictures} pictures to {slots} slots, and slots are {RIM_SLOT_MS} ms \
                 apart",
                tier.name
            );
            let remedy = "write the spacing that the network was trained with";
            return Err(wrong("input.spacing_ms", spacing, why, remedy));
        }
        Ok(())
    }

    /// Sound and players packs, and only they, say which of their numbers means what.
    fn check_labels(&self, tier: &Tier) -> Result<(), ManifestError> {
        let labels = &self.output.labels;
        let (known, head): (&[&str], usize) = match self.lane {
            Lane::Sound => (&SOUNDS, 0),
            Lane::Players => (&FIGURES, YOLOX_HEAD),
            Lane::Rim | Lane::Ball | Lane::Hoop | Lane::Board => (&[], 0),
        };
        if labels.is_empty() != known.is_empty() {
            let why = "sound and players packs, and only they, have labels";
            return Err(wrong("output.labels", labels, why, LABELS_REMEDY));
        }
        let kinds = tier.output_shape.last().copied().unwrap_or(0).saturating_sub(head);
        for (label, at) in labels {
            let key = format!("output.labels.{label}");
            if !known.contains(&label.as_str()) {
                let why = format!("the lane knows {}", known.join(", "));
                return Err(wrong(&key, at, why, LABELS_REMEDY));
            }
            if *at >= kinds {
                let why = format!("tier {} gives {kinds} kinds, counted from 0", tier.name);
                return Err(wrong(&key, at, why, LABELS_REMEDY));
            }
        }
        if self.lane == Lane::Players && !labels.contains_key("person") {
            let why = "a players pack finds people";
            return Err(wrong("output.labels", labels, why, "write which kind `person` is"));
        }
        Ok(())
    }

    fn check_input(&self) -> Result<(), ManifestError> {
        let input = &self.input;
        let (layout, scales): (_, &[&str]) = match self.lane {
            Lane::Rim | Lane::Ball => ("NTHW", &["luma/255"]),
            Lane::Hoop | Lane::Board => ("NCHW", &["luma/255"]),
            Lane::Sound => ("NTF", &["log-mel"]),
            Lane::Players => ("NCHW", &SCALES),
        };
        if input.layout != layout {
            let why = format!("the lane {:?} takes {layout:?}", self.lane);
            return Err(wrong("input.layout", &input.layout, why, "write that"));
        }
        if !scales.contains(&input.scale.as_str()) {
            let why = format!("the lane {:?} takes {}", self.lane, scales.join(" or "));
            return Err(wrong("input.scale", &input.scale, why, "write that"));
        }
        let (spacing, step) = match self.lane {
            Lane::Rim | Lane::Ball => (10..=1_000, 1),
            Lane::Hoop | Lane::Board | Lane::Players => (0..=0, 1),
            Lane::Sound => (SOUND_BLOCK_MS as u32..=1_000, SOUND_BLOCK_MS as u32),
        };
        if !spacing.contains(&input.spacing_ms) || !input.spacing_ms.is_multiple_of(step) {
            let why =
                format!("the lane {:?} takes {spacing:?} ms in steps of {step} ms", self.lane);
            return Err(wrong("input.spacing_ms", input.spacing_ms, why, "write one of those"));
        }
        let crop = [
            ("input.crop_widths", input.crop_widths, 1.0..=10.0),
            ("input.crop_centre", input.crop_centre, -5.0..=5.0),
        ];
        for (key, value, range) in crop {
            let good = match (self.lane, value) {
                (Lane::Rim, Some(value)) => range.contains(&value),
                (Lane::Rim, None) | (_, Some(_)) => false,
                (_, None) => true,
            };
            if !good {
                let why = format!("rim packs, and only they, have it, within {range:?}");
                let remedy = "write the crop that the network was trained with";
                return Err(wrong(key, value, why, remedy));
            }
        }
        Ok(())
    }
}

impl Tier {
    fn check(&self, lane: Lane) -> Result<(), ManifestError> {
        let key = |field: &str| format!("tier.{}.{field}", self.name);
        if self.precision != Precision::F32 {
            let why = "a tier's own file is f32; int8 = { … } names another one beside it";
            return Err(wrong(&key("precision"), self.precision, why, "write \"f32\""));
        }
        check_files(key, [("file", &self.file), ("golden", &self.golden)])?;
        check_digests(key, [("sha256", &self.sha256), ("golden_sha256", &self.golden_sha256)])?;
        check_cost(&key("cost_ms"), self.cost_ms)?;
        let shapes = [("input_shape", &self.input_shape), ("output_shape", &self.output_shape)];
        for (field, shape) in shapes {
            let elements = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
            if !elements.is_some_and(|n| (1..=TENSOR_ELEMENTS_MAX).contains(&n)) {
                let why = format!("a tensor has 1 to {TENSOR_ELEMENTS_MAX} elements");
                return Err(wrong(&key(field), shape, why, SHAPE_REMEDY));
            }
        }
        self.check_shapes(lane)
    }

    fn check_shapes(&self, lane: Lane) -> Result<(), ManifestError> {
        if lane == Lane::Sound {
            return self.check_sound_shapes();
        }
        let &[1, pictures, rows, columns] = self.input_shape.as_slice() else {
            return Err(
                self.shape_error("input_shape", "the input is [1, pictures, rows, columns]")
            );
        };
        let good = match lane {
            Lane::Rim => pictures >= 2 && rows == columns,
            Lane::Ball => pictures >= 2,
            Lane::Hoop | Lane::Board => pictures == 1,
            Lane::Players => pictures == 3 && rows % 32 == 0 && columns % 32 == 0,
            Lane::Sound => false,
        };
        if !good {
            let why = "rim takes square crops, rim and ball two or more pictures, hoop and board \
                       one, players three colours with sides of 32, 64, 96… pixels";
            return Err(self.shape_error("input_shape", why));
        }
        let smaller = |h: usize, w: usize| h <= rows && w <= columns;
        let (good, why) = match (lane, self.output_shape.as_slice()) {
            (Lane::Rim, &[1, slots, 3]) => {
                (slots >= 2 && pictures % slots == 0, "a slot is one picture, or two, or three…")
            }
            (Lane::Rim, _) => (false, "rim gives [1, slots, 3]"),
            (Lane::Ball, &[1, 1, h, w]) => (smaller(h, w), "the heat map is larger than the input"),
            (Lane::Ball, _) => (false, "ball gives [1, 1, rows, columns]"),
            (Lane::Hoop, &[1, 3, h, w]) => (smaller(h, w), "the heat map is larger than the input"),
            (Lane::Board, &[1, n, 13]) => (n <= columns, "it has more columns than the input"),
            (Lane::Board, _) => (false, "board gives [1, columns, 13]"),
            (Lane::Players, &[1, cells, numbers]) => (
                numbers > YOLOX_HEAD && cells == rows / 32 * (columns / 32) * YOLOX_CELLS,
                "players has a cell for every 8, 16 and 32 pixels, with 5 numbers and its kinds",
            ),
            (Lane::Players, _) => (false, "players gives [1, cells, 5 + kinds]"),
            (Lane::Hoop | Lane::Sound, _) => (false, "hoop gives [1, 3, rows, columns]"),
        };
        if good { Ok(()) } else { Err(self.shape_error("output_shape", why)) }
    }

    fn check_sound_shapes(&self) -> Result<(), ManifestError> {
        let &[1, frames, BANDS] = self.input_shape.as_slice() else {
            return Err(self.shape_error("input_shape", "the input is [1, frames, 64]"));
        };
        let least = SOUND_LOOKAHEAD_BLOCKS + 2;
        let good = match *self.output_shape.as_slice() {
            [1, blocks, _] => blocks >= least && frames == blocks * SOUND_BLOCK_MS as usize / 10,
            [1, _] => true,
            _ => false,
        };
        let why = format!(
            "sound gives [1, blocks, kinds], {least} blocks or more of ten frames, or [1, kinds]"
        );
        if good { Ok(()) } else { Err(self.shape_error("output_shape", &why)) }
    }

    fn shape_error(&self, field: &str, why: &str) -> ManifestError {
        let shape = if field == "input_shape" { &self.input_shape } else { &self.output_shape };
        wrong(&format!("tier.{}.{field}", self.name), shape, why, SHAPE_REMEDY)
    }
}

fn check_files(
    key: impl Fn(&str) -> String,
    files: [(&str, &String); 2],
) -> Result<(), ManifestError> {
    for (field, file) in files {
        if file.is_empty() || file.starts_with('.') || file.contains(['/', '\\']) {
            let why = "a pack's files lie in its own folder, and are not hidden";
            return Err(wrong(&key(field), file, why, "write the bare name of a file there"));
        }
    }
    Ok(())
}

fn check_digests(
    key: impl Fn(&str) -> String,
    sums: [(&str, &String); 2],
) -> Result<(), ManifestError> {
    for (field, sum) in sums {
        if sum.len() != 64 || !sum.bytes().all(|b| b.is_ascii_hexdigit()) {
            let why = "a SHA-256 has 64 hexadecimal digits";
            return Err(wrong(&key(field), sum, why, "write what `sha256sum` says"));
        }
    }
    Ok(())
}

fn check_cost(key: &str, cost_ms: f32) -> Result<(), ManifestError> {
    if (0.0..=COST_MS_MAX).contains(&cost_ms) {
        return Ok(());
    }
    let why = format!("one run takes 0 to {COST_MS_MAX} ms");
    Err(wrong(key, cost_ms, why, "write the measured time"))
}

const LABELS_REMEDY: &str = "write `labels = { NAME = 0, … }` with the network's own order";
const SHAPE_REMEDY: &str = "write the shape of the exported network";

fn wrong(
    key: &str,
    value: impl std::fmt::Debug,
    why: impl Into<String>,
    remedy: &str,
) -> ManifestError {
    let value = format!("{value:?}");
    ManifestError::Value { key: key.to_owned(), value, why: why.into(), remedy: remedy.to_owned() }
}
