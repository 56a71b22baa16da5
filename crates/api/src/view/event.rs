//! What happened, for those who follow it: the envelope of the stream of events. No secret is ever in it: of a signed
//! transaction its id, of an API key its name, of a signature who signed.

use super::deposit::suspense_reason;
use super::{BlockView, LocatorView, StopView};
use crate::directory::{Directory, Named};
use crate::time::rfc3339;
use crate::{Money, Scopes, ids};
use serde::Serialize;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use tokengine_core::*;
use utoipa::ToSchema;

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(example = json!({"id": "42", "type": "moved", "time": "2026-03-01T12:00:00Z",
    "data": {"token": "USD", "from": "alice", "to": "bob",
    "amount": {"base_units": "12500000", "decimal": "12.5", "decimals": 6, "token": "USD"}}}))]
pub struct EventView {
    /// Its number in the journal: without gaps, and the cursor of the stream.
    pub id: String,
    /// What happened, in one word.
    pub r#type: String,
    /// When it was decided.
    pub time: String,
    /// What it is about; the fields depend on the type, and are only ever added to.
    #[schema(value_type = Object)]
    pub data: Value,
}

/// Names that events need. What is not there yet is noted, so that it can be looked up before the next try.
#[derive(Default)]
pub(crate) struct EventNames {
    pub(crate) named: Named,
    pub(crate) payouts: HashMap<PayoutId, Time>,
    pub(crate) transfers: HashMap<TransferId, Time>,
    pub(crate) missing: RefCell<Missing>,
}

#[derive(Default)]
pub(crate) struct Missing {
    pub(crate) accounts: HashSet<AccountIx>,
    pub(crate) wallets: HashSet<WalletIx>,
    pub(crate) payouts: HashSet<PayoutId>,
    pub(crate) transfers: HashSet<TransferId>,
}

/// `DepositCredited` as `deposit-credited`.
pub(crate) fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for (at, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

struct Teller<'a> {
    directory: &'a Directory,
    names: &'a EventNames,
}

impl EventNames {
    pub(crate) fn view(&self, position: Position, record: &Record, directory: &Directory) -> EventView {
        let data = Teller { directory, names: self }.data(&record.event);
        let (id, time) = (position.to_string(), rfc3339(record.at));
        EventView { id, r#type: kebab(record.event.name()), time, data }
    }
}

impl Teller<'_> {
    fn account(&self, ix: AccountIx) -> Value {
        if !self.names.named.accounts.contains_key(&ix) {
            self.names.missing.borrow_mut().accounts.insert(ix);
        }
        self.names.named.account(ix).into()
    }

    fn wallet(&self, ix: WalletIx) -> Value {
        if !self.names.named.wallets.contains_key(&ix) {
            self.names.missing.borrow_mut().wallets.insert(ix);
        }
        self.names.named.wallet(ix, self.directory).into()
    }

    fn payout(&self, id: PayoutId) -> Value {
        match self.names.payouts.get(&id) {
            Some(at) => ids::payout(*at, id).into(),
            None => {
                self.names.missing.borrow_mut().payouts.insert(id);
                Value::Null
            }
        }
    }

    fn transfer(&self, id: TransferId) -> Value {
        match self.names.transfers.get(&id) {
            Some(at) => ids::transfer(*at, id).into(),
            None => {
                self.names.missing.borrow_mut().transfers.insert(id);
                Value::Null
            }
        }
    }

    fn network(&self, ix: NetworkIx) -> Value {
        self.directory.network(ix).map_or(Value::Null, |row| Value::from(&*row.id))
    }

    fn token(&self, ix: TokenIx) -> Value {
        self.directory.token(ix).map_or(Value::Null, |row| Value::from(&*row.id))
    }

    fn asset(&self, ix: AssetIx) -> Value {
        self.directory.asset(ix).map_or(Value::Null, |row| Value::from(&*row.id))
    }

