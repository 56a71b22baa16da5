//! Which of the payments that a block shows are deposits. Pure: nothing is asked, nothing is credited.

use tokengine_chain::{Asset, Outcome, Payment};
use tokengine_core::{AccountIx, Address, AssetIx, DepositKey, Incoming, Locator, NetworkIx, Role, State};

/// Who is named as the sender where the network names none: value that was minted.
const NOBODY: &str = "0x0000000000000000000000000000000000000000";

/// What one payment is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sorted {
    /// A deposit, but for what only the network can add.
    Deposit(Box<Draft>),
    /// None.
    Ignored(Why),
}

/// Why a payment is no deposit. It is counted and never shown by a token's own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Its transaction was reverted: nothing moved.
    Reverted,
    /// Its amount does not fit 128 bits.
    TooLarge,
    /// Nothing was paid.
    Zero,
    /// Before the first block that counts.
    BeforeStart,
    /// Not to a wallet of ours, or of no listed asset.
    NotOurs,
    /// From a wallet of ours: a sweep, a top-up, a payout to ourselves.
    OwnPayment,
}

/// A deposit that may still lack whether its sender is a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What was seen; `from_contract` is settled unless `ask_code`.
    pub incoming: Incoming,
    /// Who is credited depends on whether the sender is a contract.
    pub ask_code: bool,
}

/// The listed asset that a network's asset is.
pub fn asset_of(state: &State, network: NetworkIx, asset: &Asset) -> Option<AssetIx> {
    match asset {
        Asset::Native => state.network(network)?.native,
        Asset::Contract(contract) => {
            let is = |row: &tokengine_core::Asset| row.network == network && row.contract.as_ref() == Some(contract);
            state.assets().find(|(_, row)| is(row)).map(|(ix, _)| ix)
        }
    }
}

/// Says what one payment is to us, by the state's wallets and assets.
pub fn sort(state: &State, network: NetworkIx, payment: &Payment) -> Sorted {
    let ours = state.wallet_at(network, &payment.to).and_then(|ix| Some((ix, state.wallet(ix)?)));
    let asset = asset_of(state, network, &payment.asset);
    let (Some((wallet, row)), Some(asset)) = (ours, asset) else { return Sorted::Ignored(Why::NotOurs) };
    if payment.outcome == Outcome::Reverted {
        return Sorted::Ignored(Why::Reverted);
    }
    if state.network(network).is_some_and(|row| payment.block.height <= row.starts_after) {
        return Sorted::Ignored(Why::BeforeStart);
    }
    let Ok(amount) = payment.amount else { return Sorted::Ignored(Why::TooLarge) };
    if amount.is_zero() {
        return Sorted::Ignored(Why::Zero);
    }
    let sender = payment.from.as_ref().and_then(|from| state.wallet(state.wallet_at(network, from)?));
    if sender.is_some_and(|sender| sender.role != Role::Cold) {
        return Sorted::Ignored(Why::OwnPayment);
    }
    let from = payment.from.clone().unwrap_or_else(|| Address::new(NOBODY).expect("a constant of 42 characters"));
    // The sender of a transaction is a key's account; who is in a log or a trace may be a contract. It matters only
    // where the sender is who is credited, and is not known yet.
    let by_sender = row.role.credits_sender() && account_of(state, network, &from).is_none();
    let ask_code = payment.from.is_some() && by_sender && payment.locator != Locator::Value;
    let key = DepositKey { network, tx: payment.tx, locator: payment.locator.clone() };
    let from_contract = payment.from.is_none();
    let incoming = Incoming { key, asset, wallet, from, from_contract, amount, block: payment.block };
    Sorted::Deposit(Box::new(Draft { incoming, ask_code }))
}

fn account_of(state: &State, network: NetworkIx, address: &Address) -> Option<AccountIx> {
    state.account_by_name(&format!("{}:{address}", state.network(network)?.id))
}

/// Whose a deposit would become by what is linked now; nobody's when it would go to suspense or open a new account.
pub fn owner(state: &State, incoming: &Incoming) -> Option<AccountIx> {
    match state.wallet(incoming.wallet)?.role {
        Role::Deposit(account) => state.account(account),
        Role::Gas => None,
        Role::Hot | Role::Cold | Role::Retiring => account_of(state, incoming.key.network, &incoming.from),
    }
}

#[cfg(test)]
mod tests {
    use tokengine_chain::TooLarge;
    use tokengine_core::Amount;

    use super::*;
    use crate::testing::*;

    fn what(change: impl FnOnce(&mut Payment)) -> Sorted {
        let world = world();
        let mut payment = payment("alice", "HOT", 50);
        change(&mut payment);
        sort(&world.state, NET, &payment)
    }

    /// Cases A3, A4, A23: an unlisted contract, nothing at all, nobody in particular.
    #[test]
    fn only_value_that_moved_from_outside_to_us_is_a_deposit() {
        for (case, sorted, expected) in [
            ("a plain one", what(|_| {}), None),
            ("A1 reverted", what(|p| p.outcome = Outcome::Reverted), Some(Why::Reverted)),
            ("A3 a token that is not listed", what(|p| p.asset = Asset::Contract(address("FAKE"))), Some(Why::NotOurs)),
            ("A4 nothing", what(|p| p.amount = Ok(Amount::ZERO)), Some(Why::Zero)),
            ("A14 to somebody else", what(|p| p.to = address("bob")), Some(Why::NotOurs)),
            ("A25 above 128 bits", what(|p| p.amount = Err(TooLarge)), Some(Why::TooLarge)),
            ("before the first block that counts", what(|p| p.block = block(100)), Some(Why::BeforeStart)),
            ("a sweep", what(|p| p.from = Some(address("ALICE-IN"))), Some(Why::OwnPayment)),
            ("a refill from a cold wallet", what(|p| p.from = Some(address("COLD"))), None),
            ("A23 minted, in nobody's name", what(|p| p.from = None), None),
        ] {
            match (sorted, expected) {
                (Sorted::Deposit(_), None) => {}
                (Sorted::Ignored(why), Some(expected)) => assert_eq!(why, expected, "{case}"),
                (sorted, _) => panic!("{case}: {sorted:?}"),
            }
        }
    }

    #[test]
    fn whether_the_sender_is_a_contract_is_asked_only_where_it_decides_who_is_credited() {
        for (case, from, to, locator, ask) in [
            ("a log to a hot wallet", Some("stranger"), "HOT", Locator::Log(0), true),
            ("a log of a sender who has an account", Some("alice"), "HOT", Locator::Log(0), false),
            ("a top-level payment is by a key", Some("stranger"), "HOT", Locator::Value, false),
            ("inside a contract", Some("stranger"), "HOT", Locator::Trace([0].into()), true),
            ("to a deposit address", Some("stranger"), "ALICE-IN", Locator::Log(0), false),
            ("minted", None, "HOT", Locator::Log(0), false),
        ] {
            let sorted = what(|p| (p.from, p.to, p.locator) = (from.map(address), address(to), locator));
            let Sorted::Deposit(draft) = sorted else { panic!("{case}") };
            assert_eq!((draft.ask_code, draft.incoming.from_contract), (ask, from.is_none()), "{case}");
        }
    }

    #[test]
    fn a13_two_equal_transfers_of_one_transaction_are_two_deposits() {
        let keys = [0, 1].map(|log| match what(|p| p.locator = Locator::Log(log)) {
            Sorted::Deposit(draft) => draft.incoming.key,
            Sorted::Ignored(why) => panic!("{why:?}"),
        });
        assert_ne!(keys[0], keys[1]);
    }
}
