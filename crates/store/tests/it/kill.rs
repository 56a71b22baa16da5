//! `kill -9` in the middle of following: rows and cursor are of one moment, and going on from there is as if nothing was.

use crate::follow::dump;
use crate::world::*;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use tokengine_core::*;
use tokengine_store::Store;

const FILE: &str = "TOKENGINE_STORE_KILL_FILE";

/// The same in every process.
fn records() -> Vec<(Position, Record)> {
    let mut world = World::new();
    let (alice, _) = world.customer("ALICE", USD_A, 1_000_000);
    let (bob, _) = world.customer("BOB", USD_A, 1_000_000);
    for n in 0..1_500u32 {
        let (from, to) = if n % 2 == 0 { (alice, bob) } else { (bob, alice) };
        let (request, amount) = (world.request(), Amount::new(u128::from(n) + 1));
        world.ok(Command::Move { request, token: USD, from, to, amount, authority: MoveAuthority::Owner });
        if n % 10 == 0 {
            let payout = world.hold(from, USD_A, 100);
            let authority = world.signed(from);
            world.ok(Command::CancelPayout { request: None, payout, authority });
        }
    }
    world.records
}

/// What the killed process does.
fn follow(file: &Path) {
    let mut store = Store::open(file).expect("opens");
    for batch in records().chunks(9) {
        store.apply(batch).expect("it follows");
        eprintln!("at {}", store.cursor().expect("readable"));
    }
}

#[test]
fn after_a_kill_rows_and_cursor_agree_and_following_goes_on() {
    if let Some(file) = std::env::var_os(FILE) {
        return follow(file.as_ref());
    }
    let records = records();
    let folder = tempfile::tempdir().expect("a folder");
    let (killed, whole) = (folder.path().join("killed.db"), folder.path().join("whole.db"));
    let mut cursor = Position(0);
    for kill_after in [1, 3, 10, 25, 40] {
        let mut child = Process::new(std::env::current_exe().expect("this test"))
            .args([
                "--exact",
                "kill::after_a_kill_rows_and_cursor_agree_and_following_goes_on",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(FILE, &killed)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let fresh = |line: &String| {
            let at = line.strip_prefix("at ").and_then(|at| at.parse().ok());
            at.is_some_and(|at: u64| at > cursor.0)
        };
        let told = lines.filter(fresh).nth(kill_after).expect("it gets that far");
        child.kill().expect("SIGKILL");
        child.wait().expect("it ends");

        let mut store = Store::open(&killed).expect("opens");
        cursor = store.cursor().expect("readable");
        assert!(told.strip_prefix("at ").is_some_and(|at| at.parse::<u64>().is_ok_and(|at| at <= cursor.0)));
        drop(store);
        let upto = usize::try_from(cursor.0).expect("few");
        let _ = std::fs::remove_file(&whole);
        store = Store::open(&whole).expect("opens");
        store.apply(&records[..upto]).expect("it follows");
        drop(store);
        assert!(upto < records.len(), "it was killed on the way");
        for (killed, whole) in dump(&killed).into_iter().zip(dump(&whole)) {
            assert_eq!(killed, whole, "up to {cursor}");
        }
    }
}
