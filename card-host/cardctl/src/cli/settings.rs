//! Where options come from when they are not typed: the environment, credentials of systemd, and one file. An argument comes before the
//! environment, that before credentials, these before the file, and that before what is built in.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

use crate::view::config::{Setting, Source};

/// Options that hold for one call only: no file has them.
const TYPED: [&str; 4] = ["request", "dry_run", "config", "trace"];

/// Options of commands without a value of their own that a workplace may want to set all the same.
const OPEN: [&str; 2] = ["listen", "tariff"];

/// Credentials that a service is given, by their names, with the options that they set: with what is in them, or with where they are.
const CREDENTIALS: [(&str, &str, bool); 2] =
    [("cardctl.database", "database", true), ("cardctl.secret", "secret-file", false)];
/// The longest of them that is read, in bytes.
const CREDENTIAL: u64 = 4096;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSettings {
    #[error("{}: {error}: name a settings file that can be read with --config", path.display())]
    Read { path: PathBuf, error: std::io::Error },
    #[error("{}: {error}", path.display())]
    Form { path: PathBuf, error: Box<toml::de::Error> },
    #[error("{}: there is no setting {key:?}: `cardctl config show` lists them", path.display())]
    Unknown { path: PathBuf, key: String },
    #[error("{}: {key} is no text, number, true, false or list of these", path.display())]
    Type { path: PathBuf, key: String },
}

/// A settings file, with the options that it sets by their keys.
#[derive(Default)]
pub(crate) struct File {
    pub(crate) path: Option<PathBuf>,
    values: BTreeMap<String, Vec<String>>,
    credentials: BTreeMap<String, Vec<String>>,
}

impl File {
    /// The file that is named; else the user's, else the computer's; else none. And the credentials that this program is given.
    pub(crate) fn find(named: Option<PathBuf>) -> Result<Self, NoSettings> {
        let file = Self::without_credentials(named)?;
        let folder = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Ok(Self { credentials: folder.map_or_else(|| Ok(BTreeMap::new()), |folder| given(&folder))?, ..file })
    }

    fn without_credentials(named: Option<PathBuf>) -> Result<Self, NoSettings> {
        let places = || {
            let user = directories::ProjectDirs::from("", "", "cardctl");
            let user = user.map(|directories| directories.config_dir().join("cardctl.toml"));
            let all = cfg!(unix).then(|| PathBuf::from("/etc/cardctl/cardctl.toml"));
            user.into_iter().chain(all).find(|path| path.exists())
        };
        named.or_else(places).map_or_else(|| Ok(Self::default()), |path| Self::read(&path))
    }

    fn read(path: &Path) -> Result<Self, NoSettings> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| NoSettings::Read { path: path.to_owned(), error })?;
        let table: Table = text
            .parse()
            .map_err(|error| NoSettings::Form { path: path.to_owned(), error: Box::new(error) })?;
        let mut values = BTreeMap::new();
        flatten(path, "", table, &mut values)?;
        Ok(Self { path: Some(path.to_owned()), values, credentials: BTreeMap::new() })
    }

    fn of(&self, key: &str) -> Option<&[String]> {
        self.credentials.get(key).or_else(|| self.values.get(key)).map(Vec::as_slice)
    }
}

/// What the credentials in this folder set.
fn given(folder: &Path) -> Result<BTreeMap<String, Vec<String>>, NoSettings> {
    let mut found = BTreeMap::new();
    for (name, key, holds) in CREDENTIALS {
        let path = folder.join(name);
        let value = match path.try_exists() {
            Ok(false) => continue,
            Ok(true) if holds => {
                let mut text = String::new();
                let read = std::fs::File::open(&path);
                let read = read.and_then(|file| file.take(CREDENTIAL).read_to_string(&mut text));
                read.map_err(|error| NoSettings::Read { path, error })?;
                text.trim().to_owned()
            }
            _ => path.display().to_string(),
        };
        found.insert(key.to_owned(), vec![value]);
    }
    Ok(found)
}

