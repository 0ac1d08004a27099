//! Worker registry: bonds, capabilities, served versions, reputation and jail
