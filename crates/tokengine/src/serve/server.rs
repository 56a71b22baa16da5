//! A port that answers HTTP, and how it stops.

use crate::exit::{Exit, Failure};
use axum::Router;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Requests under way may take so long to end.
pub(super) const DRAIN: Duration = Duration::from_secs(5);

/// Opens the doors: a thread a core, each with a runtime of its own, so that workers and followers do not hold them up.
pub(super) fn doors(address: SocketAddr, doors: tokengine_api::Doors) -> Result<tokengine_api::Server, Failure> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    tokengine_api::Server::start(address, threads, doors)
        .map_err(|error| Failure::new(Exit::Failed, "listen", format!("listening on {address}: {error}")))
}

/// A port that answers.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Begins to answer there.
    pub(crate) async fn start(address: SocketAddr, router: Router) -> Result<Self, Failure> {
        let failed =
            |error: std::io::Error| Failure::new(Exit::Failed, "listen", format!("listening on {address}: {error}"));
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, service).with_graceful_shutdown(stopped).await });
        Ok(Self { address, stop, task })
    }

    /// Takes nothing more and waits for what is under way; streams that would never end are cut.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(DRAIN, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}
