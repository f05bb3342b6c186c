//! Rows that wait for cards, and what is done when one comes.

use card_core::access_number::AccessNumber;
use card_core::id::CardId;
use card_host::card_work::{CardChoice, CardWorkError};
use card_host::personalise;
use card_host::transport::{Card, Link, Observed};
use card_ledger::{BranchError, LedgerError, Payee, Status, read};
use indicatif::ProgressBar;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::results::Results;
use super::rows::Row;
use crate::commands::Error;
use crate::context::books::Books;
use crate::context::custody;
use crate::say;
use crate::view::batch::{Done, Spent};
use crate::words;

/// What became of a card that came.
pub(super) enum Outcome {
    /// It is issued for this row.
    Issued(Row),
    /// The row that it was for is refused.
    RowRefused(String),
    /// It is not taken: it has been issued, or is not ours.
    CardRefused(String),
    /// It could not be finished: the same card once more.
    Torn(String),
    /// No row waits for a card that is blank.
    NoRow,
}

struct State {
    /// Rows that have no card yet.
    fresh: VecDeque<Row>,
    /// Rows whose card the ledger has entered, and which are not finished.
    promised: BTreeMap<CardId, Row>,
    /// Rows that somebody works at.
    taken: usize,
    results: Results,
    spent: Spent,
    done: Done,
    /// Why nothing more can be done.
    broken: Option<Error>,
}

/// Rows that wait for cards. Several readers bring these at once.
pub(super) struct Batch<'b> {
    books: &'b Books,
    state: Mutex<State>,
    bar: ProgressBar,
}

impl<'b> Batch<'b> {
    pub(super) fn new(books: &'b Books, rows: Vec<Row>, results: Results) -> Result<Self, Error> {
        let mut done = Done { rows: rows.len(), ..Done::default() };
        let (mut fresh, mut promised) = (VecDeque::new(), BTreeMap::new());
        for row in rows {
            if results.card_of(row.number).is_some() {
                done.before += 1;
                continue;
            }
            match books.office.card_of(&books.who, &row.id)? {
                Some(card) => {
                    promised.insert(card, row);
                }
                None => fresh.push_back(row),
            }
        }
        done.issued = done.before;
        let bar = say::progress(u64::try_from(done.rows).unwrap_or(u64::MAX)).with_message(words::say(
            say::language(),
            "cards",
            "كارت",
        ));
        bar.set_position(u64::try_from(done.before).unwrap_or_default());
        bar.reset_eta();
        let (spent, broken) = (Spent::default(), None);
        let state = State { fresh, promised, taken: 0, results, spent, done, broken };
        Ok(Self { books, state: Mutex::new(state), bar })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing is left to do, or nothing can be done.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state();
        state.broken.is_some() || (state.fresh.is_empty() && state.promised.is_empty() && state.taken == 0)
    }

    /// Cards that the ledger has entered for a row, and that are to be put in again.
    pub(super) fn promised(&self) -> Vec<CardId> {
        self.state().promised.keys().copied().collect()
    }

    /// Whether a row waits that has no card.
    pub(super) fn wants_blank(&self) -> bool {
        let state = self.state();
        state.broken.is_none() && !state.fresh.is_empty()
    }

    /// Nothing more can be done.
    pub(super) fn give_up(&self, error: Error) {
        self.state().broken.get_or_insert(error);
    }

    /// A row that cannot be finished, since its card is not there.
    pub(super) fn refuse(&self, card: CardId, why: &str) {
        let row = self.state().promised.remove(&card);
        if let Some(row) = row {
            self.note(&row, Err(why.to_owned()));
        }
    }

    /// Takes the card behind `link`. `was_there` is whether it lay in the reader before anybody was asked for one.
    pub(super) fn take(&self, link: impl Link, was_there: bool) -> Outcome {
        let mut on_card = Duration::ZERO;
        let mut card = Card::open(Observed::new(link, |exchange: card_host::transport::Exchange| {
            on_card = on_card.saturating_add(exchange.elapsed);
        }));
        let begun = Instant::now();
        let keys = custody::time_spent();
        let id = match personalise::select(&mut card) {
            Ok(summary) => summary.card.id,
            Err(error) => return Outcome::CardRefused(error.to_string()),
        };
        let Some(row) = self.row_for(id, was_there) else {
            let why = match read(self.books.office.ledger(), |t| t.card(id)) {
                Ok(Some(_)) => "it is issued already: take another one",
                _ if was_there => "it was in the reader before: take it out and insert it again",
                _ => return Outcome::NoRow,
            };
            return Outcome::CardRefused(why.to_owned());
        };
        let issued = self.issue(&row, &mut card, id);
        drop(card);
        match issued {
            Ok(access) => {
                let (all, keys) = (begun.elapsed(), custody::time_spent().saturating_sub(keys));
                self.add(all, on_card, keys);
                self.note(&row, Ok((id, access)));
                Outcome::Issued(row)
            }
            Err(error) => self.failed(row, id, error),
        }
    }

