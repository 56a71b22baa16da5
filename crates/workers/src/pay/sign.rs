//! `a nonce of its own -> signed -> sent`. What is signed is journaled first; only journaled bytes are ever sent.

use tokengine_chain::evm::tx::{PLAIN_GAS, Payload, Signature, Signed};
use tokengine_chain::fees::{self, Fees, StuckFee};
use tokengine_chain::{Accounts, SendAnswer};
use tokengine_core::{
    Address, Amount, Attempt, AttemptKind, Authority, Begin, Command, DispatchId, Purpose, Rejection, State, Time,
    WalletIx,
};
use tokengine_engine::failpoint;
use tokengine_keys::{SignRequest, Signer};

use super::plan::wants_cancel;
use super::{Driver, Payment, Why, purpose_payment};
use crate::trace::{self, About};
use crate::{Books, Error};

/// All that signing needs to know of a dispatch.
struct Slot {
    about: About,
    wallet: WalletIx,
    from: Address,
    key: Box<str>,
    nonce: u64,
    attempts: Vec<Attempt>,
    payment: Option<Payment>,
    authority: Option<Authority>,
    cancel: bool,
    cancelled: bool,
}

fn slot(state: &State, id: DispatchId) -> Option<Slot> {
    let dispatch = state.dispatch(id).filter(|dispatch| dispatch.seen.is_none())?;
    let wallet = state.wallet(dispatch.wallet)?;
    let payout = match dispatch.purpose {
        Purpose::Payout(payout) => state.payout(payout),
        _ => None,
    };
    Some(Slot {
        about: About::of(state, id, dispatch),
        wallet: dispatch.wallet,
        from: wallet.address.clone(),
        key: wallet.key.clone(),
        nonce: dispatch.nonce,
        attempts: dispatch.attempts.clone(),
        payment: purpose_payment(state, dispatch.wallet, &dispatch.purpose),
        authority: payout.map(|payout| payout.order.authority.clone()),
        cancel: wants_cancel(state, dispatch) || matches!(state.begins(dispatch), Begin::Fill(_)),
        cancelled: payout.is_some_and(|payout| payout.cancel),
    })
}

/// What is offered: the first time, or to outbid the last attempt.
fn offer(rules: &fees::Policy, last: Option<&Attempt>, now: &fees::Suggestion) -> Result<Fees, StuckFee> {
    let Some(last) = last else { return fees::first(rules, now) };
    let (max_fee, priority) = (last.fee_cap.base_units(), last.tip.base_units());
    let legacy = rules.legacy || now.base_fee.is_none();
    let old = if legacy { Fees::Legacy { gas_price: max_fee } } else { Fees::Dynamic { max_fee, priority } };
    fees::bump(rules, &old, now)
}

impl<B: Books, N: Accounts> Driver<B, N> {
    /// Signs the first attempt, or one that outbids the last with the same nonce.
    pub(super) async fn sign(&self, id: DispatchId, now: Time) -> Result<(), Error> {
        let Some(slot) = self.books.query(move |state| slot(state, id)).await? else { return Ok(()) };
        let Some(suggestion) = self.memory().suggestion else { return Ok(()) };
        let span = slot.about.span("sign", self.network.id(), None);
        trace::within(span, self.sign_slot(id, &slot, &suggestion, now)).await
    }

    async fn sign_slot(
        &self,
        id: DispatchId,
        slot: &Slot,
        suggestion: &fees::Suggestion,
        now: Time,
    ) -> Result<(), Error> {
        let last = slot.attempts.last();
        let Ok(fees) = offer(&self.rules.fees, last, suggestion) else {
            let later = self.later(now);
            self.track(id, |known| (known.stuck, known.no_bid_before) = (Some(Why::Fee), later));
            return if last.is_none() { self.rest(id, now) } else { Ok(()) };
        };
        let mut kind = match last {
            _ if slot.cancel || slot.cancelled || slot.payment.is_none() => AttemptKind::Cancel,
            None => AttemptKind::Act,
            Some(last) => last.kind,
        };
        // It may have been long since its nonce was taken: a contract's word is asked for again.
        if let (AttemptKind::Act, Some(authority)) = (kind, &slot.authority)
            && !self.is_still_authorised(authority).await?
        {
            kind = AttemptKind::Cancel; // the nonce is used up without effect, and the payout waits for its authority
        }
        // A noop does what its slot is for: nothing.
        let (payload, gas) = match (&slot.payment, kind) {
            (Some(payment), AttemptKind::Act) => (super::open::payload(payment)?, self.gas_for(slot, payment).await?),
            _ => (Payload::noop(&slot.from), PLAIN_GAS),
        };
        if slot.payment.is_none() {
            kind = AttemptKind::Act;
        }
        let max_gas_cost = fees.worst_cost(gas, self.data_fee().await?).ok_or(Error::Overflow("the cost of gas"))?;
        let draft = payload.draft(self.chain_id, slot.nonce, gas, fees);
        let signer = self.signer(&slot.key, &slot.from)?;
        let given = match signer.sign(&SignRequest::of(draft.preimage()?)).await {
            Ok(given) => given,
            Err(error) => {
                tracing::warn!(chain.id = self.network.id(), error = %error, error.code = error.code(), "Signer rests");
                let later = self.later(now);
                self.memory().signers_rest.insert(slot.wallet, later);
                self.track(id, |known| known.stuck = Some(Why::Signer));
                return Ok(());
            }
        };
        self.memory().signers_rest.remove(&slot.wallet);
        let signature = Signature { r: given.r(), s: given.s(), y_parity: given.y_parity() };
        let signed = draft.signed(&signature, &slot.from)?;
        tracing::Span::current().record("tx.id", tracing::field::display(signed.tx));
        failpoint::hit("payout.after_sign");
        let attempt = attempt(&signed, kind, max_gas_cost, now);
        let answer = self.books.submit(Command::SignAttempt { dispatch: id, attempt }).await?;
        failpoint::hit("payout.after_journal");
        match answer {
            Ok(()) => self.track(id, |known| (known.stuck, known.outbid) = (None, false)),
            Err(Rejection::WaitLiquidity) => {
                let later = self.later(now);
                self.track(id, |known| (known.stuck, known.no_bid_before) = (Some(Why::Gas), later));
                if slot.attempts.is_empty() {
                    return self.rest(id, now);
                }
            }
            Err(_) => self.rest(id, now)?,
        }
        Ok(())
    }

