//! Power is cut at every memory operation of every command that writes, in several ways, and again in every operation of the
//! recovery that follows: the card then shows the old state or the new one, and always the same one from then on; and the
//! command, repeated, leads to the new state (specification, section 13).
// Long: one table of what is cut, and the steps that it cuts.
// Helpers of tests, which clippy does not take for tests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use crate::common;
use crate::common::*;
use applet_sim::chip::Cut;
use card_applet::{CardApplication, Protocol};
use card_core::id::State;
use card_core::message::Certificate;
use card_core::platform::PAGE;
use card_core::scp03::SecurityLevel;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;

/// A command that writes, the card it goes to, and what is to come of it.
struct Case {
    name: &'static str,
    base: TestChip,
    step: Step,
    /// The same, once it has been done: only a session with other keys may differ.
    again: Step,
    /// How the answer begins, the first time and the second.
    answers: [Vec<u8>; 2],
    /// Whether doing it again changes nothing, and writes nothing.
    idempotent: bool,
    /// Whether recovery is cut twice.
    twice: bool,
}

impl Case {
    fn new(name: &'static str, base: &TestChip, step: Step) -> Self {
        let again = step.clone();
        let answers = [vec![], vec![]];
        Self { name, base: base.clone(), step, again, answers, idempotent: true, twice: false }
    }

    fn again(self, again: Step) -> Self {
        Self { again, ..self }
    }

    fn answers(self, first: &[u8], second: &[u8]) -> Self {
        Self { answers: [first.to_vec(), second.to_vec()], ..self }
    }

    fn twice(self) -> Self {
        Self { twice: true, ..self }
    }
}

/// What a cut command may lead to.
struct Outcomes<'a> {
    case: &'a Case,
    status: u16,
    old: Snapshot,
    new: Snapshot,
    /// After the command was done again.
    after: Snapshot,
    /// What came of memories that were checked before: what is firm decides everything that follows.
    seen: RefCell<HashMap<(Vec<u8>, Depth), bool>>,
}

fn operations(card: &Card) -> u64 {
    card.chip().unwrap().memory.counters().operations()
}

/// Ways to cut an operation. Before one is after the one before, so only the first one needs it.
fn cuts(seeds: u64, operation: u64, salt: u64) -> Vec<Cut> {
    let salt = (salt ^ operation).wrapping_mul(1_000_003);
    let mut cuts: Vec<Cut> = (0..seeds).map(|seed| Cut::Partly { seed: salt.wrapping_add(seed) }).collect();
    cuts.push(Cut::After);
    if operation == 0 {
        cuts.push(Cut::Before);
    }
    cuts
}

