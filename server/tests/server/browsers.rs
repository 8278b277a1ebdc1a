//! Web pages: only those of this machine and those of named origins are served.

use server::ServerConfig;

use crate::client::Client;
use crate::toy::start;

const ECHO: &str = "DynamoDB_20120810.Echo";

fn naming(origin: &str) -> ServerConfig {
    ServerConfig {
        cors_origins: vec![origin.parse().unwrap()],
        ..ServerConfig::default()
    }
}

#[tokio::test]
async fn a_page_is_served_by_its_origin() {
    let server = start(naming("https://app.example.org")).await;
    let mut client = Client::connect(server.address).await;
    let mut check = async |origin: &str, status: u16| {
        let response = client.call(ECHO, &format!("origin: {origin}\r\n"), b"{}").await;
        assert_eq!(response.status, status, "{origin}");
        let allowed = response.header("access-control-allow-origin");
        assert_eq!(allowed, (status == 200).then_some(origin));
        assert_eq!(response.header("x-amzn-requestid").map(str::len), Some(52));
        if status == 200 {
            assert_eq!(response.header("vary"), Some("Origin"));
        } else {
            assert!(
                response.text().contains(&format!("--cors-origin {origin}")),
                "{}",
                response.text()
            );
        }
    };
    check("http://localhost:3000", 200).await;
    check("https://app.example.org", 200).await;
    check("https://evil.example", 403).await;
    check("null", 403).await;
}

#[tokio::test]
async fn preflights_are_answered_for_the_same_origins() {
    let server = start(naming("https://app.example.org")).await;
    let mut client = Client::connect(server.address).await;
    let preflight = |origin: &str| {
        format!(
            "OPTIONS / HTTP/1.1\r\nhost: x\r\norigin: {origin}\r\naccess-control-request-method: POST\r\n\
             access-control-request-headers: authorization,x-amz-target\r\n\r\n"
        )
    };
    for origin in ["http://127.0.0.1:5173", "https://app.example.org"] {
        client.send(preflight(origin).as_bytes()).await;
        let response = client.response().await;
        assert_eq!((response.status, response.text()), (200, ""));
        for (name, value) in [
            ("access-control-allow-origin", origin),
            ("access-control-allow-methods", "POST"),
            ("access-control-allow-headers", "authorization,x-amz-target"),
            ("access-control-max-age", "172800"),
            ("content-length", "0"),
        ] {
            assert_eq!(response.header(name), Some(value), "{name}");
        }
    }
    client.send(preflight("https://evil.example").as_bytes()).await;
    let response = client.response().await;
    assert_eq!(response.status, 403);
    assert_eq!(response.header("access-control-allow-origin"), None);
    assert_eq!(response.header("access-control-allow-methods"), None);
}

#[tokio::test]
async fn a_star_names_every_origin() {
    let server = start(naming("*")).await;
    let mut client = Client::connect(server.address).await;
    let response = client.call(ECHO, "origin: https://any.example\r\n", b"{}").await;
    assert_eq!(
        response.header("access-control-allow-origin"),
        Some("https://any.example")
    );
}
