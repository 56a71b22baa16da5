//! One instruction to a token program, as it comes in at any door.

use super::class::fields_ok;
use crate::ids::*;
use crate::model::TraceContext;
use crate::wire::{Wire, wire_enum, wire_struct};
use crate::{Amount, MAX_NAME};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationKind {
    /// New supply.
    Mint,
    /// From one owner to another.
    Transfer,
    /// Supply ends.
    Burn,
    /// A token does not move until it is unfrozen.
    Freeze,
    /// It moves again.
    Unfreeze,
    /// Its metadata is replaced.
    UpdateMetadata,
    /// Somebody else may transfer it once.
    Approve,
}
wire_enum!(OperationKind {
    0 => Mint, 1 => Transfer, 2 => Burn, 3 => Freeze, 4 => Unfreeze, 5 => UpdateMetadata, 6 => Approve,
});

impl OperationKind {
    /// Every one there is, with its name in messages.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Mint, "Mint"),
        (Self::Transfer, "Transfer"),
        (Self::Burn, "Burn"),
        (Self::Freeze, "Freeze"),
        (Self::Unfreeze, "Unfreeze"),
        (Self::UpdateMetadata, "UpdateMetadata"),
        (Self::Approve, "Approve"),
    ];
}

/// What somebody is in an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentityRole {
    /// Mints, and owns what was minted.
    Issuer,
    /// Owns the token.
    Owner,
    /// Receives it.
    Recipient,
    /// May transfer it once.
    Approved,
}
wire_enum!(IdentityRole { 0 => Issuer, 1 => Owner, 2 => Recipient, 3 => Approved });

impl IdentityRole {
    /// Every one there is, with its name in messages.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Issuer, "Issuer"),
        (Self::Owner, "Owner"),
        (Self::Recipient, "Recipient"),
        (Self::Approved, "Approved"),
    ];
}

/// Somebody named in an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name of an account: a CAIP-10 id, or one that the operator gave.
    pub address: Box<str>,
    /// What it is here.
    pub role: IdentityRole,
}
wire_struct!(Identity { address, role });

/// One instruction to a token program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What it is known by for ever: at most one operation of that id is executed.
    pub tx_id: Box<str>,
    /// The sender's name for the whole it belongs to.
    pub correlation_id: Option<Box<str>>,
    /// What is to be done.
    pub kind: OperationKind,
    /// Of which class.
    pub class: Box<str>,
    /// Which token of the class; of a fungible one, the name of its owner.
    pub token: Option<Box<str>>,
    /// Who wants it.
    pub initiator: Box<str>,
    /// How much, in base units.
    pub amount: Option<Amount>,
    /// Who else takes part.
    pub identities: Vec<Identity>,
    /// What is to be known of the token, in the order of the names.
    pub metadata: Vec<(Box<str>, Box<str>)>,
    /// Where its trace stands; no part of what makes it the same operation again.
    pub trace: Option<TraceContext>,
    /// When the sender made it.
    pub timestamp: Option<Time>,
}
wire_struct!(Operation {
    tx_id,
    correlation_id,
    kind,
    class,
    token,
    initiator,
    amount,
    identities,
    metadata,
    trace,
    timestamp,
});

const MAX_ID: usize = 128;
const MAX_IDENTITIES: usize = 16;

impl Operation {
    /// Whether it can be kept at all: nothing empty, nothing too long.
    pub fn is_valid(&self) -> bool {
        let text = |text: &str, most: usize| (1..=most).contains(&text.len()) && !text.chars().any(char::is_control);
        text(&self.tx_id, MAX_ID)
            && self.correlation_id.as_ref().is_none_or(|id| text(id, MAX_ID))
            && text(&self.class, MAX_ID)
            && self.token.as_ref().is_none_or(|token| text(token, MAX_NAME))
            && text(&self.initiator, MAX_NAME)
            && self.identities.len() <= MAX_IDENTITIES
            && self.identities.iter().all(|identity| text(&identity.address, MAX_NAME))
            && fields_ok(&self.metadata)
    }

    /// The first identity in a role.
    pub fn identity(&self, role: IdentityRole) -> Option<&str> {
        self.identities.iter().find(|identity| identity.role == role).map(|identity| &*identity.address)
    }

    /// Found again by this, however long ago it was.
    pub(super) fn id_fingerprint(tx_id: &str) -> Fingerprint {
        Fingerprint::of("operation", &[tx_id.as_bytes()])
    }

    /// The same for the same content, whatever its trace.
    pub(super) fn content_fingerprint(&self) -> Fingerprint {
        let mut bytes = Vec::with_capacity(256);
        Self { trace: None, ..self.clone() }.put(&mut bytes);
        Fingerprint::of("operation-content", &[&bytes])
    }
}

/// A hook let it pass, with a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Which hook.
    pub hook: Box<str>,
    /// What it says, for programs.
    pub code: Box<str>,
    /// What it says, for people.
    pub reason: Box<str>,
}
wire_struct!(Warning { hook, code, reason });
