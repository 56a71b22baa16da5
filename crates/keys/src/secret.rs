//! Values that must not be seen, and where the operator keeps them.

use std::{fmt, fs, io::Read, path::PathBuf};

use serde::{
    Deserializer,
    de::{self, Error as _, MapAccess, Visitor},
};
use zeroize::{Zeroize, Zeroizing};

use crate::Error;

/// A value that is wiped from memory when dropped and that nothing prints.
///
/// It has no `Debug`, so what contains it cannot derive one by accident:
///
/// ```compile_fail,E0277
/// println!("{:?}", tokengine_keys::Secret::new(String::from("hunter2")));
/// ```
/// Nor has it `Display` or `Serialize`:
/// ```compile_fail,E0277
/// println!("{}", tokengine_keys::Secret::new(String::from("hunter2")));
/// ```
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value. Named so that each use can be found and questioned.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize + Clone> Clone for Secret<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Where a secret is kept: in a file (as container platforms mount them) or in an environment variable. Never in the
/// configuration itself, and never on the command line, which everyone on the machine can read.
///
/// In TOML: `password = { file = "secrets/hot-1" }` or `password = { env = "HOT_1_PASSWORD" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// The content of that file, up to 64 KiB of UTF-8, without the line end that editors leave behind it.
    File(PathBuf),
    /// The value of that variable.
    Env(String),
}

impl SecretSource {
    const MAX_BYTES: u32 = 64 * 1024;
    /// Also for the line end, and for the byte that tells a longer file.
    const BUFFER_BYTES: u32 = Self::MAX_BYTES + 64;

    /// Reads the secret.
    ///
    /// # Errors
    /// [`Error::SecretUnreadable`] or [`Error::SecretUnusable`]; an empty secret is refused, as it is always a mistake.
    pub fn read(&self) -> Result<Secret<String>, Error> {
        let secret = match self {
            Self::File(path) => {
                let unreadable = |reason| Error::SecretUnreadable { from: self.clone(), reason };
                // Room for all of it at once: a buffer that grows leaves copies of the secret behind.
                let mut bytes = Zeroizing::new(Vec::with_capacity(Self::BUFFER_BYTES as usize));
                let file = fs::File::open(path).map_err(unreadable)?;
                let read = file.take(u64::from(Self::MAX_BYTES) + 1).read_to_end(&mut bytes).map_err(unreadable)?;
                if read > Self::MAX_BYTES as usize {
                    return Err(self.unusable("it is longer than 64 KiB"));
                }
                let text = std::str::from_utf8(&bytes).map_err(|_| self.unusable("it is not UTF-8"))?;
                let text = text.strip_suffix('\n').unwrap_or(text);
                Secret::new(text.strip_suffix('\r').unwrap_or(text).to_owned())
            }
            Self::Env(name) => {
                let value = std::env::var_os(name).ok_or_else(|| self.unusable("the variable is not set"))?;
                Secret::new(value.into_string().map_err(|_| self.unusable("it is not UTF-8"))?)
            }
        };
        if secret.expose().is_empty() { Err(self.unusable("it is empty")) } else { Ok(secret) }
    }

    fn unusable(&self, why: &'static str) -> Error {
        Error::SecretUnusable { from: self.clone(), why }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
        }
    }
}

impl<'de> serde::Deserialize<'de> for SecretSource {
    /// By hand, because a derived reader quotes what it does not understand: and that would be a secret, when an operator
    /// writes one where its place should be.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;
        impl<'de> Visitor<'de> for Place {
            type Value = SecretSource;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
                let mistake = || A::Error::custom(EXPECTED);
                let (kind, place) = map.next_entry::<String, String>().map_err(|_| mistake())?.ok_or_else(mistake)?;
                let source = match kind.as_str() {
                    "file" => SecretSource::File(place.into()),
                    "env" => SecretSource::Env(place),
                    _ => return Err(mistake()),
                };
                if map.next_key::<de::IgnoredAny>()?.is_some() { Err(mistake()) } else { Ok(source) }
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretSource, E> {
                Err(E::custom(EXPECTED))
            }
            fn visit_i64<E: de::Error>(self, _: i64) -> Result<SecretSource, E> {
                Err(E::custom(EXPECTED))
            }
            fn visit_u64<E: de::Error>(self, _: u64) -> Result<SecretSource, E> {
                Err(E::custom(EXPECTED))
            }
            fn visit_f64<E: de::Error>(self, _: f64) -> Result<SecretSource, E> {
                Err(E::custom(EXPECTED))
            }
        }
        deserializer.deserialize_any(Place)
    }
}

const EXPECTED: &str = "a secret is never written here, but where it is kept: { file = \"...\" } or { env = \"...\" }";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_from_files_without_their_line_end() {
        let dir = tempfile::tempdir().unwrap();
        for (content, want) in [
            (&b"hunter2"[..], Ok("hunter2")),
            (b"hunter2\n", Ok("hunter2")),
            (b"hunter2\r\n", Ok("hunter2")),
            (b"two\nlines\n\n", Ok("two\nlines\n")),
            (b" spaces count ", Ok(" spaces count ")),
            (b"", Err("secret-unusable")),
            (b"\n", Err("secret-unusable")),
            (b"\xff\xfe", Err("secret-unusable")),
            (&[b'x'; 64 * 1024 + 1], Err("secret-unusable")),
        ] {
            let path = dir.path().join("secret");
            fs::write(&path, content).unwrap();
            let got = SecretSource::File(path).read();
            assert_eq!(got.as_ref().map(|s| s.expose().as_str()).map_err(Error::code), want);
        }
        let missing = SecretSource::File(dir.path().join("missing")).read();
        assert_eq!(missing.map(|_| ()).map_err(|e| e.code()), Err("secret-unreadable"));
    }

    #[test]
    fn secrets_come_from_the_environment() {
        // Set by cargo for each test; a test cannot set one itself without racing the others.
        let name = SecretSource::Env("CARGO_PKG_NAME".into()).read().map(|s| s.expose().clone());
        assert_eq!(name.map_err(|e| e.code()), Ok("tokengine-keys".to_owned()));
        let missing = SecretSource::Env("TOKENGINE_SURELY_NOT_SET".into()).read();
        assert_eq!(missing.map(|_| ()).map_err(|e| e.code()), Err("secret-unusable"));
    }
}
