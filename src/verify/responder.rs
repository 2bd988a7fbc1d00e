//! The response to a rejected request.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use super::rejection::Rejection;
use crate::grpc;
use crate::problem::{opaque_problem, problem};

type Respond = dyn Fn(&Rejection) -> Response<Bytes> + Send + Sync;

/// The way in which rejected requests are answered.
#[derive(Clone)]
pub(super) enum Responder {
    Explain,
    Opaque,
    Custom(Arc<Respond>),
}

impl Responder {
    pub(super) fn respond(&self, rejection: Rejection, is_grpc: bool) -> Response<Bytes> {
        let mut response = match self {
            Self::Explain => default_response(rejection, is_grpc, true),
            Self::Opaque => default_response(rejection, is_grpc, false),
            Self::Custom(respond) => respond(&rejection),
        };
        response.extensions_mut().insert(rejection);
        response
    }
}

fn default_response(rejection: Rejection, is_grpc: bool, explain: bool) -> Response<Bytes> {
    let (status, code) = (rejection.status(), rejection.code());
    match (is_grpc, explain) {
        (false, true) => problem(status, code, &rejection),
        (false, false) => opaque_problem(status),
        (true, true) => {
            let message = format_args!("{code}: {rejection}");
            grpc::end_call(rejection.grpc_code(), Some(&message))
        }
        (true, false) => grpc::end_call(rejection.grpc_code(), None),
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Explain => "Explain",
            Self::Opaque => "Opaque",
            Self::Custom(_) => "Custom",
        })
    }
}
