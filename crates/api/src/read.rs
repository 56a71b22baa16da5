//! Reading the read model: off the async threads, and never older than what the engine has answered.

use crate::Problem;
use crate::app::App;
use crate::directory::Directory;
use crate::hub::Watched;
use crate::view::{AttemptRow, ClaimRow, DepositRow, PayoutRow, StepView, TransferRow};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokengine_core::{DepositKey, PayoutId, Position, SuspenseReason, Time, TransferId};
use tokengine_engine::Handle;
use tokengine_store::{Claim, Deposit, DepositState, Error, Payout, PayoutStory, Reader, Step, Transfer};

/// See the module.
pub(crate) struct Reads {
    engine: Handle,
    reader: Reader,
    /// As far as the read model was seen to be.
    seen: AtomicU64,
    patience: Duration,
}

fn fault(error: Error) -> Problem {
    match error {
        Error::BadCursor => Problem::cursor_invalid(),
        error if error.is_transient() => {
            tracing::warn!(error = %error, error.code = error.code(), "Read model gave no answer");
            Problem::read_model_behind()
        }
        error => Problem::internal(&error),
    }
}

impl Reads {
    pub(crate) fn new(engine: Handle, reader: Reader, patience: Duration) -> Self {
        Self { engine, reader, seen: AtomicU64::new(0), patience }
    }

    /// Runs `read` as soon as the read model has everything that is durable now. When that takes too long, as under a load
    /// that SQL cannot follow, what is there is the answer: a list may then end a moment ago.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        self.catch_up().await?;
        self.now(read).await
    }

    /// The same for one thing, which is said to be missing only when everything was looked at.
    pub(crate) async fn find<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<Option<T>, Error> + Send + 'static,
    ) -> Result<Option<T>, Problem> {
        let whole = self.catch_up().await?;
        match self.now(read).await? {
            None if !whole => Err(Problem::read_model_behind()),
            found => Ok(found),
        }
    }

    /// Runs `read` on whatever is there.
    pub(crate) async fn now<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Problem> {
        let reader = self.reader.clone();
        let answer = tokio::task::spawn_blocking(move || read(&reader)).await;
        answer.map_err(|error| Problem::internal(&error))?.map_err(fault)
    }

    /// Waits until the read model has what is durable now; `false` when it has not in time.
    async fn catch_up(&self) -> Result<bool, Problem> {
        let want = self.engine.journal().mark().position();
        let deadline = tokio::time::Instant::now() + self.patience;
        let mut pause = Duration::from_millis(1);
        while self.seen.load(Ordering::Relaxed) < want {
            let Position(there) = self.now(Reader::position).await?;
            self.seen.fetch_max(there, Ordering::Relaxed);
            if there >= want {
                break;
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(false);
            }
            // The follower writes in transactions of some milliseconds; nobody tells us of each.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        Ok(true)
    }

    /// A payout with its story, and the time of the transfer that it belongs to.
    pub(crate) async fn payout(&self, id: PayoutId) -> Result<Option<(PayoutRow, Vec<Watched>)>, Problem> {
        let found = self.find(move |reader| {
            let Some(story) = reader.payout(id)? else { return Ok(None) };
            let transfer = transfer_time(reader, story.payout.transfer)?;
            Ok(Some((story, transfer)))
        });
        Ok(found.await?.map(|(story, transfer)| {
            let mut watched = vec![Watched::Payout(id)];
            watched.extend(story.payout.dispatch.map(Watched::Dispatch));
            (payout_row(story, transfer), watched)
        }))
    }
}

/// When a transfer was asked for: a part of its public id.
pub(crate) fn transfer_time(
    reader: &Reader,
    transfer: Option<TransferId>,
) -> Result<Option<(TransferId, Time)>, Error> {
    let Some(id) = transfer else { return Ok(None) };
    Ok(reader.transfer(id)?.map(|row| (id, row.requested_at)))
}

fn step(step: Step) -> StepView {
    let mut view = StepView::new(step.position, step.at, step.step);
    // What a person wants to read at a glance; the stream of events has the rest.
    let text = |name: &str| step.detail.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    view.detail = text("why").or_else(|| text("reason"));
    view
}

