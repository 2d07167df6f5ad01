//! Layers, units, profiles, and what is said about mistakes.

mod papers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{Layer, Role, parse};
use super::keys::{KEYS, nearest};
use super::value::{Kind, Value, duration, write_duration};
use super::*;
use crate::model::policy::{Container, HdrPolicy, Policy, Quality, Stereo, VideoCodec};

const NAMES: ShareNames = ShareNames { config: "media-converter.toml", library: ".mediabox" };
const BUILT_IN: BuiltIn = BuiltIn { names: crate::plan::profile_names, get: crate::plan::profile };

/// A user's home, a library and a place beside them.
struct Machine {
    folder: tempfile::TempDir,
    places: Places,
    environment: Vec<(String, String)>,
    flags: Flags,
    config: Option<PathBuf>,
    dirs: Vec<PathBuf>,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let config = home.join("config");
        std::fs::create_dir_all(&config).unwrap();
        std::fs::create_dir_all(folder.path().join("lib/.mediabox")).unwrap();
        std::fs::create_dir_all(folder.path().join("lib/Filme/Neu")).unwrap();
        let places = Places { home: Some(home), config: Some(config), state: None };
        let dirs = vec![folder.path().join("lib/Filme/Neu")];
        Self { folder, places, environment: Vec::new(), flags: Flags::new(), config: None, dirs }
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    fn load(&self) -> Result<Settings> {
        load(Sources {
            places: &self.places,
            dirs: self.dirs.clone(),
            share_names: NAMES,
            config: self.config.clone(),
            environment: self.environment.clone(),
            flags: self.flags.clone(),
        })
    }
    /// The whole message of an error, hint included.
    fn complaint(&self) -> String {
        let error = self.load().expect_err("these settings are wrong");
        assert_eq!(error.kind, crate::model::error::Kind::Usage);
        error.to_string()
    }
}

#[test]
fn every_default_can_be_read_and_every_key_is_settable_in_each_way() {
    let mut flags = std::collections::BTreeSet::new();
    for key in KEYS {
        if !key.default.is_empty() {
            key.kind.parse(key.default).unwrap_or_else(|why| panic!("{}: {why}", key.name));
        }
        // What is on by itself has a flag that turns it off.
        let no = if key.default == "true" && key.flag.starts_with("--no-") { "no-" } else { "" };
        assert_eq!(key.flag, format!("--{no}{}", key.name.replace('_', "-")));
        assert!(flags.insert(key.flag));
        assert!(key.meaning.ends_with('.'), "{}: a sentence", key.name);
    }
}

#[test]
fn later_layers_win_and_each_value_knows_where_it_came_from() {
    let mut machine = Machine::new();
    let layers = [
        "default",
        "home/config/media-converter.toml:1",
        "lib/media-converter.toml:2",
        "extra.toml:1",
        "MEDIA_CONVERTER_JOBS",
        "--jobs",
    ];
    for (step, origin) in layers.iter().enumerate() {
        match step {
            1 => machine.put("home/config/media-converter.toml", "jobs = 1"),
            2 => machine.put("lib/media-converter.toml", "# for all\njobs = 2"),
            3 => {
                machine.put("extra.toml", "jobs = 3");
                machine.config = Some(machine.path("extra.toml"));
            }
            4 => machine.environment = vec![("MEDIA_CONVERTER_JOBS".into(), "4".into())],
            5 => {
                machine.flags.insert("jobs", Given::Text("5".into()));
            }
            _ => {}
        }
        let settings = machine.load().unwrap();
        let wanted = if step == 0 { Jobs::Auto } else { Jobs::Count(step) };
        assert_eq!(settings.jobs, wanted, "step {step}");
        let shown = settings.origin("jobs").to_string().replace('\\', "/");
        assert!(shown.ends_with(origin), "{shown} is not {origin}");
    }
}

#[test]
fn the_librarys_file_is_found_from_any_folder_below_its_root() {
    let machine = Machine::new();
    machine.put("lib/media-converter.toml", "trash_days = 3");
    assert_eq!(machine.load().unwrap().trash_days, 3);
    machine.put("lib/Filme/media-converter.toml", "trash_days = 4");
    assert_eq!(machine.load().unwrap().trash_days, 3, "only the root's counts");
}

