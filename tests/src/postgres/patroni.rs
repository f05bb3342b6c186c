//! Three PostgreSQL servers under Patroni on 127.0.0.1, with an etcd for who is the primary: as `docs/operate.md` has them, in small.

#![allow(clippy::indexing_slicing, reason = "a fixture fails the test that uses it")]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use ::postgres::{Client, Config, NoTls};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::installation::{Home, INSTALLATION, Installation, directory};
use super::processes::{children, signal, state, wait_for};
use super::{USER, free_address, remove_shared_memory};

/// Before a primary that says nothing is replaced, in seconds. Patroni's own number is 30.
const LEASE: u32 = 10;

/// A cluster. Dropping it ends all of it, and removes all that it stored.
#[derive(Debug)]
pub struct Patroni {
    nodes: Vec<Node>,
    etcd: Program,
}

/// A process that runs in a directory of its own, as the user of PostgreSQL.
#[derive(Debug)]
struct Program {
    process: Option<Child>,
    home: Home,
}

/// A Patroni with its server.
#[derive(Debug)]
struct Node {
    name: String,
    patroni: Program,
    /// Where the server listens, and where Patroni does.
    address: SocketAddr,
    rest: SocketAddr,
    installation: &'static Installation,
}

impl Patroni {
    /// Starts three nodes, and waits until one is the primary and both others follow it, one of them synchronously.
    ///
    /// # Errors
    ///
    /// When that cannot be had on this machine, with what was said.
    pub fn start() -> io::Result<Self> {
        let installation = INSTALLATION.as_ref().map_err(|error| io::Error::other(error.as_str()))?;
        let (clients, peers) = (free_address()?, free_address()?);
        let home = Home::new(&directory(), &installation.account)?;
        let mut etcd = Program { process: None, home };
        let urls = [("client", clients), ("peer", peers)].map(|(name, at)| (name, format!("http://{at}")));
        let mut arguments: Vec<String> = ["--name", "etcd", "--data-dir"].map(str::to_owned).into();
        arguments.push(etcd.home.data().display().to_string());
        for (name, url) in &urls {
            arguments.push(format!("--listen-{name}-urls={url}"));
        }
        arguments.push(format!("--advertise-client-urls={}", urls[0].1));
        arguments.push(format!("--initial-advertise-peer-urls={}", urls[1].1));
        arguments.push(format!("--initial-cluster=etcd={}", urls[1].1));
        // What it holds is who is the primary now, and nothing of the ledger.
        arguments.push("--unsafe-no-fsync".to_owned());
        etcd.start(installation, "etcd", &arguments)?;
        let nodes =
            (1..=3).map(|number| Node::new(number, clients, installation)).collect::<Result<_, _>>()?;
        let mut cluster = Self { nodes, etcd };
        for number in 0..cluster.nodes.len() {
            cluster.restart(number)?;
            // One that makes the first directory, then others that copy it.
            cluster.wait(&format!("node {number} to serve"), |cluster| {
                cluster.nodes[number].connect().is_some()
            })?;
        }
        cluster.settled()?;
        Ok(cluster)
    }

