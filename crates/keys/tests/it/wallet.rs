//! A real wallet: the node's own signing of typed data and messages, against our checks.

use alloy::primitives::hex;
use serde_json::{Value, json};
use tokengine_caip::AccountId;
use tokengine_core::Amount;
use tokengine_keys::{
    signature::{bytes_from_hex, check_personal_message},
    typed::{Domain, LinkAccount, Message, Transfer, Withdrawal},
};
use tokengine_testkit::{Anvil, AnvilOptions};

const INSTANCE: [u8; 32] = [0x5a; 32];

fn signed(anvil: &Anvil, method: &str, params: Value) -> Vec<u8> {
    let signature = anvil.rpc(method, params).unwrap();
    bytes_from_hex(signature.as_str().unwrap()).unwrap()
}

#[test]
fn what_a_wallet_signs_we_accept() {
    let anvil = Anvil::start(AnvilOptions::default()).unwrap();
    let address = &anvil.accounts()[0];
    let account: AccountId = format!("eip155:31337:{address}").parse().unwrap();
    let withdrawal = Withdrawal {
        network: "eip155:31338".parse().unwrap(),
        asset: "eip155:31338/erc20:0x6B175474E89094C44Da98b954EedeAC495271d0F".parse().unwrap(),
        amount: Amount::MAX,
        max_fee: Amount::new(1_000),
        destination: "eip155:31338:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb".parse().unwrap(),
        account: account.to_string(),
        nonce: u128::MAX,
        expiry: 1_900_000_000,
    };
    let transfer = Transfer {
        deposit_network: "eip155:31337".parse().unwrap(),
        deposit_transaction: format!("0x{}", "11".repeat(32)),
        withdrawal: withdrawal.clone(),
    };
    let link = LinkAccount { account: "treasury".into(), linked: account.clone(), nonce: 1, expiry: 1_900_000_000 };

    let domain = Domain::of(&account, INSTANCE).unwrap();
    for message in [Message::Withdrawal(withdrawal), Message::Transfer(transfer), Message::LinkAccount(link)] {
        let signature = signed(&anvil, "eth_signTypedData_v4", json!([address, message.typed_data_json(&domain)]));
        assert_eq!(message.check(INSTANCE, &account, &signature), Ok(()), "{message:?}");
        assert!(message.check([0; 32], &account, &signature).is_err());
    }

    let text = "Sign in to TokEngine";
    let signature = signed(&anvil, "personal_sign", json!([hex::encode_prefixed(text), address]));
    assert_eq!(check_personal_message(text.as_bytes(), &signature, address.parse().unwrap()), Ok(()));
}

#[test]
fn a_contract_account_is_asked_itself() {
    let anvil = Anvil::start(AnvilOptions::default()).unwrap();
    let owner = anvil.accounts()[0].clone();
    let artifact = tokengine_testkit::artifact("ContractWallet").unwrap();
    let wallet = anvil.deploy(&artifact, &[owner.as_str().into()]).unwrap();
    let account: AccountId = format!("eip155:31337:{wallet}").parse().unwrap();
    let message = Message::LinkAccount(LinkAccount {
        account: "treasury".into(),
        linked: account.clone(),
        nonce: 1,
        expiry: 1_900_000_000,
    });
    let domain = Domain::of(&account, INSTANCE).unwrap();
    let signature = signed(&anvil, "eth_signTypedData_v4", json!([owner, message.typed_data_json(&domain)]));
    assert_eq!(
        message.check(INSTANCE, &account, &signature).unwrap_err().code(),
        "signature-other-signer",
        "it is no key"
    );

    let asked = |signature: &[u8]| {
        let question = message.question(INSTANCE, &account, signature).unwrap();
        let call = json!([{"to": question.contract, "data": hex::encode_prefixed(&question.calldata)}, "latest"]);
        let returned = anvil.rpc("eth_call", call).unwrap();
        question.judge(&hex::decode(returned.as_str().unwrap()).unwrap()).map_err(|refusal| refusal.code())
    };
    assert_eq!(asked(&signature), Ok(()));
    let mut other = signature.clone();
    other[40] ^= 1;
    assert_eq!(asked(&other), Err("signature-contract-refuses"));
    assert_eq!(asked(&[]), Err("signature-contract-refuses"));
    anvil.wait_success(&anvil.invoke(&owner, &wallet, &artifact, "invalidate(bool)", &[true.into()]).unwrap()).unwrap();
    assert_eq!(asked(&signature), Err("signature-contract-refuses"), "the contract has taken its word back");

    let nobody = Message::question(
        &message,
        INSTANCE,
        &"eip155:31337:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb".parse().unwrap(),
        &[],
    );
    let question = nobody.unwrap();
    let call = json!([{"to": question.contract, "data": hex::encode_prefixed(&question.calldata)}, "latest"]);
    let returned = anvil.rpc("eth_call", call).unwrap();
    assert_eq!(returned, "0x", "an address without code says nothing");
    assert!(question.judge(&[]).is_err());
}
