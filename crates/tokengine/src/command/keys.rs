//! `keys`: keystores, addresses, and the first API key.

use crate::cli::{KeysCommand, KeystoreArgs, ServeArgs};
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::out::Out;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tokengine_api::Scopes;
use tokengine_core::Command;
use tokengine_engine::{Engine, Lane};
use tokengine_keys::{
    KeyName, KeyRef, Keyring, Keystore, LocalSigner, Mnemonic, ScryptCost, Secret, SecretSource, Words,
    api_key::ApiKeySecret, random_bytes,
};

pub(super) fn run(command: KeysCommand, config: &Path, out: Out) -> Result<(), Failure> {
    match command {
        KeysCommand::New { name, family, file } => new(&name, family, &file, out),
        KeysCommand::List => list(config, out),
        KeysCommand::Address { key } => address(config, &key, out),
        KeysCommand::Import { name, from_file, from_env, mnemonic, file } => {
            let source = match (from_file, from_env) {
                (Some(path), None) => SecretSource::File(path),
                (None, Some(name)) => SecretSource::Env(name),
                _ => return Err(Failure::usage("say either --from-file or --from-env")),
            };
            import(&name, &source.read()?, mnemonic, &file, out)
        }
        KeysCommand::ApiKey { name, scopes, out: file, data } => api_key(config, &name, &scopes, file, data, out),
    }
}

fn new(name: &str, family: bool, file: &KeystoreArgs, out: Out) -> Result<(), Failure> {
    let name = name.parse::<KeyName>()?;
    if family {
        let mnemonic = Mnemonic::generate(Words::TwentyFour, &Secret::new(random_bytes::<32>()?));
        return store_mnemonic(&name, &mnemonic, file, out);
    }
    // All but a few of 2^256 numbers are keys; the loop ends at once.
    loop {
        let key = Secret::new(random_bytes::<32>()?);
        if LocalSigner::from_key(&key).is_ok() {
            return store_key(&name, &key, file, out);
        }
    }
}

fn import(name: &str, secret: &Secret<String>, mnemonic: bool, file: &KeystoreArgs, out: Out) -> Result<(), Failure> {
    let name = name.parse::<KeyName>()?;
    if mnemonic {
        store_mnemonic(&name, &Mnemonic::parse(secret.expose())?, file, out)
    } else {
        store_key(&name, &LocalSigner::from_hex(secret)?.to_key(), file, out)
    }
}

fn store_key(name: &KeyName, key: &Secret<[u8; 32]>, file: &KeystoreArgs, out: Out) -> Result<(), Failure> {
    let (path, password) = place(name, file)?;
    let encrypting = out.spinner("encrypting");
    let keystore = Keystore::encrypt_key(key, &password, ScryptCost::Standard, &random_bytes()?)?;
    keystore.write_new(&path)?;
    encrypting.finish_and_clear();
    let address = LocalSigner::from_key(key)?.evm_address();
    let text = format!(
        "{name}: {address}\nWrote {}. To the configuration:\n\n[[key]]\nname = \"{name}\"\nkeystore = \"{}\"\npassword = {}",
        path.display(),
        path.display(),
        password_place(file)
    );
    out.tell(&text, &json!({ "name": name.as_str(), "address": address.to_string(), "keystore": path }));
    Ok(())
}

fn store_mnemonic(name: &KeyName, mnemonic: &Mnemonic, file: &KeystoreArgs, out: Out) -> Result<(), Failure> {
    let (path, password) = place(name, file)?;
    let encrypting = out.spinner("encrypting");
    let keystore = Keystore::encrypt_mnemonic(mnemonic, &password, ScryptCost::Standard, &random_bytes()?)?;
    keystore.write_new(&path)?;
    encrypting.finish_and_clear();
    let first = mnemonic.keys("").deposit_keys(0)?.address(0)?;
    let text = format!(
        "{name}: a family, its first address is {first}\nWrote {}. To the configuration:\n\n[[key]]\nname = \"{name}\"\nseed = \"{}\"\npassword = {}\naccount = 0",
        path.display(),
        path.display(),
        password_place(file)
    );
    out.tell(&text, &json!({ "name": name.as_str(), "first_address": first.to_string(), "keystore": path }));
    Ok(())
}

/// Where the keystore goes, and what it is locked with.
fn place(name: &KeyName, args: &KeystoreArgs) -> Result<(PathBuf, Secret<String>), Failure> {
    let path = args.keystore.clone().unwrap_or_else(|| Path::new("keys").join(format!("{name}.json")));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Failure::system(folder.display(), error))?;
    }
    let source = match (&args.password_file, &args.password_env) {
        (Some(file), None) => {
            if args.make_password {
                let random: String = random_bytes::<24>()?.iter().map(|byte| format!("{byte:02x}")).collect();
                write_secret(file, &Secret::new(random))?;
            }
            SecretSource::File(file.clone())
        }
        (None, Some(name)) => SecretSource::Env(name.clone()),
        _ => return Err(Failure::usage("say either --password-file or --password-env")),
    };
    Ok((path, source.read()?))
}

