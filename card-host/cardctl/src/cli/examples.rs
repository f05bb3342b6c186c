//! An example or two for each command, which its help ends with. A test parses all of them.

use clap::Command;

/// Command and what is typed after it.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("readers", &[""]),
    ("holder", &[""]),
    ("doctor", &["", "--reader ACS", "--reader any --bundle report.json"]),
    ("watch", &["", "--reader ACS --format json"]),
    ("conformance", &["", "--reader ACS --format json"]),
    ("info", &["", "--reader ACS --language ar"]),
    ("issue", &["--meter 1 --account 7", "--meter 1 --account 7 --request desk-4711"]),
    (
        "replace",
        &[
            "--meter 1 --reason lost",
            "--meter 1 --reason lost --national-id - --valid-until 2030-05-01 --shown-meter 1 --police-report 1234/2026",
        ],
    ),
    ("block", &["--meter 1 --reason lost"]),
    ("unblock", &["--meter 1 --reason 'her sister had it'"]),
    ("found", &["00112233AABBCCDD"]),
    ("move-out", &["--meter 1", "--meter 1 --without-card --reason 'the card is lost'"]),
    ("move-in", &["--meter 1 --account 8"]),
    ("terminate", &["--meter 1 --reason 'the house is torn down'"]),
    (
        "batch issue",
        &[
            "--csv list.csv --out results.csv --reader any",
            "--csv list.csv --out results.csv --with ACS --with Omnikey",
        ],
    ),
    ("batch issue", &["--csv customers.csv --out issued.csv"]),
    ("engineering", &["--meter 1"]),
    ("top-up", &["50.00", "٥٠٫٢٥ --channel kiosk", "50 --out voucher.json"]),
    ("refresh", &[""]),
    ("load", &["voucher.json"]),
    ("sim new", &[""]),
    ("sim list", &[""]),
    ("sim insert", &["00112233AABBCCDD"]),
    ("sim eject", &[""]),
    ("sim power-cut", &["", "--after 3"]),
    ("meter tap", &["", "--meter 1"]),
    ("meter run", &["--days 70", "--days 30 --profile shop --meter 1"]),
    ("meter status", &["", "--meter 1 --language ar"]),
    ("meter button", &["--meter 1"]),
    ("meter events", &["--meter 1"]),
    ("meter charges", &["--meter 1"]),
    ("meter months", &["--meter 1"]),
    ("meter cut-power", &["--meter 1 --after 3"]),
    ("meter network", &["--meter 1 voucher.json"]),
    ("mail tariff", &["card-host/tariffs/egypt-2024-08.toml"]),
    ("mail limits", &["--first 20 --second 10", "--contracted 3500 --network 1"]),
    ("mail calendar", &["--holiday 2027-03-10+3 --rest-days fri,sat"]),
    ("mail debt", &["--id 1 --amount 25 --count 24 --first-month 2027-01"]),
    ("mail notice", &["N02 --until 2027-03-10"]),
    ("mail keys", &["credit --network 1"]),
    ("mail month", &["--from 17/1"]),
    ("mail command", &["read-out", "clear-tamper --technician 00112233AABBCCDD"]),
    ("collect", &[""]),
    ("show", &["", "--access-number -"]),
    ("receipt", &["desk-4711 --out receipt.html --language ar"]),
    ("slip", &["desk-4712 --out slip.html"]),
    ("statement", &["--out statement.html --language ar --digits arabic"]),
    ("tour", &["", "--profile t0"]),
    ("ledger begin", &[""]),
    ("ledger status", &[""]),
    ("ledger statement", &["--meter 1", "--card 00112233AABBCCDD --entries 100"]),
    ("ledger sale", &["desk-4711", "k-1 --party kiosk"]),
    ("ledger sales", &["--at office --day 2026-11-22", "--meter 1"]),
    ("ledger report", &["--from 2026-11-01 --to 2026-11-30"]),
    ("ledger settlement", &["bank 2026-11-22"]),
    ("ledger settle", &["bank --received 12000.50"]),
    ("ledger charge-back", &["b-1 --party bank --reason 'the bank took it back'"]),
    ("ledger cancel", &["desk-4711"]),
    ("ledger refund", &["desk-4711 --reason 'no voucher'"]),
    ("ledger debit", &["--meter 1 5.00 --reason 'typed wrong'"]),
    ("ledger propose", &["--meter 1 5000 --to correction --reason 'wrong meter'"]),
    ("ledger approve", &["desk-4711 --actor mona"]),
    ("ledger clock", &["office --reason 'the clock ran ahead'"]),
    ("ledger withdraw", &["desk-4711"]),
    ("ledger move", &["--from 17/1 --to 18/1"]),
    (
        "ledger give-back",
        &[
            "--of 17/1 --reason 'moved out'",
            "--of 17/1 --estimate 42.50 --by transfer --reason 'the meter burnt'",
        ],
    ),
    ("ledger debt", &["7 300 --reason arrears"]),
    ("ledger deposit", &["office 1200.50 --reason 'bag 12'"]),
    ("ledger close-day", &["office --counted 1200.50"]),
    ("ledger trial-balance", &[""]),
    ("ledger export", &["november --from 2026-11-01 --to 2026-11-30"]),
    ("ledger backup", &["ledger-copy.sqlite"]),
    ("ledger restored", &["--reason 'disk failed'"]),
    ("ledger lost", &["bank list.jsonl"]),
    ("ledger recover-card", &["--reason 'after the restore'"]),
    ("ledger party", &["", "bank --channel bank"]),
    ("ledger point", &["", "shop-12 --party kiosk --most-cash 20000"]),
    ("ledger token add", &["kiosk shop-12", "bank mona --may approve"]),
    ("ledger token list", &["kiosk"]),
    ("ledger token revoke", &["kiosk shop-12"]),
    ("ledger rules", &["", "rules.json"]),
    ("ledger customer", &["7 --phone +201000000000 --arabic"]),
    ("staff add", &["'Mona Aly' --may sell,correct --out mona.secret"]),
    ("staff list", &[""]),
    ("staff may", &["Tarek sell,approve"]),
    ("staff renew", &["Tarek --out tarek.secret"]),
    ("staff stop", &["Tarek"]),
    ("reconcile", &["", "--format json"]),
    ("audit key", &[""]),
    (
        "audit receipt",
        &[
            "'EGR1 office/12 1796000000 5000 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'",
        ],
    ),
    ("audit sign", &["--format json"]),
    ("audit verify", &["", "--heads heads.json --key audit-key.pem"]),
    ("alerts queue", &["--days 5"]),
    ("alerts list", &["--format json"]),
    ("alerts taken", &["4711 4712"]),
    ("serve", &["", "--listen 127.0.0.1:8470", "--pool 40 --rate 50 --idle 30"]),
    ("keys list", &["", "--format json"]),
    ("keys rotate", &["vending", "credit --request rotate-2026"]),
    ("trace decode", &["card.trace"]),
    ("trace replay", &["card.trace --reader ACS"]),
    ("trace pcapng", &["card.trace --out card.pcapng"]),
    (
        "signer init",
        &[
            "--custodian mona --custodian tarek --certificate 20000 --binding-day 30000 --hour 2000000 --day 20000000",
        ],
    ),
    ("signer serve", &["--socket signer.socket", "--socket /run/signer/socket --allow 1001"]),
    ("signer status", &["", "--format json"]),
    (
        "signer ceilings",
        &[
            "--certificate 30000 --binding-day 40000 --hour 2000000 --day 20000000 --as mona --secret mona.secret",
        ],
    ),
    ("signer validity", &["71 --from 2026-01-01 --until 2027-01-01 --as mona --secret mona.secret"]),
    ("signer agree", &["1 --as tarek --secret tarek.secret"]),
    ("policy show", &["", "--version 3"]),
    ("policy set", &["card-host/policies/egypt.toml"]),
    ("policy example", &[""]),
    ("policy accounts", &["--national-id -"]),
    ("tariff price", &["100 101 --month 7"]),
    ("tariff check", &["card-host/tariffs/egypt-2024-08.toml"]),
    ("config show", &["", "--format json"]),
    ("completion", &["bash > /etc/bash_completion.d/cardctl"]),
    ("man", &["man"]),
];

