//! Key files, and what the command line says when there is no chain.

use crate::common::{vigil, vigil_with_input, Tiny};
use std::os::unix::fs::PermissionsExt;

const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

#[test]
fn a_new_key_should_be_private_and_never_overwritten_or_printed() {
    let folder = Tiny::new();
    let file = folder.text("key");
    let made = vigil(["account", "new", &file, "--json"]).json();
    let secret = std::fs::read_to_string(&file).unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!made.to_string().contains(secret.trim()));
    vigil(["account", "new", &file]).fails_in_a_line(1, "never overwritten");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), secret);
    let shown = vigil(["account", "show", "--key", &file, "--json"]).json();
    assert_eq!(shown["address"], made["address"]);
    let other = folder.text("other");
    vigil(["account", "new", &other, "--show-secret"]).fails_in_a_line(2, "terminal");
    assert!(!folder.path("other").exists(), "nothing is made when the secret cannot be shown");
}

#[test]
fn a_field_should_be_printed_alone_and_missed_with_a_sentence() {
    let shown = vigil(["account", "show", "--dev-key", "Alice", "--field", "address"]);
    assert_eq!((shown.code, shown.stdout.as_str()), (0, format!("{ALICE}\n").as_str()));
    let missing = vigil(["account", "show", "--dev-key", "Alice", "--field", "address.1"]);
    missing.fails_in_a_line(4, "no field address.1");
    vigil(["account", "show", "--dev-key", "Alice", "--field", "x", "--json"]).fails(2, "--json");
}

#[test]
fn an_imported_key_should_be_checked_before_it_is_kept() {
    let folder = Tiny::new();
    let file = folder.text("key");
    let secret = format!("{PHRASE}//Alice\n");
    let made = vigil_with_input(&["account", "import", &file, "--json"], &secret).json();
    assert_eq!(made["address"], ALICE);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    vigil_with_input(&["account", "import", &file], &secret).fails_in_a_line(1, "overwritten");
    let bad = folder.text("bad");
    vigil_with_input(&["account", "import", &bad], "hello").fails_in_a_line(1, "no key");
    assert!(!folder.path("bad").exists(), "what is no key is not kept");
    vigil_with_input(&["account", "import", &bad], "").fails_in_a_line(2, "no secret");
}

#[test]
fn a_key_file_that_others_can_read_should_be_refused() {
    let folder = Tiny::new();
    let file = folder.text("key");
    std::fs::write(&file, PHRASE).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = vigil(["account", "show", "--key", &file]);
    ran.fails_in_a_line(1, "chmod 600");
    assert!(!ran.stderr.contains("bottom"), "{}", ran.stderr);
}

#[test]
fn a_missing_key_should_be_said_before_anything_is_sent() {
    vigil(["account", "show"]).fails_in_a_line(2, "--key");
    vigil(["account", "transfer", ALICE, "1"]).fails_in_a_line(2, "--key");
    vigil(["account", "show", "--key", "/no/such/key"]).fails_in_a_line(4, "/no/such/key");
    vigil(["account", "show", "--dev-key", "Alice//x"]).fails_in_a_line(2, "development key");
    vigil(["account", "show", "--dev-key", "Alice", "--key", "x"]).fails(2, "cannot be used");
    let alice = vigil(["account", "show", "--dev-key", "Alice", "--json"]).json();
    assert_eq!(alice["address"], ALICE);
}

#[test]
fn no_node_should_be_a_connection_failure() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    drop(listener);
    for command in [
        vec!["chain", "info"],
        vec!["model", "list"],
        vec!["worker", "list"],
        vec!["job", "show", "1"],
        vec!["account", "balance", ALICE],
        vec!["account", "transfer", ALICE, "1", "--dev-key", "Alice"],
    ] {
        let ran = vigil(command.iter().copied().chain(["--node", &url]));
        ran.fails_in_a_line(5, "no node answers");
    }
    vigil(["chain", "info", "--node", "http://127.0.0.1"]).fails_in_a_line(2, "ws://");
}

#[test]
fn wrong_arguments_should_be_usage_errors() {
    for arguments in [
        vec!["account", "transfer", "5Grw", "1"],
        vec!["account", "transfer", ALICE, "1,5"],
        vec!["account", "transfer", ALICE, "0.0000000000001"],
        vec!["job", "submit", "--version", "1", "--input", "x"],
        vec!["job", "submit", "--version", "0@0", "--input", "x", "--replicas", "6"],
        vec!["job", "submit", "--version", "0@0", "--input", "x", "--max-price", "cheap"],
        vec!["model", "publish", "--package", "x"],
        vec!["frobnicate"],
    ] {
        assert_eq!(vigil(arguments.clone()).code, 2, "{arguments:?}");
    }
}

#[test]
fn completions_should_name_the_commands_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = vigil(["completions", shell]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        for command in ["pack", "compare", "withdraw-offer", "search"] {
            assert!(ran.stdout.contains(command), "{shell} lacks {command}");
        }
    }
}
