//! After a disaster: an older copy takes the ledger's place, and cards, meters and channels know more than it.

use super::books::{Books, Report};
use card_host::card_core::id::{CardId, MeterId};
use card_host::card_core::message::Voucher;
use card_host::card_core::parameters::Action;
use card_host::card_core::units::{CardTime, Piastres};
use card_host::card_work::Order;
use card_host::keystore::KeyStore;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_ledger::{
    AuditFinding, BranchError, Evidence, Finding, LedgerError, LostSale, Payee, Refusal, Sale, find_lost,
    read,
};
use system_tests::world::{kiosk, load, refused};

fn line(sale: &Sale) -> String {
    let voucher = hex::encode(&sale.certified.as_ref().unwrap().voucher);
    format!(
        "{{\"request\": \"{}\", \"amount\": {}, \"voucher\": \"{voucher}\"}}\n",
        sale.request.id, sale.amount.0
    )
}

fn voucher(sale: &Sale) -> Vec<u8> {
    sale.certified.as_ref().unwrap().voucher.clone()
}

fn credit(sale: &Sale) -> u64 {
    sale.division.credit
}

#[test]
fn what_was_lost_is_entered_again_by_evidence() {
    let mut books = Books::new();
    let world = &books.world;
    let mut card = None;
    for number in 1..=3 {
        let opened = world.customer(number);
        if number == 1 {
            card = Some(world.card(&opened));
        }
    }
    let mut card = card.unwrap();
    let meter_keys = world.keys.meter_keys(world.scope(), MeterId::from(1)).unwrap();
    let mut meter =
        SimulatedMeter::in_memory(MeterId::from(1), world.scope(), meter_keys, &from_the_maker()).unwrap();
    // The first voucher of a card is a branch's.
    let first = world.office.sell(&world.order(world.boss(), 1, 5_000)).unwrap();
    load(&mut card, &voucher(&first));
    let known: Vec<Sale> = (1..=3).map(|number| world.sell(number, 10_000)).collect();
    let mut heads = books.sign();
    books.back_up("copy.sqlite");
    books.days(1);
    let world = &books.world;
    let lost: Vec<Sale> = (1..=3).map(|number| world.sell(number, 20_000)).collect();
    let later = world.sell(3, 30_000);
    let waits = world.order(kiosk(), 2, 4_000);
    heads.extend(books.sign());
    // What is in the field: the card of customer 1 has the lost voucher, and so has its meter; the meter of customer 2 has applied it.
    load(&mut card, &voucher(&lost[0]));
    meter.tap(&mut card, world.office.now().unwrap()).unwrap();
    let (two, applied) = (world.record(2), credit(&known[1]) + credit(&lost[1]));
    let meter_two = books.receipt(&two, &Report { number: 2, applied, balance: 900, energy: 90, flags: 0 });
    let before_loss = books.world.record(1);

    books.days(1);
    books.restore("copy.sqlite");
    let cut: Vec<_> = books.findings(&heads);
    assert!(cut.iter().any(|finding| matches!(finding, AuditFinding::Truncated { .. })), "{cut:?}");
    let world = &books.world;
    let id = world.id();
    let declare = || world.office.declare_restored(&world.boss(), &id, "the disk of the server");
    let restored = world.two(&id, declare).unwrap();
    let declare = || declare().unwrap();
    assert_eq!((restored.epoch, restored.marked), (1, 5), "each of the five vending points");
    assert_eq!((declare().epoch, declare().marked), (1, 0));
    assert!(matches!(refused(world.office.declare_restored(&kiosk(), &world.id(), "")), Refusal::Invalid(_)));

    // The audit says what was lost, and blames nobody for it.
    let report = books.audit(&heads);
    assert_eq!(report.findings, []);
    assert_eq!((report.restores.len(), report.lost.len()), (1, 1));
    assert_eq!((report.lost[0].head.number, report.lost[0].restore.number), (7, 4));

    // Nothing sells without evidence; evidence that the copy knew does not count, where it is a voucher.
    let world = &books.world;
    for number in 1..=3 {
        let refusal = refused(world.office.sell(&world.order(kiosk(), number, 1_000)));
        assert!(matches!(refusal, Refusal::EvidenceNeeded(_)));
    }
    let old = world.office.hand_in(&kiosk(), &Evidence::Voucher(voucher(&known[2]))).unwrap();
    assert_eq!(old.finding, Finding::Agrees);
    assert!(matches!(
        refused(world.office.sell(&world.order(kiosk(), 3, 1_000))),
        Refusal::EvidenceNeeded(_)
    ));
    assert!(matches!(
        refused(world.office.confirm(&kiosk(), &waits.id, None).map(drop)),
        Refusal::NoRequest(_)
    ));

    // The channel's own list shows what it has and the ledger has not.
    let mut list: String = known.iter().chain(&lost).chain([&later]).map(line).collect();
    list.push_str("{\"request\": \"r1\", \"amount\": 5, \"voucher\": \"00\"}\nnot json\n");
    list.push_str(&line(&known[0]).replace("10000", "10001"));
    // What is no text, or far too long, is one line of the list, and the rest of it is read.
    let mut list = list.into_bytes();
    list.extend([&[0xFF, 0xFE, b'\n'][..], &[b'x'; 200_000], b"\n"].concat());
    list.extend(line(&known[1]).into_bytes());
    let found = find_lost(&*world.ledger, &"fawry".parse().unwrap(), &mut &list[..]).unwrap();
    assert_eq!((found.known, found.lost.len(), found.contradicting.len()), (4, 4, 5), "{found:?}");
    assert_eq!(found.lost[2].request, later.request.id, "the newest of a binding first");
    assert_eq!(found.lost[2].amount, Piastres(30_000));

    // Card, meter, voucher: each brings its binding back.
    let receipt = Evidence::CardReceipt(books.world.receipt(&mut card));
    let hand = |evidence: &Evidence| books.world.office.hand_in(&kiosk(), evidence).unwrap();
    assert_eq!(hand(&receipt).finding, Finding::Above, "a card alone makes no credit");
    let voucher_on_card = Voucher::parse(&voucher(&lost[0])).unwrap();
    let certificate = Evidence::Certificate(voucher_on_card.certificate.emit().to_vec());
    assert_eq!(hand(&certificate).finding, Finding::Recovered);
    // A meter alone neither: what it has applied is an alarm, until the voucher comes.
    assert_eq!(hand(&meter_two).finding, Finding::Above);
    assert_eq!(books.world.record(2).held.total_credit, Piastres(credit(&known[1])));
    let refusal = refused(books.world.office.sell(&books.world.order(kiosk(), 2, 1_000)));
    assert_eq!(refusal, Refusal::BooksBehind(two.binding()));
    assert_eq!(hand(&Evidence::Voucher(voucher(&lost[1]))).finding, Finding::Recovered);
    let forged = {
        let mut bytes = found.lost[2].voucher.clone();
        bytes[60] ^= 1;
        Evidence::Voucher(bytes)
    };
    assert!(matches!(refused(books.world.office.hand_in(&kiosk(), &forged)), Refusal::BadEvidence(_)));
    // With the load key of one chip alone nobody makes credit: the certificate has a code of its own.
    let mut raised = Voucher::parse(&found.lost[2].voucher).unwrap();
    raised.certificate.total_credit.0 += 1_000_000;
    let raised = books.world.keys.sign_voucher(raised).unwrap();
    let raised = Evidence::Voucher(raised.emit().to_vec());
    assert!(matches!(refused(books.world.office.hand_in(&kiosk(), &raised)), Refusal::BadEvidence(_)));
    // In the wrong order, the newest last: it is recovered all the same.
    assert_eq!(hand(&Evidence::Voucher(voucher(&lost[2]))).finding, Finding::Recovered);
    assert_eq!(hand(&Evidence::Voucher(voucher(&later))).finding, Finding::Recovered);
    let world = &books.world;
    for (number, total) in [
        (1, credit(&first) + credit(&known[0]) + credit(&lost[0])),
        (2, applied),
        (3, credit(&known[2]) + credit(&lost[2]) + credit(&later)),
    ] {
        assert_eq!(world.record(number).held.total_credit, Piastres(total), "customer {number}");
    }
    assert_eq!(
        world.balance("recovered"),
        i128::from(credit(&lost[0]) + credit(&lost[1]) + credit(&lost[2]) + credit(&later))
    );
    assert!(world.record(1).held.sequence > before_loss.held.sequence);

    // It sells again; card and meter take it.
    books.days(1);
    let world = &books.world;
    let sold: Vec<Sale> = (1..=3).map(|number| world.sell(number, 10_000)).collect();
    let total = world.record(1).held.total_credit;
    load(&mut card, &voucher(&sold[0]));
    meter.tap(&mut card, world.office.now().unwrap()).unwrap();
    assert_eq!(meter.state().unwrap().applied_credit, total);

    // What was lost turns up once more, and changes nothing: not in the books, not on the card.
    let before = (world.record(1), world.record(3), world.balance("recovered"));
    for evidence in
        [&receipt, &meter_two, &Evidence::Voucher(voucher(&lost[2])), &Evidence::Voucher(voucher(&lost[0]))]
    {
        assert_eq!(hand(evidence).finding, Finding::Behind);
    }
    assert_eq!((world.record(1), world.record(3), world.balance("recovered")), before);
    assert!(
        card_host::card_work::load(
            &mut card,
            &card_host::card_core::message::Voucher::parse(&voucher(&lost[0])).unwrap()
        )
        .is_err()
            || world.record(1).held.total_credit == total
    );
    meter.tap(&mut card, world.office.now().unwrap()).unwrap();
    assert_eq!(meter.state().unwrap().applied_credit, total);

    // The books add up, and heads that are signed from now on hold again, also at numbers that lost entries had.
    let new = books.sign();
    assert!(new.iter().any(|head| head.id.point.as_str() == "fawry-1"));
    heads.extend(new);
    let report = books.audit(&heads);
    assert_eq!(report.findings, []);
    assert_eq!(report.lost.len(), 1);
    assert_eq!(report.money.received, report.money.accounted());
    // The restore explains what was signed before it, and nothing that was signed later.
    let newest =
        heads.iter().filter(|head| head.id.point.as_str() == "fawry-1").max_by_key(|head| head.time).unwrap();
    let mut other = newest.head;
    other[0] ^= 1;
    let forged = books.auditor.sign_head(books.world.scope(), newest.id.clone(), other, newest.time);
    assert_eq!(books.findings(std::slice::from_ref(&forged)), [AuditFinding::Rewritten(forged.id)]);
}

