//! Transactions: what is to be signed, and signed bytes taken apart again, so that what is journaled and sent can be held
//! against what was intended. Pure; keys never come here.

use alloy::consensus::transaction::SignerRecoverable;
use alloy::consensus::{SignableTransaction, Transaction, TxEip1559, TxEnvelope, TxLegacy, TypedTransaction};
use alloy::eips::eip2718::{Decodable2718, Encodable2718};
use alloy::primitives::{B256, Signature as EvmSignature, TxKind, U256};
use alloy::sol_types::SolCall;
use tokengine_core::{Address, Amount, TxId};

use super::{abi, wire};
use crate::Error;
use crate::fees::Fees;

/// Gas of a plain transfer of native coin to an address without code.
pub const PLAIN_GAS: u64 = 21_000;

/// A transaction that nobody has signed yet. Two signed ones with the same draft and sender exclude each other, as do all
/// with the same nonce and sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The number in the network's CAIP-2 id.
    pub chain_id: u64,
    /// Which of the sender's transactions it is.
    pub nonce: u64,
    /// Whom it calls.
    pub to: Address,
    /// The native coin it carries, in base units.
    pub value: Amount,
    /// Its call data.
    pub input: Vec<u8>,
    /// The most gas it may use.
    pub gas_limit: u64,
    /// What it offers for gas.
    pub fees: Fees,
}

/// What the signer gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// First half.
    pub r: [u8; 32],
    /// Second half.
    pub s: [u8; 32],
    /// Which of the two points.
    pub y_parity: bool,
}

/// Signed bytes and what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What is journaled, and sent, unchanged.
    pub raw: Vec<u8>,
    /// Its id on the network.
    pub tx: TxId,
    /// Who signed.
    pub from: Address,
    /// What was signed.
    pub draft: Draft,
}

/// What a transaction is for: whom to call, with how much of the native coin, and with what data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Whom it calls.
    pub to: Address,
    /// The native coin it carries, in base units.
    pub value: Amount,
    /// Its call data.
    pub input: Vec<u8>,
}

impl Payload {
    /// Native coin to an address.
    pub fn native(to: &Address, amount: Amount) -> Self {
        Self { to: to.clone(), value: amount, input: Vec::new() }
    }

    /// A token to an address.
    ///
    /// # Errors
    /// [`Error::BadAddress`].
    pub fn token(contract: &Address, to: &Address, amount: Amount) -> Result<Self, Error> {
        let input = abi::transferCall { to: wire::parse(to)?, value: U256::from(amount.base_units()) }.abi_encode();
        Ok(Self { to: contract.clone(), value: Amount::ZERO, input })
    }

    /// Nothing, to oneself: uses up a nonce.
    pub fn noop(own: &Address) -> Self {
        Self::native(own, Amount::ZERO)
    }

    /// The token transfer in it: receiver and amount, if it is exactly one.
    pub fn token_transfer(&self) -> Option<(Address, Amount)> {
        let call = abi::transferCall::abi_decode(&self.input).ok()?;
        // Only the canonical encoding: nothing behind the arguments.
        (self.value.is_zero() && call.abi_encode() == self.input).then_some(())?;
        Some((wire::canonical(&call.to), wire::amount(call.value).ok()?))
    }

    /// With everything else a transaction needs.
    pub fn draft(self, chain_id: u64, nonce: u64, gas_limit: u64, fees: Fees) -> Draft {
        Draft { chain_id, nonce, to: self.to, value: self.value, input: self.input, gas_limit, fees }
    }
}

impl Draft {
    /// The bytes whose Keccak-256 is the hash to sign, for signers that want to see what they sign.
    ///
    /// # Errors
    /// [`Error::BadAddress`].
    pub fn signing_bytes(&self) -> Result<Vec<u8>, Error> {
        Ok(self.typed()?.encoded_for_signing())
    }

