//! The contracts that tests run against: an honest token, every kind of ill-behaved one, and what surrounds them.
//!
//! The sources are in `contracts/`. They are compiled once, with a compiler from the peers' folder, into one file there
//! whose name covers every byte that decides its content.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{
    Error,
    abi::{self, Arg},
    npm,
    peers::{Progress, content_id, once},
    process::run,
};

macro_rules! sources {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../contracts/", $name)))),*] };
}

const SOURCES: &[(&str, &str)] = sources![
    "Accounts.sol",
    "Faces.sol",
    "FakeToken.sol",
    "FeeToken.sol",
    "HookToken.sol",
    "Multicall.sol",
    "OddReturnTokens.sol",
    "Payees.sol",
    "Payers.sol",
    "RebasingToken.sol",
    "TestNft.sol",
    "TestToken.sol",
    "UpgradeableToken.sol",
];
const COMPILER: &str = include_str!("../scripts/compile.cjs");

/// The compiler is itself a program for a virtual machine, and slow on a loaded one.
const COMPILES_WITHIN: Duration = Duration::from_secs(300);

/// A compiled contract.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Its name in the source.
    pub name: String,
    /// Its interface, as the compiler describes it.
    pub abi: Value,
    /// What a deployment sends, before the arguments of the constructor.
    pub bytecode: Vec<u8>,
    /// The four bytes (8 hexadecimal digits) that stand for each function, by its signature.
    pub selectors: BTreeMap<String, String>,
}

impl Artifact {
    /// What a transaction's `data` must be to call a function: `"mint(address,uint256)"`.
    ///
    /// # Errors
    /// [`Error::Unexpected`] when the contract has no such function or an argument cannot be encoded.
    pub fn call(&self, function: &str, args: &[Arg]) -> Result<String, Error> {
        let selector = self.selectors.get(function).ok_or_else(|| Error::Unexpected {
            what: format!("function {function} of {}", self.name),
            got: self.selectors.keys().map(String::as_str).collect::<Vec<_>>().join(" "),
        })?;
        Ok(format!("0x{selector}{}", abi::to_hex(&abi::encode(args)?).trim_start_matches("0x")))
    }
}

/// The contract of that name, compiled (the first time, for all of them).
///
/// # Errors
/// Those of [`crate::install`]; [`Error::Compile`] with the compiler's words; [`Error::NoContract`].
pub fn artifact(name: &str) -> Result<Artifact, Error> {
    let path = compiled(&mut |_| {})?;
    let text = fs::read_to_string(&path).map_err(Error::io(format!("reading {}", path.display())))?;
    let unexpected =
        || Error::Unexpected { what: format!("{name} in {}", path.display()), got: "something else".into() };
    let all: Value = serde_json::from_str(&text).map_err(|_| unexpected())?;
    let found = all.get(name).ok_or_else(|| Error::NoContract(name.to_owned()))?;
    let selectors = found["selectors"].as_object().ok_or_else(unexpected)?;
    Ok(Artifact {
        name: name.to_owned(),
        abi: found["abi"].clone(),
        bytecode: found["bytecode"].as_str().and_then(abi::from_hex).ok_or_else(unexpected)?,
        selectors: selectors
            .iter()
            .map(|(function, selector)| (function.clone(), selector.as_str().unwrap_or_default().to_owned()))
            .collect(),
    })
}

/// The file with all contracts, compiled if it is not there yet.
pub(crate) fn compiled(progress: &mut dyn FnMut(&Progress)) -> Result<PathBuf, Error> {
    let package = npm::ensure(&npm::CONTRACTS, progress)?;
    // The package's folder is named by its versions, so that another compiler is another file here.
    let tools = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let parts = SOURCES.iter().flat_map(|(name, text)| [*name, *text]).chain([COMPILER, tools.as_str()]);
    once(&format!("compiled-{}.json", content_id(parts)), progress, "contracts", |output, progress| {
        progress(&Progress::Compiling);
        let folder = tempfile::tempdir().map_err(Error::io("creating a folder for the compiler"))?;
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).map_err(Error::io(format!("writing {name}")))
        };
        write("compile.cjs", COMPILER)?;
        let sources: BTreeMap<&str, Value> =
            SOURCES.iter().map(|(name, text)| (*name, json!({"content": text}))).collect();
        write("sources.json", &json!(sources).to_string())?;
        let mut command = Command::new(npm::node("compiling contracts")?);
        command.arg("compile.cjs").arg(output).current_dir(folder.path());
        command.env("NODE_PATH", package.join("node_modules"));
        run("the Solidity compiler", &mut command, COMPILES_WITHIN, Error::Compile).map(drop)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_in_the_folder_is_compiled() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/contracts");
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("the folder is in the repository")
            .map(|entry| entry.expect("is readable").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        assert_eq!(names, SOURCES.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
    }
}
