//! `cardctl issue`, `replace`, `move-in`, `adopt` and `engineering`: blank cards become cards.

use card_core::id::MeterId;
use card_core::key::KeyLength;
use card_core::scp03::Mode;
use card_core::units::Piastres;
use card_host::card_work::CardChoice;
use card_host::personalise::Step;
use card_ledger::{Adoption, CardStep, Documents, LedgerError, Refusal, ReplaceReason};

use super::{Error, given, policy};
use crate::context::Context;
use crate::context::books::{Books, Founding};
use crate::context::workplace::Workplace;
use crate::say;
use crate::view::issue::{Engineering, Issued};
use crate::words::{said, say as either};

/// For whom, and how.
pub(crate) struct Options {
    pub(crate) meter: MeterId,
    pub(crate) account: u64,
    pub(crate) choice: CardChoice,
    /// Length of all keys, where the data directory is new.
    pub(crate) keys: KeyLength,
}

/// Asked again with the same id, it is the same card, and once that is made nothing is done to it.
pub(crate) fn issue(context: &Context, options: &Options, shown: &Documents) -> Result<Issued, Error> {
    let Options { meter, account, choice, keys } = *options;
    let workplace = context.alone()?;
    let books = context.books_or(&workplace, Founding::WhereNew(keys))?;
    first(context, &workplace, &books, (CardStep::Issue, meter, account), choice, shown)
}

/// The same for the next customer of a meter, whose former contract it ends.
pub(crate) fn move_in(
    context: &Context,
    meter: MeterId,
    account: u64,
    choice: CardChoice,
    shown: &Documents,
) -> Result<Issued, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    if books.office.ended(meter)?.is_none() && books.office.serving(meter).is_err() {
        return Err(given(format!(
            "nobody has ever lived at meter {meter}: `cardctl issue --meter {meter} --account {account}`"
        )));
    }
    first(context, &workplace, &books, (CardStep::MoveIn, meter, account), choice, shown)
}

/// The first card of a contract: for which step, at which meter, of which account.
fn first(
    context: &Context,
    workplace: &Workplace,
    books: &Books,
    (step, meter, account): (CardStep, MeterId, u64),
    choice: CardChoice,
    shown: &Documents,
) -> Result<Issued, Error> {
    let (Books { office, who, .. }, id) = (books, books.id()?);
    let issued = context.with_blank_card(workplace, office.card_of(who, id)?, books.knows(), |card| {
        policy::hand_in(books, step, account, meter, shown)?;
        let issued = office.issue(who, id, card, meter, account, choice, Some(&mut progress()))?;
        Ok::<_, Error>(Issued::new(&issued, policy::fee(books)?))
    })?;
    see_to_meter(workplace, books, meter);
    Ok(issued)
}

/// The same with a contract that begins with an old balance, by two people.
pub(crate) fn adopt(
    context: &Context,
    of: (MeterId, u64),
    adoption: &Adoption,
    choice: CardChoice,
    shown: &Documents,
) -> Result<Issued, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    let (Books { office, who, .. }, id) = (&books, books.id()?);
    let issued = context.with_blank_card(&workplace, office.card_of(who, id)?, books.knows(), |card| {
        policy::hand_in(&books, CardStep::Adopt, of.1, of.0, shown)?;
        let issued = office.adopt_card(who, id, card, of, adoption, choice, Some(&mut progress()))?;
        Ok::<_, Error>(Issued::new(&issued, policy::fee(&books)?))
    })?;
    see_to_meter(&workplace, &books, of.0);
    Ok(issued)
}

/// The access number is kept nowhere: it is shown whatever becomes of the meter.
pub(super) fn see_to_meter(workplace: &Workplace, books: &Books, meter: MeterId) {
    if let Err(error) = install_meter(workplace, books, meter) {
        say::remark(said!(
            say::language(),
            "the card is issued, and its simulated meter is not there: {error}",
            "صدر الكارت، وعداد المحاكاة غير موجود ({error})",
            error,
        ));
    }
}

/// Whose card is replaced, and why.
pub(crate) struct Replacement {
    pub(crate) meter: MeterId,
    /// The customer's account, where whoever asks has named it: another one's card is not replaced.
    pub(crate) account: Option<u64>,
    pub(crate) reason: ReplaceReason,
}

/// The same with the card of a contract that is there already.
pub(crate) fn replace(
    context: &Context,
    of: &Replacement,
    choice: CardChoice,
    shown: &Documents,
) -> Result<Issued, Error> {
    let Replacement { meter, account, reason } = *of;
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    let (Books { office, who, .. }, id) = (&books, books.id()?);
    let serving = office.serving(meter)?.held;
    if account.is_some_and(|account| account != serving.account) {
        return Err(LedgerError::from(Refusal::MeterInUse { meter, card: serving.card.id }).into());
    }
    let issued = context.with_blank_card(&workplace, office.card_of(who, id)?, books.knows(), |card| {
        policy::hand_in(&books, CardStep::replace(reason.code()), serving.account, meter, shown)?;
        let issued = office.replace(who, id, card, meter, reason, choice, Some(&mut progress()))?;
        Ok::<_, Error>(Issued::new(&issued, policy::fee(&books)?))
    })?;
    see_to_meter(&workplace, &books, meter);
    Ok(issued)
}

fn install_meter(workplace: &Workplace, books: &Books, meter: MeterId) -> Result<(), Error> {
    let held = books.office.serving(meter)?.held;
    let served = held.binding.number > 1 || held.total_credit != Piastres::ZERO;
    Ok(workplace.install_meter(&books.keys, books.office.scope(), meter, served)?)
}

pub(crate) fn engineering(context: &Context, meter: MeterId, rebind: bool) -> Result<Engineering, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    let (Books { office, who, .. }, id) = (&books, books.id()?);
    if rebind {
        return context.with_card(Some(&workplace), |card| {
            Ok(Engineering::new(&office.rebind_engineering(who, id, card, meter)?, None))
        });
    }
    context.with_blank_card(&workplace, office.card_of(who, id)?, books.knows(), |card| {
        let choice = CardChoice { mode: Mode::S8, private_balance: true, closes_former: false };
        let issued = office.issue_engineering(who, id, card, meter, choice, Some(&mut progress()))?;
        Ok(Engineering::new(&issued.account, issued.access.as_ref()))
    })
}

fn progress() -> impl FnMut(Step) {
    let bar = say::progress(u64::try_from(Step::ALL.len()).unwrap_or_default());
    move |step| {
        bar.inc(1);
        let arabic = match step {
            Step::StoreData => "بيانات العميل",
            Step::PutKey(_) => "بيانات التشفير",
            Step::Bind => "ربط الكارت بالعداد",
            Step::SetStatus => "اكتمال الكارت",
        };
        bar.set_message(either(say::language(), step, arabic));
    }
}
