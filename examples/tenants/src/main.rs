//! A webhook receiver for many tenants, with their secrets in a `SQLite` database.
//!
//! ```text
//! cargo run -p tenants
//! ```
//!
//! - `POST /webhooks/{tenant}` receives deliveries that are signed with a secret of this tenant.
//! - `DATABASE` is the file with the secrets, `tenants.db` by default. If the file does not exist, the server creates
//!   it with two tenants and random secrets, and prints a command for each tenant that sends a first delivery.
//! - `LISTEN` is the address to listen on, `127.0.0.1:3000` by default.
//!
//! The secrets are looked up for each delivery, so a change applies to the next delivery. During a rotation, a tenant
//! has two secrets:
//!
//! ```text
//! sqlite3 tenants.db "INSERT INTO secrets (tenant, secret) VALUES ('acme', 'whsec_…')"
//! ```
//!
//! This example shows only the lookup. See `examples/production` for timeouts, limits and a graceful stop.

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

/// How long a lookup may wait for a connection, and how long for the lock of a writer. Svix gives up after 15 seconds.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a connection is used. If the file is replaced by another, the server reads the new one after at most this
/// time.
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
    // The server only reads.
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
        // Every request with well-formed headers and a current timestamp gets here and costs a query, before its body
        // is read. In a flood of forgeries, genuine deliveries get no connection in time and are answered with 503. In
        // production, add a cache that also remembers unknown tenants, or a limit outside the layer.
        async move {
            keys(&database, &tenant)
                .await
                // The response does not contain the error. It only asks the sender to retry.
                .inspect_err(complain)
        }
    }));
    Router::new().route("/webhooks/{tenant}", post(receive).route_layer(verify))
}

/// Runs only for verified deliveries.
async fn receive(Extension(event): Extension<VerifiedEvent>) -> String {
    // The tenant whose keys verified the delivery. Unlike the path, it is authenticated.
    let tenant = event.tenant().unwrap_or_default();
    say(format_args!("event {} for {tenant}", event.id()));
    format!("received {} for {tenant}\n", event.id())
}

/// Returns the last segment of the path. It is not decoded, because the names in the database need no percent-encoding.
fn tenant(head: &Parts) -> &str {
    head.uri.path().rsplit('/').next().unwrap_or_default()
}

/// Returns the keys of the tenant, the newest first, or `None` if there is no such tenant.
async fn keys(database: &SqlitePool, tenant: &str) -> Result<Option<Keyring>, BoxError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT tenant, secret FROM secrets WHERE tenant = ? ORDER BY rowid DESC")
            .bind(tenant)
            .fetch_all(database)
            .await?;
    // Use the name from the database, not the one from the path. A database that ignores case finds a tenant under
    // several spellings. Each spelling would have separate ids, so a delivery could be replayed under each.
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

/// Creates the database with two tenants, and returns their names and secrets.
///
/// Verification needs the secrets themselves, so they cannot be stored as hashes: guard the file as you guard the
/// secrets.
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

/// Prints a line. Unlike `println!`, this does not panic when the output is closed.
fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

fn complain(error: &BoxError) {
    let _ = writeln!(io::stderr(), "error: {error}");
}
