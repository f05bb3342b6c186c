//! Why something was not done, as an answer: every refusal of the ledger has its code and status here.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use card_channel::wire::{Code, MEDIA_TYPE, Problem};
use card_host::issuer::IssuerError;
use card_ledger::{LedgerError, Refusal, StoreError};

/// After how many seconds to come again, where nothing better is known.
const AGAIN: u64 = 2;

/// The longest detail, in characters: what was sent is quoted in some.
const DETAIL: usize = 400;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: Code,
    pub(super) detail: String,
    /// After how many seconds to come again.
    pub(super) again: Option<u64>,
    /// What went wrong within the company: for the log, and for no channel.
    pub(super) inner: Option<String>,
}

/// What stands in the log about a failure, beside the answer.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) code: Code,
    pub(super) inner: Option<String>,
}

impl Failure {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        let again = code.repeat().then_some(AGAIN);
        Self { code, detail: shortened(&detail.into()), again, inner: None }
    }

    /// What a channel is told of an error. Rules say themselves what to do; what is wrong within the company is for the log.
    pub(super) fn of(error: &LedgerError) -> Self {
        let code = code_of(error);
        match error {
            LedgerError::Refused(_) | LedgerError::Name(_) => Self::new(code, error.to_string()),
            LedgerError::Store(_)
            | LedgerError::Issuer(_)
            | LedgerError::Anchor(_)
            | LedgerError::Masters(_)
            | LedgerError::Clock(_)
            | LedgerError::NotRun => {
                Self { inner: Some(shortened(&error.to_string())), ..Self::new(code, within(code)) }
            }
        }
    }

    /// The same for who has named the number of a meter, and not its card: which card it is stays with the company.
    pub(super) fn about(self, to_card: bool) -> Self {
        let detail = match self.code {
            _ if to_card => return self,
            Code::Blocked => "the card of this meter is blocked: its customer gets a new one at a branch",
            Code::NotLinked => "the card of this meter is not linked to a customer of yours: link it first",
            _ => return self,
        };
        Self { detail: detail.to_owned(), ..self }
    }

    /// For the log: the code, and what is wrong within the company.
    pub(super) fn told(&self) -> Told {
        Told { code: self.code, inner: self.inner.clone() }
    }

    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Code::Malformed, detail)
    }

    pub(super) fn unknown() -> Self {
        let detail =
            "the answer takes too long, and the work goes on: repeat with the same id, nothing is done twice";
        Self::new(Code::Unknown, detail)
    }

    pub(super) fn problem(&self) -> Problem {
        Problem::new(self.code, self.detail.clone())
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::of(&error)
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(DETAIL).collect()
}

/// What to do about what is wrong within the company. It also stands where the money is booked and the voucher is not there yet.
const fn within(code: Code) -> &'static str {
    match code {
        Code::Unavailable => {
            "the company's books cannot be used now: this try did nothing; repeat with the same id"
        }
        Code::Unknown => {
            "it is not known whether it was done: repeat with the same id, nothing is done twice"
        }
        Code::CannotSign => "the company cannot sign now: repeat with the same id, nothing is done twice",
        Code::Exhausted => "this contract can take no more charges: send the customer to a branch",
        Code::Damaged => {
            "the company's books have a fault: tell the company, and keep the id; the outcome is unknown"
        }
        _ => "the server has made a mistake: tell the company, and keep the id; the outcome is unknown",
    }
}

/// The code of an error of the ledger.
fn code_of(error: &LedgerError) -> Code {
    match error {
        LedgerError::Refused(refusal) => code_of_refusal(refusal),
        LedgerError::Store(StoreError::Unavailable(_) | StoreError::Unfit(_)) => Code::Unavailable,
        LedgerError::Store(StoreError::OutcomeUnknown(_)) => Code::Unknown,
        LedgerError::Store(StoreError::Other(_) | StoreError::Corrupt(_)) => Code::Damaged,
        LedgerError::Store(StoreError::ReadOnly | StoreError::Exists(_)) | LedgerError::NotRun => {
            Code::Internal
        }
        LedgerError::Issuer(IssuerError::Account(_)) => Code::Exhausted,
        LedgerError::Issuer(
            IssuerError::NoTime | IssuerError::ClockBeforeBuild { .. } | IssuerError::Keys(_),
        ) => Code::CannotSign,
        LedgerError::Issuer(_) => Code::Internal,
        LedgerError::Anchor(_) => Code::Unavailable,
        LedgerError::Clock(_) | LedgerError::Masters(_) => Code::CannotSign,
        LedgerError::Name(_) => Code::Malformed,
    }
}

