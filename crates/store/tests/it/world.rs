//! A small exchange whose events feed a store: two networks, a dollar with 6 decimals here and 18 there, the coins.

use tokengine_core::*;
use tokengine_store::Store;

pub(crate) const A: NetworkIx = NetworkIx(0);
pub(crate) const B: NetworkIx = NetworkIx(1);
pub(crate) const USD: TokenIx = TokenIx(0);
pub(crate) const USD_A: AssetIx = AssetIx(0);
pub(crate) const USD_B: AssetIx = AssetIx(1);
pub(crate) const COIN_A: AssetIx = AssetIx(2);
pub(crate) const COIN_B: AssetIx = AssetIx(3);
pub(crate) const HOT_A: WalletIx = WalletIx(0);
pub(crate) const HOT_B: WalletIx = WalletIx(1);
pub(crate) const GAS_A: WalletIx = WalletIx(2);
pub(crate) const COLD_A: WalletIx = WalletIx(3);

pub(crate) const ETHER: u128 = 1_000_000_000_000_000_000;
pub(crate) const DEEP: Depth = Depth { confirmations: 100, safe: true, finalized: true, nodes: 1 };

pub(crate) fn address(name: &str) -> Address {
    Address::new(&format!("0x{name}")).expect("short")
}

pub(crate) fn tx(n: u64) -> TxId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    TxId(bytes)
}

pub(crate) fn block_on(fork: u8, height: u64) -> BlockRef {
    let hash = |height: u64| {
        let mut bytes = [fork; 32];
        bytes[..8].copy_from_slice(&height.to_be_bytes());
        BlockHash(bytes)
    };
    BlockRef { height, hash: hash(height), parent: hash(height.wrapping_sub(1)) }
}

fn rules() -> AssetRules {
    AssetRules {
        deposits: true,
        payouts: true,
        min_deposit: Amount::new(10),
        max_deposit: Amount::new(1_000_000 * ETHER),
        min_payout: Amount::new(10),
        max_payout: Amount::new(1_000_000 * ETHER),
        fees: Fees { success: Amount::new(1_000), success_bps: 10, failure: Amount::new(500) },
        finality: vec![(Amount::MAX, Finality::Confirmations(3))],
        sweep_from: Amount::new(1),
    }
}

pub(crate) fn policy(reorg_depth: u32) -> NetworkPolicy {
    NetworkPolicy { reorg_depth, nodes_required: 1, max_in_flight: 3, payout_finality: Finality::Confirmations(2) }
}

