//! Nobody is named where it stays: recognisable names are planted wherever they can be typed, and looked for.

use std::path::Path;

use card_host::card_core::id::CardId;
use card_host::card_core::key::KeyLength;
use card_host::card_core::units::{CardTime, Piastres};
use card_host::card_work::development_scope;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_ledger::{
    AuditKey, ExportOrder, Ledger, Office, Payee, Power, Powers, Refusal, StaffChange, StaffSecret, Who,
    export, verify,
};
use card_ledger::{DebitOrder, DebitTo, SqliteLedger};
use std::sync::Arc;
use system_tests::world::{World, bank, kiosk, refused, rules, who};

const ACCOUNT: u64 = 8_231_774_190_553;
const PHONE: &str = "+201777654321";
/// Everything that names somebody, as it is typed.
const STAFF: &str = "Zubaida Plantstaff";
const ACTOR: &str = "Hosni Plantactor";
const REASON: &str = "Samira Plantreason has asked";
const BANKS: &str = "plantbankcustomer";
const FOUNDER: &str = "Ragab Plantfounder";

/// Whether bytes hold a text, or it in hexadecimal digits.
fn holds(bytes: &[u8], text: &[u8]) -> bool {
    let hex = hex::encode(text);
    [text, hex.as_bytes(), hex.to_uppercase().as_bytes()]
        .iter()
        .any(|wanted| bytes.windows(wanted.len()).any(|part| part == *wanted))
}

/// An account as a file may hold it: in digits, or in binary.
fn account_in(bytes: &[u8]) -> bool {
    holds(bytes, ACCOUNT.to_string().as_bytes()) || holds(bytes, &ACCOUNT.to_be_bytes()[2..])
}

/// All bytes of a folder, or of a file and those beside it that begin with its name.
fn all_of(path: &Path) -> Vec<u8> {
    let (folder, front) = match path.is_dir() {
        true => (path, String::new()),
        false => (path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap().to_owned()),
    };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.is_file() && file.file_name().unwrap().to_str().unwrap().starts_with(&front));
    assert!(!files.is_empty());
    files.into_iter().flat_map(|file| std::fs::read(file).unwrap()).collect()
}

/// Everything that happens to one customer, with names wherever one can be typed.
fn live(world: &World) {
    let office = &world.office;
    let boss = Who { actor: FOUNDER.to_owned(), ..world.boss() };
    office.open(&world.opening(1, ACCOUNT, 1)).unwrap();
    let clerk = Who { actor: ACTOR.to_owned(), ..kiosk() };
    let order = card_ledger::SaleOrder { who: clerk.clone(), ..world.order(kiosk(), 1, 10_000) };
    office.sell(&order).unwrap();
    office.debt(&boss, &world.id(), ACCOUNT, Piastres(1_000), REASON).unwrap();
    world.sell(1, 20_000);
    let paid = card_ledger::SaleOrder { id: world.id(), ..order };
    office.reserve(&paid).unwrap();
    let payee = Payee::Card(CardId::from(1));
    office.block(&boss, &world.id(), payee, true, REASON).unwrap();
    office.confirm(&clerk, &paid.id, None).unwrap();
    office.refund(&clerk, &paid.id, REASON).unwrap();
    office.block(&boss, &world.id(), payee, false, REASON).unwrap();
    let debit = DebitOrder {
        who: boss.clone(),
        id: world.id(),
        payee,
        amount: Piastres(100),
        to: DebitTo::Correction,
        reason: REASON.to_owned(),
    };
    office.debit(&debit).unwrap();
    let (id, second) = (world.id(), world.second());
    office.propose(&DebitOrder { id: id.clone(), ..debit }).unwrap();
    office.approve(&second, &boss.request(&id)).unwrap();
    office.link(&bank(), &world.id(), CardId::from(1), BANKS, "2026-05@1").unwrap();
    office.set_customer(&boss, &world.id(), ACCOUNT, PHONE, true).unwrap();
    office.add_token(&boss, &world.id(), &"fawry".parse().unwrap(), ACTOR, Power::Sell).unwrap();
    office.deposit(&kiosk(), &world.id(), &"fawry-1".parse().unwrap(), Piastres(5), REASON).unwrap();
}

/// What is for ever, in both stores: entries as they are stored, and what is exported.
fn nobody_is_named(world: &World, folder: &Path, auditor: &AuditKey) {
    let planted = [STAFF, ACTOR, REASON, BANKS, FOUNDER, PHONE];
    let now = world.office.now().unwrap();
    let order =
        ExportOrder { points: Vec::new(), from: CardTime(1), until: CardTime(now.0 + 1), now, bom: false };
    export(&*world.ledger, Some(auditor), &order, folder, &mut |_| {}).unwrap();
    let exported = all_of(folder);
    for text in planted {
        assert!(!holds(&exported, text.as_bytes()), "{text} is exported");
    }
    assert!(!account_in(&exported));
    for entry in world.entries() {
        let stored = format!("{} {} {}", entry.stored_actor(), entry.stored_reason(), entry.stored_account());
        for bytes in [entry.payload.as_slice(), stored.as_bytes(), entry.request.id.as_str().as_bytes()] {
            for text in planted {
                assert!(!holds(bytes, text.as_bytes()), "{text} in {:?}", entry.id);
            }
            assert!(!account_in(bytes), "the account in {:?}", entry.id);
        }
    }
}

