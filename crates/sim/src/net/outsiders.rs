//! What people outside do on a network: customers who pay, in every way there is, and operators of tokens.
//!
//! Outsiders have as much of everything as they want to pay; what they pay is real all the same.

use tokengine_chain::Asset;
use tokengine_core::{Address, TxId};

use super::contracts::Contract;
use super::names::Addr;
use super::network::Net;
use super::tx::{Act, Effect, Tx};

/// One transaction of an outsider.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Pays, plainly.
    Pay {
        /// What.
        asset: Asset,
        /// To whom.
        to: Address,
        /// How much.
        amount: u128,
    },
    /// Pays several in one transaction, through a contract that leaves a log for each, in this order. The same receiver
    /// and amount may come twice.
    PayMany {
        /// The token.
        token: Address,
        /// To whom and how much.
        to: Vec<(Address, u128)>,
    },
    /// Pays the coin from inside a contract, which is then the payer.
    PayInside {
        /// To whom and how much.
        to: Vec<(Address, u128)>,
    },
    /// Pays a token out of a wallet that is a contract.
    PayFromContract {
        /// The wallet, one of [`World::contract_wallet`](super::World::contract_wallet) or
        /// [`World::delegated_account`](super::World::delegated_account).
        wallet: Address,
        /// The token.
        token: Address,
        /// To whom.
        to: Address,
        /// How much.
        amount: u128,
    },
    /// A payment whose amount depends on the block that it ends up in.
    PayFickle {
        /// The token.
        token: Address,
        /// To whom.
        to: Address,
        /// How much, in one half of all blocks and in the other.
        amounts: [u128; 2],
    },
    /// A token comes into being, so that nobody paid.
    Mint {
        /// The token.
        token: Address,
        /// To whom.
        to: Address,
        /// How much.
        amount: u128,
    },
    /// A transaction with the coin for somebody that fails in its block.
    PayAndFail {
        /// To whom.
        to: Address,
        /// How much it would have been.
        amount: u128,
    },
    /// A contract that is no token writes a log that says that one was paid.
    Forge {
        /// To whom.
        to: Address,
        /// How much.
        amount: u128,
    },
    /// A token moves, and nothing of it.
    PayNothing {
        /// The token.
        token: Address,
        /// To whom.
        to: Address,
    },
    /// A listed contract writes something with the name of a transfer that is none.
    Malformed {
        /// The token.
        token: Address,
        /// To whom.
        to: Address,
    },
    /// A listed contract writes an amount above 128 bits.
    TooLarge {
        /// The token.
        token: Address,
        /// To whom.
        to: Address,
    },
    /// The token's owner stops all transfers, or lets them go on.
    Pause {
        /// The token.
        token: Address,
        /// Whether it stops.
        paused: bool,
    },
    /// The token's owner refuses to let somebody be paid, or no longer.
    Block {
        /// The token.
        token: Address,
        /// Whom.
        receiver: Address,
        /// Whether it refuses.
        blocked: bool,
    },
    /// The token's owner puts other code behind it. It behaves as before.
    Upgrade {
        /// The token.
        token: Address,
        /// Which code; zero is what it began with.
        version: u64,
    },
}

impl Net {
    /// Puts an outsider's transaction into the pool.
    pub(super) fn act(&mut self, from: &Address, deed: &Deed) -> TxId {
        let from = self.names.id(from);
        self.rich.insert(from);
        let (to, value, act) = self.wording(from, deed);
        let nonce = self.next_nonce(from);
        let ix = self.outsiders(from, nonce, to, value, act);
        self.pool.put(from, nonce, ix);
        self.txs[ix as usize].id
    }

