//! What customers take home: a [`Receipt`] of a charge, a [`Statement`] of their consumption, a [`Slip`] for a step of a card's life.
//!
//! Each is one HTML page, or with the feature `pdf` a PDF, that needs nothing else: no script, no picture and no font from elsewhere. It is read on a phone, at a desk,
//! and printed on A4 or on a roll of 80 mm. Arabic pages run from right to left; digits are Western or Arabic-Indic, by choice.
//! Identifiers and machine data keep Western digits, and stand apart in their line whatever its direction.
//!
//! ```
//! use card_paper::{Amounts, Look, Receipt};
//! use card_core::text::Language;
//! use card_core::units::{CardTime, Piastres};
//!
//! let receipt = Receipt {
//!     number: "p0-1/12".into(),
//!     time: CardTime(200_000_000),
//!     amounts: Amounts { paid: Piastres(4000), charges: vec![], debt: Piastres(0), credit: Piastres(4000) },
//!     card: Some("0000000000000001".into()),
//!     meter: 481,
//!     account: Some(77),
//!     seller: "branch".into(),
//!     next: "take the card to your meter".into(),
//!     proof: "EGR1 ...".into(),
//! };
//! let page = receipt.page(Look { language: Language::Arabic, ..Look::default() })?;
//! assert!(page.starts_with("<!DOCTYPE html>") && page.contains("dir=\"rtl\""));
//! # Ok::<(), card_paper::PaperError>(())
//! ```

#[cfg(feature = "ledger")]
mod books;
mod chart;
mod html;
mod look;
#[cfg(feature = "pdf")]
mod pdf;
mod receipt;
mod sheet;
mod slip;
mod statement;
mod words;

#[cfg(feature = "ledger")]
pub use books::NoPaper;
#[cfg(feature = "pdf")]
pub use look::Format;
pub use look::{Digits, Look};
pub use receipt::{Amounts, ChargeLine, Receipt};
pub use slip::{Returned, Slip, SlipKind};
pub use statement::{Bracket, ChargeRow, MonthRow, Statement};

/// Why a page could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PaperError {
    /// The proof does not fit a QR code, which holds some 2,900 bytes.
    #[error("the proof of a receipt is too long for a QR code: {0}; shorten it")]
    Proof(String),
    /// The PDF could not be made.
    #[error("the PDF could not be made: a length is none, or a font is broken; take the page instead")]
    Pdf,
    /// The chart could not be drawn.
    #[error("the chart could not be drawn: {0}")]
    Chart(String),
}
