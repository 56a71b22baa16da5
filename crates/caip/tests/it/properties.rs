//! Properties of any text, of texts that are nearly ids, and of ids made from any key.

use bech32::{Bech32, Hrp, segwit};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tokengine_caip::{AccountId, AssetId, ChainId, eip55, escape, unescape};

use crate::canonical;

const NAMESPACES: &[&str] =
    &["eip155", "bip122", "solana", "cosmos", "hedera", "stellar", "xrpl", "canton", "convex", "chainstd"];

const REFERENCES: &[&str] = &[
    "1",
    "0",
    "main",
    "mainnet",
    "pubnet",
    "cosmoshub-3",
    "000000000019d6689c085ae165831e93",
    "12a765e31ffd4059bada1e25190f6e98",
    "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
];

/// Texts with the skeleton of an id and anything at all in an address's or asset's place, to get past the first checks.
fn nearly_an_id() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[-.%a-zA-Z0-9]{0,130}",
        "0x[0-9a-fA-F]{40}",
        "bc1[02-9ac-hj-np-z]{6,90}",
        "cosmos1[02-9ac-hj-np-z]{6,90}",
        "[GMC][A-Z2-7]{55}(-[-.%a-zA-Z0-9]{0,40})?",
        "M[A-Z2-7]{68}",
        "[rXT][1-9A-HJ-NP-Za-km-z]{20,50}(-[0-9]{1,11})?",
        "[0-9]{1,20}\\.[0-9]{1,20}\\.[0-9]{1,20}(-[a-z]{5})?",
        "[0-9]{0,80}",
        "(%[0-9a-fA-F]{2}|[a-z%]){0,40}(%3A){2}1220[0-9a-f]{64}",
        any::<String>(),
    ];
    let asset =
        prop::sample::select(&["slip44", "erc20", "erc721", "token", "nft", "asset", "xls30", "cad29", "other"][..]);
    let ends = prop_oneof![
        part.clone().prop_map(|address| format!(":{address}")),
        (asset.clone(), part.clone()).prop_map(|(asset, reference)| format!("/{asset}:{reference}")),
        (asset, part.clone(), part).prop_map(|(asset, reference, token)| format!("/{asset}:{reference}/{token}")),
        Just(String::new()),
    ];
    (prop::sample::select(NAMESPACES), prop::sample::select(REFERENCES), ends)
        .prop_map(|(namespace, reference, end)| format!("{namespace}:{reference}{end}"))
}

/// Valid accounts of networks whose addresses can be made from any key.
fn any_account() -> impl Strategy<Value = String> {
    let key = any::<[u8; 20]>();
    let long = any::<[u8; 32]>();
    let base58 = |version: u8, key: [u8; 20], alphabet| {
        let payload = [&[version], key.as_slice()].concat();
        let check = Sha256::digest(Sha256::digest(&payload));
        bs58::encode([payload.as_slice(), &check[..4]].concat()).with_alphabet(alphabet).into_string()
    };
    let bitcoin = "bip122:000000000019d6689c085ae165831e93";
    prop_oneof![
        (any::<u64>(), key).prop_map(|(chain, key)| format!("eip155:{chain}:{}", eip55(&key))),
        (prop::sample::select(&[0, 5][..]), key)
            .prop_map(move |(version, key)| format!("{bitcoin}:{}", base58(version, key, bs58::Alphabet::BITCOIN))),
        key.prop_map(move |key| format!("{bitcoin}:{}", segwit::encode_v0(Hrp::parse("bc").unwrap(), &key).unwrap())),
        long.prop_map(move |key| format!("{bitcoin}:{}", segwit::encode_v0(Hrp::parse("bc").unwrap(), &key).unwrap())),
        long.prop_map(move |key| format!("{bitcoin}:{}", segwit::encode_v1(Hrp::parse("bc").unwrap(), &key).unwrap())),
        long.prop_map(|key| format!("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:{}", bs58::encode(key).into_string())),
        key.prop_map(|key| format!(
            "cosmos:cosmoshub-3:{}",
            bech32::encode::<Bech32>(Hrp::parse("cosmos").unwrap(), &key).unwrap()
        )),
        (key, any::<Option<u32>>()).prop_map(move |(key, tag)| {
            let tag = tag.map(|tag| format!("-{tag}")).unwrap_or_default();
            format!("xrpl:0:{}{tag}", base58(0, key, bs58::Alphabet::RIPPLE))
        }),
        (any::<[u32; 3]>()).prop_map(|[s, r, n]| format!("hedera:testnet:{s}.{r}.{n}")),
        (0..=i64::MAX).prop_map(|number| format!("convex:main:{number}")),
        ("[-a-zA-Z0-9_ ]{1,18}", "[0-9a-f]{64}")
            .prop_map(|(hint, key)| format!("canton:devnet:{}", escape(&format!("{hint}::1220{key}")))),
        ("[-a-z0-9]{3,8}", "[-_a-zA-Z0-9]{1,32}", "[-.a-zA-Z0-9]{1,128}")
            .prop_filter("a namespace without profile", |(namespace, ..)| !NAMESPACES.contains(&namespace.as_str()))
            .prop_map(|(namespace, reference, address)| format!("{namespace}:{reference}:{address}")),
    ]
}

