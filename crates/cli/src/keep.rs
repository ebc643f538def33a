//! Keeps the rows of the first pass that a second one may want.

use std::collections::VecDeque;

use keyferry_core::{Foresight, Onlooker, SumNumber};
use keyferry_sources::corbado::Batch;

use crate::{
    export::{Again, Checked, Export, Row},
    spool::{Order, Spool, Spooled},
};

/// Checks an export and keeps its rows for a second pass, where there is room for them.
///
/// `foresight` tells which of them that pass may want, if a target is compared as a whole; `each` sees all of them.
pub(crate) fn check_and_keep(
    export: &Export,
    order: Order,
    foresight: Option<&mut Foresight>,
    each: impl FnMut(&Row),
) -> anyhow::Result<(Checked, Again)> {
    let mut keeper = Keeper { each, foresight, spool: Spool::new(order), waiting: VecDeque::new() };
    let checked = export.check(&mut keeper)?;
    Ok((checked, keeper.finish().map_or(Again::File, Again::Kept)))
}

/// Keeps rows as soon as it shows that somebody may want them.
struct Keeper<'f, F> {
    each: F,
    foresight: Option<&'f mut Foresight>,
    spool: Spool,
    /// Those of which the target is asked.
    waiting: VecDeque<Batch>,
}

impl<F: FnMut(&Row)> Onlooker<Batch> for Keeper<'_, F> {
    fn see(&mut self, row: &Row) {
        (self.each)(row);
        let number = match &mut self.foresight {
            Some(foresight) => foresight.add(row),
            None => Some(SumNumber::NONE),
        };
        if let Some(number) = number {
            self.spool.add(row, number);
        }
    }

    fn take(&mut self, batch: Batch) {
        if self.foresight.as_mut().is_some_and(|foresight| foresight.end_batch()) {
            self.waiting.push_back(batch);
            self.keep_answered();
        }
    }
}

impl<F> Keeper<'_, F> {
    fn keep_answered(&mut self) {
        let Some(foresight) = &mut self.foresight else { return };
        while let Some(numbers) = foresight.answer() {
            let Some(batch) = self.waiting.pop_front() else { return };
            for (row, number) in batch.as_ref().iter().zip(numbers) {
                match number {
                    Some(number) => self.spool.add(row, number),
                    None => self.spool.leave_out(),
                }
            }
        }
        if foresight.is_over() {
            self.spool.end_unless_whole();
        }
    }

    fn finish(mut self) -> Option<Spooled> {
        if let Some(foresight) = &mut self.foresight {
            foresight.end_batches();
        }
        self.keep_answered();
        self.spool.finish()
    }
}
