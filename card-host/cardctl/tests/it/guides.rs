//! What the README and the guides tell to type is typed here, line by line, as it stands there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// In a line that stands for many: what it names is somebody's own. Such a line must be understood, and is not run.
const OWN: &[&str] = &[
    "...",
    "NAME",
    "1DF0",
    "serve",
    "Virtual PCD",
    "watch",
    "holder",
    "list.csv",
    "signer:",
    "policy set",
    "--national-id -",
    "refund ID",
];

/// A shell in which `cargo cardctl` and `cardctl` are the program that is tested.
struct Shell {
    directory: tempfile::TempDir,
}

impl Shell {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("bin")).unwrap();
        let program = env!("CARGO_BIN_EXE_cardctl");
        for (name, skip) in [("cargo", "[ \"$1\" = cardctl ] || exit 99\nshift\n"), ("cardctl", "")] {
            let path = directory.path().join("bin").join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{skip}exec '{program}' \"$@\"\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn run(&self, line: &str) -> Output {
        let line = line.replace("/tmp/try", self.path("try").to_str().unwrap());
        let programs = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARDCTL_")) {
            shell.env_remove(name);
        }
        shell
            .stdin(Stdio::null())
            .args(["-c", &line])
            .current_dir(self.directory.path())
            .env("PATH", programs)
            .env("LANG", "C");
        shell
            .env_remove("LC_ALL")
            .env("HOME", self.directory.path())
            .env("CARDCTL_DATA", self.path("data"))
            .output()
            .unwrap()
    }
}

/// The blocks of commands of a document, each with its lines.
fn blocks(document: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(document).unwrap();
    let mut blocks = Vec::new();
    for part in text.split("\n```sh\n").skip(1) {
        let block = part.split("\n```").next().unwrap();
        blocks.push(block.replace("\\\n", "").lines().map(str::to_owned).collect());
    }
    blocks
}

fn is_ours(line: &str) -> bool {
    line.starts_with("cargo cardctl ") || line.starts_with("cardctl ")
}

/// Asks for the help of the command, as far as its name goes.
fn help_of(command: &str) -> String {
    let is_name = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let name = command.split(' ').take_while(|word| is_name(word) && !word.starts_with('-'));
    format!("{} --help", name.collect::<Vec<_>>().join(" "))
}

/// Types the lines of a block that are of this program; how many were run.
fn type_in(shell: &Shell, document: &Path, block: &[String]) -> usize {
    let (mut run, mut set) = (0, String::new());
    for line in block {
        if line.starts_with("export ") {
            set = format!("{set}{}\n", line.split(" #").next().unwrap());
        }
        if !is_ours(line) {
            continue;
        }
        let command = line.split(" #").next().unwrap().trim_end();
        let own = OWN.iter().any(|word| command.contains(word));
        let output = shell.run(&if own { help_of(command) } else { format!("{set}{command}") });
        assert!(output.status.success(), "{}: {line}\n{output:?}", document.display());
        run += usize::from(!own);
    }
    run
}

#[test]
fn the_guides_commands_run_as_they_stand_there() {
    let guides = Path::new(ROOT).join("docs/guides");
    let mut documents: Vec<_> =
        std::fs::read_dir(guides).unwrap().map(|entry| entry.unwrap().path()).collect();
    documents.push(Path::new(ROOT).join("card-host/cardctl/README.md"));
    documents.sort();
    let mut run = 0;
    for document in documents.iter().filter(|path| path.extension().is_some_and(|end| end == "md")) {
        for block in blocks(document) {
            // With a token there would have to be one.
            if !block.iter().any(|line| line.starts_with("softhsm2-util")) {
                run += type_in(&Shell::new(), document, &block);
            }
        }
    }
    assert!(run > 20, "{run} commands were run");
}

/// With only the README: a simulated card with a charge, and its statement in Arabic as a page, in five commands.
#[test]
fn a_newcomer_has_a_card_and_its_statement_in_five_commands() {
    let readme = Path::new(ROOT).join("README.md");
    let block = blocks(&readme)
        .into_iter()
        .find(|block| block.iter().any(|line| line.contains("statement")))
        .unwrap();
    assert!(block.len() <= 5 && block.iter().all(|line| is_ours(line)), "{block:?}");
    let shell = Shell::new();
    assert_eq!(type_in(&shell, &readme, &block), block.len());
    let page = std::fs::read_to_string(shell.path("statement.html")).unwrap();
    for part in ["dir=\"rtl\"", "lang=\"ar\"", "50.00", "<svg"] {
        assert!(page.contains(part), "{part} is not on the page");
    }
}