/// Cuts everything that can be cut in `case`.
fn check(case: &Case) {
    let base = powered(&case.base);
    let mut whole = powered(&case.base);
    let prepared = case.step.prepare(&mut whole);
    let before = operations(&whole);
    let (data, status) = prepared.send(&mut whole).unwrap();
    assert!(data.starts_with(&case.answers[0]), "{}: {data:02X?} {status:04X}", case.name);
    let count = operations(&whole) - before;
    assert!(count > 0, "{} wrote nothing: {status:04X}", case.name);
    let new = snapshot(&whole, Depth::All);
    let mut live = powered(&case.base);
    let answer = case.step.prepare(&mut live).send(&mut live);
    assert_eq!(answer, Some((data, status)), "{}", case.name);
    let live = read_all(&mut live, Depth::All);
    assert!(live == new, "{}: a power-up changes{}", case.name, live.difference(&new));
    whole.power_up();
    let prepared = case.again.prepare(&mut whole);
    let before = operations(&whole);
    let (data, repeated) = prepared.send(&mut whole).unwrap();
    assert_eq!(repeated, status, "{} repeated", case.name);
    assert!(data.starts_with(&case.answers[1]), "{} repeated: {data:02X?}", case.name);
    let after = snapshot(&whole, Depth::All);
    if case.idempotent {
        assert_eq!(operations(&whole), before, "{} repeated writes", case.name);
        assert!(after == new, "{} repeated changes{}", case.name, new.difference(&after));
    }
    assert_eq!(whole.chip().unwrap().memory.counters().overwrites, 0, "{}", case.name);
    let outcomes =
        Outcomes { case, status, old: snapshot(&base, Depth::All), new, after, seen: RefCell::default() };
    assert!(outcomes.old != outcomes.new, "{} changes nothing", case.name);

    let seeds = if long() { 40 } else { (24 / count).clamp(2, 4) };
    let mut shown = [0_u32; 2];
    for operation in 0..count {
        // The last one is what makes the others count, and the one whose doubtful bits could be read either way.
        let seeds = if operation + 1 == count { 6 * seeds } else { seeds };
        for (number, how) in (0..).zip(cuts(seeds, operation, 1)) {
            let salt = operation << 32 | number << 16;
            let mut card = powered(&case.base);
            let prepared = case.step.prepare(&mut card);
            card.chip_mut().unwrap().memory.cut_after(operation, how);
            assert!(prepared.send(&mut card).is_none(), "{}", case.name);
            let dead = chip_of(&card);
            let context = format!("operation {operation} of {count}, {how:?}");
            let depth = if number == 0 || how == Cut::After { Depth::All } else { Depth::Ends };
            let done = outcomes.check(&dead, depth, salt, &context);
            shown[usize::from(done)] += 1;
            if operation == 0 && how == Cut::Before {
                assert!(!done, "{}: done before it began", case.name);
            }
            if operation + 1 == count && how == Cut::After {
                assert!(done, "{}: not done, though complete", case.name);
            }
            let depth = 1 + u32::from(case.twice || long());
            outcomes.cut_recovery(&dead, depth, salt, &context);
        }
    }
    assert!(shown[0] > 0 && shown[1] > 0, "{}: {shown:?}", case.name);
}

impl Outcomes<'_> {
    /// Cuts the recovery in each of its operations, `depth` deep.
    fn cut_recovery(&self, dead: &TestChip, depth: u32, salt: u64, context: &str) {
        if depth == 0 {
            return;
        }
        for operation in 0.. {
            let mut any = false;
            for (number, how) in (0..).zip(cuts(if long() { 6 } else { 1 }, operation, salt)) {
                let mut chip = dead.clone();
                chip.memory.power_up();
                chip.memory.reseed(salt.wrapping_mul(7) ^ operation ^ number << 8);
                chip.memory.cut_after(operation, how);
                let chip = CardApplication::power_up(chip, Protocol::Block).into_platform();
                if chip.memory.is_powered() {
                    continue;
                }
                any = true;
                let salt = salt.wrapping_mul(31) ^ operation << 4 ^ number;
                let context = format!("{context}; recovery, operation {operation}, {how:?}");
                self.check(&chip, Depth::Ends, salt, &context);
                self.cut_recovery(&chip, depth - 1, salt, &context);
            }
            if !any {
                return;
            }
        }
    }

    /// Gives power after a cut: the old state or the new one, for ever, and the command can be done again. Returns whether it
    /// was the new one.
    fn check(&self, dead: &TestChip, depth: Depth, salt: u64, context: &str) -> bool {
        let name = self.case.name;
        let mut chip = dead.clone();
        chip.memory.power_up();
        chip.memory.reseed(salt);
        let mut card = powered(&chip);
        assert_eq!(card.chip().unwrap().memory.counters().overwrites, 0, "{name}, {context}");
        let firm = firm_content(&card);
        if let Some(firm) = &firm {
            let seen = self.seen.borrow();
            let all = seen.get(&(firm.clone(), Depth::All));
            if let Some(done) = all.or_else(|| seen.get(&(firm.clone(), depth))) {
                return *done;
            }
        }
        let shown = snapshot(&card, depth);
        let done = self.is(&self.new, &shown);
        assert!(
            done || self.is(&self.old, &shown),
            "{name}, {context}: neither old nor new; it differs from the old in{}\nand from the new in{}",
            shown.difference(&self.old),
            shown.difference(&self.new)
        );
        // What is firm and not written to reads the same for ever.
        for time in 1..4 {
            let before = operations(&card);
            card.power_down();
            card.chip_mut().unwrap().memory.reseed(salt.wrapping_add(time));
            card.power_up();
            if firm_content(&card).is_none() || operations(&card) != before {
                let later = snapshot(&card, depth);
                assert!(later == shown, "{name}, {context}: changed its mind{}", shown.difference(&later));
            }
        }
        let (step, expected) =
            if done { (&self.case.again, &self.after) } else { (&self.case.step, &self.new) };
        let (data, status) = step.run(&mut card);
        assert_eq!(status, self.status, "{name}, {context}: repeated");
        assert!(data.starts_with(&self.case.answers[usize::from(done)]), "{name}, {context}: {data:02X?}");
        let last = snapshot(&card, depth);
        assert!(self.is(expected, &last), "{name}, {context}: repeated, {}", last.difference(expected));
        assert_eq!(card.chip().unwrap().memory.counters().overwrites, 0, "{name}, {context}");
        if let Some(firm) = firm {
            self.seen.borrow_mut().insert((firm, depth), done);
        }
        done
    }

    /// Whether all of `part` is in `whole`.
    fn is(&self, whole: &Snapshot, part: &Snapshot) -> bool {
        part.0.iter().all(|(name, value)| whole.0.get(name) == Some(value))
    }
}

