//! What a manifest may say, and the message for everything that it may not.

use models::manifest::{Lane, Manifest, ManifestError, Post};

use crate::fixture;

fn text(folder: &fixture::Folder) -> String {
    String::from_utf8(folder.read("manifest.toml")).expect("it is text")
}

#[test]
fn a_good_manifest_is_read_whole() {
    let manifest = Manifest::parse(&text(&fixture::rim())).expect("it is good");
    assert_eq!((manifest.lane, manifest.output.post), (Lane::Rim, Post::RimSlots));
    assert_eq!(manifest.input.crop_widths, Some(3.5));
    let names: Vec<_> = manifest.tiers.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["nano", "full"]);
    assert_eq!(manifest.tiers[0].input_shape, [1, 16, 8, 8]);
}

#[test]
fn a_wrong_manifest_is_refused_with_key_value_and_reason() {
    let wrong = [
        ("schema = 1", "schema = 3\nnew = 1", ["schema", "3", "reads schema 1 to 2"]),
        ("schema = 1", "schema = 0", ["schema", "0", "reads schema 1 to 2"]),
        ("lane = \"rim\"", "lane = \"ball\"", ["output.post", "RimSlots", "gives BallHeat"]),
        ("layout = \"NTHW\"", "layout = \"NCHW\"", ["input.layout", "NCHW", "NTHW"]),
        ("scale = \"luma/255\"", "scale = \"1\"", ["input.scale", "\"1\"", "luma/255"]),
        ("spacing_ms = 80", "spacing_ms = 0", ["input.spacing_ms", "0", "10..=1000"]),
        ("spacing_ms = 80", "spacing_ms = 40", ["input.spacing_ms", "40", "slots are 80 ms"]),
        ("crop_widths = 3.5\n", "", ["input.crop_widths", "None", "rim packs"]),
        ("crop_centre = 0.45", "crop_centre = 99.0", ["input.crop_centre", "99", "5.0"]),
        ("name = \"full\"", "name = \"nano\"", ["tier.name", "nano", "of its own"]),
        ("\"nano.f32.onnx\"", "\"../x.onnx\"", ["tier.nano.file", "../x.onnx", "folder"]),
        ("\"golden_nano.bin\"", "\".g\"", ["tier.nano.golden", ".g", "hidden"]),
        ("[1, 16, 8, 8]", "[1, 16, 8, 0]", ["tier.nano.input_shape", "0]", "elements"]),
        ("[1, 16, 8, 8]", "[16, 8, 8]", ["tier.nano.input_shape", "[16, 8, 8]", "rows"]),
        ("[1, 16, 8, 8]", "[1, 16, 8, 9]", ["tier.nano.input_shape", "8, 9]", "square"]),
        (
            "[1, 16, 3]",
            "[1, 15, 3]",
            ["tier.nano.output_shape", "15", "a slot is one picture, or two"],
        ),
        ("[1, 16, 3]", "[1, 16, 4]", ["tier.nano.output_shape", "4]", "[1, slots, 3]"]),
        ("sha256 = \"", "sha256 = \"x", ["tier.nano.sha256", "x", "64 hexadecimal"]),
        ("licence = \"Apache-2.0\"", "license = \"MIT\"", ["license", "unknown field", "licence"]),
        ("precision = \"f32\"", "precision = \"int8\"", ["precision", "Int8", "is f32"]),
        ("seed = 1\n", "", ["training", "missing field", "seed"]),
        ("version = 1", "version = -1", ["version", "-1", "u32"]),
        ("schema = 1", "schema", ["schema", "line 1", "="]),
    ];
    let good = text(&fixture::rim());
    for (from, to, says) in wrong {
        assert!(good.contains(from), "{from:?} is not in the manifest");
        let said = Manifest::parse(&good.replacen(from, to, 2)).expect_err(to).to_string();
        for part in says {
            assert!(said.contains(part), "{to:?} gave {said:?}, without {part:?}");
        }
    }
}

#[test]
fn a_shape_whose_size_overflows_is_refused() {
    let huge = format!("[1, 16, {0}, {0}]", i64::MAX / 2);
    let bad = text(&fixture::rim()).replace("[1, 16, 8, 8]", &huge);
    let said = Manifest::parse(&bad);
    assert!(matches!(said, Err(ManifestError::Value { .. })), "{said:?}");
}

#[test]
fn ball_and_hoop_manifests_have_no_crop() {
    for folder in [fixture::ball(), fixture::hoop()] {
        let good = text(&folder);
        Manifest::parse(&good).expect("it is good");
        let bad = good.replace("[output]", "crop_widths = 2.0\n[output]");
        let said = Manifest::parse(&bad).expect_err("it has a crop").to_string();
        assert!(said.contains("input.crop_widths"), "{said}");
    }
}

