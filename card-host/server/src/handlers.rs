//! The endpoints, each with its description.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use card_core::units::{CardTime, Piastres};

use super::app::{App, Caller};
use super::convert;
use super::describe::{Open, WithBody, WithoutBody};
use super::extract::{CardInPath, Key, Parameters, SaleId, Sent};
use super::failure::Failure;
use super::metrics::Sold;
use card_channel::wire::{
    self, AMOUNT, Code, ConfirmRequest, EvidenceRequest, LinkRequest, Payment, PointRequest, RefundRequest,
    SaleRequest, UnlinkQuery, schema,
};
use card_ledger::{LedgerError, Once, Power, SaleOrder};

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Structures of texts and integers can always be written.
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], bytes)
        .into_response()
}

/// Says that an earlier try with this id has made the sale.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Sells, or announces a sale.
///
/// With `"payment": "received"` the sale is certified at once, and the voucher is in the answer. With `"pending"` it is checked, divided and
/// announced; confirm it once the customer has paid, or cancel it. Repeated with the same id and body, the answer is the same, byte for
/// byte, as long as the sale stands the same.
#[utoipa::path(post, path = "/v1/sales", operation_id = "sell", tag = "sales",
    params(("Idempotency-Key" = inline(schema::RequestId), Header, description = "The channel's id of this sale.")),
    request_body(content = SaleRequest, content_type = "application/json"),
    responses((status = 201, description = "Sold or announced; also in repetitions.", body = wire::Sale,
        headers(("Idempotent-Replayed" = String, description = "`true` where an earlier try with this id has made the sale.")),
        links(
            ("status" = (operation_id = "sale", parameters(("id" = "$response.body#/id")))),
            ("confirm" = (operation_id = "confirm", parameters(("id" = "$response.body#/id")))),
            ("cancel" = (operation_id = "cancel", parameters(("id" = "$response.body#/id")))),
        )), WithBody))]
pub(super) async fn sell(
    State(app): State<App>,
    caller: Caller,
    Key(id): Key,
    Sent(request): Sent<SaleRequest>,
) -> Result<Response, Failure> {
    if !(1..=AMOUNT).contains(&request.amount_piastres) {
        return Err(Failure::malformed(format!("`amount_piastres` is from 1 to {AMOUNT}")));
    }
    let order = SaleOrder {
        who: caller.at(&request.point)?,
        id,
        payee: convert::payee(&request.payee)?,
        amount: Piastres(request.amount_piastres),
    };
    let shown = convert::shown(request.receipt.as_deref(), request.certificate.as_deref())?;
    let to_card = matches!(request.payee, wire::Payee::Card(_));
    let sale = app.run(&caller.party, move |office| {
        if let Some(shown) = &shown {
            office.look_at(&order.who, &order.id, order.payee, shown)?;
        }
        match request.payment {
            Payment::Received => office.sell_once(&order),
            Payment::Pending => office.reserve_once(&order),
        }
    });
    let Once { sale, repeated } = sale.await.map_err(|failure| failure.about(to_card))?;
    let mut response = json(StatusCode::CREATED, &convert::sale(app.office(), &sale, None)?);
    if repeated {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    } else {
        response.extensions_mut().insert(Sold { amount: sale.amount.0, certified: sale.certified.is_some() });
    }
    Ok(response)
}

/// How a sale stands.
#[utoipa::path(get, path = "/v1/sales/{id}", operation_id = "sale", tag = "sales",
    params(("id" = inline(schema::RequestId), Path, description = "The channel's id of the sale.")),
    responses((status = 200, description = "The sale.", body = wire::Sale), WithoutBody))]
pub(super) async fn sale(
    State(app): State<App>,
    caller: Caller,
    SaleId(id): SaleId,
) -> Result<Response, Failure> {
    let request = card_ledger::RequestKey { party: caller.party.clone(), id };
    let sale = app.run(&caller.party, move |office| office.status(&request)).await?;
    Ok(json(StatusCode::OK, &convert::sale(app.office(), &sale, None)?))
}

