//! What can only be seen across entries: names given twice, and references to what is not there. An entry counts as far as
//! it can be read. A mistake in one part of it hides no other, and what cannot be read is no reason for a second mistake.

use super::HouseRole;
use super::asset::token_name;
use super::mistake::Origin;
use super::network::ROLES;
use super::reader::{At, Group, Reader, Sections, pick};
use super::schema::is_like;
use std::collections::BTreeSet;
use tokengine_caip::{AssetId, ChainId};
use tokengine_keys::{KeyName, KeySpec, Material};

/// The sections that may occur often.
pub(super) struct Entries<'a> {
    pub(super) keys: Sections<'a>,
    pub(super) networks: Sections<'a>,
    pub(super) wallets: Sections<'a>,
    pub(super) tokens: Sections<'a>,
    pub(super) assets: Sections<'a>,
}

/// What the entries of one section are called, as far as it can be read, and where they stand.
pub(super) struct Names {
    read: Vec<(String, Origin)>,
    /// Texts of names that cannot be read.
    unread: Vec<String>,
    /// Every entry has a name, read or not.
    all: bool,
}

impl Names {
    fn of<T: ToString, E>(sections: &Sections<'_>, key: &str, parse: impl Fn(&str) -> Result<T, E>) -> Self {
        let name = |group: &Group<'_>| Some((group.peek(key, &parse)?.value.to_string(), group.origin.clone()));
        let read: Vec<_> = sections.groups.iter().filter_map(name).collect();
        let text = |group: &Group<'_>| group.peek(key, |text| Ok::<_, E>(text.to_owned())).map(|at| at.value);
        let texts: Vec<Option<String>> = sections.groups.iter().map(text).collect();
        let all = sections.all && texts.iter().all(Option::is_some);
        let is_read = |text: &String| parse(text).is_ok();
        Self { all, unread: texts.into_iter().flatten().filter(|text| !is_read(text)).collect(), read }
    }

    /// Every entry has a name that can be read.
    fn are_read(&self) -> bool {
        self.all && self.unread.is_empty()
    }

    /// Nothing is called so. A name that cannot be read may be the one that is meant where it is like it, and its mistake is
    /// told already.
    pub(super) fn lack(&self, name: &str) -> bool {
        let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let meant = |text: &String| is_like(text, name) || plain(text) == plain(name);
        self.all && !self.read.iter().any(|(read, _)| read == name) && !self.unread.iter().any(meant)
    }
}

/// What the entries of all sections are called.
pub(super) struct AllNames {
    pub(super) tokens: Names,
    keys: Names,
    networks: Names,
    assets: Names,
}

impl AllNames {
    pub(super) fn of(entries: &Entries<'_>) -> Self {
        Self {
            tokens: Names::of(&entries.tokens, "id", token_name),
            keys: Names::of(&entries.keys, "name", str::parse::<KeyName>),
            networks: Names::of(&entries.networks, "id", str::parse::<ChainId>),
            assets: Names::of(&entries.assets, "id", str::parse::<AssetId>),
        }
    }
}

/// An asset's id, and the place of it.
fn asset_ids(entries: &Entries<'_>) -> Vec<(At<AssetId>, Origin)> {
    let id = |group: &Group<'_>| Some((group.peek("id", str::parse::<AssetId>)?, group.origin.clone()));
    entries.assets.groups.iter().filter_map(id).collect()
}

/// Names that two entries of a section have.
pub(super) fn duplicates(reader: &Reader<'_>, entries: &Entries<'_>, names: &AllNames) {
    for (what, names) in [
        ("[[key]] has this name", &names.keys),
        ("[[network]] has this id", &names.networks),
        ("[[token]] has this id", &names.tokens),
        ("[[asset]] has this id", &names.assets),
    ] {
        let mut seen = BTreeSet::new();
        for (name, origin) in &names.read {
            if !seen.insert(name) {
                reader.mistake(origin, "config-duplicate", format!("another {what}"));
            }
        }
    }
    let mut coins = BTreeSet::new();
    for (id, origin) in asset_ids(entries).iter().filter(|(id, _)| id.value.slip44().is_some()) {
        if !coins.insert(id.value.chain_str()) {
            reader.mistake(origin, "config-duplicate", "another [[asset]] is this network's coin");
        }
    }
}

