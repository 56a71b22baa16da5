//! What only the keys can tell: whether each can be opened, and whether wallets have the addresses that are given.

use super::Parts;
use super::reader::Reader;
use std::collections::BTreeSet;
use std::path::Path;
use tokengine_keys::{KeyName, KeyRef, Keyring};

/// Opens what can be opened. A key that cannot be is one mistake, and not also one of the wallets that it signs for.
pub(super) fn keys(reader: &Reader<'_>, parts: &Parts, base: &Path) -> Keyring {
    if reader.is_broken() {
        return Keyring::default();
    }
    let mut names = BTreeSet::new();
    // Of two with one name the second is told already.
    let specs = parts.keys.iter().filter_map(|(spec, origin)| Some((spec.as_ref()?, origin)));
    let specs: Vec<_> = specs.filter(|(spec, _)| names.insert(&spec.name)).collect();
    let (keys, refused) = Keyring::load_each(specs.iter().map(|(spec, _)| *spec), base);
    for (refused, error) in refused {
        for (_, origin) in specs.iter().filter(|(spec, _)| spec.name == refused.name) {
            reader.mistake(origin, error.code(), error.to_string());
        }
    }
    wallets(reader, parts, &keys);
    keys
}

fn wallets(reader: &Reader<'_>, parts: &Parts, keys: &Keyring) {
    let mut seen: Vec<(&str, String, Option<&KeyName>)> = Vec::new();
    for wallet in parts.wallets.iter().flatten() {
        let derived = wallet.key.as_ref().and_then(|key| keys.address(&KeyRef::single(key.clone())).ok());
        let derived = derived.map(|address| address.to_string());
        if let (Some(found), Some(given)) = (&derived, &wallet.address)
            && found != given
        {
            let text = format!("the key's address is {found}, not the one given here");
            reader.mistake(&wallet.origin, "wallet-address-differs", text);
        }
        let Some(address) = derived.or_else(|| wallet.address.clone()) else { continue };
        let network = wallet.network.as_str();
        // Two wallets with one key are told as that.
        let same = |(of, other, key): &(&str, String, Option<&KeyName>)| {
            *of == network && *other == address && (key.is_none() || *key != wallet.key.as_ref())
        };
        if seen.iter().any(same) {
            reader.mistake(&wallet.origin, "config-duplicate", "another wallet of the network has this address");
        }
        seen.push((network, address, wallet.key.as_ref()));
    }
}
