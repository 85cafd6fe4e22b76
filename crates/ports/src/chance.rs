//! One source of chance for everything, so that a seed replays a run.

use std::sync::Mutex;

use domain::ids::Id;
use jiff::Timestamp;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

/// Draws numbers, ids and secrets.
#[derive(Debug)]
pub struct Chance(Mutex<StdRng>);

impl Chance {
    /// Seeded by the operating system: unpredictable, fit for secrets (`StdRng` is a CSPRNG).
    pub fn from_os() -> Self {
        let mut seed = <StdRng as SeedableRng>::Seed::default();
        fill_from_os(&mut seed);
        Self(Mutex::new(StdRng::from_seed(seed)))
    }

    /// Replays the same draws.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// A number in `0..below`; 0 if there is none.
    pub fn below(&self, below: usize) -> usize {
        self.with(|rng| if below == 0 { 0 } else { rng.random_range(0..below) })
    }

    /// Drawn bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        self.with(|rng| {
            let mut bytes = [0; N];
            rng.fill_bytes(&mut bytes);
            bytes
        })
    }

    /// A new id.
    pub fn id<Of>(&self, now: Timestamp) -> Id<Of> {
        Id::new(now, self.bytes())
    }

    /// A secret of 256 bits in hex.
    pub fn secret(&self) -> String {
        self.bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn with<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that draws from the operating system")]
fn fill_from_os(seed: &mut [u8]) {
    rand::rng().fill_bytes(seed);
}