    /// The connection string of a database at whichever node is the primary.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(|node| node.address.to_string()).collect();
        let password = self.nodes[0].installation.password.as_str();
        format!(
            "postgresql://{USER}:{password}@{}/{database}?target_session_attrs=read-write",
            hosts.join(",")
        )
    }

    /// The connection string of a database at one node.
    #[must_use]
    pub fn url_at(&self, node: usize, database: &str) -> String {
        self.nodes[node].url(database)
    }

    /// Makes an empty database at the primary, and gives its connection string there, wherever that is.
    ///
    /// # Errors
    ///
    /// When there is one of that name, or no primary.
    pub fn create_database(&self, name: &str) -> io::Result<String> {
        let primary = self.primary().and_then(|node| self.nodes[node].connect());
        let mut primary = primary.ok_or_else(|| io::Error::other("there is no primary"))?;
        primary.batch_execute(&format!("CREATE DATABASE \"{name}\"")).map_err(io::Error::other)?;
        Ok(self.url(name))
    }

    /// The node that takes writes, if there is one.
    #[must_use]
    pub fn primary(&self) -> Option<usize> {
        self.nodes.iter().position(|node| node.says("SELECT NOT pg_is_in_recovery()"))
    }

    /// A node that follows.
    #[must_use]
    pub fn standby(&self) -> Option<usize> {
        self.nodes.iter().position(|node| node.says("SELECT pg_is_in_recovery()"))
    }

    /// Waits until there is a primary, and all other nodes follow it, one of them synchronously.
    ///
    /// # Errors
    ///
    /// When that does not come.
    pub fn settled(&self) -> io::Result<()> {
        let follow = "SELECT count(*) = 2 AND count(*) FILTER (WHERE sync_state = 'sync') = 1 \
            FROM pg_stat_replication WHERE state = 'streaming' AND application_name LIKE 'node%'";
        self.wait("the nodes to follow", |cluster| cluster.nodes.iter().any(|node| node.says(follow)))
    }

    /// Ends a node as a crash of its machine would: Patroni, the server, and each of its connections.
    ///
    /// # Errors
    ///
    /// When something of it does not end.
    pub fn kill(&mut self, node: usize) -> io::Result<()> {
        self.nodes[node].kill()
    }

    /// Starts a node again after [`kill`](Self::kill). It follows who is the primary then.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn restart(&mut self, node: usize) -> io::Result<()> {
        let Node { patroni, installation, .. } = &mut self.nodes[node];
        let configuration = patroni.home.data().display().to_string();
        patroni.start(installation, "patroni", &[configuration])
    }

    /// Lets commits wait for no standby any more, which nobody should.
    ///
    /// # Errors
    ///
    /// When Patroni does not take it.
    pub fn asynchronous(&self) -> io::Result<()> {
        let primary = self.primary().ok_or_else(|| io::Error::other("there is no primary"))?;
        let (node, body) = (&self.nodes[primary], r#"{"synchronous_mode": false}"#);
        let mut stream = TcpStream::connect(node.rest)?;
        let length = body.len();
        write!(stream, "PATCH /config HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        self.wait("commits to wait for nobody", |cluster| {
            cluster.nodes[primary].says("SELECT current_setting('synchronous_standby_names') = ''")
        })
    }

    /// Stops the processes that take what the primary sends, so that the standbys fall behind; gives these.
    #[must_use]
    pub fn cut_off(&self) -> Vec<u32> {
        let mut stopped = Vec::new();
        for node in &self.nodes {
            let Some(server) = node.server() else { continue };
            let receives = |id: &u32| {
                let line = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
                line.contains("walreceiver")
            };
            stopped.extend(children(server).into_iter().filter(receives));
        }
        for id in &stopped {
            signal(*id, Signal::STOP);
        }
        stopped
    }

    /// Ends them, with all that was on the way to them.
    pub fn lose(&self, stopped: &[u32]) {
        for id in stopped {
            signal(*id, Signal::KILL);
        }
    }

    fn wait(&self, what: &str, mut happened: impl FnMut(&Self) -> bool) -> io::Result<()> {
        let waited = wait_for(what, || {
            std::thread::sleep(Duration::from_millis(50));
            happened(self)
        });
        waited.map_err(|error| io::Error::other(format!("{error}; they said:\n{}", self.log())))
    }

    /// What all of them have said.
    #[must_use]
    pub fn log(&self) -> String {
        let programs = self.nodes.iter().map(|node| &node.patroni).chain([&self.etcd]);
        programs.map(Program::log).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Patroni {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _ = node.kill();
            remove_shared_memory(node.installation, &node.patroni.home, &node.cluster());
        }
        self.etcd.kill();
    }
}

