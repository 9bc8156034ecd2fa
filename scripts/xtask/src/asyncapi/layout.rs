//! How a message lies in postcard: the order and the types of its fields, as serde reads them.
//!
//! Owns: a deserializer that reads no bytes. It makes up a value for whatever serde asks for, and
//! writes down what that was. So the layout is that of the code which reads messages, not of a
//! second description. Must not: know a message by name.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::U32Deserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, SeqAccess,
    VariantAccess, Visitor,
};

/// A name that every text of the vocabulary accepts in its binary form.
const TEXT: &str = "a";
/// More variants than all enums of one message have together.
const PASSES_MAX: usize = 200;

/// Types by name: the fields of a record, the variants of a choice, or the one thing that a new
/// type holds.
pub(super) type Layouts = BTreeMap<String, Vec<String>>;

/// Adds `T` and every named type within it to `layouts`.
pub(super) fn add<T: DeserializeOwned>(layouts: &mut Layouts) -> Result<(), TraceError> {
    let mut known = Known::default();
    for _ in 0..PASSES_MAX {
        let mut format = String::new();
        known.met.clear();
        T::deserialize(Tracer { known: &mut known, format: &mut format })?;
        if known.variants.values().all(|variants| variants.iter().all(Option::is_some)) {
            layouts.extend(known.records);
            let told = known.variants.into_iter().map(|(name, variants)| {
                (format!("enum {name}"), variants.into_iter().flatten().collect())
            });
            layouts.extend(told);
            return Ok(());
        }
    }
    Err(TraceError("an enum has variants that reading never reaches".to_owned()))
}

/// A type cannot be traced.
#[derive(Debug)]
pub(super) struct TraceError(String);

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TraceError {}

impl de::Error for TraceError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

#[derive(Default)]
struct Known {
    records: Layouts,
    /// `None`: not visited yet, or an enum within was not seen whole.
    variants: BTreeMap<String, Vec<Option<String>>>,
    /// Enums in the order in which they were met.
    met: Vec<&'static str>,
}

impl Known {
    fn is_whole(&self, name: &str) -> bool {
        self.variants.get(name).is_some_and(|variants| variants.iter().all(Option::is_some))
    }
}

/// Serves one value and writes down its type.
struct Tracer<'a> {
    known: &'a mut Known,
    format: &'a mut String,
}

macro_rules! plain {
    ($($method:ident $visit:ident $value:expr, $name:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
            self.format.push_str($name);
            visitor.$visit($value)
        }
    )*};
}

