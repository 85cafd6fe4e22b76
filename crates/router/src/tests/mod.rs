//! The router with clients and dynos made of memory, in virtual time; `tcp` uses real sockets.

mod harness;

mod codes;
mod codes_refused;
mod dispatch;
mod entrance;
mod fleet;
mod fuzz;
mod headers;
mod http2;
mod line;
mod midway;
mod simulation;
mod spans;
mod streaming;
mod strict;
mod tcp;
mod websocket;
