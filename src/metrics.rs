//! Every metric's name, help and labels, and one struct per stage that is handed in. No statics.
//!
//! Counters and histograms count what this process did; gauges of state are set from the store at scrape time.
//! Labels come from closed sets only: connectors by name, targets, actions, reasons. Never a bug, user, product or text.

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricType;
use prometheus::{
    CounterVec, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry,
};

/// All metrics of one instance, in a registry of its own.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Where they are gathered from.
    pub registry: Registry,
    /// The change source.
    pub source: SourceMetrics,
    /// What was captured and built.
    pub pipeline: PipelineMetrics,
    /// State of the store.
    pub queue: QueueMetrics,
    /// What scripts drop.
    pub relay: RelayMetrics,
    /// What left.
    pub delivery: DeliveryMetrics,
    /// 1 while what runs is what the configuration says.
    pub config_reload_successful: IntGauge,
    /// 1 while this instance captures and delivers, 0 while it stands by.
    pub leader: IntGauge,
    /// The version that runs.
    build_info: IntGaugeVec,
}

/// A metric as it is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// With the prefix.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// By name.
    pub labels: Vec<String>,
    /// What it is, as `/metrics` says it.
    pub help: String,
}

/// The change source.
#[derive(Clone, Debug)]
pub struct SourceMetrics {
    /// 1 while the change stream is open.
    pub connected: IntGauge,
    /// Now minus the commit time of the last save processed; 0 when idle.
    pub lag_seconds: Gauge,
    /// What the server keeps for us.
    pub retained_bytes: IntGauge,
    /// Rows that wait in the trigger queue, at the most.
    pub trigger_queue_rows: IntGauge,
    /// How long the oldest of them has waited.
    pub trigger_queue_oldest_age_seconds: Gauge,
    /// Changes that the way in cannot give any more, by reason.
    pub gaps: IntCounterVec,
    /// Moves to another server of the same history.
    pub failovers: IntCounter,
    /// 1 while nothing is read or sent because the server may be a copy.
    pub refused: IntGauge,
}

/// What was captured and built.
#[derive(Clone, Debug)]
pub struct PipelineMetrics {
    /// Change sets seen.
    pub change_sets: IntCounter,
    /// Messages put into the queue: target, action, visibility.
    pub messages: IntCounterVec,
    /// Objects left out because they are private, by reason.
    pub redacted: IntCounterVec,
    /// Messages that the sweep found.
    pub swept: IntCounter,
    /// Where the time goes: `read` the objects, `build` the messages, `store` them.
    pub stage_seconds: CounterVec,
}

/// State of the store, set at scrape time.
#[derive(Clone, Debug)]
pub struct QueueMetrics {
    /// Messages in the main queue.
    pub main_queue_messages: IntGauge,
    /// Messages in each backlog.
    pub backlog_messages: IntGaugeVec,
    /// Their bytes.
    pub backlog_bytes: IntGaugeVec,
    /// Age of the oldest.
    pub backlog_oldest_age_seconds: GaugeVec,
    /// Failures in a row.
    pub backlog_attempts: IntGaugeVec,
    /// When the next attempt is due, 0 when none is.
    pub backlog_next_attempt: GaugeVec,
    /// 1 while somebody has paused it.
    pub connector_paused: IntGaugeVec,
    /// Messages set aside.
    pub parked_messages: IntGaugeVec,
    /// Size of the store.
    pub store_bytes: IntGauge,
}

/// What scripts drop at the relay.
#[derive(Clone, Debug)]
pub struct RelayMetrics {
    /// What became of it: endpoint, result.
    pub received: IntCounterVec,
    /// Publishers that are connected by ZeroMQ.
    pub connections: IntGauge,
}

/// What left.
#[derive(Clone, Debug)]
pub struct DeliveryMetrics {
    /// Outcomes: connector, outcome.
    pub deliveries: IntCounterVec,
    /// Time of one attempt of a batch.
    pub send_seconds: HistogramVec,
    /// From the save's commit to the acknowledgement.
    pub end_to_end_seconds: HistogramVec,
    /// 1 while the last attempt succeeded.
    pub connector_up: IntGaugeVec,
    /// Messages sent again though they had perhaps arrived.
    pub possible_duplicates: IntCounterVec,
}

fn seconds(name: &str, help: &str) -> HistogramOpts {
    let buckets = vec![
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0,
    ];
    HistogramOpts::new(name, help).buckets(buckets)
}

