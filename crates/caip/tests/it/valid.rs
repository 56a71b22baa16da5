//! Everything that must be accepted, and how it is printed.

use sha2::{Digest, Sha256};
use tokengine_caip::{AccountId, AssetId, ChainId};

use crate::canonical;

/// Chains, accounts and assets that are their own canonical form.
pub(crate) const AS_THEY_ARE: &[&str] = &[
    // Chains.
    "eip155:1",
    "eip155:5",
    "eip155:28945486",
    "eip155:11155111",
    "eip155:31337",
    "bip122:000000000019d6689c085ae165831e93",
    "bip122:000000000933ea01ad0ee984209779ba",
    "bip122:00000000da84f2bafbbc53dee25a72ae",
    "bip122:0f9188f13cb7b2c71f2a335e3a4fc328",
    "bip122:000000000000000000651ef99cb9fcbe",
    "bip122:12a765e31ffd4059bada1e25190f6e98",
    "bip122:4966625a4b2851d9fdee139e56211a0d",
    "bip122:1a91e3dace36e2be3bf030a65679fe82",
    "bip122:bb0a78264637406b6360aad926284d54",
    "bip122:fdbe99b90c90bae7505796461471d89a",
    "cosmos:cosmoshub-2",
    "cosmos:cosmoshub-3",
    "cosmos:Binance-Chain-Tigris",
    "cosmos:iov-mainnet",
    "cosmos:x",
    "cosmos:hash-",
    "cosmos:hashed",
    "cosmos:hashed-c904589232422def",
    "cosmos:hashed-99df5cd68192b33e",
    "cosmos:hashed-0204c92a0388779d",
    "cosmos:hashed-843d2fc87f40eeb9",
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
    "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
    "solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z",
    "hedera:mainnet",
    "hedera:testnet",
    "hedera:previewnet",
    "hedera:devnet",
    "stellar:pubnet",
    "stellar:testnet",
    "xrpl:0",
    "xrpl:1",
    "xrpl:2",
    "xrpl:25",
    "lip9:9ee11e9df416b18b",
    "chainstd:8c3444cf8970a9e41a706fab93e7a6c4",
    "canton:mainnet",
    "canton:da-mainnet",
    "convex:main",
    "convex:test",
    // Accounts.
    "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb",
    "eip155:1:0x22227A31dd842196A246d8f3b775998560eAa61d",
    "eip155:0:0x839395e20bbB182fa440d08F850E6c7A8f6F0780",
    "bip122:000000000019d6689c085ae165831e93:128Lkh3S7CkDTBZ8W7BbpsN3YYizJMp8p6",
    "bip122:000000000019d6689c085ae165831e93:bc1qwz2lhc40s8ty3l5jg3plpve3y3l82x9l42q7fk",
    "bip122:1a91e3dace36e2be3bf030a65679fe82:DBcZSePDaMMduBMLymWHXhkE5ArFEvkagU",
    "bip122:bb0a78264637406b6360aad926284d54:nXprPppuYCyxrrW6eVh4koUz8kTFrAvGo8",
    "bip122:12a765e31ffd4059bada1e25190f6e98:ltc1q8c6fshw2dlwun7ekn9qwf37cu2rn755u9ym7p0",
    "bip122:4966625a4b2851d9fdee139e56211a0d:tltc1qlustmw64lgd744h45n0t07wxnxw8pmv2sv07r9",
    // Taproot, from BIP-350.
    "bip122:000000000019d6689c085ae165831e93:bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    "cosmos:cosmoshub-3:cosmos1t2uflqwqe0fsj0shcfkrvpukewcw40yjj6hdc0",
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv",
    "solana:4uhcVJyU9pJkvQyS88uRDiswHXSCkY3z:6LmSRCiu3z6NCSpF19oz1pHXkYkN4jWbj9K1nVELpDkT",
    "hedera:devnet:0.0.98",
    "hedera:mainnet:0.0.2",
    "hedera:previewnet:0.0.121",
    "hedera:testnet:9223372036854775807.9223372036854775807.9223372036854775807",
    "stellar:pubnet:GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
    "stellar:testnet:GCEZWKCA5VLDNRLN3RPRJMRZOX3Z6G5CHCGSNFHEYVXM3XOJMDS674JZ",
    "stellar:pubnet:GDQP2KPQGKIHYJGXNUIYOMHARUARCA7DJT5FO2FFOOKY3B2WSQHG4W37-123456789",
    // The page's memo grammar forbids the '-' of its own sample; a strkey has a fixed length, so nothing is ambiguous.
    "stellar:pubnet:GDQP2KPQGKIHYJGXNUIYOMHARUARCA7DJT5FO2FFOOKY3B2WSQHG4W37-payment-reference",
    "stellar:pubnet:MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAAAACJUQ",
    "stellar:pubnet:MA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJUAAAAAAAAAABUTGI4",
    "xrpl:0:r4FTvnahbUfhe1WK2EK5Jz4cNvdFvT8Dzt",
    "xrpl:1:rEBakx2WdNsmRb5tm5KmhsqKAqvLJrRoiU",
    "xrpl:2:rUgna78QFFeixu8v9ZqwtViWnknXYtHG2X",
    "xrpl:0:rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY-495",
    "convex:main:56756",
    "canton:mainnet:alice%3A%3A1220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    // Assets.
    "eip155:1/slip44:60",
    "bip122:000000000019d6689c085ae165831e93/slip44:0",
    "cosmos:cosmoshub-3/slip44:118",
    "bip122:12a765e31ffd4059bada1e25190f6e98/slip44:2",
    "cosmos:Binance-Chain-Tigris/slip44:714",
    "cosmos:iov-mainnet/slip44:234",
    "lip9:9ee11e9df416b18b/slip44:134",
    "eip155:1/erc20:0x6B175474E89094C44Da98b954EedeAC495271d0F",
    "eip155:1/erc721:0x06012c8cf97BEaD5deAe237070F9587f8E7A266d",
    "eip155:1/erc721:0x06012c8cf97BEaD5deAe237070F9587f8E7A266d/771769",
    "eip155:1/erc1155:0x06012c8cf97BEaD5deAe237070F9587f8E7A266d/\
     115792089237316195423570985008687907853269984665640564039457584007913129639935",
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp/nft:Fz6LxeUg5qjesYX3BdmtTwyyzBtMxk644XiTqU5W3w9w",
    "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp/token:EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    "hedera:mainnet/token:0.0.278981",
    "hedera:mainnet/nft:0.0.55492/12",
    "stellar:pubnet/slip44:148",
    "stellar:pubnet/asset:USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN",
    "stellar:pubnet/sep41:CCW67TSZV3SSS2HXMBQ5JFGCKJNXKZM7UQUWUZPUTHXSTZLEO7SJMI75",
    "stellar:pubnet/cap38:67260c4c1807b262ff851b0a3fe141194936bb0215b2f77447f1df11998eabb9",
    "xrpl:0/slip44:144",
    "xrpl:0/token:USD.rvYAfWj5gh67oV6fW32ZzP3Aw4Eubs59B",
    "xrpl:0/token:534F4C4F00000000000000000000000000000000.rsoLo2S1kiGeCcn6hCUXVrCpGMWLrRrLZz",
    "xrpl:0/xls20:000B013A95F14B0044F78A264E41713C64B5F89242540EE208C3098E00000D65",
    "xrpl:0/xls30:039C99CD9AB0B70B32ECDA51EAAE471625608EA2.rE54zDvgnghAoPopCgvtiqWNq3dU5y836S",
    "xrpl:2/xls33:000000000A1B2C3D4E5F6789ABCDEF0123456789ABCDEF01",
    "convex:main/slip44:864",
    "convex:main/cad29:72",
    "convex:main/cad29:567-3",
];

