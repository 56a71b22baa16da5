//! The prober: a token's contract is looked at before anything of it counts, and again from time to time, because what is
//! behind a proxy changes. A contract that is not what was pinned stops its asset until a person has looked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tokengine_chain::{Accounts, Asset, At, Charges, Face, Heads, Network, PinnedCode, Returns, TokenFacts};
use tokengine_core::{Address, AssetFacts, AssetIx, BlockHash, Command, NetworkIx, State};

use crate::{Books, Error};

/// What a probe comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be used, as long as its code stays.
    Pin(AssetFacts),
    /// It may not, for that reason.
    Stop(String),
}

/// Judges what was found at a token's address. What could not be simulated does not refuse it: its deposits are then
/// compared with the wallets' balances one by one.
pub fn judge(decimals: u8, found: Option<&TokenFacts>) -> Verdict {
    let stop = |why: String| Verdict::Stop(why);
    let Some(found) = found else { return stop("there is no contract at its address".into()) };
    if found.decimals != Some(decimals) {
        let said = found.decimals.map_or("none".into(), |decimals| decimals.to_string());
        return stop(format!("its contract says {said} decimals, the configuration {decimals}"));
    }
    match (found.returns, found.fee_on_transfer) {
        (_, Charges::Yes) => stop("its contract moves less than it is told, or takes more".into()),
        (Returns::Other, _) => stop("its contract answers a transfer with something else than true or nothing".into()),
        (Returns::Bool | Returns::Nothing | Returns::Unknown, Charges::No | Charges::Unknown) => {
            Verdict::Pin(facts(&found.code))
        }
    }
}

/// What is pinned of a contract.
pub fn facts(code: &PinnedCode) -> AssetFacts {
    AssetFacts { code: code.code, implementation: code.implementation.as_ref().map(|(_, hash)| *hash) }
}

/// Why a contract is not what was pinned, if it is not.
pub fn changed(pinned: &AssetFacts, now: Option<&PinnedCode>) -> Option<&'static str> {
    match now.map(facts) {
        None => Some("its contract is gone"),
        Some(now) if now.code != pinned.code => Some("its contract's code has changed"),
        Some(now) if now.implementation != pinned.implementation => Some("what is behind its proxy has changed"),
        Some(_) => None,
    }
}

/// Begins the reason why a second face of one ledger is stopped. Stable; alerts match on it.
pub const SAME_LEDGER: &str = "asset-same-ledger";

/// One listed token.
#[derive(Clone)]
struct Token {
    asset: AssetIx,
    contract: Address,
    decimals: u8,
    pinned: Option<AssetFacts>,
    holders: Vec<Address>,
}

/// The tokens that were there before this one: those that are in use, else those that were listed first.
fn before<'a>(token: &Token, all: &'a [Token]) -> impl Iterator<Item = &'a Token> {
    let rank = |token: &Token| (token.pinned.is_none(), token.asset);
    let own = rank(token);
    let decimals = token.decimals;
    all.iter().filter(move |other| rank(other) < own && other.decimals == decimals)
}

/// The contracts of the network that nothing has stopped.
fn tokens(state: &State, network: NetworkIx) -> Vec<Token> {
    let listed = state.assets().filter(|(_, asset)| asset.network == network && asset.stopped.is_none());
    let token = |(asset, row): (AssetIx, &tokengine_core::Asset)| {
        let holds =
            |wallet: &&tokengine_core::Wallet| wallet.network == network && !wallet.holding(asset).amount.is_zero();
        let holders = state.house_wallets().map(|(_, wallet)| wallet).filter(holds).take(3);
        Some(Token {
            asset,
            contract: row.contract.clone()?,
            decimals: row.decimals,
            pinned: row.facts.clone(),
            holders: holders.map(|wallet| wallet.address.clone()).collect(),
        })
    };
    listed.filter_map(token).collect()
}

/// Probes the tokens of one network. What it remembers is only how certain this process may be.
pub struct Prober<B, N> {
    books: B,
    network: Arc<Network<N>>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    probed: BTreeSet<AssetIx>,
    certain: BTreeSet<AssetIx>,
    faces: BTreeMap<AssetIx, Face>,
    checked_at: Option<u64>,
}