macro_rules! refused {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, TraceError> {
            Err(TraceError(concat!(stringify!($method), " has no place in a message").to_owned()))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Tracer<'_> {
    type Error = TraceError;

    plain! {
        deserialize_bool visit_bool true, "bool";
        deserialize_i8 visit_i8 1, "i8";
        deserialize_i16 visit_i16 1, "i16";
        deserialize_i32 visit_i32 1, "i32";
        deserialize_i64 visit_i64 1, "i64";
        deserialize_u8 visit_u8 1, "u8";
        deserialize_u16 visit_u16 1, "u16";
        deserialize_u32 visit_u32 1, "u32";
        deserialize_u64 visit_u64 1, "u64";
        deserialize_f32 visit_f32 1.0, "f32";
        deserialize_f64 visit_f64 1.0, "f64";
        deserialize_str visit_str TEXT, "text";
        deserialize_string visit_str TEXT, "text";
    }

    refused! {
        deserialize_any deserialize_char deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_map deserialize_identifier deserialize_ignored_any
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        self.format.push_str("optional ");
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: V,
    ) -> Result<V::Value, TraceError> {
        Err(TraceError(format!("{name} says nothing")))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        let mut inner = String::new();
        let value =
            visitor.visit_newtype_struct(Tracer { known: self.known, format: &mut inner })?;
        self.known.records.insert(name.to_owned(), vec![inner]);
        self.format.push_str(name);
        Ok(value)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TraceError> {
        let mut items = Items::new(self.known, 1);
        let value = visitor.visit_seq(&mut items)?;
        self.format.push_str(&format!("list of {}", items.formats.join(", ")));
        Ok(value)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        let mut items = Items::new(self.known, len);
        let value = visitor.visit_seq(&mut items)?;
        let formats = items.formats;
        let is_uniform = formats.windows(2).all(|pair| pair[0] == pair[1]);
        match formats.first() {
            Some(first) if is_uniform => self.format.push_str(&format!("{len} × {first}")),
            Some(_) | None => self.format.push_str(&format!("({})", formats.join(", "))),
        }
        Ok(value)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        let mut items = Items::new(self.known, len);
        let value = visitor.visit_seq(&mut items)?;
        let formats = items.formats;
        self.known.records.insert(name.to_owned(), formats);
        self.format.push_str(name);
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        let mut items = Items::new(self.known, fields.len());
        let value = visitor.visit_seq(&mut items)?;
        let named =
            fields.iter().zip(&items.formats).map(|(field, format)| format!("{field}: {format}"));
        let named = named.collect();
        self.known.records.insert(name.to_owned(), named);
        self.format.push_str(name);
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TraceError> {
        let entry = || vec![None; variants.len()];
        let seen = self.known.variants.entry(name.to_owned()).or_insert_with(entry);
        let next = seen.iter().position(Option::is_none).unwrap_or(0);
        let mut format = variants[next].to_owned();
        let choice = Choice { known: &mut *self.known, index: next as u32, format: &mut format };
        let before = choice.known.met.len();
        let value = visitor.visit_enum(choice)?;
        // Visited again until every enum within was seen whole.
        let is_whole = self.known.met[before..].iter().all(|inner| self.known.is_whole(inner));
        if let Some(seen) = self.known.variants.get_mut(name).filter(|_| is_whole) {
            seen[next] = Some(format);
        }
        self.known.met.push(name);
        self.format.push_str(name);
        Ok(value)
    }
}

/// Fields or items, one after the other.
struct Items<'a> {
    known: &'a mut Known,
    left: usize,
    formats: Vec<String>,
}

impl<'a> Items<'a> {
    const fn new(known: &'a mut Known, left: usize) -> Self {
        Self { known, left, formats: Vec::new() }
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_> {
    type Error = TraceError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, TraceError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut format = String::new();
        let value = seed.deserialize(Tracer { known: &mut *self.known, format: &mut format })?;
        self.formats.push(format);
        Ok(Some(value))
    }
}

/// One variant of an enum.
struct Choice<'a> {
    known: &'a mut Known,
    index: u32,
    format: &'a mut String,
}

impl<'de> EnumAccess<'de> for Choice<'_> {
    type Error = TraceError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), TraceError> {
        let index: U32Deserializer<TraceError> = self.index.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = TraceError;

    fn unit_variant(self) -> Result<(), TraceError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, TraceError> {
        self.format.push_str(": ");
        seed.deserialize(Tracer { known: self.known, format: self.format })
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, TraceError> {
        Err(TraceError("a variant of a message holds one thing".to_owned()))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, TraceError> {
        Err(TraceError("a variant of a message holds one thing".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its layout is looked at")]
    struct Record {
        number: u16,
        #[serde(rename = "box")]
        edges: [i64; 4],
        pair: (u8, u32),
        maybe: Option<Choice>,
        many: Vec<New>,
    }

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its layout is looked at")]
    enum Outer {
        First(Choice),
        Second(Record),
    }

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its layout is looked at")]
    #[serde(rename_all = "snake_case")]
    enum Choice {
        OfNone,
        OfText(String),
    }

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its layout is looked at")]
    struct New(i32);

    #[test]
    fn layout_has_the_fields_in_their_order_and_every_variant() {
        let mut layouts = Layouts::new();
        add::<Record>(&mut layouts).expect("it can be traced");
        let fields = [
            "number: u16",
            "box: 4 × i64",
            "pair: (u8, u32)",
            "maybe: optional Choice",
            "many: list of New",
        ];
        assert_eq!(layouts["Record"], fields);
        assert_eq!(layouts["enum Choice"], ["of_none", "of_text: text"]);
        assert_eq!(layouts["New"], ["i32"]);
        assert_eq!(layouts.len(), 3);
    }

    #[test]
    fn enums_within_enums_are_seen_whole() {
        let mut layouts = Layouts::new();
        add::<Outer>(&mut layouts).expect("it can be traced");
        assert_eq!(layouts["enum Outer"], ["First: Choice", "Second: Record"]);
        assert_eq!(layouts["enum Choice"], ["of_none", "of_text: text"]);
    }
}