fn flatten(
    path: &Path,
    at: &str,
    table: Table,
    values: &mut BTreeMap<String, Vec<String>>,
) -> Result<(), NoSettings> {
    for (name, value) in table {
        let key = if at.is_empty() { name } else { format!("{at}.{name}") };
        let wrong = || NoSettings::Type { path: path.to_owned(), key: key.clone() };
        let found = match value {
            Value::Table(table) => {
                flatten(path, &key, table, values)?;
                continue;
            }
            Value::Array(list) => list.iter().map(plain).collect::<Option<_>>(),
            value => plain(&value).map(|text| vec![text]),
        };
        values.insert(key.clone(), found.ok_or_else(wrong)?);
    }
    Ok(())
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The key of an option in the file: `language`, or `serve.listen` for an option of one command.
fn key(path: &[String], arg: &Arg) -> Option<String> {
    let long = arg.get_long()?;
    Some(path.iter().map(String::as_str).chain([long]).collect::<Vec<_>>().join("."))
}

/// Its variable in the environment: `CARDCTL_LANGUAGE`, `CARDCTL_SERVE_LISTEN`.
fn variable(key: &str) -> String {
    format!("CARDCTL_{}", key.to_uppercase().replace(['.', '-'], "_"))
}

/// Whether it can be set elsewhere: what says what is done has to be typed.
fn is_setting(path: &[String], arg: &Arg) -> bool {
    let takes = matches!(arg.get_action(), ArgAction::Set | ArgAction::SetTrue);
    if path.is_empty() {
        return takes;
    }
    let id = arg.get_id().as_str();
    let settles = !arg.get_default_values().is_empty() || OPEN.contains(&id);
    settles && matches!(arg.get_action(), ArgAction::Set) && !arg.is_required_set() && !arg.is_global_set()
}

/// Lets the options of a command and of those below it come from the environment and the file; gives the keys that there are.
pub(crate) fn apply(command: Command, file: &File) -> Result<Command, NoSettings> {
    let mut known = Vec::new();
    let command = below(command, &mut Vec::new(), file, &mut known);
    for key in file.values.keys() {
        if let (false, Some(path)) = (known.contains(key), &file.path) {
            return Err(NoSettings::Unknown { path: path.clone(), key: key.clone() });
        }
    }
    Ok(command)
}

fn below(command: Command, path: &mut Vec<String>, file: &File, known: &mut Vec<String>) -> Command {
    let top = path.is_empty();
    let command = command.mut_args(|arg| {
        let Some(key) = key(path, &arg).filter(|_| is_setting(path, &arg)) else { return arg };
        let typed = TYPED.contains(&arg.get_id().as_str());
        let arg = arg.env(variable(&key)).hide_env_values(true).hide_env(!top);
        // A secret of the database is not for help.
        let arg = match file.of(&key).filter(|_| !typed) {
            Some(values) => arg.default_values(values.to_vec()).hide_default_value(key == "database"),
            None => arg,
        };
        if !typed {
            known.push(key);
        }
        arg
    });
    command.mut_subcommands(|sub| {
        path.push(sub.get_name().to_owned());
        let sub = below(sub, path, file, known);
        path.pop();
        sub
    })
}

/// What an argument, a variable or `--config=` says before anything is parsed.
pub(crate) fn early(arguments: &[OsString], long: &str) -> Option<OsString> {
    let (flag, prefix) = (format!("--{long}"), format!("--{long}="));
    let mut rest = arguments.iter().skip(1).take_while(|argument| *argument != "--");
    while let Some(argument) = rest.next() {
        if *argument == *flag {
            return rest.next().cloned();
        }
        if let Some(value) = argument.to_str().and_then(|text| text.strip_prefix(&prefix)) {
            return Some(value.into());
        }
    }
    std::env::var_os(variable(long)).filter(|value| !value.is_empty())
}

/// Every option of every command, what it is, and where that came from.
pub(crate) fn show(command: &Command, matches: &ArgMatches, file: &File) -> Vec<Setting> {
    let options = command.get_arguments().filter_map(|arg| {
        let key = key(&[], arg).filter(|_| is_setting(&[], arg))?;
        let id = arg.get_id().as_str();
        let values = matches.get_raw(id).map(|values| {
            values.map(|value| value.to_string_lossy().into_owned()).collect::<Vec<_>>().join(", ")
        });
        let source = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => Source::Argument,
            Some(ValueSource::EnvVariable) => Source::Environment,
            Some(_) if file.credentials.contains_key(&key) => Source::Credential,
            Some(_) if file.of(&key).is_some() => Source::File,
            Some(_) => Source::BuiltIn,
            None => Source::Unset,
        };
        let value = values.map(|value| if key == "database" { without_password(&value) } else { value });
        Some(Setting { variable: variable(&key), key, value, source })
    });
    let mut settings: Vec<_> = options.collect();
    for (key, values) in file.values.iter().filter(|(key, _)| key.contains('.')) {
        let (variable, value) = (variable(key), Some(values.join(", ")));
        let typed = std::env::var(&variable).ok();
        let source = if typed.is_some() { Source::Environment } else { Source::File };
        settings.push(Setting { variable, key: key.clone(), value: typed.or(value), source });
    }
    settings
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    let parts = url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)));
    match parts {
        Some((scheme, (user, host))) => {
            let name = user.split_once(':').map_or(user, |(name, _)| name);
            format!("{scheme}://{name}:***@{host}")
        }
        None => url.to_owned(),
    }
}