/// A customer is erased: what was entered stays, and is proved as before.
fn erased(world: &World, folder: &Path) {
    let auditor = AuditKey::generate().unwrap();
    live(world);
    // In words, as long as they are there.
    assert!(world.entries().iter().any(|entry| entry.reason == REASON && entry.account == ACCOUNT));
    assert_eq!(world.balance(&format!("debt:{ACCOUNT}")), 0);
    nobody_is_named(world, &folder.join("before"), &auditor);
    let check = |world: &World| {
        world.check();
        let report = verify(&*world.ledger, &auditor.public(), &[], &mut |_| {}).unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        report.balance
    };
    let before = (check(world), world.entries().len(), world.record(1).held.total_credit);
    let (office, boss) = (&world.office, world.boss());
    let nobody = office.erase_customer(&boss, &world.id(), 5);
    assert_eq!(refused(nobody), Refusal::UnknownAccount(5));
    let owes = world.id();
    office.debt(&boss, &world.id(), ACCOUNT, Piastres(100), REASON).unwrap();
    assert!(matches!(refused(office.erase_customer(&boss, &owes, ACCOUNT)), Refusal::Invalid(_)));
    world.sell(1, 10_000);
    let id = world.id();
    office.erase_customer(&boss, &id, ACCOUNT).unwrap();
    let count = world.entries().len();
    office.erase_customer(&boss, &id, ACCOUNT).unwrap();
    assert_eq!(world.entries().len(), count, "once");
    check(world);
    let reference = world.record(1).held.account;
    assert_eq!(reference.to_string(), office.reference_to(ACCOUNT));
    for entry in world.entries() {
        assert!(entry.account == 0 || entry.account == reference, "{entry:?}");
        assert!(entry.account == 0 || entry.reason != REASON, "{entry:?}");
    }
    // The card goes on, and so do debts.
    world.sell(1, 5_000);
    office.debt(&boss, &world.id(), reference, Piastres(100), "left").unwrap();
    world.sell(1, 5_000);
    check(world);
    assert!(world.record(1).held.total_credit > before.2 && world.entries().len() > before.1);
    // Who has acted is forgotten once that one acts no more.
    let name = ACTOR;
    assert!(matches!(refused(office.forget_actor(&boss, &world.id(), name)), Refusal::Invalid(_)));
    office.revoke_tokens(&boss, &world.id(), &"fawry".parse().unwrap(), name).unwrap();
    office.forget_actor(&boss, &world.id(), name).unwrap();
    assert!(world.entries().iter().all(|entry| entry.actor != name));
    check(world);
    nobody_is_named(world, &folder.join("after"), &auditor);
}

#[test]
fn in_sqlite_nothing_of_an_erased_customer_is_in_file_and_backup() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let ledger = Arc::new(SqliteLedger::create(&path, development_scope()).unwrap());
    let world = World::over(ledger.clone());
    let planted = [REASON, PHONE, BANKS];
    erased(&world, folder.path());
    let backup = folder.path().join("backup");
    ledger.backup(&backup).unwrap();
    drop(world);
    drop(ledger);
    for file in [all_of(&path), all_of(&backup)] {
        assert!(!account_in(&file));
        // A deposit's reason is about no customer, and stays until its year is over.
        for text in planted.into_iter().filter(|text| *text != REASON) {
            assert!(!holds(&file, text.as_bytes()), "{text}");
        }
        assert!(!holds(&file, ACTOR.as_bytes()));
    }
}

#[test]
fn in_postgres_the_same() {
    let folder = tempfile::tempdir().unwrap();
    erased(&World::over_postgres(), folder.path());
}

/// Staff: by reference in entries, and forgotten once stopped.
#[test]
fn staff_are_not_named_in_entries() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(&folder.path().join("ledger.sqlite"), development_scope()).unwrap();
    let ledger: Arc<dyn Ledger> = Arc::new(ledger);
    let keys = SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom).unwrap();
    let (first, secret) = (FOUNDER.parse().unwrap(), StaffSecret::generate().unwrap());
    let clock = system_tests::world::TestClock::new();
    let office =
        Office::found_with_staff(Arc::clone(&ledger), Arc::new(keys), clock, &first, &secret, &rules())
            .unwrap();
    let boss = Who { may: Powers::ALL, ..who("company", "office", FOUNDER) };
    let name = STAFF.parse().unwrap();
    let id = |text: &str| text.parse().unwrap();
    let own = StaffSecret::generate().unwrap();
    let add = || office.set_staff(&boss, &id("a"), &name, StaffChange::Add(Powers::ALL), Some(&own)).unwrap();
    let added = add();
    assert_eq!((added.name.as_str(), &add()), (STAFF, &added), "repeated, the same");
    let auditor = AuditKey::generate().unwrap();
    let clean = || {
        let report = verify(&*ledger, &auditor.public(), &[], &mut |_| {}).unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    };
    clean();
    assert!(matches!(refused(office.forget_actor(&boss, &id("f"), STAFF)), Refusal::Invalid(_)));
    office.set_staff(&boss, &id("s"), &name, StaffChange::Stop, None).unwrap();
    office.forget_actor(&boss, &id("f"), STAFF).unwrap();
    assert!(office.staff().unwrap().iter().all(|member| member.name != STAFF));
    clean();
    for entry in card_ledger::read(&*ledger, |t| t.chain(&"office".parse()?, 0, 1000)).unwrap() {
        for text in [STAFF, FOUNDER] {
            assert!(!holds(&entry.payload, text.as_bytes()), "{text} in {:?}", entry.id);
            assert_ne!(entry.stored_actor(), text);
        }
        assert!(!entry.reason.contains(STAFF), "{entry:?}");
    }
}
