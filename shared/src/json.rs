//! Parses JSON objects from outside: request bodies and the parts of a token.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

/// Parses `bytes` as one JSON object.
///
/// A derived `Deserialize` also accepts an array for a struct, field by field; this
/// function accepts only an object. A field of `T` that occurs twice is an error: RFC
/// 8259 section 4 leaves its meaning open, and checks get bypassed when two parsers
/// disagree.
pub(crate) fn object<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice::<Object<T>>(bytes).map(|object| object.0)
}

struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Object)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

#[cfg(test)]
mod tests {
    use super::object;

    #[derive(Debug, serde::Deserialize, PartialEq)]
    struct Point {
        x: u8,
    }

    #[test]
    fn only_an_object_is_accepted() {
        assert_eq!(object::<Point>(br#"{"x":1,"y":2}"#).unwrap(), Point { x: 1 });
        for other in ["[1]", "1", "null", "\"x\"", "", "{\"x\":1} {}"] {
            assert!(object::<Point>(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn a_field_given_twice_is_an_error_that_names_it() {
        let error = object::<Point>(br#"{"x":1,"x":2}"#).unwrap_err().to_string();
        assert!(error.contains("duplicate field `x`"), "{error}");
    }
}
