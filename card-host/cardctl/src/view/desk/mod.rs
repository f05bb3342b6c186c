//! The pages of the desk: made here, whole, and read with or without the little script that looks at the reader again and again.

mod documents;
pub(crate) mod state;
mod words;

use card_core::calendar::Calendar;
use card_core::text::{Language, isolate};
use card_core::units::Piastres;
use card_ledger::{CardPolicy, CardStep, ReplaceReason, RequestId};
use maud::{DOCTYPE, Markup, html};

use self::state::{Action, Done, Outcome, Seen, Shown, Standing};
use self::words as w;
use super::customer;
use crate::local;
use crate::view::standing::reason_in;

/// The look of the pages.
pub(crate) const STYLE: &str = include_str!("desk.css");
/// The script of the pages.
pub(crate) const SCRIPT: &str = include_str!("desk.js");

/// A sale that needs a second person.
pub(crate) fn needs_second(amount: Piastres) -> [String; 2] {
    Language::ALL.map(|language| match language {
        Language::English => format!("{amount} EGP is much: another person has to agree before it is sold"),
        Language::Arabic => {
            format!("{} جنيه مبلغ كبير: يلزم موافقة شخص آخر قبل الشحن", isolate(amount))
        }
    })
}

/// A card that was replaced.
pub(crate) fn replaced() -> [String; 2] {
    Language::ALL.map(|language| w::REPLACED.of(language).to_owned())
}

/// The desk.
pub(crate) fn desk(language: Language, seen: &Seen, next: &RequestId, rules: Option<&CardPolicy>) -> String {
    let of = |words: w::Words| words.of(language);
    page(
        language,
        of(w::DESK),
        "",
        &html! {
            div #reader data-poll="card" { (card(language, seen, next)) }
            section aria-labelledby="away" {
                h2 #away { (of(w::LOST)) }
                form method="post" action="do/block" {
                    (request(next))
                    (field(language, w::METER, "away-meter", "meter", true))
                    (field(language, w::REASON, "away-reason", "reason", false))
                    (documents::asked(language, rules, &[CardStep::Block], "away"))
                    button { (of(w::BLOCK)) }
                }
                form method="post" action="do/replace" {
                    (request(next))
                    (field(language, w::METER, "new-meter", "meter", true))
                    (field(language, w::ACCOUNT, "new-account", "account", true))
                    label for="new-reason" { (of(w::REASON)) }
                    select #new-reason name="reason" {
                        @for reason in ReplaceReason::ALL {
                            option value=(reason.code()) { (reason_in(*reason, language)) }
                        }
                    }
                    (documents::asked(language, rules, &documents::REPLACES, "new"))
                    button { (of(w::REPLACE)) }
                    p.note { (of(w::REPLACE_WHY)) }
                }
            }
        },
    )
}

/// The page of a card's holder.
pub(crate) fn holder(language: Language, seen: &Seen) -> String {
    let of = |words: w::Words| words.of(language);
    page(
        language,
        of(w::HOLDER),
        "",
        &html! {
            div #reader data-poll="card" { (there(language, seen)) }
            form method="post" action="paper/holder" {
                label for="access" { (of(w::ACCESS)) }
                input #access name="number" inputmode="numeric" autocomplete="off" dir="ltr" required autofocus;
                button { (of(w::SHOW)) }
            }
        },
    )
}

/// What is said of the card in the reader, and what can be done with it.
pub(crate) fn card(language: Language, seen: &Seen, next: &RequestId) -> Markup {
    match seen {
        Seen::Card(shown) => of_card(language, shown, next),
        seen => there(language, seen),
    }
}

fn there(language: Language, seen: &Seen) -> Markup {
    let said = match seen {
        Seen::Empty => w::EMPTY.of(language),
        Seen::Busy => w::BUSY.of(language),
        Seen::There | Seen::Card(_) => w::READY.of(language),
        Seen::Unreadable(said) => in_language(said, language),
    };
    html! {
        section aria-labelledby="card" {
            h2 #card { (w::CARD.of(language)) }
            p.state role="status" { (said) }
        }
    }
}

fn of_card(language: Language, shown: &Shown, next: &RequestId) -> Markup {
    let of = |words: w::Words| words.of(language);
    html! {
        section aria-labelledby="card" {
            h2 #card { (of(w::CARD)) }
            div.state role="status" {
                @match &shown.standing {
                    // The ledger knows better than the card.
                    Standing::Contract { blocked: true, .. } => p.bad { (of(w::BLOCKED)) },
                    Standing::None(why) if !shown.blank => p.bad { (in_language(why, language)) },
                    _ => @for situation in &shown.situations { p { (situation.text(language).to_string()) } },
                }
            }
            (about(language, shown))
            @if let Standing::Contract { blocked, .. } = shown.standing { (work(language, shown, blocked, next)) }
        }
    }
}

fn about(language: Language, shown: &Shown) -> Markup {
    let of = |words: w::Words| words.of(language);
    html! {
        dl {
            dt { (of(w::NUMBER)) } dd { bdi dir="ltr" { (shown.card) } }
            @if let Standing::Contract { account, meter, .. } = shown.standing {
                dt { (of(w::METER)) } dd { bdi dir="ltr" { (meter) } }
                dt { (of(w::ACCOUNT)) } dd { bdi dir="ltr" { (account) } }
            }
            @if let Some(waiting) = shown.waiting {
                dt { (of(w::WAITING)) } dd { (customer::amount(waiting, language)) }
            }
            @if let Some((balance, time)) = shown.at_meter {
                dt { (of(w::BALANCE)) }
                dd { (customer::amount(balance, language)) " " bdi.note dir="ltr" { (local::time(&Calendar::EGYPT, time)) } }
            }
        }
    }
}

