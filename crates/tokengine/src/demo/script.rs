//! What happens in the demo, step by step. Every action goes through the doors, as a customer's or an operator's would.

use super::say::Say;
use super::world::{Customer, Network, World, here};
use crate::client::{Client, Order};
use crate::exit::{Exit, Failure};
use serde_json::{Value, json};
use std::time::Duration;
use tokengine_testkit::Anvil;
use uuid::Uuid;

/// Longer is a failure: the slow network is final after four to six seconds.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often a list is looked at where nothing can be waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const ETHER: u128 = 1_000_000_000_000_000_000;

pub(super) struct Script<'a> {
    pub(super) world: &'a World,
    pub(super) client: &'a Client,
    pub(super) say: &'a Say,
}

/// Something did not happen as it should.
fn wrong(what: impl Into<String>) -> Failure {
    Failure::new(Exit::Failed, "demo", what)
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn decimal<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name]["decimal"].as_str().unwrap_or("0")
}

impl Script<'_> {
    /// The operator brings coins and tokens to the hot wallets, and gas to the tanks.
    pub(super) async fn fund(&self) -> Result<(), Failure> {
        let doing = self.say.doing("the operator funds the wallets");
        let mut sent: Vec<(&Network, String)> = Vec::new();
        for network in self.world.networks() {
            let anvil = &network.anvil;
            // Said before the blocks come: a payment that nobody announced would be its sender's.
            let instant = network.decimals == 18;
            here(|| if instant { anvil.set_automine(false) } else { Ok(()) })?;
            let bank = &anvil.accounts()[0];
            let hashes = [
                here(|| anvil.send(bank, &self.world.hot, 50 * ETHER))?,
                here(|| anvil.send(bank, &self.world.gas, 5 * ETHER))?,
                here(|| anvil.erc20_transfer(&network.usdx, bank, &self.world.hot, network.units(5_000)))?,
            ];
            for hash in hashes {
                let body = json!({ "network": network.id, "transaction": hash, "reason": "initial funds" });
                self.client.post(&["operator", "funding"], &body, Some(Uuid::now_v7())).await?;
                sent.push((network, hash));
            }
            here(|| if instant { anvil.mine(1).and_then(|()| anvil.set_automine(true)) } else { Ok(()) })?;
        }
        for (network, hash) in &sent {
            self.deposit(network, hash, "equity").await?;
        }
        drop(doing);
        self.say.done("funded: 50 ETH and 5000 USDX in the hot wallet of each network, 5 ETH in each gas tank");
        Ok(())
    }

    /// The deposit of a transaction, when it has that status.
    async fn deposit(&self, network: &Network, hash: &str, status: &str) -> Result<Value, Failure> {
        let until = tokio::time::Instant::now() + PATIENCE;
        let found = loop {
            let list = self.client.get(&["deposits"], &[("network", &network.id), ("transaction", hash)]).await?;
            if let Some(deposit) = list["items"].as_array().and_then(|items| items.first()) {
                break deposit.clone();
            }
            if tokio::time::Instant::now() >= until {
                return Err(wrong(format!("the deposit {hash} on {} was not seen", network.name)));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        let is = |deposit: &Value| text(deposit, "status") == status;
        let deposit = self.client.follow(&["deposits", text(&found, "id")], PATIENCE, is).await?;
        if is(&deposit) {
            return Ok(deposit);
        }
        Err(wrong(format!("the deposit {hash} on {} is {} and not {status}", network.name, text(&deposit, "status"))))
    }

    /// Three customers pay in, in three ways.
    pub(super) async fn deposits(&self) -> Result<(), Failure> {
        let World { slow, fast, alice, bob, carol, hot, .. } = self.world;
        let doing = self.say.doing("three customers deposit");
        let by_alice = self.pay(slow, alice, hot, 250)?;
        // A claim hurries the deposit; it cannot change whose it is.
        let claim = json!({ "network": slow.id, "transaction": by_alice });
        self.client.post(&["deposits"], &claim, Some(Uuid::now_v7())).await?;
        let account = bob.on(fast)?.to_string();
        self.client.post(&["accounts"], &json!({ "id": account }), None).await?;
        let body = json!({ "network": fast.id });
        let own = self.client.post(&["accounts", &account, "deposit-addresses"], &body, None).await?;
        let own = text(&own, "address").rsplit(':').next().unwrap_or_default().to_owned();
        let by_bob = here(|| fast.anvil.send(&bob.address, &own, 2 * ETHER))?;
        let by_carol = self.pay(fast, carol, hot, 500)?;
        self.deposit(fast, &by_bob, "credited").await?;
        self.say.done(&format!("Bob sent 2 ETH to a deposit address of his own on Fast ({own}): credited"));
        self.deposit(fast, &by_carol, "credited").await?;
        self.say.done("Carol sent 500 USDX to the hot wallet on Fast: credited to the sender");
        self.deposit(slow, &by_alice, "credited").await?;
        drop(doing);
        self.say.done("Alice sent 250 USDX on Slow and claimed it: credited once its block was final");
        Ok(())
    }

    /// Sends whole tokens from a customer's own address.
    fn pay(&self, network: &Network, from: &Customer, to: &str, whole: u128) -> Result<String, Failure> {
        here(|| network.anvil.erc20_transfer(&network.usdx, &from.address, to, network.units(whole)))
    }

    /// A deposit on one network and a payout on the other, in one call.
    pub(super) async fn transfer(&self) -> Result<(), Failure> {
        let World { slow, fast, alice, hot, .. } = self.world;
        let doing = self.say.doing("Alice transfers from Slow to Fast in one call");
        let before = here(|| fast.anvil.erc20_balance(&fast.usdx, &alice.address))?;
        let paid = self.pay(slow, alice, hot, 100)?;
        let id = alice.on(slow)?;
        let order = order(&id, &fast.usdx_id(), "98", &alice.address);
        let signer = Some((&id, &alice.signer));
        let made = self.client.transfer((&slow.id, &paid), &order, signer, Uuid::now_v7()).await?;
        let path = ["transfers", text(&made, "id")];
        let done = self.client.follow(&path, PATIENCE, |value| text(value, "outcome") != "unknown").await?;
        expect(&done, "outcome", "done")?;
        let after = here(|| fast.anvil.erc20_balance(&fast.usdx, &alice.address))?;
        if after.checked_sub(before) != Some(fast.units(98)) {
            return Err(wrong("98 USDX did not arrive on Fast"));
        }
        drop(doing);
        let fee = decimal(&done["withdrawal"], "fee_taken");
        let text = "Alice's 100 USDX (6 decimals) on Slow became 98 USDX (18 decimals) on Fast, for a fee of";
        self.say.done(&format!("{text} {fee}"));
        Ok(())
    }

    /// Signed withdrawals in both directions, and two that are refused.
    pub(super) async fn withdrawals(&self) -> Result<(), Failure> {
        let World { slow, fast, alice, bob, carol, .. } = self.world;
        let doing = self.say.doing("customers withdraw on the other network");
        let of = |network: &Network, who: &Customer| here(|| network.anvil.erc20_balance(&network.usdx, &who.address));
        let before = (of(slow, carol)?, of(fast, alice)?, here(|| slow.anvil.balance(&bob.address))?);
        let (alice_id, bob_id, carol_id) = (alice.on(slow)?, bob.on(fast)?, carol.on(fast)?);
        let (usdx_slow, usdx_fast, coin_slow) = (slow.usdx_id(), fast.usdx_id(), slow.coin_id());
        let made = tokio::join!(
            self.withdraw(&carol_id, carol, &usdx_slow, "120.5", &carol.address),
            self.withdraw(&alice_id, alice, &usdx_fast, "25.000000000000000001", &alice.address),
            self.withdraw(&bob_id, bob, &coin_slow, "0.5", &bob.address),
        );
        for (made, text) in [
            (made.1?, "Alice, who deposited on Slow, withdrew 25.000000000000000001 USDX on Fast"),
            (made.0?, "Carol, who deposited on Fast, withdrew 120.5 USDX on Slow"),
            (made.2?, "Bob, who deposited on Fast, withdrew 0.5 ETH on Slow"),
        ] {
            let ended = self.ended(&made).await?;
            expect(&ended, "outcome", "done")?;
            self.say.done(&format!("{text}: final, fee {}", decimal(&ended, "fee_taken")));
        }
        drop(doing);
        let after = (of(slow, carol)?, of(fast, alice)?, here(|| slow.anvil.balance(&bob.address))?);
        let arrived = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
        if arrived != (120_500_000, 25 * ETHER + 1, ETHER / 2) {
            return Err(wrong(format!("what arrived is not what was withdrawn: {arrived:?}")));
        }
        self.refusals().await
    }

    async fn refusals(&self) -> Result<(), Failure> {
        let World { slow, fast, alice, carol, .. } = self.world;
        let ask = json!({ "asset": slow.usdx_id(), "amount": { "decimal": "1.0000001" } });
        match self.client.post(&["withdrawals", "quote"], &ask, None).await {
            Err(refused) if refused.exit == Exit::Refused => {}
            _ => return Err(wrong("an amount that 6 decimals cannot express was not refused")),
        }
        self.say.done("1.0000001 USDX on Slow was refused: 6 decimals cannot express it, and nothing rounds");
        // Carol signs for Alice's account.
        let id = alice.on(slow)?;
        let stolen = order(&id, &fast.usdx_id(), "10", &carol.address);
        let forged = self.client.withdraw(&stolen, Some((&id, &carol.signer)), Uuid::now_v7()).await;
        match forged {
            Err(refused) if refused.exit == Exit::Refused => {
                self.say.done(&format!("Carol's signature for Alice's account was refused [{}]", refused.code));
                Ok(())
            }
            _ => Err(wrong("a forged signature was not refused")),
        }
    }

    async fn withdraw(
        &self,
        id: &tokengine_caip::AccountId,
        who: &Customer,
        asset: &str,
        amount: &str,
        to: &str,
    ) -> Result<Value, Failure> {
        let order = order(id, asset, amount, to);
        self.client.withdraw(&order, Some((id, &who.signer)), Uuid::now_v7()).await
    }

    /// A withdrawal once its outcome is proven.
    async fn ended(&self, made: &Value) -> Result<Value, Failure> {
        let is = |value: &Value| matches!(text(value, "outcome"), "done" | "not_done");
        let value = self.client.follow(&["withdrawals", text(made, "id")], PATIENCE, is).await?;
        if is(&value) {
            Ok(value)
        } else {
            Err(wrong(format!("a withdrawal has not ended: {}", text(&value, "status"))))
        }
    }

    /// A payout whose transaction the network reverts.
    pub(super) async fn revert(&self) -> Result<(), Failure> {
        let World { fast, bob, refuses, .. } = self.world;
        let doing = self.say.doing("Bob withdraws to a contract that takes no coins");
        let id = bob.on(fast)?;
        let before = self.free(id.as_str(), "ETH").await?;
        let made = self.withdraw(&id, bob, &fast.coin_id(), "0.3", refuses).await?;
        let path = ["withdrawals", text(&made, "id")];
        let seen = self.client.follow(&path, PATIENCE, |value| text(value, "status") == "seen").await?;
        expect(&seen, "status", "seen")?;
        // Funds are released by proof alone: the revert itself must be finalized, and Fast makes no blocks by itself.
        here(|| fast.anvil.mine(3))?;
        let ended = self.ended(&made).await?;
        expect(&ended, "outcome", "not_done")?;
        expect(&ended, "status", "failed")?;
        let after = self.free(id.as_str(), "ETH").await?;
        drop(doing);
        if before.checked_sub(after) != Some(2 * ETHER / 1_000) {
            return Err(wrong(format!("the rollback took another fee than 0.002 ETH: {before} became {after}")));
        }
        let text =
            "Bob's 0.3 ETH to a contract that takes none: reverted on the network, final, rolled back, fee 0.002 ETH";
        self.say.done(text);
        Ok(())
    }

    async fn free(&self, account: &str, token: &str) -> Result<u128, Failure> {
        let value = self.client.get(&["accounts", account, "balances"], &[]).await?;
        let items = value["items"].as_array().or(value.as_array()).cloned().unwrap_or_default();
        let balance = items.iter().find(|balance| text(balance, "token") == token);
        let units = balance.and_then(|balance| balance["free"]["base_units"].as_str()).unwrap_or("0");
        units.parse().map_err(|error| Failure::system("a balance", error))
    }

    /// A deposit that was seen, not yet final, and taken away by a reorganisation.
    pub(super) async fn reorg(&self) -> Result<(), Failure> {
        let World { slow, carol, hot, .. } = self.world;
        let doing = self.say.doing("Carol deposits on Slow, and a reorganisation takes it away");
        let account = carol.on(slow)?.to_string();
        let hash = self.pay(slow, carol, hot, 110)?;
        let seen = self.deposit(slow, &hash, "confirming").await?;
        let sub_status = text(&seen, "sub_status").to_owned();
        let depth = here(|| depth_of(&slow.anvil, &hash))?;
        here(|| slow.anvil.reorg(depth))?;
        self.deposit(slow, &hash, "dropped").await?;
        drop(doing);
        match self.free(&account, "USDX").await {
            Ok(0) => {}
            Err(failure) if failure.exit == Exit::Refused => {} // there is not even an account
            other => return Err(wrong(format!("a deposit that is gone was credited: {other:?}"))),
        }
        let text = "Carol's 110 USDX on Slow were seen";
        self.say
            .done(&format!("{text} ({sub_status}), taken away by a reorg {depth} deep, and dropped: never credited"));
        Ok(())
    }
}

/// How many blocks a reorganisation must replace to take a transaction away.
fn depth_of(anvil: &Anvil, hash: &str) -> Result<u64, tokengine_testkit::Error> {
    let receipt = anvil.wait_receipt(hash)?;
    let block = tokengine_testkit::quantity(&receipt["blockNumber"])?;
    Ok(anvil.block_number()?.saturating_sub(u64::try_from(block).unwrap_or(u64::MAX)) + 1)
}

fn order(account: &tokengine_caip::AccountId, asset: &str, amount: &str, to: &str) -> Order {
    Order {
        account: account.to_string(),
        asset: asset.to_owned(),
        amount: amount.to_owned(),
        to: to.to_owned(),
        max_fee: None,
        external_id: None,
    }
}

fn expect(value: &Value, name: &str, wanted: &str) -> Result<(), Failure> {
    let found = text(value, name);
    if found == wanted { Ok(()) } else { Err(wrong(format!("its {name} is {found} and not {wanted}: {value}"))) }
}
