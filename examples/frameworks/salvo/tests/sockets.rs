//! The layer in front of salvo, over real sockets, with deliveries signed by the official library.

#[allow(dead_code, reason = "each test uses its part")]
#[path = "../../../../tests/src/http1.rs"]
mod http1;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "../../../../tests/src/net.rs"]
mod net;

use on_salvo::hoop;
use salvo::conn::TcpListener;
use salvo::{Listener as _, Request, Router, Server, handler};
use tower_svix::VerifiedEvent;

use self::net::{Inbox, Receiver, layer};

struct Receive(Inbox);

#[handler]
impl Receive {
    async fn handle(&self, request: &mut Request) -> String {
        assert_eq!(request.param("name"), Some("webhook"));
        let event: VerifiedEvent = request.extensions().get().cloned().unwrap();
        let body = request.payload().await.unwrap();
        assert_eq!(body, event.payload());
        self.0.put(&event, body.clone());
        event.id().into()
    }
}

async fn start() -> Receiver {
    let inbox = Inbox::default();
    let router = Router::with_path("{name}")
        .hoop(hoop(layer()))
        .post(Receive(inbox.clone()));
    let listener = TcpListener::new("127.0.0.1:0");
    let acceptor = listener.try_bind().await.unwrap();
    let address = acceptor.local_addr().unwrap();
    tokio::spawn(Server::new(acceptor).serve(router));
    Receiver { address, inbox }
}

http1::http1_tests!(start);