/// The content of the memory, where no bit of it is in doubt.
fn firm_content(card: &Card) -> Option<Vec<u8>> {
    let pages = card.chip().unwrap().memory.pages();
    let firm = pages.iter().all(|page| page.weak == [0; PAGE]);
    firm.then(|| pages.iter().map(|page| page.data.as_slice()).collect::<Vec<_>>().concat())
}

/// An active card whose histories are full, and have gone round.
fn full() -> &'static TestChip {
    static CHIP: OnceLock<TestChip> = OnceLock::new();
    CHIP.get_or_init(|| {
        let mut card = card(State::Active);
        for sequence in 5..45 {
            let load = Step::load(&voucher(sequence, u64::from(sequence) * 10_000, 7));
            assert_eq!(load.run(&mut card).1, 0x9000);
        }
        let mut session = Session::open(&mut card, key_set(0x31), FULL);
        for first in (70..118).step_by(4) {
            let months: Vec<u16> = (first..first + 4).collect();
            assert_eq!(session.send(&mut card, [0x80, 0x4A, 0, 0], &history_data(&months, &[])).1, 0x9000);
        }
        for first in (7..95).step_by(8) {
            let events: Vec<u32> = (first..first + 8).collect();
            assert_eq!(session.send(&mut card, [0x80, 0x4A, 0, 0], &history_data(&[], &events)).1, 0x9000);
        }
        let all = snapshot(&card, Depth::All);
        for (name, value) in all.0 {
            assert!(!name.starts_with("record") || value.len() > 2, "{name} is missing");
        }
        chip_of(&card)
    })
}

const LOAD: [u8; 4] = [0x80, 0x40, 0, 0];

#[test]
fn load_voucher() {
    check(&Case::new("new", full(), Step::load(&voucher(60, 500_000, 20))).answers(&[1], &[2]).twice());
    let active = chip(State::Active);
    check(&Case::new("short history", active, Step::load(&voucher(5, 40_000, 0))).answers(&[1], &[2]));
    check(&Case::new("refresh", full(), Step::load(&voucher(60, 440_000, 7))).answers(&[4], &[2]));
    let personalised = chip(State::Personalised);
    for (name, credit, outcome) in [("activating", 5_000, 1), ("activating refresh", 0, 4)] {
        let step = Step::load(&voucher(2, credit, 0));
        check(&Case::new(name, personalised, step).answers(&[outcome], &[2]));
    }
}

