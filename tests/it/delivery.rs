//! What delivery promises, over scripted connectors and paused time: no wait here takes real time, but for those in `brokers`.

mod ahead;
mod brokers;
mod failing;
mod oversize;
mod privacy;
mod queue;
mod random;
mod rig;
mod running;
