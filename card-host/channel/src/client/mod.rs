//! A channel's side of the wire (docs/channels.md): light enough for a kiosk, without anything of the issuer's.
//!
//! [`Client`] asks, and says what it means where there is no answer: [`Offline`](ClientError::Offline), nothing was sent and nothing was
//! sold; or [`Unknown`](ClientError::Unknown), repeat with the same id. [`Journal`] keeps what was asked in a directory, before it is sent, so that a power
//! cut loses no sale and makes none twice.
//!
//! A connection is made for each request: a sale is rare at a kiosk, and so it is always known whether a request was sent.

mod journal;

pub use journal::{Journal, JournalError, Progress, Record, Stage};

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::Cell;
use std::fmt;
use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, Transport};
use ureq::{Agent, Body, http};
use zeroize::Zeroizing;

use card_core::message::Receipt;
use card_core::terminal::read as ask;
use card_host::card::{self, CardError};
use card_host::transport::Transport as CardTransport;

use crate::wire::{
    self, ConfirmRequest, EvidenceAnswer, EvidenceRequest, IDEMPOTENCY_KEY, LinkRequest, Payee, Payment,
    PointRequest, Problem, RefundRequest, Sale, SaleRequest, Status, UnlinkQuery, Waiting,
};

/// The largest answer that is read.
const ANSWER: u64 = 256 * 1024;

/// Why there is no good answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There is no connection. Nothing was sent, so nothing was sold.
    #[error("there is no connection to the company ({0}): nothing was sold; try again when there is one")]
    Offline(String),
    /// It was sent, and there is no answer, or none that says what was done.
    #[error("it is not known what the company did ({0}): repeat with the same id, nothing is sold twice")]
    Unknown(String),
    /// The server has refused it.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// What is asked for cannot be sent. Nothing was.
    #[error("this cannot be sent: {0}")]
    Invalid(String),
}

/// To whom is sold, and what their card shows where it is in a reader: so nothing is sold that would be older than what it has. A card or
/// meter whose number alone is known is a [`Payee`], and becomes one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buyer {
    /// Whose contract it is.
    pub payee: Payee,
    /// What the card shows, where its holder lets it be read without keys.
    pub receipt: Option<Receipt>,
}

impl Buyer {
    /// Whoever has put their card into the reader.
    pub fn in_reader(reader: &mut impl CardTransport) -> Result<Self, CardError> {
        let payee = Payee::from(card::select(reader)?.card.id);
        match card::ask(reader, &ask::receipt()) {
            Ok(receipt) => Ok(Self { payee, receipt: Some(receipt) }),
            Err(CardError::Refused { .. }) => Ok(Self { payee, receipt: None }),
            Err(error) => Err(error),
        }
    }

    /// What is asked for them.
    pub fn request(&self, point: &str, piastres: u64, payment: Payment) -> SaleRequest {
        let request = SaleRequest::new(point, &self.payee, piastres, payment);
        match &self.receipt {
            Some(receipt) => request.showing(receipt),
            None => request,
        }
    }
}

impl From<&Payee> for Buyer {
    fn from(payee: &Payee) -> Self {
        Self { payee: payee.clone(), receipt: None }
    }
}

impl From<&Buyer> for Buyer {
    fn from(buyer: &Buyer) -> Self {
        buyer.clone()
    }
}

/// How long to wait before the same is sent again, after so many tries: 2, 4, 8, ... up to 60 seconds. That is enough for a server that is
/// busy or counts; what it says in `Retry-After` is not read.
pub fn pause(tries: u32) -> Duration {
    let seconds = 2_u64.saturating_pow(tries.max(1));
    Duration::from_secs(seconds.min(60))
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a name, a connection and its handshakes.
    pub connect: Duration,
    /// For all of a request.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(10) }
    }
}

/// Certificates for TLS (feature `tls`), in PEM.
#[cfg(feature = "tls")]
#[derive(Clone, Default)]
pub struct Tls {
    /// Certificates of the authority that the server's certificate is from; empty: those of the web.
    pub authorities: Vec<u8>,
    /// The channel's own certificates, its own first, and their private key; where the server wants them.
    pub own: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
}

/// Asks a server on behalf of a channel.
pub struct Client {
    agent: Agent,
    base: String,
    token: Zeroizing<String>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the server at `base`, like `https://channels.example`, with the channel's token.
    pub fn new(base: &str, token: &str) -> Result<Self, ClientError> {
        Self::with_timeouts(base, token, Timeouts::default())
    }

    /// The same, with other limits.
    pub fn with_timeouts(base: &str, token: &str, timeouts: Timeouts) -> Result<Self, ClientError> {
        Self::with_config(base, token, timeouts, Agent::config_builder())
    }

    /// The same, with certificates.
    #[cfg(feature = "tls")]
    pub fn with_tls(base: &str, token: &str, timeouts: Timeouts, tls: &Tls) -> Result<Self, ClientError> {
        let config = Agent::config_builder().tls_config(tls_config(tls)?);
        Self::with_config(base, token, timeouts, config)
    }

