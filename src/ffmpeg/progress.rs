//! ffmpeg's `-progress` blocks and stderr lines, read by pure functions.

#[cfg(test)]
mod tests;

use crate::model::event::Progress;

/// Collects `key=value` lines of `-progress pipe:1`; a block ends with `progress=`.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Expected seconds of output, where known.
    pub duration: Option<f64>,
    /// Seconds of output so far (`out_time_us`).
    pub out_time: f64,
    /// Frames so far.
    pub frames: u64,
    /// Frames ffmpeg dropped or duplicated.
    pub dropped: u64,
    pub duplicated: u64,
    /// `progress=end` was seen: ffmpeg came to its own end, whatever that is worth.
    pub ended: bool,
    fps: Option<f64>,
    speed: Option<f64>,
    bytes: u64,
}

impl Meter {
    pub fn new(duration: Option<f64>) -> Self {
        Self { duration, ..Self::default() }
    }

    /// Takes one line; `Some` at the end of each block. Never panics, whatever the line is.
    pub fn line(&mut self, line: &str) -> Option<Progress> {
        let (key, value) = line.split_once('=')?;
        let value = value.trim();
        match key.trim() {
            "frame" => keep(&mut self.frames, value),
            "drop_frames" => keep(&mut self.dropped, value),
            "dup_frames" => keep(&mut self.duplicated, value),
            // `N/A` for results that have no file.
            "total_size" => keep(&mut self.bytes, value),
            "fps" => self.fps = positive(value),
            "speed" => self.speed = positive(value.trim_end_matches('x')),
            // Both are microseconds, whatever the second one's name says; older versions write it alone. The first block of a
            // stream with B-frames may be negative, and a stream without packets has none.
            "out_time_us" | "out_time_ms" => {
                if let Ok(micros) = value.parse::<i64>() {
                    self.out_time = (micros.max(0) as f64) / 1e6;
                }
            }
            "progress" => {
                self.ended = value == "end";
                return Some(self.now());
            }
            _ => {}
        }
        None
    }

    /// What the blocks so far say.
    pub fn now(&self) -> Progress {
        let duration = self.duration.filter(|seconds| *seconds > 0.0);
        Progress {
            fraction: duration.map(|seconds| (self.out_time / seconds).clamp(0.0, 1.0)),
            fps: self.fps,
            speed: self.speed,
            bytes: self.bytes,
            eta: duration
                .zip(self.speed)
                .map(|(seconds, speed)| ((seconds - self.out_time) / speed).max(0.0)),
        }
    }

    /// Changes exactly when ffmpeg has come further.
    pub fn mark(&self) -> (u64, u64, u64) {
        (self.out_time.to_bits(), self.frames, self.bytes)
    }
}

fn keep(into: &mut u64, value: &str) {
    if let Ok(number) = value.parse() {
        *into = number;
    }
}

fn positive(value: &str) -> Option<f64> {
    value.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)
}

/// What a line of stderr means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Says nothing about the media.
    Harmless,
    /// Worth recording.
    Suspicious,
    /// The disk or the share failed to read or write: not the media's fault.
    Io,
    /// The input is cut short.
    Truncated,
    /// The media is damaged.
    Damaged,
    /// No room on the disk.
    DiskFull,
    /// The encoder or its device failed.
    Encoder,
}

/// How a recording begins that was switched on between two key frames: players drop these pictures, too.
const START: &[&str] = &[
    "non-existing PPS",
    "non-existing SPS",
    "PPS id out of range",
    "SPS id out of range",
    "Error parsing NAL unit",
    "no frame!",
    "Could not find ref with POC",
    "First slice in a frame missing",
];

