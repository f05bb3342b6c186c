//! `cardctl signer`: the signer in a process of its own, and its custodians.

use card_core::key::KeyLength;
use card_core::role::KeyVersion;
use card_core::units::CardTime;
use card_host::card_work::development_scope;
use card_host::keystore::{KeyStoreError, Memory as _, MemoryError};
use card_signer::rules::Ceilings;
use card_signer::{Change, Custodian, Durability, Memory};
use std::io::Read;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

use super::{Error, given};
use crate::context::{Context, books};
use crate::view::signer::{Founded, Pending, Standing};

/// The longest secret that is read.
const LONGEST: u64 = 256;

/// A custodian, and where the secret is.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) secret: Option<PathBuf>,
}

impl Person {
    fn secret(&self) -> Result<Zeroizing<String>, Error> {
        let Some(path) = &self.secret else {
            let typed = rpassword::prompt_password(format!("secret of {}: ", self.name));
            return typed.map(Zeroizing::new).map_err(|error| {
                given(format!("the secret cannot be asked for here ({error}): name its file with --secret"))
            });
        };
        let unread =
            |error| given(format!("{}: {error}: name a file that this user can read", path.display()));
        let mut text = Zeroizing::new(String::new());
        std::fs::File::open(path).map_err(unread)?.take(LONGEST).read_to_string(&mut text).map_err(unread)?;
        Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
    }
}

fn memory_path(context: &Context) -> Result<PathBuf, Error> {
    Ok(context.shared()?.path("signer.sqlite"))
}

fn memory(path: &Path) -> Result<Memory, Error> {
    Ok(Memory::open(path, Durability::Each).map_err(KeyStoreError::from)?)
}

pub(crate) fn init(
    context: &Context,
    custodians: &[String],
    ceilings: &Ceilings,
    adopt: bool,
) -> Result<Founded, Error> {
    let workplace = context.shared()?;
    let path = workplace.path("signer.sqlite");
    if path.exists() {
        return Err(KeyStoreError::from(MemoryError::Knows).into());
    }
    if workplace.own_keys()?.is_none() {
        workplace.new_own_keys(KeyLength::Aes256)?;
    }
    let memory = Memory::create(&path, development_scope(), ceilings, adopt).map_err(KeyStoreError::from)?;
    let secrets = memory.appoint(custodians).inspect_err(|_| drop(std::fs::remove_file(&path)))?;
    Ok(Founded::new(custodians, &secrets))
}

pub(crate) fn status(context: &Context) -> Result<Standing, Error> {
    let memory = memory(&memory_path(context)?)?;
    let store = |error: MemoryError| Error::from(KeyStoreError::from(error));
    let alarms = memory.alarms(CardTime::UNSET).map_err(store)?;
    Ok(Standing::new(memory.ceilings().map_err(store)?, &memory.changes().map_err(store)?, &alarms))
}

pub(crate) fn ceilings(context: &Context, to: Ceilings, person: &Person) -> Result<Pending, Error> {
    ask(context, &to.into(), person)
}

pub(crate) fn validity(
    context: &Context,
    version: KeyVersion,
    [from, until]: [jiff::civil::Date; 2],
    person: &Person,
) -> Result<Pending, Error> {
    let midnight = |day: jiff::civil::Date| {
        let zoned = day.to_zoned(jiff::tz::TimeZone::UTC).ok();
        let seconds = zoned.and_then(|zoned| u64::try_from(zoned.timestamp().as_second()).ok());
        seconds.ok_or_else(|| given("that is no day that a signer lives to see"))
    };
    let change =
        Change::Validity { version: version.byte(), begin: midnight(from)?, until: midnight(until)? };
    ask(context, &change, person)
}

fn ask(context: &Context, change: &Change, person: &Person) -> Result<Pending, Error> {
    let (memory, secret) = (memory(&memory_path(context)?)?, person.secret()?);
    let by = Custodian { name: &person.name, secret: &secret };
    let number = memory.ask(&by, change, books::now())?;
    Ok(Pending::asked(number, change))
}

pub(crate) fn agree(context: &Context, number: u64, person: &Person) -> Result<Pending, Error> {
    let (memory, secret) = (memory(&memory_path(context)?)?, person.secret()?);
    let by = Custodian { name: &person.name, secret: &secret };
    let asked = memory.agree(&by, number, books::now())?;
    Ok(Pending::done(&asked))
}

#[cfg(target_os = "linux")]
pub(crate) use process::serve;

#[cfg(target_os = "linux")]
mod process {
    use card_host::issuer::SystemClock;
    use card_signer::Signer;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::Path;
    use std::sync::Arc;

    use super::{Error, given, memory};
    use crate::commands::serve::listens;
    use crate::context::Context;
    use crate::view::Printer;
    use crate::view::serve::Listening;

    /// Only this user and those who are allowed are answered, whoever can reach the socket.
    pub(crate) fn serve(
        context: &Context,
        socket: &Path,
        allow: &[u32],
        printer: Printer,
    ) -> Result<(), Error> {
        let workplace = context.shared()?;
        let memory = memory(&workplace.path("signer.sqlite"))?;
        let keys = workplace.own_keys()?.ok_or_else(|| {
            given("there are no masters here: make the signer with `cardctl signer init`, or name their token with --keys")
        })?;
        let failed = |error: std::io::Error| given(format!("{}: {error}", socket.display()));
        if UnixStream::connect(socket).is_ok() {
            return Err(given(format!("{}: a signer listens there already", socket.display())));
        }
        // What a killed one has left.
        if std::fs::symlink_metadata(socket)
            .is_ok_and(|found| std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()))
        {
            std::fs::remove_file(socket).map_err(failed)?;
        }
        let listener = UnixListener::bind(socket).map_err(failed)?;
        let mode = if allow.is_empty() { 0o600 } else { 0o666 };
        std::fs::set_permissions(socket, PermissionsExt::from_mode(mode)).map_err(failed)?;
        let own = std::fs::metadata("/proc/self").map_err(failed)?.uid();
        let users: Vec<u32> = allow.iter().copied().chain([own]).collect();
        printer.print(&Listening { listening: socket.display().to_string() })?;
        listens();
        let signer = Arc::new(Signer::new(Arc::new(keys), memory, SystemClock));
        card_signer::serve(&listener, &signer, &users).map_err(failed)
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn serve(_: &Context, _: &Path, _: &[u32], _: crate::view::Printer) -> Result<(), Error> {
    Err(given("a signer of its own process runs on Linux"))
}
