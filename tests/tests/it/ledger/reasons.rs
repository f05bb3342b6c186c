//! Every entry says who did it, and what somebody decides, why.

use card_host::card_core::id::{Binding, CardId, CardRef, MeterId};
use card_host::card_core::key::KeyLength;
use card_host::card_core::units::Piastres;
use card_host::issuer::BindingAccount;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_ledger::{
    DebitOrder, DebitTo, LedgerError, MoveOrder, Office, Payee, Power, Refusal, RequestId, SqliteLedger,
};
use std::sync::Arc;
use system_tests::world::{World, kiosk, refused, who};

const ONE: Payee = Payee::Card(CardId([0, 0, 0, 0, 0, 0, 0, 1]));

/// Everything that needs a reason, with this one.
fn decide(world: &World, reason: &str, paid: &RequestId) -> Vec<Result<(), LedgerError>> {
    let (office, boss, id) = (&world.office, world.boss(), || world.id());
    let debit = DebitOrder {
        who: boss.clone(),
        id: id(),
        payee: ONE,
        amount: Piastres(100),
        to: DebitTo::Correction,
        reason: reason.to_owned(),
    };
    let propose = DebitOrder { id: id(), ..debit.clone() };
    let held = world.record(1).held;
    let adopted = BindingAccount {
        binding: Binding { meter: MeterId::from(7), number: 1 },
        card: CardRef { id: CardId::from(7), generation: 1 },
        ..held
    };
    let from = Binding { meter: MeterId::from(2), number: 1 };
    let to = Binding { meter: MeterId::from(12), number: 1 };
    vec![
        office.debit(&debit).map(drop),
        office.propose(&propose),
        office.propose_move(&boss, &id(), &MoveOrder::estimated(from, to, 100), reason),
        office.refund(&kiosk(), paid, reason).map(drop),
        office.debt(&boss, &id(), 1, Piastres(100), reason),
        office.block(&boss, &id(), ONE, true, reason).map(drop),
        office.block(&boss, &id(), ONE, false, reason).map(drop),
        asked(office.adopt(&boss, &id(), &adopted, reason)),
        office.replace_card(&boss, &id(), ONE, CardId::from(9), reason).map(drop),
        asked(office.declare_restored(&boss, &id(), reason)),
    ]
}

/// What takes two people is entered, with its reason, when it is asked for.
fn asked<T: std::fmt::Debug>(result: Result<T, LedgerError>) -> Result<(), LedgerError> {
    assert!(matches!(refused_for(result)?, Refusal::SecondPerson(_)));
    Ok(())
}

fn refused_for<T: std::fmt::Debug>(result: Result<T, LedgerError>) -> Result<Refusal, LedgerError> {
    match result {
        Err(LedgerError::Refused(Refusal::NoReason)) => Err(Refusal::NoReason.into()),
        other => Ok(refused(other)),
    }
}

pub(crate) fn who_decides_says_why(world: &World) {
    world.customer(1);
    world.customer(2);
    world.office.open(&world.opening(12, 2, 12)).unwrap();
    world.sell(1, 50_000);
    world.sell(2, 10_000);
    // Paid, and not certified: it can be given back.
    let paid = world.order(kiosk(), 1, 10_000);
    world.office.reserve(&paid).unwrap();
    world.office.block(&world.boss(), &world.id(), ONE, true, "lost").unwrap();
    world.office.confirm(&kiosk(), &paid.id, None).unwrap();
    world.office.block(&world.boss(), &world.id(), ONE, false, "found").unwrap();

    let before = world.entries().len();
    let long = "x".repeat(201);
    for reason in
        ["", " ", "\t \u{a0}\n", "two\nlines", "\u{200b}\u{feff}", "\u{202e}dlo", "\u{1b}[2Jold", &long]
    {
        for (index, decided) in decide(world, reason, &paid.id).into_iter().enumerate() {
            assert_eq!(refused(decided), Refusal::NoReason, "number {index}, {reason:?}");
        }
    }
    let fawry = "fawry-1".parse().unwrap();
    let deposit = |reason| world.office.deposit(&kiosk(), &world.id(), &fawry, Piastres(100), reason);
    assert_eq!(refused(deposit(&long)), Refusal::NoReason);
    assert_eq!(world.entries().len(), before, "nothing was written");
    deposit("").unwrap();
    let arabic = "\u{642}".repeat(200);
    for (index, decided) in decide(world, &arabic, &paid.id).into_iter().enumerate() {
        assert!(decided.is_ok(), "number {index}: {decided:?}");
    }
    let said = world.entries().iter().filter(|entry| entry.reason == arabic).count();
    assert!(said >= 10, "{said}");
    world.check();
}

pub(crate) fn who_does_it_has_a_name(world: &World) {
    world.customer(1);
    let before = world.entries().len();
    for name in ["", " ", "\u{a0}\t", "\u{200b}", "\u{202e}anom", "mo\u{1b}[2Jna", &"x".repeat(65)] {
        let nobody = who("fawry", "fawry-1", name);
        let sold = world.office.sell(&world.order(nobody.clone(), 1, 10_000));
        assert!(
            matches!(refused(sold), Refusal::Invalid(text) if text.contains("person or program")),
            "{name:?}"
        );
        let fawry = "fawry-1".parse().unwrap();
        let closed = world.office.close_day(&nobody, &world.id(), &fawry, Piastres(0), "", None);
        assert!(matches!(refused(closed), Refusal::Invalid(_)), "{name:?}");
        let token = world.office.add_token(&world.boss(), &world.id(), &nobody.party, name, Power::Sell);
        assert!(matches!(refused(token.map(drop)), Refusal::Invalid(_)), "{name:?}");
    }
    assert_eq!(world.entries().len(), before, "nothing was written");
    let directory = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(&directory.path().join("ledger.sqlite"), world.scope());
    let keys = SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom);
    let founded = Office::found(
        Arc::new(ledger.unwrap()),
        Arc::new(keys.unwrap()),
        world.clock.clone(),
        " ",
        &system_tests::world::rules(),
    );
    assert!(matches!(refused(founded.map(drop)), Refusal::Invalid(_)));
}
