//! New blocks: each searched completely before the next, and before it counts as searched.

use futures_util::StreamExt;
use futures_util::stream;
use tokengine_chain::follower::{FollowRules, Followed};
use tokengine_chain::{Accounts, Payment};
use tokengine_core::{BlockRef, Command, Incoming, NetworkIx, Rejection};
use tokengine_engine::failpoint;

use super::Watcher;
use super::sort::{Sorted, sort};
use crate::{Books, Error};

/// Blocks asked for at once while catching up.
const AT_ONCE: usize = 8;

/// What following the head came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// Nothing new.
    Idle,
    /// Blocks were searched; there may be more.
    Searched,
    /// A reorg took blocks away.
    Rewound,
    /// All blocks that are remembered went away.
    Lost,
}

impl<B: Books, N: Accounts> Watcher<B, N> {
    /// Follows the chain up to `head`, one bounded step.
    pub(super) async fn advance(&self, ix: NetworkIx, head: BlockRef) -> Result<Advanced, Error> {
        let look = move |state: &tokengine_core::State| {
            let row = state.network(ix)?;
            let idle = row.head().is_some_and(|tip| tip.hash == head.hash);
            let ring: Vec<BlockRef> = row.scanned.iter().copied().collect();
            Some((ring, row.policy.reorg_depth, row.halted.is_some())).filter(|_| !idle)
        };
        let Some((ring, reorg_depth, halted)) = self.books.query(look).await? else { return Ok(Advanced::Idle) };
        let rules = |max_reorg| FollowRules { start: 0, max_reorg, batch: self.rules.scan_batch.max(1) };
        let mut followed = self.network.follow_to(head, &ring, rules(reorg_depth)).await?;
        if matches!(followed, Followed::TooDeep { .. }) {
            // Deeper than the policy: the books will halt payouts, but only when they know how deep it was.
            let all = u32::try_from(ring.len()).unwrap_or(u32::MAX);
            followed = self.network.follow_to(head, &ring, rules(all)).await?;
        }
        match followed {
            Followed::Idle | Followed::Stale => Ok(Advanced::Idle),
            Followed::Advance { blocks } => self.search(ix, blocks).await,
            Followed::Rewind { to, depth } if ring.contains(&to) => {
                tracing::warn!(chain.id = self.network.id(), depth, height = to.height, "Reorg");
                // Taken for done, it would be looked for again without a pause as long as they refuse it.
                let refused = |rejection| Error::NotRecorded { what: "a reorg", rejection };
                self.books.submit(Command::RewindScan { network: ix, to }).await?.map_err(refused)?;
                Ok(Advanced::Rewound)
            }
            // Said once: a person who resumes meanwhile must not find it halted again by what was seen before.
            Followed::Rewind { .. } | Followed::TooDeep { .. } if halted => Ok(Advanced::Lost),
            Followed::Rewind { depth, .. } | Followed::TooDeep { depth } => {
                let reason = format!(
                    "the nodes' chain has none of the last {} blocks that were searched (a reorg of at least {depth})",
                    ring.len()
                );
                if self.books.submit(Command::HaltNetwork { network: ix, reason: reason.into() }).await?.is_ok() {
                    tracing::error!(chain.id = self.network.id(), depth, "Halted: the chain that was followed is gone");
                }
                Ok(Advanced::Lost)
            }
        }
    }

