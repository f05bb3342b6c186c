//! The ledger that the commands work with, and who does so.

use card_core::id::{CardId, Channel};
use card_core::platform::Random;
use card_host::desk::development_scope;
use card_host::issuer::{Clock, Issuer, SystemClock};
use card_host::keystore::{KeyStoreError, SoftwareKeyStore};
use card_host::ledger::{
    BindingRecord, COMPANY, Ledger, LedgerError, OFFICE, Party, Payee, Point, PointLimits, Policy,
    PostgresLedger, RequestId, SqliteLedger, Who, binding_of, read,
};
use card_host::random::OsRandom;
use card_host::server::Options;
use std::io::Write;
use std::sync::Arc;

use crate::arguments::{Arguments, Command};
use crate::commands::Error;
use crate::former;
use crate::workplace::Workplace;

/// The office of this program.
pub(crate) type Office = card_host::ledger::Office<SoftwareKeyStore, SystemClock>;

/// Connections to a database: one program, mostly one thing at a time.
const CONNECTIONS: u32 = 16;

/// Besides one for each thread that works for channels: for the rules, the status, and what else is run in a server.
const BESIDE: u32 = 4;

/// How many connections a command needs at most; they are made when they are needed.
fn connections(command: &Command) -> u32 {
    match command {
        Command::Serve { .. } => {
            u32::try_from(Options::default().work).unwrap_or(CONNECTIONS).saturating_add(BESIDE)
        }
        _ => CONNECTIONS,
    }
}

/// The ledger of the data directory, or of a database, with whoever works with it.
pub(crate) struct Books {
    pub(crate) office: Arc<Office>,
    /// Who runs this program, for the company.
    pub(crate) who: Who,
    /// The request that this program is run for.
    pub(crate) id: RequestId,
    /// Whether it was asked for before: the id was given.
    pub(crate) repeated: bool,
    /// The ledger's file, where it is in one.
    pub(crate) sqlite: Option<Arc<SqliteLedger>>,
}

impl Books {
    /// Opens the ledger, or begins one with rules for development; takes the list of a former version over, once.
    pub(crate) fn open(
        arguments: &Arguments,
        workplace: &Workplace,
        keys: SoftwareKeyStore,
    ) -> Result<Self, Error> {
        let scope = development_scope();
        let mut sqlite = None;
        let ledger: Arc<dyn Ledger> = match &arguments.database {
            Some(url) => Arc::new(PostgresLedger::connect(url, scope, connections(&arguments.command))?),
            None => {
                let opened = Arc::new(SqliteLedger::open_or_create(&workplace.ledger_path(), scope)?);
                sqlite = Some(Arc::clone(&opened));
                opened
            }
        };
        let actor = arguments.actor.clone().unwrap_or_else(login);
        let office_point = OFFICE.parse().map_err(LedgerError::from)?;
        let (last, founded) = read(&*ledger, |t| Ok((t.last_time()?, t.point(&office_point)?)))?;
        let issuer = Issuer::new(keys, SystemClock, last);
        let office = match founded {
            Some(_) => Office::with_issuer(ledger, issuer)?,
            None => Office::found(ledger, issuer, &actor, &Policy::for_development())?,
        };
        let who = Who {
            party: COMPANY.parse().map_err(LedgerError::from)?,
            point: arguments.point.clone().unwrap_or(office_point),
            actor,
        };
        let id = match &arguments.request {
            Some(id) => id.clone(),
            None => new_id()?,
        };
        let books = Self { office: Arc::new(office), who, id, repeated: arguments.repeats, sqlite };
        former::take_over(workplace, &books)?;
        Ok(books)
    }

    /// Who sells through this channel: the company itself at a branch, else a party of the channel's name with one vending point. For
    /// development, party and point are entered at the first sale.
    pub(crate) fn seller(&self, channel: Channel) -> Result<Who, Error> {
        if channel == Channel::Branch {
            return Ok(self.who.clone());
        }
        let name = channel.to_string();
        let who = Who {
            party: name.parse().map_err(LedgerError::from)?,
            point: name.parse().map_err(LedgerError::from)?,
            actor: self.who.actor.clone(),
        };
        let (party, point) =
            read(self.office.ledger(), |t| Ok((t.party(&who.party)?, t.point(&who.point)?)))?;
        // Two programs may come here at once: the same ids, and the second one finds it done.
        if party.is_none() {
            let party = Party { code: who.party.clone(), channel, open: true };
            self.office.set_party(&self.who, &id(&format!("development-party-{name}"))?, &party)?;
        }
        if point.is_none() {
            let limits = PointLimits::default();
            let id = id(&format!("development-point-{name}"))?;
            self.office.add_point(&self.who, &id, &who.point, &who.party, limits)?;
        }
        Ok(who)
    }

    /// A bank sells only to cards whose holder has agreed. For development that is taken as said, once, and told.
    pub(crate) fn link(&self, bank: &Who, card: CardId) -> Result<(), Error> {
        let linked = read(self.office.ledger(), |t| t.link(&bank.party, card))?;
        if linked.is_some_and(|link| link.since.0 != 0) {
            return Ok(());
        }
        self.office.link(bank, &new_id()?, card, "development", "development")?;
        let _ = writeln!(
            std::io::stderr(),
            "cardctl: card {card} is linked to an account at {} now, as its holder would have agreed to there",
            bank.party
        );
        Ok(())
    }

    /// The binding of a customer's present card, or why there is none.
    pub(crate) fn binding_of(&self, card: CardId) -> Result<BindingRecord, Error> {
        Ok(read(self.office.ledger(), |t| binding_of(t, Payee::Card(card)))?)
    }

    /// The vending points, all of them.
    pub(crate) fn points(&self) -> Result<Vec<Point>, Error> {
        let mut points: Vec<Point> = Vec::new();
        loop {
            let after = points.last().map(|point| point.code.clone());
            let more = read(self.office.ledger(), |t| t.points(after.as_ref(), 200))?;
            if more.is_empty() {
                return Ok(points);
            }
            points.extend(more);
        }
    }
}

/// The time of this computer; not set where it is not known.
pub(crate) fn now() -> card_core::units::CardTime {
    SystemClock.now().unwrap_or(card_core::units::CardTime::UNSET)
}

/// A new id for a request.
pub(crate) fn new_id() -> Result<RequestId, Error> {
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes).map_err(KeyStoreError::from)?;
    id(&hex::encode(bytes))
}

pub(crate) fn id(text: &str) -> Result<RequestId, Error> {
    Ok(text.parse().map_err(LedgerError::from)?)
}

/// The name of whoever runs this program, as the operating system has it.
fn login() -> String {
    let names = ["USER", "LOGNAME", "USERNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let name = user().into_iter().chain(names);
    let name = name.map(|name| name.trim().chars().take(Who::ACTOR).collect::<String>());
    name.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// The owner of this process, where the system tells: variables of the environment are not always set.
#[cfg(target_os = "linux")]
fn user() -> Option<String> {
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").ok()?);
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut fields = users.lines().map(|line| line.split(':'));
    let named = fields.find_map(|mut line| {
        let name = line.next()?;
        (line.nth(1)?.parse() == Ok(owner)).then(|| name.to_owned())
    });
    Some(named.unwrap_or_else(|| format!("uid-{owner}")))
}

#[cfg(not(target_os = "linux"))]
fn user() -> Option<String> {
    None
}
