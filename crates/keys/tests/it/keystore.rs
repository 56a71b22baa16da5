//! Files: ours read by others, others' read by us, and what damage and mistakes give.

use std::{fs, path::Path};

use alloy::primitives::hex;
use serde_json::{Value, json};
use tokengine_keys::{Content, Keystore, LocalSigner, Mnemonic, ScryptCost, Secret};

const JUNK: &str = "test test test test test test test test test test test junk";

fn password(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn key_file(key: [u8; 32]) -> Keystore {
    Keystore::encrypt_key(&Secret::new(key), &password("hunter2"), ScryptCost::Light, &[9; 64]).unwrap()
}

/// The test vector of the Web3 Secret Storage definition. (Its other one has scrypt numbers that scrypt itself forbids, n not
/// below 2^(16 r); no program makes such files.)
const PBKDF2_VECTOR: &str = r#"{
    "crypto" : {
        "cipher" : "aes-128-ctr",
        "cipherparams" : { "iv" : "6087dab2f9fdbbfaddc31a909735c1e6" },
        "ciphertext" : "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
        "kdf" : "pbkdf2",
        "kdfparams" : {
            "c" : 262144, "dklen" : 32, "prf" : "hmac-sha256",
            "salt" : "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"
        },
        "mac" : "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"
    },
    "id" : "3198bc9c-6672-5ab3-d995-4942343ae5b6",
    "version" : 3
}"#;
#[test]
fn the_vector_of_the_standard_opens() {
    let keystore = Keystore::parse(PBKDF2_VECTOR).unwrap();
    let key = keystore.decrypt_key(&password("testpassword")).unwrap();
    assert_eq!(hex::encode(key.expose()), "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d");
    let wrong = keystore.decrypt_key(&password("testpasswort")).map(|_| ()).unwrap_err();
    assert_eq!(wrong.to_string(), "keystore (text): wrong password, or the file is damaged");
}

#[test]
fn foundry_reads_our_files_and_we_read_its() {
    // `eth-keystore` is the library that Foundry's `cast wallet` uses.
    let dir = tempfile::tempdir().unwrap();
    let ours = dir.path().join("ours.json");
    key_file([0x46; 32]).write_new(&ours).unwrap();
    assert_eq!(eth_keystore::decrypt_key(&ours, "hunter2").unwrap(), [0x46; 32]);

    eth_keystore::encrypt_key(dir.path(), &mut rand::thread_rng(), [0x47; 32], "hunter2", Some("theirs")).unwrap();
    let theirs = Keystore::read(&dir.path().join("theirs")).unwrap();
    assert_eq!((theirs.content(), theirs.address()), (Content::PrivateKey, None));
    assert_eq!(*theirs.decrypt_key(&password("hunter2")).unwrap().expose(), [0x47; 32]);
}

#[test]
fn a_key_comes_back_out_of_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hot-1.json");
    key_file([0x46; 32]).write_new(&path).unwrap();
    let keystore = Keystore::read(&path).unwrap();
    let signer = LocalSigner::from_key(&keystore.decrypt_key(&password("hunter2")).unwrap()).unwrap();
    assert_eq!(keystore.address(), Some(signer.evm_address()));
    assert_eq!(signer.evm_address().to_string(), "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");
}

#[test]
fn a_mnemonic_comes_back_out_of_its_file() {
    for words in [JUNK.to_owned(), format!("{}vote", "zoo ".repeat(23))] {
        let mnemonic = Mnemonic::parse(&words).unwrap();
        let file = Keystore::encrypt_mnemonic(&mnemonic, &password("hunter2"), ScryptCost::Light, &[9; 64]).unwrap();
        let file = Keystore::parse(&file.to_json()).unwrap();
        assert_eq!((file.content(), file.address()), (Content::Bip39Entropy, None));
        assert_eq!(*file.decrypt_mnemonic(&password("hunter2")).unwrap().words().expose(), words);
        let as_key = file.decrypt_key(&password("hunter2")).map(|_| ()).unwrap_err();
        assert_eq!(as_key.to_string(), "keystore (text): holds a mnemonic, not a private key");
    }
    let as_mnemonic = key_file([0x46; 32]).decrypt_mnemonic(&password("hunter2")).map(|_| ()).unwrap_err();
    assert_eq!(as_mnemonic.code(), "keystore-other-content");
}

#[test]
fn a_file_is_whole_private_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hot-1.json");
    key_file([0x46; 32]).write_new(&path).unwrap();
    let before = fs::read(&path).unwrap();
    let again = key_file([0x47; 32]).write_new(&path).unwrap_err();
    assert_eq!(again.code(), "keystore-exists");
    assert_eq!(fs::read(&path).unwrap(), before);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["hot-1.json"], "no draft is left behind");

    let nowhere = key_file([0x46; 32]).write_new(&dir.path().join("missing/hot-1.json")).unwrap_err();
    assert_eq!(nowhere.code(), "keystore-unwritable");
    assert_eq!(Keystore::read(Path::new("/nowhere/hot-1.json")).unwrap_err().code(), "keystore-unreadable");
}

