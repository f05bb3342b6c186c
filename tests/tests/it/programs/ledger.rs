//! `cardctl` and its ledger: what is killed, repeated, corrected, served and restored.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use card_channel::client::Client;
use card_channel::wire::Payee;
use serde_json::{Value, json};
use system_tests::programs::{Cardctl, Said, Server, programs};
use tempfile::TempDir;

/// A customer's card for meter 1, in a data directory of its own.
pub(super) struct Branch {
    directory: TempDir,
    pub(super) cardctl: Cardctl,
    pub(super) card: String,
}

impl Branch {
    pub(super) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let cardctl = Cardctl::new("sim", directory.path().join("data"));
        let issued = cardctl.json(&["issue", "--meter", "1", "--account", "7"]);
        let card = issued["card"].as_str().unwrap().to_owned();
        Self { directory, cardctl, card }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Ends with an error, and says these words.
    pub(super) fn refused(&self, arguments: &[&str], words: &[&str]) -> Said {
        let said = self.cardctl.run(arguments);
        assert!(said.failed() && said.out.is_empty() && !said.err.contains("panicked"), "{said}");
        for word in words {
            assert!(said.err.contains(word), "{word:?} is missing: {said}");
        }
        said
    }

    pub(super) fn statement(&self) -> Value {
        self.cardctl.json(&["ledger", "statement", "--meter", "1"])
    }

    /// Every account adds up, and every chain is what it was.
    pub(super) fn in_order(&self) {
        let balance = self.cardctl.json(&["ledger", "trial-balance"]);
        assert_eq!(balance["debits"], balance["credits"]);
        let _ = self.cardctl.json(&["audit", "key"]);
        assert_eq!(self.cardctl.json(&["audit", "verify"])["clean"], true);
    }
}

/// The voucher in a file that `top-up --out` wrote.
pub(super) fn voucher_in(path: &Path) -> String {
    let stored: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    stored["voucher"].as_str().unwrap().to_owned()
}

#[test]
fn a_sale_that_was_killed_is_repeated_with_its_request() {
    let branch = Branch::new();
    let data = branch.name("data");
    let begun = Instant::now();
    branch.refused(
        &["--request", "early", "top-up", "0.10", "--out", &branch.name("early")],
        &["at least 1.00"],
    );
    let whole = begun.elapsed();
    let rounds: u32 = 24;
    for round in 0..rounds {
        let request = format!("till-{round}");
        let sell = |out: &str| {
            let words = ["--data", &data, "--request", &request, "top-up", "10", "--out", out];
            words.map(str::to_owned)
        };
        let mut killed = Command::new(&programs().cardctl)
            .args(sell(&branch.name(&format!("killed-{round}"))))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Somewhere between its beginning and its end.
        std::thread::sleep(whole * round / rounds);
        let _ = killed.kill();
        let _ = killed.wait();
        let mut vouchers = Vec::new();
        for again in ["a", "b"] {
            let out = branch.path(&format!("{round}-{again}"));
            let words = ["--request", &request, "top-up", "10", "--out", out.to_str().unwrap()];
            let said = branch.cardctl.json(&words);
            assert_eq!(said["request"], request.as_str());
            vouchers.push(voucher_in(&out));
        }
        // The one that was killed may have got as far as writing it.
        let left = fs::read(branch.path(&format!("killed-{round}"))).unwrap_or_default();
        if let Ok(stored) = serde_json::from_slice::<Value>(&left) {
            vouchers.push(stored["voucher"].as_str().unwrap().to_owned());
        }
        vouchers
            .push(branch.cardctl.json(&["ledger", "sale", &request])["voucher"].as_str().unwrap().to_owned());
        assert!(vouchers.iter().all(|voucher| *voucher == vouchers[0]), "{round}: {vouchers:?}");
    }
    assert_eq!(branch.statement()["total_credit"], 1_000 * rounds, "each sold once");
    let said = branch.refused(&["--request", "till-0", "top-up", "11"], &["used for something else"]);
    assert!(said.err.contains("till-0"), "{said}");
    // On the card it is once, too; and repeating a sale that was loaded says so.
    let words = ["--request", "till-last", "top-up", "5"];
    assert_eq!(branch.cardctl.json(&words)["outcome"], "Loaded");
    assert_eq!(branch.cardctl.json(&words)["outcome"], "AlreadyLoaded");
    assert_eq!(branch.cardctl.json(&["info"])["pending_credit"], 1_000 * rounds + 500);
    branch.in_order();
}

