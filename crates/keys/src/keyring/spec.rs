//! How the configuration describes a key.
//!
//! ```toml
//! [[keys]]
//! name = "hot-1"                              # one key, from geth, Foundry, or `tokengine keys`
//! keystore = "keys/hot-1.json"
//! password = { file = "secrets/hot-1" }
//! address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"   # optional: refuse to start with another key
//!
//! [[keys]]
//! name = "hot-0"                              # one key of a mnemonic; being replaced by hot-1
//! seed = "keys/seed.json"
//! password = { env = "SEED_PASSWORD" }
//! path = "m/44'/60'/0'/0/0"
//! stage = "retiring"
//!
//! [[keys]]
//! name = "deposits"                           # a family, m/44'/60'/1'/0/index
//! seed = "keys/seed.json"
//! password = { env = "SEED_PASSWORD" }
//! account = 1
//!
//! [[keys]]
//! name = "vault"                              # a key that a service holds: Web3Signer, Clef, …
//! remote = { url = "http://127.0.0.1:9000", token = { env = "SIGNER_TOKEN" }, timeout-ms = 2000 }
//! address = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
//!
//! [[keys]]
//! name = "watched"                            # the same family where it must not be able to spend
//! xpub = "xpub6…"
//! ```
//! In place of `keystore` and `password` a bare `private-key = { env = "…" }` will do, and in place of `seed` and
//! `password` a bare `mnemonic = { file = "…" }`: as safe as the place it comes from.

use std::{
    fmt,
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{KeyName, KeyStage, Loaded};
use crate::{
    AnySigner, DepositAddresses, DerivationPath, Error, EvmAddress, Keystore, LocalSigner, Mnemonic, RemoteSigner,
    SecretSource,
};

/// A key as described, checked for sense, not loaded.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "RawKeySpec")]
pub struct KeySpec {
    /// What wallets call it.
    pub name: KeyName,
    /// What it is good for.
    pub stage: KeyStage,
    /// The address it must have; of a family, the one at index 0.
    pub address: Option<EvmAddress>,
    /// Where it comes from.
    pub material: Material,
}

/// Where a key comes from.
#[derive(Clone, Debug)]
pub enum Material {
    /// A keystore that holds one private key.
    Keystore {
        /// The file.
        file: PathBuf,
        /// Its password.
        password: SecretSource,
    },
    /// A private key in hexadecimal.
    PrivateKey(SecretSource),
    /// One key of a mnemonic.
    Derived {
        /// Where the mnemonic is.
        words: MnemonicSource,
        /// Which of its keys.
        path: DerivationPath,
    },
    /// The family of keys of one account of a mnemonic.
    Family {
        /// Where the mnemonic is.
        words: MnemonicSource,
        /// Which account: `m/44'/60'/account'`.
        account: u32,
    },
    /// The addresses of such a family, without the keys.
    Watched(DepositAddresses),
    /// A key that a service elsewhere holds.
    Remote {
        /// Where, and how to ask.
        service: RemoteSpec,
        /// Which of its keys.
        address: EvmAddress,
    },
}

/// A signing service. `Debug` leaves the URL out, which may hold a secret.
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RemoteSpec {
    url: String,
    token: Option<SecretSource>,
    #[serde(default = "default_timeout_ms")]
    timeout_ms: NonZeroU32,
}

fn default_timeout_ms() -> NonZeroU32 {
    NonZeroU32::new(5_000).expect("5000 is not zero")
}

impl fmt::Debug for RemoteSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, token, timeout_ms } = self;
        f.debug_struct("RemoteSpec").field("token", token).field("timeout_ms", timeout_ms).finish_non_exhaustive()
    }
}

/// Where a mnemonic is kept.
#[derive(Clone, Debug)]
pub struct MnemonicSource {
    kept: Kept,
    passphrase: Option<SecretSource>,
}

#[derive(Clone, Debug)]
enum Kept {
    InKeystore { file: PathBuf, password: SecretSource },
    Bare(SecretSource),
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawKeySpec {
    name: KeyName,
    #[serde(default)]
    stage: KeyStage,
    address: Option<String>,
    keystore: Option<PathBuf>,
    password: Option<SecretSource>,
    private_key: Option<SecretSource>,
    seed: Option<PathBuf>,
    mnemonic: Option<SecretSource>,
    passphrase: Option<SecretSource>,
    path: Option<String>,
    account: Option<u32>,
    xpub: Option<String>,
    remote: Option<RemoteSpec>,
}

impl TryFrom<RawKeySpec> for KeySpec {
    type Error = Error;

