//! Texts with one canonical spelling: CAIP ids, amounts, keys' names and paths, API keys, hashes.

use tokengine_caip::{AccountId, AssetId, ChainId, escape, unescape};
use tokengine_core::{Address, Amount, BlockHash, TxId};
use tokengine_keys::api_key::ApiKeySecret;
use tokengine_keys::{DepositAddresses, DerivationPath, KeyName, KeyRef, LocalSigner, Mnemonic, Secret};

use crate::{Shape, Target};

/// CAIP-2, CAIP-10 and CAIP-19 ids.
pub(super) struct Caip;

const IDS: &[&str] = &[
    "eip155:1",
    "bip122:000000000019d6689c085ae165831e93",
    "cosmos:cosmoshub-3",
    "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb",
    "bip122:000000000019d6689c085ae165831e93:128Lkh3S7CkDTBZ8W7BbpsN3YYizJMp8p6",
    "bip122:000000000019d6689c085ae165831e93:bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
    "cosmos:cosmoshub-3:cosmos1t2uflqwqe0fsj0shcfkrvpukewcw40yjj6hdc0",
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv",
    "stellar:pubnet:GA5W2VBXDOHRXZZUC7NGZQ5JJUQWMWVVUKU6J4FBQZOWBYTW2HMF7JRP",
    "hedera:mainnet:0.0.1234567890-zbhlt",
    "xrpl:0:rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh",
    "eip155:1/slip44:60",
    "eip155:1/erc20:0x6B175474E89094C44Da98b954EedeAC495271d0F",
    "eip155:1/erc721:0x06012c8cf97BEaD5deAe237070F9587f8E7A266d/771769",
    "canton:global:operator%3A%3A1220f1a2",
    "convex:main:42",
];

fn namespace(id: &str) -> &str {
    id.split(':').next().unwrap_or_default()
}

impl Target for Caip {
    fn name(&self) -> &'static str {
        "caip"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        IDS.iter().map(|id| id.as_bytes().to_vec()).collect()
    }

    fn shape(&self) -> Shape {
        Shape::Text
    }

    fn words(&self) -> &'static [&'static str] {
        &[
            "eip155:", "bip122:", "cosmos:", "solana:", "stellar:", "hedera:", "xrpl:", "canton:", "convex:",
            "/slip44:", "/erc20:", "0x", "bc1q", "bc1p",
        ]
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
        assert_eq!(unescape(&escape(text)).as_deref(), Ok(text), "escaped and back");
        let mut answer = String::new();
        macro_rules! one_spelling {
            ($id:ty) => {
                match text.parse::<$id>() {
                    Ok(id) => {
                        let printed = id.to_string();
                        assert_eq!(printed.parse().as_ref(), Ok(&id), "printed and read");
                        assert_eq!(printed.parse::<$id>().map(|id| id.to_string()).as_deref(), Ok(printed.as_str()));
                        answer += IDS
                            .iter()
                            .map(|id| namespace(id))
                            .find(|one| *one == namespace(&printed))
                            .unwrap_or("other");
                    }
                    Err(error) => answer += super::kind(error.code()).as_str(),
                }
            };
        }
        one_spelling!(ChainId);
        one_spelling!(AccountId);
        one_spelling!(AssetId);
        answer
    }
}

/// Short texts of all other kinds.
pub(super) struct Words;

const WORDS: &[&str] = &[
    "12.5",
    "0",
    "340282366920938463463374607431768211455",
    "0.000000000000000001",
    "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",
    "m/44'/60'/0'/0/7",
    "hot-1",
    "deposits/17",
    "legal winner thank year wave sausage worth useful legal winner thank yellow",
    "xpub6BosfCnifzxcFwrSzQiqu2DBVTshkCXacvNsWGYJVVhhawA7d4R5WSWGFNbi8Aw6ZRc1brxMyWMzG3DSSSSoekkudhUd9yLb6qx39T9nMdj",
];

impl Target for Words {
    fn name(&self) -> &'static str {
        "words"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        let key = ApiKeySecret::generate(&Secret::new([7; 38])).reveal();
        WORDS.iter().map(|word| word.as_bytes().to_vec()).chain([key.expose().as_bytes().to_vec()]).collect()
    }

    fn shape(&self) -> Shape {
        Shape::Text
    }

    fn words(&self) -> &'static [&'static str] {
        &["0x", "m/", "'", "xpub", "tok_", "legal", "winner", ".", "-"]
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
        let mut answer = String::new();
        let mut note = |what: &str, good: bool| {
            if good {
                answer += what;
            }
        };
        for decimals in [0, 6, 18, 38] {
            let amount = Amount::parse_decimal(text, decimals);
            if let Ok(amount) = amount {
                assert_eq!(Amount::parse_decimal(&amount.to_decimal(decimals), decimals), Ok(amount));
            }
            note("amount", amount.is_ok());
        }
        if let Ok(amount) = Amount::parse_base_units(text) {
            assert_eq!(amount.to_string(), text, "base units have one spelling");
        }
        if let Ok(tx) = text.parse::<TxId>() {
            assert_eq!(tx.to_string().parse(), Ok(tx));
            note("tx", true);
        }
        note("block", text.parse::<BlockHash>().is_ok());
        if let Some(address) = Address::new(text) {
            assert_eq!(address.as_str(), text);
            note("address", true);
        }
        if let Ok(path) = text.parse::<DerivationPath>() {
            assert_eq!(path.to_string(), text);
            note("path", true);
        }
        if let Ok(name) = text.parse::<KeyName>() {
            assert_eq!(name.as_str(), text);
            note("name", true);
        }
        if let Ok(key) = text.parse::<KeyRef>() {
            assert_eq!(key.to_string(), text);
            note("key", true);
        }
        if let Ok(secret) = ApiKeySecret::parse(text) {
            assert_eq!(secret.reveal().expose(), text);
            assert!(secret.matches(&secret.hash()));
            note("api key", true);
        }
        if let Ok(words) = Mnemonic::parse(text) {
            let back = Mnemonic::parse(words.words().expose()).map(|words| words.entropy());
            assert_eq!(back.ok().map(|entropy| entropy.expose().clone()).as_ref(), Some(words.entropy().expose()));
            note("mnemonic", true);
        }
        if let Ok(watch) = DepositAddresses::from_xpub(text) {
            assert_eq!(watch.xpub(), text);
            note("xpub", true);
        }
        note("private key", LocalSigner::from_hex(&Secret::new(text.to_owned())).is_ok());
        answer
    }
}
