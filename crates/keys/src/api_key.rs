//! Keys that programs show at the doors: `tok_<prefix>_<secret>`.
//!
//! The prefix names the key in lists and logs; the secret is shown once, when it is made. What is stored is a hash: with
//! 256 random bits behind it, there is nothing to guess and no need for salt or slowness.

use subtle::ConstantTimeEq;

use crate::{Error, Secret};

const PREFIX_BYTES: usize = 6;
const PREFIX_DIGITS: usize = 2 * PREFIX_BYTES;
const TEXT_LEN: usize = 4 + PREFIX_DIGITS + 1 + 64;

/// An API key as its owner holds it. Nothing prints it but [`ApiKeySecret::reveal`].
#[derive(Clone)]
pub struct ApiKeySecret {
    prefix: String,
    secret: Secret<[u8; 32]>,
}

impl ApiKeySecret {
    /// Makes a new key from random bytes, fresh from [`crate::random_bytes`].
    pub fn generate(random: &Secret<[u8; 38]>) -> Self {
        let (prefix, secret) = random.expose().split_at(PREFIX_BYTES);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(secret);
        Self { prefix: alloy::primitives::hex::encode(prefix), secret: Secret::new(bytes) }
    }

    /// Reads what a program has shown.
    ///
    /// # Errors
    /// [`Error::ApiKey`], which says nothing about what was wrong.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let rest = text.strip_prefix("tok_").filter(|_| text.len() == TEXT_LEN).ok_or(Error::ApiKey)?;
        let (prefix, digits) = rest.split_once('_').ok_or(Error::ApiKey)?;
        let lower_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if prefix.len() != PREFIX_DIGITS || !lower_hex(prefix) || !lower_hex(digits) {
            return Err(Error::ApiKey);
        }
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        alloy::primitives::hex::decode_to_slice(digits, bytes.as_mut_slice()).map_err(|_| Error::ApiKey)?;
        Ok(Self { prefix: prefix.to_owned(), secret: Secret::new(*bytes) })
    }

    /// The part that may be shown: 12 hexadecimal digits. Unique in practice, and to be made so by whoever stores keys.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The whole key, to be shown to its owner once.
    pub fn reveal(&self) -> Secret<String> {
        let digits = zeroize::Zeroizing::new(alloy::primitives::hex::encode(self.secret.expose()));
        Secret::new(format!("tok_{}_{}", self.prefix, digits.as_str()))
    }

    /// What is stored in its place. It covers the prefix, so a secret is good with its own prefix only.
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("TokEngine API key v1");
        *hasher.update(self.prefix.as_bytes()).update(self.secret.expose()).finalize().as_bytes()
    }

    /// Whether this is the key behind the stored hash, in a time that does not depend on the answer.
    pub fn matches(&self, hash: &[u8; 32]) -> bool {
        self.hash().ct_eq(hash).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> ApiKeySecret {
        ApiKeySecret::generate(&Secret::new([byte; 38]))
    }

    #[test]
    fn a_key_is_read_as_it_was_shown() {
        let shown = key(0xa1).reveal();
        assert_eq!(*shown.expose(), format!("tok_{}_{}", "a1".repeat(6), "a1".repeat(32)));
        let read = ApiKeySecret::parse(shown.expose()).unwrap();
        assert_eq!(read.prefix(), "a1a1a1a1a1a1");
        assert!(read.matches(&key(0xa1).hash()));
        assert!(!read.matches(&key(0xa2).hash()));
    }

    #[test]
    fn a_secret_with_another_prefix_is_another_key() {
        let swapped = key(0xa1).reveal().expose().replacen("tok_a1", "tok_a2", 1);
        assert!(!ApiKeySecret::parse(&swapped).unwrap().matches(&key(0xa1).hash()));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let good = key(0xa1).reveal().expose().clone();
        for bad in [
            "",
            "tok_",
            &good[..good.len() - 1],
            &format!("{good}0"),
            &good.to_uppercase(),
            &good.replacen("tok_", "tik_", 1),
            &good.replacen("a1_", "_a1", 1),
            &good.replace('a', "g"),
            &good.replace('a', "é"),
        ] {
            assert_eq!(ApiKeySecret::parse(bad).map(|_| ()).unwrap_err().code(), "api-key-invalid", "{bad}");
        }
    }
}
