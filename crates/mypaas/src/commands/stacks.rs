//! `stacks`.

use api_types::Stack;

use crate::context::Context;
use crate::error::Error;
use crate::output;

/// Lists the stacks; a star marks the one of new apps.
pub(crate) fn list(context: &Context) -> Result<(), Error> {
    let stacks: Vec<Stack> = context.client()?.list("/stacks")?;
    stacks.iter().try_for_each(|stack| output::line(&format!("{} {}", if stack.default { '*' } else { ' ' }, stack.name)))
}
