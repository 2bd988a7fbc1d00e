//! An axum server on one thread, in the form that its argument names. It prints its address, and runs until it is killed.

use std::io::{self, Write as _};

use axum::serve::ListenerExt as _;
use peers::routers;
use tokio::net::TcpListener;

fn main() -> io::Result<()> {
    let form = std::env::args().nth(1).unwrap_or_default();
    let router = match form.as_str() {
        "unverified" => routers::unverified(),
        "bare-hmac" => routers::bare_hmac(),
        "tower-svix" => routers::tower_svix(),
        "svix" => routers::svix(),
        "webhook-verify" => routers::webhook_verify(),
        _ => {
            return Err(io::Error::other(
                "name a form: unverified, bare-hmac, tower-svix, svix or webhook-verify",
            ));
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(io::stdout(), "{}", listener.local_addr()?)?;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, router).await
    })
}
