//! What the examination needs of a reader.

#[cfg(feature = "pcsc")]
mod pcsc;
#[cfg(feature = "simulator")]
mod simulator;

#[cfg(feature = "pcsc")]
pub use pcsc::PcscReader;

use card_host::transport::{Link, TransportError};
use std::time::Duration;

/// A reader with the card in it.
pub trait Reader: Link {
    /// Takes power from the card and gives it again.
    ///
    /// # Errors
    /// Where no card answers after it.
    fn reset(&mut self) -> Result<(), TransportError>;

    /// Whether the card speaks T=0, where answers with data come by GET RESPONSE.
    fn is_t0(&self) -> bool;

    /// The time that all commands so far took: on the clock, or by the model of a simulator.
    fn elapsed(&self) -> Duration;

    /// Lets power fail during the write to memory with this number, counted from 0, from now on; `None`: no more. `false` where the reader cannot do that,
    /// as most cannot: then what a card does when it is torn is reported as not examined.
    fn tear(&mut self, write: Option<u64>) -> bool {
        let _ = write;
        false
    }
}
