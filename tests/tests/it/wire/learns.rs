//! What a channel learns of a customer: every route, with every kind of token, against the table in docs/channels.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use card_host::card_core::calendar::Calendar;
use card_host::card_core::id::{CardId, Channel};
use card_ledger::{Party, PointLimits, Power};
use serde_json::Value;

use super::lists::written;
use super::served::{Answer, Served};

/// A card, a meter and an account that are found again wherever they are told.
const CARD: u64 = 0x00AB_CDEF_0012_3456;
const METER: u64 = 7_777_123;
const ACCOUNT: u64 = 9_876_543_210_123;

/// Who asks: the party's code, and whether the token may approve.
const TOKENS: [(&str, Channel, Power); 8] = [
    ("l-branch", Channel::Branch, Power::Sell),
    ("l-branch", Channel::Branch, Power::Approve),
    ("l-kiosk", Channel::Kiosk, Power::Sell),
    ("l-kiosk", Channel::Kiosk, Power::Approve),
    ("l-bank", Channel::Bank, Power::Sell),
    ("l-bank", Channel::Bank, Power::Approve),
    ("l-wallet", Channel::Wallet, Power::Sell),
    ("l-wallet", Channel::Wallet, Power::Approve),
];

/// The rows of the table: the field, and whether it is told of a sale to a card and of one by the number of a meter.
fn table() -> BTreeMap<String, [bool; 2]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/channels.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("| of a sale, field |"));
    let rows = rows.skip(2).take_while(|line| line.starts_with("| `"));
    let table: BTreeMap<_, _> = rows
        .flat_map(|row| {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let told = [cells[2], cells[3]].map(|cell| cell.starts_with("yes"));
            cells[1].split(", ").map(|field| (field.trim_matches('`').to_owned(), told)).collect::<Vec<_>>()
        })
        .collect();
    assert!(table.len() > 15, "{table:?}");
    table
}

/// Every field of an answer that says something, by its path.
fn told(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Null => {}
        // What these say is told apart in their own place.
        Value::Object(fields) if !matches!(path, "message" | "waits_for") => {
            for (name, value) in fields {
                told(value, format!("{path}.{name}").trim_start_matches('.'), into);
            }
        }
        _ => {
            into.insert(path.to_owned());
        }
    }
}

struct Asked<'a> {
    served: &'a Served,
    table: BTreeMap<String, [bool; 2]>,
    /// Route and method, as the description writes them.
    routes: BTreeSet<(String, String)>,
    seen: BTreeSet<String>,
}

impl Asked<'_> {
    fn ask(
        &mut self,
        token: &str,
        (method, route): (&str, &str),
        path: &str,
        key: &str,
        body: &str,
    ) -> Answer {
        self.routes.insert((route.to_owned(), method.to_lowercase()));
        let key = (!key.is_empty()).then_some(key);
        let answer = self.served.ask(method, path, token, key, body);
        assert!(matches!(answer.status, 200..=204), "{method} {path}: {answer:?}");
        answer
    }

    /// The account and what was bought before are told to nobody; the card to nobody who has not named it.
    fn nothing_else(&self, answer: &Answer, by_meter: bool) {
        let text = String::from_utf8_lossy(&answer.body).to_uppercase();
        assert!(!text.contains(&ACCOUNT.to_string()), "{text}");
        if by_meter {
            assert!(!text.contains(&CardId::from(CARD).to_string()), "{text}");
            let voucher = hex::encode_upper(self.served.world.record(METER).voucher);
            assert!(!text.contains(&voucher), "{text}");
            // Its totals stand in it, in whatever message.
            assert!(!text.contains(&voucher[voucher.len() - 100..voucher.len() - 40]), "{text}");
        }
    }

    fn sale(&mut self, value: &Value, by_meter: bool) {
        let mut found = BTreeSet::new();
        told(value, "", &mut found);
        for field in &found {
            let row = self.table.get(field).unwrap_or_else(|| panic!("{field} stands in no row"));
            assert!(row[usize::from(by_meter)], "{field} is told: {value}");
        }
        self.seen.extend(found);
    }
}

