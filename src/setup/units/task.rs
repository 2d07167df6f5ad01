//! Windows' task scheduler: an XML document ("Task Scheduler Schema").

use std::time::Duration;

use super::{When, Work, xml};

/// A task of the user who makes it, run while they are logged on, when their mapped drives and passwords are there.
///
/// `began`: a local time like `2026-11-20T21:04:05`, from which the repetition counts.
pub fn task(work: &Work, when: When, began: &str) -> String {
    let trigger = match when {
        When::Every(time) => format!(
            "\
    <TimeTrigger>
      <StartBoundary>{began}</StartBoundary>
      <Repetition>
        <Interval>{}</Interval>
      </Repetition>
    </TimeTrigger>",
            iso(time)
        ),
        When::Daily { hour, minute } => format!(
            "\
    <CalendarTrigger>
      <StartBoundary>{}T{hour:02}:{minute:02}:00</StartBoundary>
      <ScheduleByDay>
        <DaysInterval>1</DaysInterval>
      </ScheduleByDay>
    </CalendarTrigger>",
            began.split('T').next().unwrap_or("2026-01-01")
        ),
    };
    let user =
        work.user.as_ref().map_or(String::new(), |user| format!("\n      <UserId>{}</UserId>", xml(user)));
    let args: Vec<String> = work.args.iter().map(|word| quoted(word)).collect();
    format!(
        "\
<?xml version=\"1.0\" encoding=\"UTF-16\"?>
<Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">
  <RegistrationInfo>
    <Description>media-converter: {}</Description>
  </RegistrationInfo>
  <Triggers>
{trigger}
  </Triggers>
  <Principals>
    <Principal id=\"Author\">{user}
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>true</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>true</RunOnlyIfNetworkAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>7</Priority>
  </Settings>
  <Actions Context=\"Author\">
    <Exec>
      <Command>{}</Command>
      <Arguments>{}</Arguments>
    </Exec>
  </Actions>
</Task>
",
        when.words(),
        xml(&work.program.to_string_lossy()),
        xml(&args.join(" ")),
    )
}

/// As ISO 8601 writes a length of time.
fn iso(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (hours, 0) => format!("PT{hours}H"),
        (0, minutes) => format!("PT{minutes}M"),
        (hours, minutes) => format!("PT{hours}H{minutes}M"),
    }
}

/// A word as Windows' programs take their command line apart: backslashes count only before a quotation mark, so that
/// the one at the end of `Z:\my films\` has to be doubled.
pub fn quoted(word: &str) -> String {
    if !word.is_empty() && !word.contains([' ', '\t', '"']) {
        return word.to_owned();
    }
    let mut text = String::from("\"");
    let mut backslashes = 0;
    for c in word.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                text.extend(std::iter::repeat_n('\\', backslashes * 2 + 1));
                backslashes = 0;
                text.push('"');
            }
            c => {
                text.extend(std::iter::repeat_n('\\', backslashes));
                backslashes = 0;
                text.push(c);
            }
        }
    }
    text.extend(std::iter::repeat_n('\\', backslashes * 2));
    text.push('"');
    text
}
