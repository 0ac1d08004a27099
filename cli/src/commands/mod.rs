//! One module per domain, each from its arguments to its output.

pub(crate) mod account;
pub(crate) mod chain;
pub(crate) mod collect;
pub(crate) mod compare;
pub(crate) mod dataset;
pub(crate) mod dispute;
pub(crate) mod document;
pub(crate) mod generation;
pub(crate) mod grant;
pub(crate) mod job;
pub(crate) mod lineage;
pub(crate) mod metadata;
pub(crate) mod model;
pub(crate) mod pack;
pub(crate) mod revenue;
pub(crate) mod run;
pub(crate) mod search;
pub(crate) mod texts;
pub(crate) mod verify;
pub(crate) mod worker;
