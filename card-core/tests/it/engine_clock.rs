//! The engine's clock (docs/meter.md, section 2): what a reading does to time, and what it cannot do.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::*;
use card_core::message::MeterFlags;
use card_core::meter::events::code;
use card_core::meter::{Clock, MailRefusal, Meter, MeterState, reason};
use card_core::parameters::{Command, Limits, command::kind};
use card_core::tariff::EGYPT_2024_08;
use card_core::units::{Balance, CardTime, Energy};

/// The greatest step before the first mail.
const STEP: u32 = 2_592_000;

fn after(seconds: i64) -> CardTime {
    CardTime((i64::from(NOW.0) + seconds) as u32)
}

/// A meter at [`NOW`] that takes these readings one after the other.
fn reads(readings: &[CardTime]) -> Meter<Chip> {
    let mut meter = bound(&Chip::new(), 50_000);
    for reading in readings {
        meter.tick(shows(*reading)).unwrap();
    }
    meter
}

fn clock(time: CardTime, offset: i64, doubtful: bool) -> Clock {
    Clock { time, floor: CardTime(0x0C00_0001), offset, doubtful, stopped: false }
}

/// The readings that the events of a doubtful clock name.
fn doubts(meter: &mut Meter<Chip>) -> Vec<u32> {
    let events = told(meter, 0).into_iter().filter(|(code, _)| *code == code::CLOCK_DOUBTFUL);
    events.map(|(_, data)| u32::from_be_bytes([data[0], data[1], data[2], data[3]])).collect()
}

#[test]
fn the_first_reading_is_the_time_and_names_the_month() {
    let unset = MeterState::new(EGYPT_2024_08, Energy(0), CardTime::UNSET);
    let mut meter = Meter::install(Chip::new(), identity(), meter_keys(), &unset).unwrap();
    meter.tick(shows(CardTime::UNSET)).unwrap();
    assert_eq!((meter.state().clock, meter.state().month_index), (Clock::default(), 0));
    // However far it is from nothing.
    meter.tick(shows(NOW)).unwrap();
    assert_eq!(meter.state().clock, Clock { time: NOW, ..Clock::default() });
    assert_eq!((meter.state().month_index, last_event(&meter)), (JUNE, 0));
    assert_eq!(meter.state().days.day, FRIDAY as u16);
}

#[test]
fn a_step_forward_waits_where_it_is_greater_than_the_limit() {
    let mut meter = reads(&[after(STEP.into())]);
    assert_eq!(meter.state().clock, clock(after(STEP.into()), 0, false));
    assert!(doubts(&mut meter).is_empty());

    let far = after(i64::from(STEP) + 1);
    let mut meter = reads(&[far]);
    assert_eq!(meter.state().clock, clock(NOW, -i64::from(STEP) - 1, true));
    assert!(meter.state().flags.has(MeterFlags::CLOCK_DOUBTFUL));
    assert_eq!(doubts(&mut meter), [far.0]);
    // It goes on from there, at the clock's pace, and the doubt stays.
    meter.tick(shows(CardTime(far.0 + 100))).unwrap();
    assert_eq!(meter.state().clock, clock(after(100), -i64::from(STEP) - 1, true));
    // A further step is held as well, and is no event of its own.
    meter.tick(shows(CardTime(far.0 + 100 + STEP + 1))).unwrap();
    assert_eq!(doubts(&mut meter), [far.0]);
    assert_eq!(meter.state().clock, clock(after(100), -2 * (i64::from(STEP) + 1), true));
}

#[test]
fn the_limit_of_a_step_is_the_issuers() {
    let mut meter = bound(&Chip::new(), 50_000);
    give(&mut meter, NOW, 2, &Limits { clock_step: 3600, ..Limits::DEFAULT }.emit());
    meter.tick(shows(after(3600))).unwrap();
    assert!(!meter.state().clock.doubtful);
    meter.tick(shows(after(7201))).unwrap();
    assert_eq!((meter.state().clock.doubtful, meter.state().clock.time), (true, after(3600)));
}