#[test]
fn schema_1_has_no_int8_and_schema_2_need_not_have_any() {
    let both = text(&fixture::rim_with_int8());
    let manifest = Manifest::parse(&both).expect("it is good");
    let int8: Vec<bool> = manifest.tiers.iter().map(|tier| tier.int8.is_some()).collect();
    assert_eq!(int8, [true, false]);
    let files: Vec<&str> = manifest.files().map(|(file, _, _)| file).collect();
    assert!(fixture::INT8_FILES.iter().all(|file| files.contains(file)), "{files:?}");
    let said = Manifest::parse(&both.replace("schema = 2", "schema = 1")).expect_err("it has int8");
    assert!(said.to_string().contains("write schema = 2"), "{said}");
    Manifest::parse(&text(&fixture::rim()).replace("schema = 1", "schema = 2"))
        .expect("it is good");
}

#[test]
fn an_int8_network_that_cannot_be_one_of_its_tier_is_refused_with_a_reason() {
    let accuracy = |value: f64| format!("metric = \"none\", value = {value:?}, set = \"none\"");
    let good = text(&fixture::rim_with_int8());
    // The first accuracy is the tier's own, the second that of its int8 network.
    let judged = |own: f64, int8: f64| {
        let good = good.replacen(&accuracy(0.0), &accuracy(own), 1);
        good.replacen(&accuracy(0.0), &accuracy(int8), 1)
    };
    for (own, int8) in [(0.894, 0.884), (0.9, 0.95), (0.0, 0.0)] {
        Manifest::parse(&judged(own, int8)).unwrap_or_else(|e| panic!("{own} {int8}: {e}"));
    }
    let other_set = good.replacen("set = \"none\"", "set = \"some\"", 1);
    let wrong = [
        (judged(0.894, 0.883), ["tier.nano.int8.accuracy.value", "0.883", "at most 0.01"]),
        (judged(89.4, 89.4), ["tier.nano.int8.accuracy.value", "89.4", "from 0 to 1"]),
        (other_set, ["tier.nano.int8.accuracy", "none", "measured alike"]),
        (
            good.replace("\"nano.int8.onnx\"", "\"../nano.onnx\""),
            ["tier.nano.int8.file", "../nano", "own folder"],
        ),
        (
            good.replace("cost_ms = 0.05", "cost_ms = -1.0"),
            ["tier.nano.int8.cost_ms", "-1", "0 to 160"],
        ),
    ];
    for (text, says) in wrong {
        let said = Manifest::parse(&text).expect_err(says[0]).to_string();
        for part in says {
            assert!(said.contains(part), "{said:?} is without {part:?}");
        }
    }
}

#[test]
fn a_players_manifest_says_its_colours_its_kinds_and_its_cells() {
    let wrong = [
        ("scale = \"bgr\"", "scale = \"luma/255\"", ["input.scale", "luma/255", "bgr or rgb"]),
        ("layout = \"NCHW\"", "layout = \"NHWC\"", ["input.layout", "NHWC", "NCHW"]),
        ("spacing_ms = 0", "spacing_ms = 500", ["input.spacing_ms", "500", "0..=0"]),
        ("post = \"yolox\"", "post = \"ball-heat\"", ["output.post", "BallHeat", "Yolox"]),
        ("person = 1", "person = 2", ["output.labels.person", "2", "2 kinds"]),
        (", person = 1", "", ["output.labels", "ball", "finds people"]),
        ("ball = 0", "dog = 0", ["output.labels.dog", "0", "person, ball"]),
        ("labels = { ball = 0, person = 1 }\n", "", ["output.labels", "{}", "have labels"]),
        ("[1, 3, 64, 64]", "[1, 1, 64, 64]", ["tier.nano.input_shape", "[1, 1,", "three colours"]),
        ("[1, 3, 64, 64]", "[1, 3, 64, 72]", ["tier.nano.input_shape", "72]", "32, 64"]),
        ("[1, 84, 7]", "[1, 85, 7]", ["tier.nano.output_shape", "85", "8, 16 and 32"]),
        ("[1, 84, 7]", "[1, 84, 5]", ["tier.nano.output_shape", "5]", "its kinds"]),
        ("[1, 84, 7]", "[1, 84]", ["tier.nano.output_shape", "84]", "[1, cells, 5 + kinds]"]),
    ];
    let good = text(&fixture::players());
    Manifest::parse(&good).expect("it is good");
    for scale in models::colour::SCALES {
        let other = good.replace("\"bgr\"", &format!("{scale:?}"));
        Manifest::parse(&other).expect("a scale of the lane");
    }
    for (from, to, says) in wrong {
        assert!(good.contains(from), "{from:?} is not in the manifest");
        let said = Manifest::parse(&good.replacen(from, to, 2)).expect_err(to).to_string();
        for part in says {
            assert!(said.contains(part), "{to:?} gave {said:?}, without {part:?}");
        }
    }
}
