//! Where messages go: a file, or a real broker of its own with room for ours and for those of the plain loop.

#![allow(dead_code, reason = "shared by the benches: not each of them needs all of it")]

use tokio::runtime::Runtime;

use crate::services::{Kafka, RabbitMq};

/// Keys land in all of them.
const PARTITIONS: i32 = 6;

/// See the module.
pub(crate) enum Bus {
    File,
    Kafka(Kafka),
    Rabbit(RabbitMq),
}

/// Two places on one broker, so that nobody finds what the other left.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    Bugrelay,
    Plain,
}

impl Place {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Place::Bugrelay => "bugrelay",
            Place::Plain => "plain",
        }
    }
}

impl Bus {
    /// A broker by its name on the command line, running, with both places made.
    pub(crate) fn start(name: &str, runtime: &Runtime) -> Self {
        let places = [Place::Bugrelay, Place::Plain].map(Place::name);
        match name {
            "kafka" => {
                let kafka = Kafka::start(1);
                for place in places {
                    runtime.block_on(kafka.topic(place, PARTITIONS, 1, &[]));
                }
                Bus::Kafka(kafka)
            }
            "rabbitmq" => {
                let rabbit = RabbitMq::start(None);
                for place in places {
                    // Without a queue RabbitMQ would throw them away, and be fast.
                    runtime.block_on(rabbit.bind(place, &format!("{place}.#")));
                }
                Bus::Rabbit(rabbit)
            }
            _ => panic!("--buses: {name} is neither kafka nor rabbitmq"),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Bus::File => "file",
            Bus::Kafka(_) => "kafka",
            Bus::Rabbit(_) => "rabbitmq",
        }
    }

    /// The type of its connector, and the keys that the type has of its own. A file's depend on who writes it.
    pub(crate) fn keys(&self, place: Place) -> Option<(&'static str, String)> {
        let place = place.name();
        match self {
            Bus::File => None,
            Bus::Kafka(kafka) => {
                Some(("kafka", format!("bootstrap_servers = \"{}\"\ntopic = \"{place}\"\n", kafka.servers())))
            }
            Bus::Rabbit(rabbit) => {
                let (port, [login, passcode]) = (rabbit.port(), RabbitMq::account());
                let keys = format!(
                    "url = \"stomp://127.0.0.1:{port}\"\nlogin = \"{login}\"\npasscode = \"{passcode}\"\n\
                     destination_template = \"/topic/{place}.{{target}}.{{action}}\"\n"
                );
                Some(("stomp", keys))
            }
        }
    }

    /// Of the broker's process.
    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Bus::File => None,
            Bus::Kafka(kafka) => Some(kafka.pid(0)),
            Bus::Rabbit(rabbit) => Some(rabbit.pid()),
        }
    }
}
