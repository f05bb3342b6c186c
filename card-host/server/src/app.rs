//! What all handlers share: the office behind a bounded number of threads, tokens, and limits.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use card_core::units::CardTime;
use governor::clock::{Clock as _, MonotonicClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::info;

use super::Options;
use super::failure::Failure;
use super::metrics::{Metrics, Standing};
use super::note::Note;
use super::places::Places;
use card_channel::wire::{Code, Status, VERSION};
use card_ledger::{
    Hash, LedgerError, OFFICE, Office, PartyCode, PointCode, Power, Powers, Who, read, transact,
};

/// The longest secret that is looked at.
const SECRET: usize = 256;

/// The most addresses that are remembered as refused; above that, all others share one place.
const REFUSED: usize = 4096;

/// One party may take this part of the threads that work.
const SHARES: usize = 4;

/// How long an answer about the store is good for those who only ask.
const STATUS_AGE: Duration = Duration::from_secs(1);

/// The same for what those who watch are told of the books.
const STANDING_AGE: Duration = Duration::from_secs(5);

/// How long the store may take for that answer.
const STATUS_WAIT: Duration = Duration::from_secs(2);

/// Shared by all handlers.
#[derive(Clone)]
pub(super) struct App(Arc<Shared>);

struct Shared {
    office: Arc<Office>,
    options: Options,
    /// One for each thread that may work in the office.
    work: Arc<Semaphore>,
    /// What one party may take of them: a channel whose requests stand still keeps no other out.
    shares: Mutex<HashMap<PartyCode, Arc<Semaphore>>>,
    rate: DefaultKeyedRateLimiter<Hash>,
    failures: DefaultKeyedRateLimiter<IpAddr>,
    /// Addresses whose unknown tokens are not looked up before this time.
    refused: Mutex<HashMap<IpAddr, Instant>>,
    /// Tokens that were good when they were last looked up. They are looked up again each time; only a flood of bad ones does not keep them out.
    good: Mutex<HashMap<Hash, PartyCode>>,
    status: tokio::sync::Mutex<Health>,
    standing: tokio::sync::Mutex<Option<(Instant, Standing)>>,
    metrics: Metrics,
    places: Arc<Places>,
}

/// What is known of the store.
#[derive(Default)]
struct Health {
    last: Option<(Instant, Status)>,
    /// Asked, and not answered yet. A store that stands still is not asked once more meanwhile.
    asked: Option<JoinHandle<(Option<u64>, bool)>>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) party: PartyCode,
    pub(super) actor: String,
    pub(super) power: Power,
    note: Note,
}

impl Caller {
    /// At a vending point, which the office compares with the party.
    pub(super) fn at(&self, point: &str) -> Result<Who, Failure> {
        let point: PointCode =
            point.parse().map_err(|error: card_ledger::NameError| Failure::malformed(error.to_string()))?;
        self.note.point(&point);
        Ok(Who {
            party: self.party.clone(),
            point,
            actor: self.actor.clone(),
            may: Powers::of_token(self.power),
        })
    }
}

