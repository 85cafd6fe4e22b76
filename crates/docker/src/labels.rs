//! Names and labels: how things in the engine are known to be this installation's, and what they are.

use std::collections::HashMap;

use domain::{AppId, Sha256, StackName};
use jiff::Timestamp;
use ports::runtime::{ContainerKey, ContainerSpec};

pub(crate) const INSTANCE: &str = "mypaas.instance";
pub(crate) const KIND: &str = "mypaas.kind";
pub(crate) const APP: &str = "mypaas.app";
pub(crate) const SLUG: &str = "mypaas.slug";
/// On images made ready, and through them on every container: which stack image (by its digest) they are made of.
pub(crate) const BASE: &str = "mypaas.base";
pub(crate) const PLACE: &str = "mypaas.place";
pub(crate) const SINCE: &str = "mypaas.since";
const APP_NAME: &str = "mypaas.app_name";
const DYNO: &str = "mypaas.dyno";
const GENERATION: &str = "mypaas.generation";
const RELEASE: &str = "mypaas.release";
const ONE_OFF: &str = "mypaas.one_off";
const PORT: &str = "mypaas.port";
const ATTACHED: &str = "mypaas.attached";

pub(crate) type Labels = HashMap<String, String>;

/// What a container, image or volume is for. Containers inherit the labels of their image, so each states its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Dyno,
    /// Becomes a dyno; what it is then stands elsewhere, since labels cannot be changed.
    Spare,
    Sandbox,
    /// A container whose files become an image.
    Preparation,
    StackImage,
    SlugImage,
    Cache,
    Network,
}

impl Kind {
    /// Whether these are the labels of one.
    pub(crate) fn marks(self, labels: &Labels) -> bool {
        labels.get(KIND).is_some_and(|kind| kind == self.word())
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Dyno => "dyno",
            Self::Spare => "spare",
            Self::Sandbox => "sandbox",
            Self::Preparation => "preparation",
            Self::StackImage => "stack-image",
            Self::SlugImage => "slug-image",
            Self::Cache => "cache",
            Self::Network => "network",
        }
    }
}

/// The installation's label value, from which its names are made.
#[derive(Debug, Clone)]
pub(crate) struct Instance(pub(crate) String);

impl Instance {
    pub(crate) fn labels(&self, kind: Kind) -> Labels {
        [(INSTANCE, self.0.as_str()), (KIND, kind.word())].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    /// Finds what [`Self::labels`] marked.
    pub(crate) fn filter(&self, kind: Kind) -> HashMap<String, Vec<String>> {
        let labels = self.labels(kind).into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        HashMap::from([("label".to_owned(), labels)])
    }

    /// Finds everything of this installation.
    pub(crate) fn filter_all(&self) -> HashMap<String, Vec<String>> {
        HashMap::from([("label".to_owned(), vec![format!("{INSTANCE}={}", self.0)])])
    }

    /// Whether these are a spare's, of this installation.
    pub(crate) fn is_spare(&self, labels: &Labels) -> bool {
        labels.get(INSTANCE) == Some(&self.0) && Kind::Spare.marks(labels)
    }

    /// What a dyno's container is called: a name can be had only once, so that no dyno has two.
    pub(crate) fn container(&self, key: &ContainerKey) -> String {
        format!("mypaas-{}-{}-{}", self.0, key.app.tail(), key.dyno)
    }

    /// With preboot, the name of the one that is there beside the first.
    pub(crate) fn second_container(&self, key: &ContainerKey) -> String {
        format!("{}-b", self.container(key))
    }

    pub(crate) fn spare(&self, place: &str) -> String {
        format!("mypaas-{}-spare-{place}", self.0)
    }

    pub(crate) fn sandbox(&self, name: &str) -> String {
        format!("mypaas-{}-build-{name}", self.0)
    }

    pub(crate) fn network(&self) -> String {
        format!("mypaas-{}", self.0)
    }

    /// The repository of an image.
    pub(crate) fn repository(&self, name: &str) -> String {
        format!("mypaas-{}/{name}", self.0)
    }

    pub(crate) fn cache(&self, app: AppId, stack: &StackName) -> String {
        format!("mypaas-{}-cache-{}-{stack}", self.0, app.tail())
    }

    pub(crate) fn dyno_labels(&self, spec: &ContainerSpec, attached: bool) -> Labels {
        let mut labels = self.labels(Kind::Dyno);
        // Whatever the image says about slugs is not about this container.
        let slug = spec.image.slug.as_ref().map(Sha256::to_string).unwrap_or_default();
        let port = spec.port.map(|port| port.to_string()).unwrap_or_default();
        let one_off = attached || !spec.key.dyno.process_type.is_formation();
        labels.extend(
            [
                (APP, spec.key.app.to_string()),
                (APP_NAME, spec.app_name.to_string()),
                (DYNO, spec.key.dyno.to_string()),
                (GENERATION, spec.generation.to_string()),
                (RELEASE, format!("v{}", spec.release)),
                (SLUG, slug),
                (PORT, port),
                (ONE_OFF, one_off.to_string()),
                (ATTACHED, attached.to_string()),
            ]
            .map(|(key, value)| (key.to_owned(), value)),
        );
        labels
    }
}

/// A dyno's container, as its labels tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tagged {
    pub(crate) key: ContainerKey,
    pub(crate) generation: u64,
    pub(crate) one_off: bool,
    /// Someone else reads its output; it has no log.
    pub(crate) attached: bool,
    pub(crate) port: Option<u16>,
    /// Where its files are mounted.
    pub(crate) place: Option<String>,
    /// Since when a container that ran before is this dyno.
    pub(crate) since: Option<Timestamp>,
}

