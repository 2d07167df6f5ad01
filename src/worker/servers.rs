//! Whether a media server plays or transcodes at this moment, by its own session list. Reading an answer is pure.
//!
//! Plex: `GET /status/sessions`. Jellyfin and Emby: `GET /Sessions`. A server that does not answer holds nobody up.

use std::time::Duration;

use serde_json::Value;

/// A server in the house answers at once; one that is gone must not keep the others' answers from us.
const PATIENCE: Duration = Duration::from_secs(5);
/// A list of sessions is small; more is no such list.
const LIMIT: u64 = 4 << 20;

/// A server to be kind to.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    is_plex: bool,
    /// `http://nas:32400`
    address: String,
    key: String,
}

impl std::fmt::Debug for Server {
    /// Without the key, which would end in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}", if self.is_plex { "Plex" } else { "Jellyfin" }, self.address)
    }
}

impl Server {
    /// From the settings' text: kind, address, key.
    pub fn of(text: &str) -> Option<Self> {
        let [kind, address, key] = text.split_whitespace().collect::<Vec<_>>()[..] else { return None };
        let address = address.trim_end_matches('/').to_owned();
        Some(Self { is_plex: kind == "plex", address, key: key.to_owned() })
    }

    /// Asks; `Ok(None)`: nothing plays. `Err`: why there is no answer, in words.
    pub fn playing(&self) -> Result<Option<String>, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build().into();
        let path = if self.is_plex { "/status/sessions" } else { "/Sessions" };
        let request = agent.get(format!("{}{path}", self.address)).header("Accept", "application/json");
        let request = if self.is_plex {
            request.header("X-Plex-Token", &self.key)
        } else {
            // Emby knows the first only, newer Jellyfins the second only.
            request
                .header("X-Emby-Token", &self.key)
                .header("Authorization", format!("MediaBrowser Token=\"{}\"", self.key))
        };
        let failed = |why: String| format!("{} does not tell what it plays: {why}", self.address);
        let mut answer = request.call().map_err(|error| failed(error.to_string()))?;
        let text = answer
            .body_mut()
            .with_config()
            .limit(LIMIT)
            .read_to_string()
            .map_err(|error| failed(error.to_string()))?;
        let (playing, transcoding) = if self.is_plex { plex(&text) } else { jellyfin(&text) }
            .ok_or_else(|| failed("that is no list of sessions".to_owned()))?;
        Ok((playing + transcoding > 0).then(|| match transcoding {
            0 => format!("{} plays {}", self.address, streams(playing)),
            n => format!("{} plays {}, transcoding {n}", self.address, streams(playing)),
        }))
    }
}

fn streams(count: usize) -> String {
    if count == 1 { "one stream".to_owned() } else { format!("{count} streams") }
}

/// (streams that play, streams that are transcoded). Who has paused a film needs nothing now; a transcode that runs ahead
/// of a paused film does.
fn plex(text: &str) -> Option<(usize, usize)> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let container = answer.get("MediaContainer")?;
    let sessions = container.get("Metadata").and_then(Value::as_array).cloned().unwrap_or_default();
    let plays = |session: &&Value| session["Player"]["state"].as_str().is_some_and(|state| state != "paused");
    let transcodes = |session: &&Value| {
        let transcode = &session["TranscodeSession"];
        let is_video = transcode["videoDecision"].as_str().is_none_or(|decision| decision == "transcode");
        let rests =
            transcode["throttled"].as_bool() == Some(true) || transcode["complete"].as_bool() == Some(true);
        transcode.is_object() && is_video && !rests
    };
    Some((sessions.iter().filter(plays).count(), sessions.iter().filter(transcodes).count()))
}

fn jellyfin(text: &str) -> Option<(usize, usize)> {
    let answer: Value = serde_json::from_str(text).ok()?;
    let sessions = answer.as_array()?;
    let plays = |session: &&Value| {
        session.get("NowPlayingItem").is_some_and(Value::is_object)
            && session["PlayState"]["IsPaused"].as_bool() != Some(true)
    };
    let transcodes = |session: &&Value| {
        let info = &session["TranscodingInfo"];
        plays(session) && info.is_object() && info["IsVideoDirect"].as_bool() == Some(false)
    };
    Some((sessions.iter().filter(plays).count(), sessions.iter().filter(transcodes).count()))
}

#[cfg(test)]
mod tests {
    use super::{Server, jellyfin, plex};

    #[test]
    fn plex_says_who_plays_and_who_has_paused() {
        assert_eq!(plex(r#"{"MediaContainer":{"size":0}}"#), Some((0, 0)));
        let one = |state: &str, rest: &str| {
            format!(
                r#"{{"MediaContainer":{{"size":1,"Metadata":[{{"title":"x","Player":{{"state":"{state}"}}{rest}}}]}}}}"#
            )
        };
        assert_eq!(plex(&one("playing", "")), Some((1, 0)));
        assert_eq!(plex(&one("buffering", "")), Some((1, 0)));
        assert_eq!(plex(&one("paused", "")), Some((0, 0)));
        let transcode =
            r#","TranscodeSession":{"videoDecision":"transcode","throttled":false,"complete":false}"#;
        assert_eq!(plex(&one("paused", transcode)), Some((0, 1)), "it runs ahead");
        let throttled = r#","TranscodeSession":{"videoDecision":"transcode","throttled":true}"#;
        assert_eq!(plex(&one("paused", throttled)), Some((0, 0)));
        assert_eq!(plex(&one("playing", r#","TranscodeSession":{"videoDecision":"copy"}"#)), Some((1, 0)));
        assert_eq!(plex("<html>"), None);
        assert_eq!(plex(r#"{"error":1}"#), None);
    }

    #[test]
    fn jellyfin_and_emby_say_who_plays_and_who_only_looks_around() {
        let session = |item: &str, paused: bool, more: &str| {
            format!(r#"{{"UserName":"x"{item},"PlayState":{{"IsPaused":{paused}}}{more}}}"#)
        };
        let item = r#","NowPlayingItem":{"Name":"y"}"#;
        let transcode = r#","TranscodingInfo":{"IsVideoDirect":false}"#;
        let all = [
            session("", false, ""),
            session(item, true, transcode),
            session(item, false, ""),
            session(item, false, transcode),
        ];
        assert_eq!(jellyfin(&format!("[{}]", all.join(","))), Some((2, 1)));
        assert_eq!(jellyfin("[]"), Some((0, 0)));
        assert_eq!(jellyfin(r#"{"Message":"no"}"#), None);
    }

    #[test]
    fn a_servers_key_is_in_no_log() {
        let server = Server::of("jellyfin http://nas:8096/ s3cret").unwrap();
        assert!(!format!("{server:?}").contains("s3cret"));
        assert_eq!(server.address, "http://nas:8096");
        assert_eq!(Server::of("plex http://nas"), None);
    }
}
