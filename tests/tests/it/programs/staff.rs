//! A ledger with staff, as people use it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use system_tests::programs::{Cardctl, Said};
use tempfile::TempDir;

#[test]
fn who_acts_is_known_by_a_secret() {
    let directory = TempDir::new().unwrap();
    let cardctl = Cardctl::new("sim", directory.path().join("data"));
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (root, mona) = (file("root.secret"), file("mona.secret"));
    let refused = |said: Said, words: &[&str]| {
        // 9: it is entered, and waits for another person.
        let waits = words.contains(&"this takes two people");
        assert!(said.status == Some(if waits { 9 } else { 1 }) && said.out.is_empty(), "{said}");
        words.iter().for_each(|word| assert!(said.err.contains(word), "{word}: {said}"));
    };
    let by = |secret: &str, command: &[&str]| cardctl.run(&[&["--secret-file", secret], command].concat());

    assert_eq!(cardctl.json(&["ledger", "begin", "--staff", "root", "--out", &root])["begun"], true);
    assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(by(&root, &["--format", "json", "ledger", "status"]).json()["single_user"], false);

    // Not by the name of the operating system's user, nor by anybody else's, nor by a file that others read.
    refused(cardctl.run(&["issue", "--meter", "1", "--account", "7"]), &["has staff", "--secret-file"]);
    refused(cardctl.run(&["--actor", "root", "ledger", "status"]), &["the secret of root", "--secret-file"]);
    let (open, wrong, none) = (file("open"), file("wrong"), file("none"));
    fs::copy(&root, &open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o640)).unwrap();
    refused(by(&open, &["ledger", "status"]), &["can be read by others"]);
    for (path, text) in
        [(&wrong, "root\n0000-0000-0000-0000-0000-0000-0000-0000\n"), (&none, "root\nsecret\n")]
    {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    refused(by(&wrong, &["ledger", "status"]), &["root is not known here with this secret"]);
    refused(by(&none, &["ledger", "status"]), &["has no secret: the name is on the first line"]);

    // One person cannot be two, by whatever spelling; another one is.
    let said = by(&root, &["staff", "add", "Mona Aly", "--may", "sell,approve", "--out", &mona]);
    assert!(said.text().contains("Mona Aly  may sell,approve") && said.out.contains(&mona), "{said}");
    refused(by(&root, &["staff", "add", "MONA  aly", "--may", "sell"]), &["is a member of staff already"]);
    refused(by(&mona, &["staff", "add", "x", "--may", "sell"]), &["Mona Aly may not do this", "settings"]);
    let said = by(&root, &["staff", "add", "a\u{202e}b", "--may", "sell"]);
    assert!(said.status == Some(2) && said.err.contains("is no name"), "{said}");
    let tarek = file("tarek.secret");
    let add = ["--request", "t", "staff", "add", "Tarek", "--may", "correct", "--out", &tarek];
    refused(by(&root, &add), &["this takes two people", "ledger approve t"]);
    assert!(!fs::exists(&tarek).unwrap(), "nobody has agreed to it");
    let spelled = file("spelled");
    let secret = fs::read_to_string(&root).unwrap().replace("root", "ROOT ");
    fs::write(&spelled, secret).unwrap();
    fs::set_permissions(&spelled, fs::Permissions::from_mode(0o600)).unwrap();
    refused(by(&spelled, &["ledger", "approve", "t"]), &["cannot be the second person"]);
    let _ = by(&mona, &["ledger", "approve", "t"]).text();
    let _ = by(&root, &add).text();
    let _ = by(&root, &add).text();
    let listed = by(&tarek, &["staff", "list"]);
    assert!(listed.text().contains("Tarek     may correct"), "{listed}");
    refused(by(&tarek, &["issue", "--meter", "1", "--account", "7"]), &["Tarek may not do this", "sell"]);

    // A card is issued and charged by who may, and all of it is in the chain.
    let issued = by(&mona, &["--format", "json", "issue", "--meter", "1", "--account", "7"]).json();
    assert_eq!(issued["account"], "7");
    let _ = by(&mona, &["top-up", "10"]).text();
    let _ = by(&root, &["audit", "key"]).text();
    assert_eq!(by(&root, &["--format", "json", "audit", "verify"]).json()["clean"], true);

    // A new secret makes the former one worthless.
    refused(by(&mona, &["--request", "r", "staff", "renew", "root"]), &["Mona Aly may not do this"]);
    refused(by(&root, &["--request", "r", "staff", "renew", "root"]), &["this takes two people"]);
    let _ = by(&mona, &["ledger", "approve", "r"]).text();
    let renewed = by(&root, &["--request", "r", "--format", "json", "staff", "renew", "root"]).json();
    refused(by(&root, &["ledger", "status"]), &["root is not known here with this secret"]);
    let new = file("new");
    fs::write(&new, renewed["secret"].as_str().unwrap()).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).unwrap();
    let _ = by(&new, &["--actor", "root", "staff", "stop", "Mona Aly"]).text();
    refused(by(&mona, &["ledger", "status"]), &["Mona Aly is not known here"]);
}

/// A single user's directory says what it is, and has no staff.
#[test]
fn a_single_user_is_believed() {
    let directory = TempDir::new().unwrap();
    let cardctl = Cardctl::new("sim", directory.path().join("data"));
    let said = cardctl.run(&["ledger", "begin", "--single-user"]);
    assert!(said.text().contains("single user"), "{said}");
    assert!(cardctl.run(&["ledger", "status"]).text().contains("single user"));
    let said = cardctl.run(&["staff", "add", "Mona", "--may", "sell"]);
    assert!(said.status == Some(1) && said.err.contains("founded for a single user"), "{said}");
    let said = cardctl.run(&["--actor", "a\nb", "ledger", "status"]);
    assert!(said.status == Some(2) && said.err.contains("no name"), "{said}");
}
