//! `[[token]]` and `[[asset]]`.

use super::check::Names;
use super::inner::{Inner, finality};
use super::mistake::Origin;
use super::network::{decimal, optional};
use super::reader::{At, Group};
use super::tree::{Item, Node};
use tokengine_caip::{AccountId, AssetId};
use tokengine_core::{Address, Amount, AssetRules, Fees, Finality};

/// A token as configured.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) id: String,
    pub(crate) decimals: u8,
}

/// An asset as configured.
#[derive(Clone, Debug)]
pub(crate) struct Asset {
    pub(crate) id: AssetId,
    pub(crate) token: String,
    pub(crate) decimals: u8,
    /// Other contracts that show the same asset, in canonical form.
    pub(crate) aliases: Vec<Address>,
    pub(crate) rules: AssetRules,
}

impl Asset {
    /// Its contract in canonical form; nothing for a network's own coin.
    pub(crate) fn contract(&self) -> Option<Address> {
        (self.id.slip44().is_none()).then(|| Address::new(self.id.reference())).flatten()
    }
}

/// The name of a token.
pub(super) fn token_name(text: &str) -> Result<String, &'static str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let fine = (1..=32).contains(&text.len()) && text.bytes().all(plain);
    if fine { Ok(text.to_owned()) } else { Err("it is 1 to 32 letters, digits, '-', '_' and '.'") }
}

/// Reads one `[[token]]`.
pub(crate) fn token(group: &Group<'_>) -> Option<Token> {
    let (id, decimals) = (group.parsed("id", token_name), decimals(group));
    Some(Token { id: id?.value, decimals: decimals? })
}

const MOST_DECIMALS: u8 = 30;

fn decimals(group: &Group<'_>) -> Option<u8> {
    let decimals = group.number::<u8>("decimals", 0)?;
    if decimals > MOST_DECIMALS {
        group.mistake_in("decimals", "config-value", "`decimals` is at most 30");
        return None;
    }
    Some(decimals)
}

/// Reads one `[[asset]]`; `tokens` are those that could be read, and `names` what all of them are called.
pub(crate) fn asset(group: &Group<'_>, tokens: &[Token], names: &Names) -> Option<Asset> {
    let id = group.parsed("id", str::parse::<AssetId>);
    if let Some(At { value, origin }) = &id
        && (value.token_id().is_some() || (value.slip44().is_none() && value.namespace() != "erc20"))
    {
        group.reader.mistake(origin, "config-asset", "an asset is a network's coin (slip44) or an erc20 contract");
    }
    let token = group.text("token");
    let of = token.as_ref().and_then(|at| tokens.iter().find(|token| token.id == at.value));
    if let Some(at) = token.as_ref().filter(|at| names.lack(&at.value)) {
        group.reader.mistake(&at.origin, "config-unknown-reference", "there is no [[token]] of that name");
    }
    let decimals = decimals(group);
    if let (Some(of), Some(decimals)) = (of, decimals)
        && decimals > of.decimals
    {
        let text = format!("it has {decimals} decimals and its token only {}", of.decimals);
        group.mistake("asset-finer-than-token", text);
    }
    let aliases = aliases(group, id.as_ref().map(|at| &at.value));
    let rules = rules(group, decimals, of.map(|token| token.decimals));
    Some(Asset { id: id?.value, token: token?.value, decimals: decimals?, aliases: aliases?, rules: rules? })
}

/// The aliases of an asset: contracts on its network, or on any while its id cannot be read.
fn aliases(group: &Group<'_>, id: Option<&AssetId>) -> Option<Vec<Address>> {
    let item = group.item("aliases")?;
    let wrong = |origin: &Origin, text: &str| group.reader.mistake(origin, "config-alias", text);
    let Node::List(list) = &item.node else {
        wrong(&item.origin, "`aliases` takes a list of addresses");
        return None;
    };
    let mut aliases = Vec::new();
    let mut all = true;
    for entry in list {
        match alias(entry, id) {
            Some(address) => aliases.push(address),
            None => {
                wrong(&entry.origin, "an alias is the address of a contract on the asset's network");
                all = false;
            }
        }
    }
    all.then_some(aliases)
}

/// The address in an entry of `aliases`, in canonical form.
fn alias(entry: &Item, id: Option<&AssetId>) -> Option<Address> {
    let Node::Text(text) = &entry.node else { return None };
    let network = id.map_or("eip155:1", |id| id.chain_str());
    let account: AccountId = format!("{network}:{text}").parse().ok()?;
    Address::new(account.address())
}

/// The aliases that can be read, for checks across entries.
pub(super) fn peek_aliases(group: &Group<'_>, id: &AssetId) -> Vec<(Address, Origin)> {
    let Some(Item { node: Node::List(list), .. }) = group.glance("aliases") else { return Vec::new() };
    list.iter().filter_map(|entry| Some((alias(entry, Some(id))?, entry.origin.clone()))).collect()
}