/// What is accepted in one form and printed in another.
const CANONICALISED: &[(&str, &str)] = &[
    ("eip155:1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb", "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb"),
    (
        "eip155:1/erc20:0x6b175474e89094c44da98b954eedeac495271d0f",
        "eip155:1/erc20:0x6B175474E89094C44Da98b954EedeAC495271d0F",
    ),
    (
        "bip122:000000000019d6689c085ae165831e93:BC1QWZ2LHC40S8TY3L5JG3PLPVE3Y3L82X9L42Q7FK",
        "bip122:000000000019d6689c085ae165831e93:bc1qwz2lhc40s8ty3l5jg3plpve3y3l82x9l42q7fk",
    ),
    ("hedera:mainnet:0.0.123-vfmkw", "hedera:mainnet:0.0.123"),
    ("hedera:mainnet:0.0.1234567890-zbhlt", "hedera:mainnet:0.0.1234567890"),
    // A classic address with a tag, and its X-address, are one account.
    ("xrpl:0:XV5sbjUmgPpvXv4ixFWZ5ptAYZ6PD2q1qM6owqNbug8W6KV", "xrpl:0:rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY-495"),
    (
        "canton:mainnet:a%5fb%3a%3a1220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "canton:mainnet:a%5Fb%3A%3A1220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    (
        "stellar:pubnet:GDQP2KPQGKIHYJGXNUIYOMHARUARCA7DJT5FO2FFOOKY3B2WSQHG4W37-order%2d%5f1",
        "stellar:pubnet:GDQP2KPQGKIHYJGXNUIYOMHARUARCA7DJT5FO2FFOOKY3B2WSQHG4W37-order-%5F1",
    ),
    // Nothing is known of this namespace: its escapes are spelled in one way, and otherwise left alone.
    ("chainstd:1:a%2db", "chainstd:1:a%2Db"),
];

#[test]
fn canonical_ids_are_printed_as_they_are() {
    for text in AS_THEY_ARE {
        assert_eq!(canonical(text).as_deref(), Ok(*text));
    }
}

#[test]
fn other_spellings_are_printed_canonically() {
    for (text, printed) in CANONICALISED {
        assert_eq!(canonical(text).as_deref(), Ok(*printed), "{text}");
    }
}

#[test]
fn hashed_cosmos_references_are_the_start_of_a_sha256() {
    for (reference, hashed) in [
        ("hashed-", "hashed-c904589232422def"),
        ("hashed-123", "hashed-99df5cd68192b33e"),
        ("123456789012345678901234567890123456789012345678", "hashed-0204c92a0388779d"),
        ("wonderland\u{1f9dd}\u{200d}\u{2642}\u{fe0f}", "hashed-843d2fc87f40eeb9"),
    ] {
        let hex: String = Sha256::digest(reference).iter().take(8).map(|b| format!("{b:02x}")).collect();
        assert_eq!(ChainId::new("cosmos", &format!("hashed-{hex}")).unwrap().reference(), hashed);
    }
}

#[test]
fn the_longest_ids_fit_the_stated_lengths() {
    let chain = format!("{}:{}", "n".repeat(8), "R".repeat(32));
    assert_eq!(chain.parse::<ChainId>().unwrap().as_str().len(), ChainId::MAX_LEN);
    let account = format!("{chain}:{}", "a".repeat(128));
    assert_eq!(account.parse::<AccountId>().unwrap().as_str().len(), AccountId::MAX_LEN);
    let asset = format!("{chain}/{}:{}/{}", "a".repeat(8), "r".repeat(128), "t".repeat(78));
    assert_eq!(asset.parse::<AssetId>().unwrap().as_str().len(), AssetId::MAX_LEN);
}

#[test]
fn parts_are_what_was_written() {
    let asset: AssetId = "eip155:137/erc721:0x06012c8cf97bead5deae237070f9587f8e7a266d/771769".parse().unwrap();
    assert_eq!(asset.chain_id().as_str(), "eip155:137");
    assert_eq!(asset.chain_str(), "eip155:137");
    assert_eq!((asset.namespace(), asset.token_id()), ("erc721", Some("771769")));
    assert_eq!(asset.reference(), "0x06012c8cf97BEaD5deAe237070F9587f8E7A266d");
    assert_eq!(asset.evm_contract().unwrap()[..4], [0x06, 0x01, 0x2c, 0x8c]);
    assert_eq!(asset.slip44(), None);

    let coin: AssetId = "eip155:1/slip44:60".parse().unwrap();
    assert_eq!((coin.slip44(), coin.evm_contract(), coin.token_id()), (Some(60), None, None));

    let account: AccountId = "xrpl:0:rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY-495".parse().unwrap();
    assert_eq!((account.namespace(), account.chain_str()), ("xrpl", "xrpl:0"));
    assert_eq!(account.address(), "rPEPPER7kfTD9w2To4CQk6UCfuHM9c6GDY-495");
    assert_eq!(account.evm_address(), None);
}

#[test]
fn a_canton_party_goes_in_and_comes_out() {
    let party = format!("my_party:x-1::1220{}", "ab".repeat(32));
    let chain: ChainId = "canton:devnet".parse().unwrap();
    let account = AccountId::new(&chain, &tokengine_caip::escape(&party)).unwrap();
    assert_eq!(account.address(), format!("my%5Fparty%3Ax-1%3A%3A1220{}", "ab".repeat(32)));
    assert_eq!(account.unescaped_address().as_deref(), Some(party.as_str()));

    let fits = |hint: usize| {
        let party = format!("{}::1220{}", "h".repeat(hint), "0".repeat(64));
        AccountId::new(&chain, &tokengine_caip::escape(&party)).is_ok()
    };
    assert!(fits(54) && !fits(55), "the longest plain hint has 54 characters");
}

#[test]
fn an_id_is_small() {
    assert_eq!(size_of::<ChainId>(), 16);
    assert_eq!(size_of::<AccountId>(), 16);
    assert_eq!(size_of::<AssetId>(), 16);
}
