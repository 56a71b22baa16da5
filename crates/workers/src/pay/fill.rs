//! Nonces that nobody will use: in a queue, those behind one of them never get into a block. And after a restore, nonces
//! that somebody may have used: what was signed for them, and is in no journal, counts until they are used by something else.
//!
//! Both are taken by fillers, which move nothing, and go the way of every payment: bound, signed, journaled, sent, proven.

use tokengine_chain::{Accounts, fees};
use tokengine_core::{Command, NetworkIx, Purpose, Rejection, Role, State, Time, Wallet, WalletIx};
use tokengine_engine::failpoint;

use super::{Driver, Job, Memory};
use crate::{Books, Error};

/// Whether payouts may have been signed for behind the end of the journal: what is in the wallet by now could have paid one.
/// Sweeps and top-ups only go to ourselves, so that one more of them is paid to nobody else.
pub(super) fn may_have_paid(state: &State, row: &Wallet) -> bool {
    match row.role {
        Role::Hot => row.holdings.iter().any(|(_, holding)| !holding.amount.is_zero()),
        // It paid when it was hot; what is left in it since is not worth a search that waits for its gas.
        Role::Retiring => state.payouts().any(|(_, payout)| {
            let here = state.asset(payout.order.asset).is_some_and(|asset| asset.network == row.network);
            here && row.holding(payout.order.asset).amount >= payout.order.amount
        }),
        Role::Cold | Role::Gas | Role::Deposit(_) => false,
    }
}

/// The fillers that recovery needs now. Pure.
pub(super) fn fillers(state: &State, ix: NetworkIx, memory: &Memory, now: Time) -> Vec<Job> {
    let Some(network) = state.network(ix) else { return Vec::new() };
    if state.recovery().is_none() || state.is_paused() || network.paused || network.halted.is_some() {
        return Vec::new();
    }
    let most = usize::from(network.policy.max_in_flight);
    let job = |(wallet, row): (WalletIx, &Wallet)| {
        let window = memory.windows.get(&wallet).filter(|window| window.from <= now)?;
        let nonce = row.next_nonce.filter(|_| memory.nonce_fits(wallet) == Some(true) && !memory.rests(wallet, now))?;
        let room = u64::try_from(most.saturating_sub(state.in_flight(wallet))).ok()?;
        let count = window.to.saturating_sub(nonce).min(room);
        (count > 0).then_some(Job::Fill { wallet, nonce, count })
    };
    let pays = |row: &Wallet| row.network == ix && may_have_paid(state, row);
    state.house_wallets().filter(|(_, row)| pays(row)).filter_map(job).collect()
}

impl<B: Books, N: Accounts> Driver<B, N> {
    pub(super) async fn fill(&self, wallet: WalletIx, first: u64, count: u64, now: Time) -> Result<(), Error> {
        let Some(suggestion) = self.memory().suggestion else { return Ok(()) };
        let until = self.later(now);
        let Ok(offer) = fees::first(&self.rules.fees, &suggestion) else {
            self.memory().wallets_rest.insert(wallet, until);
            return Ok(());
        };
        let cost = offer.worst_cost(tokengine_chain::evm::tx::PLAIN_GAS, self.data_fee().await?);
        let gas_reserve = cost.ok_or(Error::Overflow("the cost of gas"))?;
        let open = |nonce| Command::OpenDispatch { wallet, nonce, purpose: Purpose::Noop, gas_reserve };
        failpoint::hit("fill.before_open");
        let answers = self.books.submit_many((first..first.saturating_add(count)).map(open).collect()).await?;
        failpoint::hit("fill.after_open");
        if let Some(rejection) = answers.into_iter().find_map(Result::err) {
            if rejection == Rejection::WaitLiquidity {
                tracing::error!(chain.id = self.network.id(), %wallet, "No coin to take the nonces that a restore may have lost");
            }
            self.memory().wallets_rest.insert(wallet, until);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokengine_core::Amount;

    use super::*;
    use crate::pay::Window;
    use crate::testing::{COIN, HOT, NET, world};

    #[test]
    fn f4_after_a_restore_every_nonce_that_may_have_been_signed_for_is_taken_before_anything_new() {
        let mut world = world();
        world.deposit("alice", "HOT", COIN, 1_000_000);
        let mut memory = world.memory();
        let fillers =
            |world: &crate::testing::World, memory: &Memory| super::fillers(&world.state, NET, memory, Time(5));
        memory.windows.insert(HOT, Window { to: 5, from: Time(5) });
        assert_eq!(fillers(&world, &memory), [], "only in recovery");
        world.ok(Command::StartRecovery { reason: "restored".into() });
        assert_eq!(fillers(&world, &memory), [Job::Fill { wallet: HOT, nonce: 0, count: 3 }], "three may be in flight");
        for (case, change) in [
            ("not compared at this head", (|memory| memory.nonces.clear()) as fn(&mut Memory)),
            ("foreign nonces are adopted first", |memory| memory.nonces.get_mut(&HOT).expect("known").foreign = true),
            ("what waits in a pool has its time", |memory| memory.windows.get_mut(&HOT).expect("known").from = Time(6)),
            ("something failed with it", |memory| memory.wallets_rest.extend([(HOT, Time(6))])),
            ("it is not known yet which", |memory| memory.windows.clear()),
        ] {
            let mut memory = memory.clone();
            change(&mut memory);
            assert_eq!(fillers(&world, &memory), [], "{case}");
        }
        let gas_reserve = Amount::new(1_000);
        for nonce in 0..3 {
            world.ok(Command::OpenDispatch { wallet: HOT, nonce, purpose: Purpose::Noop, gas_reserve });
        }
        assert_eq!(fillers(&world, &memory), [], "the others have their turn when these are in a block");
        memory.windows.insert(HOT, Window { to: 3, from: Time(0) });
        assert_eq!(fillers(&world, &memory), [], "no more than may have been signed for");
    }
}