    fn of_token(&self, ix: TokenIx, amount: Amount) -> Option<Money> {
        self.directory.token_money(ix, amount).ok()
    }

    fn of_asset(&self, ix: AssetIx, amount: Amount) -> Option<Money> {
        self.directory.asset_money(ix, amount).ok()
    }

    /// An amount in the token of an asset.
    fn of_asset_token(&self, ix: AssetIx, amount: Amount) -> Option<Money> {
        self.of_token(self.directory.asset(ix).ok()?.token, amount)
    }

    fn address(&self, network: NetworkIx, address: &Address) -> Value {
        self.directory.caip10(network, address).map_or(Value::Null, Value::from)
    }

    fn deposit(&self, key: &DepositKey) -> Value {
        let row = self.directory.network(key.network).ok();
        let id = row.map(|row| ids::deposit(key.fingerprint(&row.id)));
        json!({
            "id": id, "network": self.network(key.network), "transaction": key.tx.to_string(),
            "locator": LocatorView::from(&key.locator),
        })
    }

    fn order(&self, order: &PayoutOrder) -> Value {
        let network = self.directory.asset(order.asset).ok().map(|row| row.network);
        json!({
            "account": self.account(order.account), "asset": self.asset(order.asset),
            "amount": self.of_asset(order.asset, order.amount),
            "destination": network.map(|network| self.address(network, &order.destination)),
            "max_fee": self.of_asset_token(order.asset, order.max_fee), "external_id": order.external_id,
            "authority": self.authority(&order.authority),
        })
    }

    fn authority(&self, authority: &Authority) -> Value {
        match authority {
            Authority::Key(key) => json!({"kind": "key", "key": key.0}),
            Authority::Signature { signer, contract, .. } => {
                json!({"kind": "signature", "signer": signer, "contract": contract})
            }
            Authority::Operator => json!({"kind": "operator"}),
        }
    }

    fn purpose(&self, purpose: &Purpose) -> Value {
        match purpose {
            Purpose::Payout(payout) => json!({"kind": "withdrawal", "withdrawal": self.payout(*payout)}),
            Purpose::Sweep { to, asset, amount } => {
                json!({"kind": "sweep", "to": self.wallet(*to), "amount": self.of_asset(*asset, *amount)})
            }
            Purpose::TopUp { to, amount } => {
                json!({"kind": "top-up", "to": self.wallet(*to), "base_units": amount.to_string()})
            }
            Purpose::Noop => json!({"kind": "noop"}),
        }
    }

    fn scope(&self, scope: Scope) -> Value {
        match scope {
            Scope::Everything => json!({"kind": "everything"}),
            Scope::Network(network) => json!({"kind": "network", "network": self.network(network)}),
            Scope::Asset(asset) => json!({"kind": "asset", "asset": self.asset(asset)}),
        }
    }

    fn role(&self, role: Role) -> Value {
        match role {
            Role::Hot => json!({"kind": "hot"}),
            Role::Cold => json!({"kind": "cold"}),
            Role::Deposit(account) => json!({"kind": "deposit", "account": self.account(account)}),
            Role::Gas => json!({"kind": "gas"}),
            Role::Retiring => json!({"kind": "retiring"}),
        }
    }

    fn credit(&self, to: &CreditTo) -> Value {
        match to {
            CreditTo::Account(account) => json!({"kind": "account", "account": self.account(*account)}),
            CreditTo::NewAccount(name) => json!({"kind": "account", "account": name, "opened": true}),
            CreditTo::Suspense(reason) => json!({"kind": "suspense", "reason": suspense_reason(*reason)}),
            CreditTo::Equity => json!({"kind": "equity"}),
            CreditTo::Refill(wallet) => json!({"kind": "refill", "from": self.wallet(*wallet)}),
        }
    }

    fn assign(&self, to: Assign) -> Value {
        match to {
            Assign::Account(account) => json!({"kind": "account", "account": self.account(account)}),
            Assign::Equity => json!({"kind": "equity"}),
        }
    }

