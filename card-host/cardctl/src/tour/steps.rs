//! The steps of the tour, in their order.

use card_core::id::{CardRef, Channel, MeterId, State};
use card_core::message::Voucher;
use card_core::meter::{Reason, Verdict};
use card_core::role::Role;
use card_core::scp03::Mode;
use card_core::terminal::load::LoadOutcome;
use card_core::units::{Balance, Energy, Piastres};

use super::{Meter, Money, Tour, TourCause, TourError, must};
use card_host::card_work::{CardChoice, Issued, in_words, load};
use card_host::operate;
use card_host::random::OsRandom;
use card_host::simulated_meter::from_the_maker;
use card_host::stage::Stage;
use card_host::transport::Transport;
use card_ledger::{DebitOrder, DebitTo, Development, Payee, ReplaceReason};

const CUSTOMER: u64 = 1001;
const WORKSHOP: u64 = 9000;
const CHOICE: CardChoice = CardChoice { mode: Mode::S8, private_balance: false, closes_former: false };
const SALES: [(Channel, u64); 4] =
    [(Channel::Branch, 10_000), (Channel::Kiosk, 5_000), (Channel::Bank, 7_550), (Channel::Wallet, 2_025)];

/// Everything that the steps share.
struct World {
    company: Development,
    meter: Meter,
    card: usize,
    issued: Issued,
}

pub(super) fn all(tour: &mut Tour<'_>, company: Development) -> Result<(), TourError> {
    let (card, meter) = tour.step("a blank card and a meter", |stage, _| {
        let card = stage.new_card()?;
        stage.insert(card)?;
        let public = operate::read_public(&mut stage.card()?)?;
        must("the card's state", public.status.state, Some(State::Blank))?;
        let meter = new_meter(&company, MeterId::from(0xA001))?;
        Ok((
            (card, meter),
            format!("card {} comes from its maker with nothing but its number", public.summary.card.id),
        ))
    })?;
    let issued = tour.step("issue", |stage, _| {
        let meter = MeterId::from(0xA001);
        let issued = issue(&company, stage, meter, CUSTOMER, CHOICE)?;
        let said = "keys, binding and certificate are on it; it waits for its first charge at a branch";
        Ok((issued, said.to_owned()))
    })?;
    let mut world = World { company, meter, card, issued };
    charge(tour, &mut world)?;
    read(tour, &mut world)?;
    vouchers(tour, &mut world)?;
    tears(tour, &mut world)?;
    replace_card(tour, &mut world)?;
    replace_meter(tour, &mut world)
}

fn charge(tour: &mut Tour<'_>, world: &mut World) -> Result<(), TourError> {
    for (channel, amount) in SALES {
        let title = match channel {
            Channel::Branch => "first charge, at the branch",
            Channel::Kiosk => "charge at a kiosk",
            Channel::Bank => "charge by bank application",
            _ => "charge by mobile wallet",
        };
        tour.step(title, |stage, money| {
            let amount = Piastres(amount);
            let voucher = sell(world, money, amount, channel)?;
            must("the outcome", loaded(stage, &voucher)?, LoadOutcome::Loaded)?;
            let public = operate::read_public(&mut stage.card()?)?;
            must("the card's state", public.status.state, Some(State::Active))?;
            let pending = public.status.balances.map(|balances| balances.pending_credit);
            must("what waits on the card", pending, Some(money.paid))?;
            Ok(((), format!("{amount} EGP loaded; {} EGP wait on the card", money.paid)))
        })?;
    }
    tour.step("tap on the meter", |stage, money| {
        let verdict = tap(world, stage)?;
        must("the credit that the meter applied", applied(verdict), Some((money.paid, Piastres::ZERO)))?;
        Ok(((), format!("the meter applied {} EGP; the card knows it", money.paid)))
    })
}

