//! A company with staff: who acts is known by a secret, a name is one person's, and the audit proves who may do what.

use card_host::card_core::key::KeyLength;
use card_host::card_work::development_scope;
use card_host::issuer::SystemClock;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_ledger::{
    AuditKey, DebitOrder, DebitTo, Head, Ledger, Office, Payee, Policy, PostgresLedger, Power, Powers,
    Refusal, RequestId, SqliteLedger, Staff, StaffChange, StaffName, StaffSecret, Who, read, transact,
    verify,
};
use std::sync::Arc;
use system_tests::postgres::Postgres;
use system_tests::world::refused;

#[test]
fn over_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.sqlite");
    all(Arc::new(SqliteLedger::open_or_create(&path, development_scope()).unwrap()));
}

#[test]
fn over_postgres() {
    let url = Postgres::shared().create_database("staff").unwrap();
    all(Arc::new(PostgresLedger::connect(&url, development_scope(), 4).unwrap()));
}

fn name(text: &str) -> StaffName {
    text.parse().unwrap()
}

fn id(text: &str) -> RequestId {
    text.parse().unwrap()
}

struct Company {
    office: Office,
    ledger: Arc<dyn Ledger>,
}

impl Company {
    /// The member of staff, by name and secret.
    fn login(&self, text: &str, secret: &StaffSecret) -> Result<Who, card_ledger::LedgerError> {
        self.office.authenticated(&name(text), secret, "office".parse().unwrap())
    }

    fn findings(&self) -> Vec<String> {
        let key = AuditKey::generate().unwrap().public();
        let report = verify(&*self.ledger, &key, &[], &mut |_| ()).unwrap();
        report.findings.iter().map(|finding| format!("{finding:?}")).collect()
    }

    fn member(&self, text: &str) -> Staff {
        let identity = name(text).identity();
        self.office.staff().unwrap().into_iter().find(|member| member.identity == identity).unwrap()
    }
}

