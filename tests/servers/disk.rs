//! A full disk under the table: earlier batches are whole, and the import finishes once there is room.

use std::process::Command;

use keyferry_testkit::servers::Kind;

use crate::{
    flood::{BATCH, LONG, export, finishes, row_of_the_second_batch},
    kill::start,
    site::{Site, until},
    support::Outcome,
};

on_both!(a_full_disk);

/// A small file system in the server's folder; it goes away with the test.
struct Disk {
    path: String,
    with: &'static [&'static str],
}

impl Disk {
    /// As root, or by a sudo that asks for nothing; `None`, with a reason shown, where neither may mount.
    fn mount(site: &Site) -> Option<Self> {
        let path = site.server.folder().join("small").display().to_string();
        let owner = site.server.folder().join("data").display().to_string();
        for with in [&[][..], &["sudo", "-n"][..]] {
            let disk = Self { path: path.clone(), with };
            if disk.run(&["mkdir", "-p", &path])
                && disk.run(&["mount", "-t", "tmpfs", "-o", "size=64m,mode=700", "none", &path])
            {
                assert!(disk.run(&["chown", "--reference", &owner, &path]));
                return Some(disk);
            }
            std::mem::forget(disk); // nothing was mounted
        }
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "a full disk must be tried there");
        eprintln!("left out: no file system can be mounted here");
        None
    }

    /// Fills it up to its last page, or makes room again.
    fn fill(&self) {
        for size in ["bs=64k", "bs=512"] {
            let filler = format!("of={}/filler-{size}", self.path);
            assert!(!self.run(&["dd", "if=/dev/zero", &filler, size]), "there is no end of room");
        }
    }

    fn make_room(&self) {
        assert!(self.run(&["sh", "-c", "rm \"$0\"/filler-*", &self.path]));
    }

    fn run(&self, command: &[&str]) -> bool {
        let words: Vec<_> = self.with.iter().chain(command).collect();
        Command::new(words[0]).args(&words[1..]).output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the server may have files open there.
        self.run(&["umount", "-l", &self.path]);
    }
}

fn a_full_disk(kind: Kind) {
    let Some(site) = Site::alone(kind) else { return };
    let Some(disk) = Disk::mount(&site) else { return };
    site.folder.write("export.csv", export(LONG));
    let schema = keyferry_sql::schema(site.dialect());
    match kind {
        Kind::Postgres => {
            site.sql(&format!("CREATE TABLESPACE small LOCATION '{}'", disk.path));
            site.sql(&format!("ALTER DATABASE {} SET default_tablespace = small", site.database()));
            site.sql(&schema);
        }
        Kind::MySql => {
            let place = format!("ENGINE = InnoDB DATA DIRECTORY = '{}' DEFAULT", disk.path);
            let schema = schema.replacen("ENGINE = InnoDB DEFAULT", &place, 1);
            assert!(schema.contains(&place));
            site.sql(&schema);
        }
    }
    let child = site.while_held(&row_of_the_second_batch(&site), || {
        let mut child = start(&site);
        until(|| {
            assert!(child.try_wait().unwrap().is_none(), "it did not wait for the other session");
            site.rows() == BATCH
        });
        disk.fill();
        child
    });
    let stopped = Outcome::of("import", child.wait_with_output().unwrap()).expect_stopped();
    let told = &stopped.stderr;
    assert!(told.contains("No space left") || told.contains("is full"), "{told}");
    assert!(told.contains("make room and run it again"), "{told}");
    assert!(told.contains("16,384 inserted"), "{told}");
    assert_eq!(site.rows(), BATCH);
    disk.make_room();
    finishes(&site, LONG);
}
