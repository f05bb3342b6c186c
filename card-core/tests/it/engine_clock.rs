//! The engine's clock (docs/meter.md, section 2): what a reading does to time, and what it cannot do.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::*;
use card_core::message::{Certificate, MeterFlags};
use card_core::meter::events::code;
use card_core::meter::{Clock, MailRefusal, Meter, MeterState, Reading, doubt, reason};
use card_core::parameters::{Command, Limits, command::kind};
use card_core::tariff::EGYPT_2024_08;
use card_core::units::{Balance, CardTime, Energy};

/// The greatest step before the first mail.
const STEP: i64 = 600;
const DAY: i64 = 86_400;
const FLOOR: CardTime = CardTime(0x0C00_0001);

fn after(seconds: i64) -> CardTime {
    CardTime((i64::from(NOW.0) + seconds) as u32)
}

/// The clock shows so many seconds after [`NOW`], when so many of uptime have passed since then.
fn says(clock: i64, uptime: i64) -> Reading {
    Reading { uptime: after(uptime).0, ..shows(after(clock)) }
}

/// There is no clock any more.
fn says_nothing(uptime: i64) -> Reading {
    Reading { uptime: after(uptime).0, ..shows(CardTime::UNSET) }
}

/// A meter at [`NOW`] that takes these readings one after the other.
fn reads(readings: &[Reading]) -> Meter<Chip> {
    let mut meter = bound(&Chip::new(), 50_000);
    for reading in readings {
        meter.tick(*reading).unwrap();
    }
    meter
}

fn clock(time: CardTime, offset: i64, doubt: u8) -> Clock {
    Clock { time, floor: FLOOR, offset, doubt }
}

/// The readings that the events of a doubtful clock name, and which doubt.
fn doubts(meter: &mut Meter<Chip>) -> Vec<(u32, u8)> {
    let events = told(meter, 0).into_iter().filter(|(code, _)| *code == code::CLOCK_DOUBTFUL);
    events.map(|(_, data)| (u32::from_be_bytes([data[0], data[1], data[2], data[3]]), data[4])).collect()
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
    let mut meter = reads(&[says(STEP, 0)]);
    assert_eq!(meter.state().clock, clock(after(STEP), 0, 0));
    assert!(doubts(&mut meter).is_empty());

    let far = STEP + 1;
    let mut meter = reads(&[says(far, 0)]);
    assert_eq!(meter.state().clock, clock(NOW, -far, doubt::CLOCK));
    assert!(meter.state().flags.has(MeterFlags::CLOCK_DOUBTFUL));
    assert_eq!(doubts(&mut meter), [(after(far).0, doubt::CLOCK)]);
    // It goes on from there, as uptime does, and the doubt stays.
    meter.tick(says(20 * DAY, 100)).unwrap();
    assert_eq!(meter.state().clock, clock(after(100), 100 - 20 * DAY, doubt::CLOCK));
    // A further step is no event of its own.
    assert_eq!(doubts(&mut meter), [(after(far).0, doubt::CLOCK)]);
}

#[test]
fn the_limit_of_a_step_is_the_issuers() {
    let mut meter = bound(&Chip::new(), 50_000);
    give(&mut meter, NOW, 2, &Limits { clock_step: 3600, ..Limits::DEFAULT }.emit());
    meter.tick(says(3600, 0)).unwrap();
    assert!(!meter.state().clock.is_doubtful());
    meter.tick(says(7201, 0)).unwrap();
    assert_eq!((meter.state().clock.doubt, meter.state().clock.time), (doubt::CLOCK, after(3600)));
}

