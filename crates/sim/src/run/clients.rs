//! Customers: they pay in, pay out, move and claim; they repeat, race, hang up, change their minds, and ask for nonsense.

mod ask;
mod odd;

use std::cell::RefCell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::select;
use tokengine_chain::Asset;
use tokengine_core::*;
use tokengine_engine::{Done, Refused};
use tokengine_keys::EvmAddress;
use tokio::time::sleep;

use super::Shared;
use super::operator::{asset_ix, network_ix};
use super::setup::{Setup, address};
use crate::exec::Spawner;
use crate::net::{Deed, World};
use crate::plan::Plan;
use crate::rng::{Dice, Rng};

pub(crate) use self::ask::new_request;

/// What a request came to.
pub(crate) type Answer = Result<Done, Refused>;

/// The one account that an API key may act for.
pub(crate) const SHOP: &str = "shop";

/// One customer.
struct Client {
    /// The same on every network; every network has an account of its own for it, until they are linked.
    address: Address,
    setup: Rc<Setup>,
    world: Rc<RefCell<World>>,
    shared: Shared,
    rng: Dice,
    /// What it paid, and where.
    paid: RefCell<Vec<(usize, TxId)>>,
    /// What it withdrew.
    payouts: RefCell<Vec<(usize, PayoutId)>>,
    /// Everybody's addresses.
    everybody: Rc<Vec<Address>>,
}

/// Begins all clients.
pub(crate) fn begin(
    plan: &Plan,
    setup: &Rc<Setup>,
    world: &Rc<RefCell<World>>,
    shared: &Shared,
    spawner: &Spawner,
    rng: &mut Rng,
) {
    let someone = |_| address(&EvmAddress::from(rng.bytes::<20>()).to_string());
    let everybody: Rc<Vec<Address>> = Rc::new((0..plan.clients).map(someone).collect());
    for (at, address) in everybody.iter().enumerate() {
        let client = Client {
            address: address.clone(),
            setup: Rc::clone(setup),
            world: Rc::clone(world),
            shared: shared.clone(),
            rng: Dice::new(rng.split(u64::try_from(at).expect("few clients"))),
            paid: RefCell::default(),
            payouts: RefCell::default(),
            everybody: Rc::clone(&everybody),
        };
        let operations = plan.operations;
        spawner.spawn("client", async move { client.live(operations).await });
    }
}

/// What a client knows before it asks for something.
#[derive(Clone, Copy, Debug)]
struct Mine {
    account: AccountIx,
    free: Amount,
}

impl Client {
    fn below(&self, end: u64) -> u64 {
        self.rng.below(end)
    }

    fn chance(&self, part: u64, of: u64) -> bool {
        self.rng.chance(part, of)
    }

    fn index(&self, len: usize) -> usize {
        self.rng.index(len)
    }

    fn name(&self, network: usize) -> String {
        format!("{}:{}", self.setup.networks[network].id, self.address)
    }

    async fn live(&self, operations: u32) {
        // Something to have, before anything else.
        self.deposit().await;
        for _ in 0..operations {
            let pause = match self.below(4) {
                0 => 0,
                1 => self.below(2_000),
                _ => self.below(60_000),
            };
            sleep(Duration::from_millis(pause)).await;
            match self.below(24) {
                0..=4 => self.deposit().await,
                5..=6 => self.deposit_to_own_address().await,
                7..=8 => self.claim().await,
                9..=14 => self.withdraw().await,
                15..=16 => self.cancel().await,
                17..=18 => self.transfer().await,
                19..=20 => self.pass_on().await,
                21 => self.link().await,
                _ => self.odd().await,
            }
        }
    }

    /// Any network and any of its assets.
    fn anything(&self) -> (usize, usize) {
        let network = self.index(self.setup.networks.len());
        (network, self.index(self.setup.networks[network].assets.len()))
    }

    fn kind(&self, network: usize, place: usize) -> Asset {
        match self.setup.networks[network].assets[place].contract {
            Some(contract) => Asset::Contract(self.shared.contracts.borrow()[network][contract].clone()),
            None => Asset::Native,
        }
    }

    /// From dust to more than the operator takes; mostly something usual.
    fn amount(&self, network: usize, place: usize) -> u128 {
        let one = self.setup.networks[network].assets[place].one();
        match self.below(12) {
            0 => u128::from(self.below(1_000)),
            1 => one * u128::from(self.rng.between(100, 90_000)),
            _ => one / 100 * u128::from(self.rng.between(1, 20_000)),
        }
    }

    fn house(&self, network: usize) -> Address {
        let wallets = &self.setup.networks[network].wallets;
        wallets[if self.chance(5, 6) { 0 } else { self.index(wallets.len()) }].0.clone()
    }

    async fn deposit(&self) {
        let (network, place) = self.anything();
        let to = self.house(network);
        self.pay(network, place, &to);
    }