/// Phrases of ffmpeg 4.4 to 8, the first that occurs decides. Each was seen in a real run over cut, overwritten or foreign files, or stands in
/// the source of a version we meet.
const PHRASES: &[(Severity, &[&str])] = &[
    (
        Severity::DiskFull,
        &[
            "No space left on device",
            "Disk quota exceeded",
            "not enough space on the disk",
            // FAT and some shares end at 4 GiB.
            "File too large",
        ],
    ),
    (
        Severity::Encoder,
        &[
            "Error while opening encoder",
            "Error initializing output stream",
            "Error submitting video frame to the encoder",
            "Error submitting a frame for encoding",
            "Error submitting the frame for encoding",
            "Error during encoding",
            "Error encoding a frame",
            "Error encoding frame",
            "Encode failed",
            "Video encoding failed",
            "Unknown encoder",
            "No capable devices found",
            "No NVENC capable devices found",
            "OpenEncodeSessionEx failed",
            "InitializeEncoder failed",
            "Driver does not support the required nvenc API version",
            "minimum required Nvidia driver",
            "Cannot load libcuda",
            "Cannot load nvcuda",
            "Cannot load libnvidia-encode",
            "Cannot load nvEncodeAPI",
            "Cannot init CUDA",
            "CUDA_ERROR",
            "Failed locking bitstream buffer",
            "Failed to end picture encode",
            "Device creation failed",
            "Device setup failed",
            "No VA display found",
            "Failed to initialise VAAPI",
            "No usable encoding profile found",
            "No usable encoding entrypoint found",
            "MFX session",
            "CreateComponent",
            "failed to open amfrt",
            "amfrt64.dll failed",
            "libamfrt64",
            "cannot create compression session",
            "Could not find a valid device",
            "can't configure encoder",
            "A hardware frames or device context is required",
        ],
    ),
    (
        Severity::Truncated,
        &[
            "File ended prematurely",
            "moov atom not found",
            "partial file",
            "Truncating packet of size",
            // The MP3's own header promises more bytes than there are.
            "filesize and duration do not match (growing file?)",
            "unexpected EOF",
            "Unexpected end of file",
        ],
    ),
    (
        Severity::Io,
        &[
            "Input/output error",
            "Stale file handle",
            "Stale NFS file handle",
            "Transport endpoint is not connected",
            "Connection timed out",
            "Host is down",
            "No route to host",
            "Read error at pos",
            "Read-only file system",
        ],
    ),
    (
        Severity::Harmless,
        &[
            "Last message repeated",
            "deprecated pixel format used",
            "Non-monotonous DTS",
            "Non-monotonic DTS",
            "Guessed Channel Layout",
            "Guessed channel layout",
            "Consider increasing the value for the 'analyzeduration'",
            "misdetection possible",
            "Estimating duration from bitrate",
            "Past duration",
            "Thread message queue blocking",
            "Timestamps are unset in a packet",
            "Starting second pass: moving the moov atom",
            "Could not update timestamps for",
            "-vsync is deprecated",
            "Referenced QT chapter track not found",
            "start time for stream",
            "max_analyze_duration",
            "stream discontinuity",
            "Skipping NAL unit",
            "Multi-layer HEVC",
            "Multiple edit list entries",
            "VBV underflow",
            "x265 [",
            "Svt[",
            "SVT [",
            "Conversion failed!",
            "samples should be skipped",
            "Please use avcodec_send_packet",
            "If you want to help, upload a sample",
            "Qavg:",
            "kb/s:",
        ],
    ),
    (
        Severity::Suspicious,
        &[
            "co located POCs unavailable",
            "mmco: unref short failure",
            "number of reference frames",
            "reference picture missing during reorder",
            "Missing reference picture",
            // How a broadcast recording is joined and how it ends.
            "PES packet size mismatch",
            "Continuity check failed",
            "corrupt input packet",
            "DTS discontinuity",
            "non monotonically increasing dts",
            "Queue input is backward in time",
            "Invalid UTF-8 in decoded subtitles",
            "Failed to update header",
        ],
    ),
    (
        Severity::Damaged,
        &[
            "Invalid data found when processing input",
            "Error while decoding stream",
            "Error submitting packet to decoder",
            "Decode error rate",
            "corrupt decoded frame",
            "Packet corrupt",
            "error while decoding MB",
            "corrupted macroblock",
            "Error at MB",
            "concealing",
            "damaged at",
            "mb incr damaged",
            "slice mismatch",
            "slice end not reached",
            "dc overflow",
            "ignoring overflow",
            "cbp too large",
            "invalid residual",
            "decode_frame() failed",
            "error decoding the audio block",
            "expacc",
            "overread:",
            "Input buffer exhausted before END element found",
            "channel element",
            "invalid band type",
            "Header missing",
            "Invalid frame marker",
            "Invalid sync code",
            "Invalid NAL unit size",
            "Error splitting the input into NAL units",
            "exceeds containing master element",
            "exceeds max length",
            "invalid as first byte of an EBML number",
            "EBML header parsing failed",
            "Invalid track number",
            "Packet mismatch",
            "error reading header",
            "Invalid sample size",
            "Could not find codec parameters for stream",
            "unspecified pixel format",
            "decode_slice_header error",
            "CRC mismatch",
            "Invalid chunk",
        ],
    ),
];

