//! `probe`: whether one real login fits an export.

use std::{io::Read as _, path::Path, time::Instant};

use anyhow::{Context as _, bail};
use keyferry_assertion::{
    Assertion, AuthenticatorData, ClientData, Expected, Findings, Flags, Held, Origin, Outcome, Recorded,
    Step, rp_id_of, verify,
};
use keyferry_core::{
    CredentialRecord, DecodeError, Each, Fault, Located, Location, RpId, Shown, Standing, Status,
};

mod report;

use crate::{
    args::{ProbeArgs, SourceArgs, UserHandle},
    describe,
    export::{Export, Row},
    output::{self, number},
    user_handles::Fit,
};
use report::{Mark, Probe};

/// What stands for the RP ID where none is known; it is never shown, and no domain can be it.
const NO_RP_ID: &str = "rp-id.invalid";

/// Probes an export with one login; returns whether all fits.
pub(crate) fn run(args: &ProbeArgs) -> anyhow::Result<bool> {
    let started = Instant::now();
    let recorded = read(&args.assertion, &args.export)?;
    let rp_id = RpIdFound::find(args.rp_id.as_ref(), &recorded);
    let source = SourceArgs {
        export: args.export.clone(),
        checksum: args.checksum,
        rows: args.rows,
        user_handle: UserHandle::None,
        account: args.account,
        rejects: None,
        json: args.json,
        max_unpacked: args.max_unpacked,
    };
    let import_with = match rp_id.import_with() {
        Some(rp_id) => rp_id.clone(),
        None => RpId::parse(NO_RP_ID)?,
    };
    let export = Export::open(&source, import_with)?;
    let mut found = Rows::default();
    let checked = export.check(&mut Each(|row: &Row| found.look_at(row, &recorded.assertion)))?;
    let mut report = Probe::default();
    match (&found.record, &found.refused) {
        (Some(located), _) => {
            let standing = checked.gate.one_file.standing(located.location, &located.value);
            report.row(&found, located, standing);
            report.compare(args, &recorded, &located.value, &rp_id);
        }
        (None, Some((location, faults))) => report.refused(*location, faults),
        (None, None) => {
            report.add(Some(6), "row", Mark::Failed, "not-in-export", "no row has this credential ID")
        }
    }
    if found.record.is_none() {
        report.without_record(&recorded, &rp_id);
    }
    let fits = report.fits();
    let arguments = report.arguments(args, &rp_id);
    describe::notes(&export, &checked.notes);
    if args.json {
        let object = report.to_json(
            &export,
            &checked,
            found.count,
            rp_id.import_with(),
            arguments.as_deref(),
            started.elapsed().as_secs_f64(),
        );
        output::json(object)?;
    } else {
        output::data(&report.to_text(&export, &checked, args, arguments.as_deref()))?;
    }
    hints(args, &recorded, &report);
    Ok(fits)
}

/// Reads the one login.
fn read(path: &Path, export: &Path) -> anyhow::Result<Recorded> {
    let limit = u64::try_from(Recorded::MAX_LENGTH).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let name = Shown(&path.to_string_lossy()).to_string();
    let context = || format!("cannot read the login from {name}");
    if path.as_os_str() == "-" {
        if export.as_os_str() == "-" {
            bail!("the export and the login cannot both be standard input");
        }
        std::io::stdin().lock().take(limit + 1).read_to_end(&mut bytes).with_context(context)?;
    } else {
        let file = std::fs::File::open(path).with_context(context)?;
        file.take(limit + 1).read_to_end(&mut bytes).with_context(context)?;
    }
    Recorded::parse(&bytes).with_context(|| {
        format!("{name} is not one login in the form of PublicKeyCredential.toJSON(); `replay` takes many")
    })
}

/// What is known of the RP ID: the one that was given, and the one that the login was signed for.
struct RpIdFound {
    given: Option<RpId>,
    /// The one of the given, the written down and those of the origin whose hash the authenticator signed.
    signed: Option<RpId>,
}

impl RpIdFound {
    fn find(given: Option<&RpId>, recorded: &Recorded) -> Self {
        let data = AuthenticatorData::parse(&recorded.assertion.authenticator_data);
        let client = ClientData::parse(&recorded.assertion.client_data).ok();
        let signed = data.and_then(|data| {
            let named = given.into_iter().chain(&recorded.rp_id).find(|rp_id| data.is_for(rp_id)).cloned();
            named.or_else(|| rp_id_of(&Origin::parse(&client?.origin)?, &data.rp_id_hash))
        });
        Self { given: given.cloned(), signed }
    }

    /// The one to import with.
    fn import_with(&self) -> Option<&RpId> {
        self.signed.as_ref().or(self.given.as_ref())
    }

    /// The one that the login is verified with: a wrong one that was given has to fail.
    fn expected(&self) -> Option<&RpId> {
        self.given.as_ref().or(self.signed.as_ref())
    }
}

