//! Sales with a key store that takes its time, as one in hardware does: how much faster many clients are than one.

use card_host::issuer::SystemClock;
use card_ledger::Office;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;
use system_tests::watched_keys::WatchedKeys;

use crate::company::{Company, Loaded, PARTY, Side, who};
use crate::measure::turn;

/// For each signature.
const SIGNATURE: Duration = Duration::from_millis(5);
/// Of a sale: a certificate, and the voucher around it.
const SIGNATURES: u64 = 2;
const MANY: usize = 64;

/// `goal`: how many times as fast as one client 64 are to be.
pub(crate) fn run(store: &str, goal: u64, loaded: &Loaded, company: &Company) {
    let signed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&signed);
    let keys = WatchedKeys::new(Arc::clone(&company.keys), move || {
        count.fetch_add(1, Ordering::Relaxed);
        sleep(SIGNATURE);
        Ok(())
    });
    let office = Office::new(Arc::clone(&company.ledger), Arc::new(keys), SystemClock).unwrap();
    let [one, many] = [1, MANY].map(|clients| {
        let tills = (0..clients).map(|client| {
            let (office, till) = (&office, who(PARTY, &Side::Ledger.point(client)));
            // Each to a customer of its own, so that none is overtaken while it signs.
            let customer = loaded.customer(Side::Ledger, client as u64);
            move || {
                company.sell_through(office, &till, customer);
                1
            }
        });
        let sold = turn(tills.collect());
        assert_eq!(
            signed.swap(0, Ordering::Relaxed),
            sold.all * SIGNATURES,
            "signatures of {} sales",
            sold.all
        );
        sold.speed.rate
    });
    let times = many * 10 / one.max(1);
    system_tests::say!(
        "{store}, {} ms for a signature: {one} sales in a second with 1 client, {many} with {MANY}: {}.{} times as many (goal: {goal})",
        SIGNATURE.as_millis(),
        times / 10,
        times % 10,
    );
}
