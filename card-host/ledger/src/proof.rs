//! What evidence says, and what follows from it for the ledger (docs/ledger.md, sections 8 and 10).

use card_core::id::{Binding, CardRef};
use card_core::message::{Certificate, Envelope, FinalReport, MeterFlags, MeterReceipt, Receipt, Slot};
use card_core::parameters::{KeysInUse, Readings};
use card_core::units::{CardTime, Energy, Piastres};

use super::payload::Payload;
use super::records::{BindingRecord, Reading, Status, is_since};
use card_host::issuer::BindingAccount;

/// How the ids of evidence begin. No channel has such an id for anything else, see [`Office`](super::Office).
pub(super) const EVIDENCE: &str = "evidence-";

/// How evidence stands to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// Card or meter have what the ledger has certified last.
    Agrees,
    /// They are behind: something waits to be carried.
    Behind,
    /// They were above a ledger that had been restored from a copy: what was lost is entered again.
    Recovered,
    /// They have more than was ever certified. It is listed by reconciliation.
    Above,
}

impl Finding {
    /// Its code word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Behind => "behind",
            Self::Recovered => "recovered",
            Self::Above => "above",
        }
    }
}

/// What began anew in the reports of a meter, which within a binding only goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anew {
    /// The number of the report.
    Number,
    /// The energy register.
    Register,
}

impl Anew {
    /// Of a report against others of its binding.
    pub(super) fn of(reading: &Reading, others: [Option<Reading>; 2]) -> Option<Self> {
        others.iter().flatten().find_map(|other| {
            let (earlier, later) =
                if reading.number < other.number { (reading, other) } else { (other, reading) };
            if began_anew(earlier, later) {
                Some(Self::Number)
            } else if earlier.number < later.number && fell(earlier.energy, later.energy) {
                Some(Self::Register)
            } else {
                None
            }
        })
    }

    /// Its code word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Number => "report-number",
            Self::Register => "register",
        }
    }
}

/// Who says it. What it is worth depends on that.
enum By {
    /// A card: it tells what it has, and a broken one can sign what it likes.
    Card(CardRef),
    /// The issuer, in a certificate for the meter and cards of this generation: nobody else can make one.
    Issuer { generation: u16 },
    /// A meter: it tells what it has applied, and a broken one can sign what it likes.
    Meter(Reading),
    /// A meter, in mail that shows no totals.
    Mail,
}

/// What evidence says. Its code was checked.
pub(super) struct Says {
    pub(super) binding: Binding,
    by: By,
    /// Sequence of the certificate that a card or a voucher holds.
    pub(super) sequence: u32,
    pub(super) credit: Piastres,
    pub(super) debited: Piastres,
    /// The keys that a meter says in its readings to have in use.
    pub(super) keys: Option<KeysInUse>,
}

impl Says {
    pub(super) fn of_card(receipt: &Receipt) -> Self {
        Self {
            binding: receipt.binding,
            by: By::Card(receipt.card),
            sequence: receipt.sequence,
            credit: receipt.total_credit,
            debited: receipt.total_debited,
            keys: None,
        }
    }

    pub(super) fn of_issuer(certificate: &Certificate) -> Self {
        Self {
            binding: certificate.binding,
            by: By::Issuer { generation: certificate.generation },
            sequence: certificate.sequence,
            credit: certificate.total_credit,
            debited: certificate.total_debited,
            keys: None,
        }
    }

    pub(super) fn of_meter(receipt: &MeterReceipt) -> Self {
        Self::of_reading(Reading::of_receipt(receipt))
    }

    pub(super) fn of_readings(binding: Binding, readings: &Readings) -> Self {
        Self { keys: Some(readings.keys), ..Self::of_reading(Reading::of(binding, readings)) }
    }

    fn of_reading(reading: Reading) -> Self {
        Self {
            binding: reading.binding,
            sequence: 0,
            credit: reading.applied_credit,
            debited: reading.applied_debited,
            by: By::Meter(reading),
            keys: None,
        }
    }

    pub(super) const fn nothing_of(binding: Binding) -> Self {
        Self {
            binding,
            by: By::Mail,
            sequence: 0,
            credit: Piastres::ZERO,
            debited: Piastres::ZERO,
            keys: None,
        }
    }

    /// The card whose receipt it is.
    pub(super) const fn card(&self) -> Option<CardRef> {
        match self.by {
            By::Card(card) => Some(card),
            _ => None,
        }
    }

    /// The report of a meter.
    pub(super) const fn reading(&self) -> Option<Reading> {
        match self.by {
            By::Meter(reading) => Some(reading),
            _ => None,
        }
    }

    /// How it stands to the ledger, where it is not above.
    pub(super) fn finding(&self, record: &BindingRecord) -> Finding {
        let held = &record.held;
        // What says nothing of totals, such as what became of commands, contradicts none.
        let silent = matches!(self.by, By::Mail);
        let same = silent || (self.credit, self.debited) == (held.total_credit, held.total_debited);
        if same { Finding::Agrees } else { Finding::Behind }
    }

