//! What a claim comes to. Pure. A claim hurries a deposit and decides nothing: who is credited follows from the network.

use tokengine_chain::Payment;
use tokengine_core::{
    AccountIx, ClaimOutcome, ClaimRefusal, Incoming, NetworkIx, Rejection, State, Time, TraceContext,
};

use super::sort::{Sorted, Why, owner, sort};

/// What the nodes said about a claimed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// No node knows it.
    NotFound,
    /// Known, and not in a block that the nodes agree on.
    Pending,
    /// Reverted.
    Reverted {
        /// In a block that can never go away.
        is_final: bool,
    },
    /// In a block; what it paid to wallets of ours.
    Paid(Vec<Payment>),
}

/// Who claims, since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The account, if one did.
    pub by: Option<AccountIx>,
    /// Since when.
    pub at: Time,
    /// The trace of whoever asked first.
    pub trace: Option<TraceContext>,
}

/// How a claim ends, or `None` while it stays open. What it found is to be submitted first.
pub fn judge(
    state: &State,
    network: NetworkIx,
    claim: Claimant,
    looked: &Looked,
    now: Time,
    lookup_ms: u64,
) -> Option<ClaimOutcome> {
    let refused = |why| Some(ClaimOutcome::Refused(why));
    match looked {
        Looked::NotFound if now.ms_since(claim.at) >= lookup_ms => refused(ClaimRefusal::NotFound),
        Looked::NotFound | Looked::Pending | Looked::Reverted { is_final: false } => None,
        Looked::Reverted { is_final: true } => refused(ClaimRefusal::Reverted),
        Looked::Paid(payments) => {
            let sorted: Vec<Sorted> = payments.iter().map(|payment| sort(state, network, payment)).collect();
            let ours: Vec<&Incoming> = sorted
                .iter()
                .filter_map(|sorted| match sorted {
                    Sorted::Deposit(draft) => Some(&draft.incoming),
                    Sorted::Ignored(_) => None,
                })
                .collect();
            if ours.is_empty() {
                let too_large = sorted.contains(&Sorted::Ignored(Why::TooLarge));
                return refused(if too_large { ClaimRefusal::TooLarge } else { ClaimRefusal::NothingForUs });
            }
            let claimant = claim.by.and_then(|account| state.account(account));
            let theirs = claim.by.is_none() || ours.iter().any(|incoming| owner(state, incoming) == claimant);
            if theirs { Some(ClaimOutcome::Found) } else { refused(ClaimRefusal::NotYours) }
        }
    }
}

/// Why a transfer fails whose claim was refused.
pub fn failure(why: ClaimRefusal) -> Rejection {
    match why {
        ClaimRefusal::NotFound | ClaimRefusal::Reverted | ClaimRefusal::NothingForUs => Rejection::UnknownDeposit,
        ClaimRefusal::NotYours => Rejection::DepositElsewhere,
        ClaimRefusal::TooLarge => Rejection::Overflow,
    }
}

#[cfg(test)]
mod tests {
    use tokengine_chain::Outcome;

    use super::*;
    use crate::testing::*;

    /// Cases A1 (a failed transaction pays nothing), A14, A25, A27.
    #[test]
    fn a_claim_ends_by_what_the_network_shows() {
        use ClaimOutcome::{Found, Refused};
        use ClaimRefusal::*;
        let mut world = world();
        let (alice, bob) = (world.account("alice"), world.account("bob"));
        let from = |who: &str, to: &str| Looked::Paid(vec![payment(who, to, 50)]);
        let large = Payment { amount: Err(tokengine_chain::TooLarge), ..payment("alice", "HOT", 1) };
        let reverted = Payment { outcome: Outcome::Reverted, ..payment("alice", "HOT", 1) };
        for (case, by, looked, waited, expected) in [
            ("not known yet", Some(alice), Looked::NotFound, 999, None),
            ("not known for too long", Some(alice), Looked::NotFound, 1_000, Some(Refused(NotFound))),
            ("in the pool", Some(alice), Looked::Pending, 9_999, None),
            ("reverted, and that may change", Some(alice), Looked::Reverted { is_final: false }, 9_999, None),
            ("A1 reverted for good", Some(alice), Looked::Reverted { is_final: true }, 0, Some(Refused(Reverted))),
            ("paid by the claimant", Some(alice), from("alice", "HOT"), 0, Some(Found)),
            ("A27 paid by somebody else", Some(bob), from("alice", "HOT"), 0, Some(Refused(NotYours))),
            ("A27 by somebody who has no account", Some(bob), from("carol", "HOT"), 0, Some(Refused(NotYours))),
            ("to the claimant's own address, by anyone", Some(alice), from("carol", "ALICE-IN"), 0, Some(Found)),
            ("A27 to another's address", Some(bob), from("bob", "ALICE-IN"), 0, Some(Refused(NotYours))),
            ("claimed by nobody in particular", None, from("alice", "HOT"), 0, Some(Found)),
            ("A14 it pays others", Some(alice), Looked::Paid(vec![]), 0, Some(Refused(NothingForUs))),
            ("A25 above 128 bits", Some(alice), Looked::Paid(vec![large]), 0, Some(Refused(TooLarge))),
            ("nothing moved", Some(alice), Looked::Paid(vec![reverted]), 0, Some(Refused(NothingForUs))),
        ] {
            let claim = Claimant { by, at: Time(5_000), trace: None };
            assert_eq!(judge(&world.state, NET, claim, &looked, Time(5_000 + waited), 1_000), expected, "{case}");
        }
    }
}
