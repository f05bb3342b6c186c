//! The programs of this machine, and directories in which servers run.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::USER;

const PROGRAMS: &str = "/usr/lib/postgresql";
/// Debian's user for PostgreSQL, which refuses to run as root.
const SYSTEM_USER: &str = "postgres";
const DIRECTORY_PREFIX: &str = "postgres-test-";
const MEMORY: &str = "/dev/shm";
const ROOM: u64 = 2 << 30;

/// Ends a server and removes its directory ($0) when the pipe ends: the last line read names the process, an empty line none.
/// It looks whether the process is still that server, since ids are given out again.
const KEEPER: &str = r#"
trap '' HUP INT TERM
id=
while read -r line; do id=$line; done
runs() { [ -n "$id" ] && tr '\0' '\n' 2>/dev/null <"/proc/$id/cmdline" | grep -qxF "$0/data"; }
runs && kill -QUIT "$id"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do runs || break; sleep 0.5; done
runs && kill -KILL "$id"
rm -rf "$0"
"#;

/// The programs, who runs them, and a cluster just made, which servers begin with.
#[derive(Debug)]
pub(super) struct Installation {
    programs: PathBuf,
    pub(super) account: Option<Account>,
    pub(super) password: String,
    pub(super) home: Home,
}

pub(super) static INSTALLATION: LazyLock<Result<Installation, String>> =
    LazyLock::new(|| Installation::new().map_err(|error| error.to_string()));

impl Installation {
    fn new() -> io::Result<Self> {
        let programs = newest(Path::new(PROGRAMS)).ok_or_else(|| {
            io::Error::other(format!("there is no initdb in {PROGRAMS}: install the package postgresql."))
        })?;
        let account = if rustix::process::geteuid().is_root() {
            let accounts = fs::read_to_string("/etc/passwd")?;
            let missing = || io::Error::other(format!("there is no user {SYSTEM_USER}, and we are root"));
            Some(Account::find(&accounts, SYSTEM_USER).ok_or_else(missing)?)
        } else {
            None
        };
        let mut random = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut random)?;
        let password = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let home = Home::new(&directory(), &account)?;
        let installation = Self { programs, account, password, home };
        // The directory is closed to others, so the password is only seen by its owner.
        let file = installation.home.path().join("password");
        fs::write(&file, &installation.password)?;
        if let Some(account) = &installation.account {
            chown(&file, Some(account.user), Some(account.group))?;
        }
        let made = installation
            .command("initdb", installation.home.path())
            .args(["--encoding=UTF8", "--locale=C", "--data-checksums", "--no-sync", "--no-instructions"])
            .args(["--auth=scram-sha-256", "--username", USER, "--pwfile"])
            .args([&file, Path::new("-D"), &installation.home.data()])
            .output()?;
        succeeded("initdb", &made)?;
        Ok(installation)
    }

    /// Where PostgreSQL's programs are.
    pub(super) fn programs(&self) -> &Path {
        &self.programs
    }

    /// A program, of PostgreSQL or of the system, as the user that PostgreSQL runs as.
    pub(super) fn command(&self, program: &str, directory: &Path) -> Command {
        let own = self.programs.join(program);
        let mut command = Command::new(if own.is_file() { own } else { program.into() });
        // No variable of PostgreSQL from outside is to change what it does.
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
        command.current_dir(directory).stdin(Stdio::null());
        if let Some(account) = &self.account {
            command.uid(account.user).gid(account.group);
        }
        command
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
}

impl Account {
    /// From lines like those of /etc/passwd.
    fn find(accounts: &str, name: &str) -> Option<Self> {
        let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
        let line =
            accounts.lines().map(fields).find(|line| line.first().is_some_and(|first| first == name))?;
        Some(Self { user: line.get(2)?.parse().ok()?, group: line.get(3)?.parse().ok()? })
    }
}

/// A temporary directory for one server, and the script that outlives the test's process to remove it.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    keeper: Child,
    pipe: Option<ChildStdin>,
}

impl Home {
    pub(super) fn new(directory: &Path, account: &Option<Account>) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("{DIRECTORY_PREFIX}{}-{number}", std::process::id()));
        fs::create_dir(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700))?;
        let mut command = Command::new("sh");
        if let Some(account) = account {
            chown(&path, Some(account.user), Some(account.group))?;
            command.uid(account.user).gid(account.group);
        }
        let mut keeper = command
            .args(["-c", KEEPER])
            .arg(&path)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pipe = keeper.stdin.take();
        Ok(Self { path, keeper, pipe })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Tells the script which process runs here.
    pub(super) fn note(&mut self, id: Option<u32>) -> io::Result<()> {
        let line = id.map(|id| id.to_string()).unwrap_or_default() + "\n";
        self.pipe.as_mut().map_or(Ok(()), |pipe| pipe.write_all(line.as_bytes()))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.keeper.wait();
    }
}

/// Where there is room for some clusters: in memory, or else on a disk.
pub(super) fn directory() -> PathBuf {
    let free =
        rustix::fs::statvfs(MEMORY).map_or(0, |memory| memory.f_bavail.saturating_mul(memory.f_frsize));
    if free >= ROOM { MEMORY.into() } else { std::env::temp_dir() }
}

/// The programs of the newest version there: directories are named `13`, `15`.
fn newest(versions: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(versions).ok()?;
    let versions = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let version: u32 = path.file_name()?.to_str()?.parse().ok()?;
        Some((version, path.join("bin")))
    });
    versions.filter(|(_, path)| path.join("initdb").is_file()).max().map(|(_, path)| path)
}

pub(super) fn succeeded(program: &str, output: &std::process::Output) -> io::Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program} ended with {}: {said}", output.status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts =
            "root:x:0:0::/root:/bin/sh\npostgres2:x:7:8::/:/bin/sh\npostgres:x:101:104:,,,:/:/bin/sh\n";
        assert_eq!(Account::find(accounts, "postgres"), Some(Account { user: 101, group: 104 }));
        assert_eq!(Account::find(accounts, "nobody"), None);
    }
}