/// The engine's state, and the records that are on their way to the store.
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) now: Time,
    pub(crate) records: Vec<(Position, Record)>,
    pub(crate) next: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut world = Self { state: State::new(42), now: Time(1_800_000_000_000), records: Vec::new(), next: 0 };
        for id in ["eip155:1", "eip155:2"] {
            world.ok(Command::ListNetwork { id: id.into(), policy: policy(5) });
        }
        for (id, decimals) in [("USD", 18), ("COIN", 18)] {
            world.ok(Command::ListToken { id: id.into(), decimals });
        }
        for (id, network, token, decimals, contract) in [
            ("eip155:1/erc20:0xUSD", A, USD, 6, Some(address("USD"))),
            ("eip155:2/erc20:0xUSD", B, USD, 18, Some(address("USD"))),
            ("eip155:1/slip44:60", A, TokenIx(1), 18, None),
            ("eip155:2/slip44:60", B, TokenIx(1), 18, None),
        ] {
            world.ok(Command::ListAsset { id: id.into(), network, token, decimals, contract, rules: rules() });
        }
        for asset in [USD_A, USD_B] {
            world.ok(Command::PinAsset { asset, facts: AssetFacts { code: [1; 32], implementation: None } });
        }
        for (network, name, role) in
            [(A, "HOTA", Role::Hot), (B, "HOTB", Role::Hot), (A, "GASA", Role::Gas), (A, "COLDA", Role::Cold)]
        {
            world.list_wallet(network, name, role);
        }
        for network in [A, B] {
            let (genesis, from) = (block_on(0, 0), block_on(0, 99));
            world.ok(Command::StartNetwork { network, genesis, from });
            world.scan(network, 0, 1);
        }
        world.ok(Command::AddKey { name: "desk".into(), hash: [7; 32], scopes: u32::MAX });
        for name in ["desk", "shop"] {
            world.ok(Command::OpenAccount { request: None, name: name.into() });
        }
        for (asset, wallet, amount) in [
            (USD_A, HOT_A, 100_000),
            (USD_B, HOT_B, 100_000 * 1_000_000_000_000),
            (COIN_A, HOT_A, 10 * ETHER),
            (COIN_A, GAS_A, 10 * ETHER),
            (COIN_B, HOT_B, 10 * ETHER),
        ] {
            world.fund(asset, wallet, amount);
        }
        world
    }

    fn list_wallet(&mut self, network: NetworkIx, name: &str, role: Role) {
        let (address, key) = (address(name), "key".into());
        self.ok(Command::ListWallet { request: None, network, address, role, key });
        let wallet = WalletIx::from_row(self.state.wallets().count() - 1);
        if role != Role::Cold {
            self.ok(Command::ReadyWallet { wallet, next_nonce: 0 });
        }
    }

    pub(crate) fn fund(&mut self, asset: AssetIx, wallet: WalletIx, amount: u128) {
        let network = self.state.asset(asset).expect("listed").network;
        let (request, tx) = (self.request(), self.tx());
        self.ok(Command::AnnounceFunding { request, network, tx, reason: "start".into() });
        let key = DepositKey { network, tx, locator: Locator::Value };
        self.credit(self.incoming(key, asset, wallet, "OPERATOR", amount));
    }

    pub(crate) fn incoming(
        &self,
        key: DepositKey,
        asset: AssetIx,
        wallet: WalletIx,
        from: &str,
        amount: u128,
    ) -> Incoming {
        let block = self.head(key.network);
        Incoming { key, asset, wallet, from: address(from), from_contract: false, amount: Amount::new(amount), block }
    }

    pub(crate) fn credit(&mut self, deposit: Incoming) -> Event {
        let (key, block) = (deposit.key.clone(), deposit.block);
        self.ok(Command::SeeDeposit { deposit });
        self.ok(Command::CreditDeposit { key, block, depth: DEEP })
    }

    /// A customer with that much of `asset`, by a deposit.
    pub(crate) fn customer(&mut self, name: &str, asset: AssetIx, amount: u128) -> (AccountIx, DepositKey) {
        let network = self.state.asset(asset).expect("listed").network;
        let wallet = if network == A { HOT_A } else { HOT_B };
        let key = DepositKey { network, tx: self.tx(), locator: Locator::Log(0) };
        self.credit(self.incoming(key.clone(), asset, wallet, name, amount));
        let id = &self.state.network(network).expect("listed").id;
        (self.state.account_by_name(&format!("{id}:0x{name}")).expect("opened by its deposit"), key)
    }

    pub(crate) fn request(&mut self) -> Request {
        self.next += 1;
        let key = u128::from(self.now.0) << 80 | u128::from(self.next);
        Request { principal: Principal::Key(KeyIx(0)), key, content: Fingerprint(key) }
    }

    pub(crate) fn tx(&mut self) -> TxId {
        self.next += 1;
        tx(self.next)
    }

    pub(crate) fn signed(&self, account: AccountIx) -> Authority {
        let signer = self.state.account_name(account).expect("open").into();
        Authority::Signature { signer, digest: [1; 32], signature: [2; 65].into(), contract: false }
    }

    pub(crate) fn order(&mut self, account: AccountIx, asset: AssetIx, amount: u128) -> PayoutOrder {
        self.next += 1;
        PayoutOrder {
            account,
            asset,
            amount: Amount::new(amount),
            destination: address("DEST"),
            max_fee: Amount::MAX,
            external_id: self.next.is_multiple_of(2).then(|| format!("invoice-{}", self.next).into()),
            nonce: self.next.into(),
            expiry: self.now.plus_ms(60_000),
            authority: self.signed(account),
        }
    }

    pub(crate) fn hold(&mut self, account: AccountIx, asset: AssetIx, amount: u128) -> PayoutId {
        let (order, request) = (self.order(account, asset, amount), self.request());
        match self.ok(Command::HoldPayout { request, order, trace: None }) {
            Event::PayoutHeld { payout, .. } => payout,
            other => panic!("expected a hold, got {other:?}"),
        }
    }

    pub(crate) fn open(&mut self, wallet: WalletIx, purpose: Purpose) -> DispatchId {
        let nonce = self.state.wallet(wallet).and_then(|wallet| wallet.next_nonce).expect("ready");
        match self.ok(Command::OpenDispatch { wallet, nonce, purpose, gas_reserve: Amount::new(21_000) }) {
            Event::DispatchOpened { dispatch, .. } => dispatch,
            other => panic!("expected a slot, got {other:?}"),
        }
    }

    pub(crate) fn attempt(&mut self, kind: AttemptKind, fee_cap: u128) -> Attempt {
        Attempt {
            tx: self.tx(),
            raw: [1, 2, 3].into(),
            kind,
            max_gas_cost: Amount::new(21_000 + fee_cap % 7),
            fee_cap: Amount::new(fee_cap),
            tip: Amount::new(fee_cap / 10),
            signed_at: self.now,
            sent_at: None,
        }
    }

    pub(crate) fn head(&self, network: NetworkIx) -> BlockRef {
        *self.state.network(network).expect("listed").head().expect("started")
    }

    /// The next blocks on top of what was scanned.
    pub(crate) fn blocks(&self, network: NetworkIx, fork: u8, count: u64) -> Vec<BlockRef> {
        let mut blocks: Vec<BlockRef> = Vec::new();
        for _ in 0..count {
            let head = blocks.last().copied().unwrap_or_else(|| self.head(network));
            blocks.push(BlockRef { parent: head.hash, ..block_on(fork, head.height + 1) });
        }
        blocks
    }

    pub(crate) fn scan(&mut self, network: NetworkIx, fork: u8, count: u64) {
        let blocks = self.blocks(network, fork, count);
        self.ok(Command::ScanBlocks { network, blocks });
    }

    pub(crate) fn sighting(&self, network: NetworkIx, attempt: u32, success: bool) -> Sighting {
        Sighting { attempt, block: self.head(network), success }
    }

    /// Decides, and takes the event in; its record waits for [`Self::feed`].
    pub(crate) fn decide(&mut self, command: &Command) -> Decision {
        self.now = self.now.plus_ms(1);
        let decision = self.state.decide(command, self.now);
        if let Decision::Event(event) = &decision {
            let record = Record { at: self.now, event: event.clone() };
            self.state.evolve(&record);
            self.records.push((self.state.position(), record));
        }
        decision
    }

    pub(crate) fn ok(&mut self, command: Command) -> Event {
        match self.decide(&command) {
            Decision::Event(Event::Refused { rejection, .. }) => panic!("{command:?} was refused: {rejection}"),
            Decision::Event(event) => event,
            other => panic!("{command:?} came to {other:?}"),
        }
    }

    /// Gives the store what it does not have yet.
    pub(crate) fn feed(&self, store: &mut Store) {
        let cursor = usize::try_from(store.cursor().expect("readable").0).expect("few");
        store.apply(&self.records[cursor..]).expect("it follows");
    }
}

/// A store that has all of the world's events.
pub(crate) fn store_of(world: &World) -> Store {
    let mut store = Store::open_in_memory().expect("opens");
    world.feed(&mut store);
    store
}
