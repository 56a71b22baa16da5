//! Encrypted keystores in the format of geth, Foundry and most wallets: Web3 Secret Storage, version 3.
//!
//! A private key is stored exactly as those programs store it, so either side reads the other's files. A mnemonic uses
//! the same container: what is encrypted is its BIP-39 entropy, 16 to 32 bytes (not the words, not the seed), and the
//! object `x-tokengine`, which other programs ignore, says so:
//!
//! ```json
//! { "version": 3, "id": "…", "crypto": { … }, "x-tokengine": { "content": "bip39-entropy", "checksum": "…" } }
//! ```
//! To recover the words elsewhere: decrypt as any keystore, and take the bytes as entropy of an English BIP-39 mnemonic.
//!
//! The checksum (BLAKE3 of the rest of the file, in a fixed form) tells a damaged file from a wrong password, which the
//! format's own MAC cannot.

mod cipher;
mod file;
mod format;

use crate::{Error, EvmAddress, KeystoreProblem as Problem, Mnemonic, Secret, signer::LocalSigner};
pub use cipher::ScryptCost;
use format::{FileJson, OursJson};

/// What a keystore holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A secp256k1 private key, 32 bytes.
    PrivateKey,
    /// The entropy of a BIP-39 mnemonic, 16 to 32 bytes.
    Bip39Entropy,
}

impl Content {
    fn name(self) -> &'static str {
        match self {
            Self::PrivateKey => "a private key",
            Self::Bip39Entropy => "a mnemonic",
        }
    }
}

/// A keystore, still encrypted. Showing it gives away nothing but the address.
#[derive(Clone, Debug)]
pub struct Keystore {
    json: FileJson,
    content: Content,
    address: Option<EvmAddress>,
    /// Its path, for errors.
    origin: String,
}

impl Keystore {
    /// Encrypts a private key. `random` is used for salt, IV and id, and must be fresh from [`crate::random_bytes`].
    ///
    /// # Errors
    /// [`Error::PrivateKey`] when it is none; [`Error::Keystore`] for an empty password.
    pub fn encrypt_key(
        key: &Secret<[u8; 32]>,
        password: &Secret<String>,
        cost: ScryptCost,
        random: &[u8; 64],
    ) -> Result<Self, Error> {
        let address = LocalSigner::from_key(key)?.evm_address();
        Self::encrypt(key.expose(), Content::PrivateKey, Some(address), password, cost, random)
    }

    /// Encrypts a mnemonic, by its entropy. `random` as for [`Keystore::encrypt_key`].
    ///
    /// # Errors
    /// [`Error::Keystore`] for an empty password.
    pub fn encrypt_mnemonic(
        mnemonic: &Mnemonic,
        password: &Secret<String>,
        cost: ScryptCost,
        random: &[u8; 64],
    ) -> Result<Self, Error> {
        Self::encrypt(mnemonic.entropy().expose(), Content::Bip39Entropy, None, password, cost, random)
    }

    fn encrypt(
        plain: &[u8],
        content: Content,
        address: Option<EvmAddress>,
        password: &Secret<String>,
        cost: ScryptCost,
        random: &[u8; 64],
    ) -> Result<Self, Error> {
        const ORIGIN: &str = "(new)";
        if password.expose().is_empty() {
            return Err(Problem::EmptyPassword.in_file(ORIGIN));
        }
        let (salt_and_iv, id) = random.split_at(48);
        let (salt, iv) = salt_and_iv.split_at(32);
        let crypto =
            cipher::seal(plain, password.expose().as_bytes(), cost, salt, iv).map_err(|p| p.in_file(ORIGIN))?;
        let mut id_bytes = [0; 16];
        id_bytes.copy_from_slice(id);
        let mut json = FileJson {
            address: address.map(|address| format!("{address:x}").trim_start_matches("0x").to_owned()),
            crypto,
            id: uuid::Builder::from_random_bytes(id_bytes).into_uuid().to_string(),
            version: 3,
            ours: None,
        };
        json.ours = Some(OursJson::over(&json, content));
        Ok(Self { json, content, address, origin: ORIGIN.to_owned() })
    }

    /// Reads a keystore from text, ours or another program's.
    ///
    /// # Errors
    /// [`Error::Keystore`]: damaged or not supported.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::parse_from(text, "(text)")
    }

    fn parse_from(text: &str, origin: &str) -> Result<Self, Error> {
        let json = FileJson::parse(text).map_err(|problem| problem.in_file(origin))?;
        let content = json.content().map_err(|problem| problem.in_file(origin))?;
        let address = json.address().map_err(|problem| problem.in_file(origin))?;
        Ok(Self { json, content, address, origin: origin.to_owned() })
    }

    /// What it holds. Files without our mark come from other programs and hold a private key.
    pub fn content(&self) -> Content {
        self.content
    }

    /// The address of the key inside, where the file says so (Foundry's do not). Not proven before it is decrypted.
    pub fn address(&self) -> Option<EvmAddress> {
        self.address
    }

    /// The text of the file.
    pub fn to_json(&self) -> String {
        self.json.to_text()
    }

    /// Decrypts the private key. Takes as long as its [`ScryptCost`], on purpose: about a second for `Standard`.
    ///
    /// # Errors
    /// [`Error::Keystore`]: wrong password, damaged, or it holds a mnemonic.
    pub fn decrypt_key(&self, password: &Secret<String>) -> Result<Secret<[u8; 32]>, Error> {
        let plain = self.decrypt(Content::PrivateKey, password)?;
        let key = <[u8; 32]>::try_from(plain.expose().as_slice())
            .map(Secret::new)
            .map_err(|_| self.damaged("a private key has 32 bytes"))?;
        let address = LocalSigner::from_key(&key).map_err(|_| self.damaged("what it holds is no key"))?.evm_address();
        match self.address {
            Some(claimed) if claimed != address => Err(self.damaged("its address is not that of the key inside")),
            _ => Ok(key),
        }
    }

    /// Decrypts the mnemonic. Takes as long as its [`ScryptCost`].
    ///
    /// # Errors
    /// [`Error::Keystore`]: wrong password, damaged, or it holds a private key.
    pub fn decrypt_mnemonic(&self, password: &Secret<String>) -> Result<Mnemonic, Error> {
        let plain = self.decrypt(Content::Bip39Entropy, password)?;
        Mnemonic::from_entropy(plain.expose()).map_err(|_| self.damaged("entropy has 16, 20, 24, 28 or 32 bytes"))
    }

    fn decrypt(&self, wanted: Content, password: &Secret<String>) -> Result<Secret<Vec<u8>>, Error> {
        if self.content != wanted {
            let problem = Problem::OtherContent { has: self.content.name(), wanted: wanted.name() };
            return Err(problem.in_file(&self.origin));
        }
        cipher::open(&self.json.crypto, password.expose().as_bytes())
            .map_err(|problem| problem.in_file(&self.origin))?
            .ok_or_else(|| Problem::WrongPassword { certain: self.json.ours.is_some() }.in_file(&self.origin))
    }

    fn damaged(&self, why: &str) -> Error {
        Problem::Damaged(why.to_owned()).in_file(&self.origin)
    }
}
