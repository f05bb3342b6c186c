//! The table of office commands. A new one is a line here, with what must be there before.

use super::scene::{Desk, Need};
use super::told;
use card_host::card_core::id::{Binding, CardRef, Channel};
use card_host::card_core::message::Slot;
use card_host::card_core::units::Piastres;
use card_ledger::{
    Certified, DebitOrder, DebitTo, LedgerError, OpenOrder, Party, Payee, PointLimits, Policy, Power, Sale,
    SaleOrder,
};
use system_tests::world::who;

/// One office command. Each of a pair asks for something of its own: see [`Desk::turn`].
pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) about: &'static [Thing],
    pub(crate) needs: &'static [Need],
    pub(crate) run: fn(&Desk<'_>) -> Result<String, LedgerError>,
}

/// What a command is about. Two that share nothing are not expected to meet: they are played in the long tests only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thing {
    Account,
    Shop,
    Party,
    Rules,
    Contract,
    Card,
    Meter,
    Message,
    Announced,
    Ended,
    Mail,
    Report,
}

const fn command(
    name: &'static str,
    about: &'static [Thing],
    needs: &'static [Need],
    run: fn(&Desk<'_>) -> Result<String, LedgerError>,
) -> Command {
    Command { name, about, needs, run }
}

pub(crate) const COMMANDS: [Command; 33] = [
    command("debt", &[Thing::Account], &[Need::Customer], debt),
    command("debt of one who has one", &[Thing::Account], &[Need::Customer, Need::Debt], debt),
    command("phone", &[Thing::Account], &[Need::Customer], phone),
    command("new point", &[Thing::Shop], &[], new_point),
    command("change point", &[Thing::Shop], &[Need::Shop], change_point),
    command("deposit", &[Thing::Shop], &[Need::Shop], deposit),
    command("close", &[Thing::Shop], &[Need::Shop], close),
    command("party", &[Thing::Party], &[], party),
    command("token", &[Thing::Party], &[Need::Party], token),
    command("revoke", &[Thing::Party], &[Need::Party, Need::Tokens], revoke),
    command("rules", &[Thing::Rules], &[], rules),
    command("open a meter", &[Thing::Meter], &[], open_meter),
    command("open with a card", &[Thing::Meter, Thing::Card], &[], open_with_card),
    command("replace", &[Thing::Contract, Thing::Card], &[Need::Customer], replace),
    command("block", &[Thing::Contract], &[Need::Customer], block),
    command("refresh", &[Thing::Contract], &[Need::Customer], refresh),
    command("debit", &[Thing::Contract], &[Need::Customer], debit),
    command("approve", &[Thing::Contract], &[Need::Customer, Need::Proposal], approve),
    command("withdraw", &[Thing::Contract], &[Need::Customer, Need::Proposal], withdraw),
    command("link", &[Thing::Contract], &[Need::Customer], link),
    command("unlink", &[Thing::Contract], &[Need::Customer, Need::Link], unlink),
    command("taken", &[Thing::Message], &[Need::Message], taken),
    command("sell", &[Thing::Contract, Thing::Account], &[Need::Customer], sell),
    command("announce", &[Thing::Account, Thing::Announced], &[Need::Customer], announce),
    command("confirm", &[Thing::Contract, Thing::Announced], &[Need::Customer, Need::Announced], confirm),
    command("cancel", &[Thing::Announced], &[Need::Customer, Need::Announced], cancel),
    command("propose", &[Thing::Report], &[Need::Customer], propose),
    command("mail", &[Thing::Mail, Thing::Card], &[Need::Customer], mail),
    command("hand in", &[Thing::Contract, Thing::Report], &[Need::Customer], hand_in),
    command("move", &[Thing::Contract, Thing::Ended], &[Need::Customer, Need::Ended], move_credit),
    command("approve a move", &[Thing::Ended], &[Need::Customer, Need::Ended, Need::Estimate], approve_move),
    command("adopt", &[Thing::Meter, Thing::Card], &[Need::Customer, Need::Adoption], adopt),
    command(
        "withdraw a move",
        &[Thing::Ended],
        &[Need::Customer, Need::Ended, Need::Estimate],
        withdraw_move,
    ),
];

/// What changes what holds for everybody: played in books of its own.
pub(crate) const RESTORES: [Command; 1] = [command("restored", &[Thing::Rules], &[Need::Agreed], restored)];

fn done((): ()) -> String {
    "done".to_owned()
}

fn certified(certified: Certified) -> String {
    let Certified { sequence, total_credit, total_debited, .. } = certified;
    format!("certified {sequence} {total_credit} {total_debited}")
}

/// 100 EGP and 30 EGP.
fn amount(desk: &Desk<'_>) -> Piastres {
    Piastres([100, 30][desk.turn])
}

fn debt(desk: &Desk<'_>) -> Result<String, LedgerError> {
    desk.office.debt(&desk.who, &desk.id, desk.scene.account(), amount(desk), "old bill").map(done)
}

fn phone(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let phone = ["+201", "+202"][desk.turn];
    desk.office.set_customer(&desk.who, &desk.id, desk.scene.account(), phone, desk.turn == 0).map(done)
}

fn new_point(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let party = ["fawry", "vodafone"][desk.turn].parse().unwrap();
    let (code, limits) = (desk.scene.shop(), PointLimits::default());
    desk.office.add_point(&desk.who, &desk.id, &code, &party, limits).map(done)
}

fn change_point(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let limits = PointLimits { most_cash: Some(amount(desk)), most_daily: None };
    desk.office.change_point(&desk.who, &desk.id, &desk.scene.shop(), desk.turn == 0, limits).map(done)
}

fn deposit(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let amount = Piastres([700, 600][desk.turn]);
    let entry = desk.office.deposit(&desk.who, &desk.id, &desk.scene.shop(), amount, "to the bank")?;
    Ok(format!("entry {}", entry.number))
}

fn close(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let counted = Piastres([900, 800][desk.turn]);
    let day =
        desk.office.close_day(&desk.who, &desk.id, &desk.scene.shop(), counted, "counted twice", None)?;
    Ok(format!(
        "entries {} to {}, {} EGP, difference {}",
        day.first, day.last, day.booked_cash, day.difference
    ))
}

fn party(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let channel = [Channel::Bank, Channel::Wallet][desk.turn];
    let party = Party { code: desk.scene.party(), channel, open: desk.turn == 0 };
    let held = desk.office.set_party(&desk.who, &desk.id, &party)?;
    Ok(format!("{}, open {}", held.channel, held.open))
}

fn token(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let secret = desk.office.add_token(&desk.who, &desk.id, &desk.scene.party(), "anna", Power::Approve)?;
    Ok(format!("a secret of {}", secret.len()))
}

fn revoke(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let revoked = desk.office.revoke_tokens(&desk.who, &desk.id, &desk.scene.party(), "anna")?;
    Ok(format!("{revoked} revoked"))
}

fn rules(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let mut rules = Policy::for_development();
    rules.correction_approval_above = [100_000, 10_000][desk.turn];
    let version = desk.office.set_policy(&desk.who, &desk.id, None, &rules)?;
    Ok(format!("version {}", desk.scene.version(version)))
}

fn opened(desk: &Desk<'_>, meter: u64, card: u64) -> Result<String, LedgerError> {
    let order = OpenOrder {
        who: desk.who.clone(),
        id: desk.id.clone(),
        meter: desk.scene.meter(meter),
        account: desk.scene.account(),
        card: CardRef { id: desk.scene.card(card), generation: 1 },
        closes_former: false,
    };
    Ok(format!("contract {}", desk.office.open(&order)?.binding().number))
}

fn open_meter(desk: &Desk<'_>) -> Result<String, LedgerError> {
    opened(desk, 2, 2 + desk.turn as u64)
}

fn open_with_card(desk: &Desk<'_>) -> Result<String, LedgerError> {
    opened(desk, 3 + desk.turn as u64, 5)
}

fn payee(desk: &Desk<'_>) -> Payee {
    Payee::Binding(Binding { meter: desk.scene.meter(1), number: 1 })
}

fn replace(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let card = desk.scene.card(5);
    let record = desk.office.replace_card(&desk.who, &desk.id, payee(desk), card, "lost")?;
    Ok(format!("generation {}", record.held.card.generation))
}

fn block(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let record = desk.office.block(&desk.who, &desk.id, payee(desk), desk.turn == 0, "lost")?;
    Ok(format!("blocked {}", record.blocked))
}

fn refresh(desk: &Desk<'_>) -> Result<String, LedgerError> {
    desk.office.refresh(&desk.who, &desk.id, payee(desk)).map(certified)
}

fn debit(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let (who, id, reason) = (desk.who.clone(), desk.id.clone(), "mistake".to_owned());
    let (payee, to, amount) = (payee(desk), DebitTo::Correction, amount(desk));
    desk.office.debit(&DebitOrder { who, id, payee, amount, to, reason }).map(certified)
}

fn approve(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let approved = desk.office.approve(&desk.who, &desk.scene.proposal())?;
    Ok(match approved {
        card_ledger::Approved::Sale => "a sale".to_owned(),
        card_ledger::Approved::Asked => "to be done".to_owned(),
        card_ledger::Approved::Certified(done) => certified(done),
        card_ledger::Approved::GivenBack(given) => format!("given back: {}", given.paid),
        card_ledger::Approved::Time(point) => format!("the time of {point}"),
    })
}

fn approve_move(desk: &Desk<'_>) -> Result<String, LedgerError> {
    desk.office.approve(&desk.who, &desk.scene.estimate()).map(|approved| match approved {
        card_ledger::Approved::Certified(done) => certified(done),
        other => format!("{other:?}"),
    })
}

fn withdraw_move(desk: &Desk<'_>) -> Result<String, LedgerError> {
    desk.office.withdraw(&desk.who, &desk.scene.estimate().id).map(done)
}

fn move_credit(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let report = desk.scene.final_report();
    desk.office.move_credit(&desk.who, &desk.id, desk.scene.served(), &report).map(certified)
}

fn adopt(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let record = desk.adopt()?;
    Ok(format!("contract {}", record.binding().number))
}

fn sale(sale: &Sale) -> String {
    let totals = sale.certified.as_ref().map(|done| (done.sequence, done.total_credit, done.total_debited));
    format!("{:?}: {:?} {totals:?}", sale.state, sale.division)
}

fn order(desk: &Desk<'_>) -> SaleOrder {
    let amount = Piastres([5_000, 3_000][desk.turn]);
    SaleOrder { who: desk.who.clone(), id: desk.id.clone(), payee: payee(desk), amount }
}

fn sell(desk: &Desk<'_>) -> Result<String, LedgerError> {
    desk.office.sell(&order(desk)).map(|sold| sale(&sold))
}

fn announce(desk: &Desk<'_>) -> Result<String, LedgerError> {
    desk.office.reserve(&order(desk)).map(|sold| sale(&sold))
}

/// At the vending point where it was announced.
fn where_announced(desk: &Desk<'_>) -> card_ledger::Who {
    who("company", "branch-1", &desk.who.actor)
}

fn confirm(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let (sold, why) = desk.office.confirm(&where_announced(desk), &desk.scene.announced().id, None)?;
    Ok(format!("{} {:?}", sale(&sold), why.map(|why| told(Err(why)))))
}

fn cancel(desk: &Desk<'_>) -> Result<String, LedgerError> {
    desk.office.cancel(&where_announced(desk), &desk.scene.announced().id).map(|sold| sale(&sold))
}

fn propose(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let (who, id, reason) = (desk.who.clone(), desk.id.clone(), "mistake".to_owned());
    let (payee, to, amount) = (payee(desk), DebitTo::Cash, amount(desk));
    desk.office.propose(&DebitOrder { who, id, payee, amount, to, reason }).map(done)
}

fn mail(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let content = [desk.turn as u8];
    let mail = desk.office.mail(&desk.who, &desk.id, desk.scene.card(1), Slot::LIMITS, &content)?;
    Ok(format!("version {}", mail.envelope.version))
}

fn hand_in(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let handed = desk.office.hand_in(&desk.who, &desk.scene.report(desk.turn as u32 + 1))?;
    Ok(format!("{:?}, known {}, began anew {:?}", handed.finding, handed.known, handed.anew))
}

fn withdraw(desk: &Desk<'_>) -> Result<String, LedgerError> {
    desk.office.withdraw(&desk.who, &desk.scene.proposal().id).map(done)
}

fn bank(desk: &Desk<'_>) -> card_ledger::Who {
    who("cib", ["cib-1", "cib-2"][desk.turn], "application")
}

fn link(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let customer = ["customer 0", "customer 1"][desk.turn];
    desk.office.link(&bank(desk), &desk.id, desk.scene.card(1), customer, "consent").map(done)
}

fn unlink(desk: &Desk<'_>) -> Result<String, LedgerError> {
    desk.office.unlink(&bank(desk), &desk.id, desk.scene.card(1), "customer 0").map(done)
}

fn restored(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let restored = desk.restore()?;
    Ok(format!("restore {}", desk.scene.restore(restored.epoch)))
}

fn taken(desk: &Desk<'_>) -> Result<String, LedgerError> {
    let count = desk.office.taken(&desk.who, &[desk.scene.message()])?;
    Ok(format!("{count} taken"))
}