impl Program {
    fn start(&mut self, installation: &Installation, program: &str, arguments: &[String]) -> io::Result<()> {
        let log = File::options().create(true).append(true).open(self.home.path().join("log"))?;
        let mut command = installation.command(program, self.home.path());
        command.args(arguments).stdout(log.try_clone()?).stderr(log).process_group(0);
        let process = command.spawn().map_err(|error| {
            io::Error::other(format!("{program}: {error}: tests/setup.sh test installs it"))
        })?;
        self.home.note(Some(process.id()))?;
        self.process = Some(process);
        Ok(())
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
        let _ = self.home.note(None);
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Node {
    fn new(number: u32, etcd: SocketAddr, installation: &'static Installation) -> io::Result<Self> {
        let home = Home::new(&directory(), &installation.account)?;
        let (name, address, rest) = (format!("node{number}"), free_address()?, free_address()?);
        let patroni = Program { process: None, home };
        let node = Self { name, patroni, address, rest, installation };
        let folder = node.patroni.home.data();
        let file = folder.join("patroni.yml");
        fs::create_dir(&folder)?;
        fs::write(&file, node.configuration(etcd).to_string())?;
        if let Some(account) = &installation.account {
            for path in [&folder, &file] {
                chown(path, Some(account.user), Some(account.group))?;
            }
        }
        Ok(node)
    }

    /// JSON is YAML.
    fn configuration(&self, etcd: SocketAddr) -> Value {
        let own = self.rest;
        let password = self.installation.password.as_str();
        let all = "127.0.0.1/32 scram-sha-256";
        json!({
            "scope": "ledger",
            "name": self.name,
            "restapi": { "listen": own.to_string(), "connect_address": own.to_string() },
            "etcd3": { "hosts": etcd.to_string() },
            "bootstrap": {
                "dcs": {
                    "ttl": LEASE, "loop_wait": 1, "retry_timeout": 4,
                    "synchronous_mode": true, "synchronous_mode_strict": true,
                    "postgresql": {
                        "use_pg_rewind": true,
                        "parameters": {
                            "fsync": "on", "synchronous_commit": "on", "max_connections": 200, "wal_log_hints": "on",
                            "shared_buffers": "32MB", "timezone": "UTC", "dynamic_shared_memory_type": "mmap",
                            "unix_socket_directories": "",
                        },
                    },
                },
                "initdb": [{ "encoding": "UTF8" }, { "locale": "C" }, "data-checksums", "no-sync"],
            },
            "postgresql": {
                "listen": self.address.to_string(),
                "connect_address": self.address.to_string(),
                "data_dir": self.cluster(),
                "bin_dir": self.installation.programs(),
                "pgpass": self.patroni.home.path().join("pgpass"),
                "basebackup": [{ "checkpoint": "fast" }, "no-sync"],
                "pg_hba": [format!("host all all {all}"), format!("host replication all {all}")],
                "authentication": {
                    "superuser": { "username": USER, "password": password },
                    "replication": { "username": "follower", "password": password },
                },
            },
        })
    }

    /// Where the server stores.
    fn cluster(&self) -> PathBuf {
        self.patroni.home.path().join("cluster")
    }

    fn url(&self, database: &str) -> String {
        format!("postgresql://{USER}:{}@{}/{database}", self.installation.password, self.address)
    }

    fn connect(&self) -> Option<Client> {
        let config: Config = self.url("postgres").parse().ok()?;
        config.clone().connect_timeout(Duration::from_secs(5)).connect(NoTls).ok()
    }

    /// Whether it answers, and with yes.
    fn says(&self, sql: &str) -> bool {
        let row = self.connect().and_then(|mut client| client.query_one(sql, &[]).ok());
        row.is_some_and(|row| row.get(0))
    }

    /// The process of the server, if it runs.
    fn server(&self) -> Option<u32> {
        let note = fs::read_to_string(self.cluster().join("postmaster.pid")).ok()?;
        note.lines().next()?.trim().parse().ok()
    }

    fn kill(&mut self) -> io::Result<()> {
        // First who would start the server again.
        self.patroni.kill();
        let Some(server) = self.server().filter(|id| state(*id).is_some()) else { return Ok(()) };
        // One that stands still starts nothing that would be missed.
        signal(server, Signal::STOP);
        wait_for("the server to stand still", || {
            state(server).is_none_or(|(state, _)| "TZX".contains(state))
        })?;
        for id in children(server).into_iter().chain([server]) {
            signal(id, Signal::KILL);
        }
        wait_for("the server to end", || state(server).is_none_or(|(state, _)| "ZX".contains(state)))
    }
}
