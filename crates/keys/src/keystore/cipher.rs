//! Key derivation, cipher and MAC of Web3 Secret Storage.

use aes::cipher::{KeyIvInit, StreamCipher};
use alloy::primitives::{Keccak256, hex};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::format::{CipherParamsJson, CryptoJson, KdfParamsJson, bytes};
use crate::{KeystoreProblem as Problem, Secret};

/// How much work a guess at the password costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScryptCost {
    /// n = 2^18, r = 8, p = 1, as geth writes: 256 MiB and about a second.
    Standard,
    /// n = 2^12, r = 8, p = 6, geth's light variant: 4 MiB and about 0.1 s. For tests and demonstrations.
    Light,
}

impl ScryptCost {
    fn params(self) -> (u64, u32, u32) {
        match self {
            Self::Standard => (1 << 18, 8, 1),
            Self::Light => (1 << 12, 8, 6),
        }
    }
}

/// Above this, opening a file would take the memory (1 GiB) or the time (16 times geth's standard) of an attack.
const MAX_SCRYPT_MEMORY: u64 = 1 << 30;
const MAX_SCRYPT_WORK: u64 = 1 << 25;
const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;

type DerivedKey = Zeroizing<[u8; 32]>;
type Aes128Ctr = ctr::Ctr128BE<aes::Aes128>;

/// Encrypts `plain`.
pub(super) fn seal(
    plain: &[u8],
    password: &[u8],
    cost: ScryptCost,
    salt: &[u8],
    iv: &[u8],
) -> Result<CryptoJson, Problem> {
    let (n, r, p) = cost.params();
    let key = scrypt_key(password, salt, n, r, p)?;
    let mut ciphertext = plain.to_vec(); // encrypted in place: the plain bytes do not outlive the next line
    apply_cipher(&key, iv, &mut ciphertext)?;
    Ok(CryptoJson {
        cipher: "aes-128-ctr".into(),
        cipherparams: CipherParamsJson { iv: hex::encode(iv) },
        kdf: "scrypt".into(),
        kdfparams: KdfParamsJson {
            dklen: 32,
            n: Some(n),
            p: Some(p),
            r: Some(r),
            c: None,
            prf: None,
            salt: hex::encode(salt),
        },
        mac: hex::encode(mac(&key, &ciphertext)),
        ciphertext: hex::encode(ciphertext),
    })
}

/// Decrypts, or returns `None` when the password is wrong.
pub(super) fn open(crypto: &CryptoJson, password: &[u8]) -> Result<Option<Secret<Vec<u8>>>, Problem> {
    if crypto.cipher != "aes-128-ctr" {
        return Err(Problem::Unsupported("its cipher is not aes-128-ctr".into()));
    }
    let iv = bytes("iv", &crypto.cipherparams.iv)?;
    let mut text = Zeroizing::new(bytes("ciphertext", &crypto.ciphertext)?);
    let claimed_mac = bytes("mac", &crypto.mac)?;
    let key = derived_key(&crypto.kdf, &crypto.kdfparams, password)?;
    if !bool::from(mac(&key, &text).as_slice().ct_eq(&claimed_mac)) {
        return Ok(None);
    }
    apply_cipher(&key, &iv, &mut text)?;
    Ok(Some(Secret::new(std::mem::take(&mut *text))))
}

/// The first 32 bytes of the derived key: all that the format uses, however many `dklen` asks for.
fn derived_key(kdf: &str, params: &KdfParamsJson, password: &[u8]) -> Result<DerivedKey, Problem> {
    if params.dklen < 32 {
        return Err(Problem::Damaged("dklen is below 32".into()));
    }
    let salt = bytes("salt", &params.salt)?;
    match (kdf, params) {
        ("scrypt", &KdfParamsJson { n: Some(n), r: Some(r), p: Some(p), .. }) => scrypt_key(password, &salt, n, r, p),
        ("pbkdf2", &KdfParamsJson { c: Some(rounds), ref prf, .. }) => {
            if prf.as_deref() != Some("hmac-sha256") {
                return Err(Problem::Unsupported("its pbkdf2 does not use hmac-sha256".into()));
            }
            if !(1..=MAX_PBKDF2_ROUNDS).contains(&rounds) {
                return Err(Problem::Unsupported(format!("{rounds} rounds of pbkdf2; we do 1 to {MAX_PBKDF2_ROUNDS}")));
            }
            let mut key = DerivedKey::default();
            pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, &salt, rounds, key.as_mut_slice());
            Ok(key)
        }
        ("scrypt" | "pbkdf2", _) => Err(Problem::Damaged("a number of its key derivation is missing".into())),
        _ => Err(Problem::Unsupported("its key derivation is neither scrypt nor pbkdf2".into())),
    }
}

fn scrypt_key(password: &[u8], salt: &[u8], n: u64, r: u32, p: u32) -> Result<DerivedKey, Problem> {
    let memory = n.checked_mul(u64::from(r)).and_then(|blocks| blocks.checked_mul(128));
    let work = n.checked_mul(u64::from(r)).and_then(|blocks| blocks.checked_mul(u64::from(p)));
    let affordable = memory.is_some_and(|m| m <= MAX_SCRYPT_MEMORY) && work.is_some_and(|w| w <= MAX_SCRYPT_WORK);
    if !n.is_power_of_two() || n < 2 || r == 0 || p == 0 {
        return Err(Problem::Damaged("its scrypt numbers are impossible".into()));
    }
    if !affordable {
        return Err(Problem::Unsupported(format!("scrypt with n = {n}, r = {r}, p = {p} costs too much")));
    }
    let log_n = u8::try_from(n.trailing_zeros()).expect("a u64 has at most 64 bits");
    let params = scrypt::Params::new(log_n, r, p, 32)
        .map_err(|_| Problem::Unsupported(format!("scrypt with n = {n}, r = {r}, p = {p}")))?;
    let mut key = DerivedKey::default();
    scrypt::scrypt(password, salt, &params, key.as_mut_slice()).expect("32 is a length scrypt can give");
    Ok(key)
}

fn mac(key: &DerivedKey, ciphertext: &[u8]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    hasher.update(&key[16..]);
    hasher.update(ciphertext);
    hasher.finalize().0
}

fn apply_cipher(key: &DerivedKey, iv: &[u8], text: &mut [u8]) -> Result<(), Problem> {
    let mut cipher = Aes128Ctr::new_from_slices(&key[..16], iv)
        .map_err(|_| Problem::Damaged("the iv does not have 16 bytes".into()))?;
    cipher.apply_keystream(text);
    Ok(())
}
