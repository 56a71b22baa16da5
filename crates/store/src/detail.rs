//! An event as JSON, for the audit trail and the steps of a history: numbers as numbers, amounts and hashes as texts.

use serde_json::{Value, json};
use tokengine_core::token::{ClassRules, OperationKind, Standard};
use tokengine_core::*;

/// What the event says, as a JSON object: without the request that caused it, signed bytes, or hashes of secrets.
pub fn event_detail(event: &Event) -> Value {
    use Event::*;
    match event {
        NetworkListed { id, policy } => json!({ "id": id, "policy": self::policy(policy) }),
        NetworkPolicyChanged { network, policy } => {
            json!({ "network": network.0, "policy": self::policy(policy) })
        }
        TokenListed { id, decimals } => json!({ "id": id, "decimals": decimals }),
        AssetListed { id, network, token, decimals, contract, rules } => json!({
            "id": id, "network": network.0, "token": token.0, "decimals": decimals,
            "contract": contract.as_ref().map(Address::as_str), "rules": self::rules(rules),
        }),
        AssetRulesChanged { asset, rules } => json!({ "asset": asset.0, "rules": self::rules(rules) }),
        AssetPinned { asset, facts } => json!({
            "asset": asset.0, "code": hex(&facts.code), "implementation": facts.implementation.map(|code| hex(&code)),
        }),
        AssetStopped { asset, reason } | AssetResumed { asset, reason, .. } => {
            json!({ "asset": asset.0, "reason": reason })
        }
        WalletListed { network, address, role, key, .. } => json!({
            "network": network.0, "address": address.as_str(), "role": self::role(*role), "key": key,
        }),
        WalletRoleChanged { wallet, role } => json!({ "wallet": wallet.0, "role": self::role(*role) }),
        WalletReady { wallet, next_nonce } => json!({ "wallet": wallet.0, "next_nonce": next_nonce }),
        KeyAdded { name, scopes, .. } => json!({ "name": name, "scopes": scopes }),
        KeyRevoked { key, .. } => json!({ "key": key.0 }),
        TopUpLimitSet { network, a_day } => json!({ "network": network.0, "a_day": text(a_day) }),
        AccountOpened { name, .. } => json!({ "name": name }),
        NameLinked { account, name, merged, moved, .. } => json!({
            "account": account.0, "name": name, "merged": merged.map(|account| account.0),
            "moved": moved.iter().map(|(token, amount)| json!({ "token": token.0, "amount": text(amount) }))
                .collect::<Vec<_>>(),
        }),
        AccountFrozen { account, frozen, reason, .. } => {
            json!({ "account": account.0, "frozen": frozen, "reason": reason })
        }
        Moved { token, from, to, amount, .. } => {
            json!({ "token": token.0, "from": from.0, "to": to.0, "amount": text(amount) })
        }
        Refused { rejection, .. } => json!({ "code": rejection.code() }),
        NetworkStarted { network, genesis, from } => {
            json!({ "network": network.0, "genesis": block(genesis), "from": block(from) })
        }
        BlocksScanned { network, blocks } => json!({
            "network": network.0, "count": blocks.len(), "first": blocks.first().map(block),
            "last": blocks.last().map(block),
        }),
        ScanRewound { network, to } => json!({ "network": network.0, "to": block(to) }),
        NetworkHalted { network, reason } => json!({ "network": network.0, "reason": reason }),
        NetworkResumed { network, reason, from, .. } => {
            json!({ "network": network.0, "reason": reason, "from": from.as_ref().map(block) })
        }
        DepositClaimed { network, tx, by, trace, .. } => json!({
            "network": network.0, "tx": text(tx), "by": by.map(|account| account.0), "trace": self::trace(trace),
        }),
        ClaimClosed { network, tx, outcome } => {
            let (outcome, code) = match outcome {
                ClaimOutcome::Found => ("found", None),
                ClaimOutcome::Refused(why) => ("refused", Some(why.code())),
            };
            json!({ "network": network.0, "tx": text(tx), "outcome": outcome, "code": code })
        }
        DepositSeen { deposit } => json!({
            "deposit": key(&deposit.key), "asset": deposit.asset.0, "wallet": deposit.wallet.0,
            "from": deposit.from.as_str(), "from_contract": deposit.from_contract, "amount": text(&deposit.amount),
            "block": block(&deposit.block),
        }),
        DepositReblocked { key: deposit, block: at } => json!({ "deposit": key(deposit), "block": block(at) }),
        DepositDropped { key: deposit } => json!({ "deposit": key(deposit) }),
        DepositCredited {
            key: deposit,
            asset,
            wallet,
            from,
            amount,
            credited,
            to,
            block: at,
            depth,
            from_surplus,
            given_before,
        } => json!({
            "deposit": key(deposit), "asset": asset.0, "wallet": wallet.0, "from": from.as_str(),
            "amount": text(amount), "credited": text(credited), "to": credit_to(to), "block": block(at),
            "depth": self::depth(depth), "given_before": text(given_before),
            "from_surplus": from_surplus.iter()
                .map(|(item, amount)| json!({ "item": item.0, "amount": text(amount) })).collect::<Vec<_>>(),
        }),
        DepositReversed { key: deposit, account, asset, from_wallets, credited, taken, back_to, unswept } => json!({
            "deposit": key(deposit), "account": account.map(|account| account.0), "asset": asset.0,
            "from_wallets": from_wallets.iter()
                .map(|(wallet, amount)| json!({ "wallet": wallet.0, "amount": text(amount) })).collect::<Vec<_>>(),
            "credited": text(credited), "taken": text(taken),
            "unswept": unswept.iter()
                .map(|(tx, amount)| json!({ "tx": text(tx), "amount": text(amount) })).collect::<Vec<_>>(),
            "back_to": back_to.map(|(wallet, amount)| json!({ "wallet": wallet.0, "amount": text(&amount) })),
        }),
        FundingAnnounced { network, tx, reason, .. } => {
            json!({ "network": network.0, "tx": text(tx), "reason": reason })
        }
        PayoutHeld { payout, transfer, order, amount, success_fee, failure_fee, held, trace, .. } => json!({
            "payout": payout.0, "transfer": transfer.map(|transfer| transfer.0), "order": self::order(order),
            "amount": text(amount), "success_fee": text(success_fee), "failure_fee": text(failure_fee),
            "held": text(held), "trace": self::trace(trace),
        }),
        PayoutSettledInside { payout, transfer, order, to, amount, fee, .. } => json!({
            "payout": payout.0, "transfer": transfer.map(|transfer| transfer.0), "order": self::order(order),
            "to": to.0, "amount": text(amount), "fee": text(fee),
        }),
        PayoutWaiting { payout, why } => json!({ "payout": payout.0, "why": why.name() }),
        PayoutEndedInside { payout, to, fee } => {
            json!({ "payout": payout.0, "to": to.map(|account| account.0), "fee": text(fee) })
        }
        PayoutCancelled { payout, .. } | CancelRequested { payout, .. } => json!({ "payout": payout.0 }),
        DispatchOpened { dispatch, wallet, nonce, purpose, gas_reserve } => json!({
            "dispatch": dispatch.0, "wallet": wallet.0, "nonce": nonce, "purpose": self::purpose(purpose),
            "gas_reserve": text(gas_reserve),
        }),
        AttemptSigned { dispatch, attempt } => json!({
            "dispatch": dispatch.0, "tx": text(&attempt.tx), "kind": attempt_kind(attempt.kind),
            "max_gas_cost": text(&attempt.max_gas_cost), "fee_cap": text(&attempt.fee_cap), "tip": text(&attempt.tip),
        }),
        AttemptSent { dispatch, attempt } => json!({ "dispatch": dispatch.0, "attempt": attempt }),
        DispatchSeen { dispatch, sighting } => {
            json!({ "dispatch": dispatch.0, "sighting": self::sighting(sighting) })
        }
        FinalReblocked { network, tx, block: at, gas } => {
            json!({ "network": network.0, "tx": text(tx), "block": block(at), "gas": text(gas) })
        }
        FinalCleared { network, tx, proof, reason, wallet, returned, from, .. } => json!({
            "network": network.0, "tx": text(tx), "reason": reason, "wallet": wallet.0,
            "proof": proof.as_ref().map(|(by, at)| json!({ "by": text(by), "block": block(at) })),
            "returned": returned.map(|(asset, amount)| json!({ "asset": asset.0, "amount": text(&amount) })),
            "from": from.map(|wallet| wallet.0),
        }),
        DispatchUnseen { dispatch } => json!({ "dispatch": dispatch.0 }),
        DispatchFinal { dispatch, sighting, gas, depth } => json!({
            "dispatch": dispatch.0, "sighting": self::sighting(sighting), "gas": text(gas),
            "depth": self::depth(depth),
        }),
        DispatchDead { dispatch, by, block: at } => {
            json!({ "dispatch": dispatch.0, "by": text(by), "block": block(at) })
        }
        WalletFrozen { wallet, reason } | WalletThawed { wallet, reason, .. } => {
            json!({ "wallet": wallet.0, "reason": reason })
        }
        PayoutPaidBefore { payout, dispatch, tx, block: at, fee } => json!({
            "payout": payout.0, "dispatch": dispatch.0, "tx": text(tx), "block": block(at), "fee": text(fee),
        }),
        UnmatchedCleared { dispatch, network, tx, reason, .. } => json!({
            "dispatch": dispatch.0, "network": network.0, "tx": text(tx), "reason": reason,
        }),
        DispatchAdopted { dispatch, wallet, nonce, purpose, tx, block: at, success, lost, gas, to } => json!({
            "dispatch": dispatch.0, "wallet": wallet.0, "nonce": nonce,
            "purpose": purpose.as_ref().map(self::purpose), "tx": text(tx), "block": block(at), "success": success,
            "lost": lost.map(|(asset, amount)| json!({ "asset": asset.0, "amount": text(&amount) })),
            "gas": text(gas), "to": to.as_ref().map(|to| to.as_str()),
        }),
        TransferRequested { transfer, network, tx, order, trace, .. } => json!({
            "transfer": transfer.0, "network": network.0, "tx": text(tx), "order": self::order(order),
            "trace": self::trace(trace),
        }),
        TransferFailed { transfer, why } => json!({ "transfer": transfer.0, "code": why.code() }),
        PauseSet { scope, paused, reason, .. } => {
            let scope = match scope {
                Scope::Everything => json!("everything"),
                Scope::Network(network) => json!({ "network": network.0 }),
                Scope::Asset(asset) => json!({ "asset": asset.0 }),
            };
            json!({ "scope": scope, "paused": paused, "reason": reason })
        }
        SuspenseAssigned { item, to, reason, .. } => {
            let account = match to {
                Assign::Account(account) => Some(account.0),
                Assign::Equity => None,
            };
            json!({ "item": item.0, "account": account, "reason": reason })
        }
        OwedSettled { account, token, amount, .. } => {
            json!({ "account": account.0, "token": token.0, "amount": text(amount) })
        }
        SurplusBooked { wallet, asset, amount, block: at } => json!({
            "wallet": wallet.0, "asset": asset.0, "amount": text(amount), "block": block(at),
        }),
        ShortageFound { wallet, asset, missing, block: at } => json!({
            "wallet": wallet.0, "asset": asset.0, "missing": text(missing), "block": block(at),
        }),
        ShortageWrittenOff { wallet, asset, amount, reason, .. } => json!({
            "wallet": wallet.0, "asset": asset.0, "amount": text(amount), "reason": reason,
        }),
        ShortageCleared { asset, block: at } => json!({ "asset": asset.0, "block": block(at) }),
        RecoveryStarted { reason } | RecoveryEnded { reason } => json!({ "reason": reason }),
        ClassCreated { spec, .. } => json!({
            "class": spec.id, "program": spec.program, "decimals": spec.decimals,
            "fungible": spec.standard == Standard::Ft, "rules": class_rules(&spec.rules),
        }),
        ClassChanged { class, rules, .. } => json!({ "class": class.0, "rules": class_rules(rules) }),
        ClassPaused { class, paused, reason, .. } => json!({ "class": class.0, "paused": paused, "reason": reason }),
        Operated { operation, class, opened, changes, warnings, .. } => json!({
            "tx_id": operation.tx_id, "operation": operation_kind(operation.kind), "class": class.0, "opened": opened,
            "initiator": operation.initiator, "amount": operation.amount.as_ref().map(text),
            "tokens": changes.iter().map(|change| json!({
                "token": change.state.id, "owner": change.state.owner.map(|owner| owner.0),
                "version": change.state.version, "commitment": hex(&change.state.commitment),
            })).collect::<Vec<_>>(),
            "warnings": warnings.iter().map(|warning| &warning.code).collect::<Vec<_>>(),
        }),
        OperationFailed { operation, code, message, .. } => json!({
            "tx_id": operation.tx_id, "operation": operation_kind(operation.kind), "class_id": operation.class,
            "initiator": operation.initiator, "code": code, "message": message,
        }),
    }
}

