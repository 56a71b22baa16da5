//! The operator: lists what there is, fills wallets, stops and resumes, and looks after what a person is called for.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokengine_chain::Asset;
use tokengine_core::*;
use tokengine_engine::{Error as EngineError, Lane};
use tokengine_workers::Books;
use tokio::time::sleep;

use super::Shared;
use super::clients::{self, Answer};
use super::setup::{COIN, Setup};
use super::site::{Counted, Site};
use crate::exec::Spawner;
use crate::net::World;
use crate::plan::Plan;
use crate::rng::{Dice, Rng};

/// As the binary does at every start: what the configuration has and the state has not is listed.
pub(crate) async fn configure(books: &Counted, setup: &Setup, shared: &Shared) {
    for command in listing(setup, shared) {
        loop {
            match books.submit(command.clone()).await {
                Ok(Ok(()) | Err(Rejection::AlreadyListed)) => break,
                Ok(Err(rejection)) if rejection.is_transient() => sleep(Duration::from_millis(500)).await,
                Ok(Err(rejection)) => {
                    return shared.fail("configuration", format!("{command:?}: {}", rejection.code()));
                }
                Err(_) => sleep(Duration::from_millis(200)).await,
            }
        }
    }
}

fn listing(setup: &Setup, shared: &Shared) -> Vec<Command> {
    let mut commands = Vec::new();
    let contracts = shared.contracts.borrow();
    for (id, decimals) in &setup.tokens {
        commands.push(Command::ListToken { id: id.as_str().into(), decimals: *decimals });
    }
    for (ix, row) in setup.networks.iter().enumerate() {
        let network = network_ix(ix);
        commands.push(Command::ListNetwork { id: row.id.as_str().into(), policy: row.policy.clone() });
        for (place, asset) in row.assets.iter().enumerate() {
            commands.push(Command::ListAsset {
                id: format!("{}/sim:{place}", row.id).into(),
                network,
                token: TokenIx(u32::try_from(asset.token).expect("few")),
                decimals: asset.decimals,
                contract: asset.contract.map(|contract| contracts[ix][contract].clone()),
                rules: asset.rules.clone(),
            });
        }
        for (address, role, key) in &row.wallets {
            let (address, role, key) = (address.clone(), *role, (*key).into());
            commands.push(Command::ListWallet { request: None, network, address, role, key });
        }
    }
    commands.push(Command::AddKey { name: "shop".into(), hash: [9; 32], scopes: u32::MAX });
    commands.push(Command::OpenAccount { request: None, name: clients::SHOP.into() });
    commands
}

/// Networks and assets are listed in the order of the setup.
pub(crate) fn network_ix(ix: usize) -> NetworkIx {
    NetworkIx(u16::try_from(ix).expect("few networks"))
}

/// Three assets a network, in the order of the setup.
pub(crate) fn asset_ix(network: usize, place: usize) -> AssetIx {
    AssetIx(u32::try_from(network * 3 + place).expect("few assets"))
}

/// Tells the person outside which networks the process has lost.
pub(crate) async fn watch_lost(sites: Vec<Rc<Site>>, shared: Shared) {
    loop {
        *shared.lost.borrow_mut() = sites.iter().map(|site| site.lost.get()).collect();
        sleep(Duration::from_secs(1)).await;
    }
}

/// The person.
struct Operator {
    setup: Rc<Setup>,
    world: Rc<RefCell<World>>,
    shared: Shared,
    rng: Dice,
}

/// Begins the operator's two rounds: one that looks after things, and one that stops and changes some.
pub(crate) fn begin(
    plan: &Plan,
    setup: &Rc<Setup>,
    world: &Rc<RefCell<World>>,
    shared: &Shared,
    spawner: &Spawner,
    mut rng: Rng,
) {
    for (name, part) in [("operator-cares", 1), ("operator-changes", 2)] {
        if !plan.allows(name) {
            continue;
        }
        let (setup, world, shared, rng) = (Rc::clone(setup), Rc::clone(world), shared.clone(), rng.split(part));
        let operator = Operator { setup, world, shared, rng: Dice::new(rng) };
        if part == 1 {
            spawner.spawn(name, async move { operator.care().await });
        } else {
            spawner.spawn(name, async move { operator.change().await });
        }
    }
}

/// What a look at the state shows a person.
#[derive(Default)]
struct Looked {
    halted: Vec<NetworkIx>,
    /// The height of the first block that each network remembers to have searched.
    oldest: Vec<(NetworkIx, u64)>,
    stopped: Vec<AssetIx>,
    frozen_wallets: Vec<WalletIx>,
    frozen_accounts: Vec<AccountIx>,
    paused: Vec<Scope>,
    /// Payouts that wait for what no wallet has: asset and amount.
    thirsty: Vec<(AssetIx, Amount)>,
    /// Wallets that have too little coin for gas.
    dry: Vec<(NetworkIx, Address)>,
    suspense: Vec<SuspenseId>,
    owed: Vec<(AccountIx, TokenIx, Amount)>,
    retiring: Vec<WalletIx>,
}

