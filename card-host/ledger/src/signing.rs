//! How a step of a request runs (docs/ledger.md, section 5). What it signs is signed before anything is locked, since a key store may take its
//! time, and whoever needs what a transaction holds waits for it meanwhile.
//!
//! A step that signs is rehearsed first: it looks at the rows as they are, locks none and writes none, and all that counts of it is what it
//! wants signed. That is signed, and the step runs in its transaction, where it decides everything anew. Where another one has changed the
//! binding in between, it wants something else signed: then nothing of the transaction stays, that is signed, and it runs again.

use card_core::id::{Channel, Reference};
use card_core::message::Slot;

use super::error::{LedgerError, StoreError};
use super::office::Office;
use super::spent::Spending;
use super::store::{Transaction, transact};
use card_host::issuer::{BindingAccount, Issuer, IssuerError};
use card_host::keystore::{Forbidden, KeyStoreError};

/// How often what has an unknown outcome is asked again before the caller hears of it.
const REPEATS: u32 = 3;

/// How often others may have changed what was signed for. Then it is signed in the transaction itself, where nobody can.
const OVERTAKEN: u32 = 8;

/// What a step wants signed. The same gives the same bytes, but for the time in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A voucher, with a certificate of this account as it then stands.
    Voucher(BindingAccount, Channel, Reference),
    /// Mail to an account's meter, with its version.
    Mail(BindingAccount, Slot, u32, Vec<u8>),
}

/// What was signed: its bytes, and the sequence of a certificate in it.
#[derive(Debug, Clone)]
struct Signed {
    bytes: Vec<u8>,
    sequence: u32,
}

impl Wanted {
    pub(super) fn sign(&self, issuer: &Issuer) -> Result<Vec<u8>, IssuerError> {
        Ok(self.certify(issuer)?.bytes)
    }

    /// A sequence that was signed for something that did not come to the books is left out: a signer never signs it for something else.
    fn certify(&self, issuer: &Issuer) -> Result<Signed, IssuerError> {
        let (held, channel, reference) = match self {
            Self::Voucher(held, channel, reference) => (held, *channel, *reference),
            Self::Mail(held, slot, version, plaintext) => {
                let bytes = issuer.mail(held, *slot, *version, plaintext)?.as_bytes().to_vec();
                return Ok(Signed { bytes, sequence: held.sequence });
            }
        };
        let mut held = *held;
        let mut tries = OVERTAKEN;
        loop {
            match issuer.voucher(&held, channel, reference) {
                Err(IssuerError::Keys(KeyStoreError::Forbidden(Forbidden::Taken { next, .. })))
                    if tries > 0 && next > held.sequence =>
                {
                    (held.sequence, tries) = (next, tries - 1);
                }
                signed => {
                    let bytes = signed?.emit().to_vec();
                    return Ok(Signed { bytes, sequence: held.sequence });
                }
            }
        }
    }
}

/// What was signed for a step, and what it still wants.
pub(super) struct Signing<'a> {
    issuer: &'a Issuer,
    spending: &'a Spending,
    signed: Vec<(Wanted, Result<Signed, IssuerError>)>,
    wanted: Vec<Wanted>,
    /// It has been overtaken too often.
    at_once: bool,
}

impl Signing<'_> {
    /// The bytes of mail.
    pub(super) fn mail(
        &mut self,
        held: BindingAccount,
        slot: Slot,
        version: u32,
        plaintext: Vec<u8>,
    ) -> Result<Vec<u8>, IssuerError> {
        Ok(self.signed(Wanted::Mail(held, slot, version, plaintext))?.bytes)
    }

    /// The bytes of a voucher, and the account with the sequence that is in it.
    pub(super) fn voucher(
        &mut self,
        held: BindingAccount,
        channel: Channel,
        reference: Reference,
    ) -> Result<(BindingAccount, Vec<u8>), IssuerError> {
        let Signed { bytes, sequence } = self.signed(Wanted::Voucher(held, channel, reference))?;
        Ok((BindingAccount { sequence, ..held }, bytes))
    }

    /// Where it was not signed yet, no bytes: then this run of the step comes to nothing, and another one follows.
    fn signed(&mut self, wanted: Wanted) -> Result<Signed, IssuerError> {
        if self.at_once {
            return self.spending.on(|| wanted.certify(self.issuer));
        }
        let place = self.signed.iter().position(|(signed, _)| *signed == wanted);
        match place.and_then(|place| Some((place, &self.signed.get(place)?.1))) {
            // A store may run this once more.
            Some((_, Ok(signed))) => Ok(signed.clone()),
            Some((place, Err(_))) => self.signed.swap_remove(place).1,
            None => {
                let (Wanted::Voucher(held, ..) | Wanted::Mail(held, ..)) = &wanted;
                let sequence = held.sequence;
                self.wanted.push(wanted);
                Ok(Signed { bytes: Vec::new(), sequence })
            }
        }
    }

    fn sign(&mut self) {
        for wanted in self.wanted.drain(..) {
            let signed = self.spending.on(|| wanted.certify(self.issuer));
            self.signed.push((wanted, signed));
        }
    }
}

impl Office {
    /// Runs a step that begins with looking at its request, so that it can be run again where its outcome is unknown. It stays unknown
    /// until a run has looked: what the store says to the others is about them, and not about the first.
    pub(super) fn step<T: Send>(
        &self,
        mut work: impl FnMut(&mut dyn Transaction) -> Result<T, LedgerError> + Send,
    ) -> Result<T, LedgerError> {
        let mut unknown: Option<String> = None;
        for _ in 0..=REPEATS {
            match (transact(self.ledger(), &mut work), unknown.take()) {
                (Err(LedgerError::Store(StoreError::OutcomeUnknown(why))), _) => unknown = Some(why),
                (Err(LedgerError::Store(error)), Some(first)) => unknown = Some(format!("{first}; {error}")),
                // It was made, or was not and has been decided anew; or nothing of it was begun.
                (other, _) => {
                    self.booked();
                    return other;
                }
            }
        }
        Err(StoreError::OutcomeUnknown(unknown.unwrap_or_default()).into())
    }

    /// The same for a step that signs.
    pub(super) fn signing_step<T: Send>(
        &self,
        mut work: impl FnMut(&mut dyn Transaction, &mut Signing<'_>) -> Result<T, LedgerError> + Send,
    ) -> Result<T, LedgerError> {
        let (issuer, spending) = (self.issuer(), self.spending());
        let mut signing =
            Signing { issuer, spending, signed: Vec::new(), wanted: Vec::new(), at_once: false };
        self.ledger().look(&mut |t| {
            signing.wanted.clear();
            match work(t, &mut signing) {
                Ok(_) => Ok(()),
                // What the store cannot do now, it cannot do in a transaction.
                Err(error @ LedgerError::Store(_)) => Err(error),
                // Whether it is refused is decided in the transaction.
                Err(_) => {
                    signing.wanted.clear();
                    Ok(())
                }
            }
        })?;
        let mut overtaken = 0;
        loop {
            if !signing.wanted.is_empty() {
                self.anchored()?;
            }
            signing.sign();
            signing.at_once = overtaken >= OVERTAKEN;
            let mut unsigned = false;
            let done = self.step(|t| {
                signing.wanted.clear();
                let done = work(t, &mut signing);
                unsigned = !signing.wanted.is_empty();
                if unsigned { Err(LedgerError::NotRun) } else { done }
            });
            if !unsigned {
                return done;
            }
            overtaken += 1;
        }
    }
}
