//! Who waits for what to change. One task follows the journal for all of them, so that waiting costs the engine nothing.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokengine_core::{DispatchId, Event, NetworkIx, PayoutId, Purpose, TransferId, TxId};
use tokengine_engine::Handle;
use tokio::sync::{Notify, futures::OwnedNotified};

/// Something whose change may be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Watched {
    Payout(PayoutId),
    Dispatch(DispatchId),
    Transfer(TransferId),
    /// Deposits and claims of a transaction.
    Tx(NetworkIx, TxId),
}

/// What an event changes.
fn changed(event: &Event) -> [Option<Watched>; 2] {
    use Event::*;
    use Watched::*;
    let of = |purpose: &Purpose| match purpose {
        Purpose::Payout(payout) => Some(Payout(*payout)),
        Purpose::Sweep { .. } | Purpose::TopUp { .. } | Purpose::Noop => None,
    };
    match event {
        PayoutHeld { payout, transfer, .. } | PayoutSettledInside { payout, transfer, .. } => {
            [Some(Payout(*payout)), transfer.map(Transfer)]
        }
        PayoutPaidBefore { payout, .. }
        | PayoutWaiting { payout, .. }
        | PayoutCancelled { payout, .. }
        | CancelRequested { payout, .. } => [Some(Payout(*payout)), None],
        DispatchOpened { dispatch, purpose, .. } => [Some(Dispatch(*dispatch)), of(purpose)],
        DispatchAdopted { dispatch, purpose, .. } => [Some(Dispatch(*dispatch)), purpose.as_ref().and_then(of)],
        AttemptSigned { dispatch, .. }
        | AttemptSent { dispatch, .. }
        | DispatchSeen { dispatch, .. }
        | DispatchUnseen { dispatch }
        | DispatchFinal { dispatch, .. }
        | DispatchDead { dispatch, .. } => [Some(Dispatch(*dispatch)), None],
        TransferRequested { transfer, network, tx, .. } => [Some(Transfer(*transfer)), Some(Tx(*network, *tx))],
        TransferFailed { transfer, .. } => [Some(Transfer(*transfer)), None],
        DepositClaimed { network, tx, .. } | ClaimClosed { network, tx, .. } => [Some(Tx(*network, *tx)), None],
        DepositSeen { deposit } => [Some(Tx(deposit.key.network, deposit.key.tx)), None],
        DepositReblocked { key, .. }
        | DepositDropped { key }
        | DepositCredited { key, .. }
        | DepositReversed { key, .. } => [Some(Tx(key.network, key.tx)), None],
        _ => [None, None],
    }
}

#[derive(Default)]
struct Inner {
    running: AtomicBool,
    waiting: Mutex<HashMap<Watched, Arc<Notify>>>,
}

/// See the module.
pub(crate) struct Hub {
    engine: Handle,
    inner: Arc<Inner>,
}

/// A place in the queue of those who wait; it is left when this is dropped.
pub(crate) struct Listener {
    inner: Arc<Inner>,
    watched: Watched,
    notified: Pin<Box<OwnedNotified>>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut waiting = self.inner.waiting.lock().expect("nobody panics while holding it");
        // The map's own, and this one's.
        if waiting.get(&self.watched).is_some_and(|notify| Arc::strong_count(notify) <= 2) {
            waiting.remove(&self.watched);
        }
    }
}

impl Hub {
    pub(crate) fn new(engine: Handle) -> Self {
        Self { engine, inner: Arc::default() }
    }

    /// From now on, changes of these are noticed. Look at the state afterwards, then wait.
    pub(crate) fn listen(&self, watched: &[Watched]) -> Vec<Listener> {
        let listeners = watched.iter().map(|watched| {
            let mut waiting = self.inner.waiting.lock().expect("nobody panics while holding it");
            let notify = Arc::clone(waiting.entry(*watched).or_default());
            let mut notified = Box::pin(notify.notified_owned());
            notified.as_mut().enable();
            Listener { inner: Arc::clone(&self.inner), watched: *watched, notified }
        });
        let listeners = listeners.collect();
        self.follow();
        listeners
    }

    fn follow(&self) {
        if self.inner.running.swap(true, Ordering::AcqRel) {
            return;
        }
        let after = *self.engine.durable().borrow();
        let (mut feed, inner) = (self.engine.feed(after), Arc::clone(&self.inner));
        tokio::spawn(async move {
            while let Ok(records) = feed.next(1024).await {
                let mut waiting = inner.waiting.lock().expect("nobody panics while holding it");
                for watched in records.iter().flat_map(|(_, record)| changed(&record.event)).flatten() {
                    if let Some(notify) = waiting.remove(&watched) {
                        notify.notify_waiters();
                    }
                }
            }
            // The engine has ended: whoever waits looks for himself, and learns it.
            inner.running.store(false, Ordering::Release);
            let waiting = std::mem::take(&mut *inner.waiting.lock().expect("nobody panics while holding it"));
            waiting.into_values().for_each(|notify| notify.notify_waiters());
        });
    }
}

/// Waits until one of them is told of a change.
async fn any(listeners: &mut [Listener]) {
    if listeners.is_empty() {
        return std::future::pending().await;
    }
    let waits = listeners.iter_mut().map(|listener| listener.notified.as_mut());
    futures_util::future::select_all(waits).await;
}

/// Something that was looked at, and how to notice that it has changed.
pub(crate) struct Look<T> {
    pub(crate) value: T,
    /// Differs when it has changed in a way that is worth an answer.
    pub(crate) stamp: u64,
    /// It will not change any more.
    pub(crate) ended: bool,
    pub(crate) watched: Vec<Watched>,
}

/// How long somebody would wait, and the stamp of what they have seen already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) wait: Option<Duration>,
    pub(crate) known: Option<u64>,
}

/// Looks, and if there is time to wait, looks again until it has changed, has ended, or the time is over. What differs
/// from what was seen already is an answer at once, so that no change falls between two requests.
pub(crate) async fn look_until_changed<T, P, F>(
    hub: &Hub,
    Patience { wait, known }: Patience,
    mut look: impl FnMut() -> F,
) -> Result<(T, u64), P>
where
    F: Future<Output = Result<Look<T>, P>>,
{
    let first = look().await?;
    let news = first.ended || known.is_some_and(|known| known != first.stamp);
    let Some(wait) = wait.filter(|_| !news) else { return Ok((first.value, first.stamp)) };
    let deadline = tokio::time::Instant::now() + wait;
    let (stamp, mut last) = (first.stamp, first);
    loop {
        let mut listeners = hub.listen(&last.watched);
        last = look().await?;
        if last.stamp != stamp || last.ended {
            return Ok((last.value, last.stamp));
        }
        if tokio::time::timeout_at(deadline, any(&mut listeners)).await.is_err() {
            return Ok((last.value, last.stamp));
        }
    }
}
