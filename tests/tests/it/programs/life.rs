//! A contract's whole life at the desk, with cards in the reader of a real pcscd and simulated meters.

use std::path::PathBuf;

use serde_json::Value;
use system_tests::pcscd::Pcscd;
use system_tests::programs::{CardProcess, Cardctl};
use tempfile::TempDir;

use super::{READER, new_card};

/// A desk with a reader. Each card has a name.
struct Desk {
    cardctl: Cardctl,
    inserted: Option<CardProcess>,
    pcscd: Pcscd,
    cards: Vec<(&'static str, PathBuf)>,
    directory: TempDir,
    paid: u64,
}

impl Desk {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let cardctl = Cardctl::new(READER, directory.path().join("data"));
        Self { cardctl, inserted: None, pcscd: Pcscd::start(), cards: Vec::new(), directory, paid: 0 }
    }

    /// Puts a card into the reader, blank where it is new.
    fn put(&mut self, name: &'static str) {
        if let Some(before) = self.inserted.take() {
            before.take_out();
        }
        let known = self.cards.iter().find(|(known, _)| *known == name).map(|(_, image)| image.clone());
        let image = known.unwrap_or_else(|| {
            let number = format!("00000000000000A{}", self.cards.len());
            let image = new_card(self.directory.path(), name, &number);
            self.cards.push((name, image.clone()));
            image
        });
        self.inserted = Some(CardProcess::insert(&self.pcscd, &image, "contactless"));
    }

    fn json(&self, arguments: &[&str]) -> Value {
        self.cardctl.json(arguments)
    }

    fn top_up(&mut self, egp: u64) {
        let amount = egp.to_string();
        let _ = self.json(&["top-up", &amount]);
        self.paid += egp * 100;
    }

    fn balance(&self, meter: &str) -> i64 {
        self.json(&["meter", "status", "--meter", meter])["balance"].as_i64().unwrap()
    }

    fn tap(&self, meter: &str) -> i64 {
        self.json(&["meter", "tap", "--meter", meter])["balance"].as_i64().unwrap()
    }

    /// What a technician's new card brings from a meter that is nobody's: what its final report says was left.
    fn technician(&mut self, name: &'static str, meter: &str) -> i64 {
        self.put(name);
        let _ = self.json(&["engineering", "--meter", meter]);
        assert_eq!(self.tap(meter), 0);
        self.final_report()
    }

    fn final_report(&self) -> i64 {
        let collected = self.json(&["collect"]);
        let mail = collected["mail"].as_array().unwrap();
        let report = mail.iter().find(|mail| mail["report"] == "final report");
        report.unwrap_or_else(|| panic!("no final report: {collected}"))["balance"].as_i64().unwrap()
    }

    fn account(&self, name: &str) -> i64 {
        let trial = self.json(&["ledger", "trial-balance"]);
        assert_eq!(trial["debits"], trial["credits"]);
        let line = trial["accounts"].as_array().unwrap().iter().find(|line| line["account"] == name);
        line.map_or(0, |line| line["debits"].as_i64().unwrap() - line["credits"].as_i64().unwrap())
    }

    /// The proof finds nothing, and nobody has an alarm to look into.
    fn in_order(&self) {
        let _ = self.json(&["audit", "key"]);
        assert_eq!(self.json(&["audit", "verify"])["clean"], true);
        let _ = self.json(&["reconcile"]);
    }
}

/// With 30 EGP on a card that is lost. `found_early`: somebody takes it to the meter before the new one.
fn lost(found_early: bool) {
    let mut desk = Desk::new();
    desk.put("first");
    let issued = desk.json(&["issue", "--meter", "1", "--account", "7"]);
    let first = issued["card"].as_str().unwrap().to_owned();
    desk.top_up(50);
    assert_eq!(desk.tap("1"), 5_000);
    desk.top_up(30);
    let _ = desk.json(&["block", "--meter", "1", "--reason", "lost"]);
    desk.put("second");
    let replace = ["--request", "lost-1", "replace", "--meter", "1", "--reason", "lost"];
    let second = desk.json(&replace)["card"].as_str().unwrap().to_owned();
    let _ = desk.json(&["refresh"]);
    if found_early {
        desk.put("first");
        assert_eq!(desk.tap("1"), 8_000, "each piastre once, whoever comes first");
        desk.put("second");
    }
    assert_eq!(desk.tap("1"), 8_000, "every piastre");
    // Found again, afterwards: refused by the meter, sold to by nobody, and the desk says by which card it was replaced.
    desk.put("first");
    let refused = desk.cardctl.run(&["meter", "tap", "--meter", "1"]);
    assert!(refused.status == Some(4) && refused.out.contains("replaced"), "{refused}");
    assert_eq!(desk.balance("1"), 8_000);
    let sold = desk.cardctl.run(&["top-up", "5"]);
    assert!(sold.failed() && sold.err.contains("has been replaced"), "{sold}");
    let found = desk.cardctl.run(&["found", &first]);
    assert!(found.failed() && found.err.contains(&second) && found.err.contains("take it in"), "{found}");
    desk.put("second");
    desk.top_up(20);
    assert_eq!(desk.tap("1"), 10_000);
    assert_eq!((desk.account("cash:office"), desk.account("credit")), (10_000, -10_000));
    desk.in_order();
}