fn operation_kind(kind: OperationKind) -> Option<&'static str> {
    OperationKind::ALL.iter().find(|(one, _)| *one == kind).map(|(_, name)| *name)
}

fn class_rules(rules: &ClassRules) -> Value {
    json!({
        "max_supply": rules.metadata.max_supply.as_ref().map(text),
        "min_balance": rules.metadata.min_balance.as_ref().map(text),
        "issuer": rules.metadata.issuer,
        "hooks": rules.hooks.iter().map(|used| &used.hook).collect::<Vec<_>>(),
        "commitment_version": rules.commitment.version,
    })
}

fn text(value: &impl ToString) -> String {
    value.to_string()
}

/// The trace's id, as tracing tools print it.
fn trace(trace: &Option<TraceContext>) -> Option<String> {
    trace.map(|trace| format!("{:032x}", u128::from_be_bytes(trace.trace_id)))
}

fn hex(bytes: &[u8; 32]) -> String {
    BlockHash(*bytes).to_string()
}

fn block(block: &BlockRef) -> Value {
    json!({ "height": block.height, "hash": text(&block.hash) })
}

fn depth(depth: &Depth) -> Value {
    json!({
        "confirmations": depth.confirmations, "safe": depth.safe, "finalized": depth.finalized, "nodes": depth.nodes,
    })
}

