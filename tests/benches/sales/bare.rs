//! What a sale writes, made from nothing: no check, no key, no hash, nothing read.

use card_ledger::BindingRecord;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use fastrand::Rng;

use crate::company::{AMOUNT, CREDIT, Loaded, Side, VOUCHER, card};

/// Numbers that go on over all turns.
pub(crate) struct Shared {
    requests: AtomicU64,
    /// The sequence of each customer of this side.
    sequences: Vec<AtomicU32>,
    first: Start,
    half: u64,
}

/// Where all bindings start from.
#[derive(Clone, Copy)]
struct Start {
    sequence: u32,
    total_credit: u64,
}

impl Shared {
    pub(crate) fn new(loaded: &Loaded, template: &BindingRecord) -> Arc<Self> {
        let half = loaded.bindings / 2;
        let first = Start { sequence: template.held.sequence, total_credit: template.held.total_credit.0 };
        let sequences = (0..half).map(|_| AtomicU32::new(first.sequence)).collect();
        Arc::new(Self { requests: AtomicU64::new(0), sequences, first, half })
    }
}

/// One till of the limit's side.
pub(crate) struct Till {
    shared: Arc<Shared>,
    dice: Rng,
    pub(crate) point: String,
    pub(crate) cash_account: String,
    pub(crate) number: i64,
    pub(crate) cash: i64,
    head: [u8; 32],
    client: u64,
    clients: u64,
}

/// The rows of one sale.
pub(crate) struct Rows {
    pub(crate) time: i64,
    pub(crate) day: i64,
    pub(crate) request: String,
    pub(crate) meter: [u8; 8],
    pub(crate) card: [u8; 8],
    pub(crate) account: i64,
    pub(crate) credit_account: String,
    pub(crate) sequence: i64,
    pub(crate) total_credit: i64,
    pub(crate) voucher: [u8; VOUCHER],
    pub(crate) previous: [u8; 32],
    pub(crate) hash: [u8; 32],
}

impl Till {
    pub(crate) fn new(shared: &Arc<Shared>, client: usize) -> Self {
        let point = Side::Limit.point(client);
        Self {
            shared: Arc::clone(shared),
            dice: Rng::with_seed(1_000 + client as u64),
            cash_account: format!("cash:{point}"),
            point,
            number: 0,
            cash: 0,
            head: [0; 32],
            client: client as u64,
            clients: 1,
        }
    }

    /// So many sell at once: no two of them to the same customer, whose totals would come in the wrong order.
    pub(crate) const fn among(&mut self, clients: usize) {
        self.clients = clients as u64;
    }

    /// The next sale. It counts as made.
    pub(crate) fn next(&mut self) -> Rows {
        let shared = &self.shared;
        let share = (shared.half / self.clients).max(1);
        let index = (self.dice.u64(..share) * self.clients + self.client % self.clients) % shared.half;
        let customer = 2 * index + Side::Limit as u64 + 1;
        let sequence = shared.sequences[usize::try_from(index).unwrap()].fetch_add(1, Ordering::Relaxed) + 1;
        let credit =
            shared.first.total_credit + u64::from(sequence - shared.first.sequence) * CREDIT.cast_unsigned();
        let previous = self.head;
        let mut voucher = [0; VOUCHER];
        self.dice.fill(&mut self.head);
        self.dice.fill(&mut voucher);
        self.number += 1;
        self.cash += AMOUNT;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let meter = customer.to_be_bytes();
        Rows {
            time: i64::try_from(seconds).unwrap(),
            day: i64::try_from(seconds / 86_400).unwrap() - 18_262,
            request: Side::Limit.request(shared.requests.fetch_add(1, Ordering::Relaxed)),
            meter,
            card: card(customer).0,
            account: i64::try_from(customer).unwrap(),
            credit_account: format!("credit:{customer:016X}/1"),
            sequence: i64::from(sequence),
            total_credit: i64::try_from(credit).unwrap(),
            voucher,
            previous,
            hash: self.head,
        }
    }
}
