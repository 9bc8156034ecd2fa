//! Builds tiny packs with real ONNX networks whose answers can be worked out by hand.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::OnceLock;

use minisign::KeyPair;
use models::Trust;
use models::pack::{MANIFEST, SIGNATURE};
use prost::Message;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, attribute_proto, tensor_proto, tensor_shape_proto,
    type_proto,
};

#[path = "fixture/players.rs"]
mod players;

#[allow(unused_imports, reason = "not every test that borrows this file needs it")]
pub(crate) use players::{players, players_network_blind_in_the_dark};

/// Heat of the fixture's ball network: `GAIN * (last - one before) + BIAS`, in luma / 255.
pub(crate) const BALL: (f32, f32) = (40.0, -6.0);
/// Heat of the fixture's hoop network: `GAIN * luma + BIAS`.
pub(crate) const HOOP: (f32, f32) = (40.0, -20.0);
/// What the fixture's hoop network says of every hoop's size, in input pixels.
pub(crate) const HOOP_SIZE: (f32, f32) = (12.0, 20.0);

/// A pack in a folder of its own, removed with it.
pub(crate) struct Folder {
    dir: TempDir,
}

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Replaces text of the manifest that must be there, and signs it.
    pub(crate) fn edit(&self, from: &str, to: &str) -> &Self {
        let path = self.path().join(MANIFEST);
        let text = fs::read_to_string(&path).expect("the manifest was written");
        assert!(text.contains(from), "{from:?} is not in the manifest");
        fs::write(path, text.replace(from, to)).expect("the folder is writable");
        sign(self.path(), keys());
        self
    }

    /// Replaces a file and, so that the digest does not give it away, its digest.
    pub(crate) fn replace(&self, file: &str, bytes: &[u8]) -> &Self {
        let path = self.path().join(file);
        let old = hex(&fs::read(&path).expect("the file was written"));
        fs::write(path, bytes).expect("the folder is writable");
        self.edit(&old, &hex(bytes))
    }

    pub(crate) fn read(&self, file: &str) -> Vec<u8> {
        fs::read(self.path().join(file)).expect("the file was written")
    }
}

/// One tier: a network and an answer to prove itself with.
struct Tier {
    name: &'static str,
    onnx: Vec<u8>,
    input: Vec<usize>,
    output: Vec<usize>,
    golden: fn(&[f32], &[usize]) -> Vec<f32>,
}

/// A rim pack with the tiers `nano` and `full`: 16 crops of 8 and of 12 pixels. The brighter a
/// crop, the likelier it is a made shot, the darker, the likelier it is nothing.
pub(crate) fn rim() -> Folder {
    let tier = |name, side| Tier {
        name,
        onnx: rim_network(side),
        input: vec![1, 16, side, side],
        output: vec![1, 16, 3],
        golden: |input, shape| {
            let crops = input.chunks(shape[2] * shape[3]);
            crops.flat_map(|c| rim_logits(c.iter().sum::<f32>() / c.len() as f32)).collect()
        },
    };
    write("rim", RIM_HEAD, &[tier("nano", 8), tier("full", 12)])
}

/// A rim pack with the tier `nano`: 32 crops of 8 pixels 40 ms apart, of which two and two make a
/// slot. The answers are those of [`rim`] for the mean of the two.
#[allow(dead_code, reason = "for the tests of the rim lane; others borrow this file")]
pub(crate) fn rim_in_pairs() -> Folder {
    let tier = Tier {
        name: "nano",
        onnx: rim_network_of_pictures(32, 8),
        input: vec![1, 32, 8, 8],
        output: vec![1, 16, 3],
        golden: |input, _| {
            let pairs = input.chunks(2 * 8 * 8);
            pairs.flat_map(|p| rim_logits(p.iter().sum::<f32>() / p.len() as f32)).collect()
        },
    };
    write("rim", &RIM_HEAD.replace("spacing_ms = 80", "spacing_ms = 40"), &[tier])
}

