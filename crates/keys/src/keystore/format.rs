//! The JSON of a keystore file, as Web3 Secret Storage lays it down.

use alloy::primitives::hex;

use super::Content;
use crate::{EvmAddress, KeystoreProblem as Problem};

/// The whole file.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct FileJson {
    /// Lower-case hex without `0x`, as geth writes it; other programs leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
    #[serde(alias = "Crypto")]
    pub(super) crypto: CryptoJson,
    #[serde(default)]
    pub(super) id: String,
    pub(super) version: u64,
    /// Ours; other programs ignore it.
    #[serde(rename = "x-tokengine", default, skip_serializing_if = "Option::is_none")]
    pub(super) ours: Option<OursJson>,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct CryptoJson {
    pub(super) cipher: String,
    pub(super) cipherparams: CipherParamsJson,
    pub(super) ciphertext: String,
    pub(super) kdf: String,
    pub(super) kdfparams: KdfParamsJson,
    pub(super) mac: String,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct CipherParamsJson {
    pub(super) iv: String,
}

/// Of scrypt (`n`, `p`, `r`) or of PBKDF2 (`c`, `prf`).
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct KdfParamsJson {
    pub(super) dklen: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) n: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) p: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) r: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) c: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prf: Option<String>,
    pub(super) salt: String,
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct OursJson {
    content: String,
    checksum: String,
}

const PRIVATE_KEY: &str = "private-key";
const BIP39_ENTROPY: &str = "bip39-entropy";

impl OursJson {
    pub(super) fn over(file: &FileJson, content: Content) -> Self {
        let content = match content {
            Content::PrivateKey => PRIVATE_KEY,
            Content::Bip39Entropy => BIP39_ENTROPY,
        };
        Self { content: content.to_owned(), checksum: checksum(file, content) }
    }
}

/// Over every value of the file but itself. Text values first have their length, so no two files give the same input.
fn checksum(file: &FileJson, content: &str) -> String {
    let CryptoJson { cipher, cipherparams, ciphertext, kdf, kdfparams, mac } = &file.crypto;
    let KdfParamsJson { dklen, n, p, r, c, prf, salt } = kdfparams;
    let mut hasher = blake3::Hasher::new_derive_key("TokEngine keystore checksum v1");
    let number = |number: &Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    for text in [
        content,
        file.address.as_deref().unwrap_or_default(),
        &file.id,
        &file.version.to_string(),
        cipher,
        &cipherparams.iv,
        ciphertext,
        kdf,
        &dklen.to_string(),
        &n.map(|n| n.to_string()).unwrap_or_default(),
        &number(p),
        &number(r),
        &number(c),
        prf.as_deref().unwrap_or_default(),
        salt,
        mac,
    ] {
        hasher.update(format!("{}:", text.len()).as_bytes()).update(text.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

impl FileJson {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        // The parser's own words can quote the file, which may be a bare key that somebody pointed us at by mistake.
        let file: Self = serde_json::from_str(text)
            .map_err(|e| Problem::Damaged(format!("line {} column {} is not as it should be", e.line(), e.column())))?;
        if file.version != 3 {
            return Err(Problem::Unsupported(format!("version {}; we know 3", file.version)));
        }
        if let Some(ours) = &file.ours
            && ours.checksum != checksum(&file, &ours.content)
        {
            return Err(Problem::Damaged("its checksum does not match".into()));
        }
        Ok(file)
    }

    pub(super) fn content(&self) -> Result<Content, Problem> {
        match self.ours.as_ref().map(|ours| ours.content.as_str()) {
            None | Some(PRIVATE_KEY) => Ok(Content::PrivateKey),
            Some(BIP39_ENTROPY) => Ok(Content::Bip39Entropy),
            Some(_) => Err(Problem::Unsupported("its content is of a kind that this version does not know".into())),
        }
    }

    pub(super) fn address(&self) -> Result<Option<EvmAddress>, Problem> {
        // Some programs write null text for "none".
        let Some(text) = self.address.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Problem::Damaged("its address is not 40 hexadecimal digits".into()))
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("text and numbers always print");
        text.push('\n');
        text
    }
}

/// The bytes of a hexadecimal value of the file.
pub(super) fn bytes(what: &str, text: &str) -> Result<Vec<u8>, Problem> {
    hex::decode(text).map_err(|_| Problem::Damaged(format!("{what} is not hexadecimal")))
}
