//! What the operator lists: networks, tokens, assets, wallets, API keys. Nothing in use ever changes its meaning.

use super::rows::*;
use crate::event::{Event, Subject};
use crate::ids::*;
use crate::model::*;
use crate::{Address, Rejection, State};

/// A token finer than this could not express one whole unit of value in 128 bits with room for a market.
pub(crate) const MAX_DECIMALS: u8 = 30;
const MAX_TEXT: usize = 300;

pub(super) fn text_ok(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control)
}

impl State {
    pub(crate) fn decide_list_network(&self, id: &str, policy: &NetworkPolicy) -> Result<Event, Rejection> {
        if !text_ok(id) {
            return Err(Rejection::NameInvalid);
        }
        if self.network_by_id(id).is_some() {
            return Err(Rejection::AlreadyListed);
        }
        policy_ok(policy)?;
        u16::try_from(self.networks.len()).map_err(|_| Rejection::TooMany)?;
        Ok(Event::NetworkListed { id: id.into(), policy: policy.clone() })
    }

    pub(crate) fn decide_network_policy(&self, network: NetworkIx, policy: &NetworkPolicy) -> Result<Event, Rejection> {
        self.network(network).ok_or(Rejection::UnknownNetwork)?;
        policy_ok(policy)?;
        Ok(Event::NetworkPolicyChanged { network, policy: policy.clone() })
    }

    pub(crate) fn decide_list_token(&self, id: &str, decimals: u8) -> Result<Event, Rejection> {
        if !text_ok(id) || decimals > MAX_DECIMALS {
            return Err(Rejection::NameInvalid);
        }
        if self.token_by_id(id).is_some() {
            return Err(Rejection::AlreadyListed);
        }
        u32::try_from(self.tokens.len()).map_err(|_| Rejection::TooMany)?;
        Ok(Event::TokenListed { id: id.into(), decimals })
    }

    #[allow(clippy::too_many_arguments)]
    pub(crate) fn decide_list_asset(
        &self,
        id: &str,
        network: NetworkIx,
        token: TokenIx,
        decimals: u8,
        contract: Option<&Address>,
        rules: &AssetRules,
    ) -> Result<Event, Rejection> {
        if !text_ok(id) {
            return Err(Rejection::NameInvalid);
        }
        let listed = self.network(network).ok_or(Rejection::UnknownNetwork)?;
        let token_row = self.token(token).ok_or(Rejection::UnknownToken)?;
        if self.asset_by_id(id).is_some() {
            return Err(Rejection::AlreadyListed);
        }
        // One contract, or the coin, is one asset: two would be credited twice.
        let twice = self.assets.iter().any(|asset| asset.network == network && asset.contract.as_ref() == contract);
        if twice || (contract.is_none() && listed.native.is_some()) {
            return Err(Rejection::AlreadyListed);
        }
        if decimals > token_row.decimals {
            return Err(Rejection::AssetFinerThanToken);
        }
        if !rules.are_valid() {
            return Err(Rejection::RuleInvalid);
        }
        u32::try_from(self.assets.len()).map_err(|_| Rejection::TooMany)?;
        Ok(Event::AssetListed {
            id: id.into(),
            network,
            token,
            decimals,
            contract: contract.cloned(),
            rules: rules.clone(),
        })
    }

    pub(crate) fn decide_asset_rules(&self, asset: AssetIx, rules: &AssetRules) -> Result<Event, Rejection> {
        self.asset(asset).ok_or(Rejection::UnknownAsset)?;
        if !rules.are_valid() {
            return Err(Rejection::RuleInvalid);
        }
        Ok(Event::AssetRulesChanged { asset, rules: rules.clone() })
    }

    pub(crate) fn decide_pin_asset(&self, asset: AssetIx, facts: &AssetFacts) -> Result<Event, Rejection> {
        let row = self.asset(asset).ok_or(Rejection::UnknownAsset)?;
        if row.facts.as_ref() == Some(facts) && row.stopped.is_none() {
            return Err(Rejection::Stale);
        }
        // A contract that changed is pinned anew only after a person resumed it.
        if row.facts.as_ref().is_some_and(|pinned| pinned != facts) {
            return Err(Rejection::Paused);
        }
        Ok(Event::AssetPinned { asset, facts: facts.clone() })
    }

    pub(crate) fn decide_stop_asset(&self, asset: AssetIx, reason: &str) -> Result<Event, Rejection> {
        let row = self.asset(asset).ok_or(Rejection::UnknownAsset)?;
        if row.stopped.is_some() {
            Err(Rejection::Stale)
        } else {
            Ok(Event::AssetStopped { asset, reason: reason.into() })
        }
    }

    pub(crate) fn decide_resume_asset(&self, asset: AssetIx, reason: &str) -> Result<Event, Rejection> {
        let row = self.asset(asset).ok_or(Rejection::UnknownAsset)?;
        if row.stopped.is_none() && row.short.is_none() {
            return Err(Rejection::NotPaused);
        }
        // What is missing does not come back by resuming: it is written off, or a comparison finds it there again.
        if self.shortages().any(|(short, ..)| short == asset) {
            return Err(Rejection::AssetShort);
        }
        Ok(Event::AssetResumed { asset, reason: reason.into(), request: None })
    }