/// The rim pack [`rim`] whose tier `nano` has an int8 network too: it rounds the mean of each crop
/// to a 255th.
#[allow(dead_code, reason = "for the tests of engines; others borrow this file")]
pub(crate) fn rim_with_int8() -> Folder {
    let folder = rim();
    let (onnx, golden) = (rim_network_in_int8(1.0 / 255.0), folder.read("golden_nano.bin"));
    let answer = &golden[16 * 8 * 8 * 4..];
    fs::write(folder.path().join(INT8_FILES[0]), &onnx).expect("writable");
    fs::write(folder.path().join(INT8_FILES[1]), answer).expect("writable");
    let [file, golden] = INT8_FILES;
    let int8 = format!(
        "int8 = {{ file = \"{file}\", sha256 = \"{}\", golden = \"{golden}\", \
         golden_sha256 = \"{}\", cost_ms = 0.05, \
         accuracy = {{ metric = \"none\", value = 0.0, set = \"none\" }} }}\n[[tier]]\nname = \"full\"",
        hex(&onnx),
        hex(answer)
    );
    folder.edit("[[tier]]\nname = \"full\"", &int8).edit("schema = 1", "schema = 2");
    folder
}

/// What [`rim_with_int8`] has beside the files of [`rim`].
#[allow(dead_code, reason = "for the tests of engines; others borrow this file")]
pub(crate) const INT8_FILES: [&str; 2] = ["nano.int8.onnx", "golden_nano.int8.bin"];

/// Logits of the fixture's rim network for a crop of this mean luma / 255.
pub(crate) fn rim_logits(mean: f32) -> [f32; 3] {
    [10.0 - 20.0 * mean, 0.0, 20.0 * mean - 10.0]
}

/// A ball pack with the tiers `nano` (64 x 36) and `full` (128 x 72).
pub(crate) fn ball() -> Folder {
    let tier = |name, (w, h): (usize, usize)| Tier {
        name,
        onnx: ball_network(w, h),
        input: vec![1, 5, h, w],
        output: vec![1, 1, h / 2, w / 2],
        golden: |input, shape| {
            let (h, w) = (shape[2], shape[3]);
            let picture = |i: usize| &input[i * w * h..][..w * h];
            let mean = |p: &[f32], x: usize, y: usize| {
                let at = |dx: usize, dy: usize| p[(2 * y + dy) * w + 2 * x + dx];
                (at(0, 0) + at(1, 0) + at(0, 1) + at(1, 1)) / 4.0
            };
            let cells = (0..h / 2).flat_map(|y| (0..w / 2).map(move |x| (x, y)));
            let heat = |(x, y)| BALL.0 * (mean(picture(4), x, y) - mean(picture(3), x, y)) + BALL.1;
            cells.map(heat).collect()
        },
    };
    write("ball", BALL_HEAD, &[tier("nano", (64, 36)), tier("full", (128, 72))])
}

/// A hoop pack with one tier `nano` (128 x 72, cells of 4 pixels).
pub(crate) fn hoop() -> Folder {
    let (w, h) = (128, 72);
    let tier = Tier {
        name: "nano",
        onnx: hoop_network(w, h),
        input: vec![1, 1, h, w],
        output: vec![1, 3, h / 4, w / 4],
        golden: |input, shape| {
            let (h, w) = (shape[2], shape[3]);
            let cells = (0..h / 4).flat_map(|y| (0..w / 4).map(move |x| (x, y)));
            let mean = |(x, y): (usize, usize)| {
                let rows = (4 * y..4 * y + 4).map(|r| &input[r * w + 4 * x..][..4]);
                rows.flatten().sum::<f32>() / 16.0
            };
            let mut all: Vec<f32> = cells.map(|c| HOOP.0 * mean(c) + HOOP.1).collect();
            let n = all.len();
            all.resize(2 * n, (HOOP_SIZE.0 / 16.0).ln());
            all.resize(3 * n, (HOOP_SIZE.1 / 16.0).ln());
            all
        },
    };
    write("hoop", HOOP_HEAD, &[tier])
}

const RIM_HEAD: &str = "[input]\nname = \"frames\"\nlayout = \"NTHW\"\nscale = \"luma/255\"\n\
    spacing_ms = 80\ncrop_widths = 3.5\ncrop_centre = 0.45\n\
    [output]\nname = \"slots\"\npost = \"rim-slots\"\n";
