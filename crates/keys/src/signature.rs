//! Recoverable secp256k1 signatures: read strictly, and asked who made them.

use std::fmt;

use alloy::primitives::{B256, Signature, U256, eip191_hash_message};
use tokengine_caip::AccountId;

use crate::EvmAddress;

/// Why a signature is not good. An answer to whoever sent it, never a fault of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not 65 bytes: r, s, v. (The 64-byte short form of EIP-2098 is refused too: one signature, one spelling.)
    #[error("a signature has 65 bytes, this has {0}")]
    Length(usize),
    /// Not hexadecimal with `0x` in front.
    #[error("a signature is hexadecimal with 0x in front")]
    NotHex,
    /// v is not 0, 1, 27 or 28.
    #[error("the last byte of a signature is 0, 1, 27 or 28, this is {0}")]
    Recovery(u8),
    /// r or s is zero or not below the order of the curve.
    #[error("r or s is outside the curve's order")]
    OutOfRange,
    /// s is in the upper half: the same signature can be written with a lower s, and that is the one we take.
    #[error("s is in the upper half of the curve's order, which makes a second spelling of the same signature")]
    Malleable,
    /// No key can have made it.
    #[error("no key can have made this signature")]
    Unrecoverable,
    /// It is good, but of somebody else, or of other content than it should cover.
    #[error("the signature is by {found}, or over something else; it should be by {expected}")]
    OtherSigner {
        /// Whose it should be.
        expected: EvmAddress,
        /// Whose it is, if the content is what we think.
        found: EvmAddress,
    },
    /// The account is on a network whose signatures we cannot check.
    #[error("signatures of {0} accounts cannot be checked")]
    Namespace(String),
    /// The contract was asked (EIP-1271) and did not say yes.
    #[error("the contract account {0} does not accept the signature")]
    ContractRefuses(EvmAddress),
    /// An account on every network and none (`eip155:0`) cannot be a contract.
    #[error("{0} names no network to ask about a contract")]
    NoNetwork(String),
}

impl SignatureError {
    /// Stable; clients match on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Length(_) => "signature-length",
            Self::NotHex => "signature-not-hex",
            Self::Recovery(_) => "signature-recovery-id",
            Self::OutOfRange => "signature-out-of-range",
            Self::Malleable => "signature-malleable",
            Self::Unrecoverable => "signature-unrecoverable",
            Self::OtherSigner { .. } => "signature-other-signer",
            Self::Namespace(_) => "signature-namespace",
            Self::ContractRefuses(_) => "signature-contract-refuses",
            Self::NoNetwork(_) => "signature-no-network",
        }
    }

    /// Never: the same signature is as bad tomorrow.
    pub fn is_transient(&self) -> bool {
        false
    }
}

/// Half the order of secp256k1, rounded down: the largest s that we and every network since Homestead take.
const MAX_S: U256 =
    U256::from_limbs([0xdfe9_2f46_681b_20a0, 0x5d57_6e73_57a4_501d, 0xffff_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff]);
/// The order of secp256k1.
const ORDER: U256 =
    U256::from_limbs([0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, 0xffff_ffff_ffff_ffff]);

/// A signature from which the signer's address can be worked out. In the range of the curve, and with the lower s, so
/// that there is one spelling of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecoverableSignature {
    r: U256,
    s: U256,
    y_parity: bool,
}

impl RecoverableSignature {
    /// Checks the parts. `r` and `s` are big-endian.
    ///
    /// # Errors
    /// [`SignatureError::OutOfRange`] or [`SignatureError::Malleable`].
    pub fn new(r: [u8; 32], s: [u8; 32], y_parity: bool) -> Result<Self, SignatureError> {
        let (r, s) = (U256::from_be_bytes(r), U256::from_be_bytes(s));
        if r.is_zero() || s.is_zero() || r >= ORDER || s >= ORDER {
            return Err(SignatureError::OutOfRange);
        }
        if s > MAX_S { Err(SignatureError::Malleable) } else { Ok(Self { r, s, y_parity }) }
    }