/// What is typed after a command, by its path such as `ledger debit`.
fn of(path: &str) -> &'static [&'static str] {
    EXAMPLES.iter().find(|(command, _)| *command == path).map_or(&[], |(_, typed)| typed)
}

/// Puts the examples at the end of the help of each command.
pub(super) fn add(command: Command) -> Command {
    below(command, &mut Vec::new())
}

fn below(command: Command, path: &mut Vec<String>) -> Command {
    let at = path.join(" ");
    let lines: String =
        of(&at).iter().map(|typed| format!("  {}\n", format!("cardctl {at} {typed}").trim_end())).collect();
    let command = match lines.as_str() {
        "" => command,
        lines => {
            command.after_help(format!("Examples:\n{lines}\nOptions of every command: cardctl help options"))
        }
    };
    command.mut_subcommands(|sub| {
        path.push(sub.get_name().to_owned());
        let sub = below(sub, path);
        path.pop();
        sub
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::super::parse::command;
    use super::super::settings::File;
    use super::*;

    fn leaves(command: &Command, path: &str, found: &mut Vec<String>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name()).trim().to_owned();
            match sub.has_subcommands() {
                true => leaves(sub, &path, found),
                false => found.push(path),
            }
        }
    }

    /// Each command has examples, each example is of a command, and is understood as that.
    #[test]
    fn each_command_has_examples_that_are_understood() {
        let all = command(&File::default()).unwrap();
        let mut found = Vec::new();
        leaves(&all, "", &mut found);
        for path in found.iter().filter(|path| *path != "options") {
            assert!(!of(path).is_empty(), "`{path}` has no example: add one to cli/examples.rs");
        }
        for (path, typed) in EXAMPLES {
            assert!(found.iter().any(|known| known == path), "there is no command `{path}`");
            for typed in *typed {
                let typed = typed.split_once(" > ").map_or(*typed, |(typed, _)| typed);
                // Quoted arguments are one.
                let quoted = typed.split('\'').enumerate().flat_map(|(at, part)| match at % 2 {
                    0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
                    _ => vec![part.to_owned()],
                });
                let words = ["cardctl".to_owned()].into_iter();
                let words = words.chain(path.split(' ').map(str::to_owned)).chain(quoted);
                // What would be read from standard input is not asked for here.
                let words: Vec<_> =
                    words.map(|word| if word == "-" { "1".repeat(26) } else { word }).collect();
                let parsed = all.clone().try_get_matches_from(&words);
                let wrong = parsed.err().map(|error| error.to_string());
                assert!(
                    wrong.as_ref().is_none_or(|wrong| wrong.contains("--access-number")),
                    "{words:?}: {wrong:?}"
                );
            }
        }
    }
}
