//! AMF0: the values inside RTMP commands and metadata. Decoding is bounded in depth and in the
//! number of values; lengths are checked against the bytes that are there before anything is
//! allocated. Specification: Adobe AMF0 File Format, 2007.

use crate::limits::Limits;

/// One AMF0 value. Dates lose their time zone, long strings and XML become strings, typed
/// objects lose their class name: nothing in RTMP publishing depends on the difference.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A double.
    Number(f64),
    /// A boolean.
    Boolean(bool),
    /// Text; bytes that are no UTF-8 are replaced by U+FFFD.
    String(String),
    /// Properties in the order of the wire, from an object, a typed object or an ECMA array.
    Object(Vec<(String, Value)>),
    /// A strict array.
    Array(Vec<Value>),
    /// Null, or an explicitly unsupported value.
    Null,
    /// Undefined.
    Undefined,
}

/// Why bytes are no AMF0, or too much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Amf0Error {
    /// The bytes end inside a value.
    #[error("the message ends inside an AMF0 value")]
    Truncated,
    /// A marker that AMF0 does not define or that publishers never send.
    #[error("AMF0 marker {0:#04x} is not supported")]
    Marker(u8),
    /// Nested too deeply.
    #[error("AMF0 values are nested deeper than {0} levels")]
    Depth(u8),
    /// Too many values.
    #[error("more than {0} AMF0 values in one message")]
    Count(u16),
}

/// Decodes all values of a message.
///
/// # Errors
/// See [`Amf0Error`]; nothing is returned in part.
pub fn decode(mut bytes: &[u8], limits: &Limits) -> Result<Vec<Value>, Amf0Error> {
    let mut decoder = Decoder { left: limits.amf0_values_max, limits };
    let mut values = Vec::new();
    while !bytes.is_empty() {
        values.push(decoder.value(&mut bytes, limits.amf0_depth_max)?);
    }
    Ok(values)
}

/// Appends one value. Strings beyond 65,535 bytes are written as long strings.
pub fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => {
            out.push(NUMBER);
            out.extend_from_slice(&number.to_be_bytes());
        }
        Value::Boolean(flag) => out.extend_from_slice(&[BOOLEAN, u8::from(*flag)]),
        Value::String(text) => match u16::try_from(text.len()) {
            Ok(length) => {
                out.push(STRING);
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Err(_) => {
                out.push(LONG_STRING);
                out.extend_from_slice(&(text.len() as u32).to_be_bytes());
                out.extend_from_slice(text.as_bytes());
            }
        },
        Value::Object(properties) => {
            out.push(OBJECT);
            for (name, value) in properties {
                // Property names have 16-bit lengths; a longer one cannot be said in AMF0.
                let mut end = name.len().min(usize::from(u16::MAX));
                while !name.is_char_boundary(end) {
                    end -= 1;
                }
                out.extend_from_slice(&(end as u16).to_be_bytes());
                out.extend_from_slice(&name.as_bytes()[..end]);
                encode(value, out);
            }
            out.extend_from_slice(&[0, 0, OBJECT_END]);
        }
        Value::Array(values) => {
            out.push(STRICT_ARRAY);
            out.extend_from_slice(&(values.len() as u32).to_be_bytes());
            values.iter().for_each(|value| encode(value, out));
        }
        Value::Null => out.push(NULL),
        Value::Undefined => out.push(UNDEFINED),
    }
}

impl Value {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The number.
    pub fn as_number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// A property of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(properties) = self else { return None };
        properties.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

const NUMBER: u8 = 0;
const BOOLEAN: u8 = 1;
const STRING: u8 = 2;
const OBJECT: u8 = 3;
const NULL: u8 = 5;
const UNDEFINED: u8 = 6;
const ECMA_ARRAY: u8 = 8;
const OBJECT_END: u8 = 9;
const STRICT_ARRAY: u8 = 10;
const DATE: u8 = 11;
const LONG_STRING: u8 = 12;
const UNSUPPORTED: u8 = 13;
const XML: u8 = 15;
const TYPED_OBJECT: u8 = 16;

struct Decoder<'a> {
    left: u16,
    limits: &'a Limits,
}

