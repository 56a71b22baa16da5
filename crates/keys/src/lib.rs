//! Custody of keys, and checks of other people's signatures.
//!
//! It owns the secrets: files that hold them encrypted ([`Keystore`]), the words and paths that keys grow from
//! ([`Mnemonic`], [`SeedKeys`]), the [`Signer`]s that use them and the [`Keyring`] that names them. It also says whether a
//! signature that came in from outside is by whom it claims to be ([`typed`], [`signature`], [`erc1271`]).
//!
//! It promises that no secret is printed: what holds one has no `Debug` that shows it, no `Display`, no `Serialize`, and
//! wipes it from memory when dropped; that no file is ever overwritten; and that a signature handed out was checked
//! against the bytes it was asked for and the address it must be by.
//!
//! **Absent on purpose:** what a transaction looks like (crate `chain`), who may withdraw what (crate `core`), and any
//! question to a network: an EIP-1271 check is a question built here and put by `chain`.

#![deny(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::cast_sign_loss)]

pub mod api_key;
pub mod erc1271;
mod error;
mod hd;
mod keyring;
mod keystore;
mod random;
mod remote;
mod secret;
pub mod signature;
mod signer;
pub mod typed;

pub use alloy::primitives::Address as EvmAddress;
pub use error::{Error, KeystoreProblem};
pub use hd::{DepositAddresses, DepositKeys, DerivationPath, MAX_FAMILY_INDEX, MAX_INDEX, Mnemonic, SeedKeys, Words};
pub use keyring::{KeyName, KeyRef, KeySpec, KeyStage, Keyring, Material, MnemonicSource, RemoteSpec};
pub use keystore::{Content, Keystore, ScryptCost};
pub use random::random_bytes;
pub use remote::RemoteSigner;
pub use secret::{Secret, SecretSource};
pub use signature::{RecoverableSignature, SignatureError};
pub use signer::{AnySigner, LocalSigner, SignRequest, Signer};
