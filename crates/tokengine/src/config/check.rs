//! What can only be seen when all parts are read: names given twice, and references to what is not there.

use super::reader::{At, Group, Reader};
use super::{Asset, Config, HouseRole, Network, Token};
use std::collections::BTreeSet;
use tokengine_keys::{KeyName, Material};

/// Names that two entries of a section have.
pub(super) fn duplicates(
    reader: &Reader<'_>,
    keys: &[Group<'_>],
    networks: &[Option<Network>],
    tokens: &[Option<Token>],
    assets: &[Option<Asset>],
) {
    let keys = keys.iter().filter_map(|group| Some((group.text("name")?.value, group.origin.clone())));
    let networks = networks.iter().flatten().map(|network| (network.id.to_string(), network.origin.clone()));
    let tokens = tokens.iter().flatten().map(|token| (token.id.clone(), token.origin.clone()));
    let assets: Vec<&Asset> = assets.iter().flatten().collect();
    let asset_ids = assets.iter().map(|asset| (asset.id.to_string(), asset.origin.clone()));
    let lists: [(&str, Vec<_>); 4] = [
        ("[[key]] has this name", keys.collect()),
        ("[[network]] has this id", networks.collect()),
        ("[[token]] has this id", tokens.collect()),
        ("[[asset]] has this id", asset_ids.collect()),
    ];
    for (what, list) in lists {
        let mut seen = BTreeSet::new();
        for (name, origin) in list {
            if !seen.insert(name) {
                reader.mistake(&origin, "config-duplicate", format!("another {what}"));
            }
        }
    }
    let mut coins = BTreeSet::new();
    for asset in assets.iter().filter(|asset| asset.id.slip44().is_some()) {
        if !coins.insert(asset.id.chain_str()) {
            reader.mistake(&asset.origin, "config-duplicate", "another [[asset]] is this network's coin");
        }
    }
}

/// References between sections, and what each network needs to work.
pub(super) fn references(reader: &Reader<'_>, config: &Config, deposits: Option<&At<KeyName>>) {
    let unknown = |origin: &super::Origin, what: &str| {
        reader.mistake(origin, "config-unknown-reference", format!("there is no {what}"));
    };
    let is_family = |name: &KeyName| {
        let spec = config.keys.iter().find(|key| key.name == *name)?;
        Some(matches!(spec.material, Material::Family { .. } | Material::Watched(_)))
    };
    let listed = |network: &str| config.networks.iter().any(|listed| listed.id.as_str() == network);
    if let Some(At { value, origin }) = deposits {
        match is_family(value) {
            Some(true) => {}
            Some(false) => reader.mistake(origin, "config-key-kind", "this key is a single one, not a family"),
            None => unknown(origin, "[[key]] of that name"),
        }
    }
    let mut places = BTreeSet::new();
    for wallet in &config.wallets {
        if !listed(wallet.network.as_str()) {
            unknown(&wallet.origin, "[[network]] with that id");
        }
        match wallet.key.as_ref().map(&is_family) {
            Some(None) => unknown(&wallet.origin, "[[key]] of that name"),
            Some(Some(true)) => {
                reader.mistake(&wallet.origin, "config-key-kind", "a wallet needs a single key, and this is a family");
            }
            Some(Some(false)) | None => {}
        }
        if let Some(key) = &wallet.key
            && !places.insert((wallet.network.as_str(), key.as_str()))
        {
            reader.mistake(&wallet.origin, "config-duplicate", "another wallet of the network has this key");
        }
    }
    for asset in &config.assets {
        if !listed(asset.id.chain_str()) {
            unknown(&asset.origin, "[[network]] of this asset");
        }
    }
    for network in &config.networks {
        let here = |role| config.wallets.iter().any(|wallet| wallet.network == network.id && wallet.role == role);
        let of = |asset: &&Asset| asset.id.chain_str() == network.id.as_str();
        let has_coin = config.assets.iter().filter(of).any(|asset| asset.id.slip44().is_some());
        if here(HouseRole::Hot) && !has_coin {
            let text = "its hot wallets pay gas in its coin, so list the coin as an [[asset]] (slip44)";
            reader.mistake(&network.origin, "config-no-coin", text);
        }
        if deposits.is_some()
            && here(HouseRole::Hot)
            && !here(HouseRole::Gas)
            && config.assets.iter().filter(of).any(|asset| asset.id.slip44().is_none())
        {
            let text = "sweeping tokens from deposit addresses costs gas, so list a [[wallet]] with role \"gas\"";
            reader.mistake(&network.origin, "config-no-gas-wallet", text);
        }
    }
}