#[test]
fn what_a_channel_learns_of_a_customer_is_what_the_table_says() {
    let served = Served::start();
    let world = &served.world;
    world.office.open(&world.opening(METER, ACCOUNT, CARD)).unwrap();
    let mut asked = Asked { served: &served, table: table(), routes: BTreeSet::new(), seen: BTreeSet::new() };
    for (index, (party, channel, power)) in TOKENS.into_iter().enumerate() {
        let code = party.parse().unwrap();
        let office = &world.office;
        let point = format!("{party}-1");
        if power == Power::Sell {
            let party = Party { code, channel, open: true };
            office.set_party(&world.boss(), &world.id(), &party).unwrap();
            let at = point.parse().unwrap();
            office.add_point(&world.boss(), &world.id(), &at, &party.code, PointLimits::default()).unwrap();
        }
        let party = party.parse().unwrap();
        let token = |actor: &str, power| {
            office.add_token(&world.boss(), &world.id(), &party, actor, power).unwrap().to_string()
        };
        let (token, second) = (token("first", power), token("second", Power::Approve));
        let card = CardId::from(CARD).to_string();
        if channel == Channel::Bank {
            let link = format!(
                r#"{{"point":"{point}","customer":"c-1","consent":{{"text":"1","time":1790000000}}}}"#
            );
            let path = format!("/v1/cards/{card}/link");
            let answer =
                asked.ask(&token, ("PUT", "/v1/cards/{card}/link"), &path, &format!("l{index}"), &link);
            assert!(answer.body.is_empty());
        }
        for by_meter in [false, true] {
            let payee =
                if by_meter { format!(r#""meter":"{METER}""#) } else { format!(r#""card":"{card}""#) };
            let body = |payment: &str| {
                format!(
                    r#"{{"point":"{point}","payee":{{{payee}}},"amount_piastres":6000,"payment":"{payment}"}}"#
                )
            };
            let at = format!(r#"{{"point":"{point}"}}"#);
            let id = |what: &str| format!("{what}{index}{by_meter}");
            let mut answers = Vec::new();
            let sell = ("POST", "/v1/sales");
            let sold = asked.ask(&token, sell, "/v1/sales", &id("at-once"), &body("received"));
            let number = sold.json()["number"].clone();
            answers.push(sold);
            for what in ["confirmed", "cancelled", "refunded"] {
                answers.push(asked.ask(&token, sell, "/v1/sales", &id(what), &body("pending")));
            }
            let mut step = |token: &str, what: &str, name: &str, body: &str| {
                let path = format!("/v1/sales/{}/{name}", id(what));
                asked.ask(token, ("POST", &format!("/v1/sales/{{id}}/{name}")), &path, "", body)
            };
            answers.push(step(&second, "confirmed", "approve", &at));
            answers.push(step(&token, "confirmed", "confirm", &at));
            answers.push(step(&token, "cancelled", "cancel", &at));
            // Blocked in between: it waits, says why, and is given back.
            let on_card = card_ledger::Payee::Card(CardId::from(CARD));
            world.office.block(&world.boss(), &world.id(), on_card, true, "lost").unwrap();
            answers.push(step(&token, "refunded", "confirm", &at));
            let refused = served.ask("POST", "/v1/sales", &token, Some(&id("none")), &body("received"));
            assert_eq!(refused.problem(422), "card-blocked");
            asked.nothing_else(&refused, by_meter);
            let mut step = |token: &str, what: &str, name: &str, body: &str| {
                let path = format!("/v1/sales/{}/{name}", id(what));
                asked.ask(token, ("POST", &format!("/v1/sales/{{id}}/{name}")), &path, "", body)
            };
            let reason = format!(r#"{{"point":"{point}","reason":"blocked"}}"#);
            answers.push(step(&token, "refunded", "refund", &reason));
            world.office.block(&world.boss(), &world.id(), on_card, false, "found").unwrap();
            answers.push(asked.ask(&token, sell, "/v1/sales", &id("at-once"), &body("received")));
            let path = format!("/v1/sales/{}", id("confirmed"));
            answers.push(asked.ask(&second, ("GET", "/v1/sales/{id}"), &path, "", ""));
            for answer in &answers {
                asked.nothing_else(answer, by_meter);
                asked.sale(&answer.json(), by_meter);
            }
            let path = format!("/v1/receipts/{point}/{}", number.as_u64().unwrap());
            let receipt = asked.ask(&second, ("GET", "/v1/receipts/{point}/{number}"), &path, "", "");
            asked.nothing_else(&receipt, by_meter);
            let receipt = receipt.json();
            assert_eq!(receipt.as_object().unwrap().keys().collect::<Vec<_>>(), ["proof", "sale"]);
            asked.sale(&receipt["sale"], by_meter);
            let html = format!(
                "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nAccept: text/html\r\n\r\n"
            );
            let page = served.raw(html.as_bytes());
            assert_eq!(page.status, 200, "{page:?}");
            asked.nothing_else(&page, by_meter);
        }
        // All of this party's, sold to the card and by the meter's number.
        let day = written(Calendar::EGYPT.local(world.office.now().unwrap()).day);
        let path = format!("/v1/sales?point={point}&day={day}");
        let page = asked.ask(&second, ("GET", "/v1/sales"), &path, "", "");
        asked.nothing_else(&page, false);
        let page = page.json();
        assert_eq!(page.as_object().unwrap().keys().collect::<Vec<_>>(), ["next", "sales"]);
        for sale in page["sales"].as_array().unwrap() {
            asked.sale(sale, sale["id"].as_str().unwrap().ends_with("true"));
        }
        let path = format!("/v1/cards/{card}/pending");
        let waiting = asked.ask(&token, ("GET", "/v1/cards/{card}/pending"), &path, "", "");
        asked.nothing_else(&waiting, false);
        assert_eq!(
            waiting.json().as_object().unwrap().keys().collect::<Vec<_>>(),
            ["card", "mail", "voucher"]
        );
        let record = world.record(METER);
        let receipt = hex::encode(world.receipt(&mut world.card(&record)));
        let evidence = format!(r#"{{"point":"{point}","kind":"card-receipt","data":"{receipt}"}}"#);
        let handed = asked.ask(&token, ("POST", "/v1/evidence"), "/v1/evidence", "", &evidence);
        asked.nothing_else(&handed, false);
        let keys = handed.json();
        assert_eq!(
            keys.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["binding", "finding", "known", "meter"]
        );
        if channel == Channel::Bank {
            let path = format!("/v1/cards/{card}/link?point={point}&customer=c-1");
            let route = ("DELETE", "/v1/cards/{card}/link");
            assert!(asked.ask(&token, route, &path, &format!("u{index}"), "").body.is_empty());
        }
    }
    for path in ["/v1/status", "/v1/openapi.json"] {
        asked.ask("", ("GET", path), path, "", "");
    }
    // Every route was asked, and every row of the table was seen.
    let description = served.ask("GET", "/v1/openapi.json", "", None, "").json();
    let described = description["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| (path.clone(), method.clone()))
    });
    assert_eq!(asked.routes, described.collect::<BTreeSet<_>>());
    let rows: BTreeSet<_> = asked.table.iter().filter(|(_, told)| told.contains(&true)).collect();
    let unseen: Vec<_> = rows.iter().filter(|(field, _)| !asked.seen.contains(*field)).collect();
    assert!(unseen.is_empty(), "{unseen:?}");
    world.check();
}
