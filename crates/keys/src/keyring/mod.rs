//! The keys that a running engine has, by name.
//!
//! A wallet of the engine names its key with a [`KeyRef`]: `hot-1` for a single key, `deposits/17` for one of a family.
//! To rotate a hot wallet's key, describe a new key and let the old one stay with `stage = "retiring"`: payouts take the
//! new one, while the old can still sign, so that what is under way can be replaced and what is left can be swept.

mod name;
mod spec;

use std::{collections::BTreeMap, path::Path};

pub use name::{KeyName, KeyRef};
pub use spec::{KeySpec, Material, MnemonicSource, RemoteSpec};

use crate::{AnySigner, DepositAddresses, DepositKeys, Error, EvmAddress, Signer};

/// What a key is still good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStage {
    /// Everything.
    #[default]
    Active,
    /// Sweeps out of it, and replacing what it has signed. No new payouts.
    Retiring,
}

/// Loaded keys by name. Printing it shows names and addresses.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: BTreeMap<KeyName, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    stage: KeyStage,
    loaded: Loaded,
}

#[derive(Clone, Debug)]
pub(crate) enum Loaded {
    One(AnySigner),
    Family(DepositKeys),
    Watched(DepositAddresses),
}

impl Keyring {
    /// Loads all described keys; relative paths are taken from `base`. Opening keystores is slow on purpose: about a second
    /// each.
    ///
    /// # Errors
    /// Every key that cannot be loaded, or has the name or address of another.
    pub fn load(specs: &[KeySpec], base: &Path) -> Result<Self, Vec<Error>> {
        let (ring, mistakes) = Self::load_each(specs, base);
        if mistakes.is_empty() { Ok(ring) } else { Err(mistakes.into_iter().map(|(_, mistake)| mistake).collect()) }
    }

    /// Loads those that can be loaded, and says of each other one why it cannot: for who tells all mistakes at once.
    pub fn load_each<'a>(
        specs: impl IntoIterator<Item = &'a KeySpec>,
        base: &Path,
    ) -> (Self, Vec<(&'a KeySpec, Error)>) {
        let (mut ring, mut mistakes) = (Self::default(), vec![]);
        for spec in specs {
            let loaded = spec
                .load(base)
                .map_err(|problem| Error::KeyLoad { key: spec.name.to_string(), problem: problem.into() });
            if let Err(mistake) = loaded.and_then(|loaded| ring.insert(spec.name.clone(), spec.stage, loaded)) {
                mistakes.push((spec, mistake));
            }
        }
        (ring, mistakes)
    }

    /// Adds a signer that was not described in the configuration.
    ///
    /// # Errors
    /// [`Error::KeySpec`] when the name or the address is there already.
    pub fn add(&mut self, name: KeyName, stage: KeyStage, signer: impl Into<AnySigner>) -> Result<(), Error> {
        self.insert(name, stage, Loaded::One(signer.into()))
    }

    /// Adds a family of deposit keys that was not described in the configuration.
    ///
    /// # Errors
    /// [`Error::KeySpec`] when the name or the family is there already.
    pub fn add_family(&mut self, name: KeyName, stage: KeyStage, keys: DepositKeys) -> Result<(), Error> {
        self.insert(name, stage, Loaded::Family(keys))
    }

    fn insert(&mut self, name: KeyName, stage: KeyStage, loaded: Loaded) -> Result<(), Error> {
        let refused = |why: String| Err(Error::KeySpec { key: name.to_string(), why });
        if self.keys.contains_key(&name) {
            return refused("another key has this name".into());
        }
        // Two names for one key would be two queues of nonces for one sender.
        let first = loaded.first_address()?;
        for (other, entry) in &self.keys {
            if entry.loaded.first_address()? == first {
                return refused(format!("it is the same key as {other}"));
            }
        }
        self.keys.insert(name, Entry { stage, loaded });
        Ok(())
    }

    /// The signer behind a reference.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`] (also for an index of a single key, and for a family without one), [`Error::WatchOnly`], or
    /// those of [`DepositKeys::signer`].
    pub fn signer(&self, key: &KeyRef) -> Result<AnySigner, Error> {
        match (self.loaded(&key.name)?, key.index) {
            (Loaded::One(signer), None) => Ok(signer.clone()),
            (Loaded::Family(keys), Some(index)) => Ok(AnySigner::Local(keys.signer(index)?)),
            (Loaded::Watched(_), Some(_)) => Err(Error::WatchOnly { key: key.to_string() }),
            (Loaded::One(_), Some(_)) | (Loaded::Family(_) | Loaded::Watched(_), None) => Err(no_such(key)),
        }
    }

    /// The address behind a reference; for watched keys too.
    ///
    /// # Errors
    /// As [`Keyring::signer`].
    pub fn address(&self, key: &KeyRef) -> Result<EvmAddress, Error> {
        match (self.loaded(&key.name)?, key.index) {
            (Loaded::One(signer), None) => Ok(signer.address()),
            (Loaded::Family(keys), Some(index)) => keys.address(index),
            (Loaded::Watched(addresses), Some(index)) => addresses.address(index),
            (Loaded::One(_), Some(_)) | (Loaded::Family(_) | Loaded::Watched(_), None) => Err(no_such(key)),
        }
    }

    /// The addresses of a family, for who only hands them out.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], also when the name is that of a single key.
    pub fn deposit_addresses(&self, name: &KeyName) -> Result<DepositAddresses, Error> {
        match self.loaded(name)? {
            Loaded::Family(keys) => Ok(keys.watch()),
            Loaded::Watched(addresses) => Ok(addresses.clone()),
            Loaded::One(_) => Err(Error::NoSuchKey { key: format!("{name}/0") }),
        }
    }

    /// What the key is still good for.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`].
    pub fn stage(&self, name: &KeyName) -> Result<KeyStage, Error> {
        self.keys.get(name).map(|entry| entry.stage).ok_or_else(|| Error::NoSuchKey { key: name.to_string() })
    }

    /// The single keys, in the order of their names, with their addresses.
    pub fn single_keys(&self) -> impl Iterator<Item = (&KeyName, KeyStage, EvmAddress)> {
        self.keys.iter().filter_map(|(name, entry)| match &entry.loaded {
            Loaded::One(signer) => Some((name, entry.stage, signer.address())),
            Loaded::Family(_) | Loaded::Watched(_) => None,
        })
    }

    /// The names of the families.
    pub fn families(&self) -> impl Iterator<Item = (&KeyName, KeyStage)> {
        let family = |entry: &Entry| matches!(entry.loaded, Loaded::Family(_) | Loaded::Watched(_));
        self.keys.iter().filter(move |(_, entry)| family(entry)).map(|(name, entry)| (name, entry.stage))
    }

    /// The single key with this address.
    pub fn find(&self, address: EvmAddress) -> Option<KeyRef> {
        self.single_keys().find(|(_, _, found)| *found == address).map(|(name, ..)| KeyRef::single(name.clone()))
    }

    fn loaded(&self, name: &KeyName) -> Result<&Loaded, Error> {
        self.keys.get(name).map(|entry| &entry.loaded).ok_or_else(|| Error::NoSuchKey { key: name.to_string() })
    }
}

impl Loaded {
    fn first_address(&self) -> Result<EvmAddress, Error> {
        match self {
            Self::One(signer) => Ok(signer.address()),
            Self::Family(keys) => keys.address(0),
            Self::Watched(addresses) => addresses.address(0),
        }
    }
}

fn no_such(key: &KeyRef) -> Error {
    Error::NoSuchKey { key: key.to_string() }
}
