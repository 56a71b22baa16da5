//! What a withdrawal or a transfer asks for, read into the engine's own words, and who may ask for it.

use crate::app::App;
use crate::auth::Caller;
use crate::directory::Directory;
use crate::signed::{self, SignatureIn, ToSign, caip10};
use crate::{AmountIn, Problem, Scope, time};
use serde::Deserialize;
use std::sync::Arc;
use tokengine_caip::{AccountId, AssetId};
use tokengine_core::{
    AccountIx, Address, Amount, AssetIx, Authority, Fingerprint, PayoutOrder, Principal, Rejection, Request, State,
    Time,
};
use tokengine_keys::typed;
use utoipa::ToSchema;

/// A withdrawal that is asked for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account": "alice", "asset": "eip155:1/slip44:60", "amount": {"decimal": "1.5"},
    "destination": "eip155:1:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb", "max_fee": {"decimal": "0.001"},
    "external_id": "order-17"}))]
pub struct WithdrawalRequest {
    /// Whose tokens: a CAIP-10 id, or a name that the operator gave.
    pub account: String,
    /// What to pay: a CAIP-19 id.
    pub asset: String,
    /// How much is to arrive, in the asset's unit.
    pub amount: AmountIn,
    /// Who is to be paid: a CAIP-10 id on the asset's network.
    pub destination: String,
    /// The most that may be taken in fees, in the token's unit.
    pub max_fee: AmountIn,
    /// The client's own name for it: unique within the account, for ever. At most 128 characters.
    pub external_id: Option<String>,
    /// With a signature: makes the signed message unique; a decimal number below 2^128.
    pub nonce: Option<String>,
    /// With a signature: until when it may be carried out; whole seconds, at most 24 hours ahead.
    pub expiry: Option<String>,
    /// The customer's signature. Without one, an API key is needed, and the account must be one the operator named.
    pub signature: Option<SignatureIn>,
}

/// A transfer that is asked for: what a deposit brings is paid out.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"deposit_network": "eip155:1",
    "deposit_transaction": "0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060",
    "account": "alice", "asset": "eip155:10/slip44:60", "amount": {"decimal": "1.5"},
    "destination": "eip155:10:0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb", "max_fee": {"decimal": "0.001"}}))]
pub struct TransferRequest {
    /// Where the deposit comes from: a CAIP-2 id.
    pub deposit_network: String,
    /// In which transaction.
    pub deposit_transaction: String,
    /// Whose tokens: a CAIP-10 id, or a name that the operator gave.
    pub account: String,
    /// What to pay: a CAIP-19 id.
    pub asset: String,
    /// How much is to arrive, in the asset's unit.
    pub amount: AmountIn,
    /// Who is to be paid: a CAIP-10 id on the asset's network.
    pub destination: String,
    /// The most that may be taken in fees, in the token's unit.
    pub max_fee: AmountIn,
    /// The client's own name for it.
    pub external_id: Option<String>,
    /// With a signature: makes the signed message unique; a decimal number below 2^128.
    pub nonce: Option<String>,
    /// With a signature: until when it may be carried out; whole seconds, at most 24 hours ahead.
    pub expiry: Option<String>,
    /// The customer's signature. Without one, an API key is needed.
    pub signature: Option<SignatureIn>,
}

impl TransferRequest {
    /// The withdrawal in it.
    pub(crate) fn withdrawal(&self) -> WithdrawalRequest {
        WithdrawalRequest {
            account: self.account.clone(),
            asset: self.asset.clone(),
            amount: self.amount.clone(),
            destination: self.destination.clone(),
            max_fee: self.max_fee.clone(),
            external_id: self.external_id.clone(),
            nonce: self.nonce.clone(),
            expiry: self.expiry.clone(),
            signature: self.signature.clone(),
        }
    }
}

/// An account's id in its canonical form: a CAIP-10 id, or a name that the operator gave.
pub(crate) fn account_name(pointer: &str, text: &str) -> Result<Arc<str>, Problem> {
    if text.contains(':') {
        return caip10(pointer, text).map(|id| id.to_string().into());
    }
    // Nothing else is ever opened; and a name may stand in a text that somebody signs.
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@' | b'/');
    if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
        return Err(Problem::field(pointer, "name-invalid", "must be a CAIP-10 id or a name that the operator gave"));
    }
    Ok(text.into())
}

