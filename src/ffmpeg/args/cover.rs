//! A cover as a comment, which is how Ogg keeps pictures. Pure.

use base64::prelude::{BASE64_STANDARD, Engine};

/// A text that ffmpeg reads as an input of nothing but tags: the picture as a FLAC picture block (RFC 9639, 8.8) in base64, by the name
/// that players look for. ffmpeg writes no pictures into Ogg, and reads these.
pub fn comment(picture: &[u8], codec: &str, (width, height): (u32, u32)) -> String {
    /// «Cover (front)».
    const FRONT: u32 = 3;
    let mime = if codec == "png" { "image/png" } else { "image/jpeg" };
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut block = Vec::with_capacity(picture.len() + 64);
    let numbers = |block: &mut Vec<u8>, list: &[u32]| list.iter().for_each(|n| block.extend(n.to_be_bytes()));
    numbers(&mut block, &[FRONT, size(mime.as_bytes())]);
    block.extend(mime.as_bytes());
    // No description; 24 bits a pixel, of no palette.
    numbers(&mut block, &[0, width, height, 24, 0, size(picture)]);
    block.extend(picture);
    // The text's own sign between name and value.
    let value = BASE64_STANDARD.encode(block).replace('=', "\\=");
    format!(";FFMETADATA1\nMETADATA_BLOCK_PICTURE={value}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_a_block_as_flac_has_it() {
        let text = comment(&[0xff, 0xd8], "mjpeg", (64, 32));
        let value = text.strip_prefix(";FFMETADATA1\nMETADATA_BLOCK_PICTURE=").expect("its name").trim_end();
        let block = BASE64_STANDARD.decode(value.replace("\\=", "=")).expect("base64");
        assert_eq!(&block[..8], &[0, 0, 0, 3, 0, 0, 0, 10]);
        assert_eq!(&block[8..18], b"image/jpeg");
        assert_eq!(&block[22..30], &[0, 0, 0, 64, 0, 0, 0, 32]);
        assert_eq!(&block[38..], &[0, 0, 0, 2, 0xff, 0xd8]);
    }
}