#[test]
fn a_wrong_password_is_told_from_damage() {
    let good = key_file([0x46; 32]).to_json();
    let wrong = Keystore::parse(&good).unwrap().decrypt_key(&password("hunter3")).map(|_| ()).unwrap_err();
    assert_eq!(
        (wrong.code(), wrong.to_string().as_str()),
        ("keystore-wrong-password", "keystore (text): wrong password")
    );

    // Every digit and letter counts: change one, and the file says that it is damaged. (But for the name of our own mark:
    // without that it is a file of another program.)
    let mut checked = 0;
    let mark = good.find("x-tokengine").unwrap();
    for at in (0..good.len()).filter(|at| !(mark..mark + "x-tokengine".len()).contains(at)) {
        let byte = good.as_bytes()[at];
        let changed = match byte {
            b'0'..=b'8' | b'a'..=b'e' => byte + 1,
            b'9' | b'f' => byte - 1,
            _ => continue,
        };
        let mut bytes = good.clone().into_bytes();
        bytes[at] = changed;
        let read = Keystore::parse(std::str::from_utf8(&bytes).unwrap());
        let problem = read.expect_err("a changed file is not read");
        assert!(matches!(problem.code(), "keystore-damaged" | "keystore-unsupported"), "{problem}");
        checked += 1;
    }
    assert!(checked > 300);
    for cut in [0, 1, good.len() / 2, good.len() - 3] {
        assert_eq!(Keystore::parse(&good[..cut]).unwrap_err().code(), "keystore-damaged");
    }
}

/// One of our files as another program would write it, with one value changed.
fn foreign(pointer: &str, value: Value) -> String {
    let mut file: Value = serde_json::from_str(&key_file([0x46; 32]).to_json()).unwrap();
    file.as_object_mut().unwrap().remove("x-tokengine");
    *file.pointer_mut(pointer).unwrap() = value;
    file.to_string()
}

fn opened(text: &str) -> Result<(), &'static str> {
    let key = Keystore::parse(text).and_then(|file| file.decrypt_key(&password("hunter2")));
    key.map(|_| ()).map_err(|e| e.code())
}

#[test]
fn a_hostile_file_costs_nothing() {
    assert_eq!(opened(&foreign("/id", json!("anything"))), Ok(()));
    for (case, pointer, value, code) in [
        ("a version we do not know", "/version", json!(4), "keystore-unsupported"),
        ("memory beyond the machine", "/crypto/kdfparams/n", json!(1_u64 << 40), "keystore-unsupported"),
        ("numbers that overflow", "/crypto/kdfparams/n", json!(1_u64 << 63), "keystore-unsupported"),
        ("time without end", "/crypto/kdfparams/p", json!(u32::MAX), "keystore-unsupported"),
        ("r of nothing", "/crypto/kdfparams/r", json!(0), "keystore-damaged"),
        ("n of no power of two", "/crypto/kdfparams/n", json!(4095), "keystore-damaged"),
        ("n of nothing", "/crypto/kdfparams/n", json!(0), "keystore-damaged"),
        ("n below zero", "/crypto/kdfparams/n", json!(-1), "keystore-damaged"),
        ("no n", "/crypto/kdfparams/n", json!(null), "keystore-damaged"),
        ("a key too short", "/crypto/kdfparams/dklen", json!(16), "keystore-damaged"),
        ("a cipher we do not know", "/crypto/cipher", json!("aes-128-cbc"), "keystore-unsupported"),
        ("a derivation we do not know", "/crypto/kdf", json!("argon2"), "keystore-unsupported"),
        ("the other derivation's numbers", "/crypto/kdf", json!("pbkdf2"), "keystore-damaged"),
        ("an iv of half the length", "/crypto/cipherparams/iv", json!("0909090909090909"), "keystore-damaged"),
        ("no hexadecimal", "/crypto/ciphertext", json!("zz"), "keystore-damaged"),
        ("a byte of a key", "/crypto/ciphertext", json!("09"), "keystore-wrong-password"),
        ("no mac", "/crypto/mac", json!(""), "keystore-wrong-password"),
        ("no address", "/address", json!("0x1234"), "keystore-damaged"),
        ("somebody else's address", "/address", json!("00".repeat(20)), "keystore-damaged"),
    ] {
        assert_eq!(opened(&foreign(pointer, value)), Err(code), "{case}");
    }
    let rounds = PBKDF2_VECTOR.replacen("262144", "4294967295", 1);
    assert_eq!(opened(&rounds), Err("keystore-unsupported"));
}

#[test]
fn an_empty_password_is_refused() {
    let refusal = Keystore::encrypt_key(&Secret::new([1; 32]), &password(""), ScryptCost::Light, &[9; 64]);
    assert_eq!(refusal.unwrap_err().code(), "keystore-empty-password");
}
