//! A server or an import that is killed in the middle, and what the next run makes of it.

use std::{
    process::Child,
    thread,
    time::{Duration, Instant},
};

use keyferry_testkit::servers::Kind;

use crate::{
    flood::{BATCH, LONG, export, finishes, row_of_the_second_batch, undisturbed},
    random::Random,
    site::{Held, Site, until},
    support::Outcome,
};

on_both!(an_import_at_random_moments, a_server_between_two_batches, a_server_at_a_random_moment);

pub(crate) fn start(site: &Site) -> Child {
    let args = format!("import export.csv --rp-id example.com --to {} --json", site.url);
    site.folder.command().args(args.split_whitespace()).spawn().unwrap()
}

/// Waits for a moment, or for the end of the import if that comes first.
fn wait_for(child: &mut Child, moment: Duration) {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() && started.elapsed() < moment {
        thread::sleep(Duration::from_micros(500));
    }
}

fn stands_whole(site: &Site, count: usize) {
    let rows = site.rows();
    assert!(rows == count || rows.is_multiple_of(BATCH), "{rows} rows are no end of a batch");
}

fn an_import_at_random_moments(kind: Kind) {
    // Rows of several batches, for a few of the moments, and of one, for most of them.
    for (count, moments) in [(LONG, 2), (2000, 18)] {
        let Some(undisturbed) = undisturbed(kind, count) else { return };
        let mut random = Random::new(kind.as_str());
        let site = Site::with(kind, export(count)).unwrap();
        for _ in 0..moments {
            let mut child = start(&site);
            wait_for(&mut child, random.moment_before(undisturbed.took));
            let _ = child.kill(); // SIGKILL; fails if it has just ended
            child.wait().unwrap();
            site.until_free();
            stands_whole(&site, count);
        }
        finishes(&site, count);
    }
}

/// Kills the server under an import, starts it again, and lets a second import finish.
fn killed(mut site: Site, child: Child, count: usize) -> Outcome {
    site.server.kill();
    let stopped = Outcome::of("import", child.wait_with_output().unwrap());
    let Held::Own(server) = &mut site.server else { unreachable!() };
    server.restart();
    stands_whole(&site, count);
    if stopped.code == Some(2) {
        is_true(&site, &stopped, count);
    } else {
        assert_eq!((stopped.code, site.rows()), (Some(0), count), "{}", stopped.shown());
    }
    finishes(&site, count);
    stopped
}

/// Demands that what an import that stopped says of finished batches is what stands in the table.
pub(crate) fn is_true(site: &Site, stopped: &Outcome, count: usize) {
    let told = &stopped.stderr;
    assert_eq!(stopped.stdout, "", "{told}");
    let rows = site.rows();
    let Some((before, _)) = told.split_once(" inserted") else {
        // It had not begun.
        assert_eq!(rows, 0, "{told}");
        return;
    };
    let inserted: usize = before.rsplit(' ').next().unwrap().replace(',', "").parse().unwrap();
    assert!(told.contains("run it again to finish"), "{told}");
    let with_the_last = (inserted + BATCH).min(count);
    let is_open = told.contains("it is not known whether the last");
    assert!(rows == inserted || is_open && rows == with_the_last, "{rows} rows\n{told}");
}

fn a_server_between_two_batches(kind: Kind) {
    let Some(site) = Site::alone(kind) else { return };
    site.folder.write("export.csv", export(LONG));
    site.make_table();
    let child = site.while_held(&row_of_the_second_batch(&site), || {
        let mut child = start(&site);
        until(|| {
            assert!(child.try_wait().unwrap().is_none(), "it did not wait for the other session");
            site.rows() == BATCH
        });
        site.server.kill();
        child
    });
    let stopped = killed(site, child, LONG);
    assert_eq!(stopped.code, Some(2), "{}", stopped.shown());
    let told = &stopped.stderr;
    assert!(told.contains("16,384 inserted") && told.contains("run it again to finish"), "{told}");
}

fn a_server_at_a_random_moment(kind: Kind) {
    const COUNT: usize = 2000;
    let Some(undisturbed) = undisturbed(kind, COUNT) else { return };
    let site = Site::alone(kind).unwrap();
    site.folder.write("export.csv", export(COUNT));
    let moment = Random::new(kind.as_str()).moment_before(undisturbed.took);
    let mut child = start(&site);
    wait_for(&mut child, moment);
    killed(site, child, COUNT);
}
