//! The networks outside: blocks, memory pools, fees, reorgs, and the nodes that tell of them, honestly or not.
//!
//! # What the rest of the simulator relies on
//! - [`World::new`] takes a generator ([`crate::rng::Rng`]) and the networks' [`Settings`]. Nothing else is random, nothing
//!   asks a clock, and no map with a random order is iterated.
//! - [`World::advance`] is called with the virtual time (milliseconds since 1970, never going back) before anything looks at
//!   a network. It makes the blocks that are due, moves `safe` and `finalized`, reorganizes, and delivers what was sent. It
//!   wakes every question that waits for a time which has come.
//! - [`World::next_due`] is the next virtual time at which something happens by itself (a block, a delayed answer), so that
//!   the scheduler can jump there.
//! - [`World::node`] is a node as the product asks it. A question may be answered at once or wait (then its future is
//!   pending until `advance` reaches its time and wakes it); it may be dropped at any point.
//! - What outsiders do on a network: [`World::pay`], and [`World::act`] for everything stranger. Contracts that refuse the
//!   coin or take more gas for it: [`World::refuser`], [`World::taker`].
//! - What is true on a network, for the invariants only and never for the workers: [`World::flows`], [`World::used`],
//!   [`World::balance`], [`World::final_balance`].
//! - [`World::quiet`] ends all faults; after it nodes answer truly and at once, and no reorg comes.
//!
//! # What is true here
//! Blocks are a tree with one best chain; a node sees the chain that ends in the block it has come to, which may lie behind
//! or on a fork. Every word of the state is known after every block of it. What the product sends are its real signed bytes,
//! taken apart by its own codec, and they pay for what they do.
//!
//! **Liars** ([`Endpoint::lies`]) tell untruths about anything; of a network whose quorum is `k`, at most `k - 1` nodes may
//! be liars. All other nodes only ever tell what is true of some chain that they have seen, or nothing.

mod accounts;
mod chain;
mod contracts;
mod endpoint;
mod faults;
mod ledger;
mod lies;
mod names;
mod network;
mod node;
mod outsiders;
mod past;
mod pool;
mod reorg;
mod send;
mod settings;
#[cfg(test)]
mod tests;
mod truth;
mod tx;
mod view;
mod vm;
mod wait;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokengine_chain::{Asset, Rules};
use tokengine_core::{Address, BlockRef, TxId};

use self::contracts::Contract;
pub use self::contracts::{Manner, Token};
pub use self::faults::Fault;
use self::ledger::Key;
use self::network::Net;
pub use self::node::SimNode;
pub use self::outsiders::Deed;
pub use self::past::{Ever, Place};
pub use self::settings::{Endpoint, Rates, Settings};
pub use self::truth::{Flow, Used};
use crate::rng::Rng;

/// Nobody else has the lock for longer than one question, and a panic in one is the end of the run anyway.
fn lock(net: &Arc<Mutex<Net>>) -> MutexGuard<'_, Net> {
    net.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All networks of a run. Networks and nodes are numbered from 0, in the order of their settings.
pub struct World {
    nets: Vec<Arc<Mutex<Net>>>,
    now: u64,
}

impl World {
    /// The networks with those settings, at a virtual time in milliseconds since 1970.
    ///
    /// # Panics
    /// When as many nodes of a network lie as its quorum needs: then nothing can be promised.
    pub fn new(mut rng: Rng, settings: Vec<Settings>, now: u64) -> Self {
        let net = |settings: Settings| {
            let liars = settings.endpoints.iter().filter(|endpoint| endpoint.lies).count();
            assert!(liars < usize::from(settings.quorum).max(1), "as many liars as a quorum needs");
            let part = settings.chain_id;
            Arc::new(Mutex::new(Net::new(settings, now, rng.split(part))))
        };
        Self { nets: settings.into_iter().map(net).collect(), now }
    }