/// The rows that have the credential ID of the login.
#[derive(Default)]
struct Rows {
    count: u64,
    record: Option<Located<CredentialRecord>>,
    refused: Option<(Location, Vec<Fault>)>,
}

impl Rows {
    fn look_at(&mut self, row: &Row, assertion: &Assertion) {
        match row {
            Ok(located) if located.value.credential_id == assertion.credential_id => {
                self.count += 1;
                self.record.get_or_insert_with(|| located.clone());
            }
            Err(DecodeError::Row(row)) if row.credential_id.as_ref() == Some(&assertion.credential_id) => {
                self.count += 1;
                self.refused.get_or_insert_with(|| (row.location, row.faults.clone()));
            }
            Ok(_) | Err(_) => {}
        }
    }
}

impl Probe {
    /// What the file says about the row alone.
    fn row(&mut self, found: &Rows, located: &Located<CredentialRecord>, standing: Standing) {
        self.row = Some(located.location);
        let record = &located.value;
        self.status = Some(match &record.status {
            // Whatever stands in the wrong column may be somebody's name.
            Status::Other(_) => "unknown".to_owned(),
            known => known.to_string(),
        });
        self.algorithm = Some(record.public_key.algorithm().to_string());
        let place = located.location.to_string();
        match standing {
            Standing::Conflict(fault) => {
                self.add(Some(6), "row", Mark::Failed, fault.code.as_str(), fault.message)
            }
            _ if found.refused.is_some() => {
                let message = format!("{place}; another row with this credential ID is refused");
                self.add(Some(6), "row", Mark::Failed, "credential-id-twice", message);
            }
            Standing::First | Standing::Duplicate if found.count > 1 => {
                self.add(
                    Some(6),
                    "row",
                    Mark::Passed,
                    "",
                    format!("{place}, and {} the same", number(found.count - 1)),
                );
            }
            Standing::First | Standing::Duplicate => self.add(Some(6), "row", Mark::Passed, "", place),
        }
        if record.status.is_active() {
            self.add(None, "status", Mark::Passed, "", "active");
        } else {
            let reason = keyferry_core::CannotLogIn::Status(record.status.clone()).to_string();
            self.add(None, "status", Mark::Failed, &reason, "only active credentials can log in");
        }
    }

    fn refused(&mut self, location: Location, faults: &[Fault]) {
        self.row = Some(location);
        for fault in faults {
            let message = format!("{location} is refused: {}", fault.message);
            self.add(Some(6), "row", Mark::Failed, fault.code.as_str(), message);
        }
    }

    /// Compares with the record of the row, step by step.
    fn compare(
        &mut self,
        args: &ProbeArgs,
        recorded: &Recorded,
        record: &CredentialRecord,
        rp_id: &RpIdFound,
    ) {
        let challenge = args.challenge.as_ref().map(|challenge| &challenge.0).or(recorded.challenge.as_ref());
        let expected = Expected {
            rp_id: rp_id.expected(),
            origin: args.origin.as_deref().or(recorded.origin.as_deref()),
            challenge: challenge.map(Vec::as_slice),
            require_user_verification: false,
        };
        let findings = verify(&recorded.assertion, &Held::from(record), &expected);
        self.handle(&recorded.assertion, record);
        let data = AuthenticatorData::parse(&recorded.assertion.authenticator_data);
        for finding in findings.iter() {
            match finding.step {
                // The row was found by it, and the handle is what is asked for.
                Step::CredentialId | Step::UserHandle => continue,
                Step::RpId => self.rp_id(&findings, rp_id),
                _ => {
                    let passed = passed_message(finding.step, data.as_ref(), record);
                    self.finding(finding.step, finding.outcome, passed);
                }
            }
            if finding.step == Step::BackupEligible {
                self.backup_state(data.as_ref(), record);
            }
        }
    }

    fn handle(&mut self, assertion: &Assertion, record: &CredentialRecord) {
        let Some(handle) = &assertion.user_handle else {
            let message = "the login has none: probe one that begins without a user name";
            return self.add(Some(6), "user handle", Mark::Open, "user-handle-absent", message);
        };
        self.has_handle = true;
        self.handle = Fit::find(record, handle);
        match &self.handle {
            None => {
                let message = "no rule gives it, and no identifier of the row stands in it";
                self.add(Some(6), "user handle", Mark::Failed, "user-handle-differs", message);
            }
            Some(fit) => {
                let message = fit.message();
                let (mark, reason) = match fit.flag() {
                    Some(_) => (Mark::Passed, ""),
                    None => (Mark::Failed, "user-handle-encoded"),
                };
                self.add(Some(6), "user handle", mark, reason, message);
            }
        }
    }

