//! Keeps the rows of the first pass that a second one may want.

use std::collections::VecDeque;

use keyferry_core::{Foresight, SumNumber};
use keyferry_sources::corbado::Batch;

use crate::{
    export::{Again, Checked, Export, Row},
    spool::{Order, Spool},
};

/// The rows of the first pass, which are not kept before it shows whether anybody may want them.
struct Keeper {
    spool: Spool,
    waiting: VecDeque<Batch>,
}

/// Checks an export as [`Export::check`] does, and keeps its rows for a second pass where there is room for them.
///
/// `foresight` tells which of them that pass may want, if a target is compared as a whole.
pub(crate) fn check_and_keep(
    export: &Export,
    order: Order,
    mut foresight: Option<&mut Foresight>,
    mut each: impl FnMut(&Row),
) -> anyhow::Result<(Checked, Again)> {
    let mut keeper = Keeper { spool: Spool::new(order), waiting: VecDeque::new() };
    let checked = export.check_batches(|batch| {
        batch.as_ref().iter().for_each(&mut each);
        match &mut foresight {
            None => batch.as_ref().iter().for_each(|row| keeper.spool.add(row, SumNumber::NONE)),
            Some(foresight) => {
                foresight.add_batch(batch.as_ref());
                keeper.waiting.push_back(batch);
                keeper.keep_answered(foresight, false);
            }
        }
    })?;
    if let Some(foresight) = foresight {
        foresight.end_batches();
        keeper.keep_answered(foresight, true);
    }
    Ok((checked, keeper.spool.finish().map_or(Again::File, Again::Kept)))
}

impl Keeper {
    /// Keeps what is known to be open.
    fn keep_answered(&mut self, foresight: &mut Foresight, waits: bool) {
        while let Some(numbers) = foresight.answer(waits) {
            let Some(batch) = self.waiting.pop_front() else { return };
            for (row, number) in batch.as_ref().iter().zip(numbers) {
                match number {
                    Some(number) => self.spool.add(row, number),
                    None => self.spool.leave_out(),
                }
            }
        }
    }
}