impl<B: Books, N: Accounts> Prober<B, N> {
    /// A prober that has looked at nothing yet.
    pub fn new(books: B, network: Arc<Network<N>>) -> Self {
        Self { books, network, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("nobody panics while holding it")
    }

    /// Whether a transfer of it was seen, since this process started, to move exactly what it says.
    pub fn is_certain(&self, asset: AssetIx) -> bool {
        self.memory().certain.contains(&asset)
    }

    /// Whether something was listed or resumed that nobody has probed yet.
    ///
    /// # Errors
    /// Those of asking the engine.
    pub async fn has_work(&self, ix: NetworkIx) -> Result<bool, Error> {
        let probed = self.memory().probed.clone();
        let new = move |token: &Token| token.pinned.is_none() || !probed.contains(&token.asset);
        self.books.query(move |state| tokens(state, ix).iter().any(new)).await
    }

    /// Probes what is new and compares the rest with what was pinned; once a head. Returns the assets that could not be
    /// looked at now: nothing of theirs counts before they were.
    ///
    /// # Errors
    /// Those of asking the engine.
    pub async fn check(&self, ix: NetworkIx, heads: &Heads) -> Result<BTreeSet<AssetIx>, Error> {
        let head = heads.latest;
        let new = self.has_work(ix).await?;
        if self.memory().checked_at == Some(head.height) && !new {
            return Ok(BTreeSet::new());
        }
        let mut unknown = BTreeSet::new();
        let tokens = self.books.query(move |state| tokens(state, ix)).await?;
        for token in &tokens {
            match self.look_at(ix, token, &tokens, head.hash).await {
                Ok(()) => {}
                // It will not get better by itself, so a person has to hear of it.
                Err(Error::Chain(error)) if !error.is_transient() => {
                    self.stop(token.asset, &format!("its contract cannot be looked at: {error}")).await?;
                }
                Err(Error::Chain(error)) => {
                    let (network, code) = (self.network.id(), error.code());
                    tracing::warn!(chain.id = network, asset = %token.asset, error = %error, error.code = code, "Not probed");
                    unknown.insert(token.asset);
                }
                Err(error) => return Err(error),
            }
        }
        if unknown.is_empty() {
            self.memory().checked_at = Some(head.height);
        }
        Ok(unknown)
    }

    /// Probes once more what could not be simulated, now that a house wallet holds some of it to try with. It may be used
    /// meanwhile, so that not getting an answer now stops nothing.
    ///
    /// # Errors
    /// Those of asking the engine.
    pub async fn ask_again(&self, ix: NetworkIx, heads: &Heads) -> Result<(), Error> {
        for token in self.books.query(move |state| tokens(state, ix)).await? {
            let known = self.memory().probed.contains(&token.asset);
            if !known || self.is_certain(token.asset) || token.holders.is_empty() {
                continue;
            }
            let found = match self.network.probe(&token.contract, &token.holders, heads.latest.hash).await {
                Ok(found) => found,
                Err(error) => {
                    let (network, code) = (self.network.id(), error.code());
                    tracing::warn!(chain.id = network, asset = %token.asset, error = %error, error.code = code, "Not probed again");
                    continue;
                }
            };
            self.take(&token, found.as_ref()).await?;
        }
        Ok(())
    }

    async fn look_at(&self, ix: NetworkIx, token: &Token, all: &[Token], head: BlockHash) -> Result<(), Error> {
        if token.pinned.is_none() || !self.memory().probed.contains(&token.asset) {
            let found = self.network.probe(&token.contract, &token.holders, head).await?;
            if let Some(face) = found.as_ref().map(|found| found.face) {
                if let Some(what) = self.shown_already(ix, token, &face, all, head).await? {
                    let why = format!("{SAME_LEDGER}: it shows the ledger of {what}, whose value would count twice");
                    return self.stop(token.asset, &why).await;
                }
                self.memory().faces.insert(token.asset, face);
            }
            self.take(token, found.as_ref()).await?;
        } else if let Some(pinned) = &token.pinned {
            let now = self.network.pinned_code(&token.contract, At::Block(head)).await?;
            if let Some(why) = changed(pinned, now.as_ref()) {
                self.stop(token.asset, why).await?;
            }
        }
        Ok(())
    }

    /// A16, A17: what else that is listed has this very ledger.
    async fn shown_already(
        &self,
        ix: NetworkIx,
        token: &Token,
        face: &Face,
        all: &[Token],
        head: BlockHash,
    ) -> Result<Option<String>, Error> {
        if face.of_coin
            && self.books.query(move |state| state.network(ix).is_some_and(|row| row.native.is_some())).await?
        {
            return Ok(Some("the network's own coin".into()));
        }
        let faces = self.memory().faces.clone();
        // Most tokens have a symbol of their own; of the others the supply is asked for at the same block.
        let alike = |other: &&Token| faces.get(&other.asset).is_some_and(|known| known.symbol == face.symbol);
        for other in before(token, all).filter(alike) {
            let now = self.network.probe(&other.contract, &[], head).await?;
            if !now.is_some_and(|now| now.face.may_be_of(face)) {
                continue;
            }
            let house = move |state: &State| -> Vec<Address> {
                let here = state.house_wallets().filter(|(_, row)| row.network == ix);
                here.map(|(_, row)| row.address.clone()).take(5).collect()
            };
            let mut same = true;
            for wallet in self.books.query(house).await? {
                let held = async |contract: &Address| {
                    self.network.balance(&wallet, &Asset::Contract(contract.clone()), At::Block(head)).await
                };
                same = same && held(&token.contract).await? == held(&other.contract).await?;
            }
            if same {
                return Ok(Some(format!("asset {}", other.asset)));
            }
        }
        Ok(None)
    }

    async fn take(&self, token: &Token, found: Option<&TokenFacts>) -> Result<(), Error> {
        match judge(token.decimals, found) {
            Verdict::Stop(why) => self.stop(token.asset, &why).await?,
            Verdict::Pin(facts) => match &token.pinned {
                None => self.books.submit(Command::PinAsset { asset: token.asset, facts }).await?.unwrap_or(()),
                Some(pinned) => {
                    if let Some(why) = changed(pinned, found.map(|found| &found.code)) {
                        return self.stop(token.asset, why).await;
                    }
                }
            },
        }
        let mut memory = self.memory();
        memory.probed.insert(token.asset);
        if found.is_some_and(|found| found.fee_on_transfer == Charges::No) {
            memory.certain.insert(token.asset);
        }
        Ok(())
    }

    async fn stop(&self, asset: AssetIx, why: &str) -> Result<(), Error> {
        {
            let mut memory = self.memory();
            memory.certain.remove(&asset);
            memory.probed.remove(&asset);
        }
        if self.books.submit(Command::StopAsset { asset, reason: why.into() }).await?.is_ok() {
            tracing::error!(chain.id = self.network.id(), %asset, "Asset stopped: {why}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::address;

    #[test]
    fn a17_of_two_faces_of_one_ledger_the_one_in_use_stays_else_the_one_listed_first() {
        let token = |asset: u32, decimals: u8, pinned: bool| Token {
            asset: AssetIx(asset),
            contract: address("TOKEN"),
            decimals,
            pinned: pinned.then_some(AssetFacts { code: [1; 32], implementation: None }),
            holders: Vec::new(),
        };
        let all = [token(0, 6, false), token(1, 6, true), token(2, 6, false), token(3, 18, true)];
        for (of, expected) in [(0, vec![1]), (1, vec![]), (2, vec![0, 1]), (3, vec![])] {
            let found: Vec<u32> = before(&all[of], &all).map(|other| other.asset.0).collect();
            assert_eq!(found, expected, "before {of}");
        }
        let face = |symbol: u8, supply: Option<u8>| Face {
            symbol: Some([symbol; 32]),
            supply: supply.map(|supply| [supply; 32]),
            of_coin: false,
        };
        for (case, other, same) in [
            ("symbol and supply", face(1, Some(9)), true),
            ("another supply", face(1, Some(8)), false),
            ("another symbol", face(2, Some(9)), false),
            ("no supply says nothing", face(1, None), false),
            ("nothing known", Face::UNKNOWN, false),
        ] {
            assert_eq!(face(1, Some(9)).may_be_of(&other), same, "{case}");
        }
        assert!(!Face::UNKNOWN.may_be_of(&Face::UNKNOWN), "what is not known is not the same");
    }

    fn token(change: impl FnOnce(&mut TokenFacts)) -> TokenFacts {
        let code = PinnedCode { code: [1; 32], implementation: None };
        let mut token = TokenFacts {
            decimals: Some(6),
            code,
            returns: Returns::Bool,
            fee_on_transfer: Charges::No,
            face: Face::UNKNOWN,
        };
        change(&mut token);
        token
    }

    #[test]
    fn a_token_is_pinned_or_refused_by_how_it_behaves() {
        for (case, found, pinned) in [
            ("as ERC-20 wants it", Some(token(|_| {})), true),
            ("A6 returns nothing", Some(token(|t| t.returns = Returns::Nothing)), true),
            ("A5 returns false", Some(token(|t| t.returns = Returns::Other)), false),
            ("A8 takes a fee", Some(token(|t| t.fee_on_transfer = Charges::Yes)), false),
            ("could not be simulated", Some(token(|t| t.fee_on_transfer = Charges::Unknown)), true),
            ("other decimals", Some(token(|t| t.decimals = Some(18))), false),
            ("no decimals", Some(token(|t| t.decimals = None)), false),
            ("no contract", None, false),
        ] {
            assert_eq!(matches!(judge(6, found.as_ref()), Verdict::Pin(_)), pinned, "{case}");
        }
    }

    #[test]
    fn a18_an_upgrade_is_noticed() {
        let behind = |hash: u8| PinnedCode { code: [1; 32], implementation: Some((address("IMPL"), [hash; 32])) };
        let pinned = facts(&behind(2));
        assert_eq!(changed(&pinned, Some(&behind(2))), None);
        assert!(changed(&pinned, Some(&behind(3))).is_some());
        assert!(changed(&pinned, Some(&PinnedCode { code: [9; 32], ..behind(2) })).is_some());
        assert!(changed(&pinned, None).is_some());
    }
}
