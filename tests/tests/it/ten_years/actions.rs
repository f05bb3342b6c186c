//! What happens between issuer, customer and meter.

use std::rc::Rc;
use std::sync::atomic::Ordering;

use card_core::calendar::{Calendar, Change, Holiday, Zone};
use card_core::parameters::{Action, Command, Debt, DebtKind, DebtPlan, Limits, Notice, Notices};
use card_core::role::Role;
use card_core::units::{CardTime, Energy};

use super::local::Local;
use super::model::{COMMAND, LOCK, NO_CREDIT, WAITS};
use super::orders::Order;
use super::price::Tariff;
use super::timekeeper::STOOD;
use super::world::{DAY, HOUR, World};

impl World {
    pub fn happen(&mut self) {
        let away = self.now < self.away_until;
        if self.dice.one_in(250) {
            self.mail_is_written();
        }
        if self.model.cut & (COMMAND | LOCK) != 0 && self.dice.one_in(8) {
            let kind = if self.model.cut & COMMAND != 0 { 2 } else { 6 };
            self.command(kind, 0, false);
        }
        if self.dice.one_in(1500) {
            self.tamper();
        }
        if self.dice.one_in(1000) {
            self.parts();
        }
        let dark = self.model.cut & (NO_CREDIT | WAITS) != 0;
        if self.dice.one_in(if dark { 8 } else { 1000 }) {
            self.buttons();
        }
        let troubled = self.model.tampering != 0 || self.model.clock.is_doubtful();
        if troubled && self.dice.one_in(40) {
            self.engineer();
        }
        if away {
            return;
        }
        if self.dice.one_in(2500) {
            self.away_until = self.now + self.dice.between(40, 130) * DAY;
            self.count("the card stays away");
            self.note("the card stays away");
            return;
        }
        self.customer();
        if self.rolls_back {
            self.roll_back();
        }
    }

    fn customer(&mut self) {
        let balance = self.model.balance();
        let wants = match balance {
            ..=0 => 3,
            1..=8_000 => 10,
            _ => 400,
        };
        if self.dice.one_in(wants) {
            let count = if self.dice.one_in(6) { 3 } else { 1 };
            for _ in 0..count {
                let amount = self.dice.between(2_000, 60_000).into();
                let channel = self.channel();
                let right = self.issuers_clock();
                let voucher = self.books.sell(amount, channel);
                self.books.clock.0.store(right, Ordering::Relaxed);
                self.note(&format!("{amount} are sold"));
                self.count("sales");
                self.send(voucher, balance < 0);
            }
        }
        if self.dice.one_in(900) {
            let most = if self.dice.one_in(2) { balance.max(2) * 2 } else { balance.max(2) };
            let amount = self.dice.between(1, u32::try_from(most.min(80_000)).expect("an amount"));
            let amount = u64::from(amount).min(u64::try_from(self.books.sold).expect("sold"));
            let voucher = self.books.reverse(amount);
            self.note(&format!("{amount} are reversed"));
            self.count("reversals");
            self.send(voucher, true);
        }
        if !self.vouchers.is_empty() && self.dice.one_in(12) {
            let index = self.dice.below(self.vouchers.len() as u64) as usize;
            // Found again later, perhaps.
            let voucher =
                if self.dice.one_in(3) { self.vouchers[index] } else { self.vouchers.remove(index) };
            self.count("vouchers late or again");
            self.load(voucher);
        }
        if !self.mail.is_empty() && self.dice.one_in(6) {
            self.post_all();
        }
        let pending = self.model.contract.sequence < self.books.account.sequence;
        if self.dice.one_in(if pending { 4 } else { 60 }) {
            self.tap_present();
            self.check_months();
            if self.model.cut & NO_CREDIT != 0 && self.dice.one_in(2) {
                self.tap_present();
            }
        }
        if self.cards.len() > 1 && self.dice.one_in(250) {
            let index = self.dice.below(self.cards.len() as u64 - 1) as usize;
            let mut held = self.cards.remove(index);
            self.visit(&mut held.card);
            self.count("old card presented");
            self.look(&mut held);
            self.cards.insert(0, held);
        }
    }

    // ---- power and clocks

