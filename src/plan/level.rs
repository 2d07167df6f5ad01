//! H.264 levels (ITU-T H.264 table A-1): the lowest that holds a picture size and rate.

/// Level times ten, macroblocks per second, macroblocks per frame, kbit/s and kbit of buffer in profile High.
const LEVELS: &[(u32, u64, u64, u32)] = &[
    (30, 40_500, 1_620, 12_500),
    (31, 108_000, 3_600, 17_500),
    (32, 216_000, 5_120, 25_000),
    (40, 245_760, 8_192, 25_000),
    (41, 245_760, 8_192, 62_500),
    (42, 522_240, 8_704, 62_500),
    (50, 589_824, 22_080, 168_750),
    (51, 983_040, 36_864, 300_000),
    (52, 2_073_600, 36_864, 300_000),
    (60, 4_177_920, 139_264, 300_000),
    (61, 8_355_840, 139_264, 600_000),
    (62, 16_711_680, 139_264, 1_000_000),
];

/// Times ten, for a picture size, a rate, and a ceiling (the larger of kbit/s and buffer). 4.1 rather than 4.0: same size
/// and rate, more bits, and what every player since 2008 knows.
pub fn needed(width: u32, height: u32, fps: Option<f64>, ceiling: u32) -> u32 {
    let blocks = u64::from(width.div_ceil(16)) * u64::from(height.div_ceil(16));
    let rate = (blocks as f64 * fps.unwrap_or(30.0)) as u64;
    // A level also bounds each side to sqrt(8 × frame size) macroblocks.
    let side = u64::from(width.max(height).div_ceil(16));
    let level = LEVELS
        .iter()
        .find(|(_, per_second, per_frame, bits)| {
            blocks <= *per_frame && rate <= *per_second && side * side <= 8 * per_frame && ceiling <= *bits
        })
        .map_or(62, |(level, ..)| *level);
    if level == 40 { 41 } else { level }
}

/// Level a copied stream may declare at most: 5.1, which players of the last ten years take, or what its own size and
/// rate need, since an encode would not come out lower.
pub fn accepted(width: u32, height: u32, fps: Option<f64>) -> u32 {
    needed(width, height, fps, 0).max(51)
}