#[test]
fn corrections_need_a_reason_and_large_ones_a_second_person() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let _ = cardctl.json(&["top-up", "3000"]);
    let debit = ["ledger", "debit", "--card", &branch.card, "10.50", "--reason", "typed wrong"];
    assert_eq!(cardctl.json(&debit)["total_debited"], 1_050);
    assert_eq!(cardctl.json(&["refresh"])["total_debited"], 1_050);
    let tap = cardctl.json(&["meter", "tap"]);
    assert_eq!((&tap["credit"], &tap["debit"]), (&300_000.into(), &1_050.into()));

    // Nobody says why, or who.
    let meter = ["--meter", "1", "--reason", " "];
    for command in ["block", "unblock"] {
        branch.refused(&[&[command], &meter[..]].concat(), &["say why"]);
    }
    for command in ["debit", "propose"] {
        branch.refused(&[&["ledger", command, "1"], &meter[..]].concat(), &["say why"]);
    }
    branch.refused(&["ledger", "debt", "7", "40", "--reason", ""], &["say why", "1 to 200 characters"]);
    branch.refused(&["ledger", "restored", "--reason", &"x".repeat(201)], &["say why"]);
    assert_eq!(cardctl.run(&["--actor", " ", "unblock", "--meter", "1", "--reason", "a"]).status, Some(2));

    let much = ["--meter", "1", "1500", "--to", "correction", "--reason", "sold twice"];
    branch.refused(&[&["ledger", "debit"], &much[..]].concat(), &["second person", "ledger propose"]);
    let propose = [&["--actor", "first", "--request", "p-1", "ledger", "propose"], &much[..]].concat();
    assert_eq!(cardctl.json(&propose)["request"], "p-1");
    let waiting = cardctl.json(&["ledger", "status"])["waiting"].clone();
    assert_eq!((&waiting[0]["request"], &waiting[0]["actor"]), (&"p-1".into(), &"first".into()));
    branch.refused(&["--actor", "first", "ledger", "approve", "p-1"], &["first cannot be the second person"]);
    let approve = ["--actor", "second", "ledger", "approve", "p-1"];
    let approved = cardctl.json(&approve);
    assert_eq!(approved["total_debited"], 151_050);
    assert_eq!(cardctl.json(&approve)["voucher"], approved["voucher"], "approved once");

    // A large sale is announced, approved and then made, all under one id.
    let large = ["--actor", "first", "--request", "s-1", "top-up", "15000"];
    branch.refused(&large, &["second person", "ledger approve s-1"]);
    branch.refused(&large, &["second person"]);
    let _ = cardctl.json(&["--actor", "second", "ledger", "approve", "s-1"]);
    let sold = cardctl.json(&large);
    assert_eq!((&sold["outcome"], &sold["amount"]), (&"Loaded".into(), &1_500_000.into()));
    let sale = cardctl.json(&["ledger", "sale", "s-1"]);
    assert_eq!((&sale["actor"], &sale["approved_by"]), (&"first".into(), &"second".into()));

    // A debt is paid with sales.
    assert_eq!(cardctl.json(&["ledger", "debt", "7", "40", "--reason", "a new meter"])["debt"], 4_000);
    let sold = cardctl.json(&["--request", "d-1", "top-up", "100"]);
    assert_eq!(sold["outcome"], "Loaded");
    let division = cardctl.json(&["ledger", "sale", "d-1"])["division"].clone();
    assert_eq!((&division["credit"], &division["debt"]), (&7_500.into(), &2_500.into()));

    let block = ["block", "--card", &branch.card, "--reason", "stolen"];
    assert_eq!(cardctl.json(&block)["blocked"], true);
    branch.refused(&["top-up", "10"], &["is blocked", "at a branch"]);
    let _ = cardctl.json(&["unblock", "--meter", "1", "--reason", "found"]);
    assert_eq!(cardctl.json(&["top-up", "10"])["outcome"], "Loaded");
    branch.in_order();
}