#[test]
fn a_clock_that_falls_back_holds_time() {
    // By a minute it is nothing: time stays.
    let mut meter = reads(&[after(-60)]);
    assert_eq!(meter.state().clock, clock(NOW, 0, false));
    meter.tick(shows(after(-1))).unwrap();
    meter.tick(shows(after(1))).unwrap();
    assert_eq!(meter.state().clock, clock(after(1), 0, false));
    assert!(doubts(&mut meter).is_empty());

    let mut meter = reads(&[after(-61)]);
    assert_eq!(meter.state().clock, clock(NOW, 61, true));
    assert_eq!(doubts(&mut meter), [after(-61).0]);
    // Time goes on by the offset, as long as the reading itself is behind.
    meter.tick(shows(after(-1))).unwrap();
    assert_eq!(meter.state().clock, clock(after(60), 61, true));
    // Also there a minute back is nothing, and more holds time again: no further event in this month.
    meter.tick(shows(after(-61))).unwrap();
    assert_eq!(meter.state().clock, clock(after(60), 61, true));
    meter.tick(shows(after(-62))).unwrap();
    assert_eq!(meter.state().clock, clock(after(60), 122, true));
    assert_eq!(doubts(&mut meter), [after(-61).0]);
}

#[test]
fn a_reading_that_is_right_by_itself_ends_the_doubt() {
    // A clock that lost its time in a power cut, and is set again by its network.
    let mut meter = reads(&[CardTime::UNSET, CardTime(50), CardTime(100), after(300)]);
    // That far a step is a doubt once more, but the clock now reads what it should.
    assert_eq!(meter.state().clock, clock(after(50), -250, true));
    meter.tick(shows(after(310))).unwrap();
    assert_eq!(meter.state().clock, clock(after(310), 0, false));
    assert!(!meter.state().flags.has(MeterFlags::CLOCK_DOUBTFUL));
    assert_eq!(doubts(&mut meter), [0]);

    // Just the time is enough.
    let meter = reads(&[after(-100), NOW]);
    assert_eq!(meter.state().clock, clock(NOW, 0, false));
    // Not below time, and not more than a step above it: else it goes on by its offset.
    let mut meter = reads(&[after(-100)]);
    meter.tick(shows(after(-1))).unwrap();
    assert_eq!(meter.state().clock, clock(after(99), 100, true));
    let mut meter = reads(&[after(i64::from(STEP) + 10)]);
    meter.tick(shows(after(i64::from(STEP) + 15))).unwrap();
    assert_eq!(meter.state().clock, clock(after(5), -i64::from(STEP) - 10, true));
}

#[test]
fn where_firmware_has_no_clock_time_stands_and_neither_friendly_time_nor_loan_goes_on() {
    let stands = |clock| Clock { stopped: true, doubtful: true, ..clock };
    // Time and offset stay, however often, and go on from there.
    let mut meter = reads(&[after(-61), CardTime::UNSET, CardTime::UNSET]);
    assert_eq!(meter.state().clock, stands(clock(NOW, 61, true)));
    meter.tick(shows(after(-51))).unwrap();
    assert_eq!(meter.state().clock, clock(after(10), 61, true));

    // A Friday: nothing is cut for want of credit, as long as there is a time.
    let mut meter = bound(&Chip::new(), 100);
    meter.consume(shows(NOW), Energy(5_000)).unwrap();
    assert!(meter.state().balance < Balance(0));
    assert_eq!(meter.state().supply.cut, 0);
    meter.tick(shows(CardTime::UNSET)).unwrap();
    assert_eq!((meter.state().clock, doubts(&mut meter)), (stands(clock(NOW, 0, true)), vec![0]));
    assert_eq!(meter.state().supply.cut, reason::NO_CREDIT);
    // No loan either, until there is a time again.
    ask_for_loan(&mut meter, CardTime::UNSET);
    assert_eq!(meter.state().clock, stands(clock(NOW, 0, true)));
    assert_eq!(
        (meter.state().supply.cut, meter.state().supply.loan_until),
        (reason::NO_CREDIT, CardTime::UNSET)
    );
    meter.tick(shows(after(10))).unwrap();
    assert_eq!(meter.state().clock, clock(after(10), 0, false));
    ask_for_loan(&mut meter, after(10));
    let until = meter.state().supply.loan_until;
    assert!(until > after(10));
    assert_eq!(meter.state().supply.cut, 0);
    // Nor does one that runs hold the cut off; it is still there when time goes on.
    meter.tick(shows(CardTime::UNSET)).unwrap();
    assert_eq!((meter.state().supply.cut, meter.state().supply.loan_until), (reason::NO_CREDIT, until));
    meter.tick(shows(after(20))).unwrap();
    assert_eq!((meter.state().supply.cut, meter.state().supply.loan_until), (0, until));
    // A command sets time, but not the clock that there is not.
    let later = Command { expiry: after(600), ..command(1, kind::CLOCK, after(500).0) };
    assert_eq!(order(&mut meter, CardTime::UNSET, &later), Ok(()));
    assert_eq!(meter.state().clock, stands(clock(after(500), 0, true)));
    assert_eq!(meter.state().supply.cut, reason::NO_CREDIT);
}

