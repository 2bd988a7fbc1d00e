//! Tests over real sockets, with real servers, and with programs in processes of their own.

mod exactly_once;
mod examples;
mod grpc_server;
mod hostile;
mod idempotency_crash;
mod inbox_crash;
mod interop;
mod proxies;
mod sign_layer;
mod soak;
mod tenants_example;
mod vectors_socket;
mod with_axum;
mod with_hyper;
mod with_tonic;
