use super::*;
use crate::keystore::{KeyStore, SoftwareKeyStore};
use crate::random::OsRandom;
use card_core::id::{Binding, CardId, CardRef, Company, Environment, MeterId, Scope};
use card_core::key::KeyLength;
use card_core::message::{MeterFlags, MeterReceipt, Verified};
use card_core::role::KeyVersion;
use card_core::soft::SoftEngine;
use card_core::units::{Balance, Energy, Piastres};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

const SCOPE: Scope = Scope { company: Company(3), environment: Environment::Test };

#[derive(Clone)]
struct Fixed(Arc<Mutex<Option<CardTime>>>);

fn fixed(time: u32) -> Fixed {
    Fixed(Arc::new(Mutex::new(Some(CardTime(time)))))
}

impl Clock for Fixed {
    fn now(&self) -> Option<CardTime> {
        *self.0.lock().unwrap()
    }
}

fn account() -> BindingAccount {
    BindingAccount {
        scope: SCOPE,
        binding: Binding { meter: MeterId([1; 8]), number: 1 },
        account: 77,
        card: CardRef { id: CardId([2; 8]), generation: 1 },
        load_key: KeyVersion::from_byte(0x51),
        credit_key: KeyVersion::from_byte(0x71),
        parameter_keys: KeyVersion::from_byte(0x81),
        sequence: 0,
        total_credit: Piastres(0),
        total_debited: Piastres(0),
        opening_time: CardTime(5),
        applied_credit: Piastres::ZERO,
        applied_debited: Piastres::ZERO,
        moved: false,
    }
}

fn store() -> SoftwareKeyStore {
    SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap()
}

fn report(
    store: &SoftwareKeyStore,
    binding: Binding,
    applied: (u64, u64),
    balance: i64,
    flags: MeterFlags,
) -> Verified<MeterReceipt> {
    let key = store.meter_keys(SCOPE, binding.meter).unwrap().receipt;
    let receipt = MeterReceipt {
        key_version: KeyVersion::from_byte(0x91),
        binding,
        number: 9,
        time: CardTime(8),
        applied_credit: Piastres(applied.0),
        applied_debited: Piastres(applied.1),
        balance: Balance(balance),
        energy: Energy(0),
        flags,
        mac: [0; 16],
    };
    store.verify_meter_receipt(SCOPE, receipt.sign(&mut SoftEngine, &key, SCOPE)).unwrap()
}

#[test]
fn the_clock_is_checked_before_anything_is_signed() {
    let time = fixed(100);
    let issuer = Issuer::new(Arc::new(store()), time.clone());
    let account = account().credit(Piastres(5)).unwrap();
    let error = issuer.certificate(&account).unwrap_err();
    assert!(matches!(error, IssuerError::ClockBeforeBuild { now: CardTime(100) }), "{error}");
    assert!(BUILD_TIME > CardTime::from_unix(1_735_689_600).unwrap(), "built after 2025 began");
    assert!(SystemClock.now().unwrap() >= BUILD_TIME);

    let issuer = issuer.with_earliest_time(CardTime(50));
    assert_eq!(issuer.certificate(&account).unwrap().issue_time, CardTime(100));
    // How far it may be from what was signed before is the ledger's to know: that knows every vending point.
    for other in [99, 51] {
        *time.0.lock().unwrap() = Some(CardTime(other));
        assert_eq!(issuer.certificate(&account).unwrap().issue_time, CardTime(other));
    }
    *time.0.lock().unwrap() = Some(CardTime(49));
    assert!(issuer.certificate(&account).is_err());
    assert!(issuer.binding_certificate(&account).is_err());
    assert!(issuer.voucher(&account, Channel::Kiosk, Reference([0; 8])).is_err());
    for unknown in [None, Some(CardTime::UNSET)] {
        *time.0.lock().unwrap() = unknown;
        assert!(matches!(issuer.certificate(&account), Err(IssuerError::NoTime)));
    }
    // The last time is one like all others.
    *time.0.lock().unwrap() = Some(CardTime(u32::MAX));
    issuer.certificate(&account).unwrap();
}

