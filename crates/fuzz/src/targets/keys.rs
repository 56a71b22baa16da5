//! Keys and signatures as they come from files and customers, and signed transactions.

use serde_json::Value;
use tokengine_caip::{AccountId, AssetId, ChainId};
use tokengine_chain::evm::tx::{Payload, Signature, Signed};
use tokengine_chain::fees::Fees;
use tokengine_core::{Address, Amount};
use tokengine_keys::signature::{bytes_from_hex, check_personal_message};
use tokengine_keys::typed::{Domain, LinkAccount, Message, Transfer, Withdrawal};
use tokengine_keys::{EvmAddress, Keystore, LocalSigner, Mnemonic, RecoverableSignature, ScryptCost, Secret, erc1271};

use crate::{Shape, Target};

const PASSWORD: &str = "password";

pub(super) fn signer() -> LocalSigner {
    LocalSigner::from_key(&Secret::new([0x11; 32])).expect("a key")
}

/// Keystore files.
pub(super) struct Keystores;

impl Target for Keystores {
    fn name(&self) -> &'static str {
        "keystore"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        let password = Secret::new(PASSWORD.to_owned());
        let key = Keystore::encrypt_key(&Secret::new([0x11; 32]), &password, ScryptCost::Light, &[7; 64]);
        let words = Mnemonic::from_entropy(&[3; 16]).expect("16 bytes");
        let seed = Keystore::encrypt_mnemonic(&words, &password, ScryptCost::Light, &[8; 64]);
        // As other programs write them, with little work to do.
        let other = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},
            "ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2",
            "kdfparams":{"c":16,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},
            "mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"version":3}"#;
        let cheap = r#"{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"83dbcc02d8ccb40e466191a123791e0e"},
            "ciphertext":"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c","kdf":"scrypt",
            "kdfparams":{"dklen":32,"n":16,"p":1,"r":1,"salt":"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19"},
            "mac":"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097"},"version":3}"#;
        let own = [key, seed].map(|made| made.expect("encrypted").to_json());
        own.into_iter().chain([other.to_owned(), cheap.to_owned()]).map(String::into_bytes).collect()
    }

    fn shape(&self) -> Shape {
        Shape::Json
    }

    fn words(&self) -> &'static [&'static str] {
        &["scrypt", "pbkdf2", "aes-128-ctr", "hmac-sha256", "bip39-entropy", "private-key", "00"]
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
        let keystore = match Keystore::parse(text) {
            Ok(keystore) => keystore,
            Err(error) => return super::kind(&error.to_string()),
        };
        let printed = keystore.to_json();
        let again = Keystore::parse(&printed).expect("what we print reads back");
        assert_eq!(again.to_json(), printed);
        let _ = (keystore.content(), keystore.address());
        if !cheap(text) {
            return "dear".to_owned();
        }
        let password = Secret::new(PASSWORD.to_owned());
        let key = keystore.decrypt_key(&password).map(drop).map_err(|error| super::kind(&error.to_string()));
        let words = keystore.decrypt_mnemonic(&password).map(drop).map_err(|error| super::kind(&error.to_string()));
        format!("{key:?} {words:?}")
    }
}

/// Whether opening it is little work: what it may cost at most is a limit of the decoder's own, with tests of its own.
fn cheap(text: &str) -> bool {
    let file: Value = serde_json::from_str(text).unwrap_or_default();
    let crypto = file.get("crypto").or(file.get("Crypto")).cloned().unwrap_or_default();
    let number = |name: &str| crypto["kdfparams"][name].as_u64().unwrap_or(0);
    let work =
        [number("n"), number("r").max(1), number("p").max(1)].iter().try_fold(1_u64, |all, n| all.checked_mul(*n));
    work.is_some_and(|work| work <= 1 << 10) && number("c") <= 100
}

/// Signatures over messages: JSON with what is signed, by whom, and the signature.
pub(super) struct Signatures;

const INSTANCE: [u8; 32] = [0x5a; 32];