/// Classifies one line of ffmpeg's stderr. What no phrase matches is [`Severity::Suspicious`].
pub fn classify(line: &str) -> Severity {
    if line.trim().is_empty() {
        return Severity::Harmless;
    }
    if contains(line, START) {
        return Severity::Suspicious;
    }
    let severity = PHRASES
        .iter()
        .find(|(_, phrases)| contains(line, phrases))
        .map_or(Severity::Suspicious, |(severity, _)| *severity);
    match severity {
        // Every recording off the air ends and is joined like this; where it matters, the decoder says so as well.
        Severity::Damaged
            // Version 7 and later name the input before the format: `[in#0/mpegts @`.
            if line.contains("Packet corrupt")
                && ["[mpegts @", "/mpegts @", "[mpeg @", "/mpeg @"].iter().any(|who| line.contains(who)) =>
        {
            Severity::Suspicious
        }
        // Attached fonts and picture subtitles often have nothing to find.
        Severity::Damaged
            if line.contains("Could not find codec parameters")
                && ["(Subtitle:", "(Attachment:", "(Data:"].iter().any(|kind| line.contains(kind)) =>
        {
            Severity::Harmless
        }
        severity => severity,
    }
}

fn contains(line: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| line.contains(phrase))
}

/// Classifies lines in their order: ffmpeg follows a decoder's own words with a general line, which means what the words before it meant.
#[derive(Clone, Debug, Default)]
pub struct Listener {
    /// The last line was one of [`START`].
    starting: bool,
    /// The last line's meaning.
    before: Option<Severity>,
}

impl Listener {
    pub fn line(&mut self, line: &str) -> Severity {
        let general = ["Error while decoding stream", "Error submitting packet to decoder"];
        let severity = match classify(line) {
            // Repeats say nothing new, and the general line may follow after them.
            Severity::Harmless => return Severity::Harmless,
            Severity::Damaged if self.starting && contains(line, &general) => return Severity::Suspicious,
            // A demuxer that met the end too early reports it as a failed read.
            Severity::Io if self.before == Some(Severity::Truncated) => Severity::Truncated,
            severity => severity,
        };
        self.starting = contains(line, START);
        self.before = Some(severity);
        severity
    }
}

/// NVENC's words for "all sessions are in use": not a failure but a wait.
pub fn is_session_limit(line: &str) -> bool {
    line.contains("OpenEncodeSessionEx failed: out of memory")
        || line.contains("OpenEncodeSessionEx failed: incompatible client key")
}

/// The line that tells most about a failed run: the first of the worst, for an encoder's failure the words before ffmpeg's own general ones.
pub fn telling(stderr: &str) -> Option<String> {
    let general = [
        "Error while opening encoder",
        "Error initializing output stream",
        "Conversion failed",
        "Device creation failed",
        "Error parsing global options",
        "Error opening output file",
        "Task finished with error code",
        "Terminating thread with return code",
        "Could not open encoder before EOF",
        "Nothing was written into output file",
    ];
    let lines = || stderr.lines().map(str::trim).filter(|line| classify(line) != Severity::Harmless);
    let special = |line: &&str| !contains(line, &general);
    lines()
        .find(|line| special(line) && classify(line) == Severity::Encoder)
        .or_else(|| lines().find(|line| special(line) && classify(line) == Severity::DiskFull))
        .or_else(|| lines().find(special))
        .or_else(|| lines().next())
        .map(clean)
}

/// A line without the addresses that differ in every run: `[h264 @ 0x55c0] no frame!` is `h264: no frame!`, and so is
/// `[vist#0:0/h264 @ 0x55c0] no frame!`, as version 6 and later write it.
pub fn clean(line: &str) -> String {
    let mut rest = line.trim();
    let mut names: Vec<&str> = Vec::new();
    while let Some((name, after)) = rest
        .strip_prefix('[')
        .and_then(|inner| inner.split_once(']'))
        .and_then(|(context, after)| Some((context.split_once(" @ ")?.0, after)))
    {
        let name = match name.split_once('/') {
            Some((place, name)) if place.contains('#') => name,
            _ => name,
        };
        if names.last() != Some(&name) {
            names.push(name);
        }
        rest = after.trim_start();
    }
    if names.is_empty() { rest.to_owned() } else { format!("{}: {rest}", names.join(": ")) }
}
