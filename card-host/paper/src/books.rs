//! Papers of what the ledger and a card say.

use card_core::message::{LoadRecord, Month};
use card_core::tariff::{MonthMeter, Tariff};
use card_core::text::{Language, Situation};
use card_core::units::{Balance, Energy, Piastres};
use card_host::operate::Reading;
use card_ledger::{
    Entry, GivenBack, Kind, Ledger, LedgerError, Office, Payee, Policy, ReceiptProof, Refusal, RequestId,
    RequestKey, Sale, SaleState, StoreError, binding_of, read,
};

use crate::words::{NEXT_ENDED, NEXT_GIVEN_BACK};
use crate::{
    Amounts, Bracket, ChargeLine, ChargeRow, Look, MonthRow, Receipt, Returned, Slip, SlipKind, Statement,
};

/// Newest entries of a contract among which the payments of its charges are looked for.
const ENTRIES: u32 = 1000;

/// Flags of a month (docs/card-specification.md, section 6).
const PARTIAL: u8 = 1;
const RE_RATED: u8 = 2;
const CLOCK_DOUBTFUL: u8 = 4;

/// Why there is no paper of it. What it tells of is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoPaper {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Nothing was sold yet.
    #[error("request {0} is {1}, not certified: there is no receipt of it yet")]
    NotCertified(RequestId, &'static str),
    /// It was something else.
    #[error("request {0} is no step of a card's life: for what was sold there is `cardctl receipt {0}`")]
    NoSlip(RequestId),
}

impl Receipt {
    /// Of what was sold under this request.
    ///
    /// # Errors
    /// [`NoPaper::NotCertified`] before it is sold.
    pub fn of(office: &Office, request: &RequestKey, look: &Look) -> Result<Self, NoPaper> {
        let sale = office.status(request)?;
        if sale.state != SaleState::Certified {
            return Err(NoPaper::NotCertified(request.id.clone(), sale.state.code()));
        }
        let (entry, rules) = read(office.ledger(), |t| {
            let entry = t.entry(&sale.entry)?;
            let rules = entry.as_ref().map(|entry| entry.policy);
            let record = t.policies()?.into_iter().find(|record| Some(record.version) == rules);
            Ok((entry, record))
        })?;
        let lost = || StoreError::Corrupt(format!("entry {} of {}", sale.entry.number, sale.entry.point));
        let entry = entry.ok_or_else(lost).map_err(LedgerError::from)?;
        let rules = rules.map_or(Ok(Policy::default()), |record| Policy::from_json(&record.rules));
        Ok(Self::of_sale(&sale, &entry, &rules.map_err(LedgerError::from)?, look))
    }

    fn of_sale(sale: &Sale, entry: &Entry, rules: &Policy, look: &Look) -> Self {
        let charges = sale.division.charges.iter().map(|charge| ChargeLine {
            what: rules.name_of(&charge.code, look.language).to_owned(),
            amount: Piastres(charge.amount),
        });
        Self {
            number: format!("{}/{}", sale.entry.point, sale.entry.number),
            time: sale.time,
            amounts: Amounts {
                paid: sale.amount,
                charges: charges.collect(),
                debt: Piastres(sale.division.debt),
                credit: Piastres(sale.division.credit),
            },
            card: sale.carrier().map(|card| card.to_string()),
            meter: sale.binding.meter.number(),
            account: Some(sale.account),
            seller: sale.entry.point.to_string(),
            next: Situation::Loaded.text(look.language).to_do.to_owned(),
            proof: ReceiptProof::of(entry).to_string(),
        }
    }
}

impl Slip {
    /// Of the step of a card's life that was made under this request.
    ///
    /// # Errors
    /// [`NoPaper::NoSlip`] where it was something else.
    pub fn of(ledger: &dyn Ledger, request: &RequestKey, look: &Look) -> Result<Self, NoPaper> {
        // What two people do is its last step.
        let entry = read(ledger, |t| match t.steps(request)?.last() {
            Some(step) => t.entry(&step.entry),
            None => Ok(None),
        })?;
        let entry = entry.ok_or_else(|| LedgerError::from(Refusal::NoRequest(request.id.clone())))?;
        let none = || NoPaper::NoSlip(request.id.clone());
        let (kind, next) = step(&entry, look.language).ok_or_else(none)?;
        Ok(Self {
            kind,
            number: format!("{}/{}", entry.id.point, entry.id.number),
            time: entry.time,
            card: entry.card.map(|card| card.to_string()).unwrap_or_default(),
            meter: entry.binding.ok_or_else(none)?.meter.number(),
            account: entry.account,
            returned: GivenBack::of_entry(&entry).map(|GivenBack { paid, debt, owed, .. }| Returned {
                paid,
                debt,
                owed,
            }),
            reason: reason_of(&entry).to_owned(),
            next: next.to_owned(),
        })
    }
}

/// What somebody has said of it; not the code word of a contract's end.
fn reason_of(entry: &Entry) -> &str {
    match entry.kind {
        Kind::End => entry.reason.split_once(": ").map_or("", |(_, words)| words),
        _ => &entry.reason,
    }
}