    fn with_config(
        base: &str,
        token: &str,
        timeouts: Timeouts,
        config: ConfigBuilder<AgentScope>,
    ) -> Result<Self, ClientError> {
        let secure = base.starts_with("https://");
        if !secure && !base.starts_with("http://") {
            return Err(ClientError::Invalid("the server's address begins with https://".to_owned()));
        }
        if secure && !cfg!(feature = "tls") {
            return Err(ClientError::Invalid(
                "this program was built without TLS: build it with the feature `tls`".to_owned(),
            ));
        }
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ClientError::Invalid("a token is one word of ASCII".to_owned()));
        }
        let config = config
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .max_idle_connections(0)
            .timeout_resolve(Some(timeouts.connect))
            .timeout_connect(Some(timeouts.connect))
            .timeout_global(Some(timeouts.total))
            .user_agent(concat!("card-host/", env!("CARGO_PKG_VERSION")))
            .build();
        let connector = DefaultConnector::new().chain(Connected);
        let agent = Agent::with_parts(config, connector, DefaultResolver::default());
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { agent, base, token: Zeroizing::new(token.to_owned()) })
    }

    /// Sells what the channel has the money for.
    pub fn sell(
        &self,
        id: &str,
        point: &str,
        to: impl Into<Buyer>,
        piastres: u64,
    ) -> Result<Sale, ClientError> {
        self.ask_for(id, &to.into().request(point, piastres, Payment::Received))
    }

    /// Announces a sale: [`confirm`](Self::confirm) or [`cancel`](Self::cancel) follows.
    pub fn reserve(
        &self,
        id: &str,
        point: &str,
        to: impl Into<Buyer>,
        piastres: u64,
    ) -> Result<Sale, ClientError> {
        self.ask_for(id, &to.into().request(point, piastres, Payment::Pending))
    }

    /// Sells or announces.
    pub fn ask_for(&self, id: &str, request: &SaleRequest) -> Result<Sale, ClientError> {
        self.its(id, self.send("POST", "/v1/sales", Some(id), Some(request)))
    }

    /// The channel has the money of an announced sale. Where it could not be certified, the sale says what it
    /// [waits for](Sale::waits_for). `shown` is the receipt of the card in the reader, where there is one.
    pub fn confirm(&self, id: &str, point: &str, shown: Option<&Receipt>) -> Result<Sale, ClientError> {
        self.confirm_as(id, &ConfirmRequest::new(point, shown))
    }

    fn confirm_as(&self, id: &str, request: &ConfirmRequest) -> Result<Sale, ClientError> {
        self.step(id, "confirm", request)
    }

    /// An announced sale will not be.
    pub fn cancel(&self, id: &str, point: &str) -> Result<Sale, ClientError> {
        self.step(id, "cancel", &at(point))
    }

    /// What was paid and could not be certified is given back.
    pub fn refund(&self, id: &str, point: &str, reason: &str) -> Result<Sale, ClientError> {
        let request = RefundRequest { point: point.to_owned(), reason: reason.to_owned() };
        self.step(id, "refund", &request)
    }

    /// A second person agrees.
    pub fn approve(&self, id: &str, point: &str) -> Result<Sale, ClientError> {
        self.step(id, "approve", &at(point))
    }

    /// How a sale stands.
    pub fn status(&self, id: &str) -> Result<Sale, ClientError> {
        check_id(id)?;
        self.its(id, self.send("GET", &format!("/v1/sales/{id}"), None, NONE))
    }

    /// What waits for a card: 16 hexadecimal digits.
    pub fn pending(&self, card: &str) -> Result<Waiting, ClientError> {
        self.send("GET", &format!("/v1/cards/{}/pending", in_url(card)), None, NONE)
    }

    /// Hands in what a card has brought back.
    pub fn hand_in(&self, evidence: &EvidenceRequest) -> Result<EvidenceAnswer, ClientError> {
        self.send("POST", "/v1/evidence", None, Some(evidence))
    }

    /// Links a card to an account of a bank's customer.
    pub fn link(&self, id: &str, card: &str, request: &LinkRequest) -> Result<(), ClientError> {
        self.send("PUT", &format!("/v1/cards/{}/link", in_url(card)), Some(id), Some(request))
    }

    /// Ends a link.
    pub fn unlink(&self, id: &str, card: &str, asked: &UnlinkQuery) -> Result<(), ClientError> {
        let (point, customer) = (in_url(&asked.point), in_url(&asked.customer));
        let path = format!("/v1/cards/{}/link?point={point}&customer={customer}", in_url(card));
        self.send("DELETE", &path, Some(id), NONE)
    }

    /// How the server is.
    pub fn server(&self) -> Result<Status, ClientError> {
        self.send("GET", "/v1/status", None, NONE)
    }

    fn step(&self, id: &str, step: &str, request: &impl Serialize) -> Result<Sale, ClientError> {
        check_id(id)?;
        self.its(id, self.send("POST", &format!("/v1/sales/{id}/{step}"), None, Some(request)))
    }

    /// An answer about something else is none.
    fn its(&self, id: &str, answer: Result<Sale, ClientError>) -> Result<Sale, ClientError> {
        match answer {
            Ok(sale) if sale.id != id => {
                Err(ClientError::Unknown("the answer is about another sale".to_owned()))
            }
            answer => answer,
        }
    }

    fn send<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        id: Option<&str>,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let invalid = |error: &dyn fmt::Display| ClientError::Invalid(error.to_string());
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.token.as_str()))
            .header("accept", "application/json, application/problem+json");
        if let Some(id) = id {
            check_id(id)?;
            request = request.header(IDEMPOTENCY_KEY, id);
        }
        CONNECTED.set(false);
        let sent = match body {
            Some(body) => {
                let body = serde_json::to_vec(body).map_err(|error| invalid(&error))?;
                let request = request.header("content-type", "application/json").body(body);
                self.agent.run(request.map_err(|error| invalid(&error))?)
            }
            None => self.agent.run(request.body(()).map_err(|error| invalid(&error))?),
        };
        match sent {
            Ok(answer) => read(answer),
            Err(ureq::Error::BadUri(error)) => Err(ClientError::Invalid(error)),
            Err(error) if CONNECTED.get() => Err(ClientError::Unknown(error.to_string())),
            Err(error) => Err(ClientError::Offline(error.to_string())),
        }
    }
}