#[test]
fn a_branch_and_a_server_sell_at_the_same_time() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let _ = cardctl.json(&["top-up", "10"]);
    let _ = cardctl.json(&["ledger", "party", "fawry", "--channel", "kiosk"]);
    let _ = cardctl.json(&["ledger", "point", "fawry-1", "--party", "fawry"]);
    let made = cardctl.json(&["ledger", "token", "add", "fawry", "machine-1"]);
    let token = made["token"].as_str().unwrap().to_owned();
    let mut program = Command::new(&programs().cardctl);
    program.args(["--data", &branch.name("data"), "--format", "json"]);
    let server = Server::start(program);
    let client = Client::new(&format!("http://{}", server.address), &token).unwrap();
    let card = branch.card.clone();
    let kiosk = std::thread::spawn(move || {
        for number in 0..20 {
            let payee = Payee::Card(card.clone());
            client.sell(&format!("k-{number}"), "fawry-1", &payee, 100).unwrap();
        }
    });
    for _ in 0..5 {
        // The kiosk's voucher may be newer than that of the branch, and the card's own comes back with either.
        let _ = cardctl.json(&["top-up", "1"]);
    }
    kiosk.join().unwrap();
    assert_eq!(branch.statement()["total_credit"], 1_000 + 2_000 + 500);
    assert_eq!(cardctl.json(&["refresh"])["total_credit"], 3_500);
    let points = cardctl.json(&["ledger", "status"])["points"].clone();
    let point = points.as_array().unwrap().iter().find(|point| point["point"] == "fawry-1").unwrap();
    assert_eq!((&point["cash"], &point["sold_today"]), (&2_000.into(), &2_000.into()));
    branch.refused(&["serve", "--listen", &server.address], &["cannot listen"]);
    assert_eq!(server.stop(), Some(0));
    let close = ["ledger", "close-day", "fawry-1", "--counted", "19.50"];
    branch.refused(&close, &["say why"]);
    let day = cardctl.json(&[&close[..], &["--reason", "a coin was false"]].concat());
    assert_eq!((&day["booked_cash"], &day["difference"]), (&2_000.into(), &(-50).into()));
    let _ = cardctl.json(&["ledger", "deposit", "fawry-1", "19.50", "--reason", "bag 1"]);
    branch.in_order();
}

#[test]
fn what_a_copy_has_lost_comes_back_with_the_card() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let _ = cardctl.json(&["top-up", "50"]);
    let copy = branch.name("copy");
    let _ = cardctl.json(&["ledger", "backup", &copy]);
    branch.refused(&["ledger", "backup", &copy], &["exists"]);
    let _ = cardctl.json(&["audit", "key"]);
    let heads = cardctl.run(&["--format", "json", "audit", "sign"]);
    assert_eq!(heads.json()["heads"].as_array().unwrap().len(), 1);
    // Lost with the disk: a sale that is on the card, and a command.
    let _ = cardctl.json(&["top-up", "20"]);
    assert_eq!(cardctl.json(&["mail", "command", "read-out"])["version"], 1);
    assert_eq!(cardctl.json(&["meter", "tap"])["credit"], 7_000);
    for name in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = fs::remove_file(branch.path("data").join(name));
    }
    fs::copy(&copy, branch.path("data/ledger.sqlite")).unwrap();

    let restored = cardctl.two("fire-1", &["ledger", "restored", "--reason", "the disk died"]);
    assert_eq!(restored["epoch"], 1);
    branch.refused(&["mail", "command", "read-out"], &["restored from a copy"]);
    let collected = cardctl.json(&["collect"]);
    assert_eq!(collected["receipts"][0]["finding"], "recovered", "{collected}");
    assert_eq!(branch.statement()["total_credit"], 7_000);
    assert_eq!(cardctl.json(&["top-up", "10"])["total_credit"], 8_000);
    // The meter has had a command that is not in the books: this one is newer all the same.
    let _ = cardctl.json(&["mail", "command", "read-out"]);
    let tap = cardctl.json(&["meter", "tap"]);
    assert_eq!((&tap["credit"], &tap["mail"][0]["taken"]), (&1_000.into(), &true.into()));
    let kept = branch.path("heads");
    fs::write(&kept, &heads.out).unwrap();
    let verified = cardctl.json(&["audit", "verify", "--heads", kept.to_str().unwrap()]);
    assert_eq!((&verified["clean"], &verified["restores"]), (&true.into(), &1.into()), "{verified}");
    let folder = branch.name("export");
    let _ = cardctl.json(&["ledger", "export", &folder]);
    assert!(branch.path("export/manifest.json").is_file());
    let _ = cardctl.json(&["alerts", "queue"]);
    assert_eq!(cardctl.json(&["alerts", "list"])["messages"], json!([]));
    let _ = cardctl.json(&["reconcile"]);
    branch.in_order();
}
