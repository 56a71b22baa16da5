//! Lies: answers that look right and are not. Only nodes that may lie tell them, and never so many that they make a quorum.

use tokengine_chain::fees::Suggestion;
use tokengine_chain::{
    Asset, Block, Charges, Code, Estimate, Heads, Inclusion, NonceUse, NonceUser, Outcome, Payment, PinnedCode,
    Receivers, Returns, Scan, SendAnswer, TokenFacts, TxPayments, TxStatus,
};
use tokengine_core::{Address, Amount, BlockHash, BlockRef, Locator, TxId};

use super::faults::Fault;
use super::network::Net;

impl Net {
    fn dice(&mut self, ix: usize) -> &mut crate::rng::Rng {
        &mut self.endpoints[ix].rng
    }

    fn made_up_block(&mut self, ix: usize, near: u64) -> BlockRef {
        let dice = self.dice(ix);
        BlockRef {
            height: near.saturating_add(dice.below(4)),
            hash: BlockHash(dice.bytes()),
            parent: BlockHash(dice.bytes()),
        }
    }

    /// A head far ahead, another one, or one that is final too early.
    pub(super) fn lie_about_heads(&mut self, ix: usize, heads: Heads) -> Heads {
        if !self.coverage.comes(Fault::LieHead) {
            return heads;
        }
        let latest = heads.latest;
        match self.dice(ix).below(4) {
            0 => Heads { latest: BlockRef { height: latest.height.saturating_add(1_000_000), ..latest }, ..heads },
            1 => Heads { latest: BlockRef { hash: BlockHash(self.dice(ix).bytes()), ..latest }, ..heads },
            2 => Heads { safe: Some(latest), finalized: Some(latest), ..heads },
            _ => {
                let height = self.dice(ix).below(latest.height.saturating_add(1));
                let old = self.chain.best_at(height).map_or(latest, |ix| self.chain.get(ix).at);
                Heads { latest: old, safe: None, finalized: None }
            }
        }
    }

    pub(super) fn lie_about_block(&mut self, ix: usize, block: Option<Block>) -> Option<Block> {
        if !self.coverage.comes(Fault::LieBlock) {
            return block;
        }
        let dice = self.dice(ix);
        block.map(|block| {
            let at = if dice.chance(1, 2) {
                BlockRef { hash: BlockHash(dice.bytes()), ..block.at }
            } else {
                BlockRef { parent: BlockHash(dice.bytes()), ..block.at }
            };
            Block { at, ..block }
        })
    }

    pub(super) fn lie_about_blocks(&mut self, ix: usize, blocks: &mut [Block]) {
        if !self.coverage.comes(Fault::LieBlock) {
            return;
        }
        let dice = self.dice(ix);
        let mut parent = None;
        let from = dice.index(blocks.len().max(1));
        for block in blocks.iter_mut().skip(from) {
            block.at.hash = BlockHash(dice.bytes());
            block.at.parent = parent.unwrap_or(block.at.parent);
            parent = Some(block.at.hash);
        }
    }

    fn made_up_payment(&mut self, ix: usize, tx: Option<TxId>, block: BlockRef, to: &Receivers) -> Option<Payment> {
        let ours: Vec<Address> = self.books.ours().iter().map(|id| self.names.text(*id).clone()).collect();
        let ours: Vec<Address> = ours.into_iter().filter(|address| to.contains(address)).collect();
        let receiver = match ours.is_empty() {
            true => return None,
            false => self.dice(ix).pick(&ours).clone(),
        };
        let asset = match to.contracts() {
            [] => Asset::Native,
            contracts => Asset::Contract(self.dice(ix).pick(contracts).clone()),
        };
        let native = asset == Asset::Native;
        let from = super::names::random_address(self.dice(ix));
        let dice = self.dice(ix);
        Some(Payment {
            tx: tx.unwrap_or_else(|| TxId(dice.bytes())),
            locator: if native { Locator::Value } else { Locator::Log(u32::try_from(dice.below(3)).unwrap_or(0)) },
            asset,
            from: Some(from),
            to: receiver,
            amount: Ok(Amount::new(u128::from(dice.between(1, 1 << 40)))),
            block,
            outcome: Outcome::Succeeded,
        })
    }

