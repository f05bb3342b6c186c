//! A day of four channels is settled against their own files, and what differs is found, and nothing else.

use card_host::card_core::id::Channel;
use card_host::card_core::units::{CardTime, Piastres};
use card_host::card_work::development_scope;
use card_ledger::{
    Columns, Commission, Difference, Matched, Party, Policy, Refusal, RequestKey, Settlement, SqliteLedger,
    Stands, match_file, settlement, write_settlement,
};
use std::fmt::Write as _;
use std::sync::Arc;
use system_tests::world::{World, bank, refused, wallet, who};

use super::books::Books;

const CUSTOMERS: u64 = 50;
/// Sales of each of the four channels.
const EACH: u64 = 2_500;

/// From now on, for ever.
const ALWAYS: CardTime = CardTime(u32::MAX);

fn rules(world: &World) -> Policy {
    let mut rules = world.office.policy().unwrap().1;
    // Fawry keeps 1 %, wallets 50 piastres and 0.5 %, banks nothing.
    rules.channels.get_mut("kiosk").unwrap().commission = Some(Commission { fixed: 0, permille: 10 });
    rules.channels.get_mut("wallet").unwrap().commission = Some(Commission { fixed: 50, permille: 5 });
    rules
}

fn set_rules(world: &World) {
    world.office.set_policy(&world.boss(), &world.id(), None, &rules(world)).unwrap();
}

fn of(world: &World, party: &str) -> Settlement {
    settlement(&*world.ledger, &party.parse().unwrap(), CardTime(1), ALWAYS).unwrap()
}

fn compared(world: &World, settled: &Settlement, columns: &Columns, file: &str) -> Matched {
    match_file(&*world.ledger, settled, columns, &mut file.as_bytes()).unwrap()
}

/// 10,000 sales. SQLite writes for one at a time, so all are sold by one.
fn day() -> World {
    let world = World::over(Arc::new(SqliteLedger::in_memory(development_scope()).unwrap()));
    set_rules(&world);
    let aman = Party { code: "aman".parse().unwrap(), channel: Channel::Kiosk, open: true };
    world.office.set_party(&world.boss(), &world.id(), &aman).unwrap();
    world.add_point("aman-1", "aman", Default::default());
    for number in 1..=CUSTOMERS {
        world.customer(number);
        let link = |id| {
            let card = card_host::card_core::id::CardId::from(number);
            world.office.link(&bank(), id, card, "c", "text")
        };
        link(&world.id()).unwrap();
    }
    for (party, point) in
        [("fawry", "fawry-1"), ("aman", "aman-1"), ("cib", "cib-1"), ("vodafone", "vodafone-1")]
    {
        for number in 0..EACH {
            let amount = 5_000 + number;
            let mut order = world.order(who(party, point, "front"), 1 + number % CUSTOMERS, amount);
            order.id = format!("{party}-{number}").parse().unwrap();
            world.office.sell(&order).unwrap();
        }
    }
    world
}

/// What each channel writes of its own: other names, other units, other lines.
fn own_file(settled: &Settlement) -> (Columns, String) {
    let egp = |piastres: i64| format!("{}{}.{:02}", "", piastres / 100, piastres % 100);
    match settled.party.as_str() {
        "fawry" => {
            let columns = r#"{"request":"TxnRef","amount":"Paid Amount","unit":"egp","separator":";","skip":2,
                "only":{"column":"Status","is":["SUCCESS"]}}"#;
            let mut file = "Fawry\nreport of a day\nTxnRef;Status;Paid Amount\n".to_owned();
            for (id, line) in &settled.lines {
                writeln!(file, "{id};success;{}", egp(line.amount)).unwrap();
            }
            file += "fawry-failed;FAILED;70.00\n";
            (Columns::from_json(columns).unwrap(), file)
        }
        "cib" => {
            let columns = r#"{"request":"reference","amount":"value","unit":"egp","thousands":","}"#;
            let mut file = "\"value\",\"reference\"\n".to_owned();
            for (id, line) in &settled.lines {
                // 5,012.34 has a comma of its own.
                let (thousands, rest) = (line.amount / 100_000, line.amount % 100_000);
                let text = match thousands {
                    0 => egp(rest),
                    _ => format!("{thousands},{:03}.{:02}", rest / 100, rest % 100),
                };
                writeln!(file, "\"{text}\",\"{id}\"").unwrap();
            }
            (Columns::from_json(columns).unwrap(), file)
        }
        _ => {
            let mut file = Vec::new();
            write_settlement(settled, &mut file).unwrap();
            (Columns::default(), String::from_utf8(file).unwrap())
        }
    }
}

