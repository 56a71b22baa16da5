//! Names of what is listed: the engine's numbers on one side, CAIP ids and the operator's names on the other.

use crate::{Money, Problem};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock, RwLockReadGuard};
use tokengine_core::{
    AccountIx, Address, Amount, Asset, AssetIx, NetworkIx, NetworkPolicy, State, Stop, TokenIx, WalletIx,
};
use tokengine_engine::Handle;

/// What is listed, and how it stands, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) networks: Vec<NetworkEntry>,
    pub(crate) tokens: Vec<TokenEntry>,
    pub(crate) assets: Vec<Asset>,
    pub(crate) paused: bool,
    pub(crate) recovery: Option<Stop>,
}

#[derive(Clone, Debug)]
pub(crate) struct NetworkEntry {
    pub(crate) id: Box<str>,
    pub(crate) policy: NetworkPolicy,
    pub(crate) scanned: Option<u64>,
    pub(crate) paused: bool,
    pub(crate) halted: Option<Stop>,
}

#[derive(Clone, Debug)]
pub(crate) struct TokenEntry {
    pub(crate) id: Box<str>,
    pub(crate) decimals: u8,
}

impl Directory {
    pub(crate) fn of(state: &State) -> Self {
        let network = |(_, row): (NetworkIx, &tokengine_core::Network)| NetworkEntry {
            id: row.id.clone(),
            policy: row.policy.clone(),
            scanned: row.head().map(|head| head.height),
            paused: row.paused,
            halted: row.halted.clone(),
        };
        let token =
            |(_, row): (TokenIx, &tokengine_core::Token)| TokenEntry { id: row.id.clone(), decimals: row.decimals };
        Self {
            networks: state.networks().map(network).collect(),
            tokens: state.tokens().map(token).collect(),
            assets: state.assets().map(|(_, row)| row.clone()).collect(),
            paused: state.is_paused(),
            recovery: state.recovery().cloned(),
        }
    }

    pub(crate) fn network(&self, ix: NetworkIx) -> Result<&NetworkEntry, Problem> {
        self.networks.get(ix.row()).ok_or_else(|| Problem::internal(&"a network that is not listed"))
    }

    pub(crate) fn token(&self, ix: TokenIx) -> Result<&TokenEntry, Problem> {
        self.tokens.get(ix.row()).ok_or_else(|| Problem::internal(&"a token that is not listed"))
    }

    pub(crate) fn asset(&self, ix: AssetIx) -> Result<&Asset, Problem> {
        self.assets.get(ix.row()).ok_or_else(|| Problem::internal(&"an asset that is not listed"))
    }

    pub(crate) fn token_of(&self, asset: AssetIx) -> Result<(TokenIx, &TokenEntry), Problem> {
        let ix = self.asset(asset)?.token;
        Ok((ix, self.token(ix)?))
    }

    pub(crate) fn network_named(&self, id: &str) -> Option<NetworkIx> {
        self.networks.iter().position(|row| *row.id == *id).map(NetworkIx::from_row)
    }

    pub(crate) fn token_named(&self, id: &str) -> Option<TokenIx> {
        self.tokens.iter().position(|row| *row.id == *id).map(TokenIx::from_row)
    }

    pub(crate) fn asset_named(&self, id: &str) -> Option<AssetIx> {
        self.assets.iter().position(|row| *row.id == *id).map(AssetIx::from_row)
    }

    pub(crate) fn token_money(&self, token: TokenIx, amount: Amount) -> Result<Money, Problem> {
        let row = self.token(token)?;
        Ok(Money::of_token(amount, &row.id, row.decimals))
    }

    pub(crate) fn asset_money(&self, asset: AssetIx, amount: Amount) -> Result<Money, Problem> {
        let row = self.asset(asset)?;
        Ok(Money::of_asset(amount, &row.id, row.decimals))
    }

    /// The CAIP-10 id of an address.
    pub(crate) fn caip10(&self, network: NetworkIx, address: &Address) -> Result<String, Problem> {
        Ok(format!("{}:{address}", self.network(network)?.id))
    }
}

/// Beyond this many names they are forgotten and asked for again.
const MANY: usize = 200_000;

/// Names of accounts and wallets, which never change once given.
#[derive(Default)]
pub(crate) struct Names {
    accounts: RwLock<HashMap<AccountIx, Arc<str>>>,
    numbers: RwLock<HashMap<Arc<str>, AccountIx>>,
    wallets: RwLock<HashMap<WalletIx, (NetworkIx, Address)>>,
}

fn missing<K: Copy + Eq + std::hash::Hash, V>(known: &RwLock<HashMap<K, V>>, wanted: &HashSet<K>) -> Vec<K> {
    let known = known.read().expect("nobody panics while holding it");
    wanted.iter().copied().filter(|key| !known.contains_key(key)).collect()
}

fn keep<K: Eq + std::hash::Hash, V>(known: &RwLock<HashMap<K, V>>, new: impl IntoIterator<Item = (K, V)>) {
    let mut known = known.write().expect("nobody panics while holding it");
    if known.len() > MANY {
        known.clear();
    }
    known.extend(new);
}

/// The names that one answer needs.
#[derive(Default)]
pub(crate) struct Named {
    pub(crate) accounts: HashMap<AccountIx, Arc<str>>,
    pub(crate) wallets: HashMap<WalletIx, (NetworkIx, Address)>,
}

