//! The reconciler: compares wallets with the books at one block that can never go away. A shortage stops payouts of that
//! asset; a surplus (anyone can send a wei) goes to suspense and stops nothing.
//!
//! The books are as of now and the block is older, so what lies between is taken out again: credits and payments in newer
//! blocks are not in the balance yet, deposits that still wait for their depth already are. Where something under way
//! makes the answer uncertain, the wallet is left out and compared the next time.

use std::sync::Arc;

use tokengine_chain::{Accounts, Asset, At, BlockId, Network};
use tokengine_core::{
    Address, Amount, AssetIx, BlockRef, Command, NetworkIx, RecentCredit, Role, State, Wallet, WalletIx,
};

use crate::{Books, Error};

/// One asset of one wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which wallet.
    pub wallet: WalletIx,
    /// Its address.
    pub address: Address,
    /// Of which asset.
    pub asset: AssetIx,
    /// What the wallet should have had at the block, by the books, in base units of the asset.
    pub books: Amount,
    /// What it had.
    pub network: Amount,
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The block that was compared at.
    pub block: BlockRef,
    /// What was compared.
    pub lines: Vec<Line>,
    /// Wallets that were left out, because something of theirs is under way.
    pub left_out: Vec<WalletIx>,
    /// What the books were told.
    pub told: Vec<Command>,
}

impl Report {
    /// Whether nothing differs.
    pub fn is_even(&self) -> bool {
        self.lines.iter().all(|line| line.books == line.network)
    }
}

/// What to ask the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Which wallet.
    pub wallet: WalletIx,
    /// Its address.
    pub address: Address,
    /// What should be there.
    pub holdings: Vec<(AssetIx, Asset, Amount)>,
    /// So many of its nonces were used at the block, if nothing of it was under way there.
    pub nonce: Option<u64>,
}

/// At which block to compare: the newest that can never go away, but not below what the state remembers.
pub fn block(state: &State, ix: NetworkIx, finalized: Option<u64>) -> Option<u64> {
    let row = state.network(ix)?;
    let (oldest, head) = (row.scanned.front()?.height, row.scanned.back()?.height);
    let last = finalized.unwrap_or_else(|| head.saturating_sub(row.policy.reorg_depth.into())).min(head);
    // Older than that, the credits in between are forgotten; a block so deep in what was searched will not go away either.
    let block = last.max(oldest);
    (finalized.is_some() || head.saturating_sub(block) >= u64::from(row.policy.reorg_depth)).then_some(block)
}

/// What every wallet should have at `block`, and the wallets that cannot be compared now.
pub fn questions(state: &State, ix: NetworkIx, block: u64) -> (Vec<Question>, Vec<WalletIx>) {
    let Some(row) = state.network(ix) else { return Default::default() };
    let (mut questions, mut left_out) = (Vec::new(), Vec::new());
    // A reorg is being worked out: nothing can be said.
    if row.recent.iter().any(|credit| credit.orphaned) || row.recent_final.iter().any(|sent| sent.orphaned) {
        return Default::default();
    }
    let ours = state.house_wallets().chain(state.wallets_to_sweep()).filter(|(_, wallet)| wallet.network == ix);
    for (id, wallet) in ours {
        match question(state, ix, id, wallet, block) {
            Some(question) => questions.push(question),
            None => left_out.push(id),
        }
    }
    (questions, left_out)
}