impl App {
    pub(super) fn new(office: Arc<Office>, options: Options, places: Arc<Places>) -> Self {
        let rate = Quota::per_second(options.rate).allow_burst(options.burst);
        Self(Arc::new(Shared {
            office,
            work: Arc::new(Semaphore::new(options.work)),
            shares: Mutex::default(),
            rate: RateLimiter::keyed(rate),
            failures: RateLimiter::keyed(Quota::per_minute(options.failures)),
            refused: Mutex::default(),
            good: Mutex::default(),
            status: tokio::sync::Mutex::default(),
            standing: tokio::sync::Mutex::default(),
            metrics: Metrics::new(),
            places,
            options,
        }))
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The office, for what needs no work of it.
    pub(super) fn office(&self) -> &Office {
        &self.0.office
    }

    /// How many threads work in the office now.
    pub(super) fn working(&self) -> usize {
        self.0.options.work.saturating_sub(self.0.work.available_permits())
    }

    /// How many connections are there.
    pub(super) fn connections(&self) -> usize {
        self.0.places.taken()
    }

    /// How the books stand for those who watch. They are asked every few seconds at most; where they do not answer, it is as it was.
    pub(super) async fn standing(&self) -> Standing {
        let mut last = self.0.standing.lock().await;
        if let Some((_, standing)) = last.filter(|(time, _)| time.elapsed() < STANDING_AGE) {
            return standing;
        }
        let office = Arc::clone(&self.0.office);
        let asked = timeout(STATUS_WAIT, spawn_blocking(move || standing(&office))).await;
        let before = last.map(|(_, standing)| standing).unwrap_or_default();
        let now = asked.ok().and_then(Result::ok).and_then(Result::ok).unwrap_or(before);
        *last = Some((Instant::now(), now));
        now
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    /// Runs work of a party in the office, see [`work`](Self::work), on its share of the threads.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        party: &PartyCode,
        work: impl FnOnce(&Office) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, Failure> {
        let deadline = Instant::now() + self.0.options.request_timeout;
        let share = self.share(party);
        let Ok(Ok(permit)) = timeout_at(deadline, share.acquire_owned()).await else {
            return Err(busy(
                "this channel asks for too much at once: this try did nothing; repeat with the same id",
            ));
        };
        let work = move |office: &Office| {
            let done = work(office);
            drop(permit);
            done
        };
        self.work(deadline, work).await
    }

    /// At most a quarter of the threads. There are as many shares as parties with a token, which the company enters.
    fn share(&self, party: &PartyCode) -> Arc<Semaphore> {
        let mut shares = lock(&self.0.shares);
        let most = || Arc::new(Semaphore::new((self.0.options.work / SHARES).max(1)));
        Arc::clone(shares.entry(party.clone()).or_insert_with(most))
    }

    /// Runs work in the office on one of the threads for it. Where it takes too long the caller is told so, and it goes on to its end.
    async fn work<T: Send + 'static>(
        &self,
        deadline: Instant,
        work: impl FnOnce(&Office) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, Failure> {
        // A channel that hangs up while it waits here has asked for nothing.
        let Ok(Ok(permit)) = timeout_at(deadline, Arc::clone(&self.0.work).acquire_owned()).await else {
            return Err(busy("too much is asked for at once: this try did nothing; repeat with the same id"));
        };
        let office = Arc::clone(&self.0.office);
        let task = spawn_blocking(move || {
            let done = work(&office);
            drop(permit);
            done
        });
        match timeout_at(deadline, task).await {
            Ok(Ok(done)) => Ok(done?),
            Ok(Err(error)) => Err(Failure { inner: Some(error.to_string()), ..Failure::unknown() }),
            Err(_) => Err(Failure::unknown()),
        }
    }

    /// Waits until no work is left, and lets none begin.
    pub(super) async fn finish(&self, deadline: Instant) -> bool {
        let all = u32::try_from(self.0.options.work).unwrap_or(u32::MAX);
        let finished = timeout_at(deadline, self.0.work.acquire_many(all)).await;
        let finished =
            finished.is_ok_and(|permits| permits.map(tokio::sync::SemaphorePermit::forget).is_ok());
        self.0.work.close();
        finished
    }

    /// What is done every few seconds: rules of selling, and forgetting.
    pub(super) async fn keep_house(&self) {
        let office = Arc::clone(&self.0.office);
        match spawn_blocking(move || office.reload()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => info!(rules = %"not-reloaded", error = ?error.to_string()),
            Err(_) => info!(rules = %"not-reloaded"),
        }
        self.0.rate.retain_recent();
        self.0.failures.retain_recent();
        let now = Instant::now();
        lock(&self.0.refused).retain(|_, until| *until > now);
    }

    /// How the server is. It needs no token, so the store is asked once a second at most. It has to write: one that only reads, or waits
    /// for its disk or its standby, sells nothing.
    pub(super) async fn status(&self) -> Status {
        let mut health = self.0.status.lock().await;
        if let Some((_, status)) = health.last.as_ref().filter(|(time, _)| time.elapsed() < STATUS_AGE) {
            return status.clone();
        }
        let asked = health.asked.get_or_insert_with(|| {
            let office = Arc::clone(&self.0.office);
            spawn_blocking(move || {
                // The time is given where something may be signed now.
                let time = office.now().ok().map(CardTime::to_unix);
                (time, transact(office.ledger(), |t| t.touch()).is_ok())
            })
        });
        let answer = timeout(STATUS_WAIT, asked).await;
        if answer.is_ok() {
            health.asked = None;
        }
        let (time, store) = match answer {
            Ok(Ok(answer)) => answer,
            _ => (self.0.office.now().ok().map(CardTime::to_unix), false),
        };
        let status = Status { protocol: VERSION, version: env!("CARGO_PKG_VERSION").to_owned(), time, store };
        health.last = Some((Instant::now(), status.clone()));
        status
    }

    /// Whose token this is.
    async fn caller(&self, headers: &HeaderMap, note: &Note) -> Result<Caller, Failure> {
        let missing =
            || Failure::new(Code::NoToken, "send the channel's token: Authorization: Bearer, and the secret");
        let mut sent = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(sent), None) = (sent.next(), sent.next()) else { return Err(missing()) };
        let (scheme, secret) =
            sent.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(missing)?;
        let secret = secret.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || secret.is_empty() || secret.len() > SECRET {
            return Err(missing());
        }
        let hash: Hash = Sha256::digest(secret).into();
        let known = lock(&self.0.good).get(&hash).cloned();
        if let Some(party) = &known {
            note.party(party);
            self.not_too_often(&hash)?;
        } else {
            self.not_refused(note.from())?;
        }
        let secret = zeroize::Zeroizing::new(secret.to_owned());
        let deadline = Instant::now() + self.0.options.request_timeout;
        let Some(token) = self.work(deadline, move |office| office.token(&secret)).await? else {
            lock(&self.0.good).remove(&hash);
            self.failed(note.from());
            return Err(Failure::new(
                Code::NoToken,
                "this token is not known, or was revoked: ask the company for one",
            ));
        };
        note.party(&token.party);
        lock(&self.0.good).insert(hash, token.party.clone());
        if known.is_none() {
            self.not_too_often(&hash)?;
        }
        Ok(Caller { party: token.party, actor: token.actor, power: token.power, note: note.clone() })
    }

    /// Whether this token asks no more often than it may.
    fn not_too_often(&self, hash: &Hash) -> Result<(), Failure> {
        self.0.rate.check_key(hash).map_err(|until| {
            too_many(
                until.wait_time_from(MonotonicClock.now()),
                "this token asks more often than it may: this try did nothing; come again later",
            )
        })
    }

    /// Whether tokens from there that are not known to be good are looked up.
    fn not_refused(&self, from: IpAddr) -> Result<(), Failure> {
        let refused = lock(&self.0.refused);
        let until = refused.get(&from).or_else(|| refused.get(&OTHERS).filter(|_| refused.len() >= REFUSED));
        let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Ok(());
        }
        Err(too_many(left, "too many wrong tokens came from there: nothing was looked up; come again later"))
    }