    /// The issuer's clock is wrong now, sometimes. Gives what is right.
    fn issuers_clock(&mut self) -> u32 {
        let right = self.now;
        // Where the meter's time stood it believes whatever comes.
        let stood = self.model.clock.doubt & STOOD != 0;
        if self.faults && self.dice.one_in(if stood { 4 } else { 60 }) {
            let wrong = match self.dice.below(4) {
                0 => right + 11 * 365 * DAY,
                1 => right + self.dice.between(1, 5 * DAY),
                2 => right + self.dice.between(5, 60) * DAY,
                _ => right - self.dice.between(1, 400) * DAY,
            };
            self.books.clock.0.store(wrong, Ordering::Relaxed);
            self.note(&format!("the issuer's clock is at {wrong}, and should be at {right}"));
            self.count("the issuer's clock is wrong");
        }
        right
    }

    pub fn outages(&mut self) {
        if !self.faults {
            return;
        }
        if self.dice.one_in(250) {
            let hours = self.dice.between(0, 10);
            let warned = self.dice.one_in(2);
            self.power_goes(warned, hours * HOUR + 1);
            self.count(if warned { "outages with warning" } else { "outages without warning" });
        }
        if self.dice.one_in(5000) {
            let days = self.dice.between(15, 70);
            self.power_goes(true, days * DAY);
            self.count("long outages");
        }
    }

    pub fn clock_faults(&mut self) {
        if (self.clock_error, self.clock_gains) != (Some(0), 0) && self.faults && self.dice.one_in(120) {
            (self.clock_error, self.clock_gains) = (Some(0), 0);
            self.note("the meter's clock is right again");
            self.count("clock repaired");
        }
        if !self.faults || !self.dice.one_in(900) {
            return;
        }
        if self.dice.one_in(4) {
            self.clock_gains = self.dice.pick(&[-3000, -500, -90, 90, 500, 3000]);
            self.note(&format!("the meter's clock gains {} s in 100,000", self.clock_gains));
            self.count("clock fast or slow");
            return;
        }
        if self.dice.one_in(4) {
            // Some seconds or minutes, seen at once.
            self.tick();
            let back = self.dice.pick(&[1, 59, 60, 61, 100, 1000]);
            self.clock_error = self.clock_error.map(|error| error - back);
            self.note(&format!("the meter's clock is set back by {back} s"));
            self.count("clock back by a little");
            self.tick();
            return;
        }
        let error = match self.dice.below(5) {
            0 => Some(i64::from(self.dice.between(61, 20 * DAY))),
            1 => Some(-i64::from(self.dice.between(61, 20 * DAY))),
            2 => Some(i64::from(self.dice.between(31 * DAY, 900 * DAY))),
            3 => Some(10 - i64::from(self.now)),
            _ => None,
        };
        self.count(
            ["clock forward", "clock back", "clock beyond the limit", "clock reset", "clock dead"][match error
            {
                None => 4,
                Some(error) if error < -i64::from(500 * DAY) => 3,
                Some(error) if error > i64::from(30 * DAY) => 2,
                Some(error) if error > 0 => 0,
                _ => 1,
            }],
        );
        self.clock_error = error;
        self.note(&format!("the meter's clock is wrong by {error:?}"));
    }

    // ---- mail

    fn mail_is_written(&mut self) {
        if self.dice.one_in(40) {
            return self.tariffs_in_a_row();
        }
        let (slot, order) = match self.dice.below(16) {
            0..=3 => (self.dice.pick(&[0, 1]), self.some_tariff()),
            4 | 5 => (2, self.some_limits()),
            6 => (3, self.some_calendar()),
            7 | 8 => (4, self.some_debts()),
            9 => (9, self.some_notices()),
            10 => (self.dice.pick(&[0, 2, 3, 4, 9, 10, 11]), Order::Junk),
            11 if self.meters_keys_can_change() => {
                let role = self.dice.pick(&[Role::Credit, Role::MeterBase, Role::Parameter, Role::Report]);
                return self.change_keys(role);
            }
            _ => {
                let kind = self.dice.pick(&[1, 2, 5, 5, 6, 7, 9]);
                let value = match kind {
                    7 => u32::from(self.books.account.card.generation),
                    _ => u32::from(self.dice.one_in(6)),
                };
                return self.command(kind, value, self.dice.clone().one_in(4));
            }
        };
        let sent = self.books.seal(slot, order);
        self.note(&format!("mail for slot {slot:02X}, version {}", sent.envelope.version));
        self.dispatch(sent);
    }