/// The channel has the money of an announced sale.
///
/// It is booked in any case. Where the sale cannot be certified now the answer is 202, with what it waits for: confirm again, or refund. What
/// the card in the reader shows is compared with the books before anything is certified.
#[utoipa::path(post, path = "/v1/sales/{id}/confirm", operation_id = "confirm", tag = "sales",
    params(("id" = inline(schema::RequestId), Path, description = "The channel's id of the sale.")),
    request_body(content = ConfirmRequest, content_type = "application/json"),
    responses((status = 200, description = "Paid and certified.", body = wire::Sale),
        (status = 202, description = "Paid, and not certified yet: `waits_for` says why.", body = wire::Sale), WithBody))]
pub(super) async fn confirm(
    State(app): State<App>,
    caller: Caller,
    SaleId(id): SaleId,
    Sent(request): Sent<ConfirmRequest>,
) -> Result<Response, Failure> {
    let who = caller.at(&request.point)?;
    let shown = convert::shown(request.receipt.as_deref(), request.certificate.as_deref())?;
    let confirmed = app.run(&caller.party, move |office| office.confirm(&who, &id, shown.as_ref()));
    let (sale, reason) = confirmed.await?;
    let status = if sale.certified.is_some() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut response = json(status, &convert::sale(app.office(), &sale, reason.as_ref())?);
    if let Some(error) = &reason {
        response.extensions_mut().insert(Failure::of(error).told());
    }
    Ok(response)
}

/// An announced sale will not be.
#[utoipa::path(post, path = "/v1/sales/{id}/cancel", operation_id = "cancel", tag = "sales",
    params(("id" = inline(schema::RequestId), Path, description = "The channel's id of the sale.")),
    request_body(content = PointRequest, content_type = "application/json"),
    responses((status = 200, description = "Cancelled.", body = wire::Sale), WithBody))]
pub(super) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    SaleId(id): SaleId,
    Sent(request): Sent<PointRequest>,
) -> Result<Response, Failure> {
    let who = caller.at(&request.point)?;
    let sale = app.run(&caller.party, move |office| office.cancel(&who, &id)).await?;
    Ok(json(StatusCode::OK, &convert::sale(app.office(), &sale, None)?))
}

/// What was paid and could not be certified is given back.
#[utoipa::path(post, path = "/v1/sales/{id}/refund", operation_id = "refund", tag = "sales",
    params(("id" = inline(schema::RequestId), Path, description = "The channel's id of the sale.")),
    request_body(content = RefundRequest, content_type = "application/json"),
    responses((status = 200, description = "Given back.", body = wire::Sale), WithBody))]
pub(super) async fn refund(
    State(app): State<App>,
    caller: Caller,
    SaleId(id): SaleId,
    Sent(request): Sent<RefundRequest>,
) -> Result<Response, Failure> {
    let who = caller.at(&request.point)?;
    convert::words("reason", &request.reason)?;
    let sale = app.run(&caller.party, move |office| office.refund(&who, &id, &request.reason)).await?;
    Ok(json(StatusCode::OK, &convert::sale(app.office(), &sale, None)?))
}

/// A second person agrees to an announced sale; needs a token with the power to approve, of another actor than the one who announced it.
#[utoipa::path(post, path = "/v1/sales/{id}/approve", operation_id = "approve", tag = "sales",
    params(("id" = inline(schema::RequestId), Path, description = "The channel's id of the sale.")),
    request_body(content = PointRequest, content_type = "application/json"),
    responses((status = 200, description = "Approved: confirm it once it is paid.", body = wire::Sale), WithBody))]
pub(super) async fn approve(
    State(app): State<App>,
    caller: Caller,
    SaleId(id): SaleId,
    Sent(request): Sent<PointRequest>,
) -> Result<Response, Failure> {
    let who = caller.at(&request.point)?;
    who.must(Power::Approve).map_err(LedgerError::from)?;
    let sale = app.run(&caller.party, move |office| {
        let request = who.request(&id);
        // Corrections are approved at the office, and not over this wire: what is no sale is refused before it.
        office.status(&request)?;
        office.approve(&who, &request)?;
        office.status(&request)
    });
    let sale = sale.await?;
    Ok(json(StatusCode::OK, &convert::sale(app.office(), &sale, None)?))
}

/// What waits for a card, through whatever channel it was sold. All of it can be given to the card again and again.
#[utoipa::path(get, path = "/v1/cards/{card}/pending", operation_id = "pending", tag = "cards",
    params(("card" = inline(schema::CardId), Path, description = "The card.")),
    responses((status = 200, description = "What waits; perhaps nothing.", body = wire::Waiting), WithoutBody))]
