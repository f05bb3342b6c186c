//! The ledger that the commands work with, and who does so.

use card_core::id::{CardId, Channel, Environment, Scope};
use card_core::key::KeyLength;
use card_core::platform::Random;
use card_host::issuer::{BUILD_TIME, Clock, SystemClock, checked_time};
use card_host::keystore::KeyStoreError;
use card_host::random::OsRandom;
use card_ledger::{
    BindingRecord, COMPANY, Ledger, LedgerError, OFFICE, Office, Party, Payee, Point, PointCode, PointLimits,
    Policy, PostgresLedger, Powers, RequestId, SqliteLedger, StaffName, StaffSecret, Who, binding_of, read,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::office_keys::OfficeKeys;
use super::secret::{self, Credential, Draft, NoSecret};
use super::workplace::Workplace;
use super::{Context, Error, Request};
use crate::say;
use crate::words::said;

/// Connections to a database at most, made when they are needed: one program, mostly one thing at a time.
pub(crate) const CONNECTIONS: u32 = 16;

/// The ledger of the data directory, or of a database, with whoever works with it.
pub(crate) struct Books {
    pub(crate) office: Arc<Office>,
    /// The office's keys. Those of its own sign whatever they are asked for: the office signs by a signer that remembers.
    pub(crate) keys: OfficeKeys,
    /// Who runs this program, for the company.
    pub(crate) who: Who,
    /// The request that this program is run for.
    request: Arc<Request>,
    /// The ledger's file, where it is in one.
    pub(crate) sqlite: Option<Arc<SqliteLedger>>,
    /// Whether it was founded just now.
    pub(crate) begun: bool,
    /// The secret of its first member of staff, where it was founded just now with one.
    pub(crate) first: Option<Arc<StaffSecret>>,
    /// Name and secret of who works with it, where it has staff.
    pub(crate) credential: Option<Credential>,
}

/// The ledger that is there, to look something up without its keys: what anybody may see who may read its file.
pub(crate) fn there(context: &Context) -> Result<Option<Arc<dyn Ledger>>, Error> {
    let Some(workplace) = Workplace::there(context.at())? else { return Ok(None) };
    let place = Place { context, workplace: &workplace, connections: 1 };
    Ok(place.open()?.filter(|opened| opened.founded).map(|opened| opened.ledger))
}

/// Who acts: in a single user's ledger whoever says so, else a member of staff with the right secret, which comes back.
fn acts(
    context: &Context,
    office: &Office,
    first: Option<Credential>,
) -> Result<(Who, Option<Credential>), Error> {
    let point = match &context.point {
        Some(point) => point.clone(),
        None => office_point()?,
    };
    if first.is_none() && office.is_single_user()? {
        let (party, actor) = (COMPANY.parse().map_err(LedgerError::from)?, actor(context)?.to_string());
        return Ok((Who { party, point, actor, may: Powers::ALL }, None));
    }
    let given = match (first.or_else(|| context.credential.clone()), &context.secret_file) {
        (Some(known), _) => Some(known),
        (None, Some(file)) => Some(secret::read(file)?),
        (None, None) => None,
    };
    let (named, typed) = given.map_or((None, None), |given| (given.name, Some(given.secret)));
    let name = match named.or_else(|| context.actor.clone()) {
        Some(name) => name,
        None => actor(context)?,
    };
    let secret = match typed {
        Some(secret) => secret,
        None => secret::ask(&name)?,
    };
    let who = office.authenticated(&name, &secret, point)?;
    Ok((who, Some(Credential { name: Some(name), secret })))
}

/// Who this is said to be.
fn actor(context: &Context) -> Result<StaffName, Error> {
    match &context.actor {
        Some(actor) => Ok(actor.clone()),
        None => Ok(login().parse::<StaffName>().map_err(NoSecret::from)?),
    }
}

/// Whether a ledger that is not there is founded. One that is missed must never be replaced by an empty one unseen.
pub(crate) enum Founding {
    /// It is missed.
    Never,
    /// Where nothing of a former ledger is there either; with new keys of this length.
    WhereNew(KeyLength),
    /// Also where the keys of a former one are; perhaps with a first member of staff, and of this company and environment.
    OnPurpose(Option<First>, Option<Scope>),
}

/// The first member of staff.
pub(crate) struct First {
    pub(crate) name: StaffName,
    pub(crate) secret: Draft,
}

impl First {
    /// The one of this name, where there is to be one, with a new secret.
    pub(crate) fn of(name: Option<&StaffName>, out: Option<&Path>) -> Result<Option<Self>, Error> {
        let Some(name) = name else { return Ok(None) };
        Ok(Some(Self { name: name.clone(), secret: Draft::new(name, out, false)? }))
    }
}

/// Why there are no books to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoBooks {
    #[error(
        "{0} does not exist here: name the right directory with --data, or found a ledger with `cardctl ledger begin` or the first \
         `cardctl issue`"
    )]
    Never(String),
    #[error(
        "{0} does not exist here, but the keys of a former ledger do: restore its newest copy and tell it so with `cardctl ledger restored`, \
         or found an empty one on purpose with `cardctl ledger begin`"
    )]
    Lost(String),
    #[error("the environment's variable CARDCTL_DATABASE is no text: set it to postgres://..., or unset it")]
    Address,
    #[error(
        "{} does not exist here, and this ledger needs its own keys: copy that file from where the ledger was founded",
        .0.display()
    )]
    Keys(PathBuf),
}