impl Target for Signatures {
    fn name(&self) -> &'static str {
        "signature"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        let by = format!("eip155:1:{}", signer().evm_address());
        let base = serde_json::json!({
            "account": by, "signer": by, "asset": "eip155:1/slip44:60", "amount": "15", "max_fee": "1",
            "destination": "eip155:1:0x22227A31dd842196A246d8f3b775998560eAa61d", "nonce": "7", "expiry": 1_800_000_000_u64,
            "deposit": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060", "kind": "withdrawal",
        });
        let sign = |kind: &str| {
            let mut body = base.clone();
            body["kind"] = kind.into();
            let (message, account) = message(&body).expect("an example");
            let domain = Domain::of(&account, INSTANCE).expect("an EVM");
            let signature = signer().sign_now(&message.hash(&domain)).to_bytes();
            body["signature"] = hex(&signature).into();
            body.to_string().into_bytes()
        };
        ["withdrawal", "transfer", "link"].map(sign).to_vec()
    }

    fn shape(&self) -> Shape {
        Shape::Json
    }

    fn words(&self) -> &'static [&'static str] {
        &["withdrawal", "transfer", "link", "eip155:1:", "0x", "1b", "1c", "00", "ff"]
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        let Ok(body) = serde_json::from_slice::<Value>(input) else { return "no JSON".to_owned() };
        let text = body["signature"].as_str().unwrap_or_default();
        let bytes = match bytes_from_hex(text) {
            Ok(bytes) => bytes,
            Err(error) => return error.code().to_owned(),
        };
        let mut answer = String::new();
        if let Ok(signature) = RecoverableSignature::from_bytes(&bytes) {
            let again = RecoverableSignature::from_bytes(&signature.to_bytes()).expect("what we print reads back");
            assert_eq!(again.to_bytes(), signature.to_bytes());
            let _ = signature.signer_of(&INSTANCE);
            answer += "signature ";
        }
        let _ = check_personal_message(text.as_bytes(), &bytes, signer().evm_address());
        if let Ok(question) = erc1271::Question::new(EvmAddress::ZERO, &INSTANCE, &bytes) {
            let _ = question.judge(&bytes);
        }
        let Some((message, by)) = message(&body) else { return answer };
        match message.check(INSTANCE, &by, &bytes) {
            Ok(()) => {
                let domain = Domain::of(&by, INSTANCE).expect("its signature was checked in it");
                let shown = message.typed_data_json(&domain);
                assert!(shown["message"].is_object() && !message.hash(&domain).iter().all(|byte| *byte == 0));
                answer + "good"
            }
            Err(error) => answer + error.code(),
        }
    }
}

fn message(body: &Value) -> Option<(Message, AccountId)> {
    let text = |name: &str| body[name].as_str();
    let amount = |name: &str| Amount::parse_base_units(text(name)?).ok();
    let asset: AssetId = text("asset")?.parse().ok()?;
    let (nonce, expiry) = (text("nonce")?.parse().ok()?, body["expiry"].as_u64()?);
    let by: AccountId = text("signer")?.parse().ok()?;
    let withdrawal = Withdrawal {
        network: asset.chain_id(),
        asset,
        amount: amount("amount")?,
        max_fee: amount("max_fee")?,
        destination: text("destination")?.parse().ok()?,
        account: text("account")?.to_owned(),
        nonce,
        expiry,
    };
    let message = match text("kind")? {
        "withdrawal" => Message::Withdrawal(withdrawal),
        "transfer" => Message::Transfer(Transfer {
            deposit_network: text("account").and_then(|id| id.rsplit_once(':')?.0.parse::<ChainId>().ok())?,
            deposit_transaction: text("deposit")?.to_owned(),
            withdrawal,
        }),
        _ => {
            let linked = withdrawal.destination;
            Message::LinkAccount(LinkAccount { account: withdrawal.account, linked, nonce, expiry })
        }
    };
    Some((message, by))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Signed transactions of an EVM network.
pub(super) struct Transactions;

impl Target for Transactions {
    fn name(&self) -> &'static str {
        "transaction"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        let address = |text: &str| Address::new(text).expect("short");
        let to = address("0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045");
        let token = Payload::token(&to, &to, Amount::new(5)).expect("an address");
        let dynamic = Fees::Dynamic { max_fee: 20_000_000_000, priority: 1_000_000_000 };
        let drafts = [
            Payload::native(&to, Amount::new(1 << 60)).draft(1, 9, 21_000, Fees::Legacy { gas_price: 20_000_000_000 }),
            Payload::native(&to, Amount::new(1)).draft(u64::MAX >> 2, 0, 21_000, dynamic),
            token.draft(10, 300, 65_000, dynamic),
        ];
        let from = address(&signer().evm_address().to_string());
        let signed = drafts.map(|draft| {
            let signature = signer().sign_now(&draft.signing_hash().expect("a hash"));
            let signature = Signature { r: signature.r(), s: signature.s(), y_parity: signature.y_parity() };
            draft.signed(&signature, &from).expect("signed").raw
        });
        signed.to_vec()
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        match Signed::decode(input) {
            Ok(signed) => {
                assert_eq!(signed.raw, input, "the bytes that were given");
                let _ = signed.draft.payload().token_transfer();
                assert!(signed.draft.signing_hash().is_ok(), "what can be read can be signed");
                "read".to_owned()
            }
            Err(error) => super::kind(&error.to_string()),
        }
    }
}
