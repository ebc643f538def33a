//! Pairs of runs, one of ours and one of the peer's, and what follows from them.

use std::process::Command;

use crate::{
    bench::Bench,
    measure::Run,
    table::{Line, Spread, float},
};

/// Who comes first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Each in turn, so that neither always finds the machine as the other left it.
    Alternating,
    /// The peer, always: it makes what ours works on.
    PeerFirst,
}

/// What of a run is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    Cpu,
    Wall,
}

impl Measure {
    fn of(self, run: &Run) -> f64 {
        match self {
            Self::Cpu => run.cpu,
            Self::Wall => run.wall,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Wall => "wall",
        }
    }
}

/// What two programs took for the same work, round by round.
pub(crate) struct Pairs {
    ours: Vec<Run>,
    peers: Vec<Run>,
}

impl Pairs {
    /// Runs both as often as there are rounds. Each gets the number of the round, prepares, measures and checks.
    pub(crate) fn run(
        bench: &Bench,
        order: Order,
        mut ours: impl FnMut(u32) -> anyhow::Result<Run>,
        mut peer: impl FnMut(u32) -> anyhow::Result<Run>,
    ) -> anyhow::Result<Self> {
        let mut pairs = Self { ours: Vec::new(), peers: Vec::new() };
        for round in 0..bench.rounds {
            let is_ours_first = order == Order::Alternating && round % 2 == 0;
            for is_ours in [is_ours_first, !is_ours_first] {
                match is_ours {
                    true => pairs.ours.push(ours(round)?),
                    false => pairs.peers.push(peer(round)?),
                }
            }
        }
        Ok(pairs)
    }

    /// The ratio of ours to the peer's, with its goal.
    pub(crate) fn line(&self, work: &str, peer: &str, measure: Measure, goal: f64) -> Line {
        let values = |runs: &[Run]| runs.iter().map(|run| measure.of(run)).collect::<Vec<_>>();
        let (ours, peers) = (values(&self.ours), values(&self.peers));
        let ratios = ours.iter().zip(&peers).map(|(ours, peer)| ours / peer);
        Line {
            work: work.to_owned(),
            peer: peer.to_owned(),
            measure: measure.name(),
            unit: "s",
            goal: Some((goal, "times")),
            found: Spread::of(ratios),
            ours: Some(Spread::of(ours).median),
            peers: Some(Spread::of(peers).median),
        }
    }

    /// The peak memory of ours, with its goal in MiB.
    pub(crate) fn memory_line(&self, work: &str, goal: f64) -> Line {
        let found = Spread::of(self.ours.iter().map(|run| float(run.peak_memory) / f64::from(1 << 20)));
        let peers = Spread::of(self.peers.iter().map(|run| float(run.peak_memory) / f64::from(1 << 20)));
        Line { peers: Some(peers.median), ..Line::absolute(work, "peak memory", "MiB", goal, found) }
    }
}

/// Lets the disk come to rest, so that no run pays for what an earlier one left to be written.
pub(crate) fn rest() -> anyhow::Result<()> {
    anyhow::ensure!(Command::new("sync").status()?.success(), "sync failed");
    Ok(())
}
