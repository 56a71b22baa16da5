//! J9: the disk is full while a payout is under way. New work is refused, the payout ends, and with room everything goes on.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::world::{Answer, DOLLAR6, Order, Setup, USD_FEE, WHOLE, World, key};

/// Large enough for the segments, their reserve and the read model, and soon full.
const SMALL: &str = "size=24m";

/// How the disk gets full.
enum Disk {
    /// The data folder is a small file system of the program's own, as the program sees it.
    Mounted { seen: PathBuf },
    /// The journal is told how many bytes are free: this works everywhere, and leaves the read model alone.
    Told { file: PathBuf },
}

impl Disk {
    fn fill(&self) {
        match self {
            Self::Mounted { seen } => {
                let mut filler = File::create(seen.join("filler")).expect("made");
                for piece in [1 << 20, 4 << 10] {
                    while filler.write_all(&vec![1; piece]).and_then(|()| filler.sync_data()).is_ok() {}
                }
            }
            Self::Told { file } => fs::write(file, "0").expect("written"),
        }
    }

    fn make_room(&self) {
        match self {
            Self::Mounted { seen } => fs::remove_file(seen.join("filler")).expect("removed"),
            Self::Told { file } => fs::remove_file(file).expect("removed"),
        }
    }
}

/// Whether a process may have a file system of its own here.
fn may_mount() -> bool {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", "/mnt"]);
    command.output().is_ok_and(|output| output.status.success())
}

/// The program with a journal that believes what it is told.
fn told(world: &mut World) -> Disk {
    let file = world.path().join("free-bytes");
    world.launch(&[("TOKENGINE_FREE_BYTES", file.to_str().expect("a path"))], &[]);
    world.wait_ready();
    Disk::Told { file }
}

/// The program on a small disk.
fn mounted(world: &mut World) -> Disk {
    // The API key was made in `data`: it moves to the small disk.
    let small = world.path().join("small");
    fs::create_dir(&small).expect("made");
    let script = r#"mount -t tmpfs -o "$1" tmpfs small && cp -a data/. small && shift && exec "$@""#;
    let program = ["--user", "--map-root-user", "--mount", "sh", "-ec", script, "sh", SMALL];
    world.launch_by(&[&["unshare"], &program[..]].concat(), &["--data", "small"]);
    world.wait_ready();
    let below = small.strip_prefix("/").expect("absolute");
    let root = PathBuf::from(format!("/proc/{}/root", world.process_id()));
    let seen = root.join(below);
    assert!(has_journal(&seen), "{} is the program's data folder", seen.display());
    Disk::Mounted { seen }
}

fn has_journal(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|entries| entries.flatten().count() > 1)
}

fn metric(world: &World, name: &str) -> Option<f64> {
    let page = world.probe("/metrics");
    page.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// Thousands of refusals, each of which is an event.
fn burden(world: &World) -> Answer {
    let moves: Vec<Value> = (0..5_000)
        .map(|_| json!({"token": "usd", "from": "till", "to": "shop", "amount": {"base_units": "1"}}))
        .collect();
    world.post("/v1/moves/batch", &json!({ "moves": moves }))
}

#[test]
fn without_free_bytes_new_work_is_refused_and_payouts_under_way_end() {
    survives(told);
}

#[test]
fn on_a_full_file_system_new_work_is_refused_and_payouts_under_way_end() {
    if may_mount() {
        survives(mounted);
    } else {
        eprintln!("no file system may be mounted here: only the journal was told that its disk is full");
    }
}

fn survives(start: impl FnOnce(&mut World) -> Disk) {
    let mut world = World::new(Setup::one());
    let disk = start(&mut world);
    world.fund();
    world.deposited(0, 1, "usd", 100 * DOLLAR6);
    for name in ["shop", "till"] {
        world.post("/v1/accounts", &json!({"id": name})).expect(201);
    }
    let account = world.account(0, 1);
    let order = Order { customer: 1, home: 0, net: 0, token: "usd", amount: 7 * DOLLAR6, to: world.nobody(1) };
    let next = Order { amount: 5 * DOLLAR6, to: world.nobody(2), ..order.clone() };
    let (next_body, next_key) = (world.signed(&next), key());
    world.nodes[0].set_automine(false).expect("set");
    let id = world.withdraw(&order);
    world.until_still("it is sent", |world| world.withdrawal(&id)["status"] == "sent");

    disk.fill();
    world.until_still("there is no room for new work", |world| {
        burden(world);
        world.probe("/readyz").status == 503
    });
    let ready = world.probe("/readyz");
    assert_eq!((&ready["reasons"], &ready["journal"]["disk_full"]), (&json!(["disk-full"]), &json!(true)));
    let refused = world.post_as("/v1/withdrawals", &next_key, &next_body);
    assert_eq!((refused.status, refused.code()), (507, "disk-full"), "{}", refused.text);
    assert_eq!((&refused["outcome"], &refused["retryable"]), (&json!("none"), &json!(true)));
    let batch = burden(&world).expect(200);
    assert_eq!(batch["results"][0]["code"], "disk-full", "each of many is told too");
    assert_eq!(world.probe("/livez").status, 200, "a restart would not help");

    // What is under way ends: it is paid, and the books say so, whatever the read model can still write.
    world.nodes[0].set_automine(true).expect("set");
    world.until("the payout under way is over", |world| metric(world, "tokengine_withdrawals_open") == Some(0.0));
    assert_eq!(world.on_chain(0, "usd", &order.to), order.amount, "paid once");
    assert_eq!(metric(&world, "tokengine_journal_disk_full"), Some(1.0), "still full");
    let refused = world.post_as("/v1/withdrawals", &next_key, &next_body);
    assert_eq!((refused.status, refused.code()), (507, "disk-full"), "{}", refused.text);

    // With room it goes on by itself, with the same key: a refusal for want of room is not remembered.
    disk.make_room();
    world.until("there is room", |world| world.probe("/readyz").status == 200);
    world.until_status(&id, "committed");
    let taken = world.post_as("/v1/withdrawals", &next_key, &next_body).expect(202);
    world.until_status(taken["id"].as_str().expect("an id"), "committed");
    assert_eq!(world.on_chain(0, "usd", &next.to), next.amount);
    assert_eq!(world.on_chain(0, "usd", &order.to), order.amount, "paid once");
    assert_eq!(world.free(&account, "usd"), 88 * WHOLE - 2 * USD_FEE);
    world.books_balance();
    let log = world.log();
    for (line, level) in [("Disk full: new work is refused", "ERROR"), ("There is room again", "INFO")] {
        let told: Vec<&str> = log.lines().filter(|told| told.contains(line)).collect();
        assert!(!told.is_empty() && told.iter().all(|told| told.contains(level)), "{line}: {told:?}");
    }
    assert_eq!(world.stop(), Some(0), "{}", world.log());
}
