//! The real programs, as people use them: `applet-sim` with a card in the virtual reader of a real pcscd, `cardctl` as its user runs it.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod books;
mod clock;
mod copies;
mod ledger;
mod life;
mod staff;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use card_core::access_number::AccessNumber;
use serde_json::Value;
use system_tests::pcscd::Pcscd;
use system_tests::programs::{CardProcess, Cardctl, Said, programs, run};
use tempfile::TempDir;

const READER: &str = "Virtual Test Reader 00 00";
const PROFILES: [&str; 3] = ["t1", "t0", "contactless"];

fn new_card(directory: &Path, name: &str, number: &str) -> PathBuf {
    let image = directory.join(name);
    let said =
        run(&programs().applet_sim, &["new", "--image", image.to_str().unwrap(), "--card-id", number], "");
    assert!(said.text().contains(number), "{said}");
    image
}

/// From a blank card to a holder who reads it. `between` may do with the card whatever keeps what is on it.
fn happy_path(cardctl: &Cardctl, directory: &Path, between: &mut dyn FnMut()) {
    let issued = cardctl.json(&["issue", "--meter", "17", "--account", "4711"]);
    assert_eq!((&issued["meter"], &issued["account"]), (&"17".into(), &"4711".into()));
    assert_eq!((&issued["generation"], &issued["binding"]), (&1.into(), &1.into()));
    let card = issued["card"].as_str().unwrap().to_owned();
    let number = issued["access_number"].as_str().unwrap().to_owned();
    assert_eq!(number.len(), 26);
    assert_eq!(cardctl.json(&["info"])["state"], "personalised");
    between();

    let mut total = 0;
    for (amount, piastres, channel) in [
        ("50.00", 5_000, "branch"),
        ("20", 2_000, "kiosk"),
        ("30.25", 3_025, "bank"),
        ("10.5", 1_050, "wallet"),
    ] {
        let said = cardctl.json(&["top-up", amount, "--channel", channel]);
        total += piastres;
        assert_eq!((&said["outcome"], &said["card"]), (&"Loaded".into(), &card.as_str().into()));
        assert_eq!((&said["amount"], &said["total_credit"]), (&piastres.into(), &total.into()));
        assert_eq!(said["state"], "active");
    }
    between();

    let file = directory.join("voucher.json");
    let path = file.to_str().unwrap();
    let said = cardctl.run(&["top-up", "7.75", "--channel", "wallet", "--out", path]);
    assert!(said.text().contains("Credit: 7.75 EGP.") && said.out.contains(path), "{said}");
    assert_eq!(cardctl.json(&["info"])["pending_credit"], total, "sold, but not yet loaded");
    assert_eq!(cardctl.run(&["load", path]).text(), "loaded\n");
    total += 775;
    assert_eq!(cardctl.json(&["info"])["pending_credit"], total);
    between();
    let said = cardctl.run(&["load", path]);
    assert!(said.text().contains("on the card already; nothing has changed"), "{said}");
    assert_eq!(cardctl.json(&["load", path])["outcome"], "AlreadyLoaded");
    let info = cardctl.json(&["info"]);
    assert_eq!((&info["pending_credit"], &info["meter_balance"]), (&total.into(), &Value::Null));

    let tap = cardctl.run(&["meter", "tap"]);
    assert!(
        tap.text().contains("applied 118.50 EGP") && tap.out.contains("balance in the meter: 118.50"),
        "{tap}"
    );
    let again = cardctl.json(&["meter", "tap", "--meter", "17"]);
    assert_eq!(
        (&again["outcome"], &again["balance"], &again["settled"]),
        (&"nothing".into(), &total.into(), &true.into())
    );
    between();

    let info = cardctl.json(&["info"]);
    assert_eq!((&info["card"], &info["state"]), (&card.as_str().into(), &"active".into()));
    assert_eq!((&info["pending_credit"], &info["meter_balance"]), (&0.into(), &total.into()));
    assert_eq!(info["environment"], "test");
    let text = cardctl.run(&["info"]);
    assert!(text.text().contains(&card) && text.out.contains("118.50 EGP"), "{text}");
    assert!(!text.out.contains("4711"), "the account is nobody's business: {text}");

    let desk = cardctl.json(&["show"]);
    let loads = desk["loads"].as_array().unwrap();
    let seen: Vec<_> = loads
        .iter()
        .map(|load| (load["channel"].as_str().unwrap(), load["credited"].as_u64().unwrap()))
        .collect();
    assert_eq!(
        seen,
        [("wallet", 775), ("wallet", 1_050), ("bank", 3_025), ("kiosk", 2_000), ("branch", 5_000)]
    );
    assert_eq!(
        (&desk["account"], &desk["total_credit"], &desk["settled_credit"]),
        (&"4711".into(), &total.into(), &total.into())
    );
    assert_eq!(desk["meter_receipt"]["balance"], total);
    let mut held = cardctl.json(&["show", "--access-number", &number]);
    held["in_the_ledger"] = serde_json::json!({ "standing": "in-use" });
    assert_eq!(held, desk, "the holder reads what the desk reads; the desk knows the ledger as well");
    // As it is printed, in groups.
    let grouped = format!("{}-{} {}", &number[..5], &number[5..10], &number[10..]);
    let shown = cardctl.run(&["show", "--access-number", &grouped]);
    let settled = shown.text().lines().find(|line| line.starts_with("settled credit "));
    assert!(settled.is_some_and(|line| line.ends_with(" 118.50 EGP")) && shown.err.is_empty(), "{shown}");
}