#[test]
fn a_lost_card_costs_its_customer_nothing() {
    lost(false);
}

#[test]
fn a_lost_card_that_was_found_early_changes_nothing() {
    lost(true);
}

#[test]
fn a_household_from_its_first_card_to_the_end_of_the_next_ones_contract() {
    let mut desk = Desk::new();
    desk.put("first");
    let _ = desk.json(&["issue", "--meter", "1", "--account", "7"]);
    desk.top_up(300);
    assert_eq!(desk.tap("1"), 30_000);
    let _ = desk.json(&["meter", "run", "--meter", "1", "--days", "20"]);
    desk.top_up(100);
    // Lost with 100 EGP on it.
    desk.put("second");
    let _ = desk.json(&["replace", "--meter", "1", "--reason", "lost"]);
    let _ = desk.json(&["refresh"]);
    let before = desk.balance("1");
    assert_eq!(desk.tap("1"), before + 10_000);
    let _ = desk.json(&["meter", "run", "--meter", "1", "--days", "3"]);

    // Another meter; what was left in the old one follows with a technician's card.
    let exchange = ["--request", "new-1", "new-meter", "--from", "1", "--to", "2"];
    assert_eq!(desk.json(&exchange)["moved"], false);
    let left = desk.technician("technician", "1");
    desk.put("second");
    let moved = desk.json(&exchange);
    assert_eq!((&moved["moved"], moved["total_credit"].as_i64()), (&true.into(), Some(left)), "{moved}");
    let tap = desk.json(&["meter", "tap", "--meter", "2"]);
    assert_eq!(tap["credit"].as_i64(), Some(left));
    // The month goes on here: what the old meter took at its early end of it is taken at the true one.
    assert!(tap["balance"].as_i64() >= Some(left), "{tap}");
    let _ = desk.json(&["meter", "run", "--meter", "2", "--days", "3"]);
    desk.top_up(40);

    // Out, with 40 EGP that are on the card only.
    let out = ["--request", "out-1", "move-out", "--meter", "2"];
    let ended = desk.json(&out);
    assert_eq!((&ended["binding"], &ended["account"]), (&1.into(), &"7".into()));
    assert_eq!(desk.json(&out), ended, "once");
    let give = ["--request", "back-1", "ledger", "give-back", "--of", "2/1", "--reason", "moved out"];
    let early = desk.cardctl.run(&give);
    assert!(early.failed() && early.err.contains("no final report"), "{early}");
    let sold = desk.cardctl.run(&["top-up", "5"]);
    assert!(sold.failed() && sold.err.contains("is closed"), "{sold}");
    assert_eq!(desk.tap("2"), 0);
    let left = desk.final_report() + 4_000;
    let given = desk.json(&give);
    assert_eq!(given["paid"].as_i64(), Some(left), "{given}");
    assert_eq!(desk.json(&give), given, "once");
    let slip = desk.directory.path().join("slip.html");
    let _ = desk.json(&["slip", "back-1", "--out", slip.to_str().unwrap()]);

    // In: the next customer, whose contract the company ends.
    desk.put("third");
    let came = desk.json(&["move-in", "--meter", "2", "--account", "8"]);
    assert_eq!(
        (&came["account"], &came["binding"], &came["generation"]),
        (&"8".into(), &3.into(), &1.into())
    );
    desk.top_up(60);
    assert_eq!(desk.tap("2"), 6_000);
    let _ = desk.json(&["meter", "run", "--meter", "2", "--days", "2"]);
    let _ = desk.json(&["terminate", "--meter", "2", "--reason", "the house is torn down"]);
    let rest = desk.technician("second technician", "2");
    let by_bank = ["ledger", "give-back", "--of", "2/3", "--by", "transfer", "--reason", "torn down"];
    assert_eq!(desk.json(&by_bank)["paid"].as_i64(), Some(rest));
    // The card of an ended contract, found again, changes nothing.
    desk.put("third");
    let _ = desk.cardctl.run(&["meter", "tap", "--meter", "2"]);
    assert_eq!(desk.balance("2"), 0);

    // What was paid is in the till, at the bank, or used up.
    let paid = i64::try_from(desk.paid).unwrap();
    assert_eq!((desk.account("cash:office"), desk.account("bank")), (paid - left, -rest));
    assert_eq!((desk.account("credit"), desk.account("moves")), (0, 0));
    assert_eq!(desk.account("consumed"), -(paid - left - rest));
    desk.in_order();
}