#[test]
fn a_clock_that_falls_back_holds_time() {
    // By a minute it is nothing: time stays.
    let mut meter = reads(&[says(-60, 0)]);
    assert_eq!(meter.state().clock, clock(NOW, 0, 0));
    meter.tick(says(-10, 50)).unwrap();
    meter.tick(says(1, 61)).unwrap();
    assert_eq!(meter.state().clock, clock(after(1), 0, 0));
    assert!(doubts(&mut meter).is_empty());

    let mut meter = reads(&[says(-61, 0)]);
    assert_eq!(meter.state().clock, clock(NOW, 61, doubt::CLOCK));
    assert_eq!(doubts(&mut meter), [(after(-61).0, doubt::CLOCK)]);
    // Time goes on by the offset, as long as the reading itself is behind.
    meter.tick(says(-1, 62)).unwrap();
    assert_eq!(meter.state().clock, clock(after(60), 61, doubt::CLOCK));
}

#[test]
fn a_reading_that_is_right_by_itself_ends_the_doubt() {
    // A clock that lost its time while there was power, and is set again by its network.
    let mut meter = reads(&[says_nothing(0), Reading { clock: CardTime(50), ..says(0, 10) }, says(300, 300)]);
    assert_eq!(meter.state().clock, clock(after(300), 0, 0));
    assert!(!meter.state().flags.has(MeterFlags::CLOCK_DOUBTFUL));
    assert_eq!(doubts(&mut meter), [(0, doubt::CLOCK)]);

    // With the doubt, up to a step too far is right enough; without it, a minute.
    let meter = reads(&[says_nothing(0), says(STEP, 0)]);
    assert_eq!(meter.state().clock, clock(after(STEP), 0, 0));
    let meter = reads(&[says_nothing(0), says(STEP + 1, 0)]);
    assert_eq!(meter.state().clock, clock(NOW, -STEP - 1, doubt::CLOCK));
    let meter = reads(&[says_nothing(0), says(-60, 0)]);
    assert_eq!(meter.state().clock, clock(NOW, 0, 0));
    let meter = reads(&[says_nothing(0), says(-61, 0)]);
    assert_eq!(meter.state().clock, clock(NOW, 61, doubt::CLOCK));
}

#[test]
fn a_clock_that_goes_as_it_must_not_is_seen_by_uptime() {
    // 90 s in 100,000 is what clocks do, 120 s are not.
    for (gains, doubtful) in [(90, false), (-90, false), (120, true), (-120, true), (3_000, true)] {
        let mut meter = reads(&[]);
        for passed in (0..=4_000_000).step_by(600) {
            meter.tick(says(passed + passed * gains / 100_000, passed)).unwrap();
        }
        assert_eq!(meter.state().clock.is_doubtful(), doubtful, "{gains}");
        let wrong = i64::from(meter.state().clock.time.0) - i64::from(after(4_000_000).0);
        assert!(wrong.abs() <= 4_000_000 / 1_000 + STEP, "{gains}: {wrong}");
    }
}

#[test]
fn where_firmware_has_no_clock_time_goes_on_by_uptime_and_so_do_friendly_times_and_loans() {
    let mut meter = reads(&[says(-61, 0), says_nothing(10), says_nothing(20)]);
    assert_eq!(meter.state().clock, clock(after(20), 0, doubt::CLOCK));
    meter.tick(says(25, 25)).unwrap();
    assert_eq!(meter.state().clock, clock(after(25), 0, 0));

    // A Friday: nothing is cut for want of credit, until it is over.
    let mut meter = bound(&Chip::new(), 100);
    meter.consume(shows(NOW), Energy(5_000)).unwrap();
    assert!(meter.state().balance < Balance(0));
    let saturday = i64::from(local(FRIDAY + 1, 10, 0).0) - i64::from(NOW.0);
    meter.tick(says_nothing(saturday - 1)).unwrap();
    assert_eq!(meter.state().supply.cut, 0);
    meter.tick(says_nothing(saturday)).unwrap();
    assert_eq!(
        (meter.state().clock, doubts(&mut meter)),
        (clock(after(saturday), 0, doubt::CLOCK), vec![(0, doubt::CLOCK)])
    );
    assert_eq!(meter.state().supply.cut, reason::NO_CREDIT);
    // A loan is two days, as always.
    meter.tick(says(saturday, saturday)).unwrap();
    ask_for_loan(&mut meter, after(saturday));
    let until = saturday + 2 * DAY;
    assert_eq!((meter.state().supply.cut, meter.state().supply.loan_until), (0, after(until)));
    meter.tick(says_nothing(until - 1)).unwrap();
    assert_eq!(meter.state().supply.cut, 0);
    meter.tick(says_nothing(until)).unwrap();
    assert_eq!(meter.state().supply.cut, reason::NO_CREDIT);
    // A command sets time, but not the clock that there is not.
    let later = Command { expiry: after(until + 600), ..command(1, kind::CLOCK, after(until + 500).0) };
    let mail = letter(5, 1, &later.emit());
    assert_eq!(meter.receive(says_nothing(until), Some(CARD.id), &mail).unwrap().result, Ok(()));
    assert_eq!(meter.state().clock, clock(after(until + 500), 0, doubt::CLOCK));
}