#[test]
fn twenty_differences_in_ten_thousand_sales_are_found_and_nothing_else() {
    let world = day();
    let mut found = Vec::new();
    let mut put_in = Vec::new();
    let mut same = 0;
    for (index, party) in ["fawry", "aman", "cib", "vodafone"].into_iter().enumerate() {
        let settled = of(&world, party);
        assert_eq!(settled.lines.len() as u64, EACH, "{party}");
        let sum = (0..EACH).map(|number| 5_000 + number).sum::<u64>();
        assert_eq!((settled.taken, settled.given_back), (sum, 0), "{party}");
        let (columns, file) = own_file(&settled);
        let whole = compared(&world, &settled, &columns, &file);
        assert_eq!(whole.differences, [], "{party}: its own file, as it is");
        assert_eq!((whole.same, whole.here, whole.there), (EACH, sum as i64, sum as i64), "{party}");
        // Two lines are missing, one is there that we never sold, one was never paid, and one has another amount.
        let first = index * 100;
        let missing = [format!("{party}-{}", 11 + first), format!("{party}-{}", 12 + first)];
        let changed = format!("{party}-{}", 13 + first);
        let (changed_from, changed_to) = (5_013 + first as i64, 5_014 + first as i64);
        let lines: Vec<String> = file
            .lines()
            .filter(|line| !missing.iter().any(|id| has(line, id)))
            .map(|line| match has(line, &changed) {
                true => line
                    .replace(
                        &format!("{}.{:02}", changed_from / 100, changed_from % 100),
                        &format!("{}.{:02}", changed_to / 100, changed_to % 100),
                    )
                    .replace(&format!(",{changed_from},"), &format!(",{changed_to},")),
                false => line.to_owned(),
            })
            .collect();
        let unpaid = format!("{party}-unpaid");
        let seller = who(party, &format!("{party}-1"), "front");
        let mut order = world.order(seller, 1, 6_000);
        order.id = unpaid.parse().unwrap();
        world.office.reserve(&order).unwrap();
        let strange = format!("{party}-never");
        let more: Vec<String> = [&unpaid, &strange]
            .map(|id| match party {
                "fawry" => format!("{id};SUCCESS;60.00"),
                "cib" => format!("60.00,{id}"),
                _ => format!("{id},x,1,1,6000,0"),
            })
            .into();
        let file = [lines, more].concat().join("\n");
        let matched = compared(&world, &of(&world, party), &columns, &file);
        same += matched.same;
        let line_of = |id: &str| 1 + file.lines().position(|line| has(line, id)).unwrap() as u64;
        for (number, id) in missing.iter().enumerate() {
            let here = 5_011 + first as i64 + number as i64;
            put_in.push(Difference::OnlyHere { request: id.clone(), here });
        }
        put_in.push(Difference::Different {
            line: line_of(&changed),
            request: changed,
            here: changed_from,
            there: changed_to,
        });
        for (request, stands) in [(unpaid, Stands::NotPaid), (strange, Stands::Unknown)] {
            put_in.push(Difference::OnlyThere { line: line_of(&request), request, there: 6_000, stands });
        }
        found.extend(matched.differences);
    }
    assert_eq!(put_in.len(), 20);
    assert_eq!(same, 4 * (EACH - 3));
    let key = |difference: &Difference| difference.request().unwrap().to_owned();
    found.sort_by_key(key);
    put_in.sort_by_key(key);
    assert_eq!(found, put_in);
}

fn has(line: &str, id: &str) -> bool {
    line.split([',', ';']).any(|field| field.trim_matches('"') == id)
}

