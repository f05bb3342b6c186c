//! Lists, in pages.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use card_core::calendar::Calendar;
use jiff::civil::{Date, date};

use super::app::{App, Caller};
use super::convert;
use super::describe::WithoutBody;
use super::extract::Parameters;
use super::failure::Failure;
use super::handlers::json;
use card_channel::wire::{self, Code, SalesQuery};
use card_ledger::{MOST_SALES, SaleList, list_sales, times_of_day};

/// The sales of a vending point on a day, page by page, as they stand now.
///
/// Ask with the `next` of a page as `cursor` until it is null.
#[utoipa::path(get, path = "/v1/sales", operation_id = "sales", tag = "sales", params(SalesQuery),
    responses((status = 200, description = "A page.", body = wire::SalePage), WithoutBody))]
pub(super) async fn sales(
    State(app): State<App>,
    caller: Caller,
    Parameters(query): Parameters<SalesQuery>,
) -> Result<Response, Failure> {
    let who = caller.at(&query.point)?;
    let day = query.day.parse().ok().and_then(day_number);
    let none = "`day` is a day after 2019, as 2026-11-22";
    let day = day.ok_or_else(|| Failure::new(Code::Invalid, none))?;
    let (from, until) = times_of_day(&Calendar::EGYPT, day);
    let after = query.cursor.as_deref().map_or(Some(0), |cursor| cursor.parse().ok());
    let after = after.filter(|after| i64::try_from(*after).is_ok());
    let after = after.ok_or_else(|| Failure::malformed("`cursor` is the `next` of another page"))?;
    let most = query.most.unwrap_or(MOST_SALES);
    if !(1..=MOST_SALES).contains(&most) {
        return Err(Failure::malformed(format!("`most` is from 1 to {MOST_SALES}")));
    }
    let list = SaleList { point: who.point, party: Some(who.party), from, until, after, most };
    let page = app.run(&caller.party, move |office| list_sales(office.ledger(), &list)).await?;
    let sales = page.sales.iter().map(|sale| convert::sale(app.office(), sale, None));
    let sales = sales.collect::<Result<_, _>>()?;
    let next = page.next.map(|next| next.to_string());
    Ok(json(StatusCode::OK, &wire::SalePage { sales, next }))
}

fn day_number(day: Date) -> Option<u16> {
    u16::try_from(date(2020, 1, 1).until(day).ok()?.get_days()).ok()
}