#[test]
fn a_clock_that_comes_and_goes_is_an_event_once_a_month() {
    let mut meter = reads(&[after(-100)]);
    for n in 1..=80 {
        let time = meter.state().clock.time;
        meter.tick(shows(CardTime(time.0 + 10))).unwrap();
        assert!(!meter.state().clock.doubtful);
        let reading = if n % 2 == 0 { CardTime::UNSET } else { CardTime(time.0 - 100) };
        meter.tick(shows(reading)).unwrap();
        assert!(meter.state().clock.doubtful);
    }
    assert_eq!(doubts(&mut meter), [after(-100).0]);
    // In the next month, which begins without a doubt, it is told again.
    let time = meter.state().clock.time;
    meter.tick(shows(time)).unwrap();
    pass(&mut meter, begin_of(JUNE + 1));
    let lost = CardTime(begin_of(JUNE + 1).0 - 1_000);
    meter.tick(shows(lost)).unwrap();
    assert_eq!(doubts(&mut meter), [after(-100).0, lost.0]);
    // A doubt that lasts into a month is not told anew in it.
    pass_behind(&mut meter, 1_000, begin_of(JUNE + 2));
    meter.tick(shows(CardTime(begin_of(JUNE + 2).0 - 2_000))).unwrap();
    assert_eq!((meter.state().month_index, meter.state().clock.time), (JUNE + 2, begin_of(JUNE + 2)));
    assert_eq!(doubts(&mut meter), [after(-100).0, lost.0]);
}

#[test]
fn the_month_says_that_the_clock_was_doubtful_in_it() {
    let mut meter = reads(&[after(-100), after(200)]);
    assert!(!meter.state().clock.doubtful);
    assert_eq!(meter.state().month().flags & 4, 4);
    pass(&mut meter, begin_of(JUNE + 2));
    // June's was, July's was not.
    assert_eq!(months(&mut meter).iter().map(|month| month.flags & 4).collect::<Vec<_>>(), [4, 0]);
    assert_eq!(meter.state().month().flags & 4, 0);
    // A doubt that lasts goes into the next month.
    let time = meter.state().clock.time;
    meter.tick(shows(CardTime(time.0 - 1000))).unwrap();
    pass_behind(&mut meter, 1000, begin_of(JUNE + 3));
    assert_eq!(meter.state().month().flags & 4, 4);
    assert_eq!(months(&mut meter).last().unwrap().flags & 4, 4);
}

/// Time passes with a clock that is that many seconds behind: so little at once that its reading is below time.
fn pass_behind(meter: &mut Meter<Chip>, behind: u32, to: CardTime) {
    let from = meter.state().clock.time.0;
    for time in (from..to.0).step_by(behind as usize / 2).chain([to.0]) {
        meter.tick(shows(CardTime(time - behind))).unwrap();
    }
    assert_eq!(meter.state().clock.time, to);
    assert!(meter.state().clock.doubtful);
}