/// Amounts are read also where their decimals cannot be: what is no amount under any is told with everything else.
fn rules(group: &Group<'_>, known: Option<u8>, token_decimals: Option<u8>) -> Option<AssetRules> {
    let (deposits, payouts) = (group.flag("deposits"), group.flag("payouts"));
    let decimals = known.unwrap_or_else(|| {
        let limits = ["min_deposit", "max_deposit", "min_payout", "max_payout", "sweep_from"];
        let limits = limits.iter().filter_map(|name| group.peek(name, |text| Ok::<_, &str>(text.to_owned())));
        likely(limits.map(|at| at.value).chain(texts_in(group, "finality", "up_to")))
    });
    let amount = |name: &str| decimal(group, name, decimals);
    let most = |name: &str| {
        let parse = |text: &str| Amount::parse_decimal(text, decimals);
        optional(group, name, parse).map(|at| at.map_or(Amount::MAX, |at| at.value))
    };
    let (min_deposit, max_deposit) = (amount("min_deposit"), most("max_deposit"));
    let (min_payout, max_payout) = (amount("min_payout"), most("max_payout"));
    for (what, least, most) in [("deposit", min_deposit, max_deposit), ("payout", min_payout, max_payout)] {
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            group.mistake("config-limits", format!("min_{what} is above max_{what}"));
        }
    }
    let token_decimals_read = token_decimals.unwrap_or_else(|| {
        likely(texts_in(group, "fees", "success").into_iter().chain(texts_in(group, "fees", "failure")))
    });
    let (fees, tiers) = (fees(group, token_decimals_read), tiers(group, decimals));
    let sweep_from = amount("sweep_from");
    known.and(token_decimals)?;
    Some(AssetRules {
        deposits: deposits?,
        payouts: payouts?,
        min_deposit: min_deposit?,
        max_deposit: max_deposit?,
        min_payout: min_payout?,
        max_payout: max_payout?,
        fees: fees?,
        finality: tiers?,
        sweep_from: sweep_from?,
    })
}

/// Decimals under which all of these are amounts that are amounts under any.
fn likely(texts: impl IntoIterator<Item = String>) -> u8 {
    let fits = |text: &String, decimals: u8| Amount::parse_decimal(text, decimals).is_ok();
    let amounts: Vec<String> = texts.into_iter().filter(|text| (0..=MOST_DECIMALS).any(|d| fits(text, d))).collect();
    let fine = |decimals: &u8| amounts.iter().all(|text| fits(text, *decimals));
    (0..=MOST_DECIMALS).find(fine).unwrap_or(MOST_DECIMALS)
}

/// The texts called `inner` in a table, or in the tables of a list.
fn texts_in(group: &Group<'_>, name: &str, inner: &str) -> Vec<String> {
    let of = |item: &Item| match &item.node {
        Node::Table(table) => match table.get(inner).map(|(_, item)| &item.node) {
            Some(Node::Text(text)) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    };
    match group.glance(name) {
        Some(Item { node: Node::List(list), .. }) => list.iter().filter_map(of).collect(),
        Some(item) => of(&item).into_iter().collect(),
        None => Vec::new(),
    }
}

fn fees(group: &Group<'_>, decimals: u8) -> Option<Fees> {
    let item = group.item("fees")?;
    let inner = Inner::new(group.reader, "`fees`", &item, &["success", "success_bps", "failure"])?;
    let amount = |name: &str| inner.amount(name, decimals, Amount::ZERO);
    let (success, failure) = (amount("success"), amount("failure"));
    let success_bps = inner.number("success_bps", 0, 0u16);
    if success_bps.is_some_and(|bps| bps > 10_000) {
        group.reader.mistake(inner.origin, "config-value", "`success_bps` is at most 10000: all of it");
    }
    Some(Fees { success: success?, success_bps: success_bps?, failure: failure? })
}

fn tiers(group: &Group<'_>, decimals: u8) -> Option<Vec<(Amount, Finality)>> {
    let item = group.item("finality")?;
    let wrong = |origin: &Origin, text: &str| group.reader.mistake(origin, "config-finality", text);
    let Node::List(list) = &item.node else {
        wrong(&item.origin, "`finality` takes a list of tables");
        return None;
    };
    if list.is_empty() {
        wrong(&item.origin, "`finality` needs a tier");
        return None;
    }
    let mut tiers: Vec<(Amount, Finality)> = Vec::new();
    let mut all = true;
    for (number, entry) in list.iter().enumerate() {
        let Some(inner) = Inner::new(group.reader, "a tier", entry, &["up_to", "level"]) else {
            all = false;
            continue;
        };
        let is_last = number + 1 == list.len();
        if is_last != inner.item("up_to").is_none() {
            wrong(&entry.origin, "every tier but the last has `up_to`, and the last has none");
        }
        let level = match inner.item("level") {
            Some(level) => finality(group.reader, level),
            None => {
                inner.missing("level");
                None
            }
        };
        let up_to = inner.amount("up_to", decimals, Amount::MAX);
        match (up_to, level) {
            (Some(up_to), Some(level)) => {
                if tiers.last().is_some_and(|(below, _)| *below >= up_to) {
                    wrong(&entry.origin, "`up_to` rises from tier to tier");
                }
                tiers.push((up_to, level));
            }
            _ => all = false,
        }
    }
    all.then_some(tiers)
}