    /// Pays, in one of the ways there are.
    fn pay(&self, network: usize, place: usize, to: &Address) {
        let (asset, amount, world) = (self.kind(network, place), self.amount(network, place), self.world.borrow());
        let to = to.clone();
        let deed = match (&asset, self.below(24)) {
            (Asset::Contract(token), 0 | 1) => Deed::PayMany {
                token: token.clone(),
                to: vec![(to.clone(), amount), (to.clone(), amount), (self.house(network), amount / 2)],
            },
            (Asset::Contract(token), 2) => {
                let wallet = world.contract_wallet(network);
                Deed::PayFromContract { wallet, token: token.clone(), to, amount }
            }
            (Asset::Contract(token), 3) => Deed::PayFickle { token: token.clone(), to, amounts: [amount, amount / 3] },
            (Asset::Contract(token), 4) => Deed::Mint { token: token.clone(), to, amount },
            (Asset::Contract(token), 5) => Deed::PayNothing { token: token.clone(), to },
            (Asset::Contract(token), 6) => Deed::Malformed { token: token.clone(), to },
            (Asset::Contract(token), 7) if self.chance(1, 2) => Deed::TooLarge { token: token.clone(), to },
            (Asset::Contract(_), 8) => Deed::Forge { to, amount },
            (Asset::Native, 0..=3) => Deed::PayInside { to: vec![(to.clone(), amount), (to, amount / 2)] },
            (Asset::Native, 4 | 5) => Deed::PayAndFail { to, amount },
            _ => Deed::Pay { asset: asset.clone(), to, amount },
        };
        let tx = world.act(network, &self.address, &deed);
        self.shared.story.tell(|| format!("{} pays on {network} with {tx}: {deed:?}", self.address));
        self.paid.borrow_mut().push((network, tx));
    }

    async fn mine(&self, network: usize, token: usize) -> Option<Mine> {
        let name = self.name(network);
        let token = TokenIx(u32::try_from(token).expect("few tokens"));
        let look = move |state: &State| {
            let account = state.account_by_name(&name)?;
            Some(Mine { account, free: state.book(account, token).free })
        };
        self.look(look).await
    }

    /// Opens the account if there is none yet.
    async fn account(&self, network: usize) -> Option<AccountIx> {
        if let Some(mine) = self.mine(network, 0).await {
            return Some(mine.account);
        }
        let request = Some(self.request(Principal::Operator));
        let name = self.name(network).into();
        match self.ask(Command::OpenAccount { request, name }).await {
            Some(Ok(done)) => match done.subject {
                Subject::Account(account) => Some(account),
                _ => None,
            },
            // Somebody paid meanwhile, and it was opened by that.
            Some(Err(_)) => self.mine(network, 0).await.map(|mine| mine.account),
            None => None,
        }
    }

    async fn deposit_to_own_address(&self) {
        let (network, place) = self.anything();
        let Some(account) = self.account(network).await else { return };
        let own = self.setup.deposits.address(u64::from(account.0)).expect("few accounts");
        let own = address(&own.to_string());
        let known = {
            let own = own.clone();
            self.look(move |state: &State| {
                Some(
                    state.deposit_wallet(account, network_ix(network)).is_some()
                        || state.wallet_at(network_ix(network), &own).is_some(),
                )
            })
            .await
        };
        if known == Some(false) {
            let request = Some(self.request(Principal::Account(account)));
            let key = format!("deposits/{}", account.0).into();
            let (network, role) = (network_ix(network), Role::Deposit(account));
            let listed = self.ask(Command::ListWallet { request, network, address: own.clone(), role, key }).await;
            if !matches!(listed, Some(Ok(_))) {
                return;
            }
        }
        self.world.borrow().own(network, &own);
        self.pay(network, place, &own);
    }

    async fn claim(&self) {
        let (network, tx) = match (self.paid.borrow().last().copied(), self.below(4)) {
            (Some(paid), 0..=2) => paid,
            _ => (self.index(self.setup.networks.len()), TxId(self.rng.bytes())),
        };
        let by = self.mine(network, 0).await.map(|mine| mine.account);
        let request = self.request(by.map_or(Principal::Operator, Principal::Account));
        self.ask(Command::ClaimDeposit { request, network: network_ix(network), tx, by, trace: None }).await;
    }

    fn destination(&self, network: usize) -> Address {
        let world = self.world.borrow();
        match self.below(16) {
            0 => world.refuser(network),
            1 => world.taker(network),
            2 => self.everybody[self.index(self.everybody.len())].clone(),
            3 => {
                // Perhaps somebody's deposit address: then it is settled inside.
                let own = self.setup.deposits.address(self.below(6)).expect("few accounts");
                address(&own.to_string())
            }
            _ => world.fresh_address(network),
        }
    }

