//! Ids in a serde format are strings, and reading one checks it.

use tokengine_caip::{AccountId, AssetId, ChainId};

#[test]
fn ids_are_strings_and_are_checked_when_read() {
    let chain: ChainId = serde_json::from_str("\"eip155:1\"").unwrap();
    assert_eq!(serde_json::to_string(&chain).unwrap(), "\"eip155:1\"");

    let account: AccountId = serde_json::from_str("\"eip155:1:0xab16a96d359ec26a11e2c2b3d8f8b8942d5bfcdb\"").unwrap();
    assert_eq!(serde_json::to_string(&account).unwrap(), "\"eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb\"");

    let refused = serde_json::from_str::<AssetId>("\"eip155:1/erc20:0x6b17\"").unwrap_err();
    assert!(refused.to_string().contains("not an address of this chain"), "{refused}");
}
