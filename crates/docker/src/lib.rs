//! Containers through a Docker engine on this machine: dynos ([`ports::Runtime`]) and builds ([`ports::Sandboxes`]).
//!
//! Everything made here carries the label `mypaas.instance`, and nothing without it is ever touched; several
//! installations live side by side on one engine. Nothing is published: the router connects to container addresses.

mod about;
mod connect;
mod error;
mod labels;

mod archive;
mod images;
mod network;
mod rules;
mod stack_image;
mod subnet;
mod taken;
mod wall;

mod mounts;
mod places;
mod pool;
mod trees;
mod way;

mod containers;
mod disk;
mod known;
mod memory;
mod runtime;
mod seen;
mod spec;

mod bound;
mod events;
mod lines;
mod listening;
mod logs;
mod resume;

mod attach;
mod batch;
mod demux;

mod cache;
mod sandbox;

mod stored;
mod usage;

pub use about::{About, about};
pub use connect::{Docker, LogRate, Settings, StackImages};
pub use disk::DiskLimits;
pub use subnet::{Destination, InvalidDestination};
pub use wall::{Reach, remove_network, remove_rules};
