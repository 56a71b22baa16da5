//! Who signs: a key in memory, or a service elsewhere that holds it.

use std::{fmt, future::Future, sync::Arc};

use alloy::primitives::{Address, keccak256};
use k256::ecdsa::SigningKey;

use crate::{Error, EvmAddress, RecoverableSignature, RemoteSigner, Secret, SignatureError};

/// What should be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignRequest {
    hash: [u8; 32],
    preimage: Option<Vec<u8>>,
}

impl SignRequest {
    /// The hash of these bytes (Keccak-256): an unsigned transaction as it is encoded for signing, or `0x1901…` of typed
    /// data. Signers that want to see what they sign can.
    pub fn of(preimage: Vec<u8>) -> Self {
        Self { hash: keccak256(&preimage).0, preimage: Some(preimage) }
    }

    /// A bare hash. Signers that check what they sign refuse it.
    pub fn of_hash(hash: [u8; 32]) -> Self {
        Self { hash, preimage: None }
    }

    /// What the signature is over.
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// What the hash is of, where the caller said.
    pub fn preimage(&self) -> Option<&[u8]> {
        self.preimage.as_deref()
    }
}

/// One key that signs. Implement [`Signer::answer`]; call [`Signer::sign`].
///
/// The contract: the same request may come twice, and each time any good signature is right. An error says nothing about
/// whether a signature was made: what matters is that none was handed out. Dropping the future is safe.
pub trait Signer: Send + Sync {
    /// The address of the key. It never changes for one signer.
    fn address(&self) -> EvmAddress;

    /// Asks the key. What it answers is not trusted.
    ///
    /// # Errors
    /// [`Error::SignerDown`] when asking again may help; [`Error::SignerRefused`] or [`Error::SignerUnable`] when it won't.
    fn answer(&self, request: &SignRequest) -> impl Future<Output = Result<RecoverableSignature, Error>> + Send;

    /// The signature, proven to be over the request and by [`Signer::address`]. Not to be overridden.
    ///
    /// # Errors
    /// Those of [`Signer::answer`], and [`Error::SignerWrong`] when the answer is not what was asked for.
    fn sign(&self, request: &SignRequest) -> impl Future<Output = Result<RecoverableSignature, Error>> + Send {
        async move {
            let signature = self.answer(request).await?;
            let address = self.address();
            let wrong = |refusal: SignatureError| Error::SignerWrong { address, reason: refusal.to_string() };
            signature.check(request.hash(), address).map_err(wrong)?;
            Ok(signature)
        }
    }
}

/// A private key in this process. Signs deterministically (RFC 6979), so the same request has the same signature.
#[derive(Clone)]
pub struct LocalSigner {
    key: Arc<SigningKey>,
    address: EvmAddress,
}

impl LocalSigner {
    /// From the 32 bytes of a private key.
    ///
    /// # Errors
    /// [`Error::PrivateKey`]: zero, or not below the order of the curve.
    pub fn from_key(key: &Secret<[u8; 32]>) -> Result<Self, Error> {
        SigningKey::from_slice(key.expose())
            .map(Self::new)
            .map_err(|_| Error::PrivateKey { why: "zero, or not below the order of the curve" })
    }

    /// From 64 hexadecimal digits, with or without `0x`.
    ///
    /// # Errors
    /// [`Error::PrivateKey`].
    pub fn from_hex(key: &Secret<String>) -> Result<Self, Error> {
        let digits = key.expose().trim();
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        alloy::primitives::hex::decode_to_slice(digits, bytes.as_mut_slice())
            .map_err(|_| Error::PrivateKey { why: "not 64 hexadecimal digits" })?;
        Self::from_key(&Secret::new(*bytes))
    }

    pub(crate) fn new(key: SigningKey) -> Self {
        let address = Address::from_private_key(&key);
        Self { key: Arc::new(key), address }
    }

    /// The address of the key; as [`Signer::address`], without the trait.
    pub fn evm_address(&self) -> EvmAddress {
        self.address
    }

    /// The private key, to be written into a keystore.
    pub fn to_key(&self) -> Secret<[u8; 32]> {
        Secret::new(self.key.to_bytes().into())
    }

    /// Signs at once: the key is here. Takes about 0.1 ms.
    pub fn sign_now(&self, hash: &[u8; 32]) -> RecoverableSignature {
        let (signature, recovery) = self.key.sign_prehash_recoverable(hash).expect("a key can sign any 32 bytes");
        let (r, s) = signature.split_bytes();
        RecoverableSignature::new(r.into(), s.into(), recovery.is_y_odd()).expect("k256 gives the lower s, in range")
    }
}