    fn failed(&self, from: IpAddr) {
        if let Err(until) = self.0.failures.check_key(&from) {
            let end = Instant::now() + until.wait_time_from(MonotonicClock.now());
            let mut refused = lock(&self.0.refused);
            let place = if refused.len() < REFUSED { from } else { OTHERS };
            refused.insert(place, end);
        }
    }
}

fn standing(office: &Office) -> Result<Standing, LedgerError> {
    let point: PointCode = OFFICE.parse()?;
    let (outbox, signed) = read(office.ledger(), |t| {
        let waiting = t.messages(Standing::MOST)?.len() as u64;
        let last = t.point(&point)?.map_or(0, |point| point.number);
        Ok((waiting, t.signed_head(&point, last)?.map(|head| head.time)))
    })?;
    let now = office.now().ok().map(CardTime::to_unix);
    let audit_age = now.zip(signed).map(|(now, signed)| now.saturating_sub(signed.to_unix()));
    Ok(Standing { outbox, audit_age })
}

/// The place of all addresses for which there is none.
pub(super) const OTHERS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

fn busy(detail: &str) -> Failure {
    Failure::new(Code::Busy, detail)
}

fn too_many(wait: Duration, detail: &str) -> Failure {
    let seconds = wait.as_secs().saturating_add(1);
    Failure { again: Some(seconds), ..Failure::new(Code::TooMany, detail) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a request comes from. What stands on this computer is the proxy, which says whose request it passes on.
pub(super) fn origin(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    if !peer.to_canonical().is_loopback() {
        return peer;
    }
    let mut said = headers.get_all("x-real-ip").iter();
    let (Some(said), None) = (said.next(), said.next()) else { return peer };
    said.to_str().ok().and_then(|said| said.trim().parse().ok()).unwrap_or(peer)
}

/// Lets only those in who have a token, and notes who they are.
pub(super) async fn with_token(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let Some(note) = request.extensions().get::<Note>().cloned() else {
        return Failure::new(Code::Internal, "the request was not noted").into_response();
    };
    match app.caller(request.headers(), &note).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(failure) => failure.into_response(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_the_proxy_on_this_computer_says_where_a_request_comes_from() {
        let address = |text: &str| -> IpAddr { text.parse().unwrap() };
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("x-real-ip", HeaderValue::from_static(value));
            }
            headers
        };
        for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            let peer = address(peer);
            assert_eq!(origin(peer, &headers(&["192.0.2.7"])), address("192.0.2.7"));
            assert_eq!(origin(peer, &headers(&["2001:db8::7"])), address("2001:db8::7"));
            for none in [&[][..], &["here"], &["192.0.2.7", "192.0.2.8"]] {
                assert_eq!(origin(peer, &headers(none)), peer);
            }
        }
        let elsewhere = address("192.0.2.1");
        assert_eq!(origin(elsewhere, &headers(&["192.0.2.7"])), elsewhere);
    }
}
