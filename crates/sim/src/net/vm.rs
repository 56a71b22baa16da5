//! What a transaction does to the state: everything it writes, or nothing but its gas.

use std::collections::{BTreeMap, BTreeSet};

use super::chain::{Inner, Log, Said};
use super::contracts::{Contract, Manner, Token};
use super::ledger::{Key, Ledger};
use super::names::Addr;
use super::tx::{Act, Effect, Tx};

/// Gas of a plain payment to a key's account, and the least of any transaction.
pub(super) const PLAIN_GAS: u64 = 21_000;
/// Gas of a payment to a contract.
const TAKER_GAS: u64 = 29_300;
/// Gas of a token's transfer to an address that has some of it, and of the first one.
const TOKEN_GAS: (u64, u64) = (46_109, 63_209);
/// Gas of a call that fails in a contract.
const REVERT_GAS: u64 = 24_500;

/// A value that moved in a successful transaction, for those who keep the truth.
#[derive(Clone, Debug)]
pub(super) struct Moved {
    pub(super) place: Place,
    /// `None` is the coin.
    pub(super) contract: Option<Addr>,
    pub(super) from: Option<Addr>,
    pub(super) to: Addr,
    /// What the network says moved.
    pub(super) amount: u128,
    /// What arrived.
    pub(super) arrived: u128,
}

/// Where in its transaction a movement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The transaction's own value.
    Value,
    /// Position of the log.
    Log(u32),
    /// Place in the list of inner movements.
    Inner(usize),
}

/// Why a transaction fails in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reverted(pub(super) &'static str);

/// What it did.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) gas: u64,
    pub(super) writes: BTreeMap<Key, u128>,
    pub(super) logs: Vec<Log>,
    pub(super) inner: Vec<Inner>,
    pub(super) moved: Vec<Moved>,
}

/// The state that a transaction runs on.
pub(super) struct Vm<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) contracts: &'a BTreeMap<Addr, Contract>,
    /// Outsiders with as much of everything as they like.
    pub(super) rich: &'a BTreeSet<Addr>,
    /// What differs from block to block.
    pub(super) salt: u64,
    /// What transactions before it in the same block wrote.
    pub(super) before: &'a BTreeMap<Key, u128>,
    pub(super) done: Done,
}

