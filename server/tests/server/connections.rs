//! What one connection may be used for.

use server::ServerConfig;

use crate::client::{Client, request};
use crate::toy::start;

const ECHO: &str = "DynamoDB_20120810.Echo";

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    let mut all = request("DynamoDB_20120810.Wait", "", b"50");
    for n in 0..20 {
        all.extend(request(ECHO, "", n.to_string().as_bytes()));
    }
    client.send(&all).await;
    assert_eq!(client.response().await.text(), "50");
    for n in 0..20 {
        assert_eq!(client.response().await.text(), n.to_string());
    }
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    for n in 0..500 {
        assert_eq!(
            client.call(ECHO, "", n.to_string().as_bytes()).await.text(),
            n.to_string()
        );
    }
}

#[tokio::test]
async fn a_client_that_has_said_everything_is_answered() {
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    client.send(&request("DynamoDB_20120810.Wait", "", b"100")).await;
    client.half_close().await;
    assert_eq!(client.response().await.text(), "100");
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_body_that_breaks_off_hurts_nobody() {
    let server = start(ServerConfig::default()).await;
    for cut in [1, 20, 60, 200, 330] {
        let mut client = Client::connect(server.address).await;
        let whole = request(ECHO, "", &[b'1'; 100]);
        client.send(&whole[..cut.min(whole.len() - 1)]).await;
        client.half_close().await;
        // An error or nothing, and then the end.
        if let Some(response) = client.next_response().await {
            assert_eq!(response.status, 400);
        }
        assert!(client.is_closed().await);
    }
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.call(ECHO, "", b"1").await.status, 200);
}

#[tokio::test]
async fn requests_in_pieces_are_put_together() {
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    let body = vec![b'7'; 150_000];
    for piece in request(ECHO, "", &body).chunks(4001) {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.response().await.body, body);
}