const NONE: Option<&()> = None;

#[cfg(feature = "tls")]
fn tls_config(tls: &Tls) -> Result<ureq::tls::TlsConfig, ClientError> {
    use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

    let bad = |what: &str| ClientError::Invalid(format!("the {what} cannot be read: give it in PEM"));
    let certificates = |pem: &[u8], what: &str| {
        let found = parse_pem(pem).map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Ok(certificate),
            _ => Err(bad(what)),
        });
        let found: Vec<Certificate<'static>> = found.collect::<Result<_, _>>()?;
        if found.is_empty() { Err(bad(what)) } else { Ok(found) }
    };
    let mut config = TlsConfig::builder();
    if !tls.authorities.is_empty() {
        let roots = certificates(&tls.authorities, "authority's certificate")?;
        config = config.root_certs(RootCerts::new_with_certs(&roots));
    }
    if let Some((chain, key)) = &tls.own {
        let chain = certificates(chain, "channel's certificate")?;
        let key = PrivateKey::from_pem(key).map_err(|_| bad("channel's private key"))?;
        config = config.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(config.build())
}

fn read<T: DeserializeOwned>(mut answer: http::Response<Body>) -> Result<T, ClientError> {
    let status = answer.status().as_u16();
    let bytes = answer.body_mut().with_config().limit(ANSWER).read_to_vec();
    let bytes = bytes.map_err(|error| ClientError::Unknown(error.to_string()))?;
    if (200..300).contains(&status) {
        // An answer without content says all by its status.
        let text = if bytes.is_empty() { b"null".as_slice() } else { &bytes };
        return serde_json::from_slice(text).map_err(|error| {
            ClientError::Unknown(format!("the answer {status} is not of this protocol: {error}"))
        });
    }
    let problem: Option<Problem> = serde_json::from_slice(&bytes).ok();
    match problem {
        // Refused, and nothing of it was done; or 408 and from 500 on, which say nothing about that.
        Some(problem) if (400..500).contains(&status) && status != 408 => {
            Err(ClientError::Refused(Box::new(problem)))
        }
        Some(problem) => Err(ClientError::Unknown(problem.detail)),
        None => Err(ClientError::Unknown(format!("the answer {status} is not of this protocol"))),
    }
}

fn at(point: &str) -> PointRequest {
    PointRequest { point: point.to_owned() }
}

fn check_id(id: &str) -> Result<(), ClientError> {
    if wire::is_request_id(id) {
        return Ok(());
    }
    Err(ClientError::Invalid(format!("{id:?} is no id of a request")))
}

/// Percent-encoded, where it is not plain.
fn in_url(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

thread_local! {
    /// Whether the request of this thread has a connection. A request is sent and answered in one thread.
    static CONNECTED: Cell<bool> = const { Cell::new(false) };
}

/// Notes that there is a connection, after all handshakes: from then on a request may have been sent.
#[derive(Debug)]
struct Connected;

impl<T: Transport> Connector<T> for Connected {
    type Out = T;

    fn connect(&self, _: &ConnectionDetails<'_>, made: Option<T>) -> Result<Option<T>, ureq::Error> {
        CONNECTED.set(made.is_some());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_minute() {
        let seconds = [0, 1, 2, 3, 4, 5, 6, 7, u32::MAX].map(|tries| pause(tries).as_secs());
        assert_eq!(seconds, [2, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
