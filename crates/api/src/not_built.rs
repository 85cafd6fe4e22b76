//! Paths that no route serves: Heroku's that are not built yet, and those that nobody knows.

use axum::{
    Json,
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
};
use engine::{Permission, Refusal};
use http::Method;

use crate::{Api, account, auth::Caller, error::ApiError};

/// Every path of the Platform API with its methods, from Heroku's published schema and from what its command line asks for.
const HEROKU_PATHS: &str = include_str!("not_built/heroku_paths.txt");

/// Those of them that are lists of an account or of an app: nothing can be put into them yet, so that they are empty.
const HEROKU_LISTS: &str = include_str!("not_built/heroku_lists.txt");

/// Says whether it is not there or not there yet, to those who may know.
pub(crate) async fn answer(State(api): State<Api>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let Some(known) = known(&parts.method, &path) else { return ApiError::no_such_endpoint().into_response() };
    let refused = async {
        let caller = Caller::from_request_parts(&mut parts, &api).await?;
        if let Some(app) = named(":app", &path, known) {
            api.platform.authorize(&caller.actor, app, Permission::View).await?;
        }
        if let Some(account) = named(":account", &path, known) {
            account::is_self(&caller, account)?;
        }
        if parts.method == Method::GET && HEROKU_LISTS.lines().any(|list| list == known) {
            return Ok(Json([(); 0]));
        }
        // What nobody can make is not there.
        let missing = known.split('/').filter_map(|part| part.strip_prefix(':')).rfind(|part| !["app", "account"].contains(part));
        match missing.filter(|_| parts.method == Method::GET) {
            Some(resource) => Err(ApiError::from(Refusal::NotFound(resource))),
            None => Err(Refusal::NotYet(format!("{} {known} is not built yet.", parts.method)).into()),
        }
    };
    refused.await.into_response()
}

/// The path as Heroku writes it, if it has it under this method.
fn known(method: &Method, path: &str) -> Option<&'static str> {
    let lines = HEROKU_PATHS.lines().filter_map(|line| line.split_once(' '));
    let fitting = lines.filter(|(methods, template)| fits(template, path) && methods.split(',').any(|known| known == method.as_str()));
    // Of `/teams/:team` and `/teams/permissions` the second is meant.
    fitting.map(|(_, template)| template).min_by_key(|template| template.matches(':').count())
}

fn fits(template: &str, path: &str) -> bool {
    let same = |(wanted, given): (&str, &str)| if wanted.starts_with(':') { !given.is_empty() } else { wanted == given };
    template.split('/').count() == path.split('/').count() && template.split('/').zip(path.split('/')).all(same)
}

/// What stands in the path where the template has this.
fn named<'a>(what: &str, path: &'a str, template: &str) -> Option<&'a str> {
    template.split('/').zip(path.split('/')).find(|(part, _)| *part == what).map(|(_, given)| given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_herokus_paths_from_others() {
        for (method, path, template) in [
            (Method::POST, "/apps/shop/domains", Some("/apps/:app/domains")),
            (Method::GET, "/teams/permissions", Some("/teams/permissions")),
            (Method::GET, "/teams/acme", Some("/teams/:team")),
            (Method::DELETE, "/apps/shop/domains", None),
            (Method::GET, "/apps//domains", None),
            (Method::GET, "/apps/shop/domains/", None),
            (Method::GET, "/", None),
        ] {
            assert_eq!(known(&method, path), template, "{method} {path}");
        }
        assert_eq!(named(":app", "/apps/shop/domains", "/apps/:app/domains"), Some("shop"));
        assert_eq!(named(":app", "/apps", "/apps"), None);
    }
}
