//! Tags that ffmpeg does not write into M4A (ReplayGain, labels, the numbers of music databases), as iTunes' freeform atoms,
//! which is where players and other taggers keep them.

use std::collections::BTreeMap;
use std::path::Path;

use mp4ameta::ident::{APPLE_ITUNES_MEAN, FreeformIdent};
use mp4ameta::{Data, ReadConfig, Tag, WriteConfig};

use super::{Halt, io_halt};
use crate::model::outcome::FailCode;
use crate::sys;

/// Adds them to what the file has. Its chapters and its sound are not touched.
pub fn add(stage: &Path, tags: &BTreeMap<&str, &str>) -> Result<(), Halt> {
    const READ: ReadConfig = ReadConfig { read_meta_items: true, read_image_data: true, ..ReadConfig::NONE };
    const WRITE: WriteConfig = WriteConfig { write_meta_items: true, ..WriteConfig::NONE };
    if tags.is_empty() {
        return Ok(());
    }
    let mut file = sys::fs::open_ours(stage).map_err(|e| io_halt("open the result", stage, e))?;
    let written = Tag::read_with(&mut file, &READ).and_then(|mut tag| {
        for (name, value) in tags {
            tag.set_data(
                FreeformIdent::new_borrowed(APPLE_ITUNES_MEAN, name),
                Data::Utf8((*value).to_owned()),
            );
        }
        tag.write_with(&mut file, &WRITE)
    });
    written.map_err(|error| match error.kind {
        mp4ameta::ErrorKind::Io(io) => io_halt("write tags into the result", stage, io),
        _ => Halt::fail(FailCode::Encode, format!("could not write tags into the result: {error}")),
    })
}
