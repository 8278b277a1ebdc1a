//! The page of metrics: where it is, who may have it, and what the server counts for it.

use server::ServerConfig;

use crate::client::{Client, Response};
use crate::toy::start;

const GET_METRICS: &[u8] = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";

async fn page(client: &mut Client) -> Response {
    client.send(GET_METRICS).await;
    client.response().await
}

#[tokio::test]
async fn the_page_needs_no_signature_and_says_what_is_on_its_way() {
    let server = start(ServerConfig::default()).await;
    let (mut first, mut second) = (
        Client::connect(server.address).await,
        Client::connect(server.address).await,
    );
    second.call("DynamoDB_20120810.Echo", "", b"{}").await;
    let response = page(&mut first).await;
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let text = response.text();
    assert!(text.contains("connections: 2, connections_max: 4096"), "{text}");
    assert!(text.contains("requests_in_flight: 1, own_errors: 0"), "{text}");
    assert!(
        text.contains("answer_bytes: 0, answer_bytes_max: 268435456"),
        "{text}"
    );
    first.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(first.response().await.text().starts_with("healthy: "));
}

#[tokio::test]
async fn errors_of_the_server_itself_are_counted() {
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(
        client.call("DynamoDB_20120810.Nothing", "", b"{}").await.status,
        400
    );
    assert_eq!(
        client.call("DynamoDB_20120810.Refuse", "", b"{}").await.status,
        400
    );
    client.send(b"GET /else HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.response().await.status, 404);
    // What the service refuses is not the server's.
    let text = page(&mut client).await.text().to_owned();
    assert!(text.contains("own_errors: 2"), "{text}");
}

#[tokio::test]
async fn there_is_no_page_where_it_is_switched_off() {
    let server = start(ServerConfig {
        shows_metrics: false,
        ..ServerConfig::default()
    })
    .await;
    let mut client = Client::connect(server.address).await;
    assert_eq!(page(&mut client).await.status, 404);
}
