//! Who changes the past is found.

use super::books::Books;
use card_ledger::{AuditFinding, AuditKey, AuditPublicKey, EntryId, trial_balance};
use system_tests::world::{kiosk, who};

fn at(point: &str, number: u64) -> EntryId {
    EntryId { point: point.parse().unwrap(), number }
}

#[test]
fn clean_books_are_clean_and_add_up() {
    let books = Books::busy();
    let heads = books.sign();
    assert!(books.sign().is_empty(), "nothing has grown since");
    let mut steps = Vec::new();
    let public = books.auditor.public();
    let report =
        card_ledger::verify(&*books.world.ledger, &public, &heads, &mut |step| steps.push(step)).unwrap();
    assert_eq!(report.findings, []);
    // The auditor's heads and the ledger's are the same ones.
    assert_eq!((report.heads, report.bindings), (u64::try_from(heads.len()).unwrap(), 3));
    assert!(report.lost.is_empty() && report.restores.is_empty() && !steps.is_empty());
    assert_eq!(report.balance, trial_balance(&*books.world.ledger).unwrap());
    assert_eq!(report.balance.debits, report.balance.credits);
    let money = &report.money;
    assert_eq!((money.received, money.accounted()), (87_000, 87_000));
    assert!(money.debts > 0 && money.fees > 0 && money.levies > 0);
}

#[test]
fn one_changed_byte_is_found() {
    for (sql, number) in [
        ("UPDATE entry SET amount = amount + 1 WHERE point = 'fawry-1' AND number = 2", 2),
        ("UPDATE entry SET actor = 'nobody' WHERE point = 'fawry-1' AND number = 1", 1),
        ("UPDATE entry SET payload = zeroblob(110) WHERE point = 'fawry-1' AND number = 3", 3),
        ("UPDATE transfer SET amount = amount + 1 WHERE point = 'fawry-1' AND number = 3 AND line = 1", 3),
        ("UPDATE entry SET time = time + 1 WHERE point = 'fawry-1' AND number = 4", 4),
    ] {
        let books = Books::busy();
        books.tamper(sql);
        let findings = books.findings(&[]);
        assert!(findings.contains(&AuditFinding::Changed(at("fawry-1", number))), "{sql}: {findings:?}");
        assert!(findings.iter().all(|finding| !finding.to_do().is_empty()));
    }
}