impl Vm<'_> {
    fn get(&self, key: Key) -> u128 {
        let written = self.done.writes.get(&key).or_else(|| self.before.get(&key));
        written.copied().unwrap_or_else(|| self.ledger.now(key))
    }

    fn set(&mut self, key: Key, value: u128) {
        self.done.writes.insert(key, value);
    }

    /// Runs a transaction. Gas is not paid for here.
    pub(super) fn run(&mut self, tx: &Tx) -> Result<(), Reverted> {
        self.done.gas = PLAIN_GAS;
        match &tx.act {
            Act::Take => self.take(tx),
            Act::Transfer { to, amount } => self.transfer(tx, *to, *amount),
            Act::Opaque => match self.contracts.get(&tx.to) {
                None => self.take(tx),
                Some(_) => Err(self.fails("execution reverted")),
            },
            Act::Script(effects) => {
                self.take(tx)?;
                for effect in effects {
                    self.effect(effect)?;
                }
                Ok(())
            }
        }
    }

    fn fails(&mut self, why: &'static str) -> Reverted {
        self.done.gas = self.done.gas.max(REVERT_GAS);
        Reverted(why)
    }

    /// The transaction's own value moves.
    fn take(&mut self, tx: &Tx) -> Result<(), Reverted> {
        match self.contracts.get(&tx.to) {
            Some(Contract::Refuser) => return Err(self.fails("execution reverted: no coin, please")),
            Some(Contract::Token(_)) if tx.value > 0 => return Err(self.fails("execution reverted")),
            Some(_) => self.done.gas = TAKER_GAS,
            None => {}
        }
        self.coin(tx.from, tx.to, tx.value)?;
        if tx.value > 0 {
            self.record(Place::Value, None, Some(tx.from), tx.to, tx.value, tx.value);
        }
        Ok(())
    }

    fn record(
        &mut self,
        place: Place,
        contract: Option<Addr>,
        from: Option<Addr>,
        to: Addr,
        amount: u128,
        arrived: u128,
    ) {
        self.done.moved.push(Moved { place, contract, from, to, amount, arrived });
    }

    fn coin(&mut self, from: Addr, to: Addr, value: u128) -> Result<(), Reverted> {
        self.shift(Key::Coin(from), Key::Coin(to), (from, to), value, value)
    }

    /// Moves from one word to another; who is rich has as much after as before.
    fn shift(
        &mut self,
        from: Key,
        to: Key,
        (payer, payee): (Addr, Addr),
        value: u128,
        arrives: u128,
    ) -> Result<(), Reverted> {
        if !self.rich.contains(&payer) {
            let left = self.get(from).checked_sub(value);
            let left = left.ok_or_else(|| self.fails("execution reverted: transfer amount exceeds balance"))?;
            self.set(from, left);
        }
        if !self.rich.contains(&payee) {
            let sum = self.get(to).checked_add(arrives);
            let sum = sum.ok_or_else(|| self.fails("execution reverted: arithmetic overflow"))?;
            self.set(to, sum);
        }
        Ok(())
    }

    fn token_at(&self, address: Addr) -> Option<Token> {
        match self.contracts.get(&address) {
            Some(Contract::Token(token)) => Some(*token),
            _ => None,
        }
    }

    /// `transfer(to, amount)` called from outside.
    fn transfer(&mut self, tx: &Tx, to: Addr, amount: u128) -> Result<(), Reverted> {
        let Some(token) = self.token_at(tx.to) else {
            // A call to a key's account does nothing and succeeds; other contracts do not know the call.
            return match self.contracts.get(&tx.to) {
                None => self.take(tx),
                Some(_) => Err(self.fails("execution reverted")),
            };
        };
        if tx.value > 0 {
            return Err(self.fails("execution reverted"));
        }
        if token.manner == Manner::ReturnsFalse && self.get(Key::Token(tx.to, tx.from)) < amount {
            self.done.gas = TOKEN_GAS.0;
            return Ok(());
        }
        self.token(tx.to, tx.from, to, amount)
    }

    fn token(&mut self, contract: Addr, from: Addr, to: Addr, amount: u128) -> Result<(), Reverted> {
        let Some(token) = self.token_at(contract) else { return Err(self.fails("execution reverted")) };
        let first = !self.rich.contains(&to) && self.get(Key::Token(contract, to)) == 0;
        self.done.gas = self.done.gas.max(if first { TOKEN_GAS.1 } else { TOKEN_GAS.0 });
        if self.get(Key::Paused(contract)) != 0 {
            return Err(self.fails("execution reverted: Pausable: paused"));
        }
        if self.get(Key::Blocked(contract, to)) != 0 {
            return Err(self.fails("execution reverted: receiver is blocked"));
        }
        let arrives = token.arrives(amount);
        self.shift(Key::Token(contract, from), Key::Token(contract, to), (from, to), amount, arrives)?;
        self.log(contract, Some(from), to, amount, arrives);
        Ok(())
    }

    fn log(&mut self, contract: Addr, from: Option<Addr>, to: Addr, amount: u128, arrived: u128) {
        let position = u32::try_from(self.done.logs.len()).expect("a few logs");
        self.done.logs.push(Log { contract, said: Said::Transfer { from, to, value: Some(amount) } });
        if amount > 0 {
            self.record(Place::Log(position), Some(contract), from, to, amount, arrived);
        }
    }

    fn effect(&mut self, effect: &Effect) -> Result<(), Reverted> {
        match *effect {
            Effect::Token { contract, from, to, amount } => self.token(contract, from, to, amount)?,
            Effect::Coin { from, to, value } => {
                if matches!(self.contracts.get(&to), Some(Contract::Refuser)) {
                    return Ok(()); // the inner call fails and the rest goes on
                }
                self.coin(from, to, value)?;
                let place = self.done.inner.len();
                let path = [u32::try_from(place).expect("a few calls"), 0].into();
                self.done.inner.push(Inner { path, from, to, value });
                self.record(Place::Inner(place), None, Some(from), to, value, value);
            }
            Effect::CoinTakenBack => {}
            Effect::Forged { contract, from, to, amount } => {
                self.done
                    .logs
                    .push(Log { contract, said: Said::Transfer { from: Some(from), to, value: Some(amount) } });
            }
            Effect::Malformed { contract, to } => self.done.logs.push(Log { contract, said: Said::Malformed { to } }),
            Effect::TooLarge { contract, from, to } => {
                self.done.logs.push(Log { contract, said: Said::Transfer { from: Some(from), to, value: None } });
            }
            Effect::Mint { contract, to, amount } => {
                if !self.rich.contains(&to) {
                    let sum = self.get(Key::Token(contract, to)).checked_add(amount);
                    let sum = sum.ok_or_else(|| self.fails("execution reverted: arithmetic overflow"))?;
                    self.set(Key::Token(contract, to), sum);
                }
                self.log(contract, None, to, amount, amount);
            }
            Effect::Fickle { contract, from, to, amounts: [even, odd] } => {
                let amount = if self.salt.is_multiple_of(2) { even } else { odd };
                self.token(contract, from, to, amount)?;
            }
            Effect::Revert => return Err(self.fails("execution reverted")),
            Effect::Pause { contract, paused } => self.set(Key::Paused(contract), u128::from(paused)),
            Effect::Block { contract, to, blocked } => self.set(Key::Blocked(contract, to), u128::from(blocked)),
            Effect::Upgrade { contract, version } => self.set(Key::Code(contract), version),
        }
        Ok(())
    }
}
