//! The instructions of servers for a delivery over HTTP, counted by valgrind.
//!
//! The counts hardly depend on what else the machine does: two runs differ by some 20 instructions, and by some
//! hundreds at 20 KiB, where a body arrives in one read or in several. The kernel's instructions are not counted.
//! Valgrind knows no SHA extensions, so a hash takes more instructions than usual, for all servers alike.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use peers::delivery::Delivery;
use peers::results::{Instructions, InstructionsOf, Stored as _, is_quick};
use peers::routers::FORMS;
use peers::tables;

const SIZES: [usize; 3] = [128, 1024, 20 * 1024];
/// The instructions of these are subtracted: they include what a server does only once.
const FIRST: usize = 500;

fn main() -> io::Result<()> {
    let deliveries = if is_quick() { 10 } else { 2000 };
    let mut servers = vec![];
    for form in &FORMS {
        let mut counts = vec![];
        for body_len in SIZES {
            let first = count(form.name, body_len, FIRST)?;
            let all = count(form.name, body_len, FIRST + deliveries)?;
            let more = all.checked_sub(first).ok_or_else(|| {
                io::Error::other(format!(
                    "{}: more deliveries, fewer instructions",
                    form.name
                ))
            })?;
            counts.push(more / deliveries as u64);
        }
        servers.push(InstructionsOf {
            name: form.name.to_owned(),
            counts,
        });
    }
    let instructions = Instructions {
        body_lens: SIZES.to_vec(),
        servers,
    };
    print!("{}", tables::instructions(&instructions));
    instructions.save()
}

/// Returns the instructions of a server from its start to its stop, with this number of deliveries on one connection.
fn count(name: &str, body_len: usize, deliveries: usize) -> io::Result<u64> {
    let mut server = Server::start(name)?;
    deliver(&server.address, body_len, deliveries)?;
    server.stop()
}

/// A server that runs in valgrind.
struct Server {
    process: Child,
    address: String,
    counts: PathBuf,
}

impl Server {
    fn start(name: &str) -> io::Result<Self> {
        let program = std::env::current_exe()?.with_file_name("server");
        let counts = std::env::temp_dir().join(format!("instructions.{}", std::process::id()));
        let mut process = Command::new("valgrind")
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", counts.display()))
            .arg(program)
            .arg(name)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().expect("piped");
        let mut server = Self {
            process,
            address: String::new(),
            counts,
        };
        BufReader::new(stdout).read_line(&mut server.address)?;
        server.address.truncate(server.address.trim_end().len());
        Ok(server)
    }

    /// Stops the server, and returns how many instructions it ran.
    fn stop(&mut self) -> io::Result<u64> {
        // After SIGKILL, valgrind would write nothing.
        let stopped = Command::new("kill")
            .arg(self.process.id().to_string())
            .status()?;
        if !stopped.success() {
            return Err(io::Error::other("the server had ended"));
        }
        self.process.wait()?;
        let counts = fs::read_to_string(&self.counts)?;
        let total = counts
            .lines()
            .find_map(|line| line.strip_prefix("totals: "))
            .ok_or_else(|| io::Error::other("valgrind wrote no total"))?;
        total.parse().map_err(io::Error::other)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.counts);
    }
}

fn deliver(address: &str, body_len: usize, deliveries: usize) -> io::Result<()> {
    let delivery = Delivery::signed(body_len);
    let mut request = b"POST /webhook HTTP/1.1\r\n".to_vec();
    for (name, value) in &delivery.headers {
        write!(request, "{name}: ")?;
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(&delivery.body);

    let mut connection = TcpStream::connect(address)?;
    for _ in 0..deliveries {
        connection.write_all(&request)?;
        // No response has a body.
        let mut answer = vec![];
        while !answer.ends_with(b"\r\n\r\n") {
            let mut buffer = [0; 1024];
            let read = connection.read(&mut buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&buffer[..read]);
        }
        if !answer.starts_with(b"HTTP/1.1 200 ") {
            let answer = String::from_utf8_lossy(&answer).into_owned();
            return Err(io::Error::other(answer));
        }
    }
    Ok(())
}