#[test]
fn after_an_outage_a_clock_that_never_stopped_is_believed_and_no_other() {
    let power_up = |reading| {
        let chip = Chip::new();
        bound(&chip, 50_000).save().unwrap();
        let mut meter = again(&chip);
        meter.tick(reading).unwrap();
        let clock = meter.state().clock;
        (clock, doubts(&mut meter))
    };
    let far = 3_000 * DAY;
    for seconds in [far, 0, -60] {
        assert_eq!(
            power_up(Reading { uptime: 3, ..says(seconds, 0) }),
            (clock(after(seconds.max(0)), 0, 0), vec![])
        );
    }
    let stood = |reading: i64| (clock(NOW, -reading, doubt::STOOD), vec![(after(reading).0, doubt::STOOD)]);
    assert_eq!(power_up(says(-61, 0)), stood(-61));
    for seconds in [far, 5, -60] {
        assert_eq!(power_up(Reading { never_stopped: false, ..says(seconds, 0) }), stood(seconds));
    }
    // Without a clock both doubts begin.
    let both = vec![(0, doubt::STOOD), (0, doubt::CLOCK)];
    assert_eq!(power_up(says_nothing(0)), (clock(NOW, 0, doubt::STOOD | doubt::CLOCK), both));
}

#[test]
fn a_clock_that_comes_and_goes_is_an_event_once_a_month() {
    let mut meter = reads(&[says(-100, 0)]);
    for n in 1..=80 {
        meter.tick(says(n * 10, n * 10)).unwrap();
        assert!(!meter.state().clock.is_doubtful());
        meter.tick(if n % 2 == 0 { says_nothing(n * 10) } else { says(n * 10 - 100, n * 10) }).unwrap();
        assert!(meter.state().clock.is_doubtful());
    }
    let first = (after(-100).0, doubt::CLOCK);
    assert_eq!(doubts(&mut meter), [first]);
    // In the next month, which begins without a doubt, it is told again.
    meter.tick(says(810, 810)).unwrap();
    pass(&mut meter, begin_of(JUNE + 1));
    let lost = |begin: CardTime| Reading { uptime: begin.0, ..shows(CardTime(begin.0 - 1_000)) };
    meter.tick(lost(begin_of(JUNE + 1))).unwrap();
    let second = (begin_of(JUNE + 1).0 - 1_000, doubt::CLOCK);
    assert_eq!(doubts(&mut meter), [first, second]);
    // A doubt that lasts into a month is not told anew in it.
    meter.tick(lost(begin_of(JUNE + 2))).unwrap();
    assert_eq!((meter.state().month_index, meter.state().clock.time), (JUNE + 2, begin_of(JUNE + 2)));
    assert_eq!(doubts(&mut meter), [first, second]);
}

