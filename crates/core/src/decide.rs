//! One command in, one event or one refusal out. Checks everything and changes nothing.

use crate::command::Command;
use crate::event::Event;
use crate::exchange::requests::Answer;
use crate::ids::Time;
use crate::model::{Principal, Request};
use crate::{Rejection, State};

/// What a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "a box would cost an allocation for every move")]
pub enum Decision {
    /// It happens. A refusal that is an answer for ever is an event too: [`Event::Refused`].
    Event(Event),
    /// The same request was answered before.
    Replayed(Answer),
    /// Nothing happens, and nothing is stored.
    Refused(Rejection),
}

impl State {
    /// Decides one command at `now`; a clock that went back counts as standing still, because what is forgotten of requests
    /// follows the latest time there was.
    ///
    /// A keyed request is looked up first: the same key and content gives the stored answer. A refusal of a keyed request
    /// becomes its stored answer unless it is transient.
    #[inline]
    pub fn decide(&self, command: &Command, now: Time) -> Decision {
        let now = now.max(self.at);
        let request = command.request();
        if let Some(request) = request {
            match self.look_up(request, now) {
                Ok(None) => {}
                Ok(Some(answer)) => return Decision::Replayed(answer),
                Err(rejection) => return Decision::Refused(rejection),
            }
        } else if let Command::Operate { operation } = command
            && let Some(before) = self.operation_done(operation)
        {
            return before;
        }
        match (self.decide_new(command, now), request) {
            (Ok(event), _) => Decision::Event(event),
            (Err(rejection), Some(request)) if !rejection.is_transient() => {
                Decision::Event(Event::Refused { request: *request, rejection })
            }
            (Err(rejection), _) => Decision::Refused(rejection),
        }
    }

    /// The stored answer. A request of an account that was joined to another since is still the same request.
    #[inline]
    fn look_up(&self, request: &Request, now: Time) -> Result<Option<Answer>, Rejection> {
        let answer = self.requests.look_up(request, now)?;
        match request.principal {
            Principal::Account(account) if answer.is_none() => {
                let former = self.ledger.joined(account).map(Principal::Account);
                let mut answers =
                    former.map(|principal| self.requests.look_up(&Request { principal, ..*request }, now));
                answers.find(|answer| *answer != Ok(None)).unwrap_or(Ok(None))
            }
            _ => Ok(answer),
        }
    }

