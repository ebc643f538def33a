//! `generate`: a synthetic export.

use anyhow::Context as _;
use keyferry_core::Shown;
use keyferry_testkit::Generator;

use crate::{args::GenerateArgs, output, progress::Progress};

/// Writes the export and what belongs to it, and names the files.
pub(crate) fn run(args: &GenerateArgs) -> anyhow::Result<bool> {
    let generator =
        Generator::new(args.rows, args.seed, args.rp_id.as_str()).with_assertions(!args.no_assertions);
    let progress = Progress::start("generating", args.rows);
    let files = generator
        .write_with_progress(&args.out, |rows| progress.at(rows, rows))
        .context("cannot write the synthetic export")?;
    progress.finish();
    let mut text = format!(
        "{}\n  {} rows, made up\n  {}\n",
        name(&files.export),
        output::number(files.rows),
        files.checksum
    );
    for (path, what) in [(&files.keys, "private test keys"), (&files.assertions, "assertions signed by them")]
    {
        if let Some(path) = path {
            text.push_str(&format!("{}\n  {what}\n", name(path)));
        }
    }
    output::data(&text)?;
    Ok(true)
}

fn name(path: &std::path::Path) -> String {
    Shown(&path.to_string_lossy()).to_string()
}
