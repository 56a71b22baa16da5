//! The deposit watcher: follows a network block by block, says what was paid to us, and when it lies deep enough.
//!
//! A block is searched completely, and what it paid is in the journal, before the block itself is: a crash in between
//! repeats the block and loses nothing. Nothing is skipped after downtime; catching up goes in bounded steps.

mod blocks;
mod claims;
mod credits;
mod plan;
mod sort;
mod verify;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, RwLock};

use tokengine_chain::{Accounts, BlockId, Heads, Network, Receivers};
use tokengine_core::{Address, BlockRef, Command, NetworkIx, Rejection, Time, TxId, WalletIx};

pub use self::blocks::Advanced;
pub use self::claims::{Claimant, Looked, failure, judge};
pub use self::plan::{Due, Step, due, lost, transfers};
pub use self::sort::{Draft, Sorted, Why, asset_of, owner, sort};
use crate::probe::Prober;
use crate::{Books, Error, Rules};

/// So many addresses are given to nodes as a filter; more are picked out here.
const FEW: usize = 200;

/// The watcher of one network. It keeps nothing that a restart would miss.
pub struct Watcher<B, N> {
    books: B,
    network: Arc<Network<N>>,
    prober: Arc<Prober<B, N>>,
    rules: Arc<Rules>,
    addresses: Arc<RwLock<HashSet<Address>>>,
    /// How many wallets of the state are in `addresses`.
    listed: Mutex<usize>,
    /// At which head, and when, each claim was last looked after.
    looked: Mutex<BTreeMap<TxId, (u64, Time)>>,
}

/// What one pass came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Up to which block everything was searched.
    pub scanned: BlockRef,
    /// Another pass has work to do at once: it is catching up, or was interrupted by a reorg.
    pub more: bool,
    /// The nodes' chain has nothing in common with the blocks that are remembered: a person has to say where to go on.
    pub lost: bool,
}

impl<B: Books, N: Accounts> Watcher<B, N> {
    /// A watcher that has asked nothing yet.
    pub fn new(books: B, network: Arc<Network<N>>, prober: Arc<Prober<B, N>>, rules: Arc<Rules>) -> Self {
        let (addresses, listed, looked) = Default::default();
        Self { books, network, prober, rules, addresses, listed, looked }
    }

    /// Makes sure that the nodes are of the network in the books, and says where the search begins if it never did.
    ///
    /// # Errors
    /// [`Error::NotListed`], [`Error::OtherGenesis`], [`Error::NotRecorded`], and those of asking.
    pub async fn start(&self) -> Result<NetworkIx, Error> {
        let id: Box<str> = self.network.id().into();
        let (listed, id) = self.books.query(move |state| (state.network_by_id(&id), id)).await?;
        let ix = listed.ok_or_else(|| Error::NotListed(id.into()))?;
        let genesis = self.network.check_identity().await?;
        let known = self.books.query(move |state| state.network(ix).and_then(|row| row.genesis)).await?;
        if let Some(known) = known {
            if known.hash == genesis {
                return Ok(ix);
            }
            self.network.forget_genesis();
            return Err(Error::OtherGenesis { known: known.hash, found: genesis });
        }
        let unknown = || tokengine_chain::Error::BlockUnknown { node: self.network.id().into(), block: genesis };
        let genesis = self.network.block(BlockId::Hash(genesis)).await?.ok_or_else(unknown)?.at;
        // The first block that counts is the one after `from`.
        let from = match self.rules.start {
            None => {
                let heads = self.network.heads().await?;
                let look = move |state: &tokengine_core::State| state.network(ix).map(|row| row.policy.reorg_depth);
                let height = plan::begin(&heads, self.books.query(look).await?.unwrap_or_default());
                self.network.block(BlockId::Height(height)).await?.ok_or_else(unknown)?.at
            }
            Some(0) => genesis,
            Some(first) => {
                let before = first.saturating_sub(1);
                self.network.block(BlockId::Height(before)).await?.ok_or_else(unknown)?.at
            }
        };
        match self.books.submit(Command::StartNetwork { network: ix, genesis, from }).await? {
            Ok(()) | Err(Rejection::AlreadyListed) => Ok(ix),
            Err(rejection) => Err(Error::NotRecorded { what: "the start of the network", rejection }),
        }
    }

