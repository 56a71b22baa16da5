//! `held -> a nonce of its own`: everything that may still say no is asked before the nonce is taken.

use futures_util::StreamExt;
use futures_util::stream;
use tokengine_chain::evm::tx::{PLAIN_GAS, Payload};
use tokengine_chain::{Accounts, Asset, At, Call, Estimate, fees};
use tokengine_core::{Address, Amount, Authority, Command, PayoutId, Purpose, Rejection, Time, Wait, WalletIx};
use tokengine_engine::failpoint;

use super::{Driver, Payment, purpose_payment};
use crate::{Books, Error, GasRules};

/// Payouts prepared at once.
const AT_ONCE: usize = 8;

/// What a payment takes, or why it cannot be made now.
type Prepared = Result<u64, Wait>;

pub(super) fn payload(payment: &Payment) -> Result<Payload, Error> {
    Ok(match &payment.asset {
        Asset::Native => Payload::native(&payment.to, payment.amount),
        Asset::Contract(contract) => Payload::token(contract, &payment.to, payment.amount)?,
    })
}

/// The gas limit, from what a node estimated. A token that refuses now may not later: it waits. A native payment that a
/// contract would refuse is made all the same, with the capped gas, because the contract is the account's own choice of
/// destination: it fails on the network, and is rolled back for its failure fee.
pub(super) fn gas_limit(asset: &Asset, estimate: &Estimate, rules: &GasRules) -> Prepared {
    let cap = match asset {
        Asset::Native => rules.native_cap,
        Asset::Contract(_) => rules.token_cap,
    };
    match (asset, estimate) {
        (_, Estimate::Gas(PLAIN_GAS)) => Ok(PLAIN_GAS),
        (Asset::Native, Estimate::Gas(gas)) => Ok(with_margin(*gas, rules).min(cap)),
        (Asset::Contract(_), Estimate::Gas(gas)) if *gas <= cap => Ok(with_margin(*gas, rules).min(cap)),
        (Asset::Contract(_), Estimate::Gas(_) | Estimate::Reverts(_)) => Err(Wait::Token),
        (Asset::Native, Estimate::Reverts(_)) => Ok(cap),
    }
}

fn with_margin(gas: u64, rules: &GasRules) -> u64 {
    gas.saturating_add(gas.saturating_mul(rules.margin_percent).div_ceil(100))
}

