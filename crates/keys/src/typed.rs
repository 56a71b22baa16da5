//! What customers sign: EIP-712 typed data, which wallets show field by field.
//!
//! The domain binds a signature to one engine (`salt` is its instance id) and to the network of the account that signs
//! (`chainId`), so it counts nowhere else. All ids are in their canonical CAIP form: a message that names the same
//! address in other letters has another hash. [`Message::typed_data_json`] gives the form to sign.

use alloy::{
    primitives::{B256, U256},
    sol_types::{Eip712Domain, SolStruct},
};
use serde_json::{Value, json};
use tokengine_caip::{AccountId, AssetId, ChainId};
use tokengine_core::Amount;

use crate::{
    RecoverableSignature, SignRequest, SignatureError, erc1271::Question, signature::evm_address as address_of,
};

/// The name in every domain.
pub const DOMAIN_NAME: &str = "TokEngine";
/// The version of the messages: it changes when a message means something else.
pub const DOMAIN_VERSION: &str = "1";

/// Where a signature counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The chain id of the signing account's own network.
    pub chain_id: u128,
    /// The id of the engine, so that two engines with the same customers cannot replay each other's messages.
    pub instance: [u8; 32],
}

impl Domain {
    /// The domain in which `signer` signs for the engine `instance`.
    ///
    /// # Errors
    /// [`SignatureError::Namespace`] when its network is not an EVM.
    pub fn of(signer: &AccountId, instance: [u8; 32]) -> Result<Self, SignatureError> {
        let refused = || SignatureError::Namespace(signer.namespace().to_owned());
        if signer.namespace() != "eip155" {
            return Err(refused());
        }
        // At most 32 digits, by CAIP-2: always below 2^128.
        let chain_id = signer.chain_id().reference().parse().map_err(|_| refused())?;
        Ok(Self { chain_id, instance })
    }

    fn eip712(&self) -> Eip712Domain {
        let chain_id = Some(U256::from(self.chain_id));
        Eip712Domain::new(
            Some(DOMAIN_NAME.into()),
            Some(DOMAIN_VERSION.into()),
            chain_id,
            None,
            Some(B256::from(self.instance)),
        )
    }
}

/// Pay out from an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The network to pay on.
    pub network: ChainId,
    /// The asset to pay in, on that network.
    pub asset: AssetId,
    /// Base units of the asset.
    pub amount: Amount,
    /// The largest fee that may be taken, in base units of the token.
    pub max_fee: Amount,
    /// Who receives.
    pub destination: AccountId,
    /// Whose tokens: a CAIP-10 id, or the name of an account that the operator named.
    pub account: String,
    /// Makes the message unique; each is good once.
    pub nonce: u128,
    /// Until when it may be carried out, in seconds since 1970, UTC.
    pub expiry: u64,
}

/// Pay out what a deposit brings: a deposit and a withdrawal in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The network of the deposit.
    pub deposit_network: ChainId,
    /// The id of the depositing transaction, as its network writes it.
    pub deposit_transaction: String,
    /// What to do with what it brings.
    pub withdrawal: Withdrawal,
}

/// Let another address stand for the same account. Signed by the linked address, and by the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkAccount {
    /// The account: a CAIP-10 id, or the name of an account that the operator named.
    pub account: String,
    /// The address that will stand for it.
    pub linked: AccountId,
    /// Makes the message unique; each is good once.
    pub nonce: u128,
    /// Until when it may be carried out, in seconds since 1970, UTC.
    pub expiry: u64,
}

/// Anything a customer signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// See [`Withdrawal`].
    Withdrawal(Withdrawal),
    /// See [`Transfer`].
    Transfer(Transfer),
    /// See [`LinkAccount`].
    LinkAccount(LinkAccount),
}

/// The same for the Solidity encoder, which makes the hashes. A change here is a change of [`DOMAIN_VERSION`].
mod abi {
    alloy::sol! {
        struct Withdrawal {
            string network;
            string asset;
            uint256 amount;
            uint256 maxFee;
            string destination;
            string account;
            uint256 nonce;
            uint256 expiry;
        }
        struct Transfer {
            string depositNetwork;
            string depositTransaction;
            string network;
            string asset;
            uint256 amount;
            uint256 maxFee;
            string destination;
            string account;
            uint256 nonce;
            uint256 expiry;
        }
        struct LinkAccount {
            string account;
            string linked;
            uint256 nonce;
            uint256 expiry;
        }
    }
}

impl Message {
    /// The hash that is signed (EIP-712).
    pub fn hash(&self, domain: &Domain) -> [u8; 32] {
        *self.sign_request(domain).hash()
    }

    /// The same as a request to one of our signers.
    pub fn sign_request(&self, domain: &Domain) -> SignRequest {
        let hash_struct = match self {
            Self::Withdrawal(message) => message.abi().eip712_hash_struct(),
            Self::Transfer(message) => message.abi().eip712_hash_struct(),
            Self::LinkAccount(message) => message.abi().eip712_hash_struct(),
        };
        SignRequest::of([&[0x19, 0x01], domain.eip712().separator().as_slice(), hash_struct.as_slice()].concat())
    }

