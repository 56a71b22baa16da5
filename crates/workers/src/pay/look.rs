//! `sent -> seen`, or nowhere: then the same bytes again; or dead, by proof.

use tokengine_chain::{Accounts, At, NonceUse, Outcome, Receivers, TxPayments, TxStatus, finality};
use tokengine_core::{Attempt, BlockRef, Command, Depth, DispatchId, NetworkIx, Sighting, State, Time, TxId, WalletIx};
use tokengine_engine::failpoint;

use super::{Driver, Payment, Why, purpose_payment};
use crate::trace::{self, About};
use crate::{Books, Error};

/// All that looking needs to know of a dispatch.
struct Sent {
    about: About,
    wallet: WalletIx,
    from: tokengine_core::Address,
    nonce: u64,
    attempts: Vec<Attempt>,
    payment: Option<Payment>,
    oldest: u64,
}

fn sent(state: &State, ix: NetworkIx, id: DispatchId) -> Option<Sent> {
    let dispatch = state.dispatch(id).filter(|dispatch| dispatch.seen.is_none())?;
    Some(Sent {
        about: About::of(state, id, dispatch),
        wallet: dispatch.wallet,
        from: state.wallet(dispatch.wallet)?.address.clone(),
        nonce: dispatch.nonce,
        attempts: dispatch.attempts.clone(),
        payment: purpose_payment(state, dispatch.wallet, &dispatch.purpose),
        oldest: state.network(ix)?.scanned.front().map_or(0, |block| block.height),
    })
}

impl<B: Books, N: Accounts> Driver<B, N> {
    pub(super) async fn look(&self, ix: NetworkIx, id: DispatchId, now: Time) -> Result<(), Error> {
        let Some(sent) = self.books.query(move |state| sent(state, ix, id)).await? else { return Ok(()) };
        let height = self.memory().height();
        let mut known_to_nodes = false;
        let numbered: Vec<(&Attempt, u32)> = sent.attempts.iter().zip(0u32..).collect();
        for (attempt, number) in numbered.into_iter().rev() {
            let (block, success) = match self.network.status(attempt.tx).await? {
                TxStatus::InBlock(inclusion) => (inclusion.block, true),
                TxStatus::Reverted(inclusion) => (inclusion.block, false),
                TxStatus::InMempool => {
                    known_to_nodes = true;
                    continue;
                }
                TxStatus::Unknown => continue,
            };
            return self.saw(id, &sent.about, attempt.tx, Sighting { attempt: number, block, success }, now).await;
        }
        self.track(id, |known| known.looked = height);
        if self.is_dead(ix, id, &sent).await? {
            let later = now.plus_ms(crate::rules::ms(self.rules.resend_first));
            self.track(id, |known| known.resend_at = later);
            return Ok(());
        }
        self.hand_out_again(id, &sent, known_to_nodes, now).await
    }

    pub(super) async fn saw(
        &self,
        id: DispatchId,
        about: &About,
        tx: TxId,
        sighting: Sighting,
        now: Time,
    ) -> Result<(), Error> {
        failpoint::hit("payout.before_see");
        let see = self.books.submit(Command::SeeDispatch { dispatch: id, sighting });
        let answer = trace::within(about.span("seen", self.network.id(), Some(tx)), see).await?;
        self.track(id, |known| (known.looked, known.stuck, known.rests_until) = (None, None, Time(0)));
        // On a full disk, say, it would else be looked for again without a pause.
        if answer.is_err() { self.rest(id, now) } else { Ok(()) }
    }

    /// The same bytes, to every node, after growing pauses. All attempts: which of them counts is the network's choice.
    async fn hand_out_again(&self, id: DispatchId, sent: &Sent, in_pool: bool, now: Time) -> Result<(), Error> {
        let known = self.memory().of(id);
        if now < known.resend_at {
            return Ok(());
        }
        let first = crate::rules::ms(self.rules.resend_first);
        let longest = crate::rules::ms(self.rules.resend_longest).max(first);
        let doubled = 1u64.checked_shl(known.resends).unwrap_or(u64::MAX);
        let next = now.plus_ms(first.saturating_mul(doubled).min(longest));
        self.track(id, |known| (known.resend_at, known.resends) = (next, known.resends.saturating_add(1)));
        let Some(last) = sent.attempts.last().filter(|last| last.sent_at.is_some()) else { return Ok(()) };
        let answer = self.network.send(&last.raw).await?;
        tracing::debug!(chain.id = self.network.id(), dispatch = %id, in_pool, ?answer, "Sent again");
        self.note_answer(id, &answer);
        Ok(())
    }

