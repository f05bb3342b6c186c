//! Cards: what waits for them, what they bring back, and whose they are at a bank.

use serde::{Deserialize, Serialize};

use card_core::message::Receipt;

#[cfg(feature = "schema")]
use super::schema;

/// What waits for a card, sold through any channel: to be loaded onto it wherever it is next in a reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Waiting {
    /// The card.
    #[cfg_attr(feature = "schema", schema(value_type = schema::CardId))]
    pub card: String,
    /// The newest voucher, which contains all that was sold before it; none where nothing was sold or the card was seen with it.
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::VoucherBytes>))]
    pub voucher: Option<String>,
    /// Sealed envelopes for its meter.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<schema::Hex>, max_items = 16))]
    pub mail: Vec<String>,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// The card's receipt of the voucher that it loaded.
    CardReceipt,
    /// The credit certificate that the card holds: where its receipt is above the ledger.
    Certificate,
    /// The meter's receipt that the card carries.
    MeterReceipt,
    /// A sealed envelope of the meter that the card carries.
    MeterMail,
}

/// A card's or a meter's proof of what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EvidenceRequest {
    /// The vending point where it was read.
    #[cfg_attr(feature = "schema", schema(value_type = schema::PointCode))]
    pub point: String,
    /// What it is.
    pub kind: EvidenceKind,
    /// Its bytes as the card gave them.
    #[cfg_attr(feature = "schema", schema(value_type = schema::HexBytes))]
    pub data: String,
}

impl EvidenceRequest {
    /// What a card answered when it loaded a voucher.
    pub fn card_receipt(point: &str, receipt: &Receipt) -> Self {
        let data = hex::encode(receipt.emit());
        Self { point: point.to_owned(), kind: EvidenceKind::CardReceipt, data }
    }
}

/// What the evidence says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EvidenceAnswer {
    /// Whether it had been handed in before.
    pub known: bool,
    /// The meter that it is about.
    #[cfg_attr(feature = "schema", schema(value_type = schema::MeterNumber))]
    pub meter: String,
    /// The contract of the meter.
    pub binding: u32,
    /// How it stands to the ledger: `agrees`, `behind`, `recovered` or `above`.
    #[cfg_attr(feature = "schema", schema(example = "agrees"))]
    pub finding: String,
}

/// What the bank's customer agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// The version of the text that was shown.
    #[cfg_attr(feature = "schema", schema(value_type = schema::TextVersion))]
    pub text: String,
    /// When the customer agreed, POSIX seconds.
    #[cfg_attr(
        feature = "schema",
        schema(minimum = 1_577_836_801, maximum = 5_872_804_095u64, example = 1_790_000_000)
    )]
    #[serde(deserialize_with = "super::whole")]
    pub time: u64,
}

/// A bank's customer may pay for this card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LinkRequest {
    /// The vending point of the bank.
    #[cfg_attr(feature = "schema", schema(value_type = schema::PointCode))]
    pub point: String,
    /// What the bank calls its customer.
    #[cfg_attr(feature = "schema", schema(value_type = schema::CustomerReference))]
    pub customer: String,
    /// What the customer agreed to.
    pub consent: Consent,
}

/// Whose link ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "schema", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct UnlinkQuery {
    /// The vending point of the bank.
    #[cfg_attr(feature = "schema", param(value_type = schema::PointCode))]
    pub point: String,
    /// What the bank calls its customer.
    #[cfg_attr(feature = "schema", param(value_type = schema::CustomerReference))]
    pub customer: String,
}

/// How the server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Status {
    /// The version of the protocol.
    pub protocol: u32,
    /// The version of the program.
    pub version: String,
    /// The server's time, POSIX seconds; none where its clock cannot be trusted and nothing is sold.
    pub time: Option<u64>,
    /// Whether the ledger's store answers.
    pub store: bool,
}
