//! What a signer remembers beside its keys (docs/signer.md): what it signed for each binding, and how far the books have come. A key store
//! that remembers is the anchor of the ledger, and bounds what whoever owns the ledger can have signed.

use std::collections::BTreeMap;

use card_core::id::Binding;
use card_core::role::KeyVersion;
use card_core::units::{CardTime, Piastres};

/// What a certificate says of a binding that only rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Meter and number.
    pub binding: Binding,
    /// Generation of the card.
    pub generation: u16,
    /// Number of the certificate.
    pub sequence: u32,
    /// All credit certified.
    pub credit: Piastres,
    /// All corrections certified.
    pub debited: Piastres,
}

/// The end of a chain of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainEnd {
    /// Number of the last entry; 0: none.
    pub number: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// How far books have come: what a memory knows of them, or is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extent {
    /// How often they had been restored.
    pub epoch: u32,
    /// The database server, where they are in one.
    pub place: Option<String>,
    /// Vending points by their codes.
    pub chains: BTreeMap<String, ChainEnd>,
}

/// Something that custodians have to look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// When.
    pub time: CardTime,
    /// In words, with the numbers.
    pub what: String,
}

/// A bound of what is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ceiling {
    /// Of the rise by one certificate.
    Certificate,
    /// Of a binding in a day (UTC).
    BindingDay,
    /// Of the company in an hour.
    Hour,
    /// Of the company in a day (UTC).
    Day,
}

impl core::fmt::Display for Ceiling {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Certificate => "of one certificate",
            Self::BindingDay => "of one binding in a day",
            Self::Hour => "of the company in an hour",
            Self::Day => "of the company in a day",
        })
    }
}

/// Why a memory does not let something be signed. Nothing was signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Forbidden {
    /// The sequence was signed with other contents, which the books are not known to hold: they take the next free one.
    #[error(
        "sequence {sequence} of binding {number} of meter {meter:X} was signed with other totals: certify under {next}",
        meter = .binding.meter, number = .binding.number
    )]
    Taken {
        /// Whose.
        binding: Binding,
        /// The one that was asked for.
        sequence: u32,
        /// The first that is free.
        next: u32,
    },
    /// The sequence was signed with other contents, and the books held those.
    #[error(
        "the signer has signed up to sequence {last} for binding {number} of meter {meter:X}, and these books ask for {sequence}: they are an older \
         copy; put the newest one in its place, or declare it with `cardctl ledger restored`",
        meter = .binding.meter, number = .binding.number
    )]
    Behind {
        /// Whose.
        binding: Binding,
        /// The one that was asked for.
        sequence: u32,
        /// The last that was signed.
        last: u32,
    },
    /// A total or the generation would fall.
    #[error(
        "the signer has certified {credit} EGP and {debited} EGP of debits to binding {number} of meter {meter:X}, and signs nothing lower: these books \
         are an older copy, or were changed; hand in the vouchers of the channels, or have it looked into",
        meter = .0.binding.meter, number = .0.binding.number, credit = .0.credit, debited = .0.debited
    )]
    Falls(Totals),
    /// A total is above the last that can be written.
    #[error("a total above the last one that can be written is not signed: look at the books")]
    TooHigh,
    /// More than a ceiling allows.
    #[error(
        "the ceiling {ceiling} is {most} EGP, and this would make it {would} EGP: nothing is signed; where that is right, two custodians raise it \
         (`cardctl signer ceilings`)"
    )]
    Ceiling {
        /// Which.
        ceiling: Ceiling,
        /// It.
        most: Piastres,
        /// What it would be.
        would: Piastres,
    },
    /// The key version is not valid now.
    #[error(
        "master {0} is not valid at this time: use a valid version, or have two custodians change its time (`cardctl signer validity`)"
    )]
    Validity(KeyVersion),
    /// The clock shows no time.
    #[error("the signer's clock shows no time, and nothing is signed without it: set the clock")]
    NoTime,
}

/// Why a memory cannot be asked. Nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// It cannot be read or written.
    #[error(
        "the signer's memory: {0}: without it nothing is signed or booked; see that it is there and can be written"
    )]
    Store(String),
    /// It is of another company or environment, or no memory.
    #[error("{0} is not the memory of this company's signer: name the right one")]
    Other(String),
    /// Books come that it does not know.
    #[error(
        "the signer's memory is empty, and these books are not: where it was lost, two custodians begin it anew from them (`cardctl signer init --adopt`)"
    )]
    Empty,
    /// A ledger is to be founded, and it knows another one.
    #[error(
        "the signer knows a ledger already, and another one is to be founded: put that one's newest copy in its place, or begin with another signer"
    )]
    Knows,
}

/// What a key store remembers. Many ask at once.
pub trait Memory: Send + Sync {
    /// How far the books had come; `None`: nothing is known of any.
    fn extent(&self) -> Result<Option<Extent>, MemoryError>;

    /// Learns how far they have come, and which certificates they hold. Of a lower epoch nothing is learnt; a higher one begins anew.
    fn learn(&self, extent: &Extent, held: &[Totals]) -> Result<(), MemoryError>;

    /// Takes what books hold for what was signed, where nothing is known of any.
    fn adopt(&self, held: &[Totals]) -> Result<(), MemoryError>;

    /// Books begin: nothing of others is known.
    fn begin(&self) -> Result<(), MemoryError>;

    /// The most that was ever signed for bindings after this one, in their order, at most `most`.
    fn signed(&self, after: Option<Binding>, most: u32) -> Result<Vec<Totals>, MemoryError>;

    /// Alarms since then, the newest first, at most 100.
    fn alarms(&self, since: CardTime) -> Result<Vec<Alarm>, MemoryError>;
}
