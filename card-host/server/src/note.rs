//! One line of the log for each request: what, for whom, and how it ended. Never a card or a secret.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use tokio::time::Instant;
use tracing::info;

use super::app::{App, origin};
use super::failure::Told;
use super::metrics::Sold;
use card_ledger::{PartyCode, PointCode, RequestId};

/// What is noted of a request while it is worked on, for its line.
#[derive(Debug, Clone)]
pub(super) struct Note(Arc<Noted>);

#[derive(Debug)]
struct Noted {
    from: IpAddr,
    party: OnceLock<PartyCode>,
    point: OnceLock<PointCode>,
    request: OnceLock<RequestId>,
}

impl Note {
    fn new(from: IpAddr) -> Self {
        let noted = Noted { from, party: OnceLock::new(), point: OnceLock::new(), request: OnceLock::new() };
        Self(Arc::new(noted))
    }

    /// Where the request comes from.
    pub(super) fn from(&self) -> IpAddr {
        self.0.from
    }

    /// Whose token was sent. What is noted first stays.
    pub(super) fn party(&self, party: &PartyCode) {
        let _ = self.0.party.set(party.clone());
    }

    /// The vending point that is named.
    pub(super) fn point(&self, point: &PointCode) {
        let _ = self.0.point.set(point.clone());
    }

    /// The channel's id of what it asks for.
    pub(super) fn request(&self, id: &RequestId) {
        let _ = self.0.request.set(id.clone());
    }
}

/// Writes the line of a request. Where it is refused the line says by which code, and where the company itself is at fault, why.
pub(super) async fn logged(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let peer = request.extensions().get::<SocketAddr>().map_or(super::app::OTHERS, SocketAddr::ip);
    let note = Note::new(origin(peer, request.headers()));
    request.extensions_mut().insert(note.clone());
    let response = next.run(request).await;
    let path = path.as_ref().map_or("-", MatchedPath::as_str);
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    let told = response.extensions().get::<Told>();
    let noted = &note.0;
    let ms = took.as_millis();
    let party = noted.party.get().map_or("-", PartyCode::as_str);
    let sold = response.extensions().get::<Sold>().map(|sold| (party, *sold));
    app.metrics().answered((method.as_str(), path, status), took, told, sold);
    info!(
        method = %method,
        path = %path,
        status,
        ms,
        from = %noted.from,
        party = %party,
        point = noted.point.get().map(display),
        request = noted.request.get().map(display),
        code = told.map(|told| display(told.code.as_str())),
        error = told.and_then(|told| told.inner.as_deref()).map(debug),
    );
    response
}
