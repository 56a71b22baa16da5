//! What happened becomes what is. No rule, no clock, nothing that can fail: it replays the same in ten years.

use crate::event::{Event, Record, Subject};
use crate::exchange::requests::Answer;
use crate::ids::Position;
use crate::model::Stop;
use crate::{Rejection, State};

impl State {
    /// Takes the next record in and says what it is about.
    #[inline]
    pub fn evolve(&mut self, record: &Record) -> Answer {
        self.position = self.position.next();
        self.at = self.at.max(record.at);
        self.requests.forget(self.at);
        let (position, at) = (self.position, record.at);
        let subject = self.apply(&record.event, position, at);
        if self.ledger.has_changed() {
            self.commit_changed();
        }
        let refused: Option<Rejection> = match &record.event {
            Event::Refused { rejection, .. } => Some(*rejection),
            _ => None,
        };
        let answer = Answer { position, subject, refused };
        // A transfer's request was answered when the transfer was taken; its payout does not answer it again.
        let again = matches!(
            record.event,
            Event::PayoutHeld { transfer: Some(_), .. } | Event::PayoutSettledInside { transfer: Some(_), .. }
        );
        if let Some(request) = record.event.request().filter(|_| !again) {
            self.requests.remember(*request, answer);
        }
        answer
    }

