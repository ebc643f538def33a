//! Random moments, from a seed that a failing test shows.

use std::{
    env,
    time::{Duration, SystemTime},
};

/// A stream of random numbers (xorshift); `KEYFERRY_SEED` repeats one.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(name: &str) -> Self {
        let given = env::var("KEYFERRY_SEED").ok().map(|seed| seed.parse().unwrap());
        let seed = given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            u64::from(now.subsec_nanos()) | 1
        });
        eprintln!("{name}: KEYFERRY_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn moment_before(&mut self, end: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_micros(self.0 % u64::try_from(end.as_micros()).unwrap().max(1))
    }
}