fn bare(payout: Payout, transfer: Option<(TransferId, Time)>) -> PayoutRow {
    PayoutRow {
        id: payout.id,
        account: payout.account,
        asset: payout.asset,
        amount: payout.amount,
        destination: payout.destination,
        success_fee: payout.success_fee,
        failure_fee: payout.failure_fee,
        held: payout.held,
        external_id: payout.external_id,
        transfer,
        state: payout.state,
        wait: payout.wait,
        cancel: payout.cancel_requested,
        fee: payout.fee,
        tx: payout.tx,
        block: payout.block,
        held_at: payout.held_at,
        ended_at: payout.ended_at,
        attempts: Vec::new(),
        steps: Vec::new(),
    }
}

pub(crate) fn payout_row(story: PayoutStory, transfer: Option<(TransferId, Time)>) -> PayoutRow {
    let mut row = bare(story.payout, transfer);
    // While it is under way, where it was seen stands with the slot.
    row.block = row.block.or(story.dispatches.last().and_then(|dispatch| dispatch.block));
    let attempts = story.dispatches.into_iter().flat_map(|dispatch| dispatch.attempts);
    let attempt = |attempt: tokengine_store::Attempt| AttemptRow {
        tx: attempt.tx,
        kind: attempt.kind,
        max_gas_cost: attempt.max_gas_cost,
        signed_at: attempt.signed_at,
        sent_at: attempt.sent_at,
    };
    row.attempts = attempts.map(attempt).collect();
    row.steps = story.history.into_iter().map(step).collect();
    row
}

pub(crate) fn deposit_row(deposit: Deposit, history: Vec<Step>) -> DepositRow {
    DepositRow {
        fingerprint: deposit.fingerprint,
        network: deposit.key.network,
        tx: deposit.key.tx,
        locator: deposit.key.locator,
        asset: deposit.asset,
        wallet: deposit.wallet,
        sender: deposit.from,
        amount: deposit.amount,
        credited: deposit.credited,
        account: deposit.account,
        state: deposit.state,
        orphaned: deposit.orphaned,
        suspense: None,
        block: (deposit.block.height, deposit.block.hash),
        seen_at: deposit.seen_at,
        settled_at: deposit.settled_at,
        steps: history.into_iter().map(step).collect(),
    }
}

pub(crate) fn claim_row(claim: Claim) -> ClaimRow {
    ClaimRow {
        position: Position(claim.id),
        network: claim.network,
        tx: claim.tx,
        account: claim.account,
        at: claim.opened_at,
        state: claim.state,
        refusal: claim.refusal,
        closed_at: claim.closed_at,
    }
}

pub(crate) fn transfer_row(transfer: Transfer) -> TransferRow {
    TransferRow {
        id: transfer.id,
        account: transfer.account,
        network: transfer.network,
        tx: transfer.tx,
        asset: transfer.asset,
        amount: transfer.amount,
        destination: transfer.destination,
        max_fee: transfer.max_fee,
        external_id: transfer.external_id,
        state: transfer.state,
        refusal: transfer.refusal,
        requested_at: transfer.requested_at,
        closed_at: transfer.closed_at,
    }
}

impl App {
    /// Names what deposits and payouts speak of.
    pub(crate) async fn named(
        &self,
        accounts: impl IntoIterator<Item = tokengine_core::AccountIx>,
        wallets: impl IntoIterator<Item = tokengine_core::WalletIx>,
    ) -> Result<crate::directory::Named, Problem> {
        let (accounts, wallets) = (accounts.into_iter().collect(), wallets.into_iter().collect());
        self.names.look_up(&self.engine, accounts, wallets).await
    }

    /// Deposits as they go out, with why some of them have no owner yet.
    pub(crate) async fn deposit_views(
        &self,
        mut rows: Vec<DepositRow>,
    ) -> Result<(Directory, Vec<crate::view::DepositView>), Problem> {
        let unowned = rows.iter().any(|row| row.state == DepositState::Suspense);
        let ask = move |state: &tokengine_core::State| {
            let reasons: HashMap<DepositKey, SuspenseReason> = match unowned {
                true => state.suspense().filter_map(|(_, item)| Some((item.deposit.clone()?, item.reason))).collect(),
                false => HashMap::new(),
            };
            (Directory::of(state), reasons)
        };
        let (directory, reasons) = self.engine.query(ask).await?;
        for row in &mut rows {
            let key = DepositKey { network: row.network, tx: row.tx, locator: row.locator.clone() };
            row.suspense = reasons.get(&key).copied();
        }
        let names = self.named(rows.iter().filter_map(|row| row.account), rows.iter().map(|row| row.wallet)).await?;
        let views =
            rows.iter().map(|row| row.view(&directory, &names, &*self.networks)).collect::<Result<_, Problem>>()?;
        Ok((directory, views))
    }
}
