//! EIP-1271: signatures of accounts that are contracts. The question is made here and judged here; the network is asked
//! by the crate `chain`, which also decides at which blocks, and how many nodes must agree.

use alloy::sol_types::SolCall;

use crate::{EvmAddress, SignatureError};

mod abi {
    alloy::sol! {
        function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4 magic);
    }
}
use abi::isValidSignatureCall;

/// What a contract answers to say yes: the selector of the question.
pub const MAGIC_VALUE: [u8; 4] = isValidSignatureCall::SELECTOR;

/// The largest signature put to a contract, in bytes. Those of multi-signature wallets have 65 bytes an owner.
pub const MAX_SIGNATURE_LEN: usize = 16 * 1024;

/// One question to one contract, for `eth_call`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The contract that is the account.
    pub contract: EvmAddress,
    /// The input of the call.
    pub calldata: Vec<u8>,
}

impl Question {
    /// Asks whether `contract` accepts `signature` over `hash`.
    ///
    /// # Errors
    /// [`SignatureError::Length`] above [`MAX_SIGNATURE_LEN`].
    pub fn new(contract: EvmAddress, hash: &[u8; 32], signature: &[u8]) -> Result<Self, SignatureError> {
        if signature.len() > MAX_SIGNATURE_LEN {
            return Err(SignatureError::Length(signature.len()));
        }
        let call = isValidSignatureCall { hash: (*hash).into(), signature: signature.to_vec().into() };
        Ok(Self { contract, calldata: call.abi_encode() })
    }

    /// Judges what the call returned. A call that reverts, or an address without code (which returns nothing), is a no.
    ///
    /// # Errors
    /// [`SignatureError::ContractRefuses`] unless it is exactly the magic value, padded to a word.
    pub fn judge(&self, returned: &[u8]) -> Result<(), SignatureError> {
        let mut yes = [0; 32];
        yes[..4].copy_from_slice(&MAGIC_VALUE);
        // Some contracts return more than a word; what counts is the first, whole, as Solidity would decode it.
        if returned.get(..32) == Some(&yes) { Ok(()) } else { Err(SignatureError::ContractRefuses(self.contract)) }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::hex;

    use super::*;

    #[test]
    fn the_question_is_encoded_as_the_standard_says() {
        assert_eq!(MAGIC_VALUE, [0x16, 0x26, 0xba, 0x7e]);
        let question = Question::new(EvmAddress::repeat_byte(9), &[0xab; 32], &[0xcd; 65]).unwrap();
        let want = [
            "1626ba7e",
            &"ab".repeat(32),
            "0000000000000000000000000000000000000000000000000000000000000040",
            "0000000000000000000000000000000000000000000000000000000000000041",
            &"cd".repeat(65),
            &"00".repeat(31),
        ]
        .concat();
        assert_eq!(hex::encode(&question.calldata), want);
        let long = vec![0; MAX_SIGNATURE_LEN + 1];
        assert_eq!(Question::new(question.contract, &[0; 32], &long), Err(SignatureError::Length(long.len())));
    }

    #[test]
    fn only_the_magic_word_is_a_yes() {
        let question = Question::new(EvmAddress::repeat_byte(9), &[0; 32], &[]).unwrap();
        let word = |text: &str| hex::decode(format!("{text:0<64}")).unwrap();
        let mut long = word("1626ba7e");
        long.extend([1; 32]);
        for (case, returned, yes) in [
            ("the magic value", word("1626ba7e"), true),
            ("and more behind it", long, true),
            ("nothing, as from an address without code", vec![], false),
            ("the value without its padding", word("1626ba7e")[..4].to_vec(), false),
            ("a word short of a byte", word("1626ba7e")[..31].to_vec(), false),
            ("the customary no", word("ffffffff"), false),
            ("zero", word(""), false),
            ("true, as a contract of another mind says", hex::decode(format!("{:0>64}", "1")).unwrap(), false),
            ("the magic value with dirt behind it", word("1626ba7e01"), false),
            ("the magic value at the wrong end", hex::decode(format!("{:0>64}", "1626ba7e")).unwrap(), false),
        ] {
            assert_eq!(question.judge(&returned).is_ok(), yes, "{case}");
        }
    }
}
