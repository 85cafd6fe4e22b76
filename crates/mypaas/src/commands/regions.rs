//! `regions`.

use api_types::Region;

use crate::context::Context;
use crate::error::Error;
use crate::output;

pub(crate) use super::listing::List;

/// Lists the regions.
pub(crate) fn list(context: &Context, args: &List) -> Result<(), Error> {
    let regions: Vec<Region> = context.client()?.list("/regions")?;
    if args.json {
        return output::json(&regions);
    }
    output::table(&regions.iter().map(|region| vec![region.name.clone(), region.description.clone()]).collect::<Vec<_>>())
}