    fn rp_id(&mut self, findings: &Findings, rp_id: &RpIdFound) {
        let message = match (&rp_id.given, &rp_id.signed) {
            (Some(given), Some(signed)) if given == signed => signed.to_string(),
            (Some(given), Some(signed)) => format!("not {given}: the authenticator signed for {signed}"),
            (Some(given), None) => {
                format!("not {given}, nor any domain of the origin: give the domain that users saw")
            }
            (None, Some(signed)) => format!("{signed}, the domain of the origin whose hash was signed"),
            (None, None) => "no domain of the origin fits: give one with --rp-id".to_owned(),
        };
        match findings.outcome(Step::RpId) {
            Some(Outcome::Passed) => self.add(Some(15), "RP ID", Mark::Passed, "", message),
            Some(Outcome::Open(reason) | Outcome::Failed(reason)) => {
                self.add(Some(15), "RP ID", Mark::Failed, reason.code(), message);
            }
            None => {}
        }
    }

    fn finding(&mut self, step: Step, outcome: Outcome, passed: String) {
        let (mark, reason, message) = match outcome {
            Outcome::Passed => (Mark::Passed, "", passed),
            // Nobody can say that a login works whose signature was not checked.
            Outcome::Open(reason) if step == Step::Signature => {
                (Mark::Failed, reason.code(), reason.message().to_owned())
            }
            Outcome::Open(reason) => (Mark::Open, reason.code(), reason.message().to_owned()),
            Outcome::Failed(reason) => (Mark::Failed, reason.code(), reason.message().to_owned()),
        };
        self.add(Some(step.number()), step.name(), mark, reason, message);
    }

    /// A state that moved is news and no fault.
    fn backup_state(&mut self, data: Option<&AuthenticatorData>, record: &CredentialRecord) {
        let (Some(data), Some(backup)) = (data, record.backup) else { return };
        let word = |state: bool| if state { "yes" } else { "no" };
        let now = data.flags.backup_state();
        if now == backup.state() {
            self.add(Some(19), "backed up", Mark::Passed, "", format!("{}, as in the export", word(now)));
        } else {
            let message = format!("{} now, {} in the export", word(now), word(backup.state()));
            self.add(Some(19), "backed up", Mark::Open, "backup-state-moved", message);
        }
    }

    /// What can be said without a row: for whom the login was signed.
    fn without_record(&mut self, recorded: &Recorded, rp_id: &RpIdFound) {
        self.has_handle = recorded.assertion.user_handle.is_some();
        match (&rp_id.given, &rp_id.signed) {
            (Some(given), Some(signed)) if given != signed => {
                let message = format!("not {given}: the authenticator signed for {signed}");
                self.add(Some(15), "RP ID", Mark::Failed, "rp-id-differs", message);
            }
            (_, Some(signed)) => self.add(Some(15), "RP ID", Mark::Passed, "", signed.to_string()),
            (_, None) => {
                self.add(Some(15), "RP ID", Mark::Failed, "rp-id-unknown", "no domain of the origin fits");
            }
        }
    }
}

/// What is said of a step that holds.
fn passed_message(step: Step, data: Option<&AuthenticatorData>, record: &CredentialRecord) -> String {
    let flags = data.map(|data| data.flags);
    let text = match step {
        Step::Signature => return format!("made by the exported key, {}", record.public_key.algorithm()),
        Step::AuthenticatorData | Step::ClientData => "can be read",
        Step::Type => "webauthn.get",
        Step::Challenge => "the one that was given",
        Step::Origin => "expected",
        Step::CrossOrigin => "not in a frame of another origin",
        Step::TopOrigin => "none",
        Step::UserPresent | Step::UserVerified => "yes",
        Step::BackupState => "a legal one",
        Step::BackupEligible if flags.is_some_and(Flags::backup_eligible) => "yes, as in the export",
        Step::BackupEligible => "no, as in the export",
        Step::SignCount if data.is_some_and(|data| data.sign_count == 0) => {
            "the authenticator does not count"
        }
        Step::SignCount => "goes up",
        Step::CredentialId | Step::UserHandle | Step::RpId => "the same",
    };
    text.to_owned()
}

fn hints(args: &ProbeArgs, recorded: &Recorded, report: &Probe) {
    let has = |reason: &str| report.checks.iter().any(|check| check.reason == reason);
    if has("challenge-not-ours") && args.challenge.is_none() && recorded.challenge.is_none() {
        output::hint(
            "--challenge with the one that the server had chosen shows that the login is the one you mean",
        );
    }
    if has("sign-count-not-greater") {
        output::hint("a login that is older than the export has a lower count: probe one that is younger");
    }
    if has("user-handle-encoded") {
        output::hint(
            "keep --user-handle none, and let the server find the account by the credential ID, or decode what it gets",
        );
    }
    if has("account-missing") {
        output::hint("--account says which identifier names the account");
    }
    if has("not-in-export") {
        output::hint(
            "probe with a passkey that is older than the export, at the server that the export is from",
        );
    }
}
