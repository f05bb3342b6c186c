//! Complaint 8: nothing that a vendor or a card holds can mint. Cloned and rolled-back cards, forged vouchers and replayed
//! certificates give nothing.

use card_core::id::{CardId, CardRef, Channel};
use card_core::message::{Certificate, Voucher};
use card_core::terminal::load::LoadOutcome;
use card_core::units::Piastres;
use card_host::issuer::BindingAccount;
use card_host::keystore::{KeyStore, SoftwareKeyStore};
use card_host::random::OsRandom;

use super::household::{Household, MONDAY, at_the_meter, egp, kwh, mail_code};

#[test]
fn a_cloned_card_brings_its_credit_once() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    home.charge(egp(40));
    // Whoever breaks the chip makes ten of it.
    let clones: Vec<_> = (0..10).map(|_| home.clone_card()).collect();
    assert_eq!((home.tap_card(clones[0]), home.balance()), ("T01", 5_000));
    assert_eq!((home.tap(), home.balance()), ("T02", 5_000));
    for clone in clones {
        assert_eq!((home.tap_card(clone), home.balance()), ("T02", 5_000));
    }
    // At another meter they are nothing at all.
    let (mut other, reading) = (home.another_meter(4712), home.reading());
    assert_eq!(at_the_meter(&other.tap(&mut home.transport(), reading)), "M08");
    assert_eq!(other.state().unwrap().balance.0, 0);
}

#[test]
fn a_card_that_is_rolled_back_brings_nothing_again() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    let voucher = home.buy(egp(40), Channel::Kiosk);
    let (empty, _) = (home.clone_card(), home.load(&voucher).unwrap());
    let loaded = home.clone_card();
    assert_eq!((home.tap(), home.balance()), ("T01", 5_000));
    home.consume(kwh(50));
    // The card's memory as it was with the credit on it, and as it was before, with the voucher loaded once more.
    assert_eq!((home.tap_card(loaded), home.balance()), ("T02", 1_600));
    home.card = empty;
    assert_eq!(home.load(&voucher), Ok(LoadOutcome::Loaded));
    assert_eq!((home.tap(), home.balance()), ("T02", 1_600));
}

#[test]
fn a_forged_voucher_is_not_loaded() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    let sold = home.buy(egp(1), Channel::Kiosk);
    let more = Certificate { total_credit: Piastres(1_000_000), ..sold.certificate };
    let newer = Certificate { sequence: sold.certificate.sequence + 1, ..more };
    for certificate in [more, newer] {
        assert_eq!(home.load(&Voucher { certificate, ..sold }), Err("9408"));
    }
    let other_channel = Voucher { channel: Channel::Branch, ..sold };
    assert_eq!(home.load(&other_channel), Err("9408"));
    let neighbours = Voucher { card: CardId::from(77), ..sold };
    assert_eq!(home.load(&neighbours), Err("9401"));
    assert_eq!((home.tap(), home.balance()), ("T02", 1_000));
    // The true one is still good.
    assert_eq!((home.load(&sold), home.tap(), home.balance()), (Ok(LoadOutcome::Loaded), "T01", 1_100));
}

#[test]
fn who_steals_the_keys_of_vending_can_load_a_card_and_mint_nothing() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    // The thief has the card's load key, which signs vouchers, and no credit key: the certificate is made with one of his own.
    let own = SoftwareKeyStore::generate(card_core::key::KeyLength::Aes128, &mut OsRandom).unwrap();
    let sold = home.buy(egp(1), Channel::Kiosk);
    let (sequence, total_credit) = (sold.certificate.sequence + 1, Piastres(1_000_000));
    let forged = Certificate { sequence, total_credit, ..sold.certificate };
    let certificate = own.sign_certificate(home.account.scope, forged).unwrap();
    let voucher = home.issuer.keys().sign_voucher(Voucher { certificate, ..sold }).unwrap();
    // The card cannot tell. The meter can, and credits nothing.
    assert_eq!(home.load(&voucher), Ok(LoadOutcome::Loaded));
    assert_eq!((home.tap(), home.balance()), ("M07", 1_000));
    let reading = home.reading();
    let decision = home.meter.take_voucher(reading, &voucher).unwrap();
    assert!(matches!(decision.verdict, card_core::meter::Verdict::Refuse(_)));
    assert_eq!(home.balance(), 1_000);
    // What the customer really paid comes with a new card.
    home.replace_card();
    home.activate();
    assert_eq!((home.tap(), home.balance()), ("T01", 1_100));
}