#[test]
fn before_a_library_is_made_the_folders_own_file_counts() {
    let machine = Machine::new();
    std::fs::remove_dir(machine.path("lib/.mediabox")).unwrap();
    machine.put("lib/media-converter.toml", "trash_days = 3");
    assert_eq!(machine.load().unwrap().trash_days, 14);
    machine.put("lib/Filme/Neu/media-converter.toml", "trash_days = 5");
    assert_eq!(machine.load().unwrap().trash_days, 5);
}

#[test]
fn two_libraries_that_disagree_cannot_share_a_run() {
    let mut machine = Machine::new();
    std::fs::create_dir_all(machine.path("other/.mediabox")).unwrap();
    machine.dirs.push(machine.path("other"));
    machine.put("lib/media-converter.toml", "jobs = 2\nverify = 'fast'");
    machine.put("other/media-converter.toml", "jobs = 2");
    assert_eq!(machine.load().unwrap().jobs, Jobs::Count(2));
    machine.put("other/media-converter.toml", "jobs = 3");
    let complaint = machine.complaint();
    assert!(complaint.contains("`jobs`") && complaint.contains("other"), "{complaint}");
    machine.put("lib/media-converter.toml", "[profiles.x]\nmax_output_percent = 80");
    machine.put("other/media-converter.toml", "[profiles.x]\nmax_output_percent = 90");
    assert!(machine.complaint().contains("profiles.x"));
}

#[test]
fn an_unknown_key_names_the_place_and_the_nearest_known_one() {
    let check = |text: &str, line: &str, nearest: &str| {
        let error = parse(text, Path::new("/x/m.toml"), Role::Machine, None).unwrap_err().to_string();
        assert!(error.contains("/x/m.toml") && error.contains(line), "{error}");
        assert!(error.contains(&format!("`{nearest}`")), "{error}");
    };
    check("jobs = 1\n\nmin_aeg = '5m'", "line 3", "min_age");
    check("min-age = '5m'", "line 1", "min_age");
    check("Jobs = 2", "line 1", "jobs");
    check("profile.universal = 1", "line 1", "profile");
    check("[profile.mine]", "line 1", "profile");
    check("[profil]", "line 1", "profile");
    check("trashdays = 2", "line 1", "trash_days");
}

#[test]
fn a_wrong_value_names_the_place_and_what_would_be_right() {
    let check = |text: &str, says: &[&str]| {
        let error = parse(text, Path::new("/x/m.toml"), Role::Machine, None).unwrap_err().to_string();
        for says in says {
            assert!(error.contains(says), "{error}: {says}");
        }
    };
    check("jobs = 0", &["line 1", "`jobs`", "auto"]);
    check("jobs = -1", &["a whole number from 1"]);
    check("\nmin_age = 5", &["line 2", "15m"]);
    check("min_age = '5 fortnights'", &["15m"]);
    check("nice = 'yes'", &["a string", "true or false"]);
    check("include = '*.mkv'", &["a list of globs"]);
    check("include = ['*.mkv', 3]", &["a list of globs"]);
    check("include = ['[']", &["«[»"]);
    check("type = 'pictures'", &["video, audio or both"]);
    check("max_output_percent = 0", &["1 to 1000"]);
    check("jobs = 1\njobs = 2", &["line 2", "duplicate"]);
    check("jobs = ", &["line 1"]);
    check("profiles = 3", &["[profiles.NAME]"]);
    check("profiles.x = 3", &["[profiles.x]"]);
}

