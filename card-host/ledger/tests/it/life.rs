//! A contract's end: its customer moves out, and what was left is given back, once.

use card_core::id::{Binding, MeterId};
use card_core::message::MeterFlags;
use card_core::meter::Verdict;
use card_core::units::Piastres;
use card_host::card_work::CardChoice;
use card_host::simulated_meter::Profile;
use card_host::stage::Stage;
use card_ledger::{
    BranchError, Development, EndReason, Ended, GiveBack, GiveTo, GivenBack, LedgerError, Payee, Refusal,
    Standing, Status, read, standing,
};

use crate::bench::{Bench, CHOICE, Torn, refused};

const METER: u64 = 1;

fn move_out(bench: &mut Bench) -> Result<Ended, BranchError> {
    let Development { office, who, .. } = &bench.company;
    let id = bench.company.id();
    let mut card = bench.stage.card().unwrap();
    office.move_out(who, &id, &mut card, MeterId::from(METER), "")
}

fn collect(bench: &mut Bench) {
    let Development { office, who, .. } = &bench.company;
    office.take_from_card(who, &mut bench.stage.card().unwrap()).unwrap();
}

fn give_back(bench: &Bench, of: Binding) -> Result<GivenBack, LedgerError> {
    let Development { office, who, .. } = &bench.company;
    office.give_back(who, &bench.company.id(), &GiveBack::new(of, GiveTo::Cash, None), "moved out")
}

fn refusal<T: std::fmt::Debug>(done: Result<T, LedgerError>) -> Refusal {
    refused(done.map_err(BranchError::from))
}

#[test]
fn who_moves_out_gets_back_what_the_final_report_says() {
    let mut bench = Bench::new();
    let card = bench.issue(METER, 7, CHOICE).unwrap().account.card.id;
    let mut meter = bench.meter(METER);
    bench.sell(card, 50_000).unwrap();
    bench.tap(&mut meter);
    let now = meter.clock(bench.company.office.now().unwrap()).unwrap();
    meter.run(now, 24, &Profile::Household, 1, &mut |_| {}).unwrap();
    // Sold, and not carried to the meter yet.
    bench.sell(card, 1_000).unwrap();
    let of = Binding { meter: MeterId::from(METER), number: 1 };
    assert!(matches!(refusal(give_back(&bench, of)), Refusal::NotEnded(open) if open == of));
    let ended = move_out(&mut bench).unwrap();
    assert_eq!((ended.of, ended.account, ended.nobodys.binding().number), (of, 7, 2));
    // Nothing is sold to it from now on, and its card is neither unblocked nor replaced.
    assert!(matches!(refused(bench.sell(card, 100)), Refusal::Closed(_)));
    let Development { office, who, .. } = &bench.company;
    let unblock = office.block(who, &bench.company.id(), Payee::Meter(of.meter), false, "please");
    assert!(matches!(refusal(unblock), Refusal::Closed(_)));
    let stands = standing(office.ledger(), card).unwrap();
    assert_eq!((stands.standing, stands.reason.as_str()), (Standing::Ended, "moved-out"));
    assert!(matches!(refused(bench.replace(METER)), Refusal::UnknownMeter(_)));
    // Before the final report nothing is given back by one person.
    assert!(give_back(&bench, of).is_err());
    bench.stage.insert(0).unwrap();
    let now = meter.clock(bench.company.office.now().unwrap()).unwrap();
    let verdict = meter.tap(&mut bench.card(), now).unwrap().verdict;
    assert!(
        matches!(verdict, Some(Verdict::Apply { credit: Piastres(0), .. } | Verdict::Nothing)),
        "{verdict:?}"
    );
    let state = meter.state().unwrap();
    assert_eq!((state.binding, state.balance.0), (2, 0));
    collect(&mut bench);
    let report = bench.company.office.final_report(of).unwrap().unwrap();
    assert!(report.flags.has(MeterFlags::CLOSED));
    let left = u64::try_from(report.balance.0).unwrap() + 1_000;
    let given = give_back(&bench, of).unwrap();
    let expected = GivenBack { of, account: 7, paid: Piastres(left), debt: Piastres(0), owed: Piastres(0) };
    assert_eq!(given, expected);
    assert!(matches!(refusal(give_back(&bench, of)), Refusal::Closed(_)), "once");
    let closed = read(bench.company.office.ledger(), |t| t.binding(Payee::Binding(of))).unwrap().unwrap();
    assert_eq!(closed.status, Status::Closed);
    // The next customer: a new contract, a new card, and a month of its own.
    let next = bench.issue(METER, 8, CHOICE).unwrap().account;
    assert_eq!((next.binding.number, next.account, next.card.generation), (3, 8, 1));
    bench.sell(next.card.id, 2_000).unwrap();
    let now = meter.clock(bench.company.office.now().unwrap()).unwrap();
    meter.tap(&mut bench.card(), now).unwrap();
    let state = meter.state().unwrap();
    assert_eq!((state.balance.0, state.month().energy.0), (2_000, 0));
}