    /// The hash to sign.
    ///
    /// # Errors
    /// [`Error::BadAddress`].
    pub fn signing_hash(&self) -> Result<[u8; 32], Error> {
        Ok(self.typed()?.signature_hash().0)
    }

    /// The bytes whose Keccak-256 is the hash to sign: for signers that want to see what they sign.
    ///
    /// # Errors
    /// [`Error::BadAddress`].
    pub fn preimage(&self) -> Result<Vec<u8>, Error> {
        Ok(self.typed()?.encoded_for_signing())
    }

    /// The signed bytes, if the signature is by `from` over exactly this draft: a signer that answers with something else
    /// is found out before anything is stored.
    ///
    /// # Errors
    /// [`Error::BadTransaction`], [`Error::BadAddress`].
    pub fn signed(&self, signature: &Signature, from: &Address) -> Result<Signed, Error> {
        let given = EvmSignature::from_scalars_and_parity(signature.r.into(), signature.s.into(), signature.y_parity);
        let envelope = TxEnvelope::from(self.typed()?.into_signed(given.normalized_s()));
        let signed = Signed::decode(&envelope.encoded_2718())?;
        if signed.draft != *self {
            return Err(Error::BadTransaction("it does not say what was to be signed"));
        }
        if signed.from != *from {
            return Err(Error::BadTransaction("it was signed by another key"));
        }
        Ok(signed)
    }

    /// Its purpose, without nonce and fees: what all attempts of one payout have in common.
    pub fn payload(&self) -> Payload {
        Payload { to: self.to.clone(), value: self.value, input: self.input.clone() }
    }

    fn typed(&self) -> Result<TypedTransaction, Error> {
        let (chain_id, nonce, gas_limit) = (self.chain_id, self.nonce, self.gas_limit);
        let to = TxKind::Call(wire::parse(&self.to)?);
        let value = U256::from(self.value.base_units());
        let input = self.input.clone().into();
        Ok(match self.fees {
            Fees::Dynamic { max_fee, priority } => TypedTransaction::Eip1559(TxEip1559 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: max_fee,
                max_priority_fee_per_gas: priority,
                to,
                value,
                access_list: Default::default(),
                input,
            }),
            Fees::Legacy { gas_price } => {
                let chain_id = Some(chain_id); // EIP-155: not valid on another network
                TypedTransaction::Legacy(TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input })
            }
        })
    }
}

impl Signed {
    /// Takes signed bytes apart and finds out who signed.
    ///
    /// # Errors
    /// [`Error::BadTransaction`] for anything that [`Draft::signed`] does not make: other kinds of transactions,
    /// contract creations, transactions that are valid on any network, trailing bytes.
    pub fn decode(raw: &[u8]) -> Result<Self, Error> {
        let mut rest = raw;
        let envelope = TxEnvelope::decode_2718(&mut rest).map_err(|_| Error::BadTransaction("it cannot be read"))?;
        if !rest.is_empty() {
            return Err(Error::BadTransaction("bytes behind it"));
        }
        let fees = match &envelope {
            TxEnvelope::Eip1559(tx) if tx.tx().access_list.is_empty() => {
                Fees::Dynamic { max_fee: tx.tx().max_fee_per_gas, priority: tx.tx().max_priority_fee_per_gas }
            }
            TxEnvelope::Legacy(tx) => Fees::Legacy { gas_price: tx.tx().gas_price },
            _ => return Err(Error::BadTransaction("of a kind that is never made here")),
        };
        let from = envelope.recover_signer().map_err(|_| Error::BadTransaction("its signature is none"))?;
        let chain_id = envelope.chain_id().ok_or(Error::BadTransaction("valid on any network"))?;
        let to = envelope.to().ok_or(Error::BadTransaction("it creates a contract"))?;
        let value =
            wire::amount(envelope.value()).map_err(|_| Error::TooLarge { what: "the value of a transaction" })?;
        let hash: B256 = *envelope.tx_hash();
        let draft = Draft {
            chain_id,
            nonce: envelope.nonce(),
            to: wire::canonical(&to),
            value,
            input: envelope.input().to_vec(),
            gas_limit: envelope.gas_limit(),
            fees,
        };
        Ok(Self { raw: raw.to_vec(), tx: TxId(hash.0), from: wire::canonical(&from), draft })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::new(text).expect("a test address")
    }

