//! Selling.

use serde::{Deserialize, Serialize};

use card_core::id::CardId;
use card_core::message::{Receipt, Voucher};

#[cfg(feature = "schema")]
use super::schema;
use super::{Reason, Words};

/// To whom is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Payee {
    /// To the contract that this card is for: 16 hexadecimal digits.
    Card(String),
    /// To the present contract of this meter: its number in decimal digits.
    Meter(String),
}

impl From<CardId> for Payee {
    fn from(card: CardId) -> Self {
        Self::Card(card.to_string())
    }
}

/// Whether the channel has the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Payment {
    /// It has: the sale is certified at once.
    Received,
    /// Not yet: the sale is checked, divided and announced; it is confirmed or cancelled later.
    Pending,
}

/// What a channel asks for: a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SaleRequest {
    /// The vending point where it is sold.
    #[cfg_attr(feature = "schema", schema(value_type = schema::PointCode))]
    pub point: String,
    /// To whom.
    #[cfg_attr(feature = "schema", schema(value_type = schema::Payee))]
    pub payee: Payee,
    /// What the customer pays, in piastres.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 1_000_000_000_000u64, example = 5000))]
    #[serde(deserialize_with = "super::whole")]
    pub amount_piastres: u64,
    /// Whether the channel has the money.
    pub payment: Payment,
    /// The receipt that the card in the channel's reader shows, where there is one: it is compared with the books before anything is sold.
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::HexBytes>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// The credit certificate that this card holds, for a channel that can read it. It brings back what restored books have lost.
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::HexBytes>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

impl SaleRequest {
    /// A sale without a card in a reader.
    pub fn new(point: &str, payee: &Payee, amount_piastres: u64, payment: Payment) -> Self {
        let (point, payee) = (point.to_owned(), payee.clone());
        Self { point, payee, amount_piastres, payment, receipt: None, certificate: None }
    }

    /// The same to the card in the reader, which shows this receipt.
    #[must_use]
    pub fn showing(self, receipt: &Receipt) -> Self {
        Self { receipt: Some(hex::encode(receipt.emit())), ..self }
    }
}

/// The customer has paid for an announced sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    /// The vending point that announced it.
    #[cfg_attr(feature = "schema", schema(value_type = schema::PointCode))]
    pub point: String,
    /// The receipt that the card in the channel's reader shows now, where there is one: it is compared with the books before anything is
    /// certified.
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::HexBytes>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// The credit certificate that this card holds, for a channel that can read it.
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::HexBytes>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

impl ConfirmRequest {
    /// With what the card in a reader shows, where there is one.
    pub fn new(point: &str, shown: Option<&Receipt>) -> Self {
        let receipt = shown.map(|receipt| hex::encode(receipt.emit()));
        Self { point: point.to_owned(), receipt, certificate: None }
    }
}

/// A step of a sale, asked for at the vending point that announced it; a second person may be at another one of the party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PointRequest {
    /// The vending point.
    #[cfg_attr(feature = "schema", schema(value_type = schema::PointCode))]
    pub point: String,
}

/// What was paid is given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RefundRequest {
    /// The vending point.
    #[cfg_attr(feature = "schema", schema(value_type = schema::PointCode))]
    pub point: String,
    /// Why.
    #[cfg_attr(feature = "schema", schema(value_type = schema::FewWords))]
    pub reason: String,
}

/// How far a sale is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SaleState {
    /// Announced; not paid.
    Reserved,
    /// Paid; not certified yet: confirm again.
    Paid,
    /// Certified: there is a voucher.
    Certified,
    /// Cancelled before it was paid.
    Cancelled,
    /// What was paid was given back before it was certified.
    Refunded,
}

/// Whose a charge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ChargeKind {
    /// The company's or the channel's.
    Fee,
    /// A third party's.
    Levy,
}

/// A fee or levy of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Charge {
    /// What it is called.
    #[cfg_attr(feature = "schema", schema(value_type = schema::ChargeCode))]
    pub code: String,
    /// Whose it is.
    pub kind: ChargeKind,
    /// In piastres.
    pub amount_piastres: u64,
}

