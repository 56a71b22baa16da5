//! A small exchange for the planners' tests: one network, a token, its coin, four wallets.

use tokengine_chain::{Asset, Heads, Outcome, Payment, fees};
use tokengine_core::*;

use crate::pay::{Memory, Nonce};

pub(crate) const NET: NetworkIx = NetworkIx(0);
pub(crate) const USD: AssetIx = AssetIx(0);
pub(crate) const COIN: AssetIx = AssetIx(1);
pub(crate) const HOT: WalletIx = WalletIx(0);
pub(crate) const GAS: WalletIx = WalletIx(1);
pub(crate) const NOW: Time = Time(1_800_000_000_000);

pub(crate) fn address(name: &str) -> Address {
    Address::new(name).expect("short")
}

pub(crate) fn tx(n: u64) -> TxId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    TxId(bytes)
}

pub(crate) fn block_on(fork: u8, height: u64) -> BlockRef {
    let hash = |height: u64| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&height.to_be_bytes());
        bytes[31] = fork;
        BlockHash(bytes)
    };
    BlockRef { height, hash: hash(height), parent: hash(height.wrapping_sub(1)) }
}

pub(crate) fn block(height: u64) -> BlockRef {
    block_on(0, height)
}

pub(crate) fn payment(from: &str, to: &str, amount: u128) -> Payment {
    Payment {
        tx: tx(0),
        locator: Locator::Log(0),
        asset: Asset::Contract(address("TOKEN")),
        from: Some(address(from)),
        to: address(to),
        amount: Ok(Amount::new(amount)),
        block: block(101),
        outcome: Outcome::Succeeded,
    }
}

pub(crate) struct World {
    pub(crate) state: State,
    now: Time,
    txs: u64,
    requests: u128,
}

pub(crate) fn world() -> World {
    let mut world = World { state: State::new(1), now: NOW, txs: 0, requests: 0 };
    let rules = AssetRules {
        deposits: true,
        payouts: true,
        min_deposit: Amount::new(1),
        max_deposit: Amount::MAX,
        min_payout: Amount::new(1),
        max_payout: Amount::MAX,
        fees: Fees::default(),
        finality: vec![(Amount::new(1_000), Finality::Confirmations(3)), (Amount::MAX, Finality::Finalized)],
        sweep_from: Amount::new(100),
    };
    let policy = NetworkPolicy {
        reorg_depth: 5,
        nodes_required: 1,
        max_in_flight: 3,
        payout_finality: Finality::Confirmations(2),
    };
    world.ok(Command::ListNetwork { id: "eip155:1".into(), policy });
    for (id, contract) in [("USD", Some(address("TOKEN"))), ("COIN", None)] {
        world.ok(Command::ListToken { id: id.into(), decimals: 6 });
        let (token, rules) = (world.state.token_by_id(id).expect("listed"), rules.clone());
        world.ok(Command::ListAsset { id: id.into(), network: NET, token, decimals: 6, contract, rules });
    }
    world.ok(Command::PinAsset { asset: USD, facts: AssetFacts { code: [1; 32], implementation: None } });
    for (name, role) in [("HOT", Role::Hot), ("GAS", Role::Gas), ("COLD", Role::Cold)] {
        let (address, key) = (address(name), name.to_lowercase().into());
        world.ok(Command::ListWallet { request: None, network: NET, address, role, key });
    }
    world.ok(Command::ReadyWallet { wallet: HOT, next_nonce: 0 });
    world.ok(Command::ReadyWallet { wallet: GAS, next_nonce: 0 });
    world.ok(Command::StartNetwork { network: NET, genesis: block(0), from: block(100) });
    let alice = world.account("alice");
    let (address, key) = (address("ALICE-IN"), "deposits/0".into());
    world.ok(Command::ListWallet { request: None, network: NET, address, role: Role::Deposit(alice), key });
    world
}

impl World {
    #[track_caller]
    pub(crate) fn ok(&mut self, command: Command) {
        self.now = self.now.plus_ms(1);
        match self.state.decide(&command, self.now) {
            Decision::Event(event) => drop(self.state.evolve(&Record { at: self.now, event })),
            other => panic!("{command:?}: {other:?}"),
        }
        self.state.check_books().expect("the books balance");
    }

    fn request(&mut self) -> Request {
        self.requests += 1;
        let key = u128::from(self.now.0) << 80 | self.requests;
        Request { principal: Principal::Operator, key, content: Fingerprint(self.requests) }
    }

