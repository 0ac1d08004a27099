//! Tables, JSON and progress bars.
//!
//! Results go to stdout, everything else to stderr, so that a pipe carries results only.

use crate::{
    error::{CommandResult, Failure, Kind},
    global::Global,
};
use comfy_table::{presets, CellAlignment, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use std::{
    borrow::Cow,
    io::{IsTerminal, Write},
    time::Duration,
};

/// Writes a text and a line end to stdout.
pub(crate) fn line(text: &str) {
    piece(&format!("{}\n", text.trim_end_matches('\n')));
}

/// Writes a piece of text to stdout at once. A reader that has gone ends the program in silence, as
/// it does for `cat`.
pub(crate) fn piece(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    if written.is_err() {
        std::process::exit(Kind::Failed as i32);
    }
}

/// Prints a result: the JSON with `--json`, a part of it with `--field`, the text otherwise. A field
/// that is not there ends the program: whoever asks for one needs it.
pub(crate) fn show(global: &Global, json: &Value, human: impl FnOnce() -> String) {
    if global.json {
        line(&json.to_string());
    } else if let Some(path) = &global.field {
        match field(json, path) {
            Some(text) => line(&text),
            None => {
                let missing = Failure::not_found(format!("the result has no field {path}"));
                failure(&missing, false);
                std::process::exit(missing.kind() as i32);
            }
        }
    } else {
        line(&human());
    }
}

/// A field of a JSON document as text: names and numbers of places, with dots between.
fn field(json: &Value, path: &str) -> Option<String> {
    let found = path.split('.').try_fold(json, |value, name| match value {
        Value::Array(list) => list.get(name.parse::<usize>().ok()?),
        value => value.get(name),
    })?;
    Some(match found {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// Prints a failure to stderr.
pub(crate) fn failure(failure: &Failure, json: bool) {
    let text = if json { failure.to_json().to_string() } else { format!("error: {failure}") };
    // There is nowhere left to report that stderr is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A usage error of the command line parser in one sentence.
pub(crate) fn usage(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.trim_start_matches("error: ").split_whitespace().collect();
    format!("{} (see --help)", words.join(" "))
}

/// An empty table without lines: columns separated by blanks, easy to read and to cut.
pub(crate) fn table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.into_iter().collect::<Vec<_>>());
    table
}

/// Aligns the columns with these numbers to the right, as figures are.
pub(crate) fn align_right(table: &mut Table, columns: &[usize]) {
    for &column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// The text of a table, without blanks at the ends of lines.
pub(crate) fn render(table: &Table) -> String {
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    // The first column needs no margin.
    let indented = lines.iter().all(|line| line.is_empty() || line.starts_with(' '));
    lines
        .iter()
        .map(|line| if indented { line.get(1..).unwrap_or_default() } else { line.as_str() })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Names and values under one another.
pub(crate) fn fields<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter()
        .map(|(name, value)| format!("{name:width$}  {value}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A progress bar on stderr, hidden when stderr is no terminal or with `--quiet`.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar that fills as units of something are done.
    pub(crate) fn bar(global: &Global, length: u64, what: impl Into<Cow<'static, str>>) -> Self {
        Self::styled(global, ProgressBar::new(length), "{msg} {bar:30} {pos}/{len} {elapsed}", what)
    }

    /// A bar that fills as bytes are done.
    pub(crate) fn bytes(global: &Global, length: u64, what: impl Into<Cow<'static, str>>) -> Self {
        let template = "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}";
        Self::styled(global, ProgressBar::new(length), template, what)
    }

    /// A wheel that turns for as long as something takes.
    pub(crate) fn spinner(global: &Global, what: impl Into<Cow<'static, str>>) -> Self {
        let progress =
            Self::styled(global, ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}", what);
        progress.0.enable_steady_tick(Duration::from_millis(120));
        progress
    }

    fn styled(
        global: &Global,
        bar: ProgressBar,
        template: &str,
        what: impl Into<Cow<'static, str>>,
    ) -> Self {
        if global.quiet || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what);
        Self(bar)
    }

    /// So many units are done.
    pub(crate) fn at(&self, position: u64) {
        self.0.set_position(position);
    }

    /// What is being done now.
    pub(crate) fn say(&self, what: impl Into<Cow<'static, str>>) {
        self.0.set_message(what);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A remark for the person at the terminal; nothing that a script would need.
pub(crate) fn note(global: &Global, text: &str) {
    if !global.quiet && !global.is_for_programs() {
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

/// Asks at the terminal, and takes everything but `y` and `yes` for no. Where nobody sits at a
/// terminal the answer is yes: who writes a script has decided.
pub(crate) fn confirm(question: &str) -> CommandResult<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(true);
    }
    let _ = write!(std::io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    stdin
        .read_line(&mut answer)
        .map_err(|error| Failure::failed(format!("cannot read the answer: {error}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Logs of the libraries, off unless `RUST_LOG` asks for them.
pub(crate) fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Bytes as people read them.
pub(crate) fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}

/// A count with its digits in groups of three.
pub(crate) fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_should_be_found_by_names_and_places() {
        let json = serde_json::json!({ "jobs": [{ "id": 7, "status": { "kind": "settled" } }] });
        assert_eq!(field(&json, "jobs.0.id").as_deref(), Some("7"));
        assert_eq!(field(&json, "jobs.0.status.kind").as_deref(), Some("settled"));
        for missing in ["", "jobs.1", "jobs.x", "jobs.0.id.0", "job"] {
            assert_eq!(field(&json, missing), None, "{missing}");
        }
    }

    #[test]
    fn a_table_should_stay_aligned_and_inert_with_hostile_names() {
        let mut table = table(["ID", "NAME", "OWNER"]);
        let names: [&[u8]; 4] =
            [b"all-MiniLM-L6-v2", &[b'x'; 64], b"\x1b[31mred\x1b[0m\r\nroot", "模型".as_bytes()];
        for (id, name) in names.into_iter().enumerate() {
            table.add_row([id.to_string(), crate::text::brief(name, 32), "owner".into()]);
        }
        let text = render(&table);
        assert_eq!(text.lines().count(), 5);
        assert!(!text.chars().any(|character| character.is_control() && character != '\n'));
        assert!(text.contains("\\u{1b}[31mred"));
        assert!(text.contains(&format!("{}…", "x".repeat(31))));
        let ascii = [0, 1, 2, 3];
        let column = |line: usize| text.lines().nth(line).and_then(|line| line.find("owner"));
        assert!(ascii[..2].iter().all(|line| column(line + 1).is_some()));
        assert_eq!(column(1), text.lines().next().and_then(|line| line.find("OWNER")));
    }

    #[test]
    fn fields_should_line_up() {
        assert_eq!(fields([("a", "1".into()), ("long", "2".into())]), "a     1\nlong  2");
    }

    #[test]
    fn usage_should_fit_one_line() {
        use clap::Parser;
        let error = crate::cli::Cli::try_parse_from(["vigil", "job", "show"]).unwrap_err();
        let text = usage(&error);
        assert!(text.contains("<JOB>"), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}