    /// As it would stand in a transaction: whom it calls, with how much of the coin, and for what.
    fn wording(&mut self, from: Addr, deed: &Deed) -> (Addr, u128, Act) {
        let names = &mut self.names;
        let script = |to: Addr, effect: Effect| (to, 0, Act::Script(vec![effect]));
        match deed {
            Deed::Pay { asset: Asset::Native, to, amount } => (names.id(to), *amount, Act::Take),
            Deed::Pay { asset: Asset::Contract(token), to, amount } => {
                let to = names.id(to);
                (names.id(token), 0, Act::Transfer { to, amount: *amount })
            }
            Deed::PayMany { token, to } => {
                let contract = names.id(token);
                let pay = |(to, amount): &(Address, u128)| (names.id(to), *amount);
                let each: Vec<(Addr, u128)> = to.iter().map(pay).collect();
                let pay = |(to, amount)| Effect::Token { contract, from, to, amount };
                (self.router(), 0, Act::Script(each.into_iter().map(pay).collect()))
            }
            Deed::PayInside { to } => {
                let each: Vec<(Addr, u128)> = to.iter().map(|(to, amount)| (names.id(to), *amount)).collect();
                let sum = each.iter().fold(0u128, |sum, (_, amount)| sum.saturating_add(*amount));
                let router = self.router();
                let pay = |(to, value)| Effect::Coin { from: router, to, value };
                let mut effects: Vec<Effect> = each.into_iter().map(pay).collect();
                effects.push(Effect::CoinTakenBack);
                (router, sum, Act::Script(effects))
            }
            Deed::PayFromContract { wallet, token, to, amount } => {
                let (wallet, contract, to) = (names.id(wallet), names.id(token), names.id(to));
                script(wallet, Effect::Token { contract, from: wallet, to, amount: *amount })
            }
            Deed::PayFickle { token, to, amounts } => {
                let (contract, to) = (names.id(token), names.id(to));
                let router = self.router();
                script(router, Effect::Fickle { contract, from, to, amounts: *amounts })
            }
            Deed::Mint { token, to, amount } => {
                let (contract, to) = (names.id(token), names.id(to));
                script(self.router(), Effect::Mint { contract, to, amount: *amount })
            }
            Deed::PayAndFail { to, amount } => (names.id(to), *amount, Act::Script(vec![Effect::Revert])),
            Deed::Forge { to, amount } => {
                let to = names.id(to);
                let forger = self.contract(Contract::Forger);
                script(forger, Effect::Forged { contract: forger, from, to, amount: *amount })
            }
            Deed::PayNothing { token, to } => {
                let (contract, to) = (names.id(token), names.id(to));
                (contract, 0, Act::Transfer { to, amount: 0 })
            }
            Deed::Malformed { token, to } => {
                let (contract, to) = (names.id(token), names.id(to));
                script(self.router(), Effect::Malformed { contract, to })
            }
            Deed::TooLarge { token, to } => {
                let (contract, to) = (names.id(token), names.id(to));
                script(self.router(), Effect::TooLarge { contract, from, to })
            }
            Deed::Pause { token, paused } => {
                let contract = names.id(token);
                script(contract, Effect::Pause { contract, paused: *paused })
            }
            Deed::Block { token, receiver, blocked } => {
                let (contract, to) = (names.id(token), names.id(receiver));
                script(contract, Effect::Block { contract, to, blocked: *blocked })
            }
            Deed::Upgrade { token, version } => {
                let contract = names.id(token);
                script(contract, Effect::Upgrade { contract, version: u128::from(*version) })
            }
        }
    }

    /// The contract that others pay through.
    fn router(&mut self) -> Addr {
        self.contract(Contract::Router)
    }

    /// The contract of that kind, made when it is first needed. It never runs out of anything.
    pub(super) fn contract(&mut self, kind: Contract) -> Addr {
        if let Some((id, _)) = self.contracts.iter().find(|(_, contract)| **contract == kind) {
            return *id;
        }
        self.new_contract(kind)
    }

    /// A further contract.
    pub(super) fn new_contract(&mut self, kind: Contract) -> Addr {
        let id = self.names.fresh(&mut self.rng);
        self.contracts.insert(id, kind);
        if matches!(kind, Contract::Router | Contract::Wallet | Contract::Delegated) {
            self.rich.insert(id);
        }
        id
    }

    /// Somebody else uses a key of ours: takes its next nonce in the pool, and pays for it out of the wallet.
    pub(super) fn steal(&mut self, wallet: &Address, to: &Address, amount: u128) -> TxId {
        let (from, to) = (self.names.id(wallet), self.names.id(to));
        let nonce = self.next_nonce(from);
        let id = TxId(self.rng.bytes());
        let mut tx = Tx::of_outsider(id, from, nonce, to, amount, Act::Take);
        tx.gas_limit = super::vm::PLAIN_GAS;
        tx.max_fee = self.next_base_fee().saturating_mul(4).saturating_add(self.settings.tip.saturating_mul(2));
        tx.tip = self.settings.tip.saturating_mul(2);
        let ix = self.learn(tx);
        self.pool.put(from, nonce, ix);
        id
    }
}
