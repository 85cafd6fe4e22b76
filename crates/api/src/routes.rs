//! Every path there is.

use axum::{
    Router, middleware,
    routing::{delete, get, post, put},
};

use crate::{
    Api, account, app_transfers, apps, audit_events, authorizations, browser_login, buildpack_installations, builds, collaborators, config_vars, conventions,
    domains, dyno_sizes, dynos, features, formation, keeping, keys, log_drains, log_sessions, log_stream, not_built, nothing_yet, oauth_clients, overview,
    regions, release_output, releases, request_id, routers, schema, slugs, sources, stacks, two_factor, webhooks,
};

pub(crate) fn router(api: Api) -> Router {
    Router::new()
        .merge(people())
        .merge(of_app())
        .merge(of_platform())
        .fallback(not_built::answer)
        .method_not_allowed_fallback(not_built::answer)
        .layer(middleware::from_fn(conventions::keep))
        .layer(middleware::from_fn_with_state(api.clone(), request_id::identify))
        .with_state(api)
}

fn people() -> Router<Api> {
    Router::new()
        // No token: who asks has none yet.
        .route("/auth", post(browser_login::begin))
        .route("/auth/browser/{login}", get(browser_login::page).post(browser_login::decide))
        .route("/auth/cli/{login}", get(browser_login::wait))
        .route("/oauth/authorizations", get(authorizations::list).post(authorizations::create))
        .route("/oauth/authorizations/{authorization}", get(authorizations::info).patch(authorizations::update).delete(authorizations::delete))
        .route("/oauth/authorizations/{authorization}/actions/regenerate-tokens", post(authorizations::regenerate))
        .route("/oauth/sessions", get(nothing_yet::of_account))
        .route("/oauth/clients", get(oauth_clients::list).post(oauth_clients::create))
        .route("/oauth/clients/{client}", get(oauth_clients::info).patch(oauth_clients::update).delete(oauth_clients::delete))
        .route("/oauth/clients/{client}/actions/rotate-credentials", post(oauth_clients::rotate))
        .route("/oauth/sessions/~", delete(authorizations::delete_session))
        .route("/account", get(account::info).patch(account::update).delete(account::delete))
        .route("/account/app-transfers", get(app_transfers::list).post(app_transfers::create))
        .route("/account/app-transfers/{transfer}", get(app_transfers::info).patch(app_transfers::update).delete(app_transfers::delete))
        .route("/account/features", get(nothing_yet::of_account))
        .route("/account/features/{feature}", get(account::feature))
        .route("/account/keys", get(keys::list).post(keys::create))
        .route("/account/keys/{key}", get(keys::info).delete(keys::delete))
        .route("/account/rate-limits", get(account::rate_limits))
        .route("/account/two-factor", get(two_factor::info).put(two_factor::enable))
        .route("/account/two-factor/url", post(two_factor::begin))
        .route("/account/two-factor/recovery-codes", post(two_factor::recovery_codes))
        .route("/users/{account}", get(account::user).patch(account::update_user).delete(account::delete_user))
        .route("/users/{account}/apps", get(apps::of_user))
        .route("/addon-attachments", get(nothing_yet::of_account))
        .route("/addons", get(nothing_yet::of_account))
}