/// What was asked for, with everything found that it names.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) directory: Directory,
    /// Nothing where there is no such account.
    pub(crate) account: Option<AccountIx>,
    pub(crate) asset: AssetIx,
    amount: Amount,
    max_fee: Amount,
    destination: Address,
    external_id: Option<Box<str>>,
    /// What a customer signs.
    pub(crate) message: typed::Withdrawal,
}

/// Reads an asset's id.
pub(crate) fn asset(pointer: &str, text: &str, directory: &Directory) -> Result<(AssetId, AssetIx), Problem> {
    let id: AssetId = text
        .parse()
        .map_err(|error: tokengine_caip::Error| Problem::field(pointer, error.code(), error.to_string()))?;
    let ix = directory.asset_named(id.as_str()).ok_or(Rejection::UnknownAsset)?;
    Ok((id, ix))
}

fn is_nobodys(address: &[u8; 20]) -> bool {
    let dead = *address == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xde, 0xad];
    // Zero, the precompiled contracts, and the address that tokens are burnt to.
    address[..18].iter().all(|byte| *byte == 0) && address[18] < 2 || dead
}

/// In this order: it is an id, on the asset's network, somebody's, and no contract of an asset.
fn destination(text: &str, asset: &AssetId, directory: &Directory, app: &App) -> Result<AccountId, Problem> {
    let pointer = "/destination";
    let network = asset.chain_str();
    let id: AccountId = text.parse().map_err(|error: tokengine_caip::Error| {
        let hint =
            if text.contains(':') { String::new() } else { format!("; on this network it is {network}:<address>") };
        Problem::field(pointer, error.code(), format!("{error}{hint}"))
    })?;
    if id.chain_str() != network {
        let text = format!("the asset is on {network}, the destination is on {}", id.chain_str());
        return Err(Problem::field(pointer, "destination-network", text));
    }
    if id.evm_address().is_some_and(|address| is_nobodys(&address)) {
        return Err(Problem::field(pointer, "destination-invalid", "nobody has the key of this address"));
    }
    let address = id.address();
    let is_asset = |row: &&tokengine_core::Asset| row.contract.as_ref().is_some_and(|it| it.as_str() == address);
    let listed = directory.assets.iter().filter(is_asset);
    let listed = listed.into_iter().any(|row| id.chain_str() == row.id.split('/').next().unwrap_or(""));
    if listed || Address::new(address).is_some_and(|address| app.networks.is_alias(network, &address)) {
        return Err(Problem::field(pointer, "destination-is-asset", Rejection::DestinationIsAsset.to_string()));
    }
    Ok(id)
}

pub(crate) fn nonce(text: Option<&str>) -> Result<u128, Problem> {
    let missing = || Problem::field("/nonce", "nonce-missing", "a signed request needs a nonce");
    let wrong = || Problem::field("/nonce", "nonce-invalid", "must be a decimal number below 2^128");
    Amount::parse_base_units(text.ok_or_else(missing)?).map(Amount::base_units).map_err(|_| wrong())
}

/// When a signed request is void, in seconds.
pub(crate) fn expiry(text: Option<&str>) -> Result<u64, Problem> {
    let missing = || Problem::field("/expiry", "expiry-missing", "a signed request needs an expiry");
    let wrong = || Problem::field("/expiry", "expiry-invalid", "must be whole seconds in UTC: 2026-03-01T12:00:00Z");
    let Time(ms) = time::parse(text.ok_or_else(missing)?).filter(|time| time.0 % 1000 == 0).ok_or_else(wrong)?;
    Ok(ms / 1000)
}

