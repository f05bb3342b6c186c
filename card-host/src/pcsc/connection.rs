//! A connection to one card, for the duration of one session.
//!
//! A thread of its own holds the card and its transaction, because every call of PC/SC can block: the side that is used watches
//! the time and gives up. A thread that was given up releases the card as soon as its call returns.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use ::pcsc::{Context, Disposition, Error, MAX_BUFFER_SIZE, Protocols, ShareMode, Transaction};
use card_core::apdu::{MAX_COMMAND, Response, StatusWord};
use card_core::scp03::EXTERNAL_AUTHENTICATE;

use super::names::ReaderName;
use super::{TRIES, connect_error, establish, holders, in_use, session_error, spawn, with_a_card};
use crate::reader_error::ReaderError;
use crate::transport::{Card, Link, TransportError, over_t0};

/// How long each step may take before it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Finding the service, the reader, and powering the card.
    pub connect: Duration,
    /// Waiting until no other program has a transaction with the card.
    pub transaction: Duration,
    /// One command. A card of ours takes 1.2 s at most (specification, section 16).
    pub command: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            transaction: Duration::from_secs(5),
            command: Duration::from_secs(15),
        }
    }
}

/// What happens to the card at the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardAfter {
    /// It stays as it is.
    Leave,
    /// It is reset, so that no session remains on it.
    Reset,
    /// It is switched off.
    PowerOff,
}

impl From<CardAfter> for Disposition {
    fn from(after: CardAfter) -> Self {
        match after {
            CardAfter::Leave => Self::LeaveCard,
            CardAfter::Reset => Self::ResetCard,
            CardAfter::PowerOff => Self::UnpowerCard,
        }
    }
}

/// The transmission protocol with a card (ISO/IEC 7816-3). Contactless cards appear as T=1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Character by character.
    T0,
    /// In blocks.
    T1,
}

enum Request {
    Transmit(Vec<u8>),
    End(CardAfter),
}

enum Progress {
    /// The reader is known.
    Found(ReaderName),
    /// The card in it is powered; its transaction is awaited.
    Connected(ReaderName),
    Ready {
        reader: String,
        atr: Vec<u8>,
        protocol: Protocol,
    },
    Failed(ReaderError),
}

/// A card in a reader, in a transaction that keeps all other programs out until this is dropped.
///
/// At its end the card is reset where a session was authenticated, and otherwise left as it is. The first error ends the
/// connection: after it, nothing is sent any more.
#[derive(Debug)]
pub struct Connection {
    requests: Sender<Request>,
    responses: Receiver<Result<Vec<u8>, ReaderError>>,
    reader: String,
    atr: Vec<u8>,
    protocol: Protocol,
    limits: Limits,
    authenticated: bool,
    ended: bool,
}

/// The card in the reader with this name, or the only one with it in its name; of several, the only one that has a card. An empty
/// name is any reader.
pub fn open(reader: &str) -> Result<Card<Connection>, ReaderError> {
    connect(reader).map(Card::open)
}

/// The link below [`open`].
pub fn connect(reader: &str) -> Result<Connection, ReaderError> {
    connect_with(reader, Limits::default())
}