fn look(state: &State) -> Looked {
    let mut looked = Looked::default();
    for (ix, row) in state.networks() {
        looked.halted.extend(row.halted.as_ref().map(|_| ix));
        looked.oldest.extend(row.scanned.front().map(|block| (ix, block.height)));
        looked.paused.extend(row.paused.then_some(Scope::Network(ix)));
    }
    for (ix, row) in state.assets() {
        looked.stopped.extend(row.stopped.as_ref().map(|_| ix));
        looked.paused.extend(row.paused.then_some(Scope::Asset(ix)));
    }
    looked.paused.extend(state.is_paused().then_some(Scope::Everything));
    for (ix, row) in state.wallets() {
        looked.frozen_wallets.extend(row.frozen.as_ref().map(|_| ix));
        let native = state.network(row.network).and_then(|network| network.native);
        let coin = native.map(|native| row.holding(native).available());
        let needs = matches!(row.role, Role::Hot | Role::Gas) && row.next_nonce.is_some();
        if needs && coin.is_some_and(|coin| coin < Amount::new(2 * COIN)) {
            looked.dry.push((row.network, row.address.clone()));
        }
        looked.retiring.extend((row.role == Role::Retiring).then_some(ix));
    }
    let accounts = u32::try_from(state.account_count()).unwrap_or(0);
    looked.frozen_accounts =
        (0..accounts).map(AccountIx).filter(|ix| state.account(*ix) == Some(*ix) && state.is_frozen(*ix)).collect();
    for (_, payout) in state.payouts() {
        if matches!(payout.stage, PayoutStage::Waiting(Wait::Liquidity | Wait::Gas)) {
            looked.thirsty.push((payout.order.asset, payout.order.amount));
        }
    }
    looked.suspense = state.suspense().map(|(id, _)| id).collect();
    looked.owed = state.owed().collect();
    looked
}

impl Operator {
    fn chance(&self, part: u64, of: u64) -> bool {
        self.rng.chance(part, of)
    }

    async fn ask(&self, command: Command) -> Option<Answer> {
        let handle = self.shared.door.borrow().clone()?;
        match handle.submit(Lane::Client, command).await {
            Ok(done) => Some(Ok(done)),
            Err(EngineError::Refused(refused)) => {
                self.shared.refusals.hit(refused.rejection);
                Some(Err(refused))
            }
            Err(_) => None,
        }
    }

    async fn look(&self) -> Option<Looked> {
        let handle = self.shared.door.borrow().clone()?;
        handle.query(look).await.ok()
    }

    fn request(&self) -> Request {
        clients::new_request(&self.shared, &self.rng, Principal::Operator)
    }

    /// What lies outside the books until it is announced: the operator's own money.
    fn purse(&self) -> Address {
        super::setup::address("0x00000000000000000000000000000000000f00d1")
    }

    /// Looks after what waits for a person.
    async fn care(&self) {
        loop {
            let pause = if self.shared.chaos.get() { self.rng.between(2_000, 20_000) } else { 3_000 };
            sleep(Duration::from_millis(pause)).await;
            let Some(looked) = self.look().await else { continue };
            self.resume(&looked).await;
            self.fill(&looked).await;
            for item in looked.suspense.into_iter().take(2) {
                if self.chance(1, 6) {
                    let (request, reason) = (self.request(), "nobody's".into());
                    self.ask(Command::AssignSuspense { request, item, to: Assign::Equity, reason }).await;
                }
            }
            for (account, token, amount) in looked.owed {
                self.ask(Command::SettleOwed { request: self.request(), account, token, amount }).await;
            }
        }
    }

    /// A person has looked, and lets things go on: at once when there is peace, else when it suits them.
    async fn resume(&self, looked: &Looked) {
        let peace = !self.shared.chaos.get();
        let willing = || peace || self.chance(1, 3);
        let reason = || Box::<str>::from("a person has looked");
        for network in &looked.halted {
            if willing() {
                let lost = self.shared.lost.borrow().get(crate::check::row_of(*network)).copied().unwrap_or(false);
                // Nothing may be left out: before the first block that is remembered.
                let from = lost.then(|| self.before(*network, looked)).flatten();
                self.ask(Command::ResumeNetwork { network: *network, reason: reason(), from }).await;
            }
        }
        for asset in &looked.stopped {
            if willing() {
                self.ask(Command::ResumeAsset { asset: *asset, reason: reason() }).await;
            }
        }
        for wallet in &looked.frozen_wallets {
            if willing() {
                self.ask(Command::ThawWallet { wallet: *wallet, reason: reason() }).await;
            }
        }
        for scope in &looked.paused {
            if willing() {
                let (request, reason) = (self.request(), reason());
                self.ask(Command::Pause { request, scope: *scope, paused: false, reason }).await;
            }
        }
        for account in &looked.frozen_accounts {
            if willing() {
                self.ask(Command::FreezeAccount { account: *account, frozen: false, reason: reason() }).await;
            }
        }
        for wallet in &looked.retiring {
            if willing() {
                self.ask(Command::ChangeWalletRole { wallet: *wallet, role: Role::Hot }).await;
            }
        }
    }

