//! Reads Rust text just well enough for the house rules: comments and strings apart, tokens with their lines.
//!
//! Not a parser: it never fails. What it must get right is where code ends and text begins, so that a rule is neither
//! fooled by a word in a comment nor blind to one behind a string.

/// One token of code, or one string literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A name or a keyword.
    Word(String),
    /// A string literal's text, escapes as written.
    Text(String),
    /// `::`
    PathSep,
    /// Any other punctuation.
    Mark(char),
}

/// A token and the line it begins on, from 1.
#[derive(Clone, Debug)]
pub struct Placed {
    pub token: Token,
    pub line: usize,
    /// It lies inside an inline `#[cfg(test)] mod … { }`.
    pub test: bool,
    /// How many inline modules enclose it.
    pub nesting: usize,
}

impl Placed {
    pub fn word(&self) -> Option<&str> {
        if let Token::Word(word) = &self.token { Some(word) } else { None }
    }
    pub fn is(&self, mark: char) -> bool {
        self.token == Token::Mark(mark)
    }
}

/// The tokens of a file's text.
pub fn read(text: &str) -> Vec<Placed> {
    let mut tokens = scan(text);
    mark_modules(&mut tokens);
    tokens
}

fn scan(text: &str) -> Vec<Placed> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let (mut i, mut line) = (0, 1);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    while i < chars.len() {
        let begun = line;
        let c = chars[i];
        let token = if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && chars[i] != '\n' {
                i += 1;
            }
            None
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                if at(i) == '/' && at(i + 1) == '*' {
                    depth += 1;
                    i += 2;
                } else if at(i) == '*' && at(i + 1) == '/' {
                    depth -= 1;
                    i += 2;
                } else {
                    line += usize::from(at(i) == '\n');
                    i += 1;
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
            None
        } else if let Some((hashes, quote)) = raw_string(&chars, i) {
            let start = quote + 1;
            let close: String = format!("\"{}", "#".repeat(hashes));
            let mut end = start;
            while end < chars.len() && !starts_with(&chars, end, &close) {
                line += usize::from(chars[end] == '\n');
                end += 1;
            }
            i = end + close.len();
            Some(Token::Text(chars[start..end].iter().collect()))
        } else if c == '"' {
            let start = i + 1;
            i = start;
            while i < chars.len() && chars[i] != '"' {
                // A continued line's break belongs to the escape, and still ends a line.
                line += usize::from(chars[i] == '\n' || (chars[i] == '\\' && at(i + 1) == '\n'));
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            let text = chars[start.min(chars.len())..i.min(chars.len())].iter().collect();
            i += 1;
            Some(Token::Text(text))
        } else if c == '\'' {
            // A character in quotes, or a lifetime.
            if at(i + 1) == '\\' {
                i += 3;
                while i < chars.len() && chars[i] != '\'' {
                    i += 1;
                }
                i += 1;
            } else if at(i + 2) == '\'' {
                i += 3;
            } else {
                i += 1;
            }
            None
        } else if is_word(c) {
            let start = i;
            while i < chars.len() && is_word(chars[i]) {
                i += 1;
            }
            Some(Token::Word(chars[start..i].iter().collect()))
        } else if c == ':' && at(i + 1) == ':' {
            i += 2;
            Some(Token::PathSep)
        } else {
            line += usize::from(c == '\n');
            i += 1;
            (!c.is_whitespace()).then_some(Token::Mark(c))
        };
        if let Some(token) = token {
            tokens.push(Placed { token, line: begun, test: false, nesting: 0 });
        }
    }
    tokens
}

/// `r"`, `r#"`, `br"`, `cr"` at `i`: the number of hashes and where the quote is.
fn raw_string(chars: &[char], i: usize) -> Option<(usize, usize)> {
    if i > 0 && (chars[i - 1].is_alphanumeric() || chars[i - 1] == '_') {
        return None;
    }
    let mut j = i;
    if matches!(chars[j], 'b' | 'c') {
        j += 1;
    }
    if chars.get(j) != Some(&'r') {
        return None;
    }
    j += 1;
    let hashes = chars[j..].iter().take_while(|c| **c == '#').count();
    (chars.get(j + hashes) == Some(&'"')).then_some((hashes, j + hashes))
}

fn starts_with(chars: &[char], i: usize, text: &str) -> bool {
    text.chars().enumerate().all(|(k, c)| chars.get(i + k) == Some(&c))
}