fn in_the_reader(profile: &str) {
    let pcscd = Pcscd::start();
    let directory = TempDir::new().unwrap();
    let image = new_card(directory.path(), "my.card", "00000000000000A1");
    let cardctl = Cardctl::new(READER, directory.path().join("data"));
    let begun = Instant::now();
    let mut inserted = Some(CardProcess::insert(&pcscd, &image, profile));
    let mut ends = 0;

    let readers = cardctl.json(&["readers"]);
    let empty = "Virtual Test Reader 00 01";
    assert_eq!(
        readers["readers"],
        serde_json::json!([{ "name": READER, "card": true }, { "name": empty, "card": false }])
    );
    assert_eq!(cardctl.run(&["readers"]).text(), format!("{READER}  card\n{empty}  empty\n"));
    let blank = cardctl.json(&["info"]);
    assert_eq!((&blank["card"], &blank["state"]), (&"00000000000000A1".into(), &"blank".into()));

    happy_path(&cardctl, directory.path(), &mut || {
        let before = inserted.take().unwrap();
        if ends % 2 == 0 {
            before.kill()
        } else {
            before.take_out()
        }
        ends += 1;
        inserted = Some(CardProcess::insert(&pcscd, &image, profile));
    });
    // The second slot is empty, which is no problem.
    let diagnosis = cardctl.json(&["doctor"]);
    let line = |check: &str| -> &Value {
        diagnosis["checks"].as_array().unwrap().iter().find(|line| line["check"] == check).unwrap()
    };
    assert_eq!((&line("state")["cause"], &line("state")["found"]), (&"good".into(), &"active".into()));
    assert_eq!(line("atr")["verdict"], "ok", "{diagnosis}");
    assert!(line("round_trip")["found"].as_str().unwrap().contains("median"), "{diagnosis}");
    assert!(line("payload")["found"].as_str().unwrap().contains("commands of 260 bytes"), "{diagnosis}");
    assert_eq!(line("keys")["cause"], "development_keys", "{diagnosis}");
    inserted.take().unwrap().take_out();
    println!("{profile}: {ends} cards taken out and put back, half of them killed; {:?}", begun.elapsed());
    assert_eq!(ends, 4);
}

#[test]
fn a_card_in_a_reader_over_contacts_in_blocks() {
    in_the_reader(PROFILES[0]);
}

#[test]
fn a_card_in_a_reader_over_contacts_by_characters() {
    in_the_reader(PROFILES[1]);
}

#[test]
fn a_card_on_a_contactless_reader() {
    in_the_reader(PROFILES[2]);
}

#[test]
fn the_simulated_card_without_a_reader() {
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    let mut times = 0;
    let cardctl = Cardctl::new("sim", &data);
    happy_path(&cardctl, directory.path(), &mut || times += 1);
    assert_eq!(times, 4);
    assert!(!cardctl.json(&["sim", "list"])["cards"].as_array().unwrap().is_empty());
}

