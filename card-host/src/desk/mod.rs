//! A desk for simulations and tours: issues cards, sells, reverses and moves credit, with the totals of its bindings in a plain list in
//! memory. It is no ledger: it has no entries, no second person and no payments, and it ends with its program. The ledger's office (feature `ledger`)
//! does the same with cards over books that stay.

mod books;
pub mod card_work;
mod engineering;
mod issue;
mod keys;
mod mail;

pub use mail::{Collected, Mail, Order, Report, deliver};

use std::sync::Arc;

use books::Books;
use card_core::access_number::AccessNumber;
use card_core::id::{CardId, CardRef, Channel, Company, Environment, MeterId, Reference, Scope};
use card_core::message::Voucher;
use card_core::parameters::ParameterError;
use card_core::platform::RandomError;
use card_core::scp03::Mode;
use card_core::terminal::load::{LoadAnswer, LoadOutcome, Misfit, fits, load_voucher};
use card_core::text::{Language, Situation};
use card_core::units::{CardTime, Piastres};

use crate::card::{self, CardError};
use crate::issuer::{AccountError, BindingAccount, Clock, Issuer, IssuerError, SystemClock};
use crate::keystore::{KeyStore, KeyStoreError, SoftwareKeyStore};
use crate::operate::OperateError;
use crate::personalise::PersonaliseError;
use crate::transport::{Transport, TransportError};

/// The desk.
pub struct Desk {
    issuer: Issuer<SoftwareKeyStore>,
    scope: Scope,
    books: Books,
}

/// Company and environment of what is made for development: company 1, test.
pub const fn development_scope() -> Scope {
    Scope { company: Company(1), environment: Environment::Test }
}

/// What a card is to be like.
#[derive(Debug, Clone, Copy)]
pub struct CardChoice {
    /// Mode of SCP03.
    pub mode: Mode,
    /// Whether only a session shows the balance.
    pub private_balance: bool,
    /// Whether another customer's open binding of the same meter is to be closed by this one. Its customer can load nothing any more.
    pub closes_former: bool,
}

/// A card was issued.
#[derive(Debug)]
pub struct Issued {
    /// The binding that it serves.
    pub account: BindingAccount,
    /// What is printed on it. It is shown once and kept nowhere.
    pub access: AccessNumber,
    /// The card that it replaces.
    pub replaces: Option<CardRef>,
}

/// Why the desk did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// The totals.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Signing.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    /// Personalisation.
    #[error(transparent)]
    Personalise(#[from] PersonaliseError),
    /// An issued card.
    #[error(transparent)]
    Operate(#[from] OperateError),
    /// Talking to the card.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The voucher is not for the card that is there. Nothing was sent.
    #[error("{0}")]
    Misfit(#[from] Misfit),
    /// The desk does not know the card.
    #[error("card {0} was not issued here: use the data directory that it was issued with")]
    UnknownCard(CardId),
    /// The card has been replaced.
    #[error("card {0} has been replaced by card {1}: sell to that one")]
    Replaced(CardId, CardId),
    /// The card is a technician's.
    #[error(
        "card {card} is an engineering card of meter {}: it is charged nothing, use the customer's card",
        u64::from_be_bytes(meter.0)
    )]
    Engineering {
        /// The card.
        card: CardId,
        /// Its meter.
        meter: MeterId,
    },
    /// A technician's card has another generation than the customer's.
    #[error(
        "engineering card {card} is of generation {own}, and the customer's card of {customers}: make a blank card an engineering card"
    )]
    EngineersGeneration {
        /// The card.
        card: CardId,
        /// Its generation.
        own: u16,
        /// That of the customer's card.
        customers: u16,
    },
    /// The meter has no contract.
    #[error("meter {} serves no customer: issue a customer's card for it first", u64::from_be_bytes(.0.0))]
    NoContract(MeterId),
    /// There is no slot for it.
    #[error("there is no slot of mail for this: this is a mistake in the program")]
    NoSlot,
    /// What a mail is to say, or what a meter's says.
    #[error("{0}")]
    Parameters(ParameterError),
    /// The meter serves another customer.
    #[error(
        "meter {} serves account {account} with card {card}: close that contract first, or say that this one closes it",
        u64::from_be_bytes(meter.0)
    )]
    MeterInUse {
        /// The meter.
        meter: MeterId,
        /// Whose.
        account: u64,
        /// With which card.
        card: CardId,
    },
    /// A newer binding of the meter has been opened.
    #[error(
        "the contract of card {0} is closed, its meter serves another customer: sell to the customer's new card"
    )]
    Superseded(CardId),
    /// The card in the reader is already in use for something else.
    #[error("card {card} is issued already, for meter {}: use a blank card", u64::from_be_bytes(meter.0))]
    AlreadyIssued {
        /// The card.
        card: CardId,
        /// Its meter.
        meter: MeterId,
    },
    /// Another card than the one that is meant is there.
    #[error("this is card {}, and card {} is meant: use that one", .present.id, .expected.id)]
    OtherCard {
        /// The card that is meant.
        expected: CardRef,
        /// The card that is there.
        present: CardRef,
    },
    /// The card's receipt is authentic, but not about this.
    #[error(
        "the card's receipt is not about this voucher: treat it as forged, and look at the card with `show`"
    )]
    OtherReceipt,
    /// No random numbers.
    #[error("{0}: the operating system's random number source must work")]
    Random(#[from] RandomError),
}

