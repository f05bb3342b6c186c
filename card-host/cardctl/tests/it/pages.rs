//! Pages for customers: what is on them is what the ledger and the card say.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn cardctl(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
    command.args(["--format", "json", "--data"]).arg(data).args(arguments).output().unwrap()
}

fn done(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_sale_has_its_receipt_and_a_card_its_statement() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let file = |name: &str| directory.path().join(name).display().to_string();
    done(&cardctl(data, &["issue", "--meter", "5", "--account", "77001"]));
    let sold = done(&cardctl(data, &["--request", "sale-1", "top-up", "40"]));
    assert_eq!(sold["request"], "sale-1");

    let (receipt, statement, early) = (file("receipt.html"), file("statement.html"), file("early.html"));
    done(&cardctl(data, &["--language", "ar", "receipt", "sale-1", "--out", &receipt]));
    let page = std::fs::read_to_string(&receipt).unwrap();
    let sale = done(&cardctl(data, &["ledger", "sale", "sale-1"]));
    let number = format!("{}/{}", sale["point"].as_str().unwrap(), sale["number"]);
    for said in ["lang=\"ar\" dir=\"rtl\"", "إيصال شحن", ">40.00<", "77001", &number, "<svg"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let proof = page.split("EGR1 ").nth(1).unwrap().split('<').next().unwrap();
    let [point, _, amount, hash] = proof.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let entries = done(&cardctl(data, &["ledger", "statement", "--meter", "5"]))["entries"].clone();
    let entry = entries.as_array().unwrap().iter().find(|entry| entry["hash"] == hash).unwrap();
    assert_eq!((point, amount, &entry["request"]), (number.as_str(), "4000", &"sale-1".into()));

    let pdf = |name: &str, paper: &str| {
        done(&cardctl(data, &["receipt", "sale-1", "--out", &file(name), "--paper", paper]));
        std::fs::read(file(name)).unwrap()
    };
    let (sheet, roll) = (pdf("a4.pdf", "a4"), pdf("roll.PDF", "roll"));
    assert!(sheet.starts_with(b"%PDF-") && roll.starts_with(b"%PDF-") && sheet != roll);

    // A file that is there is not written over.
    let again = cardctl(data, &["receipt", "sale-1", "--out", &receipt]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("name another file"));
    assert_eq!(std::fs::read_to_string(&receipt).unwrap(), page);
    // There is none of what was never sold.
    assert_eq!(cardctl(data, &["receipt", "sale-2", "--out", &file("none.html")]).status.code(), Some(1));
    assert!(!Path::new(&file("none.html")).exists());

    let slip = file("slip.html");
    done(&cardctl(data, &["--request", "block-1", "block", "--meter", "5", "--reason", "lost & found"]));
    done(&cardctl(data, &["slip", "block-1", "--out", &slip]));
    let page = std::fs::read_to_string(&slip).unwrap();
    assert!(page.contains("A card was blocked") && page.contains("lost &amp; found"), "{page}");
    done(&cardctl(data, &["unblock", "--meter", "5", "--reason", "found"]));
    assert_eq!(cardctl(data, &["slip", "sale-1", "--out", &file("none.html")]).status.code(), Some(1));

    done(&cardctl(data, &["statement", "--out", &early]));
    let page = std::fs::read_to_string(&early).unwrap();
    for said in [
        "lang=\"en\" dir=\"ltr\"",
        "The card has not been at the meter yet",
        "No month is known yet",
        ">40.00<",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    done(&cardctl(data, &["meter", "tap", "--meter", "5"]));
    done(&cardctl(data, &["meter", "run", "--meter", "5", "--days", "70"]));
    done(&cardctl(data, &["top-up", "400"]));
    done(&cardctl(data, &["meter", "tap", "--meter", "5"]));
    done(&cardctl(data, &["--language", "ar", "statement", "--digits", "arabic", "--out", &statement]));
    let page = std::fs::read_to_string(&statement).unwrap();
    let shown = done(&cardctl(data, &["show"]));
    let balance = shown["meter_receipt"]["balance"].as_i64().unwrap();
    let digits = |c: char| c.to_digit(10).map_or(c, |digit| char::from_u32(0x660 + digit).unwrap());
    let said: String =
        format!("{}.{:02}", balance / 100, (balance % 100).abs()).chars().map(digits).collect();
    let said = said.replace('.', "٫");
    assert!(page.contains(&said) && page.contains("<svg") && page.contains("٤٠٠٫٠٠"), "{said}: {page}");
}

const RULES: &str = r#"{"channels":{"branch":{"least":500,"most":2000000,"charges":[
    {"code":"service","kind":"fee","fixed":200,"name":{"ar":"مقابل خدمة الشحن","en":"Charging service"}},
    {"code":"cleaning","kind":"levy","fixed":100}],"debt_permille":0}},"correction_approval_above":100000}"#;