#[test]
fn what_whoever_writes_to_the_share_may_not_decide() {
    let refused =
        |text: &str| parse(text, Path::new("/s/m.toml"), Role::Library, None).unwrap_err().to_string();
    for key in ["ffmpeg", "ffprobe", "temp_dir", "state_dir"] {
        assert!(refused(&format!("{key} = '/tmp/x'")).contains("whole fleet"), "{key}");
    }
    assert!(refused("[profiles.x]\nvideo.extra_args = ['-y', '/etc/passwd']").contains("line 2"));
    assert!(refused("[profiles.x.video]\nextra_args = []").contains("extra_args"));
    assert!(
        parse("jobs = 2\n[profiles.x]\nvideo.preset = 'slow'", Path::new("/s/m"), Role::Library, None)
            .is_ok()
    );
}

#[test]
fn paths_in_a_file_start_at_the_file_and_the_home() {
    let path = |text: &str| {
        let home = Path::new("/home/me");
        let layer = parse(text, Path::new("/etc/mc/m.toml"), Role::Machine, Some(home)).unwrap();
        layer.settings["temp_dir"].value.clone()
    };
    assert_eq!(path("temp_dir = '/scratch'"), Value::Path("/scratch".into()));
    assert_eq!(path("temp_dir = 'scratch'"), Value::Path("/etc/mc/scratch".into()));
    assert_eq!(path("temp_dir = '~/scratch'"), Value::Path("/home/me/scratch".into()));
}

#[test]
fn an_unknown_variable_names_the_nearest_known_one() {
    let mut machine = Machine::new();
    machine.environment = vec![("MEDIA_CONVERTER_MINAGE".into(), "5m".into())];
    assert!(machine.complaint().contains("MEDIA_CONVERTER_MIN_AGE"));
    machine.environment = vec![("MEDIA_CONVERTER_MIN_AGE".into(), "soon".into())];
    let complaint = machine.complaint();
    assert!(complaint.contains("MEDIA_CONVERTER_MIN_AGE") && complaint.contains("«soon»"), "{complaint}");
    machine.environment = vec![("MEDIA_CONVERTER_MIN_AGE".into(), String::new())];
    assert_eq!(machine.load().unwrap().min_age, Duration::from_secs(30), "an empty variable is an unset one");
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let mut machine = Machine::new();
    machine.config = Some(machine.path("none.toml"));
    assert!(machine.complaint().contains("none.toml"));
    machine.config = None;
    machine.put("named.toml", "jobs = 7");
    let named = machine.path("named.toml").to_str().unwrap().to_owned();
    machine.environment = vec![("MEDIA_CONVERTER_CONFIG".into(), named)];
    assert_eq!(machine.load().unwrap().jobs, Jobs::Count(7));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let layer = parse("\u{feff}jobs = 2\r\nnice = false\r\n", Path::new("m"), Role::Machine, None).unwrap();
    assert_eq!(layer.settings["nice"].value, Value::Switch(false));
    assert_eq!(layer.settings["nice"].origin, Origin::File { path: "m".into(), line: 2 });
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let mut machine = Machine::new();
    machine.flags.insert("stale_after", Given::Text("2m".into()));
    assert!(machine.complaint().contains("--stale-after"));
    machine.flags.insert("heartbeat", Given::Text("40s".into()));
    machine.load().unwrap();
    machine.flags.insert("heartbeat", Given::Text("0".into()));
    assert!(machine.complaint().contains("heartbeat"));
    machine.flags.clear();
    machine.flags.insert("stall", Given::Text("0".into()));
    assert!(machine.complaint().contains("stall"));
    machine.flags.clear();
    machine.flags.insert("max_load", Given::Text("50".into()));
    machine.load().unwrap();
    machine.flags.insert("nice", Given::Switch(false));
    assert!(machine.complaint().contains("max_load"));
}

