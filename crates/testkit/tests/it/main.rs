//! The test kit against the real peers that it installs and starts.

mod anvil;
mod browser;
mod contracts;
mod faults;
mod processes;

use std::time::Duration;

/// Long enough for a loaded machine with two cores; a state that is not there by then does not come.
const SOON: Duration = Duration::from_secs(30);
