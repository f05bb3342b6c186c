//! Who may use the desk: the browser that was opened with its address. Any page that a clerk looks at can send requests to this computer,
//! and so can every user of it; none of them has the key, and none may ask in the desk's name.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use card_core::platform::{Random, RandomError};
use card_host::random::OsRandom;
use std::net::SocketAddr;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The key of a desk, which is drawn when it begins and kept nowhere.
pub(super) struct Guard {
    key: Zeroizing<String>,
    hosts: [String; 2],
    cookie: String,
}

/// Of the desk's own pages: nothing from elsewhere, nothing within others, no script but the desk's.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'self'";
/// Of papers, which have their look within themselves, and no script.
const PAPER: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

impl Guard {
    pub(super) fn new(address: SocketAddr) -> Result<Self, RandomError> {
        let mut secret = Zeroizing::new([0; 16]);
        OsRandom.fill(&mut *secret)?;
        Ok(Self {
            key: Zeroizing::new(hex::encode(*secret)),
            hosts: [address.to_string(), format!("localhost:{}", address.port())],
            // Cookies are shared by all ports of a computer.
            cookie: format!("cardctl-desk-{}", address.port()),
        })
    }

    /// The address to open, with the key.
    pub(super) fn url(&self) -> String {
        let [host, _] = &self.hosts;
        format!("http://{host}/?key={}", &*self.key)
    }

    fn is_key(&self, given: &str) -> bool {
        self.key.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// The name by which the desk is asked; another one leads here by a foreign name server.
    fn host<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let host = headers.get(header::HOST)?.to_str().ok()?;
        self.hosts.iter().any(|known| known == host).then_some(host)
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(name, value)| name == self.cookie && self.is_key(value))
    }

    /// Whether it was asked for by a page of the desk itself. Browsers name the page's origin with everything that changes something.
    fn is_own(&self, host: &str, headers: &HeaderMap) -> bool {
        let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
        origin.and_then(|origin| origin.strip_prefix("http://")) == Some(host)
    }

    fn refusal(&self, request: &Request) -> Option<Response> {
        let refused = |status, text: &'static str| Some((status, text).into_response());
        let Some(host) = self.host(request.headers()) else {
            return refused(StatusCode::MISDIRECTED_REQUEST, "this is a desk of another computer\n");
        };
        let query = request.uri().query().unwrap_or_default();
        if let (&Method::GET, "/", Some(key)) =
            (request.method(), request.uri().path(), query.strip_prefix("key="))
            && self.is_key(key)
        {
            let cookie = format!("{}={key}; Path=/; HttpOnly; SameSite=Strict", self.cookie);
            return Some(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response());
        }
        if !self.has_cookie(request.headers()) {
            return refused(
                StatusCode::FORBIDDEN,
                "open the address that the desk has printed, with its key\n",
            );
        }
        if *request.method() != Method::GET && !self.is_own(host, request.headers()) {
            return refused(StatusCode::FORBIDDEN, "this was not asked for at the desk\n");
        }
        None
    }
}

/// Lets through what is the desk's own.
pub(super) async fn guarded(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let paper = request.uri().path().contains("/paper/");
    let mut response = match guard.refusal(&request) {
        Some(refused) => refused,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    let policy = if paper { PAPER } else { POLICY };
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
