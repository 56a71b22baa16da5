//! A node as the product asks it: [`tokengine_chain::Accounts`].

use std::collections::BTreeMap;
use std::sync::Arc;

use tokengine_chain::evm::tx::Payload;
use tokengine_chain::fees::{DataFee, Suggestion};
use tokengine_chain::{Accounts, At, Call, Code, Error, Estimate, NonceUse, PinnedCode, TokenFacts};
use tokengine_core::{Address, Amount, BlockHash, BlockRef, TxId};

use super::contracts::Contract;
use super::network::Net;
use super::node::SimNode;
use super::tx::{Act, Tx};

impl Accounts for SimNode {
    async fn nonce_at(&self, of: &Address, at: At) -> Result<u64, Error> {
        let what = "a nonce";
        self.ask(what, |net, plan| {
            let nonce = net.view(self.ix, plan).nonce(of, at);
            let nonce = nonce.map_err(|lacks| net.lacks(self.ix, what, lacks))?;
            Ok(if plan.lie { net.lie_about_nonce(self.ix, nonce) } else { nonce })
        })
        .await
    }

    async fn who_used_nonce(
        &self,
        of: &Address,
        nonce: u64,
        _not_before: u64,
        head: &BlockRef,
    ) -> Result<NonceUse, Error> {
        let what = "who used a nonce";
        self.ask(what, |net, plan| {
            let user = net.view(self.ix, plan).user(of, nonce, head);
            let user = user.map_err(|lacks| net.lacks(self.ix, what, lacks))?;
            Ok(match user {
                user if plan.lie => net.lie_about_user(self.ix, user, head),
                NonceUse::Used(_) if plan.not_found => NonceUse::Unanswerable,
                user => user,
            })
        })
        .await
    }

    async fn code(&self, at_address: &Address, at: At) -> Result<Code, Error> {
        let what = "code";
        self.ask(what, |net, plan| {
            let view = net.view(self.ix, plan);
            let code = view.state_of(at).map(|block| match view.contract(at_address) {
                None => Code::None,
                Some((_, Contract::Delegated)) => Code::Delegated(view.net.delegate.clone()),
                Some((contract, _)) => Code::Contract(view.code_hash(contract, block)),
            });
            let code = code.map_err(|lacks| net.lacks(self.ix, what, lacks))?;
            Ok(if plan.lie { net.lie_about_code(code) } else { code })
        })
        .await
    }

    async fn pinned_code(&self, contract: &Address, at: At) -> Result<Option<PinnedCode>, Error> {
        let what = "the code of a token";
        self.ask(what, |net, plan| {
            let view = net.view(self.ix, plan);
            let pinned = view.state_of(at).map(|block| {
                let (contract, _) = view.contract(contract)?;
                Some(PinnedCode { code: view.code_hash(contract, block), implementation: None })
            });
            let pinned = pinned.map_err(|lacks| net.lacks(self.ix, what, lacks))?;
            Ok(if plan.lie { net.lie_about_pinned(pinned) } else { pinned })
        })
        .await
    }

    async fn estimate(&self, call: &Call) -> Result<Estimate, Error> {
        self.ask("an estimate", |net, plan| {
            let estimate = net.estimate(call);
            Ok(if plan.lie { net.lie_about_estimate(self.ix, estimate) } else { estimate })
        })
        .await
    }

    async fn suggestion(&self) -> Result<Suggestion, Error> {
        self.ask("fees", |net, plan| {
            let (base, tip) = (net.next_base_fee(), net.settings.tip.saturating_add(net.settings.tip / 2));
            let base_fee = net.settings.base_fee.map(|_| base);
            let suggestion = Suggestion { base_fee, priority: tip, gas_price: base.saturating_add(tip) };
            Ok(if plan.lie { net.lie_about_fees(self.ix, suggestion) } else { suggestion })
        })
        .await
    }

    async fn data_fee(&self, model: DataFee, _raw: &[u8]) -> Result<Amount, Error> {
        self.ask("a data fee", |net, _| {
            Ok(match model {
                DataFee::None => Amount::ZERO,
                DataFee::OpStack => Amount::new(net.settings.data_fee),
            })
        })
        .await
    }

    async fn valid_signature(
        &self,
        contract: &Address,
        digest: [u8; 32],
        _signature: &[u8],
        at: At,
    ) -> Result<bool, Error> {
        let what = "a signature";
        self.ask(what, |net, plan| {
            let at = net.view(self.ix, plan).state_of(at);
            at.map_err(|lacks| net.lacks(self.ix, what, lacks))?;
            let valid = net.names.find(contract).is_some_and(|wallet| net.signed.contains(&(wallet, digest)));
            Ok(if plan.lie { net.lie_about_signature(valid) } else { valid })
        })
        .await
    }

    async fn probe(&self, token: &Address, _holders: &[Address], at: BlockHash) -> Result<Option<TokenFacts>, Error> {
        let what = "a token";
        self.ask(what, |net, plan| {
            let view = net.view(self.ix, plan);
            let facts = view.state_of(At::Block(at)).map(|block| {
                let (id, contract) = view.contract(token)?;
                let code = PinnedCode { code: view.code_hash(id, block), implementation: None };
                Some(match contract {
                    Contract::Token(token) => TokenFacts {
                        decimals: Some(token.decimals),
                        code,
                        returns: token.returns(),
                        fee_on_transfer: token.charges(),
                        face: tokengine_chain::Face::UNKNOWN,
                    },
                    _ => TokenFacts {
                        decimals: None,
                        code,
                        returns: tokengine_chain::Returns::Unknown,
                        fee_on_transfer: tokengine_chain::Charges::Unknown,
                        face: tokengine_chain::Face::UNKNOWN,
                    },
                })
            });
            let facts = facts.map_err(|lacks| net.lacks(self.ix, what, lacks))?;
            Ok(if plan.lie { net.lie_about_token(self.ix, facts) } else { facts })
        })
        .await
    }
}

impl Net {
    /// What a call would do on top of the newest block.
    fn estimate(&mut self, call: &Call) -> Estimate {
        let payload = Payload { to: call.to.clone(), value: call.value, input: call.input.clone() };
        let act = match payload.token_transfer() {
            Some((to, amount)) => Act::Transfer { to: self.names.id(&to), amount: amount.base_units() },
            None if call.input.is_empty() => Act::Take,
            None => Act::Opaque,
        };
        let (from, to) = (self.names.id(&call.from), self.names.id(&call.to));
        let tx = Tx::of_outsider(TxId([0; 32]), from, 0, to, call.value.base_units(), act);
        match self.vm(0, &BTreeMap::new(), |vm| vm.run(&tx)) {
            (Ok(()), done) => Estimate::Gas(done.gas),
            (Err(reverted), _) => Estimate::Reverts(reverted.0.to_owned()),
        }
    }

    /// Whether a token's contract stands at an address.
    pub(super) fn is_token_at(&self, address: &Address) -> bool {
        let contract = self.names.find(address).and_then(|id| self.contracts.get(&id));
        matches!(contract, Some(Contract::Token(_)))
    }

    /// A node's own name, for its errors.
    pub(super) fn name_of(&self, ix: usize) -> Arc<str> {
        Arc::clone(&self.endpoints[ix].name)
    }
}
