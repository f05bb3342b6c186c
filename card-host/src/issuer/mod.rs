//! Makes what an issuer signs: certificates, vouchers, deliveries. Totals come from the ledger as a [`BindingAccount`], signatures from a
//! [`KeyStore`], times from a [`Clock`] that is checked.

mod account;

pub use account::{AccountError, BindingAccount, LAST_TOTAL};

use std::fmt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use card_core::id::{Channel, Reference};
use card_core::message::{BindingCertificate, Certificate, Envelope, Slot, Voucher};
use card_core::units::CardTime;

use crate::keystore::{DeliveryBytes, KeyStore, KeyStoreError};

/// A source of time.
pub trait Clock: Send + Sync {
    /// The time now; `None` where it is not known, or cannot be written as card time.
    fn now(&self) -> Option<CardTime>;

    /// How to ask whether this clock is kept right, where it is one that may run wrong; `None`: its source is checked already. It is asked
    /// before a time far after all that was signed is believed.
    fn kept_right(&self) -> Option<KeptRight> {
        None
    }
}

/// Whether a clock is kept right by a time server; `None`: nobody can tell.
pub type KeptRight = fn() -> Option<bool>;

/// The clock of this computer. Whoever issues keeps it right by an authenticated source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Option<CardTime> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        CardTime::from_unix(now.as_secs())
    }

    fn kept_right(&self) -> Option<KeptRight> {
        Some(synchronised)
    }
}

/// What systemd says of this machine's clock, whichever program keeps it right.
fn synchronised() -> Option<bool> {
    let mut command = Command::new("timedatectl");
    command.args(["show", "--property=NTPSynchronized", "--value"]).stdin(Stdio::null());
    let said = command.stderr(Stdio::null()).output().ok().filter(|said| said.status.success())?;
    match said.stdout.trim_ascii() {
        b"yes" => Some(true),
        b"no" => Some(false),
        _ => None,
    }
}

/// When this library was built (card time). A clock before that is wrong.
pub const BUILD_TIME: CardTime = {
    let seconds = match u64::from_str_radix(env!("CARD_HOST_BUILD_TIME"), 10) {
        Ok(seconds) => seconds.saturating_sub(CardTime::EPOCH),
        Err(_) => 0,
    };
    // Until 2156.
    CardTime(seconds as u32)
};

/// The time that a clock shows, where something may be signed by it: a time, and none before `earliest`.
pub fn checked_time(clock: &dyn Clock, earliest: CardTime) -> Result<CardTime, IssuerError> {
    let now = clock.now().filter(|now| *now != CardTime::UNSET).ok_or(IssuerError::NoTime)?;
    if now < earliest { Err(IssuerError::ClockBeforeBuild { now }) } else { Ok(now) }
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// There is no time.
    #[error("the time is not known, and nothing is signed without it: set the clock")]
    NoTime,
    /// The clock is before this program was built.
    #[error(
        "the clock shows a time before this program was made: set it right; nothing is signed until then"
    )]
    ClockBeforeBuild {
        /// What the clock shows.
        now: CardTime,
    },
    /// A binding, generation or sequence is 0.
    #[error(
        "there is nothing to certify yet: binding, generation and sequence start at 1; raise the account first"
    )]
    NotStarted,
    /// Slot and direction do not fit.
    #[error("slot {0:02X} is not one for mail to the meter: those are 00 to 0B")]
    Slot(u8),
    /// Mail versions start at 1.
    #[error("a version of mail is 1 or more: give the one after the last that was sent")]
    MailVersion,
    /// The account.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
}

/// Signs for the ledger. Many threads may ask at once, and none waits here for another.
pub struct Issuer<K: KeyStore + ?Sized = dyn KeyStore> {
    keys: Arc<K>,
    clock: Box<dyn Clock>,
    build_time: CardTime,
}

impl<K: KeyStore + ?Sized> Issuer<K> {
    /// An issuer with these keys and this clock. How far its time may be from what was signed before is for the ledger to know.
    pub fn new(keys: Arc<K>, clock: impl Clock + 'static) -> Self {
        Self { keys, clock: Box::new(clock), build_time: BUILD_TIME }
    }