    /// Whether another transaction used the nonce, finally. The proof, and nothing else, ends a dispatch that is not ours.
    async fn is_dead(&self, ix: NetworkIx, id: DispatchId, sent: &Sent) -> Result<bool, Error> {
        let Some(heads) = self.memory().heads else { return Ok(false) };
        let Some(last) = heads.finalized else { return Ok(false) };
        if self.network.nonce_at(&sent.from, At::Block(last.hash)).await? <= sent.nonce {
            return Ok(false);
        }
        match self.network.who_used_nonce(&sent.from, sent.nonce, sent.oldest, &last).await? {
            NonceUse::NotUsed => Ok(false),
            NonceUse::Unanswerable => {
                self.track(id, |known| known.stuck = Some(Why::Unanswerable));
                Ok(true)
            }
            // Ours: some node lags. It stays unknown until they say where it is.
            NonceUse::Used(user) if sent.attempts.iter().any(|attempt| attempt.tx == user.tx) => Ok(true),
            // A filler takes a nonce that something may have been signed for before: that is what it was then.
            NonceUse::Used(user) if sent.payment.is_none() => {
                self.adopt_used(sent.wallet, &sent.from, (sent.nonce, &user), ix, &heads).await?;
                Ok(true)
            }
            NonceUse::Used(user) => {
                let Some(depth) = finality::depth(&user.block, &heads, self.network.quorum()) else { return Ok(false) };
                self.bury(id, sent, (user.tx, user.block), depth).await?;
                Ok(true)
            }
        }
    }

    async fn bury(
        &self,
        id: DispatchId,
        sent: &Sent,
        (by, block): (TxId, BlockRef),
        depth: Depth,
    ) -> Result<(), Error> {
        let Some(payment) = &sent.payment else { return Ok(()) };
        let Some(moved) = self.moved_by(by, &block).await? else {
            // Buried now, it would be paid again, and it may have been paid by this one.
            self.track(id, |known| known.stuck = Some(Why::Unanswerable));
            return Ok(());
        };
        if did_the_same(&moved, payment) {
            return self.adopt_the_same(id, sent, (by, block), payment, depth).await;
        }
        tracing::error!(chain.id = self.network.id(), dispatch = %id, %by, "Our nonce was used by another transaction");
        self.books.submit(Command::BuryDispatch { dispatch: id, by, block, depth }).await?.ok();
        Ok(())
    }

    /// A journal that was restored may lack an attempt: burying it would pay twice. What it paid is paid; the wallet waits
    /// for a person all the same, because somebody else with our key could have made it.
    async fn adopt_the_same(
        &self,
        id: DispatchId,
        sent: &Sent,
        (tx, block): (TxId, BlockRef),
        payment: &Payment,
        depth: Depth,
    ) -> Result<(), Error> {
        let reason =
            format!("nonce {} was used by {tx}, which is not in the journal and made the same payment", sent.nonce);
        // While a restored journal is searched, it is what was expected.
        if !self.books.query(|state| state.recovery().is_some()).await? {
            let freeze = Command::FreezeWallet { wallet: sent.wallet, reason: reason.into() };
            self.books.submit(freeze).await?.ok();
        }
        let found = match self.network.status(tx).await? {
            TxStatus::InBlock(found) if found.block.hash == block.hash => found,
            _ => return Ok(()),
        };
        let (network, asset) = (Box::<str>::from(self.network.id()), payment.asset.clone());
        let look = move |state: &State| crate::watch::asset_of(state, state.network_by_id(&network)?, &asset);
        let asset = self.books.query(look).await?;
        let paid = asset.map(|asset| (asset, payment.amount, payment.to.clone()));
        let (wallet, nonce, block, gas) = (sent.wallet, sent.nonce, found.block, found.cost);
        let adopt = Command::AdoptDispatch { wallet, nonce, tx, block, success: true, paid, gas, depth };
        if self.books.submit(adopt).await?.is_err() {
            self.track(id, |known| known.stuck = Some(Why::UsedElsewhere));
        }
        Ok(())
    }

    /// Everything that a transaction moved in listed assets in a block; `None` while the nodes do not show it there.
    pub(super) async fn moved_by(
        &self,
        tx: TxId,
        block: &BlockRef,
    ) -> Result<Option<Vec<tokengine_chain::Payment>>, Error> {
        let id: Box<str> = self.network.id().into();
        let look = move |state: &State| -> Vec<_> {
            let ix = state.network_by_id(&id);
            let assets = state.assets().filter(|(_, asset)| Some(asset.network) == ix);
            assets.filter_map(|(_, asset)| asset.contract.clone()).collect()
        };
        let contracts = self.books.query(look).await?;
        Ok(shown_in(block, self.network.payments_of(tx, &Receivers::everyone(contracts)).await?))
    }

