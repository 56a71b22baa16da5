//! A small exchange to try things on: two networks, one token with 6 decimals here and 18 there, the coins, hot wallets.

use tokengine_core::*;

pub const A: NetworkIx = NetworkIx(0);
pub const B: NetworkIx = NetworkIx(1);
/// The dollar in the ledger: 18 decimals.
pub const USD: TokenIx = TokenIx(0);
pub const COIN: TokenIx = TokenIx(1);
/// The dollar on network A: 6 decimals.
pub const USD_A: AssetIx = AssetIx(0);
/// The dollar on network B: 18 decimals.
pub const USD_B: AssetIx = AssetIx(1);
pub const COIN_A: AssetIx = AssetIx(2);
pub const COIN_B: AssetIx = AssetIx(3);
pub const HOT_A: WalletIx = WalletIx(0);
pub const HOT_B: WalletIx = WalletIx(1);
pub const GAS_A: WalletIx = WalletIx(2);
pub const COLD_A: WalletIx = WalletIx(3);
pub const KEY: KeyIx = KeyIx(0);

pub const ETHER: u128 = 1_000_000_000_000_000_000;

pub fn address(name: &str) -> Address {
    Address::new(&format!("0x{name}")).expect("short")
}

pub fn tx(n: u64) -> TxId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    TxId(bytes)
}

pub fn block_on(fork: u8, height: u64) -> BlockRef {
    let hash = |height: u64| {
        let mut bytes = [fork; 32];
        bytes[..8].copy_from_slice(&height.to_be_bytes());
        BlockHash(bytes)
    };
    BlockRef { height, hash: hash(height), parent: hash(height.wrapping_sub(1)) }
}

pub fn block(height: u64) -> BlockRef {
    block_on(0, height)
}

pub const DEEP: Depth = Depth { confirmations: 100, safe: true, finalized: true, nodes: 1 };

pub fn rules() -> AssetRules {
    AssetRules {
        deposits: true,
        payouts: true,
        min_deposit: Amount::new(10),
        max_deposit: Amount::new(1_000_000 * ETHER),
        min_payout: Amount::new(10),
        max_payout: Amount::new(1_000_000 * ETHER),
        fees: Fees { success: Amount::new(1_000), success_bps: 10, failure: Amount::new(500) },
        finality: vec![(Amount::new(1_000), Finality::Confirmations(3)), (Amount::new(u128::MAX), Finality::Finalized)],
        sweep_from: Amount::new(1),
    }
}

pub fn policy() -> NetworkPolicy {
    NetworkPolicy { reorg_depth: 5, nodes_required: 1, max_in_flight: 3, payout_finality: Finality::Confirmations(2) }
}

pub struct World {
    pub state: State,
    pub now: Time,
    pub records: Vec<Record>,
    requests: u128,
    txs: u64,
}

impl World {
    pub fn new() -> Self {
        let mut world = Self {
            state: State::new(42),
            now: Time(1_800_000_000_000),
            records: Vec::new(),
            requests: 0,
            txs: 1_000_000,
        };
        for id in ["eip155:1", "eip155:2"] {
            world.ok(Command::ListNetwork { id: id.into(), policy: policy() });
        }
        for (id, decimals) in [("USD", 18), ("COIN", 18)] {
            world.ok(Command::ListToken { id: id.into(), decimals });
        }
        for (id, network, token, decimals, contract) in [
            ("eip155:1/erc20:0xUSD", A, USD, 6, Some(address("USD"))),
            ("eip155:2/erc20:0xUSD", B, USD, 18, Some(address("USD"))),
            ("eip155:1/slip44:60", A, COIN, 18, None),
            ("eip155:2/slip44:60", B, COIN, 18, None),
        ] {
            world.ok(Command::ListAsset { id: id.into(), network, token, decimals, contract, rules: rules() });
        }
        let facts = AssetFacts { code: [1; 32], implementation: None };
        for asset in [USD_A, USD_B] {
            world.ok(Command::PinAsset { asset, facts: facts.clone() });
        }
        for (network, name, role) in
            [(A, "HOTA", Role::Hot), (B, "HOTB", Role::Hot), (A, "GASA", Role::Gas), (A, "COLDA", Role::Cold)]
        {
            let key = "key".into();
            world.ok(Command::ListWallet { request: None, network, address: address(name), role, key });
        }
        for wallet in [HOT_A, HOT_B, GAS_A] {
            world.ok(Command::ReadyWallet { wallet, next_nonce: 0 });
        }
        for network in [A, B] {
            world.ok(Command::StartNetwork { network, genesis: block(0), from: block(100) });
        }
        world.ok(Command::AddKey { name: "desk".into(), hash: [7; 32], scopes: u32::MAX });
        world
    }

