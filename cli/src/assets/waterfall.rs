//! Who is paid of an asset's revenue, in words and JSON.

use crate::format::form;
use crate::{assets::percent, format::short_account, output, text};
use serde_json::Value;
use vigil_primitives::lineage::LineageNode;

/// The payees of an asset under one another, for people. The shares add up to the whole.
pub(crate) fn waterfall_text(payees: &[LineageNode]) -> String {
    let mut table = output::table(["SHARE", "ASSET", "NAME", "OWNER"]);
    for payee in payees {
        table.add_row([
            percent(payee.share),
            payee.asset.to_string(),
            text::brief(&payee.name, 32),
            short_account(&payee.owner),
        ]);
    }
    output::align_right(&mut table, &[0]);
    output::render(&table)
}

/// The payees of an asset as JSON.
pub(crate) fn waterfall_json(payees: &[LineageNode]) -> Value {
    payees.iter().map(|payee| form(vigil_rpc::provenance::Node::from(payee.clone()))).collect()
}
