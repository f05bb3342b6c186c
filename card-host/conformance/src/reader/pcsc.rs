//! A card in a PC/SC reader. Its time is on the clock.

use card_host::pcsc::{CardAfter, Connection, Protocol, connect};
use card_host::reader_error::ReaderError;
use card_host::transport::{Link, TransportError};
use std::time::{Duration, Instant};

use super::Reader;

/// The card in a PC/SC reader.
#[derive(Debug)]
pub struct PcscReader {
    name: String,
    connection: Option<Connection>,
    t0: bool,
    elapsed: Duration,
}

impl PcscReader {
    /// The card in the reader with this name, or the only one with it in its name.
    ///
    /// # Errors
    /// As [`connect`].
    pub fn open(name: &str) -> Result<Self, ReaderError> {
        let connection = connect(name)?;
        let (name, t0) = (connection.reader().to_owned(), connection.protocol() == Protocol::T0);
        Ok(Self { name, connection: Some(connection), t0, elapsed: Duration::ZERO })
    }
}

impl Link for PcscReader {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let connection = self.connection.as_mut().ok_or(ReaderError::Ended)?;
        let begun = Instant::now();
        let answer = connection.transmit(command);
        self.elapsed += begun.elapsed();
        answer
    }

    fn description(&self) -> String {
        self.name.clone()
    }
}

impl Reader for PcscReader {
    fn reset(&mut self) -> Result<(), TransportError> {
        if let Some(connection) = self.connection.take() {
            // One that has ended by an error has nothing to end any more.
            let _ = connection.end(CardAfter::PowerOff);
        }
        self.connection = Some(connect(&self.name)?);
        Ok(())
    }

    fn is_t0(&self) -> bool {
        self.t0
    }

    fn elapsed(&self) -> Duration {
        self.elapsed
    }
}
