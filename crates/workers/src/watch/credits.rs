//! What lies deep enough becomes the account's. The heads are told first, and nodes that have them say whether the block lies
//! below: a node that is stuck on a fork would else make a lost block look as deep as the other nodes' chain is long.

use std::collections::{BTreeMap, BTreeSet};

use tokengine_chain::{Accounts, Heads, Receivers, TxPayments, TxStatus, finality};
use tokengine_core::{
    BlockRef, ClaimOutcome, Command, DepositKey, NetworkIx, Rejection, Time, TraceContext, TransferId, TxId,
};
use tokengine_engine::failpoint;

use super::claims::{Claimant, Looked, failure, judge};
use super::plan::Due;
use super::{Step, Watcher, plan};
use crate::trace::{deposit_span, within};
use crate::{Books, Error};

impl<B: Books, N: Accounts> Watcher<B, N> {
    pub(super) async fn credit(&self, ix: NetworkIx, heads: &Heads) -> Result<(), Error> {
        let (heads, nodes) = (*heads, self.network.quorum());
        let due = self.books.query(move |state| plan::due(state, ix, &heads, nodes)).await?;
        if due.is_empty() {
            return Ok(());
        }
        let blocks: Vec<BlockRef> = due.iter().map(|due| due.block).collect::<BTreeSet<_>>().into_iter().collect();
        let below = self.network.lie_below(&heads, &blocks).await?;
        let there: BTreeMap<BlockRef, bool> = blocks.into_iter().zip(below).collect();
        // A18: a token that was upgraded since is found out before anything of it counts.
        let unknown = self.prober.check(ix, &heads).await?;
        let credit = |Due { key, asset, block, trace }: Due| {
            let sure = there.get(&block) == Some(&true) && !unknown.contains(&asset);
            let depth = finality::depth(&block, &heads, nodes).filter(|_| sure)?;
            Some(((key.tx, trace), Command::CreditDeposit { key, block, depth }))
        };
        let (told, commands): (Vec<_>, Vec<Command>) = due.into_iter().filter_map(credit).unzip();
        if commands.is_empty() {
            return Ok(());
        }
        failpoint::hit("deposit.before_credit");
        for ((tx, trace), answer) in told.into_iter().zip(self.books.submit_many(commands).await?) {
            let _end = deposit_span("credit", self.network.id(), tx, trace).entered();
            match answer {
                Ok(()) => tracing::info!("Deposit credited"),
                Err(rejection) => tracing::info!(rejection = rejection.code(), "Deposit not credited"),
            }
        }
        failpoint::hit("deposit.after_credit");
        Ok(())
    }

    /// What the nodes say about one transaction.
    async fn look_up(&self, ix: NetworkIx, tx: TxId, to: &Receivers, heads: &Heads) -> Result<Looked, Error> {
        let paid = match self.network.payments_of(tx, to).await? {
            TxPayments::NotFound => return Ok(Looked::NotFound),
            TxPayments::Pending => return Ok(Looked::Pending),
            TxPayments::InBlock(_, scan) => scan.payments,
        };
        match self.network.status(tx).await? {
            TxStatus::Reverted(inclusion) => {
                let depth = self.books.query(move |state| state.network(ix).map(|row| row.policy.reorg_depth)).await?;
                let is_final = finality::depth(&inclusion.block, heads, self.network.quorum()).is_some_and(|found| {
                    let buried = found.confirmations > u64::from(depth.unwrap_or(u32::MAX));
                    found.finalized || (heads.finalized.is_none() && buried)
                });
                // A node on a fork may have told it.
                let is_final = is_final && self.network.lie_below(heads, &[inclusion.block]).await?.contains(&true);
                Ok(Looked::Reverted { is_final })
            }
            TxStatus::InBlock(_) => Ok(Looked::Paid(paid)),
            TxStatus::Unknown | TxStatus::InMempool => Ok(Looked::Pending),
        }
    }