    /// Reads the 65 bytes that wallets give: r, s, and v as 0 or 1, or 27 or 28.
    ///
    /// # Errors
    /// [`SignatureError`], by what is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignatureError> {
        let bytes = <&[u8; 65]>::try_from(bytes).map_err(|_| SignatureError::Length(bytes.len()))?;
        let (mut r, mut s) = ([0; 32], [0; 32]);
        r.copy_from_slice(&bytes[..32]);
        s.copy_from_slice(&bytes[32..64]);
        let y_parity = match bytes[64] {
            0 | 27 => false,
            1 | 28 => true,
            other => return Err(SignatureError::Recovery(other)),
        };
        Self::new(r, s, y_parity)
    }

    /// r, s, and v as 27 or 28: what wallets and contracts expect.
    pub fn to_bytes(&self) -> [u8; 65] {
        self.alloy().as_bytes()
    }

    /// r, big-endian.
    pub fn r(&self) -> [u8; 32] {
        self.r.to_be_bytes()
    }

    /// s, big-endian; never above half the order of the curve.
    pub fn s(&self) -> [u8; 32] {
        self.s.to_be_bytes()
    }

    /// Whether the point behind r has an odd y: v of EIP-1559 transactions.
    pub fn y_parity(&self) -> bool {
        self.y_parity
    }

    /// Who signed `hash`, if it is that hash that was signed.
    ///
    /// # Errors
    /// [`SignatureError::Unrecoverable`].
    pub fn signer_of(&self, hash: &[u8; 32]) -> Result<EvmAddress, SignatureError> {
        self.alloy().recover_address_from_prehash(&B256::from(*hash)).map_err(|_| SignatureError::Unrecoverable)
    }

    /// Whether it is by `signer`, over `hash`.
    ///
    /// # Errors
    /// [`SignatureError::OtherSigner`] or [`SignatureError::Unrecoverable`].
    pub fn check(&self, hash: &[u8; 32], signer: EvmAddress) -> Result<(), SignatureError> {
        let found = self.signer_of(hash)?;
        if found == signer { Ok(()) } else { Err(SignatureError::OtherSigner { expected: signer, found }) }
    }

    /// The same for alloy, which encodes it into transactions.
    pub fn alloy(&self) -> Signature {
        Signature::new(self.r, self.s, self.y_parity)
    }
}

impl fmt::Debug for RecoverableSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&alloy::primitives::hex::encode_prefixed(self.to_bytes()))
    }
}

/// Reads the hexadecimal text (`0x…`) in which signatures come over HTTP. It may be a contract's, so any length is taken.
///
/// # Errors
/// [`SignatureError::NotHex`].
pub fn bytes_from_hex(text: &str) -> Result<Vec<u8>, SignatureError> {
    let digits = text.strip_prefix("0x").ok_or(SignatureError::NotHex)?;
    // Two prefixes would be taken for one by a lenient reader.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(SignatureError::NotHex);
    }
    alloy::primitives::hex::decode(digits).map_err(|_| SignatureError::NotHex)
}

/// The hash that a wallet signs for `personal_sign` (EIP-191, version E).
pub fn personal_message_hash(message: &[u8]) -> [u8; 32] {
    eip191_hash_message(message).0
}

/// Checks a `personal_sign` signature over `message`.
///
/// # Errors
/// [`SignatureError`], by what is wrong with it.
pub fn check_personal_message(message: &[u8], signature: &[u8], signer: EvmAddress) -> Result<(), SignatureError> {
    RecoverableSignature::from_bytes(signature)?.check(&personal_message_hash(message), signer)
}