pub(super) async fn pending(
    State(app): State<App>,
    caller: Caller,
    CardInPath(card): CardInPath,
) -> Result<Response, Failure> {
    let collected = app.run(&caller.party, move |office| office.collect(card)).await?;
    Ok(json(StatusCode::OK, &convert::waiting(&collected)))
}

/// A card's or a meter's proof of what it has is handed in. The same again is known already.
#[utoipa::path(post, path = "/v1/evidence", operation_id = "hand_in", tag = "cards",
    request_body(content = EvidenceRequest, content_type = "application/json"),
    responses((status = 200, description = "Authentic, and stored.", body = wire::EvidenceAnswer), WithBody))]
pub(super) async fn hand_in(
    State(app): State<App>,
    caller: Caller,
    Sent(request): Sent<EvidenceRequest>,
) -> Result<Response, Failure> {
    let who = caller.at(&request.point)?;
    let evidence = convert::evidence(&request)?;
    let done = app.run(&caller.party, move |office| office.hand_in(&who, &evidence)).await?;
    Ok(json(StatusCode::OK, &convert::handed_in(&done)))
}

/// A bank's customer has agreed to pay for a card through the bank.
#[utoipa::path(put, path = "/v1/cards/{card}/link", operation_id = "link", tag = "cards",
    params(("card" = inline(schema::CardId), Path, description = "The card."),
        ("Idempotency-Key" = inline(schema::RequestId), Header, description = "The channel's id of this request.")),
    request_body(content = LinkRequest, content_type = "application/json"),
    responses((status = 204, description = "Linked; also in repetitions."), WithBody))]
pub(super) async fn link(
    State(app): State<App>,
    caller: Caller,
    CardInPath(card): CardInPath,
    Key(id): Key,
    Sent(request): Sent<LinkRequest>,
) -> Result<Response, Failure> {
    let who = caller.at(&request.point)?;
    convert::printable("customer", &request.customer, 64)?;
    convert::printable("text", &request.consent.text, 40)?;
    let time = request.consent.time;
    if CardTime::from_unix(time).is_none_or(|time| time == CardTime::UNSET) {
        return Err(Failure::malformed("`time` is in POSIX seconds, after 2020-01-01"));
    }
    let consent = format!("{}@{time}", request.consent.text);
    app.run(&caller.party, move |office| office.link(&who, &id, card, &request.customer, &consent)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A bank's customer does not pay for a card any more.
#[utoipa::path(delete, path = "/v1/cards/{card}/link", operation_id = "unlink", tag = "cards",
    params(("card" = inline(schema::CardId), Path, description = "The card."), UnlinkQuery,
        ("Idempotency-Key" = inline(schema::RequestId), Header, description = "The channel's id of this request.")),
    responses((status = 204, description = "The link has ended; also in repetitions."), WithoutBody))]
pub(super) async fn unlink(
    State(app): State<App>,
    caller: Caller,
    CardInPath(card): CardInPath,
    Key(id): Key,
    Parameters(asked): Parameters<UnlinkQuery>,
) -> Result<Response, Failure> {
    let who = caller.at(&asked.point)?;
    convert::printable("customer", &asked.customer, 64)?;
    app.run(&caller.party, move |office| office.unlink(&who, &id, card, &asked.customer)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// How the server is. Needs no token.
#[utoipa::path(get, path = "/v1/status", operation_id = "status", tag = "server", security(()),
    responses((status = 200, description = "It is there.", body = wire::Status), Open))]
pub(super) async fn status(State(app): State<App>) -> Response {
    json(StatusCode::OK, &app.status().await)
}

/// This description. Needs no token.
#[utoipa::path(get, path = "/v1/openapi.json", operation_id = "description", tag = "server", security(()),
    responses((status = 200, description = "The description of the protocol, OpenAPI 3.1.", body = Object), Open))]
pub(super) async fn description(State(_): State<App>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (headers, super::describe::text()).into_response()
}

/// There is no such path.
pub(super) async fn no_path() -> Response {
    Failure::new(Code::NoPath, "there is nothing at this path: see /v1/openapi.json").into_response()
}

/// The path has other methods.
pub(super) async fn no_method() -> Response {
    Failure::new(Code::NoMethod, "this path has other methods: see the header Allow").into_response()
}