#[test]
fn charges_are_called_as_the_rules_of_their_time_call_them() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let file = |name: &str| directory.path().join(name).display().to_string();
    done(&cardctl(data, &["issue", "--meter", "5", "--account", "77001"]));
    std::fs::write(file("rules"), RULES).unwrap();
    done(&cardctl(data, &["ledger", "rules", &file("rules")]));
    done(&cardctl(data, &["--request", "sale-1", "top-up", "40"]));
    std::fs::write(file("later"), RULES.replace("Charging service", "Something else")).unwrap();
    done(&cardctl(data, &["ledger", "rules", &file("later")]));
    for (language, said) in [("en", "Charging service"), ("ar", "مقابل خدمة الشحن")] {
        let out = file(language);
        done(&cardctl(data, &["--language", language, "receipt", "sale-1", "--out", &out]));
        let page = std::fs::read_to_string(&out).unwrap();
        // One without a name has its code.
        assert!(page.contains(said) && page.contains(">cleaning<") && page.contains(">37.00<"), "{page}");
    }
    for wrong in ["", "  ", "\u{202e}", &"a".repeat(41)] {
        std::fs::write(file("wrong"), RULES.replace("Charging service", wrong)).unwrap();
        let refused = cardctl(data, &["ledger", "rules", &file("wrong")]);
        assert_eq!(refused.status.code(), Some(1), "{wrong:?}");
        assert!(String::from_utf8(refused.stderr).unwrap().contains("`name` of a charge"));
    }
}

#[test]
fn a_receipt_is_checked_with_the_ledger_and_without() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let file = |name: &str| directory.path().join(name).display().to_string();
    done(&cardctl(data, &["issue", "--meter", "5", "--account", "77001"]));
    done(&cardctl(data, &["--request", "sale-1", "top-up", "40"]));
    done(&cardctl(data, &["top-up", "50"]));
    done(&cardctl(data, &["receipt", "sale-1", "--out", &file("receipt")]));
    let page = std::fs::read_to_string(file("receipt")).unwrap();
    let proof = format!("EGR1 {}", page.split("EGR1 ").nth(1).unwrap().split('<').next().unwrap());
    let public = done(&cardctl(data, &["audit", "key"]))["public"].as_str().unwrap().to_owned();
    std::fs::write(file("key.pem"), public).unwrap();
    let export = |name: &str| done(&cardctl(data, &["ledger", "export", &file(name)]));
    // In a folder without any ledger or key.
    let elsewhere = &directory.path().join("elsewhere");
    let alone = |proof: &str, export: &str, heads: &[&str]| {
        let (folder, key) = (file(export), file("key.pem"));
        let heads: Vec<_> = heads.iter().map(|name| file(name)).collect();
        let mut words = vec!["audit", "receipt", proof, "--export", &folder, "--key", &key];
        words.extend(heads.iter().flat_map(|file| ["--heads", file.as_str()]));
        cardctl(elsewhere, &words)
    };
    let check = |output: &Output, code: i32| {
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["check"].as_str().unwrap().to_owned()
    };
    export("before");
    assert_eq!(check(&cardctl(data, &["audit", "receipt", &proof]), 0), "unsigned");
    assert_eq!(check(&alone(&proof, "before", &[]), 0), "unsigned");

    std::fs::write(file("heads"), cardctl(data, &["audit", "sign"]).stdout).unwrap();
    export("after");
    assert_eq!(check(&cardctl(data, &["audit", "receipt", &proof]), 0), "signed");
    assert_eq!(check(&alone(&proof, "after", &["heads"]), 0), "signed");
    // A head is nothing under another key.
    let other = &directory.path().join("other");
    let public = done(&cardctl(other, &["audit", "key"]))["public"].as_str().unwrap().to_owned();
    std::fs::write(file("key.pem"), public).unwrap();
    assert_eq!(check(&alone(&proof, "after", &["heads"]), 0), "unsigned");

    for (from, to, said) in [(" 4000 ", " 40000 ", "differs"), ("office/", "office/9", "unknown")] {
        let changed = proof.replace(from, to);
        assert_eq!(check(&cardctl(data, &["audit", "receipt", &changed]), 4), said, "{changed}");
    }
    // A later entry that was changed, in an export that somebody made.
    let lines = std::fs::read_to_string(directory.path().join("after/entries.jsonl")).unwrap();
    std::fs::write(
        directory.path().join("after/entries.jsonl"),
        lines.replace("\"amount\":5000", "\"amount\":5001"),
    )
    .unwrap();
    assert_eq!(check(&alone(&proof, "after", &["heads"]), 4), "broken");
    assert_eq!(cardctl(data, &["audit", "receipt", "EGR1 nothing"]).status.code(), Some(2));
}