impl Named {
    pub(crate) fn account(&self, ix: AccountIx) -> String {
        self.accounts.get(&ix).map_or_else(|| format!("account {ix}"), ToString::to_string)
    }

    pub(crate) fn wallet(&self, ix: WalletIx, directory: &Directory) -> String {
        let found = self.wallets.get(&ix).and_then(|(network, address)| directory.caip10(*network, address).ok());
        found.unwrap_or_else(|| format!("wallet {ix}"))
    }
}

impl Names {
    /// The names of these accounts and wallets.
    pub(crate) async fn look_up(
        &self,
        engine: &Handle,
        accounts: HashSet<AccountIx>,
        wallets: HashSet<WalletIx>,
    ) -> Result<Named, Problem> {
        let new_accounts = missing(&self.accounts, &accounts);
        let new_wallets = missing(&self.wallets, &wallets);
        if !new_accounts.is_empty() || !new_wallets.is_empty() {
            let ask = move |state: &State| {
                let account = |ix: AccountIx| Some((ix, Arc::from(state.account_name(ix)?)));
                let wallet = |ix: WalletIx| state.wallet(ix).map(|row| (ix, (row.network, row.address.clone())));
                let accounts: Vec<(AccountIx, Arc<str>)> = new_accounts.into_iter().filter_map(account).collect();
                let wallets: Vec<_> = new_wallets.into_iter().filter_map(wallet).collect();
                (accounts, wallets)
            };
            let (new_accounts, new_wallets) = engine.query(ask).await?;
            keep(&self.accounts, new_accounts);
            keep(&self.wallets, new_wallets);
        }
        let known = self.accounts.read().expect("nobody panics while holding it");
        let accounts = accounts.into_iter().filter_map(|ix| Some((ix, known.get(&ix)?.clone()))).collect();
        drop(known);
        let known = self.wallets.read().expect("nobody panics while holding it");
        let wallets = wallets.into_iter().filter_map(|ix| Some((ix, known.get(&ix)?.clone()))).collect();
        Ok(Named { accounts, wallets })
    }

    /// Those that are known now, to be looked at without waiting.
    pub(crate) fn known(&self) -> KnownNames<'_> {
        KnownNames(self.numbers.read().expect("nobody panics while holding it"))
    }

    /// The number of each account; `None` where there is no such account. A number may since have been joined to another:
    /// the engine follows that.
    pub(crate) async fn numbers(
        &self,
        engine: &Handle,
        names: HashSet<Arc<str>>,
    ) -> Result<HashMap<Arc<str>, AccountIx>, Problem> {
        let (mut found, new) = self.split(names);
        if !new.is_empty() {
            let ask = move |state: &State| -> Vec<(Arc<str>, AccountIx)> {
                new.into_iter().filter_map(|name| Some((name.clone(), state.account_by_name(&name)?))).collect()
            };
            let new = engine.query(ask).await?;
            keep(&self.numbers, new.iter().cloned());
            found.extend(new);
        }
        Ok(found)
    }

    /// Those that are known, and those to ask for.
    fn split(&self, names: HashSet<Arc<str>>) -> (HashMap<Arc<str>, AccountIx>, Vec<Arc<str>>) {
        let known = self.numbers.read().expect("nobody panics while holding it");
        let (mut found, mut new) = (HashMap::with_capacity(names.len()), Vec::new());
        for name in names {
            match known.get(&name) {
                Some(ix) => {
                    found.insert(name, *ix);
                }
                None => new.push(name),
            }
        }
        (found, new)
    }
}

/// Names and numbers that were asked for before.
pub(crate) struct KnownNames<'a>(RwLockReadGuard<'a, HashMap<Arc<str>, AccountIx>>);

impl KnownNames<'_> {
    pub(crate) fn find(&self, name: &str) -> Option<(Arc<str>, AccountIx)> {
        self.0.get_key_value(name).map(|(name, ix)| (Arc::clone(name), *ix))
    }
}

/// The tokens, which are only ever added to: name and decimals of one never change.
#[derive(Default)]
pub(crate) struct Tokens(RwLock<Arc<[TokenEntry]>>);

impl Tokens {
    /// All that are listed, as far as these names go: one that is not among them is not listed.
    pub(crate) async fn of(
        &self,
        engine: &Handle,
        mut names: impl Iterator<Item = &str>,
    ) -> Result<Arc<[TokenEntry]>, Problem> {
        let known = Arc::clone(&self.0.read().expect("nobody panics while holding it"));
        if names.all(|name| token_named(&known, name).is_some()) {
            return Ok(known);
        }
        let listed: Arc<[TokenEntry]> = engine.query(|state| Directory::of(state).tokens).await?.into();
        let mut known = self.0.write().expect("nobody panics while holding it");
        if known.len() < listed.len() {
            *known = Arc::clone(&listed);
        }
        Ok(listed)
    }
}

/// The token of that name.
pub(crate) fn token_named<'a>(tokens: &'a [TokenEntry], name: &str) -> Option<(TokenIx, &'a TokenEntry)> {
    tokens.iter().enumerate().find(|(_, row)| *row.id == *name).map(|(row, entry)| (TokenIx::from_row(row), entry))
}
