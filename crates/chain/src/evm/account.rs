//! Accounts, nonces, gas and contracts, as one EVM node tells them.

use alloy::primitives::{Address as EvmAddress, B256, Bytes, U64, U256, address, b256, keccak256};
use alloy::sol_types::SolCall;
use serde_json::json;
use tokengine_core::{Address, Amount, BlockHash, BlockRef};

use super::rpc::Fault;
use super::wire::{self, FeeHistory};
use super::{EvmNode, HeaderId, abi};
use crate::fees::{DataFee, Suggestion};
use crate::{Accounts, At, Call, Code, Error, Estimate, NonceUse, PinnedCode, TokenFacts};

/// The OP stack's gas price oracle, on every network of its kind.
const GAS_PRICE_ORACLE: EvmAddress = address!("420000000000000000000000000000000000000F");
/// What an EIP-1271 contract answers to a signature of its own.
const VALID_SIGNATURE: [u8; 4] = [0x16, 0x26, 0xba, 0x7e];
/// How the code of a key's account begins that runs other code (EIP-7702).
const DELEGATION: [u8; 3] = [0xef, 0x01, 0x00];

/// Where proxies keep the address of what they run: EIP-1967, EIP-1822, and OpenZeppelin before both (USDC).
const IMPLEMENTATION_SLOTS: [B256; 3] = [
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"),
    b256!("c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7"),
    b256!("7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3"),
];
/// Where EIP-1967 proxies keep the contract that tells what they run.
const BEACON_SLOT: B256 = b256!("a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50");

impl Accounts for EvmNode {
    async fn nonce_at(&self, of: &Address, at: At) -> Result<u64, Error> {
        self.count(&wire::parse(of)?, at).await
    }

    async fn who_used_nonce(
        &self,
        of: &Address,
        nonce: u64,
        not_before: u64,
        head: &BlockRef,
    ) -> Result<NonceUse, Error> {
        self.nonce_user(of, nonce, not_before, head).await
    }

    async fn code(&self, at_address: &Address, at: At) -> Result<Code, Error> {
        let code = self.bytecode(&wire::parse(at_address)?, at).await?;
        Ok(match code.strip_prefix(&DELEGATION).map(<[u8; 20]>::try_from) {
            Some(Ok(target)) => Code::Delegated(wire::canonical(&EvmAddress::from(target))),
            _ if code.is_empty() => Code::None,
            _ => Code::Contract(keccak256(&code).0),
        })
    }

    async fn pinned_code(&self, contract: &Address, at: At) -> Result<Option<PinnedCode>, Error> {
        let contract = wire::parse(contract)?;
        let code = self.bytecode(&contract, at).await?;
        if code.is_empty() {
            return Ok(None);
        }
        let implementation = match self.implementation(&contract, at).await? {
            Some(behind) => {
                let code = self.bytecode(&behind, at).await?;
                Some((wire::canonical(&behind), keccak256(&code).0))
            }
            None => None,
        };
        Ok(Some(PinnedCode { code: keccak256(&code).0, implementation }))
    }

    async fn estimate(&self, call: &Call) -> Result<Estimate, Error> {
        let what = "eth_estimateGas";
        let params = json!([{
            "from": wire::parse(&call.from)?,
            "to": wire::parse(&call.to)?,
            "value": U256::from(call.value.base_units()),
            "data": Bytes::copy_from_slice(&call.input),
        }]);
        match self.rpc.raw(what, params).await {
            Ok(raw) => Ok(Estimate::Gas(self.rpc.read::<U64>(what, &raw)?.to())),
            Err(Fault::Said(said)) if said.is_revert() => Ok(Estimate::Reverts(said.text)),
            Err(fault) => Err(self.rpc.error(what, fault)),
        }
    }

    async fn suggestion(&self) -> Result<Suggestion, Error> {
        let what = "fees";
        let (latest, gas_price) = tokio::try_join!(
            self.header(&HeaderId::Named(At::Latest)),
            self.rpc.call::<U256>("eth_gasPrice", json!([])),
        )?;
        let wei = |value: U256| u128::try_from(value).map_err(|_| Error::TooLarge { what });
        let gas_price = wei(gas_price)?;
        if latest.is_none_or(|latest| latest.base_fee_per_gas.is_none()) {
            return Ok(Suggestion { base_fee: None, priority: 0, gas_price });
        }
        let history: FeeHistory = self.rpc.call("eth_feeHistory", json!(["0x5", "latest", [50]])).await?;
        let next = history.base_fee_per_gas.last().copied();
        let next = next.ok_or_else(|| self.rpc.unusable(what, "no base fee"))?;
        let priority = match self.rpc.call::<U256>("eth_maxPriorityFeePerGas", json!([])).await {
            Ok(priority) => priority,
            Err(Error::Unsupported { .. } | Error::Refused { .. }) => middle(&history),
            Err(error) => return Err(error),
        };
        Ok(Suggestion { base_fee: Some(wei(next)?), priority: wei(priority)?, gas_price })
    }

