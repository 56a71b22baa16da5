//! CAIP-19: which asset on which chain, and CAIP-20 within it: a native coin by its SLIP-44 index.

use crate::{chain, chain::ChainId, error::Error, grammar, profile, profile::eip155, text_id::text_id};

/// An asset on a chain, by its CAIP-19 id: a type, such as `eip155:1/slip44:60`, or, with a token id, a single one.
///
/// It holds the canonical text; a lower-case `eip155` contract, for example, is printed with its EIP-55 checksum. 16
/// bytes and one allocation.
///
/// ```
/// use tokengine_caip::AssetId;
///
/// let dai: AssetId = "eip155:1/erc20:0x6b175474e89094c44da98b954eedeac495271d0f".parse()?;
/// assert_eq!(dai.reference(), "0x6B175474E89094C44Da98b954EedeAC495271d0F");
/// assert_eq!(dai.token_id(), None);
///
/// let kitty: AssetId = "eip155:1/erc721:0x06012c8cf97BEaD5deAe237070F9587f8E7A266d/771769".parse()?;
/// assert_eq!(kitty.token_id(), Some("771769"));
/// # Ok::<(), tokengine_caip::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetId {
    text: Box<str>,
}

impl AssetId {
    /// The longest asset id, with a token id, in bytes.
    pub const MAX_LEN: usize = 258;

    /// Checks an asset of `chain`; `reference` and `token_id` in the encoded form that CAIP-19 prints.
    ///
    /// # Errors
    /// [`Error::AssetSyntax`] if a part breaks the core grammar; [`Error::AssetNamespace`], [`Error::AssetReference`],
    /// [`Error::TokenId`], [`Error::Escape`] or one of the address errors if it breaks the rules of the chain's
    /// namespace.
    pub fn new(chain: &ChainId, namespace: &str, reference: &str, token_id: Option<&str>) -> Result<Self, Error> {
        Self::build(chain.as_str(), namespace, reference, token_id)
    }

    /// The chain, copied out. [`AssetId::chain_str`] copies nothing.
    pub fn chain_id(&self) -> ChainId {
        ChainId::from_checked(self.chain_str())
    }

    /// The text of the chain id, such as `eip155:1`.
    pub fn chain_str(&self) -> &str {
        self.text.split_once('/').map_or("", |(chain, _)| chain)
    }

    /// The asset namespace, such as `erc20`. That of the chain is `chain_id().namespace()`.
    pub fn namespace(&self) -> &str {
        chain::split(self.type_str()).0
    }

    /// The asset reference in its canonical encoded form, such as the address of a contract.
    pub fn reference(&self) -> &str {
        chain::split(self.type_str()).1
    }

    /// The token id of a single asset; `None` for an asset type.
    pub fn token_id(&self) -> Option<&str> {
        let (_, asset) = self.text.split_once('/')?;
        asset.split_once('/').map(|(_, token_id)| token_id)
    }

    /// The SLIP-44 index of a native coin; `None` for other assets.
    pub fn slip44(&self) -> Option<u32> {
        if self.namespace() != profile::SLIP44 {
            return None;
        }
        self.reference().parse().ok()
    }

    /// The 20 bytes of the contract of an `eip155` token; `None` for native coins and on other chains.
    pub fn evm_contract(&self) -> Option<[u8; 20]> {
        let (namespace, _) = chain::split(&self.text);
        if namespace != eip155::NAMESPACE || self.namespace() == profile::SLIP44 {
            return None;
        }
        eip155::address_bytes(self.reference())
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let (chain, asset) =
            text.split_once('/').ok_or(Error::AssetSyntax("there is no '/' between chain and asset"))?;
        chain::check(chain)?;
        // What follows the second '/' is the token id; a third one is then a character it may not hold.
        let (kind, token_id) = match asset.split_once('/') {
            Some((kind, token_id)) => (kind, Some(token_id)),
            None => (asset, None),
        };
        let (namespace, reference) =
            kind.split_once(':').ok_or(Error::AssetSyntax("there is no ':' between asset namespace and reference"))?;
        Self::build(chain, namespace, reference, token_id)
    }

    fn build(chain: &str, namespace: &str, reference: &str, token_id: Option<&str>) -> Result<Self, Error> {
        if !grammar::is_namespace(namespace) {
            return Err(Error::AssetSyntax("the asset namespace must be 3 to 8 of a-z, 0-9 and '-'"));
        }
        if !grammar::is_part(reference, grammar::ADDRESS_MAX) {
            return Err(Error::AssetSyntax("the asset reference must be 1 to 128 of a-z, A-Z, 0-9, '-', '.' and '%'"));
        }
        if token_id.is_some_and(|id| !grammar::is_part(id, grammar::TOKEN_ID_MAX)) {
            return Err(Error::AssetSyntax("the token id must be 1 to 78 of a-z, A-Z, 0-9, '-', '.' and '%'"));
        }
        let asset = profile::Asset { namespace, reference, token_id };
        let (reference, token_id) = profile::canonical_asset(chain::split(chain), asset)?;
        let text = match token_id {
            Some(token_id) => format!("{chain}/{namespace}:{reference}/{token_id}"),
            None => format!("{chain}/{namespace}:{reference}"),
        };
        Ok(Self { text: text.into() })
    }

    /// `namespace:reference` of the asset, without chain and token id.
    fn type_str(&self) -> &str {
        let asset = self.text.split_once('/').map_or("", |(_, asset)| asset);
        asset.split_once('/').map_or(asset, |(kind, _)| kind)
    }
}

text_id!(AssetId, "a CAIP-19 asset id");
