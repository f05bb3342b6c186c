//! The issuer's ledger (docs/ledger.md): what was paid, what became credit, and what was certified to whom; double entry, append-only,
//! in piastres.
//!
//! - [`Ledger`] and [`Transaction`]: transactions over rows, as a store provides them; `SqliteLedger` (feature `sqlite`) is the one in the
//!   same process, `PostgresLedger` (feature `postgres`) the one for fleets.
//! - [`Entry`], [`Transfer`], [`LedgerAccount`]: what is written and never changed, in one hash chain for each vending point.
//! - [`Office`]: all that changes the ledger, and what a branch does with the card in its reader. `Development` (feature `sqlite`) is one
//!   with books in memory.
//!
//! A card is issued, charged and tapped:
//!
#![cfg_attr(feature = "sqlite", doc = "```")]
#![cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
//! use card_host::card_core::{id::{Channel, MeterId}, key::KeyLength, units::Piastres};
//! use card_host::card_work::CardChoice;
//! use card_host::keystore::SoftwareKeyStore;
//! use card_host::random::OsRandom;
//! use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
//! use card_host::transport::Card;
//! use card_ledger::Development;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let company = Development::new(SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom)?)?;
//! let (office, who) = (&company.office, &company.who);
//! let (scope, meter) = (office.scope(), MeterId::from(17));
//! let mut card = Card::simulated()?;
//! let choice = CardChoice::default();
//! let issued = office.issue(who, &company.id(), &mut card, meter, 4711, choice, None)?;
//! let voucher = company.sell(issued.account.card.id, Piastres::from_egp("50.00")?, Channel::Branch)?;
//! office.load(who, &mut card, &voucher)?;
//! let keys = company.keys.meter_keys(scope, meter)?;
//! let mut meter = SimulatedMeter::in_memory(meter, scope, keys, &from_the_maker())?;
//! meter.tap(&mut card, office.now()?)?;
//! assert_eq!(meter.state()?.balance.to_string(), "50.00");
//! # Ok(())
//! # }
//! ```

mod accounts;
mod alerts;
mod anchor;
mod answers;
mod audit;
mod bindings;
mod branch;
mod clock;
mod close;
mod correct;
mod counter;
#[cfg(feature = "sqlite")]
mod development;
mod ending;
mod entry;
mod error;
mod export;
mod gap;
mod give_back;
mod lists;
mod masters;
mod meter_keys;
mod moves;
mod names;
mod office;
mod papers;
mod payload;
mod policy;
#[cfg(feature = "postgres")]
mod postgres;
mod powers;
mod proof;
mod proposal;
mod reconcile;
mod records;
mod recover;
mod restore;
mod rules;
mod sale;
mod sale_limits;
mod second;
mod secret;
mod sell;
mod settings;
mod settle;
mod shown;
mod signing;
mod so_far;
mod spoken;
#[cfg(feature = "sqlite")]
mod sqlite;
mod staff;
mod standing;
mod store;
mod texts;

pub use accounts::{Class, LedgerAccount, UnknownAccount};
pub use alerts::QueuedAlerts;
pub use audit::{
    AuditFinding, AuditKey, AuditKeyError, AuditPublicKey, AuditReport, LostBranch, MoneyIdentity, Progress,
    ReceiptCheck, ReceiptProof, RestoreMark, RowFault, TrialBalance, TrialLine, sign_heads, trial_balance,
    verify,
};
pub use bindings::OpenOrder;
pub use branch::{BranchError, Brought, Found, Renewed};
pub use close::{DayStatement, Sums, Waiting};
pub use correct::{Approved, DebitOrder};
pub use counter::{Collected, Evidence, HandedIn, binding_of};
#[cfg(feature = "sqlite")]
pub use development::Development;
pub use ending::{EndReason, Ended};
pub use entry::{Entry, EntryId, Hash, Kind, RequestKey, Step, Transfer};
pub use error::{AnchorError, ClockError, LedgerError, MastersError, Refusal, StoreError};
pub use export::{
    EXPORT_FORMAT, ExportError, ExportFile, ExportOrder, ExportPoint, ExportSums, Manifest, export,
};
pub use gap::SEQUENCE_GAP;
pub use give_back::GivenBack;
pub use lists::{
    By, MOST_SALES, SaleList, SalePage, Sold, end_of_day, list_sales, report, sale_by_receipt, sales_to,
    times_of_day,
};
pub use moves::MoveOrder;
pub use names::{COMPANY, ChargeCode, NameError, OFFICE, PartyCode, PointCode, RequestId};
pub use office::{Office, Who};
pub use papers::{FeeTaken, PapersOrder};
pub use policy::{
    CardPolicy, CardStep, ChannelRules, Charge, ChargeKind, ChargeName, Charged, Commission, Division,
    Document, Documents, FeePaid, PaperRefusal, Policy, StepFee, StepRules, WithoutPayment,
};
#[cfg(feature = "postgres")]
pub use postgres::PostgresLedger;
pub use powers::{NoPowers, Power, Powers};
pub use proof::{Anew, Finding};
pub use proposal::{DebitTo, GiveBack, GiveTo};
pub use reconcile::{
    Exception, ExceptionKind, ExceptionSums, ReconcileOptions, Reconciliation, Severity, reconcile,
};
pub use records::{
    BindingRecord, CardRecord, CardUse, Customer, Head, Link, MailRecord, Message, Party, PersonRecord,
    Point, PolicyRecord, Reading, SignedHead, Staff, Status, StepDone, Token,
};
pub use recover::{RecoveredCard, ShownCard};
pub use restore::{FindLostError, LostSale, LostSales, Restored, find_lost};
pub use sale::{Certified, Sale, SaleState};
pub use second::same_person;
pub use secret::Secret;
pub use sell::{Once, SaleOrder};
pub use settings::{LimitsChange, Note, PartyChange, PointLimits};
pub use settle::{
    Columns, Difference, Matched, SettledLine, Settlement, SettlementError, Stands, Unit, Where, match_file,
    settlement, write_settlement,
};
pub use shown::Shown;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteLedger;
pub use staff::{NoName, StaffChange, StaffName, StaffSecret};
pub use standing::{CardStanding, ReplaceReason, Standing, standing};
pub use store::{AccountBalance, Ask, Context, Ledger, Payee, Row, Table, Transaction, Work, read, transact};
