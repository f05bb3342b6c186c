//! The meter's side: every call goes to the meter and to the plain model; where power fails, the meter must be found in one of the
//! states that the plain model went through.

use applet_sim::chip::Cut;
use card_core::meter::{Meter, MeterError, Tampering};
use card_core::units::Energy;

use super::compare::{differences, events, months};
use super::field_card::any_cut;
use super::model::{Model, NO_CREDIT, WAITS};
use super::price;
use super::world::{DAY, World};

impl World {
    pub fn meter(&mut self) -> &mut Meter<super::board::Board> {
        self.meter.as_mut().expect("the meter has power")
    }

    /// Plans a loss of power in the meter's memory, sometimes.
    pub fn threaten(&mut self, one_in: u64) {
        if self.faults && self.dice.one_in(one_in) {
            let most = self.dice.pick(&[3, 30, 60, 120]);
            self.planned = any_cut(&mut self.dice);
            self.board.cut_after(self.dice.below(most), self.planned);
        }
    }

    /// A call has returned. Where power failed in it, says so: `false`.
    pub fn settle(&mut self, what: &str, out: Vec<Model>, result: Result<(), MeterError>) -> bool {
        if self.board.is_powered() {
            self.board.no_cut();
            if let Err(error) = result {
                panic!("{what}: {error}");
            }
            let last = out.into_iter().last().expect("a state");
            let before = std::mem::replace(&mut self.model, last);
            self.check(what);
            self.passed(&before);
            return true;
        }
        let closes = out.iter().any(|state| state.month != self.model.month);
        let switches = out.iter().any(|state| state.tariff != self.model.tariff);
        self.count(&format!("cut: {what}"));
        self.count(match self.planned {
            Cut::Before => "cut before an operation of the memory",
            Cut::Partly { .. } => "cut in an operation of the memory",
            Cut::After => "cut after an operation of the memory",
        });
        if closes {
            self.count("cut: month close");
        }
        if switches {
            self.count("cut: tariff switch");
        }
        self.note(&format!("power fails: {what}"));
        self.recover(&out);
        false
    }

    /// Counts what a call has brought.
    fn passed(&mut self, before: &Model) {
        let after = &self.model;
        let new_cut = after.cut & !before.cut;
        let in_debt = after.contract.number != 0 && after.balance() <= 0 && after.cut & NO_CREDIT == 0;
        let facts = [
            ("months closed", after.month > before.month),
            ("several months closed at once", after.month > before.month + 1),
            ("cut for want of credit", new_cut & NO_CREDIT != 0),
            ("supply without credit, by loan", in_debt && after.loan_runs()),
            ("supply without credit, in friendly time", in_debt && !after.loan_runs()),
            ("loan used up", before.loan_runs() && !after.loan_runs() && after.clock.time < after.loan_until),
            ("supply waits for the button", after.cut & WAITS != 0 && before.cut & WAITS == 0),
            ("tariff switch", after.tariff != before.tariff),
            ("tariff switch within a month", after.parts.len() > before.parts.len()),
            ("four tariffs in a month", after.parts.len() > before.parts.len() && after.parts.len() == 4),
            (
                "a fifth tariff waits",
                after.waiting != before.waiting
                    && after.waiting.as_ref().is_some_and(|next| next.start <= after.clock.time),
            ),
            ("instalments", after.contract.instalments > before.contract.instalments),
            (
                "month rated again",
                after.parts.len() == before.parts.len()
                    && price::is_re_rated(&after.parts)
                    && !price::is_re_rated(&before.parts),
            ),
            ("month without consumption", after.month > before.month && price::total(&before.parts) == 0),
            ("clock doubtful", after.clock.is_doubtful() && !before.clock.is_doubtful()),
        ];
        for (what, _) in facts.iter().filter(|(_, happened)| *happened) {
            self.tally.count(what);
        }
    }

    /// Power is back: which state is it?
    pub fn recover(&mut self, out: &[Model]) {
        self.meter = None;
        self.power_since = self.now;
        let meter = loop {
            self.board.power_up();
            if self.faults && self.dice.one_in(3) {
                self.board.cut_after(self.dice.below(4), any_cut(&mut self.dice));
            }
            match Meter::power_up(self.board.clone()) {
                Ok(meter) if self.board.is_powered() => break meter,
                Err(error) if self.board.is_powered() => panic!("the meter does not come up: {error}"),
                _ => self.count("cut: recovery"),
            }
        };
        self.board.no_cut();
        let state = meter.state();
        let mut nearest: Option<Vec<String>> = None;
        let candidates = std::iter::once(self.model.clone()).chain(out.iter().cloned());
        for mut candidate in candidates {
            let lost = candidate.register.wrapping_sub(state.energy.0);
            let (time, most) = (state.clock.time.0, candidate.unwritten);
            let times = candidate.written_time..=candidate.clock.time;
            if lost > most || !times.contains(&time) {
                continue;
            }
            candidate.lose(lost, time, state.clock.offset);
            let found = differences(&candidate, state, false);
            if found.is_empty() {
                self.tally.add("energy lost by cuts", lost.into());
                self.model = candidate;
                self.meter = Some(meter);
                self.check("after a cut");
                self.check_months();
                return;
            }
            if nearest.as_ref().is_none_or(|before| before.len() > found.len()) {
                nearest = Some(found);
            }
        }
        let plain = std::iter::once(&self.model).chain(out).map(|model| {
            let times = model.written_time..=model.clock.time;
            format!("register {} less {}, time {times:?}", model.register, model.unwritten)
        });
        panic!(
            "after a cut the meter is in no state that it went through: register {}, time {}; {:?}; {nearest:?}",
            state.energy.0,
            state.clock.time.0,
            plain.collect::<Vec<_>>()
        );
    }

