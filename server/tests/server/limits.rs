//! The bounds: sizes, times, numbers. None can be passed, and each tells the client so.

use std::io::Write;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use server::ServerConfig;

use crate::client::{Client, SIGNATURE, request};
use crate::toy::{LARGEST_ANSWER_BYTES, SMALLER_ANSWER_BYTES, start};

const ECHO: &str = "DynamoDB_20120810.Echo";
const LIMIT: usize = 200_000;

fn small_bodies() -> ServerConfig {
    ServerConfig {
        max_body_bytes: LIMIT,
        ..ServerConfig::default()
    }
}

fn gzipped(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let server = start(small_bodies()).await;
    let mut client = Client::connect(server.address).await;
    let response = client.call(ECHO, "", &vec![b'1'; LIMIT]).await;
    assert_eq!((response.status, response.body.len()), (200, LIMIT));
    let response = client.call(ECHO, "", &vec![b'1'; LIMIT + 1]).await;
    assert_eq!(response.status, 413);
    assert!(
        response.text().contains("larger than 200000 bytes"),
        "{}",
        response.text()
    );
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_before_it_sends() {
    let server = start(small_bodies()).await;
    let mut client = Client::connect(server.address).await;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        LIMIT + 1
    );
    client.send(head.as_bytes()).await;
    assert_eq!(client.response().await.status, 413);
}

#[tokio::test]
async fn chunks_are_counted_too() {
    let server = start(small_bodies()).await;
    let check = async |chunks: usize, status: u16| {
        let mut client = Client::connect(server.address).await;
        let head = String::from_utf8(request(ECHO, "", b"")).unwrap();
        let head = head.replace("content-length: 0", "transfer-encoding: chunked");
        client.send(head.as_bytes()).await;
        for _ in 0..chunks {
            client
                .send(format!("2710\r\n{}\r\n", "1".repeat(10_000)).as_bytes())
                .await;
        }
        client.send(b"0\r\n\r\n").await;
        let response = client.response().await;
        assert_eq!(response.status, status);
        if status == 200 {
            assert_eq!(response.body.len(), chunks * 10_000);
        }
    };
    check(1, 200).await;
    check(20, 200).await;
    check(21, 413).await;
}

