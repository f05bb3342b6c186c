//! A card's visit at a meter, from SELECT to the last piece of mail, sans-IO (specification, section 11).

use super::decide::{Reason, Verdict, greet};
use super::{Hardware, Meter, MeterError};
use crate::apdu::MAX_COMMAND;
use crate::bytes::Buffer;
use crate::message::{Direction, Envelope, Month, Slot};
use crate::platform::RandomError;
use crate::scp03::Mode;
use crate::scp03::host::SessionError;
use crate::terminal::exchange::{
    BATCH, Batch, ExchangeError, Facts, KEYS, LEVEL, Presented, Reading, Settling, put_meter_mail,
};
use crate::terminal::load::get_mail;
use crate::terminal::select::{SelectError, select, selected};
use crate::terminal::session::{Authenticating, OpenError, Opening, Session};
use crate::terminal::{Request, RequestError};
use crate::units::CardTime;

/// What the meter brings to a visit.
#[derive(Debug, Clone, Copy)]
pub struct Agenda<'a> {
    /// The meter's clock; not set where it has none.
    pub now: CardTime,
    /// Which mode to try first: where the card has the other, that costs one exchange more.
    pub mode: Mode,
    /// Closed months, the oldest first; the card gets those that it does not have.
    pub months: &'a [Month],
    /// Versions of the issuer's mail that the meter has, by [`Slot::index`]; newer mail is fetched.
    pub mail: [u32; Slot::COUNT],
}

/// What to do next: to send this and give the response to [`Visit::respond`]; or nothing more, the visit is over and
/// [`Visit::verdict`] says what came of it.
pub type Step = Option<Buffer<MAX_COMMAND>>;

/// A card's visit. When it is torn anywhere, it begins anew when the card is there again.
#[derive(Debug)]
pub struct Visit<'a> {
    agenda: Agenda<'a>,
    stage: Option<Stage>,
    presented: Option<Presented>,
    ratified: Option<bool>,
    verdict: Option<Verdict>,
    settled: bool,
    last_month: u16,
    last_event: u32,
    mail: Option<Envelope>,
}

#[derive(Debug)]
enum Stage {
    Selecting,
    Opening { opening: Opening, may_change: bool },
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
    End,
}

/// What is on its way, after SETTLE.
#[derive(Debug)]
enum Errand {
    Report(Envelope),
    Regression(Envelope),
    Events(Batch),
    Months(Batch),
    Mail(Slot, usize),
}

