//! A company for development: for examples, tests and tours. Its books are in memory and end with the program.

use card_core::id::{CardId, Channel};
use card_core::message::Voucher;
use card_core::units::Piastres;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::LedgerError;
use super::names::{COMPANY, OFFICE, RequestId};
use super::office::{Office, Who};
use super::policy::Policy;
use super::powers::Powers;
use super::records::Party;
use super::sell::SaleOrder;
use super::settings::PointLimits;
use super::sqlite::SqliteLedger;
use super::store::Payee;
use card_host::card_work::development_scope;
use card_host::issuer::SystemClock;
use card_host::keystore::SoftwareKeyStore;

/// Who sells beside the company itself, each at one vending point of the same name.
const SELLERS: [(&str, Channel); 3] =
    [("kiosk", Channel::Kiosk), ("bank", Channel::Bank), ("wallet", Channel::Wallet)];

/// A company with one office, and one seller for each other channel.
pub struct Development {
    /// The office.
    pub office: Office,
    /// Its keys.
    pub keys: Arc<SoftwareKeyStore>,
    /// Who works there.
    pub who: Who,
    requests: AtomicU64,
}

impl Development {
    /// Founds it, with rules of selling for development.
    pub fn new(keys: SoftwareKeyStore) -> Result<Self, LedgerError> {
        let ledger = Arc::new(SqliteLedger::in_memory(development_scope())?);
        let keys = Arc::new(keys);
        let office =
            Office::found(ledger, keys.clone(), SystemClock, "development", &Policy::for_development())?;
        let development = Self { office, keys, who: at(COMPANY, OFFICE)?, requests: AtomicU64::new(0) };
        let Self { office, who, .. } = &development;
        for (name, channel) in SELLERS {
            let party = Party { code: name.parse()?, channel, open: true };
            office.set_party(who, &development.id(), &party)?;
            office.add_point(who, &development.id(), &name.parse()?, &party.code, PointLimits::default())?;
        }
        Ok(development)
    }

    /// The id of the next request.
    pub fn id(&self) -> RequestId {
        RequestId::from(self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// Sells to a card through a channel. A bank links the card before.
    pub fn sell(&self, card: CardId, amount: Piastres, channel: Channel) -> Result<Voucher, LedgerError> {
        let seller = SELLERS.iter().find(|(_, sells)| *sells == channel);
        let who = seller.map_or_else(|| Ok(self.who.clone()), |(name, _)| at(name, name))?;
        if channel == Channel::Bank {
            self.office.link(&who, &self.id(), card, "customer", "development")?;
        }
        let sale = self.office.sell(&SaleOrder { who, id: self.id(), payee: Payee::Card(card), amount })?;
        sale.voucher()
    }

    /// The same totals once more: activates a replacement card, brings what was sold and never arrived, or renews the time.
    pub fn refresh(&self, card: CardId) -> Result<Voucher, LedgerError> {
        self.office.refresh(&self.who, &self.id(), Payee::Card(card))?.parsed()
    }
}

fn at(party: &str, point: &str) -> Result<Who, LedgerError> {
    Ok(Who {
        party: party.parse()?,
        point: point.parse()?,
        actor: "development".to_owned(),
        may: Powers::ALL,
    })
}
