//! Everything that must be refused, and under which code.

use std::collections::BTreeSet;

use bech32::{Bech32, Bech32m, Hrp};
use tokengine_caip::{AccountId, AssetId, ChainId};

const BITCOIN: &str = "bip122:000000000019d6689c085ae165831e93";
const LITECOIN: &str = "bip122:12a765e31ffd4059bada1e25190f6e98";
const SOLANA: &str = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp";
const KITTY: &str = "eip155:1/erc721:0x06012c8cf97BEaD5deAe237070F9587f8E7A266d";
const G: &str = "GDQP2KPQGKIHYJGXNUIYOMHARUARCA7DJT5FO2FFOOKY3B2WSQHG4W37";

fn chains() -> Vec<(String, &'static str)> {
    let mut cases: Vec<(String, &'static str)> = [
        ("", "caip-chain-syntax"),
        ("eip155", "caip-chain-syntax"),
        ("eip155:", "caip-chain-syntax"),
        (":1", "caip-chain-syntax"),
        ("ab:1", "caip-chain-syntax"),
        ("abcdefghi:1", "caip-chain-syntax"),
        ("EIP155:1", "caip-chain-syntax"),
        ("eip155:1:2", "caip-chain-syntax"),
        ("eip155: 1", "caip-chain-syntax"),
        ("eip155:1 ", "caip-chain-syntax"),
        ("eip155:1\n", "caip-chain-syntax"),
        ("eip155:\u{ff11}", "caip-chain-syntax"),
        ("chainstd:a.b", "caip-chain-syntax"),
        ("eip155:0x1", "caip-chain-reference"),
        ("eip155:01", "caip-chain-reference"),
        ("eip155:00", "caip-chain-reference"),
        ("cosmos:hashed-XYZ", "caip-chain-reference"),
        ("cosmos:hashed-", "caip-chain-reference"),
        ("cosmos:hashed-123", "caip-chain-reference"),
        ("cosmos:a_b", "caip-chain-reference"),
        ("bip122:000000000019D6689C085AE165831E93", "caip-chain-reference"),
        ("bip122:000000000019d6689c085ae165831e9", "caip-chain-reference"),
        ("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvd", "caip-chain-reference"),
        ("solana:0eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "caip-chain-reference"),
        ("hedera:mainnet2", "caip-chain-reference"),
        ("stellar:public", "caip-chain-reference"),
        ("xrpl:4294967296", "caip-chain-reference"),
        ("xrpl:01", "caip-chain-reference"),
        ("xrpl:mainnet", "caip-chain-reference"),
    ]
    .map(|(text, code)| (text.to_owned(), code))
    .into();
    cases.push((format!("cosmos:{}", "x".repeat(33)), "caip-chain-syntax"));
    cases
}

fn accounts() -> Vec<(String, &'static str)> {
    let program =
        |hrp: &str, version, len| bech32::segwit::encode(Hrp::parse(hrp).unwrap(), version, &vec![7; len]).unwrap();
    let v0_with_bech32m = {
        let program = [vec![0], vec![1; 32]].concat();
        bech32::encode::<Bech32m>(Hrp::parse("bc").unwrap(), &program).unwrap()
    };
    let (v1, v2) = (bech32::Fe32::P, bech32::Fe32::Z);
    let cosmos = |hrp, len| bech32::encode::<Bech32>(Hrp::parse(hrp).unwrap(), &vec![7; len]).unwrap();
    let fingerprint = format!("1220{}", "0".repeat(64));
    vec![
        ("eip155:1".into(), "caip-account-syntax"),
        ("eip155:1:".into(), "caip-account-syntax"),
        ("eip155:1:0x0495766CD136138FC492DD499B8DC87A92D6685b".into(), "caip-address-checksum"),
        // All upper case is mixed case too: not what EIP-55 prints.
        ("eip155:1:0xAB16A96D359EC26A11E2C2B3D8F8B8942D5BFCDB".into(), "caip-address-checksum"),
        ("eip155:1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcd".into(), "caip-address"),
        ("eip155:1:ab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb".into(), "caip-address"),
        ("eip155:1:0Xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb".into(), "caip-address"),
        ("eip155:1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdg".into(), "caip-address"),
        ("eip155:1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb\n".into(), "caip-account-syntax"),
        ("eip155:0x1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb".into(), "caip-chain-reference"),
        ("eip155:1:2:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb".into(), "caip-chain-syntax"),
        ("0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb@eip155:1".into(), "caip-account-syntax"),
        (format!("eip155:1:{}", "a".repeat(129)), "caip-account-syntax"),
        (format!("{BITCOIN}:{}", program("tb", bech32::Fe32::Q, 20)), "caip-address-network"),
        (format!("{BITCOIN}:{}", program("ltc", bech32::Fe32::Q, 20)), "caip-address-network"),
        (format!("{BITCOIN}:DBcZSePDaMMduBMLymWHXhkE5ArFEvkagU"), "caip-address-network"),
        // The same script as on Bitcoin has a version byte of its own on Litecoin.
        (format!("{LITECOIN}:3P14159f73E4gFr7JterCCQh9QjiTjiZrG"), "caip-address-network"),
        (format!("{BITCOIN}:128Lkh3S7CkDTBZ8W7BbpsN3YYizJMp8p7"), "caip-address-checksum"),
        (format!("{BITCOIN}:bc1qwz2lhc40s8ty3l5jg3plpve3y3l82x9l42q7fq"), "caip-address-checksum"),
        (format!("{BITCOIN}:bc1Qwz2lhc40s8ty3l5jg3plpve3y3l82x9l42q7fk"), "caip-address-checksum"),
        // The registry's taproot sample, and programs of lengths and versions that are not in use.
        (format!("{BITCOIN}:bc1pmzfrwwndsqmk5yh69yjr5lfgfg4ev8c0tsc06e"), "caip-address-checksum"),
        (format!("{BITCOIN}:{}", program("bc", v1, 20)), "caip-address"),
        (format!("{BITCOIN}:{}", program("bc", v2, 32)), "caip-address"),
        (format!("{BITCOIN}:{v0_with_bech32m}"), "caip-address"),
        (format!("{BITCOIN}:hello"), "caip-address"),
        (format!("{SOLANA}:zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"), "caip-address"),
        (format!("{SOLANA}:0S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv"), "caip-address"),
        (format!("cosmos:cosmoshub-3:{}", cosmos("osmo", 20)), "caip-address-network"),
        (format!("cosmos:cosmoshub-3:{}", cosmos("cosmos", 21)), "caip-address"),
        ("cosmos:cosmoshub-3:cosmos1t2uflqwqe0fsj0shcfkrvpukewcw40yjj6hdc9".into(), "caip-address-checksum"),
        ("cosmos:x:hello".into(), "caip-address"),
        ("hedera:mainnet:0.0.123-vfmkx".into(), "caip-address-checksum"),
        ("hedera:testnet:0.0.123-vfmkw".into(), "caip-address-checksum"),
        ("hedera:devnet:0.0.123-vfmkw".into(), "caip-address-checksum"),
        ("hedera:mainnet:0.0".into(), "caip-address"),
        ("hedera:mainnet:0.0.1.2".into(), "caip-address"),
        ("hedera:mainnet:0.0.01".into(), "caip-address"),
        ("hedera:mainnet:0.0.9223372036854775808".into(), "caip-address"),
        ("stellar:pubnet:GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGA".into(), "caip-address-checksum"),
        (format!("stellar:pubnet:{}", G.to_lowercase()), "caip-address"),
        (format!("stellar:pubnet:{G}-"), "caip-address"),
        (format!("stellar:pubnet:{G}.1"), "caip-address"),
        (format!("stellar:pubnet:{G}-{}", "m".repeat(29)), "caip-address"),
        (format!("stellar:pubnet:{G}-%4"), "caip-escape"),
        ("stellar:pubnet:CCW67TSZV3SSS2HXMBQ5JFGCKJNXKZM7UQUWUZPUTHXSTZLEO7SJMI75".into(), "caip-address"),
        // One letter too many: 70 instead of 69.
        (
            "stellar:pubnet:MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAABUTGI4".into(),
            "caip-address",
        ),
        // The registry's muxed sample of the test network, 64 characters long.
        ("stellar:testnet:MCEZWKCA5VLDNRLN3RPRJMRZOX3Z6G5CHCGSNFHEYVXM3XOJMAAAAAAAAAAAJLKA".into(), "caip-address"),
        ("xrpl:0:rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY-4294967296".into(), "caip-address"),
        ("xrpl:0:rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY-01".into(), "caip-address"),
        ("xrpl:0:rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDZ".into(), "caip-address-checksum"),
        ("xrpl:0:128Lkh3S7CkDTBZ8W7BbpsN3YYizJMp8p6".into(), "caip-address-checksum"),
        ("xrpl:1:XV5sbjUmgPpvXv4ixFWZ5ptAYZ6PD2q1qM6owqNbug8W6KV".into(), "caip-address-network"),
        ("xrpl:0:XV5sbjUmgPpvXv4ixFWZ5ptAYZ6PD2q1qM6owqNbug8W6KW".into(), "caip-address-checksum"),
        ("xrpl:0:X".into(), "caip-address"),
        ("convex:main:#56756".into(), "caip-account-syntax"),
        ("convex:main:056756".into(), "caip-address"),
        ("convex:main:9223372036854775808".into(), "caip-address"),
        // Core CAIP-10 has no ':' and no '_' in an address.
        ("canton:mainnet:alice::1220ab".into(), "caip-chain-syntax"),
        ("canton:mainnet:a_b%3A%3A1220ab".into(), "caip-account-syntax"),
        ("canton:mainnet:alice%3A%3A1220ab".into(), "caip-address"),
        (format!("canton:mainnet:{fingerprint}"), "caip-address"),
        (format!("canton:mainnet:%3A%3A{fingerprint}"), "caip-address"),
        (format!("canton:mainnet:a%3A%3Ab%3A%3A{fingerprint}"), "caip-address"),
        (format!("canton:mainnet:a%3A%3A%3A{fingerprint}"), "caip-address"),
        (format!("canton:mainnet:a%2Fb%3A%3A{fingerprint}"), "caip-address"),
        (format!("canton:mainnet:a%FF%3A%3A{fingerprint}"), "caip-address"),
        (format!("canton:mainnet:a%3A%3A{}", fingerprint.replace("1220", "1221")), "caip-address"),
        (format!("canton:mainnet:a%3X%3A{fingerprint}"), "caip-escape"),
        ("chainstd:1:a%2".into(), "caip-escape"),
        ("chainstd:1:a%".into(), "caip-escape"),
    ]
}

fn assets() -> Vec<(String, &'static str)> {
    let too_large = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
    vec![
        ("eip155:1".into(), "caip-asset-syntax"),
        ("eip155:1/".into(), "caip-asset-syntax"),
        ("eip155:1/erc20".into(), "caip-asset-syntax"),
        ("eip155:1/erc20:".into(), "caip-asset-syntax"),
        ("eip155:1/erc_20:0x1".into(), "caip-asset-syntax"),
        ("eip155:0x1/slip44:60".into(), "caip-chain-reference"),
        ("eip155:0/slip44:60".into(), "caip-chain-reference"),
        ("eip155:1/erc20:0x6b17".into(), "caip-address"),
        ("eip155:1/erc20:0x6B175474E89094C44Da98b954EedeAC495271d0f".into(), "caip-address-checksum"),
        ("eip155:1/erc20:0x6b175474e89094c44da98b954eedeac495271d0f/1".into(), "caip-token-id"),
        ("eip155:1/erc9999:0x6b175474e89094c44da98b954eedeac495271d0f".into(), "caip-asset-namespace"),
        (format!("{KITTY}/"), "caip-asset-syntax"),
        (format!("{KITTY}/1/2"), "caip-asset-syntax"),
        (format!("{KITTY}/{}", "1".repeat(79)), "caip-asset-syntax"),
        (format!("{KITTY}/{too_large}"), "caip-token-id"),
        (format!("{KITTY}/{}", "9".repeat(78)), "caip-token-id"),
        (format!("{KITTY}/01"), "caip-token-id"),
        (format!("{KITTY}/0x1"), "caip-token-id"),
        ("eip155:1/slip44:060".into(), "caip-asset-reference"),
        ("eip155:1/slip44:ETH".into(), "caip-asset-reference"),
        ("eip155:1/slip44:2147483648".into(), "caip-asset-reference"),
        ("eip155:1/slip44:60/1".into(), "caip-token-id"),
        (format!("{BITCOIN}/slip44:2"), "caip-asset-reference"),
        (format!("{BITCOIN}/erc20:1"), "caip-asset-namespace"),
        (format!("{SOLANA}/token:zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"), "caip-address"),
        (format!("{SOLANA}/other:EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"), "caip-asset-namespace"),
        ("hedera:mainnet/token:0.0.278981/1".into(), "caip-token-id"),
        ("hedera:mainnet/nft:0.0.55492/0".into(), "caip-token-id"),
        ("hedera:mainnet/other:0.0.55492".into(), "caip-asset-namespace"),
        ("stellar:pubnet/slip44:60".into(), "caip-asset-reference"),
        (format!("stellar:pubnet/asset:TOOLONGACODE1-{G}"), "caip-asset-reference"),
        // The page allows any printable character in a code; the ledger and CAIP-19 do not.
        (format!("stellar:pubnet/asset:A%21-{G}"), "caip-asset-reference"),
        (format!("stellar:pubnet/asset:{G}"), "caip-asset-reference"),
        (format!("stellar:pubnet/sep41:{G}"), "caip-address"),
        (format!("stellar:pubnet/cap38:{}", "A".repeat(64)), "caip-asset-reference"),
        (format!("stellar:pubnet/other:{G}"), "caip-asset-namespace"),
        ("xrpl:0/token:RLUSD.rMxCKbEDwqr76QuheSUMdEGf4B9xJ8m5De".into(), "caip-asset-reference"),
        ("xrpl:0/token:XRP.rvYAfWj5gh67oV6fW32ZzP3Aw4Eubs59B".into(), "caip-asset-reference"),
        ("xrpl:0/token:USD".into(), "caip-asset-reference"),
        ("xrpl:0/token:USD.rvYAfWj5gh67oV6fW32ZzP3Aw4Eubs59C".into(), "caip-address-checksum"),
        (format!("xrpl:0/token:{}.rvYAfWj5gh67oV6fW32ZzP3Aw4Eubs59B", "0".repeat(40)), "caip-asset-reference"),
        (format!("xrpl:0/xls30:{}.rvYAfWj5gh67oV6fW32ZzP3Aw4Eubs59B", "4".repeat(40)), "caip-asset-reference"),
        ("xrpl:0/xls20:00".into(), "caip-asset-reference"),
        ("xrpl:0/xls33:00".into(), "caip-asset-reference"),
        ("xrpl:0/other:00".into(), "caip-asset-namespace"),
        ("convex:main/cad29:#72".into(), "caip-asset-syntax"),
        ("convex:main/cad29:072".into(), "caip-asset-reference"),
        ("convex:main/cad29:72-".into(), "caip-asset-reference"),
        ("convex:main/token:72".into(), "caip-asset-namespace"),
        ("canton:mainnet/cip-0056:a%3/USDCx".into(), "caip-escape"),
    ]
}

#[test]
fn chains_are_refused_with_their_code() {
    for (text, code) in chains() {
        assert_eq!(text.parse::<ChainId>().map_err(|error| error.code()), Err(code), "{text:?}");
    }
}

/// Case E23: wrong checksum, wrong network, mixed case.
#[test]
fn accounts_are_refused_with_their_code() {
    for (text, code) in accounts() {
        assert_eq!(text.parse::<AccountId>().map_err(|error| error.code()), Err(code), "{text:?}");
    }
}

#[test]
fn assets_are_refused_with_their_code() {
    for (text, code) in assets() {
        assert_eq!(text.parse::<AssetId>().map_err(|error| error.code()), Err(code), "{text:?}");
    }
}

#[test]
fn every_code_has_a_case_and_no_refusal_passes_with_time() {
    let errors = chains().into_iter().map(|(text, _)| text.parse::<ChainId>().unwrap_err());
    let errors = errors.chain(accounts().into_iter().map(|(text, _)| text.parse::<AccountId>().unwrap_err()));
    let errors: Vec<_> =
        errors.chain(assets().into_iter().map(|(text, _)| text.parse::<AssetId>().unwrap_err())).collect();
    assert!(errors.iter().all(|error| !error.is_transient() && error.to_string().ends_with(error.hint())));
    let codes: BTreeSet<_> = errors.iter().map(tokengine_caip::Error::code).collect();
    assert_eq!(
        codes.into_iter().collect::<Vec<_>>(),
        [
            "caip-account-syntax",
            "caip-address",
            "caip-address-checksum",
            "caip-address-network",
            "caip-asset-namespace",
            "caip-asset-reference",
            "caip-asset-syntax",
            "caip-chain-reference",
            "caip-chain-syntax",
            "caip-escape",
            "caip-token-id",
        ]
    );
}

/// Checksums exist to catch a typing error; here is every single one of the right length.
/// Case E23.
#[test]
fn one_wrong_character_in_a_checksummed_address_is_always_noticed() {
    const LETTERS: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for text in crate::valid::AS_THEY_ARE {
        let checksummed = ["bip122", "cosmos", "stellar", "xrpl"].iter().any(|namespace| text.starts_with(namespace));
        let Some((chain, address)) = text.rsplit_once(':').filter(|(chain, _)| chain.contains(':')) else { continue };
        if !checksummed || text.contains('/') {
            continue;
        }
        // Memos and tags carry no checksum.
        let (key, rest) = address.split_at(address.find('-').unwrap_or(address.len()));
        for (at, was) in key.char_indices() {
            for letter in LETTERS.chars().filter(|letter| *letter != was) {
                let (before, after) = (&key[..at], &key[at + 1..]);
                let typo = format!("{chain}:{before}{letter}{after}{rest}");
                assert!(typo.parse::<AccountId>().is_err(), "{typo}");
            }
        }
    }
}
