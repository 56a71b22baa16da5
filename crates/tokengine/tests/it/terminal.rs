//! What a person sees on a terminal: progress on long work, and colours unless they asked for none.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokengine_testkit::{TempDir, free_port};

use crate::program::{command, run};

/// Runs `command` with a terminal in place of its standard error, or of both outputs; `until` looks at what it has shown
/// so far, and ends it when that is enough. Returns what was shown.
fn on_a_terminal(command: &mut Command, both: bool, until: impl Fn(&str) -> bool) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("it is ours");
    let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("a path");
    let side = || -> Stdio { OpenOptions::new().read(true).write(true).open(&name).expect("its other side").into() };
    command.stdin(Stdio::null()).stdout(if both { side() } else { Stdio::null() }).stderr(side());
    let mut child: Child = command.spawn().expect("it can be started");
    // The command would keep this process's copies of the terminal open, and reading would never end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (mut shown, mut buffer) = (Vec::new(), [0; 4096]);
    let mut master = File::from(master);
    // Reading ends with an error when the last other side is closed.
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..count]);
        if until(&String::from_utf8_lossy(&shown)) {
            child.kill().expect("it can be ended");
        }
    }
    child.wait().expect("it ends");
    String::from_utf8_lossy(&shown).into_owned()
}

/// Whether a text has colours or type faces, beside what moves the cursor.
fn is_coloured(text: &str) -> bool {
    let codes = text
        .split("\x1b[")
        .skip(1)
        .filter_map(|rest| rest.find(|c: char| c.is_ascii_alphabetic()).map(|at| &rest[at..=at]));
    codes.into_iter().any(|end| end == "m")
}

/// A folder with a journal of some events, and ports of its own.
fn place() -> TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    let (doors, health) = (free_port().expect("one"), free_port().expect("another"));
    let text = format!(
        "[engine]\nsegment_mib = 1\nreserve_mib = 1\n[api]\nlisten = \"127.0.0.1:{doors}\"\nhealth_listen = \"127.0.0.1:{health}\"\n"
    );
    std::fs::write(folder.path().join("tokengine.toml"), text).expect("it can be written");
    for name in ["one", "two", "three"] {
        let made = run(folder.path(), &["keys", "api-key", "--name", name, "--scopes", "all"]);
        assert_eq!(made.code, Some(0), "{made:?}");
    }
    folder
}

fn shown(folder: &Path, words: &[&str]) -> String {
    on_a_terminal(command(folder).args(words), false, |_| false)
}

#[test]
fn long_work_shows_how_far_it_is_on_a_terminal_and_nothing_elsewhere() {
    let folder = place();
    assert_eq!(run(folder.path(), &["backup", "copy"]).code, Some(0));
    for (words, bars) in [
        (&["verify"][..], &["checking [", "replaying ["][..]),
        (&["rebuild"], &["rebuilding ["]),
        (&["backup", "second"], &["copying ["]),
        (&["restore", "copy", "--data", "restored"], &["checking [", "copying ["]),
    ] {
        let seen = shown(folder.path(), words);
        for bar in bars {
            assert!(seen.contains(bar) && seen.contains('%'), "{words:?} {bar}: {seen:?}");
        }
    }
    let asked = [&["verify", "--json"][..], &["rebuild", "--json"]].map(|words| shown(folder.path(), words));
    assert_eq!(asked, ["", ""], "a program reads it");
    let piped = run(folder.path(), &["verify"]);
    assert_eq!((piped.code, piped.err.as_str()), (Some(0), ""), "nobody looks");
    // The replay of a start.
    let seen = on_a_terminal(command(folder.path()).arg("serve"), false, |seen| seen.contains("Ready"));
    assert!(seen.contains("replaying [") && seen.contains("Ready"), "{seen:?}");
}

#[test]
fn colours_are_for_terminals_and_for_those_who_did_not_ask_for_none() {
    let folder = place();
    let up = |seen: &str| seen.contains("Ready");
    for (case, value, coloured) in [("nothing said", None, true), ("empty", Some(""), true), ("none", Some("1"), false)]
    {
        let with = |words: &[&str]| {
            let mut command = command(folder.path());
            command
                .args(words)
                .env("TERM", "xterm-256color")
                .env_remove("NO_COLOR")
                .envs(value.map(|v| ("NO_COLOR", v)));
            command
        };
        let log = on_a_terminal(&mut with(&["serve"]), false, up);
        assert_eq!(is_coloured(&log), coloured, "the log, {case}: {log:?}");
        let help = on_a_terminal(&mut with(&["--help"]), true, |_| false);
        assert!(help.contains("Exit codes"), "{help}");
        assert_eq!(is_coloured(&help), coloured, "the help, {case}: {help:?}");
    }
    let piped = run(folder.path(), &["--help"]);
    assert!(!is_coloured(&piped.out), "{piped:?}");
}