#[test]
fn what_wallets_and_banks_take_is_owed_and_no_cash() {
    let books = Books::new();
    let world = &books.world;
    set_rules(world);
    world.customer(1);
    let sold = world.office.sell(&world.order(wallet(), 1, 10_000)).unwrap();
    let order = world.order(wallet(), 1, 7_000);
    world.office.reserve(&order).unwrap();
    world.office.confirm(&wallet(), &order.id, None).unwrap();
    assert_eq!((world.balance("receivable:vodafone"), world.balance("cash:vodafone-1")), (17_000, 0));
    let settled = of(world, "vodafone");
    // 50 piastres and 5 thousandths of each.
    let commission = 50 + 50 + 50 + 35;
    assert_eq!(
        (settled.taken, settled.commission, settled.due),
        (17_000, commission, 17_000 - commission as i64)
    );
    let vodafone = "vodafone".parse().unwrap();
    let (id, boss) = (world.id(), world.boss());
    let settle = |received| {
        world.office.settle(&boss, &id, &vodafone, Piastres(received), Piastres(commission), "2026-12-01")
    };
    let entry = settle(16_000).unwrap();
    assert_eq!(settle(16_000).unwrap(), entry, "the same again");
    assert_eq!(refused(settle(16_001)), Refusal::OtherRequest(id.clone()));
    assert_eq!(world.balance("receivable:vodafone"), 17_000 - 16_000 - i128::from(commission));
    assert_eq!((world.balance("bank"), world.balance("commission:vodafone")), (16_000, commission.into()));
    // Who takes cash hands over cash.
    let cash =
        world.office.settle(&boss, &world.id(), &"fawry".parse().unwrap(), Piastres(1), Piastres(0), "");
    assert!(matches!(refused(cash), Refusal::Invalid(_)));
    // The wallet takes 100 EGP back: its customer owes them.
    let of_sale = RequestKey { party: vodafone.clone(), id: sold.request.id.clone() };
    let back = world.office.charge_back(&boss, &of_sale, "the customer says it was somebody else").unwrap();
    assert_eq!(world.office.charge_back(&boss, &of_sale, "again").unwrap(), back, "once for each sale");
    assert_eq!((world.balance("debt:1"), world.balance("receivable:vodafone")), (10_000, 815 - 10_000));
    let settled = of(world, "vodafone");
    assert_eq!((settled.taken, settled.given_back, settled.lines.len()), (17_000, 10_000, 1));
    let kiosk_sale = world.sell(1, 8_000);
    let of_sale = RequestKey { party: "fawry".parse().unwrap(), id: kiosk_sale.request.id.clone() };
    assert!(matches!(refused(world.office.charge_back(&boss, &of_sale, "no")), Refusal::Invalid(_)));
    world.check();
    let report = books.audit(&[]);
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn what_was_paid_and_given_back_is_no_line() {
    let books = Books::new();
    let world = &books.world;
    world.customer(1);
    let order = world.order(wallet(), 1, 7_000);
    world.office.reserve(&order).unwrap();
    // The card is blocked between announcement and payment: it is paid, and gets no voucher.
    let card = order.payee;
    world.office.block(&world.boss(), &world.id(), card, true, "lost").unwrap();
    world.office.confirm(&wallet(), &order.id, None).unwrap();
    assert_eq!(of(world, "vodafone").due, 7_000);
    world.office.refund(&wallet(), &order.id, "blocked").unwrap();
    let settled = of(world, "vodafone");
    assert_eq!((settled.taken, settled.given_back, settled.due, settled.lines.len()), (7_000, 7_000, 0, 0));
    let file = format!("request,amount\n{},7000\n", order.id);
    let matched = compared(world, &settled, &Columns::default(), &file);
    let request = order.id.to_string();
    let only = Difference::OnlyThere { request, there: 7_000, line: 2, stands: Stands::GivenBack };
    assert_eq!(matched.differences, [only]);
    world.check();
    assert!(books.audit(&[]).is_clean());
}

#[test]
fn files_that_are_none_say_why() {
    let books = Books::new();
    let settled = of(&books.world, "fawry");
    let of_columns = |columns: &str, file: &str| {
        let columns = Columns::from_json(columns).map_err(|error| error.to_string())?;
        match_file(&*books.world.ledger, &settled, &columns, &mut file.as_bytes())
            .map_err(|error| error.to_string())
    };
    let error = of_columns(r#"{"amount":"Betrag"}"#, "request,amount\n").unwrap_err();
    assert!(error.contains("no column \"Betrag\"") && error.contains("request, amount"), "{error}");
    assert!(of_columns(r#"{"colour":"red"}"#, "").unwrap_err().contains("these are no columns"));
    let lines = of_columns("{}", "request,amount\na,1.5\n,5\nb\n").unwrap().differences;
    let unreadable: Vec<u64> = lines
        .iter()
        .filter_map(|line| if let Difference::Unreadable { line, .. } = line { Some(*line) } else { None })
        .collect();
    assert_eq!(unreadable, [2, 3, 4]);
}
