//! Nothing that is started here outlives the one who started it.

use std::{
    fs,
    process::{Command, Stdio},
};

use tokengine_testkit::{
    Anvil, AnvilOptions, Process, TempDir, free_port, process::wait_until_gone, wait_for, wait_until,
};

use crate::SOON;

fn shell(script: &str, folder: &TempDir) -> Process {
    let log = folder.path().join("log");
    Process::spawn("a shell", Command::new("sh").args(["-c", script]).current_dir(folder.path()), &log).expect("starts")
}

/// The process id that a script has written to a file.
fn written_id(folder: &TempDir, name: &str) -> u32 {
    let read = || fs::read_to_string(folder.path().join(name)).ok()?.trim().parse().ok();
    wait_for("the id", SOON, read).expect("is written")
}

#[test]
fn a_node_ends_with_its_handle() {
    let node = Anvil::start(AnvilOptions::default()).expect("anvil starts");
    let id = node.process_id().expect("runs");
    drop(node);
    wait_until_gone(id, SOON).expect("is gone");
}

#[test]
fn a_process_takes_what_it_started_with_it() {
    let folder = TempDir::new().expect("a folder");
    let mut process = shell("sleep 1000 & echo $! > child; wait", &folder);
    let child = written_id(&folder, "child");
    process.kill();
    wait_until_gone(child, SOON).expect("is gone");
}

#[test]
fn what_it_prints_and_how_it_ends_can_be_read() {
    let folder = TempDir::new().expect("a folder");
    let mut process = shell("echo one; echo two >&2; exit 3", &folder);
    assert_eq!(process.wait(SOON).expect("ends").code(), Some(3));
    assert_eq!(process.log(), "one\ntwo\n");
    process.kill();
    assert_eq!(process.exit_status().and_then(|status| status.code()), Some(3), "killing the dead changes nothing");
}

#[test]
fn it_is_asked_to_end_first() {
    let folder = TempDir::new().expect("a folder");
    let mut polite = shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done", &folder);
    wait_until("the trap", SOON, || polite.log().contains("ready")).expect("is set");
    assert!(polite.terminate(SOON).expect("ends by itself").success());
    assert!(polite.log().contains("bye"));
}

/// A `kill -9` runs no destructor: another process starts a node, is killed, and the node must go all the same.
#[test]
fn a_node_ends_when_the_one_who_started_it_is_killed() {
    const FOLDER: &str = "TESTKIT_ORPHAN_FOLDER";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let node = Anvil::start(AnvilOptions::default()).expect("anvil starts");
        let id = node.process_id().expect("runs").to_string();
        // Renamed into place, so that nobody reads half of it.
        let place = std::path::Path::new(&folder).join("node");
        fs::write(place.with_extension("new"), id).expect("is written");
        fs::rename(place.with_extension("new"), place).expect("is renamed");
        wait_until("the end of this process", 10 * SOON, || false).expect("is killed before that");
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let mut starter = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "processes::a_node_ends_when_the_one_who_started_it_is_killed"])
        .env(FOLDER, folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("this test starts again");
    let node = written_id(&folder, "node");
    starter.kill().expect("is killed");
    starter.wait().expect("is reaped");
    wait_until_gone(node, SOON).expect("the node is gone");
}

#[test]
fn a_free_port_can_be_bound() {
    let port = free_port().expect("there is one");
    std::net::TcpListener::bind(("127.0.0.1", port)).expect("nobody has it");
}
