//! The gate: whatever an encoder may do wrong, and wherever a source may be cut, the original stays.

use crate::convert::summary;
use crate::docs::root;
use crate::support::clips::ffmpeg;
use crate::support::{Clip, Share, play};

/// What an encoder may do, and the check that catches it: the table in docs/FIDELITY.md.
const FAULTS: &[(&str, &str)] = &[
    ("exit0-none", "duration"),
    ("exit0-empty", "duration"),
    ("garbage-output", "duration"),
    ("cut-output", "decode"),
    ("drop-audio", "streams"),
    ("wrong-codec", "codec"),
    ("wrong-size", "pixel shape"),
    ("wrong-tags", "primaries"),
    ("mono", "layout"),
    ("no-language", "language"),
    ("moved-default", "default"),
    ("moved-forced", "forced"),
    ("no-chapters", "chapters"),
    ("no-captions", "closed captions"),
    ("wrong-frames", "frames"),
    ("noise-inside", "decode"),
    ("drop-frames", "frames"),
    ("short-audio", "sound"),
    ("lost-cue", "cues"),
    ("late-audio", "start offset"),
    ("out-of-order", "order"),
    ("swap-colours", "picture"),
    ("green", "picture"),
];

#[test]
fn whatever_an_encoder_does_wrong_is_caught_by_the_check_that_is_named_for_it() {
    let mut share = Share::new();
    let fakes = share.aside("fakes");
    play::install(&fakes, "none");
    let path = std::env::var_os("PATH").unwrap();
    let folders = std::iter::once(fakes.clone()).chain(std::env::split_paths(&path));
    share.set("PATH", std::path::PathBuf::from(std::env::join_paths(folders).unwrap()));
    let guide = std::fs::read_to_string(root().join("docs/FIDELITY.md")).unwrap();
    let captioned = super::captions::film(&share);
    // Its picture is copied, and players begin with the second sound.
    let (chosen, cue) = (share.aside("chosen.mkv"), share.aside("cue.srt"));
    std::fs::write(&cue, "1\n00:00:00,100 --> 00:00:00,900\nWort\n").unwrap();
    let recipe = format!(
        "-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 -f lavfi -i sine=sample_rate=48000:duration=2 -i {} -map 0 -map 1 \
         -map 1 -map 2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a ac3 -c:s srt -metadata:s:a:0 language=eng \
         -metadata:s:a:1 language=ger -metadata:s:s:0 language=ger -disposition:a:0 0 -disposition:a:1 default",
        cue.display()
    );
    ffmpeg(recipe.split_whitespace(), &chosen);
    let mut wrong = Vec::new();
    for (fault, check) in FAULTS {
        play::rescript(&fakes, &format!("{fault} only=out.part on=encode"));
        // A name of its own, since a failed file rests.
        let name = format!("{fault}.mkv");
        let file = match *fault {
            "no-captions" => share.put(&name, &std::fs::read(&captioned).unwrap()),
            "moved-default" | "moved-forced" | "out-of-order" => {
                share.put(&name, &std::fs::read(&chosen).unwrap())
            }
            _ => share.add(&name, Clip::RichMkv),
        };
        let before = share.digests()[&name].clone();
        let run = share.convert(&[]);
        let failed = run.named("job_ended").pop().unwrap_or_default();
        let words = failed["words"].as_str().unwrap_or_default().to_owned();
        if run.code != 1 || !words.starts_with(&format!("{check}:")) {
            wrong.push(format!("{fault} should meet {check}: {words:?} {}", run.stderr));
        }
        assert_eq!(share.digests().get(&name), Some(&before), "{fault}: the original is untouched {wrong:?}");
        assert_eq!(share.media(), [name], "{fault}");
        share.assert_no_litter();
        if !guide.contains(&format!("| `{fault}` | `{check}` |")) {
            wrong.push(format!("docs/FIDELITY.md lacks {fault} → {check}"));
        }
        std::fs::remove_file(file).unwrap();
    }
    assert_eq!(wrong, Vec::<String>::new());
    // And where nothing goes wrong, nothing is caught.
    play::rescript(&fakes, "none");
    share.add("Film.mkv", Clip::RichMkv);
    let run = share.convert(&[]);
    assert_eq!(summary(&run)["converted"], 1, "{}\n{}", run.stdout, run.stderr);
}