    /// The example of EIP-155: its key, fields, signing hash and bytes are published.
    #[test]
    fn the_example_of_eip_155_comes_out() {
        let to = address("0x3535353535353535353535353535353535353535");
        let fees = Fees::Legacy { gas_price: 20_000_000_000 };
        let draft = Payload::native(&to, Amount::new(1_000_000_000_000_000_000)).draft(1, 9, 21_000, fees);
        let hash = draft.signing_hash().expect("a hash");
        assert_eq!(alloy::primitives::keccak256(draft.signing_bytes().expect("bytes")).0, hash);
        assert_eq!(B256::from(hash).to_string(), "0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
        assert_eq!(alloy::primitives::keccak256(draft.preimage().expect("bytes")).0, hash);
        let half = |text: &str| text.parse::<B256>().expect("hex").0;
        let signature = Signature {
            r: half("0x28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276"),
            s: half("0x67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"),
            y_parity: false,
        };
        let from = address("0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");
        let signed = draft.signed(&signature, &from).expect("signed");
        assert_eq!(
            alloy::primitives::hex::encode(&signed.raw),
            "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195\
             fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
        );
        assert_eq!(Signed::decode(&signed.raw), Ok(signed.clone()));
        assert_eq!(signed.draft, draft);

        // Another sender, another content, another signature: found out before anything is stored.
        assert!(draft.signed(&signature, &to).is_err());
        assert!(Draft { nonce: 10, ..draft.clone() }.signed(&signature, &from).is_err());
        assert!(draft.signed(&Signature { y_parity: true, ..signature }, &from).is_err());
        assert!(draft.signed(&Signature { r: [0; 32], ..signature }, &from).is_err());
    }

    #[test]
    fn bytes_that_are_never_made_here_are_refused() {
        for (case, raw) in
            [("nothing", &[][..]), ("an EIP-2930 transaction", &[0x01, 0xc0]), ("noise", &[0x02, 0xff, 0x00])]
        {
            assert!(matches!(Signed::decode(raw), Err(Error::BadTransaction(_))), "{case}");
        }
        let mut trailing = alloy::primitives::hex!(
            "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195"
            "fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
        )
        .to_vec();
        assert!(Signed::decode(&trailing).is_ok());
        trailing.push(0);
        assert_eq!(Signed::decode(&trailing), Err(Error::BadTransaction("bytes behind it")));
    }

    #[test]
    fn a_token_transfer_reads_back_and_nothing_else_does() {
        let contract = address("0xdAC17F958D2ee523a2206206994597C13D831ec7");
        let to = address("0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045");
        let payload = Payload::token(&contract, &to, Amount::new(5)).expect("an address");
        assert_eq!(payload.token_transfer(), Some((to.clone(), Amount::new(5))));
        assert_eq!(payload.clone().draft(1, 2, 60_000, Fees::Legacy { gas_price: 1 }).payload(), payload);
        let longer = Payload { input: [payload.input.clone(), vec![0; 32]].concat(), ..payload.clone() };
        assert_eq!(longer.token_transfer(), None);
        assert_eq!(Payload { value: Amount::new(1), ..payload }.token_transfer(), None);
        assert_eq!(Payload::native(&to, Amount::new(5)).token_transfer(), None);
        assert_eq!(Payload::noop(&to), Payload::native(&to, Amount::ZERO));
        assert!(Payload::token(&contract, &address("nobody"), Amount::new(5)).is_err());
    }
}
