//! What has happened at a vending point.

use serde::{Deserialize, Serialize};

#[cfg(feature = "schema")]
use super::schema;

/// From where on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "schema", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// The vending point.
    #[cfg_attr(feature = "schema", param(value_type = schema::PointCode, inline))]
    pub point: String,
    /// The `next` of the page before; left out: from the beginning.
    #[cfg_attr(feature = "schema", param(value_type = Option<schema::Cursor>, inline))]
    #[serde(default)]
    pub after: Option<String>,
    /// At most so many; 500 where it is not said.
    #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 500))]
    #[serde(default)]
    pub most: Option<u32>,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EventPage {
    /// In their order. A page may have none.
    pub events: Vec<Event>,
    /// The `after` of the next page.
    #[cfg_attr(feature = "schema", schema(value_type = schema::Cursor))]
    pub next: String,
    /// Whether there is more already.
    pub more: bool,
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Event {
    /// The entry of the vending point in the issuer's ledger.
    pub number: u64,
    /// When, POSIX seconds.
    pub time: u64,
    /// `announced`, `approved`, `paid`, `certified`, `cancelled`, `refunded`; `corrected`: the company has taken credit back there; `handed-over`,
    /// `closed`: of its cash. Others may come.
    pub what: String,
    /// The id of the request.
    #[cfg_attr(feature = "schema", schema(value_type = schema::RequestId))]
    pub id: String,
    /// What was paid, given back, taken back or handed over, in piastres.
    pub amount_piastres: u64,
}