#[test]
fn the_issue_time_of_an_applied_certificate_is_the_floor() {
    let mut meter = bound(&Chip::new(), 50_000);
    let issued = |sequence, seconds, credit| {
        signed(card_core::message::Certificate {
            issue_time: after(seconds),
            ..certificate(sequence, credit, 0)
        })
    };
    // Below time it only holds for the future.
    let _ = meter.take_certificate(shows(NOW), &issued(2, -100, 50_000), None).unwrap();
    assert_eq!(
        meter.state().clock,
        Clock { time: NOW, floor: after(-100), offset: 0, doubtful: false, stopped: false }
    );
    // An older one does not lower it.
    let _ = meter.take_certificate(shows(NOW), &issued(3, -200, 50_000), None).unwrap();
    assert_eq!(meter.state().clock.floor, after(-100));
    // Above time it is the time, however great the step, and no doubt.
    let far = i64::from(STEP) * 2;
    let _ = meter.take_certificate(shows(NOW), &issued(4, far, 50_000), None).unwrap();
    assert_eq!(
        meter.state().clock,
        Clock { time: after(far), floor: after(far), offset: far, doubtful: false, stopped: false }
    );
    // The months that this ended are closed by the same call.
    assert_eq!(meter.state().month_index, JUNE + 2);
    assert_eq!(months(&mut meter).len(), 2);
    adds_up(&mut meter);
    meter.tick(shows(after(10))).unwrap();
    assert_eq!(meter.state().clock.time, after(far + 10));
    // One that is not applied any more changes nothing.
    let _ = meter.take_certificate(shows(after(10)), &issued(4, far + 1000, 50_000), None).unwrap();
    assert_eq!(meter.state().clock.floor, after(far));
    // A doubt stays.
    meter.tick(shows(after(-100))).unwrap();
    let _ = meter.take_certificate(shows(after(-100)), &issued(5, far + 5000, 50_000), None).unwrap();
    assert_eq!((meter.state().clock.time, meter.state().clock.doubtful), (after(far + 5000), true));
}

fn set(value: CardTime, expiry: CardTime, counter: u32) -> Command {
    Command { expiry, ..command(counter, kind::CLOCK, value.0) }
}

#[test]
fn only_a_command_sets_time_back_and_not_below_the_floor() {
    let mut meter = reads(&[after(1_000_000)]);
    let (time, floor) = (meter.state().clock.time, meter.state().clock.floor);
    // The clock reads what the command says that it is: no offset.
    let before = last_event(&meter);
    assert_eq!(order(&mut meter, after(500), &set(NOW, after(1000), 1)), Ok(()));
    assert_eq!(
        meter.state().clock,
        Clock { time: after(500), floor, offset: 0, doubtful: false, stopped: false }
    );
    let [a, b, c, d] = time.0.to_be_bytes();
    let [e, f, g, h] = after(500).0.to_be_bytes();
    let expected = [
        (code::CLOCK_DOUBTFUL, [e, f, g, h, 0, 0]),
        (code::CLOCK_SET, [a, b, c, d, 0, 0]),
        (code::COMMAND, [0, 0, 0, 1, kind::CLOCK, 1]),
    ];
    assert_eq!(told(&mut meter, before), expected);
    // The command's own event, and its audit record, have the time after it.
    assert_eq!(events(&mut meter, before)[2].time, after(500));
    assert_eq!(meter.state().inbox.audits.records().last().unwrap().time, after(500));

    // At the expiry the clock is too late, below the value too early: it is the value then, and the clock keeps its pace.
    assert_eq!(order(&mut meter, after(1000), &set(NOW, after(1000), 2)), Ok(()));
    assert_eq!(
        meter.state().clock,
        Clock { time: NOW, floor, offset: -1000, doubtful: false, stopped: false }
    );
    assert_eq!(order(&mut meter, after(1010), &set(after(5000), after(6000), 3)), Ok(()));
    assert_eq!(
        meter.state().clock,
        Clock { time: after(5000), floor, offset: 3990, doubtful: false, stopped: false }
    );
    // Without an expiry it would be right for ever: refused, and the clock is as the reading leaves it.
    let for_ever = set(NOW, CardTime::UNSET, 4);
    assert_eq!(order(&mut meter, after(9_000_000), &for_ever), Err(MailRefusal::UnknownCommand));
    assert_eq!(meter.state().clock, Clock { floor, ..clock(after(5000), 5000 - 9_000_000, true) });
    assert_eq!(order(&mut meter, after(9_000_000), &for_ever), Err(MailRefusal::ExecutedBefore));
    // Just below the expiry the reading is right.
    assert_eq!(order(&mut meter, after(9_000_000), &set(NOW, after(9_000_001), 5)), Ok(()));
    assert_eq!(
        meter.state().clock,
        Clock { time: after(9_000_000), floor, offset: 0, doubtful: false, stopped: false }
    );
    // Not below the floor: neither by its value nor by the clock's reading.
    let low = CardTime(floor.0 - 100);
    assert_eq!(order(&mut meter, CardTime(5), &set(low, CardTime(low.0 + 1), 6)), Ok(()));
    assert_eq!(meter.state().clock.time, floor);
    assert_eq!(meter.state().clock.offset, i64::from(floor.0) - 5);
    assert_eq!(order(&mut meter, low, &set(low, CardTime(low.0 + 1), 7)), Ok(()));
    assert_eq!((meter.state().clock.time, meter.state().clock.offset), (floor, 100));
    assert!(!meter.state().clock.doubtful);
    adds_up(&mut meter);
}

