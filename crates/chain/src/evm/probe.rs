//! Finding out how a token's `transfer` behaves, by simulating one on a node: nothing is sent, and nobody needs to hold
//! any of it.

use alloy::primitives::{Address, B256, Bytes, U256, address, b256, keccak256};
use alloy::sol_types::SolCall;
use serde_json::{Value, json};

use super::rpc::Fault;
use super::{EvmNode, abi, wire};
use crate::{At, Charges, Error, Face, Returns};

/// Two addresses that nobody has: who pays in the simulation, and who is paid.
const PAYER: Address = address!("70656E6E696C6573732D746F6B656E2D70726F62");
const PAYEE: Address = address!("70656E6E696C6573732D746F6B656E2D70726F63");
/// Where OpenZeppelin's upgradeable ERC-20 keeps its balances (ERC-7201).
const OPENZEPPELIN_BALANCES: B256 = b256!("52c63247e1f47db19d5ce0460030c497f067ca4cebd49bd1cd37ad1a66a6c800");
/// Solady's seed for the slot of a balance.
const SOLADY_SEED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0x87, 0xa2, 0x11, 0xa2];
/// How many of the first storage slots are tried as the place of the balances.
const SLOTS_TRIED: u64 = 24;
/// The balance that is made up: large enough for any transfer simulated, small enough for packed flags above it.
const MADE_UP: u128 = 1 << 100;

impl EvmNode {
    /// What `transfer` returns, and whether it moves exactly its amount.
    pub(super) async fn simulate_transfer(
        &self,
        token: &Address,
        decimals: Option<u8>,
        holders: &[Address],
        at: At,
    ) -> Result<(Returns, Charges), Error> {
        // A hundred whole tokens, so that a small fee does not vanish in rounding.
        let hundred = 10u128.checked_pow(u32::from(decimals.unwrap_or(18)).saturating_add(2)).unwrap_or(MADE_UP);
        let amount = hundred.clamp(1_000_000, MADE_UP);
        if let Some(slot) = self.balance_slot(token, at).await? {
            let made_up =
                json!({ token.to_string(): { "stateDiff": { slot.to_string(): B256::from(U256::from(MADE_UP)) } } });
            if let Some(seen) = self.try_transfer(token, &PAYER, U256::from(amount), made_up, at).await? {
                return Ok(seen);
            }
        }
        for holder in holders {
            let data = abi::balanceOfCall { owner: *holder }.abi_encode();
            let held = self.view(token, data, at).await?.and_then(|told| told.get(..32).map(U256::from_be_slice));
            let Some(held) = held.filter(|held| !held.is_zero()) else { continue };
            if let Some(seen) = self.try_transfer(token, holder, held.min(U256::from(amount)), json!({}), at).await? {
                return Ok(seen);
            }
        }
        Ok((Returns::Unknown, Charges::Unknown))
    }

    /// Which ledger a token shows.
    pub(super) async fn face(&self, token: &Address, at: At) -> Result<Face, Error> {
        let symbol = self.view(token, abi::symbolCall {}.abi_encode(), at).await?;
        let symbol = symbol.filter(|told| !told.is_empty()).map(|told| keccak256(&told).0);
        let supply = self.view(token, abi::totalSupplyCall {}.abi_encode(), at).await?;
        let supply = supply.and_then(|told| told.get(..32)?.try_into().ok()).filter(|word| *word != [0; 32]);
        Ok(Face { symbol, supply, of_coin: self.shows_coin(token, at).await? })
    }

    /// Whether somebody who is given coin has as much of the token.
    async fn shows_coin(&self, token: &Address, at: At) -> Result<bool, Error> {
        let what = "eth_call";
        let ask = Bytes::from(abi::balanceOfCall { owner: PAYER }.abi_encode());
        let given = U256::from(MADE_UP);
        let change = json!({ PAYER.to_string(): { "balance": given } });
        match self.rpc.raw(what, json!([{ "to": token, "data": ask }, wire::state(at), change])).await {
            Ok(raw) => {
                let told: Bytes = self.rpc.read(what, &raw)?;
                Ok(told.get(..32).map(U256::from_be_slice) == Some(given))
            }
            Err(Fault::Said(said)) if said.is_revert() => Ok(false),
            Err(fault) => match self.rpc.error(what, fault) {
                // This node cannot simulate a changed state.
                Error::Unsupported { .. } | Error::Refused { .. } => Ok(false),
                error => Err(error),
            },
        }
    }

