//! The payout driver: `held -> signed -> sent -> seen -> final`, one step at a time, for all that leaves our wallets.
//!
//! Each pass asks the state what can be done ([`plan()`]) and does it ([`Driver::run`]). A job moves one payment by one
//! step and ends in a command, so that the next pass sees what came of it; after a crash the first pass sees the same.
//! Payments are worked on at the same time, the steps of one of them never.

mod fill;
mod finish;
mod look;
mod memory;
mod nonces;
mod open;
mod plan;
mod sign;
mod sweeps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::future::join_all;
use tokengine_chain::{Accounts, Asset, Heads, Network};
use tokengine_core::{Address, Amount, AssetIx, DispatchId, NetworkIx, PayoutId, State, Time, Wait, WalletIx};
use tokengine_keys::{AnySigner, KeyRef, Keyring, Signer};

pub use self::memory::{Key, Memory, Nonce, Tracked, Why, Window};
pub use self::plan::{Job, Plan, plan};
use crate::{Books, Error, Rules};

/// The networks by their CAIP-2 ids: a contract's signature is asked for on the contract's own network.
pub type Peers<N> = BTreeMap<String, Arc<Network<N>>>;

/// The payout driver of one network.
pub struct Driver<B, N> {
    books: B,
    network: Arc<Network<N>>,
    peers: Arc<Peers<N>>,
    keyring: Arc<Keyring>,
    rules: Arc<Rules>,
    chain_id: u64,
    memory: Mutex<Memory>,
}

/// Jobs done at the same time in one pass.
const AT_ONCE: usize = 64;

/// Gives a job's object back, also when the job panics or is dropped.
struct Busy<'a> {
    memory: &'a Mutex<Memory>,
    key: Key,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.memory.lock().unwrap_or_else(std::sync::PoisonError::into_inner).busy.remove(&self.key);
    }
}

/// A payment out of a wallet, as the network has to make it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Payment {
    asset: Asset,
    to: Address,
    amount: Amount,
}

/// What is asked of the network to be moved from a wallet.
fn payment(state: &State, asset: AssetIx, to: &Address, amount: Amount) -> Option<Payment> {
    let asset = state.asset(asset)?.contract.clone().map_or(Asset::Native, Asset::Contract);
    Some(Payment { asset, to: to.clone(), amount })
}

/// A payment nobody can undo has to look the same in every attempt: this is where it comes from.
fn purpose_payment(state: &State, wallet: WalletIx, purpose: &tokengine_core::Purpose) -> Option<Payment> {
    use tokengine_core::Purpose;
    match purpose {
        Purpose::Payout(payout) => {
            let order = &state.payout(*payout)?.order;
            payment(state, order.asset, &order.destination, order.amount)
        }
        Purpose::Sweep { to, asset, amount } => payment(state, *asset, &state.wallet(*to)?.address, *amount),
        Purpose::TopUp { to, amount } => {
            let native = state.network(state.wallet(wallet)?.network)?.native?;
            payment(state, native, &state.wallet(*to)?.address, *amount)
        }
        Purpose::Noop => None,
    }
}

impl<B: Books, N: Accounts> Driver<B, N> {
    /// A driver that has done nothing yet.
    ///
    /// # Errors
    /// [`Error::NotListed`] when the network is not one with accounts and nonces (`eip155`).
    pub fn new(
        books: B,
        network: Arc<Network<N>>,
        peers: Arc<Peers<N>>,
        keyring: Arc<Keyring>,
        rules: Arc<Rules>,
    ) -> Result<Self, Error> {
        let id = network.id().strip_prefix("eip155:").and_then(|id| id.parse().ok());
        let chain_id = id.ok_or_else(|| Error::NotListed(network.id().to_owned()))?;
        Ok(Self { books, network, peers, keyring, rules, chain_id, memory: Mutex::default() })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("nobody panics while holding it")
    }

    /// What it remembers, for those who want to know why something waits.
    pub fn remembers(&self) -> Memory {
        self.memory().clone()
    }

    /// Takes a new head in and asks what gas costs there.
    pub async fn on_head(&self, heads: Heads) {
        if self.memory().heads == Some(heads) && !self.memory().down {
            return;
        }
        let suggestion = self.network.suggestion().await;
        let mut memory = self.memory();
        (memory.heads, memory.down) = (Some(heads), suggestion.is_err());
        memory.suggestion = suggestion.ok();
    }