    fn lie_about_scan(&mut self, ix: usize, mut scan: Scan, tx: Option<TxId>, block: BlockRef, to: &Receivers) -> Scan {
        let choice = self.dice(ix).below(3);
        match (choice, scan.payments.is_empty()) {
            (0, false) if self.coverage.comes(Fault::LieOmission) => {
                let place = self.dice(ix).index(scan.payments.len());
                scan.payments.remove(place);
            }
            (1, false) if self.coverage.comes(Fault::LieAmount) => {
                let place = self.dice(ix).index(scan.payments.len());
                let change = Amount::new(u128::from(self.dice(ix).between(1, 1_000_000)));
                let payment = &mut scan.payments[place];
                payment.amount = payment.amount.map(|amount| amount.checked_add(change).unwrap_or(Amount::MAX));
            }
            _ => {
                if let Some(payment) = self.made_up_payment(ix, tx, block, to)
                    && self.coverage.comes(Fault::LieDeposit)
                {
                    scan.payments.push(payment);
                    scan.payments.sort_by(|a, b| (a.tx, &a.locator).cmp(&(b.tx, &b.locator)));
                }
            }
        }
        scan
    }

    pub(super) fn lie_about_payments(&mut self, ix: usize, scan: Scan, hash: BlockHash, to: &Receivers) -> Scan {
        match self.chain.by_hash(&hash).map(|block| self.chain.get(block).at) {
            Some(block) => self.lie_about_scan(ix, scan, None, block, to),
            None => scan,
        }
    }

    pub(super) fn lie_about_payments_of(
        &mut self,
        ix: usize,
        tx: TxId,
        answer: TxPayments,
        to: &Receivers,
    ) -> TxPayments {
        match answer {
            TxPayments::InBlock(at, scan) => TxPayments::InBlock(at, self.lie_about_scan(ix, scan, Some(tx), at, to)),
            TxPayments::NotFound | TxPayments::Pending => {
                let at = self.chain.get(self.chain.head()).at;
                let nothing = Scan { payments: vec![], ignored: tokengine_chain::Ignored::NONE, traced: true };
                TxPayments::InBlock(at, self.lie_about_scan(ix, nothing, Some(tx), at, to))
            }
        }
    }

    pub(super) fn lie_about_status(&mut self, ix: usize, status: TxStatus) -> TxStatus {
        let flip = self.dice(ix).chance(1, 2);
        if !self.coverage.comes(if flip { Fault::LieStatus } else { Fault::LieInclusion }) {
            return status;
        }
        let elsewhere = |net: &mut Self, inclusion: Inclusion| Inclusion {
            block: net.made_up_block(ix, inclusion.block.height),
            ..inclusion
        };
        match status {
            TxStatus::InBlock(inclusion) if flip => TxStatus::Reverted(inclusion),
            TxStatus::Reverted(inclusion) if flip => TxStatus::InBlock(inclusion),
            TxStatus::InBlock(inclusion) => TxStatus::InBlock(elsewhere(self, inclusion)),
            TxStatus::Reverted(inclusion) => TxStatus::Reverted(elsewhere(self, inclusion)),
            TxStatus::InMempool | TxStatus::Unknown => {
                let block = self.chain.get(self.chain.head()).at;
                let inclusion = Inclusion { block, gas_used: 21_000, cost: Amount::new(1) };
                if flip { TxStatus::InBlock(inclusion) } else { TxStatus::Reverted(inclusion) }
            }
        }
    }

    pub(super) fn lie_about_nonce(&mut self, ix: usize, nonce: u64) -> u64 {
        if !self.coverage.comes(Fault::LieNonce) {
            return nonce;
        }
        match self.dice(ix).below(3) {
            0 => nonce.saturating_sub(1),
            1 => nonce.saturating_add(1),
            _ => nonce.saturating_add(1_000),
        }
    }

    pub(super) fn lie_about_user(&mut self, ix: usize, user: NonceUse, head: &BlockRef) -> NonceUse {
        if !self.coverage.comes(Fault::LieNonceUser) {
            return user;
        }
        match user {
            NonceUse::Used(user) if self.dice(ix).chance(1, 2) => {
                NonceUse::Used(NonceUser { tx: TxId(self.dice(ix).bytes()), ..user })
            }
            NonceUse::Used(_) => NonceUse::NotUsed,
            NonceUse::NotUsed | NonceUse::Unanswerable => {
                let tx = TxId(self.dice(ix).bytes());
                NonceUse::Used(NonceUser { tx, block: *head, to: None, value: Amount::ZERO, input: vec![1] })
            }
        }
    }

