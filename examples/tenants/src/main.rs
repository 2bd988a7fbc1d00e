//! One endpoint for many tenants, whose secrets are in a `SQLite` database.
//!
//! ```text
//! cargo run -p tenants
//! ```
//!
//! - `POST /webhooks/{tenant}` takes deliveries that are signed with a secret of this tenant.
//! - `DATABASE` is the file with the secrets, `tenants.db` by default. If there is none, it is made, with two tenants
//!   that have random secrets, and a command is printed that delivers a first event to each.
//! - `LISTEN` is the address to listen on, `127.0.0.1:3000` by default.
//!
//! The secrets are looked up for each delivery, so that a change counts from the next one on. During a rotation a tenant
//! has two:
//!
//! ```text
//! sqlite3 tenants.db "INSERT INTO secrets (tenant, secret) VALUES ('acme', 'whsec_…')"
//! ```
//!
//! This is about the lookup. See `examples/production` for timeouts, limits and a graceful stop.

use std::env;
use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use axum::http::request::Parts;
use axum::routing::post;
use axum::{Extension, Router};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::net::TcpListener;
use tower_svix::sign::generate::{self, SecretText};
use tower_svix::{Keyring, Secret, SvixVerifyLayer, VerifiedEvent, key_source_fn};

/// How long a lookup may wait for a connection, and for the lock of a writer. Svix gives up after 15 seconds.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a connection is used. A file that is put in the place of the old one is noticed by then.
const CONNECTION_LIFETIME: Duration = Duration::from_mins(1);

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), BoxError> {
    let path = env::var_os("DATABASE").unwrap_or_else(|| "tenants.db".into());
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .busy_timeout(LOOKUP_TIMEOUT);
    let new_tenants = if Path::new(&path).exists() {
        Vec::new()
    } else {
        create(&options).await?
    };
    // To serve, it is enough to read.
    let database = SqlitePoolOptions::new()
        .acquire_timeout(LOOKUP_TIMEOUT)
        .max_lifetime(CONNECTION_LIFETIME)
        .connect_lazy_with(options.read_only(true));

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let listener = TcpListener::bind(&address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let address = listener.local_addr()?;
    say(format_args!("listening on http://{address}"));
    for (tenant, secret) in new_tenants {
        say(format_args!(
            "cargo run -p tower-svix-cli -- send --url http://{address}/webhooks/{tenant} --secret {}",
            secret.expose()
        ));
    }
    axum::serve(listener, router(database)).await?;
    Ok(())
}

fn router(database: SqlitePool) -> Router {
    let verify = SvixVerifyLayer::with_key_source(key_source_fn(move |head: &Parts| {
        let database = database.clone();
        let tenant = tenant(head).to_owned();
        // Well-formed headers with a timestamp of now are all that it takes to get here, and each such request costs a
        // query before its body is read. In a flood of forgeries, genuine deliveries wait in vain for a connection and
        // are answered with 503. A cache belongs here, of unknown tenants too, or a limit outside of the layer.
        async move {
            keys(&database, &tenant)
                .await
                // The sender gets to know no more than that it should retry.
                .inspect_err(complain)
        }
    }));
    Router::new().route("/webhooks/{tenant}", post(receive).route_layer(verify))
}

/// Runs for verified deliveries only.
async fn receive(Extension(event): Extension<VerifiedEvent>) -> String {
    // Whose keys verified the delivery, which says more than the path.
    let tenant = event.tenant().unwrap_or_default();
    say(format_args!("event {} for {tenant}", event.id()));
    format!("received {} for {tenant}\n", event.id())
}

/// The last segment of the path, as it stands there: the names in the database need no percent-encoding.
fn tenant(head: &Parts) -> &str {
    head.uri.path().rsplit('/').next().unwrap_or_default()
}

/// The keys of the tenant, the newest first, or `None` if there is no such tenant.
async fn keys(database: &SqlitePool, tenant: &str) -> Result<Option<Keyring>, BoxError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT tenant, secret FROM secrets WHERE tenant = ? ORDER BY rowid DESC")
            .bind(tenant)
            .fetch_all(database)
            .await?;
    // The name as the database has it. A database that ignores case finds a tenant under several, and as each name has
    // ids of its own, a delivery could be replayed under each.
    let Some((name, _)) = rows.first() else {
        return Ok(None);
    };
    let secrets = rows
        .iter()
        .map(|(_, text)| text.parse())
        .collect::<Result<Vec<Secret>, _>>()
        .map_err(|error| format!("tenant {name}: {error}"))?;
    Ok(Some(Keyring::from(secrets).tenant(name)))
}

/// Makes the database, with two tenants, and returns their names and secrets.
///
/// The secrets must be readable to verify with: guard the file like the secrets themselves.
async fn create(
    options: &SqliteConnectOptions,
) -> Result<Vec<(&'static str, SecretText)>, BoxError> {
    let new_secret = || generate::secret();
    let tenants = [("acme", new_secret()?), ("globex", new_secret()?)];
    let mut connection = options.clone().create_if_missing(true).connect().await?;
    let mut transaction = connection.begin().await?;
    for statement in [
        "CREATE TABLE secrets (tenant TEXT NOT NULL, secret TEXT NOT NULL)",
        "CREATE INDEX secrets_of_tenant ON secrets (tenant)",
    ] {
        sqlx::query(statement).execute(&mut *transaction).await?;
    }
    for (tenant, secret) in &tenants {
        sqlx::query("INSERT INTO secrets (tenant, secret) VALUES (?, ?)")
            .bind(tenant)
            .bind(secret.expose())
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    connection.close().await?;
    Ok(tenants.into())
}

/// Prints a line. Unlike `println!` it does not panic when nobody reads.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn complain(error: &BoxError) {
    let _ = writeln!(io::stderr(), "error: {error}");
}
