//! CAIP-2: which chain.

use crate::{error::Error, grammar, profile, text_id::text_id};

/// A chain, by its CAIP-2 id, such as `eip155:1`.
///
/// A value of this type has passed the core grammar and, if its namespace is one this crate knows, the rules of that
/// namespace. It holds the canonical text, so comparing, hashing and ordering are those of the text. 16 bytes and one
/// allocation.
///
/// ```
/// use tokengine_caip::ChainId;
///
/// let chain: ChainId = "eip155:11155111".parse()?;
/// assert_eq!((chain.namespace(), chain.reference()), ("eip155", "11155111"));
/// assert_eq!("eip155:0x1".parse::<ChainId>().unwrap_err().code(), "caip-chain-reference");
/// # Ok::<(), tokengine_caip::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId {
    text: Box<str>,
}

impl ChainId {
    /// The longest chain id, in bytes.
    pub const MAX_LEN: usize = 41;

    /// The family of chains, such as `eip155`.
    pub fn namespace(&self) -> &str {
        split(&self.text).0
    }

    /// The chain within its family, such as `1`.
    pub fn reference(&self) -> &str {
        split(&self.text).1
    }

    /// Checks `namespace:reference`.
    ///
    /// # Errors
    /// [`Error::ChainSyntax`] or [`Error::ChainReference`].
    pub fn new(namespace: &str, reference: &str) -> Result<Self, Error> {
        check_parts(namespace, reference)?;
        Ok(Self { text: format!("{namespace}:{reference}").into() })
    }

    fn parse(text: &str) -> Result<Self, Error> {
        check(text)?;
        Ok(Self { text: text.into() })
    }

    /// For text that this crate has checked already, as a part of a longer id.
    pub(crate) fn from_checked(text: &str) -> Self {
        Self { text: text.into() }
    }
}

text_id!(ChainId, "a CAIP-2 chain id");

/// Both sides of the first `:`. Only for checked text, which has one.
pub(crate) fn split(chain: &str) -> (&str, &str) {
    chain.split_once(':').unwrap_or((chain, ""))
}

/// Checks a whole chain id, grammar and profile. Its canonical form is the text itself.
pub(crate) fn check(text: &str) -> Result<(), Error> {
    let (namespace, reference) =
        text.split_once(':').ok_or(Error::ChainSyntax("there is no ':' between namespace and reference"))?;
    check_parts(namespace, reference)
}

fn check_parts(namespace: &str, reference: &str) -> Result<(), Error> {
    if !grammar::is_namespace(namespace) {
        return Err(Error::ChainSyntax("the namespace must be 3 to 8 of a-z, 0-9 and '-'"));
    }
    if !grammar::is_chain_reference(reference) {
        return Err(Error::ChainSyntax("the reference must be 1 to 32 of a-z, A-Z, 0-9, '-' and '_'"));
    }
    profile::check_reference(namespace, reference)
}