impl fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalSigner").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Signer for LocalSigner {
    fn address(&self) -> EvmAddress {
        self.address
    }

    async fn answer(&self, request: &SignRequest) -> Result<RecoverableSignature, Error> {
        Ok(self.sign_now(request.hash()))
    }
}

/// Any of the signers that the configuration can name.
#[derive(Clone, Debug)]
pub enum AnySigner {
    /// A key in this process.
    Local(LocalSigner),
    /// A key of a service elsewhere.
    Remote(RemoteSigner),
}

impl From<RemoteSigner> for AnySigner {
    fn from(signer: RemoteSigner) -> Self {
        Self::Remote(signer)
    }
}

impl From<LocalSigner> for AnySigner {
    fn from(signer: LocalSigner) -> Self {
        Self::Local(signer)
    }
}

impl Signer for AnySigner {
    fn address(&self) -> EvmAddress {
        match self {
            Self::Local(signer) => signer.address(),
            Self::Remote(signer) => signer.address(),
        }
    }

    async fn answer(&self, request: &SignRequest) -> Result<RecoverableSignature, Error> {
        match self {
            Self::Local(signer) => signer.answer(request).await,
            Self::Remote(signer) => signer.answer(request).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::hex;

    use super::*;

    fn signer(byte: u8) -> LocalSigner {
        LocalSigner::from_key(&Secret::new([byte; 32])).unwrap()
    }

    /// A service that does not do what it is asked, in one of the ways that services have.
    enum Faulty {
        SignsOtherContent,
        SignsWithOtherKey,
        IsDown,
    }

    impl Signer for Faulty {
        fn address(&self) -> EvmAddress {
            signer(1).address()
        }

        async fn answer(&self, request: &SignRequest) -> Result<RecoverableSignature, Error> {
            match self {
                Self::SignsOtherContent => Ok(signer(1).sign_now(&[0xee; 32])),
                Self::SignsWithOtherKey => Ok(signer(2).sign_now(request.hash())),
                Self::IsDown => Err(Error::SignerDown { address: self.address(), reason: "no route".into() }),
            }
        }
    }

    #[tokio::test]
    async fn a_wrong_answer_is_thrown_away() {
        let request = SignRequest::of(b"pay bob 5".to_vec());
        for (case, faulty, code, transient) in [
            ("another payload", Faulty::SignsOtherContent, "signer-wrong-answer", false),
            ("another key", Faulty::SignsWithOtherKey, "signer-wrong-answer", false),
            ("no answer", Faulty::IsDown, "signer-down", true),
        ] {
            let error = faulty.sign(&request).await.unwrap_err();
            assert_eq!((error.code(), error.is_transient()), (code, transient), "{case}");
        }
    }

    #[tokio::test]
    async fn the_same_request_has_the_same_signature() {
        let request = SignRequest::of(b"pay bob 5".to_vec());
        let local = AnySigner::Local(signer(1));
        let (first, second) = (local.sign(&request).await.unwrap(), local.sign(&request).await.unwrap());
        assert_eq!(first, second);
        assert_eq!(first.signer_of(request.hash()), Ok(local.address()));
        assert_eq!(request, SignRequest::of(request.preimage().unwrap().to_vec()));
        let other = SignRequest::of(b"pay bob 6".to_vec());
        assert!(matches!(first.check(other.hash(), local.address()), Err(SignatureError::OtherSigner { .. })));
    }

    #[test]
    fn the_signed_transaction_of_eip155_comes_out() {
        // The example of EIP-155: its unsigned transaction, its key 0x46…46, and the r and s it prints.
        let unsigned = "ec098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080018080";
        let request = SignRequest::of(hex::decode(unsigned).unwrap());
        assert_eq!(hex::encode(request.hash()), "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
        let signature = signer(0x46).sign_now(request.hash());
        assert_eq!(hex::encode(signature.r()), "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276");
        assert_eq!(hex::encode(signature.s()), "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83");
        assert!(!signature.y_parity(), "v is 37 there, which is an even y on chain 1");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
        for bad in ["", "0x", &"0".repeat(64), order, &"1".repeat(63), &"1".repeat(66), &"g".repeat(64)] {
            let refusal = LocalSigner::from_hex(&Secret::new(bad.to_owned())).unwrap_err();
            assert_eq!(refusal.code(), "private-key-invalid", "{bad}");
        }
        let good = Secret::new(format!("0x{}\n", "01".repeat(32)));
        assert_eq!(LocalSigner::from_hex(&good).unwrap().address(), signer(1).address());
    }
}
