//! What a meter does with a presented card (specification, section 11, steps 1 to 7). Nothing here changes anything.

use super::keys::{MeterIdentity, MeterKeys};
use super::state::MeterState;
use crate::id::State;
use crate::layout::{CardSummary, CertificateAnswer};
use crate::message::{BindingCertificate, Certificate, Verified};
use crate::platform::Engine;
use crate::terminal::exchange::Presented;
use crate::units::{Balance, CardTime, Piastres};

/// The decision on a presented card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The binding that is opened, which closes the meter's own. Never with [`Verdict::Refuse`].
    pub opens: Option<Verified<BindingCertificate>>,
    /// What becomes of the certificate.
    pub verdict: Verdict,
}

/// What becomes of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Its totals are above the applied ones; both differences are 0 where it was only certified anew.
    Apply {
        /// Credit to add.
        credit: Piastres,
        /// Corrections to subtract.
        debit: Piastres,
        /// The balance after it.
        balance: Balance,
    },
    /// It has been applied before, or a newer one has.
    Nothing,
    /// The exchange ends.
    Refuse(Reason),
}

/// Why a meter refuses a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reason {
    /// Step 2.
    #[error("the card is from another electricity company")]
    WrongCompany,
    /// Step 2.
    #[error("test and production do not mix, and one of the two is for tests only")]
    WrongEnvironment,
    /// Step 2.
    #[error("the card's memory has failed")]
    CardFailed,
    /// Step 2.
    #[error("{}", in_words(*.0))]
    CardNotActive(State),
    /// Step 2.
    #[error("the card has expired")]
    Expired,
    /// Steps 1 and 3: neither the current nor the previous version of the key.
    #[error("the meter does not know the keys of this card")]
    UnknownKeyVersion,
    /// Step 3.
    #[error("the meter cannot verify the credit on this card")]
    NotAuthentic,
    /// Step 3.
    #[error("the card is for another meter")]
    WrongMeter,
    /// Step 3.
    #[error("the credit on this card was certified for another issue of the card")]
    GenerationMismatch,
    /// Step 4.
    #[error("the card is for an earlier contract of this meter")]
    OldBinding,
    /// Step 4.
    #[error("the meter cannot verify the new contract on this card")]
    BindingNotProven,
    /// Step 5.
    #[error("the card has been replaced by a newer one")]
    ReplacedCard,
    /// Step 6.
    #[error("the meter's memory has gone back to an earlier time")]
    Regressed,
    /// Step 7: the certificate is newer, but a total in it is lower.
    #[error("the credit on this card does not agree with what the meter has added before")]
    Inconsistent,
    /// Step 7: the balance would leave the range of i64 with both differences.
    #[error("the balance would be more than the meter can hold")]
    BalanceOverflow,
}

const fn in_words(state: State) -> &'static str {
    match state {
        State::Blank => "the card has not been issued yet",
        State::Personalised => "the card is not activated yet",
        State::Active => "the card is active",
        State::Blocked => "the card is blocked",
        State::Terminated => "the card has been taken out of use",
    }
}

impl Reason {
    /// As it stands in the event [`CARD_REFUSED`](super::events::code::CARD_REFUSED).
    pub const fn code(self) -> u8 {
        match self {
            Self::WrongCompany => 0x01,
            Self::WrongEnvironment => 0x02,
            Self::CardFailed => 0x03,
            Self::CardNotActive(_) => 0x04,
            Self::Expired => 0x05,
            Self::UnknownKeyVersion => 0x06,
            Self::NotAuthentic => 0x07,
            Self::WrongMeter => 0x08,
            Self::GenerationMismatch => 0x09,
            Self::OldBinding => 0x0A,
            Self::BindingNotProven => 0x0B,
            Self::ReplacedCard => 0x0C,
            Self::Regressed => 0x0D,
            Self::Inconsistent => 0x0E,
            Self::BalanceOverflow => 0x0F,
        }
    }

    /// Whether it is worth an event. What anybody can cause with any card, or is the card's ordinary condition, is not: events
    /// wear the memory.
    pub const fn is_recorded(self) -> bool {
        !matches!(
            self,
            Self::WrongCompany
                | Self::WrongEnvironment
                | Self::CardFailed
                | Self::CardNotActive(_)
                | Self::Expired
        )
    }

    /// Whether it is that the meter's memory has gone back.
    pub const fn is_regression(self) -> bool {
        matches!(self, Self::Regressed)
    }
}

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

impl Decision {
    const fn refuse(reason: Reason) -> Self {
        Self { opens: None, verdict: Verdict::Refuse(reason) }
    }
}

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
    let time = state.clock.time.max(answer.certificate.issue_time);
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
    let above = from.card.is_some_and(|card| {
        card.settled_credit > own.credit
            || card.settled_debited > own.debited
            || card.report_number > own.report
    });
    if own.regressed || above {
        return Err(Reason::Regressed);
    }
    // 7
    if certificate.sequence <= own.sequence {
        return Ok(Decision { opens, verdict: Verdict::Nothing });
    }
    let credit = certificate.total_credit.checked_sub(own.credit).ok_or(Reason::Inconsistent)?;
    let debit = certificate.total_debited.checked_sub(own.debited).ok_or(Reason::Inconsistent)?;
    let balance = own.balance.apply(credit, debit).ok_or(Reason::BalanceOverflow)?;
    Ok(Decision { opens, verdict: Verdict::Apply { credit, debit, balance } })
}