    pub(crate) fn decide_list_wallet(
        &self,
        request: Option<Request>,
        network: NetworkIx,
        address: &Address,
        role: Role,
        key: &str,
    ) -> Result<Event, Rejection> {
        self.network(network).ok_or(Rejection::UnknownNetwork)?;
        if self.wallet_at(network, address).is_some() {
            return Err(Rejection::AlreadyListed);
        }
        if let Role::Deposit(account) = role {
            if !self.ledger.exists(account) || self.ledger.resolve(account) != account {
                return Err(Rejection::UnknownAccount);
            }
            if self.deposit_wallets.contains_key(&(account, network)) {
                return Err(Rejection::AlreadyListed);
            }
        }
        u32::try_from(self.wallets.len()).map_err(|_| Rejection::TooMany)?;
        Ok(Event::WalletListed { request, network, address: address.clone(), role, key: key.into() })
    }

    pub(crate) fn decide_wallet_role(&self, wallet: WalletIx, role: Role) -> Result<Event, Rejection> {
        let row = self.wallet(wallet).ok_or(Rejection::UnknownWallet)?;
        if matches!(row.role, Role::Deposit(_)) || matches!(role, Role::Deposit(_)) {
            return Err(Rejection::ConfigInUse);
        }
        // A cold wallet's key is not here, so nothing of it could be brought to an end.
        if role == Role::Cold && self.dispatches.values().any(|dispatch| dispatch.wallet == wallet) {
            return Err(Rejection::ConfigInUse);
        }
        if row.role == role { Err(Rejection::Stale) } else { Ok(Event::WalletRoleChanged { wallet, role }) }
    }

    pub(crate) fn decide_ready_wallet(&self, wallet: WalletIx, next_nonce: u64) -> Result<Event, Rejection> {
        let row = self.wallet(wallet).ok_or(Rejection::UnknownWallet)?;
        match row.next_nonce {
            Some(_) => Err(Rejection::Stale),
            None => Ok(Event::WalletReady { wallet, next_nonce }),
        }
    }

    pub(crate) fn decide_add_key(&self, name: &str, hash: [u8; 32], scopes: u32) -> Result<Event, Rejection> {
        if !text_ok(name) {
            return Err(Rejection::NameInvalid);
        }
        if self.keys.iter().any(|key| !key.revoked && (*key.name == *name || key.hash == hash)) {
            return Err(Rejection::AlreadyListed);
        }
        Ok(Event::KeyAdded { name: name.into(), hash, scopes, request: None })
    }

    pub(crate) fn decide_revoke_key(&self, key: KeyIx) -> Result<Event, Rejection> {
        self.key(key).filter(|key| !key.revoked).ok_or(Rejection::UnknownKey)?;
        Ok(Event::KeyRevoked { key, request: None })
    }

    pub(crate) fn apply_network_listed(&mut self, id: &str, policy: &NetworkPolicy) {
        self.networks.push(Network {
            id: id.into(),
            policy: policy.clone(),
            genesis: None,
            starts_after: 0,
            scanned: Default::default(),
            recent: Default::default(),
            recent_final: Default::default(),
            native: None,
            paused: false,
            halted: None,
            top_ups: TopUps::default(),
        });
    }

    pub(crate) fn apply_token_listed(&mut self, id: &str, decimals: u8) {
        self.tokens.push(Token { id: id.into(), decimals });
        self.ledger.add_token();
    }

    pub(crate) fn apply_asset_listed(
        &mut self,
        id: &str,
        network: NetworkIx,
        token: TokenIx,
        decimals: u8,
        contract: Option<&Address>,
        rules: &AssetRules,
    ) {
        let ix = AssetIx::from_row(self.assets.len());
        let places = self.tokens[token.row()].decimals.saturating_sub(decimals);
        if contract.is_none() {
            self.networks[network.row()].native = Some(ix);
        }
        self.assets.push(Asset {
            id: id.into(),
            network,
            token,
            decimals,
            places,
            contract: contract.cloned(),
            rules: rules.clone(),
            facts: None,
            paused: false,
            stopped: None,
            short: None,
        });
    }

    pub(crate) fn apply_wallet_listed(
        &mut self,
        network: NetworkIx,
        address: &Address,
        role: Role,
        key: &str,
    ) -> Subject {
        Subject::Wallet(self.add_wallet(Wallet {
            network,
            address: address.clone(),
            role,
            key: key.into(),
            holdings: Vec::new(),
            next_nonce: None,
            frozen: None,
        }))
    }
}

fn policy_ok(policy: &NetworkPolicy) -> Result<(), Rejection> {
    let ok = policy.nodes_required > 0 && policy.max_in_flight > 0;
    if ok { Ok(()) } else { Err(Rejection::RuleInvalid) }
}
