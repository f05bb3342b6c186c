//! After a restore: contracts and cards that the ledger has lost, entered again by what the card shows.

use card_host::card_core::id::{Binding, CardId, CardRef, Channel, Company, MeterId, Reference, Scope};
use card_host::card_core::message::{BindingCertificate, Certificate, Slot, Voucher};
use card_host::card_core::role::Role;
use card_host::card_core::units::{CardTime, Piastres};
use card_host::card_work::Mail;
use card_host::issuer::BindingAccount;
use card_host::keystore::KeyStore;
use card_host::random::OsRandom;
use card_ledger::{
    AuditKey, BindingRecord, BranchError, CardUse, Entry, Evidence, FIRST_REFERENCE, Finding, Kind,
    LedgerError, OpenOrder, Payee, PointLimits, RecoveredCard, Refusal, RequestId, SEQUENCE_GAP, ShownCard,
    Status, read, verify,
};
use std::sync::Barrier;
use std::time::Duration;
use system_tests::world::{World, kiosk, load, refused, who};

const WHY: &str = "the disk died";

/// What a card of the lost ledger holds: 400 EGP, of which 10 were taken back.
fn lost(known: &BindingRecord, meter: u64, number: u32, card: u64) -> BindingRecord {
    let held = BindingAccount {
        binding: Binding { meter: MeterId::from(meter), number },
        account: meter,
        card: CardRef { id: CardId::from(card), generation: 1 },
        sequence: 5,
        total_credit: Piastres(40_000),
        total_debited: Piastres(1_000),
        opening_time: CardTime(known.held.opening_time.0 + 7),
        ..known.held
    };
    BindingRecord { held, ..known.clone() }
}

/// The card that replaced that of `known`, with one more sale.
fn replaced(known: &BindingRecord, card: u64, generation: u16, more: u64) -> BindingRecord {
    let held = BindingAccount {
        card: CardRef { id: CardId::from(card), generation },
        sequence: known.held.sequence + 2,
        total_credit: Piastres(known.held.total_credit.0 + more),
        ..known.held
    };
    BindingRecord { held, ..known.clone() }
}

fn shown(world: &World, record: &BindingRecord) -> ShownCard {
    let (binding, certificate) = world.office.certificates(record).unwrap();
    ShownCard { card: record.held.card, load_key: record.held.load_key, binding, certificate }
}

fn recover_as(world: &World, id: &RequestId, shown: &ShownCard) -> Result<RecoveredCard, LedgerError> {
    world.two(id, || world.office.recover(&world.boss(), id, shown, WHY))
}

fn recover(world: &World, record: &BindingRecord) -> Result<RecoveredCard, LedgerError> {
    recover_as(world, &world.id(), &shown(world, record))
}

fn restored(world: &World) {
    world.restored(WHY);
}

/// What an act with the card in the reader was refused for.
fn at_the_desk<T: std::fmt::Debug>(result: Result<T, BranchError>) -> Refusal {
    match result {
        Err(BranchError::Ledger(error)) => refused::<T>(Err(error)),
        other => panic!("not refused: {other:?}"),
    }
}

fn used(world: &World, card: u64) -> (Binding, CardUse) {
    let record = read(&*world.ledger, |t| t.card(CardId::from(card))).unwrap().unwrap();
    (record.binding, record.used)
}

/// The books are in order, by the suite's own sums and by the audit.
fn in_order(world: &World) {
    world.check();
    let key = AuditKey::generate().unwrap();
    let report = verify(&*world.ledger, &key.public(), &[], &mut |_| {}).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.money.received, report.money.accounted());
}

fn recoveries(world: &World) -> Vec<Entry> {
    world.entries().into_iter().filter(|entry| entry.kind == Kind::Recover).collect()
}

fn send(world: &World, id: &str, card: u64) -> Mail {
    let slot = Slot::new(0x01).unwrap();
    world.office.mail(&world.boss(), &id.parse().unwrap(), CardId::from(card), slot, &[1; 12]).unwrap()
}

