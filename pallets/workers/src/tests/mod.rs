//! One file per call, the two ends of an engagement, what the market is told, and the invariants.

mod audit;
mod bond_more;
mod cover;
mod drain;
mod engage;
mod integrity;
mod invariants;
mod owner;
mod region;
mod register;
mod release;
mod reliability;
mod resume;
mod room;
mod serve;
mod unbond;
mod unjail;
mod unserve;
mod update;
mod views;
mod withdraw;
