//! `replay`: how many recorded logins would succeed with what a target holds.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{BuildHasher as _, RandomState},
    time::Instant,
};

use anyhow::Context as _;
use keyferry_assertion::{AuthenticatorData, Expected, Held, Reason, Recorded, Step, verify};
use keyferry_core::{
    CredentialId, CredentialRecord, Identifier, Profile, RpId, Shown, SignCount, Sink, Status, StoredRecord,
};
use serde_json::{Map, Value, json};

use crate::{
    args::ReplayArgs,
    login_lines::{Line, LoginLines},
    output::{self, columns, number},
};

/// The most logins that are looked up together; each is at most 64 KiB.
const BATCH: usize = 256;
/// The most line numbers that are kept of a reason.
const SHOWN_LINES: usize = 5;
/// What stands for an RP ID that is not known, where a library is asked about a key.
const NO_RP_ID: &str = "rp-id.invalid";

/// Replays logins on a target; returns whether all would have succeeded.
pub(crate) fn run(args: &ReplayArgs) -> anyhow::Result<bool> {
    let started = Instant::now();
    let target = args.to.clone().with_client_settings()?;
    let tables = args.tables.read(&target)?;
    let mut lines = LoginLines::open(&args.assertions)?;
    let mut opened = target.open_for_reading(&tables)?;
    opened.warnings.iter().for_each(|warning| output::say(&format!("warning: {warning}")));
    let mut replay = Replay::new(args)?;
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH {
            let Some(line) = lines.next().context("the replay stopped; nothing was written")? else { break };
            batch.push(line);
        }
        let is_last = batch.len() < BATCH;
        replay.batch(&batch, &mut *opened.sink).context("the replay stopped; nothing was written")?;
        if is_last {
            break;
        }
    }
    if replay.read == 0 {
        anyhow::bail!("there is no login in {}", lines.name());
    }
    let name = target.to_string();
    if args.json {
        output::json(replay.to_json(lines.name(), &name, started.elapsed().as_secs_f64()))?;
    } else {
        output::data(&replay.to_text(lines.name(), &name))?;
    }
    if target.path().is_some_and(|path| !path.exists()) || opened.is_missing {
        output::say(&format!("warning: there is no {name} yet, so it was taken as empty"));
    }
    replay.hints();
    Ok(replay.succeeded == replay.read)
}

/// How often something was seen, and where first.
#[derive(Default)]
struct Seen {
    count: u64,
    lines: Vec<u64>,
}

struct Replay<'a> {
    args: &'a ReplayArgs,
    no_rp_id: RpId,
    hashers: [RandomState; 2],
    /// The counters that logins moved, by two hashes of the credential ID: no login of a synced passkey adds one.
    counters: HashMap<[u64; 2], u32>,
    read: u64,
    succeeded: u64,
    uncheckable: u64,
    /// Those that fail by nothing but a count that the target has already.
    older: u64,
    /// Those whose count is not above that of a login before them in the file, though above that of the target.
    backwards: u64,
    reasons: BTreeMap<String, Seen>,
    open: BTreeMap<&'static str, u64>,
}

impl<'a> Replay<'a> {
    fn new(args: &'a ReplayArgs) -> anyhow::Result<Self> {
        Ok(Self {
            args,
            no_rp_id: RpId::parse(NO_RP_ID)?,
            hashers: [RandomState::new(), RandomState::new()],
            counters: HashMap::new(),
            read: 0,
            succeeded: 0,
            uncheckable: 0,
            older: 0,
            backwards: 0,
            reasons: BTreeMap::new(),
            open: BTreeMap::new(),
        })
    }

    fn batch(&mut self, lines: &[Line], sink: &mut dyn Sink) -> anyhow::Result<()> {
        let ids: BTreeSet<&CredentialId> = lines
            .iter()
            .filter_map(|line| Some(&line.login.as_ref().ok()?.assertion.credential_id))
            .collect();
        let mut stored: HashMap<CredentialId, StoredRecord> = HashMap::new();
        let ids: Vec<_> = ids.into_iter().collect();
        for ids in ids.chunks(sink.batch_size().max(1)) {
            stored.extend(sink.fetch(ids)?.into_iter().map(|record| (record.credential_id.clone(), record)));
        }
        for line in lines {
            self.line(line, &stored, sink.profile());
        }
        Ok(())
    }