pub(crate) fn a_lost_contract_comes_back_with_its_card(world: &World) {
    let known = world.customer(1);
    world.sell(1, 10_000);
    let record = lost(&known, 2, 3, 2);
    let mut card = world.card(&record);
    restored(world);
    let boss = world.boss();
    let told = at_the_desk(world.office.take_from_card(&boss, &mut card));
    assert_eq!(told, Refusal::LostCard(CardId::from(2)));
    assert!(told.to_string().contains("cardctl ledger recover-card"), "{told}");

    let id = world.id();
    let bring = |card: &mut _| world.recover_card(&id, card, WHY).unwrap();
    let recovered = bring(&mut card);
    let binding = record.binding();
    let expected = RecoveredCard {
        binding,
        account: 2,
        card: CardId::from(2),
        sequence: 5 + SEQUENCE_GAP,
        total_credit: Piastres(40_000),
        total_debited: Piastres(1_000),
        credit: Piastres(40_000),
        debited: Piastres(1_000),
    };
    assert_eq!(recovered, expected);
    let held = BindingAccount { sequence: 5 + SEQUENCE_GAP, ..record.held };
    let entered = BindingRecord { held, epoch: 1, card_sequence: 5, ..known.clone() };
    assert_eq!(world.binding(binding), entered);
    assert_eq!(used(world, 2), (binding, CardUse::Customer));
    assert_eq!(world.balance("recovered"), 39_000);
    let [entry] = &recoveries(world)[..] else { panic!("one entry") };
    assert_eq!((entry.reason.as_str(), entry.account, entry.id.point.as_str()), (WHY, 2, "office"));
    let (front, back) = entry.payload.split_at(BindingCertificate::SIZE);
    let ShownCard { binding: opened, certificate, .. } = shown(world, &record);
    let entered = BindingCertificate::parse(front).unwrap();
    assert!(entered.account >= FIRST_REFERENCE, "{entered:?}");
    assert_eq!(BindingCertificate { account: opened.account, ..entered }, opened);
    assert_eq!(
        Certificate::parse(&back[..Certificate::SIZE]).unwrap().total_credit,
        certificate.total_credit
    );

    // Asked again, by the card or by what it shows: the same, and nothing more is entered.
    assert_eq!(bring(&mut card), expected);
    assert_eq!(recover_as(world, &id, &shown(world, &record)).unwrap(), expected);
    assert_eq!(recoveries(world).len(), 1);
    let other = recover_as(world, &id, &shown(world, &lost(&known, 4, 1, 4)));
    assert_eq!(refused(other), Refusal::OtherRequest(id.clone()));

    // The card is sold to, takes the voucher, and brings its receipt like any other. Its meter's mail is newer than all that was lost.
    let sold = world.office.sell(&world.order(boss.clone(), 2, 5_000)).unwrap().certified.unwrap();
    assert_eq!((sold.sequence, sold.total_credit), (6 + SEQUENCE_GAP, Piastres(45_000)));
    let receipt = load(&mut card, &sold.voucher);
    assert_eq!(world.office.hand_in(&boss, &receipt).unwrap().finding, Finding::Agrees);
    assert!(world.office.take_from_card(&boss, &mut card).is_ok());
    assert_eq!(send(world, "m", 2).envelope.version, 1 + SEQUENCE_GAP);
    let mail = RequestId::try_from("m".to_owned()).unwrap();
    let other = recover_as(world, &mail, &shown(world, &record));
    assert_eq!(refused(other), Refusal::OtherRequest(mail), "about this card, and something else");
    // With a voucher of its own, it still gets the first answer.
    assert_eq!(bring(&mut card), expected);
    assert_eq!(world.office.open(&world.opening(2, 2, 22)).unwrap().binding().number, 1_000_000);
    in_order(world);
}

