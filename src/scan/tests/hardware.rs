//! What each encoder that runs on a card is told about every record by every profile that encodes, as files that a person reviewed:
//! `src/plan/testdata/hardware/*.golden`. Of each command line the part about the main video, and equal ones once: options and
//! filters apart, since the first hang on size and colours and the second on what is to be done to the picture.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::golden::{CARDS, argv, caps, codec_of, compare, decide, records};
use crate::model::encoders::EncoderChoice;
use crate::model::media::MediaInfo;
use crate::model::plan::{Action, Decision};
use crate::model::policy::{Policy, VideoCodec};
use crate::plan;

/// The profiles whose video this encoder makes.
fn policies(encoder: &str) -> Vec<Policy> {
    let codec = codec_of(encoder);
    let mut policies: Vec<Policy> =
        plan::profile_names().iter().filter_map(|name| plan::profile(name)).collect();
    for policy in &mut policies {
        policy.video.encoder = EncoderChoice::default();
        if policy.name == "compact" && codec == VideoCodec::Av1 {
            policy.video.codec = Some(codec);
        }
    }
    policies.retain(|p| p.video.codec == Some(codec) && p.name != "audio");
    policies
}

/// What opens the device, the main video's filters and its options; or why it is left alone by this encoder.
fn told(
    name: &str,
    media: &MediaInfo,
    policy: &Policy,
    encoder: &str,
) -> Result<[String; 3], Option<String>> {
    let caps = caps((7, 1), &[encoder]);
    let plan = match decide(name, media, policy, &caps).1 {
        Decision::Convert(plan) => plan,
        Decision::Skip(skip) => return Err(skip.words.contains(encoder).then_some(skip.words)),
    };
    let n = plan.streams.iter().position(|s| matches!(s.action, Action::Video(_))).ok_or(None)?;
    let line = argv(&plan, media, caps.release);
    let words: Vec<&str> = line.split(' ').collect();
    let device = words.split(|w| *w == "-i").next().unwrap_or_default().join(" ");
    let of = |option: &str| format!("-{option}:{n}");
    let begin = words.iter().position(|w| *w == of("c")).expect("the stream's encoder");
    let end =
        begin + words[begin..].iter().position(|w| *w == of("fps_mode")).expect("the end of its options");
    assert_eq!(words[begin + 1], encoder, "{name} by {}: {line}", policy.name);
    let mut options = words[begin + 2..end].to_vec();
    let graph = format!("[v{n}]");
    let mut filter = String::new();
    if let Some(at) = options.iter().position(|w| *w == of("filter")) {
        filter = options.drain(at..at + 2).next_back().unwrap_or_default().to_owned();
    } else if let Some(whole) = words.iter().find(|w| w.contains(&graph) && w.contains("nullsink")) {
        let from = whole.find(']').map_or(0, |at| at + 1);
        filter = format!("(graph) {}", &whole[from..whole.find(&graph).unwrap_or(whole.len())]);
    }
    Ok([device, filter, options.join(" ").replace(&format!(":{n} "), " ")])
}

fn list(text: &mut String, what: &str, rows: &BTreeMap<String, Vec<String>>) {
    for (row, names) in rows {
        let _ = writeln!(text, "  {what} {row}\n    {}", names.join(" "));
    }
}

#[test]
fn every_card_is_told_about_every_record_what_was_reviewed() {
    let records = records();
    for encoder in CARDS {
        let mut text = String::new();
        for policy in policies(encoder) {
            let mut rows = [(); 3].map(|()| BTreeMap::<String, Vec<String>>::new());
            let mut without: BTreeMap<String, Vec<String>> = BTreeMap::new();
            let mut count = 0;
            for (name, media) in &records {
                match told(name, media, &policy, encoder) {
                    Ok(parts) => {
                        count += 1;
                        rules(encoder, &policy, &parts);
                        for (rows, part) in rows.iter_mut().zip(parts) {
                            rows.entry(part).or_default().push(name.clone());
                        }
                    }
                    Err(Some(why)) => without.entry(why).or_default().push(name.clone()),
                    // Copied or left alone, whichever encoder there is.
                    Err(None) => {}
                }
            }
            assert!(count >= 20, "{encoder} by {}: {count} records", policy.name);
            let _ = writeln!(text, "{}: {count} records are encoded", policy.name);
            let [devices, filters, options] = rows;
            for device in devices.keys().filter(|d| !d.is_empty()) {
                let _ = writeln!(text, "  device {device}");
            }
            list(&mut text, "options", &options);
            list(&mut text, "filter", &filters);
            list(&mut text, "not by it:", &without);
        }
        compare(&format!("hardware/{encoder}.golden"), &text);
    }
}

/// What would be wrong whatever a person overlooked.
fn rules(encoder: &str, policy: &Policy, [device, filter, options]: &[String; 3]) {
    let what = format!("{encoder} by {}: {device} | {filter} | {options}", policy.name);
    let ten = policy.video.bit_depth > 8;
    let has = |word: &str| format!(" {options} ").contains(&format!(" {word} "));
    // The last format is the one that the encoder gets.
    let last = filter.rsplit(',').find_map(|f| f.strip_prefix("format=")).unwrap_or_default();
    let planar = if encoder.ends_with("_nvenc") && !ten { "yuv420p" } else { "nv12" };
    assert_eq!(last, if ten { "p010le" } else { planar }, "{what}");
    assert!(!(ten && encoder.starts_with("h264")), "{what}");
    assert_eq!(filter.ends_with("hwupload"), encoder.ends_with("_vaapi"), "{what}");
    assert_eq!(
        device.contains("-init_hw_device"),
        encoder.ends_with("_vaapi") || encoder.ends_with("_qsv"),
        "{what}"
    );
    let capped = policy.video.max_bitrate.is_some();
    assert_eq!(has("-maxrate 8000k") && has("-bufsize 16000k"), capped, "{what}");
    match encoder.split('_').nth(1).unwrap_or_default() {
        // Without it the default rate would overrule the quality.
        "nvenc" => assert!(has("-rc vbr") && has("-b 0") && options.contains("-cq "), "{what}"),
        "qsv" => assert!(options.contains("-global_quality ") && options.contains("-b ") == capped, "{what}"),
        "vaapi" => assert!(has(if capped { "-rc_mode QVBR" } else { "-rc_mode CQP" }), "{what}"),
        "amf" => assert!(has(if capped { "-rc vbr_peak" } else { "-rc cqp" }), "{what}"),
        _ => assert!(options.contains("-q "), "{what}"),
    }
    assert_eq!(options.contains("-level "), encoder.starts_with("h264"), "{what}");
    assert!(!(encoder.ends_with("_vaapi") && (has("-level 3.0") || has("-level 5.0"))), "{what}");
    assert_eq!(has("-profile high"), encoder.starts_with("h264"), "{what}");
    assert_eq!(has("-profile main10"), encoder.starts_with("hevc"), "{what}");
}
