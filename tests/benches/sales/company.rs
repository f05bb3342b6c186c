//! A company with very many customers, and the ledger's turn at selling to them.

use card_host::card_core::id::{CardId, CardRef, Channel, MeterId};
use card_host::card_core::key::KeyLength;
use card_host::card_core::units::Piastres;
use card_host::card_work::development_scope;
use card_host::issuer::SystemClock;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_ledger::{
    BindingRecord, Charge, ChargeKind, Ledger, Office, OpenOrder, Party, Payee, PointLimits, Policy, Powers,
    RequestId, SaleOrder, Who,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::CLIENTS;

/// The party that sells.
pub(crate) const PARTY: &str = "fawry";
/// What each customer pays: 100 EGP.
pub(crate) const AMOUNT: i64 = 10_000;
/// How that is divided: to the credit, to the fee, to the levy.
pub(crate) const CREDIT: i64 = 9_600;
pub(crate) const FEE: i64 = 300;
pub(crate) const LEVY: i64 = 100;
/// Transfers of a sale.
pub(crate) const TRANSFERS: u64 = 3;

/// How much there is.
pub(crate) struct Loaded {
    pub(crate) bindings: u64,
    /// How many sell at once, one number after the other.
    pub(crate) clients: Vec<usize>,
    pub(crate) begin: Instant,
}

impl Loaded {
    /// Tells how far it is.
    pub(crate) fn say(&self, what: &str) {
        system_tests::say!("{:>4} s  {what}", self.begin.elapsed().as_secs());
    }

    /// A customer, from 1; each side has its own half, so that the limit needs to read nothing to know where its customers stand.
    pub(crate) fn customer(&self, side: Side, random: u64) -> u64 {
        let half = self.bindings / 2;
        2 * (random % half) + side as u64 + 1
    }
}

/// Who sells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Ledger = 0,
    Limit = 1,
}

impl Side {
    pub(crate) fn point(self, client: usize) -> String {
        match self {
            Self::Ledger => format!("ledger-{client:02}"),
            Self::Limit => format!("limit--{client:02}"),
        }
    }

    /// The ids of its requests: all different, as long as each other, in no order.
    pub(crate) fn request(self, number: u64) -> String {
        format!("{:016x}", scrambled(2 * number + self as u64))
    }
}

/// Another number for each number, in no order.
pub(crate) const fn scrambled(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// The card of a customer: cards are no neighbours where their meters are.
pub(crate) fn card(customer: u64) -> CardId {
    CardId::from(scrambled(customer))
}

/// The office of that company.
pub(crate) struct Company {
    pub(crate) office: Office,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) keys: Arc<SoftwareKeyStore>,
    requests: AtomicU64,
}

impl Company {
    /// A company with vending points and one customer, number 0; the others are copies of that one.
    pub(crate) fn found(ledger: Arc<dyn Ledger>) -> (Self, BindingRecord) {
        let keys = Arc::new(SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom).unwrap());
        let office =
            Office::found(Arc::clone(&ledger), keys.clone(), SystemClock, "founder", &rules()).unwrap();
        let boss = who("company", "office");
        let party = Party { code: PARTY.parse().unwrap(), channel: Channel::Kiosk, open: true };
        office.set_party(&boss, &id("party"), &party).unwrap();
        for client in 0..CLIENTS.into_iter().max().unwrap() {
            for side in [Side::Ledger, Side::Limit] {
                let point = side.point(client);
                let limits = PointLimits::default();
                office.add_point(&boss, &id(&point), &point.parse().unwrap(), &party.code, limits).unwrap();
            }
        }
        let order = OpenOrder {
            who: boss,
            id: id("template"),
            meter: MeterId::from(0),
            account: 0,
            card: CardRef { id: card(0), generation: 1 },
            closes_former: false,
        };
        let template = office.open(&order).unwrap();
        assert_eq!(template.held.binding.number, 1);
        (Self { office, ledger, keys, requests: AtomicU64::new(0) }, template)
    }

    /// One sale as a till makes it.
    pub(crate) fn sell(&self, till: &Who, customer: u64) {
        self.sell_through(&self.office, till, customer);
    }

    /// One sale through another office of the company.
    pub(crate) fn sell_through(&self, office: &Office, till: &Who, customer: u64) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let order = SaleOrder {
            who: till.clone(),
            id: Side::Ledger.request(number).parse().unwrap(),
            payee: Payee::Card(card(customer)),
            amount: Piastres(AMOUNT.cast_unsigned()),
        };
        let sale = office.sell(&order).unwrap();
        assert!(sale.certified.is_some_and(|certified| certified.voucher.len() == VOUCHER));
    }
}

/// Bytes of a voucher.
pub(crate) const VOUCHER: usize = 110;

/// 2 EGP and 1 % as a fee, 1 EGP for the cleaning of the streets.
fn rules() -> Policy {
    let mut rules = Policy::for_development();
    let kiosk = rules.channels.get_mut("kiosk").unwrap();
    let charge = |code: &str, kind, fixed, permille| {
        let code = code.parse().unwrap();
        Charge { code, name: None, kind, fixed, permille, most: Some(500) }
    };
    kiosk.charges =
        vec![charge("service", ChargeKind::Fee, 200, 10), charge("cleaning", ChargeKind::Levy, 100, 0)];
    rules
}

pub(crate) fn who(party: &str, point: &str) -> Who {
    Who {
        party: party.parse().unwrap(),
        point: point.parse().unwrap(),
        actor: ACTOR.to_owned(),
        may: Powers::ALL,
    }
}

/// Who stands at each till.
pub(crate) const ACTOR: &str = "till";

fn id(text: &str) -> RequestId {
    text.parse().unwrap()
}

/// The company's scope.
pub(crate) fn scope() -> card_host::card_core::id::Scope {
    development_scope()
}
