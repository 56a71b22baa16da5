//! Contracts, by what they do: tokens of several manners, and addresses that run code when they are paid.

use tokengine_chain::{Charges, Returns};

/// How a token behaves when it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As ERC-20 wants it.
    Standard,
    /// Returns nothing, and moves all the same.
    ReturnsNothing,
    /// Returns `false`, moves nothing and writes nothing when it does not want to; never reverts.
    ReturnsFalse,
    /// Keeps so many hundredths of a percent of what it says it moved.
    TakesFee(u16),
}

/// A token contract of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// `decimals()`.
    pub decimals: u8,
    /// What it does.
    pub manner: Manner,
    /// Whether a node can try a transfer of it out; otherwise nobody knows its manner beforehand.
    pub can_be_tried: bool,
}

impl Token {
    /// One that does what everybody expects.
    pub const fn standard(decimals: u8) -> Self {
        Self { decimals, manner: Manner::Standard, can_be_tried: true }
    }

    /// What a node finds out about it.
    pub(super) fn returns(&self) -> Returns {
        match self.manner {
            _ if !self.can_be_tried => Returns::Unknown,
            Manner::ReturnsNothing => Returns::Nothing,
            Manner::ReturnsFalse => Returns::Other,
            Manner::Standard | Manner::TakesFee(_) => Returns::Bool,
        }
    }

    /// See there.
    pub(super) fn charges(&self) -> Charges {
        match self.manner {
            _ if !self.can_be_tried => Charges::Unknown,
            Manner::TakesFee(_) => Charges::Yes,
            Manner::Standard | Manner::ReturnsNothing | Manner::ReturnsFalse => Charges::No,
        }
    }

    /// What arrives of an amount.
    pub(super) fn arrives(&self, amount: u128) -> u128 {
        match self.manner {
            Manner::TakesFee(points) => amount - (amount / 10_000).saturating_mul(u128::from(points)).min(amount),
            Manner::Standard | Manner::ReturnsNothing | Manner::ReturnsFalse => amount,
        }
    }
}

/// What stands at an address that is no key's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contract {
    /// A token, listed by the operator or not.
    Token(Token),
    /// Writes whatever it is told to.
    Forger,
    /// Takes the coin, for more gas than a key's account.
    Taker,
    /// Refuses the coin.
    Refuser,
    /// Passes on what it gets.
    Router,
    /// Somebody's wallet that is a contract.
    Wallet,
    /// A key's account that lends itself the code of a contract (EIP-7702), and is a key's account all the same.
    Delegated,
}