    /// The row of a card: the one that the ledger has entered it for, or the next one.
    fn row_for(&self, card: CardId, was_there: bool) -> Option<Row> {
        let mut state = self.state();
        let mut row = state.promised.remove(&card);
        if row.is_none() && !was_there {
            // One that the ledger knows is somebody else's; the office would refuse it, and the row would wait for nothing.
            let known = read(self.books.office.ledger(), |t| t.card(card));
            if matches!(known, Ok(None)) {
                row = state.fresh.pop_front();
            }
        }
        state.taken += usize::from(row.is_some());
        row
    }

    /// Issues it, and gives the access number to print.
    fn issue(&self, row: &Row, card: &mut Card<impl Link>, id: CardId) -> Result<String, BranchError> {
        let Books { office, who, .. } = self.books;
        let serving = read(office.ledger(), |t| t.binding(Payee::Meter(row.meter)))?;
        if let Some(serving) = serving.filter(|serving| serving.status == Status::Open)
            && serving.held.account == row.account
            && serving.held.card.id != id
        {
            let card = serving.held.card.id;
            return Err(CardWorkError::AlreadyIssued { card, meter: row.meter }.into());
        }
        // Repeated after a kill, it has the same number again; none where the card is in use by now.
        let issued = office.issue(who, &row.id, card, row.meter, row.account, CardChoice::default(), None)?;
        let digits = |access: AccessNumber| String::from_utf8_lossy(&*access.digits()).into_owned();
        Ok(issued.access.map(digits).unwrap_or_default())
    }

    /// Puts the row back, or refuses it.
    fn failed(&self, row: Row, card: CardId, error: BranchError) -> Outcome {
        let text = error.to_string();
        if let BranchError::Ledger(LedgerError::Refused(_))
        | BranchError::Card(CardWorkError::AlreadyIssued { .. }) = error
        {
            self.note(&row, Err(text.clone()));
            return Outcome::RowRefused(text);
        }
        let entered = self.books.office.card_of(&self.books.who, &row.id);
        let mut state = self.state();
        state.taken = state.taken.saturating_sub(1);
        match entered {
            Ok(None) => state.fresh.push_front(row),
            Ok(Some(card)) => {
                state.promised.insert(card, row);
            }
            // Where the ledger cannot be asked, it may have been entered for this card.
            Err(error) => {
                state.promised.insert(card, row);
                state.broken.get_or_insert(error.into());
            }
        }
        if matches!(error, BranchError::Ledger(_)) {
            state.broken.get_or_insert(error.into());
        }
        Outcome::Torn(text)
    }

    fn note(&self, row: &Row, outcome: Result<(CardId, String), String>) {
        let mut state = self.state();
        match &outcome {
            Ok(_) => state.done.issued += 1,
            Err(_) => state.done.refused += 1,
        }
        let written = state.results.write(row, outcome);
        state.taken = state.taken.saturating_sub(1);
        if let Err(error) = written {
            state.broken.get_or_insert(error.into());
        }
        drop(state);
        self.bar.inc(1);
    }

    fn add(&self, all: Duration, card: Duration, keys: Duration) {
        let mut state = self.state();
        let spent = &mut state.spent;
        spent.cards = spent.cards.saturating_add(1);
        spent.card = spent.card.saturating_add(card);
        spent.keys = spent.keys.saturating_add(keys);
        spent.ledger = spent.ledger.saturating_add(all.saturating_sub(card).saturating_sub(keys));
    }

    /// Says something to whoever feeds the readers.
    pub(super) fn say(&self, text: &str) {
        self.bar.suspend(|| say::remark(text));
    }

    /// Writes the results in the order of the list.
    pub(super) fn finish(self) -> Result<(Done, Spent), Error> {
        self.bar.finish_and_clear();
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.broken {
            return Err(error);
        }
        state.results.finish()?;
        Ok((state.done, state.spent))
    }
}
