//! Language tags: one spelling for the several that files use.

use super::words;
use crate::model::media::Stream;
use crate::model::plan::Lost;
use crate::model::policy::Container;

/// ISO 639-1 and the terminological ISO 639-2 codes, with the bibliographic code that media files use, where these are two.
const CODES: &[(&str, &str, &str)] = &[
    ("bo", "bod", "tib"),
    ("cs", "ces", "cze"),
    ("cy", "cym", "wel"),
    ("de", "deu", "ger"),
    ("el", "ell", "gre"),
    ("eu", "eus", "baq"),
    ("fa", "fas", "per"),
    ("fr", "fra", "fre"),
    ("hy", "hye", "arm"),
    ("is", "isl", "ice"),
    ("ka", "kat", "geo"),
    ("mi", "mri", "mao"),
    ("mk", "mkd", "mac"),
    ("ms", "msa", "may"),
    ("my", "mya", "bur"),
    ("nl", "nld", "dut"),
    ("ro", "ron", "rum"),
    ("sk", "slk", "slo"),
    ("sq", "sqi", "alb"),
    ("zh", "zho", "chi"),
];

/// All others: ISO 639-1, then ISO 639-2.
const SHORT: &str = "\
    aa aar ab abk ae ave af afr ak aka am amh an arg ar ara as asm av ava ay aym az aze ba bak be bel \
    bg bul bi bis bm bam bn ben br bre bs bos ca cat ce che ch cha co cos cr cre cu chu cv chv da dan \
    dv div dz dzo ee ewe en eng eo epo es spa et est ff ful fi fin fj fij fo fao fy fry ga gle gd gla \
    gl glg gn grn gu guj gv glv ha hau he heb hi hin ho hmo hr hrv ht hat hu hun hz her ia ina id ind \
    ie ile ig ibo ii iii ik ipk io ido it ita iu iku ja jpn jv jav kg kon ki kik kj kua kk kaz kl kal \
    km khm kn kan ko kor kr kau ks kas ku kur kv kom kw cor ky kir la lat lb ltz lg lug li lim ln lin \
    lo lao lt lit lu lub lv lav mg mlg mh mah ml mal mn mon mr mar mt mlt na nau nb nob nd nde ne nep \
    ng ndo nn nno no nor nr nbl nv nav ny nya oc oci oj oji om orm or ori os oss pa pan pi pli pl pol \
    ps pus pt por qu que rm roh rn run ru rus rw kin sa san sc srd sd snd se sme sg sag si sin sl slv \
    sm smo sn sna so som sr srp ss ssw st sot su sun sv swe sw swa ta tam te tel tg tgk th tha ti tir \
    tk tuk tl tgl tn tsn to ton tr tur ts tso tt tat tw twi ty tah ug uig uk ukr ur urd uz uzb ve ven \
    vi vie vo vol wa wln wo wol xh xho yi yid yo yor za zha zu zul";

/// The three-letter bibliographic code (`ger`) for `de`, `deu`, `ger` or `de-AT`; anything unknown stays as it is.
/// MP4 can only hold three letters, and a two-letter tag would become `und` there.
pub fn normal(tag: &str) -> String {
    let lower = tag.trim().to_lowercase();
    let primary = lower.split(['-', '_']).next().unwrap_or_default();
    let known = CODES.iter().find(|(short, terminological, bibliographic)| {
        primary == *short || primary == *terminological || primary == *bibliographic
    });
    if let Some((.., bibliographic)) = known {
        return (*bibliographic).to_owned();
    }
    let mut others = SHORT.split(' ');
    match others.find(|code| *code == primary).and(others.next()) {
        Some(long) if primary.len() == 2 => long.to_owned(),
        _ if primary.len() == 3 => primary.to_owned(),
        _ => lower,
    }
}

/// What a tag says besides its language: `BR` of `pt-BR`.
fn detail(tag: &str) -> Option<&str> {
    tag.trim().split_once(['-', '_']).map(|(_, detail)| detail)
}

/// The tag as it is written. In Matroska a detail follows the three letters, as its specification had it before it took a second
/// element for such tags, which ffmpeg neither reads nor writes.
pub fn written(container: Container, stream: &Stream) -> Option<String> {
    let tag = stream.language.as_deref()?;
    let detail = detail(tag).filter(|_| container == Container::Matroska);
    let language = normal(tag);
    Some(detail.map_or_else(|| language.clone(), |detail| format!("{language}-{detail}")))
}

/// What of a stream's tag MP4's three letters cannot say.
pub fn lost(container: Container, stream: &Stream) -> Option<Lost> {
    let tag = stream.language.as_deref().filter(|_| matches!(container, Container::Mp4))?;
    let fits = normal(tag).len() == 3 && detail(tag).is_none();
    (!fits).then(|| Lost {
        source: Some(stream.index),
        what: format!("the language tag «{tag}» of {}", words::stream(stream)),
        why: "MP4 has three letters for it".to_owned(),
    })
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