fn question(state: &State, ix: NetworkIx, id: WalletIx, wallet: &Wallet, block: u64) -> Option<Question> {
    let row = state.network(ix)?;
    // Sent and not yet ended: whether and at what cost it is in the balance is not known. What lies above the block, or
    // was never signed, is not in it.
    let uncertain = |dispatch: &tokengine_core::Dispatch| {
        use tokengine_core::Purpose;
        let receives = match dispatch.purpose {
            Purpose::Sweep { to, .. } | Purpose::TopUp { to, .. } => to == id,
            Purpose::Payout(_) | Purpose::Noop => false,
        };
        let above = dispatch.seen.as_ref().is_some_and(|seen| seen.block.height > block);
        let signed = !dispatch.attempts.is_empty();
        // One of its own that is not seen yet is told from its nonce; one that pays it is not.
        signed && !above && (receives || (dispatch.wallet == id && dispatch.seen.is_some()))
    };
    if state.dispatches().any(|(_, dispatch)| uncertain(dispatch)) {
        return None;
    }
    let unseen = state.dispatches().map(|(_, dispatch)| dispatch).filter(|dispatch| dispatch.wallet == id);
    let nonce = unseen.filter(|dispatch| dispatch.seen.is_none()).map(|dispatch| dispatch.nonce).min();
    let assets = state.assets().filter(|(_, asset)| asset.network == ix);
    let holding = |(asset, listed): (AssetIx, &tokengine_core::Asset)| {
        let name = listed.contract.clone().map_or(Asset::Native, Asset::Contract);
        Some((asset, name, at_block(state, row, id, wallet, asset, block)?))
    };
    let holdings = assets.map(holding).collect::<Option<Vec<_>>>()?;
    Some(Question { wallet: id, address: wallet.address.clone(), holdings, nonce })
}

/// What a wallet should have had of an asset after a block; `None` when that cannot be told.
fn at_block(
    state: &State,
    network: &tokengine_core::Network,
    id: WalletIx,
    wallet: &Wallet,
    asset: AssetIx,
    block: u64,
) -> Option<Amount> {
    let (mut more, mut less) = (wallet.holding(asset).amount, Amount::ZERO);
    let add = |sum: &mut Amount, amount: Amount| sum.checked_add(amount).map(|new| *sum = new);
    let cold = wallet.role == Role::Cold;
    for credit in network.recent.iter().filter(|credit| credit.block.height > block && credit.asset == asset) {
        if credit.wallet == id {
            add(&mut less, credit.amount)?;
        }
        // It may have come from a cold wallet of ours; which one is not remembered.
        let nobodys = |credit: &RecentCredit| credit.account.is_none() && credit.suspense.is_none();
        if cold && nobodys(credit) {
            return None;
        }
    }
    for pending in state.pending_deposits() {
        let deposit = &pending.deposit;
        if deposit.asset != asset || pending.orphaned || deposit.block.height > block {
            continue;
        }
        if deposit.wallet == id {
            add(&mut more, deposit.amount)?;
        }
        if cold && deposit.from == wallet.address {
            add(&mut less, deposit.amount)?;
        }
    }
    for sent in network.recent_final.iter().filter(|sent| sent.block.height > block) {
        let moved = sent.moved.filter(|(moved, _)| *moved == asset).map_or(Amount::ZERO, |(_, amount)| amount);
        if sent.wallet == id {
            add(&mut more, moved)?;
            if network.native == Some(asset) {
                add(&mut more, sent.gas)?;
            }
        }
        if sent.to == Some(id) {
            add(&mut less, moved)?;
        }
    }
    more.checked_sub(less)
}

/// What follows from the balances that were found.
pub fn verdict(state: &State, ix: NetworkIx, block: BlockRef, lines: &[Line], complete: bool) -> Vec<Command> {
    let mut told = Vec::new();
    for line in lines {
        let (wallet, asset) = (line.wallet, line.asset);
        if let Some(amount) = line.network.checked_sub(line.books).filter(|amount| !amount.is_zero()) {
            told.push(Command::BookSurplus { wallet, asset, amount, block });
        } else if let Some(missing) = line.books.checked_sub(line.network).filter(|missing| !missing.is_zero())
            && state.asset(asset).is_some_and(|row| row.short.is_none())
        {
            told.push(Command::FindShortage { wallet, asset, missing, block });
        }
    }
    let short = state.assets().filter(|(_, asset)| asset.network == ix && asset.short.is_some());
    let even = |asset: &AssetIx| lines.iter().all(|line| line.asset != *asset || line.network >= line.books);
    let cleared = short.map(|(asset, _)| asset).filter(|asset| complete && even(asset));
    told.extend(cleared.map(|asset| Command::ClearShortage { asset, block }));
    told
}

