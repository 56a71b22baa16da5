//! The port of the doors: a few threads with a runtime each, so that a request is read, answered and written on one core.
//!
//! A connection stays on the thread that it was given. What is slow (SQL, files) is done on threads that may wait, so that
//! nobody who shares the thread waits for it.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How long the head of a request may take to arrive, from its first wait on.
const HEAD_TIME: Duration = Duration::from_secs(60);
/// Connections that wait to be taken over by a thread.
const WAITING: usize = 64;
/// When no connection can be taken, such as for want of file descriptors, it is tried again so much later.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers the requests of one port.
pub trait Answer: Clone + Send + Sync + 'static {
    /// Answers one request. The future is dropped when the caller hangs up.
    fn answer(&self, request: hyper::Request<Incoming>, from: SocketAddr) -> impl Future<Output = Response> + Send;
}

impl Answer for axum::Router {
    async fn answer(&self, request: hyper::Request<Incoming>, from: SocketAddr) -> Response {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(axum::extract::ConnectInfo(from));
        let answered = tower_service::Service::call(&mut self.clone(), request).await;
        answered.unwrap_or_else(|never: Infallible| match never {})
    }
}

/// A port that answers.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    done: mpsc::Receiver<()>,
}

impl Server {
    /// Begins to answer at `address`, on so many threads.
    ///
    /// # Errors
    /// What the system says, such as that the port is taken.
    pub fn start(address: SocketAddr, threads: usize, answer: impl Answer) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let (hold, done) = mpsc::channel(1);
        let (mut started, mut takers) = (Vec::new(), Vec::new());
        for number in 0..threads.max(1) {
            let (give, take) = mpsc::channel(WAITING);
            takers.push(give);
            let (answer, stopped, hold) = (answer.clone(), stopped.clone(), hold.clone());
            started.push(thread(format!("doors-{number}"), async move {
                serve(take, answer, stopped).await;
                drop(hold);
            })?);
        }
        let mut stopped = stopped;
        started.push(thread("doors-accept".to_owned(), async move {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => tokio::select! {
                    () = accept(listener, takers) => {}
                    _ = stopped.wait_for(|stopped| *stopped) => {}
                },
                Err(error) => tracing::error!(error = %error, "Port does not answer"),
            }
            drop(hold);
        })?);
        Ok(Self { address, stop, threads: started, done })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes nothing more, and waits so long for what is under way; streams that would never end are then cut.
    pub async fn stop(mut self, drain: Duration) {
        self.stop.send_replace(true);
        // Nobody sends: it ends when the last thread has ended.
        let _ = tokio::time::timeout(drain, self.done.recv()).await;
        // What is left ends with the process.
        let ended = self.threads.into_iter().filter(JoinHandle::is_finished);
        for thread in ended {
            let _ = thread.join(); // a thread that panicked has told so
        }
    }
}

fn thread(name: String, work: impl Future<Output = ()> + Send + 'static) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name(name).spawn(move || {
        runtime.block_on(work);
        // What blocks on SQL must not keep the process from stopping.
        runtime.shutdown_background();
    })
}

/// Gives each connection to the next thread that has room.
async fn accept(listener: tokio::net::TcpListener, takers: Vec<mpsc::Sender<(std::net::TcpStream, SocketAddr)>>) {
    let mut turn = takers.iter().cycle();
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let Some(taker) = turn.next() else { return };
                if let Ok(stream) = stream.into_std()
                    && taker.send((stream, from)).await.is_err()
                {
                    return;
                }
            }
            // A connection that its caller has given up already is not our trouble.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(error = %error, "Connections are not taken for a moment");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Serves the connections of one thread until it is told to stop and they are done.
async fn serve<A: Answer>(
    mut take: mpsc::Receiver<(std::net::TcpStream, SocketAddr)>,
    answer: A,
    stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    while let Some((stream, from)) = take.recv().await {
        connections.spawn(connection(stream, from, answer.clone(), stopped.clone()));
        while connections.try_join_next().is_some() {}
    }
    while connections.join_next().await.is_some() {}
}

async fn connection<A: Answer>(
    stream: std::net::TcpStream,
    from: SocketAddr,
    answer: A,
    mut stopped: watch::Receiver<bool>,
) {
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    let _ = stream.set_nodelay(true); // slower without, and that is all
    let service = service_fn(|request| {
        let answer = &answer;
        async move { Ok::<_, Infallible>(answer.answer(request, from).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // A caller that breaks off is no fault of ours.
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
