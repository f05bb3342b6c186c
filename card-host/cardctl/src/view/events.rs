//! Events of a meter in words.

use card_core::calendar::Calendar;
use card_core::message::Event;
use card_core::meter::events::code;
use card_core::text::{Language, Situation};
use card_core::units::{Balance, CardTime, Piastres};
use serde_json::{Value, json};

use crate::commands::mail::command;
use crate::local;
use crate::view::{egp, time};

/// An event in words; times in it are local where the meter's calendar is known, else in UTC.
pub(crate) fn in_words(event: &Event, calendar: Option<&Calendar>) -> String {
    let [a, b, c, d, e, f] = event.data;
    let first = u32::from_be_bytes([a, b, c, d]);
    let when = |at: u32| match calendar {
        Some(calendar) => local::time(calendar, CardTime(at)),
        None => time(CardTime(at)),
    };
    match event.code {
        code::BINDING_OPENED => format!("binding {first} opened"),
        code::CARD_REFUSED => {
            let generation = u16::from_be_bytes([c, d]);
            format!("a card of generation {generation} was refused (reason {a:02X})")
        }
        code::CLOCK_DOUBTFUL => format!("the clock is doubtful: it showed {}", when(first)),
        code::CLOCK_SET => format!("the clock was set by a command; it was {} before", when(first)),
        code::MAIL_REFUSED => {
            let version = u32::from_be_bytes([c, d, e, f]);
            format!("mail in slot {a:02X}, version {version}, was refused ({b:02X}): {}", mail(b))
        }
        code::COMMAND => format!("command {first}, {}: {}", command(e), outcome(f)),
        code::KEYS_CHANGED => format!("new keys, version number {a:02X}"),
        code::SUPPLY_CUT => {
            let reasons: Vec<_> =
                Situation::in_cut(a).map(|situation| situation.text(Language::English).what).collect();
            reasons.join("; ")
        }
        code::SUPPLY_RESTORED => "the supply is on again".to_owned(),
        code::LOAN_GIVEN => format!("emergency loan, until {}", when(first)),
        code::OVERLOAD => format!("overload: {first} W, number {e}"),
        code::TAMPERING => Situation::of_tampering(a).map_or_else(
            || format!("tampering {a:02X}"),
            |seen| seen.text(Language::English).what.to_owned(),
        ),
        code::RE_RATED => {
            let adjustment = i32::from_be_bytes([a, b, c, d]);
            format!("the month was rated again, slab {e}: {} taken", egp(Balance(adjustment.into())))
        }
        code::INSTALMENT => {
            let debt = u16::from_be_bytes([e, f]);
            format!("instalment of {} taken, debt ..{debt:04X}", egp(Piastres(first.into())))
        }
        code::TARIFF => format!("tariff version {first} is in force"),
        other => format!("{other:04X} {}", hex::encode_upper(event.data)),
    }
}

/// What became of a command: 01, or why it was refused.
pub(crate) fn outcome(outcome: u8) -> &'static str {
    if outcome == 0x01 { "executed" } else { mail(outcome) }
}

fn mail(refusal: u8) -> &'static str {
    Situation::of_mail(refusal).unwrap_or(Situation::MailMalformed).text(Language::English).what
}

/// An event for programs.
pub(crate) fn json(event: &Event) -> Value {
    json!({
        "number": event.number,
        "time": event.time.to_unix(),
        "code": format!("{:04X}", event.code),
        "data": hex::encode_upper(event.data),
        "says": in_words(event, None),
    })
}
