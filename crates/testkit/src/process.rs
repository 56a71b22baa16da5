//! A process of ours that cannot outlive us.
//!
//! Every peer leads a process group of its own, is stopped by its own id when its handle is dropped, and is stopped by a
//! watchdog when we end without dropping anything (`kill -9`, an abort, a closed terminal).

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use crate::{Error, wait_until};

/// A running process: stopped, with everything it started, when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    watchdog: Child,
    log: PathBuf,
    exited: Option<ExitStatus>,
}

impl Process {
    /// Starts `command` without standard input; what it prints goes to the file `log`, at its end if that exists.
    ///
    /// # Errors
    /// [`Error::Start`] when the program cannot be started, [`Error::Io`] when the log cannot be opened.
    pub fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Self, Error> {
        let open = || File::options().create(true).append(true).open(log);
        let out = open().map_err(Error::io(format!("opening the log of {name}")))?;
        let err = open().map_err(Error::io(format!("opening the log of {name}")))?;
        let failed = |what: &str, e: &io::Error| Error::Start { peer: name.to_owned(), output: format!("{what}: {e}") };
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(|e| failed(&command.get_program().to_string_lossy(), &e))?;
        match watch(&child) {
            Ok(watchdog) => Ok(Self { name: name.to_owned(), child, watchdog, log: log.to_owned(), exited: None }),
            Err(e) => {
                let mut child = child;
                // Unwatched it could outlive us, so it must not run at all.
                let _ = child.kill();
                let _ = child.wait();
                Err(failed("its watchdog (sh)", &e))
            }
        }
    }

    /// The id of the process, which is also the id of its group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, or `None` while it runs.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.exited.is_none() {
            // An error means the process is not ours to wait for any more, which cannot be: only we reap it.
            self.exited = self.child.try_wait().ok().flatten();
        }
        self.exited
    }

    /// Waits for it to end by itself.
    ///
    /// # Errors
    /// [`Error::Timeout`] when it still runs after `deadline`; it goes on running.
    pub fn wait(&mut self, deadline: Duration) -> Result<ExitStatus, Error> {
        let what = format!("the end of {}", self.name);
        crate::wait_for(&what, deadline, || self.exit_status())
    }

    /// Ends it at once, with everything it started, as a power cut would (SIGKILL). Returns when it is gone.
    pub fn kill(&mut self) {
        if self.exit_status().is_some() {
            // Its children may be left; the group's id is not given to anyone else while one of them lives.
            let _ = self.pid().map(|pid| kill_process_group(pid, Signal::KILL));
            return;
        }
        let _ = self.pid().map(|pid| kill_process_group(pid, Signal::KILL));
        self.exited = self.child.wait().ok();
    }

    /// Asks it to end (SIGTERM), and ends it at once when it has not after `grace`. `None` only if it had to be killed.
    pub fn terminate(&mut self, grace: Duration) -> Option<ExitStatus> {
        if self.exit_status().is_none() {
            self.signal(Signal::TERM);
            if self.wait(grace).is_err() {
                self.kill();
                return None;
            }
        }
        self.exited
    }

    /// Stops it where it is (SIGSTOP): connections stay open and nobody answers, until [`Process::thaw`]. Returns when all
    /// its threads stand still.
    pub fn freeze(&mut self) {
        self.signal(Signal::STOP);
        if let Some(pid) = self.pid().filter(|_| self.exited.is_none()) {
            // Sending returns before the threads have stopped. An exit ends this wait too, and stays to be reaped.
            let stands_still = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let _ = waitid(WaitId::Pid(pid), stands_still);
        }
    }

    /// Lets it go on after [`Process::freeze`].
    pub fn thaw(&mut self) {
        self.signal(Signal::CONT);
    }

    /// What it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The last lines of what it has printed, for an error message.
    #[must_use]
    pub fn log_tail(&self) -> String {
        tail(&self.log(), 20)
    }

    fn signal(&mut self, signal: Signal) {
        // Looked at first: the id of a process that we have reaped may belong to a stranger.
        if self.exit_status().is_none()
            && let Some(pid) = self.pid()
        {
            let _ = kill_process(pid, signal);
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watchdog first: once the process is reaped its id may be a stranger's, and the watchdog would kill that.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        self.kill();
    }
}

/// A shell that waits for the end of a pipe which only we hold open, and then kills the process group of `child`.
///
/// The kernel closes the pipe however we end. Linux could signal the child itself (PDEATHSIG), but that is tied to the
/// thread that started it, and a test's thread ends long before a peer that tests share.
fn watch(child: &Child) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", "read -r _; kill -s KILL -- \"-$0\" 2>/dev/null"])
        .arg(child.id().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// Runs a command to its end and returns what it printed to standard output.
///
/// Safe to call while another test ends: the command cannot outlive us.
///
/// # Errors
/// [`Error::Start`] when it cannot be started, [`Error::Timeout`] when it runs longer than `deadline`, and the error that
/// `failed` makes of its standard error (or output, if it said nothing there) when it ends with another status than 0.
pub(crate) fn run(
    name: &str,
    command: &mut Command,
    deadline: Duration,
    failed: impl FnOnce(String) -> Error,
) -> Result<String, Error> {
    let folder = tempfile::tempdir().map_err(Error::io("creating a temporary folder"))?;
    let out_path = folder.path().join("out");
    let err_path = folder.path().join("err");
    let out = File::create(&out_path).map_err(Error::io("creating a temporary file"))?;
    let err = File::create(&err_path).map_err(Error::io("creating a temporary file"))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .process_group(0)
        .spawn()
        .map_err(|e| Error::Start { peer: name.to_owned(), output: e.to_string() })?;
    let watchdog = watch(&child).map_err(Error::io("starting sh"))?;
    let mut process = Process { name: name.to_owned(), child, watchdog, log: err_path.clone(), exited: None };
    let status = process.wait(deadline)?;
    let read = |path: &Path| fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    if status.success() {
        return Ok(read(&out_path));
    }
    let (said, printed) = (read(&err_path), read(&out_path));
    Err(failed(tail(if said.trim().is_empty() { &printed } else { &said }, 20)))
}

/// The last lines of a text.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Whether a program of that name is on the PATH, and where.
#[must_use]
pub fn find_on_path(program: &str) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0))
}

/// Waits until the process with that id is gone, whoever started it.
///
/// # Errors
/// [`Error::Timeout`] when it is still there after `deadline`.
pub fn wait_until_gone(id: u32, deadline: Duration) -> Result<(), Error> {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    wait_until(&format!("the end of process {id}"), deadline, || {
        pid.is_none_or(|pid| rustix::process::test_kill_process(pid).is_err())
    })
}