    fn line(&mut self, line: &Line, stored: &HashMap<CredentialId, StoredRecord>, profile: &Profile) {
        self.read += 1;
        let reasons = match &line.login {
            Err(error) => BTreeSet::from([error.code().to_owned()]),
            Ok(login) => match stored.get(&login.assertion.credential_id) {
                None => BTreeSet::from(["not-in-target".to_owned()]),
                Some(record) => self.login(login, record, profile),
            },
        };
        if reasons.is_empty() {
            self.succeeded += 1;
        }
        for reason in reasons {
            let seen = self.reasons.entry(reason).or_default();
            seen.count += 1;
            if seen.lines.len() < SHOWN_LINES {
                seen.lines.push(line.number);
            }
        }
    }

    /// Returns why a login would not succeed with this record; none where it would.
    fn login(&mut self, login: &Recorded, stored: &StoredRecord, profile: &Profile) -> BTreeSet<String> {
        let key = [0, 1].map(|at: usize| self.hashers[at].hash_one(&stored.credential_id));
        let moved = self.counters.get(&key).copied().map_or(stored.sign_count, SignCount);
        let held = Held { sign_count: moved.max(stored.sign_count), ..Held::from(stored) };
        let given = self.args.rp_id.as_ref();
        let expected = Expected {
            rp_id: given.or(stored.rp_id.as_ref()).or(login.rp_id.as_ref()),
            origin: login.origin.as_deref(),
            challenge: login.challenge.as_deref(),
            require_user_verification: self.args.require_uv,
        };
        let findings = verify(&login.assertion, &held, &expected);
        let mut reasons: BTreeSet<String> =
            findings.failures().map(|reason| reason.code().to_owned()).collect();
        // The server is set up with one RP ID, and the target's records are bound to another.
        if given.is_some() && stored.rp_id.is_some() && given != stored.rp_id.as_ref() {
            reasons.insert("rp-id-of-target-differs".to_owned());
        }
        let record = as_record(stored, expected.rp_id.unwrap_or(&self.no_rp_id));
        for verdict in [profile.log_in(&record), profile.verifies(&record)] {
            reasons.extend(verdict.err().map(|reason| reason.to_string()));
        }
        for reason in findings.open() {
            *self.open.entry(reason.code()).or_default() += 1;
        }
        if reasons.is_empty() && !findings.would_succeed() {
            self.uncheckable += 1;
            reasons.extend(findings.outcome(Step::Signature).map(|outcome| outcome.code().to_owned()));
        }
        let Some(data) = AuthenticatorData::parse(&login.assertion.authenticator_data) else {
            return reasons;
        };
        if reasons.is_empty() && data.sign_count > 0 {
            // Step 24: only a login that succeeds moves the counter.
            self.counters.insert(key, data.sign_count);
        } else if reasons.contains(Reason::SignCountNotGreater.code()) {
            if data.sign_count > stored.sign_count.0 {
                self.backwards += 1;
            } else if reasons.len() == 1 {
                self.older += 1;
            }
        }
        reasons
    }

    fn failed(&self) -> u64 {
        self.read - self.succeeded - self.uncheckable
    }

    fn hints(&self) {
        if self.older > 0 {
            // Nothing else is wrong with them, so they must not hide how the others do.
            let share = match self.read - self.older {
                0 => String::new(),
                others => format!("; of the others {} % would succeed", percent(self.succeeded, others)),
            };
            output::hint(&format!(
                "{} {} only by a count that the target has already, as logins older than the export do: replay those that \
                 came after it{share}",
                number(self.older),
                if self.older == 1 { "fails" } else { "fail" },
            ));
        }
        if self.backwards > 0 {
            output::hint(
                "some counts are above the target's and not above that of a login before them in the file: lines that are \
                 not in the order of the logins, that stand there twice, or a copied authenticator",
            );
        }
        if self.open.contains_key("rp-id-unknown") {
            output::hint("the target does not hold the RP ID: --rp-id compares it, too");
        }
        if self.reasons.contains_key("not-in-target") {
            output::hint(
                "passkeys that were made after the export are in no target yet, and some targets hold only what can log \
                 in there: `inspect` says which",
            );
        }
        output::hint("nothing was written");
    }