/// Compares the wallets of one network with the books, once.
pub struct Reconciler<B, N> {
    books: B,
    network: Arc<Network<N>>,
}

impl<B: Books, N: Accounts> Reconciler<B, N> {
    /// A reconciler.
    pub fn new(books: B, network: Arc<Network<N>>) -> Self {
        Self { books, network }
    }

    /// Compares now. `None` when no block can be compared at yet: too little was searched.
    ///
    /// # Errors
    /// Those of asking: then nothing was told to the books.
    pub async fn pass(&self, ix: NetworkIx) -> Result<Option<Report>, Error> {
        let finalized = self.network.heads().await?.finalized.map(|block| block.height);
        let Some(height) = self.books.query(move |state| block(state, ix, finalized)).await? else { return Ok(None) };
        let look = move |state: &State| {
            state.network(ix).and_then(|row| row.scanned.iter().find(|block| block.height == height).copied())
        };
        let Some(at) = self.books.query(look).await? else { return Ok(None) };
        // The books searched that very block, and the nodes still have it.
        if self.network.block(BlockId::Height(height)).await?.is_none_or(|there| there.at.hash != at.hash) {
            return Ok(None);
        }
        let (before, mut left_out) = self.books.query(move |state| questions(state, ix, height)).await?;
        let mut lines = Vec::new();
        for question in &before {
            if let Some(nonce) = question.nonce
                && self.network.nonce_at(&question.address, At::Block(at.hash)).await? > nonce
            {
                left_out.push(question.wallet); // in the block, and not seen yet
                continue;
            }
            for (asset, name, books) in &question.holdings {
                let network = self.network.balance(&question.address, name, At::Block(at.hash)).await?;
                let (wallet, address) = (question.wallet, question.address.clone());
                lines.push(Line { wallet, address, asset: *asset, books: *books, network });
            }
        }
        let complete = left_out.is_empty();
        let asked = lines.clone();
        let look = move |state: &State| {
            // What changed meanwhile is compared the next time.
            let (after, _) = questions(state, ix, height);
            let same = |line: &&Line| {
                let find = |all: &[Question]| all.iter().find(|question| question.wallet == line.wallet).cloned();
                find(&before).is_some_and(|question| Some(question) == find(&after))
            };
            let sure: Vec<Line> = asked.iter().filter(same).cloned().collect();
            (verdict(state, ix, at, &sure, complete && sure.len() == asked.len()), sure)
        };
        let (told, lines) = self.books.query(look).await?;
        for (command, answer) in told.iter().zip(self.books.submit_many(told.clone()).await?) {
            match (command, answer) {
                (Command::FindShortage { wallet, asset, missing, .. }, Ok(())) => {
                    tracing::error!(network.id = self.network.id(), %wallet, %asset, %missing, "A wallet holds less than the books");
                }
                (Command::BookSurplus { wallet, asset, amount, .. }, Ok(())) => {
                    tracing::warn!(network.id = self.network.id(), %wallet, %asset, %amount, "A wallet holds more than the books");
                }
                _ => {}
            }
        }
        Ok(Some(Report { block: at, lines, left_out, told }))
    }
}

#[cfg(test)]
mod tests {
    use tokengine_core::{Attempt, AttemptKind, Depth, Purpose, Sighting, Time};

    use super::{questions, *};
    use crate::testing::{COIN, HOT, NET, USD, World, address, block, tx, world};

    fn books(world: &World, wallet: WalletIx, asset: AssetIx, block: u64) -> Option<Amount> {
        let (questions, _) = questions(&world.state, NET, block);
        let question = questions.into_iter().find(|question| question.wallet == wallet)?;
        question.holdings.into_iter().find(|(held, ..)| *held == asset).map(|(.., amount)| amount)
    }

