//! Connections: a bounded number, each with time limits, all ended in order when the server stops.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Options;
use super::places::{Place, Places};

/// The largest headers of a request, all together.
const HEADERS: usize = 16 * 1024;

/// How long a connection that is sent away may take to end: for the rest of an answer.
const LEAVING: Duration = Duration::from_secs(1);

/// Accepts connections until it is told to stop, and then waits for those that are there, until `grace` is over.
/// Gives whether all have ended by themselves, and until when the rest of the work may take.
pub(super) async fn listen(
    listener: TcpListener,
    router: Router,
    options: &Options,
    places: &Arc<Places>,
) -> (bool, Instant) {
    let mut stop = options.stop.0.subscribe();
    loop {
        // Whoever comes when all places are taken, by some who all ask for something, waits in the queue of the operating system.
        let stopped = stop.wait_for(|stop| *stop);
        let (accepted, place) = tokio::select! {
            _ = stopped => break,
            accepted = accept(&listener, places) => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
        };
        tokio::spawn(connection(accepted, router.clone(), options.clone(), stop.clone(), place));
    }
    drop(listener);
    let deadline = Instant::now() + options.grace;
    let ended = timeout_at(deadline, places.empty()).await.is_ok();
    (ended, deadline)
}

type Accepted = ((TcpStream, SocketAddr), Place);

async fn accept(listener: &TcpListener, places: &Arc<Places>) -> Option<Accepted> {
    match listener.accept().await {
        Ok(accepted) => {
            let place = places.take(accepted.1.ip()).await?;
            Some((accepted, place))
        }
        Err(_) => {
            // Out of files, or a connection that is gone already. A pause lets others end.
            sleep(Duration::from_millis(20)).await;
            None
        }
    }
}

async fn connection(
    (stream, from): (TcpStream, SocketAddr),
    router: Router,
    options: Options,
    mut stop: watch::Receiver<bool>,
    place: Place,
) {
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(|request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(from);
        place.works(true);
        let router = hyper_util::service::TowerToHyperService::new(router.clone());
        let answer = hyper::service::Service::call(&router, request);
        let place = &place;
        async move {
            let answer = answer.await;
            place.works(false);
            answer
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(options.read_timeout).max_buf_size(HEADERS);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let last = options.read_timeout.saturating_mul(2).saturating_add(options.request_timeout);
    let leaving = tokio::select! {
        _ = connection.as_mut() => return,
        // Nobody holds a place for ever, be it by reading answers slowly.
        () = sleep(options.connection_age) => false,
        _ = stop.wait_for(|stop| *stop) => false,
        () = place.leave() => true,
    };
    connection.as_mut().graceful_shutdown();
    if leaving && (timeout(LEAVING, connection.as_mut()).await.is_ok() || !place.is_working()) {
        return;
    }
    let _ = timeout(last, connection).await;
}
