//! Which families of video encoders may be used for each codec, and in which order, as people write it: `auto`,
//! `nvenc, software`, `hevc=qsv, auto; h264=software`. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::policy::VideoCodec;

/// Encoders that are reached by one way: a maker's interface, or the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Software,
    Nvenc,
    Qsv,
    Vaapi,
    Amf,
    VideoToolbox,
}

const FAMILIES: [(&str, Family); 6] = [
    ("software", Family::Software),
    ("nvenc", Family::Nvenc),
    ("qsv", Family::Qsv),
    ("vaapi", Family::Vaapi),
    ("amf", Family::Amf),
    ("videotoolbox", Family::VideoToolbox),
];
/// Every family that is not named, in our own order.
const REST: &str = "auto";

/// The families for one codec, the first that works first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Families {
    named: Vec<Family>,
    rest: bool,
}

impl Default for Families {
    fn default() -> Self {
        Self { named: Vec::new(), rest: true }
    }
}

impl Families {
    /// The place of a family in the order, from 0; `None`: not to be used. All that are not named share the last place.
    pub fn place(&self, family: Family) -> Option<usize> {
        self.named.iter().position(|named| *named == family).or(self.rest.then_some(self.named.len()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut families = Self { named: Vec::new(), rest: false };
        for word in text.split(',').map(str::trim) {
            if families.rest {
                return Err(format!("nothing can come after `{REST}`, which is all the others: «{text}»"));
            }
            match FAMILIES.iter().find(|(name, _)| *name == word) {
                _ if word == REST => families.rest = true,
                Some((_, family)) if families.named.contains(family) => {
                    return Err(format!("`{word}` is named twice: «{text}»"));
                }
                Some((_, family)) => families.named.push(*family),
                None => {
                    let known: Vec<&str> = FAMILIES.iter().map(|(name, _)| *name).collect();
                    return Err(format!("«{word}» is no family of encoders: {REST}, {}", known.join(", ")));
                }
            }
        }
        Ok(families)
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |family: &Family| FAMILIES.iter().find(|(_, f)| f == family).map_or("", |(name, _)| *name);
        let words: Vec<&str> = self.named.iter().map(name).chain(self.rest.then_some(REST)).collect();
        f.write_str(&words.join(", "))
    }
}

/// The families for every codec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EncoderChoice {
    any: Families,
    own: BTreeMap<VideoCodec, Families>,
}

impl EncoderChoice {
    /// The families for this codec.
    pub fn of(&self, codec: VideoCodec) -> &Families {
        self.own.get(&codec).unwrap_or(&self.any)
    }
}

impl FromStr for EncoderChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut any, mut own) = (None, BTreeMap::new());
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let is_new = match part.split_once('=') {
                None => any.replace(Families::parse(part)?).is_none(),
                Some((codec, families)) => {
                    let codec = codec.trim();
                    let Some(codec) = VideoCodec::ALL.into_iter().find(|own| own.name() == codec) else {
                        return Err(format!("«{codec}» is no codec that is made here: h264, hevc, av1"));
                    };
                    own.insert(codec, Families::parse(families)?).is_none()
                }
            };
            if !is_new {
                return Err(format!("there are two orders for the same codecs: «{text}»"));
            }
        }
        if any.is_none() && own.is_empty() {
            return Err("no family of encoders is named".to_owned());
        }
        Ok(Self { any: any.unwrap_or_default(), own })
    }
}

impl TryFrom<String> for EncoderChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for EncoderChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (codec, families) in &self.own {
            write!(f, "{}={families}; ", codec.name())?;
        }
        write!(f, "{}", self.any)
    }
}

impl From<EncoderChoice> for String {
    fn from(choice: EncoderChoice) -> Self {
        choice.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_for_all_codecs_and_for_each_and_written_as_they_are_read() {
        for (text, written) in [
            ("auto", "auto"),
            ("nvenc", "nvenc"),
            (" nvenc,software ", "nvenc, software"),
            ("h264=software", "h264=software; auto"),
            ("hevc = qsv , auto; software;", "hevc=qsv, auto; software"),
            ("av1=software;h264=amf;vaapi", "h264=amf; av1=software; vaapi"),
        ] {
            let choice: EncoderChoice = text.parse().expect(text);
            assert_eq!(choice.to_string(), written);
            assert_eq!(written.parse(), Ok(choice));
        }
        for (text, why) in [
            ("", "no family"),
            (";", "no family"),
            ("cuda", "«cuda» is no family of encoders: auto, software, nvenc"),
            ("nvenc,", "«» is no family"),
            ("auto, nvenc", "nothing can come after"),
            ("nvenc, qsv, nvenc", "named twice"),
            ("vp9=software", "«vp9» is no codec"),
            ("nvenc; software", "two orders"),
            ("hevc=nvenc; hevc=qsv", "two orders"),
        ] {
            let said = text.parse::<EncoderChoice>().expect_err(text);
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn a_familys_place_is_that_of_its_codec() {
        let choice: EncoderChoice = "hevc=qsv, auto; software".parse().expect("an order");
        let place = |codec, family| choice.of(codec).place(family);
        assert_eq!(place(VideoCodec::Hevc, Family::Qsv), Some(0));
        assert_eq!(place(VideoCodec::Hevc, Family::Nvenc), Some(1));
        assert_eq!(place(VideoCodec::Hevc, Family::Software), Some(1));
        assert_eq!(place(VideoCodec::H264, Family::Software), Some(0));
        assert_eq!(place(VideoCodec::H264, Family::Qsv), None);
        assert_eq!(EncoderChoice::default().of(VideoCodec::Av1).place(Family::Amf), Some(0));
    }
}
