//! The pages of the desk over HTTP.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Path, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use card_core::access_number::AccessNumber;
use card_core::id::MeterId;
use card_core::numerals;
use card_core::text::Language;
use card_core::units::Piastres;
use card_host::national_id::NationalId;
use card_ledger::{
    Documents, LedgerError, PaperRefusal, Payee, ReplaceReason, RequestId, StaffName, StaffSecret,
};
use card_paper::Look;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use zeroize::Zeroize as _;

use super::guard::{Guard, guarded};
use super::seen::words;
use super::{Action, Desk, DeskError, Forgotten, Outcome, card as card_id};
use crate::commands::policy::{day, receipt};
use crate::commands::{Error, given};
use crate::view::NotPrinted;
use crate::view::desk as pages;

/// The largest form, in bytes.
const FORM: usize = 8 * 1024;

/// Serves until Ctrl-C. `ready` gets the address to open.
pub(super) fn serve(
    desk: Arc<Desk>,
    address: SocketAddr,
    ready: impl FnOnce(String) -> Result<bool, NotPrinted>,
) -> Result<(), Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DeskError::Runtime)?;
    let served = runtime.block_on(async {
        let cannot = |error| DeskError::Address(address, error);
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let guard = Guard::new(listener.local_addr().map_err(cannot)?)
            .map_err(card_host::keystore::KeyStoreError::from);
        let guard = guard.map_err(crate::context::Error::from)?;
        let url = guard.url();
        let app = router(Arc::clone(&desk), guard);
        ready(url)?;
        let ended = async { drop(tokio::signal::ctrl_c().await) };
        axum::serve(listener, app).with_graceful_shutdown(ended).await.map_err(cannot)?;
        Ok::<_, Error>(())
    });
    // A store's connections may only be ended outside of the runtime.
    drop(runtime);
    drop(desk);
    served
}

fn router(desk: Arc<Desk>, guard: Guard) -> Router {
    let common = Router::new()
        .route("/", get(begin))
        .route("/desk.css", get(style))
        .route("/desk.js", get(script))
        .route("/{language}/card", get(card))
        .route("/{language}/paper/holder", post(holder));
    let clerk = Router::new()
        .route("/{language}/do/{what}", post(act))
        .route("/{language}/again", post(again))
        .route("/{language}/done/{request}", get(done))
        .route("/{language}/paper/statement", get(statement))
        .route("/{language}/paper/{kind}/{request}", get(paper));
    let own = if desk.holder { common } else { common.merge(clerk) };
    own.route("/{language}/", get(page))
        .layer(DefaultBodyLimit::max(FORM))
        .layer(from_fn_with_state(Arc::new(guard), guarded))
        .with_state(desk)
}

type Shared = State<Arc<Desk>>;

/// Work with a card or the ledger, which may take its time.
async fn work<T: Send + 'static>(
    desk: Arc<Desk>,
    work: impl FnOnce(&Desk) -> T + Send + 'static,
) -> Result<T, Response> {
    let failed = |_| {
        (StatusCode::INTERNAL_SERVER_ERROR, "the desk has made a mistake: see how the sale stands\n")
            .into_response()
    };
    tokio::task::spawn_blocking(move || work(&desk)).await.map_err(failed)
}

/// The language of a path.
#[derive(Clone, Copy)]
struct In(Language);

impl<'de> Deserialize<'de> for In {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let code = String::deserialize(from)?;
        Language::from_code(&code)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("the language is ar or en"))
    }
}

async fn begin(State(desk): Shared) -> Redirect {
    Redirect::to(&format!("/{}/", desk.language.code()))
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], pages::STYLE).into_response()
}

async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], pages::SCRIPT).into_response()
}

async fn page(State(desk): Shared, Path(In(language)): Path<In>) -> Result<Html<String>, Response> {
    work(desk, move |desk| {
        let (seen, next) = desk.card();
        Html(if desk.holder { pages::holder(language, &seen) } else { pages::desk(language, &seen, &next) })
    })
    .await
}

