//! A connection to MySQL or MariaDB for what is ours, and what its refusals mean.

use async_trait::async_trait;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, DriverError, Error, ServerError};

use super::{Mysql, texts};
use crate::database::session::{Server, Session, SessionError, packets, patiently};
use crate::database::{Dialect, Row};
use crate::failure::Class;
use crate::tls;

#[async_trait]
impl Server for Mysql {
    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    async fn session(&self) -> Result<Box<dyn Session>, SessionError> {
        let conn = patiently(async { Ok(Conn::new(self.account.opts()).await?) }).await?;
        Ok(Box::new(MysqlSession { conn }))
    }
}

struct MysqlSession {
    conn: Conn,
}

#[async_trait]
impl Session for MysqlSession {
    async fn run(&mut self, statements: &[String]) -> Result<Vec<Vec<Row>>, SessionError> {
        let mut answers = Vec::with_capacity(statements.len());
        for packet in packets(statements) {
            let answer = patiently(async { Ok(ask(&mut self.conn, packet).await?) }).await;
            if answer.as_ref().is_err_and(|error| error.code.is_some()) {
                // The driver tells an error that came behind some rows again, before it sends the next question.
                let _ = patiently(async { Ok(self.conn.ping().await?) }).await;
            }
            answers.extend(answer?);
        }
        Ok(answers)
    }
}

async fn ask(conn: &mut Conn, statements: &[String]) -> Result<Vec<Vec<Row>>, Error> {
    let mut result = conn.query_iter(statements.join(";\n")).await?;
    let mut answers = Vec::with_capacity(statements.len());
    for _ in statements {
        answers.push(result.collect::<mysql_async::Row>().await?.into_iter().map(texts).collect());
    }
    result.drop_result().await?;
    Ok(answers)
}

impl From<Error> for SessionError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Server(refusal) => refused(refusal),
            Error::Driver(DriverError::NoClientSslFlagFromServer) => SessionError {
                code: None,
                class: Class::Misconfigured,
                said: "it offers no TLS; set it up there, or write tls = \"off\" where nobody can listen".to_owned(),
            },
            _ => match tls::refusal(&error) {
                Some(refusal) => {
                    SessionError { code: None, class: Class::Misconfigured, said: format!("{refusal}: {error}") }
                }
                None => SessionError {
                    code: None,
                    class: Class::Transient,
                    said: format!("the connection failed: {error}"),
                },
            },
        }
    }
}

fn refused(error: &ServerError) -> SessionError {
    let class = match error.code {
        // No such database or account, a right is missing.
        1044 | 1045 | 1049 | 1142 | 1143 | 1227 | 1370 | 1698 => Class::Misconfigured,
        _ => Class::Transient,
    };
    // These quote a value, or the statement.
    let said = match error.code {
        1064 | 1149 => "a statement is not understood",
        1062 | 1264 | 1292 | 1366 | 1406 => "a value cannot be stored",
        _ => &error.message,
    };
    SessionError { code: Some(error.code.to_string()), class, said: format!("{said} (error {})", error.code) }
}
