//! What a branch, or a kiosk, does with the card in its reader, whatever keeps its books: makes it a customer's card, loads a voucher,
//! puts mail on it and takes off what meters have put there. The ledger's office does it over books that stay.

mod error;
mod load;
mod mail;
mod make;
mod meter_keys;

pub use error::CardWorkError;
pub use load::{in_words, load, load_checked};
pub use mail::{Collected, Mail, Order, Report, deliver, read_mail};
pub use make::{CardChoice, Issued, Papers, blank, development_scope, make, unused};
pub use meter_keys::{next_keys, with_keys};