#[test]
fn a_point_of_which_the_copy_knows_nothing_is_lost_with_it() {
    let mut books = Books::busy();
    books.back_up("copy.sqlite");
    books.world.add_point("fawry-9", "fawry", card_ledger::PointLimits::default());
    let order = card_ledger::SaleOrder {
        who: system_tests::world::who("fawry", "fawry-9", "till"),
        ..books.world.order(kiosk(), 1, 5_000)
    };
    books.world.office.sell(&order).unwrap();
    books.days(1);
    let heads = books.sign();
    books.days(1);
    books.restore("copy.sqlite");
    let world = &books.world;
    world.restored("fire");
    let report = books.audit(&heads);
    assert_eq!(report.findings, []);
    assert!(report.lost.iter().any(|lost| lost.head.id_is("fawry-9", 1)));
    // Entered anew, it begins a chain of its own.
    world.add_point("fawry-9", "fawry", card_ledger::PointLimits::default());
    world
        .office
        .hand_in(
            &order.who,
            &books.receipt(
                &world.record(2),
                &Report { number: 1, applied: 0, balance: 0, energy: 1, flags: 0 },
            ),
        )
        .unwrap();
    let report = books.audit(&heads);
    assert_eq!(report.findings, []);
    // A head that is signed after the restore is held to.
    let mut after = books.sign();
    after.retain(|head| head.id.point.as_str() == "fawry-9");
    after[0].head[0] ^= 1;
    let forged = books.auditor.sign_head(world.scope(), after[0].id.clone(), after[0].head, after[0].time);
    books.days(1);
    assert_eq!(books.findings(std::slice::from_ref(&forged)), [AuditFinding::Rewritten(forged.id)]);
}

