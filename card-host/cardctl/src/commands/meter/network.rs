//! `cardctl meter network`: vouchers without a card.

use card_core::id::Binding;
use card_core::message::Voucher;
use card_core::meter::Verdict;
use card_core::text::{Language, Situation};
use card_ledger::read;
use serde_json::json;
use std::path::PathBuf;

use super::Bench;
use crate::commands::Error;
use crate::context::voucher_file;
use crate::view::customer;
use crate::view::{self, Output};

pub(super) fn run(mut bench: Bench, files: &[PathBuf], language: Language) -> Result<(Output, bool), Error> {
    let vouchers = if files.is_empty() {
        pending(&bench)?
    } else {
        files.iter().map(|file| voucher_file::read(file)).collect::<Result<Vec<_>, _>>()?
    };
    let mut lines = Vec::new();
    let mut list = Vec::new();
    let mut good = true;
    for voucher in &vouchers {
        let verdict = bench.meter.take_voucher(bench.reading, voucher)?.verdict;
        let (said, mut json) = view::verdict(verdict, language);
        let text = match verdict {
            Verdict::Apply { credit, .. } if credit.0 != 0 => {
                let added = Situation::AddedOverNetwork.text(language);
                customer::with_amount(added, credit, language)
            }
            Verdict::Refuse(_) => {
                good = false;
                said
            }
            Verdict::Apply { .. } | Verdict::Nothing => said,
        };
        lines.push(format!("voucher {} for card {}: {text}", voucher.certificate.sequence, voucher.card));
        if let Some(fields) = json.as_object_mut() {
            let _ = fields.insert("card".to_owned(), voucher.card.to_string().into());
            let _ = fields.insert("sequence".to_owned(), voucher.certificate.sequence.into());
        }
        list.push(json);
    }
    if vouchers.is_empty() {
        lines.push(
            "no voucher waits for this meter: sell one with `cardctl top-up AMOUNT --channel wallet --out FILE`"
                .to_owned(),
        );
    }
    let state = bench.meter.state()?;
    let waits = state.voucher.is_some();
    if waits {
        lines.push("the meter keeps it for its card, and loads it when that is presented".to_owned());
    }
    let balance = customer::amount(state.balance, language);
    lines.push(format!("{}: {balance}", language.balance_in_the_meter()));
    let json = json!({
        "meter": bench.id.number(),
        "vouchers": list,
        "waits_for_its_card": waits,
        "balance": state.balance.0,
    });
    Ok((Output::new(lines.join("\n"), json), good))
}

/// The newest voucher of each binding of the meter, in the order in which they were made.
fn pending(bench: &Bench) -> Result<Vec<Voucher>, Error> {
    let mut vouchers = Vec::new();
    let mut last = Binding { meter: bench.id, number: 0 };
    loop {
        let found = read(bench.books.office.ledger(), |t| t.bindings(Some(last), 100))?;
        let own: Vec<_> = found.iter().filter(|record| record.binding().meter == bench.id).collect();
        let Some(end) = own.last() else { return Ok(vouchers) };
        last = end.binding();
        vouchers.extend(own.iter().filter_map(|record| Voucher::parse(&record.voucher).ok()));
    }
}
