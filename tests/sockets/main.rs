//! Tests with sockets, servers and programs in other processes.

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
