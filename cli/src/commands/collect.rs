//! `vigil collect`: what is kept for an account that could not be credited.

use crate::{
    context::{self, Context},
    error::{CommandResult, Failure},
    format::{account_json, amount, amount_json},
    global::Global,
    output,
};
use clap::Args;
use serde_json::json;
use vigil_client::{calls, events};
use vigil_primitives::{AccountId, Balance};

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub(crate) struct Collect {
    /// Who is paid (an address or //Name); the signing key's account when left out. Anybody may
    /// have it paid.
    #[arg(value_parser = context::parse_account)]
    account: Option<AccountId>,
}

impl Collect {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        let context = Context::signing(global).await?;
        let account = match self.account {
            Some(account) => account,
            None => context.key()?.account().clone(),
        };
        let kept = context.view().unpaid(&account).await?;
        let free = context.view().balances(&account).await?.free;
        let minimum = context.view().existential_deposit().await?;
        check(&account, kept, free, minimum)?;
        let included = context.submit(calls::provenance::collect(&account)).await?;
        let collected = included.events.expect::<events::provenance::Collected>()?;
        let json = json!({
            "account": account_json(&collected.payee),
            "amount": amount_json(collected.amount),
            "block": included.block.number,
        });
        output::show(global, &json, || format!("{} paid to {account}", amount(collected.amount)));
        Ok(())
    }
}

/// Refuses to collect what the chain would refuse.
fn check(account: &AccountId, kept: Balance, free: Balance, minimum: Balance) -> CommandResult {
    if kept == 0 {
        return Err(Failure::rejected(format!("nothing is kept for {account}")));
    }
    if free.saturating_add(kept) < minimum {
        return Err(Failure::rejected(format!(
            "{} kept for {account} would leave it under the smallest balance of {}: send it \
             something first",
            amount(kept),
            amount(minimum)
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collecting_should_be_refused_when_it_cannot_be_paid() {
        let account = AccountId::new([1; 32]);
        let says = |kept, free| check(&account, kept, free, 10).unwrap_err().to_string();
        assert!(says(0, 100).contains("nothing is kept"));
        assert!(says(9, 0).contains("send it something first"));
        assert!(check(&account, 9, 1, 10).is_ok());
        assert!(check(&account, 10, 0, 10).is_ok());
    }
}
