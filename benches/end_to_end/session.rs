//! A session of Bugzilla's own: statements one by one, as its web server sends them.

use mysql_async::prelude::Queryable as _;

/// On either server.
pub(crate) enum Session {
    Mysql(mysql_async::Conn),
    Postgresql(tokio_postgres::Client),
}

impl Session {
    /// To the server that the URL names.
    pub(crate) async fn open(url: &str) -> Self {
        if url.starts_with("mysql:") {
            return Session::Mysql(mysql_async::Conn::from_url(url).await.expect("a connection"));
        }
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("a connection");
        // It ends when the client is dropped.
        tokio::spawn(connection);
        Session::Postgresql(client)
    }

    pub(crate) async fn run(&mut self, sql: &str) {
        match self {
            Session::Mysql(connection) => connection.query_drop(sql).await.expect("the statement"),
            Session::Postgresql(client) => client.batch_execute(sql).await.expect("the statement"),
        }
    }
}
