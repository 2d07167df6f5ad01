//! Language tags: one spelling for the several that files use.

/// ISO 639-1 and the terminological ISO 639-2 codes, with the bibliographic code that media files use.
const CODES: &[(&str, &str, &str)] = &[
    ("sq", "sqi", "alb"),
    ("ar", "ara", "ara"),
    ("hy", "hye", "arm"),
    ("eu", "eus", "baq"),
    ("bg", "bul", "bul"),
    ("my", "mya", "bur"),
    ("ca", "cat", "cat"),
    ("zh", "zho", "chi"),
    ("hr", "hrv", "hrv"),
    ("cs", "ces", "cze"),
    ("da", "dan", "dan"),
    ("nl", "nld", "dut"),
    ("en", "eng", "eng"),
    ("et", "est", "est"),
    ("fi", "fin", "fin"),
    ("fr", "fra", "fre"),
    ("ka", "kat", "geo"),
    ("de", "deu", "ger"),
    ("el", "ell", "gre"),
    ("he", "heb", "heb"),
    ("hi", "hin", "hin"),
    ("hu", "hun", "hun"),
    ("is", "isl", "ice"),
    ("id", "ind", "ind"),
    ("it", "ita", "ita"),
    ("ja", "jpn", "jpn"),
    ("ko", "kor", "kor"),
    ("lv", "lav", "lav"),
    ("lt", "lit", "lit"),
    ("mk", "mkd", "mac"),
    ("ms", "msa", "may"),
    ("no", "nor", "nor"),
    ("fa", "fas", "per"),
    ("pl", "pol", "pol"),
    ("pt", "por", "por"),
    ("ro", "ron", "rum"),
    ("ru", "rus", "rus"),
    ("sk", "slk", "slo"),
    ("sl", "slv", "slv"),
    ("sr", "srp", "srp"),
    ("es", "spa", "spa"),
    ("sv", "swe", "swe"),
    ("th", "tha", "tha"),
    ("tr", "tur", "tur"),
    ("uk", "ukr", "ukr"),
    ("vi", "vie", "vie"),
    ("cy", "cym", "wel"),
];

/// The three-letter bibliographic code (`ger`) for `de`, `deu`, `ger` or `de-AT`; anything unknown stays as it is.
/// MP4 can only hold three letters, and a two-letter tag would become `und` there.
pub fn normal(tag: &str) -> String {
    let lower = tag.trim().to_lowercase();
    let primary = lower.split(['-', '_']).next().unwrap_or_default();
    CODES
        .iter()
        .find(|(short, terminological, bibliographic)| {
            primary == *short || primary == *terminological || primary == *bibliographic
        })
        .map_or_else(
            || if primary.len() == 3 { primary.to_owned() } else { lower.clone() },
            |(.., b)| (*b).to_owned(),
        )
}

/// The same language in whatever spelling.
pub fn same(one: &str, other: &str) -> bool {
    normal(one) == normal(other)
}

/// The streams' languages that a setting keeps. Unlabelled streams are kept: nobody knows what they are. A setting that
/// would keep nothing keeps everything.
pub fn keep(wanted: &[String], languages: &[Option<&str>]) -> Vec<bool> {
    let named = |l: Option<&str>| l.is_some_and(|l| wanted.iter().any(|w| same(w, l)));
    if wanted.is_empty() || !languages.iter().copied().any(named) {
        return vec![true; languages.len()];
    }
    languages.iter().map(|l| l.is_none() || named(*l)).collect()
}