    /// The network does not answer: payouts wait, and say so.
    pub fn on_silence(&self) {
        let mut memory = self.memory();
        (memory.down, memory.suggestion) = (true, None);
    }

    /// What can be done now, at most so much. What is handed out is busy until [`Driver::run`] has run it.
    ///
    /// # Errors
    /// Those of asking the engine.
    pub async fn jobs(&self, ix: NetworkIx, most: usize, now: Time) -> Result<Vec<Job>, Error> {
        let (memory, rules, nodes) = (self.memory().clone(), Arc::clone(&self.rules), self.network.quorum());
        let look = move |state: &State| {
            let open: BTreeSet<DispatchId> = state.dispatches().map(|(id, _)| id).collect();
            (plan(state, ix, &memory, &rules, nodes, now), open)
        };
        let (Plan { jobs, waits }, open) = self.books.query(look).await?;
        self.books.submit_many(waits).await?;
        let mut memory = self.memory();
        memory.forget(&open, now);
        // Another pass may have taken one of them meanwhile.
        Ok(jobs.into_iter().filter(|job| memory.busy.insert(job.key())).take(most).collect())
    }

    /// Does one job to its end. A fault is logged here, and the job comes again later.
    pub async fn run(&self, ix: NetworkIx, job: Job, now: Time) {
        let key = job.key();
        let _busy = Busy { memory: &self.memory, key };
        let done = match &job {
            Job::Compare(wallet) => self.compare(*wallet, now).await,
            Job::Open { wallet, nonce, payouts } => self.open(*wallet, *nonce, payouts, now).await,
            Job::Fill { wallet, nonce, count } => self.fill(*wallet, *nonce, *count, now).await,
            Job::Sweep { wallet, asset, to } => self.sweep(*wallet, *asset, *to, now).await,
            Job::Sign(dispatch) => self.sign(*dispatch, now).await,
            Job::Send { dispatch, attempt } => self.send(*dispatch, *attempt, now).await,
            Job::Look(dispatch) => self.look(ix, *dispatch, now).await,
            Job::Finish(dispatch) => self.finish(*dispatch, now).await,
            Job::Again { tx, raw, scanned } => self.again(ix, *tx, raw, *scanned).await,
        };
        if let Err(error) = done {
            let mut memory = self.memory();
            let network = self.network.id();
            tracing::warn!(chain.id = network, ?key, error = %error, error.code = error.code(), "Payment waits");
            let until = self.later(now);
            match key {
                Key::Wallet(wallet) => memory.wallets_rest.extend([(wallet, until)]),
                Key::Dispatch(dispatch) => {
                    let known = memory.tracked.entry(dispatch).or_default();
                    known.rests_until = until;
                    if matches!(error, Error::Chain(_)) {
                        known.stuck.get_or_insert(Why::Network);
                    }
                }
                Key::Again(_) => {}
            }
        }
    }

    /// Everything that can be done now, at the same time.
    ///
    /// # Errors
    /// As [`Driver::jobs`].
    pub async fn pass(&self, ix: NetworkIx, now: Time) -> Result<usize, Error> {
        let jobs = self.jobs(ix, AT_ONCE, now).await?;
        let done = jobs.len();
        join_all(jobs.into_iter().map(|job| self.run(ix, job, now))).await;
        Ok(done)
    }

    /// When something that failed is tried again.
    fn later(&self, now: Time) -> Time {
        now.plus_ms(crate::rules::ms(self.rules.retry_after))
    }

    fn track(&self, dispatch: DispatchId, change: impl FnOnce(&mut Tracked)) {
        change(self.memory().tracked.entry(dispatch).or_default());
    }

    /// A payout that could not be prepared says why and is not tried again at once.
    async fn hold_back(&self, payouts: &[PayoutId], why: Wait, now: Time) -> Result<(), Error> {
        let until = self.later(now);
        self.memory().held_back.extend(payouts.iter().map(|payout| (*payout, until)));
        let wait = |payout: &PayoutId| tokengine_core::Command::WaitPayout { payout: *payout, why };
        self.books.submit_many(payouts.iter().map(wait).collect()).await?;
        Ok(())
    }

    /// The signer of a wallet, if it is that wallet's.
    fn signer(&self, key: &str, address: &Address) -> Result<AnySigner, Error> {
        let signer = self.keyring.signer(&key.parse::<KeyRef>()?)?;
        if signer.address().to_string() == address.as_str() {
            Ok(signer)
        } else {
            Err(Error::OtherKey { key: key.to_owned(), wallet: address.to_string() })
        }
    }
}
