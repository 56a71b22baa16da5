//! The reconciler: compares wallets with the books at one block that can never go away. A shortage stops payouts of that
//! asset; a surplus (anyone can send a wei) goes to suspense and stops nothing.
//!
//! The books are as of now and the block is older, so what lies between is taken out again: credits and payments in newer
//! blocks are not in the balance yet, deposits that still wait for their depth already are. Where something under way
//! makes the answer uncertain, the wallet is left out and compared the next time.
//!
//! Not everything that is paid is seen (a network without traces, a transfer that was not reported because it did not
//! arrive whole), so deposit addresses that hold nothing by the books are looked at as well: a few in every pass, each in
//! its turn, and all of them when a person asks.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokengine_chain::{Accounts, Asset, At, BlockId, Network};
use tokengine_core::{
    Address, Amount, AssetIx, BlockRef, Command, NetworkIx, RecentCredit, Role, State, Wallet, WalletIx,
};

use crate::{Books, Error};

/// Empty addresses between two looks at the state, and at the head: what is asked of the nodes stays young enough to be kept,
/// and the questions about them fill a request.
const CHUNK: usize = 200;
/// Wallets that one look at the state goes through in search of them.
const ROWS: u32 = 20_000;
/// Wallets whose balances are asked for at the same time.
const AT_ONCE: usize = 8;

/// Which deposit addresses that hold nothing by the books are compared, beside all wallets that do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The next few.
    NextFew,
    /// Every one.
    Every,
}

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
    /// The block that the wallets that hold something were compared at; empty addresses were at this or a newer one.
    pub block: BlockRef,
    /// What was compared. Of addresses that hold nothing by the books, only what differs.
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

/// What every wallet that has something by the books, or is about to, should have at `block`, and the wallets that cannot
/// be compared now.
pub fn questions(state: &State, ix: NetworkIx, block: u64) -> (Vec<Question>, Vec<WalletIx>) {
    let here = state.pending_deposits().filter(|pending| pending.deposit.key.network == ix);
    let pending = here.map(|pending| pending.deposit.wallet);
    let holding = state.house_wallets().chain(state.wallets_to_sweep()).map(|(id, _)| id);
    // Once each, in the order of their numbers.
    let ours: BTreeSet<WalletIx> = holding.chain(pending).collect();
    questions_of(state, ix, block, ours)
}

/// The next deposit addresses of a network that hold nothing by the books, beginning with wallet number `from`; and where
/// to go on, or nothing at the end of the wallets. There may be more although none was found: one look is bounded.
pub fn empty_addresses(state: &State, ix: NetworkIx, from: u32, room: usize) -> (Vec<WalletIx>, Option<u32>) {
    let mut found = Vec::new();
    let end = from.saturating_add(ROWS);
    for row in from..end {
        let Some(wallet) = state.wallet(WalletIx(row)) else { return (found, None) };
        if found.len() >= room {
            return (found, Some(row));
        }
        let empty = || wallet.holdings.iter().all(|(_, holding)| holding.amount.is_zero());
        if wallet.network == ix && matches!(wallet.role, Role::Deposit(_)) && empty() {
            found.push(WalletIx(row));
        }
    }
    (found, Some(end))
}

/// What these wallets should have at `block`, and those of them that cannot be compared now.
pub fn questions_of(
    state: &State,
    ix: NetworkIx,
    block: u64,
    wallets: impl IntoIterator<Item = WalletIx>,
) -> (Vec<Question>, Vec<WalletIx>) {
    let Some(row) = state.network(ix) else { return Default::default() };
    let (mut questions, mut left_out) = (Vec::new(), Vec::new());
    // A reorg is being worked out: nothing can be said.
    if row.recent.iter().any(|credit| credit.orphaned) || row.recent_final.iter().any(|sent| sent.orphaned) {
        return Default::default();
    }
    let row = |id| Some((id, state.wallet(id).filter(|wallet| wallet.network == ix)?));
    let ours = wallets.into_iter().filter_map(row);
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
    let short = state.assets().filter(|(_, asset)| asset.network == ix && asset.short.is_some());
    let even = |asset: &AssetIx| lines.iter().all(|line| line.asset != *asset || line.network >= line.books);
    let cleared: Vec<AssetIx> = short.map(|(asset, _)| asset).filter(|asset| complete && even(asset)).collect();
    let mut told = Vec::new();
    for line in lines {
        let (wallet, asset) = (line.wallet, line.asset);
        if let Some(amount) = line.network.checked_sub(line.books).filter(|amount| !amount.is_zero()) {
            told.push(Command::BookSurplus { wallet, asset, amount, block, as_of: state.position() });
        }
        // Told when it changes; that nothing is missing any more, too, while something else of the asset is.
        let missing = line.books.checked_sub(line.network).unwrap_or_default();
        let known = state.shortage(asset, wallet).map_or(Amount::ZERO, |row| row.missing);
        if missing != known && !cleared.contains(&asset) {
            told.push(Command::FindShortage { wallet, asset, missing, block });
        }
    }
    told.extend(cleared.into_iter().map(|asset| Command::ClearShortage { asset, block }));
    told
}

