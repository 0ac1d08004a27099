//! The chain's runtime APIs, one per domain, and the version of each that this crate needs.

use vigil_primitives::api::{
    runtime_decl_for_datasets_api, runtime_decl_for_disputes_api, runtime_decl_for_jobs_api,
    runtime_decl_for_models_api, runtime_decl_for_provenance_api, runtime_decl_for_workers_api,
};

/// A runtime API of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// Models and their versions.
    Models,
    /// Datasets and statements about them.
    Datasets,
    /// Lineage, grants and revenue.
    Provenance,
    /// Workers.
    Workers,
    /// Jobs and prices.
    Jobs,
    /// Disputes.
    Disputes,
}

impl Api {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Models, Self::Datasets, Self::Provenance, Self::Workers, Self::Jobs, Self::Disputes];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Models => "ModelsApi",
            Self::Datasets => "DatasetsApi",
            Self::Provenance => "ProvenanceApi",
            Self::Workers => "WorkersApi",
            Self::Jobs => "JobsApi",
            Self::Disputes => "DisputesApi",
        }
    }

    /// The least version with all that this crate asks of it. A later one has it too: a method
    /// keeps its meaning for ever.
    pub fn needed(self) -> u32 {
        match self {
            Self::Models | Self::Datasets | Self::Provenance | Self::Disputes => 1,
            Self::Workers | Self::Jobs => 2,
        }
    }

    /// What a node calls it in its list of runtime APIs.
    pub(crate) fn id(self) -> [u8; 8] {
        match self {
            Self::Models => runtime_decl_for_models_api::ID,
            Self::Datasets => runtime_decl_for_datasets_api::ID,
            Self::Provenance => runtime_decl_for_provenance_api::ID,
            Self::Workers => runtime_decl_for_workers_api::ID,
            Self::Jobs => runtime_decl_for_jobs_api::ID,
            Self::Disputes => runtime_decl_for_disputes_api::ID,
        }
    }

    /// The API that a method, written `Api_method`, belongs to.
    pub(crate) fn of(method: &str) -> Option<Self> {
        let (name, _) = method.split_once('_')?;
        Self::ALL.into_iter().find(|api| api.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_should_find_the_api_of_a_method() {
        assert_eq!(Api::of("JobsApi_era_total"), Some(Api::Jobs));
        assert_eq!(Api::of("AccountNonceApi_account_nonce"), None);
        assert_eq!(Api::of("JobsApi"), None);
    }
}