#[test]
fn a_contract_and_a_card_from_after_the_copy_come_back_with_their_cards() {
    let mut books = Books::new();
    let world = &books.world;
    let boss = world.boss();
    let mut old = world.card(&world.customer(1));
    let first = world.office.sell(&world.order(boss.clone(), 1, 5_000)).unwrap();
    load(&mut old, &voucher(&first));
    let mut heads = books.sign();
    books.back_up("copy.sqlite");
    books.days(1);

    // After the copy: customer 1 gets another card, and buys for it; customer 2 comes, with a card and a meter.
    let world = &books.world;
    let replaced =
        world.office.replace_card(&boss, &world.id(), Payee::Card(CardId::from(1)), CardId::from(11), "lost");
    let replaced = replaced.unwrap();
    let mut new = world.card(&replaced);
    let activates = world.office.refresh(&boss, &world.id(), Payee::Card(CardId::from(11))).unwrap();
    load(&mut new, &activates.voucher);
    let more = world.sell(11, 8_000);
    load(&mut new, &voucher(&more));
    let opened = world.customer(2);
    let mut card = world.card(&opened);
    let charged = world.office.sell(&world.order(boss.clone(), 2, 5_000)).unwrap();
    load(&mut card, &voucher(&charged));
    let loaded = world.sell(2, 10_000);
    load(&mut card, &voucher(&loaded));
    let [_, mut meter] = [(1, &mut new), (2, &mut card)].map(|(number, card)| {
        let id = MeterId::from(number);
        let keys = world.keys.meter_keys(world.scope(), id).unwrap();
        let mut meter = SimulatedMeter::in_memory(id, world.scope(), keys, &from_the_maker()).unwrap();
        meter.tap(card, world.office.now().unwrap()).unwrap();
        meter
    });
    // The channel has sold once more, and the card has not been charged with it.
    let waits = world.sell(2, 20_000);
    world.office.command(&boss, &world.id(), CardId::from(2), &READ_OUT).unwrap();
    heads.extend(books.sign());
    let before = (world.record(1).held, world.record(2).held);

    books.days(1);
    books.restore("copy.sqlite");
    let world = &books.world;
    world.restored("the disk died");
    let list: String = [&more, &loaded, &waits].into_iter().map(line).collect();
    let compare = |books: &Books| {
        find_lost(&*books.world.ledger, &"fawry".parse().unwrap(), &mut list.as_bytes()).unwrap().lost
    };
    let hand = |sale: &LostSale| world.office.hand_in(&boss, &Evidence::Voucher(sale.voucher.clone()));
    let found = compare(&books);
    assert_eq!(found.len(), 3);
    assert_eq!(refused(hand(&found[1])), Refusal::UnknownBinding(opened.binding()));
    for (card, number) in [(&mut new, 11), (&mut card, 2)] {
        match world.office.take_from_card(&boss, card) {
            Err(BranchError::Ledger(LedgerError::Refused(Refusal::LostCard(lost)))) => {
                assert_eq!(lost, CardId::from(number));
            }
            other => panic!("{other:?}"),
        }
        world.recover_card(&world.id(), card, "brought by its customer").unwrap();
    }
    let one = credit(&first) + credit(&more);
    // What the card brought of its meter was taken, though the card itself was not.
    assert_ne!(world.record(1).heard, CardTime::UNSET);
    assert_eq!(world.record(1).held.card, replaced.held.card);
    assert_eq!(world.record(1).held.total_credit, Piastres(one));
    assert_eq!(world.record(2).held.total_credit, Piastres(credit(&charged) + credit(&loaded)));

    // What waited for the card is handed in after it, and contains all.
    let findings: Vec<_> = compare(&books).iter().map(|sale| hand(sale).unwrap().finding).collect();
    assert_eq!(findings, [Finding::Agrees, Finding::Recovered, Finding::Behind]);
    let (record_one, record_two) = (world.record(1), world.record(2));
    let two = credit(&charged) + credit(&loaded) + credit(&waits);
    assert_eq!(record_two.held.total_credit, Piastres(two));
    let lost = one - credit(&first) + two;
    assert_eq!(world.balance("recovered"), i128::from(lost));
    for (now, before) in [(record_one.held, before.0), (record_two.held, before.1)] {
        assert!(now.sequence > before.sequence);
        // What the cards brought of their meters is known now.
        assert!(now.applied_credit >= before.applied_credit);
        let (applied_credit, applied_debited) = (before.applied_credit, before.applied_debited);
        let sequence = before.sequence;
        let same = card_host::issuer::BindingAccount { sequence, applied_credit, applied_debited, ..now };
        assert_eq!(same, before, "all but the sequence is as it was");
    }

    // Card and meter take what is sold now, and commands that are sent now.
    books.days(1);
    let world = &books.world;
    let (command, mail) = world.office.command(&boss, &world.id(), CardId::from(2), &READ_OUT).unwrap();
    assert!(command.counter > 1 && mail.envelope.version > 1, "newer than the one that was lost");
    let sold = world.sell(2, 1_000);
    load(&mut card, &voucher(&sold));
    meter.tap(&mut card, world.office.now().unwrap()).unwrap();
    assert_eq!(meter.state().unwrap().applied_credit, Piastres(two + credit(&sold)));
    let sold = world.sell(11, 1_000);
    load(&mut new, &voucher(&sold));
    assert!(matches!(refused(world.office.collect(CardId::from(1))), Refusal::Replaced(..)));

    heads.extend(books.sign());
    let report = books.audit(&heads);
    assert_eq!(report.findings, []);
    assert_eq!((report.restores.len(), report.money.received), (1, report.money.accounted()));
    books.world.check();
}