    /// Looks after every open claim once a head, at once after it was made, and from time to time.
    pub(super) async fn claims(&self, ix: NetworkIx, heads: &Heads, now: Time) -> Result<(), Error> {
        let look = move |state: &tokengine_core::State| -> Vec<(TxId, Claimant)> {
            let here = state.claims().filter(|(at, ..)| *at == ix);
            here.map(|(_, tx, claim)| (tx, Claimant { by: claim.by, at: claim.at, trace: claim.trace })).collect()
        };
        let open = self.books.query(look).await?;
        self.looked().retain(|tx, _| open.iter().any(|(open, _)| open == tx));
        let retry_ms = crate::rules::ms(self.rules.retry_after);
        let is_due = |tx: &TxId| match self.looked().get(tx) {
            Some((height, at)) => *height != heads.latest.height || now.ms_since(*at) >= retry_ms,
            None => true,
        };
        let mut waiting: Vec<_> = open.into_iter().filter(|(tx, _)| is_due(tx)).collect();
        if waiting.is_empty() {
            return Ok(());
        }
        in_turn(&mut waiting, now);
        let receivers = self.receivers(ix).await?;
        for (tx, claim) in waiting {
            self.looked().insert(tx, (heads.latest.height, now));
            self.only_its_own(tx, self.claim(ix, (tx, claim), &receivers, heads, now).await)?;
        }
        Ok(())
    }

    /// One claim. It ends by what the quorum says, "not found" included; as long as there is no quorum, it stays.
    async fn claim(
        &self,
        ix: NetworkIx,
        (tx, claim): (TxId, Claimant),
        receivers: &Receivers,
        heads: &Heads,
        now: Time,
    ) -> Result<(), Error> {
        let looked = self.look_up(ix, tx, receivers, heads).await?;
        if let Looked::Paid(payments) = &looked {
            let deposits = self.deposits(ix, payments.clone()).await?;
            self.see(deposits).await?;
        }
        let lookup_ms = crate::rules::ms(self.rules.claim_lookup);
        let verdict = self.books.query(move |state| judge(state, ix, claim, &looked, now, lookup_ms)).await?;
        match verdict {
            Some(outcome) => self.close_claim(ix, tx, outcome, claim.trace).await,
            None => Ok(()),
        }
    }

