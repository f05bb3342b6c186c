//! The part of a form that asks for what the customer shows, where the company's policy asks for it.

use card_core::text::Language;
use card_ledger::{CardPolicy, CardStep, Document};
use maud::{Markup, html};
use std::collections::BTreeSet;

use super::words as w;
use crate::view::policy;

/// The steps of the form that replaces a card, one for each reason.
pub(super) const REPLACES: [CardStep; 4] =
    [CardStep::ReplaceLost, CardStep::ReplaceDamaged, CardStep::ReplaceUpgrade, CardStep::ReplaceReturned];

/// What these steps ask for, in words, and fields for it; nothing where they ask for nothing. `front` begins the names of the fields on the page.
pub(super) fn asked(
    language: Language,
    rules: Option<&CardPolicy>,
    steps: &[CardStep],
    front: &str,
) -> Markup {
    let of = |words: w::Words| words.of(language);
    let held: Vec<_> =
        steps.iter().filter_map(|step| Some((*step, rules.and_then(|rules| rules.of(*step))?))).collect();
    let documents: BTreeSet<Document> =
        held.iter().flat_map(|(_, rules)| rules.documents.iter().copied()).collect();
    let told = held.iter().filter(|(_, rules)| rules.has_papers() || rules.fee.is_some());
    let told: Vec<_> = told.collect();
    html! {
        @if !told.is_empty() {
            fieldset {
                legend { (of(w::DOCUMENTS)) }
                p.note { (of(w::ASKED)) }
                ul.note {
                    @for (step, rules) in &told {
                        li { (policy::step_in(*step, language)) ": " (policy::asked(rules, language)) }
                    }
                }
                @if documents.contains(&Document::NationalId) {
                    (field(language, w::NATIONAL_ID, front, "national_id", Some("numeric")))
                    (field(language, w::VALID_UNTIL, front, "valid_until", None))
                }
                @if documents.contains(&Document::MeterOrReceipt) {
                    (field(language, w::SHOWN, front, "shown", None))
                }
                @if documents.contains(&Document::PoliceReport) {
                    (field(language, w::POLICE_REPORT, front, "police_report", None))
                }
            }
        }
    }
}

/// Not every reason asks for every document, so none is required by the form.
fn field(language: Language, label: w::Words, front: &str, name: &str, mode: Option<&str>) -> Markup {
    let id = format!("{front}-{name}");
    html! {
        span.field {
            label for=(id) { (label.of(language)) }
            input #(id) name=(name) autocomplete="off" inputmode=[mode] dir="ltr";
        }
    }
}
