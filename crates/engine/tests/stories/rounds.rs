//! How long a round over many dynos takes: `cargo test -p engine --release --test stories -- --ignored --nocapture rounds`.

use std::{io::Write, time::Duration};

use domain::Slug;
use engine::{Task, scaling::ScaleChange};

use crate::Story;

const PER_APP: usize = 5;

impl Story {
    /// Another app of five dynos, all of which run.
    async fn app_of_five(&self, name: &str) {
        let app = self.platform.create_app(&self.actor, Some(name), None).await.unwrap();
        let slug = Slug {
            id: self.platform.chance.id(self.platform.clock.now()),
            app: app.id,
            sha256: domain::Sha256([1; 32]),
            diff_id: domain::Sha256([2; 32]),
            bytes: 1,
            stack: app.stack.clone(),
            process_types: domain::Procfile::parse(b"web: x\nworker: y").unwrap(),
            commit: None,
            language: None,
            created_at: self.platform.clock.now(),
        };
        let mut tx = self.platform.store.write().await.unwrap();
        tx.insert_slug(&slug).await.unwrap();
        tx.commit().await.unwrap();
        self.platform.release_slug(&self.actor, name, slug.id, None).await.unwrap();
        let scale = |process_type: &str, quantity: &str| ScaleChange { process_type: process_type.into(), quantity: Some(quantity.into()), size: None };
        self.platform.scale(&self.actor, name, &[scale("web", "3"), scale("worker", "2")]).await.unwrap();
    }

    /// The median of some rounds in which nothing has changed.
    async fn round(&mut self) -> Duration {
        let mut took = Vec::new();
        for _ in 0..21 {
            let began = tokio::time::Instant::now();
            let round = self.formations.run().await;
            took.push(began.elapsed());
            assert_eq!((round.done, round.failed), (0, 0), "nothing is left to do");
        }
        took.sort_unstable();
        took[took.len() / 2]
    }
}

#[tokio::test]
#[ignore = "a benchmark"]
async fn a_round_over_five_thousand_dynos_takes_a_tenth_of_a_second_at_most() {
    let mut story = Story::begin().await;
    let mut apps = 0;
    for asked in [250, 500, 1000] {
        while apps < asked {
            story.app_of_five(&format!("app-{apps}")).await;
            apps += 1;
        }
        story.settle().await;
        assert_eq!(story.runtime.picture().len(), apps * PER_APP);
        let took = story.round().await;
        writeln!(std::io::stderr(), "{apps:>5} apps, {:>5} dynos: {took:.1?} a round", apps * PER_APP).unwrap();
        if cfg!(not(debug_assertions)) && asked == 1000 {
            assert!(took <= Duration::from_millis(100), "{took:?}");
        }
    }
}
