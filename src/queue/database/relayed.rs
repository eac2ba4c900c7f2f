//! What scripts dropped: into the same rows as Bugzilla's messages, without a ledger and without a checkpoint.

use std::collections::HashMap;

use async_trait::async_trait;

use super::fault::Fault;
use super::put::{check_room, store, used_bytes, wishes};
use super::statement::{Value, standard};
use super::tx::Tx;
use super::work::Work;
use crate::message::Relayed;
use crate::queue::Receipt;
use crate::queue::kept::{self, Record, size_of};

/// Repeatable messages of so many milliseconds are forgotten in one transaction.
const FORGET_STEP: i64 = 60_000;

/// Stores what was not stored before.
pub(super) struct PutRelayed {
    pub(super) messages: Vec<Relayed>,
    pub(super) max_bytes: u64,
}

#[async_trait]
impl Work for PutRelayed {
    type Done = Vec<Receipt>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Receipt>, Fault> {
        let more = size_of(self.messages.iter().map(|relayed| &relayed.body));
        kept::room_for_relayed(used_bytes(tx), more, 0, self.max_bytes).map_err(Fault::Limit)?;
        check_room(tx, more, self.max_bytes)?;
        let mut known = self.known(tx).await?;
        let (mut fresh, mut keys, mut receipts) = (Vec::new(), Vec::new(), Vec::new());
        let mut sequence = tx.last_sequence;
        for relayed in &self.messages {
            let (id, digest) = (relayed.id.to_string(), relayed.digest().to_string());
            let receipt =
                known.get(&id).map(|(of, at)| if *of == digest { Receipt::Known(*at) } else { Receipt::Conflict });
            if receipt.is_none() {
                sequence += 1;
                fresh.push(Record::from(relayed));
            }
            if receipt.is_none() && relayed.is_repeatable {
                keys.push((id.clone(), digest.clone(), sequence));
                known.insert(id, (digest, sequence));
            }
            receipts.push(receipt);
        }
        let (site, now) = (tx.site(), Value::Int(tx.now));
        let rows: Vec<Vec<Value<'_>>> = keys
            .iter()
            .map(|(id, digest, sequence)| vec![site, Value::Text(id), Value::Text(digest), Value::Int(*sequence), now])
            .collect();
        tx.write_rows(standard!("relayed_add"), &rows);
        let wishes = wishes(tx)?;
        let mut stored = store(tx, &fresh, &wishes).into_iter();
        // As many were stored as have no receipt yet.
        Ok(receipts.into_iter().filter_map(|known| known.or_else(|| stored.next().map(Receipt::Stored))).collect())
    }
}

impl PutRelayed {
    /// Of those that may come again, what is known: digest and place, by id.
    async fn known(&self, tx: &mut Tx<'_>) -> Result<HashMap<String, (String, i64)>, Fault> {
        let repeatable = self.messages.iter().filter(|relayed| relayed.is_repeatable);
        // An id is hexadecimal digits and dashes.
        let ids: Vec<String> = repeatable.map(|relayed| format!("'{}'", relayed.id)).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let question = tx.fill(standard!("relayed_find"), &[("ids", Value::Sql(&ids.join(", ")))]);
        let [rows] = tx.ask([question]).await?;
        Ok(rows.iter().map(|row| (row.text(0), (row.text(1), row.int(2)))).collect())
    }
}

/// Forgets some of those that were put up to that time, in milliseconds; `true` if there are more.
pub(super) struct Forget {
    pub(super) before: i64,
}

#[async_trait]
impl Work for Forget {
    type Done = bool;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<bool, Fault> {
        let question = tx.fill(standard!("relayed_first"), &[]);
        let [rows] = tx.ask([question]).await?;
        let first = rows.first().and_then(|row| row.opt_int(0));
        let Some(first) = first.filter(|first| *first <= self.before) else { return Ok(false) };
        let last = first.saturating_add(FORGET_STEP).min(self.before);
        tx.write(standard!("relayed_purge"), &[("last", Value::Int(last))]);
        Ok(true)
    }
}
