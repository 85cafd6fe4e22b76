//! The official command line, unmodified, through its commands; each is held against what it was to do. The journeys run
//! side by side, each with an app of its own; together they are more than 150 different invocations.

#![expect(clippy::unwrap_used, reason = "a test says so by failing")]

mod apps;
mod compatibility;
mod deployed;
mod driver;
mod later;
mod logins;
mod people;
mod webhooks;

use driver::Heroku;
use e2e::Installation;

/// A journey with an app of its own, and how many different invocations it makes at least.
fn travel(journey: impl FnOnce(&mut Heroku<'_>), at_least: usize) {
    let installation = Installation::new();
    let repository = installation.repository("node-hello");
    let app = repository.create();
    let mut heroku = Heroku::new(&installation, repository.path(), &app.name);
    journey(&mut heroku);
    let count = heroku.end();
    assert!(count >= at_least, "only {count} different invocations were made");
}

macro_rules! journeys {
    ($($name:ident: $journey:path, $at_least:literal;)*) => { $(
        #[test]
        #[ignore = "needs a running installation: tests/run"]
        fn $name() {
            travel($journey, $at_least);
        }
    )* };
}

journeys! {
    accounts_and_keys: people::account, 18;
    authorizations: people::authorizations, 8;
    logging_in: logins::journey, 5;
    access_and_transfers: people::access, 17;
    creating_renaming_destroying: apps::create, 22;
    config_vars: apps::config, 10;
    domains: apps::domains, 19;
    drains: apps::drains, 9;
    features_and_labs: apps::features, 12;
    buildpacks_maintenance_stacks: apps::buildpacks, 16;
    pushing_and_scaling: deployed::scale, 20;
    one_off_dynos_and_logs: deployed::run, 15;
    restarts_and_releases: deployed::releases, 15;
    webhooks: webhooks::journey, 16;
    what_is_not_built_says_so: later::journey, 15;
}