    #[test]
    fn what_lies_between_the_block_and_now_is_taken_out_again() {
        let mut world = world();
        world.scan(101, 130, 0);
        let depth = Depth { confirmations: 100, safe: true, finalized: true, nodes: 1 };
        let credited = world.see("alice", "HOT", 500, block(110));
        world.ok(Command::CreditDeposit { key: credited, block: block(110), depth });
        world.see("bob", "HOT", 40, block(105)); // waits for its depth
        for (case, at, expected) in
            [("before both", 104, 0), ("after the one that waits", 105, 40), ("after both", 110, 540)]
        {
            assert_eq!(books(&world, HOT, USD, at), Some(Amount::new(expected)), "{case}");
        }
    }

    #[test]
    fn a_payout_counts_from_its_own_block_on() {
        let mut world = world();
        world.scan(101, 130, 0);
        world.deposit("alice", "HOT", USD, 500);
        world.deposit("alice", "HOT", COIN, 9_000);
        let order = world.order("alice", 200);
        let payout = world.hold(order);
        let (gas_reserve, tx) = (Amount::new(1_000), tx(77));
        world.ok(Command::OpenDispatch { wallet: HOT, nonce: 0, purpose: Purpose::Payout(payout), gas_reserve });
        let attempt = Attempt {
            tx,
            raw: [1].into(),
            kind: AttemptKind::Act,
            max_gas_cost: gas_reserve,
            fee_cap: Amount::new(2),
            tip: Amount::new(1),
            signed_at: Time(0),
            sent_at: None,
        };
        let dispatch = tokengine_core::DispatchId(1);
        world.ok(Command::SignAttempt { dispatch, attempt });
        let asked = questions(&world.state, NET, 120).0.into_iter().find(|q| q.wallet == HOT).expect("asked");
        assert_eq!(asked.nonce, Some(0), "whether it is in the block is told from the nonce");
        let sighting = Sighting { attempt: 0, block: block(121), success: true };
        world.ok(Command::SeeDispatch { dispatch, sighting: sighting.clone() });
        assert_eq!(books(&world, HOT, USD, 120), Some(Amount::new(500)), "above the block");
        assert_eq!(books(&world, HOT, USD, 121), None, "in the block, and its cost is not booked yet");
        let depth = Depth { confirmations: 100, safe: true, finalized: true, nodes: 1 };
        world.ok(Command::FinishDispatch { dispatch, sighting, gas: Amount::new(700), depth });
        for (at, usd, coin) in [(120, 500, 9_000), (121, 300, 8_300)] {
            assert_eq!(books(&world, HOT, USD, at), Some(Amount::new(usd)));
            assert_eq!(books(&world, HOT, COIN, at), Some(Amount::new(coin)));
        }
    }

    #[test]
    fn a20_a_surplus_is_booked_and_a9_a_shortage_stops_the_asset() {
        let mut world = world();
        let line = |books: u128, network: u128| Line {
            wallet: HOT,
            address: address("HOT"),
            asset: USD,
            books: Amount::new(books),
            network: Amount::new(network),
        };
        let at = block(100);
        let verdict =
            |world: &World, books, network| super::verdict(&world.state, NET, at, &[line(books, network)], true);
        assert_eq!(verdict(&world, 5, 5), []);
        let amount = Amount::new(2);
        assert_eq!(verdict(&world, 5, 7), [Command::BookSurplus { wallet: HOT, asset: USD, amount, block: at }]);
        let short = Command::FindShortage { wallet: HOT, asset: USD, missing: amount, block: at };
        assert_eq!(verdict(&world, 7, 5), std::slice::from_ref(&short));
        world.ok(short);
        assert_eq!(verdict(&world, 7, 5), [], "it is known");
        assert_eq!(verdict(&world, 7, 7), [Command::ClearShortage { asset: USD, block: at }]);
        assert_eq!(super::verdict(&world.state, NET, at, &[line(7, 7)], false), [], "not all was compared");
    }
}
