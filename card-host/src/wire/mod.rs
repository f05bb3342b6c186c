//! The wire for channels, version 1: what a channel and the issuer's server say to each other in JSON (docs/channels.md). Plain types,
//! the same on both sides, without anything of the issuer's.
//!
//! Money is in piastres, as integers; times are POSIX seconds. What may have more digits than a JSON number holds everywhere is a text: the
//! numbers of meters and of customers' accounts in decimal digits, cards in 16 hexadecimal digits; vouchers, mail and receipts in hexadecimal digits.
//!
//! Requests with fields that are not known here are refused: a field that is not understood must not be lost. Answers may get new fields.

mod cards;
mod problem;
mod sales;
#[cfg(feature = "server")]
pub(crate) mod schema;
pub mod texts;

pub use cards::{
    Consent, EvidenceAnswer, EvidenceKind, EvidenceRequest, LinkRequest, Status, UnlinkQuery, Waiting,
};
pub use problem::{Code, MEDIA_TYPE, Problem, Reason};
pub use sales::{
    Certified, Charge, ChargeKind, Payee, Payment, PointRequest, RefundRequest, Sale, SaleRequest, SaleState,
};

use serde::{Deserialize, Serialize};

/// The version of the protocol: the first part of every path.
pub const VERSION: u32 = 1;

/// The header with the channel's id of what it asks for.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The largest body of a request, in bytes.
pub const BODY: usize = 16 * 1024;

/// The largest amount of a sale that is even looked at, in piastres. The rules of selling have far lower ones.
pub const AMOUNT: u64 = 1_000_000_000_000;

/// Words for a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Words {
    /// In English.
    pub en: String,
    /// In Arabic. Numbers are in Western digits, between U+2068 and U+2069, so that they stay in one piece.
    pub ar: String,
}

/// Whether a text is an id of a request on this wire: 1 to 64 characters of `A-Z a-z 0-9 - . _ :`, and not a point first, since `.`
/// and `..` mean something else in paths.
pub fn is_request_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
    (1..=64).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(allowed)
}