#[test]
fn what_is_signed_says_what_the_account_says() {
    let time = fixed(100);
    let issuer = Issuer::new(Arc::new(store()), time.clone()).with_earliest_time(CardTime(1));
    let account = account().credit(Piastres(500)).unwrap().debit(Piastres(20)).unwrap();
    let keys = issuer.keys().meter_keys(SCOPE, account.binding.meter).unwrap();
    let certificate = issuer.certificate(&account).unwrap();
    certificate.verify(&mut SoftEngine, &keys.credit.1, SCOPE).unwrap();
    assert_eq!(
        (certificate.sequence, certificate.total_credit, certificate.total_debited),
        (2, Piastres(500), Piastres(20))
    );
    let binding = issuer.binding_certificate(&account).unwrap();
    binding.verify(&mut SoftEngine, &keys.credit.1, SCOPE).unwrap();
    let voucher = issuer.voucher(&account, Channel::Wallet, Reference([4; 8])).unwrap();
    assert_eq!(voucher.certificate, certificate, "the same totals at the same time");
    assert_eq!(Voucher::parse(&voucher.emit()).unwrap(), voucher);
    let slot = Slot::new(3).unwrap();
    let mail = issuer.mail(&account, slot, 1, b"calendar").unwrap();
    assert_eq!(mail.open(&mut SoftEngine, &keys.parameter, SCOPE).unwrap().as_slice(), b"calendar");
    let delivery = issuer.delivery(&account, &mail).unwrap();
    let delivery = card_core::message::Delivery::parse(delivery.as_slice()).unwrap();
    assert_eq!(delivery.card, account.card.id);
    assert!(matches!(issuer.mail(&account, slot, 0, b""), Err(IssuerError::MailVersion)));
    let outward = Slot::new(0x11).unwrap();
    assert!(matches!(issuer.mail(&account, outward, 1, b""), Err(IssuerError::Slot(0x11))));
}

#[test]
fn nothing_is_certified_before_it_has_begun_or_after_it_was_closed() {
    let time = fixed(100);
    let issuer = Issuer::new(Arc::new(store()), time.clone()).with_earliest_time(CardTime(1));
    assert!(matches!(issuer.certificate(&account()), Err(IssuerError::NotStarted)));
    let closed = BindingAccount { moved: true, sequence: 1, ..account() };
    assert!(matches!(issuer.certificate(&closed), Err(IssuerError::Account(AccountError::Closed))));
    assert!(matches!(issuer.binding_certificate(&closed), Err(IssuerError::Account(AccountError::Closed))));
    for closed in [closed.credit(Piastres(1)), closed.debit(Piastres(1)), closed.refresh()] {
        assert_eq!(closed, Err(AccountError::Closed));
    }
}

#[test]
fn last_values_are_the_last() {
    let base = account();
    let last = BindingAccount { sequence: u32::MAX - 1, ..base }.refresh().unwrap();
    assert_eq!(last.sequence, u32::MAX);
    for next in
        [last.refresh(), last.credit(Piastres(1)), last.debit(Piastres(1)), last.replace_card(CardId([3; 8]))]
    {
        assert_eq!(next, Err(AccountError::SequenceExhausted));
    }
    let full = BindingAccount { total_credit: Piastres(LAST_TOTAL.0 - 1), ..base };
    assert_eq!(full.credit(Piastres(1)).unwrap().total_credit, LAST_TOTAL);
    assert_eq!(full.credit(Piastres(2)), Err(AccountError::TotalExhausted));
    assert_eq!(full.credit(Piastres(u64::MAX)), Err(AccountError::TotalExhausted));
    let full = BindingAccount { total_debited: LAST_TOTAL, ..base };
    assert_eq!(full.debit(Piastres(1)), Err(AccountError::TotalExhausted));
    assert_eq!(base.credit(Piastres(0)), Err(AccountError::NoAmount));
    assert_eq!(base.debit(Piastres(0)), Err(AccountError::NoAmount));

    let old = BindingAccount { card: CardRef { generation: u16::MAX, ..base.card }, ..base };
    assert_eq!(old.replace_card(CardId([3; 8])), Err(AccountError::GenerationExhausted));
    assert_eq!(base.replace_card(base.card.id), Err(AccountError::SameCard(base.card.id)));
    let replaced = base.replace_card(CardId([3; 8])).unwrap();
    assert_eq!((replaced.card.generation, replaced.sequence), (2, 1));

    let meter = base.binding.meter;
    let open = |from: BindingAccount, meter, number| from.open_binding(meter, number, CardTime(9));
    assert_eq!(open(base, meter, 2).unwrap().binding.number, 2);
    assert_eq!(open(base, meter, 1), Err(AccountError::BindingNotNew { meter, number: 1, last: 1 }));
    let other = MeterId([6; 8]);
    assert_eq!(open(base, other, 0), Err(AccountError::BindingNotNew { meter: other, number: 0, last: 0 }));
    assert_eq!(open(base, other, u32::MAX).unwrap().binding.number, u32::MAX);
    let last = open(base, meter, u32::MAX).unwrap();
    assert_eq!(open(last, meter, u32::MAX), Err(AccountError::BindingExhausted));
}

