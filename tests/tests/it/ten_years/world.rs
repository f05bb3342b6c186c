//! One household's world: issuer, cards, meter, the plain model, and the time that passes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use applet_sim::chip::{Cut, FlashModel};
use card_core::id::{CardId, CardRef, MeterId};
use card_core::message::Voucher;
use card_core::meter::{
    MEMORY_PAGES, Meter, MeterIdentity, MeterKeys, MeterState, Pair, Reading, ReportKeys, VersionedKey,
};
use card_core::tariff::Tariff as MeterTariff;
use card_core::units::{CardTime, Energy};

use super::board::Board;
use super::books::{Books, SCOPE, Sent, WallClock};
use super::compare::Watermarks;
use super::dice::Dice;
use super::field_card::FieldCard;
use super::model::Model;
use super::price::Tariff;
use super::tally::{Diary, Tally};

pub const HOUR: u32 = 3600;
pub const DAY: u32 = 24 * HOUR;
/// 2024-08-01, 00:00 in Cairo.
pub const START: u32 = 1674 * DAY - 3 * HOUR;
const DAYS: u32 = 3652;

/// A card of the household, and what the issuer knows of it without asking.
pub struct Held {
    pub card: FieldCard,
    /// What it must not fall below: binding, sequence, loads, settled credit and debited.
    pub floor: (u32, u32, u32, u64, u64),
}

pub struct World {
    pub dice: Dice,
    pub now: u32,
    pub end: u32,
    pub books: Books,
    /// The customer's cards, the present one last.
    pub cards: Vec<Held>,
    /// Vouchers under way.
    pub vouchers: Vec<Voucher>,
    /// Mail that waits to be put on the card.
    pub mail: Vec<Sent>,
    pub board: Board,
    pub meter: Option<Meter<Board>>,
    pub model: Model,
    pub marks: Watermarks,
    /// What the meter's clock shows more than the true time; `None`: it has none.
    pub clock_error: Option<i64>,
    /// Seconds that it gains in 100,000.
    pub clock_gains: i64,
    /// Whether it never stopped in the last outage, by what it says; and when that was over.
    pub never_stopped: bool,
    pub power_since: u32,
    /// The card stays away until then.
    pub away_until: u32,
    /// Per cent of the usual consumption, in this month.
    pub habit: (u16, u32),
    /// Whether faults happen.
    pub faults: bool,
    /// Charges, fees and instalments of closed bindings; what an estimate wrote off.
    pub spent: i128,
    pub written_off: i128,
    /// What became of the energy registers of meters that were taken down.
    pub image: Option<(FlashModel, Model, i128)>,
    pub rolls_back: bool,
    pub meters: u64,
    /// Which meter had new keys of which role.
    pub rotated: BTreeSet<(u64, u8)>,
    /// How power fails where it is planned to.
    pub planned: Cut,
    pub seed: u64,
    pub tally: Tally,
    pub diary: Rc<RefCell<Diary>>,
}

/// Installs a new meter on a new board.
pub fn install(books: &mut Books, id: MeterId, register: u32) -> (Board, Meter<Board>, Model) {
    let keys = books.meter_keys(id);
    let versioned = |(version, key)| VersionedKey { version, key };
    let keys = MeterKeys::new(
        Pair::only(versioned(keys.base)),
        Pair::only(versioned(keys.credit)),
        Pair::only(keys.parameter),
        ReportKeys { mail: keys.report, receipt: keys.receipt },
        versioned(keys.transport),
    );
    let tariff = Rc::new(Tariff::published());
    let of_maker = MeterTariff::parse(&tariff.bytes()).expect("the published tariff");
    let fresh = MeterState::new(of_maker, Energy(register), CardTime::UNSET);
    let board = Board::new(MEMORY_PAGES, id.number());
    let identity = MeterIdentity { id, scope: SCOPE };
    let meter = Meter::install(board.clone(), identity, keys.expect("the roles"), &fresh);
    (board, meter.expect("a meter"), Model::new(tariff, register))
}