/// The EVM address behind a CAIP-10 account id: the key, or contract, that signs for it.
///
/// # Errors
/// [`SignatureError::Namespace`] for accounts elsewhere.
pub fn evm_address(account: &AccountId) -> Result<EvmAddress, SignatureError> {
    let address = account.evm_address().ok_or_else(|| SignatureError::Namespace(account.namespace().to_owned()))?;
    Ok(EvmAddress::from(address))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::hex;
    use proptest::prelude::*;

    use super::*;
    use crate::{LocalSigner, Secret};

    fn alice() -> LocalSigner {
        LocalSigner::from_key(&Secret::new([0x46; 32])).unwrap()
    }

    #[test]
    fn half_the_order_is_what_it_says() {
        assert_eq!(MAX_S, ORDER >> 1);
    }

    #[test]
    fn a_known_personal_signature_is_read() {
        // The documentation of web3.js, `eth.accounts.sign("Some data", …)`, with its published key.
        let signature = "0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c";
        let signer = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23".parse().unwrap();
        let bytes = bytes_from_hex(signature).unwrap();
        assert_eq!(
            hex::encode(personal_message_hash(b"Some data")),
            "1da44b586eb0729ff70a73c326926f6ed5a25f5b056e7f47fbc6e58d86871655"
        );
        assert_eq!(check_personal_message(b"Some data", &bytes, signer), Ok(()));
        assert_eq!(check_personal_message(b"Some date", &bytes, signer).unwrap_err().code(), "signature-other-signer");
    }

    #[test]
    fn one_signature_has_one_spelling() {
        let good = alice().sign_now(&[9; 32]).to_bytes();
        let parts = RecoverableSignature::from_bytes(&good).unwrap();
        let with = |range: std::ops::Range<usize>, value: &[u8]| {
            let mut bytes = good;
            bytes[range].copy_from_slice(value);
            bytes.to_vec()
        };
        let mut high_s = with(32..64, &(ORDER - U256::from_be_bytes(parts.s())).to_be_bytes::<32>());
        high_s[64] ^= 7; // 27 and 28 swap: with it, the malleable twin recovers the same address
        let twin = Signature::new(parts.r, ORDER - parts.s, !parts.y_parity);
        assert_eq!(twin.recover_address_from_prehash(&B256::from([9; 32])).unwrap(), alice().evm_address());
        let order = ORDER.to_be_bytes::<32>();
        for (case, bytes, want) in [
            ("empty", vec![], "signature-length"),
            ("short form of EIP-2098", good[..64].to_vec(), "signature-length"),
            ("a byte more", [&good[..], &[0]].concat(), "signature-length"),
            ("v of 2", with(64..65, &[2]), "signature-recovery-id"),
            ("v of 29", with(64..65, &[29]), "signature-recovery-id"),
            ("v of a replay-protected transaction", with(64..65, &[37]), "signature-recovery-id"),
            ("the malleable twin", high_s, "signature-malleable"),
            ("r of zero", with(0..32, &[0; 32]), "signature-out-of-range"),
            ("s of zero", with(32..64, &[0; 32]), "signature-out-of-range"),
            ("r of the order", with(0..32, &order), "signature-out-of-range"),
            ("s of the order", with(32..64, &order), "signature-out-of-range"),
        ] {
            assert_eq!(RecoverableSignature::from_bytes(&bytes).unwrap_err().code(), want, "{case}");
        }
        for v in [parts.y_parity().into(), good[64]] {
            let spelled = RecoverableSignature::from_bytes(&with(64..65, &[v])).unwrap();
            assert_eq!(spelled, parts, "both ways to write v are taken");
        }
    }

    #[test]
    fn an_r_without_a_point_recovers_nobody() {
        // 5 is no x of a point on secp256k1.
        let mut r = [0; 32];
        r[31] = 5;
        let signature = RecoverableSignature::new(r, [1; 32], false).unwrap();
        assert_eq!(signature.signer_of(&[1; 32]), Err(SignatureError::Unrecoverable));
    }

    #[test]
    fn hex_is_read_strictly() {
        for bad in ["", "00", "0x0", "0xzz", "0x0x00", "0X00", " 0x00"] {
            assert_eq!(bytes_from_hex(bad), Err(SignatureError::NotHex), "{bad}");
        }
        assert_eq!(bytes_from_hex("0xAb00"), Ok(vec![0xab, 0]));
    }

    proptest! {
        #[test]
        fn what_we_sign_is_recovered(key in 1u8..255, hash: [u8; 32]) {
            let signer = LocalSigner::from_key(&Secret::new([key; 32])).unwrap();
            let signature = signer.sign_now(&hash);
            prop_assert_eq!(signature.check(&hash, signer.evm_address()), Ok(()));
            prop_assert_eq!(RecoverableSignature::from_bytes(&signature.to_bytes()), Ok(signature));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..70), hash: [u8; 32]) {
            if let Ok(signature) = RecoverableSignature::from_bytes(&bytes) {
                let _ = signature.signer_of(&hash);
            }
        }
    }
}
