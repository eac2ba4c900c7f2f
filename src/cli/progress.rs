//! What is shown while an order is carried out: since when, and how many messages came into the store meanwhile. On a terminal alone, and
//! gone when the answer is there.

use std::io::IsTerminal as _;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::output;

/// From one look to the next; what takes less shows nothing.
const LOOK: Duration = Duration::from_secs(1);

/// Waits for the work, and shows that it goes on. `stored` tells the store's last sequence, if it can.
pub(super) async fn shown<T>(work: impl Future<Output = T>, stored: impl AsyncFn() -> Option<i64>) -> T {
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let done = told(work, stored, output::passing).await;
    output::passing("");
    done
}

async fn told<T>(work: impl Future<Output = T>, stored: impl AsyncFn() -> Option<i64>, tell: impl Fn(&str)) -> T {
    let mut work = std::pin::pin!(work);
    let began = Instant::now();
    let mut first = None;
    loop {
        if let Ok(done) = timeout(LOOK, &mut work).await {
            return done;
        }
        // Whoever is asked may be busy with the order.
        let last = timeout(LOOK, stored()).await.ok().flatten();
        first = first.or(last);
        let came = last.zip(first).map(|(last, first)| last - first).filter(|came| *came > 0);
        let came = came.map(|came| format!(", {came} messages stored meanwhile")).unwrap_or_default();
        tell(&format!("working for {} s{came}", began.elapsed().as_secs()));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_takes_longer_says_so_each_second_with_what_was_stored_and_what_is_quick_says_nothing() {
        let (said, sequence) = (RefCell::new(vec![]), Cell::new(100));
        let stored = async || {
            sequence.set(sequence.get() + 50);
            Some(sequence.get())
        };
        let tell = |text: &str| said.borrow_mut().push(text.to_owned());
        let done = told(async { 7 }, stored, tell).await;
        assert_eq!((done, said.borrow().len()), (7, 0));
        told(tokio::time::sleep(Duration::from_millis(3_500)), stored, tell).await;
        assert_eq!(said.borrow()[0], "working for 1 s");
        assert_eq!(said.borrow()[2], "working for 3 s, 100 messages stored meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_tell_what_was_stored_holds_nothing_up() {
        let said = RefCell::new(vec![]);
        let silent = async || std::future::pending().await;
        told(tokio::time::sleep(Duration::from_secs(5)), silent, |text| said.borrow_mut().push(text.to_owned())).await;
        assert!(said.borrow().iter().all(|text| !text.contains("stored")), "{said:?}");
    }
}
