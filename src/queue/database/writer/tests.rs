//! A server whose answers to a commit get lost, as no real one can be told to do at a given moment.

use std::sync::{Mutex, PoisonError};

use super::*;
use crate::database::{Dialect, Row, SessionError};
use crate::failure::Class;
use crate::queue::database::statement::Value;

/// A server with one row of ours, whose answer to a commit may get lost.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    epoch: i64,
    turn: i64,
    /// Notes that were committed, in order.
    notes: Vec<String>,
    /// Of the transaction that is open.
    staged: (i64, Vec<String>),
    /// The next commit is done, nobody is told, and nobody gets in for so long.
    loses_next: Option<Duration>,
    away_until: Option<Instant>,
}

fn lost() -> SessionError {
    SessionError { code: None, class: Class::Transient, said: "the connection is lost".to_owned() }
}

impl Fake {
    fn run(&self, statement: &str) -> Result<Vec<Row>, SessionError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let row = |numbers: &[i64]| vec![numbers.iter().map(|number| Some(number.to_string())).collect()];
        let of = |begin: &str| statement.starts_with(begin);
        Ok(match statement {
            _ if of("SELECT GET_LOCK")
                || statement.contains("information_schema")
                || statement.contains("max(version)") =>
            {
                row(&[1])
            }
            _ if statement.contains("WHERE name =") => row(&[1, state.epoch]),
            _ if statement.contains("epoch = epoch + 1") => {
                state.epoch += 1;
                vec![]
            }
            _ if statement.contains("FOR UPDATE") => row(&[state.epoch, state.turn, 0, 0]),
            _ if of("SELECT epoch, turn") => row(&[state.epoch, state.turn]),
            _ if of("START TRANSACTION") => {
                state.staged = (state.turn, vec![]);
                vec![]
            }
            _ if of("note") => {
                state.staged.1.push(statement.to_owned());
                vec![]
            }
            _ if statement.contains("SET turn = ") => {
                state.staged.0 = state.turn + 1;
                vec![]
            }
            _ if of("COMMIT") => {
                let (turn, notes) = std::mem::take(&mut state.staged);
                state.turn = turn;
                state.notes.extend(notes);
                if let Some(away) = state.loses_next.take() {
                    state.away_until = Some(Instant::now() + away);
                    return Err(lost());
                }
                vec![]
            }
            _ => vec![],
        })
    }
}

#[async_trait]
impl Server for Fake {
    fn dialect(&self) -> Dialect {
        Dialect::Mysql
    }

    async fn session(&self) -> Result<Box<dyn Session>, SessionError> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.away_until.is_some_and(|until| Instant::now() < until) {
            Err(lost())
        } else {
            Ok(Box::new(self.clone()))
        }
    }
}

#[async_trait]
impl Session for Fake {
    async fn run(&mut self, statements: &[String]) -> Result<Vec<Vec<Row>>, SessionError> {
        statements.iter().map(|statement| Fake::run(self, statement)).collect()
    }
}

struct Note(i64);

#[async_trait]
impl Work for Note {
    type Done = i64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64, Fault> {
        tx.write("note {number}", &[("number", Value::Int(self.0))]);
        Ok(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_to_be_stored_is_not_done_again_before_it_is_known() {
    let fake = Fake::default();
    let names = Names { dialect: Dialect::Mysql, schema: "bugrelay".to_owned(), database: "bugs".to_owned() };
    let writer = Writer::start("database:bugrelay".to_owned(), Arc::new(fake.clone()), names, Arc::default());
    writer.lead().await.unwrap();
    fake.0.lock().unwrap().loses_next = Some(Duration::from_secs(600));
    // They wait together, and so share a transaction.
    let (one, two) = tokio::join!(writer.run(Note(1)), writer.run(Note(2)));
    assert_eq!((one.unwrap(), two.unwrap()), (1, 2));
    assert_eq!(fake.0.lock().unwrap().notes, ["note 1", "note 2"]);
    assert_eq!(writer.run(Note(3)).await.unwrap(), 3);
    assert_eq!(fake.0.lock().unwrap().notes.len(), 3);
}
