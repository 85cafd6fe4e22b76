//! The cases, in the order of the spec.

mod request_head;

mod request_body;

mod to_dyno;

mod response;

mod connections;

mod expect;
mod upgrade;

mod codes;
mod codes_midway;
mod codes_refused;
mod dispatch;

mod log_line;
mod pages;

mod handover;
mod hostile;
mod routes_file;

use crate::Case;

pub(crate) fn all() -> Vec<Case> {
    [
        request_head::cases(),
        request_body::cases(),
        to_dyno::cases(),
        response::cases(),
        connections::cases(),
        expect::cases(),
        upgrade::cases(),
        codes::cases(),
        codes_midway::cases(),
        codes_refused::cases(),
        dispatch::cases(),
        log_line::cases(),
        pages::cases(),
        hostile::cases(),
        routes_file::cases(),
        handover::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
