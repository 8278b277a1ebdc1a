//! Stopping finishes what has begun, within a bound; and background work goes on until then.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use server::{DrainOutcome, ServerConfig};
use tokio::net::TcpStream;

use crate::client::{Client, request};
use crate::toy::start;

#[tokio::test]
async fn what_has_begun_is_finished() {
    let server = start(ServerConfig::default()).await;
    let address = server.address;
    let mut idle = Client::connect(address).await;
    assert_eq!(idle.call("DynamoDB_20120810.Echo", "", b"1").await.status, 200);
    let mut silent = Client::connect(address).await;
    let mut busy = Client::connect(address).await;
    busy.send(&request("DynamoDB_20120810.Wait", "", b"500")).await;
    tokio::time::sleep(Duration::from_millis(100)).await;

    let task = server.stop();
    assert!(idle.is_closed().await);
    assert!(silent.is_closed().await);
    assert!(TcpStream::connect(address).await.is_err());
    let response = busy.response().await;
    assert_eq!((response.status, response.text()), (200, "500"));
    assert_eq!(response.header("connection"), Some("close"));
    assert!(busy.is_closed().await);
    assert_eq!(task.await.unwrap(), DrainOutcome::Complete);
}

#[tokio::test]
async fn the_wait_for_it_has_an_end() {
    let config = ServerConfig {
        drain_timeout: Duration::from_millis(200),
        ..ServerConfig::default()
    };
    let server = start(config).await;
    let mut busy = Client::connect(server.address).await;
    busy.send(&request("DynamoDB_20120810.Wait", "", b"20000")).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    assert_eq!(server.stop().await.unwrap(), DrainOutcome::Cut { connections: 1 });
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(busy.is_closed().await);
}

#[tokio::test]
async fn background_work_is_asked_for_when_it_is_due() {
    let server = start(ServerConfig::default()).await;
    let toy = server.toy.clone();
    let reached = async |steps: u32| {
        while toy.steps.load(Ordering::SeqCst) < steps {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // One at once, one after it, one when its time has come; that one panics.
    tokio::time::timeout(Duration::from_secs(4), reached(3))
        .await
        .unwrap();
    toy.wake.notify_one();
    tokio::time::timeout(Duration::from_secs(10), reached(4))
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(4), server.stop())
        .await
        .unwrap()
        .unwrap();
}
