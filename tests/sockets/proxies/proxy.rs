//! nginx and HAProxy, each in its own process on a free loopback port.

use std::env;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const TIMEOUT: Duration = Duration::from_secs(30);

/// The addresses of the proxy and of the receiver in the configurations of the page.
const LISTEN: &str = "127.0.0.1:8080";
const RECEIVER: &str = "127.0.0.1:3000";

pub(crate) const NGINX: &str = include_str!("webhook.conf");
pub(crate) const HAPROXY: &str = include_str!("webhook.cfg");

/// Debian's `nginx.conf` around a file of `conf.d`, with all files that nginx writes in one folder. There are several
/// processes, as in Debian.
const NGINX_AROUND: &str = "\
daemon off;
worker_processes 1;
pid nginx.pid;
error_log log;
events {}
http {
    access_log off;
    gzip on;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include webhook.conf;
}
";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Nginx,
    HaProxy,
}

pub(crate) const KINDS: [Kind; 2] = [Kind::Nginx, Kind::HaProxy];

/// The configuration of the page, with the changes of a test.
#[derive(Clone)]
pub(crate) struct Config {
    kind: Kind,
    text: String,
}

impl Config {
    pub(crate) fn of(kind: Kind) -> Self {
        let text = match kind {
            Kind::Nginx => NGINX,
            Kind::HaProxy => HAPROXY,
        };
        let text = text.to_owned();
        Self { kind, text }
    }

    pub(crate) fn nginx() -> Self {
        Self::of(Kind::Nginx)
    }

    pub(crate) fn haproxy() -> Self {
        Self::of(Kind::HaProxy)
    }

    /// Replaces `old`, which must occur once, with `new`.
    #[track_caller]
    pub(crate) fn replace(mut self, old: &str, new: &str) -> Self {
        assert_eq!(self.text.matches(old).count(), 1, "{old}");
        self.text = self.text.replace(old, new);
        self
    }

    /// Removes `line`.
    #[track_caller]
    pub(crate) fn without(self, line: &str) -> Self {
        self.replace(line, "")
    }

    /// Adds a directive to the `location` of nginx, or to the `frontend` of HAProxy.
    #[track_caller]
    pub(crate) fn with(self, directive: &str) -> Self {
        let last = match self.kind {
            Kind::Nginx => "proxy_pass http://webhook_receivers;",
            Kind::HaProxy => "    default_backend webhook_receivers",
        };
        self.replace(last, &format!("{directive}\n{last}"))
    }

    /// Adds a line to the `backend` of HAProxy.
    #[track_caller]
    pub(crate) fn with_in_backend(self, line: &str) -> Self {
        let backend = "backend webhook_receivers\n    ";
        self.replace(backend, &format!("{backend}{line}\n    "))
    }

    /// Starts the proxy in front of these receivers. The first one gets the first request.
    pub(crate) fn start(&self, receivers: &[SocketAddr]) -> Proxy {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let Some(address) = free_address() else {
                continue;
            };
            let directory = directory();
            self.write(&directory, address, receivers);
            let mut proxy = Proxy {
                child: self.spawn(&directory),
                address,
                directory,
                kind: self.kind,
            };
            if proxy.accepts(deadline) {
                return proxy;
            }
            assert!(Instant::now() < deadline, "{}", proxy.log());
        }
    }

    fn write(&self, directory: &Path, address: SocketAddr, receivers: &[SocketAddr]) {
        let [first, others @ ..] = receivers else {
            panic!("a proxy needs a receiver");
        };
        let others = others
            .iter()
            .enumerate()
            .map(|(number, other)| match self.kind {
                Kind::Nginx => format!(";\n    server {other}"),
                Kind::HaProxy => format!("\n    server receiver{} {other}", number + 2),
            });
        let servers = first.to_string() + &others.collect::<String>();
        let text = self.text.replace(LISTEN, &address.to_string());
        let text = text.replace(RECEIVER, &servers);
        match self.kind {
            Kind::Nginx => {
                // If the test runs as root, the worker is another user.
                let user = if rustix::process::getuid().is_root() {
                    "user root;\n"
                } else {
                    ""
                };
                let around = format!("{user}{NGINX_AROUND}");
                fs::write(directory.join("nginx.conf"), around).unwrap();
                fs::write(directory.join("webhook.conf"), text).unwrap();
            }
            Kind::HaProxy => fs::write(directory.join("haproxy.cfg"), text).unwrap(),
        }
    }

    fn spawn(&self, directory: &Path) -> Child {
        let mut command = match self.kind {
            Kind::Nginx => {
                let mut nginx = Command::new(installed("nginx"));
                nginx.arg("-p").arg(directory);
                nginx.args(["-e", "log", "-c", "nginx.conf"]);
                nginx
            }
            Kind::HaProxy => {
                let mut haproxy = Command::new(installed("haproxy"));
                // Without `-dR`, it would share a port with another HAProxy.
                haproxy.args(["-db", "-dR", "-f", "haproxy.cfg"]);
                haproxy
            }
        };
        let mut appending = File::options();
        appending.append(true).create(true);
        let log = appending.open(directory.join("log")).unwrap();
        command
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{error}: on Debian, `apt-get install nginx-light haproxy`")
            })
    }
}

/// A proxy. Dropping it stops the proxy.
pub(crate) struct Proxy {
    child: Child,
    pub(crate) address: SocketAddr,
    directory: PathBuf,
    kind: Kind,
}

impl Proxy {
    /// Waits until the proxy accepts connections. Returns `false` if it exited before.
    fn accepts(&mut self, deadline: Instant) -> bool {
        while self.child.try_wait().unwrap().is_none() {
            // nginx writes that file once it has the port.
            let is_bound = match self.kind {
                Kind::Nginx => self.directory.join("nginx.pid").exists(),
                Kind::HaProxy => true,
            };
            if is_bound && TcpStream::connect(self.address).is_ok() {
                return true;
            }
            assert!(Instant::now() < deadline, "{:?}: {}", self.kind, self.log());
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Returns the proxy's output, which is mainly errors.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx stops its workers first. SIGKILL would leave them running.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
        if thread::panicking() {
            println!("{:?}: {}", self.kind, self.log());
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Returns a free address. If another process takes it before the proxy, the proxy exits, and another one is tried. The
/// port is outside the range from which the system assigns ports to other tests.
fn free_address() -> Option<SocketAddr> {
    let address = SocketAddr::from(([127, 0, 0, 1], rand::random_range(10_000..32_000)));
    TcpListener::bind(address).ok().map(|_| address)
}

/// Returns a new folder.
fn directory() -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("tower-svix-proxy-{}-{number}", std::process::id());
    let directory = env::temp_dir().join(name);
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// Debian has servers in a folder that is not in every user's `PATH`.
fn installed(program: &str) -> PathBuf {
    let debian = Path::new("/usr/sbin").join(program);
    if debian.exists() {
        debian
    } else {
        program.into()
    }
}
