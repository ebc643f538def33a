//! `plan`, `import` and `verify`.

use std::time::Instant;

use anyhow::{Context as _, bail};
use keyferry_core::{
    Foreseen, Foresight, KnownModuli, Mode, Report, Run, SearchedModuli, UserHandleRule, foresee, transfer,
    transfer_open,
};

use crate::{
    args::TransferArgs,
    describe,
    export::{Again, Checked, Export, Row},
    files, json,
    keep::check_and_keep,
    output,
    progress::Progress,
    rejects::Rejects,
    spool::Order,
    tables::Tables,
    targets::Target,
};

/// Carries an export to a target; returns whether no row was refused or in conflict.
pub(crate) fn run(mode: Mode, args: &TransferArgs) -> anyhow::Result<bool> {
    let started = Instant::now();
    let name = match mode {
        Mode::Plan => "plan",
        Mode::Apply => "import",
        Mode::Verify => "verify",
    };
    let target = args.to.clone().with_client_settings()?;
    let tables = args.tables.read(&target)?;
    if let Some(path) = target.path() {
        files::refuse_same(path, &args.source.export, "the export")?;
    }
    let rejects = match &args.source.rejects {
        Some(path) => {
            if let Some(target) = target.path() {
                files::refuse_same(path, target, "the target")?;
            }
            Some(Rejects::prepare(path, &args.source.export)?)
        }
        None => None,
    };
    // The lock comes before the long first pass, so that a second import is told at once.
    let mut lock = if mode == Mode::Apply { Some(target.lock(&tables)?) } else { None };
    let export = Export::open(&args.source, args.rp_id.clone())?;
    let Looked { checked, again, mut foreseen, moduli } = look(mode, args, &target, &tables, &export)?;

    let mut report = Report::default();
    let mut is_missing = false;
    // Where a file of records holds just what would be written, nothing is left to find out about it.
    if target.is_database() || !foreseen.as_ref().is_some_and(Foreseen::is_same) {
        let mut opened = moduli.known(|| match lock.take() {
            Some(lock) => target.open_for_writing(&tables, lock),
            None => target.open_for_reading(&tables),
        })?;
        drop(moduli);
        opened.warnings.iter().for_each(|warning| output::say(&format!("warning: {warning}")));
        is_missing = opened.is_missing;
        let sink = &mut *opened.sink;
        let run = Run { mode, authority: args.authority.into() };
        let gate = &checked.gate;
        let carried = export.read_again(verb(mode), again, |rows| match &mut foreseen {
            Some(foreseen) => transfer_open(rows, foreseen, gate, sink, run, &mut report, |_| {}),
            None => transfer(rows, gate, sink, run, &mut report, |_| {}),
        })?;
        let all = gate.rows;
        let foreseen = foreseen.as_ref().map_or(0, |foreseen| all.saturating_sub(foreseen.rows()));
        carried.map_err(output::unboxed).with_context(|| interrupted(mode, &report, foreseen))?;
    }
    let mut report = match foreseen {
        Some(foreseen) => foreseen.report(report),
        None => report,
    };
    // What contradicts in the file is found before what contradicts the target; people read by row.
    report.faults.sort_by_key(|entry| entry.location);
    if !report.counts.add_up() || report.counts.read != checked.gate.rows {
        bail!(
            "rows are not accounted for: {:?}, {} rows in the file; this is a bug",
            report.counts,
            checked.gate.rows
        );
    }
    describe::notes(&export, &checked.notes);
    let name_of_target = target.to_string();
    if args.source.json {
        let object = json::object(
            name,
            &export,
            &checked,
            Some(&name_of_target),
            &report,
            started.elapsed().as_secs_f64(),
        );
        output::json(object).with_context(|| finished(mode, &report))?;
    } else {
        let text = format!(
            "{}\n{name} to {name_of_target}, RP ID {}\n{}{}{}",
            describe::source(&export, &checked),
            args.rp_id,
            if mode == Mode::Verify { describe::comparison(&report) } else { describe::counts(&report) },
            describe::limits(&report),
            describe::faults(&report),
        );
        output::data(&text).with_context(|| finished(mode, &report))?;
    }
    if let Some(rejects) = rejects {
        rejects.write(&export, &report).with_context(|| finished(mode, &report))?;
    }
    hints(mode, args, &target, is_missing, &report);
    Ok(report.is_clean())
}

/// What is known after the first pass over the file.
struct Looked {
    checked: Checked,
    again: Again,
    /// What was seen of the target meanwhile.
    foreseen: Option<Foreseen>,
    moduli: KnownModuli,
}

