//! Paths that no route serves: Heroku's that are not built yet, and those that nobody knows.

use axum::extract::{FromRequestParts, Request, State};
use engine::{Permission, Refusal};
use http::Method;

use crate::{Api, auth::Caller, error::ApiError};

/// Every path of the Platform API with its methods, from Heroku's published schema and from what its command line asks for.
const HEROKU_PATHS: &str = include_str!("not_built/heroku_paths.txt");

/// Says whether it is not there or not there yet, to those who may know.
pub(crate) async fn answer(State(api): State<Api>, request: Request) -> ApiError {
    let (mut parts, _) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let Some(known) = known(&parts.method, &path) else { return ApiError::no_such_endpoint() };
    let refused = async {
        let caller = Caller::from_request_parts(&mut parts, &api).await?;
        if let Some(app) = app_of(&path, known) {
            api.platform.authorize(&caller.actor, app, Permission::View).await?;
        }
        Err::<(), ApiError>(Refusal::NotYet(format!("{} {known} is not built yet.", parts.method)).into())
    };
    refused.await.err().unwrap_or_else(ApiError::no_such_endpoint)
}

/// The path as Heroku writes it, if it has it under this method.
fn known(method: &Method, path: &str) -> Option<&'static str> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let lines = HEROKU_PATHS.lines().filter_map(|line| line.split_once(' '));
    let fitting = lines.filter(|(methods, template)| fits(template, path) && methods.split(',').any(|known| known == method.as_str()));
    // Of `/teams/:team` and `/teams/permissions` the second is meant.
    fitting.map(|(_, template)| template).min_by_key(|template| template.matches(':').count())
}

fn fits(template: &str, path: &str) -> bool {
    let same = |(wanted, given): (&str, &str)| if wanted.starts_with(':') { !given.is_empty() } else { wanted == given };
    template.split('/').count() == path.split('/').count() && template.split('/').zip(path.split('/')).all(same)
}

fn app_of<'a>(path: &'a str, template: &str) -> Option<&'a str> {
    template.starts_with("/apps/:app").then(|| path.split('/').nth(2)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_herokus_paths_from_others() {
        for (method, path, template) in [
            (Method::POST, "/apps/shop/domains", Some("/apps/:app/domains")),
            (Method::HEAD, "/teams/permissions", Some("/teams/permissions")),
            (Method::GET, "/teams/acme", Some("/teams/:team")),
            (Method::DELETE, "/apps/shop/domains", None),
            (Method::GET, "/apps//domains", None),
            (Method::GET, "/apps/shop/domains/", None),
            (Method::GET, "/", None),
        ] {
            assert_eq!(known(&method, path), template, "{method} {path}");
        }
        assert_eq!(app_of("/apps/shop/domains", "/apps/:app/domains"), Some("shop"));
        assert_eq!(app_of("/teams/apps/shop", "/teams/apps/:app"), None);
    }
}
