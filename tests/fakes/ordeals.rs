//! How each hardware encoder fails under `lists-everything`.

/// What becomes of each encoder under `lists-everything`: the fault, and the line for those that fail with one.
pub const ORDEALS: &[(&str, &str, &str)] = &[
    ("h264_nvenc", "fail", "[h264_nvenc @ 0x55d0] Cannot load libcuda.so.1"),
    (
        "hevc_nvenc",
        "fail",
        "[hevc_nvenc @ 0x55d0] OpenEncodeSessionEx failed: out of memory (10): (no details)",
    ),
    (
        "av1_nvenc",
        "fail",
        "[av1_nvenc @ 0x55d0] The minimum required Nvidia driver for nvenc is 570.0 or newer",
    ),
    ("h264_qsv", "hang", ""),
    ("hevc_qsv", "exit0-empty", ""),
    ("av1_qsv", "crash", ""),
    ("h264_vaapi", "green", ""),
    ("hevc_vaapi", "wrong-frames", ""),
    ("av1_vaapi", "exit0-none", ""),
    ("h264_amf", "wrong-size", ""),
    ("hevc_amf", "garbage-output", ""),
    ("av1_amf", "fail", "[av1_amf @ 0x55d0] DLL amfrt64.dll failed to open"),
    ("h264_videotoolbox", "cut-output", ""),
    (
        "hevc_videotoolbox",
        "fail",
        "[hevc_videotoolbox @ 0x55d0] Error: cannot create compression session: -12903",
    ),
    ("h264_v4l2m2m", "fail", "[h264_v4l2m2m @ 0x55d0] Could not find a valid device"),
    ("hevc_v4l2m2m", "fail", ""),
    ("h264_vulkan", "fail", "[AVHWDeviceContext @ 0x55d0] No devices found: VK_ERROR_INCOMPATIBLE_DRIVER"),
    ("hevc_vulkan", "disk-full-message", ""),
    ("av1_vulkan", "wrong-codec", ""),
];
