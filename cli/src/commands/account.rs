//! `vigil account`: keys, balances and transfers.

use crate::{
    context::{self, Context},
    error::{CommandResult, Failure},
    format::{account_json, amount, amount_json},
    global::Global,
    output,
};
use clap::Subcommand;
use serde_json::json;
use std::{
    io::{IsTerminal, Read, Write},
    path::{Path, PathBuf},
};
use vigil_client::{calls, Amount, Key};
use vigil_primitives::AccountId;

/// Longest secret that is imported, in bytes: a polkadot-js account fits.
const MAX_SECRET: u64 = 64 * 1024;

/// `vigil account ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a new key and write it to a file that only you can read.
    New {
        /// The file; it must not exist.
        file: PathBuf,
        /// Print the mnemonic to the terminal, to be written down on paper.
        #[arg(long)]
        show_secret: bool,
    },
    /// Write an existing secret to a key file: a mnemonic, a hex seed or a polkadot-js account.
    ///
    /// The secret is read from the terminal without echo, or from standard input.
    Import {
        /// The file; it must not exist.
        file: PathBuf,
    },
    /// Show the address of the signing key.
    Show,
    /// Show the money of an account.
    Balance {
        /// The account (an address or //Name); the signing key's when left out.
        #[arg(value_parser = context::parse_account)]
        account: Option<AccountId>,
    },
    /// Send money.
    Transfer {
        /// To whom (an address or //Name).
        #[arg(value_parser = context::parse_account)]
        to: AccountId,
        /// How much, for instance 1.5.
        amount: Amount,
    },
}

impl Command {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        match self {
            Self::New { file, show_secret } => new(global, &file, show_secret),
            Self::Import { file } => import(global, &file),
            Self::Show => {
                show(global, &context::signer(global)?, None);
                Ok(())
            }
            Self::Balance { account } => balance(global, account).await,
            Self::Transfer { to, amount } => {
                let context = Context::signing(global).await?;
                let call = calls::balances::transfer_keep_alive(&to, amount.0);
                context.submit_and_report(call, format!("sent {amount} to {to}")).await
            }
        }
    }
}

/// Shows a key's public face.
fn show(global: &Global, key: &Key, file: Option<&Path>) {
    let bytes: &[u8] = key.account().as_ref();
    let public = format!("0x{}", hex::encode(bytes));
    let file = file.map(|file| file.display().to_string());
    let json = json!({ "address": key.address(), "publicKey": public, "file": file });
    output::show(global, &json, || {
        let mut rows = vec![("address", key.address()), ("public key", public.clone())];
        rows.extend(file.clone().map(|file| ("key file", file)));
        output::fields(rows)
    });
}

fn new(global: &Global, file: &Path, show_secret: bool) -> CommandResult {
    if show_secret && (global.is_for_programs() || !std::io::stdout().is_terminal()) {
        return Err(Failure::usage(
            "--show-secret prints to a terminal only: a pipe or a file would keep the secret",
        ));
    }
    let key = Key::generate(file)?;
    show(global, &key, Some(file));
    if show_secret {
        let secret = std::fs::read_to_string(file)
            .map_err(|error| crate::files::unreadable(file, &error))?;
        output::line(&format!("mnemonic    {}", secret.trim_end()));
    } else {
        output::note(global, "the file is the only copy of the key: keep a backup of it");
    }
    Ok(())
}

fn import(global: &Global, file: &Path) -> CommandResult {
    if file.exists() {
        return Err(Failure::failed(format!(
            "{} exists; a key is never overwritten",
            file.display()
        )));
    }
    let secret = read_secret()?;
    if secret.trim().is_empty() {
        return Err(Failure::usage("no secret was given"));
    }
    write_private(file, secret.trim())
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", file.display())))?;
    match context::load(file) {
        Ok(key) => {
            show(global, &key, Some(file));
            Ok(())
        }
        Err(failure) => {
            // It is ours, and it is no key.
            let _ = std::fs::remove_file(file);
            Err(failure)
        }
    }
}

fn read_secret() -> CommandResult<String> {
    let unreadable =
        |error: std::io::Error| Failure::failed(format!("cannot read the secret: {error}"));
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return rpassword::prompt_password("Mnemonic or seed: ").map_err(unreadable);
    }
    let mut secret = String::new();
    stdin.take(MAX_SECRET).read_to_string(&mut secret).map_err(unreadable)?;
    Ok(secret)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

async fn balance(global: &Global, account: Option<AccountId>) -> CommandResult {
    let account = match account {
        Some(account) => account,
        None => context::signer(global)?.account().clone(),
    };
    let context = Context::connect(global).await?;
    let balances = context.view().balances(&account).await?;
    let minimum = context.view().existential_deposit().await?;
    let total = balances.free.saturating_add(balances.held);
    let spendable = balances.spendable(minimum);
    let json = json!({
        "account": account_json(&account),
        "total": amount_json(total),
        "free": amount_json(balances.free),
        "held": amount_json(balances.held),
        "frozen": amount_json(balances.frozen),
        "spendable": amount_json(spendable),
    });
    output::show(global, &json, || {
        output::fields([
            ("account", account.to_string()),
            ("total", amount(total)),
            ("held", amount(balances.held)),
            ("spendable", amount(spendable)),
        ])
    });
    Ok(())
}
