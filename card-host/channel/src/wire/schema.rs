//! Texts with a form, for the description of the protocol: each has a name there, a pattern and limits.

#![allow(dead_code, reason = "these types are only described")]

use serde::Deserialize;
use utoipa::ToSchema;

/// A card: 16 hexadecimal digits.
#[derive(ToSchema)]
#[schema(pattern = "^[0-9A-Fa-f]{16}$", min_length = 16, max_length = 16, example = "00C0FFEE00C0FFEE")]
pub struct CardId(String);

/// To whom is sold: to the contract that a card is for, or to the present contract of a meter.
#[derive(ToSchema, Deserialize)]
#[schema(example = json!({ "card": "00C0FFEE00C0FFEE" }))]
#[serde(untagged)]
pub enum Payee {
    /// The contract that a card is for.
    Card(ToCard),
    /// The present contract of a meter.
    Meter(ToMeter),
}

/// To the contract that this card is for.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToCard {
    #[schema(value_type = CardId)]
    card: String,
}

/// To the present contract of this meter.
#[derive(ToSchema, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToMeter {
    #[schema(value_type = MeterNumber)]
    meter: String,
}

/// A meter: its number in decimal digits, as a text, since it may have 20 of them.
#[derive(ToSchema)]
#[schema(pattern = "^(0|[1-9][0-9]{0,19})$", min_length = 1, max_length = 20, example = "1000017")]
pub struct MeterNumber(String);

/// A vending point: a till, a machine, a front server.
#[derive(ToSchema)]
#[schema(pattern = "^[a-z0-9._-]{1,32}$", min_length = 1, max_length = 32, example = "kiosk-00017")]
pub struct PointCode(String);

/// Who sells.
#[derive(ToSchema)]
#[schema(pattern = "^[a-z0-9._-]{1,24}$", min_length = 1, max_length = 24, example = "fawry")]
pub struct PartyCode(String);

/// What a fee or levy is called.
#[derive(ToSchema)]
#[schema(pattern = "^[a-z0-9._-]{1,24}$", min_length = 1, max_length = 24, example = "cleaning")]
pub struct ChargeCode(String);

/// What a channel calls one thing that it asks for. It makes it, stores it, and only then asks; it repeats with the same.
#[derive(ToSchema)]
#[schema(
    pattern = "^[A-Za-z0-9_:-][A-Za-z0-9._:-]{0,63}$",
    min_length = 1,
    max_length = 64,
    example = "k17-0198c5e2a4f07d3b"
)]
pub struct RequestId(String);

/// Bytes in hexadecimal digits.
#[derive(ToSchema)]
#[schema(pattern = "^([0-9A-Fa-f]{2})*$", max_length = 8192, example = "00C0FFEE")]
pub struct Hex(String);

/// Bytes in hexadecimal digits, at least one.
#[derive(ToSchema)]
#[schema(pattern = "^([0-9A-Fa-f]{2}){1,4096}$", min_length = 2, max_length = 8192, example = "00C0FFEE")]
pub struct HexBytes(String);

/// A voucher: 110 bytes in hexadecimal digits.
#[derive(ToSchema)]
#[schema(pattern = "^[0-9A-Fa-f]{220}$", min_length = 220, max_length = 220)]
pub struct VoucherBytes(String);

/// A voucher that only the company can open: 126 bytes in hexadecimal digits.
#[derive(ToSchema)]
#[schema(pattern = "^[0-9A-Fa-f]{252}$", min_length = 252, max_length = 252)]
pub struct KeptBytes(String);

/// A few words: not only white space, and without control characters.
#[derive(ToSchema)]
#[schema(
    pattern = "^[^\\x00-\\x1F\\x7F-\\x9F]*[^\\s\\x00-\\x1F\\x7F-\\x9F][^\\x00-\\x1F\\x7F-\\x9F]*$",
    min_length = 1,
    max_length = 200,
    example = "customer changed her mind"
)]
pub struct FewWords(String);

/// What a bank calls its customer: opaque, printable ASCII.
#[derive(ToSchema)]
#[schema(pattern = "^[!-~]{1,64}$", min_length = 1, max_length = 64, example = "c-83311")]
pub struct CustomerReference(String);

/// The version of a text that customers are shown: printable ASCII.
#[derive(ToSchema)]
#[schema(pattern = "^[!-~]{1,40}$", min_length = 1, max_length = 40, example = "2026-05")]
pub struct TextVersion(String);

/// A day, in Cairo's time.
#[derive(ToSchema)]
#[schema(
    pattern = "^20[0-9]{2}-[01][0-9]-[0-3][0-9]$",
    min_length = 10,
    max_length = 10,
    example = "2026-11-22"
)]
pub struct Day(String);

/// Where the next page of a list begins. Opaque.
#[derive(ToSchema)]
#[schema(pattern = "^[0-9]{1,18}$", min_length = 1, max_length = 18, example = "512")]
pub struct Cursor(String);