fn read(tour: &mut Tour<'_>, world: &mut World) -> Result<(), TourError> {
    tour.step("tap without news", |stage, money| {
        consume(world, money, Energy(4427))?;
        must("the meter's verdict", tap(world, stage)?, Some(Verdict::Nothing))?;
        Ok(((), "nothing to apply; the card takes the meter's balance home".to_owned()))
    })?;
    tour.step("what everybody sees", |stage, money| {
        let public = operate::read_public(&mut stage.card()?)?;
        let balances = public.status.balances.ok_or(TourCause::Unexpected("no balances".to_owned()))?;
        let at_meter = balances.at_meter.map(|at_meter| at_meter.balance);
        must("the balance at the meter", at_meter, Some(left(money)))?;
        must("what waits on the card", balances.pending_credit, Piastres::ZERO)?;
        Ok((
            (),
            format!("state active, {} EGP in the meter, nothing waiting; no name, no history", left(money)),
        ))
    })?;
    tour.step("what the desk reads, and the holder", |stage, money| {
        let mut card = stage.card()?;
        let mut session =
            operate::session(&mut card, world.company.office.keys(), Role::Vending, &mut OsRandom)?;
        let reading = operate::read_private(&mut session)?;
        must("loads in the log", reading.loads.len(), SALES.len())?;
        must("settled credit", reading.purse.settled_credit, money.paid)?;
        drop(card);
        let mut card = stage.card()?;
        let access = world.issued.access.as_ref();
        let access = access.ok_or_else(|| TourCause::Unexpected("there is no access number".to_owned()))?;
        let mut session = operate::holder_session(&mut card, access, &mut OsRandom)?;
        let own = operate::read_private(&mut session)?;
        must("what the holder reads", own.loads, reading.loads)?;
        Ok(((), format!("{} loads, each with channel and reference, in an encrypted session", SALES.len())))
    })
}

fn vouchers(tour: &mut Tour<'_>, world: &mut World) -> Result<(), TourError> {
    tour.step("a voucher twice", |stage, money| {
        let voucher = sell(world, money, Piastres(1_000), Channel::Kiosk)?;
        must("the outcome", loaded(stage, &voucher)?, LoadOutcome::Loaded)?;
        let again = loaded(stage, &voucher)?;
        must("the outcome of the second time", again, LoadOutcome::AlreadyLoaded)?;
        Ok(((), in_words(again).to_owned()))
    })?;
    tour.step("a voucher that never arrives", |stage, money| {
        let lost = sell(world, money, Piastres(1_200), Channel::Wallet)?;
        let next = sell(world, money, Piastres(1_500), Channel::Wallet)?;
        must("the outcome", loaded(stage, &next)?, LoadOutcome::Loaded)?;
        let late = loaded(stage, &lost)?;
        must("the outcome of the late one", late, LoadOutcome::Older)?;
        Ok(((), format!("the next one brought both, 27.00 EGP; the lost one, found: {}", in_words(late))))
    })?;
    tour.step("a sale is reversed", |stage, money| {
        let amount = Piastres(1_500);
        let card = present(stage)?;
        let company = &world.company;
        let order = DebitOrder {
            who: company.who.clone(),
            id: company.id(),
            payee: Payee::Card(card.id),
            amount,
            to: DebitTo::Cash,
            reason: "reversed".to_owned(),
        };
        let voucher = company.office.debit(&order)?.parsed()?;
        money.reversed = amount;
        must("the outcome", loaded(stage, &voucher)?, LoadOutcome::Loaded)?;
        let verdict = tap(world, stage)?;
        must("what the meter applied", applied(verdict), Some((Piastres(3_700), amount)))?;
        Ok(((), format!("a debit of {amount} EGP; the meter applied it with the credit of 37.00 EGP")))
    })
}