    /// What is known of card and meter after this evidence; what was known does not go back.
    pub(super) fn seen(&self, record: BindingRecord, now: CardTime) -> BindingRecord {
        match &self.by {
            By::Card(card) if *card == record.held.card => {
                BindingRecord { card_sequence: record.card_sequence.max(self.sequence), ..record }
            }
            By::Meter(reading) => BindingRecord {
                held: BindingAccount {
                    applied_credit: record.held.applied_credit.max(reading.applied_credit),
                    applied_debited: record.held.applied_debited.max(reading.applied_debited),
                    ..record.held
                },
                // A meter with a wrong clock is not heard of tomorrow.
                heard: record.heard.max(reading.time.min(now)),
                ..record
            },
            _ => record,
        }
    }
}

/// What follows from evidence.
pub(super) struct Proof {
    /// It shows more than was ever certified.
    pub(super) above: bool,
    /// The binding has been seen since the restore, and sells again.
    pub(super) unlocks: bool,
    /// What it shows beyond the ledger becomes credit again.
    pub(super) raises: bool,
    /// The binding was unlocked too early: its card has what the ledger has lost.
    pub(super) locks: bool,
}

impl Proof {
    /// For a binding whose `newest` report is this one, in a ledger that was restored `epoch` times; of a card that is `here`, or not.
    pub(super) fn of(
        says: &Says,
        record: &BindingRecord,
        newest: Option<&Reading>,
        epoch: u32,
        here: bool,
    ) -> Self {
        let held = &record.held;
        let above = record.is_behind(says.sequence, says.credit, says.debited);
        // A closed binding has been moved whole; what is above it is looked at by people.
        if epoch == 0 || record.status == Status::Closed {
            return Self { above, unlocks: false, raises: false, locks: false };
        }
        let lags = record.epoch < epoch;
        let shows = match &says.by {
            // What is above comes with the certificate that the card holds. Anybody may have kept a receipt that shows what the copy knew.
            By::Card(card) => *card == held.card && !above && (here || says.sequence > record.card_sequence),
            // A certificate that the copy knew says nothing about what came after it.
            By::Issuer { generation } => above && *generation == held.card.generation,
            By::Meter(reading) => newest.is_none_or(|newest| is_newer(reading, newest)),
            By::Mail => false,
        };
        // Totals grow with the sequence: more than the ledger has, under a sequence that it has passed, can only be from what was lost. A
        // contract that was opened since has lost nothing: somebody has forged that.
        let passed = !is_since(says.binding, epoch) && (1..held.sequence).contains(&says.sequence);
        let raises = above && matches!(says.by, By::Issuer { .. }) && if lags { shows } else { passed };
        let locks = above && !lags && passed && says.card() == Some(held.card);
        Self { above, unlocks: lags && shows, raises, locks }
    }
}

/// Whether a report is newer than the newest one that was known, in the order of [`Transaction::readings`](super::Transaction::readings).
fn is_newer(reading: &Reading, newest: &Reading) -> bool {
    let place = |reading: &Reading| (reading.flags.has(MeterFlags::REGRESSED), reading.number);
    place(reading) > place(newest)
}

/// Whether a report number began anew: the meter has written one of two reports of a binding under a number that is not above the other's,
/// though it is later; or two that have applied something else under one number. Not where flag 0020 says so already.
pub(super) fn began_anew(one: &Reading, other: &Reading) -> bool {
    if one.flags.with(other.flags).has(MeterFlags::REGRESSED) {
        return false;
    }
    let (earlier, later) = by_time(one, other);
    let applied = |reading: &Reading| (reading.applied_credit, reading.applied_debited);
    later.number < earlier.number || (later.number == earlier.number && applied(later) != applied(earlier))
}

/// The earlier of two reports, and the later one; in the order of their numbers where they are of the same second.
pub(super) fn by_time<'a>(one: &'a Reading, other: &'a Reading) -> (&'a Reading, &'a Reading) {
    if (one.time, one.number) <= (other.time, other.number) { (one, other) } else { (other, one) }
}

/// Whether an energy register fell from one report to a later one. It wraps at 2^32: less than half of that further on is forward.
pub(super) const fn fell(earlier: Energy, later: Energy) -> bool {
    later.0.wrapping_sub(earlier.0) >= 1 << 31
}

/// The report of a meter in an entry that carries evidence.
pub(super) fn reported(payload: &[u8]) -> Option<Reading> {
    let says = match Payload::parse(payload) {
        Some(Payload::Mail { envelope, opened }) => match Envelope::parse(&envelope).ok()? {
            Envelope { slot: Slot::READINGS, binding, .. } => {
                Says::of_readings(binding, &Readings::parse(&opened).ok()?)
            }
            Envelope { slot: Slot::FINAL_REPORT, .. } => {
                Says::of_meter(&FinalReport::parse(&opened).ok()?.receipt)
            }
            Envelope { slot: Slot::REGRESSION, .. } => Says::of_meter(&MeterReceipt::parse(&opened).ok()?),
            _ => return None,
        },
        _ => Says::of_meter(&MeterReceipt::parse(payload).ok()?),
    };
    says.reading()
}
