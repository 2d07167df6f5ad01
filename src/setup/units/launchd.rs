//! launchd: a property list, launchd.plist(5).

use std::fmt::Write as _;

use super::{REST, Scope, When, Work, xml};

/// The agent's or daemon's property list; `when`: at these times, else from login (or boot) on.
pub fn plist(label: &str, work: &Work, when: Option<When>, log: &str) -> String {
    let mut text = format!(
        "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">
<plist version=\"1.0\">
<dict>
    <key>Label</key>
    <string>{}</string>
    <key>ProgramArguments</key>
    <array>
",
        xml(label)
    );
    for word in std::iter::once(work.program.to_string_lossy().into_owned()).chain(work.args.iter().cloned())
    {
        let _ = writeln!(text, "        <string>{}</string>", xml(&word));
    }
    text.push_str("    </array>\n");
    if let (Some(user), Scope::System) = (&work.user, work.scope) {
        let _ = write!(text, "    <key>UserName</key>\n    <string>{}</string>\n", xml(user));
    }
    match when {
        None => {
            let _ = write!(
                text,
                "    <key>RunAtLoad</key>\n    <true/>\n    <key>KeepAlive</key>\n    <true/>\n    <key>ThrottleInterval</key>\n    <integer>{}</integer>\n",
                REST.as_secs()
            );
        }
        Some(When::Every(time)) => {
            let _ = write!(text, "    <key>StartInterval</key>\n    <integer>{}</integer>\n", time.as_secs());
        }
        Some(When::Daily { hour, minute }) => {
            let _ = write!(
                text,
                "    <key>StartCalendarInterval</key>\n    <dict>\n        <key>Hour</key>\n        <integer>{hour}</integer>\n        <key>Minute</key>\n        <integer>{minute}</integer>\n    </dict>\n"
            );
        }
    }
    let _ = write!(
        text,
        "    <key>ProcessType</key>
    <string>Background</string>
    <key>LowPriorityIO</key>
    <true/>
    <key>Nice</key>
    <integer>10</integer>
    <key>ExitTimeOut</key>
    <integer>60</integer>
    <key>EnvironmentVariables</key>
    <dict>
        <key>PATH</key>
        <string>/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin</string>
    </dict>
    <key>StandardErrorPath</key>
    <string>{}</string>
</dict>
</plist>
",
        xml(log)
    );
    text
}
