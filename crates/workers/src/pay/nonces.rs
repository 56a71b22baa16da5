//! Our nonces and the network's. A nonce that the network has used and the books have not is somebody else's use of our
//! key, or ours from before a restore: nothing is signed until it is known by what.

use std::collections::BTreeMap;

use tokengine_chain::{Accounts, At, Heads, NonceUse, NonceUser, TxStatus, finality};
use tokengine_core::{Address, Command, NetworkIx, Role, State, Time, WalletIx};

use super::{Driver, Nonce, Window};
use crate::{Books, Error};

/// How a wallet's nonces compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The books have no nonce yet, and the network's is settled: this one.
    Ready(u64),
    /// The books have no nonce yet, and something of the wallet's is still on its way.
    NotSettled,
    /// The network has used none that the books have not.
    Fits,
    /// It has.
    Foreign,
}

/// What follows from the nonces used at the newest head, at the newest that can never go away, and in the pools.
pub fn judge(books: Option<u64>, latest: u64, last: u64, pending: u64) -> Compared {
    match books {
        None if latest == last && pending <= latest => Compared::Ready(latest),
        None => Compared::NotSettled,
        Some(next) if latest > next => Compared::Foreign,
        Some(_) => Compared::Fits,
    }
}

/// What the books have of a wallet, and of how its network is worked.
struct Known {
    address: Address,
    next: Option<u64>,
    recovery: bool,
    frozen: bool,
    /// So many of its transactions may be sent and not in a block.
    most: u64,
    /// Everything after that height was searched.
    started: u64,
}

fn known(state: &State, wallet: WalletIx) -> Option<Known> {
    let row = state.wallet(wallet)?;
    let network = state.network(row.network)?;
    Some(Known {
        address: row.address.clone(),
        next: row.next_nonce,
        recovery: state.recovery().is_some(),
        frozen: row.frozen.is_some(),
        most: network.policy.max_in_flight.into(),
        started: network.starts_after,
    })
}

/// How many nonces of a wallet can be out and in no block; the operator may have allowed more before.
fn plausible(most: u64) -> u64 {
    most.max(64)
}

/// Which nonces the lost part of a journal may have signed for. At any time no more than `most` were not in a block, so it
/// signed for none at or above the first that is in none plus `most`. It does not move on as these get into blocks: what
/// was lost was signed before. What already waits in a pool is left the time to get into a block by itself.
fn window(known: Option<Window>, waiting: bool, used: u64, most: u64, now: Time, waits: Time) -> Window {
    let Window { to, from } = known.unwrap_or(Window { to: used.saturating_add(most), from: waits });
    Window { to, from: if waiting { from } else { from.min(now) } }
}

