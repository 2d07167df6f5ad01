//! What is wrong with a finished output.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Player, noise, real, software, write};

impl Player {
    /// Changes a finished output, as a broken encoder or a broken disk would have.
    pub fn spoil(&self, fault: &str, output: &Path, encoder: Option<&str>) {
        let (codec, preset) = software(encoder.unwrap_or_default());
        let bytes = fs::read(output).unwrap_or_default();
        match fault {
            "cut-output" => write(output, &bytes[..bytes.len() / 2]),
            "disk-full-message" => {
                write(output, &bytes[..bytes.len() / 2]);
                eprintln!("Error writing trailer of {}: No space left on device", output.display());
            }
            "green" => self.again(
                output,
                &[
                    "-vf",
                    "drawbox=color=green:thickness=fill",
                    "-c:v",
                    codec,
                    "-preset",
                    preset,
                    "-c:a",
                    "copy",
                ],
            ),
            "wrong-frames" => {
                let third = "select='not(mod(n,3))',setpts=N/FRAME_RATE/TB";
                self.again(output, &["-vf", third, "-c:v", codec, "-preset", preset, "-c:a", "copy"]);
            }
            "wrong-size" => {
                self.again(
                    output,
                    &["-vf", "scale=trunc(iw/4)*2:ih", "-c:v", codec, "-preset", preset, "-c:a", "copy"],
                );
            }
            "wrong-codec" => self.again(output, &["-c:v", "mpeg4", "-c:a", "copy"]),
            "drop-audio" => self.again(output, &["-an", "-c", "copy"]),
            "drop-frames" | "swap-colours" => {
                let filter =
                    if fault == "drop-frames" { "select='mod(n,10)'" } else { "shuffleplanes=0:2:1:3" };
                let how = ["-vf", filter, "-fps_mode:v", "vfr", "-c:v", codec, "-preset", preset];
                self.again(output, &[&how[..], &["-c:a", "copy", "-c:s", "copy"]].concat());
            }
            "short-audio" => self.again(output, &["-c", "copy", "-c:a", "aac", "-af", "atrim=end=1"]),
            "late-audio" => {
                self.again(output, &["-c", "copy", "-bsf:a", "setts=pts=PTS+0.3/TB:dts=DTS+0.3/TB"]);
            }
            "mono" => self.again(output, &["-c", "copy", "-c:a", "aac", "-ac", "1"]),
            // MP4 fills the time before and between two cues with empty ones.
            "lost-cue" => self.again(output, &["-c", "copy", "-bsf:s", "noise=drop=gte(n\\,2)"]),
            "no-language" => self.again(output, &["-c", "copy", "-metadata:s:a:0", "language=und"]),
            "moved-default" => {
                self.again(output, &["-c", "copy", "-disposition:a:0", "default", "-disposition:a:1", "0"]);
            }
            "moved-forced" => self.again(output, &["-c", "copy", "-disposition:s:0", "forced"]),
            "out-of-order" => {
                let jump = "setts=pts=PTS+2*DURATION*eq(mod(N\\,3)\\,1)";
                self.again(output, &["-c", "copy", "-bsf:v", jump]);
            }
            "no-chapters" => self.again(output, &["-c", "copy", "-map_chapters", "-1"]),
            "no-captions" => self.again(output, &["-c", "copy", "-bsf:v", "filter_units=remove_types=6"]),
            "wrong-tags" => self.again(output, &["-c", "copy", "-bsf:v", "h264_metadata=colour_primaries=9"]),
            "noise-inside" => {
                let middle = bytes.len() / 2;
                write(output, &[&bytes[..middle], &noise(4096), &bytes[middle + 4096..]].concat());
            }
            other => panic!("the fake knows no fault {other:?}; see the top of tests/fakes/ffmpeg.rs"),
        }
    }

    /// Runs the real ffmpeg over an output, in its place and in its own format.
    fn again(&self, output: &Path, how: &[&str]) {
        let mut before = output.as_os_str().to_owned();
        before.push(".before");
        fs::rename(output, &before).expect("the output can be renamed");
        let is_it = |a: &String| a.strip_prefix("file:").is_some_and(|a| Path::new(a) == output);
        let own = &self.args[..self.args.iter().rposition(is_it).unwrap_or(self.args.len())];
        let muxer = own.iter().rposition(|a| a == "-f").map_or("matroska", |at| own[at + 1].as_str());
        let mut command = Command::new(real("ffmpeg", &self.folder));
        command
            .args(["-v", "error", "-nostdin", "-y", "-i"])
            .arg(&before)
            .args(["-map", "0", "-c", "copy"])
            .args(how);
        let code = self.quietly(command.args(["-f", muxer]).arg(output));
        assert_eq!(code, 0, "spoiling {} failed", output.display());
        let _ = fs::remove_file(before);
    }
}