impl Decoder<'_> {
    fn value(&mut self, bytes: &mut &[u8], depth: u8) -> Result<Value, Amf0Error> {
        self.left =
            self.left.checked_sub(1).ok_or(Amf0Error::Count(self.limits.amf0_values_max))?;
        let deeper = || depth.checked_sub(1).ok_or(Amf0Error::Depth(self.limits.amf0_depth_max));
        let [marker] = array(bytes)?;
        match marker {
            NUMBER => Ok(Value::Number(f64::from_be_bytes(array(bytes)?))),
            BOOLEAN => Ok(Value::Boolean(array::<1>(bytes)? != [0])),
            STRING => Ok(Value::String(short_text(bytes)?)),
            LONG_STRING | XML => {
                let length = u32::from_be_bytes(array(bytes)?) as usize;
                Ok(Value::String(text(bytes, length)?))
            }
            OBJECT => Ok(Value::Object(self.properties(bytes, deeper()?)?)),
            ECMA_ARRAY => {
                // The count is a hint that encoders get wrong; the end marker decides.
                array::<4>(bytes)?;
                Ok(Value::Object(self.properties(bytes, deeper()?)?))
            }
            TYPED_OBJECT => {
                short_text(bytes)?;
                Ok(Value::Object(self.properties(bytes, deeper()?)?))
            }
            STRICT_ARRAY => {
                let depth = deeper()?;
                let count = u32::from_be_bytes(array(bytes)?);
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(bytes, depth)?);
                }
                Ok(Value::Array(values))
            }
            DATE => {
                let milliseconds = f64::from_be_bytes(array(bytes)?);
                array::<2>(bytes)?;
                Ok(Value::Number(milliseconds))
            }
            NULL | UNSUPPORTED => Ok(Value::Null),
            UNDEFINED => Ok(Value::Undefined),
            other => Err(Amf0Error::Marker(other)),
        }
    }

    fn properties(
        &mut self,
        bytes: &mut &[u8],
        depth: u8,
    ) -> Result<Vec<(String, Value)>, Amf0Error> {
        let mut properties = Vec::new();
        loop {
            // Some encoders end an ECMA array with the end of the message.
            if bytes.is_empty() {
                return Ok(properties);
            }
            let name = short_text(bytes)?;
            if name.is_empty() && bytes.first() == Some(&OBJECT_END) {
                *bytes = &bytes[1..];
                return Ok(properties);
            }
            properties.push((name, self.value(bytes, depth)?));
        }
    }
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Amf0Error> {
    let (head, rest) = bytes.split_first_chunk::<N>().ok_or(Amf0Error::Truncated)?;
    *bytes = rest;
    Ok(*head)
}

fn short_text(bytes: &mut &[u8]) -> Result<String, Amf0Error> {
    let length = usize::from(u16::from_be_bytes(array(bytes)?));
    text(bytes, length)
}

fn text(bytes: &mut &[u8], length: usize) -> Result<String, Amf0Error> {
    let (head, rest) = bytes.split_at_checked(length).ok_or(Amf0Error::Truncated)?;
    *bytes = rest;
    Ok(String::from_utf8_lossy(head).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits() -> Limits {
        Limits { amf0_depth_max: 4, amf0_values_max: 64, ..Limits::default() }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            (-1e9..1e9).prop_map(Value::Number),
            any::<bool>().prop_map(Value::Boolean),
            ".{0,20}".prop_map(Value::String),
            Just(Value::Null),
            Just(Value::Undefined),
        ];
        leaf.prop_recursive(3, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((".{1,10}", inner), 0..4).prop_map(Value::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(value in values()) {
            let mut bytes = Vec::new();
            encode(&value, &mut bytes);
            prop_assert_eq!(decode(&bytes, &limits()), Ok(vec![value]));
        }

        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let _ = decode(&bytes, &limits());
        }
    }

    #[test]
    fn values_of_real_encoders_decode() {
        let cases: [(&[u8], Value); 6] = [
            (&[8, 0, 0, 0, 9, 0, 1, b'a', 5, 0, 0, 9], object(Value::Null)),
            // An ECMA array that ends with its message.
            (&[8, 0, 0, 0, 1, 0, 1, b'a', 6], object(Value::Undefined)),
            (&[16, 0, 1, b'C', 0, 1, b'a', 5, 0, 0, 9], object(Value::Null)),
            (&[12, 0, 0, 0, 2, b'h', b'i'], "hi".into()),
            (&[11, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0], Value::Number(2.0)),
            (&[2, 0, 2, 0xc3, 0x28], Value::String("\u{fffd}(".to_owned())),
        ];
        for (bytes, value) in cases {
            assert_eq!(decode(bytes, &limits()), Ok(vec![value]));
        }
    }

    #[test]
    fn too_deep_too_many_too_short_and_unknown_are_refused() {
        let deep = [10, 0, 0, 0, 1].repeat(5);
        let cases: [(&[u8], Amf0Error); 7] = [
            (&deep, Amf0Error::Depth(4)),
            (&[5; 65], Amf0Error::Count(64)),
            // The announced count alone must not allocate.
            (&[10, 255, 255, 255, 255, 5], Amf0Error::Truncated),
            (&[12, 255, 255, 255, 255, 5], Amf0Error::Truncated),
            (&[0, 1, 2], Amf0Error::Truncated),
            (&[7, 0, 1], Amf0Error::Marker(7)),
            (&[3, 0, 0, 8], Amf0Error::Truncated),
        ];
        for (bytes, error) in cases {
            assert_eq!(decode(bytes, &limits()), Err(error));
        }
    }

    fn object(value: Value) -> Value {
        Value::Object(vec![("a".to_owned(), value)])
    }
}