    fn net(&self, network: usize) -> MutexGuard<'_, Net> {
        lock(&self.nets[network])
    }

    /// How many networks there are.
    pub fn networks(&self) -> usize {
        self.nets.len()
    }

    /// The CAIP-2 id of a network.
    pub fn id(&self, network: usize) -> String {
        self.net(network).id.to_string()
    }

    /// Virtual milliseconds since 1970.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Lets everything happen up to a virtual time, and wakes those who waited for it.
    pub fn advance(&mut self, now: u64) {
        self.now = self.now.max(now);
        for net in &self.nets {
            // Woken outside the lock: who is woken may ask at once.
            let due = lock(net).advance(now);
            due.into_iter().for_each(std::task::Waker::wake);
        }
    }

    /// The next virtual time at which something happens by itself.
    pub fn next_due(&self) -> u64 {
        self.nets.iter().map(|net| lock(net).next_due()).min().unwrap_or(u64::MAX)
    }

    /// A node of a network.
    pub fn node(&self, network: usize, endpoint: usize) -> SimNode {
        let net = &self.nets[network];
        let inside = lock(net);
        let traces = inside.endpoints[endpoint].habits.traces;
        SimNode { net: Arc::clone(net), ix: endpoint, name: inside.name_of(endpoint), traces }
    }

    /// All nodes of a network.
    pub fn nodes(&self, network: usize) -> Vec<SimNode> {
        let count = self.net(network).endpoints.len();
        (0..count).map(|endpoint| self.node(network, endpoint)).collect()
    }

    /// The product's rules for asking those nodes, with the genesis pinned.
    pub fn rules(&self, network: usize) -> Rules {
        let net = self.net(network);
        let genesis = net.chain.best_at(0).map(|ix| net.chain.get(ix).at.hash);
        Rules { quorum: net.settings.quorum, genesis, ..Rules::default() }
    }

    /// The settings of a network.
    pub fn settings(&self, network: usize) -> Settings {
        self.net(network).settings.clone()
    }

    /// Block 0.
    pub fn genesis(&self, network: usize) -> BlockRef {
        let net = self.net(network);
        net.chain.get(net.chain.best_at(0).expect("block 0 never goes away")).at
    }

    /// The newest block.
    pub fn head(&self, network: usize) -> BlockRef {
        let net = self.net(network);
        net.chain.get(net.chain.head()).at
    }

    /// The newest block that is final.
    pub fn final_head(&self, network: usize) -> BlockRef {
        let net = self.net(network);
        net.chain.best_at(net.finalized).map(|ix| net.chain.get(ix).at).expect("what is final is on the best chain")
    }

    /// The contract of one of the network's tokens, in the order of its settings.
    pub fn token(&self, network: usize, ix: usize) -> Address {
        let net = self.net(network);
        net.names.text(net.tokens[ix]).clone()
    }

    /// An address that nobody has yet.
    pub fn fresh_address(&self, network: usize) -> Address {
        let mut net = self.net(network);
        let net = &mut *net;
        let id = net.names.fresh(&mut net.rng);
        net.names.text(id).clone()
    }

    /// A contract that refuses the coin.
    pub fn refuser(&self, network: usize) -> Address {
        self.contract(network, Contract::Refuser)
    }

    /// A contract that takes the coin, for more gas than a key's account.
    pub fn taker(&self, network: usize) -> Address {
        self.contract(network, Contract::Taker)
    }

    fn contract(&self, network: usize, kind: Contract) -> Address {
        let mut net = self.net(network);
        let id = net.contract(kind);
        net.names.text(id).clone()
    }

    /// A further wallet that is a contract (EIP-1271).
    pub fn contract_wallet(&self, network: usize) -> Address {
        let mut net = self.net(network);
        let id = net.new_contract(Contract::Wallet);
        net.names.text(id).clone()
    }

    /// A further key's account that runs a contract's code (EIP-7702).
    pub fn delegated_account(&self, network: usize) -> Address {
        let mut net = self.net(network);
        let id = net.new_contract(Contract::Delegated);
        net.names.text(id).clone()
    }

    /// Lets a contract's wallet own up to a signature over a digest, or no longer.
    pub fn sign_as(&self, network: usize, wallet: &Address, digest: [u8; 32], valid: bool) {
        let mut net = self.net(network);
        let wallet = net.names.id(wallet);
        if valid {
            net.signed.insert((wallet, digest));
        } else {
            net.signed.remove(&(wallet, digest));
        }
    }

    /// An outsider pays.
    pub fn pay(&self, network: usize, from: &Address, to: &Address, asset: &Asset, amount: u128) -> TxId {
        self.act(network, from, &Deed::Pay { asset: asset.clone(), to: to.clone(), amount })
    }

    /// An outsider does something else. From then on `from` has as much of everything as it wants: never a wallet of
    /// ours.
    pub fn act(&self, network: usize, from: &Address, deed: &Deed) -> TxId {
        self.net(network).act(from, deed)
    }

    /// Somebody else uses the key of one of our wallets to pay the coin to `to`.
    pub fn steal(&self, network: usize, wallet: &Address, to: &Address, amount: u128) -> TxId {
        self.net(network).steal(wallet, to, amount)
    }

    /// Tells that a wallet is ours: liars invent payments to it.
    pub fn own(&self, network: usize, wallet: &Address) {
        self.net(network).own(wallet);
    }

    /// Replaces the newest blocks of a network, whatever is final.
    pub fn reorg(&self, network: usize, depth: u64) {
        self.net(network).reorg(depth);
    }

    /// Lets a node stay at the newest block, whatever becomes of that, until [`World::quiet`].
    pub fn stick(&self, network: usize, endpoint: usize) {
        let mut net = self.net(network);
        let head = net.chain.head();
        net.endpoints[endpoint].stick(head);
    }

    /// Stops a network's blocks for so many milliseconds.
    pub fn stall(&self, network: usize, ms: u64) {
        self.net(network).stall(ms);
    }

    /// Lets nothing become final for so many milliseconds.
    pub fn stall_finality(&self, network: usize, ms: u64) {
        self.net(network).stall_finality(ms);
    }

    /// Lets so many blocks be full, so that fees rise.
    pub fn spike(&self, network: usize, blocks: u64) {
        self.net(network).spike(blocks);
    }

    /// Changes how often what goes wrong on a network.
    pub fn set_rates(&self, network: usize, rates: Rates) {
        self.net(network).rates = rates;
    }

    /// Ends all faults on all networks.
    pub fn quiet(&self) {
        for net in &self.nets {
            lock(net).quiet();
        }
    }

    /// Lets a kind of fault, by its name, never come again on any network. Whether there is such a kind.
    pub fn ban(&self, name: &str) -> bool {
        let Some(fault) = Fault::ALL.iter().find(|fault| fault.name() == name) else { return false };
        for net in &self.nets {
            lock(net).coverage.ban(*fault);
        }
        true
    }

    /// How often each fault was hit, on all networks. Those that never were are in it with zero.
    pub fn coverage(&self) -> BTreeMap<&'static str, u64> {
        let mut sum = BTreeMap::new();
        for net in &self.nets {
            lock(net).coverage.add_to(&mut sum);
        }
        sum
    }

    /// Changes whenever anything of a network's best chain does: what was read of the truth before is then to be read
    /// again.
    pub fn version(&self, network: usize) -> u64 {
        self.net(network).version
    }

    /// Everything that moved on the best chain above a height, oldest first: the coin, and the tokens of real contracts.
    pub fn flows(&self, network: usize, above: u64) -> Vec<Flow> {
        self.net(network).flows(above)
    }

    /// All nonces of an address that were used on the best chain, in order.
    pub fn used(&self, network: usize, of: &Address) -> Vec<Used> {
        self.net(network).used(of)
    }

    /// What an address holds after the newest block.
    pub fn balance(&self, network: usize, of: &Address, asset: &Asset) -> u128 {
        let net = self.net(network);
        net.balance_key(of, asset).map_or(0, |key| net.ledger.now(key))
    }

    /// What an address holds after the newest block that is final.
    pub fn final_balance(&self, network: usize, of: &Address, asset: &Asset) -> u128 {
        let net = self.net(network);
        net.balance_key(of, asset).map_or(0, |key| net.ledger.at(key, net.finalized))
    }

    /// How many nonces of an address are used.
    pub fn nonce(&self, network: usize, of: &Address) -> u64 {
        let net = self.net(network);
        let used = net.names.find(of).map_or(0, |of| net.ledger.now(Key::Nonce(of)));
        u64::try_from(used).unwrap_or(u64::MAX)
    }

    /// How many transactions wait for a block.
    pub fn waiting(&self, network: usize) -> usize {
        self.net(network).pool.len()
    }
}
