//! A card's visit at a meter, from SELECT to the last piece of mail, sans-IO (specification, section 11).

use super::decide::greet;
use super::errands::{Errand, Todo};
use super::verdict::{Reason, Verdict};
use super::{Hardware, Meter, MeterError, Reading, Received};
use crate::apdu::MAX_COMMAND;
use crate::bytes::Buffer;
use crate::message::{Month, Voucher};
use crate::platform::RandomError;
use crate::scp03::Mode;
use crate::scp03::host::SessionError;
use crate::terminal::RequestError;
use crate::terminal::exchange::{
    ExchangeError, KEYS, LEVEL, Presented, Stored, meter_session, put_meter_mail, read_binding,
    read_certificate, settle,
};
use crate::terminal::load::{fits, load_voucher};
use crate::terminal::select::{SelectError, select, selected};
use crate::terminal::session::{Authenticating, OpenError, Opening, Session};

/// A command to a card; an empty one is none.
pub type CardCommand = Buffer<MAX_COMMAND>;

/// What to do next: to send this and give the response to [`Visit::respond`]; or nothing more, the visit is over and
/// [`Visit::verdict`] says what came of it.
pub type Step = Option<CardCommand>;

/// A card's visit. When it is torn anywhere, it begins anew when the card is there again.
///
/// Everything of it stays where it is: steps are small, for a meter's stack is.
#[derive(Debug)]
pub struct Visit {
    /// When the card arrived.
    reading: Reading,
    pub(super) stage: Stage,
    /// Once it is open.
    pub(super) session: Option<Session>,
    pub(super) presented: Option<Presented>,
    ratified: Option<bool>,
    verdict: Option<Verdict>,
    settled: bool,
    /// Up to where the card has the history.
    pub(super) stored: Stored,
    pub(super) received: Option<Received>,
}

/// What the response that comes next answers.
#[derive(Debug)]
pub(super) enum Stage {
    Over,
    Selecting,
    /// A voucher from the network is on its way to its card.
    Loading,
    Opening {
        opening: Opening,
        may_change: bool,
    },
    Authenticating(Authenticating),
    Reading,
    /// The binding certificate is asked for.
    Proving,
    Settling,
    Errand(Errand),
}

impl Visit {
    /// Begins with a card that has just arrived, and gives SELECT.
    pub fn begin(reading: Reading) -> Result<(Self, CardCommand), VisitError> {
        Ok((Self::new(reading), Self::first()?))
    }

    /// With a card that has just arrived, to which [`Self::first`] is to be sent.
    pub const fn new(reading: Reading) -> Self {
        Self {
            reading,
            stage: Stage::Selecting,
            session: None,
            presented: None,
            ratified: None,
            verdict: None,
            settled: false,
            stored: Stored { last_month: Month::NO_INDEX, last_event: 0 },
            received: None,
        }
    }

    /// SELECT.
    pub fn first() -> Result<CardCommand, VisitError> {
        Ok(select().emit().map_err(MeterError::from)?)
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
    pub fn respond<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        response: &[u8],
    ) -> Result<Step, VisitError> {
        let mut command = CardCommand::new();
        self.respond_in(meter, response, &mut command)?;
        Ok((!command.is_empty()).then_some(command))
    }

