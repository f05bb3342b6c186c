//! A meter's events in words (meter, section 13).

use super::Situation;
use crate::id::State;
use crate::message::Event;
use crate::meter::Reason;
use crate::meter::events::{Happening, loan_end};

impl Situation {
    /// What an event says, without its numbers.
    pub fn of_event(event: &Event) -> Self {
        Happening::of(event).map_or(Self::UnknownEvent, Self::of_happening)
    }

    /// What has happened, without its numbers.
    pub fn of_happening(happening: Happening) -> Self {
        match happening {
            Happening::BindingOpened { .. } => Self::ContractOpened,
            Happening::CardRefused { reason, .. } => Self::of_refusal(reason),
            Happening::ClockDoubtful { .. } | Happening::NotBelieved { .. } => Self::ClockDoubtful,
            Happening::ClockSet { .. } | Happening::TimeMoved { .. } => Self::ClockSet,
            Happening::MailRefused { refusal, .. } => Self::of_mail(refusal).unwrap_or(Self::MailMalformed),
            Happening::Command { outcome, .. } => Self::of_mail(outcome).unwrap_or(Self::MailMalformed),
            Happening::KeysChanged { .. } => Self::KeysChanged,
            Happening::SupplyCut { reasons } => Self::in_cut(reasons).next().unwrap_or(Self::SupplyCut),
            Happening::SupplyRestored => Self::SupplyOn,
            Happening::LoanGiven { .. } => Self::LoanGiven,
            Happening::LoanOver { how: loan_end::REPAID, .. } => Self::LoanRepaid,
            Happening::LoanOver { how: loan_end::AMOUNT, .. } => Self::LoanUsedUp,
            Happening::LoanOver { .. } => Self::LoanOver,
            Happening::PowerOff => Self::PowerOff,
            Happening::PowerOn { .. } => Self::PowerOn,
            Happening::Overload { .. } => Self::OverloadPause,
            Happening::Tampering { kind } => Self::of_tampering(kind).unwrap_or(Self::MeterNeedsInspection),
            Happening::Relay { .. } => Self::RelayStuck,
            Happening::BatteryLow => Self::BatteryLow,
            Happening::ReRated { adjustment, .. } => {
                Self::of_adjustment(adjustment.into()).unwrap_or(Self::MonthRatedAgain)
            }
            Happening::Instalment { .. } => Self::InstalmentTaken,
            Happening::Tariff { .. } => Self::TariffInForce,
            Happening::TariffReplaced { .. } => Self::TariffReplaced,
            Happening::RestartNear { .. } => Self::RestartNear,
            Happening::Credit { .. } => Self::CreditAdded,
            Happening::Correction { .. } => Self::CorrectionTaken,
            Happening::Fees { amount, kind } => Self::of_fee(kind, amount),
            Happening::MonthBrought { .. } => Self::MonthBrought,
        }
    }

    /// A fee of a month, by the code of its charge (tariff, section 6; 0: the service fee) and what was taken for it in piastres.
    pub const fn of_fee(kind: u8, amount: i64) -> Self {
        if amount < 0 {
            return Self::RebateGiven;
        }
        match kind {
            0x00 => Self::ServiceFeeTaken,
            0x01 => Self::CleaningFeeTaken,
            0x02 => Self::StampDutyTaken,
            0x03 => Self::LevyTaken,
            0x04 => Self::RadioFeeTaken,
            0x05 => Self::VatTaken,
            0x06 => Self::StandingChargeTaken,
            0x07 => Self::MinimumTaken,
            _ => Self::FeesTaken,
        }
    }

    /// Why a meter refuses a card, by the code of the reason ([`Reason::code`]).
    fn of_refusal(code: u8) -> Self {
        const REASONS: [Reason; 15] = [
            Reason::WrongCompany,
            Reason::WrongEnvironment,
            Reason::CardFailed,
            Reason::CardNotActive(State::Blocked),
            Reason::Expired,
            Reason::UnknownKeyVersion,
            Reason::NotAuthentic,
            Reason::WrongMeter,
            Reason::GenerationMismatch,
            Reason::OldBinding,
            Reason::BindingNotProven,
            Reason::ReplacedCard,
            Reason::Regressed,
            Reason::Inconsistent,
            Reason::BalanceOverflow,
        ];
        let reason = REASONS.into_iter().find(|reason| reason.code() == code);
        reason.map_or(Self::UnknownEvent, Self::of_reason)
    }
}