    /// A world whose hot wallets have `units` of the dollar (of 6 decimals) and some coin, all the operator's.
    pub fn funded(usd_units: u128) -> Self {
        let mut world = Self::new();
        for (asset, wallet, amount) in [
            (USD_A, HOT_A, usd_units),
            (USD_B, HOT_B, usd_units * 1_000_000_000_000),
            (COIN_A, HOT_A, 10 * ETHER),
            (COIN_B, HOT_B, 10 * ETHER),
        ] {
            world.fund(asset, wallet, amount);
        }
        world
    }

    pub fn fund(&mut self, asset: AssetIx, wallet: WalletIx, amount: u128) {
        let network = self.state.asset(asset).expect("listed").network;
        self.txs += 1;
        let (request, tx) = (self.request(), tx(self.txs));
        self.ok(Command::AnnounceFunding { request, network, tx, reason: "start".into() });
        let key = DepositKey { network, tx, locator: Locator::Log(0) };
        let deposit = self.incoming(key.clone(), asset, wallet, "OPERATOR", amount);
        self.credit(deposit);
    }

    pub fn incoming(&self, key: DepositKey, asset: AssetIx, wallet: WalletIx, from: &str, amount: u128) -> Incoming {
        let head = *self.state.network(key.network).expect("listed").head().expect("started");
        let block = if head == block(100) { block(101) } else { head };
        Incoming { key, asset, wallet, from: address(from), from_contract: false, amount: Amount::new(amount), block }
    }

    pub fn credit(&mut self, deposit: Incoming) -> Event {
        let (key, block) = (deposit.key.clone(), deposit.block);
        self.ok(Command::SeeDeposit { deposit });
        self.ok(Command::CreditDeposit { key, block, depth: DEEP })
    }

    /// A customer with that much of `asset`, by a deposit.
    pub fn customer(&mut self, name: &str, asset: AssetIx, amount: u128) -> AccountIx {
        let network = self.state.asset(asset).expect("listed").network;
        let wallet = if network == A { HOT_A } else { HOT_B };
        self.txs += 1;
        let key = DepositKey { network, tx: tx(self.txs), locator: Locator::Log(0) };
        self.credit(self.incoming(key, asset, wallet, name, amount));
        let id = &self.state.network(network).expect("listed").id;
        self.state.account_by_name(&format!("{id}:0x{name}")).expect("opened by its deposit")
    }

    pub fn request(&mut self) -> Request {
        self.request_for(Fingerprint(self.requests + 1))
    }

    pub fn request_for(&mut self, content: Fingerprint) -> Request {
        self.requests += 1;
        Request { principal: Principal::Key(KEY), key: u128::from(self.now.0) << 80 | self.requests, content }
    }

    pub fn signed(&self, account: AccountIx) -> Authority {
        let signer = self.state.account_name(account).expect("open").into();
        Authority::Signature { signer, digest: [1; 32], signature: [2; 65].into(), contract: false }
    }

    pub fn order(&mut self, account: AccountIx, asset: AssetIx, amount: u128) -> PayoutOrder {
        self.requests += 1;
        PayoutOrder {
            account,
            asset,
            amount: Amount::new(amount),
            destination: address("DEST"),
            max_fee: Amount::MAX,
            external_id: None,
            nonce: self.requests,
            expiry: self.now.plus_ms(60_000),
            authority: self.signed(account),
        }
    }

    pub fn hold(&mut self, order: PayoutOrder) -> PayoutId {
        let request = self.request();
        match self.ok(Command::HoldPayout { request, order, trace: None }) {
            Event::PayoutHeld { payout, .. } => payout,
            other => panic!("expected a hold, got {other:?}"),
        }
    }