#[test]
fn what_was_left_is_moved_exactly_once() {
    let store = store();
    let old = account().credit(Piastres(1000)).unwrap().credit(Piastres(500)).unwrap();
    let old = old.debit(Piastres(40)).unwrap();
    let new = old.open_binding(MeterId([6; 8]), 4, CardTime(9)).unwrap();
    // 1000 of 1500 and nothing of 40 were applied, 300 are left of them: 300 + 500 - 40.
    let last = report(&store, old.binding, (1000, 0), 300, MeterFlags::CLOSED);
    let (opened, closed) = new.move_from(old, &last).unwrap();
    assert_eq!((opened.total_credit, opened.total_debited, opened.sequence), (Piastres(760), Piastres(0), 1));
    assert_eq!(opened.move_from(closed, &last), Err(AccountError::Closed));
    assert_eq!(new.move_from(closed, &last), Err(AccountError::Closed));

    let debt = report(&store, old.binding, (1500, 40), -25, MeterFlags::CLOSED);
    let (opened, _) = new.move_from(old, &debt).unwrap();
    assert_eq!((opened.total_credit, opened.total_debited), (Piastres(0), Piastres(25)));
    let nothing = report(&store, old.binding, (1500, 40), 0, MeterFlags::CLOSED);
    let (opened, _) = new.move_from(old, &nothing).unwrap();
    assert_eq!((opened.total_credit, opened.total_debited, opened.sequence), (Piastres(0), Piastres(0), 1));

    let open = report(&store, old.binding, (1000, 0), 300, MeterFlags(0));
    assert_eq!(new.move_from(old, &open), Err(AccountError::NotFinal));
    let above = report(&store, old.binding, (1501, 0), 300, MeterFlags::CLOSED);
    assert_eq!(new.move_from(old, &above), Err(AccountError::AboveCertified));
    let above = report(&store, old.binding, (1000, 41), 300, MeterFlags::CLOSED);
    assert_eq!(new.move_from(old, &above), Err(AccountError::AboveCertified));
    let foreign = report(&store, new.binding, (0, 0), 300, MeterFlags::CLOSED);
    assert_eq!(new.move_from(old, &foreign), Err(AccountError::OtherBinding));
    let stranger = BindingAccount { account: 78, ..old };
    assert_eq!(new.move_from(stranger, &last), Err(AccountError::OtherBinding));
    assert_eq!(old.move_from(old, &last), Err(AccountError::OtherBinding));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Credit(u64),
    Debit(u64),
    Refresh,
    Replace(u8),
}

proptest! {
    #[test]
    fn totals_only_grow_and_are_the_sum_of_what_was_done(
        sequence: u32,
        generation in 1_u16..,
        credit: u64,
        steps in proptest::collection::vec(prop_oneof![
            any::<u64>().prop_map(Step::Credit),
            (0_u64..1000).prop_map(Step::Credit),
            any::<u64>().prop_map(Step::Debit),
            Just(Step::Refresh),
            any::<u8>().prop_map(Step::Replace),
        ], 0..20),
    ) {
        let card = CardRef { id: CardId([2; 8]), generation };
        let start = BindingAccount { sequence, card, total_credit: Piastres(credit), ..account() };
        let (mut now, mut credited, mut debited, mut done) = (start, u128::from(credit), 0_u128, 0);
        for step in steps {
            let outcome = match step {
                Step::Credit(amount) => now.credit(Piastres(amount)),
                Step::Debit(amount) => now.debit(Piastres(amount)),
                Step::Refresh => now.refresh(),
                Step::Replace(id) => now.replace_card(CardId([id; 8])),
            };
            let Ok(next) = outcome else { continue };
            match step {
                Step::Credit(amount) => credited += u128::from(amount),
                Step::Debit(amount) => debited += u128::from(amount),
                _ => {}
            }
            done += 1;
            prop_assert_eq!(next.sequence, now.sequence + 1);
            prop_assert!(next.total_credit >= now.total_credit && next.total_debited >= now.total_debited);
            prop_assert!(next.card.generation >= now.card.generation);
            now = next;
        }
        prop_assert_eq!(u128::from(now.total_credit.0), credited);
        prop_assert_eq!(u128::from(now.total_debited.0), debited);
        prop_assert_eq!(now.sequence - start.sequence, done);
    }
}