impl From<TransportError> for DeskError {
    fn from(error: TransportError) -> Self {
        Self::Card(error.into())
    }
}

impl Desk {
    /// A desk that has issued nothing yet.
    pub fn new(keys: SoftwareKeyStore, scope: Scope) -> Self {
        let issuer = Issuer::new(Arc::new(keys), SystemClock, CardTime::UNSET);
        Self { issuer, scope, books: Books::default() }
    }

    /// Company and environment.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// The key store.
    pub fn keys(&self) -> &SoftwareKeyStore {
        self.issuer.keys()
    }

    /// What must be shown to whoever uses the desk.
    pub fn warning(&self) -> Option<&str> {
        self.issuer.keys().warning()
    }

    /// All bindings, in the order in which they were opened.
    pub fn accounts(&self) -> &[BindingAccount] {
        &self.books.accounts
    }

    /// The binding that a meter serves now.
    pub fn serving(&self, meter: MeterId) -> Option<&BindingAccount> {
        self.books.serving(meter)
    }

    /// The open binding of a card.
    pub fn account_of(&self, card: CardId) -> Result<&BindingAccount, DeskError> {
        self.books.account_of(card)
    }

    /// The meter that a card was issued for, also where the card has been replaced since.
    pub fn meter_of(&self, card: CardId) -> Result<MeterId, DeskError> {
        self.books.meter_of(card)
    }

    /// The time, as the desk's clock shows it; not set where it does not know.
    pub fn now(&self) -> CardTime {
        SystemClock.now().unwrap_or(CardTime::UNSET)
    }

    /// Sells `amount` to a card through a channel. Where this fails, nothing was
    /// sold. [`can_load`](card_core::terminal::load::can_load) says before whether the card would take it.
    pub fn sell(&mut self, card: CardId, amount: Piastres, channel: Channel) -> Result<Voucher, DeskError> {
        self.certify(card, channel, |account| account.credit(amount))
    }

    /// Takes back `amount` of a confirmed sale, by a debit.
    pub fn reverse(&mut self, card: CardId, amount: Piastres) -> Result<Voucher, DeskError> {
        self.certify(card, Channel::Branch, |account| account.debit(amount))
    }

    /// The same totals once more: activates a replacement card, brings what was sold and never arrived, or renews the time.
    pub fn refresh(&mut self, card: CardId) -> Result<Voucher, DeskError> {
        self.certify(card, Channel::Branch, BindingAccount::refresh)
    }

    fn certify(
        &mut self,
        card: CardId,
        channel: Channel,
        change: impl FnOnce(BindingAccount) -> Result<BindingAccount, AccountError>,
    ) -> Result<Voucher, DeskError> {
        let mut books = self.books.clone();
        let held = books.account_of_mut(card)?;
        *held = change(*held)?;
        let changed = *held;
        if books.is_superseded(&changed) {
            return Err(DeskError::Superseded(card));
        }
        books.sales = books.sales.checked_add(1).ok_or(AccountError::SequenceExhausted)?;
        let voucher = self.issuer.voucher(&changed, channel, Reference::from(books.sales))?;
        self.books = books;
        Ok(voucher)
    }

    /// Loads a voucher, and checks that the card's receipt is authentic and about it.
    pub fn load(
        &mut self,
        transport: &mut impl Transport,
        voucher: &Voucher,
    ) -> Result<LoadAnswer, DeskError> {
        card_work::load_checked(transport, self.issuer.keys(), self.scope, voucher)
    }
}

/// Whether a card's answer is about this voucher.
fn answers(answer: &LoadAnswer, voucher: &Voucher) -> bool {
    let (receipt, certificate) = (&answer.receipt, &voucher.certificate);
    let card = CardRef { id: voucher.card, generation: certificate.generation };
    let totals = (receipt.total_credit, receipt.total_debited);
    let same = receipt.sequence == certificate.sequence
        && totals == (certificate.total_credit, certificate.total_debited);
    let fits = match answer.outcome {
        LoadOutcome::Older => receipt.sequence > certificate.sequence,
        LoadOutcome::Loaded | LoadOutcome::AlreadyLoaded | LoadOutcome::Refreshed => same,
    };
    fits && receipt.card == card && receipt.binding == certificate.binding
}

/// LOAD VOUCHER as a kiosk, bank or phone does it, without any key: SELECT, a look whether the voucher is for this card, and one
/// command.
pub fn load(transport: &mut impl Transport, voucher: &Voucher) -> Result<LoadAnswer, DeskError> {
    let summary = card::select(transport)?;
    fits(voucher, &summary)?;
    Ok(card::ask(transport, &load_voucher(&voucher.emit()))?)
}

/// What an outcome means for the customer.
pub const fn in_words(outcome: LoadOutcome) -> &'static str {
    Situation::of_outcome(outcome).text(Language::English).what
}
