//! The layers that make any link answer completely.

use super::sealed::Complete;
use super::{GetResponse, Link, TransportError, WrongLength};

/// A card that answers every command completely: [`WrongLength`] around its link, and [`GetResponse`] around that.
#[derive(Debug)]
pub struct Card<L> {
    layers: GetResponse<WrongLength<L>>,
}

impl<L: Link> Card<L> {
    /// The card behind `link`.
    pub const fn open(link: L) -> Self {
        Self { layers: GetResponse::new(WrongLength::new(link)) }
    }

    /// The link.
    pub const fn link(&self) -> &L {
        self.layers.inner().inner()
    }

    /// The link, without which nothing is complete.
    pub fn into_link(self) -> L {
        self.layers.into_inner().into_inner()
    }
}

impl<L: Link> Link for Card<L> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        self.layers.transmit(command)
    }

    fn description(&self) -> String {
        self.layers.description()
    }
}

impl<L> Complete for Card<L> {}