fn tears(tour: &mut Tour<'_>, world: &mut World) -> Result<(), TourError> {
    tour.step("power fails while loading", |stage, money| {
        let voucher = sell(world, money, Piastres(4_000), Channel::Branch)?;
        stage.tear(2)?;
        if let Ok(outcome) = loaded(stage, &voucher) {
            return Err(TourCause::Unexpected(format!("the load was not torn: {outcome:?}")));
        }
        stage.insert(world.card)?;
        let again = loaded(stage, &voucher)?;
        must("the outcome", again, LoadOutcome::Loaded)?;
        Ok(((), "the card was torn out in the middle of a write; loaded again, credited once".to_owned()))
    })?;
    tour.step("power fails in the meter exchange", |stage, money| {
        stage.tear(1)?;
        if tap(world, stage).is_ok() {
            return Err(TourCause::Unexpected("the exchange was not torn".to_owned()));
        }
        must("the meter's balance", world.meter.state()?.balance, left(money))?;
        stage.insert(world.card)?;
        must("the verdict of the second tap", tap(world, stage)?, Some(Verdict::Nothing))?;
        must("the meter's balance", world.meter.state()?.balance, left(money))?;
        Ok((
            (),
            "the meter had the credit, the card did not know; tapped again, both know, credited once"
                .to_owned(),
        ))
    })?;
    tour.step("power fails in the meter", |stage, money| {
        let voucher = sell(world, money, Piastres(500), Channel::Kiosk)?;
        must("the outcome", loaded(stage, &voucher)?, LoadOutcome::Loaded)?;
        world.meter.cut_power_after(0, applet_sim::chip::Cut::Partly { seed: 1 });
        if tap(world, stage).is_ok() {
            return Err(TourCause::Unexpected("the meter did not lose its power".to_owned()));
        }
        world.meter.power_up()?;
        let verdict = tap(world, stage)?;
        must("what the meter applied", applied(verdict), Some((Piastres(500), Piastres::ZERO)))?;
        must("the meter's balance", world.meter.state()?.balance, left(money))?;
        Ok(((), "the meter lost it, and took it at the second tap".to_owned()))
    })
}

fn replace_card(tour: &mut Tour<'_>, world: &mut World) -> Result<(), TourError> {
    let old = world.card;
    tour.step("the card is lost with credit on it", |stage, money| {
        let voucher = sell(world, money, Piastres(6_000), Channel::Bank)?;
        must("the outcome", loaded(stage, &voucher)?, LoadOutcome::Loaded)?;
        Ok(((), "60.00 EGP are on it that the meter has not seen".to_owned()))
    })?;
    tour.step("its replacement, generation 2", |stage, _| {
        let card = stage.new_card()?;
        stage.insert(card)?;
        let meter = MeterId::from(0xA001);
        let Development { office, who, .. } = &world.company;
        let (id, reason) = (world.company.id(), ReplaceReason::Lost);
        world.issued = office.replace(who, &id, &mut stage.card()?, meter, reason, CHOICE, None)?;
        world.card = card;
        must("the generation", world.issued.account.card.generation, 2)?;
        let voucher = world.company.refresh(world.issued.account.card.id)?;
        must("the outcome", loaded(stage, &voucher)?, LoadOutcome::Refreshed)?;
        let verdict = tap(world, stage)?;
        must("what the meter applied", applied(verdict), Some((Piastres(6_000), Piastres::ZERO)))?;
        Ok(((), "issued with the totals of the ledger: the 60.00 EGP are in the meter".to_owned()))
    })?;
    tour.step("the lost card is found", |stage, money| {
        stage.insert(old)?;
        let refused = Some(Verdict::Refuse(Reason::ReplacedCard));
        must("the meter's verdict", tap(world, stage)?, refused)?;
        must("the meter's balance", world.meter.state()?.balance, left(money))?;
        stage.insert(world.card)?;
        Ok(((), format!("the meter refuses it: {}", Reason::ReplacedCard)))
    })
}

