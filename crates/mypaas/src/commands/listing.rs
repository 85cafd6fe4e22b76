//! What commands take that list all there is.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Print JSON
    #[arg(short = 'j', long)]
    pub(crate) json: bool,
}
