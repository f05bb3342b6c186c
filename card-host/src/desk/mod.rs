//! A desk for development: issues cards, sells, reverses and moves credit, with the totals of its bindings in a plain list that
//! can be kept in a file. It is no ledger: it has no entries, no second person and no payments. It keeps the order that matters: what was
//! raised is stored before anything that certifies it leaves.

mod file;

pub use file::{DeskFileError, development_scope};

use card_core::access_number::AccessNumber;
use card_core::id::{Binding, CardId, CardRef, Channel, MeterId, Reference, Scope, State};
use card_core::layout::PROFILE_SIZE;
use card_core::message::{MeterReceipt, Verified, Voucher};
use card_core::platform::RandomError;
use card_core::role::Role;
use card_core::scp03::Mode;
use card_core::terminal::load::{LoadAnswer, LoadOutcome, Misfit, fits, load_voucher};
use card_core::text::{Language, Situation};
use card_core::units::{CardTime, Piastres};
use std::path::PathBuf;

use crate::card::{self, CardError};
use crate::issuer::{AccountError, BindingAccount, Clock, Issuer, IssuerError, SystemClock};
use crate::keystore::{KeyStore, KeyStoreError, SoftwareKeyStore};
use crate::operate::{self, OperateError};
use crate::personalise::{Order, Outcome, PersonaliseError, Step, Versions, new_access_number, personalise};
use crate::random::OsRandom;
use crate::transport::{Transport, TransportError};

/// The desk.
pub struct Desk {
    issuer: Issuer<SoftwareKeyStore, SystemClock>,
    scope: Scope,
    accounts: Vec<BindingAccount>,
    replaced: Vec<Replaced>,
    sales: u64,
    path: Option<PathBuf>,
}