    pub(crate) fn account(&mut self, name: &str) -> AccountIx {
        let name = format!("eip155:1:{name}");
        if self.state.account_by_name(&name).is_none() {
            self.ok(Command::OpenAccount { request: None, name: name.as_str().into() });
        }
        self.state.account_by_name(&name).expect("open")
    }

    pub(crate) fn wallet(&self, name: &str) -> WalletIx {
        self.state.wallet_at(NET, &address(name)).expect("listed")
    }

    pub(crate) fn see_tx(&mut self, n: u64, from: &str, to: &str, amount: u128, block: BlockRef) -> DepositKey {
        self.see_asset(n, from, to, USD, amount, block)
    }

    fn see_asset(&mut self, n: u64, from: &str, to: &str, asset: AssetIx, amount: u128, block: BlockRef) -> DepositKey {
        let key = DepositKey { network: NET, tx: tx(n), locator: Locator::Log(0) };
        let (wallet, from) = (self.wallet(to), address(from));
        let amount = Amount::new(amount);
        let deposit = Incoming { key: key.clone(), asset, wallet, from, from_contract: false, amount, block };
        self.ok(Command::SeeDeposit { deposit });
        key
    }

    pub(crate) fn see(&mut self, from: &str, to: &str, amount: u128, block: BlockRef) -> DepositKey {
        let n = self.txs;
        self.txs += 1;
        self.see_tx(n, from, to, amount, block)
    }

    pub(crate) fn deposit(&mut self, from: &str, to: &str, asset: AssetIx, amount: u128) {
        let n = self.txs;
        self.txs += 1;
        let key = self.see_asset(n, from, to, asset, amount, block(101));
        let depth = Depth { confirmations: 100, safe: true, finalized: true, nodes: 1 };
        self.ok(Command::CreditDeposit { key, block: block(101), depth });
    }

    pub(crate) fn scan(&mut self, from: u64, to: u64, fork: u8) {
        for height in from..=to {
            let parent = self.state.network(NET).expect("listed").head().expect("started").hash;
            let blocks = vec![BlockRef { parent, ..block_on(fork, height) }];
            self.ok(Command::ScanBlocks { network: NET, blocks });
        }
    }

    pub(crate) fn order(&mut self, who: &str, amount: u128) -> PayoutOrder {
        let account = self.account(who);
        self.requests += 1;
        PayoutOrder {
            account,
            asset: USD,
            amount: Amount::new(amount),
            destination: address("outside"),
            max_fee: Amount::MAX,
            external_id: None,
            nonce: self.requests,
            expiry: self.now.plus_ms(60_000),
            authority: Authority::Signature {
                signer: format!("eip155:1:{who}").into(),
                digest: [0; 32],
                signature: [0; 65].into(),
                contract: false,
            },
        }
    }

    pub(crate) fn hold(&mut self, order: PayoutOrder) -> PayoutId {
        let request = self.request();
        self.ok(Command::HoldPayout { request, order, trace: None });
        self.state.payouts().next_back().expect("held").0
    }

    pub(crate) fn transfer(&mut self, tx: TxId, order: PayoutOrder) {
        let request = self.request();
        self.ok(Command::RequestTransfer { request, network: NET, tx, order, trace: None });
    }

    pub(crate) fn close_claim(&mut self, tx: TxId) {
        self.ok(Command::CloseClaim { network: NET, tx, outcome: ClaimOutcome::Found });
    }

    pub(crate) fn heads(latest: u64, finalized: u64) -> Heads {
        Heads { latest: block(latest), safe: Some(block(finalized)), finalized: Some(block(finalized)) }
    }

    /// A driver that has seen a head, knows the price of gas, and found the house's nonces to fit.
    pub(crate) fn memory(&self) -> Memory {
        let suggestion = fees::Suggestion { base_fee: Some(1), priority: 0, gas_price: 1 };
        let mut memory =
            Memory { heads: Some(Self::heads(100, 90)), suggestion: Some(suggestion), ..Memory::default() };
        for wallet in ["HOT", "GAS"] {
            self.compared(&mut memory, wallet);
        }
        memory
    }

    pub(crate) fn compared(&self, memory: &mut Memory, wallet: &str) {
        let height = memory.height().expect("it has seen a head");
        memory.nonces.insert(self.wallet(wallet), Nonce { height, foreign: false });
    }
}
