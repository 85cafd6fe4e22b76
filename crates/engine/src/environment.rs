//! What a dyno is told through its environment.

use domain::{App, ConfigVars, DynoName, Release, Slug};

/// Config vars, then what the platform adds; the platform's own names win (Heroku: dyno metadata).
pub(crate) fn of_dyno(app: &App, release: &Release, slug: Option<&Slug>, config: &ConfigVars, dyno: &DynoName, port: Option<u16>) -> Vec<(String, String)> {
    let mut env: Vec<(String, String)> = config.iter().map(|(key, value)| (key.to_string(), value.expose().to_owned())).collect();
    let mut add = |key: &str, value: String| {
        env.retain(|(name, _)| name != key);
        env.push((key.to_owned(), value));
    };
    add("DYNO", dyno.to_string());
    add("HEROKU_APP_ID", app.id.to_string());
    add("HEROKU_APP_NAME", app.name.to_string());
    add("HEROKU_RELEASE_VERSION", release.version.to_string());
    add("HEROKU_RELEASE_CREATED_AT", release.created_at.to_string());
    if let Some(commit) = slug.and_then(|slug| slug.commit.clone()) {
        add("HEROKU_SLUG_COMMIT", commit.clone());
        add("HEROKU_SLUG_DESCRIPTION", format!("Deploy {}", crate::releases::short(&commit)));
    }
    if let Some(port) = port {
        add("PORT", port.to_string());
    }
    env
}