pub(crate) fn what_a_lost_contract_has_closed(world: &World) {
    // Meter 1 had another customer; and account 3 was on meter 3 with the card that it has now on meter 1.
    world.customer(1);
    let known = world.customer(3);
    world.sell(1, 10_000);
    world.sell(3, 10_000);
    restored(world);
    let moved = lost(&known, 1, 2, 3);
    let held = BindingAccount { account: 3, ..moved.held };
    let moved = BindingRecord { held, ..moved };
    let shown = shown(world, &moved);
    // The meter has the keys that it had: newer ones are there, and it has not heard of them.
    for role in [Role::Credit, Role::Parameter, Role::Load] {
        world.keys.rotate(role, &mut OsRandom).unwrap();
    }
    recover_as(world, &world.id(), &shown).unwrap();
    let now = world.binding(moved.binding()).held;
    let keys = |held: &BindingAccount| (held.credit_key, held.parameter_keys, held.load_key);
    assert_eq!(keys(&now), keys(&known.held));
    assert_eq!(world.record(1).status, Status::Superseded);
    assert_eq!(world.record(3).status, Status::Superseded);
    assert_eq!(used(world, 3), (moved.binding(), CardUse::Customer));
    let sold = world.sell(3, 5_000);
    assert_eq!((sold.binding, sold.card), (moved.binding(), Some(CardId::from(3))));
    // A newer one of the same meter, with the card that it had: that closes this one.
    let held = BindingAccount { binding: Binding { number: 4, ..moved.binding() }, ..moved.held };
    recover(world, &BindingRecord { held, ..moved.clone() }).unwrap();
    assert_eq!(world.binding(moved.binding()).status, Status::Superseded);
    assert_eq!(world.binding(held.binding).status, Status::Open);
    // The one between them was lost, too, and is not opened any more.
    let held = BindingAccount { binding: Binding { number: 3, ..held.binding }, ..held };
    let between = recover(world, &BindingRecord { held, ..moved });
    assert_eq!(refused(between), Refusal::OlderContract { binding: held.binding, newest: 4 });
    in_order(world);
}

pub(crate) fn a_card_that_replaced_another_comes_back(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    let boss = world.boss();
    world.office.block(&boss, &world.id(), Payee::Card(CardId::from(1)), true, "lost").unwrap();
    let known = world.record(1);
    assert!(!known.voucher.is_empty());
    let (second, third) = (replaced(&known, 11, 2, 7_000), replaced(&known, 12, 3, 9_000));
    let mut card = world.card(&second);
    restored(world);
    let told = at_the_desk(world.office.take_from_card(&boss, &mut card));
    assert_eq!(told, Refusal::LostCard(CardId::from(11)));
    let id = world.id();
    let bring = |card: &mut _| world.recover_card(&id, card, WHY).unwrap();
    let recovered = bring(&mut card);
    assert_eq!((recovered.credit, recovered.debited), (Piastres(7_000), Piastres::ZERO));
    assert_eq!(bring(&mut card), recovered);
    let record = world.record(1);
    let sequence = second.held.sequence + SEQUENCE_GAP;
    let expected = BindingAccount { sequence, ..second.held };
    assert_eq!((record.held, record.status, record.epoch), (expected, Status::Open, 1));
    assert_eq!(
        (record.blocked, record.voucher.len(), record.card_sequence),
        (false, 0, second.held.sequence)
    );
    assert_eq!(used(world, 1), (known.binding(), CardUse::Replaced));
    assert_eq!(used(world, 11), (known.binding(), CardUse::Customer));
    let present = (CardId::from(1), CardId::from(11));
    assert_eq!(refused(world.office.collect(present.0)), Refusal::Replaced(present.0, present.1));
    assert_eq!(world.office.collect(present.1).unwrap().voucher, None);
    let first = send(world, "first", 11).envelope.version;
    assert_eq!(first, 1 + SEQUENCE_GAP);
    let sold = world.office.sell(&world.order(boss.clone(), 11, 5_000)).unwrap().certified.unwrap();
    assert_eq!(sold.sequence, sequence + 1);
    let _ = load(&mut card, &sold.voucher);

    // It had been replaced, too. The contract has been seen already, so its mail goes on; totals do not go back.
    let before = world.record(1).held;
    let newest = recover(world, &third).unwrap();
    assert_eq!((newest.credit, newest.total_credit), (Piastres::ZERO, before.total_credit));
    assert_eq!(newest.sequence, before.sequence + SEQUENCE_GAP);
    assert_eq!(recoveries(world)[1].transfers, []);
    assert_eq!(send(world, "second", 12).envelope.version, first + 1);
    let second = refused(recover(world, &second));
    assert_eq!(second, Refusal::Replaced(CardId::from(11), CardId::from(12)));
    in_order(world);
}

