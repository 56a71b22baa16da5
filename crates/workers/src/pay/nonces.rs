//! Our nonces and the network's. A nonce that the network has used and the books have not is somebody else's use of our
//! key, or ours from before a restore: nothing is signed until it is known by what.

use tokengine_chain::{Accounts, At, Heads, NonceUse, TxStatus, finality};
use tokengine_core::{Address, Command, State, Time, WalletIx};

use super::{Driver, Nonce};
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

impl<B: Books, N: Accounts> Driver<B, N> {
    pub(super) async fn compare(&self, wallet: WalletIx, _now: Time) -> Result<(), Error> {
        let Some(heads) = self.memory().heads else { return Ok(()) };
        let look = move |state: &State| {
            let row = state.wallet(wallet)?;
            Some((row.address.clone(), row.next_nonce, state.recovery().is_some(), row.frozen.is_some()))
        };
        let Some((address, books, recovery, frozen)) = self.books.query(look).await? else { return Ok(()) };
        let latest = self.network.nonce_at(&address, At::Block(heads.latest.hash)).await?;
        let first = !self.memory().compared.contains(&wallet);
        let (mut last, mut pending) = (latest, latest);
        if books.is_none() || first {
            last = self.last_nonce(&address, &heads).await?;
            pending = self.network.nonce_at(&address, At::Pending).await?;
        }
        let compared = judge(books, latest, last, pending);
        match compared {
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
            tracing::error!(network.id = self.network.id(), %wallet, "Somebody else uses the key of a wallet");
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
                tracing::error!(network.id = self.network.id(), %wallet, nonce, "No node can say what used a nonce of ours");
                return Ok(());
            };
            let (inclusion, success) = match self.network.status(user.tx).await? {
                TxStatus::InBlock(inclusion) => (inclusion, true),
                TxStatus::Reverted(inclusion) => (inclusion, false),
                TxStatus::Unknown | TxStatus::InMempool => return Ok(()),
            };
            // Adopted without what it paid, the payout would be paid again: it waits until that is known.
            let moved = self.moved_by(user.tx, &user.block).await?.filter(|_| inclusion.block.hash == user.block.hash);
            let Some(moved) = moved else {
                tracing::warn!(network.id = self.network.id(), %wallet, nonce, tx = %user.tx, "Not known yet what it paid");
                return Ok(());
            };
            let ours = moved.into_iter().find(|payment| payment.from.as_ref() == Some(address));
            let intended = intended(&user);
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
            let Some(depth) = finality::depth(&inclusion.block, heads, self.network.quorum()) else { return Ok(()) };
            let (tx, block, gas) = (user.tx, inclusion.block, inclusion.cost);
            tracing::warn!(network.id = self.network.id(), %wallet, nonce, %tx, "Adopted a transaction of our key");
            let adopt = Command::AdoptDispatch { wallet, nonce, tx, block, success, paid, gas, depth };
            if self.books.submit(adopt).await?.is_err() {
                return Ok(());
            }
        }
    }

    /// Whether nothing of this network's wallets is outside the journal: no nonce beyond ours is used or waits in a pool.
    ///
    /// # Errors
    /// Those of asking: then it is not known, and recovery goes on.
    pub async fn is_searched(&self, ix: tokengine_core::NetworkIx) -> Result<bool, Error> {
        let look = move |state: &State| -> Vec<(Address, u64)> {
            let ours = state.wallets().filter(|(_, row)| row.network == ix);
            ours.filter_map(|(_, row)| Some((row.address.clone(), row.next_nonce?))).collect()
        };
        let heads = self.network.heads().await?;
        for (address, next) in self.books.query(look).await? {
            let latest = self.network.nonce_at(&address, At::Block(heads.latest.hash)).await?;
            let pending = self.network.nonce_at(&address, At::Pending).await?;
            if latest > next || pending > next {
                return Ok(false);
            }
        }
        Ok(true)
    }
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