    fn data(&self, event: &Event) -> Value {
        let block = |block: &BlockRef| BlockView::from(block);
        let sighting = |sighting: &Sighting| json!({"attempt": sighting.attempt, "block": block(&sighting.block), "success": sighting.success});
        match event {
            Event::NetworkListed { id, .. } => json!({"network": id}),
            Event::NetworkPolicyChanged { network, policy } => {
                json!({"network": self.network(*network), "reorg_depth": policy.reorg_depth,
                    "nodes_required": policy.nodes_required})
            }
            Event::TokenListed { id, decimals } => json!({"token": id, "decimals": decimals}),
            Event::AssetListed { id, network, token, decimals, .. } => {
                json!({"asset": id, "network": self.network(*network), "token": self.token(*token), "decimals": decimals})
            }
            Event::AssetRulesChanged { asset, .. } | Event::AssetPinned { asset, .. } => {
                json!({"asset": self.asset(*asset)})
            }
            Event::AssetStopped { asset, reason } | Event::AssetResumed { asset, reason, .. } => {
                json!({"asset": self.asset(*asset), "reason": reason})
            }
            Event::WalletListed { network, address, role, .. } => {
                json!({"wallet": self.address(*network, address), "role": self.role(*role)})
            }
            Event::WalletRoleChanged { wallet, role } => {
                json!({"wallet": self.wallet(*wallet), "role": self.role(*role)})
            }
            Event::WalletReady { wallet, next_nonce } => {
                json!({"wallet": self.wallet(*wallet), "next_nonce": next_nonce.to_string()})
            }
            Event::KeyAdded { name, scopes, .. } => {
                json!({"name": name, "scopes": Scopes::from_bits(*scopes).names()})
            }
            Event::KeyRevoked { key, .. } => json!({"key": key.0}),
            Event::TopUpLimitSet { network, a_day } => {
                json!({"network": self.network(*network), "a_day": a_day.to_string()})
            }
            Event::AccountOpened { name, .. } => json!({"account": name}),
            Event::NameLinked { account, name, merged, moved, .. } => {
                let moved: Vec<_> = moved.iter().map(|(token, amount)| self.of_token(*token, *amount)).collect();
                let merged = merged.map(|merged| self.account(merged));
                json!({"account": self.account(*account), "id": name, "joined": merged, "moved": moved})
            }
            Event::AccountFrozen { account, frozen, reason, .. } => {
                json!({"account": self.account(*account), "frozen": frozen, "reason": reason})
            }
            Event::Moved { token, from, to, amount, .. } => {
                json!({"token": self.token(*token), "from": self.account(*from), "to": self.account(*to),
                    "amount": self.of_token(*token, *amount)})
            }
            Event::Refused { rejection, .. } => json!({"code": rejection.code()}),
            Event::NetworkStarted { network, from, .. } => {
                json!({"network": self.network(*network), "from": block(from)})
            }
            Event::BlocksScanned { network, blocks } => {
                json!({"network": self.network(*network), "blocks": blocks.len(), "head": blocks.last().map(block)})
            }
            Event::ScanRewound { network, to } => json!({"network": self.network(*network), "to": block(to)}),
            Event::NetworkHalted { network, reason } | Event::NetworkResumed { network, reason, .. } => {
                json!({"network": self.network(*network), "reason": reason})
            }
            Event::DepositClaimed { network, tx, by, .. } => {
                let by = by.map(|by| self.account(by));
                json!({"network": self.network(*network), "transaction": tx.to_string(), "account": by})
            }
            Event::ClaimClosed { network, tx, outcome } => {
                let refusal = match outcome {
                    ClaimOutcome::Found => None,
                    ClaimOutcome::Refused(refusal) => Some(refusal.code()),
                };
                json!({"network": self.network(*network), "transaction": tx.to_string(), "refusal": refusal})
            }
            Event::DepositSeen { deposit } => {
                json!({"deposit": self.deposit(&deposit.key), "amount": self.of_asset(deposit.asset, deposit.amount),
                    "wallet": self.wallet(deposit.wallet), "sender": self.address(deposit.key.network, &deposit.from),
                    "block": block(&deposit.block)})
            }
            Event::DepositReblocked { key, block: at } => json!({"deposit": self.deposit(key), "block": block(at)}),
            Event::DepositDropped { key } => json!({"deposit": self.deposit(key)}),
            Event::DepositCredited { key, asset, wallet, from, amount, credited, to, block: at, depth, .. } => {
                json!({"deposit": self.deposit(key), "amount": self.of_asset(*asset, *amount),
                    "credited": self.of_asset_token(*asset, *credited), "to": self.credit(to),
                    "wallet": self.wallet(*wallet), "sender": self.address(key.network, from), "block": block(at),
                    "confirmations": depth.confirmations, "nodes": depth.nodes})
            }
            Event::DepositReversed { key, account, asset, credited, taken, .. } => {
                let account = account.map(|account| self.account(account));
                json!({"deposit": self.deposit(key), "account": account,
                    "credited": self.of_asset_token(*asset, *credited), "taken": self.of_asset_token(*asset, *taken)})
            }
            Event::FundingAnnounced { network, tx, reason, .. } => {
                json!({"network": self.network(*network), "transaction": tx.to_string(), "reason": reason})
            }
            Event::PayoutHeld { payout, transfer, order, success_fee, failure_fee, held, .. } => {
                let fee = |amount| self.of_asset_token(order.asset, amount);
                json!({"withdrawal": self.payout(*payout), "transfer": transfer.map(|id| self.transfer(id)),
                    "order": self.order(order), "success_fee": fee(*success_fee), "failure_fee": fee(*failure_fee),
                    "held": fee(*held)})
            }
            Event::PayoutSettledInside { payout, transfer, order, to, fee, .. } => {
                json!({"withdrawal": self.payout(*payout), "transfer": transfer.map(|id| self.transfer(id)),
                    "order": self.order(order), "to": self.account(*to), "fee": self.of_asset_token(order.asset, *fee)})
            }
            Event::PayoutWaiting { payout, why } => json!({"withdrawal": self.payout(*payout), "why": why.name()}),
            Event::PayoutEndedInside { payout, to, fee } => {
                let to = to.map(|to| self.account(to));
                json!({"withdrawal": self.payout(*payout), "to": to, "fee": fee.to_string()})
            }
            Event::PayoutCancelled { payout, .. } | Event::CancelRequested { payout, .. } => {
                json!({"withdrawal": self.payout(*payout)})
            }
            Event::DispatchOpened { dispatch, wallet, nonce, purpose, .. } => {
                json!({"dispatch": dispatch.to_string(), "wallet": self.wallet(*wallet), "nonce": nonce.to_string(),
                    "purpose": self.purpose(purpose)})
            }
            Event::AttemptSigned { dispatch, attempt } => {
                let cancels = attempt.kind == AttemptKind::Cancel;
                json!({"dispatch": dispatch.to_string(), "transaction": attempt.tx.to_string(), "cancels": cancels})
            }
            Event::AttemptSent { dispatch, attempt } => {
                json!({"dispatch": dispatch.to_string(), "attempt": attempt})
            }
            Event::DispatchSeen { dispatch, sighting: seen } => {
                json!({"dispatch": dispatch.to_string(), "sighting": sighting(seen)})
            }
            Event::FinalReblocked { network, tx, block: at, gas } => {
                json!({"network": self.network(*network), "transaction": tx.to_string(), "block": block(at),
                    "gas": gas.to_string()})
            }
            Event::FinalCleared { network, tx, proof, reason, wallet, returned, .. } => {
                let returned = returned.map(|(asset, amount)| self.of_asset(asset, amount));
                json!({"network": self.network(*network), "transaction": tx.to_string(), "reason": reason,
                    "by": proof.map(|(by, _)| by.to_string()), "wallet": self.wallet(*wallet), "returned": returned})
            }
            Event::DispatchUnseen { dispatch } => json!({"dispatch": dispatch.to_string()}),
            Event::DispatchFinal { dispatch, sighting: seen, gas, .. } => {
                json!({"dispatch": dispatch.to_string(), "sighting": sighting(seen), "gas": gas.to_string()})
            }
            Event::DispatchDead { dispatch, by, block: at } => {
                json!({"dispatch": dispatch.to_string(), "by": by.to_string(), "block": block(at)})
            }
            Event::WalletFrozen { wallet, reason } | Event::WalletThawed { wallet, reason, .. } => {
                json!({"wallet": self.wallet(*wallet), "reason": reason})
            }
            Event::PayoutPaidBefore { payout, tx, fee, .. } => {
                json!({"withdrawal": payout.to_string(), "transaction": tx.to_string(), "fee": fee.to_string()})
            }
            Event::UnmatchedCleared { network, tx, reason, .. } => {
                json!({"network": self.network(*network), "transaction": tx.to_string(), "reason": reason})
            }
            Event::DispatchAdopted { dispatch, wallet, nonce, purpose, tx, success, gas, .. } => {
                json!({"dispatch": dispatch.to_string(), "wallet": self.wallet(*wallet), "nonce": nonce.to_string(),
                    "purpose": purpose.as_ref().map(|purpose| self.purpose(purpose)), "transaction": tx.to_string(),
                    "success": success, "gas": gas.to_string()})
            }
            Event::TransferRequested { transfer, network, tx, order, .. } => {
                json!({"transfer": self.transfer(*transfer), "deposit_network": self.network(*network),
                    "deposit_transaction": tx.to_string(), "order": self.order(order)})
            }
            Event::TransferFailed { transfer, why } => {
                json!({"transfer": self.transfer(*transfer), "code": why.code()})
            }
            Event::PauseSet { scope, paused, reason, .. } => {
                json!({"scope": self.scope(*scope), "paused": paused, "reason": reason})
            }
            Event::SuspenseAssigned { item, to, reason, .. } => {
                json!({"item": item.to_string(), "to": self.assign(*to), "reason": reason})
            }
            Event::OwedSettled { account, token, amount, .. } => {
                json!({"account": self.account(*account), "amount": self.of_token(*token, *amount)})
            }
            Event::SurplusBooked { wallet, asset, amount, .. } => {
                json!({"wallet": self.wallet(*wallet), "amount": self.of_asset(*asset, *amount)})
            }
            Event::ShortageFound { wallet, asset, missing, .. } => {
                json!({"wallet": self.wallet(*wallet), "missing": self.of_asset(*asset, *missing)})
            }
            Event::ShortageWrittenOff { wallet, asset, amount, reason, .. } => {
                json!({"wallet": self.wallet(*wallet), "amount": self.of_asset(*asset, *amount), "reason": reason})
            }
            Event::ShortageCleared { asset, .. } => json!({"asset": self.asset(*asset)}),
            Event::RecoveryStarted { reason } | Event::RecoveryEnded { reason } => json!({"reason": reason}),
            Event::ClassCreated { spec, .. } => json!({"class": spec.id, "program": spec.program}),
            Event::ClassChanged { class, .. } => json!({"class": class.0}),
            Event::ClassPaused { class, paused, reason, .. } => {
                json!({"class": class.0, "paused": paused, "reason": reason})
            }
            Event::Operated { operation, .. } => {
                json!({"operation": operation.tx_id, "class": operation.class, "initiator": operation.initiator,
                    "amount": operation.amount.map(|amount| amount.to_string())})
            }
            Event::OperationFailed { operation, code, message, .. } => {
                json!({"operation": operation.tx_id, "class": operation.class, "code": code, "message": message})
            }
        }
    }
}

impl StopView {
    /// For those who only want the reason.
    pub(crate) fn text(&self) -> String {
        format!("{} (since {})", self.reason, self.since)
    }
}