#[test]
fn a_load_counts_once() {
    for operation in 0.. {
        let mut card = powered(full());
        card.chip_mut().unwrap().memory.cut_after(operation, Cut::After);
        let loads = |card: &mut Card| receipt(&plain(card, LOAD, &voucher(44, 0, 0).emit()).0).loads;
        let before = {
            let mut untouched = powered(full());
            loads(&mut untouched)
        };
        let load = voucher(60, 500_000, 20).emit();
        let cut = card.answer(&apdu(LOAD, &load)).is_none();
        card.power_up();
        for _ in 0..3 {
            let answer = plain(&mut card, LOAD, &load);
            assert_eq!((answer.1, receipt(&answer.0).loads), (0x9000, before + 1));
        }
        if !cut {
            assert!(operation > 2);
            return;
        }
    }
}

#[test]
fn mail() {
    let put = |slot, version, len: usize| {
        let text: Vec<u8> = (0..len).map(|i| i as u8 ^ version as u8).collect();
        Step::Plain([0x80, 0x42, 0, 0], delivery(&envelope_of(BINDING, slot, version, &text)))
    };
    for (name, step) in [
        ("first in a slot, long", put(3, 1, 145)),
        ("longer than before", put(5, 10, 145)),
        ("first in a slot, short", put(0x0B, u32::MAX, 0)),
    ] {
        check(&Case::new(name, chip(State::Active), step).answers(&[1], &[2]));
    }
    check(&Case::new("personalised", chip(State::Personalised), put(5, 1, 60)).answers(&[1], &[2]));
    let from_meter = |binding, slot, version, len: usize| {
        let mail = envelope_of(binding, slot, version, &vec![9; len]);
        Step::meter([0x80, 0x4E, 0, 0], mail.as_bytes().to_vec())
    };
    for (name, step) in [
        ("meter mail, first", from_meter(BINDING, 0x12, 1, 100)),
        ("meter mail, next", from_meter(BINDING, 0x11, 5, 145)),
        ("final report", from_meter(binding(METER, 2), 0x10, 8, 68)),
    ] {
        check(&Case::new(name, chip(State::Active), step).answers(&[1], &[2]));
    }
}

#[test]
fn settle() {
    let settle = |number, events: &[u32]| {
        Step::meter([0x80, 0x48, 0, 0], settle_data(&meter_receipt(number, 30_000, 0), 75, events))
    };
    let fresh = {
        let mut card = card(State::Personalised);
        assert_eq!(Step::load(&voucher(2, 30_000, 0)).run(&mut card).1, 0x9000);
        chip_of(&card)
    };
    check(&Case::new("the first, no events", &fresh, settle(1, &[])));
    check(&Case::new("the first, events", &fresh, settle(1, &[1, 2, 3, 4])));
    for (name, events) in [
        ("no events", &[][..]),
        ("one event", &[95]),
        ("two events", &[95, 96]),
        ("three events", &[95, 97, 99]),
        ("four events", &[95, 96, 97, 98]),
    ] {
        check(&Case::new(name, full(), settle(9, events)));
    }
    // A number that skips others must not cost a record that the old state shows.
    check(&Case::new("events after a gap", full(), settle(9, &[95 + 28, 95 + 50, 95 + 64, 95 + 100])));
}

