//! What a top-up and a meter exchange cost: exchanges, bytes, records, AES blocks, memory operations, and modelled time, on
//! contacts and contactless. The counts are exact and the same on every machine; the times are those of the modelled chip
//! (specification, section 16). Ends with status 101 where a limit is passed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark says what is wrong by failing")]

use applet_sim::card::{Cost, Profile};
use applet_sim::chip::{FlashModel, Link};
use card_core::id::{Channel, MeterId};
use card_core::key::KeyLength;
use card_core::message::Slot;
use card_core::meter::{Received, Verdict};
use card_core::parameters::Action;
use card_core::role::Role;
use card_core::scp03::Mode;
use card_core::tariff::{EGYPT_2024_08, Head, Tariff};
use card_core::terminal::load::LoadOutcome;
use card_core::units::{CardTime, Energy, Piastres};
use card_host::card_work::{CardChoice, Order, deliver, load};
use card_host::keystore::SoftwareKeyStore;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::stage::{Stage, Table};
use card_host::tap::Tap;
use card_host::transport::{Trace, Transport};
use card_ledger::Development;
use system_tests::year;

/// What a customer waits for at most, in microseconds.
const LIMIT: u64 = 120_000;
/// The same where a visit has much to bring, which is seldom.
const BACKLOG: u64 = 500_000;
const DAY: u32 = 86_400;

fn main() {
    system_tests::say!(
        "{:<12} {:<8} {:<4} {:<33} {:>9} {:>6} {:>8} {:>11} {:>8} {:>8} {:>9}",
        "link",
        "keys",
        "mode",
        "what",
        "exchanges",
        "bytes",
        "records",
        "AES blocks",
        "erases",
        "programs",
        "time, ms"
    );
    for profile in [Profile::T1, Profile::Contactless] {
        for length in [KeyLength::Aes128, KeyLength::Aes256] {
            for mode in [Mode::S8, Mode::S16] {
                measure(profile, length, mode);
            }
        }
    }
}

fn measure(profile: Profile, length: KeyLength, mode: Mode) {
    let mut stage = Table::new(profile);
    let keys = SoftwareKeyStore::generate(length, &mut OsRandom).unwrap();
    let company = Development::new(keys).unwrap();
    let Development { office, who, .. } = &company;
    let id = MeterId::from(1);
    let card = stage.new_card().unwrap();
    stage.insert(card).unwrap();
    let choice = CardChoice { mode, ..CardChoice::default() };
    let row = |what: &str, cost: Cost| {
        let usage = cost.usage;
        let (link, bits) = (format!("{profile:?}"), length.bytes() * 8);
        let (ms, tenths) = (cost.time() / 1000, cost.time() % 1000 / 100);
        system_tests::say!(
            "{link:<12} AES-{bits:<4} {:<4} {what:<33} {:>9} {:>6} {:>8} {:>11} {:>8} {:>8} {ms:>7}.{tenths}",
            format!("{mode:?}"),
            cost.exchanges,
            cost.bytes,
            cost.records,
            usage.aes_blocks,
            usage.pages_erased,
            usage.pages_programmed,
        );
    };

    let before = stage.cost();
    office.issue(who, &company.id(), &mut stage.card().unwrap(), id, 1, choice, None).unwrap();
    row("issue", stage.cost().since(&before));

    let number = operate::present(&mut stage.card().unwrap()).unwrap().id;
    // Enough of them that every slot of the card's logs has been used, so that each write has something to erase.
    for _ in 0..40 {
        let voucher = company.sell(number, Piastres(100), Channel::Branch).unwrap();
        load(&mut stage.card().unwrap(), &voucher).unwrap();
    }
    let voucher = company.sell(number, Piastres(5_000), Channel::Kiosk).unwrap();
    let before = stage.cost();
    let answer = load(&mut stage.card().unwrap(), &voucher).unwrap();
    let cost = stage.cost().since(&before);
    assert_eq!(answer.outcome, LoadOutcome::Loaded);
    row("top-up", cost);
    assert_eq!(cost.exchanges, 2, "SELECT and one more");
    assert!(cost.records <= 2, "at most two records");
    assert!(cost.time() < LIMIT, "a top-up takes {} us", cost.time());
    let repeated = company.sell(number, Piastres(100), Channel::Kiosk).unwrap();
    let mut trace = Trace::new(stage.card().unwrap());
    load(&mut trace, &repeated).unwrap();
    slow(profile, length, mode, "top-up", trace, cost);

    let before = stage.cost();
    load(&mut stage.card().unwrap(), &voucher).unwrap();
    let cost = stage.cost().since(&before);
    row("the same voucher again", cost);
    assert_eq!(cost.records, 0);

    let scope = office.scope();
    let keys = company.keys.meter_keys(scope, id).unwrap();
    let mut meter = SimulatedMeter::in_memory(id, scope, keys, &from_the_maker()).unwrap();
    let mut tap = |stage: &mut Table| {
        let before = stage.cost();
        let tap = meter.tap(&mut stage.card().unwrap(), office.now().unwrap()).unwrap();
        assert!(tap.settled);
        meter.consume(office.now().unwrap(), Energy(10)).unwrap();
        (tap.verdict, stage.cost().since(&before))
    };
    let (verdict, cost) = tap(&mut stage);
    assert!(matches!(verdict, Some(Verdict::Apply { .. })));
    row("meter exchange with credit", cost);
    for _ in 0..10 {
        tap(&mut stage);
    }
    let (verdict, cost) = tap(&mut stage);
    assert_eq!(verdict, Some(Verdict::Nothing));
    let mut trace = Trace::new(stage.card().unwrap());
    meter.tap(&mut trace, office.now().unwrap()).unwrap();
    slow(profile, length, mode, "meter exchange without news", trace, cost);
    row("meter exchange without news", cost);
    assert_eq!(cost.exchanges, 5, "five with SELECT: the meter remembers the card's mode");
    assert!(cost.time() < LIMIT, "a meter exchange takes {} us", cost.time());

    let news = News { stage, company, meter, row: &row };
    news.measure();
}

