//! What surrounds the commands: settings, help, completion, manual pages, how a command ends, and in which language.

use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Without settings of whoever runs the test.
fn cardctl(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("CARDCTL_") || name.starts_with("LC_"))
    {
        command.env_remove(name);
    }
    command.env("LANG", "C").env("HOME", directory).env("XDG_CONFIG_HOME", directory.join("config"));
    command.args(arguments).env("CARDCTL_DATA", directory.join("data")).stdin(Stdio::null());
    command
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The last object on standard error.
fn problem(output: &Output) -> Value {
    serde_json::from_str(err(output).lines().last().unwrap()).unwrap()
}

#[test]
fn an_argument_comes_before_the_environment_and_that_before_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let file = directory.join("config/cardctl/cardctl.toml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "actor = \"of the file\"\npoint = \"p1\"\n[serve]\nlisten = \"127.0.0.1:1\"\n")
        .unwrap();
    let show = |arguments: &[&str], actor: Option<&str>| {
        let mut command = cardctl(directory, &[&["--format", "json", "config", "show"], arguments].concat());
        actor.map(|actor| command.env("CARDCTL_ACTOR", actor));
        let output = command.env("CARDCTL_DATABASE", "postgres://me:secret@host/db").output().unwrap();
        assert!(output.status.success() && !out(&output).contains(":secret@"), "{output:?}");
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(shown["file"], file.to_str().unwrap());
        move |key: &str| {
            let all = shown["settings"].as_array().unwrap();
            let setting = all.iter().find(|setting| setting["key"] == key).unwrap().clone();
            (setting["value"].clone(), setting["source"].as_str().unwrap().to_owned())
        }
    };
    let value = |(value, source): (Value, String)| (value.as_str().unwrap_or_default().to_owned(), source);
    let is = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(value(show(&[], None)("actor")), is("of the file", "file"));
    assert_eq!(value(show(&[], Some("of all"))("actor")), is("of all", "environment"));
    assert_eq!(value(show(&["--actor", "typed"], Some("of all"))("actor")), is("typed", "argument"));
    assert_eq!(value(show(&[], None)("serve.listen")), is("127.0.0.1:1", "file"));
    assert_eq!(value(show(&[], None)("reader")), is("sim", "built-in"));
    assert_eq!(value(show(&[], None)("keys")), is("", "unset"));
    // What it says holds: the vending point of the file is not known.
    let code = |arguments: &[&str]| cardctl(directory, arguments).status().unwrap().code();
    assert_eq!(code(&["issue", "--meter", "5", "--account", "7"]), Some(0));
    assert_eq!(code(&["top-up", "10"]), Some(1));
    assert_eq!(code(&["--point", "office", "top-up", "10"]), Some(0));
    // Nothing is overlooked.
    for (text, word) in [
        ("actr = \"a\"", "actr"),
        ("request = \"r\"", "request"),
        ("[top-up]\namount = 5", "top-up.amount"),
        ("point = 1.5", "point"),
        ("=", "1"),
    ] {
        std::fs::write(&file, text).unwrap();
        let output = cardctl(directory, &["config", "show"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(err(&output).contains(word) && err(&output).contains("cardctl.toml"), "{output:?}");
    }
    std::fs::write(&file, "language = \"fr\"").unwrap();
    let output = cardctl(directory, &["info"]).output().unwrap();
    assert!(output.status.code() == Some(2) && err(&output).contains("cardctl.toml"), "{output:?}");
    let output = cardctl(directory, &["--config", "/no/such/file", "info"]).output().unwrap();
    assert!(output.status.code() == Some(2) && err(&output).contains("/no/such/file"), "{output:?}");
}

/// A service has its secrets as files in a folder of its own.
#[test]
fn credentials_of_a_service_set_options() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let folder = directory.join("credentials");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("cardctl.database"), "postgres://me:secret@host/db\n").unwrap();
    std::fs::write(folder.join("cardctl.secret"), "Mona\n").unwrap();
    let show = |variable: Option<&str>| {
        let mut command = cardctl(directory, &["--format", "json", "config", "show"]);
        variable.map(|url| command.env("CARDCTL_DATABASE", url));
        let output = command.env("CREDENTIALS_DIRECTORY", &folder).output().unwrap();
        let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        move |key: &str| {
            let all = shown["settings"].as_array().unwrap();
            let setting = all.iter().find(|setting| setting["key"] == key).unwrap();
            (setting["value"].as_str().unwrap().to_owned(), setting["source"].as_str().unwrap().to_owned())
        }
    };
    let is = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(show(None)("database"), is("postgres://me:***@host/db", "credential"));
    assert_eq!(show(None)("secret-file"), is(folder.join("cardctl.secret").to_str().unwrap(), "credential"));
    assert_eq!(show(Some("postgres://other/db"))("database"), is("postgres://other/db", "environment"));
    for help in [&["help", "options"][..], &["serve", "--help"]] {
        let output = cardctl(directory, help).env("CREDENTIALS_DIRECTORY", &folder).output().unwrap();
        assert!(output.status.success() && !out(&output).contains("secret@"), "{output:?}");
    }
    std::fs::remove_file(folder.join("cardctl.database")).unwrap();
    std::fs::create_dir(folder.join("cardctl.database")).unwrap();
    let output = cardctl(directory, &["info"]).env("CREDENTIALS_DIRECTORY", &folder).output().unwrap();
    assert!(output.status.code() == Some(2) && err(&output).contains("cardctl.database"), "{output:?}");
}

