//! Inputs that are almost right.

use serde_json::{Map, Value, json};

use crate::Rng;

/// No input grows beyond this: a decoder that is slow only for megabytes is the business of the limits on sizes.
pub(crate) const MAX_LEN: usize = 64 << 10;

/// How inputs of a target are mutated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As bytes.
    Bytes,
    /// As text: characters and numbers are replaced too.
    Text,
    /// As JSON where it parses, else as text.
    Json,
    /// A line, an empty line, and JSON; as text where it is not.
    HeadAndJson,
}

const NUMBERS: &[u64] = &[0, 1, 2, 7, 8, 127, 128, 255, 256, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const HUGE: &[u64] = &[1 << 32, 1 << 53, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX];
const TEXTS: &[&str] = &[
    "",
    " ",
    "0",
    "-0",
    "-1",
    "+1",
    "1e3",
    "0x",
    "0x0",
    "00",
    "1.",
    ".1",
    "NaN",
    "null",
    "true",
    "\0",
    "\u{0}a",
    "\r\n",
    "\t",
    "\u{feff}",
    "\u{202e}",
    "\u{660}\u{661}",
    "\u{ff11}",
    "é",
    "e\u{301}",
    "ſ",
    "\u{10ffff}",
    "%00",
    "%2F",
    "%",
    "..",
    "/",
    "\\",
    "\"",
    "'",
    "{}",
    "[]",
    ":",
    "::",
    "#",
    "$",
    "340282366920938463463374607431768211455",
    "340282366920938463463374607431768211456",
    "115792089237316195423570985008687907853269984665640564039457584007913129639936",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775808",
    "0xffffffffffffffff",
    "0x10000000000000000",
];

/// A mutant of one of `pool`, with pieces of the others and of `words`.
pub(crate) fn mutate(rng: &mut Rng, shape: Shape, pool: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let base = rng.pick(pool).cloned().unwrap_or_default();
    let mut input = match shape {
        Shape::Json if !rng.one_in(4) => json_mutant(rng, &base, words).unwrap_or(base),
        Shape::HeadAndJson if !rng.one_in(4) => split_mutant(rng, &base, words),
        _ => {
            let mut input = base;
            for _ in 0..=rng.below(4) {
                step(rng, shape, &mut input, pool, words);
            }
            input
        }
    };
    input.truncate(MAX_LEN);
    input
}

/// One change of bytes or of text.
fn step(rng: &mut Rng, shape: Shape, input: &mut Vec<u8>, pool: &[Vec<u8>], words: &[&str]) {
    let at = rng.below(input.len() + 1);
    let longest = if rng.one_in(8) { 64 } else { 8 };
    let len = rng.below(longest) + 1;
    let end = (at + len).min(input.len());
    match rng.below(if shape == Shape::Bytes { 10 } else { 12 }) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = rng.next().to_le_bytes()[0];
            }
        }
        2 => drop(input.drain(at..end)),
        3 => {
            let piece: Vec<u8> = input[at..end].to_vec();
            let times = if rng.one_in(16) { 500 } else { 1 + rng.below(3) };
            let copies: Vec<u8> = piece.iter().copied().cycle().take(piece.len() * times).collect();
            input.splice(at..at, copies);
        }
        4 => {
            let word = rng.pick(words).map_or_else(|| TEXTS[rng.below(TEXTS.len())], |word| *word);
            let over = if rng.one_in(2) { end } else { at };
            input.splice(at..over, word.bytes());
        }
        5 => {
            // The head of one input with the tail of another.
            let other = rng.pick(pool).cloned().unwrap_or_default();
            let from = if rng.one_in(2) { at.min(other.len()) } else { rng.below(other.len() + 1) };
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        6 => {
            // A number in place: lengths, counts, tags.
            let value = if rng.one_in(3) { HUGE[rng.below(HUGE.len())] } else { NUMBERS[rng.below(NUMBERS.len())] };
            let width = [1, 2, 4, 8][rng.below(4)];
            let bytes = if rng.one_in(6) { value.to_be_bytes() } else { value.to_le_bytes() };
            if let Some(place) = input.get_mut(at..at + width) {
                place.copy_from_slice(&bytes[..width]);
            }
        }
        7 => input.truncate(at),
        8 => {
            let noise: Vec<u8> = (0..len).map(|_| rng.next().to_le_bytes()[0]).collect();
            input.splice(at..at, noise);
        }
        9 => {
            // A number that is a little off.
            if let Some(byte) = input.get_mut(at) {
                *byte = if rng.one_in(2) { byte.wrapping_add(1) } else { byte.wrapping_sub(1) };
            }
        }
        10 => replace_number(rng, input),
        _ => {
            let text = TEXTS[rng.below(TEXTS.len())];
            input.splice(at..end, text.bytes());
        }
    }
}

