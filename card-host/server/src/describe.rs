//! The description of the protocol: OpenAPI, generated from the handlers and types.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::{App, with_token};
use super::lists;
use super::{handlers, receipts};
use card_channel::wire::{MEDIA_TYPE, PageDigits, PageLanguage, Problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Prepaid electricity: the wire for channels",
        version = "1",
        description = "How kiosks, banks and wallets sell credit for prepaid electricity cards. docs/channels.md explains it."
    ),
    servers((url = "/")),
    security(("token" = [])),
    tags(
        (name = "sales", description = "Selling, at once or in steps."),
        (name = "cards", description = "What waits for cards, what they bring back, and whose they are at a bank."),
        (name = "server", description = "The server itself.")
    ),
    components(schemas(Problem, PageDigits, PageLanguage))
)]
struct Description;

/// All endpoints, with their description.
pub(super) fn routes(app: &App) -> Router<App> {
    let (with, _) = protected().split_for_parts();
    let (open, _) = open().split_for_parts();
    with.route_layer(from_fn_with_state(app.clone(), with_token)).merge(open)
}

fn protected() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(handlers::sell, lists::sales))
        .routes(routes!(lists::events))
        .routes(routes!(handlers::sale))
        .routes(routes!(receipts::receipt))
        .routes(routes!(handlers::confirm))
        .routes(routes!(handlers::cancel))
        .routes(routes!(handlers::refund))
        .routes(routes!(handlers::approve))
        .routes(routes!(handlers::pending))
        .routes(routes!(handlers::hand_in))
        .routes(routes!(handlers::link, handlers::unlink))
}

fn open() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(handlers::status)).routes(routes!(handlers::description))
}

/// The description as JSON.
pub(super) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let router =
            OpenApiRouter::<App>::with_openapi(Description::openapi()).merge(protected()).merge(open());
        let (_, mut api) = router.split_for_parts();
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("secret of the channel");
        let bearer = SecurityScheme::Http(bearer.description(Some("A token for each channel.")).build());
        let components = api.components.get_or_insert_default();
        components.security_schemes.insert("token".to_owned(), RefOr::T(bearer));
        // A description is made of texts and integers, and can always be written.
        api.to_pretty_json().unwrap_or_default()
    })
}

fn problem(description: &str, header: Option<(&str, &str)>) -> RefOr<Response> {
    let schema = utoipa::openapi::Ref::from_schema_name(Problem::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let mut response = ResponseBuilder::new().description(description).content(MEDIA_TYPE, content);
    if let Some((name, what)) = header {
        let schema = ObjectBuilder::new().schema_type(Type::String).build();
        let header = HeaderBuilder::new().schema(Some(schema)).description(Some(what)).build();
        response = response.header(name, header);
    }
    RefOr::T(response.build())
}

const AGAIN: Option<(&str, &str)> = Some(("Retry-After", "Seconds after which to repeat with the same id."));

fn problems(codes: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let of = |code: &u16| {
        let response = match code {
            400 => problem("The request cannot be read.", None),
            401 => problem("There is no valid token.", Some(("WWW-Authenticate", "How to authenticate."))),
            403 => problem("The token, the party or the vending point may not do this.", None),
            404 => problem("There is no such request, card or meter.", None),
            405 => problem("The path has other methods: see the header Allow.", None),
            408 => problem("The body came too slowly. Nothing was done.", AGAIN),
            409 => problem("It contradicts what was done before.", None),
            413 => problem("The body is too large.", None),
            415 => problem("The body is not JSON.", None),
            422 => problem("A rule refuses it. Nothing was done.", None),
            429 => problem("Too many requests. Nothing was done.", AGAIN),
            500 => problem("The ledger contradicts itself, or the server has made a mistake.", None),
            _ => problem("Not now, or the outcome is unknown: repeat with the same id.", AGAIN),
        };
        (code.to_string(), response)
    };
    codes.iter().map(of).collect()
}

macro_rules! groups {
    ($($(#[$doc:meta])* $name:ident $codes:expr;)*) => {
        $($(#[$doc])* pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                problems(&$codes)
            }
        })*
    };
}

groups! {
    /// What can go wrong with a request that has a body.
    WithBody [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503];
    /// With one that needs no token.
    Open [405];
    /// With one that has none.
    WithoutBody [400, 401, 403, 404, 409, 422, 429, 500, 503];
}