pub(crate) fn vouchers_of_a_lost_contract_follow_its_card(world: &World) {
    let known = world.customer(1);
    restored(world);
    let record = lost(&known, 2, 1, 2);
    // What the channel has: one that the card has had already, and two that wait for it.
    let voucher = |sequence: u32, credit: u64| {
        let held = BindingAccount { sequence, total_credit: Piastres(credit), ..record.held };
        let certificate = shown(world, &BindingRecord { held, ..record.clone() }).certificate;
        let voucher = Voucher {
            key_version: held.load_key,
            scope: held.scope,
            card: held.card.id,
            channel: Channel::Kiosk,
            certificate,
            reference: Reference([0; 8]),
            mac: [0; 16],
        };
        let voucher = world.keys.sign_voucher(voucher).unwrap();
        world.office.hand_in(&kiosk(), &Evidence::Voucher(voucher.emit().to_vec()))
    };
    assert_eq!(refused(voucher(6, 60_000)), Refusal::UnknownBinding(record.binding()));
    recover(world, &record).unwrap();
    assert_eq!(voucher(4, 30_000).unwrap().finding, Finding::Behind);
    assert_eq!(voucher(6, 60_000).unwrap().finding, Finding::Recovered);
    assert_eq!(voucher(7, 75_000).unwrap().finding, Finding::Recovered);
    assert!(voucher(7, 75_000).unwrap().known);
    let held = world.binding(record.binding()).held;
    assert_eq!((held.total_credit, held.total_debited), (Piastres(75_000), Piastres(1_000)));
    assert_eq!(world.balance("recovered"), 74_000);
    world.sell(2, 1_000);
    in_order(world);
}

pub(crate) fn from_many_branches_at_once_it_is_entered_once(world: &World) {
    const BRANCHES: usize = 6;
    let known = world.customer(1);
    for branch in 0..BRANCHES {
        world.add_point(&format!("branch-{branch}"), "company", PointLimits::default());
    }
    restored(world);
    for meter in 2..10 {
        let shown = shown(world, &lost(&known, meter, 1, meter));
        let start = Barrier::new(BRANCHES);
        let entered = std::thread::scope(|scope| {
            let branches = (0..BRANCHES).map(|branch| {
                let (start, shown) = (&start, &shown);
                scope.spawn(move || {
                    let who = who("company", &format!("branch-{branch}"), "mona");
                    start.wait();
                    let id = world.id();
                    match world.two(&id, || world.office.recover(&who, &id, shown, WHY)) {
                        Ok(_) => 1,
                        Err(LedgerError::Refused(Refusal::CardServes(_))) => 0,
                        Err(error) => panic!("{error}"),
                    }
                })
            });
            let branches: Vec<_> = branches.collect();
            branches.into_iter().map(|branch| branch.join().unwrap()).sum::<usize>()
        });
        assert_eq!(entered, 1, "meter {meter}");
    }
    assert_eq!(recoveries(world).len(), 8);
    in_order(world);
}

/// One opens a contract on a meter without any, while another recovers the one that was lost: whichever is first, one of both is open.
pub(crate) fn opened_and_recovered_at_once(world: &World) {
    let known = world.customer(1);
    for branch in ["branch-1", "branch-2"] {
        world.add_point(branch, "company", PointLimits::default());
    }
    restored(world);
    for meter in 2..26 {
        let shown = shown(world, &lost(&known, meter, 1, meter));
        let who_opens = who("company", "branch-2", "tarek");
        let order = OpenOrder { who: who_opens, ..world.opening(meter, meter, meter + 100) };
        let start = Barrier::new(2);
        let (opened, recovered) = std::thread::scope(|scope| {
            let recovers = scope.spawn(|| {
                start.wait();
                let (id, who) = (world.id(), who("company", "branch-1", "mona"));
                world.two(&id, || world.office.recover(&who, &id, &shown, WHY))
            });
            start.wait();
            // Certificates are checked before: somewhere in these steps both are under way.
            std::thread::sleep(Duration::from_micros(250 * (meter % 12)));
            (world.office.open(&order).unwrap(), recovers.join().unwrap())
        });
        let newest = opened.binding().number;
        if let Err(error) = recovered {
            assert_eq!(
                refused::<()>(Err(error)),
                Refusal::OlderContract { binding: shown.binding.binding, newest }
            );
        } else {
            assert_eq!(world.binding(shown.binding.binding).status, Status::Superseded, "meter {meter}");
        }
        assert_eq!(world.binding(opened.binding()).status, Status::Open, "meter {meter}");
    }
    in_order(world);
}