/// Other faces of an asset (`aliases`) that are also listed, or are another's: each would be credited twice.
pub(super) fn aliases(reader: &Reader<'_>, entries: &Entries<'_>) {
    let contract = |id: &AssetId| (id.namespace() == "erc20").then(|| id.reference().to_owned());
    let ids = asset_ids(entries);
    let mut seen = BTreeSet::new();
    for group in &entries.assets.groups {
        let Some(of) = group.peek("id", str::parse::<AssetId>) else { continue };
        for (alias, origin) in super::asset::peek_aliases(group, &of.value) {
            if contract(&of.value).as_deref() == Some(alias.as_str()) {
                reader.mistake(&origin, "config-alias", "this is the asset's own contract");
                continue;
            }
            let network = of.value.chain_str().to_owned();
            let is_listed = |id: &AssetId| id.chain_str() == network && contract(id).as_deref() == Some(alias.as_str());
            for (id, _) in ids.iter().filter(|(id, _)| is_listed(&id.value)) {
                let text = "this contract is an alias of another [[asset]]: what it shows would be credited twice";
                reader.mistake(&id.origin, "config-alias", text);
            }
            if !seen.insert((network.clone(), alias.as_str().to_owned())) {
                reader.mistake(&origin, "config-alias", "this is an alias already");
            }
        }
    }
}

/// A wallet as far as it can be read.
struct Wallet {
    network: Option<At<ChainId>>,
    role: Option<HouseRole>,
    key: Option<At<KeyName>>,
    origin: Origin,
}

impl Wallet {
    fn of(group: &Group<'_>) -> Self {
        Self {
            network: group.peek("network", str::parse::<ChainId>),
            role: group.peek("role", |text| pick(text, ROLES)).map(|at| at.value),
            key: group.peek("key", str::parse::<KeyName>),
            origin: group.origin.clone(),
        }
    }
}

/// References between sections, and what each network needs to work. `deposits` is nothing when it cannot be read, and
/// `keys` has nothing for such a key.
pub(super) fn references(
    reader: &Reader<'_>,
    entries: &Entries<'_>,
    names: &AllNames,
    keys: &[Option<KeySpec>],
    deposits: Option<&Option<At<KeyName>>>,
) {
    let unknown = |origin: &Origin, what: &str| {
        reader.mistake(origin, "config-unknown-reference", format!("there is no {what}"));
    };
    let key = |at: &At<KeyName>, family: bool, wrong_kind: &str| {
        let spec = keys.iter().flatten().find(|key| key.name == at.value);
        let is_family = spec.map(|spec| matches!(spec.material, Material::Family { .. } | Material::Watched(_)));
        if names.keys.lack(at.value.as_str()) {
            unknown(&at.origin, "[[key]] of that name");
        } else if is_family.is_some_and(|is| is != family) {
            reader.mistake(&at.origin, "config-key-kind", wrong_kind);
        }
    };
    if let Some(Some(at)) = deposits {
        key(at, true, "this key is a single one, not a family");
    }
    let wallets: Vec<Wallet> = entries.wallets.groups.iter().map(Wallet::of).collect();
    let mut places = BTreeSet::new();
    for wallet in &wallets {
        if let Some(at) = wallet.network.as_ref().filter(|at| names.networks.lack(at.value.as_str())) {
            unknown(&at.origin, "[[network]] with that id");
        }
        if let Some(at) = &wallet.key {
            key(at, false, "a wallet needs a single key, and this is a family");
        }
        if let (Some(network), Some(key)) = (&wallet.network, &wallet.key)
            && !places.insert((network.value.as_str(), key.value.as_str()))
        {
            reader.mistake(&wallet.origin, "config-duplicate", "another wallet of the network has this key");
        }
    }
    for (id, _) in asset_ids(entries).iter().filter(|(id, _)| names.networks.lack(id.value.chain_str())) {
        unknown(&id.origin, "[[network]] of this asset");
    }
    // One whose key cannot be read is wanted all the same.
    let gives_deposits = !matches!(deposits, Some(None));
    needs(reader, entries, names, &wallets, gives_deposits);
}

/// What each network needs: its coin, and who pays for sweeping. Told when it is surely not there.
fn needs(reader: &Reader<'_>, entries: &Entries<'_>, names: &AllNames, wallets: &[Wallet], gives_deposits: bool) {
    let assets = asset_ids(entries);
    for (network, origin) in &names.networks.read {
        let on = |wallet: &Wallet| wallet.network.as_ref().map(|at| at.value.as_str() == network);
        let has_hot = wallets.iter().any(|wallet| on(wallet) == Some(true) && wallet.role == Some(HouseRole::Hot));
        if !has_hot {
            continue;
        }
        let of = || assets.iter().map(|(id, _)| &id.value).filter(|id| id.chain_str() == network);
        if names.assets.are_read() && !of().any(|id| id.slip44().is_some()) {
            let text = "its hot wallets pay gas in its coin, so list the coin as an [[asset]] (slip44)";
            reader.mistake(origin, "config-no-coin", text);
        }
        let may_be_gas =
            |wallet: &Wallet| on(wallet).unwrap_or(true) && wallet.role.is_none_or(|role| role == HouseRole::Gas);
        let may_have_gas = !entries.wallets.all || wallets.iter().any(may_be_gas);
        if gives_deposits && !may_have_gas && of().any(|id| id.namespace() == "erc20") {
            let text = "sweeping tokens from deposit addresses costs gas, so list a [[wallet]] with role \"gas\"";
            reader.mistake(origin, "config-no-gas-wallet", text);
        }
    }
}
