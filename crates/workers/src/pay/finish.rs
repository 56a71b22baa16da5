//! `seen -> final`: what happened is proven from the network's own data before the books say so.

use tokengine_chain::{Accounts, Asset, BlockId, Receivers, TxPayments, TxStatus};
use tokengine_core::{AttemptKind, Command, DispatchId, Sighting, State, Time, TxId};
use tokengine_engine::failpoint;

use super::{Driver, Payment, Why, purpose_payment};
use crate::trace::About;
use crate::{Books, Error};

struct Seen {
    about: About,
    tx: TxId,
    kind: AttemptKind,
    sighting: Sighting,
    payment: Option<Payment>,
    asset: Option<tokengine_core::AssetIx>,
}

fn seen(state: &State, id: DispatchId) -> Option<Seen> {
    use tokengine_core::Purpose;
    let dispatch = state.dispatch(id)?;
    let sighting = dispatch.seen.clone()?;
    let attempt = dispatch.attempt(sighting.attempt)?;
    let native = state.network(state.wallet(dispatch.wallet)?.network)?.native;
    let asset = match &dispatch.purpose {
        Purpose::Payout(payout) => state.payout(*payout).map(|payout| payout.order.asset),
        Purpose::Sweep { asset, .. } => Some(*asset),
        Purpose::TopUp { .. } | Purpose::Noop => native,
    };
    Some(Seen {
        about: About::of(state, id, dispatch),
        tx: attempt.tx,
        kind: attempt.kind,
        sighting,
        payment: purpose_payment(state, dispatch.wallet, &dispatch.purpose),
        asset,
    })
}

impl<B: Books, N: Accounts> Driver<B, N> {
    pub(super) async fn finish(&self, id: DispatchId, now: Time) -> Result<(), Error> {
        let Some(seen) = self.books.query(move |state| seen(state, id)).await? else { return Ok(()) };
        let height = self.memory().height();
        let (inclusion, success) = match self.network.status(seen.tx).await? {
            TxStatus::InBlock(inclusion) => (inclusion, true),
            TxStatus::Reverted(inclusion) => (inclusion, false),
            TxStatus::Unknown | TxStatus::InMempool => {
                let block = seen.sighting.block;
                let there = self.network.block(BlockId::Height(block.height)).await?;
                if there.is_some_and(|there| there.at.hash != block.hash) {
                    self.books.submit(Command::UnseeDispatch { dispatch: id }).await?.ok();
                }
                self.track(id, |known| known.looked = height);
                return Ok(());
            }
        };
        let sighting = Sighting { block: inclusion.block, success, ..seen.sighting.clone() };
        if sighting != seen.sighting {
            // A reorg moved it. How deep it lies now is for the next look.
            return self.saw(id, &seen.about, seen.tx, sighting, now).await;
        }
        let Some(depth) = self.network.depth(&inclusion.block).await? else {
            self.track(id, |known| known.looked = height);
            return Ok(());
        };
        if let (true, AttemptKind::Act, Some(payment)) = (success, seen.kind, &seen.payment)
            && !self.is_paid(seen.tx, payment).await?
        {
            return self.not_paid(id, &seen, now).await;
        }
        failpoint::hit("payout.before_finish");
        let finish = Command::FinishDispatch { dispatch: id, sighting, gas: inclusion.cost, depth };
        let answer = self.books.submit(finish).await?;
        failpoint::hit("payout.after_finish");
        match answer {
            Ok(()) => {
                let _end = seen.about.span("final", self.network.id(), Some(seen.tx)).entered();
                tracing::info!(success, "Final");
            }
            Err(rejection) => {
                tracing::debug!(chain.id = self.network.id(), dispatch = %id, rejection = rejection.code(), "Not final yet");
                self.track(id, |known| known.looked = height);
            }
        }
        Ok(())
    }

    /// Whether exactly what was to be paid arrived: by status and log, never by what a token returned.
    async fn is_paid(&self, tx: TxId, payment: &Payment) -> Result<bool, Error> {
        let contract = match &payment.asset {
            Asset::Native => None,
            Asset::Contract(contract) => Some(contract.clone()),
        };
        match self.network.payments_of(tx, &Receivers::everyone(contract)).await? {
            TxPayments::InBlock(_, scan) => Ok(scan.paid(&payment.asset, &payment.to, payment.amount)),
            TxPayments::NotFound | TxPayments::Pending => {
                let (network, what) = (self.network.id().into(), "the effect of a transaction");
                Err(tokengine_chain::Error::NoQuorum { network, what, needed: 1, answered: 0 }.into())
            }
        }
    }

    /// It succeeded and did not pay: the token is not what it was. Nothing is released, and a person is called.
    async fn not_paid(&self, id: DispatchId, seen: &Seen, now: Time) -> Result<(), Error> {
        let later = self.later(now);
        self.track(id, |known| (known.stuck, known.rests_until) = (Some(Why::Unproven), later));
        let Some(asset) = seen.asset else { return Ok(()) };
        let reason = format!("transaction {} succeeded and did not move what it should have", seen.tx);
        if self.books.submit(Command::StopAsset { asset, reason: reason.clone().into() }).await?.is_ok() {
            tracing::error!(chain.id = self.network.id(), dispatch = %id, %asset, "Asset stopped: {reason}");
        }
        Ok(())
    }
}
