//! What servers do over HTTP on loopback: each alone on one core, and the load generator `wrk` on the other.
//!
//! In each round every server has its turn, in an order of its own.

use std::env;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use peers::cpu_time;
use peers::delivery::{Delivery, ID};
use peers::limit::BareHmac;
use peers::results::{Http, HttpAdded, HttpOf, HttpOfSize, Spread, Stored as _, is_quick};
use serde::Deserialize;

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const SIZES: [usize; 2] = [1024, 20 * 1024];
const CONNECTIONS: usize = 32;
const UNVERIFIED: &str = "unverified";
const SERVER_CORE: &str = "0";
const WRK_CORE: &str = "1";

fn main() -> io::Result<()> {
    let (rounds, seconds) = if is_quick() { (3, 1) } else { (7, 4) };
    let server = env::current_exe()?.with_file_name("server");
    let mut servers = vec![];
    for form in [
        UNVERIFIED,
        "bare-hmac",
        "tower-svix",
        "webhook-verify",
        "svix",
    ] {
        servers.push(Server::start(form, &server, form)?);
    }
    // The script `run` installs what Express needs, where there is Node.
    if fs::exists(format!("{HERE}/express/node_modules"))? {
        let script = format!("{HERE}/express/server.mjs");
        servers.push(Server::start("express", Path::new("node"), &script)?);
    }

    let mut sizes = vec![];
    for body_len in SIZES {
        sizes.push(measure(body_len, &servers, rounds, seconds)?);
    }
    Http {
        rounds,
        seconds,
        connections: CONNECTIONS,
        sizes,
    }
    .save()
}

fn measure(
    body_len: usize,
    servers: &[Server],
    rounds: usize,
    seconds: u64,
) -> io::Result<HttpOfSize> {
    let mut order: Vec<_> = (0..servers.len()).collect();
    let mut random = fastrand::Rng::with_seed(1);
    let mut measured: Vec<Vec<Measured>> = servers.iter().map(|_| vec![]).collect();
    let mut limits = vec![];
    for _ in 0..rounds {
        random.shuffle(&mut order);
        for index in &order {
            measured[*index].push(Measured {
                busy: servers[*index].load(body_len, CONNECTIONS, seconds)?,
                alone: servers[*index].load(body_len, 1, 1)?,
            });
        }
        limits.push(limit(body_len));
    }
    let unverified = servers
        .iter()
        .position(|server| server.name == UNVERIFIED)
        .expect("started first");
    let forms = servers
        .iter()
        .zip(&measured)
        .map(|(server, runs)| summary(server.name, runs, &measured[unverified], &limits))
        .collect();
    Ok(HttpOfSize {
        body_len,
        limit: limits.into_iter().collect(),
        forms,
    })
}

/// Nanoseconds for the bare HMAC of the same body, in the middle of it all.
fn limit(body_len: usize) -> f64 {
    const TIMES: usize = 4000;
    let delivery = Delivery::signed(body_len);
    let hmac = BareHmac::new();
    let (time, ()) = cpu_time::of(|| (0..TIMES).for_each(|_| hmac.compute(&delivery)));
    time.as_nanos() as f64 / TIMES as f64
}

/// One server in one round.
struct Measured {
    busy: Load,
    alone: Load,
}

/// What `deliver.lua` prints.
#[derive(Deserialize)]
struct Load {
    requests: f64,
    micros: f64,
    p50: f64,
    p99: f64,
    errors: usize,
    /// How long the server ran on its core meanwhile, in nanoseconds.
    #[serde(skip)]
    server_nanos: f64,
}

impl Load {
    fn nanos_per_request(&self) -> f64 {
        1e3 * self.micros / self.requests
    }

    fn cpu_nanos_per_request(&self) -> f64 {
        self.server_nanos / self.requests
    }
}

fn summary(name: &str, runs: &[Measured], unverified: &[Measured], limits: &[f64]) -> HttpOf {
    let spread = |value: fn(&Measured) -> f64| runs.iter().map(value).collect::<Spread>();
    let pairs = || {
        runs.iter()
            .zip(unverified)
            .map(|(with, without)| (&with.busy, &without.busy))
    };
    let added =
        || pairs().map(|(with, without)| with.nanos_per_request() - without.nanos_per_request());
    HttpOf {
        name: name.to_owned(),
        requests_per_second: spread(|run| 1e9 / run.busy.nanos_per_request()),
        p50: spread(|run| run.busy.p50),
        p99: spread(|run| run.busy.p99),
        p50_alone: spread(|run| run.alone.p50),
        p99_alone: spread(|run| run.alone.p99),
        added: (name != UNVERIFIED).then(|| HttpAdded {
            nanos: added().collect(),
            cpu_nanos: pairs()
                .map(|(with, without)| {
                    with.cpu_nanos_per_request() - without.cpu_nanos_per_request()
                })
                .collect(),
            ratio: added()
                .zip(limits)
                .map(|(added, limit)| added / limit)
                .collect(),
            share: pairs()
                .map(|(with, without)| without.nanos_per_request() / with.nanos_per_request())
                .collect(),
        }),
    }
}

/// A server that runs until it is dropped.
struct Server {
    name: &'static str,
    address: String,
    process: Child,
}

impl Server {
    /// Starts a program that prints its address, and serves there.
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

    /// Runs `wrk` for so many seconds, with a delivery that is signed now.
    fn load(&self, body_len: usize, connections: usize, seconds: u64) -> io::Result<Load> {
        let delivery = Delivery::signed(body_len);
        let body_file = format!("{HERE}/target/results/body");
        fs::create_dir_all(format!("{HERE}/target/results"))?;
        fs::write(&body_file, &delivery.body)?;
        let start = self.run_nanos()?;
        let output = Command::new("taskset")
            .args(["--cpu-list", WRK_CORE, "wrk", "--threads", "1"])
            .args(["--connections", &connections.to_string()])
            .args(["--duration", &format!("{seconds}s")])
            .args(["--script", &format!("{HERE}/src/deliver.lua")])
            .arg(format!("http://{}/webhook", self.address))
            .args(["--", ID, &delivery.timestamp])
            .arg(delivery.header("webhook-signature"))
            .arg(&body_file)
            .stderr(Stdio::inherit())
            .output()?;
        let output = String::from_utf8_lossy(&output.stdout);
        let mut load: Load = serde_json::from_str(output.lines().next_back().unwrap_or_default())?;
        load.server_nanos = self.run_nanos()? - start;
        assert_eq!(load.errors, 0, "{}: {output}", self.name);
        Ok(load)
    }

    /// How long all threads of the server have run so far, as Linux counts it.
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