#[test]
fn a_replayed_certificate_gives_nothing() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    let voucher = home.buy(egp(40), Channel::Network);
    let reading = home.reading();
    // Over the network, on the card, over the network again, and once more after it was used up.
    home.meter.take_voucher(reading, &voucher).unwrap();
    assert_eq!(home.balance(), 5_000);
    assert_eq!((home.load(&voucher), home.tap()), (Ok(LoadOutcome::Loaded), "T02"));
    home.consume(kwh(70));
    assert!(home.balance() < 100);
    let left = home.balance();
    for _ in 0..3 {
        home.meter.take_voucher(reading, &voucher).unwrap();
        home.meter.take_certificate(reading, &voucher.certificate, None).unwrap();
        assert_eq!((home.tap(), home.balance()), ("T02", left));
    }
}

#[test]
fn a_sale_that_was_reversed_does_not_come_back_with_its_old_voucher() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    let sold = home.buy(egp(40), Channel::Kiosk);
    let before = home.clone_card();
    assert_eq!(home.load(&sold), Ok(LoadOutcome::Loaded));
    assert_eq!((home.tap(), home.balance()), ("T01", 5_000));
    let reversed = home.reverse(egp(40));
    assert_eq!(home.load(&reversed), Ok(LoadOutcome::Loaded));
    assert_eq!((home.tap(), home.balance()), ("T04", 1_000));
    assert_eq!((home.load(&sold), home.tap()), (Ok(LoadOutcome::Older), "T02"));
    home.card = before;
    assert_eq!((home.load(&sold), home.tap(), home.balance()), (Ok(LoadOutcome::Loaded), "T02", 1_000));
}

#[test]
fn who_may_carry_mail_cannot_write_it() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    let limits = card_core::parameters::Limits { loan_hours: u16::MAX, ..Default::default() };
    // Sealed by somebody with keys of his own.
    let own = SoftwareKeyStore::generate(card_core::key::KeyLength::Aes128, &mut OsRandom).unwrap();
    let BindingAccount { scope, binding, parameter_keys, .. } = home.account;
    let slot = card_core::message::Slot::new(0x02).unwrap();
    let mail = own.seal_mail(scope, parameter_keys, binding, slot, 9, &limits.emit()).unwrap();
    let reading = home.reading();
    assert_eq!(mail_code(home.meter.receive(reading, None, &mail).unwrap().result), "P06");
    assert_eq!(home.state().limits, card_core::parameters::Limits::DEFAULT);
    // The company's own, of a lower version, is still taken.
    home.send(0x02, &card_core::parameters::Limits { loan_hours: 24, ..Default::default() }.emit());
    assert_eq!(home.state().limits.loan_hours, 24);
}

#[test]
fn a_technicians_card_has_no_credit_and_no_authority_of_its_own() {
    let mut home = Household::with_credit(MONDAY, egp(10));
    let technician = home.technician();
    assert_eq!((home.tap_card(technician), home.balance()), ("T02", 1_000));
    assert_eq!((home.tap_card(technician), home.balance()), ("T02", 1_000));
    // Nor does it help that its generation is the customer's: what was certified counts once.
    home.charge(egp(5));
    assert_eq!((home.tap(), home.balance()), ("T01", 1_500));
    let holder = CardRef { id: CardId::from(2), ..home.account.card };
    let twin = BindingAccount { card: holder, ..home.account };
    let voucher = home.issuer.voucher(&twin, Channel::Branch, card_core::id::Reference::from(5)).unwrap();
    home.card = technician;
    assert_eq!(home.load(&voucher), Ok(LoadOutcome::Loaded));
    assert_eq!((home.tap(), home.balance()), ("T02", 1_500));
}
