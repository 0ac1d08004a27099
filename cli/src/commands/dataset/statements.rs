//! What third parties state about a version of a dataset.

use crate::format::form;
use crate::{
    commands::document::Document,
    context::Context,
    error::{CommandResult, Failure},
    format::hex,
    global::Global,
    output,
};
use clap::ValueEnum;
use serde_json::{json, Value};
use vigil_client::{calls, pages};
use vigil_primitives::{
    api::PAGE, dataset::StatementKind, dataset::StatementView, AccountId, AssetId, DatasetVersionId,
};

/// What can be stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The content has been examined.
    Audited,
    /// Those whom the data is about, or who made it, have agreed.
    ConsentVerified,
    /// Something about the dataset is wrong.
    Disputed,
}

impl Kind {
    fn on_chain(self) -> StatementKind {
        match self {
            Self::Audited => StatementKind::Audited,
            Self::ConsentVerified => StatementKind::ConsentVerified,
            Self::Disputed => StatementKind::Disputed,
        }
    }
}

/// The word for a statement, as it is typed.
fn word(kind: StatementKind) -> &'static str {
    match kind {
        StatementKind::Audited => "audited",
        StatementKind::ConsentVerified => "consent-verified",
        StatementKind::Disputed => "disputed",
    }
}

pub(super) async fn attest(
    global: &Global,
    id: DatasetVersionId,
    kind: Kind,
    document: &Document,
) -> CommandResult {
    let document = document.hash(global)?;
    let context = Context::signing(global).await?;
    let signer = context.key()?.account();
    if context.dataset_version(id).await?.owner == *signer {
        return Err(Failure::rejected(format!(
            "dataset {id} is {signer}'s own, and its owner makes no statements about it"
        )));
    }
    let kind = kind.on_chain();
    let done =
        format!("stated that dataset {id} is {}, by document {}", word(kind), hex(&document));
    context.submit_and_report(calls::datasets::attest(id, kind, document), done).await
}

pub(super) async fn withdraw(global: &Global, id: DatasetVersionId, kind: Kind) -> CommandResult {
    let context = Context::signing(global).await?;
    let signer = context.key()?.account();
    let kind = kind.on_chain();
    // It outlives the version, so that the version need not be there.
    let mut statements = all(&context, id).await?.into_iter();
    if !statements.any(|statement| statement.author == *signer && statement.kind == kind) {
        return Err(Failure::not_found(format!(
            "{signer} has not stated that dataset {id} is {}",
            word(kind)
        )));
    }
    let done = format!("it is no longer stated that dataset {id} is {}", word(kind));
    context.submit_and_report(calls::datasets::withdraw_statement(id, kind), done).await
}

pub(super) async fn list(global: &Global, id: DatasetVersionId) -> CommandResult {
    let context = Context::connect(global).await?;
    let statements = all(&context, id).await?;
    if statements.is_empty() {
        context.dataset_version(id).await?;
    }
    let json = json!({
        "asset": AssetId::from(id).to_string(),
        "statements": statements.iter().map(statement_json).collect::<Vec<_>>(),
    });
    output::show(global, &json, || table(&statements));
    Ok(())
}

/// Every statement about a version.
async fn all(context: &Context, id: DatasetVersionId) -> CommandResult<Vec<StatementView>> {
    let view = context.view();
    let page = |after: Option<(AccountId, StatementKind)>| async move {
        let after = after.as_ref().map(|(author, kind)| (author, *kind));
        view.statements(id, after, PAGE).await
    };
    let behind = |last: &StatementView| Some((last.author.clone(), last.kind));
    Ok(pages(None, behind, page).await?)
}

fn table(statements: &[StatementView]) -> String {
    if statements.is_empty() {
        return "nobody has stated anything about it".into();
    }
    let mut table = output::table(["STATEMENT", "AUTHOR", "BLOCK", "DOCUMENT"]);
    for StatementView { author, kind, statement } in statements {
        table.add_row([
            word(*kind).to_owned(),
            author.to_string(),
            statement.made_at.to_string(),
            hex(&statement.document),
        ]);
    }
    output::align_right(&mut table, &[2]);
    output::render(&table)
}

fn statement_json(view: &StatementView) -> Value {
    form(vigil_rpc::datasets::Statement::from(view.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{dataset::Statement, ContentHash};

    #[test]
    fn a_statement_should_be_shown_by_the_word_that_is_typed_for_it() {
        for kind in Kind::value_variants() {
            let typed = kind.to_possible_value().unwrap();
            assert_eq!(typed.get_name(), word(kind.on_chain()));
        }
    }

    #[test]
    fn statements_should_be_listed_with_author_document_and_block() {
        let view = StatementView {
            author: AccountId::new([3; 32]),
            kind: StatementKind::Disputed,
            statement: Statement { document: ContentHash::repeat_byte(5), made_at: 77 },
        };
        let text = table(std::slice::from_ref(&view));
        for says in ["disputed", "77", &view.author.to_string(), &"05".repeat(32)] {
            assert!(text.contains(says), "{text}");
        }
        assert_eq!(statement_json(&view)["madeAt"], 77);
        assert!(table(&[]).contains("nobody"));
    }
}
