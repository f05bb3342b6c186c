//! Selling: announced, paid, certified; or in one step (docs/ledger.md, section 5).

use card_core::id::{Channel, Reference};
use card_core::message::Voucher;
use card_core::units::{CardTime, Piastres};
use sha2::{Digest, Sha256};

use super::accounts::LedgerAccount;
use super::entry::{Entry, Kind, RequestKey, Step, Transfer};
use super::error::{LedgerError, Refusal};
use super::names::RequestId;
use super::office::{Office, Who, draft};
use super::policy::{ChannelRules, Division};
use super::powers::Power;
use super::records::{BindingRecord, CardUse, Customer, Head, Party, Point, Status};
use super::sale::{Certified, Sale, SaleState, Steps, announced, is_for};
use super::sale_limits::{approval_above, day_limit, limits};
use super::shown::Shown;
use super::signing::Signing;
use super::store::{Context, Payee, Transaction, read, transact};
use card_host::issuer::BindingAccount;

/// What a channel asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleOrder {
    /// Who sells, and where.
    pub who: Who,
    /// The channel's id of it: made and stored by the channel before it asks, and the same in every repetition.
    pub id: RequestId,
    /// To whom.
    pub payee: Payee,
    /// What the customer pays.
    pub amount: Piastres,
}

/// A sale, and whether an earlier try of the same request has made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The sale as it stands.
    pub sale: Sale,
    /// Whether it was there before.
    pub repeated: bool,
}

impl Once {
    const fn first(sale: Sale) -> Self {
        Self { sale, repeated: false }
    }

    const fn again(sale: Sale) -> Self {
        Self { sale, repeated: true }
    }
}

impl Office {
    /// Sells what the channel has the money for: announced, paid and certified in one step. Repeated, it gives what it gave
    /// the first time.
    pub fn sell(&self, order: &SaleOrder) -> Result<Sale, LedgerError> {
        self.sell_once(order).map(|once| once.sale)
    }

    /// The same, and whether an earlier try has done it.
    pub fn sell_once(&self, order: &SaleOrder) -> Result<Once, LedgerError> {
        order.who.must(Power::Sell)?;
        let request = order.who.request(&order.id);
        self.signing_step(|t, signing| {
            let (context, mut point, party) = self.context(t, &order.who, &request, Some(order.payee))?;
            if !context.steps.is_empty() {
                return repeated(t, &context, order, &request, Kind::Sale).map(Once::again);
            }
            let now = self.now()?;
            let record = sellable(t, &context, order.payee)?;
            let (version, division) = self.rules(t, now, order, &context, &record, &point, &party, true)?;
            let mut entry = draft(&order.who, &request, Step::First, Kind::Sale, now);
            entry.policy = version;
            entry.amount = order.amount;
            let taken = LedgerAccount::taken_at(&point, &party);
            entry.transfers =
                division.transfers(&taken, LedgerAccount::Credit(record.binding()), record.held.account);
            let held = record.held.credit(Piastres(division.credit))?;
            let head = Self::certify(signing, &mut entry, record, held, party.channel)?;
            named(&mut entry, order.payee);
            let heads = with_customer(head, &context, division.debt);
            let first = self.book(t, &mut point, entry, &heads)?;
            Steps { first: Some(first), ..Steps::default() }.sale(&request).map(Once::first)
        })
    }

    /// Announces a sale: all is checked and divided, and nothing is paid. [`confirm`](Self::confirm) or [`cancel`](Self::cancel) follows.
    pub fn reserve(&self, order: &SaleOrder) -> Result<Sale, LedgerError> {
        self.reserve_once(order).map(|once| once.sale)
    }

