//! A card at a TCP port, as `applet-sim serve` has it: frames of the virtual reader, of which this is the reader's side.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::{Link, TransportError, over_t0};
use crate::atr::Atr;
use crate::reader_error::ReaderError;

const POWER_ON: u8 = 0x01;
const GET_ATR: u8 = 0x04;

/// How long finding the port may take, and one command.
const LIMIT: Duration = Duration::from_secs(15);

/// What an address begins with, where it is that of a reader.
pub const SCHEME: &str = "tcp://";

/// The card at a port. When this is dropped, the card loses its power, as if it were taken out.
#[derive(Debug)]
pub struct TcpCard {
    stream: TcpStream,
    address: String,
    atr: Vec<u8>,
    t0: bool,
}

impl TcpCard {
    /// Powers the card at `address`: `tcp://127.0.0.1:35965`.
    pub fn connect(address: &str) -> Result<Self, ReaderError> {
        let unreachable = |message: String| ReaderError::Unreachable { address: address.to_owned(), message };
        let place = address.strip_prefix(SCHEME).unwrap_or(address).trim_end_matches('/');
        let mut found = place.to_socket_addrs().map_err(|error| unreachable(error.to_string()))?;
        let first = found.next().ok_or_else(|| unreachable("it has no address".into()))?;
        let stream = TcpStream::connect_timeout(&first, LIMIT).map_err(|e| unreachable(e.to_string()))?;
        let set = || -> io::Result<()> {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(LIMIT))?;
            stream.set_write_timeout(Some(LIMIT))
        };
        set().map_err(|error| unreachable(error.to_string()))?;
        let mut card = Self { stream, address: address.to_owned(), atr: Vec::new(), t0: false };
        let answered = card.send(&[POWER_ON]).and_then(|()| card.exchange(&[GET_ATR]));
        card.atr = answered.map_err(|error| match error.kind() {
            // Nothing at all: another one has the card.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                ReaderError::InUse { reader: address.to_owned(), holders: Vec::new() }
            }
            _ => ReaderError::NoCard { reader: address.to_owned() },
        })?;
        card.t0 = Atr::parse(&card.atr).is_some_and(|atr| atr.is_only_t0());
        Ok(card)
    }

    /// Its answer to reset.
    pub fn atr(&self) -> &[u8] {
        &self.atr
    }

    /// One message, as one segment.
    fn send(&mut self, body: &[u8]) -> io::Result<()> {
        let length = u16::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        self.stream.write_all(&[&length.to_be_bytes(), body].concat())
    }

    fn exchange(&mut self, body: &[u8]) -> io::Result<Vec<u8>> {
        self.send(body)?;
        let mut length = [0; 2];
        self.stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        self.stream.read_exact(&mut answer)?;
        Ok(answer)
    }
}

impl Link for TcpCard {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        // One byte would be a control.
        if command.len() < 4 {
            return Err(TransportError::CommandLength(command.len()));
        }
        let sent = if self.t0 { over_t0(command) } else { command.into() };
        let reader = self.address.clone();
        let outcome = self.exchange(&sent).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                ReaderError::TimedOut { during: "a command to the card", limit: LIMIT }
            }
            _ => ReaderError::CardRemoved { reader },
        });
        if outcome.is_err() {
            // An answer that comes late must not be taken for that of another command.
            let _ = self.stream.shutdown(std::net::Shutdown::Both);
        }
        Ok(outcome?)
    }

    fn description(&self) -> String {
        self.address.clone()
    }
}
