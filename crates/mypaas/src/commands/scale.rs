//! `ps:scale` and `ps:type`.

use api_types::{Formation, FormationBatchUpdate, FormationUpdate, Quantity, SizeName};
use clap::Args;

use crate::context::Context;
use crate::error::Error;
use crate::output::{self, Action};

#[derive(Debug, Args)]
pub(crate) struct Scale {
    /// web=2, web+1, worker-1, web=1:standard-2x; the formation is printed when left out
    #[arg(value_name = "TYPE=N[:SIZE]")]
    changes: Vec<String>,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Changes the formation, or prints it.
pub(crate) fn scale(context: &Context, args: &Scale) -> Result<(), Error> {
    let updates = args.changes.iter().map(|change| parse(change)).collect::<Result<Vec<_>, _>>()?;
    let app = context.app()?;
    let path = app.path(&["formation"]);
    if updates.is_empty() {
        let formation: Vec<Formation> = app.client.list(&path)?;
        if args.json {
            return output::json(&formation);
        }
        if formation.is_empty() {
            return Err(Error::failed_with_hint(format!("No process types on ⬢ {}.", app.name), "push an app with a Procfile: `git push mypaas main`"));
        }
        let words: Vec<_> = formation.iter().map(|one| format!("{}={}:{}", one.process_type, one.quantity, one.size)).collect();
        return output::line(&words.join(" "));
    }
    let action = Action::start("Scaling dynos");
    let asked: Vec<String> = updates.iter().map(|update| update.process_type.clone()).collect();
    let formation: Vec<Formation> = app.client.patch(&path, &FormationBatchUpdate { updates })?;
    if args.json {
        action.done();
        return output::json(&formation);
    }
    let changed = formation.iter().filter(|one| asked.contains(&one.process_type));
    let words: Vec<_> = changed.map(|one| format!("{} at {}:{}", one.process_type, one.quantity, one.size)).collect();
    action.finish(&format!("done, now running {}", words.join(", ")));
    Ok(())
}

#[derive(Debug, Args)]
pub(crate) struct Type {
    /// A size for all types, or web=standard-2x; the sizes in use are printed when left out
    #[arg(value_name = "[TYPE=]SIZE")]
    sizes: Vec<String>,
    /// Print JSON
    #[arg(short = 'j', long)]
    json: bool,
}

/// Changes the size of dynos, or prints the sizes in use.
pub(crate) fn resize(context: &Context, args: &Type) -> Result<(), Error> {
    let app = context.app()?;
    let path = app.path(&["formation"]);
    let mut formation: Vec<Formation> = app.client.list(&path)?;
    if formation.is_empty() {
        return Err(Error::failed_with_hint(format!("No process types on ⬢ {}.", app.name), "push an app with a Procfile: `git push mypaas main`"));
    }
    if !args.sizes.is_empty() {
        let of = |process_type: &str, size: &str| FormationUpdate {
            process_type: process_type.to_owned(),
            quantity: None,
            size: Some(SizeName(size.to_owned())),
            dyno_size: None,
        };
        let mut updates = Vec::new();
        for asked in &args.sizes {
            match asked.split_once('=') {
                Some((process_type, size)) if !process_type.is_empty() && !size.is_empty() => updates.push(of(process_type, size)),
                Some(_) => return Err(Error::Usage(format!("{asked:?} is no size: write standard-2x or web=standard-2x."))),
                None => updates.extend(formation.iter().map(|one| of(&one.process_type, asked))),
            }
        }
        let action = Action::start(&format!("Resizing dynos on ⬢ {}", app.name));
        let _: Vec<Formation> = app.client.patch(&path, &FormationBatchUpdate { updates })?;
        action.done();
        formation = app.client.list(&path)?;
    }
    if args.json {
        return output::json(&formation);
    }
    output::heading("Process Types")?;
    let width = formation.iter().map(|one| one.process_type.len()).max().unwrap_or(0);
    formation.iter().try_for_each(|one| output::line(&format!("{:<width$}  {:<14}  {}", one.process_type, one.size, one.quantity)))
}

/// `TYPE=N`, `TYPE+N` or `TYPE-N`, each with an optional `:SIZE`. A type may hold a dash: the sign is the last one.
fn parse(change: &str) -> Result<FormationUpdate, Error> {
    let refuse = || Error::Usage(format!("{change:?} is not a change of scale: write web=2, web+1, web-1 or web=1:standard-2x."));
    let (amount, size) = match change.split_once(':') {
        Some((amount, size)) => (amount, Some(size)),
        None => (change, None),
    };
    let sign = amount.rfind(['=', '+', '-']).ok_or_else(refuse)?;
    let (process_type, quantity) = amount.split_at(sign);
    let digits = &quantity[1..];
    let word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if !word(process_type) || digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) || size.is_some_and(|size| !word(size)) {
        return Err(refuse());
    }
    Ok(FormationUpdate {
        process_type: process_type.to_owned(),
        quantity: Some(Quantity(quantity.trim_start_matches('=').to_owned())),
        size: size.map(|size| SizeName(size.to_owned())),
        dyno_size: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar() {
        for (change, meaning) in [
            ("web=4", r#"{"quantity":4,"type":"web"}"#),
            ("web+1", r#"{"quantity":"+1","type":"web"}"#),
            ("web-1", r#"{"quantity":"-1","type":"web"}"#),
            ("my-worker-2", r#"{"quantity":"-2","type":"my-worker"}"#),
            ("my-worker=2", r#"{"quantity":2,"type":"my-worker"}"#),
            ("web=2:standard-2x", r#"{"quantity":2,"size":"standard-2x","type":"web"}"#),
            ("web=0", r#"{"quantity":0,"type":"web"}"#),
        ] {
            assert_eq!(serde_json::to_string(&parse(change).unwrap()).unwrap(), meaning);
        }
        for change in ["web", "web=", "=2", "web=-1", "web==2", "web=two", "web=1:", "web=1:a:b", "we b=1", "web=1.5", ""] {
            assert!(matches!(parse(change), Err(Error::Usage(_))), "{change:?}");
        }
    }
}