    /// The same, and whether an earlier try has done it.
    pub fn reserve_once(&self, order: &SaleOrder) -> Result<Once, LedgerError> {
        order.who.must(Power::Sell)?;
        let request = order.who.request(&order.id);
        self.step(|t| {
            let (context, mut point, party) = self.context(t, &order.who, &request, Some(order.payee))?;
            if !context.steps.is_empty() {
                return repeated(t, &context, order, &request, Kind::Reserve).map(Once::again);
            }
            let now = self.now()?;
            let record = sellable(t, &context, order.payee)?;
            let (version, division) = self.rules(t, now, order, &context, &record, &point, &party, false)?;
            let mut entry = draft(&order.who, &request, Step::First, Kind::Reserve, now);
            entry.policy = version;
            entry.amount = order.amount;
            about(&mut entry, &record.held);
            named(&mut entry, order.payee);
            entry.payload = serde_json::to_vec(&division).unwrap_or_default();
            let first = self.book(t, &mut point, entry, &[])?;
            Steps { first: Some(first), ..Steps::default() }.sale(&request).map(Once::first)
        })
    }

    /// The channel has the money. It is booked whatever comes then; where the sale can be certified, it is. Where not, the sale stays
    /// [`Paid`](super::SaleState::Paid) with the reason beside it: confirm again, or give the money back. Repeated, it gives what it gave the first time.
    ///
    /// What the card in the reader shows is looked at once more, where there is one: nothing is certified that it would be too new for.
    pub fn confirm(
        &self,
        who: &Who,
        id: &RequestId,
        shown: Option<&Shown>,
    ) -> Result<(Sale, Option<LedgerError>), LedgerError> {
        who.must(Power::Sell)?;
        let request = who.request(id);
        let looked = match shown.map_or(Ok(()), |shown| self.look_again(who, id, shown)) {
            Err(LedgerError::Store(error)) => return Err(error.into()),
            looked => looked,
        };
        let (sale, reason) = self.signing_step(|t, signing| {
            let (mut steps, mut point, first) = self.announced_sale(t, who, &request)?;
            if steps.has(Kind::Cancel) {
                return Err(Refusal::Cancelled.into());
            }
            if steps.has(Kind::Refund) {
                return Err(Refusal::Refunded.into());
            }
            if !steps.has(Kind::Confirm) {
                let now = self.now()?;
                let above = self.policy_at(now, |_, policy| approval_above(policy.rules(first.channel).ok()));
                if steps.approval.is_none() && above.is_some_and(|above| first.entry.amount > above) {
                    return Err(Refusal::ApprovalNeeded { amount: first.entry.amount }.into());
                }
                let mut entry =
                    self.next_step(who, &request, &first.entry, Step::Decision, Kind::Confirm, now);
                let (taken, paid) = (LedgerAccount::taken_at(&point, &first.party), paid_at(&point));
                entry.transfers = vec![Transfer { debit: taken, credit: paid, amount: first.entry.amount }];
                steps.decision = Some(self.book(t, &mut point, entry, &[])?);
            }
            let mut reason = None;
            if steps.settled.is_none() && looked.is_ok() {
                match self.settled(t, signing, who, &request, &point, &first) {
                    Ok((entry, heads)) => steps.settled = Some(self.book(t, &mut point, entry, &heads)?),
                    Err(LedgerError::Store(error)) => return Err(error.into()),
                    // The money is booked. That it cannot be certified is for the answer, and undoes nothing.
                    Err(error) => reason = Some(error),
                }
            }
            Ok((steps.sale(&request)?, reason))
        })?;
        let reason = reason.or(looked.err().filter(|_| sale.state == SaleState::Paid));
        Ok((sale, reason))
    }

    /// The entry that certifies what was paid, and what stands differently after it. Nothing is written here.
    fn settled(
        &self,
        t: &mut dyn Transaction,
        signing: &mut Signing<'_>,
        who: &Who,
        request: &RequestKey,
        point: &Point,
        first: &Announced,
    ) -> Result<(Entry, Vec<Head>), LedgerError> {
        let now = self.now()?;
        let payee = Payee::Binding(first.binding);
        let (context, ..) = self.context(t, who, request, Some(payee))?;
        self.within_limits(now, point, first.channel)?;
        let record = sellable(t, &context, payee)?;
        let debt = context.customer.as_ref().map_or(Piastres::ZERO, |customer| customer.debt);
        let division = announced(&first.entry)?.with_debt_of_at_most(debt);
        let mut entry = self.next_step(who, request, &first.entry, Step::Settled, Kind::Certify, now);
        let paid = paid_at(point);
        let credit = LedgerAccount::Credit(record.binding());
        entry.transfers = division.transfers(&paid, credit, record.held.account);
        let held = record.held.credit(Piastres(division.credit))?;
        let head = Self::certify(signing, &mut entry, record, held, first.channel)?;
        if first.entry.card.is_none() {
            entry.card = None;
        }
        Ok((entry, with_customer(head, &context, division.debt)))
    }