    /// More tariffs than a month holds, each at once in force or waiting.
    fn tariffs_in_a_row(&mut self) {
        for _ in 0..5 {
            self.books.tariff_version += 1;
            let version = self.books.tariff_version;
            let tariff = Tariff::random(&mut self.dice, version, self.now - HOUR);
            let sent = self.books.seal(0, Order::Tariff(Rc::new(tariff)));
            self.network_mail(&sent);
            self.pass(HOUR);
            let energy = self.dice.between(0, 300);
            self.consume(if self.model.is_on() { energy } else { 0 });
        }
        self.note("five tariffs in a row");
    }

    fn dispatch(&mut self, sent: super::books::Sent) {
        match self.dice.below(6) {
            0 => self.count("mail lost"),
            1 | 2 => self.network_mail(&sent),
            _ => self.mail.push(sent),
        }
    }

    pub fn network_mail(&mut self, sent: &super::books::Sent) {
        let meter = self.meter().identity().id;
        if sent.binding.meter != meter || self.model.contract.number == 0 {
            return;
        }
        let reading = self.reading();
        let envelope = &sent.envelope;
        let (slot, version) = (envelope.slot.number(), envelope.version);
        let place = (sent.binding.number, slot, version);
        let (handled, out) = self.model.mail(reading, None, place, &sent.order);
        self.threaten(if let Order::Keys(..) = sent.order { 2 } else { 5 });
        let before = self.model.clone();
        let result = self.meter().receive(reading, None, envelope);
        let received = result.as_ref().ok().copied();
        let what = if let Order::Keys(..) = sent.order { "keys" } else { "mail" };
        if self.settle(what, out, result.map(|_| ())) {
            let result = received.expect("it was handled").result.map_err(|refusal| refusal.code());
            assert_eq!(result, handled, "how mail over the network was handled");
            self.count("mail over the network");
            self.mail_counted(&before, slot, handled);
        } else if self.dice.one_in(2) {
            // Repeated, as everything that a cut has torn.
            return self.network_mail(sent);
        }
        self.network_audit();
    }

    /// A connected meter says which commands it has executed.
    pub fn network_audit(&mut self) {
        if self.model.contract.inbox.audits.is_empty() {
            return;
        }
        let envelope = self.meter().audit(0).expect("audit records").expect("there are some");
        self.books.audit(&envelope);
    }

    fn unseen(&self) -> usize {
        let binding = (self.books.account.binding.meter, self.model.contract.number);
        let audits = &self.model.contract.inbox.audits;
        let seen = |counter| self.books.audits.contains_key(&(binding.0, binding.1, counter));
        audits.iter().filter(|record| !seen(record.counter)).count()
    }

    /// A command, by any way, or by a card that it names.
    fn command(&mut self, kind: u8, value: u32, named: bool) {
        let waiting = self.mail.iter().filter(|sent| matches!(sent.order, Order::Command(_))).count();
        // No more than what audit records can say.
        if self.unseen() + waiting >= 6 {
            return;
        }
        let expiry = if self.dice.one_in(2) { self.now + self.dice.between(1, 60) * DAY } else { 0 };
        let card = named.then_some(self.books.account.card.id);
        let counter = self.counter();
        let command = Command { counter, expiry: CardTime(expiry), card, action: Action::of(kind, value) };
        let slot = self.dice.pick(&[5, 6, 7, 8]);
        let sent = self.books.seal(slot, Order::Command(command));
        self.note(&format!("{command:?}"));
        self.dispatch(sent);
    }

    pub fn counter(&mut self) -> u32 {
        // Sometimes one that was used, sometimes with a gap.
        match self.dice.below(10) {
            0 => self.dice.between(1, self.books.commands.max(1)),
            1 => {
                self.books.commands += self.dice.between(2, 40);
                self.books.commands
            }
            _ => {
                self.books.commands += 1;
                self.books.commands
            }
        }
    }

    fn some_tariff(&mut self) -> Order {
        let month = self.model.local.month(self.now);
        let start = match self.dice.below(4) {
            0 => self.model.local.begins(month + 1),
            1 => self.now - self.dice.between(1, 40) * DAY,
            2 => self.now + self.dice.between(0, 30) * HOUR,
            _ => self.now + self.dice.between(1, 70 * DAY),
        };
        if self.dice.one_in(12) {
            // An old one again.
            return Order::Tariff(Rc::clone(&self.model.tariff));
        }
        self.books.tariff_version += 1;
        let version = self.books.tariff_version;
        let tariff = if self.dice.one_in(3) {
            Tariff { version, start, ..Tariff::published() }
        } else {
            Tariff::random(&mut self.dice, version, start)
        };
        Order::Tariff(Rc::new(tariff))
    }

