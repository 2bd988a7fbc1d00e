//! The layer in front of poem, over real sockets, with deliveries signed by the official library.

#[allow(dead_code, reason = "each test uses its part")]
#[path = "../../../../tests/src/http1.rs"]
mod http1;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "../../../../tests/src/net.rs"]
mod net;

use bytes::Bytes;
use poem::listener::TcpAcceptor;
use poem::{Endpoint, Route, Server};
use tokio::net::TcpListener;

use self::net::{Inbox, Receiver, layer};

async fn serve(inbox: Inbox, webhook: impl Endpoint + 'static) -> Receiver {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TcpAcceptor::from_tokio(listener).unwrap();
    let app = Route::new().at("/:name", webhook);
    tokio::spawn(Server::new_with_acceptor(acceptor).run(app));
    Receiver { address, inbox }
}

mod in_front_of_a_handler {
    use on_poem::behind;
    use poem::http::StatusCode;
    use poem::web::{Data, Path, RemoteAddr};
    use poem::{EndpointExt as _, handler, post};
    use tower_svix::VerifiedEvent;

    use super::*;

    #[handler]
    fn receive(
        Data(event): Data<&VerifiedEvent>,
        Data(inbox): Data<&Inbox>,
        Path(name): Path<String>,
        remote: &RemoteAddr,
        body: Bytes,
    ) -> String {
        assert_eq!(name, "webhook");
        assert!(remote.as_socket_addr().unwrap().ip().is_loopback());
        assert_eq!(body, event.payload());
        inbox.put(event, body);
        event.id().into()
    }

    async fn start() -> Receiver {
        let inbox = Inbox::default();
        let webhook = behind(layer(), post(receive)).data(inbox.clone());
        serve(inbox, webhook).await
    }

    http1::http1_tests!(start);

    #[tokio::test]
    async fn an_error_of_the_handler_keeps_its_status() {
        let webhook = poem::endpoint::make(|_| async {
            Err::<(), _>(poem::Error::from_status(StatusCode::IM_A_TEAPOT))
        });
        let receiver = serve(Inbox::default(), behind(layer(), webhook)).await;
        let mut connection = http1::Connection::open(receiver.address).await;
        let delivery = net::Delivery::genuine("msg_1", "{}");
        assert_eq!(connection.post(&delivery).await.status, 418);
    }
}

mod around_a_tower_service {
    use http::{Request, Response};
    use http_body_util::Full;
    use poem::endpoint::TowerCompatExt as _;
    use tower::{Layer as _, service_fn};
    use tower_svix::{VerifiedBody, VerifiedEvent};

    use super::*;

    async fn start() -> Receiver {
        let inbox = Inbox::default();
        let handler_inbox = inbox.clone();
        let service = service_fn(move |request: Request<VerifiedBody>| {
            let event: &VerifiedEvent = request.extensions().get().unwrap();
            let id = event.id().to_owned();
            handler_inbox.put(&event.clone(), request.into_body().into_bytes());
            async { Ok::<_, poem::Error>(Response::new(Full::<Bytes>::from(id))) }
        });
        serve(inbox, layer().layer(service).compat()).await
    }

    http1::http1_tests!(start);
}