    /// Whether the vending point is within its limits with what it has taken. Announcing sees only what was booked before.
    fn within_limits(&self, now: CardTime, point: &Point, channel: Channel) -> Result<(), LedgerError> {
        let sold = self.sold_today(point, now);
        self.policy_at(now, |_, policy| {
            let rules = policy.rules(channel)?;
            day_limit(rules, point, sold, Piastres::ZERO)?;
            Self::cash_limit(rules, point, Piastres::ZERO)
        })
    }

    pub(super) fn cash_limit(
        rules: &ChannelRules,
        point: &Point,
        amount: Piastres,
    ) -> Result<(), LedgerError> {
        let most = point.most_cash.or(rules.most_cash.map(Piastres));
        match most.filter(|most| Self::cash_above(point, amount, *most)) {
            Some(most) => Err(Refusal::CashLimit { point: point.code.clone(), most }.into()),
            None => Ok(()),
        }
    }

    /// An announced sale will not be. Repeated, it changes nothing.
    pub fn cancel(&self, who: &Who, id: &RequestId) -> Result<Sale, LedgerError> {
        who.must(Power::Sell)?;
        let request = who.request(id);
        self.step(|t| {
            let (mut steps, mut point, first) = self.announced_sale(t, who, &request)?;
            if steps.has(Kind::Confirm) {
                return Err(Refusal::AlreadyConfirmed.into());
            }
            if steps.decision.is_none() {
                let now = self.now()?;
                let mut entry =
                    self.next_step(who, &request, &first.entry, Step::Decision, Kind::Cancel, now);
                entry.amount = Piastres::ZERO;
                steps.decision = Some(self.book(t, &mut point, entry, &[])?);
            }
            steps.sale(&request)
        })
    }

    /// Gives back what was paid and could not be certified.
    pub fn refund(&self, who: &Who, id: &RequestId, reason: &str) -> Result<Sale, LedgerError> {
        who.must(Power::Sell)?;
        let request = who.request(id);
        self.step(|t| {
            let (mut steps, mut point, first) = self.announced_sale(t, who, &request)?;
            if !steps.has(Kind::Confirm) {
                return Err(Refusal::WrongStep(id.clone()).into());
            }
            if steps.has(Kind::Certify) {
                return Err(Refusal::AlreadyConfirmed.into());
            }
            if steps.settled.is_none() {
                let now = self.now()?;
                let mut entry = self.next_step(who, &request, &first.entry, Step::Settled, Kind::Refund, now);
                reason.clone_into(&mut entry.reason);
                let (taken, paid) = (steps.taken(&point), paid_at(&point));
                entry.transfers = vec![Transfer { debit: paid, credit: taken, amount: first.entry.amount }];
                steps.settled = Some(self.book(t, &mut point, entry, &[])?);
            }
            steps.sale(&request)
        })
    }

    /// How a sale stands. What is not there, or not at its end, is said only where no step of it is being decided: a commit that waits
    /// can be seen by nobody. Else its outcome is unknown.
    pub fn status(&self, request: &RequestKey) -> Result<Sale, LedgerError> {
        let stands = |t: &mut dyn Transaction| {
            let done = t.steps(request)?;
            Steps::read(t, &done)?.sale(request)
        };
        match read(self.ledger(), stands) {
            Ok(sale) if !matches!(sale.state, SaleState::Reserved | SaleState::Paid) => Ok(sale),
            Ok(_) | Err(LedgerError::Refused(Refusal::NoRequest(_))) => transact(self.ledger(), stands),
            Err(error) => Err(error),
        }
    }