#[test]
fn a_torn_move_out_is_finished_by_the_same_request() {
    // Everything that is said to the card, one exchange after the other.
    for instruction in [0xA4, 0x50, 0x82, 0xB2, 0xB0, 0xCA, 0xE2] {
        for left in 1.. {
            let mut bench = Bench::new();
            let card = bench.issue(METER, 7, CHOICE).unwrap().account.card.id;
            let mut meter = bench.meter(METER);
            bench.sell(card, 5_000).unwrap();
            bench.tap(&mut meter);
            let Development { office, who, .. } = &bench.company;
            let (id, meter_id) = (bench.company.id(), MeterId::from(METER));
            let mut torn = Torn::open(bench.stage.card().unwrap(), instruction, left);
            let whole = office.move_out(who, &id, &mut torn, meter_id, "").is_ok();
            drop(torn);
            let Development { office, who, .. } = &bench.company;
            let again = office.move_out(who, &id, &mut bench.stage.card().unwrap(), meter_id, "").unwrap();
            assert_eq!(again.nobodys.binding().number, 2, "once");
            bench.tap(&mut meter);
            collect(&mut bench);
            assert_eq!(give_back(&bench, again.of).unwrap().paid, Piastres(5_000));
            if whole {
                break;
            }
        }
    }
}

#[test]
fn a_terminated_contract_is_closed_by_a_technicians_card() {
    let mut bench = Bench::new();
    let card = bench.issue(METER, 7, CHOICE).unwrap().account.card.id;
    let mut meter = bench.meter(METER);
    bench.sell(card, 5_000).unwrap();
    bench.tap(&mut meter);
    let Development { office, who, .. } = &bench.company;
    let id = bench.company.id();
    let ended = office.end(who, &id, MeterId::from(METER), EndReason::Terminated, "house is gone").unwrap();
    assert_eq!(
        office.end(who, &id, MeterId::from(METER), EndReason::Terminated, "house is gone").unwrap(),
        ended
    );
    assert!(matches!(
        refusal(office.end(who, &id, MeterId::from(METER), EndReason::MovedOut, "")),
        Refusal::OtherRequest(_)
    ));
    let twice = office.end(who, &bench.company.id(), MeterId::from(METER), EndReason::Terminated, "");
    assert!(matches!(refusal(twice), Refusal::UnknownMeter(_)));
    bench.new_card();
    bench.issue_engineering(METER).unwrap();
    bench.tap(&mut meter);
    assert_eq!(meter.state().unwrap().binding, 2);
    collect(&mut bench);
    // The customer's card, found again, changes nothing.
    bench.stage.insert(0).unwrap();
    bench.tap(&mut meter);
    assert_eq!((meter.state().unwrap().binding, meter.state().unwrap().balance.0), (2, 0));
    assert_eq!(give_back(&bench, ended.of).unwrap().paid, Piastres(5_000));
    let choice = CardChoice { closes_former: true, ..CHOICE };
    assert_eq!(bench.issue(METER, 9, choice).unwrap().account.binding.number, 3);
}
