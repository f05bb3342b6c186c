//! Every command with `--language ar`, and what it refuses: no English is left but names, codes and values.

use super::latin::latin;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Commands that are not run here, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("completion", "a script for a shell"),
    ("conformance", "what it prints of rules is quoted from the specification, which is in English"),
    ("holder", "ends with Ctrl-C only; its pages have tests of their own"),
    ("ledger rules", "JSON, to be entered again"),
    ("policy example", "a file, whose remarks are in English"),
    ("policy set", "its answer is that of `policy show`"),
    ("serve", "ends with Ctrl-C only; its pages have tests of their own"),
    ("signer serve", "ends with Ctrl-C only"),
    ("trace decode", "names of commands, files and status words are those of the specification, in English"),
    ("tour", "for developers, in English"),
    ("watch", "ends with Ctrl-C only"),
];

/// Names in the files that this test writes, and ids of requests.
const GIVEN: &[&str] = &["colour", "language", "sold", "large", "other"];

struct Desk {
    directory: tempfile::TempDir,
    /// What was run, as it was typed.
    typed: Vec<String>,
    /// English that was found, with what had been typed.
    wrong: Vec<String>,
}

impl Desk {
    fn output(&self, data: &str, line: &str) -> Output {
        // Quoted arguments are one.
        let quoted = line.split('\'').enumerate().flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARDCTL_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).current_dir(self.directory.path());
        command
            .env("CARDCTL_ACTOR", "منى")
            // Readers of this computer, whose names may be English, are not asked for.
            .env("PCSCLITE_CSOCK_NAME", "/nonexistent")
            .args(["--language", "ar", "--data", data])
            .args(quoted)
            .output()
            .unwrap()
    }

    /// Runs it: it ends with one of these exit codes, and says nothing in English.
    fn run(&mut self, codes: &[i32], line: &str) -> String {
        self.run_in("data", codes, line)
    }

    fn run_in(&mut self, data: &str, codes: &[i32], line: &str) -> String {
        let output = self.output(data, line);
        let [said, told] =
            [&output.stdout, &output.stderr].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
        assert!(codes.contains(&output.status.code().unwrap()), "{line}: {:?}\n{said}{told}", output.status);
        // What was typed may be said again.
        let mut english = latin(&format!("{said}\n{told}"));
        english.retain(|word| !line.contains(word.as_str()) && !GIVEN.contains(&word.as_str()));
        if !english.is_empty() {
            self.wrong.push(format!("$ cardctl {line}\n{said}{told}\n   {english:?}\n"));
        }
        self.typed.push(line.to_owned());
        said
    }
}

/// The commands that do something, by their paths: pages of the manual that none other continues.
fn commands(directory: &Path) -> BTreeSet<String> {
    let pages = directory.join("man");
    std::fs::create_dir(&pages).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
    assert!(command.arg("man").arg(&pages).output().unwrap().status.success());
    let names: BTreeSet<_> = std::fs::read_dir(&pages)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap().trim_end_matches(".1").to_owned())
        .collect();
    // A command of two words has a hyphen as well: the parser knows which it is.
    let is_leaf = |name: &&String| !names.iter().any(|other| other.starts_with(&format!("{name}-")));
    names.iter().filter(is_leaf).map(|name| name.trim_start_matches("cardctl-").to_owned()).collect()
}