const BALL_HEAD: &str = "[input]\nname = \"frames\"\nlayout = \"NTHW\"\nscale = \"luma/255\"\n\
    spacing_ms = 40\n[output]\nname = \"heat\"\npost = \"ball-heat\"\n";
const HOOP_HEAD: &str = "[input]\nname = \"frame\"\nlayout = \"NCHW\"\nscale = \"luma/255\"\n\
    spacing_ms = 0\n[output]\nname = \"hoops\"\npost = \"hoop-boxes\"\n";

fn write(lane: &str, head: &str, tiers: &[Tier]) -> Folder {
    let dir = tempfile::tempdir().expect("the system has a temporary folder");
    let mut manifest = format!(
        "schema = 1\nname = \"{lane}\"\nversion = 1\nlane = \"{lane}\"\nlicence = \"Apache-2.0\"\n{head}"
    );
    for tier in tiers {
        let Tier { name, input, output, .. } = tier;
        let mut golden = noise(input.iter().product());
        golden.extend((tier.golden)(&golden, input));
        let golden: Vec<u8> = golden.iter().flat_map(|v| v.to_le_bytes()).collect();
        let (sum, golden_sum) = (hex(&tier.onnx), hex(&golden));
        manifest += &format!(
            "[[tier]]\nname = \"{name}\"\nfile = \"{name}.f32.onnx\"\nprecision = \"f32\"\n\
             input_shape = {input:?}\noutput_shape = {output:?}\nsha256 = \"{sum}\"\n\
             golden = \"golden_{name}.bin\"\ngolden_sha256 = \"{golden_sum}\"\ncost_ms = 0.1\n\
             accuracy = {{ metric = \"none\", value = 0.0, set = \"none\" }}\n"
        );
        fs::write(dir.path().join(format!("{name}.f32.onnx")), &tier.onnx).expect("writable");
        fs::write(dir.path().join(format!("golden_{name}.bin")), golden).expect("writable");
    }
    manifest += "[training]\nrecipe = \"by hand\"\ncommit = \"none\"\nseed = 1\ndata = \"none\"\n";
    fs::write(dir.path().join(MANIFEST), manifest).expect("writable");
    sign(dir.path(), keys());
    Folder { dir }
}

/// The pair of keys that signs every pack of a run of the tests; made anew by each.
pub(crate) fn keys() -> &'static KeyPair {
    static KEYS: OnceLock<KeyPair> = OnceLock::new();
    KEYS.get_or_init(new_keys)
}

/// A pair of keys that nobody trusts.
pub(crate) fn new_keys() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().expect("the system gives randomness")
}

/// Signs the manifest in `folder` as `minisign` would.
pub(crate) fn sign(folder: &Path, keys: &KeyPair) {
    let manifest = fs::read(folder.join(MANIFEST)).expect("the manifest was written");
    let signed = minisign::sign(None, &keys.sk, Cursor::new(manifest), None, None);
    let text = signed.expect("the key has no password").into_string();
    fs::write(folder.join(SIGNATURE), text).expect("the folder is writable");
}