    fn order(&self, mine: Mine, network: usize, place: usize) -> PayoutOrder {
        let asset = &self.setup.networks[network].assets[place];
        // Base units of the token to those of the asset.
        let scale = 10u128.pow(u32::from(18 - asset.decimals));
        let whole = mine.free.base_units() / scale;
        let amount = match self.below(8) {
            0 => whole,
            1 => self.amount(network, place),
            _ => whole / u128::from(self.rng.between(2, 12)),
        };
        let request = self.request(Principal::Account(mine.account));
        PayoutOrder {
            account: mine.account,
            asset: asset_ix(network, place),
            amount: Amount::new(amount),
            destination: self.destination(network),
            max_fee: Amount::MAX,
            external_id: self.chance(1, 3).then(|| format!("order-{}", self.below(40)).into()),
            nonce: request.key,
            expiry: self.shared.clock.wall().plus_ms(20 * 3_600_000),
            authority: self.signature(network),
        }
    }

    fn signature(&self, network: usize) -> Authority {
        let signer = self.name(network).into();
        Authority::Signature { signer, digest: [0; 32], signature: [0; 65].into(), contract: false }
    }

    async fn withdraw(&self) {
        // Where there is something: the first of a few draws.
        for _ in 0..4 {
            let (network, place) = self.anything();
            let token = self.setup.networks[network].assets[place].token;
            let Some(mine) = self.mine(network, token).await.filter(|mine| !mine.free.is_zero()) else { continue };
            let order = self.order(mine, network, place);
            let request = self.request(Principal::Account(mine.account));
            if let Some(Ok(Done { subject: Subject::Payout(payout), .. })) =
                self.ask(Command::HoldPayout { request, order, trace: None }).await
            {
                self.payouts.borrow_mut().push((network, payout));
                if self.chance(1, 4) {
                    self.until_ended(payout).await;
                }
            }
            return;
        }
    }

    /// A long poll: waits for the payout's end, but not for ever.
    async fn until_ended(&self, payout: PayoutId) {
        self.shared.tally.hit("client long-polls");
        let waits = async {
            loop {
                let handle = self.shared.door.borrow().clone();
                let Some(handle) = handle else {
                    sleep(Duration::from_millis(500)).await;
                    continue;
                };
                let mut durable = handle.durable();
                if self.look(move |state: &State| Some(state.payout(payout).is_none())).await == Some(true) {
                    return;
                }
                if durable.changed().await.is_err() {
                    sleep(Duration::from_millis(500)).await;
                }
            }
        };
        let _ = select(pin!(waits), pin!(sleep(Duration::from_secs(30)))).await;
    }

    async fn cancel(&self) {
        let last = self.payouts.borrow().last().copied();
        let Some((network, payout)) = last else { return };
        let Some(mine) = self.mine(network, 0).await else { return };
        let request = Some(self.request(Principal::Account(mine.account)));
        self.ask(Command::CancelPayout { request, payout, authority: self.signature(network) }).await;
    }

    /// A deposit and a payout in one call.
    async fn transfer(&self) {
        let (network, place) = self.anything();
        let Some(account) = self.account(network).await else { return };
        let one = self.setup.networks[network].assets[place].one();
        let (amount, to) = (one * u128::from(self.rng.between(2, 40)), self.house(network));
        let tx = match self.below(6) {
            0 => self.paid.borrow().last().map_or(TxId([3; 32]), |(_, tx)| *tx),
            _ => {
                let tx = self.world.borrow().pay(network, &self.address, &to, &self.kind(network, place), amount);
                self.paid.borrow_mut().push((network, tx));
                tx
            }
        };
        let mut order = self.order(Mine { account, free: Amount::ZERO }, network, place);
        order.amount = Amount::new(amount / 2);
        let request = self.request(Principal::Account(account));
        self.ask(Command::RequestTransfer { request, network: network_ix(network), tx, order, trace: None }).await;
    }

    /// Moves something to somebody inside the ledger.
    async fn pass_on(&self) {
        let (network, place) = self.anything();
        let token = self.setup.networks[network].assets[place].token;
        let Some(mine) = self.mine(network, token).await else { return };
        let count = self.look(|state: &State| Some(state.account_count())).await.unwrap_or(1).max(1);
        let to = AccountIx(u32::try_from(self.index(count)).expect("few accounts"));
        let amount = Amount::new(mine.free.base_units() / u128::from(self.rng.between(1, 9)));
        let (request, token) =
            (self.request(Principal::Account(mine.account)), TokenIx(u32::try_from(token).expect("few")));
        let authority = MoveAuthority::Owner;
        self.ask(Command::Move { request, token, from: mine.account, to, amount, authority }).await;
    }

    /// The same address on two networks becomes one account.
    async fn link(&self) {
        let (one, other) = (self.index(self.setup.networks.len()), self.index(self.setup.networks.len()));
        let Some(mine) = self.mine(one, 0).await else { return };
        let request = self.request(Principal::Account(mine.account));
        let (nonce, expiry) = (request.key, self.shared.clock.wall().plus_ms(3_600_000));
        let (name, authority) = (self.name(other).into(), self.signature(one));
        self.ask(Command::LinkName { request, account: mine.account, name, authority, nonce, expiry }).await;
    }
}