fn key(key: &DepositKey) -> Value {
    let locator = match &key.locator {
        Locator::Value => json!("value"),
        Locator::Output(index) => json!({ "output": index }),
        Locator::Log(position) => json!({ "log": position }),
        Locator::Trace(path) => json!({ "trace": path }),
    };
    json!({ "network": key.network.0, "tx": text(&key.tx), "locator": locator })
}

fn credit_to(to: &CreditTo) -> Value {
    match to {
        CreditTo::Account(account) => json!({ "account": account.0 }),
        CreditTo::NewAccount(name) => json!({ "new_account": name }),
        CreditTo::Suspense(reason) => {
            let reason = match reason {
                SuspenseReason::SenderIsContract => "sender-is-contract",
                SuspenseReason::BelowMinimum => "below-minimum",
                SuspenseReason::AboveMaximum => "above-maximum",
                SuspenseReason::DepositsOff => "deposits-off",
                SuspenseReason::Surplus => "surplus",
                SuspenseReason::NotForAccounts => "not-for-accounts",
                SuspenseReason::Unpaid => "unpaid",
                SuspenseReason::AlreadyBooked => "already-booked",
                SuspenseReason::NoRoom => "no-room",
            };
            json!({ "suspense": reason })
        }
        CreditTo::Equity => json!("equity"),
        CreditTo::Refill(wallet) => json!({ "refill_from": wallet.0 }),
    }
}

