//! A card's visit at a meter, from SELECT to the last piece of mail, sans-IO (specification, section 11).

use super::decide::greet;
use super::verdict::{Reason, Verdict};
use super::{Hardware, Meter, MeterError, Received};
use crate::apdu::MAX_COMMAND;
use crate::bytes::Buffer;
use crate::message::{Direction, Envelope, Event, Month, Slot, Voucher};
use crate::platform::RandomError;
use crate::scp03::Mode;
use crate::scp03::host::SessionError;
use crate::terminal::exchange::{
    Batch, EVENT_BATCH, ExchangeError, Facts, KEYS, LEVEL, MONTH_BATCH, Presented, Reading, Settling,
    put_meter_mail,
};
use crate::terminal::load::{fits, get_mail, load_voucher};
use crate::terminal::select::{SelectError, select, selected};
use crate::terminal::session::{Authenticating, OpenError, Opening, Session};
use crate::terminal::{Request, RequestError};

/// What to do next: to send this and give the response to [`Visit::respond`]; or nothing more, the visit is over and
/// [`Visit::verdict`] says what came of it.
pub type Step = Option<Buffer<MAX_COMMAND>>;

/// A card's visit. When it is torn anywhere, it begins anew when the card is there again.
#[derive(Debug)]
pub struct Visit {
    /// When the card arrived.
    reading: super::Reading,
    stage: Option<Stage>,
    presented: Option<Presented>,
    ratified: Option<bool>,
    verdict: Option<Verdict>,
    settled: bool,
    last_month: u16,
    last_event: u32,
    received: Option<Received>,
}

#[derive(Debug)]
enum Stage {
    Selecting,
    /// A voucher from the network is on its way to its card.
    Loading,
    Opening {
        opening: Opening,
        may_change: bool,
    },
    Authenticating(Authenticating),
    Reading(Reading),
    Settling(Settling),
    Errand(Session, Errand),
}

/// What may follow after SETTLE, in this order; each is atomic and can be left out or repeated.
#[derive(Debug, Clone, Copy)]
enum Todo {
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
#[derive(Debug)]
enum Errand {
    /// Mail to the issuer, and what follows it.
    Report(Envelope, Todo),
    /// Events up to a number, and what follows when the card has all of them.
    Events(Batch, u32, Todo),
    /// Months up to an index.
    Months(Batch, u16),
    Mail(Slot, usize),
}

impl Visit {
    /// Begins with a card that has just arrived, and gives SELECT.
    pub fn begin(reading: super::Reading) -> Result<(Self, Buffer<MAX_COMMAND>), VisitError> {
        let visit = Self {
            reading,
            stage: Some(Stage::Selecting),
            presented: None,
            ratified: None,
            verdict: None,
            settled: false,
            last_month: Month::NO_INDEX,
            last_event: 0,
            received: None,
        };
        Ok((visit, select().emit().map_err(MeterError::from)?))
    }

    /// What the meter decided, and has stored: also where the visit ended in an error after that.
    pub const fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// What the card presented, once it is known.
    pub const fn presented(&self) -> Option<&Presented> {
        self.presented.as_ref()
    }

    /// Whether the card has confirmed SETTLE.
    pub const fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether the card had received the meter's last report of this binding when it came (ratification): what the visit before
    /// left open. `None` before the card has presented itself, and where its binding is not the meter's.
    pub const fn ratified(&self) -> Option<bool> {
        self.ratified
    }

    /// Mail that the last response brought, and how the meter handled it.
    pub const fn take_received(&mut self) -> Option<Received> {
        self.received.take()
    }