/// What an entry is in a card's life, and what to do then.
fn step(entry: &Entry, language: Language) -> Option<(SlipKind, &'static str)> {
    let after = |situation: Situation| situation.text(language).to_do;
    Some(match entry.kind {
        Kind::Open | Kind::Adopt => (SlipKind::Issued, after(Situation::Loaded)),
        Kind::Replace => (SlipKind::Replaced, after(Situation::Loaded)),
        Kind::Block if entry.blocks() == Some(false) => (SlipKind::Unblocked, after(Situation::Loaded)),
        Kind::Block => (SlipKind::Blocked, after(Situation::Blocked)),
        Kind::End => (SlipKind::Ended, NEXT_ENDED.of(language)),
        Kind::GiveBack => (SlipKind::GivenBack, NEXT_GIVEN_BACK.of(language)),
        _ => return None,
    })
}

impl Statement {
    /// Of what was read from a card, under this tariff. Without a ledger, as for its holder at home, what was paid for the charges is not
    /// known: only what was credited.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn of(
        reading: &Reading,
        ledger: Option<&dyn Ledger>,
        tariff: &Tariff,
        look: &Look,
    ) -> Result<Self, LedgerError> {
        let sold = ledger.map_or(Ok(Vec::new()), |ledger| sold(ledger, Payee::Card(reading.card.id)))?;
        let certificate = &reading.purse.certificate;
        let waiting = certificate.total_credit.saturating_sub(reading.purse.settled_credit);
        let balance = reading.meter.as_ref().map(|meter| (meter.receipt.balance, meter.receipt.time));
        let running = reading.meter.as_ref().map(|meter| (&meter.month, true));
        Ok(Self {
            card: reading.card.id.to_string(),
            meter: reading.binding.binding.meter.number(),
            account: reading.binding.account,
            balance,
            waiting,
            days_left: balance.and_then(|(balance, _)| days_left(balance, reading.months.iter())),
            next_bracket: running.and_then(|(month, _)| next_bracket(month, tariff)),
            brackets: brackets(tariff),
            months: running
                .into_iter()
                .chain(reading.months.iter().map(|month| (month, false)))
                .map(month)
                .collect(),
            charges: reading.loads.iter().map(|load| charge(load, &sold, look)).collect(),
        })
    }
}

/// What was certified for a payment, by its sequence.
fn sold(ledger: &dyn Ledger, payee: Payee) -> Result<Vec<Entry>, LedgerError> {
    let history = read(ledger, |t| {
        let record = binding_of(t, payee)?;
        t.history(record.binding(), ENTRIES)
    })?;
    Ok(history.into_iter().filter(|entry| entry.sequence != 0 && entry.amount != Piastres::ZERO).collect())
}

fn charge(load: &LoadRecord, sold: &[Entry], look: &Look) -> ChargeRow {
    let entry = sold.iter().find(|entry| entry.sequence == load.sequence);
    ChargeRow {
        time: load.time,
        channel: Situation::of_channel(load.channel).text(look.language).what.to_owned(),
        paid: entry.map(|entry| entry.amount),
        credit: load.credited,
    }
}

/// How long a balance lasts at what the newest whole month has taken a day; not known before there is one that took something.
fn days_left<'a>(balance: Balance, months: impl Iterator<Item = &'a Month>) -> Option<u32> {
    let whole = months.into_iter().find(|month| month.flags & PARTIAL == 0)?;
    let taken = i64::try_from(whole.energy_charge.0)
        .ok()?
        .checked_add(whole.fees().0)?
        .checked_add(whole.instalments.into())?;
    let (year, month) = (i16::try_from(whole.index / 12).ok()?, i8::try_from(whole.index % 12).ok()?);
    let first = jiff::civil::Date::new(year.checked_add(2020)?, month.checked_add(1)?, 1).ok()?;
    let days = balance.0.max(0).checked_mul(first.days_in_month().into())?.checked_div(taken)?;
    u32::try_from(days).ok()
}

/// How far the next bracket is in the running month, and what crossing it takes at once.
fn next_bracket(month: &Month, tariff: &Tariff) -> Option<(Energy, Piastres)> {
    let month = MonthMeter::restore(&[], *tariff, month.energy, month.flags & PARTIAL != 0).ok()?;
    let next = month.bracket()?;
    Some((next.energy, Piastres(u64::try_from(next.crossing.0).unwrap_or(0))))
}

fn brackets(tariff: &Tariff) -> Vec<Bracket> {
    let bounds = tariff.slabs().zip(tariff.slabs().skip(1));
    bounds.filter_map(|(slab, next)| Some(Bracket { bound: slab.bound?, restart: next.restart })).collect()
}

fn month((month, running): (&Month, bool)) -> MonthRow {
    MonthRow {
        index: month.index,
        energy: month.energy,
        bracket: month.slab,
        energy_charge: month.energy_charge,
        fees: month.fees(),
        re_rating: Balance(month.re_rating.into()),
        doubt_cost: Piastres(month.doubt_cost.into()),
        instalments: Piastres(month.instalments.into()),
        running,
        partial: month.flags & PARTIAL != 0,
        re_rated: month.flags & RE_RATED != 0,
        doubtful: month.flags & CLOCK_DOUBTFUL != 0,
    }
}
