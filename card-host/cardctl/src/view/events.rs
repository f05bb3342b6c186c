//! Events of a meter in words.

use card_core::calendar::Calendar;
use card_core::message::Event;
use card_core::meter::doubt;
use card_core::meter::events::{Happening, fault, loan_end};
use card_core::parameters::command::kind;
use card_core::tariff::ChargeCode;
use card_core::text::{Language, Situation};
use card_core::units::{Balance, CardTime, Energy, Piastres};
use serde::Serialize;

use super::table::{egp, time};
use crate::local;

/// An event in words; times in it are local where the meter's calendar is known, else in UTC.
pub(crate) fn in_words(event: &Event, calendar: Option<&Calendar>) -> String {
    let when = |at: CardTime| match calendar {
        Some(calendar) => local::time(calendar, at),
        None => time(at),
    };
    let Some(happening) = Happening::of(event) else {
        return format!("{:04X} {}", event.code, hex::encode_upper(event.data));
    };
    match happening {
        Happening::BindingOpened { number } => format!("binding {number} opened"),
        Happening::CardRefused { reason, generation } => {
            format!("a card of generation {generation} was refused (reason {reason:02X})")
        }
        Happening::ClockDoubtful { reading, doubt } => {
            let why = match doubt {
                doubt::STOOD => "it stood while there was no power",
                doubt::CERTIFICATE => "a certificate disagrees with it",
                _ => "it does not go as it should",
            };
            format!("the clock is doubtful, {why}: it showed {}", when(reading))
        }
        Happening::NotBelieved { issued } => {
            format!("a certificate says that it was issued {}: not believed", when(issued))
        }
        Happening::TimeMoved { before } => {
            format!("a certificate put the clock forward; it was {} before", when(before))
        }
        Happening::ClockSet { before } => {
            format!("the clock was set by a command; it was {} before", when(before))
        }
        Happening::MailRefused { slot, refusal, version } => format!(
            "mail in slot {slot:02X}, version {version}, was refused ({refusal:02X}): {}",
            mail(refusal)
        ),
        Happening::Command { counter, kind, outcome: became } => {
            format!("command {counter}, {}: {}", command(kind), outcome(became))
        }
        Happening::KeysChanged { version } => format!("new keys, version number {version}"),
        Happening::SupplyCut { reasons } => {
            let reasons: Vec<_> =
                Situation::in_cut(reasons).map(|situation| situation.text(Language::English).what).collect();
            reasons.join("; ")
        }
        Happening::SupplyRestored => "the supply is on again".to_owned(),
        Happening::LoanGiven { until } => format!("emergency loan, until {}", when(until)),
        Happening::LoanOver { owed, how } => {
            let why = match how {
                loan_end::REPAID => "repaid",
                loan_end::AMOUNT => "its amount is used up",
                _ => "its hours are over",
            };
            format!("the emergency loan is over, {why}: {} owed", egp(Balance(owed)))
        }
        Happening::PowerOff => "power went".to_owned(),
        Happening::PowerOn { away } => {
            let away = away.map_or_else(|| "nobody knows how long".to_owned(), |away| format!("{away} s"));
            format!("power is back; it was away for {away}")
        }
        Happening::Overload { watts, count } => format!("overload: {watts} W, number {count}"),
        Happening::Tampering { kind } => Situation::of_tampering(kind).map_or_else(
            || format!("tampering {kind:02X}"),
            |seen| seen.text(Language::English).what.to_owned(),
        ),
        Happening::Relay { fault: fault::RELAY_OFF, .. } => "the relay does not close".to_owned(),
        Happening::Relay { watts, .. } => {
            format!("the relay does not open: {watts} W while the supply is cut")
        }
        Happening::BatteryLow => Situation::BatteryLow.text(Language::English).what.to_owned(),
        Happening::RestartNear { crossing, energy } => {
            let (crossing, energy) = (egp(Balance(crossing.into())), Energy(energy.into()));
            format!("a restart is near: crossing it in {energy} takes {crossing}")
        }
        Happening::ReRated { adjustment, slab } => {
            format!("the month was rated again, slab {slab}: {} taken", egp(Balance(adjustment.into())))
        }
        Happening::Instalment { amount, debt } => {
            format!("instalment of {} taken, debt ..{debt:04X}", egp(Piastres(amount.into())))
        }
        Happening::Tariff { version } => format!("tariff version {version} is in force"),
        Happening::TariffReplaced { version } => {
            format!("tariff version {version}, which waited, was replaced by a newer one")
        }
        Happening::Credit { amount } => format!("credit of {} added", egp(Balance(amount))),
        Happening::Correction { amount } => {
            format!("a correction of an earlier charge: {} taken", egp(Balance(amount)))
        }
        Happening::Fees { amount, kind } => {
            let what = match kind {
                0 => "service fee".to_owned(),
                code => ChargeCode(code).to_string(),
            };
            format!("{what} of the month that has ended: {} taken", egp(Balance(amount)))
        }
        Happening::MonthBrought { taken } => {
            format!("the month so far came from another contract: {} taken", egp(Balance(taken)))
        }
    }
}

/// What became of a command: 01, or why it was refused.
pub(crate) fn outcome(outcome: u8) -> &'static str {
    if outcome == 0x01 { "executed" } else { mail(outcome) }
}

fn mail(refusal: u8) -> &'static str {
    Situation::of_mail(refusal).unwrap_or(Situation::MailMalformed).text(Language::English).what
}

/// An event.
#[derive(Serialize)]
pub(crate) struct EventView {
    number: u32,
    time: u64,
    code: String,
    data: String,
    says: String,
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> Self {
        Self {
            number: event.number,
            time: event.time.to_unix(),
            code: format!("{:04X}", event.code),
            data: hex::encode_upper(event.data),
            says: in_words(event, None),
        }
    }
}

/// A kind of command in words.
pub(crate) fn command(code: u8) -> String {
    let known = match code {
        kind::CUT => "cut the supply",
        kind::END_CUT => "end the cut by command",
        kind::CLEAR_TAMPER => "clear tampering",
        kind::CLOCK => "set the clock",
        kind::READ_OUT => "read out",
        kind::END_OVERLOAD => "end the overload",
        kind::LOWEST_GENERATION => "set the lowest generation",
        kind::CLOCK_BACK => "set the clock, also before certificates",
        code => return format!("kind {code:02X}"),
    };
    known.to_owned()
}
