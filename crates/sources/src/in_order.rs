//! Work on several threads whose results come back in the order of the jobs.

use std::{
    mem,
    ops::{Deref, DerefMut},
    sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    thread,
};

/// Jobs and results that wait at most, for each thread: enough to smooth out both sides.
const WAITING: usize = 2;

/// The results of jobs, in order.
///
/// Jobs are dealt out to the threads in turn and results taken in turn, so no lock and no number is needed. When it is
/// dropped early the threads end with their next job.
pub(crate) struct InOrder<T> {
    threads: Vec<Worker<T>>,
    next: usize,
}

struct Worker<T> {
    results: Receiver<T>,
    used: Sender<T>,
}

impl<T: Default + Send + 'static> InOrder<T> {
    /// Begins: `produce` makes one job after the other on a thread of its own, `work` does them on `threads` more.
    pub(crate) fn start<J: Send + 'static>(
        threads: usize,
        mut produce: impl FnMut() -> Option<J> + Send + 'static,
        work: impl Fn(J) -> T + Clone + Send + 'static,
    ) -> Self {
        let mut jobs: Vec<SyncSender<J>> = Vec::new();
        let mut workers = Vec::new();
        for _ in 0..threads.max(1) {
            let (job_sender, job_receiver) = sync_channel(WAITING);
            let (result_sender, results) = sync_channel(WAITING);
            let (used, used_receiver) = channel();
            let work = work.clone();
            thread::spawn(move || {
                for job in job_receiver {
                    used_receiver.try_iter().for_each(drop);
                    if result_sender.send(work(job)).is_err() {
                        return;
                    }
                }
            });
            jobs.push(job_sender);
            workers.push(Worker { results, used });
        }
        thread::spawn(move || {
            for thread in (0..jobs.len()).cycle() {
                let Some(job) = produce() else { return };
                if jobs[thread].send(job).is_err() {
                    return;
                }
            }
        });
        Self { threads: workers, next: 0 }
    }

    /// Returns the next result; `None` after the last job, and also where a thread has died.
    ///
    /// Whoever asks must know which was the last job: an end that nobody announced is a thread that died.
    pub(crate) fn next(&mut self) -> Option<Lent<T>> {
        let worker = &self.threads[self.next];
        self.next = (self.next + 1) % self.threads.len();
        let result = worker.results.recv().ok()?;
        Some(Lent { result, back: worker.used.clone() })
    }
}

/// A result that goes back to the thread that made it when nobody needs it any more.
///
/// To free memory on another thread than the one that takes it again is dear: it goes from one's cache to the other's.
pub(crate) struct Lent<T: Default> {
    result: T,
    back: Sender<T>,
}

impl<T: Default> Lent<T> {
    /// Holds what no thread has made.
    pub(crate) fn by_nobody(result: T) -> Self {
        Self { result, back: channel().0 }
    }
}

impl<T: Default> Deref for Lent<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.result
    }
}

impl<T: Default> DerefMut for Lent<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.result
    }
}

impl<T: Default> Drop for Lent<T> {
    fn drop(&mut self) {
        let _ = self.back.send(mem::take(&mut self.result)); // where the thread has ended, it is dropped here
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(
        threads: usize,
        count: u32,
        work: impl Fn(u32) -> u32 + Clone + Send + 'static,
    ) -> InOrder<u32> {
        let mut jobs = 0..count;
        InOrder::start(threads, move || jobs.next(), work)
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        for threads in [0, 1, 2, 3] {
            let mut results = numbers(threads, 1000, |job| {
                if job % 7 == 0 {
                    thread::yield_now(); // some take longer than those after them
                }
                2 * job
            });
            let found: Vec<u32> = std::iter::from_fn(|| results.next().map(|result| *result)).collect();
            assert_eq!(found, (0..1000).map(|job| 2 * job).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_thread_that_dies_ends_the_results_early_and_a_drop_ends_the_threads() {
        let mut results = numbers(2, 100, |job| if job == 5 { panic!("on purpose") } else { job });
        assert_eq!(std::iter::from_fn(|| results.next()).count(), 5);
        drop(numbers(2, u32::MAX, |job| job));
    }
}
