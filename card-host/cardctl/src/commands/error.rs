//! Why a command was not done.

use card_core::apdu::StatusWord;
use card_core::terminal::load::Misfit;
use card_core::terminal::select::SelectError;
use card_core::text::{Situation, isolate};
use card_host::card::CardError;
use card_host::card_work::CardWorkError;
use card_host::keystore::KeyStoreError;
use card_host::operate::OperateError;
use card_host::simulated_meter::{ProfileError, SimulatedMeterError};
use card_host::tap::TapCause;
use card_host::tariff_file::TariffFileError;
use card_host::transport::TransportError;
use card_ledger::{
    AuditKeyError, BranchError, ExportError, FindLostError, LedgerError, Refusal, RequestId, SettlementError,
};
use card_server::ServerError;
use card_signer::CustodyError;
use cardctl::tour::TourError;

use super::arabic;
use super::batch::results::ResultsError;
use super::batch::rows::RowsError;
use super::desk::failure::DeskError;
use super::mail::ContentError;
use super::paper::NotWritten;
use super::sale::{BooksBehind, NotLoaded, PaidOnly, SecondPerson, SoldToFormer};
use crate::context;
use crate::context::voucher_file::VoucherFileError;
use crate::context::workplace::WorkplaceError;
use crate::ending::Ending;
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
    Settlement(#[from] SettlementError),
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
    Custody(#[from] CustodyError),
    #[error(transparent)]
    Tariff(#[from] TariffFileError),
    #[error(transparent)]
    Paper(#[from] NotWritten),
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error(transparent)]
    Results(#[from] ResultsError),
    #[error(transparent)]
    Desk(#[from] DeskError),
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
    /// What has happened. `asked` is whether whoever asks has seen the id of the request: from then on, what breaks off at a card may have been
    /// done.
    pub(crate) fn ending(&self, asked: bool) -> Ending {
        match self {
            Self::NotPrinted(_) => Ending::AnswerLost,
            Self::NotLoaded(_)
            | Self::PaidOnly(_)
            | Self::BooksBehind(_)
            | Self::Results(ResultsError::Io { .. })
            | Self::Voucher(VoucherFileError::Write { .. } | VoucherFileError::OtherVoucher(_)) => {
                Ending::Partly
            }
            Self::SecondPerson(_) => Ending::Waits,
            Self::Ledger(error)
            | Self::FindLost(FindLostError::Ledger(error))
            | Self::Settlement(SettlementError::Ledger(error))
            | Self::Branch(BranchError::Ledger(error)) => booking(error),
            Self::Context(context::Error::Workplace(WorkplaceError::InUse(_))) => Ending::Busy,
            Self::Context(context::Error::Reader(_)) => Ending::NoCard,
            _ if self.at_a_card() && asked => Ending::Unknown,
            _ if self.broke_off() => Ending::NoCard,
            _ => Ending::Refused,
        }
    }

    /// Whether a card, or a meter with a card, did not do it.
    const fn at_a_card(&self) -> bool {
        matches!(
            self,
            Self::Card(_)
                | Self::CardWork(
                    CardWorkError::Card(_) | CardWorkError::Operate(_) | CardWorkError::Personalise(_)
                )
                | Self::Operate(_)
                | Self::Meter(_)
        )
    }

    /// Whether a card or its reader was gone, or did not answer.
    fn broke_off(&self) -> bool {
        let situation = situation(self);
        situation.is_some_and(|situation| customer::code(situation).starts_with('R'))
    }

    /// What it is called by programs.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Context(error) => of_context(error),
            Self::Card(_) | Self::CardWork(_) | Self::Operate(_) => "card",
            Self::Branch(_) => "other-card",
            Self::NotLoaded(_) => "paid-not-loaded",
            Self::BooksBehind(_) => "books-behind",
            Self::SecondPerson(_) => "second-person",
            Self::PaidOnly(_) => "paid-not-certified",
            Self::SoldToFormer(_) => "sold-to-former-card",
            Self::Ledger(error)
            | Self::FindLost(FindLostError::Ledger(error))
            | Self::Settlement(SettlementError::Ledger(error)) => error.code(),
            Self::Settlement(_) => "settlement-file",
            Self::FindLost(_) => "list-unreadable",
            Self::AuditKey(_) => "audit-key",
            Self::Export(_) => "export",
            Self::Server(_) => "server",
            Self::Meter(_) => "meter",
            Self::Profile(_) => "profile",
            Self::Content(_) => "mail-content",
            Self::Voucher(_) => "voucher-file",
            Self::Tour(_) => "tour",
            Self::Tariff(_) => "tariff-file",
            Self::Paper(_) => "paper",
            Self::Rows(_) => "batch-list",
            Self::Results(_) => "batch-results",
            Self::Desk(_) => "desk",
            Self::Custody(_) => "custodian",
            Self::NotPrinted(_) => "answer-lost",
        }
    }

    /// In Arabic, for whoever runs this program: which part it is, what has happened, and the code.
    fn arabic(&self, ending: Ending) -> String {
        match self {
            Self::Ledger(error)
            | Self::FindLost(FindLostError::Ledger(error))
            | Self::Settlement(SettlementError::Ledger(error)) => {
                format!("{} ({})", error.arabic(), isolate(error.code()))
            }
            Self::Context(context::Error::Workplace(WorkplaceError::InUse(in_use))) => {
                let holder = in_use.holder();
                let holder =
                    holder.map(|(process, since)| arabic::holder(process, &since)).unwrap_or_default();
                arabic::of_code(self.code(), ending) + &holder
            }
            _ => arabic::of_code(self.code(), ending),
        }
    }

    /// What is said of it. `request` is what was asked for, where it has an id.
    pub(crate) fn problem(&self, request: Option<&RequestId>) -> Problem {
        let situation = situation(self);
        let ending = self.ending(request.is_some());
        let request = match self {
            Self::PaidOnly(paid) => Some(&paid.id),
            _ => request,
        };
        Problem {
            schema_version: Problem::SCHEMA,
            error: self.to_string(),
            code: self.code(),
            happened: ending.happened(),
            request: request.cloned(),
            situation_code: situation.map(customer::code),
            arabic: Some(self.arabic(ending)),
            situation,
            repeats: ending.repeats() && request.is_some(),
            all: matches!(self, Self::NotLoaded(_)),
            expected: match self {
                Self::CardWork(CardWorkError::Misfit(Misfit::OtherCard { expected, .. })) => Some(*expected),
                _ => None,
            },
        }
    }
}

const fn booking(error: &LedgerError) -> Ending {
    match error {
        LedgerError::Refused(Refusal::SecondPerson(_)) => Ending::Waits,
        error if error.is_unknown() => Ending::Unknown,
        error if error.is_passing() => Ending::Busy,
        _ => Ending::Refused,
    }
}

const fn of_context(error: &context::Error) -> &'static str {
    match error {
        context::Error::Workplace(WorkplaceError::InUse(_)) => "in-use",
        context::Error::Workplace(WorkplaceError::NoCard) => "no-simulated-card",
        context::Error::Workplace(WorkplaceError::NoMeter(_)) => "no-simulated-meter",
        context::Error::Workplace(
            WorkplaceError::Keys(_) | WorkplaceError::OldKeys { .. } | WorkplaceError::AtSigner,
        )
        | context::Error::Keys(_) => "keys",
        context::Error::Workplace(WorkplaceError::NoPin(_)) => "no-pin",
        context::Error::Workplace(_) => "data-directory",
        context::Error::Reader(_) => "reader",
        context::Error::NoBooks(_) => "no-ledger",
        context::Error::Ledger(error) => error.code(),
        context::Error::NotShown(_) => "request-not-shown",
        context::Error::Trace(_) => "trace",
        context::Error::Report { .. } => "report",
        context::Error::NoSecret(_) => "no-secret",
        context::Error::NoNationalId(_) => "no-national-id",
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

impl From<KeyStoreError> for Error {
    fn from(error: KeyStoreError) -> Self {
        Self::Context(error.into())
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
        assert_eq!(
            json(&error),
            json!({
                "schema_version": 1, "error": misfit.to_string(), "code": "card", "situation_code": "9401",
                "happened": "nothing", "request": null,
            })
        );

        let reader = || "R".to_owned();
        for (error, code) in [
            (ReaderError::NoCard { reader: reader() }, "R01"),
            (ReaderError::UnresponsiveCard { reader: reader() }, "R02"),
            (ReaderError::CardRemoved { reader: reader() }, "R03"),
            (ReaderError::Ended, "R04"),
            (ReaderError::NoReader, "R05"),
        ] {
            let error = Error::CardWork(CardWorkError::from(TransportError::from(error)));
            assert_eq!(json(&error)["situation_code"], code, "{error}");
            assert_eq!(error.ending(false), Ending::NoCard, "{error}");
            assert_eq!(error.ending(true), Ending::Unknown, "{error}");
        }
        let error = Error::Ledger(Refusal::UnknownCard(CardId([1; 8])).into());
        let arabic = error.problem(None).text(Language::Arabic);
        assert!(
            arabic.starts_with("cardctl: الكارت ") && arabic.ends_with("(\u{2068}unknown-card\u{2069})"),
            "{arabic}"
        );
        assert_eq!(
            (&json(&error)["code"], &json(&error)["situation_code"]),
            (&"unknown-card".into(), &Value::Null)
        );
    }
}
