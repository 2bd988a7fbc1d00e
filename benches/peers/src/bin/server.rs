//! An axum server on one thread, in the form that its argument names. It prints its address, and runs until it is killed.

use std::io::{self, Write as _};

use axum::serve::ListenerExt as _;
use peers::routers::FORMS;
use tokio::net::TcpListener;

fn main() -> io::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let form = FORMS.iter().find(|form| form.name == name);
    let router = (form.ok_or_else(|| io::Error::other("name a form"))?.router)();
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
