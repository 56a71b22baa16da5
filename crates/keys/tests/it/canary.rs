//! Secrets that must not come out: put into everything that can hold one, and looked for in everything that can print.

use std::fmt::{Debug, Display};

use alloy::primitives::hex;
use tokengine_keys::{
    AnySigner, Error, KeyName, KeySpec, KeyStage, Keyring, Keystore, LocalSigner, Mnemonic, ScryptCost, Secret,
    SecretSource, api_key::ApiKeySecret,
};

/// The private key; in hexadecimal it reads 5ec2e75ec2e7…
const KEY: [u8; 32] = {
    let mut key = [0x5e; 32];
    let mut at = 1;
    while at < 32 {
        key[at] = if at % 3 == 1 {
            0xc2
        } else if at % 3 == 2 {
            0xe7
        } else {
            0x5e
        };
        at += 1;
    }
    key
};
const PASSWORD: &str = "the-password-of-the-canary";
const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

/// Fails when `printed` shows any of the secrets, in any of the ways that bytes are printed.
fn silent(what: &str, printed: &str) {
    let low = printed.to_lowercase();
    let decimal = KEY[..4].iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    for canary in [PASSWORD, "winner", "sausage", &hex::encode(KEY)[..12], &decimal, "7f7f7f7f", "127, 127, 127"] {
        assert!(!low.contains(canary), "{what} prints {canary}: {printed}");
    }
}

fn debug(value: &impl Debug) {
    silent(std::any::type_name_of_val(value), &format!("{value:?} {value:#?}"));
}

fn both(value: &(impl Debug + Display)) {
    debug(value);
    silent(std::any::type_name_of_val(value), &value.to_string());
}

#[test]
fn nothing_that_holds_a_secret_prints_it() {
    let password = Secret::new(PASSWORD.to_owned());
    let signer = LocalSigner::from_key(&Secret::new(KEY)).unwrap();
    let mnemonic = Mnemonic::parse(WORDS).unwrap();
    let seed = mnemonic.keys(PASSWORD);
    let deposits = seed.deposit_keys(1).unwrap();
    let key_file = Keystore::encrypt_key(&Secret::new(KEY), &password, ScryptCost::Light, &[3; 64]).unwrap();
    let seed_file = Keystore::encrypt_mnemonic(&mnemonic, &password, ScryptCost::Light, &[3; 64]).unwrap();
    let mut ring = Keyring::default();
    let name = |text: &str| text.parse::<KeyName>().unwrap();
    ring.add(name("hot-1"), KeyStage::Active, signer.clone()).unwrap();
    ring.add_family(name("deposits"), KeyStage::Active, deposits.clone()).unwrap();

    debug(&signer);
    debug(&AnySigner::Local(signer));
    debug(&seed);
    debug(&deposits.signer(0).unwrap());
    debug(&deposits.watch());
    debug(&deposits);
    debug(&key_file);
    debug(&seed_file);
    silent("the text of a keystore", &(key_file.to_json() + &seed_file.to_json()));
    debug(&ring);
}

#[test]
fn no_error_quotes_what_may_be_a_secret() {
    let dir = tempfile::tempdir().unwrap();
    let file = |content: &str| {
        let path = dir.path().join(format!("{:x}", number_of(content)));
        std::fs::write(&path, content).unwrap();
        path
    };
    let hex_key = hex::encode(KEY);
    // Each is a secret where something else was expected, which is how secrets get into logs.
    let errors: Vec<Error> = vec![
        Keystore::read(&file(&hex_key)).unwrap_err(),
        Keystore::read(&file(&format!("\"{hex_key}\""))).unwrap_err(),
        Keystore::read(&file(&format!("{{\"version\": \"{hex_key}\", \"crypto\": \"{WORDS}\"}}"))).unwrap_err(),
        Keystore::read(&file(WORDS)).unwrap_err(),
        LocalSigner::from_hex(&Secret::new(format!("{hex_key}00"))).unwrap_err(),
        LocalSigner::from_hex(&Secret::new(WORDS.to_owned())).unwrap_err(),
        Mnemonic::parse(&hex_key).map(|_| ()).unwrap_err(),
        Mnemonic::parse(&format!("{WORDS} winner")).map(|_| ()).unwrap_err(),
        Mnemonic::parse(&WORDS.replace("yellow", "sausage")).map(|_| ()).unwrap_err(),
        ApiKeySecret::parse(&format!("tok_123456789abc_{hex_key}x")).map(|_| ()).unwrap_err(),
        SecretSource::File(dir.path().join("missing")).read().map(|_| ()).unwrap_err(),
    ];
    for error in &errors {
        both(error);
    }
    let key_file =
        Keystore::encrypt_key(&Secret::new(KEY), &Secret::new(PASSWORD.to_owned()), ScryptCost::Light, &[3; 64]);
    let wrong = key_file.unwrap().decrypt_key(&Secret::new(format!("{PASSWORD}!"))).map(|_| ()).unwrap_err();
    both(&wrong);
}

#[test]
fn a_description_that_holds_a_secret_after_all_does_not_print_it() {
    let description = format!(
        "name = 'vault'\naddress = '{}'\nremote = {{ url = 'http://127.0.0.1/{PASSWORD}' }}",
        LocalSigner::from_key(&Secret::new(KEY)).unwrap().evm_address()
    );
    let spec: KeySpec = toml::from_str(&description).unwrap();
    debug(&spec);
    let ring = Keyring::load(&[spec], std::path::Path::new("")).unwrap();
    debug(&ring);
    debug(&ring.signer(&"vault".parse().unwrap()).unwrap());
}

#[test]
fn a_description_with_a_secret_in_the_wrong_place_is_not_quoted() {
    let hex_key = hex::encode(KEY);
    let xprv = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi";
    for description in [
        format!("private-key = \"{hex_key}\""),
        format!("password = \"{PASSWORD}\""),
        format!("xpub = \"{xprv}\""),
        format!("mnemonic = \"{WORDS}\""),
        format!("mnemonic = {{ env = \"M\" }}\npath = \"{hex_key}\""),
    ] {
        // `message`, as the full text of a TOML error shows the line of the file.
        let refusal = toml::from_str::<KeySpec>(&format!("name = \"k\"\n{description}")).unwrap_err();
        silent("a refused description", refusal.message());
        assert!(!refusal.message().contains("xprv9s21"));
    }
}

/// Any number that differs between the contents of this test.
fn number_of(content: &str) -> usize {
    content.bytes().fold(content.len(), |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}