impl<'a> Visit<'a> {
    /// Begins with a card that has just arrived, and gives SELECT.
    pub fn begin(agenda: Agenda<'a>) -> Result<(Self, Buffer<MAX_COMMAND>), VisitError> {
        let visit = Self {
            agenda,
            stage: Some(Stage::Selecting),
            presented: None,
            ratified: None,
            verdict: None,
            settled: false,
            last_month: Month::NO_INDEX,
            last_event: 0,
            mail: None,
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

    /// Mail that the last response brought. It is sealed: the caller opens it with the parameter keys.
    pub const fn take_mail(&mut self) -> Option<Envelope> {
        self.mail.take()
    }

    /// Takes the response to what was to be sent, with its status word. After an error the visit is over.
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
                self.open(meter, self.agenda.mode, true)
            }
            Stage::Opening { opening, may_change } => {
                let challenged = match opening.challenged(response) {
                    Err(OpenError::OtherMode(mode)) if may_change => return self.open(meter, mode, false),
                    result => result?,
                };
                let Some(keys) = meter.card_keys(challenged.key_version(), challenged.card()) else {
                    return Ok(self.refuse(Reason::UnknownKeyVersion));
                };
                let (next, command) = challenged.authenticate(meter.hardware(), &keys)?;
                Ok(self.go(Stage::Authenticating(next), command))
            }
            Stage::Authenticating(authenticating) => {
                let session = authenticating.opened(response)?;
                let (next, command) = Reading::begin(session, meter.hardware())?;
                Ok(self.go(Stage::Reading(next), command))
            }
            Stage::Reading(reading) => {
                let facts = reading.facts(meter.hardware(), response)?;
                self.decide(meter, facts)
            }
            Stage::Settling(settling) => {
                let settled = settling.settled(meter.hardware(), response)?;
                self.settled = true;
                self.last_month = settled.stored.last_month;
                self.last_event = settled.stored.last_event;
                self.follow(meter, settled.session, Todo::FinalReport)
            }
            Stage::Errand(session, errand) => self.returned(meter, session, errand, response),
        }
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
        let opening = Opening::new(meter.hardware(), mode, KEYS, LEVEL)?;
        let command = opening.command().emit().map_err(MeterError::from)?;
        Ok(self.go(Stage::Opening { opening, may_change }, command))
    }

    /// Steps 3 to 8.
    fn decide<H: Hardware>(&mut self, meter: &mut Meter<H>, facts: Facts) -> Result<Step, VisitError> {
        let presented = *facts.presented();
        let now = self.agenda.now;
        self.presented = Some(presented);
        let unproven = Verdict::Refuse(Reason::BindingNotProven);
        if presented.binding().is_none() && meter.decide(now, &presented).verdict == unproven {
            let (next, command) = facts.ask_binding(meter.hardware())?;
            return Ok(self.go(Stage::Reading(next), command));
        }
        let (answer, own) = (presented.answer(), meter.state());
        self.ratified =
            (answer.binding().number == own.binding).then_some(answer.report_number == own.report_number);
        let decision = meter.commit(now, &presented)?;
        self.verdict = Some(decision.verdict);
        match decision.verdict {
            Verdict::Refuse(reason) if reason.is_regression() => {
                match meter.regression_report(now, presented.answer())? {
                    Some(report) => self.send(meter, facts.into_session(), Errand::Regression(report)),
                    None => Ok(None),
                }
            }
            Verdict::Refuse(_) => Ok(None),
            Verdict::Apply { .. } | Verdict::Nothing => {
                let settlement = meter.settlement(now, presented.answer().last_event)?;
                let (next, command) = facts.settle(meter.hardware(), settlement)?;
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
            let (errand, next) = match todo {
                Todo::FinalReport => (meter.final_report(&answer)?.map(Errand::Report), Todo::Events),
                Todo::Events => {
                    let events = meter.state().events.after(self.last_event).take(BATCH);
                    (Batch::events(events).ok().map(Errand::Events), Todo::Months)
                }
                Todo::Months => {
                    let last = self.last_month;
                    let new = |month: &&Month| last == Month::NO_INDEX || month.index > last;
                    let months = self.agenda.months.iter().filter(new).take(BATCH).copied();
                    (Batch::months(months).ok().map(Errand::Months), Todo::Mail(0))
                }
                Todo::Mail(index) => match Slot::ALL.get(index) {
                    None => (None, Todo::End),
                    Some(slot) => {
                        let version = |of: &[u32; Slot::COUNT]| of.get(index).copied().unwrap_or_default();
                        let new = slot.direction() == Direction::ToMeter
                            && version(&answer.mail) > version(&self.agenda.mail);
                        (new.then_some(Errand::Mail(*slot, index)), Todo::Mail(index + 1))
                    }
                },
                Todo::End => return Ok(None),
            };
            match errand {
                Some(errand) => return self.send(meter, session, errand),
                None => todo = next,
            }
        }
    }

    fn send<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        mut session: Session,
        errand: Errand,
    ) -> Result<Step, VisitError> {
        let engine = meter.hardware();
        let command = match &errand {
            Errand::Report(mail) | Errand::Regression(mail) => session.ask(engine, &put_meter_mail(mail)),
            Errand::Events(batch) => session.ask(engine, &batch.put_events()),
            Errand::Months(batch) => session.ask(engine, &batch.put_months()),
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
        let engine = meter.hardware();
        let todo = match &errand {
            Errand::Report(mail) => {
                taken(session.answer(engine, &put_meter_mail(mail), response))?;
                Todo::Events
            }
            Errand::Regression(mail) => {
                taken(session.answer(engine, &put_meter_mail(mail), response))?;
                Todo::End
            }
            Errand::Events(batch) => {
                taken(session.answer(engine, &batch.put_events(), response))?;
                Todo::Months
            }
            Errand::Months(batch) => {
                let before = self.last_month;
                match taken(session.answer(engine, &batch.put_months(), response))? {
                    // More only where that led further, so that no card can make this endless.
                    Some(last) if last != Month::NO_INDEX && (before == Month::NO_INDEX || last > before) => {
                        self.last_month = last;
                        Todo::Months
                    }
                    _ => Todo::Mail(0),
                }
            }
            Errand::Mail(slot, index) => {
                let request: Request<'_, Envelope> = get_mail(*slot);
                self.mail = taken(session.answer(engine, &request, response))?;
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