/// Finds what a withdrawal names, and reads its amounts.
pub(crate) async fn draft(app: &App, asked: &WithdrawalRequest) -> Result<Draft, Problem> {
    let name = account_name("/account", &asked.account)?;
    let find = name.clone();
    let ask = move |state: &State| (Directory::of(state), state.account_by_name(&find));
    let (directory, account) = app.engine.query(ask).await?;
    let (asset_id, asset) = asset("/asset", &asked.asset, &directory)?;
    let amount = asked.amount.read("/amount", directory.asset(asset)?.decimals)?;
    let (_, token) = directory.token_of(asset)?;
    let max_fee = asked.max_fee.read("/max_fee", token.decimals)?;
    let to = destination(&asked.destination, &asset_id, &directory, app)?;
    let address = Address::new(to.address()).ok_or(Rejection::DestinationInvalid)?;
    let external_id = match asked.external_id.as_deref() {
        None => None,
        Some(id) if !id.is_empty() && id.len() <= 128 && !id.chars().any(char::is_control) => Some(id.into()),
        Some(_) => {
            let text = "must have 1 to 128 characters and no control characters";
            return Err(Problem::field("/external_id", "external-id-invalid", text));
        }
    };
    let signed = asked.signature.is_some();
    let message = typed::Withdrawal {
        network: asset_id.chain_id(),
        asset: asset_id,
        amount,
        max_fee,
        destination: to,
        account: name.to_string(),
        nonce: if signed || asked.nonce.is_some() { nonce(asked.nonce.as_deref())? } else { 0 },
        expiry: if signed || asked.expiry.is_some() { expiry(asked.expiry.as_deref())? } else { 0 },
    };
    Ok(Draft { directory, account, asset, amount, max_fee, destination: address, external_id, message })
}

/// A request whose maker is known.
pub(crate) struct Authorized {
    pub(crate) request: Request,
    pub(crate) order: PayoutOrder,
}

/// Who asks for it: a customer by signature over `to_sign`, or an API key with `scope`.
pub(crate) async fn authorize(
    app: &App,
    caller: &Caller,
    draft: Draft,
    signature: Option<&SignatureIn>,
    to_sign: impl FnOnce(typed::Withdrawal) -> typed::Message,
    (key, content, scope): (u128, Fingerprint, Scope),
) -> Result<Authorized, Problem> {
    let Draft { account, asset, amount, max_fee, destination, external_id, message, .. } = draft;
    let (principal, authority, nonce, expiry, account) = match signature {
        Some(signature) => {
            let (nonce, expiry) = (message.nonce, Time(message.expiry.saturating_mul(1000)));
            let account = speaks_for(app, &signature.signer, account).await?;
            let to_sign = ToSign::Typed(to_sign(message));
            let authority = signed::check(app, "/signature", signature, &to_sign).await?;
            (Principal::Account(account), authority, nonce, expiry, account)
        }
        None => {
            let caller = caller.need(scope)?;
            let account = account.ok_or(Rejection::UnknownAccount)?;
            let expiry = if message.expiry == 0 { u64::MAX } else { message.expiry.saturating_mul(1000) };
            (Principal::Key(caller.ix), Authority::Key(caller.ix), key, Time(expiry), account)
        }
    };
    let request = Request { principal, key, content };
    let order = PayoutOrder { account, asset, amount, destination, max_fee, external_id, nonce, expiry, authority };
    Ok(Authorized { request, order })
}

/// The account, if the signer's id stands for it. Whether there is such an account is told to nobody else.
pub(crate) async fn speaks_for(app: &App, signer: &str, account: Option<AccountIx>) -> Result<AccountIx, Problem> {
    let signer = caip10("/signature/signer", signer)?.to_string();
    let of_signer = app.engine.query(move |state| state.account_by_name(&signer)).await?;
    account.filter(|account| of_signer == Some(*account)).ok_or_else(|| Rejection::NotAuthorized.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_without_a_key_are_known() {
        let with = |last: [u8; 2]| {
            let mut address = [0; 20];
            address[18..].copy_from_slice(&last);
            address
        };
        assert!(is_nobodys(&with([0, 0])) && is_nobodys(&with([0, 1])) && is_nobodys(&with([1, 0])));
        assert!(is_nobodys(&with([0xde, 0xad])));
        assert!(!is_nobodys(&with([0xde, 0xae])) && !is_nobodys(&[0x11; 20]));
    }
}
