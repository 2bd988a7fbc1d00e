//! The path of a delivery, whether a sender or the page sends it.

use std::sync::Arc;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, Response, StatusCode};
use tower_svix::HeaderFamily;

use super::answer::Reply;
use super::delivery::{Delivery, Origin, event_type};
use super::forward::{Application, milliseconds};
use super::headers::{self, Pairs};
use super::history::History;
use super::journal::Journal;
use super::judge::Judge;
use super::line::Lines;
use crate::keys::SigningKeys;
use crate::output::complain;
use crate::{Failure, family, sign, time};

pub(crate) struct Bench {
    pub(crate) judge: Judge,
    /// `None` if the keys can only verify.
    pub(crate) signing_keys: Option<SigningKeys>,
    pub(crate) application: Option<Application>,
    /// `None` means the family whose headers are complete.
    pub(crate) family: Option<HeaderFamily>,
    pub(crate) forward_rejected: bool,
    /// Whether the secret was made for this run.
    pub(crate) is_secret_new: bool,
    pub(crate) history: History,
    pub(crate) journal: Option<Journal>,
    pub(crate) lines: Lines,
}

/// The form in which the page sends a delivery again.
pub(crate) enum Resend {
    AsItIs,
    SignedAnew,
    Edited { id: String, body: Bytes },
}

impl Bench {
    /// Verifies and forwards a delivery, and keeps its outcome. Returns the response to the sender.
    pub(crate) async fn process(
        self: Arc<Self>,
        head: Parts,
        body: Bytes,
        origin: Origin,
    ) -> (Arc<Delivery>, Response<Bytes>) {
        let received_at = time::now().map(milliseconds).unwrap_or_default();
        let (verdict, rejection) = self.judge.judge(&head, &body).await;
        // The user wants to see the application's response, whatever the verdict.
        let is_wanted = rejection.is_none() || self.forward_rejected || origin != Origin::Sender;
        let application = self.application.as_ref().filter(|_| is_wanted);
        let delivery = self.history.add(Delivery {
            number: 0,
            received_at,
            origin,
            method: head.method.to_string(),
            target: head
                .uri
                .path_and_query()
                .map_or("/", |target| target.as_str())
                .to_owned(),
            headers: Pairs::of(&head.headers),
            body: body.clone(),
            id: headers::id(&head.headers, self.family),
            event_type: event_type(&body),
            verdict,
            duplicate_of: None,
            differs: false,
            reply: Reply::Waiting,
        });
        let (reply, answer) = match application {
            Some(application) => application.forward(&head, &body).await,
            None => (Reply::NotForwarded, None),
        };
        let answer = match (answer, rejection, &reply) {
            (Some(answer), ..) => answer,
            (None, _, Reply::Failed { error, .. }) => {
                let text = format!("webhook listen: the application cannot be reached: {error}\n");
                with_status(StatusCode::BAD_GATEWAY, text)
            }
            (None, Some(rejection), _) => rejection,
            (None, None, _) => with_status(StatusCode::OK, "received\n".to_owned()),
        };
        let delivery = self.history.finish(&delivery, reply);
        self.lines.print(&delivery);
        self.keep(&delivery);
        (delivery, answer)
    }

    /// Sends a delivery to the application again.
    pub(crate) async fn send_again(
        self: Arc<Self>,
        delivery: &Delivery,
        how: Resend,
    ) -> Result<Arc<Delivery>, Failure> {
        let mut headers = delivery.headers.to_map();
        let number = delivery.number;
        let (origin, body) = match how {
            Resend::AsItIs => (Origin::Again(number), delivery.body.clone()),
            Resend::SignedAnew => {
                let id = delivery.id.as_deref().ok_or("the delivery has no id")?;
                self.sign_anew(&mut headers, id, &delivery.body)?;
                (Origin::SignedAnew(number), delivery.body.clone())
            }
            Resend::Edited { id, body } => {
                self.sign_anew(&mut headers, &id, &body)?;
                (Origin::Edited(number), body)
            }
        };
        headers::remove_hop_by_hop(&mut headers);
        let mut request = Request::builder()
            .method(delivery.method.as_str())
            .uri(delivery.target.as_str())
            .body(())?;
        *request.headers_mut() = headers;
        let (head, ()) = request.into_parts();
        Ok(self.process(head, body, origin).await.0)
    }

    /// Replaces the three headers by those of a new signature, in the delivery's family.
    fn sign_anew(&self, headers: &mut HeaderMap, id: &str, body: &[u8]) -> Result<(), Failure> {
        let keys = self
            .signing_keys
            .as_ref()
            .ok_or("the keys of this program can verify, but not sign")?;
        let family = family::of(headers, self.family);
        for unused in [HeaderFamily::SVIX, HeaderFamily::WEBHOOK, family] {
            headers.remove(unused.id_header());
            headers.remove(unused.timestamp_header());
            headers.remove(unused.signature_header());
        }
        sign::sign(headers, family, keys, id, time::now()?.as_secs(), body)
    }

    fn keep(&self, delivery: &Delivery) {
        if let Some(journal) = &self.journal {
            let kept = || self.history.watch().0;
            if let Err(error) = journal.write(delivery, kept) {
                complain(&error);
            }
        }
    }
}

fn with_status(status: StatusCode, text: String) -> Response<Bytes> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response
}
