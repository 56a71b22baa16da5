//! What only networks with accounts and nonces can be asked.

use tokengine_core::{Address, Amount, BlockHash, BlockRef};

use super::ask::Agreement;
use super::{Network, split};
use crate::fees::{DataFee, Suggestion};
use crate::{Accounts, At, Call, Code, Error, Estimate, NonceUse, PinnedCode, TokenFacts};

impl<N: Accounts> Network<N> {
    /// How many nonces of an address are used: what the quorum says for a block, `safe` or `finalized`; what any node
    /// says for `Latest` and `Pending`.
    ///
    /// # Errors
    /// As any question.
    pub async fn nonce_at(&self, of: &Address, at: At) -> Result<u64, Error> {
        let at = self.pinned(at).await?;
        self.about("a nonce", at, |node| node.nonce_at(of, at)).await
    }

    /// The most nonces of an address that any node counts, with what waits in its pool. Nodes that are being left alone are
    /// asked too: what one of them has may be known to nobody else.
    ///
    /// # Errors
    /// [`Error::NoQuorum`] when fewer than the quorum answer, or, if `all` must, when one does not: its pool may hold what
    /// no other does.
    pub async fn nonce_in_pools(&self, of: &Address, all: bool) -> Result<u64, Error> {
        let what = "nonces in pools";
        let (told, faults) = split(self.all_configured(|node| node.nonce_at(of, At::Pending)).await);
        if all && !faults.is_empty() {
            let (needed, answered) = (told.len().saturating_add(faults.len()), told.len());
            return Err(Error::NoQuorum { network: self.id.clone(), what, needed, answered });
        }
        match told.iter().max() {
            Some(most) if told.len() >= self.needed() => Ok(*most),
            _ => Err(self.too_few(what, told.len(), faults)),
        }
    }

    /// Who used `nonce`, up to block `head`, as the quorum says; see [`Accounts::who_used_nonce`].
    ///
    /// # Errors
    /// As any question. Too few nodes with enough history are [`NonceUse::Unanswerable`], not an error.
    pub async fn who_used_nonce(
        &self,
        of: &Address,
        nonce: u64,
        not_before: u64,
        head: &BlockRef,
    ) -> Result<NonceUse, Error> {
        let settled = |answer: &NonceUse| *answer != NonceUse::Unanswerable;
        let question = |node| N::who_used_nonce(node, of, nonce, not_before, head);
        Ok(match self.agreed("who used a nonce", settled, question).await? {
            Agreement::Agreed(answer) => answer,
            Agreement::Unsettled(_) => NonceUse::Unanswerable,
        })
    }

    /// What stands at an address.
    ///
    /// # Errors
    /// As any question.
    pub async fn code(&self, at_address: &Address, at: At) -> Result<Code, Error> {
        let at = self.pinned(at).await?;
        self.about("code", at, |node| node.code(at_address, at)).await
    }

    /// Which code runs when a contract is called; `None` when there is no contract.
    ///
    /// # Errors
    /// As any question.
    pub async fn pinned_code(&self, contract: &Address, at: At) -> Result<Option<PinnedCode>, Error> {
        let at = self.pinned(at).await?;
        self.about("the code of a token", at, |node| node.pinned_code(contract, at)).await
    }

    /// What a call would do now, as any node says.
    ///
    /// # Errors
    /// As any question.
    pub async fn estimate(&self, call: &Call) -> Result<Estimate, Error> {
        self.any("an estimate", |node| node.estimate(call)).await
    }

    /// What gas costs now, as any node says; the operator's cap protects from a lie.
    ///
    /// # Errors
    /// As any question.
    pub async fn suggestion(&self) -> Result<Suggestion, Error> {
        self.any("fees", Accounts::suggestion).await
    }

    /// What is charged besides gas for these bytes, as any node says.
    ///
    /// # Errors
    /// As any question.
    pub async fn data_fee(&self, model: DataFee, raw: &[u8]) -> Result<Amount, Error> {
        match model {
            DataFee::None => Ok(Amount::ZERO),
            DataFee::OpStack => self.any("a data fee", |node| node.data_fee(model, raw)).await,
        }
    }

    /// Whether a contract owns up to a signature (EIP-1271), as the quorum says. Ask at a block of the newest head and
    /// at a finalized one.
    ///
    /// # Errors
    /// As any question.
    pub async fn valid_signature(
        &self,
        contract: &Address,
        digest: [u8; 32],
        signature: &[u8],
        at: At,
    ) -> Result<bool, Error> {
        // One node's word is not enough for a signature: `Latest` is pinned to the newest block that the quorum has.
        let at = match self.pinned(at).await? {
            At::Latest | At::Pending => At::Block(self.heads().await?.latest.hash),
            at => at,
        };
        self.about("a signature", at, |node| node.valid_signature(contract, digest, signature, at)).await
    }

    /// What a token is and does at a block, as the quorum says; `None` when there is no contract.
    ///
    /// # Errors
    /// As any question.
    pub async fn probe(
        &self,
        token: &Address,
        holders: &[Address],
        at: BlockHash,
    ) -> Result<Option<TokenFacts>, Error> {
        self.about("a token", At::Block(at), |node| node.probe(token, holders, at)).await
    }
}
