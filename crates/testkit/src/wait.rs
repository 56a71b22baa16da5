//! Waiting for states, and finding room: what every test needs and no test should write for itself.

use std::{
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};

use crate::Error;

/// How often a state is looked at: often enough that nobody notices, seldom enough that a peer has the processor.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks at a state until `look` finds something, and returns that.
///
/// # Errors
/// [`Error::Timeout`] when it is not there within `deadline`; `what` says what was waited for.
pub fn wait_for<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T, Error> {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if started.elapsed() >= deadline {
            return Err(Error::Timeout { what: what.to_owned(), after: deadline });
        }
        pause();
    }
}

/// Looks at a state until it holds.
///
/// # Errors
/// [`Error::Timeout`] when it does not hold within `deadline`; `what` says what was waited for.
pub fn wait_until(what: &str, deadline: Duration, mut holds: impl FnMut() -> bool) -> Result<(), Error> {
    wait_for(what, deadline, || holds().then_some(()))
}

/// A loopback TCP port that nobody listens on at this moment.
///
/// Another process may take it before the caller does, so prefer to let a peer bind port 0 and say where it is.
///
/// # Errors
/// [`Error::Io`] when the machine has no port left.
pub fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("binding a free loopback port"))?;
    Ok(listener.local_addr().map_err(Error::io("reading the port bound"))?.port())
}

/// The one place that sleeps: between two looks at a state.
#[expect(clippy::disallowed_methods, reason = "there is no event to wait for across processes")]
pub(crate) fn pause() {
    std::thread::sleep(LOOK_EVERY);
}