    pub(super) fn lie_about_balance(&mut self, ix: usize, balance: Amount) -> Amount {
        if !self.coverage.comes(Fault::LieBalance) {
            return balance;
        }
        let change = Amount::new(u128::from(self.dice(ix).between(1, 1 << 50)));
        let changed =
            if self.dice(ix).chance(1, 2) { balance.checked_add(change) } else { balance.checked_sub(change) };
        changed.unwrap_or(Amount::ZERO)
    }

    pub(super) fn lie_about_code(&mut self, code: Code) -> Code {
        if !self.coverage.comes(Fault::LieCode) {
            return code;
        }
        match code {
            Code::None => Code::Contract([0xbb; 32]),
            Code::Delegated(_) | Code::Contract(_) => Code::None,
        }
    }

    pub(super) fn lie_about_pinned(&mut self, pinned: Option<PinnedCode>) -> Option<PinnedCode> {
        if !self.coverage.comes(Fault::LieCode) {
            return pinned;
        }
        pinned.map(|pinned| PinnedCode { code: [0xbb; 32], ..pinned })
    }

    pub(super) fn lie_about_token(&mut self, ix: usize, facts: Option<TokenFacts>) -> Option<TokenFacts> {
        if !self.coverage.comes(Fault::LieToken) {
            return facts;
        }
        let choice = self.dice(ix).below(4);
        facts.and_then(|facts| match choice {
            0 => None,
            1 => Some(TokenFacts { decimals: Some(2), ..facts }),
            2 => Some(TokenFacts { returns: Returns::Other, ..facts }),
            _ => Some(TokenFacts { fee_on_transfer: Charges::Yes, ..facts }),
        })
    }

    /// One node's word is enough for an estimate: a lie may cost a failed payment or a wait, and never money.
    pub(super) fn lie_about_estimate(&mut self, ix: usize, estimate: Estimate) -> Estimate {
        if !self.coverage.comes(Fault::LieEstimate) {
            return estimate;
        }
        match (self.dice(ix).below(3), estimate) {
            (0, _) => Estimate::Reverts("execution reverted".to_owned()),
            (1, _) => Estimate::Gas(u64::MAX),
            (_, Estimate::Gas(gas)) => Estimate::Gas(gas / 2),
            (_, Estimate::Reverts(_)) => Estimate::Gas(21_000),
        }
    }

    pub(super) fn lie_about_fees(&mut self, ix: usize, fees: Suggestion) -> Suggestion {
        if !self.coverage.comes(Fault::LieFees) {
            return fees;
        }
        match self.dice(ix).below(3) {
            0 => Suggestion { priority: u128::MAX, gas_price: u128::MAX, ..fees },
            1 => Suggestion { base_fee: fees.base_fee.map(|_| u128::MAX), ..fees },
            _ => Suggestion { base_fee: fees.base_fee.map(|_| 1), priority: 0, gas_price: 1 },
        }
    }

    pub(super) fn lie_about_signature(&mut self, valid: bool) -> bool {
        if !self.coverage.comes(Fault::LieSignature) {
            return valid;
        }
        !valid
    }

    /// Says something, and does something else.
    pub(super) fn lie_about_send(&mut self, ix: usize, raw: &[u8]) -> SendAnswer {
        if !self.coverage.comes(Fault::LieSend) {
            return self.hand_in(raw);
        }
        if self.dice(ix).chance(1, 2) {
            let _ = self.hand_in(raw);
        }
        match self.dice(ix).below(6) {
            0 => SendAnswer::Accepted,
            1 => SendAnswer::AlreadyKnown,
            2 => SendAnswer::NonceTooLow,
            3 => SendAnswer::Underpriced,
            4 => SendAnswer::InsufficientFunds,
            _ => SendAnswer::Rejected("no".to_owned()),
        }
    }

    /// Some blocks nobody can trace in time.
    pub(super) fn perhaps_untraced(&mut self, ix: usize, scan: Scan) -> Scan {
        let rate = self.rates.ask;
        let inside = scan.payments.iter().any(|payment| matches!(payment.locator, Locator::Trace(_)));
        if !inside || !self.dice(ix).chance(rate, 1_000) || !self.coverage.comes(Fault::Untraced) {
            return scan;
        }
        scan.without_traces()
    }
}