    /// What had ended came undone by a deep reorg: the same bytes, until they are in a block again.
    pub(super) async fn again(&self, ix: NetworkIx, tx: TxId, raw: &[u8], scanned: u64) -> Result<(), Error> {
        {
            let mut memory = self.memory();
            let height = memory.height();
            memory.again.extend(height.map(|height| (tx, (height, scanned))));
        }
        let (found, success) = match self.network.status(tx).await? {
            TxStatus::InBlock(found) => (found, true),
            TxStatus::Reverted(found) => (found, false),
            TxStatus::Unknown if !raw.is_empty() => {
                let answer = self.network.send(raw).await?;
                tracing::warn!(chain.id = self.network.id(), %tx, ?answer, "Sent again after a deep reorg");
                return Ok(());
            }
            TxStatus::Unknown | TxStatus::InMempool => return Ok(()),
        };
        let see = Command::SeeFinal { network: ix, tx, block: found.block, success, gas: found.cost };
        match self.books.submit(see).await? {
            Ok(_) => tracing::info!(chain.id = self.network.id(), %tx, "In a block again after a deep reorg"),
            // The search is not there yet, or it reverted; the list for a person has it until then.
            Err(rejection) => {
                let rejection = rejection.code();
                tracing::debug!(chain.id = self.network.id(), %tx, success, rejection, "Not back after a deep reorg");
            }
        }
        Ok(())
    }
}

/// What was paid in that block. Nodes that do not know the transaction, or have it elsewhere, prove nothing: least of all
/// that it paid nothing.
fn shown_in(block: &BlockRef, answer: TxPayments) -> Option<Vec<tokengine_chain::Payment>> {
    match answer {
        TxPayments::InBlock(at, scan) if at.hash == block.hash => Some(scan.payments),
        TxPayments::InBlock(..) | TxPayments::NotFound | TxPayments::Pending => None,
    }
}

/// Whether exactly that payment is among what a transaction moved.
fn did_the_same(moved: &[tokengine_chain::Payment], payment: &Payment) -> bool {
    moved.iter().any(|moved| {
        let same = (&moved.asset, &moved.to) == (&payment.asset, &payment.to);
        same && moved.amount == Ok(payment.amount) && moved.outcome == Outcome::Succeeded
    })
}

#[cfg(test)]
mod tests {
    use tokengine_chain::{Asset, Ignored, Scan};
    use tokengine_core::Amount;

    use super::*;
    use crate::testing::*;

    #[test]
    fn what_a_transaction_moved_is_known_only_from_the_block_it_is_proven_to_be_in() {
        let scan = |payments| Scan { payments, ignored: Ignored::NONE, traced: false };
        let paid = || scan(vec![payment("HOT", "outside", 50)]);
        for (case, answer, expected) in [
            ("no node has it: they lag", TxPayments::NotFound, None),
            ("not in a block that they agree on", TxPayments::Pending, None),
            ("in another block of that height", TxPayments::InBlock(block_on(1, 101), paid()), None),
            ("in another block", TxPayments::InBlock(block(102), paid()), None),
            ("there, and it moved nothing", TxPayments::InBlock(block(101), scan(vec![])), Some(vec![])),
            ("there", TxPayments::InBlock(block(101), paid()), Some(paid().payments)),
        ] {
            assert_eq!(shown_in(&block(101), answer), expected, "{case}");
        }
    }

    #[test]
    fn the_same_payment_is_the_same_in_everything() {
        let wanted =
            Payment { asset: Asset::Contract(address("TOKEN")), to: address("outside"), amount: Amount::new(50) };
        let moved = |change: fn(&mut tokengine_chain::Payment)| {
            let mut moved = payment("HOT", "outside", 50);
            change(&mut moved);
            vec![payment("HOT", "bob", 50), moved]
        };
        for (case, moved, same) in [
            ("it", moved(|_| {}), true),
            ("another amount", moved(|moved| moved.amount = Ok(Amount::new(51))), false),
            ("somebody else", moved(|moved| moved.to = address("carol")), false),
            ("the coin", moved(|moved| moved.asset = Asset::Native), false),
            ("reverted", moved(|moved| moved.outcome = Outcome::Reverted), false),
            ("nothing", vec![], false),
        ] {
            assert_eq!(did_the_same(&moved, &wanted), same, "{case}");
        }
    }
}
