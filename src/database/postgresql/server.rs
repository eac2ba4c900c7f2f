//! A connection to PostgreSQL for what is ours, and what its refusals mean.

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use tokio_postgres::error::DbError;
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::{Connection, Postgresql, texts};
use crate::database::session::{Server, Session, SessionError, packets, patiently};
use crate::database::{DatabaseError, Dialect, Row};
use crate::failure::Class;

#[async_trait]
impl Server for Postgresql {
    fn dialect(&self) -> Dialect {
        Dialect::Postgresql
    }

    async fn session(&self) -> Result<Box<dyn Session>, SessionError> {
        let connection = self.connect().await.map_err(|DatabaseError { class, message }| SessionError {
            code: None,
            class,
            said: message,
        })?;
        Ok(Box::new(PostgresqlSession { connection }))
    }
}

struct PostgresqlSession {
    connection: Connection,
}

#[async_trait]
impl Session for PostgresqlSession {
    async fn run(&mut self, statements: &[String]) -> Result<Vec<Vec<Row>>, SessionError> {
        let mut answers = Vec::with_capacity(statements.len());
        for packet in packets(statements) {
            answers.extend(patiently(async { Ok(ask(&self.connection.client, packet).await?) }).await?);
        }
        Ok(answers)
    }
}

async fn ask(client: &Client, statements: &[String]) -> Result<Vec<Vec<Row>>, Error> {
    let mut messages = std::pin::pin!(client.simple_query_raw(&statements.join(";\n")).await?);
    let (mut answers, mut rows) = (Vec::with_capacity(statements.len()), Vec::new());
    while let Some(message) = messages.try_next().await? {
        match message {
            SimpleQueryMessage::Row(row) => rows.push(texts(&row)),
            SimpleQueryMessage::CommandComplete(_) => answers.push(std::mem::take(&mut rows)),
            _ => {}
        }
    }
    Ok(answers)
}

impl From<Error> for SessionError {
    fn from(error: Error) -> Self {
        match error.as_db_error() {
            Some(refusal) => refused(refusal),
            None => {
                let DatabaseError { class, message } = DatabaseError::from(error);
                SessionError { code: None, class, said: message }
            }
        }
    }
}

fn refused(error: &DbError) -> SessionError {
    let code = error.code().code();
    // A data exception quotes the data; a right that is missing, and a schema or database that is not there, are for somebody to mend.
    let said = if code.starts_with("22") { "a value cannot be stored" } else { error.message() };
    let class = match code.get(..2) {
        Some("28" | "3D" | "3F") => Class::Misconfigured,
        _ if code == "42501" => Class::Misconfigured,
        _ => Class::Transient,
    };
    SessionError { code: Some(code.to_owned()), class, said: format!("{said} ({code})") }
}
