//! The sweeper: what arrived at deposit addresses, and what retiring wallets hold, moves to a hot wallet. Pure; its jobs
//! are done by the payout driver, under the same rule as payouts.
//!
//! Accounts are credited before and without it: a sweep that waits costs nobody anything.

use tokengine_core::{Amount, AssetIx, NetworkIx, Role, State, Time, Wallet, WalletIx};

use crate::SweepRules;
use crate::pay::{Job, Memory};

/// Sweeps begun in one pass.
const AT_ONCE: usize = 16;

/// What can be swept now. A wallet is swept of one asset at a time, tokens first: the coin pays for moving them.
pub fn plan(state: &State, ix: NetworkIx, memory: &Memory, now: Time) -> Vec<Job> {
    let stopped = state.network(ix).is_none_or(|network| network.paused || network.halted.is_some());
    if stopped || state.is_paused() || state.recovery().is_some() || memory.suggestion.is_none() {
        return Vec::new();
    }
    let Some((to, _)) = hot_wallet(state, ix) else { return Vec::new() };
    let retiring = state.house_wallets().filter(|(_, row)| row.role == Role::Retiring);
    let all = state.wallets_to_sweep().chain(retiring).filter(|(_, row)| row.network == ix && row.frozen.is_none());
    let rested = all.filter(|(wallet, _)| !memory.rests(*wallet, now));
    let job = |(wallet, row): (WalletIx, &Wallet)| {
        let asset = sweepable(state, ix, row)?;
        if is_under_way(state, wallet) {
            return None;
        }
        // Its nonces are compared first; what does not fit is not signed for.
        match (memory.nonce_fits(wallet), row.next_nonce) {
            (Some(true), Some(_)) => Some(Job::Sweep { wallet, asset, to }),
            (None, _) => Some(Job::Compare(wallet)),
            (Some(_), _) => None,
        }
    };
    rested.filter_map(job).take(AT_ONCE).collect()
}

fn hot_wallet(state: &State, ix: NetworkIx) -> Option<(WalletIx, &Wallet)> {
    state.house_wallets().find(|(_, row)| row.network == ix && row.role == Role::Hot && row.frozen.is_none())
}

/// The first asset of which there is enough, the coin last.
fn sweepable(state: &State, ix: NetworkIx, wallet: &Wallet) -> Option<AssetIx> {
    let native = state.network(ix)?.native?;
    let enough = |asset: &AssetIx| {
        state.asset(*asset).is_some_and(|row| {
            let open = !row.paused && row.stopped.is_none() && row.short.is_none();
            let available = wallet.holding(*asset).available();
            open && !available.is_zero() && available >= row.rules.sweep_from
        })
    };
    let mut held: Vec<AssetIx> = wallet.holdings.iter().map(|(asset, _)| *asset).filter(enough).collect();
    held.sort_by_key(|asset| (*asset == native, *asset));
    held.first().copied()
}

/// A transaction of the wallet is on its way, or coin for its gas.
fn is_under_way(state: &State, wallet: WalletIx) -> bool {
    use tokengine_core::Purpose;
    state.dispatches().any(|(_, dispatch)| {
        dispatch.wallet == wallet || matches!(dispatch.purpose, Purpose::TopUp { to, .. } if to == wallet)
    })
}

/// What a sweep needs before it can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Funding {
    /// Nothing: it moves so much now.
    Move(Amount),
    /// So much native coin first.
    TopUp(Amount),
    /// A better day.
    Deferred(Deferred),
}

/// Why a sweep waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferred {
    /// Its gas costs more than it moves, or more than the operator allows.
    TooDear,
    /// The day's coin for gas is used up.
    DailyLimit,
}

/// What lies in the wallet, and what it costs to move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// The asset is the native coin.
    pub is_native: bool,
    /// How much of it can be moved, in its base units.
    pub available: Amount,
    /// How much native coin there is for gas.
    pub coin: Amount,
    /// The most that gas can cost.
    pub gas: Amount,
    /// What is swept at least, by the asset's rules.
    pub sweep_from: Amount,
    /// What was given for gas today.
    pub given_today: Amount,
}

