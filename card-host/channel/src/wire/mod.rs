//! The wire for channels, version 1: what a channel and the issuer's server say to each other in JSON (docs/channels.md). Plain types,
//! the same on both sides, without anything of the issuer's.
//!
//! Money is in piastres, as integers; times are POSIX seconds. What may have more digits than a JSON number holds everywhere is a text: the
//! numbers of meters and of customers' accounts in decimal digits, cards in 16 hexadecimal digits; vouchers, mail and receipts in hexadecimal digits.
//!
//! Requests with fields that are not known here are refused: a field that is not understood must not be lost. Answers may get new fields.

mod cards;
mod events;
mod problem;
mod sales;
#[cfg(feature = "schema")]
pub mod schema;
pub mod texts;

pub use cards::{
    Consent, EvidenceAnswer, EvidenceKind, EvidenceRequest, LinkRequest, Status, UnlinkQuery, Waiting,
};
pub use events::{Event, EventPage, EventsQuery};
pub use problem::{Code, MEDIA_TYPE, Problem, Reason};
pub use sales::{
    Certified, Charge, ChargeKind, ConfirmRequest, PageDigits, PageLanguage, Payee, Payment, PointRequest,
    ReceiptQuery, RefundRequest, Sale, SalePage, SaleReceipt, SaleRequest, SaleState, SalesQuery,
};

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

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
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Words {
    /// In English.
    pub en: String,
    /// In Arabic. Numbers are in Western digits, between U+2068 and U+2069, so that they stay in one piece.
    pub ar: String,
}

/// Reads a whole number, also one that is written as `5000.0`: to JSON that is the same number, and some programs write it so.
pub(crate) fn whole<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    struct Whole;

    impl Visitor<'_> for Whole {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number that is not below zero")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<u64, E> {
            // Up to here every whole number is one of these, and no other number is rounded to it.
            const EXACT: f64 = 9_007_199_254_740_991.0;
            if number.fract() == 0.0 && (0.0..=EXACT).contains(&number) {
                return Ok(number as u64);
            }
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }

    from.deserialize_u64(Whole)
}

/// Whether a text is an id of a request on this wire: 1 to 64 characters of `A-Z a-z 0-9 - . _ :`, and not a point first, since `.`
/// and `..` mean something else in paths.
pub fn is_request_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
    (1..=64).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;

    #[test]
    fn whole_numbers_only() {
        let read = |number: &str| {
            let text = format!(
                r#"{{"point":"a","payee":{{"meter":"1"}},"amount_piastres":{number},"payment":"pending"}}"#
            );
            serde_json::from_str::<SaleRequest>(&text).ok().map(|request| request.amount_piastres)
        };
        let good =
            [("0", 0), ("5000", 5000), ("5000.0", 5000), ("5e3", 5000), ("18446744073709551615", u64::MAX)];
        for (text, number) in good {
            assert_eq!(read(text), Some(number), "{text}");
        }
        for text in [
            "-1",
            "-0.5",
            "50.5",
            "1e300",
            "9007199254740993.0",
            "18446744073709551616",
            "\"5000\"",
            "null",
            "true",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