    async fn data_fee(&self, model: DataFee, raw: &[u8]) -> Result<Amount, Error> {
        let what = "a data fee";
        if model == DataFee::None {
            return Ok(Amount::ZERO);
        }
        let data = abi::getL1FeeCall { unsigned: Bytes::copy_from_slice(raw) }.abi_encode();
        let told = self.view(&GAS_PRICE_ORACLE, data, At::Latest).await?;
        let word = told.and_then(|told| told.get(..32).map(U256::from_be_slice));
        let fee = word.ok_or_else(|| self.rpc.unusable(what, "no gas price oracle"))?;
        wire::amount(fee).map_err(|_| Error::TooLarge { what })
    }

    async fn valid_signature(
        &self,
        contract: &Address,
        digest: [u8; 32],
        signature: &[u8],
        at: At,
    ) -> Result<bool, Error> {
        let signature = Bytes::copy_from_slice(signature);
        let data = abi::isValidSignatureCall { digest: digest.into(), signature }.abi_encode();
        let told = self.view(&wire::parse(contract)?, data, at).await?;
        // One whole word: four bytes of yes and nothing behind them. An address without code answers nothing.
        Ok(told.is_some_and(|told| told.len() >= 32 && told[..4] == VALID_SIGNATURE && told[4..32] == [0; 28]))
    }

    async fn probe(&self, token: &Address, holders: &[Address], at: BlockHash) -> Result<Option<TokenFacts>, Error> {
        let Some(code) = self.pinned_code(token, At::Block(at)).await? else { return Ok(None) };
        let token = wire::parse(token)?;
        let holders = holders.iter().map(wire::parse).collect::<Result<Vec<_>, _>>()?;
        let decimals = self.decimals(&token, At::Block(at)).await?;
        let (returns, fee_on_transfer) = self.simulate_transfer(&token, decimals, &holders, At::Block(at)).await?;
        let face = self.face(&token, At::Block(at)).await?;
        Ok(Some(TokenFacts { decimals, code, returns, fee_on_transfer, face }))
    }
}

impl EvmNode {
    async fn bytecode(&self, at_address: &EvmAddress, at: At) -> Result<Bytes, Error> {
        self.rpc.call("eth_getCode", json!([at_address, wire::state(at)])).await
    }

    async fn implementation(&self, proxy: &EvmAddress, at: At) -> Result<Option<EvmAddress>, Error> {
        for slot in IMPLEMENTATION_SLOTS {
            if let Some(behind) = self.address_in_slot(proxy, slot, at).await? {
                return Ok(Some(behind));
            }
        }
        let Some(beacon) = self.address_in_slot(proxy, BEACON_SLOT, at).await? else { return Ok(None) };
        let told = self.view(&beacon, abi::implementationCall {}.abi_encode(), at).await?;
        Ok(told.and_then(|told| told.get(..32).map(|word| EvmAddress::from_word(B256::from_slice(word)))))
    }

    async fn address_in_slot(&self, of: &EvmAddress, slot: B256, at: At) -> Result<Option<EvmAddress>, Error> {
        let word: B256 = self.rpc.call("eth_getStorageAt", json!([of, slot, wire::state(at)])).await?;
        Ok((!word.is_zero()).then(|| EvmAddress::from_word(word)))
    }

    async fn decimals(&self, token: &EvmAddress, at: At) -> Result<Option<u8>, Error> {
        let told = self.view(token, abi::decimalsCall {}.abi_encode(), at).await?;
        let word = told.filter(|told| told.len() == 32).map(|told| U256::from_be_slice(&told));
        Ok(word.and_then(|word| u8::try_from(word).ok()))
    }
}

/// What the middle transaction of recent blocks offered on top of the base fee.
fn middle(history: &FeeHistory) -> U256 {
    let rewards = history.reward.iter().flatten().filter_map(|block| block.first().copied());
    let mut rewards: Vec<U256> = rewards.filter(|reward| !reward.is_zero()).collect(); // empty blocks say zero
    rewards.sort_unstable();
    rewards.get(rewards.len() / 2).copied().unwrap_or_default()
}
