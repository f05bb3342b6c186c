//! The server of the wire for channels (docs/channels.md): HTTP in front of the [`Office`]. It is meant to stand behind a proxy that
//! ends TLS; it listens on this computer only, unless it is told otherwise.
//!
//! Nothing in it grows without limit: connections, headers, bodies, threads that work in the office, requests of a token, lines of
//! the log. What is answered is durable; what was not answered is found by repeating with the same id.

mod app;
mod convert;
mod describe;
mod extract;
mod failure;
mod handlers;
mod listen;
mod lists;
mod log;
mod metrics;
mod note;
mod pages;
mod places;
mod receipts;

use axum::middleware::from_fn_with_state;
use axum::routing::get;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

use self::app::App;
pub use self::log::log_to_stderr;
use self::places::Places;
use card_ledger::Office;

/// How often the rules of selling are read anew.
const RELOAD: Duration = Duration::from_secs(10);

/// How the server runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens. On this computer only, unless it is set otherwise.
    pub address: SocketAddr,
    /// The most connections.
    pub connections: usize,
    /// The most connections from one address elsewhere; the proxy on this computer may have all.
    pub per_address: usize,
    /// The largest body of a request, in bytes.
    pub body: usize,
    /// The most requests that are worked on at the same time, a quarter of them for one party; others wait for
    /// [`request_timeout`](Self::request_timeout).
    pub work: usize,
    /// How long headers may take, and then a body; also how long a connection may wait for its next request.
    pub read_timeout: Duration,
    /// After this a request is answered with 503, while its work goes on.
    pub request_timeout: Duration,
    /// After this a connection is ended, once its request is answered.
    pub connection_age: Duration,
    /// How long requests may take to end once the server is told to stop.
    pub grace: Duration,
    /// Requests of a token in a second.
    pub rate: NonZeroU32,
    /// Requests of a token at once.
    pub burst: NonZeroU32,
    /// Wrong tokens from an address in a minute; those after it are not looked up.
    pub failures: NonZeroU32,
    /// Whether SIGTERM and SIGINT stop it.
    pub signals: bool,
    /// Stops it from elsewhere.
    pub stop: Stop,
}

/// Where the server listens when nothing else is said.
pub const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8470);

impl Default for Options {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            address: ADDRESS,
            connections: 1024,
            per_address: 256,
            body: card_channel::wire::BODY,
            work: 36,
            read_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(20),
            connection_age: Duration::from_secs(600),
            grace: Duration::from_secs(25),
            rate: number(100),
            burst: number(200),
            failures: number(30),
            signals: true,
            stop: Stop::new(),
        }
    }
}

/// Stops a server: it takes no more connections, ends what runs, and returns.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// For one server.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Stops it. It is remembered where the server has not begun yet.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// No runtime.
    #[error("the server cannot begin ({0}): see whether the computer has threads and files left")]
    Runtime(#[source] std::io::Error),
    /// No address.
    #[error("the server cannot listen at {0} ({1}): see what else does, or give another address")]
    Address(SocketAddr, #[source] std::io::Error),
    /// A limit of nothing.
    #[error("the server needs at least one connection and one request at a time, and fewer than a million")]
    Limits,
    /// Some work did not end.
    #[error(
        "the server stopped while something was still running: what was not answered is found by repeating with the same id"
    )]
    CutShort,
}

/// Serves until it is stopped. `ready` is called once it listens, with its address.
pub fn serve(
    office: Arc<Office>,
    options: Options,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServerError> {
    const MOST: usize = 1_000_000;
    if !(1..MOST).contains(&options.connections) || !(1..MOST).contains(&options.work) {
        return Err(ServerError::Limits);
    }
    // Besides those that work: one each for the rules, the status, and whatever the runtime wants.
    let threads = options.work.saturating_add(4);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(threads)
        .enable_all()
        .build()
        .map_err(ServerError::Runtime)?;
    // A store's connections may only be ended outside of the runtime, so the last hold of the office is here.
    let kept = Arc::clone(&office);
    let served = runtime.block_on(run(office, options, ready));
    runtime.shutdown_timeout(Duration::from_millis(200));
    drop(kept);
    served
}

/// The description of the protocol as JSON (OpenAPI), generated from the code.
pub fn openapi() -> String {
    describe::text().to_owned()
}

async fn run(
    office: Arc<Office>,
    options: Options,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServerError> {
    let cannot = |error| ServerError::Address(options.address, error);
    let listener = TcpListener::bind(options.address).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let places = Places::new(options.connections, options.per_address);
    let app = App::new(office, options.clone(), Arc::clone(&places));
    let signals = options.signals.then(|| tokio::spawn(signalled(options.stop.clone())));
    let house = tokio::spawn(keep_house(app.clone()));
    let router = describe::routes(&app)
        .merge(pages::routes())
        .route("/livez", get(metrics::live))
        .route("/readyz", get(metrics::ready))
        .route("/metrics", get(metrics::metrics))
        .fallback(handlers::no_path)
        .method_not_allowed_fallback(handlers::no_method)
        .layer(from_fn_with_state(app.clone(), note::logged))
        .with_state(app.clone());
    info!(listening = %address);
    ready(address);
    let (ended, deadline) = listen::listen(listener, router, &options, &places).await;
    house.abort();
    if let Some(signals) = signals {
        signals.abort();
    }
    let finished = app.finish(deadline).await;
    info!(stopped = true, "connections-ended" = ended, "work-ended" = finished);
    if ended && finished { Ok(()) } else { Err(ServerError::CutShort) }
}

async fn keep_house(app: App) {
    let mut ticks = interval(RELOAD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is now, and the office has just read them.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        app.keep_house().await;
    }
}

async fn signalled(stop: Stop) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    }
    // Also when the window is closed, or the computer shuts down.
    #[cfg(windows)]
    {
        use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};
        let (Ok(mut int), Ok(mut term), Ok(mut close), Ok(mut shutdown)) =
            (ctrl_c(), ctrl_break(), ctrl_close(), ctrl_shutdown())
        else {
            return;
        };
        tokio::select! {
            _ = int.recv() => {}
            _ = term.recv() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    }
    stop.stop();
}

#[cfg(test)]
mod tests;