impl World {
    pub fn new(seed: u64, diary: Rc<RefCell<Diary>>) -> Self {
        let mut dice = Dice::new(seed);
        let clock = WallClock(Arc::new(AtomicU32::new(START)));
        let id = MeterId::from(0xE000_0000 + seed * 16);
        let card = CardRef { id: CardId::from(0xC000_0000 + seed * 1000), generation: 1 };
        let mut books = Books::new(&mut dice, id, card, clock);
        let (board, meter, model) = install(&mut books, id, 0);
        let mut world = Self {
            now: START,
            end: START + DAYS * DAY,
            books,
            cards: Vec::new(),
            vouchers: Vec::new(),
            mail: Vec::new(),
            board,
            meter: Some(meter),
            model,
            marks: Watermarks::default(),
            clock_error: Some(0),
            clock_gains: 0,
            never_stopped: true,
            power_since: START,
            away_until: 0,
            habit: (0, 100),
            faults: true,
            spent: 0,
            written_off: 0,
            image: None,
            rolls_back: seed % 5 == 3,
            meters: 0,
            rotated: BTreeSet::new(),
            planned: Cut::Before,
            seed,
            tally: Tally::default(),
            diary,
            dice,
        };
        world.new_card();
        let voucher = world.books.sell(20_000, card_core::id::Channel::Branch);
        world.load(voucher);
        world.tap_present();
        world
    }

    pub fn note(&mut self, action: &str) {
        let day = (self.now - START) / DAY;
        self.diary.borrow_mut().note(day, action);
    }

    pub fn count(&mut self, what: &str) {
        self.tally.count(what);
    }

    /// What the meter's firmware says of time.
    pub fn reading(&self) -> Reading {
        let shows = |error: i64| u32::try_from((i64::from(self.now) + error).max(1)).expect("card time");
        let clock = CardTime(self.clock_error.map_or(0, shows));
        Reading { clock, uptime: self.now - self.power_since, never_stopped: self.never_stopped }
    }

    pub fn pass(&mut self, seconds: u32) {
        self.now += seconds;
        let gained = i64::from(seconds) * self.clock_gains / 100_000;
        self.clock_error = self.clock_error.map(|error| error + gained);
        self.books.clock.0.store(self.now, Ordering::Relaxed);
    }

    pub fn live(&mut self) {
        let mut moves: Vec<u32> =
            [1_000, 2_200].iter().map(|day| START + (day + self.dice.between(0, 400)) * DAY).collect();
        let mut cards: Vec<u32> = (0..2).map(|_| START + self.dice.between(200, DAYS - 300) * DAY).collect();
        while self.now < self.end {
            self.step();
            if moves.first().is_some_and(|at| *at <= self.now) && self.can_move() {
                moves.remove(0);
                self.replace_meter();
            }
            if let Some(due) = cards.iter().position(|at| *at <= self.now) {
                cards.swap_remove(due);
                self.note("the card is lost: a new one");
                self.new_card();
            }
        }
        assert!(moves.is_empty(), "both meters were replaced");
        self.finish();
    }

    /// Some hours pass, and something happens in them.
    fn step(&mut self) {
        let seconds = match self.dice.below(12) {
            0 => self.dice.between(1, 1800),
            1 => self.dice.between(12 * HOUR, DAY),
            _ => self.dice.between(3 * HOUR, 9 * HOUR),
        };
        self.outages();
        self.pass(seconds);
        self.clock_faults();
        let mut energy = self.consumption(seconds);
        // Sometimes in small pulses, so that some of it stays unwritten.
        while energy > 0 && energy < 40 {
            let pulse = self.dice.between(1, 9).min(energy);
            energy -= pulse;
            self.consume(pulse);
        }
        self.consume(energy);
        if self.dice.one_in(4) {
            self.demand();
        }
        self.happen();
    }

    fn consumption(&mut self, seconds: u32) -> u32 {
        if !self.model.is_on() {
            return 0;
        }
        let day = (self.now - START) / DAY % 365;
        let month = u16::try_from((self.now - START) / (30 * DAY)).expect("a month");
        if self.habit.0 != month {
            self.habit = (month, self.dice.pick(&[0, 2, 60, 90, 100, 100, 110, 130, 400]));
        }
        // From August: warm until November, and again from May on.
        let daily = if (90..270).contains(&day) { 700 } else { 1150 };
        let share = daily * self.habit.1 / 100 * self.dice.between(50, 150) / 100;
        u32::try_from(u64::from(share) * u64::from(seconds) / u64::from(DAY)).expect("an energy")
    }
}
