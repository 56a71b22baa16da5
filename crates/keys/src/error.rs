//! What can go wrong with keys. No text here ever holds a secret, or a piece of a file that might be one.
//!
//! The text of each error is complete, cause included, and has no `source`: an operator reads these in a list of all
//! mistakes of a configuration, one line each.

use std::{io, path::Path};

use crate::{EvmAddress, SecretSource, SignatureError};

/// A fault in the custody or use of a key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file that should hold a secret cannot be read.
    #[error("the secret in {from} cannot be read: {reason}")]
    SecretUnreadable {
        /// Where it should have come from.
        from: SecretSource,
        /// Why not.
        reason: io::Error,
    },
    /// The variable is not set, or the secret is empty, too long or not UTF-8.
    #[error("the secret in {from} is of no use: {why}")]
    SecretUnusable {
        /// Where it should have come from.
        from: SecretSource,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A keystore cannot be read, opened or written.
    #[error("keystore {file}: {problem}")]
    Keystore {
        /// Its path, or "(text)" when it came as text.
        file: String,
        /// What is wrong.
        problem: KeystoreProblem,
    },
    /// The words are not a BIP-39 mnemonic.
    #[error("not a mnemonic: {why}")]
    Mnemonic {
        /// What is wrong, without the words.
        why: String,
    },
    /// A text is not a BIP-32 derivation path.
    #[error("not a derivation path like m/44'/60'/0'/0/0")]
    DerivationPath,
    /// An account number is above 2^31 - 1, where BIP-32 counts hardened keys, or an index of a family above 2^62 - 1.
    #[error("{index} is above the largest index of a derived key")]
    Index {
        /// The number asked for.
        index: u64,
    },
    /// A key cannot be derived (its number fell outside the curve: one in 2^127, never seen).
    #[error("no key can be derived at {at}; take the next index")]
    Derivation {
        /// Path or index asked for.
        at: String,
    },
    /// A text is not the extended public key of a BIP-44 account.
    #[error("not the extended public key of an account (xpub, depth 3): {why}")]
    ExtendedKey {
        /// What is wrong, without the key.
        why: &'static str,
    },
    /// 32 bytes that are no secp256k1 private key: zero, or not below the order of the curve, or not 64 hex digits.
    #[error("not a private key: {why}")]
    PrivateKey {
        /// What is wrong, without the key.
        why: &'static str,
    },
    /// The name of a key is not 1 to 32 of a-z, 0-9 and '-', with an index after '/' where it names a family of keys.
    #[error("{text:?} is not a key reference like hot-1 or deposits/17")]
    KeyRef {
        /// The text.
        text: String,
    },
    /// The description of a key says too little, too much, or things that exclude each other.
    #[error("key {key}: {why}")]
    KeySpec {
        /// The key's name.
        key: String,
        /// What is wrong.
        why: String,
    },
    /// A described key cannot be loaded.
    #[error("key {key}: {problem}")]
    KeyLoad {
        /// The key's name.
        key: String,
        /// Why.
        problem: Box<Error>,
    },
    /// A key was loaded, and it is not the one that the configuration expects.
    #[error("its address is {found}, and should be {wanted}")]
    OtherAddress {
        /// What the configuration says.
        wanted: EvmAddress,
        /// The address of the key that was loaded.
        found: EvmAddress,
    },
    /// The keyring has no such key.
    #[error("there is no key {key}")]
    NoSuchKey {
        /// The reference asked for.
        key: String,
    },
    /// The key is known by its public half only: it gives addresses, and nobody here can sign with it.
    #[error("key {key} is watched only: it has addresses and cannot sign")]
    WatchOnly {
        /// The reference asked for.
        key: String,
    },
    /// The remote signer gave no answer. Nothing was signed as far as we know, and asking again is safe.
    #[error("the signer of {address} gives no answer: {reason}")]
    SignerDown {
        /// Whose signature was asked for.
        address: EvmAddress,
        /// What was seen of it.
        reason: String,
    },
    /// The remote signer answered with a refusal: its own policy, or it does not have that key.
    #[error("the signer of {address} refuses: {reason}")]
    SignerRefused {
        /// Whose signature was asked for.
        address: EvmAddress,
        /// Its words.
        reason: String,
    },
    /// The signer's answer is not the signature that was asked for: other bytes, another key, or malleable. It is thrown away.
    #[error("the signer of {address} did not sign what was asked for: {reason}")]
    SignerWrong {
        /// Whose signature was asked for.
        address: EvmAddress,
        /// What is wrong with the answer.
        reason: String,
    },
    /// This signer must see what it signs, and the request holds only a hash (or something it cannot read).
    #[error("the signer of {address} cannot sign this: {why}")]
    SignerUnable {
        /// Whose signature was asked for.
        address: EvmAddress,
        /// What it would need.
        why: &'static str,
    },
    /// The address of a remote signer is of no use.
    #[error("not the URL of a signer: {why}")]
    SignerUrl {
        /// What is wrong, without the URL.
        why: &'static str,
    },
    /// A signature from outside is not good.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// A text is not one of our API keys.
    #[error("not an API key")]
    ApiKey,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes: {reason}")]
    Random {
        /// Its words.
        reason: String,
    },
}