/// The part of the page about the card, which the page asks for again and again.
async fn card(State(desk): Shared, Path(In(language)): Path<In>) -> Result<Html<String>, Response> {
    work(desk, move |desk| {
        let (seen, next) = desk.card();
        Html(pages::card(language, &seen, &next).into_string())
    })
    .await
}

/// What a form has.
#[derive(Deserialize)]
#[serde(default)]
struct Fields {
    request: String,
    card: String,
    amount: String,
    meter: String,
    account: String,
    reason: String,
    name: String,
    secret: String,
    national_id: String,
    valid_until: String,
    shown: String,
    police_report: String,
}

impl Default for Fields {
    fn default() -> Self {
        let [request, card, amount, meter, account, reason, name, secret] = [const { String::new() }; 8];
        let [national_id, valid_until, shown, police_report] = [const { String::new() }; 4];
        Self {
            request,
            card,
            amount,
            meter,
            account,
            reason,
            name,
            secret,
            national_id,
            valid_until,
            shown,
            police_report,
        }
    }
}

impl Fields {
    fn request(&self) -> Result<RequestId, Error> {
        self.request.parse().map_err(|_| given("the form has no request: open the desk anew"))
    }

    fn payee(&self) -> Result<Payee, Error> {
        match self.meter.is_empty() {
            true => card_id(&self.card).map(Payee::Card).ok_or_else(|| given("the form names no card")),
            false => Ok(Payee::Meter(self.meter()?)),
        }
    }

    fn meter(&self) -> Result<MeterId, Error> {
        meter_of(&western(&self.meter))
    }

