//! The verdict on a delivery, which is that of the middleware.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::diagnose::Diagnosis;
use tower_svix::{HeaderFamily, Rejection, SvixVerifyLayer, VerifiedBody};

use super::delivery::Verdict;
use crate::explanation::{self, Explanation};
use crate::keys::KeysText;
use crate::{Failure, time};

pub(crate) struct Judge {
    layer: SvixVerifyLayer,
    keys: KeysText,
    family: Option<HeaderFamily>,
    explaining: Semaphore,
}

/// The number of rejections that are explained at once. Each explanation may hash 64 MiB.
const EXPLAINED_AT_ONCE: usize = 2;
/// How long a rejection waits to be explained.
const PATIENCE: Duration = Duration::from_secs(2);

impl Judge {
    pub(crate) fn new(
        keys: &KeysText,
        body_limit: usize,
        family: Option<HeaderFamily>,
    ) -> Result<Self, Failure> {
        let mut layer = SvixVerifyLayer::new(keys.keyring()?).body_limit(body_limit);
        if let Some(family) = family {
            layer = layer.header_family(family);
        }
        Ok(Self {
            layer,
            keys: keys.clone(),
            family,
            explaining: Semaphore::new(EXPLAINED_AT_ONCE),
        })
    }

    /// Returns the verdict, and for a rejection also the response to the sender.
    pub(crate) async fn judge(
        &self,
        head: &Parts,
        body: &Bytes,
    ) -> (Verdict, Option<Response<Bytes>>) {
        let request = Request::from_parts(head.clone(), Full::new(body.clone()));
        let service = self
            .layer
            .layer(service_fn(|_: Request<VerifiedBody>| async {
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
            }));
        let Ok(response) = service.oneshot(request).await;
        let Some(rejection) = response.extensions().get::<Rejection>().copied() else {
            return (Verdict::valid(), None);
        };
        let verdict = Verdict {
            code: rejection.code().to_owned(),
            text: rejection.to_string(),
            explanation: self.explain(head, body).await,
        };
        let (head, body) = response.into_parts();
        let body = body.collect().await.map(Collected::to_bytes);
        (
            verdict,
            Some(Response::from_parts(head, body.unwrap_or_default())),
        )
    }

    /// Explains a rejection, on a thread for blocking work. In a flood of forgeries, some are not explained.
    async fn explain(&self, head: &Parts, body: &Bytes) -> Option<Explanation> {
        let Ok(Ok(_place)) = timeout(PATIENCE, self.explaining.acquire()).await else {
            return Some(Explanation::none(
                "It is not explained, as too many are rejected at once.",
            ));
        };
        let now = time::now().ok()?.as_secs();
        let (keys, family) = (self.keys.clone(), self.family);
        let (headers, body) = (head.headers.clone(), body.clone());
        let explanation = spawn_blocking(move || {
            let (_, explanation) = explanation::diagnose(&keys, |secrets| {
                let mut examination = Diagnosis::of(secrets, &headers, &body);
                if let Some(family) = family {
                    examination = examination.header_family(family);
                }
                examination.at(now)
            });
            explanation
        });
        explanation.await.ok()
    }
}
