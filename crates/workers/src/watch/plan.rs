//! What follows from how far a network was searched. Pure: the state and the agreed heads in, commands and questions out.

use std::collections::BTreeMap;

use tokengine_chain::{Heads, finality};
use tokengine_core::{
    AssetIx, BlockRef, Command, DepositKey, NetworkIx, State, TraceContext, Transfer, TransferId, TxId,
};

/// A deposit that is deep enough by the heads told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub key: DepositKey,
    /// Of what.
    pub asset: AssetIx,
    /// Where it was seen.
    pub block: BlockRef,
    /// The trace of whoever claimed it.
    pub trace: Option<TraceContext>,
}

/// After which block the search begins where nothing else was said: the newest that no ordinary reorg takes away. A reorg right
/// after the start then leaves a block in common, and stops nothing.
pub fn begin(heads: &Heads, reorg_depth: u32) -> u64 {
    let buried = heads.latest.height.saturating_sub(reorg_depth.into());
    heads.finalized.map_or(buried, |block| block.height)
}

/// Deposits that are deep enough by the heads told. Their blocks have still to be found on the nodes' best chain.
pub fn due(state: &State, network: NetworkIx, heads: &Heads, nodes: u8) -> Vec<Due> {
    let Some(row) = state.network(network) else { return Vec::new() };
    if state.is_paused() || row.paused || row.halted.is_some() {
        return Vec::new();
    }
    let deep = |pending: &&tokengine_core::Pending| {
        let deposit = &pending.deposit;
        let Some(asset) = state.asset(deposit.asset).filter(|_| deposit.key.network == network) else { return false };
        let open = !pending.orphaned && !asset.paused && asset.stopped.is_none() && asset.is_probed();
        let depth = finality::depth(&deposit.block, heads, nodes);
        open && depth.is_some_and(|depth| depth.satisfies(asset.rules.finality_for(deposit.amount)))
    };
    let due = |pending: &tokengine_core::Pending| {
        let deposit = &pending.deposit;
        Due { key: deposit.key.clone(), asset: deposit.asset, block: deposit.block, trace: pending.trace }
    };
    state.pending_deposits().filter(deep).map(due).collect()
}

/// Undoes what a reorg took away, once the new chain is long enough to be believed: what was pending is dropped, what was
/// credited is reversed.
pub fn lost(state: &State, network: NetworkIx) -> Vec<Command> {
    let Some(row) = state.network(network) else { return Vec::new() };
    let Some(head) = row.head() else { return Vec::new() };
    let passed = |block: &BlockRef| head.height >= block.height.saturating_add(u64::from(row.policy.reorg_depth));
    // A claimed deposit may be known before its block is searched; a reorg in between leaves another block there.
    let replaced = |block: &BlockRef| row.scanned.iter().any(|ours| ours.height == block.height && ours != block);
    let pending = state.pending_deposits().filter(|pending| {
        let block = &pending.deposit.block;
        pending.deposit.key.network == network && passed(block) && (pending.orphaned || replaced(block))
    });
    let dropped = pending.map(|pending| Command::DropDeposit { key: pending.deposit.key.clone() });
    let credits = row.recent.iter().filter(|credit| credit.orphaned && passed(&credit.block));
    let reversed = credits.map(|credit| Command::ReverseDeposit { key: credit.key.clone() });
    dropped.chain(reversed).collect()
}

/// What a transfer waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its deposit is credited.
    Hold(TransferId, DepositKey),
    /// Neither a claim nor the scan has its transaction: ask the nodes.
    LookUp(TransferId, TxId),
}