/// What holds for all commands is in one place, and the help of a command is about that command.
#[test]
fn help_is_short_and_has_examples() {
    let directory = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let output = cardctl(directory.path(), arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        out(&output)
    };
    let help = said(&["top-up", "--help"]);
    assert!(!help.contains("--database") && !help.contains("--actor"), "{help}");
    assert!(help.contains("Examples:\n  cardctl top-up 50.00\n"), "{help}");
    assert!(help.contains("cardctl help options"), "{help}");
    for options in [said(&["help", "options"]), said(&["options"])] {
        for word in ["--database", "--actor", "--reader", "CARDCTL_LANGUAGE", "cardctl config show"] {
            assert!(options.contains(word), "{word}: {options}");
        }
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = said(&["completion", shell]);
        assert!(
            script.contains("top-up") && script.contains("trial-balance") && script.contains("reader"),
            "{shell}"
        );
    }
    let folder = directory.path().join("man");
    std::fs::create_dir(&folder).unwrap();
    said(&["man", folder.to_str().unwrap()]);
    let page = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(page("cardctl.1").contains("cardctl\\-top\\-up(1)") || page("cardctl.1").contains("top\\-up"));
    assert!(page("cardctl-ledger-debit.1").contains("Examples:"));
    assert!(page("cardctl-options.1").contains("CARDCTL_READER"));
}

/// The script of bash completes a command and an option, where there is a bash.
#[cfg(unix)]
#[test]
fn bash_completes() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("cardctl.bash");
    std::fs::write(&script, cardctl(directory.path(), &["completion", "bash"]).output().unwrap().stdout)
        .unwrap();
    for (typed, word) in
        [("top-", "top-up"), ("ledger trial", "trial-balance"), ("top-up --chan", "--channel")]
    {
        let words: Vec<_> = typed.split(' ').collect();
        let line = format!(
            "source {}; COMP_WORDS=(cardctl {typed}); COMP_CWORD={}; _cardctl cardctl {} x; echo \"${{COMPREPLY[@]}}\"",
            script.display(),
            words.len(),
            words.last().unwrap()
        );
        let output = Command::new("bash").args(["-c", &line]).output().unwrap();
        assert!(out(&output).split_whitespace().any(|reply| reply == word), "{typed}: {output:?}");
    }
}