/// Where the ledger is.
struct Place<'a> {
    context: &'a Context,
    connections: u32,
    workplace: &'a Workplace,
}

/// A ledger, perhaps without its first entry.
struct Opened {
    ledger: Arc<dyn Ledger>,
    sqlite: Option<Arc<SqliteLedger>>,
    founded: bool,
}

impl Place<'_> {
    fn name(&self) -> String {
        match &self.context.database {
            Some(_) => "a ledger in this database".to_owned(),
            None => self.workplace.ledger_path().display().to_string(),
        }
    }

    /// The ledger that is there. A database always is.
    fn open(&self) -> Result<Option<Opened>, Error> {
        let path = self.workplace.ledger_path();
        match &self.context.database {
            Some(url) => {
                let ledger = PostgresLedger::connect(url, self.workplace.scope()?, self.connections)?;
                opened(Arc::new(ledger), None).map(Some)
            }
            None if path.exists() => in_file(SqliteLedger::open(&path, self.workplace.scope()?)?).map(Some),
            None => Ok(None),
        }
    }

    /// The same where it is in a file that is not there yet: with a new one. Another program may have made it meanwhile.
    fn create(&self) -> Result<Opened, Error> {
        match self.open()? {
            Some(opened) => Ok(opened),
            None => {
                in_file(SqliteLedger::open_or_create(&self.workplace.ledger_path(), self.workplace.scope()?)?)
            }
        }
    }
}

fn in_file(ledger: SqliteLedger) -> Result<Opened, Error> {
    let ledger = Arc::new(ledger);
    opened(Arc::clone(&ledger) as Arc<dyn Ledger>, Some(ledger))
}

fn opened(ledger: Arc<dyn Ledger>, sqlite: Option<Arc<SqliteLedger>>) -> Result<Opened, Error> {
    let office = office_point()?;
    let founded = read(&*ledger, |t| t.point(&office))?.is_some();
    Ok(Opened { ledger, sqlite, founded })
}

fn office_point() -> Result<PointCode, Error> {
    Ok(OFFICE.parse().map_err(LedgerError::from)?)
}