#[test]
fn a_sale_that_is_refused_is_not_booked() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let cardctl = Cardctl::new("sim", directory.path().join("data"));
    let _ = cardctl.json(&["issue", "--meter", "1", "--account", "7"]);
    // Before the first charge at a branch; to a file that is there; to a directory that is not; nothing; with letters.
    fs::write(path("there"), "").unwrap();
    for arguments in [
        &["top-up", "50", "--channel", "kiosk"][..],
        &["top-up", "50", "--out", &path("there")],
        &["top-up", "50", "--out", &path("not/there")],
        &["top-up", "0"],
        &["top-up", "-5"],
    ] {
        let said = cardctl.run(arguments);
        assert!(said.status != Some(0) && said.out.is_empty() && !said.err.contains("panicked"), "{said}");
    }
    assert_eq!(cardctl.json(&["top-up", "50"])["total_credit"], 5_000);
    // A replacement starts with what was certified, so it shows what the books hold.
    let replaced = cardctl.json(&["replace", "--meter", "1", "--reason", "lost"]);
    assert!(replaced["replaces"].is_string(), "{replaced}");
    assert_eq!(cardctl.json(&["refresh"])["total_credit"], 5_000);
    assert_eq!(cardctl.json(&["meter", "tap"])["credit"], 5_000);
    // The replaced card is put back: sold to no more, and refused by the meter, with a status that says so.
    let old = replaced["replaces"].as_str().unwrap();
    let _ = cardctl.json(&["sim", "insert", old]);
    let said = cardctl.run(&["top-up", "50"]);
    assert!(said.status == Some(1) && said.err.contains("has been replaced"), "{said}");
    let said = cardctl.run(&["meter", "tap"]);
    assert!(said.status == Some(4) && said.out.contains("replaced"), "{said}");
}

/// Failures so far. Each must have a message of its own.
#[derive(Default)]
struct Failures(BTreeSet<String>);

impl Failures {
    /// The program ended with this status and said all of these words, on standard error, and nothing on standard output.
    fn check(&mut self, said: &Said, status: i32, words: &[&str]) {
        assert!(said.status == Some(status) || status == 1 && said.failed(), "{said}");
        assert_eq!(said.out, "", "{said}");
        for word in words {
            assert!(said.err.contains(word), "{word:?} is missing: {said}");
        }
        let beside = |line: &&str| {
            !line.contains("WARNING")
                && !line.starts_with("cardctl: request ")
                && !line.ends_with("waiting 5 s for it")
        };
        let message: Vec<&str> = said.err.lines().filter(beside).collect();
        if status == 1 {
            assert_eq!(message.len(), 1, "one line: {said}");
        }
        assert!(!said.err.contains("panicked"), "{said}");
        assert!(self.0.insert(message.join(" ")), "said before of something else: {said}");
    }
}