pub(crate) fn where_nothing_was_restored_nothing_is_recovered(world: &World) {
    let known = world.customer(1);
    world.sell(1, 10_000);
    let before = world.entries().len();
    let (unknown, replaced) = (lost(&known, 2, 1, 2), replaced(&world.record(1), 11, 2, 0));
    for record in [&unknown, &replaced, &known] {
        assert_eq!(refused(recover(world, record)), Refusal::NothingRestored);
    }
    // A card of some other ledger is not told that it was lost.
    for record in [&unknown, &replaced] {
        let mut card = world.card(record);
        let told = at_the_desk(world.office.take_from_card(&world.boss(), &mut card));
        assert!(!matches!(told, Refusal::LostCard(_)), "{told}");
    }
    assert_eq!(world.entries().len(), before);
    in_order(world);
}

pub(crate) fn what_is_not_recovered(world: &World) {
    for number in 1..=3 {
        world.customer(number);
        world.sell(number, 10_000);
    }
    let boss = world.boss();
    world.office.open(&world.opening(3, 3, 33)).unwrap();
    let payee = Payee::Meter(MeterId::from(2));
    world.office.replace_card(&boss, &world.id(), payee, CardId::from(22), "lost").unwrap();
    restored(world);
    let before = (world.entries().len(), world.record(1), world.record(2), world.record(3));
    let (one, two, three) = (before.1.clone(), before.2.clone(), before.3.clone());
    let card = |record: &BindingRecord, card: u64, generation: u16| {
        let card = CardRef { id: CardId::from(card), generation };
        BindingRecord { held: BindingAccount { card, ..record.held }, ..record.clone() }
    };
    let other = |record: &BindingRecord, account: u64, later: u32| {
        let opening_time = CardTime(record.held.opening_time.0 + later);
        let record = card(record, 9, 2);
        BindingRecord { held: BindingAccount { account, opening_time, ..record.held }, ..record }
    };
    let numbered = |record: &BindingRecord, number: u32, card: u64| lost(record, 1, number, card);
    let id = |card: u64| CardId::from(card);
    let of_two = |card: u64| {
        let record = numbered(&one, 2, card);
        BindingRecord { held: BindingAccount { account: 2, ..record.held }, ..record }
    };
    for (what, record, refusal) in [
        ("known, and serving", one.clone(), Refusal::CardServes(id(1))),
        ("replaced, as the ledger knows", card(&two, 2, 1), Refusal::Replaced(id(2), id(22))),
        ("another's card", card(&one, 22, 2), Refusal::CardInUse(id(22))),
        ("another's card, for a new contract", numbered(&one, 2, 33), Refusal::CardInUse(id(33))),
        ("a card of another generation", of_two(22), Refusal::CardInUse(id(22))),
        ("a replaced card, for a new contract", of_two(2), Refusal::CardInUse(id(2))),
        ("superseded", card(&three, 9, 2), Refusal::Closed(three.binding())),
        ("another customer", other(&one, 8, 0), Refusal::OtherContract(one.binding())),
        ("another opening", other(&one, 1, 1), Refusal::OtherContract(one.binding())),
        ("no newer", card(&one, 9, 1), Refusal::NotNewer { card: id(9), present: id(1) }),
        ("as new as the present", card(&two, 9, 2), Refusal::NotNewer { card: id(9), present: id(22) }),
    ] {
        assert_eq!(refused(recover(world, &record)), refusal, "{what}");
        assert!(refusal.to_string().contains(": "), "it says what to do: {refusal}");
    }
    let channel = world.office.recover(&kiosk(), &world.id(), &shown(world, &other(&one, 1, 0)), WHY);
    assert!(matches!(refused(channel), Refusal::Invalid(_)), "a channel recovers nothing");
    let id = world.id();
    recover_as(world, &id, &shown(world, &card(&one, 9, 2))).unwrap();
    let entries = world.entries().len();
    assert_eq!(entries, before.0 + 3, "asked for, agreed, and done: what is refused writes nothing");
    assert_eq!((world.record(2), world.record(3)), (two.clone(), three));
    // The same id with another card is something else.
    let other = recover_as(world, &id, &shown(world, &card(&two, 10, 3)));
    assert_eq!(refused(other), Refusal::OtherRequest(id.clone()));
    let other = recover_as(world, &id, &shown(world, &card(&one, 10, 3)));
    assert_eq!(refused(other), Refusal::OtherRequest(id));
    assert_eq!(world.entries().len(), entries);
    in_order(world);
}

