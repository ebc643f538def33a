//! Connections that break: every run ends with a true message, and the next one finishes.

use keyferry_testkit::servers::Kind;

use crate::{
    flood::{export, finishes, undisturbed},
    kill::is_true,
    proxy::{Cut, Proxy},
    site::Site,
    support::Outcome,
};

on_both!(wherever_it_breaks);

/// The rows of one batch, so that the last commit is the batch's.
const COUNT: usize = 600;

/// An import by way of a proxy that breaks somewhere.
fn through(site: &Site, cut: Cut) -> (Outcome, Proxy) {
    let proxy = Proxy::to(site.server.port(), cut);
    // In plain text, so that the proxy can tell a commit.
    let plain = if site.is_postgres() { "sslmode=disable" } else { "ssl-mode=DISABLED" };
    let url = site.url.replace(&format!(":{}/", site.server.port()), &format!(":{}/", proxy.port));
    (site.folder.carry("import", "export.csv", &format!("{url}?{plain}"), ""), proxy)
}

fn wherever_it_breaks(kind: Kind) {
    let Some(undisturbed) = undisturbed(kind, COUNT) else { return };
    let site = Site::with(kind, export(COUNT)).unwrap();
    let (whole, proxy) = through(&site, Cut::Never);
    assert_eq!(whole.expect(0).count("inserted"), u64::try_from(COUNT).unwrap());
    assert!(site.dump() == undisturbed.dump);
    let (up, down, _) = proxy.went_through();
    // The table stays there from now on, so the bytes are those of a second import into an empty one.
    site.sql("DELETE FROM webauthn_credentials");
    let (_, proxy) = through(&site, Cut::Never);
    let (_, _, commits) = proxy.went_through();
    assert!(commits >= 2, "the proxy sees no commits");

    let mut cuts = vec![Cut::Answer(commits), Cut::Question(commits), Cut::Answer(1), Cut::Question(1)];
    for share in [0, 1, 5, 20, 40, 60, 80, 95, 99] {
        cuts.extend([Cut::Up(up * share / 100), Cut::Down(down * share / 100)]);
    }
    let mut stopped = 0;
    for cut in cuts {
        site.until_free();
        site.sql("DELETE FROM webauthn_credentials");
        let (outcome, _proxy) = through(&site, cut);
        site.until_free();
        match outcome.code {
            Some(0) => assert_eq!(site.rows(), COUNT, "{cut:?}"),
            _ => {
                stopped += 1;
                is_broken(&site, outcome.expect(2), cut, commits);
            }
        }
        finishes(&site, COUNT);
    }
    assert!(stopped > 10, "hardly any connection broke");
}

fn is_broken(site: &Site, outcome: Outcome, cut: Cut, commits: u64) {
    let told = &outcome.stderr;
    let is_named = ["no connection", "no login", "the connection broke", "was lost", "makes no sense"];
    assert!(is_named.iter().any(|words| told.contains(words)), "{cut:?}\n{told}");
    match cut {
        Cut::Answer(number) if number == commits => {
            assert!(told.contains("it is not known whether the last 600 rows were kept"), "{cut:?}\n{told}");
            assert_eq!(site.rows(), COUNT, "the server did what it was told");
        }
        Cut::Question(number) if number == commits => assert_eq!(site.rows(), 0, "{told}"),
        _ => {}
    }
    is_true(site, &outcome, COUNT);
}
