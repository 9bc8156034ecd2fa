//! The messages of the protocol: what a server says of itself and its models, a question, an
//! answer. In JSON, or with the numbers as bytes behind the JSON where the server offers that.
//!
//! Pure: bytes in, bytes out. Source: Open Inference Protocol, `rest_predict_v2.md` and
//! `extension_binary_tensor_data.md`.

use hal::infer::{CheckError, Signature, Tensor};
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

/// Says how many bytes of a body are JSON; the rest are numbers.
pub(crate) const HEADER_LENGTH: &str = "Inference-Header-Content-Length";
/// The extension's name in a server's list.
const BINARY: &str = "binary_tensor_data";
/// The only numbers that lanes know.
const F32: &str = "FP32";

/// How numbers travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Binary,
}

/// What a server says of itself.
#[derive(Deserialize)]
pub(crate) struct ServerWords {
    #[serde(default)]
    extensions: Vec<String>,
}

impl ServerWords {
    pub(crate) fn form(&self) -> Form {
        if self.extensions.iter().any(|name| name == BINARY) { Form::Binary } else { Form::Json }
    }
}

/// What a server says of a model.
#[derive(Deserialize)]
pub(crate) struct ModelWords {
    #[serde(default)]
    inputs: Vec<Port>,
    #[serde(default)]
    outputs: Vec<Port>,
}

/// An input or an output.
#[derive(Deserialize)]
struct Port {
    name: String,
    datatype: String,
    /// −1: any size.
    shape: Vec<i64>,
}

impl Port {
    fn takes(&self, shape: &[usize]) -> bool {
        let fits = |(got, wanted): (&i64, &usize)| *got == -1 || *got == *wanted as i64;
        self.shape.len() == shape.len() && self.shape.iter().zip(shape).all(fits)
    }
}

