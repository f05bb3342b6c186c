//! What is read of requests; all that is wrong with one is answered as a problem.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use card_core::id::CardId;

use super::app::{App, Caller};
use super::convert;
use super::failure::Failure;
use card_channel::wire::{BODY, Code, IDEMPOTENCY_KEY};
use card_ledger::{EntryId, NameError, RequestId};

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        let none = || Failure::new(Code::NoToken, "there is no token");
        parts.extensions.get::<Self>().cloned().ok_or_else(none)
    }
}

/// A body of JSON.
pub(super) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Sent<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            return Err(Failure::new(Code::MediaType, "send the body as application/json"));
        }
        let large = || Failure::new(Code::TooLarge, format!("a body has at most {BODY} bytes"));
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        if length.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > BODY as u64) {
            return Err(large());
        }
        let body: Body = request.into_body();
        let read = timeout(app.options().read_timeout, axum::body::to_bytes(body, BODY)).await;
        let read = read.map_err(|_| {
            Failure::new(
                Code::TooSlow,
                "the body came too slowly: this try did nothing; repeat with the same id",
            )
        })?;
        let bytes = read.map_err(|error| {
            // Above the limit, or the connection has ended; whoever has hung up does not read this.
            let _ = error;
            large()
        })?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Failure::malformed(format!("the body cannot be read: {error}")))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let media = only.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    media.trim().eq_ignore_ascii_case("application/json")
}

/// The channel's id, from the header.
pub(super) struct Key(pub(super) RequestId);

impl FromRequestParts<App> for Key {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        let mut keys = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let (Some(key), None) = (keys.next(), keys.next()) else {
            let detail = "send one header Idempotency-Key with the id of the request: made and stored before it is sent";
            return Err(Failure::malformed(detail));
        };
        convert::request_id(key.to_str().unwrap_or_default()).map(Self)
    }
}

/// The id of a sale, from the path.
pub(super) struct SaleId(pub(super) RequestId);

impl FromRequestParts<App> for SaleId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        convert::request_id(&in_path(parts, app).await?).map(Self)
    }
}

/// A card, from the path.
pub(super) struct CardInPath(pub(super) CardId);

impl FromRequestParts<App> for CardInPath {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        convert::card(&in_path(parts, app).await?).map(Self)
    }
}

/// The number of a receipt, from the path.
pub(super) struct ReceiptNumber(pub(super) EntryId);

impl FromRequestParts<App> for ReceiptNumber {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let path = Path::<(String, u64)>::from_request_parts(parts, app).await;
        let Path((point, number)) = path.map_err(|error| Failure::malformed(error.body_text()))?;
        let point = point.parse().map_err(|error: NameError| Failure::malformed(error.to_string()))?;
        match number {
            0 => Err(Failure::malformed("the number of a receipt is at least 1")),
            number => Ok(Self(EntryId { point, number })),
        }
    }
}

async fn in_path(parts: &mut Parts, app: &App) -> Result<String, Failure> {
    let path = Path::<String>::from_request_parts(parts, app).await;
    path.map(|Path(text)| text).map_err(|error| Failure::malformed(error.body_text()))
}

/// Parameters behind the path.
pub(super) struct Parameters<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Parameters<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let query = Query::<T>::from_request_parts(parts, app).await;
        query.map(|Query(read)| Self(read)).map_err(|error| Failure::malformed(error.body_text()))
    }
}
