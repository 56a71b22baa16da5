//! What cannot be recorded, or looked up, now: it waits, and nothing is passed over because of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokengine_chain::evm::{EvmConfig, EvmNode};
use tokengine_chain::{Network, Rules as Nodes};
use tokengine_core::*;
use tokengine_engine::{Handle, system_clock};
use tokengine_testkit::{Fault, FaultProxy};
use tokengine_workers::probe::Prober;
use tokengine_workers::watch::Watcher;
use tokengine_workers::{Books, Error, Rules};

use crate::world::*;

/// The engine, with a disk that has room for everything but deposits and reorgs while it is said to be full.
#[derive(Clone)]
struct Full {
    handle: Handle,
    full: Arc<AtomicBool>,
}

/// A watcher of the world's network on that disk.
fn watcher(world: &World) -> (Watcher<Full, EvmNode>, Full, Arc<Network<EvmNode>>) {
    let node = EvmNode::new(&EvmConfig::new("node", world.anvil.url())).expect("a node");
    let network = Arc::new(Network::new("eip155:31337", vec![node], Nodes::default()).expect("a network"));
    let books = Full { handle: world.handle(), full: Arc::new(AtomicBool::new(true)) };
    let prober = Arc::new(Prober::new(books.clone(), Arc::clone(&network)));
    (Watcher::new(books.clone(), Arc::clone(&network), prober, Arc::new(Rules::default())), books, network)
}

impl Books for Full {
    async fn submit(&self, command: Command) -> Result<Result<(), Rejection>, Error> {
        let refused = self.full.load(Ordering::Relaxed)
            && matches!(command, Command::SeeDeposit { .. } | Command::RewindScan { .. });
        if refused { Ok(Err(Rejection::DiskFull)) } else { Books::submit(&self.handle, command).await }
    }

    async fn submit_many(&self, commands: Vec<Command>) -> Result<Vec<Result<(), Rejection>>, Error> {
        let mut answers = Vec::new();
        for command in commands {
            answers.push(self.submit(command).await?);
        }
        Ok(answers)
    }

    async fn query<R: Send + 'static>(&self, look: impl FnOnce(&State) -> R + Send + 'static) -> Result<R, Error> {
        Books::query(&self.handle, look).await
    }
}

#[test]
fn a_block_whose_deposit_could_not_be_recorded_does_not_count_as_searched() {
    let mut world = World::new();
    let (alice, hot) = (world.customer(1), world.wallet_address(HOT));
    world.account(&alice);
    world.stop_workers();
    world.pay_token(&alice, &hot, 1_000);
    world.anvil.mine(3).expect("mined");
    let (watcher, books, network) = watcher(&world);
    let before = world.look(|state| state.network(NET).and_then(|row| row.head().copied()));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        assert_eq!(watcher.start().await.expect("started"), NET);
        let heads = network.heads().await.expect("heads");
        let fault = watcher.pass(NET, &heads, system_clock()).await.expect_err("the disk is full");
        assert_eq!((fault.code(), fault.is_transient()), ("worker-not-recorded", true));
        let after = Books::query(&books, |state| state.network(NET).and_then(|row| row.head().copied())).await;
        assert_eq!(after.expect("an answer"), before, "nothing counts as searched");
        books.full.store(false, Ordering::Relaxed);
        while watcher.pass(NET, &heads, system_clock()).await.expect("there is room").more {}
    });
    assert_eq!(world.free(&alice, USD), 1_000);
    world.books_balance();
}

#[test]
fn j9_a_reorg_that_could_not_be_recorded_pauses_the_search_instead_of_repeating_it() {
    let mut world = World::new();
    world.anvil.mine(4).expect("mined");
    let head = world.anvil.block_number().expect("a height");
    let scanned = |state: &State| state.network(NET).and_then(|row| row.head().copied());
    world.until("it is searched", move |state| scanned(state).is_some_and(|at| at.height >= head));
    world.stop_workers();
    let before = world.look(scanned);
    world.anvil.reorg(2).expect("a reorg");
    let (watcher, books, network) = watcher(&world);
    world.block_on(async {
        assert_eq!(watcher.start().await.expect("started"), NET);
        let heads = network.heads().await.expect("heads");
        let fault = watcher.pass(NET, &heads, system_clock()).await.expect_err("the disk is full");
        assert_eq!((fault.code(), fault.is_transient()), ("worker-not-recorded", true), "a worker pauses on it");
        assert_eq!(Books::query(&books, scanned).await.expect("an answer"), before);
        books.full.store(false, Ordering::Relaxed);
        while watcher.pass(NET, &heads, system_clock()).await.expect("there is room").more {}
        let after = Books::query(&books, scanned).await.expect("an answer");
        assert_eq!(after.map(|at| at.hash), Some(heads.latest.hash), "it follows the new chain");
    });
}

#[test]
fn a_transfer_that_no_node_can_look_up_waits_alone() {
    let mut proxies = Vec::new();
    let mut world = World::with(|anvil| {
        proxies.push(FaultProxy::start(anvil.url()).expect("a proxy"));
        Setup { nodes: vec![proxies[0].url()], ..Setup::default() }
    });
    let alice = world.funded();
    let (broken, unknown) = (TxId([0xb7; 32]), TxId([0xc8; 32]));
    let of_broken = |call: &Value| call.to_string().contains(&"b7".repeat(32));
    for method in ["eth_getTransactionByHash", "eth_getTransactionReceipt"] {
        proxies[0].fault_if(method, of_broken, Fault::Error { code: -32000, message: "missing trie node".into() });
    }
    for tx in [broken, unknown] {
        let order = world.order(&alice, USD, 5, &World::nobody(1));
        let request = world.request();
        world.ok(Command::RequestTransfer { request, network: NET, tx, order, trace: None });
        // As after a claim that was answered: from here on the transfer is looked up by itself.
        world.ok(Command::CloseClaim { network: NET, tx, outcome: ClaimOutcome::Found });
    }
    let waits = move |state: &State| state.transfers().map(|(_, transfer)| transfer.tx).collect::<Vec<_>>();
    world.until("the one that no node has has failed", move |state| !waits(state).contains(&unknown));
    assert_eq!(world.look(waits), [broken], "what nobody could tell about is not taken for absent");
    assert!(world.status().is_fresh(), "its fault is its own: {:?}", world.status().faults);
    let deposit = world.customer(2);
    world.pay_token(&deposit, &world.wallet_address(HOT), 7_000);
    world.account(&deposit);
    world.anvil.mine(3).expect("mined");
    world.until_free(&deposit, USD, 7_000);
}