impl<B: Books, N: Accounts> Driver<B, N> {
    pub(super) async fn compare(&self, wallet: WalletIx, now: Time) -> Result<(), Error> {
        let Some(heads) = self.memory().heads else { return Ok(()) };
        let look = move |state: &State| known(state, wallet);
        let Some(Known { address, next: books, recovery, frozen, most, started }) = self.books.query(look).await?
        else {
            return Ok(());
        };
        let latest = self.network.nonce_at(&address, At::Block(heads.latest.hash)).await?;
        let first = !self.memory().compared.contains(&wallet);
        let (mut last, mut pending) = (latest, latest);
        if books.is_none() || first || recovery {
            last = self.last_nonce(&address, &heads).await?;
            // One node that is silent must not stop every start; after a restore, its pool may be the one that has it.
            // More than this cannot be out and in no block. One node's word must not make us fill a thousand nonces.
            pending =
                self.network.nonce_in_pools(&address, recovery).await?.min(latest.saturating_add(plausible(most)));
        }
        let compared = judge(books, latest, last, pending);
        match compared {
            // The lost part of the journal may have used it before.
            Compared::Ready(used) if recovery && used > 0 => {
                let next_nonce = self.network.nonce_at(&address, At::Height(started)).await?;
                self.books.submit(Command::ReadyWallet { wallet, next_nonce }).await?.ok();
            }
            Compared::Ready(next_nonce) => {
                self.books.submit(Command::ReadyWallet { wallet, next_nonce }).await?.ok();
            }
            Compared::NotSettled => {}
            Compared::Fits | Compared::Foreign if recovery => {}
            Compared::Fits => {
                // Bytes that are in a pool and not in the journal: it was cut off behind them.
                if let Some(next) = books.filter(|next| first && pending > *next) {
                    let reason =
                        format!("{address} has sent nonces up to {pending}, and the journal ends before {next}");
                    self.books.submit(Command::StartRecovery { reason: reason.into() }).await?.ok();
                }
            }
            Compared::Foreign => self.alarm(wallet, &address, books, latest, first, frozen).await?,
        }
        {
            let mut memory = self.memory();
            let foreign = compared == Compared::Foreign;
            memory.nonces.insert(wallet, Nonce { height: heads.latest.height, foreign });
            memory.compared.insert(wallet);
            let known = memory.windows.remove(&wallet);
            if let Some(next) = books.filter(|_| recovery) {
                let waits = now.plus_ms(crate::rules::ms(self.rules.replace_after));
                let waiting = pending > latest.max(next);
                memory.windows.insert(wallet, window(known, waiting, latest.max(pending), most, now, waits));
            }
        }
        if compared == Compared::Foreign {
            self.adopt(wallet, &address, &heads).await?;
            let next = self.books.query(move |state| state.wallet(wallet).and_then(|row| row.next_nonce)).await?;
            let nonce = Nonce { height: heads.latest.height, foreign: next.is_none_or(|next| latest > next) };
            self.memory().nonces.insert(wallet, nonce);
        }
        Ok(())
    }

    /// The nonces used at the newest head that can never go away; at the newest, where a network has no such thing.
    async fn last_nonce(&self, address: &Address, heads: &Heads) -> Result<u64, Error> {
        let block = heads.finalized.unwrap_or(heads.latest);
        Ok(self.network.nonce_at(address, At::Block(block.hash)).await?)
    }

    /// At the start it means that the journal was cut off; later, that somebody else has our key.
    async fn alarm(
        &self,
        wallet: WalletIx,
        address: &Address,
        books: Option<u64>,
        latest: u64,
        first: bool,
        frozen: bool,
    ) -> Result<(), Error> {
        let next = books.unwrap_or_default();
        if first {
            let reason =
                format!("the network has used nonces of {address} up to {latest}, and the journal ends before {next}");
            self.books.submit(Command::StartRecovery { reason: reason.into() }).await?.ok();
        } else if !frozen {
            tracing::error!(chain.id = self.network.id(), %wallet, "Somebody else uses the key of a wallet");
            let reason = format!("nonce {next} was used by a transaction that is not ours: its key is used elsewhere");
            self.books.submit(Command::FreezeWallet { wallet, reason: reason.into() }).await?.ok();
        }
        Ok(())
    }

    /// Takes what the network has from our key, and the books have not, into the books, one nonce after the other.
    async fn adopt(&self, wallet: WalletIx, address: &Address, heads: &Heads) -> Result<(), Error> {
        let Some(last) = heads.finalized else { return Ok(()) };
        let used = self.network.nonce_at(address, At::Block(last.hash)).await?;
        loop {
            let look = move |state: &State| {
                let row = state.wallet(wallet)?;
                let network = state.network(row.network)?;
                Some((row.next_nonce?, row.network, network.scanned.front().map_or(0, |block| block.height)))
            };
            let Some((nonce, ix, oldest)) = self.books.query(look).await? else { return Ok(()) };
            if nonce >= used {
                return Ok(());
            }
            let NonceUse::Used(user) = self.network.who_used_nonce(address, nonce, oldest, &last).await? else {
                tracing::error!(chain.id = self.network.id(), %wallet, nonce, "No node can say what used a nonce of ours");
                return Ok(());
            };
            if !self.adopt_used(wallet, address, (nonce, &user), ix, heads).await? {
                return Ok(());
            }
        }
    }

