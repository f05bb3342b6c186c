//! What a monitoring program (Prometheus) reads: counts and times of requests, sales, refusals; and how the server and its books stand.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::app::App;
use super::failure::Told;
use card_ledger::{Connections, Spent};

/// Upper bounds of the times of requests, in seconds; the last is the server's own limit.
const BOUNDS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];

/// A sale that was made or announced by this request, and by no earlier one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sold {
    /// In piastres.
    pub(super) amount: u64,
    /// Whether it has its voucher.
    pub(super) certified: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRequest {
    method: String,
    path: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPath {
    path: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCode {
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfParty {
    party: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

/// Card readers of this computer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Readers {
    /// Those that are there.
    pub there: u32,
    /// Of these, those that have a card in them.
    pub with_card: u32,
}

/// How the server works now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Requests that are worked on.
    pub(super) working: usize,
    /// Connections of channels.
    pub(super) connections: usize,
    /// Those to the database, where there is one.
    pub(super) pool: Option<Connections>,
    /// What was signed.
    pub(super) signed: Spent,
}

/// All of it. Names of paths are templates, so that there are few.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<OfRequest, Counter>,
    seconds: Family<OfPath, Histogram>,
    refusals: Family<OfCode, Counter>,
    sales: Family<OfParty, Counter>,
    piastres: Family<OfParty, Counter>,
    ready: Gauge,
    working: Gauge,
    connections: Gauge,
    outbox: Gauge,
    audit_age: Gauge,
    pool: Family<OfState, Gauge>,
    pool_most: Gauge,
    signatures: Counter,
    signing: Counter<f64, AtomicU64>,
    readers: Family<OfState, Gauge>,
}

/// How the books stand, as far as they were asked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standing {
    /// Messages that wait to be sent, up to [`Standing::MOST`].
    pub(super) outbox: u64,
    /// Seconds since a head of the company's own chain was signed; none: never.
    pub(super) audit_age: Option<u64>,
    /// Card readers, where they can be asked.
    pub(super) readers: Option<Readers>,
}

impl Standing {
    /// So many messages are counted.
    pub(super) const MOST: u32 = 1000;
}

impl Metrics {
    pub(super) fn new() -> Self {
        let times: fn() -> Histogram = || Histogram::new(BOUNDS);
        let seconds = Family::new_with_constructor(times);
        let mut made = Self {
            registry: Registry::with_prefix("card"),
            requests: Family::default(),
            seconds,
            refusals: Family::default(),
            sales: Family::default(),
            piastres: Family::default(),
            ready: Gauge::default(),
            working: Gauge::default(),
            connections: Gauge::default(),
            outbox: Gauge::default(),
            audit_age: Gauge::default(),
            pool: Family::default(),
            pool_most: Gauge::default(),
            signatures: Counter::default(),
            signing: Counter::default(),
            readers: Family::default(),
        };
        let to = &mut made.registry;
        to.register("requests", "Requests that were answered", made.requests.clone());
        let text = "How long requests took";
        to.register_with_unit("request_duration", text, Unit::Seconds, made.seconds.clone());
        to.register("refusals", "Problems that were answered, by code", made.refusals.clone());
        to.register("sales", "Sales that were made or announced, repetitions left out", made.sales.clone());
        let text = "What was paid, or announced to be, in piastres, repetitions left out";
        to.register("sales_piastres", text, made.piastres.clone());
        to.register("ready", "Whether the books can be written", made.ready.clone());
        to.register("working", "Requests that are worked on in the books now", made.working.clone());
        to.register("connections", "Connections that are there now", made.connections.clone());
        to.register("outbox_waiting", "Messages that wait to be sent, at most 1000", made.outbox.clone());
        let text = "Since a head of the company's own chain was signed; -1: never";
        to.register_with_unit("audit_age", text, Unit::Seconds, made.audit_age.clone());
        let text = "Connections to the database now, by state: used or idle; 0 for books in a file";
        to.register("pool_connections", text, made.pool.clone());
        let text = "Connections to the database at most; 0 for books in a file";
        to.register("pool_connections_most", text, made.pool_most.clone());
        to.register("signatures", "What was asked of the signer", made.signatures.clone());
        let text = "How long the signer took for that, in all";
        to.register_with_unit("signing", text, Unit::Seconds, made.signing.clone());
        let text = "Card readers of this computer, by state: empty or with-card; none without pcscd";
        to.register("readers", text, made.readers.clone());
        made
    }

    /// Counts an answer.
    pub(super) fn answered(
        &self,
        (method, path, status): (&str, &str, u16),
        took: Duration,
        told: Option<&Told>,
        sold: Option<(&str, Sold)>,
    ) {
        let of = OfRequest { method: method.to_owned(), path: path.to_owned(), status };
        self.requests.get_or_create(&of).inc();
        self.seconds.get_or_create(&OfPath { path: path.to_owned() }).observe(took.as_secs_f64());
        if let Some(told) = told {
            self.refusals.get_or_create(&OfCode { code: told.code.as_str() }).inc();
        }
        if let Some((party, sold)) = sold {
            let state = if sold.certified { "certified" } else { "reserved" };
            let of = OfParty { party: party.to_owned(), state };
            self.sales.get_or_create(&of).inc();
            self.piastres.get_or_create(&of).inc_by(sold.amount);
        }
    }

    fn text(&self, ready: bool, load: Load, standing: Standing) -> String {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.ready.set(ready.into());
        self.working.set(signed(load.working as u64));
        self.connections.set(signed(load.connections as u64));
        self.outbox.set(signed(standing.outbox));
        self.audit_age.set(standing.audit_age.map_or(-1, signed));
        let none = Connections { there: 0, idle: 0, most: 0 };
        let Connections { there, idle, most } = load.pool.unwrap_or(none);
        self.pool.get_or_create(&OfState { state: "idle" }).set(idle.into());
        self.pool.get_or_create(&OfState { state: "used" }).set(there.saturating_sub(idle).into());
        self.pool_most.set(most.into());
        self.signatures.inner().store(load.signed.count, Ordering::Relaxed);
        self.signing.inner().store(load.signed.time.as_secs_f64().to_bits(), Ordering::Relaxed);
        if let Some(Readers { there, with_card }) = standing.readers {
            self.readers.get_or_create(&OfState { state: "with-card" }).set(with_card.into());
            self.readers
                .get_or_create(&OfState { state: "empty" })
                .set(there.saturating_sub(with_card).into());
        } else {
            self.readers.clear();
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// That the program is there.
pub(super) async fn live() -> Response {
    plain(StatusCode::OK, "live\n")
}

/// Whether it can sell: something is written into the books for this answer, once a second at most.
pub(super) async fn ready(State(app): State<App>) -> Response {
    if app.status().await.store {
        plain(StatusCode::OK, "ready\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "the books cannot be written: see the log\n")
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, text).into_response()
}

/// All of it as text.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    let ready = app.status().await.store;
    let standing = app.standing().await;
    let text = app.metrics().text(ready, app.load(), standing);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (StatusCode::OK, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], text)
        .into_response()
}