/// [`connect`] with other limits.
pub fn connect_with(reader: &str, limits: Limits) -> Result<Connection, ReaderError> {
    let (progress, steps) = mpsc::channel();
    let (requests, for_thread) = mpsc::channel();
    let (from_thread, responses) = mpsc::channel();
    let name = reader.to_owned();
    spawn("connecting to the card", move || {
        if let Err(error) = serve(&name, &progress, &for_thread, &from_thread) {
            let _ = progress.send(Progress::Failed(error));
        }
    })?;
    let begun = Instant::now();
    let mut stage = Stage::Finding;
    loop {
        let limit = match &stage {
            Stage::Powering(_) | Stage::Waiting(_) => limits.transaction,
            Stage::Finding | Stage::Slow => limits.connect.saturating_sub(begun.elapsed()),
        };
        stage = match (steps.recv_timeout(limit), stage) {
            (Ok(Progress::Found(reader)), _) => Stage::Powering(reader),
            (Ok(Progress::Connected(reader)), _) => Stage::Waiting(reader),
            (Ok(Progress::Ready { reader, atr, protocol }), _) => {
                let (authenticated, ended) = (false, false);
                return Ok(Connection {
                    requests,
                    responses,
                    reader,
                    atr,
                    protocol,
                    limits,
                    authenticated,
                    ended,
                });
            }
            (Ok(Progress::Failed(error)), _) => return Err(error),
            (Err(RecvTimeoutError::Timeout), Stage::Waiting(reader)) => {
                return Err(ReaderError::InUse { reader: reader.to_string(), holders: holders() });
            }
            // pcscd lets a program wait here already while another one has a transaction.
            (Err(RecvTimeoutError::Timeout), Stage::Powering(reader)) if in_use(&reader) => {
                return Err(ReaderError::InUse { reader: reader.to_string(), holders: holders() });
            }
            (Err(RecvTimeoutError::Timeout), Stage::Powering(_)) => Stage::Slow,
            (Err(RecvTimeoutError::Timeout), Stage::Finding | Stage::Slow) => {
                let during = "connecting to the card";
                return Err(ReaderError::TimedOut { during, limit: limits.connect });
            }
            (Err(RecvTimeoutError::Disconnected), _) => return Err(ReaderError::Ended),
        };
    }
}

/// How far a connection is.
enum Stage {
    /// Reaching the service and the reader.
    Finding,
    /// Connecting to the card in this reader.
    Powering(ReaderName),
    /// Connecting takes long, though nobody else seems to use the reader.
    Slow,
    /// Waiting for the transaction.
    Waiting(ReaderName),
}

impl Connection {
    /// The reader's whole name.
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// The card's answer to reset.
    pub fn atr(&self) -> &[u8] {
        &self.atr
    }

    /// The protocol that was negotiated.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether a command EXTERNAL AUTHENTICATE has succeeded over this connection.
    pub const fn authenticated(&self) -> bool {
        self.authenticated
    }

    /// Ends the connection, with a choice of what happens to the card.
    pub fn end(mut self, after: CardAfter) -> Result<(), ReaderError> {
        if self.ended {
            return Err(ReaderError::Ended);
        }
        self.ended = true;
        self.exchange(Request::End(after)).map(drop)
    }

    fn exchange(&mut self, request: Request) -> Result<Vec<u8>, ReaderError> {
        let limit = self.limits.command;
        self.requests.send(request).map_err(|_| ReaderError::Ended)?;
        match self.responses.recv_timeout(limit) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => {
                Err(ReaderError::TimedOut { during: "a command to the card", limit })
            }
            Err(RecvTimeoutError::Disconnected) => Err(ReaderError::Ended),
        }
    }
}

impl Link for Connection {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        if !(4..=MAX_COMMAND).contains(&command.len()) {
            return Err(TransportError::CommandLength(command.len()));
        }
        if self.ended {
            return Err(ReaderError::Ended.into());
        }
        let sent = match self.protocol {
            Protocol::T0 => over_t0(command).into_owned(),
            Protocol::T1 => command.to_vec(),
        };
        let outcome = self.exchange(Request::Transmit(sent)).map_err(TransportError::from);
        let checked = outcome.and_then(|response| {
            let status = Response::parse(&response)?.status;
            Ok((response, status))
        });
        match checked {
            Ok((response, status)) => {
                let instruction = command.get(1).copied();
                self.authenticated |= status == StatusWord::OK && instruction == Some(EXTERNAL_AUTHENTICATE);
                Ok(response)
            }
            Err(error) => {
                self.ended = true;
                let _ = self.requests.send(Request::End(CardAfter::Reset));
                Err(error)
            }
        }
    }

    fn description(&self) -> String {
        self.reader.clone()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if !self.ended {
            self.ended = true;
            let after = if self.authenticated { CardAfter::Reset } else { CardAfter::Leave };
            // Waits until the card is free again, so that the next connection finds it so.
            let _ = self.exchange(Request::End(after));
        }
    }
}

