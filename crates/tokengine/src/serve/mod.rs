//! `serve`: everything is started in one order and stopped in the other.
//!
//! Configuration, telemetry, health port, journal, read model, networks, doors. Each step is logged, timed, and told at
//! `/startupz`; nothing is open to clients before all of them are done.

mod app;
mod events;
mod follower;
mod health;
mod look;
mod metrics;
mod networks;
mod server;
mod stages;
mod telemetry;

use crate::cli::ServeArgs;
use crate::config::EngineConfig;
use crate::exit::{Exit, Failure};
use crate::out::Out;
use std::path::Path;
use std::sync::Arc;
use tokengine_engine::Options;
use tokengine_keys::random_bytes;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(crate) use app::{App, blocking};
pub(crate) use stages::Stages;
pub(crate) use telemetry::quiet;

/// Runs the engine until it is told to stop.
pub(crate) fn run(file: &Path, args: &ServeArgs, out: Out) -> Result<(), Failure> {
    let (config, keys) = crate::command::open(file, args, out)?;
    let telemetry = telemetry::init(&config.telemetry)?;
    for warning in &config.warnings {
        tracing::warn!(code = warning.code, place = warning.place, "{}", warning.text);
    }
    let served = runtime()?.block_on(async {
        let mut signals = Signals::new()?;
        let stages = Arc::new(Stages::default());
        let starting = App::start(config, keys, Arc::clone(&stages), out);
        let app = tokio::select! {
            app = starting => app?,
            // What was started ends with the process; the journal is safe at any moment.
            name = signals.next() => return Err(Failure::new(Exit::Failed, "stopped", format!("stopped by {name} while starting"))),
        };
        let name = signals.next().await;
        tracing::info!(signal = name, "Stopping; a second signal stops at once");
        signals.insist();
        app.stop().await
    });
    telemetry.flush();
    served
}

/// The runtime that all parts share.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("tokengine").build();
    built.map_err(|error| Failure::system("starting threads", error))
}

/// How the engine is opened.
pub(crate) fn engine_options(config: &EngineConfig) -> Result<Options, Failure> {
    let seed = u64::from_le_bytes(random_bytes::<8>()?);
    let mut options =
        Options::new(crate::command::journal::journal_folder(&config.data), seed).with_journal(|journal| {
            journal.segment_bytes = config.segment_bytes;
            journal.reserve_bytes = config.reserve_bytes;
        });
    options.snapshot_every = config.snapshot_every;
    options.archive.clone_from(&config.archive);
    Ok(options)
}

/// SIGTERM and SIGINT.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(|error| Failure::system("listening to signals", error));
        Ok(Self { terminate: on(SignalKind::terminate())?, interrupt: on(SignalKind::interrupt())? })
    }

    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// From now on the next one ends the process at once. That is safe at any moment; it is only not polite.
    pub(crate) fn insist(mut self) {
        tokio::spawn(async move {
            let name = self.next().await;
            tracing::warn!(signal = name, "Stopping at once");
            std::process::exit(130);
        });
    }
}