    fn to_text(&self, file: &str, target: &str) -> String {
        let mut text = format!("replay {file} on {target}\n");
        text.push_str(&columns(&[
            ("logins".to_owned(), self.read),
            ("would succeed".to_owned(), self.succeeded),
            ("would fail".to_owned(), self.failed()),
            ("cannot be checked".to_owned(), self.uncheckable),
        ]));
        text.push_str(&format!("\n{} % would succeed\n", percent(self.succeeded, self.read)));
        if !self.reasons.is_empty() {
            text.push_str("\nwhy not\n");
            let width = self.reasons.keys().map(String::len).max().unwrap_or(0);
            let counts = self.reasons.values().map(|seen| number(seen.count).len()).max().unwrap_or(0);
            for (reason, seen) in self.by_count() {
                let lines: Vec<_> = seen.lines.iter().map(u64::to_string).collect();
                let more = if seen.count > SHOWN_LINES.try_into().unwrap_or(u64::MAX) { ", …" } else { "" };
                let word = if seen.count == 1 { "line" } else { "lines" };
                let count = number(seen.count);
                text.push_str(&format!(
                    "  {reason:width$}  {count:>counts$}  {word} {}{more}\n",
                    lines.join(", ")
                ));
            }
        }
        if !self.open.is_empty() {
            let rows: Vec<_> =
                self.open.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
            text.push_str(&format!("\nnot decided here\n{}", columns(&rows)));
        }
        text
    }

    /// The reasons, the most frequent first.
    fn by_count(&self) -> Vec<(&String, &Seen)> {
        let mut list: Vec<_> = self.reasons.iter().collect();
        list.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.count));
        list
    }

    fn to_json(&self, file: &str, target: &str, seconds: f64) -> Map<String, Value> {
        let reasons: Vec<Value> = self
            .by_count()
            .into_iter()
            .map(|(reason, seen)| json!({"reason": reason, "count": seen.count, "lines": seen.lines}))
            .collect();
        let open: Vec<Value> =
            self.open.iter().map(|(reason, count)| json!({"reason": reason, "count": count})).collect();
        let object = json!({
            "command": "replay",
            "source": {"file": file, "logins": self.read},
            "target": target,
            "counts": {
                "read": self.read,
                "would_succeed": self.succeeded,
                "would_fail": self.failed(),
                "uncheckable": self.uncheckable,
            },
            "reasons": reasons,
            "open": open,
            "seconds": (seconds * 1000.0).round() / 1000.0,
        });
        match object {
            Value::Object(object) => object,
            _ => Map::new(),
        }
    }
}

/// A share, rounded down: 100.0 % means all.
fn percent(part: u64, whole: u64) -> String {
    let share = u128::from(part) * 1000 / u128::from(whole.max(1));
    format!("{}.{}", share / 10, share % 10)
}

/// What a target's library is asked about: the record as it stands there.
fn as_record(stored: &StoredRecord, rp_id: &RpId) -> CredentialRecord {
    let stored = stored.clone();
    CredentialRecord {
        credential_id: stored.credential_id,
        public_key: stored.public_key,
        sign_count: stored.sign_count,
        transports: stored.transports,
        uv_initialized: stored.uv_initialized,
        backup: stored.backup,
        aaguid: stored.aaguid,
        authenticator_attachment: stored.authenticator_attachment,
        attestation_format: stored.attestation_format,
        created_at: stored.created_at,
        // A target without a status holds only what can log in.
        status: stored.status.unwrap_or(Status::Active),
        user_id: stored.user_id,
        external_user_id: stored.external_user_id,
        user_handle: stored.user_handle,
        rp_id: stored.rp_id.unwrap_or_else(|| rp_id.clone()),
        account: stored.account.unwrap_or_else(Identifier::of_nobody),
    }
}

/// The file's name as reports show it.
pub(crate) fn shown(path: &std::path::Path) -> String {
    match path.as_os_str() == "-" {
        true => "standard input".to_owned(),
        false => Shown(&path.to_string_lossy()).to_string(),
    }
}
