use alloy::{dyn_abi::TypedData, primitives::hex};
use proptest::prelude::*;

use super::*;
use crate::{LocalSigner, Secret};

const INSTANCE: [u8; 32] = [0x5a; 32];

fn alice() -> (LocalSigner, AccountId) {
    let signer = LocalSigner::from_key(&Secret::new([0x46; 32])).unwrap();
    let id = format!("eip155:31337:{}", signer.evm_address()).parse().unwrap();
    (signer, id)
}

fn withdrawal(amount: u128, nonce: u128) -> Withdrawal {
    Withdrawal {
        network: "eip155:31338".parse().unwrap(),
        asset: "eip155:31338/erc20:0x6B175474E89094C44Da98b954EedeAC495271d0F".parse().unwrap(),
        amount: Amount::new(amount),
        max_fee: Amount::new(1_000),
        destination: "eip155:31338:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb".parse().unwrap(),
        account: alice().1.to_string(),
        nonce,
        expiry: 1_900_000_000,
    }
}

fn messages(amount: u128, nonce: u128) -> [Message; 3] {
    let transfer = Transfer {
        deposit_network: "eip155:31337".parse().unwrap(),
        deposit_transaction: format!("0x{}", "11".repeat(32)),
        withdrawal: withdrawal(amount, nonce),
    };
    let linked = "eip155:31338:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb".parse().unwrap();
    let link = LinkAccount { account: "treasury".into(), linked, nonce, expiry: 1_900_000_000 };
    [Message::Withdrawal(withdrawal(amount, nonce)), Message::Transfer(transfer), Message::LinkAccount(link)]
}

/// What a wallet would sign, worked out from the JSON alone by a reader that knows none of our types.
fn wallet_hash(message: &Message, domain: &Domain) -> [u8; 32] {
    let data: TypedData = serde_json::from_value(message.typed_data_json(domain)).unwrap();
    data.eip712_signing_hash().unwrap().0
}

proptest! {
    #[test]
    fn a_wallet_signs_the_hash_that_we_check(amount: u128, nonce: u128, chain_id: u128, instance: [u8; 32]) {
        let domain = Domain { chain_id, instance };
        for message in messages(amount, nonce) {
            prop_assert_eq!(wallet_hash(&message, &domain), message.hash(&domain));
        }
    }
}

#[test]
fn the_hashes_never_change() {
    // A customer's signature made yesterday must count today: these change only with DOMAIN_VERSION.
    let domain = Domain { chain_id: 31337, instance: INSTANCE };
    let hashes = messages(5, 7).map(|message| hex::encode(message.hash(&domain)));
    assert_eq!(
        hashes,
        [
            "9c5761737a072c4e2f60e0977eaeab87ec9f769ebb56c3a592949d0792045f29",
            "1fcf3f8e94b43b868493c4b50e1303375c16bfdaa427eb8696537c13b5019d42",
            "8baf6fd19302fc0273c760595d11faafc34858ecc97d51fc3d25ec1cab1f0728",
        ]
    );
}

#[test]
fn a_signature_counts_for_its_message_domain_and_signer_only() {
    let (signer, account) = alice();
    let domain = Domain::of(&account, INSTANCE).unwrap();
    let message = Message::Withdrawal(withdrawal(5, 7));
    let signature = signer.sign_now(&message.hash(&domain)).to_bytes();
    assert_eq!(message.check(INSTANCE, &account, &signature), Ok(()));

    let other = |change: fn(&mut Withdrawal)| {
        let mut other = withdrawal(5, 7);
        change(&mut other);
        Message::Withdrawal(other)
    };
    for (field, message) in [
        ("network", other(|w| w.network = "eip155:1".parse().unwrap())),
        ("asset", other(|w| w.asset = "eip155:31338/slip44:60".parse().unwrap())),
        ("amount", other(|w| w.amount = Amount::new(6))),
        ("maximum fee", other(|w| w.max_fee = Amount::new(1_001))),
        ("destination", other(|w| w.destination = alice().1)),
        ("account", other(|w| w.account = "treasury".into())),
        ("nonce", other(|w| w.nonce = 8)),
        ("expiry", other(|w| w.expiry += 1)),
    ] {
        let refusal = message.check(INSTANCE, &account, &signature).unwrap_err();
        assert_eq!(refusal.code(), "signature-other-signer", "{field}");
    }

    let same_key_elsewhere = account.to_string().replace("31337", "31339").parse().unwrap();
    let somebody: AccountId = "eip155:31337:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb".parse().unwrap();
    for (case, instance, signer) in [
        ("another engine", [0x5b; 32], &account),
        ("the same address on another network", INSTANCE, &same_key_elsewhere),
        ("another account", INSTANCE, &somebody),
    ] {
        let refusal = message.check(instance, signer, &signature).unwrap_err();
        assert_eq!(refusal.code(), "signature-other-signer", "{case}");
    }
    let bitcoin: AccountId =
        "bip122:000000000019d6689c085ae165831e93:128Lkh3S7CkDTBZ8W7BbpsN3YYizJMp8p6".parse().unwrap();
    assert_eq!(message.check(INSTANCE, &bitcoin, &signature).unwrap_err().code(), "signature-namespace");
}

#[test]
fn a_contract_is_asked_about_the_hash_of_its_own_network() {
    let (_, account) = alice();
    let message = Message::Withdrawal(withdrawal(5, 7));
    let question = message.question(INSTANCE, &account, &[1, 2, 3]).unwrap();
    let hash = message.hash(&Domain { chain_id: 31337, instance: INSTANCE });
    assert_eq!(question.contract, alice().0.evm_address());
    assert_eq!(question.calldata[4..36], hash);
    let nowhere = account.to_string().replace("31337", "0").parse().unwrap();
    assert_eq!(message.question(INSTANCE, &nowhere, &[]).unwrap_err().code(), "signature-no-network");
}

#[test]
fn the_largest_chain_id_of_caip2_fits() {
    let id = format!("eip155:{}:{}", "9".repeat(32), alice().0.evm_address()).parse().unwrap();
    let domain = Domain::of(&id, INSTANCE).unwrap();
    assert_eq!(domain.chain_id.to_string(), "9".repeat(32));
    let [message, ..] = messages(1, 1);
    assert_eq!(wallet_hash(&message, &domain), message.hash(&domain));
}