    /// A final block that is not behind anything that was not searched.
    fn before(&self, network: NetworkIx, looked: &Looked) -> Option<BlockRef> {
        let (world, row) = (self.world.borrow(), crate::check::row_of(network));
        let oldest = looked.oldest.iter().find(|(ix, _)| *ix == network).map(|(_, height)| *height)?;
        world.block_at(row, oldest.saturating_sub(1).min(world.final_head(row).height))
    }

    /// Announces a payment of the operator's own, and pays it.
    async fn fund(&self, network: NetworkIx, to: &Address, asset: &Asset, amount: u128) {
        let purse = self.purse();
        let tx = self.world.borrow().pay(crate::check::row_of(network), &purse, to, asset, amount);
        let (request, reason) = (self.request(), "to pay out".into());
        self.ask(Command::AnnounceFunding { request, network, tx, reason }).await;
    }

    async fn fill(&self, looked: &Looked) {
        for (network, wallet) in looked.dry.iter().take(3) {
            if self.chance(1, 2) {
                self.fund(*network, wallet, &Asset::Native, 20 * COIN).await;
            }
        }
        for (asset, amount) in looked.thirsty.iter().take(2) {
            if !self.chance(1, 2) {
                continue;
            }
            let (network, place) = (asset.row() / 3, asset.row() % 3);
            let row = &self.setup.networks[network];
            let kind = match row.assets[place].contract {
                Some(contract) => Asset::Contract(self.shared.contracts.borrow()[network][contract].clone()),
                None => Asset::Native,
            };
            let hot = row.wallets.iter().find(|(_, role, _)| *role == Role::Hot).map(|(address, _, _)| address.clone());
            let hot = hot.expect("every network has a hot wallet");
            self.fund(network_ix(network), &hot, &kind, amount.base_units() * 2 + row.assets[place].one()).await;
        }
    }

    /// Stops, freezes, and changes rules, as people do.
    async fn change(&self) {
        while self.shared.chaos.get() {
            let pause = self.rng.between(3_000, 60_000);
            sleep(Duration::from_millis(pause)).await;
            if !self.shared.chaos.get() {
                return;
            }
            let networks = self.setup.networks.len();
            let network = self.rng.index(networks);
            let asset = asset_ix(network, self.rng.index(3));
            let reason = || Box::<str>::from("to be sure");
            let drawn = self.rng.below(10);
            let command = match drawn {
                0 => {
                    Command::Pause { request: self.request(), scope: Scope::Everything, paused: true, reason: reason() }
                }
                1 => Command::Pause {
                    request: self.request(),
                    scope: Scope::Network(network_ix(network)),
                    paused: true,
                    reason: reason(),
                },
                2 | 3 => Command::Pause {
                    request: self.request(),
                    scope: Scope::Asset(asset),
                    paused: true,
                    reason: reason(),
                },
                4 => {
                    let account = AccountIx(u32::try_from(self.rng.below(8)).expect("small"));
                    Command::FreezeAccount { account, frozen: true, reason: reason() }
                }
                5 => Command::HaltNetwork { network: network_ix(network), reason: reason() },
                6 => {
                    let mut rules = self.setup.networks[network].assets[asset.row() % 3].rules.clone();
                    rules.payouts = self.chance(4, 5);
                    rules.deposits = self.chance(4, 5);
                    rules.fees.failure = Amount::new(self.rng.below(9_000).into());
                    Command::ChangeAssetRules { asset, rules }
                }
                7 => {
                    let wallet = WalletIx(u32::try_from(self.rng.below(6)).expect("small"));
                    Command::FreezeWallet { wallet, reason: reason() }
                }
                8 => {
                    let spare = |state: &State| {
                        let hot = |network| {
                            state
                                .house_wallets()
                                .filter(move |(_, row)| row.network == network && row.role == Role::Hot)
                        };
                        let many = state.networks().map(|(ix, _)| ix).find(|ix| hot(*ix).count() > 1)?;
                        hot(many).map(|(ix, _)| ix).nth(1)
                    };
                    let handle = self.shared.door.borrow().clone();
                    let Some(handle) = handle else { continue };
                    let Ok(Some(wallet)) = handle.query(spare).await else { continue };
                    Command::ChangeWalletRole { wallet, role: Role::Retiring }
                }
                _ => {
                    let row = &self.setup.networks[network];
                    let mut policy = row.policy.clone();
                    policy.max_in_flight = u16::try_from(self.rng.between(1, 8)).expect("small");
                    Command::ChangeNetworkPolicy { network: network_ix(network), policy }
                }
            };
            self.ask(command).await;
        }
        // What was changed is put back, so that what clients still want can end.
        for (ix, row) in self.setup.networks.iter().enumerate() {
            for (place, asset) in row.assets.iter().enumerate() {
                let command = Command::ChangeAssetRules { asset: asset_ix(ix, place), rules: asset.rules.clone() };
                while self.ask(command.clone()).await.is_none() {
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}
