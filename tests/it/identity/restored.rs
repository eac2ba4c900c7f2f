//! A server that was restored from a backup, where the one before was.

use super::{STAGING, copy_of_the_last, gaps, running, save, wait_for_metric};
use crate::services::{MariaDb, Proxy};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_restored_on_the_same_host_is_told_from_its_history_and_counted() {
    let production = MariaDb::shared().database();
    let host = Proxy::before(MariaDb::shared().port()).await;
    let url =
        production.bugrelay_url().replace(&format!(":{}/", MariaDb::shared().port()), &format!(":{}/", host.port()));
    let bugrelay = running(&url, "");
    // Of many transactions; the backup's server begins its log anew, with the same number of a server.
    production.exec(&format!("SET SESSION gtid_seq_no = 100000000; {}", save(1)));
    bugrelay.wait_for(1);
    // The backup has that save; another was made before bugrelay came to read it.
    let restored = STAGING.database_called(&production.name);
    restored.exec(&(copy_of_the_last(1, |sql| production.exec(sql)) + &save(2)));
    host.lead_to(STAGING.port());
    let lines = bugrelay.wait_for(2);
    assert!(lines[1].contains("\"bug_id\":2,"), "{lines:?}");
    assert_eq!([gaps(&bugrelay, "ahead"), gaps(&bugrelay, "foreign_server")], [1.0, 0.0]);
    wait_for_metric(&bugrelay, "bugrelay_source_refused", 0.0);
    restored.exec(&save(3));
    assert!(bugrelay.wait_for(3)[2].contains("\"bug_id\":3,"));
}
