//! Names of keys, as configuration and journal write them.

use std::{fmt, str::FromStr};

use crate::{Error, MAX_FAMILY_INDEX};

/// The name of a key or a family of keys: 1 to 32 of a-z, 0-9 and '-'.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct KeyName(Box<str>);

impl KeyName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (1..=32).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(Error::KeyRef { text: text.to_owned() })
        }
    }
}

impl TryFrom<String> for KeyName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which key: `hot-1`, or `deposits/17` for the one at index 17 of a family.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyRef {
    /// The name of the key or the family.
    pub name: KeyName,
    /// The index within a family, at most [`MAX_FAMILY_INDEX`].
    pub index: Option<u64>,
}

impl KeyRef {
    /// A single key.
    pub fn single(name: KeyName) -> Self {
        Self { name, index: None }
    }

    /// One key of a family.
    pub fn of_family(name: KeyName, index: u64) -> Self {
        Self { name, index: Some(index) }
    }
}

impl FromStr for KeyRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || Error::KeyRef { text: text.to_owned() };
        let (name, index) = match text.split_once('/') {
            None => (text, None),
            Some((name, index)) => (name, Some(index)),
        };
        let name = name.parse().map_err(|_| refused())?;
        let index = index.map(|digits| {
            let index: u64 = digits.parse().map_err(|_| refused())?;
            // One spelling for each key: no sign, no leading zero.
            if index > MAX_FAMILY_INDEX || index.to_string() != digits { Err(refused()) } else { Ok(index) }
        });
        Ok(Self { name, index: index.transpose()? })
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            None => self.name.fmt(f),
            Some(index) => write!(f, "{}/{index}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_one_spelling() {
        for good in ["hot-1", "a", "deposits/0", "deposits/4611686018427387903"] {
            assert_eq!(good.parse::<KeyRef>().map(|key| key.to_string()).ok().as_deref(), Some(good));
        }
        let long = "x".repeat(33);
        for bad in [
            "",
            "/",
            "Hot",
            "hot 1",
            "hot/",
            "/1",
            "hot/01",
            "hot/+1",
            "hot/-1",
            "hot/4611686018427387904",
            "hot/1/2",
            &long,
        ] {
            assert_eq!(bad.parse::<KeyRef>().map_err(|e| e.code()), Err("key-reference-invalid"), "{bad}");
        }
    }
}