impl Tagged {
    /// `None` if it is no dyno of this installation.
    pub(crate) fn read(instance: &Instance, labels: &Labels) -> Option<Self> {
        let text = |key: &str| labels.get(key).map(String::as_str);
        if text(INSTANCE) != Some(&instance.0) || !Kind::Dyno.marks(labels) {
            return None;
        }
        Some(Self {
            key: ContainerKey { app: text(APP)?.parse().ok()?, dyno: text(DYNO)?.parse().ok()? },
            generation: text(GENERATION)?.parse().ok()?,
            one_off: text(ONE_OFF) == Some("true"),
            attached: text(ATTACHED) == Some("true"),
            port: text(PORT).and_then(|port| port.parse().ok()),
            place: text(PLACE).map(str::to_owned),
            since: text(SINCE).and_then(|since| since.parse().ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use ports::runtime::Image;

    use super::*;

    fn spec(dyno: &str) -> ContainerSpec {
        ContainerSpec {
            key: ContainerKey { app: AppId::new("2026-11-21T00:00:00Z".parse().unwrap(), [7; 10]), dyno: dyno.parse().unwrap() },
            generation: 12,
            app_name: "shop".parse().unwrap(),
            release: 3,
            image: Image { stack: "heroku-24".parse().unwrap(), slug: None },
            command: "true".to_owned(),
            env: vec![("SECRET".to_owned(), "hush".to_owned())],
            limits: domain::DynoSizes::default().limits(&"Basic".parse().unwrap()),
            port: Some(5000),
            beside: None,
        }
    }

    /// Hostile inputs 82.
    #[test]
    fn what_labels_say_is_read_back_and_secrets_are_not_in_them() {
        let ours = Instance("0a1b2c3d".to_owned());
        for (dyno, attached, one_off) in [("web.1", false, false), ("run.4321", false, true), ("run.4321", true, true)] {
            let spec = spec(dyno);
            let labels = ours.dyno_labels(&spec, attached);
            assert!(!format!("{labels:?}").contains("hush"));
            assert_eq!(
                Tagged::read(&ours, &labels),
                Some(Tagged { key: spec.key, generation: 12, one_off, attached, port: Some(5000), place: None, since: None })
            );
            assert_eq!(Tagged::read(&Instance("ffffffff".to_owned()), &labels), None);
        }
        assert_eq!(Tagged::read(&ours, &ours.labels(Kind::Sandbox)), None);
        assert_eq!(ours.container(&spec("web.1").key), "mypaas-0a1b2c3d-070707070707-web.1");
    }
}
