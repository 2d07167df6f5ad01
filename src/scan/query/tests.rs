//! Expressions on one film and one song.

use proptest::prelude::*;

use super::{Expression, FIELDS, Kind, Row, Value, number, sort};

fn film() -> Row {
    Row {
        path: "Films/A Film (2020)/A Film.mkv".to_owned(),
        size: 5 << 30,
        codec: Some("hevc".to_owned()),
        height: Some(2160),
        hdr: true,
        audio_channels: Some(6),
        audio_languages: vec!["ger".to_owned(), "eng".to_owned()],
        ..Row::default()
    }
}

fn holds(text: &str) -> bool {
    Expression::parse(text).unwrap_or_else(|why| panic!("{text}: {why}")).holds(&film())
}

#[test]
fn conditions_mean_what_they_say() {
    for text in [
        "height > 1080 and audio_channels > 2",
        "hdr",
        "hdr = yes and not hdr = no",
        "size >= 4G and size < 6G",
        "codec = HEVC",
        "codec != h264",
        "audio_languages = eng",
        "audio_languages != fre",
        "path ~ \"a film (2020)\"",
        "name = 'A Film.mkv'",
        "height < 100 or height = 2160 and hdr",
        "not (height<100 or codec=h264)",
        "title != anything",
    ] {
        assert!(holds(text), "{text}");
    }
    for text in
        ["height <= 1080", "not hdr", "fps > 1", "fps < 1", "title = x", "(hdr or hdr) and codec = av1"]
    {
        assert!(!holds(text), "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_in_words() {
    for (text, word) in [
        ("hight > 3", "hight"),
        ("height", "height"),
        ("height > tall", "tall"),
        ("height ~ 3", "number"),
        ("hdr = maybe", "maybe"),
        ("(hdr", "parenthesis"),
        ("hdr hdr", "too many"),
        ("codec = \"x", "missing"),
        ("", "expected"),
        ("hdr ! hdr", "!="),
    ] {
        let why = Expression::parse(text).expect_err(text);
        assert!(why.contains(word), "{text}: {why}");
    }
    assert!(Expression::parse(&"(".repeat(100_000)).is_err());
    assert!(Expression::parse(&"not ".repeat(100_000)).is_err());
}

#[test]
fn sizes_have_suffixes() {
    assert_eq!(number("4G"), Some(4.0 * 1024.0 * 1024.0 * 1024.0));
    assert_eq!(number("1.5k"), Some(1536.0));
    assert_eq!(number("G"), None);
    assert_eq!(number(""), None);
    assert_eq!(number("ü"), None);
}

#[test]
fn every_field_has_the_value_of_its_kind() {
    let full = Row {
        duration: Some(1.0),
        bitrate: Some(1),
        profile: Some(String::new()),
        width: Some(1),
        fps: Some(1.0),
        bit_depth: Some(8),
        range: Some(String::new()),
        audio_codec: Some(String::new()),
        title: Some(String::new()),
        ..film()
    };
    for (name, kind) in FIELDS {
        let fits = matches!(
            (full.field(name), kind),
            (Value::Number(_), Kind::Number)
                | (Value::Text(_), Kind::Text)
                | (Value::Flag(_), Kind::Flag)
                | (Value::List(_), Kind::List)
        );
        assert!(fits, "{name}");
    }
}

#[test]
fn numbers_come_largest_first_and_files_without_them_last() {
    let row = |path: &str, height| Row { path: path.to_owned(), height, ..Row::default() };
    let mut rows = vec![row("c", None), row("b", Some(720)), row("d", Some(1080)), row("a", Some(720))];
    sort(&mut rows, "height");
    let order: Vec<&str> = rows.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(order, ["d", "a", "b", "c"]);
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in ".{0,200}") {
        if let Ok(expression) = Expression::parse(&text) {
            expression.holds(&film());
        }
    }
    #[test]
    fn no_order_of_words_breaks_the_reader(
        words in proptest::collection::vec(
            prop::sample::select(vec!["height", ">", "1080", "and", "or", "not", "(", ")", "hdr", "=", "codec", "~", "'x y'"]),
            0..40,
        )
    ) {
        if let Ok(expression) = Expression::parse(&words.join(" ")) {
            expression.holds(&film());
        }
    }
}