    /// [`Self::respond`] with the next command in the caller's room; an empty one: the visit is over.
    pub fn respond_in<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        response: &[u8],
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        command.clear();
        let result = match core::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Over => Err(VisitError::Over),
            Stage::Selecting => self.selected(meter, response, command),
            Stage::Loading => self.loaded(meter, response, command),
            Stage::Opening { opening, may_change } => {
                self.challenged(meter, opening, may_change, response, command)
            }
            Stage::Authenticating(authenticating) => self.opened(meter, authenticating, response, command),
            Stage::Reading => self.read(meter, response, command),
            Stage::Proving => self.proven(meter, response, command),
            Stage::Settling => self.card_settled(meter, response, command),
            Stage::Errand(errand) => self.returned(meter, errand, response, command),
        };
        if let Stage::Over = self.stage {
            self.session = None;
        }
        result
    }

    const fn refuse(&mut self, reason: Reason) {
        self.verdict = Some(Verdict::Refuse(reason));
    }

    pub(super) fn session(&mut self) -> Result<&mut Session, VisitError> {
        self.session.as_mut().ok_or(VisitError::Over)
    }

    #[inline(never)]
    fn selected<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        response: &[u8],
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        let summary = selected(response)?;
        // Only to save a session with a foreign card: what counts comes with READ CERTIFICATE.
        if let Err(reason) = greet(meter.identity(), &summary) {
            self.refuse(reason);
            return Ok(());
        }
        match &meter.state().voucher {
            Some(voucher) if fits(voucher, &summary).is_ok() => {
                let bytes = voucher.emit();
                load_voucher(&bytes).command().emit_in(command).map_err(MeterError::from)?;
                self.stage = Stage::Loading;
                Ok(())
            }
            _ => self.open(meter, meter.state().mode, true, command),
        }
    }

    #[inline(never)]
    fn loaded<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        response: &[u8],
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        // Whatever the card says: it has the credit, or will see by SETTLE that the meter has it.
        load_voucher(&[0; Voucher::SIZE]).response(response).map_or_else(
            |error| if let RequestError::Refused(_) = error { Ok(()) } else { Err(error) },
            |_| Ok(()),
        )?;
        meter.voucher_delivered()?;
        self.open(meter, meter.state().mode, true, command)
    }

    #[inline(never)]
    fn challenged<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        opening: Opening,
        may_change: bool,
        response: &[u8],
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        let challenged = match opening.challenged(response) {
            Err(OpenError::OtherMode(mode)) if may_change => {
                meter.remember_mode(mode);
                return self.open(meter, mode, false, command);
            }
            result => result?,
        };
        let Some(keys) = meter.card_keys(challenged.key_version(), challenged.card()) else {
            self.refuse(Reason::UnknownKeyVersion);
            return Ok(());
        };
        let (next, authenticate) = challenged.authenticate(&mut meter.hardware, &keys)?;
        self.stage = Stage::Authenticating(next);
        command.put(authenticate.as_slice()).map_err(MeterError::from)?;
        Ok(())
    }

    #[inline(never)]
    fn opened<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        authenticating: Authenticating,
        response: &[u8],
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        let session = self.session.insert(authenticating.opened(response)?);
        meter_session(session)?;
        session.ask_in(&mut meter.hardware, &read_certificate(), command)?;
        self.stage = Stage::Reading;
        Ok(())
    }

    #[inline(never)]
    fn read<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        response: &[u8],
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        let presented = Presented::answered(self.session()?, &mut meter.hardware, response)?;
        self.presented = Some(presented);
        self.decide(meter, command)
    }

    #[inline(never)]
    fn proven<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        response: &[u8],
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        let binding = self.session()?.answer(&mut meter.hardware, &read_binding(), response)?;
        if let Some(presented) = &mut self.presented {
            presented.prove(binding);
        }
        self.decide(meter, command)
    }

    /// A visit takes a while, in which the meter goes on with its other work.
    pub(super) fn now<H: Hardware>(&self, meter: &Meter<H>) -> Reading {
        let last = meter.expected.map(|expected| expected.reading);
        last.filter(|last| last.uptime > self.reading.uptime).unwrap_or(self.reading)
    }

    #[inline(never)]
    fn open<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        mode: Mode,
        may_change: bool,
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        let opening = Opening::new(&mut meter.hardware, mode, KEYS, LEVEL)?;
        opening.command().emit_in(command).map_err(MeterError::from)?;
        self.stage = Stage::Opening { opening, may_change };
        Ok(())
    }

    /// Steps 3 to 8.
    #[inline(never)]
    fn decide<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        let now = self.now(meter);
        let Self { session: Some(session), presented: Some(presented), .. } = self else {
            return Err(VisitError::Over);
        };
        let unproven = Verdict::Refuse(Reason::BindingNotProven);
        if presented.binding().is_none() && meter.decide(presented).verdict == unproven {
            session.ask_in(&mut meter.hardware, &read_binding(), command)?;
            self.stage = Stage::Proving;
            return Ok(());
        }
        let (answer, own) = (presented.answer(), meter.state());
        self.ratified =
            (answer.binding().number == own.binding).then_some(answer.report_number == own.report_number);
        let verdict = meter.commit(now, presented)?.verdict;
        self.verdict = Some(verdict);
        match verdict {
            Verdict::Refuse(reason) if reason.is_regression() => {
                if let Some(report) = meter.regression_report(presented.answer())? {
                    session.ask_in(&mut meter.hardware, &put_meter_mail(report.as_bytes()), command)?;
                    self.stage = Stage::Errand(Errand::Report(Todo::End));
                }
            }
            Verdict::Refuse(_) => {}
            Verdict::Apply { .. } | Verdict::Nothing => {
                let last_event = presented.answer().last_event;
                say_settled(meter, session, last_event, command)?;
                self.stage = Stage::Settling;
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn card_settled<H: Hardware>(
        &mut self,
        meter: &mut Meter<H>,
        response: &[u8],
        command: &mut CardCommand,
    ) -> Result<(), VisitError> {
        self.stored = self.session()?.answer(&mut meter.hardware, &settle(&[]), response)?;
        self.settled = true;
        self.follow(meter, Todo::FinalReport, command)
    }
}

/// SETTLE.
#[inline(never)]
fn say_settled<H: Hardware>(
    meter: &mut Meter<H>,
    session: &mut Session,
    last_event: u32,
    command: &mut CardCommand,
) -> Result<(), VisitError> {
    let settlement = meter.settlement(last_event)?;
    session.ask_in(&mut meter.hardware, &settlement.request(), command)?;
    Ok(())
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
