//! `strftime_now`: a time of UTC in words, as Python's `strftime` has it.

use super::ChatError;
use std::fmt::Write;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;
const DAY: u64 = 86_400;

/// `now`, in seconds since 1970, as `format` wants it.
pub(super) fn strftime(now: u64, format: &str) -> Result<String, ChatError> {
    let now = now.min(LAST);
    let (days, seconds) = (now / DAY, now % DAY);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let name = |names: &[&'static str], place: u64| {
        usize::try_from(place).ok().and_then(|place| names.get(place)).copied().unwrap_or_default()
    };
    let month_name = name(&MONTHS, month - 1);
    let day_name = name(&DAYS, (days + 4) % 7);
    let short = |name: &'static str| name.get(..3).unwrap_or(name);
    let hour12 = (hour + 11) % 12 + 1;
    let mut out = String::new();
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let mut two = |number: u64| out.push_str(&format!("{number:02}"));
        match characters.next() {
            Some('d') => two(day),
            Some('m') => two(month),
            Some('y') => two(year % 100),
            Some('H') => two(hour),
            Some('I') => two(hour12),
            Some('M') => two(minute),
            Some('S') => two(second),
            Some('Y') => drop(write!(out, "{year:04}")),
            Some('F') => drop(write!(out, "{year:04}-{month:02}-{day:02}")),
            Some('T') => drop(write!(out, "{hour:02}:{minute:02}:{second:02}")),
            Some('j') => drop(write!(out, "{:03}", days - day_of(year, 1, 1) + 1)),
            Some('B') => out.push_str(month_name),
            Some('b' | 'h') => out.push_str(short(month_name)),
            Some('A') => out.push_str(day_name),
            Some('a') => out.push_str(short(day_name)),
            Some('p') => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            Some('Z') => out.push_str("UTC"),
            Some('z') => out.push_str("+0000"),
            Some('%') => out.push('%'),
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(ChatError::failed(format!("strftime_now does not know %{other}")));
            }
        }
    }
    Ok(out)
}

/// Days from 1970 to a day of the calendar.
fn day_of(year: u64, month: u64, day: u64) -> u64 {
    // Years that begin in March, so that the odd day comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469
}

/// The day of the calendar that lies so many days behind the first of 1970.
fn date(days: u64) -> (u64, u64, u64) {
    // A year has at least 365 days, and 366 are more than any has on average.
    let mut year = 1970 + days / 366;
    while day_of(year + 1, 1, 1) <= days {
        year += 1;
    }
    let month = (1..=12).rfind(|month| day_of(year, *month, 1) <= days).unwrap_or(1);
    (year, month, days - day_of(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_should_be_said_as_python_says_it() {
        let said = |now, format: &str| strftime(now, format).unwrap();
        assert_eq!(said(0, "%d %b %Y %A %j"), "01 Jan 1970 Thursday 001");
        assert_eq!(said(951_827_696, "%F %T"), "2000-02-29 12:34:56");
        assert_eq!(
            said(951_827_696, "%d %B %y, %I:%M:%S %p %a"),
            "29 February 00, 12:34:56 PM Tue"
        );
        assert_eq!(said(1_735_689_599, "%F %j %H"), "2024-12-31 366 23");
        assert_eq!(said(4_107_542_400, "%F %A"), "2100-03-01 Monday");
        assert_eq!(said(u64::MAX, "%F %T %%"), "9999-12-31 23:59:59 %");
        assert!(strftime(0, "%Q").is_err() && strftime(0, "%").is_err());
    }
}