#[test]
fn each_failure_of_cardctl_says_what_it_is() {
    let mut failures = Failures::default();
    let mut pcscd = Pcscd::start();
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let image = new_card(directory.path(), "my.card", "00000000000000A1");
    let cardctl = Cardctl::new(READER, path("data"));
    let inserted = CardProcess::insert(&pcscd, &image, "contactless");

    // Not yet issued.
    failures.check(&cardctl.run(&["show"]), 1, &["has not been issued: issue it first"]);
    failures.check(&cardctl.run(&["top-up", "5"]), 1, &["ledger.sqlite does not exist here", "--data"]);
    assert_eq!(cardctl.json(&["ledger", "begin"])["begun"], true);
    failures.check(
        &cardctl.run(&["top-up", "5"]),
        1,
        &["00000000000000A1 was not issued here", "look at its number"],
    );
    let issued = cardctl.json(&["issue", "--meter", "17", "--account", "4711"]);
    let number = issued["access_number"].as_str().unwrap();

    // The first charge is at a branch.
    let said = cardctl.run(&["top-up", "5", "--channel", "kiosk", "--out", &path("early")]);
    assert_eq!(said.status, Some(0), "{said}");
    failures.check(&cardctl.run(&["load", &path("early")]), 1, &["not activated yet", "branch"]);
    let _ = cardctl.run(&["top-up", "5", "--channel", "branch"]).text();

    // Numbers on the command line.
    let other = AccessNumber::new([0x5A; 10]);
    let other = std::str::from_utf8(&*other.digits()).unwrap().to_owned();
    assert_ne!(other, number);
    failures.check(
        &cardctl.run(&["show", "--access-number", &other]),
        1,
        &["access number", "printed on this card"],
    );
    let last = if number.ends_with('0') { "1" } else { "0" };
    let mistyped = format!("{}{last}", &number[..25]);
    failures.check(
        &cardctl.run(&["show", "--access-number", &mistyped]),
        2,
        &["check digit is wrong", "--help"],
    );
    failures.check(&cardctl.run(&["show", "--access-number", "123"]), 2, &["26 digits"]);
    failures.check(&cardctl.run(&["top-up", "5.001"]), 2, &["5.001"]);
    failures.check(
        &cardctl.run(&["top-up", "5", "--channel", "post"]),
        2,
        &["branch, kiosk, bank or wallet"],
    );
    failures.check(&cardctl.run(&["issue", "--meter", "0", "--account", "1"]), 2, &["meter number"]);

    // Readers.
    let nobody = Cardctl { reader: "Nobody's".into(), ..cardctl.clone() };
    failures.check(&nobody.run(&["info"]), 1, &["no reader \"Nobody's\"", READER]);
    let empty = Cardctl { reader: "Virtual Test Reader 00 01".into(), ..cardctl.clone() };
    failures.check(&empty.run(&["info"]), 1, &["no card in the reader", "00 01", "insert it"]);

    // Another desk's card.
    let stranger = Cardctl { data: path("other data").into(), ..cardctl.clone() };
    failures.check(&stranger.run(&["show"]), 1, &["check that the keys are this card's"]);
    failures.check(&stranger.run(&["issue", "--meter", "17", "--account", "1"]), 1, &["blank"]);
    failures.check(
        &cardctl.run(&["issue", "--meter", "18", "--account", "1"]),
        1,
        &["issued already", "blank card"],
    );

    // Meters.
    failures.check(
        &cardctl.run(&["meter", "tap", "--meter", "99"]),
        1,
        &["no simulated meter", "issue a card for it"],
    );

    // Vouchers.
    let _ = cardctl.run(&["top-up", "5", "--out", &path("voucher")]).text();
    let voucher = fs::read_to_string(path("voucher")).unwrap();
    failures.check(&cardctl.run(&["top-up", "5", "--out", &path("voucher")]), 1, &["voucher", "exists"]);
    assert_eq!(fs::read_to_string(path("voucher")).unwrap(), voucher, "nothing is overwritten");
    failures.check(&cardctl.run(&["load", &path("none")]), 1, &["none", "No such file"]);
    for (name, content) in [
        ("garbage", b"\xFF\x00 no voucher \x80".to_vec()),
        ("truncated", voucher.as_bytes()[..voucher.len() / 2].to_vec()),
        ("huge", vec![b'{'; 100_000]),
        ("relabelled", voucher.replacen("00000000000000A1", "00000000000000A2", 1).into_bytes()),
    ] {
        fs::write(path(name), content).unwrap();
        failures.check(&cardctl.run(&["load", &path(name)]), 1, &[name, "is not a voucher", "top-up --out"]);
    }
    // Altered in its last byte, which only the card can tell.
    let (at, digit) = voucher.char_indices().rfind(|(_, c)| c.is_ascii_hexdigit()).unwrap();
    let altered = format!("{}{}{}", &voucher[..at], if digit == '0' { '1' } else { '0' }, &voucher[at + 1..]);
    fs::write(path("altered"), altered).unwrap();
    failures.check(
        &cardctl.run(&["load", &path("altered")]),
        1,
        &["authentication code is wrong", "fetch it again"],
    );

    // Another card in the reader.
    inserted.take_out();
    let second = new_card(directory.path(), "second.card", "00000000000000A2");
    let inserted = CardProcess::insert(&pcscd, &second, "contactless");
    let _ = cardctl.run(&["issue", "--meter", "18", "--account", "4712"]).text();
    failures.check(
        &cardctl.run(&["load", &path("voucher")]),
        1,
        &["for card 00000000000000A1", "card 00000000000000A2 is there"],
    );
    inserted.take_out();
    pcscd.wait_for_card(false);
    let inserted = CardProcess::insert(&pcscd, &image, "contactless");
    let said = cardctl.json(&["load", &path("voucher")]);
    assert_eq!(said["outcome"], "Loaded", "after all that went wrong, it is loaded");

    // The data directory.
    let lock = File::options().write(true).open(path("data/lock")).unwrap();
    lock.try_lock().unwrap();
    failures.check(&cardctl.run(&["show"]), 1, &["in use by another program", &path("data")]);
    // What needs no keys needs no data directory.
    let _ = cardctl.run(&["info"]).text();
    lock.unlock().unwrap();
    let _ = cardctl.run(&["info"]).text();
    fs::write(path("file"), "").unwrap();
    let no_directory = Cardctl { data: path("file").into(), ..cardctl.clone() };
    failures.check(&no_directory.run(&["show"]), 1, &["see that the directory can be written"]);
    let no_ledger = Cardctl { data: path("no ledger").into(), ..cardctl.clone() };
    let _ = no_ledger.run(&["ledger", "begin"]).text();
    fs::write(path("no ledger/ledger.sqlite"), vec![b'x'; 8192]).unwrap();
    failures.check(&no_ledger.run(&["ledger", "status"]), 1, &["not the ledger that is meant"]);
    // Nothing listens there.
    let database = ["--database", "postgres://127.0.0.1:1/none", "ledger", "status"];
    failures.check(&cardctl.run(&database), 1, &["cannot be used now", "nothing was written"]);
    let keys = fs::read(path("data/development-keys.json")).unwrap();
    fs::write(path("data/development-keys.json"), "{}").unwrap();
    failures.check(&cardctl.run(&["show"]), 1, &["development-keys.json"]);
    fs::write(path("data/development-keys.json"), keys).unwrap();

    // The simulated card.
    let simulated = Cardctl { reader: "sim".into(), ..cardctl.clone() };
    failures.check(
        &simulated.run(&["info"]),
        1,
        &["no simulated card in the simulated reader", "cardctl issue"],
    );
    let issued = simulated.json(&["issue", "--meter", "19", "--account", "4713"]);
    let image = format!("{}.card", issued["card"].as_str().unwrap());
    let in_data = path(&format!("data/{image}"));
    let mut bytes = fs::read(&in_data).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&in_data, &bytes).unwrap();
    failures.check(&simulated.run(&["info"]), 1, &[&image, "damaged at page"]);
    fs::write(&in_data, &bytes[..middle]).unwrap();
    failures.check(&simulated.run(&["info"]), 1, &[&image, "cut short"]);
    fs::write(&in_data, "no image").unwrap();
    failures.check(&simulated.run(&["info"]), 1, &[&image, "not a card image"]);

    // For programs, the same on one line of JSON.
    let said = nobody.run(&["--format", "json", "top-up", "5"]);
    let last: Value = serde_json::from_str(said.err.lines().last().unwrap()).unwrap();
    assert!(last["error"].as_str().unwrap().contains("Nobody's") && said.status == Some(7), "{said}");

    // The service.
    inserted.take_out();
    pcscd.wait_for_card(false);
    let both = Cardctl { reader: "virtual".into(), ..cardctl.clone() };
    failures.check(&both.run(&["info"]), 1, &["several readers", READER, "00 01"]);
    pcscd.stop();
    failures.check(&cardctl.run(&["info"]), 1, &["service is not running", "start"]);
    let said = cardctl.run(&["readers"]);
    assert!(said.status == Some(7) && said.err.contains("service is not running"), "{said}");
    let said = cardctl.run(&["doctor"]);
    assert!(said.status == Some(4) && said.out.contains("systemctl start pcscd"), "{said}");

    println!("{} failures, each with a message of its own", failures.0.len());
}

