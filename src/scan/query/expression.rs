//! `height > 1080 and (codec = h264 or audio_languages = ger) and not name ~ sample`.
//!
//! A comparison is a field, an operator and a value; a flag stands alone. `~` is «contains». Texts are compared without
//! case. What a file does not have is neither more nor less than anything, and is different from everything.

use super::{FIELDS, Kind, Row, Value, kind};

/// Parentheses and `not`s in each other.
const DEEPEST: u32 = 64;

/// A condition over rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Compare { field: String, by: Operator, with: Value },
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
    Contains,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Operator(Operator),
    Open,
    Close,
}

impl Expression {
    /// Reads an expression; the error says in words what is wrong, and with which part.
    pub fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, depth: 0 };
        let expression = parser.any()?;
        match parser.tokens.first() {
            None => Ok(expression),
            Some(token) => Err(format!("{} is one too many", show(token))),
        }
    }

    /// Whether a row meets the condition.
    pub fn holds(&self, row: &Row) -> bool {
        match self {
            Expression::Or(list) => list.iter().any(|part| part.holds(row)),
            Expression::And(list) => list.iter().all(|part| part.holds(row)),
            Expression::Not(part) => !part.holds(row),
            Expression::Compare { field, by, with } => compare(&row.field(field), *by, with),
        }
    }
}

fn compare(value: &Value, by: Operator, with: &Value) -> bool {
    match (value, with) {
        (Value::Number(value), Value::Number(with)) => match by {
            Operator::Is => (value - with).abs() < 1e-9,
            Operator::IsNot => (value - with).abs() >= 1e-9,
            Operator::Less => value < with,
            Operator::AtMost => value <= with,
            Operator::More => value > with,
            Operator::AtLeast => value >= with,
            Operator::Contains => false,
        },
        (Value::Text(value), Value::Text(with)) => {
            let (value, with) = (value.to_lowercase(), with.to_lowercase());
            match by {
                Operator::Is => value == with,
                Operator::IsNot => value != with,
                Operator::Less => value < with,
                Operator::AtMost => value <= with,
                Operator::More => value > with,
                Operator::AtLeast => value >= with,
                Operator::Contains => value.contains(&with),
            }
        }
        (Value::Flag(value), Value::Flag(with)) => (by == Operator::IsNot) != (value == with),
        (Value::List(list), Value::Text(_)) => {
            let by_one = if by == Operator::IsNot { Operator::Is } else { by };
            let found = list.iter().any(|item| compare(&Value::Text(item.clone()), by_one, with));
            (by == Operator::IsNot) != found
        }
        _ => by == Operator::IsNot,
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    depth: u32,
}

impl Parser<'_> {
    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.first(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word));
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn next(&mut self) -> Option<Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first.clone())
    }

    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.word("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.one()?];
        while self.word("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn one(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("too many parentheses in each other".to_owned());
        }
        let part = if self.word("not") {
            Expression::Not(Box::new(self.one()?))
        } else {
            match self.next() {
                Some(Token::Open) => {
                    let inner = self.any()?;
                    match self.next() {
                        Some(Token::Close) => inner,
                        _ => return Err("a closing parenthesis is missing".to_owned()),
                    }
                }
                Some(Token::Word(field)) => self.comparison(field)?,
                Some(token) => return Err(format!("a field is expected before {}", show(&token))),
                None => return Err("a field is expected at the end".to_owned()),
            }
        };
        self.depth -= 1;
        Ok(part)
    }

    fn comparison(&mut self, field: String) -> Result<Expression, String> {
        let Some(is) = kind(&field) else {
            let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            return Err(format!("there is no field «{field}»; fields are {}", names.join(", ")));
        };
        let Some(Token::Operator(by)) = self.tokens.first().cloned() else {
            if is == Kind::Flag {
                return Ok(Expression::Compare { field, by: Operator::Is, with: Value::Flag(true) });
            }
            return Err(format!("after «{field}» one of = != < <= > >= ~ is expected"));
        };
        self.tokens = &self.tokens[1..];
        let Some(Token::Word(value) | Token::Quoted(value)) = self.next() else {
            return Err(format!("a value is expected after «{field}» and its operator"));
        };
        let with = match is {
            Kind::Number if by == Operator::Contains => {
                return Err(format!("{field} is a number, and ~ looks into texts"));
            }
            Kind::Number => {
                Value::Number(number(&value).ok_or_else(|| format!("«{value}» is no number for {field}"))?)
            }
            Kind::Flag => match value.to_ascii_lowercase().as_str() {
                "yes" | "true" => Value::Flag(true),
                "no" | "false" => Value::Flag(false),
                _ => return Err(format!("{field} is yes or no, not «{value}»")),
            },
            Kind::Text | Kind::List => Value::Text(value),
        };
        Ok(Expression::Compare { field, by, with })
    }
}

/// A number, with K, M, G or T for powers of 1024.
pub fn number(text: &str) -> Option<f64> {
    let (digits, power) = match text.chars().last()?.to_ascii_uppercase() {
        'K' => (&text[..text.len() - 1], 1),
        'M' => (&text[..text.len() - 1], 2),
        'G' => (&text[..text.len() - 1], 3),
        'T' => (&text[..text.len() - 1], 4),
        _ => (text, 0),
    };
    let number: f64 = digits.parse().ok()?;
    number.is_finite().then(|| number * 1024f64.powi(power))
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        let equals = chars.peek() == Some(&'=');
        let token = match first {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '~' => Token::Operator(Operator::Contains),
            '=' | '!' | '<' | '>' => {
                if equals {
                    chars.next();
                }
                Token::Operator(match (first, equals) {
                    ('=', _) => Operator::Is,
                    ('!', true) => Operator::IsNot,
                    ('<', false) => Operator::Less,
                    ('<', true) => Operator::AtMost,
                    ('>', false) => Operator::More,
                    ('>', true) => Operator::AtLeast,
                    _ => return Err("«!» alone means nothing; say «not» or «!=»".to_owned()),
                })
            }
            '"' | '\'' => {
                let mut inner = String::new();
                loop {
                    match chars.next() {
                        Some(c) if c == first => break,
                        Some(c) => inner.push(c),
                        None => return Err(format!("a closing {first} is missing")),
                    }
                }
                Token::Quoted(inner)
            }
            first => {
                let mut word = String::from(first);
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"()=!<>~\"'".contains(*c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
        };
        found.push(token);
    }
    Ok(found)
}

fn show(token: &Token) -> String {
    match token {
        Token::Word(word) | Token::Quoted(word) => format!("«{word}»"),
        Token::Operator(_) => "an operator".to_owned(),
        Token::Open => "«(»".to_owned(),
        Token::Close => "«)»".to_owned(),
    }
}