#[test]
fn sizes_hours_and_servers_are_read_and_a_servers_key_is_never_shown() {
    for (text, bytes) in [("0", 0), ("512MiB", 512 << 20), ("2G", 2 << 30), ("2GB", 2_000_000_000), ("7B", 7)]
    {
        assert_eq!(super::value::bytes(text), Some(bytes), "{text}");
        assert_eq!(super::value::bytes(&super::value::write_bytes(bytes)), Some(bytes), "{text}");
    }
    for wrong in ["", "512", "MiB", "1.5GiB", "99999999999TiB"] {
        assert_eq!(super::value::bytes(wrong), None, "{wrong}");
    }
    assert!(Kind::Schedule.parse("Mon-Fri 22:00-07:00; Sat").is_ok());
    assert!(Kind::Schedule.parse("nights").is_err());
    assert!(Kind::Degrees.parse("85 °C").is_ok() && Kind::Degrees.parse("850").is_err());
    let servers = Kind::Servers.parse("plex http://nas:32400 s3cret; emby https://x k3y").unwrap();
    assert_eq!(servers.to_string(), "plex http://nas:32400 ***; emby https://x ***");
    let why = Kind::Servers.parse("kodi http://nas s3cret").unwrap_err();
    assert!(why.contains("kodi") && !why.contains("s3cret"), "{why}");
}

#[test]
fn times_are_read_with_their_units_and_written_so_that_they_are_read_back() {
    assert_eq!(duration("1s500ms"), Some(Duration::from_millis(1500)));
    assert_eq!(write_duration(Duration::from_millis(61_250)), "1m1s250ms");
    for (text, seconds) in [
        ("0", 0),
        ("90s", 90),
        ("15m", 900),
        ("2h", 7200),
        ("14d", 1_209_600),
        ("1h30m", 5400),
        ("5 min", 300),
    ] {
        let time = duration(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(time.as_secs(), seconds, "{text}");
        assert_eq!(duration(&write_duration(time)), Some(time), "{text}");
    }
    for text in ["", "5", "m", "-5m", "5x", "5m3", "1.5h", "99999999999999999999d", "18446744073709551615d"] {
        assert_eq!(duration(text), None, "{text}");
    }
}

#[test]
fn percentages_may_carry_their_sign() {
    for (text, value) in [
        ("80", Value::Count(80)),
        ("80%", Value::Count(80)),
        ("80 %", Value::Count(80)),
        ("none", Value::Off),
    ] {
        assert_eq!(Kind::Percent.parse(text), Ok(value));
    }
    assert!(Kind::Percent.parse("0").is_err() && Kind::Percent.parse("1001").is_err());
}

#[test]
fn the_nearest_name_is_the_one_meant() {
    let known = || KEYS.iter().map(|key| key.name);
    for (typed, meant) in [
        ("colour", "color"),
        ("stale", "stall"),
        ("max_output", "max_output_percent"),
        ("LOG-FORMAT", "log_format"),
    ] {
        assert_eq!(nearest(typed, known()), Some(meant));
    }
}

/// The policy of a profile in a file with this text.
fn policy(text: &str, name: &str) -> Result<Policy> {
    let Layer { profiles, .. } = parse(text, Path::new("/p.toml"), Role::Machine, None)?;
    let mut all = Profiles::default();
    all.add(profiles);
    all.policy(name, BUILT_IN)
}

#[test]
fn a_profile_changes_what_it_names_and_keeps_the_rest() {
    let base = crate::plan::profile("universal").unwrap();
    let text = "[profiles.tv]\nextends = 'universal'\ncontainer = 'matroska'\nmax_output_percent = 90\n\
                [profiles.tv.video]\ncodec = 'hevc'\nhdr = 'keep'\nquality = 20\nmax_height = 1080\n\
                [profiles.tv.audio]\nstereo = 'add'";
    let tv = policy(text, "tv").unwrap();
    assert_eq!(tv.name, "tv");
    assert_eq!(tv.container, Container::Matroska);
    assert_eq!(tv.max_output_percent, Some(90));
    assert_eq!(tv.video.codec, Some(VideoCodec::Hevc));
    assert_eq!(tv.video.hdr, HdrPolicy::Keep);
    assert_eq!(tv.video.quality, Quality::Value(20.0));
    assert_eq!(tv.video.max_height, Some(1080));
    assert_eq!(tv.audio.stereo, Stereo::Add);
    assert_eq!(tv.music, base.music);
    assert_eq!(tv.video.deinterlace, base.video.deinterlace);
}

#[test]
fn none_takes_an_optional_value_away() {
    let remux = policy("[profiles.r]\nvideo.codec = 'none'\naudio.codec = 'none'", "r").unwrap();
    assert_eq!((remux.video.codec, remux.audio.codec), (None, None));
    let error = policy("[profiles.r]\n\nvideo.hdr = 'none'", "r").unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("`video.hdr` cannot be `none`"), "{error}");
}