/// Trust in [`keys`].
pub(crate) fn trust() -> Trust {
    let mut trust = Trust::default();
    let text = keys().pk.to_box().expect("a public key has a text").to_string();
    trust.add("test.pub", &text).expect("it is a public key");
    trust
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Numbers in 0 .. 1, always the same.
fn noise(count: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    (0..count).map(|_| next()).collect()
}

// ---- networks ----

fn ball_network(w: usize, h: usize) -> Vec<u8> {
    let mut weights = vec![0.0; 5 * 4];
    weights[12..16].fill(-BALL.0 / 4.0);
    weights[16..20].fill(BALL.0 / 4.0);
    let consts = vec![constant("w", &[1, 5, 2, 2], &weights), constant("b", &[1], &[BALL.1])];
    let conv = node("Conv", &["frames", "w", "b"], "heat");
    let conv = with_ints(with_ints(conv, "strides", &[2, 2]), "kernel_shape", &[2, 2]);
    network(vec![conv], consts, ("frames", &[1, 5, h, w]), ("heat", &[1, 1, h / 2, w / 2]))
}

fn hoop_network(w: usize, h: usize) -> Vec<u8> {
    let mut weights = vec![0.0; 3 * 16];
    weights[..16].fill(HOOP.0 / 16.0);
    let bias = [HOOP.1, (HOOP_SIZE.0 / 16.0).ln(), (HOOP_SIZE.1 / 16.0).ln()];
    let consts = vec![constant("w", &[3, 1, 4, 4], &weights), constant("b", &[3], &bias)];
    let conv = node("Conv", &["frame", "w", "b"], "hoops");
    let conv = with_ints(with_ints(conv, "strides", &[4, 4]), "kernel_shape", &[4, 4]);
    network(vec![conv], consts, ("frame", &[1, 1, h, w]), ("hoops", &[1, 3, h / 4, w / 4]))
}

fn rim_network(side: usize) -> Vec<u8> {
    rim_network_of_pictures(16, side)
}

/// 16 slots of as many crops as there are to each.
fn rim_network_of_pictures(pictures: usize, side: usize) -> Vec<u8> {
    let mean = node("ReduceMean", &["frames"], "mean");
    let mean = with_ints(with_ints(mean, "axes", &[2, 3]), "keepdims", &[]);
    let nodes = vec![
        mean,
        node("Reshape", &["mean", "shape"], "crops"),
        with_ints(node("ReduceMean", &["crops"], "column"), "axes", &[2]),
        node("Mul", &["column", "gain"], "scaled"),
        node("Add", &["scaled", "bias"], "slots"),
    ];
    let consts = vec![
        integers("shape", &[1, 16, (pictures / 16) as i64]),
        constant("gain", &[1, 1, 3], &[-20.0, 0.0, 20.0]),
        constant("bias", &[1, 1, 3], &[10.0, 0.0, -10.0]),
    ];
    network(nodes, consts, ("frames", &[1, pictures, side, side]), ("slots", &[1, 16, 3]))
}

/// A good rim network that also multiplies matrices of 512 x 512 so many times, each about 5 ms.
#[allow(dead_code, reason = "for the tests of installing, which borrow this file")]
pub(crate) fn rim_network_with_work(products: usize) -> Vec<u8> {
    const SIDE: usize = 512;
    let even = constant("even", &[SIDE as i64; 2], &vec![1.0 / SIDE as f32; SIDE * SIDE]);
    let mean = with_ints(node("ReduceMean", &["column"], "whole"), "axes", &[1, 2]);
    let mut nodes = vec![mean, node("Mul", &["whole", "even"], "work0")];
    for number in 0..products {
        let (from, to) = (format!("work{number}"), format!("work{}", number + 1));
        nodes.push(node("MatMul", &[&from, "even"], &to));
    }
    let last = format!("work{products}");
    nodes.push(with_ints(node("ReduceMean", &[&last], "side"), "axes", &[1, 2]));
    rim_network_beside(nodes, vec![even])
}

/// The rim network for crops of 8 pixels that keeps the mean of each crop as u8, in such steps.
#[allow(dead_code, reason = "for the tests of engines; others borrow this file")]
pub(crate) fn rim_network_in_int8(step: f32) -> Vec<u8> {
    let mut model = ModelProto::decode(rim_network(8).as_slice()).expect("just encoded");
    let graph = model.graph.as_mut().expect("it has a graph");
    graph.node[3].input[0] = "back".into();
    let pair = [
        node("QuantizeLinear", &["column", "step", "zero"], "rounded"),
        node("DequantizeLinear", &["rounded", "step", "zero"], "back"),
    ];
    graph.node.splice(3..3, pair);
    graph.initializer.push(constant("step", &[], &[step]));
    graph.initializer.push(TensorProto {
        name: "zero".into(),
        data_type: tensor_proto::DataType::Uint8 as i32,
        raw_data: vec![0],
        ..TensorProto::default()
    });
    model.encode_to_vec()
}

/// A good rim network that is not a number when it sees black.
#[allow(dead_code, reason = "for the tests of installing, which borrow this file")]
pub(crate) fn rim_network_blind_in_the_dark() -> Vec<u8> {
    let dark = constant("dark", &[1], &[-0.05]);
    let nodes = vec![node("Add", &["column", "dark"], "above"), node("Sqrt", &["above"], "side")];
    rim_network_beside(nodes, vec![dark])
}

/// The rim network with other work beside it, whose result `side` hardly counts.
fn rim_network_beside(nodes: Vec<NodeProto>, consts: Vec<TensorProto>) -> Vec<u8> {
    let mut model = ModelProto::decode(rim_network(8).as_slice()).expect("just encoded");
    let graph = model.graph.as_mut().expect("it has a graph");
    graph.node[4].output[0] = "plain".into();
    graph.node[4].name = "plain".into();
    graph.node.extend(nodes);
    graph.node.push(node("Mul", &["side", "little"], "faint"));
    graph.node.push(node("Add", &["plain", "faint"], "slots"));
    graph.initializer.extend(consts);
    graph.initializer.push(constant("little", &[1], &[1e-9]));
    model.encode_to_vec()
}

/// A rim network of the same shape, as long as `operator` is one that takes one tensor.
pub(crate) fn rim_network_with(operator: &str) -> Vec<u8> {
    let mut model = ModelProto::decode(rim_network(8).as_slice()).expect("just encoded");
    let graph = model.graph.as_mut().expect("it has a graph");
    graph.node[4].output[0] = "plain".into();
    graph.node[4].name = "plain".into();
    graph.node.push(node(operator, &["plain"], "slots"));
    model.encode_to_vec()
}

/// A rim network whose output is declared under a name that no node has.
pub(crate) fn rim_network_without_output() -> Vec<u8> {
    let mut model = ModelProto::decode(rim_network(8).as_slice()).expect("just encoded");
    let graph = model.graph.as_mut().expect("it has a graph");
    graph.node[4].output[0] = "somewhere".into();
    model.encode_to_vec()
}

/// A rim network for crops of this many pixels a side.
pub(crate) fn rim_network_of(side: usize) -> Vec<u8> {
    rim_network(side)
}

fn network(
    node: Vec<NodeProto>,
    initializer: Vec<TensorProto>,
    (input, input_shape): (&str, &[usize]),
    (output, output_shape): (&str, &[usize]),
) -> Vec<u8> {
    let graph = GraphProto {
        name: "fixture".into(),
        node,
        initializer,
        input: vec![port(input, input_shape)],
        output: vec![port(output, output_shape)],
        ..GraphProto::default()
    };
    let model = ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 13 }],
        graph: Some(graph),
        ..ModelProto::default()
    };
    model.encode_to_vec()
}

