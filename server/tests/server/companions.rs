//! Requests to the services beside DynamoDB: told apart, and answered in kind.

use server::ServerConfig;

use crate::client::{Client, SIGNATURE};
use crate::toy::start;

#[tokio::test]
async fn each_protocol_is_answered_in_kind() {
    let server = start(ServerConfig::default()).await;
    let cases = [
        (
            "/",
            "content-type: application/x-amz-json-1.0\r\nx-amz-target: GraniteServiceVersion20100801.ListMetrics",
            "application/x-amz-json-1.0",
            "CompanionTarget { companion: CloudWatch, protocol: Json10, operation: Some(\"ListMetrics\") } {}",
        ),
        (
            "/",
            "content-type: application/x-amz-json-1.1\r\nx-amz-target: AnyScaleFrontendService.TagResource",
            "application/x-amz-json-1.1",
            "CompanionTarget { companion: AutoScaling, protocol: Json11, operation: Some(\"TagResource\") } {}",
        ),
        (
            "/service/GraniteServiceVersion20100801/operation/ListMetrics",
            "content-type: application/cbor\r\nsmithy-protocol: rpc-v2-cbor",
            "application/cbor",
            "CompanionTarget { companion: CloudWatch, protocol: Cbor, operation: Some(\"ListMetrics\") } {}",
        ),
        (
            "/",
            "content-type: application/x-www-form-urlencoded; charset=utf-8",
            "text/xml",
            "CompanionTarget { companion: CloudWatch, protocol: Query, operation: None } {}",
        ),
    ];
    for (path, headers, content_type, expected) in cases {
        let is_cbor = content_type == "application/cbor";
        let protocol = is_cbor.then_some("rpc-v2-cbor");
        for signature in [SIGNATURE, ""] {
            let mut client = Client::connect(server.address).await;
            let bytes = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n{signature}content-length: 2\r\n\r\n{{}}"
            );
            client.send(bytes.as_bytes()).await;
            let response = client.response().await;
            assert_eq!(response.header("content-type"), Some(content_type), "{bytes}");
            assert_eq!(response.header("smithy-protocol"), protocol, "{bytes}");
            let (status, text, error) = match signature {
                "" => (
                    403,
                    "Request is missing Authentication Token",
                    Some("MissingAuthenticationTokenException;Sender"),
                ),
                _ => (200, expected, None),
            };
            assert_eq!((response.status, response.text()), (status, text), "{bytes}");
            assert_eq!(response.header("x-amzn-query-error"), error);
        }
    }
}