#[test]
fn histories() {
    let both = |months: &[u16], events: &[u32]| Step::meter([0x80, 0x4A, 0, 0], history_data(months, events));
    let (months, events) = (|list: &[u16]| both(list, &[]), |list: &[u32]| both(&[], list));
    let five: Vec<u16> = (118..123).collect();
    check(&Case::new("a month", full(), months(&[118])));
    check(&Case::new("five months", full(), months(&five)));
    check(&Case::new("months, some known", full(), months(&[90, 116, 117, 118, 119])));
    check(&Case::new("months after a gap", full(), months(&[130, 150, 170, 171])));
    let eight: Vec<u32> = (95..103).collect();
    check(&Case::new("an event", full(), events(&[95])));
    check(&Case::new("eight events", full(), events(&eight)));
    check(&Case::new("events, some known", full(), events(&[93, 94, 96, 97])));
    check(&Case::new("two months and eight events", full(), both(&[118, 119], &eight)));
    check(&Case::new("months and events, some known", full(), both(&[117, 118], &[93, 94, 96, 97])));
    check(&Case::new("events after a gap", full(), events(&[110, 122, 130, 150, 160, 166, 167, 240])));
}

#[test]
fn store_data() {
    let initial = |data: &[u8]| Step::Secured(key_set(0x10), FULL, [0x80, 0xE2, 0, 0], data.to_vec());
    let mut card = card(State::Blank);
    let case = |name, base: &TestChip, step| Case { idempotent: false, ..Case::new(name, base, step) };
    let first = initial(&common::store_data(1, 8, 0, 3));
    check(&case("the first", &chip_of(&card), first.clone()));
    assert_eq!(first.run(&mut card).1, 0x9000);
    let other = initial(&common::store_data(1, 8, 1, 4));
    check(&case("another", &chip_of(&card), other));
    for (name, keys) in [("profile, admin", 0x11), ("profile, vending", 0x21)] {
        let step = Step::Secured(key_set(keys), FULL, [0x80, 0xE2, 0, 1], vec![0x77; 96]);
        check(&case(name, chip(State::Active), step));
    }
}

#[test]
fn put_key() {
    let blank = chip(State::Blank);
    let initial = key_set(0x10);
    let in_initial = |p1, p2, data| Step::Secured(initial, FULL, [0x80, 0xD8, p1, p2], data);
    for (name, version) in [("first vending", 0x21), ("first holder", 0x41)] {
        check(&Case::new(name, blank, in_initial(0, 0x81, put_key_set_data(initial, key_set(version)))));
    }
    for (name, version) in [("first load", 0x51), ("first receipt", 0x61)] {
        let data = put_key_data(initial, version, &single_key(version));
        check(&Case::new(name, blank, in_initial(0, 0x01, data)));
    }
    let in_new =
        |keys| Step::Secured(keys, FULL, [0x80, 0xD8, 0x10, 0x81], put_key_set_data(keys, key_set(0x11)));
    check(&Case::new("initial admin", blank, in_new(initial)).again(in_new(key_set(0x11))).twice());
    let admin = key_set(0x11);
    let active = chip(State::Active);
    for (name, old, new) in [("vending", 0x21, 0x22), ("meter", 0x31, 0x32), ("holder", 0x41, 0x42)] {
        let step = Step::admin([0x80, 0xD8, old, 0x81], put_key_set_data(admin, key_set(new)));
        check(&Case::new(name, active, step));
    }
    for (name, old, new) in [("load", 0x51, 0x52), ("receipt", 0x61, 0x62)] {
        let step = Step::admin([0x80, 0xD8, old, 0x01], put_key_data(admin, new, &single_key(new)));
        check(&Case::new(name, active, step));
    }
    let replace =
        |keys| Step::Secured(keys, FULL, [0x80, 0xD8, 0x11, 0x81], put_key_set_data(keys, key_set(0x12)));
    check(&Case::new("admin", active, replace(admin)).again(replace(key_set(0x12))));
}

fn bind(admin: u8, certificate: Certificate, keys: u8) -> Step {
    let admin = key_set(admin);
    let keys = key_set_of(keys, certificate.generation, certificate.binding.meter);
    Step::Secured(admin, FULL, [0x80, 0x52, 0, 0], bind_data(admin, certificate, keys))
}