impl Books {
    /// Opens the ledger with its keys, or founds one with rules for development where `founding` allows it.
    pub(crate) fn open(
        context: &Context,
        workplace: &Workplace,
        founding: Founding,
        connections: u32,
    ) -> Result<Self, Error> {
        if let Founding::OnPurpose(_, Some(scope)) = &founding {
            workplace.founds(*scope)?;
        }
        let place = Place { context, workplace, connections };
        let mut opened = place.open()?;
        let mut keys = workplace.keys()?;
        let (founds, length, first) = match founding {
            Founding::Never => (false, KeyLength::Aes256, None),
            Founding::WhereNew(length) => (keys.is_none(), length, None),
            Founding::OnPurpose(first, _) => (true, KeyLength::Aes256, first),
        };
        let founded = opened.as_ref().is_some_and(|opened| opened.founded);
        // One program founds. Others that come meanwhile are told to wait.
        let lock = if !founded && founds { workplace.alone()? } else { None };
        if !founded && founds {
            workplace.ready()?;
            // Before anything is made: without a time there is no first entry, and nothing is left half made.
            checked_time(&SystemClock, BUILD_TIME).map_err(LedgerError::from)?;
            (opened, keys) = (Some(place.create()?), workplace.keys()?);
        }
        let at = place.name();
        let (opened, keys) = match (opened, keys) {
            (Some(opened), Some(keys)) if opened.founded || founds => (opened, keys),
            (Some(opened), None) if !opened.founded && founds => (opened, workplace.new_keys(length)?),
            (Some(opened), None) if opened.founded => return Err(NoBooks::Keys(workplace.keys_path()).into()),
            (_, Some(_)) => return Err(NoBooks::Lost(at).into()),
            (_, None) => return Err(NoBooks::Never(at).into()),
        };
        let Opened { ledger, sqlite, founded } = opened;
        if let Some(warning) = keys.store().warning().filter(|_| !founded) {
            say::remark(super::warned(warning));
        }
        let rules = match ledger.scope().environment {
            Environment::Test => Policy::for_development(),
            // None: nothing is sold before the company has entered its own.
            Environment::Production => Policy::default(),
        };
        let signer = workplace.signer(&keys)?;
        let (office, first) = match first.filter(|_| !founded) {
            None if founded => (Office::new(ledger, signer, SystemClock)?, None),
            None => {
                let actor = actor(context)?;
                (Office::found(ledger, signer, SystemClock, actor.as_str(), &rules)?, None)
            }
            Some(First { name, secret }) => {
                let office =
                    Office::found_with_staff(ledger, signer, SystemClock, &name, &secret.secret, &rules)?;
                (office, Some(Credential { name: Some(name), secret: secret.keep() }))
            }
        };
        drop(lock);
        let begins = first.is_some();
        let (who, credential) = acts(context, &office, first)?;
        let first = credential.as_ref().filter(|_| begins).map(|known| Arc::clone(&known.secret));
        let (office, request) = (Arc::new(office), Arc::clone(&context.request));
        Ok(Self { office, keys, who, request, sqlite, begun: !founded, first, credential })
    }

    /// The id of the request that this program is run for; whoever asks has seen it then.
    pub(crate) fn id(&self) -> Result<&RequestId, Error> {
        Ok(self.request.id()?)
    }

    /// Whether it may have been asked for before: the id was given.
    pub(crate) fn repeats(&self) -> bool {
        self.request.repeats()
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
            may: self.who.may,
        };
        let (party, point) =
            read(self.office.ledger(), |t| Ok((t.party(&who.party)?, t.point(&who.point)?)))?;
        if self.office.scope().environment == Environment::Production {
            return Ok(who);
        }
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

    /// A bank sells only to cards whose holder has agreed. For development that is taken as said, once, and told; in production the ledger refuses.
    pub(crate) fn link(&self, bank: &Who, card: CardId) -> Result<(), Error> {
        let linked = read(self.office.ledger(), |t| t.link(&bank.party, card))?;
        let production = self.office.scope().environment == Environment::Production;
        if production || linked.is_some_and(|link| link.since.0 != 0) {
            return Ok(());
        }
        self.office.link(bank, &new_id()?, card, "development", "development")?;
        say::remark(said!(
            say::language(),
            "card {card} is linked to an account at {party} now, as its holder would have agreed to there",
            "رُبط الكارت {card} الآن بحساب لدى {party}، كما لو وافق صاحبه هناك",
            card,
            party = bank.party,
        ));
        Ok(())
    }

    /// The binding of a customer's present card, or why there is none.
    pub(crate) fn binding_of(&self, card: CardId) -> Result<BindingRecord, Error> {
        Ok(read(self.office.ledger(), |t| binding_of(t, Payee::Card(card)))?)
    }

    /// Whether the ledger has entered a card; one of which it cannot be asked may have been.
    pub(crate) fn knows(&self) -> impl FnOnce(CardId) -> bool {
        |card| read(self.office.ledger(), |t| t.card(card)).map_or(true, |known| known.is_some())
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

/// The name of whoever runs this program, as the operating system has it; variables of the environment are not always set.
fn login() -> String {
    let names = ["USER", "LOGNAME", "USERNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let name = whoami::username().ok().or_else(number).into_iter().chain(names);
    let name = name.map(|name| name.trim().chars().take(Who::ACTOR).collect::<String>());
    name.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// Users without a name are told apart by their numbers, where the system has them.
fn number() -> Option<String> {
    #[cfg(target_os = "linux")]
    return std::fs::metadata("/proc/self")
        .ok()
        .map(|me| format!("uid-{}", std::os::unix::fs::MetadataExt::uid(&me)));
    #[cfg(not(target_os = "linux"))]
    None
}
