//! Servers over HTTP on loopback: each alone on one core, with the load generator `wrk` on the other.
//!
//! ```text
//! http [--quick] [NAME...]
//! ```
//!
//! In each round, every server runs for a second, in a random order, and is compared with the others of that round.
//! With names, only these are measured, and nothing is stored for the report.

use std::env;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fastrand::Rng;
use peers::delivery::Delivery;
use peers::results::{Http, HttpOf, HttpOfSize, Spread, Stored as _, is_quick};
use peers::routers::{FORMS, UNVERIFIED};
use peers::tables;
use serde::Deserialize;

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const SIZES: [usize; 2] = [1024, 20 * 1024];
const CONNECTIONS: usize = 32;
const SERVER_CORE: &str = "0";
const WRK_CORE: &str = "1";

fn main() -> io::Result<()> {
    let turns = if is_quick() { 3 } else { 20 };
    let names: Vec<_> = env::args()
        .skip(1)
        .filter(|argument| argument != "--quick")
        .collect();
    let is_wanted = |name: &str| {
        names.is_empty() || name == UNVERIFIED || names.iter().any(|wanted| wanted == name)
    };
    let server = env::current_exe()?.with_file_name("server");
    let mut servers = vec![];
    for form in FORMS.iter().filter(|form| is_wanted(form.name)) {
        servers.push(Server::start(form.name, &server, form.name)?);
    }
    // The script `run` installs what Express needs, if there is Node.
    if is_wanted("express") && fs::exists(format!("{HERE}/express/node_modules"))? {
        let script = format!("{HERE}/express/server.mjs");
        servers.push(Server::start("express", Path::new("node"), &script)?);
    }

    let seed = fastrand::u64(..);
    eprintln!("{turns} turns of {} servers, seed {seed}", servers.len());
    let mut random = Rng::with_seed(seed);
    let mut sizes = vec![];
    for body_len in SIZES {
        sizes.push(measure(body_len, &servers, turns, &mut random)?);
    }
    let http = Http {
        turns,
        connections: CONNECTIONS,
        seed,
        sizes,
    };
    print!("{}", tables::http(&http));
    if names.is_empty() {
        http.save()?;
    }
    Ok(())
}

fn measure(
    body_len: usize,
    servers: &[Server],
    turns: usize,
    random: &mut Rng,
) -> io::Result<HttpOfSize> {
    let mut order: Vec<_> = (0..servers.len()).collect();
    let mut loads: Vec<Vec<Load>> = servers.iter().map(|_| vec![]).collect();
    for _ in 0..turns {
        random.shuffle(&mut order);
        for index in &order {
            loads[*index].push(servers[*index].load(body_len)?);
        }
    }
    let unverified = servers
        .iter()
        .position(|server| server.name == UNVERIFIED)
        .expect("started first");
    let forms = servers
        .iter()
        .zip(&loads)
        .map(|(server, turns)| summary(server.name, turns, &loads[unverified]))
        .collect();
    Ok(HttpOfSize { body_len, forms })
}

/// One turn of a server, as `deliver.lua` prints it.
#[derive(Deserialize)]
struct Load {
    requests: f64,
    micros: f64,
    p50: f64,
    p99: f64,
    errors: usize,
    /// How long the server ran on its core, in nanoseconds.
    #[serde(skip)]
    server_nanos: f64,
}

impl Load {
    fn cpu_nanos_per_request(&self) -> f64 {
        self.server_nanos / self.requests
    }
}

fn summary(name: &str, turns: &[Load], unverified: &[Load]) -> HttpOf {
    let spread = |value: fn(&Load) -> f64| turns.iter().map(value).collect::<Spread>();
    let added = turns
        .iter()
        .zip(unverified)
        .map(|(with, without)| with.cpu_nanos_per_request() - without.cpu_nanos_per_request());
    HttpOf {
        name: name.to_owned(),
        cpu_nanos: spread(Load::cpu_nanos_per_request),
        added: (name != UNVERIFIED).then(|| added.collect()),
        requests_per_second: spread(|load| 1e6 * load.requests / load.micros),
        p50: spread(|load| load.p50),
        p99: spread(|load| load.p99),
    }
}

/// A server. Dropping it stops the server.
struct Server {
    name: &'static str,
    address: String,
    process: Child,
}

impl Server {
    /// Starts a program that prints its address and serves there.
    fn start(name: &'static str, program: &Path, argument: &str) -> io::Result<Self> {
        let mut process = Command::new("taskset")
            .args(["--cpu-list", SERVER_CORE])
            .args([program, Path::new(argument)])
            .env("NODE_ENV", "production")
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().expect("piped");
        let mut address = String::new();
        if BufReader::new(stdout).read_line(&mut address)? == 0 {
            return Err(io::Error::other(format!("{name} does not start")));
        }
        Ok(Self {
            name,
            address: address.trim().to_owned(),
            process,
        })
    }

    /// Runs `wrk` for a second, with a delivery that is signed now.
    fn load(&self, body_len: usize) -> io::Result<Load> {
        let delivery = Delivery::signed(body_len);
        let body_file = format!("{HERE}/target/results/body");
        fs::create_dir_all(format!("{HERE}/target/results"))?;
        fs::write(&body_file, &delivery.body)?;
        let headers = [
            "content-type",
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "x-hub-signature-256",
        ];
        let start = self.run_nanos()?;
        let output = Command::new("taskset")
            .args(["--cpu-list", WRK_CORE, "wrk", "--threads", "1"])
            .args(["--connections", &CONNECTIONS.to_string()])
            .args(["--duration", "1s"])
            .args(["--script", &format!("{HERE}/src/deliver.lua")])
            .arg(format!("http://{}/webhook", self.address))
            .args(["--", &body_file])
            .args(
                headers
                    .iter()
                    .flat_map(|name| [*name, delivery.header(name)]),
            )
            .stderr(Stdio::inherit())
            .output()?;
        let output = String::from_utf8_lossy(&output.stdout);
        let mut load: Load = serde_json::from_str(output.lines().next_back().unwrap_or_default())?;
        load.server_nanos = self.run_nanos()? - start;
        assert_eq!(load.errors, 0, "{}: {output}", self.name);
        Ok(load)
    }

    /// Returns how long all threads of the server have run so far, according to Linux.
    fn run_nanos(&self) -> io::Result<f64> {
        let mut sum = 0.0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let schedule = fs::read_to_string(thread?.path().join("schedstat"))?;
            let run_time = schedule.split_whitespace().next().unwrap_or_default();
            sum += run_time.parse::<f64>().map_err(io::Error::other)?;
        }
        Ok(sum)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
