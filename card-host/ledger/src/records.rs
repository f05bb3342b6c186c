//! What the ledger keeps beside its entries: where things stand now. All of it follows from the entries; it is kept so that a sale
//! reads little (docs/ledger.md, section 4).

use card_core::id::{Binding, CardId, CardRef, Channel};
use card_core::message::{MeterFlags, Slot};
use card_core::parameters::Readings;
use card_core::role::KeyVersion;
use card_core::units::{Balance, CardTime, Energy, Piastres};

use super::entry::{EntryId, Hash, Step, codes};
use super::names::{PartyCode, PointCode};
use super::powers::{Power, Powers};
use card_host::issuer::BindingAccount;
use card_host::national_id::PersonRef;

/// A vending point and the end of its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// Its code.
    pub code: PointCode,
    /// Who runs it.
    pub party: PartyCode,
    /// Whether it may sell.
    pub open: bool,
    /// Number of its last entry; 0: none yet.
    pub number: u64,
    /// Hash of its last entry; zeros where there is none.
    pub head: Hash,
    /// Time of its last entry.
    pub time: CardTime,
    /// Money that it has taken and not handed over; below zero where it paid back more.
    pub cash: Balance,
    /// The day of `sold`, in days since 2020-01-01, local time.
    pub day: u32,
    /// Sold on that day.
    pub sold: Piastres,
    /// Largest cash that it may hold; `None`: the channel's rule.
    pub most_cash: Option<Piastres>,
    /// Most that it may sell in a day; `None`: the channel's rule.
    pub most_daily: Option<Piastres>,
}

/// Who sells: the company, a kiosk company, a bank, a wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Its code.
    pub code: PartyCode,
    /// The channel that its vouchers name.
    pub channel: Channel,
    /// Whether it may sell.
    pub open: bool,
}

/// A member of staff, as it is stored: the secret is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    /// What is the same of all spellings of the name.
    pub identity: String,
    /// The name: the actor in the entries.
    pub name: String,
    /// What this one may do.
    pub may: Powers,
    /// The secret's hash, as argon2's libraries write it (PHC).
    pub secret: String,
    /// Whether this one may do nothing any more.
    pub stopped: bool,
}

/// A token of a channel, as it is stored: hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// SHA-256 of the token.
    pub hash: Hash,
    /// Whose.
    pub party: PartyCode,
    /// Who uses it: the actor in the entries.
    pub actor: String,
    /// What it may do: sell, or approve as well.
    pub power: Power,
    /// Whether it has been revoked.
    pub revoked: bool,
}

codes! {
    /// How a binding stands.
    Status {
        /// Sells.
        Open = "open",
        /// It has ended, or its meter has a newer binding; what was left has not been moved or given back. Nobody's contracts stand so, too.
        Superseded = "superseded",
        /// What was left has been moved or given back.
        Closed = "closed",
    }
}

/// The account of nobody's contracts.
pub(super) const NOBODY: u64 = 0;

/// Each restore begins a range of numbers of bindings of so many: those that were lost by it are in the ranges before.
pub(super) const NUMBERS_OF_A_RESTORE: u32 = 1_000_000;

/// Whether a binding was opened after that restore, as its number tells: then nothing of it was lost by it.
pub(super) const fn is_since(binding: Binding, restore: u32) -> bool {
    binding.number >= restore.saturating_mul(NUMBERS_OF_A_RESTORE)
}

/// A binding: its totals, its card, and what was last heard of card and meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingRecord {
    /// Totals, what is known to be applied of them, sequence, card, keys. `held.moved` is true where the status is [`Status::Closed`].
    pub held: BindingAccount,
    /// How it stands.
    pub status: Status,
    /// Whether its present card is blocked.
    pub blocked: bool,
    /// The restore after which its totals have been checked against evidence, see [`Context::epoch`](super::Context::epoch).
    pub epoch: u32,
    /// The newest voucher, 110 bytes; empty where none was made.
    pub voucher: Vec<u8>,
    /// Sequence that the card was last seen with; 0: never.
    pub card_sequence: u32,
    /// When something was last heard of the meter; not set: never.
    pub heard: CardTime,
}

impl BindingRecord {
    /// Meter and number.
    pub const fn binding(&self) -> Binding {
        self.held.binding
    }

    /// Whether it is nobody's contract, which took the meter when the one before it ended (docs/ledger.md, section 7).
    pub const fn is_nobodys(&self) -> bool {
        self.held.account == NOBODY
    }

    /// Whether somebody shows more than the books have certified: a certificate of a later sequence, or a higher total.
    pub(super) fn is_behind(&self, sequence: u32, credit: Piastres, debited: Piastres) -> bool {
        let held = &self.held;
        sequence > held.sequence || credit > held.total_credit || debited > held.total_debited
    }
}

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Customer {
    /// The account number.
    pub account: u64,
    /// What the customer owes and pays with sales.
    pub debt: Piastres,
    /// Where messages go; empty: nowhere.
    pub phone: String,
    /// Whether messages are in Arabic.
    pub arabic: bool,
}