/// Visits that have more to do.
struct News<'a> {
    stage: Table,
    company: Development,
    meter: SimulatedMeter<FlashModel>,
    row: &'a dyn Fn(&str, Cost),
}

impl News<'_> {
    fn measure(mut self) {
        let start = CardTime(self.company.office.now().unwrap().0 + 40 * DAY);
        let published = EGYPT_2024_08;
        let head = Head { version: 2, start, kind: published.kind(), zero_fee: published.zero_fee() };
        let (slabs, charges): (Vec<_>, Vec<_>) = (published.slabs().collect(), published.charges().collect());
        let tariff = Tariff::new(head, &slabs, &charges).unwrap();
        let slot = Slot::new(0x01).unwrap();
        let card = operate::present(&mut self.stage.card().unwrap()).unwrap().id;
        let Development { office, who, .. } = &self.company;
        let mail = office.mail(who, &self.company.id(), card, slot, tariff.as_bytes()).unwrap();
        deliver(&mut self.stage.card().unwrap(), &mail.delivery).unwrap();
        let (tap, cost) = self.tap("meter exchange, a new tariff");
        assert!(matches!(tap.received[..], [Received { result: Ok(()), .. }]));
        assert_eq!(cost.exchanges, 6, "GET MAIL and no more");
        assert!(cost.time() < LIMIT, "a new tariff takes {} us", cost.time());

        let order = Order { action: Action::EndCut, expiry: CardTime::UNSET, technician: None };
        let Development { office, who, .. } = &self.company;
        let (_, mail) = office.command(who, &self.company.id(), card, &order).unwrap();
        deliver(&mut self.stage.card().unwrap(), &mail.delivery).unwrap();
        let (tap, cost) = self.tap("meter exchange, a command");
        assert!(matches!(tap.received[..], [Received { result: Ok(()), .. }]));
        assert_eq!(cost.exchanges, 8, "GET MAIL, the audit record, and the event");
        assert!(cost.time() < BACKLOG, "a command takes {} us", cost.time());

        self.charge(500_000);
        self.tap("meter exchange with more credit");
        for (count, what) in ["a year's backlog", "a second year", "a third"].into_iter().enumerate() {
            year::pass(&mut self.meter);
            let (_, cost) = self.tap(&format!("meter exchange, {what}"));
            if count == 0 {
                assert!(cost.time() < BACKLOG, "a year's backlog takes {} us", cost.time());
                assert_eq!(cost.exchanges, 11, "months and events in 5 after the first six, and readings");
            }
        }
        let before = self.stage.cost();
        let mut card = self.stage.card().unwrap();
        let mut session =
            operate::session(&mut card, self.company.office.keys(), Role::Vending, &mut OsRandom).unwrap();
        let reading = operate::read_private(&mut session).unwrap();
        drop(card);
        (self.row)("desk, all of a full card", self.stage.cost().since(&before));
        assert_eq!((reading.loads.len(), reading.months.len(), reading.events.len()), (32, 36, 60));

        let (_, cost) = self.tap("meter exchange without news");
        assert_eq!(cost.exchanges, 5, "a visit without news, whatever there was before");
        assert!(cost.time() < LIMIT, "a meter exchange takes {} us", cost.time());
    }

    fn charge(&mut self, amount: u64) {
        let card = operate::present(&mut self.stage.card().unwrap()).unwrap().id;
        let voucher = self.company.sell(card, Piastres(amount), Channel::Branch).unwrap();
        load(&mut self.stage.card().unwrap(), &voucher).unwrap();
    }

    /// A visit at the time that the meter has come to.
    fn tap(&mut self, what: &str) -> (Tap, Cost) {
        let before = self.stage.cost();
        let reading = year::reading(&self.meter);
        let tap = self.meter.tap(&mut self.stage.card().unwrap(), reading).unwrap();
        let cost = self.stage.cost().since(&before);
        assert!(tap.settled);
        (self.row)(what, cost);
        (tap, cost)
    }
}

/// For information: the same on a reader that stays at 9600 baud, as old ones do.
fn slow(
    profile: Profile,
    length: KeyLength,
    mode: Mode,
    what: &str,
    trace: Trace<Box<dyn Transport + '_>>,
    cost: Cost,
) {
    if (profile, length, mode) != (Profile::T1, KeyLength::Aes256, Mode::S8) {
        return;
    }
    let (_, recording) = trace.into_parts();
    let link = Link::ContactT1At9600;
    let exchanges = recording.exchanges().map(|seen| {
        let response = seen.response.as_ref().map_or(0, Vec::len);
        link.exchange(seen.command.len(), response)
    });
    let time = exchanges.sum::<u64>() + cost.card_time;
    system_tests::say!("for information, at 9600 baud: {what} {}.{} ms", time / 1000, time % 1000 / 100);
}