#[tokio::test]
async fn compressed_bodies_count_expanded() {
    let server = start(small_bodies()).await;
    let mut client = Client::connect(server.address).await;
    let gzip = "content-encoding: gzip\r\n";
    let response = client.call(ECHO, gzip, &gzipped(br#"{"a":"b"}"#)).await;
    assert_eq!((response.status, response.text()), (200, r#"{"a":"b"}"#));
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(b"[1]").unwrap();
    let response = client
        .call(ECHO, "content-encoding: deflate\r\n", &zlib.finish().unwrap())
        .await;
    assert_eq!((response.status, response.text()), (200, "[1]"));
    let response = client.call(ECHO, gzip, &gzipped(&vec![b'1'; LIMIT])).await;
    assert_eq!((response.status, response.body.len()), (200, LIMIT));

    let bomb = gzipped(&vec![b'1'; 50_000_000]);
    assert!(bomb.len() < 100_000);
    assert_eq!(client.call(ECHO, gzip, &bomb).await.status, 413);

    for (encoding, body) in [("gzip", &b"{}"[..]), ("deflate", b"\xff\xff\xff"), ("br", b"{}")] {
        let mut client = Client::connect(server.address).await;
        let response = client
            .call(ECHO, &format!("content-encoding: {encoding}\r\n"), body)
            .await;
        assert_eq!(response.status, 400);
        assert!(
            response.text().contains("SerializationException"),
            "{}",
            response.text()
        );
    }
}

#[tokio::test]
async fn large_bodies_share_memory_and_none_is_lost() {
    let config = ServerConfig {
        max_body_bytes_total: LIMIT,
        ..small_bodies()
    };
    let server = start(config).await;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let mut client = Client::connect(server.address).await;
        tasks.push(tokio::spawn(async move {
            let mut statuses = Vec::new();
            for _ in 0..5 {
                statuses.push(client.call(ECHO, "", &vec![b'1'; LIMIT]).await.status);
            }
            statuses
        }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), [200; 5]);
    }
}

/// How large its answer may be, as the operation is told.
async fn answer_bytes_max(client: &mut Client) -> usize {
    let response = client.call("DynamoDBStreams_20120810.Context", "", b"{}").await;
    let last = response.text().rsplit(' ').next().expect("a word");
    last.parse().expect("a number")
}

#[tokio::test]
async fn answers_that_are_not_taken_leave_less_room_for_others() {
    const PRODUCE: &str = "DynamoDB_20120810.Produce";
    const WHOLE: &str = "DynamoDB_20120810.Whole";
    let config = ServerConfig {
        max_answer_bytes_total: 0,
        request_timeout: Duration::from_millis(200),
        ..ServerConfig::default()
    };
    let server = start(config).await;
    let mut asking = Client::connect(server.address).await;
    assert_eq!(answer_bytes_max(&mut asking).await, LARGEST_ANSWER_BYTES);

    // What is small as a rule takes its share when it turns out large.
    for (target, size_bytes) in [(WHOLE, LARGEST_ANSWER_BYTES), (PRODUCE, 8 << 20)] {
        let mut idle = Client::connect(server.address).await;
        idle.send(&request(target, "", size_bytes.to_string().as_bytes()))
            .await;
        while answer_bytes_max(&mut asking).await != SMALLER_ANSWER_BYTES {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let refused = asking.call(WHOLE, "", b"10").await;
        assert_eq!(refused.status, 503);
        assert!(
            refused.text().contains("--max-answer-bytes-total"),
            "{}",
            refused.text()
        );

        let answer = idle.response().await;
        assert_eq!((answer.status, answer.body.len()), (200, size_bytes));
        while answer_bytes_max(&mut asking).await != LARGEST_ANSWER_BYTES {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(asking.call(WHOLE, "", b"10").await.status, 200);
    }
}

#[tokio::test]
async fn slow_clients_are_not_waited_for() {
    let config = ServerConfig {
        head_timeout: Duration::from_millis(200),
        body_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(400),
        request_timeout: Duration::from_millis(200),
        ..ServerConfig::default()
    };
    let server = start(config).await;

    // Headers, a byte now and then.
    let mut client = Client::connect(server.address).await;
    let began = Instant::now();
    for byte in b"POST / HTTP/1.1\r\nhost: example.org\r\n" {
        if !client.try_send(&[*byte]).await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(client.is_closed().await);
    assert!(began.elapsed() < Duration::from_secs(5));

    // A body that stops.
    let mut client = Client::connect(server.address).await;
    let whole = request(ECHO, "", b"0123456789");
    client.send(&whole[..whole.len() - 5]).await;
    let response = client.response().await;
    assert_eq!(response.status, 408);
    assert!(client.is_closed().await);

    // A service that does.
    let mut client = Client::connect(server.address).await;
    let response = client.call("DynamoDB_20120810.Wait", "", b"10000").await;
    assert_eq!(response.status, 500);
    assert!(response.text().contains("#InternalServerError"));
    assert_eq!(client.call(ECHO, "", b"{}").await.status, 200);

    // Nothing at all, before and after a request.
    assert!(client.is_closed().await);
    let mut client = Client::connect(server.address).await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_client_that_takes_no_answer_is_cut() {
    let config = ServerConfig {
        write_timeout: Duration::from_millis(200),
        max_connections: 1,
        ..ServerConfig::default()
    };
    let server = start(config).await;
    let mut stuck = Client::connect(server.address).await;
    stuck
        .send(&request("DynamoDB_20120810.Produce", "", b"50000000"))
        .await;
    // The only slot comes free although the first client holds on to its connection.
    let mut client = Client::connect(server.address).await;
    assert_eq!(client.call(ECHO, "", b"{}").await.status, 200);
    drop(stuck);
}

#[tokio::test]
async fn a_slow_reader_gets_all_of_its_answer() {
    let config = ServerConfig {
        write_timeout: Duration::from_millis(500),
        ..ServerConfig::default()
    };
    let server = start(config).await;
    let mut client = Client::connect(server.address).await;
    client
        .send(&request("DynamoDB_20120810.Produce", "", b"20000000"))
        .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(client.response().await.body.len(), 20_000_000);
}

#[tokio::test]
async fn connections_over_the_limit_wait() {
    let config = ServerConfig {
        max_connections: 2,
        ..ServerConfig::default()
    };
    let server = start(config).await;
    let mut first = Client::connect(server.address).await;
    let mut second = Client::connect(server.address).await;
    assert_eq!(first.call(ECHO, "", b"1").await.status, 200);
    assert_eq!(second.call(ECHO, "", b"2").await.status, 200);
    let mut third = Client::connect(server.address).await;
    third.send(&request(ECHO, "", b"3")).await;
    let waited = tokio::time::timeout(Duration::from_millis(200), third.response()).await;
    assert!(waited.is_err());
    drop(first);
    assert_eq!(third.response().await.text(), "3");
}

#[tokio::test]
async fn many_headers_are_refused() {
    let server = start(ServerConfig::default()).await;
    let mut client = Client::connect(server.address).await;
    let headers: String = (0..200).map(|n| format!("x-header-{n}: {n}\r\n")).collect();
    client
        .send(format!("POST / HTTP/1.1\r\n{SIGNATURE}{headers}\r\n").as_bytes())
        .await;
    assert_eq!(client.response().await.status, 431);
}
