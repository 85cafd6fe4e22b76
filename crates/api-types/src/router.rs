//! `/mypaas/router/…`: what the control plane and a router in a process of its own say to each other. Not Heroku's.

use serde::{Deserialize, Serialize};

/// One line of `GET /mypaas/router/routes`, which never ends: the whole table as it is now, or a sign of life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterUpdate {
    /// Every route there is. None: nothing has changed, and the control plane lives.
    pub routes: Option<Vec<RouterRoute>>,
}

/// An app as a router sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterRoute {
    /// The app's id.
    pub app: String,
    /// The app's name.
    pub name: String,
    /// Lower case; `*.example.com` stands for every name below `example.com`.
    pub hosts: Vec<String>,
    pub maintenance: bool,
    /// Nothing was ever deployed.
    pub blank: bool,
    /// Its operator lets nobody in.
    #[serde(default)]
    pub suspended: Option<RouterSuspension>,
    /// Those that a router knows of, by name.
    pub features: Vec<String>,
    pub error_page: Option<String>,
    pub maintenance_page: Option<String>,
    pub dynos: Vec<RouterDyno>,
}

/// A web dyno as a router sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterDyno {
    /// `web.1`
    pub name: String,
    /// `10.1.2.3:5000`; none before it has an address.
    pub address: Option<String>,
    pub state: RouterDynoState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RouterDynoState {
    Up,
    Starting,
    Crashed,
    Asleep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouterSuspension {
    QuotaExhausted,
    PlannedDegradation,
}

/// The body of `POST /mypaas/router/reports`: what became of requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterReport {
    /// For the apps' logs, in their order.
    pub lines: Vec<RouterLine>,
    /// Ids of apps whose web dynos sleep while a request waits for them.
    pub awaited: Vec<String>,
    /// Lines that were given up since the last report: there were too many while the control plane was away.
    pub lost: u64,
}

/// One `heroku[router]` line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterLine {
    /// The app's id.
    pub app: String,
    /// To the microsecond.
    pub at: String,
    pub text: String,
}