    /// Takes the transaction that used a nonce into the books, as the payout that it was, where it was one. Whether it did.
    pub(super) async fn adopt_used(
        &self,
        wallet: WalletIx,
        address: &Address,
        (nonce, user): (u64, &NonceUser),
        ix: NetworkIx,
        heads: &Heads,
    ) -> Result<bool, Error> {
        let (inclusion, success) = match self.network.status(user.tx).await? {
            TxStatus::InBlock(inclusion) => (inclusion, true),
            TxStatus::Reverted(inclusion) => (inclusion, false),
            TxStatus::Unknown | TxStatus::InMempool => return Ok(false),
        };
        // Adopted without what it paid, the payout would be paid again: it waits until that is known.
        let moved = self.moved_by(user.tx, &user.block).await?.filter(|_| inclusion.block.hash == user.block.hash);
        let Some(moved) = moved else {
            tracing::warn!(chain.id = self.network.id(), %wallet, nonce, tx = %user.tx, "Not known yet what it paid");
            return Ok(false);
        };
        let ours = moved.into_iter().find(|payment| payment.from.as_ref() == Some(address));
        let intended = intended(user);
        let look = move |state: &State| {
            let paid = match ours {
                Some(payment) => Some((payment.asset, payment.amount.ok()?, payment.to)),
                // It was reverted: what it would have paid says what it was for.
                None if !success => intended,
                None => None,
            };
            let (asset, amount, to) = paid?;
            Some((crate::watch::asset_of(state, ix, &asset)?, amount, to))
        };
        let paid = self.books.query(look).await?;
        let Some(depth) = finality::depth(&inclusion.block, heads, self.network.quorum()) else { return Ok(false) };
        let (tx, block, gas) = (user.tx, inclusion.block, inclusion.cost);
        tracing::warn!(chain.id = self.network.id(), %wallet, nonce, %tx, "Adopted a transaction of our key");
        let adopt = Command::AdoptDispatch { wallet, nonce, tx, block, success, paid, gas, depth };
        Ok(self.books.submit(adopt).await?.is_ok())
    }