    fn some_limits(&mut self) -> Order {
        let second = self.dice.between(0, 5000);
        Order::Limits(Limits {
            first_threshold: second + self.dice.between(0, 5000),
            second_threshold: second,
            contracted_power: self.dice.pick(&[0, 2000, 6000, 9000]),
            second_power: self.dice.pick(&[0, 1000, 3000]),
            second_from: self.dice.pick(&[0, 0, 1020, 1380]),
            second_until: self.dice.pick(&[0, 0, 360, 1439]),
            loan_power: self.dice.pick(&[0, 0, 500, 2500]),
            overload_pause: self.dice.pick(&[1, 300, 3600, 65_535]),
            overload_pauses: self.dice.pick(&[0, 1, 3, 255]),
            overload_reset: self.dice.pick(&[0, 60, 1440, 65_535]),
            loan_hours: self.dice.pick(&[0, 12, 48, 200]),
            loan_amount: self.dice.pick(&[0, 1, 1000, 20_000]),
            loan_seconds: self.dice.pick(&[0, 60, 60, 65_535]),
            clock_step: self.dice.pick(&[60, 600, 600, HOUR]),
            tamper_cuts: self.dice.pick(&[0, 0x1F, 0x15]),
            policies: self.dice.pick(&[0, Limits::BUTTON]),
            relay_power: self.dice.pick(&[0, 100, 5000]),
            restart_notice: Energy(self.dice.pick(&[0, 500, 2000])),
        })
    }

    fn some_calendar(&mut self) -> Order {
        let none = Zone { standard: 120, summer: 0, begin: Change::NONE, end: Change::NONE };
        let zone = match self.dice.below(4) {
            0 => none,
            1 => Zone { standard: 180, ..none },
            _ => *Calendar::EGYPT.zone(),
        };
        let today = u16::try_from(self.now / DAY).expect("a day");
        let holidays: Vec<_> = (0..self.dice.between(0, 10) as u16)
            .map(|number| Holiday { first: today + number * 30, days: (number % 9 + 1) as u8 })
            .collect();
        let rest_days = self.dice.pick(&[0x20, 0x60, 0]);
        let (from, until) = self.dice.pick(&[(1020, 600), (480, 960), (0, 0)]);
        let calendar = Calendar::new(zone, from, until, rest_days, &holidays).expect("a calendar");
        Order::Calendar(Rc::new(Local::new(calendar)))
    }

    fn some_debts(&mut self) -> Order {
        let month = self.model.local.month(self.now);
        // Some of the debts that are there, sometimes with other amounts, and new ones.
        let mut debts: Vec<_> = self.model.contract.inbox.debts.iter().map(|(debt, _)| *debt).collect();
        debts.retain(|_| !self.dice.one_in(3));
        while debts.len() < 4 && !self.dice.one_in(3) {
            self.books.debt_ids += 1;
            debts.push(Debt {
                id: self.books.debt_ids,
                kind: self.dice.pick(&[DebtKind::Instalment, DebtKind::Arrears, DebtKind::Other]),
                first_month: month + self.dice.between(0, 3) as u16,
                count: self.dice.between(1, 12) as u16,
                amount: self.dice.between(0, 3000),
                last: self.dice.between(0, 3000),
            });
        }
        if let Some(debt) = debts.first_mut()
            && self.dice.one_in(2)
        {
            debt.amount += 7;
            debt.count += 1;
        }
        Order::Debts(DebtPlan::new(&debts).expect("a plan"))
    }

    fn some_notices(&mut self) -> Order {
        let notices: Vec<_> = (0..self.dice.between(0, 8) as u16)
            .map(|template| Notice { template, until: CardTime(self.now + DAY), value: 3 })
            .collect();
        Order::Notices(Notices::new(&notices).expect("notices"))
    }

    fn meters_keys_can_change(&self) -> bool {
        let binding = self.books.account.binding;
        self.model.contract.number == binding.number
            && !self.mail.iter().any(|sent| matches!(sent.order, Order::Keys(..)))
    }
}
