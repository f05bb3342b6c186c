//! What is read of requests; all that is wrong with one is answered as a problem.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use card_core::id::CardId;

use super::app::{App, Caller};
use super::convert;
use super::failure::Failure;
use super::note::Note;
use card_channel::wire::{Code, IDEMPOTENCY_KEY};
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
        if !is_plain(request.headers()) {
            let detail = "send the body as it is, without a Content-Encoding: it is not unpacked here";
            return Err(Failure::new(Code::MediaType, detail));
        }
        let most = app.options().body;
        let large = || Failure::new(Code::TooLarge, format!("a body has at most {most} bytes"));
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        if length.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > most as u64) {
            return Err(large());
        }
        let body: Body = request.into_body();
        let read = timeout(app.options().read_timeout, axum::body::to_bytes(body, most)).await;
        let read = read.map_err(|_| {
            Failure::new(
                Code::TooSlow,
                "the body came too slowly: this try did nothing; repeat with the same id",
            )
        })?;
        let bytes = read.map_err(|error| {
            let limit =
                std::error::Error::source(&error).is_some_and(|source| source.is::<LengthLimitError>());
            if limit {
                large()
            } else {
                Failure::malformed("the body did not arrive whole: this try did nothing; send it whole")
            }
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

/// Whether nothing has to be unpacked.
fn is_plain(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings
        .into_iter()
        .all(|coding| coding.to_str().is_ok_and(|coding| coding.eq_ignore_ascii_case("identity")))
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
        let id = convert::request_id(key.to_str().unwrap_or_default())?;
        Ok(Self(noted(parts, id)))
    }
}

/// The id of a sale, from the path.
pub(super) struct SaleId(pub(super) RequestId);

impl FromRequestParts<App> for SaleId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let id = convert::request_id(&in_path(parts, app).await?)?;
        Ok(Self(noted(parts, id)))
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

/// The id stands in the log as well.
fn noted(parts: &Parts, id: RequestId) -> RequestId {
    if let Some(note) = parts.extensions.get::<Note>() {
        note.request(&id);
    }
    id
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
