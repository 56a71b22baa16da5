//! Why a text is not an id.

/// Why a text was refused as an id.
///
/// The text itself is not repeated here: it comes from outside, may be long, and the caller has it. Each variant carries
/// a hint in plain words about what was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text breaks the core grammar of CAIP-2.
    #[error("not a CAIP-2 chain id: {0}")]
    ChainSyntax(&'static str),
    /// The text breaks the core grammar of CAIP-10.
    #[error("not a CAIP-10 account id: {0}")]
    AccountSyntax(&'static str),
    /// The text breaks the core grammar of CAIP-19.
    #[error("not a CAIP-19 asset id: {0}")]
    AssetSyntax(&'static str),
    /// The chain reference is not one that its namespace allows.
    #[error("chain reference not allowed in its namespace: {0}")]
    ChainReference(&'static str),
    /// The address does not have the form of an address on its chain.
    #[error("not an address of this chain: {0}")]
    Address(&'static str),
    /// The address has the right form, but its checksum says that a character is wrong.
    #[error("wrong address checksum: {0}")]
    AddressChecksum(&'static str),
    /// The address is right in itself, but belongs to another network.
    #[error("address of another network: {0}")]
    AddressNetwork(&'static str),
    /// The asset namespace is not one that the chain's namespace knows.
    #[error("asset namespace not known on this chain: {0}")]
    AssetNamespace(&'static str),
    /// The asset reference does not have the form its asset namespace asks for.
    #[error("not an asset reference of this asset namespace: {0}")]
    AssetReference(&'static str),
    /// The token id does not have the form its asset namespace asks for, or must be absent.
    #[error("token id not allowed here: {0}")]
    TokenId(&'static str),
    /// A `%` does not start a two-digit escape.
    #[error("bad percent escape: {0}")]
    Escape(&'static str),
}

impl Error {
    /// A stable kebab-case name of the fault, fit for an API answer or an alert rule.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ChainSyntax(_) => "caip-chain-syntax",
            Self::AccountSyntax(_) => "caip-account-syntax",
            Self::AssetSyntax(_) => "caip-asset-syntax",
            Self::ChainReference(_) => "caip-chain-reference",
            Self::Address(_) => "caip-address",
            Self::AddressChecksum(_) => "caip-address-checksum",
            Self::AddressNetwork(_) => "caip-address-network",
            Self::AssetNamespace(_) => "caip-asset-namespace",
            Self::AssetReference(_) => "caip-asset-reference",
            Self::TokenId(_) => "caip-token-id",
            Self::Escape(_) => "caip-escape",
        }
    }

    /// What was wrong, in plain words, without the name of the fault.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::ChainSyntax(hint)
            | Self::AccountSyntax(hint)
            | Self::AssetSyntax(hint)
            | Self::ChainReference(hint)
            | Self::Address(hint)
            | Self::AddressChecksum(hint)
            | Self::AddressNetwork(hint)
            | Self::AssetNamespace(hint)
            | Self::AssetReference(hint)
            | Self::TokenId(hint)
            | Self::Escape(hint) => hint,
        }
    }

    /// Whether the same text could be accepted later. Never: parsing depends on nothing but the text.
    pub fn is_transient(&self) -> bool {
        false
    }
}
