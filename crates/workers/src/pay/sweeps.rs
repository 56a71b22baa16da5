//! Doing what the sweeper planned: how much gas it takes is asked first, and given where it is missing.

use tokengine_chain::{Accounts, fees};
use tokengine_core::{Amount, AssetIx, Command, NetworkIx, Purpose, Role, State, Time, WalletIx};
use tokengine_engine::failpoint;

use super::{Driver, Payment, payment};
use crate::sweep::{Costs, Deferred, Funding, fund};
use crate::{Books, Error};

/// Sweeps that wait are looked at again after this.
const DEFERRED_MS: u64 = 60_000;

struct Found {
    nonce: u64,
    from: tokengine_core::Address,
    payment: Payment,
    is_native: bool,
    available: Amount,
    coin: Amount,
    sweep_from: Amount,
    ix: NetworkIx,
    given_today: Amount,
}

fn found(state: &State, wallet: WalletIx, asset: AssetIx, to: WalletIx, now: Time) -> Option<Found> {
    let row = state.wallet(wallet)?;
    let native = state.network(row.network)?.native?;
    let available = row.holding(asset).available();
    Some(Found {
        nonce: row.next_nonce?,
        from: row.address.clone(),
        payment: payment(state, asset, &state.wallet(to)?.address, available)?,
        is_native: asset == native,
        available,
        coin: row.holding(native).available(),
        sweep_from: state.asset(asset)?.rules.sweep_from,
        ix: row.network,
        given_today: state.topped_up(row.network, now),
    })
}

/// Who gives coin for gas: a gas wallet, else a hot one.
fn giver(state: &State, ix: NetworkIx, need: Amount, fits: impl Fn(WalletIx) -> bool) -> Option<(WalletIx, u64)> {
    let native = state.network(ix)?.native?;
    let able = |role: Role| {
        let of = state.house_wallets().filter(move |(_, row)| row.network == ix && row.role == role);
        of.filter(|(id, row)| row.frozen.is_none() && fits(*id) && row.holding(native).available() >= need)
            .find_map(|(id, row)| Some((id, row.next_nonce?)))
    };
    able(Role::Gas).or_else(|| able(Role::Hot))
}

impl<B: Books, N: Accounts> Driver<B, N> {
    pub(super) async fn sweep(&self, wallet: WalletIx, asset: AssetIx, to: WalletIx, now: Time) -> Result<(), Error> {
        let Some(found) = self.books.query(move |state| found(state, wallet, asset, to, now)).await? else {
            return Ok(());
        };
        let Some(suggestion) = self.memory().suggestion else { return Ok(()) };
        let Ok(offer) = fees::first(&self.rules.fees, &suggestion) else { return self.defer(wallet, now) };
        // Coin to a hot wallet is a plain transfer; asking about all of it would leave nothing for its own gas.
        let gas = if found.is_native {
            tokengine_chain::evm::tx::PLAIN_GAS
        } else {
            match self.estimate(&found.from, &found.payment).await? {
                Ok(gas) => gas,
                Err(_) => return self.defer(wallet, now),
            }
        };
        let cost = offer.worst_cost(gas, self.data_fee().await?).ok_or(Error::Overflow("the cost of gas"))?;
        let Found { is_native, available, coin, sweep_from, given_today, .. } = found;
        match fund(&Costs { is_native, available, coin, gas: cost, sweep_from, given_today }, &self.rules.sweep) {
            Funding::Move(amount) => {
                self.memory().gas.insert((wallet, found.nonce), gas);
                let purpose = Purpose::Sweep { to, asset, amount };
                let opened = self.open_one(wallet, found.nonce, purpose, cost).await?;
                self.unless(opened, wallet, now);
            }
            Funding::TopUp(amount) => {
                let plain = offer.worst_cost(tokengine_chain::evm::tx::PLAIN_GAS, self.data_fee().await?);
                let plain = plain.ok_or(Error::Overflow("the cost of gas"))?;
                let need = amount.checked_add(plain).ok_or(Error::Overflow("a top-up"))?;
                let (memory, ix) = (self.memory().clone(), found.ix);
                let fits = move |wallet| memory.nonce_fits(wallet) == Some(true);
                let Some((giver, nonce)) = self.books.query(move |state| giver(state, ix, need, fits)).await? else {
                    tracing::info!(chain.id = self.network.id(), %wallet, "No wallet can give gas for a sweep now");
                    self.unless(false, wallet, now);
                    return Ok(());
                };
                self.memory().gas.insert((giver, nonce), tokengine_chain::evm::tx::PLAIN_GAS);
                let opened = self.open_one(giver, nonce, Purpose::TopUp { to: wallet, amount }, plain).await?;
                self.unless(opened, wallet, now);
            }
            Funding::Deferred(why) => {
                if why == Deferred::DailyLimit {
                    tracing::warn!(chain.id = self.network.id(), "The day's coin for sweeps is used up");
                }
                return self.defer(wallet, now);
            }
        }
        Ok(())
    }

    async fn open_one(
        &self,
        wallet: WalletIx,
        nonce: u64,
        purpose: Purpose,
        gas_reserve: Amount,
    ) -> Result<bool, Error> {
        failpoint::hit("sweep.before_open");
        let opened = self.books.submit(Command::OpenDispatch { wallet, nonce, purpose, gas_reserve }).await?;
        failpoint::hit("sweep.after_open");
        Ok(opened.is_ok())
    }

    /// What was refused now is not tried again at once.
    fn unless(&self, opened: bool, wallet: WalletIx, now: Time) {
        if !opened {
            let later = self.later(now);
            self.memory().wallets_rest.insert(wallet, later);
        }
    }

    fn defer(&self, wallet: WalletIx, now: Time) -> Result<(), Error> {
        self.memory().wallets_rest.insert(wallet, now.plus_ms(DEFERRED_MS));
        Ok(())
    }
}