    /// Takes the response to what was to be sent, with its status word. After an error the visit is over.
    // In its caller: in a frame of its own the compiler keeps all of a step twice.
    #[inline(always)]
    pub fn respond<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        response: &[u8],
    ) -> Result<Step, VisitError> {
        match self.stage.take().ok_or(VisitError::Over)? {
            Stage::Selecting => {
                let summary = selected(response)?;
                // Only to save a session with a foreign card: what counts comes with READ CERTIFICATE.
                if let Err(reason) = greet(meter.identity(), &summary) {
                    return Ok(self.refuse(reason));
                }
                match meter.state().voucher {
                    Some(voucher) if fits(&voucher, &summary).is_ok() => {
                        let command = load_voucher(&voucher.emit()).command().emit();
                        Ok(self.go(Stage::Loading, command.map_err(MeterError::from)?))
                    }
                    _ => self.open(meter, meter.state().mode, true),
                }
            }
            Stage::Loading => {
                // Whatever the card says: it has the credit, or will see by SETTLE that the meter has it.
                load_voucher(&[0; Voucher::SIZE]).response(response).map_or_else(
                    |error| if let RequestError::Refused(_) = error { Ok(()) } else { Err(error) },
                    |_| Ok(()),
                )?;
                meter.voucher_delivered()?;
                self.open(meter, meter.state().mode, true)
            }
            Stage::Opening { opening, may_change } => {
                let challenged = match opening.challenged(response) {
                    Err(OpenError::OtherMode(mode)) if may_change => {
                        meter.remember_mode(mode);
                        return self.open(meter, mode, false);
                    }
                    result => result?,
                };
                let Some(keys) = meter.card_keys(challenged.key_version(), challenged.card()) else {
                    return Ok(self.refuse(Reason::UnknownKeyVersion));
                };
                let (next, command) = challenged.authenticate(&mut meter.hardware, &keys)?;
                Ok(self.go(Stage::Authenticating(next), command))
            }
            Stage::Authenticating(authenticating) => {
                let session = authenticating.opened(response)?;
                let (next, command) = Reading::begin(session, &mut meter.hardware)?;
                Ok(self.go(Stage::Reading(next), command))
            }
            Stage::Reading(reading) => {
                let facts = reading.facts(&mut meter.hardware, response)?;
                self.decide(meter, facts)
            }
            Stage::Settling(settling) => {
                let settled = settling.settled(&mut meter.hardware, response)?;
                self.settled = true;
                self.last_month = settled.stored.last_month;
                self.last_event = settled.stored.last_event;
                self.follow(meter, settled.session, Todo::FinalReport)
            }
            Stage::Errand(session, errand) => self.returned(meter, session, errand, response),
        }
    }

    /// A visit takes a while, in which the meter goes on with its other work.
    fn now<H: Hardware>(&self, meter: &Meter<H>) -> super::Reading {
        meter.last.filter(|last| last.uptime > self.reading.uptime).unwrap_or(self.reading)
    }

    fn go(&mut self, stage: Stage, command: Buffer<MAX_COMMAND>) -> Step {
        self.stage = Some(stage);
        Some(command)
    }

    const fn refuse(&mut self, reason: Reason) -> Step {
        self.verdict = Some(Verdict::Refuse(reason));
        None
    }

