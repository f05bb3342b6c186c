//! The table of powers in docs/ledger.md, act by act: each is refused to whoever may do nothing, and not to who has that one power.

use card_core::id::{Channel, MeterId};
use card_core::message::Slot;
use card_core::parameters::Action;
use card_core::role::{KeyVersion, Role};
use card_core::units::{CardTime, Piastres};
use card_host::card_work::Order;
use card_host::stage::Stage;
use card_ledger::{
    BranchError, CardPolicy, CardStep, DebitOrder, DebitTo, Documents, EndReason, Evidence, GiveBack, GiveTo,
    LedgerError, LimitsChange, MoveOrder, Note, OpenOrder, PapersOrder, Party, Payee, PointLimits, Policy,
    Power, Powers, Refusal, RequestId, SaleOrder, ShownCard, StaffChange, Who, read,
};
use std::collections::BTreeMap;

use crate::bench::{Bench, CHOICE, closed_contract};

/// What became of an act.
enum Done {
    Allowed,
    NotAllowed(Power),
}

impl<T, E: Into<BranchError>> From<Result<T, E>> for Done {
    fn from(result: Result<T, E>) -> Self {
        match result.map_err(Into::into) {
            Err(BranchError::Ledger(LedgerError::Refused(Refusal::NotAllowed { power, .. }))) => {
                Self::NotAllowed(power)
            }
            _ => Self::Allowed,
        }
    }
}

/// The table: each act with its power.
fn table() -> BTreeMap<String, Power> {
    let text = include_str!("../../../../docs/ledger.md");
    let rows = text.lines().skip_while(|line| !line.starts_with("| power | acts |")).skip(2);
    let mut table = BTreeMap::new();
    for row in rows.take_while(|line| line.starts_with('|')) {
        let mut columns = row.split('|').map(str::trim).skip(1);
        let power = columns.next().unwrap().trim_matches('`');
        let power = Power::from_code(power).unwrap_or_else(|| panic!("{power} is no power"));
        for act in columns.next().unwrap().split('`').skip(1).step_by(2) {
            assert!(table.insert(act.to_owned(), power).is_none(), "{act} stands there twice");
        }
    }
    table
}

#[allow(clippy::too_many_lines, reason = "one line for each act of the table")]
fn act(
    name: &str,
    bench: &mut Bench,
    who: &Who,
    report: &card_core::message::Verified<card_core::message::MeterReceipt>,
) -> Option<Done> {
    let Bench { company, stage } = bench;
    let (office, id) = (&company.office, company.id());
    let point = who.point.clone();
    let party: card_ledger::PartyCode = "fawry".parse().unwrap();
    let meter = MeterId::from(1);
    let record = office.serving(meter).unwrap();
    let (card, payee) = (record.held.card.id, Payee::Meter(meter));
    let sale = SaleOrder { who: who.clone(), id: id.clone(), payee, amount: Piastres(100) };
    let debit = DebitOrder {
        who: who.clone(),
        id: id.clone(),
        payee,
        amount: Piastres(1),
        to: DebitTo::Correction,
        reason: "wrong".to_owned(),
    };
    let order = Order { action: Action::ReadOut, expiry: CardTime::UNSET, technician: None };
    let request = who.request(&id);
    let from = report.binding;
    Some(match name {
        "sell" => office.sell(&sale).into(),
        "reserve" => office.reserve(&sale).into(),
        "confirm" => office.confirm(who, &id, None).into(),
        "cancel" => office.cancel(who, &id).into(),
        "refund" => office.refund(who, &id, "wrong").into(),
        "refresh" => office.refresh(who, &id, payee).into(),
        "link" => office.link(who, &id, card, "c", "yes").into(),
        "unlink" => office.unlink(who, &id, card, "c").into(),
        "hand_in" => office.hand_in(who, &Evidence::CardReceipt(Vec::new())).into(),
        "open" => {
            let card = card_core::id::CardRef { id: 9.into(), generation: 1 };
            let (who, meter) = (who.clone(), MeterId::from(9));
            office.open(&OpenOrder { who, id, meter, account: 9, card, closes_former: false }).into()
        }
        "replace_card" => office.replace_card(who, &id, Payee::Card(1.into()), 2.into(), "lost").into(),
        "block" => office.block(who, &id, payee, false, "found").into(),
        "end" => office.end(who, &id, MeterId::from(99), EndReason::MovedOut, "").into(),
        "terminate" => office.end(who, &id, MeterId::from(99), EndReason::Terminated, "").into(),
        "give_back" => office.give_back(who, &id, &GiveBack::new(from, GiveTo::Cash, None), "r").into(),
        "propose_give_back" => {
            let order = GiveBack::new(from, GiveTo::Cash, Some(1));
            office.propose_give_back(who, &id, &order, "r").into()
        }
        "move_credit" => office.move_credit(who, &id, record.binding(), report).into(),
        "rebind_engineering" => office.rebind_engineering(who, &id, &mut stage.card().unwrap(), meter).into(),
        "deposit" => office.deposit(who, &id, &point, Piastres(1), "").into(),
        "close_day" => office.close_day(who, &id, &point, Piastres(0), "", None).into(),
        "set_customer" => office.set_customer(who, &id, 1, "", false).into(),
        "debit" => office.debit(&debit).into(),
        "propose" => office.propose(&debit).into(),
        "withdraw" => office.withdraw(who, &id).into(),
        "settle" => office.settle(who, &id, &party, Piastres(100), Piastres::ZERO, "r").into(),
        "charge_back" => office.charge_back(who, &who.request(&id), "r").into(),
        "debt" => office.debt(who, &id, 7, Piastres(1), "meter").into(),
        "propose_move" => {
            let order = MoveOrder::estimated(from, record.binding(), 1);
            office.propose_move(who, &id, &order, "lost").into()
        }
        "adopt" => office.adopt(who, &id, &record.held, "old books").into(),
        "recover" => {
            let (binding, certificate) = office.certificates(&record).unwrap();
            let load_key = KeyVersion::new(Role::Load, 1);
            let shown = ShownCard { card: record.held.card, load_key, binding, certificate };
            office.recover(who, &id, &shown, "lost").into()
        }
        "approve" => office.approve(who, &request).into(),
        "next_master" => office.next_master(who, &id, Role::Load).into(),
        "master_drawn" => office.master_drawn(who, KeyVersion::new(Role::Load, 1)).into(),
        "set_party" => {
            office.set_party(who, &id, &Party { code: party, channel: Channel::Kiosk, open: true }).into()
        }
        "add_point" => {
            office.add_point(who, &id, &"new".parse().unwrap(), &party, PointLimits::default()).into()
        }
        "change_point" => {
            office.change_point(who, &id, &"kiosk".parse().unwrap(), true, LimitsChange::default()).into()
        }
        "add_token" => office.add_token(who, &id, &party, "till", Power::Sell).into(),
        "revoke_tokens" => office.revoke_tokens(who, &id, &party, "till").into(),
        "set_policy" => office.set_policy(who, &id, None, &Policy::for_development()).into(),
        "set_cards" => {
            let cards = CardPolicy { receipt_days: 90, steps: BTreeMap::new() };
            office.set_cards(who, &id, None, &cards).into()
        }
        "present" => {
            let (step, documents) = (CardStep::Block, &Documents::default());
            office.present(&PapersOrder { who, id: &id, step, account: 1, meter: None, documents }).into()
        }
        "give_back_fee" => office.give_back_fee(who, &id, "wrong").into(),
        "accounts_of" => office.accounts_of(who, &"29001011234567".parse().unwrap()).into(),
        "set_staff" => office.set_staff(who, &id, &"mona".parse().unwrap(), StaffChange::Stop, None).into(),
        "propose_time" => office.propose_time(who, &id, &point, "ran ahead").into(),
        "declare_restored" => {
            // It changes what all others come to.
            let may = Powers::NONE;
            office.declare_restored(&Who { may, ..who.clone() }, &id, "fire").into()
        }
        "mail" => office.mail(who, &id, card, Slot::NOTICES, &[0]).into(),
        "command" => office.command(who, &id, card, &order).into(),
        "note" => office.note(who, &id, Note::Heard, 1).into(),
        "queue_alerts" => office.queue_alerts(who, 3).into(),
        "taken" => office.taken(who, &[]).into(),
        // What leaves the ledger by functions without an office: whoever calls them asks `Who::must`.
        "sign_heads" | "export" | "backup" => who.must(Power::Audit).map_err(LedgerError::from).into(),
        _ => return None,
    })
}