fn work(language: Language, shown: &Shown, blocked: bool, next: &RequestId) -> Markup {
    let of = |words: w::Words| words.of(language);
    let of_card = html! { (request(next)) input type="hidden" name="card" value=(shown.card); };
    html! {
        @if !blocked {
            form.main method="post" action="do/sell" {
                (of_card)
                label for="amount" { (of(w::AMOUNT)) }
                input #amount name="amount" inputmode="decimal" autocomplete="off" dir="ltr" required autofocus;
                button { (of(w::SELL)) }
            }
            form method="post" action="do/refresh" {
                (of_card) button { (of(w::REFRESH)) } p.note { (of(w::REFRESH_WHY)) }
            }
        }
        p { a.button href="paper/statement" target="_blank" data-print { (of(w::STATEMENT)) } }
        form method="post" action=(if blocked { "do/unblock" } else { "do/block" }) {
            (of_card)
            (field(language, w::REASON, "reason", "reason", false))
            (documents::asked(language, shown.rules.as_ref(), if blocked { &[CardStep::Unblock] } else { &[CardStep::Block] }, "card"))
            button { (of(if blocked { w::UNBLOCK } else { w::BLOCK })) }
        }
    }
}

/// What became of a request. `staff` is whether a second person has a secret.
pub(crate) fn done(language: Language, id: &RequestId, done: &Done, staff: bool) -> String {
    let of = |words: w::Words| words.of(language);
    let title = match done.outcome {
        Outcome::Done => w::DONE,
        Outcome::SecondPerson => w::NEEDS_SECOND,
        Outcome::NotLoaded => w::NOT_LOADED,
        Outcome::Failed => w::NOT_DONE,
    };
    let paper = match (done.outcome, &done.action) {
        (Outcome::Done | Outcome::NotLoaded, Action::Sell { .. }) => Some(("receipt", w::RECEIPT)),
        (Outcome::Done, Action::Block { .. } | Action::Replace { .. }) => Some(("slip", w::SLIP)),
        _ => None,
    };
    page(
        language,
        of(title),
        "../",
        &html! {
            section {
                p.said role="status" { @for line in in_language(&done.said, language).lines() { (line) br; } }
                @if let Some(once) = &done.once { pre dir="ltr" tabindex="0" { (in_language(once, language)) } }
                @if done.outcome == Outcome::SecondPerson {
                    form.main method="post" action="../again" {
                        (request(id))
                        label for="name" { (of(w::SECOND)) }
                        input #name name="name" autocomplete="off" required autofocus;
                    @if staff {
                        label for="secret" { (of(w::SECRET)) }
                        input #secret name="secret" type="password" autocomplete="off" dir="ltr" required;
                    }
                        button { (of(w::AGREE)) }
                    }
                }
                @if done.outcome.repeats() {
                    form.main method="post" action="../again" {
                        (request(id))
                        button autofocus { (of(if done.outcome == Outcome::NotLoaded { w::LOAD_NOW } else { w::AGAIN })) }
                    }
                }
                @if let Some((kind, words)) = paper {
                    p { a.button href={ "../paper/" (kind) "/" (id) } target="_blank" data-print { (of(words)) } }
                }
                p { a.button href="../" autofocus[done.outcome == Outcome::Done] { (of(w::BACK)) } }
                p.note { (of(w::REQUEST)) " " bdi dir="ltr" { (id) } }
            }
        },
    )
}

/// What was typed cannot be done.
pub(crate) fn failed(language: Language, said: &[String; 2]) -> String {
    let back = format!("/{}/", language.code());
    page(
        language,
        w::NOT_DONE.of(language),
        "",
        &html! {
            section {
                p.said role="status" { (in_language(said, language)) }
                p { a.button href=(back) autofocus { (w::BACK.of(language)) } }
            }
        },
    )
}

fn in_language(said: &[String; 2], language: Language) -> &str {
    let [english, arabic] = said;
    match language {
        Language::English => english,
        Language::Arabic => arabic,
    }
}

fn request(id: &RequestId) -> Markup {
    html! { input type="hidden" name="request" value=(id); }
}

fn field(language: Language, label: w::Words, id: &str, name: &str, number: bool) -> Markup {
    let (mode, direction) = (number.then_some("numeric"), number.then_some("ltr"));
    html! {
        span.field {
            label for=(id) { (label.of(language)) }
            input #(id) name=(name) autocomplete="off" required inputmode=[mode] dir=[direction];
        }
    }
}

/// The whole page; `up` leads to the desk.
fn page(language: Language, title: &str, up: &str, content: &Markup) -> String {
    let direction = match language {
        Language::English => "ltr",
        Language::Arabic => "rtl",
    };
    let (other, name) = match language {
        Language::English => (Language::Arabic, "العربية"),
        Language::Arabic => (Language::English, "English"),
    };
    let there = format!("{up}../{}/", other.code());
    html! {
        (DOCTYPE)
        html lang=(language.code()) dir=(direction) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href="/desk.css";
                script src="/desk.js" defer {}
            }
            body {
                header {
                    h1 { (title) }
                    nav { a href=(there) lang=(other.code()) hreflang=(other.code()) { (name) } }
                }
                main { (content) }
            }
        }
    }
    .into_string()
}
