//! A sale as its channel sees it, read back from the entries of its request: so a repetition gives the same bytes.

use card_core::id::{Binding, CardId};
use card_core::message::Voucher;
use card_core::units::{CardTime, Piastres};

use super::accounts::LedgerAccount;
use super::entry::{Entry, EntryId, Kind, RequestKey, Step};
use super::error::{LedgerError, Refusal, StoreError};
use super::policy::Division;
use super::records::{Point, StepDone};
use super::store::{Payee, Transaction};

/// How far a sale is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaleState {
    /// Announced; not paid.
    Reserved,
    /// Paid; not certified, because something kept the issuer from it. Confirm again.
    Paid,
    /// Certified: there is a voucher.
    Certified,
    /// Cancelled before it was paid.
    Cancelled,
    /// What was paid was given back before it was certified.
    Refunded,
}

impl SaleState {
    /// Its code word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Paid => "paid",
            Self::Certified => "certified",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
        }
    }
}

/// A sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// The request.
    pub request: RequestKey,
    /// How far it is.
    pub state: SaleState,
    /// Its first entry: the number of the receipt.
    pub entry: EntryId,
    /// When it was asked for.
    pub time: CardTime,
    /// Who asked.
    pub actor: String,
    /// The binding.
    pub binding: Binding,
    /// The card, where it was sold to a card. Who sells by the number of a meter does not learn which one serves it.
    pub card: Option<CardId>,
    /// The customer's account.
    pub account: u64,
    /// What the customer pays.
    pub amount: Piastres,
    /// How that is divided.
    pub division: Division,
    /// Who agreed as second person.
    pub approved_by: Option<String>,
    /// What was certified.
    pub certified: Option<Certified>,
}

/// What a sale or correction certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certified {
    /// When.
    pub time: CardTime,
    /// Sequence of the certificate.
    pub sequence: u32,
    /// All credit of the binding.
    pub total_credit: Piastres,
    /// All debits of the binding.
    pub total_debited: Piastres,
    /// The voucher, 110 bytes.
    pub voucher: Vec<u8>,
}

/// The entries of a request.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) first: Option<Entry>,
    pub(super) approval: Option<Entry>,
    pub(super) decision: Option<Entry>,
    pub(super) settled: Option<Entry>,
}

impl Steps {
    pub(super) fn read(t: &mut dyn Transaction, steps: &[StepDone]) -> Result<Self, LedgerError> {
        let mut found = Self::default();
        for done in steps {
            let entry = t.entry(&done.entry)?;
            let lost = || StoreError::Corrupt(format!("entry {} of {}", done.entry.number, done.entry.point));
            let entry = Some(entry.ok_or_else(lost)?);
            match done.step {
                Step::First => found.first = entry,
                Step::Approval => found.approval = entry,
                Step::Decision => found.decision = entry,
                Step::Settled => found.settled = entry,
            }
        }
        Ok(found)
    }

    /// Where what was paid for it was booked: it goes back from there, whatever the party's channel is by now.
    pub(super) fn taken(&self, point: &Point) -> LedgerAccount {
        let confirmed = self.decision.as_ref().and_then(|entry| entry.transfers.first());
        confirmed.map_or_else(|| LedgerAccount::Cash(point.code.clone()), |taken| taken.debit.clone())
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        [&self.decision, &self.settled].into_iter().flatten().any(|entry| entry.kind == kind)
    }

    /// The sale that these are the entries of.
    pub(super) fn sale(&self, request: &RequestKey) -> Result<Sale, LedgerError> {
        let first = self.first.as_ref().ok_or_else(|| Refusal::NoRequest(request.id.clone()))?;
        let division = match first.kind {
            Kind::Sale => Division::of(&first.transfers),
            Kind::Reserve => match self.settled.as_ref().filter(|settled| settled.kind == Kind::Certify) {
                Some(settled) => Division::of(&settled.transfers),
                None => announced(first)?,
            },
            _ => return Err(Refusal::OtherRequest(request.id.clone()).into()),
        };
        let certificate = match first.kind {
            Kind::Sale => Some(first),
            _ => self.settled.as_ref().filter(|entry| entry.kind == Kind::Certify),
        };
        let state = if certificate.is_some() {
            SaleState::Certified
        } else if self.has(Kind::Refund) {
            SaleState::Refunded
        } else if self.has(Kind::Confirm) {
            SaleState::Paid
        } else if self.has(Kind::Cancel) {
            SaleState::Cancelled
        } else {
            SaleState::Reserved
        };
        let corrupt = || StoreError::Corrupt(format!("sale {} has no binding", request.id));
        Ok(Sale {
            request: request.clone(),
            state,
            entry: first.id.clone(),
            time: first.time,
            actor: first.actor.clone(),
            binding: first.binding.ok_or_else(corrupt)?,
            card: first.card,
            account: first.account,
            amount: first.amount,
            division,
            approved_by: self.approval.as_ref().map(|entry| entry.actor.clone()),
            certified: certificate.map(Certified::of),
        })
    }
}

impl Sale {
    /// The card that the voucher is for: the company knows it, whatever was named.
    pub fn carrier(&self) -> Option<CardId> {
        self.voucher().ok().map(|voucher| voucher.card).or(self.card)
    }

    /// The voucher, where it is certified.
    pub fn voucher(&self) -> Result<Voucher, LedgerError> {
        let certified = self.certified.as_ref();
        certified.ok_or_else(|| Refusal::WrongStep(self.request.id.clone()))?.parsed()
    }
}

impl Certified {
    /// The voucher.
    pub fn parsed(&self) -> Result<Voucher, LedgerError> {
        Ok(Voucher::parse(&self.voucher).map_err(|_| StoreError::Corrupt("a voucher".to_owned()))?)
    }

    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            time: entry.time,
            sequence: entry.sequence,
            total_credit: entry.total_credit,
            total_debited: entry.total_debited,
            voucher: entry.payload.clone(),
        }
    }
}

/// The division that a reservation has announced.
pub(super) fn announced(entry: &Entry) -> Result<Division, LedgerError> {
    let division = serde_json::from_slice(&entry.payload);
    let corrupt = |error| StoreError::Corrupt(format!("reservation {}: {error}", entry.request.id));
    Ok(division.map_err(corrupt)?)
}

/// Whether the first entry of a request was about this.
pub(super) fn is_for(entry: &Entry, payee: Payee) -> bool {
    match payee {
        Payee::Card(card) => entry.card == Some(card),
        Payee::Meter(meter) => entry.binding.is_some_and(|binding| binding.meter == meter),
        Payee::Binding(binding) => entry.binding == Some(binding),
    }
}
