//! Why something was not done: problem details (RFC 9457).

use serde::{Deserialize, Serialize};

use super::Words;

/// The media type of [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `/problems/` and the code: a page at the server that says what to do.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "schema", schema(format = "uri-reference", example = "/problems/card-blocked"))]
    pub kind: String,
    /// The code in words.
    pub title: String,
    /// The status of the answer.
    #[cfg_attr(feature = "schema", schema(minimum = 400, maximum = 599, example = 422))]
    pub status: u16,
    /// What is wrong here, and what to do.
    pub detail: String,
    /// What programs tell problems apart by. It never changes its meaning; new ones may come.
    #[cfg_attr(feature = "schema", schema(pattern = "^[a-z]+(-[a-z]+)*$", example = "card-blocked"))]
    pub code: String,
    /// Whether the same request, with the same id, should be sent again later: it has not been decided, or its answer is not known.
    pub repeat: bool,
    /// Whether the books were asked for the id, and no try of it was being decided there: then nothing comes of an earlier one that had
    /// reached them. Else this is said of this try alone.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Words for the customer, where there is something to tell.
    pub message: Option<Words>,
}

/// Why a sale is paid and not certified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Reason {
    /// As in a problem.
    #[cfg_attr(feature = "schema", schema(pattern = "^[a-z]+(-[a-z]+)*$", example = "card-blocked"))]
    pub code: String,
    /// What is wrong, and what to do.
    pub detail: String,
    /// Words for the customer, where there is something to tell.
    pub message: Option<Words>,
}

impl Problem {
    /// A problem with this code.
    pub fn new(code: Code, detail: String) -> Self {
        Self {
            kind: format!("/problems/{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            detail,
            code: code.as_str().to_owned(),
            repeat: code.repeat(),
            is_final: code.is_final(),
            message: code.message(),
        }
    }

    /// The code, where this program knows it.
    pub fn known(&self) -> Option<Code> {
        Code::ALL.iter().copied().find(|code| code.as_str() == self.code)
    }
}

macro_rules! problems {
    ($($variant:ident $code:literal $status:literal $title:literal,)*) => {
        /// What can be wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $(#[doc = $title] $variant,)* }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The status of the answer.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// In words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

problems! {
    Malformed "malformed" 400 "The request cannot be read",
    NoToken "no-token" 401 "There is no valid token",
    NotAllowed "not-allowed" 403 "The token does not allow this",
    UnknownPoint "unknown-point" 403 "The vending point is not known, or not yours",
    PointClosed "point-closed" 403 "The vending point is closed",
    UnknownParty "unknown-party" 403 "The party is not known, or closed",
    NotSecondPerson "not-second-person" 403 "This person cannot be the second one",
    NoPath "no-path" 404 "There is nothing at this path",
    NoRequest "no-request" 404 "There is no request with this id",
    UnknownCard "unknown-card" 404 "The card is not known",
    UnknownMeter "unknown-meter" 404 "The meter is not known",
    UnknownBinding "unknown-binding" 404 "The contract is not known",
    NoMethod "no-method" 405 "The path does not have this method",
    TooSlow "too-slow" 408 "The request came too slowly",
    OtherRequest "other-request" 409 "The id was used for something else",
    Cancelled "cancelled" 409 "The sale was cancelled",
    AlreadyConfirmed "already-confirmed" 409 "The sale is confirmed",
    Refunded "refunded" 409 "What was paid has been given back",
    WrongStep "wrong-step" 409 "The step does not fit the request",
    MeterInUse "meter-in-use" 409 "The meter serves another customer",
    CardInUse "card-in-use" 409 "The card is issued already",
    TooLarge "too-large" 413 "The body is too large",
    MediaType "media-type" 415 "The body must be JSON",
    Replaced "card-replaced" 422 "The card has been replaced",
    Engineering "engineering-card" 422 "The card is a technician's",
    Blocked "card-blocked" 422 "The card is blocked",
    Closed "contract-closed" 422 "The contract is closed",
    EvidenceNeeded "evidence-needed" 422 "The card must be read first",
    BooksBehind "books-behind" 422 "Card or meter have more than the ledger",
    TooLittle "too-little" 422 "The amount is too small",
    TooMuch "too-much" 422 "The amount is too large",
    DailyLimit "daily-limit" 422 "The vending point has sold its most for today",
    CashLimit "cash-limit" 422 "The vending point would hold too much cash",
    NothingLeft "nothing-left" 422 "Charges leave no credit",
    NoRules "no-rules" 422 "There are no rules for selling here",
    NotLinked "not-linked" 422 "The card is not linked",
    ApprovalNeeded "approval-needed" 422 "A second person is needed",
    MoreThanCertified "more-than-certified" 422 "That is more than was certified",
    BadEvidence "bad-evidence" 422 "The evidence is not authentic",
    Exhausted "contract-exhausted" 422 "The contract can take no more certificates",
    Invalid "invalid" 422 "A value is wrong",
    TooMany "too-many-requests" 429 "Too many requests",
    Internal "internal" 500 "The server has made a mistake",
    Damaged "ledger-damaged" 500 "The ledger contradicts itself",
    Busy "busy" 503 "The server is busy",
    Unavailable "store-unavailable" 503 "The ledger's store cannot be used now",
    Unknown "outcome-unknown" 503 "It is not known whether it was done",
    CannotSign "cannot-sign" 503 "The issuer cannot sign now",
}

impl Code {
    /// Whether the same request should be sent again later.
    pub const fn repeat(self) -> bool {
        matches!(self.status(), 408 | 429 | 503)
    }

    /// Whether it is said only after the books were asked for the id, with no other try being decided. What comes before that, such as a
    /// revoked token, says nothing about an earlier try.
    pub const fn is_final(self) -> bool {
        match self {
            Self::NoPath => false,
            // It is looked at after the request.
            Self::PointClosed => true,
            _ => matches!(self.status(), 404 | 409 | 422),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;

    #[test]
    fn every_code_is_its_own_and_is_written_as_one() {
        for (index, code) in Code::ALL.iter().enumerate() {
            let text = code.as_str();
            assert!(
                text.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())),
                "{text}"
            );
            assert!(Code::ALL.iter().skip(index + 1).all(|other| other.as_str() != text), "{text} twice");
            assert!((400..600).contains(&code.status()));
        }
    }

    #[test]
    fn a_problem_is_written_and_read_back() {
        let problem = Problem::new(Code::Blocked, "card 1 is blocked".to_owned());
        let text = serde_json::to_string(&problem).unwrap();
        assert!(
            text.starts_with(
                r#"{"type":"/problems/card-blocked","title":"The card is blocked","status":422,"#
            ),
            "{text}"
        );
        let back: Problem = serde_json::from_str(&text).unwrap();
        assert_eq!(back, problem);
        assert_eq!(back.known(), Some(Code::Blocked));
        // One that a newer server sends is still a problem.
        let newer: Problem = serde_json::from_str(&text.replace("card-blocked", "card-gone")).unwrap();
        assert_eq!(newer.known(), None);
    }
}
