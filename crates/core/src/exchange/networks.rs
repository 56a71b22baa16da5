//! How far each network was searched, and what a reorg undoes.

use super::rows::*;
use crate::event::Event;
use crate::ids::*;
use crate::model::Stop;
use crate::{BlockRef, Rejection, State};

impl State {
    pub(crate) fn decide_start_network(
        &self,
        network: NetworkIx,
        genesis: BlockRef,
        from: BlockRef,
    ) -> Result<Event, Rejection> {
        let row = self.network(network).ok_or(Rejection::UnknownNetwork)?;
        match row.genesis {
            Some(known) if known.hash != genesis.hash => Err(Rejection::ConfigInUse),
            Some(_) => Err(Rejection::AlreadyListed),
            None => Ok(Event::NetworkStarted { network, genesis, from }),
        }
    }

    pub(crate) fn decide_scan_blocks(&self, network: NetworkIx, blocks: &[BlockRef]) -> Result<Event, Rejection> {
        let row = self.network(network).ok_or(Rejection::UnknownNetwork)?;
        let mut head = *row.head().ok_or(Rejection::Stale)?;
        if blocks.is_empty() {
            return Err(Rejection::Stale);
        }
        for block in blocks {
            if block.parent != head.hash || Some(block.height) != head.height.checked_add(1) {
                return Err(Rejection::Stale);
            }
            head = *block;
        }
        Ok(Event::BlocksScanned { network, blocks: blocks.to_vec() })
    }

    pub(crate) fn decide_rewind_scan(&self, network: NetworkIx, to: BlockRef) -> Result<Event, Rejection> {
        let row = self.network(network).ok_or(Rejection::UnknownNetwork)?;
        if row.head() == Some(&to) || !row.scanned.contains(&to) {
            return Err(Rejection::Stale);
        }
        Ok(Event::ScanRewound { network, to })
    }

    pub(crate) fn decide_halt_network(&self, network: NetworkIx, reason: &str) -> Result<Event, Rejection> {
        let row = self.network(network).ok_or(Rejection::UnknownNetwork)?;
        if row.halted.is_some() {
            Err(Rejection::Stale)
        } else {
            Ok(Event::NetworkHalted { network, reason: reason.into() })
        }
    }

    pub(crate) fn decide_resume_network(
        &self,
        network: NetworkIx,
        reason: &str,
        from: Option<BlockRef>,
    ) -> Result<Event, Rejection> {
        let row = self.network(network).ok_or(Rejection::UnknownNetwork)?;
        if row.halted.is_none() {
            return Err(Rejection::NotPaused);
        }
        if from.is_some() && row.genesis.is_none() {
            return Err(Rejection::Stale);
        }
        let searched = from.is_some_and(|from| row.scanned.contains(&from));
        if let Some(from) = from.filter(|_| !searched)
            && self.counts_up_to(network, from.height)
        {
            return Err(Rejection::ResumeTooHigh);
        }
        Ok(Event::NetworkResumed { network, reason: reason.into(), from, request: None, searched })
    }

    /// Whether anything counts in a block up to `height` that a reorg could still take away. From a block of another chain
    /// nothing below it is searched, so nobody would ever find that it is gone.
    fn counts_up_to(&self, network: NetworkIx, height: u64) -> bool {
        let row = &self.networks[network.row()];
        let below = |block: &BlockRef, orphaned: bool| !orphaned && block.height <= height;
        let credits = row.recent.iter().any(|credit| below(&credit.block, credit.orphaned));
        let finals = row.recent_final.iter().any(|sent| below(&sent.block, sent.orphaned));
        let mut here = self.pending.values().filter(|pending| pending.deposit.key.network == network);
        credits || finals || here.any(|pending| below(&pending.deposit.block, pending.orphaned))
    }

    pub(crate) fn apply_network_started(&mut self, network: NetworkIx, genesis: BlockRef, from: BlockRef) {
        let row = &mut self.networks[network.row()];
        row.genesis = Some(genesis);
        row.starts_after = from.height;
        row.scanned.push_back(from);
    }

    pub(crate) fn apply_blocks_scanned(&mut self, network: NetworkIx, blocks: &[BlockRef]) {
        let row = &mut self.networks[network.row()];
        row.scanned.extend(blocks);
        let horizon = row.horizon();
        while row.scanned.len() > horizon {
            row.scanned.pop_front();
        }
        // An orphan stays until it is seen again or reversed, however old: a payout of ours that a reorg took is unpaid.
        let oldest = row.scanned.front().map_or(0, |block| block.height);
        row.recent.retain(|credit| credit.orphaned || credit.block.height >= oldest);
        row.recent_final.retain(|sent| sent.orphaned || sent.block.height >= oldest);
    }

    /// Forgets the blocks above `to` and what was seen in them; a rewind deeper than the policy halts the network.
    pub(crate) fn apply_scan_rewound(&mut self, network: NetworkIx, to: BlockRef, at: Time) {
        let row = &mut self.networks[network.row()];
        let depth = row.head().map_or(0, |head| head.height.saturating_sub(to.height));
        row.scanned.retain(|block| block.height <= to.height);
        let (lost, unsent) = self.orphan_above(network, to.height);
        let row = &mut self.networks[network.row()];
        if depth > u64::from(row.policy.reorg_depth) {
            let reason = format!(
                "a reorg of {depth} blocks is deeper than the policy's {}; {lost} credited deposits and {unsent} of our final transactions were in them",
                row.policy.reorg_depth
            );
            row.halted.get_or_insert(Stop { reason: reason.into(), since: at });
        }
    }

    /// What was seen above `height` is orphaned until it is seen again. Says how many credits and transactions of ours.
    fn orphan_above(&mut self, network: NetworkIx, height: u64) -> (usize, usize) {
        let gone = |block: &BlockRef| block.height > height;
        let row = &mut self.networks[network.row()];
        let lost =
            row.recent.iter_mut().filter(|credit| gone(&credit.block)).map(|credit| credit.orphaned = true).count();
        let unsent =
            row.recent_final.iter_mut().filter(|sent| gone(&sent.block)).map(|sent| sent.orphaned = true).count();
        for pending in self.pending.values_mut() {
            if pending.deposit.key.network == network && gone(&pending.deposit.block) {
                pending.orphaned = true;
            }
        }
        for dispatch in self.dispatches.values_mut() {
            let here = self.wallets.get(dispatch.wallet.row()).is_some_and(|wallet| wallet.network == network);
            if here && dispatch.seen.as_ref().is_some_and(|seen| gone(&seen.block)) {
                dispatch.seen = None;
            }
        }
        (lost, unsent)
    }

    /// Where the search starts again elsewhere, everything above is searched anew, and counts only if it is found again.
    pub(crate) fn apply_network_resumed(&mut self, network: NetworkIx, from: Option<BlockRef>, searched: bool) {
        let row = &mut self.networks[network.row()];
        row.halted = None;
        if let Some(from) = from {
            if searched {
                row.scanned.retain(|block| block.height <= from.height);
            } else {
                row.scanned.clear();
                row.scanned.push_back(from);
            }
            self.orphan_above(network, from.height);
        }
    }

    pub(super) fn recent_mut(&mut self, key: &crate::model::DepositKey) -> Option<&mut RecentCredit> {
        self.networks.get_mut(key.network.row())?.recent.iter_mut().find(|credit| credit.key == *key)
    }
}
