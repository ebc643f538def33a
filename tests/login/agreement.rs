//! What keyferry promised, and what the library said: both must agree, in both directions.

use keyferry_testkit::Assertion;

use crate::cases::{self, Case, Promise};

/// What a library says of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The user is logged in.
    Ok,
    /// The login is refused.
    Failed,
    /// There is no such credential.
    NotFound,
}

/// The word and what a person wants to know about it.
pub(crate) struct Verdict {
    pub(crate) word: Word,
    pub(crate) detail: String,
    /// The sign count to store from now on, where the library gives it.
    pub(crate) new_count: Option<u32>,
}

/// Asks a library about logins; answers each in order.
pub(crate) type Judge<'a> = dyn Fn(&[(&Case, Assertion)]) -> Vec<Verdict> + 'a;

/// Sees to it that all who are promised log in and nobody else, prints the table, and returns how many log in.
pub(crate) fn must_be_whole(source: &str, promises: &[Promise], judge: &Judge<'_>) -> u64 {
    let logins = cases::logins();
    let verdicts = judge(logins);
    assert_eq!((verdicts.len(), promises.len()), (logins.len(), logins.len()));
    let mut table = [[0_u64; 2]; 2];
    let mut broken = Vec::new();
    for (((case, _), promise), verdict) in logins.iter().zip(promises).zip(&verdicts) {
        table[usize::from(promise.logs_in)][usize::from(verdict.word == Word::Ok)] += 1;
        let expected = match (promise.logs_in, promise.is_stored) {
            (true, _) => Word::Ok,
            (false, true) => Word::Failed,
            (false, false) => Word::NotFound,
        };
        let is_counted = verdict.new_count.is_none_or(|count| count == case.login.sign_count);
        if verdict.word != expected || !is_counted {
            let Verdict { word, detail, new_count } = verdict;
            broken.push(format!("{}: {promise:?}, {word:?} {new_count:?} {detail}", case.what));
        }
    }
    println!(
        "{source}: promised and logged in {}, neither {}, promised only {}, logged in only {}",
        table[1][1], table[0][0], table[1][0], table[0][1]
    );
    assert!(broken.is_empty(), "{source}: {} of {}:\n{}", broken.len(), logins.len(), broken.join("\n"));
    assert!(table[0][0] > 0, "a table without a refusal proves nothing");
    table[1][1]
}
