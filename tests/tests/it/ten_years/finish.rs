//! The end of a household's ten years: faults stop, one undisturbed pass over each link, and everything must agree.

use card_core::role::Role;
use card_host::operate;

use super::cards::Outcome;
use super::compare;
use super::price;
use super::world::World;

impl World {
    pub fn finish(&mut self) {
        self.note("the end");
        self.faults = false;
        (self.clock_error, self.clock_gains) = (Some(0), 0);
        self.board.no_cut();
        self.tick();
        self.network_audit();
        self.engineer();
        assert!(!self.model.clock.is_doubtful(), "the clock is right");
        let voucher = self.books.refresh();
        self.load(voucher);
        self.post_all();
        self.tap_present();
        assert!(matches!(self.tap_present(), Some(Outcome::Nothing { .. })));
        let mut held = self.cards.pop().expect("a card");
        self.look(&mut held);
        self.collect(&mut held.card);
        self.check_months();
        self.books_agree();
        self.all_audits_seen();

        let balance = self.model.balance();
        let public =
            operate::read_public(&mut held.card.open()).expect("a card").status.balances.expect("public");
        assert_eq!((public.pending_credit.0, public.pending_debit.0), (0, 0), "nothing is on its way");
        let at_meter = public.at_meter.expect("a meter has settled");
        assert_eq!(i128::from(at_meter.balance.0), balance, "what the card shows");
        let keys = self.books.issuer.keys();
        let mut card = held.card.open();
        let mut session =
            operate::session(&mut card, keys, Role::Vending, &mut self.dice).expect("a session");
        let reading = operate::read_private(&mut session).expect("the card's files");
        let plain: Vec<_> = self.model.contract.months.iter().rev().take(36).map(compare::month).collect();
        // What a false time closed stays on it, and is not taken back.
        if self.model.contract.set_back == 0 {
            let months: Vec<_> = reading.months.iter().copied().map(compare::priced_afresh).collect();
            assert_eq!(months, plain, "the months on the card");
        }
        let mut events = compare::events(self.meter.as_mut().expect("power"));
        events.reverse();
        // The card keeps the last that it got, whatever their class: of those as new as its oldest one it has all that the meter keeps.
        let oldest = reading.events.last().map_or(0, |event| event.number);
        events.retain(|event| event.number >= oldest);
        let on_both: Vec<_> = reading.events.iter().filter(|event| events.contains(event)).copied().collect();
        assert!(on_both == events && reading.events.first() == events.first(), "the events on the card");
        assert_eq!(reading.purse.settled_credit.0, self.books.account.total_credit.0);
        assert_eq!(held.card.board.overwrites(), 0, "the card erases before it programs");
        assert_eq!(self.board.overwrites(), 0, "the meter erases before it programs");
        self.tally.add("operations of the last meter's memory", self.board.operations());
        self.cards.push(held);
    }

    /// Everything sold is accounted for.
    fn books_agree(&mut self) {
        let contract = &self.model.contract;
        let account = &self.books.account;
        assert_eq!(contract.credit, i128::from(account.total_credit.0), "all credit has come");
        assert_eq!(contract.debited, i128::from(account.total_debited.0), "all debits have come");
        let present = contract.taken_afresh() + price::energy_charge(&self.model.parts);
        let balance = i128::from(self.meter.as_ref().expect("power").state().balance.0);
        let taken = self.spent + self.written_off + present;
        assert_eq!(self.books.sold - self.books.reversed, taken + balance, "everything sold");
    }

    /// The issuer has an audit record of every command of the binding.
    pub fn all_audits_seen(&mut self) {
        let contract = &self.model.contract;
        let meter = self.meter.as_ref().expect("power").identity().id;
        for record in &contract.inbox.audits {
            let seen = self.books.audits.get(&(meter, contract.number, record.counter));
            assert_eq!(seen, Some(record), "the audit record of a command");
        }
        let number = contract.inbox.audits.len() as u64;
        self.tally.add("commands with their audit records", number);
    }
}
