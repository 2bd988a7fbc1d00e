//! `https://` addresses, with servers whose certificates come from private authorities.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower_svix_tests::net::Delivery;

use crate::support::{Application, Listener, folder, run, with_secret};

/// A certificate authority, with its certificate in a file for `--cacert`.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        let name_of_it = format!("the authority {name}");
        params
            .distinguished_name
            .push(DnType::CommonName, name_of_it);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let file = folder.join(name);
        fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            file,
        }
    }

    fn file(&self) -> &str {
        self.file.to_str().unwrap()
    }

    /// Starts a server with a certificate for this name. Returns the application, which records requests, and its URL.
    async fn serve(&self, name: &str) -> (Application, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (application, router) = Application::new(listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, router) = (acceptor.clone(), router.clone());
                tokio::spawn(async move {
                    // A client that does not trust the certificate ends the handshake.
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = TowerToHyperService::new(router);
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        (application, format!("https://localhost:{port}/webhook"))
    }
}

/// Runs `webhook send` on a system that trusts the authority `system`. Returns its exit code and its output.
fn send(system: &Authority, args: &[&str]) -> (i32, String) {
    let mut command = with_secret();
    command
        .env("SSL_CERT_FILE", system.file())
        .env_remove("SSL_CERT_DIR");
    let (code, stdout, stderr) = run(command.arg("send").args(args));
    (code, format!("{stdout}{stderr}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_goes_to_a_server_that_the_system_or_the_user_trusts() {
    let folder = folder("tls_send");
    let (own, other) = (
        Authority::new(&folder, "own"),
        Authority::new(&folder, "other"),
    );
    let (application, url) = own.serve("localhost").await;

    let (code, said) = send(&own, &["--url", &url]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = send(&other, &["--url", &url, "--cacert", own.file()]);
    assert_eq!(code, 0, "{said}");
    assert!(said.starts_with("200 OK"), "{said}");
    let (code, said) = send(&own, &["--url", &url, "--count", "20"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(application.arrived().len(), 22);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_a_server_that_is_not_trusted() {
    let folder = folder("tls_trust");
    let (own, other) = (
        Authority::new(&folder, "own"),
        Authority::new(&folder, "other"),
    );
    let (application, url) = own.serve("localhost").await;
    let (code, said) = send(&other, &["--url", &url]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("UnknownIssuer"), "{said}");

    let (misnamed, url) = own.serve("elsewhere.example").await;
    let (code, said) = send(&own, &["--url", &url]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("not valid for name"), "{said}");

    assert_eq!(application.arrived().len() + misnamed.arrived().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_holds_no_certificate_is_an_error() {
    let folder = folder("tls_file");
    let own = Authority::new(&folder, "own");
    let (_, url) = own.serve("localhost").await;
    let empty = folder.join("empty");
    fs::write(&empty, "no certificate").unwrap();
    for file in [empty.to_str().unwrap(), "/nowhere"] {
        let (code, said) = send(&own, &["--url", &url, "--cacert", file]);
        assert_eq!(code, 2, "{said}");
        assert!(said.contains(&format!("--cacert {file}: ")), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_forwarded_over_tls() {
    let folder = folder("tls_forward");
    let own = Authority::new(&folder, "own");
    let (application, url) = own.serve("localhost").await;
    let listener = Listener::start(&["--forward", &url, "--cacert", own.file()]);
    let delivery = Delivery::genuine("msg_1", r#"{ "type": "job.completed" }"#);
    let answer = listener.deliver(&delivery);
    assert_eq!(answer.status, 200, "{}", answer.head);

    let [arrived] = &application.arrived()[..] else {
        panic!("it did not arrive once");
    };
    assert_eq!(arrived.body, delivery.body);
    for (header, value) in &delivery.headers() {
        assert_eq!(arrived.headers[header], value);
    }
    let host = url.split('/').nth(2).unwrap();
    assert_eq!(arrived.headers["host"], host);
}