    fn try_from(raw: RawKeySpec) -> Result<Self, Error> {
        let key = raw.name.to_string();
        let refused = |why: &str| Error::KeySpec { key: key.clone(), why: why.to_owned() };
        let wrapped = |problem: Error| Error::KeySpec { key: key.clone(), why: problem.to_string() };
        let RawKeySpec { name, stage, address, keystore, password, private_key, .. } = raw;
        let RawKeySpec { seed, mnemonic, passphrase, path, account, xpub, remote, .. } = raw;
        let address = match address {
            // With its checksum, which an address that pins a key should have: EIP-55.
            Some(text) => Some(
                EvmAddress::parse_checksummed(&text, None)
                    .map_err(|_| refused("`address` is not an address with a right checksum"))?,
            ),
            None => None,
        };

        let words = match (seed, mnemonic) {
            (Some(file), None) => Some(Kept::InKeystore {
                file,
                password: password.clone().ok_or_else(|| refused("`seed` needs `password`"))?,
            }),
            (None, Some(source)) => Some(Kept::Bare(source)),
            (None, None) => None,
            (Some(_), Some(_)) => return Err(refused("`seed` and `mnemonic` exclude each other")),
        };
        let needs_password = keystore.is_some() || matches!(words, Some(Kept::InKeystore { .. }));
        if password.is_some() && !needs_password {
            return Err(refused("`password` belongs to `keystore` or `seed`"));
        }
        if words.is_none() && (passphrase.is_some() || path.is_some() || account.is_some()) {
            return Err(refused("`passphrase`, `path` and `account` belong to `seed` or `mnemonic`"));
        }

        let material = match (keystore, private_key, words, xpub, remote) {
            (Some(file), None, None, None, None) => {
                Material::Keystore { file, password: password.ok_or_else(|| refused("`keystore` needs `password`"))? }
            }
            (None, Some(source), None, None, None) => Material::PrivateKey(source),
            (None, None, Some(kept), None, None) => {
                let words = MnemonicSource { kept, passphrase };
                match (path, account) {
                    (Some(path), None) => Material::Derived { words, path: path.parse().map_err(wrapped)? },
                    (None, Some(account)) if account <= crate::MAX_INDEX => Material::Family { words, account },
                    (None, Some(index)) => return Err(wrapped(Error::Index { index: index.into() })),
                    _ => return Err(refused("say either `path`, for one key, or `account`, for a family")),
                }
            }
            (None, None, None, Some(xpub), None) => {
                Material::Watched(DepositAddresses::from_xpub(&xpub).map_err(wrapped)?)
            }
            (None, None, None, None, Some(service)) => {
                let address = address.ok_or_else(|| refused("`remote` needs `address`"))?;
                Material::Remote { service, address }
            }
            _ => return Err(refused("say one of `keystore`, `private-key`, `seed`, `mnemonic`, `xpub` and `remote`")),
        };
        Ok(Self { name, stage, address, material })
    }
}

impl KeySpec {
    pub(super) fn load(&self, base: &Path) -> Result<Loaded, Error> {
        let loaded = match &self.material {
            Material::Keystore { file, password } => {
                let key = Keystore::read(&base.join(file))?.decrypt_key(&from(base, password).read()?)?;
                Loaded::One(AnySigner::Local(LocalSigner::from_key(&key)?))
            }
            Material::PrivateKey(source) => {
                Loaded::One(AnySigner::Local(LocalSigner::from_hex(&from(base, source).read()?)?))
            }
            Material::Derived { words, path } => Loaded::One(AnySigner::Local(words.keys(base)?.signer(path)?)),
            Material::Family { words, account } => Loaded::Family(words.keys(base)?.deposit_keys(*account)?),
            Material::Watched(addresses) => Loaded::Watched(addresses.clone()),
            Material::Remote { service, address } => {
                let token = service.token.as_ref().map(|source| from(base, source).read()).transpose()?;
                let timeout = Duration::from_millis(service.timeout_ms.get().into());
                Loaded::One(AnySigner::Remote(RemoteSigner::new(&service.url, *address, token, timeout)?))
            }
        };
        let found = loaded.first_address()?;
        match self.address {
            Some(wanted) if wanted != found => Err(Error::OtherAddress { wanted, found }),
            _ => Ok(loaded),
        }
    }
}

impl MnemonicSource {
    fn keys(&self, base: &Path) -> Result<crate::SeedKeys, Error> {
        let mnemonic = match &self.kept {
            Kept::InKeystore { file, password } => {
                Keystore::read(&base.join(file))?.decrypt_mnemonic(&from(base, password).read()?)?
            }
            Kept::Bare(source) => Mnemonic::parse(from(base, source).read()?.expose())?,
        };
        match &self.passphrase {
            Some(source) => Ok(mnemonic.keys(from(base, source).read()?.expose())),
            None => Ok(mnemonic.keys("")),
        }
    }
}

fn from(base: &Path, source: &SecretSource) -> SecretSource {
    match source {
        SecretSource::File(path) => SecretSource::File(base.join(path)),
        SecretSource::Env(name) => SecretSource::Env(name.clone()),
    }
}
