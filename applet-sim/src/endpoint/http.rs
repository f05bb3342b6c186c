//! The card over HTTP: each answer is a JSON object, or hexadecimal digits to who sends such.

use super::Slot;
use crate::card::Profile;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(super) fn router(slot: Arc<Slot>) -> Router {
    Router::new()
        .route("/", get(state))
        .route("/apdu", post(apdu))
        .route("/insert", post(insert))
        .route("/remove", post(remove))
        .route("/reset", post(reset))
        .route("/cut-power", post(cut_power))
        .with_state(slot)
}

struct Refused(StatusCode, &'static str);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

const NO_CARD: Refused = Refused(StatusCode::CONFLICT, "there is no card in the reader: POST /insert");
const MUTE: Refused =
    Refused(StatusCode::CONFLICT, "the card has no power: POST /insert, which gives it power again");
const NO_APDU: Refused = Refused(
    StatusCode::BAD_REQUEST,
    "send a command of 4 to 261 bytes: hexadecimal digits, or {\"apdu\": \"00A4040000\"} as application/json",
);
const NO_CUT: Refused = Refused(
    StatusCode::BAD_REQUEST,
    "send nothing, or {\"after\": 3}: in the middle of the fourth operation",
);

async fn state(State(slot): State<Arc<Slot>>) -> Json<Value> {
    shown(&slot)
}

fn shown(slot: &Slot) -> Json<Value> {
    let card = slot.card();
    let profile = match card.profile() {
        Profile::T1 => "t1",
        Profile::T0 => "t0",
        Profile::Contactless => "contactless",
    };
    Json(json!({
        "card_id": slot.id.to_string(),
        "profile": profile,
        "atr": digits(card.atr()),
        "inserted": slot.inserted.load(Ordering::Acquire),
        "powered": card.is_powered(),
    }))
}

#[derive(Deserialize)]
struct Command {
    apdu: String,
}

async fn apdu(State(slot): State<Arc<Slot>>, headers: HeaderMap, body: Bytes) -> Result<Response, Refused> {
    let is_json = is_json(&headers);
    let text = if is_json {
        serde_json::from_slice::<Command>(&body).map_err(|_| NO_APDU)?.apdu
    } else {
        String::from_utf8(body.to_vec()).map_err(|_| NO_APDU)?
    };
    let command = bytes(&text).filter(|command| (4..=261).contains(&command.len())).ok_or(NO_APDU)?;
    if !slot.inserted.load(Ordering::Acquire) {
        return Err(NO_CARD);
    }
    let response = slot.card().transmit(&command).ok_or(MUTE)?;
    if !is_json {
        return Ok(digits(&response).into_response());
    }
    let (data, status) = response.split_last_chunk::<2>().ok_or(MUTE)?;
    let (whole, data, status) = (digits(&response), digits(data), digits(status));
    Ok(Json(json!({ "response": whole, "data": data, "status": status })).into_response())
}

async fn insert(State(slot): State<Arc<Slot>>) -> Json<Value> {
    slot.insert();
    shown(&slot)
}

async fn remove(State(slot): State<Arc<Slot>>) -> Json<Value> {
    slot.remove();
    shown(&slot)
}

async fn reset(State(slot): State<Arc<Slot>>) -> Result<Json<Value>, Refused> {
    if !slot.inserted.load(Ordering::Acquire) {
        return Err(NO_CARD);
    }
    slot.card().reset();
    Ok(shown(&slot))
}

#[derive(Deserialize)]
struct CutPower {
    after: u64,
}

/// At once; or in the middle of an operation on memory that is still to come.
async fn cut_power(State(slot): State<Arc<Slot>>, body: Bytes) -> Result<Json<Value>, Refused> {
    if body.is_empty() {
        slot.card().power_off();
    } else {
        let plan: CutPower = serde_json::from_slice(&body).map_err(|_| NO_CUT)?;
        slot.card().cut_after(plan.after);
    }
    Ok(shown(&slot))
}

fn is_json(headers: &HeaderMap) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    said.is_some_and(|said| said.trim_start().to_ascii_lowercase().starts_with("application/json"))
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    hex::decode(text).ok()
}

fn digits(bytes: &[u8]) -> String {
    hex::encode_upper(bytes)
}
