//! The client against a node that comes and goes.

use jsonrpsee::{
    server::{RpcModule, Server, ServerHandle, SubscriptionMessage},
    types::ErrorObjectOwned,
};
use serde_json::{json, Value};
use std::{net::SocketAddr, time::Duration};
use vigil_client::{Api, Client, Error, Options};
use vigil_primitives::api::runtime_decl_for_jobs_api::ID;

/// A node that knows its version, one block, and the account nonce of everybody: 5.
async fn node(
    address: &str,
    name: &'static str,
    api: u32,
    number: u32,
) -> (SocketAddr, ServerHandle) {
    let server = loop {
        // After a restart the port may take a moment to become free.
        match Server::builder().build(address).await {
            Ok(server) => break server,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let bound = server.local_addr().unwrap();
    let mut module = RpcModule::new(());
    let api = json!([[format!("0x{}", hex::encode(ID)), api]]);
    module
        .register_method("state_getRuntimeVersion", move |_, _, _| {
            json!({"specName": name, "specVersion": 1, "transactionVersion": 1, "apis": api})
        })
        .unwrap();
    module
        .register_method("chain_getBlockHash", |_, _, _| format!("0x{}", "11".repeat(32)))
        .unwrap();
    module
        .register_method("state_call", |params, _, _| {
            let params: Vec<Value> = params.parse()?;
            match params[0].as_str() {
                Some("AccountNonceApi_account_nonce") => Ok("0x05000000"),
                Some("JobsApi_job") => Ok("0x0000"),
                _ => Err(ErrorObjectOwned::owned(-32000, "unknown", None::<()>)),
            }
        })
        .unwrap();
    module
        .register_subscription(
            "chain_subscribeNewHeads",
            "chain_newHead",
            "chain_unsubscribeNewHeads",
            move |_, pending, _, _| async move {
                let zero = format!("0x{}", "00".repeat(32));
                let header = json!({
                    "parentHash": zero, "number": format!("0x{number:x}"), "stateRoot": zero,
                    "extrinsicsRoot": zero, "digest": {"logs": []},
                });
                let Ok(sink) = pending.accept().await else { return };
                let _ = sink.send(SubscriptionMessage::from_json(&header).unwrap()).await;
                sink.closed().await;
            },
        )
        .unwrap();
    (bound, server.start(module))
}

async fn stop(handle: ServerHandle) {
    handle.stop().unwrap();
    handle.stopped().await;
}

#[tokio::test]
async fn connect_should_refuse_another_chain_and_require_what_it_lacks() {
    let (address, _node) = node("127.0.0.1:0", "polkadot", 1, 1).await;
    let error = Client::connect(&format!("ws://{address}")).await.unwrap_err();
    assert!(matches!(&error, Error::WrongChain { found, .. } if found == "polkadot"), "{error}");
    let (address, _node) = node("127.0.0.1:0", "vigil", 0, 1).await;
    let client = Client::connect(&format!("ws://{address}")).await.unwrap();
    let error = client.require(&[Api::Jobs]).await.unwrap_err();
    let needed = Api::Jobs.needed();
    let lacks = matches!(&error, Error::UnknownApi { api: "JobsApi", found: 0, needed: it } if *it == needed);
    assert!(lacks, "{error}");
}

#[tokio::test]
async fn a_client_should_need_only_the_apis_that_it_uses_at_a_least_version() {
    let (address, _node) = node("127.0.0.1:0", "vigil", 99, 1).await;
    let client = Client::connect(&format!("ws://{address}")).await.unwrap();
    client.require(&[]).await.unwrap();
    client.require(&[Api::Jobs]).await.unwrap();
    let error = client.require(&[Api::Jobs, Api::Workers]).await.unwrap_err();
    assert!(matches!(error, Error::UnknownApi { api: "WorkersApi", .. }), "{error}");
}

#[tokio::test]
async fn blocks_and_questions_should_go_on_when_the_node_restarts() {
    let (address, first) = node("127.0.0.1:0", "vigil", 1, 7).await;
    let client = Client::connect(&format!("ws://{address}")).await.unwrap();
    let mut blocks = client.blocks();
    assert_eq!(blocks.next().await.number, 7);
    assert_eq!(client.best().nonce(&[1; 32].into()).await.unwrap(), 5);

    stop(first).await;
    let again = address.to_string();
    let (next, (_, _second)) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(30), blocks.next()),
        node(&again, "vigil", 1, 8),
    );
    assert_eq!(next.expect("the stream did not come back").number, 8);
    assert_eq!(client.best().nonce(&[1; 32].into()).await.unwrap(), 5);
}

#[tokio::test]
async fn a_question_should_time_out_when_the_node_stays_away() {
    let (address, node) = node("127.0.0.1:0", "vigil", 1, 7).await;
    let options = Options { request_timeout: Duration::from_secs(2), ..Options::default() };
    let client = Client::connect_with(&format!("ws://{address}"), options).await.unwrap();
    stop(node).await;
    let question = client.best().nonce(&[1; 32].into()).await.unwrap_err();
    assert!(question.is_temporary(), "{question}");
}

#[tokio::test]
async fn an_answer_with_bytes_left_over_should_be_refused() {
    let (address, _node) = node("127.0.0.1:0", "vigil", 1, 7).await;
    let client = Client::connect(&format!("ws://{address}")).await.unwrap();
    let error = client.best().job(1).await.unwrap_err();
    assert!(matches!(error, Error::Incompatible(_)), "{error}");
    let error = client.best().parameters().await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error}");
}