    /// The voucher of a sale by the number of a meter, as its seller keeps it for the day when the books are lost: the ledger alone can open it
    /// ([`find_lost`](super::find_lost)).
    pub fn kept(&self, certified: &Certified) -> Result<Vec<u8>, LedgerError> {
        self.secret().seal(&certified.voucher)
    }

    /// The steps of an announced sale, with its vending point locked, which must be the one where it was announced.
    fn announced_sale(
        &self,
        t: &mut dyn Transaction,
        who: &Who,
        request: &RequestKey,
    ) -> Result<(Steps, Point, Announced), LedgerError> {
        let (context, point, party) = self.context(t, who, request, None)?;
        let steps = Steps::read(t, &context.steps)?;
        let first = steps.first.clone().ok_or_else(|| Refusal::NoRequest(request.id.clone()))?;
        let binding = first.binding.filter(|_| first.kind == Kind::Reserve && first.id.point == point.code);
        let binding = binding.ok_or_else(|| Refusal::WrongStep(request.id.clone()))?;
        Ok((steps, point, Announced { entry: first, binding, channel: party.channel, party }))
    }

    fn next_step(
        &self,
        who: &Who,
        request: &RequestKey,
        first: &Entry,
        step: Step,
        kind: Kind,
        now: CardTime,
    ) -> Entry {
        let (binding, card, account, amount, policy) =
            (first.binding, first.card, first.account, first.amount, first.policy);
        Entry { binding, card, account, amount, policy, ..draft(who, request, step, kind, now) }
    }

    /// Puts a voucher of `held` into `entry`, and gives the binding as it stands then.
    pub(super) fn certify(
        signing: &mut Signing<'_>,
        entry: &mut Entry,
        record: BindingRecord,
        held: BindingAccount,
        channel: Channel,
    ) -> Result<BindingRecord, LedgerError> {
        about(entry, &held);
        let (held, voucher) = signing.voucher(held, channel, reference(&entry.request))?;
        entry.payload = voucher;
        (entry.sequence, entry.total_credit, entry.total_debited) =
            (held.sequence, held.total_credit, held.total_debited);
        Ok(BindingRecord { held, voucher: entry.payload.clone(), ..record })
    }

    /// Checks the rules of the channel and divides the amount by them.
    #[allow(clippy::too_many_arguments, reason = "all of it is what a rule may look at")]
    fn rules(
        &self,
        t: &mut dyn Transaction,
        now: CardTime,
        order: &SaleOrder,
        context: &Context,
        record: &BindingRecord,
        point: &Point,
        party: &Party,
        at_once: bool,
    ) -> Result<(u32, Division), LedgerError> {
        if !point.open {
            return Err(Refusal::PointClosed(point.code.clone()).into());
        }
        if !party.open {
            return Err(Refusal::UnknownParty(party.code.clone()).into());
        }
        if party.channel == Channel::Bank {
            let card = record.held.card.id;
            let linked = t.link(&party.code, card)?.is_some_and(|link| link.since != CardTime::UNSET);
            if !linked {
                return Err(Refusal::NotLinked(card).into());
            }
        }
        let sold = self.sold_today(point, now);
        let amount = order.amount;
        self.policy_at(now, |version, policy| {
            let rules = policy.rules(party.channel)?;
            limits(rules, point, sold, amount)?;
            if at_once && approval_above(Some(rules)).is_some_and(|above| amount > above) {
                return Err(Refusal::ApprovalNeeded { amount }.into());
            }
            Self::cash_limit(rules, point, amount)?;
            let debt = context.customer.as_ref().map_or(Piastres::ZERO, |customer| customer.debt);
            Ok((version, rules.divide(amount, debt)?))
        })
    }
}

/// The first entry of an announced sale.
struct Announced {
    entry: Entry,
    binding: card_core::id::Binding,
    channel: Channel,
    party: Party,
}