    /// Whether nothing of this network's wallets is outside the journal: no nonce beyond ours is used or waits in the pool of
    /// any configured node, and every nonce that payouts may have been signed for behind the end of the journal is used for
    /// good. Bytes lie in more pools than we can ask; that they cannot count any more, only their nonce proves.
    ///
    /// # Errors
    /// Those of asking, also when one node is silent: then it is not known, and recovery goes on.
    pub async fn is_searched(&self, ix: NetworkIx) -> Result<bool, Error> {
        let windows = self.memory().windows.clone();
        let look = move |state: &State| searched(state, ix, &windows);
        let Some(ours) = self.books.query(look).await? else { return Ok(false) };
        let heads = self.network.heads().await?;
        // What came in meanwhile is what may have been paid from.
        let scanned = self.books.query(move |state| state.network(ix).and_then(|row| row.head()).map(|at| at.height));
        if scanned.await? < Some(heads.finalized.map_or(0, |block| block.height)) {
            return Ok(false);
        }
        for Searched { address, next, all_used_below } in ours {
            let latest = self.network.nonce_at(&address, At::Block(heads.latest.hash)).await?;
            if latest > next || self.network.nonce_in_pools(&address, true).await? > next {
                return Ok(false);
            }
            if let Some(to) = all_used_below
                && self.network.nonce_at(&address, self.last_state(ix, &heads).await?).await? < to
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The newest state that can never go away.
    async fn last_state(&self, ix: NetworkIx, heads: &Heads) -> Result<At, Error> {
        let depth = self.books.query(move |state| state.network(ix).map_or(0, |row| row.policy.reorg_depth)).await?;
        let buried = At::Height(heads.latest.height.saturating_sub(depth.into()));
        Ok(heads.finalized.map_or(buried, |block| At::Block(block.hash)))
    }
}

/// What has to be so before a wallet counts as searched.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Searched {
    address: Address,
    next: u64,
    all_used_below: Option<u64>,
}

/// What to ask about the wallets of a network; nothing while the books themselves say that it is not searched.
fn searched(state: &State, ix: NetworkIx, windows: &BTreeMap<WalletIx, Window>) -> Option<Vec<Searched>> {
    let mut ours = Vec::new();
    for (id, row) in state.wallets().filter(|(_, row)| row.network == ix) {
        let pays = super::fill::may_have_paid(state, row);
        let to = windows.get(&id).map(|window| window.to);
        match row.next_nonce {
            None if row.role == Role::Hot && pays => return None,
            None => {}
            Some(next) if pays && to.is_none_or(|to| next < to) => return None,
            Some(next) => {
                ours.push(Searched { address: row.address.clone(), next, all_used_below: to.filter(|_| pays) });
            }
        }
    }
    Some(ours)
}

/// What a transaction would have paid, from its own fields.
fn intended(user: &tokengine_chain::NonceUser) -> Option<(tokengine_chain::Asset, tokengine_core::Amount, Address)> {
    use tokengine_chain::Asset;
    use tokengine_chain::evm::tx::Payload;
    let payload = Payload { to: user.to.clone()?, value: user.value, input: user.input.clone() };
    match payload.token_transfer() {
        Some((to, amount)) => Some((Asset::Contract(payload.to), amount, to)),
        None if !payload.value.is_zero() => Some((Asset::Native, payload.value, payload.to)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{HOT, NET, USD, world};

    #[test]
    fn after_a_restore_the_nonces_that_may_have_been_signed_for_are_bounded_and_stay_so() {
        let (now, waits) = (Time(1_000), Time(91_000));
        let window = |known, waiting, used| super::window(known, waiting, used, 16, now, waits);
        let opened = Window { to: 21, from: waits };
        for (case, known, waiting, used, expected) in [
            ("nothing waits in any pool", None, false, 5, Window { to: 21, from: now }),
            ("something waits: it has its time", None, true, 7, Window { to: 23, from: waits }),
            ("fillers are in blocks: it does not move on", Some(opened), false, 21, Window { to: 21, from: now }),
            ("it still waits", Some(opened), true, 7, opened),
        ] {
            assert_eq!(window(known, waiting, used), expected, "{case}");
        }
    }

    #[test]
    fn a_network_is_searched_only_when_every_nonce_that_may_have_been_signed_for_is_taken() {
        let mut world = world();
        let window = |to| BTreeMap::from([(HOT, Window { to, from: Time(0) })]);
        let of = |all_used_below, name| Searched { address: crate::testing::address(name), next: 0, all_used_below };
        let ours = searched(&world.state, NET, &BTreeMap::new());
        assert_eq!(ours, Some(vec![of(None, "HOT"), of(None, "GAS")]), "with nothing in it, it cannot have paid");
        world.deposit("alice", "HOT", USD, 500);
        assert_eq!(searched(&world.state, NET, &BTreeMap::new()), None, "not compared yet");
        assert_eq!(searched(&world.state, NET, &window(1)), None, "nonce 0 may have been signed for");
        let ours = searched(&world.state, NET, &window(0));
        assert_eq!(ours, Some(vec![of(Some(0), "HOT"), of(None, "GAS")]), "a gas wallet pays nobody but us");
        let (address, key) = (crate::testing::address("HOT-2"), "hot-2".into());
        world.ok(Command::ListWallet { request: None, network: NET, address, role: Role::Hot, key });
        assert!(searched(&world.state, NET, &window(0)).is_some(), "a new one is empty");
        world.deposit("alice", "HOT-2", USD, 500);
        assert_eq!(searched(&world.state, NET, &window(0)), None, "the other hot wallet may have paid as well");
    }

    #[test]
    fn f3_a_nonce_that_is_not_ours_is_noticed_and_a_new_wallet_waits_until_its_own_is_settled() {
        for (case, books, latest, last, pending, expected) in [
            ("a new wallet", None, 0, 0, 0, Compared::Ready(0)),
            ("a wallet with a past", None, 7, 7, 7, Compared::Ready(7)),
            ("its last one may still go away", None, 7, 6, 7, Compared::NotSettled),
            ("something of it is in a pool", None, 7, 7, 8, Compared::NotSettled),
            ("nothing of ours is mined yet", Some(9), 7, 7, 9, Compared::Fits),
            ("all of ours is mined", Some(9), 9, 7, 9, Compared::Fits),
            ("F3 one that is not ours", Some(9), 10, 7, 10, Compared::Foreign),
        ] {
            assert_eq!(judge(books, latest, last, pending), expected, "{case}");
        }
    }
}
