//! The words an operator writes on paper.

use bip39::Language;
use zeroize::Zeroizing;

use crate::{Error, Secret, SeedKeys};

/// How many words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// 128 bits of entropy.
    Twelve,
    /// 256 bits of entropy.
    TwentyFour,
}

/// A BIP-39 mnemonic of English words. Wiped when dropped; nothing prints it but [`Mnemonic::words`].
#[derive(Clone)]
pub struct Mnemonic(bip39::Mnemonic);

impl Mnemonic {
    /// Makes a new one from random bytes, of which twelve words use the first half. Take them fresh from
    /// [`crate::random_bytes`].
    pub fn generate(words: Words, random: &Secret<[u8; 32]>) -> Self {
        let entropy = match words {
            Words::Twelve => &random.expose()[..16],
            Words::TwentyFour => &random.expose()[..],
        };
        Self::from_entropy(entropy).expect("16 and 32 are lengths of entropy")
    }

    /// The mnemonic of these bytes, 16, 20, 24, 28 or 32 of them.
    ///
    /// # Errors
    /// [`Error::Mnemonic`] for another length.
    pub fn from_entropy(entropy: &[u8]) -> Result<Self, Error> {
        let words = bip39::Mnemonic::from_entropy_in(Language::English, entropy);
        words.map(Self).map_err(|e| Error::Mnemonic { why: e.to_string() })
    }

    /// Reads words, in any mixture of white space. Case matters not.
    ///
    /// # Errors
    /// [`Error::Mnemonic`]: a wrong number of words, a word that is not on the list (said by its place, not by itself), or
    /// a checksum that does not fit.
    pub fn parse(words: &str) -> Result<Self, Error> {
        let words = Zeroizing::new(words.to_lowercase());
        let why = |e| match e {
            bip39::Error::UnknownWord(place) => format!("word {} is not on the English list", place.saturating_add(1)),
            other => other.to_string(),
        };
        bip39::Mnemonic::parse_in(Language::English, words.as_str())
            .map(Self)
            .map_err(|e| Error::Mnemonic { why: why(e) })
    }

    /// The words, one space between two.
    pub fn words(&self) -> Secret<String> {
        // Room for 24 words of 8 letters at once: a string that grows leaves copies behind.
        let mut text = String::with_capacity(24 * 9);
        for (place, word) in self.0.words().enumerate() {
            text.push_str(if place == 0 { "" } else { " " });
            text.push_str(word);
        }
        Secret::new(text)
    }

    /// The entropy the words stand for.
    pub fn entropy(&self) -> Secret<Vec<u8>> {
        Secret::new(self.0.to_entropy())
    }

    /// The keys that grow from the words and a passphrase. Most people have none: an empty one. Each passphrase gives
    /// other keys, and a mistyped one is not noticed here: compare an address.
    pub fn keys(&self, passphrase: &str) -> SeedKeys {
        let seed = Zeroizing::new(self.0.to_seed(passphrase));
        SeedKeys::from_seed(seed.as_slice()).expect("a BIP-39 seed has 64 bytes, and no seed that fails is known")
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::hex;

    use super::*;

    #[test]
    fn the_vectors_of_bip39_hold() {
        // From the BIP's own list: entropy, words, and the seed with the passphrase TREZOR.
        for (entropy, words, seed) in [
            (
                "00000000000000000000000000000000",
                "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
                "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04",
            ),
            (
                "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
                "legal winner thank year wave sausage worth useful legal winner thank yellow",
                "2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6fa457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607",
            ),
            (
                "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote",
                "dd48c104698c30cfe2b6142103248622fb7bb0ff692eebb00089b32d22484e1613912f0a5b694407be899ffd31ed3992c456cdf60f5d4564b8ba3f05a69890ad",
            ),
        ] {
            let entropy = hex::decode(entropy).unwrap();
            let mnemonic = Mnemonic::from_entropy(&entropy).unwrap();
            assert_eq!(mnemonic.words().expose(), words);
            assert_eq!(*Mnemonic::parse(words).unwrap().entropy().expose(), entropy);
            assert_eq!(hex::encode(mnemonic.0.to_seed("TREZOR")), seed);
        }
    }

    #[test]
    fn what_is_no_mnemonic_is_refused_without_being_quoted() {
        let junk = "test test test test test test test test test test test";
        for (case, text, why) in [
            (
                "eleven words",
                junk.to_owned(),
                "mnemonic has an invalid word count: 11. Word count must be 12, 15, 18, 21, or 24",
            ),
            ("a typing mistake", format!("{junk} junc"), "word 12 is not on the English list"),
            ("the wrong last word", format!("{junk} test"), "the mnemonic has an invalid checksum"),
            (
                "nothing",
                String::new(),
                "mnemonic has an invalid word count: 0. Word count must be 12, 15, 18, 21, or 24",
            ),
        ] {
            let refusal = Mnemonic::parse(&text).map(|_| ()).unwrap_err();
            assert_eq!(refusal.to_string(), format!("not a mnemonic: {why}"), "{case}");
        }
        assert!(
            Mnemonic::parse(&format!("  {}\n JUNK ", junk.replace(' ', "\t"))).is_ok(),
            "case and white space do not matter"
        );
    }

    #[test]
    fn new_mnemonics_have_the_words_asked_for() {
        let random = Secret::new([7; 32]);
        for (words, count) in [(Words::Twelve, 12), (Words::TwentyFour, 24)] {
            let mnemonic = Mnemonic::generate(words, &random);
            assert_eq!(mnemonic.words().expose().split(' ').count(), count);
        }
    }
}
