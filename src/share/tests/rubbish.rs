//! Whatever lies under our names on the share, reading it neither panics nor runs away, and takes nothing from others.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::key::Stamp;
use crate::share::{cache, layout, record, results, wishes};

/// JSON of any shape, with our own field names among its keys.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("mbx".to_owned()),
        Just("mbx_facts".to_owned()),
        Just("file_name".to_owned()),
        Just("file_size".to_owned()),
        Just("file_mtime".to_owned()),
        Just("stamp".to_owned()),
        Just("at".to_owned()),
        Just("timestamp".to_owned()),
        Just("hostname".to_owned()),
        Just("media".to_owned()),
        ".{0,6}",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Bytes near the truth: JSON that was cut and had bytes changed, or none at all.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let damaged = (value(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>(), 0..4u8)
        .prop_map(|(value, at, cut, byte, how)| {
            let mut text = serde_json::to_vec(&value).expect("it is written");
            let length = text.len();
            if how & 1 == 1 {
                text[at.index(length)] = byte;
            }
            if how & 2 == 2 {
                text.truncate(cut.index(length));
            }
            text
        });
    prop_oneof![4 => damaged, 1 => proptest::collection::vec(any::<u8>(), 0..300)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_a_cache_that_is_read_and_that_others_can_go_on_with(bytes in bytes()) {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("a.mkv"), b"1234567").expect("written");
        let path = dir.path().join(layout::CACHE_NAME);
        std::fs::write(&path, &bytes).expect("written");
        let stamp = Stamp { size: 7, sec: 5, nsec: 0 };
        let before = cache::read(dir.path());
        let _ = (before.memo("a.mkv", &stamp), before.facts("a.mkv", &stamp));
        let facts = Some(cache::Facts { by: "b".to_owned(), media: crate::model::media::MediaInfo::default() });
        let addition = cache::Addition { name: "a.mkv".to_owned(), stamp, memo: None, facts };
        prop_assert!(cache::add(dir.path(), &[addition]).expect("nothing is in the way"));
        let after = cache::read(dir.path());
        prop_assert!(after.fault.is_none(), "{:?}", after.fault);
        prop_assert!(after.has_facts("a.mkv", &stamp));
        if before.fault.is_some() {
            // Nobody's bytes are thrown away.
            let aside = std::fs::read_dir(dir.path()).expect("listed").flatten().map(|entry| entry.path());
            let kept = aside.filter(|path| path.to_string_lossy().contains(".bad-"));
            prop_assert!(kept.map(|path| std::fs::read(path).expect("read")).any(|kept| kept == bytes));
        }
    }

    #[test]
    fn any_bytes_are_a_lock_or_none(bytes in bytes()) {
        let _ = (record::lock(&bytes), record::Commit::parse(&bytes));
    }

    #[test]
    fn any_line_is_a_result_or_none(line in ".{0,600}", bytes in bytes()) {
        let mut policies = HashMap::new();
        let _ = results::parse(&line, &mut policies);
        let _ = results::parse(&String::from_utf8_lossy(&bytes), &mut policies);
        prop_assert!(policies.is_empty(), "only whole lines are remembered");
    }

    #[test]
    fn any_bytes_are_a_wish_inside_the_library_or_none(bytes in bytes()) {
        let dir = tempfile::tempdir().expect("a folder");
        wishes::add(dir.path(), dir.path()).expect("added");
        let folder = layout::wishes(dir.path());
        std::fs::write(folder.join(format!("{}.json", layout::new_token())), &bytes).expect("written");
        for wish in wishes::list(dir.path()).expect("listed") {
            if let Some(place) = wish.place(dir.path()) {
                prop_assert!(place.starts_with(dir.path()));
            }
        }
    }
}
