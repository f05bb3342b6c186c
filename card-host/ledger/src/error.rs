//! Why the ledger did not do it.

use card_core::id::{Binding, CardId, MeterId};
use card_core::role::KeyVersion;
use card_core::units::{Balance, CardTime, Piastres};

use super::entry::Entry;
use super::names::{NameError, PartyCode, PointCode, RequestId};
use super::policy::refusal::PaperRefusal;
use super::powers::Power;
use card_host::issuer::{AccountError, IssuerError};
use card_host::keystore::{KeyStoreError, MemoryError};

/// Why the ledger did not do it.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A rule forbids it. Nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Signing. Nothing was written.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// It is an older copy. Nothing was written.
    #[error(transparent)]
    Anchor(#[from] AnchorError),
    /// The keys are not those of this ledger. Nothing was written.
    #[error(transparent)]
    Masters(#[from] MastersError),
    /// The time. Nothing was written.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// A name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A store that did not run what it was given.
    #[error("the store ended a transaction that it had not run: this is a mistake in the program")]
    NotRun,
}

impl LedgerError {
    /// Whether what was asked may have been done: repeat it with the same id of the request, the answer will be the same.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Store(StoreError::OutcomeUnknown(_)))
    }

    /// Whether a repetition may succeed: the store was not there, or the outcome is unknown.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_)))
    }
}

impl From<AccountError> for LedgerError {
    fn from(error: AccountError) -> Self {
        Self::Issuer(error.into())
    }
}

impl From<KeyStoreError> for LedgerError {
    fn from(error: KeyStoreError) -> Self {
        Self::Issuer(error.into())
    }
}

/// Why the masters of a key store are not taken for a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MastersError {
    /// One has another check value than the ledger knows.
    #[error(
        "the {role} master {0} is not the one that this ledger works with, and nothing was done: name the key store or token of this company, or \
         restore it from its copy", role = .0.role().map_or_else(String::new, |role| role.to_string())
    )]
    Others(KeyVersion),
    /// One is not there.
    #[error(
        "this ledger works with master {0}, and the key store is older, and nothing was done: put its newest copy there"
    )]
    Older(KeyVersion),
}

/// Why a time is not believed. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// Before the last entry of the vending point.
    #[error(
        "this clock shows {} s before the last entry of vending point {point}, so one of the two is wrong, and nothing was done: where this clock is \
         wrong, set it; where it is right, two people bring the vending point back to it (`cardctl ledger clock {point}`)",
        .last.0.saturating_sub(.now.0)
    )]
    Behind {
        /// The vending point.
        point: PointCode,
        /// What the clock shows.
        now: CardTime,
        /// The time of the last entry.
        last: CardTime,
    },
    /// Far after the newest entry of all, and nothing says that it is right.
    #[error(
        "this clock shows {} s after the newest entry of the ledger, and {}, so nothing was done: where this clock is wrong, set it; where it is \
         right, two people say so (`cardctl ledger clock office`)",
        .now.0.saturating_sub(.newest.0), beside(*.now, *.database)
    )]
    Ahead {
        /// What the clock shows.
        now: CardTime,
        /// The time of the newest entry.
        newest: CardTime,
        /// What the database's clock shows, where that is another one.
        database: Option<CardTime>,
    },
}

fn beside(now: CardTime, database: Option<CardTime>) -> String {
    match database.filter(|database| now.0 > database.0) {
        Some(database) => format!("{} s after the clock of the database", now.0.saturating_sub(database.0)),
        None => "no time server is known to keep this machine's clock right".to_owned(),
    }
}

/// Why nothing is booked: the ledger and its anchor do not fit. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The ledger is older than what was written to it.
    #[error(
        "this ledger is an older copy: entry {number} of vending point {point} was written, and it is not there{moved}, so nothing was done; put the \
         newest copy in its place, or declare it with `cardctl ledger restored`"
    )]
    Behind {
        /// The vending point.
        point: PointCode,
        /// The entry.
        number: u64,
        /// Where the ledger is now and where it was, in brackets; nothing where that is the same.
        moved: String,
    },
    /// What remembers how far it had come cannot be asked, or knows of other books.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl From<PaperRefusal> for LedgerError {
    fn from(refusal: PaperRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}