    /// One look at the heads that the nodes agree on: new blocks, then what is deep enough, then claims and transfers.
    ///
    /// # Errors
    /// Those of asking and submitting; what was submitted stays, and the next pass goes on from there.
    pub async fn pass(&self, ix: NetworkIx, heads: &Heads, now: Time) -> Result<Pass, Error> {
        // How certain a token is decides how its deposits are looked at, so that comes first.
        if self.prober.has_work(ix).await? && !self.prober.check(ix, heads).await?.is_empty() {
            let (network, what) = (self.network.id().into(), "a token");
            return Err(tokengine_chain::Error::NoQuorum { network, what, needed: 1, answered: 0 }.into());
        }
        let advanced = self.advance(ix, heads.latest).await?;
        self.settle(ix, heads, now).await?;
        let scanned = self.books.query(move |state| state.network(ix).and_then(|row| row.head().copied())).await?;
        let more = matches!(advanced, Advanced::Searched | Advanced::Rewound);
        Ok(Pass { scanned: scanned.unwrap_or(heads.latest), more, lost: advanced == Advanced::Lost })
    }

    /// What a pass does besides new blocks: safe to repeat at any time.
    ///
    /// # Errors
    /// As [`Watcher::pass`].
    pub async fn settle(&self, ix: NetworkIx, heads: &Heads, now: Time) -> Result<(), Error> {
        let undo = self.books.query(move |state| plan::lost(state, ix)).await?;
        self.books.submit_many(undo).await?;
        self.credit(ix, heads).await?;
        self.claims(ix, heads, now).await?;
        self.go_on_with_transfers(ix, heads, now).await
    }

    /// Whether somebody claims something that was not looked for since the last head: worth a [`Watcher::settle`].
    ///
    /// # Errors
    /// Those of asking the engine.
    pub async fn has_new_claims(&self, ix: NetworkIx) -> Result<bool, Error> {
        let looked: Vec<TxId> = self.looked().keys().copied().collect();
        let new = move |tx: &TxId| looked.binary_search(tx).is_err();
        self.books.query(move |state| state.claims().any(|(at, tx, _)| at == ix && new(&tx))).await
    }

    fn looked(&self) -> std::sync::MutexGuard<'_, BTreeMap<TxId, (u64, Time)>> {
        self.looked.lock().expect("nobody panics while holding it")
    }

    /// All wallets and listed contracts of the network as of now. To be asked after the block to be searched is known: an
    /// address is in the books before anybody is told of it, so nothing paid in that block is missed.
    async fn receivers(&self, ix: NetworkIx) -> Result<Receivers, Error> {
        let known = *self.listed.lock().expect("nobody panics while holding it");
        let look = move |state: &tokengine_core::State| {
            let wallet = |row: usize| state.wallet(WalletIx(u32::try_from(row).ok()?));
            let new: Vec<_> = (known..).map_while(wallet).map(|row| (row.network, row.address.clone())).collect();
            let assets = state.assets().filter(|(_, asset)| asset.network == ix);
            (new, assets.filter_map(|(_, asset)| asset.contract.clone()).collect::<Vec<_>>())
        };
        let (new, contracts) = self.books.query(look).await?;
        let mut addresses = self.addresses.write().expect("nobody panics while holding it");
        let mut listed = self.listed.lock().expect("nobody panics while holding it");
        if *listed == known {
            *listed = known.saturating_add(new.len());
            addresses.extend(new.into_iter().filter(|(network, _)| *network == ix).map(|(_, address)| address));
        }
        if addresses.len() <= FEW {
            return Ok(Receivers::few(addresses.iter().cloned(), contracts));
        }
        let all = Arc::clone(&self.addresses);
        let receives = move |address: &Address| all.read().expect("nobody panics while holding it").contains(address);
        Ok(Receivers::many(receives, contracts))
    }
}
