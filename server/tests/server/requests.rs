//! One request: what it is answered, with which headers, and what is found wrong first.

use server::ServerConfig;

use crate::client::{Client, SIGNATURE, request};
use crate::toy::start;

#[tokio::test]
async fn an_answer_has_the_services_headers() {
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    let response = client.call("DynamoDB_20120810.Echo", "", br#"{"a":1}"#).await;
    assert_eq!((response.status, response.text()), (200, r#"{"a":1}"#));
    assert_eq!(
        response.header("content-type"),
        Some("application/x-amz-json-1.0")
    );
    assert_eq!(response.header("content-length"), Some("7"));
    assert_eq!(
        response.header("x-amz-crc32"),
        Some(crc32fast::hash(br#"{"a":1}"#).to_string().as_str())
    );
    assert_eq!(response.header("x-amzn-requestid").map(str::len), Some(52));
    assert!(
        response
            .header("server")
            .is_some_and(|server| server.starts_with("Stator/"))
    );
    assert!(response.header("date").is_some());
    assert_eq!(response.header("connection"), None);
}

#[tokio::test]
async fn the_context_is_the_claim_unless_configured() {
    let check = async |config: ServerConfig, expected: &str| {
        let server = start(config).await;
        let mut client = Client::connect(server.address).await;
        let response = client.call("DynamoDBStreams_20120810.Context", "", b"{}").await;
        let (id, rest) = response.text().split_once(' ').expect("several words");
        assert_eq!(response.header("x-amzn-requestid"), Some(id));
        assert_eq!(rest, expected);
    };
    check(ServerConfig::default(), "eu-west-2 000000000000 AKID 16777216").await;
    let configured = ServerConfig {
        region: Some("local".into()),
        account_id: "123456789012".into(),
        ..ServerConfig::default()
    };
    check(configured, "local 123456789012 AKID 16777216").await;
}

#[tokio::test]
async fn health_is_told_on_get() {
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let response = client.response().await;
    assert_eq!(response.text(), "healthy: dynamodb.us-east-1.amazonaws.com ");
    assert_eq!(response.header("x-amz-crc32"), Some("3128867991"));
    assert_eq!(response.header("content-length"), Some("42"));
}

#[tokio::test]
async fn what_is_wrong_is_answered_in_the_services_order() {
    let server = start(ServerConfig::default()).await;
    let check = async |head: &str, body: &str, status: u16, expected: &str| {
        let mut client = Client::connect(server.address).await;
        let bytes = format!(
            "{head}\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        client.send(bytes.as_bytes()).await;
        let response = client.response().await;
        assert_eq!((response.status, response.text()), (status, expected), "{bytes}");
        assert_eq!(response.header("x-amzn-requestid").map(str::len), Some(52));
    };
    let nothing = "<UnknownOperationException/>\n";
    let unknown = r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#;
    let malformed = r#"{"__type":"com.amazon.coral.service#SerializationException"}"#;
    let unsigned = r#"{"__type":"com.amazon.coral.service#MissingAuthenticationTokenException","message":"Request is missing Authentication Token"}"#;
    let json = "content-type: application/json";
    let signed = SIGNATURE.trim_end();
    check("PUT / HTTP/1.1", "", 404, nothing).await;
    check("DELETE / HTTP/1.1", "", 404, nothing).await;
    check("OPTIONS / HTTP/1.1", "", 404, nothing).await;
    check("GET /other HTTP/1.1", "", 404, nothing).await;
    check("POST / HTTP/1.1", "hi", 404, nothing).await;
    check(
        "POST / HTTP/1.1\r\ncontent-type: application/x-amz-json-1.1",
        "{}",
        404,
        nothing,
    )
    .await;
    check(
        "POST / HTTP/1.1\r\ncontent-type: application/jsonasdf",
        "{}",
        404,
        nothing,
    )
    .await;
    check("POST / HTTP/1.1", "", 400, unknown).await;
    check(&format!("POST / HTTP/1.1\r\n{json}"), "hi", 400, malformed).await;
    check(
        &format!("POST / HTTP/1.1\r\n{json};charset=x"),
        "{}",
        400,
        unknown,
    )
    .await;
    for target in [
        "whatever",
        "DynamoDB_20120810.Other",
        "DynamoDB_20111205.Echo",
        "DynamoDB_20120810.Context",
    ] {
        check(
            &format!("POST / HTTP/1.1\r\n{json}\r\nx-amz-target: {target}"),
            "{}",
            400,
            unknown,
        )
        .await;
    }
    let known = "x-amz-target: DynamoDB_20120810.Echo";
    check(
        &format!("POST / HTTP/1.1\r\n{json}\r\n{known}"),
        "{}",
        400,
        unsigned,
    )
    .await;
    check(
        &format!("POST / HTTP/1.1\r\n{json}\r\n{known}"),
        "hi",
        400,
        malformed,
    )
    .await;
    check(
        &format!("POST / HTTP/1.1\r\n{json}\r\n{known}\r\n{signed}"),
        "",
        400,
        malformed,
    )
    .await;
    check(
        &format!("POST /any/path HTTP/1.1\r\n{json}\r\n{known}\r\n{signed}"),
        "{}",
        200,
        "{}",
    )
    .await;
    let presigned = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2Fb%2Fc%2Fd%2Fe&X-Amz-Date=d\
                     &X-Amz-SignedHeaders=host&X-Amz-Signature=s";
    check(
        &format!("POST {presigned} HTTP/1.1\r\n{json}\r\n{known}"),
        "{}",
        200,
        "{}",
    )
    .await;
}

#[tokio::test]
async fn garbage_is_a_bad_request() {
    let server = start(ServerConfig::default()).await;
    for garbage in [
        &b"hello\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
    ] {
        let mut client = Client::connect(server.address).await;
        client.send(garbage).await;
        assert_eq!(client.response().await.status, 400);
        assert!(client.is_closed().await);
    }
    let mut client = Client::connect(server.address).await;
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    client.try_send(long.as_bytes()).await;
    assert!(
        client
            .next_response()
            .await
            .is_none_or(|response| response.status == 431 || response.status == 414)
    );
}

#[tokio::test]
async fn a_panic_is_one_requests_internal_error() {
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    for pause in ["0", "5"] {
        let response = client.call("DynamoDB_20120810.Panic", "", pause.as_bytes()).await;
        assert_eq!(response.status, 500);
        assert_eq!(
            response.text(),
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"Internal server error"}"#
        );
    }
    assert_eq!(
        client.call("DynamoDB_20120810.Echo", "", b"[]").await.text(),
        "[]"
    );
}

#[tokio::test]
async fn the_services_status_is_kept() {
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    let response = client.call("DynamoDB_20120810.Refuse", "", b"{}").await;
    assert_eq!((response.status, response.text()), (400, r#"{"__type":"x"}"#));
}

#[tokio::test]
async fn answers_are_compressed_where_it_is_worth_it() {
    use std::io::Read;
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    let check = async |client: &mut Client, accept: &str, size: usize, gzipped: bool| {
        let accept = format!("accept-encoding: {accept}\r\n");
        let response = client
            .call("DynamoDB_20120810.Produce", &accept, size.to_string().as_bytes())
            .await;
        assert_eq!(
            response.header("content-encoding").is_some(),
            gzipped,
            "{accept} {size}"
        );
        assert_eq!(
            response.header("x-amz-crc32"),
            Some(crc32fast::hash(&response.body).to_string().as_str())
        );
        let mut plain = Vec::new();
        match gzipped {
            true => flate2::read::GzDecoder::new(&response.body[..])
                .read_to_end(&mut plain)
                .unwrap(),
            false => (&response.body[..]).read_to_end(&mut plain).unwrap(),
        };
        assert_eq!(plain, vec![b'x'; size]);
    };
    check(&mut client, "gzip", 1023, false).await;
    check(&mut client, "gzip", 1024, true).await;
    check(&mut client, "gzip, deflate", 1_000_000, true).await;
    check(&mut client, "identity", 1_000_000, false).await;
}

#[tokio::test]
async fn http_1_0_gets_an_answer_and_an_end() {
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    let bytes = String::from_utf8(request("DynamoDB_20120810.Echo", "", b"{}")).unwrap();
    client
        .send(bytes.replace("HTTP/1.1", "HTTP/1.0").as_bytes())
        .await;
    assert_eq!(client.response().await.text(), "{}");
    assert!(client.is_closed().await);
}
