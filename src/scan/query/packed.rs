//! Rows as bytes: many small files' worth of answers are read in one go, without JSON. Pure.
//!
//! A version byte, then row after row; numbers as LEB128, texts with their length in front. Bytes of another version, or
//! that end in the middle, give no rows: they are only this machine's own copy of what lies on the share.

use super::Row;

const VERSION: u8 = 1;

/// Packs a folder's rows; their paths are names within it.
pub fn pack<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<u8> {
    let mut out = vec![VERSION];
    for row in rows {
        text(&mut out, &row.path);
        number(&mut out, row.size);
        number(&mut out, zigzag(row.modified));
        float(&mut out, row.duration);
        optional(&mut out, row.bitrate);
        text(&mut out, &row.container);
        optional_text(&mut out, row.codec.as_deref());
        optional_text(&mut out, row.profile.as_deref());
        optional(&mut out, row.width.map(u64::from));
        optional(&mut out, row.height.map(u64::from));
        float(&mut out, row.fps);
        optional(&mut out, row.bit_depth.map(u64::from));
        number(&mut out, u64::from(row.hdr));
        optional_text(&mut out, row.range.as_deref());
        optional_text(&mut out, row.audio_codec.as_deref());
        optional(&mut out, row.audio_channels.map(u64::from));
        number(&mut out, row.audio_tracks as u64);
        list(&mut out, &row.audio_languages);
        number(&mut out, row.subtitles as u64);
        list(&mut out, &row.subtitle_languages);
        optional_text(&mut out, row.title.as_deref());
    }
    out
}

/// Calls `each` with every row; false where the bytes are not ours.
pub fn unpack(bytes: &[u8], mut each: impl FnMut(Row)) -> bool {
    let Some((&VERSION, rest)) = bytes.split_first() else { return false };
    let mut reader = Reader(rest);
    while !reader.0.is_empty() {
        match reader.row() {
            Some(row) => each(row),
            None => return false,
        }
    }
    true
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// 0: none; else one more than the number.
fn optional(out: &mut Vec<u8>, value: Option<u64>) {
    number(out, value.map_or(0, |value| value.saturating_add(1)));
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn optional_text(out: &mut Vec<u8>, value: Option<&str>) {
    match value {
        None => out.push(0),
        Some(value) => {
            number(out, value.len() as u64 + 1);
            out.extend_from_slice(value.as_bytes());
        }
    }
}

fn float(out: &mut Vec<u8>, value: Option<f64>) {
    match value {
        None => out.push(0),
        Some(value) => {
            out.push(1);
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

fn list(out: &mut Vec<u8>, items: &[String]) {
    number(out, items.len() as u64);
    for item in items {
        text(out, item);
    }
}

struct Reader<'a>(&'a [u8]);

#[expect(
    clippy::option_option,
    reason = "the outer one is the end of the bytes, the inner one a value that is not there"
)]
impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self, length: u64) -> Option<String> {
        let (text, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(std::str::from_utf8(text).ok()?.to_owned())
    }

    fn text(&mut self) -> Option<String> {
        let length = self.number()?;
        self.bytes(length)
    }

    fn optional(&mut self) -> Option<Option<u64>> {
        Some(self.number()?.checked_sub(1))
    }

    fn optional_text(&mut self) -> Option<Option<String>> {
        match self.number()? {
            0 => Some(None),
            length => Some(Some(self.bytes(length - 1)?)),
        }
    }

    fn small<T: TryFrom<u64>>(&mut self) -> Option<Option<T>> {
        match self.optional()? {
            None => Some(None),
            Some(value) => Some(Some(T::try_from(value).ok()?)),
        }
    }

    fn float(&mut self) -> Option<Option<f64>> {
        if self.byte()? == 0 {
            return Some(None);
        }
        let (bytes, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(Some(f64::from_le_bytes(*bytes)))
    }

    fn list(&mut self) -> Option<Vec<String>> {
        let length = self.number()?;
        // Each item takes a byte at least: no length is believed further than that.
        if length > self.0.len() as u64 {
            return None;
        }
        (0..length).map(|_| self.text()).collect()
    }

    fn row(&mut self) -> Option<Row> {
        Some(Row {
            path: self.text()?,
            size: self.number()?,
            modified: {
                let value = self.number()?;
                (value >> 1) as i64 ^ -((value & 1) as i64)
            },
            duration: self.float()?,
            bitrate: self.optional()?,
            container: self.text()?,
            codec: self.optional_text()?,
            profile: self.optional_text()?,
            width: self.small()?,
            height: self.small()?,
            fps: self.float()?,
            bit_depth: self.small()?,
            hdr: self.number()? != 0,
            range: self.optional_text()?,
            audio_codec: self.optional_text()?,
            audio_channels: self.small()?,
            audio_tracks: usize::try_from(self.number()?).ok()?,
            audio_languages: self.list()?,
            subtitles: usize::try_from(self.number()?).ok()?,
            subtitle_languages: self.list()?,
            title: self.optional_text()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let one = (
            (".{0,20}", any::<u64>(), any::<i64>(), proptest::option::of(-1e9..1e9f64)),
            (proptest::option::of(0..u64::MAX - 1), ".{0,9}", proptest::option::of(".{0,9}"), any::<bool>()),
            (
                proptest::option::of(any::<u32>()),
                proptest::option::of(any::<u8>()),
                0..99usize,
                proptest::collection::vec(".{0,4}", 0..4),
            ),
        );
        let row =
            one.prop_map(|((path, size, modified, duration), (bitrate, container, codec, hdr), rest)| {
                let (width, bit_depth, subtitles, subtitle_languages) = rest;
                let title = codec.clone();
                Row {
                    path,
                    size,
                    modified,
                    duration,
                    bitrate,
                    container,
                    codec,
                    width,
                    bit_depth,
                    hdr,
                    subtitles,
                    subtitle_languages,
                    title,
                    ..Row::default()
                }
            });
        proptest::collection::vec(row, 0..5)
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(rows in rows()) {
            let mut back = Vec::new();
            prop_assert!(unpack(&pack(&rows), |row| back.push(row)));
            prop_assert_eq!(rows, back);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut all = vec![VERSION];
            all.extend(bytes);
            unpack(&all, drop);
        }

        #[test]
        fn a_cut_is_noticed_or_ends_between_rows(rows in rows(), cut in any::<proptest::sample::Index>()) {
            let bytes = pack(&rows);
            let mut back = Vec::new();
            unpack(&bytes[..cut.index(bytes.len())], |row| back.push(row));
            prop_assert_eq!(&rows[..back.len()], &back[..]);
        }
    }
}
