//! Keys by name, from their description to their use; and how one takes over from another.

use std::{fs, path::Path};

use tokengine_keys::{
    DepositAddresses, KeyRef, KeySpec, KeyStage, Keyring, Keystore, Mnemonic, ScryptCost, Secret, SignRequest, Signer,
};

const JUNK: &str = "test test test test test test test test test test test junk";
const FIRST: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const SECOND: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// A folder as an operator has it: a keystore, a seed, their passwords, and bare secrets.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let password = Secret::new("hunter2".to_owned());
    let mnemonic = Mnemonic::parse(JUNK).unwrap();
    let second = mnemonic.keys("").signer(&"m/44'/60'/0'/0/1".parse().unwrap()).unwrap();
    let key = Keystore::encrypt_key(&second.to_key(), &password, ScryptCost::Light, &[1; 64]).unwrap();
    key.write_new(&dir.path().join("second.json")).unwrap();
    let seed = Keystore::encrypt_mnemonic(&mnemonic, &password, ScryptCost::Light, &[2; 64]).unwrap();
    seed.write_new(&dir.path().join("seed.json")).unwrap();
    for (name, content) in [
        ("password", "hunter2\n"),
        ("wrong", "hunter3\n"),
        ("words", JUNK),
        ("passphrase", "TREZOR"),
        ("third", "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a\n"),
    ] {
        fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

#[derive(serde::Deserialize)]
struct Config {
    keys: Vec<KeySpec>,
}

fn specs(text: &str) -> Result<Vec<KeySpec>, String> {
    toml::from_str::<Config>(text).map(|config| config.keys).map_err(|e| e.message().to_owned())
}

fn load(text: &str, base: &Path) -> Result<Keyring, Vec<String>> {
    Keyring::load(&specs(text).unwrap(), base).map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

fn key(text: &str) -> KeyRef {
    text.parse().unwrap()
}

#[tokio::test]
async fn keys_come_from_every_place_that_a_description_can_name() {
    let dir = folder();
    let xpub = Mnemonic::parse(JUNK).unwrap().keys("").deposit_addresses(2).unwrap().xpub();
    let ring = load(
        &format!(
            r#"
            [[keys]]
            name = "first"
            seed = "seed.json"
            password = {{ file = "password" }}
            path = "m/44'/60'/0'/0/0"
            [[keys]]
            name = "second"
            keystore = "second.json"
            password = {{ file = "password" }}
            address = "{SECOND}"
            [[keys]]
            name = "third"
            private-key = {{ file = "third" }}
            [[keys]]
            name = "hidden"
            mnemonic = {{ file = "words" }}
            passphrase = {{ file = "passphrase" }}
            path = "m/44'/60'/0'/0/0"
            [[keys]]
            name = "deposits"
            mnemonic = {{ file = "words" }}
            account = 1
            [[keys]]
            name = "watched"
            xpub = "{xpub}"
            "#
        ),
        dir.path(),
    )
    .unwrap();

    assert_eq!(ring.address(&key("first")).unwrap().to_string(), FIRST);
    assert_eq!(ring.address(&key("second")).unwrap().to_string(), SECOND);
    assert_eq!(ring.address(&key("third")).unwrap().to_string(), "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC");
    assert_ne!(ring.address(&key("hidden")).unwrap().to_string(), FIRST, "a passphrase gives other keys");
    assert_eq!(ring.find(SECOND.parse().unwrap()), Some(key("second")));

    let request = SignRequest::of(b"sweep".to_vec());
    for name in ["first", "second", "third", "hidden", "deposits/0", "deposits/17"] {
        let signer = ring.signer(&key(name)).unwrap();
        let signature = signer.sign(&request).await.unwrap();
        assert_eq!(signature.signer_of(request.hash()), ring.address(&key(name)).map_err(|_| unreachable!()));
    }

    let watched = DepositAddresses::from_xpub(&xpub).unwrap();
    assert_eq!(ring.address(&key("watched/5")).unwrap(), watched.address(5).unwrap());
    assert_eq!(ring.signer(&key("watched/5")).unwrap_err().code(), "key-watch-only");
    for missing in ["fourth", "first/0", "deposits", "watched"] {
        assert_eq!(ring.signer(&key(missing)).unwrap_err().code(), "key-unknown", "{missing}");
        assert_eq!(ring.address(&key(missing)).unwrap_err().code(), "key-unknown", "{missing}");
    }
}

#[tokio::test]
async fn an_old_key_signs_sweeps_while_the_new_one_pays() {
    let dir = folder();
    let ring = load(
        r#"
        [[keys]]
        name = "hot-0"
        seed = "seed.json"
        password = { file = "password" }
        path = "m/44'/60'/0'/0/0"
        stage = "retiring"
        [[keys]]
        name = "hot-1"
        keystore = "second.json"
        password = { file = "password" }
        "#,
        dir.path(),
    )
    .unwrap();
    let pays: Vec<_> =
        ring.single_keys().filter(|(_, stage, _)| *stage == KeyStage::Active).map(|(name, ..)| name.as_str()).collect();
    assert_eq!(pays, ["hot-1"]);
    let sweep = SignRequest::of(b"all that hot-0 has, to hot-1".to_vec());
    let old = ring.signer(&key("hot-0")).unwrap();
    assert_eq!(old.sign(&sweep).await.unwrap().signer_of(sweep.hash()), Ok(FIRST.parse().unwrap()));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let dir = folder();
    let mistakes = load(
        &format!(
            r#"
            [[keys]]
            name = "a"
            keystore = "second.json"
            password = {{ file = "wrong" }}
            [[keys]]
            name = "b"
            keystore = "missing.json"
            password = {{ file = "password" }}
            [[keys]]
            name = "c"
            keystore = "seed.json"
            password = {{ file = "password" }}
            [[keys]]
            name = "d"
            keystore = "second.json"
            password = {{ file = "password" }}
            [[keys]]
            name = "d"
            private-key = {{ file = "third" }}
            [[keys]]
            name = "e"
            mnemonic = {{ file = "words" }}
            path = "m/44'/60'/0'/0/1"
            [[keys]]
            name = "f"
            private-key = {{ file = "third" }}
            address = "{FIRST}"
            [[keys]]
            name = "g"
            private-key = {{ env = "TOKENGINE_SURELY_NOT_SET" }}
            "#
        ),
        dir.path(),
    )
    .unwrap_err();
    let folder = dir.path().display();
    assert_eq!(
        mistakes,
        [
            format!("key a: keystore {folder}/second.json: wrong password"),
            format!("key b: keystore {folder}/missing.json: cannot be read: No such file or directory (os error 2)"),
            format!("key c: keystore {folder}/seed.json: holds a mnemonic, not a private key"),
            "key d: another key has this name".to_owned(),
            "key e: it is the same key as d".to_owned(),
            format!("key f: its address is 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC, and should be {FIRST}"),
            "key g: the secret in environment variable TOKENGINE_SURELY_NOT_SET is of no use: the variable is not set"
                .to_owned(),
        ]
    );
}

#[test]
fn a_description_must_make_sense() {
    for (description, why) in [
        ("", "say one of `keystore`, `private-key`, `seed`, `mnemonic`, `xpub` and `remote`"),
        ("keystore = 'k'", "`keystore` needs `password`"),
        ("seed = 's'\naccount = 1", "`seed` needs `password`"),
        ("keystore = 'k'\npassword = { env = 'P' }\nprivate-key = { env = 'K' }", "say one of"),
        ("seed = 's'\nmnemonic = { env = 'M' }", "exclude each other"),
        ("private-key = { env = 'K' }\npassword = { env = 'P' }", "`password` belongs to"),
        ("mnemonic = { env = 'M' }\npassword = { env = 'P' }\naccount = 1", "`password` belongs to"),
        ("private-key = { env = 'K' }\naccount = 1", "belong to `seed` or `mnemonic`"),
        ("mnemonic = { env = 'M' }", "say either `path`"),
        ("mnemonic = { env = 'M' }\npath = 'm/0'\naccount = 1", "say either `path`"),
        ("mnemonic = { env = 'M' }\npath = '44/60'", "not a derivation path"),
        ("mnemonic = { env = 'M' }\naccount = 2147483648", "above the largest index"),
        ("remote = { url = 'http://127.0.0.1:1' }", "`remote` needs `address`"),
        ("remote = { url = 'http://127.0.0.1:1', timeout-ms = 0 }", "nonzero"),
        ("xpub = 'xpub123'", "not the extended public key"),
        ("private-key = { env = 'K' }\naddress = '0xF39fd6e51aad88F6F4ce6aB8827279cffFb92266'", "right checksum"),
        ("private-key = 'the key itself'", "a secret is never written here"),
        ("private-key = 12345", "a secret is never written here"),
        ("private-key = { file = 'f', env = 'E' }", "a secret is never written here"),
        ("private-key = { vault = 'v' }", "a secret is never written here"),
        ("private-key = {}", "a secret is never written here"),
        ("private-key = { env = 'K' }\ncolour = 'red'", "unknown field `colour`"),
        ("private-key = { env = 'K' }\nstage = 'old'", "unknown variant `old`"),
    ] {
        let refusal = specs(&format!("[[keys]]\nname = \"k\"\n{description}\n")).unwrap_err();
        assert!(refusal.contains(why), "{description:?} gave {refusal:?}, not {why:?}");
    }
    let refusal = specs("[[keys]]\nname = \"Hot 1\"\nprivate-key = { env = 'K' }").unwrap_err();
    assert!(refusal.contains("is not a key reference"), "{refusal}");
}