pub(crate) fn a_technicians_card_is_nobodys(world: &World) {
    let known = world.customer(1);
    restored(world);
    let bring = |card: &mut _| at_the_desk(world.recover_card(&world.id(), card, WHY));
    // It has the certificates of the customer's card, and nothing of the customer in its profile.
    let record = lost(&known, 2, 1, 2);
    let certificates = world.office.certificates(&record).unwrap();
    let of_account = |account: u64| {
        let held = BindingAccount { account, ..record.held };
        world.card_with(&BindingRecord { held, ..record.clone() }, certificates)
    };
    assert_eq!(bring(&mut of_account(0)), Refusal::Engineering(CardId::from(2)));
    let other = bring(&mut of_account(9));
    assert!(matches!(&other, Refusal::BadEvidence(why) if why.contains("two customers")), "{other}");
    world.recover_card(&world.id(), &mut of_account(2), WHY).unwrap();
    in_order(world);
}

pub(crate) fn what_the_issuer_has_not_signed_is_not_recovered(world: &World) {
    let known = world.customer(1);
    restored(world);
    let record = lost(&known, 2, 1, 2);
    let good = shown(world, &record);
    let elsewhere = shown(world, &lost(&known, 3, 1, 3));
    let scope = Scope { company: Company(world.scope().company.0 + 1), ..world.scope() };
    let theirs = world.keys.sign_binding(scope, good.binding).unwrap();
    let credit = world.keys.sign_certificate(scope, good.certificate).unwrap();
    let flipped = |mut mac: [u8; 16]| {
        mac[7] ^= 1;
        mac
    };
    let ShownCard { binding, certificate, card, .. } = good;
    let with = |binding: BindingCertificate| ShownCard { binding, ..good };
    let credited = |certificate: Certificate| ShownCard { certificate, ..good };
    let before = world.entries().len();
    for (what, shown, why) in [
        (
            "binding, forged",
            with(BindingCertificate { mac: flipped(binding.mac), ..binding }),
            "not authentic",
        ),
        ("binding, of another account", with(BindingCertificate { account: 8, ..binding }), "not authentic"),
        ("binding, of another company", with(theirs), "not authentic"),
        ("binding, of another meter", with(elsewhere.binding), "two contracts"),
        (
            "credit, forged",
            credited(Certificate { mac: flipped(certificate.mac), ..certificate }),
            "not authentic",
        ),
        (
            "credit, raised",
            credited(Certificate { total_credit: Piastres(50_000), ..certificate }),
            "not authentic",
        ),
        ("credit, of another company", credited(credit), "not authentic"),
        ("credit, of another meter", credited(elsewhere.certificate), "two contracts"),
        (
            "a card of another generation",
            ShownCard { card: CardRef { generation: 2, ..card }, ..good },
            "generation",
        ),
    ] {
        let refusal = refused(recover_as(world, &world.id(), &shown));
        assert!(matches!(&refusal, Refusal::BadEvidence(text) if text.contains(why)), "{what}: {refusal}");
    }
    assert_eq!(world.entries().len(), before);
    recover_as(world, &world.id(), &good).unwrap();
    in_order(world);
}
