//! From the layer that signs to the layer that verifies, over a socket.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tokio::net::TcpListener;
use tower::{Layer as _, Service as _, ServiceBuilder};
use tower_svix::SvixSignLayer;
use tower_svix::sign::SignedBody;
use tower_svix::{
    HeaderFamily, Keyring, Secret, SigningKey, SvixVerifyLayer, VerifiedBody, VerifiedEvent,
    VerifyingKey,
};
use tower_svix_tests::body::{Script, Step};
use tower_svix_tests::keys::secret;
use tower_svix_tests::sender::Sender;

use super::signing_key;

/// Serves HTTP/1.1 and HTTP/2 behind the layer that verifies, until the runtime ends.
pub(crate) async fn serve(keyring: Keyring) -> SocketAddr {
    let service = ServiceBuilder::new()
        .layer(SvixVerifyLayer::new(keyring))
        .service_fn(report);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                // An error means that the client has closed the connection.
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

/// Responds with the body, and with the event in headers.
async fn report(request: Request<VerifiedBody>) -> Result<Response<VerifiedBody>, Infallible> {
    let version = format!("{:?}", request.version());
    let event: VerifiedEvent = request.extensions().get().cloned().unwrap();
    let response = Response::builder()
        .header("x-id", event.id())
        .header("x-key-index", event.key_index())
        .header("x-family", format!("{:?}", event.header_family()))
        .header("x-version", version);
    Ok(response.body(request.into_body()).unwrap())
}

/// Returns a sender with a key of different bytes, because equal bytes can look like a placeholder.
fn hmac_sender(number: u8) -> Sender {
    Sender::with_key((0..24).map(|at| number ^ at).collect::<Vec<_>>())
}

/// A key that both sides have.
#[derive(Clone, Copy, Debug)]
enum Key {
    Hmac(u8),
    #[cfg(feature = "ed25519")]
    Ed25519(u8),
}

impl Key {
    fn any() -> BoxedStrategy<Self> {
        let hmac = any::<u8>().prop_map(Self::Hmac);
        #[cfg(feature = "ed25519")]
        return prop_oneof![hmac, any::<u8>().prop_map(Self::Ed25519)].boxed();
        #[cfg(not(feature = "ed25519"))]
        hmac.boxed()
    }

    fn of_sender(self) -> SigningKey {
        match self {
            Self::Hmac(number) => signing_key(&hmac_sender(number)),
            #[cfg(feature = "ed25519")]
            Self::Ed25519(number) => {
                use tower_svix_tests::keys_ed25519 as ed25519;
                ed25519::private_text(&ed25519::sender(number))
                    .parse()
                    .unwrap()
            }
        }
    }

    fn of_receiver(self) -> VerifyingKey {
        match self {
            Self::Hmac(number) => secret(&hmac_sender(number)).into(),
            #[cfg(feature = "ed25519")]
            Self::Ed25519(number) => {
                use tower_svix_tests::keys_ed25519 as ed25519;
                ed25519::public_key(&ed25519::sender(number)).into()
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Delivery {
    keys: Vec<Key>,
    /// The key of the receiver.
    known: prop::sample::Index,
    /// The number of other keys before it.
    strangers: usize,
    family: HeaderFamily,
    /// With `None`, the layer makes an id.
    id: Option<String>,
    frames: Vec<Vec<u8>>,
}

fn any_delivery() -> impl Strategy<Value = Delivery> {
    let family = prop_oneof![Just(HeaderFamily::SVIX), Just(HeaderFamily::WEBHOOK)];
    let id = "[!-\\-/-~]{1,10}( [!-\\-/-~]{1,10}){0,2}";
    let frames = prop_oneof![
        4 => prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..5),
        1 => prop::collection::vec(any::<u8>().prop_map(|byte| vec![byte; 40_000]), 1..4),
    ];
    (
        prop::collection::vec(Key::any(), 1..=4),
        any::<prop::sample::Index>(),
        0_usize..3,
        family,
        prop::option::of(id),
        frames,
    )
        .prop_map(|(keys, known, strangers, family, id, frames)| Delivery {
            keys,
            known,
            strangers,
            family,
            id,
            frames,
        })
}

/// A sender and a receiver, and the connection between them.
struct Peers {
    client: Client<HttpConnector, SignedBody>,
    address: SocketAddr,
    /// The receiver's keys.
    keyring: Keyring,
}

impl Peers {
    async fn connect(http2: bool) -> Self {
        let keyring = Keyring::from([] as [Secret; 0]);
        let mut client = Client::builder(TokioExecutor::new());
        Self {
            client: client.http2_only(http2).build(HttpConnector::new()),
            address: serve(keyring.clone()).await,
            keyring,
        }
    }

    async fn send(&self, delivery: &Delivery) -> Response<Bytes> {
        let mut keys = delivery.keys.iter().map(|key| key.of_sender());
        let mut layer = SvixSignLayer::new(keys.next().expect("a key"));
        for key in keys {
            layer = layer.also_sign_with(key);
        }
        layer = layer.header_family(delivery.family);
        if let Some(id) = delivery.id.clone() {
            layer = layer.id_generator(move || id.clone());
        }
        let steps = delivery
            .frames
            .iter()
            .flat_map(|frame| [Step::data(frame.clone().into()), Step::Pending]);
        let request = Request::post(format!("http://{}/webhook", self.address))
            .body(Script::new(steps))
            .unwrap();
        let response = layer
            .layer(self.client.clone())
            .call(request)
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    async fn check(&self, delivery: &Delivery, version: &str) -> Result<(), TestCaseError> {
        let known = delivery.known.get(&delivery.keys);
        let strangers =
            [[254; 40], [255; 40]].map(|key| VerifyingKey::from(Secret::from_bytes(&key).unwrap()));
        let mut keys: Vec<_> = strangers.into_iter().take(delivery.strangers).collect();

        self.keyring.replace(keys.clone());
        let rejected = self.send(delivery).await;
        prop_assert_eq!(rejected.status(), StatusCode::UNAUTHORIZED);

        keys.push(known.of_receiver());
        self.keyring.replace(keys);
        let accepted = self.send(delivery).await;
        prop_assert_eq!(accepted.status(), StatusCode::OK, "{:?}", accepted);
        let header = |name| accepted.headers()[name].to_str().unwrap();
        prop_assert_eq!(header("x-version"), version);
        prop_assert_eq!(header("x-key-index"), delivery.strangers.min(2).to_string());
        prop_assert_eq!(header("x-family"), format!("{:?}", delivery.family));
        if let Some(id) = &delivery.id {
            prop_assert_eq!(header("x-id"), id);
        }
        prop_assert_eq!(accepted.body(), &delivery.frames.concat());
        Ok(())
    }
}

fn whatever_is_signed_is_verified(http2: bool, version: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let peers = runtime.block_on(Peers::connect(http2));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 48,
        ..ProptestConfig::with_source_file(file!())
    });
    runner
        .run(&any_delivery(), |delivery| {
            runtime.block_on(peers.check(&delivery, version))
        })
        .unwrap();
}

#[test]
fn whatever_is_signed_is_verified_over_http_1_1() {
    whatever_is_signed_is_verified(false, "HTTP/1.1");
}

#[test]
fn whatever_is_signed_is_verified_over_http_2() {
    whatever_is_signed_is_verified(true, "HTTP/2.0");
}
