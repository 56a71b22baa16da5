//! A real process on real files, killed at every fail point of the engine.

use crate::world::*;
use std::path::Path;
use std::process::Command as Process;
use tokengine_core::*;
use tokengine_engine::{Engine, Options};

/// Set for the process that is to be killed: where its data are.
const FOLDER: &str = "TOKENGINE_TEST_KILL_FOLDER";
const NAME: &str = "kill::what_was_answered_survives_a_kill_at_every_fail_point";

fn open(folder: &Path) -> Engine {
    let options = Options::new(folder, 5).with_journal(|journal| {
        journal.segment_bytes = SEGMENT;
        journal.reserve_bytes = SEGMENT;
    });
    Engine::open(options, None, |_| {}).expect("it opens")
}

/// In the process to be killed: opens accounts for ever and says which are open.
fn run_until_killed(folder: &Path) {
    let engine = open(folder);
    let start = engine.handle().query_blocking(State::account_count).expect("it runs");
    for number in start.. {
        let done = submit(&engine.handle(), open_account(&format!("a{number}"))).expect("opened");
        println!("answered {} {number}", done.position);
        assert!(number < 10_000, "the fail point was never reached");
    }
}

#[test]
fn what_was_answered_survives_a_kill_at_every_fail_point() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return run_until_killed(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("data");
    let mut answered = 0;
    for point in ["engine.before_append", "engine.after_append", "engine.durable", "engine.answered"] {
        for hit in [1, 2, 9] {
            let killed = Process::new(std::env::current_exe().expect("this program"))
                .args([NAME, "--exact", "--nocapture", "--test-threads=1"])
                .env(FOLDER, &place)
                .env("TOKENGINE_FAILPOINT", format!("{point}:{hit}"))
                .output()
                .expect("it runs");
            assert!(!killed.status.success(), "{point}:{hit} was not reached");
            assert!(String::from_utf8_lossy(&killed.stderr).contains(point), "it died of something else");
            let output = String::from_utf8_lossy(&killed.stdout);
            let engine = open(&place);
            assert!(!engine.opened().journal.clean);
            for line in output.lines().filter_map(|line| line.split_once("answered ")) {
                let (position, number) = line.1.split_once(' ').expect("two numbers");
                let (position, name) = (position.parse::<u64>().expect("a number"), format!("a{number}"));
                let record = engine.handle().feed(Position(position - 1)).next_blocking(1).expect("there").remove(0);
                assert_eq!(record.1.event, Event::AccountOpened { request: None, name: name.clone().into() });
                assert!(
                    engine.handle().query_blocking(move |state| state.account_by_name(&name)).expect("runs").is_some()
                );
                answered += 1;
            }
            engine.stop().expect("stopped");
        }
    }
    assert!(answered >= 20, "{answered} answers are too few to prove anything");
}