/// Compares the wallets of one network with the books, once. What it remembers is only whose turn it is.
pub struct Reconciler<B, N> {
    books: B,
    network: Arc<Network<N>>,
    /// The number of the wallet from which on empty addresses are looked for.
    next: AtomicU32,
    /// How many of them are the next few.
    few: usize,
}

impl<B: Books, N: Accounts> Reconciler<B, N> {
    /// A reconciler.
    pub fn new(books: B, network: Arc<Network<N>>) -> Self {
        let few = usize::try_from(crate::Rules::default().reconcile_addresses).unwrap_or(usize::MAX);
        Self { books, network, next: AtomicU32::new(0), few }
    }

    /// With so many deposit addresses that hold nothing compared in a pass of [`Scope::NextFew`].
    #[must_use]
    pub fn with_addresses(self, few: u32) -> Self {
        Self { few: usize::try_from(few).unwrap_or(usize::MAX), ..self }
    }

    /// Compares now. `None` when no block can be compared at yet (too little was searched), and when not every address
    /// could be compared that should have been.
    ///
    /// # Errors
    /// Those of asking: what was not compared before is compared by the next pass.
    pub async fn pass(&self, ix: NetworkIx, scope: Scope) -> Result<Option<Report>, Error> {
        let Some(mut report) = self.compare(ix, None).await? else { return Ok(None) };
        let all = self.compare_empty(ix, scope, &mut report).await?;
        Ok((all || scope == Scope::NextFew).then_some(report))
    }

    /// Compares addresses that hold nothing by the books; whether all that should be were.
    async fn compare_empty(&self, ix: NetworkIx, scope: Scope, report: &mut Report) -> Result<bool, Error> {
        let (mut from, mut room) = match scope {
            Scope::Every => (0, usize::MAX),
            Scope::NextFew => (self.next.load(Ordering::Relaxed), self.few),
        };
        while room > 0 {
            let few = room.min(CHUNK);
            let (wallets, next) = self.books.query(move |state| empty_addresses(state, ix, from, few)).await?;
            from = next.unwrap_or(0);
            let go_on = || {
                if scope == Scope::NextFew {
                    self.next.store(from, Ordering::Relaxed);
                }
            };
            if !wallets.is_empty() {
                room = room.saturating_sub(wallets.len());
                let part = match self.compare(ix, Some(wallets.into())).await {
                    Ok(Some(part)) => part,
                    Ok(None) => return Ok(false),
                    Err(error) => {
                        // Something that stays wrong with a few must not keep all others from their turn.
                        if !error.is_transient() {
                            go_on();
                        }
                        return Err(error);
                    }
                };
                if part.lines.is_empty() && part.left_out.is_empty() {
                    return Ok(false); // a reorg is being worked out
                }
                report.lines.extend(part.lines.into_iter().filter(|line| line.books != line.network));
                report.left_out.extend(part.left_out);
                report.told.extend(part.told);
            }
            go_on();
            if next.is_none() {
                break;
            }
        }
        Ok(true)
    }