    /// For simulations, whose time is not that of the world: accepts a clock from `earliest` on.
    #[must_use]
    pub fn with_earliest_time(mut self, earliest: CardTime) -> Self {
        self.build_time = earliest;
        self
    }

    /// The key store.
    pub fn keys(&self) -> &K {
        &self.keys
    }

    /// The time, where something may be signed now.
    ///
    /// Errors: no time, or a clock that shows one before this program was made.
    pub fn checked_time(&self) -> Result<CardTime, IssuerError> {
        checked_time(&*self.clock, self.build_time)
    }

    /// How to ask whether its clock is kept right, see [`Clock::kept_right`].
    pub fn kept_right(&self) -> Option<KeptRight> {
        self.clock.kept_right()
    }

    /// The certificate of an account as it stands.
    pub fn certificate(&self, account: &BindingAccount) -> Result<Certificate, IssuerError> {
        let BindingAccount { scope, binding, card, sequence, total_credit, total_debited, .. } = *account;
        if account.moved {
            return Err(AccountError::Closed.into());
        }
        if binding.number == 0 || card.generation == 0 || sequence == 0 {
            return Err(IssuerError::NotStarted);
        }
        let issue_time = self.checked_time()?;
        let certificate = Certificate {
            key_version: account.credit_key,
            binding,
            generation: card.generation,
            sequence,
            total_credit,
            total_debited,
            // A meter that signed more than was certified has that known of it, and no more.
            known_credit: account.applied_credit.min(total_credit),
            known_debited: account.applied_debited.min(total_debited),
            issue_time,
            mac: [0; 16],
        };
        Ok(self.keys.sign_certificate(scope, certificate)?)
    }

    /// The binding certificate of an account.
    pub fn binding_certificate(&self, account: &BindingAccount) -> Result<BindingCertificate, IssuerError> {
        if account.moved {
            return Err(AccountError::Closed.into());
        }
        if account.binding.number == 0 {
            return Err(IssuerError::NotStarted);
        }
        self.checked_time()?;
        let certificate = BindingCertificate {
            key_version: account.credit_key,
            binding: account.binding,
            account: account.account,
            opening_time: account.opening_time,
            mac: [0; 16],
        };
        Ok(self.keys.sign_binding(account.scope, certificate)?)
    }

    /// A voucher for the account's card, with a new certificate of the account as it stands.
    pub fn voucher(
        &self,
        account: &BindingAccount,
        channel: Channel,
        reference: Reference,
    ) -> Result<Voucher, IssuerError> {
        let certificate = self.certificate(account)?;
        self.voucher_with(account, certificate, channel, reference)
    }

    /// A voucher with a certificate that was made before: the same answer again for a repeated request.
    pub fn voucher_with(
        &self,
        account: &BindingAccount,
        certificate: Certificate,
        channel: Channel,
        reference: Reference,
    ) -> Result<Voucher, IssuerError> {
        let voucher = Voucher {
            key_version: account.load_key,
            scope: account.scope,
            card: account.card.id,
            channel,
            reference,
            certificate,
            mac: [0; 16],
        };
        Ok(self.keys.sign_voucher(voucher)?)
    }

    /// Mail to the account's meter, sealed; `version` is above all that were sent in this slot and binding.
    pub fn mail(
        &self,
        account: &BindingAccount,
        slot: Slot,
        version: u32,
        plaintext: &[u8],
    ) -> Result<Envelope, IssuerError> {
        if slot.direction() != card_core::message::Direction::ToMeter {
            return Err(IssuerError::Slot(slot.number()));
        }
        if version == 0 {
            return Err(IssuerError::MailVersion);
        }
        let BindingAccount { scope, binding, parameter_keys, .. } = *account;
        Ok(self.keys.seal_mail(scope, parameter_keys, binding, slot, version, plaintext)?)
    }

    /// The delivery of mail by the account's card.
    pub fn delivery(
        &self,
        account: &BindingAccount,
        envelope: &Envelope,
    ) -> Result<DeliveryBytes, IssuerError> {
        Ok(self.keys.sign_delivery(account.scope, account.card.id, account.load_key, envelope)?)
    }
}

impl<K: KeyStore + ?Sized> fmt::Debug for Issuer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("build_time", &self.build_time).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