    fn apply(&mut self, event: &Event, position: Position, at: crate::ids::Time) -> Subject {
        use Event::*;
        match event {
            Moved { token, from, to, amount, .. } => self.ledger.transfer(*from, *to, *token, *amount),
            Refused { .. } => {}
            NetworkListed { id, policy } => self.apply_network_listed(id, policy),
            NetworkPolicyChanged { network, policy } => self.networks[network.row()].policy = policy.clone(),
            TokenListed { id, decimals } => self.apply_token_listed(id, *decimals),
            AssetListed { id, network, token, decimals, contract, rules } => {
                self.apply_asset_listed(id, *network, *token, *decimals, contract.as_ref(), rules);
            }
            AssetRulesChanged { asset, rules } => self.assets[asset.row()].rules = rules.clone(),
            AssetPinned { asset, facts } => self.assets[asset.row()].facts = Some(facts.clone()),
            AssetStopped { asset, reason } => {
                self.assets[asset.row()].stopped = Some(Stop { reason: reason.clone(), since: at });
            }
            AssetResumed { asset, .. } => {
                // What was pinned is pinned anew from what the contract is now; a person has looked at it.
                let row = &mut self.assets[asset.row()];
                if row.stopped.take().is_some() {
                    row.facts = None;
                }
                self.apply_shortage_cleared(*asset);
            }
            WalletListed { network, address, role, key, .. } => {
                return self.apply_wallet_listed(*network, address, *role, key);
            }
            WalletRoleChanged { wallet, role } => {
                self.wallets.get_mut(wallet.row()).expect("decide saw the wallet").role = *role;
            }
            WalletReady { wallet, next_nonce } => {
                self.wallets.get_mut(wallet.row()).expect("decide saw the wallet").next_nonce = Some(*next_nonce);
            }
            KeyAdded { name, hash, scopes, .. } => {
                self.keys.push(crate::ApiKey { name: name.clone(), hash: *hash, scopes: *scopes, revoked: false })
            }
            KeyRevoked { key, .. } => self.keys[key.row()].revoked = true,
            TopUpLimitSet { network, a_day } => self.networks[network.row()].top_ups.a_day = Some(*a_day),
            AccountOpened { name, .. } => return self.apply_account_opened(name),
            NameLinked { account, name, merged, moved, .. } => {
                self.apply_name_linked(*account, name, *merged, moved);
                return Subject::Account(*account);
            }
            AccountFrozen { account, frozen, .. } => self.ledger.set_frozen(*account, *frozen),
            NetworkStarted { network, genesis, from } => self.apply_network_started(*network, *genesis, *from),
            BlocksScanned { network, blocks } => self.apply_blocks_scanned(*network, blocks),
            ScanRewound { network, to } => self.apply_scan_rewound(*network, *to, at),
            NetworkHalted { network, reason } => {
                self.networks[network.row()].halted = Some(Stop { reason: reason.clone(), since: at });
            }
            NetworkResumed { network, from, searched, .. } => self.apply_network_resumed(*network, *from, *searched),
            DepositClaimed { network, tx, by, trace, .. } => {
                self.add_claim(*network, *tx, crate::Claim { by: *by, at, trace: *trace });
            }
            ClaimClosed { network, tx, .. } => self.remove_claim(*network, *tx),
            DepositSeen { deposit } => self.apply_deposit_seen(deposit, position, at),
            DepositReblocked { key, block } => self.apply_deposit_reblocked(key, *block),
            DepositDropped { key } => self.apply_deposit_dropped(key),
            DepositCredited {
                key,
                asset,
                wallet,
                from,
                amount,
                credited,
                to,
                block,
                from_surplus,
                given_before,
                ..
            } => {
                let (what, amounts) = ((*asset, *wallet), (*amount, *credited));
                let seen = self.pending_deposit(key).map_or(position, |pending| pending.seen);
                let subject = self.apply_deposit_credited(key, what, from, amounts, to, *block, position, at);
                self.take_out_booked((*wallet, *asset), from_surplus, *given_before, (block.height, seen));
                self.take_what_is_ahead(*wallet, *asset);
                return subject;
            }
            DepositReversed { key, account, asset, from_wallets, credited, taken, back_to, unswept } => {
                self.apply_unswept(key.network, *asset, unswept);
                let amounts = (*credited, *taken);
                self.apply_deposit_reversed(key, *account, *asset, from_wallets, amounts, *back_to, position, at);
            }
            FundingAnnounced { network, tx, .. } => drop(self.funding.insert((*network, *tx), at)),
            PayoutHeld { payout, transfer, order, amount, success_fee, failure_fee, held, trace, .. } => {
                let amounts = (*amount, *success_fee, *failure_fee, *held);
                return self.apply_payout_held(*payout, *transfer, order, amounts, *trace, at);
            }
            PayoutSettledInside { payout, transfer, order, to, amount, fee, .. } => {
                return self.apply_payout_inside(*payout, *transfer, order, *to, (*amount, *fee));
            }
            PayoutWaiting { payout, why } => {
                self.payouts.get_mut(payout).expect("decide saw the payout").stage = crate::PayoutStage::Waiting(*why);
            }
            PayoutCancelled { payout, .. } => return self.apply_payout_cancelled(*payout),
            PayoutEndedInside { payout, to, fee } => return self.apply_ended_inside(*payout, *to, *fee),
            CancelRequested { payout, .. } => {
                self.payouts.get_mut(payout).expect("decide saw the payout").cancel = true;
                return Subject::Payout(*payout);
            }
            DispatchOpened { dispatch, wallet, nonce, purpose, gas_reserve } => {
                self.apply_dispatch_opened(*dispatch, *wallet, *nonce, purpose, *gas_reserve, at);
            }
            AttemptSigned { dispatch, attempt } => self.apply_attempt_signed(*dispatch, attempt),
            AttemptSent { dispatch, attempt } => self.apply_attempt_sent(*dispatch, *attempt, at),
            DispatchSeen { dispatch, sighting } => self.apply_dispatch_seen(*dispatch, Some(sighting)),
            FinalReblocked { network, tx, block, gas } => self.apply_final_reblocked(*network, *tx, *block, *gas),
            FinalCleared { network, tx, wallet, returned, from, .. } => {
                self.apply_final_cleared(*network, *tx, *wallet, *returned, *from, position, at);
            }
            DispatchUnseen { dispatch } => self.apply_dispatch_seen(*dispatch, None),
            DispatchFinal { dispatch, sighting, gas, .. } => {
                return self.apply_dispatch_final(*dispatch, sighting, *gas);
            }
            DispatchDead { dispatch, by, .. } => return self.apply_dispatch_dead(*dispatch, *by, at),
            WalletFrozen { wallet, reason } => {
                let row = self.wallets.get_mut(wallet.row()).expect("decide saw the wallet");
                row.frozen = Some(Stop { reason: reason.clone(), since: at });
            }
            WalletThawed { wallet, .. } => {
                self.wallets.get_mut(wallet.row()).expect("decide saw the wallet").frozen = None;
            }
            PayoutPaidBefore { payout, dispatch, fee, .. } => return self.apply_paid_before(*payout, *dispatch, *fee),
            UnmatchedCleared { dispatch, .. } => drop(self.unmatched.remove(dispatch)),
            DispatchAdopted { dispatch, wallet, nonce, purpose, tx, block, success, lost, gas, to } => {
                let found = (*tx, *block, *success);
                return self.apply_dispatch_adopted(
                    *dispatch,
                    *wallet,
                    *nonce,
                    purpose.as_ref(),
                    found,
                    lost.map(|lost| (lost, to.as_ref())),
                    *gas,
                    at,
                );
            }
            TransferRequested { request, transfer, network, tx, order, trace } => {
                return self.apply_transfer_requested(*request, *transfer, *network, *tx, order, *trace, at);
            }
            TransferFailed { transfer, .. } => {
                self.remove_transfer(*transfer);
                return Subject::Transfer(*transfer);
            }
            PauseSet { scope, paused, .. } => self.apply_pause_set(*scope, *paused),
            SuspenseAssigned { item, to, .. } => self.apply_suspense_assigned(*item, *to),
            OwedSettled { account, token, amount, .. } => self.ledger.pay_owed(*account, *token, *amount),
            SurplusBooked { wallet, asset, amount, block } => {
                self.apply_surplus_booked(*wallet, *asset, *amount, *block, position, at);
            }
            ShortageFound { wallet, asset, missing, block } => {
                self.apply_shortage_found(*wallet, *asset, *missing, *block, at);
            }
            ShortageCleared { asset, .. } => self.apply_shortage_cleared(*asset),
            ShortageWrittenOff { wallet, asset, amount, .. } => self.apply_written_off(*wallet, *asset, *amount),
            RecoveryStarted { reason } => self.recovery = Some(Stop { reason: reason.clone(), since: at }),
            RecoveryEnded { .. } => self.recovery = None,
            ClassCreated { spec, .. } => self.apply_class_created(spec, position, at),
            ClassChanged { class, rules, .. } => self.apply_class_changed(*class, rules, position, at),
            ClassPaused { class, paused, .. } => self.apply_class_paused(*class, *paused, position, at),
            Operated { operation, class, opened, posting, changes, .. } => {
                self.apply_operated(operation, *class, opened.as_deref(), *posting, changes, position);
            }
            OperationFailed { operation, message, failure, .. } => {
                self.apply_operation_failed(operation, message, failure, position, at);
            }
        }
        Subject::Event
    }
}
