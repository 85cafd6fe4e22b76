//! Logs: the last lines of every app, live tails, and the sessions through which people read them.

pub mod drains;
pub mod filter;
pub mod kept;
pub mod line;
pub mod sessions;
pub mod tail;

mod logplex;
mod reader;
mod ring;

pub use drains::Outlet;
pub use filter::Filter;
pub use logplex::Logplex;
pub use ring::Numbered;
pub use sessions::{Session, Sessions};
pub use tail::TailEvent;
