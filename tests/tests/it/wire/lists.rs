//! A channel lists its own sales of a day, page by page.

use card_host::card_core::calendar::Calendar;
use card_ledger::{By, EntryId, end_of_day, list_sales, report, sale_by_receipt, sales_to, times_of_day};

use super::served::{Served, sale};

/// A local day as it is written.
pub(crate) fn written(day: u16) -> String {
    let begin = jiff::civil::date(2020, 1, 1);
    begin.checked_add(jiff::Span::new().days(i64::from(day))).unwrap().to_string()
}

#[test]
fn the_sales_of_a_day_come_in_pages() {
    let served = Served::start();
    let world = &served.world;
    world.customer(7);
    let mut ids = Vec::new();
    for number in 0..8 {
        let (id, payment) = (format!("list-{number}"), if number == 3 { "pending" } else { "received" });
        let body = sale("fawry-1", 7, 5_000 + number, payment);
        assert_eq!(served.ask("POST", "/v1/sales", &served.fawry, Some(&id), &body).status, 201);
        ids.push(id);
    }
    // The next day has one of its own.
    let today = Calendar::EGYPT.local(world.office.now().unwrap()).day;
    world.clock.set(end_of_day(&Calendar::EGYPT, today));
    let tomorrow = world.order(system_tests::world::kiosk(), 7, 9_000);
    world.office.sell(&tomorrow).unwrap();
    let day = written(today);
    let list = |token: &str, more: &str| {
        served.ask("GET", &format!("/v1/sales?point=fawry-1&day={day}{more}"), token, None, "")
    };
    let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let answer = list(&served.fawry, &format!("&most=3{cursor}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = answer.json();
        let sales = page["sales"].as_array().unwrap();
        assert!(sales.len() <= 3);
        found.extend(sales.iter().map(|sale| sale["id"].as_str().unwrap().to_owned()));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((found, pages), (ids, 3));
    // As each of them stands, to the byte.
    let page = list(&served.fawry, "").json();
    let one = served.ask("GET", "/v1/sales/list-3", &served.fawry, None, "").json();
    assert_eq!((&page["sales"][3], &page["sales"][3]["state"]), (&one, &"reserved".into()));
    let next_day = served.ask(
        "GET",
        &format!("/v1/sales?point=fawry-1&day={}", written(today + 1)),
        &served.fawry,
        None,
        "",
    );
    assert_eq!(next_day.json()["sales"][0]["id"], tomorrow.id.to_string());
    // Nobody lists what others sell, and what cannot be read is said.
    assert_eq!(list(&served.cib, "").problem(403), "unknown-point");
    for more in ["&most=0", "&most=101", "&cursor=x", "&cursor=18446744073709551615", "&colour=red"] {
        assert_eq!(list(&served.fawry, more).problem(400), "malformed", "{more}");
    }
    let wrong = served.ask("GET", "/v1/sales?point=fawry-1&day=2026-02-30", &served.fawry, None, "");
    assert_eq!(wrong.problem(422), "invalid");
}

#[test]
fn a_sale_is_found_and_sales_are_added_up() {
    let served = Served::start();
    let world = &served.world;
    world.customer(7);
    world.customer(8);
    let (one, other) = (world.sell(7, 10_000), world.sell(8, 20_000));
    let wallet = world.office.sell(&world.order(system_tests::world::wallet(), 7, 30_000)).unwrap();
    let ledger = &*world.ledger;
    assert_eq!(sale_by_receipt(ledger, &other.entry).unwrap(), Some(other.clone()));
    let none = EntryId { number: 1_000, ..other.entry.clone() };
    assert_eq!(sale_by_receipt(ledger, &none).unwrap(), None);
    let mut to = sales_to(ledger, world.record(7).binding()).unwrap();
    to.sort_by_key(|sale| sale.amount);
    assert_eq!(to, [one, wallet]);
    let today = Calendar::EGYPT.local(world.office.now().unwrap()).day;
    let (from, until) = times_of_day(&Calendar::EGYPT, today);
    let sums = |by| report(ledger, from, until, by).unwrap();
    let taken = |by| -> Vec<(String, u64, u64)> {
        sums(by).into_iter().map(|(of, sold)| (of, sold.payments, sold.taken)).collect()
    };
    let of = |of: &str, payments, taken| (of.to_owned(), payments, taken);
    assert_eq!(taken(By::Company), [of("", 3, 60_000)]);
    assert_eq!(taken(By::Day), [of(&today.to_string(), 3, 60_000)]);
    assert_eq!(taken(By::Party), [of("fawry", 2, 30_000), of("vodafone", 1, 30_000)]);
    assert_eq!(taken(By::Point), [of("fawry-1", 2, 30_000), of("vodafone-1", 1, 30_000)]);
    assert_eq!(taken(By::Channel), [of("kiosk", 2, 30_000), of("wallet", 1, 30_000)]);
    let all = sums(By::Company)[""];
    assert_eq!(all.credit + all.debts + all.fees + all.levies, all.taken);
    assert!(all.fees > 0 && all.levies > 0 && report(ledger, until, until, By::Day).unwrap().is_empty());
    let page = list_sales(
        ledger,
        &card_ledger::SaleList { point: other.entry.point, party: None, from, until, after: 0, most: 9 },
    );
    assert_eq!(page.unwrap().sales.len(), 2);
}