impl Metrics {
    /// Registered, with `build_info` set. Fails only if two metrics had one name.
    pub fn new(version: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let metrics = Metrics {
            source: SourceMetrics::new()?,
            pipeline: PipelineMetrics::new()?,
            queue: QueueMetrics::new()?,
            relay: RelayMetrics {
                received: counters(
                    "bugrelay_relay_received_total",
                    "Messages that scripts sent to the relay, and what became of them; what is not taken by ZeroMQ is lost, and nobody tells its sender",
                    &["endpoint", "result"],
                )?,
                connections: IntGauge::new(
                    "bugrelay_relay_connections",
                    "Publishers that are connected to the relay by ZeroMQ",
                )?,
            },
            delivery: DeliveryMetrics {
                deliveries: counters(
                    "bugrelay_deliveries_total",
                    "Outcomes of deliveries, one for each message and attempt; dropped: copies that subscribers of fedmsg did not get because they did not keep up",
                    &["connector", "outcome"],
                )?,
                send_seconds: HistogramVec::new(
                    seconds("bugrelay_send_seconds", "Time that one attempt of a batch took"),
                    &["connector"],
                )?,
                end_to_end_seconds: HistogramVec::new(
                    seconds("bugrelay_end_to_end_seconds", "Time from the save's commit to the acknowledgement"),
                    &["connector"],
                )?,
                connector_up: gauges(
                    "bugrelay_connector_up",
                    "1 while the connector's last attempt succeeded, or nothing is left that it failed with; 0 too after a batch of which each of several messages was refused for good (of Bugzilla's, where they come the same way as relayed ones)",
                )?,
                possible_duplicates: counters(
                    "bugrelay_possible_duplicates_total",
                    "Messages sent again though an earlier attempt had perhaps delivered them",
                    &["connector"],
                )?,
            },
            leader: IntGauge::new(
                "bugrelay_leader",
                "1 while this instance captures and delivers, 0 while it stands by",
            )?,
            config_reload_successful: IntGauge::new(
                "bugrelay_config_reload_successful",
                "1 while what runs is what the configuration says; 0 while that is bad, or has something that needs a restart: the log says what",
            )?,
            build_info: IntGaugeVec::new(
                Opts::new("bugrelay_build_info", "The version that runs; always 1"),
                &["version"],
            )?,
            registry,
        };
        metrics.config_reload_successful.set(1);
        metrics.build_info.with_label_values(&[version]).set(1);
        for collector in metrics.every() {
            metrics.registry.register(collector)?;
        }
        // What Prometheus' own libraries tell of every process: memory, time, open files, when it began.
        metrics.registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// All that are ours, as they are told of: also those that have no series yet.
    pub fn described(&self) -> Vec<Described> {
        let describe = |collector: Box<dyn Collector>| {
            let (family, description) =
                (collector.collect().into_iter().next()?, collector.desc().into_iter().next()?.clone());
            let kind = match family.get_field_type() {
                MetricType::COUNTER => "counter",
                MetricType::HISTOGRAM => "histogram",
                _ => "gauge",
            };
            let Desc { fq_name: name, help, variable_labels: labels, .. } = description;
            Some(Described { name, kind, labels, help })
        };
        self.every().into_iter().filter_map(describe).collect()
    }

    fn every(&self) -> Vec<Box<dyn Collector>> {
        let Metrics {
            registry: _,
            source,
            pipeline,
            queue,
            relay,
            delivery,
            leader,
            config_reload_successful,
            build_info,
        } = self;
        vec![
            Box::new(build_info.clone()),
            Box::new(config_reload_successful.clone()),
            Box::new(leader.clone()),
            Box::new(source.connected.clone()),
            Box::new(source.lag_seconds.clone()),
            Box::new(source.retained_bytes.clone()),
            Box::new(source.trigger_queue_rows.clone()),
            Box::new(source.trigger_queue_oldest_age_seconds.clone()),
            Box::new(source.gaps.clone()),
            Box::new(source.failovers.clone()),
            Box::new(source.refused.clone()),
            Box::new(pipeline.change_sets.clone()),
            Box::new(pipeline.messages.clone()),
            Box::new(pipeline.swept.clone()),
            Box::new(pipeline.redacted.clone()),
            Box::new(pipeline.stage_seconds.clone()),
            Box::new(queue.main_queue_messages.clone()),
            Box::new(queue.backlog_messages.clone()),
            Box::new(queue.backlog_bytes.clone()),
            Box::new(queue.backlog_oldest_age_seconds.clone()),
            Box::new(queue.backlog_attempts.clone()),
            Box::new(queue.backlog_next_attempt.clone()),
            Box::new(queue.parked_messages.clone()),
            Box::new(queue.connector_paused.clone()),
            Box::new(queue.store_bytes.clone()),
            Box::new(relay.received.clone()),
            Box::new(relay.connections.clone()),
            Box::new(delivery.deliveries.clone()),
            Box::new(delivery.send_seconds.clone()),
            Box::new(delivery.end_to_end_seconds.clone()),
            Box::new(delivery.connector_up.clone()),
            Box::new(delivery.possible_duplicates.clone()),
        ]
    }
}

impl PipelineMetrics {
    fn new() -> Result<Self, prometheus::Error> {
        Ok(PipelineMetrics {
            change_sets: IntCounter::new("bugrelay_change_sets_total", "Change sets captured")?,
            messages: counters(
                "bugrelay_messages_total",
                "Messages put into the main queue; what was told before is not counted again",
                &["target", "action", "visibility"],
            )?,
            redacted: counters(
                "bugrelay_redacted_total",
                "Messages whose object was held back because it is not public; became_private: between the save and the delivery; oversize: public, and too large for a bus with oversize = \"event_only\", counted for each delivery",
                &["reason"],
            )?,
            swept: IntCounter::new(
                "bugrelay_swept_total",
                "Messages told from Bugzilla's history because the way in did not deliver them, those of `start` too; rising without a gap: the way in loses changes",
            )?,
            stage_seconds: CounterVec::new(
                Opts::new(
                    "bugrelay_stage_seconds_total",
                    "Time that the capture's stages took: reading the objects, building the messages, storing them",
                ),
                &["stage"],
            )?,
        })
    }
}

impl QueueMetrics {
    fn new() -> Result<Self, prometheus::Error> {
        Ok(QueueMetrics {
            main_queue_messages: IntGauge::new(
                "bugrelay_main_queue_messages",
                "Messages that a healthy connector has not sent yet: one that is served, not paused, and whose last attempt did not fail",
            )?,
            backlog_messages: gauges(
                "bugrelay_backlog_messages",
                "Messages waiting in the connector's backlog: after a failure, or because it is paused, disabled or gone",
            )?,
            backlog_bytes: gauges("bugrelay_backlog_bytes", "Size of the messages in the connector's backlog")?,
            backlog_oldest_age_seconds: float_gauges(
                "bugrelay_backlog_oldest_age_seconds",
                "Age of the oldest message in the connector's backlog, since its save was committed",
            )?,
            backlog_attempts: gauges("bugrelay_backlog_attempts", "Attempts of the connector that failed in a row")?,
            backlog_next_attempt: float_gauges(
                "bugrelay_backlog_next_attempt_timestamp_seconds",
                "When the connector's next attempt is due, seconds since 1970; 0 when it has no backlog",
            )?,
            connector_paused: gauges("bugrelay_connector_paused", "1 while somebody has paused the connector")?,
            parked_messages: gauges(
                "bugrelay_parked_messages",
                "Messages that the connector's bus refuses, set aside",
            )?,
            store_bytes: IntGauge::new("bugrelay_store_bytes", "Size of the durable store")?,
        })
    }

