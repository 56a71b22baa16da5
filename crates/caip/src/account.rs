//! CAIP-10: whose account on which chain.

use crate::{chain, chain::ChainId, error::Error, escape, grammar, profile, profile::eip155, text_id::text_id};

/// An account on a chain, by its CAIP-10 id, such as `eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb`.
///
/// It holds the canonical text: a lower-case `eip155` address, for example, is printed with its EIP-55 checksum, so two
/// ids are equal exactly when they name the same account (as far as the profile of the namespace can tell). 16 bytes
/// and one allocation.
///
/// ```
/// use tokengine_caip::AccountId;
///
/// let account: AccountId = "eip155:1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb".parse()?;
/// assert_eq!(account.to_string(), "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb");
/// assert_eq!(account.chain_id().reference(), "1");
/// assert_eq!(account.evm_address().unwrap()[0], 0xab);
/// # Ok::<(), tokengine_caip::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId {
    text: Box<str>,
}

impl AccountId {
    /// The longest account id, in bytes.
    pub const MAX_LEN: usize = 170;

    /// Checks `address`, in the encoded form that CAIP-10 prints, as an address on `chain`.
    ///
    /// # Errors
    /// [`Error::AccountSyntax`] if it breaks the core grammar; [`Error::Address`], [`Error::AddressChecksum`],
    /// [`Error::AddressNetwork`] or [`Error::Escape`] if it breaks the rules of the chain's namespace.
    pub fn new(chain: &ChainId, address: &str) -> Result<Self, Error> {
        Self::build(chain.as_str(), address)
    }

    /// The chain, copied out. [`AccountId::chain_str`] copies nothing.
    pub fn chain_id(&self) -> ChainId {
        ChainId::from_checked(self.chain_str())
    }

    /// The text of the chain id, such as `eip155:1`.
    pub fn chain_str(&self) -> &str {
        self.split().0
    }

    /// The namespace of the chain, such as `eip155`.
    pub fn namespace(&self) -> &str {
        chain::split(&self.text).0
    }

    /// The address in its canonical encoded form, as CAIP-10 prints it.
    pub fn address(&self) -> &str {
        self.split().1
    }

    /// The address with its percent escapes undone, such as a Canton party id; `None` if that is not UTF-8.
    ///
    /// The way back is [`escape`](crate::escape()) and [`AccountId::new`].
    pub fn unescaped_address(&self) -> Option<String> {
        escape::unescape(self.address()).ok()
    }

    /// The 20 bytes of an `eip155` address; `None` on other chains.
    pub fn evm_address(&self) -> Option<[u8; 20]> {
        if self.namespace() != eip155::NAMESPACE {
            return None;
        }
        eip155::address_bytes(self.address())
    }

    fn parse(text: &str) -> Result<Self, Error> {
        // An address has no ':', so the last one ends the chain id; if there are more, the chain id is refused.
        let (chain, address) = text
            .rsplit_once(':')
            .filter(|(chain, _)| chain.contains(':'))
            .ok_or(Error::AccountSyntax("it must be namespace:reference:address"))?;
        chain::check(chain)?;
        Self::build(chain, address)
    }

    fn build(chain: &str, address: &str) -> Result<Self, Error> {
        if !grammar::is_part(address, grammar::ADDRESS_MAX) {
            return Err(Error::AccountSyntax("the address must be 1 to 128 of a-z, A-Z, 0-9, '-', '.' and '%'"));
        }
        let address = profile::canonical_address(chain::split(chain), address)?;
        Ok(Self { text: format!("{chain}:{address}").into() })
    }

    fn split(&self) -> (&str, &str) {
        self.text.rsplit_once(':').unwrap_or((&self.text, ""))
    }
}

text_id!(AccountId, "a CAIP-10 account id");