/// Notes for each token how many inline modules enclose it and whether one of them is for tests only.
fn mark_modules(tokens: &mut [Placed]) {
    let mut depth = 0_usize;
    // (brace depth inside, for tests)
    let mut modules: Vec<(usize, bool)> = Vec::new();
    let mut pending_test = false;
    let mut i = 0;
    while i < tokens.len() {
        let opens_module = tokens[i].word() == Some("mod")
            && tokens.get(i + 1).is_some_and(|t| t.word().is_some())
            && tokens.get(i + 2).is_some_and(|t| t.is('{'));
        if is_cfg_test(&tokens[i..]) {
            pending_test = true;
        }
        let inside_test = modules.iter().any(|(_, test)| *test);
        tokens[i].test = inside_test;
        tokens[i].nesting = modules.len();
        if opens_module {
            tokens[i + 1].nesting = modules.len();
            tokens[i + 1].test = inside_test;
            depth += 1;
            modules.push((depth, pending_test));
            pending_test = false;
            i += 3;
            continue;
        }
        if tokens[i].is('{') {
            depth += 1;
        } else if tokens[i].is('}') {
            if modules.last().is_some_and(|(inside, _)| *inside == depth) {
                modules.pop();
            }
            depth = depth.saturating_sub(1);
        } else if tokens[i].is(';') {
            pending_test = false;
        }
        i += 1;
    }
}

fn is_cfg_test(tokens: &[Placed]) -> bool {
    let [hash, open, cfg, paren, test, ..] = tokens else { return false };
    hash.is('#') && open.is('[') && cfg.word() == Some("cfg") && paren.is('(') && test.word() == Some("test")
}

/// A name below the crate's root, where it is named.
#[derive(Clone, Debug)]
pub struct Named {
    pub name: String,
    pub line: usize,
    /// Inside an inline module for tests.
    pub test: bool,
}

/// The first names of every path from the crate's root: `crate::a`, `crate::{a::b, c}`, and a chain of
/// `super::` long enough to reach the root from a module this `deep` (a room's `mod.rs` is 1).
pub fn root_names(tokens: &[Placed], deep: usize) -> Vec<Named> {
    let mut names = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let next = match tokens[i].word() {
            Some("crate") => Some(i + 1),
            Some("super") => {
                let mut supers = 1;
                let mut j = i + 1;
                while tokens.get(j).is_some_and(|t| t.token == Token::PathSep)
                    && tokens.get(j + 1).and_then(Placed::word) == Some("super")
                {
                    supers += 1;
                    j += 2;
                }
                let reaches = supers >= deep + tokens[i].nesting;
                if !reaches {
                    i = j;
                }
                reaches.then_some(j)
            }
            _ => None,
        };
        if let Some(separator) = next {
            if tokens.get(separator).is_some_and(|t| t.token == Token::PathSep) {
                first_names(tokens, separator + 1, &mut names);
            }
            i = separator;
        }
        i += 1;
    }
    names
}

fn first_names(tokens: &[Placed], start: usize, names: &mut Vec<Named>) {
    let Some(first) = tokens.get(start) else { return };
    let place = |name: &str, at: &Placed| Named { name: name.to_owned(), line: at.line, test: at.test };
    match &first.token {
        Token::Word(word) => names.push(place(word, first)),
        Token::Mark('*') => names.push(place("*", first)),
        Token::Mark('{') => {
            let mut depth = 0;
            let mut fresh = false;
            for token in &tokens[start..] {
                if token.is('{') {
                    depth += 1;
                    fresh = depth == 1;
                    continue;
                } else if token.is('}') {
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                } else if token.is(',') {
                    fresh = depth == 1;
                    continue;
                } else if fresh {
                    names.push(place(token.word().unwrap_or("*"), token));
                }
                fresh = false;
            }
        }
        _ => {}
    }
}

/// The modules that a file declares without a body: `mod name;`, with the file a `#[path]` names where there is one.
pub fn declared_modules(tokens: &[Placed]) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let mut path = None;
    for (i, token) in tokens.iter().enumerate() {
        if token.word() == Some("path")
            && tokens.get(i + 1).is_some_and(|t| t.is('='))
            && let Some(Placed { token: Token::Text(text), .. }) = tokens.get(i + 2)
        {
            path = Some(text.clone());
        }
        if token.word() == Some("mod")
            && tokens.get(i + 2).is_some_and(|t| t.is(';'))
            && let Some(name) = tokens.get(i + 1).and_then(Placed::word)
        {
            found.push((name.to_owned(), path.take()));
        }
    }
    found
}

/// A path without its `..`: a module may lie in another tree.
pub fn resolved(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}