#[test]
fn each_act_takes_the_power_of_the_table_and_no_other() {
    let table = table();
    assert!(table.len() > 40, "{table:?}");
    let (mut bench, report) = closed_contract();
    let before = bench.entries();
    for may in [Powers::NONE, Powers::ALL] {
        for (name, power) in &table {
            let all_others = Power::ALL.iter().filter(|other| *other != power);
            let others = all_others.fold(Powers::NONE, |powers, other| powers.with(*other));
            let may = if may == Powers::NONE { others } else { Powers::NONE.with(*power) };
            let who = Who { may, ..bench.company.who.clone() };
            let done = act(name, &mut bench, &who, &report).unwrap_or_else(|| panic!("{name}: no such act"));
            match done {
                Done::NotAllowed(asked) => {
                    assert_eq!(asked, *power, "{name}");
                    assert!(
                        !may.has(*power) || name == "declare_restored",
                        "{name} is not allowed with {may}"
                    );
                }
                Done::Allowed => assert!(may.has(*power), "{name} is allowed with {may}"),
            }
        }
        if !may.has(Power::Sell) {
            assert_eq!(bench.entries(), before, "what is refused writes nothing");
        }
    }
    let _ = bench.issue(5, 5, CHOICE);
}

/// A token of a channel has powers of the same table.
#[test]
fn a_token_sells_or_approves_as_well() {
    let bench = Bench::new();
    let (office, who) = (&bench.company.office, &bench.company.who);
    let party = "kiosk".parse().unwrap();
    let mut tokens = Vec::new();
    for power in Power::ALL {
        let secret = office.add_token(who, &bench.company.id(), &party, power.code(), *power);
        match (power, secret) {
            (Power::Sell | Power::Approve, Ok(secret)) => {
                tokens.push(office.token(&secret).unwrap().unwrap())
            }
            (Power::Sell | Power::Approve, Err(error)) => panic!("{error}"),
            (_, secret) => assert!(secret.is_err(), "{power}"),
        }
    }
    let powers: Vec<_> = tokens.iter().map(|token| Powers::of_token(token.power).to_string()).collect();
    assert_eq!(powers, ["sell", "sell,approve"]);
    let stored = read(office.ledger(), |t| t.tokens(&party)).unwrap();
    assert_eq!(stored.len(), 2);
    let _: RequestId = bench.company.id();
}