    /// What the customer has shown. A number with a stroke in it is that of a receipt, any other that of the meter.
    fn shown(&self) -> Result<Documents, Error> {
        let some = |text: &str| Some(western(text)).filter(|text| !text.is_empty());
        let national_id = match self.national_id.trim() {
            "" => None,
            number => {
                let parsed = NationalId::parse(number);
                Some(parsed.map_err(|error| LedgerError::from(PaperRefusal::from(error)))?)
            }
        };
        let mut documents = Documents { national_id, ..Documents::default() };
        if let Some(text) = some(&self.valid_until) {
            documents.valid_until = Some(day(&text).map_err(given)?);
        }
        if let Some(text) = some(&self.shown) {
            match text.contains('/') {
                true => documents.receipt = Some(receipt(&text).map_err(given)?),
                false => documents.meter = Some(meter_of(&text)?),
            }
        }
        documents.police_report = Some(self.police_report.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(documents)
    }

    fn action(&self, what: &str) -> Result<Action, Error> {
        let card = || card_id(&self.card).ok_or_else(|| given("the form names no card: open the desk anew"));
        Ok(match what {
            "sell" => {
                let amount =
                    Piastres::from_egp(&western(&self.amount)).map_err(|error| given(error.to_string()))?;
                Action::Sell { card: card()?, amount }
            }
            "refresh" => Action::Refresh { card: card()? },
            "block" | "unblock" => Action::Block {
                of: self.payee()?,
                blocked: what == "block",
                reason: self.reason.trim().to_owned(),
            },
            "replace" => {
                let account = western(&self.account).parse().ok().filter(|account| *account != 0);
                let account = account.ok_or_else(|| given("the number of an account has digits only"))?;
                let reason = ReplaceReason::from_code(&self.reason);
                let reason =
                    reason.ok_or_else(|| given("a card is lost, damaged, returned, or an upgrade"))?;
                Action::Replace { meter: self.meter()?, account, reason }
            }
            _ => return Err(given("the desk cannot do that")),
        })
    }
}

fn meter_of(digits: &str) -> Result<MeterId, Error> {
    let meter = digits.parse::<MeterId>().ok().filter(|meter| meter.number() != 0);
    meter.ok_or_else(|| given("the number of a meter has digits only"))
}

/// A number as it is typed, in Western digits.
fn western(text: &str) -> String {
    numerals::western(text.trim()).collect()
}

async fn act(
    State(desk): Shared,
    Path((In(language), what)): Path<(In, String)>,
    Form(mut fields): Form<Fields>,
) -> Result<Response, Response> {
    let asked = fields.request().and_then(|id| Ok((id, fields.action(&what)?)));
    let asked = asked.and_then(|(id, action)| Ok((id, action, fields.shown()?)));
    fields.national_id.zeroize();
    let (id, action, shown) = match asked {
        Ok(asked) => asked,
        Err(error) => return Ok(wrong(language, &error)),
    };
    let to = format!("/{}/done/{id}", language.code());
    work(desk, move |desk| desk.act(&id, action, &shown)).await?;
    Ok(Redirect::to(&to).into_response())
}

/// What was typed cannot be: nothing was asked for.
fn wrong(language: Language, error: &Error) -> Response {
    let page = Html(pages::failed(language, &words(error)));
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

async fn again(
    State(desk): Shared,
    Path(In(language)): Path<In>,
    Form(mut fields): Form<Fields>,
) -> Result<Response, Response> {
    let secret = StaffSecret::parse(&fields.secret).map(Arc::new);
    fields.secret.zeroize();
    let id = match fields.request() {
        Ok(id) => id,
        Err(error) => return Ok(wrong(language, &error)),
    };
    let name = match Some(fields.name.trim()).filter(|name| !name.is_empty()).map(str::parse::<StaffName>) {
        Some(Err(error)) => return Ok(wrong(language, &given(error.to_string()))),
        name => name.and_then(Result::ok),
    };
    let to = format!("/{}/done/{id}", language.code());
    let done = work(desk, move |desk| desk.again(&id, name.map(|name| (name, secret)))).await?;
    Ok(done.map_or_else(|error| forgotten(language, &error), |()| Redirect::to(&to).into_response()))
}

async fn done(
    State(desk): Shared,
    Path((In(language), id)): Path<(In, String)>,
) -> Result<Response, Response> {
    let Ok(id) = id.parse::<RequestId>() else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let shown = work(desk, move |desk| {
        desk.done(&id, |done| Html(pages::done(language, &id, done, desk.has_staff())))
    })
    .await?;
    Ok(shown.map_or_else(|error| forgotten(language, &error), IntoResponse::into_response))
}

fn forgotten(language: Language, error: &Forgotten) -> Response {
    let page = Html(pages::failed(language, &[error.to_string(), error.to_string()]));
    (StatusCode::NOT_FOUND, page).into_response()
}

fn look(desk: &Desk, language: Language) -> Look {
    Look { language, digits: desk.digits, ..Look::default() }
}

fn answer(language: Language, made: Result<String, Error>) -> Response {
    match made {
        Ok(page) => Html(page).into_response(),
        Err(error) => wrong(language, &error),
    }
}

async fn paper(
    State(desk): Shared,
    Path((In(language), kind, id)): Path<(In, String, String)>,
) -> Result<Response, Response> {
    let (Ok(id), "receipt" | "slip") = (id.parse::<RequestId>(), kind.as_str()) else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    let made = work(desk, move |desk| desk.paper(&id, kind == "slip", look(desk, language))).await?;
    Ok(answer(language, made))
}

async fn statement(State(desk): Shared, Path(In(language)): Path<In>) -> Result<Response, Response> {
    Ok(answer(language, work(desk, move |desk| desk.statement(None, look(desk, language))).await?))
}

#[derive(Deserialize)]
struct Holder {
    number: String,
}

/// The holder's own page: the number that is printed on the card opens it.
async fn holder(
    State(desk): Shared,
    Path(In(language)): Path<In>,
    Form(mut fields): Form<Holder>,
) -> Result<Response, Response> {
    let mut typed = western(&fields.number);
    fields.number.zeroize();
    let access = AccessNumber::parse(&typed);
    typed.zeroize();
    let Ok(access) = access else {
        return Ok(wrong(
            language,
            &given("the access number has the 26 digits that are printed on the card"),
        ));
    };
    Ok(answer(language, work(desk, move |desk| desk.statement(Some(&access), look(desk, language))).await?))
}

impl Outcome {
    /// Whether the same again, under its id, is what comes next.
    pub(crate) const fn repeats(self) -> bool {
        matches!(self, Self::NotLoaded | Self::Failed)
    }
}