const READ_OUT: Order = Order { action: Action::ReadOut, expiry: CardTime::UNSET, technician: None };

trait IdIs {
    fn id_is(&self, point: &str, number: u64) -> bool;
}

impl IdIs for card_ledger::EntryId {
    fn id_is(&self, point: &str, number: u64) -> bool {
        self.point.as_str() == point && self.number == number
    }
}

#[test]
fn mail_without_totals_unlocks_nothing() {
    let books = Books::busy();
    let world = &books.world;
    world.restored("a rehearsal");
    let record = world.record(1);
    // Events of a meter, authentic: they say nothing about credit.
    let (scope, binding) = (world.scope(), record.binding());
    let keys = world.keys.meter_keys(scope, binding.meter).unwrap();
    let slot = card_host::card_core::message::Slot::new(0x13).unwrap();
    let envelope = card_host::card_core::message::Envelope::seal(
        &mut card_host::card_core::soft::SoftEngine,
        &keys.report,
        scope,
        binding,
        slot,
        1,
        &[1],
    )
    .unwrap();
    let evidence = Evidence::MeterMail(envelope.as_bytes().to_vec());
    world.office.hand_in(&kiosk(), &evidence).unwrap();
    let refusal = refused(world.office.sell(&world.order(kiosk(), 1, 1_000)));
    assert_eq!(refusal, Refusal::EvidenceNeeded(binding));
    // Its receipt does.
    let applied = record.held.total_credit.0;
    books.report(&record, &Report { number: 1, applied, balance: 0, energy: 1, flags: 0 });
    world.sell(1, 1_000);
    let held = read(&*world.ledger, |t| t.binding(Payee::Card(CardId::from(1)))).unwrap().unwrap();
    assert_eq!(held.epoch, 1);
}