#[test]
fn each_failure_of_the_simulator_says_what_it_is() {
    let mut failures = Failures::default();
    let mut pcscd = Pcscd::start();
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let simulate = |image: &str, address: &str| {
        run(&programs().applet_sim, &["run", "--image", &path(image), "--vpcd", address], "")
    };
    let address = pcscd.vpcd_address().to_string();
    let image = new_card(directory.path(), "my.card", "00000000000000A1");

    let said = run(&programs().applet_sim, &["new", "--image", &path("my.card")], "");
    failures.check(&said, 1, &["my.card", "exists already"]);
    failures.check(&simulate("none.card", &address), 1, &["none.card"]);
    failures.check(&simulate("my.card", "nowhere"), 1, &["nowhere is not an address"]);
    failures.check(
        &simulate("my.card", "127.0.0.1:1"),
        1,
        &["no virtual reader is listening at 127.0.0.1:1"],
    );
    let wrong = ["run", "--image", &path("my.card"), "--profile", "t7"];
    failures.check(&run(&programs().applet_sim, &wrong, ""), 2, &["t1, t0, contactless"]);
    let wrong = ["new", "--image", &path("x"), "--card-id", "0"];
    failures.check(&run(&programs().applet_sim, &wrong, ""), 2, &["16 hexadecimal digits"]);

    let good = fs::read(&image).unwrap();
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(path("damaged.card"), damaged).unwrap();
    failures.check(&simulate("damaged.card", &address), 1, &["damaged.card", "damaged at page"]);
    fs::write(path("short.card"), &good[..middle]).unwrap();
    failures.check(&simulate("short.card", &address), 1, &["short.card", "cut short"]);
    fs::write(path("other.card"), vec![0; good.len()]).unwrap();
    failures.check(&simulate("other.card", &address), 1, &["other.card", "not a card image"]);

    let inserted = CardProcess::insert(&pcscd, &image, "t1");
    failures.check(&simulate("my.card", &address), 1, &["my.card", "in use by another process"]);
    pcscd.stop();
    let (status, said) = inserted.ended();
    assert!(
        status == Some(1) && said.contains("virtual reader ended: is pcscd still running?"),
        "{status:?} {said}"
    );
    failures.check(
        &simulate("my.card", &address),
        1,
        &["no virtual reader is listening", "vsmartcard-vpcd", &address],
    );
    println!("{} failures, each with a message of its own", failures.0.len());
}