    pub fn open(&mut self, wallet: WalletIx, purpose: Purpose) -> DispatchId {
        let nonce = self.state.wallet(wallet).and_then(|wallet| wallet.next_nonce).expect("ready");
        let gas_reserve = Amount::new(21_000);
        match self.ok(Command::OpenDispatch { wallet, nonce, purpose, gas_reserve }) {
            Event::DispatchOpened { dispatch, .. } => dispatch,
            other => panic!("expected a slot, got {other:?}"),
        }
    }

    pub fn attempt(&mut self, kind: AttemptKind, fee_cap: u128) -> Attempt {
        self.txs += 1;
        Attempt {
            tx: tx(self.txs),
            raw: self.txs.to_be_bytes().into(),
            kind,
            max_gas_cost: Amount::new(21_000),
            fee_cap: Amount::new(fee_cap),
            tip: Amount::new(fee_cap / 10),
            signed_at: self.now,
            sent_at: None,
        }
    }

    pub fn sign(&mut self, dispatch: DispatchId, kind: AttemptKind, fee_cap: u128) -> Attempt {
        let attempt = self.attempt(kind, fee_cap);
        self.ok(Command::SignAttempt { dispatch, attempt: attempt.clone() });
        attempt
    }

    pub fn finish(&mut self, dispatch: DispatchId, attempt: u32, success: bool, gas: u128) -> Event {
        let wallet = self.state.dispatch(dispatch).expect("open").wallet;
        let network = self.state.wallet(wallet).expect("listed").network;
        let block = *self.state.network(network).expect("listed").head().expect("started");
        let sighting = Sighting { attempt, block, success };
        self.ok(Command::FinishDispatch { dispatch, sighting, gas: Amount::new(gas), depth: DEEP })
    }

    pub fn scan(&mut self, network: NetworkIx, fork: u8, heights: std::ops::RangeInclusive<u64>) {
        for height in heights {
            let head = *self.state.network(network).expect("listed").head().expect("started");
            let block = BlockRef { parent: head.hash, ..block_on(fork, height) };
            self.ok(Command::ScanBlocks { network, blocks: vec![block] });
        }
    }

    /// What the reconciler finds more than the books, at that height and by the state as it is.
    pub fn surplus(&mut self, wallet: WalletIx, asset: AssetIx, amount: u128, height: u64) -> Event {
        let (amount, block, as_of) = (Amount::new(amount), block(height), self.state.position());
        self.ok(Command::BookSurplus { wallet, asset, amount, block, as_of })
    }

    /// Decides, checks that deciding changed nothing, takes the event in, and proves the books.
    pub fn decide(&mut self, command: &Command) -> Decision {
        let decision = self.state.decide(command, self.now);
        if let Decision::Event(event) = &decision {
            let record = Record { at: self.now, event: event.clone() };
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            assert_eq!(Record::decode(&bytes).as_ref(), Ok(&record), "the record reads as it was written");
            self.state.evolve(&record);
            self.records.push(record);
            assert_eq!(self.state.check_books(), Ok(()), "after {event:?}");
        }
        decision
    }

    pub fn ok(&mut self, command: Command) -> Event {
        match self.decide(&command) {
            Decision::Event(Event::Refused { rejection, .. }) => panic!("{command:?} was refused: {rejection}"),
            Decision::Event(event) => event,
            other => panic!("{command:?} came to {other:?}"),
        }
    }

    /// The refusal of a command, stored or not.
    pub fn refusal(&mut self, command: Command) -> Option<Rejection> {
        match self.decide(&command) {
            Decision::Event(Event::Refused { rejection, .. }) | Decision::Refused(rejection) => Some(rejection),
            Decision::Event(_) | Decision::Replayed(_) => None,
        }
    }

    pub fn free(&self, account: AccountIx, token: TokenIx) -> u128 {
        self.state.book(account, token).free.base_units()
    }

    pub fn held(&self, account: AccountIx, token: TokenIx) -> u128 {
        self.state.book(account, token).held.base_units()
    }

    pub fn holding(&self, wallet: WalletIx, asset: AssetIx) -> (u128, u128) {
        let holding = self.state.wallet(wallet).expect("listed").holding(asset);
        (holding.amount.base_units(), holding.reserved.base_units())
    }

    pub fn replayed(&self) -> State {
        let mut state = State::new(self.requests as u64 + 99);
        for record in &self.records {
            state.evolve(record);
        }
        state
    }
}
