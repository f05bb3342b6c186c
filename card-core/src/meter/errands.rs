//! What may follow in a card's visit after SETTLE: mail and history, both ways (docs/meter.md, section 11).

use super::visit::{CardCommand, Stage, Visit, VisitError};
use super::{Hardware, Meter, MeterError};
use crate::message::{Direction, Envelope, Month, Slot};
use crate::terminal::exchange::{EVENT_BATCH, History, MONTH_BATCH, Stored, put_history, put_meter_mail};
use crate::terminal::load::get_mail;
use crate::terminal::{Request, RequestError};

/// What may follow after SETTLE, in this order; each is atomic and can be left out or repeated.
#[derive(Debug, Clone, Copy)]
pub(super) enum Todo {
    FinalReport,
    History,
    /// Position in the mail directory.
    Mail(usize),
    Readings,
    Audit,
    /// What arose meanwhile.
    LateHistory,
    End,
}

/// What is on its way, after SETTLE.
#[derive(Debug, Clone, Copy)]
pub(super) enum Errand {
    /// Mail to the issuer, and what follows it.
    Report(Todo),
    /// Months and events up to there, asked for by one of two things to do.
    History(Stored, Todo),
    /// Mail to the meter, by its position in the directory.
    Mail(Slot, usize),
}

impl Todo {
    /// What comes after it, once there is no more of it.
    const fn next(self) -> Self {
        match self {
            Self::FinalReport => Self::History,
            Self::History => Self::Mail(0),
            Self::Mail(index) if index < Slot::ALL.len() => Self::Mail(index.saturating_add(1)),
            Self::Mail(_) => Self::Readings,
            Self::Readings => Self::Audit,
            Self::Audit => Self::LateHistory,
            Self::LateHistory | Self::End => Self::End,
        }
    }
}

impl Visit {
    /// The next thing that there is to do.
    #[inline(never)]
    pub(super) fn follow<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        mut todo: Todo,
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        loop {
            let errand = match todo {
                Todo::End => return Ok(()),
                Todo::FinalReport | Todo::Readings | Todo::Audit => self.report(meter, todo, command)?,
                Todo::History | Todo::LateHistory => self.new_history(meter, todo, command)?,
                Todo::Mail(index) => self.new_mail(meter, index, command)?,
            };
            if let Some(errand) = errand {
                self.stage = Stage::Errand(errand);
                return Ok(());
            }
            todo = todo.next();
        }
    }

    /// Mail to the issuer that the card does not have.
    #[inline(never)]
    fn report<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        todo: Todo,
        command: &mut CardCommand,
    ) -> Result<Option<Errand>, VisitError> {
        let Self { session: Some(session), presented: Some(presented), .. } = self else { return Ok(None) };
        let answer = presented.answer();
        let version = |slot: Slot| answer.mail.get(slot.index()).copied().unwrap_or_default();
        let mail = match todo {
            Todo::FinalReport => meter.final_report(version(Slot::FINAL_REPORT))?,
            Todo::Readings => meter.readings(version(Slot::READINGS))?,
            _ => meter.audit(version(Slot::AUDIT))?,
        };
        let Some(mail) = mail else { return Ok(None) };
        session.ask_in(&mut meter.hardware, &put_meter_mail(mail.as_bytes()), command)?;
        Ok(Some(Errand::Report(todo.next())))
    }

    /// The next months and events that the card does not have.
    #[inline(never)]
    fn new_history<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        todo: Todo,
        command: &mut CardCommand,
    ) -> Result<Option<Errand>, VisitError> {
        let mut history = History::after(self.stored);
        add_months(meter, &mut history)?;
        add_events(meter, &mut history)?;
        if history.is_empty() {
            return Ok(None);
        }
        self.session()?.ask_in(&mut meter.hardware, &history.request(), command)?;
        Ok(Some(Errand::History(history.reaches(), todo)))
    }

    /// Mail to the meter in the slot at a position of the directory, where it is newer than the meter's.
    fn new_mail<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        index: usize,
        command: &mut CardCommand,
    ) -> Result<Option<Errand>, VisitError> {
        let Self { session: Some(session), presented: Some(presented), .. } = self else { return Ok(None) };
        let Some(slot) = Slot::ALL.get(index).copied() else { return Ok(None) };
        let version = presented.answer().mail.get(slot.index()).copied().unwrap_or_default();
        if slot.direction() != Direction::ToMeter || version <= meter.state().inbox.version(slot) {
            return Ok(None);
        }
        session.ask_in(&mut meter.hardware, &get_mail(slot), command)?;
        Ok(Some(Errand::Mail(slot, index)))
    }

    /// What the card refuses of all this is left for another time: credit is settled, or was refused.
    #[inline(never)]
    pub(super) fn returned<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        errand: Errand,
        response: &[u8],
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        let todo = match errand {
            Errand::Report(next) => {
                taken(self.session()?.answer(&mut meter.hardware, &put_meter_mail(&[]), response))?;
                next
            }
            // More only where the card took all of it, so that no card can make this endless.
            Errand::History(sent, todo) => {
                match taken(self.session()?.answer(&mut meter.hardware, &put_history(&[]), response))? {
                    Some(stored) if stored.covers(&sent) => {
                        self.stored = stored;
                        todo
                    }
                    _ => todo.next(),
                }
            }
            Errand::Mail(slot, index) => {
                self.mail(meter, slot, response)?;
                Todo::Mail(index).next()
            }
        };
        self.follow(meter, todo, command)
    }

    /// Mail to the meter has come.
    #[inline(never)]
    fn mail<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        slot: Slot,
        response: &[u8],
    ) -> Result<(), VisitError> {
        let request: Request<'_, Envelope> = get_mail(slot);
        if let Some(mail) = taken(self.session()?.answer(&mut meter.hardware, &request, response))? {
            let carrier = self.presented.as_ref().map(|presented| presented.card().id);
            self.received = Some(meter.receive(self.now(meter), carrier, &mail)?);
        }
        Ok(())
    }
}

/// As many of the next months as fit: apart, because they take much of a small stack.
#[inline(never)]
fn add_months<H: Hardware>(meter: &mut Meter<H>, history: &mut History) -> Result<(), MeterError> {
    let first = match history.reaches().last_month {
        Month::NO_INDEX => 0,
        last => last.saturating_add(1),
    };
    let months: [_; MONTH_BATCH] = meter.months(first)?;
    months.iter().flatten().all(|month| history.add_month(month));
    Ok(())
}

/// As many of the next events as fit behind them.
#[inline(never)]
fn add_events<H: Hardware>(meter: &mut Meter<H>, history: &mut History) -> Result<(), MeterError> {
    let events: [_; EVENT_BATCH] = meter.events(history.reaches().last_event)?;
    events.iter().flatten().all(|event| history.add_event(event));
    Ok(())
}

/// `None` where the card refused: the session goes on.
fn taken<T>(answer: Result<T, RequestError>) -> Result<Option<T>, RequestError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(RequestError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