/// What must hold for whatever is accepted: what is printed is read again, as an equal value, and fits its length.
fn check_round_trip(text: &str) -> Result<(), TestCaseError> {
    if let Ok(id) = text.parse::<ChainId>() {
        prop_assert_eq!(id.as_str(), text);
        prop_assert_eq!(&ChainId::new(id.namespace(), id.reference()), &Ok(id));
    }
    if let Ok(id) = text.parse::<AccountId>() {
        prop_assert!(id.as_str().len() <= AccountId::MAX_LEN);
        prop_assert_eq!(id.to_string().parse(), Ok(id.clone()));
        prop_assert_eq!(&AccountId::new(&id.chain_id(), id.address()), &Ok(id));
    }
    if let Ok(id) = text.parse::<AssetId>() {
        prop_assert!(id.as_str().len() <= AssetId::MAX_LEN);
        prop_assert_eq!(id.to_string().parse(), Ok(id.clone()));
        prop_assert_eq!(&AssetId::new(&id.chain_id(), id.namespace(), id.reference(), id.token_id()), &Ok(id));
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        check_round_trip(&text)?;
    }

    #[test]
    fn no_text_that_is_nearly_an_id_panics(text in nearly_an_id()) {
        check_round_trip(&text)?;
    }

    #[test]
    fn a_vector_with_anything_put_in_does_not_panic(
        text in prop::sample::select(crate::valid::AS_THEY_ARE),
        at in any::<prop::sample::Index>(),
        put in any::<char>(),
    ) {
        let at = at.index(text.len());
        check_round_trip(&format!("{}{put}{}", &text[..at], &text[at..]))?;
        check_round_trip(&format!("{}{put}{}", &text[..at], &text[at + 1..]))?;
        check_round_trip(&text[..at])?;
    }

    #[test]
    fn accounts_of_any_key_are_printed_as_they_are(text in any_account()) {
        prop_assert_eq!(canonical(&text), Ok(text.clone()));
        check_round_trip(&text)?;
    }

    #[test]
    fn an_evm_account_gives_back_its_bytes(bytes in any::<[u8; 20]>()) {
        let text = format!("eip155:1:{}", eip55(&bytes));
        let account: AccountId = text.parse().unwrap();
        prop_assert_eq!(account.evm_address(), Some(bytes));
        let lower: AccountId = text.to_lowercase().parse().unwrap();
        prop_assert_eq!(lower, account);
    }

    #[test]
    fn what_is_escaped_fits_an_address_and_comes_back(raw in any::<String>()) {
        let escaped = escape(&raw);
        prop_assert!(escaped.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'%')));
        prop_assert_eq!(unescape(&escaped), Ok(raw));
    }

    #[test]
    fn an_x_address_is_the_classic_address_and_tag_in_it(key in any::<[u8; 20]>(), tag in any::<Option<u32>>()) {
        let check = |payload: &[u8]| {
            let check = Sha256::digest(Sha256::digest(payload));
            bs58::encode([payload, &check[..4]].concat()).with_alphabet(bs58::Alphabet::RIPPLE).into_string()
        };
        let rest = [&[u8::from(tag.is_some())], tag.unwrap_or(0).to_le_bytes().as_slice(), &[0; 4]].concat();
        let classic = check(&[&[0], key.as_slice()].concat());
        let classic = tag.map_or(classic.clone(), |tag| format!("{classic}-{tag}"));
        for (chain, prefix, letter) in [("xrpl:0", [0x05, 0x44], 'X'), ("xrpl:1", [0x04, 0x93], 'T')] {
            let x_address = check(&[prefix.as_slice(), &key, &rest].concat());
            prop_assert!(x_address.starts_with(letter));
            prop_assert_eq!(canonical(&format!("{chain}:{x_address}")), Ok(format!("{chain}:{classic}")));
        }
    }
}
