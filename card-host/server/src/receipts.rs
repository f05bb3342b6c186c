//! Receipts by their number: as a page for the customer, and as what a paper is compared with.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::app::{App, Caller};
use super::convert;
use super::describe::WithoutBody;
use super::extract::{Parameters, ReceiptNumber};
use super::failure::Failure;
use super::handlers::json;
use card_channel::wire::{self, Code, PageDigits, PageLanguage, ReceiptQuery, schema};
use card_core::text::Language;
use card_ledger::{EntryId, LedgerError, Office, PartyCode, ReceiptProof, Sale, read};
use card_paper::{Digits, Look, NoPaper, Receipt};

/// A receipt of this channel, by its number.
///
/// With `Accept: text/html` as the page for the customer: to be shown, printed on A4 or on a roll of 80 mm. Else as JSON: a paper whose
/// code says something else than `proof` is not genuine.
#[utoipa::path(get, path = "/v1/receipts/{point}/{number}", operation_id = "receipt", tag = "sales",
    params(("point" = inline(schema::PointCode), Path, description = "The vending point."),
        ("number" = u64, Path, minimum = 1, description = "The number at that point."), ReceiptQuery),
    responses((status = 200, description = "The receipt.", content(
        (wire::SaleReceipt = "application/json"), (String = "text/html"))), WithoutBody))]
pub(super) async fn receipt(
    State(app): State<App>,
    caller: Caller,
    ReceiptNumber(entry): ReceiptNumber,
    Parameters(query): Parameters<ReceiptQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let party = caller.party.clone();
    let look = wants_page(&headers).then(|| look(&query));
    let found = app.run(&caller.party, move |office| find(office, &party, &entry, look)).await?;
    match found.map_err(none)? {
        Found::Page(page) => {
            let headers =
                [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            Ok((StatusCode::OK, headers, page).into_response())
        }
        Found::Sale(sale, proof) => {
            let sale = convert::sale(app.office(), &sale, None)?;
            let receipt = wire::SaleReceipt { sale, proof: proof.to_string() };
            Ok(json(StatusCode::OK, &receipt))
        }
    }
}

enum Found {
    Page(String),
    Sale(Box<Sale>, ReceiptProof),
}

/// Why there is none.
enum Missing {
    /// The channel has none with this number.
    Unknown,
    Paper(NoPaper),
    /// It could not be drawn.
    Page(card_paper::PaperError),
}

fn none(none: Missing) -> Failure {
    match none {
        Missing::Unknown => Failure::new(
            Code::NoRequest,
            "this channel has sold nothing with this number: see the receipt again",
        ),
        Missing::Paper(NoPaper::NotCertified(..)) => {
            Failure::new(Code::WrongStep, "nothing is sold under this number yet: confirm it first")
        }
        Missing::Paper(error) => Failure { inner: Some(error.to_string()), ..Failure::unknown() },
        Missing::Page(error) => Failure { inner: Some(error.to_string()), ..Failure::unknown() },
    }
}

fn find(
    office: &Office,
    party: &PartyCode,
    id: &EntryId,
    look: Option<Look>,
) -> Result<Result<Found, Missing>, LedgerError> {
    let entry = read(office.ledger(), |t| t.entry(id))?;
    let Some(entry) = entry.filter(|entry| entry.request.party == *party) else {
        return Ok(Err(Missing::Unknown));
    };
    let sale = match office.status(&entry.request) {
        Ok(sale) if sale.entry == *id => sale,
        Ok(_) | Err(LedgerError::Refused(_)) => return Ok(Err(Missing::Unknown)),
        Err(error) => return Err(error),
    };
    let receipt = match Receipt::of(office, &entry.request, &look.unwrap_or_default()) {
        // Whose account it is, and which card a meter has, is between the customer and the company.
        Ok(receipt) => Receipt { account: None, card: sale.card.map(|card| card.to_string()), ..receipt },
        Err(NoPaper::Ledger(error)) => return Err(error),
        Err(error) => return Ok(Err(Missing::Paper(error))),
    };
    Ok(match look {
        Some(look) => receipt.page(look).map(Found::Page).map_err(Missing::Page),
        None => Ok(Found::Sale(Box::new(sale), ReceiptProof::of(&entry))),
    })
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(','));
    types.any(|media| {
        media.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("text/html"))
    })
}

fn look(query: &ReceiptQuery) -> Look {
    Look {
        language: match query.language {
            PageLanguage::Ar => Language::Arabic,
            PageLanguage::En => Language::English,
        },
        digits: match query.digits {
            PageDigits::Western => Digits::Western,
            PageDigits::Arabic => Digits::ArabicIndic,
        },
        ..Look::default()
    }
}