impl Error {
    /// Stable; clients and alerts match on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SecretUnreadable { .. } => "secret-unreadable",
            Self::SecretUnusable { .. } => "secret-unusable",
            Self::Keystore { problem, .. } => problem.code(),
            Self::Mnemonic { .. } => "mnemonic-invalid",
            Self::DerivationPath => "derivation-path-invalid",
            Self::Index { .. } => "key-index-too-large",
            Self::Derivation { .. } => "key-not-derivable",
            Self::ExtendedKey { .. } => "extended-key-invalid",
            Self::PrivateKey { .. } => "private-key-invalid",
            Self::KeyRef { .. } => "key-reference-invalid",
            Self::KeySpec { .. } => "key-description-invalid",
            Self::KeyLoad { problem, .. } => problem.code(),
            Self::OtherAddress { .. } => "key-other-address",
            Self::NoSuchKey { .. } => "key-unknown",
            Self::WatchOnly { .. } => "key-watch-only",
            Self::SignerDown { .. } => "signer-down",
            Self::SignerRefused { .. } => "signer-refused",
            Self::SignerWrong { .. } => "signer-wrong-answer",
            Self::SignerUnable { .. } => "signer-unable",
            Self::SignerUrl { .. } => "signer-url-invalid",
            Self::Signature(refusal) => refusal.code(),
            Self::ApiKey => "api-key-invalid",
            Self::Random { .. } => "no-random-bytes",
        }
    }

    /// Whether the same call may succeed later with nothing changed by a person.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::SignerDown { .. } | Self::Random { .. } => true,
            Self::KeyLoad { problem, .. } => problem.is_transient(),
            Self::SecretUnreadable { .. }
            | Self::SecretUnusable { .. }
            | Self::Keystore { .. }
            | Self::Mnemonic { .. }
            | Self::DerivationPath
            | Self::Index { .. }
            | Self::Derivation { .. }
            | Self::ExtendedKey { .. }
            | Self::PrivateKey { .. }
            | Self::KeyRef { .. }
            | Self::KeySpec { .. }
            | Self::OtherAddress { .. }
            | Self::NoSuchKey { .. }
            | Self::WatchOnly { .. }
            | Self::SignerRefused { .. }
            | Self::SignerWrong { .. }
            | Self::SignerUnable { .. }
            | Self::SignerUrl { .. }
            | Self::Signature(_)
            | Self::ApiKey => false,
        }
    }
}

/// What is wrong with a keystore file.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreProblem {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// It cannot be written; nothing is left behind.
    #[error("cannot be written: {0}")]
    Unwritable(io::Error),
    /// There is a file of that name already, which stays as it is.
    #[error("exists already and is not overwritten")]
    Exists,
    /// It is not Web3 Secret Storage, or a byte of it has changed.
    #[error("damaged or not a keystore: {0}")]
    Damaged(String),
    /// It is sound as far as we can tell, and uses something we do not: another version, cipher or key derivation, or a
    /// cost that would take the machine down.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// The password does not open it. (In a file made by other programs, damage looks the same.)
    #[error("wrong password{}", if *.certain { "" } else { ", or the file is damaged" })]
    WrongPassword {
        /// The file carries our checksum and is whole, so it is the password.
        certain: bool,
    },
    /// It holds a mnemonic where a key was asked for, or the other way round.
    #[error("holds {has}, not {wanted}")]
    OtherContent {
        /// What it holds.
        has: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// An empty password protects nothing.
    #[error("an empty password protects nothing")]
    EmptyPassword,
}

impl KeystoreProblem {
    /// Stable; part of [`Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "keystore-unreadable",
            Self::Unwritable(_) => "keystore-unwritable",
            Self::Exists => "keystore-exists",
            Self::Damaged(_) => "keystore-damaged",
            Self::Unsupported(_) => "keystore-unsupported",
            Self::WrongPassword { .. } => "keystore-wrong-password",
            Self::OtherContent { .. } => "keystore-other-content",
            Self::EmptyPassword => "keystore-empty-password",
        }
    }

    pub(crate) fn in_file(self, file: &str) -> Error {
        Error::Keystore { file: file.to_owned(), problem: self }
    }

    pub(crate) fn at(self, path: &Path) -> Error {
        self.in_file(&path.display().to_string())
    }
}