fn password_place(args: &KeystoreArgs) -> String {
    match (&args.password_file, &args.password_env) {
        (Some(file), _) => format!("{{ file = \"{}\" }}", file.display()),
        (None, name) => format!("{{ env = \"{}\" }}", name.as_deref().unwrap_or_default()),
    }
}

/// Writes a secret to a new file that only its owner may read.
pub(crate) fn write_secret(file: &Path, secret: &Secret<String>) -> Result<(), Failure> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).map_err(|error| Failure::system(folder.display(), error))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(file).and_then(|mut file| {
        file.write_all(secret.expose().as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| Failure::system(format!("writing {}", file.display()), error))
}

fn keyring(config: &Path, out: Out) -> Result<Keyring, Failure> {
    let config = super::load(config, &ServeArgs::default())?;
    let opening = out.spinner("opening keys");
    let keys = Keyring::load(&config.keys, &config.base);
    opening.finish_and_clear();
    Ok(keys?)
}

fn list(config: &Path, out: Out) -> Result<(), Failure> {
    let keys = keyring(config, out)?;
    let (mut text, mut list) = (String::new(), Vec::new());
    for (name, stage, address) in keys.single_keys() {
        let stage = format!("{stage:?}").to_lowercase();
        text += &format!("{name}  {address}  {stage}\n");
        list.push(json!({ "name": name.as_str(), "address": address.to_string(), "stage": stage }));
    }
    for (name, stage) in keys.families() {
        let stage = format!("{stage:?}").to_lowercase();
        let first = keys.deposit_addresses(name)?.address(0)?;
        text += &format!("{name}/0..  {first}  {stage}, a family\n");
        list.push(json!({ "name": name.as_str(), "first_address": first.to_string(), "stage": stage }));
    }
    out.tell(&text, &json!({ "keys": list }));
    Ok(())
}

fn address(config: &Path, key: &str, out: Out) -> Result<(), Failure> {
    let key: KeyRef = key.parse::<KeyRef>()?;
    let address = keyring(config, out)?.address(&key)?.to_string();
    out.tell(&address, &json!({ "key": key.to_string(), "address": address }));
    Ok(())
}

/// Every scope by `all`, else those of the names.
pub(crate) fn scopes(names: &[String]) -> Result<Scopes, Failure> {
    if names.iter().any(|name| name == "all") {
        return Ok(Scopes::all());
    }
    Scopes::parse(names.iter().map(String::as_str)).map_err(|name| {
        let all = Scopes::all().names().join(", ");
        Failure::usage(format!("{name} is no scope; there are {all}, and `all` for every one"))
    })
}

fn api_key(
    config: &Path,
    name: &str,
    names: &[String],
    file: Option<PathBuf>,
    data: Option<PathBuf>,
    out: Out,
) -> Result<(), Failure> {
    let scopes = scopes(names)?;
    let config = super::load(config, &ServeArgs { data, ..ServeArgs::default() })?;
    let secret = ApiKeySecret::generate(&Secret::new(random_bytes()?));
    // The file first: a key that nobody knows is of no use, and a file without a key harms nobody.
    if let Some(file) = &file {
        write_secret(file, &secret.reveal())?;
    }
    let starting = out.spinner("opening the journal");
    let added = add_api_key(&config, name, &secret, scopes);
    starting.finish_and_clear();
    if let (Err(_), Some(file)) = (&added, &file) {
        let _ = std::fs::remove_file(file); // it was made just now, and is good for nothing
    }
    added?;
    let names = scopes.names();
    let mut value = json!({ "name": name, "prefix": secret.prefix(), "scopes": names });
    let text = match &file {
        Some(file) => {
            value["file"] = json!(file);
            format!("{name}: written to {}", file.display())
        }
        None => {
            value["secret"] = json!(secret.reveal().expose());
            format!("{}\nThis is the only time it is shown.", secret.reveal().expose())
        }
    };
    out.tell(&text, &value);
    Ok(())
}

/// Adds an API key to the books of an engine that is not running.
pub(crate) fn add_api_key(config: &Config, name: &str, secret: &ApiKeySecret, scopes: Scopes) -> Result<(), Failure> {
    let engine = Engine::open(crate::serve::engine_options(&config.engine)?, None, |_| {})?;
    let command = Command::AddKey { name: name.into(), hash: secret.hash(), scopes: scopes.bits() };
    let added = engine.handle().submit_blocking(Lane::Client, command);
    engine.stop()?;
    added.map(drop).map_err(|error| match error {
        tokengine_engine::Error::Refused(refused) => {
            Failure::new(Exit::Refused, refused.rejection.code(), format!("key {name}: {}", refused.rejection))
        }
        error => error.into(),
    })
}
