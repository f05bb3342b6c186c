//! What a desk asks for: documents, fees, who may, and how many persons.

use card_host::card_core::calendar::Date;
use card_host::card_core::id::{CardId, MeterId};
use card_host::card_core::units::{CardTime, Piastres};
use card_host::national_id::{NationalId, NationalIdError};
use card_ledger::{
    AuditKey, CardPolicy, CardStep, Document, Documents, Entry, EntryId, FeePaid, Head, Kind, LedgerError,
    PaperRefusal, PapersOrder, Payee, PersonRecord, Policy, PolicyRecord, Power, Powers, Refusal, RequestId,
    RequestKey, StepRules, Who, read, transact, verify,
};
use system_tests::world::{World, kiosk, refused};

const NUMBER: &str = "29001011234567";
const FEE: &str = "fee:card-replace-lost";

/// What is asked for, as the company writes it.
pub(crate) fn rules(text: &str) -> CardPolicy {
    serde_json::from_str(text).unwrap()
}

fn lost(paid: &str) -> CardPolicy {
    rules(&format!(
        r#"{{"receipt_days": 1, "steps": {{
            "replace-lost": {{
                "documents": ["national-id", "meter-or-receipt", "police-report"],
                "fee": {{"amount": 3000, "paid": "{paid}", "name": {{"ar": "بدل فاقد", "en": "Lost card"}}}}
            }},
            "block": {{"documents": ["meter-or-receipt"]}},
            "unblock": {{"may": "correct", "persons": 2}}
        }}}}"#
    ))
}

fn today(world: &World) -> Date {
    card_host::card_core::calendar::Calendar::EGYPT.local(world.office.now().unwrap()).date()
}

/// All that `replace-lost` asks for, by the number of the meter.
fn whole(world: &World, meter: u64) -> Documents {
    Documents {
        national_id: Some(NUMBER.parse().unwrap()),
        valid_until: Some(today(world)),
        meter: Some(MeterId::from(meter)),
        receipt: None,
        police_report: Some("1234/2026".to_owned()),
    }
}

fn present(
    world: &World,
    who: &Who,
    id: &RequestId,
    step: CardStep,
    account: u64,
    documents: &Documents,
) -> Result<(), LedgerError> {
    let meter = Some(MeterId::from(account));
    world.office.present(&PapersOrder { who, id, step, account, meter, documents })
}

fn replace(world: &World, id: &RequestId, card: u64) -> Result<(), LedgerError> {
    let payee = Payee::Meter(MeterId::from(1));
    world.office.replace_card(&world.boss(), id, payee, CardId::from(card), "lost").map(drop)
}

fn findings(world: &World) -> Vec<String> {
    let key = AuditKey::generate().unwrap().public();
    let report = verify(&*world.ledger, &key, &[], &mut |_| ()).unwrap();
    report.findings.iter().map(|finding| format!("{finding:?}")).collect()
}

fn clean(world: &World) {
    world.check();
    assert_eq!(findings(world), Vec::<String>::new());
}

fn set(world: &World, cards: &CardPolicy) {
    let id = world.id();
    world.two(&id, || world.office.set_cards(&world.boss(), &id, None, cards)).unwrap();
}

pub(crate) fn without_a_policy_nothing_is_asked_for(world: &World) {
    world.customer(1);
    let id = world.id();
    present(world, &world.boss(), &id, CardStep::ReplaceLost, 1, &whole(world, 1)).unwrap();
    replace(world, &id, 5).unwrap();
    assert_eq!(world.office.fee_of(&world.boss(), &id).unwrap(), None);
    assert!(world.entries().iter().all(|entry| !matches!(entry.kind, Kind::Papers | Kind::Fee)));
    clean(world);
}

