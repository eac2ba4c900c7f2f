//! The page as a browser without scripts meets it: links that are followed, forms that are sent. What a real browser makes of it is
//! looked at by `scripts/page`.

mod changing;
mod door;
mod looking;

use std::cell::RefCell;

use url::form_urlencoded;

use crate::services::Bugrelay;

/// One that follows no redirect by itself, and keeps its cookie.
struct Browser<'a> {
    bugrelay: &'a Bugrelay,
    host: &'a str,
    cookie: RefCell<String>,
}

/// What it was answered.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    text: String,
}

impl<'a> Browser<'a> {
    /// On this machine, signed out.
    fn new(bugrelay: &'a Bugrelay) -> Self {
        Browser { bugrelay, host: "localhost", cookie: RefCell::default() }
    }

    /// The same, signed in.
    fn signed_in(bugrelay: &'a Bugrelay) -> Self {
        let browser = Self::new(bugrelay);
        let answer = browser.sign_in("open sesame");
        assert_eq!((answer.status, answer.header("location")), (303, "/"), "{answer:?}");
        browser
    }

    fn sign_in(&self, token: &str) -> Answer {
        self.send("/sign-in", &[("token", token), ("next", "/")])
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "")
    }

    /// A form, as it is filled in.
    fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask("POST", path, "", &encoded(fields))
    }

    /// A form of this session.
    fn order(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = self.get("/").value_of("form");
        self.send(path, &[&[("form", form.as_str())], fields].concat())
    }

    /// With head lines of its own.
    fn ask(&self, method: &str, path: &str, more: &str, body: &str) -> Answer {
        let cookie = self.cookie.borrow().clone();
        let head =
            format!("Host: {}\r\nCookie: {cookie}\r\n{more}Content-Type: application/x-www-form-urlencoded", self.host);
        let answer = Answer::parse(&self.bugrelay.send_with(method, path, &head, body));
        if let Some(set) = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")) {
            *self.cookie.borrow_mut() = set.split(';').next().unwrap().to_owned();
        }
        answer
    }
}

impl Answer {
    fn parse(answer: &str) -> Self {
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), text: text.to_owned() }
    }

    fn header(&self, name: &str) -> &str {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
    }

    /// The value of its first field of this name.
    fn value_of(&self, name: &str) -> String {
        let (_, rest) =
            self.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name}: {self:?}"));
        rest.split('"').next().unwrap().to_owned()
    }

    /// What people read of it, blanks made one.
    fn words(&self) -> String {
        let mut text = String::new();
        let mut inside = false;
        for c in self.text.chars() {
            match c {
                '<' => (inside, text) = (true, text + " "),
                '>' => inside = false,
                c if !inside => text.push(if c == '\u{a0}' || c == '\u{202f}' { ' ' } else { c }),
                _ => {}
            }
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn says(&self, words: &str) {
        assert!(self.words().contains(words), "{words:?} is not in {}", self.words());
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