#[test]
fn bind_a_card() {
    let mut stored = card(State::Blank);
    personalise(&mut stored, &personalisation()[..1]);
    let unbound = chip_of(&stored);
    check(&Case::new("the first", &unbound, bind(0x10, certificate(1, 0, 0), 0x31)));
    assert_eq!(bind(0x10, certificate(1, 0, 0), 0x31).run(&mut stored).1, 0x9000);
    let corrected = bind(0x10, certificate(2, 5, 0), 0x32);
    check(&Case::new("corrected while blank", &chip_of(&stored), corrected));
    let new_meter = bind(0x11, certificate_of(binding(OTHER_METER, 1), 1, 1, 0, 0), 0x31);
    check(&Case::new("a new meter", full(), new_meter).twice());
    let next = bind(0x11, certificate_of(binding(METER, 4), 1, 1, 900, 0), 0x32);
    check(&Case::new("the next binding", full(), next));
    let next = bind(0x11, certificate_of(binding(METER, 4), 1, 1, 900, 0), 0x31);
    check(&Case::new("before the first charge", chip(State::Personalised), next));
}

#[test]
fn a_new_binding_is_empty() {
    for (step, meter) in [
        (bind(0x11, certificate_of(binding(OTHER_METER, 1), 1, 1, 70, 0), 0x31), OTHER_METER),
        (bind(0x11, certificate_of(binding(METER, 4), 1, 1, 70, 0), 0x32), METER),
    ] {
        let mut card = powered(full());
        let before = snapshot(&card, Depth::All);
        assert_eq!(step.run(&mut card), (vec![], 0x9000));
        for seen in [read_all(&mut card, Depth::All), snapshot(&card, Depth::All)] {
            for (name, value) in &seen.0 {
                let (data, status) = value.split_at(value.len().saturating_sub(2));
                match name.as_str() {
                    "file 6" | "file 9" => assert!(data.iter().all(|byte| *byte == 0), "{name}"),
                    "file 4" => assert_eq!(data[72..88], [0; 16], "settled totals"),
                    _ if name.starts_with("mail") => assert_eq!(status, [0x6A, 0x88], "{name}"),
                    // The load log stays.
                    _ if name.starts_with("record 5") => assert_eq!(before.0[name], *value, "{name}"),
                    _ if name.starts_with("record") => assert_eq!(status, [0x6A, 0x83], "{name}"),
                    _ => {}
                }
            }
            assert_eq!(seen.0["file 4"][72..76], before.0["file 4"][72..76], "number of loads");
        }
        // Reports, events and mail begin at 1 again.
        let keys = key_set_of(if meter == METER { 0x32 } else { 0x31 }, GENERATION, meter);
        let mut session = Session::open(&mut card, keys, FULL);
        let number = if meter == METER { 4 } else { 1 };
        let receipt = meter_receipt_of(binding(meter, number), 1, 0, 0);
        let (data, status) = session.send(&mut card, [0x80, 0x48, 0, 0], &settle_data(&receipt, 0, &[1]));
        assert_eq!((data, status), (vec![0xFF, 0xFF, 0, 0, 0, 1], 0x9000));
        let mail = delivery(&envelope_of(binding(meter, number), 5, 1, b"mail"));
        assert_eq!(plain(&mut card, [0x80, 0x42, 0, 0], &mail).0[0], 1);
        let seen = snapshot(&card, Depth::All);
        assert_eq!(seen.0["record 8.1"].len(), 18);
        assert_eq!(seen.0["record 8.2"], [0x6A, 0x83], "an event of the earlier binding");
    }
}