/// What happened in a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not there, or not able. Nothing was written.
    #[error("the ledger's store cannot be used now ({0}): nothing was written; see to the store and repeat")]
    Unavailable(String),
    /// It failed while it committed.
    #[error("the ledger's store failed while it wrote ({0}): repeat with the same id, nothing is done twice")]
    OutcomeUnknown(String),
    /// What it holds is not a ledger, or of another version, company or environment.
    #[error("this is not the ledger that is meant ({0}): nothing was changed; see which one is opened")]
    Other(String),
    /// The file that was to be made is there already. It was not touched.
    #[error("{} exists already and is not replaced: choose another name", .0.display())]
    Exists(std::path::PathBuf),
    /// It is set up so that it does not do, or this user may not, or it can only be read. Nothing was written.
    #[error("the ledger's store is not set up for this ({0}): nothing was written; change that, and repeat")]
    Unfit(String),
    /// What it holds contradicts itself.
    #[error(
        "the ledger contradicts itself ({0}): stop selling, run `cardctl audit verify`, and restore a copy"
    )]
    Corrupt(String),
    /// Writing was asked for in a reading transaction.
    #[error("nothing can be written in a transaction that reads: this is a mistake in the program")]
    ReadOnly,
}

/// A rule that forbids a sale or a correction. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The same id was used for something else.
    #[error("request {0} was used for something else: repeat with what was asked first, or take a new id")]
    OtherRequest(RequestId),
    /// There is no such request.
    #[error("there is no request {0} of this party: announce the sale first")]
    NoRequest(RequestId),
    /// There is no such vending point, or it is another party's.
    #[error("vending point {0} is not known, or not yours: have the company enter it")]
    UnknownPoint(PointCode),
    /// The vending point is closed.
    #[error("vending point {0} may not sell: ask the company")]
    PointClosed(PointCode),
    /// The party is not known or closed.
    #[error("party {0} is not known, or may not sell: ask the company")]
    UnknownParty(PartyCode),
    /// No such card.
    #[error("card {0} was not issued here: look at its number")]
    UnknownCard(CardId),
    /// No such meter.
    #[error("meter {0} serves no customer: look at its number")]
    UnknownMeter(MeterId),
    /// The meter serves another customer.
    #[error(
        "meter {meter} serves another customer, with card {card}: look at the numbers; where that one has gone, `cardctl move-in` ends that contract"
    )]
    MeterInUse {
        /// The meter.
        meter: MeterId,
        /// Card of its customer.
        card: CardId,
    },
    /// The account has a card for this meter.
    #[error(
        "this account has card {card} for meter {meter}: `cardctl replace --meter {meter} --reason lost` (or damaged, upgrade, returned) gives it another"
    )]
    HasCard {
        /// The meter.
        meter: MeterId,
        /// The card.
        card: CardId,
    },
    /// The card is somebody's.
    #[error("card {0} is issued already: use a blank card")]
    CardInUse(CardId),
    /// No such binding.
    #[error(
        "meter {} has no contract number {} here: look at the number, or which ledger is opened",
        .0.meter, .0.number
    )]
    UnknownBinding(Binding),
    /// Its meter has sealed no readings.
    #[error(
        "what the month has had in contract {} of meter {} is not known: have the meter read out (`cardctl mail command read-out`), collect its \
         readings, and ask again",
        .0.number, .0.meter
    )]
    MonthUnknown(Binding),
    /// Replaced.
    #[error("card {0} has been replaced by card {1}: use that one")]
    Replaced(CardId, CardId),
    /// A technician's card.
    #[error("card {0} is an engineering card: it is charged nothing, use the customer's card")]
    Engineering(CardId),
    /// Blocked.
    #[error("card {0} is blocked: its customer gets a new one at a branch")]
    Blocked(CardId),
    /// Closed.
    #[error("the contract of this card is closed: use the customer's new card")]
    Closed(Binding),
    /// Not ended.
    #[error(
        "contract {} of meter {} has not ended: end it first (`cardctl move-out`, or `cardctl terminate`)", .0.number, .0.meter
    )]
    NotEnded(Binding),
    /// After a restore.
    #[error(
        "the ledger was restored from a copy, and this contract has not been seen since: hand in what is newer than the copy, a receipt of the present card or a report of its meter; where nothing is, read the card at a branch (`cardctl collect`)"
    )]
    EvidenceNeeded(Binding),
    /// After a restore, a card that is not known, or not to serve the contract that it shows.
    #[error(
        "the ledger does not know card {0}, or not for this contract; it was restored from a copy, and may have lost it: look at the card's number, and have the company enter what the card shows (`cardctl ledger recover-card`)"
    )]
    LostCard(CardId),
    /// A final report that says too much was left.
    #[error(
        "the memory of meter {} went back, so its final report of contract number {} does not say what was used since: propose an estimate to a second person (`cardctl ledger move --estimate`)",
        .0.meter, .0.number
    )]
    WentBack(Binding),
    /// A final report that says that more was left than the reports before it allow.
    #[error(
        "the final report of contract number {} of meter {} says that {left} EGP are left, and by its reports before it are at most {expected} EGP: have the meter inspected, and propose what is right to a second person (`cardctl ledger move --estimate`)",
        .from.number, .from.meter
    )]
    AboveExpectation {
        /// The contract that has ended.
        from: Binding,
        /// What its final report says.
        left: Balance,
        /// What is left at most by the reports before it.
        expected: Balance,
    },
    /// After a restore, what may have been moved after the copy.
    #[error(
        "the ledger was restored from a copy: what was left in contract number {} of meter {} may have been moved already, to a contract that the copy does not know; look at what the customer paid, and where it was not moved, propose to a second person to move it to the contract on meter {} (`cardctl ledger move --estimate`)",
        .from.number, .from.meter, .to.meter
    )]
    MayBeMoved {
        /// The contract that has ended.
        from: Binding,
        /// The one that it would go to.
        to: Binding,
    },
    /// Nothing was restored.
    #[error(
        "no restore of this ledger was declared, so a card that it does not know is not of this ledger: look which ledger is opened; where it was restored from a copy, declare it (`cardctl ledger restored`)"
    )]
    NothingRestored,
    /// There is nothing to recover: the card serves its contract here.
    #[error("card {0} is known here and serves this contract: hand in what it brings (`cardctl collect`)")]
    CardServes(CardId),
    /// A contract that was lost, and that a newer one of its meter has closed.
    #[error(
        "contract number {} of meter {} was closed by number {newest}: use the card of that one, or a new one; what is left in this one is credited by two people",
        .binding.number, .binding.meter
    )]
    OlderContract {
        /// The contract.
        binding: Binding,
        /// Number of the meter's newest contract.
        newest: u32,
    },
    /// Another contract has the number.
    #[error(
        "contract number {} of meter {} is another one here, with another customer or opening time: open a new contract, and have what the card shows credited by two people",
        .0.number, .0.meter
    )]
    OtherContract(Binding),
    /// The card was replaced.
    #[error(
        "card {card} is not newer than card {present}, which serves this contract: use that one, or issue a new card"
    )]
    NotNewer {
        /// The card.
        card: CardId,
        /// The present card of the contract.
        present: CardId,
    },
    /// Card or meter have more than the ledger has certified.
    #[error(
        "card or meter {} have more than the ledger has certified: where the ledger was restored from a copy, declare it (`cardctl ledger restored`) and hand in the card's certificate or the channels' vouchers; else have the meter looked at",
        .0.meter
    )]
    BooksBehind(Binding),
    /// Too little.
    #[error("{amount} EGP are less than can be sold here: at least {least} EGP")]
    TooLittle {
        /// What was asked for.
        amount: Piastres,
        /// The least.
        least: Piastres,
    },
    /// Too much.
    #[error("{amount} EGP are more than can be sold here at once: at most {most} EGP")]
    TooMuch {
        /// What was asked for.
        amount: Piastres,
        /// The most.
        most: Piastres,
    },
    /// The day's limit of the vending point.
    #[error(
        "vending point {point} has sold {sold} EGP today and may sell {most} EGP: go on tomorrow, or ask the company"
    )]
    DailyLimit {
        /// Which.
        point: PointCode,
        /// Sold today.
        sold: Piastres,
        /// The limit.
        most: Piastres,
    },
    /// The cash limit of the vending point.
    #[error("vending point {point} would hold more than {most} EGP: hand over the cash first")]
    CashLimit {
        /// Which.
        point: PointCode,
        /// The limit.
        most: Piastres,
    },
    /// Fees, levies and debts take all of it.
    #[error("fees and levies leave no credit of {0} EGP: sell more")]
    NothingLeft(Piastres),
    /// There are no rules for this channel.
    #[error("there are no rules for selling through this channel: have the company enter them")]
    NoPolicy,
    /// The customer of a bank has not linked the card.
    #[error("card {0} is not linked to an account of this bank: its holder must agree first")]
    NotLinked(CardId),
    /// Linked to another account of the bank.
    #[error("card {0} is linked to another account of this bank: its holder ends that link first")]
    LinkedToOther(CardId),
    /// A second person is needed.
    #[error("{amount} EGP need a second person: announce it, have it approved by another one, then go on")]
    ApprovalNeeded {
        /// What was asked for.
        amount: Piastres,
    },
    /// Somebody without the power.
    #[error("{actor} may not do this, which takes the power {power:?}: have it done by somebody who may", power = .power.code())]
    NotAllowed {
        /// Who tried.
        actor: String,
        /// The power.
        power: Power,
    },
    /// Not one of the staff, or not that one's secret.
    #[error(
        "{0} is not known here with this secret: look at name and secret; where the secret is lost, have it renewed (`cardctl staff renew`)"
    )]
    NotStaff(String),
    /// Nobody of this name.
    #[error("{0} is no member of staff: see who is (`cardctl staff list`)")]
    NoStaff(String),
    /// The name is taken, in this or another spelling.
    #[error("{0} is a member of staff already: take another name, or change what that one may do")]
    StaffThere(String),
    /// It was done before, with a secret that was shown then.
    #[error(
        "{0} has got a secret under this id, which is kept nowhere: where it is lost, have it renewed (`cardctl staff renew`)"
    )]
    SecretGone(String),
    /// A ledger without staff.
    #[error(
        "this ledger was founded for a single user, who does everything: found one with staff to have any (`cardctl ledger begin --staff NAME`)"
    )]
    SingleUser,
    /// The same person, or one who may not.
    #[error("{actor} cannot be the second person for this: it must be another one who may approve")]
    NotSecondPerson {
        /// Who tried.
        actor: String,
    },
    /// It was asked for, and takes another person.
    #[error(
        "this takes two people: it is entered as request {0}; another one approves it (`cardctl ledger approve {0}`), then the same again \
         with that id does it"
    )]
    SecondPerson(RequestId),
    /// More credit than may come without a payment.
    #[error(
        "{amount} EGP are more than the rules allow without a payment, at most {most} EGP: look at what was paid; where it is right, two \
         people raise the bound (`without_payment` in `cardctl ledger rules`)"
    )]
    MoreThanAllowed {
        /// What was asked for.
        amount: Piastres,
        /// The most.
        most: Piastres,
    },
    /// Cash for credit that is used already.
    #[error(
        "{amount} EGP are more than the {left} EGP that are left by the meter's newest report: give back what is left, or correct \
         what was certified without cash"
    )]
    MoreThanLeft {
        /// What was asked for.
        amount: Piastres,
        /// What is left.
        left: Piastres,
    },
    /// Nobody has the account.
    #[error("nobody has account {0}: look at the number on the contract")]
    UnknownAccount(u64),
    /// It was cancelled.
    #[error("the sale was cancelled: what was paid is the customer's, give it back")]
    Cancelled,
    /// It was confirmed.
    #[error("the sale is confirmed: take it back with a correction at a branch")]
    AlreadyConfirmed,
    /// It was given back.
    #[error("what was paid has been given back: sell anew")]
    Refunded,
    /// This request is none that takes this step.
    #[error("this step does not fit request {0}: see its status")]
    WrongStep(RequestId),
    /// The correction is more than was certified.
    #[error(
        "{amount} EGP are more than the {certified} EGP that stand to the customer's credit in the books"
    )]
    MoreThanCertified {
        /// What was asked for.
        amount: Piastres,
        /// What stands there.
        certified: Piastres,
    },
    /// Evidence is not authentic, or not about this ledger's cards and meters.
    #[error("what was handed in is not authentic or not ours ({0}): it was not stored; treat it as forged")]
    BadEvidence(String),
    /// Nobody said why, or at too great length.
    #[error("say why, on one line of 1 to {} characters: the books keep the reason for good", Entry::REASON)]
    NoReason,
    /// What the company asks for at a desk is not there.
    #[error(transparent)]
    Papers(#[from] PaperRefusal),
    /// Some value is wrong.
    #[error("{0}")]
    Invalid(String),
}
