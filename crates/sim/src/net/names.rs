//! Addresses as small numbers, so that the inside of a network neither hashes nor copies text.

use std::collections::BTreeMap;

use tokengine_core::Address;
use tokengine_keys::EvmAddress;

use crate::rng::Rng;

/// An address of one network.
pub(super) type Addr = u32;

/// Every address that a network has heard of.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_text: BTreeMap<Address, Addr>,
    rows: Vec<Address>,
}

impl Names {
    /// The number of an address, a new one if it was never heard of.
    pub(super) fn id(&mut self, address: &Address) -> Addr {
        if let Some(id) = self.by_text.get(address) {
            return *id;
        }
        let id = Addr::try_from(self.rows.len()).expect("fewer than four thousand million addresses");
        self.by_text.insert(address.clone(), id);
        self.rows.push(address.clone());
        id
    }

    /// The number of an address that was heard of.
    pub(super) fn find(&self, address: &Address) -> Option<Addr> {
        self.by_text.get(address).copied()
    }

    /// The canonical text.
    pub(super) fn text(&self, id: Addr) -> &Address {
        &self.rows[usize::try_from(id).expect("at least 32 bits")]
    }

    /// An address that nobody has yet.
    pub(super) fn fresh(&mut self, rng: &mut Rng) -> Addr {
        let address = random_address(rng);
        self.id(&address)
    }
}

/// An address that nobody has.
pub(super) fn random_address(rng: &mut Rng) -> Address {
    let bytes: [u8; 20] = rng.bytes();
    Address::new(&EvmAddress::from(bytes).to_checksum(None)).expect("42 characters")
}
