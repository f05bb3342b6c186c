//! What a meter does with a presented card (specification, section 11, steps 1 to 7). Nothing here changes anything.

use super::keys::{MeterIdentity, MeterKeys};
use super::state::MeterState;
use super::verdict::{Decision, Reason, Verdict};
use crate::id::State;
use crate::layout::{CardSummary, CertificateAnswer};
use crate::message::{BindingCertificate, Certificate};
use crate::platform::Engine;
use crate::terminal::exchange::Presented;
use crate::units::{Balance, CardTime, Piastres};

/// Whether a card, by what it says of itself, could be one for this meter: the part of step 2 that SELECT already tells.
pub fn greet(identity: &MeterIdentity, card: &CardSummary) -> Result<(), Reason> {
    if card.scope.company != identity.scope.company {
        return Err(Reason::WrongCompany);
    }
    if card.scope.environment != identity.scope.environment {
        return Err(Reason::WrongEnvironment);
    }
    match card.state {
        Some(State::Active) => Ok(()),
        Some(state) => Err(Reason::CardNotActive(state)),
        None => Err(Reason::CardFailed),
    }
}

/// Decides on a presented card at the meter's present time: the same every time, until the meter's state changes.
pub fn decide(
    engine: &mut impl Engine,
    identity: &MeterIdentity,
    keys: &MeterKeys,
    state: &MeterState,
    presented: &Presented,
) -> Decision {
    judge(engine, identity, keys, state, presented).unwrap_or_else(Decision::refuse)
}

/// Decides on a certificate that came over the network (docs/meter.md, section 12).
pub fn decide_network(
    engine: &mut impl Engine,
    identity: &MeterIdentity,
    keys: &MeterKeys,
    state: &MeterState,
    certificate: &Certificate,
    binding: Option<&BindingCertificate>,
) -> Decision {
    let from = Source { certificate, binding, generation: certificate.generation, card: None };
    judge_certificate(engine, identity, keys, state, &from).unwrap_or_else(Decision::refuse)
}

/// The highest total that a meter applies (specification, section 14): below it no balance leaves its range in a meter's life.
const MOST: Piastres = Piastres(1 << 62);

/// What counts of a binding: the meter's own, or a new one with all totals 0.
struct Totals {
    generation: u16,
    regressed: bool,
    credit: Piastres,
    debited: Piastres,
    sequence: u32,
    report: u32,
    balance: Balance,
}

impl Totals {
    const NEW: Self = Self {
        generation: 0,
        regressed: false,
        credit: Piastres::ZERO,
        debited: Piastres::ZERO,
        sequence: 0,
        report: 0,
        balance: Balance(0),
    };

    const fn of(state: &MeterState) -> Self {
        Self {
            generation: state.generation,
            regressed: state.regressed(),
            credit: state.applied_credit,
            debited: state.applied_debited,
            sequence: state.sequence,
            report: state.report_number,
            balance: state.balance,
        }
    }
}

/// Steps 1 and 2, and those of the certificate.
fn judge(
    engine: &mut impl Engine,
    identity: &MeterIdentity,
    keys: &MeterKeys,
    state: &MeterState,
    presented: &Presented,
) -> Result<Decision, Reason> {
    let answer = presented.answer();
    // 1
    keys.base_for(presented.key_version()).ok_or(Reason::UnknownKeyVersion)?;
    // 2
    greet(identity, &answer.summary)?;
    let (time, issued) = (state.clock.time, answer.certificate.issue_time);
    let time = if state.clock.believes(issued) { time.max(issued) } else { time };
    if answer.expiry_time != CardTime::UNSET && answer.expiry_time <= time {
        return Err(Reason::Expired);
    }
    let from = Source {
        certificate: &answer.certificate,
        binding: presented.binding(),
        generation: presented.card().generation,
        card: Some(answer),
    };
    judge_certificate(engine, identity, keys, state, &from)
}

/// Where a certificate comes from.
struct Source<'a> {
    certificate: &'a Certificate,
    binding: Option<&'a BindingCertificate>,
    generation: u16,
    /// What the card says beside it; nothing where it came over the network.
    card: Option<&'a CertificateAnswer>,
}

/// Steps 3 to 7.
fn judge_certificate(
    engine: &mut impl Engine,
    identity: &MeterIdentity,
    keys: &MeterKeys,
    state: &MeterState,
    from: &Source<'_>,
) -> Result<Decision, Reason> {
    // 3
    let key = keys.credit(from.certificate.key_version).ok_or(Reason::UnknownKeyVersion)?;
    let certificate =
        from.certificate.verify(engine, key, identity.scope).map_err(|_| Reason::NotAuthentic)?;
    if certificate.binding.meter != identity.id {
        return Err(Reason::WrongMeter);
    }
    if certificate.generation != from.generation {
        return Err(Reason::GenerationMismatch);
    }
    // 4
    if certificate.binding.number < state.binding {
        return Err(Reason::OldBinding);
    }
    let (opens, own) = if certificate.binding.number == state.binding {
        (None, Totals::of(state))
    } else {
        let binding = from.binding.ok_or(Reason::BindingNotProven)?;
        let key = keys.credit(binding.key_version).ok_or(Reason::BindingNotProven)?;
        let proven = binding.verify(engine, key, identity.scope).map_err(|_| Reason::BindingNotProven)?;
        if proven.binding != certificate.binding {
            return Err(Reason::BindingNotProven);
        }
        (Some(proven), Totals::NEW)
    };
    // 5
    if certificate.generation < own.generation {
        return Err(Reason::ReplacedCard);
    }
    // 6
    let known = certificate.known_credit > own.credit || certificate.known_debited > own.debited;
    let above = from.card.is_some_and(|card| {
        card.settled_credit > own.credit
            || card.settled_debited > own.debited
            || card.report_number > own.report
    });
    if own.regressed || known || above {
        return Err(Reason::Regressed);
    }
    // 7
    if certificate.sequence <= own.sequence {
        return Ok(Decision { opens, verdict: Verdict::Nothing });
    }
    if certificate.total_credit.max(certificate.total_debited) > MOST {
        return Err(Reason::BalanceOverflow);
    }
    let credit = certificate.total_credit.checked_sub(own.credit).ok_or(Reason::Inconsistent)?;
    let debit = certificate.total_debited.checked_sub(own.debited).ok_or(Reason::Inconsistent)?;
    let balance = own.balance.apply(credit, debit).ok_or(Reason::BalanceOverflow)?;
    Ok(Decision { opens, verdict: Verdict::Apply { credit, debit, balance } })
}
