//! Bodies read strictly: no duplicate keys, no depth, no numbers that another reader would round.

use crate::Problem;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;
use tokengine_core::Fingerprint;

/// Objects and lists within each other; our deepest request has four.
const MAX_DEPTH: usize = 16;

struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: de::Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format!("deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value without duplicate keys or fractions")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Value, E> {
        Err(E::custom("a number with a fraction, an exponent or too many digits; amounts are strings"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(self.deeper()?)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self.deeper()?)?;
            if object.insert(key, value).is_some() {
                return Err(de::Error::custom("a key stands twice in one object"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// Reads a body.
///
/// # Errors
/// `json-invalid` with line and column, never with the content.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| Problem::json(error.to_string()))
}

/// Takes the fields of a request out of a body.
///
/// # Errors
/// `invalid-request` with a JSON Pointer to the first field that is not as it must be.
pub(crate) fn fields<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer(error.path());
        let text = error.into_inner().to_string();
        // Our own types put a stable code in front of what they say.
        let (code, detail) = match text.split_once("| ") {
            Some((code, detail)) => (code.to_owned(), detail.to_owned()),
            None => ("field-invalid".to_owned(), text),
        };
        Problem::field(pointer, &code, detail)
    })
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |mut pointer, segment| {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
        pointer
    })
}

/// Of the route and the content, whatever the order of keys and the white space. `without` is left out: the bytes of a
/// signature differ from one signing of the same message to the next.
pub(crate) fn fingerprint(route: &str, body: &Value, without: &[&str]) -> Fingerprint {
    let mut text = Vec::new();
    match body {
        Value::Object(object) => {
            let kept = object.iter().filter(|(key, _)| !without.contains(&key.as_str()));
            canonical(&Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect()), &mut text);
        }
        other => canonical(other, &mut text),
    }
    Fingerprint::of("request", &[route.as_bytes(), &text])
}

fn canonical(value: &Value, out: &mut Vec<u8>) {
    let quoted = |text: &str, out: &mut Vec<u8>| {
        let text = Value::from(text).to_string();
        out.extend_from_slice(text.as_bytes());
    };
    match value {
        Value::Object(object) => {
            let mut keys: Vec<_> = object.iter().collect();
            keys.sort_by_key(|(key, _)| *key);
            out.push(b'{');
            for (key, value) in keys {
                quoted(key, out);
                out.push(b':');
                canonical(value, out);
                out.push(b',');
            }
            out.push(b'}');
        }
        Value::Array(list) => {
            out.push(b'[');
            for value in list {
                canonical(value, out);
                out.push(b',');
            }
            out.push(b']');
        }
        Value::String(text) => quoted(text, out),
        other => out.extend_from_slice(other.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for (case, text) in [
            ("a key twice", r#"{"a": 1, "a": 2}"#),
            ("a key twice, once escaped", r#"{"a": 1, "\u0061": 2}"#),
            ("a fraction", r#"{"a": 1.5}"#),
            ("an exponent", r#"{"a": 1e3}"#),
            ("a number beyond 64 bits", r#"{"a": 123456789012345678901234567890}"#),
            ("a number beyond doubles", r#"{"a": 1e4000}"#),
            ("a leading zero", r#"{"a": 01}"#),
            ("NaN", r#"{"a": NaN}"#),
            ("ten thousand levels", deep.as_str()),
            ("something behind it", "{} {}"),
            ("half of it", r#"{"a": "#),
            ("nothing", ""),
        ] {
            assert_eq!(read(text.as_bytes()).expect_err(case).code(), "json-invalid", "{case}");
        }
        assert!(read(br#"{"a": [1, -2, "x", null, true, {"b": {}}]}"#).is_ok());
    }

    #[test]
    fn the_order_of_keys_and_the_signature_do_not_change_the_content() {
        let of = |text: &str| fingerprint("r", &read(text.as_bytes()).unwrap(), &["signature"]);
        let first = of(r#"{"a": "1", "b": {"c": [1, 2]}, "signature": "0x1"}"#);
        assert_eq!(first, of(r#"{ "signature":"0x2","b":{"c":[1,2]},"a":"1" }"#));
        assert_ne!(first, of(r#"{"a": "1", "b": {"c": [2, 1]}}"#));
        assert_ne!(of(r#"{"a": "1"}"#), of(r#"{"a": 1}"#));
    }
}