    /// One transaction that a node cannot tell must not keep the others from being looked at: its fault is told, and it
    /// waits. An engine that does not answer is everybody's.
    fn only_its_own(&self, tx: TxId, done: Result<(), Error>) -> Result<(), Error> {
        match done {
            Err(error @ (Error::Engine(_) | Error::Stopped)) => Err(error),
            Err(error) => {
                let code = error.code();
                tracing::warn!(chain.id = self.network.id(), %tx, error = %error, error.code = code, "Claimed transaction waits");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Transfers that wait for a refused claim end with it, and before it: a crash in between repeats both.
    async fn close_claim(
        &self,
        ix: NetworkIx,
        tx: TxId,
        outcome: ClaimOutcome,
        trace: Option<TraceContext>,
    ) -> Result<(), Error> {
        let step = match outcome {
            ClaimOutcome::Found => "found",
            ClaimOutcome::Refused(why) => {
                self.fail_transfers(ix, tx, failure(why)).await?;
                "refused"
            }
        };
        let close = self.books.submit(Command::CloseClaim { network: ix, tx, outcome });
        within(deposit_span(step, self.network.id(), tx, trace), close).await?.ok();
        Ok(())
    }

    async fn fail_transfers(&self, ix: NetworkIx, tx: TxId, why: Rejection) -> Result<(), Error> {
        let look = move |state: &tokengine_core::State| -> Vec<Command> {
            let theirs = state.transfers().filter(|(_, transfer)| (transfer.network, transfer.tx) == (ix, tx));
            theirs.map(|(transfer, _)| Command::FailTransfer { transfer, why }).collect()
        };
        let fail = self.books.query(look).await?;
        self.books.submit_many(fail).await?;
        Ok(())
    }

    pub(super) async fn go_on_with_transfers(&self, ix: NetworkIx, heads: &Heads, now: Time) -> Result<(), Error> {
        let steps = self.books.query(move |state| plan::transfers(state, ix)).await?;
        let mut look_ups = Vec::new();
        for step in steps {
            match step {
                Step::Hold(transfer, deposit) => self.hold(transfer, deposit).await?,
                Step::LookUp(transfer, tx) => look_ups.push((transfer, tx)),
            }
        }
        if look_ups.is_empty() {
            return Ok(());
        }
        in_turn(&mut look_ups, now);
        let receivers = self.receivers(ix).await?;
        for (transfer, tx) in look_ups {
            self.only_its_own(tx, self.look_up_transfer(ix, transfer, tx, &receivers, heads, now).await)?;
        }
        Ok(())
    }

    /// A transfer of a transaction that was credited long ago, or that is not there any more.
    async fn look_up_transfer(
        &self,
        ix: NetworkIx,
        transfer: TransferId,
        tx: TxId,
        receivers: &Receivers,
        heads: &Heads,
        now: Time,
    ) -> Result<(), Error> {
        let looked = self.look_up(ix, tx, receivers, heads).await?;
        let lookup_ms = crate::rules::ms(self.rules.claim_lookup);
        let why = match looked {
            Looked::Paid(payments) if payments.is_empty() => Rejection::UnknownDeposit,
            Looked::Paid(payments) => {
                let deposits = self.deposits(ix, payments).await?;
                let keys: Vec<_> = deposits.iter().map(|deposit| deposit.key.clone()).collect();
                self.see(deposits).await?;
                let look = move |state: &tokengine_core::State| {
                    let account = state.transfer(transfer).and_then(|row| state.account(row.order.account));
                    let settled = |key: &&tokengine_core::DepositKey| state.settled_deposit(key).is_some();
                    let mine = |key: &&tokengine_core::DepositKey| {
                        let owner = state.settled_deposit(key).and_then(|settled| settled.account);
                        owner.is_some() && owner == account
                    };
                    let all = keys.iter().all(|key| settled(&key));
                    let found = keys.iter().find(mine).or_else(|| keys.iter().find(settled).filter(|_| all)).cloned();
                    (found, keys.iter().any(|key| state.pending_deposit(key).is_some()))
                };
                let (settled, waits) = self.books.query(look).await?;
                if let Some(deposit) = settled {
                    return self.hold(transfer, deposit).await;
                }
                if waits {
                    return Ok(());
                }
                // What neither waits nor was settled, the books do not take: nothing will ever come of it.
                Rejection::UnknownDeposit
            }
            Looked::Reverted { is_final: true } => Rejection::UnknownDeposit,
            Looked::NotFound => {
                let since = self.books.query(move |state| state.transfer(transfer).map(|row| row.at)).await?;
                if since.is_none_or(|since| now.ms_since(since) < lookup_ms) {
                    return Ok(());
                }
                Rejection::UnknownDeposit
            }
            Looked::Pending | Looked::Reverted { is_final: false } => return Ok(()),
        };
        self.books.submit(Command::FailTransfer { transfer, why }).await?.ok();
        Ok(())
    }

    async fn hold(&self, transfer: TransferId, deposit: DepositKey) -> Result<(), Error> {
        if let Err(rejection) = self.books.submit(Command::HoldTransfer { transfer, deposit }).await? {
            tracing::debug!(chain.id = self.network.id(), rejection = rejection.code(), "Transfer waits");
        }
        Ok(())
    }
}

/// Begins somewhere else each time: after a fault a node is left alone for a while, and a transaction that always makes it
/// fail would else, coming first, keep it from all others for ever.
fn in_turn<T>(waiting: &mut [T], now: Time) {
    let most = u64::try_from(waiting.len()).unwrap_or(u64::MAX);
    let first = now.0.checked_rem(most).and_then(|first| usize::try_from(first).ok());
    waiting.rotate_left(first.unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_those_that_wait_comes_first_in_its_turn() {
        for (case, now, expected) in [
            ("the first", 0, [1, 2, 3]),
            ("the second", 1, [2, 3, 1]),
            ("the third", 2, [3, 1, 2]),
            ("the first again", 3, [1, 2, 3]),
            ("late", u64::MAX, [1, 2, 3]),
        ] {
            let mut waiting = [1, 2, 3];
            in_turn(&mut waiting, Time(now));
            assert_eq!(waiting, expected, "{case}");
        }
        in_turn::<u8>(&mut [], Time(7));
    }
}