#[test]
fn set_status() {
    let set = |state: State| Step::admin([0x80, 0xF0, 0, state.code()], Vec::new());
    let blocked_early = {
        let mut card = card(State::Personalised);
        assert_eq!(set(State::Blocked).run(&mut card).1, 0x9000);
        chip_of(&card)
    };
    let complete = {
        let mut card = card(State::Blank);
        let commands = personalisation();
        personalise(&mut card, &commands[..commands.len() - 1]);
        chip_of(&card)
    };
    check(&Case::new("blank to personalised", &complete, set(State::Personalised)));
    let blank = Step::Secured(key_set(0x10), FULL, [0x80, 0xF0, 0, 5], Vec::new());
    check(&Case::new("blank to terminated", chip(State::Blank), blank));
    check(&Case::new("personalised to blocked", chip(State::Personalised), set(State::Blocked)));
    check(&Case::new("personalised to terminated", chip(State::Personalised), set(State::Terminated)));
    let vending = Step::Secured(key_set(0x21), SecurityLevel::CMacRMac, [0x80, 0xF0, 0, 4], Vec::new());
    check(&Case::new("active to blocked", chip(State::Active), vending));
    check(&Case::new("active to terminated", chip(State::Active), set(State::Terminated)));
    check(&Case::new("blocked to active", chip(State::Blocked), set(State::Active)));
    check(&Case::new("blocked to personalised", &blocked_early, set(State::Personalised)));
    check(&Case::new("blocked to terminated", chip(State::Blocked), set(State::Terminated)));
}

#[test]
fn external_authenticate() {
    let mut failed = card(State::Active);
    for role in [0x11, 0x21, 0x31, 0x41] {
        let step = Step::Authenticate(key_set(role), false);
        // A further failure after the next power-up counts again.
        let case = Case::new("failing", chip(State::Active), step.clone());
        check(&Case { idempotent: false, ..case });
        assert_eq!(step.run(&mut failed).1, 0x6300);
    }
    let failed = chip_of(&failed);
    check(&Case::new("succeeding after a failure", &failed, Step::Authenticate(key_set(0x31), true)).twice());
    check(&Case::new("succeeding after a failure", &failed, Step::Authenticate(key_set(0x11), true)));
}

#[test]
fn wear_is_level() {
    let mut card = powered(full());
    let purse = 6..map::PURSE.end();
    let before: Vec<u32> = card.chip().unwrap().memory.pages().iter().map(|page| page.wear).collect();
    let records = card.cost().records;
    let loads = 1000;
    let mut most = (0, 0);
    for sequence in 100..100 + loads {
        let cost = card.cost();
        let answer = plain(&mut card, LOAD, &voucher(sequence, u64::from(sequence) * 10_000, 7).emit());
        assert_eq!((answer.1, answer.0[0]), (0x9000, 1));
        let spent = card.cost().since(&cost);
        assert!(spent.records <= 2, "{} records", spent.records);
        most = most.max((spent.usage.pages_programmed, spent.usage.pages_erased));
        if sequence % 100 == 0 {
            // Also over power-ups.
            card.power_up();
        }
    }
    println!("LOAD VOUCHER: at most {} pages programmed and {} erased", most.0, most.1);
    assert!(most <= (3, 3), "{most:?}");
    assert_eq!(card.cost().records - records, 2 * u64::from(loads));
    let memory = &card.chip().unwrap().memory;
    assert_eq!((memory.counters().overwrites, memory.counters().refreshes), (0, 0));
    let wear: Vec<u32> =
        memory.pages().iter().zip(&before).map(|(page, before)| page.wear - before).collect();
    // The record's second page is only written where it differs; its first one in every slot in turn.
    let first: Vec<u32> =
        wear[usize::from(purse.start)..usize::from(purse.end)].iter().copied().step_by(2).collect();
    println!("erases of the purse's first pages: {first:?}");
    assert!(first.iter().max().unwrap() - first.iter().min().unwrap() <= 1, "{first:?}");
    assert_eq!(first.iter().max(), Some(&(loads / 8)));
    assert!(wear.iter().all(|wear| *wear <= loads / 8), "{wear:?}");
}
