//! Saved requests, from this program, a browser, curl, or written by hand.

mod chunked;
mod curl;
mod har;
mod http;
mod shell;

use std::path::PathBuf;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

use crate::{Failure, input};

/// The source of a request.
#[derive(clap::Args)]
#[group(id = "request", required = true, multiple = true)]
pub(crate) struct RequestArgs {
    /// The saved request; `-` is the standard input. It may be raw HTTP, as `webhook listen` saves it, a HAR file, the
    /// output of `curl --verbose` or `curl --include`, or a curl command
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// A header, as `name: value`, instead of the file or in addition to it
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// A file with the exact body, which replaces that of the request; `-` is the standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// The number of the request in a HAR file, counted from 1; by default, the only signed request
    #[arg(long, value_name = "N", requires = "file")]
    entry: Option<usize>,
}

impl RequestArgs {
    /// Reads the request.
    pub(crate) fn read(&self) -> Result<Capture, Failure> {
        let mut capture = match &self.file {
            Some(path) => {
                let file = input::read(path)?;
                Capture::parse(&file, self.entry)
                    .map_err(|error| format!("{}: {error}", path.display()))?
            }
            None => Capture::default(),
        };
        for line in &self.headers {
            capture
                .header_line(line.as_bytes())
                .map_err(|error| format!("--header: {error}"))?;
        }
        if let Some(path) = &self.body {
            capture.body = input::read(path)?;
        }
        Ok(capture)
    }

    /// Returns whether the request or its body is read from the standard input.
    pub(crate) fn reads_stdin(&self) -> bool {
        [&self.file, &self.body]
            .into_iter()
            .flatten()
            .any(|path| input::is_stdin(path))
    }
}

/// The parts of a request that verification needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Capture {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Capture {
    /// Detects the kind of file, and reads it.
    fn parse(file: &Bytes, entry: Option<usize>) -> Result<Self, Failure> {
        let text = str::from_utf8(file).ok();
        let start = text.map(|text| text.trim_start_matches('\u{feff}').trim_start());
        if let Some(json) = start.filter(|start| start.starts_with('{')) {
            return har::parse(json, entry);
        }
        if entry.is_some() {
            return Err("--entry is for HAR files, and it is none".into());
        }
        match start {
            Some(command) if command.starts_with("curl ") => curl::parse_command(command),
            _ if curl::is_verbose(file) => curl::parse_verbose(file),
            _ => http::parse(file),
        }
    }

    /// Adds the header of a line. White space around the value is not part of it.
    fn header_line(&mut self, line: &[u8]) -> Result<(), Failure> {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return Err("a header lacks its colon".into());
        };
        let (name, value) = line.split_at(colon);
        self.header(name, value[1..].trim_ascii())
    }

    fn header(&mut self, name: &[u8], value: &[u8]) -> Result<(), Failure> {
        let name = HeaderName::from_bytes(name)
            .map_err(|_| "the name of a header holds what HTTP does not allow")?;
        let value = HeaderValue::from_bytes(value)
            .map_err(|_| format!("the header `{name}` holds a control character"))?;
        self.headers.append(name, value);
        Ok(())
    }
}
