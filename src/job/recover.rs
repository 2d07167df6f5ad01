//! What dead workers left half done, finished or undone by whoever comes by.

use std::path::{Path, PathBuf};

use super::commit::{self, Applied};
use crate::share::claim::HalfDone;
use crate::sys;
use crate::sys::fs::Created;

/// Finishes or undoes a dead worker's swap; says in words what was done. Where it fails, the seal stays for the next
/// visitor.
pub fn finish(half: HalfDone, folder: &Path, root: &Path) -> String {
    let name = half.commit.source.clone();
    match commit::apply(folder, root, &half.work_dir, &half.commit) {
        Ok(Applied::Done) => {
            let text = format!("finished the swap of «{name}» that a dead worker had begun");
            half.finish();
            text
        }
        Ok(Applied::RolledBack(why)) => {
            let text = format!("undid the swap of «{name}» that a dead worker had begun: {why}");
            half.finish();
            text
        }
        Err(error) => format!(
            "could not finish the swap of «{name}» that a dead worker had begun: {error}; the next run tries again"
        ),
    }
}

/// Puts back a file that a dead worker had moved aside, where its name is free; says what was done.
pub fn put_back(stranded: &Path, name: &Path) -> std::io::Result<Option<String>> {
    if sys::fs::is_listed(name)? {
        if sys::fs::same_file(stranded, name)? {
            sys::fs::remove_file(stranded)?;
            return Ok(None);
        }
        // Both exist and differ: neither is ours to choose. The displaced one is kept beside, without a media extension.
        let kept = kept_name(name);
        if sys::fs::publish_file(stranded, &kept)? == Created::Yes {
            if sys::fs::is_listed(stranded)? {
                sys::fs::remove_file(stranded)?;
            }
            return Ok(Some(format!("kept a displaced original as «{}»", kept.display())));
        }
        return Ok(None);
    }
    if sys::fs::publish_file(stranded, name)? == Created::Yes {
        if sys::fs::is_listed(stranded)? {
            sys::fs::remove_file(stranded)?;
        }
        return Ok(Some(format!("put back «{}», which a dead worker had moved aside", name.display())));
    }
    Ok(None)
}

fn kept_name(name: &Path) -> PathBuf {
    let file = name.file_name().unwrap_or_default().to_string_lossy();
    name.with_file_name(super::trash::marked_name(&file, &format!(".{}", sys::host::random_hex(4))))
}
