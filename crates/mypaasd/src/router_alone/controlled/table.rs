//! From what the control plane sends to a table. All of it must make sense, or the table before stays.

use std::sync::Arc;

use api_types::{RouterDyno, RouterDynoState, RouterRoute, RouterSuspension};
use domain::{
    Feature,
    route::{Backend, Condition, Features, PageAddress, Pages, Route, RouteTable, Suspension},
};

/// Why what was sent is no table.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadTable {
    #[error("the id {id:?} of app {name:?} is none")]
    Id { id: String, name: String },
    #[error("{0:?} is no app's name")]
    Name(String),
    #[error("no page can lie at {0:?}")]
    Page(String),
    #[error("{dyno:?} at {address:?} is no dyno of app {name}")]
    Dyno { dyno: String, address: Option<String>, name: String },
}

pub(super) fn read(routes: Vec<RouterRoute>) -> Result<RouteTable, BadTable> {
    let mut table = RouteTable::default();
    for mut sent in routes {
        let hosts = std::mem::take(&mut sent.hosts);
        let route = Arc::new(route(sent)?);
        table.hosts.extend(hosts.into_iter().map(|host| (host, route.clone())));
    }
    Ok(table)
}

fn route(sent: RouterRoute) -> Result<Route, BadTable> {
    // A newer control plane may know of features that we do not: then they do nothing.
    let known = sent.features.iter().filter_map(|name| name.parse::<Feature>().ok());
    Ok(Route {
        app: sent.app.parse().map_err(|_| BadTable::Id { id: sent.app.clone(), name: sent.name.clone() })?,
        name: sent.name.parse().map_err(|_| BadTable::Name(sent.name.clone()))?,
        maintenance: sent.maintenance,
        blank: sent.blank,
        features: known.fold(Features::default(), |features, feature| features.with(feature).unwrap_or(features)),
        suspension: sent.suspended.map(|suspended| match suspended {
            RouterSuspension::QuotaExhausted => Suspension::QuotaExhausted,
            RouterSuspension::PlannedDegradation => Suspension::PlannedDegradation,
        }),
        pages: Pages { error: page(sent.error_page)?, maintenance: page(sent.maintenance_page)? },
        web: sent.dynos.into_iter().map(|dyno| backend(dyno, &sent.name)).collect::<Result<_, _>>()?,
    })
}

fn page(sent: Option<String>) -> Result<Option<PageAddress>, BadTable> {
    sent.map(|address| address.parse().map_err(|_| BadTable::Page(address))).transpose()
}

fn backend(sent: RouterDyno, name: &str) -> Result<Backend, BadTable> {
    let RouterDyno { name: dyno, address, state } = sent;
    let condition = match state {
        RouterDynoState::Up => Condition::Up,
        RouterDynoState::Starting => Condition::Starting,
        RouterDynoState::Crashed => Condition::Crashed,
        RouterDynoState::Asleep => Condition::Asleep,
    };
    match (dyno.parse(), address.as_deref().map(str::parse).transpose()) {
        (Ok(dyno), Ok(address)) => Ok(Backend { dyno, address, condition }),
        _ => Err(BadTable::Dyno { dyno, address, name: name.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> RouterRoute {
        RouterRoute {
            app: uuid::Uuid::nil().to_string(),
            name: "shop".to_owned(),
            hosts: vec!["shop.example.com".to_owned(), "*.shop.example.com".to_owned()],
            maintenance: false,
            blank: false,
            suspended: Some(RouterSuspension::QuotaExhausted),
            features: vec!["keep-alive".to_owned(), "of-next-year".to_owned()],
            error_page: Some("https://example.com/oops".to_owned()),
            maintenance_page: None,
            dynos: vec![RouterDyno { name: "web.1".to_owned(), address: Some("10.0.0.1:5000".to_owned()), state: RouterDynoState::Asleep }],
        }
    }

    #[test]
    fn a_table_is_read_whole() {
        let table = read(vec![sent()]).unwrap();
        let route = table.route("www.shop.example.com").unwrap();
        assert!(Arc::ptr_eq(route, table.route("shop.example.com").unwrap()));
        assert_eq!(route.features, Features { keep_alive: true, ..Features::default() });
        assert_eq!(route.web, [Backend { dyno: "web.1".parse().unwrap(), address: "10.0.0.1:5000".parse().ok(), condition: Condition::Asleep }]);
        assert_eq!(route.pages.error.as_ref().map(PageAddress::as_str), Some("https://example.com/oops"));
        assert_eq!(route.suspension, Some(Suspension::QuotaExhausted));
    }

    #[test]
    fn one_wrong_word_and_none_of_it_counts() {
        assert!(matches!(read(vec![sent(), RouterRoute { app: "7".to_owned(), ..sent() }]), Err(BadTable::Id { .. })));
        assert!(matches!(read(vec![RouterRoute { name: "Shop!".to_owned(), ..sent() }]), Err(BadTable::Name(_))));
        assert!(matches!(read(vec![RouterRoute { error_page: Some("javascript:1".to_owned()), ..sent() }]), Err(BadTable::Page(_))));
        let mut bad = sent();
        bad.dynos[0].address = Some("somewhere".to_owned());
        assert_eq!(read(vec![bad]).unwrap_err().to_string(), "\"web.1\" at Some(\"somewhere\") is no dyno of app shop");
    }
}