/// The transfers that can go on. One whose deposit is on its way waits.
pub fn transfers(state: &State, network: NetworkIx) -> Vec<Step> {
    let Some(row) = state.network(network) else { return Vec::new() };
    let waiting: Vec<_> = state.transfers().filter(|(_, transfer)| transfer.network == network).collect();
    if waiting.is_empty() {
        return Vec::new();
    }
    let mut under_way: BTreeMap<TxId, bool> = BTreeMap::new();
    for pending in state.pending_deposits().filter(|pending| pending.deposit.key.network == network) {
        under_way.insert(pending.deposit.key.tx, true);
    }
    under_way.extend(state.claims().filter(|(at, ..)| *at == network).map(|(_, tx, _)| (tx, true)));
    let step = |(id, transfer): (TransferId, &Transfer)| {
        let mut credits = row.recent.iter().filter(|credit| credit.key.tx == transfer.tx && !credit.orphaned);
        let account = state.account(transfer.order.account);
        let mine = credits.clone().find(|credit| credit.account.and_then(|account| state.account(account)) == account);
        let hold = |key: &DepositKey| Step::Hold(id, key.clone());
        match mine {
            Some(credit) => Some(hold(&credit.key)),
            None if under_way.contains_key(&transfer.tx) => None,
            // All of it is credited, and none to the account: the core says so.
            None => Some(credits.next().map_or(Step::LookUp(id, transfer.tx), |credit| hold(&credit.key))),
        }
    };
    waiting.into_iter().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use tokengine_core::{Amount, Depth, Finality};

    use super::*;
    use crate::testing::*;

    fn heads(latest: u64, finalized: u64) -> Heads {
        Heads { latest: block(latest), safe: Some(block(finalized)), finalized: Some(block(finalized)) }
    }

    #[test]
    fn the_search_begins_below_what_a_reorg_may_take() {
        for (case, latest, finalized, expected) in [
            ("at the finalized head", 100, Some(90), 90),
            ("however far it lies behind", 100, Some(3), 3),
            ("without one, as deep as reorgs go", 100, None, 95),
            ("not below the first block", 4, None, 0),
        ] {
            let heads = Heads { latest: block(latest), safe: None, finalized: finalized.map(block) };
            assert_eq!(begin(&heads, 5), expected, "{case}");
        }
    }

    #[test]
    fn d1_a_deposit_is_due_when_its_tier_says_so_and_not_before() {
        let mut world = world();
        world.see("alice", "HOT", 50, block(110)); // small: 3 confirmations
        world.see("alice", "HOT", 5_000, block(110)); // large: finalized
        let due = |world: &World, latest, finalized| super::due(&world.state, NET, &heads(latest, finalized), 1).len();
        for (case, latest, finalized, expected) in [
            ("too new", 111, 100, 0),
            ("the small one", 112, 100, 1),
            ("D8 finality stalls: the large one waits", 5_000, 109, 1),
            ("both", 112, 110, 2),
            ("D5 a head behind its block", 109, 100, 0),
        ] {
            assert_eq!(due(&world, latest, finalized), expected, "{case}");
        }
        world.ok(Command::StopAsset { asset: USD, reason: "changed".into() });
        assert_eq!(due(&world, 200, 200), 0, "A18 a token that was upgraded is not credited");
    }

    #[test]
    fn a28_what_the_sequencer_alone_says_credits_nothing_and_large_amounts_wait_for_the_parent_network() {
        use Finality::{Finalized, Safe};
        let mut world = world();
        let mut rules = world.state.asset(USD).expect("listed").rules.clone();
        rules.finality = vec![(Amount::new(1_000), Safe), (Amount::MAX, Finalized)];
        world.ok(Command::ChangeAssetRules { asset: USD, rules });
        world.see("alice", "HOT", 50, block(110));
        world.see("alice", "HOT", 5_000, block(110));
        for (case, latest, safe, finalized, expected) in [
            ("unsafe, however long", 5_000, 109, 100, 0),
            ("its batch is on the parent network", 5_000, 110, 100, 1),
            ("and final there", 5_000, 110, 110, 2),
            ("the sequencer rolled back", 109, 109, 100, 0),
        ] {
            let heads = Heads { latest: block(latest), safe: Some(block(safe)), finalized: Some(block(finalized)) };
            assert_eq!(super::due(&world.state, NET, &heads, 1).len(), expected, "{case}");
        }
        let silent = Heads { latest: block(5_000), safe: None, finalized: None };
        assert_eq!(super::due(&world.state, NET, &silent, 1), [], "nodes that do not tell such heads");
    }

    #[test]
    fn a24_what_a_reorg_took_is_undone_once_the_new_chain_is_long_enough() {
        let mut world = world();
        world.scan(101, 110, 0);
        world.see("alice", "HOT", 50, block(108));
        world.see("bob", "HOT", 60, block(108));
        world.ok(Command::RewindScan { network: NET, to: block(107) });
        assert_eq!(lost(&world.state, NET), [], "not before the new chain is believed");
        world.scan(108, 109, 1);
        world.see_tx(1, "bob", "HOT", 60, block_on(1, 109)); // the second one came back
        world.scan(110, 113, 1);
        let [Command::DropDeposit { key }] = &lost(&world.state, NET)[..] else {
            panic!("{:?}", lost(&world.state, NET))
        };
        assert_eq!(key.tx, tx(0));
        let drop = Command::DropDeposit { key: key.clone() };
        world.ok(drop);
        assert_eq!(lost(&world.state, NET), []);
    }

    #[test]
    fn a_claimed_deposit_whose_block_was_replaced_before_the_scan_came_is_dropped_too() {
        let mut world = world();
        world.see("alice", "HOT", 50, block_on(7, 103)); // claimed: the scan is at 100
        world.scan(101, 108, 0);
        let commands = lost(&world.state, NET);
        assert!(matches!(&commands[..], [Command::DropDeposit { .. }]), "{commands:?}");
        world.ok(commands[0].clone());
    }

    #[test]
    fn d7_a_credited_deposit_that_a_deep_reorg_took_is_reversed() {
        let mut world = world();
        world.scan(101, 112, 0);
        let key = world.see("alice", "HOT", 50, block(102));
        let depth = Depth { confirmations: 100, safe: true, finalized: true, nodes: 1 };
        world.ok(Command::CreditDeposit { key: key.clone(), block: block(102), depth });
        world.ok(Command::RewindScan { network: NET, to: block(101) });
        world.scan(102, 106, 1);
        assert_eq!(lost(&world.state, NET), []);
        world.scan(107, 107, 1);
        assert_eq!(lost(&world.state, NET), [Command::ReverseDeposit { key }]);
    }

    #[test]
    fn a_transfer_goes_on_when_its_own_deposit_is_credited() {
        let mut world = world();
        let order = world.order("alice", 20);
        world.transfer(tx(0), order);
        assert_eq!(transfers(&world.state, NET), [], "it is claimed, so somebody is looking");
        let key = world.see_tx(0, "alice", "HOT", 50, block(101));
        world.close_claim(tx(0));
        assert_eq!(transfers(&world.state, NET), [], "on its way");
        let depth = Depth { confirmations: 100, safe: true, finalized: true, nodes: 1 };
        assert!(depth.satisfies(Finality::Finalized));
        world.ok(Command::CreditDeposit { key: key.clone(), block: block(101), depth });
        let [Step::Hold(_, deposit)] = &transfers(&world.state, NET)[..] else { panic!() };
        assert_eq!(*deposit, key);
    }

    #[test]
    fn a_transfer_that_nobody_looks_after_is_looked_up() {
        let mut world = world();
        let order = world.order("alice", 20);
        world.transfer(tx(9), order);
        world.close_claim(tx(9));
        assert!(matches!(&transfers(&world.state, NET)[..], [Step::LookUp(_, at)] if *at == tx(9)));
    }
}