/// Each rule of each document, by what was shown.
pub(crate) fn each_document_has_its_rules(world: &World) {
    world.customer(1);
    world.customer(2);
    set(world, &lost("cash"));
    let old = world.sell(1, 10_000).entry;
    world.clock.pass(90_000);
    let (mine, other) = (world.sell(1, 10_000).entry, world.sell(2, 10_000).entry);
    let receipt = |receipt: &EntryId, documents: Documents| Documents {
        meter: None,
        receipt: Some(receipt.clone()),
        ..documents
    };
    let none = EntryId { point: "fawry-1".parse().unwrap(), number: 999 };
    let settings = EntryId { point: "office".parse().unwrap(), number: 1 };
    let yesterday = {
        let now = world.office.now().unwrap();
        card_host::card_core::calendar::Calendar::EGYPT.local(CardTime(now.0 - 86_400)).date()
    };
    let shown = || whole(world, 1);
    let unborn = format!("3{:02}12311234567", (today(world).year + 1) % 100);
    let cases: Vec<(&str, Documents, Result<(), PaperRefusal>)> = vec![
        ("all", shown(), Ok(())),
        ("a receipt of this account", receipt(&mine, shown()), Ok(())),
        (
            "no national ID",
            Documents { national_id: None, ..shown() },
            Err(PaperRefusal::Missing(Document::NationalId)),
        ),
        (
            "not born yet",
            Documents { national_id: Some(unborn.parse().unwrap()), ..shown() },
            Err(NationalIdError::BirthDate.into()),
        ),
        ("no validity", Documents { valid_until: None, ..shown() }, Err(PaperRefusal::NoValidity)),
        (
            "expired",
            Documents { valid_until: Some(yesterday), ..shown() },
            Err(PaperRefusal::Expired(format!(
                "{:04}-{:02}-{:02}",
                yesterday.year, yesterday.month, yesterday.day
            ))),
        ),
        (
            "neither meter nor receipt",
            Documents { meter: None, ..shown() },
            Err(PaperRefusal::Missing(Document::MeterOrReceipt)),
        ),
        (
            "another meter",
            Documents { meter: Some(MeterId::from(2)), ..shown() },
            Err(PaperRefusal::OtherMeter(MeterId::from(2))),
        ),
        (
            "a receipt of another account",
            receipt(&other, shown()),
            Err(PaperRefusal::OtherReceipt(other.clone())),
        ),
        (
            "a receipt that is not there",
            receipt(&none, shown()),
            Err(PaperRefusal::OtherReceipt(none.clone())),
        ),
        (
            "an entry that is no receipt",
            receipt(&settings, shown()),
            Err(PaperRefusal::OtherReceipt(settings.clone())),
        ),
        (
            "an old receipt",
            receipt(&old, shown()),
            Err(PaperRefusal::OldReceipt { receipt: old.clone(), days: 1 }),
        ),
        (
            "no police report",
            Documents { police_report: None, ..shown() },
            Err(PaperRefusal::Missing(Document::PoliceReport)),
        ),
        (
            "an empty police report",
            Documents { police_report: Some(" ".to_owned()), ..shown() },
            Err(PaperRefusal::PoliceReport),
        ),
        (
            "a long police report",
            Documents { police_report: Some("1".repeat(41)), ..shown() },
            Err(PaperRefusal::PoliceReport),
        ),
    ];
    for (name, documents, expected) in &cases {
        let said = present(world, &world.boss(), &world.id(), CardStep::ReplaceLost, 1, documents);
        match expected {
            Ok(()) => assert!(said.is_ok(), "{name}: {said:?}"),
            Err(expected) => assert_eq!(refused(said), Refusal::Papers(expected.clone()), "{name}"),
        }
    }
    // What a step does not ask for is not looked at, and not kept.
    let id = world.id();
    present(world, &world.boss(), &id, CardStep::Block, 1, &whole(world, 1)).unwrap();
    let entry = world.entries().into_iter().find(|entry| entry.request.id.as_str() == format!("{id}.papers"));
    assert_eq!(entry.unwrap().payload, br#"{"step":"block","policy":2,"meter":"0000000000000001"}"#);
    clean(world);
}

/// The number of the national ID is in no entry, no row, no answer.
pub(crate) fn a_national_id_is_kept_nowhere(world: &World) {
    world.customer(1);
    world.customer(2);
    set(world, &lost("cash"));
    let (boss, id) = (world.boss(), world.id());
    present(world, &boss, &id, CardStep::ReplaceLost, 1, &whole(world, 1)).unwrap();
    present(world, &boss, &world.id(), CardStep::ReplaceLost, 2, &whole(world, 2)).unwrap();
    for entry in world.entries() {
        let text = format!("{:?} {}", entry, String::from_utf8_lossy(&entry.payload));
        assert!(!text.contains(NUMBER) && !text.contains(&NUMBER[3..11]), "{text}");
    }
    // The same person is recognised, by whoever may see that.
    let person: NationalId = NUMBER.parse().unwrap();
    let accounts = world.office.accounts_of(&boss, &person).unwrap();
    assert_eq!(accounts.into_iter().collect::<Vec<_>>(), [1, 2]);
    assert!(world.office.accounts_of(&boss, &"29001011234568".parse().unwrap()).unwrap().is_empty());
    let clerk = Who { may: Powers::NONE.with(Power::Sell), ..world.boss() };
    let not = Refusal::NotAllowed { actor: "mona".to_owned(), power: Power::Correct };
    assert_eq!(refused(world.office.accounts_of(&clerk, &person)), not);
    // Another person under the same id is another request.
    let other = Documents { national_id: Some("29001011234568".parse().unwrap()), ..whole(world, 1) };
    let said = present(world, &boss, &id, CardStep::ReplaceLost, 1, &other);
    assert!(matches!(refused(said), Refusal::OtherRequest(_)));
    clean(world);
}

pub(crate) fn a_step_is_done_once_its_papers_are_there(world: &World) {
    world.customer(1);
    set(world, &lost("cash"));
    let (boss, id) = (world.boss(), world.id());
    let needed = Refusal::Papers(PaperRefusal::Needed(CardStep::ReplaceLost));
    assert_eq!(refused(replace(world, &id, 5)), needed);
    assert_eq!(world.record(1).held.card.id, CardId::from(1), "nothing of it has happened");
    present(world, &boss, &id, CardStep::ReplaceLost, 1, &whole(world, 1)).unwrap();
    // Handed in again, with the documents or without, it changes nothing.
    present(world, &boss, &id, CardStep::ReplaceLost, 1, &whole(world, 1)).unwrap();
    present(world, &boss, &id, CardStep::ReplaceLost, 1, &Documents::default()).unwrap();
    let before = world.entries().len();
    let other = refused(present(world, &boss, &id, CardStep::Block, 1, &Documents::default()));
    let of_other = PaperRefusal::ForOther { step: CardStep::ReplaceLost, account: 1 };
    assert_eq!(other, Refusal::Papers(of_other.clone()));
    let payee = Payee::Meter(MeterId::from(1));
    assert_eq!(refused(world.office.block(&boss, &id, payee, true, "lost")), Refusal::Papers(of_other));
    replace(world, &id, 5).unwrap();
    assert_eq!(world.entries().len(), before + 2, "the step and its fee, in one commit");
    replace(world, &id, 5).unwrap();
    assert_eq!(world.entries().len(), before + 2, "once");
    // A repetition asks for nothing, whatever the rules have come to.
    set(
        world,
        &rules(
            r#"{"steps": {"replace-lost": {"documents": ["national-id"], "fee": {"amount": 1, "paid": "cash"}, "may": "keys"}}}"#,
        ),
    );
    let clerk = Who { may: Powers::NONE.with(Power::Sell), ..world.boss() };
    world.office.replace_card(&clerk, &id, payee, CardId::from(5), "lost").unwrap();
    present(world, &boss, &id, CardStep::ReplaceLost, 1, &Documents::default()).unwrap();
    clean(world);
}

pub(crate) fn a_fee_is_taken_once(world: &World) {
    world.customer(1);
    set(world, &lost("cash"));
    let (boss, id) = (world.boss(), world.id());
    present(world, &boss, &id, CardStep::ReplaceLost, 1, &whole(world, 1)).unwrap();
    replace(world, &id, 5).unwrap();
    replace(world, &id, 5).unwrap();
    let fee = world.office.fee_of(&boss, &id).unwrap().unwrap();
    assert_eq!((fee.step, fee.amount, fee.paid), (CardStep::ReplaceLost, Piastres(3_000), FeePaid::Cash));
    assert_eq!((world.balance(FEE), world.balance("cash:office")), (-3_000, 3_000));
    // What it is called stands in the rules that it followed.
    let policies = read(&*world.ledger, |t| t.policies()).unwrap();
    let policy = policies.iter().find(|record| record.version == fee.policy).unwrap();
    let policy = Policy::from_json(&policy.rules).unwrap();
    let code = fee.step.charge().unwrap();
    let name = |language| policy.name_of(&code, language).to_owned();
    use card_host::card_core::text::Language::{Arabic, English};
    assert_eq!((name(Arabic), name(English)), ("بدل فاقد".to_owned(), "Lost card".to_owned()));
    // Given back once, whoever asks again.
    let no_fee = Refusal::Papers(PaperRefusal::NoFee("nobody".to_owned()));
    assert_eq!(refused(world.office.give_back_fee(&boss, &"nobody".parse().unwrap(), "mistake")), no_fee);
    assert_eq!(refused(world.office.give_back_fee(&boss, &id, " ")), Refusal::NoReason);
    for _ in 0..2 {
        assert_eq!(world.office.give_back_fee(&boss, &id, "mistake").unwrap(), fee);
        assert_eq!((world.balance(FEE), world.balance("cash:office")), (0, 0));
    }
    clean(world);
}

pub(crate) fn a_fee_may_be_owed(world: &World) {
    world.customer(1);
    set(world, &lost("debt"));
    let (boss, ids) = (world.boss(), [world.id(), world.id()]);
    for (id, card) in ids.iter().zip([5, 6]) {
        present(world, &boss, id, CardStep::ReplaceLost, 1, &whole(world, 1)).unwrap();
        replace(world, id, card).unwrap();
        assert_eq!(world.office.fee_of(&boss, id).unwrap().unwrap().paid, FeePaid::Debt);
    }
    assert_eq!(
        (world.balance(FEE), world.balance("debt:1"), world.balance("cash:office")),
        (-6_000, 6_000, 0)
    );
    // A sale pays some of it: what is given back then is what is owed, and the rest in cash.
    world.office.sell(&world.order(kiosk(), 6, 20_000)).unwrap();
    let owed = world.balance("debt:1");
    assert!(owed > 0 && owed < 3_000, "{owed}");
    world.office.give_back_fee(&boss, &ids[0], "mistake").unwrap();
    assert_eq!((world.balance("debt:1"), world.balance("cash:office")), (0, owed - 3_000));
    clean(world);
}

pub(crate) fn who_may_and_how_many(world: &World) {
    world.customer(1);
    let (boss, second, payee) = (world.boss(), world.second(), Payee::Meter(MeterId::from(1)));
    world.office.block(&boss, &world.id(), payee, true, "stolen").unwrap();
    set(world, &lost("cash"));
    let (clerk, id, none) =
        (Who { may: Powers::NONE.with(Power::Sell), ..world.boss() }, world.id(), Documents::default());
    let not = Refusal::NotAllowed { actor: "mona".to_owned(), power: Power::Correct };
    assert_eq!(refused(present(world, &clerk, &id, CardStep::Unblock, 1, &none)), not);
    // One asks, another one agrees, the same again does it.
    let papers: RequestId = format!("{id}.papers").parse().unwrap();
    let ask = || present(world, &boss, &id, CardStep::Unblock, 1, &none);
    let unblock = |who: &Who| world.office.block(who, &id, payee, false, "paid").map(drop);
    assert_eq!(refused(ask()), Refusal::SecondPerson(papers.clone()));
    assert_eq!(refused(unblock(&boss)), Refusal::Papers(PaperRefusal::Needed(CardStep::Unblock)));
    assert_eq!(refused(ask()), Refusal::SecondPerson(papers.clone()));
    let request = RequestKey { party: boss.party.clone(), id: papers };
    assert!(matches!(refused(world.office.approve(&boss, &request)), Refusal::NotSecondPerson { .. }));
    world.office.approve(&second, &request).unwrap();
    ask().unwrap();
    assert_eq!(refused(unblock(&clerk)), not, "nor does the step itself, by who may not");
    unblock(&boss).unwrap();
    assert!(!world.record(1).blocked);
    clean(world);
    // Fewer persons, or none of it at all, take two persons.
    let fewer = world.id();
    let said = world.office.set_cards(&boss, &fewer, None, &rules(r#"{"steps": {}}"#));
    assert_eq!(refused(said), Refusal::SecondPerson(fewer));
}

/// The two parts of the rules are entered one by one, under one version.
pub(crate) fn rules_of_selling_and_of_desks_stay_apart(world: &World) {
    let boss = world.boss();
    let held = || world.office.policy().unwrap();
    let (before, selling) = held();
    let id = world.id();
    let cards = lost("cash");
    let version = world.office.set_cards(&boss, &id, None, &cards).unwrap();
    assert_eq!(version, before + 1);
    assert_eq!(held(), (version, Policy { cards: Some(cards.clone()), ..selling.clone() }));
    // Rules that do not name desks leave them.
    let rules = Policy { correction_approval_above: 1, ..Policy::for_development() };
    let next = world.office.set_policy(&boss, &world.id(), None, &rules).unwrap();
    assert_eq!(held(), (next, Policy { cards: Some(cards.clone()), ..rules }));
    assert_eq!(world.office.set_cards(&boss, &id, None, &cards).unwrap(), version, "asked for again");
    let other = self::rules(r#"{"steps": {}}"#);
    assert_eq!(refused(world.office.set_cards(&boss, &id, None, &other)), Refusal::OtherRequest(id));
    clean(world);
}

/// Writes an entry like one that is there, behind the ledger's back and with the right hashes.
fn forged(world: &World, like: Kind, heads: &[Head], change: impl Fn(&mut Entry) + Send + Sync) {
    let template = world.entries().into_iter().find(|entry| entry.kind == like).unwrap();
    transact(&*world.ledger, |t| {
        let mut point = t.point(&template.id.point)?.unwrap();
        let mut entry = template.clone();
        entry.id.number = point.number + 1;
        (entry.time, entry.previous) = (point.time, point.head);
        entry.request.id = format!("by-hand-{}", entry.id.number).parse()?;
        change(&mut entry);
        let entry = entry.sealed();
        (point.number, point.head) = (entry.id.number, entry.hash);
        for transfer in &entry.transfers {
            if transfer.debit.to_string() == format!("cash:{}", point.code) {
                point.cash =
                    card_host::card_core::units::Balance(point.cash.0 + transfer.amount.0.cast_signed());
            }
        }
        t.write(&entry, &point, heads)
    })
    .unwrap();
}

fn served(world: &World) {
    world.customer(1);
    set(world, &lost("cash"));
    let id = world.id();
    present(world, &world.boss(), &id, CardStep::ReplaceLost, 1, &whole(world, 1)).unwrap();
    replace(world, &id, 5).unwrap();
    let id = world.id();
    present(world, &world.boss(), &id, CardStep::Block, 1, &whole(world, 1)).unwrap();
    world.office.block(&world.boss(), &id, Payee::Meter(MeterId::from(1)), true, "lost").unwrap();
    clean(world);
}

fn found(world: &World, what: &str) {
    let findings = findings(world);
    assert!(findings.iter().any(|finding| finding.contains(what)), "{what}: {findings:?}");
}

pub(crate) fn an_audit_finds_another_fee(world: &World) {
    served(world);
    forged(world, Kind::Fee, &[], |entry| {
        entry.amount = Piastres(1_000);
        entry.transfers[0].amount = Piastres(1_000);
    });
    found(world, "a fee of 10.00 EGP in cash");
}

pub(crate) fn an_audit_finds_what_was_not_asked_for(world: &World) {
    served(world);
    forged(world, Kind::Block, &[], |_| ());
    found(world, "block without by-hand");
    forged(world, Kind::Papers, &[], |entry| {
        entry.payload = br#"{"step":"replace-lost","policy":2,"police_report":"1"}"#.to_vec();
    });
    found(world, "papers that are not those");
}

pub(crate) fn an_audit_finds_another_policy_and_person(world: &World) {
    served(world);
    let cheap = Policy { cards: Some(rules(r#"{"steps": {}}"#)), ..Policy::for_development() };
    let record = PolicyRecord { version: 9, from: CardTime(1), rules: cheap.to_json() };
    forged(world, Kind::Settings, &[Head::Policy(record)], |entry| entry.payload = b"{}".to_vec());
    found(world, "olicies");
    let person = card_host::national_id::PersonRef::parse(&[7; 17]);
    let heads = [Head::Person(PersonRecord { person, account: 9 })];
    forged(world, Kind::Settings, &heads, |entry| entry.payload = b"{}".to_vec());
    found(world, "somebody at a desk for account 9");
}

/// A step that asks for nothing but who may.
pub(crate) fn a_step_by_who_may_not(world: &World) {
    world.customer(1);
    set(world, &rules(r#"{"steps": {"block": {"may": "keys"}}}"#));
    let rules = world.office.asked_for(CardStep::Block).unwrap().unwrap().1;
    assert_eq!(rules, StepRules { documents: [].into(), fee: None, may: Power::Keys, persons: 1 });
    let clerk = Who { may: Powers::NONE.with(Power::Sell), ..world.boss() };
    let said = world.office.block(&clerk, &world.id(), Payee::Meter(MeterId::from(1)), true, "lost");
    let not = Refusal::NotAllowed { actor: "mona".to_owned(), power: Power::Keys };
    assert_eq!(refused(said), not);
    assert!(!world.record(1).blocked);
}
