//! What a token contract is and does, found out when its asset is listed.

use tokengine_core::Address;

/// What stands at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// Nothing: it belongs to a key, or to nobody yet.
    None,
    /// A key's account that runs the code of that address (EIP-7702). It is a key's account all the same.
    Delegated(Address),
    /// A contract, with the Keccak-256 of its code.
    Contract([u8; 32]),
}

/// Which code runs when a token is called. A difference to what was pinned at listing means that the token was
/// upgraded, and must be probed again before it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedCode {
    /// Keccak-256 of the code at the token's own address.
    pub code: [u8; 32],
    /// For a proxy of a known kind, the contract behind it, and the Keccak-256 of its code.
    pub implementation: Option<(Address, [u8; 32])>,
}

/// What `transfer` gives back when it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// `true`, as ERC-20 wants it.
    Bool,
    /// Nothing at all.
    Nothing,
    /// Something else: such a token is not to be listed.
    Other,
    /// No transfer could be simulated.
    Unknown,
}

/// Whether `transfer` moves less, or takes more, than it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charges {
    /// The simulated transfer moved exactly its amount.
    No,
    /// It did not: such a token is not to be listed.
    Yes,
    /// No transfer could be simulated.
    Unknown,
}

/// The facts of one token at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    /// `decimals()`; `None` when the contract does not say, or not in a byte.
    pub decimals: Option<u8>,
    /// The code to pin.
    pub code: PinnedCode,
    /// What `transfer` gives back.
    pub returns: Returns,
    /// Whether it takes a fee.
    pub fee_on_transfer: Charges,
    /// Which ledger it shows.
    pub face: Face,
}

/// What tells whether two contracts show one and the same ledger, or one that of the network's own coin: value paid once
/// would count twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Face {
    /// Keccak-256 of what `symbol()` answers.
    pub symbol: Option<[u8; 32]>,
    /// `totalSupply()`, in 32 bytes; `None` when it does not say, and while there is none.
    pub supply: Option<[u8; 32]>,
    /// Its balances are those of the network's own coin.
    pub of_coin: bool,
}

impl Face {
    /// Nothing is known of it.
    pub const UNKNOWN: Self = Self { symbol: None, supply: None, of_coin: false };

    /// Whether all that is known of both is the same, and enough is.
    pub fn may_be_of(&self, other: &Self) -> bool {
        self.symbol.is_some() && self.supply.is_some() && (self.symbol, self.supply) == (other.symbol, other.supply)
    }
}
