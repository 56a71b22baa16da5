//! The comparison, as a table: what changes in the configuration, and what comes of it.

use super::diff::Changes;
use super::*;
use tokengine_core::{Amount, BlockRef, Command, Decision, Fees, Finality, NetworkIx, Record, State, Time};

const HOT: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const OTHER: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";
const DEPOSIT: &str = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";

fn address(text: &str) -> Address {
    Address::new(text).expect("short")
}

fn rules() -> AssetRules {
    AssetRules {
        deposits: true,
        payouts: true,
        min_deposit: Amount::ZERO,
        max_deposit: Amount::MAX,
        min_payout: Amount::ZERO,
        max_payout: Amount::MAX,
        fees: Fees::default(),
        finality: vec![(Amount::MAX, Finality::Finalized)],
        sweep_from: Amount::ZERO,
    }
}

fn some() -> Wanted {
    let policy =
        NetworkPolicy { reorg_depth: 8, nodes_required: 1, max_in_flight: 16, payout_finality: Finality::Finalized };
    let asset = |id: &str, token: &str, decimals, contract: Option<&str>| WantedAsset {
        id: id.into(),
        network: "eip155:1".into(),
        token: token.into(),
        decimals,
        contract: contract.map(address),
        aliases: Vec::new(),
        rules: rules(),
    };
    Wanted {
        networks: vec![WantedNetwork { id: "eip155:1".into(), policy, genesis: None, top_up_a_day: Amount::new(9) }],
        tokens: vec![("coin".into(), 18), ("usd".into(), 6)],
        assets: vec![
            asset("eip155:1/slip44:60", "coin", 18, None),
            asset("eip155:1/erc20:0xUSD", "usd", 6, Some("0xUSD")),
        ],
        wallets: vec![WantedWallet {
            network: "eip155:1".into(),
            address: address(HOT),
            role: Role::Hot,
            key: "hot-1".into(),
        }],
    }
}

fn keys(key: &str) -> Option<Address> {
    match key {
        "hot-1" => Some(address(HOT)),
        "deposits/0" => Some(address(DEPOSIT)),
        _ => None,
    }
}

fn apply(state: &mut State, command: Command) {
    let Decision::Event(event) = state.decide(&command, Time(1)) else { panic!("{command:?} is refused") };
    state.evolve(&Record { at: Time(1), event });
}

/// Everything of [`some`] is listed, the network has started, and a customer has a deposit address.
fn listed() -> State {
    let mut state = State::new(7);
    for command in diff(&state, &some(), &keys).expect("nothing stands against it").commands {
        apply(&mut state, command);
    }
    let block =
        |n: u8| BlockRef { height: n.into(), hash: BlockHash([n; 32]), parent: BlockHash([n.wrapping_sub(1); 32]) };
    apply(&mut state, Command::StartNetwork { network: NetworkIx(0), genesis: block(0), from: block(1) });
    apply(&mut state, Command::OpenAccount { request: None, name: "customer".into() });
    let account = state.account_by_name("customer").expect("just opened");
    let (network, key) = (NetworkIx(0), "deposits/0".into());
    let role = Role::Deposit(account);
    apply(&mut state, Command::ListWallet { request: None, network, address: address(DEPOSIT), role, key });
    state
}

