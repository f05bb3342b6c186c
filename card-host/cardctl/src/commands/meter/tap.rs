//! `cardctl meter tap`: a card at its meter.
#![allow(clippy::indexing_slicing, reason = "assigning to a key of a JSON object adds it")]

use card_core::id::MeterId;
use card_core::meter::{MailRefusal, MeterState, Received, Verdict};
use card_core::text::{Language, Situation};
use card_core::units::{Balance, CardTime};
use card_host::operate;
use card_host::transport::Transport;
use serde_json::{Value, json};
use std::fmt::Write as _;

use crate::cli::Arguments;
use crate::commands::{Error, Print, books, with_card};
use crate::context::books::{self, Books};
use crate::context::workplace::Workplace;
use crate::view::customer;
use crate::view::{self, Output};

/// The outcome of mail that was taken, in the texts for customers.
const TAKEN: u8 = 0x01;

pub(super) fn run(arguments: &Arguments, meter: Option<MeterId>, print: Print<'_>) -> Result<bool, Error> {
    let workplace = Workplace::open(arguments.data.as_deref())?;
    let books = books(arguments, &workplace)?;
    let (output, taken) = with_card(arguments, Some(&workplace), false, |card| {
        tap(card, &workplace, &books, meter, arguments.language)
    })?;
    print(&output)?;
    Ok(taken)
}

fn tap(
    card: &mut Box<dyn Transport + '_>,
    workplace: &Workplace,
    books: &Books,
    meter: Option<MeterId>,
    language: Language,
) -> Result<(Output, bool), Error> {
    let meter = match meter {
        Some(meter) => meter,
        None => books.office.meter_of(operate::present(card)?.id)?,
    };
    let mut meter = workplace.meter(meter)?;
    let reading = meter.clock(books::now())?;
    let lent = meter.state()?.supply.loan_until;
    let tap = meter.tap(card, reading)?;
    let (mut text, mut json) = match tap.verdict {
        Some(verdict) => view::verdict(verdict, language),
        None => ("the meter has decided nothing".to_owned(), json!({ "outcome": "none" })),
    };
    for received in &tap.received {
        let _ = write!(text, "\n{}", mail(received, language));
    }
    let state = meter.state()?;
    if let Some(loan) = loan(tap.verdict, lent, state) {
        let _ = write!(text, "\n{}", loan.text(language));
        json["loan"] = customer::code(loan).into();
    }
    json["balance"] = state.balance.0.into();
    json["settled"] = tap.settled.into();
    json["mail"] = tap.received.iter().map(mail_json).collect();
    json["time"] = state.clock.time.to_unix().into();
    let balance = customer::amount(state.balance, language);
    let _ = write!(text, "\n{}: {balance}", language.balance_in_the_meter());
    let taken = matches!(tap.verdict, Some(Verdict::Apply { .. } | Verdict::Nothing));
    Ok((Output::new(text, json), taken))
}

/// What to say of an emergency loan, where there was nothing to apply and there is no credit.
fn loan(verdict: Option<Verdict>, before: CardTime, state: &MeterState) -> Option<Situation> {
    let asked =
        verdict == Some(Verdict::Nothing) && state.balance <= Balance(0) && state.limits.loan_hours != 0;
    let until = state.supply.loan_until;
    let given = until != CardTime::UNSET && before == CardTime::UNSET;
    asked.then_some(match given {
        true => Situation::LoanGiven,
        false if until > state.clock.time => Situation::LoanInUse,
        false => Situation::LoanNotAgain,
    })
}

/// What the meter did with mail, in words.
pub(crate) fn mail(received: &Received, language: Language) -> String {
    let text = situation(received).text(language);
    let (slot, version) = (received.slot.number(), received.version);
    match language {
        Language::English => {
            let said = format!("mail in slot {slot:02X}, version {version}: {}", text.what);
            if received.result.is_ok() { said } else { format!("{said}; {}", text.to_do) }
        }
        Language::Arabic => format!("{text} ({})", card_core::text::isolate(text.code)),
    }
}

/// The same for programs.
pub(crate) fn mail_json(received: &Received) -> Value {
    json!({
        "slot": received.slot.number(),
        "version": received.version,
        "taken": received.result.is_ok(),
        "code": customer::code(situation(received)),
    })
}

fn situation(received: &Received) -> Situation {
    let code = received.result.map_or_else(MailRefusal::code, |()| TAKEN);
    Situation::of_mail(code).unwrap_or(Situation::MailMalformed)
}
