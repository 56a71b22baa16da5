//! What many addresses hold, in few requests: many questions in one call of Multicall3 where the network has it, else
//! batches of JSON-RPC. Both give the same answers.

use std::sync::atomic::Ordering;

use alloy::primitives::{Address as EvmAddress, Bytes, U256, address};
use alloy::sol_types::SolCall;
use serde_json::{Value, json};
use tokengine_core::{Address, Amount};

use super::rpc::Said;
use super::{EvmNode, abi, wire};
use crate::{Asset, At, Error};

/// Multicall3, at the same address on every network that has it.
const MULTICALL: EvmAddress = address!("cA11bde05977b3631167028862bE2a173976CA11");
/// Balances in one call of it: with 50,000 gas each, a fifth of what nodes commonly allow.
const IN_ONE_CALL: usize = 200;

/// Who, and of which token; of the coin without one.
type Asked = (EvmAddress, Option<EvmAddress>);

impl EvmNode {
    pub(super) async fn many_balances(&self, of: &[(Address, Asset)], at: At) -> Result<Vec<Option<Amount>>, Error> {
        let asked = of.iter().map(|(of, asset)| {
            let contract = match asset {
                Asset::Native => None,
                Asset::Contract(contract) => Some(wire::parse(contract)?),
            };
            Ok((wire::parse(of)?, contract))
        });
        let asked = asked.collect::<Result<Vec<Asked>, Error>>()?;
        if self.has_multicall(at).await? {
            let mut told = Vec::with_capacity(asked.len());
            for some in asked.chunks(IN_ONE_CALL) {
                match self.in_one_call(some, at).await? {
                    Some(some) => told.extend(some),
                    // Too much for one call here: in batches then.
                    None => told.extend(self.in_batches(some, at).await?),
                }
            }
            return Ok(told);
        }
        self.in_batches(&asked, at).await
    }

    /// Once it is there it stays; where it is not, it is looked for again, since somebody may deploy it.
    async fn has_multicall(&self, at: At) -> Result<bool, Error> {
        if !self.has_multicall.load(Ordering::Relaxed) {
            let code: Bytes = self.rpc.call("eth_getCode", json!([MULTICALL, wire::state(at)])).await?;
            self.has_multicall.store(!code.is_empty(), Ordering::Relaxed);
        }
        Ok(self.has_multicall.load(Ordering::Relaxed))
    }

    async fn in_one_call(&self, asked: &[Asked], at: At) -> Result<Option<Vec<Option<Amount>>>, Error> {
        let call = |(owner, contract): &Asked| {
            let (target, question) = match contract {
                Some(contract) => (*contract, abi::balanceOfCall { owner: *owner }.abi_encode()),
                None => (MULTICALL, abi::getEthBalanceCall { owner: *owner }.abi_encode()),
            };
            abi::Call3 { target, allowFailure: true, callData: question.into() }
        };
        let data = abi::aggregate3Call { calls: asked.iter().map(call).collect() }.abi_encode();
        let told = match self.view(&MULTICALL, data, at).await {
            Ok(told) => told,
            Err(Error::Refused { .. }) => None,
            Err(error) => return Err(error),
        };
        let told = told.and_then(|told| abi::aggregate3Call::abi_decode_returns(&told).ok());
        let told = told.filter(|told| told.len() == asked.len());
        Ok(told.map(|told| told.iter().map(|one| word(&one.returnData).filter(|_| one.success)).collect()))
    }

    async fn in_batches(&self, asked: &[Asked], at: At) -> Result<Vec<Option<Amount>>, Error> {
        let (mut coin, mut tokens): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
        for (owner, contract) in asked {
            match contract {
                None => coin.push(json!([owner, wire::state(at)])),
                Some(contract) => {
                    let data = Bytes::from(abi::balanceOfCall { owner: *owner }.abi_encode());
                    tokens.push(json!([{ "to": contract, "data": data }, wire::state(at)]));
                }
            }
        }
        let what = "eth_getBalance";
        let mut coin = self.rpc.many::<U256>(what, &coin).await?.into_iter();
        let mut tokens = self.rpc.many::<Bytes>("eth_call", &tokens).await?.into_iter();
        let nothing = || self.rpc.unusable("balances", "fewer answers than questions");
        let mut told = Vec::with_capacity(asked.len());
        for (_, contract) in asked {
            told.push(if contract.is_some() {
                match tokens.next().ok_or_else(nothing)? {
                    Ok(answer) => word(&answer),
                    Err(said) if Said::is_revert(&said) => None,
                    Err(said) => return Err(self.rpc.refused("eth_call", said)),
                }
            } else {
                let answer = coin.next().ok_or_else(nothing)?;
                wire::amount(answer.map_err(|said| self.rpc.refused(what, said))?).ok()
            });
        }
        Ok(told)
    }
}

/// The amount in the first word of an answer, if there is one that fits.
fn word(answer: &[u8]) -> Option<Amount> {
    answer.get(..32).map(U256::from_be_slice).and_then(|held| wire::amount(held).ok())
}