/// Replaces a run of digits.
fn replace_number(rng: &mut Rng, input: &mut Vec<u8>) {
    let starts: Vec<usize> = (0..input.len())
        .filter(|i| input[*i].is_ascii_digit() && (*i == 0 || !input[*i - 1].is_ascii_digit()))
        .collect();
    let Some(start) = rng.pick(&starts).copied() else { return };
    let end = input[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(input.len(), |len| start + len);
    let text = match rng.below(3) {
        0 => HUGE[rng.below(HUGE.len())].to_string(),
        1 => NUMBERS[rng.below(NUMBERS.len())].to_string(),
        _ => TEXTS[rng.below(TEXTS.len())].to_owned(),
    };
    input.splice(start..end, text.bytes());
}

fn split_mutant(rng: &mut Rng, base: &[u8], words: &[&str]) -> Vec<u8> {
    let at = base.windows(2).position(|two| two == b"\n\n").map_or(base.len(), |at| at + 2);
    let (head, body) = base.split_at(at);
    let mut out = head.to_vec();
    if rng.one_in(4) {
        step(rng, Shape::Text, &mut out, &[], words);
    }
    let body = json_mutant(rng, body, words).unwrap_or_else(|| body.to_vec());
    [out, body].concat()
}

/// A JSON document with some of its values replaced, removed, doubled or moved.
fn json_mutant(rng: &mut Rng, base: &[u8], words: &[&str]) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(base).ok()?;
    if rng.one_in(40) {
        // Deep nesting overflows the stack of a reader that recurses without a limit.
        let (open, close) = if rng.one_in(2) { ("[", "]") } else { ("{\"a\":", "}") };
        let deep = [open.repeat(5_000), "0".to_owned(), close.repeat(5_000)].concat();
        let text = document.to_string().replacen(": ", ":", 1);
        return Some(text.replacen("null", &deep, 1).into_bytes())
            .filter(|_| text.contains("null"))
            .or(Some(deep.into()));
    }
    for _ in 0..=rng.below(3) {
        let mut places = Vec::new();
        collect(&document, &mut String::new(), &mut places);
        let place = rng.pick(&places)?.clone();
        let copy = rng.pick(&places).and_then(|other| document.pointer(other)).cloned().unwrap_or_default();
        let new = json_value(rng, copy, document.pointer(&place), words);
        if rng.one_in(6) {
            remove_or_add(rng, &mut document, &place, new);
        } else if let Some(value) = document.pointer_mut(&place) {
            *value = new;
        }
    }
    Some(document.to_string().into_bytes())
}

/// The pointers of all values.
fn collect(value: &Value, path: &mut String, places: &mut Vec<String>) {
    places.push(path.clone());
    let len = path.len();
    let mut child = |name: &str, value: &Value| {
        path.push('/');
        path.push_str(&name.replace('~', "~0").replace('/', "~1"));
        collect(value, path, places);
        path.truncate(len);
    };
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| child(name, value)),
        Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| child(&i.to_string(), value)),
        _ => {}
    }
}

fn json_value(rng: &mut Rng, copy: Value, old: Option<&Value>, words: &[&str]) -> Value {
    match rng.below(12) {
        0 => Value::Null,
        1 => json!(rng.one_in(2)),
        2 => json!(NUMBERS[rng.below(NUMBERS.len())]),
        3 => json!(HUGE[rng.below(HUGE.len())]),
        4 => json!(-1),
        5 => json!(1.5e300),
        6 => copy,
        7 => json!([copy]),
        8 => rng.pick(words).map_or_else(|| json!({}), |word| json!(word)),
        9 => json!("x".repeat(1 << rng.below(13))),
        _ => match old {
            Some(Value::String(text)) => {
                let mut bytes = text.clone().into_bytes();
                step(rng, Shape::Text, &mut bytes, &[], words);
                json!(String::from_utf8_lossy(&bytes))
            }
            _ => json!(TEXTS[rng.below(TEXTS.len())]),
        },
    }
}

fn remove_or_add(rng: &mut Rng, document: &mut Value, place: &str, new: Value) {
    let Some((parent, name)) = place.rsplit_once('/') else { return };
    match document.pointer_mut(parent) {
        Some(Value::Object(object)) => {
            if rng.one_in(2) {
                object.remove(name);
            } else {
                object.insert(format!("{name}x"), new);
            }
        }
        Some(Value::Array(list)) => {
            let times = if rng.one_in(8) { 2_000 } else { 1 };
            list.extend(std::iter::repeat_n(new, times));
        }
        _ => *document = Value::Object(Map::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_mutants_and_they_differ_from_each_other() {
        let pool = vec![br#"{"a": 1, "b": ["x", null]}"#.to_vec(), br#"{"c": "y"}"#.to_vec()];
        for shape in [Shape::Bytes, Shape::Text, Shape::Json, Shape::HeadAndJson] {
            let make = |seed| {
                let mut rng = Rng::new(seed);
                (0..200).map(|_| mutate(&mut rng, shape, &pool, &["word"])).collect::<Vec<_>>()
            };
            let mutants = make(1);
            assert_eq!(mutants, make(1));
            let different: std::collections::HashSet<_> = mutants.iter().collect();
            assert!(different.len() > 60, "{shape:?}: {}", different.len());
            assert!(mutants.iter().all(|mutant| mutant.len() <= MAX_LEN));
        }
    }
}