    pub(super) fn rest(&self, id: DispatchId, now: Time) -> Result<(), Error> {
        let later = self.later(now);
        self.track(id, |known| known.rests_until = later);
        Ok(())
    }

    /// The gas limit of the attempts before, or what was estimated when the nonce was taken, or what is estimated now.
    async fn gas_for(&self, slot: &Slot, payment: &Payment) -> Result<u64, Error> {
        if let Some(acted) = slot.attempts.iter().rev().find(|attempt| attempt.kind == AttemptKind::Act) {
            return Ok(Signed::decode(&acted.raw)?.draft.gas_limit);
        }
        if let Some(gas) = self.memory().gas.remove(&(slot.wallet, slot.nonce)) {
            return Ok(gas);
        }
        // The nonce is taken: a token that refuses now is asked on the network, with the capped gas.
        Ok(self.estimate(&slot.from, payment).await?.unwrap_or(self.rules.gas.token_cap))
    }

    /// Hands bytes to the network for the first time. Whatever the nodes answer, they have them now.
    pub(super) async fn send(&self, id: DispatchId, attempt: u32, now: Time) -> Result<(), Error> {
        let look = move |state: &State| {
            let dispatch = state.dispatch(id)?;
            let signed = dispatch.attempt(attempt)?;
            Some((About::of(state, id, dispatch), signed.tx, signed.raw.clone()))
        };
        let Some((about, tx, raw)) = self.books.query(look).await? else { return Ok(()) };
        let span = about.span("send", self.network.id(), Some(tx));
        trace::within(span, self.send_bytes(id, attempt, &raw, now)).await
    }

    async fn send_bytes(&self, id: DispatchId, attempt: u32, raw: &[u8], now: Time) -> Result<(), Error> {
        failpoint::hit("payout.before_send");
        // No answer at all: they may be out or not, and are sent again as they are.
        let answer = self.network.send(raw).await?;
        failpoint::hit("payout.after_send");
        if self.books.submit(Command::MarkSent { dispatch: id, attempt }).await?.is_err() {
            self.rest(id, now)?; // not sent, as far as the books know: it would else be sent again without a pause
        }
        let first = now.plus_ms(crate::rules::ms(self.rules.resend_first));
        self.track(id, |known| (known.resend_at, known.resends, known.stuck, known.looked) = (first, 0, None, None));
        self.note_answer(id, &answer);
        Ok(())
    }

    /// What a node says to bytes is a hint: they count or they do not, whatever it says.
    pub(super) fn note_answer(&self, id: DispatchId, answer: &SendAnswer) {
        match answer {
            SendAnswer::Accepted | SendAnswer::AlreadyKnown => {}
            SendAnswer::Underpriced => self.track(id, |known| known.outbid = true),
            SendAnswer::InsufficientFunds => self.track(id, |known| known.stuck = Some(Why::Gas)),
            SendAnswer::NonceTooLow => self.track(id, |known| known.looked = None),
            SendAnswer::Rejected(why) => {
                tracing::warn!(chain.id = self.network.id(), dispatch = %id, why, "Nodes refuse signed bytes");
            }
        }
    }
}

fn attempt(signed: &Signed, kind: AttemptKind, max_gas_cost: Amount, now: Time) -> Attempt {
    let (fee_cap, tip) = match signed.draft.fees {
        Fees::Dynamic { max_fee, priority } => (max_fee, priority),
        Fees::Legacy { gas_price } => (gas_price, gas_price),
    };
    Attempt {
        tx: signed.tx,
        raw: signed.raw.clone().into(),
        kind,
        max_gas_cost,
        fee_cap: Amount::new(fee_cap),
        tip: Amount::new(tip),
        signed_at: now,
        sent_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::tx;

    #[test]
    fn f7_a_replacement_outbids_in_both_fields_and_f6_never_above_the_cap() {
        let rules = fees::Policy { cap: 1_000, ..fees::Policy::default() };
        let now = fees::Suggestion { base_fee: Some(100), priority: 5, gas_price: 105 };
        let last = |fee_cap: u128, tip: u128| Attempt {
            tx: tx(1),
            raw: [1].into(),
            kind: AttemptKind::Act,
            max_gas_cost: Amount::ZERO,
            fee_cap: Amount::new(fee_cap),
            tip: Amount::new(tip),
            signed_at: Time(0),
            sent_at: None,
        };
        assert_eq!(offer(&rules, None, &now), Ok(Fees::Dynamic { max_fee: 205, priority: 5 }));
        assert_eq!(offer(&rules, Some(&last(205, 5)), &now), Ok(Fees::Dynamic { max_fee: 231, priority: 6 }));
        assert!(offer(&rules, Some(&last(950, 5)), &now).is_err(), "F6");
        let old = fees::Suggestion { base_fee: None, priority: 0, gas_price: 10 };
        assert_eq!(offer(&rules, Some(&last(205, 205)), &old), Ok(Fees::Legacy { gas_price: 231 }), "F13");
    }
}
