//! What apps show in place of the router's pages.

use crate::Story;

databases::on_both!(own_pages_are_config_vars_of_the_current_release, a_page_that_lies_nowhere_is_told_once);

impl Story {
    /// Where the app's error page and maintenance page lie, as the router knows them.
    fn pages(&self) -> (Option<String>, Option<String>) {
        let table = self.platform.routes().borrow().clone();
        let pages = &table.hosts["shop.localhost"].pages;
        let text = |page: &Option<domain::route::PageAddress>| page.as_ref().map(|page| page.as_str().to_owned());
        (text(&pages.error), text(&pages.maintenance))
    }
}

async fn own_pages_are_config_vars_of_the_current_release() {
    let mut story = Story::begin().await;
    story.settle().await;
    assert_eq!(story.pages(), (None, None));
    // Also before anything is deployed: maintenance needs no code.
    story.set("MAINTENANCE_PAGE_URL", "//s3.example.com/back-soon.html").await;
    story.settle().await;
    assert_eq!(story.pages(), (None, Some("//s3.example.com/back-soon.html".into())));
    story.deploy("web: x").await;
    story.set("ERROR_PAGE_URL", "https://s3.example.com/sorry.html").await;
    story.settle().await;
    assert_eq!(story.pages(), (Some("https://s3.example.com/sorry.html".into()), Some("//s3.example.com/back-soon.html".into())));
    let before = story.platform.routes().borrow().clone();
    story.set("COLOUR", "red").await;
    story.settle().await;
    assert_eq!(before.hosts["shop.localhost"].pages, story.platform.routes().borrow().hosts["shop.localhost"].pages, "other vars leave them alone");
    // As every var, they go back with a rollback.
    story.platform.rollback(&story.actor, "shop", "v4").await.unwrap();
    story.settle().await;
    assert_eq!(story.pages(), (None, Some("//s3.example.com/back-soon.html".into())));
    story.set("MAINTENANCE_PAGE_URL", "").await;
    story.settle().await;
    assert_eq!(story.pages(), (None, None));
}

async fn a_page_that_lies_nowhere_is_told_once() {
    let mut story = Story::begin().await;
    story.deploy("web: x").await;
    story.set("ERROR_PAGE_URL", "javascript:alert(1)").await;
    story.settle().await;
    story.pass(60).await;
    assert_eq!(story.pages(), (None, None));
    let told: Vec<_> = story.logs.texts().into_iter().filter(|line| line.starts_with("heroku[router]")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("heroku[router]: ERROR_PAGE_URL is no address of a page: it must begin with https://"), "{told:?}");
    assert!(!told[0].contains("alert"), "a value may be a secret in the wrong place");
}