    /// Takes out all series of connectors; those that there are now are to be set anew.
    pub fn forget_connectors(&self) {
        self.backlog_messages.reset();
        self.backlog_bytes.reset();
        self.backlog_oldest_age_seconds.reset();
        self.backlog_attempts.reset();
        self.backlog_next_attempt.reset();
        self.connector_paused.reset();
        self.parked_messages.reset();
    }
}

impl SourceMetrics {
    fn new() -> Result<Self, prometheus::Error> {
        Ok(SourceMetrics {
            connected: IntGauge::new("bugrelay_source_connected", "1 while the change stream of the database is open")?,
            lag_seconds: Gauge::new(
                "bugrelay_source_lag_seconds",
                "Now minus the commit time of the last save stored; 0 when idle; while the source is not read at least for how long",
            )?,
            retained_bytes: IntGauge::new(
                "bugrelay_source_retained_bytes",
                "Size of the write-ahead log that PostgreSQL keeps because bugrelay has still to read it (capture = \"logical\" alone; 0 elsewhere); it goes up and down by the server's checkpoints, and near max_slot_wal_keep_size the slot is about to be lost",
            )?,
            trigger_queue_rows: IntGauge::new(
                "bugrelay_trigger_queue_rows",
                "Rows that the triggers left and bugrelay has still to store, at the most (capture = \"triggers\" alone; 0 elsewhere); asked once a second",
            )?,
            trigger_queue_oldest_age_seconds: Gauge::new(
                "bugrelay_trigger_queue_oldest_age_seconds",
                "How long the oldest row of the trigger queue has waited",
            )?,
            gaps: counters(
                "bugrelay_source_gaps_total",
                "Times that the source no longer had the changes behind the stored position; repaired from Bugzilla's history, see bugrelay_swept_total; foreign_server with bugrelay_source_refused 1 is not: the server may be a copy",
                &["reason"],
            )?,
            failovers: IntCounter::new(
                "bugrelay_source_failovers_total",
                "Times that the stream went on from another server of the same history",
            )?,
            refused: IntGauge::new(
                "bugrelay_source_refused",
                "1 while nothing is read or sent, because the server is not the one that was read before and may be a copy",
            )?,
        })
    }
}

fn counters(name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    IntCounterVec::new(Opts::new(name, help), labels)
}

fn gauges(name: &str, help: &str) -> Result<IntGaugeVec, prometheus::Error> {
    IntGaugeVec::new(Opts::new(name, help), &["connector"])
}

fn float_gauges(name: &str, help: &str) -> Result<GaugeVec, prometheus::Error> {
    GaugeVec::new(Opts::new(name, help), &["connector"])
}