/// What is sold to: an open binding whose card is not blocked, that has been seen since the last restore, and of which neither card nor meter
/// has more than the ledger.
pub(super) fn sellable(
    t: &mut dyn Transaction,
    context: &Context,
    payee: Payee,
) -> Result<BindingRecord, LedgerError> {
    let Some(record) = &context.binding else { return Err(unknown(t, payee)?) };
    if record.status != Status::Open {
        return Err(Refusal::Closed(record.binding()).into());
    }
    if record.blocked {
        return Err(Refusal::Blocked(record.held.card.id).into());
    }
    if record.epoch != context.epoch {
        return Err(Refusal::EvidenceNeeded(record.binding()).into());
    }
    // What is certified now would be older than what card or meter have, and worth nothing there.
    if record.is_behind(record.card_sequence, record.held.applied_credit, record.held.applied_debited) {
        return Err(Refusal::BooksBehind(record.binding()).into());
    }
    Ok(record.clone())
}

/// Why nothing is found.
pub(super) fn unknown(t: &mut dyn Transaction, payee: Payee) -> Result<LedgerError, LedgerError> {
    let refusal = match payee {
        Payee::Meter(meter) => Refusal::UnknownMeter(meter),
        Payee::Binding(binding) => Refusal::UnknownBinding(binding),
        Payee::Card(id) => match t.card(id)? {
            None if t.epoch()? > 0 => Refusal::LostCard(id),
            None => Refusal::UnknownCard(id),
            Some(card) if card.used == CardUse::Engineering => Refusal::Engineering(id),
            Some(card) => match t.binding(Payee::Binding(card.binding))? {
                Some(record) if record.held.card.id != id => Refusal::Replaced(id, record.held.card.id),
                _ => Refusal::Closed(card.binding),
            },
        },
    };
    Ok(refusal.into())
}

/// What was asked once is asked again: the same answer, or a refusal where it is something else.
fn repeated(
    t: &mut dyn Transaction,
    context: &Context,
    order: &SaleOrder,
    request: &RequestKey,
    kind: Kind,
) -> Result<Sale, LedgerError> {
    let steps = Steps::read(t, &context.steps)?;
    let same = steps.first.as_ref().is_some_and(|first| {
        first.kind == kind
            && first.amount == order.amount
            && first.id.point == order.who.point
            && is_for(first, order.payee)
    });
    if same { steps.sale(request) } else { Err(Refusal::OtherRequest(request.id.clone()).into()) }
}

pub(super) fn about(entry: &mut Entry, held: &BindingAccount) {
    (entry.binding, entry.card, entry.account) = (Some(held.binding), Some(held.card.id), held.account);
}

pub(super) fn totals(entry: &mut Entry, held: &BindingAccount) {
    (entry.sequence, entry.total_credit, entry.total_debited) =
        (held.sequence, held.total_credit, held.total_debited);
}

/// Leaves out the card, where the sale is by the number of a meter: its seller does not learn it, now or later.
fn named(entry: &mut Entry, payee: Payee) {
    if matches!(payee, Payee::Meter(_)) {
        entry.card = None;
    }
}

fn paid_at(point: &Point) -> LedgerAccount {
    LedgerAccount::Paid(point.code.clone())
}

fn with_customer(record: BindingRecord, context: &Context, debt: u64) -> Vec<Head> {
    let mut heads = vec![Head::Binding(Box::new(record))];
    if let Some(customer) = context.customer.as_ref().filter(|_| debt > 0) {
        let left = customer.debt.saturating_sub(Piastres(debt));
        heads.push(Head::Customer(Customer { debt: left, ..customer.clone() }));
    }
    heads
}

/// The reference in a voucher: the front of SHA-256 over party, a zero, and the id of the request.
pub(super) fn reference(request: &RequestKey) -> Reference {
    let mut hash = Sha256::new();
    hash.update(request.party.as_str());
    hash.update([0]);
    hash.update(request.id.as_str());
    let hash: [u8; 32] = hash.finalize().into();
    let mut front = [0; 8];
    for (to, from) in front.iter_mut().zip(hash) {
        *to = from;
    }
    Reference(front)
}

/// A voucher's bytes have its size.
const _: () = assert!(Voucher::SIZE == 110);