impl ModelWords {
    /// Whether the model is the network that is wanted: its only input, and an output of the name.
    pub(crate) fn check(&self, wanted: &Signature) -> Result<(), CheckError> {
        let differs = |part, got: String, expected: String| CheckError::Differs {
            network: wanted.network.clone(),
            part,
            got,
            expected,
        };
        let names = |ports: &[Port]| {
            let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
            if names.is_empty() { "not told".to_owned() } else { names.join(" and ") }
        };
        let input = match self.inputs.as_slice() {
            [input] if input.name == wanted.input => input,
            others => return Err(differs("input", names(others), wanted.input.clone())),
        };
        let output = self.outputs.iter().find(|output| output.name == wanted.output);
        let output =
            output.ok_or_else(|| differs("output", names(&self.outputs), wanted.output.clone()))?;
        let ports = [
            (input, &wanted.input_shape, ["input's type", "input's shape"]),
            (output, &wanted.output_shape, ["output's type", "output's shape"]),
        ];
        for (port, shape, [its_type, its_shape]) in ports {
            if port.datatype != F32 {
                return Err(differs(its_type, port.datatype.clone(), F32.to_owned()));
            }
            if !port.takes(shape) {
                return Err(differs(its_shape, format!("{:?}", port.shape), format!("{shape:?}")));
            }
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Question<'q> {
    inputs: [Given<'q>; 1],
    outputs: [Wanted<'q>; 1],
}

#[derive(Serialize)]
struct Given<'q> {
    name: &'q str,
    shape: &'q [usize],
    datatype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Size>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'q [f32]>,
}

#[derive(Serialize)]
struct Size {
    binary_data_size: usize,
}

#[derive(Serialize)]
struct Wanted<'q> {
    name: &'q str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<InBinary>,
}

#[derive(Serialize)]
struct InBinary {
    binary_data: bool,
}

/// A question as a body, with the length of its JSON if numbers follow it.
pub(crate) fn question(
    signature: &Signature,
    input: &Tensor,
    form: Form,
) -> (Vec<u8>, Option<usize>) {
    let size = input.data.len() * size_of::<f32>();
    let (data, sizes, in_binary) = match form {
        Form::Json => (Some(input.data.as_slice()), None, None),
        Form::Binary => {
            let sizes = Some(Size { binary_data_size: size });
            (None, sizes, Some(InBinary { binary_data: true }))
        }
    };
    let given = Given {
        name: &signature.input,
        shape: &input.shape,
        datatype: F32,
        parameters: sizes,
        data,
    };
    let wanted = Wanted { name: &signature.output, parameters: in_binary };
    let question = Question { inputs: [given], outputs: [wanted] };
    // Names and numbers. Those that are not finite become null, which the server refuses.
    let mut body = serde_json::to_vec(&question).expect("it is plain data");
    match form {
        Form::Json => (body, None),
        Form::Binary => {
            let words = body.len();
            body.reserve_exact(size);
            body.extend(input.data.iter().flat_map(|number| number.to_le_bytes()));
            (body, Some(words))
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    outputs: Vec<Said>,
}

#[derive(Deserialize)]
struct Said {
    name: String,
    datatype: String,
    shape: Vec<usize>,
    parameters: Option<SaidSize>,
    data: Option<Numbers>,
}

#[derive(Deserialize)]
struct SaidSize {
    binary_data_size: Option<usize>,
}

/// The numbers of an answer: the wanted output, in the wanted shape, all finite.
///
/// - `words`: how many bytes of the body are JSON, if the server says so.
///
/// # Errors
/// What is wrong with the answer, as a part of a sentence.
pub(crate) fn answer(
    signature: &Signature,
    body: &[u8],
    words: Option<usize>,
) -> Result<Tensor, String> {
    let (json, mut bytes) = body
        .split_at_checked(words.unwrap_or(body.len()))
        .ok_or("its header is said to be longer than all of it")?;
    let answer: Answer =
        serde_json::from_slice(json).map_err(|error| format!("it is no answer: {error}"))?;
    for said in answer.outputs {
        let size = said.parameters.and_then(|said| said.binary_data_size);
        let mut raw: &[u8] = &[];
        if let Some(size) = size {
            (raw, bytes) =
                bytes.split_at_checked(size).ok_or("bytes of its numbers are missing")?;
        }
        if said.name != signature.output {
            continue;
        }
        if said.datatype != F32 {
            return Err(format!("its numbers are {}, not {F32}", said.datatype));
        }
        let shape = &signature.output_shape;
        if said.shape != *shape {
            return Err(format!("its shape is {:?}, not {shape:?}", said.shape));
        }
        let data = match (size, said.data) {
            (Some(_), _) => {
                let (numbers, rest) = raw.as_chunks::<4>();
                if !rest.is_empty() {
                    return Err("a part of a number is missing".to_owned());
                }
                numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
            }
            (None, Some(Numbers(data))) => data,
            (None, None) => return Err("it has no numbers".to_owned()),
        };
        let count: usize = shape.iter().product();
        if data.len() != count {
            return Err(format!("it has {} numbers, not {count}", data.len()));
        }
        if let Some(at) = data.iter().position(|number| !number.is_finite()) {
            return Err(format!("number {at} is {}, not a finite one", data[at]));
        }
        return Ok(Tensor { shape: shape.clone(), data });
    }
    Err(format!("it has no output {:?}", signature.output))
}

/// The numbers of a tensor, nested as its shape is, or flat.
struct Numbers(Vec<f32>);

/// Adds a number or a list to those before it. serde_json bounds how deep lists may nest.
struct Into<'v>(&'v mut Vec<f32>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut numbers = Vec::new();
        Into(&mut numbers).deserialize(from)?;
        Ok(Self(numbers))
    }
}

impl<'de> DeserializeSeed<'de> for Into<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Into<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number or a list of numbers")
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.0.push(number as f32);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.0.push(number as f32);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.0.push(number as f32);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Into(self.0))?.is_some() {}
        Ok(())
    }
}