    fn open<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        mode: Mode,
        may_change: bool,
    ) -> Result<Step, VisitError> {
        let opening = Opening::new(&mut meter.hardware, mode, KEYS, LEVEL)?;
        let command = opening.command().emit().map_err(MeterError::from)?;
        Ok(self.go(Stage::Opening { opening, may_change }, command))
    }

    /// Steps 3 to 8.
    fn decide<H: Hardware>(&mut self, meter: &mut Meter<H>, facts: Facts) -> Result<Step, VisitError> {
        let presented = *facts.presented();
        self.presented = Some(presented);
        let unproven = Verdict::Refuse(Reason::BindingNotProven);
        if presented.binding().is_none() && meter.decide(&presented).verdict == unproven {
            let (next, command) = facts.ask_binding(&mut meter.hardware)?;
            return Ok(self.go(Stage::Reading(next), command));
        }
        let (answer, own) = (presented.answer(), meter.state());
        self.ratified =
            (answer.binding().number == own.binding).then_some(answer.report_number == own.report_number);
        let decision = meter.commit(self.now(meter), &presented)?;
        self.verdict = Some(decision.verdict);
        match decision.verdict {
            Verdict::Refuse(reason) if reason.is_regression() => {
                match meter.regression_report(presented.answer())? {
                    Some(report) => self.send(meter, facts.into_session(), Errand::Report(report, Todo::End)),
                    None => Ok(None),
                }
            }
            Verdict::Refuse(_) => Ok(None),
            Verdict::Apply { .. } | Verdict::Nothing => {
                let settlement = meter.settlement(presented.answer().last_event)?;
                let (next, command) = facts.settle(&mut meter.hardware, settlement)?;
                Ok(self.go(Stage::Settling(next), command))
            }
        }
    }

    /// The next thing that there is to do.
    fn follow<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        session: Session,
        mut todo: Todo,
    ) -> Result<Step, VisitError> {
        let Some(answer) = self.presented.map(|presented| *presented.answer()) else { return Ok(None) };
        loop {
            let version = |slot: Slot| answer.mail.get(slot.index()).copied().unwrap_or_default();
            let report = |mail: Option<Envelope>, next| (mail.map(|mail| Errand::Report(mail, next)), next);
            let (errand, next) = match todo {
                Todo::FinalReport => report(meter.final_report(version(Slot::FINAL_REPORT))?, Todo::Events),
                Todo::Events => (self.new_events(meter, Todo::Months)?, Todo::Months),
                Todo::LateEvents => (self.new_events(meter, Todo::End)?, Todo::End),
                Todo::Months => {
                    let first = match self.last_month {
                        Month::NO_INDEX => 0,
                        last => last.saturating_add(1),
                    };
                    let months: [_; MONTH_BATCH] = meter.months(first)?;
                    let last = months.into_iter().flatten().last().map_or(0, |month: Month| month.index);
                    let batch = Batch::months(months.into_iter().flatten());
                    (batch.ok().map(|batch| Errand::Months(batch, last)), Todo::Mail(0))
                }
                Todo::Mail(index) => match Slot::ALL.get(index) {
                    None => (None, Todo::Readings),
                    Some(slot) => {
                        let new = slot.direction() == Direction::ToMeter
                            && version(*slot) > meter.state().inbox.version(*slot);
                        (new.then_some(Errand::Mail(*slot, index)), Todo::Mail(index + 1))
                    }
                },
                Todo::Readings => report(meter.readings(version(Slot::READINGS))?, Todo::Audit),
                Todo::Audit => report(meter.audit(version(Slot::AUDIT))?, Todo::LateEvents),
                Todo::End => return Ok(None),
            };
            match errand {
                Some(errand) => return self.send(meter, session, errand),
                None => todo = next,
            }
        }
    }

    /// The next events that the card does not have.
    fn new_events<H: Hardware>(
        &self,
        meter: &mut Meter<H>,
        next: Todo,
    ) -> Result<Option<Errand>, MeterError> {
        let events: [_; EVENT_BATCH] = meter.events(self.last_event)?;
        let last = events.into_iter().flatten().last().map_or(0, |event: Event| event.number);
        let batch = Batch::events(events.into_iter().flatten());
        Ok(batch.ok().map(|batch| Errand::Events(batch, last, next)))
    }

    fn send<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        mut session: Session,
        errand: Errand,
    ) -> Result<Step, VisitError> {
        let engine = &mut meter.hardware;
        let command = match &errand {
            Errand::Report(mail, _) => session.ask(engine, &put_meter_mail(mail)),
            Errand::Events(batch, ..) => session.ask(engine, &batch.put_events()),
            Errand::Months(batch, _) => session.ask(engine, &batch.put_months()),
            Errand::Mail(slot, _) => session.ask(engine, &get_mail(*slot)),
        }?;
        Ok(self.go(Stage::Errand(session, errand), command))
    }

    /// What the card refuses of all this is left for another time: credit is settled, or was refused.
    fn returned<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        mut session: Session,
        errand: Errand,
        response: &[u8],
    ) -> Result<Step, VisitError> {
        let engine = &mut meter.hardware;
        let todo = match &errand {
            Errand::Report(mail, next) => {
                taken(session.answer(engine, &put_meter_mail(mail), response))?;
                *next
            }
            // More only where the card took all of it, so that no card can make this endless.
            Errand::Events(batch, sent, next) => {
                match taken(session.answer(engine, &batch.put_events(), response))? {
                    Some(last) if last >= *sent && last > self.last_event => {
                        self.last_event = last;
                        if let Todo::Months = next { Todo::Events } else { Todo::LateEvents }
                    }
                    _ => *next,
                }
            }
            Errand::Months(batch, sent) => {
                match taken(session.answer(engine, &batch.put_months(), response))? {
                    Some(last) if last != Month::NO_INDEX && last >= *sent => {
                        self.last_month = last;
                        Todo::Months
                    }
                    _ => Todo::Mail(0),
                }
            }
            Errand::Mail(slot, index) => {
                let request: Request<'_, Envelope> = get_mail(*slot);
                if let Some(mail) = taken(session.answer(engine, &request, response))? {
                    let carrier = self.presented.map(|presented| presented.card().id);
                    self.received = Some(meter.receive(self.now(meter), carrier, &mail)?);
                }
                Todo::Mail(index + 1)
            }
        };
        self.follow(meter, session, todo)
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

/// Why a visit ended early. What [`Visit::verdict`] says has been done all the same; the card is to be presented again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VisitError {
    /// No card of ours.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// No session.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The exchange broke off.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The meter itself failed.
    #[error(transparent)]
    Meter(#[from] MeterError),
    /// No random numbers for a challenge.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The visit is over.
    #[error("the visit is over")]
    Over,
}

impl From<SessionError> for VisitError {
    fn from(error: SessionError) -> Self {
        Self::Exchange(error.into())
    }
}

impl From<RequestError> for VisitError {
    fn from(error: RequestError) -> Self {
        Self::Exchange(error.into())
    }
}