/// Decides about one sweep.
pub fn fund(costs: &Costs, rules: &SweepRules) -> Funding {
    let dear = Funding::Deferred(Deferred::TooDear);
    if costs.is_native {
        let Some(rest) = costs.available.checked_sub(costs.gas) else { return dear };
        return if rest < costs.gas || rest < costs.sweep_from { dear } else { Funding::Move(rest) };
    }
    if costs.gas > rules.max_token_cost {
        return dear;
    }
    let Some(missing) = costs.gas.checked_sub(costs.coin).filter(|missing| !missing.is_zero()) else {
        return Funding::Move(costs.available);
    };
    let margin = costs.gas.base_units().saturating_mul(u128::from(rules.top_up_margin_percent)).div_ceil(100);
    let give = missing.checked_add(Amount::new(margin)).unwrap_or(Amount::MAX);
    match costs.given_today.checked_add(give) {
        Some(sum) if sum <= rules.top_up_a_day => Funding::TopUp(give),
        _ => Funding::Deferred(Deferred::DailyLimit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{COIN, GAS, HOT, NET, USD, world};

    #[test]
    fn f11_f12_a_sweep_waits_when_it_is_dearer_than_it_is_worth_or_the_day_is_spent() {
        use Funding::{Move, TopUp};
        let waits = Funding::Deferred;
        let (dear, spent) = (waits(Deferred::TooDear), waits(Deferred::DailyLimit));
        let rules = SweepRules {
            max_token_cost: Amount::new(1_000),
            top_up_a_day: Amount::new(5_000),
            top_up_margin_percent: 20,
        };
        let costs = |is_native, available, coin, gas, given_today| {
            let [available, coin, gas, given_today] = [available, coin, gas, given_today].map(Amount::new);
            Costs { is_native, available, coin, gas, sweep_from: Amount::new(50), given_today }
        };
        for (case, costs, expected) in [
            ("coin, less its gas", costs(true, 1_000, 0, 100, 0), Move(Amount::new(900))),
            ("F12 coin that hardly pays its own way", costs(true, 190, 0, 100, 0), dear),
            ("F12 less coin than gas", costs(true, 90, 0, 100, 0), dear),
            ("a token with gas", costs(false, 70, 100, 100, 0), Move(Amount::new(70))),
            ("a token without", costs(false, 70, 30, 100, 0), TopUp(Amount::new(90))),
            ("F12 a token while gas is dear", costs(false, 70, 5_000, 1_001, 0), dear),
            ("F11 the day is spent", costs(false, 70, 0, 100, 4_881), spent),
            ("F11 not quite", costs(false, 70, 0, 100, 4_880), TopUp(Amount::new(120))),
        ] {
            assert_eq!(fund(&costs, &rules), expected, "{case}");
        }
    }

    #[test]
    fn tokens_go_before_the_coin_that_pays_for_them_and_one_at_a_time() {
        let mut world = world();
        world.deposit("bob", "ALICE-IN", COIN, 5_000);
        world.deposit("bob", "ALICE-IN", USD, 700);
        let mut memory = world.memory();
        let wallet = world.wallet("ALICE-IN");
        assert_eq!(plan(&world.state, NET, &memory, Time(0)), [Job::Compare(wallet)]);
        world.ok(tokengine_core::Command::ReadyWallet { wallet, next_nonce: 0 });
        world.compared(&mut memory, "ALICE-IN");
        assert_eq!(plan(&world.state, NET, &memory, Time(0)), [Job::Sweep { wallet, asset: USD, to: HOT }]);
        let amount = Amount::new(1_000);
        let purpose = tokengine_core::Purpose::TopUp { to: wallet, amount };
        world.deposit("bob", "GAS", COIN, 5_000);
        let gas_reserve = Amount::new(10);
        world.ok(tokengine_core::Command::OpenDispatch { wallet: GAS, nonce: 0, purpose, gas_reserve });
        assert_eq!(plan(&world.state, NET, &memory, Time(0)), [], "its gas is on the way");
    }
}
