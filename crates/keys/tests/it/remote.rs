//! A signer elsewhere, which here is a real node that holds the key, on good days and on bad ones.

use std::time::Duration;

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::{Encodable2718, eip2930::AccessList},
    primitives::{Address, TxKind, U256, hex},
};
use serde_json::json;
use tokengine_keys::{EvmAddress, RemoteSigner, Secret, SignRequest, Signer};
use tokengine_testkit::{Anvil, AnvilOptions, Fault, FaultProxy, free_port};

const BOB: Address = Address::repeat_byte(0xb0);
const METHOD: &str = "eth_signTransaction";

fn transaction() -> TxEip1559 {
    TxEip1559 {
        chain_id: 31337,
        nonce: 0,
        gas_limit: 21_000,
        max_fee_per_gas: 30_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(BOB),
        value: U256::from(5),
        access_list: AccessList::default(),
        input: vec![].into(),
    }
}

fn request() -> SignRequest {
    SignRequest::of(transaction().encoded_for_signing())
}

fn signer(url: &str, address: EvmAddress) -> RemoteSigner {
    RemoteSigner::new(url, address, None, Duration::from_secs(20)).unwrap()
}

/// The first account of the node, which it signs for.
fn first(anvil: &Anvil) -> EvmAddress {
    anvil.accounts()[0].parse().unwrap()
}

#[tokio::test]
async fn what_a_service_signs_is_accepted_by_the_network() {
    let anvil = Anvil::start(AnvilOptions::default()).unwrap();
    let signer = signer(anvil.url(), first(&anvil));
    let signature = signer.sign(&request()).await.unwrap();
    let raw = TxEnvelope::from(transaction().into_signed(signature.alloy())).encoded_2718();
    let hash = anvil.rpc("eth_sendRawTransaction", json!([hex::encode_prefixed(raw)])).unwrap();
    anvil.wait_success(hash.as_str().unwrap()).unwrap();
    assert_eq!(anvil.balance(&BOB.to_string()).unwrap(), 5);

    // A contract is made, and a storage slot announced: the fields that are left out above.
    let mut unusual = transaction();
    unusual.to = TxKind::Create;
    unusual.input = hex!("600160005500").into();
    unusual.access_list =
        AccessList(vec![alloy::eips::eip2930::AccessListItem { address: BOB, storage_keys: vec![U256::ONE.into()] }]);
    let request = SignRequest::of(unusual.encoded_for_signing());
    assert_eq!(signer.sign(&request).await.unwrap().signer_of(request.hash()), Ok(first(&anvil)));
}

#[tokio::test]
async fn a_service_that_is_down_is_asked_again() {
    let anvil = Anvil::start(AnvilOptions::default()).unwrap();
    let proxy = FaultProxy::start(anvil.url()).unwrap();
    let signer = signer(&proxy.url(), first(&anvil));
    for fault in [
        Fault::DropCall,
        Fault::DropAnswer,
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(429),
        Fault::Error { code: -32603, message: "the vault is sealed".into() },
    ] {
        let case = format!("{fault:?}");
        proxy.fault_times(METHOD, 1, fault);
        let error = signer.sign(&request()).await.unwrap_err();
        assert_eq!((error.code(), error.is_transient()), ("signer-down", true), "{case}");
        assert!(signer.sign(&request()).await.is_ok(), "well again after {case}");
    }

    proxy.fault_times(METHOD, 1, Fault::Hang);
    let hasty = RemoteSigner::new(&proxy.url(), first(&anvil), None, Duration::from_millis(200)).unwrap();
    let error = hasty.sign(&request()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the signer of {} gives no answer: nothing within 200ms", first(&anvil)));
    proxy.heal();

    let nobody = format!("http://127.0.0.1:{}/secret-path", free_port().unwrap());
    let error = self::signer(&nobody, first(&anvil)).sign(&request()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the signer of {} gives no answer: it cannot be reached", first(&anvil)));
}

#[tokio::test]
async fn a_service_that_answers_with_something_else_is_not_believed() {
    let anvil = Anvil::start(AnvilOptions::default()).unwrap();
    let proxy = FaultProxy::start(anvil.url()).unwrap();
    let signer = signer(&proxy.url(), first(&anvil));
    let second = anvil.accounts()[1].clone();
    for (case, fault) in [
        ("signs for another receiver", Fault::ask(|call| call["params"][0]["to"] = json!(Address::repeat_byte(0xee)))),
        ("signs another amount", Fault::ask(|call| call["params"][0]["value"] = json!("0x6"))),
        ("signs for another nonce", Fault::ask(|call| call["params"][0]["nonce"] = json!("0x1"))),
        ("signs with another key", Fault::ask(move |call| call["params"][0]["from"] = json!(second))),
        ("answers with nothing", Fault::instead(|_| json!(null))),
        ("answers with a hash", Fault::instead(|_| json!("0x1234"))),
        ("answers with no JSON", Fault::Garbage(b"<html>".to_vec())),
        ("answers without end", Fault::Garbage(vec![b' '; 2 * 1024 * 1024])),
    ] {
        proxy.fault_times(METHOD, 1, fault);
        let error = signer.sign(&request()).await.unwrap_err();
        assert_eq!((error.code(), error.is_transient()), ("signer-wrong-answer", false), "{case}: {error}");
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_words_of_the_service() {
    let anvil = Anvil::start(AnvilOptions::default()).unwrap();
    let stranger = signer(anvil.url(), BOB);
    let error = stranger.sign(&request()).await.unwrap_err();
    assert_eq!((error.code(), error.is_transient()), ("signer-refused", false), "{error}");

    let proxy = FaultProxy::start(anvil.url()).unwrap();
    let signer = signer(&proxy.url(), first(&anvil));
    proxy.fault_times(METHOD, 1, Fault::Error { code: -32000, message: "above\nthe daily limit".into() });
    let error = signer.sign(&request()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the signer of {} refuses: abovethe daily limit (-32000)", first(&anvil)));
    proxy.fault_times(METHOD, 1, Fault::Status(401));
    assert_eq!(signer.sign(&request()).await.unwrap_err().code(), "signer-refused");
}

#[tokio::test]
async fn it_signs_nothing_but_transactions_it_can_show() {
    let nobody = format!("http://127.0.0.1:{}", free_port().unwrap());
    for request in [SignRequest::of_hash(*request().hash()), SignRequest::of(b"\x19\x01 typed data".to_vec())] {
        assert_eq!(signer(&nobody, BOB).sign(&request).await.unwrap_err().code(), "signer-unable");
    }
}

#[test]
fn a_url_must_be_one_without_secrets() {
    for bad in ["", "127.0.0.1:9000", "ftp://127.0.0.1", "http://user:canary@127.0.0.1", "http://canary@127.0.0.1"] {
        let error = RemoteSigner::new(bad, BOB, None, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.code(), "signer-url-invalid", "{bad}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
    let token = Some(Secret::new("canary".to_owned()));
    let signer =
        RemoteSigner::new("http://127.0.0.1:9000/canary?key=canary", BOB, token, Duration::from_secs(1)).unwrap();
    assert!(!format!("{signer:?} {signer:#?}").contains("canary"));
}