#[test]
fn each_error_is_one_object() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let run = |arguments: &[&str]| {
        cardctl(directory, &[&["--format", "json"], arguments].concat()).output().unwrap()
    };
    let ends = |arguments: &[&str], status, code: &str, happened: &str| {
        let output = run(arguments);
        let problem = problem(&output);
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        assert_eq!((&problem["code"], &problem["happened"]), (&code.into(), &happened.into()), "{problem}");
        assert_eq!(problem["schema_version"], 1);
        assert!(!problem["error"].as_str().unwrap().is_empty() && problem.get("request").is_some());
        problem
    };
    ends(&["no-such-command"], 2, "usage", "nothing");
    ends(&["top-up", "5,0"], 2, "usage", "nothing");
    ends(&["top-up", "5"], 1, "no-ledger", "nothing");
    run(&["issue", "--meter", "5", "--account", "7"]);
    ends(&["ledger", "statement", "--meter", "6"], 1, "unknown-meter", "nothing");
    ends(&["--reader", "none", "info"], 7, "reader", "nothing");
    let refused = ends(&["--request", "r-1", "top-up", "0.01"], 1, "too-little", "nothing");
    assert_eq!(refused["request"], "r-1");
    let waits = ends(&["--request", "r-2", "top-up", "15000"], 9, "second-person", "part");
    assert!(waits["error"].as_str().unwrap().contains("ledger approve r-2"), "{waits}");
    // The answer tells of something wrong: it is no error.
    let file = directory.join("tariff.toml");
    std::fs::write(&file, "x").unwrap();
    let lost = directory.join("list.jsonl");
    std::fs::write(&lost, "{}\n").unwrap();
    ends(&["tariff", "check", file.to_str().unwrap()], 1, "tariff-file", "nothing");
}

/// Others wait some seconds, and are told who it is.
#[test]
fn a_directory_in_use_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    assert!(cardctl(directory, &["issue", "--meter", "5", "--account", "7"]).status().unwrap().success());
    let data = directory.join("data");
    let lock = File::create(data.join("lock")).unwrap();
    lock.lock().unwrap();
    std::fs::write(data.join("lock-holder.json"), r#"{"process":4711,"since":1795000000}"#).unwrap();
    let output = cardctl(directory, &["--format", "json", "info"]).output().unwrap();
    let told = problem(&output);
    assert_eq!(
        (output.status.code(), &told["code"], &told["happened"]),
        (Some(8), &"in-use".into(), &"nothing".into())
    );
    assert!(told["error"].as_str().unwrap().contains("process 4711 since 2026-11-18 11:06:40 UTC"), "{told}");
    let arabic = cardctl(directory, &["--language", "ar", "--quiet", "info"]).output().unwrap();
    assert!(err(&arabic).contains("4711") && err(&arabic).lines().count() == 1, "{arabic:?}");
    // It is free again while somebody waits.
    let waiting =
        cardctl(directory, &["info"]).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut waiting = waiting;
    let mut said = std::io::BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    assert!(line.contains("waiting"), "{line}");
    drop(lock);
    assert!(waiting.wait().unwrap().success());
}

#[test]
fn quiet_says_the_answer_and_what_went_wrong_only() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let said = cardctl(directory, &["--quiet", "--request", "r", "issue", "--meter", "5", "--account", "7"])
        .output()
        .unwrap();
    assert!(said.status.success() && said.stderr.is_empty() && !said.stdout.is_empty(), "{said:?}");
    let said = cardctl(directory, &["--request", "r-2", "top-up", "10"]).output().unwrap();
    assert!(err(&said).contains("development"), "{said:?}");
    assert!(
        !err(&said).contains('\u{1b}') && !out(&said).contains('\u{1b}'),
        "colours are for terminals: {said:?}"
    );
    let said = cardctl(directory, &["-q", "--request", "r-3", "top-up", "0.01"]).output().unwrap();
    assert_eq!((said.status.code(), err(&said).lines().count()), (Some(1), 1), "{said:?}");
}

/// What is not between isolates, which hold identifiers, codes and amounts.
fn unnamed(text: &str) -> String {
    let parts = text.split('\u{2068}').map(|part| part.split_once('\u{2069}').map_or(part, |(_, rest)| rest));
    parts.collect()
}