#[test]
#[allow(clippy::too_many_lines, reason = "a day at a desk, one thing after another")]
fn no_command_says_anything_in_english() {
    let mut desk = Desk { directory: tempfile::tempdir().unwrap(), typed: Vec::new(), wrong: Vec::new() };
    let file = |name: &str, text: &str| std::fs::write(desk.directory.path().join(name), text).unwrap();
    file("list.csv", "meter,account\n31,41\n32,42\n");
    file("list.jsonl", "");
    file("bank.csv", "request,amount\n");
    let tariff = concat!(env!("CARGO_MANIFEST_DIR"), "/../tariffs/egypt-2024-08.toml");
    let commands = commands(desk.directory.path());

    // What is refused where there is nothing yet.
    for line in
        ["ledger status", "show", "info", "meter status", "collect", "reconcile", "audit verify", "keys list"]
    {
        desk.run_in("nothing", &[0, 1, 7], line);
    }
    for line in
        ["", "nonsense", "top-up", "top-up ten", "issue --meter 1", "info --colour", "ledger party --open"]
    {
        desk.run(&[0, 2], line);
    }
    for (name, text) in [
        ("none.toml", None),
        ("form.toml", Some("language = ")),
        ("unknown.toml", Some("colour = \"red\"")),
        ("type.toml", Some("language = 1.5")),
    ] {
        if let Some(text) = text {
            std::fs::write(desk.directory.path().join(name), text).unwrap();
        }
        desk.run(&[2], &format!("--config {name} info"));
    }

    // A card, from blank to charged and read.
    let day = [
        "ledger begin",
        "ledger begin",
        "readers",
        "doctor",
        "config show",
        "options",
        "sim new",
        "sim list",
        "issue --meter 1 --account 7",
        "--request sold top-up 50.25",
        "meter tap",
        "meter run --days 40",
        "meter status",
        "meter button",
        "meter events",
        "meter charges",
        "meter months",
        "meter cut-power --after 3",
        "top-up 10 --out voucher.json",
        "load voucher.json",
        "top-up 10 --channel wallet --out second.json",
        "meter network second.json",
        "meter network",
        "mail limits --first 20 --second 10",
        "mail calendar --holiday 2027-03-10+3",
        "mail debt --id 1 --amount 25 --count 24 --first-month 2027-01",
        "mail notice N02",
        "mail keys credit --new-master",
        "mail command read-out",
        "mail --network 1 command cut",
        "meter tap",
        "collect",
        "info",
        "show",
        "--trace card.trace info",
        "trace replay card.trace",
        "trace pcapng card.trace --out card.pcapng",
        "receipt sold --out receipt.html",
        "statement --out statement.html",
        "block --meter 1 --reason فقد",
        "slip block-1 --out slip.html",
        "unblock --meter 1 --reason وُجد",
        "refresh",
        "replace --meter 1 --reason damaged",
        "refresh",
        "engineering --meter 1",
        "batch issue --csv list.csv --out results.csv",
        // The books.
        "ledger status",
        "ledger statement --meter 1",
        "ledger sale sold",
        "ledger sales --meter 1",
        "ledger sales --account 9",
        "ledger report --from 2020-01-01 --to 2030-01-01 --by channel",
        "ledger report --from 2020-01-01",
        "ledger cancel sold",
        "ledger refund sold --reason خطأ",
        "ledger debit --meter 1 5.00 --reason خطأ",
        "--request large ledger propose --meter 1 5 --to correction --reason خطأ",
        "ledger approve large",
        "--actor طارق ledger approve large",
        "--request other ledger propose --meter 1 5 --to correction --reason خطأ",
        "ledger withdraw other",
        "ledger clock office --reason الساعة",
        "ledger move --from 1/1 --to 32/1",
        "ledger debt 7 3 --reason متأخرات",
        "ledger deposit office 10 --reason حقيبة",
        "audit key",
        "ledger close-day office --counted 40 --reason نقص",
        "ledger trial-balance",
        "ledger export november",
        "ledger backup copy.sqlite",
        "ledger restored --reason قرص",
        "ledger lost bank list.jsonl",
        "ledger recover-card --reason قرص",
        "ledger party bank --channel bank",
        "ledger party",
        "ledger point shop-12 --party bank --most-cash 20000",
        "ledger point",
        "ledger token list bank",
        "ledger token add bank منى --may approve",
        "ledger token list bank",
        "ledger token revoke bank منى",
        "ledger settlement bank 2026-11-22",
        "ledger settlement bank 2026-11-22 --match bank.csv",
        "ledger settle bank --received 12.50",
        "ledger charge-back b-1 --party bank --reason استرداد",
        "ledger customer 7 --phone +201000000000 --arabic",
        "ledger customer 7 --phone +201000000000",
        "reconcile",
        "audit sign",
        "audit sign",
        "audit verify",
        "audit receipt 'EGR1 office/12 1796000000 5000 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'",
        "alerts queue --days 5",
        "alerts list",
        "alerts taken 4711",
        "keys list",
        "keys rotate vending",
        "tariff price 100 101",
        "sim eject",
        "sim power-cut",
        "info",
        "top-up 5",
        "man .",
        "staff list",
        "policy show",
        "activate",
        "new-meter --from 31 --to 51",
        "adopt --meter 52 --account 54 --amount 45.50 --shown-by old-card --evidence قراءة",
        "policy accounts --national-id none.txt",
        "move-out --meter 31 --without-card",
        "move-in --meter 31 --account 43",
        "terminate --meter 32 --reason هدم",
        "ledger give-back --of 32/1 --reason هدم",
        "ledger give-back --of 32/1 --estimate 42.50 --by transfer --reason هدم",
    ];
    for line in day {
        desk.run(&[0, 1, 3, 4, 6, 7, 9], line);
    }
    let card = desk.run(&[0], "sim list");
    let card: String = card.chars().filter(char::is_ascii_hexdigit).take(16).collect();
    for line in [
        format!("tariff check {tariff}"),
        format!("mail tariff {tariff}"),
        "mail month --from 31/1".to_owned(),
        format!("sim insert {card}"),
        "sim insert FFFF0000".to_owned(),
        "sim power-cut".to_owned(),
        "top-up 5".to_owned(),
        format!("found {card}"),
        "issue --meter 1 --account 8".to_owned(),
        "top-up 5".to_owned(),
        "load voucher.json".to_owned(),
        "load none.json".to_owned(),
        "--request sold top-up 60".to_owned(),
        "--reader none info".to_owned(),
        "--reader tcp://127.0.0.1:1 info".to_owned(),
    ] {
        desk.run(&[0, 1, 3, 4, 5, 6, 7, 8, 9], &line);
    }
    // Staff and custodians have their own places.
    for line in [
        "ledger begin --staff منى --out mona.secret",
        "--secret-file mona.secret staff add طارق --may sell,approve --out tarek.secret",
        "--secret-file mona.secret staff list",
        "--secret-file mona.secret staff may طارق sell",
        "--secret-file mona.secret staff renew طارق --out new.secret",
        "--secret-file mona.secret staff stop طارق",
        "--secret-file new.secret staff list",
        "staff list",
    ] {
        desk.run_in("staff", &[0, 1, 9], line);
    }
    let ceilings = "--certificate 20000 --binding-day 30000 --hour 2000000 --day 20000000";
    for line in [
        format!("signer init --custodian منى --custodian طارق {ceilings}"),
        "signer status".to_owned(),
        format!("signer ceilings {ceilings} --as منى --secret mona.secret"),
        "signer validity 71 --from 2026-01-01 --until 2027-01-01 --as منى --secret mona.secret".to_owned(),
        "signer agree 1 --as طارق --secret mona.secret".to_owned(),
    ] {
        desk.run_in("signer", &[0, 1], &line);
    }

    for line in [
        "init --company 7 --environment test --single-user",
        "keys check none.json",
        "keys recipient --out initial.identity",
        "keys deliver --meters none.txt --to age1 --out meters.age",
        "keys take none.age --identity initial.identity --check 0011223344556677",
        "ledger erase 7",
        "ledger forget طارق",
    ] {
        desk.run_in("founded", &[0, 1, 2, 4, 6, 7, 9], line);
    }
    desk.run_in("ceremony", &[0, 1, 2], "keys init --custodian منى --custodian طارق");

    let missing: Vec<_> = commands
        .iter()
        .filter(|name| {
            let of = |line: &str| format!(" {line} ").replace(' ', "-").contains(&format!("-{name}-"));
            !desk.typed.iter().any(|line| of(line)) && !LEFT_OUT.iter().any(|(left, _)| of(left))
        })
        .collect();
    assert!(missing.is_empty(), "run these in Arabic too: {missing:?}");
    assert!(desk.wrong.is_empty(), "{} commands speak English:\n{}", desk.wrong.len(), desk.wrong.join("\n"));
}