#[test]
fn profiles_build_on_each_other_and_on_the_built_in_of_their_name() {
    let text = "[profiles.a]\nextends = 'b'\nvideo.preset = 'slow'\n[profiles.b]\nextends = 'compact'\nvideo.tune = 'grain'\n\
                [profiles.universal]\nmusic.enabled = false";
    let a = policy(text, "a").unwrap();
    let compact = crate::plan::profile("compact").unwrap();
    assert_eq!((a.video.preset.as_deref(), a.video.tune.as_deref()), (Some("slow"), Some("grain")));
    assert_eq!(a.video.codec, compact.video.codec);
    let universal = policy(text, "universal").unwrap();
    assert!(!universal.music.enabled);
    assert_eq!(universal.video.codec, Some(VideoCodec::H264));
}

#[test]
fn a_mistake_in_a_profile_names_its_line() {
    let check = |text: &str, says: &[&str]| {
        let error = policy(text, "x").unwrap_err().to_string();
        for says in says {
            assert!(error.contains(says), "{error}: {says}");
        }
    };
    check(
        "[profiles.x]\nvideo.max_hight = 3",
        &["/p.toml", "line 2", "`video.max_hight`", "nearest", "`max_height`"],
    );
    check("[profiles.x]\n\nvidio = {}", &["line 3", "`video`"]);
    check("[profiles.x]\nvideo.max_height = 'tall'", &["line 2", "`video.max_height`"]);
    check("[profiles.x]\nvideo.codec = 'h265'", &["line 2", "`video.codec`", "hevc"]);
    check("[profiles.x]\nname = 'y'", &["line 2", "name"]);
    check("[profiles.x]\nextends = 'x'", &["line 2", "extends itself"]);
    check("[profiles.x]\nextends = 'y'\n[profiles.y]\nextends = 'x'", &["extends itself"]);
    check("[profiles.x]\nextends = 'univresal'", &["line 2", "`univresal`", "`universal`"]);
    check("[profiles.x]\nextends = 3", &["line 2", "in quotes"]);
    check("", &["`x`", "profiles"]);
}

#[test]
fn settings_go_over_the_profile() {
    let mut machine = Machine::new();
    machine.put("lib/media-converter.toml", "profile = 'mine'\n[profiles.mine]\nmax_output_percent = 70");
    assert_eq!(machine.load().unwrap().policy(BUILT_IN).unwrap().max_output_percent, Some(70));
    machine.put(
        "home/config/media-converter.toml",
        "[profiles.mine]\nvideo.preset = 'slow'\nmax_output_percent = 60",
    );
    let policy = machine.load().unwrap().policy(BUILT_IN).unwrap();
    assert_eq!((policy.max_output_percent, policy.video.preset.as_deref()), (Some(70), Some("slow")));
    machine.flags.insert("max_output_percent", Given::Text("none".into()));
    machine.flags.insert("force_stereo", Given::Switch(true));
    machine.flags.insert("downgrade_resolution", Given::Switch(true));
    machine.flags.insert("encoder", Given::Text("software".into()));
    let policy = machine.load().unwrap().policy(BUILT_IN).unwrap();
    assert_eq!(policy.max_output_percent, None);
    assert_eq!(policy.audio.stereo, Stereo::Force);
    assert!(policy.video.downgrade_resolution);
    assert_eq!(policy.video.encoder.to_string(), "software");
}

#[test]
fn an_unknown_profile_says_who_asked_for_it() {
    let mut machine = Machine::new();
    machine.flags.insert("profile", Given::Text("univrsal".into()));
    let error = machine.load().unwrap().policy(BUILT_IN).unwrap_err().to_string();
    assert!(
        error.contains("`univrsal`") && error.contains("--profile") && error.contains("`universal`"),
        "{error}"
    );
}