/// The thread's work: connects, takes the transaction, and serves requests until the end.
fn serve(
    name: &str,
    progress: &Sender<Progress>,
    requests: &Receiver<Request>,
    responses: &Sender<Result<Vec<u8>, ReaderError>>,
) -> Result<(), ReaderError> {
    let context = establish()?;
    let reader = with_a_card(&context, name)?;
    let _ = progress.send(Progress::Found(reader.clone()));
    let mut card = power(&context, &reader)?;
    let outcome = hold(&mut card, &reader, progress, requests, responses);
    // It resets the card when it is dropped, so it is never just dropped.
    let _ = card.disconnect(Disposition::LeaveCard);
    if let Ok(Some(End)) = outcome {
        let _ = responses.send(Ok(Vec::new()));
    }
    outcome.map(drop)
}

/// The other side waits for the end.
struct End;

fn hold(
    card: &mut ::pcsc::Card,
    reader: &ReaderName,
    progress: &Sender<Progress>,
    requests: &Receiver<Request>,
    responses: &Sender<Result<Vec<u8>, ReaderError>>,
) -> Result<Option<End>, ReaderError> {
    let _ = progress.send(Progress::Connected(reader.clone()));
    let reader = reader.text();
    let mut transaction = begin(card, reader, TRIES)?;
    let (protocol, atr) = settled(&mut transaction, status).map_err(|error| connect_error(error, reader))?;
    let ready = Progress::Ready { reader: reader.to_owned(), atr, protocol };
    let mut after = CardAfter::Leave;
    let mut ended = None;
    if progress.send(ready).is_ok() {
        (after, ended) = answer(&mut transaction, protocol, reader, requests, responses);
    }
    let _ = transaction.end(after.into());
    Ok(ended)
}

/// Serves requests until the end, or until nobody waits any more.
fn answer(
    transaction: &mut Transaction<'_>,
    protocol: Protocol,
    reader: &str,
    requests: &Receiver<Request>,
    responses: &Sender<Result<Vec<u8>, ReaderError>>,
) -> (CardAfter, Option<End>) {
    let mut begun = false;
    loop {
        match requests.recv_timeout(IDLE) {
            Ok(Request::Transmit(command)) => {
                let outcome = if begun {
                    exchange(transaction, &command)
                } else {
                    first_exchange(transaction, protocol, &command)
                };
                let outcome = outcome.map_err(|error| match presence(transaction, error) {
                    error if !begun && passes(error) => connect_error(error, reader),
                    error => session_error(error, reader),
                });
                begun = true;
                if responses.send(outcome).is_err() {
                    return (CardAfter::Reset, None);
                }
            }
            Ok(Request::End(after)) => return (after, Some(End)),
            // Windows resets a card whose transaction idles for five seconds.
            Err(RecvTimeoutError::Timeout) => {
                if cfg!(windows) {
                    let _ = transaction.status2_owned();
                }
            }
            Err(RecvTimeoutError::Disconnected) => return (CardAfter::Reset, None),
        }
    }
}

const IDLE: Duration = Duration::from_secs(2);

/// How long another program may take with the card before it is tried again.
const BREATH: Duration = Duration::from_millis(50);

const PROTOCOLS: Protocols = Protocols::T0.union(Protocols::T1);

/// Whether it passes when the card is connected again: another program has just reset it or switched it off. Before the first
/// exchange that concerns no session of ours.
const fn passes(error: Error) -> bool {
    matches!(error, Error::ResetCard | Error::UnpoweredCard | Error::ProtoMismatch)
}