codes! {
    /// What a card is for.
    CardUse {
        /// The present card of a customer.
        Customer = "customer",
        /// Replaced by another one.
        Replaced = "replaced",
        /// A technician's.
        Engineering = "engineering",
    }
}

/// A card that was ever issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardRecord {
    /// Card and generation.
    pub card: CardRef,
    /// The binding that it serves, or served last.
    pub binding: Binding,
    /// Key version number of its load key.
    pub load_key: KeyVersion,
    /// What it is for.
    pub used: CardUse,
}

/// An account at a bank that is linked to a card, with consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The bank.
    pub party: PartyCode,
    /// The card.
    pub card: CardId,
    /// What the bank calls its customer; opaque.
    pub customer: String,
    /// When the customer agreed; not set: unlinked.
    pub since: CardTime,
}

/// The newest mail in a slot of a binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRecord {
    /// Whose meter.
    pub binding: Binding,
    /// The slot.
    pub slot: Slot,
    /// Its version.
    pub version: u32,
    /// The sealed envelope.
    pub envelope: Vec<u8>,
}

/// A report of a meter, verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Which meter and binding.
    pub binding: Binding,
    /// Number of the report in the binding.
    pub number: u32,
    /// When the meter wrote it.
    pub time: CardTime,
    /// Credit applied.
    pub applied_credit: Piastres,
    /// Debits applied.
    pub applied_debited: Piastres,
    /// What was left.
    pub balance: Balance,
    /// Energy register.
    pub energy: Energy,
    /// How the meter stands.
    pub flags: MeterFlags,
    /// Tampering bits (docs/meter.md); 0 where only a receipt was seen.
    pub tampering: u8,
}

impl Reading {
    /// What readings report.
    pub(super) const fn of(binding: Binding, readings: &Readings) -> Self {
        Self {
            binding,
            number: readings.report_number,
            time: readings.time,
            applied_credit: readings.applied_credit,
            applied_debited: readings.applied_debited,
            balance: readings.balance,
            energy: readings.energy,
            flags: readings.flags,
            tampering: readings.tampering,
        }
    }

    /// What was used by then: applied credit less applied debits less what is left. Of an honest meter it never falls, and is never below 0.
    pub fn used(&self) -> i128 {
        i128::from(self.applied_credit.0) - i128::from(self.applied_debited.0) - i128::from(self.balance.0)
    }
}

/// An account for which somebody was at a desk with a national ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonRecord {
    /// Who.
    pub person: PersonRef,
    /// For which account.
    pub account: u64,
}

/// Rules of selling from a time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRecord {
    /// From 1.
    pub version: u32,
    /// From when on.
    pub from: CardTime,
    /// The rules as JSON.
    pub rules: String,
}

/// A message for a customer, to be sent by a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// What it is about, so that it is queued once: `low/METER/BINDING/TIME`.
    pub id: String,
    /// When it was queued.
    pub time: CardTime,
    /// Where to.
    pub phone: String,
    /// The text.
    pub text: String,
    /// When a gateway said that it has taken it; not set: waits.
    pub taken: CardTime,
}

/// The signed head of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// The last entry that it covers.
    pub id: EntryId,
    /// Its hash.
    pub head: Hash,
    /// When it was signed.
    pub time: CardTime,
    /// Ed25519 (RFC 8032), over what docs/ledger.md, section 3, says.
    pub signature: [u8; 64],
}

/// Something that stands differently after an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Head {
    /// A binding, new or changed. Stores refuse lower totals and a lower sequence.
    Binding(Box<BindingRecord>),
    /// A customer.
    Customer(Customer),
    /// A card.
    Card(CardRecord),
    /// A vending point other than that of the entry: it has no entries yet.
    Point(Point),
    /// A party.
    Party(Party),
    /// A token.
    Token(Token),
    /// A member of staff.
    Staff(Staff),
    /// A link.
    Link(Link),
    /// Mail; the older one in the slot is in its entry.
    Mail(MailRecord),
    /// Somebody at a desk; one that is there already stays.
    Person(PersonRecord),
    /// A report; one that is there already stays.
    Reading(Reading),
    /// Rules of selling; a version that is there already is refused.
    Policy(PolicyRecord),
    /// A message; one with this id that is there already only gets its `taken`.
    Message(Message),
    /// A signed head.
    Signed(SignedHead),
    /// The number of restores.
    Epoch(u32),
}

impl Head {
    /// Whether it is no part of the books, and so needs no entry.
    pub const fn needs_no_entry(&self) -> bool {
        matches!(self, Self::Message(_) | Self::Signed(_))
    }
}

/// Where a step of a request was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepDone {
    /// Which step.
    pub step: Step,
    /// Its entry.
    pub entry: EntryId,
}