#[test]
fn entries_that_were_cut_off_are_found_by_a_signed_head() {
    let books = Books::busy();
    let heads = books.sign();
    // Done well: the point says what the chain says now, the binding too, and nothing points there any more.
    books.tamper(
        "DELETE FROM transfer WHERE point = 'fawry-1' AND number >= 3;
         DELETE FROM entry WHERE point = 'fawry-1' AND number >= 3;
         DELETE FROM request WHERE point = 'fawry-1' AND number >= 3;
         DELETE FROM signed_head;
         UPDATE point SET number = 2, head = (SELECT hash FROM entry WHERE point = 'fawry-1' AND number = 2),
             cash = 30000 WHERE code = 'fawry-1';",
    );
    let truncated = AuditFinding::Truncated { head: at("fawry-1", 4), last: 2 };
    assert!(books.findings(&heads).contains(&truncated));
    assert!(!books.findings(&[]).contains(&truncated), "without the auditor's heads nobody can know");
    // A missing entry in the middle, and a whole point that is gone.
    let books = Books::busy();
    let heads = books.sign();
    books.tamper("DELETE FROM transfer WHERE point = 'fawry-1' AND number = 2; DELETE FROM entry WHERE point = 'fawry-1' AND number = 2");
    assert!(books.findings(&heads).contains(&AuditFinding::Missing(at("fawry-1", 2))));
    let books = Books::busy();
    let heads = books.sign();
    books.tamper("DELETE FROM transfer WHERE point = 'fawry-1'; DELETE FROM entry WHERE point = 'fawry-1'; DELETE FROM request WHERE point = 'fawry-1';
         DELETE FROM signed_head; DELETE FROM point WHERE code = 'fawry-1'");
    assert!(books.findings(&heads).contains(&AuditFinding::Truncated { head: at("fawry-1", 4), last: 0 }));
}

#[test]
fn a_time_that_one_person_set_back_is_found() {
    let books = Books::busy();
    let world = &books.world;
    let right = world.office.now().unwrap();
    world.clock.pass(90_000);
    world.sell(1, 1_000);
    world.clock.set(right);
    let (mona, ali, id) = (world.boss(), who("company", "office", "ali"), world.id());
    world.office.propose_time(&mona, &id, &kiosk().point, "the till's battery").unwrap();
    world.office.approve(&ali, &mona.request(&id)).unwrap();
    world.sell(1, 1_000);
    assert_eq!(books.findings(&[]), []);
    let clock = at("fawry-1", 8);
    books.tamper("UPDATE entry SET actor = 'mona' WHERE kind = 'clock'");
    assert_eq!(
        books.findings(&[]),
        [AuditFinding::Changed(clock.clone()), AuditFinding::TimeWentBack(clock)],
        "also by whoever can make the hashes fit"
    );
}

#[test]
fn a_past_that_was_written_anew_is_found() {
    // An older copy is put in place, nobody says so, and other sales take the numbers of the lost ones.
    let mut books = Books::busy();
    books.back_up("copy.sqlite");
    books.world.sell(1, 1_000);
    books.world.sell(1, 2_000);
    let heads = books.sign();
    books.restore("copy.sqlite");
    assert!(books.findings(&heads).contains(&AuditFinding::Truncated { head: at("fawry-1", 6), last: 4 }));
    for _ in 0..3 {
        books.world.sell(2, 5_000);
    }
    let report = books.audit(&heads);
    assert_eq!(report.findings, [AuditFinding::Rewritten(at("fawry-1", 6))]);
    assert!(report.lost.is_empty());
}

#[test]
fn rows_that_say_something_else_are_found() {
    for (sql, what) in [
        (
            "UPDATE binding SET total_credit = total_credit + 100 WHERE number = 1 AND account = 1",
            "total credit",
        ),
        ("UPDATE binding SET sequence = sequence + 1 WHERE account = 2", "sequence"),
        ("UPDATE binding SET status = 'closed' WHERE account = 2", "certified credit"),
        ("DELETE FROM binding WHERE account = 3", "has no row"),
        ("UPDATE point SET cash = cash - 100 WHERE code = 'fawry-1'", "cash of fawry-1"),
        ("UPDATE customer SET debt = debt - 1 WHERE account = 3", "debt of account 3"),
        ("INSERT INTO customer (account, debt, phone, arabic) VALUES (1, 5, '', 0)", "debt of account 1"),
        ("UPDATE meta SET epoch = 1", "restores"),
    ] {
        let books = Books::busy();
        books.tamper(sql);
        let findings = books.findings(&[]);
        let found = findings
            .iter()
            .any(|finding| matches!(finding, AuditFinding::Differs { what: of, .. } if of.contains(what)));
        assert!(found, "{sql}: {findings:?}");
    }
}

#[test]
fn transfers_that_no_entry_of_its_kind_has_are_found() {
    let books = Books::busy();
    // What an insider could do who rewrites the chain up to its end, too: here only the hash is left wrong.
    books.tamper("UPDATE transfer SET credit = 'credit:0000000000000002/1' WHERE point = 'fawry-1' AND number = 1 AND line = 1");
    let findings = books.findings(&[]);
    assert!(
        findings.iter().any(
            |finding| matches!(finding, AuditFinding::Misfit { entry, .. } if *entry == at("fawry-1", 1))
        )
    );
    let books = Books::busy();
    books.tamper("UPDATE transfer SET debit = 'bank' WHERE point = 'fawry-1' AND number = 1; UPDATE transfer SET credit = 'opening' WHERE point = 'fawry-1' AND number = 2 AND line = 1");
    let findings = books.findings(&[]);
    assert!(findings.iter().any(|finding| matches!(finding, AuditFinding::Identity { .. })), "{findings:?}");
}

#[test]
fn heads_of_another_key_are_refused() {
    let books = Books::busy();
    let other = AuditKey::generate().unwrap();
    let mut heads = books.sign();
    let forged = other.sign_head(books.world.scope(), heads[0].id.clone(), heads[0].head, heads[0].time);
    heads.push(forged.clone());
    assert_eq!(books.findings(&heads), [AuditFinding::BadSignature(forged.id)]);
    let mut shifted = heads[0].clone();
    shifted.time.0 += 1;
    assert!(!books.auditor.public().signed_head(books.world.scope(), &shifted));
}

#[test]
fn the_key_is_kept_in_a_file_of_its_owner() {
    let books = Books::new();
    let (path, public) = (books.path("audit.pem"), books.path("audit.pub.pem"));
    books.auditor.create(&path).unwrap();
    books.auditor.public().create(&public).unwrap();
    assert!(books.auditor.create(&path).is_err(), "a key is never replaced");
    assert_eq!(AuditKey::open(&path).unwrap().public(), books.auditor.public());
    assert_eq!(AuditPublicKey::open(&public).unwrap(), books.auditor.public());
    assert!(AuditKey::open(&public).is_err());
    assert_eq!(format!("{:?}", books.auditor), "AuditKey(redacted)");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(AuditKey::open(&path).unwrap_err().to_string().contains("0640"));
    }
}
