//! Changes a record in place: only the values that differ, everything else as the application left it.

use serde_json::{Map, Value};

/// Carries the differences between two views of a record into the record itself.
pub(crate) fn carry_over(
    record: &mut Map<String, Value>,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) {
    for (name, value) in after {
        match (before.get(name), value) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => match record.get_mut(name) {
                Some(Value::Object(inner)) => carry_over(inner, old, new),
                _ => {
                    record.insert(name.clone(), value.clone());
                }
            },
            _ => {
                record.insert(name.clone(), value.clone());
            }
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        record.shift_remove(name);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_differences_are_carried() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let mut record =
            map(json!({"id": "a", "label": "mine", "inner": {"count": 9, "verified": false}, "old": 1}));
        let before = map(json!({"id": "a", "inner": {"count": 5, "verified": true}, "old": 1}));
        let after = map(json!({"id": "a", "inner": {"count": 7, "verified": true}, "new": [1]}));
        carry_over(&mut record, &before, &after);
        let expected =
            json!({"id": "a", "label": "mine", "inner": {"count": 7, "verified": false}, "new": [1]});
        assert_eq!(Value::Object(record), expected);
    }
}