// Without a wildcard: who adds a refusal says here what channels are told.
const fn code_of_refusal(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::OtherRequest(_) => Code::OtherRequest,
        Refusal::NoRequest(_) => Code::NoRequest,
        Refusal::UnknownPoint(_) => Code::UnknownPoint,
        Refusal::PointClosed(_) => Code::PointClosed,
        Refusal::UnknownParty(_) => Code::UnknownParty,
        Refusal::UnknownCard(_) | Refusal::LostCard(_) => Code::UnknownCard,
        Refusal::UnknownMeter(_) => Code::UnknownMeter,
        Refusal::MeterInUse { .. } => Code::MeterInUse,
        Refusal::CardInUse(_) | Refusal::HasCard { .. } => Code::CardInUse,
        Refusal::UnknownBinding(_) => Code::UnknownBinding,
        Refusal::Replaced(..) => Code::Replaced,
        Refusal::Engineering(_) => Code::Engineering,
        Refusal::Blocked(_) => Code::Blocked,
        Refusal::Closed(_) => Code::Closed,
        Refusal::EvidenceNeeded(_) => Code::EvidenceNeeded,
        Refusal::BooksBehind(_) => Code::BooksBehind,
        Refusal::TooLittle { .. } => Code::TooLittle,
        Refusal::TooMuch { .. } => Code::TooMuch,
        Refusal::DailyLimit { .. } => Code::DailyLimit,
        Refusal::CashLimit { .. } => Code::CashLimit,
        Refusal::NothingLeft(_) => Code::NothingLeft,
        Refusal::NoPolicy => Code::NoRules,
        Refusal::NotLinked(_) | Refusal::LinkedToOther(_) => Code::NotLinked,
        Refusal::ApprovalNeeded { .. } => Code::ApprovalNeeded,
        Refusal::NotAllowed { .. } => Code::NotAllowed,
        Refusal::NotSecondPerson { .. } => Code::NotSecondPerson,
        Refusal::Cancelled => Code::Cancelled,
        Refusal::AlreadyConfirmed => Code::AlreadyConfirmed,
        Refusal::Refunded => Code::Refunded,
        Refusal::WrongStep(_) => Code::WrongStep,
        Refusal::MoreThanCertified { .. } => Code::MoreThanCertified,
        Refusal::BadEvidence(_) => Code::BadEvidence,
        Refusal::NoReason => Code::Malformed,
        // The company alone moves credit and recovers cards, and not through a channel.
        Refusal::WentBack(_)
        | Refusal::AboveExpectation { .. }
        | Refusal::MayBeMoved { .. }
        | Refusal::MonthUnknown(_)
        | Refusal::NotEnded(_)
        | Refusal::NothingRestored
        | Refusal::CardServes(_)
        | Refusal::OlderContract { .. }
        | Refusal::OtherContract(_)
        | Refusal::NotNewer { .. }
        | Refusal::NotStaff(_)
        | Refusal::NoStaff(_)
        | Refusal::StaffThere(_)
        | Refusal::SingleUser
        | Refusal::SecretGone(_)
        | Refusal::SecondPerson(_)
        | Refusal::MoreThanAllowed { .. }
        | Refusal::MoreThanLeft { .. }
        | Refusal::UnknownAccount(_)
        | Refusal::Papers(_)
        | Refusal::Invalid(_) => Code::Invalid,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // A structure of texts can always be written.
        let body = serde_json::to_vec(&self.problem()).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        response.extensions_mut().insert(self.told());
        let headers = response.headers_mut();
        if self.code == Code::NoToken {
            let challenge = HeaderValue::from_static("Bearer realm=\"channels\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(again) = self.again {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(again));
        }
        if self.code == Code::MediaType {
            headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if matches!(self.code, Code::TooSlow | Code::TooLarge) {
            // What is left of the body is not waited for.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;
    use card_core::id::CardId;
    use card_core::units::Piastres;

    #[test]
    fn errors_have_their_status_and_say_whether_to_repeat() {
        let card = CardId::from(1);
        let cases: [(LedgerError, u16, &str, bool); 9] = [
            (Refusal::OtherRequest("a".parse().unwrap()).into(), 409, "other-request", false),
            (Refusal::NoRequest("a".parse().unwrap()).into(), 404, "no-request", false),
            (Refusal::UnknownCard(card).into(), 404, "unknown-card", false),
            (Refusal::Blocked(card).into(), 422, "card-blocked", false),
            (Refusal::TooMuch { amount: Piastres(2), most: Piastres(1) }.into(), 422, "too-much", false),
            (Refusal::UnknownPoint("a".parse().unwrap()).into(), 403, "unknown-point", false),
            (StoreError::Unavailable("gone".to_owned()).into(), 503, "store-unavailable", true),
            (StoreError::OutcomeUnknown("gone".to_owned()).into(), 503, "outcome-unknown", true),
            (StoreError::Corrupt("a hole".to_owned()).into(), 500, "ledger-damaged", false),
        ];
        for (error, status, code, repeat) in cases {
            let (text, failure) = (error.to_string(), Failure::from(error));
            let problem = failure.problem();
            assert_eq!((problem.status, problem.code.as_str(), problem.repeat), (status, code, repeat));
            let response = failure.into_response();
            let told = response.extensions().get::<Told>().unwrap();
            assert_eq!(told.code.as_str(), code);
            if status < 500 {
                assert_eq!(problem.detail, text);
                assert!(told.inner.is_none(), "{told:?}");
            } else {
                // What is wrong within the company is for its log.
                assert!(
                    !problem.detail.contains("gone") && !problem.detail.contains("a hole"),
                    "{problem:?}"
                );
                assert!(!problem.detail.contains("cardctl"), "{problem:?}");
                assert_eq!(told.inner.as_deref(), Some(text.as_str()));
            }
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().get(header::CONTENT_TYPE).unwrap(), MEDIA_TYPE);
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), repeat);
        }
    }

    #[test]
    fn what_was_sent_is_not_quoted_at_length() {
        let failure = Failure::malformed("x".repeat(10_000));
        assert_eq!(failure.detail.len(), DETAIL);
    }
}
