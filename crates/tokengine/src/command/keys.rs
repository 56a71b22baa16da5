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
        KeysCommand::New { name, family, file } => new(&name, family, &Place::of(config, &name, &file)?, out),
        KeysCommand::List => list(config, out),
        KeysCommand::Address { key } => address(config, &key, out),
        KeysCommand::Import { name, from_file, from_env, mnemonic, file } => {
            let source = match (from_file, from_env) {
                (Some(path), None) => SecretSource::File(path),
                (None, Some(name)) => SecretSource::Env(name),
                _ => return Err(Failure::usage("say either --from-file or --from-env")),
            };
            import(&name, &source.read()?, mnemonic, &Place::of(config, &name, &file)?, out)
        }
        KeysCommand::ApiKey { name, scopes, out: file, data } => api_key(config, &name, &scopes, file, data, out),
    }
}

fn new(name: &str, family: bool, place: &Place, out: Out) -> Result<(), Failure> {
    let name = name.parse::<KeyName>()?;
    if family {
        let mnemonic = Mnemonic::generate(Words::TwentyFour, &Secret::new(random_bytes::<32>()?));
        return store_mnemonic(&name, &mnemonic, place, out);
    }
    // All but a few of 2^256 numbers are keys; the loop ends at once.
    loop {
        let key = Secret::new(random_bytes::<32>()?);
        if LocalSigner::from_key(&key).is_ok() {
            return store_key(&name, &key, place, out);
        }
    }
}

fn import(name: &str, secret: &Secret<String>, mnemonic: bool, place: &Place, out: Out) -> Result<(), Failure> {
    let name = name.parse::<KeyName>()?;
    if mnemonic {
        store_mnemonic(&name, &Mnemonic::parse(secret.expose())?, place, out)
    } else {
        store_key(&name, &LocalSigner::from_hex(secret)?.to_key(), place, out)
    }
}

fn store_key(name: &KeyName, key: &Secret<[u8; 32]>, place: &Place, out: Out) -> Result<(), Failure> {
    let password = place.password()?;
    let encrypting = out.spinner("encrypting");
    let keystore = Keystore::encrypt_key(key, &password, ScryptCost::Standard, &random_bytes()?)?;
    keystore.write_new(&place.keystore)?;
    encrypting.finish_and_clear();
    let address = LocalSigner::from_key(key)?.evm_address();
    let entry = format!("keystore = \"{}\"\npassword = {}", place.shown_keystore, place.shown_password);
    let text = format!("{name}: {address}\n{}", place.wrote(name, &entry));
    out.tell(&text, &json!({ "name": name.as_str(), "address": address.to_string(), "keystore": place.keystore }));
    Ok(())
}

fn store_mnemonic(name: &KeyName, mnemonic: &Mnemonic, place: &Place, out: Out) -> Result<(), Failure> {
    let password = place.password()?;
    let encrypting = out.spinner("encrypting");
    let keystore = Keystore::encrypt_mnemonic(mnemonic, &password, ScryptCost::Standard, &random_bytes()?)?;
    keystore.write_new(&place.keystore)?;
    encrypting.finish_and_clear();
    let first = mnemonic.keys("").deposit_keys(0)?.address(0)?;
    let entry = format!("seed = \"{}\"\npassword = {}\naccount = 0", place.shown_keystore, place.shown_password);
    let text = format!("{name}: a family, its first address is {first}\n{}", place.wrote(name, &entry));
    out.tell(&text, &json!({ "name": name.as_str(), "first_address": first.to_string(), "keystore": place.keystore }));
    Ok(())
}

/// Where a keystore goes, and what it is locked with.
struct Place {
    keystore: PathBuf,
    password: SecretSource,
    /// A password is made and kept there first.
    make: Option<PathBuf>,
    /// As the configuration would say it.
    shown_keystore: String,
    shown_password: String,
    /// The configuration has this key already, in this place.
    is_configured: bool,
}

impl Place {
    /// Where the flags say; else `keys/` and `secrets/` beside the configuration.
    fn of(config: &Path, name: &str, args: &KeystoreArgs) -> Result<Self, Failure> {
        let name = name.parse::<KeyName>()?;
        let base = config.parent().unwrap_or(Path::new(""));
        // Flags speak of the folder one is in, the configuration of the folder it is in.
        let absolute = |path: &Path| {
            let path = std::path::absolute(path).map_err(|error| Failure::system(path.display(), error));
            path.map(|path| path.display().to_string())
        };
        let (keystore, shown_keystore) = match &args.keystore {
            Some(path) => (path.clone(), absolute(path)?),
            None => (base.join(format!("keys/{name}.json")), format!("keys/{name}.json")),
        };
        let (password, make, shown_password) = match (&args.password_file, &args.password_env) {
            (Some(file), _) => {
                let shown = format!("{{ file = \"{}\" }}", absolute(file)?);
                (SecretSource::File(file.clone()), args.make_password.then(|| file.clone()), shown)
            }
            (None, Some(variable)) => {
                (SecretSource::Env(variable.clone()), None, format!("{{ env = \"{variable}\" }}"))
            }
            (None, None) => {
                let file = base.join(format!("secrets/{name}"));
                let make = (!file.exists()).then(|| file.clone());
                (SecretSource::File(file), make, format!("{{ file = \"secrets/{name}\" }}"))
            }
        };
        if keystore.exists() {
            return Err(Failure::new(
                Exit::Refused,
                "file-exists",
                format!("{} is there already and stays as it is", keystore.display()),
            ));
        }
        let is_configured = Config::names_key(config, name.as_str(), &shown_keystore);
        Ok(Self { keystore, password, make, shown_keystore, shown_password, is_configured })
    }

    fn password(&self) -> Result<Secret<String>, Failure> {
        if let Some(folder) = self.keystore.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Failure::system(folder.display(), error))?;
        }
        if let Some(file) = &self.make {
            let random: String = random_bytes::<24>()?.iter().map(|byte| format!("{byte:02x}")).collect();
            write_secret(file, &Secret::new(random))?;
        }
        Ok(self.password.read()?)
    }

    /// What was written, and what the configuration says of it, if it does not say so yet.
    fn wrote(&self, name: &KeyName, entry: &str) -> String {
        let mut text = format!("Wrote {}", self.keystore.display());
        if let Some(file) = &self.make {
            text += &format!(", and its new password to {}: keep them apart", file.display());
        }
        if self.is_configured {
            return text + ".";
        }
        format!("{text}. To the configuration:\n\n[[key]]\nname = \"{name}\"\n{entry}")
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
    super::open_without_nodes(config, &ServeArgs::default(), out).map(|(_, keys)| keys)
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
    let config = super::load_without_nodes(config, &ServeArgs { data, ..ServeArgs::default() })?;
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