#[test]
fn an_empty_state_is_told_everything_in_order_and_then_nothing_more() {
    let fresh = diff(&State::new(7), &some(), &keys).expect("nothing stands against it");
    let names: Vec<String> = fresh
        .commands
        .iter()
        .map(|c| format!("{c:?}").split([' ', '{']).next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(names, ["ListNetwork", "LimitTopUps", "ListToken", "ListToken", "ListAsset", "ListAsset", "ListWallet"]);
    assert_eq!(diff(&listed(), &some(), &keys), Ok(Changes::default()));
}

#[test]
fn a_second_network_gets_the_numbers_it_will_have() {
    let mut wanted = some();
    wanted.networks.push(WantedNetwork { id: "eip155:2".into(), ..wanted.networks[0].clone() });
    wanted.tokens.push(("other".into(), 2));
    wanted.assets.push(WantedAsset {
        id: "eip155:2/slip44:60".into(),
        network: "eip155:2".into(),
        token: "other".into(),
        decimals: 2,
        ..wanted.assets[0].clone()
    });
    let mut state = listed();
    for command in diff(&state, &wanted, &keys).expect("nothing stands against it").commands {
        apply(&mut state, command);
    }
    let asset = state.asset(state.asset_by_id("eip155:2/slip44:60").expect("listed")).expect("its row");
    assert_eq!(state.network(asset.network).map(|row| &*row.id), Some("eip155:2"));
    assert_eq!(state.token(asset.token).map(|row| &*row.id), Some("other"));
}

#[test]
fn rules_change_by_command_and_what_is_in_use_refuses() {
    type Case = (&'static str, fn(&mut Wanted), Result<&'static str, &'static [&'static str]>);
    let cases: &[Case] = &[
        ("a policy", |w| w.networks[0].policy.reorg_depth = 9, Ok("ChangeNetworkPolicy")),
        ("what a day's gas may cost", |w| w.networks[0].top_up_a_day = Amount::new(5), Ok("LimitTopUps")),
        ("rules of an asset", |w| w.assets[1].rules.payouts = false, Ok("ChangeAssetRules")),
        ("a role", |w| w.wallets[0].role = Role::Retiring, Ok("ChangeWalletRole")),
        ("the same genesis", |w| w.networks[0].genesis = Some(BlockHash([0; 32])), Ok("")),
        ("another genesis", |w| w.networks[0].genesis = Some(BlockHash([9; 32])), Err(&["network-genesis-changed"])),
        ("decimals of a token", |w| w.tokens[1].1 = 7, Err(&["token-decimals-changed"])),
        ("decimals of an asset", |w| w.assets[1].decimals = 5, Err(&["asset-decimals-changed"])),
        ("an asset's token", |w| w.assets[1].token = "coin".into(), Err(&["asset-token-changed"])),
        ("an alias", |w| w.assets[0].aliases = vec![address(OTHER)], Ok("")),
        ("an asset as another's alias", |w| w.assets[0].aliases = vec![address("0xUSD")], Err(&["asset-alias-listed"])),
        ("an asset's contract", |w| w.assets[1].contract = None, Err(&["asset-contract-changed"])),
        ("the coin by another id", |w| w.assets[0].id = "eip155:1/slip44:1".into(), Err(&["asset-listed-otherwise"])),
        ("the name of a key", |w| w.wallets[0].key = "hot-2".into(), Err(&["wallet-key-changed"])),
        ("the key behind a name", |w| w.wallets[0].address = address(OTHER), Err(&["wallet-key-changed"])),
        (
            "a deposit address as hot wallet",
            |w| w.wallets[0].address = address(DEPOSIT),
            Err(&["wallet-is-deposit-address"]),
        ),
        (
            "several at once",
            |w| {
                w.tokens[0].1 = 19;
                w.assets[0].decimals = 17;
                w.wallets[0].key = "hot-2".into();
            },
            Err(&["token-decimals-changed", "asset-decimals-changed", "wallet-key-changed"]),
        ),
    ];
    for (case, change, outcome) in cases {
        let mut wanted = some();
        change(&mut wanted);
        let found = diff(&listed(), &wanted, &keys);
        match outcome {
            Ok(command) => {
                let commands = found.unwrap_or_else(|problems| panic!("{case}: {problems:?}")).commands;
                let text = commands.first().map(|command| format!("{command:?}")).unwrap_or_default();
                assert!(text.starts_with(command) && commands.len() <= 1, "{case}: {commands:?}");
                assert_eq!(text.is_empty(), command.is_empty(), "{case}");
            }
            Err(codes) => {
                let problems = found.err().unwrap_or_else(|| panic!("{case} is refused"));
                assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), *codes, "{case}");
            }
        }
    }
}

#[test]
fn a_family_of_deposit_keys_that_changed_or_is_gone_refuses() {
    let changed = |key: &str| if key == "deposits/0" { Some(address(OTHER)) } else { keys(key) };
    let gone = |key: &str| if key == "deposits/0" { None } else { keys(key) };
    let code = |found: Result<Changes, Vec<Problem>>| found.err().map(|problems| problems[0].code);
    assert_eq!(code(diff(&listed(), &some(), &changed)), Some("deposit-key-changed"));
    assert_eq!(code(diff(&listed(), &some(), &gone)), Some("deposit-key-missing"));
}

#[test]
fn what_is_not_configured_any_more_stays_and_is_told() {
    let found = diff(&listed(), &Wanted::default(), &keys).expect("nothing stands against it");
    assert_eq!(found.commands, []);
    let codes: Vec<&str> = found.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(
        codes,
        [
            "network-not-configured",
            "token-not-configured",
            "token-not-configured",
            "asset-not-configured",
            "asset-not-configured",
            "wallet-not-configured"
        ]
    );
}