/// What was certified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Certified {
    /// When, POSIX seconds.
    pub time: u64,
    /// Sold to a card: the voucher, to be loaded onto it.
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::VoucherBytes>))]
    pub voucher: Option<String>,
    /// Sold by the number of a meter: the voucher, sealed for the company. It waits for the card wherever that comes; keep this for your list of
    /// sales.
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::KeptBytes>))]
    pub kept: Option<String>,
}

/// Which sales are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "schema", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct SalesQuery {
    /// The vending point where they were announced or made.
    #[cfg_attr(feature = "schema", param(value_type = schema::PointCode, inline))]
    pub point: String,
    /// The day, in Cairo's time.
    #[cfg_attr(feature = "schema", param(value_type = schema::Day, inline))]
    pub day: String,
    /// The `next` of the page before; left out: the first page.
    #[cfg_attr(feature = "schema", param(value_type = Option<schema::Cursor>, inline))]
    #[serde(default)]
    pub cursor: Option<String>,
    /// At most so many; 100 where it is not said.
    #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 100))]
    #[serde(default)]
    pub most: Option<u32>,
}

/// A page of sales.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SalePage {
    /// In the order of their receipts, as they stand now. A page may have none, and another one after it.
    pub sales: Vec<Sale>,
    /// The `cursor` of the next page; null: this was the last.
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::Cursor>))]
    pub next: Option<String>,
}

/// A receipt: the sale, and what the code on its paper says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SaleReceipt {
    /// The sale, certified.
    pub sale: Sale,
    /// The text of the code on the receipt. A paper with another one is not genuine.
    pub proof: String,
}

/// How the page of a receipt looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "schema", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ReceiptQuery {
    /// The language of the page; Arabic where it is not said.
    #[serde(default)]
    pub language: PageLanguage,
    /// The digits of its amounts and dates; Western ones where it is not said.
    #[serde(default)]
    pub digits: PageDigits,
}

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PageLanguage {
    /// Arabic, from right to left.
    #[default]
    Ar,
    /// English.
    En,
}

/// The digits of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PageDigits {
    /// 0123456789.
    #[default]
    Western,
    /// ٠١٢٣٤٥٦٧٨٩.
    Arabic,
}

/// A sale as it stands. The same sale that stands the same is written with the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sale {
    /// The channel's id of it.
    #[cfg_attr(feature = "schema", schema(value_type = schema::RequestId))]
    pub id: String,
    /// Who sold it.
    #[cfg_attr(feature = "schema", schema(value_type = schema::PartyCode))]
    pub party: String,
    /// Where: with `number`, the number of the receipt.
    #[cfg_attr(feature = "schema", schema(value_type = schema::PointCode))]
    pub point: String,
    /// The entry of that vending point in the issuer's ledger.
    pub number: u64,
    /// How far it is.
    pub state: SaleState,
    /// When it was asked for, POSIX seconds.
    pub time: u64,
    /// Who asked: the person or program that the token names.
    pub actor: String,
    /// The meter.
    #[cfg_attr(feature = "schema", schema(value_type = schema::MeterNumber))]
    pub meter: String,
    /// The card, where it was sold to a card; null where it was sold by the number of a meter.
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::CardId>))]
    pub card: Option<String>,
    /// What the customer pays, in piastres: the sum of credit, debt and charges.
    pub amount_piastres: u64,
    /// What becomes credit.
    pub credit_piastres: u64,
    /// What is taken for the customer's debt.
    pub debt_piastres: u64,
    /// Fees and levies.
    #[cfg_attr(feature = "schema", schema(max_items = 16))]
    pub charges: Vec<Charge>,
    /// Who agreed as second person.
    pub approved_by: Option<String>,
    /// What was certified, with the voucher.
    pub certified: Option<Certified>,
    /// Why it is paid and not certified; only in the answer to a confirmation.
    pub waits_for: Option<Reason>,
    /// Words for the customer's receipt, where there is something to tell.
    pub message: Option<Words>,
}

impl Sale {
    /// The voucher, to be loaded onto the card; `None` where nothing is certified yet, it was sold by the number of a meter, or the text of it
    /// is none.
    pub fn voucher(&self) -> Option<Voucher> {
        let bytes = hex::decode(self.certified.as_ref()?.voucher.as_ref()?).ok()?;
        Voucher::parse(&bytes).ok()
    }
}