fn of_app() -> Router<Api> {
    Router::new()
        .route("/apps", get(apps::list).post(apps::create))
        .route("/apps/{app}", get(apps::info).patch(apps::update).delete(apps::delete))
        .route("/apps/{app}/config-vars", get(config_vars::info).patch(config_vars::update))
        .route("/apps/{app}/releases", get(releases::list).post(releases::create))
        .route("/apps/{app}/releases/{release}", get(releases::info))
        .route("/apps/{app}/releases/{release}/config-vars", get(config_vars::of_release))
        .route("/apps/{app}/formation", get(formation::list).patch(formation::update))
        .route("/apps/{app}/formation/{formation}", get(formation::info).patch(formation::update_one))
        .route("/apps/{app}/formations/{type}", delete(dynos::stop_type))
        .route("/apps/{app}/formations/{type}/actions/stop", post(dynos::stop_type))
        .route("/apps/{app}/dynos", get(dynos::list).post(dynos::create).delete(dynos::restart_all))
        .route("/apps/{app}/dynos/{dyno}", get(dynos::info).delete(dynos::stop_one))
        .route("/apps/{app}/dynos/{dyno}/actions/resize", post(dynos::resize))
        .route("/apps/{app}/dynos/{dyno}/actions/stop", post(dynos::stop_one))
        .route("/apps/{app}/log-sessions", post(log_sessions::create))
        .route("/apps/{app}/sources", post(sources::create_for_app))
        .route("/apps/{app}/builds", get(builds::list).post(builds::create))
        .route("/apps/{app}/builds/{build}", get(builds::info).delete(builds::cancel))
        .route("/apps/{app}/build-cache", delete(builds::purge_cache))
        .route("/apps/{app}/slugs", post(slugs::create))
        .route("/apps/{app}/slugs/{slug}", get(slugs::info))
        .route("/apps/{app}/domains", get(domains::list).post(domains::create))
        .route("/apps/{app}/domains/{domain}", get(domains::info).patch(domains::update).delete(domains::delete))
        .route("/apps/{app}/collaborators", get(collaborators::list).post(collaborators::create))
        .route("/apps/{app}/collaborators/{collaborator}", get(collaborators::info).delete(collaborators::delete))
        .route("/apps/{app}/addons", get(nothing_yet::of_app))
        .route("/apps/{app}/addon-attachments", get(nothing_yet::of_app))
        .route("/apps/{app}/buildpack-installations", get(buildpack_installations::list).put(buildpack_installations::replace))
        .route("/apps/{app}/available-stacks", get(stacks::of_app))
        .route("/apps/{app}/features", get(features::list))
        .route("/apps/{app}/features/{feature}", get(features::info).patch(features::update))
        .route("/apps/{app}/log-drains", get(log_drains::list).post(log_drains::create))
        .route("/apps/{app}/log-drains/{drain}", get(log_drains::info).delete(log_drains::delete))
        .route("/apps/{app}/sni-endpoints", get(nothing_yet::of_app))
        .route("/apps/{app}/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/apps/{app}/webhooks/{webhook}", get(webhooks::info).patch(webhooks::update).delete(webhooks::delete))
        .route("/apps/{app}/webhook-deliveries", get(webhooks::deliveries))
        .route("/apps/{app}/webhook-deliveries/{delivery}", get(webhooks::delivery))
        .route("/apps/{app}/webhook-events", get(webhooks::events))
        .route("/apps/{app}/webhook-events/{event}", get(webhooks::event))
        .route("/apps/{app}/pipeline-couplings", get(nothing_yet::pipeline_coupling))
}

fn of_platform() -> Router<Api> {
    Router::new()
        .route("/schema", get(schema::answer))
        .route("/stacks", get(stacks::list))
        .route("/stacks/{stack}", get(stacks::info))
        .route("/mypaas/accounts", get(overview::accounts))
        .route("/mypaas/apps", get(overview::apps))
        .route("/mypaas/audit-events", get(audit_events::list))
        .route("/mypaas/disk", get(keeping::disk))
        .route("/mypaas/garbage", get(keeping::garbage))
        .route("/mypaas/garbage/actions/collect", post(keeping::collect))
        .route("/mypaas/nodes", get(overview::nodes))
        .route("/mypaas/router/routes", get(routers::routes))
        .route("/mypaas/router/reports", post(routers::report))
        .route("/regions", get(regions::list))
        .route("/regions/{region}", get(regions::info))
        .route("/dyno-sizes", get(dyno_sizes::list))
        .route("/dyno-sizes/{size}", get(dyno_sizes::info))
        .route("/buildpacks/{buildpack}", get(buildpack_installations::registered))
        // No token: the URL is the secret.
        .route("/logs/{secret}", get(log_stream::read))
        .route("/sources/{secret}", put(sources::upload).get(sources::read))
        .route("/builds/{build}/output/{secret}", get(builds::output))
        .route("/releases/{release}/output/{secret}", get(release_output::get))
        .route("/slugs/{secret}", get(slugs::read).put(slugs::upload))
        .route("/sources", post(sources::create))
}