/// A card that another one has replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Replaced {
    card: CardRef,
    /// The binding that it served.
    binding: Binding,
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
    /// Whether the card was complete before, so that the access number given with it then still holds.
    pub was_complete: bool,
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
    /// The file with the bindings.
    #[error(transparent)]
    File(#[from] DeskFileError),
    /// The desk does not know the card.
    #[error("card {0} was not issued here: use the data directory that it was issued with")]
    UnknownCard(CardId),
    /// The card has been replaced.
    #[error("card {0} has been replaced by card {1}: sell to that one")]
    Replaced(CardId, CardId),
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
    /// A desk without a file, for tests and tours.
    pub fn new(keys: SoftwareKeyStore, scope: Scope) -> Self {
        let issuer = Issuer::new(keys, SystemClock, CardTime::UNSET);
        Self { issuer, scope, accounts: Vec::new(), replaced: Vec::new(), sales: 0, path: None }
    }

    /// Company and environment.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// The key store.
    pub const fn keys_mut(&mut self) -> &mut SoftwareKeyStore {
        self.issuer.keys_mut()
    }

    /// What must be shown to whoever uses the desk.
    pub fn warning(&self) -> Option<&str> {
        self.issuer.keys().warning()
    }

    /// All bindings, in the order in which they were opened.
    pub fn accounts(&self) -> &[BindingAccount] {
        &self.accounts
    }

    /// The time, as the desk's clock shows it; not set where it does not know.
    pub fn now(&self) -> CardTime {
        SystemClock.now().unwrap_or(CardTime::UNSET)
    }

    /// The open binding of a card.
    pub fn account_of(&self, card: CardId) -> Result<&BindingAccount, DeskError> {
        let index = self.index_of(card)?;
        self.accounts.get(index).ok_or(DeskError::UnknownCard(card))
    }

    /// The meter that a card was issued for, also where the card has been replaced since.
    pub fn meter_of(&self, card: CardId) -> Result<MeterId, DeskError> {
        let replaced = self.replaced.iter().rev().find(|replaced| replaced.card.id == card);
        match (self.index_of(card), replaced) {
            (Err(_), Some(replaced)) => Ok(replaced.binding.meter),
            _ => Ok(self.account_of(card)?.binding.meter),
        }
    }

    /// Where the open binding of a card stands in the list.
    fn index_of(&self, card: CardId) -> Result<usize, DeskError> {
        let of_card = |account: &BindingAccount| account.card.id == card && !account.moved;
        if let Some(index) = self.accounts.iter().rposition(of_card) {
            return Ok(index);
        }
        let replaced = self.replaced.iter().rev().find(|replaced| replaced.card.id == card);
        let replaced = replaced.ok_or(DeskError::UnknownCard(card))?;
        let present = self.accounts.iter().rev().find(|account| account.binding == replaced.binding);
        Err(present
            .map_or(DeskError::UnknownCard(card), |present| DeskError::Replaced(card, present.card.id)))
    }

    /// Whether the meter of this binding has a newer one.
    fn is_superseded(&self, account: &BindingAccount) -> bool {
        account.binding.number.checked_add(1) != Some(self.next_binding(account.binding.meter))
    }

    /// Issues the blank card behind `transport` to an account for a meter: the first card of a new binding, or where the account has a
    /// card on that meter already, its replacement. To be repeated where it was torn.
    pub fn issue(
        &mut self,
        transport: &mut impl Transport,
        meter: MeterId,
        account: u64,
        choice: CardChoice,
        progress: &mut dyn FnMut(Step),
    ) -> Result<Issued, DeskError> {
        let summary = card::select(transport)?.summary;
        let open =
            |held: &&BindingAccount| held.binding.meter == meter && !held.moved && !self.is_superseded(held);
        let serving = self.accounts.iter().find(open).copied();
        if let Some(held) = serving.filter(|held| held.account != account && !choice.closes_former) {
            return Err(DeskError::MeterInUse { meter, account: held.account, card: held.card.id });
        }
        let present = serving.filter(|held| held.account == account);
        let present = present.and_then(|held| self.accounts.iter().position(|account| *account == held));
        let (before, replaces) = match present {
            Some(index) => {
                let held = self.at(index)?;
                // The same card again: an issue that was torn.
                if held.card.id == summary.card.id {
                    (held, None)
                } else {
                    self.require_blank(&summary)?;
                    let renewed = self.renewed(held, summary.card.id)?;
                    self.replaced.push(Replaced { card: held.card, binding: held.binding });
                    self.put(Some(index), renewed)?;
                    (renewed, Some(held.card))
                }
            }
            None => {
                self.require_blank(&summary)?;
                let opened = self.opened(meter, account, CardRef { id: summary.card.id, generation: 1 })?;
                let opened = opened.refresh()?;
                self.put(None, opened)?;
                (opened, None)
            }
        };
        let access = new_access_number(&mut OsRandom)?;
        let order = Order {
            scope: self.scope,
            card: before.card,
            mode: choice.mode,
            flags: u8::from(choice.private_balance),
            issue_time: self.now(),
            expiry_time: CardTime::UNSET,
            profile: profile(account),
            binding: self.issuer.binding_certificate(&before)?,
            certificate: self.issuer.certificate(&before)?,
            access: &access,
            versions: Versions::current(self.issuer.keys())?,
        };
        let outcome = personalise(transport, self.issuer.keys_mut(), &order, &mut OsRandom, progress)?;
        let was_complete = outcome == Outcome::AlreadyDone;
        self.store()?;
        Ok(Issued { account: before, access, replaces, was_complete })
    }

    /// Sells `amount` to a card through a channel. The totals are stored before the voucher is given out.
    pub fn sell(&mut self, card: CardId, amount: Piastres, channel: Channel) -> Result<Voucher, DeskError> {
        self.certify(card, channel, |account| account.credit(amount))
    }

    /// Takes back `amount` of a confirmed sale, by a debit.
    pub fn reverse(&mut self, card: CardId, amount: Piastres) -> Result<Voucher, DeskError> {
        self.certify(card, Channel::Branch, |account| account.debit(amount))
    }

    /// The same totals once more: activates a replacement card, or renews the time.
    pub fn refresh(&mut self, card: CardId) -> Result<Voucher, DeskError> {
        self.certify(card, Channel::Branch, BindingAccount::refresh)
    }

    fn certify(
        &mut self,
        card: CardId,
        channel: Channel,
        change: impl FnOnce(BindingAccount) -> Result<BindingAccount, AccountError>,
    ) -> Result<Voucher, DeskError> {
        let index = self.index_of(card)?;
        let held = self.at(index)?;
        if self.is_superseded(&held) {
            return Err(DeskError::Superseded(card));
        }
        let changed = change(held)?;
        self.sales += 1;
        let reference = Reference::from(self.sales);
        self.put(Some(index), changed)?;
        let voucher = self.issuer.voucher(&changed, channel, reference)?;
        self.store()?;
        Ok(voucher)
    }

    /// Loads a voucher and checks the card's receipt.
    pub fn load(
        &mut self,
        transport: &mut impl Transport,
        voucher: &Voucher,
    ) -> Result<LoadAnswer, DeskError> {
        let answer = load(transport, voucher)?;
        self.issuer.keys_mut().verify_receipt(self.scope, answer.receipt)?;
        Ok(answer)
    }

    /// Opens a binding on another meter for the customer of `card`, and moves to it what the final report of the closed one says was
    /// left. The card is bound to it.
    pub fn move_to_meter(
        &mut self,
        transport: &mut impl Transport,
        meter: MeterId,
        report: &Verified<MeterReceipt>,
    ) -> Result<BindingAccount, DeskError> {
        let card = operate::present(transport)?;
        let closed_index = self.accounts.iter().position(|account| account.binding == report.binding);
        let closed_index = closed_index.ok_or(DeskError::UnknownCard(card.id))?;
        let closed = self.at(closed_index)?;
        let opened = if closed.moved {
            // Moved before, but the card may not have heard of it.
            *self.account_of(card.id)?
        } else {
            let opened = closed.open_binding(meter, self.next_binding(meter), self.now())?;
            let (opened, closed) = opened.move_from(closed, report)?;
            self.replace(closed_index, closed)?;
            self.accounts.push(opened);
            self.store()?;
            opened
        };
        let binding = self.issuer.binding_certificate(&opened)?;
        let certificate = self.issuer.certificate(&opened)?;
        let meter_key = self.issuer.keys().current(Role::Meter)?;
        operate::rebind(transport, self.issuer.keys_mut(), meter_key, &binding, &certificate, &mut OsRandom)?;
        self.store()?;
        Ok(opened)
    }

    fn opened(&self, meter: MeterId, account: u64, card: CardRef) -> Result<BindingAccount, DeskError> {
        let keys = self.issuer.keys();
        Ok(BindingAccount {
            scope: self.scope,
            binding: Binding { meter, number: self.next_binding(meter) },
            account,
            card,
            load_key: keys.current(Role::Load)?,
            credit_key: keys.current(Role::Credit)?,
            parameter_keys: keys.current(Role::Parameter)?,
            sequence: 0,
            total_credit: Piastres::ZERO,
            total_debited: Piastres::ZERO,
            opening_time: self.now(),
            moved: false,
        })
    }

    fn renewed(&self, held: BindingAccount, card: CardId) -> Result<BindingAccount, DeskError> {
        let load_key = self.issuer.keys().current(Role::Load)?;
        Ok(BindingAccount { load_key, ..held.replace_card(card)? })
    }

    fn next_binding(&self, meter: MeterId) -> u32 {
        let of_meter = self.accounts.iter().filter(|account| account.binding.meter == meter);
        of_meter.map(|account| account.binding.number).max().unwrap_or(0).saturating_add(1)
    }

    fn require_blank(&self, summary: &card_core::layout::CardSummary) -> Result<(), DeskError> {
        match (summary.state, self.account_of(summary.card.id)) {
            (Some(State::Blank), _) => Ok(()),
            (_, Ok(account)) => {
                Err(DeskError::AlreadyIssued { card: summary.card.id, meter: account.binding.meter })
            }
            (Some(state), Err(_)) => Err(PersonaliseError::NotBlank(state).into()),
            (None, Err(_)) => Err(PersonaliseError::MemoryFailure.into()),
        }
    }

    fn at(&self, index: usize) -> Result<BindingAccount, DeskError> {
        self.accounts.get(index).copied().ok_or(AccountError::OtherBinding.into())
    }

    fn replace(&mut self, index: usize, account: BindingAccount) -> Result<(), DeskError> {
        *self.accounts.get_mut(index).ok_or(AccountError::OtherBinding)? = account;
        Ok(())
    }

    /// Changes or adds an account and stores it, before anything that certifies it can leave.
    fn put(&mut self, index: Option<usize>, account: BindingAccount) -> Result<(), DeskError> {
        match index {
            Some(index) => self.replace(index, account)?,
            None => self.accounts.push(account),
        }
        self.store()
    }
}

/// LOAD VOUCHER as a kiosk, bank or phone does it, without any key: SELECT, a look whether the voucher is for this card, and one
/// command.
pub fn load(transport: &mut impl Transport, voucher: &Voucher) -> Result<LoadAnswer, DeskError> {
    let summary = card::select(transport)?.summary;
    fits(voucher, &summary)?;
    Ok(operate::ask(transport, &load_voucher(&voucher.emit()))?)
}

/// What an outcome means for the customer.
pub const fn in_words(outcome: LoadOutcome) -> &'static str {
    Situation::of_outcome(outcome).text(Language::English).what
}

fn profile(account: u64) -> [u8; PROFILE_SIZE] {
    let mut profile = [0; PROFILE_SIZE];
    for (to, from) in profile.iter_mut().zip(account.to_be_bytes()) {
        *to = from;
    }
    profile
}