    async fn search(&self, ix: NetworkIx, blocks: Vec<BlockRef>) -> Result<Advanced, Error> {
        // After the blocks are known: see there.
        let receivers = &self.receivers(ix).await?;
        let scan = |block: BlockRef| async move { (block, self.network.payments(block.hash, receivers).await) };
        let mut scans = stream::iter(blocks).map(scan).buffered(AT_ONCE);
        let (mut searched, mut payments, mut fault) = (Vec::new(), Vec::<Payment>::new(), None);
        while let Some((block, scan)) = scans.next().await {
            match scan {
                Ok(scan) => {
                    payments.extend(scan.payments);
                    searched.push(block);
                }
                Err(error) => {
                    fault = Some(error);
                    break;
                }
            }
        }
        drop(scans);
        if searched.is_empty() {
            return fault.map_or(Ok(Advanced::Idle), |error| Err(error.into()));
        }
        let deposits = self.deposits(ix, payments).await?;
        self.see(deposits).await?;
        failpoint::hit("deposit.before_scan");
        let scan = Command::ScanBlocks { network: ix, blocks: searched };
        // Taken for done, it would be asked again without a pause as long as they refuse it.
        let refused = |rejection| Error::NotRecorded { what: "searched blocks", rejection };
        self.books.submit(scan).await?.map_err(refused)?;
        // Some blocks are work done, and no reason to pause: with a node that fails now and then, catching up would else
        // be a few blocks a pause. Whatever it was, the next pass begins with the block that it kept from us.
        if let Some(error) = fault {
            tracing::debug!(chain.id = self.network.id(), error = %error, error.code = error.code(), "Search cut short");
        }
        Ok(Advanced::Searched)
    }

    /// The deposits among the payments, with all that only the network knows about them.
    pub(super) async fn deposits(&self, ix: NetworkIx, payments: Vec<Payment>) -> Result<Vec<Incoming>, Error> {
        if payments.is_empty() {
            return Ok(Vec::new());
        }
        let look = move |state: &tokengine_core::State| -> Vec<Sorted> {
            payments.iter().map(|payment| sort(state, ix, payment)).collect()
        };
        let mut drafts = Vec::new();
        for sorted in self.books.query(look).await? {
            match sorted {
                Sorted::Deposit(draft) => drafts.push(*draft),
                Sorted::Ignored(why) => tracing::debug!(chain.id = self.network.id(), ?why, "Payment ignored"),
            }
        }
        self.verify(ix, drafts).await
    }

    /// Tells the books what was paid. What they know already is refused, and that is fine.
    ///
    /// # Errors
    /// [`Error::NotRecorded`] for any other refusal, after all were told: a block with a deposit that is not in the books
    /// must not count as searched, nor a claim as found.
    pub(super) async fn see(&self, deposits: Vec<Incoming>) -> Result<(), Error> {
        let commands: Vec<Command> = deposits.into_iter().map(|deposit| Command::SeeDeposit { deposit }).collect();
        let answers = self.books.submit_many(commands).await?;
        match answers.into_iter().filter_map(Result::err).find(|rejection| !is_nothing_to_record(*rejection)) {
            Some(rejection) => Err(Error::NotRecorded { what: "a deposit", rejection }),
            None => Ok(()),
        }
    }
}

/// Whether a refused deposit is one that the books have, or one that they never will. Whatever else it is, the deposit
/// exists and the books lack it: the disk is full, or the search moved on under it and comes back to its block.
fn is_nothing_to_record(rejection: Rejection) -> bool {
    use Rejection::{AmountZero, BeforeStart, DepositKnown, DepositSettled, OwnPayment};
    matches!(rejection, AmountZero | BeforeStart | DepositKnown | DepositSettled | OwnPayment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_books_have_or_never_will_is_passed_over() {
        for (case, rejection, expected) in [
            ("seen before", Rejection::DepositKnown, true),
            ("credited before", Rejection::DepositSettled, true),
            ("a sweep", Rejection::OwnPayment, true),
            ("nothing was paid", Rejection::AmountZero, true),
            ("an earlier system's", Rejection::BeforeStart, true),
            ("the disk is full", Rejection::DiskFull, false),
            ("the search has another block there", Rejection::Stale, false),
            ("no room for another row", Rejection::TooMany, false),
            ("a wallet that sorting knew", Rejection::UnknownWallet, false),
        ] {
            assert_eq!(is_nothing_to_record(rejection), expected, "{case}");
        }
        let passed = Rejection::ALL.iter().filter(|rejection| is_nothing_to_record(**rejection));
        assert!(passed.clone().all(|rejection| !rejection.is_transient()), "what may be accepted later is not over");
        assert_eq!(passed.count(), 5);
    }
}