#[test]
fn a_clock_command_is_executed_late_because_a_wrong_clock_cannot_say_that() {
    // The clock ran ahead: by it every command has expired.
    let mut meter = reads(&[after(20 * 86_400)]);
    let other = Command { expiry: after(3600), ..command(1, kind::CUT, 0) };
    assert_eq!(order(&mut meter, after(20 * 86_400), &other), Err(MailRefusal::Expired));
    assert_eq!(order(&mut meter, after(20 * 86_400), &set(after(60), after(3600), 2)), Ok(()));
    assert_eq!(meter.state().clock.time, after(60));
    // And only once.
    assert_eq!(
        order(&mut meter, after(20 * 86_400), &set(after(60), after(3600), 2)),
        Err(MailRefusal::ExecutedBefore)
    );
}

#[test]
fn a_closed_month_is_not_opened_again_by_a_clock_that_is_set_back() {
    let mut meter = bound(&Chip::new(), 50_000);
    pass(&mut meter, begin_of(JUNE + 1));
    assert_eq!(order(&mut meter, NOW, &set(NOW, after(60), 1)), Ok(()));
    assert_eq!((meter.state().clock.time, meter.state().month_index), (NOW, JUNE + 1));
    meter.consume(shows(NOW), Energy(100)).unwrap();
    assert_eq!(meter.state().month().energy, Energy(100));
    pass(&mut meter, begin_of(JUNE + 2));
    assert_eq!(months(&mut meter).iter().map(|month| month.index).collect::<Vec<_>>(), [JUNE, JUNE + 1]);
    adds_up(&mut meter);
}

#[test]
fn a_command_that_sets_time_forward_ends_months() {
    let mut meter = bound(&Chip::new(), 50_000);
    let time = begin_of(JUNE + 3);
    assert_eq!(order(&mut meter, NOW, &set(time, CardTime(time.0 + 60), 1)), Ok(()));
    assert_eq!(meter.state().month_index, JUNE + 3);
    assert_eq!(months(&mut meter).len(), 3);
    adds_up(&mut meter);
}

#[test]
fn the_clock_survives_a_power_cut() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    meter.tick(shows(after(-500))).unwrap();
    let known = meter.state().clock;
    assert!(known.doubtful);
    assert_eq!(again(&chip).state().clock, known);
    // Time that passed alone is not worth a write, but a warned loss of power keeps it.
    let (mut meter, writes) = (again(&chip), chip.writes());
    meter.tick(shows(after(-100))).unwrap();
    assert_eq!(chip.writes(), writes);
    meter.save().unwrap();
    assert_eq!(again(&chip).state().clock.time, after(400));
}

#[test]
fn a_day_that_passes_is_written_also_after_the_clock_was_set_back() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let day = |number: i64| after(number * 86_400);
    // The clock ran ahead, and was set right: the days that it has seen are ahead of the time.
    meter.tick(shows(day(10))).unwrap();
    assert_eq!(order(&mut meter, NOW, &set(NOW, after(60), 1)), Ok(()));
    meter.tick(shows(day(3))).unwrap();
    assert_eq!(again(&chip).state().clock.time, day(3));
}