    /// What to hand to a wallet (`eth_signTypedData_v4`). Amounts are decimal text, as JSON numbers are too small for them.
    pub fn typed_data_json(&self, domain: &Domain) -> Value {
        let (name, fields) = match self {
            Self::Withdrawal(message) => ("Withdrawal", message.fields()),
            Self::Transfer(message) => ("Transfer", message.fields()),
            Self::LinkAccount(message) => ("LinkAccount", message.fields()),
        };
        let kinds: Vec<_> = fields.iter().map(|(name, kind, _)| json!({"name": name, "type": kind})).collect();
        let values: serde_json::Map<_, _> =
            fields.into_iter().map(|(name, _, value)| (name.into(), value.into())).collect();
        // Wallets compare it with the network they are on, most of them as a number; a large one only fits text.
        let chain_id = match u64::try_from(domain.chain_id) {
            Ok(number) if number < 1 << 53 => json!(number),
            _ => json!(domain.chain_id.to_string()),
        };
        json!({
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "chainId", "type": "uint256"},
                    {"name": "salt", "type": "bytes32"},
                ],
                name: kinds,
            },
            "primaryType": name,
            "domain": {
                "name": DOMAIN_NAME,
                "version": DOMAIN_VERSION,
                "chainId": chain_id,
                "salt": B256::from(domain.instance).to_string(),
            },
            "message": values,
        })
    }

    /// Checks the signature of an account that is a key. If this fails and the account may be a contract, ask
    /// [`Message::question`].
    ///
    /// # Errors
    /// [`SignatureError`], by what is wrong with it.
    pub fn check(&self, instance: [u8; 32], signer: &AccountId, signature: &[u8]) -> Result<(), SignatureError> {
        let hash = self.hash(&Domain::of(signer, instance)?);
        RecoverableSignature::from_bytes(signature)?.check(&hash, address_of(signer)?)
    }

    /// What to ask the contract that `signer` is (EIP-1271).
    ///
    /// # Errors
    /// [`SignatureError::NoNetwork`] for an account on no network in particular; [`SignatureError::Length`].
    pub fn question(
        &self,
        instance: [u8; 32],
        signer: &AccountId,
        signature: &[u8],
    ) -> Result<Question, SignatureError> {
        let domain = Domain::of(signer, instance)?;
        if domain.chain_id == 0 {
            return Err(SignatureError::NoNetwork(signer.to_string()));
        }
        Question::new(address_of(signer)?, &self.hash(&domain), signature)
    }
}

/// Name, Solidity type and value of a field.
type Field = (&'static str, &'static str, String);

impl Withdrawal {
    fn abi(&self) -> abi::Withdrawal {
        abi::Withdrawal {
            network: self.network.to_string(),
            asset: self.asset.to_string(),
            amount: U256::from(self.amount.base_units()),
            maxFee: U256::from(self.max_fee.base_units()),
            destination: self.destination.to_string(),
            account: self.account.clone(),
            nonce: U256::from(self.nonce),
            expiry: U256::from(self.expiry),
        }
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            ("network", "string", self.network.to_string()),
            ("asset", "string", self.asset.to_string()),
            ("amount", "uint256", self.amount.to_string()),
            ("maxFee", "uint256", self.max_fee.to_string()),
            ("destination", "string", self.destination.to_string()),
            ("account", "string", self.account.clone()),
            ("nonce", "uint256", self.nonce.to_string()),
            ("expiry", "uint256", self.expiry.to_string()),
        ]
    }
}

impl Transfer {
    fn abi(&self) -> abi::Transfer {
        let abi::Withdrawal { network, asset, amount, maxFee, destination, account, nonce, expiry } =
            self.withdrawal.abi();
        abi::Transfer {
            depositNetwork: self.deposit_network.to_string(),
            depositTransaction: self.deposit_transaction.clone(),
            network,
            asset,
            amount,
            maxFee,
            destination,
            account,
            nonce,
            expiry,
        }
    }

    fn fields(&self) -> Vec<Field> {
        let mut fields = vec![
            ("depositNetwork", "string", self.deposit_network.to_string()),
            ("depositTransaction", "string", self.deposit_transaction.clone()),
        ];
        fields.extend(self.withdrawal.fields());
        fields
    }
}

impl LinkAccount {
    fn abi(&self) -> abi::LinkAccount {
        abi::LinkAccount {
            account: self.account.clone(),
            linked: self.linked.to_string(),
            nonce: U256::from(self.nonce),
            expiry: U256::from(self.expiry),
        }
    }

    fn fields(&self) -> Vec<Field> {
        vec![
            ("account", "string", self.account.clone()),
            ("linked", "string", self.linked.to_string()),
            ("nonce", "uint256", self.nonce.to_string()),
            ("expiry", "uint256", self.expiry.to_string()),
        ]
    }
}

#[cfg(test)]
mod tests;