#[test]
fn arabic_is_spoken_and_its_digits_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let run = |arguments: &[&str]| cardctl(directory, arguments).output().unwrap();
    let json = |arguments: &[&str]| {
        let output = run(&[&["--format", "json"], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    assert_eq!(json(&["issue", "--meter", "٥", "--account", "۷"])["meter"], "5");
    assert_eq!(json(&["top-up", "١٬٢٥٠٫٥٠"])["amount"], 125_050);
    assert_eq!(json(&["top-up", "۱۰"])["amount"], 1_000);
    json(&["mail", "calendar", "--holiday=٢٠٢٧-٠٣-١٠+٣", "--friendly-from", "١٧:٣٠"]);
    json(&["ledger", "statement", "--meter", "٥", "--entries", "٣"]);
    for amount in ["١٬٢٥", "٥،٥", "٥٫٥٫٥"] {
        assert_eq!(run(&["top-up", amount]).status.code(), Some(2), "{amount}");
    }
    // Only identifiers and codes are in western letters, and they stand in isolates.
    for (arguments, status) in [
        (&["top-up", "0.01"][..], 1),
        (&["top-up", "15000"], 9),
        (&["ledger", "statement", "--meter", "6"], 1),
        (&["ledger", "point", "nowhere"], 1),
        (&["load", "/no/such/file"], 1),
        (&["--reader", "none", "info"], 7),
        (&["no-such-command"], 2),
        (&["top-up", "5,0"], 2),
        (&["top-up", "--no-such-option"], 2),
        (&["ledger", "debit", "--meter", "5"], 2),
    ] {
        let output = run(&[&["--language", "ar", "--quiet", "--request", "r-9"], arguments].concat());
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {output:?}");
        let said = err(&output).replace("cardctl:", "");
        let words = unnamed(&said).replace("--request r-9", "");
        assert!(!words.chars().any(|letter| letter.is_ascii_alphabetic()), "{arguments:?}: {said}");
        assert!(words.chars().any(|letter| matches!(letter, 'ء'..='ي')), "{arguments:?}: {said}");
    }
    // What is shown has Arabic words too.
    let arabic_only = |arguments: &[&str]| {
        let id = arguments.join("-").chars().filter(char::is_ascii).collect::<String>();
        let output = run(&[&["--language", "ar", "--quiet", "--request", &id], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        let said = out(&output);
        let times = |word: &str| word.len() == 20 && word.ends_with('Z') && word.starts_with("20");
        let plain = unnamed(&said);
        let plain = plain.split(' ').filter(|word| !times(word)).collect::<Vec<_>>().join(" ");
        assert!(!plain.chars().any(|letter| letter.is_ascii_alphabetic()), "{arguments:?}: {plain}");
    };
    run(&["meter", "tap"]);
    run(&["meter", "run", "--days", "40"]);
    run(&["mail", "command", "read-out"]);
    run(&["meter", "tap"]);
    for arguments in [
        &["info"][..],
        &["show"],
        &["meter", "status"],
        &["meter", "events"],
        &["meter", "months"],
        &["meter", "run", "--days", "1"],
        &["collect"],
        &["ledger", "statement", "--meter", "5"],
        &["ledger", "debt", "7", "3", "--reason", "قديم"],
        &["ledger", "deposit", "office", "5"],
        &["config", "show"],
    ] {
        arabic_only(arguments);
    }
    // The language of the environment, where it is not said.
    let spoken = |variable: &str, language: &str, arguments: &[&str]| {
        let output = cardctl(directory, arguments).env(variable, language).output().unwrap();
        out(&output) + &err(&output)
    };
    let arabic = |text: &str| text.chars().any(|letter| matches!(letter, 'ء'..='ي'));
    assert!(arabic(&spoken("LANG", "ar_EG.UTF-8", &["info"])));
    assert!(arabic(&spoken("LC_ALL", "ar", &["info"])));
    assert!(arabic(&spoken("LANG", "ar_EG.UTF-8", &["no-such-command"])));
    assert!(!arabic(&spoken("LANG", "ar_EG.UTF-8", &["--language", "en", "info"])));
    assert!(!arabic(&spoken("LANG", "de_DE.UTF-8", &["info"])));
}
