//! The official packages for other languages, as processes that sign and verify.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::{fmt, fs};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tower_svix::HeaderFamily;
use tower_svix_tests::net::within;
use tower_svix_tests::process::cargo;

/// A package, and where it differs from the others.
pub(crate) struct Package {
    language: Language,
    name: &'static str,
    /// The headers that it reads. Without them, it rejects everything.
    pub(crate) reads: &'static [HeaderFamily],
    /// The result of a valid delivery, by the kind of its body.
    pub(crate) empty: &'static str,
    pub(crate) not_json: &'static str,
    pub(crate) not_utf8: &'static str,
}

/// All of them can sign any text, and nothing else.
pub(crate) const PACKAGES: [Package; 4] = [
    Package {
        language: Language::Python,
        name: "svix",
        reads: &[HeaderFamily::SVIX, HeaderFamily::WEBHOOK],
        empty: "accepted",
        not_json: "accepted",
        not_utf8: "failed: UnicodeDecodeError",
    },
    Package {
        language: Language::Python,
        name: "standardwebhooks",
        reads: &[HeaderFamily::WEBHOOK],
        // It parses the body after verification.
        empty: "failed: JSONDecodeError",
        not_json: "failed: JSONDecodeError",
        not_utf8: "failed: UnicodeDecodeError",
    },
    Package {
        language: Language::Node,
        name: "svix",
        reads: &[HeaderFamily::SVIX, HeaderFamily::WEBHOOK],
        // It parses the body after verification.
        empty: "failed: SyntaxError",
        not_json: "failed: SyntaxError",
        // It replaces bytes that are not UTF-8, and so verifies other bytes.
        not_utf8: "rejected: No matching signature found",
    },
    Package {
        language: Language::Node,
        name: "standardwebhooks",
        reads: &[HeaderFamily::WEBHOOK],
        empty: "accepted",
        // It parses the body after verification.
        not_json: "failed: SyntaxError",
        // It replaces bytes that are not UTF-8, and so verifies other bytes.
        not_utf8: "rejected: No matching signature found",
    },
];

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {:?}", self.name, self.language)
    }
}

#[derive(Clone, Copy, Debug)]
enum Language {
    Python,
    Node,
}

impl Language {
    /// Returns the program `call`, or `sign` or `verify`, which the name of a package follows.
    fn program(self, name: &str) -> Command {
        let (folder, pins, extension) = match self {
            Self::Python => ("python", "requirements.txt", "py"),
            Self::Node => ("node", "package-lock.json", "mjs"),
        };
        let programs = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("interop")
            .join(folder);
        let packages = target_directory().join("interop").join(folder);
        assert!(
            fs::read(packages.join("installed")).ok() == fs::read(programs.join(pins)).ok(),
            "the {self:?} packages to test against are missing from {} or outdated: run `./test`, which installs them",
            packages.display()
        );

        let mut program = match self {
            Self::Python => {
                let mut python = Command::new(packages.join("bin/python"));
                // It sees only what is installed there.
                python.arg("-I");
                python
            }
            Self::Node => Command::new("node"),
        };
        program.arg(programs.join(name).with_extension(extension));
        program.current_dir(packages);
        program
    }
}

/// Returns where `tests/interop/setup` has put the packages. It finds the folder in the same way.
fn target_directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let metadata = cargo()
            .args(["metadata", "--no-deps", "--format-version=1"])
            .output()
            .unwrap();
        let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
        metadata["target_directory"].as_str().unwrap().into()
    })
}

/// A package that signs.
pub(crate) struct Signer(Process);

impl Signer {
    pub(crate) fn start(package: &Package) -> Self {
        Self(Process::start(package, "sign"))
    }

    /// Returns an element of the signature header.
    pub(crate) async fn sign(&mut self, secret: &str, id: &str, time: u64, body: &[u8]) -> String {
        let body = STANDARD.encode(body);
        let question = json!({"secret": secret, "id": id, "unix_seconds": time, "body": body});
        let answer = self.0.ask(&question).await;
        answer["signature"].as_str().unwrap().into()
    }
}

/// A package that verifies.
pub(crate) struct Verifier(Process);

impl Verifier {
    pub(crate) fn start(package: &Package) -> Self {
        Self(Process::start(package, "verify"))
    }

    /// Returns `accepted`, `rejected: ` and the reason, or `failed: ` and the name of another exception.
    pub(crate) async fn verify(
        &mut self,
        secret: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> String {
        let headers: Value = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        let body = STANDARD.encode(body);
        let question = json!({"secret": secret, "headers": headers, "body": body});
        let answer = self.0.ask(&question).await;
        answer["outcome"].as_str().unwrap().into()
    }
}

/// grpcio, a gRPC client that shares no code with tonic.
pub(crate) struct Caller(Process);

/// The response to a call, as the client sees it.
#[derive(Debug)]
pub(crate) struct CallOutcome {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) headers: Value,
}

impl Caller {
    pub(crate) fn start() -> Self {
        Self(Process::spawn(&mut Language::Python.program("call")))
    }

    pub(crate) async fn call(
        &mut self,
        server: SocketAddr,
        method: &str,
        headers: &HeaderMap,
        message: &[u8],
    ) -> CallOutcome {
        let headers: Value = headers
            .iter()
            .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
            .collect();
        let message = STANDARD.encode(message);
        let question =
            json!({"server": server, "method": method, "headers": headers, "message": message});
        let mut answer = self.0.ask(&question).await;
        CallOutcome {
            code: answer["code"].as_str().unwrap().into(),
            message: answer["message"].as_str().unwrap().into(),
            headers: answer["headers"].take(),
        }
    }
}

/// A program that answers each line with a line.
struct Process {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Dropping it kills the process.
    _child: Child,
}

impl Process {
    fn start(package: &Package, program: &str) -> Self {
        Self::spawn(package.language.program(program).arg(package.name))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take().unwrap(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            _child: child,
        }
    }

    async fn ask(&mut self, question: &Value) -> Value {
        within(async {
            let question = format!("{question}\n");
            self.stdin.write_all(question.as_bytes()).await.unwrap();
            let mut answer = String::new();
            self.stdout.read_line(&mut answer).await.unwrap();
            serde_json::from_str(&answer).unwrap()
        })
        .await
    }
}
