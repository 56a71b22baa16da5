//! The configuration against the books: what differs becomes commands in the journal, and what must not differ refuses the
//! start, all of it at once.

mod diff;
#[cfg(test)]
mod tests;

use crate::config::{Config, HouseRole};
use tokengine_core::{Address, Amount, AssetRules, BlockHash, NetworkPolicy, Role};
use tokengine_keys::{KeyName, KeyRef, Keyring};

pub(crate) use diff::diff;

/// What is to be listed, with every address known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) networks: Vec<WantedNetwork>,
    pub(crate) tokens: Vec<(Box<str>, u8)>,
    pub(crate) assets: Vec<WantedAsset>,
    pub(crate) wallets: Vec<WantedWallet>,
}

/// A network to be listed.
#[derive(Clone, Debug)]
pub(crate) struct WantedNetwork {
    pub(crate) id: Box<str>,
    pub(crate) policy: NetworkPolicy,
    pub(crate) genesis: Option<BlockHash>,
    /// The most that deposit addresses are given for gas within a day, in base units of the native coin.
    pub(crate) top_up_a_day: Amount,
}

/// An asset to be listed.
#[derive(Clone, Debug)]
pub(crate) struct WantedAsset {
    pub(crate) id: Box<str>,
    pub(crate) network: Box<str>,
    pub(crate) token: Box<str>,
    pub(crate) decimals: u8,
    pub(crate) contract: Option<Address>,
    /// Other contracts that show the same asset: none of them may be listed.
    pub(crate) aliases: Vec<Address>,
    pub(crate) rules: AssetRules,
}

/// A wallet to be listed.
#[derive(Clone, Debug)]
pub(crate) struct WantedWallet {
    pub(crate) network: Box<str>,
    pub(crate) address: Address,
    pub(crate) role: Role,
    /// Empty where no key of ours signs.
    pub(crate) key: Box<str>,
}

/// A difference that refuses the start, or that a person should know of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Problem {
    /// Stable; kebab-case.
    pub(crate) code: &'static str,
    pub(crate) text: String,
}

impl Problem {
    pub(crate) fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}]", self.text, self.code)
    }
}

/// What the configuration wants in the books. Wallets have the addresses of their keys.
///
/// # Errors
/// A key that is not there: the configuration was read without opening its keys.
pub(crate) fn wanted(config: &Config, keys: &Keyring) -> Result<Wanted, tokengine_keys::Error> {
    let mut wallets = Vec::new();
    for wallet in &config.wallets {
        let address = match (&wallet.key, &wallet.address) {
            (Some(key), _) => keys.address(&KeyRef::single(key.clone()))?.to_string(),
            (None, Some(given)) => given.clone(),
            (None, None) => continue, // refused when the file was read
        };
        let role = match wallet.role {
            HouseRole::Hot => Role::Hot,
            HouseRole::Cold => Role::Cold,
            HouseRole::Gas => Role::Gas,
            HouseRole::Retiring => Role::Retiring,
        };
        wallets.push(WantedWallet {
            network: wallet.network.as_str().into(),
            address: Address::new(&address).expect("an EVM address has 42 characters"),
            role,
            key: wallet.key.as_ref().map(KeyName::as_str).unwrap_or_default().into(),
        });
    }
    let network = |network: &crate::config::Network| WantedNetwork {
        id: network.id.as_str().into(),
        policy: network.policy.clone(),
        genesis: network.genesis,
        top_up_a_day: network.rules.sweep.top_up_a_day,
    };
    let asset = |asset: &crate::config::Asset| WantedAsset {
        id: asset.id.as_str().into(),
        network: asset.id.chain_str().into(),
        token: asset.token.as_str().into(),
        decimals: asset.decimals,
        contract: asset.contract(),
        aliases: asset.aliases.clone(),
        rules: asset.rules.clone(),
    };
    Ok(Wanted {
        networks: config.networks.iter().map(network).collect(),
        tokens: config.tokens.iter().map(|token| (token.id.as_str().into(), token.decimals)).collect(),
        assets: config.assets.iter().map(asset).collect(),
        wallets,
    })
}

/// The address behind a key as the journal names it: `hot-1`, `deposits/17`.
pub(crate) fn address_of(keys: &Keyring, key: &str) -> Option<Address> {
    let address = keys.address(&key.parse::<KeyRef>().ok()?).ok()?;
    Address::new(&address.to_string())
}
