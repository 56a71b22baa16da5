//! What only the network can add to a payment: whether its sender is a contract, and, where a token may take a fee,
//! whether the wallet really got what the log says.

use std::collections::BTreeMap;

use tokengine_chain::{Accounts, Asset, At, Code, Receivers, Scan};
use tokengine_core::{Address, Amount, AssetIx, BlockRef, Command, Incoming, Locator, NetworkIx, WalletIx};

use super::Watcher;
use super::sort::Draft;
use crate::{Books, Error};

impl<B: Books, N: Accounts> Watcher<B, N> {
    pub(super) async fn verify(&self, ix: NetworkIx, drafts: Vec<Draft>) -> Result<Vec<Incoming>, Error> {
        let mut codes = BTreeMap::new();
        let mut deposits = Vec::with_capacity(drafts.len());
        for Draft { mut incoming, ask_code } in drafts {
            if ask_code {
                let asked = (incoming.from.clone(), incoming.block);
                let code = match codes.get(&asked) {
                    Some(code) => Code::clone(code),
                    None => self.code_at(&incoming.from, &incoming.block).await?,
                };
                incoming.from_contract = is_contract(&code, &incoming.key.locator);
                codes.insert(asked, code);
            }
            deposits.push(incoming);
        }
        self.drop_what_did_not_arrive(ix, deposits).await
    }

    /// What stood at an address when it paid. Where that state is pruned, what stands there now: a key's account can
    /// become a contract later (a wallet deployed where it was paid before), and is then treated as one.
    async fn code_at(&self, address: &Address, block: &BlockRef) -> Result<Code, Error> {
        match self.network.code(address, At::Block(block.hash)).await {
            Err(tokengine_chain::Error::StateUnavailable { .. }) => {
                let head = self.network.heads().await?.latest;
                Ok(self.network.code(address, At::Block(head.hash)).await?)
            }
            answer => Ok(answer?),
        }
    }

    /// Where it is not certain that a token moves what it says, compares what its logs say with what the wallets got.
    /// What did not arrive whole is not reported: the reconciler finds what did, and puts it into suspense.
    async fn drop_what_did_not_arrive(&self, ix: NetworkIx, deposits: Vec<Incoming>) -> Result<Vec<Incoming>, Error> {
        let mut arrived: BTreeMap<(WalletIx, AssetIx, BlockRef), bool> = BTreeMap::new();
        let mut kept = Vec::with_capacity(deposits.len());
        for deposit in deposits {
            if !self.prober.is_certain(deposit.asset) {
                let what = (deposit.wallet, deposit.asset, deposit.block);
                let whole = match arrived.get(&what) {
                    Some(whole) => *whole,
                    None => self.arrived_whole(ix, what).await?,
                };
                arrived.insert(what, whole);
                if !whole {
                    continue;
                }
            }
            kept.push(deposit);
        }
        Ok(kept)
    }

    async fn arrived_whole(
        &self,
        ix: NetworkIx,
        (wallet, asset, block): (WalletIx, AssetIx, BlockRef),
    ) -> Result<bool, Error> {
        let look = move |state: &tokengine_core::State| {
            let contract = state.asset(asset).filter(|asset| asset.network == ix)?.contract.clone();
            Some((state.wallet(wallet)?.address.clone(), contract))
        };
        let Some((address, Some(contract))) = self.books.query(look).await? else { return Ok(true) };
        let token = Asset::Contract(contract.clone());
        let before = self.network.balance(&address, &token, At::Block(block.parent)).await;
        let after = self.network.balance(&address, &token, At::Block(block.hash)).await;
        let (before, after) = match (before, after) {
            (Ok(before), Ok(after)) => (before, after),
            (Err(tokengine_chain::Error::StateUnavailable { .. }), _)
            | (_, Err(tokengine_chain::Error::StateUnavailable { .. })) => {
                tracing::warn!(
                    chain.id = self.network.id(),
                    height = block.height,
                    "No balance to compare a deposit with"
                );
                return Ok(false);
            }
            (before, after) => (before?, after?),
        };
        let all = self.network.payments(block.hash, &Receivers::everyone([contract])).await?;
        if got_all(&all, &token, &address, before, after) {
            return Ok(true);
        }
        let reason = "a transfer in moved less than its log says: the token takes a fee";
        self.books.submit(Command::StopAsset { asset, reason: reason.into() }).await?.ok();
        tracing::error!(chain.id = self.network.id(), %asset, "Asset stopped: {reason}");
        Ok(false)
    }
}

/// Whether a sender is a contract. Inside a call the caller runs code, be it still under construction; only a key's
/// account that lends itself code (EIP-7702) does so too.
fn is_contract(code: &Code, locator: &Locator) -> bool {
    match code {
        Code::Delegated(_) => false,
        Code::Contract(_) => true,
        Code::None => matches!(locator, Locator::Trace(_)),
    }
}

/// Whether a balance rose by at least what the logs of a block say that came in, less what they say that went out.
fn got_all(block: &Scan, token: &Asset, wallet: &Address, before: Amount, after: Amount) -> bool {
    let sum = |ours: &dyn Fn(&tokengine_chain::Payment) -> bool| {
        let mine = block.payments.iter().filter(|payment| payment.asset == *token && ours(payment));
        mine.map(|payment| payment.amount.unwrap_or(Amount::MAX)).try_fold(Amount::ZERO, Amount::checked_add)
    };
    let (Some(came), Some(went)) =
        (sum(&|payment| payment.to == *wallet), sum(&|payment| payment.from.as_ref() == Some(wallet)))
    else {
        return false;
    };
    match (before.checked_add(came), after.checked_add(went)) {
        (Some(by_logs), Some(by_balance)) => by_balance >= by_logs,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use tokengine_chain::Ignored;

    use super::*;
    use crate::testing::*;

    #[test]
    fn a8_what_a_token_kept_for_itself_is_noticed() {
        let scan = |payments| Scan { payments, ignored: Ignored::NONE, traced: false };
        let token = Asset::Contract(address("TOKEN"));
        let come = payment("alice", "HOT", 100);
        let went = payment("HOT", "bob", 30);
        for (case, payments, before, after, whole) in [
            ("all of it", vec![come.clone()], 5, 105, true),
            ("A8 the log says 100, the balance rose 99", vec![come.clone()], 5, 104, false),
            ("something went out in the same block", vec![come.clone(), went.clone()], 5, 75, true),
            ("that and a fee", vec![come.clone(), went], 5, 74, false),
            ("A9 it grew by itself meanwhile", vec![come.clone()], 5, 110, true),
            ("another token", vec![tokengine_chain::Payment { asset: Asset::Native, ..come }], 5, 5, true),
        ] {
            let got = got_all(&scan(payments), &token, &address("HOT"), Amount::new(before), Amount::new(after));
            assert_eq!(got, whole, "{case}");
        }
    }

    #[test]
    fn who_runs_code_is_a_contract_unless_a_key_lent_itself_code() {
        let trace = Locator::Trace([0].into());
        for (case, code, locator, contract) in [
            ("a contract's log", Code::Contract([1; 32]), Locator::Log(0), true),
            ("a key's log", Code::None, Locator::Log(0), false),
            ("EIP-7702", Code::Delegated(address("CODE")), Locator::Log(0), false),
            ("EIP-7702, inside", Code::Delegated(address("CODE")), trace.clone(), false),
            ("inside a contract that is gone", Code::None, trace, true),
        ] {
            assert_eq!(is_contract(&code, &locator), contract, "{case}");
        }
    }
}