#[test]
fn the_month_says_that_the_clock_was_doubtful_in_it() {
    let mut meter = reads(&[says(-100, 0), says(200, 200)]);
    assert!(!meter.state().clock.is_doubtful());
    assert_eq!(meter.state().month().flags & 4, 4);
    pass(&mut meter, begin_of(JUNE + 2));
    // June's was, July's was not.
    assert_eq!(months(&mut meter).iter().map(|month| month.flags & 4).collect::<Vec<_>>(), [4, 0]);
    assert_eq!(meter.state().month().flags & 4, 0);
    // A doubt that lasts goes into the next month.
    for uptime in [begin_of(JUNE + 2), begin_of(JUNE + 3)] {
        meter.tick(Reading { uptime: uptime.0, ..shows(CardTime::UNSET) }).unwrap();
    }
    assert_eq!(meter.state().month().flags & 4, 4);
    assert_eq!(months(&mut meter).last().unwrap().flags & 4, 4);
}

#[test]
fn the_issue_time_of_an_applied_certificate_is_the_floor() {
    let mut meter = bound(&Chip::new(), 50_000);
    let mut issued = |at: i64, seconds: i64| {
        let next = certificate(meter.state().sequence + 1, 50_000, 0);
        let next = signed(Certificate { issue_time: after(seconds), ..next });
        let _ = meter.take_certificate(says(at, at), &next, None).unwrap();
        meter.state().clock
    };
    let is = |time, floor, offset, doubt| Clock { time: after(time), floor: after(floor), offset, doubt };
    // Below time it only holds for the future, and an older one does not lower it.
    assert_eq!(issued(0, -100), is(0, -100, 0, 0));
    assert_eq!(issued(0, -DAY), is(0, -100, 0, 0));
    // Above time it is the time; beyond an hour the clock is slow, or the issuer's fast.
    assert_eq!(issued(0, 3_600), is(3_600, 3_600, 3_600, 0));
    assert_eq!(issued(10, 7_211), is(7_211, 7_211, 7_201, doubt::CERTIFICATE));
    // One within a day agrees again.
    assert_eq!(issued(20, 7_221 - DAY - 1), is(7_221, 7_211, 7_201, doubt::CERTIFICATE));
    assert_eq!(issued(20, 7_221 - DAY), is(7_221, 7_211, 7_201, 0));
    // Beyond two days it is not believed, and two days are.
    assert_eq!(issued(21, 7_222 + 2 * DAY + 1), is(7_222, 7_211, 7_201, doubt::CERTIFICATE));
    let far = 7_222 + 2 * DAY;
    assert_eq!(issued(21, far), is(far, far, far - 21, doubt::CERTIFICATE));
    adds_up(&mut meter);
    // One that is not applied any more changes nothing.
    let old = signed(Certificate { issue_time: after(far + 1000), ..certificate(2, 50_000, 0) });
    let _ = meter.take_certificate(says(22, 22), &old, None).unwrap();
    assert_eq!(meter.state().clock.floor, after(far));
}

#[test]
fn a_certificate_ends_months_only_where_time_stood() {
    let chip = Chip::new();
    bound(&chip, 50_000).save().unwrap();
    let mut meter = again(&chip);
    meter.tick(Reading { never_stopped: false, ..shows(NOW) }).unwrap();
    let issued = signed(Certificate { issue_time: begin_of(JUNE + 2), ..certificate(2, 50_000, 0) });
    let _ = meter.take_certificate(shows(NOW), &issued, None).unwrap();
    // The months that this ended are closed by the same call.
    assert_eq!(meter.state().month_index, JUNE + 2);
    assert_eq!(months(&mut meter).len(), 2);
    adds_up(&mut meter);
    let moved = told(&mut meter, 0).into_iter().filter(|(code, _)| *code == code::TIME_MOVED);
    let [a, b, c, d] = NOW.0.to_be_bytes();
    assert_eq!(moved.collect::<Vec<_>>(), [(code::TIME_MOVED, [a, b, c, d, 0, 0])]);
}

fn set(value: CardTime, expiry: CardTime, counter: u32) -> Command {
    Command { expiry, ..command(counter, kind::CLOCK, value.0) }
}

