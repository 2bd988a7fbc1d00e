//! What was measured or assumed.

use std::collections::BTreeMap;

/// The sizes of bodies that the page is about.
pub(crate) const BODIES: [(&str, f64); 2] = [("1 KiB", 1024.0), ("20 KiB", 20.0 * 1024.0)];

/// The contents of `inputs.txt`: the names are explained there. Pairs are for 1 KiB and 20 KiB.
#[derive(Debug)]
pub struct Inputs {
    pub(crate) http: [f64; 2],
    pub(crate) verify: [f64; 2],
    pub(crate) json: [f64; 2],
    pub(crate) json_kept: [f64; 2],
    pub(crate) tls: [f64; 2],
    pub(crate) handshake: f64,
    pub(crate) redis_client: f64,
    pub(crate) redis_server: f64,
    pub(crate) redis_bytes: f64,
    pub(crate) memory_store: f64,
    pub(crate) memory_bytes: f64,
    pub(crate) requests_per_connection: f64,
    pub(crate) busy: f64,
    pub(crate) redis_gigabytes: f64,
}

impl Inputs {
    /// Fails with the line or the name that is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut values = BTreeMap::new();
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, value) = line.split_once(' ').ok_or(line)?;
            let value: f64 = value.trim().parse().map_err(|_| line)?;
            if !value.is_finite() || value <= 0.0 || values.insert(name, value).is_some() {
                return Err(line.to_owned());
            }
        }
        let mut take = |name: &str| values.remove(name).ok_or(format!("{name} is missing"));
        let inputs = Self {
            http: [take("http_1k")?, take("http_20k")?],
            verify: [take("verify_1k")?, take("verify_20k")?],
            json: [take("json_1k")?, take("json_20k")?],
            json_kept: [take("json_kept_1k")?, take("json_kept_20k")?],
            tls: [take("tls_1k")?, take("tls_20k")?],
            handshake: take("handshake")?,
            redis_client: take("redis_client")?,
            redis_server: take("redis_server")?,
            redis_bytes: take("redis_bytes")?,
            memory_store: take("memory_store")?,
            memory_bytes: take("memory_bytes")?,
            requests_per_connection: take("requests_per_connection")?,
            busy: take("busy")?,
            redis_gigabytes: take("redis_gigabytes")?,
        };
        match values.keys().next() {
            Some(unknown) => Err(format!("{unknown} is unknown")),
            None => Ok(inputs),
        }
    }

    /// All that a receiver's core works for a delivery: without verification, and what verification adds.
    pub(crate) fn delivery(&self, body: usize) -> [(&'static str, f64); 6] {
        [
            ("HTTP, with the kernel's part", self.http[body]),
            ("TLS records", self.tls[body]),
            (
                "TLS handshakes",
                self.handshake / self.requests_per_connection,
            ),
            ("Verification", self.verify[body]),
            ("Claim and completion in Redis", self.redis_client),
            ("JSON", self.json[body]),
        ]
    }

    pub(crate) fn nanos(&self, body: usize) -> f64 {
        self.delivery(body).iter().map(|(_, nanos)| nanos).sum()
    }
}