/// How a card is connected again after an error: only a reset gives it power.
const fn again_after(error: Error) -> Disposition {
    match error {
        Error::UnpoweredCard => Disposition::ResetCard,
        _ => Disposition::LeaveCard,
    }
}

fn power(context: &Context, reader: &ReaderName) -> Result<::pcsc::Card, ReaderError> {
    let mut tries = TRIES;
    loop {
        match context.connect(reader.bytes(), ShareMode::Shared, PROTOCOLS) {
            Err(error) if tries > 0 && passes(error) => tries -= 1,
            outcome => return outcome.map_err(|error| connect_error(error, reader.text())),
        }
        thread::sleep(BREATH);
    }
}

/// Takes the transaction.
fn begin<'card>(
    card: &'card mut ::pcsc::Card,
    reader: &str,
    tries: u8,
) -> Result<Transaction<'card>, ReaderError> {
    match card.transaction2() {
        Ok(transaction) => Ok(transaction),
        Err((card, error)) if tries > 0 && passes(error) => {
            thread::sleep(BREATH);
            match card.reconnect(ShareMode::Shared, PROTOCOLS, again_after(error)) {
                Err(error) if !passes(error) => Err(connect_error(error, reader)),
                _ => begin(card, reader, tries - 1),
            }
        }
        Err((_, error)) => Err(connect_error(error, reader)),
    }
}

/// Does a step before the first exchange, or this one; where it fails by what passes, once more after connecting again.
fn settled<T>(
    transaction: &mut Transaction<'_>,
    mut step: impl FnMut(&Transaction<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut tries = TRIES;
    loop {
        match step(transaction) {
            Err(error) if tries > 0 && passes(error) => {
                tries -= 1;
                thread::sleep(BREATH);
                match transaction.reconnect(ShareMode::Shared, PROTOCOLS, again_after(error)) {
                    Err(error) if !passes(error) => return Err(error),
                    _ => {}
                }
            }
            outcome => return outcome,
        }
    }
}

/// The protocol and the answer to reset. A card that is set to neither protocol may be so by another program.
fn status(transaction: &Transaction<'_>) -> Result<(Protocol, Vec<u8>), Error> {
    let status = transaction.status2_owned()?;
    let protocol = match status.protocol2() {
        Some(::pcsc::Protocol::T0) => Protocol::T0,
        Some(::pcsc::Protocol::T1) => Protocol::T1,
        _ => return Err(Error::ProtoMismatch),
    };
    Ok((protocol, status.atr().to_vec()))
}

/// The first command. Where the card was connected again for it, it has the protocol that it had before.
fn first_exchange(
    transaction: &mut Transaction<'_>,
    protocol: Protocol,
    command: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut again = false;
    settled(transaction, |transaction| {
        if std::mem::replace(&mut again, true) && status(transaction)?.0 != protocol {
            return Err(Error::ProtoMismatch);
        }
        exchange(transaction, command)
    })
}

fn exchange(transaction: &Transaction<'_>, command: &[u8]) -> Result<Vec<u8>, Error> {
    // InsufficientBuffer would come after the card has executed the command, so the buffer is the largest allowed.
    let mut buffer = [0; MAX_BUFFER_SIZE];
    match transaction.transmit(command, &mut buffer) {
        // Some drivers call it a success when the card is pulled out in the middle, and have nothing.
        Ok(response) if response.len() < 2 => Err(Error::NotTransacted),
        outcome => outcome.map(<[u8]>::to_vec),
    }
}

/// A failed exchange is named vaguely; whether the card is still there is the better reason.
fn presence(transaction: &Transaction<'_>, error: Error) -> Error {
    match error {
        Error::NotTransacted | Error::CommError | Error::UnknownError | Error::InternalError => {
            match transaction.status2_owned() {
                Err(better @ (Error::RemovedCard | Error::NoSmartcard | Error::ResetCard)) => better,
                _ => error,
            }
        }
        error => error,
    }
}
