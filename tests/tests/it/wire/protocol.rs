//! What is asked, and what is answered.

use card_channel::client::ClientError;
use card_channel::wire::{
    Consent, EvidenceKind, EvidenceRequest, LinkRequest, Payee, SaleState, UnlinkQuery,
};
use card_host::card_core::id::CardId;
use card_host::card_core::message::Voucher;
use card_host::card_core::units::Piastres;
use card_host::issuer::BindingAccount;
use card_ledger::{BindingRecord, Evidence, PartyCode};

use super::served::{Served, sale};
use system_tests::world::load;

fn card(number: u64) -> Payee {
    Payee::Card(format!("{number:016X}"))
}

fn refused<T: std::fmt::Debug>(result: Result<T, ClientError>) -> (u16, String) {
    match result {
        Err(ClientError::Refused(problem)) => (problem.status, problem.code.clone()),
        other => panic!("refused was expected: {other:?}"),
    }
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn a_repetition_gives_the_very_same_bytes() {
    let served = Served::start();
    served.world.customer(7);
    let body = sale("fawry-1", 7, 5000, "received");
    let first = served.ask("POST", "/v1/sales", &served.fawry, Some("k-1"), &body);
    assert_eq!(first.status, 201, "{first:?}");
    let sold = first.json();
    assert_eq!(sold["state"], "certified");
    // 2.50 EGP of fees and 1 EGP of a levy.
    assert_eq!(sold["credit_piastres"], 5000 - 250 - 100);
    assert_eq!((sold["card"].as_str(), sold["meter"].as_str()), (Some("0000000000000007"), Some("7")));
    assert_eq!(sold["certified"]["voucher"].as_str().unwrap().len(), 220);
    assert!(sold["message"]["ar"].as_str().unwrap().contains("\u{2068}50.00\u{2069}"), "{sold}");
    for _ in 0..3 {
        served.world.clock.pass(10);
        let again = served.ask("POST", "/v1/sales", &served.fawry, Some("k-1"), &body);
        assert_eq!((again.status, &again.body), (201, &first.body));
    }
    let status = served.ask("GET", "/v1/sales/k-1", &served.fawry, None, "");
    assert_eq!((status.status, &status.body), (200, &first.body));
    assert_eq!(served.world.entries().iter().filter(|entry| entry.request.id.as_str() == "k-1").count(), 1);
    // The same id for something else, and the same id of somebody else.
    for other in [
        sale("fawry-1", 7, 5001, "received"),
        sale("fawry-1", 7, 5000, "pending"),
        sale("fawry-2", 7, 5000, "received"),
    ] {
        let answer = served.ask("POST", "/v1/sales", &served.fawry, Some("k-1"), &other);
        assert_eq!(answer.problem(409), "other-request");
    }
    assert_eq!(served.ask("GET", "/v1/sales/k-1", &served.cib, None, "").problem(404), "no-request");
    served.world.check();
}

#[test]
fn sales_in_steps() {
    let served = Served::start();
    served.world.customer(7);
    let client = served.client(&served.fawry);

    let announced = client.reserve("a", "fawry-1", &Payee::Meter("7".to_owned()), 5000).unwrap();
    assert_eq!(
        (announced.state, &announced.certified, &announced.message),
        (SaleState::Reserved, &None, &None)
    );
    assert_eq!(client.reserve("a", "fawry-1", &Payee::Meter("7".to_owned()), 5000).unwrap(), announced);
    assert_eq!(refused(client.refund("a", "fawry-1", "no")), is(409, "wrong-step"));
    assert_eq!(refused(client.confirm("a", "fawry-2", None)), is(409, "wrong-step"));
    let sold = client.confirm("a", "fawry-1", None).unwrap();
    assert_eq!(sold.state, SaleState::Certified);
    // By the number of a meter: which card it is, and what was on it, is not the seller's to know.
    let certified = sold.certified.clone().unwrap();
    assert_eq!((&sold.card, &certified.voucher), (&None, &None));
    assert_eq!(client.confirm("a", "fawry-1", None).unwrap(), sold);
    assert_eq!(client.status("a").unwrap(), sold);
    assert_eq!(refused(client.cancel("a", "fawry-1")), is(409, "already-confirmed"));
    let voucher = hex::decode(client.pending("0000000000000007").unwrap().voucher.unwrap()).unwrap();
    assert_eq!(Voucher::parse(&voucher).unwrap().card, CardId::from(7));
    // What the seller keeps is that voucher, for the company alone.
    let list = format!(r#"{{"request":"a","amount":5000,"voucher":"{}"}}"#, certified.kept.unwrap());
    let fawry: PartyCode = "fawry".parse().unwrap();
    let found = card_ledger::find_lost(&*served.world.ledger, &fawry, &mut list.as_bytes()).unwrap();
    assert_eq!((found.known, found.lost.len(), found.contradicting.len()), (1, 0, 0));

    client.reserve("b", "fawry-1", &card(7), 5000).unwrap();
    assert_eq!(client.cancel("b", "fawry-1").unwrap().state, SaleState::Cancelled);
    assert_eq!(client.cancel("b", "fawry-1").unwrap().state, SaleState::Cancelled);
    assert_eq!(refused(client.confirm("b", "fawry-1", None)), is(409, "cancelled"));

    // Paid, and blocked in between: 202 with the reason, until it is unblocked or given back.
    client.reserve("c", "fawry-1", &card(7), 5000).unwrap();
    client.reserve("d", "fawry-1", &card(7), 6000).unwrap();
    let world = &served.world;
    let on_card = card_ledger::Payee::Card(CardId::from(7));
    let block = |blocked| {
        world.office.block(&world.boss(), &world.id(), on_card, blocked, "reported lost").unwrap();
    };
    block(true);
    let body = r#"{"point":"fawry-1"}"#;
    let paid = served.ask("POST", "/v1/sales/c/confirm", &served.fawry, None, body);
    assert_eq!(paid.status, 202, "{paid:?}");
    assert_eq!(paid.json()["waits_for"]["code"], "card-blocked");
    assert_eq!(paid.json()["state"], "paid");
    let paid = client.confirm("d", "fawry-1", None).unwrap();
    assert_eq!((paid.state, paid.waits_for.unwrap().code.as_str()), (SaleState::Paid, "card-blocked"));
    for reason in ["", " ", "\u{a0}\u{3000}", "two\nlines", &"x".repeat(201)] {
        assert_eq!(refused(client.refund("d", "fawry-1", reason)), is(400, "malformed"), "{reason:?}");
    }
    assert_eq!(client.status("d").unwrap().state, SaleState::Paid, "nobody said why");
    assert_eq!(client.refund("d", "fawry-1", "card blocked").unwrap().state, SaleState::Refunded);
    assert_eq!(refused(client.confirm("d", "fawry-1", None)), is(409, "refunded"));
    assert_eq!(refused(client.sell("e", "fawry-1", &card(7), 5000)), is(422, "card-blocked"));
    assert_eq!(refused(client.pending("0000000000000007")), is(422, "card-blocked"));
    block(false);
    assert_eq!(client.confirm("c", "fawry-1", None).unwrap().state, SaleState::Certified);
    world.check();
}

/// What a card shows: its receipt, as if its contract stood like this.
fn receipt_of(served: &Served, record: &BindingRecord) -> String {
    hex::encode(served.world.receipt(&mut served.world.card(record)))
}

/// A body with what the card in the reader shows.
fn showing(body: &str, receipt: &str) -> String {
    body.replacen('{', &format!(r#"{{"receipt":"{receipt}","#), 1)
}

/// The card has a certificate that the books do not know: before any money where that is possible, and never with a voucher.
#[test]
fn a_card_above_the_books() {
    let served = Served::start();
    let (world, opened) = (&served.world, served.world.customer(7));
    world.sell(7, 10_000);
    let known = world.record(7);
    let total = Piastres(known.held.total_credit.0 + 50_000);
    let held = BindingAccount { sequence: known.held.sequence + 4, total_credit: total, ..known.held };
    let above = receipt_of(&served, &BindingRecord { held, ..opened });
    let (same, other) = (receipt_of(&served, &known), receipt_of(&served, &world.customer(8)));
    let ask = |path: &str, key: Option<&str>, body: &str| served.ask("POST", path, &served.fawry, key, body);
    let confirm = |id: &str, receipt: &str| {
        ask(&format!("/v1/sales/{id}/confirm"), None, &showing(r#"{"point":"fawry-1"}"#, receipt))
    };
    for id in ["a", "b", "c"] {
        let body = showing(&sale("fawry-1", 7, 5000, "pending"), &same);
        assert_eq!(ask("/v1/sales", Some(id), &body).status, 201);
    }
    // Confirmed with another card: booked, since it is paid, and certified once the right one is there.
    let paid = confirm("a", &other);
    assert_eq!((paid.status, &paid.json()["state"]), (202, &"paid".into()), "{paid:?}");
    assert_eq!(paid.json()["waits_for"]["code"], "bad-evidence");
    assert!(confirm("a", "00").json()["waits_for"]["code"] == "bad-evidence");
    let certified = confirm("a", &same);
    assert_eq!((certified.status, &certified.json()["state"]), (200, &"certified".into()), "{certified:?}");
    // What has come to its end is answered without the card.
    assert_eq!(confirm("a", &other), certified);

    // The books are an older copy, and nobody has said so: the card that comes to pay tells.
    let cash = world.balance("cash:fawry-1");
    let paid = confirm("b", &above);
    assert_eq!((paid.status, &paid.json()["waits_for"]["code"]), (202, &"books-behind".into()), "{paid:?}");
    let booked = (world.balance("cash:fawry-1"), world.balance("paid:fawry-1"));
    assert_eq!(booked, (cash + 5000, -5000), "it is paid, and not sold");
    // Whoever is not told of a card knows it from then on, too.
    assert_eq!(confirm("c", &same).json()["waits_for"]["code"], "books-behind");
    for payment in ["received", "pending"] {
        let before = world.entries().len();
        let refused = ask("/v1/sales", Some("d"), &showing(&sale("fawry-1", 7, 5000, payment), &above));
        assert_eq!(refused.problem(422), "books-behind");
        assert_eq!(world.entries().len(), before, "before any money");
    }
    let client = served.client(&served.fawry);
    for id in ["b", "c"] {
        assert_eq!(client.refund(id, "fawry-1", "the card has more").unwrap().state, SaleState::Refunded);
    }
    world.check();
}

/// The same where nothing was announced: what the receipt shows is the first that the books hear of it.
#[test]
fn a_sale_to_a_card_above_the_books() {
    let served = Served::start();
    let (world, opened) = (&served.world, served.world.customer(7));
    let held = BindingAccount { sequence: 9, total_credit: Piastres(50_000), ..opened.held };
    let above = receipt_of(&served, &BindingRecord { held, ..opened });
    let body = showing(&sale("fawry-1", 7, 5000, "received"), &above);
    let refused = served.ask("POST", "/v1/sales", &served.fawry, Some("a"), &body);
    assert_eq!(refused.problem(422), "books-behind");
    assert!(refused.json()["message"]["ar"].is_string());
    assert_eq!(world.balance("cash:fawry-1"), 0, "no money was taken");
    assert_eq!(world.record(7).held.total_credit, Piastres::ZERO);
    world.check();
}

#[test]
fn a_second_person() {
    let served = Served::start();
    served.world.customer(7);
    let (client, second) = (served.client(&served.fawry), served.client(&served.second));
    assert_eq!(refused(client.sell("a", "fawry-1", &card(7), 1_500_000)), is(422, "approval-needed"));
    client.reserve("b", "fawry-1", &card(7), 1_500_000).unwrap();
    assert_eq!(refused(client.confirm("b", "fawry-1", None)), is(422, "approval-needed"));
    assert_eq!(refused(client.approve("b", "fawry-1")), is(403, "not-allowed"));
    let approved = second.approve("b", "fawry-2").unwrap();
    assert_eq!((approved.state, approved.approved_by.as_deref()), (SaleState::Reserved, Some("omar")));
    assert_eq!(client.confirm("b", "fawry-1", None).unwrap().state, SaleState::Certified);
    // Nobody approves what is their own.
    second.reserve("c", "fawry-1", &card(7), 1_500_000).unwrap();
    assert_eq!(refused(second.approve("c", "fawry-1")), is(403, "not-second-person"));
    // A sale in one step has nothing to approve.
    client.sell("d", "fawry-1", &card(7), 5000).unwrap();
    assert_eq!(refused(second.approve("d", "fawry-1")), is(409, "wrong-step"));
    served.world.check();
}

#[test]
fn links_of_a_bank() {
    let served = Served::start();
    served.world.customer(7);
    let bank = served.client(&served.cib);
    let number = "0000000000000007";
    assert_eq!(refused(bank.sell("a", "cib-1", &card(7), 5000)), is(422, "not-linked"));
    let consent = Consent { text: "2026-05".to_owned(), time: 1_790_000_000 };
    let link = LinkRequest { point: "cib-1".to_owned(), customer: "c&=/ö".to_owned(), consent };
    assert_eq!(refused(bank.link("l1", number, &link)), is(400, "malformed"));
    let link = LinkRequest { customer: "c&=/1".to_owned(), ..link };
    bank.link("l1", number, &link).unwrap();
    bank.link("l1", number, &link).unwrap();
    assert_eq!(bank.sell("a", "cib-1", &card(7), 5000).unwrap().state, SaleState::Certified);
    let ask = |customer: &str| UnlinkQuery { point: "cib-1".to_owned(), customer: customer.to_owned() };
    assert_eq!(refused(bank.unlink("l2", number, &ask("c-2"))), is(422, "not-linked"));
    bank.unlink("l3", number, &ask("c&=/1")).unwrap();
    bank.unlink("l3", number, &ask("c&=/1")).unwrap();
    assert_eq!(refused(bank.sell("b", "cib-1", &card(7), 5000)), is(422, "not-linked"));
    served.world.check();
}

#[test]
fn evidence_of_a_card() {
    let served = Served::start();
    let record = served.world.customer(7);
    let mut simulated = served.world.card(&record);
    let client = served.client(&served.fawry);
    // Its first charge is a branch's.
    let first = served.world.office.sell(&served.world.order(served.world.boss(), 7, 5000)).unwrap();
    let voucher = client.pending("0000000000000007").unwrap().voucher.unwrap();
    assert_eq!(voucher, hex::encode_upper(&first.certified.unwrap().voucher));
    let voucher = hex::decode(&voucher).unwrap();
    let Evidence::CardReceipt(receipt) = load(&mut simulated, &voucher) else { unreachable!() };
    let evidence = EvidenceRequest {
        point: "fawry-1".to_owned(),
        kind: EvidenceKind::CardReceipt,
        data: hex::encode(&receipt),
    };
    let answer = client.hand_in(&evidence).unwrap();
    assert_eq!((answer.known, answer.meter.as_str(), answer.finding.as_str()), (false, "7", "agrees"));
    assert!(client.hand_in(&evidence).unwrap().known);
    // The card has it, so it does not wait any more.
    assert_eq!(client.pending("0000000000000007").unwrap().voucher, None);
    let mut forged = receipt.clone();
    forged[40] ^= 1;
    let forged = EvidenceRequest { data: hex::encode(&forged), ..evidence };
    assert_eq!(refused(client.hand_in(&forged)), is(422, "bad-evidence"));
    served.world.check();
}

#[test]
fn who_may_ask() {
    let served = Served::start();
    served.world.customer(7);
    let body = sale("fawry-1", 7, 5000, "received");
    assert_eq!(served.ask("POST", "/v1/sales", "", Some("a"), &body).problem(401), "no-token");
    assert_eq!(served.ask("POST", "/v1/sales", "wrong", Some("a"), &body).problem(401), "no-token");
    let basic =
        b"GET /v1/sales/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic eDp5\r\n\r\n";
    assert_eq!(served.raw(basic).problem(401), "no-token");
    // A vending point of somebody else, and one that is none.
    assert_eq!(served.ask("POST", "/v1/sales", &served.cib, Some("a"), &body).problem(403), "unknown-point");
    let none = sale("fawry-9", 7, 5000, "received");
    assert_eq!(
        served.ask("POST", "/v1/sales", &served.fawry, Some("a"), &none).problem(403),
        "unknown-point"
    );
    // Revoked at once, although it was good a moment ago.
    assert_eq!(served.ask("POST", "/v1/sales", &served.fawry, Some("b"), &body).status, 201);
    let world = &served.world;
    let party: PartyCode = "fawry".parse().unwrap();
    assert_eq!(world.office.revoke_tokens(&world.boss(), &world.id(), &party, "front").unwrap(), 1);
    assert_eq!(served.ask("POST", "/v1/sales", &served.fawry, Some("b"), &body).problem(401), "no-token");
    // These need none.
    let status = served.ask("GET", "/v1/status", "", None, "");
    assert_eq!((status.status, status.json()["store"].as_bool()), (200, Some(true)));
    assert!(status.json()["time"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!(served.ask("GET", "/v1/openapi.json", "", None, "").status, 200);
}

#[test]
fn whatever_is_wrong_is_a_problem() {
    let served = Served::start();
    served.world.customer(7);
    let good = sale("fawry-1", 7, 5000, "received");
    let post = |key: Option<&str>, body: &str| served.ask("POST", "/v1/sales", &served.fawry, key, body);
    for (key, body) in [
        (None, good.as_str()),
        (Some(""), &good),
        (Some(".."), &good),
        (Some("a b"), &good),
        (Some("a"), "{"),
        (Some("a"), "[]"),
        (Some("a"), &good.replace("5000", "0")),
        (Some("a"), &good.replace("5000", "-1")),
        (Some("a"), &good.replace("5000", "50.5")),
        (Some("a"), &good.replace("5000", "1000000000001")),
        (Some("a"), &good.replace("5000", "\"5000\"")),
        (Some("a"), &good.replace("fawry-1", "Fawry 1")),
        (Some("a"), &good.replace("0000000000000007", "7")),
        (Some("a"), &good.replace("received", "maybe")),
        (Some("a"), &good.replace("\"point\"", "\"tip\":1,\"point\"")),
        (Some("a"), &good.replace("{\"card\"", "{\"meter\":\"7\",\"card\"")),
    ] {
        assert_eq!(post(key, body).problem(400), "malformed", "{key:?} {body}");
    }
    for (body, status, code) in [
        (good.replace("0000000000000007", "0000000000000008"), 404, "unknown-card"),
        (
            good.replace(r#""card":"0000000000000007""#, r#""meter":"99999999999999999999""#),
            404,
            "unknown-meter",
        ),
        (good.replace(r#""card":"0000000000000007""#, r#""meter":"8""#), 404, "unknown-meter"),
        (good.replace("5000", "99"), 422, "too-little"),
        (good.replace("5000", "2000001"), 422, "too-much"),
    ] {
        let answer = post(Some("a"), &body);
        assert_eq!(answer.problem(status), code);
        let message = &answer.json()["message"];
        assert!(message["en"].is_string() && message["ar"].is_string(), "{message}");
    }
    let ask = |method: &str, path: &str| served.ask(method, path, &served.fawry, None, "");
    assert_eq!(ask("GET", "/v1/nothing").problem(404), "no-path");
    assert_eq!(ask("GET", "/").problem(404), "no-path");
    let other = ask("DELETE", "/v1/sales");
    assert_eq!(other.problem(405), "no-method");
    assert!(other.head.contains("allow: post"), "{}", other.head);
    assert_eq!(ask("GET", "/v1/sales/none").problem(404), "no-request");
    assert_eq!(ask("GET", "/v1/sales/%2E%2E").problem(400), "malformed");
    assert_eq!(ask("GET", "/v1/sales/%FF").problem(400), "malformed");
    assert_eq!(ask("GET", "/v1/cards/xyz/pending").problem(400), "malformed");
    assert_eq!(ask("DELETE", "/v1/cards/0000000000000007/link").problem(400), "malformed");
    let text = format!(
        "POST /v1/sales HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nIdempotency-Key: a\r\n\
         Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{good}",
        served.fawry,
        good.len()
    );
    assert_eq!(served.raw(text.as_bytes()).problem(415), "media-type");
    // A whole number is one however it is written.
    assert_eq!(post(Some("whole"), &good.replace("5000", "5000.0")).status, 201);
    // Nothing of all this was written.
    assert!(served.world.entries().iter().all(|entry| entry.request.id.as_str() != "a"));
}

#[test]
fn a_receipt_is_a_page_for_the_customer_and_a_proof_for_whoever_asks() {
    let served = Served::start();
    served.world.customer(7);
    let body = sale("fawry-1", 7, 5000, "received");
    let sold = served.ask("POST", "/v1/sales", &served.fawry, Some("k-1"), &body).json();
    let path = format!("/v1/receipts/fawry-1/{}", sold["number"]);
    let page = |query: &str, token: &str, accept: &str| {
        let head = format!("GET {path}{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        served.raw(format!("{head}Authorization: Bearer {token}\r\nAccept: {accept}\r\n\r\n").as_bytes())
    };
    let answer = served.ask("GET", &path, &served.fawry, None, "");
    assert_eq!((answer.status, &answer.json()["sale"]), (200, &sold));
    let proof = answer.json()["proof"].as_str().unwrap().to_owned();

    let arabic = page("", &served.fawry, "text/html,application/xhtml+xml;q=0.9");
    let said = String::from_utf8(arabic.body.clone()).unwrap();
    assert!(
        arabic.status == 200 && said.starts_with("<!DOCTYPE html>") && said.contains("dir=\"rtl\""),
        "{said}"
    );
    assert!(said.contains(&proof) && said.contains("رسم النظافة") && said.contains(">46.50<"), "{said}");
    let english = page("?language=en&digits=arabic", &served.fawry, "text/html");
    let said = String::from_utf8(english.body).unwrap();
    assert!(said.contains("Cleaning fee") && said.contains("٤٦٫٥٠"), "{said}");

    // Of the channel that sold it alone, and of what is there.
    assert_eq!(page("", &served.cib, "text/html").problem(404), "no-request");
    for (path, status, code) in [
        ("/v1/receipts/fawry-1/999", 404, "no-request"),
        ("/v1/receipts/nowhere/1", 404, "no-request"),
        ("/v1/receipts/fawry-1/0", 400, "malformed"),
        ("/v1/receipts/fawry-1/x", 400, "malformed"),
        ("/v1/receipts/fawry-1/1?language=fr", 400, "malformed"),
    ] {
        assert_eq!(served.ask("GET", path, &served.fawry, None, "").problem(status), code, "{path}");
    }
    let pending = sale("fawry-1", 7, 5000, "pending");
    let announced = served.ask("POST", "/v1/sales", &served.fawry, Some("k-2"), &pending).json();
    let path = format!("/v1/receipts/fawry-1/{}", announced["number"]);
    assert_eq!(served.ask("GET", &path, &served.fawry, None, "").problem(409), "wrong-step");
}
