//! `bip122`: Bitcoin and its relatives by the first 32 hex digits of their genesis hash (for Bitcoin Cash, which shares
//! Bitcoin's, of the block where it split off), with the address prefixes of each network.
//!
//! The registry's page for this namespace has samples with wrong checksums and a pattern that refuses its own samples;
//! what counts here are Base58Check, BIP-173 and BIP-350. It leaves P2PKH out, which core CAIP-10 has as its example:
//! every standard kind of script is accepted here, and which ones to serve is up to the caller.

use std::borrow::Cow;

use bech32::primitives::decode::{CheckedHrpstring, SegwitHrpstring};

use super::base58;
use crate::{error::Error, grammar};

pub(crate) const NAMESPACE: &str = "bip122";

/// What tells the addresses of one network from those of another.
struct Network {
    reference: &'static str,
    /// Version bytes of P2PKH and P2SH. Older P2SH versions that some networks share with Bitcoin are left out: they
    /// would give one script two ids, and are in practice Bitcoin addresses sent to the wrong network.
    base58: [u8; 2],
    /// Prefix of segwit addresses, if the network has them.
    segwit: Option<&'static str>,
    /// SLIP-44 index of the coin.
    coin: u32,
    /// Test networks are also named by index 1, which SLIP-44 gives to all of them.
    test: bool,
}

const fn main(reference: &'static str, base58: [u8; 2], segwit: Option<&'static str>, coin: u32) -> Network {
    Network { reference, base58, segwit, coin, test: false }
}

const fn test(reference: &'static str, base58: [u8; 2], segwit: Option<&'static str>, coin: u32) -> Network {
    Network { reference, base58, segwit, coin, test: true }
}

const NETWORKS: [Network; 10] = [
    // Bitcoin: main, testnet3, testnet4, signet, regtest.
    main("000000000019d6689c085ae165831e93", [0x00, 0x05], Some("bc"), 0),
    test("000000000933ea01ad0ee984209779ba", [0x6f, 0xc4], Some("tb"), 0),
    test("00000000da84f2bafbbc53dee25a72ae", [0x6f, 0xc4], Some("tb"), 0),
    test("00000008819873e925422c1ff0f99f7c", [0x6f, 0xc4], Some("tb"), 0),
    test("0f9188f13cb7b2c71f2a335e3a4fc328", [0x6f, 0xc4], Some("bcrt"), 0),
    // Bitcoin Cash. Its CashAddr spelling of the same scripts is not part of the namespace.
    main("000000000000000000651ef99cb9fcbe", [0x00, 0x05], None, 145),
    // Litecoin.
    main("12a765e31ffd4059bada1e25190f6e98", [0x30, 0x32], Some("ltc"), 2),
    test("4966625a4b2851d9fdee139e56211a0d", [0x6f, 0x3a], Some("tltc"), 2),
    // Dogecoin.
    main("1a91e3dace36e2be3bf030a65679fe82", [0x1e, 0x16], None, 3),
    test("bb0a78264637406b6360aad926284d54", [0x71, 0xc4], None, 3),
];

fn network(reference: &str) -> Option<&'static Network> {
    NETWORKS.iter().find(|network| network.reference == reference)
}

pub(super) fn check_reference(reference: &str) -> Result<(), Error> {
    if grammar::is_lower_hex(reference, 32) {
        return Ok(());
    }
    Err(Error::ChainReference("bip122 takes the first 32 hexadecimal digits of a block hash, in lower case"))
}

/// Addresses of a network that is not in the table are checked in themselves, but any prefix passes.
pub(super) fn canonical_address<'a>(reference: &str, address: &'a str) -> Result<Cow<'a, str>, Error> {
    let network = network(reference);
    match base58::decode_check::<21>(address, base58::BITCOIN) {
        Ok([version, ..]) => {
            return match network {
                Some(network) if !network.base58.contains(&version) => {
                    Err(Error::AddressNetwork("the version byte of this Base58 address is not one of this network"))
                }
                _ => Ok(Cow::Borrowed(address)),
            };
        }
        Err(base58::Fault::Checksum) => {
            return Err(Error::AddressChecksum("the Base58Check checksum does not match, so a character is wrong"));
        }
        Err(base58::Fault::Shape) => {}
    }
    // BIP-173 allows all upper case, for QR codes; lower case is canonical. Mixed case stays as it is, to be refused.
    let address = match address.bytes().any(|b| b.is_ascii_lowercase()) {
        true => Cow::Borrowed(address),
        false => Cow::Owned(address.to_ascii_lowercase()),
    };
    check_segwit(network, &address)?;
    Ok(address)
}

fn check_segwit(network: Option<&Network>, address: &str) -> Result<(), Error> {
    let segwit = match SegwitHrpstring::new(address) {
        Ok(segwit) => segwit,
        Err(_) if has_bech32_checksum(address) => {
            return Err(Error::Address("the witness version or program of this segwit address is not valid"));
        }
        Err(_) if looks_like_segwit(address) => {
            return Err(Error::AddressChecksum("the bech32 checksum does not match, so a character is wrong"));
        }
        Err(_) => return Err(Error::Address("this is neither a Base58Check nor a segwit (bech32) address")),
    };
    let prefix = segwit.hrp();
    if network.is_some_and(|network| network.segwit != Some(prefix.as_str())) {
        return Err(Error::AddressNetwork("the prefix of this segwit address is not that of this network"));
    }
    // Version 0 has its lengths checked by the decoder. Later versions have no rule yet: anyone could spend from them.
    match (segwit.witness_version().to_u8(), segwit.byte_iter().count()) {
        (0, 20 | 32) | (1, 32) => Ok(()),
        (0 | 1, _) => Err(Error::Address("a taproot program has 32 bytes, a version 0 program 20 or 32")),
        _ => Err(Error::Address("only segwit versions 0 and 1 are in use")),
    }
}

fn has_bech32_checksum(address: &str) -> bool {
    CheckedHrpstring::new::<bech32::Bech32>(address).is_ok()
        || CheckedHrpstring::new::<bech32::Bech32m>(address).is_ok()
}

fn looks_like_segwit(address: &str) -> bool {
    let prefixes = || NETWORKS.iter().filter_map(|network| network.segwit);
    address.rsplit_once('1').is_some_and(|(prefix, _)| prefixes().any(|known| known == prefix))
}

/// Whether the coin of a network may be named by this SLIP-44 index.
pub(super) fn is_coin(reference: &str, index: u64) -> bool {
    network(reference).is_none_or(|network| u64::from(network.coin) == index || (network.test && index == 1))
}