    /// Compares some wallets, or all that have something by the books. Only these tell that a shortage is over.
    async fn compare(&self, ix: NetworkIx, some: Option<Arc<[WalletIx]>>) -> Result<Option<Report>, Error> {
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
        let holding = some.is_none();
        let ask = move |state: &State| match &some {
            None => questions(state, ix, height),
            Some(some) => questions_of(state, ix, height, some.iter().copied()),
        };
        let (before, mut left_out) = self.books.query(ask.clone()).await?;
        let (plain, with_nonce): (Vec<Question>, Vec<Question>) =
            before.iter().cloned().partition(|question| question.nonce.is_none());
        let mut lines = self.ask_together(&plain, at).await?;
        let asked = stream::iter(with_nonce).map(|question| self.ask(question, at));
        let mut answers = asked.buffered(AT_ONCE);
        while let Some((wallet, found)) = answers.try_next().await? {
            match found {
                Some(found) => lines.extend(found),
                None => left_out.push(wallet),
            }
        }
        drop(answers);
        let complete = holding && left_out.is_empty();
        let asked = lines.clone();
        let look = move |state: &State| {
            // What changed meanwhile is compared the next time.
            let (after, _) = ask(state);
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
                    tracing::error!(chain.id = self.network.id(), %wallet, %asset, %missing, "A wallet holds less than the books");
                }
                (Command::BookSurplus { wallet, asset, amount, .. }, Ok(())) => {
                    tracing::warn!(chain.id = self.network.id(), %wallet, %asset, %amount, "A wallet holds more than the books");
                }
                _ => {}
            }
        }
        Ok(Some(Report { block: at, lines, left_out, told }))
    }

    /// What wallets have that have nothing under way, in few requests. What differs is asked once more by itself: how many
    /// questions are put into one is the nodes' choice, and their answers may come from a contract that is not ours.
    async fn ask_together(&self, questions: &[Question], at: BlockRef) -> Result<Vec<Line>, Error> {
        let of = |question: &Question| -> Vec<(Address, Asset)> {
            question.holdings.iter().map(|(_, name, _)| (question.address.clone(), name.clone())).collect()
        };
        let asked: Vec<(Address, Asset)> = questions.iter().flat_map(of).collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let mut told = self.network.balances(&asked, At::Block(at.hash)).await?.into_iter();
        let mut lines = Vec::with_capacity(asked.len());
        for Question { wallet, address, holdings, .. } in questions {
            for (asset, name, books) in holdings {
                let (wallet, asset, books) = (*wallet, *asset, *books);
                let network = match told.next().flatten().filter(|held| *held == books) {
                    Some(held) => held,
                    None => self.network.balance(address, name, At::Block(at.hash)).await?,
                };
                lines.push(Line { wallet, address: address.clone(), asset, books, network });
            }
        }
        Ok(lines)
    }

    /// What a wallet has; nothing where a transaction of its own is in the block and not seen yet.
    async fn ask(&self, question: Question, at: BlockRef) -> Result<(WalletIx, Option<Vec<Line>>), Error> {
        let Question { wallet, address, holdings, nonce } = question;
        if let Some(nonce) = nonce
            && self.network.nonce_at(&address, At::Block(at.hash)).await? > nonce
        {
            return Ok((wallet, None));
        }
        let mut lines = Vec::with_capacity(holdings.len());
        for (asset, name, books) in holdings {
            let network = self.network.balance(&address, &name, At::Block(at.hash)).await?;
            lines.push(Line { wallet, address: address.clone(), asset, books, network });
        }
        Ok((wallet, Some(lines)))
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
    fn every_empty_address_has_its_turn_and_a_deposit_under_way_is_no_surplus_there() {
        let mut world = world();
        world.scan(101, 130, 0);
        for n in 1..=4 {
            let (account, address) = (world.account(&format!("c{n}")), address(&format!("IN-{n}")));
            let (role, key) = (Role::Deposit(account), format!("deposits/{n}").into());
            world.ok(Command::ListWallet { request: None, network: NET, address, role, key });
        }
        let names = ["ALICE-IN", "IN-1", "IN-2", "IN-3", "IN-4"];
        let all: Vec<WalletIx> = names.iter().map(|name| world.wallet(name)).collect();
        let (mut found, mut from) = (Vec::new(), Some(0));
        while let Some(next) = from {
            let (some, go_on) = empty_addresses(&world.state, NET, next, 2);
            assert!(some.len() <= 2);
            found.extend(some);
            from = go_on;
        }
        assert_eq!(found, all, "each once, and no house wallet");
        let from = world.wallet("ALICE-IN").0;
        assert_eq!(empty_addresses(&world.state, NetworkIx(1), from, 2), (vec![], None), "not of this network");

        world.see("bob", "IN-2", 40, block(105)); // waits for its depth
        let books = |world: &World, wallet: WalletIx, at| {
            let (questions, _) = questions_of(&world.state, NET, at, [wallet]);
            let question = questions.into_iter().next().expect("nothing of it is sent");
            question.holdings.into_iter().find(|(held, ..)| *held == USD).map(|(.., amount)| amount.base_units())
        };
        for (case, at, expected) in [("before it", 104, 0), ("after it", 105, 40)] {
            assert_eq!(books(&world, all[2], at), Some(expected), "{case}");
            assert_eq!(books(&world, all[1], at), Some(0), "another address");
        }
        world.deposit("bob", "IN-3", USD, 70);
        let (found, _) = empty_addresses(&world.state, NET, 0, 9);
        assert_eq!(found, [all[0], all[1], all[2], all[4]], "what holds something is compared in every pass");
        let asked: Vec<WalletIx> =
            questions(&world.state, NET, 120).0.into_iter().map(|question| question.wallet).collect();
        assert!(asked.contains(&all[2]) && asked.contains(&all[3]) && !asked.contains(&all[4]), "{asked:?}");
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
        let as_of = world.state.position();
        assert_eq!(verdict(&world, 5, 7), [Command::BookSurplus { wallet: HOT, asset: USD, amount, block: at, as_of }]);
        let short = Command::FindShortage { wallet: HOT, asset: USD, missing: amount, block: at };
        assert_eq!(verdict(&world, 7, 5), std::slice::from_ref(&short));
        world.ok(short);
        assert_eq!(verdict(&world, 7, 5), [], "it is known");
        assert_eq!(verdict(&world, 7, 7), [Command::ClearShortage { asset: USD, block: at }]);
        let zero = Command::FindShortage { wallet: HOT, asset: USD, missing: Amount::ZERO, block: at };
        assert_eq!(super::verdict(&world.state, NET, at, &[line(7, 7)], false), [zero], "not all was compared");
        let more = Command::FindShortage { wallet: HOT, asset: USD, missing: Amount::new(3), block: at };
        assert_eq!(verdict(&world, 8, 5), [more], "it grew");
    }
}