    /// Everything that must hold at any time.
    pub fn check(&mut self, what: &str) {
        let meter = self.meter.as_mut().expect("the meter has power");
        let state = meter.state();
        let found = differences(&self.model, state, false);
        assert!(found.is_empty(), "{what}: {found:?}");
        let contract = &self.model.contract;
        let binding = self.books.account.binding;
        if meter.identity().id == binding.meter && contract.number == binding.number {
            let account = &self.books.account;
            assert!(state.applied_credit <= account.total_credit, "more credit than was sold");
            assert!(state.applied_debited <= account.total_debited, "more debits than there were");
        }
        let written = self.model.register - self.model.unwritten;
        self.marks.check(meter.state(), written, self.model.contract.set_back);
    }

    /// Closed months and money, afresh.
    pub fn check_months(&mut self) {
        let meter = self.meter.as_mut().expect("the meter has power");
        months(&self.model, meter);
        events(meter);
        self.marks.months(meter);
        let contract = &self.model.contract;
        let taken = contract.taken_afresh() + price::energy_charge(&self.model.parts);
        if contract.number != 0 {
            let balance = i128::from(meter.state().balance.0);
            assert_eq!(contract.credit - contract.debited, balance + taken, "money adds up");
        }
    }

    // ---- what firmware tells it

    pub fn consume(&mut self, energy: u32) {
        let reading = self.reading();
        let out = self.model.consume(reading, energy);
        let busy = out.len() > 2;
        self.threaten(if busy { 3 } else { 150 });
        let (before, after) = (self.model.charge(), out.last().expect("a state").charge());
        let result = self.meter().consume(reading, Energy(energy));
        let deduction = result.as_ref().ok().copied().flatten();
        let restored = self.model.cut != 0 && out.last().is_some_and(|state| state.cut == 0);
        if self.settle("consumption", out, result.map(|_| ())) {
            if restored {
                self.count("supply restored by itself");
            }
            if busy {
                self.check_months();
            } else if let Some(deduction) = deduction {
                assert_eq!(i128::from(deduction.total().0), after - before, "what was said to be taken");
            }
        }
    }

    pub fn tick(&mut self) {
        let reading = self.reading();
        let out = self.model.tick(reading);
        self.threaten(20);
        let result = self.meter().tick(reading);
        self.settle("tick", out, result);
    }

    pub fn demand(&mut self) {
        let reading = self.reading();
        let limit = self.model.power_limit();
        let watts = if !self.model.is_on() {
            // Where the relay does not open.
            self.dice.pick(&[0, 0, 0, 3000])
        } else if limit != 0 && self.dice.one_in(25) {
            limit + self.dice.between(1, 3000)
        } else {
            self.dice.between(200, if limit == 0 { 9000 } else { limit })
        };
        let out = self.model.demand(reading, watts);
        let before = self.model.cut;
        self.threaten(100);
        let result = self.meter().demand(reading, watts);
        if self.settle("demand", out, result) {
            let new = self.model.cut & !before;
            let contracted = self.model.limits.contracted_power;
            if new != 0 && (contracted == 0 || watts <= contracted) {
                self.count("overload of a lower limit");
            }
            if new & super::model::PAUSE != 0 {
                self.count("overload: a pause");
            }
            if new & super::model::LOCK != 0 {
                self.count("overload: locked");
                self.note("overload: locked");
            }
        }
    }

    pub fn tamper(&mut self) {
        let reading = self.reading();
        let kind = self.dice.pick(&Tampering::ALL);
        self.note(&format!("tampering {kind:?}"));
        self.count("tampering");
        let out = self.model.tamper(reading, kind.bit());
        self.threaten(3);
        let result = self.meter().tamper(reading, kind);
        self.settle("tampering", out, result);
    }

    /// Power goes and comes back: with warning, or between two operations of the memory. The clock goes on, or not, or says so and is wrong.
    pub fn power_goes(&mut self, warned: bool, seconds: u32) {
        let stood = self.dice.one_in(8);
        self.never_stopped = !stood && self.clock_error.is_some();
        if stood {
            let reset = self.dice.one_in(3);
            let lost = if reset { 10 - i64::from(self.now + seconds) } else { -i64::from(seconds) };
            self.clock_error = self.clock_error.map(|error| if reset { lost } else { error + lost });
            self.count("the clock stopped in an outage");
        } else if self.dice.one_in(40) && self.clock_error.is_some() {
            let wrong = self.dice.between(61, 120 * DAY).into();
            self.clock_error = Some(if self.dice.one_in(2) { wrong } else { -wrong });
            self.count("the clock is wrong after an outage, and does not know it");
        }
        if warned {
            let mut saved = self.model.clone();
            saved.save();
            self.threaten(4);
            let result = self.meter().save();
            if self.settle("save", vec![saved], result) {
                self.meter = None;
                self.pass(seconds);
                self.recover(&[]);
            }
        } else {
            self.meter = None;
            self.pass(seconds);
            self.recover(&[]);
        }
        self.note(&format!("power was away for {} h", seconds / 3600));
    }
}
