//! Tables on stdout: aligned columns, the last one as long as it likes. Pure.

use super::text;

/// How a column is aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// Lays out rows under their headings; every cell is cleaned. No rows: nothing.
pub fn table(headings: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head: Vec<String> = headings.iter().map(|(name, _)| name.to_uppercase()).collect();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| text::clean(cell)).collect()).collect();
    let widths: Vec<usize> = (0..headings.len())
        .map(|i| rows.iter().chain([&head]).filter_map(|row| row.get(i)).map(|cell| text::width(cell)).max())
        .map(Option::unwrap_or_default)
        .collect();
    let mut out = String::new();
    for row in std::iter::once(&head).chain(&rows) {
        let mut line = String::new();
        for (i, (_, align)) in headings.iter().enumerate() {
            let cell = row.get(i).map_or("", String::as_str);
            let fill = " ".repeat(widths[i].saturating_sub(text::width(cell)));
            if i > 0 {
                line.push_str("  ");
            }
            match align {
                Align::Left => line.extend([cell, &fill]),
                Align::Right => line.extend([fill.as_str(), cell]),
            }
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
