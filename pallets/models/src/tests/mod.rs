//! One file per call, the registry as others see it, and the invariants.

mod accept;
mod create;
mod deprecate;
mod integrity;
mod invariants;
mod offer;
mod publish;
mod registry;
mod revoke;
mod withdraw_offer;