#[test]
fn only_a_command_sets_time_back_and_not_below_the_floor() {
    let far = 1_000_000;
    let mut meter = reads(&[says(far, far)]);
    let mut ordered = |clock: i64, uptime: i64, command: &Command| {
        let version = meter.state().inbox.version(slot(5)) + 1;
        let before = last_event(&meter);
        let mail = letter(5, version, &command.emit());
        let result = meter.receive(says(clock, uptime), Some(CARD.id), &mail).unwrap().result;
        (result, meter.state().clock, told(&mut meter, before))
    };
    // The clock reads what the command says that it is: no offset.
    let (result, now, events) = ordered(500, far, &set(NOW, after(1000), 1));
    assert_eq!((result, now), (Ok(()), clock(after(500), 0, 0)));
    let data = |time: CardTime, [e, f]: [u8; 2]| {
        let [a, b, c, d] = time.0.to_be_bytes();
        [a, b, c, d, e, f]
    };
    let expected = [
        (code::CLOCK_DOUBTFUL, data(after(500), [doubt::CLOCK, 0])),
        (code::CLOCK_SET, data(after(far), [0, 0])),
        (code::COMMAND, [0, 0, 0, 1, kind::CLOCK, 1]),
    ];
    assert_eq!(events, expected);
    // At the expiry the clock is too late, below the value too early: it is the value then, and the clock keeps its pace.
    let up = far + 500;
    assert_eq!(ordered(1000, up, &set(NOW, after(1000), 2)).1, clock(NOW, -1000, 0));
    assert_eq!(ordered(1010, up + 10, &set(after(5000), after(6000), 3)).1, clock(after(5000), 3990, 0));
    // Without an expiry it would be right for ever: refused.
    let (result, now, _) = ordered(1010, up + 10, &set(NOW, CardTime::UNSET, 4));
    assert_eq!((result, now), (Err(MailRefusal::UnknownCommand), clock(after(5000), 3990, 0)));
    // Not below the floor: neither by its value nor by the clock's reading.
    let low = CardTime(FLOOR.0 - 100);
    let below = i64::from(low.0) - i64::from(NOW.0);
    let value = set(low, CardTime(low.0 + 1), 5);
    assert_eq!(
        ordered(1010, up + 10, &value).1,
        clock(FLOOR, i64::from(FLOOR.0) - i64::from(after(1010).0), 0)
    );
    assert_eq!(ordered(below, up + 10, &Command { counter: 6, ..value }).1, clock(FLOOR, 100, 0));
    // But by the command that says so, and then the floor is there.
    let back = Command { expiry: CardTime(low.0 + 1), ..command(7, kind::CLOCK_BACK, low.0) };
    let floor = Clock { time: low, floor: low, offset: 0, doubt: 0 };
    assert_eq!((ordered(below, up + 10, &back).1, floor.offset), (floor, 0));
    // The command's audit record has the time after it.
    assert_eq!(meter.state().inbox.audits.records().last().unwrap().time, low);
    adds_up(&mut meter);
}

#[test]
fn a_clock_command_is_executed_late_because_a_wrong_clock_cannot_say_that() {
    // The clock ran ahead: by it every command has expired.
    let mut meter = reads(&[says(20 * DAY, 20 * DAY)]);
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
    assert!(known.is_doubtful());
    // Its offset changes all the time, and is not kept; nor is such a clock believed.
    let mut meter = again(&chip);
    assert_eq!(meter.state().clock, Clock { offset: 0, ..known });
    meter.tick(says(20 * DAY, 0)).unwrap();
    assert_eq!(meter.state().clock, clock(NOW, -20 * DAY, doubt::CLOCK | doubt::STOOD));
    // Time that passed alone is not worth a write, but a warned loss of power keeps it.
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    meter.save().unwrap();
    let writes = chip.writes();
    meter.tick(says(400, 400)).unwrap();
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
