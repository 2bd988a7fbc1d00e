//! The commands of an operator for the inbox.

use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand, ValueEnum};
use tower_svix_sqlx::inbox::{Entry, Filter, State};
use tower_svix_sqlx::{Engine, Inbox};

use crate::database::{Database, with_pool};
use crate::printable::{printable, printable_bytes};
use crate::{BoxError, app, inbox};

/// A command for the inbox.
#[derive(Subcommand)]
pub enum Operation {
    /// List events in the order in which they were stored
    List {
        /// Only events in this state
        #[arg(long)]
        state: Option<StateName>,
        /// Only events after this number, for example the last number of the previous page
        #[arg(long, default_value_t = 0)]
        after: i64,
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Count the events by state
    Count,
    /// Show an event with its payload
    Show {
        /// The number of the event, or its id
        event: String,
        /// Print only the payload, byte for byte, for a file or a program
        #[arg(long)]
        raw: bool,
    },
    /// Process an event again, or all dead events
    Retry(Which),
    /// Delete an event: the next delivery of it is stored and processed again
    Forget {
        /// The number of the event, or its id
        event: String,
    },
    /// Delete the events that were done some time ago, as the server does every hour
    DeleteDone {
        /// How many hours ago at least; must be longer than the retry schedule of the sender
        #[arg(long, default_value_t = app::RETENTION.as_secs() / 3600)]
        hours: u64,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// The number of the event, or its id
    event: Option<String>,
    /// All events that were given up
    #[arg(long)]
    dead: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum StateName {
    Pending,
    Running,
    Done,
    Dead,
}

impl Operation {
    /// Runs the command, and writes its result to `output`.
    pub async fn run(self, database: &Database, output: &mut impl Write) -> Result<(), BoxError> {
        with_pool!(database, pool => self.run_on(&inbox::open(pool.clone()), output).await)
    }

    async fn run_on<DB: Engine>(
        self,
        inbox: &Inbox<DB>,
        output: &mut impl Write,
    ) -> Result<(), BoxError> {
        match self {
            Self::List {
                state,
                after,
                limit,
            } => {
                let mut filter = Filter::new().after(after);
                if let Some(state) = state {
                    filter = filter.state(state.into());
                }
                for entry in inbox.list(&filter, limit).await? {
                    write_line(output, &entry)?;
                }
            }
            Self::Count => {
                let counts = inbox.counts().await?;
                writeln!(output, "pending  {}", counts.pending)?;
                writeln!(output, "running  {}", counts.running)?;
                writeln!(output, "done     {}", counts.done)?;
                writeln!(output, "dead     {}", counts.dead)?;
                if counts.pending > 0 {
                    let oldest = counts.oldest_pending.as_secs();
                    writeln!(output, "the oldest that waits is {oldest} seconds old")?;
                }
            }
            Self::Show { event, raw } => {
                let entry = find(inbox, &event).await?;
                let payload = inbox.payload(entry.number).await?;
                let payload = payload.unwrap_or_default();
                if !raw {
                    write_all(output, &entry, &payload)?;
                } else if io::stdout().is_terminal() {
                    return Err("a payload can steer a terminal: direct it into a file".into());
                } else {
                    output.write_all(&payload)?;
                }
            }
            Self::Retry(Which {
                event: Some(event), ..
            }) => {
                let entry = find(inbox, &event).await?;
                if !inbox.retry(entry.number).await? {
                    return Err("a worker has it, or it is gone".into());
                }
                writeln!(output, "{} is processed again", entry.number)?;
            }
            Self::Retry(_) => {
                let events = inbox.retry_dead().await?;
                writeln!(output, "{events} dead events are processed again")?;
            }
            Self::Forget { event } => {
                let entry = find(inbox, &event).await?;
                if !inbox.forget(entry.number).await? {
                    return Err("it is gone already".into());
                }
                writeln!(output, "{} is forgotten", entry.number)?;
            }
            Self::DeleteDone { hours } => {
                let retention = Duration::from_secs(hours.saturating_mul(3600));
                let events = inbox.delete_done(retention).await?;
                writeln!(output, "{events} events are deleted")?;
            }
        }
        Ok(())
    }
}

impl From<StateName> for State {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Pending => Self::Pending,
            StateName::Running => Self::Running,
            StateName::Done => Self::Done,
            StateName::Dead => Self::Dead,
        }
    }
}

/// Parses the number of an event. Any other text is an id.
async fn find<DB: Engine>(inbox: &Inbox<DB>, event: &str) -> Result<Entry, BoxError> {
    let found = match event.parse() {
        Ok(number) => inbox.show(number).await?,
        Err(_) => inbox.list(&Filter::new().id(event), 1).await?.pop(),
    };
    found.ok_or_else(|| format!("there is no event {}", printable(event)).into())
}

fn write_line(output: &mut impl Write, entry: &Entry) -> io::Result<()> {
    let event_type = entry.event_type.as_deref().unwrap_or("-");
    write!(
        output,
        "{:>6}  {:<7}  {}  {}  {}  attempts: {}",
        entry.number,
        entry.state.name(),
        time(entry.received_at),
        printable(&entry.id),
        printable(event_type),
        entry.attempts,
    )?;
    match &entry.error {
        Some(error) => writeln!(output, "  {}", printable(error)),
        None => writeln!(output),
    }
}

fn write_all(output: &mut impl Write, entry: &Entry, payload: &[u8]) -> io::Result<()> {
    let mut field = |name: &str, value: &str| writeln!(output, "{name:<9}{}", printable(value));
    field("number", &entry.number.to_string())?;
    field("id", &entry.id)?;
    field("type", entry.event_type.as_deref().unwrap_or("-"))?;
    field("state", entry.state.name())?;
    field("attempts", &entry.attempts.to_string())?;
    field("received", &time(entry.received_at))?;
    match entry.state {
        State::Pending => field("due", &time(entry.due_at))?,
        State::Running => field("lease", &format!("until {}", time(entry.due_at)))?,
        _ => {}
    }
    if let Some(ended) = entry.ended_at {
        field("ended", &time(ended))?;
    }
    if let Some(error) = &entry.error {
        field("error", error)?;
    }
    writeln!(output, "{:<9}{}", "payload", printable_bytes(payload))
}

fn time(time: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(time).map(|time| format!("{time:.0}"));
    time.unwrap_or_else(|_| "-".to_owned())
}