fn all(ledger: Arc<dyn Ledger>) {
    let keys = Arc::new(SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap());
    let (first, rules) = (StaffSecret::generate().unwrap(), Policy::for_development());
    let found = |ledger: &Arc<dyn Ledger>| {
        Office::found_with_staff(Arc::clone(ledger), keys.clone(), SystemClock, &name("Root"), &first, &rules)
    };
    let company = Company { office: found(&ledger).unwrap(), ledger: Arc::clone(&ledger) };
    let office = &company.office;
    assert!(!office.is_single_user().unwrap());

    // In every spelling, with this secret only.
    for text in ["root", "ROOT ", "\u{ff32}oot"] {
        assert_eq!(company.login(text, &first).unwrap().actor, "Root", "{text:?}");
    }
    let other = StaffSecret::generate().unwrap();
    assert_eq!(refused(company.login("root", &other)), Refusal::NotStaff("root".to_owned()));
    assert_eq!(refused(company.login("mona", &first)), Refusal::NotStaff("mona".to_owned()));
    let root = company.login("root", &first).unwrap();

    // While nobody else may approve, one person enters staff.
    let secret = StaffSecret::generate().unwrap();
    let add = |who: &Who, request: &str, text: &str, may: &str, secret: &StaffSecret| {
        office.set_staff(who, &id(request), &name(text), StaffChange::Add(may.parse().unwrap()), Some(secret))
    };
    let mona = add(&root, "mona", "Mona Aly", "sell,approve", &secret).unwrap();
    assert_eq!(add(&root, "mona", "Mona Aly", "sell,approve", &secret).unwrap(), mona, "once");
    assert_eq!(
        refused(add(&root, "mona", "Mona Aly", "sell,approve", &other)),
        Refusal::SecretGone("Mona Aly".to_owned())
    );
    assert_eq!(
        refused(add(&root, "mona", "Mona", "sell,approve", &secret)),
        Refusal::OtherRequest(id("mona"))
    );
    assert_eq!(
        refused(add(&root, "again", "mona  ALY", "keys", &secret)),
        Refusal::StaffThere("Mona Aly".to_owned())
    );
    let mona = company.login("mona aly", &secret).unwrap();
    assert_eq!(mona.may, Powers::of_token(Power::Approve));
    assert!(matches!(
        refused(add(&mona, "tarek", "Tarek", "sell", &secret)),
        Refusal::NotAllowed { power: Power::Settings, .. }
    ));

    // From then on two do: never the same one twice, by whatever name.
    let tarek = StaffSecret::generate().unwrap();
    let tarek_asked = || add(&root, "tarek", "Tarek", "correct", &tarek);
    assert_eq!(refused(tarek_asked()), Refusal::SecondPerson(id("tarek")));
    assert!(company.login("tarek", &tarek).is_err(), "not yet");
    let request = root.request(&id("tarek"));
    assert!(matches!(refused(office.approve(&root, &request)), Refusal::NotSecondPerson { .. }));
    office.approve(&mona, &request).unwrap();
    assert_eq!(tarek_asked().unwrap().name, "Tarek");
    let clerk = company.login("tarek", &tarek).unwrap();
    assert!(matches!(
        refused(office.approve(&clerk, &request)),
        Refusal::NotAllowed { power: Power::Approve, .. }
    ));
    let debit = DebitOrder {
        who: mona.clone(),
        id: id("debit"),
        payee: Payee::Meter(1.into()),
        amount: card_host::card_core::units::Piastres(1),
        to: DebitTo::Correction,
        reason: "wrong".to_owned(),
    };
    assert!(matches!(refused(office.debit(&debit)), Refusal::NotAllowed { power: Power::Correct, .. }));

    // A new secret makes the former one worthless; who is stopped is nobody, and one person is enough to stop.
    let renewed = StaffSecret::generate().unwrap();
    let renew = || office.set_staff(&root, &id("renew"), &name("tarek"), StaffChange::Renew, Some(&renewed));
    assert_eq!(refused(renew()), Refusal::SecondPerson(id("renew")));
    office.approve(&mona, &root.request(&id("renew"))).unwrap();
    renew().unwrap();
    assert!(company.login("tarek", &tarek).is_err());
    company.login("tarek", &renewed).unwrap();
    let stop = StaffChange::Stop;
    assert!(office.set_staff(&root, &id("stop"), &name("TAREK"), stop, None).unwrap().stopped);
    assert!(company.login("tarek", &renewed).is_err());
    assert_eq!(
        refused(office.set_staff(&root, &id("nobody"), &name("nobody"), stop, None)),
        Refusal::NoStaff("nobody".to_owned())
    );

    // The same again founds nothing, and the audit finds all of it in the chain.
    drop(found(&ledger).unwrap());
    assert_eq!(read(&*ledger, |t| t.staff()).unwrap().len(), 3);
    assert_eq!(company.findings(), Vec::<String>::new());

    // A row that says more than its entry is found; so is a member that one person has entered alone, past the program.
    let before = company.member("tarek");
    rewrite(&company, &Staff { may: Powers::ALL, stopped: false, ..before.clone() });
    let found = company.findings();
    assert!(found.iter().any(|finding| finding.contains("Tarek")), "{found:?}");
    rewrite(&company, &before);
    let found = company.findings();
    assert!(found.iter().all(|finding| !finding.contains("member of staff")), "{found:?}");
}

/// Changes a row behind the ledger's back, by an entry that says nothing of it.
fn rewrite(company: &Company, member: &Staff) {
    transact(&*company.ledger, |t| {
        let office = "office".parse()?;
        let point = t.point(&office)?.unwrap();
        let last = t.chain(&office, point.number - 1, 1)?.pop().unwrap();
        let mut entry = last.clone();
        entry.id.number += 1;
        entry.previous = last.hash;
        entry.kind = card_ledger::Kind::Settings;
        entry.step = card_ledger::Step::First;
        entry.request.id = format!("past-{}", entry.id.number).parse()?;
        entry.payload = b"{}".to_vec();
        let entry = entry.sealed();
        let point = card_ledger::Point { number: entry.id.number, head: entry.hash, ..point };
        t.write(&entry, &point, &[Head::Staff(member.clone())])
    })
    .unwrap();
}