impl<B: Books, N: Accounts> Driver<B, N> {
    pub(super) async fn open(
        &self,
        wallet: WalletIx,
        first: u64,
        payouts: &[PayoutId],
        now: Time,
    ) -> Result<(), Error> {
        let asked = payouts.to_vec();
        let look = move |state: &tokengine_core::State| {
            let row = state.wallet(wallet)?;
            let details = |id: PayoutId| {
                let payment = purpose_payment(state, wallet, &Purpose::Payout(id))?;
                Some((id, payment, state.payout(id)?.order.authority.clone()))
            };
            let details: Vec<_> = asked.into_iter().filter_map(details).collect();
            Some((row.address.clone(), row.key.clone(), details))
        };
        let Some((from, key, details)) = self.books.query(look).await? else { return Ok(()) };
        if let Err(error) = self.signer(&key, &from) {
            tracing::error!(chain.id = self.network.id(), error = %error, error.code = error.code(), "No signer");
            let until = self.later(now);
            self.memory().signers_rest.insert(wallet, until);
            return self.hold_back(payouts, Wait::Signer, now).await;
        }
        self.memory().signers_rest.remove(&wallet);
        let from = &from;
        let prepare = |(id, payment, authority): (PayoutId, Payment, Authority)| async move {
            (id, self.prepare(from, &payment, &authority).await)
        };
        let prepared: Vec<(PayoutId, Prepared)> = stream::iter(details).map(prepare).buffered(AT_ONCE).collect().await;
        for (id, why) in prepared.iter().filter_map(|(id, answer)| Some((*id, answer.err()?))) {
            self.hold_back(&[id], why, now).await?;
        }
        let Some(suggestion) = self.memory().suggestion else { return Ok(()) };
        let Ok(offer) = fees::first(&self.rules.fees, &suggestion) else { return Ok(()) };
        let ready = prepared.into_iter().filter_map(|(id, gas)| Some((id, gas.ok()?)));
        let (mut nonce, mut opened, mut commands) = (first, Vec::new(), Vec::new());
        let data_fee = self.data_fee().await?;
        for (id, gas) in ready {
            let gas_reserve = offer.worst_cost(gas, data_fee).ok_or(Error::Overflow("the cost of gas"))?;
            self.memory().gas.insert((wallet, nonce), gas);
            opened.push(id);
            commands.push(Command::OpenDispatch { wallet, nonce, purpose: Purpose::Payout(id), gas_reserve });
            nonce = nonce.checked_add(1).ok_or(Error::Overflow("a nonce"))?;
        }
        failpoint::hit("payout.before_open");
        let answers = self.books.submit_many(commands).await?;
        failpoint::hit("payout.after_open");
        // After the first refusal the others' nonces do not fit: they are dealt anew.
        let refused = opened.into_iter().zip(answers).find_map(|(id, answer)| Some((id, answer.err()?)));
        match refused {
            Some((id, Rejection::WaitLiquidity)) => self.hold_back(&[id], Wait::Gas, now).await,
            // The state has moved on since it was dealt; the next plan says why it waits.
            Some((id, _)) => {
                let until = self.later(now);
                self.memory().held_back.insert(id, until);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Asks everything that may still say no, and how much gas it takes.
    async fn prepare(&self, from: &Address, payment: &Payment, authority: &Authority) -> Prepared {
        match self.is_still_authorised(authority).await {
            Ok(true) => {}
            Ok(false) => return Err(Wait::Authority),
            Err(_) => return Err(Wait::Network),
        }
        self.estimate(from, payment).await.unwrap_or(Err(Wait::Network))
    }

    /// How much gas a payment may use.
    pub(super) async fn estimate(&self, from: &Address, payment: &Payment) -> Result<Prepared, Error> {
        let Payload { to, value, input } = payload(payment)?;
        let call = Call { from: from.clone(), to, value, input };
        let estimate = self.network.estimate(&call).await?;
        Ok(gas_limit(&payment.asset, &estimate, &self.rules.gas))
    }

    /// A contract that authorised a payout is asked again, on its own network: its answer may have changed, and has to
    /// hold at the newest head and at the newest that can never go away.
    pub(super) async fn is_still_authorised(&self, authority: &Authority) -> Result<bool, Error> {
        let Authority::Signature { signer, digest, signature, contract: true } = authority else { return Ok(true) };
        let Some((network, address)) = signer.rsplit_once(':') else { return Ok(false) };
        let (Some(network), Some(address)) = (self.peers.get(network), Address::new(address)) else { return Ok(false) };
        let heads = network.heads().await?;
        let states = [Some(heads.latest), heads.finalized];
        for block in states.into_iter().flatten() {
            if !network.valid_signature(&address, *digest, signature, At::Block(block.hash)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the network charges for the bytes of a transfer besides gas, with room for it to double.
    pub(super) async fn data_fee(&self) -> Result<Amount, Error> {
        // As long as a token's transfer, and as badly compressible as its signature.
        let sample: Vec<u8> = (0..=199).map(|n: u8| n.wrapping_mul(151).wrapping_add(7)).collect();
        let fee = self.network.data_fee(self.rules.fees.data_fee, &sample).await?;
        fee.checked_add(fee).ok_or(Error::Overflow("the data fee"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::address;

    #[test]
    fn e25_gas_is_estimated_with_a_margin_and_capped() {
        let rules = GasRules { native_cap: 100_000, token_cap: 200_000, margin_percent: 25 };
        let token = Asset::Contract(address("TOKEN"));
        let reverts = Estimate::Reverts("refused".into());
        for (case, asset, estimate, expected) in [
            ("a key's account", &Asset::Native, Estimate::Gas(21_000), Ok(21_000)),
            ("E25 a contract that wants more", &Asset::Native, Estimate::Gas(40_000), Ok(50_000)),
            ("a contract that wants too much gets the cap", &Asset::Native, Estimate::Gas(5_000_000), Ok(100_000)),
            ("a contract that refuses: it fails on the network", &Asset::Native, reverts.clone(), Ok(100_000)),
            ("a token", &token, Estimate::Gas(48_000), Ok(60_000)),
            ("a token within the cap, not with its margin", &token, Estimate::Gas(190_000), Ok(200_000)),
            ("a token that wants too much", &token, Estimate::Gas(200_001), Err(Wait::Token)),
            ("A19 a token that is paused, or blocks us", &token, reverts, Err(Wait::Token)),
        ] {
            assert_eq!(gas_limit(asset, &estimate, &rules), expected, "{case}");
        }
    }
}
