//! Where the cards come from: readers that somebody feeds, ports, or the simulator.

use card_core::id::CardId;
use card_host::operate;
use card_host::pcsc::{self, Event};
use card_host::transport::{Card, Simulator, TCP_SCHEME, TcpCard};
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use super::work::{Batch, Outcome};
use crate::commands::Error;
use crate::context;
use crate::context::workplace::Workplace;
use crate::say;
use crate::words::said;

/// Between two looks at what has no events.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves all of the readers until no row is left.
pub(super) fn serve(
    batch: &Batch<'_>,
    workplace: &Workplace,
    names: &[&str],
    parallel: u16,
) -> Result<(), Error> {
    let (ports, names): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.starts_with(TCP_SCHEME));
    let simulated = names.contains(&"sim");
    let readers: Vec<String> =
        names.iter().filter(|name| **name != "sim").map(|name| meant(name).to_lowercase()).collect();
    thread::scope(|scope| {
        if simulated {
            for _ in 0..parallel {
                scope.spawn(|| make(batch, workplace));
            }
        }
        for port in ports {
            scope.spawn(move || at_port(batch, port));
        }
        if readers.is_empty() { Ok(()) } else { fed(batch, &readers, scope) }
    })
}

fn meant(name: &str) -> &str {
    if name == "any" { "" } else { name }
}

/// Blank simulated cards, as many as rows wait; first those that were begun.
fn make(batch: &Batch<'_>, workplace: &Workplace) {
    for id in batch.promised() {
        match workplace.simulated(id) {
            Ok(card) => drop(batch.take(Simulator::new(card), false)),
            // Another one of us has it in hand.
            Err(_) if workplace.has_image(id) => {}
            Err(error) => batch.refuse(id, &error.to_string()),
        }
    }
    while batch.wants_blank() {
        let made = workplace.make_blank().and_then(|id| workplace.simulated(id));
        let outcome = match made {
            Ok(card) => batch.take(Simulator::new(card), false),
            Err(error) => return batch.give_up(error.into()),
        };
        if let Outcome::Torn(why) | Outcome::CardRefused(why) = outcome {
            batch.say(&said!(
                say::language(),
                "a simulated card failed: {why}",
                "تعذر استخدام كارت محاكاة ({why})",
                why
            ));
        }
    }
}

/// The cards at a port: each until another one is there.
fn at_port(batch: &Batch<'_>, address: &str) {
    let mut last = None;
    while !batch.is_over() {
        if let Ok(mut card) = TcpCard::connect(address)
            && let Some(id) = number(&mut card)
            && last != Some(id)
        {
            let outcome = batch.take(card, false);
            told(batch, address, &outcome);
            if !matches!(outcome, Outcome::Torn(_)) {
                last = Some(id);
            }
        }
        thread::sleep(PAUSE);
    }
}

fn number(card: &mut TcpCard) -> Option<CardId> {
    operate::read_public(&mut Card::open(card)).ok().map(|public| public.summary.card.id)
}

/// Readers that somebody feeds.
fn fed<'scope>(
    batch: &'scope Batch<'_>,
    readers: &[String],
    scope: &'scope thread::Scope<'scope, '_>,
) -> Result<(), Error> {
    let watch = pcsc::watch().map_err(context::Error::from)?;
    let mut initial = true;
    let mut busy = BTreeSet::new();
    batch.say(&said!(
        say::language(),
        "put a blank card into a reader; take it out when it is told to be issued",
        "يرجى وضع كارت فارغ في قارئ، وسحبه بعد الإعلان عن إصداره"
    ));
    for id in batch.promised() {
        batch.say(&said!(
            say::language(),
            "the card {id} was begun and not finished: put it in once more",
            "لم يكتمل إصدار الكارت {id}: يرجى وضعه مرة أخرى",
            id,
        ));
    }
    while !batch.is_over() {
        let Some(event) = watch.next_within(PAUSE).map_err(context::Error::from)? else { continue };
        match event {
            Event::Watching => initial = false,
            Event::ServiceLost(error) => {
                batch.say(&said!(say::language(), "{error}", "انقطعت خدمة قارئات الكروت ({error})", error))
            }
            Event::CardMute { reader } => {
                batch.say(&said!(
                    say::language(),
                    "{reader}: the card does not answer: turn it, clean it",
                    "{reader}: الكارت لا يستجيب: يرجى عكس اتجاهه وتنظيفه",
                    reader,
                ));
            }
            Event::CardRemoved { reader } => {
                busy.remove(&reader);
            }
            Event::CardInserted { reader, .. }
                if is_meant(&reader, readers) && busy.insert(reader.clone()) =>
            {
                let was_there = initial;
                scope.spawn(move || {
                    let outcome = match pcsc::connect(&reader) {
                        Ok(connection) => batch.take(connection, was_there),
                        Err(error) => Outcome::Torn(error.to_string()),
                    };
                    told(batch, &reader, &outcome);
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_meant(reader: &str, meant: &[String]) -> bool {
    let reader = reader.to_lowercase();
    meant.iter().any(|name| reader.contains(name))
}

/// Says to whoever feeds the reader what to do with the card in it.
fn told(batch: &Batch<'_>, reader: &str, outcome: &Outcome) {
    let language = say::language();
    let text = match outcome {
        Outcome::Issued(row) => said!(
            language,
            "issued for the meter {meter} (row {row}): take it out, next card",
            "صدر للعداد {meter} (السطر {row}): يرجى سحبه ووضع الكارت التالي",
            meter = row.meter,
            row = row.number,
        ),
        Outcome::RowRefused(why) => said!(
            language,
            "its row is refused ({why}): take it out and insert it again for the next one",
            "رُفض سطره ({why}): يرجى سحبه وإعادة وضعه للسطر التالي",
            why,
        ),
        Outcome::CardRefused(why) => {
            said!(language, "this card is not taken: {why}", "لم يُقبل هذا الكارت ({why})", why)
        }
        Outcome::Torn(why) => said!(
            language,
            "not finished ({why}): take the card out and insert the same one again",
            "لم يكتمل ({why}): يرجى سحب الكارت وإعادة وضع الكارت نفسه",
            why,
        ),
        Outcome::NoRow => said!(language, "no row waits for a card", "لا يوجد سطر ينتظر كارتًا"),
    };
    batch.say(&format!("{reader}: {text}"));
}
