//! What a customer signs, and whether it was signed: EIP-712 typed data, or a text that `personal_sign` shows (EIP-191),
//! by a key or by a contract that owns up to it (EIP-1271).

use crate::app::App;
use crate::{Problem, seal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokengine_caip::AccountId;
use tokengine_core::{Address, Authority};
use tokengine_keys::signature::{bytes_from_hex, check_personal_message, evm_address, personal_message_hash};
use tokengine_keys::typed::{Domain, Message};
use tokengine_keys::{SignatureError, erc1271};
use utoipa::ToSchema;

/// How it was signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Typed data: `eth_signTypedData_v4`.
    #[default]
    Eip712,
    /// A text: `personal_sign`.
    Eip191,
}

/// A customer's signature.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"signer": "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb", "scheme": "eip712",
    "value": "0x4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e4f8c6d5e1b"}))]
pub struct SignatureIn {
    /// The CAIP-10 id whose key signed.
    pub signer: String,
    /// How.
    #[serde(default)]
    pub scheme: Scheme,
    /// The bytes, in hexadecimal with `0x` in front.
    pub value: String,
}

/// A statement that has no typed form: shown to the signer line by line.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) title: &'static str,
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// Anything a customer signs.
#[derive(Clone, Debug)]
pub(crate) enum ToSign {
    Typed(Message),
    Text(Statement),
}

/// What to hand to a wallet.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({"signer": "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb",
    "text": "TokEngine 1: Move\nsigner: eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb\ninstance: 0x00\nfrom: alice"}))]
pub struct ToSignView {
    /// Who is to sign.
    pub signer: String,
    /// For `eth_signTypedData_v4` (scheme `eip712`); absent where there is only a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typed_data: Option<Value>,
    /// For `personal_sign` (scheme `eip191`).
    pub text: String,
}

impl ToSign {
    /// The text for `personal_sign`. It names the engine and the signer's network, so it counts nowhere else.
    fn text(&self, signer: &AccountId, instance: [u8; 32]) -> Result<String, SignatureError> {
        let (title, fields): (String, Vec<(String, String)>) = match self {
            Self::Text(statement) => {
                let fields = statement.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
                (statement.title.to_owned(), fields.collect())
            }
            Self::Typed(message) => {
                let data = message.typed_data_json(&Domain::of(signer, instance)?);
                let title = data["primaryType"].as_str().unwrap_or_default().to_owned();
                let names = data["types"][&title].as_array().cloned().unwrap_or_default();
                let field = |field: &Value| {
                    let name = field["name"].as_str().unwrap_or_default();
                    (name.to_owned(), data["message"][name].as_str().unwrap_or_default().to_owned())
                };
                (title.clone(), names.iter().map(field).collect())
            }
        };
        let mut text = format!("TokEngine 1: {title}\nsigner: {signer}\ninstance: 0x{}", seal::hex(&instance));
        for (name, value) in fields {
            text.push_str(&format!("\n{name}: {value}"));
        }
        Ok(text)
    }

    /// Both forms, for the wallet.
    pub(crate) fn view(&self, signer: &AccountId, instance: [u8; 32]) -> Result<ToSignView, SignatureError> {
        let domain = Domain::of(signer, instance)?;
        let typed_data = match self {
            Self::Typed(message) => Some(message.typed_data_json(&domain)),
            Self::Text(_) => None,
        };
        Ok(ToSignView { signer: signer.to_string(), typed_data, text: self.text(signer, instance)? })
    }

    /// What was signed, and whether a key of `signer` did.
    fn check_key(
        &self,
        scheme: Scheme,
        signer: &AccountId,
        instance: [u8; 32],
        bytes: &[u8],
    ) -> Result<([u8; 32], Result<(), SignatureError>), SignatureError> {
        let domain = Domain::of(signer, instance)?;
        match (self, scheme) {
            (Self::Typed(message), Scheme::Eip712) => {
                Ok((message.hash(&domain), message.check(instance, signer, bytes)))
            }
            (_, Scheme::Eip191) => {
                let text = self.text(signer, instance)?;
                let checked = check_personal_message(text.as_bytes(), bytes, evm_address(signer)?);
                Ok((personal_message_hash(text.as_bytes()), checked))
            }
            (Self::Text(_), Scheme::Eip712) => Err(SignatureError::Unrecoverable),
        }
    }
}

/// Reads a CAIP-10 id.
pub(crate) fn caip10(pointer: &str, text: &str) -> Result<AccountId, Problem> {
    text.parse().map_err(|error: tokengine_caip::Error| Problem::field(pointer, error.code(), error.to_string()))
}

/// Whether `given` is good for `message`. The caller has seen that the signer may speak for the account: a network is
/// asked about contracts, and that must not be anybody's to cause.
pub(crate) async fn check(
    app: &App,
    pointer: &str,
    given: &SignatureIn,
    message: &ToSign,
) -> Result<Authority, Problem> {
    let at = |field: &str| format!("{pointer}/{field}");
    let signer = caip10(&at("signer"), &given.signer)?;
    let bad = |error: &SignatureError| Problem::signature(&at("value"), error);
    let bytes = bytes_from_hex(&given.value).map_err(|error| bad(&error))?;
    if matches!(message, ToSign::Text(_)) && given.scheme == Scheme::Eip712 {
        return Err(Problem::field(at("scheme"), "scheme-not-offered", "this is signed as a text: use eip191"));
    }
    let (digest, by_key) =
        message.check_key(given.scheme, &signer, app.instance, &bytes).map_err(|error| bad(&error))?;
    let contract = match by_key {
        Ok(()) => false,
        Err(not_by_key) => {
            // Asked only where there may be a contract: on a network that is followed.
            let network = signer.chain_str();
            if bytes.len() > erc1271::MAX_SIGNATURE_LEN || app.networks.status(network).is_none() {
                return Err(bad(&not_by_key));
            }
            let address = Address::new(signer.address()).ok_or_else(|| bad(&not_by_key))?;
            match app.networks.valid_signature(network, &address, digest, &bytes).await {
                Ok(true) => true,
                Ok(false) => return Err(bad(&not_by_key)),
                Err(error) => return Err(Problem::network_unavailable(&error.to_string())),
            }
        }
    };
    Ok(Authority::Signature { signer: signer.to_string().into(), digest, signature: bytes.into(), contract })
}
