//! How fast the books of so many customers are gone through, beside a bare loop that reads the rows of the bindings in pages as large, and
//! nothing else.

use card_ledger::{AuditKey, ReconcileOptions, reconcile, verify};
use std::time::Instant;

use crate::company::{Company, Loaded, who};
use crate::thousandths;

/// Rows of a page, of the bare loop as of the ledger's.
pub(crate) const PAGE: i64 = 500;

/// What a bare loop asks for after the last binding of a page; the values are for SQLite and PostgreSQL alike.
pub(crate) fn statement(meter: &str, number: &str) -> String {
    format!(
        "SELECT * FROM binding WHERE (meter, number) > ({meter}, {number}) ORDER BY meter, number LIMIT {PAGE}"
    )
}

/// Two reports of each meter, ten days apart.
pub(crate) const REPORTS: &str = "INSERT INTO reading (meter, binding, number, time, applied_credit, applied_debited, balance, energy, flags, \
    tampering) SELECT binding.meter, binding.number, report.number, binding.opening_time + 864000 * report.number, 0, 0, 0, \
    500 * report.number, 0, 0 FROM binding CROSS JOIN (SELECT 1 AS number UNION ALL SELECT 2) AS report";

/// Goes through the ledger of a company, and says how many bindings that were in a second. `bare` reads all bindings and says how many.
pub(crate) fn run(store: &str, loaded: &Loaded, company: &Company, mut bare: impl FnMut() -> u64) {
    let ledger = company.office.ledger();
    let options = ReconcileOptions::at(company.office.now().unwrap());
    let key = AuditKey::generate().unwrap().public();
    // Once for the caches.
    let _ = bare();
    let limit = measured(bare);
    let walks = [
        ("reconcile", measured(|| reconcile(ledger, None, &options, &mut |_| {}).unwrap().bindings)),
        (
            "audit",
            measured(|| {
                let report = verify(ledger, &key, &[], &mut |_| {}).unwrap();
                // Of the copies of one customer and of what the limit has sold, the chains know nothing.
                assert!(report.entries > 0);
                report.bindings
            }),
        ),
        ("alerts", measured(|| company.office.queue_alerts(&who("company", "office"), 3).unwrap().looked_at)),
    ];
    let mut said = format!("{store} gone through, bindings in a second: bare {}", limit.rate());
    for (name, walk) in walks {
        assert_eq!(walk.bindings, limit.bindings, "{name}");
        let ratio = u64::try_from(limit.nanoseconds * 1000 / walk.nanoseconds.max(1)).unwrap();
        said += &format!(", {name} {} ({})", walk.rate(), thousandths(ratio));
    }
    loaded.say(&said);
}

struct Measured {
    bindings: u64,
    nanoseconds: u128,
}

impl Measured {
    fn rate(&self) -> u128 {
        u128::from(self.bindings) * 1_000_000_000 / self.nanoseconds.max(1)
    }
}

fn measured(walk: impl FnOnce() -> u64) -> Measured {
    let begin = Instant::now();
    let bindings = walk();
    Measured { bindings, nanoseconds: begin.elapsed().as_nanos() }
}
