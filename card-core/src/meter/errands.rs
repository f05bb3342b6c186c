//! What may follow in a card's visit after SETTLE: mail and history, both ways (docs/meter.md, section 11).

use super::visit::{CardCommand, Stage, Visit, VisitError};
use super::{Hardware, Meter, MeterError};
use crate::message::{Direction, Envelope, Event, Month, Slot};
use crate::terminal::exchange::{Batch, EVENT_BATCH, MONTH_BATCH, put_events, put_meter_mail, put_months};
use crate::terminal::load::get_mail;
use crate::terminal::{Request, RequestError};

/// What may follow after SETTLE, in this order; each is atomic and can be left out or repeated.
#[derive(Debug, Clone, Copy)]
pub(super) enum Todo {
    FinalReport,
    Events,
    Months,
    /// Position in the mail directory.
    Mail(usize),
    Readings,
    Audit,
    /// Those that arose meanwhile.
    LateEvents,
    End,
}

/// What is on its way, after SETTLE.
#[derive(Debug, Clone, Copy)]
pub(super) enum Errand {
    /// Mail to the issuer, and what follows it.
    Report(Todo),
    /// Events up to a number, and what follows when the card has all of them.
    Events(u32, Todo),
    /// Months up to an index.
    Months(u16),
    /// Mail to the meter, by its position in the directory.
    Mail(Slot, usize),
}

impl Todo {
    /// What comes after it, once there is no more of it.
    const fn next(self) -> Self {
        match self {
            Self::FinalReport => Self::Events,
            Self::Events => Self::Months,
            Self::Months => Self::Mail(0),
            Self::Mail(index) if index < Slot::ALL.len() => Self::Mail(index.saturating_add(1)),
            Self::Mail(_) => Self::Readings,
            Self::Readings => Self::Audit,
            Self::Audit => Self::LateEvents,
            Self::LateEvents | Self::End => Self::End,
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
                Todo::Events | Todo::LateEvents => self.new_events(meter, todo, command)?,
                Todo::Months => self.new_months(meter, command)?,
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

    /// The next events that the card does not have.
    #[inline(never)]
    fn new_events<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        todo: Todo,
        command: &mut CardCommand,
    ) -> Result<Option<Errand>, VisitError> {
        let events: [_; EVENT_BATCH] = meter.events(self.last_event)?;
        let Some(last) = events.iter().flatten().last().map(|event: &Event| event.number) else {
            return Ok(None);
        };
        let batch = Batch::events(events.into_iter().flatten()).map_err(MeterError::from)?;
        self.session()?.ask_in(&mut meter.hardware, &batch.put_events(), command)?;
        Ok(Some(Errand::Events(last, todo.next())))
    }

    /// The next months that the card does not have.
    #[inline(never)]
    fn new_months<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        command: &mut CardCommand,
    ) -> Result<Option<Errand>, VisitError> {
        let first = match self.last_month {
            Month::NO_INDEX => 0,
            last => last.saturating_add(1),
        };
        let months: [_; MONTH_BATCH] = meter.months(first)?;
        let Some(last) = months.iter().flatten().last().map(|month: &Month| month.index) else {
            return Ok(None);
        };
        let batch = Batch::months(months.into_iter().flatten()).map_err(MeterError::from)?;
        self.session()?.ask_in(&mut meter.hardware, &batch.put_months(), command)?;
        Ok(Some(Errand::Months(last)))
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
            Errand::Events(sent, next) => {
                match taken(self.session()?.answer(&mut meter.hardware, &put_events(&[]), response))? {
                    Some(last) if last >= sent && last > self.last_event => {
                        self.last_event = last;
                        if let Todo::Months = next { Todo::Events } else { Todo::LateEvents }
                    }
                    _ => next,
                }
            }
            Errand::Months(sent) => {
                match taken(self.session()?.answer(&mut meter.hardware, &put_months(&[]), response))? {
                    Some(last) if last != Month::NO_INDEX && last >= sent => {
                        self.last_month = last;
                        Todo::Months
                    }
                    _ => Todo::Mail(0),
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

/// `None` where the card refused: the session goes on.
fn taken<T>(answer: Result<T, RequestError>) -> Result<Option<T>, RequestError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(RequestError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