fn finality(finality: Finality) -> Value {
    match finality {
        Finality::Confirmations(n) => json!({ "confirmations": n }),
        Finality::Safe => json!("safe"),
        Finality::Finalized => json!("finalized"),
    }
}

fn policy(policy: &NetworkPolicy) -> Value {
    json!({
        "reorg_depth": policy.reorg_depth, "nodes_required": policy.nodes_required,
        "max_in_flight": policy.max_in_flight, "payout_finality": finality(policy.payout_finality),
    })
}

fn rules(rules: &AssetRules) -> Value {
    json!({
        "deposits": rules.deposits, "payouts": rules.payouts,
        "min_deposit": text(&rules.min_deposit), "max_deposit": text(&rules.max_deposit),
        "min_payout": text(&rules.min_payout), "max_payout": text(&rules.max_payout),
        "fees": {
            "success": text(&rules.fees.success), "success_bps": rules.fees.success_bps,
            "failure": text(&rules.fees.failure),
        },
        "finality": rules.finality.iter()
            .map(|(up_to, level)| json!({ "up_to": text(up_to), "level": finality(*level) })).collect::<Vec<_>>(),
        "sweep_from": text(&rules.sweep_from),
    })
}

fn role(role: Role) -> Value {
    match role {
        Role::Hot => json!("hot"),
        Role::Cold => json!("cold"),
        Role::Deposit(account) => json!({ "deposit_of": account.0 }),
        Role::Gas => json!("gas"),
        Role::Retiring => json!("retiring"),
    }
}

fn order(order: &PayoutOrder) -> Value {
    let authority = match &order.authority {
        Authority::Key(key) => json!({ "key": key.0 }),
        Authority::Signature { signer, .. } => json!({ "signer": signer }),
        Authority::Operator => json!("operator"),
    };
    json!({
        "account": order.account.0, "asset": order.asset.0, "amount": text(&order.amount),
        "destination": order.destination.as_str(), "max_fee": text(&order.max_fee),
        "external_id": order.external_id, "expiry": order.expiry.0, "authority": authority,
    })
}

fn purpose(purpose: &Purpose) -> Value {
    match purpose {
        Purpose::Payout(payout) => json!({ "payout": payout.0 }),
        Purpose::Sweep { to, asset, amount } => {
            json!({ "sweep": { "to": to.0, "asset": asset.0, "amount": text(amount) } })
        }
        Purpose::TopUp { to, amount } => json!({ "top_up": { "to": to.0, "amount": text(amount) } }),
        Purpose::Noop => json!("noop"),
    }
}

fn attempt_kind(kind: AttemptKind) -> &'static str {
    match kind {
        AttemptKind::Act => "act",
        AttemptKind::Cancel => "cancel",
    }
}

fn sighting(sighting: &Sighting) -> Value {
    json!({ "attempt": sighting.attempt, "block": block(&sighting.block), "success": sighting.success })
}
