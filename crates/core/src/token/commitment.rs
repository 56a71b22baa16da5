//! What a state is committed to with: 32 bytes over its canonical form, chained to the state before.
//!
//! The canonical form is specified in `docs/commitments.md`, with vectors that another language can check.

use super::class::Standard;
use crate::Amount;
use crate::wire::{wire_enum, wire_struct};
use sha2::Digest;

/// The hash that a commitment is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// BLAKE3 with 32 bytes of output.
    Blake3,
    /// Keccak-256 as Ethereum has it, not SHA3-256.
    Keccak256,
}
wire_enum!(Algorithm { 0 => Sha256, 1 => Blake3, 2 => Keccak256 });

impl Algorithm {
    /// Every one there is, with its name.
    pub const ALL: &'static [(Self, &'static str)] =
        &[(Self::Sha256, "sha-256"), (Self::Blake3, "blake3"), (Self::Keccak256, "keccak-256")];

    fn hash(self, bytes: &[u8]) -> [u8; 32] {
        match self {
            Self::Sha256 => sha2::Sha256::digest(bytes).into(),
            Self::Blake3 => *blake3::hash(bytes).as_bytes(),
            Self::Keccak256 => sha3::Keccak256::digest(bytes).into(),
        }
    }
}

/// What of a state a commitment covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The name of the account that owns it; nothing when it was burned.
    Owner,
    /// What the owner may move, in base units.
    Free,
    /// What is locked, in base units.
    Held,
    /// Whether it is frozen.
    Frozen,
    /// Its metadata, in the order of the names.
    Metadata,
    /// The name of the account that may move it besides its owner.
    Approved,
}
wire_enum!(Field { 1 => Owner, 2 => Free, 3 => Held, 4 => Frozen, 5 => Metadata, 6 => Approved });

impl Field {
    /// Every one there is, with its name, in the order of the canonical form.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Owner, "owner"),
        (Self::Free, "free"),
        (Self::Held, "held"),
        (Self::Frozen, "frozen"),
        (Self::Metadata, "metadata"),
        (Self::Approved, "approved"),
    ];
}

/// How a class's states are committed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitmentConfig {
    /// The operator's number for it; a change takes a higher one.
    pub version: u32,
    /// With which hash.
    pub algorithm: Algorithm,
    /// Over what, in the order of the canonical form.
    pub fields: Vec<Field>,
}
wire_struct!(CommitmentConfig { version, algorithm, fields });

impl CommitmentConfig {
    /// All fields, with SHA-256.
    pub fn whole(version: u32) -> Self {
        let fields = Field::ALL.iter().map(|(field, _)| *field).collect();
        Self { version, algorithm: Algorithm::Sha256, fields }
    }

    /// Each field at most once and in order; the owner is covered, and of a fungible token what it has.
    pub(super) fn is_valid(&self, standard: Standard) -> bool {
        let ordered = self.fields.iter().zip(self.fields.iter().skip(1)).all(|(a, b)| a < b);
        let needed: &[Field] = match standard {
            Standard::Ft => &[Field::Owner, Field::Free, Field::Held],
            Standard::Nft => &[Field::Owner],
        };
        ordered && needed.iter().all(|field| self.fields.contains(field))
    }
}

/// Everything that a commitment may cover, in plain values.
#[derive(Clone, Copy, Debug)]
pub struct Sealed<'a> {
    /// The class's id.
    pub class: &'a str,
    /// The token's id within its class.
    pub token: &'a str,
    /// How many states there were, this one included.
    pub version: u64,
    /// The commitment of the state before; zeros for the first.
    pub previous: &'a [u8; 32],
    /// See [`Field::Owner`].
    pub owner: &'a str,
    /// See [`Field::Free`].
    pub free: Amount,
    /// See [`Field::Held`].
    pub held: Amount,
    /// See [`Field::Frozen`].
    pub frozen: bool,
    /// See [`Field::Metadata`].
    pub metadata: &'a [(Box<str>, Box<str>)],
    /// See [`Field::Approved`].
    pub approved: &'a str,
}

const DOMAIN: &[u8] = b"tokengine/token-state/1";

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(bytes.len()).expect("texts of a state are short").to_le_bytes());
    out.extend_from_slice(bytes);
}

impl Sealed<'_> {
    /// The canonical form under a configuration: what is hashed.
    pub fn canonical(&self, config: &CommitmentConfig) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        put_bytes(DOMAIN, &mut out);
        put_bytes(self.class.as_bytes(), &mut out);
        put_bytes(self.token.as_bytes(), &mut out);
        out.extend_from_slice(&config.version.to_le_bytes());
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(self.previous);
        out.extend_from_slice(&u32::try_from(config.fields.len()).expect("few").to_le_bytes());
        for field in &config.fields {
            let mut value = Vec::new();
            let tag: u8 = match field {
                Field::Owner => {
                    value.extend_from_slice(self.owner.as_bytes());
                    1
                }
                Field::Free => {
                    value.extend_from_slice(&self.free.base_units().to_le_bytes());
                    2
                }
                Field::Held => {
                    value.extend_from_slice(&self.held.base_units().to_le_bytes());
                    3
                }
                Field::Frozen => {
                    value.push(u8::from(self.frozen));
                    4
                }
                Field::Metadata => {
                    for (name, text) in self.metadata {
                        put_bytes(name.as_bytes(), &mut value);
                        put_bytes(text.as_bytes(), &mut value);
                    }
                    5
                }
                Field::Approved => {
                    value.extend_from_slice(self.approved.as_bytes());
                    6
                }
            };
            out.push(tag);
            put_bytes(&value, &mut out);
        }
        out
    }

    /// The commitment under a configuration.
    pub fn commitment(&self, config: &CommitmentConfig) -> [u8; 32] {
        config.algorithm.hash(&self.canonical(config))
    }
}