fn port(name: &str, shape: &[usize]) -> ValueInfoProto {
    let dim = |&d: &usize| tensor_shape_proto::Dimension {
        value: Some(tensor_shape_proto::dimension::Value::DimValue(d as i64)),
        ..Default::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: tensor_proto::DataType::Float as i32,
        shape: Some(TensorShapeProto { dim: shape.iter().map(dim).collect() }),
    };
    let r#type =
        TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: name.into(), r#type: Some(r#type), ..ValueInfoProto::default() }
}

fn node(operator: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        name: output.into(),
        op_type: operator.into(),
        input: inputs.iter().map(|&i| i.into()).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

/// Adds an attribute: a list of integers, or the integer 0 if the list is empty.
fn with_ints(mut node: NodeProto, name: &str, values: &[i64]) -> NodeProto {
    let kind = if values.is_empty() {
        attribute_proto::AttributeType::Int
    } else {
        attribute_proto::AttributeType::Ints
    };
    node.attribute.push(AttributeProto {
        name: name.into(),
        r#type: kind as i32,
        ints: values.to_vec(),
        ..AttributeProto::default()
    });
    node
}

fn constant(name: &str, shape: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: shape.to_vec(),
        data_type: tensor_proto::DataType::Float as i32,
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn integers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: tensor_proto::DataType::Int64 as i32,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}
