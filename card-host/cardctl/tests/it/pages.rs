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

    // A file that is there is not written over.
    let again = cardctl(data, &["receipt", "sale-1", "--out", &receipt]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("name another file"));
    assert_eq!(std::fs::read_to_string(&receipt).unwrap(), page);
    // There is none of what was never sold.
    assert_eq!(cardctl(data, &["receipt", "sale-2", "--out", &file("none.html")]).status.code(), Some(1));
    assert!(!Path::new(&file("none.html")).exists());

    let slip = file("slip.html");
    done(&cardctl(
        data,
        &["--request", "block-1", "ledger", "block", "--meter", "5", "--reason", "lost & found"],
    ));
    done(&cardctl(data, &["slip", "block-1", "--out", &slip]));
    let page = std::fs::read_to_string(&slip).unwrap();
    assert!(page.contains("A card was blocked") && page.contains("lost &amp; found"), "{page}");
    done(&cardctl(data, &["ledger", "unblock", "--meter", "5", "--reason", "found"]));
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