/// Checks the file, and compares it as a whole with what the target holds where that can be done.
fn look(
    mode: Mode,
    args: &TransferArgs,
    target: &Target,
    tables: &Tables,
    export: &Export,
) -> anyhow::Result<Looked> {
    // A file of records keeps the order of the export; a table has an index on the IDs.
    let order = if target.is_database() { Order::OfIds } else { Order::OfFile };
    // A file of records is checked whole when it is opened, and holds most keys of the export as a rule.
    let mut moduli = target.has_records().then(SearchedModuli::default);
    let each = |row: &Row| {
        if let (Some(moduli), Ok(located)) = (&mut moduli, row) {
            moduli.add(&located.value.public_key);
        }
    };
    let print = target.print();
    let survey = match (target.survey(tables), mode) {
        // Whoever has the lock is told what is wrong when the target is opened to be written.
        (Err(_), Mode::Apply) => None,
        (survey, _) => survey?,
    };
    let ((checked, again), foreseen) = match survey {
        None => (check_and_keep(export, order, None, each)?, None),
        Some(survey) => {
            let check = |foresight: &mut Foresight| check_and_keep(export, order, Some(foresight), each);
            let mut progress = None;
            foresee(survey, Run { mode, authority: args.authority.into() }, check, |shown, of| {
                progress.get_or_insert_with(|| Progress::start("comparing", of)).at(shown, shown);
            })?
        }
    };
    // Without the rows of the first pass all of them are looked up, and in another file, too.
    let is_good = matches!(again, Again::Kept(_)) && target.is_still(print);
    let foreseen = foreseen.filter(|foreseen| is_good && foreseen.is_of(&checked.gate));
    let again = again.only_open(foreseen.as_ref());
    let moduli = moduli.map(SearchedModuli::complete).unwrap_or_default();
    Ok(Looked { checked, again, foreseen, moduli })
}

fn verb(mode: Mode) -> &'static str {
    match mode {
        Mode::Plan => "planning",
        Mode::Apply => "importing",
        Mode::Verify => "verifying",
    }
}

/// Says that the work itself was done when only the account of it failed.
fn finished(mode: Mode, report: &Report) -> String {
    match mode {
        Mode::Apply => format!(
            "the import is complete ({} inserted, {} updated, {} removed), but not all of its report could be written",
            output::number(report.counts.inserted),
            output::number(report.counts.updated),
            output::number(report.counts.removed),
        ),
        Mode::Plan | Mode::Verify => {
            "nothing was changed, but not all of the report could be written".to_owned()
        }
    }
}

/// Says what stands in the target after a run that stopped half-way.
///
/// So many rows besides those of the report stand there as they should.
fn interrupted(mode: Mode, report: &Report, foreseen: u64) -> String {
    let counts = report.counts;
    match mode {
        Mode::Plan => "the plan stopped; nothing was written".to_owned(),
        Mode::Verify => "the comparison stopped".to_owned(),
        Mode::Apply => format!(
            "the import stopped after {} of its rows: {} inserted, {} updated, {} removed in finished batches \
             (a file target is as it was); run it again to finish",
            output::number(counts.read + foreseen),
            output::number(counts.inserted),
            output::number(counts.updated),
            output::number(counts.removed),
        ),
    }
}

fn hints(mode: Mode, args: &TransferArgs, target: &Target, is_missing: bool, report: &Report) {
    if let Some(path) = args.source.rejects.as_ref().filter(|_| !report.is_clean()) {
        let rows = output::number(report.counts.refused + report.counts.conflict);
        let path = keyferry_core::Shown(&path.to_string_lossy()).to_string();
        output::hint(&format!("{rows} rows are in {path}; what can be mended there can be fed in again"));
    }
    if mode != Mode::Apply && target.path().is_some_and(|path| !path.exists()) {
        output::say(&format!("warning: there is no {target} yet, so it was taken as empty"));
    } else if mode != Mode::Apply && is_missing {
        output::say(&format!("warning: there is no table in {target} yet, so it was taken as empty"));
    }
    let rule: UserHandleRule = args.source.user_handle.into();
    if mode != Mode::Verify && rule == UserHandleRule::None {
        output::hint(
            "records carry no user handle; logins without a user name may need one: \
             see --user-handle, and compare with the userHandle of one real login",
        );
    }
    if mode == Mode::Plan {
        output::hint("nothing was written; the same arguments with `import` do it");
    }
    if mode == Mode::Apply && report.is_clean() {
        output::hint("the same arguments with `verify` read everything back and compare it");
    }
    if !report.is_clean() && mode == Mode::Verify {
        output::hint("the same arguments with `plan` say what an import would do about the differences");
    } else if !report.is_clean() && args.source.rejects.is_none() {
        output::hint(
            "--rejects FILE writes these rows to a file; what can be mended there can be fed in again",
        );
    }
    if report.faults_left_out > 0 {
        let left_out = output::number(report.faults_left_out);
        output::say(&format!(
            "warning: {left_out} more faults were counted but are not listed; mend these first"
        ));
    }
}
