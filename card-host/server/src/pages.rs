//! Pages for people who build channels: the description of the protocol; what a problem means, and what to do. They need no network and no script.

mod docs;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};

use super::app::App;
use super::failure::Failure;
use card_channel::wire::Code;

/// The pages. They belong to people, not to the protocol, and are not in its description.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/docs", get(docs::docs))
        .route("/problems", get(problems))
        .route("/problems/{code}", get(problem))
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}\
code,pre{font-family:ui-monospace,monospace;background:#f2f2f2}pre{padding:.5rem;overflow-x:auto}\
table{border-collapse:collapse}td,th{border:1px solid #767676;padding:.2rem .6rem;text-align:start;vertical-align:top}a{color:#0645ad}";

/// A whole page.
pub(super) fn page(title: &str, content: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { main { h1 { (title) } (content) } }
        }
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
    ];
    (StatusCode::OK, headers, page.into_string()).into_response()
}

async fn problems() -> Response {
    let content = html! {
        p { "Programs decide by " code { "code" } ", " code { "repeat" } " and " code { "final" } " of a problem." }
        table {
            tr { th { "status" } th { "code" } th { "what" } }
            @for code in Code::ALL {
                tr {
                    td { (code.status()) }
                    td { a href={ "/problems/" (code.as_str()) } { code { (code.as_str()) } } }
                    td { (code.title()) }
                }
            }
        }
    };
    page("Problems", &content)
}

async fn problem(Path(name): Path<String>) -> Response {
    let Some(code) = Code::ALL.iter().copied().find(|code| code.as_str() == name) else {
        return Failure::new(Code::NoPath, "there is no such problem: see /problems").into_response();
    };
    let again = if code.repeat() {
        "yes: the very same, with the same id, after Retry-After"
    } else {
        "no: the same would be answered in the same way, until something is changed"
    };
    let last = if code.is_final() {
        "yes: the books were asked for the id, and no try of it was being decided there"
    } else {
        "no: it is said of this try alone, and says nothing about an earlier one"
    };
    let content = html! {
        p { (what_to_do(code)) }
        table {
            tr { th { "code" } td { code { (code.as_str()) } } }
            tr { th { "status" } td { (code.status()) } }
            tr { th { "to be repeated" } td { (again) } }
            tr { th { "final" } td { (last) } }
            @if let Some(words) = code.message() {
                tr { th { "for the customer" } td { (words.en) br; span lang="ar" dir="rtl" { (words.ar) } } }
            }
        }
        p { a href="/problems" { "All problems" } }
    };
    page(code.title(), &content)
}

/// What to do about it, for those who run or build the channel.
const fn what_to_do(code: Code) -> &'static str {
    match code {
        Code::Malformed => {
            "Correct the program: the detail of the problem says where the request is not as described."
        }
        Code::NoToken => {
            "Send the token that the company has given you, as a Bearer token. Where it was sent, it is wrong or was revoked: ask the company."
        }
        Code::NotAllowed => {
            "The token sells or approves, and this needs the other power: ask the company for such a token."
        }
        Code::UnknownPoint => {
            "Look at the name of the vending point. Where it is right, have the company enter it for your party."
        }
        Code::PointClosed => "The company has closed this vending point: ask the company.",
        Code::UnknownParty => "Your party is closed, or was never entered: ask the company.",
        Code::NotSecondPerson => {
            "Who announced a sale cannot approve it: another person does, with a token of their own."
        }
        Code::NoPath | Code::NoMethod => {
            "Correct the program: the description of the protocol has all paths and their methods."
        }
        Code::NoRequest => {
            "Nothing was asked for with this id. Look at the id; after a try without an answer, ask again for two minutes."
        }
        Code::UnknownCard => "The card's number is wrong, or the card is another company's: read it again.",
        Code::UnknownMeter => {
            "The meter's number is wrong, or it serves nobody: look at the meter or at a receipt."
        }
        Code::UnknownBinding => "The contract is not known here: send the customer to a branch.",
        Code::TooSlow => {
            "The body took too long to arrive. This try did nothing: repeat it with the same id."
        }
        Code::OtherRequest => {
            "The id was used before, for another amount, card, point or way to pay. Ask how that sale stands, and take a new id for what is new."
        }
        Code::Cancelled | Code::AlreadyConfirmed | Code::Refunded | Code::WrongStep => {
            "The sale has gone another way already: ask how it stands (GET /v1/sales/ID), and go on from there."
        }
        Code::MeterInUse | Code::CardInUse => {
            "Meter or card belong to another contract: send the customer to a branch."
        }
        Code::TooLarge => "Correct the program: no request of this protocol is that large.",
        Code::MediaType => "Send the body as application/json, without a Content-Encoding.",
        Code::Replaced => "The customer has a newer card: charge that one.",
        Code::Engineering => {
            "This is a technician's card, which is charged nothing: use the customer's card."
        }
        Code::Blocked => {
            "The card was reported lost or was blocked by the company: the customer gets a new one at a branch."
        }
        Code::Closed => "The contract has ended: use the card of the meter's present contract.",
        Code::EvidenceNeeded => {
            "Read the card, hand in its receipt and the meter's mail on it, and where one is `above`, its certificate; then sell. Where all of that was known already, send the customer to a branch."
        }
        Code::BooksBehind => {
            "Card or meter have more than the books: sell nothing to them, and send the customer to a branch."
        }
        Code::TooLittle | Code::NothingLeft => "Ask the customer for a larger amount.",
        Code::TooMuch => "Ask the customer for a smaller amount, or send them to a branch.",
        Code::DailyLimit => {
            "This vending point has sold its most for today: sell at another one, or ask the company for a higher limit."
        }
        Code::CashLimit => "Hand over the cash of this vending point; then it sells again.",
        Code::NoRules => "The company has entered no rules for your way of selling: ask the company.",
        Code::NotLinked => "Link the card to your customer first, with their consent.",
        Code::ApprovalNeeded => {
            "Announce the sale as pending, have a second person approve it, and confirm it."
        }
        Code::MoreThanCertified => {
            "The receipt shows more than was ever certified: treat card or meter as forged, and tell the company."
        }
        Code::BadEvidence => {
            "The receipt, certificate or mail is not authentic: treat the card as forged, and send the customer to a branch."
        }
        Code::Exhausted => {
            "The contract can take no more certificates: the customer gets a new one at a branch."
        }
        Code::Invalid => "The detail of the problem says which value is wrong: correct it.",
        Code::TooMany => {
            "Wait as long as Retry-After says. This try did nothing. A channel that needs more asks the company."
        }
        Code::Internal | Code::Damaged => "Tell the company, and keep the id: the outcome is unknown.",
        Code::Busy | Code::Unavailable | Code::CannotSign => {
            "Repeat with the same id. This try did nothing; what an earlier one did is not said."
        }
        Code::Unknown => {
            "Keep the id, and repeat it until there is an answer: nothing is done twice. Neither give the money back nor take it again."
        }
        _ => "The detail of the problem says what is wrong.",
    }
}