fn replace_meter(tour: &mut Tour<'_>, world: &mut World) -> Result<(), TourError> {
    let report = tour.step("the meter goes to the workshop", |stage, money| {
        consume(world, money, Energy(4901))?;
        let state = world.meter.state()?;
        let fees = state.running.close(state.month_index, true).fees();
        let closing = CardChoice { closes_former: true, ..CHOICE };
        let workshop = stage.new_card()?;
        stage.insert(workshop)?;
        let meter = MeterId::from(0xA001);
        let issued = issue(&world.company, stage, meter, WORKSHOP, closing)?;
        must("the number of the binding", issued.account.binding.number, 2)?;
        let voucher = world.company.refresh(issued.account.card.id)?;
        must("the outcome", loaded(stage, &voucher)?, LoadOutcome::Refreshed)?;
        tap(world, stage)?;
        money.fees = Balance(money.fees.0.saturating_add(fees.0));
        let report = operate::final_report(&mut stage.card()?, world.company.office.keys())?;
        let report = report.ok_or(TourCause::Unexpected("there is no final report".to_owned()))?;
        let left = left(money);
        must("the balance in the final report", report.balance, left)?;
        let said = format!("its next binding closes the customer's for ever: the month's fees, {fees} EGP, final report, {left} EGP left");
        Ok((report, said))
    })?;
    tour.step("a new meter, a new binding", |stage, money| {
        let id = MeterId::from(0xB002);
        world.meter = new_meter(&world.company, id)?;
        stage.insert(world.card)?;
        let Development { office, who, .. } = &world.company;
        let request = world.company.id();
        office.move_to_meter(who, &request, &mut stage.card()?, id, &report)?;
        // Asked twice, moved once.
        let moved = office.move_to_meter(who, &request, &mut stage.card()?, id, &report)?;
        must(
            "the credit of the new binding",
            Balance(0).apply(moved.total_credit, moved.total_debited),
            Some(left(money)),
        )?;
        let verdict = tap(world, stage)?;
        must("what the meter applied", applied(verdict), Some((moved.total_credit, Piastres::ZERO)))?;
        Ok(((), format!("what was left, {} EGP, was moved once; the new meter has it", moved.total_credit)))
    })?;
    tour.step("the money", |_, money| {
        let balance = world.meter.state()?.balance;
        money.in_meter = Piastres(u64::try_from(balance.0).unwrap_or(0));
        must("the difference in piastres", money.difference(), 0)?;
        let Money { paid, reversed, consumed, fees, in_meter } = *money;
        let said = format!(
            "paid {paid} = reversed {reversed} + consumed {consumed} + fees {fees} + in the meter {in_meter}"
        );
        Ok(((), said))
    })
}

fn issue(
    company: &Development,
    stage: &mut dyn Stage,
    meter: MeterId,
    account: u64,
    choice: CardChoice,
) -> Result<Issued, TourCause> {
    let Development { office, who, .. } = company;
    let mut card = stage.card()?;
    Ok(office.issue(who, &company.id(), &mut card, meter, account, choice, None)?)
}

fn new_meter(company: &Development, id: MeterId) -> Result<Meter, TourCause> {
    let scope = company.office.scope();
    let keys = company.keys.meter_keys(scope, id)?;
    Ok(Meter::in_memory(id, scope, keys, &from_the_maker())?)
}

/// Consumption, as the meter rates it.
fn consume(world: &mut World, money: &mut Money, energy: Energy) -> Result<(), TourCause> {
    let deduction = world.meter.consume(world.company.office.now()?, energy)?;
    let cost = deduction.map_or(0, |deduction| deduction.total().0);
    let consumed = money.consumed.0.checked_add_signed(cost);
    money.consumed = consumed.map_or(money.consumed, Piastres);
    Ok(())
}

fn sell(
    world: &mut World,
    money: &mut Money,
    amount: Piastres,
    channel: Channel,
) -> Result<Voucher, TourCause> {
    let voucher = world.company.sell(world.issued.account.card.id, amount, channel)?;
    money.paid = money.paid.checked_add(amount).unwrap_or(money.paid);
    Ok(voucher)
}

fn loaded(stage: &mut dyn Stage, voucher: &Voucher) -> Result<LoadOutcome, TourCause> {
    let mut card = stage.card()?;
    Ok(load(&mut card, voucher)?.outcome)
}

fn present(stage: &mut dyn Stage) -> Result<CardRef, TourCause> {
    let mut card: Box<dyn Transport + '_> = stage.card()?;
    Ok(operate::present(&mut card)?)
}

fn tap(world: &mut World, stage: &mut dyn Stage) -> Result<Option<Verdict>, TourCause> {
    let now = world.company.office.now()?;
    let tap = world.meter.tap(&mut stage.card()?, now)?;
    Ok(tap.verdict)
}

fn applied(verdict: Option<Verdict>) -> Option<(Piastres, Piastres)> {
    match verdict {
        Some(Verdict::Apply { credit, debit, .. }) => Some((credit, debit)),
        _ => None,
    }
}

/// What must be in the meter: everything that was paid and reached it, less what was reversed and consumed, and fees.
fn left(money: &Money) -> Balance {
    let spent = Piastres(money.reversed.0 + money.consumed.0);
    let left = Balance(0).apply(money.paid, spent).unwrap_or_default();
    Balance(left.0.saturating_sub(money.fees.0))
}