    fn decide_new(&self, command: &Command, now: Time) -> Result<Event, Rejection> {
        use Command::*;
        match command {
            Move { request, token, from, to, amount, authority } => {
                self.decide_move(*request, *token, (*from, *to), *amount, *authority)
            }
            ListNetwork { id, policy } => self.decide_list_network(id, policy),
            ChangeNetworkPolicy { network, policy } => self.decide_network_policy(*network, policy),
            ListToken { id, decimals } => self.decide_list_token(id, *decimals),
            ListAsset { id, network, token, decimals, contract, rules } => {
                self.decide_list_asset(id, *network, *token, *decimals, contract.as_ref(), rules)
            }
            ChangeAssetRules { asset, rules } => self.decide_asset_rules(*asset, rules),
            PinAsset { asset, facts } => self.decide_pin_asset(*asset, facts),
            StopAsset { asset, reason } => self.decide_stop_asset(*asset, reason),
            ResumeAsset { asset, reason } => self.decide_resume_asset(*asset, reason),
            ListWallet { request, network, address, role, key } => {
                self.decide_list_wallet(*request, *network, address, *role, key)
            }
            ChangeWalletRole { wallet, role } => self.decide_wallet_role(*wallet, *role),
            ReadyWallet { wallet, next_nonce } => self.decide_ready_wallet(*wallet, *next_nonce),
            AddKey { name, hash, scopes } => self.decide_add_key(name, *hash, *scopes),
            RevokeKey { key } => self.decide_revoke_key(*key),
            LimitTopUps { network, a_day } => self.decide_top_up_limit(*network, *a_day),
            OpenAccount { request, name } => self.decide_open_account(*request, name),
            LinkName { request, account, name, authority, nonce, expiry } => {
                self.decide_link_name(*request, *account, name, authority, *nonce, *expiry, now)
            }
            FreezeAccount { account, frozen, reason } => self.decide_freeze_account(*account, *frozen, reason),
            StartNetwork { network, genesis, from } => self.decide_start_network(*network, *genesis, *from),
            ScanBlocks { network, blocks } => self.decide_scan_blocks(*network, blocks),
            RewindScan { network, to } => self.decide_rewind_scan(*network, *to),
            HaltNetwork { network, reason } => self.decide_halt_network(*network, reason),
            ResumeNetwork { network, reason, from } => self.decide_resume_network(*network, reason, *from),
            ClaimDeposit { request, network, tx, by, trace } => self.decide_claim(*request, *network, *tx, *by, *trace),
            CloseClaim { network, tx, outcome } => self.decide_close_claim(*network, *tx, *outcome),
            SeeDeposit { deposit } => self.decide_see_deposit(deposit),
            DropDeposit { key } => self.decide_drop_deposit(key),
            CreditDeposit { key, block, depth } => self.decide_credit(key, *block, *depth),
            ReverseDeposit { key } => self.decide_reverse(key),
            AnnounceFunding { request, network, tx, reason } => {
                self.decide_announce_funding(*request, *network, *tx, reason)
            }
            HoldPayout { request, order, trace } => self.decide_hold_payout(*request, order, *trace, now),
            WaitPayout { payout, why } => self.decide_wait_payout(*payout, *why),
            CancelPayout { request, payout, authority } => self.decide_cancel_payout(*request, *payout, authority),
            SettleInside { payout } => self.decide_settle_inside(*payout),
            OpenDispatch { wallet, nonce, purpose, gas_reserve } => {
                self.decide_open_dispatch(*wallet, *nonce, purpose, *gas_reserve, now)
            }
            SignAttempt { dispatch, attempt } => self.decide_sign_attempt(*dispatch, attempt),
            MarkSent { dispatch, attempt } => self.decide_mark_sent(*dispatch, *attempt),
            SeeDispatch { dispatch, sighting } => self.decide_see_dispatch(*dispatch, sighting),
            UnseeDispatch { dispatch } => self.decide_unsee_dispatch(*dispatch),
            SeeFinal { network, tx, block, success, gas } => {
                self.decide_see_final(*network, *tx, *block, *success, *gas)
            }
            ClearFinal { request, network, tx, proof, paid, reason } => {
                self.decide_clear_final(*request, *network, *tx, *proof, *paid, reason)
            }
            ClearUnmatched { request, network, tx, reason } => {
                self.decide_clear_unmatched(*request, *network, *tx, reason)
            }
            SettlePaid { payout } => self.decide_settle_paid(*payout),
            FinishDispatch { dispatch, sighting, gas, depth } => {
                self.decide_finish_dispatch(*dispatch, sighting, *gas, *depth)
            }
            BuryDispatch { dispatch, by, block, depth } => self.decide_bury_dispatch(*dispatch, *by, *block, *depth),
            FreezeWallet { wallet, reason } => self.decide_freeze_wallet(*wallet, reason),
            ThawWallet { wallet, reason } => self.decide_thaw_wallet(*wallet, reason),
            AdoptDispatch { wallet, nonce, tx, block, success, paid, gas, depth } => {
                self.decide_adopt_dispatch(*wallet, *nonce, *tx, *block, *success, paid.as_ref(), *gas, *depth)
            }
            RequestTransfer { request, network, tx, order, trace } => {
                self.decide_request_transfer(*request, *network, *tx, order, *trace, now)
            }
            HoldTransfer { transfer, deposit } => self.decide_hold_transfer(*transfer, deposit, now),
            FailTransfer { transfer, why } => self.decide_fail_transfer(*transfer, *why),
            Pause { request, scope, paused, reason } => self.decide_pause(*request, *scope, *paused, reason),
            AssignSuspense { request, item, to, reason } => self.decide_assign_suspense(*request, *item, *to, reason),
            ClaimSuspense { request, item, account, authority } => {
                self.decide_claim_suspense(*request, *item, *account, authority)
            }
            SettleOwed { request, account, token, amount } => {
                self.decide_settle_owed(*request, *account, *token, *amount)
            }
            BookSurplus { wallet, asset, amount, block, as_of } => {
                self.decide_book_surplus(*wallet, *asset, *amount, *block, *as_of)
            }
            FindShortage { wallet, asset, missing, block } => {
                self.decide_find_shortage(*wallet, *asset, *missing, *block)
            }
            WriteOffShortage { request, wallet, asset, amount, reason } => {
                self.decide_write_off(*request, *wallet, *asset, *amount, reason)
            }
            ClearShortage { asset, block } => self.decide_clear_shortage(*asset, *block),
            StartRecovery { reason } => self.decide_start_recovery(reason),
            EndRecovery { reason } => self.decide_end_recovery(reason),
            CreateClass { spec } => self.decide_create_class(spec),
            ChangeClass { class, rules } => self.decide_change_class(*class, rules),
            PauseClass { class, paused, reason } => self.decide_pause_class(*class, *paused, reason),
            Operate { operation } => self.decide_operate(operation),
            Once { request, command } => match &**command {
                ResumeAsset { .. }
                | AddKey { .. }
                | RevokeKey { .. }
                | FreezeAccount { .. }
                | ResumeNetwork { .. }
                | ThawWallet { .. }
                | CreateClass { .. }
                | ChangeClass { .. }
                | PauseClass { .. } => self.decide_new(command, now).map(|event| event.answering(*request)),
                _ => Err(Rejection::RuleInvalid),
            },
        }
    }
}
