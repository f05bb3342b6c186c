//! The issuer's ledger (docs/ledger.md): what was paid, what became credit, and what was certified to whom; double entry, append-only,
//! in piastres.
//!
//! - [`Ledger`] and [`Transaction`]: transactions over rows, as a store provides them; [`SqliteLedger`] is the one in the same process,
//!   `PostgresLedger` (feature `postgres`) the one for fleets.
//! - [`Entry`], [`Transfer`], [`LedgerAccount`]: what is written and never changed, in one hash chain for each vending point.

mod accounts;
mod alerts;
mod audit;
mod bindings;
mod branch;
mod close;
mod correct;
mod counter;
mod development;
mod entry;
mod error;
mod export;
mod month;
mod moves;
mod names;
mod office;
mod policy;
#[cfg(feature = "postgres")]
mod postgres;
mod reconcile;
mod records;
mod recover;
mod restore;
mod sale;
mod sell;
mod settings;
mod sqlite;
mod store;
mod texts;

pub use accounts::{Class, LedgerAccount, UnknownAccount};
pub use alerts::QueuedAlerts;
pub use audit::{
    AuditFinding, AuditKey, AuditKeyError, AuditPublicKey, AuditReport, LostBranch, MoneyIdentity, Progress,
    RestoreMark, TrialBalance, TrialLine, sign_heads, trial_balance, verify,
};
pub use bindings::OpenOrder;
pub use branch::{BranchError, Brought, Found};
pub use close::{DayStatement, Sums, Waiting};
pub use correct::{Approved, DebitOrder, DebitTo};
pub use counter::{Collected, Evidence, Finding, HandedIn, SEQUENCE_GAP, binding_of};
pub use development::Development;
pub use entry::{Entry, EntryId, Hash, Kind, RequestKey, Step, Transfer};
pub use error::{LedgerError, Refusal, StoreError};
pub use export::{
    EXPORT_FORMAT, ExportError, ExportFile, ExportOrder, ExportPoint, ExportSums, Manifest, export,
};
pub use moves::MoveOrder;
pub use names::{ChargeCode, NameError, PartyCode, PointCode, RequestId};
pub use office::{Office, Who};
pub use policy::{ChannelRules, Charge, ChargeKind, Charged, Division, Policy};
#[cfg(feature = "postgres")]
pub use postgres::PostgresLedger;
pub use reconcile::{
    Exception, ExceptionKind, ExceptionSums, ReconcileOptions, Reconciliation, Severity, reconcile,
};
pub use records::{
    BindingRecord, CardRecord, CardUse, Customer, Head, Link, MailRecord, Message, Party, Point,
    PolicyRecord, Power, Reading, SignedHead, Status, StepDone, Token,
};
pub use recover::{RecoveredCard, ShownCard};
pub use restore::{FindLostError, LostSale, LostSales, Restored, find_lost};
pub use sale::{Certified, Sale, SaleState};
pub use sell::SaleOrder;
pub use settings::{COMPANY, OFFICE, PointLimits};
pub use sqlite::SqliteLedger;
pub use store::{AccountBalance, Ask, Context, Ledger, Payee, Transaction, Work, read, transact};
