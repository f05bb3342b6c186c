//! Why a command was not done.

use card_core::apdu::StatusWord;
use card_core::terminal::load::Misfit;
use card_core::terminal::select::SelectError;
use card_core::text::Situation;
use card_host::card::CardError;
use card_host::card_work::CardWorkError;
use card_host::operate::OperateError;
use card_host::simulated_meter::{ProfileError, SimulatedMeterError};
use card_host::tap::TapCause;
use card_host::tariff_file::TariffFileError;
use card_host::transport::TransportError;
use card_ledger::{AuditKeyError, BranchError, ExportError, FindLostError, LedgerError, Refusal, RequestId};
use card_server::ServerError;
use cardctl::tour::TourError;

use super::batch::results::ResultsError;
use super::batch::rows::RowsError;
use super::mail::ContentError;
use super::paper::NotWritten;
use super::sale::{BooksBehind, NotLoaded, PaidOnly, SecondPerson, SoldToFormer};
use crate::context;
use crate::context::voucher_file::VoucherFileError;
use crate::context::workplace::WorkplaceError;
use crate::view::problem::Problem;
use crate::view::{NotPrinted, customer};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Context(context::Error),
    #[error(transparent)]
    Card(#[from] CardError),
    #[error(transparent)]
    NotLoaded(#[from] NotLoaded),
    #[error(transparent)]
    BooksBehind(#[from] BooksBehind),
    #[error(transparent)]
    SecondPerson(#[from] SecondPerson),
    #[error(transparent)]
    PaidOnly(#[from] PaidOnly),
    #[error(transparent)]
    SoldToFormer(#[from] SoldToFormer),
    #[error(transparent)]
    CardWork(#[from] CardWorkError),
    #[error(transparent)]
    Branch(BranchError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    FindLost(#[from] FindLostError),
    #[error(transparent)]
    AuditKey(#[from] AuditKeyError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Operate(#[from] OperateError),
    #[error(transparent)]
    Meter(#[from] SimulatedMeterError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    Voucher(#[from] VoucherFileError),
    #[error(transparent)]
    Tour(#[from] TourError),
    #[error(transparent)]
    Tariff(#[from] TariffFileError),
    #[error(transparent)]
    Paper(#[from] NotWritten),
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error(transparent)]
    Results(#[from] ResultsError),
    #[error(transparent)]
    NotPrinted(#[from] NotPrinted),
}

impl From<BranchError> for Error {
    fn from(error: BranchError) -> Self {
        match error {
            BranchError::Ledger(error) => Self::Ledger(error),
            BranchError::Card(error) => Self::CardWork(error),
            error => Self::Branch(error),
        }
    }
}

impl Error {
    /// Whether the same again, with the same id of the request, may succeed.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Ledger(error) if error.is_passing())
    }

    /// Whether all was done and is well, and only could not be printed.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self, Self::NotPrinted(NotPrinted { good: true, .. }))
    }

    /// What is said of it. `request` is what was asked for, where it has an id.
    pub(crate) fn problem(&self, request: Option<&RequestId>) -> Problem {
        let repeated = request.filter(|_| self.is_passing() || self.is_done());
        let request = match self {
            Self::PaidOnly(paid) => Some(&paid.id),
            _ => repeated,
        };
        let situation = situation(self);
        Problem {
            error: self.to_string(),
            request: request.cloned(),
            code: situation.map(customer::code),
            situation,
            repeats: repeated.is_some(),
            all: matches!(self, Self::NotLoaded(_)),
            expected: match self {
                Self::CardWork(CardWorkError::Misfit(Misfit::OtherCard { expected, .. })) => Some(*expected),
                _ => None,
            },
        }
    }
}

impl From<context::Error> for Error {
    fn from(error: context::Error) -> Self {
        match error {
            context::Error::Ledger(error) => Self::Ledger(error),
            error => Self::Context(error),
        }
    }
}

impl From<WorkplaceError> for Error {
    fn from(error: WorkplaceError) -> Self {
        Self::Context(error.into())
    }
}

/// What is wrong with what was given.
pub(crate) fn given(text: impl Into<String>) -> Error {
    LedgerError::from(Refusal::Invalid(text.into())).into()
}

/// The customer's part of an error, where there is one.
fn situation(error: &Error) -> Option<Situation> {
    match error {
        Error::Context(context::Error::Reader(error)) => Some(error.situation()),
        Error::NotLoaded(_) => Some(Situation::PaidNotLoaded),
        Error::Card(error) => asking(error),
        Error::CardWork(CardWorkError::Misfit(misfit)) => Some(misfit.into()),
        Error::Ledger(LedgerError::Refused(Refusal::Replaced(..))) => Some(Situation::Replaced),
        Error::CardWork(CardWorkError::Operate(error)) | Error::Operate(error) => operating(error),
        Error::CardWork(CardWorkError::Card(error)) => asking(error),
        Error::Meter(SimulatedMeterError::Tap(error)) => match &error.cause {
            TapCause::Transport(error) => Some(sending(error)),
            TapCause::Visit(error) => Some(error.into()),
        },
        _ => None,
    }
}

fn operating(error: &OperateError) -> Option<Situation> {
    match error {
        OperateError::Card(error) => asking(error),
        OperateError::NotIssued => Some(Situation::Blank),
        _ => None,
    }
}

fn asking(error: &CardError) -> Option<Situation> {
    match error {
        CardError::Transport(error) => Some(sending(error)),
        CardError::Refused { status, .. } => Some(refused(*status)),
        CardError::NotOurs(_) => Some(Situation::NotOurs),
        CardError::Unusable(SelectError::MemoryFailed { .. }) => Some(Situation::MemoryFailed),
        CardError::Session(_) | CardError::Answer { .. } => Some(Situation::Repeat),
        _ => None,
    }
}

/// The card is ours, since it could be selected: what is not found is a file.
fn refused(status: StatusWord) -> Situation {
    match status {
        StatusWord::FILE_NOT_FOUND => Situation::Refused,
        status => status.into(),
    }
}

const fn sending(error: &TransportError) -> Situation {
    match error {
        TransportError::Reader(error) => error.situation(),
        _ => Situation::Repeat,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::View as _;
    use card_core::id::CardId;
    use card_core::text::Language;
    use card_host::reader_error::ReaderError;
    use serde_json::{Value, json};

    fn json(error: &Error) -> Value {
        serde_json::to_value(error.problem(None)).unwrap_or_default()
    }

    #[test]
    fn refusals_in_both_languages() {
        let misfit = Misfit::OtherCard { expected: CardId([0xA1; 8]), present: CardId([0xA2; 8]) };
        let error = Error::CardWork(misfit.into());
        let english = error.problem(None).text(Language::English);
        assert!(
            english.starts_with("cardctl: this is for card A1A1") && english.contains("A2A2"),
            "{english}"
        );
        let arabic = error.problem(None).text(Language::Arabic);
        assert!(arabic.ends_with("\u{2068}A1A1A1A1A1A1A1A1\u{2069} (\u{2068}9401\u{2069})"), "{arabic}");
        assert!(arabic.starts_with(Situation::OtherCard.text(Language::Arabic).what), "{arabic}");
        assert_eq!(json(&error), json!({ "error": misfit.to_string(), "code": "9401" }));

        let reader = || "R".to_owned();
        for (error, code) in [
            (ReaderError::NoCard { reader: reader() }, "R01"),
            (ReaderError::UnresponsiveCard { reader: reader() }, "R02"),
            (ReaderError::CardRemoved { reader: reader() }, "R03"),
            (ReaderError::Ended, "R04"),
            (ReaderError::NoReader, "R05"),
        ] {
            let error = Error::CardWork(CardWorkError::from(TransportError::from(error)));
            assert_eq!(json(&error)["code"], code, "{error}");
        }
        let error = Error::Ledger(Refusal::UnknownCard(CardId([1; 8])).into());
        assert_eq!(
            error.problem(None).text(Language::Arabic),
            format!("cardctl: {error}"),
            "the desk's, not the customer's"
        );
        assert_eq!(json(&error).get("code"), None);
    }
}