    /// The storage slot that holds the payer's balance, found by changing likely ones.
    async fn balance_slot(&self, token: &Address, at: At) -> Result<Option<B256>, Error> {
        let slots = likely_slots();
        let ask = Bytes::from(abi::balanceOfCall { owner: PAYER }.abi_encode());
        let made_up = B256::from(U256::from(MADE_UP));
        let question = |slot: &B256| {
            let change = json!({ token.to_string(): { "stateDiff": { slot.to_string(): made_up } } });
            json!([{ "to": token, "data": ask }, wire::state(at), change])
        };
        let params: Vec<Value> = slots.iter().map(question).collect();
        let told = match self.rpc.many::<Bytes>("eth_call", &params).await {
            Ok(told) => told,
            // This node cannot simulate a changed state.
            Err(Error::Unsupported { .. } | Error::Refused { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let is_it =
            |told: &Result<Bytes, _>| told.as_ref().is_ok_and(|told| told.get(..32) == Some(made_up.as_slice()));
        Ok(slots.into_iter().zip(told).find(|(_, told)| is_it(told)).map(|(slot, _)| slot))
    }

    /// Lets `payer` run a program that transfers and looks at balances before and after.
    async fn try_transfer(
        &self,
        token: &Address,
        payer: &Address,
        amount: U256,
        mut changes: Value,
        at: At,
    ) -> Result<Option<(Returns, Charges)>, Error> {
        changes[payer.to_string()] = json!({ "code": Bytes::from(program()) });
        let words = [token.into_word(), PAYEE.into_word(), B256::from(amount)].concat();
        let call = json!([{ "to": payer, "data": Bytes::from(words) }, wire::state(at), changes]);
        match self.rpc.call::<Bytes>("eth_call", call).await {
            Ok(told) => Ok(read(&told, amount)),
            Err(Error::Unsupported { .. } | Error::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What the program saw, or `None` when the transfer did not work.
fn read(told: &[u8], amount: U256) -> Option<(Returns, Charges)> {
    let words: Vec<U256> = told.chunks_exact(32).map(U256::from_be_slice).collect();
    let [worked, size, word, paid_before, paid_after, payer_before, payer_after] = words[..] else { return None };
    if worked.is_zero() {
        return None;
    }
    let returns = match (u64::try_from(size), u64::try_from(word)) {
        (Ok(0), _) => Returns::Nothing,
        (Ok(32), Ok(1)) => Returns::Bool,
        _ => Returns::Other,
    };
    let exact =
        paid_after.checked_sub(paid_before) == Some(amount) && payer_before.checked_sub(payer_after) == Some(amount);
    Some((returns, if exact { Charges::No } else { Charges::Yes }))
}

/// Where the balance of the payer may be kept.
fn likely_slots() -> Vec<B256> {
    let payer = PAYER.into_word();
    let solidity = |base: B256| keccak256([payer, base].concat());
    let vyper = |base: B256| keccak256([base, payer].concat());
    let bases = (0..SLOTS_TRIED).map(|slot| B256::from(U256::from(slot)));
    let mut slots = vec![solidity(OPENZEPPELIN_BALANCES), keccak256([PAYER.as_slice(), &SOLADY_SEED].concat())];
    slots.extend(bases.clone().map(solidity));
    slots.extend(bases.map(vyper));
    slots
}

/// EVM code that takes `token`, `payee` and `amount`, and returns seven words: whether `transfer` worked, the size and the
/// first word of what it returned, then the balances of payee and caller before and after, payee first.
fn program() -> Vec<u8> {
    const TOKEN: u16 = 0x00; // where the arguments stand in the call data
    const PAYEE: u16 = 0x20;
    const AMOUNT: u16 = 0x40;
    const OUT: u16 = 0x60; // where the seven words stand in memory; below is scratch space for calls
    let word = |ix: u16| OUT + ix * 32;
    let push = |value: u16| [&[0x61], &value.to_be_bytes()[..]].concat(); // PUSH2
    let argument = |at: u16| [push(at), vec![0x35]].concat(); // CALLDATALOAD
    let store = |value: Vec<u8>, at: u16| [value, push(at), vec![0x52]].concat(); // MSTORE
    let selector = |selector: [u8; 4]| {
        let shifted = [vec![0x63], selector.to_vec(), push(0xe0), vec![0x1b]].concat(); // PUSH4, SHL
        store(shifted, 0)
    };
    let this = vec![0x30]; // ADDRESS
    let balance = |of: Vec<u8>, ix: u16| {
        // STATICCALL(gas, token, 0, 0x24, out, 0x20), its success dropped: no answer reads as an unchanged zero.
        let call = [push(0x20), push(word(ix)), push(0x24), push(0), argument(TOKEN), vec![0x5a, 0xfa, 0x50]].concat();
        [selector(abi::balanceOfCall::SELECTOR), store(of, 4), call].concat()
    };
    // CALL(gas, token, 0, 0, 0x44, out, 0x20)
    let call = [push(0x20), push(word(2)), push(0x44), push(0), push(0), argument(TOKEN), vec![0x5a, 0xf1]].concat();
    let transfer = [
        selector(abi::transferCall::SELECTOR),
        store(argument(PAYEE), 4),
        store(argument(AMOUNT), 0x24),
        store(call, word(0)),
        store(vec![0x3d], word(1)), // RETURNDATASIZE
    ];
    [
        balance(argument(PAYEE), 3),
        balance(this.clone(), 5),
        transfer.concat(),
        balance(argument(PAYEE), 4),
        balance(this, 6),
        push(7 * 32),
        push(OUT),
        vec![0xf3], // RETURN
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: [u64; 7]) -> Vec<u8> {
        words.iter().flat_map(|word| U256::from(*word).to_be_bytes::<32>()).collect()
    }

    #[test]
    fn what_the_program_saw_says_how_a_token_behaves() {
        for (case, words, expected) in [
            ("as ERC-20 wants it", [1, 32, 1, 0, 100, 500, 400], Some((Returns::Bool, Charges::No))),
            ("no return value", [1, 0, 0, 0, 100, 500, 400], Some((Returns::Nothing, Charges::No))),
            ("false, and it moved", [1, 32, 0, 0, 100, 500, 400], Some((Returns::Other, Charges::No))),
            ("a fee from what arrives", [1, 32, 1, 0, 99, 500, 400], Some((Returns::Bool, Charges::Yes))),
            ("a fee on top", [1, 32, 1, 0, 100, 500, 399], Some((Returns::Bool, Charges::Yes))),
            ("nothing moved", [1, 32, 1, 0, 0, 500, 500], Some((Returns::Bool, Charges::Yes))),
            ("it reverts", [0, 4, 7, 0, 0, 500, 500], None),
        ] {
            assert_eq!(read(&told(words), U256::from(100)), expected, "{case}");
        }
        assert_eq!(read(&[], U256::from(100)), None);
    }
}
